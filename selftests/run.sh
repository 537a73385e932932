#!/bin/sh
# run.sh: all tests (`make check`): build, unit tests, generated files, then one boot of a VM in
# which the selftests run. Ends with a table and the line "N passed, N failed, N skipped".
# TEST=name or TESTS="name name": only these. KERNEL=6.1. VM=qemu or vng, see vm/vm.sh.
# KERNEL=debug: on a kernel that watches itself, where all takes longer. TEST=kunit: the module's
# unit tests, TEST=kunit:sipsec_kdf.* some of them; they always run in User Mode Linux.
#
# A selftest is an executable tests/NAME.sh whose second line is "# NAME: description"; a line
# "# TIMEOUT: seconds" may follow (120). Its log and kernel log stay in build/results/KERNEL/NAME.
set -eu
top=$(cd "$(dirname "$0")/.." && pwd)
cd "$top"
export KERNEL="${KERNEL:-6.1}" VM="${VM:-qemu}"
export RESULTS="${RESULTS:-$top/build/results/$KERNEL}"
wanted="${TESTS:-} ${TEST:-}"
# Time limits of tests are for stock kernels.
slower=1
[ "$KERNEL" != debug ] || slower=6
mkdir -p "$RESULTS" build/results
RESULTS=$(cd "$RESULTS" && pwd)

summary=$top/build/results/summary
echo "0 passed, 1 failed, 0 skipped" >"$summary"

exec 8>"$RESULTS/.lock"
flock -n 8 || { echo "waiting for another run in $RESULTS"; flock 8; }

# Folders whose Makefile has a target `check` hold unit tests.
units=$(grep -ls '^check:' userspace/*/Makefile selftests/*/Makefile | xargs -rn 1 dirname)

for name in $wanted; do
	case $name in
	kunit|kunit:*) continue ;;
	esac
	case " build generated $(for unit in $units; do echo "unit-${unit##*/}"; done | xargs) " in
	*" $name "*) ;;
	*) [ -x "selftests/tests/$name.sh" ] || { echo "there is no test named $name"; exit 1; } ;;
	esac
done
chosen() {
	[ "$wanted" = " " ] || case " $wanted " in
		*" $1 "*) ;;
		*) return 1 ;;
	esac
}

# The table: one line "VERDICT SECONDS COUNT NAME REASON" per result.
table=$RESULTS/table
: >"$table"
record() { echo "$*" >>"$table"; }
fresh() { rm -rf "${RESULTS:?}/$1"; mkdir -p "$RESULTS/$1"; }

failed() {	# NAME REASON
	echo "FAILED $1: $2"
	tail -n 30 "$RESULTS/$1/log" 2>/dev/null | sed 's/^/	/' || :
	if grep -sqE -f selftests/vm/splats "$RESULTS/$1/dmesg"; then
		tail -n 60 "$RESULTS/$1/dmesg" | sed 's/^/	/'
	fi
	echo "	all of it: $RESULTS/$1"
	echo "	again: make check TEST=$1 KERNEL=$KERNEL"
}

# host_test NAME COMMAND...: a test that needs no VM. If cmocka speaks, its tests are counted.
host_test() {
	name=$1
	shift
	fresh "$name"
	log=$RESULTS/$name/log
	start=$(date +%s)
	status=0
	"$@" >"$log" 2>&1 </dev/null || status=$?
	seconds=$(($(date +%s) - start))
	passed=$(cmocka PASSED) bad=$(cmocka FAILED) skipped=$(cmocka SKIPPED)
	if [ $status != 0 ] && [ "$bad" = 0 ]; then
		bad=1
	elif [ $((passed + bad + skipped)) = 0 ]; then
		passed=1
	fi
	[ "$passed" = 0 ] || record pass "$seconds" "$passed" "$name"
	[ "$skipped" = 0 ] || record skip "$seconds" "$skipped" "$name"
	if [ "$bad" = 0 ]; then
		printf 'pass  %4d s  %s (%d)\n' "$seconds" "$name" "$passed"
	else
		record fail "$seconds" "$bad" "$name"
		failed "$name" "status $status"
	fi
}
cmocka() { awk -v word="$1" '$0 ~ "\\[ +" word " +\\] [0-9]+ test" { sub(/.*\] /, ""); n += $1 }
	END { print n + 0 }' "$log"; }

# The module's unit tests: each case is a test.
kunit_tests() {
	glob='*'
	case ${TEST:-} in
	kunit:*) glob=${TEST#kunit:} ;;
	*)	chosen kunit || return 0 ;;
	esac
	fresh kunit
	log=$RESULTS/kunit/log
	# Says so itself if it has minutes to build.
	selftests/vm/kernel.sh um >/dev/null || { record fail 0 1 kunit "no kernel"; return; }
	if ! make --no-print-directory module KERNEL=um >"$log" 2>&1; then
		record fail 0 1 kunit "the build failed"
		failed kunit "make module KERNEL=um"
	elif selftests/vm/kunit.sh "$RESULTS/kunit" "$glob" >>"$log" 2>&1; then
		cat "$RESULTS/kunit/table" >>"$table"
		awk '{ n += $3 } END { printf "pass  %4d s  kunit (%d)\n", $2, n }' \
			"$RESULTS/kunit/table"
	else
		cat "$RESULTS/kunit/table" >>"$table"
		failed kunit "$(grep -c ^fail "$RESULTS/kunit/table") cases"
	fi
}

