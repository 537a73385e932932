// SPDX-License-Identifier: LGPL-2.1-or-later
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <errno.h>
#include <linux/sipsec.h>

#include "sdp.h"
#include "table.h"

#define GCM	" ESP_AES_128_GCM_16"
/* octets 0, 1 .. 31 */
#define SECRET	" inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8="
#define START	"ipsec-sa:1" GCM SECRET
#define DH	" dh=x25519:ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8="
#define SPI	" spi=5d1c2a00"

/* What a line says: written again it comes out in our order and spelling. */
static const struct good {
	const char *name;
	const char *line;
	const char *again;
} good[] = {
	{ "only what is required", START SPI, START SPI },
	{ "largest tag", "ipsec-sa:999999999" GCM SECRET SPI,
	  "ipsec-sa:999999999" GCM SECRET SPI },
	{ "a suite this kernel has not", "ipsec-sa:1 ESP_NULL_HMAC_SHA1_96" SECRET SPI,
	  "ipsec-sa:1 ESP_NULL_HMAC_SHA1_96" SECRET SPI },
	{ "spi in capitals", START " spi=5D1C2A00", START SPI },
	{ "lowest spi", START " spi=00000100", START " spi=00000100" },
	{ "spi below the foreign range", START " spi=bfffff00", START " spi=bfffff00" },
	{ "spi above the foreign range", START " spi=d0000000", START " spi=d0000000" },
	{ "addr IPv4", START SPI " addr=192.0.2.1", START SPI " addr=192.0.2.1" },
	{ "addr IPv6", START SPI " addr=2001:DB8::2", START SPI " addr=2001:db8::2" },
	{ "mode transport", START SPI " mode=transport", START SPI " mode=transport" },
	{ "mode tunnel", START SPI " mode=tunnel", START SPI " mode=tunnel" },
	{ "mode beet", START SPI " mode=beet", START SPI " mode=beet" },
	{ "prf 256", START SPI " prf=HMAC_SHA2_256", START SPI " prf=HMAC_SHA2_256" },
	{ "prf 384", START SPI " prf=HMAC_SHA2_384", START SPI " prf=HMAC_SHA2_384" },
	{ "rotate lowest", START SPI " rotate=16", START SPI " rotate=2^4" },
	{ "rotate number", START SPI " rotate=1000", START SPI " rotate=1000" },
	{ "rotate highest", START SPI " rotate=2147483648", START SPI " rotate=2^31" },
	{ "rotate lowest power", START SPI " rotate=2^4", START SPI " rotate=2^4" },
	{ "rotate highest power", START SPI " rotate=2^31", START SPI " rotate=2^31" },
	{ "life lowest", START SPI " life=1", START SPI " life=1" },
	{ "life highest", START SPI " life=4294967295", START SPI " life=4294967295" },
	{ "window", START SPI " window=4096", START SPI " window=4096" },
	{ "esn 0", START SPI " esn=0", START SPI " esn=0" },
	{ "esn 1", START SPI " esn=1", START SPI " esn=1" },
	{ "comp and cpi", START SPI " comp=deflate cpi=00Af", START SPI " comp=deflate cpi=00af" },
	{ "tfc none", START SPI " tfc=0", START SPI " tfc=0" },
	{ "tfc", START SPI " tfc=1400", START SPI " tfc=1400" },
	{ "encap", START SPI " encap=udp:4500", START SPI " encap=udp:4500" },
	{ "dh", START SPI DH, START SPI DH },
	{ "any order", START DH " life=60 rotate=2^10 addr=192.0.2.1" SPI,
	  START SPI " addr=192.0.2.1 rotate=2^10 life=60" DH },
	{ "unknown with a dash", START " -color=red" SPI " -x=a=b", START SPI },
	{ "all at once", START SPI " addr=192.0.2.1 mode=beet prf=HMAC_SHA2_384 rotate=17 life=2"
	  " window=65 esn=1 comp=deflate cpi=1234 tfc=1 encap=udp:65535" DH,
	  START SPI " addr=192.0.2.1 mode=beet prf=HMAC_SHA2_384 rotate=17 life=2"
	  " window=65 esn=1 comp=deflate cpi=1234 tfc=1 encap=udp:65535" DH },
};

