// SPDX-License-Identifier: GPL-2.0
/* 5-tuples of packets made by hand. */
#include <kunit/test.h>
#include <linux/icmp.h>
#include <linux/icmpv6.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/skbuff.h>
#include <net/ip.h>
#include <net/ipv6.h>

#include "address.h"
#include "flow.h"
#include "packet.h"

#define SOURCE		0xc0000201	/* 192.0.2.1 */
#define DEST		0xc6336402	/* 198.51.100.2 */
#define SOURCE_PORT	0x1234
#define DEST_PORT	0x5678
#define MAC_LEN		14
#define DEVICE		7

static const struct in6_addr source_v6 = { { { 0x20, 0x01, 0x0d, 0xb8, [15] = 1 } } };
static const struct in6_addr dest_v6 = { { { 0x20, 0x01, 0x0d, 0xb8, [15] = 2 } } };
static const struct in6_addr link_local = { { { 0xfe, 0x80, [15] = 3 } } };

/**
 * struct ip_packet - an IPv4 packet, or the one an ICMP error quotes
 * @words: length of the header; 5 if 0
 * @protocol: UDP if 0
 * @frag_off: flags and offset, host byte order
 * @payload: octets after the header; 16 if 0, none if negative
 */
struct ip_packet {
	u8 words;
	u8 protocol;
	u16 frag_off;
	int payload;
};

static const struct packet_case {
	const char *desc;
	struct ip_packet ip;
	enum sipsec_packet_kind kind;
	bool partial;
} packet_table[] = {
	{ "UDP", {}, SIPSEC_PACKET_FLOW },
	{ "UDP, header only", { .payload = 8 }, SIPSEC_PACKET_FLOW },
	{ "ports only", { .payload = 4 }, SIPSEC_PACKET_FLOW },
	{ "cut off in the ports", { .payload = 3 }, SIPSEC_PACKET_OTHER },
	{ "cut off after the IP header", { .payload = -1 }, SIPSEC_PACKET_OTHER },
	{ "one word of options", { .words = 6 }, SIPSEC_PACKET_FLOW },
	{ "all options", { .words = 15 }, SIPSEC_PACKET_FLOW },
	{ "all options, cut off", { .words = 15, .payload = 3 }, SIPSEC_PACKET_OTHER },
	{ "do not fragment", { .frag_off = IP_DF }, SIPSEC_PACKET_FLOW },
	{ "first fragment", { .frag_off = IP_MF }, SIPSEC_PACKET_FLOW, true },
	{ "first fragment, cut off", { .frag_off = IP_MF, .payload = 3 }, SIPSEC_PACKET_CUT, true },
	{ "first fragment of TCP", { .protocol = IPPROTO_TCP, .frag_off = IP_MF },
	  SIPSEC_PACKET_OTHER, true },
	{ "second fragment", { .frag_off = IP_MF | 1 }, SIPSEC_PACKET_LATER, true },
	{ "last fragment", { .frag_off = 185 }, SIPSEC_PACKET_LATER, true },
	{ "fragment at the end", { .frag_off = IP_OFFSET }, SIPSEC_PACKET_LATER, true },
	{ "TCP", { .protocol = IPPROTO_TCP }, SIPSEC_PACKET_OTHER },
	{ "ESP", { .protocol = IPPROTO_ESP }, SIPSEC_PACKET_OTHER },
	{ "ICMP", { .protocol = IPPROTO_ICMP }, SIPSEC_PACKET_ICMP },
	{ "ICMPv6", { .protocol = IPPROTO_ICMPV6 }, SIPSEC_PACKET_OTHER },
	{ "UDP-Lite", { .protocol = IPPROTO_UDPLITE }, SIPSEC_PACKET_OTHER },
};

KUNIT_ARRAY_PARAM_DESC(packet, packet_table, desc);

/* A header of type 0 is not the end of the table. */
#define HOP	(NEXTHDR_HOP | 1 << 16)
#define FIRST	(NEXTHDR_FRAGMENT | IP6_MF << 8)
#define LATER	(NEXTHDR_FRAGMENT | 8 << 8)

/**
 * struct v6_packet - an IPv6 packet
 * @headers: what follows the header: extension headers, also HOP, FIRST and LATER, and the
 *	transport; UDP alone if there are none
 * @payload: octets of the transport; 16 if 0, none if negative
 * @cut: octets that the packet is shorter by
 */
