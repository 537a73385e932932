#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""
   [wire 10.9.0.1] a ---------------------------- b [wire 10.9.0.2]

Traffic both ways, from round to round, while something happens to the host: a processor goes and
comes back, the clock jumps, the machine is suspended, somebody flushes and deletes SAs, an IKE
daemon starts and ends. The wire itself loses nothing, so each datagram that is sent has to arrive;
packets that passed it before, in and after each disturbance show that there was traffic.
"""

import os
import re
import select
import signal
import socket
import subprocess
import sys
import tempfile
import time

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import sipsec_keys as keys
import testbed as tb
from testbed import T

CPU = "/sys/devices/system/cpu/cpu1/online"
POWER = "/sys/power/"
DAY = 86400
STRANGER = "10.9.3.1", "10.9.3.2"
PORTS = (4000, 5000), (4001, 5001)


class CannotBe(Exception):
    """This kernel has no such thing."""


class Rounds:
    """The sequence numbers of one direction on the wire: each finished round has exactly 1..T."""

    def __init__(self):
        self.open, self.finished, self.wrong = {}, 0, []

    def add(self, packets):
        for p in packets:
            if p.proto != socket.IPPROTO_ESP:
                self.wrong.append(p)
                continue
            seen = self.open.setdefault(p.spi, set())
            if p.seq in seen or p.seq > T:
                self.wrong.append(p)
            seen.add(p.seq)
            if len(seen) == T:
                del self.open[p.spi]
                self.finished += 1

    def unfinished(self):
        """Of all rounds but the current one, which is the last to have begun."""
        return sorted(self.open)[:-1]


class Stream:
    """Two hosts' groups, two flows each way."""

    def __init__(self, a, b, app):
        self.hosts = a, b
        master = tb.fresh_master()
        self.owners = tb.Owner(a, app), tb.Owner(b, app)
        self.app = app
        groups, blocks = zip(self.owners[0].reserve(a.address), self.owners[1].reserve(b.address))
        self.groups, self.blocks = groups, blocks
        self.owners[0].install(groups[0], b.address, tb.OFFERER, master, blocks[1])
        self.owners[1].install(groups[1], a.address, tb.ANSWERER, master, blocks[0])
        self.sockets, flows = [], []
        for port_a, port_b in PORTS:
            ends = (tb.udp(a, a.address, port_a, (b.address, port_b)),
                    tb.udp(b, b.address, port_b, (a.address, port_a)))
            self.owners[0].bind(groups[0], ends[0], port_b)
            self.owners[1].bind(groups[1], ends[1], port_a)
            flows += [tb.Flow(*ends), tb.Flow(*reversed(ends))]
            self.sockets += ends
        # Each sees what comes in.
        self.taps = tb.Tap(a), tb.Tap(b)
        self.rounds = Rounds(), Rounds()
        self.traffic = tb.Traffic(flows)

    def look(self):
        for tap, rounds in zip(self.taps, self.rounds):
            rounds.add(tap.drain())

    def passed(self):
        """Packets that both groups have sent."""
        return sum(owner.do("group-get", id=group)["packets-out"]
                   for owner, group in zip(self.owners, self.groups))

    def go_on(self, count):
        """So many packets more; what was to be sent may all have been: then more of it."""
        end = self.passed() + count

        def enough():
            if select.select([self.traffic.process.stdout], [], [], 0)[0]:
                self.traffic.wait()
                self.traffic.start(T)
            return self.passed() >= end

        tb.poll("%d packets more" % count, enough, 60)
        self.look()

    def stats(self):
        return [owner.do("stats-get", app=self.app) for owner in self.owners]

    def close(self):
        self.traffic.close()
        for s in self.sockets:
            s.close()
        for owner in self.owners:
            owner.close()
        for tap in self.taps:
            tap.sock.close()
            tb.Tap.all.remove(tap)


def write(path, text):
    with open(path, "w", encoding="ascii") as f:
        f.write(text)


