// SPDX-License-Identifier: GPL-2.0
#include <linux/jiffies.h>
#include <linux/module.h>
#include <linux/random.h>
#include <linux/rhashtable.h>
#include <linux/slab.h>
#include <linux/udp.h>
#include <net/inet_sock.h>
#include <net/ipv6.h>
#include <net/netlink.h>
#include <net/sock.h>
#include <net/xfrm.h>

#include <uapi/linux/sipsec-suites.h>

#include "app.h"
#include "bundle.h"
#include "flow.h"
#include "group.h"
#include "notify.h"
#include "pernet.h"
#include "sa.h"
#include "stats.h"
#include "suite.h"
#include "used.h"

/**
 * DOC: locking
 *
 * sipsec_net.lock (mutex) orders everything a request, a closed socket or a
 * timer changes. The work item never takes it, so that sipsec_group_end() can
 * wait for the work item with the mutex held; until then the work item alone
 * owns the chains, the PRF and the rounds. It shares the current and the next
 * round with the packet paths under sipsec_group.lock, which those take once in
 * a round; per packet they only read pointers under RCU.
 */

#define GRACE_TIME	(SIPSEC_ROUND_GRACE_TIME * HZ)
/* After a failed derivation or installation. */
#define RETRY_INTERVAL	(HZ / 10)
/* Strangers' SPIs may fill a part of the SAD; this often we look for a free block. */
#define BLOCK_TRIES	16
/* strongSwan takes its SPIs from here. */
#define FOREIGN_FIRST	0xc0000000U
#define FOREIGN_LAST	0xcfffffffU

/*
 * Rounds are derived in one, ends come in the other: these take the lock that a request holds while
 * it waits for a round.
 */
static struct workqueue_struct *round_wq;
static struct workqueue_struct *group_wq;

static const struct rhashtable_params block_params = {
	.key_len = sizeof(u32),
	.key_offset = offsetof(struct sipsec_group, spi_in),
	.head_offset = offsetof(struct sipsec_group, block_node),
	.automatic_shrinking = true,
};

static const struct rhashtable_params out_block_params = {
	.key_len = sizeof(u32),
	.key_offset = offsetof(struct sipsec_group, spi_out),
	.head_offset = offsetof(struct sipsec_group, out_node),
	.automatic_shrinking = true,
};

static void kick(struct sipsec_group *group)
{
	mod_delayed_work(round_wq, &group->work, 0);
}

/* The PRF has the last chain key until it is freed, when the caller's work is done. */
static int get_prf(struct sipsec_group *group)
{
	struct crypto_shash *tfm;

	if (group->tfm)
		return 0;
	tfm = sipsec_kdf_alloc(group->prf);
	if (IS_ERR(tfm))
		return PTR_ERR(tfm);
	group->tfm = tfm;
	return 0;
}

static void put_prf(struct sipsec_group *group)
{
	crypto_free_shash(group->tfm);
	group->tfm = NULL;
}

/* Make the SA of the chain's round; the chain moves on only if that worked. */
static struct sipsec_sa *derive(struct sipsec_group *group, struct sipsec_kdf_chain *chain,
				u32 block,
				struct sipsec_sa *(*make)(struct sipsec_group *, u64, const u8 *))
{
	struct sipsec_kdf_chain next = *chain;
	u8 keymat[SIPSEC_KEYMAT_MAX];
	struct sipsec_sa *sa;
	int err;

	err = get_prf(group);
	err = err ?: sipsec_kdf_round(group->tfm, &next, group->suite_id,
				      sipsec_round_spi(block, chain->round), keymat,
				      sipsec_suite_keymat_len(group->suite));
	sa = err ? ERR_PTR(err) : make(group, chain->round, keymat);
	if (!IS_ERR(sa))
		*chain = next;
	memzero_explicit(keymat, sizeof(keymat));
	memzero_explicit(&next, sizeof(next));
	return sa;
}

static void set_seek_after(struct sipsec_group *group, u64 when)
{
	spin_lock_bh(&group->lock);
	group->seek_after = when;
	spin_unlock_bh(&group->lock);
}

static int make_ready(struct sipsec_group *group)
{
	struct sipsec_sa *sa;

	sa = derive(group, &group->chain_out, group->spi_out, sipsec_sa_new_out);
	if (IS_ERR(sa))
		return PTR_ERR(sa);
	spin_lock_bh(&group->lock);
	list_add_tail(&sa->list, &group->ready);
	group->out_window.end++;
	spin_unlock_bh(&group->lock);
	return 0;
}

/* The round on trial is the next to be installed: it is one like the others now. */
static void adopt_candidate(struct sipsec_group *group)
{
	struct sipsec_sa *sa = rcu_dereference_protected(group->candidate, true);

	rcu_assign_pointer(group->in[sa->round & group->in_mask], sa);
	RCU_INIT_POINTER(group->candidate, NULL);
	group->chain_in = group->candidate_chain;
	memzero_explicit(&group->candidate_chain, sizeof(group->candidate_chain));
	/* It was no forger's: the next one need not wait. */
	set_seek_after(group, get_jiffies_64());
}

/* Once, not each time that it is tried again. Who gives a group its keys has a reply. */
static void tell_taken(struct sipsec_group *group, const struct sipsec_sa *sa)
{
	if (!group->installed || group->taken_told == sa->round)
		return;
	group->taken_told = sa->round;
	sipsec_notify_disturbed(group, sa, SIPSEC_DISTURBANCE_SPI_TAKEN);
}

static int install_in(struct sipsec_group *group)
{
	struct sipsec_kdf_chain chain = group->chain_in;
	u64 slot = chain.round & group->in_mask;
	struct sipsec_sa *sa;
	int err = 0;

	sa = derive(group, &chain, group->spi_in, sipsec_sa_new_in);
	if (IS_ERR(sa)) {
		err = PTR_ERR(sa);
		goto out;
	}
	/* First the slot: the SA's first packet may come at once. */
	rcu_assign_pointer(group->in[slot], sa);
	err = sipsec_sa_add(sa);
	if (err) {
		RCU_INIT_POINTER(group->in[slot], NULL);
		if (err == -EEXIST)
			tell_taken(group, sa);
		sipsec_sa_put(sa);
	} else {
		group->chain_in = chain;
	}
out:
	memzero_explicit(&chain, sizeof(chain));
	return err;
}

