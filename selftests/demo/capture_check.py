#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Check a capture of a call: protected media, and nothing of it in clear.

Keys are computed from the SIP messages in the capture alone; tshark decrypts with them. Prints one
line per point checked; the exit status is 1 if one of them does not hold.
"""

import argparse
import os
import re
import struct
import subprocess
import sys
import tempfile
from collections import Counter, namedtuple
from ipaddress import ip_address

sys.path.insert(0, os.path.join(os.path.dirname(os.path.abspath(__file__)), ".."))
import sipsec_keys  # noqa: E402

ICMP, UDP, ESP = 1, 17, 50
ICMP_ERRORS = (3, 4, 5, 11, 12)     # those that quote a packet
SIP_PORT = 5060
ROTATE_DEFAULT = 1 << 20
BLOCK_SIZE = 256                    # SPIs of a direction; then they come again
TSHARK_NAMES = {"ESP_AES_128_GCM_16": "AES-GCM with 16 octet ICV [RFC4106]",
                "ESP_AES_256_GCM_16": "AES-GCM with 16 octet ICV [RFC4106]"}

Packet = namedtuple("Packet", "src dst proto fragment data")
Sdp = namedtuple("Sdp", "address port rtcp lines")
Direction = namedtuple("Direction", "name src dst block")
Esp = namedtuple("Esp", "src dst spi seq")


class Unusable(Exception):
    """The capture does not hold what the check needs."""


# The capture

def read_pcap(name):
    """The IPv4 packets of a capture of Ethernet."""
    with open(name, "rb") as f:
        data = f.read()
    order = {b"\xd4\xc3\xb2\xa1": "<", b"\x4d\x3c\xb2\xa1": "<",
             b"\xa1\xb2\xc3\xd4": ">", b"\xa1\xb2\x3c\x4d": ">"}.get(data[:4])
    if not order:
        raise Unusable("%s is not a pcap file" % name)
    if struct.unpack_from(order + "I", data, 20)[0] != 1:
        raise Unusable("%s is not a capture of Ethernet" % name)
    offset = 24
    while offset + 16 <= len(data):
        caught, length = struct.unpack_from(order + "II", data, offset + 8)
        if caught != length:
            raise Unusable("%s has packets that are cut short" % name)
        frame = data[offset + 16:offset + 16 + caught]
        offset += 16 + caught
        if frame[12:14] == b"\x08\x00":
            yield parse_ip(frame[14:])


def parse_ip(data):
    """Also for the piece of a packet that an ICMP error quotes."""
    length, = struct.unpack_from(">H", data, 2)
    fragment, = struct.unpack_from(">H", data, 6)
    header = (data[0] & 15) * 4
    return Packet(str(ip_address(data[12:16])), str(ip_address(data[16:20])), data[9],
                  bool(fragment & 0x3fff), data[header:length])


def ports(packet):
    return struct.unpack_from(">HH", packet.data)


def quoted(packet):
    """The packet quoted by an ICMP error, or None."""
    if packet.proto == ICMP and packet.data[0] in ICMP_ERRORS and len(packet.data) >= 28:
        return parse_ip(packet.data[8:])
    return None


# The negotiation

def sip_messages(packets):
    for p in packets:
        if p.proto == UDP and not p.fragment and SIP_PORT in ports(p) and len(p.data) > 8:
            head, _, body = p.data[8:].partition(b"\r\n\r\n")
            yield head.decode("utf-8", "replace"), body


def header(head, name):
    m = re.search(r"^%s\s*:\s*(.*?)\s*$" % name, head, re.M | re.I)
    return m.group(1) if m else ""


def parse_sdp(body):
    """Session-level ipsec-sa lines, and where the audio goes."""
    lines = [line.rstrip(b"\r") for line in body.split(b"\n")]
    media = next((i for i, line in enumerate(lines) if line.startswith(b"m=audio ")), None)
    conn = next((line for line in lines if line.startswith(b"c=IN IP4 ")), None)
    if media is None or conn is None:
        raise Unusable("an SDP body without audio or without a c= line")
    port = int(lines[media].split()[1])
    rtcp = next((int(line[7:].split()[0]) for line in lines[media:]
                 if line.startswith(b"a=rtcp:")), port + 1)
    return Sdp(conn.split()[2].decode("ascii"), port, rtcp,
               [line[2:] for line in lines[:media] if line.startswith(b"a=ipsec-sa:")])


def negotiation(packets):
    """The SDP offer of the first INVITE, and its answer."""
    call = offer = None
    for head, body in sip_messages(packets):
        if head.startswith("INVITE ") and body and not call:
            call = header(head, "Call-ID"), header(head, "CSeq")
            offer = parse_sdp(body)
        elif (call and body and re.match(r"SIP/2\.0 2\d\d ", head) and
              (header(head, "Call-ID"), header(head, "CSeq")) == call):
            return offer, parse_sdp(body)
    raise Unusable("the capture has no INVITE with SDP and its answer")


def rotate_of(params):
    text = params.get("rotate", str(ROTATE_DEFAULT))
    return 1 << int(text[2:]) if text.startswith("2^") else int(text)


class Keys:
    """What both lines together say, computed by the independent script."""

    def __init__(self, offer, answer):
        if not offer.lines or len(answer.lines) != 1:
            raise Unusable("%d ipsec-sa lines offered, %d answered" %
                           (len(offer.lines), len(answer.lines)))
        tag, self.suite, secret_a, params_a = sipsec_keys.parse_line(answer.lines[0])
        offered = {o[0]: o for o in map(sipsec_keys.parse_line, offer.lines)}
        if tag not in offered or offered[tag][1] != self.suite:
            raise Unusable("the answer is to a line that was not offered")
        _, _, secret_o, params_o = offered[tag]
        if "dh" in params_o and "dh" in params_a:
            raise Unusable("keys with dh= cannot be computed from the messages: that is their use")
        self.prf = params_o.get("prf", "HMAC_SHA2_256")
        self.rotate = min(rotate_of(params_o), rotate_of(params_a))
        hash_name = sipsec_keys.HASHES[self.prf]
        digest = sipsec_keys.transcript(offer.lines, answer.lines[0], hash_name)
        self.master = sipsec_keys.master(digest, secret_o, secret_a, b"", hash_name)
        self.directions = (
            Direction("O", offer.address, answer.address, int(params_a["spi"], 16)),
            Direction("A", answer.address, offer.address, int(params_o["spi"], 16)))

    def rounds(self, direction, count):
        return sipsec_keys.rounds(self.master, self.prf, sipsec_keys.SUITE_IDS[self.suite],
                                  direction.name, direction.block, 0, count)


# tshark

def tshark_decrypt(capture, table):
    """Counts of authentic RTP by (source, sequence number, payload) and of RTCP by source."""
    with tempfile.TemporaryDirectory() as config:
        with open(os.path.join(config, "esp_sa"), "w", encoding="ascii") as f:
            for src, dst, spi, name, key in table:
                f.write('"IPv4","%s","%s","0x%08x","%s","0x%s","NULL",""\n' %
                        (src, dst, spi, name, key.hex()))
        with open(os.path.join(config, "preferences"), "w", encoding="ascii") as f:
            f.write("esp.enable_encryption_decode: TRUE\nesp.enable_authentication_check: TRUE\n")
        out = subprocess.run(
            ["tshark", "-n", "-r", capture, "-Y", "esp", "-T", "fields", "-E", "separator=;",
             "-E", "occurrence=f", "-e", "ip.src", "-e", "rtp.seq", "-e", "rtp.payload",
             "-e", "rtcp.pt", "-e", "esp.icv_good"],
            env={**os.environ, "WIRESHARK_CONFIG_DIR": config}, check=True, text=True,
            stdin=subprocess.DEVNULL, stdout=subprocess.PIPE, stderr=subprocess.PIPE).stdout
    rtp, rtcp = Counter(), Counter()
    for line in out.splitlines():
        src, seq, payload, rtcp_pt, icv_good = line.split(";")
        if icv_good != "1":
            continue
        if payload:
            rtp[src, int(seq), payload.replace(":", "")] += 1
        elif rtcp_pt:
            rtcp[src] += 1
    return rtp, rtcp


# What the telephones wrote

def read_log(name):
    """Sequence numbers and payloads of --log-sent."""
    with open(name, encoding="ascii") as f:
        for line in f:
            seq, payload = line.split()
            yield int(seq), payload


ROTATION = re.compile(r" (out|in) +round +(\d+) +SPI ([0-9a-f]{8}) +after (\d+) packets$", re.M)


def read_rotations(name):
    """[(round, SPI, packets of the round before)] by direction, from a telephone's output."""
    result = {"out": [], "in": []}
    with open(name, encoding="utf-8") as f:
        for direction, number, spi, count in ROTATION.findall(f.read()):
            result[direction].append((int(number), int(spi, 16), int(count)))
    return result


