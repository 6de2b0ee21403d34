// SPDX-License-Identifier: Apache-2.0
/* The greedy walk of placement over numbers: sites in order, taken as caps allow. Pure; allocates
 * nothing; any thread.
 *
 * The order is by one number a site, the least first, ties by the site's place: its tier in the
 * upper five bits, its distance to the object (placement_weight.h) below. Whether a site may be
 * taken at all is asked last, and only of sites that the walk comes to: it may be costly. */
#ifndef FEDERATION_PLACEMENT_PICK_H
#define FEDERATION_PLACEMENT_PICK_H

#include "policy/placement.h"

enum { PLACEMENT_TIERS = 32 };

/* The sites that one rule chooses from. Borrowed. */
struct placement_field {
    size_t count;           /* of those below */
    const uint32_t *sites;  /* by their numbers, rising: those that may be taken at all */
    const uint64_t *hashes; /* by place in sites: placement_hash_site */
    const uint8_t *classes, *tiers;
    const struct policy_cap *caps; /* domains by site's number */
    size_t cap_count;
};

struct placement_walk {
    const struct placement_field *field;
    uint64_t object;          /* placement_hash_object */
    const uint8_t *own_tiers; /* by place in field->sites; NULL: those of the field */
    /* Whether the site may be taken. */
    bool (*may_take)(void *arg, uint32_t site);
    void *arg;
};

/* What the walk orders by. place: in field->sites. */
uint64_t placement_order(const struct placement_walk *walk, size_t place);

/* Whether all caps allow the site beside those taken; else *cap is one that does not. */
bool placement_fits(const struct placement_field *field, const uint32_t *taken, size_t count,
                    uint32_t site, size_t *cap);

/* Walks, and appends what it takes to the `count` sites in taken, up to `want`, in its order.
 * Returns how many there are. */
size_t placement_pick(const struct placement_walk *walk, uint32_t *taken, size_t count,
                      size_t want);

#endif