static struct sipsec_sa *retire_in(struct sipsec_group *group, u64 round)
{
	u64 slot = round & group->in_mask;
	struct sipsec_sa *sa;

	sa = rcu_dereference_protected(group->in[slot], true);
	spin_lock_bh(&group->lock);
	RCU_INIT_POINTER(group->in[slot], NULL);
	group->packets_in += sipsec_sa_packets(sa);
	spin_unlock_bh(&group->lock);
	sipsec_sa_remove(sa);
	return sa;
}

/*
 * On a copy of the chain: nothing has authenticated the packet that names this round. There is no
 * candidate for want of memory or because somebody else's state has the SPI.
 */
static int make_candidate(struct sipsec_group *group, u64 round)
{
	struct sipsec_kdf_chain chain = group->chain_in;
	struct sipsec_sa *sa;
	int err;

	sipsec_stats_inc(group->app->stats, SIPSEC_A_STATS_IN_CANDIDATE);
	err = get_prf(group);
	while (!err && chain.round < round)
		err = sipsec_kdf_skip(group->tfm, &chain);
	sa = err ? ERR_PTR(err) : derive(group, &chain, group->spi_in, sipsec_sa_new_in);
	err = PTR_ERR_OR_ZERO(sa);
	if (!err) {
		rcu_assign_pointer(group->candidate, sa);
		err = sipsec_sa_add(sa);
		if (err) {
			RCU_INIT_POINTER(group->candidate, NULL);
			sipsec_sa_put(sa);
		} else {
			group->candidate_chain = chain;
		}
	}
	memzero_explicit(&chain, sizeof(chain));
	set_seek_after(group, get_jiffies_64() + SIPSEC_GROUP_SEEK_TIME);
	return err;
}

/* A candidate has authenticated a packet: the rounds before it are over. */
static void catch_up(struct sipsec_group *group)
{
	const struct sipsec_round_window *w = &group->in_window;
	struct sipsec_sa *sa;
	u64 round;

	sa = rcu_dereference_protected(group->in[group->in_told & group->in_mask], true);
	sipsec_notify_rotate(group, SIPSEC_DIRECTION_IN, w->candidate,
			     sipsec_round_spi(group->spi_in, w->candidate),
			     sipsec_sa_packets(sa));
	sipsec_stats_inc(group->app->stats, SIPSEC_A_STATS_IN_CAUGHT_UP);
	for (round = w->first; round < w->end; round++)
		sipsec_sa_put(retire_in(group, round));
	group->in_told = w->candidate;
}

/* Told of while the SA is there that says how many packets its round had. */
static void tell_in(struct sipsec_group *group, u64 current_round)
{
	struct sipsec_sa *sa;
	u64 round;

	for (; group->in_told < current_round; group->in_told++) {
		round = group->in_told;
		sa = rcu_dereference_protected(group->in[round & group->in_mask], true);
		sipsec_notify_rotate(group, SIPSEC_DIRECTION_IN, round + 1,
				     sipsec_round_spi(group->spi_in, round + 1),
				     sipsec_sa_packets(sa));
	}
}

static void tell_gone(struct sipsec_group *group, struct sipsec_sa *sa)
{
	if (!sa || !sipsec_sa_gone(sa) || sa->gone_told)
		return;
	WRITE_ONCE(sa->gone_told, true);
	sipsec_notify_disturbed(group, sa, SIPSEC_DISTURBANCE_SA_GONE);
}

/*
 * An SA that was removed is not put back: its replay window would begin anew. Its round is over
 * when the peer's is, and the next ones do not depend on it.
 */
static void look_for_gone(struct sipsec_group *group)
{
	const struct sipsec_round_window *w = &group->in_window;
	bool missed;
	u64 round;

	spin_lock_bh(&group->lock);
	missed = group->missed;
	group->missed = false;
	spin_unlock_bh(&group->lock);
	if (!missed)
		return;
	for (round = w->first; round < w->end; round++)
		tell_gone(group, rcu_dereference_protected(group->in[round & group->in_mask],
							   true));
	tell_gone(group, rcu_dereference_protected(group->candidate, true));
}

/* The next thing to do. To give up is done at once, lest the candidate authenticates a packet. */
static enum sipsec_round_action next_in(struct sipsec_group *group, bool stalled,
					struct sipsec_sa **given_up, u64 *current_round)
{
	struct sipsec_round_clock clock = { .stalled = stalled };
	struct sipsec_round_window *w = &group->in_window;
	unsigned long now = jiffies;
	enum sipsec_round_action action;

	spin_lock_bh(&group->lock);
	clock.grace_over = time_after_eq(now, group->in_since + GRACE_TIME);
	clock.seek_over = time_after_eq64(get_jiffies_64(), group->seek_after);
	action = sipsec_round_next(w, &clock);
	if (action == SIPSEC_ROUND_GIVE_UP) {
		*given_up = rcu_dereference_protected(group->candidate, true);
		RCU_INIT_POINTER(group->candidate, NULL);
		sipsec_round_done(w, action, true);
	}
	*current_round = w->current_round;
	spin_unlock_bh(&group->lock);
	return action;
}

