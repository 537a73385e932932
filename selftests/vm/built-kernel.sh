#!/bin/sh
# built-kernel.sh KERNEL: have a kernel built from Debian's linux-source in the cache, and print its
# folder, which has the same contents as kernel.sh's. KERNEL:
#	um	User Mode Linux for KUnit: `linux` is the program (5 minutes to build)
#	debug	for selftests: KASAN, lockdep, kmemleak and the like (11 minutes to build)
# The folder's name has the version of linux-source and a hash of the configuration: a change of
# either builds another.
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
. "$top/selftests/vm/common.sh"

kernel=${1:?"usage: built-kernel.sh um|debug"}
fragment=$top/selftests/vm/configs/$kernel
[ -e "$fragment" ] || die "unknown kernel $kernel (there are um, debug)"
case $kernel in
um)	arch=um image=linux ;;
*)	arch=x86_64 image=arch/x86/boot/bzImage ;;
esac

source=$("$top/selftests/tools/kernel-source.sh")
version=$(awk '{ print $2 }' "$source/MANIFEST")
hash=$( (cat "$fragment"; gcc -dumpfullversion) | sha256sum | cut -c1-12)
dir=$CACHE/kernels/$kernel-$version-$hash

kmake() {
	make -C "$source" O="$dir/build" ARCH=$arch CC=gcc HOSTCC=gcc "$@"
}

# merge_config.sh silently drops what has unmet dependencies.
configure() {
	(cd "$source" && ARCH=$arch scripts/kconfig/merge_config.sh -n -O "$dir/build" "$fragment")
	kmake olddefconfig
	sed -n 's/^# \(CONFIG_[A-Z0-9_]*\) is not set$/\1=n/p; /^CONFIG_/p' "$fragment" |
	while IFS='=' read -r option value; do
		got=$(sed -n "s/^$option=//p" "$dir/build/.config")
		[ "${got:-n}" = "$value" ] || echo "$option is ${got:-n}, not $value"
	done >"$dir/dropped"
	[ ! -s "$dir/dropped" ] || { cat "$dir/dropped"; return 1; }
}

build() {
	configure
	nice make -C "$source" O="$dir/build" ARCH=$arch CC=gcc HOSTCC=gcc -j"$(nproc)" all
	release=$(cat "$dir/build/include/config/kernel.release")
	kmake INSTALL_MOD_PATH="$dir" modules_install
	cp "$dir/build/$image" "$dir/vmlinuz"
	[ $arch != um ] || ln -sf vmlinuz "$dir/linux"
	# What is needed to build modules stays; who does so need not know the architecture.
	find "$dir/build" \( -name '*.[oa]' -o -name '*.ko' -o -name '.*.cmd' -o -name 'vmlinux*' \
		-o -name '*.gcno' -o -name linux -o -name bzImage \) \
		! -path '*/scripts/*' ! -path '*/tools/*' -type f -delete
	sed -i "1i export ARCH := $arch" "$dir/build/Makefile"
	echo "$release" >"$dir/release"
}

finish() {
	[ ! -e "$dir/MANIFEST" ] || return 0
	say "building kernel $kernel from linux-source $version (log: $dir/log)"
	mkdir -p "$dir/build"
	start=$(date +%s)
	# As a condition, a shell would not stop at its first failure.
	set +e
	(set -e; build) >"$dir/log" 2>&1 </dev/null
	status=$?
	set -e
	[ $status = 0 ] || {
		tail -n 20 "$dir/log" >&2
		die "kernel $kernel could not be built (all output: $dir/log)"
	}
	say "kernel $kernel: $(($(date +%s) - start)) s"
	cp "$source/MANIFEST" "$dir/MANIFEST"
}

locked "kernel-$kernel" finish
echo "$dir"
