// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * One line of SDP: what was read is written again, and reads as the same. The decoder of base64 is
 * held against one that was written for this.
 */
#include "fuzz.h"

/* For what is static in it. */
#include "../sdp.c"

static int value_of(char c)
{
	static const char digits[] =
		"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
	const char *digit = c ? strchr(digits, c) : NULL;

	return digit ? digit - digits : -1;
}

/* 32 octets: 42 digits of 6 bits, one whose last two bits are zero, and the padding. */
static bool plain_base64(const char *text, size_t len, uint8_t octets[SIPSEC_SECRET_LEN])
{
	uint32_t bits = 0;

	if (len != 44 || text[43] != '=')
		return false;
	for (size_t i = 0, n = 0; i < 43; i++) {
		int value = value_of(text[i]);

		if (value < 0)
			return false;
		bits = bits << 6 | value;
		if (i % 4)
			octets[n++] = bits >> (6 - 2 * (i % 4));
		/* the last digit completes an octet, too, and two bits are left */
		if (i == 42)
			return !(bits & 3);
	}
	return false;
}

static void try_base64(const char *text)
{
	uint8_t octets[SIPSEC_SECRET_LEN] = { 0 }, wanted[SIPSEC_SECRET_LEN] = { 0 };
	struct part part = { text, strlen(text) };
	bool good = base64(part, octets);

	CHECK(good == plain_base64(text, part.len, wanted));
	CHECK(!good || !memcmp(octets, wanted, sizeof(octets)));
}

static void try_line(const char *text)
{
	char again[SIPSEC_SDP_LINE_MAX], twice[SIPSEC_SDP_LINE_MAX], why[SIPSEC_WHY_MAX] = "";
	struct sipsec_sdp_line line, same;

	if (sipsec_sdp_parse(text, &line, why)) {
		CHECK(*why && memchr(why, '\0', sizeof(why)));
		return;
	}
	CHECK(strlen(text) < SIPSEC_SDP_LINE_MAX);
	CHECK(!sipsec_sdp_format(&line, again));
	CHECK(!sipsec_sdp_parse(again, &same, why));
	CHECK(!memcmp(&line, &same, sizeof(line)));
	CHECK(!sipsec_sdp_format(&same, twice) && !strcmp(again, twice));
}

/* A text; its first word is tried as base64, too. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	char *text = take_line(&in);

	try_line(text);
	try_base64(text);
	free(text);
	return 0;
}
