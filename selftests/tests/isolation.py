#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""
   a: module; the victim's app, and attackers            b: module, the victim's peer
   [wire 10.9.0.1] ---------------------------------- [wire 10.9.0.2]

The victim's app belongs to a user and a cgroup. Attackers are another user, the same user in
another cgroup, root without the app, and root of another user namespace, with and without another
network namespace. While each of them tries, the victim's stream runs both ways: it must lose
nothing, and nothing but ESP may pass between its ports. Sharing a port, a deputy, replay and user
namespaces are first tried on what is not protected, where they must succeed: otherwise their
failure would prove nothing.

What foreign (raw packets, clear text, foreign SAs, ICMP), closed (all ends of a group), inflight,
packets (forged ESP), drops (NAT), badinput (each request of a stranger), apps (credentials, quotas,
adoption) and fuzz try is not tried again here.
"""

import contextlib
import ctypes
import errno
import json
import mmap
import os
import random
import signal
import socket
import struct
import sys
import threading
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import nl
import testbed as tb
from apps import CLONE_NEWUSER, GID, OTHER_UID, UID, Cgroup, Ids, Process
from testbed import packed

PORT_A, PORT_B = 4000, 5000
PLAIN_A, PLAIN_B = 4100, 5100
CONTROL_A, CONTROL_B = 4900, 5900
SUITE = 1
PACKETS, GAP = 100, 200
RACES = int(os.environ["RACES"])
THREADS = 8
STORMS = 10 if os.environ.get("LONG") else 3
REUSE = socket.SO_REUSEPORT
ESP = socket.IPPROTO_ESP


class Victim:
    """Its group at both ends, and a stream both ways."""

    def __init__(self, a, b):
        self.a, self.b = a, b
        self.check = tb.Checks()
        self.home = Cgroup("victim")
        self.ids = Ids(UID, cgroup=self.home)
        self.admin = tb.Admin(a)
        self.admin.do("app-new", name="victim", uid=UID, cgroup=self.home.path, max_groups=4)
        self.process = Process(a, self.ids)
        self.process.do("app-open", name="victim")
        self.peers = tb.Owner(b, "peer")
        self.control = tb.udp(a, a.address, CONTROL_A), tb.udp(b, b.address, CONTROL_B)
        self.tap = tb.Tap(b)
        # Whoever wants to share the port has to be the same user, and to say so before, too.
        self.home.enter()
        self.sock = tb.udp(a, a.address, PORT_A, uid=UID, option=REUSE)
        self.home.leave()
        self.peer = tb.udp(b, b.address, PORT_B)
        self.make()

    def make(self):
        """The group, at both ends."""
        self.master = tb.fresh_master()
        new = self.process.do("group-new", local=packed(self.a.address))
        self.group, self.block = new["id"], new["spi-in"]
        self.peers_group, self.peers_block = self.peers.reserve(self.b.address)
        self.process.do("group-set", id=self.group, role=tb.OFFERER, suite=SUITE,
                        master=self.master, spi_out=self.peers_block,
                        peer=packed(self.b.address), rotate=64)
        self.peers.install(self.peers_group, self.a.address, tb.ANSWERER, self.master, self.block,
                           SUITE, rotate=64)
        self.bind(self.sock)
        self.peers.bind(self.peers_group, self.peer, PORT_A)
        self.traffic = tb.Traffic([
            tb.Flow(self.sock, self.peer, (self.b.address, PORT_B), gap=GAP),
            tb.Flow(self.peer, self.sock, (self.a.address, PORT_A), gap=GAP)])

    def bind(self, sock):
        self.process.do("flow-bind", group=self.group, protocol=17, local_port=PORT_A,
                        peer_port=PORT_B, fd=sock.fileno())

    def end(self):
        self.traffic.close()
        self.process.do("group-del", id=self.group)
        self.peers.do("group-del", id=self.peers_group)
        for owner, local, peer in ((self.process, (self.a, PORT_A), (self.b, PORT_B)),
                                   (self.peers, (self.b, PORT_B), (self.a, PORT_A))):
            owner.do("flow-unbind", protocol=17, local=packed(local[0].address),
                     local_port=local[1], peer=packed(peer[0].address), peer_port=peer[1])

    def stats(self):
        return self.admin.do("stats-get", app="victim")

    def sync(self):
        """What was sent before, either way, has been dealt with."""
        for source, sink in (self.control, self.control[::-1]):
            source.sendto(b"control", sink.getsockname())
            sink.recv(64)

    @contextlib.contextmanager
    def attacked(self, name, counted=None):
        """The stream runs meanwhile; of its drops exactly these are counted."""
        print("  ", name, flush=True)
        self.tap.drain()
        before = self.stats()
        self.traffic.start(PACKETS)
        yield
        total = self.traffic.wait()
        self.sync()
        after = self.stats()
        drops = {k: after[k] - v for k, v in before.items() if "drop" in k and after[k] != v}
        seen = self.tap.drain(outgoing=True)
        clear = [p for p in seen if p.proto == socket.IPPROTO_UDP and
                 {p.sport, p.dport} & {PORT_A, PORT_B}]
        wrong = {k: total[k] for k in ("lost", "duplicated", "foreign", "corrupt") if total[k]}
        self.check.equal("%s: counted" % name, drops, counted or {})
        self.check.equal("%s: stream, packets in clear" % name, (wrong, clear), ({}, []))
        self.check.true("%s: ESP ran" % name, any(p.proto == ESP for p in seen))


# Sockets

def port_socket(ids, ns, port, to=None):
    with ns.entered(), ids.taken():
        s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
        s.setsockopt(socket.SOL_SOCKET, REUSE, 1)
        s.bind((ns.address, port))
        if to:
            s.connect(to)
    return s


def sharing(v):
    """The same user, in another cgroup, shares the port: sends, and waits for what comes."""
    other = Ids(UID, cgroup=Cgroup("attacker"))
    plain = tb.udp(v.a, v.a.address, PLAIN_A, uid=UID, option=REUSE)
    plain_peer = tb.udp(v.b, v.b.address, PLAIN_B)
    for connected in False, True:
        name = "SO_REUSEPORT, %sconnected" % ("" if connected else "not ")
        control = port_socket(other, v.a, PLAIN_A, (v.b.address, PLAIN_B) if connected else None)
        control.sendto(b"stolen", (v.b.address, PLAIN_B))
        v.check.equal("%s: against a plain socket" % name, plain_peer.recv(64), b"stolen")
        if connected:
            plain_peer.sendto(b"answer", (v.a.address, PLAIN_A))
            v.check.equal("%s: it gets a plain socket's packet" % name, control.recv(64),
                          b"answer")
        control.close()
        thief = port_socket(other, v.a, PORT_A, (v.b.address, PORT_B) if connected else None)
        with v.attacked(name, {"out-drop-socket": 1}):
            v.check.refused("%s: sends" % name, errno.EPERM, thief.sendto, b"stolen",
                            (v.b.address, PORT_B))
        v.check.true("%s: receives nothing" % name, tb.nothing_waits(thief))
        # Nor can the app's own process be made to bind it, where sockets know their cgroup.
        v.check.refused("%s: the flow has its socket" % name, errno.EADDRINUSE
                        if "sipsec" in os.uname().release else errno.EPERM, v.bind, thief)
        thief.close()
    plain.close()
    plain_peer.close()


def before(v):
    """Whoever shared the port before the victim bound its flow to it is no better off."""
    other = Ids(UID, cgroup=Cgroup("attacker"))
    thief = port_socket(other, v.a, PORT_A)
    thief.sendto(b"x", (v.b.address, PLAIN_B))
    v.end()
    thief.sendto(b"plain", (v.b.address, PORT_B))
    v.check.equal("before the flow is bound it sends", v.peer.recv(64), b"plain")
    v.make()
    with v.attacked("sharing since before", {"out-drop-socket": 1}):
        v.check.refused("sends", errno.EPERM, thief.sendto, b"stolen", (v.b.address, PORT_B))
    v.check.true("receives nothing", tb.nothing_waits(thief))
    thief.close()


# Requests

def deputy(v):
    """A privileged program is made to write to a netlink socket that somebody else opened."""
    def ask(genl):
        number, set_name = nl.spec.commands["app-new"]
        body = nl.encode(set_name, {"name": "deputy", "uid": OTHER_UID})
        head = struct.pack("=IHHIIBBH", 20 + len(body), genl.family, nl.F_REQUEST | nl.F_ACK, 77, 0,
                           number, 1, 0)
        # Like write() on its standard output: it does not say to whom.
        genl.sock.send(head + body)
        kind, _, seq, answer = genl.receive()[0]
        v.check.equal("answer", (kind, seq), (nl.NLMSG_ERROR, 77))
        return -struct.unpack_from("=i", answer)[0]

    own = tb.Admin(v.a)
    v.check.equal("a privileged program's own socket", ask(own), 0)
    own.do("app-del", name="deputy")
    own.close()
    for uid in UID, OTHER_UID:
        theirs = tb.User(v.a, uid)
        with v.attacked("a deputy for user %d" % uid):
            v.check.equal("its answer", errno.errorcode.get(ask(theirs)), "EPERM")
        theirs.close()


def portid(v):
    """Somebody takes the portid of an owner that has just gone."""
    v.admin.do("app-new", name="short", uid=UID)
    for uid in UID, OTHER_UID:
        owner = tb.Owner(v.a, "short", uid=UID, register=False)
        group, _ = owner.reserve(v.a.address)
        owner.install(group, v.b.address, tb.OFFERER, tb.fresh_master(), 0x5d1c3100)
        port = owner.sock.getsockname()[0]
        with v.attacked("the portid of an owner, user %d" % uid):
            with v.a.entered(), tb.as_uid(uid):
                owner.close()
                s = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, nl.NETLINK_GENERIC)
                s.bind((port, 0))
            v.check.equal("it has the portid", s.getsockname()[0], port)
        s.setblocking(False)
        try:
            told = s.recv(4096)
        except BlockingIOError:
            told = b""
        v.check.equal("events it has got", told, b"")
        v.check.equal("groups left", [g for g in v.admin.dump("group-get")
                                      if g["app"] == "short"], [])
        s.close()
    v.admin.do("app-del", name="short")


def namespaces(v):
    """Root of a user namespace: in the victim's network namespace, then in his own."""
    def told(genl):
        out = {}
        for name, call in (
                ("join", genl.join),
                ("group-get", lambda: genl.do("group-get", id=v.group)),
                ("group-del", lambda: genl.do("group-del", id=v.group)),
                ("group-adopt", lambda: genl.do("group-adopt", id=v.group)),
                ("app-set", lambda: genl.do("app-set", name="victim", uid=0)),
                ("app-del", lambda: genl.do("app-del", name="victim")),
                ("app-open", lambda: genl.do("app-open", name="victim")),
                ("flow-bind", lambda: genl.do("flow-bind", group=v.group, protocol=17,
                                              local_port=PORT_A, peer_port=PORT_B,
                                              fd=v.sock.fileno())),
                ("packet socket", lambda: socket.socket(socket.AF_PACKET, socket.SOCK_RAW,
                                                        0).close()),
                ("raw socket", lambda: socket.socket(socket.AF_INET, socket.SOCK_RAW,
                                                     17).close())):
            try:
                call()
                out[name] = "done"
            except OSError as e:
                out[name] = errno.errorcode[e.errno]
        out["seen"] = sum(len(genl.dump(d)) for d in ("app-get", "group-get", "flow-get",
                                                      "stats-get"))
        return out

    def stranger(own_netns):
        reading, writing = os.pipe()
        child = os.fork()
        if not child:
            try:
                with v.a.entered():
                    os.setgroups([])
                    os.setresgid(GID, GID, GID)
                    os.setresuid(OTHER_UID, OTHER_UID, OTHER_UID)
                    tb.libc.prctl(4, 1, 0, 0, 0)
                    if tb.libc.unshare(CLONE_NEWUSER | (tb.CLONE_NEWNET if own_netns else 0)):
                        raise OSError(ctypes.get_errno(), "unshare")
                    for path, text in (("setgroups", "deny"), ("uid_map", "0 %d 1" % OTHER_UID),
                                       ("gid_map", "0 %d 1" % GID)):
                        with open("/proc/self/" + path, "w", encoding="ascii") as f:
                            f.write(text)
                    os.write(writing, json.dumps(told(nl.Genl())).encode())
            finally:
                os._exit(0)
        os.close(writing)
        os.waitpid(child, 0)
        out = json.loads(os.read(reading, 4096) or b"{}")
        os.close(reading)
        return out

    gone = {k: "ENOENT" for k in ("group-get", "group-del", "group-adopt", "app-open",
                                  "flow-bind")}
    with v.attacked("root of a user namespace"):
        v.check.equal("he gets", stranger(False), {
            **gone, "join": "EPERM", "app-set": "EPERM", "app-del": "EPERM",
            "packet socket": "EPERM", "raw socket": "EPERM", "seen": 0})
    with v.attacked("root of a user namespace, in his network namespace"):
        # The administrator there: he may do all that, but there is nothing to do it to. He sees
        # the counters of packets of no app, which are his namespace's.
        v.check.equal("he gets", stranger(True), {
            **gone, "join": "done", "app-set": "ENOENT", "app-del": "ENOENT",
            "packet socket": "done", "raw socket": "done", "seen": 1})


