// SPDX-License-Identifier: LGPL-2.1-or-later
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <linux/sipsec.h>

#include "agreement.h"
#include "table.h"

#define GCM	" ESP_AES_128_GCM_16"
#define GCM256	" ESP_AES_256_GCM_16"
#define CHACHA	" ESP_CHACHA20_POLY1305"
#define AH1	"ipsec-sa:1 AH_HMAC_SHA2_256_128"
#define OURS	" inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define THEIRS	" inline:ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8="
#define DH	" dh=x25519:ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8="
#define DH2	" dh=x25519:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define OFFER	"ipsec-sa:1" GCM OURS " spi=5d1c2a00"
#define ANSWER	"ipsec-sa:1" GCM THEIRS " spi=2b7e1500"

static void parse(const char *text, struct sipsec_sdp_line *line)
{
	char why[SIPSEC_WHY_MAX];

	if (sipsec_sdp_parse(text, line, why))
		fail_msg("%s: %s", text, why);
}

/* Answers to a line, by the rows of the answer table: what breaks it, or NULL. */
static const struct check {
	const char *name;
	const char *offer;
	const char *answer;
	const char *why;
} checks[] = {
	{ "the least answer", OFFER, ANSWER, NULL },
	{ "tag: another", OFFER, "ipsec-sa:2" GCM THEIRS " spi=2b7e1500", "the tag is not" },
	{ "suite: another", OFFER, "ipsec-sa:1" GCM256 THEIRS " spi=2b7e1500", "the suite is not" },
	{ "secret: reflected", OFFER, "ipsec-sa:1" GCM OURS " spi=2b7e1500", "the secret is ours" },
	{ "spi: equal blocks of two receivers", OFFER, "ipsec-sa:1" GCM THEIRS " spi=5d1c2a00",
	  NULL },
	{ "addr: own, where not offered", OFFER, ANSWER " addr=192.0.2.2", NULL },
	{ "addr: left out where offered", OFFER " addr=192.0.2.1", ANSWER, NULL },
	{ "addr: IPv6", OFFER, ANSWER " addr=2001:db8::2", NULL },
	{ "addr: of another family", OFFER " addr=192.0.2.1", ANSWER " addr=2001:db8::2",
	  "addr is not of the offered" },
	{ "mode: default said in the answer", OFFER, ANSWER " mode=transport", NULL },
	{ "mode: default said in the offer", OFFER " mode=transport", ANSWER, NULL },
	{ "mode: another", OFFER, ANSWER " mode=tunnel", "mode is not the offered" },
	{ "mode: offered, left out", OFFER " mode=beet", ANSWER, "mode is not the offered" },
	{ "mode: same", OFFER " mode=beet", ANSWER " mode=beet", NULL },
	{ "prf: default said in the answer", OFFER, ANSWER " prf=HMAC_SHA2_256", NULL },
	{ "prf: same", OFFER " prf=HMAC_SHA2_384", ANSWER " prf=HMAC_SHA2_384", NULL },
	{ "prf: offered, left out", OFFER " prf=HMAC_SHA2_384", ANSWER, "prf is not the offered" },
	{ "prf: not offered", OFFER, ANSWER " prf=HMAC_SHA2_384", "prf is not the offered" },
	{ "rotate: present where not offered", OFFER, ANSWER " rotate=100", NULL },
	{ "rotate: larger", OFFER " rotate=100", ANSWER " rotate=200", NULL },
	{ "life: present where not offered", OFFER, ANSWER " life=60", NULL },
	{ "window: own", OFFER " window=64", ANSWER " window=4096", NULL },
	{ "tfc: none", OFFER, ANSWER " tfc=0", NULL },
	{ "tfc: the answerer's own", OFFER " mode=tunnel", ANSWER " mode=tunnel tfc=100", NULL },
	{ "tfc: no tunnel", OFFER, ANSWER " tfc=100", "tfc takes ESP in tunnel mode" },
	{ "tfc: with AH", AH1 OURS " spi=5d1c2a00 mode=tunnel",
	  AH1 THEIRS " spi=2b7e1500 mode=tunnel tfc=100", "tfc takes ESP in tunnel mode" },
	{ "esn: 0 where not offered", OFFER, ANSWER " esn=0", NULL },
	{ "esn: 0 where offered", OFFER " esn=1", ANSWER " esn=0", NULL },
	{ "esn: left out where offered", OFFER " esn=1", ANSWER, NULL },
	{ "esn: added", OFFER, ANSWER " esn=1", "esn=1 was not offered" },
	{ "esn: added where 0 was offered", OFFER " esn=0", ANSWER " esn=1",
	  "esn=1 was not offered" },
	{ "esn: both", OFFER " esn=1", ANSWER " esn=1", NULL },
	{ "comp: left out where offered", OFFER " comp=deflate cpi=1234", ANSWER, NULL },
	{ "comp: added", OFFER, ANSWER " comp=deflate cpi=1234", "comp was not offered" },
	{ "comp: both, but not supported", OFFER " comp=deflate cpi=1234",
	  ANSWER " comp=deflate cpi=4321", "comp is not" },
	{ "encap: left out where offered", OFFER " encap=udp:4500", ANSWER, NULL },
	{ "encap: added", OFFER, ANSWER " encap=udp:4500", "encap was not offered" },
	{ "encap: both", OFFER " encap=udp:4500", ANSWER " encap=udp:4501", NULL },
	{ "encap: with AH", AH1 OURS " spi=5d1c2a00 encap=udp:4500",
	  AH1 THEIRS " spi=2b7e1500 encap=udp:4501", "encap takes ESP" },
	{ "dh: both", OFFER DH, ANSWER DH2, NULL },
	{ "dh: missing", OFFER DH, ANSWER, "dh was offered and is missing" },
	{ "dh: added", OFFER, ANSWER DH, "dh was not offered" },
	{ "unknown with a dash", OFFER, ANSWER " -x=1", NULL },
};

