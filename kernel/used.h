/* SPDX-License-Identifier: GPL-2.0 */
/* Master secrets in use or used: round 0 begins with an empty replay window, once. */
#ifndef SIPSEC_USED_H
#define SIPSEC_USED_H

#include <linux/list.h>
#include <linux/types.h>

/**
 * struct sipsec_used_list - secrets that somebody has used
 * @by_age: the oldest first
 * @count: how many
 */
struct sipsec_used_list {
	struct list_head by_age;
	unsigned int count;
};

/**
 * sipsec_used_init - a list that is empty
 * @list: the list
 */
void sipsec_used_init(struct sipsec_used_list *list);

/**
 * sipsec_used_add - remember a master secret, unless it is known
 * @list: whose it is
 * @master: the secret
 * @len: its octets
 * @role: enum sipsec_role it is used in
 *
 * Only a keyed 64-bit fingerprint is kept. It is looked for on all lists of the
 * host, for a key must not be used twice anywhere; but who uses many has only
 * his own oldest ones forgotten.
 *
 * Context: process, may sleep.
 * Return: 0, -EKEYREJECTED if it was used before, -ENOMEM.
 */
int sipsec_used_add(struct sipsec_used_list *list, const u8 *master, unsigned int len, u32 role);

/**
 * sipsec_used_move - move all secrets to another list
 * @to: the list that remembers them from now on, if it has room
 * @from: becomes empty
 *
 * Context: process, may sleep.
 */
void sipsec_used_move(struct sipsec_used_list *to, struct sipsec_used_list *from);

/**
 * sipsec_used_forget - free a list's entries
 * @list: the list
 *
 * Context: process, may sleep.
 */
void sipsec_used_forget(struct sipsec_used_list *list);

#endif
