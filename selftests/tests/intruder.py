#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""
   a: module; the victim, and who is after it             b: module, the victim's peer
   [wire 10.9.0.1, 2001:db8:9::1] ----------------- [wire 10.9.0.2, 2001:db8:9::2]

Each attack is made on a plain socket first, where it has to succeed, and then on a flow.
"""

import contextlib
import ctypes
import errno
import fcntl
import mmap
import os
import resource
import socket
import struct
import sys
import threading

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import nl
import testbed as tb
from testbed import packed

PORT_A, PORT_B = 4000, 5000
PLAIN_A, PLAIN_B = 4100, 5100
CONTROL = 4900
UID, OTHER_UID, GID = 60001, 60002, 60011
REUSE = socket.SO_REUSEADDR
UDP, AH = socket.IPPROTO_UDP, 51
ROUTING, SEGMENTS = 43, 4
MORE = 0x2000
IP_OPTIONS, LSRR = 4, 131
IPV6_RTHDR = 57
SO_ATTACH_REUSEPORT_CBPF = 51
UDP_ENCAP, ESPINUDP = 100, 2
USERFAULTFD, UFFDIO_API, UFFDIO_REGISTER = 323, 0xc018aa3f, 0xc020aa00
SUITE = 1


class Call:
    """A group at both ends and one flow of it, with a socket that others can share the port of."""

    def __init__(self, check, a, b, option=REUSE, bound="", connected=False):
        self.check, self.a, self.b, self.option = check, a, b, option
        self.admin = tb.Admin(a)
        self.admin.do("app-new", name="victim", uid=UID)
        self.owner = tb.Owner(a, "victim", uid=UID, register=False)
        self.theirs = tb.Owner(b, "peer")
        self.group, block = self.owner.reserve(a.address)
        group, peers_block = self.theirs.reserve(b.address)
        master = tb.fresh_master()
        self.owner.install(self.group, b.address, tb.OFFERER, master, peers_block, SUITE)
        self.theirs.install(group, a.address, tb.ANSWERER, master, block, SUITE)
        self.sock = self.plain(bound, PORT_A)
        if connected:
            self.sock.connect((b.address, PORT_B))
        self.peer = tb.udp(b, b.address, PORT_B)
        self.owner.bind(self.group, self.sock, PORT_B)
        self.theirs.bind(group, self.peer, PORT_A)
        self.control = tb.udp(a, a.address, CONTROL), tb.udp(b, b.address, CONTROL)
        self.tap = tb.Tap(b)

    def plain(self, bound, port, uid=UID, ns=None):
        return tb.udp(ns or self.a, bound or self.a.address, port, uid=uid, option=self.option)

    def sync(self):
        """What came to a before has been dealt with."""
        self.control[1].sendto(b"control", self.control[0].getsockname())
        self.check.equal("control", self.control[0].recv(64), b"control")

    def works(self):
        self.sock.sendto(b"there", (self.b.address, PORT_B))
        self.check.equal("the peer gets", self.peer.recv(64), b"there")
        self.peer.sendto(b"back", (self.a.address, PORT_A))
        self.check.equal("the bound socket gets", self.sock.recv(64), b"back")

    def stats(self):
        return {(s["app"], k): n for s in self.admin.dump("stats-get") for k, n in s.items()
                if "drop" in k}

    @contextlib.contextmanager
    def counted(self, name, wanted):
        """Exactly these drops are counted in the block: {(app, reason): how many}."""
        before = self.stats()
        yield
        self.sync()
        now = self.stats()
        self.check.equal("%s: counted" % name, {k: n - before[k] for k, n in now.items()
                                                if n != before[k]}, wanted)

    def close(self):
        for s in (self.sock, self.peer, *self.control, self.owner, self.theirs):
            s.close()
        for ns, app in (self.a, "victim"), (self.b, "peer"):
            admin = tb.Admin(ns)
            admin.do("app-del", name=app)
            tb.poll("end of the flows", lambda: not admin.dump("flow-get"))
            admin.close()
        self.admin.close()


@contextlib.contextmanager
def call(*args, **more):
    with contextlib.closing(Call(*args, **more)) as c:
        c.works()
        yield c


# ICMP

def error_v4(b, a, quoted):
    icmp = bytes((3, 3, 0, 0, 0, 0, 0, 0)) + quoted
    icmp = icmp[:2] + tb.internet_checksum(icmp).to_bytes(2, "big") + icmp[4:]
    return tb.ipv4(b, a, icmp, proto=socket.IPPROTO_ICMP)


def error_v6(b, a, quoted):
    icmp = bytes((1, 4, 0, 0, 0, 0, 0, 0)) + quoted
    check = tb.checksum_v6(b, a, icmp, socket.IPPROTO_ICMPV6)
    return tb.ipv6(b, a, icmp[:2] + struct.pack("!H", check) + icmp[4:],
                   proto=socket.IPPROTO_ICMPV6)


def quotes(check, a, b):
    """
    A forged ICMP error ends a connected socket's life. What it quotes has never been on the wire,
    and is written so that it does not look like the flow's.
    """
    def header(port, peer_port):
        return tb.udp_header(port, peer_port, b"")

    def segments(port, peer_port):
        # By way of somebody else, but bound for the peer.
        return struct.pack("!BBBBBBH", UDP, 2, SEGMENTS, 0, 0, 0, 0) + packed(b.address) + \
            header(port, peer_port)

    def authenticated(port, peer_port):
        return struct.pack("!BBHIII", UDP, 4, 0, 0x1234, 1, 0) + bytes(8) + header(port, peer_port)

    if tb.is_v6(a.address):
        ways = (("plain", lambda p, q: error_v6(b.address, a.address, tb.ipv6(
                    a.address, b.address, header(p, q)))),
                ("behind an AH", lambda p, q: error_v6(b.address, a.address, tb.ipv6(
                    a.address, b.address, authenticated(p, q), proto=AH))),
                ("by way of another host", lambda p, q: error_v6(b.address, a.address, tb.ipv6(
                    a.address, "2001:db8:9::77", segments(p, q), proto=ROUTING))))
    else:
        ways = (("plain", lambda p, q: error_v4(b.address, a.address, tb.ipv4(
                    a.address, b.address, header(p, q)))),
                ("of a later fragment", lambda p, q: error_v4(b.address, a.address, tb.ipv4(
                    a.address, b.address, header(p, q), fragment=MORE | 5))))
    with call(check, a, b, connected=True) as c:
        for name, packet in ways:
            plain = tb.udp(a, a.address, PLAIN_A, (b.address, PLAIN_B))
            tb.inject(b, packet(PLAIN_A, PLAIN_B), a)
            c.sync()
            error = plain.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR)
            plain.close()
            if "another host" in name and not error:
                print("   this kernel does not look for segments in quotes")
                continue
            check.equal("a quote %s, of a plain socket's" % name, errno.errorcode.get(error),
                        "ECONNREFUSED")
            with c.counted("a quote %s" % name, {("victim", "in-drop-icmp"): 1}):
                tb.inject(b, packet(PORT_A, PORT_B), a)
            check.equal("error of the bound socket",
                        c.sock.getsockopt(socket.SOL_SOCKET, socket.SO_ERROR), 0)
            c.works()


# Sending

def detour(sock, a, hop):
    """The socket sends by way of that host; who may ask for that, differs."""
    if tb.is_v6(a.address):
        # Segments left, last entry; the kernel puts the destination in the first place.
        sock.setsockopt(socket.IPPROTO_IPV6, IPV6_RTHDR, struct.pack(
            "!BBBBBBH", 0, 4, SEGMENTS, 1, 1, 0, 0) + bytes(16) + packed(hop))
    else:
        sock.setsockopt(socket.IPPROTO_IP, IP_OPTIONS, bytes((LSRR, 7, 4)) + packed(hop) +
                        bytes(1))


def routed(check, a, b):
    """Whoever shares the port sends to the peer by a detour: the flow is not the packet's."""
    hop = "2001:db8:9::77" if tb.is_v6(a.address) else "10.9.0.77"
    a.ip("neighbour replace %s lladdr %s dev wire" % (hop, tb.link_address(b, "wire")))
    with call(check, a, b) as c:
        plain = c.plain("", PLAIN_A, OTHER_UID)
        detour(plain, a, hop)
        c.tap.drain()
        plain.sendto(b"plain", (b.address, PLAIN_B))
        c.sync()
        check.equal("from a plain port it leaves", [(p.dst, p.sport) for p in c.tap.drain()
                                                    if p.sport != CONTROL], [(hop, PLAIN_A)])
        plain.close()
        thief = c.plain("", PORT_A, OTHER_UID)
        detour(thief, a, hop)
        with c.counted("by a detour", {("victim", "out-drop-socket"): 1}):
            check.refused("by a detour", errno.EPERM, thief.sendto, b"stolen",
                          (b.address, PORT_B))
        thief.sendto(b"plain", (b.address, PLAIN_B))
        # Nor does the bound socket leave its flow that way.
        detour(c.sock, a, hop)
        with c.counted("the bound socket", {("victim", "out-drop-socket"): 1,
                                            ("victim", "out-drop-flow"): 1}):
            check.refused("to its peer", errno.EPERM, c.sock.sendto, b"x", (b.address, PORT_B))
            check.refused("to others", errno.EPERM, c.sock.sendto, b"x", (b.address, PLAIN_B))
        c.sync()
        check.equal("left", [p.sport for p in c.tap.drain() if p.proto != socket.IPPROTO_ESP and
                             p.sport != CONTROL and p.dport != PLAIN_B], [])
        thief.close()


