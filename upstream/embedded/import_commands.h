// SPDX-License-Identifier: Apache-2.0
/* The commands that take blocks in, with the CIDs, reply lines and messages of Kubo 0.43.1:
 *
 *   add         files and trees become DAGs (import_tree.h, ipfs/unixfs_build.h)
 *   block/put   each file is a block
 *   dag/import  each file is a CAR */
#ifndef UPSTREAM_EMBEDDED_IMPORT_COMMANDS_H
#define UPSTREAM_EMBEDDED_IMPORT_COMMANDS_H

#include "upstream/embedded/task.h"

extern const struct task_command command_add;
extern const struct task_command command_block_put;
extern const struct task_command command_dag_import;

#endif