/* What sipsec_round_next() finds to be done. Returns the error of an installation. */
static int run_in(struct sipsec_group *group)
{
	struct sipsec_round_window *w = &group->in_window;
	enum sipsec_round_action action;
	struct sipsec_sa *sa;
	u64 current_round;
	int failed = 0;
	int err;

	for (;;) {
		action = next_in(group, failed, &sa, &current_round);
		err = 0;
		switch (action) {
		case SIPSEC_ROUND_NOTHING:
			tell_in(group, current_round);
			return failed;
		case SIPSEC_ROUND_GIVE_UP:
			if (sa) {
				sipsec_sa_remove(sa);
				sipsec_sa_put(sa);
			}
			memzero_explicit(&group->candidate_chain,
					 sizeof(group->candidate_chain));
			continue;
		case SIPSEC_ROUND_CATCH_UP:
			catch_up(group);
			break;
		case SIPSEC_ROUND_ADOPT:
			adopt_candidate(group);
			break;
		case SIPSEC_ROUND_INSTALL:
			err = install_in(group);
			failed = err;
			break;
		case SIPSEC_ROUND_TRY:
			err = make_candidate(group, w->sought);
			break;
		case SIPSEC_ROUND_RETIRE:
			tell_in(group, current_round);
			sipsec_sa_put(retire_in(group, w->first));
			break;
		}
		spin_lock_bh(&group->lock);
		sipsec_round_done(w, action, !err);
		spin_unlock_bh(&group->lock);
	}
}

/* The work item is to run again after so many jiffies, if not before. */
static void again(unsigned long *next, unsigned long delay)
{
	*next = *next ? min(*next, delay) : max(delay, 1UL);
}

static void again_at(unsigned long *next, unsigned long when, unsigned long now)
{
	again(next, time_after(when, now) ? when - now : 1);
}

/* As the stack would have: from IP, or from UDP, which has left its own header there. */
static void receive(struct sk_buff *skb)
{
	const bool v6 = skb->protocol == htons(ETH_P_IPV6);
	const u8 protocol = v6 ? skb_network_header(skb)[IP6CB(skb)->nhoff] :
				 ip_hdr(skb)->protocol;

	if (protocol == IPPROTO_UDP)
		xfrm_input(skb, IPPROTO_ESP, 0, UDP_ENCAP_ESPINUDP);
	else if (v6)
		xfrm6_rcv(skb);
	else
		xfrm4_rcv(skb);
}

/* Held packets go their way; those without an SA are dropped and counted by xfrm. */
static void release(struct sipsec_group *group, unsigned long *next)
{
	struct sk_buff_head held;
	unsigned long now = jiffies;
	struct sk_buff *skb;

	__skb_queue_head_init(&held);
	/* A device that goes away waits for its readers. */
	rcu_read_lock();
	spin_lock_bh(&group->lock);
	if (group->bound || time_after_eq(now, group->held_until)) {
		skb_queue_splice_init(&group->held, &held);
		group->held_octets = 0;
	} else if (!skb_queue_empty(&group->held)) {
		again(next, group->held_until - now);
	}
	spin_unlock_bh(&group->lock);
	local_bh_disable();
	while ((skb = __skb_dequeue(&held)))
		receive(skb);
	local_bh_enable();
	rcu_read_unlock();
}

static struct sipsec_sa *first_retired(struct sipsec_group *group)
{
	struct sipsec_sa *sa;

	spin_lock_bh(&group->lock);
	sa = list_first_entry_or_null(&group->retired, struct sipsec_sa, list);
	spin_unlock_bh(&group->lock);
	return sa;
}

static void retire_out(struct sipsec_group *group, struct sipsec_sa *sa)
{
	spin_lock_bh(&group->lock);
	list_del_init(&sa->list);
	group->packets_out += sipsec_sa_packets(sa);
	group->late += sipsec_sa_late(sa);
	spin_unlock_bh(&group->lock);
	sipsec_sa_retire(sa);
}

static bool want_ready(struct sipsec_group *group)
{
	bool want;

	spin_lock_bh(&group->lock);
	want = sipsec_round_want_ready(&group->out_window);
	spin_unlock_bh(&group->lock);
	return want;
}

static bool work_out(struct sipsec_group *group)
{
	struct sipsec_sa *sa;
	u64 stopped;
	int err = 0;

	/* The next rounds first: packets may be waiting for them, events can wait. */
	while (!err && want_ready(group))
		err = make_ready(group);
	spin_lock_bh(&group->lock);
	stopped = group->stopped;
	group->stopped = 0;
	spin_unlock_bh(&group->lock);
	if (stopped)
		sipsec_notify_limit(group, stopped - 1,
				    sipsec_round_spi(group->spi_out, stopped - 1));

	if (!first_retired(group))
		return !err;
	rcu_read_lock();
	sipsec_bundle_flush(group->bundles, rcu_dereference(group->out));
	rcu_read_unlock();
	while ((sa = first_retired(group))) {
		sipsec_notify_rotate(group, SIPSEC_DIRECTION_OUT, sa->round + 1,
				     sipsec_round_spi(group->spi_out, sa->round + 1),
				     sipsec_sa_packets(sa));
		retire_out(group, sa);
	}
	return !err;
}

static bool work_in(struct sipsec_group *group, unsigned long *next)
{
	const struct sipsec_round_window *w = &group->in_window;
	unsigned long now;
	int err;

	if (READ_ONCE(group->confirmed) && !group->confirmed_told) {
		group->confirmed_told = true;
		sipsec_notify_up(group);
	}
	look_for_gone(group);
	err = run_in(group);
	release(group, next);

	spin_lock_bh(&group->lock);
	now = jiffies;
	if (w->sought)
		again_at(next, group->seek_after, now);
	if (w->first < w->current_round)
		again_at(next, group->in_since + GRACE_TIME, now);
	spin_unlock_bh(&group->lock);
	return !err;
}

static void work(struct work_struct *w)
{
	struct sipsec_group *group = container_of(to_delayed_work(w), struct sipsec_group, work);
	unsigned long next = 0;
	bool ready = true;

	/* What it tells of is seen: pairs with smp_store_release() in sipsec_group_set(). */
	if (smp_load_acquire(&group->installed)) {
		/* Receiving first: a round that is missing there loses packets. */
		ready = work_in(group, &next);
		ready &= work_out(group);
		put_prf(group);
	} else {
		release(group, &next);
	}
	if (!ready)
		next = RETRY_INTERVAL;
	if (next)
		queue_delayed_work(round_wq, &group->work, next);
}

/* Under group->lock: the round after the current one is to be made ready. */
static void ask(struct sipsec_group *group)
{
	/* An ending group's work item is not to be queued again. */
	if (!group->dead && sipsec_round_ask(&group->out_window))
		kick(group);
}