def corked(check, a, b):
    """A datagram is begun before its socket is bound: it goes where the socket was open to then."""
    other = tb.udp(b, b.address, PLAIN_B)
    with call(check, a, b) as c:
        def begun(port):
            with a.entered(), tb.as_uid(UID):
                s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            s.connect((b.address, PLAIN_B))
            s.send(b"be", socket.MSG_MORE)
            # The kernel chose the port, so it is free again.
            libc_disconnect(s)
            s.bind((a.address, port))
            return s

        s = begun(PLAIN_A)
        s.sendto(b"gun", (b.address, PORT_B))
        check.equal("a plain socket's", other.recv(64), b"begun")
        s.close()
        s = begun(PORT_A + 1)
        c.owner.bind(c.group, s, PORT_B)
        with c.counted("begun before", {("victim", "out-drop-flow"): 1}):
            check.refused("a bound socket's", errno.EPERM, s.sendto, b"gun", (b.address, PORT_B))
        check.true("it has not arrived", tb.nothing_waits(other))
        s.close()
    other.close()


def libc_disconnect(sock):
    """connect(AF_UNSPEC)"""
    nobody = struct.pack("=H14x", socket.AF_UNSPEC)
    if tb.libc.connect(sock.fileno(), nobody, len(nobody)):
        raise OSError(ctypes.get_errno(), "connect")


