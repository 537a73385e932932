// SPDX-License-Identifier: GPL-2.0
#include <linux/module.h>
#include <linux/rhashtable.h>
#include <linux/slab.h>
#include <net/inet_sock.h>
#include <net/sock.h>

#include "app.h"
#include "flow.h"
#include "group.h"
#include "in.h"
#include "out.h"
#include "pernet.h"

/*
 * Nothing tells a module that a socket was closed. A closed flow's socket is
 * looked at this often; its 5-tuple is free at once all the same, see
 * sipsec_flow_gone().
 */
#define REAP_INTERVAL	HZ

const struct rhashtable_params sipsec_flow_params = {
	.key_len = sizeof(struct sipsec_flow_key),
	.key_offset = offsetof(struct sipsec_flow, key),
	.head_offset = offsetof(struct sipsec_flow, node),
	.automatic_shrinking = true,
};

static const struct rhashtable_params port_params = {
	.key_len = sizeof(__be16),
	.key_offset = offsetof(struct sipsec_flow, key.local_port),
	.head_offset = offsetof(struct sipsec_flow, port_node),
	.automatic_shrinking = true,
};

struct sipsec_flow *sipsec_flow_find(struct sipsec_net *sn, const struct sipsec_flow_key *key)
{
	return rhashtable_lookup(&sn->flows, key, sipsec_flow_params);
}

bool sipsec_flow_port_exclusive(struct sipsec_net *sn, const struct sipsec_flow_key *key)
{
	return rhltable_lookup(&sn->exclusive, &key->local_port, port_params);
}

struct sipsec_flow *sipsec_flow_find_exclusive(struct sipsec_net *sn,
					       const struct sipsec_flow_key *key,
					       const struct sock *sk)
{
	struct rhlist_head *list, *pos;
	struct sipsec_flow *flow;

	list = rhltable_lookup(&sn->exclusive, &key->local_port, port_params);
	rhl_for_each_entry_rcu(flow, pos, list, port_node)
		if (flow->sk == sk)
			return flow;
	return NULL;
}

bool sipsec_flow_allows(const struct sipsec_flow *flow, const struct sock *sk)
{
	switch (flow->user) {
	case SIPSEC_FLOW_SOCKET:
		return sk && sk == flow->sk && uid_eq(sock_net_uid(sock_net(sk), sk), flow->uid);
	case SIPSEC_FLOW_UID:
		return sk && uid_eq(sock_net_uid(sock_net(sk), sk), flow->uid);
	case SIPSEC_FLOW_ANY:
		return true;
	}
	return false;
}

bool sipsec_flow_gone(const struct sipsec_flow *flow)
{
	/* What a closed socket has sent may still wait in a queue before our hook. */
	return !rcu_access_pointer(flow->group) && flow->sk && sock_flag(flow->sk, SOCK_DEAD) &&
	       !sk_wmem_alloc_get(flow->sk);
}

int sipsec_flow_hooks_get(struct sipsec_net *sn)
{
	int err;

	lockdep_assert_held(&sn->lock);
	if (!sn->hook_users) {
		err = sipsec_out_register(sn->net);
		if (err)
			return err;
		err = sipsec_in_register(sn->net);
		if (err) {
			sipsec_out_unregister(sn->net);
			return err;
		}
	}
	sn->hook_users++;
	return 0;
}

void sipsec_flow_hooks_put(struct sipsec_net *sn)
{
	lockdep_assert_held(&sn->lock);
	if (--sn->hook_users)
		return;
	sipsec_in_unregister(sn->net);
	sipsec_out_unregister(sn->net);
}

static void flow_free(struct rcu_head *rcu)
{
	struct sipsec_flow *flow = container_of(rcu, struct sipsec_flow, rcu);

	if (flow->sk)
		sock_put(flow->sk);
	sipsec_app_put(flow->app);
	kfree(flow);
	module_put(THIS_MODULE);
}

/* All but the table of 5-tuples. */
static void flow_release(struct sipsec_flow *flow)
{
	struct sipsec_net *sn = flow->sn;

	if (flow->exclusive)
		rhltable_remove(&sn->exclusive, &flow->port_node, port_params);
	xa_erase(&sn->flow_index, flow->index);
	list_del(&flow->list);
	flow->app->flows--;
	sipsec_flow_hooks_put(sn);
	call_rcu(&flow->rcu, flow_free);
}

void sipsec_flow_unbind(struct sipsec_flow *flow)
{
	lockdep_assert_held(&flow->sn->lock);
	rhashtable_remove_fast(&flow->sn->flows, &flow->node, sipsec_flow_params);
	flow_release(flow);
}

/* In place of @old, if there is one, so that the 5-tuple is claimed all the time. */
static int flow_new(struct sipsec_group *group, const struct sipsec_flow_key *key,
		    enum sipsec_flow_user user, kuid_t uid, struct sock *sk, bool exclusive,
		    struct sipsec_flow *old)
{
	struct sipsec_net *sn = group->sn;
	struct sipsec_flow *flow;
	int err;

