/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* One cmocka test per row of a table, named by its text. */
#ifndef SIPSEC_TESTS_TABLE_H
#define SIPSEC_TESTS_TABLE_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <cmocka.h>

#define ROWS(table)	(sizeof(table) / sizeof((table)[0]))
#define TESTS_MAX	256

struct tests {
	struct CMUnitTest test[TESTS_MAX];
	size_t n;
};

static inline void add_test(struct tests *tests, const char *name, CMUnitTestFunction function,
			    const void *row)
{
	if (tests->n == TESTS_MAX)
		abort();
	tests->test[tests->n++] = (struct CMUnitTest){
		.name = name, .test_func = function, .initial_state = (void *)row,
	};
}

static inline int run_table(const char *group, struct tests *tests)
{
	return _cmocka_run_group_tests(group, tests->test, tests->n, NULL, NULL);
}

#define ADD_TABLE(tests, function, table) do { \
	for (size_t i_ = 0; i_ < ROWS(table); i_++) \
		add_test(tests, (table)[i_].name, function, &(table)[i_]); \
} while (0)

#endif
