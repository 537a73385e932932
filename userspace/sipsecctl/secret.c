// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "args.h"
#include "secret.h"

static int open_file(const char *file)
{
	struct stat st;
	int fd;

	if (!strcmp(file, "-"))
		return STDIN_FILENO;
	fd = open(file, O_RDONLY | O_CLOEXEC);
	if (fd < 0)
		return complain("%s: %s", file, strerror(errno));
	if (fstat(fd, &st) || st.st_mode & 0077) {
		complain("%s: others may read or change it; a secret takes: chmod 600 %s",
			 file, file);
		close(fd);
		return -1;
	}
	return fd;
}

/* Not by stdio, whose buffers cannot be wiped. */
static ssize_t read_all(int fd, char *text, size_t size)
{
	size_t len = 0;
	ssize_t n;

	do {
		n = read(fd, text + len, size - len);
		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return -1;
		len += n;
	} while (n && len < size);
	return len;
}

static int digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'a' && c <= 'f')
		return c - 'a' + 10;
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return -1;
}

static int unhex(const char *text, size_t len, uint8_t *octets)
{
	for (size_t i = 0; i < len / 2; i++) {
		int high = digit(text[2 * i]), low = digit(text[2 * i + 1]);

		if (high < 0 || low < 0)
			return -1;
		octets[i] = high << 4 | low;
	}
	return 0;
}

int secret_read(const char *file, uint8_t secret[SECRET_MAX], size_t *len)
{
	/* one line end, and one octet more than that to see that there is no more */
	char text[2 * SECRET_MAX + 3];
	int fd = open_file(file), err = 0;
	ssize_t n;

	if (fd < 0)
		return -1;
	n = read_all(fd, text, sizeof(text));
	if (n < 0)
		err = complain("%s: %s", file, strerror(errno));
	if (fd != STDIN_FILENO)
		close(fd);
	if (n > 0 && text[n - 1] == '\n')
		n--;
	if (n > 0 && text[n - 1] == '\r')
		n--;
	if (!err && ((n != 64 && n != 96) || unhex(text, n, secret)))
		err = complain("%s: a master secret is 64 hex digits, or 96 with HMAC_SHA2_384",
			       strcmp(file, "-") ? file : "standard input");
	*len = n > 0 ? n / 2 : 0;
	explicit_bzero(text, sizeof(text));
	return err;
}
