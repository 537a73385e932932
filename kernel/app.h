/* SPDX-License-Identifier: GPL-2.0 */
/* Registry of apps, and the netlink sockets that have one open. */
#ifndef SIPSEC_APP_H
#define SIPSEC_APP_H

#include <linux/bitmap.h>
#include <linux/in6.h>
#include <linux/kref.h>
#include <linux/list.h>
#include <linux/netlink.h>
#include <linux/uidgid.h>

#include <uapi/linux/sipsec.h>

#include "used.h"

struct cgroup;
struct file;
struct sipsec_net;
struct sipsec_stats;
struct sock;

/* The protocol field of an IP header has 8 bits. */
#define SIPSEC_APP_PROTOCOLS	256

/**
 * struct sipsec_prefix - addresses of peers
 * @address: network byte order, IPv4 ones v4-mapped
 * @bits: length of the prefix, of IPv4 ones 96 more
 */
struct sipsec_prefix {
	struct in6_addr address;
	u8 bits;
};

/**
 * struct sipsec_app_conf - what the administrator says about an app
 * @uid: user who may open it, INVALID_UID for any
 * @gid: group of users who may open it, INVALID_GID for any
 * @cgroup: whose processes may open it, held, or NULL for any
 * @cgroup_path: as the administrator gave it, or NULL
 * @max_groups: most groups of all its processes
 * @max_flows: most flows of all its processes, closed ones included
 * @max_groups_uid: most groups of one user's processes
 * @max_flows_uid: most flows of one user's processes
 * @max_memory: octets that groups of all its processes may come to take
 * @max_memory_uid: the same of one user's processes
 * @level: enum sipsec_level
 * @min_suite: enum sipsec_suite that none may be weaker than, 0 if there is none
 * @port_min: lowest local port of a flow, host byte order
 * @port_max: highest local port of a flow, host byte order
 * @linger: seconds that groups outlive their owner
 * @legacy: its groups may have legacy suites
 * @viewer: group of users who may see what the app has, INVALID_GID if there is none
 * @wildcard: its flows may leave ports open where others may use them, too
 * @protocols: IP protocols that its flows may have as a whole
 * @n_peers: prefixes in @peers; no peer is excluded if there are none
 * @peers: where its peers are
 */
struct sipsec_app_conf {
	kuid_t uid;
	kgid_t gid;
	struct cgroup *cgroup;
	char *cgroup_path;
	u32 max_groups;
	u32 max_flows;
	u32 max_groups_uid;
	u32 max_flows_uid;
	u64 max_memory;
	u64 max_memory_uid;
	u32 level;
	u32 min_suite;
	u16 port_min;
	u16 port_max;
	u32 linger;
	bool legacy;
	kgid_t viewer;
	bool wildcard;
	DECLARE_BITMAP(protocols, SIPSEC_APP_PROTOCOLS);
	unsigned int n_peers;
	struct sipsec_prefix peers[SIPSEC_APP_PEERS_MAX];
};

/**
 * struct sipsec_account - what one user has of an app; all under sipsec_net.lock
 * @list: in sipsec_app.accounts
 * @uid: the user
 * @holders: owners, groups and flows that point here
 * @owners: sockets on which the user has the app open, or watches it
 * @groups: groups made by the user's processes
 * @flows: flows of these groups, closed ones included
 * @memory: octets that these groups may come to take
 */
struct sipsec_account {
	struct list_head list;
	kuid_t uid;
	unsigned int holders;
	unsigned int owners;
	unsigned int groups;
	unsigned int flows;
	u64 memory;
};

/**
 * struct sipsec_app - an application the administrator registered
 * @list: in sipsec_net.apps
 * @ref: held by the registry, owners, groups and flows
 * @conf: what the administrator says; under sipsec_net.lock like the next seven
 * @accounts: struct sipsec_account.list
 * @groups: groups it has
 * @flows: flows it has, closed ones included
 * @memory: octets that its groups may come to take
 * @owners: sockets that have it open
 * @watchers: sockets that get its events without that
 * @dead: taken out of the registry; nothing new may be made
 * @used: master secrets it has used
 * @stats: its counters
 * @name: its name
 */