static void ask_locked(struct sipsec_group *group, const struct sipsec_sa *from)
{
	spin_lock_bh(&group->lock);
	if (rcu_access_pointer(group->out) == from)
		ask(group);
	spin_unlock_bh(&group->lock);
}

/* Under group->lock: move from one round to the next, unless another CPU has. */
static bool advance(struct sipsec_group *group, struct sipsec_sa *from)
{
	struct sipsec_sa *next;

	if (rcu_access_pointer(group->out) != from)
		return true;
	if (group->dead)
		return false;
	if (!sipsec_round_advance(&group->out_window)) {
		/* By a request, or before whoever has the packet that asks could do so. */
		ask(group);
		return false;
	}
	next = list_first_entry(&group->ready, struct sipsec_sa, list);
	list_del(&next->list);
	rcu_assign_pointer(group->out, next);
	list_add_tail(&from->list, &group->retired);
	kick(group);
	return true;
}

static bool advance_locked(struct sipsec_group *group, struct sipsec_sa *from)
{
	bool moved;

	spin_lock_bh(&group->lock);
	moved = advance(group, from);
	spin_unlock_bh(&group->lock);
	return moved;
}

int sipsec_group_rotate(struct sipsec_group *group)
{
	struct sipsec_sa *sa = rcu_dereference_protected(group->out, true);

	if (advance_locked(group, sa))
		return 0;
	if (!group->half)
		return -EBUSY;
	flush_delayed_work(&group->work);
	return advance_locked(group, sa) ? 0 : -EBUSY;
}

/* Thresholds beside packets: is the round over before this packet? */
static bool over(const struct sipsec_group *group, const struct sipsec_sa *sa)
{
	unsigned long began = READ_ONCE(sa->began);

	return sipsec_round_full(&group->thresholds, atomic64_read(&sa->octets)) ||
	       (began && sipsec_round_stale(&group->thresholds, began, READ_ONCE(sa->last),
					    jiffies));
}

/* And after it? */
static bool full(const struct sipsec_group *group, struct sipsec_sa *sa, u32 len)
{
	unsigned long now = jiffies;

	WRITE_ONCE(sa->last, now);
	/* 0 is none yet: a tick before it will do. */
	if (!READ_ONCE(sa->began))
		WRITE_ONCE(sa->began, now ?: -1UL);
	return sipsec_round_full(&group->thresholds, atomic64_add_return(len, &sa->octets));
}

static void tell_stopped(struct sipsec_group *group, struct sipsec_sa *sa)
{
	spin_lock_bh(&group->lock);
	if (!sa->stopped && !group->dead) {
		sa->stopped = true;
		group->stopped = sa->round + 1;
		kick(group);
	}
	spin_unlock_bh(&group->lock);
}

/* Late is better than lost. */
static void count_late(const struct sipsec_group *group, struct sipsec_sa *sa)
{
	atomic_inc(&sa->late);
	sipsec_stats_inc(group->app->stats, SIPSEC_A_STATS_OUT_LATE);
}

/* Whoever has the port next did not ask us to send from it. */
static bool port_gone(const struct sipsec_encap *encap)
{
	return encap->sk && READ_ONCE(inet_sk(encap->sk)->inet_num) != ntohs(encap->port);
}

struct sipsec_sa *sipsec_group_take_out(struct sipsec_group *group, u32 len)
{
	struct sipsec_sa *sa;
	bool late;
	u32 nth;

	for (;;) {
		sa = rcu_dereference(group->out);
		if (unlikely(!sa || READ_ONCE(group->dead) || port_gone(&group->encap)))
			return ERR_PTR(-EPERM);
		late = unlikely(group->thresholds_set) && over(group, sa);
		if (late && advance_locked(group, sa))
			continue;
		nth = atomic_inc_return(&sa->sent);
		switch (sipsec_round_verdict(nth, group->rotate, group->limit)) {
		case SIPSEC_ROUND_USE:
			if (unlikely(nth == group->half))
				ask_locked(group, sa);
			if (unlikely(group->thresholds_set) && full(group, sa, len))
				advance_locked(group, sa);
			if (unlikely(late))
				count_late(group, sa);
			return sa;
		case SIPSEC_ROUND_LAST:
			/* Early, so that the work item has the whole round to make another. */
			advance_locked(group, sa);
			if (unlikely(late))
				count_late(group, sa);
			return sa;
		case SIPSEC_ROUND_OVER:
			if (advance_locked(group, sa))
				break;
			atomic_inc(&sa->beyond);
			count_late(group, sa);
			return sa;
		case SIPSEC_ROUND_STOP:
			if (advance_locked(group, sa))
				break;
			atomic_dec(&sa->sent);
			tell_stopped(group, sa);
			return ERR_PTR(-ENOBUFS);
		}
		/* Whoever comes after the last packet only asked. */
		atomic_dec(&sa->sent);
	}
}

void sipsec_group_saw(struct sipsec_group *group, const struct sipsec_sa *sa)
{
	if (likely(READ_ONCE(group->confirmed) &&
		   sa->round <= READ_ONCE(group->in_window.current_round)))
		return;
	/* Softirq, or a process that gives a verdict on a queued packet. */
	spin_lock_bh(&group->lock);
	WRITE_ONCE(group->confirmed, true);
	/* A candidate whose time was over at this moment is not one any more. */
	if (sipsec_group_sa_in(group, sa->spi) == sa &&
	    sipsec_round_saw(&group->in_window, sa->round))
		group->in_since = jiffies;
	if (!group->dead)
		kick(group);
	spin_unlock_bh(&group->lock);
}

void sipsec_group_miss(struct sipsec_group *group, const struct sipsec_sa *sa)
{
	if (READ_ONCE(sa->gone_told))
		return;
	spin_lock_bh(&group->lock);
	if (!group->dead && !group->missed) {
		group->missed = true;
		kick(group);
	}
	spin_unlock_bh(&group->lock);
}

