// SPDX-License-Identifier: GPL-2.0
/* What needs no kernel: words, secrets, output, and the tool's answer to wrong command lines. */
#include <fcntl.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <setjmp.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>
#include <cmocka.h>

#include "args.h"
#include "print.h"
#include "secret.h"

#define ROWS(table)	(sizeof(table) / sizeof((table)[0]))
#define SECRET	"000102030405060708090a0b0c0d0e0f101112131415161718191A1B1C1D1E1F"

/* Values: what is taken, or -1 */

static const struct value {
	const char *text;
	int64_t rotate, block, port;
} values[] = {
	{ "", -1, -1, -1 },
	{ "0", -1, -1, -1 },
	{ "1", -1, -1, 1 },
	{ "15", -1, -1, 15 },
	{ "16", 16, -1, 16 },
	{ "+16", -1, -1, -1 },
	{ "-16", -1, -1, -1 },
	{ " 16", -1, -1, -1 },
	{ "16 ", -1, -1, -1 },
	{ "16x", -1, -1, -1 },
	{ "0x10", -1, -1, -1 },
	{ "65535", 65535, -1, 65535 },
	{ "65536", 65536, -1, -1 },
	{ "2147483648", 2147483648, -1, -1 },
	{ "2147483649", -1, -1, -1 },
	{ "4294967312", -1, -1, -1 },
	{ "18446744073709551632", -1, -1, -1 },
	{ "2^3", -1, -1, -1 },
	{ "2^4", 16, -1, -1 },
	{ "2^31", 2147483648, -1, -1 },
	{ "2^32", -1, -1, -1 },
	{ "2^64", -1, -1, -1 },
	{ "2^", -1, -1, -1 },
	{ "5d1c2a00", -1, 0x5d1c2a00, -1 },
	{ "0x5D1C2A00", -1, 0x5d1c2a00, -1 },
	{ "00000100", 100, 0x100, 100 },
	{ "00000000", -1, -1, -1 },
	{ "5d1c2a01", -1, -1, -1 },
	{ "5d1c2a0", -1, -1, -1 },
	{ "05d1c2a00", -1, -1, -1 },
	{ "5d1c2g00", -1, -1, -1 },
};

static void test_values(void **state)
{
	(void)state;
	for (size_t i = 0; i < ROWS(values); i++) {
		const struct value *row = &values[i];
		uint32_t v;
		uint16_t port;

		print_message("'%s'\n", row->text);
		assert_true((args_rotate(row->text, &v) ? -1 : (int64_t)v) == row->rotate);
		assert_true((args_block("spi", row->text, &v) ? -1 : (int64_t)v) == row->block);
		assert_true((args_port("port", row->text, &port) ? -1 : port) == row->port);
	}
}

static void test_uid(void **state)
{
	uint32_t uid = 7;

	(void)state;
	assert_int_equal(args_uid("root", &uid), 0);
	assert_int_equal(uid, 0);
	assert_int_equal(args_uid("1234", &uid), 0);
	assert_int_equal(uid, 1234);
	/* (uid_t)-1 is nobody's */
	assert_int_equal(args_uid("4294967295", &uid), -1);
	assert_int_equal(args_uid("no such user", &uid), -1);
	assert_int_equal(args_gid("root", &uid), 0);
	assert_int_equal(uid, 0);
	assert_int_equal(args_gid("1234", &uid), 0);
	assert_int_equal(uid, 1234);
	assert_int_equal(args_gid("4294967295", &uid), -1);
	assert_int_equal(args_gid("no such group", &uid), -1);
}

/* Keywords */

struct taken {
	const char *a, *b;
	int flags;
};

static int take_a(const char *value, void *to)
{
	((struct taken *)to)->a = value;
	return 0;
}

static int take_b(const char *value, void *to)
{
	((struct taken *)to)->b = value;
	return strcmp(value, "bad") ? 0 : -1;
}

static int take_flag(const char *value, void *to)
{
	assert_null(value);
	((struct taken *)to)->flags++;
	return 0;
}

static int take_flag_value(const char *value, void *to)
{
	assert_non_null(value);
	((struct taken *)to)->flags++;
	return 0;
}

static void test_first(void **state)
{
	static const char *const names[] = { "NAME", NULL };

	(void)state;
	assert_int_equal(args_first((char *[]){ NULL }, names, true), -1);
	assert_int_equal(args_first((char *[]){ "x", NULL }, names, false), 0);
	assert_int_equal(args_first((char *[]){ "x", "y", NULL }, names, true), 0);
	assert_int_equal(args_first((char *[]){ "x", "y", NULL }, names, false), -1);
}

