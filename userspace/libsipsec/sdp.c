// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>
#include <openssl/evp.h>

#include <linux/sipsec.h>

#include "sdp.h"
#include "sipsec.h"

#define BASE64_LEN	44	/* of 32 octets */

/* Reserved for another key daemon on the same host; no block lies there (protocol.rst, 1). */
#define FOREIGN_FIRST	0xc0000000U
#define FOREIGN_LAST	0xcfffffffU

static const char *const modes[] = {
	[SIPSEC_MODE_TRANSPORT] = "transport",
	[SIPSEC_MODE_TUNNEL] = "tunnel",
	[SIPSEC_MODE_BEET] = "beet",
};

/* A part of a line. */
struct part {
	const char *p;
	size_t len;
};

struct text {
	char *p;
	size_t left;
};

static bool is(struct part part, const char *word)
{
	return strlen(word) == part.len && !memcmp(part.p, word, part.len);
}

static bool skip(struct part *part, const char *prefix)
{
	size_t len = strlen(prefix);

	if (part->len < len || memcmp(part->p, prefix, len))
		return false;
	part->p += len;
	part->len -= len;
	return true;
}

/* Take what stands before the next space, and the space, off the rest of a line. */
static struct part next_word(struct part *rest)
{
	const char *space = memchr(rest->p, ' ', rest->len);
	struct part word = { rest->p, space ? (size_t)(space - rest->p) : rest->len };
	size_t taken = space ? word.len + 1 : word.len;

	rest->p += taken;
	rest->len -= taken;
	return word;
}

/* Decimal digits without sign or leading zero: one number has one form. */
static bool number(struct part part, uint32_t min, uint32_t max, uint32_t *value)
{
	uint64_t v = 0;

	if (!part.len || part.len > 10 || (part.len > 1 && *part.p == '0'))
		return false;
	for (size_t i = 0; i < part.len; i++) {
		if (part.p[i] < '0' || part.p[i] > '9')
			return false;
		v = 10 * v + (part.p[i] - '0');
	}
	*value = v;
	return v >= min && v <= max;
}

static bool hex(struct part part, size_t digits, uint32_t *value)
{
	*value = 0;
	if (part.len != digits)
		return false;
	for (size_t i = 0; i < digits; i++) {
		int digit = OPENSSL_hexchar2int(part.p[i]);

		if (digit < 0)
			return false;
		*value = *value << 4 | digit;
	}
	return true;
}

/*
 * OpenSSL's decoder forgives much, and the last digit has bits that it ignores. Only the text that
 * encoding gives again is accepted.
 */
static bool base64(struct part part, uint8_t octets[SIPSEC_SECRET_LEN])
{
	unsigned char in[BASE64_LEN], out[SIPSEC_SECRET_LEN + 1], again[BASE64_LEN + 1];
	bool ok = false;

	if (part.len != BASE64_LEN)
		return false;
	memcpy(in, part.p, BASE64_LEN);
	if (EVP_DecodeBlock(out, in, BASE64_LEN) == sizeof(out)) {
		EVP_EncodeBlock(again, out, SIPSEC_SECRET_LEN);
		ok = !CRYPTO_memcmp(in, again, BASE64_LEN);
	}
	if (ok)
		memcpy(octets, out, SIPSEC_SECRET_LEN);
	OPENSSL_cleanse(in, sizeof(in));
	OPENSSL_cleanse(out, sizeof(out));
	OPENSSL_cleanse(again, sizeof(again));
	return ok;
}

/* Values of parameters. Each returns NULL, or what the value should have been. */

static const char *parse_spi(struct part v, struct sipsec_sdp_line *line)
{
	if (!hex(v, 8, &line->spi))
		return "is not 8 hex digits";
	if (line->spi % SIPSEC_SPI_BLOCK_SIZE || line->spi < SIPSEC_SPI_BLOCK_MIN)
		return "is not a block of 256 SPIs from 00000100 on";
	if (line->spi >= FOREIGN_FIRST && line->spi <= FOREIGN_LAST)
		return "lies in c0000000-cfffffff";
	return NULL;
}

