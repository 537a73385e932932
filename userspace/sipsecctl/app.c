// SPDX-License-Identifier: GPL-2.0
/* Apps: registered one by one or from the files of a folder, and shown. */
#include <dirent.h>
#include <errno.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "args.h"
#include "commands.h"
#include "print.h"

#define FOLDER		"/etc/sipsec/apps.d"
#define WORDS_MAX	128

/* The settings, and what they point to. */
struct app {
	struct sipsec_app_conf conf;
	const char *peers[SIPSEC_APP_PEERS_MAX];
	uint8_t protocols[UINT8_MAX];
};

static int take_uid(const char *value, void *to)
{
	struct app *app = to;

	app->conf.has_uid = true;
	return args_uid(value, &app->conf.uid);
}

static int take_gid(const char *value, void *to)
{
	struct app *app = to;

	app->conf.has_gid = true;
	return args_gid(value, &app->conf.gid);
}

static int take_viewer(const char *value, void *to)
{
	struct app *app = to;

	app->conf.has_viewer = true;
	return args_gid(value, &app->conf.viewer);
}

static int take_cgroup(const char *value, void *to)
{
	if (strlen(value) > SIPSEC_CGROUP_MAX)
		return complain("cgroup: the path has more than %d octets", SIPSEC_CGROUP_MAX);
	((struct app *)to)->conf.cgroup = value;
	return 0;
}

static int take_max_groups(const char *value, void *to)
{
	return args_number("max-groups", value, 1, UINT32_MAX,
			   &((struct app *)to)->conf.max_groups);
}

static int take_max_flows(const char *value, void *to)
{
	return args_number("max-flows", value, 1, UINT32_MAX,
			   &((struct app *)to)->conf.max_flows);
}

static int take_max_groups_uid(const char *value, void *to)
{
	return args_number("max-groups-uid", value, 1, UINT32_MAX,
			   &((struct app *)to)->conf.max_groups_uid);
}

static int take_max_flows_uid(const char *value, void *to)
{
	return args_number("max-flows-uid", value, 1, UINT32_MAX,
			   &((struct app *)to)->conf.max_flows_uid);
}

/* In MiB. */
static int take_memory(const char *name, const char *value, uint64_t *octets)
{
	uint32_t mib = 0;
	int err = args_number(name, value, 1, UINT32_MAX, &mib);

	*octets = (uint64_t)mib << 20;
	return err;
}

static int take_max_memory(const char *value, void *to)
{
	return take_memory("max-memory", value, &((struct app *)to)->conf.max_memory);
}

static int take_max_memory_uid(const char *value, void *to)
{
	return take_memory("max-memory-uid", value, &((struct app *)to)->conf.max_memory_uid);
}

static int take_level(const char *value, void *to)
{
	struct app *app = to;

	for (int level = SIPSEC_LEVEL_INTEGRITY; level <= SIPSEC_LEVEL_CONFIDENTIAL; level++) {
		if (!strcmp(value, name_of_level(level))) {
			app->conf.level = level;
			return 0;
		}
	}
	return complain("level: '%s' is not integrity or confidential", value);
}

static int take_min_suite(const char *value, void *to)
{
	struct app *app = to;

	app->conf.min_suite = sipsec_suite_by_name(value);
	if (app->conf.min_suite < 0)
		return complain("min-suite: there is no '%s'; try ESP_AES_128_GCM_16", value);
	return 0;
}

static int take_ports(const char *value, void *to)
{
	struct app *app = to;

	return args_ports(value, &app->conf.port_min, &app->conf.port_max);
}

/* The library looks at it: what an address is, is its matter. */
static int take_peer(const char *value, void *to)
{
	struct app *app = to;

	if (app->conf.n_peers == SIPSEC_APP_PEERS_MAX)
		return complain("peer: there are more than %d", SIPSEC_APP_PEERS_MAX);
	app->peers[app->conf.n_peers++] = value;
	return 0;
}

static int take_legacy(const char *value, void *to)
{
	(void)value;
	((struct app *)to)->conf.legacy = true;
	return 0;
}

static int take_wildcard(const char *value, void *to)
{
	(void)value;
	((struct app *)to)->conf.wildcard = true;
	return 0;
}

/* With commas between them. */
static int take_protocols(const char *value, void *to)
{
	struct app *app = to;
	char name[32];
	size_t len;

	do {
		len = strcspn(value, ",");
		if (app->conf.n_protocols == sizeof(app->protocols))
			return complain("protocols: there are more than %zu",
					sizeof(app->protocols));
		snprintf(name, sizeof(name), "%.*s", (int)len, value);
		if (args_protocol("protocols", name, &app->protocols[app->conf.n_protocols++]))
			return -1;
		value += len;
	} while (*value++);
	return 0;
}

static int take_linger(const char *value, void *to)
{
	return args_number("linger", value, 0, UINT32_MAX, &((struct app *)to)->conf.linger);
}