struct v6_packet {
	u32 headers[6];
	int payload;
	unsigned int cut;
};

static const struct v6_case {
	const char *desc;
	struct v6_packet ip;
	enum sipsec_packet_kind kind;
	bool partial;
	u8 protocol;	/* UDP if 0 */
} v6_table[] = {
	{ "UDP", {}, SIPSEC_PACKET_FLOW },
	{ "ports only", { .payload = 4 }, SIPSEC_PACKET_FLOW },
	{ "cut off in the ports", { .payload = 3 }, SIPSEC_PACKET_OTHER },
	{ "cut off after the header", { .payload = -1 }, SIPSEC_PACKET_OTHER },
	{ "hop-by-hop", { { HOP, IPPROTO_UDP } }, SIPSEC_PACKET_FLOW },
	{ "options", { { NEXTHDR_DEST, IPPROTO_UDP } }, SIPSEC_PACKET_FLOW },
	{ "four headers", { { HOP, NEXTHDR_DEST, NEXTHDR_ROUTING, NEXTHDR_DEST,
	  IPPROTO_UDP } }, SIPSEC_PACKET_FLOW },
	{ "options, cut off", { { NEXTHDR_DEST, IPPROTO_UDP }, -1, 7 }, SIPSEC_PACKET_OTHER,
	  .protocol = NEXTHDR_NONE },
	{ "options, ports cut off", { { NEXTHDR_DEST, IPPROTO_UDP }, 3 }, SIPSEC_PACKET_OTHER },
	{ "ICMPv6", { { IPPROTO_ICMPV6 } }, SIPSEC_PACKET_ICMP, .protocol = IPPROTO_ICMPV6 },
	{ "options, ICMPv6", { { NEXTHDR_DEST, IPPROTO_ICMPV6 } }, SIPSEC_PACKET_ICMP,
	  .protocol = IPPROTO_ICMPV6 },
	{ "ICMP", { { IPPROTO_ICMP } }, SIPSEC_PACKET_OTHER, .protocol = IPPROTO_ICMP },
	{ "TCP", { { IPPROTO_TCP } }, SIPSEC_PACKET_OTHER, .protocol = IPPROTO_TCP },
	{ "ESP", { { IPPROTO_ESP } }, SIPSEC_PACKET_OTHER, .protocol = IPPROTO_ESP },
	{ "AH", { { NEXTHDR_AUTH, IPPROTO_UDP } }, SIPSEC_PACKET_OTHER, .protocol = NEXTHDR_AUTH },
	{ "options, AH", { { NEXTHDR_DEST, NEXTHDR_AUTH, IPPROTO_UDP } }, SIPSEC_PACKET_OTHER,
	  .protocol = NEXTHDR_AUTH },
	{ "nothing", { { NEXTHDR_NONE } }, SIPSEC_PACKET_OTHER, .protocol = NEXTHDR_NONE },
	{ "whole in a fragment", { { NEXTHDR_FRAGMENT, IPPROTO_UDP } }, SIPSEC_PACKET_FLOW, true },
	{ "first fragment", { { FIRST, IPPROTO_UDP } }, SIPSEC_PACKET_FLOW, true },
	{ "first fragment, options", { { HOP, FIRST, NEXTHDR_DEST, IPPROTO_UDP } },
	  SIPSEC_PACKET_FLOW, true },
	{ "first fragment, cut off in the ports", { { FIRST, IPPROTO_UDP }, 3 },
	  SIPSEC_PACKET_CUT, true },
	{ "first fragment, cut off in the options", { { FIRST, NEXTHDR_DEST, IPPROTO_UDP }, -1, 7 },
	  SIPSEC_PACKET_CUT, true, NEXTHDR_NONE },
	{ "first fragment of ESP", { { FIRST, IPPROTO_ESP } }, SIPSEC_PACKET_OTHER, true,
	  IPPROTO_ESP },
	{ "later fragment", { { LATER, IPPROTO_UDP } }, SIPSEC_PACKET_LATER, true },
	{ "later fragment, options", { { NEXTHDR_DEST, LATER, IPPROTO_UDP } },
	  SIPSEC_PACKET_LATER, true },
	{ "later fragment of options", { { LATER, NEXTHDR_DEST, IPPROTO_UDP } },
	  SIPSEC_PACKET_CUT, true, NEXTHDR_NONE },
};