static void test_check(void **state)
{
	const struct check *row = *state;
	struct sipsec_sdp_line offer, answer;
	char why[SIPSEC_WHY_MAX] = "";
	int err;

	parse(row->offer, &offer);
	parse(row->answer, &answer);
	err = sipsec_agreement_check(&offer, &answer, why);
	if (row->why ? strncmp(why, row->why, strlen(row->why)) : err)
		fail_msg("%s", why);
	assert_int_equal(err, row->why ? -EBADMSG : 0);
}

/* Which line of an offer is taken by one who has suites 3 and 1. */
static const struct choice {
	const char *name;
	const char *offered[4];
	int chosen;
	const char *why;
} choices[] = {
	{ "none offered", { NULL }, -ENOKEY, "there is no ipsec-sa line" },
	{ "the only one", { OFFER }, 0, NULL },
	{ "the offerer's preference counts",
	  { "ipsec-sa:2" GCM OURS " spi=5d1c2a00", "ipsec-sa:1" CHACHA OURS " spi=5d1c2a00" }, 0,
	  NULL },
	{ "suite not ours", { "ipsec-sa:1" GCM256 OURS " spi=5d1c2a00", "ipsec-sa:2" CHACHA OURS
	  " spi=5d1c2a00" }, 1, NULL },
	{ "suite not ours, no other", { "ipsec-sa:1" GCM256 OURS " spi=5d1c2a00" }, -ENOKEY,
	  "the suite is not one of ours" },
	{ "suite not known", { "ipsec-sa:1 ESP_NEW" OURS " spi=5d1c2a00", "ipsec-sa:2" GCM OURS
	  " spi=5d1c2a00" }, 1, NULL },
	{ "suite known, not ours", { "ipsec-sa:1 AH_HMAC_SHA2_256_128" OURS " spi=5d1c2a00" },
	  -ENOKEY, "the suite is not one of ours" },
	{ "mode", { OFFER " mode=tunnel" }, 0, NULL },
	{ "mode, explicit default", { OFFER " mode=transport" }, 0, NULL },
	{ "esn", { OFFER " esn=1" }, 0, NULL },
	{ "esn=0", { OFFER " esn=0" }, 0, NULL },
	{ "comp not supported", { OFFER " comp=deflate cpi=1234" }, -ENOKEY, "comp is not" },
	{ "tfc", { OFFER " mode=tunnel tfc=1" }, 0, NULL },
	{ "tfc in another mode", { OFFER " mode=beet tfc=1" }, -ENOKEY, "tfc takes ESP in tunnel" },
	{ "tfc with AH", { AH1 OURS " spi=5d1c2a00 mode=tunnel tfc=1" }, -ENOKEY,
	  "tfc takes ESP in tunnel" },
	{ "tfc=0", { OFFER " tfc=0" }, 0, NULL },
	{ "encap", { OFFER " encap=udp:4500" }, 0, NULL },
	{ "encap with AH", { AH1 OURS " spi=5d1c2a00 encap=udp:4500" }, -ENOKEY,
	  "encap takes ESP" },
	{ "addr", { OFFER " addr=192.0.2.1" }, 0, NULL },
	{ "addr of another family", { OFFER " addr=2001:db8::1" }, -ENOKEY, "addr is not of our" },
	{ "addr of both families", { OFFER " addr=2001:db8::1", "ipsec-sa:2" GCM OURS
	  " spi=5d1c2a00 addr=192.0.2.1" }, 1, NULL },
	{ "dh", { OFFER DH }, 0, NULL },
	{ "prf 384", { OFFER " prf=HMAC_SHA2_384" }, 0, NULL },
	{ "unknown parameter", { OFFER " color=red", "ipsec-sa:2" GCM OURS " spi=5d1c2a00" }, 1,
	  NULL },
	{ "unknown parameter, no other", { OFFER " color=red" }, -ENOKEY, "color is not a known" },
	{ "unknown parameter with a dash", { OFFER " -color=red" }, 0, NULL },
	{ "no line readable", { "ipsec-sa:0", "ipsec-sa:x" }, -ENOKEY, "the tag is not" },
	{ "reason is that of the first", { OFFER " comp=deflate cpi=1234", "ipsec-sa:2" GCM OURS },
	  -ENOKEY, "comp is not" },
	{ "tag twice", { OFFER, "ipsec-sa:1" CHACHA OURS " spi=5d1c2a00" }, -EBADMSG,
	  "tag 1 is there twice" },
	{ "tag twice in lines not used", { OFFER, "ipsec-sa:7 ESP_NEW" OURS, "ipsec-sa:7 ESP_NEW2"
	  OURS }, -EBADMSG, "tag 7 is there twice" },
};

