// SPDX-License-Identifier: GPL-2.0
#include <linux/hashtable.h>
#include <linux/list.h>
#include <linux/mutex.h>
#include <linux/once.h>
#include <linux/random.h>
#include <linux/siphash.h>
#include <linux/slab.h>
#include <linux/string.h>

#include "kdf.h"
#include "used.h"

#define USED_MAX	65536

struct used {
	struct hlist_node node;
	struct list_head age;
	u64 fingerprint;
};

static DEFINE_HASHTABLE(used_table, 10);
/* Protects the table and all lists. */
static DEFINE_MUTEX(used_lock);

void sipsec_used_init(struct sipsec_used_list *list)
{
	INIT_LIST_HEAD(&list->by_age);
	list->count = 0;
}

static u64 fingerprint(const u8 *master, unsigned int len, u32 role)
{
	static siphash_key_t key __read_mostly;
	u8 buf[SIPSEC_KDF_MAX + 1] __aligned(SIPHASH_ALIGNMENT);
	u64 hash;

	get_random_once(&key, sizeof(key));
	memcpy(buf, master, len);
	buf[len] = role;
	hash = siphash(buf, len + 1, &key);
	memzero_explicit(buf, sizeof(buf));
	return hash;
}

static void forget_oldest(struct sipsec_used_list *list)
{
	struct used *used = list_first_entry(&list->by_age, struct used, age);

	hash_del(&used->node);
	list_del(&used->age);
	kfree(used);
	list->count--;
}

int sipsec_used_add(struct sipsec_used_list *list, const u8 *master, unsigned int len, u32 role)
{
	struct used *used, *new;
	int err = 0;

	new = kzalloc(sizeof(*new), GFP_KERNEL_ACCOUNT);
	if (!new)
		return -ENOMEM;
	new->fingerprint = fingerprint(master, len, role);

	mutex_lock(&used_lock);
	hash_for_each_possible(used_table, used, node, new->fingerprint) {
		if (used->fingerprint == new->fingerprint) {
			err = -EKEYREJECTED;
			break;
		}
	}
	if (err) {
		kfree(new);
	} else {
		hash_add(used_table, &new->node, new->fingerprint);
		list_add_tail(&new->age, &list->by_age);
		if (++list->count > USED_MAX)
			forget_oldest(list);
	}
	mutex_unlock(&used_lock);
	return err;
}

void sipsec_used_move(struct sipsec_used_list *to, struct sipsec_used_list *from)
{
	mutex_lock(&used_lock);
	list_splice_tail_init(&from->by_age, &to->by_age);
	to->count += from->count;
	from->count = 0;
	while (to->count > USED_MAX)
		forget_oldest(to);
	mutex_unlock(&used_lock);
}

void sipsec_used_forget(struct sipsec_used_list *list)
{
	mutex_lock(&used_lock);
	while (list->count)
		forget_oldest(list);
	mutex_unlock(&used_lock);
}