# Receiving

def chosen(check, a, b):
    """A program chooses among the sockets of a port: the one that is to have nothing in clear."""
    code = ctypes.create_string_buffer(struct.pack("=HBBI", 0x06, 0, 0, 0))
    program = struct.pack("@HP", 1, ctypes.addressof(code))
    sources = [tb.udp(b, b.address, PLAIN_B + i) for i in range(12)]

    def group(one, other):
        other.setsockopt(socket.SOL_SOCKET, SO_ATTACH_REUSEPORT_CBPF, program)
        return one, other

    def got(sock):
        n = 0
        while not tb.nothing_waits(sock):
            sock.recv(64)
            n += 1
        return n

    with call(check, a, b, option=socket.SO_REUSEPORT) as c:
        one, other = group(c.plain("", PLAIN_A), c.plain("", PLAIN_A))
        for s in sources:
            s.sendto(b"clear", (a.address, PLAIN_A))
        c.sync()
        check.equal("of plain sockets the first has got", (got(one), got(other)),
                    (len(sources), 0))
        one.close()
        other.close()
        _, other = group(c.sock, c.plain("", PORT_A))
        before = c.stats()
        for s in sources:
            s.sendto(b"clear", (a.address, PORT_A))
        c.sync()
        dropped = c.stats()[("victim", "in-drop-clear")] - before[("victim", "in-drop-clear")]
        check.equal("the bound socket has got", got(c.sock), 0)
        check.equal("dropped, or the other's", dropped + got(other), len(sources))
        check.true("the other one's: %d" % (len(sources) - dropped), dropped < len(sources))
        c.works()
        other.close()
    for s in sources:
        s.close()


