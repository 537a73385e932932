// SPDX-License-Identifier: LGPL-2.1-or-later
/* Apps, groups, flows and counters: their requests, and their replies and events as structures. */
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>

#include <netlink/genl/genl.h>

#include "addr.h"
#include "netlink.h"
#include "sipsec.h"

#define LIST_TRIES	4

/* Types are checked so that a getter never reads past an attribute. */

static struct nla_policy app_policy[SIPSEC_A_APP_MAX + 1] = {
	[SIPSEC_A_APP_NAME] = { .type = NLA_STRING },
	[SIPSEC_A_APP_UID] = { .type = NLA_U32 },
	[SIPSEC_A_APP_GROUPS] = { .type = NLA_U32 },
	[SIPSEC_A_APP_FLOWS] = { .type = NLA_U32 },
	[SIPSEC_A_APP_OWNERS] = { .type = NLA_U32 },
	[SIPSEC_A_APP_GID] = { .type = NLA_U32 },
	[SIPSEC_A_APP_CGROUP] = { .type = NLA_STRING },
	[SIPSEC_A_APP_MAX_GROUPS] = { .type = NLA_U32 },
	[SIPSEC_A_APP_MAX_FLOWS] = { .type = NLA_U32 },
	[SIPSEC_A_APP_MAX_GROUPS_UID] = { .type = NLA_U32 },
	[SIPSEC_A_APP_MAX_FLOWS_UID] = { .type = NLA_U32 },
	[SIPSEC_A_APP_LEVEL] = { .type = NLA_U32 },
	[SIPSEC_A_APP_MIN_SUITE] = { .type = NLA_U32 },
	[SIPSEC_A_APP_PORT_MIN] = { .type = NLA_U16 },
	[SIPSEC_A_APP_PORT_MAX] = { .type = NLA_U16 },
	[SIPSEC_A_APP_PEER] = { .maxlen = 17 },
	[SIPSEC_A_APP_LINGER] = { .type = NLA_U32 },
	[SIPSEC_A_APP_LEGACY] = { .type = NLA_FLAG },
	[SIPSEC_A_APP_VIEWER] = { .type = NLA_U32 },
	[SIPSEC_A_APP_MAX_MEMORY] = { .type = NLA_U64 },
	[SIPSEC_A_APP_MAX_MEMORY_UID] = { .type = NLA_U64 },
	[SIPSEC_A_APP_MEMORY] = { .type = NLA_U64 },
	[SIPSEC_A_APP_WILDCARD] = { .type = NLA_FLAG },
};

static struct nla_policy round_policy[SIPSEC_A_ROUND_MAX + 1] = {
	[SIPSEC_A_ROUND_DIRECTION] = { .type = NLA_U32 },
	[SIPSEC_A_ROUND_NUMBER] = { .type = NLA_U64 },
	[SIPSEC_A_ROUND_SPI] = { .type = NLA_U32 },
	[SIPSEC_A_ROUND_PACKETS] = { .type = NLA_U64 },
	[SIPSEC_A_ROUND_CURRENT] = { .type = NLA_FLAG },
};

static struct nla_policy group_policy[SIPSEC_A_GROUP_MAX + 1] = {
	[SIPSEC_A_GROUP_ID] = { .type = NLA_U32 },
	[SIPSEC_A_GROUP_APP] = { .type = NLA_STRING },
	[SIPSEC_A_GROUP_STATE] = { .type = NLA_U32 },
	[SIPSEC_A_GROUP_ROLE] = { .type = NLA_U32 },
	[SIPSEC_A_GROUP_SUITE] = { .type = NLA_U32 },
	[SIPSEC_A_GROUP_PRF] = { .type = NLA_U32 },
	[SIPSEC_A_GROUP_MODE] = { .type = NLA_U32 },
	[SIPSEC_A_GROUP_SPI_IN] = { .type = NLA_U32 },
	[SIPSEC_A_GROUP_SPI_OUT] = { .type = NLA_U32 },
	[SIPSEC_A_GROUP_LOCAL] = { .maxlen = 16 },
	[SIPSEC_A_GROUP_PEER] = { .maxlen = 16 },
	[SIPSEC_A_GROUP_ROTATE] = { .type = NLA_U32 },
	[SIPSEC_A_GROUP_LIFE] = { .type = NLA_U32 },
	[SIPSEC_A_GROUP_WINDOW] = { .type = NLA_U32 },
	[SIPSEC_A_GROUP_PERSISTENT] = { .type = NLA_FLAG },
	[SIPSEC_A_GROUP_ROUND] = { .type = NLA_NESTED },
	[SIPSEC_A_GROUP_REMAINING] = { .type = NLA_U32 },
	[SIPSEC_A_GROUP_LATE] = { .type = NLA_U64 },
	[SIPSEC_A_GROUP_END_REASON] = { .type = NLA_U32 },
	[SIPSEC_A_GROUP_PACKETS_OUT] = { .type = NLA_U64 },
	[SIPSEC_A_GROUP_PACKETS_IN] = { .type = NLA_U64 },
	[SIPSEC_A_GROUP_ORPHAN] = { .type = NLA_FLAG },
	[SIPSEC_A_GROUP_PEER_IDENTITY] = { .type = NLA_STRING },
	[SIPSEC_A_GROUP_ESN] = { .type = NLA_FLAG },
	[SIPSEC_A_GROUP_ROTATE_OCTETS] = { .type = NLA_U64 },
	[SIPSEC_A_GROUP_ROTATE_TIME] = { .type = NLA_U32 },
	[SIPSEC_A_GROUP_ROTATE_IDLE] = { .type = NLA_U32 },
	[SIPSEC_A_GROUP_REPLACES] = { .type = NLA_U32 },
	[SIPSEC_A_GROUP_TFC] = { .type = NLA_U16 },
	[SIPSEC_A_GROUP_LOOKAHEAD] = { .type = NLA_U8 },
};

static struct nla_policy rotation_policy[SIPSEC_A_ROTATION_MAX + 1] = {
	[SIPSEC_A_ROTATION_ID] = { .type = NLA_U32 },
	[SIPSEC_A_ROTATION_APP] = { .type = NLA_STRING },
	[SIPSEC_A_ROTATION_DIRECTION] = { .type = NLA_U32 },
	[SIPSEC_A_ROTATION_NUMBER] = { .type = NLA_U64 },
	[SIPSEC_A_ROTATION_SPI] = { .type = NLA_U32 },
	[SIPSEC_A_ROTATION_PACKETS] = { .type = NLA_U64 },
	[SIPSEC_A_ROTATION_TIME] = { .type = NLA_U64 },
	[SIPSEC_A_ROTATION_CAUSE] = { .type = NLA_U32 },
};

