// SPDX-License-Identifier: GPL-2.0
/* Rounds: the limits as tables, the promises of protocol.rst as walks through many rounds. */
#include <kunit/test.h>
#include <linux/bits.h>

#include <uapi/linux/sipsec.h>

#include "round.h"

#define MOST_GCM	BIT(28)

static const struct verdict_case {
	const char *desc;
	u32 nth;
	u32 rotate;
	u32 most;
	enum sipsec_round_verdict verdict;
} verdict_table[] = {
	{ "first", 1, SIPSEC_ROTATE_MIN, SIPSEC_ROTATE_MAX, SIPSEC_ROUND_USE },
	{ "last but one", SIPSEC_ROTATE_MIN - 1, SIPSEC_ROTATE_MIN, SIPSEC_ROTATE_MAX,
	  SIPSEC_ROUND_USE },
	{ "last", SIPSEC_ROTATE_MIN, SIPSEC_ROTATE_MIN, SIPSEC_ROTATE_MAX, SIPSEC_ROUND_LAST },
	{ "one past it", SIPSEC_ROTATE_MIN + 1, SIPSEC_ROTATE_MIN, SIPSEC_ROTATE_MAX,
	  SIPSEC_ROUND_OVER },
	{ "late by the rounds ahead", SIPSEC_ROTATE_MIN + SIPSEC_ROUND_AHEAD_PACKETS,
	  SIPSEC_ROTATE_MIN, SIPSEC_ROTATE_MAX, SIPSEC_ROUND_OVER },
	{ "limit", SIPSEC_ROTATE_MIN + SIPSEC_ROUND_AHEAD_PACKETS + 1, SIPSEC_ROTATE_MIN,
	  SIPSEC_ROTATE_MAX, SIPSEC_ROUND_STOP },
	{ "default, last", SIPSEC_ROTATE_DEFAULT, SIPSEC_ROTATE_DEFAULT, SIPSEC_ROTATE_MAX,
	  SIPSEC_ROUND_LAST },
	{ "late by a round", 2 * SIPSEC_ROTATE_DEFAULT, SIPSEC_ROTATE_DEFAULT, SIPSEC_ROTATE_MAX,
	  SIPSEC_ROUND_OVER },
	{ "limit of the default", 2 * SIPSEC_ROTATE_DEFAULT + 1, SIPSEC_ROTATE_DEFAULT,
	  SIPSEC_ROTATE_MAX, SIPSEC_ROUND_STOP },
	{ "past the limit", U32_MAX, SIPSEC_ROTATE_MIN, SIPSEC_ROTATE_MAX, SIPSEC_ROUND_STOP },
	{ "longest round, last", SIPSEC_ROTATE_MAX, SIPSEC_ROTATE_MAX, SIPSEC_ROTATE_MAX,
	  SIPSEC_ROUND_LAST },
	{ "longest round, limit", SIPSEC_ROTATE_MAX + 1, SIPSEC_ROTATE_MAX, SIPSEC_ROTATE_MAX,
	  SIPSEC_ROUND_STOP },
	{ "AES-GCM, longest round, last", MOST_GCM, MOST_GCM, MOST_GCM, SIPSEC_ROUND_LAST },
	{ "AES-GCM, longest round, limit", MOST_GCM + 1, MOST_GCM, MOST_GCM, SIPSEC_ROUND_STOP },
	{ "AES-GCM, long round, all a key may protect", MOST_GCM, MOST_GCM - 5, MOST_GCM,
	  SIPSEC_ROUND_OVER },
	{ "AES-GCM, long round, one more", MOST_GCM + 1, MOST_GCM - 5, MOST_GCM,
	  SIPSEC_ROUND_STOP },
};

KUNIT_ARRAY_PARAM_DESC(verdict, verdict_table, desc);

static enum sipsec_round_verdict verdict(u32 nth, u32 rotate, u32 most)
{
	return sipsec_round_verdict(nth, rotate, sipsec_round_limit(rotate, most));
}

