#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""
   a: module, and an SA of somebody else's      b: ip xfrm with keys of sipsec_keys.py
   [wire 10.9.0.1] ---------------------------- [wire 10.9.0.2]             (and the same by IPv6)

The socket of a's flow takes datagrams that GRO has merged into one (UDP_GRO). That happens to what
was decrypted where it came out of a tunnel.
Packets with the flow's addresses and ports that came by the other SA arrive among the group's own.
"""

import os
import socket
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import sipsec_keys as keys
import testbed as tb

UDP_GRO = 104
SIZE, COUNT = 64, 32
FOREIGN = keys.Round(0, 0x777000, None, bytes(range(20)))
# So that many packets are in the same run of a's NAPI.
BURSTS = "tc qdisc add dev wire root netem slot 20ms packets 1000 limit 10000"


class Pair(tb.XfrmPair):
    def __init__(self, a, b, mode):
        super().__init__(a, b, mode)
        self.mode = mode
        self.foreign = keys.xfrm_state("add", FOREIGN, 1, b.address, a.address, "reqid 9", mode)
        for ns in a, b:
            ns.batch([self.foreign])
        self.sock.setsockopt(socket.IPPROTO_UDP, UDP_GRO, 1)
        self.tap, self.wire = tb.Tap(b, snap=2048), tb.Injector(b, a)

    def __exit__(self, *exc):
        self.wire.close()
        self.a.ip("xfrm state delete src %s dst %s proto esp spi %#x" % (
            self.b.address, self.a.address, FOREIGN.spi))
        super().__exit__(*exc)

    def made(self, text, count, reqid):
        """ESP packets of b that nobody has got yet."""
        a, b = self.a, self.b
        neighbour = "neighbour replace %s lladdr %%s dev wire nud permanent" % a.address
        b.ip(neighbour % "02:00:00:00:00:99")
        b.ip("xfrm policy update src %s dst %s proto udp dir out tmpl src %s dst %s proto esp "
             "reqid %d mode %s" % (b.address, a.address, b.address, a.address, reqid, self.mode))
        self.tap.drain(outgoing=True)
        self.tap.seen.clear()
        for i in range(count):
            self.peer.sendto((b"%s %d " % (text, i)).ljust(SIZE, b"."), self.sock.getsockname())
        packets = []

        def all_seen():
            self.tap.drain(outgoing=True)
            packets[:] = [data for _, data in self.tap.seen if tb.headers(data)[2] == 50]
            return len(packets) == count

        tb.poll("%d packets, there are %d" % (count, len(packets)), all_seen)
        b.ip(neighbour % tb.link_address(a, "wire"))
        return packets

    def arrived(self):
        """Datagrams that the socket has got before one that is sent now; most of them at once."""
        last = b"last".ljust(SIZE, b".")
        self.peer.sendto(last, self.sock.getsockname())
        got, most = [], 0
        while last not in got:
            data = self.sock.recv(65536)
            got += [data[i:i + SIZE] for i in range(0, len(data), SIZE)]
            most = max(most, len(data) // SIZE)
        return got[:-1], most


def alone(check, name, pair):
    """It does happen: what nobody disturbs is merged."""
    for packet in pair.made(b"own", COUNT, 7):
        pair.wire.send(packet)
    got, most = pair.arrived()
    check.equal("%s: arrived" % name, len(got), COUNT)
    check.true("%s: up to %d at once" % (name, most), most > 1)


def among_others(check, name, pair):
    others, own = pair.made(b"foreign", COUNT, 9), pair.made(b"own", COUNT, 7)
    for packets in zip(own, others):
        for packet in packets:
            pair.wire.send(packet)
    got, most = pair.arrived()
    print("   up to %d at once" % most)
    check.equal("%s: arrived, of others" % name,
                (len(got), [d for d in got if not d.startswith(b"own ")]), (COUNT, []))
    # Those of one SA may be merged, and dropped at once.
    drops = pair.drops()
    check.true("%s: drops: %s" % (name, drops),
               set(drops) == {"in-drop-clear"} and drops["in-drop-clear"] <= COUNT)
    check.true("%s: nothing else" % name, tb.nothing_waits(pair.sock))


def main():
    check = tb.Checks()
    for addresses in tb.V4, tb.V6:
        with tb.two_hosts(*addresses) as (a, b):
            # Who would have large packets sent does without GRO, for the kernel.
            b.run("ethtool -K wire tso off")
            a.run("ethtool -K wire gro on")
            b.run(BURSTS)
            name = "IPv%d, tunnel" % (6 if tb.is_v6(a.address) else 4)
            with Pair(a, b, "tunnel") as pair:
                alone(check, name, pair)
                among_others(check, name, pair)
    check.finish()


if __name__ == "__main__":
    main()
