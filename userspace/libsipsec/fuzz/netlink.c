// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * What the kernel says: replies, lists, errors with their extended ack, events. An input is a list
 * of requests to make, each with the datagrams that answer it; connecting is the first one. The
 * headers of messages are made to fit the request unless the input wants otherwise, so that most
 * get as far as the attributes.
 */
#include <errno.h>
#include <poll.h>
#include <sys/socket.h>
#include <time.h>

#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <netlink/genl/genl.h>
#include <sanitizer/asan_interface.h>

#include "fuzz.h"
#include "netlink.h"
#include "sipsec.h"

#define FAMILY	77
#define MESSAGES_MAX	16	/* in one datagram */

static struct input in;
static bool family_wanted;	/* by the request that is under way */
static bool answered;
static struct nlmsghdr request;

ssize_t __wrap_sendto(int fd, const void *buffer, size_t len, int flags,
		      const struct sockaddr *to, socklen_t to_len);
ssize_t __wrap_recvmsg(int fd, struct msghdr *hdr, int flags);

ssize_t __wrap_sendto(int fd, const void *buffer, size_t len, int flags,
		      const struct sockaddr *to, socklen_t to_len)
{
	(void)fd;
	(void)flags;
	(void)to;
	(void)to_len;
	CHECK(len >= sizeof(request));
	memcpy(&request, buffer, sizeof(request));
	CHECK(request.nlmsg_len == len);
	family_wanted = request.nlmsg_type == GENL_ID_CTRL;
	answered = false;
	return len;
}

/* Time passes only when somebody waits, and then at once. */
static time_t now;

int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout);
int __wrap_poll(struct pollfd *fds, nfds_t n, int timeout)
{
	(void)fds;
	(void)n;
	now += timeout / 1000 + 1;
	return 0;
}

int __wrap_clock_gettime(clockid_t clock, struct timespec *ts);
int __wrap_clock_gettime(clockid_t clock, struct timespec *ts)
{
	(void)clock;
	*ts = (struct timespec){ .tv_sec = now };
	return 0;
}

static size_t append(uint8_t *to, size_t room, const void *from, size_t len)
{
	if (len > room)
		len = room;
	memcpy(to, from, len);
	return len;
}

/* What makes the library take the family for there. */
static size_t family_message(uint8_t *to, size_t room)
{
	struct nl_msg *msg = nlmsg_alloc();
	struct nlattr *groups, *group;
	size_t len;

	CHECK(msg && genlmsg_put(msg, request.nlmsg_pid, request.nlmsg_seq, GENL_ID_CTRL, 0, 0,
				 CTRL_CMD_NEWFAMILY, 1));
	nla_put_u16(msg, CTRL_ATTR_FAMILY_ID, FAMILY);
	groups = nla_nest_start(msg, CTRL_ATTR_MCAST_GROUPS);
	group = nla_nest_start(msg, 1);
	nla_put_u32(msg, CTRL_ATTR_MCAST_GRP_ID, 9);
	nla_put_string(msg, CTRL_ATTR_MCAST_GRP_NAME, SIPSEC_MCGRP_EVENTS);
	nla_nest_end(msg, group);
	nla_nest_end(msg, groups);
	len = append(to, room, nlmsg_hdr(msg), nlmsg_hdr(msg)->nlmsg_len);
	nlmsg_free(msg);
	return len;
}

static size_t ack(uint8_t *to, size_t room, int err)
{
	struct {
		struct nlmsghdr nlh;
		struct nlmsgerr e;
	} msg = {
		.nlh = { .nlmsg_len = sizeof(msg), .nlmsg_type = NLMSG_ERROR,
			 .nlmsg_flags = NLM_F_CAPPED, .nlmsg_seq = request.nlmsg_seq,
			 .nlmsg_pid = request.nlmsg_pid },
		.e = { .error = err, .msg = request },
	};

	return append(to, room, &msg, sizeof(msg));
}

