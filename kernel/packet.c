// SPDX-License-Identifier: GPL-2.0
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/ip.h>
#include <linux/skbuff.h>
#include <net/icmp.h>
#include <net/ip.h>
#include <net/ip6_fib.h>
#include <net/ipv6.h>

#include "address.h"
#include "packet.h"

/* Ports are the first two words of every transport header that has them. */
struct ports {
	__be16 source;
	__be16 dest;
};

/* The device whose link a packet is on, also if it goes to ourselves and so by the loopback one. */
static u32 link_of(const struct sk_buff *skb, bool sent)
{
	const struct inet6_dev *idev;

	if (!sent)
		return inet6_iif(skb);
	idev = skb_dst(skb) ? ip6_dst_idev(skb_dst(skb)) : NULL;
	return idev ? idev->dev->ifindex : 0;
}

static void without_ports(struct sipsec_packet *packet, enum sipsec_packet_kind kind)
{
	packet->kind = kind;
	packet->key.local_port = 0;
	packet->key.peer_port = 0;
}

/* The rest of the work on both families: @protocol is that of the header at packet->offset. */
static void classify(const struct sk_buff *skb, u8 protocol, u8 icmp, bool local_is_source,
		     struct sipsec_packet *packet)
{
	struct sipsec_flow_key *key = &packet->key;
	const struct ports *ports;
	struct ports buf;

	if (protocol != IPPROTO_UDP) {
		without_ports(packet, protocol == icmp ? SIPSEC_PACKET_ICMP : SIPSEC_PACKET_OTHER);
		return;
	}
	ports = skb_header_pointer(skb, packet->offset, sizeof(buf), &buf);
	if (!ports) {
		without_ports(packet, packet->partial ? SIPSEC_PACKET_CUT : SIPSEC_PACKET_OTHER);
		return;
	}
	packet->kind = SIPSEC_PACKET_FLOW;
	key->local_port = local_is_source ? ports->source : ports->dest;
	key->peer_port = local_is_source ? ports->dest : ports->source;
}

/* A source route as the socket layer makes it: the last address is in the option. */
static void route_v4(const struct sk_buff *skb, const struct iphdr *iph,
		     struct sipsec_packet *packet)
{
	const u8 *option = (const u8 *)iph + IPCB(skb)->opt.srr;
	__be32 final;

	memcpy(&final, option + option[1] - sizeof(final), sizeof(final));
	ipv6_addr_set_v4mapped(final, &packet->final);
	packet->routed = true;
}

static void parse_v4(const struct sk_buff *skb, const struct iphdr *iph, unsigned int offset,
		     bool local_is_source, bool quoted, struct sipsec_packet *packet)
{
	struct sipsec_flow_key *key = &packet->key;

	ipv6_addr_set_v4mapped(local_is_source ? iph->saddr : iph->daddr, &key->local);
	ipv6_addr_set_v4mapped(local_is_source ? iph->daddr : iph->saddr, &key->peer);
	key->ifindex = 0;
	packet->offset = offset + iph->ihl * 4;
	packet->partial = iph->frag_off & htons(IP_MF | IP_OFFSET);
	packet->routed = false;
	key->protocol = iph->protocol;
	if (unlikely(iph->frag_off & htons(IP_OFFSET)) && !quoted)
		without_ports(packet, SIPSEC_PACKET_LATER);
	else
		classify(skb, iph->protocol, IPPROTO_ICMP, local_is_source, packet);
}

/* In all types of the header that a socket may send the last address comes first. */
static void route_v6(const struct sk_buff *skb, unsigned int offset, struct sipsec_packet *packet)
{
	struct {
		struct ipv6_rt_hdr header;
		__be32 reserved;
		struct in6_addr final;
	} *route, buf;

	if (ipv6_find_hdr(skb, &offset, NEXTHDR_ROUTING, NULL, NULL) != NEXTHDR_ROUTING)
		return;
	route = skb_header_pointer(skb, offset, sizeof(buf), &buf);
	if (!route || ipv6_optlen(&route->header) < sizeof(buf))
		return;
	packet->final = route->final;
	packet->routed = true;
}