def for_many(check, a, b):
    """What goes to many comes to each socket of the port, whichever of them is the best match."""
    group = "ff02::1:77" if tb.is_v6(a.address) else "239.1.1.77"
    if tb.is_v6(a.address):
        packet = tb.ipv6(b.address, group, tb.udp_v6(b.address, group, PLAIN_B, PORT_A, b"all"))
        plain_packet = tb.ipv6(b.address, group, tb.udp_v6(b.address, group, PLAIN_B, PLAIN_A,
                                                           b"all"))
    else:
        packet = tb.ipv4(b.address, group, tb.udp_header(PLAIN_B, PORT_A, b"all") + b"all")
        plain_packet = tb.ipv4(b.address, group, tb.udp_header(PLAIN_B, PLAIN_A, b"all") + b"all")

    def listener(c, port):
        with a.entered():
            index = socket.if_nametoindex("wire")
            with tb.as_uid(OTHER_UID):
                s = socket.socket(socket.AF_INET6 if tb.is_v6(a.address) else socket.AF_INET,
                                  socket.SOCK_DGRAM)
                s.setsockopt(socket.SOL_SOCKET, REUSE, 1)
                s.bind((group, port, 0, index) if tb.is_v6(a.address) else (group, port))
                if tb.is_v6(a.address):
                    s.setsockopt(socket.IPPROTO_IPV6, socket.IPV6_JOIN_GROUP,
                                 packed(group) + struct.pack("=I", index))
                else:
                    s.setsockopt(socket.IPPROTO_IP, socket.IP_ADD_MEMBERSHIP,
                                 packed(group) + packed(a.address))
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", nl.TIMEOUT, 0))
        return s

    everywhere = "::" if tb.is_v6(a.address) else "0.0.0.0"
    with call(check, a, b, bound=everywhere) as c:
        near = listener(c, PLAIN_A)
        plain = c.plain(everywhere, PLAIN_A)
        tb.inject(b, plain_packet, a)
        check.equal("who has asked for it gets it", near.recv(64), b"all")
        check.equal("and a plain socket beside it", plain.recv(64), b"all")
        near.close()
        plain.close()
        near = listener(c, PORT_A)
        with c.counted("to many", {("", "in-drop-clear"): 1}):
            tb.inject(b, packet, a)
        check.true("nothing for the bound socket", tb.nothing_waits(c.sock))
        c.works()
        near.close()


# Requests

def reader(check, a, b):
    """A privileged program reads from somebody's netlink socket, who has asked for a long list."""
    with call(check, a, b) as c:
        c.admin.do("app-new", name="thief", uid=OTHER_UID)
        thief = tb.Owner(a, "thief", uid=OTHER_UID, register=False)
        # The victim's group is between those of the thief: so its turn comes late.
        own = {thief.reserve(a.address)[0] for _ in range(700)}
        late = c.owner.reserve(a.address)[0]
        own |= {thief.reserve(a.address)[0] for _ in range(100)}

        def listed(genl):
            """The ids in a list that the socket asks for and that root reads."""
            number, set_name = nl.spec.commands["group-get"]
            with tb.as_uid(genl.uid):
                genl.sock.sendto(struct.pack("=IHHIIBBH", 20, genl.family,
                                             nl.F_REQUEST | nl.F_DUMP, 4711, 0, number, 1, 0),
                                 (0, 0))
            ids, reads = set(), 0
            while True:
                reads += 1
                for kind, _, seq, body in genl.receive():
                    if kind == nl.NLMSG_DONE:
                        return ids, reads
                    check.equal("sequence number", seq, 4711)
                    ids.add(nl.decode(set_name, body[4:])["id"])

        admin = tb.User(a, 0)
        ids, reads = listed(admin)
        check.true("the administrator's list has both, in %d parts" % reads,
                   reads > 2 and ids >= own | {c.group, late})
        admin.close()
        ids, reads = listed(thief)
        check.true("the list has several parts: %d" % reads, reads > 2)
        check.equal("groups in it that are not the thief's", ids - own, set())
        check.equal("and of his are missing", own - ids, set())
        thief.close()
        c.admin.do("app-del", name="thief")


