// SPDX-License-Identifier: GPL-2.0
/* Which round a packet is sent in, to the limits that no traffic reaches in a test's time. */
#include <kunit/test.h>
#include <linux/percpu.h>
#include <linux/slab.h>

#include "app.h"
#include "group.h"
#include "sa.h"
#include "stats.h"

#define ROTATE	16
#define OCTETS	100
#define LIMIT	sipsec_round_limit(ROTATE, SIPSEC_ROTATE_MAX)

struct bench {
	struct sipsec_app app;
	struct sipsec_group group;
	struct sipsec_sa sa[2];
	atomic_t kicks;
	bool works;
};

static void add_ready(struct bench *bench)
{
	list_add(&bench->sa[1].list, &bench->group.ready);
	bench->group.out_window.end++;
}

static void kicked(struct work_struct *w)
{
	struct sipsec_group *group = container_of(to_delayed_work(w), struct sipsec_group, work);
	struct bench *bench = container_of(group, struct bench, group);

	atomic_inc(&bench->kicks);
	if (bench->works && sipsec_round_want_ready(&group->out_window))
		add_ready(bench);
}

static int bench_init(struct kunit *test)
{
	struct bench *bench = kzalloc(sizeof(*bench), GFP_KERNEL);
	struct sipsec_group *group;

	if (!bench)
		return -ENOMEM;
	bench->app.stats = alloc_percpu(struct sipsec_stats);
	if (!bench->app.stats) {
		kfree(bench);
		return -ENOMEM;
	}
	group = &bench->group;
	group->app = &bench->app;
	group->rotate = ROTATE;
	group->limit = LIMIT;
	group->out_window.end = 1;
	spin_lock_init(&group->lock);
	INIT_LIST_HEAD(&group->ready);
	INIT_LIST_HEAD(&group->retired);
	INIT_DELAYED_WORK(&group->work, kicked);
	bench->sa[0].group = group;
	bench->sa[1].group = group;
	INIT_LIST_HEAD(&bench->sa[0].list);
	INIT_LIST_HEAD(&bench->sa[1].list);
	rcu_assign_pointer(group->out, &bench->sa[0]);
	test->priv = bench;
	return 0;
}

static void bench_exit(struct kunit *test)
{
	struct bench *bench = test->priv;

	if (!bench)
		return;
	cancel_delayed_work_sync(&bench->group.work);
	free_percpu(bench->app.stats);
	kfree(bench);
	test->priv = NULL;
}

static struct sipsec_sa *take(struct bench *bench)
{
	struct sipsec_sa *sa;

	rcu_read_lock();
	sa = sipsec_group_take_out(&bench->group, OCTETS);
	rcu_read_unlock();
	return sa;
}

static u64 late(struct bench *bench)
{
	return sipsec_stats_sum(bench->app.stats, SIPSEC_A_STATS_OUT_LATE);
}

/* The last packet of a round moves to the next one, and says so to the work item. */
static void group_rotates(struct kunit *test)
{
	struct bench *bench = test->priv;
	int i;

	add_ready(bench);
	for (i = 0; i < ROTATE; i++)
		KUNIT_EXPECT_PTR_EQ(test, take(bench), &bench->sa[0]);
	KUNIT_EXPECT_PTR_EQ(test, take(bench), &bench->sa[1]);
	flush_delayed_work(&bench->group.work);
	KUNIT_EXPECT_EQ(test, atomic_read(&bench->kicks), 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&bench->sa[0].sent), ROTATE);
	KUNIT_EXPECT_EQ(test, atomic_read(&bench->sa[1].sent), 1);
	KUNIT_EXPECT_TRUE(test, list_is_singular(&bench->group.retired));
	KUNIT_EXPECT_EQ(test, late(bench), 0);
}

static void make_long(struct bench *bench)
{
	bench->group.half = ROTATE / 2;
	bench->group.out_window.ahead = 1;
	bench->group.out_window.lazy = true;
}

