/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What the harnesses share. Each is a function that libFuzzer calls with an input. */
#ifndef SIPSEC_FUZZ_H
#define SIPSEC_FUZZ_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* A property of ours that does not hold is as bad as a read past the end. */
#define CHECK(condition) do { \
	if (!(condition)) { \
		dprintf(2, "%s:%d: not so: %s\n", __FILE__, __LINE__, #condition); \
		abort(); \
	} \
} while (0)

/* The rest of an input, consumed from its beginning; when it is used up it gives zeros. */
struct input {
	const uint8_t *p;
	size_t left;
};

static inline size_t take(struct input *in, void *to, size_t len)
{
	size_t n = len < in->left ? len : in->left;

	memset(to, 0, len);
	memcpy(to, in->p, n);
	in->p += n;
	in->left -= n;
	return n;
}

static inline uint8_t take_u8(struct input *in)
{
	uint8_t value;

	take(in, &value, sizeof(value));
	return value;
}

static inline uint16_t take_u16(struct input *in)
{
	return take_u8(in) | take_u8(in) << 8;
}

/* A text of its own, just as large as it is, up to the next end of a line. To be freed. */
static inline char *take_line(struct input *in)
{
	const uint8_t *end = in->left ? memchr(in->p, '\n', in->left) : NULL;
	size_t len = end ? (size_t)(end - in->p) : in->left;
	char *text = malloc(len + 1);

	CHECK(text);
	take(in, text, len);
	text[len] = '\0';
	if (end)
		take_u8(in);
	return text;
}

#endif
