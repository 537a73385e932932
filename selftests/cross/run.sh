#!/bin/sh
# run.sh FOLDER [ARCH...]: library, tool and kernel code on a big-endian machine (s390x) and on one
# of 32 bits (armhf): built by Debian's cross compilers, their unit tests run in a virtual machine
# with Debian's stock kernel, which has the module loaded. Then come selftests: CROSS_TESTS="name
# name" (smoke). Leaves in FOLDER: table, a line "pass|fail SECONDS COUNT NAME REASON" for each
# group of tests, and for each ARCH a folder with the logs.
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
cd "$top"
. selftests/vm/common.sh

folder=${1:?"usage: run.sh FOLDER [ARCH...]"}
shift
[ $# != 0 ] || set -- s390x armhf
CROSS_TESTS=${CROSS_TESTS-smoke}
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
: >"$folder/table"
selftests/vm/setup.sh all

now() { date +%s; }
record() { echo "$*" >>"$folder/table"; }
failed() {	# NAME COUNT SECONDS LOG REASON
	record fail "$3" "$2" "$1" "$5"
	echo "FAILED $1: $5"
	{ grep -E 'not ok|kunit.c:[0-9]|FAILED|ERROR|[Ee]rror|: status' "$4" || tail -n 10 "$4"; } |
		head -n 10 | cut -c1-200 | sed 's/^/	/'
	echo "	all of it: $4"
}

# Everything that is built stays in build/cross/ARCH.
build() {
	case $arch in
	s390x)	triplet=s390x-linux-gnu ;;
	armhf)	triplet=arm-linux-gnueabihf ;;
	*)	die "no machine is known for $arch (there are s390x, armhf)" ;;
	esac
	sysroot=$(selftests/cross/sysroot.sh "$arch")
	built=$top/build/cross/$arch
	mkdir -p "$built"
	exec 9>"$built/.lock"
	flock 9
	# KUnit is ours, since Debian's kernels have none.
	make --no-print-directory module KERNEL="6.1-$arch" module_dir="$built/module" \
		CONFIG_KUNIT=y NOSTDINC_FLAGS="-nostdinc -I$top/selftests/cross/include"
	(
		export PKG_CONFIG_SYSROOT_DIR="$sysroot"
		export PKG_CONFIG_LIBDIR="$sysroot/usr/lib/$triplet/pkgconfig"
		cross() { make -j2 CC="$triplet-gcc --sysroot=$sysroot" AR="$triplet-ar" "$@"; }
		# `true` instead of the tests: these run there.
		cross -C userspace/libsipsec O="$built/libsipsec" all run-tests RUN=true
		rm -f "$built/sipsecctl/sipsecctl"
		archive=$built/libsipsec/libsipsec.a
		cross -C userspace/sipsecctl O="$built/sipsecctl" archive="$archive" -o "$archive" \
			all run-tests RUN=true
		mkdir -p "$built/tools"
		cross -C "$built/tools" -f "$top/selftests/tools/Makefile" \
			VPATH="$top/selftests/tools"
	)
}

