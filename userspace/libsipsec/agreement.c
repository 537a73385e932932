// SPDX-License-Identifier: LGPL-2.1-or-later
#include <errno.h>
#include <stdio.h>
#include <string.h>

#include <openssl/crypto.h>

#include <linux/sipsec-suites.h>

#include "agreement.h"

const uint32_t sipsec_agreement_suites[] = {
	SIPSEC_SUITE_ESP_AES_128_GCM_16,
	SIPSEC_SUITE_ESP_AES_256_GCM_16,
	SIPSEC_SUITE_ESP_CHACHA20_POLY1305,
};

const size_t sipsec_agreement_n_suites =
	sizeof(sipsec_agreement_suites) / sizeof(sipsec_agreement_suites[0]);

static bool has(const uint32_t *suites, size_t n, uint32_t suite)
{
	for (size_t i = 0; i < n; i++)
		if (suites[i] == suite)
			return true;
	return false;
}

static bool is_esp(const struct sipsec_sdp_line *line)
{
#define IS_ESP(name, enc, salt, auth, aead, cipher, mac, icv, most, legacy) \
	[SIPSEC_SUITE_##name] = (const char *)(aead) || (const char *)(cipher),
	static const bool esp[] = { SIPSEC_SUITES(IS_ESP) };

	return esp[line->suite];
}

/* A packet has to end where it says. */
static bool pads(const struct sipsec_sdp_line *line)
{
	return line->mode == SIPSEC_MODE_TUNNEL && is_esp(line);
}

static void leave_out_encap(struct sipsec_sdp_line *line)
{
	line->encap = 0;
	line->present &= ~(1U << SIPSEC_SDP_ENCAP);
}

void sipsec_agreement_fit(struct sipsec_sdp_line *line)
{
	if (!is_esp(line))
		leave_out_encap(line);
	if (pads(line))
		return;
	line->tfc = 0;
	line->present &= ~(1U << SIPSEC_SDP_TFC);
}

const char *sipsec_agreement_cannot(const struct sipsec_sdp_line *line)
{
	if (line->comp)
		return "comp is not supported";
	if (line->tfc && !pads(line))
		return "tfc takes ESP in tunnel mode";
	if (line->encap && !is_esp(line))
		return "encap takes ESP";
	return NULL;
}

static const char *unusable(const struct sipsec_sdp_line *line, const uint32_t *suites,
			    size_t n_suites, const struct sipsec_addr *local)
{
	const char *cannot = sipsec_agreement_cannot(line);

	if (!cannot && !has(suites, n_suites, line->suite))
		return "the suite is not one of ours";
	if (!cannot && line->addr.len && line->addr.len != local->len)
		return "addr is not of our address family";
	return cannot;
}

int sipsec_agreement_choose(const char *const *offered, size_t n, const uint32_t *suites,
			    size_t n_suites, const struct sipsec_addr *local,
			    struct sipsec_sdp_line *chosen, char why[SIPSEC_WHY_MAX])
{
	uint32_t tags[SIPSEC_LINES_MAX];
	struct sipsec_sdp_line line;
	char reason[SIPSEC_WHY_MAX];
	int found = -ENOKEY;

	if (!n)
		snprintf(why, SIPSEC_WHY_MAX, "there is no ipsec-sa line");
	if (n > SIPSEC_LINES_MAX) {
		snprintf(why, SIPSEC_WHY_MAX, "more than %d ipsec-sa lines", SIPSEC_LINES_MAX);
		return -EBADMSG;
	}
	for (size_t i = 0; i < n; i++) {
		bool readable = !sipsec_sdp_parse(offered[i], &line, reason);
		const char *cannot = readable ? unusable(&line, suites, n_suites, local) : reason;

		/* An unusable line is only passed over, but a tag names one line of an offer. */
		if (line.tag && has(tags, i, line.tag)) {
			snprintf(why, SIPSEC_WHY_MAX, "tag %u is there twice", line.tag);
			found = -EBADMSG;
			break;
		}
		tags[i] = line.tag;
		if (!cannot && found < 0) {
			*chosen = line;
			found = i;
		} else if (cannot && i == 0) {
			snprintf(why, SIPSEC_WHY_MAX, "%s", cannot);
		}
	}
	OPENSSL_cleanse(&line, sizeof(line));
	return found;
}

void sipsec_agreement_answer(const struct sipsec_sdp_line *offered,
			     struct sipsec_sdp_line *answer)
{
	const uint32_t same = 1U << SIPSEC_SDP_MODE | 1U << SIPSEC_SDP_PRF | 1U << SIPSEC_SDP_ESN;

	answer->tag = offered->tag;
	answer->suite = offered->suite;
	answer->mode = offered->mode;
	answer->prf = offered->prf;
	answer->esn = offered->esn;
	answer->present = (answer->present & ~same) | (offered->present & same);
	if (!offered->encap)
		leave_out_encap(answer);
	sipsec_agreement_fit(answer);
}

static uint32_t min(uint32_t a, uint32_t b)
{
	return a < b ? a : b;
}

/* Packets of a round that the suite allows, whatever the two sides say. */
static uint32_t rotate_max(uint32_t suite)
{
#define ROTATE_MAX(name, enc, salt, auth, aead, cipher, mac, icv, most, legacy) \
	[SIPSEC_SUITE_##name] = (most),
	static const uint32_t table[] = { SIPSEC_SUITES(ROTATE_MAX) };

	return table[suite];
}

/* The rule of the answer table that is broken, or NULL. */
static const char *broken(const struct sipsec_sdp_line *offered,
			  const struct sipsec_sdp_line *answer)
{
	if (answer->tag != offered->tag)
		return "the tag is not the offered one";
	if (answer->suite != offered->suite)
		return "the suite is not the offered one";
	if (!CRYPTO_memcmp(answer->secret, offered->secret, sizeof(offered->secret)))
		return "the secret is ours, not the answerer's own";
	if (answer->mode != offered->mode)
		return "mode is not the offered one";
	if (answer->prf != offered->prf)
		return "prf is not the offered one";
	if (answer->addr.len && offered->addr.len && answer->addr.len != offered->addr.len)
		return "addr is not of the offered address family";
	if (answer->esn && !offered->esn)
		return "esn=1 was not offered";
	if (answer->comp && !offered->comp)
		return "comp was not offered";
	if (answer->encap && !offered->encap)
		return "encap was not offered";
	if (sipsec_sdp_has(answer, SIPSEC_SDP_DH) && !sipsec_sdp_has(offered, SIPSEC_SDP_DH))
		return "dh was not offered";
	if (!sipsec_sdp_has(answer, SIPSEC_SDP_DH) && sipsec_sdp_has(offered, SIPSEC_SDP_DH))
		return "dh was offered and is missing";
	return NULL;
}

int sipsec_agreement_check(const struct sipsec_sdp_line *offered,
			   const struct sipsec_sdp_line *answer, char why[SIPSEC_WHY_MAX])
{
	const char *rule = broken(offered, answer);

	if (!rule)
		rule = sipsec_agreement_cannot(answer);
	if (!rule)
		return 0;
	snprintf(why, SIPSEC_WHY_MAX, "%s", rule);
	return -EBADMSG;
}

void sipsec_agreement_settle(const struct sipsec_sdp_line *ours,
			     const struct sipsec_sdp_line *peers,
			     struct sipsec_agreement *agreement)
{
	*agreement = (struct sipsec_agreement){
		.suite = ours->suite,
		.prf = ours->prf,
		.mode = ours->mode,
		.rotate = min(rotate_max(ours->suite), min(ours->rotate, peers->rotate)),
		.life = min(ours->life, peers->life),
		.window = ours->window,
		.esn = ours->esn && peers->esn,
		.tfc = ours->tfc,
		.encap = ours->encap ? peers->encap : 0,
		.spi_out = peers->spi,
		.peer = peers->addr,
		.dh = sipsec_sdp_has(ours, SIPSEC_SDP_DH),
	};
}