static const struct bad {
	const char *name;
	const char *line;
	const char *why;	/* begins so */
	uint32_t tag;		/* that is read nevertheless */
} bad[] = {
	{ "empty", "", "the line does not start", 0 },
	{ "with a=", "a=" START SPI, "the line does not start", 0 },
	{ "capitals", "IPSEC-SA:1" GCM SECRET SPI, "the line does not start", 0 },
	{ "crypto", "crypto:1" GCM SECRET SPI, "the line does not start", 0 },
	{ "line feed", START SPI "\n", "the line has octets", 0 },
	{ "carriage return", START SPI "\r", "the line has octets", 0 },
	{ "tab", START "\tspi=5d1c2a00", "the line has octets", 0 },
	{ "beyond ASCII", START SPI " -x=\xc3\xa4", "the line has octets", 0 },

	{ "tag missing", "ipsec-sa:" GCM SECRET SPI, "the tag", 0 },
	{ "tag zero", "ipsec-sa:0" GCM SECRET SPI, "the tag", 0 },
	{ "tag with leading zero", "ipsec-sa:01" GCM SECRET SPI, "the tag", 0 },
	{ "tag of ten digits", "ipsec-sa:1000000000" GCM SECRET SPI, "the tag", 0 },
	{ "tag with sign", "ipsec-sa:+1" GCM SECRET SPI, "the tag", 0 },
	{ "tag hex", "ipsec-sa:a" GCM SECRET SPI, "the tag", 0 },
	{ "space before tag", "ipsec-sa: 1" GCM SECRET SPI, "the tag", 0 },

	{ "only a tag", "ipsec-sa:7", "the suite is not known", 7 },
	{ "suite unknown", "ipsec-sa:7 ESP_ROT13" SECRET SPI, "the suite is not known", 7 },
	{ "suite in small letters", "ipsec-sa:7 esp_aes_128_gcm_16" SECRET SPI,
	  "the suite is not known", 7 },
	{ "suite by number", "ipsec-sa:7 1" SECRET SPI, "the suite is not known", 7 },
	{ "suite cut off", "ipsec-sa:7 ESP_AES_128_GCM_1" SECRET SPI,
	  "the suite is not known", 7 },
	{ "two spaces before suite", "ipsec-sa:7 " GCM SECRET SPI, "the suite is not known", 7 },

	{ "secret missing", "ipsec-sa:7" GCM, "the secret", 7 },
	{ "secret without inline", "ipsec-sa:7" GCM
	  " AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=" SPI, "the secret", 7 },
	{ "secret empty", "ipsec-sa:7" GCM " inline:" SPI, "the secret", 7 },
	{ "secret of 31 octets", "ipsec-sa:7" GCM
	  " inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHg==" SPI, "the secret", 7 },
	{ "secret of 33 octets", "ipsec-sa:7" GCM
	  " inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8g" SPI, "the secret", 7 },
	{ "secret without padding", "ipsec-sa:7" GCM
	  " inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8" SPI, "the secret", 7 },
	{ "secret with unused bits set", "ipsec-sa:7" GCM
	  " inline:AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh9=" SPI, "the secret", 7 },
	{ "secret in URL base64", "ipsec-sa:7" GCM
	  " inline:--ECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=" SPI, "the secret", 7 },
	{ "secret with padding inside", "ipsec-sa:7" GCM
	  " inline:AA==AwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=" SPI, "the secret", 7 },
	{ "secret with a lifetime as in RFC 4568", START "|2^20" SPI, "the secret", 1 },

	{ "no spi", START, "spi is missing", 1 },
	{ "no spi, others", START " addr=192.0.2.1", "spi is missing", 1 },
	{ "spi of 7 digits", START " spi=5d1c2a0", "spi is not 8", 1 },
	{ "spi of 9 digits", START " spi=5d1c2a000", "spi is not 8", 1 },
	{ "spi with 0x", START " spi=0x5d1c2a", "spi is not 8", 1 },
	{ "spi not hex", START " spi=5d1c2g00", "spi is not 8", 1 },
	{ "spi not a block", START " spi=5d1c2a01", "spi is not a block", 1 },
	{ "spi reserved", START " spi=00000000", "spi is not a block", 1 },
	{ "spi first foreign", START " spi=c0000000", "spi lies in", 1 },
	{ "spi last foreign", START " spi=cfffff00", "spi lies in", 1 },
	{ "spi empty", START " spi=", "a parameter is not", 1 },
	{ "spi twice", START SPI SPI, "spi is there twice", 1 },
	{ "spi twice, not in a row", START SPI " life=1" SPI, "spi is there twice", 1 },

	{ "addr a name", START SPI " addr=ua1.example.com", "addr is not an address", 1 },
	{ "addr abbreviated", START SPI " addr=192.0.2", "addr is not an address", 1 },
	{ "addr with leading zero", START SPI " addr=192.0.2.01", "addr is not an address", 1 },
	{ "addr with port", START SPI " addr=192.0.2.1:5060", "addr is not an address", 1 },
	{ "addr in brackets", START SPI " addr=[2001:db8::2]", "addr is not an address", 1 },
	{ "addr with zone", START SPI " addr=fe80::1%eth0", "addr is not an address", 1 },
	{ "addr too long", START SPI " addr=0000:0000:0000:0000:0000:0000:0000:0000:0000:0001",
	  "addr is not an address", 1 },
	{ "addr unspecified", START SPI " addr=0.0.0.0", "addr is not the address", 1 },
	{ "addr multicast", START SPI " addr=224.0.0.1", "addr is not the address", 1 },
	{ "addr broadcast", START SPI " addr=255.255.255.255", "addr is not the address", 1 },
	{ "addr IPv6 unspecified", START SPI " addr=::", "addr is not the address", 1 },
	{ "addr IPv6 multicast", START SPI " addr=ff02::1", "addr is not the address", 1 },

	{ "mode unknown", START SPI " mode=tunnels", "mode is not", 1 },
	{ "prf unknown", START SPI " prf=HMAC_SHA1", "prf is not", 1 },
	{ "rotate below", START SPI " rotate=15", "rotate is not", 1 },
	{ "rotate above", START SPI " rotate=2147483649", "rotate is not", 1 },
	{ "rotate beyond 32 bits", START SPI " rotate=4294967316", "rotate is not", 1 },
	{ "rotate of many digits", START SPI " rotate=18446744073709551636", "rotate is not", 1 },
	{ "rotate power below", START SPI " rotate=2^3", "rotate is not", 1 },
	{ "rotate power above", START SPI " rotate=2^32", "rotate is not", 1 },
	{ "rotate power without exponent", START SPI " rotate=2^", "rotate is not", 1 },
	{ "rotate power of 3", START SPI " rotate=3^9", "rotate is not", 1 },
	{ "rotate negative", START SPI " rotate=-100", "rotate is not", 1 },
	{ "rotate with leading zero", START SPI " rotate=0100", "rotate is not", 1 },
	{ "rotate hex", START SPI " rotate=0x100", "rotate is not", 1 },
	{ "life zero", START SPI " life=0", "life is not", 1 },
	{ "life above", START SPI " life=4294967296", "life is not", 1 },
	{ "life with unit", START SPI " life=60s", "life is not", 1 },
	{ "window zero", START SPI " window=0", "window is not", 1 },
	{ "window above", START SPI " window=4294967296", "window is not", 1 },
	{ "esn 2", START SPI " esn=2", "esn is not", 1 },
	{ "esn yes", START SPI " esn=yes", "esn is not", 1 },
	{ "comp unknown", START SPI " comp=lzs cpi=1234", "comp is not", 1 },
	{ "comp without cpi", START SPI " comp=deflate", "comp and cpi", 1 },
	{ "cpi without comp", START SPI " cpi=1234", "comp and cpi", 1 },
	{ "cpi of 3 digits", START SPI " comp=deflate cpi=123", "cpi is not", 1 },
	{ "cpi not hex", START SPI " comp=deflate cpi=12x4", "cpi is not", 1 },
	{ "tfc above", START SPI " tfc=65536", "tfc is not", 1 },
	{ "encap without udp", START SPI " encap=4500", "encap is not", 1 },
	{ "encap tcp", START SPI " encap=tcp:4500", "encap is not", 1 },
	{ "encap port zero", START SPI " encap=udp:0", "encap is not", 1 },
	{ "encap port above", START SPI " encap=udp:65536", "encap is not", 1 },
	{ "dh unknown", START SPI
	  " dh=x448:ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pj8=", "dh is not", 1 },
	{ "dh short", START SPI
	  " dh=x25519:ICEiIyQlJicoKSorLC0uLzAxMjM0NTY3ODk6Ozw9Pg==", "dh is not", 1 },
	{ "dh twice", START SPI DH DH, "dh is there twice", 1 },

	{ "unknown parameter", START SPI " color=red", "color is not a known", 1 },
	{ "parameter in capitals", START " SPI=5d1c2a00", "SPI is not a known", 1 },
	{ "parameter cut off", START SPI " rotat=100", "rotat is not a known", 1 },
	{ "long unknown parameter is cut", START SPI
	  " aaaaaaaaaabbbbbbbbbbccccccccccddxxxxxx=1",
	  "aaaaaaaaaabbbbbbbbbbccccccccccdd is not", 1 },
	{ "unknown with a dash twice", START SPI " -x=1 -x=2", "-x is there twice", 1 },
	{ "without equals", START SPI " rotate", "a parameter is not", 1 },
	{ "without name", START SPI " =1", "a parameter is not", 1 },
	{ "dash without value", START SPI " -x=", "a parameter is not", 1 },
	{ "dash without equals", START SPI " -x", "a parameter is not", 1 },
	{ "two spaces", START SPI "  life=1", "a parameter is not", 1 },
	{ "space at the end", START SPI " ", "a parameter is not", 1 },
};

