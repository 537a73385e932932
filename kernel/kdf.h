/* SPDX-License-Identifier: GPL-2.0 */
/* Key schedule: HKDF (RFC 5869) chains, Documentation/protocol.rst section 1. */
#ifndef SIPSEC_KDF_H
#define SIPSEC_KDF_H

#include <crypto/hash.h>
#include <linux/types.h>

/* Octets of the largest PRF output, HMAC-SHA2-384's. */
#define SIPSEC_KDF_MAX	48

/**
 * struct sipsec_kdf_chain - one direction's chain key
 * @key: CK[D,n]; wiped when the next one is made
 * @len: octets of @key in use, L of the PRF
 * @direction: 'O' for packets of the offerer, 'A' for the answerer's
 * @round: n, the round whose keys are derived next
 */
struct sipsec_kdf_chain {
	u8 key[SIPSEC_KDF_MAX];
	u8 len;
	char direction;
	u64 round;
};

/**
 * sipsec_kdf_alloc - get the PRF
 * @prf: enum sipsec_prf
 *
 * Context: process, may sleep.
 * Return: a keyless HMAC transform the caller frees with crypto_free_shash(), which wipes the
 *	key it was last used with, or an ERR_PTR: -EINVAL for an unknown @prf, else
 *	crypto_alloc_shash()'s.
 */
struct crypto_shash *sipsec_kdf_alloc(u32 prf);

/**
 * sipsec_kdf_chain_init - start a chain from the master secret
 * @tfm: from sipsec_kdf_alloc(); its key is a secret afterwards
 * @chain: filled; wiped on error
 * @master: L octets
 * @direction: 'O' or 'A'
 *
 * Context: any in which @tfm is the caller's alone.
 * Return: 0 or the crypto API's error.
 */
int sipsec_kdf_chain_init(struct crypto_shash *tfm, struct sipsec_kdf_chain *chain,
			  const u8 *master, char direction);

/**
 * sipsec_kdf_round - derive the keys of the chain's round and move the chain on
 * @tfm: from sipsec_kdf_alloc(); its key is a secret afterwards
 * @chain: at round n; at n + 1 afterwards, unchanged on error
 * @suite: enum sipsec_suite, part of the derivation
 * @spi: SPI of round n, host byte order
 * @keymat: filled with KEYMAT; the caller wipes it; wiped on error
 * @len: octets of KEYMAT, at most SIPSEC_KEYMAT_MAX
 *
 * Context: any in which @tfm and @chain are the caller's alone.
 * Return: 0 or the crypto API's error.
 */
int sipsec_kdf_round(struct crypto_shash *tfm, struct sipsec_kdf_chain *chain, u16 suite,
		     u32 spi, u8 *keymat, unsigned int len);

/**
 * sipsec_kdf_skip - move the chain on without deriving the round's keys
 * @tfm: from sipsec_kdf_alloc(); its key is a secret afterwards
 * @chain: at round n; at n + 1 afterwards, unchanged on error
 *
 * Context: any in which @tfm and @chain are the caller's alone.
 * Return: 0 or the crypto API's error.
 */
static inline int sipsec_kdf_skip(struct crypto_shash *tfm, struct sipsec_kdf_chain *chain)
{
	return sipsec_kdf_round(tfm, chain, 0, 0, NULL, 0);
}

#endif
