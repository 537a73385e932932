#!/bin/sh
# run.sh: `make demo`: a SIP call in a VM whose media rides our SAs, and what can be seen of it.
# Expects the module, the library and the programs to be built. KERNEL=6.1, VM=vng, see vm/vm.sh.
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
cd "$top"
demo=selftests/demo
export KERNEL="${KERNEL:-6.1}" VM="${VM:-vng}" NOMODULE=1 VM_TIMEOUT="${VM_TIMEOUT:-300}"
export RESULTS="$top/build/results/$KERNEL/demo"

bold='' plain=''
if [ -t 1 ] && [ -z "${NO_COLOR:-}" ]; then
	bold=$(printf '\033[1m') plain=$(printf '\033[0m')
fi
title() { printf '\n%s%s%s\n\n' "$bold" "$*" "$plain"; }

failed=0
check() { "$@" || failed=1; }

rm -rf "$RESULTS"
mkdir -p "$RESULTS"
# Somebody may build the next one meanwhile.
cp "build/$KERNEL/module/sipsec.ko" "$RESULTS/"
title "Booting Debian's Linux $KERNEL in a virtual machine (takes half a minute)"
if ! selftests/vm/vm.sh "$demo/guest.sh"; then
	[ ! -s "$RESULTS/left" ] || { title "What is left"; cat "$RESULTS/left"; }
	echo
	echo "The demo FAILED in the virtual machine; its files: $RESULTS"
	exit 1
fi

call=$RESULTS/call
title "The call, from the SIP traces of both telephones"
check $demo/ladder.py "ua1=$call/ua1.trace" "ua2=$call/ua2.trace"

title "The capture of the call"
check $demo/capture_check.py "$call/capture.pcap" --caller "$call/ua1" --callee "$call/ua2"

title "The audio"
check $demo/audio_check.py "ua1 to ua2" "$call/ua1.sent" "$call/ua2.received"
check $demo/audio_check.py "ua2 to ua1" "$call/ua2.sent" "$call/ua1.received"

title "The control: the same check of the call without sipsec, which must fail"
control=$RESULTS/control
if $demo/capture_check.py "$control/capture.pcap" --min-packets 100 >"$control/check"; then
	failed=1
	echo "  FAIL  a call in clear passed the capture check:"
	cat "$control/check"
elif ! grep -q '^  FAIL .* in clear text' "$control/check"; then
	failed=1
	echo "  FAIL  the capture check failed for another reason than clear text:"
	cat "$control/check"
else
	sed -n 's/^  FAIL  /  as expected: /p' "$control/check"
fi

title "What is left after the call"
cat "$RESULTS/left"

echo
if [ $failed != 0 ]; then
	echo "The demo FAILED; its files: $RESULTS"
	exit 1
fi
echo "All is well. Listen to $call/ua1.heard.wav and ua2.heard.wav; the capture is beside them."
