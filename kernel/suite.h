/* SPDX-License-Identifier: GPL-2.0 */
/* The table of uapi/linux/sipsec-suites.h as the kernel uses it. */
#ifndef SIPSEC_SUITE_H
#define SIPSEC_SUITE_H

#include <linux/in.h>
#include <linux/types.h>

#include <uapi/linux/sipsec.h>

/**
 * struct sipsec_suite_info - one suite
 * @enc_len: octets of the encryption key
 * @salt_len: octets of the salt (AEAD), which follows the key in KEYMAT
 * @auth_len: octets of the authentication key
 * @aead: xfrm's name of the AEAD, or NULL
 * @cipher: xfrm's name of the cipher, or NULL
 * @auth: xfrm's name of the authenticator, or NULL
 * @icv_bits: length of the ICV
 * @rotate_max: most packets in a round
 * @legacy: only for apps that the administrator allows it
 */
struct sipsec_suite_info {
	u8 enc_len;
	u8 salt_len;
	u8 auth_len;
	const char *aead;
	const char *cipher;
	const char *auth;
	u16 icv_bits;
	u32 rotate_max;
	bool legacy;
};

/**
 * sipsec_suite_get - look a suite up
 * @id: enum sipsec_suite
 *
 * Return: the suite, or NULL for a number that names none.
 */
const struct sipsec_suite_info *sipsec_suite_get(u32 id);

/**
 * sipsec_suite_keymat_len - octets of KEYMAT a suite takes
 * @suite: the suite
 *
 * Return: at most SIPSEC_KEYMAT_MAX.
 */
static inline unsigned int sipsec_suite_keymat_len(const struct sipsec_suite_info *suite)
{
	return suite->enc_len + suite->salt_len + suite->auth_len;
}

/**
 * sipsec_suite_proto - the IP protocol a suite is of
 * @suite: the suite
 *
 * Return: IPPROTO_ESP or IPPROTO_AH.
 */
static inline u8 sipsec_suite_proto(const struct sipsec_suite_info *suite)
{
	return suite->aead || suite->cipher ? IPPROTO_ESP : IPPROTO_AH;
}

#endif