static void test_ports(void **state)
{
	static const struct {
		const char *text;
		int result, min, max;
	} rows[] = {
		{ "5060", 0, 5060, 5060 }, { "1-65535", 0, 1, 65535 }, { "7-7", 0, 7, 7 },
		{ "", -1, 0, 0 }, { "-", -1, 0, 0 }, { "1-", -1, 0, 0 }, { "-1", -1, 0, 0 },
		{ "0-1", -1, 0, 0 }, { "2-1", -1, 0, 0 }, { "1-65536", -1, 0, 0 },
		{ "1-2-3", -1, 0, 0 }, { "00000000001-2", -1, 0, 0 }, { "a-b", -1, 0, 0 },
	};

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++) {
		uint16_t min, max;

		assert_int_equal(args_ports(rows[i].text, &min, &max), rows[i].result);
		if (!rows[i].result) {
			assert_int_equal(min, rows[i].min);
			assert_int_equal(max, rows[i].max);
		}
	}
}

static void test_keywords(void **state)
{
	static const struct keyword table[] = {
		{ "a", true, take_a, VALUE },
		{ "b", false, take_b, VALUE },
		{ "flag", false, take_flag, ALONE },
		{ "m", false, take_flag_value, VALUES },
		{ 0 }
	};
	static const struct {
		char *words[8];
		int result;
	} rows[] = {
		{ { "a", "1", "flag", "b", "2", NULL }, 0 },
		{ { "flag", "b", "2", "a", "1", NULL }, 0 },
		{ { "a", "b", NULL }, 0 },
		{ { NULL }, -1 },
		{ { "b", "2", NULL }, -1 },
		{ { "a", NULL }, -1 },
		{ { "a", "1", "a", "1", NULL }, -1 },
		{ { "a", "1", "c", "1", NULL }, -1 },
		{ { "a", "1", "b", "bad", NULL }, -1 },
		{ { "a", "1", "flag", "flag", NULL }, -1 },
		{ { "m", "1", "a", "1", "m", "2", NULL }, 0 },
		{ { "a", "1", "m", "1", "m", NULL }, -1 },
	};
	struct taken taken = { 0 };

	(void)state;
	for (size_t i = 0; i < ROWS(rows); i++)
		assert_int_equal(args_read(rows[i].words, table, &taken), rows[i].result);
	memset(&taken, 0, sizeof(taken));
	assert_int_equal(args_read(rows[0].words, table, &taken), 0);
	assert_string_equal(taken.a, "1");
	assert_string_equal(taken.b, "2");
	assert_int_equal(taken.flags, 1);
}

/* Secrets */

static const struct secret {
	const char *text;
	int mode;
	int len;	/* octets, or -1 */
} secrets[] = {
	{ SECRET, 0600, 32 },
	{ SECRET "\n", 0400, 32 },
	{ SECRET "\r\n", 0600, 32 },
	{ SECRET "000102030405060708090a0b0c0d0e0f\n", 0600, 48 },
	{ SECRET "\n", 0640, -1 },
	{ SECRET "\n", 0604, -1 },
	{ SECRET "\n", 0620, -1 },
	{ SECRET "\n", 0601, -1 },
	{ "", 0600, -1 },
	{ "\n", 0600, -1 },
	{ SECRET "\n\n", 0600, -1 },
	{ SECRET " \n", 0600, -1 },
	{ "0x" SECRET, 0600, -1 },
	{ SECRET "00", 0600, -1 },
	{ "0" SECRET, 0600, -1 },
	{ SECRET SECRET, 0600, -1 },
	{ SECRET SECRET SECRET SECRET, 0600, -1 },
	{ "g00102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f", 0600, -1 },
};

static void test_secrets(void **state)
{
	char file[] = "/tmp/sipsecctl-test-XXXXXX";
	int fd = mkstemp(file);

	(void)state;
	assert_true(fd >= 0);
	for (size_t i = 0; i < ROWS(secrets); i++) {
		const struct secret *row = &secrets[i];
		uint8_t secret[SECRET_MAX];
		size_t len;
		int err;

		assert_int_equal(ftruncate(fd, 0), 0);
		assert_int_equal(pwrite(fd, row->text, strlen(row->text), 0), strlen(row->text));
		assert_int_equal(fchmod(fd, row->mode), 0);
		err = secret_read(file, secret, &len);
		assert_int_equal(err, row->len < 0 ? -1 : 0);
		if (err)
			continue;
		assert_int_equal(len, row->len);
		for (size_t k = 0; k < len; k++)
			assert_int_equal(secret[k], k % 32);
	}
	unlink(file);
	close(fd);
	assert_int_equal(secret_read(file, (uint8_t[SECRET_MAX]){ 0 }, &(size_t){ 0 }), -1);
}

/* Output */

