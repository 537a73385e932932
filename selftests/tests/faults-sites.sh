#!/bin/sh
# faults-sites: each call in the module that allocates is made to fail where it is used
# TIMEOUT: 300
# KERNELS: um
. "$SIPSEC_TOP/selftests/lib.sh"
[ -e /proc/self/fail-nth ] || skip "the kernel cannot inject faults (KERNEL=um or debug can)"
need objdump readelf nm addr2line nft
grep -qs "^kworker" /proc/[0-9]*/comm || umount /proc
exec "${0%.sh}.py"
