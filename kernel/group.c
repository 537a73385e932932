// SPDX-License-Identifier: GPL-2.0
#include <linux/jiffies.h>
#include <linux/module.h>
#include <linux/random.h>
#include <linux/rhashtable.h>
#include <linux/slab.h>
#include <net/netlink.h>

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

/* After a failed derivation or installation. */
#define RETRY_INTERVAL	(HZ / 10)
/* Strangers' SPIs may fill a part of the SAD; this often we look for a free block. */
#define BLOCK_TRIES	16
/* strongSwan takes its SPIs from here. */
#define FOREIGN_FIRST	0xc0000000U
#define FOREIGN_LAST	0xcfffffffU

static struct workqueue_struct *group_wq;

const struct rhashtable_params sipsec_group_block_params = {
	.key_len = sizeof(u32),
	.key_offset = offsetof(struct sipsec_group, spi_in),
	.head_offset = offsetof(struct sipsec_group, block_node),
	.automatic_shrinking = true,
};

static void kick(struct sipsec_group *group)
{
	mod_delayed_work(group_wq, &group->work, 0);
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

	err = sipsec_kdf_round(group->tfm, &next, group->suite_id,
			       sipsec_round_spi(block, chain->round), keymat,
			       sipsec_suite_keymat_len(group->suite));
	sa = err ? ERR_PTR(err) : make(group, chain->round, keymat);
	if (!IS_ERR(sa))
		*chain = next;
	memzero_explicit(keymat, sizeof(keymat));
	memzero_explicit(&next, sizeof(next));
	return sa;
}

static int make_ready(struct sipsec_group *group)
{
	struct sipsec_sa *sa;

	sa = derive(group, &group->chain_out, group->spi_out, sipsec_sa_new_out);
	if (IS_ERR(sa))
		return PTR_ERR(sa);
	spin_lock_bh(&group->lock);
	list_add_tail(&sa->list, &group->ready);
	spin_unlock_bh(&group->lock);
	return 0;
}

static int install_in(struct sipsec_group *group)
{
	struct sipsec_round_window *w = &group->in_window;
	struct sipsec_kdf_chain chain;
	struct sipsec_sa *sa;
	int err = 0;

	while (sipsec_round_want_install(w)) {
		chain = group->chain_in;
		sa = derive(group, &chain, group->spi_in, sipsec_sa_new_in);
		if (IS_ERR(sa)) {
			err = PTR_ERR(sa);
			break;
		}
		/* First the slot: the SA's first packet may come at once. */
		rcu_assign_pointer(group->in[w->end & group->in_mask], sa);
		err = sipsec_sa_add(sa);
		if (err) {
			RCU_INIT_POINTER(group->in[w->end & group->in_mask], NULL);
			sipsec_sa_put(sa);
			break;
		}
		group->chain_in = chain;
		w->end++;
	}
	memzero_explicit(&chain, sizeof(chain));
	return err;
}

static void retire_in(struct sipsec_group *group)
{
	struct sipsec_round_window *w = &group->in_window;
	u64 slot = w->first++ & group->in_mask;
	struct sipsec_sa *sa;

	sa = rcu_dereference_protected(group->in[slot], true);
	spin_lock_bh(&group->lock);
	RCU_INIT_POINTER(group->in[slot], NULL);
	group->packets_in += sipsec_sa_packets(sa);
	spin_unlock_bh(&group->lock);
	sipsec_sa_remove(sa);
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
	sipsec_sa_put(sa);
}

static u64 out_round(struct sipsec_group *group)
{
	u64 round;

	spin_lock_bh(&group->lock);
	round = rcu_dereference_protected(group->out, true)->round;
	spin_unlock_bh(&group->lock);
	return round;
}

