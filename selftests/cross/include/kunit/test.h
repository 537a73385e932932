/* SPDX-License-Identifier: GPL-2.0 */
/*
 * KUnit for kernels that were built without it, as all of Debian's are: as much of it as our tests
 * use. Each suite is a parameter of the module: who writes to it runs the suite, and finds the
 * results in the kernel log: "kunit: ok SUITE.CASE PARAMETER", or "not ok" after the reasons.
 */
#ifndef SIPSEC_SELFTESTS_KUNIT_TEST_H
#define SIPSEC_SELFTESTS_KUNIT_TEST_H

#include <linux/completion.h>
#include <linux/err.h>
#include <linux/kernel.h>
#include <linux/kthread.h>
#include <linux/list.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>

#define KUNIT_PARAM_DESC_SIZE	128

struct kunit_suite;

struct kunit {
	const void *param_value;
	void *priv;

	/* private: */
	const struct kunit_suite *suite;
	const struct kunit_case *test_case;
	struct list_head actions;
	struct completion done;
	bool failed;
};

struct kunit_case {
	void (*run_case)(struct kunit *test);
	const char *name;
	const void *(*generate_params)(const void *prev, char *desc);
};

struct kunit_suite {
	const char name[64];
	int (*init)(struct kunit *test);
	void (*exit)(struct kunit *test);
	struct kunit_case *test_cases;
};

typedef void (*kunit_action_t)(void *);

struct kunit_action_ {
	struct list_head list;
	kunit_action_t run;
	void *data;
};

static inline int kunit_add_action_or_reset(struct kunit *test, kunit_action_t run, void *data)
{
	struct kunit_action_ *action = kmalloc(sizeof(*action), GFP_KERNEL);

	if (!action) {
		run(data);
		return -ENOMEM;
	}
	action->run = run;
	action->data = data;
	list_add(&action->list, &test->actions);
	return 0;
}

/* The case has a thread of its own, which a failed assertion ends. */
static int kunit_thread_(void *data)
{
	struct kunit *test = data;

	if (test->suite->init && test->suite->init(test))
		test->failed = true;
	else
		test->test_case->run_case(test);
	kthread_complete_and_exit(&test->done, 0);
}

static inline void kunit_run_(struct kunit *test, const char *desc)
{
	struct kunit_action_ *action, *tmp;
	struct task_struct *thread;

	test->failed = false;
	INIT_LIST_HEAD(&test->actions);
	init_completion(&test->done);
	thread = kthread_run(kunit_thread_, test, "kunit");
	if (IS_ERR(thread))
		test->failed = true;
	else
		wait_for_completion(&test->done);
	if (test->suite->exit)
		test->suite->exit(test);
	list_for_each_entry_safe(action, tmp, &test->actions, list) {
		action->run(action->data);
		kfree(action);
	}
	pr_info("kunit: %s %s.%s %s\n", test->failed ? "not ok" : "ok", test->suite->name,
		test->test_case->name, desc);
}

static inline int kunit_suite_run_(const char *value, const struct kernel_param *kp)
{
	struct kunit test = { .suite = kp->arg };
	char desc[KUNIT_PARAM_DESC_SIZE] = "";
	const struct kunit_case *c;

	for (c = test.suite->test_cases; c->run_case; c++) {
		test.test_case = c;
		test.param_value = NULL;
		if (!c->generate_params) {
			kunit_run_(&test, "");
			continue;
		}
		while ((test.param_value = c->generate_params(test.param_value, desc)))
			kunit_run_(&test, desc);
	}
	return 0;
}

