#!/bin/sh
# plants.sh FOLDER [KERNEL]: prove that what watches on a kernel of our own (um, debug, kmsan) is on
# and makes an ordinary run fail: bugs happen on purpose, one for each detector, in a module that
# was built with them. It passes while none happens. Leaves logs and a table in FOLDER.
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
. "$top/selftests/vm/common.sh"

folder=${1:?"usage: plants.sh FOLDER [KERNEL]"}
export KERNEL="${2:-um}" NOMODULE=1
case $KERNEL in
# In this order: lockdep is off after its first report, and after KASAN's, which makes only one.
um)	bugs="rcu lock sleep timer refcount list net dev oob" ;;
debug)	bugs="rcu lock sleep preempt timer refcount list bounds net dev oob" ;;
# What it runs takes minutes.
kmsan)	bugs=uninit
	export VM_TIMEOUT="${VM_TIMEOUT:-1800}" ;;
*)	die "nothing watches on kernel $KERNEL" ;;
esac

words() {
	case $1 in
	rcu)	echo 'WARNING: suspicious RCU usage' ;;
	lock)	echo 'WARNING: possible circular locking dependency' ;;
	sleep)	echo 'BUG: sleeping function called from invalid context' ;;
	preempt) echo 'BUG: using smp_processor_id\(\) in preemptible' ;;
	timer)	echo 'ODEBUG: free active .* timer_list' ;;
	refcount) echo 'refcount_t: decrement hit 0' ;;
	list)	echo 'list_del corruption' ;;
	bounds)	echo 'UBSAN: array-index-out-of-bounds in .*plant\.c' ;;
	net)	echo 'ref_tracker: net notrefcnt.* has 1/1 users' ;;
	dev)	echo 'unregister_netdevice: waiting for lo' ;;
	oob)	echo 'KASAN: slab-out-of-bounds in plant_oob' ;;
	uninit)	echo 'BUG: KMSAN: uninit-value in plant_uninit' ;;
	leak|left) echo 'unreferenced object' ;;
	free)	echo 'KASAN: slab-use-after-free in plant_free' ;;
	oops)	echo 'Kernel panic - not syncing' ;;
	esac
}

mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
failed=0 seen=0
: >"$folder/table"
start=$(date +%s)
wrong() {	# NAME REASON
	echo "FAILED $1: $2"
	echo "fail 0 1 plants-$KERNEL:$1 $2" >>"$folder/table"
	failed=$((failed + 1))
}

# said BUG FILE: the kernel's words for it are there, and are among those that fail a run.
said() {
	if grep -oE -m 1 "$(words "$1").*" "$2" >"$folder/words" &&
			grep -qE -f "$top/selftests/vm/splats" "$folder/words"; then
		echo "seen $1: $(cut -c1-80 "$folder/words")"
		seen=$((seen + 1))
	else
		wrong "$1" "no \"$(words "$1")\" that fails a run in $2"
	fi
}

# result VERDICT TEST
result() {
	verdict=none reason=
	read -r verdict _ reason <"$folder/$2/result" || :
	[ "$verdict" = "$1" ] || wrong "$2" "result \"$verdict $reason\", not $1"
}

# boot NAME STATUS COMMAND: load the module and run COMMAND, in which `run TEST...` is what runs
# selftests ordinarily; the machine must end with that status.
boot() {
	status=0
	RESULTS=$folder "$top/selftests/vm/vm.sh" "
		run() { SIPSEC_TOP=$folder/top selftests/run-guest.sh \"\$@\"; }
		insmod $ko || exit
		$3" >"$folder/$1.log" 2>&1 || status=$?
	[ $status = "$2" ] || {
		tail "$folder/$1.log"
		wrong "$1" "status $status, not $2: $folder/$1.log"
	}
}

# Tests of their own for run-guest.sh.
tests=$folder/top/selftests/tests
rm -rf "$folder/top"
mkdir -p "$tests"
ln -s "$top/selftests/vm" "$folder/top/selftests/vm"
for bug in before $bugs after leak left free oops; do
	ln -s "$top/selftests/vm/plants-test.sh" "$tests/$bug.sh"
	rm -rf "${folder:?}/$bug"
	mkdir "$folder/$bug"
done

if ! make -C "$top" --no-print-directory module PLANT=1 >"$folder/build.log" 2>&1; then
	tail "$folder/build.log"
	wrong build "make module KERNEL=$KERNEL PLANT=1"
	exit 1
fi
ko=$top/build/$KERNEL-plant/module/sipsec.ko

if [ "$KERNEL" = kmsan ]; then
	boot run 0 "run before $bugs after"
else
	# Leaks are looked for after all tests, before the module goes and then again.
	boot run 125 "run before $bugs after leak && exit 1
		cp $folder/kmemleak $folder/leak/ && echo \"\$KMSG_MARK\" >/dev/kmsg
		run left && exit 1
		cp $folder/kmemleak $folder/left/"
	said leak "$folder/leak/kmemleak"
	said left "$folder/left/kmemleak"
	# KASAN speaks once in a machine's life. The other test never ends.
	boot end 125 "run free oops"
	result fail free
	said free "$folder/free/dmesg"
	said oops "$folder/end.log"
fi
for bug in $bugs; do
	result fail "$bug"
	said "$bug" "$folder/$bug/dmesg"
done
result pass before
result pass after

[ $seen = 0 ] || echo "pass $(($(date +%s) - start)) $seen plants-$KERNEL" >>"$folder/table"
[ $failed = 0 ]
