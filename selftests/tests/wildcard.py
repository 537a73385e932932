#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""
   a: module                                              b: module
   [wire 10.9.0.1] ---------------------------------- [wire 10.9.0.2, 10.9.0.3]
   (then the same with IPv6)

Flows that leave ports open: of any port of the peer, of all UDP, of a whole protocol. What is not
to see or send the packets of one is first shown to see and send them in clear.
"""

import contextlib
import errno
import os
import socket
import struct
import sys
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import nl
import testbed as tb
from testbed import packed

EXPERIMENT, UDPLITE, SCTP, GRE = 253, 136, 132, 47
GRANTED = EXPERIMENT, UDPLITE, SCTP, GRE
PORT_A, PORT_B = 4000, 5000
OTHER_UID = 60002
IP_HDRINCL, IPV6_HDRINCL, IPV6_CHECKSUM = 3, 36, 7
IP_PKTINFO, IPV6_RECVPKTINFO = 8, 49
SECOND_FRAGMENT = 1
FLOWS = 10000 if os.environ.get("LONG") else 200
THIRD = {"10.9.0.2": "10.9.0.3", "2001:db8:9::2": "2001:db8:9::3"}


def raw_socket(ns, protocol, peer=None, uid=0):
    """A raw socket, perhaps connected; with uid it is that user's, as root may make it."""
    with ns.entered():
        s = socket.socket(family(ns), socket.SOCK_RAW, protocol)
    os.fchown(s.fileno(), uid, -1)
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", nl.TIMEOUT, 0))
    if peer:
        s.bind((ns.address, 0))
        s.connect((peer, 0))
    return s


def family(ns):
    return socket.AF_INET6 if tb.is_v6(ns.address) else socket.AF_INET


def ip(src, dst, payload, proto, fragment=0):
    """A whole packet of the family."""
    if not tb.is_v6(src):
        return tb.ipv4(src, dst, payload, fragment, proto)
    if fragment:
        payload = struct.pack("!BBHI", proto, 0, fragment << 3, 7) + payload
        proto = 44
    return tb.ipv6(src, dst, payload, proto)


def udp_payload(src, dst, sport, dport, payload):
    if tb.is_v6(src):
        return tb.udp_v6(src, dst, sport, dport, payload)
    return tb.udp_header(sport, dport, payload) + payload


def got(sock):
    """The payload of what a raw socket receives: that of IPv4 has the header before it."""
    data = sock.recv(65536)
    return data if sock.family == socket.AF_INET6 else data[(data[0] & 15) * 4:]


def quote(src, dst, payload, proto, fragment=0):
    """Protocol and octets of an ICMP error about such a packet; raw sockets make a v6 checksum."""
    inner = ip(src, dst, payload, proto, fragment)
    if tb.is_v6(src):
        message = bytes((1, 4, 0, 0, 0, 0, 0, 0)) + inner
        check = tb.checksum_v6(dst, src, message, socket.IPPROTO_ICMPV6)
        return socket.IPPROTO_ICMPV6, message[:2] + struct.pack("!H", check) + message[4:]
    message = bytes((3, 2, 0, 0, 0, 0, 0, 0)) + inner
    check = tb.internet_checksum(message + bytes(len(message) % 2))
    return socket.IPPROTO_ICMP, message[:2] + struct.pack("!H", check) + message[4:]


