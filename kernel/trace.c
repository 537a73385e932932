// SPDX-License-Identifier: GPL-2.0
#include <linux/in6.h>
#include <linux/skbuff.h>

#define CREATE_TRACE_POINTS
#include "trace.h"
