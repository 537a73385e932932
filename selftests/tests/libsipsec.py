#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""libsipsec against the kernel, used as a SIP stack does, by a user without any capability."""

import ctypes as c
import errno
import os
import select
import socket
import struct
import time

A, B = "192.0.2.1", "192.0.2.2"
ROTATE = 16
GROUP_ADD, GROUP_UP, GROUP_DEL, GROUP_ROTATE, LOST = range(1, 6)
OUT, IN = 1, 2
DELETED = 1


class Conf(c.Structure):
    _fields_ = [("local", c.c_char_p), ("suites", c.POINTER(c.c_uint32)), ("n_suites", c.c_size_t),
                ("prf", c.c_int), ("rotate", c.c_uint32), ("life", c.c_uint32),
                ("window", c.c_uint32), ("prefer", c.c_bool), ("dh", c.c_bool),
                ("esn", c.c_bool), ("mode", c.c_int),
                ("rotate_octets", c.c_uint64), ("rotate_time", c.c_uint32),
                ("rotate_idle", c.c_uint32), ("tfc", c.c_uint32),
                ("lookahead", c.c_uint32), ("encap_port", c.c_uint16), ("encap_fd", c.c_int),
                ("seen_as", c.c_char_p)]


class Event(c.Structure):
    _fields_ = [("type", c.c_int), ("group", c.c_uint32), ("app", c.c_char_p),
                ("direction", c.c_int), ("round", c.c_uint64), ("spi", c.c_uint32),
                ("packets", c.c_uint64), ("packets_out", c.c_uint64), ("packets_in", c.c_uint64),
                ("time_ns", c.c_uint64), ("reason", c.c_int)]


class GroupConf(c.Structure):
    _fields_ = [("app", c.c_char_p), ("local", c.c_char_p), ("spi_in", c.c_uint32),
                ("persistent", c.c_bool), ("role", c.c_int), ("suite", c.c_int), ("prf", c.c_int),
                ("master", c.c_char_p), ("master_len", c.c_size_t), ("spi_out", c.c_uint32),
                ("peer", c.c_char_p), ("rotate", c.c_uint32), ("life", c.c_uint32),
                ("window", c.c_uint32), ("esn", c.c_bool), ("mode", c.c_int),
                ("rotate_octets", c.c_uint64),
                ("rotate_time", c.c_uint32), ("rotate_idle", c.c_uint32),
                ("replaces", c.c_uint32), ("peer_identity", c.c_char_p),
                ("tfc", c.c_uint32), ("lookahead", c.c_uint32), ("encap_port", c.c_uint16),
                ("encap_peer_port", c.c_uint16), ("encap_fd", c.c_int)]


class Sockaddr(c.Structure):
    _fields_ = [("family", c.c_uint16), ("port", c.c_uint16), ("addr", c.c_uint8 * 4),
                ("zero", c.c_uint8 * 8)]


HANDLER = c.CFUNCTYPE(None, c.POINTER(Event), c.c_void_p)
lib = c.CDLL("libsipsec.so.0")
for name in ("error", "version", "dialog_suite"):
    getattr(lib, "sipsec_" + name).restype = c.c_char_p
lib.sipsec_dialog_group.restype = c.c_uint32


def check(what, got, wanted):
    if got != wanted:
        raise SystemExit("%s: got %r, wanted %r" % (what, got, wanted))
    print("ok", what)


class Connection:
    def __init__(self):
        self.s = c.c_void_p()
        check("connect", lib.sipsec_connect(c.byref(self.s)), 0)
        self.events = []
        self.handler = HANDLER(self._on_event)      # keeps it from being collected
        lib.sipsec_set_event_handler(self.s, self.handler, None)

    def _on_event(self, event, _):
        e = event.contents
        self.events.append(Event.from_buffer_copy(e))

    def error(self):
        return lib.sipsec_error(self.s).decode()

    def wait_event(self, what, wanted, seconds=20):
        """The stack's loop: poll the descriptor, then process."""
        end = time.monotonic() + seconds
        poll = select.poll()
        poll.register(lib.sipsec_fd(self.s), select.POLLIN)
        while not any(wanted(e) for e in self.events):
            left = end - time.monotonic()
            if left <= 0:
                raise SystemExit("no event: " + what)
            poll.poll(left * 1000)
            check("process", lib.sipsec_process(self.s), 0)
        print("ok event:", what)

    def close(self):
        lib.sipsec_close(self.s)


