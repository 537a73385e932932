/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
/* A file with every SIP message sent and received. */
#ifndef TRACE_H
#define TRACE_H

#include "ua.h"

/**
 * trace_open() - Begin a trace.
 * @name:	file, or NULL for none
 * @sip:	stack to trace
 *
 * A message is a line `### HH:MM:SS.nnnnnnnnn send|recv LOCAL PEER`, then its text without the CRs.
 * Key material (what follows `inline:`) is left out.
 *
 * Return: 0, or an errno value; ua_fail() has been told.
 */
int trace_open(const char *name, struct sip *sip);

/** trace_close() - End the trace. */
void trace_close(void);

#endif /* TRACE_H */
