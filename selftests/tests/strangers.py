#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""
   a: module                                              b: module
   [wire 10.9.0.1] ---------------------------------- [wire 10.9.0.2]

a sends, from round to round. On b's host somebody has an SA with an SPI that a later round is to
have, or takes SAs of the group away in the ways that the kernel does not refuse. What is ready goes
on, what cannot be received is not received in clear, no key is used again, and the owner is told
once.
"""

import contextlib
import errno
import itertools
import os
import re
import socket
import struct
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import nl
import sipsec_keys as keys
import testbed as tb

PORT_A, PORT_B = 4000, 5000
# So many that no more rounds are installed ahead than need be.
ROTATE, AHEAD = 4096, 2
STRANGER = "10.9.3.1"
XFRM_MSG_EXPIRE, XFRM_MSG_MIGRATE, XFRMA_MIGRATE = 0x18, 0x21, 17
CAUSE = nl.spec.enums["disturbance"]
DIRECTION = nl.spec.enums["direction"]


def foreign_state(verb, spi, dst, src=STRANGER):
    """Its key is all zero."""
    return keys.xfrm_state(verb, keys.Round(0, spi, None, bytes(20)), 1, src, dst)


def request(ns, kind, payload):
    """One of NETLINK_XFRM, in that namespace."""
    with ns.entered():
        s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, tb.NETLINK_XFRM)
    with contextlib.closing(s):
        s.send(struct.pack("=IHHII", 16 + len(payload), kind, nl.F_REQUEST | nl.F_ACK, 1, 0) +
               payload)
        number = -struct.unpack_from("=i", s.recv(4096), 16)[0]
    if number:
        raise OSError(number, os.strerror(number))


def expire(ns, spi, hard=1):
    """struct xfrm_user_expire; what is not looked at is zero."""
    payload = bytearray(232)
    payload[56:60] = tb.packed(ns.address)
    struct.pack_into("!IB", payload, 72, spi, socket.IPPROTO_ESP)
    struct.pack_into("=H", payload, 212, socket.AF_INET)
    payload[224] = hard
    request(ns, XFRM_MSG_EXPIRE, bytes(payload))


def migrate(ns, peer, reqid):
    """One SA from the peer gets another source. There has to be a policy: one of other hosts."""
    policy = "src %s/32 dst 10.9.3.2/32 dir fwd" % STRANGER
    ns.ip("xfrm policy add %s tmpl proto esp reqid %d mode transport" % (policy, reqid))
    selector = bytearray(56)
    selector[:4], selector[16:20] = tb.packed("10.9.3.2"), tb.packed(STRANGER)
    struct.pack_into("=HBB", selector, 40, socket.AF_INET, 32, 32)
    old, new, own = (tb.packed(a) + bytes(12) for a in (peer, STRANGER, ns.address))
    change = own + old + own + new + struct.pack("=BBHIHH", socket.IPPROTO_ESP, 0, 0, reqid,
                                                 socket.AF_INET, socket.AF_INET)
    try:
        # The direction is XFRM_POLICY_FWD.
        request(ns, XFRM_MSG_MIGRATE, bytes(selector) + struct.pack("=IBxxx", 0, 2) +
                nl.attr(XFRMA_MIGRATE, change))
    finally:
        ns.ip("xfrm policy delete " + policy)


class Call:
    """A group at both ends, and one flow."""

    def __init__(self, a, b):
        self.a, self.b = a, b
        self.owners = tb.Owner(a), tb.Owner(b)
        (self.out, block), (self.group, self.block) = (
            owner.reserve(ns.address) for owner, ns in zip(self.owners, (a, b)))
        self.master = tb.fresh_master()
        self.owners[0].install(self.out, b.address, tb.OFFERER, self.master, self.block,
                               rotate=ROTATE)
        self.owners[1].install(self.group, a.address, tb.ANSWERER, self.master, block,
                               rotate=ROTATE)
        self.sender = tb.udp(a, a.address, PORT_A, (b.address, PORT_B))
        self.receiver = tb.udp(b, b.address, PORT_B)
        self.owners[0].bind(self.out, self.sender, PORT_B)
        self.owners[1].bind(self.group, self.receiver, PORT_A)
        self.round, self.serial = 0, itertools.count()
        self.tap = tb.Tap(b)

    def spi(self, number):
        return keys.spi(self.block, number)

    def next_round(self):
        def rotated():
            try:
                self.owners[0].do("group-rotate", id=self.out)
            except OSError as e:
                if e.errno != errno.EBUSY:
                    raise
                return False
            return True

        tb.poll("rotation", rotated)
        self.round += 1

    def send(self, count=1):
        """So many datagrams; their texts."""
        sent = [b"%d" % next(self.serial) for _ in range(count)]
        for text in sent:
            self.sender.send(text)
        return sent

    def works(self, check, count=3):
        """What is sent arrives, behind what was sent before and held."""
        sent = self.send(count)
        missing = set(sent)
        while missing:
            missing.discard(self.receiver.recv(64))
        check.true("of round %d %d arrive" % (self.round, count), True)

    def works_again(self, check):
        """The same, sooner or later."""
        def arrives():
            self.send()
            return not tb.nothing_waits(self.receiver)

        tb.poll("datagram of round %d" % self.round, arrives)
        self.works(check)

    def fails(self, check, count=3):
        """Nothing of it does, and xfrm has dropped it."""
        before = sum(self.b.xfrm_errors().values())
        sent = self.send(count)
        tb.poll("drops", lambda: sum(self.b.xfrm_errors().values()) == before + count)
        arrived = set()
        while not tb.nothing_waits(self.receiver):
            arrived.add(self.receiver.recv(64))
        check.equal("of round %d there arrive" % self.round, arrived & set(sent), set())

    def disturbed(self):
        """(cause, round, SPI, packets) of the next such event."""
        told = self.owners[1].wait_event(lambda e: e.name == "group-disturbed-ntf").values
        if told["direction"] != DIRECTION["in"] or told["id"] != self.group:
            raise RuntimeError("an event of something else: %s" % told)
        return told["cause"], told["number"], told["spi"], told["packets"]

    def disturbances(self):
        """Such events that have come."""
        self.owners[1].receive_waiting()
        return [e for e in self.owners[1].events if e.name == "group-disturbed-ntf"]

    def told_no_more(self, check):
        check.equal("told of nothing else", self.disturbances(), [])

    def stats(self, name):
        return self.owners[1].do("stats-get", app="phone")[name]

    def spis(self):
        """SPIs of the block for which there are states."""
        found = re.findall("proto esp spi (0x[0-9a-f]+)", self.b.ip("xfrm state"))
        return {int(spi, 16) for spi in found if int(spi, 16) & ~0xff == self.block}

    def close(self):
        for s in (*self.owners, self.sender, self.receiver, self.tap.sock):
            s.close()


def taken(check, call):
    """A stranger's SA has the SPI of a round, and goes away while that is current."""
    number = call.round + AHEAD + 1
    # On the sender's host there is nothing that it could be in the way of.
    for ns in call.a, call.b:
        ns.batch([foreign_state("add", call.spi(number), call.b.address)])
    while call.round < number - 1:
        call.next_round()
        call.works(check)
    check.equal("told", call.disturbed(), (CAUSE["spi-taken"], number, call.spi(number), 0))
    call.next_round()
    call.fails(check)
    # Each is tried with a candidate, and there is time between them to try the installation.
    tried = call.stats("in-candidate")

    def tries():
        call.send()
        return call.stats("in-candidate") >= tried + 3

    tb.poll("tries", tries)
    check.true("nothing has arrived", tb.nothing_waits(call.receiver))
    call.told_no_more(check)
    call.b.batch([foreign_state("delete", call.spi(number), call.b.address)])
    call.works_again(check)
    for _ in range(4):
        call.next_round()
        call.works(check)
    call.a.batch([foreign_state("delete", call.spi(number), call.b.address)])


