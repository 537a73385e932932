// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Two dialogs negotiate with each other. The test stands in for the connection and the kernel's
 * objects: it takes down what would be installed, and fails where it is told to.
 */
#include <arpa/inet.h>
#include <malloc.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <errno.h>
#include <linux/udp.h>

#include "kdf.h"
#include "netlink.h"
#include "sdp.h"
#include "table.h"

struct sipsec {
	char error[256];
	int fail_new, fail_set, fail_bind;	/* errno to return, once */
	uint32_t groups;			/* made so far */
	uint32_t alive;				/* id of the newest, or 0 */
	uint32_t old;				/* the one it is to replace, or 0 */
	uint32_t retired, grace;		/* the last one that was to end later */
	unsigned int binds;
	char local[SIPSEC_ADDR_TEXT];
	struct sipsec_group_conf set;		/* with the strings below */
	char peer[SIPSEC_ADDR_TEXT];
	uint8_t master[SIPSEC_MASTER_MAX];
	bool installed;
	struct sipsec_flow_conf flow;
};

int sipsec_netlink_fail(struct sipsec *s, int err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(s->error, sizeof(s->error), format, args);
	va_end(args);
	return err;
}

const char *sipsec_error(const struct sipsec *s)
{
	return s->error;
}

static int told_to_fail(struct sipsec *s, int *err)
{
	int now = *err;

	*err = 0;
	return now ? sipsec_netlink_fail(s, now, "the kernel's words") : 0;
}

int sipsec_group_new(struct sipsec *s, const struct sipsec_group_conf *conf, uint32_t *id,
		     uint32_t *spi_in)
{
	int err = told_to_fail(s, &s->fail_new);

	if (err)
		return err;
	assert_int_equal(s->old, 0);
	s->old = s->alive;
	s->installed = false;
	assert_null(conf->app);
	assert_false(conf->persistent);
	snprintf(s->local, sizeof(s->local), "%s", conf->local);
	s->alive = ++s->groups;
	*id = s->alive;
	*spi_in = 0x10000 * s->groups + (strcmp(s->local, "192.0.2.1") ? 0x200 : 0x100);
	return 0;
}

int sipsec_group_set(struct sipsec *s, uint32_t id, const struct sipsec_group_conf *conf)
{
	int err = told_to_fail(s, &s->fail_set);

	if (err)
		return err;
	assert_int_equal(id, s->alive);
	assert_false(s->installed);
	assert_int_equal(conf->replaces, s->old);
	assert_true(conf->master_len <= sizeof(s->master));
	s->set = *conf;
	memcpy(s->master, conf->master, conf->master_len);
	snprintf(s->peer, sizeof(s->peer), "%s", conf->peer);
	s->installed = true;
	return 0;
}

int sipsec_group_del(struct sipsec *s, uint32_t id)
{
	if (s->old && id == s->old) {
		s->old = 0;
		return 0;
	}
	assert_int_equal(id, s->alive);
	s->alive = s->old;
	s->old = 0;
	s->installed = s->alive;
	return sipsec_netlink_fail(s, -ENOENT, "words that must not hide the first error");
}

int sipsec_group_retire(struct sipsec *s, uint32_t id, uint32_t grace)
{
	assert_int_equal(id, s->old);
	s->retired = id;
	s->grace = grace;
	s->old = 0;
	return sipsec_netlink_fail(s, -ENOENT, "words of a group that has ended meanwhile");
}

int sipsec_flow_bind(struct sipsec *s, const struct sipsec_flow_conf *conf)
{
	s->binds++;
	s->flow = *conf;
	return told_to_fail(s, &s->fail_bind);
}

/* Memory that the library frees must not have any of these in it. */
static char needles[2 * SIPSEC_SECRET_LEN][64];
static size_t n_needles;

void __real_free(void *p);
void __wrap_free(void *p);
void __wrap_free(void *p)
{
	size_t size = p ? malloc_usable_size(p) : 0;

	for (size_t i = 0; i < n_needles && size; i++)
		if (memmem(p, size, needles[i], strlen(needles[i])))
			fail_msg("freed with a secret in it");
	__real_free(p);
}

static void watch(const char *line)
{
	const char *secret = strstr(line, "inline:");

	assert_non_null(secret);
	assert_true(n_needles < ROWS(needles));
	memcpy(needles[n_needles], secret + strlen("inline:"), 44);
	needles[n_needles++][44] = '\0';
}

static int setup(void **state)
{
	(void)state;
	n_needles = 0;
	return 0;
}

/* Two sides, and what goes between them. */
struct call {
	struct sipsec s1, s2;
	struct sipsec_dialog *offerer, *answerer;
	const char *const *offered;
	size_t n;
	const char *answered;
};

static struct sipsec_dialog_conf conf1 = { .local = "192.0.2.1" };
static struct sipsec_dialog_conf conf2 = { .local = "192.0.2.2" };

static void offer(struct call *call, const struct sipsec_dialog_conf *conf)
{
	assert_int_equal(sipsec_dialog_new(&call->s1, conf, &call->offerer), 0);
	assert_int_equal(sipsec_dialog_offer(call->offerer, &call->offered, &call->n), 0);
	for (size_t i = 0; i < call->n; i++)
		watch(call->offered[i]);
}