static const uint32_t suites[] = {
	SIPSEC_SUITE_ESP_CHACHA20_POLY1305,
	SIPSEC_SUITE_ESP_AES_128_GCM_16,
};

static const struct sipsec_addr local = { .len = 4, .octets = { 192, 0, 2, 9 } };

static void test_choice(void **state)
{
	const struct choice *row = *state;
	struct sipsec_sdp_line chosen, wanted;
	char why[SIPSEC_WHY_MAX] = "";
	size_t n = 0;
	int got;

	while (n < ROWS(row->offered) && row->offered[n])
		n++;
	got = sipsec_agreement_choose(row->offered, n, suites, ROWS(suites), &local, &chosen,
				      why);
	if (row->why && strncmp(why, row->why, strlen(row->why)))
		fail_msg("%s", why);
	assert_int_equal(got, row->chosen);
	if (got >= 0) {
		parse(row->offered[got], &wanted);
		assert_memory_equal(&chosen, &wanted, sizeof(wanted));
	}
}

static void test_too_many(void **state)
{
	const char *offered[SIPSEC_LINES_MAX + 1];
	char text[SIPSEC_LINES_MAX + 1][256];
	struct sipsec_sdp_line chosen;
	char why[SIPSEC_WHY_MAX];

	(void)state;
	for (int i = 0; i <= SIPSEC_LINES_MAX; i++) {
		snprintf(text[i], sizeof(text[i]), "ipsec-sa:%d" GCM OURS " spi=5d1c2a00", i + 1);
		offered[i] = text[i];
	}
	assert_int_equal(sipsec_agreement_choose(offered, SIPSEC_LINES_MAX, suites, ROWS(suites),
						 &local, &chosen, why), 0);
	assert_int_equal(sipsec_agreement_choose(offered, SIPSEC_LINES_MAX + 1, suites,
						 ROWS(suites), &local, &chosen, why), -EBADMSG);
	assert_string_equal(why, "more than 32 ipsec-sa lines");
}

/* Our answer repeats what it has to, and keeps our own. */
static const struct answer {
	const char *name;
	const char *offer;
	const char *own;
	const char *answer;
} answers[] = {
	{ "nothing to repeat", "ipsec-sa:9" CHACHA OURS " spi=5d1c2a00",
	  "ipsec-sa:1" GCM THEIRS " spi=2b7e1500", "ipsec-sa:9" CHACHA THEIRS " spi=2b7e1500" },
	{ "explicit defaults are repeated", OFFER " mode=transport prf=HMAC_SHA2_256", ANSWER,
	  ANSWER " mode=transport prf=HMAC_SHA2_256" },
	{ "prf is the offered one, not ours", OFFER, ANSWER " prf=HMAC_SHA2_384", ANSWER },
	{ "prf 384", OFFER " prf=HMAC_SHA2_384", ANSWER, ANSWER " prf=HMAC_SHA2_384" },
	{ "esn is the offered one", OFFER " esn=1", ANSWER, ANSWER " esn=1" },
	{ "esn is not added", OFFER, ANSWER " esn=1", ANSWER },
	{ "tfc", OFFER " mode=tunnel", ANSWER " tfc=7", ANSWER " mode=tunnel tfc=7" },
	{ "encap", OFFER " encap=udp:4500", ANSWER " encap=udp:4501", ANSWER " encap=udp:4501" },
	{ "encap is not added", OFFER, ANSWER " encap=udp:4501", ANSWER },
	{ "encap is not wanted", OFFER " encap=udp:4500", ANSWER, ANSWER },
	{ "tfc does not go with the mode", OFFER, ANSWER " mode=tunnel tfc=7", ANSWER },
	{ "own", OFFER " addr=192.0.2.1 rotate=100 life=60 window=64 esn=0 tfc=0",
	  ANSWER " addr=192.0.2.2 rotate=2^20 window=128",
	  ANSWER " addr=192.0.2.2 rotate=2^20 window=128 esn=0" },
};

