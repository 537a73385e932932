#!/usr/bin/env python3
# SPDX-License-Identifier: GPL-2.0
"""Tests of sipsec_keys.py: vectors of the RFCs, and the schedule against itself."""

import json
import os
import unittest

import make_vectors
import sipsec_keys as keys

h = bytes.fromhex
VECTORS = os.path.join(os.path.dirname(os.path.abspath(__file__)), "vectors")


class Hkdf(unittest.TestCase):
    """RFC 5869, appendix A: the SHA-256 cases, and case 4 to see another hash."""

    CASES = (
        ("sha256", "0b" * 22, "000102030405060708090a0b0c", "f0f1f2f3f4f5f6f7f8f9", 42,
         "077709362c2e32df0ddc3f0dc47bba6390b6c73bb50f9c3122ec844ad7c2b3e5",
         "3cb25f25faacd57a90434f64d0362f2a2d2d0a90cf1a5a4c5db02d56ecc4c5bf34007208d5b887185865"),
        ("sha256", bytes(range(0x00, 0x50)).hex(), bytes(range(0x60, 0xb0)).hex(),
         bytes(range(0xb0, 0x100)).hex(), 82,
         "06a6b88c5853361a06104c9ceb35b45cef760014904671014a193f40c15fc244",
         "b11e398dc80327a1c8e7f78c596a49344f012eda2d4efad8a050cc4c19afa97c"
         "59045a99cac7827271cb41c65e590e09da3275600c2f09b8367793a9aca3db71"
         "cc30c58179ec3e87c14c01d5c1f3434f1d87"),
        ("sha256", "0b" * 22, "", "", 42,
         "19ef24a32c717b167f33a91d6f648bdf96596776afdb6377ac434c1c293ccb04",
         "8da4e775a563c18f715f802a063c5a31b8a11f5c5ee1879ec3454e5f3c738d2d9d201395faa4b61a96c8"),
        ("sha1", "0b" * 11, "000102030405060708090a0b0c", "f0f1f2f3f4f5f6f7f8f9", 42,
         "9b6c18c432a7bf8f0e71c8eb88f4b30baa2ba243",
         "085a01ea1b10f36933068b56efa5ad81a4f14b822f5b091568a9cdd4f155fda2c22e422478d305f3f896"),
    )

    def test_rfc5869(self):
        for hash_name, ikm, salt, info, length, prk, okm in self.CASES:
            with self.subTest(hash_name=hash_name, length=length, salt=salt):
                self.assertEqual(keys.hkdf_extract(hash_name, h(salt), h(ikm)).hex(), prk)
                self.assertEqual(keys.hkdf_expand(hash_name, h(prk), h(info), length).hex(), okm)

    def test_length_limit(self):
        self.assertEqual(len(keys.hkdf_expand("sha256", bytes(32), b"", 255 * 32)), 255 * 32)
        with self.assertRaises(ValueError):
            keys.hkdf_expand("sha256", bytes(32), b"", 255 * 32 + 1)


class X25519(unittest.TestCase):
    """RFC 7748, sections 5.2 and 6.1."""

    def test_function(self):
        self.assertEqual(keys.x25519(
            h("a546e36bf0527c9d3b16154b82465edd62144c0ac1fc5a18506a2244ba449ac4"),
            h("e6db6867583030db3594c1a424b15f7c726624ec26b3353b10a903a6d0ab1c4c")).hex(),
            "c3da55379de9c6908e94ea4df28d084f32eccf03491c71f754b4075577a28552")
        self.assertEqual(keys.x25519(
            h("4b66e9d4d1b4673c5ad22691957d6af5c11b6421e0ea01d42ca4169e7918ba0d"),
            h("e5210f12786811d3f4b7959d0538ae2c31dbe7106fc03c3efc4cd549c715a493")).hex(),
            "95cbde9476e8907d7aade45cb4b873f88b595a68799fa152e6f8f7647aac7957")

    def test_iterated(self):
        k = u = keys.X25519_BASE
        for i in range(1000):
            k, u = keys.x25519(k, u), k
            if i == 0:
                self.assertEqual(
                    k.hex(), "422c8e7a6227d7bca1350b3e2bb7279f7897b87bb6854b783c60e80311ae3079")
        self.assertEqual(
            k.hex(), "684cf59ba83309552800ef566f2f4d3c1c3887c49360e3875f2eb94d99532c51")

    def test_diffie_hellman(self):
        a = h("77076d0a7318a57d3c16c17251b26645df4c2f87ebc0992ab177fba51db92c2a")
        b = h("5dab087e624a8a4b79e17f8b83800ee66f3bb1292618b6fd1c2f8b27ff88e0eb")
        pub_a, pub_b = keys.x25519(a, keys.X25519_BASE), keys.x25519(b, keys.X25519_BASE)
        self.assertEqual(
            pub_a.hex(), "8520f0098930a754748b7ddcb43ef75a0dbf3a0d26381af4eba4a98eaa9b4e6a")
        self.assertEqual(
            pub_b.hex(), "de9edb7d7b7dc1b4d35b61c2ece435373f8343c85b78674dadfc7e146f882b4f")
        for shared in (keys.x25519_shared(a, pub_b), keys.x25519_shared(b, pub_a)):
            self.assertEqual(
                shared.hex(), "4a5d9d5ba4ce2de1728e3bf480350f25e07e21c947d19e3376f09b3c1e161742")

    def test_zero_output_is_refused(self):
        for order_small in (bytes(32), (1).to_bytes(32, "little")):
            with self.assertRaises(ValueError):
                keys.x25519_shared(make_vectors.octets("scalar O"), order_small)


