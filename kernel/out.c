// SPDX-License-Identifier: GPL-2.0
#include <linux/ip.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6.h>
#include <net/gso.h>
#include <net/inet_sock.h>
#include <net/ip.h>
#include <net/ipv6.h>
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
#include "trace.h"

/*
 * A packet of a claimed flow is given a bundle as its route here, after every
 * other LOCAL_OUT hook, and becomes ESP in finish(), after POST_ROUTING and
 * segmentation: only there is it certain to be sent, so only there it counts.
 */

static void count(const struct sk_buff *skb, struct sipsec_app *app, unsigned int reason)
{
	sipsec_stats_inc(app->stats, reason);
	trace_drop(skb, app, reason, true);
}

static unsigned int drop(const struct sk_buff *skb, struct sipsec_app *app, unsigned int reason)
{
	count(skb, app, reason);
	return NF_DROP_ERR(-EPERM);
}

static bool is_v6(const struct sk_buff *skb)
{
	return skb->protocol == htons(ETH_P_IPV6);
}

static bool transformed(const struct sk_buff *skb)
{
	return is_v6(skb) ? IP6CB(skb)->flags & IP6SKB_XFRM_TRANSFORMED :
			    IPCB(skb)->flags & IPSKB_XFRM_TRANSFORMED;
}

static bool too_big(const struct sk_buff *skb, unsigned int mtu)
{
	if (skb_is_gso(skb))
		return !skb_gso_validate_network_len(skb, mtu);
	return skb->len > mtu && !skb->ignore_df &&
	       (is_v6(skb) || ip_hdr(skb)->frag_off & htons(IP_DF));
}

/*
 * SCTP and tunnels of the kernel go by the route's MTU and read no error queue: they would not
 * learn what is too big, so their ESP may be fragmented.
 */
static bool let_fragment(const struct sipsec_flow *flow, struct sk_buff *skb)
{
	const struct sock *sk = skb_to_full_sk(skb);

	if (!sipsec_flow_whole(&flow->key) || (sk && sk->sk_type == SOCK_RAW))
		return false;
	skb->ignore_df = 1;
	return true;
}

/* A packet of no flow: not from a socket that has nothing but flows. */
static unsigned int unclaimed(struct sipsec_net *sn, struct sk_buff *skb,
			      const struct sipsec_flow_key *key)
{
	const struct sock *sk = skb_to_full_sk(skb);
	const bool raw = sk && sk_fullsock(sk) && sk->sk_type == SOCK_RAW;
	struct sipsec_app *app;

	/* Whatever headers a raw socket makes up, it has no port. */
	if (likely(!sk || !sipsec_flow_port_exclusive(sn, raw ? 0 : key->local_port)))
		return NF_ACCEPT;
	/* What a tunnel has put around the socket's packet is not the socket's. */
	if (raw && sk->sk_protocol != key->protocol && !sipsec_compat_hdrincl(sk))
		return NF_ACCEPT;
	app = sipsec_flow_find_exclusive(sn, sk);
	return app ? drop(skb, app, SIPSEC_A_STATS_OUT_DROP_FLOW) : NF_ACCEPT;
}

/* By a detour chosen by its sender a packet would come to a peer, or pass one, as another's. */
static unsigned int routed(struct sipsec_net *sn, struct sk_buff *skb,
			   const struct sipsec_packet *packet)
{
	struct sipsec_flow *flow = sipsec_packet_claimed(sn, packet);

	return flow ? drop(skb, flow->app, SIPSEC_A_STATS_OUT_DROP_SOCKET) :
		      unclaimed(sn, skb, &packet->key);
}

/* The same for packets without ports, which only raw sockets are bound to and can make up. */
static unsigned int unclaimed_raw(struct sipsec_net *sn, struct sk_buff *skb,
				  const struct sipsec_flow_key *key)
{
	return READ_ONCE(sn->wildcards) ? unclaimed(sn, skb, key) : NF_ACCEPT;
}