	flow = kzalloc(sizeof(*flow), GFP_KERNEL);
	if (!flow)
		return -ENOMEM;
	flow->key = *key;
	flow->user = user;
	flow->uid = uid;
	flow->sk = sk;
	flow->exclusive = exclusive;
	flow->sn = sn;
	flow->app = sipsec_app_get(group->app);
	if (sk)
		sock_hold(sk);
	/* The caller's socket keeps the module from going away under us. */
	__module_get(THIS_MODULE);
	RCU_INIT_POINTER(flow->group, group);
	err = sipsec_flow_hooks_get(sn);
	if (err)
		goto err_flow;
	err = xa_alloc_cyclic(&sn->flow_index, &flow->index, flow, xa_limit_31b, &sn->next_flow,
			      GFP_KERNEL);
	if (err < 0)
		goto err_hooks;
	if (exclusive) {
		err = rhltable_insert(&sn->exclusive, &flow->port_node, port_params);
		if (err)
			goto err_index;
	}
	if (old)
		err = rhashtable_replace_fast(&sn->flows, &old->node, &flow->node,
					      sipsec_flow_params);
	else
		err = rhashtable_insert_fast(&sn->flows, &flow->node, sipsec_flow_params);
	if (err)
		goto err_exclusive;
	if (old)
		flow_release(old);
	group->app->flows++;
	list_add_tail(&flow->list, &group->flows);
	return 0;

err_exclusive:
	if (exclusive)
		rhltable_remove(&sn->exclusive, &flow->port_node, port_params);
err_index:
	xa_erase(&sn->flow_index, flow->index);
err_hooks:
	sipsec_flow_hooks_put(sn);
err_flow:
	/* Packet paths may have seen it in the table of ports. */
	call_rcu(&flow->rcu, flow_free);
	return err;
}

int sipsec_flow_bind(struct sipsec_group *group, const struct sipsec_flow_key *key,
		     enum sipsec_flow_user user, kuid_t uid, struct sock *sk, bool exclusive)
{
	struct sipsec_flow *flow;

	lockdep_assert_held(&group->sn->lock);
	/* Under the mutex no flow goes away. */
	rcu_read_lock();
	flow = sipsec_flow_find(group->sn, key);
	rcu_read_unlock();
	/* An app may open its port again, others have to wait for the end of its group. */
	if (!flow || sipsec_flow_gone(flow) ||
	    (flow->app == group->app && flow->sk && sock_flag(flow->sk, SOCK_DEAD)))
		return flow_new(group, key, user, uid, sk, exclusive, flow);
	if (flow->app != group->app || flow->user != user || flow->sk != sk ||
	    flow->exclusive != exclusive ||
	    (user == SIPSEC_FLOW_UID && !uid_eq(flow->uid, uid)))
		return -EADDRINUSE;
	/* Rekey: the flow moves to the new group between two packets. */
	rcu_assign_pointer(flow->group, group);
	list_move_tail(&flow->list, &group->flows);
	return 0;
}

void sipsec_flow_close_all(struct sipsec_group *group)
{
	struct sipsec_net *sn = group->sn;
	struct sipsec_flow *flow;

	lockdep_assert_held(&sn->lock);
	if (list_empty(&group->flows))
		return;
	list_for_each_entry(flow, &group->flows, list)
		RCU_INIT_POINTER(flow->group, NULL);
	list_splice_tail_init(&group->flows, &sn->closed);
	schedule_delayed_work(&sn->reap, REAP_INTERVAL);
}

static void reap(struct work_struct *work)
{
	struct sipsec_net *sn = container_of(to_delayed_work(work), struct sipsec_net, reap);
	struct sipsec_flow *flow, *tmp;

	mutex_lock(&sn->lock);
	list_for_each_entry_safe(flow, tmp, &sn->closed, list)
		if (sipsec_flow_gone(flow))
			sipsec_flow_unbind(flow);
	if (!list_empty(&sn->closed))
		schedule_delayed_work(&sn->reap, REAP_INTERVAL);
	mutex_unlock(&sn->lock);
}

int sipsec_flow_net_init(struct sipsec_net *sn)
{
	int err;

	INIT_LIST_HEAD(&sn->closed);
	INIT_DELAYED_WORK(&sn->reap, reap);
	xa_init_flags(&sn->flow_index, XA_FLAGS_ALLOC);
	err = rhltable_init(&sn->exclusive, &port_params);
	if (err)
		return err;
	err = rhashtable_init(&sn->flows, &sipsec_flow_params);
	if (err)
		rhltable_destroy(&sn->exclusive);
	return err;
}

void sipsec_flow_net_end(struct sipsec_net *sn)
{
	struct sipsec_flow *flow;
	unsigned long index;

	lockdep_assert_held(&sn->lock);
	xa_for_each(&sn->flow_index, index, flow)
		sipsec_flow_unbind(flow);
}

void sipsec_flow_net_exit(struct sipsec_net *sn)
{
	rhashtable_destroy(&sn->flows);
	rhltable_destroy(&sn->exclusive);
	xa_destroy(&sn->flow_index);
}
