#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""
   one: [lo 10.9.1.1, 10.9.1.2]

Each request is sent again and again while first its first allocation fails, then its second, until
it has no more. It must then have done nothing, or all; and what it had taken must be free again.
"""

import errno
import os
import socket
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import nl
import testbed as tb

DEBUG = "/sys/kernel/debug"
LOCAL, PEER = "10.9.1.1", "10.9.1.2"
NETLINK_XFRM, XFRM_MSG_GETSADINFO, XFRMA_SAD_CNT = 6, 35, 1
# What a caller can expect when there is no memory.
CLEAN = {errno.ENOMEM, errno.ENOBUFS}
# More allocations than any request has.
MANY = 1000


class FaultySocket:
    """Makes the nth allocation fail that the kernel tries while it carries out a request."""

    def __init__(self, sock):
        self.sock, self.nth, self.injected = sock, 0, False
        self.fault = os.open("/proc/thread-self/fail-nth", os.O_RDWR)

    def __getattr__(self, name):
        return getattr(self.sock, name)

    def sendto(self, data, address):
        os.write(self.fault, b"%d" % self.nth)
        try:
            return self.sock.sendto(data, address)
        finally:
            left = int(os.pread(self.fault, 32, 0).split(b"\0")[0])
            os.write(self.fault, b"0")
            self.injected = self.nth > 0 and left == 0

    def close(self):
        os.close(self.fault)
        self.sock.close()


class Bench:
    """The namespace, an administrator who sees all, and one group with a flow."""

    def __init__(self, ns):
        self.ns = ns
        self.admin = tb.Admin(ns)
        self.owner = tb.Owner(ns)
        with ns.entered():
            self.xfrm = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_XFRM)
        self.ports = iter(range(20000, 60000))
        self.group = self.installed()
        self.flow = self.bound(self.group)

    def reserved(self):
        return self.owner.reserve(LOCAL)[0]

    def parameters(self, group):
        return {"id": group, "role": tb.OFFERER, "suite": 1, "master": tb.fresh_master(),
                "spi_out": 0x5d1c2a00, "peer": tb.packed(PEER), "rotate": tb.T}

    def installed(self):
        group = self.reserved()
        self.owner.do("group-set", **self.parameters(group))
        return group

    def binding(self, group):
        sock = tb.udp(self.ns, LOCAL, next(self.ports))
        return sock, {"group": group, "protocol": 17, "local_port": sock.getsockname()[1],
                      "peer_port": 5000, "fd": sock.fileno()}

    def bound(self, group):
        """A flow: its socket, and its name in requests."""
        sock, values = self.binding(group)
        self.owner.do("flow-bind", **values)
        return sock, self.name_of(values)

    @staticmethod
    def name_of(values):
        return {"protocol": 17, "local": tb.packed(LOCAL), "local_port": values["local_port"],
                "peer": tb.packed(PEER), "peer_port": values["peer_port"]}

    def state(self):
        """All there is, without what counts and what tells the time."""
        apps = sorted(tuple(sorted(a.items())) for a in self.admin.dump("app-get"))
        groups = sorted((g["id"], g["state"]) for g in self.admin.dump("group-get"))
        flows = sorted((f["local-port"], f["group"]) for f in self.admin.dump("flow-get"))
        return apps, groups, flows, self.sad_count()

    def sad_count(self):
        """How many states the kernel has; asking ip costs much more time."""
        self.xfrm.send(struct.pack("=IHHIII", 20, XFRM_MSG_GETSADINFO, nl.F_REQUEST, 0, 0, 0))
        for _, number, payload in nl.attrs(self.xfrm.recv(4096)[20:]):
            if number == XFRMA_SAD_CNT:
                return struct.unpack("=I", payload)[0]
        raise RuntimeError("no count of states")


# A case prepares, and yields who asks, the arguments, and what to do when the request succeeded.

def app_new(bench):
    yield bench.admin, {"name": "fault", "uid": 1000}, \
        lambda: bench.admin.do("app-del", name="fault")


def app_del(bench):
    bench.admin.do("app-new", name="fault", uid=0)
    owner = tb.Owner(bench.ns, "fault", register=False)
    group, _ = owner.reserve(LOCAL)
    owner.do("group-set", **bench.parameters(group))
    sock, values = bench.binding(group)
    owner.do("flow-bind", **values)
    yield bench.admin, {"name": "fault"}, None
    sock.close()
    owner.close()
    if any(a["name"] == "fault" for a in bench.admin.dump("app-get")):
        bench.admin.do("app-del", name="fault")


def app_open(bench):
    caller = tb.Admin(bench.ns)
    yield caller, {"name": "phone"}, None
    caller.close()


def app_get(bench):
    yield bench.owner, {"name": "phone"}, None


def group_new(bench):
    before = {g["id"] for g in bench.admin.dump("group-get")}
    yield bench.owner, {"local": tb.packed(LOCAL)}, None
    for group in bench.admin.dump("group-get"):
        if group["id"] not in before:
            bench.owner.do("group-del", id=group["id"])


def group_set(bench):
    group = bench.reserved()
    yield bench.owner, bench.parameters(group), None
    bench.owner.do("group-del", id=group)


def group_del(bench):
    group = bench.installed()
    sock, _ = bench.bound(group)
    yield bench.owner, {"id": group}, None
    sock.close()
    if any(g["id"] == group for g in bench.admin.dump("group-get")):
        bench.owner.do("group-del", id=group)


def group_get(bench):
    yield bench.owner, {"id": bench.group}, None


def group_rotate(bench):
    group = bench.installed()
    yield bench.owner, {"id": group}, None
    bench.owner.do("group-del", id=group)


def flow_bind(bench):
    sock, values = bench.binding(bench.group)
    yield bench.owner, values, lambda: bench.owner.do("flow-unbind", **bench.name_of(values))
    sock.close()


def flow_unbind(bench):
    sock, name = bench.bound(bench.group)
    yield bench.owner, name, None
    if any(f["local-port"] == name["local_port"] for f in bench.admin.dump("flow-get")):
        bench.owner.do("flow-unbind", **name)
    sock.close()


def flow_get(bench):
    yield bench.owner, bench.flow[1], None


def stats_get(bench):
    yield bench.owner, {"app": "phone"}, None


CASES = {case.__name__.replace("_", "-"): case for case in (
    app_new, app_del, app_open, app_get, group_new, group_set, group_del, group_get, group_rotate,
    flow_bind, flow_unbind, flow_get, stats_get)}
DUMPS = ("app-get", "group-get", "flow-get", "stats-get")


def request(caller, nth, call):
    """Whether a fault was injected, and the error it led to; None if the request succeeded."""
    sock = caller.sock
    caller.sock = FaultySocket(sock)
    caller.sock.nth = nth
    error = None
    try:
        call()
    except OSError as e:
        error = e
    injected = caller.sock.injected
    os.close(caller.sock.fault)
    caller.sock = sock
    return injected, error


def settled(bench, wanted):
    """Flows of closed sockets and dead groups leave a moment later."""
    tb.poll("return to %r from %r" % (wanted, bench.state()), lambda: bench.state() == wanted)


def step_through(check, bench, name, case, dump=False):
    errors, nth, unclean, half = {}, 0, [], []
    base = bench.state()
    injected = True
    while injected and nth < MANY:
        nth += 1
        run = case(bench)
        caller, values, undo = next(run)
        before = bench.state()
        injected, error = request(caller, nth, lambda: caller.dump(name) if dump else
                                  caller.do(name, **values))
        if error:
            number = errno.errorcode.get(error.errno, error.errno)
            errors[number] = errors.get(number, 0) + 1
            if error.errno not in CLEAN or not injected:
                unclean.append((nth, str(error)))
            # Refused by the kernel; when only its answer was lost, all may have been done.
            if isinstance(error, nl.NlError) and bench.state() != before:
                half.append((nth, str(error)))
            if undo and bench.state() != before:
                undo()
        elif undo:
            undo()
        next(run, None)
        settled(bench, base)
    what = name + (" dump" if dump else "")
    check.true("%s: %d allocations, refused: %s" % (what, nth - 1, errors), nth < MANY)
    check.equal("%s: unclean" % what, unclean, [])
    check.equal("%s: half done" % what, half, [])


def main():
    check = tb.Checks()
    for fault in {"failslab", "fail_page_alloc"} & set(os.listdir(DEBUG)):
        for option, value in ("verbose", "0"), ("ignore-gfp-wait", "N"):
            with open("%s/%s/%s" % (DEBUG, fault, option), "w", encoding="ascii") as f:
                f.write(value)
    requests = {n for n in nl.spec.commands if not n.endswith("-ntf")}
    check.equal("requests without a case", requests - set(CASES), set())
    with tb.Netns("one") as one:
        one.ip("address add %s/32 dev lo" % LOCAL)
        one.ip("address add %s/32 dev lo" % PEER)
        bench = Bench(one)
        for name, case in CASES.items():
            step_through(check, bench, name, case)
        for name in DUMPS:
            step_through(check, bench, name, CASES[name], dump=True)
        bench.flow[0].close()
        bench.owner.close()
        tb.poll("end of the group", lambda: not bench.admin.dump("group-get"))
        check.equal("states left", one.states(), [])
    check.finish()


if __name__ == "__main__":
    main()
