// SPDX-License-Identifier: GPL-2.0
#include <linux/ip.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>
#include <net/gso.h>
#include <net/inet_sock.h>
#include <net/ip.h>
#include <net/xfrm.h>

#include "app.h"
#include "bundle.h"
#include "flow.h"
#include "group.h"
#include "out.h"
#include "packet.h"
#include "pernet.h"
#include "sa.h"
#include "stats.h"

/*
 * A packet of a claimed flow is given a bundle as its route here, after every
 * other LOCAL_OUT hook, and becomes ESP in finish(), after POST_ROUTING and
 * segmentation: only there is it certain to be sent, so only there it counts.
 */

static unsigned int drop(struct sipsec_app *app, unsigned int reason)
{
	sipsec_stats_inc(app->stats, reason);
	return NF_DROP_ERR(-EPERM);
}

static bool too_big(const struct sk_buff *skb, unsigned int mtu)
{
	if (skb_is_gso(skb))
		return !skb_gso_validate_network_len(skb, mtu);
	return skb->len > mtu && (ip_hdr(skb)->frag_off & htons(IP_DF)) && !skb->ignore_df;
}

/* An ICMP error of ours would show the sender of a decrypted packet, and the world, its payload. */
static unsigned int local_icmp(struct sipsec_net *sn, struct sk_buff *skb)
{
	struct sipsec_flow_key key;
	struct sipsec_flow *flow;

	if (!sipsec_packet_icmp_quote(skb, &key, true))
		return NF_ACCEPT;
	flow = sipsec_flow_find(sn, &key);
	if (!flow || sipsec_flow_gone(flow))
		return NF_ACCEPT;
	return drop(flow->app, SIPSEC_A_STATS_OUT_DROP_ICMP);
}

/* Only raw sockets send fragments that have passed no hook as a whole packet. */
static unsigned int raw_fragment(struct sipsec_net *sn, const struct iphdr *iph)
{
	struct sipsec_group *group = sipsec_group_find_pair(sn, iph->saddr, iph->daddr);

	return group ? drop(group->app, SIPSEC_A_STATS_OUT_DROP_SOCKET) : NF_ACCEPT;
}

static unsigned int unclaimed(struct sipsec_net *sn, struct sk_buff *skb,
			      const struct sipsec_flow_key *key)
{
	const struct sock *sk = skb_to_full_sk(skb);
	struct sipsec_flow *flow;

	flow = sk ? sipsec_flow_find_exclusive(sn, key, sk) : NULL;
	return flow ? drop(flow->app, SIPSEC_A_STATS_OUT_DROP_FLOW) : NF_ACCEPT;
}

static unsigned int local_out(void *priv, struct sk_buff *skb, const struct nf_hook_state *state)
{
	struct sipsec_net *sn = sipsec_pernet(state->net);
	struct sipsec_bundle *bundle;
	struct sipsec_flow_key key;
	struct sipsec_group *group;
	struct sipsec_flow *flow;
	struct sipsec_app *app;
	struct sipsec_sa *sa;

	if (IPCB(skb)->flags & IPSKB_XFRM_TRANSFORMED)
		return NF_ACCEPT;
	if (ip_hdr(skb)->protocol == IPPROTO_ICMP)
		return local_icmp(sn, skb);
	if (unlikely(ip_hdr(skb)->frag_off & htons(IP_OFFSET)))
		return raw_fragment(sn, ip_hdr(skb));
	if (!sipsec_packet_key(skb, &key, true))
		return NF_ACCEPT;
	flow = sipsec_flow_find(sn, &key);
	if (!flow)
		return unclaimed(sn, skb, &key);
	app = flow->app;

	group = rcu_dereference(flow->group);
	sa = group ? rcu_dereference(group->out) : NULL;
	if (unlikely(!sa))
		return sipsec_flow_gone(flow) ? NF_ACCEPT :
						drop(app, SIPSEC_A_STATS_OUT_DROP_CLOSED);
	if (unlikely(!sipsec_flow_allows(flow, skb_to_full_sk(skb))))
		return drop(app, SIPSEC_A_STATS_OUT_DROP_SOCKET);
	if (unlikely(dst_xfrm(skb_dst(skb))))
		return drop(app, SIPSEC_A_STATS_OUT_DROP_POLICY);

	bundle = sipsec_bundle_get(group->bundles, sa, skb_dst(skb));
	if (unlikely(!bundle)) {
		sipsec_stats_inc(app->stats, SIPSEC_A_STATS_OUT_DROP_MEMORY);
		return NF_DROP_ERR(-ENOBUFS);
	}
	if (unlikely(too_big(skb, bundle->mtu))) {
		sipsec_stats_inc(app->stats, SIPSEC_A_STATS_OUT_DROP_MTU);
		if (skb->sk)
			xfrm_local_error(skb, bundle->mtu);
		dst_release(&bundle->xdst.u.dst);
		return NF_DROP_ERR(-EMSGSIZE);
	}
	skb_dst_drop(skb);
	skb_dst_set(skb, &bundle->xdst.u.dst);
	return NF_ACCEPT;
}

