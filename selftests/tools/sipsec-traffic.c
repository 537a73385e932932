// SPDX-License-Identifier: GPL-2.0
/*
 * sipsec-traffic - numbered datagrams from sockets to sockets, and what became of them
 *
 * The sockets are inherited: whoever starts this program has made them, in whatever network
 * namespaces, and bound them to groups. Each flow is one argument:
 *
 *	send=FD,recv=FD[,to=ADDRESS/PORT][,gso=SEGMENTS][,cpu=N][,size=OCTETS][,gap=USEC]
 *
 * Without to= the sending socket is connected. Each line on standard input is a task, and when it
 * is over one line of JSON with the totals is printed:
 *
 *	go PACKETS	each flow sends so many datagrams
 *	refused COUNT PACKETS	each flow sends until the kernel has refused COUNT in this task,
 *			but no more than PACKETS
 *
 * It is over when all that were sent have arrived, or nothing has happened for --stall seconds. No
 * flow ever has more than --window datagrams on the way, so a socket buffer cannot overflow; and
 * none is ever overtaken by more than --span others, so a processor that stands still in the middle
 * of sending (a virtual one may do that for long) cannot make a datagram too old for a replay
 * window. So a missing datagram was lost by the path under test.
 */
#define _GNU_SOURCE
#include <err.h>
#include <errno.h>
#include <netdb.h>
#include <netinet/in.h>
#include <netinet/udp.h>
#include <poll.h>
#include <pthread.h>
#include <sched.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define FLOWS_MAX	16
#define GSO_MAX		64
#define SIZE_MAX_UDP	1400
#define MAGIC		0x73697073u
#define EXIT_BROKEN	2

struct header {
	uint32_t magic;
	uint32_t flow;
	uint64_t seq;
};

struct flow {
	uint32_t id;
	int send_fd;
	int recv_fd;
	struct sockaddr_storage to;
	socklen_t to_len;
	bool connected;
	unsigned int gso;
	int cpu;
	size_t size;
	unsigned int gap;		/* pause between two sends, to go on for long with few */
	pthread_t thread;

	/* All below is protected by the lock. */
	uint64_t wanted;		/* datagrams to send or be refused since the start */
	uint64_t wanted_refused;	/* with that many refused no more are wanted */
	uint64_t sent;
	uint64_t refused;		/* send() failed; their numbers are not used again */
	int refused_errno;
	uint64_t received;		/* without duplicates */
	uint64_t duplicated;
	uint64_t reordered;
	uint64_t highest;		/* one more than the highest number received */
	uint64_t oldest;		/* lowest number that is neither received nor refused */
	uint64_t *seen;			/* one bit per number: received or refused */
	uint64_t seen_size;		/* in words */
	uint64_t *launched;		/* by number modulo window: value of launches when sent */
};

static struct flow flows[FLOWS_MAX];
static unsigned int flow_count;
static unsigned int window = 64;
static unsigned int span = 400;
static unsigned int stall = 10;
static uint64_t launches;		/* datagrams sent by all flows */
static uint64_t foreign;		/* datagrams that are not ours, or came to the wrong flow */
static uint64_t corrupt;

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t changed;

static void *allocate(void *old, size_t size)
{
	void *p = realloc(old, size);

	if (!p)
		errx(EXIT_BROKEN, "no memory");
	return p;
}

/* Every octet of the filling depends on flow and number, so swapped payload shows. */
static unsigned char filling(const struct header *h, size_t at)
{
	return (unsigned char)(h->flow * 31 + h->seq * 7 + at);
}

static void fill(unsigned char *packet, const struct flow *f, uint64_t seq)
{
	struct header h = { .magic = MAGIC, .flow = f->id, .seq = seq };
	size_t i;

	memcpy(packet, &h, sizeof(h));
	for (i = sizeof(h); i < f->size; i++)
		packet[i] = filling(&h, i);
}

/* Returns 0 or an errno value. */
static int send_burst(const struct flow *f, unsigned char *packets, unsigned int count)
{
	char control[CMSG_SPACE(sizeof(uint16_t))] = { 0 };
	struct iovec iov = { .iov_base = packets, .iov_len = count * f->size };
	struct msghdr msg = { .msg_iov = &iov, .msg_iovlen = 1 };
	uint16_t segment = f->size;
	struct cmsghdr *cmsg;

	if (!f->connected) {
		msg.msg_name = (void *)&f->to;
		msg.msg_namelen = f->to_len;
	}
	if (f->gso) {
		msg.msg_control = control;
		msg.msg_controllen = sizeof(control);
		cmsg = CMSG_FIRSTHDR(&msg);
		cmsg->cmsg_level = IPPROTO_UDP;
		cmsg->cmsg_type = UDP_SEGMENT;
		cmsg->cmsg_len = CMSG_LEN(sizeof(segment));
		memcpy(CMSG_DATA(cmsg), &segment, sizeof(segment));
	}
	return sendmsg(f->send_fd, &msg, 0) < 0 ? errno : 0;
}