static struct nla_policy flow_policy[SIPSEC_A_FLOW_MAX + 1] = {
	[SIPSEC_A_FLOW_GROUP] = { .type = NLA_U32 },
	[SIPSEC_A_FLOW_APP] = { .type = NLA_STRING },
	[SIPSEC_A_FLOW_PROTOCOL] = { .type = NLA_U8 },
	[SIPSEC_A_FLOW_LOCAL] = { .maxlen = 16 },
	[SIPSEC_A_FLOW_LOCAL_PORT] = { .type = NLA_U16 },
	[SIPSEC_A_FLOW_PEER] = { .maxlen = 16 },
	[SIPSEC_A_FLOW_PEER_PORT] = { .type = NLA_U16 },
	[SIPSEC_A_FLOW_UID] = { .type = NLA_U32 },
	[SIPSEC_A_FLOW_ANY] = { .type = NLA_FLAG },
	[SIPSEC_A_FLOW_SHARED] = { .type = NLA_FLAG },
	[SIPSEC_A_FLOW_PEER_IDENTITY] = { .type = NLA_STRING },
};

static uint8_t get_u8(struct nlattr *attr)
{
	return attr ? nla_get_u8(attr) : 0;
}

static uint16_t get_u16(struct nlattr *attr)
{
	return attr ? nla_get_u16(attr) : 0;
}

static uint32_t get_u32(struct nlattr *attr)
{
	return attr ? nla_get_u32(attr) : 0;
}

static uint64_t get_u64(struct nlattr *attr)
{
	return attr ? nla_get_u64(attr) : 0;
}

static const char *get_string(struct nlattr *attr)
{
	return attr ? nla_get_string(attr) : "";
}

static const char *get_addr(struct nlattr *attr, struct nlattr *ifindex,
			    char text[SIPSEC_ADDR_TEXT])
{
	struct sipsec_addr addr = { .ifindex = get_u32(ifindex) };

	if (attr && (nla_len(attr) == 4 || nla_len(attr) == 16)) {
		addr.len = nla_len(attr);
		memcpy(addr.octets, nla_data(attr), addr.len);
	}
	return sipsec_addr_format(&addr, text);
}

static int bad_reply(struct sipsec *s)
{
	return sipsec_netlink_fail(s, -EPROTO, "the kernel's answer cannot be read");
}

/*
 * Replies are turned into the caller's structures one by one. The caller's function has a type of
 * its own per object: it is handed through as what it is part of.
 */
struct reader {
	int (*read)(const struct nlmsghdr *nlh, const struct reader *reader);
	union {
		void (*app)(const struct sipsec_app_info *app, void *arg);
		void (*group)(const struct sipsec_group_info *group, void *arg);
		void (*flow)(const struct sipsec_flow_info *flow, void *arg);
		void (*stats)(const struct sipsec_stats *stats, void *arg);
	} cb;
	void *arg;
};

static int read_replies(struct sipsec *s, struct sipsec_netlink_list *replies,
			const struct reader *reader)
{
	int err = 0;

	for (struct sipsec_netlink_msg *msg = replies->first; msg && !err; msg = msg->next)
		err = reader->read(&msg->nlh, reader);
	sipsec_netlink_clear(replies);
	if (err == -ENOMEM)
		return sipsec_netlink_fail(s, err, "no memory for the kernel's answer");
	return err ? bad_reply(s) : 0;
}

static int get(struct sipsec *s, struct nl_msg *msg, int full, const struct reader *reader)
{
	struct sipsec_netlink_list replies;
	int err = sipsec_netlink_send(s, msg, full, &replies);

	if (err)
		return err;
	return replies.first ? read_replies(s, &replies, reader) : bad_reply(s);
}

static int list(struct sipsec *s, uint8_t cmd, const struct reader *reader)
{
	struct sipsec_netlink_list replies;
	int err = -EAGAIN;

	for (int i = 0; i < LIST_TRIES && err == -EAGAIN; i++)
		err = sipsec_netlink_send(s, sipsec_netlink_new(s, cmd, NLM_F_DUMP), 0, &replies);
	return err ? err : read_replies(s, &replies, reader);
}

/* nla_put*() must not see the NULL that stands for a request without memory. */

static int put_string(struct nl_msg *msg, int type, const char *string)
{
	return msg ? nla_put_string(msg, type, string) : -1;
}

static int put_u8(struct nl_msg *msg, int type, uint8_t value)
{
	return msg ? nla_put_u8(msg, type, value) : -1;
}

static int put_u16(struct nl_msg *msg, int type, uint16_t value)
{
	return msg ? nla_put_u16(msg, type, value) : -1;
}

static int put_u32(struct nl_msg *msg, int type, uint32_t value)
{
	return msg ? nla_put_u32(msg, type, value) : -1;
}

static int put_u64(struct nl_msg *msg, int type, uint64_t value)
{
	return msg ? nla_put_u64(msg, type, value) : -1;
}

static int put_flag(struct nl_msg *msg, int type)
{
	return msg ? nla_put_flag(msg, type) : -1;
}

static int put_addr(struct nl_msg *msg, int type, const struct sipsec_addr *addr)
{
	return msg ? nla_put(msg, type, addr->len, addr->octets) : -1;
}

static int parse_addr(struct sipsec *s, const char *what, const char *text,
		      struct sipsec_addr *addr)
{
	if (!text)
		return sipsec_netlink_fail(s, -EINVAL, "the %s address is missing", what);
	if (sipsec_addr_parse(text, addr))
		return sipsec_netlink_fail(s, -EINVAL, "%s: not a numeric address (%s)", text,
					   what);
	return 0;
}

static int check_name(struct sipsec *s, const char *name)
{
	size_t len = name ? strlen(name) : 0;

	if (len >= 1 && len <= SIPSEC_APP_NAME_MAX)
		return 0;
	return sipsec_netlink_fail(s, -EINVAL, "the name of an app has 1 to %d octets",
				   SIPSEC_APP_NAME_MAX);
}

/* Apps */

/* Text of an address and the length of a prefix. */
#define PREFIXSTRLEN	(SIPSEC_ADDR_TEXT + 4)

struct peers {
	char text[SIPSEC_APP_PEERS_MAX][PREFIXSTRLEN];
	const char *list[SIPSEC_APP_PEERS_MAX + 1];
	size_t n;
};