static bool work_out(struct sipsec_group *group)
{
	unsigned int ahead = sipsec_round_ahead(group->rotate);
	struct sipsec_sa *sa;
	int err = 0;

	/* The next rounds first: packets may be waiting for them, events can wait. */
	while (!err && group->chain_out.round <= out_round(group) + ahead)
		err = make_ready(group);

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
	struct sipsec_round_window *w = &group->in_window;
	struct sipsec_sa *sa;
	unsigned long over, now;
	bool grace_over;
	bool ready;
	u64 round;

	if (READ_ONCE(group->confirmed) && !group->confirmed_told) {
		group->confirmed_told = true;
		sipsec_notify_up(group);
	}
	spin_lock_bh(&group->lock);
	w->current_round = group->in_current;
	over = group->in_since + SIPSEC_ROUND_GRACE_TIME * HZ;
	spin_unlock_bh(&group->lock);

	ready = !install_in(group);
	for (; group->in_told < w->current_round; group->in_told++) {
		round = group->in_told;
		sa = rcu_dereference_protected(group->in[round & group->in_mask], true);
		sipsec_notify_rotate(group, SIPSEC_DIRECTION_IN, round + 1,
				     sipsec_round_spi(group->spi_in, round + 1),
				     sipsec_sa_packets(sa));
	}
	now = jiffies;
	grace_over = time_after_eq(now, over);
	while (sipsec_round_want_retire(w, grace_over))
		retire_in(group);
	if (w->first < w->current_round)
		*next = over - now;
	return ready;
}

static void work(struct work_struct *w)
{
	struct sipsec_group *group = container_of(to_delayed_work(w), struct sipsec_group, work);
	unsigned long next = 0;
	bool ready;

	/* Receiving first: a round that is missing there loses packets. */
	ready = work_in(group, &next);
	ready &= work_out(group);
	if (!ready)
		next = RETRY_INTERVAL;
	if (next)
		queue_delayed_work(group_wq, &group->work, next);
}

/* Under group->lock: move from one round to the next, unless another CPU has. */
static bool advance(struct sipsec_group *group, struct sipsec_sa *from)
{
	struct sipsec_sa *next;

	if (rcu_access_pointer(group->out) != from)
		return true;
	next = list_first_entry_or_null(&group->ready, struct sipsec_sa, list);
	/* An ending group's work item is not to be queued again. */
	if (!next || group->dead)
		return false;
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
	int err = 0;

	spin_lock_bh(&group->lock);
	if (!advance(group, rcu_dereference_protected(group->out, true)))
		err = -EBUSY;
	spin_unlock_bh(&group->lock);
	return err;
}

struct sipsec_sa *sipsec_group_take_out(struct sipsec_group *group)
{
	struct sipsec_sa *sa;

	for (;;) {
		sa = rcu_dereference(group->out);
		if (unlikely(!sa || READ_ONCE(group->dead)))
			return ERR_PTR(-EPERM);
		switch (sipsec_round_verdict(atomic_inc_return(&sa->sent), group->rotate)) {
		case SIPSEC_ROUND_USE:
			return sa;
		case SIPSEC_ROUND_LAST:
			/* Early, so that the work item has the whole round to make another. */
			advance_locked(group, sa);
			return sa;
		case SIPSEC_ROUND_OVER:
			if (advance_locked(group, sa))
				break;
			/* Late is better than lost. */
			atomic_inc(&sa->late);
			sipsec_stats_inc(group->app->stats, SIPSEC_A_STATS_OUT_LATE);
			return sa;
		case SIPSEC_ROUND_STOP:
			if (advance_locked(group, sa))
				break;
			atomic_dec(&sa->sent);
			return ERR_PTR(-ENOBUFS);
		}
		/* Whoever comes after the last packet only asked. */
		atomic_dec(&sa->sent);
	}
}

void sipsec_group_saw_round(struct sipsec_group *group, u64 round)
{
	if (likely(READ_ONCE(group->confirmed) && round <= READ_ONCE(group->in_current)))
		return;
	/* Softirq, or a process that gives a verdict on a queued packet. */
	spin_lock_bh(&group->lock);
	WRITE_ONCE(group->confirmed, true);
	if (round > group->in_current) {
		WRITE_ONCE(group->in_current, round);
		group->in_since = jiffies;
	}
	if (!group->dead)
		kick(group);
	spin_unlock_bh(&group->lock);
}

struct sipsec_group *sipsec_group_find_in(struct sipsec_net *sn, u32 spi)
{
	u32 block = spi & ~(SIPSEC_SPI_BLOCK_SIZE - 1);

	return rhashtable_lookup(&sn->blocks, &block, sipsec_group_block_params);
}

struct sipsec_group *sipsec_group_find_pair(struct sipsec_net *sn, __be32 local, __be32 peer)
{
	struct sipsec_group *group;
	unsigned long id;

