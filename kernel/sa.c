// SPDX-License-Identifier: GPL-2.0
#include <crypto/aead.h>
#include <linux/module.h>
#include <linux/slab.h>
#include <linux/string.h>
#include <linux/udp.h>
#include <net/xfrm.h>

#include "address.h"
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

static int set_cipher(struct xfrm_state *x, const struct sipsec_suite_info *suite,
		      const u8 *keymat)
{
	struct xfrm_algo_desc *desc;
	struct xfrm_algo *ealg;

	desc = xfrm_ealg_get_byname(suite->cipher, 1);
	if (!desc)
		return -ENOENT;
	ealg = kzalloc(sizeof(*ealg) + suite->enc_len, GFP_KERNEL);
	if (!ealg)
		return -ENOMEM;
	strscpy(ealg->alg_name, desc->name, sizeof(ealg->alg_name));
	ealg->alg_key_len = suite->enc_len * 8;
	memcpy(ealg->alg_key, keymat, suite->enc_len);
	x->ealg = ealg;
	x->props.ealgo = desc->desc.sadb_alg_id;
	x->geniv = desc->uinfo.encr.geniv;
	return 0;
}

static int set_auth(struct xfrm_state *x, const struct sipsec_suite_info *suite, const u8 *keymat)
{
	struct xfrm_algo_auth *aalg;
	struct xfrm_algo_desc *desc;

	desc = xfrm_aalg_get_byname(suite->auth, 1);
	if (!desc)
		return -ENOENT;
	aalg = kzalloc(sizeof(*aalg) + suite->auth_len, GFP_KERNEL);
	if (!aalg)
		return -ENOMEM;
	strscpy(aalg->alg_name, desc->name, sizeof(aalg->alg_name));
	aalg->alg_key_len = suite->auth_len * 8;
	aalg->alg_trunc_len = suite->icv_bits;
	memcpy(aalg->alg_key, keymat, suite->auth_len);
	x->aalg = aalg;
	x->props.aalgo = desc->desc.sadb_alg_id;
	return 0;
}

static int set_keys(struct xfrm_state *x, const struct sipsec_suite_info *suite, const u8 *keymat)
{
	int err = 0;

	if (suite->aead)
		return set_aead(x, suite, keymat);
	if (suite->cipher)
		err = set_cipher(x, suite, keymat);
	return err ?: set_auth(x, suite, keymat + suite->enc_len);
}

static void preload(const struct sipsec_suite_info *suite)
{
	const struct xfrm_algo_desc *desc = NULL;
	char name[CRYPTO_MAX_ALG_NAME] = "";
	struct crypto_aead *tfm;

	/* For AH, to have asked is enough. */
	if (suite->auth && !xfrm_aalg_get_byname(suite->auth, 1))
		return;
	if (suite->aead) {
		desc = xfrm_aead_get_byname(suite->aead, suite->icv_bits, 1);
		if (desc)
			snprintf(name, sizeof(name), "%s(%s)", desc->uinfo.aead.geniv, desc->name);
	} else if (suite->cipher) {
		desc = xfrm_ealg_get_byname(suite->cipher, 1);
		if (desc && desc->uinfo.encr.geniv)
			snprintf(name, sizeof(name), "%s(authenc(%s,%s))",
				 desc->uinfo.encr.geniv, suite->auth, desc->name);
		else if (desc)
			snprintf(name, sizeof(name), "authenc(%s,%s)", suite->auth, desc->name);
	}
	if (!desc)
		return;
	/* What was built of templates once stays. */
	tfm = crypto_alloc_aead(name, 0, 0);
	if (!IS_ERR(tfm))
		crypto_free_aead(tfm);
}

void sipsec_sa_preload(void)
{
	const struct sipsec_suite_info *suite;
	u32 id;

	for (id = 1; (suite = sipsec_suite_get(id)); id++)
		preload(suite);
}

