#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""
   [wire 10.9.0.1] a --- netem reorders, doubles and loses, both ways --- b [wire 10.9.0.2]
   a: module                        b: module, then ip xfrm with keys of sipsec_keys.py

What arrives at the wire's end, once or twice, must arrive at the socket, once; what does not, netem
has lost. Each round of the module's that is over has exactly ROTATE packets, and memory is what it
was before. The plain end has states for many rounds ahead and behind to receive by, and changes its
policy with every ROTATE packets it sends.
"""

import os
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import sipsec_keys as keys
import testbed as tb

ROTATE = 1000
SUITE = 1
# Between two modules, and with a plain end.
PACKETS = [1000000] * 2 if os.environ.get("LONG") else \
    [6000, 4000] if os.environ.get("WATCHED") else [60000, 40000]
BATCH = 500
# States of the plain end: made so many rounds at a time, kept for so many rounds.
CHUNK, KEPT = 64, 8
# With what is sent at a time, no packet is later than the replay window is wide.
NETEM = "netem delay 2ms reorder 5% duplicate 3% loss 2% limit 10000"
# Protocol; SPI and sequence number of an IPv4 packet without options.
ESP = struct.Struct("!9xB10xII")
PACKET_IGNORE_OUTGOING = 23


class Way:
    """One direction: numbered datagrams, and the end of the wire."""

    def __init__(self, sender, receiver, to, tap, count):
        self.sender, self.receiver, self.to, self.tap = sender, receiver, to, tap
        tap.sock.setsockopt(tb.SOL_PACKET, PACKET_IGNORE_OUTGOING, 1)
        self.sent = self.doubled = self.delivered = self.twice = self.other = self.passed = 0
        self.got, self.on_wire = bytearray(count), bytearray(count)
        self.buffer = bytearray(256)

    def send(self, count):
        payload = bytes(96)
        for i in range(self.sent, self.sent + count):
            self.sender.sendto(struct.pack("!I", i) + payload, self.to)
        self.sent += count

    def each(self, sock):
        """The beginning of each packet that is there."""
        while True:
            try:
                sock.recv_into(self.buffer, 0, socket.MSG_DONTWAIT)
            except BlockingIOError:
                return
            yield self.buffer

    def receive(self):
        for data in self.each(self.receiver):
            i = int.from_bytes(data[:4], "big")
            self.delivered += 1
            self.twice += self.got[i]
            self.got[i] = 1
        for data in self.each(self.tap.sock):
            proto, spi, seq = ESP.unpack_from(data)
            # The SPI comes again after 256 rounds: which of these it is.
            low = spi & 0xff
            n = ((self.sent // ROTATE + 64 - low) // 256 * 256 + low) * ROTATE + seq - 1
            if proto != socket.IPPROTO_ESP or seq > ROTATE or n >= len(self.on_wire):
                self.other += 1
                continue
            self.doubled += self.on_wire[n]
            self.passed += not self.on_wire[n]
            self.on_wire[n] = 1

    def missing(self):
        return self.passed - (self.delivered - self.twice)

    def all_there(self):
        self.receive()
        return not self.missing()


class Plain:
    """b's end without the module."""

    def __init__(self, b, a, master, block_b, block_a):
        self.a, self.b = a.address, b.address
        self.sends = keys.rounds(master, "HMAC_SHA2_256", SUITE, "A", block_a)
        self.receives = keys.rounds(master, "HMAC_SHA2_256", SUITE, "O", block_b)
        self.sending, self.receiving = [], []
        self.batch = tb.Batch(b)
        self.batch.run(["xfrm policy add src %s dst %s dir in tmpl proto esp mode transport"
                        % (self.a, self.b)])
        self.ns = b

    def ready(self, number):
        """For the round that both ways are in; all that was sent before has passed the wire."""
        lines = []
        if number % CHUNK == 0:
            end = number + CHUNK + KEPT
            while not self.receiving or self.receiving[-1].n + 1 < end:
                self.receiving.append(next(self.receives))
                lines.append(keys.xfrm_state("add", self.receiving[-1], SUITE, self.a, self.b,
                                             "replay-window 1024"))
            while self.receiving[0].n + KEPT < number:
                lines.append(keys.xfrm_state("delete", self.receiving.pop(0), SUITE, self.a,
                                             self.b))
        if not self.sending or self.sending[-1].n != number:
            first = not self.sending
            self.sending.append(next(self.sends))
            lines += [keys.xfrm_state("add", self.sending[-1], SUITE, self.b, self.a),
                      "xfrm policy %s src %s dst %s dir out tmpl src %s dst %s proto esp "
                      "spi %#010x mode transport" % (
                          "add" if first else "update", self.b, self.a, self.b, self.a,
                          self.sending[-1].spi)]
            if len(self.sending) > KEPT:
                lines.append(keys.xfrm_state("delete", self.sending.pop(0), SUITE, self.b,
                                             self.a))
        if lines:
            self.batch.run(lines)

    def close(self):
        self.batch.close()
        self.ns.batch(["xfrm state flush", "xfrm policy flush"])


