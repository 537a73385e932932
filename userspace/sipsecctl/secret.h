/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SIPSECCTL_SECRET_H
#define SIPSECCTL_SECRET_H

#include <stddef.h>
#include <stdint.h>

#define SECRET_MAX	48

/*
 * Read a master secret of 64 or 96 hex digits from a file that only its owner may read, or from
 * standard input ("-"). 0, or -1 after a message. The caller wipes secret in any case.
 */
int secret_read(const char *file, uint8_t secret[SECRET_MAX], size_t *len);

#endif
