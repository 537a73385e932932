#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""
   one: [lo 10.9.1.1, 10.9.1.2]

Each request is sent again and again while first its first allocation fails, then its second, until
it has no more. It must then have done nothing, or all; and what it had taken must be free again.
The same is done to the work items of a rotation, whose stream must go on, and to that of a receiver
whose peer has run ahead. Then they get no memory at all, for longer than the rounds made ready
last.
"""

import collections
import contextlib
import errno
import itertools
import os
import socket
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import nl
import testbed as tb

DEBUG = "/sys/kernel/debug"
LOCAL, PEER = "10.9.1.1", "10.9.1.2"
NETLINK_XFRM = 6
IP_RECVERR = 11
# What a caller can expect when there is no memory.
CLEAN = {errno.ENOMEM, errno.ENOBUFS}
# More allocations than any request has.
MANY = 1000
FOREVER = 1 << 30
DIRECTION = nl.spec.enums["direction"]


class Faults:
    """The kernel's injectors; without a range of addresses any allocation may be chosen."""

    def __init__(self):
        self.places = {name: os.path.join(DEBUG, name) for name in ("failslab", "fail_page_alloc")
                       if os.path.isdir(os.path.join(DEBUG, name))}
        for name in self.places:
            for option, value in (("verbose", 0), ("ignore-gfp-wait", "N"), ("task-filter", "N"),
                                  ("interval", 1), ("space", 0), ("probability", 0),
                                  ("stacktrace-depth", 32)):
                self.set(name, option, value)
            self.set(name, "times", FOREVER)
        self.below()

    def set(self, name, option, value):
        with open(os.path.join(self.places[name], option), "w", encoding="ascii") as f:
            f.write("%s" % value)

    def below(self, start=0, end=(1 << 64) - 1):
        """Only allocations made below code with a return address in this range."""
        for name in self.places:
            self.set(name, "require-end", end)
            self.set(name, "require-start", start)

    def start(self, names=("failslab",)):
        """All of them fail, whoever makes them."""
        for name in names:
            self.set(name, "times", FOREVER)
            self.set(name, "probability", 100)

    def stop(self):
        """How many have failed since."""
        hits = 0
        for name, place in self.places.items():
            self.set(name, "probability", 0)
            with open(os.path.join(place, "times"), encoding="ascii") as f:
                hits += FOREVER - int(f.read())
            self.set(name, "times", FOREVER)
        return hits


class Nth:
    """Makes the nth allocation fail that a thread tries; this one if none is named."""

    def __init__(self, nth, thread="thread-self"):
        self.nth, self.thread, self.left = nth, thread, nth

    def __enter__(self):
        self.file = os.open("/proc/%s/fail-nth" % self.thread, os.O_RDWR)
        os.write(self.file, b"%d" % self.nth)
        return self

    def __exit__(self, *exc):
        # A worker that had nothing to do may be gone.
        with contextlib.suppress(ProcessLookupError):
            self.left = int(os.pread(self.file, 32, 0).split(b"\0")[0])
            os.write(self.file, b"0")
        os.close(self.file)

    @property
    def injected(self):
        return self.left == 0


class Every:
    """Makes every allocation fail, whoever tries it; below() has to say which ones those are."""

    def __init__(self, faults):
        self.faults, self.injected = faults, False

    def __enter__(self):
        self.faults.start()
        return self

    def __exit__(self, *exc):
        self.injected = self.faults.stop() > 0


class FaultySocket:
    """The kernel carries out requests on it while there are faults."""

    def __init__(self, sock, injector):
        self.sock, self.injector = sock, injector

    def __getattr__(self, name):
        return getattr(self.sock, name)

    def sendto(self, data, address):
        with self.injector:
            return self.sock.sendto(data, address)


