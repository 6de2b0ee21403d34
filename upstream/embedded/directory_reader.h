// SPDX-License-Identifier: Apache-2.0
/* The entries of a directory, plain or sharded (HAMT), and of directories in it, in Kubo's order:
 * as they stand in the blocks, those of a shard where the link to it stands.
 *
 *     directory_reader_open
 *     directory_reader_next -> READ_GOT   an entry; directory_reader_enter goes into it, if wanted
 *                           -> READ_DUE   in the next slice again
 *                           -> READ_END   of the directory that was entered last: _leave, or the
 * end
 *                           -> READ_BAD   err says why
 *
 * Lives across slices; every call is in a slice of the same task. Memory is that of a link_stack.
 */
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

/* Errors in Kubo's words: the root is missing (ERROR_NOT_FOUND), or no directory
 * (ERROR_UNSUPPORTED). On failure *reader is NULL. */
MUST_USE bool directory_reader_open(struct directory_reader **reader, struct task *task,
                                    const struct cid *cid, struct error *err);
void directory_reader_destroy(struct directory_reader **reader); /* NULL is fine */

/* entry: its name is borrowed until the next call. Reads at least one block before it says
 * READ_DUE.
 */
MUST_USE enum read_step directory_reader_next(struct directory_reader *reader, struct task *task,
                                              struct directory_entry *entry, struct error *err);

/* The entries of that directory come next. Errors as directory_reader_open. */
MUST_USE bool directory_reader_enter(struct directory_reader *reader, struct task *task,
                                     const struct cid *cid, struct error *err);
/* After READ_END: what comes behind that directory is next. False: it was the outermost. */
bool directory_reader_leave(struct directory_reader *reader);

/* Looks one name up: of a sharded directory only the shards on its way are read. found: whether it
 * is there; entry->name is the caller's. False: a block is missing (ERROR_NOT_FOUND), or this is no
 * directory (ERROR_UNSUPPORTED). */
MUST_USE bool directory_find(struct task *task, const struct cid *directory, struct slice name,
                             struct directory_entry *entry, bool *found, struct error *err);

#endif
