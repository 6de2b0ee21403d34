// SPDX-License-Identifier: Apache-2.0
/* The commands about pins, and those about the repository that holds them: for the table of
 * embedded.c. */
#ifndef UPSTREAM_EMBEDDED_PIN_COMMANDS_H
#define UPSTREAM_EMBEDDED_PIN_COMMANDS_H

#include "upstream/embedded/task.h"

extern const struct task_command command_pin_add;
extern const struct task_command command_pin_ls;
extern const struct task_command command_pin_rm;
extern const struct task_command command_pin_update;
extern const struct task_command command_pin_verify;
extern const struct task_command command_refs_local;
extern const struct task_command command_repo_gc;
extern const struct task_command command_repo_ls;
extern const struct task_command command_repo_stat;
extern const struct task_command command_repo_verify;
extern const struct task_command command_stats_repo;

#endif