# What runs there; $logs/done is written when it got to its end.
command() {
	echo "cat /proc/uptime >$logs/uptime"
	for unit in libsipsec sipsecctl; do
		for test in "userspace/$unit/tests"/*_test.c; do
			test=$(basename "$test" .c)
			echo "echo '== $test'; SIPSECCTL=\$SIPSEC_BUILT/sipsecctl/sipsecctl" \
				"\$SIPSEC_BUILT/$unit/obj/tests/$test || echo '$test: status' \$?"
		done | sed "1s,^,{ ,; \$s,\$,; } >$logs/$unit 2>\&1,"
		echo "cat /proc/uptime >>$logs/uptime"
	done
	cat <<-END
	for suite in /sys/module/sipsec/parameters/run_*; do
		echo "kunit: run" >/dev/kmsg
		echo 1 >\$suite && echo "kunit: end" >/dev/kmsg
	done
	dmesg | sed -n 's/^.*kunit: //p' >$logs/kernel
	cat /proc/uptime >>$logs/uptime
	cp \$SIPSEC_BUILT/tools/sipsec-traffic selftests/tools/
	touch $logs/done
	[ -z '$tests' ] || selftests/run-guest.sh $tests
	END
}

# units NAME SECONDS: what cmocka says, and that each program came to its end.
units() {
	log=$logs/$1 programs=$(find "userspace/$1/tests" -name '*_test.c' | wc -l)
	passed=$(cmocka PASSED) bad=$(cmocka FAILED)
	if [ "$bad" = 0 ] && [ "$passed" != 0 ] && ! grep -q ': status ' "$log" &&
		[ "$(grep -c '^== ' "$log")" = "$programs" ]; then
		record pass "$2" "$passed" "cross:$arch:$1"
	else
		failed "cross:$arch:$1" $((bad ? bad : 1)) "$2" "$log" \
			"$(grep -hE -m 1 'FAILED|: status ' "$log" || echo "not done")"
	fi
}
cmocka() { awk -v word="$1" '$0 ~ "\\[ +" word " +\\] [0-9]+ test" { sub(/.*\] /, ""); n += $1 }
	END { print n + 0 }' "$log"; }

kernel() {	# SECONDS
	log=$logs/kernel
	passed=$(grep -c '^ok ' "$log") || :
	bad=$(grep -c '^not ok ' "$log") || :
	suites=$(grep -l '^kunit_test_suite' kernel/tests/*_kunit.c | wc -l)
	if [ "$bad" = 0 ] && [ "$passed" != 0 ] && [ "$(grep -c '^end$' "$log")" = "$suites" ]; then
		record pass "$1" "$passed" "cross:$arch:kernel"
	else
		failed "cross:$arch:kernel" $((bad ? bad : 1)) "$1" "$log" \
			"$(grep -h -m 1 '^not ok' "$log" ||
				echo "not all of $suites suites came to their end")"
	fi
}

for arch; do
	logs=$folder/$arch tests=$CROSS_TESTS
	rm -rf "$logs"
	mkdir -p "$logs"
	start=$(now)
	# As a condition, a shell would not stop at its first failure.
	set +e
	(set -e; build) >"$logs/build" 2>&1 </dev/null
	status=$?
	set -e
	if [ $status != 0 ]; then
		failed "cross:$arch:build" 1 $(($(now) - start)) "$logs/build" "the build failed"
		continue
	fi
	for test in $tests; do
		mkdir -p "$logs/$test"
	done
	command >"$logs/command"
	status=0
	RESULTS=$logs SLOWER=6 VM_TIMEOUT=${VM_TIMEOUT:-900} \
		selftests/cross/vm.sh "$arch" ". $logs/command" >"$logs/log" 2>&1 || status=$?
	echo "$arch: build and machine $(($(now) - start)) s"
	if [ ! -e "$logs/done" ]; then
		failed "cross:$arch:machine" 1 $(($(now) - start)) "$logs/log" "status $status"
		continue
	fi
	read -r libsipsec sipsecctl kernel <<-END
		$(awk 'NR > 1 { printf "%d ", $1 - last } { last = $1 }' "$logs/uptime")
	END
	units libsipsec "$libsipsec"
	units sipsecctl "$sipsecctl"
	kernel "$kernel"
	for test in $tests; do
		read -r verdict seconds reason <"$logs/$test/result" ||
			verdict=fail seconds=0 reason="the machine died during this test"
		if [ "$verdict" = pass ]; then
			record pass "$seconds" 1 "cross:$arch:$test"
		else
			failed "cross:$arch:$test" 1 "$seconds" "$logs/$test/log" "$reason"
		fi
	done
	if [ $status != 0 ] && ! grep -q "^fail .* cross:$arch:" "$folder/table"; then
		failed "cross:$arch:machine" 1 0 "$logs/log" "status $status"
	fi
done
! grep -q '^fail' "$folder/table"
