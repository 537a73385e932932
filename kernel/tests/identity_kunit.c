// SPDX-License-Identifier: GPL-2.0
/* Identities of peers: those of RFC 3261, 7542, 3435 and 3525, and what is not text. */
#include <kunit/test.h>

#include "identity.h"

static const struct identity {
	const char *name;
	const char *text;
	bool good;
} identities[] = {
	{ "SIP URI", "sip:alice@example.com;transport=tcp", true },
	{ "NAI", "alice@example.net", true },
	{ "MGCP endpoint", "aaln/1@rgw.example.com", true },
	{ "Megaco MID", "[192.0.2.1]:2944", true },
	{ "blank", "a b", true },
	{ "two octets", "b\xc3\xbcro", true },
	{ "first of two octets", "\xc2\xa0", true },
	{ "three octets", "\xe2\x82\xac", true },
	{ "before the surrogates", "\xed\x9f\xbf", true },
	{ "behind them", "\xee\x80\x80", true },
	{ "four octets", "\xf0\x9f\x93\x9e", true },
	{ "last one", "\xf4\x8f\xbf\xbf", true },
	{ "empty", "", false },
	{ "line feed", "a\nb", false },
	{ "escape", "\x1b[0m", false },
	{ "delete", "a\x7f", false },
	{ "C1 control", "\xc2\x85", false },
	{ "continuation alone", "\x80", false },
	{ "cut off", "a\xc3", false },
	{ "cut off, three", "\xe2\x82", false },
	{ "cut off, four", "\xf0\x9f\x93", false },
	{ "not continued", "\xe2\x82x", false },
	{ "overlong, two", "\xc0\xaf", false },
	{ "overlong, three", "\xe0\x80\xaf", false },
	{ "overlong, four", "\xf0\x80\x80\xaf", false },
	{ "surrogate", "\xed\xa0\x80", false },
	{ "last surrogate", "\xed\xbf\xbf", false },
	{ "beyond the end", "\xf4\x90\x80\x80", false },
	{ "five octets", "\xf8\x88\x80\x80\x80", false },
	{ "Latin-1", "b\xfcro", false },
	{ "byte 255", "\xff", false },
};

static void identity_to_desc(const struct identity *identity, char *desc)
{
	strscpy(desc, identity->name, KUNIT_PARAM_DESC_SIZE);
}

KUNIT_ARRAY_PARAM(identity, identities, identity_to_desc);

static void identity_good(struct kunit *test)
{
	const struct identity *identity = test->param_value;

	KUNIT_EXPECT_EQ(test, sipsec_identity_good(identity->text), identity->good);
}

static struct kunit_case identity_cases[] = {
	KUNIT_CASE_PARAM(identity_good, identity_gen_params),
	{}
};

static struct kunit_suite identity_suite = {
	.name = "sipsec_identity",
	.test_cases = identity_cases,
};

kunit_test_suite(identity_suite);