static void test_answer(void **state)
{
	const struct answer *row = *state;
	struct sipsec_sdp_line offer, answer;
	char why[SIPSEC_WHY_MAX], text[SIPSEC_SDP_LINE_MAX];

	parse(row->offer, &offer);
	parse(row->own, &answer);
	sipsec_agreement_answer(&offer, &answer);
	assert_int_equal(sipsec_sdp_format(&answer, text), 0);
	assert_string_equal(text, row->answer);
	/* and is one that the offerer accepts */
	parse(text, &answer);
	assert_int_equal(sipsec_agreement_check(&offer, &answer, why), 0);
}

static const struct settle {
	const char *name;
	const char *ours;
	const char *peers;
	uint32_t rotate;
	uint32_t life;
	uint32_t window;
	bool dh;
	bool esn;
} settles[] = {
	{ "defaults", OFFER, ANSWER, 1 << 20, 86400, 1024, false, false },
	{ "rotate: ours smaller", OFFER " rotate=100", ANSWER " rotate=200", 100, 86400, 1024,
	  false, false },
	{ "rotate: the peer's smaller", OFFER " rotate=2^31", ANSWER " rotate=16", 16, 86400, 1024,
	  false, false },
	{ "rotate: the peer's default smaller", OFFER " rotate=2^21", ANSWER, 1 << 20, 86400, 1024,
	  false, false },
	{ "life: ours smaller", OFFER " life=60", ANSWER, 1 << 20, 60, 1024, false, false },
	{ "life: the peer's smaller", OFFER " life=4294967295", ANSWER " life=1", 1 << 20, 1, 1024,
	  false, false },
	{ "window: ours", OFFER " window=64", ANSWER " window=4096", 1 << 20, 86400, 64,
	  false, false },
	{ "tfc: ours", OFFER " tfc=100", ANSWER " tfc=7", 1 << 20, 86400, 1024, false, false },
	{ "tfc: the peer's", OFFER, ANSWER " tfc=7", 1 << 20, 86400, 1024, false, false },
	{ "window: our default", OFFER, ANSWER " window=64", 1 << 20, 86400, 1024, false, false },
	{ "dh", OFFER DH, ANSWER DH2, 1 << 20, 86400, 1024, true, false },
	{ "rotate: both say more than GCM allows", OFFER " rotate=2^31", ANSWER " rotate=2^29",
	  1 << 28, 86400, 1024, false, false },
	{ "esn: both", OFFER " esn=1", ANSWER " esn=1", 1 << 20, 86400, 1024, false, true },
	{ "esn: the answer leaves it out", OFFER " esn=1", ANSWER, 1 << 20, 86400, 1024,
	  false, false },
	{ "esn: the answer has 0", OFFER " esn=1", ANSWER " esn=0", 1 << 20, 86400, 1024,
	  false, false },
};

static void test_settle(void **state)
{
	const struct settle *row = *state;
	struct sipsec_sdp_line ours, peers;
	struct sipsec_agreement agreed;

	parse(row->ours, &ours);
	parse(row->peers, &peers);
	sipsec_agreement_settle(&ours, &peers, &agreed);
	assert_int_equal(agreed.suite, SIPSEC_SUITE_ESP_AES_128_GCM_16);
	assert_int_equal(agreed.mode, SIPSEC_MODE_TRANSPORT);
	assert_int_equal(agreed.prf, SIPSEC_PRF_HMAC_SHA2_256);
	assert_int_equal(agreed.spi_out, 0x2b7e1500);
	assert_int_equal(agreed.peer.len, 0);
	assert_int_equal(agreed.rotate, row->rotate);
	assert_int_equal(agreed.life, row->life);
	assert_int_equal(agreed.window, row->window);
	assert_int_equal(agreed.dh, row->dh);
	assert_int_equal(agreed.esn, row->esn);
	assert_int_equal(agreed.tfc, ours.tfc);
}

int main(void)
{
	static struct tests tests;

	ADD_TABLE(&tests, test_check, checks);
	ADD_TABLE(&tests, test_choice, choices);
	add_test(&tests, "too many lines", test_too_many, NULL);
	ADD_TABLE(&tests, test_answer, answers);
	ADD_TABLE(&tests, test_settle, settles);
	return run_table("agreement", &tests);
}
