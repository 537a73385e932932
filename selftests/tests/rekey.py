#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""
   [wire 10.9.0.1] a --- netem reorders 5 %, both ways --- b [wire 10.9.0.2]

A SIP stack on each side, played with libsipsec. Traffic runs both ways while the dialog is rekeyed
by one side, then by the other; lines are what a re-INVITE and its answer would carry.
"""

import ctypes as c
import errno
import os
import select
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, ".."), HERE]
import libsipsec
import nl
import testbed as tb
from testbed import T

lib = libsipsec.lib
PORTS = (4000, 5000), (4002, 5002)
REKEYS = 4
# Seconds; a machine that is busy elsewhere must not need as long for an ACK.
GRACE = 15


class Side:
    """One end's stack: its connection, and the dialog in force."""

    def __init__(self, ns, peer):
        self.ns, self.peer = ns, peer
        admin = tb.Admin(ns)
        admin.do("app-new", name="phone", uid=0)
        admin.close()
        with ns.entered():
            self.connection = libsipsec.Connection()
        libsipsec.check("app open", lib.sipsec_app_open(self.connection.s, b"phone"), 0)
        self.dialog = libsipsec.Dialog(self.connection, ns.address, rotate=T)
        self.admin = tb.Admin(ns)

    def rekey(self):
        """A dialog to rekey with, or the error."""
        new = object.__new__(libsipsec.Dialog)
        new.connection, new.d = self.connection, c.c_void_p()
        err = lib.sipsec_dialog_rekey(self.dialog.d, c.byref(new.d))
        return new if not err else -err

    def take_over(self, new):
        """The new dialog is in force, the old one is gone."""
        old = self.dialog.group()
        libsipsec.check("take over", lib.sipsec_dialog_take_over(new.d, GRACE), 0)
        self.dialog = new
        return old

    def group(self, number):
        return self.admin.do("group-get", id=number)

    def flows(self):
        return {f["group"] for f in self.admin.dump("flow-get")}

    def stats(self):
        return self.admin.do("stats-get", app="phone")

    def ended(self, group):
        """The reason the group has ended for."""
        def wanted(e):
            return e.type == libsipsec.GROUP_DEL and e.group == group
        self.connection.wait_event("end of the old group", wanted)
        return next(e.reason for e in self.connection.events if wanted(e))

    def close(self):
        self.dialog.end()
        self.connection.close()
        self.admin.close()


def go_on(traffic):
    """What was to be sent may all have been: more of it."""
    if select.select([traffic.process.stdout], [], [], 0)[0]:
        traffic.wait()
        traffic.start(20 * T)


def used(traffic, side, group):
    """Wait for more than a round of packets of the peer by this group, while traffic goes on."""
    def enough():
        go_on(traffic)
        return side.group(group)["packets-in"] > T
    tb.poll("packets by the new group", enough)


def rekey(check, traffic, offerer, answerer):
    """A re-INVITE, its answer and its ACK, with what each side sends in between."""
    first = offerer.rekey()
    offered = first.offer()
    check.equal("a re-INVITE of the peer's now: to be refused with 491", offerer.rekey(),
                errno.EBUSY)
    second = answerer.rekey()
    err, line = second.answer(offered, offerer.ns.address)
    check.equal("answer", err, 0)
    check.equal("established", first.established([line], answerer.ns.address), 0)
    old = offerer.take_over(first)
    check.equal("flows of the offerer", offerer.flows(), {first.group()})
    # Received before the answerer's flows have moved.
    used(traffic, answerer, second.group())
    check.equal("flows of the answerer", answerer.flows(), {answerer.dialog.group()})
    other = answerer.take_over(second)
    check.equal("flows of the answerer", answerer.flows(), {second.group()})
    used(traffic, offerer, first.group())
    check.equal("replaces", [offerer.group(first.group())["replaces"],
                             answerer.group(second.group())["replaces"]], [old, other])
    return old, other


def collide(check, one, two):
    """Both begin at once: each refuses the other's with 491, and nothing has changed."""
    groups = one.dialog.group(), two.dialog.group()
    there = [len(side.admin.dump("group-get")) for side in (one, two)]
    dialogs = one.rekey(), two.rekey()
    for dialog in dialogs:
        dialog.offer()
    check.equal("the other's offer", (one.rekey(), two.rekey()), (errno.EBUSY, errno.EBUSY))
    for dialog in dialogs:
        dialog.end()
    check.equal("groups", (one.dialog.group(), two.dialog.group()), groups)
    check.equal("groups there", [len(side.admin.dump("group-get")) for side in (one, two)], there)


