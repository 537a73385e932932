# shellcheck shell=sh
# A telephone call through Kamailio, for the demo and for tests; source it after lib.sh.
#
#	  netns ua1                      netns cm                      netns ua2
#	sipsec-ua, uid 4001       Kamailio on 10.0.0.1 (lo)       sipsec-ua, uid 4002
#	              \                      |                      /
#	 eth0 10.0.1.2 ------ ua1 10.0.1.1 router 10.0.2.1 ua2 ------ 10.0.2.2 eth0
#	                       |
#	                    tcpdump: all SIP of ua1, all media
#
# cm is what the design papers call the Communication Manager. Media goes straight from ua1 to ua2,
# so it crosses both links. With family=6 the addresses are fd00::1, fd00:0:0:1::1 and so on.

speech=/usr/share/asterisk/sounds/en_US_f_Allison
work=

uid_of() { echo "400${1#ua}"; }
# The addresses: Kamailio's, HOST of the link to a telephone, and lengths of their prefixes.
family=4
proxy() { if [ $family = 4 ]; then echo 10.0.0.1; else echo fd00::1; fi; }
# In brackets before a port.
proxy_url() { if [ $family = 4 ]; then proxy; else echo "[$(proxy)]"; fi; }
on_link() { if [ $family = 4 ]; then echo "10.0.${1#ua}.$2"; else echo "fd00:0:0:${1#ua}::$2"; fi; }
address_of() { on_link "$1" 2; }
one_host() { if [ $family = 4 ]; then echo 32; else echo 128; fi; }
one_link() { if [ $family = 4 ]; then echo 24; else echo 64; fi; }

# call_setup: namespaces, addresses and Kamailio, which takes as long to start as all the rest.
call_setup() {
	work=$(mktemp -d /tmp/sipsec-call.XXXXXX)
	at_exit "rm -rf $work"
	chmod 755 "$work"
	ns_add cm
	ip -n cm addr add "$(proxy)/$(one_host)" dev lo
	in_ns cm sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1
	proxy_start

	# The users cannot read the source tree where it lies in somebody's home.
	mkdir "$work/bin"
	cp -P "$SIPSEC_TOP/userspace/sipsec-ua/sipsec-ua" \
		"$SIPSEC_TOP"/userspace/libsipsec/libsipsec.so* "$work/bin/"
	ns_add ua1 ua2
	for _ua in ua1 ua2; do
		veth_add cm "$_ua" "$(on_link "$_ua" 1)/$(one_link)" \
			"$_ua" eth0 "$(address_of "$_ua")/$(one_link)"
		ip -n "$_ua" route add default via "$(on_link "$_ua" 1)"
	done
	proxy_ready
}

proxy_start() {
	_dir=$SIPSEC_CACHE/kamailio
	_lib=$_dir/usr/lib/x86_64-linux-gnu
	mkdir "$work/kamailio"
	LD_LIBRARY_PATH="$_lib/kamailio:$_lib" ip netns exec cm "$_dir/usr/sbin/kamailio" \
		-f "$SIPSEC_TOP/selftests/demo/kamailio.cfg" -L "$_lib/kamailio/modules" \
		-DD -E -l "udp:$(proxy_url):5060" -m 16 -M 4 -Y "$work/kamailio" \
		-P "$work/kamailio/pid" >"$work/kamailio/log" 2>&1 &
	proxy_pid=$!
	at_exit proxy_stop
}

proxy_ready() {
	wait_for "! kill -0 $proxy_pid 2>/dev/null ||
		in_ns cm ss -Hlun 'sport = :5060' | grep -q ." \
		60 Kamailio
	kill -0 "$proxy_pid" 2>/dev/null || {
		cat "$work/kamailio/log"
		fail "Kamailio ended"
	}
}

proxy_stop() {
	[ -n "$proxy_pid" ] || return 0
	kill "$proxy_pid" 2>/dev/null || :
	wait "$proxy_pid" 2>/dev/null || :
	proxy_pid=
}

capture_start() {	# FILE
	# Immediately: else the last packets would still be in the kernel's buffer when it ends.
	ip netns exec cm tcpdump -i ua1 -Z root --immediate-mode -B 8192 -w "$1" 2>"$work/tcpdump" &
	capture_pid=$!
	at_exit "kill $capture_pid 2>/dev/null || :"
	wait_for "grep -q 'listening on' $work/tcpdump" 60 "capture"
}

