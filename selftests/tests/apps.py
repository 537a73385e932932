#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""
   a: module, processes of several users                  b: ip xfrm, keys of sipsec_keys.py
   [wire 10.9.0.1] ---------------------------------- [wire 10.9.0.2]

Each thing that an app's settings refuse goes through for somebody, or with another value, whom the
same settings allow.
"""

import array
import contextlib
import ctypes
import errno
import os
import signal
import socket
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import nl
import sipsec_keys as keys
import testbed as tb
from testbed import packed

PORT_A, PORT_B = 4000, 5000
BLOCK_B = 0x5d1c3000
UID, OTHER_UID = 60001, 60002
GID, OTHER_GID = 60011, 60012
SUITE = 1
GAP = 200
CLONE_NEWUSER = 0x10000000
REASON = nl.spec.enums["end-reason"]


class Ids:
    """Users and groups of a process."""

    def __init__(self, uid=UID, gid=OTHER_GID, groups=(), cgroup=None):
        self.uid, self.gid, self.groups, self.cgroup = uid, gid, groups, cgroup

    def __str__(self):
        return "%d %d %s %s" % (self.uid, self.gid, self.groups,
                                self.cgroup and self.cgroup.path)

    @contextlib.contextmanager
    def taken(self):
        old = os.getgroups()
        if self.cgroup:
            self.cgroup.enter()
        os.setgroups(self.groups)
        os.setresgid(self.gid, self.gid, 0)
        try:
            with tb.as_uid(self.uid):
                yield
        finally:
            os.setresgid(0, 0, 0)
            os.setgroups(old)
            if self.cgroup:
                self.cgroup.leave()


class Cgroup:
    """A cgroup (v2) for this process to be in for a while."""

    root = None

    def __init__(self, name):
        if not Cgroup.root:
            Cgroup.root = "%s/cgroup" % os.environ["RESULT"]
            os.makedirs(self.root, exist_ok=True)
            tb.run("mount", "-t", "cgroup2", "none", self.root)
            with open("/proc/self/cgroup", encoding="ascii") as f:
                self.__class__.home = next(line[3:].strip() for line in f
                                           if line.startswith("0::"))
        self.path = "/sipsec-%d/%s" % (os.getpid(), name)
        os.makedirs(self.root + self.path, exist_ok=True)

    def put(self, path):
        with open(self.root + path + "/cgroup.procs", "w", encoding="ascii") as f:
            f.write("%d" % os.getpid())

    def enter(self):
        self.put(self.path)

    def leave(self):
        self.put(self.home)


class Process(tb.Admin):
    """A netlink socket that one made and another one uses."""

    def __init__(self, ns, opener, caller=None):
        self.opener, self.caller = opener, caller or opener
        super().__init__(ns)

    def open_socket(self):
        with self.opener.taken():
            return super().open_socket()

    def transact(self, *args):
        with self.caller.taken():
            return super().transact(*args)


def owner(ns, app, **ids):
    process = Process(ns, Ids(**ids))
    process.do("app-open", name=app)
    return process


def reserve(process, ns):
    return process.do("group-new", local=packed(ns.address))["id"]


def settings(group, ns, **more):
    return {"id": group, "role": tb.OFFERER, "suite": SUITE, "master": tb.fresh_master(),
            "spi_out": BLOCK_B, "peer": packed(ns.address), **more}


def credentials(check, a, _, admin):
    """Who opens an app, by what it asks for."""
    here, below, beside = Cgroup("app"), Cgroup("app/worker"), Cgroup("other")
    right = Ids(UID, GID, cgroup=here)
    cases = (
        ("uid", {"uid": UID}, [Ids(UID)], [Ids(OTHER_UID), Ids(0), Ids(OTHER_UID, GID)]),
        ("gid", {"gid": GID},
         [Ids(UID, GID), Ids(OTHER_UID, GID), Ids(UID, OTHER_GID, [7, GID, 70000])],
         [Ids(UID), Ids(GID), Ids(UID, OTHER_GID, [OTHER_GID, 7])]),
        ("uid-gid", {"uid": UID, "gid": GID}, [Ids(UID, GID), Ids(UID, 1, [GID])],
         [Ids(UID), Ids(OTHER_UID, GID)]),
        ("cgroup", {"cgroup": here.path}, [right, Ids(OTHER_UID, cgroup=below)],
         [Ids(UID), Ids(UID, GID, cgroup=beside)]),
        ("all", {"uid": UID, "gid": GID, "cgroup": here.path}, [right],
         [Ids(UID, GID), Ids(UID, cgroup=here), Ids(OTHER_UID, GID, cgroup=here)]))
    for name, asked, may, may_not in cases:
        admin.do("app-new", name=name, **asked)
        told = admin.do("app-get", name=name)
        check.equal("%s: asked for" % name,
                    {k: v for k, v in told.items() if k in ("uid", "gid", "cgroup")}, asked)
        for ids in may:
            process = Process(a, ids)
            process.do("app-open", name=name)
            check.equal("%s: opened it, and sees" % name,
                        [x["name"] for x in process.dump("app-get")], [name])
            process.close()
        for ids in may_not:
            # Neither alone nor by a socket that somebody made who may, or the other way round.
            for opener, caller in (ids, ids), (ids, may[0]), (may[0], ids):
                # A kernel whose sockets do not know their cgroup has only the caller's.
                if caller == may[0] and "cgroup" in asked and not sockets_know():
                    continue
                # Who asks with capabilities, and names the receiver, is the administrator.
                if caller.uid == 0:
                    continue
                process = Process(a, opener, caller)
                check.refused("%s: opener %s, caller %s" % (name, opener, caller),
                              errno.ENOENT, process.do, "app-open", name=name)
                check.equal("%s: sees" % name, process.dump("app-get"), [])
                process.close()
        admin.do("app-del", name=name)


def sockets_know():
    """Whether this kernel's sockets know their cgroup; those of kernels made for tests do not."""
    return "sipsec" not in os.uname().release


