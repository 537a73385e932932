/* SPDX-License-Identifier: GPL-2.0 */
/* Tracepoints: why a packet was dropped, and what was refused to whom. No secrets in them. */
#undef TRACE_SYSTEM
#define TRACE_SYSTEM sipsec

#if !defined(SIPSEC_TRACE_H) || defined(TRACE_HEADER_MULTI_READ)
#define SIPSEC_TRACE_H

#include <linux/cred.h>
#include <linux/tracepoint.h>

#include <uapi/linux/sipsec.h>

#include "app.h"
#include "packet.h"

#define SIPSEC_REASONS(X) \
	X(OUT_DROP_CLOSED, "out-drop-closed") \
	X(OUT_DROP_SOCKET, "out-drop-socket") \
	X(OUT_DROP_FLOW, "out-drop-flow") \
	X(OUT_DROP_POLICY, "out-drop-policy") \
	X(OUT_DROP_MTU, "out-drop-mtu") \
	X(OUT_DROP_REWRITTEN, "out-drop-rewritten") \
	X(OUT_DROP_LIMIT, "out-drop-limit") \
	X(OUT_DROP_MEMORY, "out-drop-memory") \
	X(OUT_DROP_ERROR, "out-drop-error") \
	X(OUT_DROP_ICMP, "out-drop-icmp") \
	X(IN_DROP_CLEAR, "in-drop-clear") \
	X(IN_DROP_CLOSED, "in-drop-closed") \
	X(IN_DROP_FLOW, "in-drop-flow") \
	X(IN_DROP_SOCKET, "in-drop-socket") \
	X(IN_DROP_FORWARD, "in-drop-forward") \
	X(IN_DROP_ICMP, "in-drop-icmp")

#define SIPSEC_REASON_ENUM(id, name)	TRACE_DEFINE_ENUM(SIPSEC_A_STATS_##id);
SIPSEC_REASONS(SIPSEC_REASON_ENUM)
#undef SIPSEC_REASON_ENUM
#define SIPSEC_REASON_NAME(id, name)	{ SIPSEC_A_STATS_##id, name },

/* app is NULL where a packet is of no app that could be found. */
TRACE_EVENT(drop,
	TP_PROTO(const struct sk_buff *skb, const struct sipsec_app *app, unsigned int reason,
		 bool sent),
	TP_ARGS(skb, app, reason, sent),
	TP_STRUCT__entry(
		__array(char, app, SIPSEC_APP_NAME_MAX + 1)
		__field(u32, reason)
		__field(u8, protocol)
		__array(u8, local, sizeof(struct in6_addr))
		__array(u8, peer, sizeof(struct in6_addr))
		__field(u16, local_port)
		__field(u16, peer_port)
		__field(u32, len)
	),
	TP_fast_assign(
		struct sipsec_packet packet = {};

		sipsec_packet_parse(skb, sent, &packet);
		strscpy(__entry->app, app ? app->name : "", sizeof(__entry->app));
		__entry->reason = reason;
		__entry->protocol = packet.key.protocol;
		memcpy(__entry->local, &packet.key.local, sizeof(__entry->local));
		memcpy(__entry->peer, &packet.key.peer, sizeof(__entry->peer));
		__entry->local_port = ntohs(packet.key.local_port);
		__entry->peer_port = ntohs(packet.key.peer_port);
		__entry->len = skb->len;
	),
	TP_printk("app=%s reason=%s protocol=%u local=%pI6c port=%u peer=%pI6c port=%u len=%u",
		  __entry->app,
		  __print_symbolic(__entry->reason, SIPSEC_REASONS(SIPSEC_REASON_NAME)
				   { 0, NULL }),
		  __entry->protocol, __entry->local, __entry->local_port, __entry->peer,
		  __entry->peer_port, __entry->len)
);

TRACE_EVENT(refused,
	TP_PROTO(u8 command, int err, const char *app, const char *text),
	TP_ARGS(command, err, app, text),
	TP_STRUCT__entry(
		__field(u8, command)
		__field(int, err)
		__field(u32, uid)
		__array(char, app, SIPSEC_APP_NAME_MAX + 1)
		__array(char, text, 80)
	),
	TP_fast_assign(
		__entry->command = command;
		__entry->err = err;
		__entry->uid = from_kuid_munged(&init_user_ns, current_euid());
		strscpy(__entry->app, app, sizeof(__entry->app));
		strscpy(__entry->text, text ? text : "", sizeof(__entry->text));
	),
	TP_printk("command=%u err=%d uid=%u app=%s %s", __entry->command, __entry->err,
		  __entry->uid, __entry->app, __entry->text)
);

#endif

#undef TRACE_INCLUDE_PATH
#define TRACE_INCLUDE_PATH .
#undef TRACE_INCLUDE_FILE
#define TRACE_INCLUDE_FILE trace
#include <trace/define_trace.h>