static void answer(struct call *call, const struct sipsec_dialog_conf *conf)
{
	assert_int_equal(sipsec_dialog_new(&call->s2, conf, &call->answerer), 0);
	if (sipsec_dialog_answer(call->answerer, call->offered, call->n, NULL, &call->answered))
		fail_msg("%s", call->s2.error);
	assert_non_null(call->answered);
	watch(call->answered);
}

static int establish(struct call *call)
{
	return sipsec_dialog_established(call->offerer, &call->answered, 1, NULL);
}

static void end(struct call *call)
{
	sipsec_dialog_end(call->offerer);
	sipsec_dialog_end(call->answerer);
	assert_int_equal(call->s1.alive, 0);
	assert_int_equal(call->s2.alive, 0);
}

static const uint32_t only_chacha[] = { SIPSEC_SUITE_ESP_CHACHA20_POLY1305 };
static const uint32_t two[] = { SIPSEC_SUITE_ESP_AES_256_GCM_16,
				SIPSEC_SUITE_ESP_AES_128_GCM_16 };
static const uint32_t others[] = { 4, 5, 6, 7, 8, 9, 10 };

static const struct agree {
	const char *name;
	struct sipsec_dialog_conf one, other;
	size_t lines;
	uint32_t suite, rotate, life, window1, window2;
	bool esn;
} agrees[] = {
	{ "defaults", { 0 }, { 0 }, 3, 1, 1 << 20, 86400, 1024, 1024, false },
	{ "offerer has one suite", { .suites = only_chacha, .n_suites = 1 }, { 0 }, 1, 3, 1 << 20,
	  86400, 1024, 1024, false },
	{ "answerer has one suite", { 0 }, { .suites = only_chacha, .n_suites = 1 }, 3, 3, 1 << 20,
	  86400, 1024, 1024, false },
	{ "the offerer's order", { .suites = two, .n_suites = 2 }, { 0 }, 2, 2, 1 << 20, 86400,
	  1024, 1024, false },
	{ "rotate of the offerer", { .rotate = 100 }, { 0 }, 3, 1, 100, 86400, 1024, 1024, false },
	{ "rotate of the answerer", { .rotate = 2000 }, { .rotate = 1 << 10 }, 3, 1, 1024, 86400,
	  1024, 1024, false },
	{ "life", { .life = 60 }, { .life = 30 }, 3, 1, 1 << 20, 30, 1024, 1024, false },
	{ "window", { .window = 64 }, { .window = 4096 }, 3, 1, 1 << 20, 86400, 64, 4096, false },
	{ "dh", { .dh = true }, { 0 }, 3, 1, 1 << 20, 86400, 1024, 1024, false },
	{ "dh is the offerer's choice", { 0 }, { .dh = true }, 3, 1, 1 << 20, 86400, 1024, 1024,
	  false },
	{ "prf 384", { .prf = SIPSEC_PRF_HMAC_SHA2_384 }, { 0 }, 3, 1, 1 << 20, 86400, 1024, 1024,
	  false },
	{ "prf is the offerer's choice", { 0 }, { .prf = SIPSEC_PRF_HMAC_SHA2_384 }, 3, 1, 1 << 20,
	  86400, 1024, 1024, false },
	{ "prf 384 and dh", { .prf = SIPSEC_PRF_HMAC_SHA2_384, .dh = true }, { 0 }, 3, 1, 1 << 20,
	  86400, 1024, 1024, false },
	{ "esn", { .esn = true }, { 0 }, 3, 1, 1 << 20, 86400, 1024, 1024, true },
	{ "tfc", { .mode = SIPSEC_MODE_TUNNEL, .tfc = 65535 },
	  { .mode = SIPSEC_MODE_TUNNEL, .tfc = 1 }, 3, 1, 1 << 20, 86400, 1024, 1024, false },
	{ "tfc, and another mode is offered", { 0 }, { .mode = SIPSEC_MODE_TUNNEL, .tfc = 1 }, 3, 1,
	  1 << 20, 86400, 1024, 1024, false },
	{ "tfc and AH", { .mode = SIPSEC_MODE_TUNNEL, .tfc = 100, .suites = others, .n_suites = 7 },
	  { .suites = others + 4, .n_suites = 1 }, 7, 8, 1 << 20, 86400, 1024, 1024, false },
	{ "mode", { .mode = SIPSEC_MODE_TUNNEL }, { 0 }, 3, 1, 1 << 20, 86400, 1024, 1024, false },
	{ "mode is the offerer's choice", { .mode = SIPSEC_MODE_BEET },
	  { .mode = SIPSEC_MODE_TUNNEL }, 3, 1, 1 << 20, 86400, 1024, 1024, false },
	{ "esn is the offerer's choice", { 0 }, { .esn = true }, 3, 1, 1 << 20, 86400, 1024, 1024,
	  false },
	{ "the suites that are not chosen unasked", { .suites = others, .n_suites = 7 },
	  { .suites = others + 4, .n_suites = 1 }, 7, 8, 1 << 20, 86400, 1024, 1024, false },
	{ "more packets than GCM allows", { .rotate = 1U << 31 }, { .rotate = 1U << 30 }, 3, 1,
	  1 << 28, 86400, 1024, 1024, false },
	{ "as many as CBC allows", { .suites = others, .n_suites = 1, .rotate = 1U << 31 },
	  { .suites = others, .n_suites = 1, .rotate = 1U << 31 }, 1, 4, 1U << 31, 86400, 1024,
	  1024, false },
};

