#!/bin/sh
# run.sh [PART...]: `make bench`: measure in a machine with virtual time, then make tables and plots
# in build/bench/KERNEL. Expects the module and the library to be built. PARTs: see guest.py.
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
cd "$top"
export KERNEL="${KERNEL:-6.1}" VM=qemu VM_ICOUNT=1 VM_MEM="${VM_MEM:-4G}"
export VM_TIMEOUT="${VM_TIMEOUT:-1800}" RESULTS="$top/build/bench/$KERNEL"

rm -rf "$RESULTS"
mkdir -p "$RESULTS"
make --no-print-directory -C selftests/bench
release=$(cat "$(selftests/vm/kernel.sh "$KERNEL")/release")
cat >"$RESULTS/machine" <<END
commit: $(git describe --always --dirty --abbrev=12 2>/dev/null || echo unknown)
kernel: Debian $release, one processor
machine: $(qemu-system-x86_64 --version | sed -n 's/^QEMU.*version \([^ ]*\).*/QEMU \1/p'), \
-accel tcg -icount shift=0 -cpu max,-erms,-fsrm
clock: virtual, one nanosecond per guest instruction
cipher: AES-128-GCM (suite 1)
END
selftests/vm/vm.sh "selftests/bench/guest.sh $*"
selftests/bench/report.py "$RESULTS"
echo "Results: $RESULTS (table.txt, results.json, plots)"
