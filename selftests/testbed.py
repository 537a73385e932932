# SPDX-License-Identifier: GPL-2.0
"""What the packet tests share: network namespaces, sockets, traffic, captures, checks.

One process drives a whole test. It enters a namespace to make a socket there; the socket stays
in that namespace. So nothing waits for a helper to get ready, and a capture is read when the
traffic is over: the packets are in the capturing socket by then.
"""

import collections
import contextlib
import ctypes
import errno
import ipaddress
import json
import os
import socket
import struct
import subprocess
import sys
import time

import nl

HERE = os.path.dirname(os.path.abspath(__file__))
TRAFFIC = os.path.join(HERE, "tools/sipsec-traffic")
CLONE_NEWNET = 0x40000000
SO_RCVBUFFORCE = 33
NETLINK_XFRM, XFRM_MSG_GETSADINFO, XFRMA_SAD_CNT = 6, 0x23, 1
SOL_PACKET, PACKET_STATISTICS = 263, 6
ETH_P_IP, ETH_P_ALL = 0x0800, 0x0003
PACKET_OUTGOING = 4
T = 200

libc = ctypes.CDLL(None, use_errno=True)


def run(*words, stdin=None):
    """Run a command; its output, or an error that shows what it said."""
    p = subprocess.run(words, input=stdin, text=True, capture_output=True, check=False)
    if p.returncode:
        raise RuntimeError("%s: %s%s" % (" ".join(words), p.stdout, p.stderr))
    return p.stdout


def poll(what, condition, seconds=20):
    """Until condition() is true; an error when time is up."""
    end = time.monotonic() + seconds
    while not condition():
        if time.monotonic() > end:
            raise RuntimeError("no %s within %d s" % (what, seconds))
        time.sleep(0.01)


class Checks:
    """Compares, prints, remembers. A test that compared nothing has failed."""

    def __init__(self):
        self.done = self.failed = 0

    def equal(self, what, got, wanted):
        self.true("%s: %s" % (what, got) if got == wanted else
                  "%s: %s, not %s" % (what, got, wanted), got == wanted)

    def true(self, what, good):
        self.done += 1
        self.failed += not good
        print("%s %s" % ("  " if good else "FAILED", what), flush=True)

    def refused(self, what, number, call, *args, **kwargs):
        """call raises OSError with this errno; the error is returned."""
        try:
            call(*args, **kwargs)
        except OSError as e:
            self.equal(what, errno.errorcode.get(e.errno, e.errno), errno.errorcode[number])
            return e
        self.true("%s: went through, not %s" % (what, errno.errorcode[number]), False)
        return None

    def finish(self):
        print("%d checks, %d failed" % (self.done, self.failed))
        sys.exit(1 if self.failed or not self.done else 0)


class Netns:
    """A network namespace with its loopback up; gone at the end of the with block."""

    def __init__(self, name):
        self.name = "%s-%d" % (name, os.getpid())

    def __enter__(self):
        run("ip", "netns", "add", self.name)
        self.ip("link set lo up")
        return self

    def __exit__(self, *exc):
        run("ip", "netns", "del", self.name)

    def ip(self, words):
        return run("ip", "-n", self.name, *words.split())

    def batch(self, lines):
        run("ip", "-n", self.name, "-batch", "-", stdin="\n".join(lines) + "\n")

    def run(self, words):
        return run("ip", "netns", "exec", self.name, *words.split())

    def xfrm_errors(self):
        """Counters of /proc/net/xfrm_stat that are not zero."""
        lines = (text.split() for text in self.run("cat /proc/net/xfrm_stat").splitlines())
        return {name: int(value) for name, value in lines if int(value)}

    def states(self):
        """What ip xfrm state shows."""
        return [text for text in self.ip("xfrm state").splitlines() if text.startswith("src ")]

    @contextlib.contextmanager
    def entered(self):
        with open("/proc/thread-self/ns/net", "rb") as old, \
             open("/run/netns/" + self.name, "rb") as new:
            enter(new)
            try:
                yield self
            finally:
                enter(old)


class Batch:
    """One ip process for many batches of xfrm lines."""

    def __init__(self, ns):
        self.process = subprocess.Popen(
            ["stdbuf", "-oL", "ip", "-n", ns.name, "-batch", "-"], stdin=subprocess.PIPE,
            stdout=subprocess.PIPE, text=True)

    def run(self, lines):
        """Returns when they have been carried out: ip then answers the question behind them."""
        self.process.stdin.write("\n".join((*lines, "xfrm state count\n")))
        self.process.stdin.flush()
        if "SAD count" not in self.process.stdout.readline():
            raise RuntimeError("ip refused a batch")

    def close(self):
        self.process.communicate()


def count_states(sock):
    """States in the SAD of a NETLINK_XFRM socket's namespace; much faster than ip."""
    sock.send(struct.pack("=IHHIII", 20, XFRM_MSG_GETSADINFO, nl.F_REQUEST, 0, 0, 0))
    reply = sock.recv(4096)
    return next(struct.unpack("=I", payload)[0] for _, number, payload in nl.attrs(reply[20:])
                if number == XFRMA_SAD_CNT)