static void read_peers(const struct nlmsghdr *nlh, struct peers *peers)
{
	struct sipsec_addr addr = { 0 };
	char text[SIPSEC_ADDR_TEXT];
	struct nlattr *attr;
	int left;

	peers->n = 0;
	nlmsg_for_each_attr(attr, (struct nlmsghdr *)nlh, GENL_HDRLEN, left) {
		if (nla_type(attr) != SIPSEC_A_APP_PEER || peers->n == SIPSEC_APP_PEERS_MAX ||
		    (nla_len(attr) != 5 && nla_len(attr) != 17))
			continue;
		addr.len = nla_len(attr) - 1;
		memcpy(addr.octets, nla_data(attr), addr.len);
		snprintf(peers->text[peers->n], PREFIXSTRLEN, "%s/%u",
			 sipsec_addr_format(&addr, text), ((uint8_t *)nla_data(attr))[addr.len]);
		peers->list[peers->n] = peers->text[peers->n];
		peers->n++;
	}
	peers->list[peers->n] = NULL;
}

static int read_app(const struct nlmsghdr *nlh, const struct reader *reader)
{
	struct nlattr *tb[SIPSEC_A_APP_MAX + 1];
	struct sipsec_app_info info;
	struct peers peers;

	if (genlmsg_parse((struct nlmsghdr *)nlh, 0, tb, SIPSEC_A_APP_MAX, app_policy))
		return -EPROTO;
	read_peers(nlh, &peers);
	info = (struct sipsec_app_info){
		.name = get_string(tb[SIPSEC_A_APP_NAME]),
		.uid = tb[SIPSEC_A_APP_UID] ? nla_get_u32(tb[SIPSEC_A_APP_UID]) : (uid_t)-1,
		.groups = get_u32(tb[SIPSEC_A_APP_GROUPS]),
		.flows = get_u32(tb[SIPSEC_A_APP_FLOWS]),
		.owners = get_u32(tb[SIPSEC_A_APP_OWNERS]),
		.gid = tb[SIPSEC_A_APP_GID] ? nla_get_u32(tb[SIPSEC_A_APP_GID]) : (gid_t)-1,
		.cgroup = get_string(tb[SIPSEC_A_APP_CGROUP]),
		.max_groups = get_u32(tb[SIPSEC_A_APP_MAX_GROUPS]),
		.max_flows = get_u32(tb[SIPSEC_A_APP_MAX_FLOWS]),
		.max_groups_uid = get_u32(tb[SIPSEC_A_APP_MAX_GROUPS_UID]),
		.max_flows_uid = get_u32(tb[SIPSEC_A_APP_MAX_FLOWS_UID]),
		.level = get_u32(tb[SIPSEC_A_APP_LEVEL]),
		.min_suite = get_u32(tb[SIPSEC_A_APP_MIN_SUITE]),
		.port_min = get_u16(tb[SIPSEC_A_APP_PORT_MIN]),
		.port_max = get_u16(tb[SIPSEC_A_APP_PORT_MAX]),
		.peers = peers.list,
		.n_peers = peers.n,
		.linger = get_u32(tb[SIPSEC_A_APP_LINGER]),
		.legacy = tb[SIPSEC_A_APP_LEGACY],
		.viewer = tb[SIPSEC_A_APP_VIEWER] ? nla_get_u32(tb[SIPSEC_A_APP_VIEWER]) :
						    (gid_t)-1,
		.max_memory = get_u64(tb[SIPSEC_A_APP_MAX_MEMORY]),
		.max_memory_uid = get_u64(tb[SIPSEC_A_APP_MAX_MEMORY_UID]),
		.memory = get_u64(tb[SIPSEC_A_APP_MEMORY]),
		.wildcard = tb[SIPSEC_A_APP_WILDCARD],
	};
	if (tb[SIPSEC_A_APP_PROTOCOLS]) {
		info.protocols = nla_data(tb[SIPSEC_A_APP_PROTOCOLS]);
		info.n_protocols = nla_len(tb[SIPSEC_A_APP_PROTOCOLS]);
	}
	reader->cb.app(&info, reader->arg);
	return 0;
}

/* A request that only names an app. */
static struct nl_msg *app_request(struct sipsec *s, uint8_t cmd, const char *name, int *full)
{
	struct nl_msg *msg = sipsec_netlink_new(s, cmd, 0);

	*full = put_string(msg, SIPSEC_A_APP_NAME, name);
	return msg;
}

static int app_do(struct sipsec *s, uint8_t cmd, const char *name)
{
	int full, err = check_name(s, name);
	struct nl_msg *msg;

	if (err)
		return err;
	msg = app_request(s, cmd, name, &full);
	return sipsec_netlink_send(s, msg, full, NULL);
}

/* "ADDRESS" or "ADDRESS/BITS" as the kernel wants it. */
static int put_prefix(struct sipsec *s, struct nl_msg *msg, const char *text, int *full)
{
	char address[INET6_ADDRSTRLEN] = "";
	size_t len = strcspn(text, "/");
	struct sipsec_addr addr = { 0 };
	unsigned long bits;
	uint8_t prefix[17];
	char *end = "";

	if (len < sizeof(address))
		memcpy(address, text, len);
	/* A prefix is of all links. */
	if (sipsec_addr_parse(address, &addr) || addr.ifindex)
		return sipsec_netlink_fail(s, -EINVAL, "%s: not a numeric address (peer)", text);
	bits = 8UL * addr.len;
	if (text[len]) {
		/* strtoul() would take signs and blanks. */
		if (text[len + 1] < '0' || text[len + 1] > '9')
			bits = 8UL * addr.len + 1;
		else
			bits = strtoul(text + len + 1, &end, 10);
	}
	if (*end || bits > 8UL * addr.len)
		return sipsec_netlink_fail(s, -EINVAL, "%s: the prefix has 0 to %u bits (peer)",
					   text, 8U * addr.len);
	memcpy(prefix, addr.octets, addr.len);
	prefix[addr.len] = bits;
	*full |= msg ? nla_put(msg, SIPSEC_A_APP_PEER, addr.len + 1, prefix) : -1;
	return 0;
}

