#!/bin/sh
# checkpatch.sh [FILE...]: the kernel's style check over our C files, or over the given ones.
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
cd "$top"
source=$(selftests/tools/kernel-source.sh)
# It leaves a memory of names in the current folder.
trap 'rm -f .checkpatch-camelcase.*' EXIT
check() {
	perl "$source/scripts/checkpatch.pl" --no-tree --strict --max-line-length=100 --terse \
		--quiet --show-types "$@"
}

status=0
for file in ${*:-$(find kernel uapi userspace selftests/tools -name '*.[ch]' \
		! -name '*-gen.[ch]' ! -name '*.mod.c' | sort)}; do
	case $file in
	# Outside the kernel, integers have the names of C11 and errors need not be negative.
	userspace/*|selftests/*)
		check --ignore PREFER_KERNEL_TYPES,USE_NEGATIVE_ERRNO -f "$file" || status=1 ;;
	*)	check -f "$file" || status=1 ;;
	esac
done
exit $status
