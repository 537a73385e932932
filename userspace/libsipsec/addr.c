// SPDX-License-Identifier: LGPL-2.1-or-later
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "addr.h"

static void take_v6(const struct in6_addr *in6, uint32_t ifindex, struct sipsec_addr *addr)
{
	memset(addr, 0, sizeof(*addr));
	if (IN6_IS_ADDR_V4MAPPED(in6)) {
		addr->len = 4;
		memcpy(addr->octets, in6->s6_addr + 12, 4);
		return;
	}
	addr->len = 16;
	memcpy(addr->octets, in6->s6_addr, 16);
	if (sipsec_addr_is_link_local(addr))
		addr->ifindex = ifindex;
}

/* A device's name, or its number; 0 if there is none. */
static uint32_t link_of(const char *text)
{
	unsigned long number;
	char *end;

	number = strtoul(text, &end, 10);
	if (*text >= '0' && *text <= '9' && !*end && number <= INT32_MAX)
		return number;
	return if_nametoindex(text);
}

int sipsec_addr_parse(const char *text, struct sipsec_addr *addr)
{
	const char *link = strchr(text, '%');
	char bare[INET6_ADDRSTRLEN];
	struct in6_addr in6;
	uint32_t ifindex = 0;

	memset(addr, 0, sizeof(*addr));
	if (inet_pton(AF_INET, text, addr->octets) == 1) {
		addr->len = 4;
		return 0;
	}
	if (link) {
		ifindex = link_of(link + 1);
		if (!ifindex || (size_t)(link - text) >= sizeof(bare))
			return -EINVAL;
		memcpy(bare, text, link - text);
		bare[link - text] = '\0';
		text = bare;
	}
	if (inet_pton(AF_INET6, text, &in6) != 1 || (link && !IN6_IS_ADDR_LINKLOCAL(&in6)))
		return -EINVAL;
	take_v6(&in6, ifindex, addr);
	return 0;
}

int sipsec_addr_of(const struct sockaddr *sa, socklen_t len, struct sipsec_addr *addr,
		   uint16_t *port)
{
	const struct sockaddr_in *in = (const void *)sa;
	const struct sockaddr_in6 *in6 = (const void *)sa;

	memset(addr, 0, sizeof(*addr));
	if (len >= sizeof(*in) && sa->sa_family == AF_INET) {
		addr->len = 4;
		memcpy(addr->octets, &in->sin_addr, 4);
		*port = ntohs(in->sin_port);
		return 0;
	}
	if (len >= sizeof(*in6) && sa->sa_family == AF_INET6) {
		take_v6(&in6->sin6_addr, in6->sin6_scope_id, addr);
		*port = ntohs(in6->sin6_port);
		return 0;
	}
	return -EAFNOSUPPORT;
}

const char *sipsec_addr_format(const struct sipsec_addr *addr, char text[SIPSEC_ADDR_TEXT])
{
	char name[IF_NAMESIZE];
	size_t len;

	text[0] = '\0';
	if (!addr->len)
		return text;
	inet_ntop(addr->len == 4 ? AF_INET : AF_INET6, addr->octets, text, SIPSEC_ADDR_TEXT);
	if (!addr->ifindex)
		return text;
	if (!if_indextoname(addr->ifindex, name))
		snprintf(name, sizeof(name), "%u", addr->ifindex);
	len = strlen(text);
	snprintf(text + len, SIPSEC_ADDR_TEXT - len, "%%%s", name);
	return text;
}

bool sipsec_addr_equal(const struct sipsec_addr *a, const struct sipsec_addr *b)
{
	return a->len == b->len && !memcmp(a->octets, b->octets, a->len) &&
	       a->ifindex == b->ifindex;
}

bool sipsec_addr_is_link_local(const struct sipsec_addr *addr)
{
	return addr->len == 16 && addr->octets[0] == 0xfe && (addr->octets[1] & 0xc0) == 0x80;
}

bool sipsec_addr_is_unicast(const struct sipsec_addr *addr)
{
	static const uint8_t zero[16];

	if (!memcmp(addr->octets, zero, addr->len))
		return false;
	/* 224.0.0.0/4 is multicast; the reserved 240.0.0.0/4 behind it has the limited broadcast */
	return addr->octets[0] < (addr->len == 4 ? 224 : 255);
}