static int app_configure(struct sipsec *s, uint8_t cmd, const char *name,
			 const struct sipsec_app_conf *conf)
{
	const struct { int type; uint32_t value; } numbers[] = {
		{ SIPSEC_A_APP_MAX_GROUPS, conf->max_groups },
		{ SIPSEC_A_APP_MAX_FLOWS, conf->max_flows },
		{ SIPSEC_A_APP_MAX_GROUPS_UID, conf->max_groups_uid },
		{ SIPSEC_A_APP_MAX_FLOWS_UID, conf->max_flows_uid },
		{ SIPSEC_A_APP_LEVEL, conf->level },
		{ SIPSEC_A_APP_MIN_SUITE, conf->min_suite },
		{ SIPSEC_A_APP_LINGER, conf->linger },
	};
	int full, err = check_name(s, name);
	struct nl_msg *msg;

	if (err)
		return err;
	msg = app_request(s, cmd, name, &full);
	if (conf->has_uid)
		full |= put_u32(msg, SIPSEC_A_APP_UID, conf->uid);
	if (conf->has_gid)
		full |= put_u32(msg, SIPSEC_A_APP_GID, conf->gid);
	if (conf->max_memory)
		full |= put_u64(msg, SIPSEC_A_APP_MAX_MEMORY, conf->max_memory);
	if (conf->max_memory_uid)
		full |= put_u64(msg, SIPSEC_A_APP_MAX_MEMORY_UID, conf->max_memory_uid);
	if (conf->has_viewer)
		full |= put_u32(msg, SIPSEC_A_APP_VIEWER, conf->viewer);
	if (conf->cgroup)
		full |= put_string(msg, SIPSEC_A_APP_CGROUP, conf->cgroup);
	for (size_t i = 0; i < sizeof(numbers) / sizeof(numbers[0]); i++)
		if (numbers[i].value)
			full |= put_u32(msg, numbers[i].type, numbers[i].value);
	if (conf->port_min)
		full |= put_u16(msg, SIPSEC_A_APP_PORT_MIN, conf->port_min);
	if (conf->port_max)
		full |= put_u16(msg, SIPSEC_A_APP_PORT_MAX, conf->port_max);
	for (size_t i = 0; i < conf->n_peers && !err; i++)
		err = put_prefix(s, msg, conf->peers[i], &full);
	if (err) {
		nlmsg_free(msg);
		return err;
	}
	if (conf->legacy)
		full |= put_flag(msg, SIPSEC_A_APP_LEGACY);
	if (conf->wildcard)
		full |= put_flag(msg, SIPSEC_A_APP_WILDCARD);
	if (conf->n_protocols)
		full |= msg ? nla_put(msg, SIPSEC_A_APP_PROTOCOLS, conf->n_protocols,
				      conf->protocols) : -1;
	return sipsec_netlink_send(s, msg, full, NULL);
}

int sipsec_app_new(struct sipsec *s, const char *name, const struct sipsec_app_conf *conf)
{
	return app_configure(s, SIPSEC_CMD_APP_NEW, name, conf);
}

int sipsec_app_set(struct sipsec *s, const char *name, const struct sipsec_app_conf *conf)
{
	return app_configure(s, SIPSEC_CMD_APP_SET, name, conf);
}

int sipsec_app_del(struct sipsec *s, const char *name)
{
	return app_do(s, SIPSEC_CMD_APP_DEL, name);
}

int sipsec_app_open(struct sipsec *s, const char *name)
{
	return app_do(s, SIPSEC_CMD_APP_OPEN, name);
}

int sipsec_app_watch(struct sipsec *s, const char *name)
{
	return app_do(s, SIPSEC_CMD_APP_WATCH, name);
}

int sipsec_app_get(struct sipsec *s, const char *name,
		   void (*cb)(const struct sipsec_app_info *app, void *arg), void *arg)
{
	struct reader reader = { .read = read_app, .cb.app = cb, .arg = arg };
	struct nl_msg *msg;
	int full, err = check_name(s, name);

	if (err)
		return err;
	msg = app_request(s, SIPSEC_CMD_APP_GET, name, &full);
	return get(s, msg, full, &reader);
}

int sipsec_app_list(struct sipsec *s, void (*cb)(const struct sipsec_app_info *app, void *arg),
		    void *arg)
{
	struct reader reader = { .read = read_app, .cb.app = cb, .arg = arg };

	return list(s, SIPSEC_CMD_APP_GET, &reader);
}

/* Groups */

static int read_round(struct nlattr *attr, struct sipsec_round_info *info)
{
	struct nlattr *tb[SIPSEC_A_ROUND_MAX + 1];

	if (nla_parse_nested(tb, SIPSEC_A_ROUND_MAX, attr, round_policy))
		return -EPROTO;
	*info = (struct sipsec_round_info){
		.direction = get_u32(tb[SIPSEC_A_ROUND_DIRECTION]),
		.number = get_u64(tb[SIPSEC_A_ROUND_NUMBER]),
		.spi = get_u32(tb[SIPSEC_A_ROUND_SPI]),
		.packets = get_u64(tb[SIPSEC_A_ROUND_PACKETS]),
		.current = tb[SIPSEC_A_ROUND_CURRENT],
	};
	return 0;
}

static int read_rounds(const struct nlmsghdr *nlh, struct sipsec_round_info **rounds, size_t *n)
{
	struct nlattr *attr;
	int left, err = 0;

	*n = 0;
	nlmsg_for_each_attr(attr, (struct nlmsghdr *)nlh, GENL_HDRLEN, left)
		*n += nla_type(attr) == SIPSEC_A_GROUP_ROUND;
	*rounds = calloc(*n + 1, sizeof(**rounds));
	if (!*rounds)
		return -ENOMEM;
	*n = 0;
	nlmsg_for_each_attr(attr, (struct nlmsghdr *)nlh, GENL_HDRLEN, left)
		if (!err && nla_type(attr) == SIPSEC_A_GROUP_ROUND)
			err = read_round(attr, &(*rounds)[(*n)++]);
	return err;
}