class Bench:
    """The namespace, an administrator who sees all, and one group with a flow."""

    def __init__(self, ns, standing=True):
        self.ns, self.lost = ns, 0
        for address in LOCAL, PEER:
            ns.ip("address add %s/32 dev lo" % address)
        self.admin = tb.Admin(ns)
        self.owner = tb.Owner(ns)
        # Who watches is told, too.
        self.watcher = tb.Admin(ns)
        self.watcher.do("app-watch", name="phone")
        with ns.entered():
            self.xfrm = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_XFRM)
        # Far from each other: what is kept of one takes memory that another's does not share.
        self.ports = itertools.cycle(range(20000, 60000, 65))
        # Without them the first group and the last one have hooks to register and to remove.
        self.group = self.flow = None
        if standing:
            self.group = self.installed()
            self.flow = self.bound(self.group)

    def close(self):
        if self.flow:
            self.flow[0].close()
        self.owner.close()
        tb.poll("end of the groups", lambda: not self.admin.dump("group-get"))
        self.admin.close()
        self.watcher.close()
        self.xfrm.close()

    def reserved(self):
        return self.owner.reserve(LOCAL)[0]

    def parameters(self, group):
        # Rounds of so many packets are made ready one by one: fewer allocations to step through.
        return {"id": group, "role": tb.OFFERER, "suite": 1, "master": tb.fresh_master(),
                "spi_out": 0x5d1c2a00, "peer": tb.packed(PEER), "rotate": 65536,
                "peer_identity": "sip:b@example.com"}

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

    def unbind(self, sock, values):
        """If the flow is still there, open or closed."""
        if any(f["local-port"] == values["local_port"] for f in self.admin.dump("flow-get")):
            self.admin.do("flow-unbind", **self.name_of(values))
        sock.close()

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

    def lost_event(self):
        """Whether an event was lost since the last call, which its owner can see."""
        before, self.lost = self.lost, self.owner.do("stats-get", app="phone")["event-lost"]
        return self.lost > before

    def sad_count(self):
        return tb.count_states(self.xfrm)


# A case prepares, and yields who asks, the arguments, and what to do when the request succeeded.

def app_new(bench):
    yield bench.admin, {"name": "fault", "uid": 1000, "cgroup": "/", "wildcard": True,
                        "protocols": b"\x84"}, \
        lambda: bench.admin.do("app-del", name="fault")


def app_set(bench):
    bench.admin.do("app-new", name="fault", uid=1000, gid=1000, cgroup="/")
    yield bench.admin, {"name": "fault", "uid": 1001, "cgroup": "/"}, None
    bench.admin.do("app-del", name="fault")


def app_del(bench):
    bench.admin.do("app-new", name="fault", uid=0)
    owner = tb.Owner(bench.ns, "fault", register=False)
    group, _ = owner.reserve(LOCAL)
    owner.do("group-set", **bench.parameters(group))
    sock, values = bench.binding(group)
    owner.do("flow-bind", **values)
    yield bench.admin, {"name": "fault"}, None
    owner.close()
    bench.unbind(sock, values)
    if any(a["name"] == "fault" for a in bench.admin.dump("app-get")):
        bench.admin.do("app-del", name="fault")


def app_open(bench):
    caller = tb.Admin(bench.ns)
    yield caller, {"name": "phone"}, None
    caller.close()


def app_open_first(bench):
    """By a user who has nothing of the app's yet."""
    bench.admin.do("app-new", name="first", uid=0)
    caller = tb.Admin(bench.ns)
    yield caller, {"name": "first"}, None
    caller.close()
    bench.admin.do("app-del", name="first")


def app_watch(bench):
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


def group_set_cbc(bench):
    """A suite of two algorithms, and what ESN takes."""
    group = bench.reserved()
    yield bench.owner, {**bench.parameters(group), "suite": 4, "esn": True}, None
    bench.owner.do("group-del", id=group)


def group_set_encap(bench):
    """In UDP."""
    group, port = bench.reserved(), next(bench.ports)
    sock = tb.encap_socket(bench.ns, LOCAL, port)
    yield bench.owner, {**bench.parameters(group), "encap_fd": sock.fileno(), "encap_port": port,
                        "encap_peer_port": 4500}, None
    bench.owner.do("group-del", id=group)
    sock.close()


