/* SPDX-License-Identifier: GPL-2.0 */
/* Before 6.5 the segmentation functions were in linux/netdevice.h and linux/skbuff.h. */
#ifdef SIPSEC_HAVE_NET_GSO_H
#include_next <net/gso.h>
#else
#include <linux/netdevice.h>
#include <linux/skbuff.h>
#endif