def media_sockets(check, a, b, admin):
    """A flow's socket was made by somebody who may open the app."""
    admin.do("app-new", name="media", gid=GID)
    process = owner(a, "media", uid=UID, gid=GID)
    group = reserve(process, a)
    process.do("group-set", **settings(group, b))

    def bind(ids):
        with a.entered(), ids.taken():
            s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            s.bind((a.address, PORT_A))
        try:
            process.do("flow-bind", group=group, protocol=17, local_port=PORT_A,
                       peer_port=PORT_B, fd=s.fileno())
        finally:
            s.close()

    check.refused("a socket of another group of users", errno.EPERM, bind, Ids(UID))
    bind(Ids(OTHER_UID, GID))
    check.equal("the flow is of the socket's user",
                [f["uid"] for f in process.dump("flow-get")], [OTHER_UID])
    process.close()
    admin.do("app-del", name="media")


def quotas(check, a, b, admin):
    """Of the app, and of one user of it; what goes makes room again."""
    admin.do("app-new", name="full", gid=GID, max_groups=3, max_groups_uid=2, max_flows=3,
             max_flows_uid=2)
    one, two = (owner(a, "full", uid=uid, gid=GID) for uid in (UID, OTHER_UID))
    # His quota is not his socket's.
    again = owner(a, "full", uid=UID, gid=GID)
    groups = [reserve(one, a), reserve(again, a)]
    for process in one, again:
        check.refused("a third group of one user", errno.EDQUOT, reserve, process, a)
    groups.append(reserve(two, a))
    check.refused("a fourth of the app", errno.EDQUOT, reserve, two, a)
    one.do("group-del", id=groups.pop(0))
    groups.insert(0, reserve(again, a))
    check.refused("a third one again", errno.EDQUOT, reserve, one, a)

    sockets = []
    for group, process in ((groups[0], one), (groups[2], two)):
        process.do("group-set", **settings(group, b))

    def bind(process, group):
        port = PORT_A + len(sockets)
        with a.entered(), process.caller.taken():
            s = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
            s.bind((a.address, port))
        sockets.append(s)
        process.do("flow-bind", group=group, protocol=17, local_port=port, peer_port=PORT_B,
                   fd=s.fileno())
        return {"protocol": 17, "local": packed(a.address), "local_port": port,
                "peer": packed(b.address), "peer_port": PORT_B}

    first = bind(one, groups[0])
    bind(one, groups[0])
    check.refused("a third flow of one user", errno.EDQUOT, bind, one, groups[0])
    bind(two, groups[2])
    check.refused("a fourth of the app", errno.EDQUOT, bind, two, groups[2])
    one.do("flow-unbind", **first)
    bind(two, groups[2])
    check.refused("the app is full again", errno.EDQUOT, bind, one, groups[0])
    check.equal("it has", [(x["groups"], x["flows"], x["owners"]) for x in admin.dump("app-get")],
                [(3, 3, 3)])

    # A user who is full adopts nothing of another's; who is not, does.
    check.refused("adopting one group too many", errno.EDQUOT, again.do, "group-adopt",
                  id=groups[2])
    again.do("group-del", id=groups[1])
    again.do("group-adopt", id=groups[2])
    for s in (one, two, again, *sockets):
        s.close()
    check.equal("groups left", admin.dump("group-get"), [])
    admin.do("app-del", name="full")
    tb.poll("end of the flows", lambda: not admin.dump("flow-get"))