static int kicks(struct bench *bench)
{
	flush_delayed_work(&bench->group.work);
	return atomic_read(&bench->kicks);
}

/* The packet in the middle of a long round asks for the next one, and nobody is late. */
static void group_asks(struct kunit *test)
{
	struct bench *bench = test->priv;
	int i;

	make_long(bench);
	bench->works = true;
	for (i = 1; i <= ROTATE; i++) {
		KUNIT_EXPECT_PTR_EQ(test, take(bench), &bench->sa[0]);
		KUNIT_EXPECT_EQ(test, kicks(bench), (i >= ROTATE / 2) + (i == ROTATE));
	}
	KUNIT_EXPECT_PTR_EQ(test, take(bench), &bench->sa[1]);
	KUNIT_EXPECT_FALSE(test, bench->group.out_window.asked);
	KUNIT_EXPECT_EQ(test, late(bench), 0);
}

/* It had no time to: whoever finds no next round asks then. */
static void group_asks_late(struct kunit *test)
{
	struct bench *bench = test->priv;

	make_long(bench);
	atomic_set(&bench->sa[0].sent, ROTATE - 1);
	KUNIT_EXPECT_PTR_EQ(test, take(bench), &bench->sa[0]);
	KUNIT_EXPECT_EQ(test, kicks(bench), 1);
	KUNIT_EXPECT_PTR_EQ(test, take(bench), &bench->sa[0]);
	KUNIT_EXPECT_EQ(test, kicks(bench), 1);
	KUNIT_EXPECT_EQ(test, late(bench), 1);
	add_ready(bench);
	KUNIT_EXPECT_PTR_EQ(test, take(bench), &bench->sa[1]);
}

/* By request, a long round ends at any time; the next one is made then, if that works. */
static void group_rotates_by_request(struct kunit *test)
{
	struct bench *bench = test->priv;

	KUNIT_EXPECT_EQ(test, sipsec_group_rotate(&bench->group), -EBUSY);
	KUNIT_EXPECT_EQ(test, kicks(bench), 0);
	make_long(bench);
	KUNIT_EXPECT_EQ(test, sipsec_group_rotate(&bench->group), -EBUSY);
	KUNIT_EXPECT_EQ(test, kicks(bench), 1);
	bench->works = true;
	schedule_delayed_work(&bench->group.work, 0);
	KUNIT_EXPECT_EQ(test, sipsec_group_rotate(&bench->group), 0);
	KUNIT_EXPECT_PTR_EQ(test, take(bench), &bench->sa[1]);
}

/* Whoever comes too late for the round, with the next one there: a burst on two processors. */
static void group_overtaken(struct kunit *test)
{
	struct bench *bench = test->priv;

	add_ready(bench);
	atomic_set(&bench->sa[0].sent, ROTATE);
	KUNIT_EXPECT_PTR_EQ(test, take(bench), &bench->sa[1]);
	KUNIT_EXPECT_EQ(test, atomic_read(&bench->sa[0].sent), ROTATE);
	KUNIT_EXPECT_EQ(test, late(bench), 0);
}

/* No next round: the current one goes on, up to the limit, and there the packets end. */
static void group_late(struct kunit *test)
{
	struct bench *bench = test->priv;
	int i;

	for (i = 0; i < ROTATE + 3; i++)
		KUNIT_EXPECT_PTR_EQ(test, take(bench), &bench->sa[0]);
	KUNIT_EXPECT_EQ(test, late(bench), 3);
	KUNIT_EXPECT_EQ(test, atomic_read(&bench->sa[0].late), 3);
	KUNIT_EXPECT_EQ(test, sipsec_sa_packets(&bench->sa[0]), ROTATE + 3);
	atomic_set(&bench->sa[0].sent, LIMIT - 2);
	KUNIT_EXPECT_PTR_EQ(test, take(bench), &bench->sa[0]);
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(take(bench)), -ENOBUFS);
	KUNIT_EXPECT_EQ(test, (u32)atomic_read(&bench->sa[0].sent), LIMIT - 1);

	/* Also there a round that comes after all is taken. */
	add_ready(bench);
	KUNIT_EXPECT_PTR_EQ(test, take(bench), &bench->sa[1]);
}

