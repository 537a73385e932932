// SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause)
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/sipsec.yaml */
/* YNL-GEN kernel source */

#include <net/netlink.h>
#include <net/genetlink.h>

#include "netlink-gen.h"

#include <uapi/linux/sipsec.h>

/* SIPSEC_CMD_APP_NEW - do */
const struct nla_policy sipsec_app_new_nl_policy[SIPSEC_A_APP_PROTOCOLS + 1] = {
	[SIPSEC_A_APP_NAME] = { .type = NLA_NUL_STRING, .len = SIPSEC_APP_NAME_MAX, },
	[SIPSEC_A_APP_UID] = { .type = NLA_U32, },
	[SIPSEC_A_APP_GID] = { .type = NLA_U32, },
	[SIPSEC_A_APP_CGROUP] = { .type = NLA_NUL_STRING, .len = SIPSEC_CGROUP_MAX, },
	[SIPSEC_A_APP_MAX_GROUPS] = { .type = NLA_U32, },
	[SIPSEC_A_APP_MAX_FLOWS] = { .type = NLA_U32, },
	[SIPSEC_A_APP_MAX_GROUPS_UID] = { .type = NLA_U32, },
	[SIPSEC_A_APP_MAX_FLOWS_UID] = { .type = NLA_U32, },
	[SIPSEC_A_APP_LEVEL] = NLA_POLICY_RANGE(NLA_U32, 1, 2),
	[SIPSEC_A_APP_MIN_SUITE] = NLA_POLICY_RANGE(NLA_U32, 1, 10),
	[SIPSEC_A_APP_PORT_MIN] = { .type = NLA_U16, },
	[SIPSEC_A_APP_PORT_MAX] = { .type = NLA_U16, },
	[SIPSEC_A_APP_PEER] = { .type = NLA_BINARY, },
	[SIPSEC_A_APP_LINGER] = { .type = NLA_U32, },
	[SIPSEC_A_APP_LEGACY] = { .type = NLA_FLAG, },
	[SIPSEC_A_APP_VIEWER] = { .type = NLA_U32, },
	[SIPSEC_A_APP_MAX_MEMORY] = { .type = NLA_U64, },
	[SIPSEC_A_APP_MAX_MEMORY_UID] = { .type = NLA_U64, },
	[SIPSEC_A_APP_WILDCARD] = { .type = NLA_FLAG, },
	[SIPSEC_A_APP_PROTOCOLS] = { .type = NLA_BINARY, },
};

/* SIPSEC_CMD_APP_DEL - do */
const struct nla_policy sipsec_app_del_nl_policy[SIPSEC_A_APP_NAME + 1] = {
	[SIPSEC_A_APP_NAME] = { .type = NLA_NUL_STRING, .len = SIPSEC_APP_NAME_MAX, },
};

/* SIPSEC_CMD_APP_OPEN - do */
const struct nla_policy sipsec_app_open_nl_policy[SIPSEC_A_APP_NAME + 1] = {
	[SIPSEC_A_APP_NAME] = { .type = NLA_NUL_STRING, .len = SIPSEC_APP_NAME_MAX, },
};

/* SIPSEC_CMD_APP_GET - do */
const struct nla_policy sipsec_app_get_nl_policy[SIPSEC_A_APP_NAME + 1] = {
	[SIPSEC_A_APP_NAME] = { .type = NLA_NUL_STRING, .len = SIPSEC_APP_NAME_MAX, },
};

/* SIPSEC_CMD_GROUP_NEW - do */
const struct nla_policy sipsec_group_new_nl_policy[SIPSEC_A_GROUP_IFINDEX + 1] = {
	[SIPSEC_A_GROUP_APP] = { .type = NLA_NUL_STRING, .len = SIPSEC_APP_NAME_MAX, },
	[SIPSEC_A_GROUP_LOCAL] = { .type = NLA_BINARY, },
	[SIPSEC_A_GROUP_SPI_IN] = { .type = NLA_U32, },
	[SIPSEC_A_GROUP_PERSISTENT] = { .type = NLA_FLAG, },
	[SIPSEC_A_GROUP_IFINDEX] = { .type = NLA_U32, },
};

