// SPDX-License-Identifier: LGPL-2.1-or-later
/*
 * A dialog goes from NEW to OFFERED to UP (offerer) or from NEW to UP (answerer); CLEAR instead of
 * UP where the peer has no ipsec-sa and policy is prefer. Every error on the way ends in FAILED:
 * the reservation is given back and the secrets are wiped, so nothing half-made can be used.
 */
#include <arpa/inet.h>
#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <linux/udp.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>

#include "agreement.h"
#include "kdf.h"
#include "netlink.h"
#include "sdp.h"
#include "sipsec.h"

enum state { NEW, OFFERED, UP, CLEAR, FAILED };

/* What has to be wiped as soon as the group has its keys. */
struct offer {
	struct sipsec_sdp_line line[SIPSEC_LINES_MAX];
	char text[SIPSEC_LINES_MAX][SIPSEC_SDP_LINE_MAX];
	const char *lines[SIPSEC_LINES_MAX];
	uint8_t dh_private[SIPSEC_SECRET_LEN];
};

/* So many seconds, if the caller has no wish, packets of an old group may be under way. */
#define GRACE	10

struct sipsec_dialog {
	struct sipsec *s;
	struct sipsec_dialog *old;	/* whose place this one is to take, or NULL */
	struct sipsec_dialog *next;	/* which is to take this one's place, or NULL */
	enum state state;
	bool offerer;			/* since it has offered */
	uint32_t group;
	struct sipsec_addr local;
	struct sipsec_addr peer;
	uint32_t suites[SIPSEC_LINES_MAX];
	size_t n_suites;
	struct sipsec_sdp_line own;	/* what all our lines have in common; no secret */
	bool prefer;
	bool dh;
	struct offer *offer;		/* OFFERED only */
	char *answer;			/* the answerer's line, until it is sent */
	uint8_t answer_hash[32];	/* of the answer we got, to know it again */
	uint32_t suite;			/* in force */
	uint64_t rotate_octets;
	uint32_t rotate_time;
	uint32_t rotate_idle;
	uint32_t lookahead;
	int encap_fd;			/* if own.encap */
	uint16_t encap_port;		/* where it is bound */
	struct sipsec_flow_conf *flows;
	size_t n_flows;
	char identity[SIPSEC_PEER_IDENTITY_MAX + 1];	/* of the peer, or "" */
};

/* Conf */

static int take_suites(struct sipsec_dialog *d, const struct sipsec_dialog_conf *conf)
{
	const uint32_t *suites = conf->n_suites ? conf->suites : sipsec_agreement_suites;

	d->n_suites = conf->n_suites ? conf->n_suites : sipsec_agreement_n_suites;
	if (d->n_suites > SIPSEC_LINES_MAX)
		return sipsec_netlink_fail(d->s, -EINVAL, "more than %d suites",
					   SIPSEC_LINES_MAX);
	for (size_t i = 0; i < d->n_suites; i++) {
		struct sipsec_sdp_line line = d->own;
		const char *name = sipsec_suite_name(suites[i]);
		const char *cannot;

		if (!name)
			return sipsec_netlink_fail(d->s, -EINVAL, "there is no suite %u",
						   suites[i]);
		for (size_t k = 0; k < i; k++)
			if (suites[k] == suites[i])
				return sipsec_netlink_fail(d->s, -EINVAL, "suite %s is there twice",
							   name);
		line.suite = suites[i];
		sipsec_agreement_fit(&line);
		cannot = sipsec_agreement_cannot(&line);
		if (cannot)
			return sipsec_netlink_fail(d->s, -EOPNOTSUPP, "%s: %s", name, cannot);
		d->suites[i] = suites[i];
	}
	return 0;
}

