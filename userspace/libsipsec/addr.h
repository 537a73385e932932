/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SIPSEC_ADDR_H
#define SIPSEC_ADDR_H

#include <netinet/in.h>
#include <stdbool.h>
#include <stdint.h>

struct sipsec_addr {
	uint8_t len;		/* 4, 16, or 0: no address */
	uint8_t octets[16];	/* as in the IP header */
};

/* Numeric text to an address: 0 or -EINVAL. Neither names nor abbreviated IPv4 are accepted. */
int sipsec_addr_parse(const char *text, struct sipsec_addr *addr);

/* Returns text; "" for no address. */
const char *sipsec_addr_format(const struct sipsec_addr *addr, char text[INET6_ADDRSTRLEN]);

bool sipsec_addr_equal(const struct sipsec_addr *a, const struct sipsec_addr *b);

/* Can the address be one host's: neither unspecified, multicast nor limited broadcast? */
bool sipsec_addr_is_unicast(const struct sipsec_addr *addr);

#endif
