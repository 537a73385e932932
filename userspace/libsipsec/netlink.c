// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * libnl builds and reads the messages. The socket is our own: libnl's receive calls fold errnos
 * together (ENOBUFS becomes ENOMEM), drop the kernel's extended ack, and have no deadline.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <netlink/genl/ctrl.h>
#include <netlink/genl/genl.h>

#include "names.h"
#include "netlink.h"

#define ERROR_MAX	256
#define ERRNO_MAX	4095	/* the kernel's */
#define TIMEOUT_MS	2000
/* The kernel sizes the messages of a list by what the reader offers, and caps that at 32 KiB. */
#define RECEIVE_MAX	32768
#define SOCKET_BUFFER	(1 << 20)
/* Events kept while the caller makes requests but does not call sipsec_process(). */
#define EVENTS_MAX	4096

struct sipsec {
	int fd;
	int wake;		/* eventfd: ready while events wait in memory */
	int poll_fd;		/* epoll of both: what the caller polls */
	uint16_t family;
	uint32_t mcgrp;
	uint32_t port;
	uint32_t seq;
	unsigned int timeout_ms;
	void (*handler)(const struct sipsec_event *ev, void *arg);
	void *handler_arg;
	struct sipsec_netlink_list events;
	bool lost;		/* events were, and the handler does not know yet */
	bool processing;
	char error[ERROR_MAX];
	char buffer[RECEIVE_MAX] __attribute__((aligned(NLMSG_ALIGNTO)));
};

/* The request that is under way. */
struct request {
	const struct nlmsghdr *nlh;
	uint8_t cmd;
	struct sipsec_netlink_list *replies;
	bool interrupted;	/* the list changed while the kernel wrote it */
	bool no_memory;		/* a reply could not be kept */
	bool done;
	int err;
};

static _Thread_local char connect_error[ERROR_MAX];

int sipsec_netlink_fail(struct sipsec *s, int err, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(s->error, sizeof(s->error), format, args);
	va_end(args);
	return err;
}

static uint64_t now_ns(clockid_t clock)
{
	struct timespec ts;

	clock_gettime(clock, &ts);
	return ts.tv_sec * 1000000000ULL + ts.tv_nsec;
}

static void list_init(struct sipsec_netlink_list *list)
{
	*list = (struct sipsec_netlink_list){ .end = &list->first };
}

static int list_add(struct sipsec_netlink_list *list, const struct nlmsghdr *nlh)
{
	struct sipsec_netlink_msg *msg;

	msg = malloc(offsetof(struct sipsec_netlink_msg, nlh) + nlh->nlmsg_len);
	if (!msg)
		return -ENOMEM;
	msg->next = NULL;
	msg->time_ns = now_ns(CLOCK_REALTIME);
	memcpy(&msg->nlh, nlh, nlh->nlmsg_len);
	*list->end = msg;
	list->end = &msg->next;
	list->len++;
	return 0;
}

static struct sipsec_netlink_msg *list_take(struct sipsec_netlink_list *list)
{
	struct sipsec_netlink_msg *msg = list->first;

	if (msg) {
		list->first = msg->next;
		list->len--;
		if (!list->first)
			list->end = &list->first;
	}
	return msg;
}

void sipsec_netlink_clear(struct sipsec_netlink_list *list)
{
	struct sipsec_netlink_msg *msg;

	while ((msg = list_take(list)))
		free(msg);
}

/* Events */

/* Without this a caller who only polls would sleep on events that a request has read. */
static void wake(struct sipsec *s)
{
	uint64_t one = 1;

	/* fails only where it is ready as can be */
	(void)!write(s->wake, &one, sizeof(one));
}

static void keep_event(struct sipsec *s, const struct nlmsghdr *nlh)
{
	if (s->events.len >= EVENTS_MAX || list_add(&s->events, nlh))
		s->lost = true;
	wake(s);
}

static void lose_events(struct sipsec *s)
{
	s->lost = true;
	wake(s);
}

/* Errors */

/* Name of the attribute that stands at an offset of the request. */
static const char *attr_at(const struct request *req, uint32_t offset)
{
	const struct nlmsghdr *nlh = req->nlh;
	struct nlattr *attr;
	int left;

	nlmsg_for_each_attr(attr, (struct nlmsghdr *)nlh, GENL_HDRLEN, left)
		if ((char *)attr - (char *)nlh == (ptrdiff_t)offset)
			return sipsec_names_attr(req->cmd, nla_type(attr));
	return NULL;
}

