#!/bin/sh
# kernel.sh [--verify] KERNEL: have a stock Debian kernel in the cache, image, modules and headers,
# and print its folder. KERNEL: 5.10, 6.1, 6.12. Inside the folder:
#	release				the release, such as 6.1.0-50-amd64
#	vmlinuz				the image (a link)
#	build				what `make -C` takes to build a module (a link)
#	lib/modules/RELEASE
#	MANIFEST			packages with versions and checksums
# --verify compares image and modules with their checksums, and fetches them anew if need be.
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
. "$top/selftests/vm/common.sh"

verify=false
if [ "${1:-}" = --verify ]; then
	verify=true
	shift
fi
kernel=${1:?"usage: kernel.sh [--verify] KERNEL"}
case $kernel in
5.10)	suite=bullseye ;;
6.1)	suite=bookworm ;;
6.12)	suite=bookworm-backports ;;
um|debug) exec "$top/selftests/vm/built-kernel.sh" "$kernel" ;;
7.2)	die "kernel 7.2 is not there yet: its build tools need a newer C library than Debian 12's" ;;
*)	die "unknown kernel $kernel (there are 5.10, 6.1, 6.12, um, debug)" ;;
esac
dir="$CACHE/kernels/$kernel"

# Called by unpack_from in the new folder; its final name is $1.
finish() {
	release=$(ls lib/modules)
	echo "$release" >release
	ln -s "boot/vmlinuz-$release" vmlinuz
	# The headers know only where their package would have put them.
	src=usr/src/linux-headers-$release
	sed -i "s,/usr/src/,$1/usr/src/," "$src/Makefile"
	for link in build source; do
		rm -f "lib/modules/$release/$link"
	done
	ln -s "../../../$src" "lib/modules/$release/build"
	ln -s "$src" build
	/sbin/depmod -b . "$release"
	find boot lib/modules -type f -print0 | sort -z | xargs -0 sha256sum >SHA256SUMS
}

fetch() {
	if [ -e "$dir/MANIFEST" ]; then
		if ! $verify || (cd "$dir" && sha256sum --quiet -c SHA256SUMS); then
			return 0
		fi
		say "the cached kernel $kernel is damaged"
	fi
	say "fetching Debian's kernel $kernel (about 100 MB)"
	suite_update $suite
	image=$(suite_depends $suite linux-image-amd64 '^linux-image-')
	headers=$(suite_depends $suite linux-headers-amd64 '^linux-headers-')
	common=$(suite_depends $suite "$headers" '-common')
	kbuild=$(suite_depends $suite "$headers" '^linux-kbuild-')
	unpack_from $suite "kernels/$kernel" "$image" "$headers" "$common" "$kbuild"
}

locked "kernel-$kernel" fetch
echo "$dir"
