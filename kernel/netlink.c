// SPDX-License-Identifier: GPL-2.0
#include <linux/cgroup.h>
#include <linux/cred.h>
#include <linux/ctype.h>
#include <linux/inet.h>
#include <linux/net.h>
#include <linux/notifier.h>
#include <linux/udp.h>
#include <net/addrconf.h>
#include <net/genetlink.h>
#include <net/inet_sock.h>
#include <net/route.h>
#include <net/sock.h>

#include <uapi/linux/sipsec-suites.h>

#include "address.h"
#include "app.h"
#include "flow.h"
#include "group.h"
#include "identity.h"
#include "netlink-gen.h"
#include "netlink.h"
#include "pernet.h"
#include "sa.h"
#include "stats.h"
#include "suite.h"
#include "trace.h"

/* Says which attribute is missing, in words: older kernels have no attribute for it. */
#define MISSING(info, name) ({ \
	GENL_SET_ERR_MSG(info, name ": this attribute is required"); \
	-EINVAL; \
})

/* Evaluates to @err. */
#define BAD(info, attr, err, text) ({ \
	struct genl_info *info_ = (info); \
	NL_SET_ERR_MSG_ATTR(info_->extack, info_->attrs[attr], text); \
	err; \
})

/**
 * struct caller - on whose behalf a request is carried out
 * @sn: namespace of the socket
 * @owner: the app the socket has opened, or NULL
 * @admin: CAP_NET_ADMIN of the sender and of whoever opened the socket, so that
 *	no privileged program can be made to pass on a request of somebody else's
 * @viewing: the socket's file if the request only reads, or NULL: viewers may make it, too
 */
struct caller {
	struct sipsec_net *sn;
	struct sipsec_owner *owner;
	bool admin;
	const struct file *viewing;
};

/* Locks the namespace; caller_end() undoes it. */
static void caller_begin(struct caller *caller, struct sk_buff *skb)
{
	struct sock *sk = NETLINK_CB(skb).sk;
	struct net *net = sock_net(sk);

	caller->sn = sipsec_pernet(net);
	caller->admin = netlink_ns_capable(skb, net->user_ns, CAP_NET_ADMIN);
	caller->viewing = NULL;
	mutex_lock(&caller->sn->lock);
	caller->owner = sipsec_owner_find(caller->sn, sk);
}

/* The same for a request that only reads. */
static void caller_begin_view(struct caller *caller, struct sk_buff *skb)
{
	caller_begin(caller, skb);
	caller->viewing = NETLINK_CB(skb).sk->sk_socket->file;
}

/*
 * What does not fit one message is made when somebody reads, who may be a privileged program with
 * somebody else's socket: whoever opened that has to be privileged, too.
 */
static void caller_begin_dump(struct caller *caller, const struct netlink_callback *cb)
{
	const struct net *net = sock_net(NETLINK_CB(cb->skb).sk);

	caller_begin_view(caller, cb->skb);
	caller->admin &= file_ns_capable(caller->viewing, net->user_ns, CAP_NET_ADMIN);
}

static void caller_unlock(struct caller *caller)
{
	mutex_unlock(&caller->sn->lock);
}

/* Returns the error, after it was noted down for whoever traces refusals. */
static int caller_end(struct caller *caller, struct genl_info *info, int err)
{
	if (err)
		trace_refused(info->genlhdr->cmd, err,
			      caller->owner ? caller->owner->app->name : "",
			      info->extack ? info->extack->_msg : NULL);
	caller_unlock(caller);
	return err;
}

static bool may_see(const struct caller *caller, const struct sipsec_app *app)
{
	return caller->admin || (caller->owner && caller->owner->app == app) ||
	       (caller->viewing && sipsec_app_shows(app, caller->viewing));
}

static struct sipsec_app *find_app(const struct caller *caller, struct genl_info *info, int attr)
{
	struct sipsec_app *app = sipsec_app_find(caller->sn, nla_data(info->attrs[attr]));

	if (app && may_see(caller, app))
		return app;
	return BAD(info, attr, ERR_PTR(-ENOENT), "no such app");
}

static struct sipsec_group *find_group(const struct caller *caller, struct genl_info *info,
				       int attr)
{
	struct sipsec_group *group = xa_load(&caller->sn->groups, nla_get_u32(info->attrs[attr]));

	if (group && may_see(caller, group->app))
		return group;
	return BAD(info, attr, ERR_PTR(-ENOENT), "no such group");
}

/* Whoever has the app open may see and use what the administrator made, not change it. */
static struct sipsec_group *find_group_to_change(const struct caller *caller,
						 struct genl_info *info, int attr)
{
	struct sipsec_group *group = find_group(caller, info, attr);

	if (!IS_ERR(group) && group->persistent && !caller->admin)
		return BAD(info, attr, ERR_PTR(-EPERM),
			   "the group is persistent, changing it needs CAP_NET_ADMIN");
	return group;
}

static int get_address(struct genl_info *info, int attr, struct in6_addr *address)
{
	switch (nla_len(info->attrs[attr])) {
	case sizeof(__be32):
		ipv6_addr_set_v4mapped(nla_get_in_addr(info->attrs[attr]), address);
		return 0;
	case sizeof(*address):
		*address = nla_get_in6_addr(info->attrs[attr]);
		if (!ipv6_addr_v4mapped(address))
			return 0;
		return BAD(info, attr, -EINVAL, "address: v4-mapped, give its 4 octets");
	}
	return BAD(info, attr, -EINVAL, "address: neither 4 nor 16 octets");
}

static int put_address(struct sk_buff *skb, int attr, const struct in6_addr *address)
{
	if (ipv6_addr_v4mapped(address))
		return nla_put_in_addr(skb, attr, sipsec_address_v4(address));
	return nla_put_in6_addr(skb, attr, address);
}

static bool address_local(struct net *net, const struct in6_addr *address, u32 ifindex)
{
	const struct net_device *dev = NULL;
	bool local;

	if (ipv6_addr_v4mapped(address))
		return inet_addr_type(net, sipsec_address_v4(address)) == RTN_LOCAL;
	rcu_read_lock();
	if (ifindex)
		dev = dev_get_by_index_rcu(net, ifindex);
	local = (dev || !ifindex) && ipv6_chk_addr(net, address, dev, ifindex);
	rcu_read_unlock();
	return local;
}

static bool address_unicast(struct net *net, const struct in6_addr *address)
{
	unsigned int type;

	if (!ipv6_addr_v4mapped(address))
		return ipv6_addr_type(address) & IPV6_ADDR_UNICAST;
	type = inet_addr_type(net, sipsec_address_v4(address));
	return type == RTN_UNICAST || type == RTN_LOCAL;
}

/* Link-local addresses, and they alone, come with their link. */
static int get_ifindex(struct genl_info *info, int attr, const struct in6_addr *address,
		       u32 *ifindex)
{
	*ifindex = info->attrs[attr] ? nla_get_u32(info->attrs[attr]) : 0;
	if (sipsec_address_scoped(address) && !*ifindex) {
		GENL_SET_ERR_MSG(info, "ifindex: required with a link-local address");
		return -EINVAL;
	}
	if (!sipsec_address_scoped(address) && *ifindex)
		return BAD(info, attr, -EINVAL, "ifindex: only goes with a link-local address");
	return 0;
}

/* Get and dump: one message with what @fill puts into it. */
static int reply(struct genl_info *info, int (*fill)(struct sk_buff *, const void *),
		 const void *object)
{
	struct sk_buff *skb = genlmsg_new(NLMSG_GOODSIZE, GFP_KERNEL);
	void *header;

	if (!skb)
		return -ENOMEM;
	header = genlmsg_put_reply(skb, info, &sipsec_nl_family, 0, info->genlhdr->cmd);
	if (!header || fill(skb, object)) {
		nlmsg_free(skb);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, header);
	return genlmsg_reply(skb, info);
}

static int dump_one(struct sk_buff *skb, struct netlink_callback *cb, u8 cmd,
		    int (*fill)(struct sk_buff *, const void *), const void *object)
{
	void *header = genlmsg_put(skb, NETLINK_CB(cb->skb).portid, cb->nlh->nlmsg_seq,
				   &sipsec_nl_family, NLM_F_MULTI, cmd);

	if (!header)
		return -EMSGSIZE;
	if (fill(skb, object)) {
		genlmsg_cancel(skb, header);
		return -EMSGSIZE;
	}
	genlmsg_end(skb, header);
	return 0;
}

/* Apps */

static int fill_credentials(struct sk_buff *skb, const struct sipsec_app_conf *conf)
{
	struct user_namespace *ns = current_user_ns();

	return (uid_valid(conf->uid) &&
		nla_put_u32(skb, SIPSEC_A_APP_UID, from_kuid_munged(ns, conf->uid))) ||
	       (gid_valid(conf->gid) &&
		nla_put_u32(skb, SIPSEC_A_APP_GID, from_kgid_munged(ns, conf->gid))) ||
	       (gid_valid(conf->viewer) &&
		nla_put_u32(skb, SIPSEC_A_APP_VIEWER, from_kgid_munged(ns, conf->viewer))) ||
	       (conf->cgroup_path &&
		nla_put_string(skb, SIPSEC_A_APP_CGROUP, conf->cgroup_path));
}

