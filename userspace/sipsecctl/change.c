// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

#include "args.h"
#include "commands.h"
#include "print.h"
#include "secret.h"

static int read_id(const char *text, uint32_t *id)
{
	return args_number("group", text, 1, UINT32_MAX, id);
}

/* Groups */

struct group {
	struct sipsec_group_conf conf;
	const char *master_file;
};

static int take_local(const char *value, void *to)
{
	((struct group *)to)->conf.local = value;
	return 0;
}

static int take_peer(const char *value, void *to)
{
	((struct group *)to)->conf.peer = value;
	return 0;
}

static int take_role(const char *value, void *to)
{
	struct group *group = to;

	for (int role = SIPSEC_ROLE_OFFERER; role <= SIPSEC_ROLE_ANSWERER; role++) {
		if (!strcmp(value, name_of_role(role))) {
			group->conf.role = role;
			return 0;
		}
	}
	return complain("role: '%s' is not offerer or answerer", value);
}

static int take_suite(const char *value, void *to)
{
	struct group *group = to;

	group->conf.suite = sipsec_suite_by_name(value);
	if (group->conf.suite < 0)
		return complain("suite: there is no '%s'; try ESP_AES_128_GCM_16", value);
	return 0;
}

static int take_prf(const char *value, void *to)
{
	struct group *group = to;

	group->conf.prf = sipsec_prf_by_name(value);
	if (group->conf.prf < 0)
		return complain("prf: '%s' is not HMAC_SHA2_256 or HMAC_SHA2_384", value);
	return 0;
}

static int take_spi_in(const char *value, void *to)
{
	return args_block("spi-in", value, &((struct group *)to)->conf.spi_in);
}

static int take_spi_out(const char *value, void *to)
{
	return args_block("spi-out", value, &((struct group *)to)->conf.spi_out);
}

static int take_rotate(const char *value, void *to)
{
	return args_rotate(value, &((struct group *)to)->conf.rotate);
}

static int take_rotate_octets(const char *value, void *to)
{
	uint32_t octets = 0;
	int err = args_number("rotate-octets", value, 1, UINT32_MAX, &octets);

	((struct group *)to)->conf.rotate_octets = octets;
	return err;
}

static int take_rotate_time(const char *value, void *to)
{
	return args_number("rotate-time", value, 1, SIPSEC_ROTATE_TIME_MAX,
			   &((struct group *)to)->conf.rotate_time);
}

static int take_rotate_idle(const char *value, void *to)
{
	return args_number("rotate-idle", value, 1, SIPSEC_ROTATE_TIME_MAX,
			   &((struct group *)to)->conf.rotate_idle);
}

static int take_life(const char *value, void *to)
{
	return args_number("life", value, 1, UINT32_MAX, &((struct group *)to)->conf.life);
}

static int take_window(const char *value, void *to)
{
	return args_number("window", value, SIPSEC_WINDOW_MIN, SIPSEC_WINDOW_MAX,
			   &((struct group *)to)->conf.window);
}

static int take_mode(const char *value, void *to)
{
	for (int mode = SIPSEC_MODE_TRANSPORT; mode <= SIPSEC_MODE_BEET; mode++) {
		if (!strcmp(value, name_of_mode(mode))) {
			((struct group *)to)->conf.mode = mode;
			return 0;
		}
	}
	return complain("mode: '%s' is not transport, tunnel or beet", value);
}

static int take_esn(const char *value, void *to)
{
	(void)value;
	((struct group *)to)->conf.esn = true;
	return 0;
}

static int take_tfc(const char *value, void *to)
{
	return args_number("tfc", value, 1, UINT16_MAX, &((struct group *)to)->conf.tfc);
}

static int take_lookahead(const char *value, void *to)
{
	return args_number("lookahead", value, 1, SIPSEC_LOOKAHEAD_MAX,
			   &((struct group *)to)->conf.lookahead);
}

