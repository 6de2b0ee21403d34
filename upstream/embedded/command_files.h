// SPDX-License-Identifier: Apache-2.0
/* The commands on the mutable files. */
#ifndef UPSTREAM_EMBEDDED_COMMAND_FILES_H
#define UPSTREAM_EMBEDDED_COMMAND_FILES_H

#include "upstream/embedded/task.h"

/* command_files.c */
extern const struct task_command command_files_ls, command_files_read;
/* command_files_stat.c */
extern const struct task_command command_files_stat;
/* command_files_change.c */
extern const struct task_command command_files_cp, command_files_mkdir, command_files_mv,
    command_files_rm;
/* command_files_node.c */
extern const struct task_command command_files_chcid, command_files_chmod, command_files_flush,
    command_files_touch;
/* command_files_write.c */
extern const struct task_command command_files_write;

/* TASK_FAILED; a block that cannot be read is no fault of the call, as ERROR_SYNTAX would say. */
enum task_step files_failed(struct error *err);

#endif
