#!/bin/sh
# collect.sh FOLDER: unit tests, and the selftests on User Mode Linux, with module, library and
# tools built to count which lines are run. That is done in FOLDER/tree, a copy of the sources, so
# that no object built that way is ever taken for an ordinary one. Results in FOLDER/host and
# FOLDER/um, rows of both in FOLDER/collected. TESTS="name name": only these.
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
folder=${1:?"usage: collect.sh FOLDER"}
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
rm -rf "$folder/tree" "$folder/host" "$folder/um"
mkdir "$folder/tree"
# What has been built in the sources' folders stays behind.
cd "$top"
git -c safe.directory='*' ls-files -z --cached --others --exclude-standard |
	xargs -0 sh -c 'for f; do [ ! -e "$f" ] || printf "%s\0" "$f"; done' sh |
	cpio --quiet -0pdm "$folder/tree"
cd "$folder/tree"
# The makefiles take their flags from the environment; kbuild knows the second one.
export CFLAGS="-O0 -g --coverage" GCOV_PROFILE=y
units=$(grep -ls '^check:' userspace/*/Makefile | sed 's,userspace/\([^/]*\)/.*,unit-\1,')
status=0
KERNEL='' TESTS="$units kunit" selftests/run.sh || status=1
cp build/results/table "$folder/collected"
KERNEL=um selftests/run.sh || status=1
cat build/results/table >>"$folder/collected"
mv build/results/host build/results/um "$folder"
exit $status
