#!/bin/sh
# libsipsec: two dialogs of an unprivileged program agree, send media, rotate, end, and are refused
. "$SIPSEC_TOP/selftests/lib.sh"
need python3

#	one namespace with both addresses, 192.0.2.1 and 192.0.2.2, on lo

ns_add a
ip -n a addr add 192.0.2.1/32 dev lo
ip -n a addr add 192.0.2.2/32 dev lo
in_ns a sipsecctl app add phone uid 65534
in_ns a python3 "${0%.sh}.py" || fail "see the log"
equal "groups that are left" "$(in_ns a sipsecctl show groups)" ""
# closed flows go a moment after their sockets
wait_for '[ -z "$(in_ns a sipsecctl show flows)" ]' 10 "end of the flows"
in_ns a sipsecctl app del phone

rmmod sipsec
out=$(sipsecctl 2>&1) && fail "sipsecctl works without the module"
status=0
ua=$(sipsec-ua --user u --domain d --proxy 192.0.2.9 --local 127.0.0.1 --app phone 2>&1) ||
	status=$?
insmod "$SIPSEC_KO"
equal "exit status of sipsec-ua without the module" $status 1
equal "its error" "$ua" \
	"sipsec-ua: no connection to sipsec: the sipsec kernel module is not loaded"
equal "error without the module" "$out" "sipsecctl: the sipsec kernel module is not loaded"
