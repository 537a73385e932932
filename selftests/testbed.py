# SPDX-License-Identifier: GPL-2.0
"""What the packet tests share: network namespaces, sockets, traffic, captures, checks.

One process drives a whole test. It enters a namespace to make a socket there; the socket stays
in that namespace. So nothing waits for a helper to get ready, and a capture is read when the
traffic is over: the packets are in the capturing socket by then.
"""

import atexit
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
import sipsec_keys as keys

HERE = os.path.dirname(os.path.abspath(__file__))
TRAFFIC = os.path.join(HERE, "tools/sipsec-traffic")
CLONE_NEWNET = 0x40000000
SO_RCVBUFFORCE = 33
NETLINK_XFRM, XFRM_MSG_GETSADINFO, XFRMA_SAD_CNT = 6, 0x23, 1
SOL_PACKET, PACKET_STATISTICS = 263, 6
UDP_ENCAP, UDP_ENCAP_ESPINUDP = 100, 2
ETH_P_IP, ETH_P_IPV6, ETH_P_ALL = 0x0800, 0x86dd, 0x0003
PACKET_OUTGOING = 4
# Packets of a round; as many rounds are over sooner on a kernel that watches itself.
T = 40 if os.environ.get("WATCHED") else 200

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


def quiet_faults():
    """Injected faults are no complaints of the kernel, and hit allocations that may wait, too."""
    for fault in {"failslab", "fail_page_alloc"} & set(os.listdir("/sys/kernel/debug")):
        for option, value in ("verbose", "0"), ("ignore-gfp-wait", "N"):
            with open("/sys/kernel/debug/%s/%s" % (fault, option), "w", encoding="ascii") as f:
                f.write(value)


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
        Tap.keep = self.failed
        print("%d checks, %d failed" % (self.done, self.failed))
        sys.exit(1 if self.failed or not self.done else 0)


def cases(*functions):
    """Those that are named in $CASES, or all."""
    names = os.environ.get("CASES", "").split()
    return [f for f in functions if not names or f.__name__ in names]


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


V4 = "10.9.0.1", "10.9.0.2"
V6 = "2001:db8:9::1", "2001:db8:9::2"


def link_address(ns, device):
    link, = json.loads(ns.ip("-json link show " + device))
    return link["address"]


@contextlib.contextmanager
def two_hosts(address_a=V4[0], address_b=V4[1]):
    """
    a [wire address_a/24] ------ [wire address_b/24] b      (IPv6: /64)
    """
    with Netns("a") as a, Netns("b") as b:
        run("ip", "link", "add", "wire", "netns", a.name, "type", "veth",
            "peer", "name", "wire", "netns", b.name)
        for ns, address in ((a, address_a), (b, address_b)):
            # Routers and addresses that need time have no part in these tests.
            if is_v6(address):
                ns.run("sysctl -qw net.ipv6.conf.wire.accept_ra=0 "
                       "net.ipv6.conf.wire.accept_dad=0")
                ns.ip("address add %s/64 dev wire nodad" % address)
            else:
                ns.run("sysctl -qw net.ipv6.conf.wire.disable_ipv6=1")
                ns.ip("address add %s/24 dev wire" % address)
            ns.ip("link set wire up")
            ns.address = address
        # Until the link is known to be up the interface drops what it is given, and it does not
        # keep all that waits for the neighbour's address.
        for ns in (a, b):
            poll("carrier", lambda: "state UP" in ns.ip("link show wire"))
        for ns, to in ((a, b), (b, a)):
            ns.ip("neighbour add %s lladdr %s dev wire" % (to.address, link_address(to, "wire")))
        yield a, b


def reorder(ns):
    """5 % of the packets that leave overtake those sent in the last 2 ms."""
    try:
        ns.run("tc qdisc add dev wire root netem delay 2ms reorder 5% limit 10000")
    except RuntimeError as e:
        raise RuntimeError("netem is not there: %s" % e) from None


def is_v6(address):
    return ":" in address


