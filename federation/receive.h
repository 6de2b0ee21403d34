// SPDX-License-Identifier: Apache-2.0
/* Takes an object in from somebody who is not believed: CARs whose blocks come exactly in the order
 * in which a depth first walk from the root wants them (ipfs/walk.h, Kubo's `dag export`).
 *
 * Pure; any thread, one at a time: what is hashed, is hashed by whoever calls, many blocks at once.
 * The receiver walks along. The next block must be the one that its own walk wants next, so blocks
 * that are foreign, not linked to, out of order or there twice cannot exist; each is hashed against
 * its CID before it counts. Bytes, blocks and depth are bounded as they come (identity CIDs count
 * with what they hold). The position is the number of blocks of the walk that are there; a stream
 * that breaks off goes on in another one from there, each with a CAR header of its own.
 *
 *     receive_begin, receive_take..., receive_flush (the position is up to date), receive_take...,
 *     then receive_end if the stream ended well, receive_cut if it did not
 *
 * Memory: at most 64 blocks or RECEIVE_BATCH bytes, a block more, and the walk_memory. After a
 * failure nothing but receive_recover and receive_destroy. Errors name the byte of the stream:
 * ERROR_MISMATCH: a block is not what its CID says; ERROR_LIMIT: beyond what was promised;
 * ERROR_SYNTAX, ERROR_UNSUPPORTED: malformed, not wanted, or of a kind that cannot be checked;
 * others: on_block's or the memory's. */
#ifndef FEDERATION_RECEIVE_H
#define FEDERATION_RECEIVE_H

#include "conf/error.h"
#include "conf/text.h"
#include "ipfs/cid.h"
#include "ipfs/walk.h"
#include "ipfs/walk_memory.h"

#include <stdbool.h>
#include <stdint.h>

#define RECEIVE_BATCH     ((size_t)4 << 20)
#define RECEIVE_DEPTH_MAX UINT32_C(1000000) /* links between the root and a block */
enum { RECEIVE_BATCH_BLOCKS = 64 };

struct receive;

/* limits.bytes: what was promised; blocks: 0: as many as bytes can be sensible (a quarter of them
 * and 64); depth: 0: RECEIVE_DEPTH_MAX. memory: borrowed, and empty. NULL: the memory failed. */
struct receive *receive_create(const struct cid *root, const struct walk_limits *limits,
                               struct walk_memory *memory, struct error *err);
void receive_destroy(struct receive **receive); /* NULL is fine */

/* A block that is wanted and what it says; borrowed for the call. To stop, set err and return
 * false. Identity ones are not told: whoever has the block above has them. */
typedef bool (*receive_block_cb)(void *arg, const struct cid *cid, struct slice block,
                                 struct error *err);

/* A stream begins at the position. trusts: its blocks were verified before, and are not hashed. */
void receive_begin(struct receive *receive, bool trusts);
MUST_USE bool receive_take(struct receive *receive, struct slice input, receive_block_cb on_block,
                           void *arg, struct error *err);
/* Verifies what was gathered. */
MUST_USE bool receive_flush(struct receive *receive, receive_block_cb on_block, void *arg,
                            struct error *err);
/* The stream is over. *is_whole: nothing of the object is missing. A stream that ends inside a
 * block fails; receive_cut drops that block, and what else was not verified is. */
MUST_USE bool receive_end(struct receive *receive, receive_block_cb on_block, void *arg,
                          bool *is_whole, struct error *err);
MUST_USE bool receive_cut(struct receive *receive, receive_block_cb on_block, void *arg,
                          bool *is_whole, struct error *err);

/* Of what was kept and may be torn: after a receive_take that failed, too. Drops everything from
 * the first block on that is not right; receive_offset says where that begins. */
MUST_USE bool receive_recover(struct receive *receive, receive_block_cb on_block, void *arg,
                              bool *is_whole, struct error *err);

/* stats->blocks is the position; without what was not flushed. */
const struct walk_stats *receive_stats(const struct receive *receive);
/* Bytes of the stream up to the end of the last block that was told. */
uint64_t receive_offset(const struct receive *receive);

#endif