static int fill_prefix(struct sk_buff *skb, const struct sipsec_prefix *prefix)
{
	int skip = ipv6_addr_v4mapped(&prefix->address) ? 12 : 0;
	struct nlattr *attr = nla_reserve(skb, SIPSEC_A_APP_PEER, 16 - skip + 1);
	u8 *octets;

	if (!attr)
		return -EMSGSIZE;
	octets = nla_data(attr);
	memcpy(octets, &prefix->address.s6_addr[skip], 16 - skip);
	octets[16 - skip] = prefix->bits - 8 * skip;
	return 0;
}

static int fill_protocols(struct sk_buff *skb, const struct sipsec_app_conf *conf)
{
	const unsigned int count = bitmap_weight(conf->protocols, SIPSEC_APP_PROTOCOLS);
	unsigned int bit, i = 0;
	struct nlattr *attr;
	u8 *octets;

	if (!count)
		return 0;
	attr = nla_reserve(skb, SIPSEC_A_APP_PROTOCOLS, count);
	if (!attr)
		return -EMSGSIZE;
	octets = nla_data(attr);
	for_each_set_bit(bit, conf->protocols, SIPSEC_APP_PROTOCOLS)
		octets[i++] = bit;
	return 0;
}

static int fill_limits(struct sk_buff *skb, const struct sipsec_app_conf *conf)
{
	int i;

	if (nla_put_u32(skb, SIPSEC_A_APP_MAX_GROUPS, conf->max_groups) ||
	    nla_put_u32(skb, SIPSEC_A_APP_MAX_FLOWS, conf->max_flows) ||
	    nla_put_u32(skb, SIPSEC_A_APP_MAX_GROUPS_UID, conf->max_groups_uid) ||
	    nla_put_u32(skb, SIPSEC_A_APP_MAX_FLOWS_UID, conf->max_flows_uid) ||
	    nla_put_u64_64bit(skb, SIPSEC_A_APP_MAX_MEMORY, conf->max_memory, 0) ||
	    nla_put_u64_64bit(skb, SIPSEC_A_APP_MAX_MEMORY_UID, conf->max_memory_uid, 0) ||
	    nla_put_u32(skb, SIPSEC_A_APP_LEVEL, conf->level) ||
	    (conf->min_suite && nla_put_u32(skb, SIPSEC_A_APP_MIN_SUITE, conf->min_suite)) ||
	    nla_put_u16(skb, SIPSEC_A_APP_PORT_MIN, conf->port_min) ||
	    nla_put_u16(skb, SIPSEC_A_APP_PORT_MAX, conf->port_max) ||
	    nla_put_u32(skb, SIPSEC_A_APP_LINGER, conf->linger) ||
	    (conf->legacy && nla_put_flag(skb, SIPSEC_A_APP_LEGACY)) ||
	    (conf->wildcard && nla_put_flag(skb, SIPSEC_A_APP_WILDCARD)) ||
	    fill_protocols(skb, conf))
		return -EMSGSIZE;
	for (i = 0; i < conf->n_peers; i++)
		if (fill_prefix(skb, &conf->peers[i]))
			return -EMSGSIZE;
	return 0;
}

static int fill_app(struct sk_buff *skb, const void *object)
{
	const struct sipsec_app *app = object;

	return nla_put_string(skb, SIPSEC_A_APP_NAME, app->name) ||
	       nla_put_u32(skb, SIPSEC_A_APP_GROUPS, app->groups) ||
	       nla_put_u32(skb, SIPSEC_A_APP_FLOWS, app->flows) ||
	       nla_put_u32(skb, SIPSEC_A_APP_OWNERS, app->owners) ||
	       nla_put_u64_64bit(skb, SIPSEC_A_APP_MEMORY, app->memory, 0) ||
	       fill_credentials(skb, &app->conf) || fill_limits(skb, &app->conf);
}

static bool name_good(const char *name)
{
	if (!*name)
		return false;
	for (; *name; name++)
		if (!isascii(*name) || !isgraph(*name))
			return false;
	return true;
}

static u32 get_u32(struct genl_info *info, int attr, u32 otherwise)
{
	return info->attrs[attr] ? nla_get_u32(info->attrs[attr]) : otherwise;
}

static int get_prefix(struct genl_info *info, const struct nlattr *attr,
		      struct sipsec_prefix *prefix)
{
	const u8 *octets = nla_data(attr);
	int len = nla_len(attr) - 1;
	__be32 v4;

	if (len == sizeof(v4)) {
		memcpy(&v4, octets, sizeof(v4));
		ipv6_addr_set_v4mapped(v4, &prefix->address);
	} else if (len == sizeof(prefix->address)) {
		memcpy(&prefix->address, octets, sizeof(prefix->address));
		if (ipv6_addr_v4mapped(&prefix->address))
			return BAD(info, SIPSEC_A_APP_PEER, -EINVAL,
				   "peer: v4-mapped, give its 4 octets");
	} else {
		return BAD(info, SIPSEC_A_APP_PEER, -EINVAL,
			   "peer: neither 4 nor 16 octets and the length of the prefix");
	}
	if (octets[len] > 8 * len)
		return BAD(info, SIPSEC_A_APP_PEER, -EINVAL,
			   "peer: the prefix is longer than the address");
	prefix->bits = octets[len] + 8 * (sizeof(prefix->address) - len);
	return 0;
}

static int get_peers(struct genl_info *info, struct sipsec_app_conf *conf)
{
	struct nlattr *attr;
	int rem, err;

	nlmsg_for_each_attr(attr, info->nlhdr, GENL_HDRLEN, rem) {
		if (nla_type(attr) != SIPSEC_A_APP_PEER)
			continue;
		if (conf->n_peers == SIPSEC_APP_PEERS_MAX)
			return BAD(info, SIPSEC_A_APP_PEER, -E2BIG, "peer: more than 16 prefixes");
		err = get_prefix(info, attr, &conf->peers[conf->n_peers++]);
		if (err)
			return err;
	}
	return 0;
}

/* Of what carries IPsec, or what IP needs to work, there is no flow; nor of parts of its header. */
static bool protocol_never(u8 protocol)
{
	switch (protocol) {
	case IPPROTO_ICMP:
	case IPPROTO_IGMP:
	case IPPROTO_ESP:
	case IPPROTO_AH:
	case IPPROTO_ICMPV6:
	case IPPROTO_COMP:
	case IPPROTO_HOPOPTS:
	case IPPROTO_ROUTING:
	case IPPROTO_FRAGMENT:
	case IPPROTO_NONE:
	case IPPROTO_DSTOPTS:
	case IPPROTO_RAW:
		return true;
	}
	return false;
}

static int get_protocols(struct genl_info *info, struct sipsec_app_conf *conf)
{
	const struct nlattr *attr = info->attrs[SIPSEC_A_APP_PROTOCOLS];
	const u8 *octets;
	int i;

	if (!attr)
		return 0;
	octets = nla_data(attr);
	for (i = 0; i < nla_len(attr); i++) {
		if (protocol_never(octets[i]))
			return BAD(info, SIPSEC_A_APP_PROTOCOLS, -EINVAL,
				   "protocols: there are no flows of one of them");
		if (octets[i] == IPPROTO_UDP || octets[i] == IPPROTO_TCP)
			return BAD(info, SIPSEC_A_APP_PROTOCOLS, -EINVAL,
				   "protocols: flows of UDP and TCP have ports, see wildcard");
		__set_bit(octets[i], conf->protocols);
	}
	return 0;
}

static int get_limits(struct genl_info *info, struct sipsec_app_conf *conf)
{
	struct nlattr **attrs = info->attrs;

	conf->max_groups = get_u32(info, SIPSEC_A_APP_MAX_GROUPS, SIPSEC_MAX_GROUPS_DEFAULT);
	conf->max_flows = get_u32(info, SIPSEC_A_APP_MAX_FLOWS, SIPSEC_MAX_FLOWS_DEFAULT);
	conf->max_groups_uid = get_u32(info, SIPSEC_A_APP_MAX_GROUPS_UID, conf->max_groups);
	conf->max_flows_uid = get_u32(info, SIPSEC_A_APP_MAX_FLOWS_UID, conf->max_flows);
	conf->max_memory = attrs[SIPSEC_A_APP_MAX_MEMORY] ?
			   nla_get_u64(attrs[SIPSEC_A_APP_MAX_MEMORY]) :
			   SIPSEC_MAX_MEMORY_DEFAULT;
	conf->max_memory_uid = attrs[SIPSEC_A_APP_MAX_MEMORY_UID] ?
			       nla_get_u64(attrs[SIPSEC_A_APP_MAX_MEMORY_UID]) :
			       conf->max_memory;
	conf->level = get_u32(info, SIPSEC_A_APP_LEVEL, SIPSEC_LEVEL_INTEGRITY);
	conf->min_suite = get_u32(info, SIPSEC_A_APP_MIN_SUITE, 0);
	conf->port_min = attrs[SIPSEC_A_APP_PORT_MIN] ?
			 nla_get_u16(attrs[SIPSEC_A_APP_PORT_MIN]) : 1;
	conf->port_max = attrs[SIPSEC_A_APP_PORT_MAX] ?
			 nla_get_u16(attrs[SIPSEC_A_APP_PORT_MAX]) : U16_MAX;
	conf->linger = get_u32(info, SIPSEC_A_APP_LINGER, 0);
	conf->legacy = attrs[SIPSEC_A_APP_LEGACY];
	conf->wildcard = attrs[SIPSEC_A_APP_WILDCARD];
	if (!conf->port_min || conf->port_min > conf->port_max)
		return BAD(info, SIPSEC_A_APP_PORT_MIN, -ERANGE,
			   "port-min: zero, or above port-max");
	return get_protocols(info, conf) ?: get_peers(info, conf);
}

