// SPDX-License-Identifier: GPL-2.0
#include <crypto/aead.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <net/xfrm.h>

#include "group.h"
#include "pernet.h"
#include "round.h"
#include "sa.h"
#include "suite.h"

static int set_aead(struct xfrm_state *x, const struct sipsec_suite_info *suite, const u8 *keymat)
{
	unsigned int key_len = suite->enc_len + suite->salt_len;
	struct xfrm_algo_desc *desc;
	struct xfrm_algo_aead *aead;

	desc = xfrm_aead_get_byname(suite->aead, suite->icv_bits, 1);
	if (!desc)
		return -ENOENT;
	aead = kzalloc(sizeof(*aead) + key_len, GFP_KERNEL);
	if (!aead)
		return -ENOMEM;
	strscpy(aead->alg_name, desc->name, sizeof(aead->alg_name));
	aead->alg_key_len = key_len * 8;
	aead->alg_icv_len = suite->icv_bits;
	memcpy(aead->alg_key, keymat, key_len);
	x->aead = aead;
	x->props.ealgo = desc->desc.sadb_alg_id;
	x->geniv = desc->uinfo.aead.geniv;
	return 0;
}

void sipsec_sa_preload(void)
{
	const struct sipsec_suite_info *suite;
	struct xfrm_algo_desc *desc;
	char name[CRYPTO_MAX_ALG_NAME];
	struct crypto_aead *tfm;
	u32 id;

	for (id = 1; (suite = sipsec_suite_get(id)); id++) {
		desc = suite->aead ? xfrm_aead_get_byname(suite->aead, suite->icv_bits, 1) : NULL;
		if (!desc)
			continue;
		snprintf(name, sizeof(name), "%s(%s)", desc->uinfo.aead.geniv, desc->name);
		/* What was built of templates once stays. */
		tfm = crypto_alloc_aead(name, 0, 0);
		if (!IS_ERR(tfm))
			crypto_free_aead(tfm);
	}
}

static void wipe_key(struct xfrm_state *x)
{
	if (x->aead)
		memzero_explicit(x->aead->alg_key, x->aead->alg_key_len / 8);
}

/* A state that is in no list: freed by DEAD and put, never by xfrm_state_delete(). */
static void state_free(struct xfrm_state *x)
{
	wipe_key(x);
	spin_lock_bh(&x->lock);
	x->km.state = XFRM_STATE_DEAD;
	spin_unlock_bh(&x->lock);
	xfrm_state_put(x);
}

static struct xfrm_state *state_new(struct sipsec_group *group, u32 spi, __be32 saddr, __be32 daddr,
				    const u8 *keymat)
{
	struct xfrm_state *x;
	int err;

	x = xfrm_state_alloc(group->sn->net);
	if (!x)
		return ERR_PTR(-ENOMEM);
	x->id.proto = IPPROTO_ESP;
	x->id.spi = htonl(spi);
	x->id.daddr.a4 = daddr;
	x->props.saddr.a4 = saddr;
	x->props.family = AF_INET;
	x->props.mode = XFRM_MODE_TRANSPORT;
	/* A reqid of its own keeps xfrm from renewing the routes of other people's states. */
	x->props.reqid = group->id;
	x->sel.family = AF_INET;
	x->sel.daddr.a4 = daddr;
	x->sel.saddr.a4 = saddr;
	x->sel.prefixlen_d = 32;
	x->sel.prefixlen_s = 32;
	err = set_aead(x, group->suite, keymat);
	if (err) {
		state_free(x);
		return ERR_PTR(err);
	}
	return x;
}

