#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""
   a: module                                              b: module
   [wire 10.9.0.1] ---------------------------------- [wire 10.9.0.2]

What may become of a flow while its app has it.
"""

import errno
import os
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import testbed as tb

PORT_A, PORT_B = 4000, 5000


class Ends:
    """An app at each end; groups are made for both."""

    def __init__(self, check, a, b):
        self.check, self.hosts = check, (a, b)
        self.owners = tb.Owner(a), tb.Owner(b)
        self.tap = tb.Tap(b)
        self.sock = tb.udp(a, a.address, PORT_A)
        self.peer = tb.udp(b, b.address, PORT_B)

    def group(self):
        """Ids of a group at both ends."""
        (a, b), master = self.hosts, tb.fresh_master()
        (group, block), (peers, peers_block) = (
            owner.reserve(ns.address) for owner, ns in zip(self.owners, self.hosts))
        self.owners[0].install(group, b.address, tb.OFFERER, master, peers_block)
        self.owners[1].install(peers, a.address, tb.ANSWERER, master, block)
        return group, peers

    def bind(self, groups):
        self.owners[0].bind(groups[0], self.sock, PORT_B)
        self.owners[1].bind(groups[1], self.peer, PORT_A)
        self.check.equal("flows", [[f["group"] for f in owner.dump("flow-get")]
                                   for owner in self.owners], [[g] for g in groups])

    def works(self, groups):
        """Packets go both ways, as ESP of these groups."""
        a, b = self.hosts
        before = [owner.do("group-get", id=g) for owner, g in zip(self.owners, groups)]
        self.tap.drain()
        self.sock.sendto(b"there", (b.address, PORT_B))
        self.check.equal("the peer gets", self.peer.recv(64), b"there")
        self.peer.sendto(b"back", (a.address, PORT_A))
        self.check.equal("the socket gets", self.sock.recv(64), b"back")
        self.check.equal("on the wire", tb.by_protocol(self.tap.drain(outgoing=True)),
                         {"esp": 2, "other": 0})
        for owner, old in zip(self.owners, before):
            now = owner.do("group-get", id=old["id"])
            self.check.equal("packets", [now[k] - old[k] for k in ("packets-out", "packets-in")],
                             [1, 1])


def main():
    check = tb.Checks()
    with tb.two_hosts() as (a, b):
        ends = Ends(check, a, b)
        print("bound")
        first = ends.group()
        ends.bind(first)
        ends.works(first)
        print("rekeyed: to a new group, and the old one ends")
        second = ends.group()
        ends.bind(second)
        for owner, group in zip(ends.owners, first):
            owner.do("group-del", id=group)
        ends.works(second)
        print("the wire goes down and comes back")
        a.ip("link set wire down")
        a.ip("link set wire up")
        tb.poll("carrier", lambda: "state UP" in a.ip("link show wire"))
        ends.works(second)
        print("the app opens its port again")
        ends.sock.close()
        ends.sock = tb.udp(a, a.address, PORT_A)
        ends.bind(second)
        ends.works(second)
        print("closed with its group, and given another one")
        for owner, group in zip(ends.owners, second):
            owner.do("group-del", id=group)
        check.refused("closed", errno.EPERM, ends.sock.sendto, b"x", (b.address, PORT_B))
        third = ends.group()
        ends.bind(third)
        ends.works(third)
        print("closed, and the port is another socket's")
        ends.owners[0].do("group-del", id=third[0])
        ends.sock.close()
        ends.sock = tb.udp(a, a.address, PORT_A)
        ends.owners[1].do("group-del", id=third[1])
        fourth = ends.group()
        ends.bind(fourth)
        ends.works(fourth)

        # The administrator's flow has no socket: the namespace ends with it, run-guest.sh looks.
        admin = tb.Admin(a)
        group = admin.do("group-new", local=tb.packed(a.address), app="phone",
                         persistent=True)["id"]
        admin.do("group-set", id=group, role=tb.OFFERER, suite=1, spi_out=0x5d1c2a00,
                 peer=tb.packed(b.address), master=tb.fresh_master())
        admin.do("flow-bind", group=group, protocol=17, local_port=PORT_A + 1, peer_port=PORT_B,
                 any=True)
        check.equal("flows at the end", len(admin.dump("flow-get")), 2)
    check.finish()


if __name__ == "__main__":
    main()
