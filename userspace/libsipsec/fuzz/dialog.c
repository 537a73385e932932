// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * Offer and answer: one side of a dialog whose peer, and whose SIP stack, say anything in any
 * order. An input is a configuration and then calls, each with the lines it needs. Some lines are
 * those the other side of a real negotiation would send, with a few octets changed.
 *
 * The kernel's side is stood in for: it watches that there is never more than one group and that
 * what is installed is sound.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdarg.h>

#include <linux/sipsec.h>

#include "agreement.h"
#include "fuzz.h"
#include "kdf.h"
#include "netlink.h"
#include "sdp.h"

#define LINES_MAX	40	/* more than a dialog takes */

struct sipsec {
	char error[256];
	uint32_t alive;		/* id of the group, or 0 */
	uint32_t groups;	/* made so far */
	bool installed;
	bool fail;		/* the kernel refuses the next request */
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

static int refuse_once(struct sipsec *s)
{
	bool now = s->fail;

	s->fail = false;
	return now ? sipsec_netlink_fail(s, -EBUSY, "the kernel's words") : 0;
}

int sipsec_group_new(struct sipsec *s, const struct sipsec_group_conf *conf, uint32_t *id,
		     uint32_t *spi_in)
{
	struct sipsec_addr local;
	int err = refuse_once(s);

	if (err)
		return err;
	CHECK(!s->alive);
	CHECK(!sipsec_addr_parse(conf->local, &local) && sipsec_addr_is_unicast(&local));
	s->alive = ++s->groups;
	*id = s->alive;
	*spi_in = 0x10000 * (s->groups & 0xff) + 0x100;
	return 0;
}

int sipsec_group_set(struct sipsec *s, uint32_t id, const struct sipsec_group_conf *conf)
{
	struct sipsec_addr peer;
	int err = refuse_once(s);

	if (err)
		return err;
	CHECK(id == s->alive && !s->installed);
	CHECK(conf->role == SIPSEC_ROLE_OFFERER || conf->role == SIPSEC_ROLE_ANSWERER);
	CHECK(conf->suite >= 1 && conf->suite <= SIPSEC_SUITE_ESP_NULL_HMAC_SHA1_96);
	CHECK(conf->master_len == sipsec_kdf_len(conf->prf));
	CHECK(conf->spi_out >= SIPSEC_SPI_BLOCK_MIN && !(conf->spi_out % SIPSEC_SPI_BLOCK_SIZE));
	CHECK(conf->rotate >= SIPSEC_ROTATE_MIN && conf->rotate <= SIPSEC_ROTATE_MAX);
	CHECK(conf->life && conf->window >= SIPSEC_WINDOW_MIN &&
	      conf->window <= SIPSEC_WINDOW_MAX);
	CHECK(!sipsec_addr_parse(conf->peer, &peer) && sipsec_addr_is_unicast(&peer));
	s->installed = true;
	return 0;
}

int sipsec_group_del(struct sipsec *s, uint32_t id)
{
	CHECK(id == s->alive);
	s->alive = 0;
	s->installed = false;
	return 0;
}

int sipsec_group_retire(struct sipsec *s, uint32_t id, uint32_t grace)
{
	CHECK(grace);
	return sipsec_group_del(s, id);
}

int sipsec_flow_bind(struct sipsec *s, const struct sipsec_flow_conf *conf)
{
	CHECK(s->installed && conf->group == s->alive);
	return 0;
}

struct lines {
	char *line[LINES_MAX];
	size_t n;
};

static void free_lines(struct lines *lines)
{
	while (lines->n)
		free(lines->line[--lines->n]);
}

static void add_line(struct lines *lines, char *line)
{
	lines->line[lines->n++] = line;
}

/* Lines of the input, or those of the other side with some octets changed. */
static void make_lines(struct input *in, struct lines *lines, const char *const *real, size_t n)
{
	uint8_t how = take_u8(in);

	lines->n = 0;
	if (how & 0x80) {
		for (size_t i = 0; i < n; i++) {
			char *line = strdup(real[i]);

			CHECK(line);
			for (int changes = how & 3; changes; changes--) {
				size_t at = take_u16(in) % (strlen(line) + 1);

				line[at] = line[at] ? (char)take_u8(in) : '\0';
			}
			add_line(lines, line);
		}
		return;
	}
	for (size_t i = how % LINES_MAX; i && in->left; i--)
		add_line(lines, take_line(in));
}

/* What another user agent says to these lines, which it may not like. */
static void answer_of_peer(const char *const *offered, size_t n, struct lines *answer)
{
	struct sipsec kernel = { 0 };
	struct sipsec_dialog_conf conf = { .local = "192.0.2.2" };
	struct sipsec_dialog *d;
	const char *line = NULL;

	answer->n = 0;
	CHECK(!sipsec_dialog_new(&kernel, &conf, &d));
	if (!sipsec_dialog_answer(d, offered, n, "192.0.2.1", &line) && line) {
		add_line(answer, strdup(line));
		CHECK(answer->line[0]);
	}
	sipsec_dialog_end(d);
}

static void offer_of_peer(struct lines *offer)
{
	struct sipsec kernel = { 0 };
	struct sipsec_dialog_conf conf = { .local = "192.0.2.2", .dh = true };
	struct sipsec_dialog *d;
	const char *const *lines;
	size_t n;

	offer->n = 0;
	CHECK(!sipsec_dialog_new(&kernel, &conf, &d));
	CHECK(!sipsec_dialog_offer(d, &lines, &n));
	for (size_t i = 0; i < n; i++) {
		add_line(offer, strdup(lines[i]));
		CHECK(offer->line[i]);
	}
	sipsec_dialog_end(d);
}

static void call_answer(struct input *in, struct sipsec_dialog *d, const char *peer)
{
	struct lines real, lines;
	struct sipsec_sdp_line read;
	char why[SIPSEC_WHY_MAX];
	const char *line;

	offer_of_peer(&real);
	make_lines(in, &lines, (const char *const *)real.line, real.n);
	if (!sipsec_dialog_answer(d, (const char *const *)lines.line, lines.n, peer, &line) && line)
		CHECK(!sipsec_sdp_parse(line, &read, why));
	free_lines(&real);
	free_lines(&lines);
}

static void call_established(struct input *in, struct sipsec_dialog *d, const char *peer)
{
	const char *const *offered = NULL;
	struct lines real = { .n = 0 }, lines;
	size_t n = 0;

	if (!sipsec_dialog_offer(d, &offered, &n))
		answer_of_peer(offered, n, &real);
	make_lines(in, &lines, (const char *const *)real.line, real.n);
	sipsec_dialog_established(d, (const char *const *)lines.line, lines.n, peer);
	free_lines(&real);
	free_lines(&lines);
}

static struct sipsec_dialog *make_dialog(struct input *in, struct sipsec *kernel)
{
	static const char *const locals[] = { "192.0.2.1", "2001:db8::1", "224.0.0.1", "x", NULL };
	uint8_t flags = take_u8(in);
	struct sipsec_dialog_conf conf = {
		.local = flags & 1 ? locals[take_u8(in) % 5] : locals[0],
		.prefer = flags & 2,
		.dh = flags & 4,
	};
	struct sipsec_dialog *d;