static void test_good(void **state)
{
	const struct good *row = *state;
	char why[SIPSEC_WHY_MAX] = "", again[SIPSEC_SDP_LINE_MAX];
	struct sipsec_sdp_line line;

	if (sipsec_sdp_parse(row->line, &line, why))
		fail_msg("%s", why);
	assert_int_equal(sipsec_sdp_format(&line, again), 0);
	assert_string_equal(again, row->again);
}

static void test_bad(void **state)
{
	const struct bad *row = *state;
	char why[SIPSEC_WHY_MAX] = "";
	struct sipsec_sdp_line line;

	assert_int_equal(sipsec_sdp_parse(row->line, &line, why), -EBADMSG);
	if (strncmp(why, row->why, strlen(row->why)))
		fail_msg("%s", why);
	assert_int_equal(line.tag, row->tag);
}

static void test_defaults(void **state)
{
	char why[SIPSEC_WHY_MAX];
	struct sipsec_sdp_line line;

	(void)state;
	assert_int_equal(sipsec_sdp_parse(START SPI, &line, why), 0);
	assert_int_equal(line.tag, 1);
	assert_int_equal(line.suite, SIPSEC_SUITE_ESP_AES_128_GCM_16);
	for (int i = 0; i < SIPSEC_SECRET_LEN; i++)
		assert_int_equal(line.secret[i], i);
	assert_int_equal(line.present, 1U << SIPSEC_SDP_SPI);
	assert_int_equal(line.spi, 0x5d1c2a00);
	assert_int_equal(line.addr.len, 0);
	assert_int_equal(line.mode, SIPSEC_MODE_TRANSPORT);
	assert_int_equal(line.prf, SIPSEC_PRF_HMAC_SHA2_256);
	assert_int_equal(line.rotate, 1 << 20);
	assert_int_equal(line.life, 86400);
	assert_int_equal(line.window, 1024);
	assert_false(line.esn);
	assert_false(line.comp);
	assert_int_equal(line.tfc, 0);
	assert_int_equal(line.encap, 0);
}

