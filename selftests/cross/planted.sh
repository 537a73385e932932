#!/bin/sh
# planted.sh FOLDER [ARCH...]: does run.sh find what is right only on the machine it was written on?
# Plants faults in a copy of the source tree: two that are none on a little-endian machine, and one
# that is none on a machine of 64 bits; each has to make exactly the named groups of tests fail.
# Leaves in FOLDER table, as run.sh, and the copy.
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
cd "$top"

folder=${1:?"usage: planted.sh FOLDER [ARCH...]"}
shift
[ $# != 0 ] || set -- s390x armhf
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
rm -rf "$folder/tree"
mkdir "$folder/tree"
tar -cf - Kbuild Makefile Documentation/netlink kernel uapi selftests --exclude=*.o --exclude=*.d \
	--exclude=obj userspace | tar -xf - -C "$folder/tree"
: >"$folder/table"

# plant FILE OLD NEW: the words, not a pattern.
plant() {
	python3 - "$folder/tree/$1" "$2" "$3" <<-'END'
	import sys
	name, old, new = sys.argv[1:]
	text = open(name).read()
	if old not in text:
	    sys.exit(f"{name} has no {old!r}")
	open(name, "w").write(text.replace(old, new))
	END
}

plant kernel/kdf.c 'put_unaligned_be32(spi, p + 2)' 'put_unaligned(swab32(spi), (u32 *)(p + 2))'
plant userspace/libsipsec/dialog.c 'ntohs(' '__builtin_bswap16('
plant kernel/round.c 'if (w->first >= ' 'if ((unsigned long)w->first >= (unsigned long)'

status=0
for arch; do
	case $arch in
	s390x)	wanted="cross:s390x:kernel cross:s390x:libsipsec" ;;
	armhf)	wanted="cross:armhf:kernel" ;;
	esac
	start=$(date +%s)
	CROSS_TESTS='' "$folder/tree/selftests/cross/run.sh" "$folder/$arch" "$arch" \
		>"$folder/$arch.log" 2>&1 || :
	found=$(awk '$1 == "fail" { print $4 }' "$folder/$arch/table" | sort | xargs)
	seconds=$(($(date +%s) - start))
	if [ "$found" = "$wanted" ]; then
		echo "pass $seconds 1 planted:cross:$arch" >>"$folder/table"
	else
		echo "fail $seconds 1 planted:cross:$arch found '$found', not '$wanted'" \
			>>"$folder/table"
		echo "FAILED planted:cross:$arch: found '$found', not '$wanted': $folder/$arch.log"
		status=1
	fi
done
exit $status
