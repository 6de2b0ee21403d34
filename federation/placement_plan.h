// SPDX-License-Identifier: Apache-2.0
/* What a change would move, before it is made: objects go through one by one, and only sums are
 * kept. Pure. */
#ifndef FEDERATION_PLACEMENT_PLAN_H
#define FEDERATION_PLACEMENT_PLAN_H

#include "federation/placement.h"

#include <jansson.h>

/* Why a copy goes: what placement says, or its site is not in the new policy. */
enum { PLAN_GONE = PLACEMENT_WORSE + 1, PLAN_CAUSES };

struct plan_site {
    struct slice id;
    uint64_t copies_before, copies_after, copies_in, copies_out;
    uint64_t bytes_before, bytes_after, bytes_in, bytes_out;
};

struct placement_plan {
    const struct placement_map *before, *after; /* borrowed */
    struct plan_site *sites;                    /* of either policy, in the order of their names */
    size_t site_count;
    uint32_t *before_sites, *after_sites; /* by the maps' numbers: places in sites */
    uint32_t *carried;                    /* by the number before: that after, or PLACEMENT_NONE */
    uint64_t objects, bytes, changed;
    uint64_t added, added_bytes; /* copies, and what has to be sent for them */
    uint64_t released[PLAN_CAUSES], released_bytes[PLAN_CAUSES];
    uint64_t states_before[PLACEMENT_STUCK + 1], states_after[PLACEMENT_STUCK + 1];
};

void placement_plan_init(struct placement_plan *plan, const struct placement_map *before,
                         const struct placement_map *after);
void placement_plan_dispose(struct placement_plan *plan);

/* What comes of one object. */
struct plan_change {
    struct placement_result before, after; /* before.sites: where copies are */
    size_t gone;                           /* copies at sites that the new policy does not have */
};

/* object: its labels are of the policy before, `after_labels` of the new one. Held NULL: its copies
 * are where the policy before places them. */
void placement_plan_add(struct placement_plan *plan, const struct placement_object *object,
                        const uint8_t *after_labels, struct plan_change *change);

static inline bool plan_changes(const struct plan_change *change)
{
    return change->gone > 0 || change->after.released_count > 0 ||
           change->after.count > change->after.kept;
}

/* The sums, and the sites with which something happens. */
void placement_plan_put(const struct placement_plan *plan, struct text *out);
json_t *placement_plan_json(const struct placement_plan *plan);

/* "bafy...: -beta (gone) +gamma", or as an object. */
void plan_change_put(const struct placement_plan *plan, const struct plan_change *change,
                     struct text *out);
json_t *plan_change_json(const struct placement_plan *plan, const struct plan_change *change);

#endif
