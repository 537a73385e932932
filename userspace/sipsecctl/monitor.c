// SPDX-License-Identifier: GPL-2.0
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "args.h"
#include "commands.h"
#include "print.h"

static const char *const names[] = {
	[SIPSEC_EVENT_GROUP_ADD] = "group-add",
	[SIPSEC_EVENT_GROUP_UP] = "group-up",
	[SIPSEC_EVENT_GROUP_DEL] = "group-del",
	[SIPSEC_EVENT_GROUP_ROTATE] = "group-rotate",
	[SIPSEC_EVENT_LOST] = "events-lost",
	[SIPSEC_EVENT_GROUP_LIMIT] = "group-limit",
	[SIPSEC_EVENT_GROUP_DISTURBED] = "group-disturbed",
};

static void print_time(uint64_t ns)
{
	time_t seconds = ns / 1000000000;
	char text[32] = "";
	struct tm tm;

	if (localtime_r(&seconds, &tm))
		strftime(text, sizeof(text), "%H:%M:%S", &tm);
	printf("%s.%06u", text, (unsigned int)(ns % 1000000000 / 1000));
}

static void print_text(const struct sipsec_event *ev)
{
	print_time(ev->time_ns);
	printf(" %s", names[ev->type]);
	if (ev->type == SIPSEC_EVENT_LOST) {
		puts(" (list what you need to know: sipsecctl show)");
		return;
	}
	printf(" %" PRIu32 " app %s", ev->group, ev->app);
	switch (ev->type) {
	case SIPSEC_EVENT_GROUP_ROTATE:
	case SIPSEC_EVENT_GROUP_LIMIT:
		printf(" %s round %" PRIu64 " spi %08" PRIx32 " after %" PRIu64 " packets",
		       name_of_direction(ev->direction), ev->round, ev->spi, ev->packets);
		break;
	case SIPSEC_EVENT_GROUP_DISTURBED:
		printf(" %s round %" PRIu64 " spi %08" PRIx32 " cause %s",
		       name_of_direction(ev->direction), ev->round, ev->spi,
		       name_of_disturbance(ev->reason));
		break;
	case SIPSEC_EVENT_GROUP_DEL:
		printf(" reason %s packets out %" PRIu64 " in %" PRIu64,
		       name_of_reason(ev->reason), ev->packets_out, ev->packets_in);
		break;
	default:
		printf(" spi-in %08" PRIx32, ev->spi);
	}
	putchar('\n');
}

/* One object per line, so that a reader can take line by line. App names are printable ASCII. */
static void print_json(const struct sipsec_event *ev)
{
	struct print p = { .file = stdout, .json = true, .lines = true };

	print_open(&p, NULL);
	print_number(&p, "time", ev->time_ns, NULL);
	print_string(&p, "event", names[ev->type], NULL);
	if (ev->type != SIPSEC_EVENT_LOST) {
		print_number(&p, "id", ev->group, NULL);
		print_string(&p, "app", ev->app, NULL);
	}
	switch (ev->type) {
	case SIPSEC_EVENT_GROUP_ROTATE:
	case SIPSEC_EVENT_GROUP_LIMIT:
	case SIPSEC_EVENT_GROUP_DISTURBED:
		print_string(&p, "direction", name_of_direction(ev->direction), NULL);
		print_number(&p, "number", ev->round, NULL);
		print_spi(&p, "spi", ev->spi);
		print_number(&p, "packets", ev->packets, NULL);
		if (ev->type == SIPSEC_EVENT_GROUP_DISTURBED)
			print_string(&p, "cause", name_of_disturbance(ev->reason), NULL);
		break;
	case SIPSEC_EVENT_GROUP_DEL:
		print_string(&p, "end-reason", name_of_reason(ev->reason), NULL);
		print_number(&p, "packets-out", ev->packets_out, NULL);
		print_number(&p, "packets-in", ev->packets_in, NULL);
		break;
	case SIPSEC_EVENT_GROUP_ADD:
	case SIPSEC_EVENT_GROUP_UP:
		print_spi(&p, "spi-in", ev->spi);
		break;
	case SIPSEC_EVENT_LOST:
		break;
	}
	print_close(&p);
	putchar('\n');
}

static void on_event(const struct sipsec_event *ev, void *arg)
{
	const struct ctl *ctl = arg;

	if (ctl->json)
		print_json(ev);
	else
		print_text(ev);
}

struct watch {
	struct ctl *ctl;
	unsigned int apps;
	int err;
};

static void watch_app(const struct sipsec_app_info *app, void *arg)
{
	struct watch *watch = arg;

	watch->apps++;
	if (!watch->err)
		watch->err = sipsec_app_watch(watch->ctl->s, app->name);
}

/* The administrator gets all events; others those of the apps they see now. */
static int watch_all(struct ctl *ctl)
{
	struct watch watch = { .ctl = ctl };
	int err = sipsec_subscribe(ctl->s);

	if (err == -EPERM) {
		err = sipsec_app_list(ctl->s, watch_app, &watch);
		if (!err && !watch.apps) {
			complain("there is no app whose events you may see without CAP_NET_ADMIN");
			return FAILED;
		}
		err = err ?: watch.err;
	}
	return command_result(ctl, err);
}

int command_monitor(struct ctl *ctl, char *const *words)
{
	struct pollfd pfd = { .events = POLLIN };

	if (words[0]) {
		complain("monitor: '%s' is one word too many", words[0]);
		return USAGE;
	}
	if (command_connect(ctl))
		return FAILED;
	pfd.fd = sipsec_fd(ctl->s);
	/* A reader at the other end of a pipe wants events when they happen. */
	setvbuf(stdout, NULL, _IOLBF, 0);
	sipsec_set_event_handler(ctl->s, on_event, ctl);
	if (watch_all(ctl))
		return FAILED;
	for (;;) {
		if (poll(&pfd, 1, -1) < 0 && errno != EINTR) {
			complain("waiting for events: %s", strerror(errno));
			return FAILED;
		}
		if (sipsec_process(ctl->s))
			return command_failed(ctl);
		if (ferror(stdout))
			return FAILED;
	}
}