KUNIT_ARRAY_PARAM_DESC(v6, v6_table, desc);

static const struct quote_case {
	const char *desc;
	struct ip_packet outer;
	u8 type;
	struct ip_packet inner;
	bool found;
	bool no_ports;
	/* Octets that the packet is shorter by. */
	unsigned int cut;
} quote_table[] = {
	{ "unreachable", {}, ICMP_DEST_UNREACH, {}, true },
	{ "time exceeded", {}, ICMP_TIME_EXCEEDED, {}, true },
	{ "redirect", {}, ICMP_REDIRECT, {}, true },
	{ "source quench", {}, ICMP_SOURCE_QUENCH, {}, true },
	{ "parameter problem", {}, ICMP_PARAMETERPROB, {}, true },
	{ "echo", {}, ICMP_ECHO, {} },
	{ "echo reply", {}, ICMP_ECHOREPLY, {} },
	{ "timestamp", {}, ICMP_TIMESTAMP, {} },
	{ "options outside", { .words = 15 }, ICMP_DEST_UNREACH, {}, true },
	{ "options inside", {}, ICMP_DEST_UNREACH, { .words = 15 }, true },
	{ "options inside, cut off", {}, ICMP_DEST_UNREACH, { .words = 15, .payload = -1 },
	  true, true },
	{ "header too short", {}, ICMP_DEST_UNREACH, { .words = 4 } },
	{ "quotes a first fragment", {}, ICMP_DEST_UNREACH, { .frag_off = IP_MF }, true },
	{ "quotes a later fragment", {}, ICMP_DEST_UNREACH, { .frag_off = 1 }, true },
	{ "quotes TCP", {}, ICMP_DEST_UNREACH, { .protocol = IPPROTO_TCP }, true, true },
	{ "quotes 8 octets", {}, ICMP_DEST_UNREACH, { .payload = 8 }, true },
	{ "quotes ports only", {}, ICMP_DEST_UNREACH, { .payload = 4 }, true },
	{ "cut off in the ports", {}, ICMP_DEST_UNREACH, { .payload = 3 }, true, true },
	{ "cut off in the quoted header", {}, ICMP_DEST_UNREACH, { .payload = -1 }, .cut = 1 },
	{ "cut off before it", {}, ICMP_DEST_UNREACH, { .payload = -1 }, .cut = 20 },
	{ "cut off in the ICMP header", {}, ICMP_DEST_UNREACH, { .payload = -1 }, .cut = 21 },
	{ "no ICMP header", {}, ICMP_DEST_UNREACH, { .payload = -1 }, .cut = 28 },
	{ "first fragment", { .frag_off = IP_MF }, ICMP_DEST_UNREACH, {}, true },
	{ "later fragment", { .frag_off = 1 }, ICMP_DEST_UNREACH, {} },
};

KUNIT_ARRAY_PARAM_DESC(quote, quote_table, desc);

/* Fill in the header and the ports after it; returns the octets written. */
static unsigned int put_ip(u8 *p, const struct ip_packet *ip, u8 protocol, int payload)
{
	unsigned int header_len = (ip->words ?: 5) * 4;
	struct iphdr iph = {
		.version = 4,
		.ihl = ip->words ?: 5,
		.protocol = ip->protocol ?: protocol,
		.frag_off = htons(ip->frag_off),
		.saddr = htonl(SOURCE),
		.daddr = htonl(DEST),
	};
	const u8 transport[16] = { SOURCE_PORT >> 8, SOURCE_PORT & 0xff,
				   DEST_PORT >> 8, DEST_PORT & 0xff };

	/* Options that read as ports would be taken for them. */
	memset(p, 0x5a, header_len);
	memcpy(p, &iph, sizeof(iph));
	memcpy(p + max_t(unsigned int, header_len, sizeof(iph)), transport, payload);
	return max_t(unsigned int, header_len, sizeof(iph)) + payload;
}

static int payload_of(const struct ip_packet *ip)
{
	return ip->payload ? max(ip->payload, 0) : 16;
}

enum shape { LINEAR, PAGED, BEHIND_MAC };

