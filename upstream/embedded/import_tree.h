// SPDX-License-Identifier: Apache-2.0
/* A tree of directories that is added: entries come one by one, in any order; then the directories
 * are built from the deepest to the root, and told in Kubo's order.
 *
 *     import_tree_create                     directory 1 is the root
 *     import_tree_directory, import_tree_put any number, in any order
 *     import_tree_build                      until READ_END: import_tree_root
 *     import_tree_next                       until READ_END: every directory, children first
 *
 * A few entries are held in memory; more of them in an SQLite file of the scratch folder, of which
 * at most some 4 MiB are in memory: however large the tree is, and whatever shape it has. On
 * threads of the job pool, one at a time. */
#ifndef UPSTREAM_EMBEDDED_IMPORT_TREE_H
#define UPSTREAM_EMBEDDED_IMPORT_TREE_H

#include "conf/error.h"
#include "conf/text.h"
#include "ipfs/unixfs_build.h"
#include "upstream/embedded/read_step.h"

struct task;
struct import_tree;

#define IMPORT_TREE_ROOT 1

/* scratch: the folder, borrowed. stat: of the root. */
struct import_tree *import_tree_create(const char *scratch, const struct unixfs_profile *profile,
                                       const struct unixfs_stat *stat);
void import_tree_destroy(struct import_tree **tree); /* NULL is fine */

/* The directory of that name in another one, made if it is missing: if it is there, its stat stays
 * as it was. "file already exists": the name is a file's. */
MUST_USE bool import_tree_directory(struct import_tree *tree, uint64_t parent, struct slice name,
                                    const struct unixfs_stat *stat, uint64_t *directory,
                                    struct error *err);

/* A file or symlink. "directory already has entry by that name". */
MUST_USE bool import_tree_put(struct import_tree *tree, uint64_t directory, struct slice name,
                              const struct unixfs_entry *entry, struct error *err);

/* Memory that it holds, in bytes; is_short: after what can be written out was. */
size_t import_tree_memory(struct import_tree *tree, bool is_short);

/* Makes the blocks of directories, for sink. READ_DUE: task_is_due; call again in the next slice.
 * READ_END: all is built. Never READ_GOT. */
MUST_USE enum read_step import_tree_build(struct import_tree *tree, struct task *task,
                                          unixfs_sink sink, void *arg, struct error *err);

/* After READ_END of import_tree_build. */
struct unixfs_entry import_tree_root(const struct import_tree *tree);

/* After READ_END of import_tree_build. path: where the directory lies below the root, "" the root
 * itself, which comes last; borrowed until the next call. */
MUST_USE enum read_step import_tree_next(struct import_tree *tree, struct task *task,
                                         struct slice *path, struct unixfs_entry *entry,
                                         struct error *err);

#endif
