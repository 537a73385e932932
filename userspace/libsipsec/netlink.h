/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* The socket: requests with a deadline, errors with the kernel's own text, and waiting events. */
#ifndef SIPSEC_NETLINK_H
#define SIPSEC_NETLINK_H

#include <stdarg.h>
#include <stdint.h>

#include <netlink/attr.h>
#include <netlink/msg.h>

#include "sipsec.h"

/* A message of the kernel: a reply, or an event that waits for sipsec_process(). */
struct sipsec_netlink_msg {
	struct sipsec_netlink_msg *next;
	uint64_t time_ns;	/* when it was read, wall clock */
	struct nlmsghdr nlh;	/* with all that follows */
};

struct sipsec_netlink_list {
	struct sipsec_netlink_msg *first;
	struct sipsec_netlink_msg **end;
	size_t len;
};

/* Set the text of sipsec_error() and return err. */
int sipsec_netlink_fail(struct sipsec *s, int err, const char *format, ...)
	__attribute__((format(printf, 3, 4)));

/*
 * A request without attributes yet, to fill with nla_put*() and hand to sipsec_netlink_send(). NULL
 * without memory, which both accept. flags: 0 or NLM_F_DUMP.
 */
struct nl_msg *sipsec_netlink_new(struct sipsec *s, uint8_t cmd, int flags);

/*
 * Send a request and wait for its end. full: what the nla_put*() calls returned, or-ed; nonzero is
 * an error of memory. The request is wiped and freed in any case. The kernel's replies, where the
 * caller wants them and there is no error, are for the caller to clear.
 */
int sipsec_netlink_send(struct sipsec *s, struct nl_msg *msg, int full,
			struct sipsec_netlink_list *replies);

void sipsec_netlink_clear(struct sipsec_netlink_list *list);

/* Turn a notification into an event. False: it is of a kind this library does not know. */
bool sipsec_objects_event(const struct sipsec_netlink_msg *msg, struct sipsec_event *ev);

#endif
