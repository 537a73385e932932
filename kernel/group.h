/* SPDX-License-Identifier: GPL-2.0 */
/* Life of groups: reserved, given keys, rotated, ended. */
#ifndef SIPSEC_GROUP_H
#define SIPSEC_GROUP_H

#include <linux/in6.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/rhashtable-types.h>
#include <linux/skbuff.h>
#include <linux/spinlock.h>
#include <linux/workqueue.h>

#include <uapi/linux/sipsec.h>

#include "kdf.h"
#include "round.h"
#include "sa.h"

struct netlink_ext_ack;
struct sipsec_account;
struct sipsec_app;
struct sipsec_bundle_cache;
struct sipsec_net;
struct sipsec_owner;
struct sipsec_suite_info;
struct sock;

/*
 * Packets of rounds that have no keys yet are held, while these are being derived or the answer is
 * under way: so many at most for each group, and so long.
 */
#define SIPSEC_GROUP_HELD_PACKETS	64
#define SIPSEC_GROUP_HELD_OCTETS	65536
#define SIPSEC_GROUP_HELD_TIME		(2 * HZ)
/*
 * A packet that is not authenticated yet can make us derive a round far ahead, so often: nothing
 * but this time is lost if it was forged.
 */
#define SIPSEC_GROUP_SEEK_TIME		(HZ / 4)

/* Seconds a reservation lives without keys: SIP's Timer C (RFC 3261) and some. */
#define SIPSEC_GROUP_RESERVE_TIME	240

/**
 * struct sipsec_encap - UDP that a group's ESP is in (RFC 3948), network byte order
 * @sk: the socket that has @port, or NULL if the group is persistent
 * @port: local port, 0 if there is no UDP
 * @peer_port: the peer's port
 */
struct sipsec_encap {
	struct sock *sk;
	__be16 port;
	__be16 peer_port;
};

/**
 * struct sipsec_group_params - what group-set gives, checked by the netlink code
 * @role: enum sipsec_role
 * @suite: enum sipsec_suite
 * @prf: enum sipsec_prf
 * @mode: enum sipsec_mode
 * @spi_out: the peer's receive block, host byte order
 * @peer: the peer's address, of the same family as the group's own
 * @rotate: packets of one round
 * @life: seconds
 * @window: replay window in packets
 * @thresholds: other ends of a round
 * @replaces: installed group of the same app and addresses that this one takes over from, or NULL
 * @esn: extended sequence numbers
 * @tfc: octets to which packets are padded inside of ESP, 0 if they are not
 * @lookahead: rounds to be ready ahead of the current one, 0 for as many as @rotate suggests
 * @encap: UDP that ESP is in; the group takes its own reference of the socket
 * @identity: the peer's, terminated, or NULL
 * @master: L octets; the caller wipes them
 */
struct sipsec_group_params {
	u32 role;
	u32 suite;
	u32 prf;
	u32 mode;
	u32 spi_out;
	struct in6_addr peer;
	u32 rotate;
	u32 life;
	u32 window;
	struct sipsec_round_thresholds thresholds;
	const struct sipsec_group *replaces;
	bool esn;
	u16 tfc;
	u8 lookahead;
	struct sipsec_encap encap;
	const char *identity;
	const u8 *master;
};

