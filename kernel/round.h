/* SPDX-License-Identifier: GPL-2.0 */
/* Rounds: which one a packet takes, which ones are installed. Pure, no locks. */
#ifndef SIPSEC_ROUND_H
#define SIPSEC_ROUND_H

#include <linux/compiler.h>
#include <linux/jiffies.h>
#include <linux/minmax.h>
#include <linux/types.h>

#include <uapi/linux/sipsec.h>

/*
 * Rounds kept ready ahead of the current one have room for this many packets,
 * so that short rounds are not over before the work item had a chance to run.
 */
#define SIPSEC_ROUND_AHEAD_PACKETS	4096
/*
 * In the second half of such a round there are that many packets left: its successor is made ready
 * then, not before. Most sessions are over by then.
 */
#define SIPSEC_ROUND_LONG		(2 * SIPSEC_ROUND_AHEAD_PACKETS)
/* Receiving needs two at least: a peer may start its next round before its last packet is here. */
#define SIPSEC_ROUND_LOOKAHEAD_MIN	2
/* Most rounds kept behind it. With lookahead this stays below 128, protocol.rst section 1. */
#define SIPSEC_ROUND_GRACE_MAX		64
/* Seconds the rounds behind it are kept when no newer one begins. */
#define SIPSEC_ROUND_GRACE_TIME		5
/* Seconds an old group may stay beside the one that has replaced it. */
#define SIPSEC_ROUND_REKEY_TIME_MAX	3600

/**
 * sipsec_round_ahead - rounds to be ready behind the current one for sending
 * @rotate: packets of one round
 *
 * Return: number of rounds.
 */
unsigned int sipsec_round_ahead(u32 rotate);

/**
 * sipsec_round_lookahead - rounds to be installed behind the current one for receiving
 * @rotate: packets of one round
 *
 * Return: number of rounds.
 */
unsigned int sipsec_round_lookahead(u32 rotate);

/**
 * sipsec_round_half - the packet of a long round that asks for its successor
 * @rotate: packets of one round
 *
 * Return: its number, or 0 if rounds are so short that they are made ready from the beginning.
 */
static inline u32 sipsec_round_half(u32 rotate)
{
	return rotate < SIPSEC_ROUND_LONG ? 0 : rotate / 2;
}

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
 * sipsec_round_limit - most packets of a round whose successor is not ready
 * @rotate: packets of one round
 * @most: packets that a key of the suite may protect, 2^31 at most
 *
 * Another round, or what the rounds ahead have room for, but no more than a key may protect,
 * whatever happens to derivation. So no sequence number is used twice (RFC 4303 section 2.2).
 *
 * Return: number of the first packet that is not sent any more.
 */
static inline u32 sipsec_round_limit(u32 rotate, u32 most)
{
	u64 late = (u64)rotate + max_t(u32, rotate, SIPSEC_ROUND_AHEAD_PACKETS);

	return min_t(u64, late, most) + 1;
}

/**
 * sipsec_round_verdict - judge the nth packet of a round
 * @nth: 1 for the first
 * @rotate: packets of one round
 * @limit: from sipsec_round_limit()
 *
 * Return: what becomes of it.
 */
static inline enum sipsec_round_verdict sipsec_round_verdict(u32 nth, u32 rotate, u32 limit)
{
	if (likely(nth < rotate))
		return SIPSEC_ROUND_USE;
	if (nth == rotate)
		return SIPSEC_ROUND_LAST;
	return nth < limit ? SIPSEC_ROUND_OVER : SIPSEC_ROUND_STOP;
}

/**
 * struct sipsec_round_thresholds - what ends a round beside its packets; 0 for no such threshold
 * @octets: of the packets before they are protected
 * @time: jiffies since the round's first packet
 * @idle: jiffies since its last one
 */
struct sipsec_round_thresholds {
	u64 octets;
	unsigned long time;
	unsigned long idle;
};

/**
 * sipsec_round_full - has a round had as many octets as it may?
 * @t: thresholds
 * @octets: with those of the packet that asks
 *
 * Return: true if this packet is its last one.
 */
static inline bool sipsec_round_full(const struct sipsec_round_thresholds *t, u64 octets)
{
	return t->octets && octets >= t->octets;
}

/**
 * sipsec_round_stale - is a round too old for another packet?
 * @t: thresholds
 * @began: jiffies of its first packet
 * @last: jiffies of its last one
 * @now: jiffies
 *
 * Time alone moves no round: rounds without a packet would get away from a peer, who can follow
 * by SIPSEC_ROUND_FUTURE of them. Another processor may have noted a tick that the one which asks
 * has not seen yet: that packet is not old.
 *
 * Return: true if the packet is for the next round.
 */
static inline bool sipsec_round_stale(const struct sipsec_round_thresholds *t, unsigned long began,
				      unsigned long last, unsigned long now)
{
	return (t->time && time_after_eq(now, began + t->time)) ||
	       (t->idle && time_after_eq(now, last + t->idle));
}

/**
 * sipsec_round_spi - SPI of a round
 * @block: SPI block, host byte order
 * @round: number of the round
 *
 * Return: the SPI, host byte order.
 */
static inline u32 sipsec_round_spi(u32 block, u64 round)
{
	return block + (round & 0xff);
}

/* An SPI names one of 256 rounds: so many at most can be told to be ahead. */
#define SIPSEC_ROUND_FUTURE	127

/**
 * sipsec_round_ahead_of - the round an SPI names, read as a serial number
 * @current_round: highest round that authenticated a packet
 * @spi: SPI of the block
 *
 * Return: the round if it lies ahead, up to SIPSEC_ROUND_FUTURE; else 0, as it is the past then.
 */
