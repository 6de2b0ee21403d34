// SPDX-License-Identifier: Apache-2.0
/* One block of a UnixFS DAG, on its way to the sink. For unixfs_file.c and unixfs_directory.c. */
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

/* Appends a dag-pb node of links as dag_pb_put_link wrote them, and a UnixFS message. */
void unixfs_put_node(struct text *out, const struct unixfs_profile *profile, struct slice links,
                     struct slice message);

/* Hashes a dag-pb block, hands it out and makes its CID. */
MUST_USE bool unixfs_emit(const struct unixfs_out *out, struct slice block, struct cid *cid,
                          struct error *err);

#endif