/* attrs: the extended ack, where there is one. */
static int kernel_error(struct sipsec *s, const struct request *req, int err,
			const struct nlattr *attrs, int len)
{
	static struct nla_policy policy[NLMSGERR_ATTR_MISS_TYPE + 1] = {
		[NLMSGERR_ATTR_MSG] = { .type = NLA_STRING },	/* with its end */
		[NLMSGERR_ATTR_OFFS] = { .type = NLA_U32 },
		[NLMSGERR_ATTR_MISS_TYPE] = { .type = NLA_U32 },
	};
	struct nlattr *tb[NLMSGERR_ATTR_MISS_TYPE + 1] = { NULL };
	const char *text, *attr;

	if (err > 0 || err < -ERRNO_MAX)
		return sipsec_netlink_fail(s, -EPROTO, "the kernel's answer has no errno");
	text = strerror(-err);
	if (len <= 0 || nla_parse(tb, NLMSGERR_ATTR_MISS_TYPE, (struct nlattr *)attrs, len, policy))
		return sipsec_netlink_fail(s, err, "%s", text);
	if (tb[NLMSGERR_ATTR_MSG])
		text = nla_get_string(tb[NLMSGERR_ATTR_MSG]);
	if (tb[NLMSGERR_ATTR_OFFS]) {
		attr = attr_at(req, nla_get_u32(tb[NLMSGERR_ATTR_OFFS]));
		/* Most texts begin with it. */
		if (attr && strncmp(text, attr, strlen(attr)))
			return sipsec_netlink_fail(s, err, "%s (%s)", text, attr);
	}
	if (tb[NLMSGERR_ATTR_MISS_TYPE]) {
		attr = sipsec_names_attr(req->cmd, nla_get_u32(tb[NLMSGERR_ATTR_MISS_TYPE]));
		if (attr)
			return sipsec_netlink_fail(s, err, "%s (%s is missing)", text, attr);
	}
	return sipsec_netlink_fail(s, err, "%s", text);
}

/*
 * With NETLINK_CAP_ACK an error has only the header of the request in it, and the extended ack
 * comes right behind; without, it comes behind the whole request.
 */
static int parse_error(struct sipsec *s, const struct request *req, const struct nlmsghdr *nlh)
{
	const struct nlmsgerr *e = nlmsg_data(nlh);
	size_t skip = sizeof(*e);

	if (nlmsg_datalen(nlh) < (int)sizeof(*e))
		return sipsec_netlink_fail(s, -EPROTO, "the kernel's answer is too short");
	if (!e->error)
		return 0;
	if (!(nlh->nlmsg_flags & NLM_F_CAPPED) && e->msg.nlmsg_len > NLMSG_HDRLEN)
		skip += NLMSG_ALIGN(e->msg.nlmsg_len) - NLMSG_HDRLEN;
	if (!(nlh->nlmsg_flags & NLM_F_ACK_TLVS) || (size_t)nlmsg_datalen(nlh) < skip)
		return kernel_error(s, req, e->error, NULL, 0);
	return kernel_error(s, req, e->error, (void *)((char *)e + skip),
			    nlmsg_datalen(nlh) - skip);
}

/* A list can fail at its end, too. */
static int parse_done(struct sipsec *s, const struct request *req, const struct nlmsghdr *nlh)
{
	const int *err = nlmsg_data(nlh);
	int len = nlmsg_datalen(nlh);

	if (len < (int)sizeof(*err) || *err >= 0)
		return 0;
	return kernel_error(s, req, *err, (void *)(err + 1),
			    nlh->nlmsg_flags & NLM_F_ACK_TLVS ? len - (int)sizeof(*err) : 0);
}

/* Receiving */

static void take_message(struct sipsec *s, struct request *req, const struct nlmsghdr *nlh)
{
	if (nlh->nlmsg_seq == 0) {
		if (nlh->nlmsg_type == s->family)
			keep_event(s, nlh);
		return;
	}
	/* A late answer to a request that was given up is no one's. */
	if (!req || req->done || nlh->nlmsg_seq != req->nlh->nlmsg_seq || nlh->nlmsg_pid != s->port)
		return;
	if (nlh->nlmsg_flags & NLM_F_DUMP_INTR)
		req->interrupted = true;
	switch (nlh->nlmsg_type) {
	case NLMSG_NOOP:
		break;
	case NLMSG_ERROR:
		req->err = parse_error(s, req, nlh);
		req->done = true;
		break;
	case NLMSG_DONE:
		req->err = parse_done(s, req, nlh);
		req->done = true;
		break;
	default:
		if (req->replies && list_add(req->replies, nlh))
			req->no_memory = true;
	}
}

