// SPDX-License-Identifier: Apache-2.0
/* Collecting garbage: every block goes that nothing reaches from a recursive pin, a direct pin or
 * the root of the files. In slices, on threads of the job pool, one at a time.
 *
 * It closes the node's gate (node.h) and waits until nobody writes; reads go on all the while.
 * First it marks what is needed, in a set that is on disk when it is large, reading and hashing
 * every block that has links. A block that is damaged or missing below a pin ends it there: nothing
 * has been removed, since nobody knows what else lay below. Then blocks without a mark are removed,
 * some hundred at a time, each lot durably; at last the room is given back to the disk. However it
 * ends, the gate is opened again; what was removed until then is. */
#ifndef UPSTREAM_EMBEDDED_GC_H
#define UPSTREAM_EMBEDDED_GC_H

#include "conf/error.h"
#include "ipfs/cid.h"

#include <stdint.h>

struct gc;
struct node;
struct task;

/* A block was removed, durably: v1, raw. NULL is fine. */
typedef void (*gc_removed_cb)(void *arg, const struct cid *cid);

struct gc *gc_create(struct node *node, gc_removed_cb on_removed, void *arg);
void gc_destroy(struct gc **gc); /* NULL is fine; does not wait: fits dispose */

enum gc_step {
    GC_MORE,  /* the slice is due */
    GC_WAITS, /* somebody writes: again in a moment */
    GC_DONE,
    GC_BAD, /* ERROR_REFUSED, ERROR_TIMEOUT: gate.h's. ERROR_NOT_FOUND, ERROR_MISMATCH: a block
               below a pin, as above; which one, and which pin. ERROR_IO */
};

enum gc_step gc_run(struct gc *gc, struct task *task, struct error *err);

/* Blocks that were removed so far. */
uint64_t gc_count(const struct gc *gc);

#endif