struct sipsec_app {
	struct list_head list;
	struct kref ref;
	struct sipsec_app_conf conf;
	struct list_head accounts;
	unsigned int groups;
	unsigned int flows;
	u64 memory;
	unsigned int owners;
	unsigned int watchers;
	bool dead;
	struct sipsec_used_list used;
	struct sipsec_stats __percpu *stats;
	char name[SIPSEC_APP_NAME_MAX + 1];
};

/**
 * struct sipsec_owner - a netlink socket that has opened an app, or watches it
 * @list: in sipsec_net.owners or sipsec_net.watchers
 * @groups: struct sipsec_group.list; with the socket they end, or begin to linger
 * @sk: the socket, held: another one may take its portid before this one's
 *	release is announced, so only the pointer tells them apart
 * @portid: its portid
 * @app: held
 * @account: of the user who opened the app
 * @rcu: work items send events without a reference
 */
struct sipsec_owner {
	struct list_head list;
	struct list_head groups;
	struct sock *sk;
	u32 portid;
	struct sipsec_app *app;
	struct sipsec_account *account;
	struct rcu_head rcu;
};

/**
 * sipsec_app_new - register an app
 * @sn: namespace, its lock held
 * @name: terminated, at most SIPSEC_APP_NAME_MAX octets
 * @conf: settings; what they hold is the app's if it could be made
 *
 * Return: 0, -EEXIST for a name that is taken, -ENOMEM.
 */
int sipsec_app_new(struct sipsec_net *sn, const char *name, const struct sipsec_app_conf *conf);

/**
 * sipsec_app_set - give an app other settings
 * @sn: namespace, its lock held
 * @app: the app
 * @conf: all settings; what they hold is the app's
 *
 * They hold for what is made from now on; who watches and may not any more, watches no more.
 */
void sipsec_app_set(struct sipsec_net *sn, struct sipsec_app *app,
		    const struct sipsec_app_conf *conf);

/**
 * sipsec_app_conf_put - give back what settings hold
 * @conf: settings that no app has
 */
void sipsec_app_conf_put(struct sipsec_app_conf *conf);

/**
 * sipsec_app_admits - have whoever made a file, and the process that asks, the app's credentials?
 * @app: the app, sipsec_net.lock held
 * @sk: socket of @file
 * @file: the file
 *
 * Both, because no process shall be made to lend its credentials to another's socket.
 *
 * Context: process, on behalf of the one that asks.
 * Return: true if they have.
 */
bool sipsec_app_admits(const struct sipsec_app *app, struct sock *sk, const struct file *file);

/**
 * sipsec_app_shows - may whoever made a file, and the process that asks, see what the app has?
 * @app: the app, sipsec_net.lock held
 * @file: file of a netlink socket
 *
 * Context: process, on behalf of the one that asks.
 * Return: true if both are of the app's group of viewers.
 */
bool sipsec_app_shows(const struct sipsec_app *app, const struct file *file);

/**
 * sipsec_app_made - was a socket made by somebody who has the app's credentials?
 * @app: the app, sipsec_net.lock held
 * @sk: the socket
 * @file: its file
 *
 * Return: true if it was.
 */
bool sipsec_app_made(const struct sipsec_app *app, struct sock *sk, const struct file *file);

/**
 * sipsec_app_may_reach - is the app allowed this peer?
 * @app: the app, sipsec_net.lock held
 * @address: the peer's
 *
 * Return: true if it is.
 */
bool sipsec_app_may_reach(const struct sipsec_app *app, const struct in6_addr *address);

/**
 * sipsec_app_may_use - is the app allowed this suite?
 * @app: the app, sipsec_net.lock held
 * @suite: enum sipsec_suite
 *
 * Return: true if it is.
 */
