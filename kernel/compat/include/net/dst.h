/* SPDX-License-Identifier: GPL-2.0 */
/* dst_alloc() lost its initial_ref in 6.7. */
#include_next <net/dst.h>
#if defined(SIPSEC_HAVE_DST_INITIAL_REF) && !defined(dst_alloc)
#define dst_alloc(ops, dev, obsolete, flags)	dst_alloc(ops, dev, 1, obsolete, flags)
#endif
