#!/bin/sh
# check.sh CHECK: one static check of the tree it is in. run.sh prepares that tree, and judges what
# is printed here: a finding per line. What tools have to say besides goes to stderr.
set -eu
export LC_ALL=C
# The module of the default kernel, whatever is set around us.
unset MAKEFLAGS
export KERNEL=6.1
cd "$(dirname "$0")/../.."
static=$PWD/selftests/static
build=$PWD/build/static

only() { grep -E "$@" || :; }
but() { grep -vE "$@" || :; }

# Our files, by a pattern for their names.
files() { only "$1" "$build/files"; }
handwritten() { files "$1" | but '^kernel/netlink-gen\.[ch]$|^uapi/linux/sipsec\.h$'; }

# module NAME VARIABLE=VALUE...: build the module in a folder of its own. Findings are warnings
# about our files, and errors anywhere.
module() {
	name=$1
	shift
	make --no-print-directory -k module module_dir="$build/$name" "$@" 2>&1 |
		tee -a /dev/stderr | sed "s,^$build/$name/,," |
		only '^[a-z][^ ]*: (warning|error):|[a-z] error:' | sort -u
}
for_default='CC=gcc CONFIG_DEBUG_INFO_BTF_MODULES='

check_sparse() { module sparse module_flags="C=2 $for_default"; }

# With the unit tests, for the kernel they run on, which is another for sparse, too.
check_clang() {
	kdir=$("$static/clang-kernel.sh")
	module clang kdir="$kdir" module_flags='CC=clang W=1 C=2 KBUILD_MODPOST_WARN=1'
	source=$(selftests/tools/kernel-source.sh)
	/usr/bin/python3 "$source/scripts/clang-tools/gen_compile_commands.py" -d "$build/clang" \
		-o "$build/clang/commands"
	# kbuild runs the compiler in the kernel's folder.
	sed "s,\"directory\": \".*\",\"directory\": \"$kdir\"," "$build/clang/commands" \
		>"$build/clang/compile_commands.json"
	for file in $(handwritten '^kernel/.*\.c$'); do
		tidy "$build/clang/$file" -p "$build/clang"
	done | sed "s,^$build/clang/,,"
}

# One file at a time: in a second one, clang 14 believes that no va_list is initialised.
tidy() {
	clang-tidy --quiet --config-file="$static/clang-tidy" "$@" 2>&1 | tee -a /dev/stderr |
		only '(warning|error):'
}

includes='-Iuserspace/libsipsec/include -Iuserspace/libsipsec -Iuserspace/sipsecctl -Iuapi
	-Iselftests/vectors'
user_flags="-std=gnu11 -D_GNU_SOURCE -DSIPSEC_VERSION=__FILE__ $includes
	$(pkg-config --cflags libnl-genl-3.0 libre librem | sed 's/-I/-isystem /g')"

check_tidy() {
	for file in $(files '^(userspace|selftests)/.*\.c$'); do
		# shellcheck disable=SC2086
		tidy "$file" -- $user_flags
	done | sed "s,^$PWD/,,"
}

check_cppcheck() {
	# shellcheck disable=SC2046,SC2086
	cppcheck --quiet --enable=warning,performance,portability --inconclusive --std=c11 \
		--library=posix,gnu --suppress=missingIncludeSystem -D_GNU_SOURCE $includes \
		--template='{file}:{line}: {message} [{id}]' \
		$(files '^(userspace|selftests)/.*\.c$') 2>&1
}

check_checkpatch() {
	# shellcheck disable=SC2046
	selftests/tools/checkpatch.sh $(handwritten '\.[ch]$' | but '^selftests/vectors/') |
		only '^[a-z].*(ERROR|WARNING|CHECK):'
}

# The kernel's coccicheck runs one script after the other over a folder.
check_cocci() {
	source=$(selftests/tools/kernel-source.sh)
	export srctree="$source" LINUXINCLUDE="-I$source/include" KBUILD_EXTMOD="$PWD/kernel"
	export MODE=report J=1
	# Two scripts, of no use to us, are in OCaml and want its compiler.
	for script in $(grep -rl 'virtual report' "$source/scripts/coccinelle" |
			xargs grep -L 'script:ocaml' | sort); do
		COCCI=$script bash "$source/scripts/coccicheck" 2>&1
	done | tee -a /dev/stderr | sed "s,^$PWD/,," | only '^kernel/|failed|error|exception'
}

check_doc() {
	source=$(selftests/tools/kernel-source.sh)
	# shellcheck disable=SC2046
	perl "$source/scripts/kernel-doc" -none -Wall $(files '\.[ch]$') 2>&1
}

# Not told of: "a && b || :", "$" in single quotes, functions that only a trap calls, and test's -nt
# and -ef, which all of Debian's shells have.
check_shell() {
	# shellcheck disable=SC2046
	shellcheck -x -f gcc -e SC2015,SC2016,SC2317,SC3013 \
		$(files . | xargs grep -lE '^#!/bin/sh|^# shellcheck shell=') || :
}

check_python() {
	# shellcheck disable=SC2046
	/usr/bin/python3 -m pyflakes $(files '\.py$') 2>&1 || :
}

