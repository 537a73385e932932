/* SPDX-License-Identifier: GPL-2.0 */
/* Before 6.6 the options of a socket were bit fields. */
#ifndef SIPSEC_COMPAT_NET_INET_SOCK_H
#define SIPSEC_COMPAT_NET_INET_SOCK_H

#include_next <net/inet_sock.h>

/* Does a raw socket send IP headers of its own? */
static inline bool sipsec_compat_hdrincl(const struct sock *sk)
{
#ifdef inet_test_bit
	return inet_test_bit(HDRINCL, sk);
#else
	return inet_sk(sk)->hdrincl;
#endif
}

#endif
