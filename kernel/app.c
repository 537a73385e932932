// SPDX-License-Identifier: GPL-2.0
#include <linux/cgroup.h>
#include <linux/cred.h>
#include <linux/fs.h>
#include <linux/percpu.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <net/ipv6.h>
#include <net/sock.h>

#include "app.h"
#include "group.h"
#include "pernet.h"
#include "stats.h"
#include "suite.h"

void sipsec_app_conf_put(struct sipsec_app_conf *conf)
{
	if (conf->cgroup)
		cgroup_put(conf->cgroup);
	kfree(conf->cgroup_path);
}

int sipsec_app_new(struct sipsec_net *sn, const char *name, const struct sipsec_app_conf *conf)
{
	struct sipsec_app *app;

	lockdep_assert_held(&sn->lock);
	if (sipsec_app_find(sn, name))
		return -EEXIST;
	app = kzalloc(sizeof(*app), GFP_KERNEL_ACCOUNT);
	if (!app)
		return -ENOMEM;
	app->stats = alloc_percpu_gfp(struct sipsec_stats, GFP_KERNEL_ACCOUNT);
	if (!app->stats) {
		kfree(app);
		return -ENOMEM;
	}
	kref_init(&app->ref);
	app->conf = *conf;
	INIT_LIST_HEAD(&app->accounts);
	sipsec_used_init(&app->used);
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
	sipsec_app_conf_put(&app->conf);
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
	sipsec_used_move(&sn->used, &app->used);
	sipsec_app_put(app);
}

static bool has_group(const struct cred *cred, kgid_t gid)
{
	int i;

	if (gid_eq(cred->egid, gid))
		return true;
	for (i = 0; i < cred->group_info->ngroups; i++)
		if (gid_eq(cred->group_info->gid[i], gid))
			return true;
	return false;
}

static bool cred_admitted(const struct sipsec_app_conf *conf, const struct cred *cred)
{
	return (!uid_valid(conf->uid) || uid_eq(cred->euid, conf->uid)) &&
	       (!gid_valid(conf->gid) || has_group(cred, conf->gid));
}

#ifdef CONFIG_CGROUPS
static bool in_cgroup(struct cgroup *cgroup)
{
	bool in;

	rcu_read_lock();
	in = task_under_cgroup_hierarchy(current, cgroup);
	rcu_read_unlock();
	return in;
}
#else
static bool in_cgroup(struct cgroup *cgroup)
{
	return false;
}
#endif

/* Kernels whose sockets do not know their cgroup leave the one that asks to be checked. */
static bool made_in_cgroup(struct cgroup *cgroup, struct sock *sk)
{
#ifdef CONFIG_SOCK_CGROUP_DATA
	return cgroup_is_descendant(sock_cgroup_ptr(&sk->sk_cgrp_data), cgroup);
#else
	return true;
#endif
}

bool sipsec_app_shows(const struct sipsec_app *app, const struct file *file)
{
	const kgid_t viewer = app->conf.viewer;

	return gid_valid(viewer) && has_group(current_cred(), viewer) &&
	       has_group(file->f_cred, viewer);
}

bool sipsec_app_made(const struct sipsec_app *app, struct sock *sk, const struct file *file)
{
	const struct sipsec_app_conf *conf = &app->conf;

	return cred_admitted(conf, file->f_cred) &&
	       (!conf->cgroup || made_in_cgroup(conf->cgroup, sk));
}

bool sipsec_app_admits(const struct sipsec_app *app, struct sock *sk, const struct file *file)
{
	const struct sipsec_app_conf *conf = &app->conf;

	return cred_admitted(conf, current_cred()) && (!conf->cgroup || in_cgroup(conf->cgroup)) &&
	       sipsec_app_made(app, sk, file);
}

bool sipsec_app_may_reach(const struct sipsec_app *app, const struct in6_addr *address)
{
	const struct sipsec_app_conf *conf = &app->conf;
	const struct sipsec_prefix *prefix;
	unsigned int i;

	for (i = 0; i < conf->n_peers; i++) {
		prefix = &conf->peers[i];
		/* ::/0 says nothing of IPv4. */
		if (ipv6_addr_v4mapped(&prefix->address) == ipv6_addr_v4mapped(address) &&
		    ipv6_prefix_equal(&prefix->address, address, prefix->bits))
			return true;
	}
	return !conf->n_peers;
}

bool sipsec_app_may_use(const struct sipsec_app *app, u32 suite)
{
	const struct sipsec_suite_info *least, *info = sipsec_suite_get(suite);

	if (app->conf.level == SIPSEC_LEVEL_CONFIDENTIAL && !info->enc_len)
		return false;
	least = sipsec_suite_get(app->conf.min_suite);
	return !least || (info->enc_len >= least->enc_len && info->icv_bits >= least->icv_bits);
}

bool sipsec_app_group_fits(const struct sipsec_app *app, const struct sipsec_account *account)
{
	return app->groups < app->conf.max_groups &&
	       (!account || account->groups < app->conf.max_groups_uid);
}

bool sipsec_app_flow_fits(const struct sipsec_app *app, const struct sipsec_account *account)
{
	return app->flows < app->conf.max_flows &&
	       (!account || account->flows < app->conf.max_flows_uid);
}

bool sipsec_app_memory_fits(const struct sipsec_app *app, const struct sipsec_account *account,
			    u64 octets)
{
	return app->memory + octets <= app->conf.max_memory &&
	       (!account || account->memory + octets <= app->conf.max_memory_uid);
}

static struct sipsec_account *account_of(struct sipsec_app *app, kuid_t uid)
{
	struct sipsec_account *account;

