#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Check that one telephone heard what the other said, packet by packet.

SENT and RECEIVED are what sipsec-ua wrote with --log-sent and --log-received. The exit status is 1
if a packet is lost, there twice, or not the same.
"""

import argparse
import sys


def read_log(name):
    """[(sequence number, payload)]"""
    with open(name, encoding="ascii") as f:
        return [(int(seq), bytes.fromhex(payload)) for seq, payload in map(str.split, f)]


def main():
    parser = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    parser.add_argument("title", help="how to name this direction")
    parser.add_argument("sent")
    parser.add_argument("received")
    args = parser.parse_args()
    try:
        sent, received = read_log(args.sent), read_log(args.received)
    except (OSError, ValueError) as e:
        sys.exit("audio_check: %s" % e)

    said, heard = dict(sent), dict(received)
    lost = len(said.keys() - heard.keys())
    twice = len(received) - len(heard)
    other = sum(said.get(seq) != payload for seq, payload in received)
    good = bool(sent) and len(said) == len(sent) and not lost and not twice and not other
    print("  %-4s  %s: %d RTP packets sent, %d heard, %d lost, %d twice, %d not the same" %
          ("ok" if good else "FAIL", args.title, len(sent), len(received), lost, twice, other))
    sys.exit(not good)


if __name__ == "__main__":
    main()