static inline u64 sipsec_round_ahead_of(u64 current_round, u32 spi)
{
	u8 distance = spi - current_round;

	return distance && distance <= SIPSEC_ROUND_FUTURE ? current_round + distance : 0;
}

/**
 * struct sipsec_round_out - rounds of the send direction
 * @current_round: the one packets take
 * @end: one past the newest that is ready
 * @ahead: rounds to be ready behind @current_round
 * @lazy: ... once they are asked for, not before
 * @asked: they are
 */
struct sipsec_round_out {
	u64 current_round;
	u64 end;
	u8 ahead;
	bool lazy;
	bool asked;
};

/**
 * sipsec_round_ask - the rounds behind the current one will be needed
 * @o: the send direction
 *
 * Return: true if they are to be made now, and were not before.
 */
bool sipsec_round_ask(struct sipsec_round_out *o);

/**
 * sipsec_round_want_ready - is a further round to be made ready?
 * @o: the send direction
 *
 * Return: true if round @o->end is wanted.
 */
bool sipsec_round_want_ready(const struct sipsec_round_out *o);

/**
 * sipsec_round_advance - move to the next round for sending
 * @o: the send direction
 *
 * Return: false if that is not ready: the current one stays.
 */
bool sipsec_round_advance(struct sipsec_round_out *o);

/**
 * struct sipsec_round_window - rounds of the receive direction
 * @first: oldest one installed
 * @current_round: highest one that authenticated a packet
 * @end: one past the newest installed
 * @sought: round beyond these that a packet names, which nothing has authenticated; 0 if none
 * @candidate: @sought once it is installed on trial, 0 before
 * @lookahead: rounds installed ahead of @current_round
 * @grace: rounds kept behind it
 * @lazy: nothing has authenticated yet and rounds are long: one ahead is enough, a peer who begins
 *	with a later one is caught up with
 */
struct sipsec_round_window {
	u64 first;
	u64 current_round;
	u64 end;
	u64 sought;
	u64 candidate;
	u8 lookahead;
	u8 grace;
	bool lazy;
};

/**
 * sipsec_round_grace - rounds to keep so that a packet late by a whole replay window is accepted
 * @rotate: packets of one round
 * @replay: replay window in packets
 *
 * Return: number of rounds.
 */
unsigned int sipsec_round_grace(u32 rotate, u32 replay);

/**
 * sipsec_round_slots - rounds that may be installed at one time, the one on trial apart
 * @w: the window
 *
 * The current round moves by the lookahead at most before old rounds are retired.
 *
 * Return: number of rounds.
 */
static inline unsigned int sipsec_round_slots(const struct sipsec_round_window *w)
{
	return w->grace + 2 * w->lookahead + 1;
}

/**
 * sipsec_round_seek - a packet names a round that is not installed
 * @w: the window
 * @spi: the packet's SPI
 * @may: no other round was sought a short time ago
 *
 * Nothing has authenticated the packet: it starts a search, and moves nothing else.
 *
 * Return: true if it may wait for the round, which is @w->sought now.
 */
bool sipsec_round_seek(struct sipsec_round_window *w, u32 spi, bool may);

/**
 * sipsec_round_saw - a packet of an installed round, or of the one on trial, authenticated
 * @w: the window
 * @round: the packet's round
 *
 * Return: true if it is the first of its round, which is the current one now.
 */
bool sipsec_round_saw(struct sipsec_round_window *w, u64 round);

/**
 * enum sipsec_round_action - what the receive direction needs done
 * @SIPSEC_ROUND_NOTHING: nothing now
 * @SIPSEC_ROUND_CATCH_UP: the round on trial is the current one: retire all before it
 * @SIPSEC_ROUND_ADOPT: the round on trial is round @end: its SA is one like the others, and the
 *	chain is the one behind it
 * @SIPSEC_ROUND_INSTALL: derive and install round @end
 * @SIPSEC_ROUND_TRY: derive round @sought on a copy of the chain, install it on trial
 * @SIPSEC_ROUND_GIVE_UP: remove the round on trial, if there is one, and its chain
 * @SIPSEC_ROUND_RETIRE: retire round @first
 */
enum sipsec_round_action {
	SIPSEC_ROUND_NOTHING,
	SIPSEC_ROUND_CATCH_UP,
	SIPSEC_ROUND_ADOPT,
	SIPSEC_ROUND_INSTALL,
	SIPSEC_ROUND_TRY,
	SIPSEC_ROUND_GIVE_UP,
	SIPSEC_ROUND_RETIRE,
};

/**
 * struct sipsec_round_clock - what time says about a receive direction
 * @grace_over: the current round has been current for the grace time
 * @seek_over: the time for @sought is over
 * @stalled: an installation has failed a short time ago
 */
struct sipsec_round_clock {
	bool grace_over;
	bool seek_over;
	bool stalled;
};

/**
 * sipsec_round_next - the next thing to be done
 * @w: the window
 * @clock: what time it is
 *
 * Return: one thing; when it is done, or has failed, sipsec_round_done() has to be told.
 */
enum sipsec_round_action sipsec_round_next(const struct sipsec_round_window *w,
					   const struct sipsec_round_clock *clock);

/**
 * sipsec_round_done - it is done
 * @w: the window; no packet may have been seen since it was decided to give up
 * @action: from sipsec_round_next()
 * @ok: false if it could not be; only INSTALL and TRY may fail
 */
void sipsec_round_done(struct sipsec_round_window *w, enum sipsec_round_action action, bool ok);

#endif
