/* SPDX-License-Identifier: GPL-2.0 */
/* What the headers of a packet say, for both packet paths and ICMP quotes. */
#ifndef SIPSEC_PACKET_H
#define SIPSEC_PACKET_H

#include "flow.h"

struct sipsec_net;
struct sk_buff;

/**
 * enum sipsec_packet_kind - what a packet is to us
 * @SIPSEC_PACKET_OTHER: has no ports, or is cut off before them
 * @SIPSEC_PACKET_FLOW: has a 5-tuple
 * @SIPSEC_PACKET_ICMP: ICMP or ICMPv6
 * @SIPSEC_PACKET_LATER: a fragment that is not the first
 * @SIPSEC_PACKET_CUT: a first fragment that does not show what it is of
 */
enum sipsec_packet_kind {
	SIPSEC_PACKET_OTHER,
	SIPSEC_PACKET_FLOW,
	SIPSEC_PACKET_ICMP,
	SIPSEC_PACKET_LATER,
	SIPSEC_PACKET_CUT,
};

/**
 * struct sipsec_packet - what the headers of a packet say
 * @key: addresses; protocol, IPPROTO_NONE if that cannot be told; ports of a FLOW, else 0
 * @kind: what it is
 * @offset: of the transport header from skb->data
 * @partial: it is a fragment
 * @routed: it was sent to @key.peer, to go on from there: its source has said so
 * @final: where it goes in the end if @routed, else undefined
 */
struct sipsec_packet {
	struct sipsec_flow_key key;
	enum sipsec_packet_kind kind;
	unsigned int offset;
	bool partial;
	bool routed;
	struct in6_addr final;
};

/**
 * sipsec_packet_parse - read the headers of an IP packet
 * @skb: packet with its protocol and network header set
 * @sent: the packet's source is the local side
 * @packet: filled
 *
 * IPv6 extension headers are skipped, but not what encrypts or authenticates.
 *
 * Context: any.
 */
void sipsec_packet_parse(const struct sk_buff *skb, bool sent, struct sipsec_packet *packet);

/**
 * sipsec_packet_quoted - read the packet that an ICMP error quotes
 * @skb: the ICMP packet
 * @icmp: what sipsec_packet_parse() said of it
 * @sent: the ICMP packet is sent, so that it quotes a packet received
 * @packet: filled
 *
 * Reads what the stack would: the ports also where a later fragment is quoted, and what stands
 * behind an AH.
 *
 * Return: false if it is no ICMP error or quotes nothing that has a protocol; the packet may be
 *	of any kind but CUT.
 */
bool sipsec_packet_quoted(const struct sk_buff *skb, const struct sipsec_packet *icmp, bool sent,
			  struct sipsec_packet *packet);

/**
 * sipsec_packet_claimed - the flow that a packet, or where it goes in the end, is of
 * @sn: namespace
 * @packet: it has a 5-tuple
 *
 * Context: RCU read lock held.
 * Return: the flow, or NULL if there is none, or none any more.
 */
struct sipsec_flow *sipsec_packet_claimed(struct sipsec_net *sn,
					  const struct sipsec_packet *packet);

#endif
