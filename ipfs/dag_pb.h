// SPDX-License-Identifier: Apache-2.0
/* dag-pb: the blocks of files and directories; a list of links and some bytes of data.
 * Source: ipld.io/specs/codecs/dag-pb/spec. Pure.
 *
 * Read strictly: only fields 1 and 2 of a node and 1, 2, 3 of a link, in the wire types and the
 * order of the specification, each at most once; Links together, before or behind Data; each Hash
 * one whole CID; numbers in their shortest form. (Kubo 0.43.1 also takes numbers in a longer form
 * and bytes behind a Hash's CID; both are refused here.) The empty block is a node with neither.
 * Links come out as they stand: never sorted. */
#ifndef IPFS_DAG_PB_H
#define IPFS_DAG_PB_H

#include "conf/error.h"
#include "conf/text.h"
#include "ipfs/cid.h"
#include "ipfs/protobuf.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct dag_pb_link {
    struct cid cid;
    struct slice name; /* any bytes */
    uint64_t tsize;    /* what the author says the DAG behind it weighs: not to be believed */
    bool has_name;
    bool has_tsize;
};

enum dag_pb_part {
    DAG_PB_END,  /* the block was read whole and is well formed */
    DAG_PB_LINK, /* reader->link */
    DAG_PB_DATA, /* reader->data */
    DAG_PB_BAD,  /* err says what and at which byte */
};

struct dag_pb_reader {
    struct dag_pb_link link; /* name borrowed from the block */
    struct slice data;       /* borrowed from the block */
    struct protobuf_reader wire;
    bool had_data;
    enum { DAG_PB_NO_LINKS, DAG_PB_IN_LINKS, DAG_PB_PAST_LINKS } links;
};

/* block stays valid as long as the reader is used. */
void dag_pb_read(struct dag_pb_reader *reader, const void *block, size_t size);

/* The next part in the block's own order. After DAG_PB_END or DAG_PB_BAD there is no more. */
MUST_USE enum dag_pb_part dag_pb_next(struct dag_pb_reader *reader, struct error *err);

/* Appends one link, or the data, as the canonical form has it. A canonical node has its links
 * first, sorted by name bytes (stable), then its data. */
void dag_pb_put_link(struct text *out, const struct dag_pb_link *link);
void dag_pb_put_data(struct text *out, struct slice data);

/* What dag_pb_put_link would append, in bytes. */
size_t dag_pb_link_size(const struct dag_pb_link *link);

#endif
