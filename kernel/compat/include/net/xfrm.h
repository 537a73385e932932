/* SPDX-License-Identifier: GPL-2.0 */
/* xfrm_init_state() got its extack after 6.12. */
#ifndef SIPSEC_COMPAT_NET_XFRM_H
#define SIPSEC_COMPAT_NET_XFRM_H

#include_next <net/xfrm.h>

#ifndef SIPSEC_HAVE_XFRM_INIT_EXTACK
static inline int sipsec_compat_xfrm_init_state(struct xfrm_state *x,
						struct netlink_ext_ack *extack)
{
	return xfrm_init_state(x);
}

#define xfrm_init_state	sipsec_compat_xfrm_init_state
#endif

#endif