/* Whether the datagrams on the way allow so many more. */
static bool may_launch(const struct flow *f, unsigned int count)
{
	const struct flow *other;
	unsigned int i;

	/* From the oldest one on, and not from those not received: numbers share the ring. */
	if (f->sent + f->refused + count - f->oldest > window)
		return false;
	for (i = 0; i < flow_count; i++) {
		other = &flows[i];
		if (other->oldest != other->sent + other->refused &&
		    launches + count - other->launched[other->oldest % window] > span)
			return false;
	}
	return true;
}

/* Returns false if it was known already. */
static bool mark(struct flow *f, uint64_t seq)
{
	uint64_t word = seq / 64, bit = 1ull << seq % 64, size;

	if (word >= f->seen_size) {
		size = 2 * word + 64;
		f->seen = allocate(f->seen, size * sizeof(*f->seen));
		memset(f->seen + f->seen_size, 0, (size - f->seen_size) * sizeof(*f->seen));
		f->seen_size = size;
	}
	if (f->seen[word] & bit)
		return false;
	f->seen[word] |= bit;
	while (f->oldest / 64 < f->seen_size &&
	       f->seen[f->oldest / 64] & 1ull << f->oldest % 64)
		f->oldest++;
	return true;
}

static void *sender(void *arg)
{
	struct flow *f = arg;
	unsigned int most = f->gso ? f->gso : 1;
	unsigned char *packets = allocate(NULL, most * f->size);
	unsigned int count, i;
	uint64_t next;
	int error;

	for (;;) {
		pthread_mutex_lock(&lock);
		for (;;) {
			next = f->sent + f->refused;
			count = most;
			if (f->wanted - next < count)
				count = f->wanted - next;
			if (count && may_launch(f, count))
				break;
			pthread_cond_wait(&changed, &lock);
		}
		/* Counted before it is sent, or the receiver could be ahead of the sender. */
		f->sent += count;
		for (i = 0; i < count; i++)
			f->launched[(next + i) % window] = launches++;
		pthread_mutex_unlock(&lock);

		for (i = 0; i < count; i++)
			fill(packets + i * f->size, f, next + i);
		error = send_burst(f, packets, count);
		if (f->gap)
			usleep(f->gap);

		pthread_mutex_lock(&lock);
		if (error) {
			f->sent -= count;
			f->refused += count;
			f->refused_errno = error;
			for (i = 0; i < count; i++)
				mark(f, next + i);
			pthread_cond_broadcast(&changed);
			if (f->refused >= f->wanted_refused)
				f->wanted = f->sent + f->refused;
		}
		if (f->sent + f->refused == f->wanted)
			pthread_cond_broadcast(&changed);
		pthread_mutex_unlock(&lock);
	}
	return NULL;
}

static void note(struct flow *f, uint64_t seq)
{
	if (!mark(f, seq)) {
		f->duplicated++;
		return;
	}
	f->received++;
	if (seq < f->highest)
		f->reordered++;
	else
		f->highest = seq + 1;
}

static void receive(struct flow *f)
{
	unsigned char packet[SIZE_MAX_UDP + 1];
	struct header h;
	bool bad = false;
	ssize_t length;
	size_t i;

	length = recv(f->recv_fd, packet, sizeof(packet), MSG_DONTWAIT);
	if (length < 0) {
		if (errno != EAGAIN && errno != EINTR)
			errx(EXIT_BROKEN, "flow %u: recv: %s", f->id, strerror(errno));
		return;
	}

	if ((size_t)length >= sizeof(h))
		memcpy(&h, packet, sizeof(h));
	else
		memset(&h, 0, sizeof(h));
	for (i = sizeof(h); i < (size_t)length; i++)
		bad |= packet[i] != filling(&h, i);

	pthread_mutex_lock(&lock);
	if (h.magic != MAGIC || h.flow != f->id || h.seq >= f->wanted)
		foreign++;
	else if (bad || (size_t)length != f->size)
		corrupt++;
	else
		note(f, h.seq);
	pthread_cond_broadcast(&changed);
	pthread_mutex_unlock(&lock);
}

