#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Keys of a sipsec group, computed from Documentation/protocol.rst alone.

An implementation independent of the C code: the tests compare the two. Only
the standard library is used, and nothing is taken from the kernel or libsipsec.
"""

import argparse
import base64
import hashlib
import hmac
import json
import re
import sys
from collections import namedtuple

HASHES = {"HMAC_SHA2_256": "sha256", "HMAC_SHA2_384": "sha384"}

Suite = namedtuple("Suite", "id name enc salt auth proto aead cipher mac icv")

SUITES = {s.id: s for s in (
    Suite(1, "ESP_AES_128_GCM_16", 16, 4, 0, "esp",
          "rfc4106(gcm(aes))", None, None, 128),
    Suite(2, "ESP_AES_256_GCM_16", 32, 4, 0, "esp",
          "rfc4106(gcm(aes))", None, None, 128),
    Suite(3, "ESP_CHACHA20_POLY1305", 32, 4, 0, "esp",
          "rfc7539esp(chacha20,poly1305)", None, None, 128),
    Suite(4, "ESP_AES_128_CBC_HMAC_SHA2_256_128", 16, 0, 32, "esp",
          None, "cbc(aes)", "hmac(sha256)", 128),
    Suite(5, "ESP_AES_256_CBC_HMAC_SHA2_512_256", 32, 0, 64, "esp",
          None, "cbc(aes)", "hmac(sha512)", 256),
    Suite(6, "ESP_NULL_HMAC_SHA2_256_128", 0, 0, 32, "esp",
          None, "ecb(cipher_null)", "hmac(sha256)", 128),
    Suite(7, "ESP_NULL_AES_128_GMAC", 16, 4, 0, "esp",
          "rfc4543(gcm(aes))", None, None, 128),
    Suite(8, "AH_HMAC_SHA2_256_128", 0, 0, 32, "ah",
          None, None, "hmac(sha256)", 128),
    Suite(9, "ESP_AES_128_CBC_HMAC_SHA1_96", 16, 0, 20, "esp",
          None, "cbc(aes)", "hmac(sha1)", 96),
    Suite(10, "ESP_NULL_HMAC_SHA1_96", 0, 0, 20, "esp",
          None, "ecb(cipher_null)", "hmac(sha1)", 96),
)}
SUITE_IDS = {s.name: s.id for s in SUITES.values()}


def keymat_len(suite):
    s = SUITES[suite]
    return s.enc + s.salt + s.auth


# RFC 5869

def hkdf_extract(hash_name, salt, ikm):
    return hmac.digest(salt or bytes(hashlib.new(hash_name).digest_size), ikm, hash_name)


def hkdf_expand(hash_name, prk, info, length):
    if length > 255 * hashlib.new(hash_name).digest_size:
        raise ValueError("HKDF-Expand: more than 255 blocks asked for")
    out = block = b""
    counter = 1
    while len(out) < length:
        block = hmac.digest(prk, block + info + bytes([counter]), hash_name)
        out += block
        counter += 1
    return out[:length]


# RFC 7748

X25519_P = 2 ** 255 - 19
X25519_BASE = (9).to_bytes(32, "little")


def x25519(scalar, point):
    """The bare function of RFC 7748, section 5; not constant in time."""
    if len(scalar) != 32 or len(point) != 32:
        raise ValueError("X25519 takes 32 octets each")
    k = int.from_bytes(scalar, "little")
    k = (k & ~(7 | 1 << 255)) | 1 << 254
    x1 = (int.from_bytes(point, "little") & ((1 << 255) - 1)) % X25519_P
    x2, z2, x3, z3 = 1, 0, x1, 1
    for t in reversed(range(255)):
        bit = k >> t & 1
        if bit:
            x2, z2, x3, z3 = x3, z3, x2, z2
        a, b, c, d = x2 + z2, x2 - z2, x3 + z3, x3 - z3
        aa, bb, da, cb = a * a, b * b, d * a, c * b
        e = aa - bb
        x3 = (da + cb) ** 2 % X25519_P
        z3 = x1 * (da - cb) ** 2 % X25519_P
        x2 = aa * bb % X25519_P
        z2 = e * (aa + 121665 * e) % X25519_P
        if bit:
            x2, z2, x3, z3 = x3, z3, x2, z2
    return (x2 * pow(z2, X25519_P - 2, X25519_P) % X25519_P).to_bytes(32, "little")


def x25519_shared(scalar, point):
    out = x25519(scalar, point)
    if not any(out):
        raise ValueError("the X25519 output is all zero: the peer's share is refused")
    return out


# Lines of the SDP attribute, as far as keys depend on them

LINE = re.compile(rb"ipsec-sa:([1-9][0-9]{0,8}) (\S+) inline:([A-Za-z0-9+/]+={0,2})((?: \S+)*)")


def parse_line(line):
    """tag, suite name, secret and parameters of one line without its 'a='."""
    m = LINE.fullmatch(line)
    if not m:
        raise ValueError("not an ipsec-sa line: %r" % line[:24])
    params = {}
    for p in m.group(4).decode("ascii").split():
        name, eq, value = p.partition("=")
        if not eq or name in params:
            raise ValueError("parameter %s is malformed or given twice" % name)
        params[name] = value
    secret = base64.b64decode(m.group(3), validate=True)
    if len(secret) != 32:
        raise ValueError("inline: wants 32 octets, not %d" % len(secret))
    return int(m.group(1)), m.group(2).decode("ascii"), secret, params


def line_dh(params):
    """The X25519 share of a line's dh= parameter, or None."""
    if "dh" not in params:
        return None
    kind, _, share = params["dh"].partition(":")
    share = base64.b64decode(share, validate=True)
    if kind != "x25519" or len(share) != 32:
        raise ValueError("dh= is not x25519: and 32 octets")
    return share


