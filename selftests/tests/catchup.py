#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""
   a: ip xfrm, keys of sipsec_keys.py             b: module, one group
   [wire 10.9.0.1] ------------------------------ [wire 10.9.0.2]

a leaves out rounds, as if the wire had been cut for so long.
"""

import os
import random
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import nl
import sipsec_keys as keys
import testbed as tb

SUITE, BLOCK_A = 1, 0x21000300
PORT_A, PORT_B = 4000, 5000
ESP = 50
FORGED = 20000
# Packets of one round: so many that no more rounds are installed ahead than need be.
ROTATE = 4096
# counters.rst: rounds that packets can have a group derive which nothing has authenticated.
DERIVED_A_SECOND = 4
# What protocol.rst lets an SPI name.
FUTURE = 127


class Call:
    """b's group, and a's sending end, which can be set to any round."""

    def __init__(self, a, b, app, early=0, bound=True):
        self.a, self.b, self.app = a, b, app
        self.owner = tb.Owner(b, app)
        self.group, self.block = self.owner.reserve(b.address)
        self.master = tb.fresh_master()
        self.sender = tb.udp(a, a.address, PORT_A, (b.address, PORT_B))
        self.receiver = tb.udp(b, b.address, PORT_B)
        self.stream = keys.rounds(self.master, "HMAC_SHA2_256", SUITE, "O", self.block)
        self.round = next(self.stream)
        a.batch([self.state("add"), self.policy("add")])
        self.send(early)
        self.owner.install(self.group, a.address, tb.ANSWERER, self.master, BLOCK_A, SUITE,
                           rotate=ROTATE)
        if bound:
            self.bind()

    def bind(self):
        self.owner.bind(self.group, self.receiver, PORT_A)

    def state(self, verb):
        return keys.xfrm_state(verb, self.round, SUITE, self.a.address, self.b.address)

    def policy(self, verb):
        return ("xfrm policy %s src %s dst %s dir out tmpl src %s dst %s proto esp spi %#010x "
                "mode transport" % (verb, self.a.address, self.b.address, self.a.address,
                                    self.b.address, self.round.spi))

    def skip_to(self, number):
        old = self.state("delete")
        while self.round.n < number:
            self.round = next(self.stream)
        self.a.batch([self.state("add"), self.policy("update"), old])

    def send(self, count):
        for i in range(count):
            self.sender.send(b"%d of round %d" % (i, self.round.n))

    def receive(self, count):
        """In any order: what comes while held packets are let go may overtake them."""
        return sorted(self.receiver.recv(64) for _ in range(count))

    def expected(self, count):
        return sorted(b"%d of round %d" % (i, self.round.n) for i in range(count))

    def current(self):
        """The round of the receive direction."""
        direction = nl.spec.enums["direction"]["in"]
        return next(r["number"] for r in self.owner.do("group-get", id=self.group)["round"]
                    if r.get("current") and r["direction"] == direction)

    def stats(self, name):
        return self.owner.do("stats-get", app=self.app)[name]

    def close(self):
        self.owner.close()
        self.sender.close()
        self.receiver.close()
        self.a.batch(["xfrm state flush", "xfrm policy flush"])


def ahead(check, a, b):
    call = Call(a, b, "ahead")
    call.send(3)
    check.equal("round 0", call.receive(3), call.expected(3))
    skipped = 0
    for jump in 3, 4, 20, FUTURE, FUTURE - 1, 100, 10:
        call.skip_to(call.round.n + jump)
        call.send(5)
        check.equal("after a jump by %d" % jump, call.receive(5), call.expected(5))
        skipped += 1
        tb.poll("catching up", lambda: call.stats("in-caught-up") == skipped)
        check.equal("round", call.current(), call.round.n)
    # The events tell of each jump, and end at the round that is current.
    check.equal("last event", call.owner.rotations("in")[-1]["number"], call.round.n)
    # From here it goes on as ever.
    for _ in range(3):
        call.skip_to(call.round.n + 1)
        call.send(2)
        check.equal("round %d" % call.round.n, call.receive(2), call.expected(2))
    check.equal("times caught up", call.stats("in-caught-up"), skipped)
    # Too far is the past: no derivation.
    before = call.stats("in-candidate")
    missed = b.xfrm_errors().get("XfrmInNoStates", 0)
    call.skip_to(call.round.n + FUTURE + 1)
    call.send(5)
    tb.poll("5 packets of the past",
            lambda: b.xfrm_errors().get("XfrmInNoStates", 0) == missed + 5)
    check.equal("derived for the past", call.stats("in-candidate"), before)
    check.true("nothing arrived", tb.nothing_waits(call.receiver))
    call.close()
    check.equal("states left", b.states(), [])


def taken(check, a, b):
    """A stranger's SA on an SPI of the block keeps that round from being derived, and no other."""
    call = Call(a, b, "taken")
    call.send(1)
    check.equal("first", call.receive(1), call.expected(1))
    stranger = call.round._replace(spi=call.block + 40, keymat=bytes(20))
    b.batch([keys.xfrm_state("add", stranger, SUITE, a.address, b.address)])
    wire = tb.Injector(a, b)
    before = b.xfrm_errors().get("XfrmInStateProtoError", 0)
    wire.send(tb.ipv4(a.address, b.address, struct.pack("!II", stranger.spi, 1) + bytes(48),
                      proto=ESP))
    tb.poll("the stranger's SA to see it",
            lambda: b.xfrm_errors().get("XfrmInStateProtoError", 0) == before + 1)
    wire.close()
    call.skip_to(60)

    def arrives():
        call.send(1)
        return not tb.nothing_waits(call.receiver)

    tb.poll("packet of round 60", arrives)
    tb.poll("round 60", lambda: call.current() == 60)
    check.equal("times caught up", call.stats("in-caught-up"), 1)
    call.close()
    b.ip("xfrm state flush")


