// SPDX-License-Identifier: GPL-2.0
/* Master secrets that were used are remembered. */
#include <kunit/test.h>
#include <linux/random.h>

#include <uapi/linux/sipsec.h>

#include "kdf.h"
#include "used.h"

static void used_once(struct kunit *test)
{
	u8 master[SIPSEC_KDF_MAX];

	get_random_bytes(master, sizeof(master));
	KUNIT_EXPECT_EQ(test, sipsec_used_add(master, 32, SIPSEC_ROLE_OFFERER), 0);
	KUNIT_EXPECT_EQ(test, sipsec_used_add(master, 32, SIPSEC_ROLE_OFFERER), -EKEYREJECTED);
	KUNIT_EXPECT_EQ(test, sipsec_used_add(master, 32, SIPSEC_ROLE_OFFERER), -EKEYREJECTED);
}

/* Both ends on one host have the same secret, each in its role. */
static void used_per_role(struct kunit *test)
{
	u8 master[SIPSEC_KDF_MAX];

	get_random_bytes(master, sizeof(master));
	KUNIT_EXPECT_EQ(test, sipsec_used_add(master, 32, SIPSEC_ROLE_OFFERER), 0);
	KUNIT_EXPECT_EQ(test, sipsec_used_add(master, 32, SIPSEC_ROLE_ANSWERER), 0);
	KUNIT_EXPECT_EQ(test, sipsec_used_add(master, 32, SIPSEC_ROLE_ANSWERER), -EKEYREJECTED);
}

static void used_whole_secret(struct kunit *test)
{
	u8 master[SIPSEC_KDF_MAX];
	unsigned int i;

	get_random_bytes(master, sizeof(master));
	KUNIT_EXPECT_EQ(test, sipsec_used_add(master, sizeof(master), SIPSEC_ROLE_OFFERER), 0);
	KUNIT_EXPECT_EQ(test, sipsec_used_add(master, 32, SIPSEC_ROLE_OFFERER), 0);
	for (i = 0; i < sizeof(master); i++) {
		master[i] ^= 1;
		KUNIT_EXPECT_EQ(test, sipsec_used_add(master, sizeof(master),
						      SIPSEC_ROLE_OFFERER), 0);
		master[i] ^= 1;
	}
	KUNIT_EXPECT_EQ(test, sipsec_used_add(master, sizeof(master), SIPSEC_ROLE_OFFERER),
			-EKEYREJECTED);
}

static struct kunit_case used_cases[] = {
	KUNIT_CASE(used_once),
	KUNIT_CASE(used_per_role),
	KUNIT_CASE(used_whole_secret),
	{}
};

static struct kunit_suite used_suite = {
	.name = "sipsec_used",
	.test_cases = used_cases,
};

kunit_test_suite(used_suite);
