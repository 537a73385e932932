#!/bin/sh
# kernel-source.sh: have Debian's linux-source-6.12 in the cache, and print its folder: what
# generates and checks our files, and what the kernels for unit tests and debugging are built of.
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
. "$top/selftests/vm/common.sh"

version=6.12
suite=bookworm-backports

finish() {
	mv usr/src/linux-source-$version.tar.xz ..
	rm -r usr
	# Register lists of graphics chips are a third of the tree.
	tar -xJf ../linux-source-$version.tar.xz --strip-components=1 \
		--exclude='*/drivers/gpu/drm/amd/include/*'
	# User Mode Linux saves its host's registers in a buffer too small for those of AMX (6.13
	# asks the host for their size).
	sed -i 's/DEFINE_LONGS(HOST_FP_SIZE, 2696)/DEFINE_LONGS(HOST_FP_SIZE, 12288)/' \
		arch/x86/um/user-offsets.c
}

fetch() {
	[ ! -e "$CACHE/linux-source/MANIFEST" ] || return 0
	say "fetching and unpacking linux-source-$version (about 150 MB)"
	suite_update $suite
	unpack_from $suite linux-source linux-source-$version
}

locked linux-source fetch
echo "$CACHE/linux-source"
