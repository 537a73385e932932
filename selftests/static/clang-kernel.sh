#!/bin/sh
# clang-kernel.sh: have a kernel tree in the cache that is prepared to build modules with clang, and
# print its folder: User Mode Linux, of the configuration which the unit tests have, too.
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
. "$top/selftests/vm/common.sh"

fragment=$top/selftests/vm/configs/um
source=$("$top/selftests/tools/kernel-source.sh")
version=$(awk '{ print $2 }' "$source/MANIFEST")
hash=$( (sed '/^# CONFIG/b; /^#/d; /^$/d' "$fragment"; clang --version) | sha256sum | cut -c1-12)
dir=$CACHE/kernels/clang-$version-$hash

kmake() {
	make -C "$source" O="$dir" ARCH=um CC=clang HOSTCC=gcc "$@"
}

prepare() {
	(cd "$source" && ARCH=um scripts/kconfig/merge_config.sh -n -O "$dir" "$fragment") &&
		kmake olddefconfig && kmake -j"$(nproc)" modules_prepare &&
		sed -i '1i export ARCH := um' "$dir/Makefile"
}

finish() {
	[ ! -e "$dir/MANIFEST" ] || return 0
	say "preparing a kernel tree for clang"
	mkdir -p "$dir"
	prepare >"$dir/log" 2>&1 </dev/null || {
		tail -n 20 "$dir/log" >&2
		die "the kernel tree for clang could not be prepared (all output: $dir/log)"
	}
	cp "$source/MANIFEST" "$dir/MANIFEST"
}

locked kernel-clang finish
echo "$dir"
