// SPDX-License-Identifier: Apache-2.0
/* Walks a DAG from its roots, depth first, each CID once, in the order in which Kubo's `dag export`
 * writes its blocks. Pure: it says which block it wants and is given it, now or later.
 *
 *     walk_add_roots
 *     walk_next -> WALK_WANT    fetch walk_wanted, then walk_supply, walk_miss or walk_put_back
 *               -> WALK_INLINE  walk_wanted is an identity CID: its block is its digest, counted
 *               -> WALK_DONE    walk_stats is the answer
 *               -> WALK_BAD     a limit, or the memory failed
 *
 * It does not recurse, and keeps nothing that grows but in the walk_memory. One thread at a time.
 */
#ifndef IPFS_WALK_H
#define IPFS_WALK_H

#include "conf/error.h"
#include "conf/text.h"
#include "ipfs/cid.h"
#include "ipfs/walk_memory.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* 0: no limit. Reaching one is fine, passing it is ERROR_LIMIT. */
struct walk_limits {
    uint64_t bytes;
    uint64_t blocks;
    uint32_t depth; /* links between a root (0) and a block, on the way that met it first */
    size_t block;   /* bytes of one */
};

/* Each distinct CID counts once, identity ones with their digest: bytes and blocks are the Size and
 * NumBlocks of Kubo's `dag stat`. (A block named by a v0 and a v1 CID counts twice there too.) */
struct walk_stats {
    uint64_t blocks;
    uint64_t bytes;
    uint64_t missing; /* CIDs that the source did not have */
    uint32_t depth;   /* of the deepest block */
};

enum walk_step { WALK_WANT, WALK_INLINE, WALK_DONE, WALK_BAD };

struct walk;

/* limits may be NULL: none. memory is borrowed; it may hold a walk that was left off. */
struct walk *walk_create(const struct walk_limits *limits, struct walk_memory *memory);
void walk_destroy(struct walk **walk);

MUST_USE bool walk_add_roots(struct walk *walk, const struct cid *roots, size_t count,
                             struct error *err);

/* Not while a block is wanted. */
MUST_USE enum walk_step walk_next(struct walk *walk, struct error *err);

/* After WALK_WANT and WALK_INLINE, until the next step. */
const struct cid *walk_wanted(const struct walk *walk);
uint32_t walk_wanted_depth(const struct walk *walk);

/* Answers to WALK_WANT. The block must be what the CID names: this does not hash it. False: it is
 * malformed, of a codec that cannot be read, or passes a limit; the walk is over then. */
MUST_USE bool walk_supply(struct walk *walk, struct slice block, struct error *err);
/* The source does not have it: the walk goes on without what lies below. */
MUST_USE bool walk_miss(struct walk *walk, struct error *err);
/* Not now: it will be wanted next again, also by another walk with this memory. */
MUST_USE bool walk_put_back(struct walk *walk, struct error *err);

const struct walk_stats *walk_stats(const struct walk *walk);
/* For a walk that goes on where another left off. */
void walk_restore(struct walk *walk, const struct walk_stats *stats);

/* Where blocks come from, when they come at once. */
struct block_source {
    /* *found: it has the block, and *block is valid until the next call. False: it failed. */
    bool (*get)(struct block_source *source, const struct cid *cid, struct slice *block,
                bool *found, struct error *err);
};

/* Each block of the walk, in order. To stop, set err and return false. */
typedef bool (*walk_cb)(void *arg, const struct cid *cid, struct slice block, struct error *err);

/* Walks to the end. on_block may be NULL. False: the walk, the source or on_block failed. */
MUST_USE bool walk_run(struct walk *walk, struct block_source *source, walk_cb on_block, void *arg,
                       struct error *err);

#endif
