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
ctl b app add phone uid 0 legacy wildcard protocols 47,253
# Events of a, as they happen; the readers go after the group's eight, and the end of a group whose
# keys are refused.
monitor() {	# NAME OPTION...: its exit status will be in $RESULT/NAME.status
	(
		trap '' PIPE
		_name=$1 _status=0
		shift
		ip netns exec a sipsecctl "$@" monitor 2>/dev/null || _status=$?
		echo $_status >"$RESULT/$_name.status"
	)
}
monitor text | head -n 9 >"$RESULT/events" &
monitor json -j | head -n 9 >"$RESULT/events.json" &
listeners() {	# of generic netlink (protocol 16) with a multicast group
	in_ns a awk '$2 == 16 && $4 != "00000000"' /proc/net/netlink | wc -l
}
wait_for '[ "$(listeners)" = 2 ]' 10 "two monitors"

a=$(group_a rotate 16 window 128 esn mode tunnel tfc 300 lookahead 3 encap-port 4500 \
	encap-peer-port 4501 life 3600 master-file "$key")
b=$(group_b rotate 2^4 esn mode tunnel encap-port 4501 encap-peer-port 4500 persistent \
	master-file - <"$key")
ctl a flow add "$a" proto udp local-port 4000 peer-port 5000 uid any
ctl b flow add "$b" proto udp local-port 5000 peer-port 4000 uid root
json a "
got('app', {k: apps[0][k] for k in ('name', 'uid', 'groups', 'flows', 'owners', 'legacy')},
    {'name': 'phone', 'uid': 0, 'groups': 1, 'flows': 1, 'owners': 0, 'legacy': False})
group = {k: groups[0][k] for k in ('id', 'app', 'state', 'role', 'suite', 'prf', 'mode', 'rotate',
                                   'window', 'esn', 'tfc', 'life', 'persistent', 'local',
                                   'peer', 'lookahead', 'encap-port', 'encap-peer-port')}
got('group', group, {
    'id': $a, 'app': 'phone', 'state': 'unconfirmed', 'role': 'offerer',
    'suite': 'ESP_AES_128_GCM_16', 'prf': 'HMAC_SHA2_256', 'mode': 'tunnel', 'rotate': 16,
    'window': 128, 'esn': True, 'tfc': 300, 'life': 3600, 'persistent': True, 'local': '$A',
    'peer': '$B', 'lookahead': 3, 'encap-port': 4500, 'encap-peer-port': 4501})
got('blocks', (groups[0]['spi-in'], groups[0]['spi-out']), ('0000a100', '0000b200'))
got('flow', flows, [{
    'protocol': 'udp', 'local': '$A', 'local-port': 4000, 'peer': '$B', 'peer-port': 5000,
    'group': $a, 'app': 'phone', 'any': True, 'shared': False}])"
json b "got('app', apps[0]['legacy'], True)
got('grants', (apps[0]['wildcard'], apps[0]['protocols']), (True, [47, 253]))
got('flow', (flows[0]['group'], flows[0]['any'], flows[0]['uid']), ($b, False, 0))"

# 40 packets there and back: two rotations each way at 16 packets per round
cat >"$RESULT/udp.py" <<'END'
import socket, sys
local, port, peer, peer_port, first = sys.argv[1:]
# Some program has to take ESP out of UDP.
encap = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
encap.bind((local, 4500 if first == "first" else 4501))
encap.setsockopt(socket.IPPROTO_UDP, 100, 2)
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
	"  peer port: 5000" \
	"  round: direction out, number 3, spi 0000b203, packets 0, current yes" \
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

# Flows of any port and of a whole protocol.
ctl b flow add "$b" proto udp local-port any peer-port any uid 0
ctl b flow add "$b" proto udp local-port 5001 peer-port any uid any
ctl b flow add "$b" proto 47 uid any
refused ctl b flow add "$b" proto 132 uid any
echo "$out" | grep -q "not granted" || fail "a protocol that is not granted: $out"
json b "
got('flows', sorted((f['protocol'], f['local-port'], f['peer-port']) for f in flows
                    if f['protocol'] == 'udp'),
    [('udp', 0, 0), ('udp', 5000, 4000), ('udp', 5001, 0)])
got('the whole one', [f['local-port'] for f in flows if f['protocol'] == 47], [0])"
ctl b show flows | grep -qxF "  peer port: 0 (any)" || fail "any port is not explained"
ctl b flow del proto udp local $B local-port any peer $A peer-port any
ctl b flow del proto udp local $B local-port 5001 peer $A peer-port any
ctl b flow del proto 47 local $B peer $A

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
# The next event has no reader: that ends a monitor. So does a full disk.
monitor full >/dev/full &
wait_for '[ "$(listeners)" = 3 ]' 10 "a third monitor"
head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n' >"$key"
group_a master-file "$key" >/dev/null
wait
equal "exit status of the monitors" "$(cd "$RESULT" && cat text.status json.status full.status |
	xargs)" "1 1 1"
refused sh -c 'ip netns exec a sipsecctl >/dev/full'
echo "$out" | grep -q "writing the output" || fail "a full disk: $out"

grep -qE "^[0-9:.]+ group-rotate $a app phone out round 1 spi 0000b201 after 16 packets$" \
	"$RESULT/events" || fail "no line of a rotation in $(cat "$RESULT/events")"

