// SPDX-License-Identifier: Apache-2.0
/* What our people have pinned, placed as the policy says: looks at an object whenever a claim on it
 * is confirmed or goes, or a copy of it changes, and at all objects when the policy changes or a
 * site comes or goes; asks placement where copies are to be, and tells the allocations.
 *
 * Only what our own people pinned recursively is placed: what is held for a partner goes nowhere
 * else. A copy is released when nobody here claims the object any more, or when all that are to be
 * are there; never since a rule, a site or the placement section is gone from the policy.
 *
 * On the control thread, but for what watches the ledger. */
#ifndef FEDERATION_PLACER_H
#define FEDERATION_PLACER_H

#include "federation/allocations.h"
#include "federation/links.h"
#include "federation/placement.h"

struct placer;

/* Borrowed. */
struct placer_settings {
    struct loop *loop; /* the control thread's */
    struct store *store;
    struct allocations *allocations;
    struct links *links;
    struct log_writer *messages;
    uint64_t (*now_ms)(void); /* wall clock, since 1970 */
};

struct placer *placer_create(const struct placer_settings *settings);
/* Before the allocations. NULL is fine. */
void placer_destroy(struct placer **placer);

/* In force from now on (a reference is taken); NULL: there is none. Grants are told to the
 * allocations, links that come later too. */
void placer_use(struct placer *placer, const struct policy *policy);

/* A link has come or changed: its grants are told, and its site is looked at, with the next turn.
 */
void placer_links_changed(struct placer *placer);

/* Its copies have changed: struct allocations_ways.replan. object: binary CIDv1. */
void placer_look(struct placer *placer, struct slice object);

/* ---- one object, pure */

enum { PLACER_COPIES_MAX = 128, PLACER_ACTS_MAX = 2 * PLACER_COPIES_MAX };

/* An allocation of ours. */
struct placer_copy {
    char partner[ID_SIZE];
    char id[ULID_SIZE];
    enum allocation_state state;
    bool counts, is_leaving, is_unwanted;
    bool is_restored; /* by a backup's word alone: it is not released */
};

enum placer_what { PLACER_PLACE, PLACER_WANT, PLACER_RELEASE };

struct placer_act {
    enum placer_what what;
    const char *partner; /* of the copy, or of the map's policy: not terminated there */
    size_t partner_size;
    const char *id; /* NULL: PLACE */
};

/* What is to be done for it now. found NULL: the ledger does not know it. Returns how many acts. */
size_t placer_decide(const struct placement_map *map, const struct object_get *found,
                     const struct placer_copy *copies, size_t count,
                     struct placer_act acts[PLACER_ACTS_MAX], struct placement_result *result);

#endif
