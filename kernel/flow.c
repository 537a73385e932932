// SPDX-License-Identifier: GPL-2.0
#include <linux/jhash.h>
#include <linux/module.h>
#include <linux/rhashtable.h>
#include <linux/slab.h>
#include <net/inet_sock.h>
#include <net/sock.h>

#include "address.h"
#include "app.h"
#include "flow.h"
#include "group.h"
#include "in.h"
#include "out.h"
#include "pernet.h"

/* All that tells flows of the same two hosts apart is in the ports. */
static u32 flow_hash(const void *data, u32 len, u32 seed)
{
	const struct sipsec_flow_key *key = data;
	u32 ports = (__force u32)key->local_port << 16 | (__force u32)key->peer_port;

	if (likely(ipv6_addr_v4mapped(&key->peer)))
		return jhash_3words((__force u32)sipsec_address_v4(&key->local),
				    (__force u32)sipsec_address_v4(&key->peer), ports, seed);
	return jhash2(data, len / sizeof(u32), seed);
}

/* memcmp(), which would be used else, goes by octets or by calls. */
static int flow_compare(struct rhashtable_compare_arg *arg, const void *object)
{
	const struct sipsec_flow_key *b = &((const struct sipsec_flow *)object)->key;
	const struct sipsec_flow_key *a = arg->key;

	return a->local_port != b->local_port || a->peer_port != b->peer_port ||
	       a->protocol != b->protocol || a->ifindex != b->ifindex ||
	       !ipv6_addr_equal(&a->peer, &b->peer) || !ipv6_addr_equal(&a->local, &b->local);
}

static const struct rhashtable_params flow_params = {
	.hashfn = flow_hash,
	.obj_cmpfn = flow_compare,
	.key_len = sizeof(struct sipsec_flow_key),
	.key_offset = offsetof(struct sipsec_flow, key),
	.head_offset = offsetof(struct sipsec_flow, node),
	.automatic_shrinking = true,
};

static const struct rhashtable_params exclusive_params = {
	.key_len = sizeof(struct sock *),
	.key_offset = offsetof(struct sipsec_exclusive, sk),
	.head_offset = offsetof(struct sipsec_exclusive, node),
	.automatic_shrinking = true,
};

struct sipsec_flow *sipsec_flow_find(struct sipsec_net *sn, const struct sipsec_flow_key *key)
{
	return rhashtable_lookup(&sn->flows, key, flow_params);
}

static struct sipsec_flow *find_wider(struct sipsec_net *sn, const struct sipsec_flow_key *key)
{
	struct sipsec_flow_key wide = *key;
	struct sipsec_flow *flow;

	wide.peer_port = 0;
	flow = sipsec_flow_find(sn, &wide);
	if (flow && !sipsec_flow_gone(flow))
		return flow;
	wide.local_port = 0;
	return sipsec_flow_find(sn, &wide);
}

struct sipsec_flow *sipsec_flow_match(struct sipsec_net *sn, const struct sipsec_flow_key *key)
{
	struct sipsec_flow *flow = sipsec_flow_find(sn, key);

	if (likely(!READ_ONCE(sn->wildcards)) || (flow && !sipsec_flow_gone(flow)))
		return flow;
	return find_wider(sn, key) ?: flow;
}

bool sipsec_flow_port_exclusive(struct sipsec_net *sn, __be16 port)
{
	return !xa_empty(&sn->exclusive_ports) && xa_load(&sn->exclusive_ports, ntohs(port));
}

struct sipsec_app *sipsec_flow_find_exclusive(struct sipsec_net *sn, const struct sock *sk)
{
	struct sipsec_exclusive *exclusive;

	exclusive = rhashtable_lookup(&sn->exclusive, &sk, exclusive_params);
	return exclusive ? exclusive->app : NULL;
}

