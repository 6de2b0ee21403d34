// SPDX-License-Identifier: Apache-2.0
/* One dag-pb node of a UnixFS DAG, taken apart to be changed. For the sources of unixfs_edit.h. */
#ifndef IPFS_UNIXFS_EDIT_NODE_H
#define IPFS_UNIXFS_EDIT_NODE_H

#include "ipfs/dag_pb_edit.h"
#include "ipfs/unixfs_edit.h"

struct unixfs_node {
    int version; /* of its CID */
    uint64_t hash;
    struct dag_pb_edit links;
    struct unixfs unixfs; /* borrowed from links.data */
};

/* Dispose in any case. ERROR_SYNTAX: neither dag-pb nor UnixFS. */
MUST_USE bool unixfs_node_load(struct unixfs_node *node, const struct unixfs_store *store,
                               const struct cid *cid, struct error *err);
void unixfs_node_dispose(struct unixfs_node *node);

/* Writes it with that message. result->file_size is not set. */
MUST_USE bool unixfs_node_put(struct unixfs_node *node, const struct unixfs_store *store,
                              struct slice message, struct unixfs_entry *result, struct error *err);

/* Appends the message anew, with the block sizes that it had. */
void unixfs_node_message(const struct unixfs *unixfs, struct text *out);

/* Hands out a block under the CID that it gets. An identity hash is given up for sha2-256 where the
 * block is too long for it. */
MUST_USE bool unixfs_store_put(const struct unixfs_store *store, int version, uint64_t codec,
                               uint64_t hash, struct slice block, struct cid *cid,
                               struct error *err);

/* unixfs_edit_shard.c: sets or removes (entry NULL) an entry of a sharded directory; it stays one.
 */
MUST_USE bool unixfs_shard_set(const struct unixfs_store *store, const struct cid *root,
                               struct slice name, const struct unixfs_entry *entry,
                               struct unixfs_entry *result, struct error *err);
/* link: its name is the caller's. */
MUST_USE bool unixfs_shard_find(const struct unixfs_store *store, const struct cid *root,
                                struct slice name, struct dag_pb_link *link, bool *found,
                                struct error *err);
/* on_entry gets each link with the entry's name; it stops the walk with *stops. */
typedef bool (*unixfs_shard_cb)(void *arg, const struct dag_pb_link *link, bool *stops,
                                struct error *err);
MUST_USE bool unixfs_shard_each(const struct unixfs_store *store, const struct cid *root,
                                unixfs_shard_cb on_entry, void *arg, struct error *err);

#endif