def group_del(bench):
    group = bench.installed()
    sock, name = bench.bound(group)
    yield bench.owner, {"id": group}, None
    bench.unbind(sock, name)
    if any(g["id"] == group for g in bench.admin.dump("group-get")):
        bench.owner.do("group-del", id=group)


def group_get(bench):
    yield bench.owner, {"id": bench.group}, None


def group_rotate(bench):
    group = bench.installed()
    yield bench.owner, {"id": group}, None
    bench.owner.do("group-del", id=group)


def group_adopt(bench):
    group = bench.installed()
    heir = tb.Owner(bench.ns, register=False)
    yield heir, {"id": group}, None
    heir.close()
    # Whoever it is, the group's owner is to end it.
    if any(g["id"] == group for g in bench.admin.dump("group-get")):
        bench.admin.do("group-del", id=group)


def flow_bind(bench):
    sock, values = bench.binding(bench.group)
    yield bench.owner, values, lambda: bench.owner.do("flow-unbind", **bench.name_of(values))
    sock.close()


def flow_unbind(bench):
    sock, name = bench.bound(bench.group)
    yield bench.owner, name, None
    bench.unbind(sock, name)


def flow_get(bench):
    yield bench.owner, bench.flow[1], None


def stats_get(bench):
    yield bench.owner, {"app": "phone"}, None


CASES = {case.__name__.replace("_", "-"): case for case in (
    app_new, app_set, app_del, app_open, app_watch, app_get, group_new, group_set, group_del,
    group_get, group_rotate, group_adopt, flow_bind, flow_unbind, flow_get, stats_get)}
DUMPS = ("app-get", "group-get", "flow-get", "stats-get")


def request(caller, injector, call):
    """The error it led to that there were faults; None if the request succeeded."""
    sock = caller.sock
    caller.sock = FaultySocket(sock, injector)
    try:
        call()
    except OSError as e:
        return e
    finally:
        caller.sock = sock
    return None


def settled(bench, wanted):
    """Flows of closed sockets and dead groups leave a moment later."""
    tb.poll("return to %r" % (wanted,), lambda: bench.state() == wanted)


class Steps:
    """
    What came of a request whose first allocation failed, then its second, and so on; or, with an
    injector of the caller's, of one request.
    """

    def __init__(self, bench, name, case, dump=False, injector=None):
        self.name = name + (" dump" if dump else "")
        self.errors, self.hits, self.unclean, self.half = {}, 0, [], []
        base = bench.state()
        for nth in range(1, 2 if injector else MANY):
            faults = injector or Nth(nth)
            run = case(bench)
            caller, values, undo = next(run)
            before = bench.state()
            error = request(caller, faults, lambda: caller.dump(name) if dump else
                            caller.do(name, **values))
            if error:
                self.refused(error, faults.injected, bench.state() == before)
            if undo and (not error or bench.state() != before):
                undo()
            next(run, None)
            settled(bench, base)
            if not faults.injected:
                break
            self.hits += 1

    def refused(self, error, injected, same):
        number = errno.errorcode.get(error.errno, error.errno)
        self.errors[number] = self.errors.get(number, 0) + 1
        if error.errno not in CLEAN or not injected:
            self.unclean.append((self.hits + 1, str(error)))
        # Refused by the kernel; when only its answer was lost, all may have been done.
        if isinstance(error, nl.NlError) and not same:
            self.half.append((self.hits + 1, str(error)))

    def check(self, check):
        check.true("%s: %d allocations, refused: %s" % (self.name, self.hits, self.errors),
                   0 < self.hits < MANY - 1)
        check.equal("%s: unclean" % self.name, self.unclean, [])
        check.equal("%s: half done" % self.name, self.half, [])


