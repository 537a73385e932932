#!/bin/sh
# plant.sh: put faults into the tree in the current folder, a copy. The file `planted` says which
# check must report them, and how. Every name of theirs has "grafted" in it, as no other has.
set -eu

cat >kernel/grafted.h <<'END'
struct grafted_alone {
	struct list_head node;
};
END

cat >kernel/grafted.c <<'END'
// SPDX-License-Identifier: GPL-2.0
#include <linux/module.h>
#include <linux/mutex.h>
#include <linux/slab.h>

#include "grafted.h"

static DEFINE_MUTEX(grafted_mutex);

static __be16 grafted_endian(u16 x)
{
	return x;
}

static int grafted_clang(int x)
{
	x = x;
	if(x)
		return 1;
	return 0;
}

static int grafted_null(int x)
{
	int *p = x ? &x : NULL;

	if (x)
		return 0;
	return *p;
}

static int grafted_lock(int *p)
{
	mutex_lock(&grafted_mutex);
	if (!p)
		return -EINVAL;
	if (p)
		kfree(p);
	mutex_unlock(&grafted_mutex);
	return 0;
}

static int grafted_free(int *p)
{
	kfree(p);
	return *p;
}

/**
 * grafted_doc - does as its documentation does not say
 * @y: no parameter of it
 */
int grafted_doc(int x)
{
	return grafted_clang(x) + grafted_null(x) + grafted_endian(x) + grafted_lock(&x) +
		grafted_free(&x);
}
EXPORT_SYMBOL_GPL(grafted_doc);
END
echo 'sipsec-y += kernel/grafted.o' >>Kbuild

lib=userspace/libsipsec
echo 'uint32_t grafted_alone(void);' >$lib/grafted.h
cat >$lib/grafted.c <<'END'
// SPDX-License-Identifier: LGPL-2.1-or-later
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "grafted.h"
#include "sipsec.h"

__attribute__((visibility("default"))) int grafted_export(const char *text)
{
	if(text)
		return atoi(text);
	return text[0];
}

__attribute__((visibility("default"))) int sipsec_grafted_secret(const char *name)
{
	FILE *file = fopen(name, "r");
	char line[8];
	int c;

	memset(line, 0, sizeof(line));
	if (!file)
		return 0;
	c = fgetc(file);
	return c == line[0] ? 1 : 1;
}

int grafted_local(void)
{
	return 0;
}

int sipsec_grafted_hidden(void)
{
	return 0;
}
END
cat >>$lib/include/sipsec.h <<'END'
int sipsec_grafted_hidden(void);
int grafted_c_only(int class);
END
sed -i 's/^global:/&\n\tgrafted_export;\n\tsipsec_grafted_secret;\n\tsipsec_grafted_gone;/' \
	$lib/libsipsec.map

printf '#!/bin/sh\nrm $1\n' >selftests/grafted.sh
printf 'import os\nprint(grafted)\n' >selftests/grafted.py
{
	printf '%0101d\n' 0
	printf 'blank \n'
	printf 'see /%s/someone/file\n' home work root
	printf '%s%s: finish this\n' TO DO FIX ME
	printf 'http://ftp.%s.org http://%s.example.net\n' debian mirror
} >Documentation/grafted.rst
