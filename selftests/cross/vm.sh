#!/bin/sh
# vm.sh ARCH COMMAND: boot Debian's stock kernel of another architecture in a virtual machine, load
# the module, and run COMMAND there as root, at the top of the source tree, with the programs that
# run.sh has built. Gives back its output and its exit status; 124 when time was up, 125 when the
# machine died or its kernel complained. Environment: VM_TIMEOUT, VM_CPUS, RESULTS as for
# ../vm/vm.sh; SLOWER is passed on.
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
. "$top/selftests/vm/common.sh"

arch=${1:?"usage: vm.sh ARCH COMMAND"} command=${2:?"usage: vm.sh ARCH COMMAND"}
built=$top/build/cross/$arch
RESULTS=${RESULTS:-$top/build/results/6.1-$arch}
case $arch in
s390x)	machine="qemu-system-s390x -machine s390-ccw-virtio -cpu max" console=ttysclp0 ;;
armhf)	machine="qemu-system-arm -machine virt,highmem=off -cpu cortex-a15" console=ttyAMA0 ;;
*)	die "there is no machine for $arch (there are s390x, armhf)" ;;
esac

kdir=$("$top/selftests/vm/kernel.sh" "6.1-$arch")
release=$(cat "$kdir/release")
sysroot=$("$top/selftests/cross/sysroot.sh" "$arch")
mkdir -p "$RESULTS"
RESULTS=$(cd "$RESULTS" && pwd)

run=$(mktemp -d "$RESULTS/.vm.XXXXXX")
vm_pid=
clean_up() {
	[ -z "$vm_pid" ] || kill "$vm_pid" 2>/dev/null || :
	rm -rf "$run"
}
trap clean_up EXIT
trap 'exit 130' INT TERM HUP

cp "$built/module/sipsec.ko" "$run/"
printf '%s\n' "$command" >"$run/command"
cat >"$run/env" <<END
export KERNEL='6.1-$arch' RESULTS='$RESULTS' HOME=/tmp SLOWER='${SLOWER:-1}'
export SIPSEC_TOP='$top' SIPSEC_CACHE=/nonexistent SIPSEC_KO='$run/sipsec.ko' SIPSEC_BUILT='$built'
export PATH='$built/sipsecctl:$built/tools:/usr/sbin:/usr/bin:/sbin:/bin:/usr/local/bin'
export LD_LIBRARY_PATH='$built/libsipsec'
END

# The initial memory disk: mounts the host's folders and makes them the root.
initramfs() {
	mkdir -p "$run/tree/bin" "$run/tree/modules" "$run/tree/proc" "$run/tree/dev" \
		"$run/tree/lower" "$run/tree/top" "$run/tree/rw" "$run/tree/system"
	cp "$sysroot/bin/busybox" "$run/tree/bin/"
	cp "$top/selftests/cross/vm.init" "$run/tree/init"
	chmod +x "$run/tree/init"
	for module in virtio_pci 9pnet_virtio 9p overlay virtio_console virtio-rng; do
		/sbin/modprobe -d "$kdir" -S "$release" --show-depends $module
	done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' | while read -r file; do
		cp "$file" "$run/tree/modules/"
		echo "${file##*/}" >>"$run/tree/modules/order"
	done
	(cd "$run/tree" && find . | cpio --quiet -o -H newc) >"$run/initramfs"
}
initramfs

share="security_model=none,multidevs=remap"
start() {
	# shellcheck disable=SC2086
	exec timeout -k 10 "${VM_TIMEOUT:-300}" $machine -accel tcg,thread=multi \
		-smp "${VM_CPUS:-1}" -m 1G -nodefaults -no-user-config -display none -no-reboot \
		-kernel "$kdir/vmlinuz" -initrd "$run/initramfs" \
		-append "console=$console quiet loglevel=5 oops=panic panic=-1 log_buf_len=4M \
			guest.top=$top guest.rw=$RESULTS guest.run=$run" \
		-serial "file:$run/console" \
		-virtfs "local,path=$sysroot,mount_tag=lower,readonly=on,$share" \
		-virtfs "local,path=$kdir/lib/modules,mount_tag=modules,readonly=on,$share" \
		-virtfs "local,path=$top,mount_tag=top,readonly=on,$share" \
		-virtfs "local,path=$RESULTS,mount_tag=rw,$share" \
		-device virtio-rng -device virtio-serial \
		-chardev "file,id=out,path=$run/output" -device virtserialport,name=out,chardev=out
}

mkfifo "$run/output"
cat "$run/output" &
cat=$!
start </dev/null >"$run/output" 2>&1 &
vm_pid=$!
ended=0
wait $vm_pid || ended=$?
vm_pid=
wait $cat

status=125
if [ $ended = 124 ] || [ $ended = 137 ]; then
	say "the machine was stopped after ${VM_TIMEOUT:-300} s (VM_TIMEOUT)"
	status=124
elif [ -s "$run/status" ]; then
	read -r status <"$run/status"
else
	say "the machine died before the command was done"
fi
if [ ! -s "$run/status" ]; then
	cp "$run/console" "$RESULTS/console" 2>/dev/null || : >"$RESULTS/console"
	say "last lines of its console (all: $RESULTS/console):"
	tail -n 60 "$RESULTS/console" >&2
fi
exit "$status"
