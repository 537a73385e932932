// SPDX-License-Identifier: GPL-2.0
/*
 * Everything that can happen to a group's rounds, in every order: a model of what group.c does with
 * round.c's decisions, and all sequences of DEPTH events from a few beginnings. A state that was
 * there before is not gone through again. Keys are numbers here, that say what they were made for.
 */
#include <kunit/test.h>
#include <linux/jhash.h>
#include <linux/vmalloc.h>

#include "round.h"

#define DEPTH		8
#define STATES_MAX	65536
#define TABLE_SIZE	131072
#define SLOTS		8
#define MASK		(SLOTS - 1)
#define AHEAD		2
#define RETIRED_MAX	(DEPTH + 1)
#define BLOCK		0x5d1c2a00U

enum direction { OUT = 1, IN };

/* A key is what it was derived for; 0 is none. */
typedef u32 key_id;

static key_id key_of(enum direction d, u8 master, u64 round)
{
	return d << 28 | master << 20 | (u32)round;
}

static u32 round_of(key_id key)
{
	return key & 0xfffff;
}

/* What the work item has begun: SAs are there, or gone, before the window says so. */
enum phase { DECIDED, PERFORMED };

struct state {
	struct sipsec_round_out o;
	struct sipsec_round_window w;
	key_id out;
	key_id ready[AHEAD + 1];
	key_id retired[RETIRED_MAX];
	key_id slot[SLOTS];
	key_id trial;
	u32 chain_out;		/* round whose keys are derived next */
	u32 chain_in;
	u32 chain_trial;
	u32 newest_sent;
	u32 newest_seen;
	u8 action;
	u8 phase;
	u8 master;
	u8 grace_over;
	u8 seek_over;
	u8 may_seek;
	u8 stalled;
	u8 dead;
};

struct step {
	struct state state;
	u32 parent;
	u8 event;
};

struct model {
	struct step *steps;
	u32 *table;
	u32 count;
	u64 transitions;
};

/* Sending */

static const char *rotate(struct state *s)
{
	unsigned int i;

	if (!sipsec_round_advance(&s->o))
		return s->ready[0] ? "a round that is ready is not taken" : NULL;
	if (!s->ready[0])
		return "moved to a round that is not ready";
	for (i = 0; s->retired[i]; i++)
		;
	s->retired[i] = s->out;
	s->out = s->ready[0];
	memmove(s->ready, s->ready + 1, sizeof(s->ready) - sizeof(s->ready[0]));
	s->ready[AHEAD] = 0;
	return NULL;
}

static const char *send(struct state *s)
{
	if (round_of(s->out) < s->newest_sent)
		return "a round is used for sending after a later one";
	s->newest_sent = round_of(s->out);
	return NULL;
}

static const char *made_ready(struct state *s)
{
	unsigned int i;

	if (!sipsec_round_want_ready(&s->o))
		return NULL;
	for (i = 0; s->ready[i]; i++)
		;
	if (i >= s->o.ahead)
		return "more rounds are made ready than were asked for";
	s->ready[i] = key_of(OUT, s->master, s->chain_out++);
	s->o.end++;
	return NULL;
}

static const char *half_sent(struct state *s)
{
	sipsec_round_ask(&s->o);
	return !s->ready[0] && !sipsec_round_want_ready(&s->o) ?
	       "half of a round is sent and the next one is not wanted" : NULL;
}

static const char *retire_out(struct state *s)
{
	memset(s->retired, 0, sizeof(s->retired));
	return NULL;
}

/* Receiving */

static const char *authenticate(struct state *s, key_id key)
{
	bool moved;

	if (!key)
		return NULL;
	moved = sipsec_round_saw(&s->w, round_of(key));
	if (moved != (round_of(key) > s->newest_seen))
		return "a packet moves the current round, or does not, against its number";
	if (moved) {
		s->newest_seen = round_of(key);
		s->grace_over = 0;
	}
	return NULL;
}

static const char *next_round(struct state *s)
{
	key_id key = s->slot[(s->newest_seen + 1) & MASK];

	return round_of(key) == s->newest_seen + 1 ? authenticate(s, key) : NULL;
}

