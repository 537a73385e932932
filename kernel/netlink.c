// SPDX-License-Identifier: GPL-2.0
#include <linux/cred.h>
#include <linux/ctype.h>
#include <linux/inet.h>
#include <linux/net.h>
#include <linux/notifier.h>
#include <linux/udp.h>
#include <net/genetlink.h>
#include <net/inet_sock.h>
#include <net/route.h>
#include <net/sock.h>

#include <uapi/linux/sipsec-suites.h>

#include "app.h"
#include "flow.h"
#include "group.h"
#include "netlink-gen.h"
#include "netlink.h"
#include "pernet.h"
#include "sa.h"
#include "stats.h"
#include "suite.h"

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
 */
struct caller {
	struct sipsec_net *sn;
	struct sipsec_owner *owner;
	bool admin;
};

/* Locks the namespace; caller_end() undoes it. */
static void caller_begin(struct caller *caller, struct sk_buff *skb)
{
	struct sock *sk = NETLINK_CB(skb).sk;
	struct net *net = sock_net(sk);

	caller->sn = sipsec_pernet(net);
	caller->admin = netlink_ns_capable(skb, net->user_ns, CAP_NET_ADMIN);
	mutex_lock(&caller->sn->lock);
	caller->owner = sipsec_owner_find(caller->sn, sk);
}

static void caller_end(struct caller *caller)
{
	mutex_unlock(&caller->sn->lock);
}

