#!/bin/sh
# call-errors: calls that must not come about end with one clear line, broken ones leave nothing
# KERNELS: um
# TIMEOUT: 300
. "$SIPSEC_TOP/selftests/lib.sh"
. "$SIPSEC_TOP/selftests/demo/call.sh"

call_setup
for ua in ua1 ua2; do
	in_ns "$ua" sipsecctl app add phone uid "$(uid_of "$ua")"
	in_ns "$ua" sipsecctl app add other uid 4999
done

nothing_left() {
	for _ua in "$@"; do
		equal "states of $_ua" "$(in_ns "$_ua" ip xfrm state)" ""
	done
}

# refused_with NAME PATTERN: it ended with an error and this one line on standard error.
refused_with() {
	ua_wait "$1"
	equal "exit status of $1" "$(cat "$ua_dir/$1.status")" 1
	equal "lines of error of $1" "$(wc -l <"$ua_dir/$1.err")" 1
	grep -q "$2" "$ua_dir/$1.err" || fail "the error of $1 does not say '$2'"
}

ended_well() {
	ua_wait "$1"
	equal "exit status of $1" "$(cat "$ua_dir/$1.status")" 0
}

# alone PATTERN OPTION...: ua1 cannot even start.
alone() {
	_pattern=$1
	shift
	ua_dir_new
	ua_start ua1 --call sip:ua2@cm.example "$@"
	refused_with ua1 "$_pattern"
}

# two "OPTIONS OF UA1" "OPTIONS OF UA2": ua1 calls ua2.
two() {
	ua_dir_new
	# shellcheck disable=SC2086
	ua_start ua2 $2
	ua_said ua2 "registered with"
	# shellcheck disable=SC2086
	ua_start ua1 --call sip:ua2@cm.example --play "$speech/tt-allbusy.wav" $1
}

# misused PATTERN OPTION...: refused before it begins.
misused() {
	_pattern=$1 _status=0
	shift
	out=$(LD_LIBRARY_PATH=$work/bin "$work/bin/sipsec-ua" "$@" 2>&1) || _status=$?
	equal "exit status of a sipsec-ua misused with $*" "$_status" 2
	echo "$out" | grep -q -- "$_pattern" || fail "sipsec-ua $*: $out"
}
echo "- misuse"
all="--user u --domain d --proxy 10.0.0.1 --local 10.0.1.2:5061"
LD_LIBRARY_PATH=$work/bin "$work/bin/sipsec-ua" --help | grep -q "^usage: sipsec-ua" ||
	fail "no help"
misused "unrecognized option" --nonsense
misused "are needed" --user u --clear
# shellcheck disable=SC2086
{
	misused "either --app or --clear" $all
	misused "either --app or --clear" $all --app a --clear
	misused "what is this: word" $all --clear word
	misused "--timeout: no such number" $all --timeout 0
	misused "--rotate: no such number" $all --rotate 16x
	misused "--proxy: not an IP address" $all --proxy name
	# shellcheck disable=SC2046
	misused "too many suites" $all $(printf -- '--suite x %.0s' $(seq 100))
}
echo "- what it is to write or read cannot be opened, or is something else"
alone "there is no suite NONE" --app phone --suite NONE
alone "cannot open /no/trace" --clear --trace /no/trace
alone "cannot use the address 10.0.1.77" --clear --local 10.0.1.77
alone "cannot open the sound file /no/sound" --clear --play /no/sound
alone "cannot open the sound file /no/record" --clear --record /no/record
alone "cannot open /no/sent" --clear --log-sent /no/sent
python3 -c 'import sys, wave
with wave.open(sys.argv[1], "wb") as f:
    f.setparams((2, 2, 16000, 0, "NONE", None))
    f.writeframes(bytes(64000))' "$work/stereo.wav"
alone "is not what G.711 needs" --clear --play "$work/stereo.wav"
echo "- a full disk"
two "--clear --record /dev/full" "--clear --play $speech/tt-allbusy.wav"
refused_with ua1 "cannot write the recording"
ended_well ua2
two "--clear --log-sent /dev/full" "--clear"
refused_with ua1 "cannot write the log of sent packets"
ended_well ua2
alone "404 Not Found" --clear --trace /dev/full
echo "- it calls itself"
ua_dir_new
ua_start ua1 --call sip:ua1@cm.example --clear
refused_with ua1 "486 Busy Here"

echo "- the registrar refuses"
# Answers each request with 403; in the namespace of the proxy, at another port.
in_ns cm python3 -c 'import socket
s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
s.bind(("10.0.0.1", 5070))
while True:
    request, sender = s.recvfrom(4096)
    lines = request.decode().split("\r\n")
    keep = ("via", "from", "to", "call-id", "cseq")
    head = [text for text in lines[1:] if text.split(":")[0].lower() in keep]
    s.sendto("\r\n".join(["SIP/2.0 403 Forbidden"] + head + ["Content-Length: 0", "", ""]).encode(),
             sender)' &
forbidding=$!
at_exit "kill $forbidding 2>/dev/null || :"
wait_for "in_ns cm ss -Hlun 'sport = :5070' | grep -q ." 20 "refusing registrar"
alone "the registrar refused: 403 Forbidden" --clear --proxy 10.0.0.1:5070
kill $forbidding
echo "- the proxy is down"
alone "no answer from the proxy 10.0.0.9" --clear --proxy 10.0.0.9 --timeout 1
echo "- nobody has registered the app"
alone "cannot open the app nobody: " --app nobody
echo "- the app is another user's"
alone "cannot open the app other: " --app other
echo "- there is no such user"
alone "404 Not Found" --app phone

echo "- the called side answers without ipsec-sa"
two "--app phone" "--clear"
refused_with ua1 "ipsec-sa"
ended_well ua2
nothing_left ua1

echo "- the same, and the caller prefers security, but does not require it"
two "--app phone --prefer" "--clear"
ua_said ua2 "talking with"
ua_signal TERM ua1
ended_well ua1
ended_well ua2
nothing_left ua1

echo "- the caller offers no ipsec-sa"
two "--clear" "--app phone"
refused_with ua1 "488 Not Acceptable Here"
refused_with ua2 "ipsec-sa"
nothing_left ua2

echo "- the two have no suite in common"
two "--app phone --suite ESP_AES_256_GCM_16" "--app phone --suite ESP_CHACHA20_POLY1305"
refused_with ua1 "488 Not Acceptable Here"
refused_with ua2 "suite"
nothing_left ua1 ua2

echo "- the group is taken away in the call"
two "--app phone" "--app phone"
ua_said ua1 " up:"
in_ns ua1 sipsecctl group del "$(in_ns ua1 sipsecctl -j show groups | python3 -c 'import json, sys
print(json.load(sys.stdin)["groups"][0]["id"])')"
refused_with ua1 "cannot send audio to .* Operation not permitted"
ended_well ua2
nothing_left ua1 ua2

echo "- SIGTERM in the call sends BYE"
two "--app phone" "--app phone"
ua_said ua2 " up:"
ua_signal TERM ua1
ended_well ua1
ended_well ua2
grep -q "the other side hung up" "$ua_dir/ua2.log" || fail "ua2 got no BYE"
nothing_left ua1 ua2

echo "- a killed telephone leaves nothing"
two "--app phone" "--app phone --timeout 2"
ua_said ua1 " up:"
[ -n "$(in_ns ua1 ip xfrm state)" ] || fail "there is no SA in the call"
ua_signal KILL ua1
ua_wait ua1
nothing_left ua1
ua_signal TERM ua2
ua_wait ua2
nothing_left ua2
