// SPDX-License-Identifier: Apache-2.0
#include "upstream/embedded/embedded.h"

/* The commands that the node has. A command's file exports it:
 * [COMMAND_CAT] = &command_cat, in the order of names. */
static const struct task_command *const commands[COMMAND_COUNT] = {
    [COMMAND_CAT] = NULL,
};

const struct task_command *embedded_command(enum command_id id)
{
    return commands[id];
}
