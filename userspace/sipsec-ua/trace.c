// SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause
#include "trace.h"

#include <ctype.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>

static FILE *trace;

/* Length of "inline:" if it stands at p, else 0. */
static size_t inline_at(const char *p, const char *end)
{
	static const char word[] = "inline:";
	size_t n = sizeof(word) - 1;

	return (size_t)(end - p) >= n && !memcmp(p, word, n) ? n : 0;
}

static void write_text(const char *p, const char *end)
{
	size_t n;

	while (p < end) {
		n = inline_at(p, end);
		if (n) {
			fputs("inline:***", trace);
			for (p += n; p < end && !isspace((unsigned char)*p); p++)
				;
		} else {
			if (*p != '\r')
				putc(*p, trace);
			p++;
		}
	}
}

static void traced(bool tx, enum sip_transp tp, const struct sa *src, const struct sa *dst,
		   const uint8_t *pkt, size_t len, void *arg)
{
	const char *text = (const char *)pkt;
	uint64_t now = ua_now();

	(void)tp;
	(void)arg;
	(void)re_fprintf(trace, "### %H%06u %s %J %J\n", ua_clock, &now,
			 (unsigned int)(now % 1000000), tx ? "send" : "recv",
			 tx ? src : dst, tx ? dst : src);
	write_text(text, text + len);
	putc('\n', trace);
	fflush(trace);
}

int trace_open(const char *name, struct sip *sip)
{
	if (!name)
		return 0;
	trace = fopen(name, "we");
	if (!trace) {
		int err = errno;

		ua_fail("cannot open %s: %m", name, err);
		return err;
	}
	sip_set_trace_handler(sip, traced);
	return 0;
}

void trace_close(void)
{
	if (trace && fclose(trace))
		ua_fail("cannot write the trace: %m", errno);
	trace = NULL;
}
