#!/bin/sh
# apply.sh FOLDER: can all mutants still be applied? Whoever changes a line that one of them stands
# for learns of it here, not only where they are tried. Leaves table in FOLDER.
set -u
here=$(dirname "$0")
folder=${1:?"usage: apply.sh FOLDER"}
status=0
for script in run isolation; do
	APPLY=1 "$here/$script.sh" "$folder/$script" || status=1
done
mkdir -p "$folder"
cat "$folder"/*/table >"$folder/table"
exit $status
