// SPDX-License-Identifier: GPL-2.0
#include <linux/icmp.h>
#include <linux/ip.h>
#include <linux/skbuff.h>
#include <net/icmp.h>
#include <net/ip.h>

#include "flow.h"
#include "packet.h"

/* Ports are the first two words of every transport header that has them. */
struct ports {
	__be16 source;
	__be16 dest;
};

static bool fill(const struct sk_buff *skb, const struct iphdr *iph, int offset,
		 struct sipsec_flow_key *key, bool local_is_source)
{
	const struct ports *ports;
	struct ports buf;

	if (iph->protocol != IPPROTO_UDP || (iph->frag_off & htons(IP_OFFSET)))
		return false;
	ports = skb_header_pointer(skb, offset + iph->ihl * 4, sizeof(buf), &buf);
	if (!ports)
		return false;
	if (local_is_source) {
		key->local = iph->saddr;
		key->peer = iph->daddr;
		key->local_port = ports->source;
		key->peer_port = ports->dest;
	} else {
		key->local = iph->daddr;
		key->peer = iph->saddr;
		key->local_port = ports->dest;
		key->peer_port = ports->source;
	}
	key->protocol = iph->protocol;
	return true;
}

bool sipsec_packet_key(const struct sk_buff *skb, struct sipsec_flow_key *key, bool sent)
{
	return fill(skb, ip_hdr(skb), skb_network_offset(skb), key, sent);
}

bool sipsec_packet_icmp_quote(const struct sk_buff *skb, struct sipsec_flow_key *key, bool sent)
{
	int offset = skb_network_offset(skb) + ip_hdrlen(skb);
	const struct icmphdr *icmph;
	const struct iphdr *iph;
	struct icmphdr icmp_buf;
	struct iphdr ip_buf;

	if (ip_hdr(skb)->frag_off & htons(IP_OFFSET))
		return false;
	icmph = skb_header_pointer(skb, offset, sizeof(icmp_buf), &icmp_buf);
	if (!icmph || !icmp_is_err(icmph->type))
		return false;
	offset += sizeof(*icmph);
	iph = skb_header_pointer(skb, offset, sizeof(ip_buf), &ip_buf);
	if (!iph || iph->ihl < 5)
		return false;
	/* We quote what we received, and are quoted what we sent. */
	return fill(skb, iph, offset, key, !sent);
}
