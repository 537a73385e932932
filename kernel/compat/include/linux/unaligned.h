/* SPDX-License-Identifier: GPL-2.0 */
/* Before 6.12 it was each architecture's. */
#ifdef SIPSEC_HAVE_LINUX_UNALIGNED_H
#include_next <linux/unaligned.h>
#else
#include <asm/unaligned.h>
#endif
