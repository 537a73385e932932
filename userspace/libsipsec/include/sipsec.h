/* SPDX-License-Identifier: LGPL-2.1-or-later */
/*
 * libsipsec: groups of IPsec SAs that belong to one SIP session of one application.
 *
 * A SIP stack needs struct sipsec_dialog: it makes the "a=ipsec-sa" lines of an SDP offer or
 * answer, agrees on keys with the peer, and installs the group of SAs in the kernel before the
 * first media packet. All else serves administration. Documentation/protocol.rst says what goes
 * over the wire; sections named here are its.
 *
 * What holds for all functions:
 *
 * - An int is 0, or a negative errno. sipsec_error() then has a text for people: what was wrong
 *   and what to do. Where no errors are listed they are those of the kernel: -ENOENT for an object
 *   that does not exist or is not yours, -EPERM without the rights, -EINVAL for a refused value,
 *   -EBUSY, -ENOSPC, -ENOMEM.
 * - Every request of the kernel can also return -ETIMEDOUT, see sipsec_set_timeout(); what was
 *   asked for may then have happened nevertheless.
 * - SPIs and ports are in host byte order. Addresses are numeric text ("192.0.2.1").
 * - Strings given to you belong to the library. Those in an event or in a callback's structure are
 *   valid until the callback returns.
 * - Structures you fill in are to be zeroed first: zero is the default, now and for members that
 *   a later version adds.
 * - A handle is for one thread at a time. Two threads use two handles, or a lock.
 * - Secrets are never logged and never in an error text, and are wiped as soon as they are used.
 */
#ifndef SIPSEC_H
#define SIPSEC_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>
#include <sys/types.h>

#include <linux/sipsec.h>