/* Read one datagram. 1: there was one, 0: there is none, or -errno. */
static int receive(struct sipsec *s, struct request *req)
{
	struct sockaddr_nl from;
	struct iovec iov = { s->buffer, sizeof(s->buffer) };
	struct msghdr hdr = { .msg_name = &from, .msg_namelen = sizeof(from),
			      .msg_iov = &iov, .msg_iovlen = 1 };
	ssize_t n = recvmsg(s->fd, &hdr, MSG_DONTWAIT);
	struct nlmsghdr *nlh = (struct nlmsghdr *)s->buffer;
	int left = n;

	if (n < 0) {
		if (errno == EAGAIN)
			return 0;
		if (errno == EINTR)
			return 1;
		if (errno != ENOBUFS)
			return sipsec_netlink_fail(s, -errno, "reading from the kernel: %s",
						   strerror(errno));
		lose_events(s);
		return 1;
	}
	if (hdr.msg_flags & MSG_TRUNC)
		lose_events(s);
	/* Other processes can send to a netlink socket; only the kernel has port 0. */
	if (hdr.msg_namelen != sizeof(from) || from.nl_pid != 0)
		return 1;
	for (; nlmsg_ok(nlh, left); nlh = nlmsg_next(nlh, &left))
		take_message(s, req, nlh);
	return 1;
}

/* Read up to the request's end, or without one all that there is, or room for. */
static int drain(struct sipsec *s, struct request *req)
{
	int n;

	do
		n = receive(s, req);
	while (n > 0 && (req ? !req->done : s->events.len < EVENTS_MAX));
	return n < 0 ? n : 0;
}

static int wait_for_end(struct sipsec *s, struct request *req)
{
	uint64_t deadline = now_ns(CLOCK_MONOTONIC) + s->timeout_ms * 1000000ULL;
	struct pollfd pfd = { .fd = s->fd, .events = POLLIN };

	for (;;) {
		uint64_t now;
		int err = drain(s, req);

		if (err || req->done)
			return err;
		now = now_ns(CLOCK_MONOTONIC);
		if (now >= deadline)
			return sipsec_netlink_fail(s, -ETIMEDOUT,
						   "the kernel did not answer within %u ms",
						   s->timeout_ms);
		/* rounded up: rounded down it would spin through the last millisecond */
		poll(&pfd, 1, (deadline - now + 999999) / 1000000);
	}
}

/* Requests */

static struct nl_msg *request_new(struct sipsec *s, uint16_t family, uint8_t version, uint8_t cmd,
				  int flags)
{
	struct nl_msg *msg = nlmsg_alloc();

	if (!msg)
		return NULL;
	if (!++s->seq)
		s->seq = 1;
	/* A list ends by itself; all else is answered by an ack. */
	if (!(flags & NLM_F_DUMP))
		flags |= NLM_F_ACK;
	if (!genlmsg_put(msg, s->port, s->seq, family, 0, NLM_F_REQUEST | flags, cmd, version)) {
		nlmsg_free(msg);
		return NULL;
	}
	return msg;
}

struct nl_msg *sipsec_netlink_new(struct sipsec *s, uint8_t cmd, int flags)
{
	return request_new(s, s->family, SIPSEC_FAMILY_VERSION, cmd, flags);
}

static int exchange(struct sipsec *s, struct request *req)
{
	const struct sockaddr_nl kernel = { .nl_family = AF_NETLINK };
	int err;

	/* Makes room for the reply: waiting events count against the same socket buffer. */
	err = drain(s, NULL);
	if (err)
		return err;
	if (sendto(s->fd, req->nlh, req->nlh->nlmsg_len, 0, (const struct sockaddr *)&kernel,
		   sizeof(kernel)) < 0)
		return sipsec_netlink_fail(s, -errno, "sending to the kernel: %s",
					   strerror(errno));
	err = wait_for_end(s, req);
	if (err)
		return err;
	if (!req->err && req->no_memory)
		return sipsec_netlink_fail(s, -ENOMEM, "no memory for the kernel's answer");
	if (!req->err && req->interrupted)
		return sipsec_netlink_fail(s, -EAGAIN, "the list changed while it was read");
	return req->err;
}