def passed_by(check, call):
    """It stays: the rounds behind it are caught up with."""
    number = call.round + AHEAD + 1
    call.b.batch([foreign_state("add", call.spi(number), call.b.address)])
    times = call.stats("in-caught-up")
    while call.round < number - 1:
        call.next_round()
        call.works(check)
    check.equal("told", call.disturbed(), (CAUSE["spi-taken"], number, call.spi(number), 0))
    call.next_round()
    call.fails(check)
    call.next_round()
    call.works_again(check)
    tb.poll("catching up", lambda: call.stats("in-caught-up") == times + 1)
    call.b.batch([foreign_state("delete", call.spi(number), call.b.address)])
    for _ in range(3):
        call.next_round()
        call.works(check)


def expired(check, call):
    """XFRM_MSG_EXPIRE of the current round, and of all that are installed."""
    call.next_round()
    call.works(check, 5)
    expire(call.b, call.spi(call.round), hard=0)
    call.works(check, 2)
    gone = call.spi(call.round)
    expire(call.b, gone)
    check.true("the SA is gone", gone not in call.spis())
    check.refused("once more", errno.ENOENT, expire, call.b, gone)
    call.fails(check)
    check.equal("told", call.disturbed(), (CAUSE["sa-gone"], call.round, gone, 7))
    call.fails(check)
    for _ in range(2):
        call.next_round()
        call.works(check)
    check.true("its SPI has no SA again", gone not in call.spis())
    call.told_no_more(check)

    tb.poll("state of the round after the next", lambda: call.spi(call.round + 2) in call.spis())
    gone = call.spis()
    for spi in gone:
        expire(call.b, spi)
    check.equal("SAs", call.spis(), set())
    call.fails(check)
    told, wanted = set(), {(CAUSE["sa-gone"], call.spi(call.round + i)) for i in range(AHEAD + 1)}
    while wanted - told:
        told.add(call.disturbed()[:3:2])
    # Rounds before it may have ended by themselves meanwhile.
    check.equal("told of others", {spi for _, spi in told} - gone, set())
    for _ in range(AHEAD):
        call.next_round()
        call.fails(check)
    call.next_round()
    call.works(check)
    tb.poll("rounds ahead", lambda: call.spi(call.round + 1) in call.spis())
    for _ in range(2):
        call.next_round()
        call.works(check)
    check.equal("SPIs that have an SA again", gone & call.spis(), set())


