/* SPDX-License-Identifier: GPL-2.0 */
/* Words of the command line: "keyword value keyword value ...", in any order. */
#ifndef SIPSECCTL_ARGS_H
#define SIPSECCTL_ARGS_H

#include <stdbool.h>
#include <stdint.h>

struct keyword {
	const char *name;
	bool required;
	/* Store the value in what the caller of args_read() gave: 0, or -1 after a message. */
	int (*take)(const char *value, void *to);
	enum { VALUE, ALONE, VALUES } takes;	/* VALUES: may be there more than once */
};

/*
 * Check for the first words of a command, that have no keyword; names ends with NULL. more: others
 * may follow. 0, or -1 after a message.
 */
int args_first(char *const *words, const char *const *names, bool more);

/*
 * Read all words. The table ends with an empty entry. 0, or -1 after a message: unknown keyword,
 * one twice, one without its value, or a required one missing.
 */
int args_read(char *const *words, const struct keyword *table, void *to);

/* Values. 0, or -1 after a message that says what the value of that name has to be. */
int args_number(const char *name, const char *text, uint32_t min, uint32_t max, uint32_t *value);
int args_port(const char *name, const char *text, uint16_t *port);
int args_port_any(const char *name, const char *text, uint16_t *port);	/* also any: 0 */
int args_rotate(const char *text, uint32_t *rotate);	/* N or 2^N */
int args_block(const char *name, const char *text, uint32_t *block);	/* 8 hex digits, also 0x */
int args_uid(const char *text, uint32_t *uid);		/* number or name */
int args_gid(const char *text, uint32_t *gid);		/* number or name */
int args_ports(const char *text, uint16_t *min, uint16_t *max);	/* N-M or N */
int args_protocol(const char *name, const char *text, uint8_t *protocol);	/* number or name */

/* Print "sipsecctl: ..." on standard error. Returns -1. */
int complain(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
