/* SPDX-License-Identifier: GPL-2.0 */
/* Per-CPU counters of an app, with a reason for every drop. */
#ifndef SIPSEC_STATS_H
#define SIPSEC_STATS_H

#include <linux/percpu.h>

#include <uapi/linux/sipsec.h>

/**
 * struct sipsec_stats - counters, indexed by their netlink attribute
 * @counter: one for each SIPSEC_A_STATS_* that is a number; unsigned long as in
 *	the SNMP MIBs, so that one instruction counts on every architecture
 */
struct sipsec_stats {
	unsigned long counter[SIPSEC_A_STATS_MAX + 1];
};

/* First attribute that is a counter; SIPSEC_A_STATS_APP is the name. */
#define SIPSEC_STATS_FIRST	SIPSEC_A_STATS_OUT_PACKETS

/**
 * sipsec_stats_inc - count one
 * @stats: per-CPU counters
 * @attr: SIPSEC_A_STATS_* of the counter
 *
 * Context: any.
 */
static inline void sipsec_stats_inc(struct sipsec_stats __percpu *stats, unsigned int attr)
{
	this_cpu_inc(stats->counter[attr]);
}

/**
 * sipsec_stats_sum - one counter over all CPUs
 * @stats: per-CPU counters
 * @attr: SIPSEC_A_STATS_* of the counter
 *
 * Context: any.
 * Return: the sum; CPUs that count meanwhile may or may not be in it.
 */
static inline u64 sipsec_stats_sum(struct sipsec_stats __percpu *stats, unsigned int attr)
{
	u64 sum = 0;
	int cpu;

	for_each_possible_cpu(cpu)
		sum += READ_ONCE(per_cpu_ptr(stats, cpu)->counter[attr]);
	return sum;
}

#endif