static const char *newest_round(struct state *s)
{
	key_id newest = 0;
	unsigned int i;

	for (i = 0; i < SLOTS; i++)
		newest = max(newest, s->slot[i]);
	return authenticate(s, newest);
}

static const char *late_packet(struct state *s)
{
	return authenticate(s, s->slot[s->w.first & MASK]);
}

static const char *trial_packet(struct state *s)
{
	return authenticate(s, s->trial);
}

static const char *named(struct state *s, u64 round)
{
	struct sipsec_round_window before = s->w;
	bool seek = sipsec_round_seek(&s->w, sipsec_round_spi(BLOCK, round), s->may_seek);

	if (seek && s->w.sought != round)
		return "a packet waits for another round than its own";
	if (seek && round <= s->newest_seen)
		return "the past is sought";
	if (!before.sought && s->w.sought) {
		if (!s->may_seek)
			return "a search begins too soon";
		s->may_seek = 0;
		s->seek_over = 0;
	} else if (before.sought != s->w.sought) {
		return "a packet ends another one's search";
	}
	before.sought = s->w.sought;
	if (memcmp(&before, &s->w, sizeof(before)))
		return "a packet that is not authenticated moves something";
	return NULL;
}

static const char *peer_ahead(struct state *s)
{
	return named(s, s->newest_seen + 20);
}

static const char *peer_far_ahead(struct state *s)
{
	return named(s, s->newest_seen + SIPSEC_ROUND_FUTURE);
}

static const char *peer_beyond(struct state *s)
{
	return named(s, s->w.end);
}

static const char *forged_past(struct state *s)
{
	struct sipsec_round_window before = s->w;

	if (sipsec_round_seek(&s->w, BLOCK + (s->newest_seen & 0xff), true) ||
	    memcmp(&before, &s->w, sizeof(before)))
		return "the past is sought";
	return named(s, s->newest_seen + SIPSEC_ROUND_FUTURE + 1);
}

static const char *install(struct state *s, key_id key)
{
	key_id *slot = &s->slot[round_of(key) & MASK];

	if (*slot)
		return "two rounds in one slot";
	*slot = key;
	return NULL;
}

static const char *perform(struct state *s)
{
	const char *wrong = NULL;
	key_id key;

	s->phase = PERFORMED;
	switch (s->action) {
	case SIPSEC_ROUND_CATCH_UP:
		if (!s->trial || round_of(s->trial) != s->newest_seen)
			return "caught up with a round that has authenticated nothing";
		memset(s->slot, 0, sizeof(s->slot));
		break;
	case SIPSEC_ROUND_ADOPT:
		wrong = install(s, s->trial);
		s->chain_in = s->chain_trial;
		s->trial = 0;
		s->chain_trial = 0;
		break;
	case SIPSEC_ROUND_INSTALL:
		wrong = install(s, key_of(IN, s->master, s->chain_in++));
		break;
	case SIPSEC_ROUND_TRY:
		if (s->trial)
			return "two rounds on trial";
		if (s->w.sought < s->chain_in)
			return "a round on trial whose chain key is gone";
		s->trial = key_of(IN, s->master, s->w.sought);
		s->chain_trial = s->w.sought + 1;
		s->may_seek = 0;
		s->seek_over = 0;
		break;
	case SIPSEC_ROUND_RETIRE:
		if (s->w.first >= s->newest_seen)
			return "the current round is retired";
		key = s->slot[s->w.first & MASK];
		if (key != key_of(IN, s->master, s->w.first))
			return "a round is retired that is not there";
		s->slot[s->w.first & MASK] = 0;
		break;
	}
	return wrong;
}

static const char *next_step(struct state *s)
{
	struct sipsec_round_clock clock = {
		.grace_over = s->grace_over,
		.seek_over = s->seek_over,
		.stalled = s->stalled,
	};

	if (s->action && s->phase == DECIDED)
		return perform(s);
	if (s->action) {
		sipsec_round_done(&s->w, s->action, true);
		s->action = SIPSEC_ROUND_NOTHING;
		s->phase = DECIDED;
		return NULL;
	}
	s->action = sipsec_round_next(&s->w, &clock);
	if (s->action == SIPSEC_ROUND_GIVE_UP) {
		if (s->trial && round_of(s->trial) <= s->newest_seen)
			return "a round is given up that has authenticated a packet";
		s->trial = 0;
		s->chain_trial = 0;
		sipsec_round_done(&s->w, s->action, true);
		s->action = SIPSEC_ROUND_NOTHING;
	}
	return NULL;
}

