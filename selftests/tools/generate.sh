#!/bin/sh
# generate.sh [check]: write the files that follow from Documentation/netlink/specs/sipsec.yaml,
# with the kernel's own generator; `check`: only tell whether the ones here are current.
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
cd "$top"
source=$(selftests/tools/kernel-source.sh)
stage=$(mktemp -d)
trap 'rm -rf "$stage"' EXIT
trap 'exit 1' INT TERM

# The generator wants a kernel tree's layout: schema beside specs/, and MAINTAINERS at the top
# (it looks for it upwards, without an end).
spec=Documentation/netlink/specs/sipsec.yaml
mkdir -p "$stage/Documentation/netlink/specs"
touch "$stage/MAINTAINERS"
cp "$source"/Documentation/netlink/*.yaml "$stage/Documentation/netlink/"
cp "$spec" "$stage/$spec"

stale=0
generate() {	# FILE OPTIONS...
	file=$1
	shift
	out=$stage/${file##*/}
	/usr/bin/python3 "$source/tools/net/ynl/ynl-gen-c.py" --spec "$stage/$spec" "$@" -o "$out"
	cmp -s "$out" "$file" && return
	if [ "$mode" = check ]; then
		diff -u "$file" "$out" || :
		stale=1
	else
		mkdir -p "${file%/*}"
		cp "$out" "$file"
		echo "wrote $file"
	fi
}

mode=${1:-write}
generate uapi/linux/sipsec.h --mode uapi --header
generate kernel/netlink-gen.h --mode kernel --header
generate kernel/netlink-gen.c --mode kernel --source
[ $stale = 0 ] || { echo "not current with $spec: run make generate"; exit 1; }
