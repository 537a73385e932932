// SPDX-License-Identifier: GPL-2.0
/* Rounds: the limits as tables, the promises of protocol.rst as walks through many rounds. */
#include <kunit/test.h>

#include <uapi/linux/sipsec.h>

#include "round.h"

static const struct verdict_case {
	const char *desc;
	u32 nth;
	u32 rotate;
	enum sipsec_round_verdict verdict;
} verdict_table[] = {
	{ "first", 1, SIPSEC_ROTATE_MIN, SIPSEC_ROUND_USE },
	{ "last but one", SIPSEC_ROTATE_MIN - 1, SIPSEC_ROTATE_MIN, SIPSEC_ROUND_USE },
	{ "last", SIPSEC_ROTATE_MIN, SIPSEC_ROTATE_MIN, SIPSEC_ROUND_LAST },
	{ "one past it", SIPSEC_ROTATE_MIN + 1, SIPSEC_ROTATE_MIN, SIPSEC_ROUND_OVER },
	{ "below the limit", SIPSEC_ROUND_LIMIT - 1, SIPSEC_ROTATE_MIN, SIPSEC_ROUND_OVER },
	{ "limit", SIPSEC_ROUND_LIMIT, SIPSEC_ROTATE_MIN, SIPSEC_ROUND_STOP },
	{ "past the limit", U32_MAX, SIPSEC_ROTATE_MIN, SIPSEC_ROUND_STOP },
	{ "longest round, last", SIPSEC_ROTATE_MAX, SIPSEC_ROTATE_MAX, SIPSEC_ROUND_LAST },
	{ "longest round, limit", SIPSEC_ROUND_LIMIT, SIPSEC_ROTATE_MAX, SIPSEC_ROUND_STOP },
	{ "default, last", SIPSEC_ROTATE_DEFAULT, SIPSEC_ROTATE_DEFAULT, SIPSEC_ROUND_LAST },
};

KUNIT_ARRAY_PARAM_DESC(verdict, verdict_table, desc);

static void round_verdict(struct kunit *test)
{
	const struct verdict_case *c = test->param_value;

	KUNIT_EXPECT_EQ(test, sipsec_round_verdict(c->nth, c->rotate), c->verdict);
}

/* A round has exactly as many packets as was agreed, and one of them is its last. */
static void round_exact(struct kunit *test)
{
	unsigned int used, last;
	u32 rotate, nth;

	for (rotate = SIPSEC_ROTATE_MIN; rotate < 300; rotate++) {
		used = 0;
		last = 0;
		for (nth = 1; nth < 2 * rotate; nth++) {
			switch (sipsec_round_verdict(nth, rotate)) {
			case SIPSEC_ROUND_LAST:
				last++;
				fallthrough;
			case SIPSEC_ROUND_USE:
				used++;
				KUNIT_EXPECT_LE(test, nth, rotate);
				break;
			default:
				KUNIT_EXPECT_GT(test, nth, rotate);
			}
		}
		KUNIT_EXPECT_EQ(test, used, rotate);
		KUNIT_EXPECT_EQ(test, last, 1);
	}
}

static const struct spi_case {
	const char *desc;
	u32 block;
	u64 round;
	u32 spi;
} spi_table[] = {
	{ "first", 0x5d1c2a00, 0, 0x5d1c2a00 },
	{ "second", 0x5d1c2a00, 1, 0x5d1c2a01 },
	{ "end of the block", 0x5d1c2a00, 255, 0x5d1c2aff },
	{ "wraps", 0x5d1c2a00, 256, 0x5d1c2a00 },
	{ "wraps again", 0x5d1c2a00, 1000, 0x5d1c2ae8 },
	{ "lowest block", 0x100, 3, 0x103 },
	{ "highest block", 0xffffff00, 511, 0xffffffff },
	{ "round over 32 bits", 0x5d1c2a00, (1ULL << 32) + 7, 0x5d1c2a07 },
	{ "last round", 0x5d1c2a00, U64_MAX, 0x5d1c2aff },
};

KUNIT_ARRAY_PARAM_DESC(spi, spi_table, desc);

