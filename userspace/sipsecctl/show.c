// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>
#include <netinet/in.h>
#include <pwd.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "args.h"
#include "commands.h"
#include "print.h"

/* What a counter that is not zero tells, and what to do about it. NULL: it counts what is well. */
static const char *const hints[SIPSEC_A_STATS_MAX + 1] = {
	[SIPSEC_A_STATS_OUT_LATE] =
		"sent past the threshold: rounds are too short for this packet rate, raise rotate",
	[SIPSEC_A_STATS_OUT_DROP_CLOSED] =
		"the group has ended, the program still sends: it should end media before the dialog",
	[SIPSEC_A_STATS_OUT_DROP_SOCKET] =
		"another socket than the bound one sent to a flow: find who uses the app's ports",
	[SIPSEC_A_STATS_OUT_DROP_FLOW] =
		"a bound socket sent elsewhere than its flows: bind a flow for each peer and port",
	[SIPSEC_A_STATS_OUT_DROP_POLICY] =
		"an IPsec policy of this host claimed the packets: see ip xfrm policy",
	[SIPSEC_A_STATS_OUT_DROP_MTU] =
		"too big with ESP for the path: send smaller packets, or without DF",
	[SIPSEC_A_STATS_OUT_DROP_REWRITTEN] =
		"something changed route or addresses: exempt flows from NAT and marks (nft list ruleset)",
	[SIPSEC_A_STATS_OUT_DROP_LIMIT] =
		"the next round was not ready for long: raise rotate, look for memory errors in dmesg",
	[SIPSEC_A_STATS_OUT_DROP_MEMORY] =
		"no memory in the send path: see free and dmesg",
	[SIPSEC_A_STATS_OUT_DROP_ERROR] =
		"the IPsec engine refused the packets: see /proc/net/xfrm_stat and dmesg",
	[SIPSEC_A_STATS_OUT_DROP_ICMP] =
		"errors that would have quoted decrypted media were held back: is the port open?",
	[SIPSEC_A_STATS_IN_DROP_CLEAR] =
		"clear text or a foreign SA for a bound socket: the peer has no group, or an attack",
	[SIPSEC_A_STATS_IN_DROP_CLOSED] =
		"the group has ended, the peer still sends: normal for a moment after a call",
	[SIPSEC_A_STATS_IN_DROP_FLOW] =
		"decrypted, but no flow has these ports: bind them (RTCP too?), or the peer is wrong",
	[SIPSEC_A_STATS_IN_DROP_SOCKET] =
		"the flow's socket is closed or connected to another peer",
	[SIPSEC_A_STATS_IN_DROP_FORWARD] =
		"decrypted packets would have left this host again: look for DNAT or TPROXY rules",
	[SIPSEC_A_STATS_IN_DROP_ICMP] =
		"clear ICMP errors about flows were ignored: the peer's port may be closed, or an attack",
	[SIPSEC_A_STATS_EVENT_LOST] =
		"the program does not read its events: it should poll sipsec_fd()",
};

static void show_round(struct print *p, const struct sipsec_round_info *round)
{
	print_open(p, "round");
	print_string(p, "direction", name_of_direction(round->direction), NULL);
	print_number(p, "number", round->number, NULL);
	print_spi(p, "spi", round->spi);
	print_number(p, "packets", round->packets, NULL);
	print_flag(p, "current", round->current);
	print_close(p);
}