static void *receiver(void *unused)
{
	struct pollfd fds[FLOWS_MAX];
	unsigned int i;

	(void)unused;
	for (i = 0; i < flow_count; i++)
		fds[i] = (struct pollfd){ .fd = flows[i].recv_fd, .events = POLLIN };
	for (;;) {
		if (poll(fds, flow_count, -1) < 0 && errno != EINTR)
			errx(EXIT_BROKEN, "poll: %s", strerror(errno));
		for (i = 0; i < flow_count; i++)
			if (fds[i].revents)
				receive(&flows[i]);
	}
	return NULL;
}

static uint64_t missing(bool *all_sent)
{
	uint64_t sum = 0;
	unsigned int i;

	*all_sent = true;
	for (i = 0; i < flow_count; i++) {
		if (flows[i].sent + flows[i].refused != flows[i].wanted)
			*all_sent = false;
		sum += flows[i].sent - flows[i].received;
	}
	return sum;
}

static uint64_t progress(void)
{
	uint64_t sum = 0;
	unsigned int i;

	for (i = 0; i < flow_count; i++)
		sum += flows[i].sent + flows[i].refused + flows[i].received;
	return sum;
}

static void report(void)
{
	uint64_t sent = 0, received = 0, refused = 0, duplicated = 0, reordered = 0;
	unsigned int i;
	int error = 0;

	printf("{\"flows\": [");
	for (i = 0; i < flow_count; i++) {
		const struct flow *f = &flows[i];

		printf("%s{\"sent\": %ju, \"received\": %ju, \"refused\": %ju}", i ? ", " : "",
		       (uintmax_t)f->sent, (uintmax_t)f->received, (uintmax_t)f->refused);
		sent += f->sent;
		received += f->received;
		refused += f->refused;
		duplicated += f->duplicated;
		reordered += f->reordered;
		if (f->refused_errno)
			error = f->refused_errno;
	}
	printf("], \"sent\": %ju, \"received\": %ju, \"lost\": %ju, ", (uintmax_t)sent,
	       (uintmax_t)received, (uintmax_t)(sent - received));
	printf("\"duplicated\": %ju, \"reordered\": %ju, ", (uintmax_t)duplicated,
	       (uintmax_t)reordered);
	printf("\"refused\": %ju, \"errno\": %d, ", (uintmax_t)refused, error);
	printf("\"foreign\": %ju, \"corrupt\": %ju}\n", (uintmax_t)foreign, (uintmax_t)corrupt);
	fflush(stdout);
}

static void perform(uint64_t packets, uint64_t refusals)
{
	uint64_t before = 0, now;
	struct timespec until;
	bool all_sent;
	unsigned int i;

	pthread_mutex_lock(&lock);
	for (i = 0; i < flow_count; i++) {
		flows[i].wanted += packets;
		flows[i].wanted_refused = refusals ? flows[i].refused + refusals : UINT64_MAX;
	}
	pthread_cond_broadcast(&changed);

	clock_gettime(CLOCK_MONOTONIC, &until);
	until.tv_sec += stall;
	while (missing(&all_sent) || !all_sent) {
		now = progress();
		if (now != before) {
			before = now;
			clock_gettime(CLOCK_MONOTONIC, &until);
			until.tv_sec += stall;
		}
		if (pthread_cond_timedwait(&changed, &lock, &until) == ETIMEDOUT &&
		    progress() == before)
			break;
	}
	report();
	/*
	 * What was lost stays lost, and its place in the window stays taken. A sender that stands
	 * still for that reason cannot send the rest, so there is nothing to go on with.
	 */
	if (missing(&all_sent) || !all_sent)
		exit(1);
	pthread_mutex_unlock(&lock);
}

static unsigned long number(const char *text, unsigned long least, unsigned long most)
{
	char *end;
	unsigned long value;

	errno = 0;
	value = strtoul(text, &end, 10);
	if (end == text || *end || errno || value < least || value > most)
		errx(EXIT_BROKEN, "'%s': wanted %lu to %lu", text, least, most);
	return value;
}

static void set_to(struct flow *f, char *text)
{
	const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST | AI_NUMERICSERV,
					.ai_socktype = SOCK_DGRAM };
	char *port = strchr(text, '/');
	struct addrinfo *found;
	int err;

	if (!port)
		errx(EXIT_BROKEN, "to=ADDRESS/PORT");
	*port++ = '\0';
	err = getaddrinfo(text, port, &hints, &found);
	if (err)
		errx(EXIT_BROKEN, "to=%s/%s: %s", text, port, gai_strerror(err));
	memcpy(&f->to, found->ai_addr, found->ai_addrlen);
	f->to_len = found->ai_addrlen;
	freeaddrinfo(found);
}

