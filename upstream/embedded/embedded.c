// SPDX-License-Identifier: Apache-2.0
#include "upstream/embedded/embedded.h"

#include "upstream/embedded/read_commands.h"

/* The commands that the node has. A command's file exports it:
 * [COMMAND_CAT] = &command_cat, in the order of names. */
static const struct task_command *const commands[COMMAND_COUNT] = {
    [COMMAND_BLOCK_GET] = &command_block_get,
    [COMMAND_BLOCK_STAT] = &command_block_stat,
    [COMMAND_CAT] = &command_cat,
    [COMMAND_RESOLVE] = &command_resolve,
};

const struct task_command *embedded_command(enum command_id id)
{
    return commands[id];
}