static bool may_see(const struct caller *caller, const struct sipsec_app *app)
{
	return caller->admin || (caller->owner && caller->owner->app == app);
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

static int get_address(struct genl_info *info, int attr, __be32 *address)
{
	if (nla_len(info->attrs[attr]) == sizeof(struct in6_addr))
		return BAD(info, attr, -EAFNOSUPPORT, "address: IPv6 is not supported yet");
	if (nla_len(info->attrs[attr]) != sizeof(*address))
		return BAD(info, attr, -EINVAL, "address: neither 4 nor 16 octets");
	*address = nla_get_in_addr(info->attrs[attr]);
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

static int fill_app(struct sk_buff *skb, const void *object)
{
	const struct sipsec_app *app = object;

	return nla_put_string(skb, SIPSEC_A_APP_NAME, app->name) ||
	       nla_put_u32(skb, SIPSEC_A_APP_UID,
			   from_kuid_munged(current_user_ns(), app->uid)) ||
	       nla_put_u32(skb, SIPSEC_A_APP_GROUPS, app->groups) ||
	       nla_put_u32(skb, SIPSEC_A_APP_FLOWS, app->flows) ||
	       nla_put_u32(skb, SIPSEC_A_APP_OWNERS, app->owners);
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

int sipsec_nl_app_new_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct caller caller;
	const char *name;
	kuid_t uid;
	int err;

	if (!info->attrs[SIPSEC_A_APP_NAME])
		return MISSING(info, "name");
	if (!info->attrs[SIPSEC_A_APP_UID])
		return MISSING(info, "uid");
	name = nla_data(info->attrs[SIPSEC_A_APP_NAME]);
	if (!name_good(name))
		return BAD(info, SIPSEC_A_APP_NAME, -EINVAL, "name: empty or not printable ASCII");
	uid = make_kuid(current_user_ns(), nla_get_u32(info->attrs[SIPSEC_A_APP_UID]));
	if (!uid_valid(uid))
		return BAD(info, SIPSEC_A_APP_UID, -EINVAL, "uid: no such user here");

	caller_begin(&caller, skb);
	err = sipsec_app_new(caller.sn, name, uid);
	if (err == -EEXIST)
		NL_SET_ERR_MSG_ATTR(info->extack, info->attrs[SIPSEC_A_APP_NAME],
				    "name: an app of this name exists");
	caller_end(&caller);
	return err;
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
	caller_end(&caller);
	return PTR_ERR_OR_ZERO(app);
}

/* Whoever asks and whoever opened the socket: a deputy must not lend its uid. */
static bool may_open(const struct caller *caller, const struct sock *sk,
		     const struct sipsec_app *app)
{
	return caller->admin || (uid_eq(current_euid(), app->uid) &&
				 uid_eq(sock_net_uid(sock_net(sk), sk), app->uid));
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
	if (!app || !may_open(&caller, sk, app)) {
		err = BAD(info, SIPSEC_A_APP_NAME, -ENOENT,
			  "name: no such app, or this user may not open it");
	} else {
		err = sipsec_owner_new(caller.sn, app, sk, info->snd_portid);
		if (err == -EBUSY)
			GENL_SET_ERR_MSG(info, "this socket has opened an app already");
	}
	caller_end(&caller);
	return err;
}

int sipsec_nl_app_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct caller caller;
	struct sipsec_app *app;
	int err;

	if (!info->attrs[SIPSEC_A_APP_NAME])
		return MISSING(info, "name");
	caller_begin(&caller, skb);
	app = find_app(&caller, info, SIPSEC_A_APP_NAME);
	err = IS_ERR(app) ? PTR_ERR(app) : reply(info, fill_app, app);
	caller_end(&caller);
	return err;
}

/* Apps are few: a dump goes on at the position it had reached. */
static int dump_apps(struct sk_buff *skb, struct netlink_callback *cb, u8 cmd,
		     int (*fill)(struct sk_buff *, const void *))
{
	struct sipsec_app *app;
	struct caller caller;
	long position = 0;

	caller_begin(&caller, cb->skb);
	list_for_each_entry(app, &caller.sn->apps, list) {
		if (position >= cb->args[0] && may_see(&caller, app) &&
		    dump_one(skb, cb, cmd, fill, app))
			break;
		position++;
	}
	cb->args[0] = position;
	caller_end(&caller);
	return skb->len;
}

int sipsec_nl_app_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	return dump_apps(skb, cb, SIPSEC_CMD_APP_GET, fill_app);
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
	u64 in, out, late, round;
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
	round = group->in_current > group->in_mask ? group->in_current - group->in_mask : 0;
	for (; !err && round <= group->in_current + group->in_mask; round++) {
		sa = sipsec_group_sa_in(group, sipsec_round_spi(group->spi_in, round));
		if (!sa || sa->round != round)
			continue;
		in += sipsec_sa_packets(sa);
		/* All of them might not fit a message. */
		if (round + SHOWN_ROUNDS >= group->in_current &&
		    round <= group->in_current + SHOWN_ROUNDS)
			err = fill_round(skb, SIPSEC_DIRECTION_IN, sa, round == group->in_current);
	}
	rcu_read_unlock();
	spin_unlock_bh(&group->lock);
	return err || nla_put_u64_64bit(skb, SIPSEC_A_GROUP_PACKETS_OUT, out, 0) ||
	       nla_put_u64_64bit(skb, SIPSEC_A_GROUP_PACKETS_IN, in, 0) ||
	       nla_put_u64_64bit(skb, SIPSEC_A_GROUP_LATE, late, 0);
}

