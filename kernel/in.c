// SPDX-License-Identifier: GPL-2.0
#include <linux/ip.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>
#include <linux/udp.h>
#include <net/inet_sock.h>
#include <net/ip.h>
#include <net/netfilter/nf_conntrack.h>
#include <net/protocol.h>
#include <net/route.h>
#include <net/sock.h>
#include <net/udp.h>
#include <net/xfrm.h>

#include "app.h"
#include "flow.h"
#include "group.h"
#include "in.h"
#include "packet.h"
#include "pernet.h"
#include "sa.h"
#include "stats.h"

static unsigned int drop(struct sipsec_app *app, unsigned int reason)
{
	sipsec_stats_inc(app->stats, reason);
	return NF_DROP;
}

/**
 * struct origin - what a packet came by
 * @group: the group whose SA decrypted it, NULL if none did
 * @sa: that SA; NULL if it is going away, or was not alone
 */
struct origin {
	struct sipsec_group *group;
	struct sipsec_sa *sa;
};

static struct origin origin_of(struct sipsec_net *sn, const struct sk_buff *skb)
{
	const struct sec_path *sp = skb_sec_path(skb);
	const struct xfrm_state *x;
	struct origin origin = {};
	int i;

	for (i = 0; sp && i < sp->len && !origin.group; i++) {
		x = sp->xvec[i];
		if (x->id.proto != IPPROTO_ESP || x->props.family != AF_INET)
			continue;
		origin.group = sipsec_group_find_in(sn, ntohl(x->id.spi));
		if (!origin.group)
			continue;
		if (x->id.daddr.a4 != origin.group->local) {
			origin.group = NULL;
			continue;
		}
		origin.sa = sipsec_group_sa_in(origin.group, ntohl(x->id.spi));
		if (origin.sa && (origin.sa->x != x || sp->len != 1))
			origin.sa = NULL;
	}
	return origin;
}

/* The socket may have been connected elsewhere or used for encapsulation since it was bound. */
static bool socket_open(const struct sock *sk, const struct sipsec_flow_key *key)
{
	const struct inet_sock *inet = inet_sk(sk);

	return !sock_flag(sk, SOCK_DEAD) && READ_ONCE(inet->inet_num) == ntohs(key->local_port) &&
	       (!inet->inet_dport || (inet->inet_dport == key->peer_port &&
				      inet->inet_daddr == key->peer)) &&
	       !READ_ONCE(udp_sk(sk)->encap_type);
}

/* Returns the socket a packet on the flow is for, with a reference, or NULL. */
static struct sock *receiver(struct net *net, const struct sipsec_flow *flow,
			     const struct sk_buff *skb)
{
	const struct sipsec_flow_key *key = &flow->key;
	struct sock *sk = flow->sk;

	if (sk) {
		if (!socket_open(sk, key) || !refcount_inc_not_zero(&sk->sk_refcnt))
			return NULL;
		return sk;
	}
	sk = udp4_lib_lookup(net, key->peer, key->peer_port, key->local, key->local_port,
			     inet_iif(skb));
	if (sk && (!sipsec_flow_allows(flow, sk) || !socket_open(sk, key))) {
		sock_put(sk);
		return NULL;
	}
	return sk;
}

/* conntrack's last hook has our priority: it may come after us, and so never. */
static bool confirm(struct sk_buff *skb)
{
	enum ip_conntrack_info ctinfo;
	const struct nf_conn *ct = nf_ct_get(skb, &ctinfo);

	return !ct || nf_ct_is_confirmed(ct) || sipsec_compat_ct_confirm(skb) == NF_ACCEPT;
}

/*
 * Raw sockets get their copies after this hook, and a second look-up in
 * udp_rcv() could find another socket than the one that was checked: hand the
 * packet to that one here. Takes over the reference of @sk.
 */
static unsigned int deliver(struct sk_buff *skb, struct sock *sk)
{
	const struct net_protocol *protocol;

	if (!confirm(skb)) {
		sock_put(sk);
		return NF_DROP;
	}
	skb_orphan(skb);
	skb->sk = sk;
	skb->destructor = sock_edemux;
	skb_clear_delivery_time(skb);
	__skb_pull(skb, skb_network_header_len(skb));
	protocol = rcu_dereference(inet_protos[IPPROTO_UDP]);
	/* A verdict on a queued packet brings us here in process context. */
	local_bh_disable();
	protocol->handler(skb);
	local_bh_enable();
	return NF_STOLEN;
}