vm_tests() {
	names='' limits=120
	for file in selftests/tests/*.sh; do
		name=$(basename "$file" .sh)
		chosen "$name" || continue
		names="$names $name"
		fresh "$name"
		limit=$(sed -n 's/^# TIMEOUT: *//p' "$file")
		limits=$((limits + (${limit:-120} + 10) * slower))
	done
	[ -n "$names" ] || return 0

	lost="not run: the build failed"
	if $built; then
		machine=0
		VM_TIMEOUT=$limits selftests/vm/vm.sh \
			"SLOWER=$slower selftests/run-guest.sh$names" || machine=$?
		lost="not run: the machine had died before"
	fi
	# A machine that dies leaves tests without a result: these count as failed.
	for name in $names; do
		if [ ! -s "$RESULTS/$name/result" ] && [ -e "$RESULTS/$name/log" ]; then
			echo "fail 0 the machine died during this test" >"$RESULTS/$name/result"
			cp "$RESULTS/console" "$RESULTS/$name/" || :
		elif [ ! -s "$RESULTS/$name/result" ]; then
			echo "fail 0 $lost" >"$RESULTS/$name/result"
		fi
		read -r verdict seconds reason <"$RESULTS/$name/result" || :
		record "$verdict" "$seconds" 1 "$name" "$reason"
		[ "$verdict" != fail ] || failed "$name" "$reason"
	done
	# The kernel's last words, after all tests: the module is unloaded then.
	if $built && [ $machine != 0 ] && ! grep -q '^fail' "$table"; then
		record fail 0 1 machine "status $machine after the tests"
	fi
}

# Says so itself if it has something to fetch or to build.
selftests/vm/kernel.sh "$KERNEL" >/dev/null
# The build always happens; it counts as a test when it fails, or when all tests were asked for.
fresh build
built=true
start=$(date +%s)
if ! { selftests/vm/kernel.sh --verify "$KERNEL" &&
	make --no-print-directory module userspace; } >"$RESULTS/build/log" 2>&1; then
	built=false
	record fail 0 1 build
	failed build "make module userspace"
elif chosen build; then
	record pass $(($(date +%s) - start)) 1 build
fi
if chosen generated; then host_test generated make --no-print-directory generate-check; fi
for unit in $units; do
	name=unit-${unit##*/}
	if chosen "$name"; then host_test "$name" make --no-print-directory -C "$unit" check; fi
done
kunit_tests
vm_tests

description() { sed -n "2s/^# *$1: *//p" "selftests/tests/$1.sh" 2>/dev/null || :; }
echo
printf '%-6s %7s %6s  %s\n' result seconds tests name
while read -r verdict seconds count name reason; do
	printf '%-6s %7d %6d  %-20s %.100s\n' "$verdict" "$seconds" "$count" "$name" \
		"${reason:-$(description "$name")}"
done <"$table"
echo
status=0
awk '{ n[$1] += $3 } END {
	printf "%d passed, %d failed, %d skipped\n", n["pass"], n["fail"], n["skip"]
	exit !(n["pass"] > 0 && !n["fail"]) }' "$table" >"$summary" || status=1
cat "$summary"
exit $status