static const char *parse_addr(struct part v, struct sipsec_sdp_line *line)
{
	char text[INET6_ADDRSTRLEN];

	if (v.len >= sizeof(text))
		return "is not an address";
	memcpy(text, v.p, v.len);
	text[v.len] = '\0';
	/* The sender's names of links mean nothing here. */
	if (strchr(text, '%') || sipsec_addr_parse(text, &line->addr))
		return "is not an address";
	return sipsec_addr_is_unicast(&line->addr) ? NULL : "is not the address of one host";
}

static const char *parse_mode(struct part v, struct sipsec_sdp_line *line)
{
	for (uint32_t mode = SIPSEC_MODE_TRANSPORT; mode <= SIPSEC_MODE_BEET; mode++) {
		if (is(v, modes[mode])) {
			line->mode = mode;
			return NULL;
		}
	}
	return "is not transport, tunnel or beet";
}

static const char *parse_prf(struct part v, struct sipsec_sdp_line *line)
{
	for (uint32_t prf = 1; sipsec_prf_name(prf); prf++) {
		if (is(v, sipsec_prf_name(prf))) {
			line->prf = prf;
			return NULL;
		}
	}
	return "is not HMAC_SHA2_256 or HMAC_SHA2_384";
}

static const char *parse_rotate(struct part v, struct sipsec_sdp_line *line)
{
	uint32_t n;

	if (skip(&v, "2^")) {
		if (number(v, 4, 31, &n)) {
			line->rotate = 1U << n;
			return NULL;
		}
	} else if (number(v, SIPSEC_ROTATE_MIN, SIPSEC_ROTATE_MAX, &n)) {
		line->rotate = n;
		return NULL;
	}
	return "is not 16 .. 2^31";
}

static const char *parse_life(struct part v, struct sipsec_sdp_line *line)
{
	return number(v, 1, UINT32_MAX, &line->life) ? NULL : "is not 1 .. 4294967295 seconds";
}

static const char *parse_window(struct part v, struct sipsec_sdp_line *line)
{
	return number(v, 1, UINT32_MAX, &line->window) ? NULL : "is not 1 .. 4294967295 packets";
}

static const char *parse_esn(struct part v, struct sipsec_sdp_line *line)
{
	line->esn = is(v, "1");
	return line->esn || is(v, "0") ? NULL : "is not 0 or 1";
}

static const char *parse_comp(struct part v, struct sipsec_sdp_line *line)
{
	line->comp = is(v, "deflate");
	return line->comp ? NULL : "is not deflate";
}

static const char *parse_cpi(struct part v, struct sipsec_sdp_line *line)
{
	uint32_t cpi;

	if (!hex(v, 4, &cpi))
		return "is not 4 hex digits";
	line->cpi = cpi;
	return NULL;
}

static const char *parse_tfc(struct part v, struct sipsec_sdp_line *line)
{
	return number(v, 0, UINT16_MAX, &line->tfc) ? NULL : "is not 0 .. 65535 octets";
}

static const char *parse_encap(struct part v, struct sipsec_sdp_line *line)
{
	uint32_t port;

	if (!skip(&v, "udp:") || !number(v, 1, UINT16_MAX, &port))
		return "is not udp: and a port";
	line->encap = port;
	return NULL;
}

static const char *parse_dh(struct part v, struct sipsec_sdp_line *line)
{
	if (!skip(&v, "x25519:") || !base64(v, line->dh))
		return "is not x25519: and 32 octets in base64";
	return NULL;
}

static void add(struct text *text, const char *format, ...)
{
	va_list args;
	int len;

	va_start(args, format);
	len = vsnprintf(text->p, text->left, format, args);
	va_end(args);
	if (len < 0 || (size_t)len >= text->left) {
		text->left = 0;
		return;
	}
	text->p += len;
	text->left -= len;
}

static void add_base64(struct text *text, const uint8_t octets[SIPSEC_SECRET_LEN])
{
	unsigned char base64[BASE64_LEN + 1];

	EVP_EncodeBlock(base64, octets, SIPSEC_SECRET_LEN);
	add(text, "%s", (char *)base64);
	OPENSSL_cleanse(base64, sizeof(base64));
}