/* One packet, not GSO, through the SA that has room for it. Consumes the packet. */
static int transmit(struct sock *sk, struct sk_buff *skb)
{
	struct sipsec_bundle *bundle = sipsec_bundle_of(skb_dst(skb));
	struct sipsec_group *group = bundle->sa->group;
	struct sipsec_app *app = group->app;
	struct sipsec_bundle *other;
	struct sipsec_sa *sa;
	int err;

	rcu_read_lock();
	sa = sipsec_group_take_out(group);
	if (IS_ERR(sa)) {
		err = PTR_ERR(sa);
		sipsec_stats_inc(app->stats, err == -ENOBUFS ? SIPSEC_A_STATS_OUT_DROP_LIMIT :
							       SIPSEC_A_STATS_OUT_DROP_CLOSED);
		goto err_skb;
	}
	if (sa != bundle->sa) {
		other = sipsec_bundle_get(group->bundles, sa, bundle->xdst.child);
		if (!other) {
			err = -ENOBUFS;
			sipsec_stats_inc(app->stats, SIPSEC_A_STATS_OUT_DROP_MEMORY);
			goto err_skb;
		}
		skb_dst_drop(skb);
		skb_dst_set(skb, &other->xdst.u.dst);
	}
	sipsec_stats_inc(app->stats, SIPSEC_A_STATS_OUT_PACKETS);
	err = xfrm_output(sk, skb);
	rcu_read_unlock();
	return err;

err_skb:
	rcu_read_unlock();
	kfree_skb(skb);
	return err;
}

static int transmit_gso(struct sock *sk, struct sk_buff *skb)
{
	struct sipsec_app *app = sipsec_bundle_of(skb_dst(skb))->sa->group->app;
	struct sk_buff *segs, *seg, *next;
	int err = 0;

	segs = skb_gso_segment(skb, 0);
	if (IS_ERR_OR_NULL(segs)) {
		sipsec_stats_inc(app->stats, SIPSEC_A_STATS_OUT_DROP_ERROR);
		kfree_skb(skb);
		return segs ? PTR_ERR(segs) : -EINVAL;
	}
	consume_skb(skb);
	skb_list_walk_safe(segs, seg, next) {
		skb_mark_not_on_list(seg);
		err = transmit(sk, seg);
		if (unlikely(err)) {
			kfree_skb_list(next);
			break;
		}
	}
	return err;
}

static int finish(struct net *net, struct sock *sk, struct sk_buff *skb)
{
	/* SNAT gives a packet whose addresses it changed another route. */
	if (unlikely(!sipsec_bundle_of(skb_dst(skb)))) {
		sipsec_stats_inc(sipsec_pernet(net)->stats, SIPSEC_A_STATS_OUT_DROP_REWRITTEN);
		kfree_skb(skb);
		return -EPERM;
	}
	return skb_is_gso(skb) ? transmit_gso(sk, skb) : transmit(sk, skb);
}

int sipsec_out_output(struct net *net, struct sock *sk, struct sk_buff *skb)
{
	return NF_HOOK_COND(NFPROTO_IPV4, NF_INET_POST_ROUTING, net, sk, skb,
			    skb->dev, skb_dst(skb)->dev, finish,
			    !(IPCB(skb)->flags & IPSKB_REROUTED));
}

static const struct nf_hook_ops out_hooks[] = {
	{
		.hook = local_out,
		.pf = NFPROTO_IPV4,
		.hooknum = NF_INET_LOCAL_OUT,
		.priority = NF_IP_PRI_LAST,
	},
};

int sipsec_out_register(struct net *net)
{
	return nf_register_net_hooks(net, out_hooks, ARRAY_SIZE(out_hooks));
}

void sipsec_out_unregister(struct net *net)
{
	nf_unregister_net_hooks(net, out_hooks, ARRAY_SIZE(out_hooks));
}
