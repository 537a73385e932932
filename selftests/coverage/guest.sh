# shellcheck shell=sh
# guest.sh: inside the machine, sourced by vm/guest.sh when the module counts its lines: where
# programs keep their counts, and at the end coverage_save, which puts them with the kernel's into
# $RESULTS/gcov.
# Tests run programs as all sorts of users, who need not be able to reach $RESULTS; an empty file is
# one without counts yet.
export GCOV_PREFIX=/run/sipsec-gcov
(cd "$SIPSEC_TOP/userspace" && find . -name '*.gcno' ! -path './*/check/*') | while read -r file; do
	file=${file#./}
	file=$GCOV_PREFIX$SIPSEC_TOP/userspace/${file%.gcno}.gcda
	mkdir -p "${file%/*}"
	: >>"$file"
done
chmod -R a+rwX "$GCOV_PREFIX"
coverage_save() {
	cp -R "$GCOV_PREFIX" "$RESULTS/gcov" && cd /sys/kernel/debug/gcov &&
		find . -name '*.gcda' -exec cp --parents -t "$RESULTS/gcov" {} +
}
