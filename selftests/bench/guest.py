#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""
The measurements of `make bench`, run in a machine with virtual time: a nanosecond of its clock is
an instruction of its processor, so results hardly vary and do not depend on who else is busy.

  send:      one namespace per variant  [wire, a dummy device: 10.9.0.1] --> nobody
  receive:   [wire, a tun device: 10.9.0.2] --> packets kept --> [wire, tun: 10.9.0.1]

Each result is one line of JSON in $RESULTS/results: what was measured ("bench"), how (all other
keys), and "value" in "unit". Variants of the same work are measured in alternation.
"""

import collections
import contextlib
import ctypes
import fcntl
import ipaddress
import itertools
import json
import os
import resource
import socket
import statistics
import struct
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path.insert(0, os.path.join(HERE, ".."))
import sipsec_keys as keys
import testbed as tb

LOCAL_PORT, PEER_PORT, OTHER_PORT = 10000, 30000, 9
# Sockets; more flows than these are several peers' ports of each.
SOCKETS_MAX = 10000
# So many flows, spread over all, have packets.
ACTIVE_MAX = 100
SIZES = 64, 200, 1200
FLOWS = 1, 100, 10000
ROUNDS = 3
PACKETS = 500
# Packets between two looks at the sockets, as one interrupt would bring them.
BATCH = 32
SUITE = 1
# The one that groups have by default.
WINDOW = 1024
# Never over during a measurement.
LONG, SHORT = 2 ** 20, 1000
TUNSETIFF, IFF_TUN_NO_PI = 0x400454ca, 0x1001
ADDRESSES = {4: ("10.9.0.1", "10.9.0.2"), 6: ("fd09::1", "fd09::2")}
FAMILIES = {4: socket.AF_INET, 6: socket.AF_INET6}

lib = ctypes.CDLL(os.path.join(HERE, "loops.so"))
sipsec = ctypes.CDLL("libsipsec.so.0")


class Flow(ctypes.Structure):
    _fields_ = [("fd", ctypes.c_int32), ("to_len", ctypes.c_uint32), ("to", ctypes.c_uint8 * 28)]


class Group(ctypes.Structure):
    _fields_ = [("id", ctypes.c_uint32), ("spi_in", ctypes.c_uint32), ("spi_out", ctypes.c_uint32),
                ("role", ctypes.c_uint32), ("fd", ctypes.c_int32), ("local_port", ctypes.c_uint16),
                ("peer_port", ctypes.c_uint16), ("master", ctypes.c_uint8 * 32)]


class Packet(ctypes.Structure):
    _fields_ = [("len", ctypes.c_uint32), ("data", ctypes.c_uint8 * 1500)]


for name in "send", "record", "receive", "set_up", "tear_down", "close", "dialogs":
    getattr(lib, "bench_" + name).restype = ctypes.c_int64
lib.bench_open.restype = ctypes.c_void_p
sipsec.sipsec_error.restype = ctypes.c_char_p
results = None


def timed(function, *args, handle=None):
    """Call a loop; its nanoseconds."""
    value = function(*args)
    if value < 0:
        raise RuntimeError("%s: %s (call %d)%s" % (
            function.__name__, os.strerror(-value),
            ctypes.c_uint.in_dll(lib, "bench_failed").value,
            ": " + sipsec.sipsec_error(handle).decode() if handle else ""))
    return value


def report(bench, value, unit="instructions", **how):
    result = {"bench": bench, **how, "value": round(value, 1), "unit": unit}
    results.write(json.dumps(result) + "\n")
    print("  %-13s %s: %s %s" % (
        bench, " ".join("%s=%s" % item for item in how.items()), result["value"], unit),
        flush=True)


class Host(tb.Netns):
    """A namespace with one device, and sockets for flows to one peer."""

    def __init__(self, name, family=4, side=0, tun=False):
        super().__init__(name)
        self.family, self.tun = family, tun
        self.local, self.peer = ADDRESSES[family][::1 - 2 * side]
        self.sockets = []
        self.handles = []
        self.groups = []

    def __enter__(self):
        super().__enter__()
        if self.family == 4:
            self.run("sysctl -qw net.ipv6.conf.all.disable_ipv6=1 "
                     "net.ipv6.conf.default.disable_ipv6=1")
        if self.tun:
            with self.entered():
                self.tun = os.open("/dev/net/tun", os.O_RDWR)
                fcntl.ioctl(self.tun, TUNSETIFF, struct.pack("16sH22x", b"wire", IFF_TUN_NO_PI))
        else:
            self.ip("link add wire type dummy")
        prefix = 24 if self.family == 4 else "64 nodad"
        self.ip("link set wire up")
        self.ip("address add %s/%s dev wire" % (self.local, prefix))
        return self

    def __exit__(self, *exc):
        for handle in self.handles:
            sipsec.sipsec_close(handle)
        self.handles = []
        for s in self.sockets:
            s.close()
        if self.tun:
            os.close(self.tun)
        super().__exit__(*exc)

    def socket(self, port):
        s = socket.socket(FAMILIES[self.family], socket.SOCK_DGRAM)
        s.setsockopt(socket.SOL_SOCKET, socket.SO_RCVTIMEO, struct.pack("ll", 10, 0))
        s.bind((self.local, port))
        self.sockets.append(s)
        return s

    def open(self, flows):
        """Sockets for so many flows."""
        self.flows = flows
        with self.entered():
            for i in range(min(flows, SOCKETS_MAX)):
                self.socket(LOCAL_PORT + i)

    def ports(self, i):
        """Local and peer's port of flow i, of which each side has its own view."""
        return LOCAL_PORT + i % SOCKETS_MAX, LOCAL_PORT + i % SOCKETS_MAX + i // SOCKETS_MAX

    def active(self, connected=False):
        """The flows that have packets, for the loops."""
        n = min(self.flows, ACTIVE_MAX)
        array = (Flow * n)()
        for k, f in enumerate(array):
            i = k * self.flows // n
            self.fill(f, self.sockets[i % SOCKETS_MAX], self.ports(i)[1], connected)
        return array

    def other(self):
        """A flow that nobody has claimed."""
        array = (Flow * 1)()
        with self.entered():
            self.fill(array[0], self.socket(OTHER_PORT), OTHER_PORT)
        return array

    def fill(self, f, s, port, connected=False):
        f.fd = s.fileno()
        if connected:
            s.connect((self.peer, port))
            return
        packed = ipaddress.ip_address(self.peer).packed
        to = struct.pack("=H", FAMILIES[self.family]) + struct.pack("!H", port)
        to += packed + bytes(8) if self.family == 4 else bytes(4) + packed + bytes(4)
        f.to_len = len(to)
        f.to[:len(to)] = to

    def handle(self):
        """A connection of libsipsec that has opened an app of its own."""
        with self.entered():
            handle = ctypes.c_void_p(lib.bench_open(b"bench%d" % len(self.handles)))
        if not handle:
            raise RuntimeError("libsipsec: no connection")
        self.handles.append(handle)
        return handle

    def claim(self, role=tb.OFFERER, rotate=LONG, like=None, suite=SUITE):
        """A group for each flow; like: those of the host at the other end. Nanoseconds."""
        handle = self.handle()
        self.groups = (Group * self.flows)()
        for i, g in enumerate(self.groups):
            g.local_port, g.peer_port = self.ports(i)
            g.fd = self.sockets[i % SOCKETS_MAX].fileno()
            g.role = role
            if like:
                g.spi_out = like[i].spi_in
                g.master = like[i].master
            else:
                g.spi_out = 0x10000000 + i * 256
                g.master[:] = os.urandom(32)
        return timed(lib.bench_set_up, handle, self.groups, self.flows, self.local.encode(),
                     self.peer.encode(), suite, ctypes.c_uint32(rotate), handle=handle)

    def xfrm(self, direction, rounds):
        """Lines for ip: a state and a policy of its own for each flow."""
        source, to, window = self.local, self.peer, ""
        if direction == "in":
            source, to, window = to, source, " replay-window %d" % WINDOW
        bits = 32 if self.family == 4 else 128
        for i, r in enumerate(rounds):
            sport, dport = self.ports(i)
            if direction == "in":
                sport, dport = dport, sport
            yield keys.xfrm_state("add", r, SUITE, source, to,
                                  "reqid %d%s" % (i + 1, window))
            yield ("xfrm policy add src %s/%d dst %s/%d proto udp sport %d dport %d dir %s tmpl "
                   "src %s dst %s proto esp reqid %d mode transport" % (
                       source, bits, to, bits, sport, dport, direction, source, to, i + 1))