class Ends:
    """An app at each end, with the grants; pairs of groups."""

    def __init__(self, check, a, b, grants=True):
        self.check, self.a, self.b = check, a, b
        self.admins = tb.Admin(a), tb.Admin(b)
        self.tap = tb.Tap(b)
        for admin in self.admins:
            admin.do("app-new", name="phone", uid=0,
                     **({"wildcard": True, "protocols": bytes(GRANTED)} if grants else {}))
        self.owners = tb.Owner(a, register=False), tb.Owner(b, register=False)
        self.control = tb.udp(a, a.address, 4900), tb.udp(b, b.address, 5900)

    def hosts(self):
        return (self.owners[0], self.a, self.b), (self.owners[1], self.b, self.a)

    def group(self, persistent=(False, False)):
        """A group at both ends: its ids, and its blocks on the wire. Persistent is the admin's."""
        groups, blocks, askers = [], [], []
        for i, (owner, ns, _) in enumerate(self.hosts()):
            asker = self.admins[i] if persistent[i] else owner
            new = asker.do("group-new", local=packed(ns.address), **(
                {"app": "phone", "persistent": True} if persistent[i] else {}))
            groups.append(new["id"])
            blocks.append(new["spi-in"])
            askers.append(asker)
        master = tb.fresh_master()
        for i, (_, _, to) in enumerate(self.hosts()):
            askers[i].do("group-set", id=groups[i], role=(tb.OFFERER, tb.ANSWERER)[i], suite=1,
                         master=master, spi_out=blocks[1 - i], peer=packed(to.address),
                         rotate=1 << 20)
        return groups, set(blocks)

    def admins_group(self):
        return self.group((True, True))

    def bind(self, groups, protocol, socks, **more):
        for owner, group, sock in zip(self.owners, groups, socks):
            owner.do("flow-bind", group=group, protocol=protocol, fd=sock.fileno(), **more)

    def end(self, groups):
        for owner, group in zip(self.owners, groups):
            owner.do("group-del", id=group)

    def bind_any(self, groups, protocol):
        """Any socket may use it; the groups are the administrator's."""
        for admin, group in zip(self.admins, groups):
            admin.do("flow-bind", group=group, protocol=protocol, any=True)

    def end_any(self, groups, protocol, payload):
        """They have no socket to end with: closed until they are unbound."""
        sock, peer = raw_socket(self.a, protocol), raw_socket(self.b, protocol)
        for admin, group in zip(self.admins, groups):
            admin.do("group-del", id=group)
        with self.counted("closed", out_drop_closed=1, in_drop_closed=1):
            self.check.refused("closed", errno.EPERM, sock.sendto, payload, (self.b.address, 0))
            tb.inject(self.b, ip(self.b.address, self.a.address, payload, protocol), self.a)
        self.check.true("nobody gets it", tb.nothing_waits(sock))
        self.unbind(protocol)
        self.check.equal("flows left", [f for x in self.admins for f in x.dump("flow-get")
                                        if "any" in f], [])
        sock.sendto(payload, (self.b.address, 0))
        self.check.equal("unbound, in clear", got(peer), payload)
        sock.close()
        peer.close()

    def stats(self):
        return [admin.do("stats-get", app="phone") for admin in self.admins]

    def sync(self):
        """What was sent before, either way, has been dealt with."""
        for source, sink in (self.control, self.control[::-1]):
            source.sendto(b"control", sink.getsockname()[:2])
            sink.recv(64)

    @contextlib.contextmanager
    def counted(self, name, end=0, **wanted):
        """In the block just these drops are counted at that end."""
        before = self.stats()[end]
        yield
        self.sync()
        # The kernel puts aside for a moment what it has decrypted.
        tb.poll(name, lambda: all(self.stats()[end][k.replace("_", "-")] >=
                                  before[k.replace("_", "-")] + v for k, v in wanted.items()))
        now = self.stats()[end]
        self.check.equal("%s: counted" % name, {k: now[k] - v for k, v in before.items()
                                                if "drop" in k and now[k] != v},
                         {k.replace("_", "-"): v for k, v in wanted.items()})

    def wire(self, name, blocks, esp):
        """Nothing but so many packets of these blocks, and the control ones."""
        seen = [p for p in self.tap.drain(outgoing=True)
                if not {p.sport, p.dport} & {4900, 5900}]
        self.check.equal("%s: in clear, by block" % name, (
            [p for p in seen if p.proto != socket.IPPROTO_ESP],
            [p.spi & ~255 in blocks for p in seen if p.spi is not None]), ([], [True] * esp))

    def unbind(self, protocol, local_port=None, peer_port=None):
        ports = {} if local_port is None else {"local_port": local_port, "peer_port": peer_port}
        back = {} if local_port is None else {"local_port": peer_port, "peer_port": local_port}
        for admin, ns, to, p in zip(self.admins, (self.a, self.b), (self.b, self.a),
                                    (ports, back)):
            admin.do("flow-unbind", protocol=protocol, local=packed(ns.address),
                     peer=packed(to.address), **p)

    def close(self):
        for x in (*self.owners, *self.control):
            x.close()
        for admin in self.admins:
            admin.do("app-del", name="phone")
            for flow in admin.dump("flow-get"):
                with contextlib.suppress(OSError):
                    admin.do("flow-unbind", **{k: v for k, v in flow.items() if k in (
                        "protocol", "local", "local-port", "peer", "peer-port")})
            tb.poll("end of the flows", lambda: not admin.dump("flow-get"))
            admin.close()


