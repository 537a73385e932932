/* SPDX-License-Identifier: GPL-2.0 */
/* nf_ct_hook.confirm came in 6.8 and was backported to some kernels. */
#ifndef SIPSEC_COMPAT_NETFILTER_H
#define SIPSEC_COMPAT_NETFILTER_H

#include_next <linux/netfilter.h>

/* Call nf_ct_hook.confirm where there is one; without it the connection stays unconfirmed. */
static inline int sipsec_compat_ct_confirm(struct sk_buff *skb)
{
#ifdef SIPSEC_HAVE_NF_CT_CONFIRM
	const struct nf_ct_hook *hook = rcu_dereference(nf_ct_hook);

	return hook ? hook->confirm(skb) : NF_ACCEPT;
#else
	return NF_ACCEPT;
#endif
}

#endif
