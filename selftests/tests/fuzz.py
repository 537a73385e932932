#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""
   one: [lo 10.9.1.1, 10.9.1.2]

Requests are made from the specification: most attributes right, some missing, doubled, too short,
too long, nested or random. The seed is printed; the same one makes the same requests.
"""

import collections
import errno
import os
import random
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import nl
import testbed as tb

LOCAL, PEER = "10.9.1.1", "10.9.1.2"
APPS = "phone", "other"
# Of all requests to a command so many at least must get past the policy check into our code.
REACH = 0.3
# What the kernel's netlink code says when it refuses a request before we see it.
CORE_TEXTS = ("attribute", "Attribute", "invalid attribute", "integer out of range", "NULL",
              "binary attribute", "bytes leftover", "Unsupported attribute", "Unknown attribute",
              "reserved", "NLA_F_NESTED")


class Maker:
    """Values that are right often enough to be let in, and near them those that are wrong."""

    def __init__(self, rng, bench):
        self.rng, self.bench = rng, bench

    def pick(self, form, right, wrong):
        """Packed, and mostly right."""
        return struct.pack(form, self.rng.choice(wrong if self.rng.random() < 0.1 else right))

    def good(self, set_name, name):
        """A value of the right form, packed."""
        rng, bench = self.rng, self.bench
        kind = nl.spec.sets[set_name][name][1]
        if name == "id" or (set_name, name) == ("flow", "group"):
            return self.pick("=I", bench.ids, (0, 1, 0xffffffff))
        if name in ("name", "app"):
            # The first two have the groups: their end is to come less often.
            return rng.choice((b"phone\0", b"other\0") if rng.random() < 0.2 else
                              (b"third\0", b"fourth\0", b"\0", b"x" * 31 + b"\0"))
        if name in ("local", "peer"):
            return tb.packed(rng.choice((LOCAL, PEER, PEER) if rng.random() < 0.8 else (
                "127.0.0.1", "224.0.0.1", "0.0.0.0", "255.255.255.255", "::1", "10.9.1.3")))
        if name in ("spi-in", "spi-out"):
            return self.pick("=I", (0x5d1c2a00, rng.getrandbits(22) + 1 << 8),
                             (0, 0x100, 0x5d1c2a01, 0xffffff00, 0xc0000000))
        if name == "master":
            return rng.randbytes(32 if rng.random() < 0.9 else rng.choice((48, 0, 31, 33)))
        if name in nl.spec.enums:
            return self.pick("=I", (1, 1, 1, 2), (0, 3, 10, 11))
        if name == "protocol":
            return self.pick("=B", (17,), (0, 6, 50))
        if name == "local-port":
            return self.pick("=H", (4000, 4001), (0, 5000, 65535))
        if name == "peer-port":
            return self.pick("=H", (5000, 5001), (0, 4000, 65535))
        if name == "fd":
            return self.pick("=I", bench.fds, (0, 9999, 0xffffffff))
        if name in ("uid", "life"):
            return self.pick("=I", (60, 1000), (0, 1, 0xffffffff))
        if name == "rotate":
            return self.pick("=I", (16, 200, 1 << 20, 1 << 31), (0, 15, 0xffffffff))
        if name == "window":
            return self.pick("=I", (64, 100, 1024, 4096), (0, 63, 4097, 0xffffffff))
        if kind == "nest":
            return self.attributes(nl.spec.sets[set_name][name][2], (), (), 0.3)
        size = {"flag": 0, **{k: struct.calcsize(v) for k, v in nl.INTEGERS.items()}}.get(kind, 8)
        return rng.randbytes(size)

    def spoilt(self, payload):
        rng = self.rng
        how = rng.randrange(6)
        if how == 0:
            return payload[:rng.randrange(len(payload) + 1)]
        if how == 1:
            return payload + rng.randbytes(rng.choice((1, 3, 4, 60, 4000)))
        if how == 2:
            return rng.randbytes(len(payload))
        if how == 3:
            return rng.choice((b"\0", b"\xff")) * len(payload)
        if how == 4:
            return nl.attr(rng.randrange(40), payload)
        return rng.randbytes(rng.randrange(70))

    def attributes(self, set_name, usual, optional, noise):
        """The attributes of a set; noise is the share of what is done wrong."""
        rng, out = self.rng, b""
        for name, (number, _, _) in nl.spec.sets[set_name].items():
            share = 1 - noise if name in usual else 0.3 if name in optional else noise / 4
            if rng.random() >= share:
                continue
            payload = self.good(set_name, name)
            if rng.random() < noise:
                payload = self.spoilt(payload)
                number |= rng.choice((0, 0, 0x8000, 0x4000, 0xc000))
            out += nl.attr(number, payload)
            if rng.random() < noise / 4:
                out += nl.attr(number, self.good(set_name, name))
        if rng.random() < noise / 4:
            out += nl.attr(rng.randrange(1 << 14), rng.randbytes(rng.randrange(20)))
        if rng.random() < noise / 4:
            out += rng.randbytes(rng.randrange(1, 20))
        if rng.random() < noise / 4:
            out += struct.pack("=HH", rng.choice((0, 3, 5, 60000)), rng.randrange(40))
        return out


class Bench:
    """Objects of two apps, so that most requests have something to name."""

    def __init__(self, ns):
        self.ns = ns
        self.owners = [tb.Owner(ns, app) for app in APPS]
        self.admin = tb.Admin(ns)
        self.sockets = [tb.udp(ns, LOCAL, 4000), tb.udp(ns, LOCAL, 4001, (PEER, 5000))]
        self.fds = [s.fileno() for s in self.sockets]
        self.ids = [0]

    def reserve(self, i):
        try:
            return self.owners[i].reserve(LOCAL)[0]
        except nl.NlError as e:
            if e.errno != errno.ENOTCONN:
                raise
        # The app was deleted, and perhaps made again.
        self.owners[i].close()
        if any(a["name"] == APPS[i] for a in self.admin.dump("app-get")):
            self.admin.do("app-del", name=APPS[i])
        self.owners[i] = tb.Owner(self.ns, APPS[i])
        return self.owners[i].reserve(LOCAL)[0]

    def refresh(self):
        """Requests have ended groups and apps, and made others; keep both at hand, not many."""
        for group in self.admin.dump("group-get")[40:]:
            self.admin.do("group-del", id=group["id"])
        for app in self.admin.dump("app-get"):
            if app["name"] not in APPS:
                self.admin.do("app-del", name=app["name"])
        installed = self.reserve(0)
        self.owners[0].install(installed, PEER, tb.OFFERER, tb.fresh_master(), 0x5d1c2a00)
        for flow in self.admin.dump("flow-get"):
            self.admin.do("flow-unbind", **{k.replace("-", "_"): flow[k] for k in (
                "protocol", "local", "local-port", "peer", "peer-port")})
        self.owners[0].bind(installed, self.sockets[0], 5000)
        self.ids = [installed] * 6 + [self.reserve(i % 4 // 3) for i in range(6)]


# Attributes that a request needs, and those it may have.
USUAL = {
    "app-new": ("name", "uid"), "app-del": ("name",), "app-open": ("name",),
    "app-get": ("name",), "group-new": ("local",),
    "group-set": ("id", "role", "suite", "master", "spi-out", "peer"),
    "group-del": ("id",), "group-get": ("id",), "group-rotate": ("id",),
    "flow-bind": ("group", "protocol", "local-port", "peer-port", "fd"),
    "flow-unbind": ("protocol", "local", "local-port", "peer", "peer-port"),
    "flow-get": ("protocol", "local", "local-port", "peer", "peer-port"),
    "stats-get": ("app",),
}
OPTIONAL = {
    "group-new": ("app", "spi-in", "persistent"),
    "group-set": ("prf", "mode", "rotate", "life", "window"),
    "flow-bind": ("shared",),
}


def reached(error):
    """Whether a refused request had come as far as our code: what it says is not the core's."""
    if not isinstance(error, nl.NlError):
        return False
    return bool(error.text or error.missing) and not error.text.startswith(CORE_TEXTS)