static void round_verdict(struct kunit *test)
{
	const struct verdict_case *c = test->param_value;

	KUNIT_EXPECT_EQ(test, verdict(c->nth, c->rotate, c->most), c->verdict);
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
			switch (verdict(nth, rotate, SIPSEC_ROTATE_MAX)) {
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
	u32 half;
} ahead_table[] = {
	{ "shortest rounds", SIPSEC_ROTATE_MIN, SIPSEC_LOOKAHEAD_MAX, SIPSEC_LOOKAHEAD_MAX },
	{ "short rounds", SIPSEC_ROUND_AHEAD_PACKETS / 5, 5, 5 },
	{ "a third of the packets", SIPSEC_ROUND_AHEAD_PACKETS / 3, 3, 3 },
	{ "over a third", SIPSEC_ROUND_AHEAD_PACKETS / 3 + 1, 2, 2 },
	{ "over half", SIPSEC_ROUND_AHEAD_PACKETS / 2 + 1, 1, SIPSEC_ROUND_LOOKAHEAD_MIN },
	{ "all of them", SIPSEC_ROUND_AHEAD_PACKETS, 1, SIPSEC_ROUND_LOOKAHEAD_MIN },
	{ "all but one twice", SIPSEC_ROUND_LONG - 1, 1, SIPSEC_ROUND_LOOKAHEAD_MIN },
	{ "all of them twice", SIPSEC_ROUND_LONG, 1, SIPSEC_ROUND_LOOKAHEAD_MIN,
	  SIPSEC_ROUND_AHEAD_PACKETS },
	{ "an odd number", SIPSEC_ROUND_LONG + 1, 1, SIPSEC_ROUND_LOOKAHEAD_MIN,
	  SIPSEC_ROUND_AHEAD_PACKETS },
	{ "long rounds", SIPSEC_ROTATE_DEFAULT, 1, SIPSEC_ROUND_LOOKAHEAD_MIN,
	  SIPSEC_ROTATE_DEFAULT / 2 },
	{ "longest rounds", SIPSEC_ROTATE_MAX, 1, SIPSEC_ROUND_LOOKAHEAD_MIN,
	  SIPSEC_ROTATE_MAX / 2 },
};

KUNIT_ARRAY_PARAM_DESC(ahead, ahead_table, desc);

static void round_ahead(struct kunit *test)
{
	const struct ahead_case *c = test->param_value;

	KUNIT_EXPECT_EQ(test, sipsec_round_ahead(c->rotate), c->ahead);
	KUNIT_EXPECT_EQ(test, sipsec_round_lookahead(c->rotate), c->lookahead);
	KUNIT_EXPECT_EQ(test, sipsec_round_half(c->rotate), c->half);
	if (c->half)
		KUNIT_EXPECT_GE(test, c->rotate - c->half, SIPSEC_ROUND_AHEAD_PACKETS);
}

static const struct threshold_case {
	const char *desc;
	struct sipsec_round_thresholds t;
	u64 octets;
	unsigned long began;
	unsigned long last;
	unsigned long now;
	bool full;
	bool stale;
} threshold_table[] = {
	{ "none", { 0, 0, 0 }, U64_MAX, 0, 0, LONG_MAX, false, false },
	{ "octets, below", { 1000, 0, 0 }, 999, 0, 0, LONG_MAX, false, false },
	{ "octets, there", { 1000, 0, 0 }, 1000, 0, 0, LONG_MAX, true, false },
	{ "octets, over", { 1000, 0, 0 }, 2000, 0, 0, 0, true, false },
	{ "octets, over 32 bits", { 1ULL << 32, 0, 0 }, (1ULL << 32) - 1, 0, 0, 0, false, false },
	{ "time, below", { 0, 100, 0 }, U64_MAX, 1000, 1099, 1099, false, false },
	{ "time, there", { 0, 100, 0 }, U64_MAX, 1000, 1100, 1100, false, true },
	{ "time, jiffies wrap", { 0, 100, 0 }, 0, -50UL, 0, 49, false, false },
	{ "time, jiffies have wrapped", { 0, 100, 0 }, 0, -50UL, 49, 50, false, true },
	{ "idle, below", { 0, 0, 100 }, 0, 0, 1000, 1099, false, false },
	{ "idle, there", { 0, 0, 100 }, 0, 0, 1000, 1100, false, true },
	{ "idle, jiffies wrap", { 0, 0, 100 }, 0, 0, -50UL, 50, false, true },
	{ "time, begun on a processor that is a tick ahead", { 0, 100, 0 }, 0, 1001, 1001, 1000,
	  false, false },
	{ "idle, sent by a processor that is a tick ahead", { 0, 0, 100 }, 0, 900, 1001, 1000,
	  false, false },
	{ "idle, that tick is the one that wraps", { 0, 0, 100 }, 0, -50UL, 0, -1UL, false, false },
	{ "not idle, but old", { 0, 500, 100 }, 0, 1000, 1499, 1500, false, true },
	{ "neither", { 0, 500, 100 }, 0, 1000, 1498, 1499, false, false },
};

KUNIT_ARRAY_PARAM_DESC(threshold, threshold_table, desc);

static void round_threshold(struct kunit *test)
{
	const struct threshold_case *c = test->param_value;

	KUNIT_EXPECT_EQ(test, sipsec_round_full(&c->t, c->octets), c->full);
	KUNIT_EXPECT_EQ(test, sipsec_round_stale(&c->t, c->began, c->last, c->now), c->stale);
}

static const struct out_case {
	const char *desc;
	struct sipsec_round_out o;
	bool want;
	bool advances;
} out_table[] = {
	{ "nothing yet", { 0, 0, 1 }, true, false },
	{ "first round only", { 0, 1, 1 }, true, false },
	{ "next one ready", { 0, 2, 1 }, false, true },
	{ "one of two ahead", { 7, 9, 2 }, true, true },
	{ "two of two ahead", { 7, 10, 2 }, false, true },
	{ "moved to the last one", { 8, 9, 1 }, true, false },
	{ "over 32 bits", { (1ULL << 32) - 1, (1ULL << 32) + 1, 1 }, false, true },
	{ "across 32 bits", { (1ULL << 32) - 1, 1ULL << 32, 1 }, true, false },
	{ "long, nothing yet", { 0, 0, 1, true, false }, true, false },
	{ "long, first round", { 0, 1, 1, true, false }, false, false },
	{ "long, next one is asked for", { 0, 1, 1, true, true }, true, false },
	{ "long, next one ready", { 0, 2, 1, true, true }, false, true },
};

KUNIT_ARRAY_PARAM_DESC(out, out_table, desc);

static void round_out(struct kunit *test)
{
	const struct out_case *c = test->param_value;
	struct sipsec_round_out o = c->o;

	KUNIT_EXPECT_EQ(test, sipsec_round_want_ready(&o), c->want);
	KUNIT_EXPECT_EQ(test, sipsec_round_advance(&o), c->advances);
	KUNIT_EXPECT_EQ(test, o.current_round, c->o.current_round + c->advances);
	KUNIT_EXPECT_EQ(test, o.end, c->o.end);
	KUNIT_EXPECT_EQ(test, o.asked, c->o.asked && !c->advances);
}

/* Of a long round, and of each one after it, one packet asks for the next. */
static void round_ask(struct kunit *test)
{
	struct sipsec_round_out o = { .end = 1, .ahead = 1, .lazy = true };
	struct sipsec_round_out of_short = { .end = 1, .ahead = 1 };
	int i;

	for (i = 0; i < 3; i++) {
		KUNIT_EXPECT_TRUE(test, sipsec_round_ask(&o));
		KUNIT_EXPECT_FALSE(test, sipsec_round_ask(&o));
		KUNIT_EXPECT_TRUE(test, sipsec_round_want_ready(&o));
		o.end++;
		KUNIT_EXPECT_FALSE(test, sipsec_round_want_ready(&o));
		KUNIT_EXPECT_TRUE(test, sipsec_round_advance(&o));
		KUNIT_EXPECT_FALSE(test, sipsec_round_want_ready(&o));
	}
	KUNIT_EXPECT_FALSE(test, sipsec_round_ask(&of_short));
}

#define WINDOW(first_, current_, end_, sought_, candidate_) { \
	.first = first_, .current_round = current_, .end = end_, .sought = sought_, \
	.candidate = candidate_, .lookahead = 2, .grace = 2 }
