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
    /* May be NULL: of each object that is looked at, is it here for partners alone? */
    void (*on_claims)(void *arg, const struct cid *object, bool is_guest);
    void *claims_arg;
};

struct placer *placer_create(const struct placer_settings *settings);
/* Before the allocations. Who waits is told that nothing is known, and must unwait then: calls of
 * copies.h have ended before. NULL is fine. */
void placer_destroy(struct placer **placer);

/* In force from now on (a reference is taken); NULL: there is none. Grants are told to the
 * allocations, links that come later too. */
void placer_use(struct placer *placer, const struct policy *policy);

/* A link has come or changed: its grants are told, and its site is looked at, with the next turn.
 */
void placer_links_changed(struct placer *placer);

/* Its copies have changed: struct allocations_ways.replan. object: binary CIDv1. */
void placer_look(struct placer *placer, struct slice object);

struct placer_stand;

/* Who waits for how an object stands. Its memory is the waiter's, from placer_wait until
 * placer_unwait. */
struct placer_waiter {
    struct placer_waiter *next;
    struct cid object; /* v1 form */
    /* At first when it was looked at, then whenever it was looked at again. stand NULL: it could
     * not be found out now, and will be. words: for people, one line; borrowed. May unwait. */
    void (*on_stand)(struct placer_waiter *waiter, const struct placer_stand *stand,
                     struct slice words);
};

/* object and on_stand are set. Never calls at once. */
void placer_wait(struct placer *placer, struct placer_waiter *waiter);
void placer_unwait(struct placer *placer, struct placer_waiter *waiter);

/* The loop of the control thread; any thread. */
struct loop *placer_loop(const struct placer *placer);

/* Objects that no site is found for, of those that were looked at: [{"cid", "why", "seen_ms"}] in
 * the order of their CIDs' bytes, behind `after` (binary CIDv1; size 0: from the start), at most
 * limit. */
json_t *placer_shorts(const struct placer *placer, struct slice after, size_t limit,
                      bool *has_more);
/* More than are kept are short. */
bool placer_shorts_overflow(const struct placer *placer);

/* ---- one object, pure */

enum { PLACER_COPIES_MAX = 128, PLACER_ACTS_MAX = 2 * PLACER_COPIES_MAX };

/* An allocation of ours, of those that are not over. */
struct placer_copy {
    char partner[ID_SIZE];
    char id[ULID_SIZE];
    enum allocation_state state;
    bool counts, is_leaving, is_unwanted;
    bool is_restored; /* by a backup's word alone: it is not released */
    const char *why;  /* allocation_why, for people; NULL: nobody asked */
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

/* Partners alone claim it. found as there. */
bool placer_is_guest(const struct object_get *found);

/* How its copies stand. */
struct placer_stand {
    uint32_t there; /* that there is evidence of: the one here, and one for each partner */
    uint32_t wait;  /* how many the policy has calls wait for; at least 1 */
    bool is_final;  /* there will be no others, until somebody changes the policy or the pin */
    bool is_short;  /* fewer sites than copies that are wanted, and no allocation that says why */
};

/* result: of placer_decide, of the same. */
void placer_stand(const struct placement_map *map, const struct object_get *found,
                  const struct placer_copy *copies, size_t count,
                  const struct placement_result *result, struct placer_stand *stand);
/* The same for people, in one line: how many there are, and where; what becomes of those that are
 * not there yet; why there are not more. map NULL: there is no policy. */
void placer_put_stand(const struct placement_map *map, const struct object_get *found,
                      const struct placer_copy *copies, size_t count, struct text *out);

#endif
