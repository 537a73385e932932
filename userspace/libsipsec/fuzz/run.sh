#!/bin/sh
# run.sh FOLDER: feed every parser of the library, and sipsecctl's, by libFuzzer with the address
# and undefined-behaviour sanitizers: first its corpus (corpus/NAME), then what comes of it. Leaves
# in FOLDER: a log per harness, inputs that fail, and table, a line "pass|fail SECONDS COUNT NAME
# REASON" per harness. The last line shows that a fault is found: a copy of the library in which a
# length is not checked has to fail.
#	FUZZ_RUNS=30000		inputs per harness, the same in each run
#	FUZZ_SECONDS=N		instead: so long, from another beginning each time; what was new to
#				the fuzzer is kept in FOLDER/NAME
# To add that to the corpus: FOLDER/bin/obj/fuzz/NAME -merge=1 corpus/NAME FOLDER/NAME
set -eu
lib=$(cd "$(dirname "$0")/.." && pwd)
folder=${1:?"usage: run.sh FOLDER"}
rm -rf "$folder"
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
runs=${FUZZ_RUNS:-30000}
: >"$folder/table"

row() { echo "$*" >>"$folder/table"; }

# build LIBRARY FOLDER TARGET
build() {
	make --no-print-directory -C "$1" O="$2" CC=clang \
		SANITIZE=fuzzer-no-link,address,undefined "$3" >"$2.log" 2>&1
}

# harness PROGRAM NAME OPTION...: a run over the corpus and beyond
harness() {
	program=$1 name=$2
	shift 2
	mkdir -p "$folder/$name"
	"$program" -max_len=2048 -timeout=20 -print_final_stats=1 \
		-artifact_prefix="$folder/$name-" "$@" "$folder/$name" \
		"$lib/fuzz/corpus/${name#plant-}" >"$folder/$name.log" 2>&1
}

start=$(date +%s)
if ! build "$lib" "$folder/bin" harnesses; then
	row fail $(($(date +%s) - start)) 1 fuzz-build "the harnesses could not be built"
	tail -n 20 "$folder/bin.log"
	exit 1
fi

for source in "$lib"/fuzz/*.c; do
	name=$(basename "$source" .c)
	start=$(date +%s)
	verdict=pass reason=
	if [ -n "${FUZZ_SECONDS:-}" ]; then
		set -- -max_total_time="$FUZZ_SECONDS"
	else
		set -- -seed=1 -runs="$runs"
	fi
	if ! harness "$folder/bin/obj/fuzz/$name" "$name" "$@"; then
		verdict=fail
		reason=$(sed -n 's/^SUMMARY: //p' "$folder/$name.log" | head -n 1)
		echo "fuzz-$name: $reason"
		grep -v '^#[0-9]' "$folder/$name.log" | head -n 25
	else
		reason="$(sed -n 's/^stat::number_of_executed_units: *//p' \
			"$folder/$name.log") inputs, $(sed -n 's/.*DONE *cov: \([0-9]*\).*/\1/p' \
			"$folder/$name.log") places reached"
	fi
	row $verdict $(($(date +%s) - start)) 1 "fuzz-$name" "$reason"
done

# The same, with a fault in a copy: a secret in base64 that is too short is read past its end.
start=$(date +%s)
plant=$folder/plant
mkdir -p "$plant"
(cd "$lib/../.." && find uapi userspace/libsipsec userspace/sipsecctl -path '*/obj' -prune -o \
	\( -name '*.[ch]' -o -name Makefile \) -print | cpio --quiet -pd "$plant")
sed -i 's/if (part.len != BASE64_LEN)/if (!part.len)/' "$plant/userspace/libsipsec/sdp.c"
verdict=fail
if cmp -s "$lib/sdp.c" "$plant/userspace/libsipsec/sdp.c"; then
	reason="there is no place for the planted fault any more"
elif ! build "$plant/userspace/libsipsec" "$plant/bin" "$plant/bin/obj/fuzz/sdp"; then
	reason="the copy could not be built"
elif harness "$plant/bin/obj/fuzz/sdp" plant-sdp -seed=1 -runs="$runs"; then
	reason="a planted read past the end was not found"
elif ! grep -q 'AddressSanitizer: heap-buffer-overflow' "$folder/plant-sdp.log"; then
	reason="the copy failed for another reason"
else
	verdict=pass reason="a planted read past the end was found"
fi
[ $verdict = pass ] || { echo "fuzz-planted-fault: $reason"; tail -n 10 "$plant/bin.log"; }
row $verdict $(($(date +%s) - start)) 1 fuzz-planted-fault "$reason"
rm -rf "$plant"

! grep -q '^fail' "$folder/table"
