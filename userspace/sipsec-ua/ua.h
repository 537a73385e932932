/* SPDX-License-Identifier: GPL-2.0 OR BSD-3-Clause */
/* What the files of this program share. */
#ifndef UA_H
#define UA_H

/* libre's headers expect these to be there. */
#include <stdbool.h>
#include <stdint.h>
#include <re.h>

/**
 * ua_say() - Print a line on standard output, with the time and the user's name.
 * @ns:	wall clock time in nanoseconds since 1970; 0: the present time
 * @fmt: format of libre's re_printf()
 */
void ua_say(uint64_t ns, const char *fmt, ...);

/**
 * ua_fail() - Print the reason of a failure; the program will exit with status 1.
 * @fmt: format of libre's re_printf()
 *
 * What follows from the first failure of a call says nothing new: only the first is printed.
 */
void ua_fail(const char *fmt, ...);

/** ua_clock() - Print a time as HH:MM:SS.mmm; for re_printf's %H with a uint64_t of nanoseconds. */
int ua_clock(struct re_printf *pf, const uint64_t *ns);

/** ua_now() - Wall clock time in nanoseconds since 1970. */
uint64_t ua_now(void);

#endif /* UA_H */