def whole(ends, protocol):
    """All of a protocol is one raw socket's; the strangers' get and send nothing of it."""
    check, a, b = ends.check, ends.a, ends.b
    name = "protocol %d" % protocol
    # A part of SCTP's and UDP-Lite's headers; nobody here looks at it.
    payload = b"whole protocol: " + bytes(16)
    sock, peer = raw_socket(a, protocol, b.address), raw_socket(b, protocol, a.address)
    others = [raw_socket(a, protocol), raw_socket(a, protocol, b.address),
              raw_socket(a, protocol, uid=OTHER_UID)]
    theirs = raw_socket(b, protocol, uid=OTHER_UID)

    # In clear they see it and send it.
    peer.send(payload)
    for s in (sock, *others):
        check.equal("%s: in clear it gets" % name, got(s), payload)
    for s in others:
        s.sendto(payload, (b.address, 0))
        check.equal("%s: the peer gets in clear" % name, (got(peer), got(theirs)),
                    (payload, payload))
    ends.tap.drain()

    groups, blocks = ends.group()
    ends.bind(groups, protocol, (sock, peer))
    with ends.counted(name), ends.counted(name, 1):
        sock.send(payload)
        check.equal("%s: the peer gets" % name, got(peer), payload)
        peer.send(payload)
        check.equal("%s: the socket gets" % name, got(sock), payload)
        ends.wire(name, blocks, 2)
        # The ESP of these is in fragments.
        big = payload * 200
        sock.send(big)
        check.true("%s: the peer gets %d octets" % (name, len(big)), got(peer) == big)
        peer.send(big)
        check.true("%s: the socket gets as many" % name, got(sock) == big)
        check.equal("%s: in clear" % name, [p for p in ends.tap.drain(outgoing=True)
                                            if p.proto != socket.IPPROTO_ESP], [])
    check.true("%s: others see nothing" % name,
               all(tb.nothing_waits(s) for s in (*others, theirs)))
    with ends.counted("%s, a stranger sends" % name, out_drop_socket=3):
        for s in others:
            check.refused("%s: a stranger's send" % name, errno.EPERM, s.sendto, payload,
                          (b.address, 0))
    ends.wire("%s, a stranger sends" % name, blocks, 0)
    with ends.counted("%s, in clear" % name, in_drop_clear=1):
        tb.inject(b, ip(b.address, a.address, payload, protocol), a)
    check.true("%s: nobody gets it" % name, all(tb.nothing_waits(s) for s in (sock, *others)))
    ends.tap.drain()

    with ends.counted("%s, closed" % name, out_drop_closed=2, in_drop_closed=1):
        ends.end(groups)
        check.refused("%s: send, closed" % name, errno.EPERM, sock.send, payload)
        check.refused("%s: a stranger's" % name, errno.EPERM, others[0].sendto, payload,
                      (b.address, 0))
        tb.inject(b, ip(b.address, a.address, payload, protocol), a)
    check.true("%s: nobody gets it" % name, all(tb.nothing_waits(s) for s in (sock, *others)))
    # With the socket the flow is gone; the others have it in clear again.
    for s in sock, peer, others[1]:
        s.close()
    others[0].sendto(payload, (b.address, 0))
    check.equal("%s: in clear again" % name, got(theirs), payload)
    for s in (*others, theirs):
        s.close()