/* app->conf points into app and into the words. */
static int read_app(char *const *words, struct app *app)
{
	static const char *const names[] = { "NAME", NULL };
	static const struct keyword keywords[] = {
		{ "uid", false, take_uid, VALUE },
		{ "gid", false, take_gid, VALUE },
		{ "cgroup", false, take_cgroup, VALUE },
		{ "max-groups", false, take_max_groups, VALUE },
		{ "max-flows", false, take_max_flows, VALUE },
		{ "max-groups-uid", false, take_max_groups_uid, VALUE },
		{ "max-flows-uid", false, take_max_flows_uid, VALUE },
		{ "max-memory", false, take_max_memory, VALUE },
		{ "max-memory-uid", false, take_max_memory_uid, VALUE },
		{ "level", false, take_level, VALUE },
		{ "min-suite", false, take_min_suite, VALUE },
		{ "ports", false, take_ports, VALUE },
		{ "peer", false, take_peer, VALUES },
		{ "linger", false, take_linger, VALUE },
		{ "legacy", false, take_legacy, ALONE },
		{ "viewer", false, take_viewer, VALUE },
		{ "wildcard", false, take_wildcard, ALONE },
		{ "protocols", false, take_protocols, VALUE },
		{ 0 }
	};

	*app = (struct app){ 0 };
	app->conf.peers = app->peers;
	app->conf.protocols = app->protocols;
	if (args_first(words, names, true) || args_read(words + 1, keywords, app))
		return -1;
	if (!app->conf.has_uid && !app->conf.has_gid && !app->conf.cgroup)
		return complain("%s: one of uid, gid and cgroup is required", words[0]);
	return 0;
}

static int change(struct ctl *ctl, char *const *words,
		  int (*act)(struct sipsec *, const char *, const struct sipsec_app_conf *))
{
	struct app app;

	if (read_app(words, &app))
		return USAGE;
	if (command_connect(ctl))
		return FAILED;
	return command_result(ctl, act(ctl->s, words[0], &app.conf));
}

int command_app_add(struct ctl *ctl, char *const *words)
{
	return change(ctl, words, sipsec_app_new);
}

int command_app_set(struct ctl *ctl, char *const *words)
{
	return change(ctl, words, sipsec_app_set);
}

int command_app_del(struct ctl *ctl, char *const *words)
{
	static const char *const names[] = { "NAME", NULL };

	if (args_first(words, names, false))
		return USAGE;
	if (command_connect(ctl))
		return FAILED;
	return command_result(ctl, sipsec_app_del(ctl->s, words[0]));
}

/* Files */

/* Whoever can write it decides who gets keys. */
static FILE *open_trusted(const char *path)
{
	FILE *file = fopen(path, "re");
	struct stat st;

	if (!file) {
		complain("%s: %s", path, strerror(errno));
		return NULL;
	}
	if (fstat(fileno(file), &st) || (st.st_uid && st.st_uid != geteuid()) ||
	    (st.st_mode & 022)) {
		complain("%s: somebody else may write to it; try chmod 644, chown root", path);
		fclose(file);
		return NULL;
	}
	return file;
}

/* A line has the words of app add; with one it has already, the app is given these settings. */
static int load_line(struct ctl *ctl, char *line)
{
	char *words[WORDS_MAX] = { NULL }, *rest = NULL;
	struct app app;
	size_t n = 0;
	int err;

	line[strcspn(line, "#\n")] = '\0';
	for (char *word = strtok_r(line, " \t\r", &rest); word;
	     word = strtok_r(NULL, " \t\r", &rest)) {
		if (n == WORDS_MAX - 1)
			return complain("the line has too many words");
		words[n++] = word;
	}
	if (!n)
		return 0;
	if (read_app(words, &app))
		return -1;
	err = sipsec_app_new(ctl->s, words[0], &app.conf);
	if (err == -EEXIST)
		err = sipsec_app_set(ctl->s, words[0], &app.conf);
	if (err)
		command_failed(ctl);
	return err;
}

static int load_file(struct ctl *ctl, const char *path)
{
	FILE *file = open_trusted(path);
	int number = 0, status = DONE;
	char *line = NULL;
	size_t size = 0;

	if (!file)
		return FAILED;
	while (getline(&line, &size, file) >= 0) {
		number++;
		/* One wrong line does not keep the apps of the others out. */
		if (load_line(ctl, line)) {
			complain("%s: line %d is not in force", path, number);
			status = FAILED;
		}
	}
	if (ferror(file)) {
		complain("%s: %s", path, strerror(errno));
		status = FAILED;
	}
	free(line);
	fclose(file);
	return status;
}

static int is_conf(const struct dirent *entry)
{
	const char *end = strrchr(entry->d_name, '.');

	return end && end != entry->d_name && !strcmp(end, ".conf");
}

