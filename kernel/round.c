// SPDX-License-Identifier: GPL-2.0
#include <linux/kernel.h>

#include "round.h"

unsigned int sipsec_round_grace(u32 rotate, u32 replay)
{
	return min_t(u32, DIV_ROUND_UP(replay, rotate) + 1, SIPSEC_ROUND_GRACE_MAX);
}

unsigned int sipsec_round_ahead(u32 rotate)
{
	return clamp_t(u32, SIPSEC_ROUND_AHEAD_PACKETS / rotate, 1, SIPSEC_LOOKAHEAD_MAX);
}

unsigned int sipsec_round_lookahead(u32 rotate)
{
	return max_t(u32, sipsec_round_ahead(rotate), SIPSEC_ROUND_LOOKAHEAD_MIN);
}

bool sipsec_round_ask(struct sipsec_round_out *o)
{
	if (!o->lazy || o->asked)
		return false;
	o->asked = true;
	return true;
}

bool sipsec_round_want_ready(const struct sipsec_round_out *o)
{
	return o->end <= o->current_round + (o->lazy && !o->asked ? 0 : o->ahead);
}

bool sipsec_round_advance(struct sipsec_round_out *o)
{
	if (o->current_round + 1 >= o->end)
		return false;
	o->current_round++;
	o->asked = false;
	return true;
}

bool sipsec_round_seek(struct sipsec_round_window *w, u32 spi, bool may)
{
	u64 round = sipsec_round_ahead_of(w->current_round, spi);

	if (w->sought)
		return round == w->sought;
	if (!round || !may)
		return false;
	w->sought = round;
	return true;
}

bool sipsec_round_saw(struct sipsec_round_window *w, u64 round)
{
	w->lazy = false;
	if (round <= w->current_round)
		return false;
	/* Packet paths look at it without a lock. */
	WRITE_ONCE(w->current_round, round);
	return true;
}

static bool want_install(const struct sipsec_round_window *w)
{
	return w->end <= w->current_round + (w->lazy ? 1 : w->lookahead);
}

static bool want_retire(const struct sipsec_round_window *w, bool grace_over)
{
	if (w->first >= w->current_round)
		return false;
	return grace_over || w->current_round - w->first > w->grace;
}

enum sipsec_round_action sipsec_round_next(const struct sipsec_round_window *w,
					   const struct sipsec_round_clock *clock)
{
	if (w->current_round >= w->end && w->first < w->current_round)
		return SIPSEC_ROUND_CATCH_UP;
	if (want_install(w) && w->candidate && w->candidate == w->end)
		return SIPSEC_ROUND_ADOPT;
	if (want_install(w) && !clock->stalled)
		return SIPSEC_ROUND_INSTALL;
	/* A round on trial that has authenticated a packet was caught up with above. */
	if (w->sought && (w->sought < w->end || clock->seek_over))
		return SIPSEC_ROUND_GIVE_UP;
	if (w->sought && !w->candidate)
		return SIPSEC_ROUND_TRY;
	if (want_retire(w, clock->grace_over))
		return SIPSEC_ROUND_RETIRE;
	return SIPSEC_ROUND_NOTHING;
}

void sipsec_round_done(struct sipsec_round_window *w, enum sipsec_round_action action, bool ok)
{
	switch (action) {
	case SIPSEC_ROUND_CATCH_UP:
		w->first = w->candidate;
		w->end = w->candidate;
		break;
	case SIPSEC_ROUND_INSTALL:
		w->end += ok;
		break;
	case SIPSEC_ROUND_TRY:
		w->candidate = ok ? w->sought : 0;
		w->sought = w->candidate;
		break;
	case SIPSEC_ROUND_ADOPT:
		w->end++;
		fallthrough;
	case SIPSEC_ROUND_GIVE_UP:
		w->candidate = 0;
		w->sought = 0;
		break;
	case SIPSEC_ROUND_RETIRE:
		w->first++;
		break;
	case SIPSEC_ROUND_NOTHING:
		break;
	}
}
