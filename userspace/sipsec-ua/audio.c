// SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause
#include "audio.h"

#include <endian.h>
#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <rem.h>

#define PTIME	20			/* milliseconds of sound in one packet */
#define FRAME	(AUDIO_RATE * PTIME / 1000)	/* samples in one packet */
#define QUIET	1000			/* milliseconds without a packet: the peer has done */

struct audio {
	struct rtp_sock *rtp;
	struct aufile *play;
	struct aufile *record;
	FILE *log_sent;
	FILE *log_received;
	const char *cname;
	struct sa peer;
	struct tmr tmr;
	uint64_t start;		/* when packet 0 was due, milliseconds of tmr_jiffies() */
	uint64_t sent;		/* packets */
	uint64_t received;
	uint64_t heard;		/* when the last packet came */
	audio_over_h *overh;
	void *arg;
};

static void close_file(FILE *f, const char *what)
{
	if (f && fclose(f))
		ua_fail("cannot write the log of %s packets: %m", what, errno);
}

static void log_packet(FILE *f, uint16_t seq, const uint8_t *payload, size_t n)
{
	if (f)
		(void)re_fprintf(f, "%u %w\n", seq, payload, n);
}

static void received(const struct sa *src, const struct rtp_header *hdr, struct mbuf *mb, void *arg)
{
	const uint8_t *ulaw = mbuf_buf(mb);
	size_t n = mbuf_get_left(mb);
	struct audio *a = arg;
	int16_t pcm[FRAME];
	size_t i;

	if (hdr->pt != AUDIO_PT || !sa_cmp(src, &a->peer, SA_ALL))
		return;
	a->received++;
	a->heard = tmr_jiffies();
	log_packet(a->log_received, hdr->seq, ulaw, n);

	/* There is no jitter buffer: the recording has what came, in that order. */
	for (; a->record && n; ulaw += i, n -= i) {
		for (i = 0; i < n && i < FRAME; i++)
			pcm[i] = htole16(g711_ulaw2pcm(ulaw[i]));
		if (aufile_write(a->record, (uint8_t *)pcm, 2 * i)) {
			ua_fail("cannot write the recording");
			a->record = mem_deref(a->record);
		}
	}
}

/* Something has come that was not read: where the event loop is late, its timers come first. */
static bool unread(const struct audio *a)
{
	struct pollfd p = { .fd = audio_rtp_fd(a), .events = POLLIN };

	return poll(&p, 1, 0) > 0;
}

static void read_rest(struct audio *a)
{
	ssize_t n = 0;

	while (n >= 0 && unread(a)) {
		struct sa src = { .len = sizeof(src.u) };
		struct mbuf *mb = mbuf_alloc(2048);
		struct rtp_header hdr;

		if (!mb)
			return;
		n = recvfrom(audio_rtp_fd(a), mb->buf, mb->size, 0, &src.u.sa, &src.len);
		mb->end = n > 0 ? (size_t)n : 0;
		if (!rtp_decode(a->rtp, mb, &hdr))
			received(&src, &hdr, mb, a);
		mem_deref(mb);
	}
}

static void destructor(void *data)
{
	struct audio *a = data;

	tmr_cancel(&a->tmr);
	if (a->start)
		read_rest(a);
	mem_deref(a->rtp);
	mem_deref(a->play);
	mem_deref(a->record);
	close_file(a->log_sent, "sent");
	close_file(a->log_received, "received");
	if (a->start)
		ua_say(0, "sent %llu and received %llu RTP packets", a->sent, a->received);
}

/* Return: 0, ENODATA at the end of the file, or another errno value. */
static int send_frame(struct audio *a)
{
	int16_t pcm[FRAME] = { 0 };
	size_t n = sizeof(pcm);
	struct mbuf *mb;
	int err;
	int i;

	if (!a->play || aufile_read(a->play, (uint8_t *)pcm, &n) || !n)
		return ENODATA;

	mb = mbuf_alloc(RTP_HEADER_SIZE + FRAME);
	if (!mb)
		return ENOMEM;
	mb->pos = RTP_HEADER_SIZE;
	mb->end = RTP_HEADER_SIZE;
	for (i = 0; i < FRAME; i++)
		(void)mbuf_write_u8(mb, g711_pcm2ulaw((int16_t)le16toh(pcm[i])));
	mb->pos = RTP_HEADER_SIZE;

	err = rtp_send(a->rtp, &a->peer, false, a->sent == 0, AUDIO_PT,
		       (uint32_t)(a->sent * FRAME), mb);
	if (!err) {
		log_packet(a->log_sent, mb->buf[2] << 8 | mb->buf[3], mb->buf + RTP_HEADER_SIZE,
			   FRAME);
		a->sent++;
	}
	mem_deref(mb);
	return err;
}

