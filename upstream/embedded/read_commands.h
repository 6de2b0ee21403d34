// SPDX-License-Identifier: Apache-2.0
/* The commands that read files, directories and blocks: one file each. */
#ifndef UPSTREAM_EMBEDDED_READ_COMMANDS_H
#define UPSTREAM_EMBEDDED_READ_COMMANDS_H

#include "upstream/embedded/task.h"

extern const struct task_command command_block_get;
extern const struct task_command command_block_stat;
extern const struct task_command command_cat;
extern const struct task_command command_get;
extern const struct task_command command_ls;
extern const struct task_command command_refs;
extern const struct task_command command_resolve;

#endif