class End:
    """An end with the module, and the rotations it has told of."""

    def __init__(self, ns, app):
        self.ns, self.app = ns, app
        self.owner = tb.Owner(ns, app)
        self.group, self.block = self.owner.reserve(ns.address)
        self.rotations = []

    def install(self, peer, role, master, block):
        self.owner.install(self.group, peer, role, master, block, SUITE, rotate=ROTATE)

    def look(self):
        self.rotations += self.owner.rotations("out")
        return len(self.rotations)

    def judge(self, check, way, back):
        """What it has sent, and received."""
        rounds = way.sent // ROTATE
        tb.poll("the last rotation", lambda: self.look() >= rounds)
        now = self.owner.do("group-get", id=self.group)
        check.equal("rounds that are over", [e["number"] for e in self.rotations],
                    list(range(1, rounds + 1)))
        check.equal("their packets", {e["packets"] for e in self.rotations}, {ROTATE})
        check.equal("late", now["late"], 0)
        check.equal("packets-out", now["packets-out"], way.sent)
        check.equal("packets-in", now["packets-in"], back.passed)
        stats = self.owner.do("stats-get", app=self.app)
        check.equal("drops", {k: v for k, v in stats.items() if "drop" in k and v}, {})

    def close(self):
        self.owner.close()
        admin = tb.Admin(self.ns)
        tb.poll("end of the flows", lambda: not admin.dump("flow-get"))
        admin.close()


def run(check, hosts, count, plain=False):
    a, b = hosts
    began = time.monotonic()
    master = tb.fresh_master()
    app = "%s-%d" % ("plain" if plain else "module", count)
    ends = [End(a, app)]
    if plain:
        block_b = 0x5d1c2a00
        peer = Plain(b, a, master, block_b, ends[0].block)
    else:
        ends.append(End(b, app))
        block_b = ends[1].block
        ends[1].install(a.address, tb.ANSWERER, master, ends[0].block)
    ends[0].install(b.address, tb.OFFERER, master, block_b)
    socks = tb.udp(a, a.address, 4000), tb.udp(b, b.address, 5000)
    for sock in socks:
        sock.setsockopt(socket.SOL_SOCKET, tb.SO_RCVBUFFORCE, 16 << 20)
    for end, sock, port in zip(ends, socks, (5000, 4000)):
        end.owner.bind(end.group, sock, port)
    ways = [Way(socks[0], socks[1], (b.address, 5000), tb.Tap(b), count),
            Way(socks[1], socks[0], (a.address, 4000), tb.Tap(a), count)]
    for sent in range(0, count, BATCH):
        if plain:
            peer.ready(sent // ROTATE)
        for way in ways:
            way.send(BATCH)
        tb.poll("what has passed the wire", lambda: all([way.all_there() for way in ways]))
        for end in ends:
            end.look()
    # Whatever is still on its way.
    for way in ways:
        tb.poll("the rest", way.all_there)
        way.tap.drain()
    for end, way, back in zip(ends, ways, reversed(ways)):
        end.judge(check, way, back)
    for way in ways:
        lost = way.sent - way.passed
        print("%d sent: %d lost by the wire, %d doubled" % (way.sent, lost, way.doubled))
        check.equal("lost after the wire", way.missing(), 0)
        check.equal("delivered twice", way.twice, 0)
        check.true("the wire lost some, and doubled some", lost > 0 and way.doubled > 0)
        check.equal("packets other than ESP, or past the end of a round", way.other, 0)
    for sock in socks:
        sock.close()
    for way in ways:
        way.tap.sock.close()
    tb.Tap.all.clear()
    for end in ends:
        end.close()
    if plain:
        peer.close()
    check.equal("states left", a.states() + b.states(), [])
    print("%s: %d each way in %d s" % (app, count, time.monotonic() - began))


def main():
    check = tb.Checks()
    with tb.two_hosts() as hosts:
        for ns in hosts:
            ns.run("tc qdisc add dev wire root " + NETEM)
        # The first time what stays for good is made.
        for plain in False, True:
            run(check, hosts, 2000, plain)
        before = tb.slab_objects()
        check.true("caches whose objects are counted: %s" % sorted(before), before)
        for plain in False, True:
            run(check, hosts, PACKETS[plain], plain)
        tb.poll("memory as before: %s" % before,
                lambda: all(tb.slab_objects()[name] <= n for name, n in before.items()))
        print("objects before %s, afterwards %s" % (before, tb.slab_objects()))
    check.finish()


if __name__ == "__main__":
    main()