static const char *step_fails(struct state *s)
{
	struct sipsec_round_window before = s->w;
	enum sipsec_round_action action = s->action;

	if (s->phase != DECIDED || (action != SIPSEC_ROUND_INSTALL && action != SIPSEC_ROUND_TRY))
		return NULL;
	if (action == SIPSEC_ROUND_INSTALL)
		s->stalled = 1;
	sipsec_round_done(&s->w, action, false);
	s->action = SIPSEC_ROUND_NOTHING;
	if (action == SIPSEC_ROUND_TRY) {
		if (s->w.sought)
			return "a round that cannot be tried is tried for ever";
		before.sought = 0;
	}
	return memcmp(&before, &s->w, sizeof(before)) ? "what failed has moved something" : NULL;
}

/* Time */

static const char *grace_over(struct state *s)
{
	s->grace_over = 1;
	return NULL;
}

static const char *seek_over(struct state *s)
{
	s->seek_over = 1;
	s->may_seek = 1;
	return NULL;
}

static const char *retry(struct state *s)
{
	s->stalled = 0;
	return NULL;
}

/* The whole group */

static void begin(struct state *s, u8 master, u64 round, bool lazy)
{
	memset(s, 0, sizeof(*s));
	s->master = master;
	s->o = (struct sipsec_round_out){
		.current_round = round, .end = round + 1, .ahead = lazy ? 1 : AHEAD, .lazy = lazy,
	};
	s->w = (struct sipsec_round_window){
		.first = round, .current_round = round, .end = round, .lookahead = 2, .grace = 2,
		.lazy = lazy,
	};
	s->out = key_of(OUT, master, round);
	s->chain_out = round + 1;
	s->chain_in = round;
	s->newest_sent = round;
	s->newest_seen = round;
	s->may_seek = 1;
}

static const char *rekey(struct state *s)
{
	begin(s, s->master + 1, 0, s->o.lazy);
	return NULL;
}

/* Nobody else's flush reaches the states: it is no event for the rounds. */
static const char *flush(struct state *s)
{
	return NULL;
}

static const char *end(struct state *s)
{
	memset(s, 0, sizeof(*s));
	s->dead = 1;
	return NULL;
}

static const struct event {
	const char *name;
	const char *(*happen)(struct state *s);
} events[] = {
	{ "rotate", rotate },
	{ "packet sent", send },
	{ "half of the round sent", half_sent },
	{ "round ready", made_ready },
	{ "round sent is retired", retire_out },
	{ "packet of the next round", next_round },
	{ "packet of the newest round", newest_round },
	{ "packet of the oldest round", late_packet },
	{ "packet of the round on trial", trial_packet },
	{ "peer ahead by 20", peer_ahead },
	{ "peer ahead by 127", peer_far_ahead },
	{ "peer just ahead", peer_beyond },
	{ "forged packet of the past", forged_past },
	{ "install or retire", next_step },
	{ "install failed", step_fails },
	{ "install again", retry },
	{ "grace over", grace_over },
	{ "search over", seek_over },
	{ "rekey", rekey },
	{ "flush", flush },
	{ "delete", end },
};

/* What has to be true of every state. */

static const char *check_out(const struct state *s)
{
	u32 n = s->o.current_round;
	unsigned int i;

	if (s->out != key_of(OUT, s->master, n))
		return "the current round has another one's key";
	for (i = 0; i < AHEAD + 1 && s->ready[i]; i++)
		if (s->ready[i] != key_of(OUT, s->master, n + 1 + i))
			return "a round that is ready has another one's key";
	if (i && s->o.lazy && !s->o.asked)
		return "the round after a long one is ready before it is asked for";
	if (s->o.end != n + 1 + i)
		return "the rounds that are ready do not follow the current one";
	if (s->chain_out != s->o.end)
		return "the chain key of a round that was derived is still there";
	for (i = 0; i < RETIRED_MAX && s->retired[i]; i++)
		if (round_of(s->retired[i]) >= n)
			return "a round that is over may be sent in again";
	if (i && s->o.end - round_of(s->retired[0]) > 256)
		return "two live rounds for sending have one SPI";
	return NULL;
}

