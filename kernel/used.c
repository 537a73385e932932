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
static LIST_HEAD(used_by_age);
static unsigned int used_count;
/* Protects the three above. */
static DEFINE_MUTEX(used_lock);

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

static void used_del(struct used *used)
{
	hash_del(&used->node);
	list_del(&used->age);
	kfree(used);
	used_count--;
}

int sipsec_used_add(const u8 *master, unsigned int len, u32 role)
{
	struct used *used, *new;
	int err = 0;

	new = kzalloc(sizeof(*new), GFP_KERNEL);
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
		list_add_tail(&new->age, &used_by_age);
		if (++used_count > USED_MAX)
			used_del(list_first_entry(&used_by_age, struct used, age));
	}
	mutex_unlock(&used_lock);
	return err;
}

void sipsec_used_exit(void)
{
	struct used *used, *tmp;

	list_for_each_entry_safe(used, tmp, &used_by_age, age)
		used_del(used);
}
