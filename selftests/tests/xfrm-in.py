#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""
   a: ip xfrm, keys of sipsec_keys.py                     b: module, one group, two sockets
   [wire 10.9.0.1] --- netem reorders 5 % --- [wire 10.9.0.2]

The policy names the SPI, so moving is one step: add the new state, update the policy, and delete
the state before the old one. b's SAD is flushed now and then. Half of each round's traffic runs
while its SA comes into use, so packets of two rounds mix; the other half is known to be sent by it.
"""

import collections
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import sipsec_keys as keys
import testbed as tb
from testbed import T

MOVES_V4, MOVES_V6 = 300, 40
SUITE, BLOCK_A = 3, 0x21000200


def stranger_goes(check, ns):
    """A flush takes away what somebody else has put into the SAD, and that alone."""
    stranger = keys.Round(0, 0x00777000, None, bytes(20))
    ns.batch([keys.xfrm_state("add", stranger, 1, "10.9.3.1", "10.9.3.2")])
    before = [s for s in ns.states() if "10.9.3.1" in s]
    ns.ip("xfrm state flush")
    after = [s for s in ns.states() if "10.9.3.1" in s]
    if len(before) != 1 or after:
        check.equal("stranger's states, and what a flush left", (before, after), (1, []))


def cannot_be_deleted(check, ns, source, spi):
    for verb, more in (("delete", ""), ("update", " enc ecb(cipher_null) \"\"")):
        try:
            ns.batch(["xfrm state %s src %s dst %s proto esp spi %#010x%s" % (
                verb, source, ns.address, spi, more)])
            check.true("%s of the state went through" % verb, False)
        except RuntimeError as e:
            check.true("%s is refused: %s" % (verb, e), True)


def receive(check, addresses, moves):
    print(*addresses)
    with tb.two_hosts(*addresses) as (a, b):
        master = tb.fresh_master()
        tap = tb.Tap(b)
        tb.reorder(a)
        owner = tb.Owner(b)
        group, block = owner.reserve(b.address)
        owner.install(group, a.address, tb.ANSWERER, master, BLOCK_A, SUITE)
        added = owner.wait_event(lambda e: e.name == "group-add-ntf").values
        check.equal("state that the event tells", added["state"],
                    tb.nl.spec.enums["group-state"]["unconfirmed"])
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
        for _ in range(moves):
            traffic.start(half)
            installed.append(next(stream))
            lines = [state("add", installed[-1]), policy("update")]
            if len(installed) > 2:
                lines.append(state("delete", installed.pop(0)))
            batch.run(lines)
            if len(spis) % 10 == 0:
                stranger_goes(check, b)
            traffic.wait()
            total = traffic.go(half)
            packets = tap.drain()
            protocols.update(tb.by_protocol(packets))
            spis.update(p.spi for p in packets)

        cannot_be_deleted(check, b, a.address, installed[-1].spi)
        sent = (2 * moves + 1) * half * len(flows)
        check.equal("datagrams sent", total["sent"], sent)
        for what in ("lost", "duplicated", "refused", "foreign", "corrupt"):
            check.equal(what, total[what], 0)
        check.true("the wire reordered (%d)" % total["reordered"], total["reordered"] > sent // 100)
        check.equal("on the wire", dict(protocols), {"esp": sent, "other": 0})
        check.equal("SPIs used", len(spis), min(moves + 1, 256))
        owner.wait_event(lambda e: e.name == "group-rotate-ntf" and e.values["number"] == moves)
        now = owner.do("group-get", id=group)
        check.equal("state", now["state"], tb.nl.spec.enums["group-state"]["up"])
        check.equal("packets-in", now["packets-in"], sent)
        current = [r for r in now["round"] if r.get("current") and
                   r["direction"] == tb.nl.spec.enums["direction"]["in"]]
        check.equal("receive round", [r["number"] for r in current], [moves])
        stats = owner.do("stats-get", app="phone")
        check.equal("drops", {k: v for k, v in stats.items() if "drop" in k and v}, {})
        batch.close()
        traffic.close()
        owner.close()
        check.equal("states left in b", b.states(), [])


def main():
    check = tb.Checks()
    receive(check, tb.V4, MOVES_V4)
    receive(check, tb.V6, MOVES_V6)
    check.finish()


if __name__ == "__main__":
    main()