static int load_named(struct ctl *ctl, const char *folder, const char *name)
{
	int status;
	char *path;

	if (asprintf(&path, "%s/%s", folder, name) < 0) {
		complain("no memory");
		return FAILED;
	}
	status = load_file(ctl, path);
	free(path);
	return status;
}

int command_app_load(struct ctl *ctl, char *const *words)
{
	const char *folder = words[0] ? words[0] : FOLDER;
	struct dirent **entries;
	int n, status = DONE;

	if (words[0] && words[1]) {
		complain("'%s' is one word too many", words[1]);
		return USAGE;
	}
	if (command_connect(ctl))
		return FAILED;
	n = scandir(folder, &entries, is_conf, alphasort);
	if (n < 0) {
		complain("%s: %s", folder, strerror(errno));
		return FAILED;
	}
	for (int i = 0; i < n; i++) {
		if (load_named(ctl, folder, entries[i]->d_name))
			status = FAILED;
		free(entries[i]);
	}
	free(entries);
	return status;
}

/* Output */

void show_user(struct print *p, const char *key, uid_t uid)
{
	const struct passwd *user = getpwuid(uid);
	char note[64];

	snprintf(note, sizeof(note), "(%s)", user ? user->pw_name : "no such user here");
	print_number(p, key, uid, note);
}

static void show_gid(struct print *p, const char *key, gid_t gid)
{
	const struct group *group = getgrgid(gid);
	char note[64];

	snprintf(note, sizeof(note), "(%s)", group ? group->gr_name : "no such group here");
	print_number(p, key, gid, note);
}

/* Text has what was limited, JSON all. */
static void show_limits(struct print *p, const struct sipsec_app_info *app)
{
	const char *suite = sipsec_suite_name(app->min_suite);

	print_number(p, "max-groups", app->max_groups, NULL);
	print_number(p, "max-flows", app->max_flows, NULL);
	if (p->json || app->max_groups_uid != app->max_groups)
		print_number(p, "max-groups-uid", app->max_groups_uid, NULL);
	if (p->json || app->max_flows_uid != app->max_flows)
		print_number(p, "max-flows-uid", app->max_flows_uid, NULL);
	print_number(p, "max-memory", app->max_memory, "octets");
	if (p->json || app->max_memory_uid != app->max_memory)
		print_number(p, "max-memory-uid", app->max_memory_uid, "octets");
	print_string(p, "level", name_of_level(app->level), NULL);
	if (suite)
		print_string(p, "min-suite", suite, NULL);
	if (p->json || app->port_min > 1 || app->port_max < UINT16_MAX) {
		print_number(p, "port-min", app->port_min, NULL);
		print_number(p, "port-max", app->port_max, NULL);
	}
	if (p->json)
		print_open_list(p, "peers");
	for (size_t i = 0; i < app->n_peers; i++)
		print_string(p, p->json ? NULL : "peer", app->peers[i], NULL);
	if (p->json)
		print_close_list(p);
	if (p->json || app->linger)
		print_number(p, "linger", app->linger, "seconds");
	print_flag(p, "legacy", app->legacy);
	if (app->viewer != (gid_t)-1)
		show_gid(p, "viewer", app->viewer);
	print_flag(p, "wildcard", app->wildcard);
	if (p->json)
		print_open_list(p, "protocols");
	for (size_t i = 0; i < app->n_protocols; i++)
		print_number(p, p->json ? NULL : "protocol", app->protocols[i], NULL);
	if (p->json)
		print_close_list(p);
}

void show_app(const struct sipsec_app_info *app, void *arg)
{
	struct print *p = arg;

	print_open(p, "app");
	print_string(p, "name", app->name, NULL);
	if (app->uid != (uid_t)-1)
		show_user(p, "uid", app->uid);
	if (app->gid != (gid_t)-1)
		show_gid(p, "gid", app->gid);
	if (*app->cgroup)
		print_string(p, "cgroup", app->cgroup, NULL);
	print_number(p, "groups", app->groups, NULL);
	print_number(p, "flows", app->flows, NULL);
	print_number(p, "owners", app->owners, NULL);
	print_number(p, "memory", app->memory, "octets");
	show_limits(p, app);
	print_close(p);
}

int command_app_show(struct ctl *ctl, char *const *words)
{
	struct print p;
	int err;

	if (words[0] && words[1]) {
		complain("'%s' is one word too many", words[1]);
		return USAGE;
	}
	if (command_connect(ctl))
		return FAILED;
	print_begin(&p, stdout, ctl->json);
	print_open_list(&p, "apps");
	err = words[0] ? sipsec_app_get(ctl->s, words[0], show_app, &p) :
			 sipsec_app_list(ctl->s, show_app, &p);
	print_close_list(&p);
	print_end(&p);
	return command_result(ctl, err);
}