/**
 * struct sipsec_group - the SAs of one session
 * @ref: held by the registry, SAs, and flows of the moment
 * @sn: its namespace
 * @app: held
 * @owner: the socket it belongs to, RCU; NULL if persistent, or an orphan
 * @account: whose it is among the app's users, NULL if persistent
 * @list: in sipsec_owner.groups, in sipsec_net.draining after the end
 * @block_node: in sipsec_net.blocks
 * @out_node: in sipsec_net.out_blocks if @installed
 * @flows: struct sipsec_flow.group_list; under sipsec_net.lock
 * @id: for netlink
 * @spi_in: receive block, host byte order
 * @spi_out: the peer's block, host byte order
 * @local: v4-mapped if it is IPv4
 * @peer: likewise
 * @ifindex: device of the link if one of them is link-local, else 0
 * @suite_id: enum sipsec_suite
 * @suite: its row of the table
 * @proto: IPPROTO_ESP or IPPROTO_AH by the suite, 0 while that is not known
 * @role: enum sipsec_role
 * @prf: enum sipsec_prf
 * @mode: enum sipsec_mode
 * @rotate: packets of one round
 * @limit: first packet of a round that is not sent any more
 * @half: packet of a round that asks for the next one; 0 if that is ready from the beginning
 * @life: seconds
 * @window: replay window in packets
 * @thresholds: other ends of a round
 * @thresholds_set: there is one
 * @replaces: id of the group that this one takes over from, 0 if there is none
 * @esn: extended sequence numbers
 * @tfc: octets to which packets are padded inside of ESP, 0 if they are not
 * @encap: UDP that ESP is in; its socket is held
 * @expires: jiffies64 of the end of a reservation, of @life or of its grace time
 * @retiring: that end is its grace time's; under sipsec_net.lock
 * @identity: the peer's as the app knows it, or NULL; does not change once @installed
 * @memory: octets it may come to take, 0 while it has no keys; under sipsec_net.lock
 * @orphan: its owner is gone, another one of the app may adopt it
 * @orphan_until: jiffies64 of the end of an @orphan
 * @stopped: round that has reached its hard limit, and one; 0 if that was told of
 * @missed: a packet's SA is gone, and the work item has not looked yet
 * @persistent: made by the administrator, outlives sockets
 * @bound: has, or had, a flow; set once under @lock
 * @installed: has keys; set once under sipsec_net.lock
 * @dead: ended; packet paths and late bundles look at it
 * @confirmed: the peer's first packet authenticated
 * @confirmed_told: and the event was sent; work item only
 * @late: packets past a threshold, of rounds that are over
 * @packets_out: packets of rounds that are over
 * @packets_in: the same, received
 * @lock: protects @out, @ready, @retired, @out_window, @in_window, @in_since, @held, @held_octets,
 *	@seek_after, @stopped and @missed; softirq. Taken once per round, not per packet
 * @out: SA of the current round, RCU
 * @out_window: its rounds by number
 * @ready: SAs of the rounds after it in their order, sipsec_sa.list
 * @retired: SAs of rounds that are over, likewise, waiting for the work item
 * @draining: SAs received on when the group ended, as long as packets name them
 * @in: SAs received on, slot of round n is n & @in_mask, RCU
 * @in_mask: number of slots less one
 * @in_window: which rounds are installed; the work item changes it, but for the current round and
 *	the one that is sought, which packets move
 * @held: ESP packets that wait for keys
 * @held_octets: their length
 * @held_until: jiffies when they go on at the latest
 * @seek_after: jiffies64 when the round that is sought is given up and another may be
 * @candidate: SA of the round on trial, RCU
 * @candidate_chain: chain of the receive direction behind it; work item only
 * @in_since: jiffies when the current round of @in_window began
 * @in_told: current round the last event spoke of; work item only
 * @taken_told: round whose SPI the last event said is somebody else's; work item only
 * @tfm: PRF while rounds are derived; work item, and group-set before that first runs
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
	u32 limit;
	u32 half;
	bool thresholds_set;
	bool dead;
	bool confirmed;
	bool bound;
	struct sipsec_sa __rcu **in;
	u32 in_mask;
	u32 spi_in;
	u8 proto;
	struct sipsec_sa __rcu *candidate;
	struct sipsec_round_window in_window;
	struct sipsec_app *app;
	u32 id;
	u32 replaces;
	struct sipsec_round_thresholds thresholds;
	struct sipsec_encap encap;

	spinlock_t lock ____cacheline_aligned_in_smp;
	struct list_head ready;
	struct list_head retired;
	struct list_head draining;
	unsigned long in_since;
	struct sk_buff_head held;
	u32 held_octets;
	unsigned long held_until;
	u64 seek_after;
	struct sipsec_round_out out_window;
	u64 stopped;
	bool missed;

	struct kref ref;
	struct sipsec_net *sn;
	struct sipsec_owner __rcu *owner;
	struct sipsec_account *account;
	struct list_head list;
	struct rhash_head block_node;
	struct rhlist_head out_node;
	struct list_head flows;
	u32 spi_out;
	struct in6_addr local;
	struct in6_addr peer;
	u32 ifindex;
	u32 suite_id;
	const struct sipsec_suite_info *suite;
	u32 role;
	u32 prf;
	u32 mode;
	u32 life;
	u32 window;
	bool esn;
	u16 tfc;
	u64 expires;
	char *identity;
	u64 memory;
	u64 orphan_until;
	bool orphan;
	bool persistent;
	bool retiring;
	bool installed;
	bool confirmed_told;
	u64 late;
	u64 packets_out;
	u64 packets_in;
	u64 in_told;
	u64 taken_told;
	struct crypto_shash *tfm;
	struct sipsec_kdf_chain chain_out;
	struct sipsec_kdf_chain chain_in;
	struct sipsec_kdf_chain candidate_chain;
	struct delayed_work work;
	struct delayed_work expire;
	struct rcu_work free;
};

/**
 * sipsec_group_new - reserve an id and a receive block
 * @sn: namespace, its lock held
 * @app: the group's app
 * @owner: the socket the group ends with, or NULL for a persistent one
 * @local: local address, v4-mapped if it is IPv4
 * @ifindex: device of the link @local is on, or that its link-local peer is on; else 0
 * @block: receive block in host byte order, or 0 for a random one
 * @extack: says what is wrong
 *
 * Context: process. Holds a reference of the module until the group is freed.
 * Return: the group, or an ERR_PTR: -EADDRINUSE if @block is another group's
 *	or in the SAD, -EINVAL if IKE daemons take their SPIs from it, -ENOMEM,
 *	-ENOSPC if there is no free id, -EDQUOT if the app or its user has as many
 *	groups as it may have.
 */