/* An ICMP error of ours would show the sender of a decrypted packet, and the world, its payload. */
static unsigned int local_icmp(struct sipsec_net *sn, struct sk_buff *skb,
			       const struct sipsec_packet *icmp)
{
	struct sipsec_packet quoted;
	struct sipsec_flow *flow;

	flow = sipsec_packet_quoted(skb, icmp, true, &quoted) ?
	       sipsec_packet_claimed(sn, &quoted) : NULL;
	return flow ? drop(skb, flow->app, SIPSEC_A_STATS_OUT_DROP_ICMP) :
		      unclaimed_raw(sn, skb, &icmp->key);
}

/* Only raw sockets send fragments that have passed no hook as a whole packet. */
static unsigned int raw_fragment(struct sipsec_net *sn, struct sk_buff *skb,
				 const struct sipsec_flow_key *key)
{
	struct sipsec_group *group = sipsec_group_find_pair(sn, &key->local, &key->peer);
	struct sipsec_flow *flow;

	if (group)
		return drop(skb, group->app, SIPSEC_A_STATS_OUT_DROP_SOCKET);
	/* A flow of a whole protocol may have outlived the last group. */
	flow = READ_ONCE(sn->wildcards) ? sipsec_flow_match(sn, key) : NULL;
	if (flow && !sipsec_flow_gone(flow))
		return drop(skb, flow->app, SIPSEC_A_STATS_OUT_DROP_CLOSED);
	return unclaimed_raw(sn, skb, key);
}

static unsigned int local_out(void *priv, struct sk_buff *skb, const struct nf_hook_state *state)
{
	struct sipsec_bundle *bundle;
	struct sipsec_packet packet;
	struct sipsec_group *group;
	struct sipsec_flow *flow;
	struct sipsec_app *app;
	struct sipsec_net *sn;
	struct sipsec_sa *sa;

	if (transformed(skb))
		return NF_ACCEPT;
	sn = sipsec_pernet(state->net);
	sipsec_packet_parse(skb, true, &packet);
	switch (packet.kind) {
	case SIPSEC_PACKET_FLOW:
		break;
	case SIPSEC_PACKET_ICMP:
		return local_icmp(sn, skb, &packet);
	case SIPSEC_PACKET_LATER:
	case SIPSEC_PACKET_CUT:
		return raw_fragment(sn, skb, &packet.key);
	case SIPSEC_PACKET_OTHER:
		if (likely(!READ_ONCE(sn->wildcards)))
			return NF_ACCEPT;
		break;
	}
	if (unlikely(packet.routed))
		return routed(sn, skb, &packet);
	flow = sipsec_flow_match(sn, &packet.key);
	if (!flow)
		return unclaimed(sn, skb, &packet.key);
	app = flow->app;

	group = rcu_dereference(flow->group);
	sa = group ? rcu_dereference(group->out) : NULL;
	if (unlikely(!sa))
		return sipsec_flow_gone(flow) ? unclaimed(sn, skb, &packet.key) :
						drop(skb, app, SIPSEC_A_STATS_OUT_DROP_CLOSED);
	if (unlikely(!sipsec_flow_allows(flow, skb_to_full_sk(skb))))
		return drop(skb, app, SIPSEC_A_STATS_OUT_DROP_SOCKET);
	if (unlikely(dst_xfrm(skb_dst(skb))))
		return drop(skb, app, SIPSEC_A_STATS_OUT_DROP_POLICY);

	bundle = sipsec_bundle_get(group->bundles, sa, skb_dst(skb));
	if (unlikely(!bundle)) {
		count(skb, app, SIPSEC_A_STATS_OUT_DROP_MEMORY);
		return NF_DROP_ERR(-ENOBUFS);
	}
	if (unlikely(too_big(skb, bundle->mtu)) && !let_fragment(flow, skb)) {
		count(skb, app, SIPSEC_A_STATS_OUT_DROP_MTU);
		if (skb->sk)
			xfrm_local_error(skb, bundle->mtu);
		dst_release(&bundle->xdst.u.dst);
		return NF_DROP_ERR(-EMSGSIZE);
	}
	/* Packets of IPV6_MIN_MTU are always let through; their ESP may need to be fragmented. */
	if (is_v6(skb))
		skb->ignore_df = 1;
	skb_dst_drop(skb);
	skb_dst_set(skb, &bundle->xdst.u.dst);
	return NF_ACCEPT;
}