static void test_agree(void **state)
{
	const struct agree *row = *state;
	struct sipsec_dialog_conf one = row->one, other = row->other;
	int prf = one.prf ? one.prf : SIPSEC_PRF_HMAC_SHA2_256;
	struct call call = { 0 };
	static const uint8_t zero[SIPSEC_MASTER_MAX];

	one.local = "192.0.2.1";
	other.local = "192.0.2.2";
	offer(&call, &one);
	assert_int_equal(call.n, row->lines);
	assert_false(call.s1.installed);
	assert_null(sipsec_dialog_suite(call.offerer));
	for (size_t i = 0; i < call.n; i++)
		assert_int_equal(!!strstr(call.offered[i], " dh="), row->one.dh);
	answer(&call, &other);
	assert_true(call.s2.installed);
	if (establish(&call))
		fail_msg("%s", call.s1.error);
	assert_true(call.s1.installed);

	assert_int_equal(call.s1.set.master_len, sipsec_kdf_len(prf));
	assert_int_equal(call.s2.set.master_len, sipsec_kdf_len(prf));
	assert_memory_equal(call.s1.master, call.s2.master, SIPSEC_MASTER_MAX);
	assert_memory_not_equal(call.s1.master, zero, sipsec_kdf_len(prf));
	assert_int_equal(call.s1.set.role, SIPSEC_ROLE_OFFERER);
	assert_int_equal(call.s2.set.role, SIPSEC_ROLE_ANSWERER);
	assert_int_equal(call.s1.set.prf, prf);
	assert_int_equal(call.s2.set.prf, prf);
	assert_int_equal(call.s1.set.suite, row->suite);
	assert_int_equal(call.s2.set.suite, row->suite);
	assert_string_equal(sipsec_dialog_suite(call.offerer), sipsec_suite_name(row->suite));
	assert_int_equal(call.s1.set.rotate, row->rotate);
	assert_int_equal(call.s2.set.rotate, row->rotate);
	assert_int_equal(call.s1.set.life, row->life);
	assert_int_equal(call.s2.set.life, row->life);
	assert_int_equal(call.s1.set.window, row->window1);
	assert_int_equal(call.s2.set.window, row->window2);
	assert_int_equal(call.s1.set.mode, one.mode ? one.mode : SIPSEC_MODE_TRANSPORT);
	assert_int_equal(call.s2.set.mode, call.s1.set.mode);
	assert_int_equal(call.s1.set.esn, row->esn);
	assert_int_equal(call.s2.set.esn, row->esn);
	assert_int_equal(call.s1.set.tfc, row->suite == 8 ? 0 : one.tfc);
	assert_int_equal(call.s2.set.tfc, one.mode == SIPSEC_MODE_TUNNEL ? other.tfc : 0);
	assert_int_equal(call.s1.set.spi_out, 0x10200);
	assert_int_equal(call.s2.set.spi_out, 0x10100);
	assert_string_equal(call.s1.peer, "192.0.2.2");
	assert_string_equal(call.s2.peer, "192.0.2.1");
	assert_int_equal(sipsec_dialog_group(call.offerer), 1);
	assert_int_equal(sipsec_dialog_group(call.answerer), 1);

	/* 183 and then 200 with the same answer, until the answer is changed */
	assert_int_equal(establish(&call), 0);
	sipsec_dialog_sent(call.answerer);
	call.answered = "ipsec-sa:1 ESP_AES_128_GCM_16"
		" inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8= spi=00010200";
	assert_int_equal(establish(&call), -EALREADY);
	assert_true(call.s1.installed);
	end(&call);
}

/* Secrets are fresh in every line of every offer. */
static void test_fresh(void **state)
{
	struct call call[2] = { 0 };

	(void)state;
	offer(&call[0], &conf1);
	offer(&call[1], &conf1);
	assert_int_equal(n_needles, 6);
	for (size_t i = 0; i < n_needles; i++)
		for (size_t k = 0; k < i; k++)
			assert_string_not_equal(needles[i], needles[k]);
	end(&call[0]);
	end(&call[1]);
}

/* The offer is the same until it is answered: a stack may build its INVITE twice. */
static void test_offer_again(void **state)
{
	struct call call = { 0 };
	const char *const *lines;
	size_t n;

	(void)state;
	offer(&call, &conf1);
	assert_int_equal(sipsec_dialog_offer(call.offerer, &lines, &n), 0);
	assert_ptr_equal(lines, call.offered);
	assert_int_equal(n, call.n);
	assert_int_equal(call.s1.groups, 1);
	answer(&call, &conf2);
	assert_int_equal(establish(&call), 0);
	assert_int_equal(sipsec_dialog_offer(call.offerer, &lines, &n), -EALREADY);
	end(&call);
}

/* Whoever takes a line from an offer on its way gets two sides with different keys. */
static void test_bid_down(void **state)
{
	struct call call = { 0 };

	(void)state;
	offer(&call, &conf1);
	call.offered++;
	call.n--;
	answer(&call, &conf2);
	assert_int_equal(call.s2.set.suite, SIPSEC_SUITE_ESP_AES_256_GCM_16);
	assert_int_equal(establish(&call), 0);
	assert_memory_not_equal(call.s1.master, call.s2.master, 32);
	end(&call);
}

