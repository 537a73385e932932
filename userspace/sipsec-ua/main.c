// SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause
/*
 * A SIP telephone for one call: it registers, calls or answers, speaks a sound file, writes down
 * what it hears, and hangs up. What it does for IPsec is in security.c.
 */
#include "audio.h"
#include "options.h"
#include "security.h"
#include "trace.h"

#include <errno.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <time.h>

#define NS_PER_S	1000000000ULL

/*
 * The telephone and its one call.
 * @timer:	limits the wait for the proxy's answers
 * @caller:	this side sent the INVITE
 * @talking:	the dialog is established
 * @closing:	the call is over, the program ends when the last transaction has
 */
struct ua {
	struct options opt;
	char *aor;
	char *route;
	struct sip *sip;
	struct sipsess_sock *sock;
	struct sipreg *reg;
	struct sipsess *sess;
	struct sdp_session *sdp;
	struct sdp_media *media;
	struct audio *audio;
	struct security *security;
	struct tmr timer;
	bool caller;
	bool talking;
	bool closing;
};

static struct ua ua;
static bool failed;

uint64_t ua_now(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_REALTIME, &ts);
	return (uint64_t)ts.tv_sec * NS_PER_S + (uint64_t)ts.tv_nsec;
}

int ua_clock(struct re_printf *pf, const uint64_t *ns)
{
	time_t s = (time_t)(*ns / NS_PER_S);
	struct tm tm;

	localtime_r(&s, &tm);
	return re_hprintf(pf, "%02d:%02d:%02d.%03u", tm.tm_hour, tm.tm_min, tm.tm_sec,
			  (unsigned int)(*ns % NS_PER_S / 1000000));
}

void ua_say(uint64_t ns, const char *fmt, ...)
{
	va_list ap;

	if (!ns)
		ns = ua_now();
	va_start(ap, fmt);
	(void)re_printf("%H %s  %v\n", ua_clock, &ns, ua.opt.user, fmt, &ap);
	va_end(ap);
	fflush(stdout);
}

void ua_fail(const char *fmt, ...)
{
	va_list ap;

	if (failed)
		return;
	failed = true;
	va_start(ap, fmt);
	(void)re_fprintf(stderr, "sipsec-ua: %v\n", fmt, &ap);
	va_end(ap);
}

static void too_late(void *arg)
{
	(void)arg;
	ua_fail("no answer from the proxy %J within %u seconds", &ua.opt.proxy, ua.opt.timeout);
	re_cancel();
}

/* Media ends with the dialog and not with the last SIP transaction. */
static void hang_up(void)
{
	if (ua.closing)
		return;
	ua.closing = true;
	ua.sess = mem_deref(ua.sess);	/* sends BYE, or CANCEL */
	ua.audio = mem_deref(ua.audio);
	security_end(ua.security);
	ua.reg = mem_deref(ua.reg);	/* sends REGISTER with Expires: 0 */
	tmr_start(&ua.timer, ua.opt.timeout * 1000ULL, too_late, NULL);
	sipsess_close_all(ua.sock);
	sip_close(ua.sip, false);
}

static void all_sent(void *arg)
{
	(void)arg;
	re_cancel();
}

static void on_signal(int sig)
{
	(void)sig;
	hang_up();
}

static void all_said(int err, void *arg)
{
	(void)arg;
	if (!err && !ua.caller)
		return;
	if (!err)
		ua_say(0, "all is said, hanging up");
	hang_up();
}

/* A remote BYE comes as ECONNRESET. */
static void on_close(int err, const struct sip_msg *msg, void *arg)
{
	(void)arg;
	if (ua.talking && err == ECONNRESET)
		ua_say(0, "the other side hung up");
	else if (err)
		ua_fail("the call ended: %m", err);
	else
		ua_fail("the call was refused: %u %r", msg->scode, &msg->reason);
	hang_up();
}