static const char *check_in(const struct state *s)
{
	bool performed = s->action && s->phase == PERFORMED;
	u64 first = s->w.first, end = s->w.end;
	unsigned int i;
	u32 n;

	if (s->w.current_round != s->newest_seen)
		return "the current round is not the newest that has authenticated a packet";
	if (performed && (s->action == SIPSEC_ROUND_INSTALL || s->action == SIPSEC_ROUND_ADOPT))
		end++;
	if (performed && s->action == SIPSEC_ROUND_RETIRE)
		first++;
	if (performed && s->action == SIPSEC_ROUND_CATCH_UP)
		first = end;
	if (end - first > sipsec_round_slots(&s->w))
		return "more rounds are installed than there are slots for";
	if (first > s->newest_seen && end > first)
		return "the current round is not there";
	for (i = 0; i < SLOTS; i++) {
		n = first + ((i - first) & MASK);
		if (n < end ? s->slot[i] != key_of(IN, s->master, n) : s->slot[i] != 0)
			return "a slot does not have the key of its round";
	}
	/* Until the round on trial is adopted, its chain waits. */
	if (s->chain_in != end && !(s->trial && first == end && s->chain_in < end))
		return "the chain key of a round that was derived is still there";
	if (!s->trial != !s->chain_trial)
		return "a chain without its round on trial";
	if (s->trial) {
		n = round_of(s->trial);
		if (n != s->w.sought || s->chain_trial != n + 1)
			return "the round on trial is not the one that is sought";
		if (n < end)
			return "the round on trial is derived a second time";
		if (n - first > 255)
			return "two live rounds for receiving have one SPI";
	}
	if (!performed && s->w.candidate != round_of(s->trial))
		return "the window has another round on trial";
	return NULL;
}

/* Left alone, with nothing failing, the window comes to rest where it has to. */
static const char *check_rest(const struct state *s)
{
	struct sipsec_round_window w = s->w;
	struct sipsec_round_clock clock = { .seek_over = true };
	enum sipsec_round_action action = s->action;
	unsigned int i;

	for (i = 0; i < 64; i++) {
		sipsec_round_done(&w, action, true);
		action = sipsec_round_next(&w, &clock);
		if (action)
			continue;
		if (w.end != w.current_round + (w.lazy ? 1 : w.lookahead) + 1 ||
		    w.first > w.current_round || w.current_round - w.first > w.grace ||
		    w.sought || w.candidate)
			return "the window comes to rest elsewhere";
		if (w.current_round != s->newest_seen)
			return "the current round moves without a packet";
		return NULL;
	}
	return "the window does not come to rest";
}

static const char *check(const struct state *s)
{
	static const struct state ended = { .dead = 1 };
	const char *wrong;

	if (s->dead)
		return memcmp(s, &ended, sizeof(ended)) ? "a group that has ended has keys" : NULL;
	wrong = check_out(s) ?: check_in(s);
	return wrong ?: check_rest(s);
}

/* All states */

static void tell_path(struct kunit *test, const struct model *m, u32 at, u8 event)
{
	u8 path[DEPTH + 1];
	unsigned int n = 0;

	path[n++] = event;
	for (; m->steps[at].parent != at && n < ARRAY_SIZE(path); at = m->steps[at].parent)
		path[n++] = m->steps[at].event;
	while (n--)
		pr_info("model: %s\n", events[path[n]].name);
}

/* Returns false if it was there before. */
static bool remember(struct model *m, const struct state *s, u32 parent, u8 event)
{
	u32 place = jhash(s, sizeof(*s), 0) % TABLE_SIZE;

	for (; m->table[place]; place = (place + 1) % TABLE_SIZE)
		if (!memcmp(&m->steps[m->table[place] - 1].state, s, sizeof(*s)))
			return false;
	m->steps[m->count] = (struct step){ .state = *s, .parent = parent, .event = event };
	m->table[place] = ++m->count;
	return true;
}

