// SPDX-License-Identifier: GPL-2.0
#include <stddef.h>

#include "commands.h"

#define NAME_OF(name, ...) \
const char *name_of_##name(int value) \
{ \
	static const char *const names[] = { __VA_ARGS__ }; \
\
	return (size_t)value < sizeof(names) / sizeof(names[0]) && names[value] ? \
		names[value] : "?"; \
}

NAME_OF(state,
	[SIPSEC_GROUP_STATE_RESERVED] = "reserved",
	[SIPSEC_GROUP_STATE_UNCONFIRMED] = "unconfirmed",
	[SIPSEC_GROUP_STATE_UP] = "up")

NAME_OF(role,
	[SIPSEC_ROLE_OFFERER] = "offerer",
	[SIPSEC_ROLE_ANSWERER] = "answerer")

NAME_OF(mode,
	[SIPSEC_MODE_TRANSPORT] = "transport",
	[SIPSEC_MODE_TUNNEL] = "tunnel",
	[SIPSEC_MODE_BEET] = "beet")

NAME_OF(direction,
	[SIPSEC_DIRECTION_OUT] = "out",
	[SIPSEC_DIRECTION_IN] = "in")

NAME_OF(reason,
	[SIPSEC_END_REASON_DELETED] = "deleted",
	[SIPSEC_END_REASON_OWNER_CLOSED] = "owner-closed",
	[SIPSEC_END_REASON_RESERVATION_TIMEOUT] = "reservation-timeout",
	[SIPSEC_END_REASON_LIFE] = "life",
	[SIPSEC_END_REASON_APP_DELETED] = "app-deleted",
	[SIPSEC_END_REASON_REPLACED] = "replaced",
	[SIPSEC_END_REASON_LINGER] = "linger")

NAME_OF(disturbance,
	[SIPSEC_DISTURBANCE_SPI_TAKEN] = "spi-taken",
	[SIPSEC_DISTURBANCE_SA_GONE] = "sa-gone")

NAME_OF(level,
	[SIPSEC_LEVEL_INTEGRITY] = "integrity",
	[SIPSEC_LEVEL_CONFIDENTIAL] = "confidential")
