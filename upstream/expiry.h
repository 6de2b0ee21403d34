// SPDX-License-Identifier: Apache-2.0
/* Pins whose time is over are released, through the tracker, as their owners would.
 *
 * Every few seconds the ledger is asked for them, a page at a time. One that cannot be released
 * (upstream is away, say) stands in nobody's way: it is tried again in a later pass. Control
 * thread. */
#ifndef UPSTREAM_EXPIRY_H
#define UPSTREAM_EXPIRY_H

#include "upstream/tracker.h"

struct expiry_settings {
    struct loop *loop;
    struct store *store;
    struct tracker *tracker;
    struct log_writer *messages;
    uint64_t (*now_ms)(void); /* wall clock, since 1970 */
};

struct expiry_counters {
    uint64_t released, failed; /* since the start; failed: tries */
};

struct expiry;

struct expiry *expiry_create(const struct expiry_settings *settings);
/* Before the tracker ends. NULL is fine. */
void expiry_destroy(struct expiry **expiry);

/* Nothing is begun while it is paused; what is under way goes on. */
void expiry_pause(struct expiry *expiry, bool is_paused);
struct expiry_counters expiry_counters(const struct expiry *expiry);

#endif