static int take_encap_port(const char *value, void *to)
{
	return args_port("encap-port", value, &((struct group *)to)->conf.encap_port);
}

static int take_encap_peer_port(const char *value, void *to)
{
	return args_port("encap-peer-port", value, &((struct group *)to)->conf.encap_peer_port);
}

static int take_persistent(const char *value, void *to)
{
	(void)value;
	(void)to;
	return 0;
}

static int take_master_file(const char *value, void *to)
{
	((struct group *)to)->master_file = value;
	return 0;
}

/* Whoever can run ps would have it, and so would the shell's history. */
static int refuse_master(const char *value, void *to)
{
	(void)value;
	(void)to;
	return complain("master: a secret does not belong on the command line; use master-file");
}

static int read_master(struct group *group, uint8_t master[SECRET_MAX])
{
	bool long_prf = group->conf.prf == SIPSEC_PRF_HMAC_SHA2_384;

	if (secret_read(group->master_file, master, &group->conf.master_len))
		return -1;
	if (group->conf.master_len != (long_prf ? 48 : 32))
		return complain("master-file: with this prf the secret has %d hex digits, not %zu",
				long_prf ? 96 : 64, 2 * group->conf.master_len);
	group->conf.master = master;
	return 0;
}

static int add_group(struct ctl *ctl, const struct sipsec_group_conf *conf)
{
	uint32_t id;
	int status;

	if (sipsec_group_new(ctl->s, conf, &id, NULL))
		return command_failed(ctl);
	if (sipsec_group_set(ctl->s, id, conf)) {
		status = command_failed(ctl);
		/* A reservation would block its SPIs until it times out. */
		sipsec_group_del(ctl->s, id);
		return status;
	}
	if (ctl->json)
		printf("{\"id\": %" PRIu32 "}\n", id);
	else
		printf("%" PRIu32 "\n", id);
	return DONE;
}

int command_group_add(struct ctl *ctl, char *const *words)
{
	static const char *const names[] = { "APP", NULL };
	static const struct keyword keywords[] = {
		{ "local", true, take_local, VALUE },
		{ "peer", true, take_peer, VALUE },
		{ "role", true, take_role, VALUE },
		{ "suite", true, take_suite, VALUE },
		{ "spi-in", true, take_spi_in, VALUE },
		{ "spi-out", true, take_spi_out, VALUE },
		{ "master-file", true, take_master_file, VALUE },
		{ "prf", false, take_prf, VALUE },
		{ "rotate", false, take_rotate, VALUE },
		{ "rotate-octets", false, take_rotate_octets, VALUE },
		{ "rotate-time", false, take_rotate_time, VALUE },
		{ "rotate-idle", false, take_rotate_idle, VALUE },
		{ "life", false, take_life, VALUE },
		{ "window", false, take_window, VALUE },
		{ "esn", false, take_esn, ALONE },
		{ "mode", false, take_mode, VALUE },
		{ "tfc", false, take_tfc, VALUE },
		{ "lookahead", false, take_lookahead, VALUE },
		{ "encap-port", false, take_encap_port, VALUE },
		{ "encap-peer-port", false, take_encap_peer_port, VALUE },
		/* said or not: a group that ends with this program would be of no use */
		{ "persistent", false, take_persistent, ALONE },
		{ "master", false, refuse_master, VALUE },
		{ 0 }
	};
	struct group group = { .conf.persistent = true, .conf.encap_fd = -1 };
	uint8_t master[SECRET_MAX];
	int status = FAILED;

	if (args_first(words, names, true) || args_read(words + 1, keywords, &group))
		return USAGE;
	if (!group.conf.encap_port != !group.conf.encap_peer_port) {
		complain("encap-port and encap-peer-port go together");
		return USAGE;
	}
	group.conf.app = words[0];
	if (!read_master(&group, master) && !command_connect(ctl))
		status = add_group(ctl, &group.conf);
	explicit_bzero(master, sizeof(master));
	return status;
}