/* Answers that the offerer refuses: then the reservation is given back, and nothing goes on. */
static const struct refused {
	const char *name;
	const char *answered[2];
	int err;
	const char *text;
} refused[] = {
	{ "none", { NULL }, -ENOKEY, "the answer has no ipsec-sa and policy is require" },
	{ "two", { "ipsec-sa:1", "ipsec-sa:2" }, -EBADMSG, "2 lines were answered" },
	{ "unreadable", { "ipsec-sa:1 ESP_AES_128_GCM_16" }, -EBADMSG,
	  "the answer breaks the rules: the secret" },
	{ "tag not offered", { "ipsec-sa:4 ESP_AES_128_GCM_16"
	  " inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8= spi=00010200" }, -EBADMSG,
	  "the answer breaks the rules: tag 4 was not offered" },
	{ "suite of another tag", { "ipsec-sa:2 ESP_AES_128_GCM_16"
	  " inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8= spi=00010200" }, -EBADMSG,
	  "the answer breaks the rules: the suite is not" },
	{ "dh added", { "ipsec-sa:1 ESP_AES_128_GCM_16"
	  " inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8= spi=00010200"
	  " dh=x25519:ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=" }, -EBADMSG,
	  "the answer breaks the rules: dh was not offered" },
	{ "no address", { "ipsec-sa:1 ESP_AES_128_GCM_16"
	  " inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8= spi=00010200" }, -EINVAL,
	  "the peer's line has no addr" },
};

static void test_refused(void **state)
{
	const struct refused *row = *state;
	struct call call = { 0 };
	size_t n = 0;

	while (n < ROWS(row->answered) && row->answered[n])
		n++;
	offer(&call, &conf1);
	assert_int_equal(sipsec_dialog_established(call.offerer, row->answered, n, NULL),
			 row->err);
	if (strncmp(call.s1.error, row->text, strlen(row->text)))
		fail_msg("%s", call.s1.error);
	assert_int_equal(call.s1.alive, 0);
	assert_int_equal(sipsec_dialog_group(call.offerer), 0);
	assert_int_equal(sipsec_dialog_established(call.offerer, row->answered, n, NULL),
			 -EALREADY);
	end(&call);
}

/* The peer's X25519 key is a point of small order. */
static void test_bad_dh(void **state)
{
	static const char *const answered =
		"ipsec-sa:1 ESP_AES_128_GCM_16"
		" inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8= spi=00010200 addr=192.0.2.2"
		" dh=x25519:AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=";
	struct sipsec_dialog_conf conf = { .local = "192.0.2.1", .dh = true };
	struct call call = { 0 };

	(void)state;
	offer(&call, &conf);
	assert_int_equal(sipsec_dialog_established(call.offerer, &answered, 1, NULL), -EBADMSG);
	assert_string_equal(call.s1.error, "dh: the peer's X25519 key is no good");
	assert_int_equal(call.s1.alive, 0);
	end(&call);
}

#define LINE	"ipsec-sa:1 ESP_AES_128_GCM_16" \
		" inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8= spi=00010100"

/* Where the peer's address comes from. */
static const struct peer {
	const char *name;
	const char *line;
	const char *c;
	int err;
	const char *peer;
} peers[] = {
	{ "c= line", LINE, "192.0.2.7", 0, "192.0.2.7" },
	{ "addr= overrides c=", LINE " addr=192.0.2.1", "192.0.2.7", 0, "192.0.2.1" },
	{ "addr= and a name in c=", LINE " addr=192.0.2.1", "ua1.example.com", 0, "192.0.2.1" },
	{ "neither", LINE, NULL, -EINVAL, NULL },
	{ "a name in c=", LINE, "ua1.example.com", -EINVAL, NULL },
	{ "0.0.0.0 in c=", LINE, "0.0.0.0", -EINVAL, NULL },
	{ "multicast in c=", LINE, "233.252.0.1", -EINVAL, NULL },
	{ "IPv6 in c=", LINE, "2001:db8::1", -EAFNOSUPPORT, NULL },
};

static void test_peer(void **state)
{
	const struct peer *row = *state;
	struct sipsec s = { 0 };
	struct sipsec_dialog *d;
	const char *line;

	assert_int_equal(sipsec_dialog_new(&s, &conf2, &d), 0);
	assert_int_equal(sipsec_dialog_answer(d, &row->line, 1, row->c, &line), row->err);
	if (row->err) {
		assert_null(line);
		assert_int_equal(s.alive, 0);
		assert_string_not_equal(s.error, "");
	} else {
		assert_string_equal(s.peer, row->peer);
	}
	sipsec_dialog_end(d);
	assert_int_equal(s.alive, 0);
}

/* Offers that the answerer refuses, or serves in clear text under the policy prefer. */
static const struct unusable {
	const char *name;
	const char *offered[2];
	int require, prefer;
	const char *text;
} unusable[] = {
	{ "none", { NULL }, -ENOKEY, 0, "nothing usable was offered: there is no ipsec-sa" },
	{ "not supported", { LINE " comp=deflate cpi=1234" }, -ENOKEY, 0,
	  "nothing usable was offered: comp is" },
	{ "tag twice", { LINE, LINE }, -EBADMSG, -EBADMSG,
	  "nothing usable was offered: tag 1 is there twice" },
};

