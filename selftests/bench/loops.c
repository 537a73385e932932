// SPDX-License-Identifier: GPL-2.0
/*
 * loops.so - the loops that are timed, for guest.py
 *
 * Sockets, devices and namespaces are made in Python; nothing but the calls under test is between
 * the two looks at the clock. A function that times something returns nanoseconds, or a negative
 * errno; bench_failed is then the number of the call that failed.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#include <sipsec.h>

#define SIZE_MAX_UDP	1400
#define ADDRESS_MAX	28

/* One per flow; the same layout in guest.py. */
struct bench_flow {
	int32_t fd;
	uint32_t to_len;		/* 0: the socket is connected */
	uint8_t to[ADDRESS_MAX];
};

/* One group with one flow, and what its making has told. */
struct bench_group {
	uint32_t id;
	uint32_t spi_in;
	uint32_t spi_out;
	uint32_t role;
	int32_t fd;
	uint16_t local_port;
	uint16_t peer_port;
	uint8_t master[32];
};

/* A packet as it went over the wire. */
struct bench_packet {
	uint32_t len;
	uint8_t data[1500];
};

enum { STEP_OFFER, STEP_ANSWER, STEP_ESTABLISHED, STEP_FLOW, STEP_END, STEPS };

unsigned int bench_failed;
/* How much the last dialog offered: octets of its lines with "a=" and line end. */
unsigned int bench_octets;

/* A connection that has opened an app of its own, or NULL. */
struct sipsec *bench_open(const char *app)
{
	struct sipsec_app_conf conf = { .has_uid = true, .max_groups = 1000000,
					.max_flows = 1000000 };
	struct sipsec *s;

	if (sipsec_connect(&s))
		return NULL;
	if (!sipsec_app_new(s, app, &conf) && !sipsec_app_open(s, app))
		return s;
	fprintf(stderr, "%s\n", sipsec_error(s));
	sipsec_close(s);
	return NULL;
}

static int64_t now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_RAW, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static int64_t failed(unsigned int i, int err)
{
	bench_failed = i;
	return err;
}

static ssize_t send_one(const struct bench_flow *f, const void *data, size_t size)
{
	if (!f->to_len)
		return send(f->fd, data, size, 0);
	return sendto(f->fd, data, size, 0, (const struct sockaddr *)f->to, f->to_len);
}

/* So many datagrams, on one flow after the other. */
int64_t bench_send(const struct bench_flow *flows, unsigned int n, size_t size,
		   unsigned int packets)
{
	static const uint8_t data[SIZE_MAX_UDP];
	unsigned int i, at = 0;
	int64_t start = now();

	for (i = 0; i < packets; i++) {
		if (send_one(&flows[at], data, size) < 0)
			return failed(i, -errno);
		at = at + 1 == n ? 0 : at + 1;
	}
	return now() - start;
}

/* Not what IPv6 says of its own accord. */
static bool wanted(const uint8_t *packet)
{
	uint8_t protocol = packet[0] >> 4 == 4 ? packet[9] : packet[6];

	return protocol == IPPROTO_UDP || protocol == IPPROTO_ESP;
}

/* The same; what comes out of the tun device is kept. Not timed: 0 or an error. */
int64_t bench_record(int tun, const struct bench_flow *flows, unsigned int n, size_t size,
		     struct bench_packet *out, unsigned int packets)
{
	static const uint8_t data[SIZE_MAX_UDP];
	unsigned int i;
	ssize_t len;

	for (i = 0; i < packets; i++) {
		if (send_one(&flows[i % n], data, size) < 0)
			return failed(i, -errno);
		do {
			len = read(tun, out[i].data, sizeof(out[i].data));
			if (len < 0)
				return failed(i, -errno);
		} while (!wanted(out[i].data));
		out[i].len = len;
	}
	return 0;
}

/*
 * Packets come in by the tun device, as an interrupt would bring them, and the datagrams are read:
 * packet i on socket i % n.
 */