int sipsec_netlink_send(struct sipsec *s, struct nl_msg *msg, int full,
			struct sipsec_netlink_list *replies)
{
	struct request req = { .replies = replies };
	int err;

	if (replies)
		list_init(replies);
	if (!msg || full) {
		err = sipsec_netlink_fail(s, -ENOMEM, "no memory for the request");
	} else {
		req.nlh = nlmsg_hdr(msg);
		req.cmd = genlmsg_hdr((struct nlmsghdr *)req.nlh)->cmd;
		err = exchange(s, &req);
	}
	if (err && replies)
		sipsec_netlink_clear(replies);
	if (msg) {
		/*
		 * libnl frees without wiping, and a master secret may be in it. Not by libcrypto:
		 * who does not negotiate, like sipsecctl, links this file without it.
		 */
		explicit_bzero(nlmsg_hdr(msg), nlmsg_get_max_size(msg));
		nlmsg_free(msg);
	}
	return err;
}

/* Connection */

static int open_socket(struct sipsec *s)
{
	struct sockaddr_nl addr = { .nl_family = AF_NETLINK };
	socklen_t len = sizeof(addr);
	struct epoll_event in = { .events = EPOLLIN };
	const int one = 1, size = SOCKET_BUFFER;

	s->fd = socket(AF_NETLINK, SOCK_RAW | SOCK_CLOEXEC | SOCK_NONBLOCK, NETLINK_GENERIC);
	if (s->fd < 0 || bind(s->fd, (struct sockaddr *)&addr, sizeof(addr)) ||
	    getsockname(s->fd, (struct sockaddr *)&addr, &len))
		return sipsec_netlink_fail(s, -errno, "opening a netlink socket: %s",
					   strerror(errno));
	s->port = addr.nl_pid;
	/* Only so is an error explained, and the request (with its secret) not sent back in it. */
	if (setsockopt(s->fd, SOL_NETLINK, NETLINK_EXT_ACK, &one, sizeof(one)) ||
	    setsockopt(s->fd, SOL_NETLINK, NETLINK_CAP_ACK, &one, sizeof(one)))
		return sipsec_netlink_fail(s, -errno, "setting up a netlink socket: %s",
					   strerror(errno));
	/* The more the better for events; beyond the system's limit it takes CAP_NET_ADMIN. */
	if (setsockopt(s->fd, SOL_SOCKET, SO_RCVBUFFORCE, &size, sizeof(size)))
		setsockopt(s->fd, SOL_SOCKET, SO_RCVBUF, &size, sizeof(size));

	s->wake = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
	s->poll_fd = epoll_create1(EPOLL_CLOEXEC);
	if (s->wake < 0 || s->poll_fd < 0 ||
	    epoll_ctl(s->poll_fd, EPOLL_CTL_ADD, s->fd, &in) ||
	    epoll_ctl(s->poll_fd, EPOLL_CTL_ADD, s->wake, &in))
		return sipsec_netlink_fail(s, -errno, "making the event descriptor: %s",
					   strerror(errno));
	return 0;
}

static uint32_t find_mcgrp(struct nlattr *groups)
{
	static struct nla_policy policy[CTRL_ATTR_MCAST_GRP_MAX + 1] = {
		[CTRL_ATTR_MCAST_GRP_NAME] = { .type = NLA_STRING },
		[CTRL_ATTR_MCAST_GRP_ID] = { .type = NLA_U32 },
	};
	struct nlattr *group;
	int left;

	nla_for_each_nested(group, groups, left) {
		struct nlattr *tb[CTRL_ATTR_MCAST_GRP_MAX + 1];

		if (!nla_parse_nested(tb, CTRL_ATTR_MCAST_GRP_MAX, group, policy) &&
		    tb[CTRL_ATTR_MCAST_GRP_NAME] && tb[CTRL_ATTR_MCAST_GRP_ID] &&
		    !nla_strcmp(tb[CTRL_ATTR_MCAST_GRP_NAME], SIPSEC_MCGRP_EVENTS))
			return nla_get_u32(tb[CTRL_ATTR_MCAST_GRP_ID]);
	}
	return 0;
}

