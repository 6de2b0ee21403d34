// SPDX-License-Identifier: Apache-2.0
/* Where each block is, and how much of each segment is still needed: `index.db`, an SQLite file.
 *
 * One connection writes (the writer's thread), each of any number of others reads, on one thread at
 * a time. It can be made anew from the segments. Blocks on files. */
#ifndef UPSTREAM_EMBEDDED_INDEX_H
#define UPSTREAM_EMBEDDED_INDEX_H

#include "conf/error.h"
#include "conf/text.h"

#include <stdint.h>

struct block_index;

struct block_place {
    uint32_t segment;
    uint32_t size;   /* of the block */
    uint64_t offset; /* of its record */
};

struct segment_state {
    uint32_t number;
    uint64_t size;          /* bytes, all synced */
    uint64_t blocks, bytes; /* that the index knows */
    bool is_dirty;          /* not as in the index */
    bool is_damaged;        /* cannot be compacted. Not stored */
};

/* writes: the one that writes; then the file is made if it is missing. is_new: out, there is no
 * table in it, and nothing works before block_index_make. */
MUST_USE bool block_index_open(struct block_index **index, const char *folder, bool writes,
                               bool *is_new, struct error *err);
void block_index_close(struct block_index **index); /* NULL is fine */

/* ---- of the one that writes */

MUST_USE bool block_index_begin(struct block_index *index, struct error *err);
/* Durable. is_unsure: out, if it failed: it may be found done after a crash all the same. */
MUST_USE bool block_index_commit(struct block_index *index, bool *is_unsure, struct error *err);
void block_index_rollback(struct block_index *index); /* none is under way: fine */
/* The last failure was a full disk's. */
bool block_index_was_full(const struct block_index *index);
MUST_USE bool block_index_make(struct block_index *index, struct error *err);

/* is_new: out, there was none of this key. */
MUST_USE bool block_index_add(struct block_index *index, struct slice key,
                              const struct block_place *place, bool *is_new, struct error *err);
/* ERROR_NOT_FOUND. place: out, where it was. */
MUST_USE bool block_index_remove(struct block_index *index, struct slice key,
                                 struct block_place *place, struct error *err);
MUST_USE bool block_index_move(struct block_index *index, struct slice key,
                               const struct block_place *place, struct error *err);

/* An array in the order of numbers, the caller's; next: the number that no segment had yet. */
MUST_USE bool block_index_segments(struct block_index *index, struct segment_state **segments,
                                   size_t *count, uint32_t *next, struct error *err);
MUST_USE bool block_index_put_segment(struct block_index *index,
                                      const struct segment_state *segment, struct error *err);
MUST_USE bool block_index_drop_segment(struct block_index *index, uint32_t number,
                                       struct error *err);
MUST_USE bool block_index_put_next(struct block_index *index, uint32_t next, struct error *err);

/* ---- of any */

/* ERROR_NOT_FOUND, with a text of no use to anybody. */
MUST_USE bool block_index_find(struct block_index *index, struct slice key,
                               struct block_place *place, struct error *err);

typedef void (*block_index_listed)(void *arg, struct slice key, uint32_t size);
/* Keys behind `after` (empty: from the first on), at most limit. */
MUST_USE bool block_index_list(struct block_index *index, struct slice after, size_t limit,
                               block_index_listed on_block, void *arg, struct error *err);

#endif
