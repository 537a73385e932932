#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""
   a: module                                      b: ip xfrm, keys of sipsec_keys.py
   [wire 10.9.0.1] ------------------------------ [wire 10.9.0.2]

What ends a round of a's beside its number of packets. b has keys for as many rounds as there may
be, and receives what it should; the wire tells which packet is of which round.
"""

import errno
import os
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import nl
import sipsec_keys as keys
import testbed as tb

SUITE, BLOCK_B = 1, 0x5d1c2e00
PORT_A, PORT_B = 4000, 5000
IP_UDP = 28
ROUNDS = 40
WEEK = 604800


class Sender:
    """a's group with some thresholds, and b's keys for its rounds."""

    def __init__(self, a, b, app, **thresholds):
        self.a, self.b = a, b
        self.owner = tb.Owner(a, app)
        self.group, _ = self.owner.reserve(a.address)
        master = tb.fresh_master()
        self.owner.install(self.group, b.address, tb.OFFERER, master, BLOCK_B, SUITE,
                           **{"rotate": 1 << 20, **thresholds})
        self.sock = tb.udp(a, a.address, PORT_A, (b.address, PORT_B))
        self.owner.bind(self.group, self.sock, PORT_B)
        self.receiver = tb.udp(b, b.address, PORT_B)
        stream = keys.rounds(master, "HMAC_SHA2_256", SUITE, "O", BLOCK_B)
        b.batch([keys.xfrm_state("add", next(stream), SUITE, a.address, b.address)
                 for _ in range(ROUNDS)])
        self.tap = tb.Tap(b)

    def send(self, octets=100):
        """One datagram whose packet has so many octets; the round it was sent in."""
        payload = bytes(octets - IP_UDP)
        self.sock.send(payload)
        if self.receiver.recv(2048) != payload:
            raise RuntimeError("another datagram arrived")
        packet, = (p for p in self.tap.drain() if p.proto != 6)
        return packet.spi - BLOCK_B

    def info(self):
        return self.owner.do("group-get", id=self.group)

    def close(self):
        self.owner.close()
        self.sock.close()
        self.receiver.close()
        self.b.ip("xfrm state flush")


def expected(sizes, octets, packets):
    """The round of each packet of these sizes, by the rule in the specification."""
    rounds, n, total, count = [], 0, 0, 0
    for size in sizes:
        rounds.append(n)
        total += size
        count += 1
        if total >= octets or count == packets:
            n, total, count = n + 1, 0, 0
    return rounds


def by_octets(check, a, b):
    sizes = [1000] * 30 + [400, 700, 1300, 1300, 100, 900, 999, 1001] * 10 + [30] * 64
    # The one that is reached first counts: for small packets their number.
    sender = Sender(a, b, "octets", rotate_octets=5000, rotate=16)
    got = [sender.send(size) for size in sizes]
    check.equal("rounds of %d packets by octets" % len(sizes), got, expected(sizes, 5000, 16))
    check.true("by number, too", got[-1] - got[-33] == 2)
    now = sender.info()
    check.equal("reported", [now.get(k) for k in ("rotate-octets", "rotate-time", "rotate-idle")],
                [5000, None, None])
    check.equal("late", now["late"], 0)
    check.equal("packets", now["packets-out"], len(sizes))
    sender.close()


def by_time(check, a, b, name):
    """Each packet that is of a new round came so long after the first, or the last, of the old."""
    sender = Sender(a, b, name, **{name: 1})
    reported = sender.info()
    check.equal("%s: reported" % name, reported.get(name.replace("_", "-")), 1)
    idle = name == "rotate_idle"
    began = last = None
    rounds, early, passed_by = [], [], []
    end = time.monotonic() + 60
    while len(set(rounds)) < 4 and time.monotonic() < end:
        before = time.monotonic()
        number = sender.send()
        after = time.monotonic()
        if rounds and number != rounds[-1]:
            if number != rounds[-1] + 1:
                passed_by.append(number)
            # The kernel's clock ticks: a tick, 10 ms at most, is not seen.
            if after - (last if idle else began)[0] < 0.99:
                early.append(number)
            began = None
        began = began or (before, after)
        last = before, after
        rounds.append(number)
        if idle and len(rounds) % 20 == 0:
            pause = time.monotonic()
            tb.poll("end of the pause", lambda: time.monotonic() > pause + 1.02)
    check.equal("%s: rounds" % name, sorted(set(rounds)), [0, 1, 2, 3])
    check.equal("%s: too early" % name, early, [])
    check.equal("%s: rounds that nothing was sent in" % name, passed_by, [])
    sender.close()


def lookahead(check, a, b, rounds, wanted):
    """A receiver has SAs of the current round, of so many ahead, and of a few that are over."""
    app = "ahead-%d" % rounds
    owners = tb.Owner(a, app), tb.Owner(b, app)
    (out, block_a), (group, block_b) = (owner.reserve(ns.address)
                                        for owner, ns in zip(owners, (a, b)))
    master = tb.fresh_master()
    few = {"rotate": 16, "window": 64, "lookahead": rounds}
    owners[0].install(out, b.address, tb.OFFERER, master, block_b, **few)
    owners[1].install(group, a.address, tb.ANSWERER, master, block_a, **few)
    check.equal("lookahead %d: reported" % rounds,
                owners[1].do("group-get", id=group)["lookahead"], wanted)
    check.equal("states of a group", [len(ns.states()) for ns in (a, b)], [1 + wanted] * 2)
    memory = owners[1].do("app-get", name=app)["memory"]
    sender = tb.udp(a, a.address, PORT_A, (b.address, PORT_B))
    receiver = tb.udp(b, b.address, PORT_B)
    owners[0].bind(out, sender, PORT_B)
    owners[1].bind(group, receiver, PORT_A)
    most = arrived = 0
    for i in range(16 * ROUNDS):
        sender.send(b"%d" % i)
        arrived += receiver.recv(64) == b"%d" % i
        if i % 16 == 8:
            most = max(most, len(b.states()))
    check.equal("arrived in %d rounds" % ROUNDS, arrived, 16 * ROUNDS)
    # A window of 64 packets is 4 rounds and a part of one; none is retired before it is told of.
    check.true("states at most %d" % most, 1 + wanted < most <= 5 + 2 * wanted + 1)
    for s in (*owners, sender, receiver):
        s.close()
    return memory


def refused(check, a, b):
    owner = tb.Owner(a, "refused")
    group, _ = owner.reserve(a.address)
    for name in "rotate_time", "rotate_idle":
        e = check.refused(name, errno.ERANGE, owner.install, group, b.address, tb.OFFERER,
                          tb.fresh_master(), BLOCK_B, **{name: WEEK + 1})
        check.equal("text", e.text, "rotate-time, rotate-idle: more than a week")
    owner.install(group, b.address, tb.OFFERER, tb.fresh_master(), BLOCK_B, rotate_time=WEEK,
                  rotate_idle=WEEK, rotate_octets=(1 << 64) - 1)
    now = owner.do("group-get", id=group)
    check.equal("largest", [now[k] for k in ("rotate-octets", "rotate-time", "rotate-idle")],
                [(1 << 64) - 1, WEEK, WEEK])
    e = check.refused("grace", errno.ERANGE, owner.do, "group-del", id=group, grace=3601)
    check.equal("text", e.text, "grace: more than an hour")
    owner.do("group-del", id=group, grace=1)
    event = owner.wait_event(lambda e: e.name == "group-del-ntf")
    check.equal("reason", event.values["end-reason"], nl.spec.enums["end-reason"]["replaced"])
    owner.close()


def main():
    check = tb.Checks()
    with tb.two_hosts() as (a, b):
        by_octets(check, a, b)
        by_time(check, a, b, "rotate_time")
        by_time(check, a, b, "rotate_idle")
        memory = [lookahead(check, a, b, *few) for few in ((1, 1), (4, 4), (16, 16), (0, 16))]
        check.equal("memory, by lookahead", memory, sorted(memory))
        check.true("and not always the same: %s" % memory, memory[0] < memory[1] < memory[2])
        refused(check, a, b)
        check.equal("states left", a.states() + b.states(), [])
    check.finish()


if __name__ == "__main__":
    main()
