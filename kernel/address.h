/* SPDX-License-Identifier: GPL-2.0 */
/* Addresses of both families in one form: IPv4 ones are v4-mapped (RFC 4291, 2.5.5.2). */
#ifndef SIPSEC_ADDRESS_H
#define SIPSEC_ADDRESS_H

#include <linux/socket.h>
#include <net/ipv6.h>
#include <net/xfrm.h>

/**
 * sipsec_address_family - family of the packets that carry an address
 * @address: the address
 *
 * Return: AF_INET or AF_INET6.
 */
static inline u16 sipsec_address_family(const struct in6_addr *address)
{
	return ipv6_addr_v4mapped(address) ? AF_INET : AF_INET6;
}

/**
 * sipsec_address_v4 - the IPv4 address that is mapped
 * @address: an address of AF_INET
 *
 * Return: its four octets.
 */
static inline __be32 sipsec_address_v4(const struct in6_addr *address)
{
	return address->s6_addr32[3];
}

/**
 * sipsec_address_xfrm - an address as xfrm has them
 * @address: the address
 *
 * Return: the same, the rest zeroed.
 */
static inline xfrm_address_t sipsec_address_xfrm(const struct in6_addr *address)
{
	xfrm_address_t x = {};

	if (ipv6_addr_v4mapped(address))
		x.a4 = sipsec_address_v4(address);
	else
		x.in6 = *address;
	return x;
}

/**
 * sipsec_address_scoped - does an address mean something on its link only?
 * @address: the address
 *
 * Return: true for link-local IPv6 addresses. IPv4's are routed like all others.
 */
static inline bool sipsec_address_scoped(const struct in6_addr *address)
{
	return ipv6_addr_type(address) & IPV6_ADDR_LINKLOCAL;
}

#endif