static void test_values(void **state)
{
	char why[SIPSEC_WHY_MAX];
	struct sipsec_sdp_line line;

	(void)state;
	assert_int_equal(sipsec_sdp_parse(START SPI " addr=192.0.2.1 mode=beet prf=HMAC_SHA2_384"
					  " rotate=17 life=2 window=65 esn=1 comp=deflate cpi=1234"
					  " tfc=3 encap=udp:4500" DH, &line, why), 0);
	assert_int_equal(line.present, (1U << SIPSEC_SDP_PARAMS) - 1);
	assert_int_equal(line.addr.len, 4);
	assert_memory_equal(line.addr.octets, "\xc0\x00\x02\x01", 4);
	assert_int_equal(line.mode, SIPSEC_MODE_BEET);
	assert_int_equal(line.prf, SIPSEC_PRF_HMAC_SHA2_384);
	assert_int_equal(line.rotate, 17);
	assert_int_equal(line.life, 2);
	assert_int_equal(line.window, 65);
	assert_true(line.esn);
	assert_true(line.comp);
	assert_int_equal(line.cpi, 0x1234);
	assert_int_equal(line.tfc, 3);
	assert_int_equal(line.encap, 4500);
	for (int i = 0; i < SIPSEC_SECRET_LEN; i++)
		assert_int_equal(line.dh[i], 32 + i);
}

