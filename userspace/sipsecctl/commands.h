/* SPDX-License-Identifier: GPL-2.0 */
#ifndef SIPSECCTL_COMMANDS_H
#define SIPSECCTL_COMMANDS_H

#include <stdbool.h>

#include <sipsec.h>

/* Exit status */
enum { DONE = 0, FAILED = 1, USAGE = 2 };

struct ctl {
	struct sipsec *s;
	bool json;
};

/* words: what follows the command, ended by NULL. Each returns an exit status. */
int command_show(struct ctl *ctl, char *const *words);
int command_stats(struct ctl *ctl, char *const *words);
int command_monitor(struct ctl *ctl, char *const *words);
int command_app_add(struct ctl *ctl, char *const *words);
int command_app_set(struct ctl *ctl, char *const *words);
int command_app_del(struct ctl *ctl, char *const *words);
int command_app_show(struct ctl *ctl, char *const *words);
int command_app_load(struct ctl *ctl, char *const *words);
int command_group_add(struct ctl *ctl, char *const *words);
int command_group_del(struct ctl *ctl, char *const *words);
int command_group_rotate(struct ctl *ctl, char *const *words);
int command_flow_add(struct ctl *ctl, char *const *words);
int command_flow_del(struct ctl *ctl, char *const *words);

/* Commands call it when their words are good: a wrong word is an error also without the module. */
int command_connect(struct ctl *ctl);

/* Report an error of the library: FAILED, and its text on standard error. */
int command_failed(struct ctl *ctl);

/* The same if there was one: DONE or FAILED. */
int command_result(struct ctl *ctl, int err);

/* Names for what the library counts, "?" for what it does not know. */
const char *name_of_state(int state);
const char *name_of_role(int role);
const char *name_of_mode(int mode);
const char *name_of_direction(int direction);
const char *name_of_reason(int reason);
const char *name_of_disturbance(int cause);
const char *name_of_level(int level);

/* Print a user's number, with his name for people. */
struct print;
void show_user(struct print *p, const char *key, uid_t uid);

/* Print an app; arg is a struct print. */
void show_app(const struct sipsec_app_info *app, void *arg);

#endif