/* Nothing has come yet, and rounds are long. */
#define LAZY(end_, sought_, candidate_) { \
	.end = end_, .sought = sought_, .candidate = candidate_, .lookahead = 2, .grace = 2, \
	.lazy = true }
#define G32	BIT_ULL(32)

/* Without time running, with its grace over, and with its search over. */
static const struct next_case {
	const char *desc;
	struct sipsec_round_window w;
	enum sipsec_round_action now;
	enum sipsec_round_action grace;
	enum sipsec_round_action seek;
} next_table[] = {
	{ "nothing yet", WINDOW(0, 0, 0, 0, 0),
	  SIPSEC_ROUND_INSTALL, SIPSEC_ROUND_INSTALL, SIPSEC_ROUND_INSTALL },
	{ "one ahead", WINDOW(0, 0, 2, 0, 0),
	  SIPSEC_ROUND_INSTALL, SIPSEC_ROUND_INSTALL, SIPSEC_ROUND_INSTALL },
	{ "lookahead there", WINDOW(0, 0, 3, 0, 0),
	  SIPSEC_ROUND_NOTHING, SIPSEC_ROUND_NOTHING, SIPSEC_ROUND_NOTHING },
	{ "moved on by one", WINDOW(0, 1, 3, 0, 0),
	  SIPSEC_ROUND_INSTALL, SIPSEC_ROUND_INSTALL, SIPSEC_ROUND_INSTALL },
	{ "one behind", WINDOW(0, 1, 4, 0, 0),
	  SIPSEC_ROUND_NOTHING, SIPSEC_ROUND_RETIRE, SIPSEC_ROUND_NOTHING },
	{ "as many behind as the grace", WINDOW(0, 2, 5, 0, 0),
	  SIPSEC_ROUND_NOTHING, SIPSEC_ROUND_RETIRE, SIPSEC_ROUND_NOTHING },
	{ "more behind than the grace", WINDOW(0, 3, 6, 0, 0),
	  SIPSEC_ROUND_RETIRE, SIPSEC_ROUND_RETIRE, SIPSEC_ROUND_RETIRE },
	{ "jumped to the last one there", WINDOW(0, 2, 3, 0, 0),
	  SIPSEC_ROUND_INSTALL, SIPSEC_ROUND_INSTALL, SIPSEC_ROUND_INSTALL },
	{ "only the current one behind", WINDOW(7, 7, 10, 0, 0),
	  SIPSEC_ROUND_NOTHING, SIPSEC_ROUND_NOTHING, SIPSEC_ROUND_NOTHING },
	{ "one is sought", WINDOW(0, 0, 3, 20, 0),
	  SIPSEC_ROUND_TRY, SIPSEC_ROUND_TRY, SIPSEC_ROUND_GIVE_UP },
	{ "it is on trial", WINDOW(0, 0, 3, 20, 20),
	  SIPSEC_ROUND_NOTHING, SIPSEC_ROUND_NOTHING, SIPSEC_ROUND_GIVE_UP },
	{ "and on trial while others are behind", WINDOW(0, 3, 6, 20, 20),
	  SIPSEC_ROUND_RETIRE, SIPSEC_ROUND_RETIRE, SIPSEC_ROUND_GIVE_UP },
	{ "it is the current one", WINDOW(0, 20, 3, 20, 20),
	  SIPSEC_ROUND_CATCH_UP, SIPSEC_ROUND_CATCH_UP, SIPSEC_ROUND_CATCH_UP },
	{ "all before it are gone", WINDOW(20, 20, 20, 20, 20),
	  SIPSEC_ROUND_ADOPT, SIPSEC_ROUND_ADOPT, SIPSEC_ROUND_ADOPT },
	{ "the window has come to the one on trial", WINDOW(17, 18, 20, 20, 20),
	  SIPSEC_ROUND_ADOPT, SIPSEC_ROUND_ADOPT, SIPSEC_ROUND_ADOPT },
	{ "not yet", WINDOW(17, 17, 20, 20, 20),
	  SIPSEC_ROUND_NOTHING, SIPSEC_ROUND_NOTHING, SIPSEC_ROUND_GIVE_UP },
	{ "the one that is sought was installed", WINDOW(17, 18, 21, 20, 0),
	  SIPSEC_ROUND_GIVE_UP, SIPSEC_ROUND_GIVE_UP, SIPSEC_ROUND_GIVE_UP },
	{ "long rounds, nothing yet", LAZY(0, 0, 0),
	  SIPSEC_ROUND_INSTALL, SIPSEC_ROUND_INSTALL, SIPSEC_ROUND_INSTALL },
	{ "long rounds, none ahead", LAZY(1, 0, 0),
	  SIPSEC_ROUND_INSTALL, SIPSEC_ROUND_INSTALL, SIPSEC_ROUND_INSTALL },
	{ "long rounds, one ahead", LAZY(2, 0, 0),
	  SIPSEC_ROUND_NOTHING, SIPSEC_ROUND_NOTHING, SIPSEC_ROUND_NOTHING },
	{ "long rounds, the one after it is sought", LAZY(2, 2, 0),
	  SIPSEC_ROUND_TRY, SIPSEC_ROUND_TRY, SIPSEC_ROUND_GIVE_UP },
	{ "long rounds, it is on trial", LAZY(2, 2, 2),
	  SIPSEC_ROUND_NOTHING, SIPSEC_ROUND_NOTHING, SIPSEC_ROUND_GIVE_UP },
	{ "over 32 bits", WINDOW(G32, G32 + 3, G32 + 6, 0, 0),
	  SIPSEC_ROUND_RETIRE, SIPSEC_ROUND_RETIRE, SIPSEC_ROUND_RETIRE },
	{ "across 32 bits", WINDOW(G32 - 2, G32 + 1, G32 + 4, 0, 0),
	  SIPSEC_ROUND_RETIRE, SIPSEC_ROUND_RETIRE, SIPSEC_ROUND_RETIRE },
	{ "sought across 32 bits", WINDOW(G32 - 1, G32 - 1, G32 + 2, G32 + 9, 0),
	  SIPSEC_ROUND_TRY, SIPSEC_ROUND_TRY, SIPSEC_ROUND_GIVE_UP },
};