/* Set now: what comes before the keys is to wait for them in the kernel, not in the socket. */
static int take_encap(struct sipsec_dialog *d, int fd)
{
	const int type = UDP_ENCAP_ESPINUDP;
	struct sockaddr_storage bound = { 0 };
	socklen_t len = sizeof(bound);
	struct sipsec_addr addr;

	if (getsockname(fd, (struct sockaddr *)&bound, &len))
		return sipsec_netlink_fail(d->s, -errno, "encap_fd: %s", strerror(errno));
	if (sipsec_addr_of((struct sockaddr *)&bound, len, &addr, &d->encap_port) ||
	    !d->encap_port)
		return sipsec_netlink_fail(d->s, -EINVAL, "encap_fd is not bound to a port");
	if (setsockopt(fd, IPPROTO_UDP, UDP_ENCAP, &type, sizeof(type)))
		return sipsec_netlink_fail(d->s, -errno, "encap_fd: UDP_ENCAP: %s",
					   strerror(errno));
	d->encap_fd = fd;
	return 0;
}

static int take_conf(struct sipsec_dialog *d, const struct sipsec_dialog_conf *conf)
{
	struct sipsec_sdp_line *own = &d->own;
	int err;

	sipsec_sdp_init(own);
	if (!conf->local || sipsec_addr_parse(conf->local, &d->local))
		return sipsec_netlink_fail(d->s, -EINVAL, "local is not a numeric address");
	if (!sipsec_addr_is_unicast(&d->local))
		return sipsec_netlink_fail(d->s, -EINVAL, "local is not the address of one host");
	/* Said in every line: the c= line may be changed on its way, or the peer not see it. */
	own->addr = d->local;
	if (conf->seen_as && (sipsec_addr_parse(conf->seen_as, &own->addr) ||
			      own->addr.len != d->local.len || !sipsec_addr_is_unicast(&own->addr)))
		return sipsec_netlink_fail(d->s, -EINVAL,
					   "seen_as is not one host's address of local's family");
	own->addr.ifindex = 0;
	own->present |= 1U << SIPSEC_SDP_ADDR;
	if (conf->prf) {
		if (!sipsec_prf_name(conf->prf))
			return sipsec_netlink_fail(d->s, -EINVAL, "there is no prf %d", conf->prf);
		own->prf = conf->prf;
		own->present |= 1U << SIPSEC_SDP_PRF;
	}
	if (conf->mode) {
		if (conf->mode < SIPSEC_MODE_TRANSPORT || conf->mode > SIPSEC_MODE_BEET)
			return sipsec_netlink_fail(d->s, -EINVAL, "there is no mode %d",
						   conf->mode);
		own->mode = conf->mode;
		own->present |= 1U << SIPSEC_SDP_MODE;
	}
	if (conf->rotate) {
		if (conf->rotate < SIPSEC_ROTATE_MIN || conf->rotate > SIPSEC_ROTATE_MAX)
			return sipsec_netlink_fail(d->s, -ERANGE,
						   "rotate is not %u .. 2^31 packets",
						   SIPSEC_ROTATE_MIN);
		own->rotate = conf->rotate;
		own->present |= 1U << SIPSEC_SDP_ROTATE;
	}
	if (conf->life) {
		own->life = conf->life;
		own->present |= 1U << SIPSEC_SDP_LIFE;
	}
	if (conf->window) {
		if (conf->window < SIPSEC_WINDOW_MIN || conf->window > SIPSEC_WINDOW_MAX)
			return sipsec_netlink_fail(d->s, -ERANGE, "window is not %u .. %u packets",
						   SIPSEC_WINDOW_MIN, SIPSEC_WINDOW_MAX);
		own->window = conf->window;
		own->present |= 1U << SIPSEC_SDP_WINDOW;
	}
	if (conf->esn) {
		own->esn = true;
		own->present |= 1U << SIPSEC_SDP_ESN;
	}
	if (conf->tfc) {
		if (conf->tfc > UINT16_MAX)
			return sipsec_netlink_fail(d->s, -ERANGE, "tfc is not 0 .. 65535 octets");
		if (conf->mode != SIPSEC_MODE_TUNNEL)
			return sipsec_netlink_fail(d->s, -EINVAL, "tfc takes tunnel mode");
		own->tfc = conf->tfc;
		own->present |= 1U << SIPSEC_SDP_TFC;
	}
	if (conf->lookahead > SIPSEC_LOOKAHEAD_MAX)
		return sipsec_netlink_fail(d->s, -ERANGE, "lookahead is not 0 .. %u rounds",
					   SIPSEC_LOOKAHEAD_MAX);
	if (conf->encap_port) {
		err = take_encap(d, conf->encap_fd);
		if (err)
			return err;
		own->encap = conf->encap_port;
		own->present |= 1U << SIPSEC_SDP_ENCAP;
	}
	d->rotate_octets = conf->rotate_octets;
	d->rotate_time = conf->rotate_time;
	d->rotate_idle = conf->rotate_idle;
	d->lookahead = conf->lookahead;
	d->prefer = conf->prefer;
	d->dh = conf->dh;
	return take_suites(d, conf);
}

