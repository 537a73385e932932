#!/bin/sh
# sipsecctl: an administrator joins two hosts by hand, looks at all of it, and is refused mistakes
# TIMEOUT: 240
. "$SIPSEC_TOP/selftests/lib.sh"
need python3

#	a (192.0.2.1) ---- (192.0.2.2) b

A=192.0.2.1
B=192.0.2.2
ns_add a b
veth_add a eth0 $A/24 b eth0 $B/24

key=$RESULT/key
umask 077
head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n' >"$key"
at_exit "rm -f $key"
echo >>"$key"

ctl() { _ns=$1; shift; in_ns "$_ns" sipsecctl "$@"; }

# json NETNS CODE: Python with the lists apps, groups, flows and stats, and got(NAME, IS, WANTED)
json() {
	ctl "$1" -j >"$RESULT/json"
	python3 -c "import json
globals().update(json.load(open('$RESULT/json')))
def got(name, value, wanted):
    if value != wanted:
        raise SystemExit(f'{name}: got {value}, wanted {wanted}')
$2" 2>"$RESULT/wrong" || fail "$(tail -n 1 "$RESULT/wrong")"
}

# The same group seen from its two ends; each prints its id.
group_a() {
	ctl a group add phone local $A peer $B role offerer suite ESP_AES_128_GCM_16 \
		spi-in 0000a100 spi-out 0000b200 "$@"
}
group_b() {
	ctl b group add phone local $B peer $A role answerer suite ESP_AES_128_GCM_16 \
		spi-in 0000b200 spi-out 0000a100 "$@"
}

equal "a show of nothing" "$(ctl a)" ""
ctl a app add phone uid 0
ctl b app add phone uid 0
# Events of a, as they happen.
ip netns exec a sipsecctl monitor >"$RESULT/events" &
ip netns exec a sipsecctl -j monitor >"$RESULT/events.json" &
listeners() {	# of generic netlink (protocol 16) with a multicast group
	in_ns a awk '$2 == 16 && $4 != "00000000"' /proc/net/netlink | wc -l
}
wait_for '[ "$(listeners)" = 2 ]' 10 "two monitors"

a=$(group_a rotate 16 window 128 life 3600 master-file "$key")
b=$(group_b rotate 2^4 persistent master-file - <"$key")
ctl a flow add "$a" proto udp local-port 4000 peer-port 5000 uid any
ctl b flow add "$b" proto udp local-port 5000 peer-port 4000 uid root
json a "
got('app', apps, [{'name': 'phone', 'uid': 0, 'groups': 1, 'flows': 1, 'owners': 0}])
group = {k: groups[0][k] for k in ('id', 'app', 'state', 'role', 'suite', 'prf', 'mode', 'rotate',
                                   'window', 'life', 'persistent', 'local', 'peer')}
got('group', group, {
    'id': $a, 'app': 'phone', 'state': 'unconfirmed', 'role': 'offerer',
    'suite': 'ESP_AES_128_GCM_16', 'prf': 'HMAC_SHA2_256', 'mode': 'transport', 'rotate': 16,
    'window': 128, 'life': 3600, 'persistent': True, 'local': '$A', 'peer': '$B'})
got('blocks', (groups[0]['spi-in'], groups[0]['spi-out']), ('0000a100', '0000b200'))
got('flow', flows, [{
    'protocol': 'udp', 'local': '$A', 'local-port': 4000, 'peer': '$B', 'peer-port': 5000,
    'group': $a, 'app': 'phone', 'any': True, 'shared': False}])"
json b "got('flow', (flows[0]['group'], flows[0]['any'], flows[0]['uid']), ($b, False, 0))"

# 40 packets there and back: two rotations each way at 16 packets per round
cat >"$RESULT/udp.py" <<'END'
import socket, sys
local, port, peer, peer_port, first = sys.argv[1:]
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind((local, int(port)))
s.settimeout(20)
if first == "first":
    s.sendto(b"ping", (peer, int(peer_port)))
else:
    print("ready", flush=True)
for i in range(40):
    data, sender = s.recvfrom(100)
    if first != "first" or i < 39:
        s.sendto(data, sender)
print("done")
END
in_ns b python3 "$RESULT/udp.py" $B 5000 $A 4000 second >"$RESULT/second" 2>&1 &
wait_for 'grep -q ready "$RESULT/second"' 20 "ready peer"
in_ns a python3 "$RESULT/udp.py" $A 4000 $B 5000 first >"$RESULT/first" 2>&1 ||
	fail "no packets through the group: $(tail -n 1 "$RESULT/first")"