static struct sk_buff *make_skb(struct kunit *test, __be16 protocol, const u8 *data,
				unsigned int len, unsigned int linear, enum shape shape)
{
	unsigned int mac_len = shape == BEHIND_MAC ? MAC_LEN : 0;
	struct sk_buff *skb;
	struct page *page;

	if (shape != PAGED)
		linear = len;
	skb = alloc_skb(mac_len + linear, GFP_KERNEL);
	KUNIT_ASSERT_NOT_NULL(test, skb);
	skb_put_zero(skb, mac_len);
	skb_set_network_header(skb, mac_len);
	skb->protocol = protocol;
	IP6CB(skb)->iif = DEVICE;
	skb_put_data(skb, data, linear);
	if (len > linear) {
		page = alloc_page(GFP_KERNEL);
		if (!page) {
			kfree_skb(skb);
			KUNIT_ASSERT_NOT_NULL(test, page);
		}
		memcpy(page_address(page), data + linear, len - linear);
		skb_add_rx_frag(skb, 0, page, 0, len - linear, PAGE_SIZE);
	}
	return skb;
}

static void expect_ports(struct kunit *test, const struct sipsec_flow_key *key,
			 bool local_is_source)
{
	KUNIT_EXPECT_EQ(test, ntohs(key->local_port), local_is_source ? SOURCE_PORT : DEST_PORT);
	KUNIT_EXPECT_EQ(test, ntohs(key->peer_port), local_is_source ? DEST_PORT : SOURCE_PORT);
	KUNIT_EXPECT_EQ(test, key->protocol, IPPROTO_UDP);
}

static void expect_none(struct kunit *test, const struct sipsec_flow_key *key, u8 protocol)
{
	KUNIT_EXPECT_EQ(test, ntohs(key->local_port), 0);
	KUNIT_EXPECT_EQ(test, ntohs(key->peer_port), 0);
	KUNIT_EXPECT_EQ(test, key->protocol, protocol);
}

static void expect_v4(struct kunit *test, const struct sipsec_flow_key *key, bool local_is_source)
{
	KUNIT_EXPECT_EQ(test, sipsec_address_family(&key->local), AF_INET);
	KUNIT_EXPECT_EQ(test, sipsec_address_family(&key->peer), AF_INET);
	KUNIT_EXPECT_EQ(test, ntohl(sipsec_address_v4(&key->local)),
			local_is_source ? SOURCE : DEST);
	KUNIT_EXPECT_EQ(test, ntohl(sipsec_address_v4(&key->peer)),
			local_is_source ? DEST : SOURCE);
	KUNIT_EXPECT_EQ(test, key->ifindex, 0);
}

static void packet_parse(struct kunit *test)
{
	const struct packet_case *c = test->param_value;
	unsigned int header_len = (c->ip.words ?: 5) * 4;
	struct sipsec_packet packet;
	struct sk_buff *skb;
	enum shape shape;
	unsigned int len;
	u8 data[80];
	int sent;

	len = put_ip(data, &c->ip, IPPROTO_UDP, payload_of(&c->ip));
	for (shape = LINEAR; shape <= BEHIND_MAC; shape++) {
		for (sent = 0; sent < 2; sent++) {
			/* What was there before must not show through the padding. */
			memset(&packet, 0xff, sizeof(packet));
			skb = make_skb(test, htons(ETH_P_IP), data, len, header_len, shape);
			sipsec_packet_parse(skb, sent, &packet);
			KUNIT_EXPECT_EQ(test, packet.kind, c->kind);
			KUNIT_EXPECT_EQ(test, packet.partial, c->partial);
			KUNIT_EXPECT_FALSE(test, packet.routed);
			KUNIT_EXPECT_EQ(test, packet.offset,
					skb_network_offset(skb) + header_len);
			kfree_skb(skb);
			expect_v4(test, &packet.key, sent);
			if (c->kind == SIPSEC_PACKET_FLOW)
				expect_ports(test, &packet.key, sent);
			else
				expect_none(test, &packet.key, c->ip.protocol ?: IPPROTO_UDP);
		}
	}
}

