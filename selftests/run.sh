#!/bin/sh
# run.sh [check|quick|long]: the tests (`make check`, `check-quick`, `check-long`). Ends with a
# table and the line "N passed, N failed, N skipped".
#
# Two lanes run side by side: the selftests in virtual machines of QEMU, and all else, among it the
# selftests in User Mode Linux. One boot of a machine runs all of its tests.
#
#	TEST=name TESTS="name name"	only these; kunit:sipsec_kdf.* is some of kunit
#	KERNEL=6.12			only this kernel's selftests
#	VM=qemu				how to boot, see vm/vm.sh
#
# A selftest is an executable tests/NAME.sh whose second line is "# NAME: description"; lines
# "# TIMEOUT: seconds" (120) and "# KERNELS: um debug" (all) may follow. Its log and kernel log stay
# in build/results/KERNEL/NAME. What needs no such machine leaves them in build/results/host/NAME.
set -eu
top=$(cd "$(dirname "$0")/.." && pwd)
cd "$top"
mode=${1:-check}
wanted="${TESTS:-} ${TEST:-}"
unset TESTS TEST
only=${KERNEL:-}
export VM="${VM:-qemu}"
# What a second processor matters for; the rest has been watched in User Mode Linux, and takes
# minutes on the debug kernel.
two_processors=" closed disturbed flows foreign inflight pair smoke xfrm-in xfrm-out "
# What differs from kernel to kernel: the packets' way through them.
versions=" closed counters drops dscp encap flows foreign gro inflight ipv6 load packets pmtu smoke
	suites tfc wildcard "
results=$top/build/results
mkdir -p "$results/host"
began=$(date +%s)

# In this order: the first machine's results come first.
[ "$mode" != long ] || export FUZZ_SECONDS="${FUZZ_SECONDS:-60}"
case $mode in
quick)	qemu='' um=um ;;
# The selftests in User Mode Linux are those that count which lines they run.
check)	qemu='6.1 debug 7.2 6.12 5.10' um='' ;;
long)	qemu='6.1 debug 7.2 6.12 5.10' um=um ;;
*)	echo "usage: run.sh [check|quick|long]" >&2; exit 2 ;;
esac
case $only in
'')	;;
um)	qemu='' um=um ;;
*)	qemu=$only um='' ;;
esac
# One test in one kernel is what somebody wants who names it.
if [ "$wanted" != " " ] && [ -z "$only" ]; then
	qemu=6.1 um=''
fi

summary=$results/summary
echo "0 passed, 1 failed, 0 skipped" >"$summary"
exec 8>"$results/.lock"
flock -n 8 || { echo "waiting for another run in this folder"; flock 8; }
# Rows "VERDICT SECONDS COUNT KERNEL NAME REASON".
table=$results/table
: >"$table"

lanes=
stop() {
	trap - EXIT INT TERM
	# shellcheck disable=SC2086
	[ -z "$lanes" ] || kill $lanes 2>/dev/null || :
	wait
}
trap stop EXIT
trap 'exit 1' INT TERM

# Whether a check of this name is to run.
chosen() {
	if [ "$wanted" = " " ]; then
		[ -z "$only" ]
		return
	fi
	for _name in $wanted; do
		[ "${_name%%:*}" != "$1" ] || return 0
	done
	return 1
}

# The selftests for a kernel.
selftests() {
	for _file in selftests/tests/*.sh; do
		_name=$(basename "$_file" .sh)
		if [ "$wanted" != " " ]; then
			chosen "$_name" || continue
		else
			_kernels=$(sed -n 's/^# KERNELS: *//p' "$_file")
			case " ${_kernels:-$1} " in
			*" $1 "*) ;;
			*)	continue ;;
			esac
			case "$mode $1 $only" in
			"check debug ")	_some=$two_processors ;;
			"check 7.2 "|"check 6.12 "|"check 5.10 ") _some=$versions ;;
			*)	_some=" $_name " ;;
			esac
			case $_some in
			*[[:space:]]"$_name"[[:space:]]*) ;;
			*)	continue ;;
			esac
			# The inner loop does without those that take long.
			[ "$mode" != quick ] || ! grep -q '^# SLOW' "$_file" || continue
		fi
		echo "$_name"
	done
}

# record VERDICT SECONDS COUNT KERNEL NAME [REASON]
record() {
	echo "$*" >>"$table"
	_row="$1 $2 s" _count=$3 _kernel=$4 _name=$5
	shift 5
	echo "$_row  $_name$([ "$_count" = 1 ] || echo " ($_count)")${*:+: $*}" |
		progress "$_kernel"
}
# Lines of a kernel's checks, as they end, with the time since the beginning.
progress() {
	while read -r _verdict _rest; do
		case $_verdict in
		pass|fail|skip)
			printf '%5d s  %-5s  %s %s\n' $(($(date +%s) - began)) "$1" "$_verdict" \
				"$_rest"
			;;
		esac
	done
}
# shown FOLDER: the end of what a failed check has said.
shown() {
	tail -n 30 "$1/log" 2>/dev/null | sed 's/^/	/' || :
	if grep -sqE -f selftests/vm/splats "$1/dmesg"; then
		tail -n 60 "$1/dmesg" | sed 's/^/	/'
	fi
	echo "	all of it: $1"
}
again() { echo "	again: make check TEST=$1${2:+ KERNEL=$2}"; }

