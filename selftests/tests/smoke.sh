#!/bin/sh
# smoke: the module is there, can be unloaded and loaded again, and two namespaces reach each other
. "$SIPSEC_TOP/selftests/lib.sh"

#	a (192.0.2.1) ---- (192.0.2.2) b

grep -q '^sipsec ' /proc/modules || fail "the module is not loaded"
rmmod sipsec
insmod "$SIPSEC_KO"
grep -q '^sipsec ' /proc/modules || fail "the module did not come back"

ns_add a b
veth_add a eth0 192.0.2.1/24 b eth0 192.0.2.2/24
in_ns a ping -q -c 1 -W 5 192.0.2.2
