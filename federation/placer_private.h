// SPDX-License-Identifier: Apache-2.0
/* What the files of the placer share. */
#ifndef FEDERATION_PLACER_PRIVATE_H
#define FEDERATION_PLACER_PRIVATE_H

#include "federation/placer.h"
#include "store/transaction.h"

/* ---- placer_look.c: one object */

/* That is looked at, or waits to be. */
struct look {
    struct look *next;
    struct placer *placer;
    struct cid object;
    struct transaction *reading; /* NULL: it waits */
    bool is_asked_again;
    bool is_told;               /* somebody waits for how it stands: in words, too */
    struct placer_copy *copies; /* PLACER_COPIES_MAX, once it was begun */
    size_t count;
};

enum { PLACED_MAX = 1024, PLACED_MS = 10000, LOOKS_AT_ONCE = 32 };

/* What was placed a moment ago. */
struct placed {
    struct cid object;
    char partner[ID_SIZE], id[ULID_SIZE];
    uint64_t at_ms;
};

struct looks {
    struct look *waiting, **waiting_end;
    struct look *running[LOOKS_AT_ONCE];
    size_t waiting_count, running_count;
    struct placed placed[PLACED_MAX];
    size_t placed_next;
};

void looks_init(struct looks *looks);
void looks_drop(struct looks *looks);
/* Those that wait, as many as may run. */
void looks_begin(struct placer *placer);

/* ---- placer_wait.c: who waits for how an object stands */

enum { WAITERS_BUCKETS = 1024 };

struct waiters {
    struct placer_waiter *buckets[WAITERS_BUCKETS];
};

bool waiters_have(struct placer *placer, const struct cid *object);
/* stand NULL: it could not be found out now. */
void waiters_tell(struct placer *placer, const struct cid *object, const struct placer_stand *stand,
                  struct slice words);

/* They are told that nothing is known, and unwait. */
void waiters_end(struct placer *placer);

/* ---- placer_short.c: objects that no site is found for */

struct short_object;

struct shorts {
    struct short_object **items; /* by object */
    size_t count, capacity;
    bool is_full; /* there were more */
};

/* Was it looked at before, and short? Then its words are worth making anew. */
void shorts_note(struct shorts *shorts, const struct cid *object, struct slice words,
                 uint64_t now_ms);
void shorts_forget(struct shorts *shorts, const struct cid *object);
void shorts_dispose(struct shorts *shorts);

/* ---- all of it */

struct placer_inbox;

struct placer {
    struct placer_settings settings;
    const struct policy *policy;
    struct placement_map *map;
    uint64_t version;
    uint64_t gates; /* which sites take copies */
    struct timer refresh;
    struct placer_inbox *inbox;
    struct looks looks;
    struct waiters waiters;
    struct shorts shorts;
    /* all objects */
    struct transaction *scanning;
    struct cid scanned; /* up to this one; size 0: from the start */
    /* behind the objects, copies of what is none any more: of scanned, up to this one */
    bool is_scanning_copies;
    struct allocation_entry scanned_copy;
    bool is_scan_due, is_scanning;
    uint64_t scan_ended_ms; /* of the loop's clock */
};

/* placer_map.c: what is observed of sites, and grants to the allocations. True: a site takes copies
 * that did not, or the other way round. */
bool placer_observe(struct placer *placer);

/* placer.c */
void placer_scan_soon(struct placer *placer);

#endif
