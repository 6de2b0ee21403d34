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

/* Of what stands behind danger: body, reply, lines-with, flags, ... */
#define FLAGS_OF(...)                             FLAGS_OF_(__VA_ARGS__)
#define FLAGS_OF_(body, reply, lines, flags, ...) (flags)
#define COMMAND(id, path, class, danger, ...)                                                      \
    static_assert((danger) < 4 || (int)TREATMENT_OF_##id == (int)TREATMENT_NEVER,                  \
                  path " has danger 4 and must be treated as never");                              \
    static_assert((int)TREATMENT_OF_##id != (int)TREATMENT_READ ||                                 \
                      (FLAGS_OF(__VA_ARGS__) & COMMAND_OFFLINE) != 0,                              \
                  path " cannot be told to fetch nothing");                                        \
    static_assert((int)TREATMENT_OF_##id != (int)TREATMENT_RELAY || CLASS_##class != CLASS_READ || \
                      (FLAGS_OF(__VA_ARGS__) & COMMAND_NETWORK) == 0,                              \
                  path " would fetch for everybody");
#include "ipfs/catalogue.def"

enum treatment treatment_of(enum command_id id)
{
    return (enum treatment)treatments[id];
}
