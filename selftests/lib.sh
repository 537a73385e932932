# shellcheck shell=sh
# For tests: `. "$SIPSEC_TOP/selftests/lib.sh"`. A test runs as root in the VM, in process and mount
# namespaces of its own, so whatever it leaves behind (processes, named netns) ends with it.
# Exit status: 0 passed, 4 skipped, anything else failed; the last line printed is the reason.
# $RESULT is the test's own folder, kept on the host.
set -eu

fail() { echo "FAILED: $*"; exit 1; }
skip() { echo "skipped: $*"; exit 4; }

need() {
	for _c in "$@"; do
		command -v "$_c" >/dev/null || skip "$_c is not installed"
	done
}

# wait_for CONDITION SECONDS [WHAT]: poll a shell condition; fails the test when time is up.
wait_for() {
	_end=$(($(date +%s) + $2))
	until eval "$1"; do
		[ "$(date +%s)" -lt "$_end" ] || fail "no ${3:-$1} within $2 s"
		sleep 0.05
	done
}

# equal WHAT GOT WANTED
equal() { [ "$2" = "$3" ] || fail "$1: got '$2', wanted '$3'"; }

# refused COMMAND...: the command must fail; its output is left in $out.
# shellcheck disable=SC2034
refused() { if out=$("$@" 2>&1); then fail "was not refused: $*"; fi; }

# The last command put on this list is the first one run when the test ends.
_at_exit=:
at_exit() { _at_exit="$*; $_at_exit"; }
trap 'eval "$_at_exit"' EXIT
trap 'exit 1' INT TERM

# ns_add NAME...: network namespaces with lo up; in_ns NAME COMMAND... runs in one.
ns_add() {
	for _n in "$@"; do
		ip netns add "$_n"
		at_exit "ip netns del $_n 2>/dev/null || :"
		ip -n "$_n" link set lo up
	done
}
in_ns() { _n=$1; shift; ip netns exec "$_n" "$@"; }

# veth_add NS1 DEV1 ADDRESS/LEN NS2 DEV2 ADDRESS/LEN: a cable between two namespaces; returns when
# both ends can be used (IPv6 without duplicate address detection).
veth_add() {
	ip link add "$2" netns "$1" type veth peer name "$5" netns "$4"
	_veth_end "$1" "$2" "$3"
	_veth_end "$4" "$5" "$6"
	wait_for "_up $1 $2 && _up $4 $5" 10 "carrier between $1 and $4"
}
_veth_end() {
	case $3 in
	*:*)	ip -n "$1" addr add "$3" dev "$2" nodad ;;
	*)	ip -n "$1" addr add "$3" dev "$2" ;;
	esac
	ip -n "$1" link set "$2" up
}
_up() { ip -n "$1" link show "$2" | grep -q 'state UP'; }
