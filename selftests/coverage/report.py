#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""report.py FOLDER [LEAST]: what collect.sh has counted, merged.

Leaves in FOLDER: coverage.txt, lines of each file; untested.txt, the lines that no test runs; rows
for run.sh in table. Fails when a file has less than LEAST percent (85) of its lines run.
"""

import collections
import json
import os
import subprocess
import sys
import tempfile

COMPONENTS = {"kernel": "kernel/", "libsipsec": "userspace/libsipsec/",
              "sipsecctl": "userspace/sipsecctl/", "sipsec-ua": "userspace/sipsec-ua/"}


def files(folder, ending):
    return [os.path.join(path, name) for path, _, names in os.walk(folder)
            for name in names if name.endswith(ending)]


def ours(path):
    """Whether a file, relative to the tree, is a component's and no test."""
    return path.startswith(tuple(COMPONENTS.values())) and path.endswith((".c", ".h")) and \
        not any(part in path for part in ("/tests/", "/fuzz/", ".mod.c"))


def gcov(notes, counts):
    """gcov's view of one object: what the compiler noted, and what one run counted, if any."""
    with tempfile.TemporaryDirectory() as scratch:
        os.symlink(notes, scratch + "/object.gcno")
        if counts:
            os.symlink(counts, scratch + "/object.gcda")
        p = subprocess.run(["gcov", "--json-format", "--stdout", "object.gcno"], cwd=scratch,
                           capture_output=True, text=True, check=True)
    return json.loads(p.stdout)


def merged(folder):
    """File -> line -> how often it was run; of files that are neither a test nor the system's."""
    tree = os.path.join(folder, "tree")
    places = [os.path.join(folder, name) for name in ("host/kunit/gcov", "um/gcov")]
    lines = collections.defaultdict(collections.Counter)
    for notes in files(tree, ".gcno"):
        counts = notes[:-len("gcno")] + "gcda"
        runs = [c for c in (counts, *(place + counts for place in places))
                if os.path.exists(c) and os.path.getsize(c)]
        for run in runs or [None]:
            data = gcov(notes, run)
            for source in data["files"]:
                path = os.path.realpath(os.path.join(data["current_working_directory"],
                                                     source["file"]))
                path = os.path.relpath(path, tree)
                if not ours(path):
                    continue
                for line in source["lines"]:
                    lines[path][line["line_number"]] += line["count"]
    return lines


def untested(tree, path, lines, out):
    with open(os.path.join(tree, path), encoding="utf-8") as f:
        text = f.read().splitlines()
    last = None
    for number in sorted(n for n, count in lines.items() if not count):
        if last is None:
            print(path, file=out)
        elif number > last + 1:
            print("    ...", file=out)
        print("%5d  %s" % (number, text[number - 1].replace("\t", "    ")), file=out)
        last = number


def main():
    folder = os.path.realpath(sys.argv[1])
    least = float(sys.argv[2]) if len(sys.argv) > 2 else 85.0
    tree = os.path.join(folder, "tree")
    lines = merged(folder)
    for component in COMPONENTS.values():
        for path in files(os.path.join(tree, component), ".c"):
            path = os.path.relpath(path, tree)
            if ours(path):
                # Without a line that does something, or not compiled at all.
                lines.setdefault(path, collections.Counter())
    bad = []
    with open(folder + "/coverage.txt", "w", encoding="utf-8") as out, \
         open(folder + "/untested.txt", "w", encoding="utf-8") as missing, \
         open(folder + "/table", "a", encoding="utf-8") as table:
        for component, prefix in COMPONENTS.items():
            low, n = [], collections.Counter()
            for path in sorted(p for p in lines if p.startswith(prefix)):
                run, total = sum(map(bool, lines[path].values())), len(lines[path])
                # Tables and macros only; whether it is compiled at all, complete.py asks.
                percent = 100 * run / total if total else 100
                n.update(files=1, run=run, total=total)
                print("%6.1f %% %5d of %5d  %s" % (percent, run, total, path), file=out)
                untested(tree, path, lines[path], missing)
                if percent < least:
                    low.append(path)
            percent = 100 * n["run"] / max(n["total"], 1)
            print("%6.1f %% %5d of %5d  %s\n" % (percent, n["run"], n["total"], component),
                  file=out)
            print("fail" if low else "pass", 0, n["files"], "coverage:" + component,
                  "%.1f %% of %d lines" % (percent, n["total"]) +
                  "".join("; too few of " + path for path in low), file=table)
            bad += low
    with open(folder + "/coverage.txt", encoding="utf-8") as f:
        print(f.read())
    for path in bad:
        print("less than %g %%: %s" % (least, path))
    sys.exit(1 if bad else 0)


if __name__ == "__main__":
    main()
