/* SPDX-License-Identifier: GPL-2.0 */
/* One round's SA: an xfrm state. The only part that calls xfrm's state functions. */
#ifndef SIPSEC_SA_H
#define SIPSEC_SA_H

#include <linux/atomic.h>
#include <linux/list.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/types.h>

struct in6_addr;
struct net;
struct sipsec_group;
struct xfrm_state;

/**
 * struct sipsec_sa - the SA of one round in one direction
 * @ref: held by the group and by every bundle of the round
 * @x: its state; inbound ones are in the SAD, outbound ones are not, so that
 *	nobody can see, flush or collide with them
 * @group: held
 * @round: number of the round
 * @spi: host byte order
 * @inbound: received by
 * @sent: packets that asked for this round, out only; may pass the threshold
 *	for an instant, see sipsec_sa_packets()
 * @beyond: packets sent past the number of the round's, out only
 * @late: packets sent past any threshold, out only
 * @octets: of its packets before they were protected; out, and only if the group has thresholds
 *	beside packets, as the next two
 * @began: jiffies of its first packet, 0 before
 * @last: jiffies of its last one
 * @stopped: has reached its hard limit; under sipsec_group.lock
 * @gone_told: somebody has removed it, and the event was sent; the work item sets it, in only
 * @list: out: in sipsec_group.ready before the round, in .retired after it;
 *	in: in sipsec_group.draining after the group's end
 * @rcu: packet paths read the SA without a reference
 */
struct sipsec_sa {
	refcount_t ref;
	struct xfrm_state *x;
	struct sipsec_group *group;
	u64 round;
	u32 spi;
	bool inbound;
	atomic_t sent;
	atomic_t beyond;
	atomic_t late;
	atomic64_t octets;
	unsigned long began;
	unsigned long last;
	bool stopped;
	bool gone_told;
	struct list_head list;
	struct rcu_head rcu;
};

/**
 * sipsec_sa_new_out - make the SA of a round to be sent
 * @group: the group, with its parameters set
 * @round: number of the round
 * @keymat: KEYMAT of the round; the copy made of it is wiped before this returns
 *
 * Context: process, may sleep.
 * Return: the SA, or an ERR_PTR: -ENOMEM, -ENOENT if the kernel lacks the
 *	algorithm, else xfrm_init_state()'s.
 */
struct sipsec_sa *sipsec_sa_new_out(struct sipsec_group *group, u64 round, const u8 *keymat);

/**
 * sipsec_sa_new_in - make the SA of a round to be received
 * @group: the group, with its parameters set
 * @round: number of the round
 * @keymat: KEYMAT of the round; the copy made of it is wiped before this returns
 *
 * Context: process, may sleep.
 * Return: as sipsec_sa_new_out().
 */
struct sipsec_sa *sipsec_sa_new_in(struct sipsec_group *group, u64 round, const u8 *keymat);

/**
 * sipsec_sa_add - put an inbound SA into the SAD
 * @sa: from sipsec_sa_new_in(); still the caller's on error
 *
 * Context: process.
 * Return: 0, or -EEXIST if somebody else's state has the SPI.
 */
int sipsec_sa_add(struct sipsec_sa *sa);

/**
 * sipsec_sa_remove - take an inbound SA out of the SAD
 * @sa: from sipsec_sa_add(); the reference stays the caller's
 *
 * Context: process.
 */
void sipsec_sa_remove(struct sipsec_sa *sa);

/**
 * sipsec_sa_gone - has an inbound SA been taken out of the SAD?
 * @sa: from sipsec_sa_add()
 *
 * Flushing and deleting leave it alone, XFRM_MSG_EXPIRE and XFRM_MSG_MIGRATE do not. A key manager
 * is not told of the latter, so what has become of the state is looked at.
 *
 * Context: any.
 * Return: true if it has.
 */
bool sipsec_sa_gone(const struct sipsec_sa *sa);

/**
 * sipsec_sa_in_flight - may there be packets that the SA has decrypted, still under way?
 * @sa: an inbound SA that was removed
 *
 * Such a packet holds a reference of the state until it is delivered, or has been read
 * where the host has policies. The state is dead, so once there is none there will be none.
 *
 * Return: true if there may be.
 */
bool sipsec_sa_in_flight(const struct sipsec_sa *sa);

/**
 * sipsec_sa_get - take a reference to an SA found under RCU
 * @sa: the SA
 *
 * Return: false if it is being freed.
 */
static inline bool sipsec_sa_get(struct sipsec_sa *sa)
{
	return refcount_inc_not_zero(&sa->ref);
}

/**
 * sipsec_sa_put - drop a reference
 * @sa: the SA
 *
 * Context: process or softirq.
 */
void sipsec_sa_put(struct sipsec_sa *sa);

/**
 * sipsec_sa_retire - drop a group's reference to an SA it has sent by
 * @sa: the SA, not in the group any more
 *
 * A packet that has taken the SA under RCU may still get a reference: it is not lost.
 *
 * Context: any.
 */
void sipsec_sa_retire(struct sipsec_sa *sa);

/**
 * sipsec_sa_late - packets that were sent past a threshold of the round
 * @sa: the SA
 *
 * Return: their number so far.
 */
static inline u32 sipsec_sa_late(const struct sipsec_sa *sa)
{
	return atomic_read(&sa->late);
}

/**
 * sipsec_sa_packets - packets that were protected or authenticated by the SA
 * @sa: the SA
 *
 * Return: their number so far.
 */
u64 sipsec_sa_packets(const struct sipsec_sa *sa);

/**
 * sipsec_sa_preload - have the kernel load the algorithms
 *
 * The first call is not to wait for modprobe. What is missing is found out again,
 * and reported, when a group asks for it.
 *
 * Context: process, may sleep.
 */
void sipsec_sa_preload(void);

/**
 * sipsec_sa_block_used - does the SAD hold somebody else's state in an SPI block, of ESP or AH?
 * @net: namespace
 * @local: destination address
 * @block: SPI block, host byte order
 *
 * It may not see one that comes while a group's state goes; sipsec_sa_add() does.
 *
 * Context: process.
 * Return: true if it does.
 */
bool sipsec_sa_block_used(struct net *net, const struct in6_addr *local, u32 block);

#endif