def hdrincl(ends):
    """The bound socket makes up headers: of its flow it may send, in ESP, and nothing else."""
    check, a, b = ends.check, ends.a.address, ends.b.address
    third = THIRD[b]
    sock, peer = raw_socket(ends.a, EXPERIMENT, b), raw_socket(ends.b, EXPERIMENT, a)
    level, option = (socket.IPPROTO_IPV6, IPV6_HDRINCL) if tb.is_v6(a) else (
        socket.IPPROTO_IP, IP_HDRINCL)
    echo = (socket.IPPROTO_ICMPV6, b"\x80") if tb.is_v6(a) else (socket.IPPROTO_ICMP, b"\x08")
    mine = ip(a, b, b"my own", EXPERIMENT)
    others = (("UDP", b, ip(a, b, udp_payload(a, b, 4500, 5500, b"udp"), 17), "flow"),
              ("ICMP", b, ip(a, b, echo[1] + bytes(15), echo[0]), "flow"),
              ("an error", b, ip(a, b, quote(b, a, b"x", 254)[1], echo[0]), "flow"),
              ("to another", third, ip(a, third, b"another", EXPERIMENT), "flow"),
              ("its second fragment", third, ip(a, third, bytes(16), EXPERIMENT, SECOND_FRAGMENT),
               "flow"),
              ("a second fragment", b, ip(a, b, bytes(16), EXPERIMENT, SECOND_FRAGMENT),
               "socket"))

    def headers(on):
        sock.setsockopt(level, option, on)

    def send(packet, to=b):
        sock.sendto(packet, (to, 0))

    headers(1)
    send(mine)
    check.equal("in clear the peer gets", got(peer), b"my own")
    for name, to, packet, _ in others:
        send(packet, to)
        check.true("in clear it sends: %s" % name, True)
    groups, blocks = ends.group()
    ends.bind(groups, EXPERIMENT, (sock, peer))
    ends.sync()
    ends.tap.drain()
    send(mine)
    check.equal("the peer gets", got(peer), b"my own")
    ends.wire("its own", blocks, 1)
    for name, to, packet, reason in others:
        with ends.counted(name, **{"out_drop_" + reason: 1}):
            check.refused(name, errno.EPERM, send, packet, to)
        ends.wire(name, blocks, 0)
    headers(0)
    with ends.counted("without headers, to another", out_drop_flow=1):
        check.refused("without headers, to another", errno.EPERM, send, b"x", third)
    ends.end(groups)
    headers(1)
    for name, packet, reason in (("closed", mine, "closed"), ("closed, UDP", others[0][2], "flow"),
                                 ("closed, a second fragment", others[-1][2], "closed")):
        with ends.counted(name, **{"out_drop_" + reason: 1}):
            check.refused(name, errno.EPERM, send, packet)
        ends.wire(name, blocks, 0)
    sock.close()
    peer.close()


def quotes(ends):
    """ICMP errors that quote a whole protocol's packets, either way, are none to believe."""
    check, a, b = ends.check, ends.a.address, ends.b.address
    sock, peer = raw_socket(ends.a, EXPERIMENT, b), raw_socket(ends.b, EXPERIMENT, a)
    groups, _ = ends.group()
    ends.bind(groups, EXPERIMENT, (sock, peer))
    proto = quote(a, b, b"x", 1)[0]
    with ends.a.entered():
        icmp = socket.socket(family(ends.a), socket.SOCK_RAW, proto)
    # A few octets of another protocol pass, in the other direction, too.
    with ends.counted("quotes another protocol"):
        tb.inject(ends.b, ip(b, a, quote(a, b, b"sent", 254)[1], proto), ends.a)
        icmp.sendto(quote(b, a, b"received", 254)[1], (b, 0))
    for name, fragment in (("a packet", 0), ("a fragment", SECOND_FRAGMENT)):
        with ends.counted("quotes %s sent" % name, in_drop_icmp=1):
            tb.inject(ends.b, ip(b, a, quote(a, b, bytes(16), EXPERIMENT, fragment)[1], proto),
                      ends.a)
        with ends.counted("quotes %s received" % name, out_drop_icmp=1):
            check.refused("an error about it", errno.EPERM, icmp.sendto,
                          quote(b, a, bytes(16), EXPERIMENT, fragment)[1], (b, 0))
    for s in sock, peer, icmp:
        s.close()
    ends.end(groups)


def reconnected(ends):
    """The socket turns to another host: it hears nothing in clear there, nor by the group."""
    check, a, b = ends.check, ends.a.address, ends.b.address
    third = THIRD[b]
    sock, peer = raw_socket(ends.a, EXPERIMENT, b), raw_socket(ends.b, EXPERIMENT, a)
    other = raw_socket(ends.a, EXPERIMENT)
    groups, _ = ends.group()
    ends.bind(groups, EXPERIMENT, (sock, peer))
    clear = ip(third, a, b"from another", EXPERIMENT)
    with ends.counted("another host's packet"):
        tb.inject(ends.b, clear, ends.a)
        check.equal("a stranger gets it", got(other), b"from another")
    check.true("the bound socket does not", tb.nothing_waits(sock))
    sock.connect((third, 0))
    with ends.counted("another host's packet, connected there", in_drop_clear=1):
        tb.inject(ends.b, clear, ends.a)
    with ends.counted("the peer's", in_drop_socket=1):
        peer.send(b"by the group")
    check.true("nobody gets them", tb.nothing_waits(sock) and tb.nothing_waits(other))
    sock.connect((b, 0))
    peer.send(b"by the group")
    check.equal("connected to the peer it gets", got(sock), b"by the group")
    for s in sock, peer, other:
        s.close()
    ends.end(groups)


