/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
/* The sound of a call: a file is spoken, what the peer says is written to another. */
#ifndef AUDIO_H
#define AUDIO_H

#include "ua.h"

#define AUDIO_PT	0	/* RTP payload type of PCMU, RFC 3551 */
#define AUDIO_RATE	8000	/* samples per second */

/**
 * struct audio_conf - What to speak and what to write.
 * @play:	WAV file to send (8 kHz, mono, 16 bit), or NULL
 * @record:	WAV file for what is received, or NULL
 * @log_sent:	file for one line per RTP packet sent, sequence number and payload in hex, or NULL
 * @log_received: the same for packets received, or NULL
 */
struct audio_conf {
	const char *play;
	const char *record;
	const char *log_sent;
	const char *log_received;
};

/**
 * typedef audio_over_h - Called once, when the file has been spoken and the peer is silent.
 * @err:	0, or the error that ended sending
 * @arg:	as given to audio_alloc()
 */
typedef void (audio_over_h)(int err, void *arg);

struct audio;

/**
 * audio_alloc() - Open the files and the sockets of a call.
 * @ap:		set to the new object; freed with mem_deref(), which also says goodbye by RTCP
 * @local:	local address, any port
 * @conf:	files
 * @cname:	name of this side in RTCP
 * @overh:	called when all is said
 * @arg:	its argument
 *
 * Return: 0, or an errno value; ua_fail() has been told.
 */
int audio_alloc(struct audio **ap, const struct sa *local, const struct audio_conf *conf,
		const char *cname, audio_over_h *overh, void *arg);

/** audio_set_peer() - Hear the peer from now on: it may speak before this side does. */
void audio_set_peer(struct audio *a, const struct sa *rtp);

/** audio_start() - Begin to speak, and to send RTCP to @rtcp. */
void audio_start(struct audio *a, const struct sa *rtcp);

/** audio_port() - Local RTP port; RTCP has the next one. */
uint16_t audio_port(const struct audio *a);

/** audio_rtp_fd() - Socket of RTP. */
int audio_rtp_fd(const struct audio *a);

/** audio_rtcp_fd() - Socket of RTCP. */
int audio_rtcp_fd(const struct audio *a);

#endif /* AUDIO_H */