struct sipsec_group *sipsec_group_new(struct sipsec_net *sn, struct sipsec_app *app,
				      struct sipsec_owner *owner,
				      const struct in6_addr *local, u32 ifindex, u32 block,
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
 *	the block, -ENOENT if the kernel lacks the algorithm, -EDQUOT if the app's or its
 *	user's groups may not take so much memory, -ENOMEM.
 */
int sipsec_group_set(struct sipsec_group *group, const struct sipsec_group_params *params,
		     struct netlink_ext_ack *extack);

/**
 * sipsec_group_end - end a group: SAs out of the SAD, flows closed, keys wiped
 * @group: the group, sipsec_net.lock held; the caller's pointer is invalid afterwards
 * @reason: enum sipsec_end_reason
 *
 * What was decrypted before and is still under way is recognised and dropped: the
 * receive block and the hooks stay until sipsec_group_drain() finds nothing left.
 *
 * Context: process.
 */
void sipsec_group_end(struct sipsec_group *group, u32 reason);

/**
 * sipsec_group_retire - end a group after a time
 * @group: the group, sipsec_net.lock held
 * @grace: seconds; its life, if that ends before
 *
 * Context: process.
 */
void sipsec_group_retire(struct sipsec_group *group, u32 grace);

/**
 * sipsec_group_related - may packets of one group come to flows of the other?
 * @one: a group
 * @other: a group
 *
 * Return: true if they are the same, or one takes the other's place.
 */
static inline bool sipsec_group_related(const struct sipsec_group *one,
					const struct sipsec_group *other)
{
	return one == other || one->replaces == other->id || other->replaces == one->id;
}

/**
 * sipsec_group_drain - free the blocks of ended groups whose last packets are gone
 * @sn: namespace, its lock held
 * @force: of the others too, in a namespace that has nobody to receive them
 *
 * Context: process.
 * Return: true if there are groups to be looked at later.
 */
bool sipsec_group_drain(struct sipsec_net *sn, bool force);

/* All groups of an app; sipsec_net.lock held. */
void sipsec_group_end_app(struct sipsec_net *sn, struct sipsec_app *app, u32 reason);

/**
 * sipsec_group_leave_owner - end the groups of an owner that goes, or let them linger
 * @sn: namespace, its lock held
 * @owner: the owner
 */
void sipsec_group_leave_owner(struct sipsec_net *sn, struct sipsec_owner *owner);

/**
 * sipsec_group_adopt - give a group to another owner of its app
 * @group: the group, sipsec_net.lock held; not persistent
 * @owner: the owner, which has the group's app open
 *
 * Return: 0, or -EDQUOT if the owner's user has as many groups, or as much of their memory, as he
 *	may have.
 */
int sipsec_group_adopt(struct sipsec_group *group, struct sipsec_owner *owner);

/**
 * sipsec_group_ends - when a group ends if nothing is done about it
 * @group: the group, sipsec_net.lock held
 *
 * Return: jiffies64 of the end of its life, or of its time as an orphan.
 */
u64 sipsec_group_ends(const struct sipsec_group *group);

/**
 * sipsec_group_rotate - move the send direction to its next round
 * @group: the group, sipsec_net.lock held
 *
 * Context: process. Waits until the next round of a long one is made.
 * Return: 0, -EBUSY if the next round is not ready.
 */
int sipsec_group_rotate(struct sipsec_group *group);

/**
 * sipsec_group_take_out - take the SA for one packet to be sent, rotating after the last of a round
 * @group: the group
 * @len: octets of the packet
 *
 * Context: RCU read lock held. Compares and counts; no lock but at a rotation.
 * Return: an SA valid under RCU, or an ERR_PTR: -EPERM if the group has ended or the socket of its
 *	UDP was closed, -ENOBUFS at the hard limit.
 */
struct sipsec_sa *sipsec_group_take_out(struct sipsec_group *group, u32 len);

/**
 * sipsec_group_find_in - the group and SA a received packet came by
 * @sn: namespace
 * @proto: IPPROTO_ESP or IPPROTO_AH; a reservation is for both
 * @spi: SPI, host byte order
 *
 * Context: RCU read lock held.
 * Return: the group that has the SPI's block, or NULL.
 */
struct sipsec_group *sipsec_group_find_in(struct sipsec_net *sn, u8 proto, u32 spi);

/**
 * sipsec_group_sent - has one of our groups sent a packet that somebody quotes?
 * @sn: namespace
 * @local: its source, v4-mapped if it is IPv4
 * @peer: its destination, likewise
 * @proto: IPPROTO_ESP or IPPROTO_AH
 * @spi: its SPI, host byte order
 *
 * Context: RCU read lock held.
 * Return: true if the SPI is that of a group's current round, or of one not long over.
 */
bool sipsec_group_sent(struct sipsec_net *sn, const struct in6_addr *local,
		       const struct in6_addr *peer, u8 proto, u32 spi);

/**
 * sipsec_group_find_pair - a group between two addresses
 * @sn: namespace
 * @local: local address, v4-mapped if it is IPv4
 * @peer: the peer's address, likewise
 *
 * Looks at all groups: for the rare packet that has no ports to tell its flow by.
 *
 * Context: RCU read lock held.
 * Return: one of the groups, or NULL.
 */
struct sipsec_group *sipsec_group_find_pair(struct sipsec_net *sn, const struct in6_addr *local,
					    const struct in6_addr *peer);

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
	struct sipsec_sa *sa;

	/* What it tells of is seen: pairs with smp_store_release() in sipsec_group_set(). */
	if (!smp_load_acquire(&group->installed))
		return NULL;
	/* Slots divide 256, so the low octet of the SPI finds round n's slot. */
	sa = rcu_dereference(group->in[spi & group->in_mask]);
	if (likely(sa && sa->spi == spi))
		return sa;
	sa = rcu_dereference(group->candidate);
	return sa && sa->spi == spi ? sa : NULL;
}