# The key schedule: protocol.rst, section 1

def transcript(offered, answered, hash_name):
    """Lines are bytes as sent after 'a=', without CR and LF."""
    for line in (*offered, answered):
        if not line.startswith(b"ipsec-sa:") or b"\r" in line or b"\n" in line:
            raise ValueError("a transcript line starts with 'ipsec-sa:' and has no line end")
    o = b"".join(line + b"\n" for line in offered)
    return hashlib.new(hash_name, b"sipsec v1\0" + o + b"\0" + answered + b"\n").digest()


def master(transcript_digest, secret_o, secret_a, dh, hash_name):
    return hkdf_extract(hash_name, transcript_digest, secret_o + secret_a + dh)


def chain_first(master_secret, direction, hash_name):
    """CK[D,0]"""
    return hkdf_expand(hash_name, master_secret, b"sipsec v1 chain " + direction.encode("ascii"),
                       hashlib.new(hash_name).digest_size)


def chain_next(ck, direction, n, hash_name):
    """CK[D,n+1] from CK[D,n]"""
    info = b"sipsec v1 next " + direction.encode("ascii") + (n + 1).to_bytes(8, "big")
    return hkdf_expand(hash_name, ck, info, hashlib.new(hash_name).digest_size)


def keymat(ck, direction, suite, spi_of_round, n, hash_name):
    info = (b"sipsec v1 keys " + direction.encode("ascii") + suite.to_bytes(2, "big") +
            spi_of_round.to_bytes(4, "big") + n.to_bytes(8, "big"))
    return hkdf_expand(hash_name, ck, info, keymat_len(suite))


def spi(block, n):
    if block & 0xff or not 0x100 <= block <= 0xffffffff:
        raise ValueError("block %#x: the low 8 bits are zero and it is at least 0x100" % block)
    return block + n % 256


Round = namedtuple("Round", "n spi ck keymat")


