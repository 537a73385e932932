/* SPDX-License-Identifier: GPL-2.0 */
/* Master secrets in use or used: round 0 begins with an empty replay window, once. */
#ifndef SIPSEC_USED_H
#define SIPSEC_USED_H

#include <linux/types.h>

/**
 * sipsec_used_add - remember a master secret, unless it is known
 * @master: the secret
 * @len: its octets
 * @role: enum sipsec_role it is used in
 *
 * Only a keyed 64-bit fingerprint is kept, the oldest forgotten first. The
 * table is the host's, not a namespace's: a key must not be used twice anywhere.
 *
 * Context: process, may sleep.
 * Return: 0, -EKEYREJECTED if it was used before, -ENOMEM.
 */
int sipsec_used_add(const u8 *master, unsigned int len, u32 role);

/**
 * sipsec_used_exit - free the table
 */
void sipsec_used_exit(void);

#endif