static int get_cgroup(struct genl_info *info, struct sipsec_app_conf *conf)
{
	const char *path = nla_data(info->attrs[SIPSEC_A_APP_CGROUP]);

#ifdef CONFIG_CGROUPS
	conf->cgroup = cgroup_get_from_path(path);
#else
	conf->cgroup = ERR_PTR(-EOPNOTSUPP);
#endif
	if (IS_ERR(conf->cgroup)) {
		int err = PTR_ERR(conf->cgroup);

		conf->cgroup = NULL;
		return BAD(info, SIPSEC_A_APP_CGROUP, err, "cgroup: no such cgroup (v2) here");
	}
	conf->cgroup_path = kstrdup(path, GFP_KERNEL_ACCOUNT);
	return conf->cgroup_path ? 0 : -ENOMEM;
}

/* On success the caller puts what they hold. */
static int get_settings(struct genl_info *info, struct sipsec_app_conf *conf)
{
	struct nlattr **attrs = info->attrs;
	int err;

	if (!attrs[SIPSEC_A_APP_NAME])
		return MISSING(info, "name");
	if (!attrs[SIPSEC_A_APP_UID] && !attrs[SIPSEC_A_APP_GID] && !attrs[SIPSEC_A_APP_CGROUP]) {
		GENL_SET_ERR_MSG(info, "uid: one of uid, gid and cgroup is required");
		return -EINVAL;
	}
	conf->uid = INVALID_UID;
	conf->gid = INVALID_GID;
	conf->viewer = INVALID_GID;
	if (attrs[SIPSEC_A_APP_UID]) {
		conf->uid = make_kuid(current_user_ns(), nla_get_u32(attrs[SIPSEC_A_APP_UID]));
		if (!uid_valid(conf->uid))
			return BAD(info, SIPSEC_A_APP_UID, -EINVAL, "uid: no such user here");
	}
	if (attrs[SIPSEC_A_APP_GID]) {
		conf->gid = make_kgid(current_user_ns(), nla_get_u32(attrs[SIPSEC_A_APP_GID]));
		if (!gid_valid(conf->gid))
			return BAD(info, SIPSEC_A_APP_GID, -EINVAL, "gid: no such group here");
	}
	if (attrs[SIPSEC_A_APP_VIEWER]) {
		conf->viewer = make_kgid(current_user_ns(),
					 nla_get_u32(attrs[SIPSEC_A_APP_VIEWER]));
		if (!gid_valid(conf->viewer))
			return BAD(info, SIPSEC_A_APP_VIEWER, -EINVAL,
				   "viewer: no such group here");
	}
	err = get_limits(info, conf);
	if (!err && attrs[SIPSEC_A_APP_CGROUP])
		err = get_cgroup(info, conf);
	if (err)
		sipsec_app_conf_put(conf);
	return err;
}

int sipsec_nl_app_new_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct sipsec_app_conf conf = {};
	struct caller caller;
	const char *name;
	int err;

	err = get_settings(info, &conf);
	if (err)
		return err;
	name = nla_data(info->attrs[SIPSEC_A_APP_NAME]);
	if (!name_good(name)) {
		sipsec_app_conf_put(&conf);
		return BAD(info, SIPSEC_A_APP_NAME, -EINVAL, "name: empty or not printable ASCII");
	}

	caller_begin(&caller, skb);
	err = sipsec_app_new(caller.sn, name, &conf);
	if (err == -EEXIST)
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[SIPSEC_A_APP_NAME],
				    "name: an app of this name exists");
	if (err)
		sipsec_app_conf_put(&conf);
	return caller_end(&caller, info, err);
}

int sipsec_nl_app_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct sipsec_app_conf conf = {};
	struct caller caller;
	struct sipsec_app *app;
	int err;

	err = get_settings(info, &conf);
	if (err)
		return err;
	caller_begin(&caller, skb);
	app = find_app(&caller, info, SIPSEC_A_APP_NAME);
	if (IS_ERR(app))
		sipsec_app_conf_put(&conf);
	else
		sipsec_app_set(caller.sn, app, &conf);
	return caller_end(&caller, info, PTR_ERR_OR_ZERO(app));
}

int sipsec_nl_app_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct caller caller;
	struct sipsec_app *app;

	if (!info->attrs[SIPSEC_A_APP_NAME])
		return MISSING(info, "name");
	caller_begin(&caller, skb);
	app = find_app(&caller, info, SIPSEC_A_APP_NAME);
	if (!IS_ERR(app))
		sipsec_app_del(caller.sn, app);
	return caller_end(&caller, info, PTR_ERR_OR_ZERO(app));
}

int sipsec_nl_app_open_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct sock *sk = NETLINK_CB(skb).sk;
	struct sipsec_app *app;
	struct caller caller;
	int err;

	if (!info->attrs[SIPSEC_A_APP_NAME])
		return MISSING(info, "name");
	caller_begin(&caller, skb);
	app = sipsec_app_find(caller.sn, nla_data(info->attrs[SIPSEC_A_APP_NAME]));
	if (!app || !(caller.admin || sipsec_app_admits(app, sk, sk->sk_socket->file))) {
		err = BAD(info, SIPSEC_A_APP_NAME, -ENOENT,
			  "name: no such app, or this process may not open it");
	} else {
		err = sipsec_owner_new(caller.sn, app, sk, info->snd_portid);
		if (err == -EBUSY)
			GENL_SET_ERR_MSG(info, "this socket has opened an app already");
		if (err == -EDQUOT)
			GENL_SET_ERR_MSG(info, "this user has the app open as often as he may");
	}
	return caller_end(&caller, info, err);
}

int sipsec_nl_app_watch_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct caller caller;
	struct sipsec_app *app;
	int err;

	if (!info->attrs[SIPSEC_A_APP_NAME])
		return MISSING(info, "name");
	caller_begin_view(&caller, skb);
	app = find_app(&caller, info, SIPSEC_A_APP_NAME);
	err = IS_ERR(app) ? PTR_ERR(app) : sipsec_owner_watch(caller.sn, app, NETLINK_CB(skb).sk,
							      info->snd_portid);
	if (err == -EDQUOT)
		GENL_SET_ERR_MSG(info, "this user watches the app, or has it open, too often");
	return caller_end(&caller, info, err);
}

int sipsec_nl_app_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct caller caller;
	struct sipsec_app *app;
	int err;

	if (!info->attrs[SIPSEC_A_APP_NAME])
		return MISSING(info, "name");
	caller_begin_view(&caller, skb);
	app = find_app(&caller, info, SIPSEC_A_APP_NAME);
	err = IS_ERR(app) ? PTR_ERR(app) : reply(info, fill_app, app);
	return caller_end(&caller, info, err);
}

/* Apps are few: a dump goes on at the position it had reached. */
static int dump_apps(struct sk_buff *skb, struct netlink_callback *cb, u8 cmd,
		     int (*fill)(struct sk_buff *, const void *))
{
	struct sipsec_app *app;
	struct caller caller;
	long position = 0;

	caller_begin_dump(&caller, cb);
	list_for_each_entry(app, &caller.sn->apps, list) {
		if (position >= cb->args[0] && may_see(&caller, app) &&
		    dump_one(skb, cb, cmd, fill, app))
			break;
		position++;
	}
	cb->args[0] = position;
	caller_unlock(&caller);
	return skb->len;
}

int sipsec_nl_app_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	return dump_apps(skb, cb, SIPSEC_CMD_APP_GET, fill_app);
}

/* Sockets */

/* The socket of a request, locked, or NULL; socket_put() undoes it. */
static struct socket *socket_get(struct genl_info *info, int attr, int *err)
{
	/* A request is carried out in the sender's context: the fd is the caller's. */
	struct socket *sock = sockfd_lookup(nla_get_u32(info->attrs[attr]), err);

	if (!sock) {
		*err = BAD(info, attr, *err, "fd: not a socket of this process");
		return NULL;
	}
	/*
	 * Before the namespace: whoever sends from memory that is slow to come holds the lock of
	 * his socket for as long as he likes, and shall not keep others waiting.
	 */
	lock_sock(sock->sk);
	return sock;
}

static void socket_put(struct socket *sock)
{
	release_sock(sock->sk);
	sockfd_put(sock);
}

/* Otherwise connect(AF_UNSPEC) frees a port the kernel chose. */
static void keep_port(struct sock *sk)
{
	sk->sk_userlocks |= SOCK_BINDPORT_LOCK;
}

/* Groups */