static int with_group(struct ctl *ctl, char *const *words,
		      int (*act)(struct sipsec *s, uint32_t id))
{
	static const char *const names[] = { "ID", NULL };
	uint32_t id;

	if (args_first(words, names, false) || read_id(words[0], &id))
		return USAGE;
	if (command_connect(ctl))
		return FAILED;
	return command_result(ctl, act(ctl->s, id));
}

int command_group_del(struct ctl *ctl, char *const *words)
{
	return with_group(ctl, words, sipsec_group_del);
}

int command_group_rotate(struct ctl *ctl, char *const *words)
{
	return with_group(ctl, words, sipsec_group_rotate);
}

/* Flows */

struct flow {
	struct sipsec_flow_info key;
	bool has_local_port, has_peer_port;
	enum sipsec_flow_socket socket;
	uint32_t uid;
};

static int take_proto(const char *value, void *to)
{
	return args_protocol("proto", value, &((struct flow *)to)->key.protocol);
}

static int take_local_port(const char *value, void *to)
{
	struct flow *flow = to;

	flow->has_local_port = true;
	return args_port_any("local-port", value, &flow->key.local_port);
}

static int take_peer_port(const char *value, void *to)
{
	struct flow *flow = to;

	flow->has_peer_port = true;
	return args_port_any("peer-port", value, &flow->key.peer_port);
}

static int take_flow_uid(const char *value, void *to)
{
	struct flow *flow = to;

	if (!strcmp(value, "any")) {
		flow->socket = SIPSEC_FLOW_ANY;
		return 0;
	}
	flow->socket = SIPSEC_FLOW_UID;
	return args_uid(value, &flow->uid);
}

static int take_flow_local(const char *value, void *to)
{
	((struct flow *)to)->key.local = value;
	return 0;
}

static int take_flow_peer(const char *value, void *to)
{
	((struct flow *)to)->key.peer = value;
	return 0;
}

/* UDP has ports, and to forget one is not to mean any. */
static int check_ports(const struct flow *flow)
{
	if (flow->key.protocol != IPPROTO_UDP)
		return 0;
	if (!flow->has_local_port)
		return complain("local-port is missing; it is a number or any");
	if (!flow->has_peer_port)
		return complain("peer-port is missing; it is a number or any");
	return 0;
}

int command_flow_add(struct ctl *ctl, char *const *words)
{
	static const char *const names[] = { "GROUP", NULL };
	static const struct keyword keywords[] = {
		{ "proto", true, take_proto, VALUE },
		{ "local-port", false, take_local_port, VALUE },
		{ "peer-port", false, take_peer_port, VALUE },
		{ "uid", true, take_flow_uid, VALUE },
		{ 0 }
	};
	struct sipsec_flow_conf conf = { 0 };
	struct flow flow = { 0 };

	if (args_first(words, names, true) || read_id(words[0], &conf.group) ||
	    args_read(words + 1, keywords, &flow) || check_ports(&flow))
		return USAGE;
	conf.protocol = flow.key.protocol;
	conf.local_port = flow.key.local_port;
	conf.peer_port = flow.key.peer_port;
	conf.socket = flow.socket;
	conf.uid = flow.uid;
	if (command_connect(ctl))
		return FAILED;
	return command_result(ctl, sipsec_flow_bind(ctl->s, &conf));
}

int command_flow_del(struct ctl *ctl, char *const *words)
{
	static const struct keyword keywords[] = {
		{ "proto", true, take_proto, VALUE },
		{ "local", true, take_flow_local, VALUE },
		{ "local-port", false, take_local_port, VALUE },
		{ "peer", true, take_flow_peer, VALUE },
		{ "peer-port", false, take_peer_port, VALUE },
		{ 0 }
	};
	struct flow flow = { 0 };

	if (args_read(words, keywords, &flow) || check_ports(&flow))
		return USAGE;
	if (command_connect(ctl))
		return FAILED;
	return command_result(ctl, sipsec_flow_unbind(ctl->s, &flow.key));
}