static void round_spi(struct kunit *test)
{
	const struct spi_case *c = test->param_value;

	KUNIT_EXPECT_EQ(test, sipsec_round_spi(c->block, c->round), c->spi);
}

static const struct grace_case {
	const char *desc;
	u32 rotate;
	u32 replay;
	unsigned int grace;
} grace_table[] = {
	{ "long rounds", SIPSEC_ROTATE_DEFAULT, SIPSEC_WINDOW_DEFAULT, 2 },
	{ "longest rounds", SIPSEC_ROTATE_MAX, SIPSEC_WINDOW_MAX, 2 },
	{ "a window of one round", 1024, 1024, 2 },
	{ "a window of a round and a packet", 1024, 1025, 3 },
	{ "a window of ten rounds", 100, 1000, 11 },
	{ "shortest rounds", SIPSEC_ROTATE_MIN, SIPSEC_WINDOW_MAX, SIPSEC_ROUND_GRACE_MAX },
};

KUNIT_ARRAY_PARAM_DESC(grace, grace_table, desc);

static void round_grace(struct kunit *test)
{
	const struct grace_case *c = test->param_value;

	KUNIT_EXPECT_EQ(test, sipsec_round_grace(c->rotate, c->replay), c->grace);
}

static void round_grace_covers_window(struct kunit *test)
{
	unsigned int grace;
	u32 rotate, replay;

	for (rotate = SIPSEC_ROTATE_MIN; rotate <= 8192; rotate++) {
		for (replay = SIPSEC_WINDOW_MIN; replay <= SIPSEC_WINDOW_MAX; replay *= 2) {
			grace = sipsec_round_grace(rotate, replay);
			if (grace * rotate < replay)
				KUNIT_EXPECT_EQ(test, grace, SIPSEC_ROUND_GRACE_MAX);
			if (grace > SIPSEC_ROUND_GRACE_MAX)
				KUNIT_FAIL(test, "rotate %u replay %u: grace %u", rotate, replay,
					   grace);
		}
	}
}

static const struct ahead_case {
	const char *desc;
	u32 rotate;
	unsigned int ahead;
	unsigned int lookahead;
} ahead_table[] = {
	{ "shortest rounds", SIPSEC_ROTATE_MIN, SIPSEC_ROUND_AHEAD_MAX, SIPSEC_ROUND_AHEAD_MAX },
	{ "short rounds", SIPSEC_ROUND_AHEAD_PACKETS / 5, 5, 5 },
	{ "a third of the packets", SIPSEC_ROUND_AHEAD_PACKETS / 3, 3, 3 },
	{ "over a third", SIPSEC_ROUND_AHEAD_PACKETS / 3 + 1, 2, 2 },
	{ "over half", SIPSEC_ROUND_AHEAD_PACKETS / 2 + 1, 1, SIPSEC_ROUND_LOOKAHEAD_MIN },
	{ "all of them", SIPSEC_ROUND_AHEAD_PACKETS, 1, SIPSEC_ROUND_LOOKAHEAD_MIN },
	{ "long rounds", SIPSEC_ROTATE_DEFAULT, 1, SIPSEC_ROUND_LOOKAHEAD_MIN },
	{ "longest rounds", SIPSEC_ROTATE_MAX, 1, SIPSEC_ROUND_LOOKAHEAD_MIN },
};

KUNIT_ARRAY_PARAM_DESC(ahead, ahead_table, desc);

static void round_ahead(struct kunit *test)
{
	const struct ahead_case *c = test->param_value;

	KUNIT_EXPECT_EQ(test, sipsec_round_ahead(c->rotate), c->ahead);
	KUNIT_EXPECT_EQ(test, sipsec_round_lookahead(c->rotate), c->lookahead);
}