/* The longest round of a suite: what its key may protect is not passed. */
static void group_limit_of_suite(struct kunit *test)
{
	struct bench *bench = test->priv;
	const u32 most = 1U << 28;

	bench->group.rotate = most;
	bench->group.limit = sipsec_round_limit(most, most);
	atomic_set(&bench->sa[0].sent, most - 1);
	KUNIT_EXPECT_PTR_EQ(test, take(bench), &bench->sa[0]);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(take(bench)), -ENOBUFS);
	KUNIT_EXPECT_EQ(test, (u32)atomic_read(&bench->sa[0].sent), most);
	KUNIT_EXPECT_EQ(test, late(bench), 0);
	add_ready(bench);
	KUNIT_EXPECT_PTR_EQ(test, take(bench), &bench->sa[1]);
}

/* Octets end a round, and there is no next one. */
static void group_late_octets(struct kunit *test)
{
	struct bench *bench = test->priv;
	int i;

	bench->group.thresholds.octets = 3 * OCTETS;
	bench->group.thresholds_set = true;
	for (i = 0; i < 3; i++)
		KUNIT_EXPECT_PTR_EQ(test, take(bench), &bench->sa[0]);
	KUNIT_EXPECT_EQ(test, late(bench), 0);
	for (i = 3; i < ROTATE + 2; i++)
		KUNIT_EXPECT_PTR_EQ(test, take(bench), &bench->sa[0]);
	KUNIT_EXPECT_EQ(test, late(bench), ROTATE - 1);
	KUNIT_EXPECT_EQ(test, atomic_read(&bench->sa[0].late), ROTATE - 1);
	KUNIT_EXPECT_EQ(test, sipsec_sa_packets(&bench->sa[0]), ROTATE + 2);
	add_ready(bench);
	KUNIT_EXPECT_PTR_EQ(test, take(bench), &bench->sa[1]);
	KUNIT_EXPECT_EQ(test, late(bench), ROTATE - 1);
}

/* A packet has taken the SA, and before it gets a reference the round is over and retired. */
static void group_retired_under_packet(struct kunit *test)
{
	struct bench *bench = test->priv;
	struct sipsec_sa *sa;

	refcount_set(&bench->sa[0].ref, 2);
	rcu_read_lock();
	sa = sipsec_group_take_out(&bench->group, OCTETS);
	sipsec_sa_retire(sa);
	KUNIT_EXPECT_EQ(test, refcount_read(&sa->ref), 2);
	rcu_read_unlock();
	rcu_barrier();
	KUNIT_EXPECT_EQ(test, refcount_read(&sa->ref), 1);
}

static void group_ended(struct kunit *test)
{
	struct bench *bench = test->priv;

	bench->group.dead = true;
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(take(bench)), -EPERM);
	KUNIT_EXPECT_EQ(test, sipsec_group_rotate(&bench->group), -EBUSY);
	bench->group.dead = false;
	RCU_INIT_POINTER(bench->group.out, NULL);
	KUNIT_EXPECT_EQ(test, PTR_ERR_OR_ZERO(take(bench)), -EPERM);
}

static struct kunit_case group_cases[] = {
	KUNIT_CASE(group_rotates),
	KUNIT_CASE(group_asks),
	KUNIT_CASE(group_asks_late),
	KUNIT_CASE(group_rotates_by_request),
	KUNIT_CASE(group_overtaken),
	KUNIT_CASE(group_late),
	KUNIT_CASE(group_late_octets),
	KUNIT_CASE(group_limit_of_suite),
	KUNIT_CASE(group_retired_under_packet),
	KUNIT_CASE(group_ended),
	{}
};

static struct kunit_suite group_suite = {
	.name = "sipsec_group",
	.init = bench_init,
	.exit = bench_exit,
	.test_cases = group_cases,
};

kunit_test_suite(group_suite);
