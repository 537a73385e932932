# SPDX-License-Identifier: GPL-2.0
"""A generic netlink client for tests: standard library only, independent of libsipsec.

Names, types and numbers come from the specification. A value given as bytes is sent as it is, so
that a test can send what no library would.
"""

import errno
import os
import re
import socket
import struct

SPEC = os.path.join(os.path.dirname(os.path.abspath(__file__)),
                    "../Documentation/netlink/specs/sipsec.yaml")

NLMSG_ERROR, NLMSG_DONE = 2, 3
F_REQUEST, F_ACK, F_DUMP = 1, 4, 0x300
F_CAPPED, F_ACK_TLVS = 0x100, 0x200
GENL_CTRL, CTRL_GETFAMILY = 16, 3
CTRL_FAMILY_ID, CTRL_FAMILY_NAME, CTRL_MCAST_GROUPS = 1, 2, 7
CTRL_MCAST_NAME, CTRL_MCAST_ID = 1, 2
ERR_MSG, ERR_OFFS, ERR_MISS_TYPE = 1, 2, 5
SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, NETLINK_EXT_ACK = 270, 1, 11
NETLINK_GENERIC = 16
# A kernel that does not answer is to fail the test, not to hang it.
TIMEOUT = 60
INTEGERS = {"u8": "=B", "u16": "=H", "u32": "=I", "u64": "=Q"}


class Spec:
    """The parts of the specification a client needs, read by its indentation."""

    def __init__(self, path=SPEC):
        self.sets = {}       # set -> {attribute: (number, type, nested set)}
        self.commands = {}   # command -> (number, set)
        self.multi = set()   # (set, attribute) of which a message may have several
        self.enums = {}      # enum -> {entry: number}
        self.consts = {}
        section = name = None
        attribute = []
        with open(path, encoding="utf-8") as f:
            for text in f:
                m = re.match(r"( *)(- )?([\w-]+)(?:: *(.*))?$", text)
                if not m:
                    continue
                indent, dash, key, value = len(m[1]), m[2], m[3], (m[4] or "").strip('"')
                if indent == 0:
                    section = key
                elif section == "definitions":
                    if indent == 4 and key == "name":
                        name = value
                    elif indent == 4 and key == "value":
                        self.consts[name] = int(value)
                    elif indent == 4 and key == "value-start":
                        self.enums[name] = {}
                        start = int(value)
                    elif name in self.enums and (indent == 6 and dash or
                                                 indent == 8 and key == "name"):
                        entry = key if dash else value
                        self.enums[name][entry] = start + len(self.enums[name])
                elif section == "attribute-sets":
                    if indent == 4 and key == "name":
                        current = self.sets[value] = {}
                        name = value
                    elif indent == 8 and key == "name":
                        attribute = [len(current) + 1, None, None]
                        current[value] = attribute
                        latest = value
                    elif indent == 8 and key == "type":
                        attribute[1] = value
                    elif indent == 8 and key == "nested-attributes":
                        attribute[2] = value
                    elif indent == 8 and key == "multi-attr":
                        self.multi.add((name, latest))
                elif section == "operations":
                    if indent == 6 and key == "name":
                        command = [len(self.commands) + 1, None]
                        self.commands[value] = command
                    elif indent == 6 and key == "attribute-set":
                        command[1] = value
                    elif indent == 6 and key == "notify":
                        command[1] = self.commands[value][1]


spec = Spec()


class Notes:
    """What the kernel has told this test, for coverage/complete.py: once each, in $RESULT/seen."""

    def __init__(self):
        self.known = set()
        # Opened at once: tests change their user.
        folder = os.environ.get("RESULT")
        self.file = folder and open(folder + "/seen", "a", buffering=1, encoding="utf-8")

    def add(self, kind, name):
        if self.file and (kind, name) not in self.known:
            self.known.add((kind, name))
            print(kind, name, file=self.file)


notes = Notes()


class NlError(OSError):
    """What the kernel refused: errno, its text, and the attribute it names."""

    def __init__(self, number, text, attribute, missing):
        super().__init__(number, text or os.strerror(number))
        self.text, self.attribute, self.missing = text, attribute, missing

    def __str__(self):
        return "%s: %s (attribute %s, missing %s)" % (
            errno.errorcode.get(self.errno, self.errno), self.text, self.attribute, self.missing)


def attr(number, payload):
    data = struct.pack("=HH", len(payload) + 4, number) + payload
    return data + bytes(-len(data) % 4)


def attrs(data):
    """(offset, number, payload) of each attribute."""
    offset = 0
    while offset + 4 <= len(data):
        length, number = struct.unpack_from("=HH", data, offset)
        if length < 4:
            raise ValueError("malformed attribute")
        yield offset, number & 0x3fff, data[offset + 4:offset + length]
        offset += length + 3 & ~3


def encode(set_name, values):
    out = b""
    each = ((name, value) for name, several in values.items()
            for value in (several if isinstance(several, (list, tuple)) else [several]))
    for name, value in each:
        number, kind, _ = spec.sets[set_name][name]
        if isinstance(value, bytes):
            payload = value
        elif kind == "flag":
            if not value:
                continue
            payload = b""
        elif kind in INTEGERS:
            payload = struct.pack(INTEGERS[kind], value)
        else:
            payload = value.encode() + b"\0"
        out += attr(number, payload)
    return out


