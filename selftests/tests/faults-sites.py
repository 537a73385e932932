#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""
   namespaces of their own, each: [lo 10.9.1.1, 10.9.1.2]

tools/faultsites.py finds every call of the module that allocates. Here each of them is reached by
something that uses it, and whatever it allocates fails: the kernel injects faults only below that
call, whichever task makes it. A site that none of this reaches fails the test.
"""

import collections
import ctypes
import errno
import itertools
import os
import re
import socket
import sys

HERE = os.path.dirname(os.path.abspath(__file__))
sys.path[:0] = [os.path.join(HERE, ".."), os.path.join(HERE, "../tools")]
import faults as fl
import faultsites
import nl
import testbed as tb

FINIT_MODULE, DELETE_MODULE = 313, 176
SOL_UDP, UDP_SEGMENT = 17, 103
IP_MTU_DISCOVER, IP_PMTUDISC_DO, IP_RECVERR = 10, 2, 11

# Sites where there is nothing to provoke, and why.
JUSTIFIED = {
    ("sipsec_group_new", "xa_store"):
        "xa_alloc_cyclic() has made the entry before",
    ("state_new", "xfrm_aead_get_byname"):
        "allocates when an algorithm is first used since boot; the module has done so when loaded",
    ("state_new", "xfrm_ealg_get_byname"):
        "allocates when an algorithm is first used since boot; the module has done so when loaded",
    ("state_new", "xfrm_aalg_get_byname"):
        "allocates when an algorithm is first used since boot; the module has done so when loaded",
    ("preload", "xfrm_aead_get_byname"):
        "allocates when an algorithm is first used since boot; without it there is no preload",
    ("preload", "xfrm_ealg_get_byname"):
        "allocates when an algorithm is first used since boot; without it there is no preload",
    ("preload", "xfrm_aalg_get_byname"):
        "allocates when an algorithm is first used since boot; without it there is no preload",
    ("pull_headers", "__pskb_pull_tail"):
        "xfrm has all headers of what it has decrypted in one piece",
    ("sipsec_net_init", "pcpu_alloc_noprof"):
        "in a new namespace others, who want more, find nothing before",
    ("__rhashtable_insert_fast", "rht_bucket_nested_insert"):
        "only in a table of 1024 and more made in pieces, all of which its rehash has filled",
}

# Functions that do without, and how; whoever calls another one has to feel it.
DO_WITHOUT = {
    "crypto_alloc_aead": "the preload of a suite is left out",
    "genl_register_family": "nobody is told; its id has a place already, but for one in 64",
    "genl_unregister_family": "nobody is told",
    "netlink_broadcast_filtered": "a listener is told that it missed something",
    "netlink_unicast": "the message is not cut to size",
    "nf_unregister_net_hooks": "the hooks' places stay, without effect",
    "rhashtable_init_noprof": "a smaller table is waited for",
    "rhltable_init_noprof": "a smaller table is waited for",
    "skb_copy_expand": "who watches is not told",
    "xfrm_local_error": "the error queue stays empty, the caller gets the error anyway",
    "__do_once_done": "once becomes once more, with the key that is there",
}
# What the kernel says when this test has its way, showing a stack.
WANTED = re.compile(r"percpu: allocation failed|__kmem_cache_create_args\(sipsec_bundle\) failed")


class Coverage:
    """The sites, and where each of them was made to fail."""

    def __init__(self, check):
        self.check = check
        self.module = faultsites.Module(os.environ["SIPSEC_KO"])
        self.sites = self.module.sites
        self.hits = collections.defaultdict(list)
        self.felt = collections.defaultdict(bool)
        self.faults = fl.Faults()
        self.kernel = {}
        addresses = []
        with open("/proc/kallsyms", encoding="ascii") as f:
            for words in map(str.split, f):
                if len(words) == 3 and words[1] in "tT":
                    addresses.append((int(words[0], 16), words[2].split(".")[0]))
        addresses.sort()
        for (start, name), (end, _) in zip(addresses, addresses[1:]):
            if end > start:
                self.kernel.setdefault(name, (start, end))

    def below(self, site):
        """Faults happen only below that call of the loaded module."""
        with open("/sys/module/sipsec/sections/" + site.section, encoding="ascii") as f:
            address = int(f.read(), 16) + site.offset
        self.faults.below(address, address + 1)

    def below_function(self, name):
        """... below that function of the kernel."""
        self.faults.below(*self.kernel[name])

    def hit(self, site, how, felt):
        """The site had its failure; whether anybody outside the kernel could feel it."""
        self.hits[site].append(how)
        self.felt[site] |= bool(felt)

    def find(self, function, callee):
        return [s for s in self.sites if (s.function, s.callee) == (function, callee)]

    def reachable(self, *functions):
        return [s for s in self.module.reachable(*functions)
                if (s.function, s.callee) not in JUSTIFIED]

    def finish(self):
        self.faults.below()
        for site in sorted(self.sites, key=lambda s: (s.where, s.offset)):
            how, reason = self.hits[site], JUSTIFIED.get((site.function, site.callee))
            without = "" if self.felt[site] else DO_WITHOUT.get(site.callee)
            good = reason and not how or how and not reason and without is not None
            self.check.true("%s: %s" % (faultsites.title(site), "; ".join(filter(None, (
                ", ".join(how) or "never made to fail", without, reason)))
                + ("" if good or reason or not how else "; nobody has felt it")), good)
        print("sites found: %d, hit: %d, justified: %d" % (
            len(self.sites), sum(1 for s in self.sites if self.hits[s]),
            sum(1 for s in self.sites if not self.hits[s])))
        there = {(s.function, s.callee) for s in self.sites}
        self.check.equal("justified, and not there", set(JUSTIFIED) - there, set())


def powers():
    """
    Of the allocations of a function of the kernel: how it cleans up after each of them is its own
    affair.
    """
    nth = 1
    while nth < fl.MANY:
        yield nth
        nth *= 2


# Loading

def system_call(number, *args):
    if tb.libc.syscall(number, *args) < 0:
        raise OSError(ctypes.get_errno(), os.strerror(ctypes.get_errno()))


def load(path):
    with open(path, "rb") as f:
        system_call(FINIT_MODULE, f.fileno(), b"", 0)


def unload():
    tb.poll("end of the module's users",
            lambda: open("/sys/module/sipsec/refcnt", encoding="ascii").read() == "0\n")
    system_call(DELETE_MODULE, b"sipsec", os.O_NONBLOCK)


def leftovers():
    """Names by which something of the module could be known without it."""
    found = [place for place in ("/sys/module/sipsec", "/sys/kernel/slab/sipsec_bundle")
             if os.path.exists(place)]
    try:
        nl.Genl().close()
        found.append("genl family")
    except nl.NlError as e:
        if e.errno != errno.ENOENT:
            found.append(str(e))
    return found


def loading(cov, path):
    """Where the module will be is not known before: the faults are below the function called."""
    check, errors, wrong = cov.check, collections.Counter(), []
    unload()
    inside = set(cov.module.reachable("sipsec_net_init"))
    for site in cov.reachable("sipsec_init"):
        if site in inside or site.callee not in cov.kernel:
            continue
        cov.below_function(site.callee)
        felt = hits = 0
        for attempt in itertools.chain([fl.Every(cov.faults)], map(fl.Nth, powers())):
            error = None
            try:
                with attempt:
                    load(path)
            except OSError as e:
                error = e.errno
            else:
                unload()
            errors[errno.errorcode.get(error, "none")] += attempt.injected
            left = leftovers()
            if error not in fl.CLEAN | {None} or error and not attempt.injected or left:
                wrong.append((site.callee, hits, error, left))
            if not attempt.injected:
                break
            hits, felt = hits + 1, felt or error
        if hits:
            cov.hit(site, "load (%d)" % hits, felt)
    load(path)
    check.true("loading: %s" % dict(errors), errors["ENOMEM"] > 0)
    check.equal("loading: unclean", wrong, [])


def unloading(cov, path):
    wrong = []
    for site in cov.reachable("sipsec_exit"):
        hits = 0
        for nth in powers():
            cov.below(site)
            with fl.Nth(nth) as attempt:
                unload()
            wrong += leftovers()
            load(path)
            if not attempt.injected:
                break
            hits += 1
        if hits:
            cov.hit(site, "unload (%d)" % hits, False)
    cov.check.equal("unloading: left behind", wrong, [])


# Namespaces

def namespaces(cov):
    check, errors, wrong = cov.check, collections.Counter(), []
    for site in cov.reachable("sipsec_net_init"):
        cov.below(site)
        nth, injected, felt = 0, True, None
        while injected and nth < fl.MANY:
            nth += 1
            attempt, error = fl.Nth(nth), None
            with open("/proc/thread-self/ns/net", "rb") as home:
                with attempt:
                    if tb.libc.unshare(tb.CLONE_NEWNET):
                        error = ctypes.get_errno()
                tb.enter(home)
            injected = attempt.injected
            errors[errno.errorcode.get(error, "none")] += injected
            felt = felt or error
            if error not in (None, errno.ENOMEM) or error and not injected:
                wrong.append((faultsites.title(site), nth, error))
        if nth > 1:
            cov.hit(site, "new namespace (%d)" % (nth - 1), felt)
    check.true("namespaces: %s" % dict(errors), sum(errors.values()) > 0)
    check.equal("namespaces: unclean", wrong, [])


# Requests

def group_set_384(bench):
    group = bench.reserved()
    yield bench.owner, {**bench.parameters(group), "prf": 2, "master": os.urandom(48)}, None
    bench.owner.do("group-del", id=group)


def last_group(bench):
    group = bench.installed()
    yield bench.owner, {"id": group}, None
    for left in bench.admin.dump("group-get"):
        bench.owner.do("group-del", id=left["id"])


def by_request(cov, bench, how, name, case, entry, dump=False):
    for site in cov.reachable(entry):
        cov.below(site)
        steps = fl.Steps(bench, name, case, dump, fl.Every(cov.faults))
        if steps.unclean or steps.half:
            cov.check.true("%s, %s: unclean %s, half done %s" % (
                how, faultsites.title(site), steps.unclean, steps.half), False)
        if steps.hits:
            cov.hit(site, how, steps.errors or bench.lost_event())


def requests(cov):
    def do(name):
        return "sipsec_nl_%s_doit" % name.replace("-", "_")

    with tb.Netns("requests") as ns:
        bench = fl.Bench(ns)
        for name, case in fl.CASES.items():
            by_request(cov, bench, name, name, case, do(name))
        for name in fl.DUMPS:
            by_request(cov, bench, name + " dump", name, fl.CASES[name],
                       do(name).replace("doit", "dumpit"), dump=True)
        for owner, values, _ in group_set_384(bench):
            # The kernel assembles this hash when it is first wanted.
            owner.do("group-set", **values)
        by_request(cov, bench, "first app-open", "app-open", fl.app_open_first, do("app-open"))
        by_request(cov, bench, "group-set with CBC", "group-set", fl.group_set_cbc, do("group-set"))
        by_request(cov, bench, "group-set in UDP", "group-set", fl.group_set_encap,
                   do("group-set"))
        by_request(cov, bench, "group-set with SHA-384", "group-set", group_set_384,
                   "sipsec_kdf_alloc")
        bench.close()
    # The first group has hooks to register, the last one to remove; others have theirs there.
    with tb.Netns("hooks") as ns:
        for chain in "input", "output", "forward":
            ns.run("nft add table ip other")
            ns.run("nft add chain ip other %s { type filter hook %s priority 0 ; }"
                   % (chain, chain))
        bench = fl.Bench(ns, standing=False)
        by_request(cov, bench, "first group-new", "group-new", fl.CASES["group-new"],
                   "sipsec_group_new")
        by_request(cov, bench, "first group-set", "group-set", fl.CASES["group-set"],
                   "sipsec_flow_hooks_get")
        by_request(cov, bench, "last group-del", "group-del", last_group, "sipsec_flow_hooks_put")
        bench.close()


def first_master(cov):
    """Once in the module's life a key for fingerprints is made."""
    with tb.Netns("first") as ns:
        bench = fl.Bench(ns, standing=False)
        for site in cov.find("sipsec_used_add", "__do_once_done"):
            cov.below(site)
            group = bench.reserved()
            values = bench.parameters(group)
            attempt = fl.Nth(1)
            error = fl.request(bench.owner, attempt, lambda: bench.owner.do("group-set", **values))
            cov.check.equal("first secret", error, None)
            again = {**values, "id": bench.reserved()}
            cov.check.refused("the same secret again", errno.EKEYREJECTED, bench.owner.do,
                              "group-set", **again)
            if attempt.injected:
                cov.hit(site, "first group-set", error)
        bench.close()


