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
int command_monitor(struct ctl *ctl, char *const *words);
int command_app_add(struct ctl *ctl, char *const *words);
int command_app_del(struct ctl *ctl, char *const *words);
int command_group_add(struct ctl *ctl, char *const *words);
int command_group_del(struct ctl *ctl, char *const *words);
int command_group_rotate(struct ctl *ctl, char *const *words);
int command_flow_add(struct ctl *ctl, char *const *words);
int command_flow_del(struct ctl *ctl, char *const *words);

/* Commands call it when their words are good: a wrong word is an error also without the module. */
int command_connect(struct ctl *ctl);

/* Report an error of the library: FAILED, and its text on standard error. */
int command_failed(struct ctl *ctl);

/* Names for what the library counts, "?" for what it does not know. */
const char *name_of_state(int state);
const char *name_of_role(int role);
const char *name_of_mode(int mode);
const char *name_of_direction(int direction);
const char *name_of_reason(int reason);

#endif