def decode(set_name, data):
    names = {number: (name, kind, nested)
             for name, (number, kind, nested) in spec.sets[set_name].items()}
    out = {}
    for _, number, payload in attrs(data):
        # Padding, where the machine wants 64-bit values aligned.
        if number == 0:
            continue
        name, kind, nested = names[number]
        if kind == "nest":
            out.setdefault(name, []).append(decode(nested, payload))
        elif kind == "flag":
            out[name] = True
        elif kind in INTEGERS:
            out[name] = struct.unpack(INTEGERS[kind], payload)[0]
            if set_name == "stats" and out[name]:
                notes.add("counter", name)
        elif kind == "string":
            out[name] = payload.rstrip(b"\0").decode()
        elif (set_name, name) in spec.multi:
            out.setdefault(name, []).append(payload)
        else:
            out[name] = payload
    return out


class Message:
    """A notification: name of its command and its attributes."""

    def __init__(self, name, values):
        self.name, self.values = name, values

    def __repr__(self):
        return "%s %r" % (self.name, self.values)


class Genl:
    """One socket of the family, tied to the network namespace it was made in."""

    def __init__(self):
        self.sock = self.open_socket()
        self.sock.setsockopt(SOL_NETLINK, NETLINK_EXT_ACK, 1)
        self.sock.bind((0, 0))
        self.sock.settimeout(TIMEOUT)
        self.seq = 0
        self.events = []
        self.mcast = {}
        self.family = GENL_CTRL
        self.resolve("sipsec")

    def open_socket(self):
        return socket.socket(socket.AF_NETLINK, socket.SOCK_RAW | socket.SOCK_CLOEXEC,
                             NETLINK_GENERIC)

    def resolve(self, name):
        reply, = self.transact(CTRL_GETFAMILY, 0, attr(CTRL_FAMILY_NAME, name.encode() + b"\0"))
        for _, number, payload in attrs(reply):
            if number == CTRL_FAMILY_ID:
                family = struct.unpack("=H", payload)[0]
            elif number == CTRL_MCAST_GROUPS:
                for _, _, group in attrs(payload):
                    entry = {n: p for _, n, p in attrs(group)}
                    self.mcast[entry[CTRL_MCAST_NAME].rstrip(b"\0").decode()] = struct.unpack(
                        "=I", entry[CTRL_MCAST_ID])[0]
        self.family = family

    def close(self):
        self.sock.close()

    def join(self, group="events"):
        self.sock.setsockopt(SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, self.mcast[group])

    def transact(self, command, flags, payload):
        """Send one request; the payloads of its replies, or NlError."""
        self.seq += 1
        request = struct.pack("=IHHII", 20 + len(payload), self.family,
                              F_REQUEST | F_ACK | flags, self.seq, 0)
        request += struct.pack("=BBH", command, 1, 0) + payload
        self.sock.sendto(request, (0, 0))
        replies = []
        while True:
            for kind, mflags, seq, body in self.receive():
                if seq != self.seq:
                    continue
                if kind == NLMSG_ERROR:
                    self.check(request, mflags, body)
                    return replies
                if kind == NLMSG_DONE:
                    number = struct.unpack_from("=i", body)[0]
                    if number < 0:
                        raise NlError(-number, "", None, None)
                    return replies
                replies.append(body[4:])

    def receive(self):
        """Messages of one read; notifications are put aside."""
        data = self.sock.recv(1 << 20)
        out = []
        while len(data) >= 16:
            length, kind, flags, seq, _ = struct.unpack_from("=IHHII", data)
            body = data[16:length]
            if seq == 0 and kind == self.family:
                number = body[0]
                name, set_name = next((n, s) for n, (i, s) in spec.commands.items()
                                      if i == number)
                self.events.append(Message(name, decode(set_name, body[4:])))
            else:
                out.append((kind, flags, seq, body))
            data = data[length + 3 & ~3:]
        return out

    def check(self, request, flags, body):
        number = -struct.unpack_from("=i", body)[0]
        if number == 0:
            return
        # The request follows, whole unless capped; then come the kernel's words.
        length = struct.unpack_from("=I", body, 4)[0]
        rest = body[4 + (16 if flags & F_CAPPED else length + 3 & ~3):]
        text, attribute, missing = "", None, None
        set_name = next((s for i, s in spec.commands.values() if i == request[16]), None)
        names = {n: name for name, (n, _, _) in spec.sets.get(set_name, {}).items()}
        for _, kind, payload in attrs(rest if flags & F_ACK_TLVS else b""):
            if kind == ERR_MSG:
                text = payload.rstrip(b"\0").decode()
                notes.add("text", text)
            elif kind == ERR_OFFS:
                offset = struct.unpack("=I", payload)[0]
                at = struct.unpack_from("=H", request, offset + 2)[0] & 0x3fff
                attribute = names.get(at, at)
            elif kind == ERR_MISS_TYPE:
                at = struct.unpack("=I", payload)[0]
                missing = names.get(at, at)
        raise NlError(number, text, attribute, missing)

    def do(self, name, /, **values):
        """app_open(name="x") is do("app-open", name="x"); _ in attribute names means -."""
        number, set_name = spec.commands[name]
        values = {k.replace("_", "-"): v for k, v in values.items()}
        replies = [decode(set_name, r) for r in
                   self.transact(number, 0, encode(set_name, values))]
        return replies[0] if replies else {}

    def dump(self, name):
        number, set_name = spec.commands[name]
        return [decode(set_name, r) for r in self.transact(number, F_DUMP, b"")]

    def receive_waiting(self):
        """Put aside the notifications that are there."""
        self.sock.setblocking(False)
        try:
            while True:
                self.receive()
        except BlockingIOError:
            pass
        self.sock.settimeout(TIMEOUT)

    def wait_event(self, wanted):
        """The first notification for which wanted() is true; others before it are dropped."""
        while True:
            while self.events:
                event = self.events.pop(0)
                if wanted(event):
                    return event
            self.receive()
