# shellcheck shell=sh
# Shared by the scripts here, which change one thing in the module's sources after the other and
# want a test to fail each time. Source it at the top of the tree, with FOLDER, NAME... as
# arguments and check being the row's name; then define tests NAME,
# which returns 0 if no test fails and says in $folder/$1.why what did, and use mutant.
. selftests/vm/common.sh

folder=${1:?"usage: ${0##*/} FOLDER [NAME...]"}
shift
wanted=" $* "
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
rm -rf "${folder:?}/tree" "$folder/table"
mkdir "$folder/tree"
cp -a Kbuild Makefile Documentation kernel uapi selftests userspace "$folder/tree/"
tree=$folder/tree
kernel=$tree/kernel
start=$(date +%s)
killed=0

# build [KERNEL]
build() {
	make -C "$tree" --no-print-directory module KERNEL="${1:-um}" WERROR=0 \
		>"$folder/build.log" 2>&1
}
# shellcheck disable=SC2154
wrong() {
	echo "FAILED $1: $2"
	echo "fail 0 1 $check:$1 $2" >>"$folder/table"
}
# chosen NAME: whether this one is wanted.
chosen() {
	[ "$wanted" = "  " ] || case $wanted in *" $1 "*) ;; *) return 1 ;; esac
}
# mutant NAME FILE OLD NEW: the words, not a pattern; they stand there once. $on is the kernel. With
# APPLY=1 it is only looked whether they do.
on=um
mutant() {
	chosen "$1" || return 0
	cp "$kernel/$2" "$folder/saved"
	if ! python3 - "$kernel/$2" "$3" "$4" <<-'END'
		import sys
		name, old, new = sys.argv[1:]
		text = open(name, encoding="utf-8").read()
		if text.count(old) != 1:
		    sys.exit(f"{name} has {old!r} {text.count(old)} times")
		open(name, "w", encoding="utf-8").write(text.replace(old, new))
		END
	then
		wrong "$1" "cannot be applied"
	elif [ -n "${APPLY:-}" ]; then
		killed=$((killed + 1))
	elif ! build $on; then
		grep -m 5 error "$folder/build.log" || tail -n 5 "$folder/build.log"
		wrong "$1" "does not build"
	elif tests "$1"; then
		wrong "$1" "no test fails"
	else
		killed=$((killed + 1))
		echo "$1: $(cat "$folder/$1.why")"
	fi
	cp "$folder/saved" "$kernel/$2"
	rm -f "$folder/saved"
}
# The last line of such a script.
finished() {
	rm -rf "$tree"
	[ $killed = 0 ] || echo "pass $(($(date +%s) - start)) $killed $check" >>"$folder/table"
	! grep -q '^fail' "$folder/table"
}