static void test_unusable(void **state)
{
	const struct unusable *row = *state;
	struct sipsec_dialog_conf conf = { .local = "192.0.2.2" };
	struct sipsec s = { 0 };
	struct sipsec_dialog *d;
	const char *line = "";
	size_t n = 0;

	while (n < ROWS(row->offered) && row->offered[n])
		n++;
	assert_int_equal(sipsec_dialog_new(&s, &conf, &d), 0);
	assert_int_equal(sipsec_dialog_answer(d, row->offered, n, "192.0.2.1", &line),
			 row->require);
	assert_null(line);
	if (strncmp(s.error, row->text, strlen(row->text)))
		fail_msg("%s", s.error);
	sipsec_dialog_end(d);

	conf.prefer = true;
	assert_int_equal(sipsec_dialog_new(&s, &conf, &d), 0);
	assert_int_equal(sipsec_dialog_answer(d, row->offered, n, "192.0.2.1", &line), row->prefer);
	assert_null(line);
	assert_int_equal(sipsec_dialog_group(d), 0);
	assert_int_equal(sipsec_dialog_answer(d, row->offered, n, "192.0.2.1", &line), -EALREADY);
	sipsec_dialog_end(d);
	assert_int_equal(s.groups, 0);
}

static void test_prefer_offerer(void **state)
{
	struct sipsec_dialog_conf conf = { .local = "192.0.2.1", .prefer = true };
	struct sockaddr_in peer = { .sin_family = AF_INET, .sin_port = htons(4000) };
	struct call call = { 0 };

	(void)state;
	offer(&call, &conf);
	assert_int_equal(sipsec_dialog_established(call.offerer, NULL, 0, NULL), 0);
	assert_int_equal(call.s1.alive, 0);
	assert_int_equal(sipsec_dialog_group(call.offerer), 0);
	assert_int_equal(sipsec_dialog_flow(call.offerer, 0, (struct sockaddr *)&peer,
					    sizeof(peer)), -ENOKEY);
	end(&call);
}

/* The kernel's errors come through with its words, and nothing half-made is left. */
static void test_kernel_errors(void **state)
{
	struct call call = { 0 };
	const char *line;

	(void)state;
	call.s1.fail_new = -EADDRNOTAVAIL;
	assert_int_equal(sipsec_dialog_new(&call.s1, &conf1, &call.offerer), 0);
	assert_int_equal(sipsec_dialog_offer(call.offerer, &call.offered, &call.n), -EADDRNOTAVAIL);
	assert_string_equal(call.s1.error, "the kernel's words");
	sipsec_dialog_end(call.offerer);

	offer(&call, &conf1);
	call.s2.fail_set = -EEXIST;
	assert_int_equal(sipsec_dialog_new(&call.s2, &conf2, &call.answerer), 0);
	assert_int_equal(sipsec_dialog_answer(call.answerer, call.offered, call.n, NULL, &line),
			 -EEXIST);
	assert_null(line);
	assert_string_equal(call.s2.error, "the kernel's words");
	assert_int_equal(call.s2.alive, 0);
	sipsec_dialog_end(call.answerer);

	answer(&call, &conf2);
	call.s1.fail_set = -ENOMEM;
	assert_int_equal(establish(&call), -ENOMEM);
	assert_string_equal(call.s1.error, "the kernel's words");
	assert_int_equal(call.s1.alive, 0);
	end(&call);
}

/* Calls in a wrong order change nothing. */
static void test_order(void **state)
{
	struct call call = { 0 };
	const char *const *lines;
	const char *line;
	size_t n;

	(void)state;
	assert_int_equal(sipsec_dialog_new(&call.s1, &conf1, &call.offerer), 0);
	assert_int_equal(sipsec_dialog_established(call.offerer, NULL, 0, NULL), -EALREADY);
	assert_string_equal(call.s1.error, "established: nothing was offered yet");
	sipsec_dialog_end(call.offerer);
	offer(&call, &conf1);
	assert_int_equal(sipsec_dialog_answer(call.offerer, call.offered, call.n, NULL, &line),
			 -EALREADY);
	answer(&call, &conf2);
	assert_int_equal(sipsec_dialog_offer(call.answerer, &lines, &n), -EALREADY);
	assert_int_equal(sipsec_dialog_established(call.answerer, call.offered, 1, NULL),
			 -EALREADY);
	assert_int_equal(sipsec_dialog_answer(call.answerer, call.offered, call.n, NULL, &line),
			 -EALREADY);
	assert_true(call.s2.installed);
	assert_int_equal(establish(&call), 0);
	end(&call);
	sipsec_dialog_end(NULL);
}

static const uint32_t unknown[] = { 77 };
static const uint32_t twice[] = { 1, 2, 1 };
static uint32_t many[33];

