// SPDX-License-Identifier: GPL-2.0
#include <linux/module.h>
#include <net/genetlink.h>
#include <net/netns/generic.h>

#include "app.h"
#include "bundle.h"
#include "flow.h"
#include "group.h"
#include "in.h"
#include "netlink.h"
#include "pernet.h"
#include "sa.h"
#include "stats.h"

static unsigned int sipsec_net_id;

struct sipsec_net *sipsec_pernet(const struct net *net)
{
	return net_generic(net, sipsec_net_id);
}

static int __net_init sipsec_net_init(struct net *net)
{
	struct sipsec_net *sn = sipsec_pernet(net);
	int err;

	sn->net = net;
	mutex_init(&sn->lock);
	INIT_LIST_HEAD(&sn->apps);
	INIT_LIST_HEAD(&sn->owners);
	INIT_LIST_HEAD(&sn->watchers);
	sipsec_used_init(&sn->used);
	sn->stats = alloc_percpu(struct sipsec_stats);
	if (!sn->stats)
		return -ENOMEM;
	err = sipsec_group_net_init(sn);
	if (err)
		goto err_stats;
	err = sipsec_flow_net_init(sn);
	if (err)
		goto err_group;
	return 0;

err_group:
	sipsec_group_net_exit(sn);
err_stats:
	free_percpu(sn->stats);
	return err;
}

/* Early, while devices and the SAD are still there. */
static void __net_exit sipsec_net_pre_exit(struct net *net)
{
	struct sipsec_net *sn = sipsec_pernet(net);

	mutex_lock(&sn->lock);
	sipsec_app_exit(sn);
	sipsec_group_drain(sn, true);
	sipsec_flow_net_end(sn);
	mutex_unlock(&sn->lock);
	cancel_delayed_work_sync(&sn->reap);
}

static void __net_exit sipsec_net_exit(struct net *net)
{
	struct sipsec_net *sn = sipsec_pernet(net);

	sipsec_flow_net_exit(sn);
	sipsec_used_forget(&sn->used);
	sipsec_group_net_exit(sn);
	free_percpu(sn->stats);
}

static struct pernet_operations sipsec_net_ops = {
	.init = sipsec_net_init,
	.pre_exit = sipsec_net_pre_exit,
	.exit = sipsec_net_exit,
	.id = &sipsec_net_id,
	.size = sizeof(struct sipsec_net),
};

static int __init sipsec_init(void)
{
	int err;

	sipsec_sa_preload();
	err = sipsec_group_init();
	if (err)
		return err;
	err = sipsec_bundle_init();
	if (err)
		goto err_group;
	err = register_pernet_device(&sipsec_net_ops);
	if (err)
		goto err_bundle;
	err = sipsec_bundle_watch();
	if (err)
		goto err_pernet;
	err = sipsec_in_init();
	if (err)
		goto err_watch;
	err = sipsec_nl_init();
	if (err)
		goto err_in;
	return 0;

err_in:
	sipsec_in_exit();
err_watch:
	sipsec_bundle_unwatch();
err_pernet:
	unregister_pernet_device(&sipsec_net_ops);
err_bundle:
	sipsec_bundle_exit();
err_group:
	sipsec_group_exit();
	return err;
}

static void __exit sipsec_exit(void)
{
	sipsec_nl_exit();
	sipsec_in_exit();
	sipsec_bundle_unwatch();
	unregister_pernet_device(&sipsec_net_ops);
	/* Freed flows, SAs and bundles run our callbacks, groups then our work queue. */
	rcu_barrier();
	sipsec_bundle_exit();
	sipsec_group_exit();
}

module_init(sipsec_init);
module_exit(sipsec_exit);

MODULE_DESCRIPTION("Application-scoped IPsec SAs for SIP sessions");
MODULE_AUTHOR("The sipsec developers");
MODULE_LICENSE("GPL");
MODULE_ALIAS_GENL_FAMILY("sipsec");
/* The processor's own, where there is one: keys are derived when a call is set up. */
MODULE_SOFTDEP("pre: crypto-sha256");