def forged(check, a, b):
    """
    Of 20,000 forged packets none moves anything; the stream beside them loses nothing, and goes
    from round to round.
    """
    call = Call(a, b, "forged")
    call.send(1)
    check.equal("first", call.receive(1), call.expected(1))
    rng = random.Random(1)
    wire = tb.Injector(a, b)
    lost = 0
    began = time.monotonic()
    for i in range(FORGED // 20):
        if i % 100 == 99:
            call.skip_to(call.round.n + 1)
        for _ in range(20):
            # Any round but those that are installed.
            spi = call.block + (call.round.n + rng.randrange(3, 250)) % 256
            wire.send(tb.ipv4(a.address, b.address, struct.pack("!II", spi, 1) +
                              rng.randbytes(48), proto=ESP))
        call.sender.send(b"%d" % i)
        lost += call.receiver.recv(64) != b"%d" % i
    seconds = time.monotonic() - began
    wire.close()
    check.equal("lost of the stream", lost, 0)
    tb.poll("round", lambda: call.current() == call.round.n)
    check.equal("round", call.round.n, FORGED // 20 // 100)
    check.equal("caught up", call.stats("in-caught-up"), 0)
    derived = call.stats("in-candidate")
    check.true("derived %d rounds in %.1f s for forged packets" % (derived, seconds),
               0 < derived <= DERIVED_A_SECOND * (seconds + 1))
    # And the peer is still followed when it has really run ahead.
    call.skip_to(50)

    def arrives():
        call.send(1)
        return not tb.nothing_waits(call.receiver)

    tb.poll("packet of round 50", arrives)
    tb.poll("round 50", lambda: call.current() == 50)
    call.close()


def early(check, a, b):
    call = Call(a, b, "early", early=20)
    check.equal("packets from before the answer", call.receive(20), call.expected(20))
    call.close()
    # No more than a few are kept, and not for ever.
    before = b.xfrm_errors().get("XfrmInNoStates", 0)
    call = Call(a, b, "flood", early=200)
    check.equal("packets from before the answer", call.receive(64), call.expected(64))
    tb.poll("others dropped", lambda: b.xfrm_errors().get("XfrmInNoStates", 0) == before + 136)
    check.true("no more", tb.nothing_waits(call.receiver))
    call.close()
    # Without a flow for them they are dropped when their time is over.
    call = Call(a, b, "late", early=5, bound=False)
    tb.poll("end of what waits for a flow", lambda: call.stats("in-drop-flow") == 5)
    call.bind()
    call.send(1)
    check.equal("the first that has a flow", call.receive(1), call.expected(1))
    check.true("no other", tb.nothing_waits(call.receiver))
    call.close()


def main():
    check = tb.Checks()
    with tb.two_hosts() as (a, b):
        for test in ahead, taken, forged, early:
            print(test.__name__)
            test(check, a, b)
    check.finish()


if __name__ == "__main__":
    main()
