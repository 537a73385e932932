#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""
   a: module                                  b: ip xfrm with keys of sipsec_keys.py, or the module
   [wire 10.9.0.1, UDP 4500] ---------------- [wire 10.9.0.2, UDP 4501]     (and the same by IPv6)

Between the two are UDP ports 4500 and 4501 and nothing else. For NAT and for the path MTU there is
a router between them, that of pmtu.py.
"""

import errno
import os
import socket
import struct
import sys

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import pmtu
import sipsec_keys as keys
import testbed as tb
from testbed import T

PORT_A, PORT_B = 4000, 5000
ENCAP = 4500, 4501
# The port that the NAT puts in place of a's.
MAPPED = 4502
SUITE, BLOCK_B = 1, 0x5d1c2a00
ROUNDS = 31
ESP, UDP = socket.IPPROTO_ESP, socket.IPPROTO_UDP


def encap(sock, peer_port):
    """The attributes of group-set."""
    return {"encap_fd": sock.fileno(), "encap_port": sock.getsockname()[1],
            "encap_peer_port": peer_port}


def others(packets):
    """Packets that are not ESP in UDP."""
    return [p for p in packets if p.proto != UDP or not p.spi]


def rounds_of(check, who, packets, sent):
    check.equal("from %s: not ESP in UDP" % who, others(packets), [])
    numbers = tb.sequence_numbers(packets)
    check.equal("from %s: rounds without exactly 1..%d" % (who, T),
                [spi for spi, seqs in numbers.items() if seqs != list(range(1, T + 1))], [])
    check.equal("from %s: rounds" % who, len(numbers), sent // T)


def totals(check, total, sent):
    check.equal("datagrams sent", total["sent"], sent)
    for what in ("lost", "duplicated", "refused", "foreign", "corrupt"):
        check.equal(what, total[what], 0)
    check.true("the wire reordered (%d)" % total["reordered"], total["reordered"] > sent // 200)


def group_counted(check, owner, group, sent):
    now = owner.do("group-get", id=group)
    for what, wanted in ("late", 0), ("packets-out", sent), ("packets-in", sent):
        check.equal(what, now[what], wanted)
    stats = owner.do("stats-get", app="phone")
    check.equal("drops", {k: v for k, v in stats.items() if "drop" in k and v}, {})


def with_xfrm(check, a, b):
    """b moves its states when a round is over, which is known as all of it has arrived."""
    taps = [tb.Tap(ns, encap=ENCAP) for ns in (a, b)]
    tb.reorder(a)
    sockets = [tb.encap_socket(ns, ns.address, port) for ns, port in zip((a, b), ENCAP)]
    owner, master = tb.Owner(a), tb.fresh_master()
    group, block = owner.reserve(a.address)
    owner.install(group, b.address, tb.OFFERER, master, BLOCK_B, SUITE,
                  **encap(sockets[0], ENCAP[1]))
    now = owner.do("group-get", id=group)
    check.equal("the group's ports", (now["encap-port"], now["encap-peer-port"]), ENCAP)
    ends = tb.udp(a, a.address, PORT_A), tb.udp(b, b.address, PORT_B)
    owner.bind(group, ends[0], PORT_B)
    traffic = tb.Traffic([tb.Flow(*ends, to=(b.address, PORT_B)),
                          tb.Flow(*reversed(ends), to=(a.address, PORT_A))])

    def states(verb, there, back):
        return [keys.xfrm_state(verb, rnd, SUITE, *addresses, tb.xfrm_encap(*ports)) for
                rnd, addresses, ports in ((there, (a.address, b.address), ENCAP),
                                          (back, (b.address, a.address), ENCAP[::-1]))]

    def policies(verb, back):
        yield ("xfrm policy %s src %s dst %s proto udp sport %d dport %d dir out tmpl src %s "
               "dst %s proto esp spi %#010x mode transport" % (
                   verb, b.address, a.address, PORT_B, PORT_A, b.address, a.address, back.spi))
        if verb == "add":
            yield ("xfrm policy add src %s dst %s proto udp sport %d dport %d dir in tmpl "
                   "proto esp mode transport" % (a.address, b.address, PORT_A, PORT_B))

    batch, old = tb.Batch(b), None
    for pair in zip(keys.rounds(master, "HMAC_SHA2_256", SUITE, "O", BLOCK_B, count=ROUNDS),
                    keys.rounds(master, "HMAC_SHA2_256", SUITE, "A", block)):
        batch.run([*states("add", *pair), *policies("update" if old else "add", pair[1]),
                   *(states("delete", *old) if old else ())])
        total, old = traffic.go(T), pair
    totals(check, total, 2 * ROUNDS * T)
    for who, tap in zip("ba", taps):
        rounds_of(check, who, tap.drain(), ROUNDS * T)
    group_counted(check, owner, group, ROUNDS * T)
    check.equal("b's xfrm errors", b.xfrm_errors(), {})
    batch.close()
    traffic.close()
    for s in (*sockets, *ends, owner):
        s.close()


def with_module(check, a, b):
    taps = [tb.Tap(ns, encap=ENCAP) for ns in (a, b)]
    tb.reorder(a)
    call = Call(a, b, a.address, b.address, rotate=T)
    traffic = tb.Traffic([tb.Flow(*call.ends, to=(b.address, PORT_B)),
                          tb.Flow(*reversed(call.ends), to=(a.address, PORT_A))])
    totals(check, traffic.go(ROUNDS * T), 2 * ROUNDS * T)
    for who, tap in zip("ba", taps):
        rounds_of(check, who, tap.drain(), ROUNDS * T)
    for owner, group in zip(call.owners, call.groups):
        group_counted(check, owner, group, ROUNDS * T)
    traffic.close()
    call.close()


class Call:
    """A group at both ends and one flow of it."""

    def __init__(self, a, b, seen_a, seen_b, ports=ENCAP, own=ENCAP, rotate=1 << 20, mode=1):
        """seen_*: the addresses each has for the other, ports likewise; own are their own."""
        self.owners = tb.Owner(a), tb.Owner(b)
        self.sockets = [tb.encap_socket(ns, "::" if tb.is_v6(seen_a) else "0.0.0.0", port)
                        for ns, port in zip((a, b), own)]
        self.ends = tb.udp(a, a.address, PORT_A), tb.udp(b, b.address, PORT_B)
        (group_a, block_a), (group_b, block_b) = (
            o.reserve(ns.address) for o, ns in zip(self.owners, (a, b)))
        self.groups = group_a, group_b
        self.to_a, self.to_b = (seen_a, PORT_A), (seen_b, PORT_B)
        master = tb.fresh_master()
        self.owners[0].install(group_a, seen_b, tb.OFFERER, master, block_b, rotate=rotate,
                               mode=mode, **encap(self.sockets[0], ports[1]))
        self.owners[1].install(group_b, seen_a, tb.ANSWERER, master, block_a, rotate=rotate,
                               mode=mode, **encap(self.sockets[1], ports[0]))
        for owner, group, end, port in zip(self.owners, self.groups, self.ends,
                                           (PORT_B, PORT_A)):
            owner.bind(group, end, port)

    def works(self, check, what):
        for size in 0, 1, 1200:
            data = os.urandom(size)
            self.ends[0].sendto(data, self.to_b)
            check.true("%s: %d octets there" % (what, size), self.ends[1].recv(2048) == data)
            self.ends[1].sendto(data, self.to_a)
            check.true("%s: %d octets back" % (what, size), self.ends[0].recv(2048) == data)

    def close(self):
        for s in (*self.sockets, *self.ends, *self.owners):
            s.close()


def modes(check, a, b):
    taps = [tb.Tap(ns, encap=ENCAP) for ns in (a, b)]
    for mode, suite, options, more in (("transport", 4, "", {}), ("tunnel", 1, "", {}),
                                       ("tunnel", 3, "tfcpad 600", {"tfc": 600}),
                                       ("beet", 1, "", {}),
                                       ("transport", 1, "replay-window 64 flag esn",
                                        {"esn": True})):
        what = "%s, suite %d %s" % (mode, suite, options)
        with tb.XfrmPair(a, b, mode, suite, options, ENCAP, **more) as pair:
            data = [os.urandom(n) for n in (0, 1, 700, 1300)]
            for source, sink in (pair.sock, pair.peer), (pair.peer, pair.sock):
                for d in data:
                    source.sendto(d, sink.getsockname())
                check.true("%s: arrives" % what, [sink.recv(2048) for _ in data] == data)
            check.equal("%s: drops" % what, pair.drops(), {})
            for tap in taps:
                # Out of a tunnel the inner packet comes to the interface once more.
                packets = [p for p in tap.drain(outgoing=True) if p.outgoing]
                check.equal("%s: on the wire" % what, (len(packets), others(packets)),
                            (len(data), []))


def not_as_agreed(check, a, b):
    """What is in UDP is not taken from IP, and the other way round."""
    tap = tb.Tap(a, snap=2048, encap=ENCAP)
    with tb.XfrmPair(a, b, encap=ENCAP) as pair:
        pair.peer.sendto(b"real", pair.sock.getsockname())
        check.equal("in UDP", pair.sock.recv(64), b"real")
        tap.drain()
        packet = tap.seen[-1][1]
        inner = packet[tb.headers(packet)[3] + 8:]
        whole = tb.ipv6 if tb.is_v6(a.address) else tb.ipv4
        tb.inject(b, whole(b.address, a.address, inner, proto=ESP), a)
        tb.poll("mismatch", lambda: a.xfrm_errors().get("XfrmInStateMismatch"))
        check.equal("the same from IP", a.xfrm_errors(), {"XfrmInStateMismatch": 1})
        check.true("nothing arrived", tb.nothing_waits(pair.sock))


def held(check, a, b):
    """ESP in UDP that comes before the keys, and what has run ahead by 20 rounds."""
    owner, master = tb.Owner(b), tb.fresh_master()
    group, block = owner.reserve(b.address)
    sockets = [tb.encap_socket(ns, ns.address, port) for ns, port in zip((a, b), ENCAP)]
    sender = tb.udp(a, a.address, PORT_A, (b.address, PORT_B))
    receiver = tb.udp(b, b.address, PORT_B)
    rounds = list(keys.rounds(master, "HMAC_SHA2_256", SUITE, "O", block, count=21))

    def use(rnd, verb):
        a.batch([keys.xfrm_state("add", rnd, SUITE, a.address, b.address, tb.xfrm_encap(*ENCAP)),
                 "xfrm policy %s src %s dst %s proto udp sport %d dport %d dir out tmpl src %s "
                 "dst %s proto esp spi %#010x mode transport" % (
                     verb, a.address, b.address, PORT_A, PORT_B, a.address, b.address, rnd.spi)])

    use(rounds[0], "add")
    sender.send(b"early")
    owner.install(group, a.address, tb.ANSWERER, master, BLOCK_B, SUITE, rotate=4096,
                  **encap(sockets[1], ENCAP[0]))
    owner.bind(group, receiver, PORT_A)
    check.equal("before the keys", receiver.recv(64), b"early")
    use(rounds[20], "update")
    sender.send(b"ahead")
    check.equal("20 rounds ahead", receiver.recv(64), b"ahead")
    tb.poll("catching up", lambda: owner.do("stats-get", app="phone")["in-caught-up"] == 1)
    check.equal("b's xfrm errors", b.xfrm_errors(), {})
    a.batch(["xfrm state flush", "xfrm policy flush"])
    for s in (*sockets, sender, receiver, owner):
        s.close()


def socket_closed(check, a, b):
    """Nothing is sent without the socket, also when somebody else has its port."""
    tap = tb.Tap(b, encap=ENCAP)
    call = Call(a, b, a.address, b.address)
    call.works(check, "before")
    tap.drain()
    call.sockets[0].close()
    check.refused("closed", errno.EPERM, call.ends[0].sendto, b"secret", call.to_b)
    other = tb.encap_socket(a, a.address, ENCAP[0], uid=60001)
    check.refused("another's port", errno.EPERM, call.ends[0].sendto, b"secret", call.to_b)
    check.equal("on the wire", tap.drain(), [])
    stats = call.owners[0].do("stats-get", app="phone")
    check.equal("drops", {k: v for k, v in stats.items() if "drop" in k and v},
                {"out-drop-closed": 2})
    other.close()
    call.close()


def ordinary(check, a, b):
    """What is no ESP is the socket's, and all is once UDP_ENCAP is off and the group gone."""
    call = Call(a, b, a.address, b.address)
    with_marker = bytes(4) + b"IKE"
    call.sockets[1].sendto(with_marker, (a.address, ENCAP[0]))
    check.equal("with the Non-ESP marker", call.sockets[0].recv(64), with_marker)
    # A keepalive is nobody's.
    call.sockets[1].sendto(b"\xff", (a.address, ENCAP[0]))
    call.works(check, "after a keepalive")
    check.true("keepalive", tb.nothing_waits(call.sockets[0]))
    call.owners[0].do("group-del", id=call.groups[0])
    call.sockets[0].setsockopt(UDP, tb.UDP_ENCAP, 0)
    data = struct.pack("!II", 0x1000, 1) + bytes(16)
    call.sockets[1].sendto(data, (a.address, ENCAP[0]))
    check.equal("after the group's end", call.sockets[0].recv(128), data)
    call.sockets[0].sendto(b"back", (b.address, ENCAP[1]))
    check.equal("and back", call.sockets[1].recv(64), b"back")
    call.close()


