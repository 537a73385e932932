/* SPDX-License-Identifier: GPL-2.0 */
/* One round's SA: an xfrm state. The only part that calls xfrm's state functions. */
#ifndef SIPSEC_SA_H
#define SIPSEC_SA_H

#include <linux/atomic.h>
#include <linux/list.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/types.h>

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
 * @sent: packets that asked for this round, out only; may pass the threshold
 *	for an instant, see sipsec_sa_packets()
 * @late: packets sent past the threshold, out only
 * @list: in sipsec_group.ready before the round, in .retired after it; out only
 * @rcu: packet paths read the SA without a reference
 */
struct sipsec_sa {
	refcount_t ref;
	struct xfrm_state *x;
	struct sipsec_group *group;
	u64 round;
	u32 spi;
	atomic_t sent;
	atomic_t late;
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
 * sipsec_sa_remove - take an inbound SA out of the SAD and drop the reference
 * @sa: from sipsec_sa_add()
 *
 * Context: process.
 */
void sipsec_sa_remove(struct sipsec_sa *sa);

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
 * sipsec_sa_late - packets that were sent past the round's threshold
 * @sa: the SA
 */
static inline u32 sipsec_sa_late(const struct sipsec_sa *sa)
{
	return atomic_read(&sa->late);
}

/**
 * sipsec_sa_packets - packets that were protected or authenticated by the SA
 * @sa: the SA
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
 * sipsec_sa_block_used - does the SAD hold a state in an SPI block?
 * @net: namespace
 * @local: destination address, network byte order
 * @block: SPI block, host byte order
 *
 * Context: process.
 */
bool sipsec_sa_block_used(struct net *net, __be32 local, u32 block);

#endif