struct sipsec_app *sipsec_flow_find_listener(struct sipsec_net *sn,
					     const struct sipsec_flow_key *key)
{
	struct sipsec_exclusive *exclusive;
	const struct sock *sk;

	hlist_for_each_entry_rcu(exclusive, &sn->listeners, listener) {
		sk = exclusive->sk;
		if (sk->sk_protocol == key->protocol && !sock_flag(sk, SOCK_DEAD) &&
		    sipsec_flow_fits_local(sk, key) && sipsec_flow_fits_peer(sk, key))
			return exclusive->app;
	}
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

bool sipsec_flow_fits_local(const struct sock *sk, const struct sipsec_flow_key *key)
{
	const __be32 v4 = inet_sk(sk)->inet_rcv_saddr;

	if (sk->sk_family == AF_INET6)
		return ipv6_addr_any(&sk->sk_v6_rcv_saddr) ||
		       ipv6_addr_equal(&sk->sk_v6_rcv_saddr, &key->local);
	return ipv6_addr_v4mapped(&key->local) &&
	       (!v4 || v4 == sipsec_address_v4(&key->local));
}

static bool fits_peer_address(const struct sock *sk, const struct sipsec_flow_key *key)
{
	if (sk->sk_family == AF_INET6)
		return ipv6_addr_equal(&sk->sk_v6_daddr, &key->peer);
	return ipv6_addr_v4mapped(&key->peer) &&
	       inet_sk(sk)->inet_daddr == sipsec_address_v4(&key->peer);
}

bool sipsec_flow_connected(const struct sock *sk)
{
	return sk->sk_family == AF_INET6 ? !ipv6_addr_any(&sk->sk_v6_daddr) :
					   inet_sk(sk)->inet_daddr != 0;
}

bool sipsec_flow_fits_peer(const struct sock *sk, const struct sipsec_flow_key *key)
{
	const __be16 port = inet_sk(sk)->inet_dport;

	if (sk->sk_type == SOCK_RAW)
		return !sipsec_flow_connected(sk) || fits_peer_address(sk, key);
	if (!port)
		return true;
	return (!key->peer_port || port == key->peer_port) && fits_peer_address(sk, key);
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

static void exclusive_free(struct rcu_head *rcu)
{
	struct sipsec_exclusive *exclusive = container_of(rcu, struct sipsec_exclusive, rcu);

	sipsec_app_put(exclusive->app);
	kfree(exclusive);
}

/* One socket more at the port, or one less, for which there is room already. */
static int count_port(struct sipsec_net *sn, __be16 port, int change)
{
	const void *old = xa_load(&sn->exclusive_ports, ntohs(port));
	unsigned long count = (old ? xa_to_value(old) : 0) + change;

	return xa_err(xa_store(&sn->exclusive_ports, ntohs(port),
			       count ? xa_mk_value(count) : NULL, GFP_KERNEL_ACCOUNT));
}

/* For another flow of the socket. */
static struct sipsec_exclusive *exclusive_get(struct sipsec_net *sn, struct sock *sk,
					      struct sipsec_app *app, __be16 port)
{
	struct sipsec_exclusive *exclusive;
	int err;

	exclusive = rhashtable_lookup_fast(&sn->exclusive, &sk, exclusive_params);
	if (exclusive) {
		exclusive->flows++;
		return exclusive;
	}
	exclusive = kzalloc(sizeof(*exclusive), GFP_KERNEL_ACCOUNT);
	if (!exclusive)
		return ERR_PTR(-ENOMEM);
	exclusive->sk = sk;
	exclusive->port = port;
	exclusive->flows = 1;
	exclusive->app = app;
	err = count_port(sn, port, 1);
	if (err)
		goto err_free;
	err = rhashtable_insert_fast(&sn->exclusive, &exclusive->node, exclusive_params);
	if (err)
		goto err_port;
	sipsec_app_get(app);
	if (sk->sk_type == SOCK_RAW)
		hlist_add_head_rcu(&exclusive->listener, &sn->listeners);
	return exclusive;

err_port:
	count_port(sn, port, -1);
err_free:
	kfree(exclusive);
	return ERR_PTR(err);
}

static void exclusive_put(struct sipsec_net *sn, struct sipsec_exclusive *exclusive)
{
	if (!exclusive || --exclusive->flows)
		return;
	rhashtable_remove_fast(&sn->exclusive, &exclusive->node, exclusive_params);
	count_port(sn, exclusive->port, -1);
	/* It may be on no list. */
	hlist_del_init_rcu(&exclusive->listener);
	call_rcu(&exclusive->rcu, exclusive_free);
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

	exclusive_put(sn, flow->exclusive);
	if (!flow->key.peer_port)
		WRITE_ONCE(sn->wildcards, sn->wildcards - 1);
	xa_erase(&sn->flow_index, flow->index);
	list_del(&flow->list);
	flow->app->flows--;
	if (flow->account)
		flow->account->flows--;
	sipsec_account_put(flow->account);
	sipsec_flow_hooks_put(sn);
	call_rcu(&flow->rcu, flow_free);
}

void sipsec_flow_unbind(struct sipsec_flow *flow)
{
	lockdep_assert_held(&flow->sn->lock);
	rhashtable_remove_fast(&flow->sn->flows, &flow->node, flow_params);
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

	if (!(old && old->account == group->account && old->app == group->app) &&
	    !sipsec_app_flow_fits(group->app, group->account))
		return -EDQUOT;
	flow = kzalloc(sizeof(*flow), GFP_KERNEL_ACCOUNT);
	if (!flow)
		return -ENOMEM;
	flow->key = *key;
	flow->user = user;
	flow->uid = uid;
	flow->sk = sk;
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
		flow->exclusive = exclusive_get(sn, sk, group->app, key->local_port);
		if (IS_ERR(flow->exclusive)) {
			err = PTR_ERR(flow->exclusive);
			goto err_index;
		}
	}
	if (!key->peer_port)
		WRITE_ONCE(sn->wildcards, sn->wildcards + 1);
	if (old)
		err = rhashtable_replace_fast(&sn->flows, &old->node, &flow->node,
					      flow_params);
	else
		err = rhashtable_insert_fast(&sn->flows, &flow->node, flow_params);
	if (err)
		goto err_exclusive;
	if (old)
		flow_release(old);
	group->app->flows++;
	flow->account = sipsec_account_get(group->account);
	if (flow->account)
		flow->account->flows++;
	list_add_tail(&flow->list, &group->flows);
	sipsec_group_bound(group);
	return 0;

err_exclusive:
	if (!key->peer_port)
		WRITE_ONCE(sn->wildcards, sn->wildcards - 1);
	exclusive_put(sn, flow->exclusive);
err_index:
	xa_erase(&sn->flow_index, flow->index);
err_hooks:
	sipsec_flow_hooks_put(sn);
err_flow:
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
	    !!flow->exclusive != exclusive ||
	    (user == SIPSEC_FLOW_UID && !uid_eq(flow->uid, uid)))
		return -EADDRINUSE;
	/* Rekey: the flow moves to the new group between two packets. */
	rcu_assign_pointer(flow->group, group);
	list_move_tail(&flow->list, &group->flows);
	sipsec_group_bound(group);
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
	schedule_delayed_work(&sn->reap, SIPSEC_REAP_INTERVAL);
}

