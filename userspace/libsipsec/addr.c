// SPDX-License-Identifier: LGPL-2.1-or-later
#include <arpa/inet.h>
#include <errno.h>
#include <string.h>

#include "addr.h"

int sipsec_addr_parse(const char *text, struct sipsec_addr *addr)
{
	memset(addr, 0, sizeof(*addr));
	if (inet_pton(AF_INET, text, addr->octets) == 1)
		addr->len = 4;
	else if (inet_pton(AF_INET6, text, addr->octets) == 1)
		addr->len = 16;
	else
		return -EINVAL;
	return 0;
}

const char *sipsec_addr_format(const struct sipsec_addr *addr, char text[INET6_ADDRSTRLEN])
{
	text[0] = '\0';
	if (addr->len)
		inet_ntop(addr->len == 4 ? AF_INET : AF_INET6, addr->octets, text,
			  INET6_ADDRSTRLEN);
	return text;
}

bool sipsec_addr_equal(const struct sipsec_addr *a, const struct sipsec_addr *b)
{
	return a->len == b->len && !memcmp(a->octets, b->octets, a->len);
}

bool sipsec_addr_is_unicast(const struct sipsec_addr *addr)
{
	static const uint8_t zero[16];

	if (!memcmp(addr->octets, zero, addr->len))
		return false;
	/* 224.0.0.0/4 is multicast; the reserved 240.0.0.0/4 behind it has the limited broadcast */
	return addr->octets[0] < (addr->len == 4 ? 224 : 255);
}