def full_tables(cov):
    """While a table of groups or of flows cannot grow, who comes when it is full is refused."""
    check = cov.check
    with tb.Netns("full") as ns:
        bench = fl.Bench(ns)
        before = bench.state()
        binds = []

        def bind():
            binds.append(bench.binding(bench.group))
            bench.owner.do("flow-bind", **binds[-1][1])

        for what, function, call in ("groups", "insert_block", bench.reserved), \
                ("flows", "__rhashtable_insert_fast", bind):
            cov.below_function("bucket_table_alloc")
            cov.faults.start()
            count, error = 0, None
            try:
                while count < fl.MANY:
                    call()
                    count += 1
            except OSError as e:
                error = e.errno
            cov.faults.stop()
            check.true("full table of %s: %d, then %s" % (what, count, error), 50 < count < fl.MANY
                       and error == errno.ENOMEM)
            for site in cov.find(function, "rhashtable_insert_slow"):
                cov.hit(site, "full table of " + what, error)
            call()
        for group in bench.admin.dump("group-get"):
            if group["id"] != bench.group:
                bench.owner.do("group-del", id=group["id"])
        for sock, values in binds:
            bench.unbind(sock, values)
        check.equal("full tables: as before", bench.state(), before)
        bench.close()


def no_percpu(cov):
    """When no memory for each processor is left there are no new apps and no new groups."""
    check = cov.check
    with tb.Netns("percpu") as ns:
        bench = fl.Bench(ns)
        before = bench.state()
        names = iter("%d" % i for i in range(20 * fl.MANY))
        cov.below_function("pcpu_create_chunk")
        cov.faults.start()
        counts, errors = collections.Counter(), {}
        for what, call in (("app", lambda: bench.admin.do("app-new", name=next(names), uid=0)),
                           ("group", bench.reserved)):
            try:
                while counts[what] < fl.MANY:
                    call()
                    counts[what] += 1
            except OSError as e:
                errors[what] = e.errno
        cov.faults.stop()
        check.equal("no memory per processor after %s" % dict(counts), errors,
                    {"group": errno.ENOMEM, "app": errno.ENOMEM})
        for function in "sipsec_app_new", "sipsec_bundle_cache_alloc":
            for site in cov.find(function, "pcpu_alloc_noprof"):
                cov.hit(site, "no memory per processor", errors)
        for group in bench.admin.dump("group-get"):
            if group["id"] != bench.group:
                bench.owner.do("group-del", id=group["id"])
        for app in bench.admin.dump("app-get"):
            if app["name"] != "phone":
                bench.admin.do("app-del", name=app["name"])
        check.equal("no memory per processor: as before", bench.state(), before)
        bench.close()


