#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""
   [wire 10.9.0.1] a --- netem reorders 5 %, both ways --- b [wire 10.9.0.2]
   one: [lo 10.9.1.1, 10.9.1.2], two apps
"""

import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import nl
import testbed as tb
from testbed import T

BATCHES_V4, BATCHES_V6, ROUNDS = 10, 2, 31
# Of rounds as long as this the next one is made when half of it is used.
LONG, BATCHES_LONG = 8192, 3


def newest(owner, group):
    """Number of the last round that it can receive."""
    return max(r["number"] for r in owner.do("group-get", id=group)["round"]
               if r["direction"] == nl.spec.enums["direction"]["in"])


def pair(check, name, hosts, apps, taps, reordered, batches, rotate=T, rounds=ROUNDS):
    """Traffic both ways between two ends; hosts are (namespace, address)."""
    print(name)
    master = tb.fresh_master()
    (ns_a, a), (ns_b, b) = hosts
    owners = [tb.Owner(ns_a, apps[0]), tb.Owner(ns_b, apps[1])]
    groups, blocks = zip(owners[0].reserve(a), owners[1].reserve(b))
    owners[0].install(groups[0], b, tb.OFFERER, master, blocks[1], rotate=rotate)
    owners[1].install(groups[1], a, tb.ANSWERER, master, blocks[0], rotate=rotate)
    if rotate == LONG:
        check.equal("rounds to be received at first", [len(h.states()) for h, _ in hosts], [2, 2])
    flows = []
    for i in range(2):
        ends = (tb.udp(ns_a, a, 4000 + i, (b, 5000 + i)), tb.udp(ns_b, b, 5000 + i))
        owners[0].bind(groups[0], ends[0], 5000 + i)
        owners[1].bind(groups[1], ends[1], 4000 + i)
        flows += [tb.Flow(*ends, gso=4 * i, cpu=i),
                  tb.Flow(*reversed(ends), to=(a, 4000 + i), cpu=1 - i)]
    traffic = tb.Traffic(flows)

    wrong, esp = [], 0
    for _ in range(batches):
        total = traffic.go(rounds * rotate // 2)
        for tap in taps:
            packets = tap.drain()
            wrong += [p for p in packets if p.proto != 50]
            esp += len(packets)
            for spi, numbers in tb.sequence_numbers(packets).items():
                if numbers != list(range(1, rotate + 1)):
                    wrong.append("%08x" % spi)
    sent = 2 * batches * rounds * rotate
    check.equal("datagrams sent", total["sent"], sent)
    for what in ("lost", "duplicated", "refused", "foreign", "corrupt"):
        check.equal(what, total[what], 0)
    if reordered:
        check.true("the wire reordered (%d)" % total["reordered"], total["reordered"] > sent // 100)
    check.equal("rounds without exactly 1..%d, and packets other than ESP" % rotate, wrong, [])
    check.equal("ESP packets", esp, sent)
    for owner, group, app in zip(owners, groups, apps):
        now = owner.do("group-get", id=group)
        for what, wanted in (("late", 0), ("packets-out", sent // 2), ("packets-in", sent // 2)):
            check.equal("%s: %s" % (app, what), now[what], wanted)
        stats = owner.do("stats-get", app=app)
        check.equal("%s: drops" % app, {k: v for k, v in stats.items() if "drop" in k and v}, {})
    if rotate == LONG:
        # Two behind the last one that was sent in.
        tb.poll("rounds to be received", lambda: [
            newest(*end) for end in zip(owners, groups)] == [BATCHES_LONG + 1] * 2)
    traffic.close()
    for owner in owners:
        owner.close()
    check.equal("states left", ns_a.states() + ns_b.states(), [])


def family(check, addresses, others, batches):
    with tb.two_hosts(*addresses) as (a, b):
        tb.reorder(a)
        tb.reorder(b)
        pair(check, "two namespaces, " + a.address, ((a, a.address), (b, b.address)),
             ("phone", "phone"), (tb.Tap(a), tb.Tap(b)), True, batches)
        # So many packets take the debug kernel minutes; User Mode Linux watches, too.
        if addresses == tb.V4 and os.environ.get("KERNEL") != "debug":
            pair(check, "long rounds", ((a, a.address), (b, b.address)), ("long", "long"),
                 (tb.Tap(a), tb.Tap(b)), True, BATCHES_LONG, LONG, 1)
    with tb.Netns("one") as one:
        for address in others:
            one.ip("address add %s dev lo%s" % (address, " nodad" * tb.is_v6(address)))
        pair(check, "one namespace, " + others[0], [(one, address) for address in others],
             ("phone", "other"), (tb.Tap(one, "lo"),), False, batches)


def main():
    check = tb.Checks()
    family(check, tb.V4, ("10.9.1.1", "10.9.1.2"), BATCHES_V4)
    family(check, tb.V6, ("2001:db8:a::1", "2001:db8:a::2"), BATCHES_V6)
    check.finish()


if __name__ == "__main__":
    main()
