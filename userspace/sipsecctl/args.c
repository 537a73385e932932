// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <grp.h>
#include <netdb.h>
#include <netinet/in.h>
#include <pwd.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/sipsec.h>

#include "args.h"

#define KEYWORDS_MAX	32

int complain(const char *format, ...)
{
	va_list args;

	va_start(args, format);
	fputs("sipsecctl: ", stderr);
	vfprintf(stderr, format, args);
	fputc('\n', stderr);
	va_end(args);
	return -1;
}

static int find(const struct keyword *table, const char *word)
{
	for (int i = 0; table[i].name; i++)
		if (!strcmp(table[i].name, word))
			return i;
	return -1;
}

int args_first(char *const *words, const char *const *names, bool more)
{
	for (; *names; names++, words++) {
		if (!*words)
			return complain("%s is missing", *names);
	}
	if (*words && !more)
		return complain("'%s' is one word too many", *words);
	return 0;
}

int args_read(char *const *words, const struct keyword *table, void *to)
{
	bool seen[KEYWORDS_MAX] = { false };

	while (*words) {
		const char *word = *words++, *value = NULL;
		int i = find(table, word);

		if (i < 0)
			return complain("%s: unknown keyword", word);
		if (seen[i] && table[i].takes != VALUES)
			return complain("%s is there twice", word);
		seen[i] = true;
		if (table[i].takes != ALONE) {
			value = *words++;
			if (!value)
				return complain("%s has no value", word);
		}
		if (table[i].take(value, to))
			return -1;
	}
	for (int i = 0; table[i].name; i++)
		if (table[i].required && !seen[i])
			return complain("%s is missing", table[i].name);
	return 0;
}

/* Digits only: strtoull() would also take signs, spaces and an empty text. */
static bool digits(const char *text, uint64_t *value)
{
	size_t len = strspn(text, "0123456789");

	if (!len || len > 10 || text[len])
		return false;
	*value = strtoull(text, NULL, 10);
	return true;
}

int args_number(const char *name, const char *text, uint32_t min, uint32_t max, uint32_t *value)
{
	uint64_t v;

	if (!digits(text, &v) || v < min || v > max)
		return complain("%s: '%s' is not a number from %u to %u", name, text, min, max);
	*value = v;
	return 0;
}

int args_port(const char *name, const char *text, uint16_t *port)
{
	uint32_t v = 0;

	if (args_number(name, text, 1, UINT16_MAX, &v))
		return -1;
	*port = v;
	return 0;
}

int args_port_any(const char *name, const char *text, uint16_t *port)
{
	*port = 0;
	return strcmp(text, "any") ? args_port(name, text, port) : 0;
}

int args_rotate(const char *text, uint32_t *rotate)
{
	uint64_t v;
	bool good;

	if (!strncmp(text, "2^", 2)) {
		good = digits(text + 2, &v) && v <= 31;
		v = good ? 1ULL << v : 0;
	} else {
		good = digits(text, &v);
	}
	if (!good || v < SIPSEC_ROTATE_MIN || v > SIPSEC_ROTATE_MAX)
		return complain("rotate: '%s' is not a number of packets from 16 to 2^31", text);
	*rotate = v;
	return 0;
}

int args_block(const char *name, const char *text, uint32_t *block)
{
	const char *hex = !strncmp(text, "0x", 2) ? text + 2 : text;

	if (strlen(hex) != 8 || strspn(hex, "0123456789abcdefABCDEF") != 8)
		return complain("%s: '%s' is not an SPI of 8 hex digits", name, text);
	*block = strtoul(hex, NULL, 16);
	if (*block < SIPSEC_SPI_BLOCK_MIN || *block % SIPSEC_SPI_BLOCK_SIZE)
		return complain("%s: %s is not a block: it ends in 00 and is at least 00000100",
				name, text);
	return 0;
}

int args_uid(const char *text, uint32_t *uid)
{
	const struct passwd *user;
	uint64_t v;

	if (digits(text, &v) && v < UINT32_MAX) {
		*uid = v;
		return 0;
	}
	user = getpwnam(text);
	if (!user)
		return complain("uid: there is no user '%s'", text);
	*uid = user->pw_uid;
	return 0;
}

int args_gid(const char *text, uint32_t *gid)
{
	const struct group *group;
	uint64_t v;

	if (digits(text, &v) && v < UINT32_MAX) {
		*gid = v;
		return 0;
	}
	group = getgrnam(text);
	if (!group)
		return complain("gid: there is no group '%s'", text);
	*gid = group->gr_gid;
	return 0;
}

int args_ports(const char *text, uint16_t *min, uint16_t *max)
{
	const char *dash = strchr(text, '-');
	char low[8] = "";

	if (!dash)
		return args_port("ports", text, min) || args_port("ports", text, max) ? -1 : 0;
	if ((size_t)(dash - text) < sizeof(low))
		memcpy(low, text, dash - text);
	if (args_port("ports", low, min) || args_port("ports", dash + 1, max))
		return -1;
	if (*min > *max)
		return complain("ports: %s ends before it begins", text);
	return 0;
}

int args_protocol(const char *name, const char *text, uint8_t *protocol)
{
	const struct protoent *entry;
	uint64_t v;

	/* There may be no /etc/protocols. */
	if (!strcmp(text, "udp")) {
		*protocol = IPPROTO_UDP;
		return 0;
	}
	if (digits(text, &v) && v <= UINT8_MAX) {
		*protocol = v;
		return 0;
	}
	entry = getprotobyname(text);
	if (!entry)
		return complain("%s: '%s' is not an IP protocol, nor its number", name, text);
	*protocol = entry->p_proto;
	return 0;
}
