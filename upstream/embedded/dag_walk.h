// SPDX-License-Identifier: Apache-2.0
/* The one way to go through a whole object: ipfs/walk over the blocks of the node, cut into slices.
 * Depth first, each CID once, in the order of Kubo's `dag export`. However large the object is,
 * memory stays within some 4 MiB (walk_disk.h).
 *
 *     state->walk = dag_walk_create(task->node, NULL, err);      first slice
 *     dag_walk_add_roots(state->walk, &cid, 1, err)
 *
 *     switch (dag_walk_run(state->walk, task, on_block, arg, err)) {     each slice
 *     case DAG_WALK_MORE: return TASK_GO_ON;
 *     case DAG_WALK_BAD:  return TASK_FAILED;
 *     case DAG_WALK_DONE: dag_walk_stats(state->walk) is the answer
 *
 * On threads of the job pool, one at a time. */
#ifndef UPSTREAM_EMBEDDED_DAG_WALK_H
#define UPSTREAM_EMBEDDED_DAG_WALK_H

#include "conf/error.h"
#include "ipfs/walk.h"

#include <stddef.h>
#include <stdint.h>

struct dag_walk;
struct node;
struct task;

/* limits NULL: none. The node is borrowed. NULL with err: it cannot be made. */
struct dag_walk *dag_walk_create(struct node *node, const struct walk_limits *limits,
                                 struct error *err);
void dag_walk_destroy(struct dag_walk **walk); /* NULL is fine; does not wait: fits dispose */

/* More may be added when the walk is done: what was seen is not walked again. */
MUST_USE bool dag_walk_add_roots(struct dag_walk *walk, const struct cid *roots, size_t count,
                                 struct error *err);

/* Before the first run. Of a block that is not here (ERROR_NOT_FOUND) or damaged (ERROR_MISMATCH)
 * on_bad is told, stats->missing counts it, and the walk goes on without what lies below. on_bad
 * sets err and returns false to stop. */
typedef bool (*dag_walk_bad_cb)(void *arg, const struct cid *cid, const struct error *why,
                                struct error *err);
void dag_walk_allow_bad(struct dag_walk *walk, dag_walk_bad_cb on_bad, void *arg);

/* Before the first run. Blocks without links (raw ones mostly, so nearly all bytes of a file) are
 * not read: the index says that they are here and how large they are. on_block gets them as {NULL,
 * size}. For whoever does not look at bytes: much faster. */
void dag_walk_skip_leaves(struct dag_walk *walk);

/* Before the first run: for dag_walk_put_place. */
#define DAG_WALK_TRAIL 64
void dag_walk_keep_trail(struct dag_walk *walk);

enum dag_walk_step {
    DAG_WALK_MORE, /* the slice is due */
    DAG_WALK_DONE,
    DAG_WALK_BAD, /* err: a block is missing (ERROR_NOT_FOUND) or malformed, a limit (ERROR_LIMIT),
                     the disk, or what on_block said. The walk is over */
};

/* Goes on until the task is due (task_is_due), or the end. on_block (NULL is fine) sees each block
 * once, identity ones too (their digest); its slice is valid for the call; it sets err and returns
 * false to stop. At least one block is walked in each run. */
MUST_USE enum dag_walk_step dag_walk_run(struct dag_walk *walk, struct task *task, walk_cb on_block,
                                         void *arg, struct error *err);

/* In on_block: links between its root and this block, on the way that met it first. */
uint32_t dag_walk_depth(const struct dag_walk *walk);

/* After DAG_WALK_BAD. The block that the walk ended at. */
const struct cid *dag_walk_at(const struct dag_walk *walk);
/* Appends where it lies below its root, by the names of the data model: "Links/0/Hash/a/3". Reads
 * the blocks above it again. False: it lies deeper than DAG_WALK_TRAIL. */
bool dag_walk_put_place(const struct dag_walk *walk, struct task *task, struct text *out);

const struct walk_stats *dag_walk_stats(const struct dag_walk *walk);

#endif