class Dialog:
    def __init__(self, connection, local, **conf):
        self.connection = connection
        self.d = c.c_void_p()
        conf = Conf(local=local.encode(), **conf)
        check("dialog new", lib.sipsec_dialog_new(connection.s, c.byref(conf), c.byref(self.d)), 0)

    def offer(self):
        lines, n = c.POINTER(c.c_char_p)(), c.c_size_t()
        check("offer", lib.sipsec_dialog_offer(self.d, c.byref(lines), c.byref(n)), 0)
        return [lines[i] for i in range(n.value)]

    def answer(self, offered, peer):
        line = c.c_char_p()
        array = (c.c_char_p * len(offered))(*offered)
        err = lib.sipsec_dialog_answer(self.d, array, c.c_size_t(len(offered)), peer.encode(),
                                       c.byref(line))
        return err, line.value

    def established(self, answered, peer):
        array = (c.c_char_p * len(answered))(*answered)
        return lib.sipsec_dialog_established(self.d, array, c.c_size_t(len(answered)),
                                             peer.encode())

    def flow(self, sock, peer, port):
        addr = Sockaddr(socket.AF_INET, socket.htons(port),
                        (c.c_uint8 * 4)(*socket.inet_aton(peer)))
        return lib.sipsec_dialog_flow(self.d, sock.fileno(), c.byref(addr), c.sizeof(addr))

    def group(self):
        return lib.sipsec_dialog_group(self.d)

    def end(self):
        lib.sipsec_dialog_end(self.d)


def media(local):
    sock = socket.socket(socket.AF_INET, socket.SOCK_DGRAM)
    sock.bind((local, 0))
    sock.settimeout(20)
    return sock, sock.getsockname()[1]


def groups(connection):
    found = []
    callback = c.CFUNCTYPE(None, c.POINTER(c.c_uint32), c.c_void_p)(
        lambda group, _: found.append(group[0]))
    check("group list", lib.sipsec_group_list(connection.s, callback, None), 0)
    return found


def refusals(c1):
    """The kernel's own words reach the caller."""
    check("app open: none", (lib.sipsec_app_open(c1.s, b"other"), c1.error()),
          (-errno.ENOENT, "name: no such app, or this process may not open it"))
    group, spi = c.c_uint32(), c.c_uint32()
    conf = GroupConf(local=A.encode())
    check("group before app", (lib.sipsec_group_new(c1.s, c.byref(conf), c.byref(group),
                                                    c.byref(spi)), c1.error()),
          (-errno.ENOTCONN, "no app is open on this socket, app-open comes first"))
    check("app open", lib.sipsec_app_open(c1.s, b"phone"), 0)
    check("app open again", (lib.sipsec_app_open(c1.s, b"phone"), c1.error()),
          (-errno.EBUSY, "this socket has opened an app already"))
    conf.local = b"192.0.2.9"
    check("foreign address", (lib.sipsec_group_new(c1.s, c.byref(conf), c.byref(group), None),
                              c1.error()),
          (-errno.EADDRNOTAVAIL, "local: not an address of this host"))
    conf.local, conf.persistent = A.encode(), True
    check("persistent", (lib.sipsec_group_new(c1.s, c.byref(conf), c.byref(group), None),
                         c1.error()),
          (-errno.EPERM, "persistent: needs CAP_NET_ADMIN"))
    conf.persistent = False
    check("reserve", lib.sipsec_group_new(c1.s, c.byref(conf), c.byref(group), c.byref(spi)), 0)
    check("a block", (spi.value & 0xff, spi.value >= 0x100), (0, True))
    conf = GroupConf(role=1, suite=1, master=b"x" * 31, master_len=31, spi_out=0x200,
                     peer=B.encode())
    check("short master", (lib.sipsec_group_set(c1.s, group, c.byref(conf)), c1.error()),
          (-errno.EINVAL, "master: not as many octets as the prf's output"))
    conf.master, conf.master_len, conf.spi_out = os.urandom(32), 32, 0x201
    check("not a block", (lib.sipsec_group_set(c1.s, group, c.byref(conf)), c1.error()),
          (-errno.EINVAL, "SPI block: the low 8 bits are not zero (spi-out)"))
    conf.spi_out, conf.window = 0x200, 5000
    check("window", (lib.sipsec_group_set(c1.s, group, c.byref(conf)), c1.error()),
          (-errno.ERANGE, "window: not in 64 to 4096"))
    check("rotate without keys", (lib.sipsec_group_rotate(c1.s, group), c1.error()),
          (-errno.ENOKEY, "id: the group has no keys yet"))
    check("the reservation is ours", groups(c1), [group.value])
    check("group del", lib.sipsec_group_del(c1.s, group), 0)
    check("group del again", (lib.sipsec_group_del(c1.s, group), c1.error()),
          (-errno.ENOENT, "no such group (id)"))
    check("subscribe", (lib.sipsec_subscribe(c1.s), "CAP_NET_ADMIN" in c1.error()),
          (-errno.EPERM, True))
    # Nothing but a uid, which is 0.
    conf = c.create_string_buffer(b"\1", 256)
    check("app new", lib.sipsec_app_new(c1.s, b"another", conf), -errno.EPERM)