# Each disturbs once, a bit after a bit: what it yields is when the traffic has to have gone on.

def processor(stream):
    """The second processor goes, and comes back."""
    if not os.path.exists(CPU):
        raise CannotBe("there is one processor")
    try:
        write(CPU, "0")
        yield "without it"
    finally:
        write(CPU, "1")
    yield "with it again"


def clock(stream):
    """The wall clock jumps by a day; time namespaces move no clock of the kernel's."""
    before = [owner.do("group-get", id=group)["remaining"]
              for owner, group in zip(stream.owners, stream.groups)]
    try:
        for days in 1, -2:
            time.clock_settime(time.CLOCK_REALTIME, time.time() + days * DAY)
            yield "%+d days" % days
    finally:
        time.clock_settime(time.CLOCK_REALTIME, time.time() + DAY)
    after = [owner.do("group-get", id=group)["remaining"]
             for owner, group in zip(stream.owners, stream.groups)]
    if any(b - a > DAY // 24 for b, a in zip(before, after)):
        raise RuntimeError("the groups' life has moved with the clock: %s, %s" % (before, after))


def suspend(stream):
    """
    Everybody is frozen as for suspend, and thawed. No further: this machine's files are behind a
    virtio device, which the kernel does not bring back when devices are resumed.
    """
    if not os.path.exists(POWER + "pm_test"):
        raise CannotBe("the kernel has no pm_test")
    with open(POWER + "state", encoding="ascii") as f:
        states = f.read().split()
    write("/sys/module/suspend/parameters/pm_test_delay", "1")
    for state in sorted({"freeze", "mem"} & set(states)):
        try:
            write(POWER + "pm_test", "freezer")
            write(POWER + "state", state)
        finally:
            write(POWER + "pm_test", "none")
        yield state


def stranger(verb):
    return keys.xfrm_state(verb, keys.Round(0, 0x00777000, None, bytes(20)), 1, *STRANGER)


def flush(stream):
    """ip xfrm state flush takes a stranger's SA, and none of ours."""
    for ns in stream.hosts:
        ns.batch([stranger("add")])
        ns.ip("xfrm state flush")
        if any(STRANGER[0] in s for s in ns.states()):
            raise RuntimeError("the flush has left a stranger's SA")
    yield "after it"


def delete(stream):
    """ip xfrm state delete is refused for SAs of ours, and not for a stranger's."""
    refused = []
    for ns, peer in zip(stream.hosts, reversed(stream.hosts)):
        ns.batch([stranger("add"), stranger("delete")])
        spis = re.findall("proto esp spi (0x[0-9a-f]+)", ns.ip("xfrm state"))
        for spi in spis[:2] + spis[-2:]:
            try:
                ns.ip("xfrm state delete src %s dst %s proto esp spi %s" %
                      (peer.address, ns.address, spi))
                raise AssertionError("SPI %s was deleted" % spi)
            except RuntimeError as e:
                # One whose time was over meanwhile is not there any more.
                if "No such process" not in str(e):
                    refused.append(spi)
    if not refused:
        raise RuntimeError("no SA of ours was found")
    yield "after %d were refused" % len(refused)


class StrongSwan:
    """Its starter and charon, to begin and to end; whether they flush the SAD is looked at."""

    HOME = "/usr/lib/ipsec"

    def __init__(self, ns):
        unpacked = os.path.join(os.environ["SIPSEC_CACHE"], "strongswan" + self.HOME)
        if not os.path.exists(unpacked):
            raise CannotBe("strongSwan is not there")
        if not os.path.exists(self.HOME):
            try:
                os.symlink(unpacked, self.HOME)
            except OSError as e:
                raise CannotBe("no place for strongSwan: %s" % e) from None
        self.folder = tempfile.TemporaryDirectory()
        self.log = os.path.join(self.folder.name, "log")
        write(self.path("strongswan.conf"), """
            charon {
                load = random nonce aes sha1 sha2 hmac kernel-netlink socket-default stroke
                filelog { log { path = %s
                                default = 1
                                flush_line = yes } }
                plugins { stroke { secrets_file = %s } }
            }
            """ % (self.log, self.path("secrets")))
        write(self.path("ipsec.conf"), "config setup\n")
        write(self.path("secrets"), "")
        self.process = subprocess.Popen(
            ["ip", "netns", "exec", ns.name, self.HOME + "/starter", "--nofork", "--conf",
             self.path("ipsec.conf")],
            env={**os.environ, "STRONGSWAN_CONF": self.path("strongswan.conf")},
            stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)

    def path(self, name):
        return os.path.join(self.folder.name, name)

    def ready(self):
        if self.process.poll() is not None:
            raise RuntimeError("strongSwan's starter ended with status %d" % self.process.poll())
        if not os.path.exists(self.log):
            return False
        with open(self.log, encoding="utf-8") as f:
            return "spawning" in f.read()

    def end(self):
        self.process.send_signal(signal.SIGTERM)
        self.process.wait(timeout=60)
        self.folder.cleanup()


def strongswan(stream):
    """An IKE daemon starts and ends."""
    ns = stream.hosts[0]

    def stranger_gone():
        return not any(STRANGER[0] in s for s in ns.states())

    ns.batch([stranger("add")])
    try:
        daemon = StrongSwan(ns)
    except CannotBe:
        ns.ip("xfrm state flush")
        raise
    try:
        tb.poll("strongSwan", daemon.ready, 60)
        yield "while it runs, its start has flushed: %s" % stranger_gone()
        if stranger_gone():
            ns.batch([stranger("add")])
    finally:
        daemon.end()
    yield "after it, its end has flushed: %s" % stranger_gone()
    ns.ip("xfrm state flush")


def disturb(check, stream, disturbance, times):
    """Traffic before, in and after each; the reason if it cannot be."""
    print("%s: %s" % (disturbance.__name__, " ".join(disturbance.__doc__.split())), flush=True)
    stream.traffic.start(T)
    stream.go_on(T)
    packets = []
    try:
        for _ in range(times):
            for what in disturbance(stream):
                before = stream.passed()
                stream.go_on(2 * T)
                packets.append("%s: %d" % (what, stream.passed() - before))
    except CannotBe as e:
        print("  cannot be here: %s" % e)
    total = stream.traffic.wait()
    stream.look()
    if packets:
        print("  packets %s" % ", ".join(packets))
    check.equal("of %d datagrams lost, duplicated, refused" % total["sent"],
                [total[k] for k in ("lost", "duplicated", "refused", "foreign", "corrupt")],
                [0] * 5)
    check.equal("in clear, with a number used before, or past the round's end",
                [p for rounds in stream.rounds for p in rounds.wrong], [])


def main():
    check = tb.Checks()
    with tb.two_hosts() as (a, b):
        # What stays for good is made the first time.
        for app, times in ("first", 0), ("phone", 2):
            stream = Stream(a, b, app)
            if not times:
                stream.traffic.go(2 * T)
                stream.look()
            else:
                for disturbance in processor, clock, flush, delete, strongswan, suspend:
                    disturb(check, stream, disturbance, times)
                for rounds in stream.rounds:
                    check.true("rounds of exactly %d packets: %d" % (T, rounds.finished),
                               rounds.finished > 10)
                    check.equal("others that are over", rounds.unfinished(), [])
                for stats in stream.stats():
                    check.equal("drops", {k: v for k, v in stats.items() if "drop" in k and v}, {})
                    check.equal("late", stats["out-late"], 0)
            stream.close()
            check.equal("states left", a.states() + b.states(), [])
            if not times:
                before = tb.slab_objects()
                check.true("caches whose objects are counted: %s" % sorted(before), before)
        tb.poll("memory as before: %s" % before,
                lambda: all(tb.slab_objects()[name] <= n for name, n in before.items()))
        print("objects before %s, afterwards %s" % (before, tb.slab_objects()))
    check.finish()


if __name__ == "__main__":
    main()