# Who may see an app shows it and watches it, without privileges, and changes nothing.
viewer() {	# GID WORD...
	_gid=$1
	shift
	in_ns a setpriv --reuid 60003 --regid "$_gid" --clear-groups sipsecctl "$@"
}
ctl a app del phone
ctl a app add phone uid 0 viewer 60013
json a "got('viewer', apps[0]['viewer'], 60013)"
viewer 60013 -j show >"$RESULT/seen.json"
[ "$(viewer 60013 app show)" = "$(ctl a app show)" ] || fail "a viewer is shown another app"
grep -q '"name": *"phone"' "$RESULT/seen.json" || fail "a viewer sees $(cat "$RESULT/seen.json")"
equal "what a stranger is shown" "$(viewer 60014 show)" ""
refused viewer 60014 monitor
echo "$out" | grep -q "there is no app whose events you may see" || fail "a stranger: $out"
refused viewer 60013 app del phone
refused viewer 60014 stats phone
viewer 60013 stats phone
viewer 60013 monitor >"$RESULT/watched" 2>&1 &
watcher=$!
# He is told of the first group that is made after he has begun.
made() {
	head -c 32 /dev/urandom | od -An -v -tx1 | tr -d ' \n' >"$key"
	ctl a group del "$(group_a master-file "$key")"
	grep -q "group-add .* app phone" "$RESULT/watched"
}
wait_for made 20 "event for the viewer"
kill $watcher
(
	viewer 60013 monitor >/dev/full 2>&1 || echo $? >"$RESULT/full.viewer"
) &
wait_for 'made && [ -e "$RESULT/full.viewer" ]' 20 "end of a viewer whose disk is full"

# Apps from files: settings in words are those the kernel tells; new ones replace the old ones.
apps=$RESULT/apps.d
mkdir "$apps"
chmod 755 "$apps"
few="max-memory 20 max-memory-uid 10 max-groups 7 max-flows 8 max-groups-uid 3 max-flows-uid 4"
peers="peer 192.0.2.0/24 peer 2001:db8::/32"
grants="wildcard protocols 253,132"
cat >"$apps/10-phones.conf" <<END
# two apps
phone uid root gid root cgroup / $few level	confidential
pbx	gid 70 min-suite ESP_AES_256_GCM_16 ports 1024-2048 $peers linger 9 legacy $grants # more

END
echo "other uid 1" >"$apps/other.txt"
umask 022
chmod 644 "$apps"/*
ctl b app load "$apps"
json b "
phone, pbx = sorted(apps, key=lambda a: a['max-groups'])
got('phone', phone, {'name': 'phone', 'uid': 0, 'gid': 0, 'cgroup': '/', 'groups': 0, 'flows': 0,
    'owners': 0, 'max-groups': 7, 'max-flows': 8, 'max-groups-uid': 3, 'max-flows-uid': 4,
    'max-memory': 20 << 20, 'max-memory-uid': 10 << 20, 'memory': 0,
    'level': 'confidential', 'port-min': 1, 'port-max': 65535, 'peers': [], 'linger': 0,
    'legacy': False, 'wildcard': False, 'protocols': []})
got('pbx', pbx, {'name': 'pbx', 'gid': 70, 'groups': 0, 'flows': 0, 'owners': 0,
    'max-groups': 4096, 'max-flows': 65536, 'max-groups-uid': 4096, 'max-flows-uid': 65536,
    'max-memory': 512 << 20, 'max-memory-uid': 512 << 20, 'memory': 0,
    'level': 'integrity', 'min-suite': 'ESP_AES_256_GCM_16', 'port-min': 1024, 'port-max': 2048,
    'peers': ['192.0.2.0/24', '2001:db8::/32'], 'linger': 9, 'legacy': True, 'wildcard': True,
    'protocols': [132, 253]})"
ctl b app show pbx >"$RESULT/show"
for line in "app: pbx" "  min suite: ESP_AES_256_GCM_16" "  port max: 2048" \
	"  peer: 192.0.2.0/24" "  peer: 2001:db8::/32" "  linger: 9 seconds" \
	"  wildcard: yes" "  protocol: 132" "  protocol: 253"; do
	grep -qxF "$line" "$RESULT/show" || fail "'$line' is missing from $(cat "$RESULT/show")"
done
echo "phone uid 5" >"$apps/10-phones.conf"
ctl b app load "$apps"
ctl b app set pbx uid 6 peer ::1
json b "got('apps', sorted((a['name'], a.get('uid'), a.get('gid'), a['max-groups'], a['peers'])
                         for a in apps),
    [('pbx', 6, None, 4096, ['::1/128']), ('phone', 5, None, 4096, [])])"
# A line that is wrong does not keep the next one out, and files of others are not read.
printf 'bad uid 1 peer x\nbad linger 3\nbad uid 1 no 1\nbad cgroup /nowhere\nlast uid 1' \
	>"$apps/20-bad.conf"
echo "evil uid 1" >"$apps/30-evil.conf"
chmod 666 "$apps/30-evil.conf"
refused ctl b app load "$apps"
for line in "20-bad.conf: line 1 is not" "20-bad.conf: line 2 is not" "20-bad.conf: line 3 is not" \
	"no such cgroup" "20-bad.conf: line 4 is not" "30-evil.conf: somebody else may write"; do
	echo "$out" | grep -qF "$line" || fail "'$line' is missing from $out"
done
json b "got('apps', sorted(a['name'] for a in apps), ['last', 'pbx', 'phone'])"
refused ctl b app load /nowhere
refused ctl b app show nobody
equal "an empty folder" "$(mkdir "$RESULT/empty" && ctl b app load "$RESULT/empty")" ""
