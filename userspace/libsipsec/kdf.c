// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <string.h>
#include <sys/random.h>

#include <openssl/core_names.h>
#include <openssl/err.h>
#include <openssl/evp.h>
#include <openssl/kdf.h>

#include <linux/sipsec.h>

#include "kdf.h"

#define LABEL	"sipsec v1"

static const EVP_MD *hash(uint32_t prf)
{
	return prf == SIPSEC_PRF_HMAC_SHA2_384 ? EVP_sha384() : EVP_sha256();
}

size_t sipsec_kdf_len(uint32_t prf)
{
	return EVP_MD_get_size(hash(prf));
}

static int hash_line(EVP_MD_CTX *ctx, const char *line)
{
	return EVP_DigestUpdate(ctx, line, strlen(line)) && EVP_DigestUpdate(ctx, "\n", 1);
}

int sipsec_kdf_transcript(uint32_t prf, const char *const *offered, size_t n,
			  const char *answered, uint8_t transcript[SIPSEC_MASTER_MAX])
{
	EVP_MD_CTX *ctx = EVP_MD_CTX_new();
	int ok;

	if (!ctx)
		return -ENOMEM;
	/* sizeof, as the 0x00 behind the label is hashed */
	ok = EVP_DigestInit_ex(ctx, hash(prf), NULL) &&
	     EVP_DigestUpdate(ctx, LABEL, sizeof(LABEL));
	for (size_t i = 0; ok && i < n; i++)
		ok = hash_line(ctx, offered[i]);
	ok = ok && EVP_DigestUpdate(ctx, "", 1) && hash_line(ctx, answered) &&
	     EVP_DigestFinal_ex(ctx, transcript, NULL);
	EVP_MD_CTX_free(ctx);
	return ok ? 0 : -EIO;
}

static int hkdf_extract(uint32_t prf, const uint8_t *salt, const uint8_t *ikm, size_t ikm_len,
			uint8_t *out)
{
	EVP_KDF *kdf = EVP_KDF_fetch(NULL, "HKDF", NULL);
	EVP_KDF_CTX *ctx = kdf ? EVP_KDF_CTX_new(kdf) : NULL;
	char mode[] = "EXTRACT_ONLY";
	OSSL_PARAM params[] = {
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_MODE, mode, 0),
		OSSL_PARAM_construct_utf8_string(OSSL_KDF_PARAM_DIGEST,
						 (char *)EVP_MD_get0_name(hash(prf)), 0),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_SALT, (void *)salt,
						  sipsec_kdf_len(prf)),
		OSSL_PARAM_construct_octet_string(OSSL_KDF_PARAM_KEY, (void *)ikm, ikm_len),
		OSSL_PARAM_construct_end(),
	};
	int err = -ENOMEM;

	if (ctx)
		err = EVP_KDF_derive(ctx, out, sipsec_kdf_len(prf), params) > 0 ? 0 : -EIO;
	EVP_KDF_CTX_free(ctx);
	EVP_KDF_free(kdf);
	return err;
}

int sipsec_kdf_master(uint32_t prf, const uint8_t transcript[SIPSEC_MASTER_MAX],
		      const uint8_t secret_o[SIPSEC_SECRET_LEN],
		      const uint8_t secret_a[SIPSEC_SECRET_LEN], const uint8_t *dh,
		      uint8_t master[SIPSEC_MASTER_MAX])
{
	uint8_t ikm[3 * SIPSEC_SECRET_LEN];
	size_t len = sizeof(ikm) - SIPSEC_SECRET_LEN;
	int err;

	memcpy(ikm, secret_o, SIPSEC_SECRET_LEN);
	memcpy(ikm + SIPSEC_SECRET_LEN, secret_a, SIPSEC_SECRET_LEN);
	if (dh) {
		memcpy(ikm + len, dh, SIPSEC_SECRET_LEN);
		len += SIPSEC_SECRET_LEN;
	}
	err = hkdf_extract(prf, transcript, ikm, len, master);
	OPENSSL_cleanse(ikm, sizeof(ikm));
	return err;
}

int sipsec_kdf_random(uint8_t octets[SIPSEC_SECRET_LEN])
{
	ssize_t n;

	/* Up to 256 octets come whole; only the wait for a seeded pool can be interrupted. */
	do
		n = getrandom(octets, SIPSEC_SECRET_LEN, 0);
	while (n < 0 && errno == EINTR);
	return n < 0 ? -errno : 0;
}

int sipsec_kdf_dh_public(const uint8_t private_key[SIPSEC_SECRET_LEN],
			 uint8_t public_key[SIPSEC_SECRET_LEN])
{
	EVP_PKEY *key = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, private_key,
						     SIPSEC_SECRET_LEN);
	size_t len = SIPSEC_SECRET_LEN;
	int err = -ENOMEM;

	if (key)
		err = EVP_PKEY_get_raw_public_key(key, public_key, &len) > 0 ? 0 : -EIO;
	EVP_PKEY_free(key);
	return err;
}

int sipsec_kdf_dh(const uint8_t private_key[SIPSEC_SECRET_LEN],
		  const uint8_t peer[SIPSEC_SECRET_LEN], uint8_t out[SIPSEC_SECRET_LEN])
{
	static const uint8_t zero[SIPSEC_SECRET_LEN];
	EVP_PKEY *ours = EVP_PKEY_new_raw_private_key(EVP_PKEY_X25519, NULL, private_key,
						      SIPSEC_SECRET_LEN);
	EVP_PKEY *theirs = EVP_PKEY_new_raw_public_key(EVP_PKEY_X25519, NULL, peer,
						       SIPSEC_SECRET_LEN);
	EVP_PKEY_CTX *ctx = ours ? EVP_PKEY_CTX_new(ours, NULL) : NULL;
	size_t len = SIPSEC_SECRET_LEN;
	int err = -ENOMEM;

	/* A peer must not be able to leave errors where the caller's TLS code looks for its own. */
	ERR_set_mark();
	if (!ctx || !theirs)
		goto free;
	err = -EIO;
	if (EVP_PKEY_derive_init(ctx) <= 0 || EVP_PKEY_derive_set_peer_ex(ctx, theirs, 0) <= 0)
		goto free;
	/* OpenSSL fails where the result is all zero, and has nothing else to fail of. */
	if (EVP_PKEY_derive(ctx, out, &len) <= 0 || len != SIPSEC_SECRET_LEN ||
	    !CRYPTO_memcmp(out, zero, sizeof(zero)))
		err = -EBADMSG;
	else
		err = 0;
free:
	ERR_pop_to_mark();
	EVP_PKEY_CTX_free(ctx);
	EVP_PKEY_free(theirs);
	EVP_PKEY_free(ours);
	return err;
}
