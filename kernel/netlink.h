/* SPDX-License-Identifier: GPL-2.0 */
/* The generic netlink family and its fill functions. */
#ifndef SIPSEC_NETLINK_H
#define SIPSEC_NETLINK_H

struct genl_family;
struct sipsec_group;
struct sk_buff;

extern struct genl_family sipsec_nl_family;

/**
 * sipsec_nl_fill_group - put a group's attributes, the same in get, dump and events
 * @skb: message being made
 * @group: the group, referenced or under sipsec_net.lock
 *
 * Return: 0 or -EMSGSIZE.
 */
int sipsec_nl_fill_group(struct sk_buff *skb, struct sipsec_group *group);

/* Register the family and the notifier of closed sockets, and undo it. */
int sipsec_nl_init(void);
void sipsec_nl_exit(void);

#endif
