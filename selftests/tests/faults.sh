#!/bin/sh
# faults: every request survives the failure of each of its allocations
# TIMEOUT: 300
. "$SIPSEC_TOP/selftests/lib.sh"
[ -e /proc/self/fail-nth ] || skip "the kernel cannot inject faults (KERNEL=debug can)"
exec "${0%.sh}.py"