static int fill_round(struct sk_buff *skb, u32 direction, const struct sipsec_sa *sa, bool current_)
{
	struct nlattr *nest = nla_nest_start(skb, SIPSEC_A_GROUP_ROUND);

	if (!nest ||
	    nla_put_u32(skb, SIPSEC_A_ROUND_DIRECTION, direction) ||
	    nla_put_u64_64bit(skb, SIPSEC_A_ROUND_NUMBER, sa->round, 0) ||
	    nla_put_u32(skb, SIPSEC_A_ROUND_SPI, sa->spi) ||
	    nla_put_u64_64bit(skb, SIPSEC_A_ROUND_PACKETS, sipsec_sa_packets(sa), 0) ||
	    (current_ && nla_put_flag(skb, SIPSEC_A_ROUND_CURRENT)))
		return -EMSGSIZE;
	nla_nest_end(skb, nest);
	return 0;
}

/* Rounds shown before and behind the current one. */
#define SHOWN_ROUNDS	2

static int fill_rounds(struct sk_buff *skb, struct sipsec_group *group)
{
	const struct sipsec_sa *sa;
	u64 in, out, late, round, current_round;
	int err = 0;

	/* The work item moves rounds, and what they counted, under this lock. */
	spin_lock_bh(&group->lock);
	rcu_read_lock();
	out = group->packets_out;
	late = group->late;
	list_for_each_entry(sa, &group->retired, list) {
		out += sipsec_sa_packets(sa);
		late += sipsec_sa_late(sa);
	}
	sa = rcu_dereference(group->out);
	if (sa) {
		err = fill_round(skb, SIPSEC_DIRECTION_OUT, sa, true);
		out += sipsec_sa_packets(sa);
		late += sipsec_sa_late(sa);
	}
	in = group->packets_in;
	current_round = group->in_window.current_round;
	round = current_round > group->in_mask ? current_round - group->in_mask : 0;
	for (; !err && round <= current_round + group->in_mask; round++) {
		sa = sipsec_group_sa_in(group, sipsec_round_spi(group->spi_in, round));
		if (!sa || sa->round != round)
			continue;
		in += sipsec_sa_packets(sa);
		/* All of them might not fit a message. */
		if (round + SHOWN_ROUNDS >= current_round &&
		    round <= current_round + SHOWN_ROUNDS)
			err = fill_round(skb, SIPSEC_DIRECTION_IN, sa, round == current_round);
	}
	rcu_read_unlock();
	spin_unlock_bh(&group->lock);
	return err || nla_put_u64_64bit(skb, SIPSEC_A_GROUP_PACKETS_OUT, out, 0) ||
	       nla_put_u64_64bit(skb, SIPSEC_A_GROUP_PACKETS_IN, in, 0) ||
	       nla_put_u64_64bit(skb, SIPSEC_A_GROUP_LATE, late, 0);
}

static int fill_thresholds(struct sk_buff *skb, const struct sipsec_round_thresholds *t)
{
	return (t->octets && nla_put_u64_64bit(skb, SIPSEC_A_GROUP_ROTATE_OCTETS, t->octets, 0)) ||
	       (t->time && nla_put_u32(skb, SIPSEC_A_GROUP_ROTATE_TIME, t->time / HZ)) ||
	       (t->idle && nla_put_u32(skb, SIPSEC_A_GROUP_ROTATE_IDLE, t->idle / HZ));
}

static int fill_encap(struct sk_buff *skb, const struct sipsec_encap *encap)
{
	return encap->port &&
	       (nla_put_u16(skb, SIPSEC_A_GROUP_ENCAP_PORT, ntohs(encap->port)) ||
		nla_put_u16(skb, SIPSEC_A_GROUP_ENCAP_PEER_PORT, ntohs(encap->peer_port)));
}

int sipsec_nl_fill_group(struct sk_buff *skb, struct sipsec_group *group)
{
	s64 left = sipsec_group_ends(group) - get_jiffies_64();

	if (nla_put_u32(skb, SIPSEC_A_GROUP_ID, group->id) ||
	    nla_put_string(skb, SIPSEC_A_GROUP_APP, group->app->name) ||
	    nla_put_u32(skb, SIPSEC_A_GROUP_STATE, sipsec_group_state(group)) ||
	    nla_put_u32(skb, SIPSEC_A_GROUP_SPI_IN, group->spi_in) ||
	    put_address(skb, SIPSEC_A_GROUP_LOCAL, &group->local) ||
	    (group->ifindex && nla_put_u32(skb, SIPSEC_A_GROUP_IFINDEX, group->ifindex)) ||
	    nla_put_u32(skb, SIPSEC_A_GROUP_REMAINING, left > 0 ? div_u64(left, HZ) : 0) ||
	    (group->persistent && nla_put_flag(skb, SIPSEC_A_GROUP_PERSISTENT)) ||
	    (group->orphan && nla_put_flag(skb, SIPSEC_A_GROUP_ORPHAN)))
		return -EMSGSIZE;
	if (!group->installed)
		return 0;
	if (group->identity &&
	    nla_put_string(skb, SIPSEC_A_GROUP_PEER_IDENTITY, group->identity))
		return -EMSGSIZE;
	if (nla_put_u32(skb, SIPSEC_A_GROUP_ROLE, group->role) ||
	    nla_put_u32(skb, SIPSEC_A_GROUP_SUITE, group->suite_id) ||
	    nla_put_u32(skb, SIPSEC_A_GROUP_PRF, group->prf) ||
	    nla_put_u32(skb, SIPSEC_A_GROUP_MODE, group->mode) ||
	    nla_put_u32(skb, SIPSEC_A_GROUP_SPI_OUT, group->spi_out) ||
	    put_address(skb, SIPSEC_A_GROUP_PEER, &group->peer) ||
	    nla_put_u32(skb, SIPSEC_A_GROUP_ROTATE, group->rotate) ||
	    nla_put_u32(skb, SIPSEC_A_GROUP_LIFE, group->life) ||
	    nla_put_u32(skb, SIPSEC_A_GROUP_WINDOW, group->window) ||
	    fill_thresholds(skb, &group->thresholds) ||
	    (group->replaces && nla_put_u32(skb, SIPSEC_A_GROUP_REPLACES, group->replaces)) ||
	    (group->esn && nla_put_flag(skb, SIPSEC_A_GROUP_ESN)) ||
	    (group->tfc && nla_put_u16(skb, SIPSEC_A_GROUP_TFC, group->tfc)) ||
	    fill_encap(skb, &group->encap) ||
	    nla_put_u8(skb, SIPSEC_A_GROUP_LOOKAHEAD, group->in_window.lookahead))
		return -EMSGSIZE;
	return fill_rounds(skb, group);
}

static int fill_group(struct sk_buff *skb, const void *object)
{
	return sipsec_nl_fill_group(skb, (struct sipsec_group *)object);
}

static int fill_reservation(struct sk_buff *skb, const void *object)
{
	const struct sipsec_group *group = object;

	return nla_put_u32(skb, SIPSEC_A_GROUP_ID, group->id) ||
	       nla_put_u32(skb, SIPSEC_A_GROUP_SPI_IN, group->spi_in);
}

static int get_block(struct genl_info *info, int attr, u32 *block)
{
	*block = nla_get_u32(info->attrs[attr]);
	if (*block % SIPSEC_SPI_BLOCK_SIZE)
		return BAD(info, attr, -EINVAL, "SPI block: the low 8 bits are not zero");
	if (*block < SIPSEC_SPI_BLOCK_MIN)
		return BAD(info, attr, -EINVAL, "SPI block: SPIs below 256 are reserved");
	return 0;
}

/* The app a new group is for; persistent ones are the administrator's and name it. */
static struct sipsec_app *app_of_new(const struct caller *caller, struct genl_info *info)
{
	bool persistent = info->attrs[SIPSEC_A_GROUP_PERSISTENT];

	if (persistent && !caller->admin)
		return BAD(info, SIPSEC_A_GROUP_PERSISTENT, ERR_PTR(-EPERM),
			   "persistent: needs CAP_NET_ADMIN");
	if (info->attrs[SIPSEC_A_GROUP_SPI_IN] && !caller->admin)
		return BAD(info, SIPSEC_A_GROUP_SPI_IN, ERR_PTR(-EPERM),
			   "spi-in: choosing the block needs CAP_NET_ADMIN");
	if (persistent) {
		if (!info->attrs[SIPSEC_A_GROUP_APP])
			return ERR_PTR(MISSING(info, "app"));
		return find_app(caller, info, SIPSEC_A_GROUP_APP);
	}
	if (info->attrs[SIPSEC_A_GROUP_APP])
		return BAD(info, SIPSEC_A_GROUP_APP, ERR_PTR(-EINVAL),
			   "app: only for persistent groups, others belong to the app opened");
	if (!caller->owner || caller->owner->app->dead) {
		GENL_SET_ERR_MSG(info, "no app is open on this socket, app-open comes first");
		return ERR_PTR(-ENOTCONN);
	}
	return caller->owner->app;
}