static int read_group(const struct nlmsghdr *nlh, const struct reader *reader)
{
	char local[SIPSEC_ADDR_TEXT], peer[SIPSEC_ADDR_TEXT];
	struct nlattr *tb[SIPSEC_A_GROUP_MAX + 1];
	struct sipsec_round_info *rounds;
	struct sipsec_group_info info;
	size_t n;
	int err;

	if (genlmsg_parse((struct nlmsghdr *)nlh, 0, tb, SIPSEC_A_GROUP_MAX, group_policy))
		return -EPROTO;
	err = read_rounds(nlh, &rounds, &n);
	if (!err) {
		info = (struct sipsec_group_info){
			.id = get_u32(tb[SIPSEC_A_GROUP_ID]),
			.app = get_string(tb[SIPSEC_A_GROUP_APP]),
			.state = get_u32(tb[SIPSEC_A_GROUP_STATE]),
			.role = get_u32(tb[SIPSEC_A_GROUP_ROLE]),
			.suite = get_u32(tb[SIPSEC_A_GROUP_SUITE]),
			.prf = get_u32(tb[SIPSEC_A_GROUP_PRF]),
			.mode = get_u32(tb[SIPSEC_A_GROUP_MODE]),
			.spi_in = get_u32(tb[SIPSEC_A_GROUP_SPI_IN]),
			.spi_out = get_u32(tb[SIPSEC_A_GROUP_SPI_OUT]),
			.local = get_addr(tb[SIPSEC_A_GROUP_LOCAL], tb[SIPSEC_A_GROUP_IFINDEX],
					  local),
			.peer = get_addr(tb[SIPSEC_A_GROUP_PEER], tb[SIPSEC_A_GROUP_IFINDEX], peer),
			.rotate = get_u32(tb[SIPSEC_A_GROUP_ROTATE]),
			.life = get_u32(tb[SIPSEC_A_GROUP_LIFE]),
			.remaining = get_u32(tb[SIPSEC_A_GROUP_REMAINING]),
			.window = get_u32(tb[SIPSEC_A_GROUP_WINDOW]),
			.rotate_octets = get_u64(tb[SIPSEC_A_GROUP_ROTATE_OCTETS]),
			.rotate_time = get_u32(tb[SIPSEC_A_GROUP_ROTATE_TIME]),
			.rotate_idle = get_u32(tb[SIPSEC_A_GROUP_ROTATE_IDLE]),
			.replaces = get_u32(tb[SIPSEC_A_GROUP_REPLACES]),
			.persistent = tb[SIPSEC_A_GROUP_PERSISTENT],
			.orphan = tb[SIPSEC_A_GROUP_ORPHAN],
			.peer_identity = get_string(tb[SIPSEC_A_GROUP_PEER_IDENTITY]),
			.esn = tb[SIPSEC_A_GROUP_ESN],
			.tfc = get_u16(tb[SIPSEC_A_GROUP_TFC]),
			.lookahead = get_u8(tb[SIPSEC_A_GROUP_LOOKAHEAD]),
			.encap_port = get_u16(tb[SIPSEC_A_GROUP_ENCAP_PORT]),
			.encap_peer_port = get_u16(tb[SIPSEC_A_GROUP_ENCAP_PEER_PORT]),
			.late = get_u64(tb[SIPSEC_A_GROUP_LATE]),
			.packets_out = get_u64(tb[SIPSEC_A_GROUP_PACKETS_OUT]),
			.packets_in = get_u64(tb[SIPSEC_A_GROUP_PACKETS_IN]),
			.rounds = rounds,
			.n_rounds = n,
		};
		reader->cb.group(&info, reader->arg);
	}
	free(rounds);
	return err;
}

int sipsec_group_new(struct sipsec *s, const struct sipsec_group_conf *conf, uint32_t *id,
		     uint32_t *spi_in)
{
	struct nlattr *tb[SIPSEC_A_GROUP_MAX + 1];
	struct sipsec_netlink_list replies;
	struct sipsec_addr local = { 0 };
	struct nl_msg *msg;
	int full = 0, err = parse_addr(s, "local", conf->local, &local);

	if (!err && conf->app)
		err = check_name(s, conf->app);
	if (err)
		return err;
	msg = sipsec_netlink_new(s, SIPSEC_CMD_GROUP_NEW, 0);
	if (conf->app)
		full |= put_string(msg, SIPSEC_A_GROUP_APP, conf->app);
	full |= put_addr(msg, SIPSEC_A_GROUP_LOCAL, &local);
	if (local.ifindex)
		full |= put_u32(msg, SIPSEC_A_GROUP_IFINDEX, local.ifindex);
	if (conf->spi_in)
		full |= put_u32(msg, SIPSEC_A_GROUP_SPI_IN, conf->spi_in);
	if (conf->persistent)
		full |= put_flag(msg, SIPSEC_A_GROUP_PERSISTENT);
	err = sipsec_netlink_send(s, msg, full, &replies);
	if (err)
		return err;
	if (!replies.first ||
	    genlmsg_parse(&replies.first->nlh, 0, tb, SIPSEC_A_GROUP_MAX, group_policy) ||
	    !tb[SIPSEC_A_GROUP_ID] || !tb[SIPSEC_A_GROUP_SPI_IN]) {
		err = bad_reply(s);
	} else {
		*id = nla_get_u32(tb[SIPSEC_A_GROUP_ID]);
		if (spi_in)
			*spi_in = nla_get_u32(tb[SIPSEC_A_GROUP_SPI_IN]);
	}
	sipsec_netlink_clear(&replies);
	return err;
}

