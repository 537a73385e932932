/* SPDX-License-Identifier: ((GPL-2.0 WITH Linux-syscall-note) OR BSD-3-Clause) */
/* Do not edit directly, auto-generated from: */
/*	Documentation/netlink/specs/sipsec.yaml */
/* YNL-GEN kernel header */

#ifndef _LINUX_SIPSEC_GEN_H
#define _LINUX_SIPSEC_GEN_H

#include <net/netlink.h>
#include <net/genetlink.h>

#include <uapi/linux/sipsec.h>

extern const struct nla_policy sipsec_app_new_nl_policy[SIPSEC_A_APP_PROTOCOLS + 1];

extern const struct nla_policy sipsec_app_del_nl_policy[SIPSEC_A_APP_NAME + 1];

extern const struct nla_policy sipsec_app_open_nl_policy[SIPSEC_A_APP_NAME + 1];

extern const struct nla_policy sipsec_app_get_nl_policy[SIPSEC_A_APP_NAME + 1];

extern const struct nla_policy sipsec_group_new_nl_policy[SIPSEC_A_GROUP_IFINDEX + 1];

extern const struct nla_policy sipsec_group_set_nl_policy[SIPSEC_A_GROUP_ENCAP_PEER_PORT + 1];

extern const struct nla_policy sipsec_group_del_nl_policy[SIPSEC_A_GROUP_GRACE + 1];

extern const struct nla_policy sipsec_group_get_nl_policy[SIPSEC_A_GROUP_ID + 1];

extern const struct nla_policy sipsec_group_rotate_nl_policy[SIPSEC_A_GROUP_ID + 1];

extern const struct nla_policy sipsec_flow_bind_nl_policy[SIPSEC_A_FLOW_SHARED + 1];

extern const struct nla_policy sipsec_flow_unbind_nl_policy[SIPSEC_A_FLOW_IFINDEX + 1];

extern const struct nla_policy sipsec_flow_get_nl_policy[SIPSEC_A_FLOW_IFINDEX + 1];

extern const struct nla_policy sipsec_stats_get_nl_policy[SIPSEC_A_STATS_APP + 1];

extern const struct nla_policy sipsec_app_set_nl_policy[SIPSEC_A_APP_PROTOCOLS + 1];

extern const struct nla_policy sipsec_group_adopt_nl_policy[SIPSEC_A_GROUP_ID + 1];

extern const struct nla_policy sipsec_app_watch_nl_policy[SIPSEC_A_APP_NAME + 1];

/* Ops table for sipsec */
extern const struct genl_ops sipsec_nl_ops[16];

int sipsec_nl_app_new_doit(struct sk_buff *skb, struct genl_info *info);
int sipsec_nl_app_del_doit(struct sk_buff *skb, struct genl_info *info);
int sipsec_nl_app_open_doit(struct sk_buff *skb, struct genl_info *info);
int sipsec_nl_app_get_doit(struct sk_buff *skb, struct genl_info *info);
int sipsec_nl_app_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int sipsec_nl_group_new_doit(struct sk_buff *skb, struct genl_info *info);
int sipsec_nl_group_set_doit(struct sk_buff *skb, struct genl_info *info);
int sipsec_nl_group_del_doit(struct sk_buff *skb, struct genl_info *info);
int sipsec_nl_group_get_doit(struct sk_buff *skb, struct genl_info *info);
int sipsec_nl_group_get_dumpit(struct sk_buff *skb,
			       struct netlink_callback *cb);
int sipsec_nl_group_rotate_doit(struct sk_buff *skb, struct genl_info *info);
int sipsec_nl_flow_bind_doit(struct sk_buff *skb, struct genl_info *info);
int sipsec_nl_flow_unbind_doit(struct sk_buff *skb, struct genl_info *info);
int sipsec_nl_flow_get_doit(struct sk_buff *skb, struct genl_info *info);
int sipsec_nl_flow_get_dumpit(struct sk_buff *skb, struct netlink_callback *cb);
int sipsec_nl_stats_get_doit(struct sk_buff *skb, struct genl_info *info);
int sipsec_nl_stats_get_dumpit(struct sk_buff *skb,
			       struct netlink_callback *cb);
int sipsec_nl_app_set_doit(struct sk_buff *skb, struct genl_info *info);
int sipsec_nl_group_adopt_doit(struct sk_buff *skb, struct genl_info *info);
int sipsec_nl_app_watch_doit(struct sk_buff *skb, struct genl_info *info);

enum {
	SIPSEC_NLGRP_EVENTS,
};

#endif /* _LINUX_SIPSEC_GEN_H */
