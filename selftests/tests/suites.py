#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""
   a: module                              b: ip xfrm with keys of sipsec_keys.py, or module
   [wire 10.9.0.1] ------------------- [wire 10.9.0.2]

Every suite, without and with extended sequence numbers, in both directions over some rounds; some
suites in tunnel and BEET mode, whose addresses are the same inside and outside. Then
what has been received comes once more, or with a number that its ICV does not fit; a peer that
disagrees about ESN is not understood. tshark decrypts what it can.
"""

import collections
import os
import socket
import subprocess
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import sipsec_keys as keys
import testbed as tb
from testbed import T

PRF = "HMAC_SHA2_256"
ROUNDS = 4
REPLAYED = 20
PROTO = {"esp": 50, "ah": 51}
OLD, BAD = "XfrmInStateSeqError", "XfrmInStateProtoError"

# tshark's names; it knows neither ChaCha20-Poly1305 nor GMAC, and AH needs no key.
GCM, CBC = "AES-GCM with 16 octet ICV [RFC4106]", "AES-CBC [RFC3602]"
SHA1, SHA256 = "HMAC-SHA-1-96 [RFC2404]", "HMAC-SHA-256-128 [RFC4868]"
SHA512 = "HMAC-SHA-512-256 [RFC4868]"
TSHARK = {1: (GCM, "NULL"), 2: (GCM, "NULL"), 4: (CBC, SHA256), 5: (CBC, SHA512),
          6: ("NULL", SHA256), 9: (CBC, SHA1), 10: ("NULL", SHA1)}


def state_options(proto, esn):
    """RFC 4302 has AH over IPv4 aligned to 32 bits, which ip xfrm has to be told."""
    flags = (["esn"] if esn else []) + (["align4"] if proto == "ah" else [])
    return " ".join(["replay-window 1024"] + (["flag"] + flags if flags else []))


class Capture:
    """Packets that tshark is to decrypt, and the keys for it."""

    MOST = 15

    def __init__(self):
        self.packets, self.table, self.wanted = [], [], collections.Counter()

    def add(self, suite, rounds, seen):
        """rounds: source and destination with a round each; seen: the tap's of that suite."""
        for _, _, rnd in rounds:
            chosen = [item for item in seen if tb.spi_of(item[1])[0] == rnd.spi][:self.MOST]
            self.packets += chosen
            self.wanted[rnd.spi] = len(chosen)
        if suite in TSHARK:
            s = keys.SUITES[suite]
            for src, dst, rnd in rounds:
                cut = s.enc + s.salt
                hexed = ["0x" + k.hex() if k else "" for k in (rnd.keymat[:cut], rnd.keymat[cut:])]
                self.table.append(("IPv4", src, dst, "%#010x" % rnd.spi, TSHARK[suite][0],
                                   hexed[0], TSHARK[suite][1], hexed[1]))

    def check(self, check, folder, ports):
        path = os.path.join(folder, "suites.pcap")
        tb.write_capture(path, self.packets)
        with open(os.path.join(folder, "esp_sa"), "w", encoding="ascii") as f:
            for row in self.table:
                print(",".join('"%s"' % word for word in row), file=f)
        with open(os.path.join(folder, "preferences"), "w", encoding="ascii") as f:
            f.write("esp.enable_encryption_decode: TRUE\nesp.enable_authentication_check: TRUE\n")
        out = subprocess.run(
            ["tshark", "-n", "-r", path, "-T", "fields", "-E", "separator=;", "-E", "occurrence=f",
             "-e", "esp.spi", "-e", "ah.spi", "-e", "esp.icv_good", "-e", "udp.dstport"],
            env={**os.environ, "WIRESHARK_CONFIG_DIR": folder}, check=True, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE).stdout
        got, spis = collections.Counter(), {int(row[3], 16) for row in self.table}
        for line in out.splitlines():
            esp, ah, good, port = line.split(";")
            if port and int(port) in ports and (good == "1" or ah):
                got[int(esp or ah, 16)] += 1
        unknown = {spi for spi in self.wanted if spi not in spis and spi not in got}
        check.true("tshark decrypts %d packets of %d SAs" % (sum(got.values()), len(got)), got)
        check.equal("packets it does not, of suites it knows",
                    {hex(s): n - got[s] for s, n in self.wanted.items()
                     if s in spis and n != got[s]}, {})
        # Two of ChaCha20-Poly1305 and two of GMAC.
        check.equal("SAs of suites it does not know", len(unknown), 4)