/* SIPSEC_CMD_GROUP_SET - do */
const struct nla_policy sipsec_group_set_nl_policy[SIPSEC_A_GROUP_ENCAP_PEER_PORT + 1] = {
	[SIPSEC_A_GROUP_ID] = { .type = NLA_U32, },
	[SIPSEC_A_GROUP_ROLE] = NLA_POLICY_RANGE(NLA_U32, 1, 2),
	[SIPSEC_A_GROUP_SUITE] = NLA_POLICY_RANGE(NLA_U32, 1, 10),
	[SIPSEC_A_GROUP_PRF] = NLA_POLICY_RANGE(NLA_U32, 1, 2),
	[SIPSEC_A_GROUP_MODE] = NLA_POLICY_RANGE(NLA_U32, 1, 3),
	[SIPSEC_A_GROUP_MASTER] = { .type = NLA_BINARY, },
	[SIPSEC_A_GROUP_SPI_OUT] = { .type = NLA_U32, },
	[SIPSEC_A_GROUP_PEER] = { .type = NLA_BINARY, },
	[SIPSEC_A_GROUP_ROTATE] = { .type = NLA_U32, },
	[SIPSEC_A_GROUP_LIFE] = { .type = NLA_U32, },
	[SIPSEC_A_GROUP_WINDOW] = { .type = NLA_U32, },
	[SIPSEC_A_GROUP_ROTATE_OCTETS] = { .type = NLA_U64, },
	[SIPSEC_A_GROUP_ROTATE_TIME] = { .type = NLA_U32, },
	[SIPSEC_A_GROUP_ROTATE_IDLE] = { .type = NLA_U32, },
	[SIPSEC_A_GROUP_REPLACES] = { .type = NLA_U32, },
	[SIPSEC_A_GROUP_ESN] = { .type = NLA_FLAG, },
	[SIPSEC_A_GROUP_PEER_IDENTITY] = { .type = NLA_NUL_STRING, .len = SIPSEC_PEER_IDENTITY_MAX, },
	[SIPSEC_A_GROUP_TFC] = { .type = NLA_U16, },
	[SIPSEC_A_GROUP_LOOKAHEAD] = NLA_POLICY_MAX(NLA_U8, 16),
	[SIPSEC_A_GROUP_ENCAP_FD] = { .type = NLA_U32, },
	[SIPSEC_A_GROUP_ENCAP_PORT] = NLA_POLICY_MIN(NLA_U16, 1),
	[SIPSEC_A_GROUP_ENCAP_PEER_PORT] = NLA_POLICY_MIN(NLA_U16, 1),
};

/* SIPSEC_CMD_GROUP_DEL - do */
const struct nla_policy sipsec_group_del_nl_policy[SIPSEC_A_GROUP_GRACE + 1] = {
	[SIPSEC_A_GROUP_ID] = { .type = NLA_U32, },
	[SIPSEC_A_GROUP_GRACE] = { .type = NLA_U32, },
};

/* SIPSEC_CMD_GROUP_GET - do */
const struct nla_policy sipsec_group_get_nl_policy[SIPSEC_A_GROUP_ID + 1] = {
	[SIPSEC_A_GROUP_ID] = { .type = NLA_U32, },
};

/* SIPSEC_CMD_GROUP_ROTATE - do */
const struct nla_policy sipsec_group_rotate_nl_policy[SIPSEC_A_GROUP_ID + 1] = {
	[SIPSEC_A_GROUP_ID] = { .type = NLA_U32, },
};

/* SIPSEC_CMD_FLOW_BIND - do */
const struct nla_policy sipsec_flow_bind_nl_policy[SIPSEC_A_FLOW_SHARED + 1] = {
	[SIPSEC_A_FLOW_GROUP] = { .type = NLA_U32, },
	[SIPSEC_A_FLOW_PROTOCOL] = { .type = NLA_U8, },
	[SIPSEC_A_FLOW_LOCAL_PORT] = { .type = NLA_U16, },
	[SIPSEC_A_FLOW_PEER_PORT] = { .type = NLA_U16, },
	[SIPSEC_A_FLOW_FD] = { .type = NLA_U32, },
	[SIPSEC_A_FLOW_UID] = { .type = NLA_U32, },
	[SIPSEC_A_FLOW_ANY] = { .type = NLA_FLAG, },
	[SIPSEC_A_FLOW_SHARED] = { .type = NLA_FLAG, },
};

/* SIPSEC_CMD_FLOW_UNBIND - do */
const struct nla_policy sipsec_flow_unbind_nl_policy[SIPSEC_A_FLOW_IFINDEX + 1] = {
	[SIPSEC_A_FLOW_PROTOCOL] = { .type = NLA_U8, },
	[SIPSEC_A_FLOW_LOCAL] = { .type = NLA_BINARY, },
	[SIPSEC_A_FLOW_LOCAL_PORT] = { .type = NLA_U16, },
	[SIPSEC_A_FLOW_PEER] = { .type = NLA_BINARY, },
	[SIPSEC_A_FLOW_PEER_PORT] = { .type = NLA_U16, },
	[SIPSEC_A_FLOW_IFINDEX] = { .type = NLA_U32, },
};

