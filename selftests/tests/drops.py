#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""
   a: module                                              b: module
   [wire 10.9.0.1] ---------------------------------- [wire 10.9.0.2]

What other tests do not see counted: packets that the system's configuration, a lack of memory or
of time keeps from leaving or arriving. Most of the counters are those of foreign.py.
"""

import contextlib
import errno
import os
import socket
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import sipsec_keys as keys
import testbed as tb

PORT_A, PORT_B = 4000, 5000
IP_MTU_DISCOVER, PMTUDISC_DO = 10, 2
UDP_SEGMENT = 103
PORT_UNREACHABLE = bytes((3, 3, 0, 0, 0, 0, 0, 0))
FAIL_NTH = "/proc/thread-self/fail-nth"
UNBOUND_WORKERS = "/sys/devices/virtual/workqueue/cpumask"
# Rounds that are ready when they are short: the current one and those ahead.
READY = 17


class Call:
    """A group at both ends and one flow of it."""

    def __init__(self, a, b, rotate=1 << 20):
        self.a, self.b = a, b
        self.admin = tb.Admin(a)
        self.owners = tb.Owner(a), tb.Owner(b)
        (self.group, block), (peers, peers_block) = (
            owner.reserve(ns.address) for owner, ns in zip(self.owners, (a, b)))
        master = tb.fresh_master()
        self.owners[0].install(self.group, b.address, tb.OFFERER, master, peers_block,
                               rotate=rotate)
        self.owners[1].install(peers, a.address, tb.ANSWERER, master, block, rotate=rotate)
        self.sock = tb.udp(a, a.address, PORT_A)
        self.peer = tb.udp(b, b.address, PORT_B)
        self.owners[0].bind(self.group, self.sock, PORT_B)
        self.owners[1].bind(peers, self.peer, PORT_A)
        self.to = b.address, PORT_B

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        for s in (self.sock, self.peer, *self.owners):
            s.close()
        for ns in self.a, self.b:
            admin = tb.Admin(ns)
            admin.do("app-del", name="phone")
            # Closed flows go a moment after their sockets.
            tb.poll("end of the flows", lambda: not admin.dump("flow-get"))
            admin.close()
        self.admin.close()

    def counters(self):
        """Those of the app, and under "" those for which there is none."""
        return {s["app"]: s for s in self.admin.dump("stats-get")}

    def works(self, check):
        self.sock.sendto(b"there", self.to)
        check.equal("the peer gets", self.peer.recv(64), b"there")
        self.peer.sendto(b"back", (self.a.address, PORT_A))
        check.equal("the bound socket gets", self.sock.recv(64), b"back")

    def rotate(self):
        """To the next round, as soon as that is ready."""
        def rotated():
            try:
                self.owners[0].do("group-rotate", id=self.group)
            except OSError as e:
                if e.errno != errno.EBUSY:
                    raise
                return False
            return True

        tb.poll("rotation", rotated)

    @contextlib.contextmanager
    def counted(self, check, reason, app="phone"):
        """In the block one packet is dropped for this reason, sooner or later."""
        before = self.counters()
        yield
        tb.poll(reason, lambda: self.counters()[app][reason] > before[app][reason])
        now = self.counters()
        check.equal("counted", [(name, key, now[name][key] - before[name][key])
                                for name in now for key in now[name]
                                if "drop" in key and now[name][key] != before[name][key]],
                    [(app, reason, 1)])


def mtu(check, call):
    """ESP takes room: what just fits the wire in clear does not."""
    call.sock.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, PMTUDISC_DO)
    with call.counted(check, "out-drop-mtu"):
        check.refused("too big", errno.EMSGSIZE, call.sock.sendto, bytes(1500 - 28), call.to)
    call.sock.sendto(bytes(1400), call.to)
    check.equal("one that fits arrives", len(call.peer.recv(2048)), 1400)


def policy(check, call):
    """Somebody's policy claims the packets before us: nothing is encrypted twice, or by it."""
    a, b = call.a.address, call.b.address
    call.a.batch([keys.xfrm_state("add", keys.Round(0, 0x777000, None, bytes(36)), 3, a, b,
                                  "reqid 7")])
    where = "src %s dst %s proto udp dport %d dir out" % (a, b, PORT_B)
    call.a.ip("xfrm policy add %s tmpl proto esp mode transport reqid 7" % where)
    with call.counted(check, "out-drop-policy"):
        check.refused("under a policy", errno.EPERM, call.sock.sendto, b"x", call.to)
    call.a.ip("xfrm policy delete " + where)
    call.a.ip("xfrm state delete src %s dst %s proto esp spi 0x777000" % (a, b))


