/* SPDX-License-Identifier: GPL-2.0 */
/* What a network namespace has of its own. */
#ifndef SIPSEC_PERNET_H
#define SIPSEC_PERNET_H

#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/rhashtable.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>
#include <net/net_namespace.h>

struct sipsec_stats;

/**
 * struct sipsec_net - state of one network namespace
 * @net: the namespace; no reference is held, its exit ends everything here
 * @lock: protects all lists and every change here. Taken before a group's
 *	locks, never in a packet path or in a group's work item. Lock order:
 *	sipsec_net.lock > socket lock; sipsec_net.lock > sipsec_group.lock
 * @apps: struct sipsec_app.list
 * @owners: struct sipsec_owner.list
 * @groups: struct sipsec_group by id; read under RCU
 * @next_group: where the search for a free id begins, at random at first so
 *	that ids tell nothing, onward so that none is reused soon
 * @blocks: struct sipsec_group by receive block; read under RCU
 * @flows: struct sipsec_flow by 5-tuple; read under RCU
 * @exclusive: struct sipsec_flow of sockets that may use nothing else, by local
 *	port; read under RCU
 * @flow_index: struct sipsec_flow by a number for dumps
 * @next_flow: where the search for a free number begins
 * @hook_users: flows and groups that need the packet hooks
 * @closed: closed flows that wait for their socket's end
 * @reap: looks after @closed while there are any
 * @stats: drops that belong to no app
 */
struct sipsec_net {
	struct net *net;
	struct mutex lock; /* all but the packet paths, see above */
	struct list_head apps;
	struct list_head owners;
	struct xarray groups;
	u32 next_group;
	struct rhashtable blocks;
	struct rhashtable flows;
	struct rhltable exclusive;
	struct xarray flow_index;
	u32 next_flow;
	unsigned int hook_users;
	struct list_head closed;
	struct delayed_work reap;
	struct sipsec_stats __percpu *stats;
};

/**
 * sipsec_pernet - state of a namespace
 * @net: the namespace
 *
 * Context: any; valid as long as @net is.
 */
struct sipsec_net *sipsec_pernet(const struct net *net);

#endif
