#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Spoil a capture of a call in one way, to see that capture_check.py notices."""

import argparse
import struct
import sys

FILE_HEADER, RECORD_HEADER, ETHERNET, IP = 24, 16, 14, 20
PROTO = RECORD_HEADER + ETHERNET + 9
UDP, ESP, ICMP = 17, 50, 1


def read_records(data):
    offset = FILE_HEADER
    while offset < len(data):
        end = offset + RECORD_HEADER + struct.unpack_from("<I", data, offset + 8)[0]
        yield bytearray(data[offset:end])
        offset = end


def with_length(record):
    length = len(record) - RECORD_HEADER
    struct.pack_into("<II", record, 8, length, length)
    return record


def leak(records, at):
    """The payload goes out once more, as UDP."""
    records.append(bytearray(records[at]))
    records[-1][PROTO] = UDP


def icmp(records, at):
    """An ICMP error quotes a clear packet."""
    record = bytearray(records[at])
    ip = RECORD_HEADER + ETHERNET
    quoted = record[ip:ip + IP + 8]
    quoted[9] = UDP
    del record[ip + IP:]
    record += bytes((3, 3, 0, 0, 0, 0, 0, 0)) + quoted
    record[PROTO] = ICMP
    struct.pack_into(">H", record, ip + 2, len(record) - ip)
    record[ip + 16:ip + 20] = bytes((192, 0, 2, 1))
    records.append(with_length(record))


def lose(records, at):
    """One packet is missing."""
    del records[at]


def flip(records, at):
    """One bit of one packet is another."""
    records[at][-30] ^= 1


def offer(records, _):
    """The INVITE offers something else than the caller did (bidding down)."""
    for record in records:
        if b"INVITE sip:" in record:
            record[:] = record.replace(b"ESP_CHACHA20_POLY1305", b"ESP_CHACHA20_POLY1306")


def main():
    ways = {f.__name__: f for f in (leak, icmp, lose, flip, offer)}
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("way", choices=ways)
    parser.add_argument("capture")
    parser.add_argument("output")
    args = parser.parse_args()
    with open(args.capture, "rb") as f:
        data = f.read()
    records = list(read_records(data))
    esp = [i for i, r in enumerate(records) if len(r) > PROTO and r[PROTO] == ESP]
    if data[:4] != b"\xd4\xc3\xb2\xa1" or len(esp) < 10:
        sys.exit("spoil: not a capture of this host with protected media")
    ways[args.way](records, esp[9])
    with open(args.output, "wb") as f:
        f.write(data[:FILE_HEADER] + b"".join(records))


if __name__ == "__main__":
    main()