def icmp(check, call):
    """An error of this host's that quotes what it has decrypted."""
    a, b = call.a.address, call.b.address
    with call.a.entered():
        raw = socket.socket(socket.AF_INET, socket.SOCK_RAW, socket.IPPROTO_ICMP)
    quoted = tb.ipv4(b, a, tb.udp_header(PORT_B, PORT_A, b"secret") + b"secret")
    with call.counted(check, "out-drop-icmp"):
        check.refused("an ICMP error", errno.EPERM, raw.sendto, PORT_UNREACHABLE + quoted, (b, 0))
    other = tb.ipv4(b, a, tb.udp_header(PORT_B, PORT_A + 1, b"clear") + b"clear")
    check.true("one that quotes another port leaves",
               raw.sendto(PORT_UNREACHABLE + other, (b, 0)) > 0)
    raw.close()


def nft(ns, rules):
    tb.run("ip", "netns", "exec", ns.name, "nft", "-f", "-", stdin=rules)


def rewritten(check, call):
    """Source NAT: the group's keys belong to other ports than the packet would have."""
    nft(call.a, "table ip t { chain c { type nat hook postrouting priority 100; "
        "udp dport %d snat to %s:6000; }; }" % (PORT_B, call.a.address))
    with call.counted(check, "out-drop-rewritten", app=""):
        check.refused("translated", errno.EPERM, call.sock.sendto, b"x", call.to)
    nft(call.a, "delete table ip t")


def forward(check, call):
    """Destination NAT: what was decrypted is to go to another host."""
    call.a.run("sysctl -qw net.ipv4.ip_forward=1")
    nft(call.a, "table ip t { chain c { type nat hook prerouting priority -100; "
        "udp dport %d dnat to 10.9.0.77; }; }" % PORT_A)
    with call.counted(check, "in-drop-forward"):
        call.peer.sendto(b"x", (call.a.address, PORT_A))
    nft(call.a, "delete table ip t")
    call.a.run("sysctl -qw net.ipv4.ip_forward=0")


def closed(check, call):
    a, b = call.a.address, call.b.address
    call.owners[0].do("group-del", id=call.group)
    with call.counted(check, "out-drop-closed"):
        check.refused("on a closed flow", errno.EPERM, call.sock.sendto, b"x", call.to)
    with call.counted(check, "in-drop-closed"):
        tb.inject(call.b, tb.ipv4(b, a, tb.udp_header(PORT_B, PORT_A, b"clear") + b"clear"),
                  call.a)
    check.true("nothing arrived", tb.nothing_waits(call.sock))


@contextlib.contextmanager
def no_worker_runs():
    """This process leaves its processor to none, and the kernel's workers have no other."""
    def write(path, value):
        with open(path, "r+", encoding="ascii") as f:
            old = f.read()
            f.seek(0)
            f.write(value)
        return old

    old = {path: write(path, value) for path, value in (
        (UNBOUND_WORKERS, "1"), ("/proc/sys/kernel/sched_rt_runtime_us", "-1"))
           if os.path.exists(path)}
    processors = os.sched_getaffinity(0)
    os.sched_setaffinity(0, {0})
    os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(50))
    try:
        yield
    finally:
        os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))
        os.sched_setaffinity(0, processors)
        for path, value in old.items():
            write(path, value)


