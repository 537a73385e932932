#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""
   one: [lo 10.9.1.1, 10.9.1.2]: administrator, user, stranger; a namespace of its own: outsider

Requests are made from the specification: good ones; good ones of which one attribute was spoilt,
every attribute in every way; and such whose headers are wrong. Four processes make them at once,
one of them by two threads, for objects that come and go meanwhile. They go out in batches. A batch
has random numbers, apps and sockets of its own, so it can be repeated alone; if the machine dies,
the files batch-NAME in the test's folder have the numbers of the last ones.

    FUZZ=1000000            requests (20000)
    FUZZ_SEED=7             instead of a random one
    FUZZ_ONLY=user:123      one batch of one of the four

A request has reached its handler if it succeeded or was refused in our words: those in the sources
of the module.
"""

import collections
import contextlib
import ctypes
import errno
import glob
import itertools
import json
import os
import random
import re
import socket
import struct
import sys
import threading
import time
import traceback

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import nl
import testbed as tb

LOCAL, PEER = "10.9.1.1", "10.9.1.2"
UID, STRANGERS_UID = 60001, 60002
# As many requests are worth the objects they are made for; of a command's, spoilt in every way in
# turn, at least TURN are among them.
BATCH, TURN = 384, 7
# The share of requests each of the four makes.
SHARES = {"admin": 0.45, "user": 0.35, "outsider": 0.1, "stranger": 0.1}
# Of a command's requests by those who may use it so many must reach its handler, and succeed.
REACH, DONE = 0.4, 0.02
ADMINS_ONLY = "app-new", "app-set", "app-del"
CLONE_NEWUSER, PR_SET_DUMPABLE, UDP_ENCAP, ESPINUDP = 0x10000000, 4, 100, 2
RAW = 253
NETLINK_CAP_ACK, NO_FAMILY, CTRL_GETPOLICY = 10, 0x7fff, 10
NESTED, NET_BYTEORDER = 0x8000, 0x4000
# What is said only where memory is short (see the test "faults"), or where the kernel lacks a hash.
NEEDS_A_FAULT = {"prf: the kernel lacks this hash", "suite: the kernel cannot set up this suite"}
# Heard by those alone who ask again within the time in which a round is made, or who have an SA of
# another origin (see "foreign"), or whose app has small quotas (see "apps", "intruder").
NEEDS_MORE = {"the next round is not ready yet, try again",
              "spi-in: another SA of this host has an SPI of the block",
              "peer: more than 16 prefixes", "peer: v4-mapped, give its 4 octets",
              "suite: weaker than the app's level or min-suite",
              "the app or its user has as many flows as it may have",
              "this user has as many groups, or as much in them, as he may",
              "the app or its user has as much memory in groups as it may have",
              "this user has the app open as often as he may",
              "this user watches the app, or has it open, too often",
              "peer: either both addresses are link-local or none",
              "fd: the socket is bound to another local address",
              "fd: no socket has all ports, flows of any local-port take uid or any",
              "replaces: not an installed group of this app and these addresses"}

# Attributes that a request needs, and those it may have.
USUAL = {
    "app-new": ("name", "uid"), "app-set": ("name", "uid"), "app-del": ("name",),
    "app-open": ("name",), "app-watch": ("name",), "app-get": ("name",), "group-new": ("local",),
    "group-set": ("id", "role", "suite", "master", "spi-out", "peer"),
    "group-del": ("id",), "group-get": ("id",), "group-rotate": ("id",),
    "group-adopt": ("id",),
    "flow-bind": ("group", "protocol", "local-port", "peer-port", "fd"),
    "flow-unbind": ("protocol", "local", "local-port", "peer", "peer-port"),
    "flow-get": ("protocol", "local", "local-port", "peer", "peer-port"),
    "stats-get": ("app",),
}
SETTINGS = ("gid", "cgroup", "max-groups", "max-flows", "max-groups-uid", "max-flows-uid",
            "level", "min-suite", "port-min", "port-max", "peer", "linger",
            "legacy", "viewer", "max-memory", "max-memory-uid", "wildcard", "protocols")
# They go together.
ENCAP = "encap-port", "encap-peer-port", "encap-fd"
OPTIONAL = {
    "app-new": SETTINGS, "app-set": SETTINGS,
    "group-new": ("app", "spi-in", "persistent", "ifindex"),
    "group-del": ("grace",),
    "group-set": ("prf", "mode", "rotate", "life", "window", "peer-identity", "esn", "tfc",
                  "rotate-octets", "rotate-time", "rotate-idle", "replaces", "lookahead",
                  *ENCAP),
    "flow-unbind": ("ifindex",), "flow-get": ("ifindex",),
    "flow-bind": ("uid", "any", "shared"),
}
COMMANDS = [n for n in nl.spec.commands if not n.endswith("-ntf")]
DUMPS = [n for n in COMMANDS if n.endswith("-get")]


def our_texts():
    """What the module can say about a request, read from its sources."""
    texts = set()
    for path in glob.glob(os.path.join(tb.HERE, "../kernel/*.c")):
        with open(path, encoding="utf-8") as f:
            source = re.sub(r"#define (.*\\\n)*.*", "", f.read())
        for m in re.finditer(r"\b(BAD|MISSING|\w*NL_SET_ERR_MSG\w*)\((.*?)\)\s*;", source, re.S):
            text = "".join(re.findall(r'"([^"]*)"', m[2]))
            texts.add(text + ": this attribute is required" if m[1] == "MISSING" else text)
    return texts


# Ways to spoil an attribute: its bytes, made of its number and payload.

def attribute(number, payload, length=None):
    data = struct.pack("=HH", len(payload) + 4 if length is None else length, number) + payload
    return data + bytes(-len(data) % 4)


SPOIL = {
    "missing": lambda rng, n, p: b"",
    "doubled": lambda rng, n, p: attribute(n, p) + attribute(n, rng.randbytes(len(p))),
    "empty": lambda rng, n, p: attribute(n, b""),
    "short": lambda rng, n, p: attribute(n, p[:-1]),
    "long": lambda rng, n, p: attribute(n, p + rng.randbytes(rng.choice((1, 4, 60, 4000)))),
    "random": lambda rng, n, p: attribute(n, rng.randbytes(len(p))),
    "zeros": lambda rng, n, p: attribute(n, bytes(len(p))),
    "ones": lambda rng, n, p: attribute(n, b"\xff" * len(p)),
    "nested": lambda rng, n, p: attribute(n | NESTED, attribute(rng.randrange(40), p)),
    "nested deeply": lambda rng, n, p: nested(rng.randrange(2, 200), n, p),
    "flag nested": lambda rng, n, p: attribute(n | NESTED, p),
    "flag byte order": lambda rng, n, p: attribute(n | NET_BYTEORDER, p),
    "both flags": lambda rng, n, p: attribute(n | NESTED | NET_BYTEORDER, p),
    "length below header": lambda rng, n, p: attribute(n, p, rng.randrange(4)),
    "length beyond the end": lambda rng, n, p: attribute(n, p, rng.randrange(len(p) + 5, 65536)),
    "another number": lambda rng, n, p: attribute(rng.choice((0, 0x3fff, rng.randrange(64))), p),
}


def nested(depth, number, payload):
    for _ in range(depth):
        payload = attribute(number | NESTED, payload)
    return payload


# Ways to spoil a message: header fields (type, flags, command, version, reserved), length and body.

class Head:
    def __init__(self, family, command):
        self.type, self.flags, self.command = family, nl.F_REQUEST | nl.F_ACK, command
        self.version, self.reserved, self.length = 1, 0, None

    def message(self, seq, body):
        length = 20 + len(body) if self.length is None else self.length
        data = struct.pack("=IHHII", length, self.type, self.flags, seq, 0)
        data += struct.pack("=BBH", self.command, self.version, self.reserved) + body
        return data + bytes(-len(data) % 4)


def spoil_head(how, rng, head, body):
    """May change the head; returns the body."""
    if how == "another command":
        head.command = rng.randrange(256)
    elif how == "a notification's command":
        head.command = rng.choice([n for name, (n, _) in nl.spec.commands.items()
                                   if name.endswith("-ntf")])
    elif how == "another version":
        head.version = rng.randrange(256)
    elif how == "reserved field":
        head.reserved = rng.randrange(1, 1 << 16)
    elif how == "dump":
        head.flags |= nl.F_DUMP
    elif how == "flags of new":
        head.flags |= rng.choice((0x100, 0x200, 0x400, 0x800, 0xf00))
    elif how == "any flags":
        head.flags = rng.getrandbits(16)
    elif how == "no request":
        head.flags &= ~nl.F_REQUEST
    elif how == "no ack":
        head.flags &= ~nl.F_ACK
    elif how == "no such family":
        head.type = NO_FAMILY
    elif how == "a control message":
        head.type = rng.randrange(16)
    elif how == "the family's policy":
        head.type, head.command = nl.GENL_CTRL, CTRL_GETPOLICY
        head.flags |= nl.F_DUMP
        body = nl.attr(nl.CTRL_FAMILY_NAME, b"sipsec\0")
        if rng.random() < 0.5:
            body += nl.attr(10, struct.pack("=I", rng.randrange(20)))
    elif how == "no genetlink header":
        head.length = rng.randrange(16, 20)
    elif how == "length below header":
        head.length = rng.randrange(16)
    elif how == "cut off":
        head.length = rng.randrange(20, 21 + len(body))
    elif how == "length beyond the end":
        head.length = 20 + len(body) + rng.choice((1, 4, 1000, 1 << 30, 0xffffffff - 2000))
    elif how == "rubbish behind":
        body += rng.randbytes(rng.randrange(1, 40))
    elif how == "all rubbish":
        body = rng.randbytes(rng.randrange(200))
    return body


# Among the odd sockets the one that takes ESP out of UDP.
ESP_SOCKET = 5
HEADS = ("another command", "a notification's command", "another version", "reserved field",
         "dump", "flags of new", "any flags", "no request", "no ack", "no such family",
         "a control message", "the family's policy", "no genetlink header", "length below header",
         "cut off", "length beyond the end", "rubbish behind", "all rubbish")
# Nothing behind these in a datagram is seen as a message.
LAST = "length below header", "cut off", "length beyond the end"


class Maker:
    """Requests whose values are right often enough to be let in, and near them wrong ones."""

    def __init__(self, seed):
        # The attributes of each command in turn, each with each way to spoil it.
        turns = random.Random(seed)
        self.every = {}
        for name in COMMANDS:
            every = [*itertools.product(USUAL[name] + OPTIONAL.get(name, ()), SPOIL),
                     *itertools.product(("",), HEADS)]
            turns.shuffle(every)
            self.every[name] = every
        self.used = set()

    def begin(self, rng, bench, batch):
        """batch: its number among those of all four."""
        self.rng, self.bench = rng, bench
        self.turn = dict.fromkeys(COMMANDS, TURN * batch)
        # Of all that one flow is named by; the values of one request belong together.
        self.flow = self.encap = None

    def next_way(self, command):
        every = self.every[command]
        self.turn[command] += 1
        way = self.turn[command] % len(every)
        self.used.add((command, way))
        return every[way]

    def pick(self, form, right, wrong):
        """Packed, and mostly right."""
        return struct.pack(form, self.rng.choice(wrong if self.rng.random() < 0.04 else right))

    def good(self, command, name):
        """A value of the right form, packed."""
        rng, bench = self.rng, self.bench
        set_name = nl.spec.commands[command][1]
        if name == "id" or (set_name, name) == ("flow", "group"):
            right = bench.ids if command in ("group-new", "group-set") or \
                rng.random() < 0.2 else bench.installed
            if command == "group-del" and rng.random() < 0.5:
                right = bench.ids
            return self.pick("=I", right or (0,), (0, 1, 0xffffffff))
        if name in ("name", "app"):
            # The end of the apps that have the groups is to come rarely.
            if command in ("app-new", "app-del") and rng.random() < 0.98:
                return rng.choice((b"%s.third\0" % bench.prefix,) * 2 + (
                    b"%s.fourth\0" % bench.prefix, b"a b\0", b"\0", b"x" * 31 + b"\0"))
            return rng.choice(bench.apps if command == "app-new" else
                              bench.apps * 8 + [b"", b"\0", b"nobody\0"])
        if (set_name, name) == ("app", "peer"):
            return tb.packed(PEER) + bytes([rng.choice((0, 24, 32, 32, 33, 255))])
        if name in ("local", "peer"):
            if rng.random() < 0.95:
                return tb.packed(PEER if name == "peer" else LOCAL)
            return tb.packed(rng.choice((PEER, LOCAL, "127.0.0.1", "224.0.0.1", "0.0.0.0",
                                         "255.255.255.255", "::1", "10.9.1.3", "fe80::1",
                                         "fe80::1", "::ffff:10.9.1.1", "::ffff:10.9.1.1")))
        if name == "spi-in":
            return struct.pack("=I", rng.choice((
                rng.getrandbits(22) + 1 << 8, bench.block, 0xc0000000, 0xcfffff00,
                rng.choice((0x80, 0x100, 0x5d1c2a01, 0xffffff00)))))
        if name == "spi-out":
            return self.pick("=I", (0x5d1c2a00,), (0, 0x100, 0x5d1c2a01, 0xffffff00, 0xc0000000))
        if name == "master":
            # One that was used is refused.
            return rng.choice((rng.randbytes(32),) * 15 + (bench.master,) * 4 +
                              (rng.randbytes(48),))
        if name in nl.spec.enums:
            right = {"suite": range(1, 11), "role": (1, 2), "mode": (1, 2, 3)}
            return self.pick("=I", right.get(name, (1,)), (0, 2, 3, 10, 11))
        if name == "protocols":
            return rng.choice((bytes((132, RAW)),) * 8 + (b"", b"\x11", b"\x32"))
        if name in ENCAP:
            if self.encap is None:
                usual = bench.odd[ESP_SOCKET % len(bench.odd)]
                self.encap = rng.choice(bench.odd) if rng.random() < 0.2 else usual
            return self.pick("=I" if name == "encap-fd" else "=H",
                             (4500 if name == "encap-peer-port" else
                              self.encap[name == "encap-port"],), (0, 9999))
        if self.flow is None:
            odd = 0.4 if command == "flow-bind" else 0.1
            self.flow = rng.choice(bench.odd if rng.random() < odd else bench.flows)
        whole = not self.flow[1]
        if name == "protocol":
            return self.pick("=B", (RAW if whole else 17,), (0, 6, 17, 50, RAW, 254))
        if name == "local-port":
            return self.pick("=H", (self.flow[1],), (0, 5000, 65535))
        if name == "peer-port":
            return self.pick("=H", (0 if whole else 5000,), (0, 0, 4000, 5001, 65535))
        if name == "fd":
            return self.pick("=I", (self.flow[0],), (0, 9999, 0xffffffff))
        if name in ("rotate-time", "rotate-idle"):
            return self.pick("=I", (0, 1, 604800), (604801, 0xffffffff))
        if name == "rotate-octets":
            return self.pick("=Q", (0, 1000000), (1, 1 << 63))
        if name in ("grace", "ifindex"):
            return self.pick("=I", (0,), (1, 3601, 0xffffffff))
        if name == "replaces":
            return self.pick("=I", bench.installed or (0,), (0, 1, 0xffffffff))
        if name == "peer-identity":
            return rng.choice((b"sip:a@example.com\0", "b\u00fcro\0".encode(), b"\0", b"\xff\0"))
        if name == "cgroup":
            return rng.choice((b"/\0",) * 8 + (b"\0", b"/nowhere\0"))
        if name in ("max-groups", "max-flows", "max-groups-uid", "max-flows-uid"):
            return self.pick("=I", (100, 1000), (0, 1, 0xffffffff))
        if name in ("max-memory", "max-memory-uid"):
            return self.pick("=Q", (1 << 29,), (0, 1 << 20, 1 << 63))
        if name == "linger":
            # An orphan is looked at by nobody, and has to be gone at the end.
            return self.pick("=I", (0,), (1, 2))
        if name in ("port-min", "port-max"):
            return self.pick("=H", (4000 if name == "port-min" else 5000,), (0, 1, 65535))
        if name in ("uid", "gid", "viewer", "life"):
            return self.pick("=I", (UID, 1000), (0, 1, 0xffffffff))
        if name == "rotate":
            return self.pick("=I", (16, 200, 1 << 20, 1 << 30), (0, 15, 0xffffffff))
        if name == "window":
            return self.pick("=I", (64, 100, 1024, 4096), (0, 63, 4097, 0xffffffff))
        return b""

    def good_values(self, command):
        rng = self.rng
        self.flow = self.encap = None
        values = [(name, self.good(command, name)) for name in USUAL[command]]
        # A persistent group needs its app, and others may not have one.
        if command == "group-new" and rng.random() < 0.1:
            return values + [("app", self.good(command, "app")), ("persistent", b"")]
        # Instead of a socket, for persistent groups.
        if command == "flow-bind" and rng.random() < 0.1:
            values[-1:] = [rng.choice((("uid", self.good(command, "uid")), ("any", b"")))]
            values[0] = "group", struct.pack("=I", rng.choice(
                self.bench.persistent * 3 + self.bench.installed[:1]))
        if command == "group-set" and rng.random() < 0.2:
            values += [(name, self.good(command, name)) for name in ENCAP]
        return values + [(name, self.good(command, name)) for name in OPTIONAL.get(command, ())
                         if name not in ("app", "persistent", "uid", "any", *ENCAP) and
                         rng.random() < 0.15]

    def request(self, seq):
        """(command, what was spoilt, message)."""
        rng = self.rng
        command = rng.choice(COMMANDS)
        number, set_name = nl.spec.commands[command]
        head = Head(self.bench.family, number)
        if command in DUMPS and rng.random() < 0.05:
            head.flags |= nl.F_DUMP
        values = self.good_values(command)
        spoilt = way = None
        if rng.random() < 0.45:
            spoilt, way = self.next_way(command)
            if spoilt and spoilt not in (name for name, _ in values):
                values.append((spoilt, self.good(command, spoilt)))
        body = b""
        for name, payload in values:
            of_set = nl.spec.sets[set_name][name][0]
            body += SPOIL[way](rng, of_set, payload) if name == spoilt else \
                attribute(of_set, payload)
        if spoilt == "":
            body = spoil_head(way, rng, head, body)
        return command, way, head.message(seq, body)


class Client:
    """A netlink socket that counts answers and never waits: a request is done when it is sent."""

    def __init__(self, family, uid=0):
        with tb.as_uid(uid) if uid else contextlib.nullcontext():
            self.sock = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, nl.NETLINK_GENERIC)
        for option in (nl.NETLINK_EXT_ACK, NETLINK_CAP_ACK):
            self.sock.setsockopt(nl.SOL_NETLINK, option, 1)
        try:
            self.sock.setsockopt(socket.SOL_SOCKET, tb.SO_RCVBUFFORCE, 2 << 20)
        except PermissionError:
            pass
        self.sock.bind((0, 0))
        self.sock.setblocking(False)
        self.family = family

    def messages(self):
        """Type, flags, sequence number and body of all that is there to read."""
        while True:
            try:
                data = self.sock.recv(1 << 16)
            except BlockingIOError:
                return
            except OSError as e:
                # Answers were lost: the socket's buffer was full.
                if e.errno != errno.ENOBUFS:
                    raise
                continue
            while len(data) >= 16:
                length, kind, flags, seq, _ = struct.unpack_from("=IHHII", data)
                yield kind, flags, seq, data[16:length]
                data = data[length + 3 & ~3:]

    def read(self, answers):
        """answers: sequence number -> [errno, text, was there a reply]."""
        for kind, flags, seq, body in self.messages():
            if not seq:
                continue
            answer = answers.setdefault(seq, [None, "", False])
            if kind == self.family:
                answer[2] = True
            elif kind == nl.NLMSG_DONE:
                answer[0] = 0
            elif kind == nl.NLMSG_ERROR:
                answer[0] = -struct.unpack_from("=i", body)[0]
                if flags & nl.F_ACK_TLVS and len(body) > 24:
                    size, number = struct.unpack_from("=HH", body, 20)
                    if number == nl.ERR_MSG:
                        answer[1] = body[24:20 + size].rstrip(b"\0").decode()


class Bench:
    """The objects of a batch: two apps with their groups and flows, so that requests have something
    to name. All of it is gone after end(), whatever the batch has done."""

    def __init__(self, worker, rng):
        self.worker, self.family = worker, worker.admin.family
        self.prefix = worker.name.encode()
        self.apps = [b"%s.phone\0" % self.prefix, b"%s.other\0" % self.prefix]
        self.clients, self.ids, self.installed = [], [], []
        self.sockets = [tb.udp(worker.ns, LOCAL, worker.port, uid=worker.uid),
                        tb.udp(worker.ns, LOCAL, worker.port + 1, (PEER, 5000), uid=worker.uid),
                        tb.udp(worker.ns, "", worker.port + 2, uid=worker.uid)]
        self.flows = [(s.fileno(), worker.port + i) for i, s in enumerate(self.sockets)]
        # All of a protocol, which is a raw socket's and takes a right.
        if not worker.uid:
            raw = tb.raw(worker.ns, RAW)
            raw.bind((LOCAL, 0))
            raw.connect((PEER, 0))
            self.sockets.insert(0, raw)
            self.flows.append((raw.fileno(), 0))
        self.odd = worker.odd
        self.master, self.block = rng.randbytes(32), 0
        admin = worker.admin
        for app in self.apps:
            admin.do("app-new", name=app, uid=worker.uid, legacy=app == self.apps[0],
                     **({"wildcard": True, "protocols": bytes((132, RAW))}
                        if app == self.apps[0] else {}))
            client = Client(self.family, worker.uid)
            self.clients.append(client)
        setup = []
        for client, app in zip(self.clients, self.apps):
            setup.append((client, "app-open", {"name": app}))
            setup += [(client, "group-new", {"local": tb.packed(LOCAL)})] * 4
        replies = worker.ask(setup)
        groups = [r for (_, command, _), r in zip(setup, replies) if command == "group-new"]
        self.ids = [g["id"] for g in groups]
        self.block = groups[0]["spi-in"]
        self.installed = [self.ids[0], self.ids[1], self.ids[4]]
        self.persistent = [admin.do("group-new", app=self.apps[0], local=tb.packed(LOCAL),
                                    persistent=True)["id"]]
        master = self.master
        setup = []
        for i, group in enumerate(self.installed):
            setup.append((self.clients[i // 2], "group-set", {
                "id": group, "role": 1, "suite": rng.randrange(1, 9), "master": master,
                "spi-out": 0x5d1c2a00, "peer": tb.packed(PEER),
                "rotate": rng.choice((16, 200, 1 << 20))}))
            master = rng.randbytes(32)
        for fd, port in self.flows[:2]:
            setup.append((self.clients[0], "flow-bind", {
                "group": self.ids[0], "protocol": 17, "local-port": port, "peer-port": 5000,
                "fd": fd}))
        worker.ask(setup)
        admin.do("group-set", id=self.persistent[0], role=1, suite=1, master=rng.randbytes(32),
                 spi_out=0x5d1c2a00, peer=tb.packed(PEER))
        admin.do("flow-bind", group=self.persistent[0], protocol=17, local_port=worker.port + 3,
                 peer_port=5000, any=True)
        self.flows.append((self.flows[0][0], worker.port + 3))
        self.ids += self.persistent
        self.installed += self.persistent
        self.clients.append(Client(self.family, worker.uid))
        if worker.name == "admin":
            self.clients[-1].sock.setsockopt(nl.SOL_NETLINK, nl.NETLINK_ADD_MEMBERSHIP,
                                             admin.mcast["events"])

    def end(self):
        for client in self.clients:
            client.sock.close()
        for sock in self.sockets:
            sock.close()
        admin = self.worker.admin
        for app in self.apps + [b"%s.third\0" % self.prefix, b"%s.fourth\0" % self.prefix,
                                b"x" * 31 + b"\0"]:
            try:
                admin.do("app-del", name=app)
            except OSError as e:
                if e.errno != errno.ENOENT:
                    raise
        # Those of persistent groups have no socket with which they would go.
        for flow in admin.dump("flow-get"):
            if flow["app"].encode().startswith(self.prefix + b"."):
                key = {k.replace("-", "_"): flow[k] for k in USUAL["flow-unbind"]}
                try:
                    admin.do("flow-unbind", **key)
                except OSError as e:
                    # It had a socket.
                    if e.errno != errno.ENOENT:
                        raise


class Strangers:
    """What a stranger finds: names and sockets of his own, and nobody's groups."""

    def __init__(self, worker, rng):
        self.family, self.prefix = worker.family, b"admin"
        self.apps = [b"admin.phone\0", b"user.phone\0", b"user.other\0"]
        self.ids = self.installed = self.persistent = [rng.randrange(1 << 31) for _ in range(8)]
        self.sockets = [tb.udp(worker.ns, LOCAL, worker.port)]
        self.flows = [(self.sockets[0].fileno(), worker.port), (self.sockets[0].fileno(), 4000)]
        self.odd = self.flows
        self.master, self.block = rng.randbytes(32), 0
        self.clients = [Client(self.family) for _ in range(2)]

    def end(self):
        for s in [c.sock for c in self.clients] + self.sockets:
            s.close()