def random_rounds(n):
    return [keys.Round(0, 0x1000 + i, None, os.urandom(keys.keymat_len(SUITE)))
            for i in range(n)]


def spent(work):
    """Processor time of programs that are run, in nanoseconds; waiting does not count."""
    before = resource.getrusage(resource.RUSAGE_CHILDREN)
    work()
    after = resource.getrusage(resource.RUSAGE_CHILDREN)
    return 1e9 * (after.ru_utime + after.ru_stime - before.ru_utime - before.ru_stime)


def batch(host, lines):
    """Processor time that ip needs for them, its own start not counted."""
    return max(spent(lambda: host.batch(lines)) - spent(lambda: host.batch([])), 0)


def alternate(variants, measure, rounds=ROUNDS):
    """Median of each variant's measurements, all variants in every round."""
    values = collections.defaultdict(list)
    for _ in range(rounds):
        for variant in variants:
            values[variant].append(measure(variant))
    return {variant: statistics.median(v) for variant, v in values.items()}


def send(flows, size, packets):
    return timed(lib.bench_send, flows, len(flows), ctypes.c_size_t(size), packets) / packets


def bench_tx(family, counts):
    """Cost of a send(), until the device has the packet."""
    for n in counts:
        variants = ["clear", "xfrm", "sipsec"]
        if n > SOCKETS_MAX:
            # Setting up its policies would take hours.
            variants.remove("xfrm")
        with contextlib.ExitStack() as stack:
            hosts = {v: stack.enter_context(Host(v, family)) for v in variants}
            for host in hosts.values():
                host.open(n)
            if "xfrm" in hosts:
                hosts["xfrm"].batch(list(hosts["xfrm"].xfrm("out", random_rounds(n))))
            hosts["sipsec"].claim()
            for path in "unconnected", "connected":
                connected = path == "connected"
                if connected and n > SOCKETS_MAX:
                    continue
                flows = {v: host.active(connected) for v, host in hosts.items()}
                # Policies of one pair of addresses are tried one after the other.
                packets = {v: 30 if v == "xfrm" and n > 1000 and not connected else PACKETS
                           for v in variants}
                for v in variants:
                    send(flows[v], 200, min(2 * len(flows[v]), packets[v]) + 10)
                for size in SIZES if n != 100 else SIZES[1:2]:
                    values = alternate(variants, lambda v: send(flows[v], size, packets[v]))
                    for v in variants:
                        report("tx", values[v], family=family, path=path, size=size, flows=n,
                               variant=v)


