/* SPDX-License-Identifier: GPL-2.0 */
/* Before 6.1 no command was checked as strictly, so there was no resv_start_op; an older name. */
#ifndef SIPSEC_COMPAT_NET_GENETLINK_H
#define SIPSEC_COMPAT_NET_GENETLINK_H

#include_next <net/genetlink.h>

#ifndef GENL_MCAST_CAP_NET_ADMIN
#define GENL_MCAST_CAP_NET_ADMIN	GENL_UNS_ADMIN_PERM
#endif

static inline void genl_family_resv_start(struct genl_family *family, u32 op)
{
#ifdef SIPSEC_HAVE_RESV_START_OP
	family->resv_start_op = op;
#endif
}

#endif