def memory(check, a, b, admin):
    """Groups are reckoned with what they may come to take; what ends makes room again."""
    admin.do("app-new", name="large", gid=GID)
    one, two = (owner(a, "large", uid=uid, gid=GID) for uid in (UID, OTHER_UID))

    def used():
        return admin.do("app-get", name="large")["memory"]

    def make(process, **more):
        group = reserve(process, a)
        process.do("group-set", **settings(group, b, **more))
        return group

    small = make(one)
    least = used()
    one.do("group-del", id=small)
    check.equal("after its end", used(), 0)
    large = make(one, rotate=16, window=4096)
    most = used()
    check.true("short rounds and a large window take more: %d, %d" % (least, most),
               most > 10 * least)
    one.do("group-del", id=large)

    admin.do("app-set", name="large", gid=GID, max_memory=3 * least, max_memory_uid=2 * least)
    e = check.refused("a large one", errno.EDQUOT, make, one, rotate=16, window=4096)
    check.equal("says why", e.text,
                "the app or its user has as much memory in groups as it may have")
    groups = [make(one), make(one)]
    check.refused("a third one of one user", errno.EDQUOT, make, one)
    groups.append(make(two))
    check.refused("a fourth of the app", errno.EDQUOT, make, two)
    check.equal("they are reckoned with", used(), 3 * least)
    check.refused("adopted by who has enough", errno.EDQUOT, one.do, "group-adopt", id=groups[2])
    two.do("group-adopt", id=groups[0])
    one.do("group-del", id=groups[1])
    one.do("group-adopt", id=groups[2])
    check.equal("whoever has them", used(), 2 * least)
    one.close()
    check.equal("after the end of one", used(), least)
    two.close()
    check.equal("after the end of all", used(), 0)
    admin.do("app-del", name="large")