def main():
    check = tb.Checks()
    count = int(os.environ.get("FUZZ_COUNT", "20000"))
    seed = int(os.environ.get("FUZZ_SEED", "0")) or random.SystemRandom().getrandbits(32)
    print("again: FUZZ_SEED=%d FUZZ_COUNT=%d" % (seed, count), flush=True)
    rng = random.Random(seed)
    names = [n for n in nl.spec.commands if not n.endswith("-ntf")]
    check.equal("requests that are never made", set(names) - set(USUAL), set())
    sent, deep, well = (collections.Counter() for _ in range(3))
    with tb.Netns("one") as one:
        one.ip("address add %s/32 dev lo" % LOCAL)
        one.ip("address add %s/32 dev lo" % PEER)
        bench = Bench(one)
        maker = Maker(rng, bench)
        for i in range(count):
            if i % 50 == 0:
                bench.refresh()
            name = rng.choice(names)
            number, set_name = nl.spec.commands[name]
            dump = rng.random() < 0.05
            payload = maker.attributes(set_name, USUAL[name], OPTIONAL.get(name, ()),
                                       rng.choice((0, 0, 0.05, 0.3)))
            caller = rng.choice((bench.owners[0], bench.owners[0], bench.owners[1], bench.admin))
            if rng.random() < 0.02:
                number = rng.randrange(256)
            sent[name] += 1
            try:
                caller.transact(number, nl.F_DUMP if dump else 0, payload)
                well[name] += 1
                deep[name] += 1
            except OSError as e:
                deep[name] += reached(e)
            for owner in bench.owners + [bench.admin]:
                owner.events.clear()
        for name in names:
            check.true("%-12s %6d sent, %3d %% reached it, %3d %% done" % (
                name, sent[name], 100 * deep[name] / max(sent[name], 1),
                100 * well[name] / max(sent[name], 1)), deep[name] >= REACH * sent[name])

        # All of it still works, and all of it can end.
        bench.refresh()
        for app in bench.admin.dump("app-get"):
            bench.admin.do("app-del", name=app["name"])
        check.equal("groups left", bench.admin.dump("group-get"), [])
        for sock in bench.sockets:
            sock.close()
        tb.poll("end of the flows", lambda: not [
            f for f in bench.admin.dump("flow-get") if "uid" not in f and "any" not in f or
            f["local-port"] in (4000, 4001)])
        check.equal("states left", one.states(), [])
        for owner in bench.owners:
            owner.close()
    check.finish()


if __name__ == "__main__":
    main()