def options(ends):
    """What a raw socket can ask to be told, it is told of what came by the group, too."""
    check, a, b = ends.check, ends.a.address, ends.b.address
    sock, peer = raw_socket(ends.a, EXPERIMENT, b), raw_socket(ends.b, EXPERIMENT, a)
    level = socket.IPPROTO_IPV6 if tb.is_v6(a) else socket.IPPROTO_IP
    sock.setsockopt(level, IPV6_RECVPKTINFO if tb.is_v6(a) else IP_PKTINFO, 1)
    if tb.is_v6(a):
        # Sums over two octets at that place, which the kernel makes and looks at.
        for s in sock, peer:
            s.setsockopt(level, IPV6_CHECKSUM, 2)
    groups, _ = ends.group()
    ends.bind(groups, EXPERIMENT, (sock, peer))
    peer.send(b"told" + bytes(4))
    data, told, _, sender = sock.recvmsg(2048, 256)
    check.equal("it gets", data[-8:][:2], b"to")
    check.equal("from", sender[0], b)
    check.equal("and is told the address", [packed(a) in x[2] for x in told], [True])
    for s in sock, peer:
        s.close()
    ends.end(groups)


def shared(ends):
    """A shared raw socket has other peers, in clear."""
    check, a, b = ends.check, ends.a.address, ends.b.address
    third = THIRD[b]
    sock, peer, clear = (raw_socket(ends.a, EXPERIMENT), raw_socket(ends.b, EXPERIMENT, a),
                         raw_socket(ends.b, EXPERIMENT))
    clear.bind((third, 0))
    groups, blocks = ends.group()
    check.refused("not connected, not shared", errno.ENOTCONN, ends.bind, groups, EXPERIMENT,
                  (sock, peer))
    ends.owners[0].do("flow-bind", group=groups[0], protocol=EXPERIMENT, fd=sock.fileno(),
                      shared=True)
    ends.owners[1].do("flow-bind", group=groups[1], protocol=EXPERIMENT, fd=peer.fileno())
    ends.tap.drain()
    with ends.counted("shared"):
        sock.sendto(b"secret", (b, 0))
        check.equal("the peer gets", got(peer), b"secret")
        ends.wire("to the peer", blocks, 1)
        sock.sendto(b"clear", (third, 0))
        check.equal("another gets", got(clear), b"clear")
        tb.inject(ends.b, ip(third, a, b"clear, too", EXPERIMENT), ends.a)
        check.equal("it gets", got(sock), b"clear, too")
    for s in sock, peer, clear:
        s.close()
    ends.end(groups)


def any_raw(ends):
    """Where any socket may use it, and the kernel has no receiver, all raw sockets have it."""
    check, a, b = ends.check, ends.a.address, ends.b.address
    groups, blocks = ends.admins_group()
    ends.bind_any(groups, EXPERIMENT)
    socks = [raw_socket(ends.a, EXPERIMENT, uid=uid) for uid in (0, OTHER_UID)]
    peer = raw_socket(ends.b, EXPERIMENT)
    peer.bind((b, 0))
    ends.tap.drain()
    for s in socks:
        s.sendto(b"any", (b, 0))
        check.equal("the peer gets", got(peer), b"any")
    peer.sendto(b"all", (a, 0))
    check.equal("they get", [got(s) for s in socks], [b"all"] * 2)
    ends.wire("any", blocks, 3)
    for s in socks:
        s.close()
    # Now nobody has it, and the error that the host would send shows it.
    with ends.counted("nobody's", out_drop_icmp=1):
        peer.sendto(b"nobody's", (a, 0))
    ends.wire("nobody's", blocks, 1)
    peer.close()
    ends.end_any(groups, EXPERIMENT, b"closed")


def any_udplite(ends):
    """Where it has one, that alone does."""
    check, a, b = ends.check, ends.a.address, ends.b.address

    def lite(ns, port):
        with ns.entered():
            s = socket.socket(family(ns), socket.SOCK_DGRAM, UDPLITE)
        s.bind((ns.address, port))
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", nl.TIMEOUT, 0))
        return s

    try:
        sock, peer = lite(ends.a, PORT_A), lite(ends.b, PORT_B)
    except OSError as e:
        print("   not here: no UDP-Lite:", e)
        return
    raw = raw_socket(ends.a, UDPLITE)
    peer.sendto(b"clear", (a, PORT_A))
    check.equal("in clear both get", (sock.recv(64), got(raw)[8:]), (b"clear", b"clear"))
    groups, blocks = ends.admins_group()
    ends.bind_any(groups, UDPLITE)
    ends.tap.drain()
    sock.sendto(b"there", (b, PORT_B))
    check.equal("the peer gets", peer.recv(64), b"there")
    peer.sendto(b"back", (a, PORT_A))
    check.equal("the socket gets", sock.recv(64), b"back")
    check.true("a raw socket does not", tb.nothing_waits(raw))
    ends.wire("UDP-Lite", blocks, 2)
    for s in sock, peer, raw:
        s.close()
    ends.end_any(groups, UDPLITE, bytes(16))


