// SPDX-License-Identifier: GPL-2.0
/* Master secrets that were used are remembered. */
#include <kunit/test.h>
#include <linux/slab.h>
#include <linux/random.h>
#include <linux/unaligned.h>

#include <uapi/linux/sipsec.h>

#include "kdf.h"
#include "used.h"

static void forget(void *list)
{
	sipsec_used_forget(list);
	kfree(list);
}

static struct sipsec_used_list *new_list(struct kunit *test)
{
	struct sipsec_used_list *list = kzalloc(sizeof(*list), GFP_KERNEL);

	KUNIT_ASSERT_NOT_NULL(test, list);
	sipsec_used_init(list);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, forget, list), 0);
	return list;
}

static void used_once(struct kunit *test)
{
	struct sipsec_used_list *list = new_list(test);
	u8 master[SIPSEC_KDF_MAX];

	get_random_bytes(master, sizeof(master));
	KUNIT_EXPECT_EQ(test, sipsec_used_add(list, master, 32, SIPSEC_ROLE_OFFERER), 0);
	KUNIT_EXPECT_EQ(test, sipsec_used_add(list, master, 32, SIPSEC_ROLE_OFFERER),
			-EKEYREJECTED);
	KUNIT_EXPECT_EQ(test, sipsec_used_add(list, master, 32, SIPSEC_ROLE_OFFERER),
			-EKEYREJECTED);
}

/* Both ends on one host have the same secret, each in its role. */
static void used_per_role(struct kunit *test)
{
	struct sipsec_used_list *list = new_list(test);
	u8 master[SIPSEC_KDF_MAX];

	get_random_bytes(master, sizeof(master));
	KUNIT_EXPECT_EQ(test, sipsec_used_add(list, master, 32, SIPSEC_ROLE_OFFERER), 0);
	KUNIT_EXPECT_EQ(test, sipsec_used_add(list, master, 32, SIPSEC_ROLE_ANSWERER), 0);
	KUNIT_EXPECT_EQ(test, sipsec_used_add(list, master, 32, SIPSEC_ROLE_ANSWERER),
			-EKEYREJECTED);
}

static void used_whole_secret(struct kunit *test)
{
	struct sipsec_used_list *list = new_list(test);
	u8 master[SIPSEC_KDF_MAX];
	unsigned int i;

	get_random_bytes(master, sizeof(master));
	KUNIT_EXPECT_EQ(test, sipsec_used_add(list, master, sizeof(master), SIPSEC_ROLE_OFFERER),
			0);
	KUNIT_EXPECT_EQ(test, sipsec_used_add(list, master, 32, SIPSEC_ROLE_OFFERER), 0);
	for (i = 0; i < sizeof(master); i++) {
		master[i] ^= 1;
		KUNIT_EXPECT_EQ(test, sipsec_used_add(list, master, sizeof(master),
						      SIPSEC_ROLE_OFFERER), 0);
		master[i] ^= 1;
	}
	KUNIT_EXPECT_EQ(test, sipsec_used_add(list, master, sizeof(master), SIPSEC_ROLE_OFFERER),
			-EKEYREJECTED);
}

/* As many as are remembered, and the oldest is forgotten: what is kept of them has an end. */
static void used_has_an_end(struct kunit *test)
{
	struct sipsec_used_list *list = new_list(test), *other = new_list(test);
	u8 master[SIPSEC_KDF_MAX], first[SIPSEC_KDF_MAX], theirs[SIPSEC_KDF_MAX];
	int i, err = 0;

	get_random_bytes(theirs, sizeof(theirs));
	KUNIT_EXPECT_EQ(test, sipsec_used_add(other, theirs, 32, SIPSEC_ROLE_OFFERER), 0);
	get_random_bytes(first, sizeof(first));
	KUNIT_EXPECT_EQ(test, sipsec_used_add(list, first, 32, SIPSEC_ROLE_OFFERER), 0);
	memcpy(master, first, sizeof(master));
	for (i = 0; i < 65536 && !err; i++) {
		put_unaligned(get_unaligned((u32 *)master) + 1, (u32 *)master);
		err = sipsec_used_add(list, master, 32, SIPSEC_ROLE_OFFERER);
	}
	KUNIT_EXPECT_EQ(test, err, 0);
	KUNIT_EXPECT_EQ(test, sipsec_used_add(list, first, 32, SIPSEC_ROLE_OFFERER), 0);
	KUNIT_EXPECT_EQ(test, sipsec_used_add(list, master, 32, SIPSEC_ROLE_OFFERER),
			-EKEYREJECTED);
	/* Whoever fills his own list has others' remembered all the same. */
	KUNIT_EXPECT_EQ(test, sipsec_used_add(list, theirs, 32, SIPSEC_ROLE_OFFERER),
			-EKEYREJECTED);
	/* Moved to a list that has entries, the newest of both stay. */
	sipsec_used_move(other, list);
	KUNIT_EXPECT_EQ(test, sipsec_used_add(list, master, 32, SIPSEC_ROLE_OFFERER),
			-EKEYREJECTED);
	KUNIT_EXPECT_EQ(test, other->count, 65536);
	KUNIT_EXPECT_EQ(test, sipsec_used_add(list, theirs, 32, SIPSEC_ROLE_OFFERER), 0);
}

static void used_moved_is_known(struct kunit *test)
{
	struct sipsec_used_list *from = new_list(test), *to = new_list(test);
	u8 master[SIPSEC_KDF_MAX];

	get_random_bytes(master, sizeof(master));
	KUNIT_EXPECT_EQ(test, sipsec_used_add(from, master, 32, SIPSEC_ROLE_OFFERER), 0);
	sipsec_used_move(to, from);
	KUNIT_EXPECT_EQ(test, sipsec_used_add(from, master, 32, SIPSEC_ROLE_OFFERER),
			-EKEYREJECTED);
	KUNIT_EXPECT_EQ(test, from->count, 0);
	KUNIT_EXPECT_EQ(test, to->count, 1);
	sipsec_used_forget(to);
	KUNIT_EXPECT_EQ(test, to->count, 0);
	KUNIT_EXPECT_EQ(test, sipsec_used_add(from, master, 32, SIPSEC_ROLE_OFFERER), 0);
}

static struct kunit_case used_cases[] = {
	KUNIT_CASE(used_has_an_end),
	KUNIT_CASE(used_moved_is_known),
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