static void parse_flow(char *text)
{
	enum { SEND, RECV, TO, GSO, CPU, SIZE, GAP };
	static char *const names[] = {
		[SEND] = "send", [RECV] = "recv", [TO] = "to", [GSO] = "gso", [CPU] = "cpu",
		[SIZE] = "size", [GAP] = "gap", NULL
	};
	struct flow *f = &flows[flow_count];
	char *value;
	int name;

	if (flow_count == FLOWS_MAX)
		errx(EXIT_BROKEN, "more than %d flows", FLOWS_MAX);
	*f = (struct flow){
		.id = flow_count++, .send_fd = -1, .recv_fd = -1, .connected = true, .cpu = -1,
		.size = 172,
	};
	while (*text) {
		name = getsubopt(&text, names, &value);
		if (name < 0 || !value)
			errx(EXIT_BROKEN, "flow: '%s' is not NAME=VALUE", value ? value : "");
		switch (name) {
		case SEND:
			f->send_fd = number(value, 0, 65535);
			break;
		case RECV:
			f->recv_fd = number(value, 0, 65535);
			break;
		case TO:
			set_to(f, value);
			f->connected = false;
			break;
		case GSO:
			f->gso = number(value, 2, GSO_MAX);
			break;
		case CPU:
			f->cpu = number(value, 0, CPU_SETSIZE - 1);
			break;
		case SIZE:
			f->size = number(value, sizeof(struct header), SIZE_MAX_UDP);
			break;
		case GAP:
			f->gap = number(value, 1, 1000000);
			break;
		}
	}
	if (f->send_fd < 0 || f->recv_fd < 0)
		errx(EXIT_BROKEN, "a flow needs send= and recv=");
	if (f->gso * f->size > 65000)
		errx(EXIT_BROKEN, "gso= times size= does not fit one send");
}

static void start(void)
{
	pthread_condattr_t cond;
	pthread_attr_t attr;
	pthread_t thread;
	unsigned int i;
	cpu_set_t cpus;
	int error;

	pthread_condattr_init(&cond);
	pthread_condattr_setclock(&cond, CLOCK_MONOTONIC);
	pthread_cond_init(&changed, &cond);

	error = pthread_create(&thread, NULL, receiver, NULL);
	for (i = 0; i < flow_count && !error; i++) {
		pthread_attr_init(&attr);
		if (flows[i].cpu >= 0) {
			CPU_ZERO(&cpus);
			CPU_SET(flows[i].cpu, &cpus);
			pthread_attr_setaffinity_np(&attr, sizeof(cpus), &cpus);
		}
		error = pthread_create(&flows[i].thread, &attr, sender, &flows[i]);
		pthread_attr_destroy(&attr);
	}
	if (error)
		errx(EXIT_BROKEN, "no thread: %s", strerror(error));
}

int main(int argc, char **argv)
{
	unsigned long long count, packets;
	char line[64];
	int i;

	for (i = 1; i < argc; i++) {
		if (!strncmp(argv[i], "--window=", 9))
			window = number(argv[i] + 9, 1, 65536);
		else if (!strncmp(argv[i], "--span=", 7))
			span = number(argv[i] + 7, 1, 65536);
		else if (!strncmp(argv[i], "--stall=", 8))
			stall = number(argv[i] + 8, 1, 3600);
		else
			parse_flow(argv[i]);
	}
	if (!flow_count)
		errx(EXIT_BROKEN, "usage: sipsec-traffic [--window=N --span=N --stall=N] FLOW...");
	for (i = 0; i < (int)flow_count; i++) {
		if (flows[i].gso > window || flows[i].gso > span)
			errx(EXIT_BROKEN, "gso= is more than the window or the span");
		flows[i].launched = allocate(NULL, window * sizeof(*flows[i].launched));
	}

	start();
	while (fgets(line, sizeof(line), stdin)) {
		if (sscanf(line, "go %llu", &count) == 1)
			perform(count, 0);
		else if (sscanf(line, "refused %llu %llu", &count, &packets) == 2 && count)
			perform(packets, count);
		else
			errx(EXIT_BROKEN, "unknown task: %s", line);
	}
	return 0;
}
