// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * The connection against a scripted kernel. Nothing is sent: a request comes to the row's answer
 * function, which queues datagrams for the library to read.
 */
#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#include <linux/genetlink.h>
#include <linux/netlink.h>
#include <netlink/genl/genl.h>
#include <netlink/netlink.h>

#include "names.h"
#include "netlink.h"
#include "sipsec.h"
#include "table.h"

#define FAMILY	77
#define QUEUE	8192

static struct datagram {
	struct nl_msg *msg;
	uint32_t sender;	/* port */
	int flags;		/* of the datagram: MSG_TRUNC */
	int err;		/* errno of recvmsg() instead */
} queue[QUEUE];
static size_t first, last;

static struct nlmsghdr *request;	/* the one being answered */
static void (*answer)(void);
static int requests;

/*
 * What the library asks the system for; call number fail_at fails. What the test itself asks for
 * while it plays the kernel does not count.
 */
static int calls, fail_at;
static bool playing;
static const char *failed_call;
static int failed_option;

static bool fails(const char *name, int err)
{
	if (playing || !fail_at || ++calls != fail_at)
		return false;
	failed_call = name;
	errno = err;
	return true;
}

/* Visible, as the linker takes libnl's own calls for calls of these. */
#define WRAPPED(type, name, params, args, failure, err) \
	type __real_##name params; \
	__attribute__((visibility("default"))) type __wrap_##name params; \
	type __wrap_##name params \
	{ \
		return fails(#name, err) ? (failure) : __real_##name args; \
	}

WRAPPED(void *, malloc, (size_t size), (size), NULL, ENOMEM)
WRAPPED(void *, calloc, (size_t n, size_t size), (n, size), NULL, ENOMEM)
WRAPPED(struct nl_msg *, nlmsg_alloc, (void), (), NULL, ENOMEM)
WRAPPED(void *, genlmsg_put,
	(struct nl_msg *msg, uint32_t port, uint32_t seq, int family, int hdrlen, int flags,
	 uint8_t cmd, uint8_t version),
	(msg, port, seq, family, hdrlen, flags, cmd, version), NULL, ENOMEM)
WRAPPED(int, nla_put, (struct nl_msg *msg, int type, int len, const void *data),
	(msg, type, len, data), -NLE_NOMEM, ENOMEM)
WRAPPED(int, socket, (int domain, int type, int protocol), (domain, type, protocol), -1, EMFILE)
WRAPPED(int, bind, (int fd, const struct sockaddr *addr, socklen_t len), (fd, addr, len), -1,
	ENOMEM)
WRAPPED(int, getsockname, (int fd, struct sockaddr *addr, socklen_t *len), (fd, addr, len), -1,
	ENOBUFS)
WRAPPED(int, eventfd, (unsigned int count, int flags), (count, flags), -1, EMFILE)
WRAPPED(int, epoll_create1, (int flags), (flags), -1, EMFILE)
WRAPPED(int, epoll_ctl, (int epfd, int op, int fd, struct epoll_event *event),
	(epfd, op, fd, event), -1, ENOSPC)

int __real_setsockopt(int fd, int level, int option, const void *value, socklen_t len);
int __wrap_setsockopt(int fd, int level, int option, const void *value, socklen_t len);
ssize_t __wrap_sendto(int fd, const void *buffer, size_t len, int flags,
		      const struct sockaddr *to, socklen_t to_len);
ssize_t __wrap_recvmsg(int fd, struct msghdr *hdr, int flags);

int __wrap_setsockopt(int fd, int level, int option, const void *value, socklen_t len)
{
	if (!fails("setsockopt", EPERM))
		return __real_setsockopt(fd, level, option, value, len);
	failed_option = option;
	return -1;
}

static void push(struct datagram datagram)
{
	assert_true(last < QUEUE);
	queue[last++] = datagram;
}

ssize_t __wrap_sendto(int fd, const void *buffer, size_t len, int flags,
		      const struct sockaddr *to, socklen_t to_len)
{
	(void)fd;
	if (fails("sendto", ENOBUFS))
		return -1;
	playing = true;
	assert_int_equal(flags, 0);
	assert_int_equal(((const struct sockaddr_nl *)to)->nl_pid, 0);
	assert_int_equal(to_len, sizeof(struct sockaddr_nl));
	request = malloc(len);
	assert_non_null(request);
	memcpy(request, buffer, len);
	assert_int_equal(request->nlmsg_len, len);
	requests++;
	answer();
	free(request);
	request = NULL;
	playing = false;
	return len;
}

ssize_t __wrap_recvmsg(int fd, struct msghdr *hdr, int flags)
{
	struct sockaddr_nl from = { .nl_family = AF_NETLINK };
	struct datagram datagram;
	size_t len;

	(void)fd;
	if (fails("recvmsg", EIO))
		return -1;
	assert_int_equal(flags, MSG_DONTWAIT);
	if (first == last) {
		errno = EAGAIN;
		return -1;
	}
	datagram = queue[first++];
	if (datagram.err) {
		errno = datagram.err;
		return -1;
	}
	from.nl_pid = datagram.sender;
	memcpy(hdr->msg_name, &from, sizeof(from));
	hdr->msg_namelen = sizeof(from);
	hdr->msg_flags = datagram.flags;
	len = nlmsg_hdr(datagram.msg)->nlmsg_len;
	assert_true(len <= hdr->msg_iov[0].iov_len);
	memcpy(hdr->msg_iov[0].iov_base, nlmsg_hdr(datagram.msg), len);
	nlmsg_free(datagram.msg);
	return len;
}

/* What the kernel says */

static struct nl_msg *reply(uint8_t cmd, int flags)
{
	struct nl_msg *msg = nlmsg_alloc();

	assert_non_null(msg);
	assert_non_null(genlmsg_put(msg, request->nlmsg_pid, request->nlmsg_seq, FAMILY, 0, flags,
				    cmd, 1));
	return msg;
}

static struct nl_msg *event(uint8_t cmd)
{
	struct nl_msg *msg = nlmsg_alloc();

	assert_non_null(msg);
	assert_non_null(genlmsg_put(msg, 0, 0, FAMILY, 0, 0, cmd, 1));
	return msg;
}

static void say(struct nl_msg *msg)
{
	push((struct datagram){ .msg = msg });
}

static void say_rotation(uint64_t round)
{
	struct nl_msg *msg = event(SIPSEC_CMD_GROUP_ROTATE_NTF);

	nla_put_u32(msg, SIPSEC_A_ROTATION_ID, 5);
	nla_put_string(msg, SIPSEC_A_ROTATION_APP, "phone");
	nla_put_u32(msg, SIPSEC_A_ROTATION_DIRECTION, SIPSEC_DIRECTION_IN);
	nla_put_u64(msg, SIPSEC_A_ROTATION_NUMBER, round);
	nla_put_u32(msg, SIPSEC_A_ROTATION_SPI, 0x5d1c2a01);
	nla_put_u64(msg, SIPSEC_A_ROTATION_PACKETS, 100);
	nla_put_u64(msg, SIPSEC_A_ROTATION_TIME, 1234567890123456789);
	say(msg);
}

/* whole: an older kernel that sends the request back in the error */
static struct nl_msg *error(int err, bool whole)
{
	struct nl_msg *msg = nlmsg_alloc();
	struct nlmsgerr *e;
	size_t len = sizeof(*e);

	assert_non_null(msg);
	if (whole)
		len += request->nlmsg_len - NLMSG_HDRLEN;
	assert_non_null(nlmsg_put(msg, request->nlmsg_pid, request->nlmsg_seq, NLMSG_ERROR, len,
				  NLM_F_ACK_TLVS | (whole ? 0 : NLM_F_CAPPED)));
	e = nlmsg_data(nlmsg_hdr(msg));
	e->error = err;
	memcpy(&e->msg, request, whole ? request->nlmsg_len : NLMSG_HDRLEN);
	return msg;
}

static void say_ack(void)
{
	struct nl_msg *msg = error(0, false);

	nlmsg_hdr(msg)->nlmsg_flags &= ~NLM_F_ACK_TLVS;
	say(msg);
}

static void say_done(int err, int flags)
{
	struct nl_msg *msg = nlmsg_alloc();

	assert_non_null(msg);
	assert_non_null(nlmsg_put(msg, request->nlmsg_pid, request->nlmsg_seq, NLMSG_DONE, 0,
				  NLM_F_MULTI | flags));
	nlmsg_append(msg, &err, sizeof(err), 0);
	say(msg);
}

static uint32_t attr_offset(int type)
{
	struct nlattr *attr = nlmsg_find_attr(request, GENL_HDRLEN, type);

	assert_non_null(attr);
	return (char *)attr - (char *)request;
}

static void answer_family(void)
{
	struct nl_msg *msg;
	struct nlattr *groups, *group;

	assert_int_equal(request->nlmsg_type, GENL_ID_CTRL);
	assert_int_equal(request->nlmsg_flags, NLM_F_REQUEST | NLM_F_ACK);
	msg = reply(CTRL_CMD_NEWFAMILY, 0);
	nla_put_u16(msg, CTRL_ATTR_FAMILY_ID, FAMILY);
	groups = nla_nest_start(msg, CTRL_ATTR_MCAST_GROUPS);
	group = nla_nest_start(msg, 1);
	nla_put_u32(msg, CTRL_ATTR_MCAST_GRP_ID, 9);
	nla_put_string(msg, CTRL_ATTR_MCAST_GRP_NAME, "events");
	nla_nest_end(msg, group);
	nla_nest_end(msg, groups);
	say(msg);
	say_ack();
}

static struct sipsec *s;
static struct sipsec_event seen[16];
static size_t n_seen;

static void on_event(const struct sipsec_event *ev, void *arg)
{
	assert_ptr_equal(arg, &n_seen);
	if (n_seen < ROWS(seen))
		seen[n_seen] = *ev;
	n_seen++;
	assert_true(ev->type == SIPSEC_EVENT_LOST ? !*ev->app : !strcmp(ev->app, "phone"));
}

static int setup(void **state)
{
	(void)state;
	first = 0;
	last = 0;
	n_seen = 0;
	requests = 0;
	calls = 0;
	fail_at = 0;
	playing = false;
	answer = answer_family;
	if (sipsec_connect(&s))
		return -1;
	sipsec_set_event_handler(s, on_event, &n_seen);
	sipsec_set_timeout(s, 30);
	requests = 0;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	sipsec_close(s);
	while (first < last)
		nlmsg_free(queue[first++].msg);
	return 0;
}

static bool fd_ready(void)
{
	struct pollfd pfd = { .fd = sipsec_fd(s), .events = POLLIN };

	return poll(&pfd, 1, 0) == 1;
}

/* Connecting */

static void answer_no_family(void)
{
	say(error(-ENOENT, false));
}

static void answer_nothing(void)
{
}

static void test_no_module(void **state)
{
	struct sipsec *none = (void *)1;

	(void)state;
	answer = answer_no_family;
	assert_int_equal(sipsec_connect(&none), -EPROTONOSUPPORT);
	assert_null(none);
	assert_string_equal(sipsec_error(NULL), "the sipsec kernel module is not loaded");
	sipsec_close(NULL);
}

static void test_close_on_exec(void **state)
{
	(void)state;
	assert_int_equal(fcntl(sipsec_fd(s), F_GETFD), FD_CLOEXEC);
}

/* Errors */

static const struct failure {
	const char *name;
	int err;
	const char *text;
	int attr;		/* that the kernel objects to, of flow-bind */
	int missing;
	bool whole;
	const char *wanted;
} failures[] = {
	{ "no text", -EPERM, NULL, 0, 0, false, "Operation not permitted" },
	{ "text", -EBUSY, "try again", 0, 0, false, "try again" },
	{ "text and attribute", -EINVAL, "out of range", SIPSEC_A_FLOW_PEER_PORT, 0, false,
	  "out of range (peer-port)" },
	{ "text that names the attribute", -EINVAL, "peer-port: zero", SIPSEC_A_FLOW_PEER_PORT, 0,
	  false, "peer-port: zero" },
	{ "attribute without text", -ERANGE, NULL, SIPSEC_A_FLOW_GROUP, 0, false,
	  "Numerical result out of range (group)" },
	{ "attribute missing", -EINVAL, NULL, 0, SIPSEC_A_FLOW_FD, false,
	  "Invalid argument (fd is missing)" },
	{ "attribute unknown", -EINVAL, "what", 0, 1000, false, "what" },
	{ "with the request in it", -EINVAL, "out of range", SIPSEC_A_FLOW_PEER_PORT, 0, true,
	  "out of range (peer-port)" },
	{ "an errno libnl folds", -ENOBUFS, NULL, 0, 0, false, "No buffer space available" },
};

static const struct failure *failure;

static void answer_failure(void)
{
	struct nl_msg *msg = error(failure->err, failure->whole);

	if (failure->text)
		nla_put_string(msg, NLMSGERR_ATTR_MSG, failure->text);
	if (failure->attr)
		nla_put_u32(msg, NLMSGERR_ATTR_OFFS, attr_offset(failure->attr));
	if (failure->missing)
		nla_put_u32(msg, NLMSGERR_ATTR_MISS_TYPE, failure->missing);
	say(msg);
}

static void test_failure(void **state)
{
	struct sipsec_flow_conf conf = { .group = 5, .protocol = 17, .local_port = 1,
					 .peer_port = 2, .socket = SIPSEC_FLOW_ANY };

	failure = *state;
	answer = answer_failure;
	assert_int_equal(sipsec_flow_bind(s, &conf), failure->err);
	assert_string_equal(sipsec_error(s), failure->wanted);
}

static void test_timeout(void **state)
{
	(void)state;
	answer = answer_nothing;
	assert_int_equal(sipsec_group_del(s, 5), -ETIMEDOUT);
	assert_string_equal(sipsec_error(s), "the kernel did not answer within 30 ms");
}

/* The answer to a request that timed out is not taken for that of the next one. */
static uint32_t late_seq;

static void answer_too_late(void)
{
	late_seq = request->nlmsg_seq;
}

static void answer_late_first(void)
{
	struct nl_msg *late = error(-EEXIST, false);

	nlmsg_hdr(late)->nlmsg_seq = late_seq;
	say(late);
	say_ack();
}

static void test_late(void **state)
{
	(void)state;
	answer = answer_too_late;
	assert_int_equal(sipsec_group_del(s, 5), -ETIMEDOUT);
	answer = answer_late_first;
	assert_int_equal(sipsec_group_del(s, 6), 0);
	assert_int_not_equal(late_seq, 0);
}

/* Another process can send to our socket, but not as the kernel. */
static void answer_forged(void)
{
	struct nl_msg *forged = error(0, false);

	push((struct datagram){ .msg = forged, .sender = 4711 });
	push((struct datagram){ .msg = event(SIPSEC_CMD_GROUP_DEL_NTF), .sender = 4711 });
	say(error(-ENOENT, false));
}

static void test_forged(void **state)
{
	(void)state;
	answer = answer_forged;
	assert_int_equal(sipsec_group_del(s, 5), -ENOENT);
	assert_int_equal(sipsec_process(s), 0);
	assert_int_equal(n_seen, 0);
}

/* Replies */

static void answer_group_new(void)
{
	struct nl_msg *msg;
	struct nlattr *tb[SIPSEC_A_GROUP_MAX + 1];

	assert_int_equal(genlmsg_parse(request, 0, tb, SIPSEC_A_GROUP_MAX, NULL), 0);
	assert_int_equal(genlmsg_hdr(request)->cmd, SIPSEC_CMD_GROUP_NEW);
	assert_int_equal(request->nlmsg_type, FAMILY);
	assert_int_equal(nla_len(tb[SIPSEC_A_GROUP_LOCAL]), 4);
	assert_memory_equal(nla_data(tb[SIPSEC_A_GROUP_LOCAL]), "\xc0\x00\x02\x01", 4);
	assert_null(tb[SIPSEC_A_GROUP_APP]);
	assert_null(tb[SIPSEC_A_GROUP_SPI_IN]);
	assert_null(tb[SIPSEC_A_GROUP_PERSISTENT]);
	msg = reply(SIPSEC_CMD_GROUP_NEW, 0);
	nla_put_u32(msg, SIPSEC_A_GROUP_ID, 5);
	nla_put_u32(msg, SIPSEC_A_GROUP_SPI_IN, 0x5d1c2a00);
	say(msg);
	say_ack();
}

/* An id without its block, an attribute too short, no reply at all */
static int bad_kind;

static void answer_group_new_badly(void)
{
	struct nl_msg *msg = reply(SIPSEC_CMD_GROUP_NEW, 0);

	if (bad_kind == 2) {
		nlmsg_free(msg);
	} else {
		nla_put_u32(msg, SIPSEC_A_GROUP_ID, 5);
		if (bad_kind == 1)
			nla_put_u16(msg, SIPSEC_A_GROUP_SPI_IN, 0x2a00);
		say(msg);
	}
	say_ack();
}

static void test_group_new(void **state)
{
	struct sipsec_group_conf conf = { .local = "192.0.2.1" };
	uint32_t id, spi;

	(void)state;
	answer = answer_group_new;
	assert_int_equal(sipsec_group_new(s, &conf, &id, &spi), 0);
	assert_int_equal(id, 5);
	assert_int_equal(spi, 0x5d1c2a00);
	answer = answer_group_new_badly;
	for (bad_kind = 0; bad_kind < 3; bad_kind++) {
		assert_int_equal(sipsec_group_new(s, &conf, &id, &spi), -EPROTO);
		assert_string_equal(sipsec_error(s), "the kernel's answer cannot be read");
	}
}

static void answer_group_set(void)
{
	struct nlattr *tb[SIPSEC_A_GROUP_MAX + 1];

	assert_int_equal(genlmsg_parse(request, 0, tb, SIPSEC_A_GROUP_MAX, NULL), 0);
	assert_int_equal(nla_get_u32(tb[SIPSEC_A_GROUP_ID]), 5);
	assert_int_equal(nla_get_u32(tb[SIPSEC_A_GROUP_ROLE]), SIPSEC_ROLE_ANSWERER);
	assert_int_equal(nla_get_u32(tb[SIPSEC_A_GROUP_SUITE]), 3);
	assert_int_equal(nla_get_u32(tb[SIPSEC_A_GROUP_PRF]), SIPSEC_PRF_HMAC_SHA2_256);
	assert_int_equal(nla_get_u32(tb[SIPSEC_A_GROUP_MODE]), SIPSEC_MODE_TRANSPORT);
	assert_int_equal(nla_len(tb[SIPSEC_A_GROUP_MASTER]), 32);
	assert_memory_equal(nla_data(tb[SIPSEC_A_GROUP_MASTER]),
			    "0123456789abcdef0123456789abcdef", 32);
	assert_int_equal(nla_get_u32(tb[SIPSEC_A_GROUP_SPI_OUT]), 0x2b7e1500);
	assert_memory_equal(nla_data(tb[SIPSEC_A_GROUP_PEER]), "\xc0\x00\x02\x02", 4);
	assert_int_equal(nla_get_u32(tb[SIPSEC_A_GROUP_ROTATE]), 100);
	assert_null(tb[SIPSEC_A_GROUP_LIFE]);
	assert_null(tb[SIPSEC_A_GROUP_WINDOW]);
	say_ack();
}

static const struct set {
	const char *name;
	struct sipsec_group_conf conf;
	const char *text;
} sets[] = {
#define SET .role = SIPSEC_ROLE_ANSWERER, .suite = 3, .spi_out = 0x2b7e1500, .rotate = 100, \
	.master = "0123456789abcdef0123456789abcdef", .master_len = 32
	{ "set", { SET, .peer = "192.0.2.2" }, NULL },
	{ "set without peer", { SET }, "the peer address is missing" },
	{ "set with a name as peer", { SET, .peer = "ua2" }, "ua2: not a numeric address (peer)" },
	{ "set without master", { .role = 1, .suite = 1, .peer = "192.0.2.2" },
	  "the master secret is missing" },
	/* These would fail the kernel's policy, which frees the secret unwiped. */
	{ "set without role", { .suite = 1, .peer = "192.0.2.2", .master = "x", .master_len = 1 },
	  "there is no role 0" },
	{ "set without suite", { .role = 1, .peer = "192.0.2.2", .master = "x", .master_len = 1 },
	  "there is no suite 0" },
	{ "set with an unknown mode", { .role = 1, .suite = 1, .mode = 4, .peer = "192.0.2.2",
	  .master = "x", .master_len = 1 }, "there is no mode 4" },
	{ "set with an unknown prf", { .role = 1, .suite = 1, .prf = 9, .peer = "192.0.2.2",
	  .master = "x", .master_len = 1 }, "there is no prf 9" },
};

static void test_set(void **state)
{
	const struct set *row = *state;

	answer = answer_group_set;
	assert_int_equal(sipsec_group_set(s, 5, &row->conf), row->text ? -EINVAL : 0);
	assert_int_equal(requests, !row->text);
	if (row->text)
		assert_string_equal(sipsec_error(s), row->text);
}

static void say_group(uint32_t id, int flags, int rounds)
{
	struct nl_msg *msg = reply(SIPSEC_CMD_GROUP_GET, NLM_F_MULTI | flags);

	nla_put_u32(msg, SIPSEC_A_GROUP_ID, id);
	nla_put_string(msg, SIPSEC_A_GROUP_APP, "phone");
	nla_put_u32(msg, SIPSEC_A_GROUP_STATE, SIPSEC_GROUP_STATE_UP);
	nla_put(msg, SIPSEC_A_GROUP_LOCAL, 4, "\xc0\x00\x02\x01");
	nla_put(msg, SIPSEC_A_GROUP_PEER, 4, "\xc0\x00\x02\x02");
	nla_put_flag(msg, SIPSEC_A_GROUP_PERSISTENT);
	nla_put_u64(msg, SIPSEC_A_GROUP_PACKETS_OUT, 1ULL << 40);
	/* an attribute of a kernel younger than the library */
	nla_put_u32(msg, SIPSEC_A_GROUP_MAX + 7, 1);
	for (int i = 0; i < rounds; i++) {
		struct nlattr *round = nla_nest_start(msg, SIPSEC_A_GROUP_ROUND);

		nla_put_u32(msg, SIPSEC_A_ROUND_DIRECTION, SIPSEC_DIRECTION_IN);
		nla_put_u64(msg, SIPSEC_A_ROUND_NUMBER, i);
		nla_put_u32(msg, SIPSEC_A_ROUND_SPI, 0x5d1c2a00 + i);
		nla_put_u64(msg, SIPSEC_A_ROUND_PACKETS, 10 * i);
		if (i == 1)
			nla_put_flag(msg, SIPSEC_A_ROUND_CURRENT);
		nla_nest_end(msg, round);
	}
	say(msg);
}

static void answer_list(void)
{
	assert_int_equal(request->nlmsg_flags, NLM_F_REQUEST | NLM_F_DUMP);
	say_group(1, 0, 3);
	say_rotation(7);
	say_group(2, 0, 0);
	say_done(0, 0);
}

static uint32_t listed[8];
static size_t n_listed;

static void on_group(const struct sipsec_group_info *group, void *arg)
{
	(void)arg;
	assert_true(n_listed < ROWS(listed));
	listed[n_listed++] = group->id;
	assert_string_equal(group->app, "phone");
	assert_string_equal(group->local, "192.0.2.1");
	assert_string_equal(group->peer, "192.0.2.2");
	assert_true(group->persistent);
	assert_true(group->packets_out == 1ULL << 40);
	assert_int_equal(group->n_rounds, group->id == 1 ? 3 : 0);
	for (size_t i = 0; i < group->n_rounds; i++) {
		assert_int_equal(group->rounds[i].number, i);
		assert_int_equal(group->rounds[i].spi, 0x5d1c2a00 + i);
		assert_int_equal(group->rounds[i].packets, 10 * i);
		assert_int_equal(group->rounds[i].current, i == 1);
	}
	/* A callback may make requests. */
	answer = answer_nothing;
	assert_int_equal(sipsec_group_del(s, 1), -ETIMEDOUT);
}

static void test_list(void **state)
{
	(void)state;
	n_listed = 0;
	answer = answer_list;
	assert_int_equal(sipsec_group_list(s, on_group, NULL), 0);
	assert_int_equal(n_listed, 2);
	assert_int_equal(listed[0], 1);
	assert_int_equal(listed[1], 2);
	/* the event in the middle of it was kept */
	assert_int_equal(n_seen, 0);
	assert_true(fd_ready());
	assert_int_equal(sipsec_process(s), 0);
	assert_int_equal(n_seen, 1);
	assert_false(fd_ready());
}

/* One object: the kernel's reply, and its ack */

static const struct object {
	const char *name;
	uint8_t cmd;
	int type;		/* of the attribute with the app's name */
} objects[] = {
	{ "get app", SIPSEC_CMD_APP_GET, SIPSEC_A_APP_NAME },
	{ "get group", SIPSEC_CMD_GROUP_GET, SIPSEC_A_GROUP_APP },
	{ "get flow", SIPSEC_CMD_FLOW_GET, SIPSEC_A_FLOW_APP },
	{ "get stats", SIPSEC_CMD_STATS_GET, SIPSEC_A_STATS_APP },
};

static const struct object *object;
static bool exists;

static void answer_object(void)
{
	struct nl_msg *msg;

	assert_int_equal(((struct genlmsghdr *)nlmsg_data(request))->cmd, object->cmd);
	assert_false(request->nlmsg_flags & NLM_F_DUMP);
	if (!exists) {
		say(error(-ENOENT, false));
		return;
	}
	msg = reply(object->cmd, 0);
	nla_put_string(msg, object->type, "phone");
	say(msg);
	say_ack();
}

static void got_app(const struct sipsec_app_info *app, void *arg)
{
	assert_string_equal(app->name, "phone");
	++*(int *)arg;
}

static void got_group(const struct sipsec_group_info *group, void *arg)
{
	assert_string_equal(group->app, "phone");
	++*(int *)arg;
}

static void got_flow(const struct sipsec_flow_info *flow, void *arg)
{
	assert_string_equal(flow->app, "phone");
	++*(int *)arg;
}

static void got_stats(const struct sipsec_stats *stats, void *arg)
{
	assert_string_equal(stats->app, "phone");
	++*(int *)arg;
}

static int get_object(int *n)
{
	const struct sipsec_flow_info key = { .protocol = 17, .local = "192.0.2.1",
					      .local_port = 1, .peer = "192.0.2.2",
					      .peer_port = 2 };

	answer = answer_object;
	switch (object->cmd) {
	case SIPSEC_CMD_APP_GET:
		return sipsec_app_get(s, "phone", got_app, n);
	case SIPSEC_CMD_GROUP_GET:
		return sipsec_group_get(s, 5, got_group, n);
	case SIPSEC_CMD_FLOW_GET:
		return sipsec_flow_get(s, &key, got_flow, n);
	default:
		return sipsec_stats_get(s, "phone", got_stats, n);
	}
}

static void test_get(void **state)
{
	int n = 0;

	object = *state;
	exists = true;
	assert_int_equal(get_object(&n), 0);
	assert_int_equal(n, 1);
	exists = false;
	assert_int_equal(get_object(&n), -ENOENT);
	assert_int_equal(n, 1);
}

/* A list that changed while the kernel wrote it is read again, and nothing is told twice. */
static int interruptions;

static void answer_interrupted(void)
{
	say_group(1, 0, 3);
	if (interruptions-- > 0)
		say_group(3, NLM_F_DUMP_INTR, 0);
	say_done(0, 0);
}

static void test_interrupted(void **state)
{
	(void)state;
	n_listed = 0;
	interruptions = 2;
	answer = answer_interrupted;
	assert_int_equal(sipsec_group_list(s, on_group, NULL), 0);
	assert_int_equal(n_listed, 1);
	n_listed = 0;
	interruptions = 100;
	answer = answer_interrupted;
	assert_int_equal(sipsec_group_list(s, on_group, NULL), -EAGAIN);
	assert_int_equal(n_listed, 0);
}

static void answer_done_error(void)
{
	say_group(1, 0, 0);
	say_done(-EMSGSIZE, 0);
}

static void test_list_fails_at_its_end(void **state)
{
	(void)state;
	n_listed = 0;
	answer = answer_done_error;
	assert_int_equal(sipsec_group_list(s, on_group, NULL), -EMSGSIZE);
	assert_int_equal(n_listed, 0);
}

/* Events */

static void test_events(void **state)
{
	struct nl_msg *msg;

	(void)state;
	say_rotation(7);
	msg = event(SIPSEC_CMD_GROUP_DEL_NTF);
	nla_put_u32(msg, SIPSEC_A_GROUP_ID, 5);
	nla_put_string(msg, SIPSEC_A_GROUP_APP, "phone");
	nla_put_u32(msg, SIPSEC_A_GROUP_END_REASON, SIPSEC_END_REASON_LIFE);
	nla_put_u64(msg, SIPSEC_A_GROUP_PACKETS_OUT, 11);
	nla_put_u64(msg, SIPSEC_A_GROUP_PACKETS_IN, 12);
	say(msg);
	say(event(200));	/* of a younger kernel */
	msg = event(SIPSEC_CMD_GROUP_ROTATE_NTF);
	nla_put_u16(msg, SIPSEC_A_ROTATION_ID, 5);	/* too short */
	say(msg);
	msg = event(SIPSEC_CMD_GROUP_ADD_NTF);
	nla_put_u32(msg, SIPSEC_A_GROUP_ID, 6);
	nla_put_string(msg, SIPSEC_A_GROUP_APP, "phone");
	nla_put_u32(msg, SIPSEC_A_GROUP_SPI_IN, 0x5d1c2a00);
	say(msg);
	msg = event(SIPSEC_CMD_GROUP_DISTURBED_NTF);
	nla_put_string(msg, SIPSEC_A_ROTATION_APP, "phone");
	nla_put_u64(msg, SIPSEC_A_ROTATION_NUMBER, 8);
	nla_put_u32(msg, SIPSEC_A_ROTATION_CAUSE, SIPSEC_DISTURBANCE_SA_GONE);
	say(msg);
	assert_int_equal(sipsec_process(s), 0);
	assert_int_equal(n_seen, 4);

	assert_int_equal(seen[0].type, SIPSEC_EVENT_GROUP_ROTATE);
	assert_int_equal(seen[0].group, 5);
	assert_int_equal(seen[0].direction, SIPSEC_DIRECTION_IN);
	assert_int_equal(seen[0].round, 7);
	assert_int_equal(seen[0].spi, 0x5d1c2a01);
	assert_int_equal(seen[0].packets, 100);
	assert_true(seen[0].time_ns == 1234567890123456789);
	assert_int_equal(seen[1].type, SIPSEC_EVENT_GROUP_DEL);
	assert_int_equal(seen[1].group, 5);
	assert_int_equal(seen[1].reason, SIPSEC_END_REASON_LIFE);
	assert_int_equal(seen[1].packets_out, 11);
	assert_int_equal(seen[1].packets_in, 12);
	assert_true(seen[1].time_ns > 0);
	assert_int_equal(seen[2].type, SIPSEC_EVENT_GROUP_ADD);
	assert_int_equal(seen[2].group, 6);
	assert_int_equal(seen[2].spi, 0x5d1c2a00);
	assert_int_equal(seen[3].type, SIPSEC_EVENT_GROUP_DISTURBED);
	assert_int_equal(seen[3].round, 8);
	assert_int_equal(seen[3].reason, SIPSEC_DISTURBANCE_SA_GONE);
}

/* Events before and amid the answer are for sipsec_process(), in order, and wake who polls. */
static void answer_amid_events(void)
{
	say_rotation(2);
	say_ack();
	say_rotation(3);
}

static void test_events_amid(void **state)
{
	(void)state;
	say_rotation(1);
	assert_false(fd_ready());
	answer = answer_amid_events;
	assert_int_equal(sipsec_group_del(s, 5), 0);
	assert_int_equal(n_seen, 0);
	assert_true(fd_ready());
	assert_int_equal(sipsec_process(s), 0);
	assert_int_equal(n_seen, 3);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(seen[i].round, i + 1);
	assert_false(fd_ready());
}

/* A handler may make requests; what these bring is told in the same go, not inside the handler. */
static void on_event_request(const struct sipsec_event *ev, void *arg)
{
	size_t before = n_seen;

	if (ev->round == 1) {
		answer = answer_amid_events;
		assert_int_equal(sipsec_group_del(s, 5), 0);
		assert_int_equal(sipsec_process(s), 0);
		assert_int_equal(n_seen, before);
	}
	on_event(ev, arg);
}

static void test_handler_requests(void **state)
{
	(void)state;
	sipsec_set_event_handler(s, on_event_request, &n_seen);
	say_rotation(1);
	assert_int_equal(sipsec_process(s), 0);
	assert_int_equal(requests, 1);
	assert_int_equal(sipsec_process(s), 0);
	assert_int_equal(n_seen, 3);
	for (size_t i = 0; i < 3; i++)
		assert_int_equal(seen[i].round, i + 1);
}

static void test_lost(void **state)
{
	(void)state;
	push((struct datagram){ .err = ENOBUFS });
	say_rotation(9);
	assert_int_equal(sipsec_process(s), 0);
	assert_int_equal(n_seen, 2);
	assert_int_equal(seen[0].type, SIPSEC_EVENT_LOST);
	assert_int_equal(seen[1].round, 9);
	assert_int_equal(sipsec_process(s), 0);
	assert_int_equal(n_seen, 2);
}

static void answer_amid_loss(void)
{
	push((struct datagram){ .err = ENOBUFS });
	say_ack();
}

static void test_lost_amid(void **state)
{
	(void)state;
	answer = answer_amid_loss;
	assert_int_equal(sipsec_group_del(s, 5), 0);
	assert_true(fd_ready());
	assert_int_equal(sipsec_process(s), 0);
	assert_int_equal(n_seen, 1);
	assert_int_equal(seen[0].type, SIPSEC_EVENT_LOST);
}

/* One who only makes requests does not fill the memory with events. */
static void answer_flood(void)
{
	for (int i = 0; i < 5000; i++)
		say_rotation(i);
	say_ack();
}

static void test_flood(void **state)
{
	(void)state;
	answer = answer_flood;
	assert_int_equal(sipsec_group_del(s, 5), 0);
	assert_int_equal(sipsec_process(s), 0);
	assert_int_equal(seen[0].type, SIPSEC_EVENT_LOST);
	assert_int_equal(seen[1].round, 0);
	assert_int_equal(n_seen, 4097);
}

static void test_read_error(void **state)
{
	(void)state;
	push((struct datagram){ .err = EIO });
	assert_int_equal(sipsec_process(s), -EIO);
	assert_string_equal(sipsec_error(s), "reading from the kernel: Input/output error");
}

static void answer_interrupted_read(void)
{
	struct nl_msg *msg = event(SIPSEC_CMD_GROUP_UP_NTF);

	nla_put_string(msg, SIPSEC_A_GROUP_APP, "phone");
	push((struct datagram){ .err = EINTR });
	push((struct datagram){ .msg = msg, .flags = MSG_TRUNC });
	say_ack();
}

/* A signal costs nothing, a datagram that was cut short an event. */
static void test_interrupted_read(void **state)
{
	(void)state;
	answer = answer_interrupted_read;
	assert_int_equal(sipsec_group_del(s, 5), 0);
	assert_int_equal(sipsec_process(s), 0);
	assert_int_equal(n_seen, 2);
	assert_int_equal(seen[0].type, SIPSEC_EVENT_LOST);
	assert_int_equal(seen[1].type, SIPSEC_EVENT_GROUP_UP);
}

/* A message without content, then an answer without its end, or one without words. */
static bool cut;

static void answer_short(void)
{
	struct nl_msg *msg = nlmsg_alloc();

	assert_non_null(nlmsg_put(msg, request->nlmsg_pid, request->nlmsg_seq, NLMSG_NOOP, 0, 0));
	say(msg);
	msg = error(-EBUSY, false);
	nlmsg_hdr(msg)->nlmsg_flags &= ~NLM_F_ACK_TLVS;
	if (cut)
		nlmsg_hdr(msg)->nlmsg_len = NLMSG_HDRLEN + 4;
	say(msg);
}

static void test_short(void **state)
{
	(void)state;
	answer = answer_short;
	cut = true;
	assert_int_equal(sipsec_group_del(s, 5), -EPROTO);
	assert_string_equal(sipsec_error(s), "the kernel's answer is too short");
	cut = false;
	assert_int_equal(sipsec_group_del(s, 5), -EBUSY);
	assert_string_equal(sipsec_error(s), "Device or resource busy");
}

/* What a module of another age may say of itself. */
static void answer_other_family(void)
{
	struct nl_msg *msg = reply(CTRL_CMD_NEWFAMILY, 0);

	if (bad_kind)
		nla_put_u16(msg, CTRL_ATTR_FAMILY_ID, FAMILY);
	if (bad_kind == 2)
		nla_nest_end(msg, nla_nest_start(msg, CTRL_ATTR_MCAST_GROUPS));
	say(msg);
	say_ack();
}

static void test_other_family(void **state)
{
	struct sipsec *other;

	(void)state;
	answer = answer_other_family;
	bad_kind = 0;
	assert_int_equal(sipsec_connect(&other), -EPROTO);
	assert_string_equal(sipsec_error(NULL), "the kernel's answer has no family");
	for (bad_kind = 1; bad_kind <= 2; bad_kind++) {
		assert_int_equal(sipsec_connect(&other), 0);
		assert_int_equal(sipsec_subscribe(other), -EOPNOTSUPP);
		assert_string_equal(sipsec_error(other), "the module has no group of events");
		sipsec_close(other);
	}
}

/* Each call of the library: well answered, badly answered, and with all that can fail failing. */

static size_t n_told;

static void on_app(const struct sipsec_app_info *app, void *arg)
{
	(void)arg;
	n_told++;
	assert_string_equal(app->name, "phone");
	assert_int_equal(app->uid, 1000);
	assert_int_equal(app->groups, 1);
	assert_int_equal(app->flows, 2);
	assert_int_equal(app->owners, 3);
	assert_true(app->wildcard);
	assert_int_equal(app->n_protocols, 2);
	assert_memory_equal(app->protocols, "\x2f\x84", 2);
}

static void on_a_group(const struct sipsec_group_info *group, void *arg)
{
	(void)arg;
	n_told++;
	assert_int_equal(group->id, 5);
	assert_int_equal(group->n_rounds, 2);
}

static void on_flow(const struct sipsec_flow_info *flow, void *arg)
{
	(void)arg;
	n_told++;
	assert_int_equal(flow->group, 5);
	assert_string_equal(flow->app, "phone");
	assert_int_equal(flow->protocol, 17);
	assert_string_equal(flow->local, "192.0.2.1");
	assert_int_equal(flow->local_port, 4000);
	/* as long as no address is */
	assert_string_equal(flow->peer, "");
	assert_int_equal(flow->peer_port, 5000);
	assert_int_equal(flow->uid, 1000);
	assert_true(flow->shared);
	assert_false(flow->any);
}

static void on_stats(const struct sipsec_stats *stats, void *arg)
{
	(void)arg;
	n_told++;
	assert_string_equal(stats->app, "phone");
	assert_int_equal(stats->n_counters, SIPSEC_A_STATS_MAX + 1);
	for (size_t i = SIPSEC_A_STATS_APP + 1; i < stats->n_counters; i++)
		assert_int_equal(stats->counters[i], i);
}

static const struct sipsec_flow_info key = {
	.protocol = 17, .local = "192.0.2.1", .local_port = 4000, .peer = "2001:db8::1",
	.peer_port = 5000,
};

static int do_connect(void)
{
	struct sipsec *other;
	int err = sipsec_connect(&other);

	if (err)
		assert_null(other);
	else
		sipsec_close(other);
	return err;
}

static int do_subscribe(void)
{
	return sipsec_subscribe(s);
}

static int do_app_new(void)
{
	struct sipsec_app_conf conf = { .has_uid = true, .uid = 1000 };

	return sipsec_app_new(s, "phone", &conf);
}

static int do_app_set(void)
{
	const char *const peers[] = { "192.0.2.0/24", "2001:db8::/32", "192.0.2.1", "::/0" };
	struct sipsec_app_conf conf = { .has_gid = true, .gid = 1000, .cgroup = "/x",
					.max_groups = 5, .legacy = true,
					.has_viewer = true, .viewer = 7,
					.max_memory = 1 << 20, .max_memory_uid = 1,
					.wildcard = true, .n_protocols = 2,
					.protocols = (const uint8_t[]){ 47, 132 },
					.port_min = 1024, .port_max = 2048,
					.peers = peers, .n_peers = ROWS(peers) };

	return sipsec_app_set(s, "phone", &conf);
}

static int do_app_del(void)
{
	return sipsec_app_del(s, "phone");
}

static int do_app_open(void)
{
	return sipsec_app_open(s, "phone");
}

static int do_app_watch(void)
{
	return sipsec_app_watch(s, "phone");
}

static int do_app_get(void)
{
	return sipsec_app_get(s, "phone", on_app, NULL);
}

static int do_app_list(void)
{
	return sipsec_app_list(s, on_app, NULL);
}

static int do_group_new(void)
{
	struct sipsec_group_conf conf = { .app = "phone", .local = "192.0.2.1", .persistent = true,
					  .spi_in = 0x4000 };
	uint32_t id;

	return sipsec_group_new(s, &conf, &id, NULL);
}

static int do_group_set(void)
{
	struct sipsec_group_conf conf = { SET, .peer = "192.0.2.2", .life = 60, .window = 64 };

	return sipsec_group_set(s, 5, &conf);
}

static int do_group_rotate(void)
{
	return sipsec_group_rotate(s, 5);
}

static int do_group_adopt(void)
{
	return sipsec_group_adopt(s, 5);
}

static int do_group_del(void)
{
	return sipsec_group_del(s, 5);
}

static int do_group_get(void)
{
	return sipsec_group_get(s, 5, on_a_group, NULL);
}

static int do_group_list(void)
{
	return sipsec_group_list(s, on_a_group, NULL);
}

static int do_flow_bind(void)
{
	struct sipsec_flow_conf conf = { .group = 5, .protocol = 17, .local_port = 4000,
					 .peer_port = 5000, .socket = SIPSEC_FLOW_FD, .fd = 1,
					 .shared = true };

	return sipsec_flow_bind(s, &conf);
}

static int do_flow_bind_uid(void)
{
	struct sipsec_flow_conf conf = { .group = 5, .protocol = 17, .local_port = 4000,
					 .peer_port = 5000, .socket = SIPSEC_FLOW_UID,
					 .uid = 1000 };

	return sipsec_flow_bind(s, &conf);
}

static int do_flow_unbind(void)
{
	return sipsec_flow_unbind(s, &key);
}

static int do_flow_get(void)
{
	return sipsec_flow_get(s, &key, on_flow, NULL);
}

static int do_flow_identity(void)
{
	char identity[SIPSEC_PEER_IDENTITY_MAX + 1];
	int err = sipsec_flow_identity(s, &key, identity);

	if (!err) {
		assert_string_equal(identity, "sip:b@example.com");
		n_told++;
	}
	return err;
}

static int do_flow_list(void)
{
	return sipsec_flow_list(s, on_flow, NULL);
}

static int do_stats_get(void)
{
	return sipsec_stats_get(s, "phone", on_stats, NULL);
}

static int do_stats_list(void)
{
	return sipsec_stats_list(s, on_stats, NULL);
}

static const struct call {
	const char *name;
	int (*call)(void);
	int bad_attr;		/* of the reply: given with one octet, which is too short */
} table_of_calls[] = {
	{ "connect", do_connect, 0 },
	{ "subscribe", do_subscribe, 0 },
	{ "app new", do_app_new, 0 },
	{ "app set", do_app_set, 0 },
	{ "app del", do_app_del, 0 },
	{ "app open", do_app_open, 0 },
	{ "app watch", do_app_watch, 0 },
	{ "app get", do_app_get, SIPSEC_A_APP_UID },
	{ "app list", do_app_list, SIPSEC_A_APP_GROUPS },
	{ "group new", do_group_new, SIPSEC_A_GROUP_ID },
	{ "group set", do_group_set, 0 },
	{ "group adopt", do_group_adopt, 0 },
	{ "group del", do_group_del, 0 },
	{ "group rotate", do_group_rotate, 0 },
	{ "group get", do_group_get, SIPSEC_A_GROUP_STATE },
	{ "group list", do_group_list, SIPSEC_A_GROUP_ROUND },
	{ "flow bind", do_flow_bind, 0 },
	{ "flow bind uid", do_flow_bind_uid, 0 },
	{ "flow unbind", do_flow_unbind, 0 },
	{ "flow get", do_flow_get, SIPSEC_A_FLOW_LOCAL_PORT },
	{ "flow identity", do_flow_identity, SIPSEC_A_FLOW_LOCAL_PORT },
	{ "flow list", do_flow_list, SIPSEC_A_FLOW_UID },
	{ "stats get", do_stats_get, SIPSEC_A_STATS_OUT_LATE },
	{ "stats list", do_stats_list, SIPSEC_A_STATS_OUT_LATE },
};

static int bad_attr;

static void put_group(struct nl_msg *msg)
{
	nla_put_u32(msg, SIPSEC_A_GROUP_ID, 5);
	nla_put_u32(msg, SIPSEC_A_GROUP_SPI_IN, 0x4000);
	for (int i = 0; i < 2; i++) {
		struct nlattr *round = nla_nest_start(msg, SIPSEC_A_GROUP_ROUND);

		if (bad_attr == SIPSEC_A_GROUP_ROUND)
			nla_put_u8(msg, SIPSEC_A_ROUND_SPI, 1);
		nla_put_flag(msg, SIPSEC_A_ROUND_CURRENT);
		nla_nest_end(msg, round);
	}
}

static void put_flow(struct nl_msg *msg)
{
	nla_put_u32(msg, SIPSEC_A_FLOW_GROUP, 5);
	nla_put_string(msg, SIPSEC_A_FLOW_APP, "phone");
	nla_put_u8(msg, SIPSEC_A_FLOW_PROTOCOL, 17);
	nla_put(msg, SIPSEC_A_FLOW_LOCAL, 4, "\xc0\x00\x02\x01");
	nla_put_u16(msg, SIPSEC_A_FLOW_LOCAL_PORT, 4000);
	nla_put(msg, SIPSEC_A_FLOW_PEER, 5, "\xc0\x00\x02\x01");
	nla_put_u16(msg, SIPSEC_A_FLOW_PEER_PORT, 5000);
	nla_put_u32(msg, SIPSEC_A_FLOW_UID, 1000);
	nla_put_flag(msg, SIPSEC_A_FLOW_SHARED);
	nla_put_string(msg, SIPSEC_A_FLOW_PEER_IDENTITY, "sip:b@example.com");
}

static void put_app(struct nl_msg *msg)
{
	nla_put_string(msg, SIPSEC_A_APP_NAME, "phone");
	nla_put_u32(msg, SIPSEC_A_APP_UID, 1000);
	nla_put_u32(msg, SIPSEC_A_APP_GROUPS, 1);
	nla_put_u32(msg, SIPSEC_A_APP_FLOWS, 2);
	nla_put_u32(msg, SIPSEC_A_APP_OWNERS, 3);
	nla_put_flag(msg, SIPSEC_A_APP_WILDCARD);
	nla_put(msg, SIPSEC_A_APP_PROTOCOLS, 2, "\x2f\x84");
}

static void put_stats(struct nl_msg *msg)
{
	nla_put_string(msg, SIPSEC_A_STATS_APP, "phone");
	for (int i = SIPSEC_A_STATS_APP + 1; i <= SIPSEC_A_STATS_MAX; i++) {
		/* as the kernel pads, where 64-bit values are to be aligned */
		nla_put(msg, 0, 0, NULL);
		nla_put_u64(msg, i, i);
	}
}

static void answer_call(void)
{
	const bool list = (request->nlmsg_flags & NLM_F_DUMP) == NLM_F_DUMP;
	uint8_t cmd = genlmsg_hdr(request)->cmd;
	void (*put)(struct nl_msg *msg) = NULL;
	struct nl_msg *msg;

	if (request->nlmsg_type == GENL_ID_CTRL) {
		answer_family();
		return;
	}
	switch (cmd) {
	case SIPSEC_CMD_APP_GET:
		put = put_app;
		break;
	case SIPSEC_CMD_GROUP_NEW:
	case SIPSEC_CMD_GROUP_GET:
		put = put_group;
		break;
	case SIPSEC_CMD_FLOW_GET:
		put = put_flow;
		break;
	case SIPSEC_CMD_STATS_GET:
		put = put_stats;
		break;
	}
	if (put && bad_attr >= 0) {
		msg = reply(cmd, list ? NLM_F_MULTI : 0);
		put(msg);
		if (bad_attr && bad_attr != SIPSEC_A_GROUP_ROUND)
			nla_put_u8(msg, bad_attr, 1);
		say(msg);
	}
	if (list)
		say_done(0, 0);
	else
		say_ack();
}

static void test_call(void **state)
{
	const struct call *row = *state;
	const bool list = strstr(row->name, "list");

	answer = answer_call;
	n_told = 0;
	bad_attr = 0;
	if (row->call != do_subscribe)
		assert_int_equal(row->call(), 0);
	assert_int_equal(n_told, row->bad_attr && row->call != do_group_new);
	if (!row->bad_attr)
		return;
	n_told = 0;
	bad_attr = row->bad_attr;
	assert_int_equal(row->call(), -EPROTO);
	assert_string_equal(sipsec_error(s), "the kernel's answer cannot be read");
	bad_attr = -1;
	assert_int_equal(row->call(), list ? 0 : -EPROTO);
	assert_int_equal(n_told, 0);
}

static void test_call_fails(void **state)
{
	const struct call *row = *state;
	int n;

	answer = answer_call;
	bad_attr = 0;
	for (n = 1; n < 100; n++) {
		int err;

		calls = 0;
		fail_at = n;
		failed_call = NULL;
		errno = 0;
		err = row->call();
		fail_at = 0;
		if (!failed_call)
			break;
		/* Without room for many events it works as well. */
		if (!err) {
			assert_string_equal(failed_call, "setsockopt");
			assert_int_equal(failed_option, SO_RCVBUFFORCE);
			continue;
		}
		assert_true(err < 0);
		assert_string_not_equal(sipsec_error(row->call == do_connect ? NULL : s), "");
		/* The connection is as good as before. */
		assert_int_equal(sipsec_group_del(s, 5), 0);
	}
	assert_in_range(n, 2, 99);
}

/* Without memory for it an event is lost, and the request that met it is none the worse. */
static void test_event_fails(void **state)
{
	(void)state;
	say_rotation(1);
	calls = 0;
	fail_at = 2;		/* recvmsg(), malloc() */
	assert_int_equal(sipsec_process(s), 0);
	assert_string_equal(failed_call, "malloc");
	assert_int_equal(n_seen, 1);
	assert_int_equal(seen[0].type, SIPSEC_EVENT_LOST);
}

static const char *const bad_prefixes[] = {
	"", "/", "/8", "ua2", "192.0.2.0/", "192.0.2.0/33", "192.0.2.0/-1", "192.0.2.0/ 8",
	"fe80::1%1/64", "192.0.2.0/8x", "192.0.2.0/+8", "::/129", "::/18446744073709551617",
	"192.0.2/24",
	"1234:1234:1234:1234:1234:1234:1234:1234:1234:1234/8",
};

static void test_bad_names(void **state)
{
	const char *const names[] = { NULL, "", "abcdefghijklmnopqrstuvwxyz012345" };
	struct sipsec_group_conf conf = { .local = "192.0.2.1", .persistent = true };
	struct sipsec_app_conf app = { .has_uid = true };
	struct sipsec_flow_info bad = key;

	(void)state;
	for (size_t i = 0; i < ROWS(names); i++) {
		conf.app = names[i];
		assert_int_equal(sipsec_app_new(s, names[i], &app), -EINVAL);
		assert_int_equal(sipsec_app_del(s, names[i]), -EINVAL);
		assert_int_equal(sipsec_app_get(s, names[i], on_app, NULL), -EINVAL);
		assert_int_equal(sipsec_stats_get(s, names[i], on_stats, NULL), -EINVAL);
		if (names[i])
			assert_int_equal(sipsec_group_new(s, &conf, &(uint32_t){ 0 }, NULL),
					 -EINVAL);
		assert_string_equal(sipsec_error(s), "the name of an app has 1 to 31 octets");
	}
	for (size_t i = 0; i < ROWS(bad_prefixes); i++) {
		app.peers = &bad_prefixes[i];
		app.n_peers = 1;
		assert_int_equal(sipsec_app_new(s, "phone", &app), -EINVAL);
		assert_non_null(strstr(sipsec_error(s), "(peer)"));
	}
	bad.peer = "ua2";
	assert_int_equal(sipsec_flow_unbind(s, &bad), -EINVAL);
	assert_int_equal(sipsec_flow_get(s, &bad, on_flow, NULL), -EINVAL);
	assert_string_equal(sipsec_error(s), "ua2: not a numeric address (peer)");
	bad.local = NULL;
	assert_int_equal(sipsec_flow_unbind(s, &bad), -EINVAL);
	assert_string_equal(sipsec_error(s), "the local address is missing");
	assert_int_equal(requests, 0);
}

static void test_names(void **state)
{
	(void)state;
	assert_string_equal(sipsec_suite_name(10), "ESP_NULL_HMAC_SHA1_96");
	assert_null(sipsec_suite_name(0));
	assert_null(sipsec_suite_name(11));
	assert_int_equal(sipsec_suite_by_name("ESP_AES_128_GCM_16"), 1);
	assert_int_equal(sipsec_suite_by_name("ESP"), -ENOENT);
	assert_string_equal(sipsec_prf_name(2), "HMAC_SHA2_384");
	assert_int_equal(sipsec_prf_by_name("HMAC_SHA2_384"), 2);
	assert_null(sipsec_counter_name(SIPSEC_A_STATS_APP));
	assert_null(sipsec_counter_name(SIPSEC_A_STATS_MAX + 1));
	/* none was forgotten */
	for (unsigned int i = SIPSEC_A_STATS_APP + 1; i <= SIPSEC_A_STATS_MAX; i++)
		assert_non_null(sipsec_counter_name(i));
	assert_string_equal(sipsec_names_attr(SIPSEC_CMD_APP_DEL, SIPSEC_A_APP_NAME), "name");
	assert_string_equal(sipsec_names_attr(SIPSEC_CMD_GROUP_SET, SIPSEC_A_GROUP_LIFE), "life");
	assert_string_equal(sipsec_names_attr(SIPSEC_CMD_FLOW_GET, SIPSEC_A_FLOW_PEER), "peer");
	assert_string_equal(sipsec_names_attr(SIPSEC_CMD_STATS_GET, SIPSEC_A_STATS_APP), "app");
	assert_null(sipsec_names_attr(SIPSEC_CMD_STATS_GET, SIPSEC_A_STATS_MAX + 1));
	assert_null(sipsec_names_attr(SIPSEC_CMD_MAX + 1, SIPSEC_A_STATS_APP));
}

int main(void)
{
	static struct tests tests;

	add_test(&tests, "no module", test_no_module, NULL);
	add_test(&tests, "close on exec", test_close_on_exec, NULL);
	ADD_TABLE(&tests, test_failure, failures);
	add_test(&tests, "timeout", test_timeout, NULL);
	add_test(&tests, "late answer", test_late, NULL);
	add_test(&tests, "forged answer", test_forged, NULL);
	add_test(&tests, "group new", test_group_new, NULL);
	ADD_TABLE(&tests, test_set, sets);
	ADD_TABLE(&tests, test_get, objects);
	add_test(&tests, "list", test_list, NULL);
	add_test(&tests, "interrupted list", test_interrupted, NULL);
	add_test(&tests, "list fails at its end", test_list_fails_at_its_end, NULL);
	add_test(&tests, "events", test_events, NULL);
	add_test(&tests, "events amid a request", test_events_amid, NULL);
	add_test(&tests, "requests of the handler", test_handler_requests, NULL);
	add_test(&tests, "lost events", test_lost, NULL);
	add_test(&tests, "lost events amid a request", test_lost_amid, NULL);
	add_test(&tests, "flood of events", test_flood, NULL);
	add_test(&tests, "read error", test_read_error, NULL);
	add_test(&tests, "interrupted read", test_interrupted_read, NULL);
	add_test(&tests, "short answer", test_short, NULL);
	add_test(&tests, "other family", test_other_family, NULL);
	ADD_TABLE(&tests, test_call, table_of_calls);
	ADD_TABLE(&tests, test_call_fails, table_of_calls);
	add_test(&tests, "no memory for an event", test_event_fails, NULL);
	add_test(&tests, "bad names", test_bad_names, NULL);
	add_test(&tests, "names", test_names, NULL);
	for (size_t i = 0; i < tests.n; i++) {
		tests.test[i].setup_func = setup;
		tests.test[i].teardown_func = teardown;
	}
	return run_table("netlink", &tests);
}