/*
 * Whoever allocated the packet knew nothing of ESP, so there is no room for its header; but there
 * is some at the end, as allocations are powers of two. Moving the packet by a few octets is
 * cheaper than a new buffer, which is what xfrm would get.
 */
static void make_room(struct sk_buff *skb)
{
	const struct dst_entry *dst = skb_dst(skb);
	int room = dst->header_len + LL_RESERVED_SPACE(dst->dev) - skb_headroom(skb);

	/* Of a packet with fragments the tail room is none. */
	if (room <= 0 || skb_cloned(skb) ||
	    skb_tailroom(skb) < room + dst->trailer_len + dst->dev->needed_tailroom)
		return;
	memmove(skb->data + room, skb->data, skb->len);
	skb->data += room;
	skb->tail += room;
	skb_headers_offset_update(skb, room);
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
	sa = sipsec_group_take_out(group, skb->len);
	if (IS_ERR(sa)) {
		err = PTR_ERR(sa);
		count(skb, app, err == -ENOBUFS ? SIPSEC_A_STATS_OUT_DROP_LIMIT :
							       SIPSEC_A_STATS_OUT_DROP_CLOSED);
		goto err_skb;
	}
	if (sa != bundle->sa) {
		other = sipsec_bundle_get(group->bundles, sa, bundle->xdst.child);
		if (!other) {
			err = -ENOBUFS;
			count(skb, app, SIPSEC_A_STATS_OUT_DROP_MEMORY);
			goto err_skb;
		}
		skb_dst_drop(skb);
		skb_dst_set(skb, &other->xdst.u.dst);
	}
	/* xfrm would put an internet checksum where SCTP has a CRC. */
	if (unlikely(skb->ip_summed == CHECKSUM_PARTIAL && skb_csum_is_sctp(skb))) {
		err = skb_csum_hwoffload_help(skb, 0);
		if (err) {
			count(skb, app, SIPSEC_A_STATS_OUT_DROP_ERROR);
			goto err_skb;
		}
	}
	sipsec_stats_inc(app->stats, SIPSEC_A_STATS_OUT_PACKETS);
	make_room(skb);
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
		count(skb, app, SIPSEC_A_STATS_OUT_DROP_ERROR);
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
		trace_drop(skb, NULL, SIPSEC_A_STATS_OUT_DROP_REWRITTEN, true);
		kfree_skb(skb);
		return -EPERM;
	}
	return skb_is_gso(skb) ? transmit_gso(sk, skb) : transmit(sk, skb);
}

int sipsec_out_output(struct net *net, struct sock *sk, struct sk_buff *skb)
{
	struct dst_entry *dst = skb_dst(skb);

	if (dst->ops->family == AF_INET6)
		return NF_HOOK_COND(NFPROTO_IPV6, NF_INET_POST_ROUTING, net, sk, skb, skb->dev,
				    dst->dev, finish, !(IP6CB(skb)->flags & IP6SKB_REROUTED));
	return NF_HOOK_COND(NFPROTO_IPV4, NF_INET_POST_ROUTING, net, sk, skb, skb->dev,
			    dst->dev, finish, !(IPCB(skb)->flags & IPSKB_REROUTED));
}

static const struct nf_hook_ops out_hooks[] = {
	{
		.hook = local_out,
		.pf = NFPROTO_IPV4,
		.hooknum = NF_INET_LOCAL_OUT,
		.priority = NF_IP_PRI_LAST,
	},
	{
		.hook = local_out,
		.pf = NFPROTO_IPV6,
		.hooknum = NF_INET_LOCAL_OUT,
		.priority = NF_IP6_PRI_LAST,
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
