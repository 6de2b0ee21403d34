// SPDX-License-Identifier: Apache-2.0
/* Goes through all that is pinned recursively: one pin after the other, in the order of pins.h,
 * each block once. In slices, like the dag_walk below it; on threads of the job pool, one at a
 * time. */
#ifndef UPSTREAM_EMBEDDED_PIN_WALK_H
#define UPSTREAM_EMBEDDED_PIN_WALK_H

#include "upstream/embedded/dag_walk.h"

struct pin_walk;

struct pin_walk_settings {
    walk_cb on_block;       /* NULL is fine; of leaves without their bytes */
    dag_walk_bad_cb on_bad; /* NULL: a bad block ends the walk */
    /* All below this pin has been seen; false stops, with err set. NULL is fine. */
    bool (*on_pin)(void *arg, const struct cid *root, struct error *err);
    void *arg;
};

/* The node is borrowed. */
struct pin_walk *pin_walk_create(struct node *node, const struct pin_walk_settings *settings);
void pin_walk_destroy(struct pin_walk **walk); /* NULL is fine; does not wait: fits dispose */

/* Steps and errors as dag_walk_run's. */
MUST_USE enum dag_walk_step pin_walk_run(struct pin_walk *walk, struct task *task,
                                         struct error *err);
/* The pin that is walked; what on_block and on_bad are called for lies below it. */
const struct cid *pin_walk_root(const struct pin_walk *walk);
/* In on_pin: what was seen so far is walked again below the pins that follow. */
void pin_walk_forget(struct pin_walk *walk);

#endif
