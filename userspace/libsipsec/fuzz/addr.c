// SPDX-License-Identifier: LGPL-2.1-or-later
/* Numeric addresses: what was read is written, and reads as the same. */
#include "addr.h"
#include "fuzz.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct input in = { data, size };
	char *text = take_line(&in), again[SIPSEC_ADDR_TEXT];
	struct sipsec_addr addr, same;

	if (!sipsec_addr_parse(text, &addr)) {
		CHECK(addr.len == 4 || addr.len == 16);
		CHECK(!sipsec_addr_parse(sipsec_addr_format(&addr, again), &same));
		CHECK(sipsec_addr_equal(&addr, &same));
		CHECK(sipsec_addr_is_unicast(&addr) == sipsec_addr_is_unicast(&same));
	}
	free(text);
	return 0;
}
