#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""
   a: module                                    b: ip xfrm with keys of sipsec_keys.py
   [wire 10.9.0.1] ---------------------------- [wire 10.9.0.2]             (and the same by IPv6)

On the way from b to a somebody changes DSCP and ECN of the outer header, as routers may. What a
socket of a's then reads is the arrived field in transport and BEET mode, which have one header; out
of a tunnel it is the inner one, and CE where that can say so (RFC 4301, section 5.1.2.1).
"""

import os
import socket
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import testbed as tb

IP_TOS, IP_RECVTOS, IPV6_RECVTCLASS, IPV6_TCLASS = 1, 13, 66, 67
# Expedited forwarding (RFC 3246), and what a router makes of it.
EF, CHANGED = 46 << 2, 18 << 2
NOT_ECT, ECT_1, ECT_0, CE = range(4)
NOBODY = "02:00:00:00:00:99"


def set_field(sock, v6, value):
    if v6:
        sock.setsockopt(socket.IPPROTO_IPV6, IPV6_TCLASS, value)
    else:
        sock.setsockopt(socket.IPPROTO_IP, IP_TOS, value)


def field(packet):
    """DSCP and ECN of an IP packet."""
    return packet[1] if packet[0] >> 4 == 4 else struct.unpack_from("!I", packet)[0] >> 20 & 0xff


def with_field(packet, value):
    if packet[0] >> 4 == 6:
        return struct.pack("!I", 6 << 28 | value << 20 |
                           struct.unpack_from("!I", packet)[0] & 0xfffff) + packet[4:]
    header = packet[:1] + bytes((value,)) + packet[2:10] + bytes(2) + packet[12:20]
    return header[:10] + struct.pack("!H", tb.internet_checksum(header)) + packet[12:]


def protected(tap):
    """ESP and AH packets that have passed since the last call, whole."""
    tap.drain(outgoing=True)
    packets = [data for _, data in tap.seen if tb.headers(data)[2] in (50, 51)]
    tap.seen.clear()
    return packets


def leaving(check, name, pair, v6):
    with_tap = tb.Tap(pair.b, snap=2048)
    inner = [EF | ecn for ecn in range(4)]
    for value in inner:
        set_field(pair.sock, v6, value)
        pair.sock.sendto(b"there", pair.peer.getsockname())
        check.equal("%s: there" % name, pair.peer.recv(64), b"there")
    set_field(pair.sock, v6, 0)
    # xfrm's tunnels do not show congestion that was there before (RFC 3168, section 9.1.1).
    if "tunnel" in name:
        inner[CE] = EF | ECT_0
    check.equal("%s: outside" % name, [field(p) for p in protected(with_tap)], inner)


def arrived(inner, outer, tunnel):
    if not tunnel:
        return outer
    return inner | CE if outer & CE == CE and inner & CE != NOT_ECT else inner


def received(sock, v6):
    data, more, _, _ = sock.recvmsg(64, 64)
    (_, _, value), = [c for c in more if c[:2] == ((socket.IPPROTO_IPV6, IPV6_TCLASS) if v6 else
                                                   (socket.IPPROTO_IP, IP_TOS))]
    return data, value[0] if len(value) == 1 else struct.unpack("=i", value)[0]


def arriving(check, name, pair, v6):
    """Packets that b has made and nobody has got, with every outer field."""
    a, b = pair.a, pair.b
    pair.sock.setsockopt(*((socket.IPPROTO_IPV6, IPV6_RECVTCLASS, 1) if v6 else
                           (socket.IPPROTO_IP, IP_RECVTOS, 1)))
    tap, wire = tb.Tap(b, snap=2048), tb.Injector(b, a)
    cases = [(EF | inner, dscp | outer) for inner in range(4) for outer in range(4)
             for dscp in (EF, CHANGED)]
    neighbour = "neighbour replace %s lladdr %%s dev wire nud permanent" % a.address
    b.ip(neighbour % NOBODY)
    for i, (inner, _) in enumerate(cases):
        set_field(pair.peer, v6, inner)
        pair.peer.sendto(b"%d" % i, pair.sock.getsockname())
    packets = protected(tap)
    b.ip(neighbour % tb.link_address(a, "wire"))
    check.equal("%s: packets made" % name, len(packets), len(cases))
    got = []
    for packet, (_, outer) in zip(packets, cases):
        wire.send(with_field(packet, outer))
        got.append(received(pair.sock, v6))
    wire.close()
    wanted = [(b"%d" % i, arrived(*case, "tunnel" in name)) for i, case in enumerate(cases)]
    check.true("%s: %d fields of packets that arrive" % (name, len(cases)), got == wanted)
    if got != wanted:
        print("   inner, outer, read:", [(*case, g[1]) for case, g, w in zip(cases, got, wanted)
                                         if g != w])
    # And the packets that nobody has changed.
    set_field(pair.peer, v6, EF | ECT_1)
    pair.peer.sendto(b"last", pair.sock.getsockname())
    check.equal("%s: as it was sent" % name, received(pair.sock, v6), (b"last", EF | ECT_1))


def main():
    check = tb.Checks()
    for addresses in tb.V4, tb.V6:
        v6 = tb.is_v6(addresses[0])
        with tb.two_hosts(*addresses) as (a, b):
            for suite, mode in ((1, "transport"), (1, "tunnel"), (1, "beet"), (8, "transport"),
                                (8, "tunnel")):
                name = "IPv%d, %s, %s" % (6 if v6 else 4, mode, "AH" if suite == 8 else "ESP")
                with tb.XfrmPair(a, b, mode, suite) as pair:
                    leaving(check, name, pair, v6)
                    arriving(check, name, pair, v6)
                    check.equal("%s: drops" % name, pair.drops(), {})
    check.finish()


if __name__ == "__main__":
    main()