int sipsec_nl_fill_group(struct sk_buff *skb, struct sipsec_group *group)
{
	s64 left = group->expires - get_jiffies_64();

	if (nla_put_u32(skb, SIPSEC_A_GROUP_ID, group->id) ||
	    nla_put_string(skb, SIPSEC_A_GROUP_APP, group->app->name) ||
	    nla_put_u32(skb, SIPSEC_A_GROUP_STATE, sipsec_group_state(group)) ||
	    nla_put_u32(skb, SIPSEC_A_GROUP_SPI_IN, group->spi_in) ||
	    nla_put_in_addr(skb, SIPSEC_A_GROUP_LOCAL, group->local) ||
	    nla_put_u32(skb, SIPSEC_A_GROUP_REMAINING, left > 0 ? div_u64(left, HZ) : 0) ||
	    (group->persistent && nla_put_flag(skb, SIPSEC_A_GROUP_PERSISTENT)))
		return -EMSGSIZE;
	if (!group->installed)
		return 0;
	if (nla_put_u32(skb, SIPSEC_A_GROUP_ROLE, group->role) ||
	    nla_put_u32(skb, SIPSEC_A_GROUP_SUITE, group->suite_id) ||
	    nla_put_u32(skb, SIPSEC_A_GROUP_PRF, group->prf) ||
	    nla_put_u32(skb, SIPSEC_A_GROUP_MODE, SIPSEC_MODE_TRANSPORT) ||
	    nla_put_u32(skb, SIPSEC_A_GROUP_SPI_OUT, group->spi_out) ||
	    nla_put_in_addr(skb, SIPSEC_A_GROUP_PEER, group->peer) ||
	    nla_put_u32(skb, SIPSEC_A_GROUP_ROTATE, group->rotate) ||
	    nla_put_u32(skb, SIPSEC_A_GROUP_LIFE, group->life) ||
	    nla_put_u32(skb, SIPSEC_A_GROUP_WINDOW, group->window))
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
	u32 block = 0;
	__be32 local;
	int err;

	if (!info->attrs[SIPSEC_A_GROUP_LOCAL])
		return MISSING(info, "local");
	err = get_address(info, SIPSEC_A_GROUP_LOCAL, &local);
	if (err)
		return err;
	if (inet_addr_type(genl_info_net(info), local) != RTN_LOCAL)
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
				 NULL : caller.owner, local, block, info->extack);
	if (IS_ERR(group)) {
		err = PTR_ERR(group);
		goto out;
	}
	err = reply(info, fill_reservation, group);
	if (err)
		sipsec_group_end(group, SIPSEC_END_REASON_DELETED);
out:
	caller_end(&caller);
	return err;
}

