// SPDX-License-Identifier: LGPL-2.1-or-later
/* sipsecctl's words and numbers, and the file with a secret. */
#include <pwd.h>
#include <sys/mman.h>
#include <unistd.h>

#include <linux/sipsec.h>

#include "../../sipsecctl/args.h"
#include "../../sipsecctl/secret.h"
#include "fuzz.h"

#define WORDS_MAX	16

struct values {
	uint32_t number, rotate, block, uid;
	uint16_t port;
	uint8_t protocol;
};

/* No looking at this machine's users. */
struct passwd *__wrap_getpwnam(const char *name);
struct passwd *__wrap_getpwnam(const char *name)
{
	static struct passwd alice = { .pw_uid = 1000 };

	return strcmp(name, "alice") ? NULL : &alice;
}

/* What is said to people is not of interest, only that it can be said. */
int LLVMFuzzerInitialize(int *argc, char ***argv);
int LLVMFuzzerInitialize(int *argc, char ***argv)
{
	(void)argc;
	(void)argv;
	stderr = fopen("/dev/null", "w");
	CHECK(stderr);
	return 0;
}

static int take_number(const char *value, void *to)
{
	struct values *v = to;
	int err = args_number("number", value, 3, 70000, &v->number);

	CHECK(err || (v->number >= 3 && v->number <= 70000));
	return err;
}

static int take_port(const char *value, void *to)
{
	struct values *v = to;
	int err = args_port("port", value, &v->port);

	CHECK(err || v->port);
	return err;
}

static int take_rotate(const char *value, void *to)
{
	struct values *v = to;
	int err = args_rotate(value, &v->rotate);

	CHECK(err || (v->rotate >= SIPSEC_ROTATE_MIN && v->rotate <= SIPSEC_ROTATE_MAX));
	return err;
}

static int take_block(const char *value, void *to)
{
	struct values *v = to;
	int err = args_block("block", value, &v->block);

	CHECK(err || (v->block >= SIPSEC_SPI_BLOCK_MIN && !(v->block % SIPSEC_SPI_BLOCK_SIZE)));
	return err;
}

static int take_uid(const char *value, void *to)
{
	struct values *v = to;
	int err = args_uid(value, &v->uid);

	CHECK(err || v->uid != UINT32_MAX);
	return err;
}

static int take_protocol(const char *value, void *to)
{
	return args_protocol("proto", value, &((struct values *)to)->protocol);
}

static int take_alone(const char *value, void *to)
{
	(void)to;
	CHECK(!value);
	return 0;
}

static const struct keyword keywords[] = {
	{ "number", true, take_number, VALUE },
	{ "port", false, take_port, VALUE },
	{ "rotate", false, take_rotate, VALUE },
	{ "block", false, take_block, VALUE },
	{ "uid", false, take_uid, VALUE },
	{ "proto", false, take_protocol, VALUE },
	{ "any", false, take_alone, ALONE },
	{ NULL, false, NULL, VALUE },
};

static void try_words(struct input *in)
{
	char *words[WORDS_MAX + 1] = { NULL };
	struct values values;

	for (size_t i = 0; i < WORDS_MAX && in->left; i++)
		words[i] = take_line(in);
	args_read(words, keywords, &values);
	for (size_t i = 0; words[i]; i++)
		free(words[i]);
}

/* The secret is read from standard input, which is a file in memory here. */
static void try_secret(struct input *in)
{
	static int fd = -1;
	uint8_t secret[SECRET_MAX];
	size_t len = 0;

	if (fd < 0) {
		fd = memfd_create("secret", 0);
		CHECK(fd >= 0 && dup2(fd, STDIN_FILENO) == STDIN_FILENO);
	}
	CHECK(!ftruncate(fd, 0) && pwrite(fd, in->p, in->left, 0) == (ssize_t)in->left &&
	      !lseek(fd, 0, SEEK_SET));
	if (!secret_read("-", secret, &len))
		CHECK(len == 32 || len == 48);
}

/* The first octet chooses. */
int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };

	if (take_u8(&in) == 's')
		try_secret(&in);
	else
		try_words(&in);
	return 0;
}