	list_for_each_entry(account, &app->accounts, list)
		if (uid_eq(account->uid, uid))
			return sipsec_account_get(account);
	account = kzalloc(sizeof(*account), GFP_KERNEL_ACCOUNT);
	if (!account)
		return NULL;
	account->uid = uid;
	list_add(&account->list, &app->accounts);
	return sipsec_account_get(account);
}

struct sipsec_account *sipsec_account_get(struct sipsec_account *account)
{
	if (account)
		account->holders++;
	return account;
}

void sipsec_account_put(struct sipsec_account *account)
{
	if (account && !--account->holders) {
		list_del(&account->list);
		kfree(account);
	}
}

/* Returns what is in no list yet, or an ERR_PTR. */
static struct sipsec_owner *owner_alloc(struct sipsec_app *app, struct sock *sk, u32 portid)
{
	struct sipsec_owner *owner;

	owner = kzalloc(sizeof(*owner), GFP_KERNEL_ACCOUNT);
	if (!owner)
		return ERR_PTR(-ENOMEM);
	owner->account = account_of(app, current_euid());
	if (!owner->account) {
		kfree(owner);
		return ERR_PTR(-ENOMEM);
	}
	if (owner->account->owners >= SIPSEC_OWNERS_MAX) {
		sipsec_account_put(owner->account);
		kfree(owner);
		return ERR_PTR(-EDQUOT);
	}
	owner->account->owners++;
	sock_hold(sk);
	owner->sk = sk;
	owner->portid = portid;
	owner->app = sipsec_app_get(app);
	INIT_LIST_HEAD(&owner->groups);
	return owner;
}

int sipsec_owner_new(struct sipsec_net *sn, struct sipsec_app *app, struct sock *sk, u32 portid)
{
	struct sipsec_owner *owner;

	lockdep_assert_held(&sn->lock);
	if (sipsec_owner_find(sn, sk))
		return -EBUSY;
	owner = owner_alloc(app, sk, portid);
	if (IS_ERR(owner))
		return PTR_ERR(owner);
	app->owners++;
	list_add_tail(&owner->list, &sn->owners);
	return 0;
}

int sipsec_owner_watch(struct sipsec_net *sn, struct sipsec_app *app, struct sock *sk, u32 portid)
{
	struct sipsec_owner *owner;

	lockdep_assert_held(&sn->lock);
	list_for_each_entry(owner, &sn->watchers, list)
		if (owner->sk == sk && owner->app == app)
			return 0;
	owner = owner_alloc(app, sk, portid);
	if (IS_ERR(owner))
		return PTR_ERR(owner);
	WRITE_ONCE(app->watchers, app->watchers + 1);
	list_add_tail_rcu(&owner->list, &sn->watchers);
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

static void owner_free(struct rcu_head *rcu)
{
	struct sipsec_owner *owner = container_of(rcu, struct sipsec_owner, rcu);

	sipsec_app_put(owner->app);
	sock_put(owner->sk);
	kfree(owner);
}

/* It is in no list any more. */
static void owner_release(struct sipsec_owner *owner)
{
	owner->account->owners--;
	sipsec_account_put(owner->account);
	call_rcu(&owner->rcu, owner_free);
}

static void owner_del(struct sipsec_net *sn, struct sipsec_owner *owner)
{
	sipsec_group_leave_owner(sn, owner);
	list_del(&owner->list);
	owner->app->owners--;
	owner_release(owner);
}

static void watcher_del(struct sipsec_owner *owner)
{
	list_del_rcu(&owner->list);
	WRITE_ONCE(owner->app->watchers, owner->app->watchers - 1);
	owner_release(owner);
}

void sipsec_app_set(struct sipsec_net *sn, struct sipsec_app *app,
		    const struct sipsec_app_conf *conf)
{
	struct sipsec_owner *owner, *tmp;

	lockdep_assert_held(&sn->lock);
	if (!gid_eq(app->conf.viewer, conf->viewer))
		list_for_each_entry_safe(owner, tmp, &sn->watchers, list)
			if (owner->app == app)
				watcher_del(owner);
	sipsec_app_conf_put(&app->conf);
	app->conf = *conf;
}

void sipsec_owner_released(struct sipsec_net *sn, u32 portid)
{
	struct sipsec_owner *owner, *tmp;

	/* Whoever opened an app on this socket, or watches one, did so before closing it. */
	if (list_empty(&sn->owners) && list_empty(&sn->watchers))
		return;
	mutex_lock(&sn->lock);
	list_for_each_entry_safe(owner, tmp, &sn->owners, list) {
		/* A living socket with this portid took it over meanwhile. */
		if (owner->portid == portid && sock_flag(owner->sk, SOCK_DEAD))
			owner_del(sn, owner);
	}
	list_for_each_entry_safe(owner, tmp, &sn->watchers, list)
		if (owner->portid == portid && sock_flag(owner->sk, SOCK_DEAD))
			watcher_del(owner);
	mutex_unlock(&sn->lock);
}

void sipsec_app_exit(struct sipsec_net *sn)
{
	struct sipsec_owner *owner, *next_owner;
	struct sipsec_app *app, *next_app;

	lockdep_assert_held(&sn->lock);
	/* In this order: nothing is left to linger. */
	list_for_each_entry_safe(app, next_app, &sn->apps, list)
		sipsec_app_del(sn, app);
	list_for_each_entry_safe(owner, next_owner, &sn->owners, list)
		owner_del(sn, owner);
	list_for_each_entry_safe(owner, next_owner, &sn->watchers, list)
		watcher_del(owner);
}