def refusals(check, a, b):
    """Whose place a group may take."""
    owner, other = tb.Owner(a, "mine"), tb.Owner(a, "other")
    groups = [owner.reserve(a.address)[0] for _ in range(2)]
    stranger, _ = other.reserve(a.address)
    other.install(stranger, b.address, tb.OFFERER, tb.fresh_master(), 0x5d1c2a00)

    def install(replaces, peer=b.address):
        owner.install(groups[1], peer, tb.OFFERER, tb.fresh_master(), 0x5d1c2a00,
                      replaces=replaces)

    text = "replaces: not an installed group of this app and these addresses"
    e = check.refused("a group without keys", errno.EINVAL, install, groups[0])
    check.equal("text", e.text, text)
    owner.install(groups[0], b.address, tb.OFFERER, tb.fresh_master(), 0x5d1c2b00)
    e = check.refused("of another peer", errno.EINVAL, install, groups[0], "10.9.0.9")
    check.equal("text", e.text, text)
    e = check.refused("another app's", errno.EINVAL, install, stranger)
    check.equal("text", e.text, text)
    check.refused("none", errno.ENOENT, install, groups[0] + 1000)
    install(groups[0])
    owner.close()
    other.close()


def main():
    check = tb.Checks()
    with tb.two_hosts() as (a, b):
        refusals(check, a, b)
        tb.reorder(a)
        tb.reorder(b)
        one, two = Side(a, b), Side(b, a)
        err, line = two.dialog.answer(one.dialog.offer(), a.address)
        check.equal("answer", err, 0)
        check.equal("established", one.dialog.established([line], b.address), 0)
        flows = []
        for port_a, port_b in PORTS:
            ends = (tb.udp(a, a.address, port_a, (b.address, port_b)), tb.udp(b, b.address, port_b))
            check.equal("flow", one.dialog.flow(ends[0], b.address, port_b), 0)
            check.equal("flow", two.dialog.flow(ends[1], a.address, port_a), 0)
            flows += [tb.Flow(*ends), tb.Flow(*reversed(ends), to=(a.address, port_a))]
        traffic = tb.Traffic(flows)
        taps = tb.Tap(a), tb.Tap(b)
        wrong, ended, packets = [], [], 0
        sides = [one, two]
        for i in range(REKEYS):
            print("rekey by " + sides[0].ns.name.split("-")[0])
            traffic.start(20 * T)
            if i == 1:
                collide(check, one, two)
            ended.append((list(sides), rekey(check, traffic, *sides)))
            total = traffic.wait()
            if total["lost"]:
                for side in one, two:
                    print("lost:", side.ns.name, side.ns.xfrm_errors(), side.stats(),
                          side.ns.run("cat /proc/net/softnet_stat /proc/net/snmp"))
            sides.reverse()
            for tap in taps:
                seen = tap.drain()
                packets += len(seen)
                wrong += [p for p in seen if p.proto != 50]
                for spi, numbers in tb.sequence_numbers(seen).items():
                    if len(set(numbers)) != len(numbers) or numbers[-1] > T:
                        wrong.append("%08x" % spi)
        for (offerer, answerer), groups in ended:
            check.equal("ended", [offerer.ended(groups[0]), answerer.ended(groups[1])],
                        [nl.spec.enums["end-reason"]["replaced"]] * 2)
        for what in ("lost", "duplicated", "refused", "foreign", "corrupt"):
            check.equal(what, total[what], 0)
        check.equal("ESP packets", packets, total["sent"])
        check.equal("in clear, or with a number used before", wrong, [])
        for side in one, two:
            stats = side.stats()
            check.equal("drops", {k: v for k, v in stats.items() if "drop" in k and v}, {})
            check.equal("late", stats["out-late"], 0)
            check.equal("groups left", len(side.admin.dump("group-get")), 1)
        traffic.close()
        for side in one, two:
            side.close()
        check.equal("states left", a.states() + b.states(), [])
    check.finish()


if __name__ == "__main__":
    main()