def enter(f):
    if libc.setns(f.fileno(), CLONE_NEWNET):
        raise OSError(ctypes.get_errno(), "setns")


@contextlib.contextmanager
def as_uid(uid):
    """What is made or asked here is that user's, and has no capability."""
    os.setresuid(uid, uid, 0)
    try:
        yield
    finally:
        os.setresuid(0, 0, 0)


@contextlib.contextmanager
def two_hosts(address_a="10.9.0.1", address_b="10.9.0.2"):
    """
    a [wire address_a/24] ------ [wire address_b/24] b
    """
    with Netns("a") as a, Netns("b") as b:
        run("ip", "link", "add", "wire", "netns", a.name, "type", "veth",
            "peer", "name", "wire", "netns", b.name)
        for ns, address in ((a, address_a), (b, address_b)):
            # Neighbour discovery and addresses that need time have no part in these tests.
            ns.run("sysctl -qw net.ipv6.conf.wire.disable_ipv6=1")
            ns.ip("address add %s/24 dev wire" % address)
            ns.ip("link set wire up")
            ns.address = address
        # Until the link is known to be up the interface drops what it is given.
        for ns in (a, b):
            poll("carrier", lambda: "state UP" in ns.ip("link show wire"))
        yield a, b


def reorder(ns):
    """5 % of the packets that leave overtake those sent in the last 2 ms."""
    try:
        ns.run("tc qdisc add dev wire root netem delay 2ms reorder 5% limit 10000")
    except RuntimeError as e:
        raise RuntimeError("netem is not there: %s" % e) from None


def udp(ns, address, port, peer=None, uid=0, option=None):
    """A user's UDP socket in that namespace; peer is (address, port)."""
    with ns.entered(), as_uid(uid):
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        if option:
            s.setsockopt(socket.SOL_SOCKET, option, 1)
        s.bind((address, port))
    # Not settimeout(), which makes the descriptor non-blocking for all who inherit it.
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", nl.TIMEOUT, 0))
    if peer:
        s.connect(peer)
    return s


def nothing_waits(sock):
    """Whether the socket has nothing to read."""
    try:
        sock.recv(2048, socket.MSG_DONTWAIT | socket.MSG_PEEK)
    except BlockingIOError:
        return True
    return False


