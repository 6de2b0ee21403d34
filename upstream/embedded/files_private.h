// SPDX-License-Identifier: Apache-2.0
/* The tree of files.h as the commands on it see it: looking things up, and changing it. Job side.
 */
#ifndef UPSTREAM_EMBEDDED_FILES_PRIVATE_H
#define UPSTREAM_EMBEDDED_FILES_PRIVATE_H

#include "ipfs/call.h"
#include "ipfs/unixfs_edit.h"
#include "upstream/embedded/files.h"
#include "upstream/embedded/task.h"

#define FILES_NAMES_MAX 1024 /* of one path */

/* ---- paths: as call_path has them, clean, "/" or "/a/b" or "/a/b/" */

/* What Go's path.Split gives: *dir with its slash, *name behind it ("" after a slash). */
void files_split(struct slice path, struct slice *dir, struct slice *name);
/* Go's path.Dir of a clean path: "/a/b" of "/a/b/" and of "/a/b/c". Borrowed. */
struct slice files_parent(struct slice path);
bool files_is_root(struct slice path);
struct slice files_trim(struct slice path); /* without slashes at both ends */
/* The first name of a trimmed path, which is cut off it; {NULL, 0}: there is none. */
struct slice files_next_name(struct slice *path);
/* A path argument: clean; "/" if it is not there. */
struct slice files_argument(const struct call *call, size_t index);

/* ---- reading */

/* Blocks of the task, for ipfs/unixfs_edit.h. */
struct unixfs_store files_store(struct task *task);

struct files_node {
    bool exists;
    bool is_directory;
    enum unixfs_type type;
    struct unixfs_entry entry;
};

/* What is at a path below a root. True with exists false: nothing is; every name on the way but
 * the last that is missing too. ERROR_UNSUPPORTED: a file stands on the way ("cannot access a/b:
 * Not a directory"); others: a block is missing or cannot be read. */
MUST_USE bool files_lookup(struct task *task, const struct cid *root, struct slice path,
                           struct files_node *node, struct error *err);
/* The same, and it must be there: ERROR_NOT_FOUND, "file does not exist". */
MUST_USE bool files_find(struct task *task, const struct cid *root, struct slice path,
                         struct files_node *node, struct error *err);
/* What a CID is, as an entry of the tree. */
MUST_USE bool files_look(struct task *task, const struct cid *cid, struct files_node *node,
                         struct error *err);
bool files_not_there(struct error *err); /* sets it, and is false */

/* ---- changing */

/* Makes the change to change->root, in as many slices as it returns FILES_MORE. What it did before
 * FILES_BAD stays done, as in Kubo. */
typedef enum files_step (*files_make)(struct task *task, struct files_change *change,
                                      struct error *err);

/* Waits for its turn, makes the change and makes it durable. */
MUST_USE enum files_step files_change_run(struct task *task, struct files_change *change,
                                          files_make make, struct error *err);
/* The same for a command that does nothing else. */
MUST_USE enum task_step files_run_change(struct task *task, struct files_change *change,
                                         files_make make, struct error *err);
/* The step of a task that stands for it; FILES_DONE: TASK_DONE. */
enum task_step files_task_step(enum files_step step);

/* Sets (entry NULL: removes) what is at a path, in directories that are there. */
MUST_USE bool files_set(struct task *task, struct files_change *change, struct slice path,
                        const struct unixfs_entry *entry, struct error *err);
/* Adds what is not there yet; ERROR_REFUSED: "directory already has entry by that name". */
MUST_USE bool files_put(struct task *task, struct files_change *change, struct slice path,
                        const struct unixfs_entry *entry, struct error *err);
/* A directory, and with `parents` those above it that are missing. */
struct files_format {
    int version; /* of CIDs */
    uint64_t hash;
};
MUST_USE bool files_make_directory(struct task *task, struct files_change *change,
                                   struct slice path, bool parents,
                                   const struct files_format *format, struct error *err);
/* When something is made of it: ERROR_REFUSED, "potentially insecure hash functions not allowed";
 * ERROR_UNSUPPORTED: a hash that is not computed here. */
MUST_USE bool files_check_format(const struct files_format *format, struct error *err);
/* Options cid-version and hash; without them v0 and sha2-256, and *is_given false. */
MUST_USE bool files_format_of(const struct call *call, struct files_format *format, bool *is_given,
                              struct error *err);

/* Kubo holds the directories that it has changed in memory, until they are flushed; while it does,
 * a sharded one remembers how much it grew (see unixfs_directory_set). This tells that all below a
 * path was let go of; files_forget_at also what is there itself. */
void files_forget_below(struct files_change *change, struct slice path);
void files_forget_at(struct files_change *change, struct slice path);

int64_t files_growth(struct files *files, struct slice path); /* path: trimmed, and in the next */
void files_set_growth(struct files *files, struct slice path, int64_t bytes);

/* Counts a change that its caller does not want flushed; all are flushed here, but Kubo refuses the
 * 257th in a row. */
MUST_USE bool files_count_unflushed(struct files *files, bool flushes, struct error *err);

/* Kubo flushes what it has put somewhere: a symlink it cannot ("symlinks not yet supported"), and a
 * file of one raw leaf becomes that leaf. */
MUST_USE bool files_flush_at(struct task *task, struct files_change *change, struct slice path,
                             struct files_node *node, struct error *err);

/* The time that a changed file gets. */
struct unixfs_stat files_now(void);

/* One writer of a file at a time. False: somebody writes it. */
MUST_USE bool files_begin_file(struct files *files, struct slice path);
void files_end_file(struct files *files, struct slice path);

#endif
