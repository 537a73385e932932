#!/bin/sh
# kernel.sh [--verify] KERNEL: have a stock Debian kernel in the cache, image, modules and headers,
# and print its folder. KERNEL: 5.10, 6.1, 6.12, 7.2, and of other architectures 6.1-s390x,
# 6.1-armhf, and 6.1-arm64, which has only headers. Inside the folder:
#	release				the release, such as 6.1.0-50-amd64
#	vmlinuz				the image (a link)
#	build				what `make -C` takes to build a module
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
flavour=amd64 cross='' parts="image headers" tools=''
case $kernel in
5.10)	suite=bullseye ;;
6.1)	suite=bookworm ;;
6.12)	suite=bookworm-backports ;;
# What builds its modules needs a newer C library than this machine's.
7.2)	suite=forky parts="binary modules headers"
	tools="make bash coreutils diffutils findutils grep mawk sed" ;;
6.1-s390x) suite=bookworm:s390x flavour=s390x cross=s390x-linux-gnu- ;;
6.1-armhf) suite=bookworm:armhf flavour=armmp cross=arm-linux-gnueabihf- ;;
6.1-arm64) suite=bookworm:arm64 flavour=arm64 cross=aarch64-linux-gnu- parts=headers ;;
um|debug|kmsan)
	if $verify; then set -- --verify "$@"; fi
	exec "$top/selftests/vm/built-kernel.sh" "$@" ;;
*)	die "unknown kernel $kernel (there are 5.10, 6.1, 6.12, 7.2, um, debug, kmsan," \
		"6.1-s390x, 6.1-armhf, 6.1-arm64)" ;;
esac
dir="$CACHE/kernels/$kernel"

# own_tools FOLDER HEADERS: `make -C build` shall run with the programs in FOLDER in place of this
# machine's, which stay what they are for everybody else.
own_tools() {
	ln -s bash usr/bin/sh
	ln -s mawk usr/bin/awk
	for gcc in usr/bin/x86_64-linux-gnu-gcc-[0-9]*; do
		ln -s "${gcc##*/}" "${gcc%-*}"
	done
	mkdir build machine
	printf '%%:\n\t@%s/enter make --no-print-directory -C %s $@\n' "$1/build" "$2" \
		>build/Makefile
	cat >build/enter <<END
#!/bin/sh
# enter COMMAND...
own=--map-root-user
[ "\$(id -u)" != 0 ] || own=
exec unshare --mount \$own sh -euc '
	mount --rbind / "\$0/machine"
	for dir in bin lib lib64 libexec include; do
		mount --bind "\$0/usr/\$dir" "\$0/machine/usr/\$dir"
	done
	exec chroot "\$0/machine" "\$@"
' "$1" "\$@"
END
	chmod +x build/enter
}

# Called by unpack_from in the new folder; its final name is $1.
finish() {
	src=$(echo usr/src/linux-headers-*-$flavour)
	release=${src#*headers-}
	echo "$release" >release
	mkdir -p boot "lib/modules/$release"
	[ ! -e "lib/modules/$release/vmlinuz" ] ||
		mv "lib/modules/$release/vmlinuz" "boot/vmlinuz-$release"
	ln -s "boot/vmlinuz-$release" vmlinuz
	# The headers know only where their package would have put them, and no cross compiler.
	sed -i "s,/usr/src/,$1/usr/src/," "$src/Makefile"
	[ -z "$cross" ] || sed -i "1i export CROSS_COMPILE := $cross" "$src/Makefile"
	for link in build source; do
		rm -f "lib/modules/$release/$link"
	done
	ln -sr "$src" "lib/modules/$release/build"
	if [ -z "$tools" ]; then
		ln -s "$src" build
	else
		own_tools "$1" "$1/$src"
	fi
	[ "$parts" = headers ] || /sbin/depmod -b . "$release"
	find boot lib/modules -type f -print0 | sort -z | xargs -0 sha256sum >SHA256SUMS
}

fetch() {
	if [ -e "$dir/MANIFEST" ]; then
		if ! $verify || (cd "$dir" && sha256sum --quiet -c SHA256SUMS); then
			return 0
		fi
		say "the cached kernel $kernel is damaged"
	fi
	say "fetching Debian's kernel $kernel (up to 100 MB)"
	suite_update "$suite"
	headers=$(suite_depends "$suite" "linux-headers-$flavour" '^linux-headers-')
	case $headers in
	linux-headers-${kernel%-*}.*) ;;
	*)	die "Debian's $suite no longer has kernel ${kernel%-*}, but $headers" ;;
	esac
	common=$(suite_depends "$suite" "$headers" '-common')
	# Its programs run here, whatever they build for.
	kbuild=$(suite_depends "$suite" "$headers" '^linux-kbuild-')
	set -- "$common" "${kbuild%:*}:amd64"
	for part in $parts; do
		set -- "$@" "linux-$part-${headers#linux-headers-}"
	done
	if [ -n "$tools" ]; then
		# shellcheck disable=SC2046,SC2086
		set -- $(suite_closure "$suite" "$@" $tools)
	fi
	unpack_from "$suite" "kernels/$kernel" "$@"
}

locked "kernel-$kernel" fetch
echo "$dir"
