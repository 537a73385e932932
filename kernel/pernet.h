/* SPDX-License-Identifier: GPL-2.0 */
/* What a network namespace has of its own. */
#ifndef SIPSEC_PERNET_H
#define SIPSEC_PERNET_H

#include <linux/atomic.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/rhashtable.h>
#include <linux/workqueue.h>
#include <linux/xarray.h>
#include <net/net_namespace.h>

#include "used.h"

struct sipsec_stats;

/*
 * Nothing tells a module that a socket was closed, or that a packet is gone.
 * What waits for that is looked at this often. A closed flow's 5-tuple is free
 * at once all the same, see sipsec_flow_gone().
 */
#define SIPSEC_REAP_INTERVAL	HZ

/**
 * struct sipsec_net - state of one network namespace
 * @net: the namespace; no reference is held, its exit ends everything here
 * @lock: protects all lists and every change here. Taken before a group's
 *	locks, never in a packet path or in a group's work item. Lock order:
 *	socket lock > sipsec_net.lock > sipsec_group.lock
 * @apps: struct sipsec_app.list
 * @owners: struct sipsec_owner.list
 * @watchers: struct sipsec_owner.list of those that only get events; read under RCU
 * @used: master secrets that apps have used which are gone
 * @groups: struct sipsec_group by id; read under RCU
 * @next_group: where the search for a free id begins, at random at first so
 *	that ids tell nothing, onward so that none is reused soon
 * @blocks: struct sipsec_group by receive block; read under RCU
 * @states: inbound states of the groups in the SAD; never more than are there
 * @out_blocks: struct sipsec_group with keys by the peer's block, which several peers may have
 *	chosen; read under RCU
 * @flows: struct sipsec_flow by 5-tuple; read under RCU
 * @exclusive: struct sipsec_exclusive by socket; read under RCU
 * @exclusive_ports: how many of these sockets a local port has; read under RCU
 * @listeners: struct sipsec_exclusive of raw sockets; read under RCU
 * @wildcards: flows that leave ports open; packet paths look for them if there are some
 * @flow_index: struct sipsec_flow by a number for dumps
 * @next_flow: where the search for a free number begins
 * @hook_users: flows and groups that need the packet hooks
 * @closed: closed flows that wait for their socket's end
 * @draining: ended groups whose last packets are still under way
 * @reap: looks after @closed and @draining while there are any
 * @stats: drops that belong to no app
 */
struct sipsec_net {
	struct net *net;
	struct mutex lock; /* all but the packet paths, see above */
	struct list_head apps;
	struct list_head owners;
	struct list_head watchers;
	struct sipsec_used_list used;
	struct xarray groups;
	u32 next_group;
	struct rhashtable blocks;
	atomic_t states;
	struct rhltable out_blocks;
	struct rhashtable flows;
	struct rhashtable exclusive;
	struct xarray exclusive_ports;
	struct hlist_head listeners;
	unsigned int wildcards;
	struct xarray flow_index;
	u32 next_flow;
	unsigned int hook_users;
	struct list_head closed;
	struct list_head draining;
	struct delayed_work reap;
	struct sipsec_stats __percpu *stats;
};

/**
 * sipsec_pernet - state of a namespace
 * @net: the namespace
 *
 * Context: any; valid as long as @net is.
 * Return: the state, never NULL.
 */
struct sipsec_net *sipsec_pernet(const struct net *net);

#endif