fresh() { rm -rf "${results:?}/$1"; mkdir -p "$results/$1"; }

# host NAME COMMAND...: a check that needs no machine of ours. If cmocka speaks, its tests count.
host() {
	name=$1
	[ "$name" = userspace ] || chosen "$name" || return 0
	shift
	fresh "host/$name"
	log=$results/host/$name/log
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
	[ "$passed" = 0 ] || record pass "$seconds" "$passed" host "$name"
	[ "$skipped" = 0 ] || record skip "$seconds" "$skipped" host "$name"
	[ "$bad" = 0 ] || {
		record fail "$seconds" "$bad" host "$name" "status $status"
		shown "$results/host/$name"
		again "$name"
	}
}
cmocka() { awk -v word="$1" '$0 ~ "\\[ +" word " +\\] [0-9]+ test" { sub(/.*\] /, ""); n += $1 }
	END { print n + 0 }' "$log"; }

# rows NAME SCRIPT ARGS...: a check that takes the folder for its results as first argument, and
# leaves there a table with rows "VERDICT SECONDS COUNT NAME REASON".
rows() {
	name=$1 script=$2
	chosen "$name" || return 0
	shift 2
	fresh "host/$name"
	folder=$results/host/$name
	status=0
	"$script" "$folder" "$@" >"$folder/log" 2>&1 </dev/null || status=$?
	[ -s "$folder/table" ] || echo "fail 0 1 $name no result, status $status" >"$folder/table"
	if [ $status != 0 ] && ! grep -q '^fail' "$folder/table"; then
		echo "fail 0 1 $name status $status" >>"$folder/table"
	fi
	# Cases SUITE.CASE that passed are one row.
	awk '$1 != "pass" { line[++n] = $0; next }
		{ sub(/\..*/, "", $4) }
		!($4 in at) { at[$4] = ++n }
		{ $3 = count[$4] += $3; line[at[$4]] = $0 }
		END { for (i = 1; i <= n; i++) print line[i] }' "$folder/table" >"$folder/rows"
	while read -r verdict seconds count row reason; do
		case $row in
		um:*)	record "$verdict" "$seconds" "$count" um "${row#um:}" "$reason" ;;
		*)	record "$verdict" "$seconds" "$count" host "$row" "$reason" ;;
		esac
	done <"$folder/rows"
	! grep -q '^fail' "$folder/table" || { shown "$folder"; again "$name"; }
}

# built KERNEL: the module for it.
built() {
	fresh "$1/build"
	start=$(date +%s)
	if {
		selftests/vm/kernel.sh --verify "$1" &&
		make --no-print-directory module KERNEL="$1"
	} >"$results/$1/build/log" 2>&1; then
		[ "$wanted" != " " ] || record pass $(($(date +%s) - start)) 1 "$1" build
		return
	fi
	record fail $(($(date +%s) - start)) 1 "$1" build
	shown "$results/$1/build"
	return 1
}

# machine KERNEL: its selftests, in one boot.
machine() {
	kernel=$1
	folder=$results/$kernel
	names=$(selftests "$kernel")
	[ -n "$names" ] || return 0
	# Says so itself if it has something to fetch or to build.
	selftests/vm/kernel.sh "$kernel" >/dev/null || { record fail 0 1 "$kernel" kernel; return; }
	built "$kernel" || return 0
	# Time limits of tests are for stock kernels with the machine for themselves.
	case $kernel in
	debug)	slower=8 ;;
	*)	slower=3 ;;
	esac
	limits=240
	for name in $names; do
		fresh "$kernel/$name"
		limit=$(sed -n 's/^# TIMEOUT: *//p' "selftests/tests/$name.sh")
		limits=$((limits + (${limit:-120} + 10) * slower))
	done
	# What watches costs time: tests that count packets take fewer there.
	case $kernel in
	um|debug) watched=1 ;;
	*)	watched= ;;
	esac
	# shellcheck disable=SC2086
	machine_log=$folder/log
	{
		status=0
		KERNEL=$kernel RESULTS=$folder VM_TIMEOUT=$limits selftests/vm/vm.sh \
			"SLOWER=$slower WATCHED=$watched LONG=$([ "$mode" != long ] || echo 1) \
			selftests/run-guest.sh $(echo "$names" | xargs)" 2>&1 || status=$?
		echo $status >"$folder/status"
	} | tee "$machine_log" | progress "$kernel"
	read -r status <"$folder/status"
	# A machine that dies leaves tests without a result: these count as failed.
	died=false
	for name in $names; do
		if [ ! -s "$folder/$name/result" ] && [ -e "$folder/$name/log" ]; then
			echo "fail 0 the machine died during this test" >"$folder/$name/result"
			cp "$folder/console" "$folder/$name/" || :
			died=true
		elif [ ! -s "$folder/$name/result" ]; then
			echo "fail 0 not run: the machine had died before" >"$folder/$name/result"
			died=true
		fi
		read -r verdict seconds reason <"$folder/$name/result" || :
		echo "$verdict $seconds 1 $kernel $name $reason" >>"$table"
		[ "$verdict" != fail ] || { shown "$folder/$name"; again "$name" "$kernel"; }
	done
	# The kernel's last words, after all tests: the module is unloaded then.
	if [ "$status" != 0 ] && ! $died; then
		record fail 0 1 "$kernel" "afterwards" "status $status"
		tail -n 60 "$machine_log"
	fi
}