int sipsec_nl_group_new_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct sipsec_group *group;
	struct sipsec_app *app;
	struct caller caller;
	struct in6_addr local;
	u32 ifindex, block = 0;
	int err;

	if (!info->attrs[SIPSEC_A_GROUP_LOCAL])
		return MISSING(info, "local");
	err = get_address(info, SIPSEC_A_GROUP_LOCAL, &local);
	if (!err)
		err = get_ifindex(info, SIPSEC_A_GROUP_IFINDEX, &local, &ifindex);
	if (err)
		return err;
	if (!address_local(genl_info_net(info), &local, ifindex))
		return BAD(info, SIPSEC_A_GROUP_LOCAL, -EADDRNOTAVAIL,
			   "local: not an address of this host");
	if (info->attrs[SIPSEC_A_GROUP_SPI_IN]) {
		err = get_block(info, SIPSEC_A_GROUP_SPI_IN, &block);
		if (err)
			return err;
	}

	caller_begin(&caller, skb);
	app = app_of_new(&caller, info);
	if (IS_ERR(app)) {
		err = PTR_ERR(app);
		goto out;
	}
	group = sipsec_group_new(caller.sn, app, info->attrs[SIPSEC_A_GROUP_PERSISTENT] ?
				 NULL : caller.owner, &local, ifindex, block, info->extack);
	if (IS_ERR(group)) {
		err = PTR_ERR(group);
		goto out;
	}
	err = reply(info, fill_reservation, group);
	if (err)
		sipsec_group_end(group, SIPSEC_END_REASON_DELETED);
out:
	return caller_end(&caller, info, err);
}

static int get_master(struct genl_info *info, struct sipsec_group_params *params)
{
	const unsigned int len = params->prf == SIPSEC_PRF_HMAC_SHA2_384 ? 48 : 32;

	if (nla_len(info->attrs[SIPSEC_A_GROUP_MASTER]) != len)
		return BAD(info, SIPSEC_A_GROUP_MASTER, -EINVAL,
			   "master: not as many octets as the prf's output");
	params->master = nla_data(info->attrs[SIPSEC_A_GROUP_MASTER]);
	return 0;
}

static int get_duration(struct genl_info *info, int attr, unsigned long *to)
{
	u32 seconds = get_u32(info, attr, 0);

	if (seconds > SIPSEC_ROTATE_TIME_MAX)
		return BAD(info, attr, -ERANGE, "rotate-time, rotate-idle: more than a week");
	*to = (unsigned long)seconds * HZ;
	return 0;
}

static int get_thresholds(struct genl_info *info, struct sipsec_round_thresholds *t)
{
	int err;

	t->octets = 0;
	if (info->attrs[SIPSEC_A_GROUP_ROTATE_OCTETS])
		t->octets = nla_get_u64(info->attrs[SIPSEC_A_GROUP_ROTATE_OCTETS]);
	err = get_duration(info, SIPSEC_A_GROUP_ROTATE_TIME, &t->time);
	return err ?: get_duration(info, SIPSEC_A_GROUP_ROTATE_IDLE, &t->idle);
}

static int get_encap(struct genl_info *info, struct sipsec_group_params *params)
{
	struct nlattr *port = info->attrs[SIPSEC_A_GROUP_ENCAP_PORT];
	struct nlattr *peer_port = info->attrs[SIPSEC_A_GROUP_ENCAP_PEER_PORT];
	struct nlattr *fd = info->attrs[SIPSEC_A_GROUP_ENCAP_FD];

	params->encap = (struct sipsec_encap){};
	if (!fd && !port && !peer_port)
		return 0;
	if (!port || !peer_port) {
		GENL_SET_ERR_MSG(info, "encap: takes both encap-port and encap-peer-port");
		return -EINVAL;
	}
	if (sipsec_suite_proto(sipsec_suite_get(params->suite)) != IPPROTO_ESP)
		return BAD(info, SIPSEC_A_GROUP_ENCAP_PORT, -EINVAL, "encap: takes ESP");
	params->encap.port = htons(nla_get_u16(port));
	params->encap.peer_port = htons(nla_get_u16(peer_port));
	return 0;
}

static int get_params(struct genl_info *info, struct sipsec_group_params *params)
{
	int err;

	if (!info->attrs[SIPSEC_A_GROUP_ID])
		return MISSING(info, "id");
	if (!info->attrs[SIPSEC_A_GROUP_ROLE])
		return MISSING(info, "role");
	if (!info->attrs[SIPSEC_A_GROUP_SUITE])
		return MISSING(info, "suite");
	if (!info->attrs[SIPSEC_A_GROUP_MASTER])
		return MISSING(info, "master");
	if (!info->attrs[SIPSEC_A_GROUP_SPI_OUT])
		return MISSING(info, "spi-out");
	if (!info->attrs[SIPSEC_A_GROUP_PEER])
		return MISSING(info, "peer");

	params->role = nla_get_u32(info->attrs[SIPSEC_A_GROUP_ROLE]);
	params->suite = nla_get_u32(info->attrs[SIPSEC_A_GROUP_SUITE]);
	params->prf = get_u32(info, SIPSEC_A_GROUP_PRF, SIPSEC_PRF_HMAC_SHA2_256);
	params->mode = get_u32(info, SIPSEC_A_GROUP_MODE, SIPSEC_MODE_TRANSPORT);
	params->rotate = get_u32(info, SIPSEC_A_GROUP_ROTATE, SIPSEC_ROTATE_DEFAULT);
	params->life = get_u32(info, SIPSEC_A_GROUP_LIFE, SIPSEC_LIFE_DEFAULT);
	params->window = get_u32(info, SIPSEC_A_GROUP_WINDOW, SIPSEC_WINDOW_DEFAULT);
	params->esn = info->attrs[SIPSEC_A_GROUP_ESN];
	params->tfc = info->attrs[SIPSEC_A_GROUP_TFC] ?
		      nla_get_u16(info->attrs[SIPSEC_A_GROUP_TFC]) : 0;
	params->lookahead = info->attrs[SIPSEC_A_GROUP_LOOKAHEAD] ?
			    nla_get_u8(info->attrs[SIPSEC_A_GROUP_LOOKAHEAD]) : 0;

	if (params->rotate < SIPSEC_ROTATE_MIN || params->rotate > SIPSEC_ROTATE_MAX)
		return BAD(info, SIPSEC_A_GROUP_ROTATE, -ERANGE, "rotate: not in 16 to 2^31");
	if (params->rotate > sipsec_suite_get(params->suite)->rotate_max)
		return BAD(info, SIPSEC_A_GROUP_ROTATE, -ERANGE,
			   "rotate: more packets than a key of this suite may protect");
	if (params->tfc &&
	    (sipsec_suite_proto(sipsec_suite_get(params->suite)) != IPPROTO_ESP ||
	     params->mode != SIPSEC_MODE_TUNNEL))
		return BAD(info, SIPSEC_A_GROUP_TFC, -EINVAL, "tfc: takes ESP in tunnel mode");
	params->identity = NULL;
	if (info->attrs[SIPSEC_A_GROUP_PEER_IDENTITY]) {
		params->identity = nla_data(info->attrs[SIPSEC_A_GROUP_PEER_IDENTITY]);
		if (!sipsec_identity_good(params->identity))
			return BAD(info, SIPSEC_A_GROUP_PEER_IDENTITY, -EINVAL,
				   "peer-identity: empty, not UTF-8, or a control character in it");
	}
	if (!params->life)
		return BAD(info, SIPSEC_A_GROUP_LIFE, -ERANGE, "life: zero seconds");
	if (params->window < SIPSEC_WINDOW_MIN || params->window > SIPSEC_WINDOW_MAX)
		return BAD(info, SIPSEC_A_GROUP_WINDOW, -ERANGE, "window: not in 64 to 4096");
	err = get_encap(info, params);
	if (err)
		return err;
	err = get_thresholds(info, &params->thresholds);
	if (err)
		return err;
	err = get_master(info, params);
	if (err)
		return err;
	err = get_block(info, SIPSEC_A_GROUP_SPI_OUT, &params->spi_out);
	if (err)
		return err;
	err = get_address(info, SIPSEC_A_GROUP_PEER, &params->peer);
	if (err)
		return err;
	if (!address_unicast(genl_info_net(info), &params->peer))
		return BAD(info, SIPSEC_A_GROUP_PEER, -EINVAL, "peer: not a unicast address");
	return 0;
}

static int check_peer(struct genl_info *info, const struct sipsec_group *group,
		      const struct in6_addr *peer)
{
	if (sipsec_address_family(peer) != sipsec_address_family(&group->local))
		return BAD(info, SIPSEC_A_GROUP_PEER, -EAFNOSUPPORT,
			   "peer: not of the local address's family");
	if (sipsec_address_scoped(peer) != sipsec_address_scoped(&group->local))
		return BAD(info, SIPSEC_A_GROUP_PEER, -EINVAL,
			   "peer: either both addresses are link-local or none");
	return 0;
}

/* The group whose place the new one takes, if it is named. */
static int get_replaced(const struct caller *caller, struct genl_info *info,
			const struct sipsec_group *group, struct sipsec_group_params *params)
{
	struct sipsec_group *old;

	params->replaces = NULL;
	if (!info->attrs[SIPSEC_A_GROUP_REPLACES])
		return 0;
	old = find_group_to_change(caller, info, SIPSEC_A_GROUP_REPLACES);
	if (IS_ERR(old))
		return PTR_ERR(old);
	if (!old->installed || old->app != group->app || old->ifindex != group->ifindex ||
	    !ipv6_addr_equal(&old->local, &group->local) ||
	    !ipv6_addr_equal(&old->peer, &params->peer))
		return BAD(info, SIPSEC_A_GROUP_REPLACES, -EINVAL,
			   "replaces: not an installed group of this app and these addresses");
	params->replaces = old;
	return 0;
}

