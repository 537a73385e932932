#!/bin/sh
# run-guest.sh TEST...: inside the VM: run the named selftests, each with a time limit and with the
# kernel log watched. Leaves in $RESULTS/TEST: log, dmesg, and result, one line
# "pass|fail|skip SECONDS REASON" which appears last. SLOWER=3 multiplies the time limits. For
# tests: WATCHED=1 when the kernel watches itself and counts may be smaller, LONG=1 when they may
# be large.
tests=$SIPSEC_TOP/selftests/tests

# What the kernel said between the last two marks.
log_of_test() {
	dmesg | awk -v mark="$KMSG_MARK" '{ line[NR] = $0 } index($0, mark) { from = to; to = NR }
		END { for (i = from + 1; i < to; i++) print line[i] }'
}

# kmemleak, where the kernel has it, names only objects that were 5 s old when a scan began which
# found no pointer to them, nor did one before; what it knows of already is not ours.
kmemleak=/sys/kernel/debug/kmemleak
scan() {
	end=$(($(date +%s) + 7))
	while [ "$(date +%s)" -lt $end ]; do
		echo scan >$kmemleak
	done
	# A scan may take longer than all that.
	echo scan >$kmemleak
}
leaks() {
	[ -e $kmemleak ] || return 0
	scan
	cat $kmemleak >"$RESULTS/kmemleak"
	[ ! -s "$RESULTS/kmemleak" ] || { head -n 100 "$RESULTS/kmemleak"; return 1; }
}
if [ -e $kmemleak ]; then
	echo scan >$kmemleak
	echo clear >$kmemleak
fi

# Nothing of a test may hold the module: a closed flow goes within a second of its socket, a
# namespace some time after its processes.
module_used() {
	tries=150
	while [ "$(cat /sys/module/sipsec/refcnt 2>/dev/null || echo 0)" != 0 ]; do
		tries=$((tries - 1))
		[ $tries != 0 ] || return 0
		sleep 0.2
	done
	return 1
}

mkdir -p /run/netns
for test in "$@"; do
	export RESULT="$RESULTS/$test"
	limit=$(sed -n 's/^# TIMEOUT: *//p' "$tests/$test.sh")
	limit=$((${limit:-120} * ${SLOWER:-1}))
	echo "sipsec-selftest: $test" >/dev/kmsg
	start=$(date +%s)
	# Namespaces of its own: when the test ends, so does all that it started.
	unshare --mount --pid --fork --kill-child --mount-proc sh -c '
		mount -t tmpfs netns /run/netns && exec timeout -k 10 "$@"
	' sh "$limit" "$tests/$test.sh" >"$RESULT/log" 2>&1 </dev/null
	status=$?
	seconds=$(($(date +%s) - start))
	held=false
	if module_used; then held=true; fi
	# Nothing said before this is left unjudged, and what is said later is the next one's.
	echo "$KMSG_MARK" >/dev/kmsg
	log_of_test >"$RESULT/dmesg"

	reason=$(tail -n 1 "$RESULT/log")
	case $status in
	0)	verdict=pass reason= ;;
	4)	verdict=skip ;;
	124|137) verdict=fail reason="not done after $limit s" ;;
	*)	verdict=fail reason="status $status: $reason" ;;
	esac
	if $held && [ "$verdict" != fail ]; then
		verdict=fail reason="something of it holds the module"
	fi
	if grep -qE -f "$SIPSEC_TOP/selftests/vm/splats" "$RESULT/dmesg"; then
		verdict=fail reason="the kernel complained: $(grep -hE -m 1 \
			-f "$SIPSEC_TOP/selftests/vm/splats" "$RESULT/dmesg")"
	fi
	echo "$verdict $seconds $reason" >"$RESULT/result.new"
	mv "$RESULT/result.new" "$RESULT/result"
	printf '%s %d s  %s%s\n' "$verdict" "$seconds" "$test" "${reason:+: $reason}"
done

# The first look for leaks still knows the names of the module's functions, the second finds what
# only its variables pointed to.
leaks || exit
rmmod sipsec && leaks