/* One message, its body from the input: kind, flags, length, body. */
static size_t message(uint8_t *to, size_t room)
{
	struct nlmsghdr nlh = { .nlmsg_seq = request.nlmsg_seq, .nlmsg_pid = request.nlmsg_pid };
	uint8_t kind = take_u8(&in), flags = take_u8(&in);
	size_t len = take_u16(&in) % 4096, at;

	switch (kind % 8) {
	case 0:
		nlh.nlmsg_type = family_wanted ? GENL_ID_CTRL : FAMILY;
		break;
	case 1:
		nlh.nlmsg_type = NLMSG_ERROR;
		break;
	case 2:
		nlh.nlmsg_type = NLMSG_DONE;
		break;
	case 3:
		nlh.nlmsg_type = FAMILY;
		nlh.nlmsg_seq = 0;
		break;
	case 4:
		nlh.nlmsg_type = take_u16(&in);
		break;
	case 5:
		nlh.nlmsg_seq--;
		break;
	case 6:
		return family_message(to, room);
	case 7:
		return ack(to, room, 0);
	}
	nlh.nlmsg_flags = (flags & 1 ? NLM_F_CAPPED : 0) | (flags & 2 ? NLM_F_ACK_TLVS : 0) |
			  (flags & 4 ? NLM_F_DUMP_INTR : 0) | (flags & 8 ? NLM_F_MULTI : 0);
	nlh.nlmsg_len = NLMSG_HDRLEN + len;
	if (flags & 0x40)
		nlh.nlmsg_len = take_u16(&in);
	if (room < NLMSG_HDRLEN + NLMSG_ALIGN(len))
		return 0;
	at = append(to, room, &nlh, sizeof(nlh));
	take(&in, to + at, len);
	memset(to + at + len, 0, NLMSG_ALIGN(len) - len);
	return at + NLMSG_ALIGN(len);
}

/* All of the reader's buffer but the datagram is out of bounds. */
static ssize_t give(struct msghdr *hdr, const uint8_t *data, size_t len, uint32_t sender)
{
	struct sockaddr_nl from = { .nl_family = AF_NETLINK, .nl_pid = sender };

	memcpy(hdr->msg_name, &from, sizeof(from));
	hdr->msg_namelen = sizeof(from);
	CHECK(len <= hdr->msg_iov[0].iov_len);
	memcpy(hdr->msg_iov[0].iov_base, data, len);
	__asan_poison_memory_region((char *)hdr->msg_iov[0].iov_base + len,
				    hdr->msg_iov[0].iov_len - len);
	return len;
}

ssize_t __wrap_recvmsg(int fd, struct msghdr *hdr, int flags)
{
	static uint8_t data[32768] __attribute__((aligned(NLMSG_ALIGNTO)));
	size_t len = 0;
	uint8_t how;

	(void)fd;
	(void)flags;
	__asan_unpoison_memory_region(hdr->msg_iov[0].iov_base, hdr->msg_iov[0].iov_len);
	if (!in.left) {
		/* Nothing is left to say but the end, and then nothing. */
		if (answered || !request.nlmsg_seq) {
			errno = EAGAIN;
			return -1;
		}
		answered = true;
		if (family_wanted)
			len = family_message(data, sizeof(data));
		len += ack(data + len, sizeof(data) - len, 0);
		return give(hdr, data, len, 0);
	}
	how = take_u8(&in);
	switch (how % 16) {
	case 0:
		errno = ENOBUFS;
		return -1;
	case 1:
		errno = EAGAIN;
		return -1;
	case 2:
		hdr->msg_flags |= MSG_TRUNC;
		break;
	}
	for (int n = how >> 4 & (MESSAGES_MAX - 1); n >= 0 && in.left; n--)
		len += message(data + len, sizeof(data) - len);
	/* Cut off. */
	if (how % 16 == 3)
		len -= len ? take_u8(&in) % len : 0;
	return give(hdr, data, len, how % 16 == 4);
}

static uint64_t looked_at;

static void look(const void *p, size_t len)
{
	for (size_t i = 0; i < len; i++)
		looked_at += ((const uint8_t *)p)[i];
}