class Stream:
    """Two groups of one namespace that send to each other, and what they have sent."""

    # Rounds so short that the next one is ready from the beginning, so long that no more are.
    def __init__(self, ns, rotate=4096):
        self.serial = self.lost = 0
        with ns.entered():
            self.xfrm = socket.socket(socket.AF_NETLINK, socket.SOCK_RAW, NETLINK_XFRM)
        self.admin = tb.Admin(ns)
        self.owner = tb.Owner(ns, "stream")
        self.tap = tb.Tap(ns, "lo")
        self.seen = collections.Counter()
        master = tb.fresh_master()
        (self.a, block_a), (self.b, block_b) = self.owner.reserve(LOCAL), self.owner.reserve(PEER)
        self.owner.install(self.a, PEER, tb.OFFERER, master, block_b, rotate=rotate)
        self.owner.install(self.b, LOCAL, tb.ANSWERER, master, block_a, rotate=rotate)
        self.sock_a = tb.udp(ns, LOCAL, 4000, (PEER, 5000))
        self.sock_b = tb.udp(ns, PEER, 5000, (LOCAL, 4000))
        self.owner.bind(self.a, self.sock_a, 5000)
        self.owner.bind(self.b, self.sock_b, 4000)
        # Both groups were installed.
        self.tell(2)

    def pass_on(self, count=1):
        """So many datagrams each way; they must arrive."""
        for _ in range(count):
            for sender, receiver in ((self.sock_a, self.sock_b), (self.sock_b, self.sock_a)):
                self.serial += 1
                sender.send(b"%d" % self.serial)
                # What was sent before may have come late.
                while receiver.recv(64) != b"%d" % self.serial:
                    pass
        self.look()

    def look(self):
        for p in self.tap.drain():
            self.seen[p.proto, p.spi, p.seq] += 1

    def misused(self):
        """Packets in clear, and numbers a key was used with twice."""
        self.look()
        return [packet for packet, count in self.seen.items()
                if packet[0] != socket.IPPROTO_ESP or count > 1]

    def round(self, group, direction):
        """Number of its current round."""
        return next(r["number"] for r in self.owner.do("group-get", id=group)["round"]
                    if r.get("current") and r["direction"] == DIRECTION[direction])

    def late(self, group):
        return self.owner.do("group-get", id=group)["late"]

    def settle(self):
        """Until the receiver has as many old rounds as it ever keeps."""
        self.pass_on()
        for _ in range(5):
            self.rotate()

    def try_rotate(self):
        """Move a's send direction on, if its next round is ready."""
        try:
            self.owner.do("group-rotate", id=self.a)
        except nl.NlError as e:
            if e.errno != errno.EBUSY:
                raise
            return False
        return True

    def rotate(self):
        """Both sides move on, and their work items are done."""
        tb.poll("next round", self.try_rotate)
        self.pass_on()
        self.tell(2)
        tb.poll("end of the work", Workers.idle)

    def ahead(self, group):
        """How many of the next rounds it can receive."""
        rounds = [r for r in self.owner.do("group-get", id=group)["round"]
                  if r["direction"] == DIRECTION["in"]]
        return max(r["number"] for r in rounds) - self.round(group, "in")

    def states(self):
        return tb.count_states(self.xfrm)

    def tell(self, count):
        """Until so many events have come since the last call, or are known to be lost."""
        def enough():
            lost = self.owner.do("stats-get", app="stream")["event-lost"]
            return len(self.owner.events) + lost - self.lost >= count, lost
        tb.poll("%d events" % count, lambda: enough()[0])
        self.lost = enough()[1]
        self.owner.events.clear()

    def close(self):
        self.sock_a.close()
        self.sock_b.close()
        self.owner.close()
        tb.poll("end of the groups", lambda: not self.admin.dump("group-get"))
        self.admin.do("app-del", name="stream")
        self.admin.close()
        self.xfrm.close()


class Workers:
    """The threads that may run the module's work items."""

    def __init__(self):
        self.names = {}
        for pid in os.listdir("/proc"):
            try:
                with open("/proc/%s/comm" % pid, encoding="ascii") as f:
                    self.names[pid] = f.read()
            except OSError:
                pass
        self.names = {p: name for p, name in self.names.items() if name.startswith("kworker/u")}
        if not self.names:
            raise RuntimeError("no worker is to be seen")

    @classmethod
    def idle(cls):
        return not any("+sipsec" in name for name in cls().names.values())

    @classmethod
    def fail(cls, nth, call):
        """Call it while their nth allocation fails; whether there was such a one."""
        for _ in range(20):
            injectors = []
            with contextlib.ExitStack() as stack:
                for pid in cls().names:
                    with contextlib.suppress(FileNotFoundError, ProcessLookupError):
                        injectors.append(stack.enter_context(Nth(nth, pid)))
                call()
            # If a worker did it that was not there before: once more.
            if any(i.left < nth for i in injectors):
                return any(i.injected for i in injectors)
        raise RuntimeError("no worker did it")