def rounds(master_secret, prf, suite, direction, block, first=0, count=None):
    """Rounds first, first + 1, ... of one direction; without count there is no end."""
    if direction not in ("O", "A"):
        raise ValueError("direction is O or A")
    hash_name = HASHES[prf]
    if len(master_secret) != hashlib.new(hash_name).digest_size:
        raise ValueError("master wants %d octets with %s" %
                         (hashlib.new(hash_name).digest_size, prf))
    ck = chain_first(master_secret, direction, hash_name)
    n = 0
    while count is None or n < first + count:
        if n >= first:
            s = spi(block, n)
            yield Round(n, s, ck, keymat(ck, direction, suite, s, n, hash_name))
        ck = chain_next(ck, direction, n, hash_name)
        n += 1


# For ip xfrm

def xfrm_algorithms(suite, key):
    """The algorithm words of 'ip xfrm state add' for one KEYMAT."""
    s = SUITES[suite]
    if len(key) != keymat_len(suite):
        raise ValueError("KEYMAT of suite %d has %d octets" % (suite, keymat_len(suite)))
    if s.aead:
        return "aead '%s' 0x%s %d" % (s.aead, key.hex(), s.icv)
    mac = "auth-trunc '%s' 0x%s %d" % (s.mac, key[s.enc:].hex(), s.icv)
    if not s.cipher:
        return mac
    return "enc '%s' %s %s" % (s.cipher, "0x" + key[:s.enc].hex() if s.enc else '""', mac)


def xfrm_state(verb, rnd, suite, src, dst, options="", mode="transport"):
    """One line for 'ip -batch': the state of a round."""
    line = "xfrm state %s src %s dst %s proto %s spi %#010x" % (
        verb, src, dst, SUITES[suite].proto, rnd.spi)
    if verb != "delete":
        line += " mode %s %s%s" % (mode, options + " " if options else "",
                                   xfrm_algorithms(suite, rnd.keymat))
    return line


def read_master(name):
    """Hex digits, or the bare octets, of a file or '-'."""
    if name == "-":
        data = sys.stdin.buffer.read()
    else:
        with open(name, "rb") as f:
            data = f.read()
    if len(data) in (32, 48):
        return data
    try:
        return bytes.fromhex(data.decode("ascii"))
    except ValueError:
        raise ValueError("%s holds neither a master secret nor its hex digits" % name) from None


def parse_suite(text):
    suite = SUITE_IDS.get(text) or int(text, 0)
    if suite not in SUITES:
        raise ValueError(text)
    return suite


def main(argv=None):
    top = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    sub = top.add_subparsers(dest="command", required=True)
    common = argparse.ArgumentParser(add_help=False)
    common.add_argument("--master-file", required=True, help="hex digits or octets; - is stdin")
    common.add_argument("--prf", choices=sorted(HASHES), default="HMAC_SHA2_256")
    common.add_argument("--suite", type=parse_suite, required=True, help="id or name")
    common.add_argument("--direction", "--role-direction", choices=("O", "A"), required=True,
                        help="sender of the packets: offerer or answerer")
    common.add_argument("--block", type=lambda t: int(t, 16), required=True,
                        help="the receiver's SPI block, hex")
    common.add_argument("--from", dest="first", type=int, default=0)
    common.add_argument("--count", type=int, default=1)
    sub.add_parser("rounds", parents=[common], help="print SPIs and keys as JSON")
    x = sub.add_parser("xfrm", parents=[common], help="print lines for ip -batch")
    x.add_argument("--src", required=True)
    x.add_argument("--dst", required=True)
    x.add_argument("--verb", choices=("add", "update", "delete"), default="add")
    x.add_argument("--options", default="", help="words put before the algorithms")
    args = top.parse_args(argv)

    try:
        wanted = rounds(read_master(args.master_file), args.prf, args.suite, args.direction,
                        args.block, args.first, args.count)
        if args.command == "rounds":
            json.dump([{"n": r.n, "spi": "%08x" % r.spi, "keymat": r.keymat.hex()}
                       for r in wanted], sys.stdout, indent=1)
            print()
        else:
            for r in wanted:
                print(xfrm_state(args.verb, r, args.suite, args.src, args.dst, args.options))
    except (OSError, ValueError) as e:
        sys.exit("sipsec_keys: %s" % e)


if __name__ == "__main__":
    main()