/* What the administrator has decided for the app. */
static int check_policy(struct genl_info *info, const struct sipsec_app *app,
			const struct sipsec_group_params *params)
{
	if (!sipsec_app_may_use(app, params->suite))
		return BAD(info, SIPSEC_A_GROUP_SUITE, -EACCES,
			   "suite: weaker than the app's level or min-suite");
	if (!sipsec_app_may_reach(app, &params->peer))
		return BAD(info, SIPSEC_A_GROUP_PEER, -EACCES, "peer: not one of the app's");
	if (sipsec_suite_get(params->suite)->legacy && !app->conf.legacy)
		return BAD(info, SIPSEC_A_GROUP_SUITE, -EACCES,
			   "suite: legacy, and the app is not allowed to use these");
	return 0;
}

/* The request's buffer is freed unwiped; an attribute may stand in it more than once. */
static void wipe_masters(const struct genl_info *info)
{
	struct nlattr *attr;
	int rem;

	nlmsg_for_each_attr(attr, info->nlhdr, GENL_HDRLEN, rem)
		if (nla_type(attr) == SIPSEC_A_GROUP_MASTER)
			memzero_explicit(nla_data(attr), nla_len(attr));
}

static int check_socket(struct genl_info *info, int attr, const struct sipsec_app *app,
			const struct socket *sock, const struct sipsec_flow_key *key);

/* Whoever sends from a UDP port has to have it, as with a flow; the socket is locked. */
static int check_encap(struct genl_info *info, const struct sipsec_group *group,
		       const struct socket *sock, struct sipsec_group_params *params)
{
	const struct sipsec_flow_key key = {
		.local = group->local,
		.peer = params->peer,
		.local_port = params->encap.port,
		.peer_port = params->encap.peer_port,
		.protocol = IPPROTO_UDP,
		.ifindex = group->ifindex,
	};
	int err;

	if (!params->encap.port)
		return 0;
	if (group->persistent == !!sock)
		return BAD(info, SIPSEC_A_GROUP_ENCAP_PORT, -EINVAL,
			   "encap-fd: persistent groups have none, others need one");
	if (!sock)
		return 0;
	err = check_socket(info, SIPSEC_A_GROUP_ENCAP_FD, group->app, sock, &key);
	if (err)
		return err;
	/* What it does with packets of the other family depends on the kernel. */
	if (sock->sk->sk_family != sipsec_address_family(&group->local))
		return BAD(info, SIPSEC_A_GROUP_ENCAP_FD, -EAFNOSUPPORT,
			   "encap-fd: not a socket of the group's address family");
	if (udp_sk(sock->sk)->encap_type != UDP_ENCAP_ESPINUDP)
		return BAD(info, SIPSEC_A_GROUP_ENCAP_FD, -EOPNOTSUPP,
			   "encap-fd: the socket's UDP_ENCAP is not UDP_ENCAP_ESPINUDP");
	keep_port(sock->sk);
	params->encap.sk = sock->sk;
	return 0;
}

static int group_set(struct sk_buff *skb, struct genl_info *info,
		     struct sipsec_group_params *params, const struct socket *sock)
{
	struct sipsec_group *group;
	struct caller caller;
	int err;

	caller_begin(&caller, skb);
	group = find_group_to_change(&caller, info, SIPSEC_A_GROUP_ID);
	err = IS_ERR(group) ? PTR_ERR(group) : check_peer(info, group, &params->peer);
	if (!err)
		err = get_replaced(&caller, info, group, params);
	if (!err)
		err = check_policy(info, group->app, params);
	if (!err)
		err = check_encap(info, group, sock, params);
	if (!err)
		err = sipsec_group_set(group, params, info->extack);
	return caller_end(&caller, info, err);
}

int sipsec_nl_group_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct sipsec_group_params params;
	struct socket *sock;
	int err;

	err = get_params(info, &params);
	if (err)
		goto out;
	if (!info->attrs[SIPSEC_A_GROUP_ENCAP_FD]) {
		err = group_set(skb, info, &params, NULL);
		goto out;
	}
	sock = socket_get(info, SIPSEC_A_GROUP_ENCAP_FD, &err);
	if (sock) {
		err = group_set(skb, info, &params, sock);
		socket_put(sock);
	}
out:
	wipe_masters(info);
	return err;
}

/* The requests that name a group and nothing else. */
static int with_group(struct sk_buff *skb, struct genl_info *info,
		      void (*begin)(struct caller *, struct sk_buff *),
		      struct sipsec_group *(*find)(const struct caller *, struct genl_info *, int),
		      int (*act)(struct sipsec_group *, struct genl_info *))
{
	struct sipsec_group *group;
	struct caller caller;
	int err;

	if (!info->attrs[SIPSEC_A_GROUP_ID])
		return MISSING(info, "id");
	begin(&caller, skb);
	group = find(&caller, info, SIPSEC_A_GROUP_ID);
	err = IS_ERR(group) ? PTR_ERR(group) : act(group, info);
	return caller_end(&caller, info, err);
}

static int group_del(struct sipsec_group *group, struct genl_info *info)
{
	u32 grace = get_u32(info, SIPSEC_A_GROUP_GRACE, 0);

	if (grace > SIPSEC_ROUND_REKEY_TIME_MAX)
		return BAD(info, SIPSEC_A_GROUP_GRACE, -ERANGE, "grace: more than an hour");
	if (grace)
		sipsec_group_retire(group, grace);
	else
		sipsec_group_end(group, SIPSEC_END_REASON_DELETED);
	return 0;
}

int sipsec_nl_group_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	return with_group(skb, info, caller_begin, find_group_to_change, group_del);
}

static int group_get(struct sipsec_group *group, struct genl_info *info)
{
	return reply(info, fill_group, group);
}

int sipsec_nl_group_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	return with_group(skb, info, caller_begin_view, find_group, group_get);
}

static int group_rotate(struct sipsec_group *group, struct genl_info *info)
{
	int err;

	if (!group->installed)
		return BAD(info, SIPSEC_A_GROUP_ID, -ENOKEY, "id: the group has no keys yet");
	err = sipsec_group_rotate(group);
	if (err == -EBUSY)
		GENL_SET_ERR_MSG(info, "the next round is not ready yet, try again");
	return err;
}

int sipsec_nl_group_rotate_doit(struct sk_buff *skb, struct genl_info *info)
{
	return with_group(skb, info, caller_begin, find_group_to_change, group_rotate);
}

int sipsec_nl_group_adopt_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct sipsec_group *group;
	struct caller caller;
	int err;

	if (!info->attrs[SIPSEC_A_GROUP_ID])
		return MISSING(info, "id");
	caller_begin(&caller, skb);
	group = find_group(&caller, info, SIPSEC_A_GROUP_ID);
	if (IS_ERR(group)) {
		err = PTR_ERR(group);
	} else if (!caller.owner || caller.owner->app != group->app) {
		GENL_SET_ERR_MSG(info, "the group's app is not open on this socket");
		err = -ENOTCONN;
	} else if (group->persistent) {
		err = BAD(info, SIPSEC_A_GROUP_ID, -EPERM,
			  "id: the group is persistent, it is the administrator's");
	} else {
		err = sipsec_group_adopt(group, caller.owner);
		if (err == -EDQUOT)
			GENL_SET_ERR_MSG(info,
					 "this user has as many groups, or as much in them, as he may");
	}
	return caller_end(&caller, info, err);
}

int sipsec_nl_group_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct sipsec_group *group;
	struct caller caller;
	unsigned long id;

	caller_begin_dump(&caller, cb);
	xa_for_each_start(&caller.sn->groups, id, group, cb->args[0]) {
		if (may_see(&caller, group->app) &&
		    dump_one(skb, cb, SIPSEC_CMD_GROUP_GET, fill_group, group))
			break;
		cb->args[0] = id + 1;
	}
	caller_unlock(&caller);
	return skb->len;
}

/* Flows */

static int fill_flow(struct sk_buff *skb, const void *object)
{
	const struct sipsec_flow *flow = object;
	const struct sipsec_group *group = rcu_access_pointer(flow->group);

	return nla_put_u32(skb, SIPSEC_A_FLOW_GROUP, group ? group->id : 0) ||
	       nla_put_string(skb, SIPSEC_A_FLOW_APP, flow->app->name) ||
	       nla_put_u8(skb, SIPSEC_A_FLOW_PROTOCOL, flow->key.protocol) ||
	       put_address(skb, SIPSEC_A_FLOW_LOCAL, &flow->key.local) ||
	       nla_put_u16(skb, SIPSEC_A_FLOW_LOCAL_PORT, ntohs(flow->key.local_port)) ||
	       put_address(skb, SIPSEC_A_FLOW_PEER, &flow->key.peer) ||
	       (flow->key.ifindex &&
		nla_put_u32(skb, SIPSEC_A_FLOW_IFINDEX, flow->key.ifindex)) ||
	       nla_put_u16(skb, SIPSEC_A_FLOW_PEER_PORT, ntohs(flow->key.peer_port)) ||
	       (flow->user != SIPSEC_FLOW_ANY &&
		nla_put_u32(skb, SIPSEC_A_FLOW_UID,
			    from_kuid_munged(current_user_ns(), flow->uid))) ||
	       (flow->user == SIPSEC_FLOW_ANY && nla_put_flag(skb, SIPSEC_A_FLOW_ANY)) ||
	       (flow->sk && !flow->exclusive && nla_put_flag(skb, SIPSEC_A_FLOW_SHARED)) ||
	       (group && group->identity &&
		nla_put_string(skb, SIPSEC_A_FLOW_PEER_IDENTITY, group->identity));
}

