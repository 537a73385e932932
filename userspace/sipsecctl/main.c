// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <getopt.h>
#include <stdio.h>
#include <string.h>

#include "args.h"
#include "commands.h"

static const struct command {
	const char *word[2];
	int (*run)(struct ctl *ctl, char *const *words);
	const char *args;
	const char *does;
} commands[] = {
	{ { "show" }, command_show, "[apps|groups|flows|stats]",
	  "what there is, and counters that are not zero; also without any command" },
	{ { "stats" }, command_stats, "[APP]",
	  "why packets were dropped: a line for each reason, with what to do" },
	{ { "monitor" }, command_monitor, "", "events as they happen, one per line" },
	{ { "app", "add" }, command_app_add,
	  "NAME [uid UID|USER] [gid GID|GROUP] [cgroup PATH]\n"
	  "          [max-groups N] [max-flows N] [max-groups-uid N] [max-flows-uid N]\n"
	  "          [max-memory MIB] [max-memory-uid MIB]\n"
	  "          [level integrity|confidential] [min-suite NAME] [ports LO-HI]\n"
	  "          [peer ADDR[/BITS]]... [linger SECONDS] [legacy]\n"
	  "          [viewer GID|GROUP] [wildcard] [protocols P,...]",
	  "register an app that processes of this user, group and cgroup may open" },
	{ { "app", "set" }, command_app_set, "NAME ...",
	  "give an app other settings, all of them as in app add" },
	{ { "app", "del" }, command_app_del, "NAME", "remove an app and end its groups" },
	{ { "app", "show" }, command_app_show, "[NAME]", "show one app, or all" },
	{ { "app", "load" }, command_app_load, "[DIR]",
	  "app add, or app set, for each line of the files DIR/*.conf (/etc/sipsec/apps.d)" },
	{ { "group", "add" }, command_group_add,
	  "APP local ADDR peer ADDR role offerer|answerer suite NAME\n"
	  "          spi-in BLOCK spi-out BLOCK [prf PRF] [rotate N|2^N] [life SECONDS]\n"
	  "          [rotate-octets N] [rotate-time SECONDS] [rotate-idle SECONDS]\n"
	  "          [window N] [esn] [mode MODE] [tfc N] [lookahead N]\n"
	  "          [encap-port N encap-peer-port N] [persistent] master-file FILE|-",
	  "make a persistent group from a master secret and print its id" },
	{ { "group", "del" }, command_group_del, "ID", "end a group; its flows are closed" },
	{ { "group", "rotate" }, command_group_rotate, "ID",
	  "move the send direction to its next round now" },
	{ { "flow", "add" }, command_flow_add,
	  "GROUP proto udp local-port N|any peer-port N|any uid UID|USER|any\n"
	  "          or GROUP proto P uid any",
	  "let sockets of that user use a persistent group" },
	{ { "flow", "del" }, command_flow_del,
	  "proto P local ADDR [local-port N|any] peer ADDR [peer-port N|any]",
	  "remove a flow: its packets are plain traffic again" },
};

#define N_COMMANDS	(sizeof(commands) / sizeof(commands[0]))

int command_failed(struct ctl *ctl)
{
	complain("%s", sipsec_error(ctl->s));
	return FAILED;
}

int command_result(struct ctl *ctl, int err)
{
	return err ? command_failed(ctl) : DONE;
}

int command_connect(struct ctl *ctl)
{
	return sipsec_connect(&ctl->s) ? command_failed(ctl) : DONE;
}

static void help(FILE *file)
{
	fputs("usage: sipsecctl [-j] [COMMAND]\n\n", file);
	for (size_t i = 0; i < N_COMMANDS; i++) {
		const struct command *c = &commands[i];

		fprintf(file, "  %s%s%s%s%s\n      %s\n", c->word[0], c->word[1] ? " " : "",
			c->word[1] ? c->word[1] : "", *c->args ? " " : "", c->args, c->does);
	}
	fputs("  help\n      this text\n\n"
	      "  -j, --json   show and monitor as JSON\n"
	      "  -h, --help   this text\n"
	      "  --version    the version\n", file);
}

static const struct command *find(char *const *words, int *n_words)
{
	for (size_t i = 0; i < N_COMMANDS; i++) {
		const struct command *c = &commands[i];

		if (strcmp(words[0], c->word[0]))
			continue;
		*n_words = c->word[1] ? 2 : 1;
		if (!c->word[1] || (words[1] && !strcmp(words[1], c->word[1])))
			return c;
	}
	return NULL;
}

static int run(struct ctl *ctl, char *const *words)
{
	const struct command *command;
	int n_words;

	if (!words[0])
		return command_show(ctl, words);
	if (!strcmp(words[0], "help")) {
		help(stdout);
		return DONE;
	}
	command = find(words, &n_words);
	if (!command) {
		complain("there is no command '%s%s%s'; see sipsecctl help", words[0],
			 words[1] ? " " : "", words[1] ? words[1] : "");
		return USAGE;
	}
	return command->run(ctl, words + n_words);
}

int main(int argc, char **argv)
{
	enum { VERSION = 256 };
	static const struct option options[] = {
		{ "json", no_argument, NULL, 'j' },
		{ "help", no_argument, NULL, 'h' },
		{ "version", no_argument, NULL, VERSION },
		{ 0 }
	};
	struct ctl ctl = { 0 };
	int option, status;

	while ((option = getopt_long(argc, argv, "jh", options, NULL)) != -1) {
		switch (option) {
		case 'j':
			ctl.json = true;
			break;
		case 'h':
			help(stdout);
			return DONE;
		case VERSION:
			printf("sipsecctl %s\n", sipsec_version());
			return DONE;
		default:
			fputs("see sipsecctl help\n", stderr);
			return USAGE;
		}
	}
	status = run(&ctl, argv + optind);
	sipsec_close(ctl.s);
	if (fflush(stdout) || ferror(stdout)) {
		complain("writing the output: %s", strerror(errno));
		status = FAILED;
	}
	return status;
}
