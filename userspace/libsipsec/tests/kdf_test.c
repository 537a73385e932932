// SPDX-License-Identifier: LGPL-2.1-or-later
/* Against the vectors of an independent program that knows only Documentation/protocol.rst. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <openssl/err.h>
#include <linux/sipsec.h>

#include "kdf.h"
#include "master_vectors.h"
#include "sipsec.h"
#include "table.h"

static size_t unhex(const char *digits, uint8_t *octets)
{
	size_t n = strlen(digits) / 2;

	for (size_t i = 0; i < n; i++) {
		const char octet[] = { digits[2 * i], digits[2 * i + 1], '\0' };
		char *end;

		octets[i] = (uint8_t)strtoul(octet, &end, 16);
		assert_ptr_equal(end, octet + 2);
	}
	return n;
}

static void test_vector(void **state)
{
	const struct master_vector *v = *state;
	uint8_t secret_o[32], secret_a[32], dh[32], wanted[SIPSEC_MASTER_MAX];
	uint8_t transcript[SIPSEC_MASTER_MAX], master[SIPSEC_MASTER_MAX];
	int prf = sipsec_prf_by_name(v->prf);
	size_t n = 0, len;

	assert_true(prf > 0);
	len = sipsec_kdf_len(prf);
	while (v->offered[n])
		n++;
	assert_int_equal(unhex(v->secret_o, secret_o), 32);
	assert_int_equal(unhex(v->secret_a, secret_a), 32);

	assert_int_equal(unhex(v->transcript, wanted), len);
	assert_int_equal(sipsec_kdf_transcript(prf, v->offered, n, v->answered, transcript), 0);
	assert_memory_equal(transcript, wanted, len);

	assert_int_equal(unhex(v->master, wanted), len);
	assert_int_equal(sipsec_kdf_master(prf, transcript, secret_o, secret_a,
					   unhex(v->dh, dh) ? dh : NULL, master), 0);
	assert_memory_equal(master, wanted, len);
}

/* The lines carry the secrets and public keys that the vector names. */
static void test_lines(void **state)
{
	const struct master_vector *v = *state;
	struct sipsec_sdp_line offer, answer;
	uint8_t octets[32], private_key[32], public_key[32];
	char why[SIPSEC_WHY_MAX];
	size_t i;

	assert_int_equal(sipsec_sdp_parse(v->answered, &answer, why), 0);
	unhex(v->secret_a, octets);
	assert_memory_equal(answer.secret, octets, 32);
	for (i = 0; v->offered[i]; i++) {
		assert_int_equal(sipsec_sdp_parse(v->offered[i], &offer, why), 0);
		if (offer.tag == answer.tag)
			break;
	}
	assert_non_null(v->offered[i]);
	unhex(v->secret_o, octets);
	assert_memory_equal(offer.secret, octets, 32);

	if (!*v->dh)
		return;
	unhex(v->dh, octets);
	unhex(v->x25519_scalar_o, private_key);
	assert_int_equal(sipsec_kdf_dh_public(private_key, public_key), 0);
	assert_memory_equal(public_key, offer.dh, 32);
	assert_int_equal(sipsec_kdf_dh(private_key, answer.dh, public_key), 0);
	assert_memory_equal(public_key, octets, 32);
	unhex(v->x25519_scalar_a, private_key);
	assert_int_equal(sipsec_kdf_dh_public(private_key, public_key), 0);
	assert_memory_equal(public_key, answer.dh, 32);
	assert_int_equal(sipsec_kdf_dh(private_key, offer.dh, public_key), 0);
	assert_memory_equal(public_key, octets, 32);
}

/* Points of small order (RFC 7748, section 6.1) give zero, whatever our key is. */
static const struct point {
	const char *name;
	const char *hex;
} points[] = {
	{ "zero", "0000000000000000000000000000000000000000000000000000000000000000" },
	{ "one", "0100000000000000000000000000000000000000000000000000000000000000" },
	{ "order 8", "e0eb7a7c3b41b8ae1656e3faf19fc46ada098deb9c32b1fd866205165f49b800" },
	{ "p - 1", "ecffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f" },
	{ "p", "edffffffffffffffffffffffffffffffffffffffffffffffffffffffffffff7f" },
};

static void test_point(void **state)
{
	const struct point *row = *state;
	uint8_t private_key[32], point[32], out[32];

	assert_int_equal(unhex(row->hex, point), 32);
	assert_int_equal(sipsec_kdf_random(private_key), 0);
	assert_int_equal(sipsec_kdf_dh(private_key, point, out), -EBADMSG);
	/* and leaves nothing where the caller's TLS code would find it */
	assert_int_equal(ERR_peek_error(), 0);
}

static void test_random(void **state)
{
	uint8_t a[32] = { 0 }, b[32] = { 0 };

	(void)state;
	assert_int_equal(sipsec_kdf_random(a), 0);
	assert_int_equal(sipsec_kdf_random(b), 0);
	assert_memory_not_equal(a, b, 32);
}

int main(void)
{
	static struct tests tests;

	ADD_TABLE(&tests, test_vector, master_vectors);
	ADD_TABLE(&tests, test_lines, master_vectors);
	ADD_TABLE(&tests, test_point, points);
	add_test(&tests, "random", test_random, NULL);
	return run_table("kdf", &tests);
}