static const struct conf {
	const char *name;
	struct sipsec_dialog_conf conf;
	int err;
	const char *text;
} confs[] = {
	{ "no local", { .local = NULL }, -EINVAL, "local is not a numeric address" },
	{ "local a name", { .local = "localhost" }, -EINVAL, "local is not a numeric address" },
	{ "local unspecified", { .local = "0.0.0.0" }, -EINVAL, "local is not the address" },
	{ "local IPv6 multicast", { .local = "ff02::1" }, -EINVAL, "local is not the address" },
	{ "local on no link", { .local = "fe80::1%nosuchdevice" }, -EINVAL,
	  "local is not a numeric address" },
	{ "suite unknown", { .local = "192.0.2.1", .suites = unknown, .n_suites = 1 }, -EINVAL,
	  "there is no suite 77" },
	{ "suite twice", { .local = "192.0.2.1", .suites = twice, .n_suites = 3 }, -EINVAL,
	  "suite ESP_AES_128_GCM_16 is there twice" },
	{ "too many suites", { .local = "192.0.2.1", .suites = many, .n_suites = 33 }, -EINVAL,
	  "more than 32 suites" },
	{ "prf unknown", { .local = "192.0.2.1", .prf = 3 }, -EINVAL, "there is no prf 3" },
	{ "rotate too small", { .local = "192.0.2.1", .rotate = 15 }, -ERANGE, "rotate is not" },
	{ "rotate too large", { .local = "192.0.2.1", .rotate = 0x80000001 }, -ERANGE,
	  "rotate is not" },
	{ "mode unknown", { .local = "192.0.2.1", .mode = 4 }, -EINVAL, "there is no mode 4" },
	{ "tfc too large", { .local = "192.0.2.1", .tfc = 65536 }, -ERANGE, "tfc is not" },
	{ "lookahead too far", { .local = "192.0.2.1", .lookahead = 17 }, -ERANGE,
	  "lookahead is not" },
	{ "tfc without tunnel", { .local = "192.0.2.1", .tfc = 1 }, -EINVAL, "tfc takes tunnel" },
	{ "seen as a name", { .local = "192.0.2.1", .seen_as = "nat" }, -EINVAL, "seen_as is not" },
	{ "seen as many", { .local = "192.0.2.1", .seen_as = "224.0.0.1" }, -EINVAL,
	  "seen_as is not" },
	{ "seen as IPv6", { .local = "192.0.2.1", .seen_as = "2001:db8::1" }, -EINVAL,
	  "seen_as is not" },
	{ "window too small", { .local = "192.0.2.1", .window = 63 }, -ERANGE, "window is not" },
	{ "window too large", { .local = "192.0.2.1", .window = 4097 }, -ERANGE, "window is not" },
};

static void test_conf(void **state)
{
	const struct conf *row = *state;
	struct sipsec s = { 0 };
	struct sipsec_dialog *d = (void *)1;

	assert_int_equal(sipsec_dialog_new(&s, &row->conf, &d), row->err);
	assert_null(d);
	if (strncmp(s.error, row->text, strlen(row->text)))
		fail_msg("%s", s.error);
}

static int udp_socket(uint16_t *port)
{
	struct sockaddr_in addr = { .sin_family = AF_INET };
	int fd = socket(AF_INET, SOCK_DGRAM, 0);

	addr.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	assert_true(fd >= 0);
	if (port) {
		socklen_t len = sizeof(addr);

		assert_int_equal(bind(fd, (struct sockaddr *)&addr, len), 0);
		assert_int_equal(getsockname(fd, (struct sockaddr *)&addr, &len), 0);
		*port = ntohs(addr.sin_port);
	}
	return fd;
}

static const struct encap {
	const char *name;
	bool one, other;		/* who has a socket for it */
	const uint32_t *suites;		/* of the offerer, one */
	uint16_t seen;			/* the port that a NAT makes of the offerer's, or 0 */
} encaps[] = {
	{ "both", true, true, NULL, 0 },
	{ "offerer", true, false, NULL, 0 },
	{ "answerer", false, true, NULL, 0 },
	{ "AH does without", true, true, others + 4, 0 },
	{ "offerer behind NAT", true, true, NULL, 1024 },
};

static void test_encap(void **state)
{
	const struct encap *row = *state;
	struct sipsec_dialog_conf one = conf1, other = conf2;
	uint16_t port1, port2, told;
	int fd1 = udp_socket(&port1), fd2 = udp_socket(&port2), type = 0;
	bool agreed = row->one && row->other && !row->suites;
	struct call call = { 0 };
	socklen_t len = sizeof(type);

	told = row->seen ? row->seen : port1;
	one.suites = row->suites;
	one.n_suites = row->suites ? 1 : 0;
	other.suites = one.suites;
	other.n_suites = one.n_suites;
	one.encap_port = row->one ? told : 0;
	one.encap_fd = fd1;
	one.seen_as = row->seen ? "198.51.100.1" : NULL;
	other.encap_port = row->other ? port2 : 0;
	other.encap_fd = fd2;
	offer(&call, &one);
	assert_int_equal(!!strstr(call.offered[0], " encap=udp:"), row->one && !row->suites);
	answer(&call, &other);
	assert_int_equal(!!strstr(call.answered, " encap=udp:"), agreed);
	assert_int_equal(establish(&call), 0);
	assert_int_equal(call.s1.set.encap_port, agreed ? port1 : 0);
	assert_int_equal(call.s1.set.encap_peer_port, agreed ? port2 : 0);
	assert_int_equal(call.s2.set.encap_port, agreed ? port2 : 0);
	assert_int_equal(call.s2.set.encap_peer_port, agreed ? told : 0);
	assert_string_equal(call.s2.peer, row->seen ? "198.51.100.1" : "192.0.2.1");
	if (agreed)
		assert_int_equal(call.s1.set.encap_fd, fd1);
	assert_int_equal(getsockopt(fd1, IPPROTO_UDP, UDP_ENCAP, &type, &len), 0);
	assert_int_equal(type, row->one ? UDP_ENCAP_ESPINUDP : 0);
	end(&call);
	close(fd1);
	close(fd2);
}