static u32 get_u32(struct genl_info *info, int attr, u32 otherwise)
{
	return info->attrs[attr] ? nla_get_u32(info->attrs[attr]) : otherwise;
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

static int get_params(struct genl_info *info, struct sipsec_group_params *params)
{
	unsigned int type;
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
	params->rotate = get_u32(info, SIPSEC_A_GROUP_ROTATE, SIPSEC_ROTATE_DEFAULT);
	params->life = get_u32(info, SIPSEC_A_GROUP_LIFE, SIPSEC_LIFE_DEFAULT);
	params->window = get_u32(info, SIPSEC_A_GROUP_WINDOW, SIPSEC_WINDOW_DEFAULT);

	if (params->suite > SIPSEC_SUITE_ESP_CHACHA20_POLY1305)
		return BAD(info, SIPSEC_A_GROUP_SUITE, -EOPNOTSUPP,
			   "suite: not supported yet, only the AEAD suites 1 to 3 are");
	if (get_u32(info, SIPSEC_A_GROUP_MODE, SIPSEC_MODE_TRANSPORT) != SIPSEC_MODE_TRANSPORT)
		return BAD(info, SIPSEC_A_GROUP_MODE, -EOPNOTSUPP,
			   "mode: not supported yet, only transport is");
	if (params->rotate < SIPSEC_ROTATE_MIN || params->rotate > SIPSEC_ROTATE_MAX)
		return BAD(info, SIPSEC_A_GROUP_ROTATE, -ERANGE, "rotate: not in 16 to 2^31");
	if (!params->life)
		return BAD(info, SIPSEC_A_GROUP_LIFE, -ERANGE, "life: zero seconds");
	if (params->window < SIPSEC_WINDOW_MIN || params->window > SIPSEC_WINDOW_MAX)
		return BAD(info, SIPSEC_A_GROUP_WINDOW, -ERANGE, "window: not in 64 to 4096");
	err = get_master(info, params);
	if (err)
		return err;
	err = get_block(info, SIPSEC_A_GROUP_SPI_OUT, &params->spi_out);
	if (err)
		return err;
	err = get_address(info, SIPSEC_A_GROUP_PEER, &params->peer);
	if (err)
		return err;
	type = inet_addr_type(genl_info_net(info), params->peer);
	if (type != RTN_UNICAST && type != RTN_LOCAL)
		return BAD(info, SIPSEC_A_GROUP_PEER, -EINVAL, "peer: not a unicast address");
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

int sipsec_nl_group_set_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct sipsec_group_params params;
	struct sipsec_group *group;
	struct caller caller;
	int err;

	err = get_params(info, &params);
	if (err)
		goto out;
	caller_begin(&caller, skb);
	group = find_group_to_change(&caller, info, SIPSEC_A_GROUP_ID);
	err = IS_ERR(group) ? PTR_ERR(group) : sipsec_group_set(group, &params, info->extack);
	caller_end(&caller);
out:
	wipe_masters(info);
	return err;
}

/* The requests that name a group and nothing else. */
static int with_group(struct sk_buff *skb, struct genl_info *info,
		      struct sipsec_group *(*find)(const struct caller *, struct genl_info *, int),
		      int (*act)(struct sipsec_group *, struct genl_info *))
{
	struct sipsec_group *group;
	struct caller caller;
	int err;

	if (!info->attrs[SIPSEC_A_GROUP_ID])
		return MISSING(info, "id");
	caller_begin(&caller, skb);
	group = find(&caller, info, SIPSEC_A_GROUP_ID);
	err = IS_ERR(group) ? PTR_ERR(group) : act(group, info);
	caller_end(&caller);
	return err;
}

static int group_del(struct sipsec_group *group, struct genl_info *info)
{
	sipsec_group_end(group, SIPSEC_END_REASON_DELETED);
	return 0;
}

int sipsec_nl_group_del_doit(struct sk_buff *skb, struct genl_info *info)
{
	return with_group(skb, info, find_group_to_change, group_del);
}

static int group_get(struct sipsec_group *group, struct genl_info *info)
{
	return reply(info, fill_group, group);
}

int sipsec_nl_group_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	return with_group(skb, info, find_group, group_get);
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
	return with_group(skb, info, find_group_to_change, group_rotate);
}

int sipsec_nl_group_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct sipsec_group *group;
	struct caller caller;
	unsigned long id;

	caller_begin(&caller, cb->skb);
	xa_for_each_start(&caller.sn->groups, id, group, cb->args[0]) {
		if (may_see(&caller, group->app) &&
		    dump_one(skb, cb, SIPSEC_CMD_GROUP_GET, fill_group, group))
			break;
		cb->args[0] = id + 1;
	}
	caller_end(&caller);
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
	       nla_put_in_addr(skb, SIPSEC_A_FLOW_LOCAL, flow->key.local) ||
	       nla_put_u16(skb, SIPSEC_A_FLOW_LOCAL_PORT, ntohs(flow->key.local_port)) ||
	       nla_put_in_addr(skb, SIPSEC_A_FLOW_PEER, flow->key.peer) ||
	       nla_put_u16(skb, SIPSEC_A_FLOW_PEER_PORT, ntohs(flow->key.peer_port)) ||
	       (flow->user != SIPSEC_FLOW_ANY &&
		nla_put_u32(skb, SIPSEC_A_FLOW_UID,
			    from_kuid_munged(current_user_ns(), flow->uid))) ||
	       (flow->user == SIPSEC_FLOW_ANY && nla_put_flag(skb, SIPSEC_A_FLOW_ANY)) ||
	       (flow->sk && !flow->exclusive && nla_put_flag(skb, SIPSEC_A_FLOW_SHARED));
}

