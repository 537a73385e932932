#!/bin/sh
# module.sh FOLDER [ARCH...]: the module built from nothing for the stock kernel 6.1 of other
# architectures (arm64, s390x, armhf), with W=1: no warning, and no symbol that the kernel lacks.
# Leaves in FOLDER: table, a line "pass|fail SECONDS 1 NAME REASON" for each, and a log and what was
# built for each.
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
cd "$top"

folder=${1:?"usage: module.sh FOLDER [ARCH...]"}
shift
[ $# != 0 ] || set -- arm64 s390x armhf
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
: >"$folder/table"
selftests/vm/setup.sh all

for arch; do
	log=$folder/$arch.log reason=
	rm -rf "${folder:?}/$arch"
	start=$(date +%s)
	# Warnings of the compiler are errors already, those of modpost are not.
	if ! make --no-print-directory module KERNEL="6.1-$arch" module_dir="$folder/$arch" \
		>"$log" 2>&1; then
		reason="the build failed"
	elif [ ! -s "$folder/$arch/sipsec.ko" ] || grep -qi 'warning' "$log"; then
		reason=$(grep -i -m 1 'warning' "$log" || echo "no module was built")
	fi
	seconds=$(($(date +%s) - start))
	if [ -z "$reason" ]; then
		echo "pass $seconds 1 module:$arch" >>"$folder/table"
	else
		echo "fail $seconds 1 module:$arch $reason" >>"$folder/table"
		echo "FAILED module:$arch: $reason"
		grep -iE -A 5 'error|warning' "$log" | head -n 20 | sed 's/^/	/'
		echo "	all of it: $log"
	fi
done
! grep -q '^fail' "$folder/table"
