// SPDX-License-Identifier: Apache-2.0
/* The entries of a directory, plain or sharded (HAMT), in Kubo's order: as they stand in the block,
 * or in the order of places in the shards, depth first.
 *
 * Lives across slices; every call is in a slice of the same task. Holds one block of a plain
 * directory, or one of each level of a sharded one, at most some 8 MiB. */
#ifndef UPSTREAM_EMBEDDED_DIRECTORY_READER_H
#define UPSTREAM_EMBEDDED_DIRECTORY_READER_H

#include "conf/error.h"
#include "conf/text.h"
#include "ipfs/cid.h"
#include "upstream/embedded/read_step.h"

#include <stdint.h>

struct task;
struct directory_reader;

struct directory_entry {
    struct slice name; /* any bytes */
    struct cid cid;
    uint64_t tsize; /* as the directory's author says */
};

/* Errors in Kubo's words: the root is missing (ERROR_NOT_FOUND), or no directory (ERROR_SYNTAX). On
 * failure *reader is NULL. */
MUST_USE bool directory_reader_open(struct directory_reader **reader, struct task *task,
                                    const struct cid *cid, struct error *err);
void directory_reader_destroy(struct directory_reader **reader); /* NULL is fine */

/* entry: its name is borrowed until the next call. */
MUST_USE enum read_step directory_reader_next(struct directory_reader *reader, struct task *task,
                                              struct directory_entry *entry, struct error *err);

/* Looks one name up: of a sharded directory only the shards on its way are read. found: whether it
 * is there. entry->name is the caller's. False: a block is missing, or this is no directory. */
MUST_USE bool directory_find(struct task *task, const struct cid *directory, struct slice name,
                             struct directory_entry *entry, bool *found, struct error *err);

#endif