def viewers(check, a, b, admin):
    """Who may see what an app has sees all of it and changes nothing; others see nothing."""
    admin.do("app-new", name="seen", uid=UID, viewer=GID)
    admin.do("app-new", name="hidden", uid=UID)
    check.equal("told", [(x["name"], x.get("viewer")) for x in admin.dump("app-get")],
                [("seen", GID), ("hidden", None)])
    theirs, hidden = owner(a, "seen", uid=UID), owner(a, "hidden", uid=UID)
    group, others = reserve(theirs, a), reserve(hidden, a)
    for process, g, more in (theirs, group, {}), (hidden, others, {"spi_out": BLOCK_B + 0x100}):
        process.do("group-set", **settings(g, b, rotate=16, **more))
    sock = tb.udp(a, a.address, PORT_A, uid=UID)
    bind = {"group": group, "protocol": 17, "local_port": PORT_A, "peer_port": PORT_B,
            "fd": sock.fileno()}
    theirs.do("flow-bind", **bind)
    flow = {"protocol": 17, "local": packed(a.address), "local_port": PORT_A,
            "peer": packed(b.address), "peer_port": PORT_B}
    reads = (("app-get", {"name": "seen"}), ("group-get", {"id": group}), ("flow-get", flow),
             ("stats-get", {"app": "seen"}), ("app-watch", {"name": "seen"}))
    changes = (("app-set", {"name": "seen", "uid": OTHER_UID}), ("app-del", {"name": "seen"}),
               ("app-open", {"name": "seen"}), ("group-del", {"id": group}),
               ("group-rotate", {"id": group}), ("group-adopt", {"id": group}),
               ("group-set", settings(group, b)), ("flow-bind", bind), ("flow-unbind", flow),
               ("group-new", {"local": packed(a.address)}))
    member, late = Ids(OTHER_UID, GID), Ids(OTHER_UID, OTHER_GID, [7, GID])
    stranger = Ids(OTHER_UID, OTHER_GID)
    for ids in member, late:
        viewer = Process(a, ids)
        for command, values in reads:
            viewer.do(command, **values)
        check.equal("he lists", [len(viewer.dump(d)) for d in ("app-get", "group-get", "flow-get",
                                                               "stats-get")], [1, 1, 1, 1])
        check.true("no key in it", "master" not in viewer.do("group-get", id=group))
        for command, values in (("app-get", {"name": "hidden"}), ("group-get", {"id": others}),
                                ("stats-get", {"app": "hidden"}),
                                ("app-watch", {"name": "hidden"})):
            check.refused("%s of another app" % command, errno.ENOENT, viewer.do, command,
                          **values)
        for command, values in changes:
            try:
                viewer.do(command, **values)
                got = "done"
            except OSError as e:
                got = errno.errorcode[e.errno]
            check.equal("a viewer's %s" % command, got,
                        {"app-set": "EPERM", "app-del": "EPERM",
                         "group-new": "ENOTCONN"}.get(command, "ENOENT"))
        with ids.taken():
            check.refused("the events of all", errno.EPERM, viewer.join)
        viewer.close()
    # Nobody lends himself to a stranger, nor his socket.
    for opener, caller in (stranger, stranger), (stranger, member), (member, stranger):
        process = Process(a, opener, caller)
        for command, values in reads:
            check.refused("%s: opener %s, caller %s" % (command, opener, caller), errno.ENOENT,
                          process.do, command, **values)
        check.equal("he lists", [len(process.dump(d)) for d in ("app-get", "group-get",
                                                                "flow-get", "stats-get")],
                    [0, 0, 0, 0])
        process.close()

    # Events: those of this app, until he may not see it any more.
    viewer, more = Process(a, member), Process(a, late)
    for process in viewer, viewer, more:
        process.do("app-watch", name="seen")
    check.equal("watching is not having it open", admin.do("app-get", name="seen")["owners"], 1)

    def told(process):
        process.receive_waiting()
        events = [(e.name, e.values["app"]) for e in process.events]
        process.events.clear()
        return events

    for process, g in (theirs, group), (hidden, others):
        process.do("group-rotate", id=g)
        tb.poll("rotation", lambda: ("group-rotate-ntf", process.dump("app-get")[0]["name"])
                in told(process))
    for process in viewer, more:
        tb.poll("event", lambda: process.receive_waiting() or process.events)
        check.equal("he is told", told(process), [("group-rotate-ntf", "seen")])
    # One who does not read loses events, and it is not the app that is told so.
    more.close()
    viewer.sock.setsockopt(socket.SOL_SOCKET, tb.SO_RCVBUFFORCE, 2304)
    lost = theirs.do("stats-get", app="seen")["event-lost"]
    for _ in range(12):
        def rotated():
            try:
                theirs.do("group-rotate", id=group)
            except OSError as e:
                if e.errno != errno.EBUSY:
                    raise
                return False
            return True
        tb.poll("rotation", rotated)
        tb.poll("event", lambda: told(theirs))
    check.equal("events lost", theirs.do("stats-get", app="seen")["event-lost"], lost)
    viewer.sock.setsockopt(socket.SOL_SOCKET, tb.SO_RCVBUFFORCE, 1 << 20)
    told(viewer)
    admin.do("app-set", name="seen", uid=UID, viewer=OTHER_GID)
    theirs.do("group-del", id=group)
    check.equal("after that he is told", told(viewer), [])
    check.refused("and sees", errno.ENOENT, viewer.do, "app-get", name="seen")
    viewer.close()
    last = Process(a, stranger)
    last.do("app-watch", name="seen")
    admin.do("app-del", name="seen")
    check.refused("an app that is gone", errno.ENOENT, last.do, "app-get", name="seen")
    for s in sock, theirs, hidden, last:
        s.close()
    admin.do("app-del", name="hidden")
    tb.poll("end of the flows", lambda: not admin.dump("flow-get"))