def secrets(v):
    """Its master secret is somebody's; its peer's block somebody else claims to be his peer's."""
    v.admin.do("app-new", name="thief", uid=OTHER_UID)
    thief = tb.Owner(v.a, "thief", uid=OTHER_UID, register=False)
    group, _ = thief.reserve(v.a.address)
    elsewhere = tb.Owner(v.b, "elsewhere")
    there, _ = elsewhere.reserve(v.b.address)
    with v.attacked("a known master secret"):
        v.check.refused("by another app", errno.EKEYREJECTED, thief.install, group, v.b.address,
                        tb.OFFERER, v.master, v.peers_block)
        v.check.refused("in another namespace", errno.EKEYREJECTED, elsewhere.install, there,
                        v.a.address, tb.OFFERER, v.master, v.block)
    with v.attacked("the peer's block"):
        thief.install(group, v.b.address, tb.OFFERER, tb.fresh_master(), v.peers_block)
        sock = tb.udp(v.a, v.a.address, PORT_A + 1, uid=OTHER_UID)
        thief.bind(group, sock, PORT_B)
        # Of a round that lives, or of one that does not any more.
        errors = sum(v.b.xfrm_errors().values())
        sock.sendto(b"forged", (v.b.address, PORT_B))
        tb.poll("forged packet", lambda: sum(v.b.xfrm_errors().values()) == errors + 1)
    sock.close()
    thief.close()
    elsewhere.close()
    v.admin.do("app-del", name="thief")


