#!/bin/sh
# guest.sh FOLDER: inside the machine, as root: load the module, run FOLDER/command, leave its exit
# status in FOLDER/status. The same for both ways of booting.
run=$1
# shellcheck source=/dev/null
. "$run/env"
here=$SIPSEC_TOP/selftests/vm
# What the kernel said before the last such line is not looked at in the end.
export KMSG_MARK="sipsec-vm: all well until here"

# Errors of the kernel are to reach the console file also when the machine dies of them.
dmesg -n 5
echo "$KMSG_MARK" >/dev/kmsg
cd "$SIPSEC_TOP" || exit 1

load() {
	# Nothing loads the processor's AES by itself where there is no udev.
	modprobe -a -q esp4 esp6 xfrm_user aesni_intel
	[ -e "$run/sipsec.ko" ] || return 0
	# shellcheck disable=SC2046
	modprobe -a -q $(modinfo -F softdep "$run/sipsec.ko" | sed 's/pre://')
	depends=$(modinfo -F depends "$run/sipsec.ko" | tr , ' ')
	# shellcheck disable=SC2086
	[ -z "$depends" ] || modprobe -a $depends || return
	insmod "$run/sipsec.ko"
}

# Through a pipe, so that a command may open /dev/stdout, which the port cannot bear; named, so
# that what the command left running, and holds it open, can be found and ended.
pipe=/run/sipsec-output
mkfifo $pipe
cat $pipe &
cat=$!
{
	if load; then
		# shellcheck source=selftests/coverage/guest.sh
		[ ! -d "/sys/kernel/debug/gcov$SIPSEC_TOP" ] || . "$here/../coverage/guest.sh"
		sh "$run/command"
		echo $? >"$run/status.new"
		[ -z "${GCOV_PREFIX:-}" ] || coverage_save
	else
		echo "the module could not be loaded:"
		dmesg | tail -n 20
		echo 1 >"$run/status.new"
	fi
} >$pipe 2>&1 </dev/null
for process in /proc/[0-9]*; do
	if [ "$process/fd/1" -ef $pipe ] || [ "$process/fd/2" -ef $pipe ]; then
		kill -9 "${process#/proc/}"
	fi
done 2>/dev/null
wait $cat

dmesg | awk -v mark="$KMSG_MARK" 'index($0, mark) { n = 0; next } { line[n++] = $0 }
	END { for (i = 0; i < n; i++) print line[i] }' >"$run/dmesg"
if grep -qE -f "$here/splats" "$run/dmesg"; then
	echo "the kernel complained while this ran:"
	tail -n 60 "$run/dmesg"
	echo 125 >"$run/status.new"
fi
mv "$run/status.new" "$run/status"
