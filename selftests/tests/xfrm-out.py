#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""
   a: module, four sockets on two CPUs, one group         b: ip xfrm, keys of sipsec_keys.py
   [wire 10.9.0.1] --- netem reorders 5 % --- [wire 10.9.0.2]

The traffic stops after every 31 rounds, when all of it has arrived. Only then b's states of these
rounds are deleted and those of the next rounds added, so no timing is involved, also where the SPIs
wrap (round 256).
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import sipsec_keys as keys
import testbed as tb
from testbed import T

BATCHES_V4, BATCHES_V6, ROUNDS = 10, 3, 31
SUITE, BLOCK_B = 1, 0x5d1c2a00


def out(check, addresses, batches):
    print(*addresses)
    with tb.two_hosts(*addresses) as (a, b):
        master = tb.fresh_master()
        tap = tb.Tap(b)
        tb.reorder(a)
        b.ip("xfrm policy add src %s dst %s dir in tmpl proto esp mode transport"
             % (a.address, b.address))

        owner = tb.Owner(a)
        group, _ = owner.reserve(a.address)
        owner.install(group, b.address, tb.OFFERER, master, BLOCK_B, SUITE)
        flows = []
        for i, gso in enumerate((0, 8, 5, 0)):
            to = (b.address, 5000 + i)
            # Sockets 0 and 1 are connected, 2 and 3 name the peer with every datagram.
            sender = tb.udp(a, a.address, 4000 + i, to if i < 2 else None)
            owner.bind(group, sender, 5000 + i)
            flows.append(tb.Flow(sender, tb.udp(b, *to), None if i < 2 else to, gso, i % 2))
        traffic = tb.Traffic(flows)

        stream = keys.rounds(master, "HMAC_SHA2_256", SUITE, "O", BLOCK_B)
        wrong, rotations = [], []
        installed = []
        for batch in range(batches):
            lines = [keys.xfrm_state("delete", r, SUITE, a.address, b.address) for r in installed]
            installed = [next(stream) for _ in range(ROUNDS)]
            lines += [keys.xfrm_state("add", r, SUITE, a.address, b.address, "replay-window 1024")
                      for r in installed]
            b.batch(lines)
            total = traffic.go(ROUNDS * T // len(flows))
            if total["lost"] or total["refused"]:
                break
            packets = tap.drain()
            wrong += [p for p in packets if p.proto != 50]
            on_wire = tb.sequence_numbers(packets)
            for r in installed:
                if on_wire.pop(r.spi, None) != list(range(1, T + 1)):
                    wrong.append("round %d" % r.n)
            wrong += ["SPI %08x" % spi for spi in on_wire]
            rotations += owner.rotations("out")

        sent = batches * ROUNDS * T
        check.equal("datagrams sent", total["sent"], sent)
        for what in ("lost", "duplicated", "refused", "foreign", "corrupt"):
            check.equal(what, total[what], 0)
        check.true("the wire reordered (%d)" % total["reordered"], total["reordered"] > sent // 100)
        check.equal("rounds without exactly 1..%d, and packets other than ESP" % T, wrong, [])
        check.equal("rounds seen", batch * ROUNDS + len(installed), batches * ROUNDS)

        numbers = [e["number"] for e in rotations]
        # Whether the last packet of a round or the first of the next one rotates is open.
        check.true("rotation events, as many as rounds: %d" % len(numbers),
                   len(numbers) - batches * ROUNDS in (-1, 0))
        check.true("their numbers", numbers == list(range(1, len(numbers) + 1)))
        check.equal("their packets", {e["packets"] for e in rotations}, {T})
        check.true("their SPIs", [e["spi"] for e in rotations] ==
                   [keys.spi(BLOCK_B, n) for n in numbers])
        now = owner.do("group-get", id=group)
        check.equal("late", now["late"], 0)
        stats = owner.do("stats-get", app="phone")
        check.equal("drops", {k: v for k, v in stats.items() if "drop" in k and v}, {})
        check.equal("packets-out", now["packets-out"], sent)
        check.equal("a's SAD entries with b's block",
                    [s for s in a.states() if "dst " + b.address in s], [])
        traffic.close()
        owner.close()
        check.equal("states left in a", a.states(), [])


def main():
    check = tb.Checks()
    out(check, tb.V4, BATCHES_V4)
    out(check, tb.V6, BATCHES_V6)
    check.finish()


if __name__ == "__main__":
    main()
