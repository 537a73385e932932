#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""
   a: module, pads what it sends                b: ip xfrm with keys of sipsec_keys.py, pads, too
   [wire 10.9.0.1] ---------------------------- [wire 10.9.0.2]             (and the same by IPv6)

The sizes on the wire are those of RFC 4303: the padding stands between the packet, which tells its
own length, and what aligns it.
"""

import os
import subprocess
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import sipsec_keys as keys
import testbed as tb

TFC, MTU = 600, 1500
SIZES = 0, 1, 2, 3, 160, 400, 700, 1200
IV, BLOCK_SIZE = {1: 8, 4: 16, 6: 0}, {1: 4, 4: 16, 6: 4}
OFFLOAD = "esp4_offload", "esp6_offload"


def on_the_wire(size, suite, v6, tfc):
    """Octets of the IP packet that carries so many octets in a datagram."""
    header = 40 if v6 else 20
    payload = max(header + 8 + size, tfc)
    aligned = -(-(payload + 2) // BLOCK_SIZE[suite]) * BLOCK_SIZE[suite]
    return header + 8 + IV[suite] + aligned + keys.SUITES[suite].icv // 8


class Pair(tb.XfrmPair):
    def __init__(self, a, b, suite, tfc):
        super().__init__(a, b, "tunnel", suite, "tfcpad %d" % tfc, tfc=tfc)
        self.taps = [tb.Tap(ns) for ns in (a, b)]

    def exchange(self, sizes):
        """
        Datagrams of these sizes there and back; (sizes on the wire there, back, of anything that
        left a host in clear, sizes of what did not arrive as it was).
        """
        bad = []
        for size in sizes:
            data = os.urandom(size)
            for source, sink in (self.sock, self.peer), (self.peer, self.sock):
                source.sendto(data, sink.getsockname())
                if sink.recv(2048) != data:
                    bad.append(size)
        there, back = ([p for p in tap.drain(outgoing=True) if p.outgoing] for tap in self.taps)
        return ([p.length for p in there if p.proto == 50],
                [p.length for p in back if p.proto == 50],
                [p for p in there + back if p.proto != 50], bad)


def padded(check, a, b, suite, tfc, what="", xfrm_pads=True):
    v6 = tb.is_v6(a.address)
    name = "IPv%d, %s, tfc %d%s" % (6 if v6 else 4, keys.SUITES[suite].name, tfc, what)
    with Pair(a, b, suite, tfc) as pair:
        check.equal("%s: the group's" % name,
                    pair.owner.do("group-get", id=pair.group).get("tfc", 0), tfc)
        there, back, clear, bad = pair.exchange(SIZES)
        wanted = [on_the_wire(size, suite, v6, tfc) for size in SIZES]
        check.equal("%s: sizes on the wire" % name, there, wanted)
        if xfrm_pads:
            check.equal("%s: xfrm's" % name, back, wanted)
        check.equal("%s: in clear, not as it was sent" % name, (clear, bad), ([], []))
        check.equal("%s: drops" % name, pair.drops(), {})


def to_the_full(check, a, b):
    """More than the path takes is as much as it takes, and no fragments."""
    with Pair(a, b, 1, 65535) as pair:
        there, _, clear, bad = pair.exchange((0, 1, 100, 1000, 1300))
        check.true("up to the MTU: one size, %s" % there,
                   len(there) == 5 and len(set(there)) == 1 and MTU - 4 < there[0] <= MTU)
        check.equal("up to the MTU: in clear, not as it was sent", (clear, bad), ([], []))


def offloaded(check):
    """These would do the work after it was counted, and not pad, as they do for xfrm."""
    loaded = [m for m in OFFLOAD if not subprocess.run(
        ["modprobe", m], check=False, stderr=subprocess.DEVNULL).returncode]
    print("loaded: %s" % loaded)
    if not loaded:
        return
    for addresses in tb.V4, tb.V6:
        with tb.two_hosts(*addresses) as (a, b):
            padded(check, a, b, 1, TFC, " with esp_offload", xfrm_pads=False)
    for module in loaded:
        tb.poll("unloading %s" % module, lambda: not subprocess.run(
            ["rmmod", module], check=False, stderr=subprocess.DEVNULL).returncode)


def main():
    check = tb.Checks()
    for addresses in tb.V4, tb.V6:
        with tb.two_hosts(*addresses) as (a, b):
            for suite in 1, 4, 6:
                padded(check, a, b, suite, TFC)
            padded(check, a, b, 1, 0)
            to_the_full(check, a, b)
    offloaded(check)
    check.finish()


if __name__ == "__main__":
    main()
