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
	{ { "monitor" }, command_monitor, "", "events as they happen, one per line" },
	{ { "app", "add" }, command_app_add, "NAME uid UID|USER",
	  "register an app that this user may open" },
	{ { "app", "del" }, command_app_del, "NAME", "remove an app and end its groups" },
	{ { "group", "add" }, command_group_add,
	  "APP local ADDR peer ADDR role offerer|answerer suite NAME\n"
	  "          spi-in BLOCK spi-out BLOCK [prf PRF] [rotate N|2^N] [life SECONDS]\n"
	  "          [window N] [persistent] master-file FILE|-",
	  "make a persistent group from a master secret and print its id" },
	{ { "group", "del" }, command_group_del, "ID", "end a group; its flows are closed" },
	{ { "group", "rotate" }, command_group_rotate, "ID",
	  "move the send direction to its next round now" },
	{ { "flow", "add" }, command_flow_add,
	  "GROUP proto udp local-port N peer-port N uid UID|USER|any",
	  "let sockets of that user use a persistent group" },
	{ { "flow", "del" }, command_flow_del,
	  "proto udp local ADDR local-port N peer ADDR peer-port N",
	  "remove a flow: its packets are plain traffic again" },
};

#define N_COMMANDS	(sizeof(commands) / sizeof(commands[0]))

int command_failed(struct ctl *ctl)
{
	complain("%s", sipsec_error(ctl->s));
	return FAILED;
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