static int find_family(struct sipsec *s)
{
	static struct nla_policy policy[CTRL_ATTR_MAX + 1] = {
		[CTRL_ATTR_FAMILY_ID] = { .type = NLA_U16 },
	};
	struct nlattr *tb[CTRL_ATTR_MAX + 1];
	struct sipsec_netlink_list replies;
	struct nl_msg *msg = request_new(s, GENL_ID_CTRL, 1, CTRL_CMD_GETFAMILY, 0);
	int err, full;

	full = msg ? nla_put_string(msg, CTRL_ATTR_FAMILY_NAME, SIPSEC_FAMILY_NAME) : 0;
	err = sipsec_netlink_send(s, msg, full, &replies);
	if (err == -ENOENT)
		return sipsec_netlink_fail(s, -EPROTONOSUPPORT,
					   "the sipsec kernel module is not loaded");
	if (err)
		return err;
	if (!replies.first ||
	    genlmsg_parse(&replies.first->nlh, 0, tb, CTRL_ATTR_MAX, policy) ||
	    !tb[CTRL_ATTR_FAMILY_ID]) {
		err = sipsec_netlink_fail(s, -EPROTO, "the kernel's answer has no family");
	} else {
		s->family = nla_get_u16(tb[CTRL_ATTR_FAMILY_ID]);
		if (tb[CTRL_ATTR_MCAST_GROUPS])
			s->mcgrp = find_mcgrp(tb[CTRL_ATTR_MCAST_GROUPS]);
	}
	sipsec_netlink_clear(&replies);
	return err;
}

int sipsec_connect(struct sipsec **sp)
{
	struct sipsec *s = calloc(1, sizeof(*s));
	int err;

	*sp = NULL;
	if (!s) {
		snprintf(connect_error, sizeof(connect_error), "no memory for the connection");
		return -ENOMEM;
	}
	s->fd = -1;
	s->wake = -1;
	s->poll_fd = -1;
	s->timeout_ms = TIMEOUT_MS;
	list_init(&s->events);
	err = open_socket(s);
	if (!err)
		err = find_family(s);
	if (err) {
		memcpy(connect_error, s->error, sizeof(connect_error));
		sipsec_close(s);
		return err;
	}
	*sp = s;
	return 0;
}

void sipsec_close(struct sipsec *s)
{
	if (!s)
		return;
	if (s->poll_fd >= 0)
		close(s->poll_fd);
	if (s->wake >= 0)
		close(s->wake);
	if (s->fd >= 0)
		close(s->fd);
	sipsec_netlink_clear(&s->events);
	free(s);
}

const char *sipsec_error(const struct sipsec *s)
{
	return s ? s->error : connect_error;
}

const char *sipsec_version(void)
{
	return SIPSEC_VERSION;
}

void sipsec_set_timeout(struct sipsec *s, unsigned int ms)
{
	s->timeout_ms = ms;
}

int sipsec_fd(const struct sipsec *s)
{
	return s->poll_fd;
}

void sipsec_set_event_handler(struct sipsec *s,
			      void (*cb)(const struct sipsec_event *ev, void *arg), void *arg)
{
	s->handler = cb;
	s->handler_arg = arg;
}

int sipsec_subscribe(struct sipsec *s)
{
	int err;

	if (!s->mcgrp)
		return sipsec_netlink_fail(s, -EOPNOTSUPP, "the module has no group of events");
	if (!setsockopt(s->fd, SOL_NETLINK, NETLINK_ADD_MEMBERSHIP, &s->mcgrp, sizeof(s->mcgrp)))
		return 0;
	err = -errno;
	return sipsec_netlink_fail(s, err, "watching the events of all apps%s: %s",
				   err == -EPERM ? " takes CAP_NET_ADMIN" : "", strerror(-err));
}

static void call_handler(struct sipsec *s, const struct sipsec_event *ev)
{
	if (s->handler)
		s->handler(ev, s->handler_arg);
}

int sipsec_process(struct sipsec *s)
{
	struct sipsec_netlink_msg *msg;
	struct sipsec_event ev;
	uint64_t count;
	int err;

	if (s->processing)
		return 0;
	s->processing = true;
	err = drain(s, NULL);
	for (;;) {
		if (s->lost) {
			s->lost = false;
			ev = (struct sipsec_event){ .type = SIPSEC_EVENT_LOST, .app = "",
						    .time_ns = now_ns(CLOCK_REALTIME) };
			call_handler(s, &ev);
		}
		msg = list_take(&s->events);
		if (!msg)
			break;
		if (sipsec_objects_event(msg, &ev))
			call_handler(s, &ev);
		free(msg);
	}
	(void)!read(s->wake, &count, sizeof(count));
	s->processing = false;
	return err;
}
