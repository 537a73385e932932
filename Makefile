# SPDX-License-Identifier: GPL-2.0
#
# `make help` lists what there is to do. Kbuild describes the kernel module; the folders of
# userspace/ have their own Makefiles.

KERNEL ?= 6.1
PREFIX ?= /usr/local
DESTDIR ?=

top := $(CURDIR)
build := $(top)/build
vm := selftests/vm

# The module is built either for a stock Debian kernel from the cache (KERNEL), with all warnings
# being errors, or for any other kernel (KDIR), then in build/kdir and as that kernel likes it.
ifdef KDIR
module_dir := $(build)/kdir/module
kdir := $(KDIR)
else
module_dir := $(build)/$(KERNEL)$(if $(PLANT),-plant)/module
kdir = $$($(vm)/kernel.sh $(KERNEL))/build
WERROR ?= 1
# Type information for BPF would need pahole, and nothing here reads it.
module_flags := $(if $(filter kmsan,$(KERNEL)),LLVM=1,CC='$$(CROSS_COMPILE)gcc') W=1 \
	$(if $(filter 1,$(WERROR)),KCFLAGS=-Werror) CONFIG_DEBUG_INFO_BTF_MODULES= \
	$(if $(PLANT),CONFIG_SIPSEC_PLANT=y)
# There, KASAN does not forget a module's variables when it is unloaded, and the next one would
# run into their red zones.
ifeq ($(KERNEL),um)
module_flags += CFLAGS_MODULE="--param asan-globals=0"
endif
endif

userspace := $(patsubst %/Makefile,%,\
	$(wildcard $(addsuffix /Makefile,userspace/libsipsec userspace/sipsecctl \
	userspace/sipsec-ua selftests/tools)))

.PHONY: all help setup module modules_install userspace install vm check check-quick check-long \
	bench static coverage demo generate generate-check checkpatch clean distclean

all: module userspace

help:
	@sed -n 's/^#: //p' Makefile

#: make                              module for KERNEL, library and tools
#: make demo                         a real SIP call whose media rides our SAs, in a VM
#: make check [TEST=name]            all tests, or one; the table comes last
#: make check-quick                  those that take no more than a few minutes
#: make check-long                   large counts, more kernels (hours)
#: make vm RUN='command'             run a command in a VM that has the module loaded
#: make module KERNEL=6.1            module for a stock Debian kernel: 5.10, 6.1, 6.12, 7.2
#: make module KERNEL=debug PLANT=1  ... with bugs on purpose, in a folder of its own
#: make module KDIR=/lib/modules/X/build   ... for any kernel whose headers are there
#: make bench [ONLY='tx rx']         what it costs, against the kernel's own policies (KERNEL=6.1)
#: make coverage                     which lines the tests run, and what no test knows
#: make generate generate-check      files made from the netlink specification: write, compare
#: make static [CHECKS='sparse doc'] static checks, all or some
#: make checkpatch [FILES=...]       the kernel's style check
#: make install modules_install      library, tool, header; module for the running kernel
#: make clean distclean              remove what was built; distclean: the cache folder too
#:
#: KERNEL=6.1 (vm, check, demo), VM=vng or qemu, VM_TIMEOUT=600, NOMODULE=1, PREFIX, DESTDIR

setup:
	@$(vm)/setup.sh $(if $(filter um debug kmsan 6.1-%,$(KERNEL)),all)

# kbuild writes beside the sources it is given: it gets a folder of links to ours.
module: $(if $(KDIR),,setup)
	@mkdir -p $(module_dir)/kernel/compat/include $(module_dir)/uapi
	@exec 9>$(module_dir).lock && flock 9 && \
	cp -a --symbolic-link --remove-destination \
		$(addprefix $(top)/,Kbuild kernel $(wildcard uapi)) $(module_dir)/ && \
	find $(module_dir) -xtype l -delete && \
	kdir="$(kdir)" && $(MAKE) --no-print-directory -C "$$kdir" M=$(module_dir) \
		$(module_flags) modules

modules_install: KDIR ?= /lib/modules/$(shell uname -r)/build
modules_install:
	$(MAKE) module KDIR=$(KDIR)
	$(MAKE) -C $(KDIR) M=$(build)/kdir/module CONFIG_MODULE_SIG_ALL= \
		modules_install

userspace: setup
	@mkdir -p $(build)
	@exec 9>$(build)/userspace.lock && flock 9 && \
	for dir in $(userspace); do $(MAKE) --no-print-directory -C $$dir || exit; done

install: userspace
	@for dir in $(filter %/libsipsec %/sipsecctl,$(userspace)); do \
		$(MAKE) -C $$dir install PREFIX=$(PREFIX) DESTDIR=$(DESTDIR) || exit; \
	done

export KERNEL VM RUN VM_TIMEOUT VM_MEM VM_CPUS VM_ICOUNT NOMODULE RESULTS TEST TESTS
vm: module userspace
	@$(vm)/vm.sh "$$RUN"

# Which kernels is run.sh's decision, unless one is asked for here.
check: mode = check
check-quick: mode = quick
check-long: mode = long
check check-quick check-long:
	@KERNEL="$(if $(filter-out file,$(origin KERNEL)),$(KERNEL))" selftests/run.sh $(mode)

# Nothing of it passes or fails. Parts: see selftests/bench/guest.py.
bench: module userspace
	@$(vm)/setup.sh bench
	@selftests/bench/run.sh $(ONLY)

coverage: setup
	@selftests/coverage/run.sh $(build)/coverage

demo: module userspace
	@selftests/demo/run.sh

generate: setup
	@selftests/tools/generate.sh

generate-check: setup
	@selftests/tools/generate.sh check

static: setup
	@$(vm)/setup.sh all
	@selftests/static/run.sh $(build)/results/host/static $(CHECKS)

checkpatch: setup
	@selftests/tools/checkpatch.sh $(FILES)

clean:
	@for dir in $(userspace); do $(MAKE) --no-print-directory -C $$dir clean || exit; done
	rm -rf $(build)

distclean: clean
	rm -rf "$${XDG_CACHE_HOME:-$$HOME/.cache}/sipsec"