static void print_all(struct print *p)
{
	print_open_list(p, "groups");
	for (int i = 1; i < 3; i++) {
		print_open(p, "group");
		print_number(p, "id", i, NULL);
		print_string(p, "app", "a \"b\\", "(a note)");
		print_spi(p, "spi-in", 0x100);
		print_flag(p, "persistent", i == 2);
		print_open_list(p, "rounds");
		for (int k = 0; k < i; k++) {
			print_open(p, "round");
			print_number(p, "number", k, NULL);
			print_flag(p, "current", !k);
			print_close(p);
		}
		print_close_list(p);
		print_close(p);
	}
	print_close_list(p);
	print_open_list(p, "flows");
	print_close_list(p);
}

static const char text[] =
	"group: 1\n"
	"  app: a \"b\\ (a note)\n"
	"  spi in: 00000100\n"
	"  round: number 0, current yes\n"
	"\n"
	"group: 2\n"
	"  app: a \"b\\ (a note)\n"
	"  spi in: 00000100\n"
	"  persistent: yes\n"
	"  round: number 0, current yes\n"
	"  round: number 1\n";

static const char json[] =
	"{\n"
	" \"groups\": [\n"
	"  {\n"
	"   \"id\": 1,\n"
	"   \"app\": \"a \\\"b\\\\\",\n"
	"   \"spi-in\": \"00000100\",\n"
	"   \"persistent\": false,\n"
	"   \"rounds\": [\n"
	"    {\n"
	"     \"number\": 0,\n"
	"     \"current\": true\n"
	"    }\n"
	"   ]\n"
	"  },\n"
	"  {\n"
	"   \"id\": 2,\n"
	"   \"app\": \"a \\\"b\\\\\",\n"
	"   \"spi-in\": \"00000100\",\n"
	"   \"persistent\": true,\n"
	"   \"rounds\": [\n"
	"    {\n"
	"     \"number\": 0,\n"
	"     \"current\": true\n"
	"    },\n"
	"    {\n"
	"     \"number\": 1,\n"
	"     \"current\": false\n"
	"    }\n"
	"   ]\n"
	"  }\n"
	" ],\n"
	" \"flows\": []\n"
	"}\n";

static void test_print(void **state)
{
	bool as_json = *state;
	struct print p;
	char *out;
	size_t len;
	FILE *file = open_memstream(&out, &len);

	assert_non_null(file);
	print_begin(&p, file, as_json);
	print_all(&p);
	print_end(&p);
	fclose(file);
	assert_string_equal(out, as_json ? json : text);
	free(out);
}

static void test_print_line(void **state)
{
	struct print p = { .json = true, .lines = true };
	char *out;
	size_t len;

	(void)state;
	p.file = open_memstream(&out, &len);
	assert_non_null(p.file);
	print_open(&p, NULL);
	print_number(&p, "time", UINT64_MAX, NULL);
	print_string(&p, "app", "a\x01", NULL);
	print_close(&p);
	fclose(p.file);
	assert_string_equal(out, "{\"time\": 18446744073709551615, \"app\": \"a\\u0001\"}");
	free(out);
}

/* The tool */

#define GROUP	"group add phone local 192.0.2.1 peer 192.0.2.2 role offerer" \
		" suite ESP_AES_128_GCM_16 spi-in 00000100 spi-out 00000200 "