class Schedule(unittest.TestCase):
    LINE_O = b"ipsec-sa:1 ESP_AES_128_GCM_16 inline:" + b"A" * 43 + b"= spi=5d1c2a00"
    LINE_A = b"ipsec-sa:1 ESP_AES_128_GCM_16 inline:" + b"B" * 43 + b"= spi=2b7e1500"

    def test_any_change_of_a_line_changes_the_transcript(self):
        seen = set()
        for offered, answered in (
                ([self.LINE_O], self.LINE_A), ([self.LINE_O + b" "], self.LINE_A),
                ([self.LINE_O], self.LINE_A + b" "), ([self.LINE_O, self.LINE_O], self.LINE_A),
                ([self.LINE_O, self.LINE_A], self.LINE_A),
                ([self.LINE_A, self.LINE_O], self.LINE_A), ([], self.LINE_A),
                ([self.LINE_A], self.LINE_O)):
            seen.add(keys.transcript(offered, answered, "sha256"))
        self.assertEqual(len(seen), 8)

    def test_transcript_refuses_what_is_no_line(self):
        for bad in (b"a=" + self.LINE_O, self.LINE_O + b"\r", self.LINE_O + b"\n"):
            with self.assertRaises(ValueError):
                keys.transcript([bad], self.LINE_A, "sha256")
            with self.assertRaises(ValueError):
                keys.transcript([self.LINE_O], bad, "sha256")

    def test_parse_line(self):
        tag, suite, secret, params = keys.parse_line(self.LINE_O + b" rotate=2^20")
        self.assertEqual((tag, suite, secret), (1, "ESP_AES_128_GCM_16", bytes(32)))
        self.assertEqual(params, {"spi": "5d1c2a00", "rotate": "2^20"})
        for bad in (b"ipsec-sa:0" + self.LINE_O[10:], self.LINE_O + b" spi=5d1c2a00",
                    self.LINE_O.replace(b"=", b"", 1), self.LINE_O + b" esn"):
            with self.assertRaises(ValueError):
                keys.parse_line(bad)

    def test_spi_wraps_within_the_block(self):
        self.assertEqual([keys.spi(0x5d1c2a00, n) for n in (0, 255, 256, 257, 1000)],
                         [0x5d1c2a00, 0x5d1c2aff, 0x5d1c2a00, 0x5d1c2a01, 0x5d1c2ae8])
        for block in (0, 0x5d1c2a01, 0x80, 1 << 32):
            with self.assertRaises(ValueError):
                keys.spi(block, 0)

    def test_every_key_is_another(self):
        for prf, size in (("HMAC_SHA2_256", 32), ("HMAC_SHA2_384", 48)):
            seen = set()
            for direction in "OA":
                for r in keys.rounds(bytes(size), prf, 1, direction, 0x100, 0, 300):
                    self.assertEqual((len(r.ck), len(r.keymat)), (size, 20))
                    seen.update((r.ck, r.keymat))
            self.assertEqual(len(seen), 2 * 2 * 300)

    def test_start_in_the_middle(self):
        whole = list(keys.rounds(bytes(32), "HMAC_SHA2_256", 3, "A", 0x100, 0, 300))
        self.assertEqual(whole[250:], list(keys.rounds(bytes(32), "HMAC_SHA2_256", 3, "A", 0x100,
                                                       250, 50)))

    def test_wrong_arguments(self):
        for args in ((bytes(31), "HMAC_SHA2_256", 1, "O", 0x100),
                     (bytes(32), "HMAC_SHA2_384", 1, "O", 0x100),
                     (bytes(32), "HMAC_SHA2_256", 1, "o", 0x100),
                     (bytes(32), "HMAC_SHA2_256", 1, "O", 0x101)):
            with self.assertRaises(ValueError):
                next(keys.rounds(*args))

    def test_xfrm_words(self):
        for suite in keys.SUITES:
            key = bytes(range(keys.keymat_len(suite)))
            words = keys.xfrm_algorithms(suite, key)
            octets = sum((len(w) - 2) // 2 for w in words.split() if w.startswith("0x"))
            self.assertEqual(octets, len(key))
        self.assertEqual(keys.xfrm_algorithms(1, bytes(20)),
                         "aead 'rfc4106(gcm(aes))' 0x%s 128" % ("00" * 20))


class Committed(unittest.TestCase):
    def test_files_are_current(self):
        self.assertEqual(make_vectors.stale(), [])

    def test_every_suite_and_round_is_there(self):
        with open(os.path.join(VECTORS, "schedule.json"), encoding="ascii") as f:
            schedules = json.load(f)["schedules"]
        self.assertEqual({(s["prf"], s["suite"], s["direction"]) for s in schedules},
                         {(p, s, d) for p in keys.HASHES for s in range(1, 11) for d in "OA"})
        lengths = {1: 20, 2: 36, 3: 36, 4: 48, 5: 96, 6: 32, 7: 20, 8: 32, 9: 36, 10: 20}
        for s in schedules:
            self.assertEqual([r["n"] for r in s["rounds"]], [0, 1, 2, 255, 256, 257, 1000])
            for r in s["rounds"]:
                self.assertEqual(len(r["keymat"]) // 2, lengths[s["suite"]])


if __name__ == "__main__":
    unittest.main()