def all_udp(check, a, b):
    """Groups of the administrators, whose flow is all UDP between the hosts but that of ESP."""
    master, admins = tb.fresh_master(), [tb.Admin(ns) for ns in (a, b)]
    taps = [tb.Tap(ns, encap=ENCAP) for ns in (a, b)]
    sockets = [tb.encap_socket(ns, ns.address, port) for ns, port in zip((a, b), ENCAP)]
    ends = tb.udp(a, a.address, PORT_A), tb.udp(b, b.address, PORT_B)
    new = []
    for admin, ns in zip(admins, (a, b)):
        admin.do("app-new", name="phone", uid=0, wildcard=True)
        new.append(admin.do("group-new", app="phone", persistent=True,
                            local=tb.packed(ns.address)))
    for admin, role, own, its, peer, ports in zip(
            admins, (tb.OFFERER, tb.ANSWERER), new, new[::-1], (b, a), (ENCAP, ENCAP[::-1])):
        admin.do("group-set", id=own["id"], role=role, suite=SUITE, master=master,
                 spi_out=its["spi-in"], peer=tb.packed(peer.address), encap_port=ports[0],
                 encap_peer_port=ports[1])
        admin.do("flow-bind", group=own["id"], protocol=UDP, local_port=0, peer_port=0, any=True)
    for source, sink in ends, ends[::-1]:
        source.sendto(b"all", sink.getsockname())
        check.equal("all UDP", sink.recv(64), b"all")
    for tap in taps:
        packets = tap.drain()
        check.equal("on the wire", (len(packets), others(packets)), (1, []))
    # From another port it is in clear, as what is of the flow must not be.
    clear = tb.Injector(b, a)
    payload = b"clear"
    for port in ENCAP[1] + 1, ENCAP[1]:
        clear.send(tb.ipv6(b.address, a.address, tb.udp_v6(b.address, a.address, port, ENCAP[0],
                                                           payload))
                   if tb.is_v6(a.address) else
                   tb.ipv4(b.address, a.address, tb.udp_header(port, ENCAP[0], payload) + payload))
        payload = b"marker"
    check.equal("for the program on ESP's port", sockets[0].recv(64), b"marker")
    stats = admins[0].do("stats-get", app="phone")
    check.equal("drops", {k: v for k, v in stats.items() if "drop" in k and v},
                {"in-drop-clear": 1})
    clear.close()
    for s in (*sockets, *ends, *admins):
        s.close()