def udp(ns, address, port, peer=None, uid=0, option=None, link=None):
    """A user's UDP socket in that namespace; peer is (address, port); link is a device."""
    with ns.entered(), as_uid(uid):
        s = socket.socket(socket.AF_INET6 if is_v6(address) else socket.AF_INET, socket.SOCK_DGRAM)
        if option:
            s.setsockopt(socket.SOL_SOCKET, option, 1)
        if link:
            s.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, link.encode())
        s.bind((address, port, 0, socket.if_nametoindex(link)) if link else (address, port))
    # Not settimeout(), which makes the descriptor non-blocking for all who inherit it.
    s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", nl.TIMEOUT, 0))
    if peer:
        s.connect(peer)
    return s


def encap_socket(ns, address, port, uid=0):
    """A UDP socket that takes ESP out of what it receives (RFC 3948)."""
    s = udp(ns, address, port, uid=uid)
    s.setsockopt(socket.IPPROTO_UDP, UDP_ENCAP, UDP_ENCAP_ESPINUDP)
    return s


def raw(ns, protocol, v6=False):
    """A raw socket in that namespace."""
    with ns.entered():
        return socket.socket(socket.AF_INET6 if v6 else socket.AF_INET, socket.SOCK_RAW, protocol)


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


def ipv6(src, dst, payload, proto=socket.IPPROTO_UDP):
    """A whole packet; the payload of UDP needs a checksum, see udp_header_v6()."""
    return struct.pack("!IHBB16s16s", 6 << 28, len(payload), proto, 64, packed(src),
                       packed(dst)) + payload


def checksum_v6(src, dst, payload, proto):
    pseudo = packed(src) + packed(dst) + struct.pack("!II", len(payload), proto)
    return internet_checksum(pseudo + payload + bytes(len(payload) % 2)) or 0xffff


def udp_v6(src, dst, sport, dport, payload):
    """Header, with its checksum, and payload."""
    whole = struct.pack("!HHHH", sport, dport, 8 + len(payload), 0) + payload
    check = checksum_v6(src, dst, whole, socket.IPPROTO_UDP)
    return whole[:6] + struct.pack("!H", check) + payload


class Injector:
    """Puts IP packets on the wire past the namespace's own IP stack."""

    def __init__(self, ns, to, device="wire"):
        self.to = 0, 0, bytes.fromhex(link_address(to, device).replace(":", ""))
        self.device = device
        with ns.entered():
            self.sock = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)

    def send(self, packet):
        kind = ETH_P_IPV6 if packet[0] >> 4 == 6 else ETH_P_IP
        self.sock.sendto(packet, (self.device, kind, *self.to))

    def close(self):
        self.sock.close()


def inject(ns, packet, to, device="wire"):
    """Put one IP packet on the wire past the namespace's own IP stack."""
    with contextlib.closing(Injector(ns, to, device)) as injector:
        injector.send(packet)


Packet = collections.namedtuple("Packet", "outgoing src dst proto spi seq sport dport length")


# Neighbour and multicast listener discovery.
LINK_MESSAGES = {bytes([n]) for n in (130, 131, 132, 133, 134, 135, 136, 137, 143)}
# Hop-by-hop, routing, fragment, destination options.
EXTENSIONS = {0, 43, 44, 60}


def headers(data):
    """Source, destination, protocol, where its header begins, and length of an IP packet."""
    if data[0] >> 4 == 4:
        return (socket.inet_ntoa(data[12:16]), socket.inet_ntoa(data[16:20]), data[9],
                (data[0] & 15) * 4, struct.unpack_from("!H", data, 2)[0])
    src, dst = (socket.inet_ntop(socket.AF_INET6, data[i:i + 16]) for i in (8, 24))
    proto, at = data[6], 40
    while proto in EXTENSIONS and at + 1 < len(data):
        proto, at = data[at], at + (8 if proto == 44 else data[at + 1] * 8 + 8)
    return src, dst, proto, at, 40 + struct.unpack_from("!H", data, 4)[0]


def spi_of(packet):
    """SPI and sequence number of an ESP or AH packet or none."""
    _, _, proto, header, _ = headers(packet)
    where = {socket.IPPROTO_ESP: 0, socket.IPPROTO_AH: 4}
    if proto not in where:
        return None, None
    return struct.unpack_from("!II", packet, header + where[proto])


