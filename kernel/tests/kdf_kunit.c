// SPDX-License-Identifier: GPL-2.0
/* Key schedule against the vectors of an independent program. */
#include <crypto/internal/hash.h>
#include <kunit/test.h>
#include <linux/module.h>
#include <linux/string.h>

#include <uapi/linux/sipsec-suites.h>

#include "kdf.h"
#include "kdf_vectors.h"
#include "round.h"

static const struct kdf_master *master_of(u32 prf)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(kdf_masters); i++)
		if (kdf_masters[i].prf == prf)
			return &kdf_masters[i];
	return NULL;
}

static void free_tfm(void *tfm)
{
	crypto_free_shash(tfm);
}

static struct crypto_shash *prf_get(struct kunit *test, u32 prf)
{
	struct crypto_shash *tfm = sipsec_kdf_alloc(prf);

	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, tfm);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, free_tfm, tfm), 0);
	return tfm;
}

static void start(struct kunit *test, struct crypto_shash *tfm, struct sipsec_kdf_chain *chain,
		  u32 prf, char direction)
{
	const struct kdf_master *master = master_of(prf);

	KUNIT_ASSERT_NOT_NULL(test, master);
	KUNIT_ASSERT_EQ(test, (size_t)crypto_shash_digestsize(tfm), master->len);
	KUNIT_ASSERT_EQ(test, sipsec_kdf_chain_init(tfm, chain, master->master, direction), 0);
	KUNIT_EXPECT_EQ(test, chain->round, 0);
}

static void kdf_vector(struct kunit *test)
{
	const struct kdf_vector *v = test->param_value;
	struct crypto_shash *tfm = prf_get(test, v->prf);
	u8 keymat[SIPSEC_KEYMAT_MAX];
	struct sipsec_kdf_chain chain;
	u32 spi;

	start(test, tfm, &chain, v->prf, v->direction);
	do {
		spi = sipsec_round_spi(v->block, chain.round);
		KUNIT_ASSERT_EQ(test, sipsec_kdf_round(tfm, &chain, v->suite, spi, keymat,
						       v->keymat_len), 0);
	} while (chain.round <= v->n);
	KUNIT_EXPECT_EQ(test, spi, v->spi);
	KUNIT_EXPECT_MEMEQ(test, keymat, v->keymat, v->keymat_len);
}

static void vector_name(const struct kdf_vector *v, char *name)
{
	snprintf(name, KUNIT_PARAM_DESC_SIZE, "prf %u suite %u %c round %llu", v->prf, v->suite,
		 v->direction, v->n);
}

KUNIT_ARRAY_PARAM(kdf_vector, kdf_vectors, vector_name);

static void kdf_unknown_prf(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, PTR_ERR(sipsec_kdf_alloc(0)), -EINVAL);
	KUNIT_EXPECT_EQ(test, PTR_ERR(sipsec_kdf_alloc(SIPSEC_PRF_HMAC_SHA2_384 + 1)), -EINVAL);
	KUNIT_EXPECT_EQ(test, PTR_ERR(sipsec_kdf_alloc(U32_MAX)), -EINVAL);
}

/* A group's chains share one transform: none may depend on what another left there. */
static void kdf_shared_transform(struct kunit *test)
{
	struct crypto_shash *tfm = prf_get(test, SIPSEC_PRF_HMAC_SHA2_256);
	struct crypto_shash *own = prf_get(test, SIPSEC_PRF_HMAC_SHA2_256);
	struct sipsec_kdf_chain out, in, alone;
	u8 keymat[32], other[32], wanted[32];
	unsigned int i;

	start(test, tfm, &out, SIPSEC_PRF_HMAC_SHA2_256, 'O');
	start(test, tfm, &in, SIPSEC_PRF_HMAC_SHA2_256, 'A');
	start(test, own, &alone, SIPSEC_PRF_HMAC_SHA2_256, 'O');
	for (i = 0; i < 8; i++) {
		KUNIT_ASSERT_EQ(test, sipsec_kdf_round(tfm, &out, 1, 256 + i, keymat,
						       sizeof(keymat)), 0);
		KUNIT_ASSERT_EQ(test, sipsec_kdf_round(tfm, &in, 1, 256 + i, other,
						       sizeof(other)), 0);
		KUNIT_ASSERT_EQ(test, sipsec_kdf_round(own, &alone, 1, 256 + i, wanted,
						       sizeof(wanted)), 0);
		KUNIT_EXPECT_MEMEQ(test, keymat, wanted, sizeof(wanted));
		KUNIT_EXPECT_MEMNEQ(test, keymat, other, sizeof(other));
	}
}