def through_nat(check, a, r, b, addresses):
    """b sees a at the router's address and at another port, which stay the same."""
    v6 = tb.is_v6(addresses[0])
    a.address, outside, b.address = addresses[0], addresses[2], addresses[3]
    family = "ip6" if v6 else "ip"
    tb.run("ip", "netns", "exec", r.name, "nft", "-f", "-", stdin="""
        table %s t {
            chain c {
                type nat hook postrouting priority 100;
                oifname "east" udp sport %d masquerade to :%d
            }
        }""" % (family, ENCAP[0], MAPPED))
    tap = tb.Tap(r, "east", encap=(MAPPED, ENCAP[1]))
    call = Call(a, b, outside, b.address, ports=(MAPPED, ENCAP[1]))
    call.works(check, "through NAT")
    packets = tap.drain(outgoing=True)
    check.equal("beyond the NAT: not ESP in UDP", others(packets), [])
    check.equal("beyond the NAT", {(p.src, p.sport, p.dst, p.dport) for p in packets},
                {(outside, MAPPED, b.address, ENCAP[1]), (b.address, ENCAP[1], outside, MAPPED)})
    call.close()


def path_mtu(check, a, r, b, addresses):
    """The router's news quote UDP: the kernel has them for the socket, and the route learns."""
    a.address, b.address = addresses[0], addresses[3]
    v6 = tb.is_v6(a.address)
    tap = tb.Tap(r, "east", encap=ENCAP)
    call = Call(a, b, a.address, b.address)
    sender = call.ends[0]
    overhead = 48 if v6 else 28
    sender.setsockopt(*(socket.IPPROTO_IPV6, pmtu.IPV6_MTU_DISCOVER) if v6 else
                      (socket.IPPROTO_IP, pmtu.IP_MTU_DISCOVER), pmtu.PMTUDISC_DO)
    check.equal("path MTU before", pmtu.known_mtu(a, b.address), None)

    def refused():
        try:
            sender.sendto(bytes(1400 - overhead), call.to_b)
        except OSError as e:
            if e.errno != errno.EMSGSIZE:
                raise
            return True
        return False

    tb.poll("news of the path", refused)
    check.equal("path MTU learned", pmtu.known_mtu(a, b.address), pmtu.NARROW)
    # What just fits and what just does not: UDP's header is reckoned with.
    # (1280 octets of IPv6 always do; around them are fragments.)
    largest = next(n for n in range(1150 if v6 else 1300, 0, -1) if fits(sender, n, call.to_b))
    check.equal("the largest that fits arrives", len(call.ends[1].recv(2048)), largest)
    packets = tap.drain(outgoing=True)
    check.equal("beyond the router: not ESP in UDP", others(packets), [])
    longest = max(p.length for p in packets)
    check.true("longest packet: %d" % longest, pmtu.NARROW - 4 < longest <= pmtu.NARROW or v6)
    call.close()


def fits(sock, size, to):
    try:
        sock.sendto(bytes(size), to)
    except OSError as e:
        if e.errno != errno.EMSGSIZE:
            raise
        return False
    return True


def main():
    check = tb.Checks()
    for addresses in tb.V4, tb.V6:
        for case in tb.cases(with_xfrm, with_module, modes, not_as_agreed, held, socket_closed,
                             ordinary, all_udp):
            print(case.__name__, *addresses)
            with tb.two_hosts(*addresses) as (a, b):
                case(check, a, b)
    for addresses in pmtu.V4, pmtu.V6:
        for case in tb.cases(through_nat, path_mtu):
            print(case.__name__, *addresses)
            with pmtu.routed() as (a, r, b):
                case(check, a, r, b, addresses)
    check.finish()


if __name__ == "__main__":
    main()
