// SPDX-License-Identifier: GPL-2.0
/* 5-tuples of packets made by hand. */
#include <kunit/test.h>
#include <linux/icmp.h>
#include <linux/in.h>
#include <linux/ip.h>
#include <linux/skbuff.h>
#include <net/ip.h>

#include "flow.h"
#include "packet.h"

#define SOURCE		0xc0000201	/* 192.0.2.1 */
#define DEST		0xc6336402	/* 198.51.100.2 */
#define SOURCE_PORT	0x1234
#define DEST_PORT	0x5678
#define MAC_LEN		14

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
	bool found;
} packet_table[] = {
	{ "UDP", {}, true },
	{ "UDP, header only", { .payload = 8 }, true },
	{ "ports only", { .payload = 4 }, true },
	{ "cut off in the ports", { .payload = 3 } },
	{ "cut off after the IP header", { .payload = -1 } },
	{ "one word of options", { .words = 6 }, true },
	{ "all options", { .words = 15 }, true },
	{ "all options, cut off", { .words = 15, .payload = 3 } },
	{ "do not fragment", { .frag_off = IP_DF }, true },
	{ "first fragment", { .frag_off = IP_MF }, true },
	{ "second fragment", { .frag_off = IP_MF | 1 } },
	{ "last fragment", { .frag_off = 185 } },
	{ "fragment at the end", { .frag_off = IP_OFFSET } },
	{ "TCP", { .protocol = IPPROTO_TCP } },
	{ "ESP", { .protocol = IPPROTO_ESP } },
	{ "ICMP", { .protocol = IPPROTO_ICMP } },
	{ "UDP-Lite", { .protocol = IPPROTO_UDPLITE } },
};

KUNIT_ARRAY_PARAM_DESC(packet, packet_table, desc);

static const struct quote_case {
	const char *desc;
	struct ip_packet outer;
	u8 type;
	struct ip_packet inner;
	bool found;
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
	{ "options inside, cut off", {}, ICMP_DEST_UNREACH, { .words = 15, .payload = -1 } },
	{ "header too short", {}, ICMP_DEST_UNREACH, { .words = 4 } },
	{ "quotes a first fragment", {}, ICMP_DEST_UNREACH, { .frag_off = IP_MF }, true },
	{ "quotes a later fragment", {}, ICMP_DEST_UNREACH, { .frag_off = 1 } },
	{ "quotes TCP", {}, ICMP_DEST_UNREACH, { .protocol = IPPROTO_TCP } },
	{ "quotes 8 octets", {}, ICMP_DEST_UNREACH, { .payload = 8 }, true },
	{ "quotes ports only", {}, ICMP_DEST_UNREACH, { .payload = 4 }, true },
	{ "cut off in the ports", {}, ICMP_DEST_UNREACH, { .payload = 3 } },
	{ "cut off in the quoted header", {}, ICMP_DEST_UNREACH, { .payload = -1 }, false, 1 },
	{ "cut off before it", {}, ICMP_DEST_UNREACH, { .payload = -1 }, false, 20 },
	{ "cut off in the ICMP header", {}, ICMP_DEST_UNREACH, { .payload = -1 }, false, 21 },
	{ "no ICMP header", {}, ICMP_DEST_UNREACH, { .payload = -1 }, false, 28 },
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

static struct sk_buff *make_skb(struct kunit *test, const u8 *data, unsigned int len,
				unsigned int linear, enum shape shape)
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

static void expect_key(struct kunit *test, const struct sipsec_flow_key *key, bool local_is_source)
{
	KUNIT_EXPECT_EQ(test, ntohl(key->local), local_is_source ? SOURCE : DEST);
	KUNIT_EXPECT_EQ(test, ntohl(key->peer), local_is_source ? DEST : SOURCE);
	KUNIT_EXPECT_EQ(test, ntohs(key->local_port), local_is_source ? SOURCE_PORT : DEST_PORT);
	KUNIT_EXPECT_EQ(test, ntohs(key->peer_port), local_is_source ? DEST_PORT : SOURCE_PORT);
	KUNIT_EXPECT_EQ(test, key->protocol, IPPROTO_UDP);
}

static void packet_key(struct kunit *test)
{
	const struct packet_case *c = test->param_value;
	struct sipsec_flow_key key;
	unsigned int header_len = (c->ip.words ?: 5) * 4;
	struct sk_buff *skb;
	enum shape shape;
	unsigned int len;
	u8 data[80];
	int sent;

	len = put_ip(data, &c->ip, IPPROTO_UDP, payload_of(&c->ip));
	for (shape = LINEAR; shape <= BEHIND_MAC; shape++) {
		for (sent = 0; sent < 2; sent++) {
			/* What was there before must not show through the padding. */
			memset(&key, 0xff, sizeof(key));
			skb = make_skb(test, data, len, header_len, shape);
			KUNIT_EXPECT_EQ(test, sipsec_packet_key(skb, &key, sent), c->found);
			kfree_skb(skb);
			if (c->found)
				expect_key(test, &key, sent);
		}
	}
}

static void packet_icmp_quote(struct kunit *test)
{
	const struct quote_case *c = test->param_value;
	unsigned int header_len = (c->outer.words ?: 5) * 4;
	const struct icmphdr icmph = { .type = c->type };
	struct sipsec_flow_key key;
	struct sk_buff *skb;
	enum shape shape;
	unsigned int len;
	u8 data[160];
	int sent;

	len = put_ip(data, &c->outer, IPPROTO_ICMP, 0);
	memcpy(data + len, &icmph, sizeof(icmph));
	len += sizeof(icmph);
	len += put_ip(data + len, &c->inner, IPPROTO_UDP, payload_of(&c->inner));
	len -= c->cut;
	for (shape = LINEAR; shape <= BEHIND_MAC; shape++) {
		for (sent = 0; sent < 2; sent++) {
			memset(&key, 0xff, sizeof(key));
			skb = make_skb(test, data, len, header_len, shape);
			KUNIT_EXPECT_EQ(test, sipsec_packet_icmp_quote(skb, &key, sent), c->found);
			kfree_skb(skb);
			/* Received errors quote what was sent, and the other way round. */
			if (c->found)
				expect_key(test, &key, !sent);
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
			sizeof_field(struct sipsec_flow_key, protocol));
}

static struct kunit_case packet_cases[] = {
	KUNIT_CASE_PARAM(packet_key, packet_gen_params),
	KUNIT_CASE_PARAM(packet_icmp_quote, quote_gen_params),
	KUNIT_CASE(packet_key_no_padding),
	{}
};

static struct kunit_suite packet_suite = {
	.name = "sipsec_packet",
	.test_cases = packet_cases,
};

kunit_test_suite(packet_suite);