static void format_spi(struct text *text, const struct sipsec_sdp_line *line)
{
	add(text, "%08" PRIx32, line->spi);
}

static void format_addr(struct text *text, const struct sipsec_sdp_line *line)
{
	char addr[SIPSEC_ADDR_TEXT];

	add(text, "%s", sipsec_addr_format(&line->addr, addr));
}

static void format_mode(struct text *text, const struct sipsec_sdp_line *line)
{
	add(text, "%s", modes[line->mode]);
}

static void format_prf(struct text *text, const struct sipsec_sdp_line *line)
{
	add(text, "%s", sipsec_prf_name(line->prf));
}

static void format_rotate(struct text *text, const struct sipsec_sdp_line *line)
{
	if (line->rotate & (line->rotate - 1))
		add(text, "%" PRIu32, line->rotate);
	else
		add(text, "2^%d", __builtin_ctz(line->rotate));
}

static void format_life(struct text *text, const struct sipsec_sdp_line *line)
{
	add(text, "%" PRIu32, line->life);
}

static void format_window(struct text *text, const struct sipsec_sdp_line *line)
{
	add(text, "%" PRIu32, line->window);
}

static void format_esn(struct text *text, const struct sipsec_sdp_line *line)
{
	add(text, "%d", line->esn);
}

static void format_comp(struct text *text, const struct sipsec_sdp_line *line)
{
	if (line->comp)
		add(text, "deflate");
}

static void format_cpi(struct text *text, const struct sipsec_sdp_line *line)
{
	add(text, "%04x", line->cpi);
}

static void format_tfc(struct text *text, const struct sipsec_sdp_line *line)
{
	add(text, "%" PRIu32, line->tfc);
}

static void format_encap(struct text *text, const struct sipsec_sdp_line *line)
{
	add(text, "udp:%u", line->encap);
}

static void format_dh(struct text *text, const struct sipsec_sdp_line *line)
{
	add(text, "x25519:");
	add_base64(text, line->dh);
}

static const struct param {
	const char *name;
	const char *(*parse)(struct part value, struct sipsec_sdp_line *line);
	void (*format)(struct text *text, const struct sipsec_sdp_line *line);
} params[SIPSEC_SDP_PARAMS] = {
	[SIPSEC_SDP_SPI] = { "spi", parse_spi, format_spi },
	[SIPSEC_SDP_ADDR] = { "addr", parse_addr, format_addr },
	[SIPSEC_SDP_MODE] = { "mode", parse_mode, format_mode },
	[SIPSEC_SDP_PRF] = { "prf", parse_prf, format_prf },
	[SIPSEC_SDP_ROTATE] = { "rotate", parse_rotate, format_rotate },
	[SIPSEC_SDP_LIFE] = { "life", parse_life, format_life },
	[SIPSEC_SDP_WINDOW] = { "window", parse_window, format_window },
	[SIPSEC_SDP_ESN] = { "esn", parse_esn, format_esn },
	[SIPSEC_SDP_COMP] = { "comp", parse_comp, format_comp },
	[SIPSEC_SDP_CPI] = { "cpi", parse_cpi, format_cpi },
	[SIPSEC_SDP_TFC] = { "tfc", parse_tfc, format_tfc },
	[SIPSEC_SDP_ENCAP] = { "encap", parse_encap, format_encap },
	[SIPSEC_SDP_DH] = { "dh", parse_dh, format_dh },
};

static int refuse(char why[SIPSEC_WHY_MAX], const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(why, SIPSEC_WHY_MAX, format, args);
	va_end(args);
	return -EBADMSG;
}

static bool printable(const char *text, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (text[i] < ' ' || text[i] > '~')
			return false;
	return true;
}

static int find_suite(struct part name)
{
	for (unsigned int id = 1; sipsec_suite_name(id); id++)
		if (is(name, sipsec_suite_name(id)))
			return id;
	return 0;
}

/* Was a parameter of that name given in the part of the line before it? */
static bool repeated(struct part before, struct part name)
{
	while (before.len) {
		struct part word = next_word(&before);

		if (word.len > name.len && word.p[name.len] == '=' &&
		    !memcmp(word.p, name.p, name.len))
			return true;
	}
	return false;
}