def claims(v):
    """Who has no grant for more than his own ports tries to have all between the two hosts."""
    v.admin.do("app-new", name="thief", uid=OTHER_UID)
    thief = tb.Owner(v.a, "thief", uid=OTHER_UID, register=False)
    group, _ = thief.reserve(v.a.address)
    thief.install(group, v.b.address, tb.OFFERER, tb.fresh_master(), 0x5d1c3500)
    sock = tb.udp(v.a, v.a.address, PORT_A + 1, uid=OTHER_UID)
    wishes = (("a protocol", {"protocol": 253}), ("SCTP", {"protocol": 132}),
              ("all UDP", {"protocol": 17, "local_port": 0, "peer_port": 0}),
              ("any port, shared", {"protocol": 17, "local_port": PORT_A + 1, "peer_port": 0,
                                    "shared": True}))

    def claim(wish):
        thief.do("flow-bind", group=group, fd=sock.fileno(), **wish)

    with v.attacked("claiming more than ports"):
        for name, wish in wishes:
            v.check.refused(name, errno.EPERM, claim, wish)
        # ICMP is nobody's, nor what carries the SAs.
        for protocol in 1, ESP:
            v.check.refused("protocol %d" % protocol, errno.EPROTONOSUPPORT, claim,
                            {"protocol": protocol})
        # Grants are the administrator's to give.
        v.check.refused("the grants", errno.EPERM, thief.do, "app-set", name="thief",
                        uid=OTHER_UID, wildcard=True, protocols=bytes((253,)))
    # With them the requests are refused no more, or for want of a raw socket.
    v.admin.do("app-set", name="thief", uid=OTHER_UID, wildcard=True, protocols=bytes((132, 253)))
    for (name, wish), number in zip(wishes[:3], (errno.EPROTOTYPE, errno.EPROTOTYPE,
                                                 errno.EINVAL)):
        v.check.refused("granted, %s" % name, number, claim, wish)
    claim(wishes[3][1])
    with v.attacked("a flow of any port beside"):
        v.check.refused("on the victim's port", errno.EADDRNOTAVAIL, claim,
                        {"protocol": 17, "local_port": PORT_A, "peer_port": 0})
    thief.do("group-del", id=group)
    sock.close()
    thief.close()
    v.admin.do("app-del", name="thief")