class InPlace:
    """The network namespace a process is in."""

    def entered(self):
        return contextlib.nullcontext()


class Worker:
    """One of the four, in a process of its own."""

    def __init__(self, name, ns, port, texts, elsewhere):
        """elsewhere: a socket of another namespace."""
        self.name, self.ns, self.port, self.texts = name, ns, port, texts
        self.elsewhere = elsewhere
        self.uid = UID if name == "user" else 0
        self.counts = collections.Counter()
        self.heard, self.used, self.wrong = collections.Counter(), set(), []

    # What each process does first.

    def enter(self):
        if self.name in ("outsider", "stranger"):
            # Neither has a right outside the namespaces he is about to make.
            uid = STRANGERS_UID
            os.setresgid(uid, uid, uid)
            os.setgroups([])
            os.setresuid(uid, uid, uid)
            # Otherwise the files of our process are root's.
            tb.libc.prctl(PR_SET_DUMPABLE, 1, 0, 0, 0)
            flags = CLONE_NEWUSER | (tb.CLONE_NEWNET if self.name == "outsider" else 0)
            if tb.libc.unshare(flags):
                raise OSError(ctypes.get_errno(), "unshare")
            for path, text in (("setgroups", "deny"), ("uid_map", "0 %d 1" % uid),
                               ("gid_map", "0 %d 1" % uid)):
                with open("/proc/self/" + path, "w", encoding="ascii") as f:
                    f.write(text)
        if self.name == "outsider":
            tb.run("ip", "link", "set", "lo", "up")
            for address in LOCAL, PEER:
                tb.run("ip", "address", "add", address + "/32", "dev", "lo")
        self.admin = nl.Genl()
        self.family = self.admin.family
        self.odd = self.odd_sockets()

    def odd_sockets(self):
        """(fd, port) of what is no socket for a flow, for a reason each."""
        self.keep = keep = [socket.socket(socket.AF_INET6, socket.SOCK_DGRAM),
                            socket.socket(socket.AF_INET, socket.SOCK_STREAM),
                            socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_UDP)
                            if self.name != "stranger" else
                            socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM),
                            tb.udp(self.ns, LOCAL, self.port + 5),
                            tb.udp(self.ns, LOCAL, self.port + 6),
                            tb.udp(self.ns, LOCAL, self.port + 7),
                            tb.udp(self.ns, LOCAL, self.port + 8, (PEER, 6000), uid=self.uid)]
        if self.uid:
            with tb.as_uid(self.uid):
                keep[:2] = [socket.socket(socket.AF_INET6, socket.SOCK_DGRAM),
                            socket.socket(socket.AF_INET, socket.SOCK_STREAM)]
            keep[4:6] = [tb.udp(self.ns, LOCAL, self.port + 11 + i, uid=self.uid)
                         for i in range(2)]
        # Raw sockets, one of which is not connected, the other not of its protocol.
        if not self.uid and self.name != "stranger":
            self.raws = [tb.raw(self.ns, RAW), tb.raw(self.ns, 254)]
        if self.name != "stranger":
            keep[4].setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"lo")
        keep[ESP_SOCKET].setsockopt(socket.IPPROTO_UDP, UDP_ENCAP, ESPINUDP)
        keep.append(self.elsewhere)
        if not self.uid:
            # Who may not change his user is refused with his own socket for another reason.
            try:
                keep.append(tb.udp(self.ns, LOCAL, self.port + 10, uid=UID))
            except OSError:
                pass
        odd = []
        for s in keep:
            name = s.getsockname() if s.family == socket.AF_INET else ()
            odd.append((s.fileno(), name[1] if len(name) > 1 and name[1] else self.port))
        odd += [(s.fileno(), 0) for s in getattr(self, "raws", ())]
        return odd + [(os.open("/dev/null", os.O_RDONLY), self.port)]

    def ask(self, requests):
        """Many requests in one datagram per socket; their replies in order."""
        datagrams = collections.defaultdict(bytes)
        for i, (client, command, values) in enumerate(requests):
            number, set_name = nl.spec.commands[command]
            datagrams[client] += Head(self.family, number).message(
                i + 1, nl.encode(set_name, values))
        replies = [{} for _ in requests]
        with self.as_owner():
            for client, data in datagrams.items():
                client.sock.send(data)
        # The answers are there when the requests are sent.
        for client in datagrams:
            for kind, _, seq, body in client.messages():
                if seq and kind == self.family:
                    set_name = nl.spec.commands[requests[seq - 1][1]][1]
                    replies[seq - 1] = nl.decode(set_name, body[4:])
                elif kind == nl.NLMSG_ERROR and body[:4] != bytes(4):
                    raise OSError(-struct.unpack_from("=i", body)[0], "%s %r" % (
                        requests[seq - 1][1:], body[20:]))
        return replies

    def as_owner(self):
        return tb.as_uid(self.uid) if self.uid else contextlib.nullcontext()

    # A batch

    def batch(self, maker, rng, number):
        bench = (Strangers if self.name == "stranger" else Bench)(self, rng)
        maker.begin(rng, bench, number)
        what, steps = {}, []
        data, client = b"", rng.choice(bench.clients)
        # What is left of a message cut off is taken for the next one: it shall have other numbers.
        first = 1 << 31 | rng.getrandbits(30)
        for seq in range(first, first + BATCH):
            command, way, message = maker.request(seq)
            what[seq] = command, way
            data += message
            if way in LAST or rng.random() < 0.4 or len(data) > 30000:
                steps.append((client, data))
                data, client = b"", rng.choice(bench.clients)
        steps.append((client, data))
        answers = {}
        lost = rng.randrange(len(steps)) if rng.random() < 0.1 else None
        with self.as_owner():
            if self.name == "admin":
                # Two threads share the sockets, and what requests find they do at once.
                other = threading.Thread(target=self.send, args=(bench, steps[1::2], None, rng))
                other.start()
                self.send(bench, steps[::2], None, rng)
                other.join()
            else:
                self.send(bench, steps, lost, rng, answers)
            for c in bench.clients:
                if c.sock.fileno() >= 0:
                    c.read(answers)
        bench.end()
        self.count(what, answers)

    def send(self, bench, steps, lost, rng, answers=None):
        """lost: where one of the sockets is closed, those with its groups or those of its flows."""
        for i, (client, data) in enumerate(steps):
            if i == lost:
                # The second app's, so that there is something left to do.
                (bench.clients[1].sock if len(bench.clients) > 2 and i % 2 else
                 bench.sockets[-1]).close()
            if client.sock.fileno() < 0:
                client = bench.clients[0]
            try:
                if data:
                    client.sock.send(data)
            except ConnectionRefusedError:
                pass
            # A list goes on when it is read.
            if answers is not None and i % 4 == 0:
                client.read(answers)

    def count(self, what, answers):
        for seq, (command, way) in what.items():
            number, text, replied = answers.get(seq, (None, "", False))
            ok = number == 0 or replied
            self.counts["sent", command] += 1
            if way in ("another command", "a notification's command", "any flags",
                       "the family's policy", "no such family", "a control message"):
                continue
            self.counts["usual", command] += 1
            self.counts["answered", command] += number is not None or replied
            self.counts["done", command] += ok
            self.counts["reached", command] += ok or text in self.texts
            if text in self.texts:
                self.heard[text] += 1
            if replied and self.name == "stranger" or ok and number is not None and \
                    self.name in ("stranger", "user") and command in ADMINS_ONLY and \
                    way not in ("no request", "dump", "flags of new", "all rubbish"):
                self.wrong.append("%s, batch %s: %s got through, %s" % (
                    self.name, os.pread(self.log, 20, 0).decode(), command, way))

    def left(self):
        """Whatever of ours is there after a batch."""
        mine = self.name + "."
        return [g for g in self.admin.dump("group-get") + self.admin.dump("app-get")
                if g.get("app", g.get("name")).startswith(mine)]

    def run(self, seed, batches, only):
        self.enter()
        maker = Maker(seed)
        last = time.monotonic()
        for i, number in enumerate(batches):
            if only not in (None, i):
                continue
            os.pwrite(self.log, b"%d" % i, 0)
            self.batch(maker, random.Random("%d %s %d" % (seed, self.name, i)), number)
            if i % 16 == 15 and self.name != "stranger":
                left = self.left()
                if left:
                    self.wrong.append("batch %d left %s" % (i, left))
            if self.name == "admin" and time.monotonic() > last + 60:
                last = time.monotonic()
                print("   %d of %d batches" % (i, len(batches)), flush=True)
        self.admin.close()
        self.used = maker.used