def encap_conf(sock, port):
    return {"encap_port": port, "encap_fd": sock.fileno()}


def call(c1, c2, encap="", **conf):
    """
    Two dialogs agree and send media; the offerer's events and both ends' packets are right. encap
    says who would have ESP in UDP.
    """
    print("call", encap, conf)
    udp = [media(local) for local in (A, B)]
    c1.events.clear()
    c2.events.clear()
    one = Dialog(c1, A, rotate=ROTATE, **conf, **(encap_conf(*udp[0]) if encap else {}))
    two = Dialog(c2, B, **(encap_conf(*udp[1]) if encap == "both" else {}))
    offered = one.offer()
    check("encap is offered", {b" encap=udp:" in o for o in offered}, {bool(encap)})
    err, line = two.answer(offered, A)
    check("answer", err, 0)
    check("encap is answered", b" encap=udp:" in line, encap == "both")
    name = "sip:b\u00fcro@example.com".encode()
    check("a long identity", lib.sipsec_dialog_identify(one.d, b"x" * 256), -errno.EINVAL)
    check("identity", lib.sipsec_dialog_identify(one.d, name), 0)
    check("established", one.established([line], B), 0)
    check("identity, too late", lib.sipsec_dialog_identify(one.d, name), -errno.EALREADY)
    check("the same answer again", one.established([line], B), 0)
    forked = line.replace(b"inline:", b"inline:A")
    check("a fork", one.established([forked], B), -errno.EALREADY)

    s1, port1 = media(A)
    s2, port2 = media(B)
    check("flow of another peer", one.flow(s1, "192.0.2.9", port2), -errno.EADDRNOTAVAIL)
    check("flow", (one.flow(s1, B, port2), two.flow(s2, A, port1)), (0, 0))
    for i in range(3 * ROTATE):
        payload = b"%d" % i
        s1.sendto(payload, (B, port2))
        assert s2.recv(100) == payload
        s2.sendto(payload, (A, port1))
        assert s1.recv(100) == payload
    print("ok media")
    for x in c1, c2:
        x.wait_event("group-add", lambda e: e.type == GROUP_ADD)
        x.wait_event("group-up", lambda e: e.type == GROUP_UP)
        for direction in OUT, IN:
            x.wait_event("round 2", lambda e: e.type == GROUP_ROTATE and e.round == 2 and
                         e.direction == direction)
        check("packets of each finished round",
              {e.packets for e in x.events if e.type == GROUP_ROTATE}, {ROTATE})
        check("no event lost", [e for e in x.events if e.type == LOST], [])

    told = c.create_string_buffer(256)
    peer = struct.pack("=H", socket.AF_INET) + struct.pack("!H", port2) + socket.inet_aton(B) + \
        bytes(8)
    other = peer[:2] + struct.pack("!H", port2 + 1) + peer[4:]

    def identity(connection, s, sender):
        err = lib.sipsec_socket_identity(connection.s, s.fileno(), sender, len(sender or b""), told)
        return err, told.value if not err else None

    check("who sent it", identity(c1, s1, peer), (0, name))
    check("who else", identity(c1, s1, other), (-errno.ENOENT, None))
    check("not connected", identity(c1, s1, None), (-errno.ENOTCONN, None))
    check("no identity was given", identity(c2, s2, struct.pack(
        "=H", socket.AF_INET) + struct.pack("!H", port1) + socket.inet_aton(A) + bytes(8)),
          (-errno.ENODATA, None))
    if encap:
        udp[0][0].close()
        try:
            s1.sendto(b"without UDP", (B, port2))
            check("the socket of encap is wanted", encap, "offered")
            check("in ESP alone", s2.recv(100), b"without UDP")
        except PermissionError:
            check("the socket of encap is wanted", encap, "both")
    s1.connect((B, port2))
    check("whom it is connected to", identity(c1, s1, None), (0, name))
    group = one.group()
    one.end()
    check("a flow that is closed", identity(c1, s1, peer), (-errno.ENOTCONN, None))
    c1.wait_event("group-del", lambda e: e.type == GROUP_DEL and e.group == group and
                  e.reason == DELETED and e.packets_in == 3 * ROTATE and
                  e.packets_out == 3 * ROTATE + (encap == "offered"))
    try:
        s1.send(b"after")
        raise SystemExit("a packet after the end was sent")
    except PermissionError:
        print("ok nothing is sent after the end")
    two.end()
    for s in s1, s2, udp[0][0], udp[1][0]:
        s.close()