static const struct window_case {
	const char *desc;
	struct sipsec_round_window w;
	bool install;
	bool retire;
	bool retire_after_grace;
} window_table[] = {
	{ "nothing yet", { 0, 0, 0, 2, 2 }, true, false, false },
	{ "first round only", { 0, 0, 1, 2, 2 }, true, false, false },
	{ "one ahead", { 0, 0, 2, 2, 2 }, true, false, false },
	{ "lookahead there", { 0, 0, 3, 2, 2 }, false, false, false },
	{ "moved on by one", { 0, 1, 3, 2, 2 }, true, false, true },
	{ "as many behind as the grace", { 0, 2, 5, 2, 2 }, false, false, true },
	{ "more behind than the grace", { 0, 3, 6, 2, 2 }, false, true, true },
	{ "jumped to the last one there", { 0, 2, 3, 2, 2 }, true, false, true },
	{ "only the current one behind", { 7, 7, 10, 2, 2 }, false, false, false },
	{ "over 32 bits", { 1ULL << 32, (1ULL << 32) + 3, (1ULL << 32) + 6, 2, 2 },
	  false, true, true },
};

KUNIT_ARRAY_PARAM_DESC(window, window_table, desc);

static void round_window(struct kunit *test)
{
	const struct window_case *c = test->param_value;

	KUNIT_EXPECT_EQ(test, sipsec_round_want_install(&c->w), c->install);
	KUNIT_EXPECT_EQ(test, sipsec_round_want_retire(&c->w, false), c->retire);
	KUNIT_EXPECT_EQ(test, sipsec_round_want_retire(&c->w, true), c->retire_after_grace);
}

/* What the work item does when an authenticated packet has moved the current round. */
static void move(struct kunit *test, struct sipsec_round_window *w, u64 to, bool grace_over)
{
	w->current_round = to;
	while (sipsec_round_want_install(w))
		w->end++;
	/* So many slots has a group, and all rounds in them have different low octets. */
	KUNIT_EXPECT_LE(test, w->end - w->first, w->grace + 2 * w->lookahead + 1);
	KUNIT_EXPECT_LT(test, w->end - w->first, 128);
	while (sipsec_round_want_retire(w, grace_over))
		w->first++;
	KUNIT_EXPECT_LE(test, w->first, w->current_round);
	KUNIT_EXPECT_LE(test, w->current_round - w->first, w->grace);
	KUNIT_EXPECT_EQ(test, w->end, w->current_round + w->lookahead + 1);
}

/* The peer moves by every step it can make, past the wrap of the SPI. */
static void walk(struct kunit *test, unsigned int grace, unsigned int lookahead)
{
	struct sipsec_round_window w;
	unsigned int step;

	for (step = 1; step <= lookahead; step++) {
		w = (struct sipsec_round_window){ .grace = grace, .lookahead = lookahead };
		move(test, &w, 0, false);
		while (w.current_round < 600) {
			/* Only a round that is installed can authenticate a packet. */
			KUNIT_ASSERT_LT(test, w.current_round + step, w.end);
			move(test, &w, w.current_round + step, false);
			if (w.current_round > grace)
				KUNIT_EXPECT_EQ(test, w.current_round - w.first, grace);
		}
		move(test, &w, w.current_round, true);
		KUNIT_EXPECT_EQ(test, w.first, w.current_round);
	}
}

static void round_walk(struct kunit *test)
{
	u32 rotate, replay;

	for (rotate = SIPSEC_ROTATE_MIN; rotate <= 2 * SIPSEC_ROUND_AHEAD_PACKETS; rotate *= 2)
		for (replay = SIPSEC_WINDOW_MIN; replay <= SIPSEC_WINDOW_MAX; replay *= 2)
			walk(test, sipsec_round_grace(rotate, replay),
			     sipsec_round_lookahead(rotate));
}

static struct kunit_case round_cases[] = {
	KUNIT_CASE_PARAM(round_verdict, verdict_gen_params),
	KUNIT_CASE(round_exact),
	KUNIT_CASE_PARAM(round_spi, spi_gen_params),
	KUNIT_CASE_PARAM(round_grace, grace_gen_params),
	KUNIT_CASE(round_grace_covers_window),
	KUNIT_CASE_PARAM(round_ahead, ahead_gen_params),
	KUNIT_CASE_PARAM(round_window, window_gen_params),
	KUNIT_CASE(round_walk),
	{}
};

static struct kunit_suite round_suite = {
	.name = "sipsec_round",
	.test_cases = round_cases,
};

kunit_test_suite(round_suite);