int sipsec_group_set(struct sipsec *s, uint32_t id, const struct sipsec_group_conf *conf)
{
	int prf = conf->prf ? conf->prf : SIPSEC_PRF_HMAC_SHA2_256;
	struct sipsec_addr peer;
	struct nl_msg *msg;
	int full, err = parse_addr(s, "peer", conf->peer, &peer);

	if (err)
		return err;
	if (!conf->master || !conf->master_len)
		return sipsec_netlink_fail(s, -EINVAL, "the master secret is missing");
	/* The kernel frees a request that fails its policy without wiping the secret. */
	if (conf->role != SIPSEC_ROLE_OFFERER && conf->role != SIPSEC_ROLE_ANSWERER)
		return sipsec_netlink_fail(s, -EINVAL, "there is no role %d", conf->role);
	if (!sipsec_suite_name(conf->suite))
		return sipsec_netlink_fail(s, -EINVAL, "there is no suite %d", conf->suite);
	if (!sipsec_prf_name(prf))
		return sipsec_netlink_fail(s, -EINVAL, "there is no prf %d", conf->prf);
	if (conf->mode < 0 || conf->mode > SIPSEC_MODE_BEET)
		return sipsec_netlink_fail(s, -EINVAL, "there is no mode %d", conf->mode);
	if (conf->tfc > UINT16_MAX)
		return sipsec_netlink_fail(s, -ERANGE, "tfc is not 0 .. 65535 octets");
	if (conf->lookahead > SIPSEC_LOOKAHEAD_MAX)
		return sipsec_netlink_fail(s, -ERANGE, "lookahead is not 0 .. %u rounds",
					   SIPSEC_LOOKAHEAD_MAX);
	msg = sipsec_netlink_new(s, SIPSEC_CMD_GROUP_SET, 0);
	full = put_u32(msg, SIPSEC_A_GROUP_ID, id);
	full |= put_u32(msg, SIPSEC_A_GROUP_ROLE, conf->role);
	full |= put_u32(msg, SIPSEC_A_GROUP_SUITE, conf->suite);
	full |= put_u32(msg, SIPSEC_A_GROUP_PRF, prf);
	full |= put_u32(msg, SIPSEC_A_GROUP_MODE, conf->mode ? conf->mode : SIPSEC_MODE_TRANSPORT);
	full |= msg ? nla_put(msg, SIPSEC_A_GROUP_MASTER, conf->master_len, conf->master) : -1;
	full |= put_u32(msg, SIPSEC_A_GROUP_SPI_OUT, conf->spi_out);
	full |= put_addr(msg, SIPSEC_A_GROUP_PEER, &peer);
	if (conf->rotate)
		full |= put_u32(msg, SIPSEC_A_GROUP_ROTATE, conf->rotate);
	if (conf->life)
		full |= put_u32(msg, SIPSEC_A_GROUP_LIFE, conf->life);
	if (conf->window)
		full |= put_u32(msg, SIPSEC_A_GROUP_WINDOW, conf->window);
	if (conf->esn)
		full |= put_flag(msg, SIPSEC_A_GROUP_ESN);
	if (conf->rotate_octets)
		full |= put_u64(msg, SIPSEC_A_GROUP_ROTATE_OCTETS, conf->rotate_octets);
	if (conf->rotate_time)
		full |= put_u32(msg, SIPSEC_A_GROUP_ROTATE_TIME, conf->rotate_time);
	if (conf->rotate_idle)
		full |= put_u32(msg, SIPSEC_A_GROUP_ROTATE_IDLE, conf->rotate_idle);
	if (conf->replaces)
		full |= put_u32(msg, SIPSEC_A_GROUP_REPLACES, conf->replaces);
	if (conf->peer_identity)
		full |= put_string(msg, SIPSEC_A_GROUP_PEER_IDENTITY, conf->peer_identity);
	if (conf->tfc)
		full |= put_u16(msg, SIPSEC_A_GROUP_TFC, conf->tfc);
	if (conf->lookahead)
		full |= put_u8(msg, SIPSEC_A_GROUP_LOOKAHEAD, conf->lookahead);
	if (conf->encap_port) {
		full |= put_u16(msg, SIPSEC_A_GROUP_ENCAP_PORT, conf->encap_port);
		full |= put_u16(msg, SIPSEC_A_GROUP_ENCAP_PEER_PORT, conf->encap_peer_port);
		if (conf->encap_fd >= 0)
			full |= put_u32(msg, SIPSEC_A_GROUP_ENCAP_FD, conf->encap_fd);
	}
	return sipsec_netlink_send(s, msg, full, NULL);
}

/* A request that only names a group. */
static struct nl_msg *group_request(struct sipsec *s, uint8_t cmd, uint32_t id, int *full)
{
	struct nl_msg *msg = sipsec_netlink_new(s, cmd, 0);

	*full = put_u32(msg, SIPSEC_A_GROUP_ID, id);
	return msg;
}

static int group_do(struct sipsec *s, uint8_t cmd, uint32_t id)
{
	int full;
	struct nl_msg *msg = group_request(s, cmd, id, &full);

	return sipsec_netlink_send(s, msg, full, NULL);
}

int sipsec_group_del(struct sipsec *s, uint32_t id)
{
	return group_do(s, SIPSEC_CMD_GROUP_DEL, id);
}

int sipsec_group_retire(struct sipsec *s, uint32_t id, uint32_t grace)
{
	int full;
	struct nl_msg *msg = group_request(s, SIPSEC_CMD_GROUP_DEL, id, &full);

	full |= put_u32(msg, SIPSEC_A_GROUP_GRACE, grace);
	return sipsec_netlink_send(s, msg, full, NULL);
}

int sipsec_group_rotate(struct sipsec *s, uint32_t id)
{
	return group_do(s, SIPSEC_CMD_GROUP_ROTATE, id);
}

int sipsec_group_adopt(struct sipsec *s, uint32_t id)
{
	return group_do(s, SIPSEC_CMD_GROUP_ADOPT, id);
}

int sipsec_group_get(struct sipsec *s, uint32_t id,
		     void (*cb)(const struct sipsec_group_info *group, void *arg), void *arg)
{
	struct reader reader = { .read = read_group, .cb.group = cb, .arg = arg };
	int full;
	struct nl_msg *msg = group_request(s, SIPSEC_CMD_GROUP_GET, id, &full);

	return get(s, msg, full, &reader);
}

int sipsec_group_list(struct sipsec *s,
		      void (*cb)(const struct sipsec_group_info *group, void *arg), void *arg)
{
	struct reader reader = { .read = read_group, .cb.group = cb, .arg = arg };

	return list(s, SIPSEC_CMD_GROUP_GET, &reader);
}

/* Flows */

static int read_flow(const struct nlmsghdr *nlh, const struct reader *reader)
{
	char local[SIPSEC_ADDR_TEXT], peer[SIPSEC_ADDR_TEXT];
	struct nlattr *tb[SIPSEC_A_FLOW_MAX + 1];
	struct sipsec_flow_info info;

	if (genlmsg_parse((struct nlmsghdr *)nlh, 0, tb, SIPSEC_A_FLOW_MAX, flow_policy))
		return -EPROTO;
	info = (struct sipsec_flow_info){
		.group = get_u32(tb[SIPSEC_A_FLOW_GROUP]),
		.app = get_string(tb[SIPSEC_A_FLOW_APP]),
		.protocol = get_u8(tb[SIPSEC_A_FLOW_PROTOCOL]),
		.local = get_addr(tb[SIPSEC_A_FLOW_LOCAL], tb[SIPSEC_A_FLOW_IFINDEX], local),
		.local_port = get_u16(tb[SIPSEC_A_FLOW_LOCAL_PORT]),
		.peer = get_addr(tb[SIPSEC_A_FLOW_PEER], tb[SIPSEC_A_FLOW_IFINDEX], peer),
		.peer_port = get_u16(tb[SIPSEC_A_FLOW_PEER_PORT]),
		.any = tb[SIPSEC_A_FLOW_ANY],
		.uid = get_u32(tb[SIPSEC_A_FLOW_UID]),
		.shared = tb[SIPSEC_A_FLOW_SHARED],
		.peer_identity = get_string(tb[SIPSEC_A_FLOW_PEER_IDENTITY]),
	};
	reader->cb.flow(&info, reader->arg);
	return 0;
}