capture_stop() {
	kill "$capture_pid"
	wait "$capture_pid" || :
	grep -q '^0 packets dropped by kernel' "$work/tcpdump" || {
		cat "$work/tcpdump"
		fail "the capture is not complete"
	}
}

# ua_start NAME OPTION...: a telephone, as its own user. What it prints is printed, and kept in
# $ua_dir/NAME.log, its errors in NAME.err too; its exit status will be in NAME.status.
ua_start() {
	_ua=$1
	shift
	{
		_status=0
		in_ns "$_ua" setpriv --reuid="$(uid_of "$_ua")" --regid="$(uid_of "$_ua")" \
			--clear-groups env LD_LIBRARY_PATH="$work/bin" timeout -k 5 120 \
			"$work/bin/sipsec-ua" --user "$_ua" --domain cm.example --proxy "$(proxy)" \
			--local "$(address_of "$_ua")" --trace "$ua_dir/$_ua.trace" \
			--record "$ua_dir/$_ua.heard.wav" --log-sent "$ua_dir/$_ua.sent" \
			--log-received "$ua_dir/$_ua.received" "$@" \
			2>"$ua_dir/$_ua.err" || _status=$?
		cat "$ua_dir/$_ua.err"
		echo "$_status" >"$ua_dir/$_ua.status"
	} | tee "$ua_dir/$_ua.log" &
	eval "${_ua}_job=$!"
}

# ua_said NAME TEXT: wait until it has said so, or has ended.
ua_said() {
	wait_for "grep -qs '$2' $ua_dir/$1.log || [ -e $ua_dir/$1.status ]" 60 "'$2' of $1"
}

# ua_signal SIGNAL NAME: to the telephone alone. timeout(1) passes on what it gets, and a second
# SIGTERM kills.
ua_signal() {
	for _pid in $(ip netns pids "$2"); do
		[ "$(cat "/proc/$_pid/comm" 2>/dev/null)" != sipsec-ua ] || kill -s "$1" "$_pid"
	done
}

ua_wait() {	# NAME
	eval "wait \"\$${1}_job\""
}

# ua_objects NAME: how many groups and how many flows there are at a telephone.
ua_objects() {
	in_ns "$1" sipsecctl -j | python3 -c 'import json, sys
state = json.load(sys.stdin)
print(len(state["groups"]), len(state["flows"]))'
}

# ua_dir_new: a folder for the files of one call. The telephones may write to it.
ua_dir_new() {
	ua_dir=$(mktemp -d "$work/call.XXXXXX")
	chmod 1777 "$ua_dir"
}

# call FOLDER WAV1 WAV2 OPTION...: ua1 calls ua2, they speak the files of these names; options are
# for both. All files of the call go to FOLDER, the capture too. The command $call_during, if any,
# is run when they talk.
call() {
	_folder=$1 _wav1=$speech/$2.wav _wav2=$speech/$3.wav
	shift 3
	ua_dir_new
	capture_start "$ua_dir/capture.pcap"
	ua_start ua2 --play "$_wav2" "$@"
	ua_said ua2 "registered with"
	ua_start ua1 --play "$_wav1" --call sip:ua2@cm.example "$@"
	ua_said ua1 "talking with"
	eval "${call_during:-:}"
	ua_wait ua1
	# Where ua1 never reached it, ua2 would wait in vain.
	[ "$(cat "$ua_dir/ua1.status")" = 0 ] || ua_signal TERM ua2
	ua_wait ua2
	capture_stop
	# For whoever looks for a lost packet.
	for _ua in ua1 ua2; do
		{ in_ns "$_ua" sipsecctl show stats || :
		  in_ns "$_ua" grep -v '[[:space:]]0$' /proc/net/xfrm_stat || :
		} >"$ua_dir/$_ua.counters" 2>&1
	done
	mkdir -p "$_folder"
	cp "$ua_dir"/* "$_folder/"
	for _ua in ua1 ua2; do
		equal "exit status of $_ua" "$(cat "$ua_dir/$_ua.status")" 0
	done
}