int sipsec_dialog_new(struct sipsec *s, const struct sipsec_dialog_conf *conf,
		      struct sipsec_dialog **dp)
{
	struct sipsec_dialog *d = calloc(1, sizeof(*d));
	int err;

	*dp = NULL;
	if (!d)
		return sipsec_netlink_fail(s, -ENOMEM, "no memory for the dialog");
	d->s = s;
	err = take_conf(d, conf);
	if (err) {
		free(d);
		return err;
	}
	*dp = d;
	return 0;
}

/* Ends */

static void forget_offer(struct sipsec_dialog *d)
{
	if (d->offer)
		OPENSSL_cleanse(d->offer, sizeof(*d->offer));
	free(d->offer);
	d->offer = NULL;
}

static void forget_answer(struct sipsec_dialog *d)
{
	if (d->answer)
		OPENSSL_cleanse(d->answer, SIPSEC_SDP_LINE_MAX);
	free(d->answer);
	d->answer = NULL;
}

/* The caller's error, and its text, are the news; a group that is gone already is none. */
static void end_group(struct sipsec_dialog *d)
{
	if (d->group)
		sipsec_group_del(d->s, d->group);
	d->group = 0;
}

static int give_up(struct sipsec_dialog *d, int err)
{
	char text[256];

	snprintf(text, sizeof(text), "%s", sipsec_error(d->s));
	end_group(d);
	forget_offer(d);
	forget_answer(d);
	d->state = FAILED;
	return sipsec_netlink_fail(d->s, err, "%s", text);
}

/* A call that does not fit the dialog's state. */
static int misplaced(struct sipsec_dialog *d, const char *what)
{
	static const char *const because[] = {
		[NEW] = "nothing was offered yet",
		[OFFERED] = "the dialog has made an offer",
		[UP] = "the dialog has its group",
		[CLEAR] = "the peer has no ipsec-sa, media is in clear text",
		[FAILED] = "the dialog has failed",
	};

	return sipsec_netlink_fail(d->s, -EALREADY, "%s: %s", what, because[d->state]);
}

void sipsec_dialog_sent(struct sipsec_dialog *d)
{
	forget_answer(d);
}

void sipsec_dialog_end(struct sipsec_dialog *d)
{
	if (!d)
		return;
	end_group(d);
	forget_offer(d);
	forget_answer(d);
	if (d->old)
		d->old->next = NULL;
	if (d->next)
		d->next->old = NULL;
	free(d->flows);
	OPENSSL_cleanse(d, sizeof(*d));
	free(d);
}

/* Both roles */

static int reserve(struct sipsec_dialog *d)
{
	char local[SIPSEC_ADDR_TEXT];
	struct sipsec_group_conf conf = { .local = sipsec_addr_format(&d->local, local) };
	int err = sipsec_group_new(d->s, &conf, &d->group, &d->own.spi);

	if (!err)
		d->own.present |= 1U << SIPSEC_SDP_SPI;
	return err;
}

static int fresh_secret(struct sipsec_dialog *d, struct sipsec_sdp_line *line)
{
	int err = sipsec_kdf_random(line->secret);

	if (err)
		return sipsec_netlink_fail(d->s, err, "getting random octets: %s",
					   strerror(-err));
	return 0;
}

/* One key serves all lines of an offer: just one of them is answered. */
static int fresh_dh(struct sipsec_dialog *d, uint8_t private_key[SIPSEC_SECRET_LEN],
		    uint8_t public_key[SIPSEC_SECRET_LEN])
{
	int err = sipsec_kdf_random(private_key);

	if (!err)
		err = sipsec_kdf_dh_public(private_key, public_key);
	if (err)
		return sipsec_netlink_fail(d->s, err, "making an X25519 key: %s", strerror(-err));
	return 0;
}

