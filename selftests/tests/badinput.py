#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""
Every command with what it must refuse: the errno is right, the kernel's words or its attribute
offset name the culprit, and nothing is left of the attempt. For each refusal the same request
without the fault goes through, so a test cannot pass because something else was wrong.
"""

import errno
import os
import socket
import sys
import tempfile

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import sipsec_keys as keys
import testbed as tb
from testbed import packed

UID, OTHER_UID = 60001, 60002
PORT_A, PORT_B = 4000, 5000
BLOCK_B = 0x5d1c2f00
UDP_ENCAP, ESPINUDP = 100, 2
LEAVE_OUT = object()
# IP protocols of which there are no flows: ICMP, IGMP, ESP, AH, ICMPv6, IPComp, and what is no
# transport.
NEVER = 0, 1, 2, 43, 44, 50, 51, 58, 59, 60, 108, 255
GRANTED, REFUSED = 253, 254


class Test:
    def __init__(self, a, b):
        self.a, self.b = a, b
        self.check = tb.Checks()
        self.admin = tb.Admin(a)
        with a.entered():
            self.sad = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, tb.NETLINK_XFRM)

    def bad(self, who, command, good, number, culprit, **change):
        """The good request with this change is refused because of the culprit."""
        request = {k: v for k, v in {**good, **change}.items() if v is not LEAVE_OUT}
        shown = ", ".join("%s=%s" % (k, "left out" if v is LEAVE_OUT else
                                     v.hex() if isinstance(v, bytes) else v)
                          for k, v in change.items() if k != "master")
        what = "%s %s" % (command, shown or culprit)
        before = self.left()
        e = self.check.refused(what, number, who.do, command, **request)
        if e and culprit and not (culprit in (e.attribute, e.missing) or
                                  e.text.startswith(culprit + ":")):
            self.check.true("%s: names %s: %s" % (what, culprit, e), False)
        if e and not e.text:
            # The kernel's own checks of presence and capabilities have no words.
            self.check.true("%s: says why" % what, number == errno.EPERM)
        if self.left() != before:
            self.check.true("%s: leaves nothing behind" % what, False)

    def left(self):
        """All that a request could leave behind."""
        return (tb.count_states(self.sad), self.admin.dump("flow-get"), self.admin.dump("app-get"),
                [(g["id"], g["state"]) for g in self.admin.dump("group-get")])

    def apps(self):
        bad, admin = self.bad, self.admin
        good = {"name": "phone", "uid": UID}
        bad(admin, "app-new", good, errno.EINVAL, "name", name=LEAVE_OUT)
        bad(admin, "app-new", good, errno.EINVAL, "name", name="")
        bad(admin, "app-new", good, errno.EINVAL, "name", name="a b")
        bad(admin, "app-new", good, errno.EINVAL, "name", name="b\u00fcro")
        bad(admin, "app-new", good, errno.EINVAL, "name", name=b"phone")
        bad(admin, "app-new", good, errno.EINVAL, "name", name="x" * 32)
        bad(admin, "app-new", good, errno.EINVAL, "uid", uid=LEAVE_OUT)
        bad(admin, "app-new", good, errno.EINVAL, "uid", uid=0xffffffff)
        bad(admin, "app-new", good, errno.EINVAL, "uid", uid=b"\1\2")
        bad(admin, "app-new", good, errno.ERANGE, "legacy", legacy=b"\1")
        bad(admin, "app-new", good, errno.ERANGE, "wildcard", wildcard=b"\1")
        bad(admin, "app-new", good, errno.EINVAL, "groups", groups=1)
        everything = {**good, "gid": UID, "max_groups": 1, "max_flows": 1, "max_groups_uid": 1,
                      "max_flows_uid": 1, "level": 1, "min_suite": 1, "port_min": 1,
                      "port_max": 1, "peer": [packed(self.b.address) + b"\x20"] * 16,
                      "linger": 1, "viewer": UID, "max_memory": 1,
                      "max_memory_uid": 1, "wildcard": True,
                      "protocols": bytes((47, 132, 253))}
        for command in "app-new", "app-set":
            for number, culprit, change in (
                    (errno.EINVAL, "uid", {"uid": LEAVE_OUT, "gid": LEAVE_OUT}),
                    (errno.EINVAL, "gid", {"gid": 0xffffffff}),
                    (errno.EINVAL, "viewer", {"viewer": 0xffffffff}),
                    (errno.EINVAL, "viewer", {"viewer": b"\1"}),
                    (errno.EINVAL, "max-memory", {"max_memory": b"\1\0\0\0"}),
                    (errno.EINVAL, "memory", {"memory": 1}),
                    (errno.ENOENT, "cgroup", {"cgroup": "/nowhere"}),
                    (errno.EINVAL, "cgroup", {"cgroup": b"/"}),
                    (errno.EINVAL, "cgroup", {"cgroup": "/" * 512}),
                    (errno.ERANGE, "level", {"level": 0}),
                    (errno.ERANGE, "level", {"level": 3}),
                    (errno.ERANGE, "min-suite", {"min_suite": 0}),
                    (errno.ERANGE, "min-suite", {"min_suite": 11}),
                    (errno.ERANGE, "port-min", {"port_min": 0}),
                    (errno.ERANGE, "port-min", {"port_min": 2}),
                    (errno.ERANGE, "port-min", {"port_max": 0}),
                    (errno.EINVAL, "peer", {"peer": b""}),
                    (errno.EINVAL, "peer", {"peer": bytes(4)}),
                    (errno.EINVAL, "peer", {"peer": bytes(261)}),
                    (errno.EINVAL, "peer", {"peer": [bytes(17), bytes(6)]}),
                    (errno.EINVAL, "peer", {"peer": packed(self.b.address) + b"\x21"}),
                    (errno.EINVAL, "peer", {"peer": bytes(16) + b"\x81"}),
                    (errno.EINVAL, "peer", {"peer": packed("::ffff:192.0.2.1") + b"\x80"}),
                    *((errno.EINVAL, "protocols", {"protocols": bytes((47, n))})
                      for n in (*NEVER, 6, 17)),
                    (errno.E2BIG, "peer", {"peer": [bytes(5)] * 17})):
                bad(admin, command, everything, number, culprit, **change)
        bad(admin, "app-set", everything, errno.ENOENT, "name")
        admin.do("app-new", **everything)
        admin.do("app-set", **everything, cgroup="/")
        admin.do("app-del", name="phone")
        user = tb.User(self.a, UID)
        bad(user, "app-new", good, errno.EPERM, None)
        bad(user, "app-set", good, errno.EPERM, None)
        bad(user, "app-del", {"name": "phone"}, errno.EPERM, None)
        self.check.refused("joining the events", errno.EPERM, user.join)
        user.close()
        admin.do("app-new", **good)
        admin.do("app-new", name="x" * 31, uid=OTHER_UID)
        bad(admin, "app-new", good, errno.EEXIST, "name")
        admin.do("app-new", name="other", uid=OTHER_UID)

        bad(admin, "app-del", good, errno.EINVAL, "name", name=LEAVE_OUT, uid=LEAVE_OUT)
        bad(admin, "app-del", good, errno.EINVAL, "uid")
        bad(admin, "app-del", {}, errno.ENOENT, "name", name="nobody")
        admin.do("app-del", name="x" * 31)

        self.stranger = tb.Owner(self.a, "other", uid=OTHER_UID, register=False)
        fresh = tb.User(self.a, OTHER_UID)
        bad(fresh, "app-open", {"name": "phone"}, errno.ENOENT, "name")
        bad(fresh, "app-open", {}, errno.ENOENT, "name", name="nobody")
        bad(fresh, "app-open", {}, errno.EINVAL, "name")
        fresh.close()
        self.owner = tb.Owner(self.a, "phone", uid=UID, register=False)
        bad(self.owner, "app-open", {"name": "phone"}, errno.EBUSY, None)
        bad(self.owner, "app-get", {}, errno.EINVAL, "name")
        bad(self.owner, "app-get", {"name": "other"}, errno.ENOENT, "name")
        bad(self.owner, "stats-get", {}, errno.EINVAL, "app")
        bad(self.owner, "stats-get", {"app": "other"}, errno.ENOENT, "app")
        bad(self.admin, "app-get", {"name": "nobody"}, errno.ENOENT, "name")
        bad(self.admin, "app-watch", {"name": "nobody"}, errno.ENOENT, "name")
        bad(self.owner, "app-watch", {}, errno.EINVAL, "name")
        bad(self.owner, "app-watch", {"name": "other"}, errno.ENOENT, "name")
        for command in ("app-get", "stats-get"):
            self.check.equal("%s lists to its owner" % command,
                             [x.get("name") or x["app"] for x in self.owner.dump(command)],
                             ["phone"])
        self.owner.do("app-get", name="phone")
        self.owner.do("stats-get", app="phone")

    def reservations(self):
        a = self.a.address
        good = {"local": packed(a)}

        def bad(number, culprit, who=self.owner, **change):
            self.bad(who, "group-new", good, number, culprit, **change)

        bad(errno.EINVAL, "local", local=LEAVE_OUT)
        for size in (0, 3, 5, 15, 17):
            bad(errno.EINVAL, "local", local=bytes(size))
        bad(errno.EINVAL, "local", local=packed("::ffff:10.9.0.1"))
        for address in ("2001:db8::1", "::", "ff0e::1", "192.0.2.9", "0.0.0.0", "224.0.0.1",
                        "255.255.255.255", "10.9.0.255", self.b.address):
            bad(errno.EADDRNOTAVAIL, "local", local=packed(address))
        bad(errno.EPERM, "persistent", persistent=True, app="phone")
        bad(errno.ERANGE, "persistent", persistent=b"\1")
        bad(errno.EPERM, "spi-in", spi_in=0x4000)
        bad(errno.EINVAL, "app", app="phone")
        bad(errno.EINVAL, "spi-out", spi_out=0x4000)
        bad(errno.EINVAL, "id", id=7)
        bad(errno.ENOTCONN, None, who=self.admin)

        manual = {"app": "phone", "persistent": True, "who": self.admin}
        bad(errno.EINVAL, "app", **{**manual, "app": LEAVE_OUT})
        bad(errno.ENOENT, "app", **{**manual, "app": "nobody"})
        for block in (0, 1, 0x80, 0xff, 0x101, 0x40ff, 0xc0000000, 0xcfffff00, b"\0\x40"):
            bad(errno.EINVAL, "spi-in", **manual, spi_in=block)
        group = self.admin.do("group-new", **good, app="phone", persistent=True, spi_in=0x4000)
        self.check.equal("the block asked for", group["spi-in"], 0x4000)
        bad(errno.EADDRINUSE, "spi-in", **manual, spi_in=0x4000)
        self.admin.do("group-del", id=group["id"])
        # A stranger's SA in the middle of the block.
        state = keys.Round(0, 0x4081, None, bytes(20))
        self.a.batch([keys.xfrm_state("add", state, 1, self.b.address, a)])
        bad(errno.EADDRINUSE, "spi-in", **manual, spi_in=0x4000)
        self.a.batch([keys.xfrm_state("delete", state, 1, self.b.address, a)])
        group = self.admin.do("group-new", **good, app="phone", persistent=True, spi_in=0x4000)
        self.admin.do("group-del", id=group["id"])

    def installation(self):
        a, b = self.a.address, self.b.address
        self.group, block = self.owner.reserve(a)
        good = {"id": self.group, "role": tb.OFFERER, "suite": 1, "master": tb.fresh_master(),
                "spi_out": BLOCK_B, "peer": packed(b)}

        def bad(number, culprit, who=self.owner, **change):
            self.bad(who, "group-set", good, number, culprit, **change)

        for name in good:
            bad(errno.EINVAL, name.replace("_", "-"), **{name: LEAVE_OUT})
        for group in (0, 1, self.group + 1, 0xffffffff):
            bad(errno.ENOENT, "id", id=group)
        bad(errno.ENOENT, "id", who=self.stranger)
        for name, least, most in (("role", 1, 2), ("suite", 1, 10), ("prf", 1, 2),
                                  ("mode", 1, 3)):
            for value in (least - 1, most + 1, 0xffffffff):
                bad(errno.ERANGE, name, **{name: value})
            bad(errno.EINVAL, name, **{name: b"\1"})
        for suite in (9, 10):
            bad(errno.EACCES, "suite", suite=suite)
        for size in (0, 1, 31, 33, 48, 64):
            bad(errno.EINVAL, "master", master=bytes(size))
        bad(errno.EINVAL, "master", prf=2)
        for identity in (b"\0", b"a", b"x" * 256 + b"\0"):
            bad(errno.EINVAL, "peer-identity", peer_identity=identity)
        for identity in (b"a\nb\0", b"\xff\0", b"a\xc3\0", b"\xc0\xaf\0"):
            bad(errno.EINVAL, "peer-identity", peer_identity=identity)
        for spi in (0, 0xff, 0x101, 0x5d1c2f80):
            bad(errno.EINVAL, "spi-out", spi_out=spi)
        for size in (0, 3, 5, 15, 17):
            bad(errno.EINVAL, "peer", peer=bytes(size))
        bad(errno.EAFNOSUPPORT, "peer", peer=packed("2001:db8::1"))
        bad(errno.EINVAL, "peer", peer=packed("::ffff:10.9.0.2"))
        for address in ("::", "ff02::1", "0.0.0.0", "224.0.0.1", "239.255.255.255",
                        "255.255.255.255", "10.9.0.255"):
            bad(errno.EINVAL, "peer", peer=packed(address))
        for name, values in (("rotate", (0, 15, (1 << 31) + 1)), ("life", (0,)),
                             ("window", (0, 63, 4097))):
            for value in values:
                bad(errno.ERANGE, name, **{name: value})
        for suite in (1, 2):
            bad(errno.ERANGE, "rotate", suite=suite, rotate=(1 << 28) + 1)
        bad(errno.ERANGE, "esn", esn=b"\1")
        bad(errno.ERANGE, "lookahead", lookahead=17)
        bad(errno.EINVAL, "tfc", tfc=b"\1")
        bad(errno.EINVAL, "tfc", tfc=1)
        bad(errno.EINVAL, "tfc", tfc=1, mode=2, suite=8)
        bad(errno.EINVAL, "tfc", tfc=1, mode=3)
        self.encapsulation(good)
        for name, value in (("local", packed(a)), ("app", "phone"), ("persistent", True),
                            ("spi_in", block), ("state", 1), ("packets_in", 1)):
            bad(errno.EINVAL, name.replace("_", "-"), **{name: value})

        # A stranger's SA takes an SPI of the block that was reserved.
        state = keys.Round(0, block + 1, None, bytes(20))
        self.a.batch([keys.xfrm_state("add", state, 1, b, a)])
        bad(errno.EEXIST, "spi-in")
        self.check.equal("states but the stranger's", len(self.a.states()), 1)
        self.a.batch([keys.xfrm_state("delete", state, 1, b, a)])

        self.bad(self.owner, "group-rotate", {"id": self.group}, errno.ENOKEY, "id")
        self.flow_good = {"group": self.group, "protocol": 17, "local_port": PORT_A,
                          "peer_port": PORT_B}
        sock = tb.udp(self.a, a, PORT_A, uid=UID)
        self.bad(self.owner, "flow-bind", self.flow_good, errno.ENOKEY, "group", fd=sock.fileno())
        sock.close()

        self.owner.do("group-set", **good)
        self.check.true("states are there", len(self.a.states()) > 0)
        bad(errno.EALREADY, "id")
        bad(errno.EALREADY, "id", master=tb.fresh_master())

        # Once used in a role, a secret cannot be used in it again; in the other one it can.
        second, _ = self.owner.reserve(a)
        bad(errno.EKEYREJECTED, "master", id=second)
        self.owner.do("group-set", **{**good, "id": second, "role": tb.ANSWERER})
        self.owner.do("group-del", id=second)
        third, _ = self.owner.reserve(a)
        bad(errno.EKEYREJECTED, "master", id=third, role=tb.ANSWERER)
        for suite in range(1, 9):
            most = 1 << 28 if suite < 3 else 1 << 31
            self.owner.do("group-set", **{**good, "id": third, "suite": suite, "rotate": most,
                                          "esn": True, "master": tb.fresh_master()})
            self.owner.do("group-del", id=third)
            third, _ = self.owner.reserve(a)
        self.owner.do("group-del", id=third)
        # An AH SA in the middle of a block.
        state = keys.Round(0, 0x4081, None, bytes(32))
        manual = {"local": packed(a), "app": "phone", "persistent": True, "spi_in": 0x4000}
        self.a.batch([keys.xfrm_state("add", state, 8, b, a)])
        self.bad(self.admin, "group-new", manual, errno.EADDRINUSE, "spi-in")
        self.a.batch([keys.xfrm_state("delete", state, 8, b, a)])

    def encapsulation(self, good):
        """UDP ports to send ESP from are another's unless the app has a socket there."""
        a, port, reuse = self.a.address, 4500, socket.SO_REUSEADDR
        sock = tb.udp(self.a, a, port, uid=UID, option=reuse)
        good = {**good, "encap_fd": sock.fileno(), "encap_port": port, "encap_peer_port": 4501}

        def bad(number, culprit, **change):
            self.bad(self.owner, "group-set", good, number, culprit, **change)

        def bad_socket(number, s, encap=True):
            if encap:
                s.setsockopt(socket.IPPROTO_UDP, UDP_ENCAP, ESPINUDP)
            bad(number, "encap-fd", encap_fd=s.fileno())
            s.close()

        bad(errno.EOPNOTSUPP, "encap-fd")
        sock.setsockopt(socket.IPPROTO_UDP, UDP_ENCAP, ESPINUDP)
        bad(errno.EINVAL, "encap-fd", encap_fd=LEAVE_OUT)
        for name in "encap_port", "encap_peer_port":
            bad(errno.EINVAL, "encap", **{name: LEAVE_OUT})
            bad(errno.ERANGE, name.replace("_", "-"), **{name: 0})
        bad(errno.EINVAL, "encap", suite=8)
        bad(errno.EBADF, "encap-fd", encap_fd=9999)
        bad(errno.EINVAL, "encap-fd", encap_fd=b"\1")
        bad(errno.EADDRNOTAVAIL, "encap-fd", encap_port=port + 1)
        bad_socket(errno.EPERM, tb.udp(self.a, a, port, uid=OTHER_UID, option=reuse))
        bad_socket(errno.EPERM, tb.udp(self.a, a, port, uid=0, option=reuse))
        bad_socket(errno.EINVAL, tb.udp(self.b, self.b.address, port, uid=UID))
        bad_socket(errno.EADDRNOTAVAIL, tb.udp(self.a, "127.0.0.1", port, uid=UID))
        bad_socket(errno.EISCONN, tb.udp(self.a, a, port, (self.b.address, 4502), UID, reuse))
        bad_socket(errno.EAFNOSUPPORT, tb.udp(self.a, "::", port, uid=UID, option=reuse))
        device = tb.udp(self.a, a, port, uid=UID, option=reuse)
        device.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"wire\0")
        bad_socket(errno.EOPNOTSUPP, device)
        with self.a.entered(), tb.as_uid(UID):
            stream, local = (socket.socket(f, t) for f, t in (
                (socket.AF_INET, socket.SOCK_STREAM), (socket.AF_UNIX, socket.SOCK_DGRAM)))
        bad_socket(errno.EPROTOTYPE, stream, False)
        bad_socket(errno.EAFNOSUPPORT, local, False)
        self.owner.do("group-set", **{**good, "id": self.owner.reserve(a)[0],
                                      "master": tb.fresh_master()})
        for g in self.owner.dump("group-get"):
            if "encap-port" in g:
                self.owner.do("group-del", id=g["id"])
        sock.close()

    def ids(self):
        for command in ("group-get", "group-del", "group-rotate", "group-adopt"):
            good = {"id": self.group}
            self.bad(self.owner, command, good, errno.EINVAL, "id", id=LEAVE_OUT)
            self.bad(self.owner, command, good, errno.EINVAL, "id", id=b"\1")
            self.bad(self.owner, command, good, errno.ENOENT, "id", id=self.group + 9)
            self.bad(self.stranger, command, good, errno.ENOENT, "id")
            self.bad(self.owner, command, good, errno.EINVAL, "role", role=1)
        self.check.equal("groups the stranger sees", self.stranger.dump("group-get"), [])
        self.check.equal("groups the owner sees",
                         [g["id"] for g in self.owner.dump("group-get")], [self.group])

    def flows(self):
        a, b = self.a.address, self.b.address
        sock = tb.udp(self.a, a, PORT_A, uid=UID, option=socket.SO_REUSEADDR)
        good = {**self.flow_good, "fd": sock.fileno()}

        def bad(number, culprit, who=self.owner, **change):
            self.bad(who, "flow-bind", good, number, culprit, **change)

        def bad_socket(number, s, culprit="fd"):
            bad(number, culprit, fd=s.fileno())
            s.close()

        for name in ("group", "protocol", "local_port", "peer_port"):
            bad(errno.EINVAL, name.replace("_", "-"), **{name: LEAVE_OUT})
        bad(errno.EINVAL, None, fd=LEAVE_OUT)
        bad(errno.EINVAL, None, uid=UID)
        bad(errno.EINVAL, None, any=True)
        bad(errno.EINVAL, "uid", uid=UID, fd=LEAVE_OUT)
        bad(errno.EINVAL, "any", any=True, fd=LEAVE_OUT)
        bad(errno.ENOENT, "group", group=self.group + 9)
        bad(errno.ENOENT, "group", group=0)
        bad(errno.ENOENT, "group", who=self.stranger)
        for protocol in (*NEVER, 6):
            bad(errno.EPROTONOSUPPORT, "protocol", protocol=protocol)
        for protocol in (REFUSED, 132):
            bad(errno.EINVAL, "ports", protocol=protocol)
            bad(errno.EINVAL, "ports", protocol=protocol, local_port=0)
            bad(errno.EPERM, "protocol", protocol=protocol, local_port=0, peer_port=0)
            bad(errno.EPERM, "protocol", protocol=protocol, local_port=LEAVE_OUT,
                peer_port=LEAVE_OUT)
        bad(errno.EINVAL, "local-port", local_port=0)
        bad(errno.EPERM, "local-port", local_port=0, peer_port=0)
        bad(errno.EPERM, "peer-port", peer_port=0, shared=True)
        bad(errno.EINVAL, "peer", peer=packed(b))
        bad(errno.EADDRNOTAVAIL, "fd", local_port=PORT_A + 1)
        for fd in (9999, 0x7fffffff, 0xffffffff):
            bad(errno.EBADF, "fd", fd=fd)
        with tempfile.TemporaryFile() as f:
            bad(errno.ENOTSOCK, "fd", fd=f.fileno())
        reuse = socket.SO_REUSEADDR
        bad_socket(errno.EPERM, tb.udp(self.a, a, PORT_A, uid=OTHER_UID, option=reuse))
        bad_socket(errno.EPERM, tb.udp(self.a, a, PORT_A, uid=0, option=reuse))
        bad_socket(errno.EINVAL, tb.udp(self.b, b, PORT_A, uid=UID))
        bad_socket(errno.EISCONN, tb.udp(self.a, a, PORT_A, (b, PORT_B + 1), UID, reuse))
        bad_socket(errno.EADDRNOTAVAIL, tb.udp(self.a, "127.0.0.1", PORT_A, uid=UID))
        with self.a.entered(), tb.as_uid(UID):
            others = [(errno.EPROTOTYPE, socket.socket(socket.AF_INET, socket.SOCK_STREAM)),
                      (errno.EADDRNOTAVAIL, socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)),
                      (errno.EAFNOSUPPORT, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))]
        for number, s in others:
            bad_socket(number, s)
        device = tb.udp(self.a, a, PORT_A, uid=UID, option=reuse)
        device.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"wire\0")
        bad_socket(errno.EOPNOTSUPP, device)
        tunnel = tb.udp(self.a, a, PORT_A, uid=UID, option=reuse)
        tunnel.setsockopt(socket.IPPROTO_UDP, UDP_ENCAP, ESPINUDP)
        bad_socket(errno.EOPNOTSUPP, tunnel)

        self.owner.do("flow-bind", **good)
        bad_socket(errno.EADDRINUSE, tb.udp(self.a, a, PORT_A, uid=UID, option=reuse), None)
        other_group, _ = self.stranger.reserve(a)
        self.stranger.install(other_group, b, tb.OFFERER, tb.fresh_master(), BLOCK_B + 0x100)
        theirs = tb.udp(self.a, a, PORT_A, uid=OTHER_UID, option=reuse)
        bad(errno.EADDRINUSE, None, who=self.stranger, group=other_group, fd=theirs.fileno())
        theirs.close()
        self.stranger.do("group-del", id=other_group)

        named = {"protocol": 17, "local": packed(a), "local_port": PORT_A, "peer": packed(b),
                 "peer_port": PORT_B}
        for command in ("flow-get", "flow-unbind"):
            for name in named:
                self.bad(self.owner, command, named, errno.EINVAL, name.replace("_", "-"),
                         **{name: LEAVE_OUT})
            for name in ("local", "peer"):
                self.bad(self.owner, command, named, errno.EINVAL, name, **{name: bytes(3)})
            for name in ("local_port", "peer_port"):
                self.bad(self.owner, command, named, errno.ENOENT, None, **{name: 9})
            self.bad(self.owner, command, named, errno.ENOENT, None, peer=packed(a))
            self.bad(self.stranger, command, named, errno.ENOENT, None)
        self.check.equal("flows the stranger sees", self.stranger.dump("flow-get"), [])
        self.check.equal("flows the owner sees", len(self.owner.dump("flow-get")), 1)
        self.owner.do("flow-get", **named)
        self.owner.do("flow-unbind", **named)
        # Of any port of the peer at a port of its own the app may have a flow without a grant.
        self.owner.do("flow-bind", **{**good, "peer_port": 0})
        self.owner.do("flow-unbind", **{**named, "peer_port": 0})
        sock.close()

    def granted(self):
        """With the grants a flow still has to make sense."""
        a, b = self.a.address, self.b.address
        self.admin.do("app-set", name="phone", uid=0, wildcard=True, protocols=bytes((GRANTED,)))
        raw, other, v6, packet = (
            tb.raw(self.a, GRANTED), tb.raw(self.a, REFUSED), tb.raw(self.a, GRANTED, v6=True),
            tb.udp(self.a, a, PORT_A))
        good = {"group": self.group, "protocol": GRANTED, "fd": raw.fileno()}

        def bad(number, culprit, **change):
            self.bad(self.owner, "flow-bind", good, number, culprit, **change)

        bad(errno.ENOTCONN, "fd")
        raw.connect(("10.9.0.3", 0))
        bad(errno.EISCONN, "fd")
        bad(errno.EISCONN, "fd", shared=True)
        raw.connect((b, 0))
        bad(errno.EPERM, "protocol", protocol=REFUSED)
        bad(errno.EINVAL, "ports", peer_port=1)
        bad(errno.EPROTOTYPE, "fd", fd=other.fileno())
        bad(errno.EPROTOTYPE, "fd", fd=packet.fileno())
        bad(errno.EAFNOSUPPORT, "fd", fd=v6.fileno())
        bad(errno.EBADF, "fd", fd=9999)
        elsewhere = tb.raw(self.a, GRANTED)
        elsewhere.bind(("127.0.0.1", 0))
        bad(errno.EADDRNOTAVAIL, "fd", fd=elsewhere.fileno(), shared=True)
        bound = tb.raw(self.a, GRANTED)
        bound.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"wire\0")
        bad(errno.EOPNOTSUPP, "fd", fd=bound.fileno(), shared=True)
        udp = {"protocol": 17, "local_port": 0, "peer_port": 0, "fd": packet.fileno()}
        bad(errno.EINVAL, "fd", **udp)
        bad(errno.EINVAL, "local-port", **{**udp, "peer_port": PORT_B})
        self.owner.do("flow-bind", **good)
        self.owner.do("flow-bind", **good)
        bad(errno.EADDRINUSE, None, shared=True)
        self.owner.do("flow-bind", **{**good, **udp, "local_port": PORT_A, "shared": True})
        for name in ({"protocol": GRANTED}, {"protocol": 17, "local_port": PORT_A,
                                             "peer_port": 0}):
            name = {**name, "local": packed(a), "peer": packed(b)}
            self.bad(self.owner, "flow-unbind", name, errno.ENOENT, None, peer=packed(a))
            self.owner.do("flow-unbind", **name)
        for s in (raw, other, v6, packet, elsewhere, bound):
            s.close()
        # What the app has, it has; and there is nothing new without the grant.
        self.admin.do("app-set", name="phone", uid=UID)

    def persistent(self):
        """Groups of the administrator: their flows have no socket but a user."""
        a, b = self.a.address, self.b.address
        group = self.admin.do("group-new", local=packed(a), app="phone", persistent=True)["id"]
        keys_of = {"id": group, "role": tb.OFFERER, "suite": 1, "spi_out": BLOCK_B + 0x200,
                   "peer": packed(b), "master": tb.fresh_master(), "encap_port": 4500,
                   "encap_peer_port": 4501}
        # Whose sockets these are the administrator knows.
        encap = tb.encap_socket(self.a, a, 4500, uid=UID)
        self.bad(self.admin, "group-set", keys_of, errno.EINVAL, "encap-fd",
                 encap_fd=encap.fileno())
        encap.close()
        self.admin.do("group-set", **keys_of)
        good = {"group": group, "protocol": 17, "local_port": PORT_A, "peer_port": PORT_B,
                "uid": UID}

        def bad(number, culprit, who=self.admin, **change):
            self.bad(who, "flow-bind", good, number, culprit, **change)

        sock = tb.udp(self.a, a, PORT_A, uid=UID)
        bad(errno.EINVAL, "fd", uid=LEAVE_OUT, fd=sock.fileno())
        sock.close()
        bad(errno.EINVAL, "uid", uid=0xffffffff)
        bad(errno.EINVAL, "shared", shared=True)
        bad(errno.EINVAL, "shared", shared=True, uid=LEAVE_OUT, any=True)
        bad(errno.EPERM, "uid", who=self.owner)
        bad(errno.EPERM, "any", who=self.owner, uid=LEAVE_OUT, any=True)
        # What the app was not granted the administrator does not bind for it.
        for change in {"uid": UID}, {"uid": LEAVE_OUT, "any": True}:
            bad(errno.EPERM, "peer-port", **{**change, "peer_port": 0})
            bad(errno.EPERM, "local-port", **{**change, "local_port": 0, "peer_port": 0})
            bad(errno.EPERM, "protocol", **{**change, "protocol": GRANTED, "local_port": 0,
                                            "peer_port": 0})
        grants = {"name": "phone", "uid": UID, "wildcard": True, "protocols": bytes((GRANTED,))}
        self.admin.do("app-set", **grants)
        bad(errno.EINVAL, "uid", protocol=GRANTED, local_port=0, peer_port=0)
        self.admin.do("app-set", **grants, port_max=PORT_A)
        bad(errno.EACCES, "local-port", local_port=0, peer_port=0)
        self.admin.do("app-set", name="phone", uid=UID)
        self.admin.do("flow-bind", **good)
        self.admin.do("flow-bind", **good)
        bad(errno.EADDRINUSE, None, uid=OTHER_UID)
        bad(errno.EADDRINUSE, None, uid=LEAVE_OUT, any=True)
        self.bad(self.owner, "group-del", {"id": group}, errno.EPERM, None)
        self.bad(self.owner, "group-adopt", {"id": group}, errno.EPERM, "id")
        flow, = self.admin.dump("flow-get")
        named = {k: v for k, v in flow.items() if k in (
            "protocol", "local", "local-port", "peer", "peer-port")}
        self.bad(self.owner, "flow-unbind", named, errno.EPERM, None)
        self.admin.do("group-del", id=group)
        self.admin.do("flow-unbind", **named)

    def end(self):
        self.owner.do("group-rotate", id=self.group)
        self.owner.do("group-get", id=self.group)
        self.owner.do("group-del", id=self.group)
        self.stranger.receive_waiting()
        self.check.equal("events the stranger got of others",
                         [e for e in self.stranger.events if e.values["app"] != "other"], [])
        self.owner.close()
        self.stranger.close()
        self.check.equal("groups left", self.admin.dump("group-get"), [])
        self.check.equal("flows left", self.admin.dump("flow-get"), [])
        self.check.equal("states left", self.a.states(), [])


def main():
    with tb.two_hosts() as (a, b):
        test = Test(a, b)
        test.apps()
        test.reservations()
        test.installation()
        test.ids()
        test.flows()
        test.granted()
        test.persistent()
        test.end()
    test.check.finish()


if __name__ == "__main__":
    main()
