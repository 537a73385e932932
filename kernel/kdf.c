// SPDX-License-Identifier: GPL-2.0
#include <linux/kernel.h>
#include <linux/string.h>
#include <linux/unaligned.h>

#include <uapi/linux/sipsec.h>

#include "kdf.h"

/* A label of 16 octets, D, suite, SPI and round: the longest info there is. */
#define INFO_MAX	(16 + 1 + 2 + 4 + 8)

struct crypto_shash *sipsec_kdf_alloc(u32 prf)
{
	switch (prf) {
	case SIPSEC_PRF_HMAC_SHA2_256:
		return crypto_alloc_shash("hmac(sha256)", 0, 0);
	case SIPSEC_PRF_HMAC_SHA2_384:
		return crypto_alloc_shash("hmac(sha384)", 0, 0);
	}
	return ERR_PTR(-EINVAL);
}

/* HKDF-Expand, RFC 5869 section 2.3; the transform's key is PRK. */
static int expand(struct crypto_shash *tfm, const u8 *info, unsigned int info_len, u8 *out,
		  unsigned int len)
{
	unsigned int l = crypto_shash_digestsize(tfm);
	u8 t[SIPSEC_KDF_MAX];
	unsigned int done, n;
	u8 counter = 1;
	int err = 0;
	SHASH_DESC_ON_STACK(desc, tfm);

	desc->tfm = tfm;
	for (done = 0; !err && done < len; done += n, counter++) {
		n = min(len - done, l);
		err = crypto_shash_init(desc);
		if (!err && done)
			err = crypto_shash_update(desc, t, l);
		if (!err)
			err = crypto_shash_update(desc, info, info_len);
		if (!err)
			err = crypto_shash_finup(desc, &counter, 1, t);
		if (!err)
			memcpy(out + done, t, n);
	}

	shash_desc_zero(desc);
	memzero_explicit(t, sizeof(t));
	return err;
}

static u8 *put_label(u8 *p, const char *label, char direction)
{
	size_t len = strlen(label);

	memcpy(p, label, len);
	p[len] = direction;
	return p + len + 1;
}

int sipsec_kdf_chain_init(struct crypto_shash *tfm, struct sipsec_kdf_chain *chain,
			  const u8 *master, char direction)
{
	u8 info[INFO_MAX], *end;
	int err;

	chain->len = crypto_shash_digestsize(tfm);
	chain->direction = direction;
	chain->round = 0;
	end = put_label(info, "sipsec v1 chain ", direction);
	err = crypto_shash_setkey(tfm, master, chain->len);
	err = err ?: expand(tfm, info, end - info, chain->key, chain->len);
	if (err)
		memzero_explicit(chain->key, chain->len);
	return err;
}

int sipsec_kdf_round(struct crypto_shash *tfm, struct sipsec_kdf_chain *chain, u16 suite,
		     u32 spi, u8 *keymat, unsigned int len)
{
	u8 info[INFO_MAX], next[SIPSEC_KDF_MAX], *p;
	int err;

	err = crypto_shash_setkey(tfm, chain->key, chain->len);
	p = put_label(info, "sipsec v1 keys ", chain->direction);
	put_unaligned_be16(suite, p);
	put_unaligned_be32(spi, p + 2);
	put_unaligned_be64(chain->round, p + 6);
	err = err ?: expand(tfm, info, p + 14 - info, keymat, len);
	p = put_label(info, "sipsec v1 next ", chain->direction);
	put_unaligned_be64(chain->round + 1, p);
	err = err ?: expand(tfm, info, p + 8 - info, next, chain->len);
	if (err) {
		memzero_explicit(keymat, len);
	} else {
		memcpy(chain->key, next, chain->len);
		chain->round++;
	}
	memzero_explicit(next, sizeof(next));
	return err;
}