# The points

class Check:
    def __init__(self):
        self.failed = False

    def point(self, good, text, problem=""):
        self.failed |= not good
        print("  %-4s  %s%s" % ("ok" if good else "FAIL", text,
                                ": " + problem if problem and not good else ""))
        return good


def check_clear(check, packets, offer, answer):
    """Between the two media addresses only ESP; nothing of the media elsewhere either."""
    pair = {offer.address, answer.address}
    sockets = {(s.address, port) for s in (offer, answer) for port in (s.port, s.rtcp)}
    found = Counter()
    for p in packets:
        inner = quoted(p)
        if inner and {inner.src, inner.dst} == pair and inner.proto != ESP:
            found["ICMP that quotes clear text"] += 1
        elif {p.src, p.dst} == pair and (p.proto != ESP or p.fragment):
            found["UDP in clear text" if p.proto == UDP else
                  "protocol %d%s" % (p.proto, " in fragments" if p.fragment else "")] += 1
        elif p.proto == UDP and not p.fragment and sockets & set(zip((p.src, p.dst), ports(p))):
            found["UDP to or from a media port"] += 1
    check.point(not found, "between %s and %s there is only ESP" % (offer.address, answer.address),
                ", ".join("%d packets of %s" % (n, what) for what, n in sorted(found.items())))