	if (flags & 8)
		conf.prf = take_u8(in) % 4;
	if (flags & 16)
		conf.rotate = take_u16(in);
	if (flags & 32)
		conf.life = take_u16(in);
	if (flags & 64)
		conf.window = take_u16(in);
	return sipsec_dialog_new(kernel, &conf, &d) ? NULL : d;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	struct sipsec kernel = { 0 };
	struct sipsec_dialog *d = make_dialog(&in, &kernel);
	const char *const *offered;
	char *peer;
	size_t n;

	while (d && in.left) {
		uint8_t call = take_u8(&in);

		kernel.fail = call & 0x80;
		peer = call & 0x40 ? take_line(&in) : strdup("192.0.2.2");
		CHECK(peer);
		switch (call % 4) {
		case 0:
			sipsec_dialog_offer(d, &offered, &n);
			break;
		case 1:
			call_answer(&in, d, call & 0x20 ? NULL : peer);
			break;
		case 2:
			call_established(&in, d, call & 0x20 ? NULL : peer);
			break;
		case 3:
			sipsec_dialog_sent(d);
			break;
		}
		free(peer);
		CHECK(!kernel.installed || sipsec_dialog_group(d) == kernel.alive);
		CHECK(!sipsec_dialog_suite(d) || kernel.installed);
	}
	sipsec_dialog_end(d);
	CHECK(!kernel.alive);
	return 0;
}
