#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Write the test vectors of the key schedule, from fixed inputs.

Without arguments the committed files are rewritten; --check compares instead.
"""

import argparse
import base64
import hashlib
import json
import os
import sys

import sipsec_keys as keys

HERE = os.path.dirname(os.path.abspath(__file__))
TOP = os.path.dirname(HERE)
BLOCK = {"O": 0x2b7e1500, "A": 0x5d1c2a00}    # chosen by the receiver of that direction
ROUNDS = (0, 1, 2, 255, 256, 257, 1000)
CK_ROUNDS = (0, 1, 256)


def octets(label):
    """32 octets that are the same in every run."""
    return hashlib.sha256(b"sipsec test vector: " + label.encode()).digest()


def b64(data):
    return base64.b64encode(data).decode("ascii")


def line(tag, suite, secret, params):
    return ("ipsec-sa:%d %s inline:%s %s" % (tag, suite, b64(secret), params)).encode("ascii")


def master_vector(name, hash_name, offered, answered, dh_o=None, dh_a=None):
    """Derive from the lines as a third program would that sees only them."""
    tag, suite, secret_a, params_a = keys.parse_line(answered)
    chosen = next(p for p in map(keys.parse_line, offered) if p[0] == tag)
    dh = b""
    if dh_o:
        dh = keys.x25519_shared(dh_o, keys.line_dh(params_a))
        if dh != keys.x25519_shared(dh_a, keys.line_dh(chosen[3])):
            raise ValueError("the two sides disagree")
    digest = keys.transcript(offered, answered, hash_name)
    return {
        "name": name,
        "prf": next(p for p, h in keys.HASHES.items() if h == hash_name),
        "suite": keys.SUITE_IDS[suite],
        "offered": [text.decode() for text in offered],
        "answered": answered.decode(),
        "secret_o": chosen[2].hex(),
        "secret_a": secret_a.hex(),
        "x25519_scalar_o": dh_o.hex() if dh_o else "",
        "x25519_scalar_a": dh_a.hex() if dh_a else "",
        "dh": dh.hex(),
        "transcript": digest.hex(),
        "master": keys.master(digest, chosen[2], secret_a, dh, hash_name).hex(),
    }


def master_vectors():
    dh_o, dh_a = octets("scalar O"), octets("scalar A")
    share = {d: " dh=x25519:" + b64(keys.x25519(s, keys.X25519_BASE))
             for d, s in (("O", dh_o), ("A", dh_a))}
    spi_o, spi_a = "spi=%08x" % BLOCK["A"], "spi=%08x" % BLOCK["O"]
    for prf, hash_name in keys.HASHES.items():
        p = "" if prf == "HMAC_SHA2_256" else " prf=" + prf
        gcm = line(1, "ESP_AES_128_GCM_16", octets("O 1"), spi_o + " rotate=2^20" + p)
        gcm_dh = line(1, "ESP_AES_128_GCM_16", octets("O 1"), spi_o + p + share["O"])
        chacha = line(2, "ESP_CHACHA20_POLY1305", octets("O 2"),
                      spi_o + " addr=192.0.2.1 life=7200" + p)
        answer = line(1, "ESP_AES_128_GCM_16", octets("A"), spi_a + " rotate=1000" + p)
        yield master_vector("one line, " + prf, hash_name, [gcm], answer)
        yield master_vector("two lines, the second answered, " + prf, hash_name, [gcm, chacha],
                            line(2, "ESP_CHACHA20_POLY1305", octets("A"),
                                 spi_a + " addr=2001:db8::2" + p))
        yield master_vector("the same two lines in the other order, " + prf, hash_name,
                            [chacha, gcm],
                            line(2, "ESP_CHACHA20_POLY1305", octets("A"),
                                 spi_a + " addr=2001:db8::2" + p))
        yield master_vector("with dh, " + prf, hash_name, [gcm_dh, chacha],
                            line(1, "ESP_AES_128_GCM_16", octets("A"), spi_a + p + share["A"]),
                            dh_o, dh_a)
        yield master_vector("dh in a line that is not chosen, " + prf, hash_name,
                            [gcm_dh, chacha],
                            line(2, "ESP_CHACHA20_POLY1305", octets("A"), spi_a + p))


def schedule_vectors(masters):
    for prf, master in masters.items():
        for suite in keys.SUITES:
            for direction, block in BLOCK.items():
                wanted = []
                for r in keys.rounds(master, prf, suite, direction, block, 0, max(ROUNDS) + 1):
                    if r.n in ROUNDS:
                        entry = {"n": r.n, "spi": "%08x" % r.spi, "keymat": r.keymat.hex()}
                        if suite == 1 and r.n in CK_ROUNDS:
                            entry["ck"] = r.ck.hex()
                        wanted.append(entry)
                yield {"prf": prf, "suite": suite, "direction": direction,
                       "block": "%08x" % block, "rounds": wanted}


def c_octets(data, indent):
    """A string literal, 16 octets a line."""
    return "\n".join(indent + '"' + "".join("\\x%02x" % b for b in data[i:i + 16]) + '"'
                     for i in range(0, len(data), 16))


def kdf_header(masters, schedules):
    out = ["""/* SPDX-License-Identifier: GPL-2.0 */
