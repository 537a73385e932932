// SPDX-License-Identifier: GPL-2.0
#include <linux/module.h>
#include <linux/netdevice.h>
#include <linux/percpu.h>
#include <linux/slab.h>
#include <net/ip.h>
#include <net/ip6_fib.h>
#include <net/ipv6.h>
#include <net/route.h>

#include "bundle.h"
#include "group.h"
#include "out.h"
#include "pernet.h"
#include "sa.h"

/* Routes of one group on one CPU that are in use at the same time. */
#define WAYS	4

struct sipsec_bundle_cache {
	struct dst_entry *way[WAYS];
	unsigned int victim;
};

static unsigned int bundle_mtu(const struct dst_entry *dst)
{
	return container_of(dst, struct sipsec_bundle, xdst.u.dst)->mtu;
}

static void bundle_destroy(struct dst_entry *dst)
{
	struct sipsec_bundle *bundle = container_of(dst, struct sipsec_bundle, xdst.u.dst);

	dst_destroy_metrics_generic(dst);
	dst_release(bundle->xdst.route);
	sipsec_sa_put(bundle->sa);
	module_put(THIS_MODULE);
}

static struct neighbour *bundle_neigh_lookup(const struct dst_entry *dst, struct sk_buff *skb,
					     const void *daddr)
{
	return dst_neigh_lookup(xfrm_dst_path(dst), daddr);
}

#define OPS(af) { \
	.family = af, \
	.mtu = bundle_mtu, \
	.cow_metrics = dst_cow_metrics_generic, \
	.destroy = bundle_destroy, \
	.neigh_lookup = bundle_neigh_lookup, \
}

/* Of IPv4 and of IPv6. */
static struct dst_ops bundle_ops[] = { OPS(AF_INET), OPS(AF_INET6) };

struct sipsec_bundle *sipsec_bundle_of(struct dst_entry *dst)
{
	if (unlikely(!dst || (dst->ops != &bundle_ops[0] && dst->ops != &bundle_ops[1])))
		return NULL;
	return container_of(dst, struct sipsec_bundle, xdst.u.dst);
}

/* What is asked of a route of an IPv4 packet on its way through POST_ROUTING. */
static void copy_route(struct rtable *rt, const struct rtable *from)
{
	rt->rt_iif = from->rt_iif;
	rt->rt_is_input = from->rt_is_input;
	rt->rt_flags = from->rt_flags & (RTCF_BROADCAST | RTCF_MULTICAST | RTCF_LOCAL);
	rt->rt_type = from->rt_type;
	rt->rt_uses_gateway = from->rt_uses_gateway;
	rt->rt_gw_family = from->rt_gw_family;
	if (from->rt_gw_family == AF_INET)
		rt->rt_gw4 = from->rt_gw4;
	else if (from->rt_gw_family == AF_INET6)
		rt->rt_gw6 = from->rt_gw6;
	rt->rt_pmtu = from->rt_pmtu;
	rt->rt_mtu_locked = from->rt_mtu_locked;
}

/* The same of an IPv6 packet. Its interface's counters are the child's to keep: no rt6i_idev. */
static void copy_route_v6(struct rt6_info *rt, const struct rt6_info *from)
{
	rt->rt6i_flags = from->rt6i_flags & (RTF_ANYCAST | RTF_LOCAL);
	rt->rt6i_gateway = from->rt6i_gateway;
	rt->rt6i_dst = from->rt6i_dst;
	rt->rt6i_src = from->rt6i_src;
}

static struct sipsec_bundle *bundle_new(struct sipsec_sa *sa, struct dst_entry *child)
{
	const bool v6 = child->ops->family == AF_INET6;
	struct sipsec_bundle *bundle;
	struct dst_entry *dst;

	if (!sipsec_sa_get(sa))
		return NULL;
	if (!dst_hold_safe(child))
		goto err_sa;
	bundle = dst_alloc(&bundle_ops[v6], child->dev, DST_OBSOLETE_NONE, DST_NOCOUNT);
	if (!bundle)
		goto err_child;
	/* A bundle in flight runs our code when it is freed. */
	__module_get(THIS_MODULE);
	dst = &bundle->xdst.u.dst;
	memset((u8 *)bundle + sizeof(*dst), 0, sizeof(*bundle) - sizeof(*dst));

	if (v6)
		copy_route_v6(&bundle->xdst.u.rt6, (const struct rt6_info *)child);
	else
		copy_route(&bundle->xdst.u.rt, (const struct rtable *)child);

	bundle->sa = sa;
	bundle->child_mtu = dst_mtu(child);
	bundle->mtu = xfrm_state_mtu(sa->x, bundle->child_mtu);
	if (v6)
		bundle->mtu = max_t(u32, bundle->mtu, IPV6_MIN_MTU);
	/* What is padded is to fit, too. */
	bundle->xdst.child_mtu_cached = bundle->child_mtu;
	bundle->xdst.child = child;
	bundle->xdst.path = child;
	bundle->xdst.route = dst_clone(child);
	bundle->xdst.num_xfrms = 1;
	/* The bundle holds the SA, which holds the state. */
	dst->xfrm = sa->x;
	dst->output = sipsec_out_output;
	dst->header_len = sa->x->props.header_len;
	dst->trailer_len = sa->x->props.trailer_len;
	return bundle;

err_child:
	dst_release(child);
err_sa:
	sipsec_sa_put(sa);
	return NULL;
}