def work(worker, seed, batches, only, result):
    try:
        worker.run(seed, batches, only)
    except Exception:
        worker.wrong.append("%s %s" % (traceback.format_exc(),
                                       os.pread(worker.log, 20, 0).decode()))
    result.write(json.dumps({"counts": [(*k, v) for k, v in worker.counts.items()],
                             "heard": worker.heard, "used": sorted(worker.used),
                             "wrong": worker.wrong[:20]}))
    result.close()


def refcount():
    with open("/sys/module/sipsec/refcnt", encoding="ascii") as f:
        return int(f.read())


def report(check, results):
    """The table of what was reached, and what of it is too little."""
    totals = {who: collections.Counter({(a, b): n for a, b, n in r["counts"]})
              for who, r in results.items()}
    print("   command        sent  answered  reached  done, in percent of those of usual headers")
    for name in COMMANDS:
        who = [w for w in totals if w != "stranger" and
               not (w == "user" and name in ADMINS_ONLY)]
        sent = sum(t["sent", name] for t in totals.values())
        usual = max(sum(totals[w]["usual", name] for w in who), 1)
        share = {k: sum(totals[w][k, name] for w in who) / usual
                 for k in ("answered", "reached", "done")}
        check.true("%-12s %7d %9.1f %8.1f %5.1f" % (
            name, sent, *(100 * share[k] for k in ("answered", "reached", "done"))),
            share["reached"] >= REACH and share["done"] >= DONE)


