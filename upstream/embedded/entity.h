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
    ENTITY_RAW,  /* codec raw: a file as it stands */
    ENTITY_PB,   /* dag-pb with a UnixFS message: unixfs.type says what */
    ENTITY_NODE, /* of any other codec; not looked into */
};

struct entity {
    enum entity_kind kind;
    struct unixfs unixfs; /* of ENTITY_PB; borrowed from the block */
    struct slice block;   /* until the task's next read */
    uint32_t link_count;  /* of ENTITY_PB */
    uint64_t file_size;   /* of a file its bytes, of a symlink its target's, as the author says */
    uint64_t tsize;       /* of the block and all its links, as the author says */
};

/* Errors in Kubo's words. ERROR_NOT_FOUND: the block is missing; ERROR_UNSUPPORTED: it is
 * malformed.
 */
MUST_USE bool entity_read(struct entity *entity, struct task *task, const struct cid *cid,
                          struct error *err);
/* The same of a block that is at hand, as long as it is. */
MUST_USE bool entity_of(struct entity *entity, const struct cid *cid, struct slice block,
                        struct error *err);

/* Whether blocks of its codec can be looked into. */
MUST_USE bool entity_check_codec(const struct cid *cid, struct error *err);

bool entity_is_directory(const struct entity *entity); /* plain or sharded */
bool entity_is_file(const struct entity *entity);

/* One line for blocks that cannot be read: always false, ERROR_UNSUPPORTED, since ERROR_SYNTAX
 * would blame the call. */
bool entity_refuse(struct error *err, const struct cid *cid, const struct error *why);

#endif