static void wait_silence(void *arg)
{
	struct audio *a = arg;
	uint64_t quiet = unread(a) ? 0 : tmr_jiffies() - a->heard;

	if (quiet < QUIET)
		tmr_start(&a->tmr, QUIET - quiet, wait_silence, a);
	else
		a->overh(0, a->arg);
}

/*
 * Each packet is due at a time reckoned from the start, so that small delays do not add up. One at
 * a time: when they are late, what has come has its turn, too.
 */
static void send_due(void *arg)
{
	struct audio *a = arg;
	uint64_t now = tmr_jiffies();
	uint64_t due = a->start + a->sent * PTIME;
	int err = due <= now ? send_frame(a) : 0;

	if (err == ENODATA) {
		/* Hearing begins now if nothing was heard yet. */
		if (!a->heard)
			a->heard = now;
		wait_silence(a);
		return;
	}
	if (err) {
		ua_fail("cannot send audio to %J: %m", &a->peer, err);
		a->overh(err, a->arg);
		return;
	}
	due = a->start + a->sent * PTIME;
	tmr_start(&a->tmr, due > now ? due - now : 0, send_due, a);
}

static int open_wav(struct aufile **afp, const char *name, enum aufile_mode mode)
{
	struct aufile_prm prm = { .srate = AUDIO_RATE, .channels = 1, .fmt = AUFMT_S16LE };
	int err;

	if (!name)
		return 0;
	err = aufile_open(afp, &prm, name, mode);
	if (err) {
		ua_fail("cannot open the sound file %s: %m", name, err);
	} else if (prm.srate != AUDIO_RATE || prm.channels != 1 || prm.fmt != AUFMT_S16LE) {
		ua_fail("%s is not what G.711 needs: WAV with 8000 Hz, mono, 16 bit", name);
		err = EINVAL;
	}
	return err;
}

static int open_log(FILE **fp, const char *name)
{
	if (!name)
		return 0;
	*fp = fopen(name, "we");
	if (*fp)
		return 0;
	ua_fail("cannot open %s: %m", name, errno);
	return EIO;
}

int audio_alloc(struct audio **ap, const struct sa *local, const struct audio_conf *conf,
		const char *cname, audio_over_h *overh, void *arg)
{
	struct audio *a;
	int err;

	a = mem_zalloc(sizeof(*a), destructor);
	if (!a)
		return ENOMEM;
	a->cname = cname;
	a->overh = overh;
	a->arg = arg;
	tmr_init(&a->tmr);

	err = open_wav(&a->play, conf->play, AUFILE_READ);
	if (err)
		goto out;
	err = open_wav(&a->record, conf->record, AUFILE_WRITE);
	if (err)
		goto out;
	err = open_log(&a->log_sent, conf->log_sent);
	if (err)
		goto out;
	err = open_log(&a->log_received, conf->log_received);
	if (err)
		goto out;
	err = rtp_listen(&a->rtp, IPPROTO_UDP, local, 16384, 32768, true, received, NULL, a);
	if (err) {
		ua_fail("no RTP socket on %j: %m", local, err);
		goto out;
	}
	*ap = a;
out:
	if (err)
		mem_deref(a);
	return err;
}

void audio_set_peer(struct audio *a, const struct sa *rtp)
{
	a->peer = *rtp;
}

void audio_start(struct audio *a, const struct sa *rtcp)
{
	a->start = tmr_jiffies();
	rtcp_set_srate(a->rtp, AUDIO_RATE, AUDIO_RATE);
	rtcp_start(a->rtp, a->cname, rtcp);
	send_due(a);
}

uint16_t audio_port(const struct audio *a)
{
	return sa_port(rtp_local(a->rtp));
}

int audio_rtp_fd(const struct audio *a)
{
	return udp_sock_fd(rtp_sock(a->rtp), sa_af(rtp_local(a->rtp)));
}

int audio_rtcp_fd(const struct audio *a)
{
	return udp_sock_fd(rtcp_sock(a->rtp), sa_af(rtp_local(a->rtp)));
}
