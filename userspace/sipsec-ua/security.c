// SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause
#include "security.h"

#include <errno.h>
#include <string.h>
#include <sipsec.h>

#define ATTR		"ipsec-sa"	/* name of the SDP attribute */
#define LINES_MAX	16		/* lines of a peer that are looked at */

struct security {
	struct sipsec *connection;
	struct sipsec_dialog *dialog;
};

/* The attribute lines of the peer, as they came: their octets enter the keys. */
struct lines {
	char *line[LINES_MAX];
	size_t n;
};

static void on_event(const struct sipsec_event *ev, void *arg)
{
	(void)arg;
	switch (ev->type) {
	case SIPSEC_EVENT_GROUP_ROTATE:
		ua_say(ev->time_ns, "%-3s round %3llu  SPI %08x  after %llu packets",
		       ev->direction == SIPSEC_DIRECTION_OUT ? "out" : "in",
		       ev->round, ev->spi, ev->packets);
		break;
	case SIPSEC_EVENT_GROUP_ADD:
		ua_say(ev->time_ns, "group %u installed", ev->group);
		break;
	case SIPSEC_EVENT_GROUP_UP:
		ua_say(ev->time_ns, "group %u up: the other side has the same keys", ev->group);
		break;
	case SIPSEC_EVENT_GROUP_DEL:
		ua_say(ev->time_ns, "group %u ended, %llu packets out, %llu in", ev->group,
		       ev->packets_out, ev->packets_in);
		break;
	case SIPSEC_EVENT_GROUP_LIMIT:
		ua_say(ev->time_ns, "%-3s round %3llu  SPI %08x  is used up, nothing can be sent",
		       ev->direction == SIPSEC_DIRECTION_OUT ? "out" : "in", ev->round, ev->spi);
		break;
	case SIPSEC_EVENT_GROUP_DISTURBED:
		ua_say(ev->time_ns, "%-3s round %3llu  SPI %08x  %s",
		       ev->direction == SIPSEC_DIRECTION_OUT ? "out" : "in", ev->round, ev->spi,
		       ev->reason == SIPSEC_DISTURBANCE_SPI_TAKEN ?
			       "is another SA's of this host" : "was removed by somebody");
		break;
	case SIPSEC_EVENT_LOST:
		ua_say(0, "events were lost");
		break;
	}
}

static void on_readable(int flags, void *arg)
{
	struct security *s = arg;

	(void)flags;
	(void)sipsec_process(s->connection);
}

static void destructor(void *data)
{
	struct security *s = data;

	security_end(s);
	if (s->connection)
		fd_close(sipsec_fd(s->connection));
	sipsec_close(s->connection);
}

/* Text of libsipsec's last error. Return: the error as libre has it, positive. */
static int failed(const struct security *s, const char *what, int err)
{
	ua_fail("%s: %s", what, sipsec_error(s->connection));
	return -err;
}

static int dialog_new(struct security *s, const struct security_conf *conf, const struct sa *local)
{
	uint32_t suites[ARRAY_SIZE(conf->suites)];
	struct sipsec_dialog_conf dialog = {
		.suites = suites,
		.n_suites = conf->n_suites,
		.rotate = conf->rotate,
		.prefer = conf->prefer,
	};
	char address[64];
	size_t i;
	int err;

	for (i = 0; i < conf->n_suites; i++) {
		err = sipsec_suite_by_name(conf->suites[i]);
		if (err < 0) {
			ua_fail("there is no suite %s", conf->suites[i]);
			return -err;
		}
		suites[i] = (uint32_t)err;
	}
	(void)re_snprintf(address, sizeof(address), "%j", local);
	dialog.local = address;
	err = sipsec_dialog_new(s->connection, &dialog, &s->dialog);
	return err ? failed(s, "no security for the call", err) : 0;
}

