/* SPDX-License-Identifier: GPL-2.0 */
/* Rounds: which one a packet takes, which ones are installed. Pure, no locks. */
#ifndef SIPSEC_ROUND_H
#define SIPSEC_ROUND_H

#include <linux/types.h>

/*
 * Rounds kept ready ahead of the current one have room for this many packets,
 * so that short rounds are not over before the work item had a chance to run.
 */
#define SIPSEC_ROUND_AHEAD_PACKETS	4096
#define SIPSEC_ROUND_AHEAD_MAX		16
/* Receiving needs two at least: a peer may start its next round before its last packet is here. */
#define SIPSEC_ROUND_LOOKAHEAD_MIN	2
/* Most rounds kept behind it. With lookahead this stays below 128, protocol.rst section 1. */
#define SIPSEC_ROUND_GRACE_MAX		64
/* Seconds the rounds behind it are kept when no newer one begins. */
#define SIPSEC_ROUND_GRACE_TIME		5
/*
 * No round sends more than this, whatever happens to derivation: sequence
 * numbers are 32 bits and none is used twice (RFC 4303 section 2.2).
 */
#define SIPSEC_ROUND_LIMIT		0xffff0000U

/**
 * sipsec_round_ahead - rounds to be ready behind the current one for sending
 * @rotate: packets of one round
 */
unsigned int sipsec_round_ahead(u32 rotate);

/**
 * sipsec_round_lookahead - rounds to be installed behind the current one for receiving
 * @rotate: packets of one round
 */
unsigned int sipsec_round_lookahead(u32 rotate);

/**
 * enum sipsec_round_verdict - what becomes of a packet to be sent
 * @SIPSEC_ROUND_USE: it belongs to the round
 * @SIPSEC_ROUND_LAST: it belongs to the round and is its last one
 * @SIPSEC_ROUND_OVER: the round is full
 * @SIPSEC_ROUND_STOP: the round is full up to the hard limit
 */
enum sipsec_round_verdict {
	SIPSEC_ROUND_USE,
	SIPSEC_ROUND_LAST,
	SIPSEC_ROUND_OVER,
	SIPSEC_ROUND_STOP,
};

/**
 * sipsec_round_verdict - judge the nth packet of a round
 * @nth: 1 for the first
 * @rotate: packets of one round
 */
static inline enum sipsec_round_verdict sipsec_round_verdict(u32 nth, u32 rotate)
{
	if (likely(nth < rotate))
		return SIPSEC_ROUND_USE;
	if (nth == rotate)
		return SIPSEC_ROUND_LAST;
	return nth < SIPSEC_ROUND_LIMIT ? SIPSEC_ROUND_OVER : SIPSEC_ROUND_STOP;
}

/**
 * sipsec_round_spi - SPI of a round
 * @block: SPI block, host byte order
 * @round: number of the round
 */
static inline u32 sipsec_round_spi(u32 block, u64 round)
{
	return block + (round & 0xff);
}

/**
 * struct sipsec_round_window - rounds installed for receiving
 * @first: oldest one installed
 * @current_round: highest one that authenticated a packet
 * @end: one past the newest installed
 * @lookahead: rounds installed ahead of @current_round
 * @grace: rounds kept behind it
 */
struct sipsec_round_window {
	u64 first;
	u64 current_round;
	u64 end;
	u8 lookahead;
	u8 grace;
};

/**
 * sipsec_round_grace - rounds to keep so that a packet late by a whole replay window is accepted
 * @rotate: packets of one round
 * @replay: replay window in packets
 */
unsigned int sipsec_round_grace(u32 rotate, u32 replay);

/**
 * sipsec_round_want_install - is a further round to be installed?
 * @w: the window
 *
 * Return: true if round @w->end is wanted.
 */
bool sipsec_round_want_install(const struct sipsec_round_window *w);

/**
 * sipsec_round_want_retire - is the oldest round to be retired?
 * @w: the window
 * @grace_over: the current round has been current for the grace time
 *
 * Return: true if round @w->first is to go. The current round never is.
 */
bool sipsec_round_want_retire(const struct sipsec_round_window *w, bool grace_over);

#endif