int64_t bench_receive(int tun, const struct bench_packet *in, unsigned int packets,
		      const struct bench_flow *flows, unsigned int n, unsigned int batch)
{
	uint8_t data[SIZE_MAX_UDP];
	unsigned int i, end, first;
	int64_t start = now();

	for (first = 0; first < packets; first = end) {
		end = first + batch < packets ? first + batch : packets;
		for (i = first; i < end; i++)
			if (write(tun, in[i].data, in[i].len) < 0)
				return failed(i, -errno);
		for (i = first; i < end; i++)
			if (recv(flows[i % n].fd, data, sizeof(data), 0) < 0)
				return failed(i, -errno);
	}
	return now() - start;
}

/* Reserve, give keys, bind a socket: three requests for each group. */
int64_t bench_set_up(struct sipsec *s, struct bench_group *groups, unsigned int n,
		     const char *local, const char *peer, uint32_t suite, uint32_t rotate)
{
	struct sipsec_group_conf conf = { .local = local, .peer = peer, .suite = suite,
					  .rotate = rotate, .master_len = 32 };
	struct sipsec_flow_conf flow = { .protocol = IPPROTO_UDP };
	struct bench_group *g;
	int64_t start = now();
	unsigned int i;
	int err;

	for (i = 0; i < n; i++) {
		g = &groups[i];
		err = sipsec_group_new(s, &conf, &g->id, &g->spi_in);
		if (err)
			return failed(i, err);
		conf.role = g->role;
		conf.master = g->master;
		conf.spi_out = g->spi_out;
		err = sipsec_group_set(s, g->id, &conf);
		if (err)
			return failed(i, err);
		flow.group = g->id;
		flow.local_port = g->local_port;
		flow.peer_port = g->peer_port;
		flow.fd = g->fd;
		err = sipsec_flow_bind(s, &flow);
		if (err)
			return failed(i, err);
	}
	return now() - start;
}

int64_t bench_tear_down(struct sipsec *s, const struct bench_group *groups, unsigned int n)
{
	int64_t start = now();
	unsigned int i;
	int err;

	for (i = 0; i < n; i++) {
		err = sipsec_group_del(s, groups[i].id);
		if (err)
			return failed(i, err);
	}
	return now() - start;
}

int64_t bench_close(struct sipsec *s)
{
	int64_t start = now();

	sipsec_close(s);
	return now() - start;
}

static int64_t lap(int64_t *at)
{
	int64_t before = *at;

	*at = now();
	return *at - before;
}

/*
 * A call as both sides' SIP stacks see it, offer to BYE. The time of each step, of one side, is
 * added to steps[].
 */
int64_t bench_dialogs(struct sipsec *caller, struct sipsec *callee, unsigned int n,
		      const char *address_a, const char *address_b, const int *fds,
		      const uint8_t *to_b, const uint8_t *to_a, socklen_t len, int64_t *steps)
{
	struct sipsec_dialog_conf conf_a = { .local = address_a };
	struct sipsec_dialog_conf conf_b = { .local = address_b };
	const char *const *lines;
	struct sipsec_dialog *a, *b;
	const char *line;
	size_t i, lines_n;
	unsigned int k;
	int64_t t;
	int err;

	for (k = 0; k < n; k++) {
		a = NULL;
		b = NULL;
		t = now();
		err = sipsec_dialog_new(caller, &conf_a, &a);
		if (!err)
			err = sipsec_dialog_offer(a, &lines, &lines_n);
		steps[STEP_OFFER] += lap(&t);
		if (err)
			goto out;
		bench_octets = 0;
		for (i = 0; i < lines_n; i++)
			bench_octets += strlen("a=") + strlen(lines[i]) + strlen("\r\n");
		t = now();
		err = sipsec_dialog_new(callee, &conf_b, &b);
		if (!err)
			err = sipsec_dialog_answer(b, lines, lines_n, address_a, &line);
		steps[STEP_ANSWER] += lap(&t);
		if (!err)
			err = sipsec_dialog_established(a, &line, 1, address_b);
		steps[STEP_ESTABLISHED] += lap(&t);
		if (!err)
			err = sipsec_dialog_flow(a, fds[0], (const struct sockaddr *)to_b, len);
		steps[STEP_FLOW] += lap(&t);
		if (!err)
			err = sipsec_dialog_flow(b, fds[1], (const struct sockaddr *)to_a, len);
		sipsec_dialog_sent(b);
out:
		t = now();
		sipsec_dialog_end(a);
		steps[STEP_END] += lap(&t);
		sipsec_dialog_end(b);
		if (err)
			return failed(k, err);
	}
	return 0;
}
