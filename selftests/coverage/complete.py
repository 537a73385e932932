#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""complete.py FOLDER [COLLECTED]: does a test know every command, counter, text and file?

- command: every request of the specification is named by the fuzzer and by the fault injection;
- counter: some test has read it, and it was not zero (nl.py writes down what it has read);
- text: every extended ack in kernel/*.c has reached a test, and each place that says it was run;
- file: every source file is compiled, and some line of it was run if it has any.
What cannot be is in the file `allowed`: kind, name and reason, with tabs between. Fails for what is
missing there and in the tests, and for what is there in vain. COLLECTED is collect.sh's folder, if
not the same. Leaves rows for run.sh in FOLDER/table.
"""

import os
import re
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, ".."))
import nl
import report

SAYS = re.compile(r"\b(?:GENL_SET_ERR_MSG|NL_SET_ERR_MSG\w*|BAD|MISSING)\(")
STRING = re.compile(r'"((?:[^"\\]|\\.)*)"')


def read(*path):
    with open(os.path.join(*path), encoding="utf-8") as f:
        return f.read()


def call_end(text, at):
    """Where the parenthesis closes that opens before at; strings may have some, too."""
    depth = 1
    for m in re.compile(r'"(?:[^"\\]|\\.)*"|[()]').finditer(text, at):
        depth += {"(": 1, ")": -1}.get(m[0], 0)
        if not depth:
            return m.start()
    raise ValueError("no end of a call")


def texts(path):
    """(line, text) of each extended ack of a C file; not of the macros' own definitions."""
    source = read(path)
    for m in SAYS.finditer(source):
        line = source[source.rfind("\n", 0, m.start()) + 1:source.index("\n", m.start())]
        words = "".join(STRING.findall(source[m.end():call_end(source, m.end())]))
        if line.startswith("#") or line.endswith("\\") or not words:
            continue
        yield (source.count("\n", 0, m.start()) + 1,
               words + (": this attribute is required" if m[0] == "MISSING(" else ""))


def seen(folder):
    """What nl.py has written down in the folders of all tests."""
    out = set()
    for path in report.files(folder, "seen"):
        out.update(tuple(line.rstrip("\n").split(" ", 1)) for line in open(path, encoding="utf-8"))
    return out


def main():
    folder = os.path.realpath(sys.argv[-1])
    tree = os.path.join(folder, "tree")
    lines = report.merged(folder)
    known = seen(os.path.join(folder, "um"))
    allowed = {tuple(line.split("\t")[:2]) for line in read(HERE, "allowed").splitlines()
               if not line.startswith("#")}
    all_of = {"command": [], "counter": [], "text": [], "file": []}
    missing = set()

    def want(kind, name, there, why):
        all_of[kind].append(name)
        if not there:
            missing.add((kind, name))
            if (kind, name) not in allowed:
                print("%s %s: %s" % (kind, name, why))

    for name in nl.spec.commands:
        if name.endswith("-ntf"):
            continue
        for test in "fuzz", "faults":
            want("command", name, re.search(r"\b%s\b" % name.replace("-", "[-_]"),
                                            read(tree, "selftests/tests", test + ".py")),
                 "no case in %s.py" % test)
    for name, (_, kind, _) in nl.spec.sets["stats"].items():
        if kind == "u64" or kind == "uint":
            want("counter", name, ("counter", name) in known, "no test has seen it count")
    for path in report.files(os.path.join(tree, "kernel"), ".c"):
        short = os.path.relpath(path, tree)
        if not report.ours(short):
            continue
        for number, text in texts(path):
            want("text", text, ("text", text) in known, "%s:%d, no test was told" %
                 (short, number))
            # A statement may begin a line later than the macro's name.
            want("text", text, any(lines[short][n] for n in range(number - 1, number + 3)),
                 "%s:%d, no test has it said here" % (short, number))
    notes = report.files(tree, ".gcno")
    for component in report.COMPONENTS.values():
        for path in report.files(os.path.join(tree, component), ".c"):
            short = os.path.relpath(path, tree)
            if report.ours(short):
                built = short.replace(component, "/", 1)[1:-1] + "gcno"
                want("file", short, any(lines[short].values()) or not lines[short] and
                     any(path.endswith("/" + built) for path in notes), "no line of it was run")

    for kind, name in sorted(allowed - missing):
        print("%s %s: is in the file `allowed` in vain" % (kind, name))
    with open(sys.argv[1] + "/table", "a", encoding="utf-8") as rows:
        for kind, names in all_of.items():
            bad = {n for k, n in (missing ^ allowed) if k == kind}
            print("fail" if bad else "pass", 0, len(set(names)), "complete:" + kind,
                  "%d without a test" % len(bad) if bad else "", file=rows)
    sys.exit(1 if missing ^ allowed else 0)


if __name__ == "__main__":
    main()