/* Returns the octets written. */
static unsigned int put_v6(u8 *p, const struct v6_packet *ip)
{
	const u8 transport[16] = { SOURCE_PORT >> 8, SOURCE_PORT & 0xff,
				   DEST_PORT >> 8, DEST_PORT & 0xff };
	const u32 *header = ip->headers;
	struct ipv6hdr iph = {
		.version = 6,
		.nexthdr = *header ? (u8)*header : IPPROTO_UDP,
		.saddr = source_v6,
		.daddr = dest_v6,
	};
	int payload = ip->payload ? max(ip->payload, 0) : 16;
	u8 *end = p + sizeof(iph);

	memcpy(p, &iph, sizeof(iph));
	/* All but the last are extension headers: 8 octets, an AH has 24. */
	for (; header[0] && header[1]; header++) {
		memset(end, 0, 24);
		end[0] = header[1];
		if ((u8)header[0] == NEXTHDR_FRAGMENT) {
			end[3] = header[0] >> 8;
		} else if (header[0] == NEXTHDR_AUTH) {
			end[1] = 4;
			end += 16;
		}
		end += 8;
	}
	memcpy(end, transport, payload);
	return end + payload - p - ip->cut;
}

static void packet_parse_v6(struct kunit *test)
{
	const struct v6_case *c = test->param_value;
	struct sipsec_packet packet;
	struct sk_buff *skb;
	enum shape shape;
	unsigned int len;
	u8 data[160];
	int sent;

	len = put_v6(data, &c->ip);
	for (shape = LINEAR; shape <= BEHIND_MAC; shape++) {
		for (sent = 0; sent < 2; sent++) {
			memset(&packet, 0xff, sizeof(packet));
			skb = make_skb(test, htons(ETH_P_IPV6), data, len, sizeof(struct ipv6hdr),
				       shape);
			sipsec_packet_parse(skb, sent, &packet);
			KUNIT_EXPECT_EQ(test, packet.kind, c->kind);
			KUNIT_EXPECT_EQ(test, packet.partial, c->partial);
			KUNIT_EXPECT_FALSE(test, packet.routed);
			KUNIT_EXPECT_EQ(test, packet.key.ifindex, 0);
			KUNIT_EXPECT_TRUE(test, ipv6_addr_equal(&packet.key.local,
								sent ? &source_v6 : &dest_v6));
			KUNIT_EXPECT_TRUE(test, ipv6_addr_equal(&packet.key.peer,
								sent ? &dest_v6 : &source_v6));
			if (c->kind == SIPSEC_PACKET_FLOW) {
				KUNIT_EXPECT_EQ(test, packet.offset, skb_network_offset(skb) + len -
						(c->ip.payload ?: 16));
				expect_ports(test, &packet.key, sent);
			} else {
				expect_none(test, &packet.key, c->protocol ?: IPPROTO_UDP);
			}
			kfree_skb(skb);
		}
	}
}

/* A link-local address is one of many without its link. */
static void packet_link(struct kunit *test)
{
	const struct v6_packet udp = {};
	struct sipsec_packet packet;
	struct sk_buff *skb;
	unsigned int len;
	u8 data[160];
	int which;

	for (which = 0; which < 2; which++) {
		len = put_v6(data, &udp);
		memcpy(data + (which ? offsetof(struct ipv6hdr, saddr) :
				       offsetof(struct ipv6hdr, daddr)), &link_local,
		       sizeof(link_local));
		skb = make_skb(test, htons(ETH_P_IPV6), data, len, len, LINEAR);
		sipsec_packet_parse(skb, false, &packet);
		kfree_skb(skb);
		KUNIT_EXPECT_EQ(test, packet.kind, SIPSEC_PACKET_FLOW);
		KUNIT_EXPECT_EQ(test, packet.key.ifindex, DEVICE);
	}
}