/* SIPSEC_CMD_FLOW_GET - do */
const struct nla_policy sipsec_flow_get_nl_policy[SIPSEC_A_FLOW_IFINDEX + 1] = {
	[SIPSEC_A_FLOW_PROTOCOL] = { .type = NLA_U8, },
	[SIPSEC_A_FLOW_LOCAL] = { .type = NLA_BINARY, },
	[SIPSEC_A_FLOW_LOCAL_PORT] = { .type = NLA_U16, },
	[SIPSEC_A_FLOW_PEER] = { .type = NLA_BINARY, },
	[SIPSEC_A_FLOW_PEER_PORT] = { .type = NLA_U16, },
	[SIPSEC_A_FLOW_IFINDEX] = { .type = NLA_U32, },
};

/* SIPSEC_CMD_STATS_GET - do */
const struct nla_policy sipsec_stats_get_nl_policy[SIPSEC_A_STATS_APP + 1] = {
	[SIPSEC_A_STATS_APP] = { .type = NLA_NUL_STRING, .len = SIPSEC_APP_NAME_MAX, },
};

/* SIPSEC_CMD_APP_SET - do */
const struct nla_policy sipsec_app_set_nl_policy[SIPSEC_A_APP_PROTOCOLS + 1] = {
	[SIPSEC_A_APP_NAME] = { .type = NLA_NUL_STRING, .len = SIPSEC_APP_NAME_MAX, },
	[SIPSEC_A_APP_UID] = { .type = NLA_U32, },
	[SIPSEC_A_APP_GID] = { .type = NLA_U32, },
	[SIPSEC_A_APP_CGROUP] = { .type = NLA_NUL_STRING, .len = SIPSEC_CGROUP_MAX, },
	[SIPSEC_A_APP_MAX_GROUPS] = { .type = NLA_U32, },
	[SIPSEC_A_APP_MAX_FLOWS] = { .type = NLA_U32, },
	[SIPSEC_A_APP_MAX_GROUPS_UID] = { .type = NLA_U32, },
	[SIPSEC_A_APP_MAX_FLOWS_UID] = { .type = NLA_U32, },
	[SIPSEC_A_APP_LEVEL] = NLA_POLICY_RANGE(NLA_U32, 1, 2),
	[SIPSEC_A_APP_MIN_SUITE] = NLA_POLICY_RANGE(NLA_U32, 1, 10),
	[SIPSEC_A_APP_PORT_MIN] = { .type = NLA_U16, },
	[SIPSEC_A_APP_PORT_MAX] = { .type = NLA_U16, },
	[SIPSEC_A_APP_PEER] = { .type = NLA_BINARY, },
	[SIPSEC_A_APP_LINGER] = { .type = NLA_U32, },
	[SIPSEC_A_APP_LEGACY] = { .type = NLA_FLAG, },
	[SIPSEC_A_APP_VIEWER] = { .type = NLA_U32, },
	[SIPSEC_A_APP_MAX_MEMORY] = { .type = NLA_U64, },
	[SIPSEC_A_APP_MAX_MEMORY_UID] = { .type = NLA_U64, },
	[SIPSEC_A_APP_WILDCARD] = { .type = NLA_FLAG, },
	[SIPSEC_A_APP_PROTOCOLS] = { .type = NLA_BINARY, },
};

/* SIPSEC_CMD_GROUP_ADOPT - do */
const struct nla_policy sipsec_group_adopt_nl_policy[SIPSEC_A_GROUP_ID + 1] = {
	[SIPSEC_A_GROUP_ID] = { .type = NLA_U32, },
};

/* SIPSEC_CMD_APP_WATCH - do */
const struct nla_policy sipsec_app_watch_nl_policy[SIPSEC_A_APP_NAME + 1] = {
	[SIPSEC_A_APP_NAME] = { .type = NLA_NUL_STRING, .len = SIPSEC_APP_NAME_MAX, },
};

