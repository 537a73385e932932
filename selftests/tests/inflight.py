#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""
   a: module                                      b: ip xfrm, keys of sipsec_keys.py
   [wire 10.9.0.1] ------------------------------ [wire 10.9.0.2]

A packet is decrypted, and then has to wait: in its socket for somebody to read it, or in a queue
of netfilter's for a verdict. Meanwhile its group ends.
"""

import errno
import os
import socket
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import nl
import sipsec_keys as keys
import testbed as tb

SUITE, BLOCK_B = 1, 0x5d1c2e00
PORT_A, PORT_B, CONTROL = 4000, 5000, 4900
NETLINK_NETFILTER, SUBSYS_QUEUE, QUEUE = 12, 3, 7
PACKET, VERDICT, CONFIG = 0, 1, 2
ACCEPT = 1


class Queue:
    """A user of NFQUEUE, who lets packets wait."""

    def __init__(self, ns):
        with ns.entered():
            self.sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_NETFILTER)
        self.sock.bind((0, 0))
        self.sock.settimeout(nl.TIMEOUT)
        # CFG_CMD: bind; CFG_PARAMS: copy no octets of the packet.
        self.send(CONFIG, nl.attr(1, struct.pack("!BxH", 1, 0)) +
                  nl.attr(2, struct.pack("!IB", 0, 1)), nl.F_ACK)
        number, = struct.unpack_from("=i", self.sock.recv(4096), 16)
        if number:
            raise OSError(-number, "nfnetlink_queue: " + os.strerror(-number))

    def send(self, kind, payload, flags=0):
        body = struct.pack("!BBH", socket.AF_UNSPEC, 0, QUEUE) + payload
        self.sock.send(struct.pack("=IHHII", 16 + len(body), SUBSYS_QUEUE << 8 | kind,
                                   nl.F_REQUEST | flags, 1, 0) + body)

    def wait(self):
        """The id of the next packet that waits here."""
        data = self.sock.recv(65536)
        header = next(p for _, number, p in nl.attrs(data[20:]) if number == 1)
        return struct.unpack_from("!I", header)[0]

    def accept(self, packet):
        self.send(VERDICT, nl.attr(2, struct.pack("!II", ACCEPT, packet)))

    def close(self):
        self.sock.close()


class Call:
    """A group of a's with one flow; b sends to it."""

    def __init__(self, a, b, owner):
        self.a, self.b, self.owner = a, b, owner
        self.sock = tb.udp(a, a.address, PORT_A)
        self.group, self.block = owner.reserve(a.address)
        master = tb.fresh_master()
        owner.install(self.group, b.address, tb.OFFERER, master, BLOCK_B, SUITE)
        owner.bind(self.group, self.sock, PORT_B)
        key = next(keys.rounds(master, "HMAC_SHA2_256", SUITE, "A", self.block))
        b.batch([keys.xfrm_state("add", key, SUITE, b.address, a.address, "reqid 1"),
                 "xfrm policy add src %s dst %s proto udp dport %d dir out tmpl proto esp "
                 "mode transport reqid 1" % (b.address, a.address, PORT_A)])

    def end(self):
        self.owner.do("group-del", id=self.group)
        self.b.batch(["xfrm state flush", "xfrm policy flush"])

    def block_free(self):
        """Whether the receive block can be reserved anew."""
        try:
            new = self.owner.do("group-new", local=tb.packed(self.a.address), spi_in=self.block)
        except nl.NlError as e:
            if e.errno != errno.EADDRINUSE:
                raise
            return False
        self.owner.do("group-del", id=new["id"])
        return True


def unread(check, a, b, owner, peer, policies):
    """With policies of the host's the datagram's SA may be asked for until it is read."""
    other = "xfrm policy %s src 192.0.2.1 dst 192.0.2.2 dir in"
    if policies:
        a.ip(other % "add" + " tmpl proto esp mode transport")
    call = Call(a, b, owner)
    peer.sendto(b"first", (a.address, PORT_A))
    check.equal("first datagram", call.sock.recv(64), b"first")
    peer.sendto(b"second", (a.address, PORT_A))
    tb.poll("second datagram", lambda: not tb.nothing_waits(call.sock))
    call.end()
    check.equal("states", a.states(), [])
    check.equal("block free while a datagram waits", call.block_free(), not policies)
    check.equal("second datagram", call.sock.recv(64), b"second")
    tb.poll("free block", call.block_free)
    call.sock.close()
    if policies:
        a.ip(other % "delete")


def queued(check, a, b, owner, peer, control, closed):
    tap, queue = tb.Tap(a), Queue(a)
    with a.entered():
        raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP)
        raw.setblocking(False)
    a.run("nft add rule ip hold pre udp dport %d queue num %d" % (PORT_A, QUEUE))
    call = Call(a, b, owner)
    peer.sendto(b"late", (a.address, PORT_A))
    packet = queue.wait()
    if closed:
        call.sock.close()
    call.end()
    check.equal("block free while a packet waits", call.block_free(), False)
    # Of the call nothing but this packet is left: no group, and no flow if the socket is closed.
    if closed:
        tb.poll("end of the flow", lambda: not owner.dump("flow-get"))
    before = owner.do("stats-get", app="phone")
    reason = "in-drop-flow" if closed else "in-drop-closed"
    queue.accept(packet)
    tb.poll(reason, lambda: owner.do("stats-get", app="phone")[reason] == before[reason] + 1)
    control[1].sendto(b"control", (a.address, CONTROL))
    check.equal("control datagram", control[0].recv(64), b"control")
    check.equal("raw socket", raw.recv(64)[28:], b"control")
    check.refused("raw socket", errno.EAGAIN, raw.recv, 64)
    if not closed:
        check.true("nothing for the socket", tb.nothing_waits(call.sock))
    check.equal("answers", [p for p in tap.drain(outgoing=True) if p.outgoing], [])
    tb.poll("free block", call.block_free)
    call.sock.close()
    tb.poll("end of the flow", lambda: not owner.dump("flow-get"))
    a.run("nft flush chain ip hold pre")
    queue.close()
    raw.close()


def main():
    check = tb.Checks()
    # What is sent from one processor and then from another may be overtaken.
    os.sched_setaffinity(0, {0})
    with tb.two_hosts() as (a, b):
        owner = tb.Owner(a)
        peer = tb.udp(b, b.address, PORT_B)
        control = tb.udp(a, a.address, CONTROL), tb.udp(b, b.address, CONTROL)
        for policies in False, True:
            print("in the socket, policies: %s" % policies)
            unread(check, a, b, owner, peer, policies)
        try:
            a.run("nft add table ip hold")
            a.run("nft add chain ip hold pre { type filter hook prerouting priority 0 ; }")
            Queue(a).close()
        except OSError as e:
            # The kernels of our own configuration lack it.
            if not os.environ.get("WATCHED"):
                raise
            print("this kernel has no NFQUEUE: %s" % e)
        else:
            for closed in False, True:
                print("in a queue, socket closed: %s" % closed)
                queued(check, a, b, owner, peer, control, closed)
        owner.close()
    check.finish()


if __name__ == "__main__":
    main()