#define kunit_test_suite(suite_) \
	static const struct kernel_param_ops suite_##_ops = { .set = kunit_suite_run_ }; \
	module_param_cb(run_##suite_, &suite_##_ops, &suite_, 0200)

#define KUNIT_CASE(function)	{ .run_case = function, .name = #function }
#define KUNIT_CASE_PARAM(function, generator) \
	{ .run_case = function, .name = #function, .generate_params = generator }

#define KUNIT_ARRAY_PARAM(name_, array_, describe_) \
	static const void *name_##_gen_params(const void *prev, char *desc) \
	{ \
		const typeof((array_)[0]) * first = array_, *row = prev; \
		row = row ? row + 1 : first; \
		if (row == first + sizeof(array_) / sizeof(*first)) \
			return NULL; \
		describe_(row, desc); \
		return row; \
	}

#define KUNIT_ARRAY_PARAM_DESC(name_, array_, member_) \
	static void name_##_describe(const typeof((array_)[0]) * row, char *desc) \
	{ \
		strscpy(desc, row->member_, KUNIT_PARAM_DESC_SIZE); \
	} \
	KUNIT_ARRAY_PARAM(name_, array_, name_##_describe)

#define KUNIT_FAIL(test_, fmt_, ...) do { \
	(test_)->failed = true; \
	pr_info("kunit: %s:%d: " fmt_ "\n", __FILE__, __LINE__, ##__VA_ARGS__); \
} while (0)

static inline void kunit_stop_(struct kunit *test, bool stop)
{
	if (stop)
		kthread_complete_and_exit(&test->done, 0);
}

#define KUNIT_COMPARE_(test_, stop_, left_, op_, right_) do { \
	struct kunit *t_ = (test_); \
	typeof(left_) l_ = (left_); \
	typeof(right_) r_ = (right_); \
	if (!(l_ op_ r_)) { \
		KUNIT_FAIL(t_, "not " #left_ " " #op_ " " #right_ ": %lld, %lld", \
			   (long long)l_, (long long)r_); \
		kunit_stop_(t_, stop_); \
	} \
} while (0)

#define KUNIT_TRUE_(test_, stop_, what_) do { \
	struct kunit *t_ = (test_); \
	if (!(what_)) { \
		KUNIT_FAIL(t_, "not %s", #what_); \
		kunit_stop_(t_, stop_); \
	} \
} while (0)

#define KUNIT_EXPECT_EQ(test, l, r)		KUNIT_COMPARE_(test, false, l, ==, r)
#define KUNIT_EXPECT_NE(test, l, r)		KUNIT_COMPARE_(test, false, l, !=, r)
#define KUNIT_EXPECT_LT(test, l, r)		KUNIT_COMPARE_(test, false, l, <, r)
#define KUNIT_EXPECT_LE(test, l, r)		KUNIT_COMPARE_(test, false, l, <=, r)
#define KUNIT_EXPECT_GT(test, l, r)		KUNIT_COMPARE_(test, false, l, >, r)
#define KUNIT_EXPECT_GE(test, l, r)		KUNIT_COMPARE_(test, false, l, >=, r)
#define KUNIT_EXPECT_TRUE(test, what)		KUNIT_TRUE_(test, false, what)
#define KUNIT_EXPECT_FALSE(test, what)		KUNIT_TRUE_(test, false, !(what))
#define KUNIT_EXPECT_NULL(test, p)		KUNIT_TRUE_(test, false, !(p))
#define KUNIT_EXPECT_NOT_NULL(test, p)		KUNIT_TRUE_(test, false, p)
#define KUNIT_EXPECT_PTR_EQ(test, l, r)		KUNIT_TRUE_(test, false, (l) == (r))
#define KUNIT_EXPECT_STREQ(test, l, r)		KUNIT_TRUE_(test, false, !strcmp(l, r))
#define KUNIT_EXPECT_MEMEQ(test, l, r, len)	KUNIT_TRUE_(test, false, !memcmp(l, r, len))
#define KUNIT_EXPECT_MEMNEQ(test, l, r, len)	KUNIT_TRUE_(test, false, memcmp(l, r, len))

#define KUNIT_ASSERT_EQ(test, l, r)		KUNIT_COMPARE_(test, true, l, ==, r)
#define KUNIT_ASSERT_LT(test, l, r)		KUNIT_COMPARE_(test, true, l, <, r)
#define KUNIT_ASSERT_LE(test, l, r)		KUNIT_COMPARE_(test, true, l, <=, r)
#define KUNIT_ASSERT_TRUE(test, what)		KUNIT_TRUE_(test, true, what)
#define KUNIT_ASSERT_NOT_NULL(test, p)		KUNIT_TRUE_(test, true, p)
#define KUNIT_ASSERT_NOT_ERR_OR_NULL(test, p)	KUNIT_TRUE_(test, true, !IS_ERR_OR_NULL(p))

#endif