static int find_peer(struct sipsec_dialog *d, const char *peer, struct sipsec_addr *addr)
{
	if (!addr->len) {
		if (!peer || sipsec_addr_parse(peer, addr))
			return sipsec_netlink_fail(d->s, -EINVAL,
						   "the peer's line has no addr and its c= line no numeric address");
		if (!sipsec_addr_is_unicast(addr))
			return sipsec_netlink_fail(d->s, -EINVAL,
						   "the peer's c= line has not the address of one host");
	}
	if (addr->len != d->local.len)
		return sipsec_netlink_fail(d->s, -EAFNOSUPPORT,
					   "the peer's address is not of our address family");
	/* What is on our link only is on the link of our address. */
	addr->ifindex = sipsec_addr_is_link_local(addr) ? d->local.ifindex : 0;
	return 0;
}

/* What both sides said, in offerer's and answerer's terms. */
struct said {
	const char *const *offered;
	size_t n;
	const char *answered;
	const struct sipsec_sdp_line *offer;
	const struct sipsec_sdp_line *answer;
	const uint8_t *dh_private;
};

static int derive(struct sipsec_dialog *d, const struct said *said, bool offerer,
		  uint8_t master[SIPSEC_MASTER_MAX])
{
	const struct sipsec_sdp_line *peers = offerer ? said->answer : said->offer;
	bool with_dh = sipsec_sdp_has(said->offer, SIPSEC_SDP_DH);
	uint8_t transcript[SIPSEC_MASTER_MAX], dh[SIPSEC_SECRET_LEN];
	int err = 0;

	if (with_dh)
		err = sipsec_kdf_dh(said->dh_private, peers->dh, dh);
	if (err == -EBADMSG)
		return sipsec_netlink_fail(d->s, err, "dh: the peer's X25519 key is no good");
	if (!err)
		err = sipsec_kdf_transcript(said->offer->prf, said->offered, said->n,
					    said->answered, transcript);
	if (!err)
		err = sipsec_kdf_master(said->offer->prf, transcript, said->offer->secret,
					said->answer->secret, with_dh ? dh : NULL, master);
	OPENSSL_cleanse(dh, sizeof(dh));
	if (err)
		return sipsec_netlink_fail(d->s, err, "deriving the master secret: %s",
					   strerror(-err));
	return 0;
}

int sipsec_dialog_identify(struct sipsec_dialog *d, const char *identity)
{
	size_t len = strlen(identity);

	if (len > SIPSEC_PEER_IDENTITY_MAX)
		return sipsec_netlink_fail(d->s, -EINVAL, "an identity has up to %d octets",
					   SIPSEC_PEER_IDENTITY_MAX);
	if (d->state != NEW && d->state != OFFERED)
		return sipsec_netlink_fail(d->s, -EALREADY, "the group has its keys already");
	memcpy(d->identity, identity, len + 1);
	return 0;
}

static int install(struct sipsec_dialog *d, const struct said *said, bool offerer,
		   const char *peer)
{
	const struct sipsec_sdp_line *ours = offerer ? said->offer : said->answer;
	const struct sipsec_sdp_line *peers = offerer ? said->answer : said->offer;
	uint8_t master[SIPSEC_MASTER_MAX];
	char peer_text[SIPSEC_ADDR_TEXT];
	struct sipsec_agreement agreed;
	struct sipsec_group_conf conf;
	int err;

	sipsec_agreement_settle(ours, peers, &agreed);
	err = find_peer(d, peer, &agreed.peer);
	if (!err)
		err = derive(d, said, offerer, master);
	if (!err) {
		conf = (struct sipsec_group_conf){
			.role = offerer ? SIPSEC_ROLE_OFFERER : SIPSEC_ROLE_ANSWERER,
			.suite = agreed.suite,
			.prf = agreed.prf,
			.mode = agreed.mode,
			.master = master,
			.master_len = sipsec_kdf_len(agreed.prf),
			.spi_out = agreed.spi_out,
			.peer = sipsec_addr_format(&agreed.peer, peer_text),
			.rotate = agreed.rotate,
			.life = agreed.life,
			.window = agreed.window,
			.esn = agreed.esn,
			.tfc = agreed.tfc,
			.encap_port = agreed.encap ? d->encap_port : 0,
			.encap_peer_port = agreed.encap,
			.encap_fd = d->encap_fd,
			.rotate_octets = d->rotate_octets,
			.rotate_time = d->rotate_time,
			.rotate_idle = d->rotate_idle,
			.lookahead = d->lookahead,
			.replaces = d->old ? d->old->group : 0,
			.peer_identity = *d->identity ? d->identity : NULL,
		};
		err = sipsec_group_set(d->s, d->group, &conf);
	}
	OPENSSL_cleanse(master, sizeof(master));
	if (err)
		return err;
	d->peer = agreed.peer;
	d->suite = agreed.suite;
	d->state = UP;
	return 0;
}