static int media_alloc(void)
{
	int err;

	err = audio_alloc(&ua.audio, &ua.opt.local, &ua.opt.audio, ua.aor, all_said, NULL);
	if (err)
		return err;
	err = sdp_session_alloc(&ua.sdp, &ua.opt.local);
	if (err)
		return err;
	err = sdp_media_add(&ua.media, ua.sdp, sdp_media_audio, audio_port(ua.audio),
			    sdp_proto_rtpavp);
	if (err)
		return err;
	sdp_media_set_lport_rtcp(ua.media, audio_port(ua.audio) + 1);
	return sdp_format_add(NULL, ua.media, false, "0", "PCMU", AUDIO_RATE, 1, NULL, NULL, NULL,
			      false, NULL);
}

/* Read the peer's SDP. */
static int media_decode(const struct sip_msg *msg, bool offer)
{
	int err = sdp_decode(ua.sdp, msg->mb, offer);

	if (!err && (!sa_isset(sdp_media_raddr(ua.media), SA_ALL) ||
		     !sdp_media_rformat(ua.media, NULL)))
		err = ENOTSUP;
	if (err)
		ua_fail("no audio in common with the other side: %m", err);
	else
		audio_set_peer(ua.audio, sdp_media_raddr(ua.media));
	return err;
}

/* The group is installed: now the sockets, before the first packet. */
static int media_bind(void)
{
	struct sa rtcp;
	int err;

	sdp_media_raddr_rtcp(ua.media, &rtcp);
	err = security_flow(ua.security, audio_rtp_fd(ua.audio), sdp_media_raddr(ua.media));
	if (!err)
		err = security_flow(ua.security, audio_rtcp_fd(ua.audio), &rtcp);
	return err;
}

/* The proxy is there; from here on SIP's own timers apply. */
static void on_progress(const struct sip_msg *msg, void *arg)
{
	(void)msg;
	(void)arg;
	tmr_cancel(&ua.timer);
}

static void on_established(const struct sip_msg *msg, void *arg)
{
	struct sa rtcp;

	(void)msg;
	(void)arg;
	tmr_cancel(&ua.timer);
	ua.talking = true;
	ua_say(0, "talking with %J", sdp_media_raddr(ua.media));
	sdp_media_raddr_rtcp(ua.media, &rtcp);
	audio_start(ua.audio, &rtcp);
}

/* Runs before the ACK; an error ends the dialog with ACK and BYE. */
static int on_answer(const struct sip_msg *msg, void *arg)
{
	int err;

	(void)arg;
	err = media_decode(msg, false);
	if (err)
		return err;
	err = security_established(ua.security, ua.sdp, sdp_media_raddr(ua.media));
	if (err)
		return err;
	return media_bind();
}

static int call(void)
{
	struct mbuf *offer = NULL;
	const char *routev[1];
	int err;

	ua.caller = true;
	routev[0] = ua.route;
	err = media_alloc();
	if (err)
		return err;
	err = security_offer(ua.security, ua.sdp);
	if (err)
		return err;
	err = sdp_encode(&offer, ua.sdp, true);
	if (err)
		return err;
	err = sipsess_connect(&ua.sess, ua.sock, ua.opt.target, NULL, ua.aor, ua.opt.user,
			      routev, 1, "application/sdp", offer, NULL, NULL, false, NULL,
			      on_answer, on_progress, on_established, NULL, NULL, on_close, NULL,
			      NULL);
	mem_deref(offer);
	return err;
}

/* Return: 0 with the SDP to send, or an error after which the offer is refused. */
static int answer(const struct sip_msg *msg, struct mbuf **mbp)
{
	int err;

	err = media_alloc();
	if (err)
		return err;
	err = media_decode(msg, true);
	if (err)
		return err;
	err = security_answer(ua.security, ua.sdp, sdp_media_raddr(ua.media));
	if (err)
		return err;
	err = media_bind();
	if (err)
		return err;
	return sdp_encode(mbp, ua.sdp, false);
}