def sctp(ends):
    """The kernel's SCTP: an association, in ESP from INIT to SHUTDOWN."""
    check, a, b = ends.check, ends.a.address, ends.b.address
    try:
        with ends.b.entered():
            server = socket.socket(family(ends.b), socket.SOCK_STREAM, socket.IPPROTO_SCTP)
        with ends.a.entered():
            sock = socket.socket(family(ends.a), socket.SOCK_STREAM, socket.IPPROTO_SCTP)
    except OSError as e:
        print("   not here: no SCTP:", e)
        return
    for s in server, sock:
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", nl.TIMEOUT, 0))
        s.setsockopt(socket.SOL_SOCKET, socket.SO_SNDTIMEO, struct.pack("ll", nl.TIMEOUT, 0))
    raw = raw_socket(ends.b, SCTP)
    groups, blocks = ends.admins_group()
    # Others of their addresses would have no flow.
    server.bind((b, PORT_B))
    server.listen()
    sock.bind((a, PORT_A))
    ends.bind_any(groups, SCTP)
    ends.tap.drain()
    with ends.counted("SCTP"), ends.counted("SCTP", 1):
        sock.connect((b, PORT_B))
        peer, _ = server.accept()
        # Chunks that fill the MTU, of which ESP takes some.
        data = os.urandom(64000)
        for sender, receiver in ((sock, peer), (peer, sock)):
            sender.sendall(data)
            out = b""
            while len(out) < len(data):
                out += receiver.recv(len(data))
            check.true("SCTP carries %d octets" % len(data), out == data)
        sock.close()
        check.equal("end", peer.recv(64), b"")
        peer.close()
    seen = [p for p in ends.tap.drain(outgoing=True) if not {p.sport, p.dport} & {4900, 5900}]
    check.equal("SCTP: in clear", [p for p in seen if p.proto != socket.IPPROTO_ESP], [])
    check.true("SCTP: ESP, %d packets" % len(seen), any(
        p.spi is not None and p.spi & ~255 in blocks for p in seen))
    check.true("a raw socket sees nothing", tb.nothing_waits(raw))
    server.close()
    raw.close()
    ends.end_any(groups, SCTP, bytes(16))


def gre(ends):
    """A tunnel of the kernel's: what is in it is in ESP, also what only just fits."""
    check, a, b = ends.check, ends.a.address, ends.b.address
    kind = "ip6gre" if tb.is_v6(a) else "gre"
    hosts = ((ends.a, a, b, "10.77.0.1"), (ends.b, b, a, "10.77.0.2"))
    try:
        for ns, local, remote, inner in hosts:
            ns.ip("link add tunnel type %s local %s remote %s" % (kind, local, remote))
            ns.ip("address add %s/24 dev tunnel" % inner)
            ns.ip("link set tunnel up")
    except RuntimeError as e:
        print("   not here: no GRE:", e)
        return
    sock, peer = (tb.udp(ns, inner, 4400) for ns, _, _, inner in hosts)
    groups, blocks = ends.admins_group()
    ends.bind_any(groups, GRE)
    ends.tap.drain()
    with ends.counted("GRE"), ends.counted("GRE", 1):
        for size in 10, 1400, 4000:
            sock.sendto(bytes(size), ("10.77.0.2", 4400))
            check.equal("through the tunnel", len(peer.recv(8192)), size)
            peer.sendto(bytes(size), ("10.77.0.1", 4400))
            check.equal("and back", len(sock.recv(8192)), size)
    seen = [p for p in ends.tap.drain(outgoing=True) if not {p.sport, p.dport} & {4900, 5900}]
    check.equal("GRE: in clear", [p for p in seen if p.proto != socket.IPPROTO_ESP], [])
    check.true("GRE: ESP", any(p.spi is not None and p.spi & ~255 in blocks for p in seen))
    for ns, _, _, _ in hosts:
        ns.ip("link del tunnel")
    sock.close()
    peer.close()
    ends.end_any(groups, GRE, bytes(16))


