/* SPDX-License-Identifier: GPL-2.0 */
/* The 5-tuple of a packet, as both packet paths and ICMP quotes give it. */
#ifndef SIPSEC_PACKET_H
#define SIPSEC_PACKET_H

#include <linux/types.h>

struct sipsec_flow_key;
struct sk_buff;

/**
 * sipsec_packet_key - 5-tuple of an IPv4 packet that has ports
 * @skb: packet with its network header set
 * @key: filled
 * @sent: the packet's source is the local side
 *
 * Return: false if the packet has no 5-tuple: not UDP, a later fragment, or cut off.
 */
bool sipsec_packet_key(const struct sk_buff *skb, struct sipsec_flow_key *key, bool sent);

/**
 * sipsec_packet_icmp_quote - 5-tuple of the packet an ICMP error quotes
 * @skb: ICMP packet with its network header set
 * @key: filled
 * @sent: the ICMP packet is sent, so that it quotes a packet received
 *
 * Return: false if it is no ICMP error or quotes no 5-tuple.
 */
bool sipsec_packet_icmp_quote(const struct sk_buff *skb, struct sipsec_flow_key *key, bool sent);

#endif