/**
 * sipsec_group_hold - keep an ESP packet until there are keys for it
 * @group: the group
 * @skb: the packet, of an SPI without an SA or a group without a flow; taken over if held
 * @spi: SPI within the group's receive block, host byte order
 *
 * Context: RCU read lock held, softirq.
 * Return: true if it is held: the peer had our answer before we have its keys and a flow, or it
 *	ran ahead.
 */
bool sipsec_group_hold(struct sipsec_group *group, struct sk_buff *skb, u32 spi);

/**
 * sipsec_group_bound - the group has a flow: nothing has to wait for one any more
 * @group: the group, sipsec_net.lock held
 */
void sipsec_group_bound(struct sipsec_group *group);

/**
 * sipsec_group_purge_held - drop the held packets: their device goes away, or the group's keys
 * @group: the group
 *
 * Context: any.
 */
void sipsec_group_purge_held(struct sipsec_group *group);

/**
 * sipsec_group_saw - a packet authenticated: move the receive window if it is of a new round
 * @group: the group
 * @sa: the SA it came by
 *
 * Context: RCU read lock held, process or softirq.
 */
void sipsec_group_saw(struct sipsec_group *group, const struct sipsec_sa *sa);

/**
 * sipsec_group_miss - a packet came whose SA somebody has removed
 * @group: the group
 * @sa: the SA
 *
 * Context: RCU read lock held, softirq.
 */
void sipsec_group_miss(struct sipsec_group *group, const struct sipsec_sa *sa);

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

/* A namespace begins, and ends with no group left in it. */
int sipsec_group_net_init(struct sipsec_net *sn);
void sipsec_group_net_exit(struct sipsec_net *sn);

/* The module's work queue and the table of used master secrets. */
int sipsec_group_init(void);
void sipsec_group_exit(void);

#endif