/* Offerer */

static int make_offer(struct sipsec_dialog *d)
{
	struct offer *offer = calloc(1, sizeof(*offer));
	int err;

	if (!offer)
		return sipsec_netlink_fail(d->s, -ENOMEM, "no memory for the offer");
	d->offer = offer;
	err = reserve(d);
	if (!err && d->dh) {
		d->own.present |= 1U << SIPSEC_SDP_DH;
		err = fresh_dh(d, offer->dh_private, d->own.dh);
	}
	for (size_t i = 0; i < d->n_suites && !err; i++) {
		struct sipsec_sdp_line *line = &offer->line[i];

		*line = d->own;
		line->tag = i + 1;
		line->suite = d->suites[i];
		sipsec_agreement_fit(line);
		offer->lines[i] = offer->text[i];
		err = fresh_secret(d, line);
		if (!err && sipsec_sdp_format(line, offer->text[i]))
			err = sipsec_netlink_fail(d->s, -ENOSPC, "the line is too long");
	}
	return err;
}

int sipsec_dialog_offer(struct sipsec_dialog *d, const char *const **lines, size_t *n)
{
	int err;

	if (d->state == NEW) {
		err = make_offer(d);
		if (err)
			return give_up(d, err);
		d->state = OFFERED;
		d->offerer = true;
	}
	if (d->state != OFFERED)
		return misplaced(d, "offer");
	*lines = d->offer->lines;
	*n = d->n_suites;
	return 0;
}

static void hash_answer(const char *answered, uint8_t hash[32])
{
	EVP_Digest(answered, strlen(answered), hash, NULL, EVP_sha256(), NULL);
}

static int repeated_answer(struct sipsec_dialog *d, const char *const *answered, size_t n)
{
	uint8_t hash[32];

	if (n == 1) {
		hash_answer(answered[0], hash);
		if (!CRYPTO_memcmp(hash, d->answer_hash, sizeof(hash)))
			return 0;
	}
	return sipsec_netlink_fail(d->s, -EALREADY,
				   "this offer has its answer; a fork needs a dialog and an offer of its own");
}

static int accept_answer(struct sipsec_dialog *d, const char *answered, const char *peer)
{
	struct sipsec_sdp_line answer;
	char why[SIPSEC_WHY_MAX];
	struct said said = {
		.offered = d->offer->lines,
		.n = d->n_suites,
		.answered = answered,
		.answer = &answer,
		.dh_private = d->offer->dh_private,
	};
	int err = sipsec_sdp_parse(answered, &answer, why);

	if (!err && answer.tag > d->n_suites) {
		snprintf(why, sizeof(why), "tag %u was not offered", answer.tag);
		err = -EBADMSG;
	}
	if (!err) {
		said.offer = &d->offer->line[answer.tag - 1];
		err = sipsec_agreement_check(said.offer, &answer, why);
	}
	if (err)
		sipsec_netlink_fail(d->s, err, "the answer breaks the rules: %s", why);
	else
		err = install(d, &said, true, peer);
	OPENSSL_cleanse(&answer, sizeof(answer));
	return err;
}