static const struct usage {
	const char *args;
	int status;
	const char *says;
} usages[] = {
	{ "--version", 0, "sipsecctl 0." },
	{ "help", 0, "usage: sipsecctl" },
	{ "--help", 0, "usage: sipsecctl" },
	{ "-x", 2, "see sipsecctl help" },
	{ "app", 2, "there is no command 'app'" },
	{ "app new phone", 2, "there is no command 'app new'" },
	{ "app add", 2, "NAME is missing" },
	{ "app add phone", 2, "phone: one of uid, gid and cgroup is required" },
	{ "app set phone linger 1", 2, "phone: one of uid, gid and cgroup is required" },
	{ "app add phone uid", 2, "uid has no value" },
	{ "app add phone uid root uid root", 2, "uid is there twice" },
	{ "app add phone pid 0", 2, "pid: unknown keyword" },
	{ "app add phone gid x:y", 2, "gid: there is no group 'x:y'" },
	{ "app add phone max-groups 0", 2, "max-groups: '0' is not" },
	{ "app add phone max-flows 0", 2, "max-flows: '0' is not" },
	{ "app add phone max-groups-uid 0", 2, "max-groups-uid: '0' is not" },
	{ "app add phone max-flows-uid 0", 2, "max-flows-uid: '0' is not" },
	{ "app add phone level high", 2, "level: 'high' is not integrity or confidential" },
	{ "app add phone level integrity level integrity", 2, "level is there twice" },
	{ "app add phone min-suite AES", 2, "min-suite: there is no 'AES'" },
	{ "app add phone min-suite ESP_AES_256_GCM_16 ports 2-1", 2, "2-1 ends before it begins" },
	{ "app add phone ports 0-1", 2, "ports: '0' is not" },
	{ "app add phone linger x", 2, "linger: 'x' is not" },
	{ "app add phone protocols 47,", 2, "protocols: '' is not an IP protocol" },
	{ "app add phone protocols 47,x,48", 2, "protocols: 'x' is not an IP protocol" },
	{ "app add phone protocols $(printf '1,%.0s' $(seq 255))1", 2, "more than 255" },
	{ "app add phone $(printf 'peer 192.0.2.%d ' $(seq 17))", 2, "there are more than 16" },
	{ "app add phone cgroup $(printf '%0512d' 0)", 2, "more than 511 octets" },
	{ "app show phone now", 2, "'now' is one word too many" },
	{ "app load /etc now", 2, "'now' is one word too many" },
	{ "app del", 2, "NAME is missing" },
	{ "app del phone now", 2, "'now' is one word too many" },
	{ "show all", 2, "show: 'all' is not apps, groups, flows or stats" },
	{ "show apps groups", 2, "'groups' is one word too many" },
	{ "stats phone now", 2, "'now' is one word too many" },
	{ "monitor all", 2, "'all' is one word too many" },
	{ "group del", 2, "ID is missing" },
	{ "group del x", 2, "group: 'x' is not a number" },
	{ "group del 0", 2, "group: '0' is not a number" },
	{ "group rotate 1 2", 2, "'2' is one word too many" },
	{ "group add phone", 2, "local is missing" },
	{ GROUP, 2, "master-file is missing" },
	{ GROUP "master " SECRET, 2, "a secret does not belong on the command line" },
	{ GROUP "rotate 2^3 master-file -", 2, "rotate: '2^3' is not" },
	{ GROUP "mode x master-file -", 2, "mode: 'x' is not transport, tunnel or beet" },
	{ GROUP "window 63 master-file -", 2, "window: '63' is not" },
	{ GROUP "life 0 master-file -", 2, "life: '0' is not" },
	{ GROUP "prf SHA1 master-file -", 2, "prf: 'SHA1' is not" },
	{ GROUP "master-file /nonexistent", 1, "/nonexistent: No such file" },
	{ GROUP "master-file - </dev/null", 1, "standard input: a master secret is" },
	{ GROUP "prf HMAC_SHA2_384 master-file - <<E\n" SECRET "\nE\n", 1,
	  "with this prf the secret has 96 hex digits, not 64" },
	{ "group add phone role caller", 2, "role: 'caller' is not offerer" },
	{ "group add phone suite AES", 2, "suite: there is no 'AES'" },
	{ "flow add", 2, "GROUP is missing" },
	{ "flow add 1 proto none-of-them", 2, "proto: 'none-of-them' is not an IP protocol" },
	{ "flow add 1 proto 256", 2, "proto: '256' is not an IP protocol" },
	{ "flow add 1 proto udp local-port 1 peer-port 2", 2, "uid is missing" },
	{ "flow add 1 proto udp uid any peer-port any", 2, "local-port is missing" },
	{ "flow add 1 proto 17 uid any local-port 1", 2, "peer-port is missing" },
	{ "flow del proto udp local 192.0.2.1 local-port 0", 2, "local-port: '0' is not" },
	{ "flow del proto udp", 2, "local is missing" },
};

static void test_usage(void **state)
{
	const char *tool = getenv("SIPSECCTL");

	(void)state;
	assert_non_null(tool);
	for (size_t i = 0; i < ROWS(usages); i++) {
		char command[1024], says[8192];
		size_t len;
		FILE *out;
		int status;

		snprintf(command, sizeof(command), "exec 2>&1; %s %s", tool, usages[i].args);
		print_message("%s\n", usages[i].args);
		out = popen(command, "r");
		assert_non_null(out);
		len = fread(says, 1, sizeof(says) - 1, out);
		says[len] = '\0';
		status = pclose(out);
		if (!strstr(says, usages[i].says))
			fail_msg("%s", says);
		/* what a secret looks like is never said */
		assert_null(strstr(says, "000102030405"));
		assert_int_equal(WEXITSTATUS(status), usages[i].status);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(test_values),
		cmocka_unit_test(test_uid),
		cmocka_unit_test(test_first),
		cmocka_unit_test(test_ports),
		cmocka_unit_test(test_keywords),
		cmocka_unit_test(test_secrets),
		{ .name = "test_print text", .test_func = test_print },
		{ .name = "test_print json", .test_func = test_print, .initial_state = "json" },
		cmocka_unit_test(test_print_line),
		cmocka_unit_test(test_usage),
	};

	return cmocka_run_group_tests_name("sipsecctl", tests, NULL, NULL);
}
