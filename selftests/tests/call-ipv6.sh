#!/bin/sh
# call-ipv6: the call, over IPv6: only ESP, all audio heard, nothing left
# TIMEOUT: 300
. "$SIPSEC_TOP/selftests/lib.sh"
. "$SIPSEC_TOP/selftests/demo/call.sh"

dir=$RESULT/call

# shellcheck disable=SC2034
family=6
call_setup
for ua in ua1 ua2; do
	in_ns "$ua" sipsecctl app add phone uid "$(uid_of "$ua")"
done
# shellcheck disable=SC2016,SC2034
call_during='in_call=$(ua_objects ua1)'
call "$dir" queue-periodic-announce tt-allbusy --app phone --rotate 16

# shellcheck disable=SC2154
equal "groups and flows of ua1 in the call" "$in_call" "1 2"
for ua in ua1 ua2; do
	# A closed flow goes within a second of its socket.
	wait_for "[ \"\$(ua_objects $ua)\" = \"0 0\" ]" 10 "end of the flows of $ua"
	equal "states of $ua" "$(in_ns "$ua" ip xfrm state)" ""
done
for way in "ua1 ua2" "ua2 ua1"; do
	"$SIPSEC_TOP/selftests/demo/audio_check.py" "$way" "$dir/${way% *}.sent" \
		"$dir/${way#* }.received" || fail "audio"
done
# packets FILTER: how many of the capture it lets through.
packets() { tcpdump -n -r "$dir/capture.pcap" "$1" 2>/dev/null | wc -l; }
esp=$(packets "ip6 and esp")
echo "$esp ESP packets"
[ "$esp" -ge 300 ] || fail "only $esp ESP packets"
# Neighbours and listeners of multicast look for each other on the link.
equal "packets that are neither SIP nor ESP" "$(packets 'not (ip6 and esp) and
	not (ip6 and udp port 5060) and not icmp6 and not dst net ff00::/8')" 0
