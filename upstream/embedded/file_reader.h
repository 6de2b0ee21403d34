// SPDX-License-Identifier: Apache-2.0
/* The bytes of a file, one leaf after another: UnixFS files of any layout, and raw blocks.
 *
 * Lives across slices; every call is in a slice of the same task. Holds at most some 8 MiB,
 * whatever others made the file of; one deeper than FILE_DEPTH_MAX is refused. */
#ifndef UPSTREAM_EMBEDDED_FILE_READER_H
#define UPSTREAM_EMBEDDED_FILE_READER_H

#include "conf/error.h"
#include "conf/text.h"
#include "ipfs/cid.h"
#include "upstream/embedded/read_step.h"

#include <stdint.h>

#define FILE_DEPTH_MAX 256

struct task;
struct file_reader;

/* The file's bytes from offset on (behind the end: none), limit of them at most (UINT64_MAX: all).
 * Errors in Kubo's words: the root is missing (ERROR_NOT_FOUND), or no file (ERROR_SYNTAX). On
 * failure *reader is NULL. */
MUST_USE bool file_reader_open(struct file_reader **reader, struct task *task,
                               const struct cid *cid, uint64_t offset, uint64_t limit,
                               struct error *err);
void file_reader_destroy(struct file_reader **reader); /* NULL is fine */

/* Of the whole file, as its root says. */
uint64_t file_reader_size(const struct file_reader *reader);

/* piece: until the next call or any other read of the task; never empty. */
MUST_USE enum read_step file_reader_next(struct file_reader *reader, struct task *task,
                                         struct slice *piece, struct error *err);

#endif
