#!/bin/sh
# kernel-source.sh: have the parts of Debian's linux-source-6.12 in the cache that generate and
# check our files, and print their folder.
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
. "$top/selftests/vm/common.sh"

version=6.12
suite=bookworm-backports

finish() {
	archive=usr/src/linux-source-$version.tar.xz
	tar -xJf $archive --strip-components=1 --wildcards \
		'*/tools/net/ynl/*' '*/Documentation/netlink/*.yaml' '*/scripts/checkpatch.pl' \
		'*/scripts/spelling.txt' '*/scripts/const_structs.checkpatch' '*/scripts/kernel-doc'
	rm -r usr
}

fetch() {
	[ ! -e "$CACHE/kernel-source/MANIFEST" ] || return 0
	say "fetching the kernel's generators and checkers from linux-source-$version (about 150 MB)"
	suite_update $suite
	unpack_from $suite kernel-source linux-source-$version
}

locked kernel-source fetch
echo "$CACHE/kernel-source"
