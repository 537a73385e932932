/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause) */
/*
 * The one table of suites: id by enum sipsec_suite, name in SDP and on the
 * command line, octets of KEYMAT, and the algorithms as xfrm names them. The
 * key schedule takes the encryption key and the salt, or the encryption key and
 * the authentication key, from KEYMAT in that order (protocol.rst, section 1).
 */
#ifndef _UAPI_LINUX_SIPSEC_SUITES_H
#define _UAPI_LINUX_SIPSEC_SUITES_H

#ifdef __KERNEL__
#include <uapi/linux/sipsec.h>
#else
#include <linux/sipsec.h>
#endif

/*
 * AES-GCM keeps what it hides as long as a key has seen so many packets of up to 2048 octets at
 * most (RFC 9001, appendix B.1.1). A CBC key sees 2^38 blocks in 2^31 such packets, far from its
 * birthday bound of 2^64; what only authenticates, and ChaCha20, ask for no less than 2^31.
 */
#define SIPSEC_ROTATE_MAX_GCM	(1U << 28)

/*
 * X(name, encryption key octets, salt octets, authentication key octets,
 *   AEAD or NULL, cipher or NULL, authenticator or NULL, ICV bits,
 *   most packets in a round, whether it is legacy: for apps that are allowed it)
 */
#define SIPSEC_SUITES(X) \
	X(ESP_AES_128_GCM_16, 16, 4, 0, \
	  "rfc4106(gcm(aes))", NULL, NULL, 128, SIPSEC_ROTATE_MAX_GCM, 0) \
	X(ESP_AES_256_GCM_16, 32, 4, 0, \
	  "rfc4106(gcm(aes))", NULL, NULL, 128, SIPSEC_ROTATE_MAX_GCM, 0) \
	X(ESP_CHACHA20_POLY1305, 32, 4, 0, \
	  "rfc7539esp(chacha20,poly1305)", NULL, NULL, 128, SIPSEC_ROTATE_MAX, 0) \
	X(ESP_AES_128_CBC_HMAC_SHA2_256_128, 16, 0, 32, \
	  NULL, "cbc(aes)", "hmac(sha256)", 128, SIPSEC_ROTATE_MAX, 0) \
	X(ESP_AES_256_CBC_HMAC_SHA2_512_256, 32, 0, 64, \
	  NULL, "cbc(aes)", "hmac(sha512)", 256, SIPSEC_ROTATE_MAX, 0) \
	X(ESP_NULL_HMAC_SHA2_256_128, 0, 0, 32, \
	  NULL, "ecb(cipher_null)", "hmac(sha256)", 128, SIPSEC_ROTATE_MAX, 0) \
	X(ESP_NULL_AES_128_GMAC, 16, 4, 0, \
	  "rfc4543(gcm(aes))", NULL, NULL, 128, SIPSEC_ROTATE_MAX, 0) \
	X(AH_HMAC_SHA2_256_128, 0, 0, 32, \
	  NULL, NULL, "hmac(sha256)", 128, SIPSEC_ROTATE_MAX, 0) \
	X(ESP_AES_128_CBC_HMAC_SHA1_96, 16, 0, 20, \
	  NULL, "cbc(aes)", "hmac(sha1)", 96, SIPSEC_ROTATE_MAX, 1) \
	X(ESP_NULL_HMAC_SHA1_96, 0, 0, 20, \
	  NULL, "ecb(cipher_null)", "hmac(sha1)", 96, SIPSEC_ROTATE_MAX, 1)

/* Most octets of KEYMAT any suite takes. */
#define SIPSEC_KEYMAT_MAX	96

#endif /* _UAPI_LINUX_SIPSEC_SUITES_H */
