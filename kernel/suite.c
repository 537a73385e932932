// SPDX-License-Identifier: GPL-2.0
#include <linux/build_bug.h>
#include <linux/kernel.h>

#include <uapi/linux/sipsec-suites.h>

#include "suite.h"

#define SUITE(name, enc, salt, authlen, aead_, cipher_, auth_, icv, most, legacy_) \
	[SIPSEC_SUITE_##name] = { \
		.enc_len = enc, .salt_len = salt, .auth_len = authlen, \
		.aead = aead_, .cipher = cipher_, .auth = auth_, .icv_bits = icv, \
		.rotate_max = most, .legacy = legacy_, \
	},

static const struct sipsec_suite_info suites[] = { SIPSEC_SUITES(SUITE) };

const struct sipsec_suite_info *sipsec_suite_get(u32 id)
{
	if (!id || id >= ARRAY_SIZE(suites))
		return NULL;
	return &suites[id];
}