bool sipsec_group_hold(struct sipsec_group *group, struct sk_buff *skb, u32 spi)
{
	bool held = false;
	bool sought;

	if (!skb_dst_force(skb))
		return false;
	spin_lock_bh(&group->lock);
	if (group->dead || skb_queue_len(&group->held) >= SIPSEC_GROUP_HELD_PACKETS ||
	    group->held_octets + skb->len > SIPSEC_GROUP_HELD_OCTETS)
		goto out;
	if (group->bound) {
		sought = group->in_window.sought;
		if (!sipsec_round_seek(&group->in_window, spi,
				       time_after_eq64(get_jiffies_64(), group->seek_after)))
			goto out;
		if (!sought) {
			group->seek_after = get_jiffies_64() + SIPSEC_GROUP_SEEK_TIME;
			kick(group);
		}
	} else if (skb_queue_empty(&group->held)) {
		/* For its keys, or, if it has them, for its first flow. */
		group->held_until = jiffies + SIPSEC_GROUP_HELD_TIME;
		queue_delayed_work(round_wq, &group->work, SIPSEC_GROUP_HELD_TIME);
	}
	__skb_queue_tail(&group->held, skb);
	group->held_octets += skb->len;
	held = true;
out:
	spin_unlock_bh(&group->lock);
	return held;
}

void sipsec_group_bound(struct sipsec_group *group)
{
	spin_lock_bh(&group->lock);
	group->bound = true;
	if (!skb_queue_empty(&group->held))
		kick(group);
	spin_unlock_bh(&group->lock);
}

void sipsec_group_purge_held(struct sipsec_group *group)
{
	spin_lock_bh(&group->lock);
	__skb_queue_purge(&group->held);
	group->held_octets = 0;
	spin_unlock_bh(&group->lock);
}

struct sipsec_group *sipsec_group_find_in(struct sipsec_net *sn, u8 proto, u32 spi)
{
	u32 block = spi & ~(SIPSEC_SPI_BLOCK_SIZE - 1);
	struct sipsec_group *group;
	u8 only;

	group = rhashtable_lookup(&sn->blocks, &block, block_params);
	only = group ? READ_ONCE(group->proto) : 0;
	return !only || only == proto ? group : NULL;
}

/* What was sent in so many rounds before the current one may still be on its way. */
#define SENT_ROUNDS	16

static bool sent_lately(const struct sipsec_group *group, u32 spi)
{
	const struct sipsec_sa *sa = rcu_dereference(group->out);
	u8 ago;

	if (!sa)
		return false;
	ago = sa->spi - spi;
	return ago <= min_t(u64, sa->round, SENT_ROUNDS);
}

bool sipsec_group_sent(struct sipsec_net *sn, const struct in6_addr *local,
		       const struct in6_addr *peer, u8 proto, u32 spi)
{
	u32 block = spi & ~(SIPSEC_SPI_BLOCK_SIZE - 1);
	struct rhlist_head *list, *pos;
	struct sipsec_group *group;

	list = rhltable_lookup(&sn->out_blocks, &block, out_block_params);
	rhl_for_each_entry_rcu(group, pos, list, out_node)
		if (group->proto == proto && ipv6_addr_equal(&group->local, local) &&
		    ipv6_addr_equal(&group->peer, peer) && sent_lately(group, spi))
			return true;
	return false;
}

struct sipsec_group *sipsec_group_find_pair(struct sipsec_net *sn, const struct in6_addr *local,
					    const struct in6_addr *peer)
{
	struct sipsec_group *group;
	unsigned long id;

	xa_for_each(&sn->groups, id, group)
		if (ipv6_addr_equal(&group->local, local) && ipv6_addr_equal(&group->peer, peer))
			return group;
	return NULL;
}

u32 sipsec_group_state(const struct sipsec_group *group)
{
	if (!group->installed)
		return SIPSEC_GROUP_STATE_RESERVED;
	return READ_ONCE(group->confirmed) ? SIPSEC_GROUP_STATE_UP :
					     SIPSEC_GROUP_STATE_UNCONFIRMED;
}

static void group_free(struct work_struct *w)
{
	struct sipsec_group *group = container_of(to_rcu_work(w), struct sipsec_group, free);

	sipsec_bundle_cache_free(group->bundles);
	kfree(group->in);
	kfree(group->identity);
	if (group->encap.sk)
		sock_put(group->encap.sk);
	sipsec_app_put(group->app);
	kfree_sensitive(group);
	module_put(THIS_MODULE);
}

static void group_release(struct kref *ref)
{
	struct sipsec_group *group = container_of(ref, struct sipsec_group, ref);

	queue_rcu_work(group_wq, &group->free);
}

struct sipsec_group *sipsec_group_get(struct sipsec_group *group)
{
	kref_get(&group->ref);
	return group;
}

void sipsec_group_put(struct sipsec_group *group)
{
	kref_put(&group->ref, group_release);
}

u64 sipsec_group_ends(const struct sipsec_group *group)
{
	return group->orphan ? min(group->expires, group->orphan_until) : group->expires;
}

/* The queue holds a reference; a work item that is pending already has its own. */
static void schedule_end(struct sipsec_group *group)
{
	u64 ends = sipsec_group_ends(group), now = get_jiffies_64();

	sipsec_group_get(group);
	if (mod_delayed_work(group_wq, &group->expire,
			     time_after64(ends, now) ? ends - now : 0))
		sipsec_group_put(group);
}

static u64 jiffies_in(u32 seconds)
{
	return get_jiffies_64() + min_t(u64, (u64)seconds * HZ, MAX_JIFFY_OFFSET);
}

static u32 end_reason(const struct sipsec_group *group)
{
	if (!group->installed)
		return SIPSEC_END_REASON_RESERVATION_TIMEOUT;
	if (time_before64(get_jiffies_64(), group->expires))
		return SIPSEC_END_REASON_LINGER;
	return group->retiring ? SIPSEC_END_REASON_REPLACED : SIPSEC_END_REASON_LIFE;
}

static void expire(struct work_struct *w)
{
	struct sipsec_group *group = container_of(to_delayed_work(w), struct sipsec_group, expire);
	struct sipsec_net *sn = group->sn;

	mutex_lock(&sn->lock);
	if (!group->dead) {
		/* group-set or group-adopt may have moved the end while we waited for the lock. */
		if (time_after_eq64(get_jiffies_64(), sipsec_group_ends(group)))
			sipsec_group_end(group, end_reason(group));
		else
			schedule_end(group);
	}
	mutex_unlock(&sn->lock);
	sipsec_group_put(group);
}

