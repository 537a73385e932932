// SPDX-License-Identifier: GPL-2.0
#include "identity.h"

/* Octets of the character that begins here, 0 if it is none that may stand there. */
static unsigned int character(const u8 *s)
{
	u32 least, c;
	unsigned int i, more;

	if (s[0] < 0x80)
		return s[0] >= 0x20 && s[0] != 0x7f;
	if ((s[0] & 0xe0) == 0xc0) {
		more = 1;
		least = 0x80;
	} else if ((s[0] & 0xf0) == 0xe0) {
		more = 2;
		least = 0x800;
	} else if ((s[0] & 0xf8) == 0xf0) {
		more = 3;
		least = 0x10000;
	} else {
		return 0;
	}
	c = s[0] & (0x3f >> more);
	/* Stops at the terminator, which continues nothing. */
	for (i = 1; i <= more; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 0;
		c = c << 6 | (s[i] & 0x3f);
	}
	if (c < least || c > 0x10ffff || (c >= 0xd800 && c <= 0xdfff) || (c >= 0x80 && c < 0xa0))
		return 0;
	return more + 1;
}

bool sipsec_identity_good(const char *text)
{
	const u8 *s = (const u8 *)text;
	unsigned int len;

	if (!*s)
		return false;
	for (; *s; s += len) {
		len = character(s);
		if (!len)
			return false;
	}
	return true;
}
