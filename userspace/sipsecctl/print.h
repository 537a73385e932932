/* SPDX-License-Identifier: GPL-2.0 */
/*
 * One description of an object, two outputs. As text the first field of an object is its heading
 * and the others follow by two spaces; an object inside another takes one line. Notes are for
 * people: JSON has none. Keys are those of the netlink specification.
 */
#ifndef SIPSECCTL_PRINT_H
#define SIPSECCTL_PRINT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#define PRINT_DEPTH	8

enum colour { PLAIN, BOLD, GREEN, YELLOW, RED };

struct print {
	FILE *file;
	bool json;
	bool lines;		/* JSON: no line feeds */
	bool colour;		/* text only */
	int depth;		/* of open lists and objects */
	int objects;		/* open ones */
	unsigned int fields[PRINT_DEPTH];	/* printed so far at each depth */
	const char *kind;	/* of an object whose heading comes next */
	bool any;		/* object was printed */
};

/* Colour if the file is a terminal and NO_COLOR is not set. */
void print_begin(struct print *p, FILE *file, bool json);
void print_end(struct print *p);

void print_open_list(struct print *p, const char *key);
void print_close_list(struct print *p);
/* kind: what people call it, "group" */
void print_open(struct print *p, const char *kind);
void print_close(struct print *p);

/* note may be NULL */
void print_string(struct print *p, const char *key, const char *value, const char *note);
void print_number(struct print *p, const char *key, uint64_t value, const char *note);
/* An SPI: 8 hex digits, in JSON as a string. */
void print_spi(struct print *p, const char *key, uint32_t spi);
/* Text has it only where it is true. */
void print_flag(struct print *p, const char *key, bool value);
/* A number that means trouble. */
void print_alarm(struct print *p, const char *key, uint64_t value, const char *note);

#endif