static void expire_in(struct sipsec_group *group, u32 seconds)
{
	group->expires = jiffies_in(seconds);
	schedule_end(group);
}

void sipsec_group_retire(struct sipsec_group *group, u32 grace)
{
	lockdep_assert_held(&group->sn->lock);
	if (time_before64(group->expires, get_jiffies_64() + (u64)grace * HZ))
		return;
	group->retiring = true;
	expire_in(group, grace);
}

static int insert_block(struct sipsec_group *group, u32 block)
{
	struct sipsec_net *sn = group->sn;

	group->spi_in = block;
	if (sipsec_sa_block_used(sn->net, &group->local, block))
		return -EADDRINUSE;
	return rhashtable_lookup_insert_fast(&sn->blocks, &group->block_node,
					     block_params);
}

static bool block_foreign(u32 block)
{
	return block >= FOREIGN_FIRST && block <= FOREIGN_LAST;
}

static u32 random_block(void)
{
	u32 block;

	do {
		block = get_random_u32() & ~(SIPSEC_SPI_BLOCK_SIZE - 1);
	} while (block < SIPSEC_SPI_BLOCK_MIN || block_foreign(block));
	return block;
}

static int reserve_block(struct sipsec_group *group, u32 block, struct netlink_ext_ack *extack)
{
	int tries = BLOCK_TRIES;
	int err;

	if (block_foreign(block)) {
		NL_SET_ERR_MSG(extack, "spi-in: c0000000 to cfffffff are left to IKE daemons");
		return -EINVAL;
	}
	if (block) {
		err = insert_block(group, block);
	} else {
		do {
			err = insert_block(group, random_block());
		} while ((err == -EEXIST || err == -EADDRINUSE) && --tries);
	}
	if (err == -EEXIST || err == -EADDRINUSE) {
		NL_SET_ERR_MSG(extack, "spi-in: the SPI block is in use");
		err = -EADDRINUSE;
	}
	return err;
}

/* An SA: its state and what the cipher keeps, by and large, see performance.rst. */
#define SA_OCTETS	2560

/* What a group may come to take: all the rounds there can be at the same time. */
static u64 memory_of(const struct sipsec_group *group)
{
	unsigned int in = sipsec_round_slots(&group->in_window) + 1;
	unsigned int out = group->out_window.ahead + 2;
	unsigned int window = 2 * (sizeof(struct xfrm_replay_state_esn) + group->window / 8);

	return sizeof(*group) + (u64)in * (SA_OCTETS + window) + (u64)out * SA_OCTETS;
}

static void charge(struct sipsec_group *group, u64 octets)
{
	group->app->memory += octets - group->memory;
	if (group->account)
		group->account->memory += octets - group->memory;
	group->memory = octets;
}

static void leave(struct sipsec_group *group)
{
	if (group->account) {
		group->account->groups--;
		group->account->memory -= group->memory;
	}
	sipsec_account_put(group->account);
	group->account = NULL;
}

/* What the group's user has of its app changes hands. */
static void join(struct sipsec_group *group, struct sipsec_owner *owner)
{
	leave(group);
	group->account = sipsec_account_get(owner->account);
	group->account->groups++;
	group->account->memory += group->memory;
	list_move_tail(&group->list, &owner->groups);
	rcu_assign_pointer(group->owner, owner);
}

struct sipsec_group *sipsec_group_new(struct sipsec_net *sn, struct sipsec_app *app,
				      struct sipsec_owner *owner,
				      const struct in6_addr *local, u32 ifindex, u32 block,
				      struct netlink_ext_ack *extack)
{
	struct sipsec_group *group;
	int err;

	lockdep_assert_held(&sn->lock);
	if (!sipsec_app_group_fits(app, owner ? owner->account : NULL)) {
		NL_SET_ERR_MSG(extack, "the app or its user has as many groups as it may have");
		return ERR_PTR(-EDQUOT);
	}
	group = kzalloc(sizeof(*group), GFP_KERNEL_ACCOUNT);
	if (!group)
		return ERR_PTR(-ENOMEM);
	group->bundles = sipsec_bundle_cache_alloc();
	if (!group->bundles) {
		kfree(group);
		return ERR_PTR(-ENOMEM);
	}
	kref_init(&group->ref);
	spin_lock_init(&group->lock);
	INIT_LIST_HEAD(&group->ready);
	INIT_LIST_HEAD(&group->retired);
	INIT_LIST_HEAD(&group->draining);
	__skb_queue_head_init(&group->held);
	group->seek_after = get_jiffies_64();
	INIT_LIST_HEAD(&group->flows);
	INIT_DELAYED_WORK(&group->work, work);
	INIT_DELAYED_WORK(&group->expire, expire);
	INIT_RCU_WORK(&group->free, group_free);
	group->sn = sn;
	group->local = *local;
	group->ifindex = ifindex;
	group->persistent = !owner;
	group->app = sipsec_app_get(app);
	/* The caller's socket keeps the module from going away under us. */
	__module_get(THIS_MODULE);

	err = xa_alloc_cyclic(&sn->groups, &group->id, NULL, XA_LIMIT(1, INT_MAX),
			      &sn->next_group, GFP_KERNEL);
	if (err < 0) {
		err = err == -EBUSY ? -ENOSPC : err;
		goto err_group;
	}
	err = reserve_block(group, block, extack);
	if (err)
		goto err_id;
	err = xa_err(xa_store(&sn->groups, group->id, group, GFP_KERNEL));
	if (err)
		goto err_block;
	app->groups++;
	INIT_LIST_HEAD(&group->list);
	if (owner)
		join(group, owner);
	expire_in(group, SIPSEC_GROUP_RESERVE_TIME);
	return group;

err_block:
	rhashtable_remove_fast(&sn->blocks, &group->block_node, block_params);
err_id:
	xa_erase(&sn->groups, group->id);
err_group:
	sipsec_group_put(group);
	return ERR_PTR(err);
}