def connections(check, a, b):
    """Whoever opens an app again and again finds an end, and others do not notice."""
    most = nl.spec.consts["owners-max"]
    resource.setrlimit(resource.RLIMIT_NOFILE, (most + 256, most + 256))
    admin = tb.Admin(a)
    admin.do("app-new", name="many", gid=GID, viewer=GID)

    class Client(nl.Genl):
        """Knows the family already."""

        def resolve(self, name):
            self.family = admin.family

    def opened(uid, request="app-open"):
        with a.entered():
            os.setresgid(GID, GID, 0)
            with tb.as_uid(uid):
                s = Client()
                try:
                    s.do(request, name="many")
                except OSError:
                    s.close()
                    raise
                finally:
                    os.setresgid(0, 0, 0)
        return s

    sockets = [opened(UID) for _ in range(most)]
    e = check.refused("one more", errno.EDQUOT, opened, UID)
    check.equal("says why", e.text, "this user has the app open as often as he may")
    e = check.refused("one more that watches", errno.EDQUOT, opened, UID, "app-watch")
    check.equal("says why", e.text, "this user watches the app, or has it open, too often")
    sockets.append(opened(OTHER_UID))
    sockets.pop(0).close()
    sockets.append(opened(UID))
    check.equal("owners", admin.do("app-get", name="many")["owners"], most + 1)
    for s in sockets:
        s.close()
    check.equal("owners left", admin.do("app-get", name="many")["owners"], 0)
    admin.do("app-del", name="many")
    admin.close()


# Sockets

def lent(check, a, b):
    """The app that was lent the victim's socket: it takes no flow over, living or closed."""
    with call(check, a, b) as c:
        c.admin.do("app-new", name="thief", uid=UID)
        thief = tb.Owner(a, "thief", uid=UID, register=False)
        group, _ = thief.reserve(a.address)
        thief.install(group, b.address, tb.OFFERER, tb.fresh_master(), 0x5d1c3000, SUITE)
        own = c.plain("", PORT_A + 1)
        thief.bind(group, own, PORT_B)
        check.refused("a flow of the same socket", errno.EADDRINUSE, thief.bind, group, c.sock,
                      PORT_B)
        c.works()
        check.equal("whose flows", sorted((f["app"], f["group"]) for f in
                                          c.admin.dump("flow-get")),
                    sorted([("victim", c.group), ("thief", group)]))
        # The victim closes it, not its group; somebody shares the port, and so did the thief.
        next_one = c.plain("", PORT_A)
        c.sock.close()
        check.refused("a flow whose socket is closed", errno.EADDRINUSE, thief.bind, group,
                      next_one, PORT_B)
        # To the victim's app it is open again.
        c.owner.bind(c.group, next_one, PORT_B)
        c.sock = next_one
        c.works()
        own.close()
        thief.close()
        c.admin.do("app-del", name="thief")


def changed(check, a, b):
    """What a socket is made to be after it was bound."""
    with call(check, a, b) as c:
        def deaf(name):
            before = c.stats()[("victim", "in-drop-socket")]
            with c.counted(name, {("victim", "in-drop-socket"): 1}):
                c.peer.sendto(b"secret", (a.address, PORT_A))
                # What is decrypted may be overtaken by what is not.
                tb.poll(name, lambda: c.stats()[("victim", "in-drop-socket")] > before)
            check.true("%s: it receives nothing" % name, tb.nothing_waits(c.sock))

        c.sock.connect((b.address, PLAIN_B))
        deaf("connected elsewhere")
        with c.counted("connected elsewhere", {("victim", "out-drop-flow"): 1}):
            check.refused("sends there", errno.EPERM, c.sock.send, b"x")
        libc_disconnect(c.sock)
        c.works()
        check.refused("it has its port for ever", errno.EINVAL, c.sock.bind, (a.address, PLAIN_A))
        c.sock.setsockopt(UDP, UDP_ENCAP, ESPINUDP)
        deaf("used for encapsulation")
        c.sock.setsockopt(UDP, UDP_ENCAP, 0)
        c.works()
        os.fchown(c.sock.fileno(), OTHER_UID, -1)
        with c.counted("given to another user", {("victim", "out-drop-socket"): 1}):
            check.refused("sends", errno.EPERM, c.sock.sendto, b"x", (b.address, PORT_B))
        os.fchown(c.sock.fileno(), UID, -1)
        c.works()