/* A line of 1023 octets is read, one more is not. */
static void test_length(void **state)
{
	static const char start[] = START SPI " -x=";
	char text[SIPSEC_SDP_LINE_MAX + 1], why[SIPSEC_WHY_MAX];
	struct sipsec_sdp_line line;

	(void)state;
	memset(text, 'x', sizeof(text));
	memcpy(text, start, sizeof(start) - 1);
	text[SIPSEC_SDP_LINE_MAX] = '\0';
	assert_int_equal(sipsec_sdp_parse(text, &line, why), -EBADMSG);
	assert_string_equal(why, "the line is longer than 1023 octets");
	text[SIPSEC_SDP_LINE_MAX - 1] = '\0';
	assert_int_equal(sipsec_sdp_parse(text, &line, why), 0);
}

/* No line, cut off or with one octet changed, may be read past its end. */
static void test_mutations(void **state)
{
	static const char whole[] = START SPI " addr=192.0.2.1 mode=beet prf=HMAC_SHA2_384"
		" rotate=2^20 life=2 window=65 esn=1 comp=deflate cpi=1234 tfc=1 encap=udp:4500" DH;
	char why[SIPSEC_WHY_MAX], again[SIPSEC_SDP_LINE_MAX];
	static const char octets[] = " =:^-0zA\xff\n";
	struct sipsec_sdp_line line;

	(void)state;
	for (size_t len = 0; len < sizeof(whole); len++) {
		/* exactly as large as the text: the sanitizer sees one octet more */
		char *text = strndup(whole, len);

		assert_non_null(text);
		sipsec_sdp_parse(text, &line, why);
		for (size_t i = 0; i < sizeof(octets) - 1 && len; i++) {
			text[len - 1] = octets[i];
			if (!sipsec_sdp_parse(text, &line, why))
				assert_int_equal(sipsec_sdp_format(&line, again), 0);
		}
		free(text);
	}
}

int main(void)
{
	static struct tests tests;

	ADD_TABLE(&tests, test_good, good);
	ADD_TABLE(&tests, test_bad, bad);
	add_test(&tests, "defaults", test_defaults, NULL);
	add_test(&tests, "values", test_values, NULL);
	add_test(&tests, "length", test_length, NULL);
	add_test(&tests, "mutations", test_mutations, NULL);
	return run_table("sdp", &tests);
}