def late(check, call):
    """Rounds are used up before the next ones are made: the last one goes on."""
    rotate = call.owners[0].do("group-get", id=call.group)["rotate"]
    before = call.counters()["phone"]
    with no_worker_runs():
        segments(call, rotate * (READY + 3))
        check.refused("no round is ready", errno.EBUSY, call.owners[0].do, "group-rotate",
                      id=call.group)
    now = call.counters()["phone"]
    check.equal("sent", now["out-packets"] - before["out-packets"], rotate * (READY + 3))
    check.equal("late", now["out-late"] - before["out-late"], rotate * 3)

    call.rotate()
    check.equal("late, says the group", call.owners[0].do("group-get", id=call.group)["late"],
                rotate * 3)


def segments(call, packets):
    """So many datagrams with a few calls."""
    call.sock.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, 32)
    while packets:
        n = min(packets, 40)
        call.sock.sendto(bytes(32 * n), call.to)
        packets -= n
    call.sock.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, 0)


def event_lost(check, call):
    """An owner that reads nothing loses events, and only these."""
    owner = call.owners[0]
    owner.sock.setsockopt(socket.SOL_SOCKET, tb.SO_RCVBUFFORCE, 2304)
    before = call.counters()["phone"]["event-lost"]

    def lost():
        segments(call, 16 * 8)
        return call.counters()["phone"]["event-lost"] > before

    tb.poll("lost event", lost)
    # The socket may say so, once; then it reads what has come.
    try:
        owner.receive_waiting()
    except OSError as e:
        check.equal("the socket says", errno.errorcode[e.errno], "ENOBUFS")
        owner.receive_waiting()
    owner.do("group-get", id=call.group)
    check.true("it has its reply", True)


def memory(check, call):
    """Each allocation of a send fails once; a packet is then dropped, and the next one is not."""
    errors, nth = {}, 0
    before = call.counters()["phone"]
    injected = True
    tb.quiet_faults()
    call.sock.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, 32)
    with open(FAIL_NTH, "r+b", buffering=0) as fail:
        while injected:
            nth += 1
            # Each time the same way: the first packet of a round makes its route.
            call.rotate()
            fail.write(b"%d" % nth)
            try:
                # More than a round: another route is made on the way.
                call.sock.sendto(bytes(32 * 20), call.to)
            except OSError as e:
                errors[errno.errorcode[e.errno]] = errors.get(errno.errorcode[e.errno], 0) + 1
            injected = os.pread(fail.fileno(), 32, 0).split(b"\0")[0].strip() == b"0"
            fail.write(b"0")
    now = call.counters()["phone"]
    reasons = {k for k in now if "drop" in k and now[k] != before[k]}
    print("   %d allocations, refused with %s" % (nth - 1, errors))
    check.equal("errors", set(errors) - {"ENOBUFS", "ENOMEM"}, set())
    check.equal("counted", reasons, {"out-drop-memory", "out-drop-error"})
    call.sock.setsockopt(socket.IPPROTO_UDP, UDP_SEGMENT, 0)


def main():
    check = tb.Checks()
    with tb.two_hosts() as (a, b):
        with Call(a, b) as call:
            for case in tb.cases(mtu, policy, icmp, rewritten, forward):
                print(case.__name__)
                call.works(check)
                case(check, call)
            call.works(check)
            print("closed")
            closed(check, call)
        for case in tb.cases(late, event_lost, memory):
            print(case.__name__)
            if case == memory and not os.path.exists(FAIL_NTH):
                continue
            # With more than one, a worker that runs already may go on elsewhere.
            if case == late and os.cpu_count() > 1:
                continue
            with Call(a, b, rotate=16) as call:
                case(check, call)
    check.finish()


if __name__ == "__main__":
    main()
