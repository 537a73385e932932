/* SPDX-License-Identifier: GPL-2.0 */
/* Life of groups: reserved, given keys, rotated, ended. */
#ifndef SIPSEC_GROUP_H
#define SIPSEC_GROUP_H

#include <linux/kref.h>
#include <linux/list.h>
#include <linux/rhashtable-types.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include <uapi/linux/sipsec.h>

#include "kdf.h"
#include "round.h"

struct netlink_ext_ack;
struct sipsec_app;
struct sipsec_bundle_cache;
struct sipsec_net;
struct sipsec_owner;
struct sipsec_sa;
struct sipsec_suite_info;

/* Seconds a reservation lives without keys: SIP's Timer C (RFC 3261) and some. */
#define SIPSEC_GROUP_RESERVE_TIME	240

/**
 * struct sipsec_group_params - what group-set gives, checked by the netlink code
 * @role: enum sipsec_role
 * @suite: enum sipsec_suite
 * @prf: enum sipsec_prf
 * @spi_out: the peer's receive block, host byte order
 * @peer: the peer's address, network byte order
 * @rotate: packets of one round
 * @life: seconds
 * @window: replay window in packets
 * @master: L octets; the caller wipes them
 */
struct sipsec_group_params {
	u32 role;
	u32 suite;
	u32 prf;
	u32 spi_out;
	__be32 peer;
	u32 rotate;
	u32 life;
	u32 window;
	const u8 *master;
};

/**
 * struct sipsec_group - the SAs of one session
 * @ref: held by the registry, SAs, and flows of the moment
 * @sn: its namespace
 * @app: held
 * @owner: the socket it ends with, NULL if persistent
 * @owner_list: in sipsec_owner.groups
 * @block_node: in sipsec_net.blocks
 * @flows: struct sipsec_flow.group_list; under sipsec_net.lock
 * @id: for netlink
 * @spi_in: receive block, host byte order
 * @spi_out: the peer's block, host byte order
 * @local: network byte order
 * @peer: network byte order
 * @suite_id: enum sipsec_suite
 * @suite: its row of the table
 * @role: enum sipsec_role
 * @prf: enum sipsec_prf
 * @rotate: packets of one round
 * @life: seconds
 * @window: replay window in packets
 * @expires: jiffies64 of the end
 * @persistent: made by the administrator, outlives sockets
 * @installed: has keys; set once under sipsec_net.lock
 * @dead: ended; packet paths and late bundles look at it
 * @confirmed: the peer's first packet authenticated
 * @confirmed_told: and the event was sent; work item only
 * @late: packets past a threshold, of rounds that are over
 * @packets_out: packets of rounds that are over
 * @packets_in: the same, received
 * @lock: protects @out, @ready, @retired, @in_current and @in_since; softirq.
 *	Taken once per round, not per packet
 * @out: SA of the current round, RCU
 * @ready: SAs of the rounds after it in their order, sipsec_sa.list
 * @retired: SAs of rounds that are over, likewise, waiting for the work item
 * @in: SAs received on, slot of round n is n & @in_mask, RCU
 * @in_mask: number of slots less one
 * @in_current: highest round that authenticated a packet
 * @in_window: which rounds are installed; work item only
 * @in_since: jiffies when its current round began
 * @in_told: current round the last event spoke of; work item only
 * @tfm: PRF; work item, and group-set before that first runs
 * @chain_out: chain of the send direction, likewise
 * @chain_in: chain of the receive direction, likewise
 * @work: derives, installs, retires, tells
 * @expire: end of a reservation or of @life; holds a reference while queued
 * @free: last step, in process context
 * @bundles: per-CPU cache of the current round's bundles
 */
struct sipsec_group {
	/* Read by the packet paths. */
	struct sipsec_sa __rcu *out;
	struct sipsec_bundle_cache __percpu *bundles;
	u32 rotate;
	bool dead;
	bool confirmed;
	struct sipsec_sa __rcu **in;
	u32 in_mask;
	u32 spi_in;
	u64 in_current;
	struct sipsec_app *app;

	spinlock_t lock ____cacheline_aligned_in_smp;
	struct list_head ready;
	struct list_head retired;
	unsigned long in_since;

	struct kref ref;
	struct sipsec_net *sn;
	struct sipsec_owner *owner;
	struct list_head owner_list;
	struct rhash_head block_node;
	struct list_head flows;
	u32 id;
	u32 spi_out;
	__be32 local;
	__be32 peer;
	u32 suite_id;
	const struct sipsec_suite_info *suite;
	u32 role;
	u32 prf;
	u32 life;
	u32 window;
	u64 expires;
	bool persistent;
	bool installed;
	bool confirmed_told;
	u64 late;
	u64 packets_out;
	u64 packets_in;
	u64 in_told;
	struct sipsec_round_window in_window;
	struct crypto_shash *tfm;
	struct sipsec_kdf_chain chain_out;
	struct sipsec_kdf_chain chain_in;
	struct delayed_work work;
	struct delayed_work expire;
	struct rcu_work free;
};

