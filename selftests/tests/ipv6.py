#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""
   a: module                                               b: module
   [wire 2001:db8:9::1, 10.9.0.1] ------------- [wire 2001:db8:9::2, 10.9.0.2]
   [wire fe80::a] ----------------------------- [wire fe80::b]
   [other fe80::a] --------------------------- [other fe80::b]

What IPv6 has and IPv4 has not. The long runs of both families are in xfrm-out, xfrm-in and pair.
"""

import collections
import errno
import hmac
import os
import socket
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import sipsec_keys as keys
import testbed as tb

PORT_A, PORT_B = 4000, 5000
LINK_A, LINK_B = "fe80::a", "fe80::b"
V6 = socket.IPPROTO_IPV6
IPV6_HDRINCL, IPV6_MTU_DISCOVER, PMTUDISC_DO = 36, 23, 2
NO_OPTIONS = bytes((0, 0, 1, 4, 0, 0, 0, 0))
# To be discarded by who does not know it, with an ICMPv6 error (RFC 8200, 4.2).
UNKNOWN_OPTION = bytes((0, 0, 0x9e, 4, 0, 0, 0, 0))
DEST_OPTIONS, ROUTING = 60, 43
# No encryption: what is in such a packet can be written here.
SUITE_NULL, BLOCK_A = 6, 0x21000200
FRAGMENT, MORE_FRAGMENTS = 44, 1
ROUTER_ERROR = 1


class Call:
    """A group at both ends and one flow of it; sockets may be given."""

    def __init__(self, a, b, addresses, sockets=None, link=0):
        self.hosts = a, b
        self.addresses = addresses
        self.admins = tb.Admin(a), tb.Admin(b)
        self.owners = tb.Owner(a), tb.Owner(b)
        more = {"ifindex": link} if link else {}
        new = [owner.do("group-new", local=tb.packed(address), **more)
               for owner, address in zip(self.owners, addresses)]
        self.groups = [n["id"] for n in new]
        master = tb.fresh_master()
        self.owners[0].install(self.groups[0], addresses[1], tb.OFFERER, master, new[1]["spi-in"])
        self.owners[1].install(self.groups[1], addresses[0], tb.ANSWERER, master,
                               new[0]["spi-in"])
        self.sockets = sockets or (tb.udp(a, addresses[0], PORT_A),
                                   tb.udp(b, addresses[1], PORT_B))
        for owner, group, sock, port in zip(self.owners, self.groups, self.sockets,
                                            (PORT_B, PORT_A)):
            owner.bind(group, sock, port)
        self.taps = tb.Tap(a), tb.Tap(b)

    def __enter__(self):
        return self

    def __exit__(self, *exc):
        for s in (*self.sockets, *self.owners):
            s.close()
        for admin in self.admins:
            admin.do("app-del", name="phone")
            tb.poll("end of the flows", lambda: not admin.dump("flow-get"))
            admin.close()

    def to(self, end, scope=0):
        address, port = self.addresses[end], (PORT_A, PORT_B)[end]
        return (address, port, 0, scope) if tb.is_v6(address) else (address, port)

    def works(self, check, what, to=None):
        to = to or (self.to(0), self.to(1))
        for end in 0, 1:
            self.sockets[end].sendto(b"%d" % end, to[1 - end])
            check.equal("%s: %s gets" % (what, "ba"[end]), self.sockets[1 - end].recv(64),
                        b"%d" % end)
        self.only_esp(check, what)

    def only_esp(self, check, what):
        seen = tb.by_protocol([p for tap in self.taps for p in tap.drain()])
        check.true("%s: on the wire %s" % (what, seen), seen["esp"] and not seen["other"])

    def drops(self, end):
        return collections.Counter({(s["app"], k): v for s in self.admins[end].dump("stats-get")
                                    for k, v in s.items() if "drop" in k})

    def counted(self, check, what, end, reason, act, app="phone"):
        """act() moves this counter by one, and no other."""
        before = self.drops(end)
        act()
        tb.poll(what, lambda: self.drops(end) != before)
        check.equal(what, dict(self.drops(end) - before), {(app, reason): 1})


def dual(check, a, b):
    """A socket of AF_INET6 whose peer is an IPv4 address."""
    with Call(a, b, tb.V4, (tb.udp(a, "::", PORT_A), tb.udp(b, tb.V4[1], PORT_B))) as call:
        call.works(check, "dual-stack socket", ((tb.V4[0], PORT_A), ("::ffff:" + tb.V4[1], PORT_B)))
        call.sockets[0].connect(("::ffff:" + tb.V4[1], PORT_B))
        call.sockets[0].send(b"connected")
        check.equal("connected, b gets", call.sockets[1].recv(64), b"connected")
        call.sockets[1].sendto(b"back", (tb.V4[0], PORT_A))
        check.equal("and a gets", call.sockets[0].recv(64), b"back")
        call.only_esp(check, "connected")
    with Call(a, b, tb.V6, (tb.udp(a, "::", PORT_A), tb.udp(b, "::", PORT_B))) as call:
        call.works(check, "bound to any address")
        with a.entered():
            only = socket.socket(socket.AF_INET6, socket.SOCK_DGRAM)
        only.setsockopt(V6, socket.IPV6_V6ONLY, 1)
        only.bind(("::", PORT_A + 1))
        v4 = tb.udp(a, tb.V4[0], PORT_A + 2)
        check.refused("an IPv4 socket on an IPv6 flow", errno.EAFNOSUPPORT, call.owners[0].bind,
                      call.groups[0], v4, PORT_B)
        check.refused("an IPv6 socket at another address", errno.EADDRNOTAVAIL,
                      call.owners[0].bind, call.groups[0], tb.udp(a, "::1", PORT_A + 3), PORT_B)
    with Call(a, b, tb.V4) as call:
        check.refused("an IPv6-only socket on an IPv4 flow", errno.EAFNOSUPPORT,
                      call.owners[0].bind, call.groups[0], only, PORT_B)
    only.close()
    v4.close()


def link(check, a, b):
    """Link-local addresses, which two links of a host may have in common."""
    number = {ns: {d: index_of(ns, d) for d in ("wire", "other")} for ns in (a, b)}
    owner = tb.Owner(a, "links")
    for what, local, more in (
            ("a link-local address without its link", LINK_A, {}),
            ("another address with a link", tb.V6[0], {"ifindex": number[a]["wire"]})):
        check.refused(what, errno.EINVAL, owner.do, "group-new", local=tb.packed(local), **more)
    check.refused("a link that has not the address", errno.EADDRNOTAVAIL, owner.do, "group-new",
                  local=tb.packed("fe80::c"), ifindex=number[a]["wire"])
    check.refused("a link there is not", errno.EADDRNOTAVAIL, owner.do, "group-new",
                  local=tb.packed(LINK_A), ifindex=12345)
    group = owner.do("group-new", local=tb.packed(LINK_A), ifindex=number[a]["wire"])["id"]
    check.refused("a peer that is not on the link", errno.EINVAL, owner.install, group, tb.V6[1],
                  tb.OFFERER, tb.fresh_master(), 0x1000)
    owner.close()
    # The numbers are the same, both ends were made alike.
    check.equal("links", number[a], number[b])
    wire, other = number[a]["wire"], number[a]["other"]
    ends = (tb.udp(a, LINK_A, PORT_A, link="wire"), tb.udp(b, LINK_B, PORT_B, link="wire"))
    with Call(a, b, (LINK_A, LINK_B), ends, link=wire) as call:
        call.works(check, "link-local", (call.to(0, wire), call.to(1, wire)))
        flow, = call.owners[0].dump("flow-get")
        check.equal("the flow's link", flow["ifindex"], wire)
        check.equal("the flow, by its key", call.owners[0].do(
            "flow-get", **{k.replace("-", "_"): flow[k] for k in (
                "protocol", "local", "local-port", "peer", "peer-port", "ifindex")}), flow)
        taps = tb.Tap(a, "other"), tb.Tap(b, "other")
        plain = (tb.udp(a, LINK_A, PORT_A, link="other"), tb.udp(b, LINK_B, PORT_B, link="other"))
        plain[0].sendto(b"clear", call.to(1, other))
        check.equal("the same 5-tuple on the other link", plain[1].recv(64), b"clear")
        check.equal("is in clear", tb.by_protocol(taps[1].drain()), {"esp": 0, "other": 1})
        call.works(check, "link-local again", (call.to(0, wire), call.to(1, wire)))
        for s in plain:
            s.close()


def index_of(ns, device):
    with ns.entered():
        return socket.if_nametoindex(device)


def options(check, a, b):
    """Extension headers that Linux leaves outside of ESP."""
    with Call(a, b, tb.V6) as call:
        sender, receiver = call.sockets
        receiver.setsockopt(V6, socket.IPV6_RECVDSTOPTS, 1)
        for name, option in (("hop-by-hop", socket.IPV6_HOPOPTS),
                             ("destination", socket.IPV6_DSTOPTS)):
            sender.setsockopt(V6, option, NO_OPTIONS)
            call.works(check, name + " options")
        sender.sendto(b"x", call.to(1))
        data, more, _, _ = receiver.recvmsg(64, 128)
        check.equal("options the application gets", [(kind, value[1:]) for level, kind, value in
                                                     more if level == V6],
                    [(socket.IPV6_DSTOPTS, NO_OPTIONS[1:])])
        check.equal("with the packet", data, b"x")


def protected(key, spi, seq, payload, following):
    """An ESP packet of ESP_NULL_HMAC_SHA2_256_128 (RFC 4303, 2410, 4868)."""
    pad = -(len(payload) + 2) % 4
    packet = struct.pack("!II", spi, seq) + payload + bytes(range(1, pad + 1)) + \
        bytes((pad, following))
    return packet + hmac.digest(key, packet, "sha256")[:16]


def inside(check, a, b):
    """What Linux puts outside of ESP, others may put into it: it is looked at after decryption."""
    owner = tb.Owner(b, "inside")
    group, block = owner.reserve(tb.V6[1])
    master = tb.fresh_master()
    owner.install(group, tb.V6[0], tb.ANSWERER, master, BLOCK_A, SUITE_NULL)
    receiver = tb.udp(b, tb.V6[1], PORT_B)
    receiver.setsockopt(V6, socket.IPV6_RECVDSTOPTS, 1)
    owner.bind(group, receiver, PORT_A)
    current = next(keys.rounds(master, "HMAC_SHA2_256", SUITE_NULL, "O", block))
    wire, tap = tb.Injector(a, b), tb.Tap(b)
    numbers = iter(range(1, 100))

    def send(headers, first):
        payload = b"".join(headers) + tb.udp_v6(*tb.V6, PORT_A, PORT_B, b"x")
        wire.send(tb.ipv6(*tb.V6, protected(current.keymat, current.spi, next(numbers), payload,
                                            first), proto=socket.IPPROTO_ESP))

    def counter(reason):
        return owner.do("stats-get", app="inside")[reason]

    def options(option, following):
        return bytes((following,)) + option[1:]

    udp = socket.IPPROTO_UDP
    send([], udp)
    check.equal("no header before UDP", receiver.recv(64), b"x")
    send([options(NO_OPTIONS, DEST_OPTIONS), options(NO_OPTIONS, udp)], DEST_OPTIONS)
    data, more, _, _ = receiver.recvmsg(64, 256)
    check.equal("options twice", data, b"x")
    check.true("the application gets options", any(kind == socket.IPV6_DSTOPTS
                                                  for _, kind, _ in more))
    send([options(UNKNOWN_OPTION, udp)], DEST_OPTIONS)
    tb.poll("error that is not sent", lambda: counter("out-drop-icmp") == 1)
    # Transport mode has no fragments in it, and a routing header is for those on the way.
    send([first_fragment(b"", more=False)], FRAGMENT)
    tb.poll("dropped fragment", lambda: counter("in-drop-flow") == 1)
    send([bytes((udp, 0, 0, 0, 0, 0, 0, 0))], ROUTING)
    tb.poll("dropped routing header", lambda: counter("in-drop-flow") == 2)
    send([], udp)
    check.equal("after all these", receiver.recv(64), b"x")
    check.true("and nothing else", tb.nothing_waits(receiver))
    check.equal("packets delivered", counter("in-packets"), 3)
    seen = tb.by_protocol(tap.drain(outgoing=True))
    check.equal("on the wire", seen, {"esp": 6, "other": 0})
    for s in (wire, receiver, owner):
        s.close()


def size(check, a, b):
    """What does not fit is sent in fragments of ESP, or refused with the path MTU."""
    with Call(a, b, tb.V6) as call:
        sender, receiver = call.sockets
        data = os.urandom(5000)
        sender.sendto(data, call.to(1))
        check.true("5000 octets arrive", receiver.recv(8192) == data)
        call.only_esp(check, "fragments")
        sender.setsockopt(V6, IPV6_MTU_DISCOVER, PMTUDISC_DO)
        call.counted(check, "too big", 0, "out-drop-mtu", lambda: check.refused(
            "1500 octets", errno.EMSGSIZE, sender.sendto, bytes(1500 - 48), call.to(1)))
        sender.sendto(bytes(1400), call.to(1))
        check.equal("those that fit arrive", len(receiver.recv(2048)), 1400)
        for ns in a, b:
            ns.ip("link set wire mtu 1280")
        # Nobody has to expect that 1280 octets do not get through (RFC 8200, 5).
        sender.sendto(bytes(1280 - 48), call.to(1))
        check.equal("1280 octets by a link of 1280", len(receiver.recv(2048)), 1280 - 48)
        call.only_esp(check, "fragments again")
        for ns in a, b:
            ns.ip("link set wire mtu 1500")


def first_fragment(payload, offset=0, more=True, number=7):
    return struct.pack("!BBHI", socket.IPPROTO_UDP, 0, offset | more, number) + payload


def fragments(check, a, b):
    """IPv6 is reassembled where our hooks do not see it any more."""
    with Call(a, b, tb.V6) as call:
        clear = tb.udp_v6(tb.V6[0], tb.V6[1], PORT_A, PORT_B, b"clear" * 8)
        wire = tb.Injector(a, b)

        def inject(payload, **more):
            wire.send(tb.ipv6(*tb.V6, first_fragment(payload, **more), proto=FRAGMENT))

        call.counted(check, "a first fragment in clear", 1, "in-drop-clear",
                     lambda: inject(clear[:16]))
        inject(clear[16:], offset=16, more=False)
        call.counted(check, "a first fragment that shows no ports", 1, "in-drop-clear",
                     lambda: inject(b"", number=8), app="")
        # Another port's are not ours to drop.
        other = tb.udp(b, tb.V6[1], PORT_B + 1)
        clear = tb.udp_v6(tb.V6[0], tb.V6[1], PORT_A, PORT_B + 1, b"clear" * 8)
        inject(clear[:16], number=9)
        inject(clear[16:], offset=16, more=False, number=9)
        check.equal("fragments for others", other.recv(64), b"clear" * 8)
        other.close()
        with a.entered():
            raw = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_RAW)
        raw.setsockopt(V6, IPV6_HDRINCL, 1)
        for what, payload in (("the first", first_fragment(clear[:16])),
                              ("a later", first_fragment(clear[16:], offset=16, more=False))):
            packet = tb.ipv6(*tb.V6, payload.replace(b"\x13\x89", b"\x13\x88"), proto=FRAGMENT)
            call.counted(check, "%s fragment of a raw socket" % what, 0, "out-drop-socket",
                         lambda: check.refused("sent", errno.EPERM, raw.sendto, packet,
                                               (tb.V6[1], 0)))
        raw.close()
        wire.close()
        for tap in call.taps:
            tap.drain()
        check.true("nothing was delivered", tb.nothing_waits(call.sockets[1]))
        call.works(check, "after fragments")


def icmp(check, a, b):
    """An error that quotes in clear what we send as ESP only."""
    with Call(a, b, tb.V6) as call:
        quoted = tb.ipv6(tb.V6[1], tb.V6[0], tb.udp_v6(tb.V6[1], tb.V6[0], PORT_B, PORT_A, b"x"))
        message = struct.pack("!BBHI", ROUTER_ERROR, 4, 0, 0) + quoted
        sum_ = tb.checksum_v6(*tb.V6, message, socket.IPPROTO_ICMPV6)
        message = message[:2] + struct.pack("!H", sum_) + message[4:]
        call.counted(check, "an ICMPv6 error", 1, "in-drop-icmp", lambda: tb.inject(
            a, tb.ipv6(*tb.V6, message, proto=socket.IPPROTO_ICMPV6), b))
        for tap in call.taps:
            tap.drain()
        call.works(check, "after an ICMPv6 error")


def others(check, a, b):
    """Raw sockets see nothing that was decrypted; nothing of it leaves the host."""
    with Call(a, b, tb.V6) as call:
        with b.entered():
            raw = socket.socket(socket.AF_INET6, socket.SOCK_RAW, socket.IPPROTO_UDP)
        call.works(check, "beside a raw socket")
        check.true("which sees nothing", tb.nothing_waits(raw))
        clear = tb.udp(a, tb.V6[0], PORT_A + 1)
        plain = tb.udp(b, tb.V6[1], PORT_B + 1)
        clear.sendto(b"clear", (tb.V6[1], PORT_B + 1))
        check.equal("plain traffic", plain.recv(64), b"clear")
        check.true("which it sees", not tb.nothing_waits(raw))
        for s in raw, clear, plain:
            s.close()
        # xfrm_trans_reinject() of 6.12 routes what was translated without the RCU read lock that
        # this takes: a kernel that watches itself says so, with plain xfrm, too.
        if os.environ.get("WATCHED"):
            return
        b.run("sysctl -qw net.ipv6.conf.all.forwarding=1")
        tb.run("ip", "netns", "exec", b.name, "nft", "-f", "-", stdin="table ip6 t { chain c { "
               "type nat hook prerouting priority -100; udp dport %d dnat to 2001:db8:9::77; }; }"
               % PORT_B)
        call.counted(check, "what was decrypted and then translated", 1, "in-drop-forward",
                     lambda: call.sockets[0].sendto(b"x", call.to(1)))
        tb.run("ip", "netns", "exec", b.name, "nft", "delete table ip6 t")
        b.run("sysctl -qw net.ipv6.conf.all.forwarding=0")


def held(check, a, b):
    """Packets that come before the keys are there."""
    owners = tb.Owner(a), tb.Owner(b)
    (group_a, block_a), (group_b, block_b) = (o.reserve(x) for o, x in zip(owners, tb.V6))
    master = tb.fresh_master()
    owners[0].install(group_a, tb.V6[1], tb.OFFERER, master, block_b)
    ends = tb.udp(a, tb.V6[0], PORT_A), tb.udp(b, tb.V6[1], PORT_B)
    owners[0].bind(group_a, ends[0], PORT_B)
    tap = tb.Tap(b)
    for i in range(3):
        ends[0].sendto(b"%d" % i, (tb.V6[1], PORT_B))
    arrived = []
    tb.poll("packets", lambda: arrived.extend(tap.drain()) or len(arrived) == 3)
    owners[1].install(group_b, tb.V6[0], tb.ANSWERER, master, block_a)
    owners[1].bind(group_b, ends[1], PORT_A)
    check.equal("held packets", sorted(ends[1].recv(64) for _ in range(3)), [b"0", b"1", b"2"])
    for s in (*ends, *owners):
        s.close()


def main():
    check = tb.Checks()
    with tb.two_hosts(*tb.V6) as (a, b):
        tb.run("ip", "link", "add", "other", "netns", a.name, "type", "veth",
               "peer", "name", "other", "netns", b.name)
        for ns, v4, own in ((a, tb.V4[0], LINK_A), (b, tb.V4[1], LINK_B)):
            ns.ip("address add %s/24 dev wire" % v4)
            ns.run("sysctl -qw net.ipv6.conf.other.accept_ra=0 net.ipv6.conf.other.accept_dad=0")
            ns.ip("link set other up")
            for device in "wire", "other":
                ns.ip("address add %s/64 dev %s nodad" % (own, device))
        for ns in a, b:
            tb.poll("carrier", lambda: "state UP" in ns.ip("link show other"))
        for test in dual, link, options, inside, size, fragments, icmp, others:
            print(test.__name__)
            test(check, a, b)
        held(check, a, b)
        check.equal("states left", a.states() + b.states(), [])
    check.finish()


if __name__ == "__main__":
    main()