static void wipe_key(struct xfrm_state *x)
{
	if (x->aead)
		memzero_explicit(x->aead->alg_key, x->aead->alg_key_len / 8);
	if (x->ealg)
		memzero_explicit(x->ealg->alg_key, x->ealg->alg_key_len / 8);
	if (x->aalg)
		memzero_explicit(x->aalg->alg_key, x->aalg->alg_key_len / 8);
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

/* By enum sipsec_mode. */
static const u8 modes[] = {
	[SIPSEC_MODE_TRANSPORT] = XFRM_MODE_TRANSPORT,
	[SIPSEC_MODE_TUNNEL] = XFRM_MODE_TUNNEL,
	[SIPSEC_MODE_BEET] = XFRM_MODE_BEET,
};

static struct xfrm_state *state_new(struct sipsec_group *group, u32 spi,
				    const struct in6_addr *saddr, const struct in6_addr *daddr,
				    const u8 *keymat)
{
	const u16 family = sipsec_address_family(daddr);
	const u8 prefixlen = family == AF_INET ? 32 : 128;
	struct xfrm_state *x;
	int err;

	x = xfrm_state_alloc(group->sn->net);
	if (!x)
		return ERR_PTR(-ENOMEM);
	x->id.proto = group->proto;
	x->id.spi = htonl(spi);
	x->id.daddr = sipsec_address_xfrm(daddr);
	x->props.saddr = sipsec_address_xfrm(saddr);
	x->props.family = family;
	x->props.mode = modes[group->mode];
	/* A reqid of its own keeps xfrm from renewing the routes of other people's states. */
	x->props.reqid = group->id;
	/* Tunnels are between the same addresses, inside and outside. */
	x->sel.family = family;
	x->sel.daddr = x->id.daddr;
	x->sel.saddr = x->props.saddr;
	x->sel.prefixlen_d = prefixlen;
	x->sel.prefixlen_s = prefixlen;
	/* RFC 4302, section 3.3.3.2.1: AH is aligned to 32 bits for IPv4, where xfrm has 64. */
	if (group->proto == IPPROTO_AH && family == AF_INET)
		x->props.flags |= XFRM_STATE_ALIGN4;
	if (group->esn)
		x->props.flags |= XFRM_STATE_ESN;
	err = set_keys(x, group->suite, keymat);
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

/* RFC 3948 */
static int set_encap(struct xfrm_state *x, __be16 sport, __be16 dport)
{
	x->encap = kzalloc(sizeof(*x->encap), GFP_KERNEL);
	if (!x->encap)
		return -ENOMEM;
	x->encap->encap_type = UDP_ENCAP_ESPINUDP;
	x->encap->encap_sport = sport;
	x->encap->encap_dport = dport;
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
		/* Nor may a flush, a delete or an update take it away: it is used by the kernel. */
		atomic_set(&x->tunnel_users, 1);
	}
	/* What is sent has no window, but xfrm wants one for extended numbers. */
	if (inbound || group->esn)
		err = set_replay(x, inbound ? group->window : SIPSEC_WINDOW_MIN);
	if (!err && group->encap.port)
		err = inbound ? set_encap(x, group->encap.peer_port, group->encap.port) :
				set_encap(x, group->encap.port, group->encap.peer_port);
	if (!err)
		err = xfrm_init_state(x, NULL);
	/* The cipher has its own copy now. */
	wipe_key(x);
	if (!inbound) {
		x->tfcpad = group->tfc;
		/*
		 * What esp4_offload and esp6_offload do in place of the hardware they lack comes
		 * after the counting, and does not pad.
		 */
		if (x->type_offload)
			module_put(x->type_offload->owner);
		x->type_offload = NULL;
	}
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
	sa->inbound = inbound;
	sa->x = x;
	return sa;
}

struct sipsec_sa *sipsec_sa_new_out(struct sipsec_group *group, u64 round, const u8 *keymat)
{
	u32 spi = sipsec_round_spi(group->spi_out, round);

	return sa_new(group, round, spi,
		      state_new(group, spi, &group->local, &group->peer, keymat), false);
}

struct sipsec_sa *sipsec_sa_new_in(struct sipsec_group *group, u64 round, const u8 *keymat)
{
	u32 spi = sipsec_round_spi(group->spi_in, round);

	return sa_new(group, round, spi,
		      state_new(group, spi, &group->peer, &group->local, keymat), true);
}

int sipsec_sa_add(struct sipsec_sa *sa)
{
	int err;

	/* The SAD takes over the first reference, this one is the round's. */
	xfrm_state_hold(sa->x);
	err = xfrm_state_add(sa->x);
	if (err)
		xfrm_state_put(sa->x);
	else
		atomic_inc(&sa->group->sn->states);
	return err;
}

void sipsec_sa_remove(struct sipsec_sa *sa)
{
	atomic_dec(&sa->group->sn->states);
	xfrm_state_delete(sa->x);
}

bool sipsec_sa_gone(const struct sipsec_sa *sa)
{
	return READ_ONCE(sa->x->km.state) != XFRM_STATE_VALID;
}

bool sipsec_sa_in_flight(const struct sipsec_sa *sa)
{
	return refcount_read(&sa->x->refcnt) > 1;
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

static void retired(struct rcu_head *rcu)
{
	sipsec_sa_put(container_of(rcu, struct sipsec_sa, rcu));
}

void sipsec_sa_retire(struct sipsec_sa *sa)
{
	call_rcu(&sa->rcu, retired);
}

u64 sipsec_sa_packets(const struct sipsec_sa *sa)
{
	/* xfrm counts what has authenticated. */
	if (sa->inbound)
		return READ_ONCE(sa->x->curlft.packets);
	return min_t(u32, atomic_read(&sa->sent), sa->group->rotate) +
	       (u32)atomic_read(&sa->beyond);
}

static bool spi_used(struct net *net, const struct in6_addr *local, u32 spi, u8 proto)
{
	const xfrm_address_t daddr = sipsec_address_xfrm(local);
	const u16 family = sipsec_address_family(local);
	struct xfrm_state *x;

	x = xfrm_state_lookup(net, 0, &daddr, htonl(spi), proto, family);
	if (x)
		xfrm_state_put(x);
	return x;
}

bool sipsec_sa_block_used(struct net *net, const struct in6_addr *local, u32 block)
{
	u32 spi;

	/* Nobody else has any, and of ours the groups' blocks tell: usual, and much cheaper. */
	if (READ_ONCE(net->xfrm.state_num) == atomic_read(&sipsec_pernet(net)->states))
		return false;
	/* Which of the two a group is of is known when its suite is. */
	for (spi = block; spi - block < SIPSEC_SPI_BLOCK_SIZE; spi++)
		if (spi_used(net, local, spi, IPPROTO_ESP) ||
		    spi_used(net, local, spi, IPPROTO_AH))
			return true;
	return false;
}
