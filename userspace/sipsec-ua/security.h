/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
/*
 * All that this program does for IPsec, and all that another SIP stack needs to copy. Every
 * function does nothing, and succeeds, with a NULL object: that is a call in clear.
 *
 * The lines in the SDP carry secrets. They are as safe as the signalling is: this sample speaks SIP
 * over UDP, in clear, to be watched; use TLS where it matters. libre keeps SIP messages and SDP for
 * a while and does not wipe them.
 */
#ifndef SECURITY_H
#define SECURITY_H

#include "ua.h"

/**
 * struct security_conf - What to ask for.
 * @app:	name of the app, as the administrator registered it
 * @suites:	names of the suites by preference, as in SDP; none: the library's choice
 * @n_suites:	their number
 * @rotate:	packets per round, or 0 for the default
 * @prefer:	go on in clear where the peer knows no ipsec-sa
 */
struct security_conf {
	const char *app;
	const char *suites[16];
	size_t n_suites;
	uint32_t rotate;
	bool prefer;
};

struct security;

/** security_alloc() - Open the app; freed with mem_deref(), which ends the group. */
int security_alloc(struct security **sp, const struct security_conf *conf, const struct sa *local);

/** security_offer() - Put our lines into the SDP that will be offered. */
int security_offer(struct security *s, struct sdp_session *sdp);

/** security_answer() - Choose from the offer in @sdp, install, put our line into the answer. */
int security_answer(struct security *s, struct sdp_session *sdp, const struct sa *peer);

/** security_established() - Take the answer in @sdp and install. */
int security_established(struct security *s, struct sdp_session *sdp, const struct sa *peer);

/** security_flow() - Bind a socket and its peer to the group, before the first packet. */
int security_flow(struct security *s, int fd, const struct sa *peer);

/** security_end() - End the group: the dialog is over. */
void security_end(struct security *s);

#endif /* SECURITY_H */
