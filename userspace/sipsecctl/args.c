// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
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

int args_read(char *const *words, const struct keyword *table, void *to)
{
	bool seen[KEYWORDS_MAX] = { false };

	while (*words) {
		const char *word = *words++, *value = NULL;
		int i = find(table, word);

		if (i < 0)
			return complain("%s: unknown keyword", word);
		if (seen[i])
			return complain("%s is there twice", word);
		seen[i] = true;
		if (!table[i].alone) {
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

int args_protocol(const char *text, uint8_t *protocol)
{
	if (strcmp(text, "udp"))
		return complain("proto: '%s' is not supported yet, only udp is", text);
	*protocol = IPPROTO_UDP;
	return 0;
}
