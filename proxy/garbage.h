// SPDX-License-Identifier: Apache-2.0
/* Garbage is collected here and nowhere else, and how full the storage is is watched.
 *
 *   idle -> checking    every object of the ledger must be seen pinned (upstream/sweep.h), or
 *                       nothing is collected
 *        -> waiting     no call that writes begins; those that run may end (limits.collect_wait)
 *        -> cutting     those that did not are cut
 *        -> settling    the tracker's own operations end
 *        -> collecting  the storage removes what no pin reaches
 *        -> idle        writes go on
 *
 * Reads go on all the while. Control thread. */
#ifndef PROXY_GARBAGE_H
#define PROXY_GARBAGE_H

#include "proxy/write_gate.h"
#include "upstream/expiry.h"
#include "upstream/sweep.h"

#include <jansson.h>

enum garbage_phase {
    GARBAGE_IDLE,
    GARBAGE_CHECKING,
    GARBAGE_WAITING,
    GARBAGE_CUTTING,
    GARBAGE_SETTLING,
    GARBAGE_COLLECTING,
};

/* "idle", "checking", ... */
const char *garbage_phase_name(enum garbage_phase phase);

struct garbage_limits {
    uint64_t high_water;    /* percent of the storage's room; 0: off */
    uint64_t collect_above; /* likewise: collected without being asked; 0: never */
    uint64_t wait_ms;
};

struct garbage_settings {
    struct loop *loop;
    struct upstream *upstream; /* of that loop */
    struct tracker *tracker;
    struct sweep *sweep;
    struct expiry *expiry;
    struct write_gate *gate;
    struct log_writer *messages;
    uint64_t (*now_ms)(void); /* wall clock, since 1970 */
};

struct garbage_result {
    uint64_t started_ms, finished_ms; /* wall clock; 0: there was none */
    struct error err;                 /* ERROR_NONE: it was collected */
    uint64_t removed;                 /* blocks */
    uint64_t cut;                     /* calls */
    bool has_bytes;
    uint64_t used_before, used_after; /* has_bytes */
};

struct garbage;

struct garbage *garbage_create(const struct garbage_settings *settings,
                               const struct garbage_limits *limits);
/* At a reload. One under way fails if the storage is another one. */
void garbage_use(struct garbage *garbage, struct upstream *upstream,
                 const struct garbage_limits *limits);
/* Before what its settings name. What is collected stops. NULL is fine. */
void garbage_destroy(struct garbage **garbage);

/* ERROR_REFUSED: one is under way. */
MUST_USE bool garbage_start(struct garbage *garbage, struct error *err);

enum garbage_phase garbage_phase(const struct garbage *garbage);
const struct garbage_result *garbage_last(const struct garbage *garbage);

/* {"phase", "writing", "last": {...} or null}, and {"used", "room", "percent", "full"} or null. The
 * caller's. */
json_t *garbage_describe(const struct garbage *garbage);
json_t *garbage_describe_room(const struct garbage *garbage);

#endif
