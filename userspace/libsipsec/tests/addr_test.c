// SPDX-License-Identifier: LGPL-2.1-or-later
/* Addresses: as text, as sockets have them, and what they are. */
#include <errno.h>
#include <string.h>
#include <sys/socket.h>

#include "addr.h"
#include "table.h"

/* Every host has a device of this name, and its number. */
#define LO	"lo"
#define LO_NUMBER "1"

static const struct text {
	const char *name;
	const char *text;
	/* What is written of it, or NULL if it cannot be read. */
	const char *again;
	uint8_t len;
} texts[] = {
	{ "IPv4", "192.0.2.1", "192.0.2.1", 4 },
	{ "IPv6", "2001:DB8:0::1", "2001:db8::1", 16 },
	{ "mapped", "::ffff:192.0.2.1", "192.0.2.1", 4 },
	{ "compatible, which is none", "::192.0.2.1", "::192.0.2.1", 16 },
	{ "link-local", "fe80::1", "fe80::1", 16 },
	{ "link-local, device", "fe80::1%" LO, "fe80::1%" LO, 16 },
	{ "link-local, number", "fe80::1%" LO_NUMBER, "fe80::1%" LO, 16 },
	{ "link-local, number of none", "fe80::1%2147483647", "fe80::1%2147483647", 16 },
	{ "link-local, too large a number", "fe80::1%2147483648", NULL, 0 },
	{ "link-local, no such device", "fe80::1%nosuchdevice", NULL, 0 },
	{ "link-local, empty", "fe80::1%", NULL, 0 },
	{ "link-local, zero", "fe80::1%0", NULL, 0 },
	{ "link without link-local", "2001:db8::1%" LO, NULL, 0 },
	{ "IPv4 and a link", "192.0.2.1%" LO, NULL, 0 },
	{ "too long before the link",
	  "fe80:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000:0000%" LO, NULL, 0 },
	{ "a name", "localhost", NULL, 0 },
	{ "empty", "", NULL, 0 },
	{ "abbreviated IPv4", "192.2", NULL, 0 },
	{ "brackets", "[2001:db8::1]", NULL, 0 },
};

static void test_text(void **state)
{
	const struct text *row = *state;
	char again[SIPSEC_ADDR_TEXT];
	struct sipsec_addr addr;

	assert_int_equal(sipsec_addr_parse(row->text, &addr), row->again ? 0 : -EINVAL);
	if (!row->again)
		return;
	assert_int_equal(addr.len, row->len);
	assert_string_equal(sipsec_addr_format(&addr, again), row->again);
}

static const struct one {
	const char *name;
	const char *text;
	bool unicast, link_local;
} ones[] = {
	{ "IPv4", "192.0.2.1", true, false },
	{ "IPv4 unspecified", "0.0.0.0", false, false },
	{ "IPv4 multicast", "224.0.0.1", false, false },
	{ "IPv4 broadcast", "255.255.255.255", false, false },
	{ "IPv4 link-local, which is routed like others", "169.254.0.1", true, false },
	{ "IPv6", "2001:db8::1", true, false },
	{ "IPv6 unspecified", "::", false, false },
	{ "IPv6 multicast", "ff02::1", false, false },
	{ "IPv6 link-local", "fe80::1", true, true },
	{ "IPv6 link-local, last", "febf:ffff::", true, true },
	{ "IPv6 behind them", "fec0::1", true, false },
};

static void test_one(void **state)
{
	const struct one *row = *state;
	struct sipsec_addr addr;

	assert_int_equal(sipsec_addr_parse(row->text, &addr), 0);
	assert_int_equal(sipsec_addr_is_unicast(&addr), row->unicast);
	assert_int_equal(sipsec_addr_is_link_local(&addr), row->link_local);
}

static void test_socket(void **state)
{
	struct sockaddr_in in = { .sin_family = AF_INET, .sin_port = htons(5060),
				  .sin_addr.s_addr = htonl(0xc0000201) };
	struct sockaddr_in6 in6 = { .sin6_family = AF_INET6, .sin6_port = htons(5061),
				    .sin6_scope_id = 1 };
	const struct sockaddr none = { .sa_family = AF_UNIX };
	struct sipsec_addr addr, wanted;
	uint16_t port;

	(void)state;
	assert_int_equal(sipsec_addr_of((void *)&in, sizeof(in), &addr, &port), 0);
	assert_int_equal(sipsec_addr_parse("192.0.2.1", &wanted), 0);
	assert_true(sipsec_addr_equal(&addr, &wanted));
	assert_int_equal(port, 5060);

	/* A dual-stack socket's IPv4 peer. */
	memset(in6.sin6_addr.s6_addr + 10, 0xff, 2);
	memcpy(in6.sin6_addr.s6_addr + 12, &in.sin_addr, 4);
	assert_int_equal(sipsec_addr_of((void *)&in6, sizeof(in6), &addr, &port), 0);
	assert_true(sipsec_addr_equal(&addr, &wanted));
	assert_int_equal(port, 5061);

	assert_int_equal(sipsec_addr_parse("fe80::1%" LO_NUMBER, &wanted), 0);
	memcpy(&in6.sin6_addr, wanted.octets, 16);
	assert_int_equal(sipsec_addr_of((void *)&in6, sizeof(in6), &addr, &port), 0);
	assert_true(sipsec_addr_equal(&addr, &wanted));
	in6.sin6_scope_id = 2;
	assert_int_equal(sipsec_addr_of((void *)&in6, sizeof(in6), &addr, &port), 0);
	assert_false(sipsec_addr_equal(&addr, &wanted));

	assert_int_equal(sipsec_addr_of((void *)&in, sizeof(in) - 1, &addr, &port), -EAFNOSUPPORT);
	assert_int_equal(sipsec_addr_of((void *)&in6, sizeof(in6) - 1, &addr, &port),
			 -EAFNOSUPPORT);
	assert_int_equal(sipsec_addr_of(&none, sizeof(in6), &addr, &port), -EAFNOSUPPORT);
}

static void test_none(void **state)
{
	const struct sipsec_addr none = { 0 };
	char text[SIPSEC_ADDR_TEXT];

	(void)state;
	assert_string_equal(sipsec_addr_format(&none, text), "");
	assert_true(sipsec_addr_equal(&none, &none));
	assert_false(sipsec_addr_is_link_local(&none));
}

int main(void)
{
	struct tests tests = { .n = 0 };

	ADD_TABLE(&tests, test_text, texts);
	ADD_TABLE(&tests, test_one, ones);
	add_test(&tests, "as a socket has it", test_socket, NULL);
	add_test(&tests, "no address", test_none, NULL);
	return run_table("addr", &tests);
}