def step_through_rotation(check, ns, faults, text):
    """Each allocation of the work items of one rotation, the sender's and the receiver's."""
    stream = Stream(ns)
    stream.settle()
    first = stream.round(stream.a, "out")
    states, nth, injected, lost = stream.states(), 0, True, stream.lost
    faults.below(*text)
    while injected and nth < MANY:
        nth += 1
        injected = Workers.fail(nth, stream.rotate)
        # What failed is made up for without being asked to.
        tb.poll("states of the next rounds", lambda: stream.states() == states)
        stream.rotate()
    faults.below()
    check.true("rotation: %d allocations, events lost and told so: %d"
               % (nth - 1, stream.lost - lost), 1 < nth < MANY)
    for direction, group in ("out", stream.a), ("in", stream.b):
        check.equal("rotation: round " + direction, stream.round(group, direction),
                    first + 2 * nth)
    check.equal("rotation: packets sent late", stream.late(stream.a), 0)
    check.equal("rotation: in clear, or with a number used before", stream.misused(), [])
    stream.close()


def step_through_catching_up(check, ns, faults, running):
    """Each allocation of the receiver's work item when the peer has left out rounds."""
    stream = Stream(ns)
    stream.settle()
    nth, injected, jumps, sent, misused = 0, True, 0, 0, []

    def arrives():
        nonlocal sent
        sent += 1
        stream.sock_a.send(b"ahead")
        return not tb.nothing_waits(stream.sock_b)

    def jump():
        nonlocal jumps
        jumps += 1
        # Two are installed ahead.
        for _ in range(3):
            tb.poll("next round", stream.try_rotate)
        tb.poll("packet of the round ahead", arrives)
        stream.pass_on()
        tb.poll("end of the work", Workers.idle)

    # Behind a round that was caught up with there are none.
    jump()
    tb.poll("rounds ahead", lambda: stream.ahead(stream.b) == 2)
    states = stream.states()
    faults.below(*running)
    while injected and nth < MANY:
        nth += 1
        injected = Workers.fail(nth, jump)
        tb.poll("states of the next rounds", lambda: stream.states() == states)
        misused.extend(stream.misused())
        # Numbers come again with the SPIs, after 256 rounds.
        stream.seen.clear()
        stream.owner.receive_waiting()
        stream.owner.events.clear()
    faults.below()
    check.true("catching up: %d allocations, %d packets until it was done %d times"
               % (nth - 1, sent, jumps), 1 < nth < MANY)
    check.equal("catching up: rounds", stream.round(stream.b, "in"),
                stream.round(stream.a, "out"))
    check.equal("catching up: times", stream.owner.do("stats-get", app="stream")["in-caught-up"],
                jumps)
    check.equal("catching up: in clear, or with a number used before", misused, [])
    stream.close()


def starve(check, ns, faults, work):
    """No work item gets any memory: both sides use up their rounds and stay on the last one."""
    stream = Stream(ns, rotate=16)
    rounds = 1 + 4096 // 256
    stream.pass_on()
    faults.below(*work)
    faults.start()
    stream.pass_on((rounds + 3) * 16)
    ends = (stream.a, "out"), (stream.b, "out"), (stream.a, "in"), (stream.b, "in")
    check.equal("starved: rounds", [stream.round(*end) for end in ends], [rounds - 1] * 4)
    late = [stream.late(group) for group in (stream.a, stream.b)]
    check.equal("starved: packets sent late", late, [3 * 16 + 1] * 2)
    check.true("starved: allocations that failed", faults.stop() > 0)
    tb.poll("rounds ahead", lambda: all(stream.ahead(g) == 2 for g in (stream.a, stream.b)))
    tb.poll("end of the work", Workers.idle)
    stream.pass_on(3 * 16)
    # The last packet of a round makes its sender move on.
    check.equal("fed again: rounds", [stream.round(*end) for end in ends],
                [rounds + 3] * 2 + [rounds + 2] * 2)
    check.equal("starved: in clear, or with a number used before", stream.misused(), [])
    stream.close()