int sipsec_dialog_established(struct sipsec_dialog *d, const char *const *answered, size_t n,
			      const char *peer)
{
	int err;

	if (d->state == UP && d->offerer)
		return repeated_answer(d, answered, n);
	if (d->state != OFFERED)
		return misplaced(d, "established");
	if (n > 1) {
		sipsec_netlink_fail(d->s, -EBADMSG, "%zu lines were answered instead of one", n);
		return give_up(d, -EBADMSG);
	}
	if (!n && d->prefer) {
		end_group(d);
		forget_offer(d);
		d->state = CLEAR;
		return 0;
	}
	if (!n) {
		sipsec_netlink_fail(d->s, -ENOKEY,
				    "the answer has no ipsec-sa and policy is require");
		return give_up(d, -ENOKEY);
	}
	err = accept_answer(d, answered[0], peer);
	if (err)
		return give_up(d, err);
	hash_answer(answered[0], d->answer_hash);
	forget_offer(d);
	return 0;
}

/* Answerer */

static int make_answer(struct sipsec_dialog *d, const char *const *offered, size_t n,
		       const struct sipsec_sdp_line *chosen, const char *peer)
{
	struct sipsec_sdp_line answer;
	uint8_t dh_private[SIPSEC_SECRET_LEN];
	struct said said = {
		.offered = offered,
		.n = n,
		.offer = chosen,
		.answer = &answer,
		.dh_private = dh_private,
	};
	int err = reserve(d);

	if (err)
		return err;
	answer = d->own;
	sipsec_agreement_answer(chosen, &answer);
	err = fresh_secret(d, &answer);
	if (!err && sipsec_sdp_has(chosen, SIPSEC_SDP_DH)) {
		answer.present |= 1U << SIPSEC_SDP_DH;
		err = fresh_dh(d, dh_private, answer.dh);
	}
	if (!err) {
		d->answer = calloc(1, SIPSEC_SDP_LINE_MAX);
		said.answered = d->answer;
		if (!d->answer)
			err = sipsec_netlink_fail(d->s, -ENOMEM, "no memory for the answer");
		else if (sipsec_sdp_format(&answer, d->answer))
			err = sipsec_netlink_fail(d->s, -ENOSPC, "the line is too long");
	}
	if (!err)
		err = install(d, &said, false, peer);
	OPENSSL_cleanse(&answer, sizeof(answer));
	OPENSSL_cleanse(dh_private, sizeof(dh_private));
	return err;
}

int sipsec_dialog_answer(struct sipsec_dialog *d, const char *const *offered, size_t n,
			 const char *peer, const char **line)
{
	struct sipsec_sdp_line chosen;
	char why[SIPSEC_WHY_MAX];
	int err;

	*line = NULL;
	if (d->state != NEW)
		return misplaced(d, "answer");
	err = sipsec_agreement_choose(offered, n, d->suites, d->n_suites, &d->local, &chosen,
				      why);
	if (err == -ENOKEY && d->prefer) {
		d->state = CLEAR;
		return 0;
	}
	if (err < 0)
		sipsec_netlink_fail(d->s, err, "nothing usable was offered: %s", why);
	else
		err = make_answer(d, offered, n, &chosen, peer);
	OPENSSL_cleanse(&chosen, sizeof(chosen));
	if (err)
		return give_up(d, err);
	*line = d->answer;
	return 0;
}

/* Flows */

/* For a rekey. A flow that is bound once more is the same. */
static int remember_flow(struct sipsec_dialog *d, const struct sipsec_flow_conf *conf)
{
	struct sipsec_flow_conf *flows;

	for (size_t i = 0; i < d->n_flows; i++) {
		flows = &d->flows[i];
		if (flows->protocol == conf->protocol && flows->local_port == conf->local_port &&
		    flows->peer_port == conf->peer_port) {
			*flows = *conf;
			return 0;
		}
	}
	flows = realloc(d->flows, (d->n_flows + 1) * sizeof(*flows));
	if (!flows)
		return sipsec_netlink_fail(d->s, -ENOMEM, "no memory for the flow");
	d->flows = flows;
	flows[d->n_flows++] = *conf;
	return 0;
}