#ifdef __cplusplus
extern "C" {
#endif
#pragma GCC visibility push(default)

/* Connection: one netlink socket, close-on-exec. It owns what is made by it. */
struct sipsec;

/*
 * Connect to the kernel module. *sp is a new handle, for you to close, or NULL.
 * -EPROTONOSUPPORT: the module is not loaded. The text of an error is that of sipsec_error(NULL).
 */
int sipsec_connect(struct sipsec **sp);

/*
 * Close the connection. The kernel ends all its groups at once; their flows then drop whatever
 * their sockets still send. If the app has a linger, they go on that long for another connection to
 * adopt them. A process killed in any way comes to the same. End the dialogs first: they use the
 * handle. NULL is fine. A child of fork() keeps the connection open: let it exec or close.
 */
void sipsec_close(struct sipsec *s);

/*
 * Text of the last error on this handle, in English, one line: the kernel's own words and the name
 * of the attribute it objects to, or ours. Never NULL; valid until the next call on the handle.
 * With NULL: why the last sipsec_connect() of this thread failed.
 */
const char *sipsec_error(const struct sipsec *s);

/* Version of the library, "0.1.0". */
const char *sipsec_version(void);

/*
 * Milliseconds a request waits for the kernel's answer before it returns -ETIMEDOUT; default 2000.
 * The kernel answers within microseconds unless it is in trouble.
 */
void sipsec_set_timeout(struct sipsec *s, unsigned int ms);

/* Events */

enum sipsec_event_type {
	/* A group was installed; spi is its receive block. */
	SIPSEC_EVENT_GROUP_ADD = 1,
	/* The first packet of the peer authenticated: the keys are equal. */
	SIPSEC_EVENT_GROUP_UP,
	/* A group ended, see reason; packets_out and packets_in are its totals. */
	SIPSEC_EVENT_GROUP_DEL,
	/* A direction moved to another round. */
	SIPSEC_EVENT_GROUP_ROTATE,
	/* Events were lost before this one. Nothing else is set: list what you need to know. */
	SIPSEC_EVENT_LOST,
	/* A round reached its hard limit: what is sent is dropped until the next one is ready. */
	SIPSEC_EVENT_GROUP_LIMIT,
	/*
	 * Somebody else on this host keeps a round from being received: another SA has its SPI, or
	 * its SA was removed. If the peer's rounds are long, rekey.
	 */
	SIPSEC_EVENT_GROUP_DISTURBED,
};

struct sipsec_event {
	enum sipsec_event_type type;
	uint32_t group;		/* id */
	const char *app;	/* "" in SIPSEC_EVENT_LOST */
	int direction;		/* ROTATE, LIMIT, DISTURBED: enum sipsec_direction */
	uint64_t round;		/* ROTATE: the round that is current now; LIMIT, DISTURBED: own */
	uint32_t spi;		/* ROTATE: its SPI */
	uint64_t packets;	/* ROTATE: packets of the round that was current before */
	uint64_t packets_out;	/* ADD, UP, DEL: packets sent in all rounds */
	uint64_t packets_in;	/* ADD, UP, DEL: packets authenticated and delivered */
	uint64_t time_ns;	/* wall clock since 1970: ROTATE when it happened, else when read */
	int reason;		/* DEL: sipsec_end_reason; DISTURBED: sipsec_disturbance */
};

/*
 * File descriptor to poll for POLLIN; then call sipsec_process(). It stays the library's: do not
 * read, write or close it. It may be ready without there being an event.
 */
int sipsec_fd(const struct sipsec *s);

/*
 * Give all waiting events to the handler, in order. Never blocks. Only this function calls the
 * handler: events that arrive during a request are kept until then. The handler may make requests
 * and end dialogs, but must not close the handle; a call of this function in it does nothing.
 */
int sipsec_process(struct sipsec *s);

/* The handler of events, or NULL. Events of your own groups come without asking. */
void sipsec_set_event_handler(struct sipsec *s,
			      void (*cb)(const struct sipsec_event *ev, void *arg), void *arg);

/*
 * Receive the events of all apps (administrator). Those of your own groups then come twice: watch
 * with a handle that owns nothing.
 */
int sipsec_subscribe(struct sipsec *s);

/* Apps. An application opens its app once; what the connection makes then belongs to that app. */

struct sipsec_app_info {
	const char *name;
	uid_t uid;		/* user that may open it, (uid_t)-1: any */
	uint32_t groups;
	uint32_t flows;		/* closed ones included */
	uint32_t owners;	/* connections that have it open */
	gid_t gid;		/* group of users that may open it, (gid_t)-1: any */
	const char *cgroup;	/* cgroup whose processes may open it, "": any */
	uint32_t max_groups;	/* of all its processes */
	uint32_t max_flows;
	uint32_t max_groups_uid;	/* of those of one user */
	uint32_t max_flows_uid;
	int level;		/* enum sipsec_level */
	int min_suite;		/* enum sipsec_suite, 0: any */
	uint16_t port_min;	/* local ports of its flows */
	uint16_t port_max;
	const char *const *peers;	/* prefixes of its peers, "192.0.2.0/24" */
	size_t n_peers;		/* 0: any peer */
	uint32_t linger;	/* seconds that its groups outlive their connection */
	bool legacy;		/* its groups may have the suites with SHA-1 */
	gid_t viewer;		/* group of users that may see what it has, (gid_t)-1: none */
	uint64_t max_memory;	/* octets that groups of all its processes may come to take */
	uint64_t max_memory_uid;	/* of those of one user */
	uint64_t memory;	/* octets that the groups it has are reckoned with */
	bool wildcard;		/* grant, see struct sipsec_flow_conf */
	const uint8_t *protocols;	/* IP protocols that it may have flows of as a whole */
	size_t n_protocols;
};

/*
 * Settings of an app, 0 being the default of each. A process may open the app if all of uid, gid
 * and cgroup that are set are true of it, at least one of them has to be.
 */
struct sipsec_app_conf {
	bool has_uid, has_gid, has_viewer;
	uid_t uid;
	gid_t gid;
	const char *cgroup;	/* path in the hierarchy of cgroup v2, "/system.slice/x.service" */
	uint32_t max_groups;	/* default SIPSEC_MAX_GROUPS_DEFAULT */
	uint32_t max_flows;	/* default SIPSEC_MAX_FLOWS_DEFAULT */
	uint32_t max_groups_uid;	/* default: max_groups */
	uint32_t max_flows_uid;	/* default: max_flows */
	int level;		/* default SIPSEC_LEVEL_INTEGRITY */
	int min_suite;		/* none with a shorter key or ICV; default any */
	uint16_t port_min;	/* default 1 */
	uint16_t port_max;	/* default 65535 */
	const char *const *peers;	/* "192.0.2.0/24"; default any */
	size_t n_peers;		/* SIPSEC_APP_PEERS_MAX at most */
	uint32_t linger;	/* seconds; default 0: groups end with their connection */
	bool legacy;		/* its groups may have the suites with SHA-1 */
	gid_t viewer;		/* users of this group may see what the app has; default none */
	uint64_t max_memory;	/* default SIPSEC_MAX_MEMORY_DEFAULT */
	uint64_t max_memory_uid;	/* default: max_memory */
	bool wildcard;		/* grant, see struct sipsec_flow_conf */
	const uint8_t *protocols;	/* grant, likewise: IP protocol numbers */
	size_t n_protocols;
};

/*
 * Register an app (administrator). The name has 1 to SIPSEC_APP_NAME_MAX octets.
 * -EEXIST: there is one of that name. -ENOENT: there is no such cgroup.
 */
int sipsec_app_new(struct sipsec *s, const char *name, const struct sipsec_app_conf *conf);

/*
 * Give an app other settings, all of them (administrator). They hold for what is made from then
 * on; what the app has stays.
 */
int sipsec_app_set(struct sipsec *s, const char *name, const struct sipsec_app_conf *conf);

/* Remove an app and end its groups (administrator). */
int sipsec_app_del(struct sipsec *s, const char *name);

/*
 * Tie this connection to an app. Takes the app's credentials, of this process and of whoever made
 * the connection, or the administrator. To others there is no such app: -ENOENT.
 */
int sipsec_app_open(struct sipsec *s, const char *name);

/*
 * Receive the events of one app, which needs no more than to see it: the administrator, who has it
 * open and its viewers may. To others there is no such app: -ENOENT.
 */
int sipsec_app_watch(struct sipsec *s, const char *name);

int sipsec_app_get(struct sipsec *s, const char *name,
		   void (*cb)(const struct sipsec_app_info *app, void *arg), void *arg);
/*
 * Call cb for every app: the administrator sees all, others what they opened or may view. The
 * callbacks of this and all lists below come after the list is complete and may call the library.
 * -EAGAIN: the list changed each time it was read.
 */
int sipsec_app_list(struct sipsec *s,
		    void (*cb)(const struct sipsec_app_info *app, void *arg), void *arg);

/* Groups */

struct sipsec_group_conf {
	/* for sipsec_group_new() */
	const char *app;	/* only with persistent; else NULL: the app opened */
	const char *local;	/* our address: must be one of this host */
	uint32_t spi_in;	/* receive block, low 8 bits zero; 0: the kernel takes a free one */
	bool persistent;	/* outlives the connection (administrator) */
	/* for sipsec_group_set(); 0 is the default except where noted */
	int role;		/* enum sipsec_role; no default */
	int suite;		/* enum sipsec_suite; no default */
	int prf;		/* enum sipsec_prf; default SIPSEC_PRF_HMAC_SHA2_256 */
	const void *master;	/* master secret (section 1); not kept; no default */
	size_t master_len;	/* 32 octets, with SIPSEC_PRF_HMAC_SHA2_384 48 */
	uint32_t spi_out;	/* the peer's receive block; no default */
	const char *peer;	/* the peer's address; no default */
	uint32_t rotate;	/* packets per round; default SIPSEC_ROTATE_DEFAULT */
	uint32_t life;		/* seconds; default SIPSEC_LIFE_DEFAULT */
	uint32_t window;	/* replay window, packets; default SIPSEC_WINDOW_DEFAULT */
	bool esn;		/* extended sequence numbers */
	int mode;		/* enum sipsec_mode; default SIPSEC_MODE_TRANSPORT */
	/* what ends a round of ours besides; 0: nothing */
	uint64_t rotate_octets;	/* of the packets before they are protected */
	uint32_t rotate_time;	/* seconds since its first packet */
	uint32_t rotate_idle;	/* seconds without a packet */
	uint32_t replaces;	/* id of the group whose place this one takes; 0: none */
	const char *peer_identity;	/* see sipsec_flow_identity(); default none */
	uint32_t tfc;		/* octets that packets we send are padded to; takes tunnel mode */
	uint32_t lookahead;	/* rounds ready ahead, up to 16; default: as rotate needs them */
	/* ESP in UDP (RFC 3948), which NAT lets pass; not AH */
	uint16_t encap_port;	/* our UDP port; 0: ESP without UDP */
	uint16_t encap_peer_port;	/* the peer's */
	/*
	 * Socket of the app that is bound to encap_port, of local's address family, with its
	 * UDP_ENCAP set to UDP_ENCAP_ESPINUDP; -1 for persistent groups. One may serve many groups.
	 * Stays yours, and has to stay open: without it nothing is sent.
	 */
	int encap_fd;
};

struct sipsec_round_info {
	int direction;		/* enum sipsec_direction */
	uint64_t number;	/* n of the key schedule (section 1) */
	uint32_t spi;
	uint64_t packets;	/* sent, or authenticated, in this round */
	bool current;		/* in use (out), the highest one that authenticated (in) */
};

/* What the kernel did not tell is 0, or "" for strings: a reserved group has no peer yet. */
struct sipsec_group_info {
	uint32_t id;
	const char *app;
	int state;		/* enum sipsec_group_state */
	int role;
	int suite;
	int prf;
	int mode;		/* enum sipsec_mode */
	uint32_t spi_in;
	uint32_t spi_out;
	const char *local;
	const char *peer;
	uint32_t rotate;
	uint32_t life;
	uint32_t remaining;	/* seconds of life left */
	uint32_t window;
	bool esn;
	bool persistent;
	bool orphan;		/* its connection is closed: it ends unless it is adopted */
	const char *peer_identity;	/* "": none was given */
	uint64_t late;		/* packets past the threshold as the next round was not ready */
	uint64_t packets_out;
	uint64_t packets_in;
	const struct sipsec_round_info *rounds;
	size_t n_rounds;
	uint64_t rotate_octets;
	uint32_t rotate_time;
	uint32_t rotate_idle;
	uint32_t replaces;
	uint32_t tfc;
	uint32_t lookahead;	/* for receiving */
	uint16_t encap_port;	/* 0: ESP without UDP */
	uint16_t encap_peer_port;
};

/*
 * Reserve a group and its receive block. *id is its id, *spi_in (may be NULL) the block. A
 * reservation ends by itself when it is not set in time. -EADDRINUSE or -EEXIST: the block asked
 * for is in use.
 */
int sipsec_group_new(struct sipsec *s, const struct sipsec_group_conf *conf, uint32_t *id,
		     uint32_t *spi_in);

/*
 * Give a reserved group its keys and install it. After an error it is still only reserved. A
 * master secret is used once: the kernel refuses a second time, also after the group's end.
 */
int sipsec_group_set(struct sipsec *s, uint32_t id, const struct sipsec_group_conf *conf);

/* End a group. Its SAs are gone on return; its flows are closed and drop until unbound. */
int sipsec_group_del(struct sipsec *s, uint32_t id);

/*
 * End a group after so many seconds, at most an hour: its flows have been bound to the group that
 * replaces it, and the peer's last packets may still be under way. Ends with the reason REPLACED.
 */
int sipsec_group_retire(struct sipsec *s, uint32_t id, uint32_t grace);

/* Move the send direction to its next round now. -EBUSY: that is not ready yet, try again. */
int sipsec_group_rotate(struct sipsec *s, uint32_t id);

/*
 * Make a group of the app this connection's. After a crash: connect, open the app, list its
 * groups and adopt those with .orphan before the app's linger is over; media sockets that lived on
 * (in another process, or handed over by SCM_RIGHTS) have gone on without loss, for others bind
 * their flows again. Workers: a group may also be adopted while its connection is open, which then
 * gets no more of its events. -EDQUOT: this user would have more groups than he may.
 */
int sipsec_group_adopt(struct sipsec *s, uint32_t id);

int sipsec_group_get(struct sipsec *s, uint32_t id,
		     void (*cb)(const struct sipsec_group_info *group, void *arg), void *arg);
int sipsec_group_list(struct sipsec *s,
		      void (*cb)(const struct sipsec_group_info *group, void *arg), void *arg);

/* Flows: which packets use a group, and from which sockets they may come. */

enum sipsec_flow_socket {
	SIPSEC_FLOW_FD,		/* one socket of the caller */
	SIPSEC_FLOW_UID,	/* any UDP socket of a user (persistent groups only) */
	SIPSEC_FLOW_ANY,	/* any socket (persistent groups only) */
};

/*
 * A flow of UDP with peer_port 0 is of any port of the peer; with local_port 0, too, it is all UDP
 * between the two addresses. A flow of any other protocol has no ports and is all of that: bound to
 * a raw socket, connected to the peer or shared, which alone receives it, or to any socket, the
 * kernel's own SCTP or GRE, for example. A packet is of the flow that says most of it.
 *
 * -EPERM: the app has not got the administrator's grant: wildcard for peer_port 0 unless the flow
 * is of an fd and not shared, and for local_port 0; protocols for any other protocol.
 * -EPROTONOSUPPORT: there are no flows of the protocol (ESP, AH, IPComp, ICMP, ICMPv6, IGMP).
 */
struct sipsec_flow_conf {
	uint32_t group;		/* id; the flow's addresses are the group's */
	uint8_t protocol;	/* IP protocol number, IPPROTO_UDP */
	uint16_t local_port;
	uint16_t peer_port;
	enum sipsec_flow_socket socket;
	int fd;			/* SIPSEC_FLOW_FD: a bound socket; stays yours */
	uid_t uid;		/* SIPSEC_FLOW_UID */
	bool shared;		/* SIPSEC_FLOW_FD: may also be used outside its flows, in clear */
};

struct sipsec_flow_info {
	uint32_t group;		/* 0: its group has ended, the flow is closed and drops */
	const char *app;
	uint8_t protocol;
	const char *local;
	uint16_t local_port;
	const char *peer;
	uint16_t peer_port;
	bool any;		/* any socket may use it */
	uid_t uid;		/* else: the user whose socket it is */
	bool shared;		/* the socket may also be used outside its flows, in clear */
	const char *peer_identity;	/* of its group; "": none was given, or it has ended */
};

/*
 * key names the flow by protocol, addresses and ports, its own or those of a packet; the other
 * members are not looked at.
 */
int sipsec_flow_get(struct sipsec *s, const struct sipsec_flow_info *key,
		    void (*cb)(const struct sipsec_flow_info *flow, void *arg), void *arg);
int sipsec_flow_list(struct sipsec *s,
		     void (*cb)(const struct sipsec_flow_info *flow, void *arg), void *arg);
int sipsec_flow_bind(struct sipsec *s, const struct sipsec_flow_conf *conf);

/*
 * Who has sent what came on this flow: the peer identity that the app gave with the group's keys,
 * so whom it has authenticated in the dialog that agreed on them: a SIP URI, an NAI, a host, an
 * MGCP endpoint or a Megaco MID, as UTF-8 of up to 255 octets without control characters. A socket
 * that is bound to flows (and not shared) receives nothing that did not authenticate. key: see
 * above.
 *
 * -ENOENT: there is no such flow of the app. -ENOTCONN: its group has ended. -ENODATA: its group
 * was given no identity.
 */
int sipsec_flow_identity(struct sipsec *s, const struct sipsec_flow_info *key,
			 char identity[SIPSEC_PEER_IDENTITY_MAX + 1]);

/*
 * The same for a packet that a socket has received from an address (recvfrom()), or with NULL from
 * the peer it is connected to. Keep the answer: a socket bound to all addresses makes the kernel
 * list all flows.
 */
int sipsec_socket_identity(struct sipsec *s, int fd, const struct sockaddr *from, socklen_t len,
			   char identity[SIPSEC_PEER_IDENTITY_MAX + 1]);

/* Remove a flow, open or closed: its packets are plain traffic again. key: its own. */
int sipsec_flow_unbind(struct sipsec *s, const struct sipsec_flow_info *key);

/* Counters, indexed by SIPSEC_A_STATS_OUT_PACKETS .. SIPSEC_A_STATS_EVENT_LOST. */

struct sipsec_stats {
	const char *app;	/* "": packets that no app could be found for (administrator) */
	const uint64_t *counters;
	size_t n_counters;	/* highest index + 1 */
};

int sipsec_stats_get(struct sipsec *s, const char *app,
		     void (*cb)(const struct sipsec_stats *stats, void *arg), void *arg);
int sipsec_stats_list(struct sipsec *s,
		      void (*cb)(const struct sipsec_stats *stats, void *arg), void *arg);

/* Name of a counter, "out-drop-closed". NULL: there is none of that index. */
const char *sipsec_counter_name(unsigned int index);

/* Names of the protocol. NULL or -ENOENT: unknown. Suites: "ESP_AES_128_GCM_16". */
const char *sipsec_suite_name(unsigned int id);
int sipsec_suite_by_name(const char *name);
/* "HMAC_SHA2_256" */
const char *sipsec_prf_name(unsigned int id);
int sipsec_prf_by_name(const char *name);

/*
 * Dialog: the group of one SIP dialog (session level), or of one medium of it.
 *
 *   caller:  new -> offer -> (INVITE, 200) -> established -> flow ... -> (BYE) end
 *   callee:  new -> answer -> flow ... -> sent -> (BYE) end
 *
 * The connection must have opened an app. Re-negotiation (re-INVITE, UPDATE) takes a new dialog
 * object with fresh secrets, which takes the place of the old one when it is agreed on:
 *
 *   offerer:  rekey -> offer -> (re-INVITE, 200) -> established -> take_over
 *   answerer: rekey -> answer -> sent -> (ACK) take_over
 *
 * Where media has got another address, it is a new dialog (new) whose flows are bound anew.
 */
struct sipsec_dialog;

struct sipsec_dialog_conf {
	const char *local;		/* numeric address that media is received on */
	const uint32_t *suites;		/* enum sipsec_suite, by preference; default 1, 2, 3 */
	size_t n_suites;
	int prf;			/* enum sipsec_prf, to offer; default HMAC_SHA2_256 */
	uint32_t rotate;		/* packets per round; the smaller of both sides' is used */
	uint32_t life;			/* seconds; the smaller of both sides' is used */
	uint32_t window;		/* replay window of our side, packets */
	bool prefer;			/* a peer without ipsec-sa is served in clear text */
	bool dh;			/* offer X25519, too; done anyway if the peer asks */
	bool esn;			/* offer extended sequence numbers, likewise */
	int mode;			/* enum sipsec_mode, to offer; default transport */
	/* what ends a round of ours besides, see struct sipsec_group_conf; not negotiated */
	uint64_t rotate_octets;
	uint32_t rotate_time;
	uint32_t rotate_idle;
	/*
	 * Packets we send are padded to so many octets, up to 65535, inside of ESP: takes tunnel
	 * mode. AH, and an answer to an offer of another mode, do without.
	 */
	uint32_t tfc;
	uint32_t lookahead;		/* see struct sipsec_group_conf; not negotiated */
	/*
	 * ESP in UDP (RFC 3948), if both sides say so: the port that the peer is to send to
	 * (0: ESP without UDP), and the UDP socket that has it, of local's address family. The port
	 * is the socket's own unless a NAT makes it another. UDP_ENCAP is set on the socket, which
	 * stays yours, has to stay open, and may serve many dialogs. No keepalives are sent, and a
	 * peer whose address or port changes is not followed.
	 */
	uint16_t encap_port;
	int encap_fd;
	/*
	 * The address that the peer has for us where that is not local: a NAT's, through which go
	 * transport mode and ESP in UDP.
	 */
	const char *seen_as;
};

/*
 * Make a dialog; conf is copied. *dp is for you to end, or NULL. -EINVAL, -ERANGE: a bad value;
 * -EOPNOTSUPP: one that is known but not supported; the text names it.
 */
int sipsec_dialog_new(struct sipsec *s, const struct sipsec_dialog_conf *conf,
		      struct sipsec_dialog **dp);

/*
 * Offerer: reserve a receive block and make one line per suite (section 2): the values of SDP
 * attributes, starting "ipsec-sa:", without "a=" and line end. Send them as they are and in this
 * order: any change gives different keys. Array and strings belong to the dialog and are wiped by
 * sipsec_dialog_established() and sipsec_dialog_end(). Called again before that it returns the same
 * lines. -EALREADY: the dialog has offered and got its answer, or has answered.
 */
int sipsec_dialog_offer(struct sipsec_dialog *d, const char *const **lines, size_t *n);

/*
 * Answerer: choose the first of the offered lines that is usable and has one of our suites,
 * install the group, and return the line to answer with. offered: the ipsec-sa attribute values
 * of that level, exactly as they came and in their order. peer: address of the c= line that
 * applies; a line's addr= overrides it. *line belongs to the dialog and is wiped by
 * sipsec_dialog_sent() and sipsec_dialog_end().
 *
 * *line is NULL with result 0 where nothing usable was offered and conf.prefer is set: answer
 * without ipsec-sa; media is in clear text.
 *
 * -ENOKEY: nothing usable was offered, refuse the call (488); the text has the reason of the first
 * line. -EBADMSG: the lines as a whole break the rules. -EALREADY: not a new dialog. After any
 * error the dialog can only be ended.
 */
int sipsec_dialog_answer(struct sipsec_dialog *d, const char *const *offered, size_t n,
			 const char *peer, const char **line);

/*
 * Offerer: check the answer and install the group. answered: the ipsec-sa attribute values of the
 * answer at that level, exactly as they came: there must be one. peer: as above.
 *
 * Without ipsec-sa in the answer: 0 where conf.prefer is set (sipsec_dialog_group() is then 0 and
 * media is in clear text), else -ENOKEY. -EBADMSG: the answer breaks the rules (the text says
 * which), or does not fit our offer: end the call. The same answer once more (183, then 200) is 0
 * and changes nothing. -EALREADY: another answer to the same offer (fork): its keys would share our
 * receive block, so make a new dialog and offer again in that SIP dialog. After any other error the
 * dialog can only be ended.
 */
int sipsec_dialog_established(struct sipsec_dialog *d, const char *const *answered, size_t n,
			      const char *peer);

/*
 * Bind a media socket (RTP, RTCP) to the group: its local port, and the peer's address and port in
 * *peer; port 0 is any port of the peer's. The number of the descriptor is kept for a rekey. Call
 * it before the first packet. Until it is closed the socket sends and receives by its flows only,
 * and what matches none of them is dropped: bind a flow for every peer it has.
 *
 * -ENOKEY: the dialog has no group. -EADDRNOTAVAIL: not the address the group was made for; that
 * medium needs its own lines. -EINVAL: the socket is not bound.
 */
int sipsec_dialog_flow(struct sipsec_dialog *d, int fd, const struct sockaddr *peer,
		       socklen_t len);

/*
 * Begin a rekey of a dialog that has its group: *dp is a new dialog with the same conf, to offer
 * or to answer with. The old one goes on, and stays in force if the new one comes to nothing.
 * Without ipsec-sa in its answer a rekey has failed, also where conf.prefer is set.
 *
 * -EBUSY: one is under way. If it is ours and the peer's re-INVITE comes, refuse that with 491, as
 * RFC 3261, section 14.2, wants for any re-INVITE that crosses ours; the peer does the same, both
 * end their new dialogs, and one is the first to try again. -ENOKEY: the dialog has no group.
 */
int sipsec_dialog_rekey(struct sipsec_dialog *old, struct sipsec_dialog **dp);

/*
 * The group of a rekey that is agreed on takes over: all flows of the old dialog move to it, each
 * between two packets, and the old dialog is freed; its group goes on receiving for so many seconds
 * (0: 10). The offerer calls it after established; the answerer when the offerer is known to have
 * its keys: when the ACK has come, or SIPSEC_EVENT_GROUP_UP. What comes by the new group before
 * that is received all the same, and nothing is lost.
 *
 * A flow whose socket was closed is left behind. After another error no dialog has changed, but
 * flows may have moved: try again. -EALREADY: not a rekey, or not agreed on yet.
 */
int sipsec_dialog_take_over(struct sipsec_dialog *d, unsigned int grace);

/*
 * Whom the dialog's peer has authenticated as, for sipsec_flow_identity(); copied. Before the group
 * has its keys: before sipsec_dialog_answer() or sipsec_dialog_established(). -EALREADY: it is too
 * late. What is no UTF-8 is refused there.
 */
int sipsec_dialog_identify(struct sipsec_dialog *d, const char *identity);

/* Answerer: the answer is on its way; wipe the library's copy of the line. */
void sipsec_dialog_sent(struct sipsec_dialog *d);

/* Id of the group; 0 where there is none (not offered yet, clear text, failed). */
uint32_t sipsec_dialog_group(const struct sipsec_dialog *d);

/* Text of the suite in force, or NULL while the group is not installed. */
const char *sipsec_dialog_suite(const struct sipsec_dialog *d);

/*
 * End the group and free the dialog; secrets are wiped. Its flows drop what their sockets still
 * send until these are closed. NULL is fine.
 */
void sipsec_dialog_end(struct sipsec_dialog *d);

#pragma GCC visibility pop
#ifdef __cplusplus
}
#endif

#endif /* SIPSEC_H */