def esp_packets(packets, src, dst):
    return [Esp(p.src, p.dst, *struct.unpack_from(">II", p.data)) for p in packets
            if p.proto == ESP and not p.fragment and (p.src, p.dst) == (src, dst)]


def check_rounds(check, esp, direction, rotate):
    """Every round in turn, sequence numbers 1, 2, ... up to the threshold. Return: rounds seen."""
    number, want, problem = 0, 1, ""
    for p in esp:
        if want > rotate:
            number, want = number + 1, 1
        spi = direction.block + number % BLOCK_SIZE
        if (p.spi, p.seq) != (spi, want):
            problem = "SPI %08x packet %d where SPI %08x packet %d was due" % (
                p.spi, p.seq, spi, want)
            break
        want += 1
    check.point(bool(esp) and not problem, "%s to %s: %d rounds, %d packets in each but the last" %
                (direction.src, direction.dst, number + 1, rotate), problem or "no packet")
    return number + 1


def check_rotations(check, said, esp, direction, rotate, who, way):
    """The events of a telephone against the wire."""
    # A full round at the very end may not have been left. The peer's goodbye by RTCP may come when
    # the group that received is gone.
    last = len(esp)
    first = last - 1 if way == "out" else last - 2
    want = [(n, direction.block + n % BLOCK_SIZE, rotate) for n in range(1, last // rotate + 1)]
    good = said == want[:len(said)] and first // rotate <= len(said) <= last // rotate
    check.point(bool(said) and good, "%s saw %d rotations %s, as %d packets demand" %
                (who, len(said), way, last), "%d wanted" % len(want))


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("capture", help="pcap file with the SIP messages and the media of one call")
    parser.add_argument("--min-packets", type=int, default=900, metavar="N",
                        help="more than N packets must have gone each way (900)")
    parser.add_argument("--caller", metavar="PREFIX", help="files of the side that offered: "
                        "PREFIX.sent (RTP payloads) and PREFIX.log (rotations) are compared")
    parser.add_argument("--callee", metavar="PREFIX", help="the same of the other side")
    parser.add_argument("--no-decrypt", action="store_true", help="do not run tshark")
    args = parser.parse_args()

    check = Check()
    try:
        packets = list(read_pcap(args.capture))
        offer, answer = negotiation(packets)
        check_clear(check, packets, offer, answer)
        esp = {}
        for src, dst in ((offer.address, answer.address), (answer.address, offer.address)):
            esp[src] = esp_packets(packets, src, dst)
            check.point(len(esp[src]) > args.min_packets, "%s to %s: %d ESP packets" %
                        (src, dst, len(esp[src])), "more than %d wanted" % args.min_packets)
        keys = Keys(offer, answer)
        if keys.suite not in TSHARK_NAMES:
            raise Unusable("tshark cannot decrypt %s" % keys.suite)
        table = []
        for d in keys.directions:
            count = check_rounds(check, esp[d.src], d, keys.rotate)
            if count > BLOCK_SIZE:
                raise Unusable("the SPIs came again after %d rounds: tshark cannot tell them apart"
                               % BLOCK_SIZE)
            table += [(d.src, d.dst, r.spi, TSHARK_NAMES[keys.suite], r.keymat)
                      for r in keys.rounds(d, count)]
        check.point(True, "keys of %d rounds computed from the SIP messages (%s)" %
                    (len(table), keys.suite))
        if args.no_decrypt:
            sys.exit(check.failed)
        rtp, rtcp = tshark_decrypt(args.capture, table)
        sides = zip(keys.directions, reversed(keys.directions), (args.caller, args.callee))
        for d, back, prefix in sides:
            voice = sum(n for (src, _, _), n in rtp.items() if src == d.src)
            check.point(0 < voice + rtcp[d.src] == len(esp[d.src]),
                        "%s to %s: tshark decrypts %d ESP packets to %d RTP and %d RTCP" %
                        (d.src, d.dst, len(esp[d.src]), voice, rtcp[d.src]))
            if not prefix:
                continue
            said = Counter((d.src, *line) for line in read_log(prefix + ".sent"))
            heard = Counter({k: n for k, n in rtp.items() if k[0] == d.src})
            check.point(said == heard, "%s to %s: the RTP is what the telephone sent" %
                        (d.src, d.dst), "%d packets differ" % sum(((said - heard) +
                                                                   (heard - said)).values()))
            rotations = read_rotations(prefix + ".log")
            check_rotations(check, rotations["out"], esp[d.src], d, keys.rotate, d.src, "out")
            check_rotations(check, rotations["in"], esp[back.src], back, keys.rotate, d.src, "in")
    except (Unusable, OSError, ValueError, struct.error, subprocess.CalledProcessError) as e:
        check.point(False, "the capture can be checked", str(e))
    sys.exit(check.failed)


if __name__ == "__main__":
    main()
