#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""
   a: module                                              b: module
   [wire 10.9.0.1]  ------------------------------------- [wire 10.9.0.2]
   [other 10.9.1.1] ------------------------------------- [other 10.9.1.2]
   [lo 10.9.2.1]                                          [lo 10.9.2.2]

Traffic both ways between the addresses of lo, of connected sockets and others, while the way there
changes: routes, rules, marks, a device that goes. On both wires nothing passes but
ESP; who cannot send is told so.
"""

import collections
import contextlib
import errno
import os
import socket
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import testbed as tb

LOCAL, PEER = "10.9.2.1", "10.9.2.2"
NEXT = {"wire": {"a": "10.9.0.2", "b": "10.9.0.1"}, "other": {"a": "10.9.1.2", "b": "10.9.1.1"}}
# Local port, peer's port, connected, used by the stream: its sockets have readers.
FLOWS = ((4000, 5000, True, True), (4001, 5001, False, True),
         (4002, 5002, True, False), (4003, 5003, False, False))
CHANGES = 40
SO_MARK = 36


class Hosts:
    """Two wires, a group at both ends, two flows."""

    def __init__(self, a, b):
        self.a, self.b = a, b
        self.check = tb.Checks()
        self.second_wire()
        for ns, address in (a, LOCAL), (b, PEER):
            ns.ip("address add %s/32 dev lo" % address)
        # With a namespace's first rule its local routes get a table of their own, and for a moment
        # the kernel finds none of them.
        self.each("rule add from 192.0.2.1 lookup 100")
        self.route("wire")
        self.owners = tb.Owner(a), tb.Owner(b)
        master = tb.fresh_master()
        (id_a, block_a), (id_b, block_b) = (
            o.reserve(address) for o, address in zip(self.owners, (LOCAL, PEER)))
        self.owners[0].install(id_a, PEER, tb.OFFERER, master, block_b)
        self.owners[1].install(id_b, LOCAL, tb.ANSWERER, master, block_a)
        self.sockets, flows, self.idle = [], [], []
        for port_a, port_b, connected, streams in FLOWS:
            to = (PEER, port_b), (LOCAL, port_a)
            ends = (tb.udp(a, LOCAL, port_a, to[0] if connected else None),
                    tb.udp(b, PEER, port_b, to[1] if connected else None))
            self.owners[0].bind(id_a, ends[0], port_b)
            self.owners[1].bind(id_b, ends[1], port_a)
            self.sockets.append(ends)
            if not streams:
                self.idle.append(ends)
                continue
            for way in 1, -1:
                flows.append(tb.Flow(*ends[::way], to=None if connected else to[::way][0],
                                     gap=300))
        self.traffic = tb.Traffic(flows)
        self.tap()

    def second_wire(self):
        tb.run("ip", "link", "add", "other", "netns", self.a.name, "type", "veth",
               "peer", "name", "other", "netns", self.b.name)
        for ns, address in (self.a, "10.9.1.1"), (self.b, "10.9.1.2"):
            ns.run("sysctl -qw net.ipv6.conf.other.disable_ipv6=1")
            ns.ip("address add %s/24 dev other" % address)
            ns.ip("link set other up")
        for ns in self.a, self.b:
            tb.poll("carrier", lambda ns=ns: "state UP" in ns.ip("link show other"))
        for ns, to, name in (self.a, self.b, "a"), (self.b, self.a, "b"):
            ns.ip("neighbour add %s lladdr %s dev other" % (
                NEXT["other"][name], tb.link_address(to, "other")))

    def tap(self):
        self.taps = {device: tb.Tap(self.a, device) for device in NEXT}

    def each(self, words):
        """The same at both ends; %(peer)s and %(via-DEVICE)s are what they are there."""
        for ns, name, peer in (self.a, "a", PEER), (self.b, "b", LOCAL):
            ns.ip(words % {"peer": peer, "local": LOCAL if name == "a" else PEER,
                           **{"via-" + d: "via %s dev %s" % (via[name], d)
                              for d, via in NEXT.items()}})

    def route(self, device):
        self.each("route replace %%(peer)s %%(via-%s)s" % device)

    def passed(self):
        """What has passed since the last call: packets that were not ESP, and ESP of each wire."""
        clear, esp = [], collections.Counter()
        for device, tap in self.taps.items():
            for p in tap.drain(outgoing=True):
                if p.proto == socket.IPPROTO_ESP:
                    esp[device] += 1
                else:
                    clear.append(p)
        return clear, esp

    @contextlib.contextmanager
    def running(self, name, wires=("wire", "other")):
        """Traffic meanwhile: all of it arrives, by these wires, as ESP."""
        print("  ", name, flush=True)
        self.passed()
        self.traffic.start(6 * CHANGES)
        yield
        total = self.traffic.wait()
        clear, esp = self.passed()
        self.check.equal("%s: not ESP" % name, clear, [])
        wrong = {k: total[k] for k in ("lost", "duplicated", "refused", "foreign", "corrupt")
                 if total[k]}
        self.check.equal("%s: traffic" % name, wrong, {})
        if wrong:
            for ns, owner in zip((self.a, self.b), self.owners):
                print("   ", ns.name, ns.xfrm_errors(), {
                    k: v for k, v in owner.do("stats-get", app="phone").items() if v})
        self.check.equal("%s: wires" % name, {w for w in esp if esp[w] > 2}, set(wires))

    def sends(self, name):
        """One datagram after the other arrives, either way."""
        for ends in self.idle:
            for source, sink in ends, ends[::-1]:
                for i in range(8):
                    source.sendto(b"%d" % i, sink.getsockname())
                    if sink.recv(64) != b"%d" % i:
                        self.check.true("%s: datagram %d arrives" % (name, i), False)

    def refused(self, name, number):
        for ends in self.sockets:
            self.check.refused(name, number, ends[0].sendto, b"x", ends[1].getsockname())
        self.check.equal("%s: not ESP" % name, self.passed()[0], [])


def churn(h):
    """The route is replaced, again and again, at one end after the other."""
    with h.running("routes"):
        for i in range(CHANGES):
            h.route(("other", "wire")[i % 2])
    h.route("wire")


def rules(h):
    """A rule that comes and goes sends all by a table of its own."""
    h.each("route add %(peer)s %(via-other)s table 100")
    with h.running("rules"):
        for i in range(CHANGES):
            h.each("rule %s from %%(local)s lookup 100" % ("add", "delete")[i % 2])
    h.each("rule add fwmark 7 lookup 100")


def marks(h):
    """Sockets with a mark go another way, and are back without it."""
    for mark, wire in (7, "other"), (0, "wire"):
        for ends in h.sockets:
            for s in ends:
                s.setsockopt(socket.SOL_SOCKET, SO_MARK, mark)
        with h.running("marked %d" % mark, (wire,)):
            pass


def mangled(h):
    """A rule of netfilter marks what is sent, and has it routed anew."""
    try:
        for ns in h.a, h.b:
            ns.run("nft add table ip mangle")
            ns.run("nft add chain ip mangle out { type route hook output priority -150 ; }")
    except RuntimeError as e:
        # The kernels of our own configuration lack it.
        if not os.environ.get("WATCHED"):
            raise
        print("this kernel has no such rules: %s" % e)
        return
    for ns in h.a, h.b:
        ns.run("nft add rule ip mangle out meta l4proto udp meta mark set 7")
    with h.running("mangled: datagrams", ("other",)):
        pass
    for ns in h.a, h.b:
        ns.run("nft flush chain ip mangle out")
        ns.run("nft add rule ip mangle out meta l4proto esp meta mark set 7")
    with h.running("mangled: ESP", ("other",)):
        pass
    for ns in h.a, h.b:
        ns.run("nft delete table ip mangle")
    with h.running("mangled no more", ("wire",)):
        pass


def forbidden(h):
    """There is no way for a while."""
    for kind, number in (("prohibit", errno.EACCES), ("unreachable", errno.EHOSTUNREACH),
                         ("blackhole", errno.EINVAL)):
        h.passed()
        h.a.ip("route replace %s %s" % (kind, PEER))
        h.refused(kind, number)
        h.a.ip("route delete " + PEER)
        h.refused("no route", errno.ENETUNREACH)
        h.route("wire")
        h.sends("after " + kind)
        h.check.equal("after %s: not ESP" % kind, h.passed()[0], [])


def devices(h):
    """The wire in use goes down, and comes back; then it is removed. There is another way."""
    h.each("route add %(peer)s %(via-wire)s metric 100")
    for what in "set other down", "delete other":
        h.route("other")
        with h.running("before %s" % what, ("other",)):
            pass
        for ns in (h.a,) if what.startswith("delete") else (h.a, h.b):
            ns.ip("link " + what)
        # The capture is told, too.
        h.taps["other"].sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
        h.sends("after %s" % what)
        clear, esp = h.passed()
        h.check.equal("after %s: not ESP, on a wire" % what, (clear, "wire" in esp), ([], True))
        if what.endswith("down"):
            for ns in h.a, h.b:
                ns.ip("link set other up")
            for ns in h.a, h.b:
                tb.poll("carrier", lambda ns=ns: "state UP" in ns.ip("link show other"))
    # A new device of the same name is another one.
    del h.taps["other"]
    h.second_wire()
    h.taps["other"] = tb.Tap(h.a, "other")
    h.route("other")
    with h.running("a new device", ("other",)):
        pass
    h.each("route delete %(peer)s metric 100")


def main():
    with tb.two_hosts() as (a, b):
        h = Hosts(a, b)
        for case in tb.cases(churn, rules, marks, mangled, forbidden, devices):
            print(case.__name__, flush=True)
            case(h)
        h.traffic.close()
        for owner in h.owners:
            owner.close()
        h.check.equal("states", a.states() + b.states(), [])
        h.check.equal("after the end: not ESP", h.passed()[0], [])
    h.check.finish()


if __name__ == "__main__":
    main()