bool sipsec_app_may_use(const struct sipsec_app *app, u32 suite);

/**
 * sipsec_app_group_fits - may the app, and this user of it, have another group?
 * @app: the app, sipsec_net.lock held
 * @account: the user's, or NULL for the administrator
 *
 * Return: true if they may.
 */
bool sipsec_app_group_fits(const struct sipsec_app *app, const struct sipsec_account *account);

/**
 * sipsec_app_flow_fits - may the app, and this user of it, have another flow?
 * @app: the app, sipsec_net.lock held
 * @account: the user's, or NULL for the administrator
 *
 * Return: true if they may.
 */
bool sipsec_app_flow_fits(const struct sipsec_app *app, const struct sipsec_account *account);

/**
 * sipsec_app_memory_fits - may the groups of the app, and of this user of it, take so much more?
 * @app: the app, sipsec_net.lock held
 * @account: the user's, or NULL for the administrator
 * @octets: memory
 *
 * Return: true if they may.
 */
bool sipsec_app_memory_fits(const struct sipsec_app *app, const struct sipsec_account *account,
			    u64 octets);

/* Another holder of an account, or one less; NULL is nobody's. sipsec_net.lock held. */
struct sipsec_account *sipsec_account_get(struct sipsec_account *account);
void sipsec_account_put(struct sipsec_account *account);

/**
 * sipsec_app_find - look an app up by name
 * @sn: namespace, its lock held
 * @name: terminated
 *
 * Return: the app, without a reference, or NULL.
 */
struct sipsec_app *sipsec_app_find(struct sipsec_net *sn, const char *name);

/**
 * sipsec_app_del - end an app's groups and take it out of the registry
 * @sn: namespace, its lock held
 * @app: the app; its closed flows and owners keep what is left of it
 */
void sipsec_app_del(struct sipsec_net *sn, struct sipsec_app *app);

/**
 * sipsec_app_get - take a reference
 * @app: the app
 *
 * Return: @app.
 */
struct sipsec_app *sipsec_app_get(struct sipsec_app *app);

/**
 * sipsec_app_put - drop a reference
 * @app: the app
 *
 * Context: process or softirq.
 */
void sipsec_app_put(struct sipsec_app *app);

/**
 * sipsec_owner_new - tie a netlink socket to an app, in the name of the process that asks
 * @sn: namespace, its lock held
 * @app: the app
 * @sk: socket that sent the request
 * @portid: its portid
 *
 * Return: 0, -EBUSY if the socket has opened an app already, -EDQUOT if the user has it open
 *	SIPSEC_OWNERS_MAX times, -ENOMEM.
 */
int sipsec_owner_new(struct sipsec_net *sn, struct sipsec_app *app, struct sock *sk, u32 portid);

/**
 * sipsec_owner_watch - have a netlink socket get an app's events, in the name of who asks
 * @sn: namespace, its lock held
 * @app: the app
 * @sk: socket that sent the request
 * @portid: its portid
 *
 * Return: 0, also if it has them already, -EDQUOT as above, -ENOMEM.
 */
int sipsec_owner_watch(struct sipsec_net *sn, struct sipsec_app *app, struct sock *sk,
		       u32 portid);

/**
 * sipsec_owner_find - the owner a socket is
 * @sn: namespace, its lock held
 * @sk: socket that sent a request
 *
 * Return: the owner or NULL.
 */
struct sipsec_owner *sipsec_owner_find(struct sipsec_net *sn, const struct sock *sk);

/**
 * sipsec_owner_released - end, or let linger, what belonged to closed netlink sockets
 * @sn: namespace; takes its lock
 * @portid: portid of the socket being closed
 *
 * Context: process, from the netlink notifier.
 */
void sipsec_owner_released(struct sipsec_net *sn, u32 portid);

/**
 * sipsec_app_exit - remove all owners and apps of a namespace
 * @sn: namespace, its lock held
 */
void sipsec_app_exit(struct sipsec_net *sn);

#endif
