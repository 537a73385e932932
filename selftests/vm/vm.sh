#!/bin/sh
# vm.sh COMMAND: boot a stock Debian kernel in a virtual machine, load the module, and run COMMAND
# there as root, at the top of the source tree. Gives back its output and its exit status; 124
# when time was up, 125 when the machine died or its kernel complained.
#
# The machine sees the host's files read-only. Environment:
#	KERNEL=6.1	which kernel (see kernel.sh; `debug` and `kmsan` are always started by qemu,
#			`um` is a program: one processor, no netfilter rules, no traffic
#			control, but fast)
#	VM=vng		how to boot: vng (virtme-ng), or qemu (the same without udev: 20 s faster)
#	VM_TIMEOUT=600	seconds, with the boot
#	VM_CPUS=2 VM_MEM=1G
#	VM_ICOUNT=1	virtual time: the machine (qemu, one processor) has a clock that moves by
#			one nanosecond with every instruction: what is timed inside is counted
#	RESULTS=DIR	a folder that the command may write to (build/results/KERNEL)
#	NOMODULE=1	do not load the module
# Also set inside: SIPSEC_CACHE, KERNEL, SIPSEC_TOP, SIPSEC_KO, and PATH and
# LD_LIBRARY_PATH with our tools and library.
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
. "$top/selftests/vm/common.sh"

command=${1:?"usage: vm.sh COMMAND"}
KERNEL=${KERNEL:-6.1} VM=${VM:-vng}
RESULTS=${RESULTS:-$top/build/results/$KERNEL}
limit=${VM_TIMEOUT:-600} cpus=${VM_CPUS:-2} machine=pc
case $KERNEL in
# Their modules are the few that the direct start needs; what watches them takes memory. The other
# machine's table of interrupts is a program, which takes these kernels minutes to run.
debug)	VM=qemu mem=${VM_MEM:-2G} machine=q35 ;;
kmsan)	VM=qemu mem=${VM_MEM:-4G} machine=q35 ;;
um)	VM=um mem=${VM_MEM:-512M} ;;
*)	mem=${VM_MEM:-1G} ;;
esac

accel="tcg,thread=multi" cpu=max icount=
if [ -n "${VM_ICOUNT:-}" ]; then
	# There, the string instructions of fast processors count each octet as one.
	VM=qemu cpus=1 accel="tcg,thread=single" cpu="max,-erms,-fsrm"
	icount="-icount shift=0,sleep=on"
fi

kdir=$("$top/selftests/vm/kernel.sh" "$KERNEL")
release=$(cat "$kdir/release")
mkdir -p "$RESULTS"
RESULTS=$(cd "$RESULTS" && pwd)

# All that belongs to this boot; guest.sh writes the exit status and the kernel log here. The
# module is copied because somebody may build the next one meanwhile.
run=$(mktemp -d "$RESULTS/.vm.XXXXXX")
vm_pid=
clean_up() {
	[ -z "$vm_pid" ] || kill "$vm_pid" 2>/dev/null || :
	rm -rf "$run"
}
trap clean_up EXIT
trap 'exit 130' INT TERM HUP

[ -n "${NOMODULE:-}" ] || cp "$top/build/$KERNEL/module/sipsec.ko" "$run/"
printf '%s\n' "$command" >"$run/command"
userspace=$top/userspace
cat >"$run/env" <<END
export KERNEL='$KERNEL' RESULTS='$RESULTS' HOME=/tmp
export SIPSEC_TOP='$top' SIPSEC_CACHE='$CACHE' SIPSEC_KO='$run/sipsec.ko'
tools='$userspace/sipsecctl:$userspace/sipsec-ua:$top/selftests/tools'
export PATH="\$tools:/usr/sbin:/usr/bin:/sbin:/bin"
export LD_LIBRARY_PATH='$userspace/libsipsec'
END
guest=$top/selftests/vm/guest.sh