# Packets

def captured(v, spis):
    """ESP packets of these SPIs that come to a, whole."""
    with v.a.entered():
        s = socket.socket(socket.AF_PACKET, socket.SOCK_DGRAM, 0)
    s.setsockopt(socket.SOL_SOCKET, tb.SO_RCVBUFFORCE, 4 << 20)
    s.bind(("wire", tb.ETH_P_ALL))
    s.setblocking(False)
    packets = []
    v.traffic.go(PACKETS)
    with contextlib.suppress(BlockingIOError):
        while True:
            data, sender = s.recvfrom(2048)
            if sender[2] != tb.PACKET_OUTGOING and data[9] == ESP and \
                    struct.unpack_from("!I", data, 20)[0] & ~0xff in spis:
                packets.append(data)
    s.close()
    return packets


def unprotected(v):
    """An SA that neither authenticates nor knows a packet again takes whatever comes."""
    spi = 0x00778000
    name = "src %s dst %s proto esp spi %#x" % (v.b.address, v.a.address, spi)
    v.a.batch(["xfrm state add %s mode transport replay-window 0 "
               "enc 'ecb(cipher_null)' \"\"" % name])
    sock = tb.udp(v.a, v.a.address, PLAIN_A)
    with contextlib.closing(tb.Injector(v.b, v.a)) as injector:
        for attack, payload in (("forged", b"forged"), ("replayed", b"forged"),
                                ("modified", b"Forged")):
            body = tb.udp_header(PLAIN_B, PLAIN_A, payload) + payload
            padding = -(len(body) + 2) % 4
            injector.send(tb.ipv4(v.b.address, v.a.address, struct.pack("!II", spi, 1) + body +
                                  bytes(range(1, padding + 1)) + bytes((padding, 17)), proto=ESP))
            v.check.equal("%s, where nobody looks" % attack, sock.recv(64), payload)
    v.a.ip("xfrm state delete " + name)
    sock.close()


