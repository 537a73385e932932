/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * From two secrets and the lines that carried them to the master secret (protocol.rst, section 1).
 * Chain and session keys are the kernel's: nothing in userspace derives them.
 */
#ifndef SIPSEC_KDF_H
#define SIPSEC_KDF_H

#include <stddef.h>
#include <stdint.h>

#include "sdp.h"

#define SIPSEC_MASTER_MAX	48

/* Octets of a master secret: L of the prf. */
size_t sipsec_kdf_len(uint32_t prf);

/* Hash over what was offered and answered, sipsec_kdf_len() octets. 0, -ENOMEM or -EIO. */
int sipsec_kdf_transcript(uint32_t prf, const char *const *offered, size_t n,
			  const char *answered, uint8_t transcript[SIPSEC_MASTER_MAX]);

/* dh: the X25519 output, or NULL. master: sipsec_kdf_len() octets. 0, -ENOMEM or -EIO. */
int sipsec_kdf_master(uint32_t prf, const uint8_t transcript[SIPSEC_MASTER_MAX],
		      const uint8_t secret_o[SIPSEC_SECRET_LEN],
		      const uint8_t secret_a[SIPSEC_SECRET_LEN], const uint8_t *dh,
		      uint8_t master[SIPSEC_MASTER_MAX]);

/* Fresh random octets. 0 or -errno of getrandom(). */
int sipsec_kdf_random(uint8_t octets[SIPSEC_SECRET_LEN]);

/* Public key of a private one (RFC 7748). 0, -ENOMEM or -EIO. */
int sipsec_kdf_dh_public(const uint8_t private_key[SIPSEC_SECRET_LEN],
			 uint8_t public_key[SIPSEC_SECRET_LEN]);

/* X25519. -EBADMSG: the result is all zero, the peer's key is no good. Else 0, -ENOMEM or -EIO. */
int sipsec_kdf_dh(const uint8_t private_key[SIPSEC_SECRET_LEN],
		  const uint8_t peer[SIPSEC_SECRET_LEN], uint8_t out[SIPSEC_SECRET_LEN]);

#endif
