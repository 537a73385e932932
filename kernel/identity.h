/* SPDX-License-Identifier: GPL-2.0 */
/* What may stand for a peer: pure. */
#ifndef SIPSEC_IDENTITY_H
#define SIPSEC_IDENTITY_H

#include <linux/types.h>

/**
 * sipsec_identity_good - is it text that can be shown and compared?
 * @text: terminated
 *
 * Well-formed UTF-8 (RFC 3629: shortest form, no surrogates, up to U+10FFFF),
 * without control characters, not empty.
 *
 * Context: any.
 * Return: true if it is.
 */
bool sipsec_identity_good(const char *text);

#endif