static unsigned int local_icmp(struct sipsec_net *sn, struct sk_buff *skb)
{
	struct sipsec_flow_key key;
	struct sipsec_flow *flow;

	if (!sipsec_packet_icmp_quote(skb, &key, false))
		return NF_ACCEPT;
	flow = sipsec_flow_find(sn, &key);
	if (!flow || sipsec_flow_gone(flow))
		return NF_ACCEPT;
	/* What we send on it leaves as ESP: nobody can have seen this to quote it. */
	return drop(flow->app, SIPSEC_A_STATS_IN_DROP_ICMP);
}

/* A packet in clear that is of no flow: not for a socket that has nothing but flows. */
static unsigned int unclaimed(struct net *net, struct sipsec_net *sn, const struct sk_buff *skb,
			      const struct sipsec_flow_key *key)
{
	struct sipsec_flow *flow;
	struct sock *sk;

	if (likely(!sipsec_flow_port_exclusive(sn, key)))
		return NF_ACCEPT;
	sk = udp4_lib_lookup(net, key->peer, key->peer_port, key->local, key->local_port,
			     inet_iif(skb));
	if (!sk)
		return NF_ACCEPT;
	flow = sipsec_flow_find_exclusive(sn, key, sk);
	sock_put(sk);
	return flow ? drop(flow->app, SIPSEC_A_STATS_IN_DROP_CLEAR) : NF_ACCEPT;
}

static unsigned int local_in(void *priv, struct sk_buff *skb, const struct nf_hook_state *state)
{
	struct sipsec_net *sn = sipsec_pernet(state->net);
	struct origin origin = origin_of(sn, skb);
	struct sipsec_flow *flow = NULL;
	struct sipsec_flow_key key;
	struct sipsec_group *group;
	bool with_ports;
	struct sock *sk;

	if (origin.sa)
		sipsec_group_saw_round(origin.group, origin.sa->round);
	if (ip_hdr(skb)->protocol == IPPROTO_ICMP && !origin.group)
		return local_icmp(sn, skb);
	with_ports = sipsec_packet_key(skb, &key, false);
	if (with_ports)
		flow = sipsec_flow_find(sn, &key);
	if (!flow || sipsec_flow_gone(flow)) {
		if (origin.group)
			return drop(origin.group->app, SIPSEC_A_STATS_IN_DROP_FLOW);
		return with_ports ? unclaimed(state->net, sn, skb, &key) : NF_ACCEPT;
	}

	group = rcu_dereference(flow->group);
	if (unlikely(!group))
		return drop(flow->app, SIPSEC_A_STATS_IN_DROP_CLOSED);
	if (unlikely(!origin.group))
		return drop(flow->app, SIPSEC_A_STATS_IN_DROP_CLEAR);
	if (unlikely(origin.group != group || !origin.sa))
		return drop(origin.group->app, SIPSEC_A_STATS_IN_DROP_FLOW);

	sk = receiver(state->net, flow, skb);
	if (unlikely(!sk))
		return drop(flow->app, SIPSEC_A_STATS_IN_DROP_SOCKET);
	sipsec_stats_inc(flow->app->stats, SIPSEC_A_STATS_IN_PACKETS);
	return deliver(skb, sk);
}

/* Destination NAT runs on decrypted packets: they must not leave the host. */
static unsigned int forward(void *priv, struct sk_buff *skb, const struct nf_hook_state *state)
{
	struct origin origin = origin_of(sipsec_pernet(state->net), skb);

	return origin.group ? drop(origin.group->app, SIPSEC_A_STATS_IN_DROP_FORWARD) : NF_ACCEPT;
}

static const struct nf_hook_ops in_hooks[] = {
	{
		.hook = local_in,
		.pf = NFPROTO_IPV4,
		.hooknum = NF_INET_LOCAL_IN,
		.priority = NF_IP_PRI_LAST,
	},
	{
		.hook = forward,
		.pf = NFPROTO_IPV4,
		.hooknum = NF_INET_FORWARD,
		.priority = NF_IP_PRI_FIRST,
	},
};

int sipsec_in_register(struct net *net)
{
	return nf_register_net_hooks(net, in_hooks, ARRAY_SIZE(in_hooks));
}

void sipsec_in_unregister(struct net *net)
{
	nf_unregister_net_hooks(net, in_hooks, ARRAY_SIZE(in_hooks));
}