# A header includes what it needs, and bears to be included twice.
check_headers() {
	mkdir kernel/alone
	objects=
	for header in $(files '^kernel/.*\.h$'); do
		object=alone/$(echo "${header%.h}" | tr / _)
		case $header in
		kernel/compat/include/*) name="<${header#kernel/compat/include/}>" ;;
		*) name="\"${header#kernel/}\"" ;;
		esac
		printf '#include %s\n' "$name" "$name" >"kernel/$object.c"
		objects="$objects kernel/$object.o"
	done
	module headers sipsec-y="$objects" module_flags="KCFLAGS=-I$PWD/uapi $for_default"
	for header in $(files '^(userspace|selftests|uapi)/.*\.h$'); do
		# shellcheck disable=SC2086
		gcc -fsyntax-only $user_flags -include "$header" -include "$header" \
			-x c /dev/null || :
		# What programs include, C++ ones, too.
		case $header in uapi/*|*/include/*)
			clang -x c++ -std=c++11 -fsyntax-only -Wall -Wextra -Iuapi \
				-include "$header" /dev/null || : ;;
		esac
	done 2>&1 | tee -a /dev/stderr | sed 's,^\./,,' | only '(warning|error):'
}

# Symbols of objects: what is defined for others to link to, and what is to be linked.
defined() { nm -g --defined-only "$@" | awk 'NF == 3 { print $3 }'; }
undefined() { nm --undefined-only "$@" | awk 'NF == 2 { print $2 }'; }

# Functions and data that are not static, and of use in no other object and in no unit test.
own_only() {	# FOLDER OBJECT...
	folder=$1
	shift
	undefined "$@" | sort -u >"$build/undefined"
	for object; do
		for symbol in $(defined "$object" |
				but '^(init_module|cleanup_module|main)$'); do
			grep -qxF "$symbol" "$build/undefined" ||
				grep -rqswF --include='*_test.c' --include='*_kunit.c' \
					"$symbol" "$folder" ||
				echo "$folder: $symbol is used in $(basename "$object" .o).c only"
		done
	done
}

check_symbols() {
	module symbols module_flags="$for_default"
	defined "$build/symbols/sipsec.ko" |
		but '^(sipsec_.*|init_module|cleanup_module|__this_module)$' |
		sed 's/^/sipsec.ko: not called sipsec_: /'
	sed -E 's/^\S+\s(\S+)\s.*/sipsec.ko: exported to nobody: \1/' \
		"$build/symbols/Module.symvers"
	# The generator declares in its header what only the operations in its own file use.
	own_only kernel "$build"/symbols/kernel/*.o | but '_nl_policy is used in netlink-gen.c'

	make -s -k userspace CFLAGS='-g -w' >&2
	lib=userspace/libsipsec
	nm -D --defined-only $lib/libsipsec.so | awk '$2 != "A" { print $3 }' |
		sort >"$build/versioned"
	but '^sipsec_[a-z0-9_]+@@SIPSEC_[0-9.]+$' <"$build/versioned" |
		sed 's/^/libsipsec.so: not called sipsec_, or without version: /'
	sed 's/@.*//' "$build/versioned" >"$build/exported"
	sed -n 's/^\t\([a-z].*\);$/\1/p' $lib/libsipsec.map | sort |
		comm -13 "$build/exported" - | sed 's/^/libsipsec.map: not defined: /'
	gcc -E -P -Iuapi $lib/include/sipsec.h | grep -oE '\bsipsec_[a-z0-9_]+\(' | tr -d '(' |
		sort -u >"$build/declared"
	comm -23 "$build/exported" "$build/declared" | sed 's/^/libsipsec.so: not in sipsec.h: /'
	comm -13 "$build/exported" "$build/declared" | sed 's/^/sipsec.h: not exported: /'
	while read -r symbol; do
		grep -rqsw --include='*.c' --include='*.py' "$symbol" $lib/tests selftests \
			userspace/sipsecctl userspace/sipsec-ua ||
			echo "libsipsec.so: used by nobody: $symbol"
	done <"$build/exported"
	own_only $lib $lib/obj/*.o | grep -vwFf "$build/exported" || :
	own_only userspace/sipsecctl userspace/sipsecctl/obj/*.o
	own_only userspace/sipsec-ua userspace/sipsec-ua/*.o
}

# checkpatch sees to those of C: it knows when a long text may not be broken.
check_lines() {
	for file in $(files . | but '\.[ch]$|^selftests/vectors/|COPYING$'); do
		expand "$file" | awk -v file="$file" '
			length($0) > 100 { print file ":" NR ": " length($0) " columns" }
			/[ \t]$/ { print file ":" NR ": blanks at its end" }'
	done
}

# What is of the machine it was written on, what is not finished, and hosts that one mirror has.
check_text() {
	files . | but 'COPYING$' | xargs grep -nE \
		-e "(^|[[:space:]\"'=:(<,])/(home|root|work)([[:space:]\"'/\$),:;]|\$)" \
		-e '\b(TOD[O]|FIXM[E]|XX[X]|HAC[K])\b' \
		-e '\bdebian\.(org|net)\b' \
		-e '\b(ftp|deb|mirrors?|archive|snapshot|cdn)\.([a-z0-9-]+\.)+[a-z]{2,}\b' || :
}

"check_$1"
