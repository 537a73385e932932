#!/bin/sh
# built-kernel.sh [--verify] KERNEL: have a kernel of our own in the cache, built from Debian's
# linux-source, and print its folder, which has the same contents as kernel.sh's. KERNEL:
#	um	User Mode Linux for KUnit: `linux` is the program (5 minutes to build)
#	debug	for selftests: KASAN, lockdep, kmemleak and the like (11 minutes to build)
#	kmsan	for selftests: KMSAN, with clang
# The folder's name has the version of linux-source and a hash of configuration and compiler: a
# change of any builds another. --verify compares what is there with its checksums, and builds it
# anew if need be.
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
. "$top/selftests/vm/common.sh"

verify=false
if [ "${1:-}" = --verify ]; then
	verify=true
	shift
fi
kernel=${1:?"usage: built-kernel.sh [--verify] um|debug|kmsan"}
fragment=$top/selftests/vm/configs/$kernel
[ -e "$fragment" ] || die "unknown kernel $kernel (there are um, debug, kmsan)"
arch=x86_64 image=arch/x86/boot/bzImage tools="CC=gcc HOSTCC=gcc"
case $kernel in
um)	arch=um image=linux ;;
kmsan)	tools=LLVM=1 ;;
esac
compiler() {
	case $tools in
	LLVM=1)	clang --version | head -n 1 ;;
	*)	gcc -dumpfullversion ;;
	esac
}

source=$("$top/selftests/tools/kernel-source.sh")
version=$(awk '{ print $2 }' "$source/MANIFEST")
hash=$( (sed '/^# CONFIG/b; /^#/d; /^$/d' "$fragment"; compiler) | sha256sum | cut -c1-12)
dir=$CACHE/kernels/$kernel-$version-$hash

kmake() {
	# shellcheck disable=SC2086
	nice make -C "$source" O="$dir/build" ARCH=$arch $tools "$@"
}

# merge_config.sh silently drops what has unmet dependencies.
configure() {
	# shellcheck disable=SC2086
	(cd "$source" && env ARCH=$arch $tools scripts/kconfig/merge_config.sh -n -O "$dir/build" \
		"$fragment")
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
	kmake -j"$(nproc)" all
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
	(cd "$dir" && find vmlinuz release lib build -type f -print0 | sort -z |
		xargs -0 sha256sum >SHA256SUMS)
	# Only this makes the folder a kernel: a build that was interrupted is gone on with.
	cp "$source/MANIFEST" "$dir/MANIFEST.new"
	mv "$dir/MANIFEST.new" "$dir/MANIFEST"
}

finish() {
	if [ -e "$dir/MANIFEST" ]; then
		if ! $verify || (cd "$dir" && sha256sum --quiet -c SHA256SUMS >&2); then
			return 0
		fi
		say "the cached kernel $kernel is damaged"
		rm "$dir/MANIFEST"
		rm -r "$dir"
	fi
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
}

locked "kernel-$kernel" finish
echo "$dir"
