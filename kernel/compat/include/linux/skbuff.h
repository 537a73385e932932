/* SPDX-License-Identifier: GPL-2.0 */
/* Before 5.18 a received packet's time was never one of delivery. */
#ifndef SIPSEC_COMPAT_LINUX_SKBUFF_H
#define SIPSEC_COMPAT_LINUX_SKBUFF_H

#include_next <linux/skbuff.h>

#ifndef SIPSEC_HAVE_DELIVERY_TIME
static inline void skb_clear_delivery_time(struct sk_buff *skb)
{
}
#endif

#endif
