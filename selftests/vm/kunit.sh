#!/bin/sh
# kunit.sh FOLDER [GLOB]: the unit tests of the kernel module, in User Mode Linux with KASAN.
# GLOB such as sipsec_kdf.* or *.kdf_vector chooses suites and cases. Leaves in FOLDER: console, and
# table, a line "pass|fail|skip SECONDS COUNT NAME REASON" for each case; COUNT is the number of its
# parameters. The module for `um` has been built.
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
. "$top/selftests/vm/common.sh"

folder=${1:?"usage: kunit.sh FOLDER [GLOB]"} glob=${2:-*}
vm=$top/selftests/vm
kdir=$("$vm/kernel.sh" um)
source=$("$top/selftests/tools/kernel-source.sh")
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
tmp=$(mktemp -d "$folder/.tmp.XXXXXX")
trap 'rm -rf "$tmp"' EXIT
trap 'exit 1' INT TERM

mkdir -p "$tmp/root/bin" "$tmp/root/dev" "$tmp/root/proc"
cp /bin/busybox "$tmp/root/bin/"
cp "$vm/kunit.init" "$tmp/root/init"
cp "$top/build/um/module/sipsec.ko" "$tmp/root/"
(cd "$tmp/root" && find . | cpio --quiet -o -H newc) >"$tmp/initrd"

status=0
start=$(date +%s.%N)
# Its files for memory and control go to the folder, not to the home directory.
TMPDIR=$tmp HOME=$tmp timeout -k 10 120 "$kdir/linux" mem=512M initrd="$tmp/initrd" ssl=null \
	con=null con0=null,fd:1 panic=-1 oops=panic kunit.enable=1 "kunit.filter_glob=$glob" \
	"folder=$folder" \
	</dev/null >"$folder/console" 2>&1 || status=$?
seconds=$(echo "$(date +%s.%N) - $start" | bc)

# The kernel's own reader of such logs knows crashed and missing tests from passed ones. It would
# take the empty list of built-in suites, told before, for all there is.
sed '1,/^kunit.init: start/d' "$folder/console" >"$tmp/log"
/usr/bin/python3 "$source/tools/testing/kunit/kunit.py" parse --json="$tmp/results" \
	"$tmp/log" || :
/usr/bin/python3 - "$tmp/results" "$seconds" >"$folder/table" <<'END'
import json
import sys

def cases(group, path):
    """Each case, or each parameter of a case, with its result."""
    for case in group["test_cases"]:
        yield path, case["name"], case["status"]
    for sub in group["sub_groups"]:
        yield from cases(sub, path + [sub["name"]])

def row(verdict, count, name, reason=""):
    print(verdict, round(float(sys.argv[2])), count, name, reason)

counts = {}
for path, name, status in cases(json.load(open(sys.argv[1])), []):
    # path: suite, and case if name is one of its parameters
    case = ".".join((path + [name])[:2])
    counts.setdefault(case, {}).setdefault(status, []).append(name)
for case, by_status in counts.items():
    for status, names in by_status.items():
        verdict = {"PASS": "pass", "SKIP": "skip"}.get(status, "fail")
        row(verdict, len(names), "kunit:" + case,
            "" if verdict == "pass" else f"{status}: {', '.join(names)}")
if not counts:
    row("fail", 1, "kunit", "no case was run")
END
if [ $status != 0 ] || ! grep -q '^kunit.init: status 0' "$folder/console"; then
	echo "fail 0 1 kunit the machine ended with status $status" >>"$folder/table"
elif grep -qE -f "$vm/splats" "$folder/console"; then
	echo "fail 0 1 kunit the kernel complained" >>"$folder/table"
fi
! grep -q '^fail' "$folder/table"
