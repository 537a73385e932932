/* SPDX-License-Identifier: LGPL-2.1-or-later */
/* What two lines agree on: the rules of offer and answer (protocol.rst, section 2). Pure. */
#ifndef SIPSEC_AGREEMENT_H
#define SIPSEC_AGREEMENT_H

#include "sdp.h"

#define SIPSEC_LINES_MAX	32	/* at one level */

/* What is in force between two sides, as one of them sees it. */
struct sipsec_agreement {
	uint32_t suite;
	uint32_t prf;
	uint32_t mode;
	uint32_t rotate;
	uint32_t life;
	uint32_t window;	/* of our side */
	bool esn;
	uint32_t tfc;		/* of our side */
	uint16_t encap;		/* the peer's UDP port; 0: there is no UDP around ESP */
	uint32_t spi_out;	/* the peer's receive block */
	struct sipsec_addr peer;	/* len 0: the peer's line has no addr */
	bool dh;
};

/* Suites of whoever asks for none, by preference. */
extern const uint32_t sipsec_agreement_suites[];
extern const size_t sipsec_agreement_n_suites;

/* Leave out of a line of ours what does not go with its suite or mode. */
void sipsec_agreement_fit(struct sipsec_sdp_line *line);

/*
 * The one place that knows what protocol.rst has and this implementation has not: NULL, or what of
 * the line cannot be done.
 */
const char *sipsec_agreement_cannot(const struct sipsec_sdp_line *line);

/*
 * Choose from an offer the first line that can be used, has one of the suites, and no address of
 * another family than local. Its index;
 * -ENOKEY: none, why has the reason of the first line; -EBADMSG: the lines break the rules
 * together. chosen is valid for an index only, but has to be wiped in any case.
 */
int sipsec_agreement_choose(const char *const *offered, size_t n, const uint32_t *suites,
			    size_t n_suites, const struct sipsec_addr *local,
			    struct sipsec_sdp_line *chosen, char why[SIPSEC_WHY_MAX]);

/*
 * Complete our answer to an offered line. The caller has set what is the answerer's own: secret,
 * spi, addr, rotate, life, window, tfc, encap (left out here where it was not offered), and dh
 * (present where the offered line has it).
 */
void sipsec_agreement_answer(const struct sipsec_sdp_line *offered,
			     struct sipsec_sdp_line *answer);

/* Is it an answer to that line? 0, or -EBADMSG with the rule that it breaks. */
int sipsec_agreement_check(const struct sipsec_sdp_line *offered,
			   const struct sipsec_sdp_line *answer, char why[SIPSEC_WHY_MAX]);

/* After a check: what our line and the peer's come to. */
void sipsec_agreement_settle(const struct sipsec_sdp_line *ours,
			     const struct sipsec_sdp_line *peers,
			     struct sipsec_agreement *agreement);

#endif