static int set_replay(struct xfrm_state *x, u32 window)
{
	unsigned int bmp_len = DIV_ROUND_UP(window, 32);
	size_t size = sizeof(*x->replay_esn) + bmp_len * sizeof(u32);

	x->replay_esn = kzalloc(size, GFP_KERNEL);
	x->preplay_esn = kzalloc(size, GFP_KERNEL);
	if (!x->replay_esn || !x->preplay_esn)
		return -ENOMEM;
	x->replay_esn->bmp_len = bmp_len;
	x->replay_esn->replay_window = window;
	x->preplay_esn->bmp_len = bmp_len;
	x->preplay_esn->replay_window = window;
	return 0;
}

static struct sipsec_sa *sa_new(struct sipsec_group *group, u64 round, u32 spi,
				struct xfrm_state *x, bool inbound)
{
	struct sipsec_sa *sa;
	int err = 0;

	if (IS_ERR(x))
		return ERR_CAST(x);
	if (inbound) {
		/* No policy of the host may choose this state for output. */
		x->props.flags |= XFRM_STATE_WILDRECV;
		err = set_replay(x, group->window);
	}
	if (!err)
		err = xfrm_init_state(x);
	/* The cipher has its own copy now. */
	wipe_key(x);
	sa = err ? NULL : kzalloc(sizeof(*sa), GFP_KERNEL);
	if (!sa) {
		state_free(x);
		return ERR_PTR(err ?: -ENOMEM);
	}
	refcount_set(&sa->ref, 1);
	INIT_LIST_HEAD(&sa->list);
	sa->group = sipsec_group_get(group);
	sa->round = round;
	sa->spi = spi;
	sa->x = x;
	return sa;
}

struct sipsec_sa *sipsec_sa_new_out(struct sipsec_group *group, u64 round, const u8 *keymat)
{
	u32 spi = sipsec_round_spi(group->spi_out, round);

	return sa_new(group, round, spi,
		      state_new(group, spi, group->local, group->peer, keymat), false);
}

struct sipsec_sa *sipsec_sa_new_in(struct sipsec_group *group, u64 round, const u8 *keymat)
{
	u32 spi = sipsec_round_spi(group->spi_in, round);

	return sa_new(group, round, spi,
		      state_new(group, spi, group->peer, group->local, keymat), true);
}

int sipsec_sa_add(struct sipsec_sa *sa)
{
	int err;

	/* The SAD takes over the first reference, this one is the round's. */
	xfrm_state_hold(sa->x);
	err = xfrm_state_add(sa->x);
	if (err)
		xfrm_state_put(sa->x);
	return err;
}

void sipsec_sa_remove(struct sipsec_sa *sa)
{
	/* -ESRCH if an administrator's flush was faster. */
	xfrm_state_delete(sa->x);
	sipsec_sa_put(sa);
}

static void sa_free(struct rcu_head *rcu)
{
	struct sipsec_sa *sa = container_of(rcu, struct sipsec_sa, rcu);

	/* Out of the SAD already, or never in it: DEAD is what the last put expects. */
	state_free(sa->x);
	sipsec_group_put(sa->group);
	kfree(sa);
}

void sipsec_sa_put(struct sipsec_sa *sa)
{
	if (refcount_dec_and_test(&sa->ref))
		call_rcu(&sa->rcu, sa_free);
}

u64 sipsec_sa_packets(const struct sipsec_sa *sa)
{
	/* Inbound states have a replay bitmap; xfrm counts their packets. */
	if (sa->x->replay_esn)
		return READ_ONCE(sa->x->curlft.packets);
	return min_t(u32, atomic_read(&sa->sent), sa->group->rotate) +
	       sipsec_sa_late(sa);
}

bool sipsec_sa_block_used(struct net *net, __be32 local, u32 block)
{
	const xfrm_address_t daddr = { .a4 = local };
	struct xfrm_state *x;
	unsigned int i;

	for (i = 0; i < SIPSEC_SPI_BLOCK_SIZE; i++) {
		x = xfrm_state_lookup(net, 0, &daddr, htonl(block + i), IPPROTO_ESP, AF_INET);
		if (x) {
			xfrm_state_put(x);
			return true;
		}
	}
	return false;
}