class Recording:
    """Packets of some flows, each to be received once."""

    def __init__(self, sender, flows, size, packets):
        self.packets = (Packet * packets)()
        self.at = 0
        timed(lib.bench_record, sender.tun, flows, len(flows), ctypes.c_size_t(size), self.packets,
              packets)

    def receive(self, host, flows, packets):
        """Instructions per packet; so many are a multiple of the flows."""
        part = (Packet * packets).from_buffer(self.packets, self.at * ctypes.sizeof(Packet))
        self.at += packets
        # xfrm takes up decrypted packets in a work item, which else would switch to it and back
        # for some packets and not for others: it has its turn when there is nothing to read.
        os.sched_setscheduler(0, os.SCHED_FIFO, os.sched_param(1))
        try:
            return timed(lib.bench_receive, host.tun, part, packets, flows, len(flows),
                         BATCH) / packets
        finally:
            os.sched_setscheduler(0, os.SCHED_OTHER, os.sched_param(0))


def whole(packets, flows):
    return -(-packets // len(flows)) * len(flows)


def bench_rx(family, counts):
    """Cost of a datagram from the device, with recv()."""
    for n in counts:
        if n > SOCKETS_MAX:
            continue
        with contextlib.ExitStack() as stack:
            senders = {v: stack.enter_context(Host("to-" + v, family, 1, True))
                       for v in ("clear", "esp")}
            hosts = {v: stack.enter_context(Host(v, family, 0, True))
                     for v in ("clear", "xfrm", "sipsec")}
            for host in itertools.chain(senders.values(), hosts.values()):
                host.open(n)
            ours = hosts["sipsec"]
            ours.claim()
            senders["esp"].claim(tb.ANSWERER, like=ours.groups)
            rounds = [next(keys.rounds(bytes(g.master), "HMAC_SHA2_256", SUITE, "A", g.spi_in))
                      for g in ours.groups]
            hosts["xfrm"].batch(list(hosts["xfrm"].xfrm("in", rounds)))
            flows = {v: host.active() for v, host in hosts.items()}
            to = {v: host.active() for v, host in senders.items()}
            # The first packet confirms a group, which is then told.
            warm = len(flows["clear"])
            packets = whole(50 if n > 1000 else PACKETS, flows["clear"])
            for size in SIZES if n != 100 else SIZES[1:2]:
                tapes = {v: Recording(s, to[v], size, 3 * warm + ROUNDS * packets)
                         for v, s in senders.items()}
                tapes = {"clear": tapes["clear"], "xfrm": tapes["esp"],
                         "sipsec": tapes["esp"]}
                at = {v: 0 for v in hosts}

                def receive(v, count):
                    tapes[v].at = at[v]
                    at[v] += count
                    return tapes[v].receive(hosts[v], flows[v], count)

                for v in hosts:
                    receive(v, 3 * warm)
                values = alternate(hosts, lambda v: receive(v, packets))
                for v in hosts:
                    report("rx", values[v], family=family, size=size, flows=n, variant=v)


def bench_rotation(family):
    """One flow, with a round every 1000 packets and without; the rounds' making is in it."""
    packets = 10 * SHORT
    with contextlib.ExitStack() as stack:
        hosts = {}
        for name, rotate in ("long", LONG), ("T=1000", SHORT):
            host = hosts[name] = stack.enter_context(Host("out-" + name, family))
            host.open(1)
            host.claim(rotate=rotate)
        for path in "unconnected", "connected":
            flows = {v: host.active(path == "connected") for v, host in hosts.items()}
            for v in hosts:
                send(flows[v], 200, SHORT)
            values = alternate(hosts, lambda v: send(flows[v], 200, packets))
            for v in hosts:
                report("rotation", values[v], family=family, path="tx " + path, size=200,
                       variant=v)
    with contextlib.ExitStack() as stack:
        hosts, tapes = {}, {}
        for name, rotate in ("long", LONG), ("T=1000", SHORT):
            host = hosts[name] = stack.enter_context(Host("in-" + name, family, 0, True))
            sender = stack.enter_context(Host("to-" + name, family, 1, True))
            for h in host, sender:
                h.open(1)
            host.claim(rotate=rotate)
            sender.claim(tb.ANSWERER, rotate=rotate, like=host.groups)
            tapes[name] = Recording(sender, sender.active(), 200, SHORT + ROUNDS * packets)
        flows = {v: host.active() for v, host in hosts.items()}
        for v in hosts:
            tapes[v].receive(hosts[v], flows[v], SHORT)
        values = alternate(hosts, lambda v: tapes[v].receive(hosts[v], flows[v], packets))
        for v in hosts:
            report("rotation", values[v], family=family, path="rx", size=200, variant=v)


def bench_tax(family):
    """Packets that are nobody's flow, where there are flows and where there are none."""
    for n in 1, 1000:
        with contextlib.ExitStack() as stack:
            hosts, flows = {}, {}
            for claimed in 0, n:
                host = hosts[claimed] = stack.enter_context(
                    Host("tax%d" % claimed, family, 0, True))
                host.open(n)
                flows[claimed] = host.other()
                if claimed:
                    host.claim()
            sender = stack.enter_context(Host("to", family, 1, True))
            tape = Recording(sender, sender.other(), 200, PACKETS)

            def receive(claimed):
                tape.at = 0
                return tape.receive(hosts[claimed], flows[claimed], PACKETS)

            for claimed in hosts:
                # The device's queue is full then: all further packets meet the same.
                send(flows[claimed], 200, 1000)
                receive(claimed)
            for path, measure in (("tx", lambda c: send(flows[c], 200, PACKETS)), ("rx", receive)):
                for claimed, value in alternate(hosts, measure).items():
                    report("tax", value, family=family, path=path, size=200, sockets=n,
                           flows=claimed)


def memory():
    """Octets that the kernel has allocated, by kind."""
    with open("/proc/meminfo", encoding="ascii") as f:
        info = {line.split(":")[0]: int(line.split()[1]) * 1024 for line in f}
    return info["Slab"] + info["Percpu"] + info["VmallocUsed"]


def used_by(make):
    """What it returns and the memory it took."""
    before = memory()
    value = make()
    return value, memory() - before


def bench_set_up(family):
    """Groups with a flow each, against states and policies made by ip; and their end."""
    rounds = random_rounds(2 * SOCKETS_MAX)
    with Host("warm", family) as host:
        host.open(100)
        host.claim()
    for n in 1, 10, 100, 1000, 10000:
        with contextlib.ExitStack() as stack:
            ours, theirs, bare = (stack.enter_context(Host(name, family))
                                  for name in ("sipsec", "xfrm", "bare"))
            for host in ours, theirs, bare:
                host.open(n)
            ns, octets = used_by(ours.claim)
            report("set-up", ns / n, groups=n, variant="sipsec")
            lines = list(itertools.chain(theirs.xfrm("out", rounds[:n]),
                                         theirs.xfrm("in", rounds[n:2 * n])))
            ns, octets_xfrm = used_by(lambda: batch(theirs, lines))
            report("set-up", ns / n, groups=n, variant="2 states + 2 policies")
            states = [line for line in lines if line.startswith("xfrm state")]
            ns, octets_states = used_by(lambda: batch(bare, states))
            report("set-up", ns / n, groups=n, variant="2 states")
            if n >= 1000:
                report("memory", octets / n, "octets", groups=n, variant="sipsec")
                report("memory", octets_xfrm / n, "octets", groups=n,
                       variant="2 states + 2 policies")
                report("memory", octets_states / n, "octets", groups=n, variant="2 states")
            group = tb.Admin(ours).dump("group-get")[0]
            # One more is there to be sent with.
            received = [r for r in group["round"]
                        if r["direction"] == tb.nl.spec.enums["direction"]["in"]]
            report("installed", len(received) + 1, "states", groups=n)
            handle = ours.handles[0]
            ns = timed(lib.bench_tear_down, handle, ours.groups, n // 2, handle=handle)
            if n > 1:
                report("tear-down", ns / (n // 2), groups=n, variant="sipsec, each")
            ns = timed(lib.bench_close, ours.handles.pop())
            report("tear-down", ns / (n - n // 2), groups=n, variant="sipsec, close()")
            ns = batch(theirs, ["xfrm policy flush", "xfrm state flush"])
            report("tear-down", ns / n, groups=n, variant="ip xfrm flush")


def bench_dialog(family):
    """What a call costs each side's SIP stack."""
    calls = 200
    names = "offer", "answer", "established", "flow", "end"
    with Host("caller", family) as caller, Host("callee", family, 1) as callee:
        handles = [host.handle() for host in (caller, callee)]
        fds, to = (ctypes.c_int * 2)(), []
        for i, host in enumerate((caller, callee)):
            host.open(1)
            fds[i] = host.sockets[0].fileno()
            to.append(host.active()[0])
        steps = (ctypes.c_int64 * len(names))()
        args = (*handles, calls, caller.local.encode(), callee.local.encode(), fds, to[0].to,
                to[1].to, to[0].to_len, steps)
        for _ in range(2):
            # The first time warms up.
            ctypes.memset(steps, 0, ctypes.sizeof(steps))
            timed(lib.bench_dialogs, *args, handle=handles[0])
        for name, ns in zip(names, steps):
            report("dialog", ns / calls, step=name)
        report("dialog", ctypes.c_uint.in_dll(lib, "bench_octets").value, "octets", step="offer")


PARTS = {
    "tx": lambda: bench_tx(4, FLOWS),
    "tx6": lambda: bench_tx(6, FLOWS[:2]),
    "rx": lambda: bench_rx(4, FLOWS),
    "rx6": lambda: bench_rx(6, FLOWS[:2]),
    "rotation": lambda: bench_rotation(4),
    "tax": lambda: bench_tax(4),
    "set-up": lambda: bench_set_up(4),
    "dialog": lambda: bench_dialog(4),
}


def main():
    global results
    resource.setrlimit(resource.RLIMIT_NOFILE, (200000, 200000))
    wanted = sys.argv[1:] or list(PARTS)
    with open(os.path.join(os.environ["RESULTS"], "results"), "w", encoding="utf-8",
              buffering=1) as results:
        for part in wanted:
            print(part + ":", flush=True)
            PARTS[part]()


if __name__ == "__main__":
    main()
