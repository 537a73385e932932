#!/bin/sh
# sysroot.sh ARCH: have the libraries that our userspace is built with, and what a virtual machine
# needs, for another Debian architecture in the cache, and print the folder. Nothing of it is
# installed: this machine's dpkg does not hear of the architecture.
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
. "$top/selftests/vm/common.sh"

arch=${1:?"usage: sysroot.sh ARCH"}
suite=bookworm:$arch
packages="libc6-dev libnl-genl-3-dev libssl-dev libcmocka-dev busybox-static
	python3-minimal libpython3-stdlib iproute2 util-linux coreutils dash grep sed mawk kmod
	base-passwd iputils-ping ethtool"

finish() {
	# They are meant for a root; a compiler looks at them from outside.
	find . -type l -lname '/*' | while read -r link; do
		ln -sfnr ".$(readlink "$link")" "$link"
	done
	ln -sf dash bin/sh
	cp usr/share/base-passwd/passwd.master etc/passwd
	cp usr/share/base-passwd/group.master etc/group
}

fetch() {
	[ ! -e "$CACHE/cross/$arch/MANIFEST" ] || return 0
	say "fetching libraries for $arch (about 40 MB)"
	suite_update "$suite"
	# shellcheck disable=SC2046,SC2086
	unpack_from "$suite" "cross/$arch" $(suite_closure "$suite" $packages)
}

locked "cross-$arch" fetch
echo "$CACHE/cross/$arch"