static void test_encap_socket(void **state)
{
	struct sipsec_dialog_conf conf = conf1;
	int unbound = socket(AF_INET, SOCK_DGRAM, 0), tcp = socket(AF_INET, SOCK_STREAM, 0);
	struct sockaddr_in addr = { .sin_family = AF_INET };
	struct sipsec_dialog *d;
	struct sipsec s = { 0 };

	(void)state;
	conf.encap_port = 4500;
	conf.encap_fd = -1;
	assert_int_equal(sipsec_dialog_new(&s, &conf, &d), -EBADF);
	conf.encap_fd = unbound;
	assert_int_equal(sipsec_dialog_new(&s, &conf, &d), -EINVAL);
	assert_string_equal(s.error, "encap_fd is not bound to a port");
	assert_int_equal(bind(tcp, (struct sockaddr *)&addr, sizeof(addr)), 0);
	conf.encap_fd = tcp;
	assert_true(sipsec_dialog_new(&s, &conf, &d) < 0);
	assert_int_equal(strncmp(s.error, "encap_fd: UDP_ENCAP: ", 21), 0);
	close(unbound);
	close(tcp);
}

static void test_flow(void **state)
{
	struct sockaddr_in peer = { .sin_family = AF_INET, .sin_port = htons(4000) };
	struct sockaddr *sa = (struct sockaddr *)&peer;
	struct call call = { 0 };
	uint16_t port;
	int fd = udp_socket(&port), unbound = udp_socket(NULL);

	(void)state;
	inet_pton(AF_INET, "192.0.2.2", &peer.sin_addr);
	offer(&call, &conf1);
	assert_int_equal(sipsec_dialog_flow(call.offerer, fd, sa, sizeof(peer)), -ENOKEY);
	answer(&call, &conf2);
	assert_int_equal(establish(&call), 0);

	assert_int_equal(sipsec_dialog_flow(call.offerer, fd, sa, sizeof(peer)), 0);
	assert_int_equal(call.s1.flow.group, 1);
	assert_int_equal(call.s1.flow.protocol, IPPROTO_UDP);
	assert_int_equal(call.s1.flow.local_port, port);
	assert_int_equal(call.s1.flow.peer_port, 4000);
	assert_int_equal(call.s1.flow.socket, SIPSEC_FLOW_FD);
	assert_int_equal(call.s1.flow.fd, fd);

	assert_int_equal(sipsec_dialog_flow(call.offerer, unbound, sa, sizeof(peer)), -EINVAL);
	assert_string_equal(call.s1.error, "the media socket is not bound to a port");
	assert_int_equal(sipsec_dialog_flow(call.offerer, -1, sa, sizeof(peer)), -EBADF);
	assert_int_equal(sipsec_dialog_flow(call.offerer, fd, sa, sizeof(peer) - 1), -EINVAL);
	call.s1.fail_bind = -EADDRINUSE;
	assert_int_equal(sipsec_dialog_flow(call.offerer, fd, sa, sizeof(peer)), -EADDRINUSE);
	assert_string_equal(call.s1.error, "the kernel's words");
	inet_pton(AF_INET, "192.0.2.3", &peer.sin_addr);
	assert_int_equal(sipsec_dialog_flow(call.offerer, fd, sa, sizeof(peer)), -EADDRNOTAVAIL);
	assert_string_equal(call.s1.error, "the group is for 192.0.2.2;"
			    " other addresses need a dialog of their own");
	inet_pton(AF_INET, "192.0.2.2", &peer.sin_addr);
	/* Any port of the peer. */
	peer.sin_port = 0;
	call.s1.fail_bind = 0;
	assert_int_equal(sipsec_dialog_flow(call.offerer, fd, sa, sizeof(peer)), 0);
	assert_int_equal(call.s1.flow.local_port, port);
	assert_int_equal(call.s1.flow.peer_port, 0);
	end(&call);
	close(fd);
	close(unbound);
}