# The initial memory disk of the direct start: mounts the host's files and makes them the root.
initramfs() {
	image="$kdir/initramfs.cpio"
	[ "$image" -nt "$top/selftests/vm/initramfs.init" ] && return
	tree=$(mktemp -d "$run/tree.XXXXXX")
	mkdir -p "$tree/bin" "$tree/modules" "$tree/proc" "$tree/dev" "$tree/lower" "$tree/rw" \
		"$tree/root"
	cp /bin/busybox "$tree/bin/"
	cp "$top/selftests/vm/initramfs.init" "$tree/init"
	chmod +x "$tree/init"
	for module in virtio_pci 9pnet_virtio 9p overlay virtio_console; do
		/sbin/modprobe -d "$kdir" -S "$release" --show-depends "$module"
	done | awk '$1 == "insmod" && !seen[$2]++ { print $2 }' | while read -r file; do
		name=$(basename "$file" .xz)
		xzcat -f "$file" >"$tree/modules/$name"
		echo "$name" >>"$tree/modules/order"
	done
	(cd "$tree" && find . | cpio --quiet -o -H newc) >"$run/initramfs"
	mv "$run/initramfs" "$image"
}

# Neither way of booting uses KVM: a machine that has the device may still not be able to use it.
start() {
	case $VM in
	vng)
		PATH="$CACHE/virtme-ng/usr/bin:$PATH" \
			PYTHONPATH="$CACHE/virtme-ng/usr/lib/python3/dist-packages" \
			exec timeout -k 10 "$limit" /usr/bin/python3 \
			"$CACHE/virtme-ng/usr/bin/vng" \
			-r "$kdir/boot/vmlinuz-$release" --disable-kvm --cpus "$cpus" -m "$mem" \
			--user root --rwdir="$RESULTS=$RESULTS" \
			--append "console=ttyS1 $kernel_options" \
			--qemu-opts="-cpu max -chardev file,id=klog,path=$run/console \
				-device isa-serial,chardev=klog" -- "$guest $run"
		;;
	qemu)
		share="security_model=none,multidevs=remap"
		# shellcheck disable=SC2086
		exec timeout -k 10 "$limit" qemu-system-x86_64 -machine $machine \
			-accel "$accel" $icount -cpu "$cpu" -smp "$cpus" -m "$mem" \
			-nodefaults -no-user-config -display none -no-reboot \
			-kernel "$kdir/vmlinuz" -initrd "$kdir/initramfs.cpio" \
			-append "console=ttyS0 quiet loglevel=5 $kernel_options \
				guest.modules=$kdir/lib/modules guest.rw=$RESULTS \
				guest.sh=$guest guest.run=$run" \
			-serial "file:$run/console" \
			-virtfs "local,path=/,mount_tag=lower,readonly=on,$share" \
			-virtfs "local,path=$RESULTS,mount_tag=rw,$share" \
			-device virtio-rng-pci -device virtio-serial-pci \
			-chardev "file,id=out,path=$run/output" \
			-device virtserialport,name=out,chardev=out
		;;
	um)
		# shellcheck disable=SC2086
		HOME=$run TMPDIR=$run exec timeout -k 10 "$limit" "$kdir/linux" "mem=$mem" \
			rootfstype=hostfs rootflags=/ ro quiet loglevel=1 kunit.enable=0 \
			ssl=null con=null con0=null,fd:1 $kernel_options \
			init="$top/selftests/vm/um.init" guest.rw="$RESULTS" guest.run="$run" \
			guest.sh="$guest"
		;;
	*)
		die "unknown VM=$VM (there are vng, qemu)"
		;;
	esac
}
# A kernel that has gone wrong must not go on: the run ends and fails.
# Caches of objects are not merged, so that those of one kind can be counted.
kernel_options="oops=panic panic=-1 log_buf_len=4M slab_nomerge"

[ "$VM" != qemu ] || locked "kernel-$KERNEL" initramfs

# A pipe of its own: QEMU makes its output non-blocking, and virtme-ng opens it anew by its path.
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
	say "the machine was stopped after $limit s (VM_TIMEOUT)"
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
