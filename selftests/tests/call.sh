#!/bin/sh
# call: a call through Kamailio: only ESP, keys from the SIP messages, all audio heard, nothing left
# TIMEOUT: 300
. "$SIPSEC_TOP/selftests/lib.sh"
. "$SIPSEC_TOP/selftests/demo/call.sh"

demo=$SIPSEC_TOP/selftests/demo
dir=$RESULT/call

call_setup
for ua in ua1 ua2; do
	in_ns "$ua" sipsecctl app add phone uid "$(uid_of "$ua")"
done
# shellcheck disable=SC2016
call_during='in_call=$(ua_objects ua1)'
call "$dir" queue-periodic-announce tt-allbusy --app phone --rotate 16

# shellcheck disable=SC2154
equal "groups and flows of ua1 in the call" "$in_call" "1 2"
for ua in ua1 ua2; do
	# A closed flow goes within a second of its socket.
	wait_for "[ \"\$(ua_objects $ua)\" = \"0 0\" ]" 10 "end of the flows of $ua"
	equal "states of $ua" "$(in_ns "$ua" ip xfrm state)" ""
	grep -q 'inline:\*\*\*' "$dir/$ua.trace" || fail "the trace of $ua has no ipsec-sa line"
	! grep -q 'inline:[^*]' "$dir/$ua.trace" || fail "the trace of $ua has key material"
done
"$demo/ladder.py" "ua1=$dir/ua1.trace" "ua2=$dir/ua2.trace"
"$demo/audio_check.py" "ua1 to ua2" "$dir/ua1.sent" "$dir/ua2.received" || fail "audio"
"$demo/audio_check.py" "ua2 to ua1" "$dir/ua2.sent" "$dir/ua1.received" || fail "audio"
check_capture() {
	"$demo/capture_check.py" --min-packets 300 --caller "$dir/ua1" --callee "$dir/ua2" "$@"
}
check_capture "$dir/capture.pcap" || fail "capture"

# What follows tests programs of ours and no kernel; on such a one it takes a minute.
[ -z "${WATCHED:-}" ] || exit 0

echo "- the checks notice what is wrong"
for way in leak icmp lose flip offer; do
	case $way in
	flip|offer) decrypt='' ;;
	*) decrypt=--no-decrypt ;;
	esac
	"$demo/spoil.py" "$way" "$dir/capture.pcap" "$work/spoilt.pcap"
	# shellcheck disable=SC2086
	refused check_capture $decrypt "$work/spoilt.pcap"
	echo "$out" | grep '^  FAIL' || fail "$way: no reason given"
done
sed 20d "$dir/ua2.received" >"$work/received"
refused "$demo/audio_check.py" "a packet lost" "$dir/ua1.sent" "$work/received"
echo "$out"