extern const struct rhashtable_params sipsec_group_block_params;

/**
 * sipsec_group_new - reserve an id and a receive block
 * @sn: namespace, its lock held
 * @app: the group's app
 * @owner: the socket the group ends with, or NULL for a persistent one
 * @local: local address, network byte order
 * @block: receive block in host byte order, or 0 for a random one
 * @extack: says what is wrong
 *
 * Context: process. Holds a reference of the module until the group is freed.
 * Return: the group, or an ERR_PTR: -EADDRINUSE if @block is another group's
 *	or in the SAD, -EINVAL if IKE daemons take their SPIs from it, -ENOMEM, -ENOSPC if there is no free id.
 */
struct sipsec_group *sipsec_group_new(struct sipsec_net *sn, struct sipsec_app *app,
				      struct sipsec_owner *owner, __be32 local, u32 block,
				      struct netlink_ext_ack *extack);

/**
 * sipsec_group_set - give a reserved group its keys and install its SAs
 * @group: the group, sipsec_net.lock held
 * @params: parameters, all of them valid
 * @extack: says what is wrong
 *
 * Context: process. On error the group is a reservation as before.
 * Return: 0, -EALREADY if it has keys, -EKEYREJECTED if the master secret was
 *	used in this role before, -EEXIST if somebody else's SA has an SPI of
 *	the block, -ENOENT if the kernel lacks the algorithm, -ENOMEM.
 */
int sipsec_group_set(struct sipsec_group *group, const struct sipsec_group_params *params,
		     struct netlink_ext_ack *extack);

/**
 * sipsec_group_end - end a group: SAs out of the SAD, flows closed, keys wiped
 * @group: the group, sipsec_net.lock held; the caller's pointer is invalid afterwards
 * @reason: enum sipsec_end_reason
 *
 * Context: process.
 */
void sipsec_group_end(struct sipsec_group *group, u32 reason);

/* All groups of an app, of an owner; sipsec_net.lock held. */
void sipsec_group_end_app(struct sipsec_net *sn, struct sipsec_app *app, u32 reason);
void sipsec_group_end_owner(struct sipsec_net *sn, struct sipsec_owner *owner, u32 reason);

/**
 * sipsec_group_rotate - move the send direction to its next round
 * @group: the group
 *
 * Context: any.
 * Return: 0, -EBUSY if the next round is not ready.
 */
int sipsec_group_rotate(struct sipsec_group *group);

/**
 * sipsec_group_take_out - take the SA for one packet to be sent, rotating after the last of a round
 * @group: the group
 *
 * Context: RCU read lock held. Compares and counts; no lock but at a rotation.
 * Return: an SA valid under RCU, or an ERR_PTR: -EPERM if the group has ended,
 *	-ENOBUFS at the hard limit.
 */
struct sipsec_sa *sipsec_group_take_out(struct sipsec_group *group);

/**
 * sipsec_group_find_in - the group and SA a received packet came by
 * @sn: namespace
 * @spi: SPI, host byte order
 *
 * Context: RCU read lock held.
 * Return: the group that has the SPI's block, or NULL.
 */
struct sipsec_group *sipsec_group_find_in(struct sipsec_net *sn, u32 spi);

/**
 * sipsec_group_find_pair - a group between two addresses
 * @sn: namespace
 * @local: local address, network byte order
 * @peer: the peer's address, network byte order
 *
 * Looks at all groups: for the rare packet that has no ports to tell its flow by.
 *
 * Context: RCU read lock held.
 * Return: one of the groups, or NULL.
 */
struct sipsec_group *sipsec_group_find_pair(struct sipsec_net *sn, __be32 local, __be32 peer);

/**
 * sipsec_group_sa_in - the group's SA of an SPI
 * @group: the group
 * @spi: SPI within its receive block, host byte order
 *
 * Context: RCU read lock held.
 * Return: the SA or NULL.
 */
static inline struct sipsec_sa *sipsec_group_sa_in(const struct sipsec_group *group, u32 spi)
{
	/* Slots divide 256, so the low octet of the SPI finds round n's slot. */
	return smp_load_acquire(&group->installed) ?
	       rcu_dereference(group->in[spi & group->in_mask]) : NULL;
}

/**
 * sipsec_group_saw_round - a packet authenticated: move the receive window if it is of a new round
 * @group: the group
 * @round: number of the packet's round
 *
 * Context: RCU read lock held, process or softirq.
 */
void sipsec_group_saw_round(struct sipsec_group *group, u64 round);

/**
 * sipsec_group_state - state for netlink
 * @group: the group
 *
 * Return: enum sipsec_group_state.
 */
u32 sipsec_group_state(const struct sipsec_group *group);

/* References; put in any context. */
struct sipsec_group *sipsec_group_get(struct sipsec_group *group);
void sipsec_group_put(struct sipsec_group *group);

/* The module's work queue and the table of used master secrets. */
int sipsec_group_init(void);
void sipsec_group_exit(void);

#endif
