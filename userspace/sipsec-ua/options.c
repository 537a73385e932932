// SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define TIMEOUT		10
#define TIMEOUT_MAX	3600

static const char usage[] =
"usage: sipsec-ua --user NAME --domain DOMAIN --proxy IP[:PORT] --local IP[:PORT]\n"
"                 (--app NAME | --clear) [options]\n"
"\n"
"Registers, then calls or waits for one call; the caller hangs up when both have spoken.\n"
"\n"
"  --call URI            call this SIP URI\n"
"  --app NAME            protect the media with SAs of this app (see sipsecctl app add)\n"
"  --clear               media in clear\n"
"  --prefer              go on in clear where the other side knows no ipsec-sa\n"
"  --suite NAME          suite to offer or accept, as in SDP; repeat it by preference\n"
"  --rotate N            packets per round\n"
"  --play FILE           speak this file (WAV, 8000 Hz, mono, 16 bit)\n"
"  --record FILE         write what is heard to this WAV file\n"
"  --log-sent FILE       a line per RTP packet: sequence number, payload in hex\n"
"  --log-received FILE   the same of what came\n"
"  --trace FILE          SIP messages, without key material\n"
"  --timeout SECONDS     how long to wait for the proxy (10)\n";

static void refuse(const char *why, const char *what)
{
	(void)re_fprintf(stderr, "sipsec-ua: %s%s (see sipsec-ua --help)\n", why, what);
	exit(2);
}

static uint32_t to_number(const char *option, const char *text, unsigned long max)
{
	unsigned long value;
	char *end;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (errno || end == text || *end || *text == '-' || !value || value > max)
		refuse(option, ": no such number");
	return (uint32_t)value;
}

static void to_address(const char *option, const char *text, struct sa *sa)
{
	if (sa_decode(sa, text, strlen(text)) && sa_set_str(sa, text, SIP_PORT))
		refuse(option, ": not an IP address");
}

static void add_suite(struct security_conf *security, const char *name)
{
	if (security->n_suites == ARRAY_SIZE(security->suites))
		refuse("too many suites", "");
	security->suites[security->n_suites++] = name;
}

/* Options of which only the text is kept. Return: where, or NULL. */
static const char **text_of(struct options *opt, const char *name)
{
	const struct {
		const char *name;
		const char **text;
	} texts[] = {
		{ "user", &opt->user },
		{ "domain", &opt->domain },
		{ "call", &opt->target },
		{ "trace", &opt->trace },
		{ "app", &opt->security.app },
		{ "play", &opt->audio.play },
		{ "record", &opt->audio.record },
		{ "log-sent", &opt->audio.log_sent },
		{ "log-received", &opt->audio.log_received },
	};
	size_t i;

	for (i = 0; i < ARRAY_SIZE(texts); i++) {
		if (!strcmp(texts[i].name, name))
			return texts[i].text;
	}
	return NULL;
}

static void take(struct options *opt, const char *name, const char *value)
{
	const char **text = text_of(opt, name);

	if (text)
		*text = value;
	else if (!strcmp(name, "proxy"))
		to_address("--proxy", value, &opt->proxy);
	else if (!strcmp(name, "local"))
		to_address("--local", value, &opt->local);
	else if (!strcmp(name, "suite"))
		add_suite(&opt->security, value);
	else if (!strcmp(name, "rotate"))
		opt->security.rotate = to_number("--rotate", value, UINT32_MAX);
	else if (!strcmp(name, "timeout"))
		opt->timeout = to_number("--timeout", value, TIMEOUT_MAX);
	else if (!strcmp(name, "clear"))
		opt->clear = true;
	else if (!strcmp(name, "prefer"))
		opt->security.prefer = true;
}

void options_read(struct options *opt, int argc, char *argv[])
{
	static const struct option table[] = {
		{ "user", required_argument, NULL, 0 },
		{ "domain", required_argument, NULL, 0 },
		{ "proxy", required_argument, NULL, 0 },
		{ "local", required_argument, NULL, 0 },
		{ "call", required_argument, NULL, 0 },
		{ "app", required_argument, NULL, 0 },
		{ "clear", no_argument, NULL, 0 },
		{ "prefer", no_argument, NULL, 0 },
		{ "suite", required_argument, NULL, 0 },
		{ "rotate", required_argument, NULL, 0 },
		{ "play", required_argument, NULL, 0 },
		{ "record", required_argument, NULL, 0 },
		{ "log-sent", required_argument, NULL, 0 },
		{ "log-received", required_argument, NULL, 0 },
		{ "trace", required_argument, NULL, 0 },
		{ "timeout", required_argument, NULL, 0 },
		{ "help", no_argument, NULL, 'h' },
		{ 0 }
	};
	int which = 0;
	int c;

	memset(opt, 0, sizeof(*opt));
	opt->timeout = TIMEOUT;
	sa_init(&opt->local, AF_UNSPEC);
	sa_init(&opt->proxy, AF_UNSPEC);

	while ((c = getopt_long(argc, argv, "", table, &which)) != -1) {
		if (c == 'h') {
			fputs(usage, stdout);
			exit(0);
		}
		if (c != 0)
			exit(2);	/* getopt has said why */
		take(opt, table[which].name, optarg);
	}
	if (optind < argc)
		refuse("what is this: ", argv[optind]);
	if (!opt->user || !opt->domain || !sa_isset(&opt->proxy, SA_ADDR) ||
	    !sa_isset(&opt->local, SA_ADDR))
		refuse("--user, --domain, --proxy and --local are needed", "");
	if (opt->clear == !!opt->security.app)
		refuse("give either --app or --clear", "");
}