int security_alloc(struct security **sp, const struct security_conf *conf, const struct sa *local)
{
	struct security *s;
	int err;

	s = mem_zalloc(sizeof(*s), destructor);
	if (!s)
		return ENOMEM;
	err = sipsec_connect(&s->connection);
	if (err) {
		err = failed(s, "no connection to sipsec", err);
		goto out;
	}
	err = sipsec_app_open(s->connection, conf->app);
	if (err) {
		ua_fail("cannot open the app %s: %s", conf->app, sipsec_error(s->connection));
		err = -err;
		goto out;
	}
	err = dialog_new(s, conf, local);
	if (err)
		goto out;
	sipsec_set_event_handler(s->connection, on_event, s);
	err = fd_listen(sipsec_fd(s->connection), FD_READ, on_readable, s);
out:
	if (err)
		mem_deref(s);
	else
		*sp = s;
	return err;
}

/* libre takes an attribute's name and value apart, libsipsec does not. */
static int add_line(struct sdp_session *sdp, const char *line)
{
	return sdp_session_set_lattr(sdp, false, ATTR, "%s", line + sizeof(ATTR));
}

static bool take_line(const char *name, const char *value, void *arg)
{
	struct lines *lines = arg;

	if (lines->n < LINES_MAX && !re_sdprintf(&lines->line[lines->n], "%s:%s", name, value))
		lines->n++;
	return false;
}

static void take_lines(const struct sdp_session *sdp, struct lines *lines)
{
	lines->n = 0;
	(void)sdp_session_rattr_apply(sdp, ATTR, take_line, lines);
}

static void free_lines(struct lines *lines)
{
	while (lines->n) {
		char *line = lines->line[--lines->n];

		explicit_bzero(line, str_len(line));
		mem_deref(line);
	}
}

int security_offer(struct security *s, struct sdp_session *sdp)
{
	const char *const *lines;
	size_t n;
	size_t i;
	int err;

	if (!s)
		return 0;
	err = sipsec_dialog_offer(s->dialog, &lines, &n);
	if (err)
		return failed(s, "cannot offer security", err);
	for (i = 0; i < n && !err; i++)
		err = add_line(sdp, lines[i]);
	return err;
}

int security_answer(struct security *s, struct sdp_session *sdp, const struct sa *peer)
{
	struct lines offered;
	const char *line;
	char address[64];
	int err;

	if (!s)
		return 0;
	(void)re_snprintf(address, sizeof(address), "%j", peer);
	take_lines(sdp, &offered);
	err = sipsec_dialog_answer(s->dialog, (const char *const *)offered.line, offered.n,
				   address, &line);
	free_lines(&offered);
	if (err)
		return failed(s, "the offer cannot be accepted", err);
	if (!line)
		return 0;	/* the peer has no ipsec-sa, and --prefer was given */
	err = add_line(sdp, line);
	sipsec_dialog_sent(s->dialog);
	return err;
}

int security_established(struct security *s, struct sdp_session *sdp, const struct sa *peer)
{
	struct lines answered;
	char address[64];
	int err;

	if (!s)
		return 0;
	(void)re_snprintf(address, sizeof(address), "%j", peer);
	take_lines(sdp, &answered);
	err = sipsec_dialog_established(s->dialog, (const char *const *)answered.line, answered.n,
					address);
	free_lines(&answered);
	return err ? failed(s, "the answer cannot be accepted", err) : 0;
}

int security_flow(struct security *s, int fd, const struct sa *peer)
{
	int err;

	if (!s || !sipsec_dialog_group(s->dialog))
		return 0;
	err = sipsec_dialog_flow(s->dialog, fd, &peer->u.sa, peer->len);
	return err ? failed(s, "cannot protect the media", err) : 0;
}

void security_end(struct security *s)
{
	if (!s)
		return;
	sipsec_dialog_end(s->dialog);
	s->dialog = NULL;
	/* The group's last event is waiting. */
	if (s->connection)
		(void)sipsec_process(s->connection);
}
