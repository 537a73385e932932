/* SPDX-License-Identifier: GPL-2.0 */
/* The transmit path. */
#ifndef SIPSEC_OUT_H
#define SIPSEC_OUT_H

struct net;
struct sk_buff;
struct sock;

/* The LOCAL_OUT hook of a namespace; process context, may sleep. */
int sipsec_out_register(struct net *net);
void sipsec_out_unregister(struct net *net);

/**
 * sipsec_out_output - dst.output of a bundle
 * @net: namespace
 * @sk: sending socket
 * @skb: packet whose dst is a bundle; consumed
 *
 * Return: 0, a NET_XMIT code or -errno as ip_output() would.
 */
int sipsec_out_output(struct net *net, struct sock *sk, struct sk_buff *skb);

#endif