/* All that goes into the derivation changes its result. */
static void kdf_depends_on_all(struct kunit *test)
{
	struct crypto_shash *tfm = prf_get(test, SIPSEC_PRF_HMAC_SHA2_256);
	static const struct {
		u16 suite;
		u32 spi;
		u64 round;
	} variants[] = { { 1, 256, 0 }, { 2, 256, 0 }, { 1, 257, 0 }, { 1, 256, 1ULL << 32 } };
	u8 keymat[ARRAY_SIZE(variants)][32];
	struct sipsec_kdf_chain chain;
	unsigned int i, j;

	for (i = 0; i < ARRAY_SIZE(variants); i++) {
		start(test, tfm, &chain, SIPSEC_PRF_HMAC_SHA2_256, 'O');
		chain.round = variants[i].round;
		KUNIT_ASSERT_EQ(test, sipsec_kdf_round(tfm, &chain, variants[i].suite,
						       variants[i].spi, keymat[i],
						       sizeof(keymat[i])), 0);
		for (j = 0; j < i; j++)
			KUNIT_EXPECT_MEMNEQ(test, keymat[i], keymat[j], sizeof(keymat[i]));
	}
}

/* A round that is skipped leads to the same keys as one that is derived. */
static void kdf_skip(struct kunit *test)
{
	struct crypto_shash *tfm = prf_get(test, SIPSEC_PRF_HMAC_SHA2_384);
	struct sipsec_kdf_chain derived, skipped;
	u8 keymat[32];
	int i;

	start(test, tfm, &derived, SIPSEC_PRF_HMAC_SHA2_384, 'A');
	skipped = derived;
	for (i = 0; i < 127; i++) {
		KUNIT_ASSERT_EQ(test, sipsec_kdf_round(tfm, &derived, 1, 256 + i, keymat,
						       sizeof(keymat)), 0);
		KUNIT_ASSERT_EQ(test, sipsec_kdf_skip(tfm, &skipped), 0);
	}
	KUNIT_EXPECT_EQ(test, skipped.round, 127);
	KUNIT_EXPECT_MEMEQ(test, &skipped, &derived, sizeof(derived));
}

/* Octets after what was asked for belong to somebody else. */
static void kdf_length(struct kunit *test)
{
	struct crypto_shash *tfm = prf_get(test, SIPSEC_PRF_HMAC_SHA2_256);
	struct sipsec_kdf_chain chain;
	u8 keymat[SIPSEC_KEYMAT_MAX], whole[SIPSEC_KEYMAT_MAX];
	unsigned int len, i;

	start(test, tfm, &chain, SIPSEC_PRF_HMAC_SHA2_256, 'A');
	KUNIT_ASSERT_EQ(test, sipsec_kdf_round(tfm, &chain, 1, 256, whole, sizeof(whole)), 0);
	for (len = 1; len < sizeof(keymat); len++) {
		memset(keymat, 0x5a, sizeof(keymat));
		start(test, tfm, &chain, SIPSEC_PRF_HMAC_SHA2_256, 'A');
		KUNIT_ASSERT_EQ(test, sipsec_kdf_round(tfm, &chain, 1, 256, keymat, len), 0);
		KUNIT_EXPECT_MEMEQ(test, keymat, whole, len);
		for (i = len; i < sizeof(keymat); i++)
			KUNIT_EXPECT_EQ(test, keymat[i], 0x5a);
	}
}

