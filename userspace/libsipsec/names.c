// SPDX-License-Identifier: LGPL-2.1-or-later
/* Names of suites, hashes and netlink attributes. */
#include <errno.h>
#include <string.h>

#include <linux/sipsec-suites.h>

#include "names.h"
#include "sipsec.h"

#define N(array)	(sizeof(array) / sizeof((array)[0]))
#define NAME(name, ...)	[SIPSEC_SUITE_##name] = #name,

static const char *const suites[] = { SIPSEC_SUITES(NAME) };

static const char *const prfs[] = {
	[SIPSEC_PRF_HMAC_SHA2_256] = "HMAC_SHA2_256",
	[SIPSEC_PRF_HMAC_SHA2_384] = "HMAC_SHA2_384",
};

static const char *const app_attrs[] = {
	[SIPSEC_A_APP_NAME] = "name",
	[SIPSEC_A_APP_UID] = "uid",
	[SIPSEC_A_APP_GID] = "gid",
	[SIPSEC_A_APP_CGROUP] = "cgroup",
	[SIPSEC_A_APP_MAX_GROUPS] = "max-groups",
	[SIPSEC_A_APP_MAX_FLOWS] = "max-flows",
	[SIPSEC_A_APP_MAX_GROUPS_UID] = "max-groups-uid",
	[SIPSEC_A_APP_MAX_FLOWS_UID] = "max-flows-uid",
	[SIPSEC_A_APP_LEVEL] = "level",
	[SIPSEC_A_APP_MIN_SUITE] = "min-suite",
	[SIPSEC_A_APP_PORT_MIN] = "port-min",
	[SIPSEC_A_APP_PORT_MAX] = "port-max",
	[SIPSEC_A_APP_PEER] = "peer",
	[SIPSEC_A_APP_LINGER] = "linger",
	[SIPSEC_A_APP_LEGACY] = "legacy",
	[SIPSEC_A_APP_VIEWER] = "viewer",
	[SIPSEC_A_APP_MAX_MEMORY] = "max-memory",
	[SIPSEC_A_APP_MAX_MEMORY_UID] = "max-memory-uid",
};

static const char *const group_attrs[] = {
	[SIPSEC_A_GROUP_ID] = "id",
	[SIPSEC_A_GROUP_APP] = "app",
	[SIPSEC_A_GROUP_ROLE] = "role",
	[SIPSEC_A_GROUP_SUITE] = "suite",
	[SIPSEC_A_GROUP_PRF] = "prf",
	[SIPSEC_A_GROUP_MODE] = "mode",
	[SIPSEC_A_GROUP_MASTER] = "master",
	[SIPSEC_A_GROUP_SPI_IN] = "spi-in",
	[SIPSEC_A_GROUP_SPI_OUT] = "spi-out",
	[SIPSEC_A_GROUP_LOCAL] = "local",
	[SIPSEC_A_GROUP_PEER] = "peer",
	[SIPSEC_A_GROUP_ROTATE] = "rotate",
	[SIPSEC_A_GROUP_LIFE] = "life",
	[SIPSEC_A_GROUP_WINDOW] = "window",
	[SIPSEC_A_GROUP_PERSISTENT] = "persistent",
	[SIPSEC_A_GROUP_ESN] = "esn",
	[SIPSEC_A_GROUP_PEER_IDENTITY] = "peer-identity",
	[SIPSEC_A_GROUP_TFC] = "tfc",
	[SIPSEC_A_GROUP_LOOKAHEAD] = "lookahead",
	[SIPSEC_A_GROUP_ENCAP_FD] = "encap-fd",
	[SIPSEC_A_GROUP_ENCAP_PORT] = "encap-port",
	[SIPSEC_A_GROUP_ENCAP_PEER_PORT] = "encap-peer-port",
};

static const char *const flow_attrs[] = {
	[SIPSEC_A_FLOW_GROUP] = "group",
	[SIPSEC_A_FLOW_PROTOCOL] = "protocol",
	[SIPSEC_A_FLOW_LOCAL] = "local",
	[SIPSEC_A_FLOW_LOCAL_PORT] = "local-port",
	[SIPSEC_A_FLOW_PEER] = "peer",
	[SIPSEC_A_FLOW_PEER_PORT] = "peer-port",
	[SIPSEC_A_FLOW_FD] = "fd",
	[SIPSEC_A_FLOW_UID] = "uid",
	[SIPSEC_A_FLOW_ANY] = "any",
	[SIPSEC_A_FLOW_SHARED] = "shared",
};

