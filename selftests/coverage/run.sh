#!/bin/sh
# run.sh FOLDER: unit tests and selftests on User Mode Linux (collect.sh), then the lines that they
# have run (report.py: at least 85 % of each file), and what no test knows (complete.py). Leaves in
# FOLDER: coverage.txt, untested.txt, and table with the rows of all three, those of selftests with
# "um:" before their names.
set -eu
here=$(cd "$(dirname "$0")" && pwd)
folder=${1:?"usage: run.sh FOLDER"}
mkdir -p "$folder"
status=0
"$here/collect.sh" "$folder" >"$folder/collect.log" 2>&1 || {
	status=1
	tail -n 20 "$folder/collect.log"
}
# collect.sh: VERDICT SECONDS COUNT KERNEL NAME REASON
awk '{ name = ($4 == "host" ? "" : $4 ":") $5; $4 = ""; $5 = ""; $0 = $0; $1 = $1
	reason = ""; for (i = 4; i <= NF; i++) reason = reason " " $i
	print $1, $2, $3, name reason }' "$folder/collected" >"$folder/table"
"$here/report.py" "$folder" || status=1
"$here/complete.py" "$folder" || status=1
exit $status