def moved(check, call):
    """XFRM_MSG_MIGRATE leaves a copy of an SA, without its key: what it lets in is not let in."""
    call.next_round()
    call.works(check)
    gone = call.spi(call.round)
    copy = "src %s dst %s\n\tproto esp spi %#010x " % (STRANGER, call.b.address, gone)

    def is_moved():
        migrate(call.b, call.a.address, call.group)
        return copy in call.b.ip("xfrm state")

    try:
        # One at a time, whichever it finds.
        tb.poll("copy of the current round's", is_moved)
    except OSError as e:
        if e.errno != errno.ENOPROTOOPT:
            raise
        print("   the kernel has no such thing")
        return
    call.fails(check)
    told = []
    while (CAUSE["sa-gone"], call.round, gone, 3) not in told:
        told.append(call.disturbed())
    check.true("told", True)

    # The next rounds may have been moved, too.
    for _ in range(AHEAD + 1):
        call.next_round()
    call.works_again(check)
    tb.poll("rounds ahead", lambda: call.spi(call.round + 1) in call.spis())
    call.next_round()
    call.works(check)
    told += [call.disturbed() for _ in call.disturbances()]
    check.equal("told of more than once", [event for event in told if told.count(event) > 1], [])

    # The sender's own flow would be in the way.
    call.owners[0].do("flow-unbind", protocol=socket.IPPROTO_UDP, local=tb.packed(call.a.address),
                      local_port=PORT_A, peer=tb.packed(call.b.address), peer_port=PORT_B)
    where = call.a.address, call.b.address
    call.a.batch([foreign_state("add", gone, call.b.address, call.a.address),
                  "xfrm policy add src %s dst %s proto udp dir out tmpl src %s dst %s proto esp "
                  "spi %#010x mode transport" % (*where, *where, gone)])
    drops = call.stats("in-drop-flow")
    # The copy has the replay window, too: the first ones have numbers that have been used.
    call.send(6)
    tb.poll("drops", lambda: call.stats("in-drop-flow") == drops + 3)
    check.true("nothing arrives by the copy", tb.nothing_waits(call.receiver))


def listens(ns):
    """Somebody to events of generic netlink."""
    lines = [text.split() for text in ns.run("cat /proc/net/netlink").splitlines()]
    return any(int(line[1]) == nl.NETLINK_GENERIC and int(line[3], 16) for line in lines[1:])


def main():
    check = tb.Checks()
    with tb.two_hosts() as (a, b):
        monitor = subprocess.Popen(["ip", "netns", "exec", b.name, "sipsecctl", "monitor"],
                                   stdout=subprocess.PIPE, text=True)
        tb.poll("monitor", lambda: listens(b))
        call = Call(a, b)
        for case in tb.cases(taken, passed_by, expired, moved):
            print("%s: %s" % (case.__name__, case.__doc__))
            case(check, call)
            call.told_no_more(check)
        check.equal("in clear", [p for p in call.tap.drain() if p.proto != socket.IPPROTO_ESP], [])
        call.close()
        for ns in a, b:
            ns.batch(["xfrm state flush", "xfrm policy flush"])
        check.equal("states left", a.states() + b.states(), [])
        # It goes on until it is told to end; what it has said is there by then.
        said = next(line for line in monitor.stdout if "group-disturbed" in line)
        check.true("said: " + said.strip(), said.endswith(
            "in round 3 spi %08x cause spi-taken\n" % call.spi(3)))
        monitor.terminate()
        monitor.wait()
        monitor.stdout.close()
    check.finish()


if __name__ == "__main__":
    main()
