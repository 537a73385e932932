#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""
   a: ip xfrm, keys of sipsec_keys.py                     b: module, one group, two sockets
   [wire 10.9.0.1] --- netem reorders 5 % --- [wire 10.9.0.2]

The policy names the SPI, so moving is one step: add the new state, update the policy, and delete
the state before the old one. Half of each round's traffic runs while its SA comes into use, so
packets of two rounds mix; the other half is known to be sent by it.
"""

import collections
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import sipsec_keys as keys
import testbed as tb
from testbed import T

MOVES = 300
SUITE, BLOCK_A = 3, 0x21000200


def main():
    check = tb.Checks()
    with tb.two_hosts() as (a, b):
        master = tb.fresh_master()
        tap = tb.Tap(b)
        tb.reorder(a)
        owner = tb.Owner(b)
        group, block = owner.reserve(b.address)
        owner.install(group, a.address, tb.ANSWERER, master, BLOCK_A, SUITE)
        check.equal("state before the first packet", owner.do("group-get", id=group)["state"],
                    tb.nl.spec.enums["group-state"]["unconfirmed"])
        flows = []
        for i in range(2):
            to = (b.address, 5000 + i)
            receiver = tb.udp(b, *to)
            owner.bind(group, receiver, 4000 + i)
            flows.append(tb.Flow(tb.udp(a, a.address, 4000 + i, to if i else None), receiver,
                                 None if i else to, cpu=i))
        traffic = tb.Traffic(flows)

        stream = keys.rounds(master, "HMAC_SHA2_256", SUITE, "O", block)
        installed = [next(stream)]

        def policy(verb):
            return ("xfrm policy %s src %s dst %s dir out tmpl src %s dst %s proto esp spi %#010x "
                    "mode transport" % (verb, a.address, b.address, a.address, b.address,
                                        installed[-1].spi))

        def state(verb, r):
            return keys.xfrm_state(verb, r, SUITE, a.address, b.address)

        batch = tb.Batch(a)
        batch.run([state("add", installed[0]), policy("add")])
        half = T // 2 // len(flows)
        traffic.go(half)
        protocols, spis = collections.Counter(), set()
        for _ in range(MOVES):
            traffic.start(half)
            installed.append(next(stream))
            lines = [state("add", installed[-1]), policy("update")]
            if len(installed) > 2:
                lines.append(state("delete", installed.pop(0)))
            batch.run(lines)
            traffic.wait()
            total = traffic.go(half)
            packets = tap.drain()
            protocols.update(tb.by_protocol(packets))
            spis.update(p.spi for p in packets)

        sent = (2 * MOVES + 1) * half * len(flows)
        check.equal("datagrams sent", total["sent"], sent)
        for what in ("lost", "duplicated", "refused", "foreign", "corrupt"):
            check.equal(what, total[what], 0)
        check.true("the wire reordered (%d)" % total["reordered"], total["reordered"] > sent // 100)
        check.equal("on the wire", dict(protocols), {"esp": sent, "other": 0})
        check.equal("SPIs used", len(spis), 256)
        owner.wait_event(lambda e: e.name == "group-rotate-ntf" and e.values["number"] == MOVES)
        now = owner.do("group-get", id=group)
        check.equal("state", now["state"], tb.nl.spec.enums["group-state"]["up"])
        check.equal("packets-in", now["packets-in"], sent)
        current = [r for r in now["round"] if r.get("current") and
                   r["direction"] == tb.nl.spec.enums["direction"]["in"]]
        check.equal("receive round", [r["number"] for r in current], [MOVES])
        stats = owner.do("stats-get", app="phone")
        check.equal("drops", {k: v for k, v in stats.items() if "drop" in k and v}, {})
        batch.close()
        traffic.close()
        owner.close()
        check.equal("states left in b", b.states(), [])
    check.finish()


if __name__ == "__main__":
    main()