static int parse_param(struct part word, struct part before, struct sipsec_sdp_line *line,
		       char why[SIPSEC_WHY_MAX])
{
	const char *equals = memchr(word.p, '=', word.len);
	struct part name, value;
	int show;

	if (!equals || equals == word.p || equals == word.p + word.len - 1)
		return refuse(why, "a parameter is not name=value");
	name = (struct part){ word.p, equals - word.p };
	value = (struct part){ equals + 1, word.len - name.len - 1 };
	show = name.len < 32 ? name.len : 32;
	if (repeated(before, name))
		return refuse(why, "%.*s is there twice", show, name.p);
	for (int i = 0; i < SIPSEC_SDP_PARAMS; i++) {
		const char *wrong;

		if (!is(name, params[i].name))
			continue;
		wrong = params[i].parse(value, line);
		if (wrong)
			return refuse(why, "%s %s", params[i].name, wrong);
		line->present |= 1U << i;
		return 0;
	}
	if (*name.p != '-')
		return refuse(why, "%.*s is not a known parameter", show, name.p);
	return 0;
}

void sipsec_sdp_init(struct sipsec_sdp_line *line)
{
	*line = (struct sipsec_sdp_line){
		.mode = SIPSEC_MODE_TRANSPORT,
		.prf = SIPSEC_PRF_HMAC_SHA2_256,
		.rotate = SIPSEC_ROTATE_DEFAULT,
		.life = SIPSEC_LIFE_DEFAULT,
		.window = SIPSEC_WINDOW_DEFAULT,
	};
}

int sipsec_sdp_parse(const char *text, struct sipsec_sdp_line *line, char why[SIPSEC_WHY_MAX])
{
	struct part rest = { text, strnlen(text, SIPSEC_SDP_LINE_MAX) };
	struct part word, before;
	uint32_t tag;

	sipsec_sdp_init(line);
	if (rest.len == SIPSEC_SDP_LINE_MAX)
		return refuse(why, "the line is longer than %d octets", SIPSEC_SDP_LINE_MAX - 1);
	if (!printable(rest.p, rest.len))
		return refuse(why, "the line has octets that are not printable ASCII");
	if (!skip(&rest, SIPSEC_SDP_PREFIX))
		return refuse(why, "the line does not start with " SIPSEC_SDP_PREFIX);
	if (!number(next_word(&rest), 1, 999999999, &tag))
		return refuse(why, "the tag is not 1 to 9 digits without leading zero");
	line->tag = tag;
	line->suite = find_suite(next_word(&rest));
	if (!line->suite)
		return refuse(why, "the suite is not known");
	word = next_word(&rest);
	if (!skip(&word, "inline:") || !base64(word, line->secret))
		return refuse(why, "the secret is not inline: and 32 octets in base64");

	/* A space at the end of the line, or two in a row, leave an empty word. */
	before = (struct part){ rest.p, 0 };
	while (rest.len || rest.p[-1] == ' ') {
		word = next_word(&rest);
		if (parse_param(word, before, line, why))
			return -EBADMSG;
		before.len = rest.p - before.p;
	}
	if (!sipsec_sdp_has(line, SIPSEC_SDP_SPI))
		return refuse(why, "spi is missing");
	if (sipsec_sdp_has(line, SIPSEC_SDP_COMP) != sipsec_sdp_has(line, SIPSEC_SDP_CPI))
		return refuse(why, "comp and cpi need each other");
	return 0;
}

int sipsec_sdp_format(const struct sipsec_sdp_line *line, char line_text[SIPSEC_SDP_LINE_MAX])
{
	struct text text = { line_text, SIPSEC_SDP_LINE_MAX };

	add(&text, SIPSEC_SDP_PREFIX "%" PRIu32 " %s inline:", line->tag,
	    sipsec_suite_name(line->suite));
	add_base64(&text, line->secret);
	for (int i = 0; i < SIPSEC_SDP_PARAMS; i++) {
		if (!sipsec_sdp_has(line, i))
			continue;
		add(&text, " %s=", params[i].name);
		params[i].format(&text, line);
	}
	return text.left ? 0 : -ENOSPC;
}
