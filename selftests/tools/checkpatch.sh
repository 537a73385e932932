#!/bin/sh
# checkpatch.sh [FILE...]: the kernel's style check over our C files, or over the given ones.
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
cd "$top"
source=$(selftests/tools/kernel-source.sh)
# It leaves a memory of names in the current folder.
trap 'rm -f .checkpatch-camelcase.*' EXIT

status=0
check() {	# PATTERN OPTION...
	pattern=$1
	shift
	chosen=$(echo "$files" | xargs -n 1 | grep -E "$pattern") || return 0
	# shellcheck disable=SC2086
	perl "$source/scripts/checkpatch.pl" --no-tree --strict --max-line-length=100 --terse \
		--quiet --show-types "$@" -f $chosen || status=1
}

files=${*:-$(find kernel uapi userspace selftests -name '*.[ch]' ! -name '*-gen.[ch]' \
	! -name '*.mod.c' ! -path 'selftests/vectors/*' | sort)}
check '^(kernel|uapi)/'
# Outside the kernel, integers have the names of C11, errors need not be negative, and the kernel's
# macros are not there.
check '^(userspace|selftests)/' --ignore PREFER_KERNEL_TYPES,USE_NEGATIVE_ERRNO,ARRAY_SIZE \
	--ignore BIT_MACRO,PREFER_DEFINED_ATTRIBUTE_MACRO
exit $status