/* Where a packet goes in the end is in its routing header, or in its options. */
static void packet_routed_v6(struct kunit *test)
{
	const struct ipv6hdr iph = { .version = 6, .nexthdr = NEXTHDR_DEST };
	struct {
		struct ipv6hdr iph;
		u8 options[8];
		struct ipv6_rt_hdr route;
		u8 reserved[4];
		struct in6_addr final;
		u8 udp[8];
	} __packed data = { .iph = iph, .options = { NEXTHDR_ROUTING },
			    .route = { IPPROTO_UDP, 2, IPV6_SRCRT_TYPE_4, 1 },
			    .final = link_local };
	struct sipsec_packet packet;
	unsigned int len, hdrlen;
	struct sk_buff *skb;
	enum shape shape;
	bool whole;
	int sent;

	for (shape = LINEAR; shape <= BEHIND_MAC; shape++) {
		for (hdrlen = 0; hdrlen <= 2; hdrlen++) {
			for (sent = 0; sent < 2; sent++) {
				data.route.hdrlen = hdrlen;
				len = offsetof(typeof(data), udp) - (hdrlen == 1);
				skb = make_skb(test, htons(ETH_P_IPV6), (const u8 *)&data, len,
					       sizeof(iph), shape);
				memset(&packet, 0xff, sizeof(packet));
				sipsec_packet_parse(skb, sent, &packet);
				kfree_skb(skb);
				/* It is not there for whoever has received the packet. */
				whole = sent && hdrlen == 2;
				KUNIT_EXPECT_EQ(test, packet.routed, whole);
				if (whole)
					KUNIT_EXPECT_TRUE(test, ipv6_addr_equal(&packet.final,
										&link_local));
			}
		}
	}
}

static void packet_routed(struct kunit *test)
{
	const u8 route[8] = { IPOPT_LSRR, 7, 4, 203, 0, 113, 9 };
	const struct ip_packet ip = { .words = 7 };
	struct sipsec_packet packet;
	struct sk_buff *skb;
	unsigned int len;
	u8 data[80];
	int sent;

	len = put_ip(data, &ip, IPPROTO_UDP, 16);
	memcpy(data + sizeof(struct iphdr), route, sizeof(route));
	for (sent = 0; sent < 2; sent++) {
		skb = make_skb(test, htons(ETH_P_IP), data, len, len, LINEAR);
		IPCB(skb)->opt.srr = sizeof(struct iphdr);
		sipsec_packet_parse(skb, sent, &packet);
		kfree_skb(skb);
		KUNIT_EXPECT_EQ(test, packet.routed, sent);
		if (sent)
			KUNIT_EXPECT_EQ(test, ntohl(sipsec_address_v4(&packet.final)), 0xcb007109);
	}
}

static void packet_quoted(struct kunit *test)
{
	const struct quote_case *c = test->param_value;
	unsigned int header_len = (c->outer.words ?: 5) * 4;
	const struct icmphdr icmph = { .type = c->type };
	struct sipsec_packet icmp, quoted;
	struct sk_buff *skb;
	enum shape shape;
	unsigned int len;
	u8 data[160];
	bool found;
	int sent;

	len = put_ip(data, &c->outer, IPPROTO_ICMP, 0);
	memcpy(data + len, &icmph, sizeof(icmph));
	len += sizeof(icmph);
	len += put_ip(data + len, &c->inner, IPPROTO_UDP, payload_of(&c->inner));
	len -= c->cut;
	for (shape = LINEAR; shape <= BEHIND_MAC; shape++) {
		for (sent = 0; sent < 2; sent++) {
			memset(&quoted, 0xff, sizeof(quoted));
			skb = make_skb(test, htons(ETH_P_IP), data, len, header_len, shape);
			sipsec_packet_parse(skb, sent, &icmp);
			found = icmp.kind == SIPSEC_PACKET_ICMP &&
				sipsec_packet_quoted(skb, &icmp, sent, &quoted);
			KUNIT_EXPECT_EQ(test, found, c->found);
			kfree_skb(skb);
			/* Received errors quote what was sent, and the other way round. */
			if (c->found) {
				expect_v4(test, &quoted.key, !sent);
				if (c->no_ports)
					expect_none(test, &quoted.key,
						    c->inner.protocol ?: IPPROTO_UDP);
				else
					expect_ports(test, &quoted.key, !sent);
			}
		}
	}
}

