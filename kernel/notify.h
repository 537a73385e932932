/* SPDX-License-Identifier: GPL-2.0 */
/*
 * Events: to the socket of the group's owner, and to the multicast group that
 * only the administrator may join. All functions: process context; a lost event
 * is counted, never an error.
 */
#ifndef SIPSEC_NOTIFY_H
#define SIPSEC_NOTIFY_H

#include <linux/types.h>

struct sipsec_group;
struct sipsec_sa;

/* A group was installed; its first packet authenticated; it ended for @reason. */
void sipsec_notify_add(struct sipsec_group *group);
void sipsec_notify_up(struct sipsec_group *group);
void sipsec_notify_del(struct sipsec_group *group, u32 reason);

/**
 * sipsec_notify_rotate - a direction moved to another round
 * @group: the group
 * @direction: enum sipsec_direction
 * @round: round that is current now
 * @spi: its SPI, host byte order
 * @packets: packets of the round before it
 */
void sipsec_notify_rotate(struct sipsec_group *group, u32 direction, u64 round, u32 spi,
			  u64 packets);

/**
 * sipsec_notify_limit - a round for sending has reached its hard limit
 * @group: the group
 * @round: the round
 * @spi: its SPI, host byte order
 */
void sipsec_notify_limit(struct sipsec_group *group, u64 round, u32 spi);

/**
 * sipsec_notify_disturbed - somebody else keeps a round from being received
 * @group: the group
 * @sa: the round's SA
 * @cause: enum sipsec_disturbance
 */
void sipsec_notify_disturbed(struct sipsec_group *group, const struct sipsec_sa *sa, u32 cause);

#endif