def specific(ends):
    """Of the flows that a packet is of, it takes the one that says most."""
    check, a, b = ends.check, ends.a.address, ends.b.address
    sock = tb.udp(ends.a, a, PORT_A)
    peers = [tb.udp(ends.b, b, PORT_B + i) for i in range(3)]
    plain, plain_peer = tb.udp(ends.a, a, PORT_A + 200), tb.udp(ends.b, b, PORT_B + 200)

    def bind(groups, port, ports):
        ends.owners[0].do("flow-bind", group=groups[0], protocol=17, local_port=PORT_A,
                          peer_port=port, fd=sock.fileno())
        for i in ports:
            ends.owners[1].do("flow-bind", group=groups[1], protocol=17, local_port=PORT_B + i,
                              peer_port=PORT_A, fd=peers[i].fileno())

    def through(name, blocks, mine, theirs):
        ends.tap.drain()
        mine.sendto(b"there", theirs.getsockname()[:2])
        check.equal("%s: the peer gets" % name, theirs.recv(64), b"there")
        theirs.sendto(b"back", mine.getsockname()[:2])
        check.equal("%s: the socket gets" % name, mine.recv(64), b"back")
        ends.wire(name, blocks, 2)

    def group_of(i):
        return ends.owners[0].do("flow-get", protocol=17, local=packed(a), local_port=PORT_A,
                                 peer=packed(b), peer_port=PORT_B + i)["group"]

    wide, wide_blocks = ends.group()
    bind(wide, 0, (0, 1))
    for i in 0, 1:
        through("any port of the peer, %d" % i, wide_blocks, sock, peers[i])
    exact, exact_blocks = ends.group()
    bind(exact, PORT_B, (0,))
    everything, all_blocks = ends.admins_group()
    for admin, group in zip(ends.admins, everything):
        admin.do("flow-bind", group=group, protocol=17, local_port=0, peer_port=0, any=True)
    through("a flow of its ports", exact_blocks, sock, peers[0])
    through("any port, beside it", wide_blocks, sock, peers[1])
    through("all UDP", all_blocks, plain, plain_peer)
    check.equal("groups that packets are said to be of", [group_of(i) for i in range(3)],
                [exact[0], wide[0], wide[0]])
    check.equal("and one of other ports", ends.admins[0].do(
        "flow-get", protocol=17, local=packed(a), local_port=9, peer=packed(b),
        peer_port=9)["local-port"], 0)

    # By an SA of the wider flow's group, or in clear, nothing comes to the narrower one's.
    with ends.counted("by the wider one's SA", in_drop_flow=1):
        ends.owners[1].do("flow-bind", group=wide[1], protocol=17, local_port=PORT_B,
                          peer_port=PORT_A, fd=peers[0].fileno())
        peers[0].sendto(b"x", (a, PORT_A))
    with ends.counted("in clear", in_drop_clear=1):
        tb.inject(ends.b, ip(b, a, udp_payload(b, a, PORT_B + 2, PORT_A, b"clear"), 17), ends.a)
    proto, packet = quote(a, b, udp_payload(a, b, PORT_A, PORT_B + 2, b"x"), 17)
    with ends.counted("quoted", in_drop_icmp=1):
        tb.inject(ends.b, ip(b, a, packet, proto), ends.a)
    with ends.counted("to another host", out_drop_flow=1):
        check.refused("to another host", errno.EPERM, sock.sendto, b"x", (THIRD[b], PORT_B))
    check.true("nothing arrived", tb.nothing_waits(sock))

    # A closed flow is still the one that says most; unbound it is not.
    ends.owners[0].do("group-del", id=exact[0])
    with ends.counted("closed", out_drop_closed=1):
        check.refused("closed", errno.EPERM, sock.sendto, b"x", (b, PORT_B))
    through("any port, beside a closed one", wide_blocks, sock, peers[1])
    ends.admins[0].do("flow-unbind", protocol=17, local=packed(a), local_port=PORT_A,
                      peer=packed(b), peer_port=PORT_B)
    through("any port, in its place", wide_blocks, sock, peers[0])
    ends.owners[1].do("group-del", id=exact[1])
    ends.end(wide)
    with ends.counted("the wider one closed", out_drop_closed=1):
        check.refused("the wider one closed", errno.EPERM, sock.sendto, b"x", (b, PORT_B + 1))
    # Its socket closed, it is no more, and what is all UDP's is all UDP's.
    sock.close()
    peers[1].close()
    sock, peers[1] = tb.udp(ends.a, a, PORT_A), tb.udp(ends.b, b, PORT_B + 1)
    through("all UDP, after the others", all_blocks, sock, peers[1])
    # It has no socket to end with.
    for admin, group in zip(ends.admins, everything):
        admin.do("group-del", id=group)
    with ends.counted("all UDP, closed", out_drop_closed=1):
        check.refused("all UDP, closed", errno.EPERM, plain.sendto, b"x", (b, PORT_B + 200))
        # The control datagrams would be dropped, too.
        ends.unbind(17, 0, 0)
    for s in (sock, plain, plain_peer, *peers):
        s.close()


