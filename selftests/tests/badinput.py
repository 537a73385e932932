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
LEAVE_OUT = object()


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
        bad(admin, "app-new", good, errno.EINVAL, "groups", groups=1)
        user = tb.User(self.a, UID)
        bad(user, "app-new", good, errno.EPERM, None)
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
        bad(errno.EAFNOSUPPORT, "local", local=packed("2001:db8::1"))
        for address in ("192.0.2.9", "0.0.0.0", "224.0.0.1", "255.255.255.255", "10.9.0.255",
                        self.b.address):
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
        for suite in range(4, 11):
            bad(errno.EOPNOTSUPP, "suite", suite=suite)
        for mode in (2, 3):
            bad(errno.EOPNOTSUPP, "mode", mode=mode)
        for size in (0, 1, 31, 33, 48, 64):
            bad(errno.EINVAL, "master", master=bytes(size))
        bad(errno.EINVAL, "master", prf=2)
        for spi in (0, 0xff, 0x101, 0x5d1c2f80):
            bad(errno.EINVAL, "spi-out", spi_out=spi)
        for size in (0, 3, 5, 15, 17):
            bad(errno.EINVAL, "peer", peer=bytes(size))
        bad(errno.EAFNOSUPPORT, "peer", peer=packed("2001:db8::1"))
        for address in ("0.0.0.0", "224.0.0.1", "239.255.255.255", "255.255.255.255",
                        "10.9.0.255"):
            bad(errno.EINVAL, "peer", peer=packed(address))
        for name, values in (("rotate", (0, 15, (1 << 31) + 1)), ("life", (0,)),
                             ("window", (0, 63, 4097))):
            for value in values:
                bad(errno.ERANGE, name, **{name: value})
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
        self.owner.do("group-set", **{**good, "id": third, "master": tb.fresh_master()})
        self.owner.do("group-del", id=third)

    def ids(self):
        for command in ("group-get", "group-del", "group-rotate"):
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
        for protocol in (0, 1, 6, 50, 51, 132, 255):
            bad(errno.EPROTONOSUPPORT, "protocol", protocol=protocol)
        bad(errno.EINVAL, "local-port", local_port=0)
        bad(errno.EINVAL, "peer-port", peer_port=0)
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
                      (errno.EAFNOSUPPORT, socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)),
                      (errno.EAFNOSUPPORT, socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM))]
        for number, s in others:
            bad_socket(number, s)
        device = tb.udp(self.a, a, PORT_A, uid=UID, option=reuse)
        device.setsockopt(socket.SOL_SOCKET, socket.SO_BINDTODEVICE, b"wire\0")
        bad_socket(errno.EOPNOTSUPP, device)

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
        sock.close()

    def persistent(self):
        """Groups of the administrator: their flows have no socket but a user."""
        a, b = self.a.address, self.b.address
        group = self.admin.do("group-new", local=packed(a), app="phone", persistent=True)["id"]
        self.admin.do("group-set", id=group, role=tb.OFFERER, suite=1, spi_out=BLOCK_B + 0x200,
                      peer=packed(b), master=tb.fresh_master())
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
        self.admin.do("flow-bind", **good)
        self.bad(self.owner, "group-del", {"id": group}, errno.EPERM, None)
        self.admin.do("group-del", id=group)
        for flow in self.admin.dump("flow-get"):
            self.admin.do("flow-unbind", **{k: v for k, v in flow.items() if k in (
                "protocol", "local", "local-port", "peer", "peer-port")})

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
        test.persistent()
        test.end()
    test.check.finish()


if __name__ == "__main__":
    main()