/* A keyed hash whose nth operation fails. */
static unsigned int operations, fails_at;

static int operation(void)
{
	return ++operations == fails_at ? -ENODEV : 0;
}

static int failing_setkey(struct crypto_shash *tfm, const u8 *key, unsigned int len)
{
	return operation();
}

static int failing_init(struct shash_desc *desc)
{
	return operation();
}

static int failing_update(struct shash_desc *desc, const u8 *data, unsigned int len)
{
	return operation();
}

static int failing_final(struct shash_desc *desc, u8 *out)
{
	memset(out, 0x5a, 32);
	return operation();
}

static struct shash_alg failing_alg = {
	.digestsize = 32,
	.init = failing_init,
	.update = failing_update,
	.final = failing_final,
	.setkey = failing_setkey,
	.base = {
		.cra_name = "sipsec-failing",
		.cra_driver_name = "sipsec-failing-kunit",
		.cra_blocksize = 1,
		.cra_module = THIS_MODULE,
	},
};

static void unregister_failing(void *unused)
{
	crypto_unregister_shash(&failing_alg);
}

/* Whatever fails, no key is left behind, and the chain is where it was. */
static void kdf_fails_clean(struct kunit *test)
{
	static const u8 master[32] = { 1 };
	struct sipsec_kdf_chain chain, before;
	u8 keymat[SIPSEC_KEYMAT_MAX];
	struct crypto_shash *tfm;
	int err = -ENODEV;

	KUNIT_ASSERT_EQ(test, crypto_register_shash(&failing_alg), 0);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, unregister_failing, NULL), 0);
	tfm = crypto_alloc_shash("sipsec-failing", 0, 0);
	KUNIT_ASSERT_NOT_ERR_OR_NULL(test, tfm);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, free_tfm, tfm), 0);

	for (fails_at = 1; err && fails_at < 100; fails_at++) {
		operations = 0;
		memset(chain.key, 0x33, sizeof(chain.key));
		err = sipsec_kdf_chain_init(tfm, &chain, master, 'O');
		KUNIT_EXPECT_EQ(test, !memchr_inv(chain.key, 0, 32), !!err);
	}
	KUNIT_EXPECT_GT(test, fails_at, 5);
	KUNIT_EXPECT_EQ(test, err, 0);

	before = chain;
	err = -ENODEV;
	for (fails_at = 1; err && fails_at < 100; fails_at++) {
		operations = 0;
		memset(keymat, 0x33, sizeof(keymat));
		err = sipsec_kdf_round(tfm, &chain, 1, 256, keymat, sizeof(keymat));
		KUNIT_EXPECT_EQ(test, !memchr_inv(keymat, 0, sizeof(keymat)), !!err);
		KUNIT_EXPECT_EQ(test, chain.round == before.round &&
				!memcmp(chain.key, before.key, sizeof(chain.key)), !!err);
	}
	KUNIT_EXPECT_GT(test, fails_at, 20);
	KUNIT_EXPECT_EQ(test, err, 0);
}

static struct kunit_case kdf_cases[] = {
	KUNIT_CASE_PARAM(kdf_vector, kdf_vector_gen_params),
	KUNIT_CASE(kdf_unknown_prf),
	KUNIT_CASE(kdf_shared_transform),
	KUNIT_CASE(kdf_depends_on_all),
	KUNIT_CASE(kdf_skip),
	KUNIT_CASE(kdf_length),
	KUNIT_CASE(kdf_fails_clean),
	{}
};

static struct kunit_suite kdf_suite = {
	.name = "sipsec_kdf",
	.test_cases = kdf_cases,
};

kunit_test_suite(kdf_suite);
