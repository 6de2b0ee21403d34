// SPDX-License-Identifier: Apache-2.0
/* A dag-pb node taken apart, to change its links and put it together again. Pure.
 *
 * Links are kept as they are encoded, some 32 bytes beside, so that a directory of many entries is
 * changed without a CID for each in memory. What is written is the canonical form: links sorted by
 * name (those of one name stay in their order), a name and a size in each, then the data. */
#ifndef IPFS_DAG_PB_EDIT_H
#define IPFS_DAG_PB_EDIT_H

#include "conf/error.h"
#include "conf/text.h"
#include "ipfs/dag_pb.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* All but count and tsize is private. {0} is a node with nothing in it. */
struct dag_pb_edit {
    struct text bytes; /* the links, as they are encoded */
    struct text data;
    struct dag_pb_edit_link {
        size_t offset, size;           /* of the encoded link, in bytes */
        size_t name_offset, name_size; /* of its name, in bytes */
    } * links;
    size_t count, capacity;
    uint64_t tsize; /* of all links together */
    bool has_data;
};

/* Copies the block. Dispose in any case. */
MUST_USE bool dag_pb_edit_read(struct dag_pb_edit *node, struct slice block, struct error *err);
void dag_pb_edit_dispose(struct dag_pb_edit *node); /* it is {0} again */

/* Names are borrowed until the next change. */
struct slice dag_pb_edit_name(const struct dag_pb_edit *node, size_t index);
struct dag_pb_link dag_pb_edit_link(const struct dag_pb_edit *node, size_t index);

/* The first link of that name; node->count: there is none. */
size_t dag_pb_edit_find(const struct dag_pb_edit *node, struct slice name);

/* index: from 0 to node->count. link's name and size are written, given or not; the name is not
 * borrowed from this node. */
void dag_pb_edit_insert(struct dag_pb_edit *node, size_t index, const struct dag_pb_link *link);
void dag_pb_edit_replace(struct dag_pb_edit *node, size_t index, const struct dag_pb_link *link);
void dag_pb_edit_remove(struct dag_pb_edit *node, size_t index);

/* Appends the canonical form, with that message as data. Sorts the links. */
void dag_pb_edit_write(struct dag_pb_edit *node, struct slice data, struct text *out);

#endif
