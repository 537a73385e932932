#!/bin/sh
# setup.sh [all|bench]: prepare a Debian 12 machine that has only git and make: install the packages
# that building and virtual machines need, and with `all` those of the tests, with `bench` those of
# the benchmarks. Asks nothing, starts no service, and is done at once when all is there.
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
. "$top/selftests/vm/common.sh"

# build of the module, the library and the tools
packages="gcc libc6-dev make bc pkg-config libelf1 kmod cpio xz-utils
	libnl-3-dev libnl-genl-3-dev libssl-dev libre-dev librem-dev libcmocka-dev"
# generated files
packages="$packages python3 python3-yaml python3-jsonschema"
# virtual machine, and what tests and the demo run inside it
packages="$packages qemu-system-x86 busybox-static udev file procps
	python3-argcomplete python3-requests
	iproute2 ethtool nftables iputils-ping tcpdump tshark asterisk-core-sounds-en-wav"
if [ "${1:-}" = all ]; then
	# static checks and fuzzing
	packages="$packages perl sparse coccinelle clang clang-tidy libclang-rt-dev llvm lld
		cppcheck shellcheck pyflakes3"
	# kernels of our own configuration
	packages="$packages flex bison libelf-dev"
	# other architectures
	packages="$packages gcc-s390x-linux-gnu gcc-arm-linux-gnueabihf gcc-aarch64-linux-gnu
		qemu-system-misc qemu-system-arm"
fi
[ "${1:-}" != bench ] || packages="$packages gnuplot-nox"

missing() {
	for p in $packages; do
		[ "$(dpkg-query -W -f='${db:Status-Status}' "$p" 2>/dev/null)" = installed ] ||
			echo "$p"
	done
}

apt_install() {
	# dumpcap's package asks whether ordinary users may capture: the default (no) is right.
	# shellcheck disable=SC2046
	as_root env DEBIAN_FRONTEND=noninteractive apt-get -qq -y --no-install-recommends \
		-o Dpkg::Use-Pty=0 -o DPkg::Lock::Timeout=300 install $(missing) >"$1" 2>&1
}

# Some of these packages ship services. This file is Debian's way to say "start none".
policy=/usr/sbin/policy-rc.d
deny_services() {
	[ -e $policy ] && return
	trap 'as_root rm -f $policy' EXIT
	trap 'exit 1' INT TERM
	printf '#!/bin/sh\nexit 101\n' | as_root tee $policy >/dev/null
	as_root chmod +x $policy
}

host_packages() {
	[ -n "$(missing)" ] || return 0
	say "installing $(missing | wc -l) Debian packages"
	deny_services
	host_lists
	log="$CACHE/setup.log"
	# Lists that are a day old can name files that the mirror has replaced since.
	apt_install "$log" || { as_root apt-get -qq update && apt_install "$log"; } || {
		tail -n 20 "$log" >&2
		die "the packages could not be installed (all output: $log)"
	}
}

# virtme-ng is younger than Debian 12; the one of the next release works here unpacked.
virtme() {
	[ -e "$CACHE/virtme-ng/MANIFEST" ] && return
	say "fetching virtme-ng"
	suite_update trixie
	unpack_from trixie virtme-ng virtme-ng
}

# Kamailio for the demo. Its package would enable a service, so it is only unpacked, with those
# of its dependencies which the machine does not have.
kamailio() {
	[ -e "$CACHE/kamailio/MANIFEST" ] && return
	say "fetching kamailio"
	host_lists
	# shellcheck disable=SC2046
	unpack_from host kamailio $(apt-get install -s --no-install-recommends kamailio |
		awk '$1 == "Inst" { print $2 }')
}

# strongSwan, for a test that starts and stops it in a virtual machine; unpacked as well.
strongswan() {
	[ -e "$CACHE/strongswan/MANIFEST" ] && return
	say "fetching strongswan"
	host_lists
	unpack_from host strongswan libstrongswan strongswan-libcharon strongswan-charon \
		strongswan-starter
}

locked packages host_packages
locked virtme-ng virtme
locked kamailio kamailio
[ "${1:-}" != all ] || locked strongswan strongswan
