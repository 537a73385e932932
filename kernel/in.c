// SPDX-License-Identifier: GPL-2.0
#include <linux/hash.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/ip.h>
#include <linux/netfilter.h>
#include <linux/netfilter_ipv4.h>
#include <linux/netfilter_ipv6.h>
#include <linux/udp.h>
#include <linux/unaligned.h>
#include <net/inet_sock.h>
#include <net/ip.h>
#include <net/ip6_checksum.h>
#include <net/ip6_route.h>
#include <net/ipv6.h>
#include <net/ndisc.h>
#include <net/netfilter/nf_conntrack.h>
#include <net/protocol.h>
#include <net/route.h>
#include <net/sock.h>
#include <net/udp.h>
#include <net/xfrm.h>

#include "address.h"
#include "app.h"
#include "flow.h"
#include "group.h"
#include "in.h"
#include "packet.h"
#include "pernet.h"
#include "sa.h"
#include "stats.h"
#include "trace.h"

static void count(const struct sk_buff *skb, struct sipsec_app *app, unsigned int reason)
{
	sipsec_stats_inc(app->stats, reason);
	trace_drop(skb, app, reason, false);
}

static unsigned int drop(const struct sk_buff *skb, struct sipsec_app *app, unsigned int reason)
{
	count(skb, app, reason);
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

static bool is_local(const struct sipsec_group *group, u16 family, const void *address)
{
	const __be32 *v4 = address;

	if (family != sipsec_address_family(&group->local))
		return false;
	return family == AF_INET ? *v4 == sipsec_address_v4(&group->local) :
				   ipv6_addr_equal(address, &group->local);
}

static struct origin origin_of(struct sipsec_net *sn, const struct sk_buff *skb)
{
	const struct sec_path *sp = skb_sec_path(skb);
	const struct xfrm_state *x;
	struct origin origin = {};
	int i;

	for (i = 0; sp && i < sp->len && !origin.group; i++) {
		x = sp->xvec[i];
		if (x->id.proto != IPPROTO_ESP && x->id.proto != IPPROTO_AH)
			continue;
		origin.group = sipsec_group_find_in(sn, x->id.proto, ntohl(x->id.spi));
		if (!origin.group)
			continue;
		if (!is_local(origin.group, x->props.family, &x->id.daddr)) {
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
	       sipsec_flow_fits_peer(sk, key) && !READ_ONCE(udp_sk(sk)->encap_type);
}

/* Returns the socket the stack would give the packet to, with a reference, or NULL. */
static struct sock *lookup(struct net *net, const struct sipsec_flow_key *key,
			   const struct sk_buff *skb)
{
	if (skb->protocol == htons(ETH_P_IPV6))
		return udp6_lib_lookup(net, &key->peer, key->peer_port, &key->local,
				       key->local_port, inet6_iif(skb));
	return udp4_lib_lookup(net, sipsec_address_v4(&key->peer), key->peer_port,
			       sipsec_address_v4(&key->local), key->local_port, inet_iif(skb));
}

/* Returns the socket a packet on the flow is for, with a reference, or NULL. */
static struct sock *receiver(struct net *net, const struct sipsec_flow *flow,
			     const struct sipsec_flow_key *key, const struct sk_buff *skb)
{
	struct sock *sk = flow->sk;

	if (sk) {
		if (!socket_open(sk, key) || !refcount_inc_not_zero(&sk->sk_refcnt))
			return NULL;
		return sk;
	}
	sk = lookup(net, key, skb);
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
 * Up to the transport header, as the stack itself would go there. False if the packet cannot be
 * delivered; it is freed then.
 */
static bool pull_headers(struct sk_buff *skb, struct sipsec_app *app, u8 protocol)
{
	const struct inet6_protocol *options;
	u8 next;

	if (skb->protocol == htons(ETH_P_IP)) {
		__skb_pull(skb, skb_network_header_len(skb));
		return true;
	}
	while (pskb_pull(skb, skb_transport_offset(skb))) {
		next = skb_network_header(skb)[IP6CB(skb)->nhoff];
		if (next == protocol) {
			skb_postpull_rcsum(skb, skb_network_header(skb),
					   skb_network_header_len(skb));
			return true;
		}
		if (next != NEXTHDR_DEST)
			break;
		options = rcu_dereference(inet6_protos[NEXTHDR_DEST]);
		if (options->handler(skb) <= 0)
			return false;
	}
	count(skb, app, SIPSEC_A_STATS_IN_DROP_FLOW);
	kfree_skb(skb);
	return false;
}

/*
 * Raw sockets get their copies after this hook, and a second look-up in
 * udp_rcv() could find another socket than the one that was checked: hand the
 * packet to that one here. Takes over the reference of @sk.
 */
static unsigned int deliver(struct sk_buff *skb, struct sipsec_app *app, struct sock *sk)
{
	if (!confirm(skb)) {
		sock_put(sk);
		return NF_DROP;
	}
	skb_orphan(skb);
	skb_clear_delivery_time(skb);
	/* A verdict on a queued packet brings us here in process context. */
	local_bh_disable();
	if (pull_headers(skb, app, IPPROTO_UDP)) {
		sipsec_stats_inc(app->stats, SIPSEC_A_STATS_IN_PACKETS);
		skb->sk = sk;
		skb->destructor = sock_edemux;
		if (skb->protocol == htons(ETH_P_IPV6))
			rcu_dereference(inet6_protos[IPPROTO_UDP])->handler(skb);
		else
			rcu_dereference(inet_protos[IPPROTO_UDP])->handler(skb);
	} else {
		sock_put(sk);
	}
	local_bh_enable();
	return NF_STOLEN;
}

static unsigned int local_icmp(struct sipsec_net *sn, struct sk_buff *skb,
			       const struct sipsec_packet *icmp)
{
	struct sipsec_packet quoted;
	struct sipsec_flow *flow;

	if (!sipsec_packet_quoted(skb, icmp, false, &quoted))
		return NF_ACCEPT;
	/* What we send on it leaves as ESP: nobody can have seen this to quote it. */
	flow = sipsec_packet_claimed(sn, &quoted);
	return flow ? drop(skb, flow->app, SIPSEC_A_STATS_IN_DROP_ICMP) : NF_ACCEPT;
}

/* Pieces of a packet that came through a tunnel may have joined others that did not. */
static bool reassembled(const struct sk_buff *skb)
{
	return skb->protocol == htons(ETH_P_IP) && IPCB(skb)->frag_max_size &&
	       skb_sec_path(skb)->xvec[0]->props.mode != XFRM_MODE_TRANSPORT;
}

static bool for_many(const struct sk_buff *skb)
{
	if (skb->protocol == htons(ETH_P_IPV6))
		return ipv6_addr_is_multicast(&ipv6_hdr(skb)->daddr);
	return skb_rtable(skb)->rt_flags & (RTCF_BROADCAST | RTCF_MULTICAST);
}

/*
 * A packet in clear that is of no flow: not for a socket that has nothing but flows. Which socket
 * is to get it is settled here: a program that chooses among sockets of one port, or a socket that
 * is closed meanwhile, would have the stack find another one than was looked at.
 */
static unsigned int unclaimed(struct net *net, struct sipsec_net *sn, struct sk_buff *skb,
			      const struct sipsec_flow_key *key)
{
	struct sipsec_app *app;

	if (likely(!sipsec_flow_port_exclusive(sn, key->local_port)))
		return NF_ACCEPT;
	if (!skb->sk) {
		/* It would go to each socket that has the port. */
		if (for_many(skb)) {
			sipsec_stats_inc(sn->stats, SIPSEC_A_STATS_IN_DROP_CLEAR);
			trace_drop(skb, NULL, SIPSEC_A_STATS_IN_DROP_CLEAR, false);
			return NF_DROP;
		}
		skb->sk = lookup(net, key, skb);
		if (!skb->sk)
			return NF_ACCEPT;
		skb->destructor = sock_edemux;
	}
	app = sipsec_flow_find_exclusive(sn, skb->sk);
	return app ? drop(skb, app, SIPSEC_A_STATS_IN_DROP_CLEAR) : NF_ACCEPT;
}

/* The same without ports: who gets a copy is not known before this hook is over. */
static unsigned int unclaimed_raw(struct sipsec_net *sn, const struct sk_buff *skb,
				  const struct sipsec_flow_key *key)
{
	struct sipsec_app *app = sipsec_flow_find_listener(sn, key);

	return app ? drop(skb, app, SIPSEC_A_STATS_IN_DROP_CLEAR) : NF_ACCEPT;
}

/*
 * Is the SA of no use any more? Where there is no policy the kernel would look at it for long, and
 * accept what came in transport mode, but refuse what came out of a tunnel.
 */
static bool judged(const struct net *net, const struct sk_buff *skb, const struct sock *sk)
{
	return skb_sec_path(skb)->xvec[0]->props.mode != XFRM_MODE_TRANSPORT ||
	       (!net->xfrm.policy_count[XFRM_POLICY_IN] &&
		!(sk && rcu_access_pointer(sk->sk_policy[XFRM_POLICY_IN])));
}

/* As a socket of the protocol finds it: from the transport header on, of IPv4 the whole packet. */
static void queue_raw(struct sock *sk, struct sk_buff *skb, u8 protocol)
{
	const struct ipv6hdr *iph = ipv6_hdr(skb);

	if (skb->protocol == htons(ETH_P_IP)) {
		skb_push(skb, -skb_network_offset(skb));
	} else if (raw6_sk(sk)->checksum) {
		skb->ip_summed = CHECKSUM_NONE;
		skb->csum = ~csum_unfold(csum_ipv6_magic(&iph->saddr, &iph->daddr, skb->len,
							 protocol, 0));
	} else {
		skb->ip_summed = CHECKSUM_UNNECESSARY;
	}
	sk->sk_backlog_rcv(sk, skb);
}

/*
 * All of a protocol goes to the raw socket that has the flow, or, where any socket may, to the
 * kernel's own receiver, or else to all raw sockets. Those of others would get copies after this
 * hook: hand it over here.
 */
static unsigned int deliver_whole(struct net *net, struct sk_buff *skb,
				  const struct sipsec_flow *flow)
{
	const u16 family = sipsec_address_family(&flow->key.local);
	const struct net_protocol *v4 = NULL;
	const struct inet6_protocol *v6 = NULL;
	const u8 protocol = flow->key.protocol;
	struct sipsec_app *app = flow->app;
	struct sock *sk = flow->sk;

	if (sk && (sock_flag(sk, SOCK_DEAD) || !sipsec_flow_fits_local(sk, &flow->key) ||
		   !sipsec_flow_fits_peer(sk, &flow->key)))
		return drop(skb, app, SIPSEC_A_STATS_IN_DROP_SOCKET);
	if (judged(net, skb, sk))
		secpath_reset(skb);
	if (family == AF_INET)
		v4 = rcu_dereference(inet_protos[protocol]);
	else
		v6 = rcu_dereference(inet6_protos[protocol]);
	if (!sk && !v4 && !v6) {
		sipsec_stats_inc(app->stats, SIPSEC_A_STATS_IN_PACKETS);
		return NF_ACCEPT;
	}
	if (!confirm(skb) || !xfrm_policy_check(sk, XFRM_POLICY_IN, skb, family))
		return NF_DROP;
	skb_orphan(skb);
	nf_reset_ct(skb);
	skb_clear_delivery_time(skb);
	local_bh_disable();
	if (pull_headers(skb, app, protocol)) {
		sipsec_stats_inc(app->stats, SIPSEC_A_STATS_IN_PACKETS);
		if (sk)
			queue_raw(sk, skb, protocol);
		else if (v4)
			v4->handler(skb);
		else
			v6->handler(skb);
	}
	local_bh_enable();
	return NF_STOLEN;
}

/* The UDP around a group's ESP is not of its flow of all UDP. */
static bool is_encap(const struct sipsec_flow *flow, const struct sipsec_group *group,
		     const struct sipsec_flow_key *key)
{
	return group->encap.port && !flow->key.local_port && key->protocol == IPPROTO_UDP &&
	       key->local_port == group->encap.port && key->peer_port == group->encap.peer_port;
}

static unsigned int local_in(void *priv, struct sk_buff *skb, const struct nf_hook_state *state)
{
	struct sipsec_net *sn = sipsec_pernet(state->net);
	struct origin origin = origin_of(sn, skb);
	struct sipsec_flow *flow = NULL;
	struct sipsec_packet packet;
	struct sipsec_group *group;
	struct sock *sk;

	if (origin.sa)
		sipsec_group_saw(origin.group, origin.sa);
	sipsec_packet_parse(skb, false, &packet);
	if (packet.kind == SIPSEC_PACKET_ICMP && !origin.group)
		return local_icmp(sn, skb, &packet);
	if (packet.kind == SIPSEC_PACKET_FLOW ||
	    (packet.kind == SIPSEC_PACKET_OTHER && READ_ONCE(sn->wildcards)))
		flow = sipsec_flow_match(sn, &packet.key);
	if (!flow || sipsec_flow_gone(flow)) {
		if (origin.group)
			return drop(skb, origin.group->app, SIPSEC_A_STATS_IN_DROP_FLOW);
		if (packet.kind == SIPSEC_PACKET_FLOW)
			return unclaimed(state->net, sn, skb, &packet.key);
		if (packet.kind == SIPSEC_PACKET_OTHER)
			return unclaimed_raw(sn, skb, &packet.key);
		/* IPv6 is reassembled after this hook: what it will be has to show (RFC 7112). */
		if (packet.kind == SIPSEC_PACKET_CUT) {
			sipsec_stats_inc(sn->stats, SIPSEC_A_STATS_IN_DROP_CLEAR);
			trace_drop(skb, NULL, SIPSEC_A_STATS_IN_DROP_CLEAR, false);
			return NF_DROP;
		}
		return NF_ACCEPT;
	}

	group = rcu_dereference(flow->group);
	if (unlikely(!group))
		return drop(skb, flow->app, SIPSEC_A_STATS_IN_DROP_CLOSED);
	if (unlikely(!origin.group) && is_encap(flow, group, &packet.key))
		return unclaimed(state->net, sn, skb, &packet.key);
	if (unlikely(!origin.group))
		return drop(skb, flow->app, SIPSEC_A_STATS_IN_DROP_CLEAR);
	if (unlikely(!sipsec_group_related(origin.group, group) || !origin.sa || packet.partial ||
		     reassembled(skb)))
		return drop(skb, origin.group->app, SIPSEC_A_STATS_IN_DROP_FLOW);

	if (sipsec_flow_whole(&flow->key))
		return deliver_whole(state->net, skb, flow);
	sk = receiver(state->net, flow, &packet.key, skb);
	if (unlikely(!sk))
		return drop(skb, flow->app, SIPSEC_A_STATS_IN_DROP_SOCKET);
	if (judged(state->net, skb, sk))
		secpath_reset(skb);
	return deliver(skb, flow->app, sk);
}

/* Destination NAT runs on decrypted packets: they must not leave the host. */
static unsigned int forward(void *priv, struct sk_buff *skb, const struct nf_hook_state *state)
{
	struct origin origin = origin_of(sipsec_pernet(state->net), skb);

	if (!origin.group)
		return NF_ACCEPT;
	return drop(skb, origin.group->app, SIPSEC_A_STATS_IN_DROP_FORWARD);
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
	{
		.hook = local_in,
		.pf = NFPROTO_IPV6,
		.hooknum = NF_INET_LOCAL_IN,
		.priority = NF_IP6_PRI_LAST,
	},
	{
		.hook = forward,
		.pf = NFPROTO_IPV6,
		.hooknum = NF_INET_FORWARD,
		.priority = NF_IP6_PRI_FIRST,
	},
};

static bool is_destination(const struct sipsec_group *group, const struct sk_buff *skb)
{
	if (skb->protocol == htons(ETH_P_IPV6))
		return is_local(group, AF_INET6, &ipv6_hdr(skb)->daddr);
	return is_local(group, AF_INET, &ip_hdr(skb)->daddr);
}

/* Before xfrm looks for a state: a packet of a group's block whose round has no SA yet. */
static int rcv(struct sk_buff *skb, u8 proto, int offset)
{
	struct sipsec_net *sn = sipsec_pernet(dev_net(skb->dev));
	struct sipsec_group *group;
	struct sipsec_sa *sa;
	__be32 buf;
	const __be32 *spi = skb_header_pointer(skb, offset, sizeof(buf), &buf);

	group = spi ? sipsec_group_find_in(sn, proto, ntohl(*spi)) : NULL;
	if (!group || !is_destination(group, skb))
		return -EINVAL;
	sa = likely(READ_ONCE(group->bound)) ? sipsec_group_sa_in(group, ntohl(*spi)) : NULL;
	if (likely(sa)) {
		if (unlikely(sipsec_sa_gone(sa)))
			sipsec_group_miss(group, sa);
		return -EINVAL;
	}
	return sipsec_group_hold(group, skb, ntohl(*spi)) ? 0 : -EINVAL;
}

static int esp_rcv(struct sk_buff *skb)
{
	return rcv(skb, IPPROTO_ESP, offsetof(struct ip_esp_hdr, spi));
}

static int ah_rcv(struct sk_buff *skb)
{
	return rcv(skb, IPPROTO_AH, offsetof(struct ip_auth_hdr, spi));
}

/* The same of what was in UDP, whose header is pulled. */
static int esp_input(struct sk_buff *skb, int nexthdr, __be32 spi, int encap_type)
{
	return encap_type == UDP_ENCAP_ESPINUDP ? esp_rcv(skb) : -EINVAL;
}

static int ah_input(struct sk_buff *skb, int nexthdr, __be32 spi, int encap_type)
{
	return -EINVAL;
}

/*
 * After decryption. GRO compares addresses, ports and hashes, but not what a packet came by: behind
 * the head of one SA could stand what another one, or somebody else's, has let in.
 */
static int sa_cb(struct sk_buff *skb, int err)
{
	const struct xfrm_state *x = err ? NULL : xfrm_input_state(skb);

	if (x && x->props.flags & XFRM_STATE_WILDRECV)
		skb_set_hash(skb, hash32_ptr(x) ^ x->props.reqid, PKT_HASH_TYPE_L4);
	return 1;
}

/* Where the SPI is in the first 8 octets, which every ICMP error quotes. */
static u32 quoted_spi(const u8 *header, u8 proto)
{
	const size_t offset = proto == IPPROTO_AH ? offsetof(struct ip_auth_hdr, spi) :
						    offsetof(struct ip_esp_hdr, spi);

	return get_unaligned_be32(header + offset);
}

/*
 * News of the path of what we sent, whose SAs the kernel's own handlers would not find in the SAD.
 * Only who has seen such a packet knows its SPI. (What quotes ESP in UDP is news for the socket of
 * its port: the kernel's UDP finds that, and tells the route.)
 */
static int sa_err(struct sk_buff *skb, u32 info)
{
	const struct iphdr *iph = (const struct iphdr *)skb->data;
	const u32 spi = quoted_spi(skb->data + iph->ihl * 4, iph->protocol);
	const struct icmphdr *icmph = icmp_hdr(skb);
	struct net *net = dev_net(skb->dev);
	struct in6_addr local, peer;

	ipv6_addr_set_v4mapped(iph->saddr, &local);
	ipv6_addr_set_v4mapped(iph->daddr, &peer);
	if (!sipsec_group_sent(sipsec_pernet(net), &local, &peer, iph->protocol, spi))
		return -ENOENT;
	if (icmph->type == ICMP_DEST_UNREACH && icmph->code == ICMP_FRAG_NEEDED)
		ipv4_update_pmtu(skb, net, info, 0, iph->protocol);
	else if (icmph->type == ICMP_REDIRECT)
		ipv4_redirect(skb, net, 0, iph->protocol);
	return 0;
}

static int err_v6(struct sk_buff *skb, u8 type, int offset, __be32 info, u8 proto)
{
	const struct ipv6hdr *iph = (const struct ipv6hdr *)skb->data;
	const u32 spi = quoted_spi(skb->data + offset, proto);
	struct net *net = dev_net(skb->dev);

	if (!sipsec_group_sent(sipsec_pernet(net), &iph->saddr, &iph->daddr, proto, spi))
		return -ENOENT;
	if (type == ICMPV6_PKT_TOOBIG)
		ip6_update_pmtu(skb, net, info, 0, 0, sock_net_uid(net, NULL));
	else if (type == NDISC_REDIRECT)
		ip6_redirect(skb, net, skb->dev->ifindex, 0, sock_net_uid(net, NULL));
	return 0;
}

static int esp_err_v6(struct sk_buff *skb, struct inet6_skb_parm *opt, u8 type, u8 code,
		      int offset, __be32 info)
{
	return err_v6(skb, type, offset, info, IPPROTO_ESP);
}

static int ah_err_v6(struct sk_buff *skb, struct inet6_skb_parm *opt, u8 type, u8 code,
		     int offset, __be32 info)
{
	return err_v6(skb, type, offset, info, IPPROTO_AH);
}

/* The kernel's own are 0, 10 and 100; each has to be another. */
#define PRIORITY	200

#define PROTOCOL(rcv, input, err) { \
	.handler = rcv, .input_handler = input, .cb_handler = sa_cb, .err_handler = err, \
	.priority = PRIORITY, \
}

static struct xfrm4_protocol esp_protocol = PROTOCOL(esp_rcv, esp_input, sa_err);
static struct xfrm4_protocol ah_protocol = PROTOCOL(ah_rcv, ah_input, sa_err);
static struct xfrm6_protocol esp_protocol_v6 = PROTOCOL(esp_rcv, esp_input, esp_err_v6);
static struct xfrm6_protocol ah_protocol_v6 = PROTOCOL(ah_rcv, ah_input, ah_err_v6);

int sipsec_in_init(void)
{
	int err;

	err = xfrm4_protocol_register(&esp_protocol, IPPROTO_ESP);
	if (err)
		return err;
	err = xfrm4_protocol_register(&ah_protocol, IPPROTO_AH);
	if (err)
		goto err_esp;
	err = xfrm6_protocol_register(&esp_protocol_v6, IPPROTO_ESP);
	if (err)
		goto err_ah;
	err = xfrm6_protocol_register(&ah_protocol_v6, IPPROTO_AH);
	if (err)
		goto err_esp_v6;
	return 0;

err_esp_v6:
	xfrm6_protocol_deregister(&esp_protocol_v6, IPPROTO_ESP);
err_ah:
	xfrm4_protocol_deregister(&ah_protocol, IPPROTO_AH);
err_esp:
	xfrm4_protocol_deregister(&esp_protocol, IPPROTO_ESP);
	return err;
}

void sipsec_in_exit(void)
{
	xfrm6_protocol_deregister(&ah_protocol_v6, IPPROTO_AH);
	xfrm6_protocol_deregister(&esp_protocol_v6, IPPROTO_ESP);
	xfrm4_protocol_deregister(&ah_protocol, IPPROTO_AH);
	xfrm4_protocol_deregister(&esp_protocol, IPPROTO_ESP);
}

int sipsec_in_register(struct net *net)
{
	return nf_register_net_hooks(net, in_hooks, ARRAY_SIZE(in_hooks));
}

void sipsec_in_unregister(struct net *net)
{
	nf_unregister_net_hooks(net, in_hooks, ARRAY_SIZE(in_hooks));
}