int sipsec_dialog_flow(struct sipsec_dialog *d, int fd, const struct sockaddr *peer, socklen_t len)
{
	struct sockaddr_storage bound = { 0 };
	socklen_t bound_len = sizeof(bound), protocol_len = sizeof(int);
	struct sipsec_flow_conf conf = { .group = d->group, .socket = SIPSEC_FLOW_FD, .fd = fd };
	struct sipsec_addr addr;
	char want[SIPSEC_ADDR_TEXT];
	int protocol, err;

	if (d->state != UP)
		return sipsec_netlink_fail(d->s, -ENOKEY, "the dialog has no group");
	if (sipsec_addr_of(peer, len, &addr, &conf.peer_port))
		return sipsec_netlink_fail(d->s, -EINVAL, "the peer is not an address and a port");
	/* Who binds a socket by its address alone need not name the link. */
	if (sipsec_addr_is_link_local(&addr) && !addr.ifindex)
		addr.ifindex = d->peer.ifindex;
	if (!sipsec_addr_equal(&addr, &d->peer))
		return sipsec_netlink_fail(d->s, -EADDRNOTAVAIL,
					   "the group is for %s; other addresses need a dialog of their own",
					   sipsec_addr_format(&d->peer, want));
	if (getsockname(fd, (struct sockaddr *)&bound, &bound_len) ||
	    getsockopt(fd, SOL_SOCKET, SO_PROTOCOL, &protocol, &protocol_len))
		return sipsec_netlink_fail(d->s, -errno, "the media socket: %s", strerror(errno));
	if (sipsec_addr_of((struct sockaddr *)&bound, bound_len, &addr, &conf.local_port) ||
	    !conf.local_port)
		return sipsec_netlink_fail(d->s, -EINVAL,
					   "the media socket is not bound to a port");
	/* Where a port would be, a raw socket has its protocol. */
	if (protocol != IPPROTO_UDP && protocol != IPPROTO_TCP) {
		conf.local_port = 0;
		conf.peer_port = 0;
	}
	conf.protocol = protocol;
	err = sipsec_flow_bind(d->s, &conf);
	return err ? err : remember_flow(d, &conf);
}

/* Rekey */

int sipsec_dialog_rekey(struct sipsec_dialog *old, struct sipsec_dialog **dp)
{
	struct sipsec_dialog *d;

	*dp = NULL;
	if (old->state != UP)
		return sipsec_netlink_fail(old->s, -ENOKEY, "the dialog has no group");
	if (old->next)
		return sipsec_netlink_fail(old->s, -EBUSY,
					   "a rekey is under way: the peer's is to be refused (491)");
	d = calloc(1, sizeof(*d));
	if (!d)
		return sipsec_netlink_fail(old->s, -ENOMEM, "no memory for the dialog");
	d->s = old->s;
	d->old = old;
	d->local = old->local;
	memcpy(d->suites, old->suites, sizeof(d->suites));
	d->n_suites = old->n_suites;
	d->own = old->own;
	d->own.present &= ~(1U << SIPSEC_SDP_SPI | 1U << SIPSEC_SDP_DH);
	d->dh = old->dh;
	memcpy(d->identity, old->identity, sizeof(d->identity));
	d->encap_fd = old->encap_fd;
	d->encap_port = old->encap_port;
	d->rotate_octets = old->rotate_octets;
	d->rotate_time = old->rotate_time;
	d->rotate_idle = old->rotate_idle;
	d->lookahead = old->lookahead;
	old->next = d;
	*dp = d;
	return 0;
}

int sipsec_dialog_take_over(struct sipsec_dialog *d, unsigned int grace)
{
	struct sipsec_dialog *old = d->old;
	int err;

	if (!old || d->state != UP)
		return sipsec_netlink_fail(d->s, -EALREADY, "there is no rekey that is agreed on");
	for (size_t i = 0; i < old->n_flows; i++) {
		old->flows[i].group = d->group;
		err = sipsec_flow_bind(d->s, &old->flows[i]);
		/* The socket is gone, and its flow with it. */
		if (err && err != -EBADF && err != -ENOTSOCK)
			return err;
	}
	/* A group that is gone already is none to wait for. */
	sipsec_group_retire(d->s, old->group, grace ? grace : GRACE);
	old->group = 0;
	free(d->flows);
	d->flows = old->flows;
	d->n_flows = old->n_flows;
	old->flows = NULL;
	sipsec_dialog_end(old);
	return 0;
}

uint32_t sipsec_dialog_group(const struct sipsec_dialog *d)
{
	return d->group;
}

const char *sipsec_dialog_suite(const struct sipsec_dialog *d)
{
	return d->state == UP ? sipsec_suite_name(d->suite) : NULL;
}