/* A reserved group has no more than its block. */
static void show_keys(struct print *p, const struct sipsec_group_info *group)
{
	const char *suite = sipsec_suite_name(group->suite), *prf = sipsec_prf_name(group->prf);

	print_string(p, "peer", group->peer, NULL);
	if (*group->peer_identity)
		print_string(p, "peer-identity", group->peer_identity, NULL);
	print_spi(p, "spi-out", group->spi_out);
	print_string(p, "role", name_of_role(group->role), NULL);
	print_string(p, "suite", suite ? suite : "?", NULL);
	print_string(p, "prf", prf ? prf : "?", NULL);
	print_string(p, "mode", name_of_mode(group->mode), NULL);
	print_number(p, "rotate", group->rotate, "packets");
	if (group->rotate_octets)
		print_number(p, "rotate-octets", group->rotate_octets, "octets");
	if (group->rotate_time)
		print_number(p, "rotate-time", group->rotate_time, "seconds");
	if (group->rotate_idle)
		print_number(p, "rotate-idle", group->rotate_idle, "seconds without a packet");
	if (group->replaces)
		print_number(p, "replaces", group->replaces, NULL);
	print_number(p, "life", group->life, "seconds");
	print_number(p, "window", group->window, "packets");
	print_flag(p, "esn", group->esn);
	if (group->tfc)
		print_number(p, "tfc", group->tfc, "octets");
	print_number(p, "lookahead", group->lookahead, "rounds");
	if (group->encap_port) {
		print_number(p, "encap-port", group->encap_port, "UDP around ESP");
		print_number(p, "encap-peer-port", group->encap_peer_port, NULL);
	}
	print_number(p, "packets-out", group->packets_out, NULL);
	print_number(p, "packets-in", group->packets_in, NULL);
	if (p->json || group->late)
		print_alarm(p, "late", group->late,
			    "packets past the threshold: raise rotate");
	print_open_list(p, "rounds");
	for (size_t i = 0; i < group->n_rounds; i++)
		show_round(p, &group->rounds[i]);
	print_close_list(p);
}

static void show_group(const struct sipsec_group_info *group, void *arg)
{
	static const char *const notes[] = {
		[SIPSEC_GROUP_STATE_RESERVED] = "(no keys yet)",
		[SIPSEC_GROUP_STATE_UNCONFIRMED] =
			"(no packet of the peer has authenticated yet: its keys may differ)",
		[SIPSEC_GROUP_STATE_UP] = NULL,
	};
	bool known = group->state > 0 && group->state <= SIPSEC_GROUP_STATE_UP;
	struct print *p = arg;

	print_open(p, "group");
	print_number(p, "id", group->id, NULL);
	print_string(p, "app", group->app, NULL);
	print_string(p, "state", name_of_state(group->state), known ? notes[group->state] : NULL);
	print_flag(p, "persistent", group->persistent);
	print_flag(p, "orphan", group->orphan);
	print_number(p, "remaining", group->remaining, "seconds");
	print_string(p, "local", group->local, NULL);
	print_spi(p, "spi-in", group->spi_in);
	if (group->state != SIPSEC_GROUP_STATE_RESERVED)
		show_keys(p, group);
	print_close(p);
}

static void show_protocol(struct print *p, uint8_t protocol)
{
	if (protocol == IPPROTO_UDP)
		print_string(p, "protocol", "udp", NULL);
	else
		print_number(p, "protocol", protocol, NULL);
}

static void show_port(struct print *p, const char *key, uint16_t port)
{
	print_number(p, key, port, port ? NULL : "(any)");
}

static void show_flow(const struct sipsec_flow_info *flow, void *arg)
{
	struct print *p = arg;

	print_open(p, "flow");
	show_protocol(p, flow->protocol);
	print_string(p, "local", flow->local, NULL);
	show_port(p, "local-port", flow->local_port);
	print_string(p, "peer", flow->peer, NULL);
	show_port(p, "peer-port", flow->peer_port);
	print_number(p, "group", flow->group,
		     flow->group ? NULL : "(closed: its group has ended, packets are dropped)");
	print_string(p, "app", flow->app, NULL);
	print_flag(p, "any", flow->any);
	if (!flow->any)
		show_user(p, "uid", flow->uid);
	print_flag(p, "shared", flow->shared);
	print_close(p);
}

static bool all_zero(const struct sipsec_stats *stats)
{
	for (size_t i = 0; i < stats->n_counters; i++)
		if (stats->counters[i])
			return false;
	return true;
}