class KernelLog:
    """A message that is wanted would fail the test: it is looked at and removed."""

    def __init__(self):
        with open(os.path.join(HERE, "../vm/splats"), encoding="ascii") as f:
            self.splats = re.compile("|".join(f.read().splitlines()))
        self.mark = "faults-sites: %d" % os.getpid()
        with open("/dev/kmsg", "w", encoding="ascii") as f:
            f.write(self.mark + "\n")
        self.before = [text for text in self.read() if self.splats.search(text)]

    @staticmethod
    def read():
        return tb.run("dmesg").splitlines()

    def complaints(self):
        """Those before, and those that do not follow a wanted message."""
        found, expected = list(self.before), False
        lines = self.read()
        start = next(i for i, text in enumerate(lines) if self.mark in text)
        for text in lines[start:]:
            if WANTED.search(text):
                expected = True
            elif self.splats.search(text):
                if not (expected and "Call Trace:" in text):
                    found.append(text)
                expected = False
        return found

    @staticmethod
    def clear():
        tb.run("dmesg", "--clear")


# Packets and rotation

def rotation(cov, stream):
    stream.settle()
    states = stream.states()
    for site in cov.reachable("work"):
        lost = stream.lost
        cov.below(site)
        with fl.Every(cov.faults) as every:
            stream.rotate()
            felt = stream.lost > lost or stream.states() != states
        if every.injected:
            cov.hit(site, "rotation", felt)
        tb.poll("states of the next rounds", lambda: stream.states() == states)
        stream.rotate()
    cov.check.equal("rotation: packets sent late", stream.late(stream.a), 0)