/* UDP has ports, of which 0 is any; a flow of another protocol is all of that. */
static int get_ports(struct genl_info *info, struct sipsec_flow_key *key)
{
	struct nlattr *local = info->attrs[SIPSEC_A_FLOW_LOCAL_PORT];
	struct nlattr *peer = info->attrs[SIPSEC_A_FLOW_PEER_PORT];

	if (!info->attrs[SIPSEC_A_FLOW_PROTOCOL])
		return MISSING(info, "protocol");
	memset(key, 0, sizeof(*key));
	key->protocol = nla_get_u8(info->attrs[SIPSEC_A_FLOW_PROTOCOL]);
	if (protocol_never(key->protocol))
		return BAD(info, SIPSEC_A_FLOW_PROTOCOL, -EPROTONOSUPPORT,
			   "protocol: there are no flows of this one");
	if (key->protocol == IPPROTO_TCP)
		return BAD(info, SIPSEC_A_FLOW_PROTOCOL, -EPROTONOSUPPORT,
			   "protocol: not supported yet, only UDP is");
	if (key->protocol == IPPROTO_UDP) {
		if (!local)
			return MISSING(info, "local-port");
		if (!peer)
			return MISSING(info, "peer-port");
	}
	if (local)
		key->local_port = htons(nla_get_u16(local));
	if (peer)
		key->peer_port = htons(nla_get_u16(peer));
	if (key->protocol != IPPROTO_UDP && (key->local_port || key->peer_port))
		return BAD(info, key->local_port ? SIPSEC_A_FLOW_LOCAL_PORT :
						   SIPSEC_A_FLOW_PEER_PORT, -EINVAL,
			   "ports: a flow of this protocol is all of it");
	if (!key->local_port && key->peer_port)
		return BAD(info, SIPSEC_A_FLOW_LOCAL_PORT, -EINVAL,
			   "local-port: zero, and peer-port is not");
	return 0;
}

/* What leaves ports open may be more than the app's own affair. */
static int check_grants(struct genl_info *info, const struct sipsec_app *app,
			const struct sipsec_flow_key *key)
{
	const struct sipsec_app_conf *conf = &app->conf;

	if (sipsec_flow_whole(key)) {
		if (test_bit(key->protocol, conf->protocols))
			return 0;
		return BAD(info, SIPSEC_A_FLOW_PROTOCOL, -EPERM,
			   "protocol: this one as a whole is not granted to the app (protocols)");
	}
	if (!key->local_port && !conf->wildcard)
		return BAD(info, SIPSEC_A_FLOW_LOCAL_PORT, -EPERM,
			   "local-port: any, which is not granted to the app (wildcard)");
	/* A port of its own the app may use with anybody. */
	if (!key->peer_port && !conf->wildcard &&
	    (!info->attrs[SIPSEC_A_FLOW_FD] || info->attrs[SIPSEC_A_FLOW_SHARED]))
		return BAD(info, SIPSEC_A_FLOW_PEER_PORT, -EPERM,
			   "peer-port: any, which is not granted to the app (wildcard)");
	if (!key->local_port ? conf->port_min > 1 || conf->port_max < U16_MAX :
			       ntohs(key->local_port) < conf->port_min ||
			       ntohs(key->local_port) > conf->port_max)
		return BAD(info, SIPSEC_A_FLOW_LOCAL_PORT, -EACCES,
			   "local-port: not one of the app's");
	return 0;
}

static int check_raw(struct genl_info *info, const struct sock *sk,
		     const struct sipsec_flow_key *key)
{
	if (sk->sk_type != SOCK_RAW || sk->sk_protocol != key->protocol)
		return BAD(info, SIPSEC_A_FLOW_FD, -EPROTOTYPE,
			   "fd: not a raw socket of the flow's protocol");
	if (sk->sk_family != sipsec_address_family(&key->local))
		return BAD(info, SIPSEC_A_FLOW_FD, -EAFNOSUPPORT,
			   "fd: not a socket of the flow's address family");
	if (!sipsec_flow_fits_local(sk, key))
		return BAD(info, SIPSEC_A_FLOW_FD, -EADDRNOTAVAIL,
			   "fd: the socket is bound to another local address");
	/* Of what comes in clear copies would go to all raw sockets or to none. */
	if (!info->attrs[SIPSEC_A_FLOW_SHARED] && !sipsec_flow_connected(sk))
		return BAD(info, SIPSEC_A_FLOW_FD, -ENOTCONN,
			   "fd: connect the raw socket to the peer, or share it");
	return 0;
}

static int check_datagram(struct genl_info *info, int attr, const struct sock *sk,
			  const struct sipsec_flow_key *key)
{
	if (sk->sk_family == AF_INET ? !ipv6_addr_v4mapped(&key->local) :
	    sk->sk_family != AF_INET6 || (ipv6_addr_v4mapped(&key->local) && ipv6_only_sock(sk)))
		return BAD(info, attr, -EAFNOSUPPORT,
			   "fd: not a socket of the flow's address family");
	if (sk->sk_type != SOCK_DGRAM || sk->sk_protocol != key->protocol)
		return BAD(info, attr, -EPROTOTYPE,
			   "fd: the socket is not of the flow's protocol");
	if (inet_sk(sk)->inet_num != ntohs(key->local_port) || !sipsec_flow_fits_local(sk, key))
		return BAD(info, attr, -EADDRNOTAVAIL,
			   "fd: the socket is not bound to the local address and port");
	return 0;
}

/* Under the socket's lock: is it what the 5-tuple says, and the app's? */
static int check_socket(struct genl_info *info, int attr, const struct sipsec_app *app,
			const struct socket *sock, const struct sipsec_flow_key *key)
{
	struct sock *sk = sock->sk;
	int err;

	if (!net_eq(sock_net(sk), genl_info_net(info)))
		return BAD(info, attr, -EINVAL,
			   "fd: the socket is in another network namespace");
	if (!sipsec_app_made(app, sk, sock->file))
		return BAD(info, attr, -EPERM,
			   "fd: the socket was made by somebody who may not open the app");
	err = sipsec_flow_whole(key) ? check_raw(info, sk, key) :
				      check_datagram(info, attr, sk, key);
	if (err)
		return err;
	if (sk->sk_bound_dev_if && sk->sk_bound_dev_if != key->ifindex)
		return BAD(info, attr, -EOPNOTSUPP,
			   "fd: the socket is bound to a device");
	if (!sipsec_flow_fits_peer(sk, key))
		return BAD(info, attr, -EISCONN,
			   "fd: the socket is connected to another peer");
	return 0;
}

/* The socket is locked. */
static int bind_socket(struct genl_info *info, struct sipsec_group *group,
		       const struct sipsec_flow_key *key, const struct socket *sock)
{
	struct sock *sk = sock->sk;
	int err;

	/* The socket would pin its namespace, whose end must be able to end the group. */
	if (group->persistent)
		return BAD(info, SIPSEC_A_FLOW_FD, -EINVAL,
			   "fd: flows of persistent groups take uid or any");
	if (!key->local_port && key->protocol == IPPROTO_UDP)
		return BAD(info, SIPSEC_A_FLOW_FD, -EINVAL,
			   "fd: no socket has all ports, flows of any local-port take uid or any");
	err = check_socket(info, SIPSEC_A_FLOW_FD, group->app, sock, key);
	if (err)
		return err;
	if (key->protocol == IPPROTO_UDP && udp_sk(sk)->encap_type)
		return BAD(info, SIPSEC_A_FLOW_FD, -EOPNOTSUPP,
			   "fd: the socket is used for encapsulation");
	keep_port(sk);
	return sipsec_flow_bind(group, key, SIPSEC_FLOW_SOCKET, sock_net_uid(sock_net(sk), sk), sk,
				!info->attrs[SIPSEC_A_FLOW_SHARED]);
}

static int bind_user(const struct caller *caller, struct genl_info *info,
		     struct sipsec_group *group, const struct sipsec_flow_key *key)
{
	int attr = info->attrs[SIPSEC_A_FLOW_ANY] ? SIPSEC_A_FLOW_ANY : SIPSEC_A_FLOW_UID;
	kuid_t uid = INVALID_UID;

	if (!group->persistent)
		return BAD(info, attr, -EINVAL, "fd: required, the group is not persistent");
	if (!caller->admin)
		return BAD(info, attr, -EPERM, "binding other sockets needs CAP_NET_ADMIN");
	if (info->attrs[SIPSEC_A_FLOW_SHARED])
		return BAD(info, SIPSEC_A_FLOW_SHARED, -EINVAL, "shared: only goes with fd");
	/* Who will receive it cannot be told before the kernel's own receiver has it. */
	if (attr == SIPSEC_A_FLOW_UID && sipsec_flow_whole(key))
		return BAD(info, attr, -EINVAL, "uid: flows of a whole protocol take fd or any");
	if (attr == SIPSEC_A_FLOW_ANY)
		return sipsec_flow_bind(group, key, SIPSEC_FLOW_ANY, uid, NULL, false);
	uid = make_kuid(current_user_ns(), nla_get_u32(info->attrs[SIPSEC_A_FLOW_UID]));
	if (!uid_valid(uid))
		return BAD(info, SIPSEC_A_FLOW_UID, -EINVAL, "uid: no such user here");
	return sipsec_flow_bind(group, key, SIPSEC_FLOW_UID, uid, NULL, false);
}