def replay(v):
    """What was captured comes again: to the same group, changed, and to its successor."""
    def errors(*names):
        now = v.a.xfrm_errors()
        return sum(now.get("XfrmIn" + n, 0) for n in names)

    packets = captured(v, {v.block})
    v.check.true("captured: %d" % len(packets), len(packets) >= PACKETS)
    for name, change, counters in (
            ("replayed", lambda p: p, ("StateSeqError", "NoStates", "StateInvalid")),
            ("modified", lambda p: p[:-20] + bytes([p[-20] ^ 1]) + p[-19:],
             ("StateProtoError", "StateSeqError", "NoStates", "StateInvalid"))):
        old = errors(*counters)
        with v.attacked(name + " packets"), \
                contextlib.closing(tb.Injector(v.b, v.a)) as injector:
            for p in packets:
                injector.send(change(p))
        tb.poll("counted errors", lambda: errors(*counters) >= old + len(packets))
    # The group ends and is made again: neither its SPIs nor its keys are there any more.
    v.end()
    v.make()
    old = errors("NoStates")
    with v.attacked("packets of a group that has ended"), \
            contextlib.closing(tb.Injector(v.b, v.a)) as injector:
        for p in packets:
            injector.send(p)
    tb.poll("counted errors", lambda: errors("NoStates") >= old + len(packets))


def forged(v):
    """Each SPI on which the victim receives, and those beside, with rubbish behind."""
    live = [r["spi"] for r in v.process.do("group-get", id=v.group)["round"] if
            r["direction"] == nl.spec.enums["direction"]["in"]]
    v.check.true("rounds to forge: %d" % len(live), len(live) > 2)
    with v.attacked("forged SPIs"), contextlib.closing(tb.Injector(v.b, v.a)) as injector:
        for spi in [*live, *range(v.block, v.block + 256)]:
            for seq in 1, 0x7fffffff, 0xffffffff:
                injector.send(tb.ipv4(v.b.address, v.a.address,
                                      struct.pack("!II", spi, seq) + os.urandom(48), proto=ESP))


# Resources