def main():
    check = tb.Checks()
    count = int(os.environ.get("FUZZ", "20000"))
    seed = int(os.environ.get("FUZZ_SEED", "0")) or random.SystemRandom().getrandbits(32)
    only, _, batch = os.environ.get("FUZZ_ONLY", "").partition(":")
    print("again: FUZZ_SEED=%d FUZZ=%d" % (seed, count), flush=True)
    check.equal("commands without requests", set(COMMANDS) - set(USUAL), set())
    texts = our_texts()
    before = refcount()
    start = time.monotonic()
    with tb.Netns("one") as one:
        for address in LOCAL, PEER:
            one.ip("address add %s/32 dev lo" % address)
        elsewhere = tb.udp(InPlace(), "", 0)
        with one.entered():
            sad = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, tb.NETLINK_XFRM)
            states = tb.count_states(sad)
            children, batches = {}, 0
            for i, (who, share) in enumerate(SHARES.items()):
                first, batches = batches, batches + round(count * share / BATCH + 0.5)
                if only not in ("", who):
                    continue
                worker = Worker(who, InPlace(), 4000 + 20 * i, texts, elsewhere)
                worker.log = os.open("%s/batch-%s" % (os.environ.get("RESULT", "/tmp"), who),
                                     os.O_RDWR | os.O_CREAT | os.O_TRUNC)
                reading, writing = os.pipe()
                pid = os.fork()
                if not pid:
                    os.close(reading)
                    work(worker, seed, range(first, batches), int(batch) if batch else None,
                         os.fdopen(writing, "w"))
                    os._exit(0)
                os.close(writing)
                children[who] = pid, os.fdopen(reading)
        results = {}
        for who, (pid, result) in children.items():
            results[who] = json.loads(result.read() or '{"wrong": ["it died"]}')
            os.waitpid(pid, 0)
            check.equal("%s: what is wrong" % who, "\n".join(results[who]["wrong"]), "")
        seconds = time.monotonic() - start
        if not only:
            report(check, results)
            ways = {(c, w) for r in results.values() for c, w in r["used"]}
            every = sum(len(e) for e in Maker(seed).every.values())
            check.true("%d of %d ways to spoil a request were used" % (len(ways), every),
                       len(ways) > 0.98 * every or count < 20000)
            heard = collections.Counter()
            for r in results.values():
                heard.update(r["heard"])
            silent = texts - set(heard) - NEEDS_A_FAULT - NEEDS_MORE
            # In 20,000 requests a third may not come up; all of them do in some test (complete.py).
            check.true("%d of %d reasons of ours were heard; not heard: %s" % (
                len(heard), len(texts), "; ".join(sorted(texts - set(heard)))),
                not silent or count < 200000 and len(silent) < len(texts) / 3 or count < 20000)
            count = sum(n for r in results.values() for k, _, n in r["counts"] if k == "sent")
        print("   %d requests in %.1f s: %.0f in a second" % (count, seconds, count / seconds))

        admin = tb.Admin(one)
        # A random name may have been a good one.
        for app in admin.dump("app-get"):
            check.true("an app that is left: %r" % app, "." not in app["name"])
            admin.do("app-del", name=app["name"])
        check.equal("groups left", admin.dump("group-get"), [])
        tb.poll("end of the flows", lambda: not admin.dump("flow-get"))
        check.equal("states left", tb.count_states(sad), states)
        admin.close()
        # A socket that somebody else has open may still have to be freed.
        tb.poll("end of what holds the module", lambda: refcount() <= before, 60)
        check.equal("references to the module", refcount(), before)
    check.finish()


if __name__ == "__main__":
    main()