static const char *const stats_attrs[SIPSEC_A_STATS_MAX + 1] = {
	[SIPSEC_A_STATS_APP] = "app",
	[SIPSEC_A_STATS_OUT_PACKETS] = "out-packets",
	[SIPSEC_A_STATS_OUT_LATE] = "out-late",
	[SIPSEC_A_STATS_OUT_DROP_CLOSED] = "out-drop-closed",
	[SIPSEC_A_STATS_OUT_DROP_SOCKET] = "out-drop-socket",
	[SIPSEC_A_STATS_OUT_DROP_FLOW] = "out-drop-flow",
	[SIPSEC_A_STATS_OUT_DROP_POLICY] = "out-drop-policy",
	[SIPSEC_A_STATS_OUT_DROP_MTU] = "out-drop-mtu",
	[SIPSEC_A_STATS_OUT_DROP_REWRITTEN] = "out-drop-rewritten",
	[SIPSEC_A_STATS_OUT_DROP_LIMIT] = "out-drop-limit",
	[SIPSEC_A_STATS_OUT_DROP_MEMORY] = "out-drop-memory",
	[SIPSEC_A_STATS_OUT_DROP_ERROR] = "out-drop-error",
	[SIPSEC_A_STATS_OUT_DROP_ICMP] = "out-drop-icmp",
	[SIPSEC_A_STATS_IN_PACKETS] = "in-packets",
	[SIPSEC_A_STATS_IN_CANDIDATE] = "in-candidate",
	[SIPSEC_A_STATS_IN_CAUGHT_UP] = "in-caught-up",
	[SIPSEC_A_STATS_IN_DROP_CLEAR] = "in-drop-clear",
	[SIPSEC_A_STATS_IN_DROP_CLOSED] = "in-drop-closed",
	[SIPSEC_A_STATS_IN_DROP_FLOW] = "in-drop-flow",
	[SIPSEC_A_STATS_IN_DROP_SOCKET] = "in-drop-socket",
	[SIPSEC_A_STATS_IN_DROP_FORWARD] = "in-drop-forward",
	[SIPSEC_A_STATS_IN_DROP_ICMP] = "in-drop-icmp",
	[SIPSEC_A_STATS_EVENT_LOST] = "event-lost",
};

static const char *name_of(const char *const *names, size_t n, size_t id)
{
	return id < n ? names[id] : NULL;
}

static int id_of(const char *const *names, size_t n, const char *name)
{
	for (size_t id = 0; id < n; id++)
		if (names[id] && !strcmp(names[id], name))
			return id;
	return -ENOENT;
}

const char *sipsec_suite_name(unsigned int id)
{
	return name_of(suites, N(suites), id);
}

int sipsec_suite_by_name(const char *name)
{
	return id_of(suites, N(suites), name);
}

const char *sipsec_prf_name(unsigned int id)
{
	return name_of(prfs, N(prfs), id);
}

int sipsec_prf_by_name(const char *name)
{
	return id_of(prfs, N(prfs), name);
}

const char *sipsec_counter_name(unsigned int index)
{
	return index == SIPSEC_A_STATS_APP ? NULL : name_of(stats_attrs, N(stats_attrs), index);
}

const char *sipsec_names_attr(unsigned int cmd, unsigned int type)
{
	switch (cmd) {
	case SIPSEC_CMD_APP_NEW ... SIPSEC_CMD_APP_GET:
	case SIPSEC_CMD_APP_SET:
		return name_of(app_attrs, N(app_attrs), type);
	case SIPSEC_CMD_GROUP_NEW ... SIPSEC_CMD_GROUP_ROTATE:
	case SIPSEC_CMD_GROUP_ADOPT:
		return name_of(group_attrs, N(group_attrs), type);
	case SIPSEC_CMD_FLOW_BIND ... SIPSEC_CMD_FLOW_GET:
		return name_of(flow_attrs, N(flow_attrs), type);
	case SIPSEC_CMD_STATS_GET:
		return name_of(stats_attrs, N(stats_attrs), type);
	default:
		return NULL;
	}
}
