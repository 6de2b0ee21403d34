// SPDX-License-Identifier: Apache-2.0
/* The embedded node as a storage behind upstream.h: commands run as tasks (task.h), in this
 * process. */
#ifndef UPSTREAM_EMBEDDED_EMBEDDED_H
#define UPSTREAM_EMBEDDED_EMBEDDED_H

#include "upstream/embedded/node.h"
#include "upstream/embedded/task.h"
#include "upstream/upstream.h"

/* As one loop speaks to it; any number of them share a node. */
struct upstream *embedded_create(struct loop *loop, struct node *node);

/* NULL: the node does not have this command. */
const struct task_command *embedded_command(enum command_id id);

#endif
