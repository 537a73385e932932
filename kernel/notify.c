// SPDX-License-Identifier: GPL-2.0
#include <linux/ktime.h>
#include <net/genetlink.h>
#include <net/sock.h>

#include <uapi/linux/sipsec.h>

#include "app.h"
#include "group.h"
#include "netlink-gen.h"
#include "netlink.h"
#include "notify.h"
#include "pernet.h"
#include "stats.h"

/*
 * Into the socket, not to its portid: that may be somebody else's before we hear of the closing.
 * Who does not read his events must still get his replies. Takes over the message; false if it is
 * lost.
 */
static bool send_to(const struct sipsec_owner *owner, struct sk_buff *skb)
{
	if (skb && atomic_read(&owner->sk->sk_rmem_alloc) < READ_ONCE(owner->sk->sk_rcvbuf) / 2 &&
	    !sock_queue_rcv_skb(owner->sk, skb))
		return true;
	kfree_skb(skb);
	return false;
}

static void send_to_owner(struct sipsec_group *group, struct sk_buff *skb)
{
	struct sipsec_owner *owner;

	rcu_read_lock();
	owner = rcu_dereference(group->owner);
	if (!owner)
		kfree_skb(skb);
	else if (!send_to(owner, skb))
		sipsec_stats_inc(group->app->stats, SIPSEC_A_STATS_EVENT_LOST);
	rcu_read_unlock();
}

/* What they miss is nothing the app could do anything about. */
static void send_to_watchers(struct sipsec_group *group, const struct sk_buff *skb)
{
	struct sipsec_owner *owner;

	rcu_read_lock();
	list_for_each_entry_rcu(owner, &group->sn->watchers, list)
		if (owner->app == group->app)
			send_to(owner, skb_copy_expand(skb, 0, 0, GFP_ATOMIC));
	rcu_read_unlock();
}

static void send(struct sipsec_group *group, struct sk_buff *skb)
{
	if (rcu_access_pointer(group->owner))
		send_to_owner(group, skb_copy_expand(skb, 0, 0, GFP_KERNEL));
	if (READ_ONCE(group->app->watchers))
		send_to_watchers(group, skb);
	genlmsg_multicast_netns(&sipsec_nl_family, group->sn->net, skb, 0, SIPSEC_NLGRP_EVENTS,
				GFP_KERNEL);
}

static bool wanted(const struct sipsec_group *group)
{
	return rcu_access_pointer(group->owner) || READ_ONCE(group->app->watchers) ||
	       genl_has_listeners(&sipsec_nl_family, group->sn->net, SIPSEC_NLGRP_EVENTS);
}

static struct sk_buff *begin(struct sipsec_group *group, u8 cmd, void **header)
{
	struct sk_buff *skb;

	if (!wanted(group))
		return NULL;
	skb = genlmsg_new(NLMSG_GOODSIZE, GFP_KERNEL);
	if (!skb) {
		sipsec_stats_inc(group->app->stats, SIPSEC_A_STATS_EVENT_LOST);
		return NULL;
	}
	*header = genlmsg_put(skb, 0, 0, &sipsec_nl_family, 0, cmd);
	return skb;
}

static void end(struct sipsec_group *group, struct sk_buff *skb, void *header, bool failed)
{
	if (failed) {
		sipsec_stats_inc(group->app->stats, SIPSEC_A_STATS_EVENT_LOST);
		nlmsg_free(skb);
		return;
	}
	genlmsg_end(skb, header);
	send(group, skb);
}

static void notify_group(struct sipsec_group *group, u8 cmd)
{
	struct sk_buff *skb;
	void *header;

	skb = begin(group, cmd, &header);
	if (skb)
		end(group, skb, header, sipsec_nl_fill_group(skb, group));
}

void sipsec_notify_add(struct sipsec_group *group)
{
	notify_group(group, SIPSEC_CMD_GROUP_ADD_NTF);
}

void sipsec_notify_up(struct sipsec_group *group)
{
	notify_group(group, SIPSEC_CMD_GROUP_UP_NTF);
}

void sipsec_notify_del(struct sipsec_group *group, u32 reason)
{
	struct sk_buff *skb;
	void *header;

	skb = begin(group, SIPSEC_CMD_GROUP_DEL_NTF, &header);
	if (!skb)
		return;
	end(group, skb, header,
	    nla_put_u32(skb, SIPSEC_A_GROUP_ID, group->id) ||
	    nla_put_string(skb, SIPSEC_A_GROUP_APP, group->app->name) ||
	    nla_put_u32(skb, SIPSEC_A_GROUP_END_REASON, reason) ||
	    nla_put_u64_64bit(skb, SIPSEC_A_GROUP_PACKETS_OUT, group->packets_out, 0) ||
	    nla_put_u64_64bit(skb, SIPSEC_A_GROUP_PACKETS_IN, group->packets_in, 0));
}

static void notify_round(struct sipsec_group *group, u8 cmd, u32 direction, u64 round, u32 spi,
			 u64 packets, u32 cause)
{
	struct sk_buff *skb;
	void *header;

	skb = begin(group, cmd, &header);
	if (!skb)
		return;
	end(group, skb, header,
	    nla_put_u32(skb, SIPSEC_A_ROTATION_ID, group->id) ||
	    nla_put_string(skb, SIPSEC_A_ROTATION_APP, group->app->name) ||
	    nla_put_u32(skb, SIPSEC_A_ROTATION_DIRECTION, direction) ||
	    nla_put_u64_64bit(skb, SIPSEC_A_ROTATION_NUMBER, round, 0) ||
	    nla_put_u32(skb, SIPSEC_A_ROTATION_SPI, spi) ||
	    nla_put_u64_64bit(skb, SIPSEC_A_ROTATION_PACKETS, packets, 0) ||
	    nla_put_u64_64bit(skb, SIPSEC_A_ROTATION_TIME, ktime_get_real_ns(), 0) ||
	    (cause && nla_put_u32(skb, SIPSEC_A_ROTATION_CAUSE, cause)));
}

void sipsec_notify_rotate(struct sipsec_group *group, u32 direction, u64 round, u32 spi,
			  u64 packets)
{
	notify_round(group, SIPSEC_CMD_GROUP_ROTATE_NTF, direction, round, spi, packets, 0);
}

void sipsec_notify_limit(struct sipsec_group *group, u64 round, u32 spi)
{
	notify_round(group, SIPSEC_CMD_GROUP_LIMIT_NTF, SIPSEC_DIRECTION_OUT, round, spi,
		     group->limit - 1, 0);
}

void sipsec_notify_disturbed(struct sipsec_group *group, const struct sipsec_sa *sa, u32 cause)
{
	notify_round(group, SIPSEC_CMD_GROUP_DISTURBED_NTF, SIPSEC_DIRECTION_IN, sa->round, sa->spi,
		     sipsec_sa_packets(sa), cause);
}