static void reap(struct work_struct *work)
{
	struct sipsec_net *sn = container_of(to_delayed_work(work), struct sipsec_net, reap);
	struct sipsec_flow *flow, *tmp;

	mutex_lock(&sn->lock);
	list_for_each_entry_safe(flow, tmp, &sn->closed, list)
		if (sipsec_flow_gone(flow))
			sipsec_flow_unbind(flow);
	if (sipsec_group_drain(sn, false) || !list_empty(&sn->closed))
		schedule_delayed_work(&sn->reap, SIPSEC_REAP_INTERVAL);
	mutex_unlock(&sn->lock);
}

int sipsec_flow_net_init(struct sipsec_net *sn)
{
	int err;

	INIT_LIST_HEAD(&sn->closed);
	INIT_LIST_HEAD(&sn->draining);
	INIT_DELAYED_WORK(&sn->reap, reap);
	xa_init_flags(&sn->flow_index, XA_FLAGS_ALLOC);
	xa_init(&sn->exclusive_ports);
	INIT_HLIST_HEAD(&sn->listeners);
	err = rhashtable_init(&sn->exclusive, &exclusive_params);
	if (err)
		return err;
	err = rhashtable_init(&sn->flows, &flow_params);
	if (err)
		rhashtable_destroy(&sn->exclusive);
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
	rhashtable_destroy(&sn->exclusive);
	xa_destroy(&sn->exclusive_ports);
	xa_destroy(&sn->flow_index);
}