KUNIT_ARRAY_PARAM_DESC(next, next_table, desc);

static void round_next(struct kunit *test)
{
	const struct next_case *c = test->param_value;
	struct sipsec_round_clock none = {}, grace = { .grace_over = true };
	struct sipsec_round_clock seek = { .seek_over = true }, stalled = { .stalled = true };

	KUNIT_EXPECT_EQ(test, sipsec_round_next(&c->w, &none), c->now);
	KUNIT_EXPECT_EQ(test, sipsec_round_next(&c->w, &grace), c->grace);
	KUNIT_EXPECT_EQ(test, sipsec_round_next(&c->w, &seek), c->seek);
	/* What is stuck in installing sees to the rest. */
	if (c->now == SIPSEC_ROUND_INSTALL)
		KUNIT_EXPECT_EQ(test, sipsec_round_next(&c->w, &stalled), SIPSEC_ROUND_NOTHING);
	else
		KUNIT_EXPECT_EQ(test, sipsec_round_next(&c->w, &stalled), c->now);
}

/* All that the work item does when an authenticated packet has moved the current round. */
static void move(struct kunit *test, struct sipsec_round_window *w, u64 to, bool grace_over)
{
	struct sipsec_round_clock clock = { .grace_over = grace_over };
	enum sipsec_round_action action;

	sipsec_round_saw(w, to);
	while ((action = sipsec_round_next(w, &clock))) {
		sipsec_round_done(w, action, true);
		KUNIT_ASSERT_LE(test, w->end - w->first, sipsec_round_slots(w));
		/* All rounds there have different low octets. */
		KUNIT_ASSERT_LT(test, w->end - w->first, 128);
	}
	KUNIT_EXPECT_EQ(test, w->current_round, to);
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

/* The first packet that authenticates, of whatever round, has the whole lookahead installed. */
static void round_lazy(struct kunit *test)
{
	struct sipsec_round_window w;
	unsigned int first;

	for (first = 0; first < 2; first++) {
		w = (struct sipsec_round_window)LAZY(2, 0, 0);
		KUNIT_EXPECT_EQ(test, sipsec_round_saw(&w, first), first);
		move(test, &w, first, false);
	}
	w = (struct sipsec_round_window)LAZY(2, 2, 2);
	sipsec_round_saw(&w, 0);
	move(test, &w, 0, false);
}

static void round_walk(struct kunit *test)
{
	u32 rotate, replay;

	for (rotate = SIPSEC_ROTATE_MIN; rotate <= 2 * SIPSEC_ROUND_AHEAD_PACKETS; rotate *= 2)
		for (replay = SIPSEC_WINDOW_MIN; replay <= SIPSEC_WINDOW_MAX; replay *= 2)
			walk(test, sipsec_round_grace(rotate, replay),
			     sipsec_round_lookahead(rotate));
	/* As few as can be asked for. */
	walk(test, 2, 1);
}

static const struct future_case {
	const char *desc;
	u64 current_round;
	u32 spi;
	u64 round;
} future_table[] = {
	{ "the current one", 0, 0x5d1c2a00, 0 },
	{ "the next one", 0, 0x5d1c2a01, 1 },
	{ "farthest", 0, 0x5d1c2a7f, 127 },
	{ "past", 0, 0x5d1c2a80, 0 },
	{ "newest of the past", 0, 0x5d1c2aff, 0 },
	{ "SPI wraps", 250, 0x5d1c2a04, 260 },
	{ "SPI wraps, farthest", 250, 0x5d1c2a79, 377 },
	{ "SPI wraps, past", 250, 0x5d1c2a7a, 0 },
	{ "low octet the same", 256, 0x5d1c2a00, 0 },
	{ "beyond 32 bits", 0xffffffffULL, 0x5d1c2a00, 0x100000000ULL },
};

KUNIT_ARRAY_PARAM_DESC(future, future_table, desc);

static void round_future(struct kunit *test)
{
	const struct future_case *c = test->param_value;

	KUNIT_EXPECT_EQ(test, sipsec_round_ahead_of(c->current_round, c->spi), c->round);
}

static struct kunit_case round_cases[] = {
	KUNIT_CASE_PARAM(round_verdict, verdict_gen_params),
	KUNIT_CASE(round_exact),
	KUNIT_CASE_PARAM(round_spi, spi_gen_params),
	KUNIT_CASE_PARAM(round_grace, grace_gen_params),
	KUNIT_CASE(round_grace_covers_window),
	KUNIT_CASE_PARAM(round_ahead, ahead_gen_params),
	KUNIT_CASE_PARAM(round_future, future_gen_params),
	KUNIT_CASE_PARAM(round_threshold, threshold_gen_params),
	KUNIT_CASE_PARAM(round_out, out_gen_params),
	KUNIT_CASE(round_ask),
	KUNIT_CASE_PARAM(round_next, next_gen_params),
	KUNIT_CASE(round_lazy),
	KUNIT_CASE(round_walk),
	{}
};

static struct kunit_suite round_suite = {
	.name = "sipsec_round",
	.test_cases = round_cases,
};

kunit_test_suite(round_suite);
