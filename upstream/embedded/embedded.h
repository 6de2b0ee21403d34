// SPDX-License-Identifier: Apache-2.0
/* The embedded node as a storage behind upstream.h: commands run as tasks (task.h), in this
 * process. */
#ifndef UPSTREAM_EMBEDDED_EMBEDDED_H
#define UPSTREAM_EMBEDDED_EMBEDDED_H

#include "upstream/embedded/task.h"

/* NULL: the node does not have this command. */
const struct task_command *embedded_command(enum command_id id);

#endif