/* A re-INVITE: flows move, the old group ends after its grace time. */
static void test_rekey(void **state)
{
	struct sockaddr_in peer = { .sin_family = AF_INET, .sin_port = htons(4000) };
	struct sipsec_dialog_conf conf = { .local = "192.0.2.1", .dh = true, .rotate = 500,
					   .rotate_octets = 7000, .rotate_time = 8,
					   .rotate_idle = 9,
					   .lookahead = 3 };
	struct call call = { 0 }, again;
	uint8_t first[SIPSEC_MASTER_MAX];
	int fd = udp_socket(&(uint16_t){ 0 });
	struct sipsec_dialog *other;

	(void)state;
	inet_pton(AF_INET, "192.0.2.2", &peer.sin_addr);
	offer(&call, &conf);
	assert_int_equal(sipsec_dialog_rekey(call.offerer, &other), -ENOKEY);
	assert_null(other);
	assert_int_equal(sipsec_dialog_take_over(call.offerer, 0), -EALREADY);
	answer(&call, &conf2);
	assert_int_equal(establish(&call), 0);
	assert_int_equal(sipsec_dialog_take_over(call.offerer, 0), -EALREADY);
	memcpy(first, call.s1.master, sizeof(first));
	/* The same flow twice is one. */
	for (int i = 0; i < 2; i++)
		assert_int_equal(sipsec_dialog_flow(call.offerer, fd, (struct sockaddr *)&peer,
						    sizeof(peer)), 0);
	peer.sin_port = htons(4002);
	assert_int_equal(sipsec_dialog_flow(call.offerer, fd, (struct sockaddr *)&peer,
					    sizeof(peer)), 0);

	/* One that comes to nothing changes nothing. */
	assert_int_equal(sipsec_dialog_rekey(call.offerer, &other), 0);
	assert_int_equal(sipsec_dialog_rekey(call.offerer, &again.offerer), -EBUSY);
	assert_string_equal(call.s1.error,
			    "a rekey is under way: the peer's is to be refused (491)");
	assert_int_equal(sipsec_dialog_offer(other, &call.offered, &call.n), 0);
	assert_int_equal(sipsec_dialog_established(other, NULL, 0, NULL), -ENOKEY);
	assert_int_equal(sipsec_dialog_take_over(other, 0), -EALREADY);
	sipsec_dialog_end(other);
	assert_int_equal(call.s1.alive, 1);

	/* Each side's dialog for the rekey. */
	again = call;
	assert_int_equal(sipsec_dialog_rekey(call.offerer, &again.offerer), 0);
	again.s1 = call.s1;
	assert_int_equal(sipsec_dialog_rekey(call.answerer, &again.answerer), 0);
	assert_int_equal(sipsec_dialog_offer(again.offerer, &again.offered, &again.n), 0);
	if (sipsec_dialog_answer(again.answerer, again.offered, again.n, NULL, &again.answered))
		fail_msg("%s", call.s2.error);
	assert_int_equal(call.s2.set.replaces, 1);
	assert_int_equal(sipsec_dialog_established(again.offerer, &again.answered, 1, NULL), 0);
	assert_int_equal(call.s1.set.replaces, 1);
	assert_int_equal(call.s1.set.rotate, 500);
	assert_int_equal(call.s1.set.rotate_octets, 7000);
	assert_int_equal(call.s1.set.rotate_time, 8);
	assert_int_equal(call.s1.set.rotate_idle, 9);
	assert_int_equal(call.s1.set.lookahead, 3);
	assert_memory_equal(call.s1.master, call.s2.master, 32);
	assert_memory_not_equal(call.s1.master, first, 32);

	call.s1.binds = 0;
	call.s1.fail_bind = -EADDRINUSE;
	assert_int_equal(sipsec_dialog_take_over(again.offerer, 0), -EADDRINUSE);
	assert_int_equal(call.s1.retired, 0);
	/* A medium whose socket was closed is gone. */
	call.s1.fail_bind = -EBADF;
	assert_int_equal(sipsec_dialog_take_over(again.offerer, 0), 0);
	assert_int_equal(call.s1.binds, 3);
	assert_int_equal(call.s1.flow.group, sipsec_dialog_group(again.offerer));
	assert_int_equal(call.s1.flow.peer_port, 4002);
	assert_int_equal(call.s1.retired, 1);
	assert_int_equal(call.s1.grace, 10);
	assert_int_equal(sipsec_dialog_take_over(again.answerer, 3), 0);
	assert_int_equal(call.s2.grace, 3);

	/* And again, the old one being ended first. */
	assert_int_equal(sipsec_dialog_rekey(again.offerer, &other), 0);
	sipsec_dialog_end(again.offerer);
	assert_int_equal(sipsec_dialog_take_over(other, 0), -EALREADY);
	sipsec_dialog_end(other);
	sipsec_dialog_end(again.answerer);
	close(fd);
}

int main(void)
{
	static struct tests tests;

	ADD_TABLE(&tests, test_agree, agrees);
	add_test(&tests, "fresh secrets", test_fresh, NULL);
	add_test(&tests, "offer again", test_offer_again, NULL);
	add_test(&tests, "bid down", test_bid_down, NULL);
	ADD_TABLE(&tests, test_refused, refused);
	add_test(&tests, "bad dh", test_bad_dh, NULL);
	ADD_TABLE(&tests, test_peer, peers);
	ADD_TABLE(&tests, test_unusable, unusable);
	add_test(&tests, "prefer, offerer", test_prefer_offerer, NULL);
	add_test(&tests, "errors of the kernel", test_kernel_errors, NULL);
	add_test(&tests, "order of calls", test_order, NULL);
	ADD_TABLE(&tests, test_conf, confs);
	ADD_TABLE(&tests, test_encap, encaps);
	add_test(&tests, "socket of encap", test_encap_socket, NULL);
	add_test(&tests, "flow", test_flow, NULL);
	add_test(&tests, "rekey", test_rekey, NULL);
	for (size_t i = 0; i < tests.n; i++)
		tests.test[i].setup_func = setup;
	return run_table("dialog", &tests);
}