static void show_stats(const struct sipsec_stats *stats, void *arg)
{
	struct print *p = arg;

	if (!p->json && all_zero(stats))
		return;
	print_open(p, "counters");
	print_string(p, "app", *stats->app || p->json ? stats->app : "(no app found)", NULL);
	for (size_t i = 0; i < stats->n_counters; i++) {
		const char *name = sipsec_counter_name(i);

		if (!name || (!p->json && !stats->counters[i]))
			continue;
		if (i <= SIPSEC_A_STATS_MAX && hints[i])
			print_alarm(p, name, stats->counters[i], hints[i]);
		else
			print_number(p, name, stats->counters[i], NULL);
	}
	print_close(p);
}

/* One line for each counter that asks for something to be done. */
static void print_hints(const struct sipsec_stats *stats, void *arg)
{
	bool *any = arg;

	for (size_t i = 0; i < stats->n_counters && i <= SIPSEC_A_STATS_MAX; i++) {
		if (!hints[i] || !stats->counters[i])
			continue;
		printf("%s %s %" PRIu64 ": %s\n", *stats->app ? stats->app : "-",
		       sipsec_counter_name(i), stats->counters[i], hints[i]);
		*any = true;
	}
}

static int list_apps(struct sipsec *s, struct print *p)
{
	return sipsec_app_list(s, show_app, p);
}

static int list_groups(struct sipsec *s, struct print *p)
{
	return sipsec_group_list(s, show_group, p);
}

static int list_flows(struct sipsec *s, struct print *p)
{
	return sipsec_flow_list(s, show_flow, p);
}

static int list_stats(struct sipsec *s, struct print *p)
{
	return sipsec_stats_list(s, show_stats, p);
}

static const struct {
	const char *name;
	int (*list)(struct sipsec *s, struct print *p);
} sections[] = {
	{ "apps", list_apps },
	{ "groups", list_groups },
	{ "flows", list_flows },
	{ "stats", list_stats },
};

#define N_SECTIONS	(sizeof(sections) / sizeof(sections[0]))

static bool is_section(const char *word)
{
	for (size_t i = 0; i < N_SECTIONS; i++)
		if (!strcmp(word, sections[i].name))
			return true;
	return false;
}

int command_stats(struct ctl *ctl, char *const *words)
{
	bool any = false;
	struct print p;
	int err;

	if (words[0] && words[1]) {
		complain("'%s' is one word too many", words[1]);
		return USAGE;
	}
	if (command_connect(ctl))
		return FAILED;
	if (ctl->json) {
		print_begin(&p, stdout, true);
		print_open_list(&p, "stats");
		err = words[0] ? sipsec_stats_get(ctl->s, words[0], show_stats, &p) :
				 sipsec_stats_list(ctl->s, show_stats, &p);
		print_close_list(&p);
		print_end(&p);
	} else {
		err = words[0] ? sipsec_stats_get(ctl->s, words[0], print_hints, &any) :
				 sipsec_stats_list(ctl->s, print_hints, &any);
		if (!err && !any)
			puts("no packet was dropped and no event lost");
	}
	return command_result(ctl, err);
}

int command_show(struct ctl *ctl, char *const *words)
{
	struct print p;
	int err = 0;

	if (words[0] && !is_section(words[0])) {
		complain("show: '%s' is not apps, groups, flows or stats", words[0]);
		return USAGE;
	}
	if (words[0] && words[1]) {
		complain("show: '%s' is one word too many", words[1]);
		return USAGE;
	}
	if (command_connect(ctl))
		return FAILED;
	print_begin(&p, stdout, ctl->json);
	for (size_t i = 0; i < N_SECTIONS && !err; i++) {
		if (words[0] && strcmp(words[0], sections[i].name))
			continue;
		print_open_list(&p, sections[i].name);
		err = sections[i].list(ctl->s, &p);
		print_close_list(&p);
	}
	print_end(&p);
	if (err)
		return command_failed(ctl);
	if (!p.any && geteuid())
		fputs("nothing to show: only CAP_NET_ADMIN (root) sees the apps of all users\n",
		      stderr);
	return DONE;
}