static void wipe_chains(struct sipsec_group *group)
{
	memzero_explicit(&group->chain_out, sizeof(group->chain_out));
	memzero_explicit(&group->chain_in, sizeof(group->chain_in));
	memzero_explicit(&group->candidate_chain, sizeof(group->candidate_chain));
}

/* The work item does not run any more, or not yet. */
static void remove_sas(struct sipsec_group *group)
{
	struct sipsec_sa *sa;
	u64 round;

	spin_lock_bh(&group->lock);
	sa = rcu_dereference_protected(group->out, true);
	RCU_INIT_POINTER(group->out, NULL);
	if (sa)
		list_add(&sa->list, &group->ready);
	list_splice_init(&group->ready, &group->retired);
	spin_unlock_bh(&group->lock);
	while ((sa = first_retired(group)))
		retire_out(group, sa);
	for (round = group->in_window.first; round < group->in_window.end; round++)
		list_add(&retire_in(group, round)->list, &group->draining);
	/* After a failed group-set there may be a second end. */
	group->in_window.first = round;
	sa = rcu_dereference_protected(group->candidate, true);
	if (sa) {
		RCU_INIT_POINTER(group->candidate, NULL);
		sipsec_sa_remove(sa);
		list_add(&sa->list, &group->draining);
	}
	sipsec_group_purge_held(group);
	wipe_chains(group);
}

static void put_drained(struct sipsec_group *group)
{
	struct sipsec_sa *sa, *tmp;

	list_for_each_entry_safe(sa, tmp, &group->draining, list) {
		list_del_init(&sa->list);
		sipsec_sa_put(sa);
	}
}

int sipsec_group_set(struct sipsec_group *group, const struct sipsec_group_params *params,
		     struct netlink_ext_ack *extack)
{
	bool offerer = params->role == SIPSEC_ROLE_OFFERER;
	unsigned int slots;
	struct sipsec_sa *sa;
	int err;

	lockdep_assert_held(&group->sn->lock);
	if (group->installed) {
		NL_SET_ERR_MSG(extack, "id: the group has its keys already");
		return -EALREADY;
	}
	group->suite_id = params->suite;
	group->suite = sipsec_suite_get(params->suite);
	WRITE_ONCE(group->proto, sipsec_suite_proto(group->suite));
	group->role = params->role;
	group->prf = params->prf;
	group->mode = params->mode;
	group->spi_out = params->spi_out;
	group->peer = params->peer;
	group->rotate = params->rotate;
	group->limit = sipsec_round_limit(params->rotate, group->suite->rotate_max);
	group->life = params->life;
	group->window = params->window;
	group->thresholds = params->thresholds;
	group->thresholds_set = params->thresholds.octets || params->thresholds.time ||
				params->thresholds.idle;
	group->esn = params->esn;
	group->tfc = params->tfc;
	group->encap = params->encap;
	/* What else may end a round does so at any time; and who asks for rounds gets them. */
	group->half = group->thresholds_set || params->lookahead ?
		      0 : sipsec_round_half(params->rotate);
	group->out_window = (struct sipsec_round_out){
		.ahead = params->lookahead ?: sipsec_round_ahead(params->rotate),
		.lazy = group->half,
	};
	group->in_window = (struct sipsec_round_window){
		.lookahead = params->lookahead ?: sipsec_round_lookahead(params->rotate),
		.grace = sipsec_round_grace(params->rotate, params->window),
		.lazy = !params->lookahead && sipsec_round_half(params->rotate),
	};
	group->packets_in = 0;
	group->packets_out = 0;

	if (!sipsec_app_memory_fits(group->app, group->account, memory_of(group))) {
		NL_SET_ERR_MSG(extack,
			       "the app or its user has as much memory in groups as it may have");
		err = -EDQUOT;
		goto err_proto;
	}
	slots = roundup_pow_of_two(sipsec_round_slots(&group->in_window));
	group->in = kcalloc(slots, sizeof(*group->in), GFP_KERNEL);
	if (!group->in) {
		err = -ENOMEM;
		goto err_proto;
	}
	group->in_mask = slots - 1;
	if (params->identity) {
		group->identity = kstrdup(params->identity, GFP_KERNEL_ACCOUNT);
		if (!group->identity) {
			err = -ENOMEM;
			goto err_slots;
		}
	}

	err = get_prf(group);
	if (err) {
		NL_SET_ERR_MSG(extack, "prf: the kernel lacks this hash");
		goto err_slots;
	}
	err = sipsec_kdf_chain_init(group->tfm, &group->chain_out, params->master,
				    offerer ? 'O' : 'A');
	if (!err)
		err = sipsec_kdf_chain_init(group->tfm, &group->chain_in, params->master,
					    offerer ? 'A' : 'O');
	if (err)
		goto err_tfm;

	/* Before the SAs: what they decrypt is nobody else's from the first packet on. */
	err = sipsec_flow_hooks_get(group->sn);
	if (err)
		goto err_tfm;
	err = run_in(group);
	if (err) {
		if (err == -EEXIST)
			NL_SET_ERR_MSG(extack,
				       "spi-in: another SA of this host has an SPI of the block");
		else
			NL_SET_ERR_MSG(extack, "suite: the kernel cannot set up this suite");
		goto err_sas;
	}
	while (!err && sipsec_round_want_ready(&group->out_window))
		err = make_ready(group);
	if (err) {
		NL_SET_ERR_MSG(extack, "suite: the kernel cannot set up this suite");
		goto err_sas;
	}
	err = rhltable_insert(&group->sn->out_blocks, &group->out_node, out_block_params);
	if (err)
		goto err_sas;
	/* Last, so that a request that failed for another reason may be repeated. */
	err = sipsec_used_add(&group->app->used, params->master,
			      group->chain_out.len, params->role);
	if (err) {
		if (err == -EKEYREJECTED)
			NL_SET_ERR_MSG(extack, "master: this secret was used before in this role");
		goto err_out_block;
	}
	put_prf(group);
	if (group->encap.sk)
		sock_hold(group->encap.sk);
	group->replaces = params->replaces ? params->replaces->id : 0;
	charge(group, memory_of(group));
	group->in_since = jiffies;
	sa = list_first_entry(&group->ready, struct sipsec_sa, list);
	list_del_init(&sa->list);
	rcu_assign_pointer(group->out, sa);
	/* Pairs with sipsec_group_sa_in(): whoever sees it sees the slots. */
	smp_store_release(&group->installed, true);
	/* What comes by it need not wait for a flow: there are those of the other group. */
	if (params->replaces && params->replaces->bound)
		sipsec_group_bound(group);
	expire_in(group, params->life);
	sipsec_notify_add(group);
	return 0;

err_out_block:
	rhltable_remove(&group->sn->out_blocks, &group->out_node, out_block_params);
err_sas:
	remove_sas(group);
	put_drained(group);
	sipsec_flow_hooks_put(group->sn);
err_tfm:
	wipe_chains(group);
	put_prf(group);
err_slots:
	kfree(group->identity);
	group->identity = NULL;
	kfree(group->in);
	group->in = NULL;
err_proto:
	group->encap = (struct sipsec_encap){};
	WRITE_ONCE(group->proto, 0);
	return err;
}