/* Do not edit: written by selftests/make_vectors.py from Documentation/protocol.rst. */
#ifndef _SIPSEC_TESTS_KDF_VECTORS_H
#define _SIPSEC_TESTS_KDF_VECTORS_H

#include <linux/types.h>
#include <linux/sipsec.h>

/**
 * struct kdf_master - master secret of the vectors with one prf
 * @prf: enum sipsec_prf
 * @len: octets of @master
 * @master: the secret
 */
struct kdf_master {
	u32 prf;
	size_t len;
	const char *master;
};

/**
 * struct kdf_vector - keys of one round
 * @prf: enum sipsec_prf, selects the master secret
 * @suite: enum sipsec_suite
 * @direction: 'O', sent by the offerer, or 'A'
 * @block: SPI block of the receiver, host byte order
 * @n: number of the round
 * @spi: SPI of the round, host byte order
 * @keymat_len: octets of @keymat
 * @keymat: keys of the round
 */
struct kdf_vector {
	u32 prf;
	u16 suite;
	char direction;
	u32 block;
	u64 n;
	u32 spi;
	size_t keymat_len;
	const char *keymat;
};

static const struct kdf_master kdf_masters[] = {"""]
    for prf, master in masters.items():
        out.append("\t{ .prf = SIPSEC_PRF_%s, .len = %d, .master =\n%s },"
                   % (prf, len(master), c_octets(master, "\t  ")))
    out.append("};\n\nstatic const struct kdf_vector kdf_vectors[] = {")
    for s in schedules:
        for r in s["rounds"]:
            key = bytes.fromhex(r["keymat"])
            out.append("\t{ .prf = SIPSEC_PRF_%s, .suite = %d, .direction = '%s',\n"
                       "\t  .block = 0x%s, .n = %d, .spi = 0x%s,\n"
                       "\t  .keymat_len = %d, .keymat =\n%s },"
                       % (s["prf"], s["suite"], s["direction"], s["block"], r["n"], r["spi"],
                          len(key), c_octets(key, "\t  ")))
    out.append("};\n\n#endif /* _SIPSEC_TESTS_KDF_VECTORS_H */\n")
    return "\n".join(out)


def master_header(vectors):
    """The master vectors for tests in C."""
    out = ["""/* SPDX-License-Identifier: GPL-2.0 */
/* Do not edit: written by selftests/make_vectors.py from Documentation/protocol.rst. */
#ifndef SIPSEC_MASTER_VECTORS_H
#define SIPSEC_MASTER_VECTORS_H

/* Lines end with a null pointer; octets are hex digits, "" where there is no dh. */
struct master_vector {
	const char *name;
	const char *prf;
	const char *offered[3];
	const char *answered;
	const char *secret_o;
	const char *secret_a;
	const char *x25519_scalar_o;
	const char *x25519_scalar_a;
	const char *dh;
	const char *transcript;
	const char *master;
};

static const struct master_vector master_vectors[] = {"""]
    for v in vectors:
        out.append("\t{")
        for field in ("name", "prf"):
            out.append('\t\t.%s = "%s",' % (field, v[field]))
        out.append("\t\t.offered = {")
        out += ['\t\t\t"%s",' % text for text in v["offered"]]
        out.append("\t\t},")
        for field in ("answered", "secret_o", "secret_a", "x25519_scalar_o", "x25519_scalar_a",
                      "dh", "transcript", "master"):
            out.append('\t\t.%s = "%s",' % (field, v[field]))
        out.append("\t},")
    out.append("};\n\n#endif\n")
    return "\n".join(out)


def rst_example(vectors, schedules):
    """The appendix of Documentation/protocol.rst: one negotiation in full."""
    v = next(v for v in vectors if v["dh"])
    prf, suite = v["prf"], v["suite"]

    def wrap(text):
        return "\n".join("   " + text[i:i + 64] for i in range(0, len(text), 64))

    out = ["""\
.. SPDX-License-Identifier: GPL-2.0
.. Do not edit: written by selftests/make_vectors.py.

The offerer sends two lines (each is one line, folded here)::
"""]
    out += [wrap("a=" + text) for text in v["offered"]]
    out.append("\nThe answerer chooses the first one::\n")
    out.append(wrap("a=" + v["answered"]))
    for title, field in (("secret_O", "secret_o"), ("secret_A", "secret_a"),
                         ("X25519 private key of the offerer", "x25519_scalar_o"),
                         ("X25519 private key of the answerer", "x25519_scalar_a"),
                         ("dh", "dh"), ("transcript", "transcript"), ("master", "master")):
        out.append("\n%s::\n\n%s" % (title, wrap(v[field])))
    for d, sender in (("O", "offerer"), ("A", "answerer")):
        out.append("\nPackets sent by the %s: D = \"%s\", block %08x" % (sender, d, BLOCK[d]))
        for r in keys.rounds(bytes.fromhex(v["master"]), prf, suite, d, BLOCK[d], 0, 2):
            out.append("\nround %d, spi %08x, CK[%s,%d], then KEYMAT (%d octets of key, %d of salt)"
                       "::\n\n%s\n\n%s" % (r.n, r.spi, d, r.n, keys.SUITES[suite].enc,
                                          keys.SUITES[suite].salt, wrap(r.ck.hex()),
                                          wrap(r.keymat.hex())))
    return "\n".join(out) + "\n"


def files():
    vectors = list(master_vectors())
    masters = {prf: bytes.fromhex(next(v["master"] for v in vectors if v["prf"] == prf))
               for prf in keys.HASHES}
    schedules = list(schedule_vectors(masters))
    return {
        "selftests/vectors/master.json": json.dumps(vectors, indent=1) + "\n",
        "selftests/vectors/schedule.json": json.dumps(
            {"masters": {prf: m.hex() for prf, m in masters.items()}, "schedules": schedules},
            indent=1) + "\n",
        "selftests/vectors/master_vectors.h": master_header(vectors),
        "kernel/tests/kdf_vectors.h": kdf_header(masters, schedules),
        "Documentation/protocol-example.rst": rst_example(vectors, schedules),
    }


def stale():
    """Names of the committed files that differ from what is written now."""
    names = []
    for name, text in files().items():
        try:
            with open(os.path.join(TOP, name), encoding="ascii") as f:
                if f.read() == text:
                    continue
        except FileNotFoundError:
            pass
        names.append(name)
    return names


def main():
    args = argparse.ArgumentParser(description=__doc__.splitlines()[0])
    args.add_argument("--check", action="store_true", help="write nothing, name stale files")
    if args.parse_args().check:
        names = stale()
        if names:
            sys.exit("not current, run selftests/make_vectors.py: " + " ".join(names))
        return
    for name, text in files().items():
        with open(os.path.join(TOP, name), "w", encoding="ascii") as f:
            f.write(text)


if __name__ == "__main__":
    main()