/* Every event in every state that was found last. Returns false if something was wrong. */
static bool expand(struct kunit *test, struct model *m, u32 from, u32 to)
{
	const char *wrong;
	struct state s;
	u32 at;
	u8 i;

	for (at = from; at < to; at++) {
		if (m->steps[at].state.dead)
			continue;
		for (i = 0; i < ARRAY_SIZE(events); i++) {
			s = m->steps[at].state;
			wrong = events[i].happen(&s) ?: check(&s);
			m->transitions++;
			if (wrong) {
				tell_path(test, m, at, i);
				KUNIT_FAIL(test, "after that: %s", wrong);
				return false;
			}
			if (m->count == STATES_MAX) {
				KUNIT_FAIL(test, "more than %u states", STATES_MAX);
				return false;
			}
			remember(m, &s, at, i);
		}
		cond_resched();
	}
	return true;
}

static const struct beginning {
	const char *desc;
	u64 round;
	/* Events before. */
	unsigned int works;
	unsigned int rounds;
	bool trial;
	bool lazy;
} beginning_table[] = {
	{ "no round ready", 0, 0, 0, false },
	{ "first round", 0, 1, 0, false },
	{ "SPI about to wrap", 254, 1, 0, false },
	{ "SPI wrapping, rounds behind", 252, 1, 2, false },
	{ "SPI wrapping, a round on trial", 252, 1, 2, true },
	{ "long rounds, no round ready", 0, 0, 0, false, true },
	{ "long rounds, nothing received, a round on trial", 0, 1, 0, true, true },
	{ "long rounds, SPI wrapping, rounds behind", 252, 1, 2, false, true },
};

KUNIT_ARRAY_PARAM_DESC(beginning, beginning_table, desc);

static const char *settle(struct state *s)
{
	const char *wrong = NULL;
	unsigned int i;

	/* Each thing takes three events: decided, performed, done. */
	for (i = 0; i < 3 * 16 && !wrong; i++)
		wrong = next_step(s) ?: check(s);
	for (i = 0; i < AHEAD && !wrong; i++)
		wrong = made_ready(s) ?: check(s);
	return wrong;
}

static const char *lead_up(struct state *s, const struct beginning *b)
{
	const char *wrong = NULL;
	unsigned int i;

	begin(s, 1, b->round, b->lazy);
	if (b->works)
		wrong = settle(s);
	for (i = 0; i < b->rounds && !wrong; i++)
		wrong = half_sent(s) ?: made_ready(s) ?: rotate(s) ?: next_round(s) ?:
			settle(s);
	if (b->trial && !wrong)
		wrong = peer_ahead(s) ?: settle(s);
	return wrong ?: check(s);
}

static void free_memory(void *memory)
{
	vfree(memory);
}

static void *memory(struct kunit *test, size_t size)
{
	void *p = vzalloc(size);

	KUNIT_ASSERT_NOT_NULL(test, p);
	KUNIT_ASSERT_EQ(test, kunit_add_action_or_reset(test, free_memory, p), 0);
	return p;
}

static void model_all_orders(struct kunit *test)
{
	const struct beginning *b = test->param_value;
	struct model m = {};
	const char *wrong;
	struct state s;
	u32 from = 0, to;
	unsigned int i;

	m.steps = memory(test, STATES_MAX * sizeof(*m.steps));
	m.table = memory(test, TABLE_SIZE * sizeof(*m.table));
	wrong = lead_up(&s, b);
	if (wrong) {
		KUNIT_FAIL(test, "before all events: %s", wrong);
		return;
	}
	remember(&m, &s, 0, 0);
	for (i = 0; i < DEPTH; i++) {
		to = m.count;
		if (!expand(test, &m, from, to))
			return;
		from = to;
	}
	pr_info("model: %s: %zu events in each order to depth %d: %u states, %llu transitions\n",
		b->desc, ARRAY_SIZE(events), DEPTH, m.count, m.transitions);
}

static struct kunit_case model_cases[] = {
	KUNIT_CASE_PARAM(model_all_orders, beginning_gen_params),
	{}
};

static struct kunit_suite model_suite = {
	.name = "sipsec_round_model",
	.test_cases = model_cases,
};

kunit_test_suite(model_suite);