static int get_ports(struct genl_info *info, struct sipsec_flow_key *key)
{
	if (!info->attrs[SIPSEC_A_FLOW_PROTOCOL])
		return MISSING(info, "protocol");
	if (!info->attrs[SIPSEC_A_FLOW_LOCAL_PORT])
		return MISSING(info, "local-port");
	if (!info->attrs[SIPSEC_A_FLOW_PEER_PORT])
		return MISSING(info, "peer-port");
	memset(key, 0, sizeof(*key));
	key->protocol = nla_get_u8(info->attrs[SIPSEC_A_FLOW_PROTOCOL]);
	key->local_port = htons(nla_get_u16(info->attrs[SIPSEC_A_FLOW_LOCAL_PORT]));
	key->peer_port = htons(nla_get_u16(info->attrs[SIPSEC_A_FLOW_PEER_PORT]));
	if (key->protocol != IPPROTO_UDP)
		return BAD(info, SIPSEC_A_FLOW_PROTOCOL, -EPROTONOSUPPORT,
			   "protocol: not supported yet, only UDP is");
	if (!key->local_port)
		return BAD(info, SIPSEC_A_FLOW_LOCAL_PORT, -EINVAL, "local-port: zero");
	if (!key->peer_port)
		return BAD(info, SIPSEC_A_FLOW_PEER_PORT, -EINVAL, "peer-port: zero");
	return 0;
}

/* Under the socket's lock: is it what the 5-tuple says, and the app's? */
static int check_socket(struct genl_info *info, const struct sock *sk,
			const struct sipsec_flow_key *key, kuid_t uid)
{
	const struct inet_sock *inet = inet_sk(sk);

	if (!net_eq(sock_net(sk), genl_info_net(info)))
		return BAD(info, SIPSEC_A_FLOW_FD, -EINVAL,
			   "fd: the socket is in another network namespace");
	if (!uid_eq(sock_net_uid(sock_net(sk), sk), uid))
		return BAD(info, SIPSEC_A_FLOW_FD, -EPERM,
			   "fd: the socket was made by another user than the app's");
	if (sk->sk_family != AF_INET)
		return BAD(info, SIPSEC_A_FLOW_FD, -EAFNOSUPPORT,
			   "fd: only IPv4 sockets are supported yet");
	if (sk->sk_type != SOCK_DGRAM || sk->sk_protocol != key->protocol)
		return BAD(info, SIPSEC_A_FLOW_FD, -EPROTOTYPE,
			   "fd: the socket is not of the flow's protocol");
	if (sk->sk_bound_dev_if)
		return BAD(info, SIPSEC_A_FLOW_FD, -EOPNOTSUPP,
			   "fd: sockets bound to a device are not supported yet");
	if (udp_sk(sk)->encap_type)
		return BAD(info, SIPSEC_A_FLOW_FD, -EOPNOTSUPP,
			   "fd: the socket is used for encapsulation");
	if (inet->inet_num != ntohs(key->local_port) ||
	    (inet->inet_rcv_saddr && inet->inet_rcv_saddr != key->local))
		return BAD(info, SIPSEC_A_FLOW_FD, -EADDRNOTAVAIL,
			   "fd: the socket is not bound to the local address and port");
	if (inet->inet_dport &&
	    (inet->inet_dport != key->peer_port || inet->inet_daddr != key->peer))
		return BAD(info, SIPSEC_A_FLOW_FD, -EISCONN,
			   "fd: the socket is connected to another peer");
	return 0;
}

