#!/bin/sh
# call-errors: calls that must not come about end with one clear line, broken ones leave nothing
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