def with_sequence(packet, seq):
    """The same packet with another sequence number."""
    at = packet.index(struct.pack("!II", *spi_of(packet))) + 4
    return packet[:at] + struct.pack("!I", seq) + packet[at + 4:]


class Tap:
    """
    Sees every IP packet of an interface but neighbour and multicast listener discovery; must lose
    none. Of a test that fails the last packets are kept, in a file for tcpdump. What is between
    these two UDP ports is ESP in UDP, or not, which SPI 0 tells.
    """

    LAST = 10000
    all = []
    keep = True

    def __init__(self, ns, device="wire", snap=96, encap=()):
        self.snap, self.encap = snap, sorted(encap)
        self.name = "%s-%s-%d.pcap" % (ns.name.rsplit("-", 1)[0], device, len(self.all))
        self.seen = collections.deque(maxlen=self.LAST)
        self.all.append(self)
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
                data, sender = self.sock.recvfrom(self.snap)
            except BlockingIOError:
                break
            if sender[1] not in (ETH_P_IP, ETH_P_IPV6):
                continue
            src, dst, proto, header, length = headers(data)
            if proto == socket.IPPROTO_ICMPV6 and data[header:][:1] in LINK_MESSAGES:
                continue
            self.seen.append((time.time(), data))
            out = sender[2] == PACKET_OUTGOING
            if out and not outgoing:
                continue
            spi = seq = sport = dport = None
            if proto in (socket.IPPROTO_ESP, socket.IPPROTO_AH):
                spi, seq = spi_of(data)
            elif proto in (socket.IPPROTO_UDP, socket.IPPROTO_TCP) and len(data) >= header + 4:
                sport, dport = struct.unpack_from("!HH", data, header)
                if self.encap and sorted((sport, dport)) == self.encap:
                    spi, seq = struct.unpack_from("!II", data, header + 8)
            packets.append(Packet(out, src, dst, proto, spi, seq, sport, dport, length))
        dropped = struct.unpack("=II", self.sock.getsockopt(SOL_PACKET, PACKET_STATISTICS, 8))[1]
        if dropped:
            raise RuntimeError("the capture lost %d packets" % dropped)
        return packets

    def write(self, folder):
        write_capture(os.path.join(folder, self.name), self.seen)


def write_capture(path, packets):
    """IP packets, or their beginnings, each with the time it was seen, for tcpdump."""
    raw_ip, most = 101, 1 << 16
    with open(path, "wb") as f:
        f.write(struct.pack("=IHHiIII", 0xa1b2c3d4, 2, 4, 0, 0, most, raw_ip))
        for when, data in packets:
            length = headers(data)[-1]
            f.write(struct.pack("=IIII", int(when), int(when % 1 * 1e6), len(data), length))
            f.write(data)


@atexit.register
def keep_captures():
    if Tap.keep and "RESULT" in os.environ:
        for tap in Tap.all:
            tap.write(os.environ["RESULT"])


def by_protocol(packets):
    count = collections.Counter(p.proto for p in packets)
    return {"esp": count.pop(socket.IPPROTO_ESP, 0), "other": sum(count.values())}


def sequence_numbers(packets):
    """SPI -> sorted sequence numbers of the ESP and AH packets."""
    numbers = collections.defaultdict(list)
    for p in packets:
        if p.spi is not None:
            numbers[p.spi].append(p.seq)
    return {spi: sorted(seqs) for spi, seqs in numbers.items()}


def slab_objects():
    """Objects of the caches that rounds use, but for those the kernel has merged with others."""
    found = {}
    for name in "xfrm_state", "sipsec_bundle":
        path = "/sys/kernel/slab/" + name
        if os.path.exists(path) and os.path.basename(os.path.realpath(path)) == name:
            # What a processor keeps for itself would count as used.
            with open(path + "/shrink", "w", encoding="ascii") as f:
                f.write("1")
            with open(path + "/objects", encoding="ascii") as f:
                found[name] = int(f.read().split()[0])
    return found