static int bind_socket(struct genl_info *info, struct sipsec_group *group,
		       const struct sipsec_flow_key *key)
{
	struct socket *sock;
	struct sock *sk;
	int err;

	/* The socket would pin its namespace, whose end must be able to end the group. */
	if (group->persistent)
		return BAD(info, SIPSEC_A_FLOW_FD, -EINVAL,
			   "fd: flows of persistent groups take uid or any");
	/* A request is carried out in the sender's context: the fd is the caller's. */
	sock = sockfd_lookup(nla_get_u32(info->attrs[SIPSEC_A_FLOW_FD]), &err);
	if (!sock)
		return BAD(info, SIPSEC_A_FLOW_FD, err, "fd: not a socket of this process");
	sk = sock->sk;
	lock_sock(sk);
	err = check_socket(info, sk, key, group->app->uid);
	if (!err) {
		/* Otherwise connect(AF_UNSPEC) frees a port the kernel chose: it is the flow's. */
		sk->sk_userlocks |= SOCK_BINDPORT_LOCK;
		err = sipsec_flow_bind(group, key, SIPSEC_FLOW_SOCKET, group->app->uid, sk,
				       !info->attrs[SIPSEC_A_FLOW_SHARED]);
	}
	release_sock(sk);
	sockfd_put(sock);
	return err;
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
	if (attr == SIPSEC_A_FLOW_ANY)
		return sipsec_flow_bind(group, key, SIPSEC_FLOW_ANY, uid, NULL, false);
	uid = make_kuid(current_user_ns(), nla_get_u32(info->attrs[SIPSEC_A_FLOW_UID]));
	if (!uid_valid(uid))
		return BAD(info, SIPSEC_A_FLOW_UID, -EINVAL, "uid: no such user here");
	return sipsec_flow_bind(group, key, SIPSEC_FLOW_UID, uid, NULL, false);
}

int sipsec_nl_flow_bind_doit(struct sk_buff *skb, struct genl_info *info)
{
	struct sipsec_flow_key key;
	struct sipsec_group *group;
	struct caller caller;
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
	key.local = group->local;
	key.peer = group->peer;
	err = info->attrs[SIPSEC_A_FLOW_FD] ? bind_socket(info, group, &key) :
					      bind_user(&caller, info, group, &key);
	if (err == -EADDRINUSE)
		GENL_SET_ERR_MSG(info, "another socket has a flow of this 5-tuple");
out:
	caller_end(&caller);
	return err;
}

static struct sipsec_flow *find_flow(const struct caller *caller, struct genl_info *info,
				     const struct sipsec_flow_key *key)
{
	struct sipsec_flow *flow;

	rcu_read_lock();
	flow = sipsec_flow_find(caller->sn, key);
	rcu_read_unlock();
	if (flow && may_see(caller, flow->app))
		return flow;
	GENL_SET_ERR_MSG(info, "no such flow");
	return ERR_PTR(-ENOENT);
}

/* The requests that name a flow by its 5-tuple and nothing else. */
static int with_flow(struct sk_buff *skb, struct genl_info *info,
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
	if (err)
		return err;

	caller_begin(&caller, skb);
	flow = find_flow(&caller, info, &key);
	err = IS_ERR(flow) ? PTR_ERR(flow) : act(&caller, flow, info);
	caller_end(&caller);
	return err;
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
	return with_flow(skb, info, flow_unbind);
}

static int flow_get(const struct caller *caller, struct sipsec_flow *flow,
		    struct genl_info *info)
{
	return reply(info, fill_flow, flow);
}

int sipsec_nl_flow_get_doit(struct sk_buff *skb, struct genl_info *info)
{
	return with_flow(skb, info, flow_get);
}

int sipsec_nl_flow_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb)
{
	struct sipsec_flow *flow;
	struct caller caller;
	unsigned long index;

	caller_begin(&caller, cb->skb);
	xa_for_each_start(&caller.sn->flow_index, index, flow, cb->args[0]) {
		if (may_see(&caller, flow->app) &&
		    dump_one(skb, cb, SIPSEC_CMD_FLOW_GET, fill_flow, flow))
			break;
		cb->args[0] = index + 1;
	}
	caller_end(&caller);
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
	caller_begin(&caller, skb);
	app = find_app(&caller, info, SIPSEC_A_STATS_APP);
	err = IS_ERR(app) ? PTR_ERR(app) : reply(info, fill_stats, app);
	caller_end(&caller);
	return err;
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
		caller_begin(&caller, cb->skb);
		if (caller.admin)
			dump_one(skb, cb, SIPSEC_CMD_STATS_GET, fill_unowned, caller.sn);
		caller_end(&caller);
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
