// SPDX-License-Identifier: Apache-2.0
/* Why copies of an object go where they go: every site with its order and what came of it. For
 * people; asking costs more than deciding. */
#ifndef FEDERATION_PLACEMENT_EXPLAIN_H
#define FEDERATION_PLACEMENT_EXPLAIN_H

#include "federation/placement.h"

#include <jansson.h>

enum placement_outcome {
    PLACEMENT_KEPT,     /* has a copy, and keeps it */
    PLACEMENT_TAKEN,    /* gets one */
    PLACEMENT_RELEASED, /* has one, which goes once the others are there */
    PLACEMENT_REFUSED,  /* may not have one: verdict */
    PLACEMENT_CUT,      /* may, but the domain of a cap is full */
    PLACEMENT_BEHIND,   /* may, but enough come before it */
};

struct placement_line {
    uint32_t site;
    enum placement_outcome outcome;
    enum placement_cause cause; /* of PLACEMENT_RELEASED */
    uint8_t verdict;            /* of PLACEMENT_REFUSED; placement_private.h */
    size_t cap;                 /* of PLACEMENT_CUT: of the rule's */
    uint32_t preferred;         /* conditions of `prefer` that hold */
    uint32_t score;             /* in parts of POLICY_SCORE_ONE */
    unsigned class;
    uint64_t order; /* lower comes first */
};

struct placement_trace {
    const struct placement_map *map; /* borrowed, as the object */
    const struct placement_object *object;
    struct placement_result result;
    struct placement_line *lines; /* by outcome, then by order */
    size_t count;                 /* 0: no rule is for it */
};

void placement_explain(struct placement_trace *trace, const struct placement_map *map,
                       const struct placement_object *object);
void placement_trace_dispose(struct placement_trace *trace);

/* The first line is the answer; one for each site, with the values that decided; the counts of
 * reasons. max_sites: of those not taken, at most so many. */
void placement_trace_put(const struct placement_trace *trace, size_t max_sites, struct text *out);
/* The same as an object, all sites. */
json_t *placement_trace_json(const struct placement_trace *trace);

#endif