def use_up(check, ns, faults, making):
    """No round is made ready for so long that the last one comes to its hard limit."""
    stream = Stream(ns, rotate=16)
    rounds, late = 1 + 4096 // 256, 4096
    # Without it, UDP says nothing of ENOBUFS.
    stream.sock_a.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
    faults.below(*making)
    faults.start()
    sent = refused = 0
    while refused < 3 and sent <= rounds * 16 + late:
        try:
            stream.sock_a.send(b"%d" % sent)
        except OSError as e:
            check.equal("at the limit", e.errno, errno.ENOBUFS)
            refused += 1
            continue
        stream.sock_b.recv(64)
        sent += 1
    check.equal("packets before the limit", sent, rounds * 16 + late)
    check.equal("of them late", stream.late(stream.a), late)
    stats = stream.owner.do("stats-get", app="stream")
    check.equal("dropped at the limit", stats["out-drop-limit"], refused)
    told = stream.owner.wait_event(lambda e: e.name == "group-limit-ntf").values
    check.equal("told of the limit", [told[k] for k in ("id", "number", "packets", "direction")],
                [stream.a, rounds - 1, 16 + late, DIRECTION["out"]])
    check.true("allocations that failed", faults.stop() > 0)

    def goes_on():
        try:
            stream.sock_a.send(b"again")
        except OSError as e:
            if e.errno != errno.ENOBUFS:
                raise
            return False
        return True

    tb.poll("packet of the next round", goes_on)
    check.equal("after the limit", stream.sock_b.recv(64), b"again")
    check.equal("round after the limit", stream.round(stream.a, "out"), rounds)
    stream.owner.receive_waiting()
    check.equal("told once", [e for e in stream.owner.events if e.name == "group-limit-ntf"], [])
    check.equal("in clear, or with a number used before", stream.misused(), [])
    stream.close()


def text_of(function=None):
    """Where the module's code is, or one of its functions."""
    with open("/sys/module/sipsec/sections/.text", encoding="ascii") as f:
        start = int(f.read(), 16)
    symbols = subprocess.run(["nm", "-S", os.environ["SIPSEC_KO"]], check=True, text=True,
                             capture_output=True).stdout
    ranges = {}
    for words in map(str.split, symbols.splitlines()):
        if len(words) == 4 and words[2] in "tT":
            ranges.setdefault(words[3], []).append((start + int(words[0], 16),
                                                    start + int(words[0], 16) + int(words[1], 16)))
    if function:
        only, = ranges[function]
        return only
    return start, max(end for found in ranges.values() for _, end in found)


def main():
    check = tb.Checks()
    faults = Faults()
    requests = {n for n in nl.spec.commands if not n.endswith("-ntf")}
    check.equal("requests without a case", requests - set(CASES), set())
    with tb.Netns("one") as one:
        bench = Bench(one)
        for name, case in CASES.items():
            Steps(bench, name, case).check(check)
        Steps(bench, "group-set", group_set_cbc).check(check)
        Steps(bench, "group-set", group_set_encap).check(check)
        for name in DUMPS:
            Steps(bench, name, CASES[name], dump=True).check(check)
        bench.close()
        check.equal("states left", one.states(), [])
        step_through_rotation(check, one, faults, text_of())
        step_through_catching_up(check, one, faults, text_of("run_in"))
        starve(check, one, faults, text_of("work"))
        use_up(check, one, faults, text_of("make_ready"))
        check.equal("states left", one.states(), [])
    check.finish()


if __name__ == "__main__":
    main()
