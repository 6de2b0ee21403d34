// SPDX-License-Identifier: Apache-2.0
#include "policy/rights.h"

#include "policy/decide.h"

#include <assert.h>

enum { RIGHT_NONE = 0 };

enum {
#define NEEDS(command, right) NEEDED_BY_##command = RIGHT_##right,
#include "policy/rights.def"
#undef NEEDS
};

/* Built from the catalogue, so that a command of danger 3 that was not decided on is an undeclared
 * name. */
#define DECIDED_0(id)
#define DECIDED_1(id)
#define DECIDED_2(id)
#define DECIDED_3(id) static_assert((int)NEEDED_BY_##id >= 0, "decided on");
#define DECIDED_4(id)
#define COMMAND(id, path, class, danger, ...) DECIDED_##danger(id)
#include "ipfs/catalogue.def"

static const unsigned char needs[COMMAND_COUNT] = {
#define NEEDS(command, right) [COMMAND_##command] = RIGHT_##right,
#include "policy/rights.def"
#undef NEEDS
};

unsigned policy_command_needs(enum command_id command)
{
    return needs[command];
}

unsigned policy_call_needs(const struct call *call)
{
    enum command_id command = call->command->id;

    if (command == COMMAND_ADD && call_has_option(call, OPT_TO_FILES))
        return RIGHT_SHARED_NODE;
    if (command == COMMAND_FILES_STAT)
        for (size_t i = 0; i < call->argument_count; i++)
            if (call->arguments[i].path.kind == CALL_PATH_MFS)
                return RIGHT_SHARED_NODE;
    return needs[command];
}
