// SPDX-License-Identifier: Apache-2.0
/* One block of a UnixFS DAG, on its way to the sink. For unixfs_file.c, unixfs_directory.c
 * and unixfs_hamt.c. */
#ifndef IPFS_UNIXFS_BLOCK_H
#define IPFS_UNIXFS_BLOCK_H

#include "ipfs/unixfs_build.h"

/* Where blocks go. */
struct unixfs_out {
    struct unixfs_sink_target {
        unixfs_sink sink;
        void *arg;
    } to;
    struct unixfs_profile profile;
};

/* Whether a block of that size is its own CID. */
bool unixfs_is_inline(const struct unixfs_profile *profile, size_t size);

/* Appends a dag-pb node of links as dag_pb_put_link wrote them, and a UnixFS message. */
void unixfs_put_node(struct text *out, const struct unixfs_profile *profile, struct slice links,
                     struct slice message);

/* Writes links and message as one node, whose children weigh tsize. */
MUST_USE bool unixfs_write_node(const struct unixfs_out *out, struct slice links,
                                struct slice message, uint64_t tsize, struct unixfs_entry *entry,
                                struct error *err);

/* Appends the message of a shard. bits: fanout / 8 bytes, the last one has the lowest places. stat:
 * NULL, or of the directory, in its root. */
void unixfs_put_shard(struct text *out, const uint8_t *bits, uint32_t fanout,
                      const struct unixfs_stat *stat);

/* Hashes a dag-pb block, hands it out and makes its CID. */
MUST_USE bool unixfs_emit(const struct unixfs_out *out, struct slice block, struct cid *cid,
                          struct error *err);

#endif