/* A request that names a flow. NULL after an error of the key, in *err. */
static struct nl_msg *flow_request(struct sipsec *s, uint8_t cmd,
				   const struct sipsec_flow_info *key, int *full, int *err)
{
	struct sipsec_addr local = { 0 }, peer = { 0 };
	struct nl_msg *msg;

	*err = parse_addr(s, "local", key->local, &local);
	if (!*err)
		*err = parse_addr(s, "peer", key->peer, &peer);
	if (*err)
		return NULL;
	msg = sipsec_netlink_new(s, cmd, 0);
	*full = put_u8(msg, SIPSEC_A_FLOW_PROTOCOL, key->protocol);
	*full |= put_addr(msg, SIPSEC_A_FLOW_LOCAL, &local);
	*full |= put_u16(msg, SIPSEC_A_FLOW_LOCAL_PORT, key->local_port);
	*full |= put_addr(msg, SIPSEC_A_FLOW_PEER, &peer);
	*full |= put_u16(msg, SIPSEC_A_FLOW_PEER_PORT, key->peer_port);
	if (local.ifindex)
		*full |= put_u32(msg, SIPSEC_A_FLOW_IFINDEX, local.ifindex);
	return msg;
}

int sipsec_flow_get(struct sipsec *s, const struct sipsec_flow_info *key,
		    void (*cb)(const struct sipsec_flow_info *flow, void *arg), void *arg)
{
	struct reader reader = { .read = read_flow, .cb.flow = cb, .arg = arg };
	int full, err;
	struct nl_msg *msg = flow_request(s, SIPSEC_CMD_FLOW_GET, key, &full, &err);

	return err ? err : get(s, msg, full, &reader);
}

/* What a flow's peer is called, and whether there is a group to vouch for it. */
struct vouched {
	int found;	/* how much the flow says of the packet: 0 nothing, 3 all */
	bool open;
	const struct sipsec_flow_info *key;	/* of a list: the one that is wanted */
	char identity[SIPSEC_PEER_IDENTITY_MAX + 1];
};

static void take_identity(const struct sipsec_flow_info *flow, void *arg)
{
	struct vouched *vouched = arg;
	const struct sipsec_flow_info *key = vouched->key;
	const int says = 1 + !!flow->local_port + !!flow->peer_port;

	if (key && (says < vouched->found || flow->protocol != key->protocol ||
		    (flow->local_port && flow->local_port != key->local_port) ||
		    (flow->peer_port && flow->peer_port != key->peer_port) ||
		    strcmp(flow->peer, key->peer)))
		return;
	vouched->found = says;
	vouched->open = flow->group;
	snprintf(vouched->identity, sizeof(vouched->identity), "%s", flow->peer_identity);
}

static int tell_identity(struct sipsec *s, const struct vouched *vouched,
			 char identity[SIPSEC_PEER_IDENTITY_MAX + 1])
{
	if (!vouched->found)
		return sipsec_netlink_fail(s, -ENOENT, "no such flow");
	if (!vouched->open)
		return sipsec_netlink_fail(s, -ENOTCONN, "the flow's group has ended");
	if (!*vouched->identity)
		return sipsec_netlink_fail(s, -ENODATA, "the group has no peer-identity");
	memcpy(identity, vouched->identity, sizeof(vouched->identity));
	return 0;
}

int sipsec_flow_identity(struct sipsec *s, const struct sipsec_flow_info *key,
			 char identity[SIPSEC_PEER_IDENTITY_MAX + 1])
{
	struct vouched vouched = { 0 };
	int err = sipsec_flow_get(s, key, take_identity, &vouched);

	return err ? err : tell_identity(s, &vouched, identity);
}

int sipsec_socket_identity(struct sipsec *s, int fd, const struct sockaddr *from, socklen_t len,
			   char identity[SIPSEC_PEER_IDENTITY_MAX + 1])
{
	char local_text[SIPSEC_ADDR_TEXT], peer_text[SIPSEC_ADDR_TEXT];
	static const uint8_t any[16];
	struct sockaddr_storage ours, theirs;
	socklen_t ours_len = sizeof(ours), theirs_len = sizeof(theirs);
	struct sipsec_flow_info key = { 0 };
	struct sipsec_addr local, peer;
	struct vouched vouched = { .key = &key };
	socklen_t size = sizeof(int);
	int protocol, err;

	if (getsockname(fd, (struct sockaddr *)&ours, &ours_len) ||
	    getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &size) ||
	    (!from && getpeername(fd, (struct sockaddr *)&theirs, &theirs_len)))
		return sipsec_netlink_fail(s, -errno, "looking at the socket: %s",
					   strerror(errno));
	if (sipsec_addr_of((struct sockaddr *)&ours, ours_len, &local, &key.local_port) ||
	    sipsec_addr_of(from ? from : (struct sockaddr *)&theirs, from ? len : theirs_len,
			   &peer, &key.peer_port))
		return sipsec_netlink_fail(s, -EAFNOSUPPORT, "not a socket of IP");
	/* Where a port would be, a raw socket has its protocol. */
	if (protocol != IPPROTO_UDP && protocol != IPPROTO_TCP) {
		key.local_port = 0;
		key.peer_port = 0;
	}
	key.protocol = protocol;
	key.local = sipsec_addr_format(&local, local_text);
	key.peer = sipsec_addr_format(&peer, peer_text);
	if (memcmp(local.octets, any, local.len))
		return sipsec_flow_identity(s, &key, identity);
	/* Bound to all addresses: its port and the peer tell. */
	err = sipsec_flow_list(s, take_identity, &vouched);
	return err ? err : tell_identity(s, &vouched, identity);
}

int sipsec_flow_list(struct sipsec *s,
		     void (*cb)(const struct sipsec_flow_info *flow, void *arg), void *arg)
{
	struct reader reader = { .read = read_flow, .cb.flow = cb, .arg = arg };

	return list(s, SIPSEC_CMD_FLOW_GET, &reader);
}

int sipsec_flow_bind(struct sipsec *s, const struct sipsec_flow_conf *conf)
{
	struct nl_msg *msg = sipsec_netlink_new(s, SIPSEC_CMD_FLOW_BIND, 0);
	int full;

	full = put_u32(msg, SIPSEC_A_FLOW_GROUP, conf->group);
	full |= put_u8(msg, SIPSEC_A_FLOW_PROTOCOL, conf->protocol);
	full |= put_u16(msg, SIPSEC_A_FLOW_LOCAL_PORT, conf->local_port);
	full |= put_u16(msg, SIPSEC_A_FLOW_PEER_PORT, conf->peer_port);
	switch (conf->socket) {
	case SIPSEC_FLOW_FD:
		full |= put_u32(msg, SIPSEC_A_FLOW_FD, conf->fd);
		break;
	case SIPSEC_FLOW_UID:
		full |= put_u32(msg, SIPSEC_A_FLOW_UID, conf->uid);
		break;
	case SIPSEC_FLOW_ANY:
		full |= put_flag(msg, SIPSEC_A_FLOW_ANY);
		break;
	}
	if (conf->shared)
		full |= put_flag(msg, SIPSEC_A_FLOW_SHARED);
	return sipsec_netlink_send(s, msg, full, NULL);
}

