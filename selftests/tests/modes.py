#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""
   a: module                              b: ip xfrm with keys of sipsec_keys.py
   [wire 10.9.0.1] ------------------- [wire 10.9.0.2]         (and 2001:db8:9::1 and ::2)

Every suite, in transport, tunnel and BEET mode, over both families: some datagrams of all lengths
that change the padding go each way, and nothing but ESP or AH of the two SAs is on the wire.
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import nl
import sipsec_keys as keys
import testbed as tb

PROTO = {"esp": 50, "ah": 51}
LENGTHS = range(1, 18)


def exchange(check, name, a, b, mode, suite):
    tap = tb.Tap(a)
    with tb.XfrmPair(a, b, mode, suite) as pair:
        for n in LENGTHS:
            payload = os.urandom(n)
            pair.sock.sendto(payload, (b.address, pair.PORT_B))
            answer, came_from = pair.peer.recvfrom(64)
            if answer != payload:
                check.true("%s: %d octets arrive at b" % (name, n), False)
            pair.peer.sendto(payload[::-1], came_from)
            if pair.sock.recv(64) != payload[::-1]:
                check.true("%s: %d octets arrive at a" % (name, n), False)
        check.equal("%s: drops" % name, pair.drops(), {})
        now = pair.owner.do("group-get", id=pair.group)
        check.equal("%s: packets out and in" % name, (now["packets-out"], now["packets-in"]),
                    (len(LENGTHS), len(LENGTHS)))
        spis = [rnd.spi for rnd in pair.rounds]
    # What comes out of b's tunnel is not on the wire; what comes out of a's is.
    wire = [p for p in tap.drain(outgoing=True) if p.proto in PROTO.values() or p.outgoing]
    check.equal("%s: protocols" % name, {p.proto for p in wire},
                {PROTO[keys.SUITES[suite].proto]})
    check.equal("%s: numbers" % name, tb.sequence_numbers(wire),
                {spi: list(range(1, len(LENGTHS) + 1)) for spi in spis})
    tap.sock.close()


def main():
    check = tb.Checks()
    for addresses in tb.V4, tb.V6:
        with tb.two_hosts(*addresses) as (a, b):
            for mode in nl.spec.enums["mode"]:
                for suite, s in keys.SUITES.items():
                    # ip xfrm refuses it.
                    if (mode, s.proto) == ("beet", "ah"):
                        continue
                    name = "IPv%d, %s, %s" % (6 if tb.is_v6(a.address) else 4, mode, s.name)
                    print(name, flush=True)
                    exchange(check, name, a, b, mode, suite)
            check.equal("states left", a.states() + b.states(), [])
    check.finish()


if __name__ == "__main__":
    main()