current="[(r['number'], r['spi'], r['packets']) for r in groups[0]['rounds'] if r['current']]"
json a "
got('packets', [(g['state'], g['packets-out'], g['packets-in']) for g in groups], [('up', 40, 40)])
got('rounds', $current, [(2, '0000b202', 8), (2, '0000a102', 8)])
got('counters', [{k: v for k, v in s.items() if v} for s in stats if s['app']],
    [{'app': 'phone', 'out-packets': 40, 'in-packets': 40}])"
ctl a group rotate "$a"
json a "got('rounds after group rotate', $current, [(3, '0000b203', 0), (2, '0000a102', 8)])"

# What people see.
ctl a >"$RESULT/show"
for line in "app: phone" "group: $a" "  state: up" "  rotate: 16 packets" "flow: udp" \
	"  peer port: 5000" "  round: direction out, number 3, spi 0000b203, packets 0, current yes" \
	"counters: phone" "  out packets: 40"; do
	grep -qxF "$line" "$RESULT/show" || fail "'$line' is missing from $(cat "$RESULT/show")"
done

# A second use of a secret, a block in use, somebody else's file, a secret on the command line.
refused group_a master-file "$key"
echo "$out" | grep -q spi-in || fail "a block in use: $out"
refused ctl a group add phone local $A peer $B role offerer suite ESP_AES_128_GCM_16 \
	spi-in 0000a300 spi-out 0000b200 master-file "$key"
echo "$out" | grep -q "used before" || fail "the same secret again: $out"
json a "got('groups after refusals', len(groups), 1)"
cp "$key" "$RESULT/open"
chmod 640 "$RESULT/open"
refused group_a master-file "$RESULT/open"
echo "$out" | grep -q "chmod 600" || fail "a file others can read: $out"
rm "$RESULT/open"
refused group_a master "$(cat "$key")"
echo "$out" | grep -q master-file || fail "a secret in the arguments: $out"
refused ctl a group del 1
echo "$out" | grep -q "no such group" || fail "an id that is none: $out"
refused ctl a app add phone uid 0
echo "$out" | grep -q "exists" || fail "an app twice: $out"
refused in_ns a setpriv --reuid 65534 --clear-groups --inh-caps=-all sipsecctl app add other uid 1
echo "$out" | grep -qi "permitted" || fail "app add by anybody: $out"
refused in_ns a setpriv --reuid 65534 --clear-groups --inh-caps=-all sipsecctl monitor
echo "$out" | grep -q CAP_NET_ADMIN || fail "monitor by anybody: $out"
equal "what anybody sees" \
	"$(in_ns a setpriv --reuid 65534 --clear-groups --inh-caps=-all sipsecctl 2>/dev/null)" ""

# The group ends, its flow stays closed until it is removed.
ctl a group del "$a"
json a "got('groups after del', groups, [])
got('the closed flow', [f['group'] for f in flows], [0])"
ctl a show flows | grep -q "closed: its group has ended" || fail "a closed flow is not explained"
ctl a flow del proto udp local $A local-port 4000 peer $B peer-port 5000
equal "flows after del" "$(ctl a show flows)" ""
ctl b app del phone
json b "got('apps after del', apps, [])
got('the flow of an app that is gone', [f['group'] for f in flows], [0])"
ctl b flow del proto udp local $B local-port 5000 peer $A peer-port 4000
equal "what is left of b" "$(ctl b)" ""

wait_for 'grep -q "group-del.*$a" "$RESULT/events.json"' 10 "event of the group's end"
wait_for 'grep -q "group-del $a" "$RESULT/events"' 10 "event of the group's end"
python3 - "$RESULT/events.json" "$a" <<'END' || fail "wrong events"
import json, sys
events = [json.loads(line) for line in open(sys.argv[1])]
events = [e for e in events if e["id"] == int(sys.argv[2]) and e["app"] == "phone"]
assert sorted(e["event"] for e in events) == sorted(
    ["group-add", "group-up", "group-del"] + 5 * ["group-rotate"]), events
out = [(e["number"], e["spi"], e["packets"]) for e in events if e.get("direction") == "out"]
assert out == [(1, "0000b201", 16), (2, "0000b202", 16), (3, "0000b203", 8)], out
end = events[-1]
assert (end["event"], end["end-reason"], end["packets-out"], end["packets-in"]) == \
    ("group-del", "deleted", 40, 40), end
END
grep -qE "^[0-9:.]+ group-rotate $a app phone out round 1 spi 0000b201 after 16 packets$" \
	"$RESULT/events" || fail "no line of a rotation in $(cat "$RESULT/events")"