class Ends:
    """The module in a, ip xfrm in b."""

    def __init__(self, check, a, b):
        self.check, self.a, self.b = check, a, b
        self.number = 0
        self.owners = []
        for ns in a, b:
            admin = tb.Admin(ns)
            admin.do("app-new", name="phone", uid=0, legacy=True)
            admin.close()
            self.owners.append(tb.Owner(ns, "phone", register=False))
        self.owner = self.owners[0]
        self.tap = tb.Tap(b, snap=2048)
        self.taps = self.tap, tb.Tap(a)
        self.injector = tb.Injector(b, a)
        self.batch = tb.Batch(b)

    def close(self):
        self.batch.close()
        self.injector.close()
        for owner in self.owners:
            owner.close()

    def sent(self):
        """Since the last call. What comes out of a tunnel is seen to arrive in clear."""
        return [p for tap in self.taps for p in tap.drain(True) if p.outgoing]

    def next_ports(self):
        self.number += 1
        return 4000 + self.number, 5000 + self.number

    def block(self):
        return 0x5d000000 + 0x100 * self.number

    def errors(self, kind):
        return self.a.xfrm_errors().get(kind, 0)

    def dropped(self, what, kind, packets):
        """They reach a, which drops and counts all of them."""
        before = self.errors(kind)
        for packet in packets:
            self.injector.send(packet)
        tb.poll(what, lambda: self.errors(kind) >= before + len(packets))
        if self.errors(kind) != before + len(packets):
            self.check.equal(what, self.errors(kind) - before, len(packets))

    def state(self, verb, rnd, suite, way, options="", mode="transport"):
        ends = (self.a.address, self.b.address)[::way]
        if mode == "beet":
            options += " sel src %s dst %s" % ends
        return keys.xfrm_state(verb, rnd, suite, *ends, options, mode)

    def against_xfrm(self, suite, esn, capture, mode="transport"):
        check, a, b, s = self.check, self.a, self.b, keys.SUITES[suite]
        name = s.name + (" with ESN" if esn else "") + (
            ", " + mode if mode != "transport" else "")
        ports = self.next_ports()
        options = state_options(s.proto, esn)
        master = tb.fresh_master()
        group, block = self.owner.reserve(a.address)
        self.owner.install(group, b.address, tb.OFFERER, master, self.block(), suite, esn=esn,
                           mode=tb.nl.spec.enums["mode"][mode])
        ends = tb.udp(a, a.address, ports[0], (b.address, ports[1])), \
            tb.udp(b, b.address, ports[1], (a.address, ports[0]))
        self.owner.bind(group, ends[0], ports[1])
        traffic = tb.Traffic([tb.Flow(*ends), tb.Flow(*reversed(ends))])

        to_b = list(keys.rounds(master, PRF, suite, "O", self.block(), 0, ROUNDS + 1))
        to_a = list(keys.rounds(master, PRF, suite, "A", block, 0, ROUNDS + 1))
        common = "tmpl src %s dst %s proto %s" % (b.address, a.address, s.proto)
        lines = ["xfrm policy update src %s dst %s dir in tmpl src %s dst %s proto %s mode %s"
                 % (a.address, b.address, a.address, b.address, s.proto, mode)]
        lines += [self.state("add", rnd, suite, 1, options, mode) for rnd in to_b]
        self.batch.run(lines)

        def move(rnd, with_options):
            self.batch.run([self.state("add", rnd, suite, -1, with_options, mode),
                            "xfrm policy update src %s dst %s dir out %s spi %#010x mode %s"
                            % (b.address, a.address, common, rnd.spi, mode)])

        self.sent()
        self.tap.seen.clear()
        for rnd in to_a[:ROUNDS]:
            move(rnd, options)
            total = traffic.go(T)
        packets = self.sent()
        for what in ("lost", "duplicated", "refused", "foreign", "corrupt"):
            if total[what]:
                check.equal("%s: %s" % (name, what), total[what], 0)
        check.equal("%s: datagrams" % name, total["sent"], 2 * ROUNDS * T)
        check.equal("%s: protocols on the wire" % name, {p.proto for p in packets},
                    {PROTO[s.proto]})
        check.true("%s: each round's numbers" % name, tb.sequence_numbers(packets) == {
            rnd.spi: list(range(1, T + 1)) for rnd in to_b[:ROUNDS] + to_a[:ROUNDS]})
        now = self.owner.do("group-get", id=group)
        check.equal("%s: suite, mode, esn, packets in and out" % name,
                    (now["suite"], now["mode"], now.get("esn", False), now["packets-in"],
                     now["packets-out"]),
                    (suite, tb.nl.spec.enums["mode"][mode], esn, ROUNDS * T, ROUNDS * T))

        # What a has received in the last round, and the same with the number that comes next.
        seen = [data for _, data in self.tap.seen if tb.spi_of(data)[0] == to_a[ROUNDS - 1].spi]
        self.dropped("%s: replayed packets dropped" % name, OLD, seen[-REPLAYED:])
        self.dropped("%s: packets with another number dropped" % name, BAD,
                     [tb.with_sequence(data, T + 1) for data in seen[:1]])
        # The right key, and another idea of the sequence number.
        before = self.errors(BAD)
        move(to_a[ROUNDS], state_options(s.proto, not esn))
        ends[1].send(b"not understood")
        tb.poll("%s: a packet of a peer that disagrees about ESN" % name,
                lambda: self.errors(BAD) == before + 1)
        after = self.owner.do("group-get", id=group)
        check.equal("%s: received since" % name, after["packets-in"] - now["packets-in"], 0)
        check.true("%s: nothing was delivered" % name, tb.nothing_waits(ends[0]))
        if capture:
            capture.add(suite, [(a.address, b.address, to_b[0]), (b.address, a.address, to_a[0])],
                        self.tap.seen)

        traffic.close()
        self.owner.do("group-del", id=group)
        for sock in ends:
            sock.close()
        self.batch.run([self.state("delete", rnd, suite, 1) for rnd in to_b] +
                       [self.state("delete", rnd, suite, -1) for rnd in to_a])
        return ports

    def against_itself(self, suite, esn, mode="transport"):
        check, name = self.check, keys.SUITES[suite].name + (" with ESN" if esn else "") + (
            ", " + mode if mode != "transport" else "")
        ports, master = self.next_ports(), tb.fresh_master()
        hosts = self.a, self.b
        groups, blocks = zip(*(o.reserve(ns.address) for o, ns in zip(self.owners, hosts)))
        socks = [tb.udp(ns, ns.address, ports[i], (peer.address, ports[1 - i]))
                 for i, (ns, peer) in enumerate((hosts, hosts[::-1]))]
        for i, role in enumerate((tb.OFFERER, tb.ANSWERER)):
            self.owners[i].install(groups[i], hosts[1 - i].address, role, master, blocks[1 - i],
                                   suite, esn=esn, mode=tb.nl.spec.enums["mode"][mode])
            self.owners[i].bind(groups[i], socks[i], ports[1 - i])
        self.sent()
        traffic = tb.Traffic([tb.Flow(*socks), tb.Flow(*reversed(socks))])
        total = traffic.go(ROUNDS * T)
        traffic.close()
        packets = self.sent()
        check.equal("%s, module to module: lost, duplicated, refused, corrupt" % name,
                    [total[w] for w in ("lost", "duplicated", "refused", "corrupt")], [0] * 4)
        check.true("%s, module to module: %d rounds" % (name, 2 * ROUNDS),
                   tb.sequence_numbers(packets) == {
                       keys.spi(block, n): list(range(1, T + 1))
                       for block in blocks for n in range(ROUNDS)})
        check.equal("%s, module to module: protocols on the wire" % name,
                    {p.proto for p in packets}, {PROTO[keys.SUITES[suite].proto]})
        for owner, group, sock in zip(self.owners, groups, socks):
            owner.do("group-del", id=group)
            sock.close()

    def pieces(self):
        """What came through the tunnel in fragments is not delivered: any may be forged."""
        check, a, b = self.check, self.a, self.b
        ports, master = self.next_ports(), tb.fresh_master()
        group, block = self.owner.reserve(a.address)
        self.owner.install(group, b.address, tb.OFFERER, master, self.block(),
                           mode=tb.nl.spec.enums["mode"]["tunnel"])
        sock = tb.udp(a, a.address, ports[0])
        self.owner.bind(group, sock, ports[1])
        rnd = next(keys.rounds(master, PRF, 1, "A", block))
        self.batch.run([self.state("add", rnd, 1, -1, "", "tunnel"),
                        "xfrm policy update src %s dst %s dir out tmpl src %s dst %s proto esp "
                        "spi %#010x mode tunnel" % (b.address, a.address, b.address, a.address,
                                                    rnd.spi)])

        def drops():
            return self.owner.do("stats-get", app="phone")["in-drop-flow"]

        data = tb.udp_header(ports[1], ports[0], b"whole".ljust(40)) + b"whole".ljust(40)
        before = drops()
        with b.entered():
            raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_RAW)
        raw.sendto(tb.ipv4(b.address, a.address, data), (a.address, 0))
        check.equal("through the tunnel, whole", sock.recv(64), b"whole".ljust(40))
        for offset, more in (0, 0x2000), (24, 0):
            raw.sendto(tb.ipv4(b.address, a.address, data[offset:][:24 if more else None],
                               more | offset // 8), (a.address, 0))
        tb.poll("a drop of what came in fragments", lambda: drops() == before + 1)
        check.true("through the tunnel, in fragments: not delivered", tb.nothing_waits(sock))
        raw.close()
        sock.close()
        self.owner.do("group-del", id=group)
        self.batch.run([self.state("delete", rnd, 1, -1, "", "tunnel")])

    def window(self, size, esn):
        """What is behind by less than the window is taken, once; what is behind by it is not."""
        check, a, b = self.check, self.a, self.b
        name = "window of %d%s" % (size, " with ESN" if esn else "")
        ports, master = self.next_ports(), tb.fresh_master()
        group, block = self.owner.reserve(a.address)
        self.owner.install(group, b.address, tb.OFFERER, master, self.block(), rotate=1 << 20,
                           window=size, esn=esn)
        sock = tb.udp(a, a.address, ports[0])
        self.owner.bind(group, sock, ports[1])
        rnd = next(keys.rounds(master, PRF, 1, "A", block))
        # Where b has no neighbour its packets go nowhere but into the capture.
        self.batch.run([self.state("add", rnd, 1, -1, state_options("esp", esn)),
                        "xfrm policy update src %s dst %s dir out tmpl src %s dst %s proto esp "
                        "spi %#010x mode transport" % (b.address, a.address, b.address, a.address,
                                                       rnd.spi)])
        link = b.ip("neigh show %s" % a.address).split()
        mac = link[link.index("lladdr") + 1]
        b.ip("neigh replace %s lladdr 02:00:00:00:00:99 dev wire nud permanent" % a.address)
        self.tap.drain(True)
        self.tap.seen.clear()
        sender = tb.udp(b, b.address, ports[1], (a.address, ports[0]))
        for i in range(size + 1):
            sender.send(b"%d" % (i + 1))
        self.tap.drain(True)
        b.ip("neigh replace %s lladdr %s dev wire nud permanent" % (a.address, mac))
        packets = {tb.spi_of(data)[1]: data for _, data in self.tap.seen
                   if tb.spi_of(data)[0] == rnd.spi}
        last = size + 1
        check.true("%s: %d packets made" % (name, last),
                   sorted(packets) == list(range(1, last + 1)))

        def taken(seq):
            self.injector.send(packets[seq])
            return sock.recv(64)

        check.equal("%s: its last packet" % name, taken(last), b"%d" % last)
        # With ESN, a number behind the window is one of the next 2^32 (RFC 4303, appendix A2.1).
        behind = BAD if esn else OLD
        self.dropped("%s: one more behind" % name, behind, [packets[1]])
        check.equal("%s: the last one behind" % name, taken(2), b"2")
        check.equal("%s: one in the middle" % name, taken(last // 2), b"%d" % (last // 2))
        self.dropped("%s: all of them again" % name, OLD,
                     [packets[seq] for seq in (last, 2, last // 2)])
        self.dropped("%s: and that one" % name, behind, [packets[1]])
        check.true("%s: nothing else came" % name, tb.nothing_waits(sock))
        self.owner.do("group-del", id=group)
        self.batch.run([self.state("delete", rnd, 1, -1)])
        sock.close()
        sender.close()


def main():
    check = tb.Checks()
    capture, ports = Capture(), set()
    with tb.two_hosts() as (a, b):
        ends = Ends(check, a, b)
        for suite in keys.SUITES:
            for esn in False, True:
                ports.update(ends.against_xfrm(suite, esn, None if esn else capture))
        for mode, suite in (("tunnel", 1), ("tunnel", 4), ("tunnel", 8), ("beet", 1), ("beet", 5)):
            ends.against_xfrm(suite, False, None, mode)
        for size in 64, 1024, 4096:
            ends.window(size, False)
        ends.window(1024, True)
        ends.pieces()
        b.ip("xfrm policy flush")
        for suite in keys.SUITES:
            for esn in False, True:
                ends.against_itself(suite, esn)
        for mode in "tunnel", "beet":
            ends.against_itself(1, False, mode)
        stats = [o.do("stats-get", app="phone") for o in ends.owners]
        check.equal("drops", [{k: v for k, v in s.items() if "drop" in k and v} for s in stats],
                    [{"in-drop-flow": 1}, {}])
        ends.close()
        check.equal("states left", a.states() + b.states(), [])
    with tempfile.TemporaryDirectory() as folder:
        capture.check(check, folder, ports)
    check.finish()


if __name__ == "__main__":
    main()