	xa_for_each(&sn->groups, id, group)
		if (group->local == local && group->peer == peer)
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
	if (!IS_ERR_OR_NULL(group->tfm))
		crypto_free_shash(group->tfm);
	kfree(group->in);
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

static void expire(struct work_struct *w)
{
	struct sipsec_group *group = container_of(to_delayed_work(w), struct sipsec_group, expire);
	struct sipsec_net *sn = group->sn;
	u64 now = get_jiffies_64();

	mutex_lock(&sn->lock);
	if (!group->dead) {
		/* group-set may have moved the end while we waited for the lock. */
		if (time_after_eq64(now, group->expires))
			sipsec_group_end(group, group->installed ?
					 SIPSEC_END_REASON_LIFE :
					 SIPSEC_END_REASON_RESERVATION_TIMEOUT);
		else if (queue_delayed_work(group_wq, &group->expire, group->expires - now))
			sipsec_group_get(group);
	}
	mutex_unlock(&sn->lock);
	sipsec_group_put(group);
}

static void expire_in(struct sipsec_group *group, u32 seconds)
{
	u64 delay = min_t(u64, (u64)seconds * HZ, MAX_JIFFY_OFFSET);

	group->expires = get_jiffies_64() + delay;
	/* The queue holds a reference; one that is pending already has its own. */
	sipsec_group_get(group);
	if (mod_delayed_work(group_wq, &group->expire, delay))
		sipsec_group_put(group);
}

static int insert_block(struct sipsec_group *group, u32 block)
{
	struct sipsec_net *sn = group->sn;

	group->spi_in = block;
	if (sipsec_sa_block_used(sn->net, group->local, block))
		return -EADDRINUSE;
	return rhashtable_lookup_insert_fast(&sn->blocks, &group->block_node,
					     sipsec_group_block_params);
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

struct sipsec_group *sipsec_group_new(struct sipsec_net *sn, struct sipsec_app *app,
				      struct sipsec_owner *owner, __be32 local, u32 block,
				      struct netlink_ext_ack *extack)
{
	struct sipsec_group *group;
	int err;

	lockdep_assert_held(&sn->lock);
	group = kzalloc(sizeof(*group), GFP_KERNEL);
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
	INIT_LIST_HEAD(&group->flows);
	INIT_DELAYED_WORK(&group->work, work);
	INIT_DELAYED_WORK(&group->expire, expire);
	INIT_RCU_WORK(&group->free, group_free);
	group->sn = sn;
	group->local = local;
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
	group->owner = owner;
	if (owner)
		list_add_tail(&group->owner_list, &owner->groups);
	else
		INIT_LIST_HEAD(&group->owner_list);
	expire_in(group, SIPSEC_GROUP_RESERVE_TIME);
	return group;

err_block:
	rhashtable_remove_fast(&sn->blocks, &group->block_node, sipsec_group_block_params);
err_id:
	xa_erase(&sn->groups, group->id);
err_group:
	sipsec_group_put(group);
	return ERR_PTR(err);
}

/* The work item does not run any more, or not yet. */
static void remove_sas(struct sipsec_group *group)
{
	struct sipsec_sa *sa;

	spin_lock_bh(&group->lock);
	sa = rcu_dereference_protected(group->out, true);
	RCU_INIT_POINTER(group->out, NULL);
	if (sa)
		list_add(&sa->list, &group->ready);
	list_splice_init(&group->ready, &group->retired);
	spin_unlock_bh(&group->lock);
	while ((sa = first_retired(group)))
		retire_out(group, sa);
	while (group->in_window.first < group->in_window.end)
		retire_in(group);
	memzero_explicit(&group->chain_out, sizeof(group->chain_out));
	memzero_explicit(&group->chain_in, sizeof(group->chain_in));
}

int sipsec_group_set(struct sipsec_group *group, const struct sipsec_group_params *params,
		     struct netlink_ext_ack *extack)
{
	unsigned int lookahead = sipsec_round_lookahead(params->rotate);
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
	group->role = params->role;
	group->prf = params->prf;
	group->spi_out = params->spi_out;
	group->peer = params->peer;
	group->rotate = params->rotate;
	group->life = params->life;
	group->window = params->window;
	memset(&group->in_window, 0, sizeof(group->in_window));
	group->in_window.grace = sipsec_round_grace(params->rotate, params->window);
	group->packets_in = 0;
	group->packets_out = 0;

	/* The current round moves by the lookahead at most before old rounds are retired. */
	slots = roundup_pow_of_two(group->in_window.grace + 2 * lookahead + 1);
	group->in = kcalloc(slots, sizeof(*group->in), GFP_KERNEL);
	if (!group->in)
		return -ENOMEM;
	group->in_mask = slots - 1;

	group->tfm = sipsec_kdf_alloc(params->prf);
	if (IS_ERR(group->tfm)) {
		NL_SET_ERR_MSG(extack, "prf: the kernel lacks this hash");
		err = PTR_ERR(group->tfm);
		goto err_slots;
	}
	err = sipsec_kdf_chain_init(group->tfm, &group->chain_out, params->master,
				    offerer ? 'O' : 'A');
	if (!err)
		err = sipsec_kdf_chain_init(group->tfm, &group->chain_in, params->master,
					    offerer ? 'A' : 'O');
	if (err)
		goto err_sas;

	group->in_window.lookahead = lookahead;
	err = install_in(group);
	if (err) {
		if (err == -EEXIST)
			NL_SET_ERR_MSG(extack,
				       "spi-in: another SA of this host has an SPI of the block");
		else
			NL_SET_ERR_MSG(extack, "suite: the kernel cannot set up this suite");
		goto err_sas;
	}
	while (!err && group->chain_out.round <= sipsec_round_ahead(group->rotate))
		err = make_ready(group);
	if (err) {
		NL_SET_ERR_MSG(extack, "suite: the kernel cannot set up this suite");
		goto err_sas;
	}
	err = sipsec_flow_hooks_get(group->sn);
	if (err)
		goto err_sas;
	/* Last, so that a request that failed for another reason may be repeated. */
	err = sipsec_used_add(params->master, crypto_shash_digestsize(group->tfm), params->role);
	if (err) {
		if (err == -EKEYREJECTED)
			NL_SET_ERR_MSG(extack, "master: this secret was used before in this role");
		goto err_hooks;
	}
	group->in_since = jiffies;
	sa = list_first_entry(&group->ready, struct sipsec_sa, list);
	list_del_init(&sa->list);
	rcu_assign_pointer(group->out, sa);
	/* Pairs with sipsec_group_sa_in(): whoever sees it sees the slots. */
	smp_store_release(&group->installed, true);
	expire_in(group, params->life);
	sipsec_notify_add(group);
	return 0;

err_hooks:
	sipsec_flow_hooks_put(group->sn);
err_sas:
	remove_sas(group);
	crypto_free_shash(group->tfm);
	group->tfm = NULL;
err_slots:
	kfree(group->in);
	group->in = NULL;
	return err;
}

void sipsec_group_end(struct sipsec_group *group, u32 reason)
{
	struct sipsec_net *sn = group->sn;

	lockdep_assert_held(&sn->lock);
	spin_lock_bh(&group->lock);
	WRITE_ONCE(group->dead, true);
	spin_unlock_bh(&group->lock);

	sipsec_flow_close_all(group);
	list_del(&group->owner_list);
	xa_erase(&sn->groups, group->id);
	cancel_delayed_work_sync(&group->work);
	remove_sas(group);
	if (group->installed)
		sipsec_flow_hooks_put(sn);
	rhashtable_remove_fast(&sn->blocks, &group->block_node, sipsec_group_block_params);
	sipsec_bundle_flush(group->bundles, NULL);
	sipsec_notify_del(group, reason);
	group->app->groups--;
	if (cancel_delayed_work(&group->expire))
		sipsec_group_put(group);
	sipsec_group_put(group);
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

void sipsec_group_end_owner(struct sipsec_net *sn, struct sipsec_owner *owner, u32 reason)
{
	struct sipsec_group *group, *tmp;

	lockdep_assert_held(&sn->lock);
	list_for_each_entry_safe(group, tmp, &owner->groups, owner_list)
		sipsec_group_end(group, reason);
}

int sipsec_group_init(void)
{
	/* A round's successor must not wait behind the senders that use it up. */
	group_wq = alloc_workqueue("sipsec", WQ_UNBOUND | WQ_HIGHPRI | WQ_MEM_RECLAIM, 0);
	return group_wq ? 0 : -ENOMEM;
}

void sipsec_group_exit(void)
{
	destroy_workqueue(group_wq);
	sipsec_used_exit();
}
