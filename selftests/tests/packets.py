#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""
   a: module, two groups                                b: module; all injected comes from here
   [wire 10.9.0.1, .11] ------------------------------ [wire 10.9.0.2]

The group of 10.9.0.1 has traffic both ways and rotates all the time. That of 10.9.0.11 stands still
in round 0, so it is known what becomes of each packet: exactly these counters move, by exactly so
many. PACKETS_SEED repeats the random ones.
"""

import collections
import os
import random
import socket
import struct
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import testbed as tb
from testbed import internet_checksum, packed, udp_header

A, TARGET, B = "10.9.0.1", "10.9.0.11", "10.9.0.2"
PORT_A, PORT_B = 4000, 5000
SUITE, WINDOW = 3, 64
ESP, UDP, ICMP = socket.IPPROTO_ESP, socket.IPPROTO_UDP, socket.IPPROTO_ICMP
UDP_ENCAP, ESPINUDP = 100, 2
UNREACHABLE, FRAG_NEEDED = 3, 4
MORE_FRAGMENTS = 0x2000
LENGTHS = [*range(201), 255, 256, 257, 511, 512, 1000, 1279, 1280, 1400, 1479, 1480]
# What says that a packet was not taken; traffic that goes well moves none of these.
KEPT = {"Ip": ("InHdrErrors", "InAddrErrors", "InUnknownProtos", "InDiscards", "ReasmReqds"),
        "Udp": ("NoPorts", "InErrors", "RcvbufErrors", "InCsumErrors"),
        "Icmp": ("InMsgs", "InErrors", "InCsumErrors")}
PROTO, SEQ, NONE, HDR = ("XfrmInStateProtoError", "XfrmInStateSeqError", "XfrmInNoStates",
                         "XfrmInHdrError")
NOP, TIMESTAMP, BAD_OPTION = b"\x01", b"\x44\x0c\x05\x00" + bytes(8), b"\x44\x03\x05\x00"
DUMMY_MAC = "02:00:00:00:00:99"


def ip_packet(src, dst, proto, payload, fragment=0, options=b"", ident=0x1234):
    options += bytes(-len(options) % 4)
    words = 5 + len(options) // 4
    header = struct.pack("!BBHHHBBH4s4s", 0x40 | words, 0, 4 * words + len(payload), ident,
                         fragment, 64, proto, 0, packed(src), packed(dst)) + options
    return header[:10] + struct.pack("!H", internet_checksum(header)) + header[12:] + payload


def icmp(code, quoted, info=0):
    message = struct.pack("!BBHI", UNREACHABLE, code, 0, info) + quoted
    even = message + bytes(len(message) % 2)
    return message[:2] + struct.pack("!H", internet_checksum(even)) + message[4:]


def esp(spi, seq, rest=b""):
    return struct.pack("!II", spi, seq) + rest


class Counters:
    """Those of the kernel and of the module, in one network namespace."""

    def __init__(self, ns, admin):
        with ns.entered():
            self.files = [os.open("/proc/thread-self/net/" + f, os.O_RDONLY)
                          for f in ("xfrm_stat", "snmp")]
        self.admin = admin

    def read(self):
        xfrm, snmp = (os.pread(f, 1 << 16, 0).decode().splitlines() for f in self.files)
        now = collections.Counter({line.split()[0]: int(line.split()[1]) for line in xfrm})
        for names, values in zip(snmp[::2], snmp[1::2]):
            kind, *names = names.split()
            for name, value in zip(names, values.split()[1:]):
                if name in KEPT.get(kind[:-1], ()):
                    now[kind[:-1] + name] = int(value)
        for app in self.admin.dump("stats-get"):
            now.update({k: v for k, v in app.items() if "drop" in k})
        return now


class Test:
    def __init__(self, a, b, rng):
        self.a, self.b, self.rng = a, b, rng
        self.check = tb.Checks()
        self.admin = tb.Admin(a)
        self.counters = Counters(a, self.admin)
        a.ip("address add %s/24 dev wire" % TARGET)
        self.mac = tb.json.loads(a.ip("-json link show wire"))[0]["address"]
        with b.entered():
            self.raw = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
            self.sniffer = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
        self.sniffer.setsockopt(socket.SOL_SOCKET, tb.SO_RCVBUFFORCE, 64 << 20)
        self.sniffer.bind(("wire", tb.ETH_P_ALL))
        self.sniffer.setblocking(False)
        self.owners = tb.Owner(a), tb.Owner(b)
        self.injected, self.moved = 0, collections.Counter()
        self.of_stream = []
        self.answers = collections.Counter()
        self.leaks = []
        # The sockets of the group that rotates, and those of the one that does not.
        self.stream = self.group(A, tb.T)
        self.sock, self.peer = self.group(TARGET, 1 << 20, window=WINDOW)
        self.spi = self.spi_of_last_group

    def group(self, address, rotate, **more):
        ends = tb.udp(self.a, address, PORT_A), tb.udp(self.b, B, PORT_B + (address == TARGET))
        port_b = ends[1].getsockname()[1]
        master = tb.fresh_master()
        (id_a, block_a), (id_b, block_b) = (
            o.reserve(local) for o, local in zip(self.owners, (address, B)))
        self.owners[0].install(id_a, B, tb.OFFERER, master, block_b, SUITE, rotate=rotate, **more)
        self.owners[1].install(id_b, address, tb.ANSWERER, master, block_a, SUITE, rotate=rotate,
                               **more)
        self.owners[0].bind(id_a, ends[0], port_b)
        self.owners[1].bind(id_b, ends[1], PORT_A)
        self.spi_of_last_group = block_a
        if address == A:
            self.block = block_a
        return ends

    # Traffic that is to go on whatever else comes

    def start(self):
        ends = self.stream
        self.traffic = tb.Traffic([
            tb.Flow(*ends, to=(B, PORT_B), cpu=0, gap=1000),
            tb.Flow(*reversed(ends), to=(A, PORT_A), cpu=0, gap=1000)])
        self.over = False

        def go():
            # At least until there have been rotations.
            batches = 0
            while not self.over or batches < 8:
                self.traffic.go(tb.T)
                batches += 1

        self.thread = threading.Thread(target=go)
        self.thread.start()

    def stop(self):
        self.over = True
        self.thread.join()
        self.traffic.close()
        total = self.traffic.total
        for what in ("lost", "duplicated", "refused", "foreign", "corrupt"):
            self.check.equal("traffic: " + what, total[what], 0)
        self.check.true("traffic: sent %d" % total["sent"], total["sent"] >= 16 * tb.T)
        rotations = len(self.owners[0].rotations("in"))
        self.check.true("rotations of what a receives: %d" % rotations, rotations >= 5)

    # What is on the wire

    def sniff(self):
        """What b has sent to the target since the last call, whole; what a has sent is judged."""
        sent = []
        while True:
            try:
                data, sender = self.sniffer.recvfrom(2048)
            except BlockingIOError:
                return sent
            if sender[1] != tb.ETH_P_IP:
                continue
            header, proto = (data[0] & 15) * 4, data[9]
            if sender[2] == tb.PACKET_OUTGOING:
                if proto == ESP and data[16:20] == packed(TARGET):
                    sent.append(data[header:])
                elif proto == ESP and data[16:20] == packed(A) and len(self.of_stream) < 300:
                    self.of_stream.append(data[header:])
                continue
            if proto == ESP:
                continue
            self.answers[proto] += 1
            # Clear text: a packet of ours, or an error that quotes one.
            quoted = data[header + 8:]
            if proto == UDP or proto == ICMP and len(quoted) > 20 and quoted[9] == UDP and \
                    struct.unpack_from("!H", quoted, 22)[0] == PORT_A:
                self.leaks.append(data.hex())

    def hold(self, payloads):
        """ESP of b that a has not seen: it was sent to another host's hardware address."""
        self.neighbour(DUMMY_MAC)
        self.sniff()
        for p in payloads:
            self.peer.sendto(p, (TARGET, PORT_A))
        packets = []
        tb.poll("packets to hold", lambda: packets.extend(self.sniff()) or
                len(packets) >= len(payloads))
        self.neighbour(self.mac)
        return packets

    def neighbour(self, mac):
        self.b.ip("neigh replace %s lladdr %s dev wire nud permanent" % (TARGET, mac))

    def send(self, packet):
        self.raw.sendto(packet, ("wire", tb.ETH_P_IP, 0, 0, bytes.fromhex(
            self.mac.replace(":", ""))))

    # One kind of packet at a time

    def inject(self, name, packets, wanted, more=0):
        """
        These counters, and no others, move. A key of several names is for all of them together;
        more is how many packets are not counted where they end but arrive as they should.
        """
        before = self.counters.read()
        total = sum(wanted.values())
        # Some at a time, so that no queue on the way overflows.
        for i in range(0, len(packets), 64):
            for packet in packets[i:i + 64]:
                self.send(packet)
            due = total - max(len(packets) - i - 64, 0)
            self.wait(lambda: sum((self.counters.read() - before).values()) >= due)
        moved = {k: v for k, v in (self.counters.read() - before).items() if v}
        shown = dict(moved)
        self.moved.update(moved)
        for names, count in wanted.items():
            names = (names,) if isinstance(names, str) else names
            got = sum(moved.pop(n, 0) for n in names)
            self.check.equal("%s: %s" % (name, " or ".join(names)), got, count)
        if moved:
            self.check.true("%s: something else was counted: %s" % (name, shown), False)
        if not more:
            self.check.true("%s: nothing arrived" % name, tb.nothing_waits(self.sock))
        self.injected += len(packets)
        self.sniff()

    def wait(self, condition):
        """In vain where the counts will be found wrong."""
        try:
            tb.poll("all counts", condition, 5)
        except RuntimeError as e:
            print("   %s" % e)

    def to_target(self, payload, proto=ESP, src=B, **more):
        return ip_packet(src, TARGET, proto, payload, **more)

    def arrives(self, name, payload):
        self.check.equal(name, self.sock.recv(2048), payload)

    # Cases

    def forged(self):
        rng, spi, at = self.rng, self.spi, self.to_target
        # Behind SPI and sequence number come 8 octets of IV; the ICV has 16.
        self.inject("ESP of every length", [
            at(esp(spi, 5000 + n, rng.randbytes(n))[:n]) for n in LENGTHS],
            {HDR: 8, PROTO: len(LENGTHS) - 8})
        # Two rounds are installed ahead; of those farther ahead one or the other is derived to see.
        self.inject("every SPI of the block", [
            at(esp(spi + i, 1, rng.randbytes(60))) for i in range(256)],
            {(NONE, PROTO): 255, SEQ: 1})
        self.inject("its neighbours and reserved SPIs", [
            at(esp(s & 0xffffffff, 1, rng.randbytes(60)))
            for s in (0, 1, 255, spi - 1, spi - 256, spi + 256, spi + 511, 0xffffffff)],
            {NONE: 8})
        self.inject("sequence numbers that were used or are old", [
            at(esp(spi, n, rng.randbytes(60))) for n in (0, 1, 2, 3, 9, 10)], {SEQ: 6})
        self.inject("sequence numbers far ahead", [
            at(esp(spi, n, rng.randbytes(60)))
            for n in (1000, 0x7fffffff, 0x80000000, 0xfffffffe, 0xffffffff)], {PROTO: 5})
        self.inject("the same SPI at another address of ours", [
            ip_packet(B, A, ESP, esp(spi, 5000, rng.randbytes(60)))] * 3, {NONE: 3})
        self.inject("at an address that is not ours", [
            ip_packet(B, "10.9.0.77", ESP, esp(spi, 5000, rng.randbytes(60)))] * 3,
            {"IpInAddrErrors": 3})
        self.inject("from any source", [
            at(esp(spi, 5000 + i, rng.randbytes(60)), src=src) for i, src in enumerate(
                ("10.9.0.3", "192.0.2.1", "10.9.0.254"))], {PROTO: 3})
        self.inject("with IP options", [
            at(esp(spi, 5000 + i, rng.randbytes(60)), options=option) for i, option in enumerate(
                (NOP * 4, NOP * 40, TIMESTAMP))], {PROTO: 3})
        self.inject("with a bad IP option", [
            at(esp(spi, 5000, rng.randbytes(60)), options=BAD_OPTION)] * 3, {"IpInHdrErrors": 3})

    def fragments(self):
        rng, spi, at = self.rng, self.spi, self.to_target
        whole = [esp(spi, 6000 + i, rng.randbytes(120)) for i in range(20)]
        pieces = []
        for i, p in enumerate(whole):
            pieces += [at(p[:64], fragment=MORE_FRAGMENTS, ident=i + 1),
                       at(p[64:], fragment=8, ident=i + 1)]
        self.inject("forged ESP in fragments", pieces, {"IpReasmReqds": 40, PROTO: 20})
        tiny = at(whole[0][:8], fragment=MORE_FRAGMENTS, ident=100), \
            at(whole[0][8:], fragment=1, ident=100)
        self.inject("SPI and the rest apart", tiny, {"IpReasmReqds": 2, PROTO: 1})
        self.inject("first fragments alone", [
            at(whole[0][:8 * (i + 1)], fragment=MORE_FRAGMENTS, ident=200 + i) for i in range(15)],
            {"IpReasmReqds": 15})
        payload = b"in fragments"
        real, = self.hold([payload])
        self.inject("real ESP in fragments", [
            at(real[:24], fragment=MORE_FRAGMENTS, ident=300), at(real[24:], fragment=3, ident=300)
        ], {"IpReasmReqds": 2}, more=1)
        self.arrives("real ESP in fragments arrives", payload)

    def spoilt(self):
        """Packets the peer has made and a has not seen, with a change each."""
        at = self.to_target
        payload = b"a packet to be spoilt in each of its bits"
        real, again, elsewhere = self.hold([payload, b"with options", b"from elsewhere"])
        flipped = []
        for bit in range(len(real) * 8):
            spoilt = bytearray(real)
            spoilt[bit // 8] ^= 0x80 >> bit % 8
            flipped.append(at(bytes(spoilt)))
        self.inject("a bit of the SPI", flipped[:32], {(NONE, PROTO): 32})
        self.inject("a bit of the sequence number", flipped[32:64], {(SEQ, PROTO): 32})
        self.inject("a bit of what follows", flipped[64:], {PROTO: len(flipped) - 64})
        self.inject("cut off", [at(real[:n]) for n in range(len(real))],
                    {HDR: 8, PROTO: len(real) - 8})
        self.inject("with more behind", [at(real + bytes(n)) for n in range(1, 20)], {PROTO: 19})
        self.inject("as UDP, AH and IPComp", [at(real, proto=p) for p in (UDP, 51, 108)],
                    {("in-drop-clear", "UdpNoPorts", "UdpInErrors", "XfrmInHdrError", NONE,
                      "IpInUnknownProtos"): 3})
        self.inject("itself", [at(real)], {}, more=1)
        self.arrives("itself arrives", payload)
        self.inject("itself again", [at(real)] * 5, {SEQ: 5})
        self.inject("itself with IP options", [at(again, options=NOP * 8)], {}, more=1)
        self.arrives("itself with IP options arrives", b"with options")
        # What ESP does not protect in transport mode; no flow is from there.
        self.inject("from another source", [at(elsewhere, src="10.9.0.3")], {"in-drop-flow": 1})

    def replayed(self):
        captured = self.hold([b"replay %d" % i for i in range(40)])
        for p in captured:
            self.send(self.to_target(p))
        for i in range(40):
            self.arrives("before the replay", b"replay %d" % i)
        self.inject("captured packets again", [self.to_target(p) for p in captured] * 3, {SEQ: 120})

    def encapsulated(self):
        rng, spi, at = self.rng, self.spi, self.to_target
        real, = self.hold([b"encapsulated"])

        def udp(payload, dport=4500):
            return at(udp_header(4500, dport, payload) + payload, proto=UDP)

        shapes = [udp(p) for p in (real, bytes(4) + real, b"\xff", esp(spi, 7000, bytes(40)))]
        self.inject("in UDP to port 4500, where nobody listens", shapes, {"UdpNoPorts": 4})
        listener = tb.udp(self.a, TARGET, 4500)
        listener.setsockopt(socket.IPPROTO_UDP, UDP_ENCAP, ESPINUDP)
        self.inject("in UDP to an encapsulation socket", [udp(real)] + [
            udp(esp(spi, 7000 + n, rng.randbytes(n))) for n in range(12, 111)],
            {"XfrmInStateMismatch": 100})
        # The kernel takes these for corrupt, and counts them with the datagrams that were received.
        self.inject("in UDP, too short", [
            udp(esp(spi, 7000 + n, rng.randbytes(n))) for n in range(1, 12)], {})
        self.inject("in UDP, of other SPIs", [udp(esp(s, 1, bytes(40))) for s in (
            1, spi - 1, spi + 200, 0xffffffff)], {NONE: 4})
        listener.close()
        self.send(at(real))
        self.arrives("as it should be", b"encapsulated")

    def clear(self):
        at = self.to_target
        peer_port = self.peer.getsockname()[1]
        header = udp_header(peer_port, PORT_A, bytes(1472))
        # With 4 octets the ports are there, and the flow is known.
        lengths = [n for n in LENGTHS if n <= 1480]
        self.inject("clear UDP of every length", [
            at((header + bytes(1472))[:n], proto=UDP) for n in lengths],
            {"UdpInErrors": 4, "in-drop-clear": len(lengths) - 4})
        payload = b"clear"
        self.inject("clear UDP of others to the socket", [
            at(udp_header(port, PORT_A, payload) + payload, proto=UDP, src=src)
            for port, src in ((peer_port, "10.9.0.3"), (1, B), (PORT_B, B))], {"in-drop-clear": 3})
        long = udp_header(peer_port, PORT_A, bytes(92)) + bytes(92)
        self.inject("clear UDP in fragments", [
            at(long[:48], proto=UDP, fragment=MORE_FRAGMENTS, ident=400),
            at(long[48:], proto=UDP, fragment=6, ident=400)],
            {"IpReasmReqds": 2, "in-drop-clear": 1})

    def quoted(self):
        """ICMP errors that quote what a has sent, or what it would have been in clear."""
        at = self.to_target
        peer_port = self.peer.getsockname()[1]
        clear = ip_packet(TARGET, B, UDP, udp_header(PORT_A, peer_port, bytes(40)) + bytes(40))
        for code in UNREACHABLE, FRAG_NEEDED:
            self.inject("ICMP error %d that quotes the flow, of every length" % code, [
                at(icmp(code, clear[:n], 68), proto=ICMP) for n in range(len(clear) + 1)],
                {"IcmpInMsgs": 24, "IcmpInErrors": 24, "in-drop-icmp": len(clear) - 23})
        sent = ip_packet(TARGET, B, ESP, esp(self.spi, 1, bytes(40)))
        for code in UNREACHABLE, FRAG_NEEDED:
            self.inject("ICMP error %d that quotes ESP, of every length" % code, [
                at(icmp(code, sent[:n], 68), proto=ICMP) for n in range(len(sent) + 1)],
                {"IcmpInMsgs": len(sent) + 1, "IcmpInErrors": 28})
        spoilt = bytearray(icmp(UNREACHABLE, sent))
        spoilt[-1] ^= 1
        self.inject("ICMP error with a wrong checksum", [at(bytes(spoilt), proto=ICMP)],
                    {"IcmpInMsgs": 1, "IcmpInErrors": 1, "IcmpInCsumErrors": 1})
        self.inject("cut off in the ICMP header", [
            at(icmp(UNREACHABLE, b"")[:n], proto=ICMP) for n in range(1, 8)],
            {"IcmpInMsgs": 7, "IcmpInErrors": 7, "IcmpInCsumErrors": 3})

    def while_it_rotates(self):
        """Which SAs of this block there are changes meanwhile, but not the number of packets."""
        rng = self.rng
        every = HDR, PROTO, SEQ, NONE, "XfrmInStateInvalid"
        for _ in range(6):
            self.inject("random ESP to the block that rotates", [
                ip_packet(B, A, ESP, esp(self.block + rng.randrange(256), rng.choice(
                    (0, rng.randrange(1, 2 * tb.T), rng.getrandbits(32))),
                    rng.randbytes(rng.randrange(200)))[:rng.choice((4, 12, 400, 400, 400))])
                for _ in range(200)], {every: 200})
            # Those of rounds that are over have no SA any more.
            replays = [ip_packet(B, A, ESP, p) for p in self.of_stream]
            self.inject("captured packets of the traffic again", replays, {every: len(replays)})
            self.of_stream = []

    def works(self):
        """Past the replay window, both ways."""
        for i in range(2 * WINDOW):
            self.peer.sendto(b"in %d" % i, (TARGET, PORT_A))
            if self.sock.recv(64) != b"in %d" % i:
                self.check.true("packet %d arrives" % i, False)
        self.sock.sendto(b"out", self.peer.getsockname())
        self.check.equal("the peer gets", self.peer.recv(64), b"out")

    def run(self):
        self.neighbour(self.mac)
        self.works()
        self.start()
        try:
            for case in (self.forged, self.fragments, self.spoilt, self.replayed,
                         self.encapsulated, self.clear, self.quoted, self.while_it_rotates):
                case()
            self.works()
        finally:
            self.stop()
        self.sniff()
        self.check.equal("clear text that left a", self.leaks, [])
        # Nobody listened on port 4500, which may be said.
        self.check.true("answers of a, by protocol: %s" % dict(self.answers),
                        set(self.answers) <= {ICMP})
        print("   %d packets injected: %s" % (self.injected, dict(self.moved)))


def main():
    seed = int(os.environ.get("PACKETS_SEED", "0")) or random.SystemRandom().getrandbits(32)
    print("again: PACKETS_SEED=%d" % seed, flush=True)
    # What is sent from one processor and then from another may be overtaken.
    os.sched_setaffinity(0, {os.cpu_count() - 1})
    with tb.two_hosts() as (a, b):
        test = Test(a, b, random.Random(seed))
        test.run()
    test.check.finish()


if __name__ == "__main__":
    main()
