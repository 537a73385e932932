/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * One ipsec-sa line of SDP, from and to text (protocol.rst, section 2). Nothing here judges whether
 * a line can be used: agreement.h does.
 */
#ifndef SIPSEC_SDP_H
#define SIPSEC_SDP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "addr.h"

#define SIPSEC_SDP_PREFIX	"ipsec-sa:"
#define SIPSEC_SDP_LINE_MAX	1024	/* longest line read or written, with terminator */
#define SIPSEC_SECRET_LEN	32	/* of inline: and dh= */
#define SIPSEC_WHY_MAX		128	/* room for the reason of a refusal */

/* In the order in which they are written. */
enum sipsec_sdp_param {
	SIPSEC_SDP_SPI,
	SIPSEC_SDP_ADDR,
	SIPSEC_SDP_MODE,
	SIPSEC_SDP_PRF,
	SIPSEC_SDP_ROTATE,
	SIPSEC_SDP_LIFE,
	SIPSEC_SDP_WINDOW,
	SIPSEC_SDP_ESN,
	SIPSEC_SDP_COMP,
	SIPSEC_SDP_CPI,
	SIPSEC_SDP_TFC,
	SIPSEC_SDP_ENCAP,
	SIPSEC_SDP_DH,
	SIPSEC_SDP_PARAMS,
};

struct sipsec_sdp_line {
	uint32_t tag;		/* 1 .. 999999999 */
	uint32_t suite;		/* enum sipsec_suite */
	uint8_t secret[SIPSEC_SECRET_LEN];
	uint32_t present;	/* bits 1 << enum sipsec_sdp_param */
	/* What is not present has its default. */
	uint32_t spi;		/* the sender's receive block, host byte order */
	struct sipsec_addr addr;
	uint32_t mode;		/* enum sipsec_mode */
	uint32_t prf;		/* enum sipsec_prf */
	uint32_t rotate;	/* packets */
	uint32_t life;		/* seconds */
	uint32_t window;	/* packets */
	bool esn;
	bool comp;		/* deflate */
	uint16_t cpi;
	uint32_t tfc;		/* octets */
	uint16_t encap;		/* UDP port */
	uint8_t dh[SIPSEC_SECRET_LEN];	/* X25519 public key */
};

static inline bool sipsec_sdp_has(const struct sipsec_sdp_line *line, enum sipsec_sdp_param param)
{
	return line->present & 1U << param;
}

/* A line without parameters: all defaults. */
void sipsec_sdp_init(struct sipsec_sdp_line *line);

/*
 * Read the value of an ipsec-sa attribute. 0, or -EBADMSG with the reason in why (never any part
 * of a secret). line->tag is set as soon as the tag was readable, else 0.
 */
int sipsec_sdp_parse(const char *text, struct sipsec_sdp_line *line, char why[SIPSEC_WHY_MAX]);

/* Write the line, parameters in the order of the enum. 0 or -ENOSPC. */
int sipsec_sdp_format(const struct sipsec_sdp_line *line, char text[SIPSEC_SDP_LINE_MAX]);

#endif
