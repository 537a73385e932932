#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""
   a: module                          r: router                          b: module
   [wire 10.9.0.1] --------- [west 10.9.0.254, east 10.9.5.254] --------- [wire 10.9.5.2]
   [wire 2001:db8:9::1] ---- [west ...9::fe, east ...5::fe] ---- [wire 2001:db8:5::2]

The link between r and b takes 1300 octets, and a learns so from r alone.
"""

import contextlib
import errno
import os
import re
import socket
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import testbed as tb

PORT_A, PORT_B = 4000, 5000
NARROW = 1300
IP_MTU_DISCOVER, IPV6_MTU_DISCOVER, PMTUDISC_DO, PMTUDISC_WANT = 10, 23, 2, 1
V4 = "10.9.0.1", "10.9.0.254", "10.9.5.254", "10.9.5.2"
V6 = "2001:db8:9::1", "2001:db8:9::fe", "2001:db8:5::fe", "2001:db8:5::2"
FRAG_NEEDED, TOO_BIG = (3, 4), (2, 0)


@contextlib.contextmanager
def routed():
    with tb.Netns("a") as a, tb.Netns("r") as r, tb.Netns("b") as b:
        for ns, end in ((a, "west"), (b, "east")):
            tb.run("ip", "link", "add", "wire", "netns", ns.name, "type", "veth",
                   "peer", "name", end, "netns", r.name)
        r.run("sysctl -qw net.ipv4.ip_forward=1 net.ipv6.conf.all.forwarding=1")
        for ns, device, at, length in ((a, "wire", 0, 24), (r, "west", 1, 24),
                                       (r, "east", 2, 24), (b, "wire", 3, 24)):
            ns.run("sysctl -qw net.ipv6.conf.%s.accept_dad=0" % device)
            ns.ip("address add %s/24 dev %s" % (V4[at], device))
            ns.ip("address add %s/64 dev %s nodad" % (V6[at], device))
            ns.ip("link set %s up" % device)
        for ns, gateway in ((a, 1), (b, 2)):
            ns.ip("route add default via " + V4[gateway])
            ns.ip("-6 route add default via " + V6[gateway])
        # b may be sent larger ones than it sends itself.
        r.ip("link set east mtu %d" % NARROW)
        for ns, device in ((a, "wire"), (b, "wire"), (r, "west"), (r, "east")):
            tb.poll("carrier", lambda: "state UP" in ns.ip("link show " + device))
        yield a, r, b


def known_mtu(a, b_address):
    """What a has learned of the path, or None."""
    found = re.search(r"\bmtu (\d+)", a.ip("route get " + b_address))
    return found and int(found[1])


def news(addresses, spi, mtu):
    """r says that an ESP packet of a's to b was too big; a real one has more behind the header."""
    a, r, _, b = addresses
    esp = struct.pack("!II", spi, 1)
    if tb.is_v6(a):
        message = struct.pack("!BBHI", *TOO_BIG, 0, mtu) + \
            tb.ipv6(a, b, esp + bytes(32), proto=socket.IPPROTO_ESP)
        check = tb.checksum_v6(r, a, message, socket.IPPROTO_ICMPV6)
        return tb.ipv6(r, a, message[:2] + struct.pack("!H", check) + message[4:],
                       proto=socket.IPPROTO_ICMPV6)
    message = struct.pack("!BBHI", *FRAG_NEEDED, 0, mtu) + \
        tb.ipv4(a, b, esp + bytes(32), proto=socket.IPPROTO_ESP)
    check = tb.internet_checksum(message)
    return tb.ipv4(r, a, message[:2] + struct.pack("!H", check) + message[4:],
                   proto=socket.IPPROTO_ICMP)


def path(check, a, r, b, addresses):
    app = "v6" if tb.is_v6(addresses[0]) else "v4"
    owners = tb.Owner(a, app), tb.Owner(b, app)
    ours, peers = addresses[0], addresses[3]
    (group_a, block_a), (group_b, block_b) = owners[0].reserve(ours), owners[1].reserve(peers)
    master = tb.fresh_master()
    owners[0].install(group_a, peers, tb.OFFERER, master, block_b)
    owners[1].install(group_b, ours, tb.ANSWERER, master, block_a)
    sender, receiver = tb.udp(a, ours, PORT_A), tb.udp(b, peers, PORT_B)
    owners[0].bind(group_a, sender, PORT_B)
    owners[1].bind(group_b, receiver, PORT_A)
    to = peers, PORT_B
    overhead = 48 if tb.is_v6(ours) else 28
    wire = tb.Tap(r, "east")

    sender.sendto(b"small", to)
    check.equal("before, b gets", receiver.recv(2048), b"small")
    check.equal("path MTU before", known_mtu(a, peers), None)

    # Not ours: another block, a round that was never used, and one that will be.
    from_r = tb.Injector(r, a, "wire")
    from_r.device = "west"
    icmp = tb.udp(a, ours, PORT_A + 1)
    for spi in (block_b ^ 0x100, block_b + 255, block_b + 1, block_a):
        from_r.send(news(addresses, spi, 1290))
    # Behind the others on the wire: when it is there they have been looked at.
    plain = tb.ipv6(addresses[1], ours, tb.udp_v6(addresses[1], ours, 9, PORT_A + 1, b"after")) \
        if tb.is_v6(ours) else \
        tb.ipv4(addresses[1], ours, tb.udp_header(9, PORT_A + 1, b"after") + b"after")
    from_r.send(plain)
    check.equal("after the forged news", icmp.recv(64), b"after")
    check.equal("path MTU after forged news", known_mtu(a, peers), None)
    from_r.close()
    icmp.close()

    option = (socket.IPPROTO_IPV6, IPV6_MTU_DISCOVER) if tb.is_v6(ours) else \
        (socket.IPPROTO_IP, IP_MTU_DISCOVER)
    sender.setsockopt(*option, PMTUDISC_DO)

    def refused():
        try:
            sender.sendto(bytes(1400 - overhead), to)
        except OSError as e:
            if e.errno != errno.EMSGSIZE:
                raise
            return True
        return False

    tb.poll("news of the path", refused)
    check.equal("path MTU learned", known_mtu(a, peers), NARROW)
    check.true("the large one was lost", tb.nothing_waits(receiver))
    fits = NARROW - 100 - overhead
    if NARROW - 100 < 1280 and tb.is_v6(ours):
        fits = 1280 - overhead
    sender.sendto(bytes(fits), to)
    check.equal("one that fits arrives", len(receiver.recv(2048)), fits)
    sender.setsockopt(*option, PMTUDISC_WANT)
    data = os.urandom(4000)
    sender.sendto(data, to)
    check.true("one that may be fragmented arrives", receiver.recv(8192) == data)
    seen = tb.by_protocol(wire.drain(outgoing=True))
    check.true("between r and b: %s" % seen, seen["esp"] and not seen["other"])
    for s in (sender, receiver, *owners):
        s.close()


def main():
    check = tb.Checks()
    with routed() as (a, r, b):
        for addresses in V4, V6:
            print(*addresses)
            path(check, a, r, b, addresses)
    check.finish()


if __name__ == "__main__":
    main()
