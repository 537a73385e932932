#!/bin/sh
# run.sh FOLDER [CHECK...]: the static checks, all or the named ones (see check.sh). They run over a
# copy of the tree into which plant.sh has put faults: a check passes if it reports each of its
# planted faults, and nothing else but what the file `allowed` gives a reason for. Leaves in FOLDER:
# CHECK.findings, CHECK.log (what the tools said), and table, a line "pass|fail SECONDS COUNT NAME
# REASON" for each check; COUNT is the number of faults it must report, and one.
set -eu
top=$(cd "$(dirname "$0")/../.." && pwd)
folder=${1:?"usage: run.sh FOLDER [CHECK...]"}
shift
mkdir -p "$folder"
folder=$(cd "$folder" && pwd)
static=$top/selftests/static

# Two run at a time; the long ones begin.
all="clang cocci tidy checkpatch symbols sparse headers shell cppcheck lines doc python text"
checks=${*:-$all}
for check in $checks; do
	case " $all " in
	*" $check "*) ;;
	*) echo "there is no static check named $check (there are $all)"; exit 1 ;;
	esac
done

tree=$folder/tree
rm -rf "$tree" "$folder"/table "$folder"/*.findings "$folder"/*.log "$folder"/*.seconds
mkdir "$tree"
trap 'rm -rf "$tree"' EXIT
trap 'exit 1' INT TERM
cd "$top"
# All that git has or would take; the tree may be another user's.
git -c safe.directory='*' ls-files -z --cached --others --exclude-standard | sort -zu |
	xargs -0 sh -c 'for f; do [ ! -e "$f" ] || printf "%s\0" "$f"; done' sh |
	cpio --quiet -0pdm "$tree"
cd "$tree"
"$static/plant.sh"
mkdir -p build/static
# Corpora of fuzzers are nobody's text.
find . -type f ! -path './build/*' ! -path '*/corpus/*' | sed 's,^\./,,' | sort \
	>build/static/files

echo "$checks" | xargs -n 1 | FOLDER=$folder xargs -P "$(nproc)" -I '{}' sh -c '
	start=$(date +%s)
	selftests/static/check.sh {} 2>>"$FOLDER/{}.log" </dev/null >"$FOLDER/{}.findings" ||
		echo "the check itself failed: status $?" >>"$FOLDER/{}.findings"
	echo $(($(date +%s) - start)) >"$FOLDER/{}.seconds"'

# Compare what check $1 found with what it must and may find: complaints, and then its row.
judge() {
	awk -F '\t+' -v check="$1" -v seconds="$(cat "$folder/$1.seconds")" '
		function add(n, what) { if (n) reason = reason (reason ? ", " : "") n " " what }
		FILENAME ~ /(planted|allowed)$/ {
			if ($1 == check && FILENAME ~ /planted$/) planted[$2]
			else if ($1 == check) allowed[$2]
			next
		}
		{
			known = 0
			for (p in planted) if ($0 ~ p) seen[p] = known = 1
			for (p in allowed) if ($0 ~ p) seen[p] = known = 1
			# A planted file may have more faults than were meant.
			if (!known && (!/grafted/ || /^selftests\/static/)) {
				findings++
				print "\t" $0
			}
		}
		END {
			for (p in planted) {
				count++
				if (!(p in seen)) { unseen++; print "\tplanted, not found: " p }
			}
			for (p in allowed)
				if (!(p in seen)) { stale++; print "\tallowed, not found: " p }
			add(findings, "findings")
			add(unseen, "planted faults not found")
			add(stale, "lines in selftests/static/allowed that match nothing")
			print reason ? "fail" : "pass", seconds, count + 1, "static:" check, reason
		}' "$static/planted" "$static/allowed" "$folder/$1.findings"
}
for check in $checks; do
	judge "$check" >"$folder/judgement"
	tail -n 1 "$folder/judgement" >>"$folder/table"
	# The complaints of a failed check, after its row.
	if tail -n 1 "$folder/judgement" | grep '^fail'; then
		head -n -1 "$folder/judgement" | head -n 12
	fi
done
rm "$folder/judgement"
! grep -q '^fail' "$folder/table"
