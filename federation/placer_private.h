// SPDX-License-Identifier: Apache-2.0
/* What the files of the placer share. */
#ifndef FEDERATION_PLACER_PRIVATE_H
#define FEDERATION_PLACER_PRIVATE_H

#include "federation/placer.h"
#include "store/transaction.h"

/* One object that is looked at, or waits to be. */
struct look {
    struct look *next;
    struct placer *placer;
    struct cid object;
    struct transaction *reading; /* NULL: it waits */
    bool is_asked_again;
    struct placer_copy copies[PLACER_COPIES_MAX];
    size_t count;
};

struct placer_inbox;

enum { PLACED_MAX = 1024, PLACED_MS = 10000, LOOKS_AT_ONCE = 32 };

/* What was placed a moment ago. */
struct placed {
    struct cid object;
    char partner[ID_SIZE], id[ULID_SIZE];
    uint64_t at_ms;
};

struct placer {
    struct placer_settings settings;
    const struct policy *policy;
    struct placement_map *map;
    uint64_t version;
    uint64_t gates; /* which sites take copies */
    struct timer refresh;
    struct placer_inbox *inbox;
    struct look *waiting, **waiting_end;
    struct look *running[LOOKS_AT_ONCE];
    size_t waiting_count, running_count;
    struct placed placed[PLACED_MAX];
    size_t placed_next;
    /* all objects */
    struct transaction *scanning;
    struct cid scanned; /* up to this one; size 0: from the start */
    bool is_scan_due, is_scanning;
    uint64_t scan_ended_ms; /* of the loop's clock */
};

/* placer_map.c: what is observed of sites, and grants to the allocations. True: a site takes copies
 * that did not, or the other way round. */
bool placer_observe(struct placer *placer);

/* placer.c */
void placer_scan_soon(struct placer *placer);

#endif
