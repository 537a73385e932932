/* SPDX-License-Identifier: GPL-2.0 */
/* Registry of apps, and the netlink sockets that have one open. */
#ifndef SIPSEC_APP_H
#define SIPSEC_APP_H

#include <linux/kref.h>
#include <linux/list.h>
#include <linux/netlink.h>
#include <linux/uidgid.h>

#include <uapi/linux/sipsec.h>

struct sipsec_net;
struct sipsec_stats;
struct sock;

/**
 * struct sipsec_app - an application the administrator registered
 * @list: in sipsec_net.apps
 * @ref: held by the registry, owners, groups and flows
 * @uid: user that may open it and whose sockets may use its flows
 * @groups: groups it has; under sipsec_net.lock like the next two
 * @flows: flows it has, closed ones included
 * @owners: sockets that have it open
 * @dead: taken out of the registry; nothing new may be made
 * @stats: its counters
 * @name: its name
 */
struct sipsec_app {
	struct list_head list;
	struct kref ref;
	kuid_t uid;
	unsigned int groups;
	unsigned int flows;
	unsigned int owners;
	bool dead;
	struct sipsec_stats __percpu *stats;
	char name[SIPSEC_APP_NAME_MAX + 1];
};

/**
 * struct sipsec_owner - a netlink socket that has opened an app
 * @list: in sipsec_net.owners
 * @groups: struct sipsec_group.owner_list; they end with the socket
 * @sk: the socket, held: another one may take its portid before this one's
 *	release is announced, so only the pointer tells them apart
 * @portid: where events go
 * @app: held
 */
struct sipsec_owner {
	struct list_head list;
	struct list_head groups;
	struct sock *sk;
	u32 portid;
	struct sipsec_app *app;
};

/**
 * sipsec_app_new - register an app
 * @sn: namespace, its lock held
 * @name: terminated, at most SIPSEC_APP_NAME_MAX octets
 * @uid: who may open it
 *
 * Return: 0, -EEXIST for a name that is taken, -ENOMEM.
 */
int sipsec_app_new(struct sipsec_net *sn, const char *name, kuid_t uid);

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
 * sipsec_owner_new - tie a netlink socket to an app
 * @sn: namespace, its lock held
 * @app: the app
 * @sk: socket that sent the request
 * @portid: its portid
 *
 * Return: 0, -EBUSY if the socket has opened an app already, -ENOMEM.
 */
int sipsec_owner_new(struct sipsec_net *sn, struct sipsec_app *app, struct sock *sk, u32 portid);

/**
 * sipsec_owner_find - the owner a socket is
 * @sn: namespace, its lock held
 * @sk: socket that sent a request
 *
 * Return: the owner or NULL.
 */
struct sipsec_owner *sipsec_owner_find(struct sipsec_net *sn, const struct sock *sk);

/**
 * sipsec_owner_released - end what belonged to closed netlink sockets
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
