// SPDX-License-Identifier: GPL-2.0
#include <linux/percpu.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <net/sock.h>

#include "app.h"
#include "group.h"
#include "pernet.h"
#include "stats.h"

int sipsec_app_new(struct sipsec_net *sn, const char *name, kuid_t uid)
{
	struct sipsec_app *app;

	lockdep_assert_held(&sn->lock);
	if (sipsec_app_find(sn, name))
		return -EEXIST;
	app = kzalloc(sizeof(*app), GFP_KERNEL);
	if (!app)
		return -ENOMEM;
	app->stats = alloc_percpu(struct sipsec_stats);
	if (!app->stats) {
		kfree(app);
		return -ENOMEM;
	}
	kref_init(&app->ref);
	app->uid = uid;
	strscpy(app->name, name, sizeof(app->name));
	list_add_tail(&app->list, &sn->apps);
	return 0;
}

struct sipsec_app *sipsec_app_find(struct sipsec_net *sn, const char *name)
{
	struct sipsec_app *app;

	lockdep_assert_held(&sn->lock);
	list_for_each_entry(app, &sn->apps, list)
		if (!strcmp(app->name, name))
			return app;
	return NULL;
}

static void app_free(struct kref *ref)
{
	struct sipsec_app *app = container_of(ref, struct sipsec_app, ref);

	free_percpu(app->stats);
	kfree(app);
}

struct sipsec_app *sipsec_app_get(struct sipsec_app *app)
{
	kref_get(&app->ref);
	return app;
}

void sipsec_app_put(struct sipsec_app *app)
{
	kref_put(&app->ref, app_free);
}

void sipsec_app_del(struct sipsec_net *sn, struct sipsec_app *app)
{
	lockdep_assert_held(&sn->lock);
	app->dead = true;
	list_del(&app->list);
	sipsec_group_end_app(sn, app, SIPSEC_END_REASON_APP_DELETED);
	sipsec_app_put(app);
}

int sipsec_owner_new(struct sipsec_net *sn, struct sipsec_app *app, struct sock *sk, u32 portid)
{
	struct sipsec_owner *owner;

	lockdep_assert_held(&sn->lock);
	if (sipsec_owner_find(sn, sk))
		return -EBUSY;
	owner = kzalloc(sizeof(*owner), GFP_KERNEL);
	if (!owner)
		return -ENOMEM;
	sock_hold(sk);
	owner->sk = sk;
	owner->portid = portid;
	owner->app = sipsec_app_get(app);
	app->owners++;
	INIT_LIST_HEAD(&owner->groups);
	list_add_tail(&owner->list, &sn->owners);
	return 0;
}

struct sipsec_owner *sipsec_owner_find(struct sipsec_net *sn, const struct sock *sk)
{
	struct sipsec_owner *owner;

	lockdep_assert_held(&sn->lock);
	list_for_each_entry(owner, &sn->owners, list)
		if (owner->sk == sk)
			return owner;
	return NULL;
}

static void owner_del(struct sipsec_net *sn, struct sipsec_owner *owner)
{
	sipsec_group_end_owner(sn, owner, SIPSEC_END_REASON_OWNER_CLOSED);
	list_del(&owner->list);
	owner->app->owners--;
	sipsec_app_put(owner->app);
	sock_put(owner->sk);
	kfree(owner);
}

void sipsec_owner_released(struct sipsec_net *sn, u32 portid)
{
	struct sipsec_owner *owner, *tmp;

	/* Whoever opened an app on this socket did so before closing it. */
	if (list_empty(&sn->owners))
		return;
	mutex_lock(&sn->lock);
	list_for_each_entry_safe(owner, tmp, &sn->owners, list) {
		/* A living socket with this portid took it over meanwhile. */
		if (owner->portid == portid && sock_flag(owner->sk, SOCK_DEAD))
			owner_del(sn, owner);
	}
	mutex_unlock(&sn->lock);
}

void sipsec_app_exit(struct sipsec_net *sn)
{
	struct sipsec_owner *owner, *next_owner;
	struct sipsec_app *app, *next_app;

	lockdep_assert_held(&sn->lock);
	list_for_each_entry_safe(owner, next_owner, &sn->owners, list)
		owner_del(sn, owner);
	list_for_each_entry_safe(app, next_app, &sn->apps, list)
		sipsec_app_del(sn, app);
}
