// SPDX-License-Identifier: Apache-2.0
/* A file that is edited. For unixfs_edit_file.c and unixfs_append.c. */
#ifndef IPFS_UNIXFS_EDIT_FILE_H
#define IPFS_UNIXFS_EDIT_FILE_H

#include "ipfs/unixfs_edit_node.h"

struct unixfs_append;

struct unixfs_edit {
    struct unixfs_store store;
    int version; /* of the file when it was opened: what is appended has it too */
    uint64_t hash;
    bool raw_leaves;
    struct unixfs_stat now;
    struct unixfs_entry root; /* as it stands in the store */
    struct unixfs_append *row;
    uint64_t row_size; /* bytes of it */
};

/* Takes the root's node apart. Nothing is written before the end. */
MUST_USE bool unixfs_append_begin(struct unixfs_append **row, struct unixfs_edit *edit,
                                  struct error *err);
MUST_USE bool unixfs_append_leaf(struct unixfs_append *row, struct slice leaf, struct error *err);
/* edit->root is the file with the row behind it. Only destroy after that. */
MUST_USE bool unixfs_append_end(struct unixfs_append *row, struct error *err);
void unixfs_append_destroy(struct unixfs_append **row);

#endif
