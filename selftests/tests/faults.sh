#!/bin/sh
# faults: every request, and every rotation, survives the failure of each of its allocations
# TIMEOUT: 300
# KERNELS: um debug
. "$SIPSEC_TOP/selftests/lib.sh"
[ -e /proc/self/fail-nth ] || skip "the kernel cannot inject faults (KERNEL=um or debug can)"
# The kernel's threads are in no process namespace of a test, but in the /proc below this one.
grep -qs '^kworker' /proc/[0-9]*/comm || umount /proc
exec "${0%.sh}.py"