def of_a_user(check, a, b):
    """A flow that is a user's: others may share his port, but not the flow."""
    with call(check, a, b) as c:
        block = 0x00600000
        master = tb.fresh_master()
        group, peers_block = c.theirs.reserve(b.address)
        own = c.admin.do("group-new", local=packed(a.address), app="victim", persistent=True,
                         spi_in=block)["id"]
        c.admin.do("group-set", id=own, role=tb.OFFERER, suite=SUITE, master=master,
                   spi_out=peers_block, peer=packed(b.address))
        c.theirs.install(group, a.address, tb.ANSWERER, master, block, SUITE)
        peer = tb.udp(b, b.address, PORT_B + 1)
        c.theirs.bind(group, peer, PORT_A + 1)
        c.admin.do("flow-bind", group=own, protocol=17, local_port=PORT_A + 1,
                   peer_port=PORT_B + 1, uid=UID)
        sock = c.plain("", PORT_A + 1)
        sock.sendto(b"there", (b.address, PORT_B + 1))
        check.equal("his socket's", peer.recv(64), b"there")
        peer.sendto(b"back", (a.address, PORT_A + 1))
        check.equal("and for it", sock.recv(64), b"back")
        # The connected one is the better match.
        thief = c.plain("", PORT_A + 1, OTHER_UID)
        thief.connect((b.address, PORT_B + 1))
        with c.counted("another's", {("victim", "out-drop-socket"): 1,
                                     ("victim", "in-drop-socket"): 1}):
            check.refused("sends", errno.EPERM, thief.send, b"x")
            peer.sendto(b"secret", (a.address, PORT_A + 1))
            tb.poll("drop", lambda: c.stats()[("victim", "in-drop-socket")])
        check.true("receives nothing", tb.nothing_waits(thief))
        for s in sock, thief, peer:
            s.close()
        flow = next(f for f in c.admin.dump("flow-get") if f["group"] == own)
        c.admin.do("group-del", id=own)
        c.admin.do("flow-unbind", **{k: flow[k] for k in ("protocol", "local", "local-port", "peer",
                                                          "peer-port")})


def userfaultfd(address, length):
    """A descriptor; whoever touches the memory waits until it is closed. None: not here."""
    fd = tb.libc.syscall(USERFAULTFD, os.O_CLOEXEC)
    if fd < 0:
        return None
    fcntl.ioctl(fd, UFFDIO_API, bytearray(struct.pack("=QQQ", 0xaa, 0, 0)))
    fcntl.ioctl(fd, UFFDIO_REGISTER, bytearray(struct.pack("=QQQQ", address, length, 1, 0)))
    return fd


def slow_memory(check, a, b):
    """
    A datagram is being copied from memory that does not come: its socket is locked meanwhile. To
    bind it waits, but nobody else's request does.
    """
    memory = mmap.mmap(-1, mmap.PAGESIZE)
    address = ctypes.addressof(ctypes.c_char.from_buffer(memory))
    fd = userfaultfd(address, mmap.PAGESIZE)
    if fd is None:
        print("this kernel has no userfaultfd")
        return
    libc = ctypes.CDLL(None, use_errno=True)
    with call(check, a, b) as c:
        s = c.plain("", PORT_A + 1)
        s.connect((b.address, PORT_B))
        s.send(b"x", socket.MSG_MORE)
        sender = threading.Thread(target=libc.send, args=(s.fileno(), ctypes.c_void_p(address), 64,
                                                          0))
        sender.start()

        def waits(tid):
            with open("/proc/self/task/%d/stat" % tid, encoding="ascii") as f:
                return f.read().rsplit(")", 1)[1].split()[0] in "DS"

        tb.poll("sender that waits", lambda: waits(sender.native_id))
        binder = threading.Thread(target=c.owner.bind, args=(c.group, s, PORT_B))
        binder.start()
        tb.poll("binder that waits", lambda: waits(binder.native_id))
        answer = c.admin.do("group-get", id=c.group)
        check.equal("the administrator has his answer", answer["id"], c.group)
        check.true("and the binder still waits", binder.is_alive())
        os.close(fd)
        sender.join()
        binder.join()
        s.close()


ATTACKS = (quotes, routed, corked, chosen, for_many, reader, connections, lent, changed, of_a_user,
           slow_memory)
V6 = quotes, routed, for_many


def main():
    check = tb.Checks()
    wanted = tb.cases(*ATTACKS)
    # Datagrams of one CPU arrive in order.
    os.sched_setaffinity(0, {0})
    with tb.two_hosts() as (a, b):
        for attack in wanted:
            print(attack.__name__, flush=True)
            attack(check, a, b)
    with tb.two_hosts(*tb.V6) as (a, b):
        for attack in V6:
            if attack in wanted:
                print(attack.__name__, "IPv6", flush=True)
                attack(check, a, b)
    check.finish()


if __name__ == "__main__":
    main()
