// SPDX-License-Identifier: Apache-2.0
#include "proxy/treatment.h"

#include <assert.h>

enum {
#define TREATMENT(command, treatment) TREATMENT_OF_##command = TREATMENT_##treatment,
#include "proxy/treatments.def"
#undef TREATMENT
};

/* Built from the catalogue, so that a command without a treatment is an undeclared name. */
static const unsigned char treatments[] = {
#define COMMAND(id, ...) [COMMAND_##id] = TREATMENT_OF_##id,
#include "ipfs/catalogue.def"
};

static_assert(sizeof(treatments) == COMMAND_COUNT, "each command has one treatment");

#define COMMAND(id, path, class, danger, ...)                                                      \
    static_assert((danger) < 4 || (int)TREATMENT_OF_##id == (int)TREATMENT_NEVER,                  \
                  path " has danger 4 and must be treated as never");
#include "ipfs/catalogue.def"

enum treatment treatment_of(enum command_id id)
{
    return (enum treatment)treatments[id];
}