/* What is needed of the flow is in @key but for the addresses, which are the group's. */
static int flow_bind(struct sk_buff *skb, struct genl_info *info, struct sipsec_flow_key *key,
		     const struct socket *sock)
{
	struct sipsec_group *group;
	struct caller caller;
	int err;

	caller_begin(&caller, skb);
	group = find_group(&caller, info, SIPSEC_A_FLOW_GROUP);
	if (IS_ERR(group)) {
		err = PTR_ERR(group);
		goto out;
	}
	if (!group->installed) {
		err = BAD(info, SIPSEC_A_FLOW_GROUP, -ENOKEY, "group: it has no keys yet");
		goto out;
	}
	err = check_grants(info, group->app, key);
	if (err)
		goto out;
	key->local = group->local;
	key->peer = group->peer;
	key->ifindex = group->ifindex;
	err = sock ? bind_socket(info, group, key, sock) : bind_user(&caller, info, group, key);
	if (err == -EADDRINUSE)
		GENL_SET_ERR_MSG(info, "another socket has a flow of this 5-tuple");
	if (err == -EDQUOT)
		GENL_SET_ERR_MSG(info, "the app or its user has as many flows as it may have");
out:
	return caller_end(&caller, info, err);
}

int sipsec_nl_flow_bind_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct sipsec_flow_key key;
	struct socket *sock;
	int err;

	if (!info->attrs[SIPSEC_A_FLOW_GROUP])
		return MISSING(info, "group");
	if (!!info->attrs[SIPSEC_A_FLOW_FD] + !!info->attrs[SIPSEC_A_FLOW_UID] +
	    !!info->attrs[SIPSEC_A_FLOW_ANY] != 1) {
		GENL_SET_ERR_MSG(info, "fd, uid, any: exactly one of them is required");
		return -EINVAL;
	}
	err = get_ports(info, &key);
	if (err)
		return err;
	if (!info->attrs[SIPSEC_A_FLOW_FD])
		return flow_bind(skb, info, &key, NULL);

	sock = socket_get(info, SIPSEC_A_FLOW_FD, &err);
	if (sock) {
		err = flow_bind(skb, info, &key, sock);
		socket_put(sock);
	}
	return err;
}

/* The requests that name a flow by its 5-tuple, or a packet's, and nothing else. */
static int with_flow(struct sk_buff *skb, struct genl_info *info,
		     void (*begin)(struct caller *, struct sk_buff *),
		     struct sipsec_flow *(*find)(struct sipsec_net *,
						 const struct sipsec_flow_key *),
		     int (*act)(const struct caller *, struct sipsec_flow *, struct genl_info *))
{
	struct sipsec_flow_key key;
	struct sipsec_flow *flow;
	struct caller caller;
	int err;

	if (!info->attrs[SIPSEC_A_FLOW_LOCAL])
		return MISSING(info, "local");
	if (!info->attrs[SIPSEC_A_FLOW_PEER])
		return MISSING(info, "peer");
	err = get_ports(info, &key);
	if (!err)
		err = get_address(info, SIPSEC_A_FLOW_LOCAL, &key.local);
	if (!err)
		err = get_address(info, SIPSEC_A_FLOW_PEER, &key.peer);
	if (!err)
		err = get_ifindex(info, SIPSEC_A_FLOW_IFINDEX, &key.local, &key.ifindex);
	if (err)
		return err;

	begin(&caller, skb);
	rcu_read_lock();
	flow = find(caller.sn, &key);
	rcu_read_unlock();
	if (flow && may_see(&caller, flow->app)) {
		err = act(&caller, flow, info);
	} else {
		GENL_SET_ERR_MSG(info, "no such flow");
		err = -ENOENT;
	}
	return caller_end(&caller, info, err);
}

static int flow_unbind(const struct caller *caller, struct sipsec_flow *flow,
		       struct genl_info *info)
{
	if (flow->user != SIPSEC_FLOW_SOCKET && !caller->admin) {
		GENL_SET_ERR_MSG(info, "the flow is the administrator's, it needs CAP_NET_ADMIN");
		return -EPERM;
	}
	sipsec_flow_unbind(flow);
	return 0;
}

int sipsec_nl_flow_unbind_doit(struct sk_buff *skb, struct genl_info *info)
{
	return with_flow(skb, info, caller_begin, sipsec_flow_find, flow_unbind);
}

static int flow_get(const struct caller *caller, struct sipsec_flow *flow,
		    struct genl_info *info)
{
	return reply(info, fill_flow, flow);
}

int sipsec_nl_flow_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	return with_flow(skb, info, caller_begin_view, sipsec_flow_match, flow_get);
}

int sipsec_nl_flow_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct sipsec_flow *flow;
	struct caller caller;
	unsigned long index;

	caller_begin_dump(&caller, cb);
	xa_for_each_start(&caller.sn->flow_index, index, flow, cb->args[0]) {
		if (may_see(&caller, flow->app) &&
		    dump_one(skb, cb, SIPSEC_CMD_FLOW_GET, fill_flow, flow))
			break;
		cb->args[0] = index + 1;
	}
	caller_unlock(&caller);
	return skb->len;
}

/* Counters */

static int fill_counters(struct sk_buff *skb, struct sipsec_stats __percpu *stats)
{
	unsigned int attr;

	for (attr = SIPSEC_STATS_FIRST; attr <= SIPSEC_A_STATS_MAX; attr++)
		if (nla_put_u64_64bit(skb, attr, sipsec_stats_sum(stats, attr), 0))
			return -EMSGSIZE;
	return 0;
}

static int fill_stats(struct sk_buff *skb, const void *object)
{
	const struct sipsec_app *app = object;

	return nla_put_string(skb, SIPSEC_A_STATS_APP, app->name) ||
	       fill_counters(skb, app->stats);
}

int sipsec_nl_stats_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct sipsec_app *app;
	struct caller caller;
	int err;

	if (!info->attrs[SIPSEC_A_STATS_APP])
		return MISSING(info, "app");
	caller_begin_view(&caller, skb);
	app = find_app(&caller, info, SIPSEC_A_STATS_APP);
	err = IS_ERR(app) ? PTR_ERR(app) : reply(info, fill_stats, app);
	return caller_end(&caller, info, err);
}

static int fill_unowned(struct sk_buff *skb, const void *object)
{
	const struct sipsec_net *sn = object;

	return nla_put_string(skb, SIPSEC_A_STATS_APP, "") || fill_counters(skb, sn->stats);
}

int sipsec_nl_stats_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct caller caller;

	/* First, for the administrator, what no app could be found for. */
	if (!cb->args[1]++) {
		caller_begin_dump(&caller, cb);
		if (caller.admin)
			dump_one(skb, cb, SIPSEC_CMD_STATS_GET, fill_unowned, caller.sn);
		caller_unlock(&caller);
	}
	return dump_apps(skb, cb, SIPSEC_CMD_STATS_GET, fill_stats);
}

/* The generator's table of multicast groups has no flags. */
static const struct genl_multicast_group sipsec_mcgrps[] = {
	[SIPSEC_NLGRP_EVENTS] = { .name = SIPSEC_MCGRP_EVENTS, .flags = GENL_MCAST_CAP_NET_ADMIN },
};

struct genl_family sipsec_nl_family __ro_after_init = {
	.name = SIPSEC_FAMILY_NAME,
	.version = SIPSEC_FAMILY_VERSION,
	.netnsok = true,
	.parallel_ops = true,
	.module = THIS_MODULE,
	.ops = sipsec_nl_ops,
	.n_ops = ARRAY_SIZE(sipsec_nl_ops),
	.mcgrps = sipsec_mcgrps,
	.n_mcgrps = ARRAY_SIZE(sipsec_mcgrps),
};

static int socket_closed(struct notifier_block *nb, unsigned long event, void *ptr)
{
	const struct netlink_notify *notify = ptr;

	if (event == NETLINK_URELEASE && notify->protocol == NETLINK_GENERIC)
		sipsec_owner_released(sipsec_pernet(notify->net), notify->portid);
	return NOTIFY_DONE;
}

static struct notifier_block netlink_notifier = { .notifier_call = socket_closed };

int __init sipsec_nl_init(void)
{
	int err;

	/* The generated operations have flags that a later start forbids. */
	genl_family_resv_start(&sipsec_nl_family, __SIPSEC_CMD_MAX);
	err = netlink_register_notifier(&netlink_notifier);
	if (err)
		return err;
	err = genl_register_family(&sipsec_nl_family);
	if (err)
		netlink_unregister_notifier(&netlink_notifier);
	return err;
}

void sipsec_nl_exit(void)
{
	genl_unregister_family(&sipsec_nl_family);
	netlink_unregister_notifier(&netlink_notifier);
}