def packets(cov, stream):
    """Each allocation of a packet fails; it is lost or its sender is told, the next one passes."""
    check, sock = cov.check, stream.sock_a

    def drops():
        stats = stream.owner.do("stats-get", app="stream")
        return sum(value for name, value in stats.items() if name.startswith("out-drop"))

    def send(what, function, callee, data, wanted, prepare=lambda: None):
        errors, unclean, dropped = collections.Counter(), [], 0
        for site in cov.find(function, callee):
            nth, injected = 0, True
            while injected and nth < fl.MANY:
                nth += 1
                prepare()
                before, error = drops(), None
                cov.below(site)
                try:
                    with fl.Nth(nth) as attempt:
                        sock.send(data)
                except OSError as e:
                    error = e.errno
                injected = attempt.injected
                errors[errno.errorcode.get(error, "none")] += injected
                dropped += drops() - before
                if injected and error not in wanted:
                    unclean.append((nth, error))
                sock.setsockopt(SOL_UDP, UDP_SEGMENT, 0)
                stream.pass_on()
            if nth > 1:
                cov.hit(site, "%s (%d)" % (what, nth - 1), dropped or errors["ENOMEM"])
        check.true("%s: %s, dropped %d" % (what, dict(errors), dropped), sum(errors.values()) > 0)
        check.equal("%s: unclean" % what, unclean, [])

    send("new bundle", "sipsec_bundle_get", "dst_alloc", b"x", {None},
         lambda: tb.poll("next round", stream.try_rotate))
    send("packet", "transmit", "xfrm_output", b"x", fl.CLEAN | {None})
    send("segments", "finish", "__skb_gso_segment", bytes(5000), fl.CLEAN | {None},
         lambda: sock.setsockopt(SOL_UDP, UDP_SEGMENT, 1000))
    sock.setsockopt(socket.IPPROTO_IP, IP_MTU_DISCOVER, IP_PMTUDISC_DO)
    sock.setsockopt(socket.IPPROTO_IP, IP_RECVERR, 1)
    send("too big", "local_out", "xfrm_local_error", bytes(65507), {errno.EMSGSIZE})


def main():
    check, log = tb.Checks(), KernelLog()
    cov = Coverage(check)
    check.equal("errors of the list of sites", cov.module.errors, [])
    path = "/tmp/sipsec.ko"
    tb.run("strip", "--strip-debug", "-o", path, os.environ["SIPSEC_KO"])
    loading(cov, path)
    unloading(cov, path)
    for stage in first_master, namespaces, requests, full_tables, no_percpu:
        stage(cov)
    with tb.Netns("stream") as ns:
        for address in fl.LOCAL, fl.PEER:
            ns.ip("address add %s/32 dev lo" % address)
        stream = fl.Stream(ns)
        rotation(cov, stream)
        packets(cov, stream)
        check.equal("in clear, or with a number used before", stream.misused(), [])
        stream.close()
        check.equal("states left", ns.states(), [])
    cov.finish()
    check.equal("complaints of the kernel", log.complaints(), [])
    log.clear()
    check.finish()


if __name__ == "__main__":
    main()
