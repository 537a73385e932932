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
}

fetch() {
	[ ! -e "$CACHE/linux-source/MANIFEST" ] || return 0
	say "fetching and unpacking linux-source-$version (about 150 MB)"
	suite_update $suite
	unpack_from $suite linux-source linux-source-$version
}

locked linux-source fetch
echo "$CACHE/linux-source"
