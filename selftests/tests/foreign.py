#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""
   a: module; a user's socket is bound to a flow,         b: ip xfrm, keys of sipsec_keys.py,
      other sockets try to send and listen on it             also sends what is not encrypted
   [wire 10.9.0.1] ---------------------------------- [wire 10.9.0.2]

Control datagrams in clear between other ports are sent behind what must not arrive; when they have
arrived, everything before them was dealt with (one CPU, one wire: nothing overtakes).
"""

import errno
import os
import socket
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import sipsec_keys as keys
import testbed as tb
from testbed import ipv4, udp_header

SUITE, BLOCK_B = 3, 0x5d1c2e00
PORT_A, PORT_B = 4000, 5000
UNCLAIMED = 4800
CONTROL_A, CONTROL_B = 4900, 5900
UID, OTHER_UID = 60001, 60002
REUSE = socket.SO_REUSEADDR
MORE_FRAGMENTS, SECOND_FRAGMENT = 0x2000, 1
PORT_UNREACHABLE = 3, 3


class Test:
    def __init__(self, a, b):
        self.a, self.b = a, b
        self.check = tb.Checks()
        self.tap = tb.Tap(b)
        self.control = tb.udp(a, a.address, CONTROL_A), tb.udp(b, b.address, CONTROL_B)
        self.sock = tb.udp(a, a.address, PORT_A, uid=UID, option=REUSE)
        self.peer = tb.udp(b, b.address, PORT_B)
        self.owner = tb.Owner(a, uid=UID)
        master = tb.fresh_master()
        self.group, block = self.owner.reserve(a.address)
        self.owner.install(self.group, b.address, tb.OFFERER, master, BLOCK_B, SUITE,
                           rotate=1 << 20)
        self.owner.bind(self.group, self.sock, PORT_B)
        out = next(keys.rounds(master, "HMAC_SHA2_256", SUITE, "O", BLOCK_B))
        back = next(keys.rounds(master, "HMAC_SHA2_256", SUITE, "A", block))
        self.foreign_sa = keys.Round(0, 0x00777000, None, bytes(36))
        b.batch([keys.xfrm_state("add", out, SUITE, a.address, b.address),
                 keys.xfrm_state("add", back, SUITE, b.address, a.address, "reqid 1")])
        for port in (PORT_A, UNCLAIMED):
            b.ip("xfrm policy add src %s dst %s proto udp dport %d dir out priority 2 "
                 "tmpl proto esp mode transport reqid 1" % (b.address, a.address, port))

    def stats(self, app="phone"):
        return (self.thief if app == "thief" else self.owner).do("stats-get", app=app)

    def counted(self, before, wanted, app="phone"):
        """Exactly these drops have been counted since."""
        now = self.stats(app)
        self.check.equal("counted", {k: v - before[k] for k, v in now.items()
                                     if "drop" in k and v != before[k]}, wanted)

    def sync(self, way):
        """All that was sent that way before has been dealt with when this returns."""
        source, sink = self.control if way == "out" else reversed(self.control)
        source.sendto(b"control", sink.getsockname())
        self.check.equal("control", sink.recv(64), b"control")

    def works(self):
        """The bound socket and its peer talk, in ESP."""
        self.tap.drain()
        self.sock.sendto(b"hello", (self.b.address, PORT_B))
        self.check.equal("the peer gets", self.peer.recv(64), b"hello")
        self.peer.sendto(b"answer", (self.a.address, PORT_A))
        self.check.equal("the bound socket gets", self.sock.recv(64), b"answer")
        self.check.equal("on the wire", tb.by_protocol(self.tap.drain(outgoing=True)),
                         {"esp": 2, "other": 0})

    def out(self, name, sock, packet, to, reason="out-drop-socket"):
        """A send that must fail and of which nothing may reach the wire."""
        self.tap.drain()
        before = self.stats()
        self.check.refused(name, errno.EPERM, sock.sendto, packet, to)
        self.sync("out")
        packets = [p for p in self.tap.drain() if p.dport != CONTROL_B]
        self.check.equal("of it on the wire", packets, [])
        self.check.true("nothing arrived", tb.nothing_waits(self.peer))
        self.counted(before, {reason: 1})

    def sending(self):
        a, b = self.a.address, self.b.address
        to, raw_to = (b, PORT_B), (b, 0)
        payload = b"stranger"
        header = udp_header(PORT_A, PORT_B, payload)
        for name, uid in (("another user's socket", OTHER_UID), ("root's socket", 0),
                          ("the same user's socket that is not bound", UID)):
            s = tb.udp(self.a, a, PORT_A, uid=uid, option=REUSE)
            self.out(name, s, payload, to)
            s.close()
        wildcard = tb.udp(self.a, "", PORT_A, uid=OTHER_UID, option=REUSE)
        self.out("a wildcard socket", wildcard, payload, to)
        wildcard.close()
        with self.a.entered():
            raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP)
            whole = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        self.out("raw socket", raw, header + payload, raw_to)
        self.out("raw socket that builds the IP header", whole,
                 ipv4(a, b, header + payload), raw_to)
        self.out("first fragment", whole, ipv4(a, b, header + payload, MORE_FRAGMENTS), raw_to)
        self.out("second fragment", whole, ipv4(a, b, payload, SECOND_FRAGMENT), raw_to)
        raw.close()
        whole.close()

        self.works()

    def nothing_in(self, name, send, reason, listeners=(), app="phone"):
        """
        After send() neither the bound socket nor the listeners have got anything, and the host
        has not answered, least of all with an ICMP error that quotes what it has decrypted.
        """
        before = self.stats(app)
        self.tap.drain()
        send()
        self.sync("in")
        # Decrypted packets may be overtaken by one that came in clear.
        tb.poll(reason, lambda: self.stats(app)[reason] > before[reason])
        self.check.equal("%s: answers" % name, self.tap.drain(), [])
        for s in (self.sock, *listeners):
            self.check.true("%s: nothing arrived" % name, tb.nothing_waits(s))
        self.counted(before, {reason: 1}, app)

    def receiving(self):
        a, b = self.a.address, self.b.address
        clear = ipv4(b, a, udp_header(PORT_B, PORT_A, b"clear") + b"clear")
        self.nothing_in("a clear packet", lambda: tb.inject(self.b, clear, self.a),
                        "in-drop-clear")

        # The same in two fragments; the first carries 8 octets, the UDP header.
        def fragments():
            tb.inject(self.b, ipv4(b, a, udp_header(PORT_B, PORT_A, b"clearclear"),
                                   MORE_FRAGMENTS), self.a)
            tb.inject(self.b, ipv4(b, a, b"clearclear", 1), self.a)

        self.nothing_in("a clear packet in fragments", fragments, "in-drop-clear")

        # A foreign SA of this host, whose packets say they are from the peer.
        state = keys.xfrm_state("add", self.foreign_sa, SUITE, b, a, "reqid 7")
        self.a.batch([state])
        self.b.batch([state])
        self.b.ip("xfrm policy add src %s dst %s proto udp sport %d dport %d dir out priority 1 "
                  "tmpl proto esp mode transport reqid 7" % (b, a, PORT_B, PORT_A))
        self.nothing_in("a packet by a foreign SA",
                        lambda: self.peer.sendto(b"foreign", (a, PORT_A)), "in-drop-clear")
        self.b.ip("xfrm policy delete src %s dst %s proto udp sport %d dport %d dir out"
                  % (b, a, PORT_B, PORT_A))
        self.works()

        self.of_another_app()

        # By the group's SA, but to a port and from a port that are not its flow's.
        listener = tb.udp(self.a, a, UNCLAIMED, uid=OTHER_UID)
        self.nothing_in("the group's SA to another port",
                        lambda: self.peer.sendto(b"x", (a, UNCLAIMED)), "in-drop-flow",
                        [listener])
        other = tb.udp(self.b, b, PORT_B + 1)
        self.nothing_in("the group's SA from another port",
                        lambda: other.sendto(b"x", (a, PORT_A)), "in-drop-flow", [listener])
        listener.close()
        other.close()

        # By the group's SA to a port where nobody listens.
        self.nothing_in("the group's SA to a dead port",
                        lambda: self.peer.sendto(b"x", (a, UNCLAIMED)), "in-drop-flow")

        # An ICMP error in clear about a packet that nobody has seen in clear.
        quoted = ipv4(a, b, udp_header(PORT_A, PORT_B, b""))
        icmp = bytes((*PORT_UNREACHABLE, 0, 0, 0, 0, 0, 0)) + quoted
        icmp = icmp[:2] + tb.internet_checksum(icmp).to_bytes(2, "big") + icmp[4:]
        error = ipv4(b, a, icmp, proto=socket.IPPROTO_ICMP)
        self.nothing_in("an ICMP error", lambda: tb.inject(self.b, error, self.a), "in-drop-icmp")

        # Whoever listens beside the bound socket. The connected one is the kernel's best match.
        with self.a.entered():
            raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP)
        near = tb.udp(self.a, a, PORT_A, (b, PORT_B), uid=OTHER_UID, option=REUSE)
        self.works()
        self.check.true("nothing for the connected socket beside it", tb.nothing_waits(near))
        self.sync("in")
        self.check.equal("the raw socket sees clear datagrams", raw.recv(64)[28:], b"control")
        self.check.true("and nothing that was decrypted", tb.nothing_waits(raw))
        near.close()
        raw.close()

    def of_another_app(self):
        """By an SA of another app's group between the same hosts, whose peer conspires."""
        a, b = self.a.address, self.b.address
        self.thief = tb.Owner(self.a, "thief", uid=OTHER_UID)
        master = tb.fresh_master()
        group, block = self.thief.reserve(a)
        self.thief.install(group, b, tb.OFFERER, master, BLOCK_B + 0x100, SUITE)
        sock = tb.udp(self.a, a, PORT_A + 1, uid=OTHER_UID)
        self.thief.bind(group, sock, PORT_B)
        key = next(keys.rounds(master, "HMAC_SHA2_256", SUITE, "A", block))
        self.b.batch([keys.xfrm_state("add", key, SUITE, b, a, "reqid 8")])
        policy = "src %s dst %s proto udp sport %d dport %%d dir out" % (b, a, PORT_B)
        for port in PORT_A, PORT_A + 1:
            self.b.ip("xfrm policy add %s priority 1 tmpl proto esp mode transport reqid 8"
                      % (policy % port))
        self.peer.sendto(b"own", (a, PORT_A + 1))
        self.check.equal("by his SA the thief gets", sock.recv(64), b"own")
        self.nothing_in("by another app's SA", lambda: self.peer.sendto(b"forged", (a, PORT_A)),
                        "in-drop-flow", [sock], "thief")
        for port in PORT_A, PORT_A + 1:
            self.b.ip("xfrm policy delete " + policy % port)
        sock.close()
        self.thief.close()
        self.works()

    def exclusive(self):
        """A bound socket has nothing but its flows, unless it was bound as a shared one."""
        a, b = self.a.address, self.b.address
        other = tb.udp(self.b, b, PORT_B + 1)
        clear = ipv4(b, a, udp_header(PORT_B + 1, PORT_A, b"clear") + b"clear")
        self.out("the bound socket to another port", self.sock, b"clear", (b, PORT_B + 1),
                 "out-drop-flow")
        self.nothing_in("a clear packet from another port",
                        lambda: tb.inject(self.b, clear, self.a), "in-drop-clear")

        self.owner.do("flow-unbind", protocol=17, local=tb.packed(a), local_port=PORT_A,
                      peer=tb.packed(b), peer_port=PORT_B)
        self.owner.bind(self.group, self.sock, PORT_B, shared=True)
        self.sock.sendto(b"shared", (b, PORT_B + 1))
        self.check.equal("a shared socket to another port", other.recv(64), b"shared")
        tb.inject(self.b, clear, self.a)
        self.check.equal("and from there", self.sock.recv(64), b"clear")
        self.works()
        other.close()

    def takeover(self):
        """The bound socket is closed while its group lives, and another user takes the port."""
        a, b = self.a.address, self.b.address
        self.sock.close()
        self.sock = tb.udp(self.a, a, PORT_A, uid=OTHER_UID)
        self.out("the port taken over", self.sock, b"stranger", (b, PORT_B))
        self.nothing_in("the peer still sends",
                        lambda: self.peer.sendto(b"secret", (a, PORT_A)), "in-drop-socket")
        self.owner.do("group-del", id=self.group)
        self.sock.sendto(b"plain", (b, PORT_B))
        self.check.equal("plain traffic when the group is gone", self.peer.recv(64), b"plain")


def main():
    # Datagrams of one CPU arrive in order.
    os.sched_setaffinity(0, {0})
    with tb.two_hosts() as (a, b):
        test = Test(a, b)
        test.works()
        for case in tb.cases(test.sending, test.receiving, test.exclusive, test.takeover):
            case()
    test.check.finish()


if __name__ == "__main__":
    main()