def identity(check, a, b, admin):
    """Whom the app takes its peer for, it is told again; nobody else is."""
    admin.do("app-new", name="named", uid=UID)
    process = owner(a, "named", uid=UID)
    names = ("sip:b\u00fcro@example.com", "\u20ac" * 85, "x" * 255)
    for i, name in enumerate(names):
        group = reserve(process, a)
        process.do("group-set", **settings(group, b, peer_identity=name,
                                           spi_out=BLOCK_B + 256 * i))
        check.equal("of the group", process.do("group-get", id=group)["peer-identity"], name)
        s = tb.udp(a, a.address, PORT_A + i, uid=UID)
        process.do("flow-bind", group=group, protocol=17, local_port=PORT_A + i, peer_port=PORT_B,
                   fd=s.fileno())
        flow = {"protocol": 17, "local": packed(a.address), "local_port": PORT_A + i,
                "peer": packed(b.address), "peer_port": PORT_B}
        check.equal("of the flow", process.do("flow-get", **flow)["peer-identity"], name)
        stranger = Process(a, Ids(OTHER_UID))
        check.refused("a stranger asks", errno.ENOENT, stranger.do, "flow-get", **flow)
        stranger.close()
        process.do("group-del", id=group)
        check.true("none vouches for a closed flow",
                   "peer-identity" not in process.do("flow-get", **flow))
        s.close()
    process.close()
    admin.do("app-del", name="named")
    tb.poll("end of the flows", lambda: not admin.dump("flow-get"))


def grants(check, a, b, admin):
    """What is more than an app's own ports it has from the administrator, or has not."""
    raw = tb.raw(a, 253)
    raw.bind((a.address, 0))
    raw.connect((b.address, 0))
    udp = tb.udp(a, a.address, PORT_A)
    wishes = {
        "protocols": {"protocol": 253, "fd": raw.fileno()},
        "wildcard": {"protocol": 17, "local_port": PORT_A, "peer_port": 0, "shared": True,
                     "fd": udp.fileno()}}
    given = {"protocols": bytes((132, 253)), "wildcard": True}
    admin.do("app-new", name="granted", uid=0)
    process = owner(a, "granted", uid=0)
    group = reserve(process, a)
    process.do("group-set", **settings(group, b))

    def bind(grant):
        process.do("flow-bind", group=group, **wishes[grant])

    for grant in given:
        # The other one is of no use.
        for has in {}, {k: v for k, v in given.items() if k != grant}, {"protocols": b"\x2f"}:
            admin.do("app-set", name="granted", uid=0, **has)
            told = admin.do("app-get", name="granted")
            check.equal("granted", {k: told[k] for k in given if k in told}, has)
            e = check.refused("without %s" % grant, errno.EPERM, bind, grant)
            check.true("says why: %s" % e.text, e.text.endswith("(%s)" % grant))
        admin.do("app-set", name="granted", uid=0, **{grant: given[grant]})
        bind(grant)
        # What the app has, it has.
        admin.do("app-set", name="granted", uid=0)
        check.refused("withdrawn", errno.EPERM, bind, grant)
    check.equal("flows", [(f["protocol"], f["group"]) for f in process.dump("flow-get")],
                [(253, group), (17, group)])
    for s in process, raw, udp:
        s.close()
    admin.do("app-del", name="granted")
    tb.poll("end of the flows", lambda: not admin.dump("flow-get"))