def storm(v):
    """An app makes groups as fast as it can; its quota ends it, and the victim has not noticed."""
    v.admin.do("app-new", name="storm", uid=OTHER_UID, max_groups=20)
    thief = tb.Owner(v.a, "storm", uid=OTHER_UID, register=False)
    made, refused = [], 0
    with v.attacked("a storm of groups"):
        while refused < 20:
            try:
                made.append(thief.reserve(v.a.address)[0])
                thief.install(made[-1], v.b.address, tb.OFFERER, tb.fresh_master(), 0x5d1c3200)
            except OSError as e:
                v.check.equal("refused with", errno.errorcode[e.errno], "EDQUOT")
                refused += 1
    v.check.equal("groups made", len(made), 20)
    # Ids say nothing of what others have, and none comes again.
    v.check.true("ids", len({*made, v.group}) == 21)
    thief.close()
    v.admin.do("app-del", name="storm")


def latency(v):
    """
    How long the victim's datagrams take while an app makes groups as fast as it can; beside that,
    while it only keeps a processor busy. Printed, not judged; but none may be lost.
    """
    v.admin.do("app-new", name="storm", uid=OTHER_UID)
    # Of its own: the stream's sockets have readers.
    port, peer_port = PORT_A + 2, PORT_B + 2
    v.home.enter()
    sock = tb.udp(v.a, v.a.address, port, uid=UID)
    v.home.leave()
    peer = tb.udp(v.b, v.b.address, peer_port)
    v.process.do("flow-bind", group=v.group, protocol=17, local_port=port, peer_port=peer_port,
                 fd=sock.fileno())
    v.peers.bind(v.peers_group, peer, port)
    counter = mmap.mmap(-1, 16)
    mode, done = (memoryview(counter)[i:i + 8].cast("Q") for i in (0, 8))
    child = os.fork()
    if not child:
        os.sched_setaffinity(0, {os.cpu_count() - 1})
        try:
            thief = tb.Owner(v.a, "storm", uid=OTHER_UID, register=False)
            while True:
                if mode[0] == 2:
                    thief.do("group-del", id=thief.reserve(v.a.address)[0])
                    done[0] += 1
                elif mode[0] == 0:
                    time.sleep(0.001)
        finally:
            os._exit(1)
    taken = {"quiet": [], "busy": [], "storm": []}
    number, lost = 0, 0
    v.tap.drain()
    for _ in range(STORMS):
        for mode[0], how in enumerate(taken):
            before = done[0]
            if how == "storm":
                tb.poll("storm", lambda: done[0] > before)
            for _ in range(100):
                number += 1
                began = time.perf_counter_ns()
                sock.sendto(b"%d" % number, (v.b.address, peer_port))
                try:
                    while peer.recv(64) != b"%d" % number:
                        pass
                    taken[how].append(time.perf_counter_ns() - began)
                except BlockingIOError:
                    lost += 1
            v.check.true("%s: groups made: %d" % (how, done[0] - before),
                         (done[0] > before) == (how == "storm") or how != "storm")
    os.kill(child, signal.SIGKILL)
    os.waitpid(child, 0)
    for how, times in taken.items():
        times.sort()
        print("   %s: %d datagrams, median %d us, 99 %% within %d us" % (
            how, len(times), times[len(times) // 2] / 1000, times[len(times) * 99 // 100] / 1000))
    v.check.equal("lost", lost, 0)
    sock.close()
    peer.close()
    for owner, local, remote in ((v.process, (v.a, port), (v.b, peer_port)),
                                 (v.peers, (v.b, peer_port), (v.a, port))):
        owner.do("flow-unbind", protocol=17, local=packed(local[0].address), local_port=local[1],
                 peer=packed(remote[0].address), peer_port=remote[1])
    v.check.true("all are ESP", all(p.proto == ESP for p in v.tap.drain(outgoing=True)))
    v.admin.do("app-del", name="storm")


def killed(v):
    """A program is killed after each step of what it does."""
    v.admin.do("app-new", name="mortal", uid=OTHER_UID)
    for phase in range(6):
        reading, writing = os.pipe()
        child = os.fork()
        if not child:
            try:
                def reached(n):
                    if n == phase:
                        os.write(writing, b"x")
                        signal.pause()

                genl = tb.User(v.a, OTHER_UID)
                reached(0)
                genl.do("app-open", name="mortal")
                reached(1)
                group = genl.do("group-new", local=packed(v.a.address))["id"]
                reached(2)
                genl.do("group-set", id=group, role=tb.OFFERER, suite=SUITE, spi_out=0x5d1c3300,
                        master=tb.fresh_master(), peer=packed(v.b.address))
                reached(3)
                s = tb.udp(v.a, v.a.address, PORT_A + 7, uid=OTHER_UID)
                genl.do("flow-bind", group=group, protocol=17, local_port=PORT_A + 7,
                        peer_port=PORT_B, fd=s.fileno())
                reached(4)
                s.sendto(b"x", (v.b.address, PORT_B))
                reached(5)
            finally:
                os._exit(1)
        os.close(writing)
        if os.read(reading, 1) != b"x":
            raise RuntimeError("the program did not get to phase %d" % phase)
        os.close(reading)
        with v.attacked("killed in phase %d" % phase):
            os.kill(child, signal.SIGKILL)
            os.waitpid(child, 0)
        v.check.equal("groups left", [g for g in v.admin.dump("group-get")
                                      if g["app"] == "mortal"], [])
        tb.poll("end of the flow", lambda: len(v.admin.dump("flow-get")) == 1)
    v.admin.do("app-del", name="mortal")


def races(v):
    """Threads bind, unbind, close, open, send and rotate the same things at once."""
    v.admin.do("app-new", name="racer", uid=0)
    owner = tb.Owner(v.a, "racer", register=False)
    groups = []
    for i in range(2):
        group, _ = owner.reserve(v.a.address)
        owner.install(group, v.b.address, tb.OFFERER, tb.fresh_master(), 0x5d1c3400 + 256 * i)
        groups.append(group)
    ports = [4200 + i for i in range(3)]
    sockets, lock = {}, threading.Lock()
    allowed = {errno.EADDRINUSE, errno.ENOENT, errno.EBUSY, errno.EPERM, errno.EBADF,
               errno.ENOTSOCK, errno.EADDRNOTAVAIL}
    odd, done = [], [0]
    with v.a.entered():
        clients = [nl.Genl() for _ in range(THREADS)]
    for c in clients:
        c.do("app-open", name="racer")

    def fresh(port):
        s = tb.udp(v.a, v.a.address, port, option=socket.SO_REUSEADDR)
        with lock:
            old, sockets[port] = sockets.get(port), s
        if old:
            old.close()

    def step(client, rng):
        port = rng.choice(ports)
        s = sockets.get(port)
        what = rng.randrange(6)
        if what == 0 and s:
            client.do("flow-bind", group=rng.choice(groups), protocol=17, local_port=port,
                      peer_port=PLAIN_B, fd=max(s.fileno(), 0), shared=rng.random() < 0.5)
        elif what == 1:
            client.do("flow-unbind", protocol=17, local=packed(v.a.address), local_port=port,
                      peer=packed(v.b.address), peer_port=PLAIN_B)
        elif what == 2:
            client.do("group-rotate", id=rng.choice(groups))
        elif what == 3:
            client.do("group-adopt", id=rng.choice(groups))
        elif what == 4 and s:
            s.sendto(b"race", (v.b.address, PLAIN_B + 1))
            s.sendto(b"race", (v.b.address, PLAIN_B))

    def work(client, seed):
        rng = random.Random(seed)
        for _ in range(RACES):
            try:
                step(client, rng)
            except OSError as e:
                if e.errno not in allowed:
                    odd.append(str(e))
            with lock:
                done[0] += 1

    for port in ports:
        fresh(port)
    with v.attacked("races"):
        threads = [threading.Thread(target=work, args=(c, i)) for i, c in enumerate(clients)]
        for t in threads:
            t.start()
        # Namespaces are a thread's: sockets are made here.
        rng = random.Random(99)
        while any(t.is_alive() for t in threads):
            fresh(rng.choice(ports))
            threads[0].join(0.005)
        for t in threads:
            t.join()
    v.check.equal("operations", done[0], THREADS * RACES)
    v.check.equal("errors nobody expects", odd[:5], [])
    for s in (*sockets.values(), *clients, owner):
        s.close()
    tb.poll("end of the groups", lambda: not [g for g in v.admin.dump("group-get")
                                             if g["app"] == "racer"])
    v.admin.do("app-del", name="racer")
    tb.poll("end of the flows", lambda: len(v.admin.dump("flow-get")) == 1)


def main():
    os.sched_setaffinity(0, {0})
    with tb.two_hosts() as (a, b):
        v = Victim(a, b)
        for attack in tb.cases(sharing, before, deputy, portid, namespaces, secrets, claims,
                               unprotected, replay, forged, storm, latency, killed, races):
            print(attack.__name__, flush=True)
            attack(v)
    v.check.finish()


if __name__ == "__main__":
    main()
