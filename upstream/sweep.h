// SPDX-License-Identifier: Apache-2.0
/* The check of the ledger against the storage: is what owners hold pinned there, and what is pinned
 * there that no owner holds?
 *
 *   1. the ledger's objects are read
 *   2. the storage lists its pins
 *   3. an object that was not among them is looked at by the tracker (TRACKER_REPAIR): what was
 *      pinned meanwhile is found, what is missing is pinned again if its blocks are here, and what
 *      cannot be is lost
 *
 * Nothing is removed, here or there. Work goes on meanwhile: what is pinned or unpinned during a
 * sweep may be counted or not. Takes about 22 bytes of memory for each object of the ledger while
 * it runs (ipfs/cid_set.h), and nothing for the pins of others. Control thread. */
#ifndef UPSTREAM_SWEEP_H
#define UPSTREAM_SWEEP_H

#include "upstream/tracker.h"

enum { SWEEP_EXAMPLES = 20 };

/* What a pin or an object was found to be. */
enum sweep_kind {
    SWEEP_LOST,     /* in the ledger, not pinned, and its blocks are not here */
    SWEEP_DOUBTFUL, /* in the ledger, and the storage did not say */
    SWEEP_REPAIRED, /* in the ledger, and was not in the list: pinned again, or just now */
    SWEEP_UNKNOWN,  /* pinned under our name, and not in the ledger */
    SWEEP_FOREIGN,  /* pinned by others */
    SWEEP_KIND_COUNT
};

/* "lost", "doubtful", ... */
const char *sweep_kind_name(enum sweep_kind kind);

struct sweep_example {
    enum sweep_kind kind;
    enum pin_mode mode; /* of UNKNOWN and FOREIGN */
    struct cid cid;
};

struct sweep_result {
    uint64_t finished_ms; /* wall clock; 0: there was none */
    struct error err;     /* it did not come to its end; then only this and the time are set */
    uint64_t objects;     /* of the ledger */
    uint64_t counts[SWEEP_KIND_COUNT];
    struct sweep_example examples[SWEEP_EXAMPLES]; /* the first of each kind, a few of each */
    size_t example_count;
};

struct sweep_settings {
    struct loop *loop;
    struct store *store;
    struct tracker *tracker;
    struct upstream *upstream; /* of that loop */
    struct log_writer *messages;
    uint64_t (*now_ms)(void); /* wall clock, since 1970 */
};

struct sweep;

struct sweep *sweep_create(const struct sweep_settings *settings);
/* As tracker_use; one under way fails. */
void sweep_use(struct sweep *sweep, struct upstream *upstream);
/* Before the tracker ends. Nobody who waits is called any more. NULL is fine. */
void sweep_destroy(struct sweep **sweep);

typedef void (*sweep_done)(void *arg, const struct sweep_result *result);
struct sweep_waiter {
    sweep_done on_done;
    void *arg;
    struct sweep_waiter *next;
    bool waits;
};

/* Starts one, or waits for the end of the one under way. waiter is the caller's, good until its
 * on_done was called, once, later. */
void sweep_start(struct sweep *sweep, struct sweep_waiter *waiter);
/* Idle ones too. */
void sweep_leave(struct sweep *sweep, struct sweep_waiter *waiter);

/* The last that ended. */
const struct sweep_result *sweep_last(const struct sweep *sweep);

/* Was every object of the ledger seen pinned? */
bool sweep_is_sound(const struct sweep_result *result);

#endif