qemu_lane() {
	for _kernel in $qemu; do
		machine "$_kernel"
	done
	long plants-debug selftests/vm/plants.sh debug
	long plants-kmsan selftests/vm/plants.sh kmsan
}
# all NAME SCRIPT ARGS...: rows that the inner loop does without.
all() {
	if [ "$mode" != quick ] || [ "$wanted" != " " ]; then
		rows "$@"
	fi
}
# long NAME SCRIPT ARGS...: rows for check-long, or for who names them.
long() {
	if [ "$mode" = long ] || [ "$wanted" != " " ]; then
		rows "$@"
	fi
}

host_lane() {
	host generated make --no-print-directory generate-check
	# Folders whose Makefile has a target `check` hold unit tests.
	for _unit in $(grep -ls '^check:' userspace/*/Makefile selftests/*/Makefile |
			xargs -rn 1 dirname); do
		host "unit-${_unit##*/}" make --no-print-directory -C "$_unit" check
	done
	if chosen kunit; then
		selftests/vm/kernel.sh um >/dev/null && make module KERNEL=um >/dev/null 2>&1 || :
		_glob=$(echo "$wanted" | xargs -n 1 | sed -n 's/^kunit://p')
		rows kunit selftests/vm/kunit.sh "${_glob:-*}"
	fi
	for _kernel in $um; do
		machine "$_kernel"
	done
	all coverage selftests/coverage/run.sh
	all static selftests/static/run.sh
	all plants-um selftests/vm/plants.sh um
	all fuzz-lib userspace/libsipsec/fuzz/run.sh
	all mutants-apply selftests/mutants/apply.sh
	all cross selftests/cross/run.sh
	long mutants selftests/mutants/run.sh
	long mutants-isolation selftests/mutants/isolation.sh
	long cross-planted selftests/cross/planted.sh
	long cross-modules selftests/cross/module.sh
}

selftests/vm/setup.sh all
for name in $wanted; do
	case $name in
	generated|kunit|kunit:*|mutants|mutants-*|unit-*|static|coverage|plants-*|fuzz-lib) ;;
	cross|cross-*) ;;
	*)	[ -x "selftests/tests/$name.sh" ] ||
			{ echo "there is no test named $name"; exit 1; } ;;
	esac
done
host userspace make --no-print-directory userspace
qemu_lane &
lanes=$!
host_lane &
lanes="$lanes $!"
for lane in $lanes; do
	wait "$lane" || record fail 0 1 host lane "status $?"
done
lanes=

# The table: tests by kernels, seconds of each; then what ran on the host.
echo
awk '
	$4 != "host" && $5 != "" {
		if (!($4 in column)) { column[$4] = ++columns; kernel[columns] = $4 }
		if (!($5 in row)) { row[$5] = ++n; test[n] = $5 }
		cell[$5, $4] = $1 == "pass" ? $2 " s" : $1
	}
	END {
		if (!n) exit
		printf "%-16s", "selftest"
		for (c = 1; c <= columns; c++) printf "%10s", kernel[c]
		print ""
		for (r = 1; r <= n; r++) {
			printf "%-16s", test[r]
			for (c = 1; c <= columns; c++) {
				value = cell[test[r], kernel[c]]
				printf "%10s", value == "" ? "-" : value
			}
			print ""
		}
		print ""
	}' "$table"
awk '$4 == "host" {
	if (!n++) printf "%-6s %7s %6s  %s\n", "result", "seconds", "tests", "check"
	printf "%-6s %7d %6d  %s", $1, $2, $3, $5
	for (i = 6; i <= NF; i++) printf " %s", $i
	print ""
} END { if (n) print "" }' "$table"
awk '$1 != "pass" { sub(/^[a-z]+ [0-9]+ [0-9]+ /, "&"); print }' "$table" | cut -c1-160
echo "$(($(date +%s) - began)) s"
status=0
awk '{ n[$1] += $3 } END {
	printf "%d passed, %d failed, %d skipped\n", n["pass"], n["fail"], n["skip"]
	exit !(n["pass"] > 0 && !n["fail"]) }' "$table" >"$summary" || status=1
cat "$summary"
exit $status
