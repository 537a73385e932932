/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SIPSEC_ADDR_H
#define SIPSEC_ADDR_H

#include <net/if.h>
#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

/* Longest text of an address with its link, and the terminator. */
#define SIPSEC_ADDR_TEXT	(INET6_ADDRSTRLEN + IF_NAMESIZE)

struct sipsec_addr {
	uint8_t len;		/* 4, 16, or 0: no address */
	uint8_t octets[16];	/* as in the IP header */
	uint32_t ifindex;	/* the link of a link-local IPv6 address, or 0 */
};

/*
 * Numeric text to an address: 0 or -EINVAL. Neither names nor abbreviated IPv4 are accepted; an
 * IPv4 address mapped into IPv6 is that IPv4 address. A link-local address may have its link behind
 * it, a device's name or number (RFC 4007, 11): fe80::1%eth0.
 */
int sipsec_addr_parse(const char *text, struct sipsec_addr *addr);

/* As a socket has it; *port in host byte order. 0 or -EAFNOSUPPORT. */
int sipsec_addr_of(const struct sockaddr *sa, socklen_t len, struct sipsec_addr *addr,
		   uint16_t *port);

/* Returns text; "" for no address. */
const char *sipsec_addr_format(const struct sipsec_addr *addr, char text[SIPSEC_ADDR_TEXT]);

bool sipsec_addr_equal(const struct sipsec_addr *a, const struct sipsec_addr *b);

/* Is the address one of many hosts' without its link (RFC 4291, 2.5.6)? */
bool sipsec_addr_is_link_local(const struct sipsec_addr *addr);

/* Can the address be one host's: neither unspecified, multicast nor limited broadcast? */
bool sipsec_addr_is_unicast(const struct sipsec_addr *addr);

#endif
