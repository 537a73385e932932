// SPDX-License-Identifier: GPL-2.0
#include <linux/kernel.h>

#include "round.h"

unsigned int sipsec_round_grace(u32 rotate, u32 replay)
{
	return min_t(u32, DIV_ROUND_UP(replay, rotate) + 1, SIPSEC_ROUND_GRACE_MAX);
}

unsigned int sipsec_round_ahead(u32 rotate)
{
	return clamp_t(u32, SIPSEC_ROUND_AHEAD_PACKETS / rotate, 1, SIPSEC_ROUND_AHEAD_MAX);
}

unsigned int sipsec_round_lookahead(u32 rotate)
{
	return max_t(u32, sipsec_round_ahead(rotate), SIPSEC_ROUND_LOOKAHEAD_MIN);
}

bool sipsec_round_want_install(const struct sipsec_round_window *w)
{
	return w->end <= w->current_round + w->lookahead;
}

bool sipsec_round_want_retire(const struct sipsec_round_window *w, bool grace_over)
{
	if (w->first >= w->current_round)
		return false;
	return grace_over || w->current_round - w->first > w->grace;
}