def limits(check, a, b, admin):
    """Suites, peers and ports that the administrator allows."""
    admin.do("app-new", name="strict", uid=UID, min_suite=2, level=2, port_min=PORT_A,
             port_max=PORT_A + 1, peer=[packed("2001:db8::") + bytes([32]),
                                        packed("10.9.0.2") + bytes([32]),
                                        packed("10.9.0.128") + bytes([25])])
    told = admin.do("app-get", name="strict")
    check.equal("told", [told[k] for k in ("min-suite", "level", "port-min", "port-max")],
                [2, 2, PORT_A, PORT_A + 1])
    check.equal("told peers", [p.hex() for p in told["peer"]],
                [packed("2001:db8::").hex() + "20", "0a09000220", "0a09008019"])
    process = owner(a, "strict", uid=UID)
    group = reserve(process, a)

    def install(**more):
        process.do("group-set", **settings(group, b, **{"suite": 2, **more}))

    e = check.refused("a suite that is too weak", errno.EACCES, install, suite=1)
    check.equal("says why", e.text, "suite: weaker than the app's level or min-suite")
    for peer in ("10.9.0.3", "10.9.0.127", "10.9.1.2", "10.8.0.2"):
        e = check.refused("peer %s" % peer, errno.EACCES, install, peer=packed(peer))
        check.equal("says why", e.text, "peer: not one of the app's")
    install()
    second = reserve(process, a)
    process.do("group-set", **settings(second, b, suite=3, peer=packed("10.9.0.129"),
                                       spi_out=BLOCK_B + 0x100))

    def bind(port):
        s = tb.udp(a, a.address, port, uid=UID)
        try:
            process.do("flow-bind", group=group, protocol=17, local_port=port, peer_port=PORT_B,
                       fd=s.fileno())
        finally:
            s.close()

    for port in PORT_A - 1, PORT_A + 2:
        e = check.refused("port %d" % port, errno.EACCES, bind, port)
        check.equal("says why", e.text, "local-port: not one of the app's")
    bind(PORT_A)
    bind(PORT_A + 1)

    # Other settings hold for what is made from now on, and replace all of the old ones.
    admin.do("app-set", name="strict", uid=OTHER_UID)
    told = admin.do("app-get", name="strict")
    check.equal("after app-set", [told.get(k) for k in ("uid", "min-suite", "peer", "port-max",
                                                        "max-groups", "max-flows", "linger")],
                [OTHER_UID, None, None, 65535, 4096, 65536, 0])
    check.equal("its groups stay", len(process.dump("group-get")), 2)
    third = reserve(process, a)
    process.do("group-set", **settings(third, b, suite=1, peer=packed("10.9.0.3"),
                                       spi_out=BLOCK_B + 0x200))
    late = Process(a, Ids(UID))
    check.refused("its user was changed", errno.ENOENT, late.do, "app-open", name="strict")
    late.close()
    owner(a, "strict", uid=OTHER_UID).close()
    # Suites that do not encrypt, by the level alone.
    admin.do("app-set", name="strict", uid=UID, level=2)
    fourth = reserve(process, a)
    more = settings(fourth, b, suite=6, spi_out=BLOCK_B + 0x300)
    check.refused("integrity alone", errno.EACCES, process.do, "group-set", **more)
    admin.do("app-set", name="strict", uid=UID, level=1)
    process.do("group-set", **more)
    check.equal("its suite", process.do("group-get", id=fourth)["suite"], 6)
    process.close()
    admin.do("app-del", name="strict")
    tb.poll("end of the flows", lambda: not admin.dump("flow-get"))


class Stream:
    """A user's media sockets, and the group that another process makes for them."""

    def __init__(self, a, b, linger):
        self.a, self.b = a, b
        self.admin, self.tap = tb.Admin(a), tb.Tap(b)
        self.admin.join()
        self.admin.do("app-new", name="stream", uid=UID, linger=linger)
        self.sock = tb.udp(a, a.address, PORT_A, (b.address, PORT_B), uid=UID)
        self.peer = tb.udp(b, b.address, PORT_B)
        self.master = tb.fresh_master()
        self.start()
        first = next(keys.rounds(self.master, "HMAC_SHA2_256", SUITE, "O", BLOCK_B))
        b.batch([keys.xfrm_state("add", first, SUITE, a.address, b.address,
                                 "replay-window 1024")])

    def start(self):
        """The process that makes the group, and a reservation."""
        reading, writing = os.pipe()
        self.child = os.fork()
        if not self.child:
            try:
                process = owner(self.a, "stream")
                group = reserve(process, self.a)
                process.do("group-set", **settings(group, self.b, master=self.master,
                                                   rotate=1 << 20))
                process.do("flow-bind", group=group, protocol=17, local_port=PORT_A,
                           peer_port=PORT_B, fd=self.sock.fileno())
                reserve(process, self.a)
                os.write(writing, b"%d" % group)
                signal.pause()
            finally:
                os._exit(1)
        os.close(writing)
        self.group = int(os.read(reading, 16) or b"0")
        os.close(reading)
        if not self.group:
            raise RuntimeError("the process could not make the group")

    def kill(self):
        os.kill(self.child, signal.SIGKILL)
        os.waitpid(self.child, 0)
        self.child = None

    def orphans(self, who=None):
        return [g["id"] for g in (who or self.admin).dump("group-get") if g.get("orphan")]

    def ended(self):
        return self.admin.wait_event(lambda e: e.name == "group-del-ntf" and
                                     e.values["id"] == self.group).values["end-reason"]

    def seen(self, check, what, wanted):
        check.equal(what, tb.by_protocol(self.tap.drain()), {"esp": wanted, "other": 0})

    def close(self):
        for s in self.sock, self.peer:
            s.close()
        self.b.ip("xfrm state flush")
        self.admin.do("app-del", name="stream")
        tb.poll("end of the flows", lambda: not self.admin.dump("flow-get"))
        self.admin.close()


