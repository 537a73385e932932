// SPDX-License-Identifier: GPL-2.0
/*
 * Bugs on purpose, to prove that kernels which watch for bugs see them (selftests/vm/plants.sh).
 * They are only in a module that was built with CONFIG_SIPSEC_PLANT=y, and happen only when one
 * is asked for by its name in /sys/module/sipsec/parameters/plant.
 */
#include <linux/list.h>
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/netdevice.h>
#include <linux/nsproxy.h>
#include <linux/rcupdate.h>
#include <linux/refcount.h>
#include <linux/slab.h>
#include <linux/smp.h>
#include <linux/spinlock.h>
#include <linux/string.h>
#include <linux/timer.h>
#include <net/net_namespace.h>

static void plant_oob(void)
{
	char *p = kmalloc(13, GFP_KERNEL);

	OPTIMIZER_HIDE_VAR(p);
	if (p)
		WRITE_ONCE(p[13], 'x');
	kfree(p);
}

static void plant_free(void)
{
	char *p = kmalloc(13, GFP_KERNEL);

	kfree(p);
	OPTIMIZER_HIDE_VAR(p);
	if (p)
		WRITE_ONCE(p[0], 'x');
}

static void plant_uninit(void)
{
	int *p = kmalloc(sizeof(*p), GFP_KERNEL);

	OPTIMIZER_HIDE_VAR(p);
	if (p && READ_ONCE(*p) == 42)
		pr_info("the answer\n");
	kfree(p);
}

static void plant_leak(void)
{
	unsigned int i;
	void *p;

	/* Some of the pointers may linger in a register or on a stack. */
	for (i = 0; i < 16; i++) {
		p = kmalloc(77, GFP_KERNEL);
		OPTIMIZER_HIDE_VAR(p);
	}
}

/* What variables point to is lost when the module goes. */
static void plant_left(void)
{
	static void *left[16];
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(left); i++)
		WRITE_ONCE(left[i], kmalloc(77, GFP_KERNEL));
}

static void plant_lock(void)
{
	static DEFINE_MUTEX(a);
	static DEFINE_MUTEX(b);

	mutex_lock(&a);
	mutex_lock(&b);
	mutex_unlock(&b);
	mutex_unlock(&a);
	mutex_lock(&b);
	mutex_lock(&a);
	mutex_unlock(&a);
	mutex_unlock(&b);
}

static void plant_sleep(void)
{
	static DEFINE_SPINLOCK(lock);

	spin_lock(&lock);
	kfree(kmalloc(13, GFP_KERNEL));
	spin_unlock(&lock);
}

static void plant_rcu(void)
{
	static int __rcu *p;

	if (rcu_dereference(p))
		pr_info("there is none\n");
}

static void plant_preempt(void)
{
	pr_info("perhaps on processor %u\n", smp_processor_id());
}

static void plant_expire(struct timer_list *timer)
{
}

static void plant_timer(void)
{
	struct timer_list *timer = kmalloc(sizeof(*timer), GFP_KERNEL);

	if (!timer)
		return;
	timer_setup(timer, plant_expire, 0);
	mod_timer(timer, jiffies + 1000 * HZ);
	kfree(timer);
}

static void plant_refcount(void)
{
	refcount_t ref = REFCOUNT_INIT(0);

	refcount_dec(&ref);
}

static void plant_list(void)
{
	struct list_head head, item;

	INIT_LIST_HEAD(&head);
	list_add(&item, &head);
	list_del(&item);
	list_del(&item);
}

/* The memory behind the array is no other variable's: only the type tells. */
static void plant_bounds(void)
{
	static struct {
		int array[4];
		int rest[4];
	} s;
	unsigned int i = 5;

	OPTIMIZER_HIDE_VAR(i);
	WRITE_ONCE(s.array[i], 1);
}

/* Seen when the namespace ends. */
static void plant_net(void)
{
	static netns_tracker tracker;

	__netns_tracker_alloc(current->nsproxy->net_ns, &tracker, false, GFP_KERNEL);
}

/*
 * A reference to the loopback device, seen while the namespace ends, and given back when asked
 * again: else the machine could neither end another nor unload the module.
 */
static void plant_dev(void)
{
	static netdevice_tracker tracker;
	static struct net_device *dev;

	if (dev) {
		netdev_put(dev, &tracker);
		dev = NULL;
	} else {
		dev = current->nsproxy->net_ns->loopback_dev;
		netdev_hold(dev, &tracker, GFP_KERNEL);
	}
}

static void plant_oops(void)
{
	int *p = NULL;

	OPTIMIZER_HIDE_VAR(p);
	WRITE_ONCE(*p, 1);
}

static const struct {
	const char *name;
	void (*grow)(void);
} plants[] = {
	{ "oob", plant_oob },
	{ "free", plant_free },
	{ "uninit", plant_uninit },
	{ "leak", plant_leak },
	{ "left", plant_left },
	{ "lock", plant_lock },
	{ "sleep", plant_sleep },
	{ "rcu", plant_rcu },
	{ "preempt", plant_preempt },
	{ "timer", plant_timer },
	{ "refcount", plant_refcount },
	{ "list", plant_list },
	{ "bounds", plant_bounds },
	{ "net", plant_net },
	{ "dev", plant_dev },
	{ "oops", plant_oops },
};

static int plant_set(const char *value, const struct kernel_param *param)
{
	unsigned int i;

	for (i = 0; i < ARRAY_SIZE(plants); i++) {
		if (sysfs_streq(value, plants[i].name)) {
			plants[i].grow();
			return 0;
		}
	}
	return -EINVAL;
}

static const struct kernel_param_ops plant_ops = { .set = plant_set };
module_param_cb(plant, &plant_ops, NULL, 0200);
MODULE_PARM_DESC(plant, "name of the bug to happen");