class Flow:
    """Sockets of one direction, for sipsec-traffic."""

    def __init__(self, sender, receiver, to=None, gso=0, cpu=None, gap=0):
        self.sockets = sender, receiver
        self.words = "send=%d,recv=%d" % (sender.fileno(), receiver.fileno())
        if to:
            self.words += ",to=%s/%d" % to
        if gso:
            self.words += ",gso=%d" % gso
        if cpu is not None:
            self.words += ",cpu=%d" % (cpu % os.cpu_count())
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


def xfrm_encap(sport, dport):
    """Words of ip xfrm state for ESP in UDP."""
    return " encap espinudp %d %d 0.0.0.0" % (sport, dport)


class XfrmPair:
    """
    One flow between the module in a and ip xfrm in b, which protects all of its UDP; or with the
    UDP ports of ESP in encap, the flow's.
    """

    PORT_A, PORT_B, BLOCK, APP = 4000, 5000, 0x5d1c2e00, "phone"

    def __init__(self, a, b, mode="transport", suite=1, options="", encap=None, **more):
        """options are those of ip xfrm state, more are attributes of group-set."""
        self.a, self.b, self.encap = a, b, []
        if encap:
            self.encap = [encap_socket(ns, ns.address, port) for ns, port in zip((a, b), encap)]
            more.update(encap_fd=self.encap[0].fileno(), encap_port=encap[0],
                        encap_peer_port=encap[1])
        self.admin = Admin(a)
        self.admin.do("app-new", name=self.APP, uid=0, legacy=True)
        self.owner = Owner(a, self.APP, register=False)
        self.group, block = self.owner.reserve(a.address)
        master = fresh_master()
        self.owner.install(self.group, b.address, OFFERER, master, self.BLOCK, suite,
                           **{"rotate": 1 << 20, "mode": nl.spec.enums["mode"][mode], **more})
        self.sock, self.peer = udp(a, a.address, self.PORT_A), udp(b, b.address, self.PORT_B)
        self.owner.bind(self.group, self.sock, self.PORT_B)
        self.rounds, lines = [], []
        proto = keys.SUITES[suite].proto
        if proto == "ah" and not is_v6(a.address):
            options += " flag align4"
        for direction, spi, way in (("O", self.BLOCK, 1), ("A", block, -1)):
            src, dst = (a.address, b.address)[::way]
            rnd = next(keys.rounds(master, "HMAC_SHA2_256", suite, direction, spi))
            selector = " sel src %s dst %s" % (src, dst) if mode == "beet" else ""
            upper = "udp"
            if encap:
                selector += xfrm_encap(*encap[::way])
                upper += " sport %d dport %d" % (self.PORT_A, self.PORT_B)[::way]
            lines.append(keys.xfrm_state("add", rnd, suite, src, dst,
                                         "reqid 7 %s%s" % (options, selector), mode))
            lines.append("xfrm policy add src %s dst %s proto %s dir %s tmpl src %s dst %s "
                         "proto %s reqid 7 mode %s" % (src, dst, upper,
                                                       "in" if way == 1 else "out", src, dst,
                                                       proto, mode))
            self.rounds.append(rnd)
        b.batch(lines)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        # A flow that is not unbound goes a moment after its socket.
        self.owner.do("flow-unbind", protocol=socket.IPPROTO_UDP, local=packed(self.a.address),
                      local_port=self.PORT_A, peer=packed(self.b.address), peer_port=self.PORT_B)
        self.admin.do("app-del", name=self.APP)
        for s in (self.sock, self.peer, self.owner, self.admin, *self.encap):
            s.close()
        self.b.batch(["xfrm policy flush", "xfrm state flush"])

    def drops(self):
        """Counters of drops that are not zero."""
        return {k: v for k, v in self.owner.do("stats-get", app=self.APP).items()
                if "drop" in k and v}


OFFERER, ANSWERER = (nl.spec.enums["role"][r] for r in ("offerer", "answerer"))


def packed(address):
    return ipaddress.ip_address(address).packed


def fresh_master():
    return os.urandom(32)