def adopted(check, a, b):
    """The process is killed while its socket sends; another one goes on with its group."""
    stream = Stream(a, b, linger=120)
    traffic = tb.Traffic([tb.Flow(stream.sock, stream.peer, gap=GAP)])
    traffic.start(5000)
    packets = []

    def running():
        packets.extend(stream.tap.drain(most=1000))
        return len(packets) > 200

    tb.poll("traffic", running)
    stream.kill()
    tb.poll("orphan", stream.orphans)
    check.equal("orphans, without the reservation",
                [(g["id"], g["remaining"] <= 120) for g in stream.admin.dump("group-get")],
                [(stream.group, True)])
    stranger = Process(a, Ids(OTHER_UID))
    check.refused("adopted by a stranger", errno.ENOENT, stranger.do, "group-adopt",
                  id=stream.group)
    stream.admin.do("app-new", name="strangers", uid=OTHER_UID)
    stranger.do("app-open", name="strangers")
    check.refused("by a stranger with an app", errno.ENOENT, stranger.do, "group-adopt",
                  id=stream.group)
    check.equal("groups he sees", stranger.dump("group-get"), [])
    stranger.close()
    stream.admin.do("app-del", name="strangers")
    check.refused("by the administrator, who has no app open", errno.ENOTCONN, stream.admin.do,
                  "group-adopt", id=stream.group)
    before = Process(a, Ids())
    check.refused("by the user, before he has opened the app", errno.ENOENT, before.do,
                  "group-adopt", id=stream.group)
    before.close()

    heir = owner(a, "stream")
    check.equal("orphans the heir sees", stream.orphans(heir), [stream.group])
    heir.do("group-adopt", id=stream.group)
    check.equal("orphans after that", stream.orphans(), [])
    check.true("it lives on", heir.do("group-get", id=stream.group)["remaining"] > 120)
    total = traffic.wait()
    traffic.close()
    check.equal("sent", total["sent"], 5000)
    for what in ("lost", "duplicated", "foreign", "corrupt"):
        check.equal(what, total[what], 0)
    packets += stream.tap.drain()
    check.equal("on the wire", tb.by_protocol(packets), {"esp": 5000, "other": 0})
    check.equal("errors of b's xfrm", b.xfrm_errors(), {})
    heir.do("group-rotate", id=stream.group)
    heir.wait_event(lambda e: e.name == "group-rotate-ntf" and e.values["id"] == stream.group)
    check.true("the heir gets the events", True)
    heir.do("group-del", id=stream.group)
    check.equal("reason of the end", stream.ended(), REASON["deleted"])
    heir.close()
    stream.close()


def handed_over(check, a, b):
    """A worker takes over the group of its dispatcher, who lives, and a socket by SCM_RIGHTS."""
    stream = Stream(a, b, linger=0)
    worker = owner(a, "stream")
    worker.do("group-adopt", id=stream.group)
    stream.kill()
    stream.sock.send(b"still there")
    check.equal("after the dispatcher's end", stream.peer.recv(64), b"still there")

    # Another process of the user makes a socket; the worker binds it.
    ours, theirs = socket.socketpair(socket.AF_UNIX, socket.SOCK_SEQPACKET)
    child = os.fork()
    if not child:
        s = tb.udp(a, a.address, PORT_A + 1, uid=UID)
        theirs.sendmsg([b"x"], [(socket.SOL_SOCKET, socket.SCM_RIGHTS,
                                 array.array("i", [s.fileno()]))])
        os._exit(0)
    _, ancillary, _, _ = ours.recvmsg(1, socket.CMSG_SPACE(4))
    fd = array.array("i", ancillary[0][2])[0]
    os.waitpid(child, 0)
    passed = socket.socket(fileno=fd)
    worker.do("flow-bind", group=stream.group, protocol=17, local_port=PORT_A + 1,
              peer_port=PORT_B, fd=fd)
    passed.sendto(b"passed", (b.address, PORT_B))
    check.equal("by a socket that was handed over", stream.peer.recv(64), b"passed")
    stream.seen(check, "on the wire", 2)
    # A process forked off has the connection, too: groups end with the last one.
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        os.close(writing)
        os.read(reading, 1)
        os._exit(0)
    worker.close()
    check.equal("its groups while a child has its connection",
                [g["id"] for g in stream.admin.dump("group-get")], [stream.group])
    os.close(writing)
    os.waitpid(child, 0)
    check.equal("without linger it ends with the worker", stream.ended(), REASON["owner-closed"])
    for s in stream.sock, passed:
        check.refused("whoever has a socket of it left", errno.EPERM, s.sendto, b"x",
                      (b.address, PORT_B))
    stream.seen(check, "on the wire", 0)
    passed.close()
    ours.close()
    theirs.close()
    stream.close()


