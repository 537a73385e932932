#!/bin/sh
# The demo's part inside the VM, started without the module: a call in clear for control, then the
# module and the call that counts, then what is left of it. Results go to $RESULTS.
. "$SIPSEC_TOP/selftests/lib.sh"
. "$SIPSEC_TOP/selftests/demo/call.sh"

app=phone
rotate=100
left=$RESULTS/left
failed=0

title() { printf '\n%s\n\n' "$*"; }

load_module() {
	_module=$RESULTS/sipsec.ko
	_depends=$(modinfo -F depends "$_module" | tr , ' ')
	# shellcheck disable=SC2086
	[ -z "$_depends" ] || modprobe -a $_depends
	insmod "$_module"
}

count_states() {
	for _ns in ua1 ua2 cm; do
		in_ns "$_ns" ip -o xfrm state
	done | wc -l
}

# Objects in use in a cache of the kernel. Freed ones on per-CPU lists would count as used:
# shrinking empties these. Caches of objects of one size may be one and the same: then the sum is
# counted.
count_slab() {	# CACHE
	[ -e "/sys/kernel/slab/$1" ] || fail "the kernel has no slab cache $1"
	echo 1 >"/sys/kernel/slab/$1/shrink"
	cut -d' ' -f1 "/sys/kernel/slab/$1/objects"
}

# What there is of the call: lines "COUNT WHAT".
measure() {
	echo "$(count_slab xfrm_state) SAs in memory (slab xfrm_state)"
	echo "$(count_slab sipsec_bundle) bundles in memory (slab sipsec_bundle)"
	echo "$(count_states) receiving SAs (ip xfrm state)"
	# shellcheck disable=SC2046
	set -- $(ua_objects ua1) $(ua_objects ua2)
	echo "$(($1 + $3)) groups (sipsecctl -j)"
	echo "$(($2 + $4)) flows (sipsecctl -j)"
}

# Objects are freed some time after their last reader.
measure_left() {
	for _try in $(seq 10); do
		measure >"$work/left"
		grep -qv '^0 ' "$work/left" || return 0
		sleep 0.2
	done
}

# What there was in the call must be there no more; what there never was proves nothing.
compare() {
	paste -d' ' "$work/during" "$work/left" | awk '{
		n = NF / 2; what = $2
		for (i = 3; i <= n; i++) what = what " " $i
		good = $1 > 0 && $(n + 1) == "0"
		printf "  %-4s  %s: %s in the call, %s left\n", good ? "ok" : "FAIL",
			what, $1, $(n + 1)
		if (!good) bad = 1
	} END { exit bad || !NR }'
}

title "Three network namespaces: ua1, ua2, and cm with Kamailio"
call_setup

title "Control: the call without sipsec"
call "$RESULTS/control" vm-sorry vm-nonumber --clear

title "The call, its media protected, $rotate packets per round"
load_module
for ua in ua1 ua2; do
	in_ns "$ua" sipsecctl app add "$app" uid "$(uid_of "$ua")"
done
# shellcheck disable=SC2016
call_during='measure >"$work/during"'
call "$RESULTS/call" basic-pbx-ivr-main demo-echotest --app "$app" --rotate "$rotate"

measure_left
compare >"$left" || failed=1
for ua in ua1 ua2; do
	in_ns "$ua" sipsecctl app del "$app"
done
# What is freed by RCU holds the module a moment longer.
wait_for "rmmod sipsec 2>/dev/null" 20 "the module's end"
echo "  ok    the module is unloaded" >>"$left"
exit $failed
