/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
#ifndef OPTIONS_H
#define OPTIONS_H

#include "audio.h"
#include "security.h"

/*
 * The command line; see --help.
 * @target:	URI to call, or NULL to wait for a call
 * @timeout:	seconds to wait for the proxy
 */
struct options {
	const char *user;
	const char *domain;
	const char *target;
	const char *trace;
	struct sa local;
	struct sa proxy;
	bool clear;
	uint32_t timeout;
	struct security_conf security;
	struct audio_conf audio;
};

/** options_read() - Read the command line; does not return where it is wrong. */
void options_read(struct options *opt, int argc, char *argv[]);

#endif /* OPTIONS_H */