static const struct quote_v6_case {
	const char *desc;
	u8 type;
	struct v6_packet inner;
	bool found;
	u8 no_ports;	/* the protocol, if the quote has none */
} quote_v6_table[] = {
	{ "unreachable", ICMPV6_DEST_UNREACH, {}, true },
	{ "too big", ICMPV6_PKT_TOOBIG, {}, true },
	{ "time exceeded", ICMPV6_TIME_EXCEED, {}, true },
	{ "parameter problem", ICMPV6_PARAMPROB, {}, true },
	{ "an error of the future", 100, {}, true },
	{ "echo", ICMPV6_ECHO_REQUEST, {} },
	{ "neighbour", NDISC_NEIGHBOUR_SOLICITATION, {} },
	{ "quotes options", ICMPV6_PKT_TOOBIG, { { NEXTHDR_DEST, IPPROTO_UDP } }, true },
	{ "quotes a first fragment", ICMPV6_PKT_TOOBIG, { { FIRST, IPPROTO_UDP } }, true },
	{ "quotes a later fragment", ICMPV6_PKT_TOOBIG, { { LATER, IPPROTO_UDP } }, true,
	  IPPROTO_UDP },
	{ "quotes ESP", ICMPV6_PKT_TOOBIG, { { IPPROTO_ESP } }, true, IPPROTO_ESP },
	{ "quotes AH", ICMPV6_PKT_TOOBIG, { { NEXTHDR_AUTH, IPPROTO_UDP } }, true },
	{ "cut off in the ports", ICMPV6_PKT_TOOBIG, { .payload = 3 }, true, IPPROTO_UDP },
	{ "quotes nothing", ICMPV6_PKT_TOOBIG, { { NEXTHDR_NONE } }, true, IPPROTO_NONE },
	{ "cut off in the quoted header", ICMPV6_PKT_TOOBIG, { .payload = -1, .cut = 1 } },
	{ "cut off in the ICMP header", ICMPV6_PKT_TOOBIG, { .payload = -1, .cut = 41 } },
};

KUNIT_ARRAY_PARAM_DESC(quote_v6, quote_v6_table, desc);

static void packet_quoted_v6(struct kunit *test)
{
	const struct quote_v6_case *c = test->param_value;
	const struct v6_packet outer = { { HOP, IPPROTO_ICMPV6 }, -1 };
	const struct icmp6hdr icmph = { .icmp6_type = c->type };
	struct sipsec_packet icmp, quoted;
	struct sk_buff *skb;
	enum shape shape;
	unsigned int len;
	u8 data[240];
	int sent;

	len = put_v6(data, &outer);
	memcpy(data + len, &icmph, sizeof(icmph));
	len += sizeof(icmph);
	len += put_v6(data + len, &c->inner);
	for (shape = LINEAR; shape <= BEHIND_MAC; shape++) {
		for (sent = 0; sent < 2; sent++) {
			skb = make_skb(test, htons(ETH_P_IPV6), data, len, sizeof(struct ipv6hdr),
				       shape);
			sipsec_packet_parse(skb, sent, &icmp);
			KUNIT_EXPECT_EQ(test, icmp.kind, SIPSEC_PACKET_ICMP);
			KUNIT_EXPECT_EQ(test, sipsec_packet_quoted(skb, &icmp, sent, &quoted),
					c->found);
			kfree_skb(skb);
			if (c->no_ports)
				expect_none(test, &quoted.key, c->no_ports);
			else if (c->found)
				expect_ports(test, &quoted.key, !sent);
		}
	}
}

/* Keys are hashed and compared as octets. */
static void packet_key_no_padding(struct kunit *test)
{
	KUNIT_EXPECT_EQ(test, sizeof(struct sipsec_flow_key),
			sizeof_field(struct sipsec_flow_key, local) +
			sizeof_field(struct sipsec_flow_key, peer) +
			sizeof_field(struct sipsec_flow_key, local_port) +
			sizeof_field(struct sipsec_flow_key, peer_port) +
			sizeof_field(struct sipsec_flow_key, protocol) +
			sizeof_field(struct sipsec_flow_key, ifindex));
}

static struct kunit_case packet_cases[] = {
	KUNIT_CASE_PARAM(packet_parse, packet_gen_params),
	KUNIT_CASE_PARAM(packet_parse_v6, v6_gen_params),
	KUNIT_CASE(packet_link),
	KUNIT_CASE(packet_routed),
	KUNIT_CASE(packet_routed_v6),
	KUNIT_CASE_PARAM(packet_quoted, quote_gen_params),
	KUNIT_CASE_PARAM(packet_quoted_v6, quote_v6_gen_params),
	KUNIT_CASE(packet_key_no_padding),
	{}
};

static struct kunit_suite packet_suite = {
	.name = "sipsec_packet",
	.test_cases = packet_cases,
};

kunit_test_suite(packet_suite);