/* The last step of a group's end, once no packet names one of its SAs. */
static bool drain(struct sipsec_group *group)
{
	struct sipsec_net *sn = group->sn;
	struct sipsec_sa *sa;

	list_for_each_entry(sa, &group->draining, list)
		if (sipsec_sa_in_flight(sa))
			return false;
	put_drained(group);
	list_del(&group->list);
	rhashtable_remove_fast(&sn->blocks, &group->block_node, block_params);
	if (group->installed)
		sipsec_flow_hooks_put(sn);
	sipsec_group_put(group);
	return true;
}

void sipsec_group_end(struct sipsec_group *group, u32 reason)
{
	struct sipsec_net *sn = group->sn;

	lockdep_assert_held(&sn->lock);
	spin_lock_bh(&group->lock);
	WRITE_ONCE(group->dead, true);
	spin_unlock_bh(&group->lock);

	sipsec_flow_close_all(group);
	list_del(&group->list);
	xa_erase(&sn->groups, group->id);
	if (group->installed)
		rhltable_remove(&sn->out_blocks, &group->out_node, out_block_params);
	cancel_delayed_work_sync(&group->work);
	remove_sas(group);
	sipsec_bundle_flush(group->bundles, NULL);
	sipsec_notify_del(group, reason);
	group->app->groups--;
	charge(group, 0);
	leave(group);
	if (cancel_delayed_work(&group->expire))
		sipsec_group_put(group);
	list_add(&group->list, &sn->draining);
	if (!drain(group))
		schedule_delayed_work(&sn->reap, SIPSEC_REAP_INTERVAL);
}

bool sipsec_group_drain(struct sipsec_net *sn, bool force)
{
	struct sipsec_group *group, *tmp;

	lockdep_assert_held(&sn->lock);
	list_for_each_entry_safe(group, tmp, &sn->draining, list) {
		if (force)
			put_drained(group);
		drain(group);
	}
	return !list_empty(&sn->draining);
}

void sipsec_group_end_app(struct sipsec_net *sn, struct sipsec_app *app, u32 reason)
{
	struct sipsec_group *group;
	unsigned long id;

	lockdep_assert_held(&sn->lock);
	xa_for_each(&sn->groups, id, group)
		if (group->app == app)
			sipsec_group_end(group, reason);
}

void sipsec_group_leave_owner(struct sipsec_net *sn, struct sipsec_owner *owner)
{
	u32 linger = owner->app->conf.linger;
	struct sipsec_group *group, *tmp;

	lockdep_assert_held(&sn->lock);
	list_for_each_entry_safe(group, tmp, &owner->groups, list) {
		/* Nobody else knows what a reservation was for. */
		if (!linger || !group->installed) {
			sipsec_group_end(group, SIPSEC_END_REASON_OWNER_CLOSED);
			continue;
		}
		list_del_init(&group->list);
		RCU_INIT_POINTER(group->owner, NULL);
		group->orphan = true;
		group->orphan_until = jiffies_in(linger);
		schedule_end(group);
	}
}

int sipsec_group_adopt(struct sipsec_group *group, struct sipsec_owner *owner)
{
	const struct sipsec_app_conf *conf = &group->app->conf;

	lockdep_assert_held(&group->sn->lock);
	if (group->account != owner->account &&
	    (owner->account->groups >= conf->max_groups_uid ||
	     owner->account->memory + group->memory > conf->max_memory_uid))
		return -EDQUOT;
	join(group, owner);
	group->orphan = false;
	schedule_end(group);
	return 0;
}

int sipsec_group_net_init(struct sipsec_net *sn)
{
	int err;

	xa_init_flags(&sn->groups, XA_FLAGS_ALLOC1);
	sn->next_group = get_random_u32() & INT_MAX;
	err = rhltable_init(&sn->out_blocks, &out_block_params);
	if (err)
		return err;
	err = rhashtable_init(&sn->blocks, &block_params);
	if (err)
		rhltable_destroy(&sn->out_blocks);
	return err;
}

void sipsec_group_net_exit(struct sipsec_net *sn)
{
	rhashtable_destroy(&sn->blocks);
	rhltable_destroy(&sn->out_blocks);
	xa_destroy(&sn->groups);
}

int sipsec_group_init(void)
{
	/* A round's successor must not wait behind the senders that use it up. */
	round_wq = alloc_workqueue("sipsec", WQ_UNBOUND | WQ_HIGHPRI | WQ_MEM_RECLAIM, 0);
	if (!round_wq)
		return -ENOMEM;
	group_wq = alloc_workqueue("sipsec-end", WQ_UNBOUND | WQ_MEM_RECLAIM, 0);
	if (!group_wq) {
		destroy_workqueue(round_wq);
		return -ENOMEM;
	}
	return 0;
}

void sipsec_group_exit(void)
{
	destroy_workqueue(group_wq);
	destroy_workqueue(round_wq);
}
