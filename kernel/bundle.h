/* SPDX-License-Identifier: GPL-2.0 */
/* Bundles: the dst that sends a packet through a round's SA, and their cache. */
#ifndef SIPSEC_BUNDLE_H
#define SIPSEC_BUNDLE_H

#include <net/dst.h>
#include <net/xfrm.h>

struct sipsec_bundle_cache;
struct sipsec_sa;

/**
 * struct sipsec_bundle - a dst of our own over the route the stack chose
 * @xdst: what xfrm's output reads; its child is the route
 * @sa: round it sends by, held
 * @child_mtu: MTU of the route when the bundle was made
 * @mtu: largest packet that still fits @child_mtu with ESP around it, IPv6: but IPV6_MIN_MTU
 */
struct sipsec_bundle {
	struct xfrm_dst xdst;
	struct sipsec_sa *sa;
	u32 child_mtu;
	u32 mtu;
};

/**
 * sipsec_bundle_of - the bundle a dst is
 * @dst: a packet's dst
 *
 * Return: the bundle, or NULL if somebody gave the packet another route.
 */
struct sipsec_bundle *sipsec_bundle_of(struct dst_entry *dst);

/**
 * sipsec_bundle_get - the bundle for a round and a route, cached or new
 * @cache: the group's cache
 * @sa: the round, valid under RCU
 * @child: the route, with or without a reference
 *
 * Context: RCU read lock held, process or softirq.
 * Return: a bundle whose dst the caller has a reference to, or NULL if there
 *	is no memory or the round or the route is going away.
 */
struct sipsec_bundle *sipsec_bundle_get(struct sipsec_bundle_cache __percpu *cache,
					struct sipsec_sa *sa, struct dst_entry *child);

/**
 * sipsec_bundle_flush - drop all cached bundles but those of one round
 * @cache: the group's cache
 * @keep: round whose bundles stay, or NULL
 *
 * Context: any.
 */
void sipsec_bundle_flush(struct sipsec_bundle_cache __percpu *cache, const struct sipsec_sa *keep);

/* The cache of a group; free in process context with no bundle left in it. */
struct sipsec_bundle_cache __percpu *sipsec_bundle_cache_alloc(void);
void sipsec_bundle_cache_free(struct sipsec_bundle_cache __percpu *cache);

/* The slab; at exit all RCU callbacks have run. */
int sipsec_bundle_init(void);
void sipsec_bundle_exit(void);

/*
 * The notifier that lets go of devices. It is told of every device again when it
 * is removed, so it is removed while namespaces still have our data.
 */
int sipsec_bundle_watch(void);
void sipsec_bundle_unwatch(void);

#endif
