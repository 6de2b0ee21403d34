// SPDX-License-Identifier: Apache-2.0
/* The bytes of a file, one leaf after another: UnixFS files of any layout, and raw blocks.
 *
 * What the file's author says of sizes counts where Kubo believes it: for where an offset is. What
 * is read is what the leaves hold.
 *
 * Lives across slices; every call is in a slice of the same task. Memory is that of a link_stack.
 */
#ifndef UPSTREAM_EMBEDDED_FILE_READER_H
#define UPSTREAM_EMBEDDED_FILE_READER_H

#include "conf/error.h"
#include "conf/text.h"
#include "ipfs/cid.h"
#include "upstream/embedded/read_step.h"

#include <stdint.h>

struct task;
struct file_reader;

/* The file's bytes from offset on, limit of them at most (UINT64_MAX: all). A symlink reads as its
 * target, as in Kubo. Errors in Kubo's words, ERROR_NOT_FOUND: a block is missing;
 * ERROR_UNSUPPORTED: this is a directory, or no file at all, or says too little to find the offset.
 * On failure *reader is NULL. */
MUST_USE bool file_reader_open(struct file_reader **reader, struct task *task,
                               const struct cid *cid, uint64_t offset, uint64_t limit,
                               struct error *err);
void file_reader_destroy(struct file_reader **reader); /* NULL is fine */

/* Of the whole file, as its root says. */
uint64_t file_reader_size(const struct file_reader *reader);

/* piece: until the next call or any other read of the task; never empty. Reads at least one block
 * before it says READ_DUE. */
MUST_USE enum read_step file_reader_next(struct file_reader *reader, struct task *task,
                                         struct slice *piece, struct error *err);

#endif