int sipsec_flow_unbind(struct sipsec *s, const struct sipsec_flow_info *key)
{
	int full, err;
	struct nl_msg *msg = flow_request(s, SIPSEC_CMD_FLOW_UNBIND, key, &full, &err);

	return err ? err : sipsec_netlink_send(s, msg, full, NULL);
}

/* Counters */

static int read_stats(const struct nlmsghdr *nlh, const struct reader *reader)
{
	uint64_t counters[SIPSEC_A_STATS_MAX + 1] = { 0 };
	struct nlattr *tb[SIPSEC_A_STATS_MAX + 1];
	/* Type 0 is padding, on machines that want 64-bit values aligned. */
	struct nla_policy policy[SIPSEC_A_STATS_MAX + 1] = { 0 };
	struct sipsec_stats stats;

	for (int i = 1; i <= SIPSEC_A_STATS_MAX; i++)
		policy[i] = (struct nla_policy){ .type = NLA_U64 };
	policy[SIPSEC_A_STATS_APP].type = NLA_STRING;
	if (genlmsg_parse((struct nlmsghdr *)nlh, 0, tb, SIPSEC_A_STATS_MAX, policy))
		return -EPROTO;
	for (int i = SIPSEC_A_STATS_APP + 1; i <= SIPSEC_A_STATS_MAX; i++)
		counters[i] = get_u64(tb[i]);
	stats = (struct sipsec_stats){
		.app = get_string(tb[SIPSEC_A_STATS_APP]),
		.counters = counters,
		.n_counters = SIPSEC_A_STATS_MAX + 1,
	};
	reader->cb.stats(&stats, reader->arg);
	return 0;
}

int sipsec_stats_get(struct sipsec *s, const char *app,
		     void (*cb)(const struct sipsec_stats *stats, void *arg), void *arg)
{
	struct reader reader = { .read = read_stats, .cb.stats = cb, .arg = arg };
	struct nl_msg *msg;
	int err = check_name(s, app);

	if (err)
		return err;
	msg = sipsec_netlink_new(s, SIPSEC_CMD_STATS_GET, 0);
	return get(s, msg, put_string(msg, SIPSEC_A_STATS_APP, app), &reader);
}

int sipsec_stats_list(struct sipsec *s, void (*cb)(const struct sipsec_stats *stats, void *arg),
		      void *arg)
{
	struct reader reader = { .read = read_stats, .cb.stats = cb, .arg = arg };

	return list(s, SIPSEC_CMD_STATS_GET, &reader);
}

/* Events */

static bool group_event(const struct sipsec_netlink_msg *msg, enum sipsec_event_type type,
			struct sipsec_event *ev)
{
	struct nlattr *tb[SIPSEC_A_GROUP_MAX + 1];

	if (genlmsg_parse((struct nlmsghdr *)&msg->nlh, 0, tb, SIPSEC_A_GROUP_MAX, group_policy))
		return false;
	*ev = (struct sipsec_event){
		.type = type,
		.group = get_u32(tb[SIPSEC_A_GROUP_ID]),
		.app = get_string(tb[SIPSEC_A_GROUP_APP]),
		.spi = get_u32(tb[SIPSEC_A_GROUP_SPI_IN]),
		.packets_out = get_u64(tb[SIPSEC_A_GROUP_PACKETS_OUT]),
		.packets_in = get_u64(tb[SIPSEC_A_GROUP_PACKETS_IN]),
		.time_ns = msg->time_ns,
		.reason = get_u32(tb[SIPSEC_A_GROUP_END_REASON]),
	};
	return true;
}

static bool rotation_event(const struct sipsec_netlink_msg *msg, enum sipsec_event_type type,
			   struct sipsec_event *ev)
{
	struct nlattr *tb[SIPSEC_A_ROTATION_MAX + 1];

	if (genlmsg_parse((struct nlmsghdr *)&msg->nlh, 0, tb, SIPSEC_A_ROTATION_MAX,
			  rotation_policy))
		return false;
	*ev = (struct sipsec_event){
		.type = type,
		.group = get_u32(tb[SIPSEC_A_ROTATION_ID]),
		.app = get_string(tb[SIPSEC_A_ROTATION_APP]),
		.direction = get_u32(tb[SIPSEC_A_ROTATION_DIRECTION]),
		.round = get_u64(tb[SIPSEC_A_ROTATION_NUMBER]),
		.spi = get_u32(tb[SIPSEC_A_ROTATION_SPI]),
		.packets = get_u64(tb[SIPSEC_A_ROTATION_PACKETS]),
		.time_ns = get_u64(tb[SIPSEC_A_ROTATION_TIME]),
		.reason = get_u32(tb[SIPSEC_A_ROTATION_CAUSE]),
	};
	return true;
}

bool sipsec_objects_event(const struct sipsec_netlink_msg *msg, struct sipsec_event *ev)
{
	if (nlmsg_datalen(&msg->nlh) < (int)GENL_HDRLEN)
		return false;
	switch (genlmsg_hdr((struct nlmsghdr *)&msg->nlh)->cmd) {
	case SIPSEC_CMD_GROUP_ADD_NTF:
		return group_event(msg, SIPSEC_EVENT_GROUP_ADD, ev);
	case SIPSEC_CMD_GROUP_UP_NTF:
		return group_event(msg, SIPSEC_EVENT_GROUP_UP, ev);
	case SIPSEC_CMD_GROUP_DEL_NTF:
		return group_event(msg, SIPSEC_EVENT_GROUP_DEL, ev);
	case SIPSEC_CMD_GROUP_ROTATE_NTF:
		return rotation_event(msg, SIPSEC_EVENT_GROUP_ROTATE, ev);
	case SIPSEC_CMD_GROUP_LIMIT_NTF:
		return rotation_event(msg, SIPSEC_EVENT_GROUP_LIMIT, ev);
	case SIPSEC_CMD_GROUP_DISTURBED_NTF:
		return rotation_event(msg, SIPSEC_EVENT_GROUP_DISTURBED, ev);
	default:
		return false;
	}
}
