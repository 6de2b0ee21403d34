// SPDX-License-Identifier: Apache-2.0
/* Places for commands that read far more than they answer: so many at once in the whole process,
 * and so many of each caller. Any thread; never waits. */
#ifndef PROXY_WALKS_H
#define PROXY_WALKS_H

#include "auth/principal.h"

#include <stdatomic.h>
#include <stdint.h>

enum { WALKS_SLOTS = 1024 };

/* {0} is a valid one. */
struct walks {
    atomic_uint all;
    atomic_uint each[WALKS_SLOTS]; /* by a hash of the caller: two may share one */
};

enum walks_answer {
    WALKS_TAKEN,
    WALKS_ALL_FULL,
    WALKS_EACH_FULL,
};

struct walk_place {
    struct walks *walks; /* NULL: none is held */
    atomic_uint *each;   /* NULL: not counted for the caller */
};

/* max_each 0: no bound for each. */
enum walks_answer walks_take(struct walks *walks, const struct principal *principal,
                             uint64_t max_all, uint64_t max_each, struct walk_place *place);

/* Nothing if none is held. */
void walks_give(struct walk_place *place);

#endif
