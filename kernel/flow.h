/* SPDX-License-Identifier: GPL-2.0 */
/* Flows: which 5-tuple is a group's, and which socket may use it. */
#ifndef SIPSEC_FLOW_H
#define SIPSEC_FLOW_H

#include <linux/in.h>
#include <linux/in6.h>
#include <linux/list.h>
#include <linux/rcupdate.h>
#include <linux/rhashtable-types.h>
#include <linux/types.h>
#include <linux/uidgid.h>

struct sipsec_account;
struct sipsec_app;
struct sipsec_group;
struct sipsec_net;
struct sock;

/**
 * struct sipsec_flow_key - a 5-tuple, network byte order, no padding of its own
 * @local: local address, v4-mapped if it is IPv4
 * @peer: the peer's address, likewise
 * @local_port: local port; 0 if the protocol has none, and of a flow that is all of its protocol
 * @peer_port: the peer's port, likewise, and of a flow that is of any port of the peer
 * @protocol: IP protocol
 * @ifindex: device of the link if one of the addresses is link-local, else 0
 */
struct sipsec_flow_key {
	struct in6_addr local;
	struct in6_addr peer;
	__be16 local_port;
	__be16 peer_port;
	u32 protocol;
	u32 ifindex;
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
 * struct sipsec_exclusive - a socket that may use its flows and nothing else
 * @node: in sipsec_net.exclusive
 * @listener: in sipsec_net.listeners if it is a raw socket
 * @sk: the socket, held by its flows
 * @app: app of its first flow, held
 * @port: its local port, which does not change any more; 0 of a raw socket
 * @flows: flows it has; under sipsec_net.lock
 * @rcu: packet paths read them without a reference
 *
 * Of its own, not a property of each flow: to look one up, and to take a flow away, costs the same
 * however many flows there are, and whoever has many delays nobody else.
 */
struct sipsec_exclusive {
	struct rhash_head node;
	struct hlist_node listener;
	struct sock *sk;
	struct sipsec_app *app;
	__be16 port;
	unsigned int flows;
	struct rcu_head rcu;
};

/**
 * struct sipsec_flow - a claimed 5-tuple
 * @key: the 5-tuple
 * @node: in sipsec_net.flows
 * @group: RCU; NULL once it has ended: the flow is closed and drops both ways
 * @user: whose sockets may use it
 * @exclusive: of the bound socket if it may use its flows and nothing else, or NULL
 * @uid: creator of the sockets that may use it, unless @user is ANY
 * @sk: the bound socket, held, so that the pointer is never another socket's
 * @app: held
 * @account: whose it is among the app's users, NULL if the administrator's
 * @sn: its namespace
 * @index: in sipsec_net.flow_index
 * @list: in sipsec_group.flows or sipsec_net.closed; under sipsec_net.lock
 * @rcu: packet paths read flows without a reference
 */
struct sipsec_flow {
	struct sipsec_flow_key key;
	struct rhash_head node;
	struct sipsec_group __rcu *group;
	enum sipsec_flow_user user;
	struct sipsec_exclusive *exclusive;
	kuid_t uid;
	struct sock *sk;
	struct sipsec_app *app;
	struct sipsec_account *account;
	struct sipsec_net *sn;
	u32 index;
	struct list_head list;
	struct rcu_head rcu;
};

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
 * sipsec_flow_match - the flow that a packet is of
 * @sn: namespace
 * @key: the packet's 5-tuple
 *
 * That of its ports comes before that of any port of the peer, and this before that of its whole
 * protocol.
 *
 * Context: RCU read lock or sipsec_net.lock held.
 * Return: the flow or NULL.
 */
struct sipsec_flow *sipsec_flow_match(struct sipsec_net *sn, const struct sipsec_flow_key *key);

/**
 * sipsec_flow_whole - is a flow all of its protocol, which has no ports?
 * @key: the flow's 5-tuple
 *
 * Return: true if it is; false of one of all UDP, too.
 */
static inline bool sipsec_flow_whole(const struct sipsec_flow_key *key)
{
	return !key->local_port && key->protocol != IPPROTO_UDP;
}

/**
 * sipsec_flow_port_exclusive - has a socket at the local port nothing but flows?
 * @sn: namespace
 * @port: the port
 *
 * Context: RCU read lock held.
 * Return: true if packets without a flow have to be looked at.
 */
bool sipsec_flow_port_exclusive(struct sipsec_net *sn, __be16 port);

/**
 * sipsec_flow_find_exclusive - is it a socket that may use its flows and nothing else?
 * @sn: namespace
 * @sk: the socket that sends a packet without a flow, or would receive it
 *
 * Context: RCU read lock held.
 * Return: the app that has it, or NULL if the socket may have the packet in clear.
 */
struct sipsec_app *sipsec_flow_find_exclusive(struct sipsec_net *sn, const struct sock *sk);

/**
 * sipsec_flow_find_listener - a raw socket that would see a packet, and has flows and nothing else
 * @sn: namespace
 * @key: addresses and protocol of a packet without a flow
 *
 * Context: RCU read lock held.
 * Return: the app that has it, or NULL if there is none.
 */
struct sipsec_app *sipsec_flow_find_listener(struct sipsec_net *sn,
					     const struct sipsec_flow_key *key);

/**
 * sipsec_flow_allows - may a socket send on the flow, or receive from it?
 * @flow: the flow
 * @sk: full socket, or NULL
 *
 * Context: RCU read lock held.
 * Return: true if it may.
 */
bool sipsec_flow_allows(const struct sipsec_flow *flow, const struct sock *sk);

/**
 * sipsec_flow_fits_local - does a socket receive what is sent to the flow's local address?
 * @sk: full socket
 * @key: the flow's 5-tuple
 *
 * Return: true if it does.
 */
bool sipsec_flow_fits_local(const struct sock *sk, const struct sipsec_flow_key *key);

/**
 * sipsec_flow_fits_peer - is a socket open to the flow's peer?
 * @sk: full socket
 * @key: the flow's 5-tuple
 *
 * Return: true if it is connected to it, or to nobody. A raw socket has no ports.
 */
bool sipsec_flow_fits_peer(const struct sock *sk, const struct sipsec_flow_key *key);

/**
 * sipsec_flow_connected - does a raw socket receive from one address only?
 * @sk: raw socket
 *
 * Return: true if it does.
 */
bool sipsec_flow_connected(const struct sock *sk);

/**
 * sipsec_flow_gone - is a closed flow's socket closed, too, and all it sent?
 * @flow: the flow
 *
 * Its 5-tuple is then free again, before the flow itself is reaped.
 *
 * Context: RCU read lock or sipsec_net.lock held.
 * Return: true if it is.
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
 * Return: 0, -EADDRINUSE if another app or socket has the 5-tuple, -EDQUOT if
 *	the app or its user has as many flows as it may have, -ENOMEM, or the
 *	netfilter core's error.
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
