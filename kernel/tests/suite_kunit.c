// SPDX-License-Identifier: GPL-2.0
/* The table of suites against protocol.rst, and against what xfrm knows. */
#include <kunit/test.h>
#include <net/xfrm.h>

#include <uapi/linux/sipsec-suites.h>

#include "suite.h"

/* Written down again from protocol.rst: a slip in the one table would change all users alike. */
static const struct suite_case {
	u32 id;
	const char *name;
	unsigned int enc;
	unsigned int rest;
	unsigned int icv_bits;
	u32 rotate_max;
	bool legacy;
	u8 proto;
} suite_table[] = {
	{ 1, "ESP_AES_128_GCM_16", 16, 4, 128, 1U << 28, false, IPPROTO_ESP },
	{ 2, "ESP_AES_256_GCM_16", 32, 4, 128, 1U << 28, false, IPPROTO_ESP },
	{ 3, "ESP_CHACHA20_POLY1305", 32, 4, 128, 1U << 31, false, IPPROTO_ESP },
	{ 4, "ESP_AES_128_CBC_HMAC_SHA2_256_128", 16, 32, 128, 1U << 31, false, IPPROTO_ESP },
	{ 5, "ESP_AES_256_CBC_HMAC_SHA2_512_256", 32, 64, 256, 1U << 31, false, IPPROTO_ESP },
	{ 6, "ESP_NULL_HMAC_SHA2_256_128", 0, 32, 128, 1U << 31, false, IPPROTO_ESP },
	{ 7, "ESP_NULL_AES_128_GMAC", 16, 4, 128, 1U << 31, false, IPPROTO_ESP },
	{ 8, "AH_HMAC_SHA2_256_128", 0, 32, 128, 1U << 31, false, IPPROTO_AH },
	{ 9, "ESP_AES_128_CBC_HMAC_SHA1_96", 16, 20, 96, 1U << 31, true, IPPROTO_ESP },
	{ 10, "ESP_NULL_HMAC_SHA1_96", 0, 20, 96, 1U << 31, true, IPPROTO_ESP },
};

KUNIT_ARRAY_PARAM_DESC(suite, suite_table, name);

static void suite_row(struct kunit *test)
{
	const struct suite_case *c = test->param_value;
	const struct sipsec_suite_info *suite = sipsec_suite_get(c->id);

	KUNIT_ASSERT_NOT_NULL(test, suite);
	KUNIT_EXPECT_EQ(test, suite->enc_len, c->enc);
	KUNIT_EXPECT_EQ(test, suite->salt_len + suite->auth_len, c->rest);
	KUNIT_EXPECT_EQ(test, sipsec_suite_keymat_len(suite), c->enc + c->rest);
	KUNIT_EXPECT_EQ(test, suite->icv_bits, c->icv_bits);
	KUNIT_EXPECT_EQ(test, suite->rotate_max, c->rotate_max);
	KUNIT_EXPECT_EQ(test, suite->legacy, c->legacy);
	KUNIT_EXPECT_EQ(test, sipsec_suite_proto(suite), c->proto);
	/* A salt is an AEAD's, an authentication key the other suites'. */
	KUNIT_EXPECT_EQ(test, !!suite->aead, !!suite->salt_len);
	KUNIT_EXPECT_EQ(test, !!suite->auth, !!suite->auth_len);
	KUNIT_EXPECT_NE(test, !!suite->aead, !!suite->auth);
}

static void suite_known_to_xfrm(struct kunit *test)
{
	const struct suite_case *c = test->param_value;
	const struct sipsec_suite_info *suite = sipsec_suite_get(c->id);
	struct xfrm_algo_desc *desc;

	KUNIT_ASSERT_NOT_NULL(test, suite);
	if (suite->aead) {
		desc = xfrm_aead_get_byname(suite->aead, suite->icv_bits, 1);
		KUNIT_EXPECT_NOT_NULL(test, desc);
	}
	if (suite->cipher)
		KUNIT_EXPECT_NOT_NULL(test, xfrm_ealg_get_byname(suite->cipher, 1));
	if (suite->auth) {
		desc = xfrm_aalg_get_byname(suite->auth, 1);
		KUNIT_ASSERT_NOT_NULL(test, desc);
		KUNIT_EXPECT_GE(test, desc->uinfo.auth.icv_fullbits, suite->icv_bits);
	}
}

static void suite_unknown(struct kunit *test)
{
	KUNIT_EXPECT_NULL(test, sipsec_suite_get(0));
	KUNIT_EXPECT_NULL(test, sipsec_suite_get(ARRAY_SIZE(suite_table) + 1));
	KUNIT_EXPECT_NULL(test, sipsec_suite_get(1 << 16));
	KUNIT_EXPECT_NULL(test, sipsec_suite_get(U32_MAX));
}

static void suite_keymat_max(struct kunit *test)
{
	unsigned int i, max_len = 0;

	for (i = 0; i < ARRAY_SIZE(suite_table); i++)
		max_len = max(max_len,
			      sipsec_suite_keymat_len(sipsec_suite_get(suite_table[i].id)));
	KUNIT_EXPECT_EQ(test, max_len, SIPSEC_KEYMAT_MAX);
}

static struct kunit_case suite_cases[] = {
	KUNIT_CASE_PARAM(suite_row, suite_gen_params),
	KUNIT_CASE_PARAM(suite_known_to_xfrm, suite_gen_params),
	KUNIT_CASE(suite_unknown),
	KUNIT_CASE(suite_keymat_max),
	{}
};

static struct kunit_suite suite_suite = {
	.name = "sipsec_suite",
	.test_cases = suite_cases,
};

kunit_test_suite(suite_suite);
