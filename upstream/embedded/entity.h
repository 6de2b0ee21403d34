// SPDX-License-Identifier: Apache-2.0
/* What a CID names, as UnixFS sees it: its root block, looked at once. Of blocks that others built:
 * nothing in them is to be believed but that they are what their CID names. */
#ifndef UPSTREAM_EMBEDDED_ENTITY_H
#define UPSTREAM_EMBEDDED_ENTITY_H

#include "conf/error.h"
#include "conf/text.h"
#include "ipfs/cid.h"
#include "ipfs/unixfs.h"

struct task;

enum entity_kind {
    ENTITY_RAW,  /* a block without UnixFS that is a file as it stands: codec raw */
    ENTITY_PB,   /* dag-pb with a UnixFS message: unixfs.type says what */
    ENTITY_NODE, /* anything else that can be read: dag-cbor, dag-json, ... */
};

struct entity {
    enum entity_kind kind;
    struct unixfs unixfs; /* of ENTITY_PB; borrowed from the block */
    struct slice block;   /* until the task's next read */
    uint64_t
        file_size;  /* of a file, raw or not: its bytes, as its author says; a symlink's target's */
    uint64_t tsize; /* of the block and all its links, as the author says */
};

/* Errors in Kubo's words: the block is missing (ERROR_NOT_FOUND), or cannot be read. */
MUST_USE bool entity_read(struct entity *entity, struct task *task, const struct cid *cid,
                          struct error *err);

bool entity_is_directory(const struct entity *entity); /* plain or sharded */
bool entity_is_file(const struct entity *entity);

#endif