static void look_text(const char *text)
{
	look(text, strlen(text));
}

/* Whatever a callback is given can be read. */

static void on_app(const struct sipsec_app_info *app, void *arg)
{
	(void)arg;
	look(app, sizeof(*app));
	look_text(app->name);
}

static void on_group(const struct sipsec_group_info *group, void *arg)
{
	(void)arg;
	look(group, sizeof(*group));
	look_text(group->app);
	look_text(group->local);
	look_text(group->peer);
	look(group->rounds, group->n_rounds * sizeof(*group->rounds));
}

static void on_flow(const struct sipsec_flow_info *flow, void *arg)
{
	(void)arg;
	look_text(flow->app);
	look_text(flow->local);
	look_text(flow->peer);
}

static void on_stats(const struct sipsec_stats *stats, void *arg)
{
	(void)arg;
	look_text(stats->app);
	look(stats->counters, stats->n_counters * sizeof(*stats->counters));
}

static void on_event(const struct sipsec_event *ev, void *arg)
{
	(void)arg;
	look(ev, sizeof(*ev));
	look_text(ev->app);
}

static void call(struct sipsec *s, uint8_t number)
{
	static const uint8_t master[32];
	struct sipsec_group_conf conf = {
		.local = "192.0.2.1", .peer = "192.0.2.2", .role = SIPSEC_ROLE_OFFERER,
		.suite = 1, .master = master, .master_len = sizeof(master), .spi_out = 0x5d1c2a00,
	};
	struct sipsec_flow_info key = { .protocol = 17, .local = "192.0.2.1", .local_port = 4000,
					.peer = "192.0.2.2", .peer_port = 5000 };
	struct sipsec_flow_conf flow = { .group = 5, .protocol = 17, .local_port = 1,
					 .peer_port = 2, .socket = SIPSEC_FLOW_ANY };
	uint32_t id, spi;
	int err = 0;

	switch (number % 14) {
	case 0:
		err = sipsec_app_get(s, "phone", on_app, NULL);
		break;
	case 1:
		err = sipsec_app_list(s, on_app, NULL);
		break;
	case 2:
		err = sipsec_group_get(s, 5, on_group, NULL);
		break;
	case 3:
		err = sipsec_group_list(s, on_group, NULL);
		break;
	case 4:
		err = sipsec_flow_get(s, &key, on_flow, NULL);
		break;
	case 5:
		err = sipsec_flow_list(s, on_flow, NULL);
		break;
	case 6:
		err = sipsec_stats_get(s, "phone", on_stats, NULL);
		break;
	case 7:
		err = sipsec_stats_list(s, on_stats, NULL);
		break;
	case 8:
		err = sipsec_process(s);
		break;
	case 9:
		err = sipsec_group_new(s, &conf, &id, &spi);
		break;
	case 10:
		err = sipsec_group_set(s, 5, &conf);
		break;
	case 11:
		err = sipsec_flow_bind(s, &flow);
		break;
	case 12:
		err = sipsec_app_open(s, "phone") ?: sipsec_app_watch(s, "phone");
		break;
	case 13:
		err = sipsec_flow_unbind(s, &key);
		break;
	}
	CHECK(err <= 0 && err >= -4095);
	look_text(sipsec_error(s));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct sipsec *s;

	request = (struct nlmsghdr){ .nlmsg_seq = 0 };
	in = (struct input){ data, size };
	/* A bit of the first octet: connecting is answered as it should be. */
	if (take_u8(&in) & 1) {
		in = (struct input){ data, 0 };
		if (sipsec_connect(&s))
			abort();
		in = (struct input){ data + 1, size - 1 };
	} else if (sipsec_connect(&s)) {
		look_text(sipsec_error(NULL));
		return 0;
	}
	sipsec_set_event_handler(s, on_event, NULL);
	while (in.left)
		call(s, take_u8(&in));
	sipsec_process(s);
	sipsec_close(s);
	return 0;
}