/* The cache holds a reference of each dst in it. */
static void drop_way(struct dst_entry **way, struct dst_entry *dst)
{
	if (cmpxchg(way, dst, NULL) == dst)
		dst_release(dst);
}

struct sipsec_bundle *sipsec_bundle_get(struct sipsec_bundle_cache __percpu *cache,
					struct sipsec_sa *sa, struct dst_entry *child)
{
	struct sipsec_bundle_cache *c;
	struct sipsec_bundle *bundle;
	struct dst_entry *dst, *old;
	unsigned int i, victim;

	/* Preemption may take us to another CPU: harmless, ways are changed atomically. */
	c = raw_cpu_ptr(cache);
	for (i = 0; i < WAYS; i++) {
		dst = READ_ONCE(c->way[i]);
		bundle = sipsec_bundle_of(dst);
		if (bundle && bundle->sa == sa && bundle->xdst.child == child &&
		    bundle->child_mtu == dst_mtu(child) && dst_hold_safe(dst))
			return bundle;
	}

	bundle = bundle_new(sa, child);
	if (!bundle)
		return NULL;
	dst = &bundle->xdst.u.dst;
	victim = READ_ONCE(c->victim) % WAYS;
	for (i = 0; i < WAYS; i++) {
		if (!READ_ONCE(c->way[i])) {
			victim = i;
			break;
		}
	}
	WRITE_ONCE(c->victim, victim + 1);
	dst_hold(dst);
	old = xchg(&c->way[victim], dst);
	if (old)
		dst_release(old);
	/*
	 * Pairs with the barrier in sipsec_bundle_flush(): either that sees this bundle, or this
	 * sees that the round is over. A finished round's key is not to linger in the cache.
	 */
	smp_mb();
	if (unlikely(rcu_access_pointer(sa->group->out) != sa))
		drop_way(&c->way[victim], dst);
	return bundle;
}

static void flush(struct sipsec_bundle_cache __percpu *cache,
		  bool (*match)(const struct sipsec_bundle *, const void *), const void *arg)
{
	struct sipsec_bundle_cache *c;
	struct sipsec_bundle *bundle;
	unsigned int i;
	int cpu;

	/* Bundles are freed after an RCU grace period, so a way may be looked into. */
	rcu_read_lock();
	for_each_possible_cpu(cpu) {
		c = per_cpu_ptr(cache, cpu);
		for (i = 0; i < WAYS; i++) {
			bundle = sipsec_bundle_of(READ_ONCE(c->way[i]));
			if (bundle && match(bundle, arg))
				drop_way(&c->way[i], &bundle->xdst.u.dst);
		}
	}
	rcu_read_unlock();
}

static bool match_other_round(const struct sipsec_bundle *bundle, const void *keep)
{
	return bundle->sa != keep;
}

void sipsec_bundle_flush(struct sipsec_bundle_cache __percpu *cache, const struct sipsec_sa *keep)
{
	/* Pairs with the barrier in sipsec_bundle_get(). */
	smp_mb();
	flush(cache, match_other_round, keep);
}

static bool match_device(const struct sipsec_bundle *bundle, const void *dev)
{
	return bundle->xdst.u.dst.dev == dev || bundle->xdst.child->dev == dev;
}

static int device_event(struct notifier_block *nb, unsigned long event, void *ptr)
{
	struct net_device *dev = netdev_notifier_info_to_dev(ptr);
	struct sipsec_net *sn = sipsec_pernet(dev_net(dev));
	struct sipsec_group *group;
	unsigned long id;

	/* A namespace whose making failed has devices and nothing of ours. */
	if (!sn || (event != NETDEV_DOWN && event != NETDEV_UNREGISTER))
		return NOTIFY_DONE;
	rcu_read_lock();
	xa_for_each(&sn->groups, id, group) {
		flush(group->bundles, match_device, dev);
		sipsec_group_purge_held(group);
	}
	rcu_read_unlock();
	return NOTIFY_DONE;
}

static struct notifier_block device_notifier = { .notifier_call = device_event };

struct sipsec_bundle_cache __percpu *sipsec_bundle_cache_alloc(void)
{
	return alloc_percpu_gfp(struct sipsec_bundle_cache, GFP_KERNEL_ACCOUNT);
}

void sipsec_bundle_cache_free(struct sipsec_bundle_cache __percpu *cache)
{
	free_percpu(cache);
}

int sipsec_bundle_init(void)
{
	struct kmem_cache *slab;

	slab = kmem_cache_create("sipsec_bundle", sizeof(struct sipsec_bundle), 0,
				 SLAB_HWCACHE_ALIGN, NULL);
	bundle_ops[0].kmem_cachep = slab;
	bundle_ops[1].kmem_cachep = slab;
	return slab ? 0 : -ENOMEM;
}

void sipsec_bundle_exit(void)
{
	kmem_cache_destroy(bundle_ops[0].kmem_cachep);
}

int sipsec_bundle_watch(void)
{
	return register_netdevice_notifier(&device_notifier);
}

void sipsec_bundle_unwatch(void)
{
	unregister_netdevice_notifier(&device_notifier);
}
