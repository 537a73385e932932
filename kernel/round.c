// SPDX-License-Identifier: GPL-2.0
#include <linux/kernel.h>

#include "round.h"

unsigned int sipsec_round_grace(u32 rotate, u32 replay)
{
	return min_t(u32, DIV_ROUND_UP(replay, rotate) + 1, SIPSEC_ROUND_GRACE_MAX);
}

bool sipsec_round_want_install(const struct sipsec_round_window *w)
{
	return w->end <= w->current_round + SIPSEC_ROUND_LOOKAHEAD;
}

bool sipsec_round_want_retire(const struct sipsec_round_window *w, bool grace_over)
{
	if (w->first >= w->current_round)
		return false;
	return grace_over || w->current_round - w->first > w->grace;
}