def reopened(ends):
    """What a closed flow of a closed socket leaves open is not clear for a socket bound anew."""
    check, a, b = ends.check, ends.a.address, ends.b.address
    sock = tb.udp(ends.a, a, PORT_A)
    wide, _ = ends.group()
    ends.owners[0].do("flow-bind", group=wide[0], protocol=17, local_port=PORT_A, peer_port=0,
                      fd=sock.fileno())
    ends.end(wide)
    sock.close()
    sock = tb.udp(ends.a, a, PORT_A)
    groups, _ = ends.group()
    ends.owners[0].do("flow-bind", group=groups[0], protocol=17, local_port=PORT_A,
                      peer_port=PORT_B, fd=sock.fileno())
    with ends.counted("to another port", out_drop_flow=1):
        check.refused("to another port", errno.EPERM, sock.sendto, b"x", (b, PORT_B + 1))
    ends.end(groups)
    sock.close()


def timed(what, call):
    """Shows how long it took; nothing depends on it."""
    start = time.monotonic()
    out = call()
    print("   %s: %.1f s" % (what, time.monotonic() - start), flush=True)
    return out


def server(ends):
    """One shared socket with a flow for each of many ports of a peer."""
    check, a, b = ends.check, ends.a.address, ends.b.address
    ports = range(20000, 20000 + FLOWS)
    sock = tb.udp(ends.a, a, PORT_A)
    groups, blocks = ends.group((False, True))
    ends.admins[1].do("flow-bind", group=groups[1], protocol=17, local_port=0, peer_port=0,
                      any=True)

    def bind():
        for port in ports:
            ends.owners[0].do("flow-bind", group=groups[0], protocol=17, local_port=PORT_A,
                              peer_port=port, fd=sock.fileno(), shared=True)

    def talk():
        """Ports of which a datagram went astray."""
        wrong = []
        for port in ports:
            peer = tb.udp(ends.b, b, port)
            sock.sendto(b"%d" % port, (b, port))
            there = peer.recv(64)
            peer.sendto(there, (a, PORT_A))
            back, sender = sock.recvfrom(64)
            if (there, back, sender[1]) != (b"%d" % port,) * 2 + (port,):
                wrong.append(port)
            peer.close()
        return wrong

    def unbind():
        for port in ports:
            ends.owners[0].do("flow-unbind", protocol=17, local=packed(a), local_port=PORT_A,
                              peer=packed(b), peer_port=port)

    timed("%d flows bound" % FLOWS, bind)
    check.equal("flows", len([f for f in ends.owners[0].dump("flow-get") if f["group"]]), FLOWS)
    ends.tap.drain()
    check.equal("datagrams astray", timed("used", talk), [])
    seen = ends.tap.drain(outgoing=True)
    check.equal("on the wire", (tb.by_protocol(seen), {p.spi & ~255 for p in seen} - blocks),
                ({"esp": 2 * FLOWS, "other": 0}, set()))
    timed("unbound", unbind)
    check.equal("flows left", [f for f in ends.owners[0].dump("flow-get") if f["group"]], [])
    sock.close()
    ends.owners[0].do("group-del", id=groups[0])
    ends.admins[1].do("group-del", id=groups[1])
    ends.admins[1].do("flow-unbind", protocol=17, local=packed(b), local_port=0, peer=packed(a),
                      peer_port=0)


CASES = (hdrincl, quotes, reconnected, options, shared, any_raw, any_udplite, sctp, gre, specific,
         reopened, server)


def main():
    check = tb.Checks()
    for addresses in tb.V4, tb.V6:
        with tb.two_hosts(*addresses) as (a, b):
            print(a.address)
            b.ip("address add %s dev wire" % (THIRD[b.address] + (
                "/64 nodad" if tb.is_v6(b.address) else "/24")))
            ends = Ends(check, a, b)
            for protocol in EXPERIMENT, UDPLITE:
                print("protocol", protocol)
                whole(ends, protocol)
            for case in CASES:
                print(case.__name__)
                case(ends)
            ends.close()
    check.finish()


if __name__ == "__main__":
    main()
