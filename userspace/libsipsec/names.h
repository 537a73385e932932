/* SPDX-License-Identifier: LGPL-2.1-or-later */
#ifndef SIPSEC_NAMES_H
#define SIPSEC_NAMES_H

/* Name of an attribute in the netlink specification, or NULL. */
const char *sipsec_names_attr(unsigned int cmd, unsigned int type);

#endif