/* Ops table for sipsec */
const struct genl_ops sipsec_nl_ops[16] = {
	{
		.cmd		= SIPSEC_CMD_APP_NEW,
		.doit		= sipsec_nl_app_new_doit,
		.policy		= sipsec_app_new_nl_policy,
		.maxattr	= SIPSEC_A_APP_PROTOCOLS,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= SIPSEC_CMD_APP_DEL,
		.doit		= sipsec_nl_app_del_doit,
		.policy		= sipsec_app_del_nl_policy,
		.maxattr	= SIPSEC_A_APP_NAME,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= SIPSEC_CMD_APP_OPEN,
		.doit		= sipsec_nl_app_open_doit,
		.policy		= sipsec_app_open_nl_policy,
		.maxattr	= SIPSEC_A_APP_NAME,
	},
	{
		.cmd		= SIPSEC_CMD_APP_GET,
		.doit		= sipsec_nl_app_get_doit,
		.dumpit		= sipsec_nl_app_get_dumpit,
		.policy		= sipsec_app_get_nl_policy,
		.maxattr	= SIPSEC_A_APP_NAME,
	},
	{
		.cmd		= SIPSEC_CMD_GROUP_NEW,
		.doit		= sipsec_nl_group_new_doit,
		.policy		= sipsec_group_new_nl_policy,
		.maxattr	= SIPSEC_A_GROUP_IFINDEX,
	},
	{
		.cmd		= SIPSEC_CMD_GROUP_SET,
		.doit		= sipsec_nl_group_set_doit,
		.policy		= sipsec_group_set_nl_policy,
		.maxattr	= SIPSEC_A_GROUP_ENCAP_PEER_PORT,
	},
	{
		.cmd		= SIPSEC_CMD_GROUP_DEL,
		.doit		= sipsec_nl_group_del_doit,
		.policy		= sipsec_group_del_nl_policy,
		.maxattr	= SIPSEC_A_GROUP_GRACE,
	},
	{
		.cmd		= SIPSEC_CMD_GROUP_GET,
		.doit		= sipsec_nl_group_get_doit,
		.dumpit		= sipsec_nl_group_get_dumpit,
		.policy		= sipsec_group_get_nl_policy,
		.maxattr	= SIPSEC_A_GROUP_ID,
	},
	{
		.cmd		= SIPSEC_CMD_GROUP_ROTATE,
		.doit		= sipsec_nl_group_rotate_doit,
		.policy		= sipsec_group_rotate_nl_policy,
		.maxattr	= SIPSEC_A_GROUP_ID,
	},
	{
		.cmd		= SIPSEC_CMD_FLOW_BIND,
		.doit		= sipsec_nl_flow_bind_doit,
		.policy		= sipsec_flow_bind_nl_policy,
		.maxattr	= SIPSEC_A_FLOW_SHARED,
	},
	{
		.cmd		= SIPSEC_CMD_FLOW_UNBIND,
		.doit		= sipsec_nl_flow_unbind_doit,
		.policy		= sipsec_flow_unbind_nl_policy,
		.maxattr	= SIPSEC_A_FLOW_IFINDEX,
	},
	{
		.cmd		= SIPSEC_CMD_FLOW_GET,
		.doit		= sipsec_nl_flow_get_doit,
		.dumpit		= sipsec_nl_flow_get_dumpit,
		.policy		= sipsec_flow_get_nl_policy,
		.maxattr	= SIPSEC_A_FLOW_IFINDEX,
	},
	{
		.cmd		= SIPSEC_CMD_STATS_GET,
		.doit		= sipsec_nl_stats_get_doit,
		.dumpit		= sipsec_nl_stats_get_dumpit,
		.policy		= sipsec_stats_get_nl_policy,
		.maxattr	= SIPSEC_A_STATS_APP,
	},
	{
		.cmd		= SIPSEC_CMD_APP_SET,
		.doit		= sipsec_nl_app_set_doit,
		.policy		= sipsec_app_set_nl_policy,
		.maxattr	= SIPSEC_A_APP_PROTOCOLS,
		.flags		= GENL_UNS_ADMIN_PERM,
	},
	{
		.cmd		= SIPSEC_CMD_GROUP_ADOPT,
		.doit		= sipsec_nl_group_adopt_doit,
		.policy		= sipsec_group_adopt_nl_policy,
		.maxattr	= SIPSEC_A_GROUP_ID,
	},
	{
		.cmd		= SIPSEC_CMD_APP_WATCH,
		.doit		= sipsec_nl_app_watch_doit,
		.policy		= sipsec_app_watch_nl_policy,
		.maxattr	= SIPSEC_A_APP_NAME,
	},
};

static const struct genl_multicast_group sipsec_nl_mcgrps[] = {
	[SIPSEC_NLGRP_EVENTS] = { "events", },
};
