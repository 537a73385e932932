/* SPDX-License-Identifier: GPL-2.0 */
/* Flows: which 5-tuple is a group's, and which socket may use it. */
#ifndef SIPSEC_FLOW_H
#define SIPSEC_FLOW_H

#include <linux/list.h>
#include <linux/rcupdate.h>
#include <linux/rhashtable-types.h>
#include <linux/types.h>
#include <linux/uidgid.h>

struct sipsec_app;
struct sipsec_group;
struct sipsec_net;
struct sock;

/**
 * struct sipsec_flow_key - a 5-tuple, network byte order, no padding of its own
 * @local: local address
 * @peer: the peer's address
 * @local_port: local port
 * @peer_port: the peer's port
 * @protocol: IP protocol
 */
struct sipsec_flow_key {
	__be32 local;
	__be32 peer;
	__be16 local_port;
	__be16 peer_port;
	u32 protocol;
};

/**
 * enum sipsec_flow_user - whose sockets may use a flow
 * @SIPSEC_FLOW_SOCKET: one socket
 * @SIPSEC_FLOW_UID: all of one user
 * @SIPSEC_FLOW_ANY: all
 */
enum sipsec_flow_user {
	SIPSEC_FLOW_SOCKET,
	SIPSEC_FLOW_UID,
	SIPSEC_FLOW_ANY,
};

/**
 * struct sipsec_flow - a claimed 5-tuple
 * @key: the 5-tuple
 * @node: in sipsec_net.flows
 * @port_node: in sipsec_net.exclusive if @exclusive
 * @group: RCU; NULL once it has ended: the flow is closed and drops both ways
 * @user: whose sockets may use it
 * @exclusive: the bound socket may use its flows and nothing else
 * @uid: creator of the sockets that may use it, unless @user is ANY
 * @sk: the bound socket, held, so that the pointer is never another socket's
 * @app: held
 * @sn: its namespace
 * @index: in sipsec_net.flow_index
 * @list: in sipsec_group.flows or sipsec_net.closed; under sipsec_net.lock
 * @rcu: packet paths read flows without a reference
 */
struct sipsec_flow {
	struct sipsec_flow_key key;
	struct rhash_head node;
	struct rhlist_head port_node;
	struct sipsec_group __rcu *group;
	enum sipsec_flow_user user;
	bool exclusive;
	kuid_t uid;
	struct sock *sk;
	struct sipsec_app *app;
	struct sipsec_net *sn;
	u32 index;
	struct list_head list;
	struct rcu_head rcu;
};

extern const struct rhashtable_params sipsec_flow_params;

/**
 * sipsec_flow_find - the flow of a 5-tuple
 * @sn: namespace
 * @key: the 5-tuple
 *
 * Context: RCU read lock or sipsec_net.lock held.
 * Return: the flow or NULL.
 */
struct sipsec_flow *sipsec_flow_find(struct sipsec_net *sn, const struct sipsec_flow_key *key);

/**
 * sipsec_flow_port_exclusive - has a socket at the local port nothing but flows?
 * @sn: namespace
 * @key: 5-tuple of a packet without a flow
 *
 * Context: RCU read lock held.
 */
bool sipsec_flow_port_exclusive(struct sipsec_net *sn, const struct sipsec_flow_key *key);

/**
 * sipsec_flow_find_exclusive - a flow of a socket that may use its flows and nothing else
 * @sn: namespace
 * @key: 5-tuple of a packet without a flow
 * @sk: the socket that sends it or would receive it
 *
 * Context: RCU read lock held.
 * Return: one of the socket's flows, or NULL if it may have the packet in clear.
 */
struct sipsec_flow *sipsec_flow_find_exclusive(struct sipsec_net *sn,
					       const struct sipsec_flow_key *key,
					       const struct sock *sk);

/**
 * sipsec_flow_allows - may a socket send on the flow, or receive from it?
 * @flow: the flow
 * @sk: full socket, or NULL
 *
 * Context: RCU read lock held.
 */
bool sipsec_flow_allows(const struct sipsec_flow *flow, const struct sock *sk);

/**
 * sipsec_flow_gone - is a closed flow's socket closed, too, and all it sent?
 * @flow: the flow
 *
 * Its 5-tuple is then free again, before the flow itself is reaped.
 *
 * Context: RCU read lock or sipsec_net.lock held.
 */
bool sipsec_flow_gone(const struct sipsec_flow *flow);

/**
 * sipsec_flow_bind - bind a 5-tuple to a group, or move it there from another of the same app
 * @group: the group, sipsec_net.lock held
 * @key: the 5-tuple
 * @user: whose sockets may use it
 * @uid: the user, unless @user is ANY
 * @sk: the socket if @user is SOCKET, else NULL; the flow takes its own reference
 * @exclusive: the socket may use its flows and nothing else
 *
 * Context: process. Holds a reference of the module until the flow is freed.
 * Return: 0, -EADDRINUSE if another app or socket has the 5-tuple, -ENOMEM, or
 *	the netfilter core's error.
 */
int sipsec_flow_bind(struct sipsec_group *group, const struct sipsec_flow_key *key,
		     enum sipsec_flow_user user, kuid_t uid, struct sock *sk, bool exclusive);

/**
 * sipsec_flow_unbind - forget a flow
 * @flow: the flow, sipsec_net.lock held
 */
void sipsec_flow_unbind(struct sipsec_flow *flow);

/**
 * sipsec_flow_close_all - close the flows of a group that ends
 * @group: the group, sipsec_net.lock held
 */
void sipsec_flow_close_all(struct sipsec_group *group);

/**
 * sipsec_flow_hooks_get - have the packet hooks in a namespace
 * @sn: namespace, its lock held
 *
 * One for each flow and one for each group with SAs: a namespace that has
 * neither pays nothing for its packets.
 *
 * Context: process.
 * Return: 0 or the netfilter core's error.
 */
int sipsec_flow_hooks_get(struct sipsec_net *sn);

/**
 * sipsec_flow_hooks_put - undo one sipsec_flow_hooks_get()
 * @sn: namespace, its lock held
 */
void sipsec_flow_hooks_put(struct sipsec_net *sn);

/* A namespace begins; its last flows go, sipsec_net.lock held; it ends. */
int sipsec_flow_net_init(struct sipsec_net *sn);
void sipsec_flow_net_end(struct sipsec_net *sn);
void sipsec_flow_net_exit(struct sipsec_net *sn);

#endif
