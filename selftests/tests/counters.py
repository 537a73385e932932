#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""
   a: module, administrator                               b: sends in clear
   [wire 10.9.0.1] ---------------------------------- [wire 10.9.0.2]
"""

import contextlib
import errno
import os
import re
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import nl
import testbed as tb

TOP = os.path.join(tb.HERE, "..")
PORT_A, PORT_B = 4000, 5000
UID, OTHER_UID = 60001, 60002
TRACEFS = "/sys/kernel/tracing"


def read(path):
    with open(path, encoding="utf-8") as f:
        return f.read()


def documented(check):
    """Each counter is explained, and each reason of a drop has its name in the tracepoint."""
    counters = [n for n, (_, kind, _) in nl.spec.sets["stats"].items() if kind == "u64"]
    terms = re.findall(r"^([a-z-]+)\n    \w", read(TOP + "/Documentation/counters.rst"), re.M)
    check.equal("in counters.rst", sorted(terms), sorted(counters))
    names = re.findall(r'^\tX\(\w+, "([a-z-]+)"\)', read(TOP + "/kernel/trace.h"), re.M)
    check.equal("in the tracepoint", sorted(names), sorted(c for c in counters if "-drop-" in c))


class Trace:
    """Lines of the tracepoints; none where the kernel has no tracing."""

    def __init__(self):
        if not os.path.ismount(TRACEFS) and os.path.isdir(TRACEFS):
            with contextlib.suppress(RuntimeError):
                tb.run("mount", "-t", "tracefs", "none", TRACEFS)
        self.there = os.path.isdir(TRACEFS + "/events/sipsec")
        self.put("events/sipsec/enable", "1")

    def put(self, name, value):
        if self.there:
            with open(os.path.join(TRACEFS, name), "w", encoding="ascii") as f:
                f.write(value)

    def lines(self):
        return [text.split(": ", 1)[1] for text in read(TRACEFS + "/trace").splitlines()
                if "app=" in text] if self.there else []

    def close(self):
        self.put("events/sipsec/enable", "0")


def main():
    check = tb.Checks()
    documented(check)
    with tb.two_hosts() as (a, b):
        trace = Trace()
        print("   tracepoints: %s" % ("there" if trace.there else "this kernel has none"))
        owner = tb.Owner(a, uid=UID)
        check.equal("at first", a.run("sipsecctl stats"),
                    "no packet was dropped and no event lost\n")
        group, _ = owner.reserve(a.address)
        owner.install(group, b.address, tb.OFFERER, tb.fresh_master(), 0x5d1c2a00)
        sock = tb.udp(a, a.address, PORT_A, uid=UID)
        owner.bind(group, sock, PORT_B)

        check.refused("elsewhere", errno.EPERM, sock.sendto, b"x" * 10, (b.address, PORT_B + 1))
        tb.inject(b, tb.ipv4(b.address, a.address,
                             tb.udp_header(PORT_B, PORT_A, b"clear") + b"clear"), a)
        tb.poll("drop", lambda: owner.do("stats-get", app="phone")["in-drop-clear"])
        lines = a.run("sipsecctl stats").splitlines()
        check.equal("sipsecctl stats", [text.split(":")[0] for text in lines],
                    ["phone out-drop-flow 1", "phone in-drop-clear 1"])
        check.true("each line says what to do", all(len(x.split(": ")[1]) > 20 for x in lines))
        check.equal("of one app", a.run("sipsecctl stats phone").splitlines(), lines)
        check.true("as JSON", '"out-drop-flow": 1' in a.run("sipsecctl -j stats phone"))

        stranger = tb.User(a, OTHER_UID)
        check.refused("a stranger's request", errno.ENOENT, stranger.do, "group-get", id=group)
        check.refused("and another", errno.ENOENT, stranger.do, "app-open", name="phone")
        if trace.there:
            text = ("drop: app=phone reason=%s protocol=17 local=::ffff:10.9.0.1 port=4000 "
                    "peer=::ffff:10.9.0.2 port=%d len=%d")
            number = {n: i for n, (i, _) in nl.spec.commands.items()}
            check.equal("traced", trace.lines(), [
                text % ("out-drop-flow", PORT_B + 1, 38), text % ("in-drop-clear", PORT_B, 33),
                "refused: command=%d err=-2 uid=%d app= no such group" % (
                    number["group-get"], OTHER_UID),
                "refused: command=%d err=-2 uid=%d app= name: no such app, or this process may "
                "not open it" % (number["app-open"], OTHER_UID)])
        trace.close()
        for s in sock, owner, stranger:
            s.close()
    check.finish()


if __name__ == "__main__":
    main()