def internet_checksum(data):
    total = sum(struct.unpack("!%dH" % (len(data) // 2), data))
    total = (total & 0xffff) + (total >> 16)
    return ~(total + (total >> 16)) & 0xffff


def udp_header(sport, dport, payload):
    """Without a checksum, which IPv4 allows."""
    return struct.pack("!HHHH", sport, dport, 8 + len(payload), 0)


def ipv4(src, dst, payload, fragment=0, proto=socket.IPPROTO_UDP):
    """A whole packet; fragment is the flags and offset field."""
    header = struct.pack("!BBHHHBBH4s4s", 0x45, 0, 20 + len(payload), 0x1234, fragment, 64, proto,
                         0, packed(src), packed(dst))
    return header[:10] + struct.pack("!H", internet_checksum(header)) + header[12:] + payload


def inject(ns, packet, to, device="wire"):
    """Put an IPv4 packet on the wire past the namespace's own IP stack."""
    link, = json.loads(to.ip("-json link show " + device))
    with ns.entered():
        s = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
    s.sendto(packet, (device, ETH_P_IP, 0, 0, bytes.fromhex(link["address"].replace(":", ""))))
    s.close()


Packet = collections.namedtuple("Packet", "outgoing src dst proto spi seq sport dport length")


class Tap:
    """Sees every IPv4 packet of an interface; must lose none."""

    def __init__(self, ns, device="wire"):
        with ns.entered():
            self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
        self.sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 64 << 20)
        self.sock.bind((device, ETH_P_ALL))
        self.sock.setblocking(False)

    def drain(self, outgoing=False, most=1 << 20):
        """
        What has passed since the last call: Packets that came in, or also those that went out
        (on the loopback each packet does both). While traffic runs, most makes sure of an end.
        """
        packets = []
        while len(packets) < most:
            try:
                data, sender = self.sock.recvfrom(96)
            except BlockingIOError:
                break
            out = sender[2] == PACKET_OUTGOING
            if sender[1] != ETH_P_IP or out and not outgoing:
                continue
            header = (data[0] & 15) * 4
            length, proto = struct.unpack_from("!H", data, 2)[0], data[9]
            spi = seq = sport = dport = None
            if proto == socket.IPPROTO_ESP:
                spi, seq = struct.unpack_from("!II", data, header)
            elif proto in (socket.IPPROTO_UDP, socket.IPPROTO_TCP):
                sport, dport = struct.unpack_from("!HH", data, header)
            packets.append(Packet(out, socket.inet_ntoa(data[12:16]), socket.inet_ntoa(data[16:20]),
                                  proto, spi, seq, sport, dport, length))
        dropped = struct.unpack("=II", self.sock.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))[1]
        if dropped:
            raise RuntimeError("the capture lost %d packets" % dropped)
        return packets


def by_protocol(packets):
    count = collections.Counter(p.proto for p in packets)
    return {"esp": count.pop(socket.IPPROTO_ESP, 0), "other": sum(count.values())}


def sequence_numbers(packets):
    """SPI -> sorted sequence numbers of the ESP packets."""
    numbers = collections.defaultdict(list)
    for p in packets:
        if p.proto == socket.IPPROTO_ESP:
            numbers[p.spi].append(p.seq)
    return {spi: sorted(seqs) for spi, seqs in numbers.items()}


class Flow:
    """Sockets of one direction, for sipsec-traffic."""

    def __init__(self, sender, receiver, to=None, gso=0, cpu=None, gap=0):
        self.sockets = sender, receiver
        self.words = "send=%d,recv=%d" % (sender.fileno(), receiver.fileno())
        if to:
            self.words += ",to=%s:%d" % to
        if gso:
            self.words += ",gso=%d" % gso
        if cpu is not None:
            self.words += ",cpu=%d" % cpu
        if gap:
            self.words += ",gap=%d" % gap


class Traffic:
    """sipsec-traffic with these flows, ready to be told how many packets to send."""

    def __init__(self, flows, window=48, stall=20):
        self.process = subprocess.Popen(
            [TRAFFIC, "--window=%d" % window, "--stall=%d" % stall] + [f.words for f in flows],
            stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True,
            pass_fds=sorted({s.fileno() for f in flows for s in f.sockets}))
        self.total = {"lost": 0}

    def task(self, words):
        if self.total["lost"]:
            raise RuntimeError("datagrams were lost, there is no going on: %s" % self.total)
        self.process.stdin.write(words + "\n")
        self.process.stdin.flush()

    def start(self, packets):
        """Each flow begins to send so many packets."""
        self.task("go %d" % packets)

    def start_until_refused(self, count, most):
        """Each flow sends until the kernel has refused so many, but no more than most."""
        self.task("refused %d %d" % (count, most))

    def wait(self):
        """The totals since the beginning, when all has arrived or nothing arrives any more."""
        line = self.process.stdout.readline()
        if not line:
            raise RuntimeError("sipsec-traffic ended with status %d" % self.process.wait())
        self.total = json.loads(line)
        return self.total

    def go(self, packets):
        self.start(packets)
        return self.wait()

    def close(self):
        self.process.stdin.close()
        self.process.wait()


class Admin(nl.Genl):
    """A netlink socket of the administrator in that namespace."""

    def __init__(self, ns):
        with ns.entered():
            super().__init__()
        self.sock.setsockopt(socket.SOL_SOCKET, SO_RCVBUFFORCE, 4 << 20)


class User(Admin):
    """A netlink socket of a user without capabilities (or of root)."""

    def __init__(self, ns, uid):
        self.uid = uid
        super().__init__(ns)

    def open_socket(self):
        with as_uid(self.uid):
            return super().open_socket()

    def transact(self, *args):
        with as_uid(self.uid):
            return super().transact(*args)

    def join(self, group="events"):
        with as_uid(self.uid):
            super().join(group)


class Owner(User):
    """A user's netlink socket that has opened an app."""

    def __init__(self, ns, app="phone", uid=0, register=True):
        if register:
            admin = Admin(ns)
            admin.do("app-new", name=app, uid=uid)
            admin.close()
        super().__init__(ns, uid)
        self.do("app-open", name=app)

    def reserve(self, local):
        """A group without keys: its id and its receive block."""
        new = self.do("group-new", local=packed(local))
        return new["id"], new["spi-in"]

    def install(self, group, peer, role, master, spi_out, suite=1, **more):
        """Give it its keys."""
        self.do("group-set", id=group, role=role, suite=suite, master=master, spi_out=spi_out,
                peer=packed(peer), **{"rotate": T, **more})

    def bind(self, group, sock, peer_port, **more):
        self.do("flow-bind", group=group, protocol=socket.IPPROTO_UDP,
                local_port=sock.getsockname()[1], peer_port=peer_port, fd=sock.fileno(), **more)

    def rotations(self, direction):
        """Notifications of rotations that have come since the last call."""
        self.receive_waiting()
        number = nl.spec.enums["direction"][direction]
        wanted = [e.values for e in self.events if e.name == "group-rotate-ntf" and
                  e.values["direction"] == number]
        self.events = [e for e in self.events if e.name != "group-rotate-ntf" or
                       e.values["direction"] != number]
        return wanted


OFFERER, ANSWERER = (nl.spec.enums["role"][r] for r in ("offerer", "answerer"))


def packed(address):
    return ipaddress.ip_address(address).packed


def fresh_master():
    return os.urandom(32)