def no_keys(c1, c2):
    one = Dialog(c1, A)
    one.offer()
    check("no ipsec-sa in the answer", one.established([], B), -errno.ENOKEY)
    check("its text", c1.error(), "the answer has no ipsec-sa and policy is require")
    one.end()
    one = Dialog(c1, A, prefer=True)
    one.offer()
    check("policy prefer", (one.established([], B), one.group()), (0, 0))
    one.end()
    two = Dialog(c2, B)
    check("no ipsec-sa in the offer", two.answer([], A), (-errno.ENOKEY, None))
    two.end()
    two = Dialog(c2, B)
    check("unknown suite", two.answer([b"ipsec-sa:1 ESP_NEW inline:x spi=00000100"], A),
          (-errno.ENOKEY, None))
    check("its text", c2.error(), "nothing usable was offered: the suite is not known")
    two.end()
    check("no reservation is left", groups(c1), [])


def close_ends(c1, c2):
    """Closing a connection, as dying does, ends its groups."""
    gone = Connection()
    check("app open", lib.sipsec_app_open(gone.s, b"phone"), 0)
    one, two = Dialog(gone, A), Dialog(c2, B)
    err, line = two.answer(one.offer(), A)
    check("answer", err, 0)
    check("established", one.established([line], B), 0)
    check("groups of the app", sorted(groups(c1)), sorted([one.group(), two.group()]))
    gone.close()
    check("groups after the close", groups(c1), [two.group()])
    two.end()


def main():
    os.setgroups([])
    os.setresgid(65534, 65534, 65534)
    os.setresuid(65534, 65534, 65534)
    c1, c2 = Connection(), Connection()
    refusals(c1)
    check("app open", lib.sipsec_app_open(c2.s, b"phone"), 0)
    call(c1, c2)
    call(c1, c2, dh=True, prf=2)
    call(c1, c2, encap="both")
    call(c1, c2, encap="offered")
    call(c1, c2, suites=(c.c_uint32 * 1)(3), n_suites=1)
    no_keys(c1, c2)
    close_ends(c1, c2)
    c1.close()
    c2.close()


if __name__ == "__main__":
    main()
