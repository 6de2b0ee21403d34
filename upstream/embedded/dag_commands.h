// SPDX-License-Identifier: Apache-2.0
/* The commands on whole objects and on nodes of the data model, for the table in embedded.c. */
#ifndef UPSTREAM_EMBEDDED_DAG_COMMANDS_H
#define UPSTREAM_EMBEDDED_DAG_COMMANDS_H

#include "upstream/embedded/task.h"

extern const struct task_command command_dag_export;
extern const struct task_command command_dag_get;
extern const struct task_command command_dag_put;
extern const struct task_command command_dag_resolve;
extern const struct task_command command_dag_stat;

/* Ends a slice. A fault in a block or a node makes no call malformed: Kubo answers 500. */
static inline enum task_step dag_command_fail(struct error *err)
{
    if (err->code == ERROR_SYNTAX)
        err->code = ERROR_UNSUPPORTED;
    return TASK_FAILED;
}

#endif
