// SPDX-License-Identifier: GPL-2.0
#include <inttypes.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "print.h"

static const char *const escapes[] = {
	[PLAIN] = "\033[0m",
	[BOLD] = "\033[1m",
	[GREEN] = "\033[1;32m",
	[YELLOW] = "\033[33m",
	[RED] = "\033[1;31m",
};

static void set_colour(struct print *p, enum colour colour)
{
	if (p->colour)
		fputs(escapes[colour], p->file);
}

static void json_string(struct print *p, const char *s)
{
	fputc('"', p->file);
	for (; *s; s++) {
		if (*s == '"' || *s == '\\')
			fprintf(p->file, "\\%c", *s);
		else if ((unsigned char)*s < ' ' || (unsigned char)*s > '~')
			fprintf(p->file, "\\u%04x", (unsigned char)*s);
		else
			fputc(*s, p->file);
	}
	fputc('"', p->file);
}

/* What stands before a value in JSON: comma, line, key. */
static void json_begin(struct print *p, const char *key)
{
	bool first = !p->fields[p->depth]++;

	if (!first)
		fputs(p->lines ? ", " : ",", p->file);
	if (p->depth && !p->lines)
		fprintf(p->file, "\n%*s", p->depth, "");
	if (key) {
		json_string(p, key);
		fputs(": ", p->file);
	}
}

static void json_enter(struct print *p, const char *key, char bracket)
{
	json_begin(p, key);
	fputc(bracket, p->file);
	if (++p->depth == PRINT_DEPTH)
		abort();
	p->fields[p->depth] = 0;
}

static void json_leave(struct print *p, char bracket)
{
	bool empty = !p->fields[p->depth--];

	if (!empty && !p->lines)
		fprintf(p->file, "\n%*s", p->depth, "");
	fputc(bracket, p->file);
}

static void text_key(struct print *p, const char *key)
{
	for (; *key; key++)
		fputc(*key == '-' ? ' ' : *key, p->file);
}

/* What stands before a value in text. */
static void text_begin(struct print *p, const char *key, enum colour colour)
{
	if (p->objects > 1) {
		/* one line: "  round: direction out, number 3" */
		fputs(p->fields[p->depth]++ ? ", " : " ", p->file);
		text_key(p, key);
		fputc(' ', p->file);
	} else if (p->kind) {
		set_colour(p, GREEN);
		fprintf(p->file, "%s: ", p->kind);
		p->kind = NULL;
	} else {
		fputs("  ", p->file);
		set_colour(p, BOLD);
		text_key(p, key);
		set_colour(p, PLAIN);
		fputs(": ", p->file);
	}
	set_colour(p, colour);
}

static void text_end(struct print *p, const char *note)
{
	set_colour(p, PLAIN);
	if (note)
		fprintf(p->file, " %s", note);
	if (p->objects <= 1)
		fputc('\n', p->file);
}

void print_begin(struct print *p, FILE *file, bool json)
{
	const char *no_color = getenv("NO_COLOR");

	*p = (struct print){ .file = file, .json = json };
	p->colour = !json && !(no_color && *no_color) && isatty(fileno(file));
	if (json)
		json_enter(p, NULL, '{');
}

void print_end(struct print *p)
{
	if (!p->json)
		return;
	json_leave(p, '}');
	fputc('\n', p->file);
}

void print_open_list(struct print *p, const char *key)
{
	if (p->json)
		json_enter(p, key, '[');
}

void print_close_list(struct print *p)
{
	if (p->json)
		json_leave(p, ']');
}

void print_open(struct print *p, const char *kind)
{
	p->objects++;
	if (p->json) {
		json_enter(p, NULL, '{');
	} else if (p->objects == 1) {
		if (p->any)
			fputc('\n', p->file);
		p->kind = kind;
	} else {
		fputs("  ", p->file);
		set_colour(p, BOLD);
		text_key(p, kind);
		set_colour(p, PLAIN);
		fputc(':', p->file);
		p->fields[p->depth] = 0;
	}
	p->any = true;
}

void print_close(struct print *p)
{
	if (p->json)
		json_leave(p, '}');
	else if (p->objects > 1)
		fputc('\n', p->file);
	p->objects--;
}

void print_string(struct print *p, const char *key, const char *value, const char *note)
{
	if (p->json) {
		json_begin(p, key);
		json_string(p, value);
	} else {
		text_begin(p, key, PLAIN);
		fputs(value, p->file);
		text_end(p, note);
	}
}

static void number(struct print *p, const char *key, uint64_t value, const char *note,
		   enum colour colour)
{
	if (p->json)
		json_begin(p, key);
	else
		text_begin(p, key, colour);
	fprintf(p->file, "%" PRIu64, value);
	if (!p->json)
		text_end(p, note);
}

void print_number(struct print *p, const char *key, uint64_t value, const char *note)
{
	number(p, key, value, note, PLAIN);
}

void print_alarm(struct print *p, const char *key, uint64_t value, const char *note)
{
	number(p, key, value, note, RED);
}

void print_spi(struct print *p, const char *key, uint32_t spi)
{
	char text[9];

	snprintf(text, sizeof(text), "%08" PRIx32, spi);
	print_string(p, key, text, NULL);
}

void print_flag(struct print *p, const char *key, bool value)
{
	if (p->json) {
		json_begin(p, key);
		fputs(value ? "true" : "false", p->file);
	} else if (value) {
		text_begin(p, key, PLAIN);
		fputs("yes", p->file);
		text_end(p, NULL);
	}
}