static void parse_v6(const struct sk_buff *skb, const struct ipv6hdr *iph, unsigned int offset,
		     bool sent, bool local_is_source, bool quoted, struct sipsec_packet *packet)
{
	struct sipsec_flow_key *key = &packet->key;
	unsigned int header = offset;
	int protocol = iph->nexthdr;
	/* What stands behind an AH is not the packet's before that is checked. */
	int flags = quoted ? 0 : IP6_FH_F_AUTH;
	unsigned short later = 0;

	key->local = local_is_source ? iph->saddr : iph->daddr;
	key->peer = local_is_source ? iph->daddr : iph->saddr;
	key->ifindex = sipsec_address_scoped(&key->local) || sipsec_address_scoped(&key->peer) ?
		       link_of(skb, sent) : 0;
	packet->routed = false;
	if (likely(!ipv6_ext_hdr(protocol))) {
		header += sizeof(*iph);
	} else {
		protocol = ipv6_find_hdr(skb, &header, -1, &later, &flags);
		if (local_is_source)
			route_v6(skb, offset, packet);
	}
	packet->offset = header;
	packet->partial = flags & IP6_FH_F_FRAG;
	key->protocol = protocol < 0 ? IPPROTO_NONE : protocol;
	if (unlikely(later))
		without_ports(packet, SIPSEC_PACKET_LATER);
	else if (unlikely(protocol < 0))
		without_ports(packet, packet->partial ? SIPSEC_PACKET_CUT : SIPSEC_PACKET_OTHER);
	else
		classify(skb, protocol, IPPROTO_ICMPV6, local_is_source, packet);
}

void sipsec_packet_parse(const struct sk_buff *skb, bool sent, struct sipsec_packet *packet)
{
	if (skb->protocol == htons(ETH_P_IPV6)) {
		parse_v6(skb, ipv6_hdr(skb), skb_network_offset(skb), sent, sent, false, packet);
		return;
	}
	parse_v4(skb, ip_hdr(skb), skb_network_offset(skb), sent, false, packet);
	if (unlikely(sent && IPCB(skb)->opt.srr))
		route_v4(skb, ip_hdr(skb), packet);
}

static bool quoted_v4(const struct sk_buff *skb, unsigned int offset, bool sent,
		      struct sipsec_packet *packet)
{
	const struct icmphdr *icmph;
	const struct iphdr *iph;
	struct icmphdr icmp_buf;
	struct iphdr ip_buf;

	icmph = skb_header_pointer(skb, offset, sizeof(icmp_buf), &icmp_buf);
	if (!icmph || !icmp_is_err(icmph->type))
		return false;
	offset += sizeof(*icmph);
	iph = skb_header_pointer(skb, offset, sizeof(ip_buf), &ip_buf);
	if (!iph || iph->ihl < 5)
		return false;
	/* We quote what we received, and are quoted what we sent. */
	parse_v4(skb, iph, offset, !sent, true, packet);
	return packet->kind != SIPSEC_PACKET_CUT;
}

static bool quoted_v6(const struct sk_buff *skb, unsigned int offset, bool sent,
		      struct sipsec_packet *packet)
{
	const struct icmp6hdr *icmph;
	const struct ipv6hdr *iph;
	struct icmp6hdr icmp_buf;
	struct ipv6hdr ip_buf;

	icmph = skb_header_pointer(skb, offset, sizeof(icmp_buf), &icmp_buf);
	if (!icmph || icmph->icmp6_type & ICMPV6_INFOMSG_MASK)
		return false;
	offset += sizeof(*icmph);
	iph = skb_header_pointer(skb, offset, sizeof(ip_buf), &ip_buf);
	if (!iph)
		return false;
	parse_v6(skb, iph, offset, sent, !sent, true, packet);
	return packet->kind != SIPSEC_PACKET_CUT;
}

bool sipsec_packet_quoted(const struct sk_buff *skb, const struct sipsec_packet *icmp, bool sent,
			  struct sipsec_packet *packet)
{
	if (skb->protocol == htons(ETH_P_IPV6))
		return quoted_v6(skb, icmp->offset, sent, packet);
	return quoted_v4(skb, icmp->offset, sent, packet);
}

struct sipsec_flow *sipsec_packet_claimed(struct sipsec_net *sn,
					  const struct sipsec_packet *packet)
{
	struct sipsec_flow *flow = sipsec_flow_match(sn, &packet->key);
	struct sipsec_flow_key key;

	if (unlikely(packet->routed && (!flow || sipsec_flow_gone(flow)))) {
		key = packet->key;
		key.peer = packet->final;
		flow = sipsec_flow_match(sn, &key);
	}
	return flow && !sipsec_flow_gone(flow) ? flow : NULL;
}