static void on_invite(const struct sip_msg *msg, void *arg)
{
	struct mbuf *sdp = NULL;
	int err;

	(void)arg;
	if (ua.caller || ua.sess || ua.closing) {
		(void)sip_treply(NULL, ua.sip, msg, 486, "Busy Here");
		return;
	}
	ua_say(0, "call from %r", &msg->from.auri);
	/* At once, so that the INVITE is not sent again: the answer takes the kernel a moment. */
	err = sipsess_accept(&ua.sess, ua.sock, msg, 180, "Ringing", ua.opt.user, "application/sdp",
			     NULL, NULL, NULL, false, NULL, NULL, on_established, NULL, NULL,
			     on_close, NULL, NULL);
	if (err)
		goto out;
	err = answer(msg, &sdp);
	if (err)
		(void)sipsess_reject(ua.sess, 488, "Not Acceptable Here", NULL);
	else
		err = sipsess_answer(ua.sess, 200, "OK", sdp, NULL);
	mem_deref(sdp);
out:
	if (err) {
		ua_fail("the call could not be answered: %m", err);
		hang_up();
	}
}

static void on_registered(int err, const struct sip_msg *msg, void *arg)
{
	(void)arg;
	if (err || msg->scode >= 300) {
		if (err)
			ua_fail("the proxy %J cannot be reached: %m", &ua.opt.proxy, err);
		else
			ua_fail("the registrar refused: %u %r", msg->scode, &msg->reason);
		hang_up();
		return;
	}
	if (ua.caller || ua.sess)
		return;		/* this was a refresh */
	ua_say(0, "registered with %J", &ua.opt.proxy);
	if (!ua.opt.target) {
		tmr_cancel(&ua.timer);
		return;
	}
	tmr_start(&ua.timer, ua.opt.timeout * 1000ULL, too_late, NULL);
	err = call();
	if (err) {
		ua_fail("the call could not be made: %m", err);
		hang_up();
	}
}

static int begin(void)
{
	const char *routev[1];
	char *registrar = NULL;
	int err;

	err = re_sdprintf(&ua.aor, "sip:%s@%s", ua.opt.user, ua.opt.domain);
	err |= re_sdprintf(&ua.route, "sip:%J", &ua.opt.proxy);
	err |= re_sdprintf(&registrar, "sip:%s", ua.opt.domain);
	if (err)
		goto out;

	if (!ua.opt.clear) {
		err = security_alloc(&ua.security, &ua.opt.security, &ua.opt.local);
		if (err)
			goto out;
	}
	err = sip_alloc(&ua.sip, NULL, 32, 32, 32, "sipsec-ua", all_sent, NULL);
	if (err)
		goto out;
	err = trace_open(ua.opt.trace, ua.sip);
	if (err)
		goto out;
	err = sip_transp_add(ua.sip, SIP_TRANSP_UDP, &ua.opt.local);
	if (err) {
		ua_fail("cannot use the address %J for SIP: %m", &ua.opt.local, err);
		goto out;
	}
	err = sipsess_listen(&ua.sock, ua.sip, 32, on_invite, NULL);
	if (err)
		goto out;

	tmr_start(&ua.timer, ua.opt.timeout * 1000ULL, too_late, NULL);
	routev[0] = ua.route;
	err = sipreg_register(&ua.reg, ua.sip, registrar, ua.aor, NULL, ua.aor, 3600, ua.opt.user,
			      routev, 1, 0, NULL, NULL, false, on_registered, NULL, NULL, NULL);
out:
	mem_deref(registrar);
	if (err)
		ua_fail("cannot start: %m", err);
	return err;
}

int main(int argc, char *argv[])
{
	options_read(&ua.opt, argc, argv);
	if (libre_init()) {
		ua_fail("libre cannot be initialised");
		return 1;
	}
	tmr_init(&ua.timer);

	if (!begin())
		(void)re_main(on_signal);

	tmr_cancel(&ua.timer);
	mem_deref(ua.sess);
	mem_deref(ua.audio);
	mem_deref(ua.security);
	mem_deref(ua.reg);
	mem_deref(ua.sdp);
	mem_deref(ua.sock);
	sip_close(ua.sip, true);
	mem_deref(ua.sip);
	mem_deref(ua.aor);
	mem_deref(ua.route);
	trace_close();
	libre_close();
	return failed;
}