def lingering(check, a, b):
    """Nobody adopts it."""
    stream = Stream(a, b, linger=2)
    stream.sock.send(b"before")
    stream.kill()
    check.equal("reason of the end", stream.ended(), REASON["linger"])
    check.equal("groups left", stream.admin.dump("group-get"), [])
    check.equal("states left", a.states(), [])
    check.refused("its socket", errno.EPERM, stream.sock.send, b"after")
    check.equal("arrived", stream.peer.recv(64), b"before")
    stream.seen(check, "on the wire", 1)
    # The restarted program's own socket gets the 5-tuple.
    stream.sock.close()
    heir = owner(a, "stream")
    group = reserve(heir, a)
    heir.do("group-set", **settings(group, b))
    stream.sock = tb.udp(a, a.address, PORT_A, (b.address, PORT_B), uid=UID)
    heir.do("flow-bind", group=group, protocol=17, local_port=PORT_A, peer_port=PORT_B,
            fd=stream.sock.fileno())
    check.equal("open flows", [f["group"] for f in heir.dump("flow-get")], [group])
    heir.close()
    # An orphan ends with its app.
    tb.poll("orphan", stream.orphans)
    stream.group = group
    stream.close()
    check.equal("groups left", tb.Admin(a).dump("group-get"), [])


def user_namespaces(check, a, _, admin):
    """Root of a user namespace is the administrator where its network namespace is, not here."""
    admin.do("app-new", name="ours", uid=0)
    admin.do("app-new", name="mapped", uid=OTHER_UID)
    reading, writing = os.pipe()
    child = os.fork()
    if not child:
        try:
            with a.entered():
                os.setresgid(OTHER_GID, OTHER_GID, OTHER_GID)
                os.setgroups([])
                os.setresuid(OTHER_UID, OTHER_UID, OTHER_UID)
                tb.libc.prctl(4, 1, 0, 0, 0)
                if tb.libc.unshare(CLONE_NEWUSER):
                    raise OSError(ctypes.get_errno(), "unshare")
                for path, text in (("setgroups", "deny"), ("uid_map", "0 %d 1" % OTHER_UID),
                                   ("gid_map", "0 %d 1" % OTHER_GID)):
                    with open("/proc/self/" + path, "w", encoding="ascii") as f:
                        f.write(text)
                here = nl.Genl()
                told = []
                for command, values in (("app-new", {"name": "theirs", "uid": 0}),
                                        ("app-set", {"name": "ours", "uid": 0}),
                                        ("app-open", {"name": "ours"})):
                    try:
                        here.do(command, **values)
                        told.append("done")
                    except OSError as e:
                        told.append(errno.errorcode[e.errno])
                # His own id is what the kernel says it is, whatever he calls himself.
                here.do("app-open", name="mapped")
                told += ["%d" % x["uid"] for x in here.dump("app-get")]
                if tb.libc.unshare(tb.CLONE_NEWNET):
                    raise OSError(ctypes.get_errno(), "unshare")
                there = nl.Genl()
                there.do("app-new", name="theirs", uid=0)
                there.do("app-open", name="theirs")
                told += [x["name"] for x in there.dump("app-get")]
                os.write(writing, " ".join(told).encode())
        finally:
            os._exit(0)
    os.close(writing)
    os.waitpid(child, 0)
    told = os.read(reading, 4096).decode()
    os.close(reading)
    check.equal("root of a user namespace", told, "EPERM EPERM ENOENT 0 theirs")
    check.equal("apps here", sorted(x["name"] for x in admin.dump("app-get")), ["mapped", "ours"])
    for name in "ours", "mapped":
        admin.do("app-del", name=name)


def main():
    check = tb.Checks()
    os.sched_setaffinity(0, {0})
    with tb.two_hosts() as (a, b):
        admin = tb.Admin(a)
        for case in tb.cases(credentials, media_sockets, quotas, limits, memory, grants, viewers,
                             identity, user_namespaces):
            print(case.__name__)
            case(check, a, b, admin)
        admin.close()
        for case in tb.cases(adopted, handed_over, lingering):
            print(case.__name__)
            case(check, a, b)
    check.finish()


if __name__ == "__main__":
    main()
