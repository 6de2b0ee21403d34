// SPDX-License-Identifier: Apache-2.0
/* A page of the ledger's pins, each through the tracker with the same action. Control thread only.
 */
#ifndef PROXY_PIN_BATCH_H
#define PROXY_PIN_BATCH_H

#include "upstream/tracker.h"

enum { PIN_BATCH_MAX = 100 };

struct pin_batch;

struct pin_batch_item {
    struct pin_batch *batch;
    struct tracker_call *call;
    char id[ULID_SIZE];
    struct cid cid;
    bool has_failed;
    struct error why; /* of what failed */
};

/* {0} is at rest. */
struct pin_batch {
    struct pin_batch_item items[PIN_BATCH_MAX];
    size_t count;   /* of items */
    size_t waiting; /* of these, not answered yet */
    struct later later;
    struct loop *loop;
    void (*on_done)(struct pin_batch *batch); /* once, later: all are answered */
};

/* records: at most PIN_BATCH_MAX. A pin that is gone meanwhile has not failed. */
void pin_batch_start(struct pin_batch *batch, struct tracker *tracker, struct loop *loop,
                     enum tracker_action action, const struct owner *owner,
                     const struct pin_record *records, size_t count,
                     void (*on_done)(struct pin_batch *batch));

/* on_done will not be called. What was begun is done all the same. */
void pin_batch_cancel(struct pin_batch *batch);

#endif
