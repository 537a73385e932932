#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Draw the call from the SIP traces of both telephones (sipsec-ua --trace)."""

import argparse
import re
import sys
from collections import namedtuple

HEADER = re.compile(r"### (\d\d:\d\d:\d\d\.\d{9}) (send|recv) (\S+) (\S+)\n")
WIDTH = 28      # between two lifelines

Message = namedtuple("Message", "time ua sent text")


def read_trace(ua, name):
    """The messages of one telephone."""
    with open(name, encoding="utf-8", errors="replace") as f:
        parts = HEADER.split(f.read())
    if len(parts) < 6:
        raise ValueError("%s holds no SIP message" % name)
    for time, direction, _, _, text in zip(*(parts[i::5] for i in range(1, 6))):
        yield Message(time, ua, direction == "send", text)


def title(text):
    """What a person calls this message."""
    first = text.split("\n", 1)[0]
    cseq = re.search(r"^CSeq:\s*\d+ (\w+)", text, re.M | re.I)
    if first.startswith("SIP/2.0 "):
        _, code, reason = first.split(" ", 2)
        name = "%s %s" % (code, reason.split(" -- ")[0])
        return "%s (%s)" % (name, cseq.group(1)) if cseq else name
    method = first.split(" ", 1)[0]
    if method == "REGISTER" and re.search(r"^Contact:.*expires=0\s*$", text, re.M | re.I):
        return "REGISTER (away)"
    return method


def arrow(text, right):
    """One message between two lifelines."""
    shaft = (" %s " % text).center(WIDTH - 3, "-")
    return " %s> " % shaft if right else " <%s " % shaft


def draw(messages, left, middle, right, out):
    margin = " " * 18
    gap = " " * WIDTH
    names = "".join(n.center(WIDTH + 1) for n in (left, middle, right))
    out.write(margin[WIDTH // 2:] + names.rstrip() + "\n")
    for m in messages:
        on_left = m.ua == left
        shaft = arrow(title(m.text), m.sent == on_left)
        row = (shaft, gap) if on_left else (gap, shaft)
        out.write("  %s    |%s|%s|\n" % (m.time[:12], *row))
        if not m.sent:
            continue
        for line in re.findall(r"^a=(ipsec-sa:.*)$", m.text, re.M):
            note = "  " + re.sub(r" inline:\S+", "", line)
            out.write(margin + ("|" if on_left else "|" + gap + "|") + note + "\n")


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("left", metavar="NAME=TRACE", help="drawn on the left, such as the caller")
    parser.add_argument("right", metavar="NAME=TRACE")
    parser.add_argument("--proxy", default="cm", help="name of what is between them")
    args = parser.parse_args()
    try:
        (left, lname), (right, rname) = (a.split("=", 1) for a in (args.left, args.right))
        messages = sorted((*read_trace(left, lname), *read_trace(right, rname)),
                          key=lambda m: m.time)
    except (OSError, ValueError) as e:
        sys.exit("ladder: %s" % e)
    draw(messages, left, args.proxy, right, sys.stdout)


if __name__ == "__main__":
    main()
