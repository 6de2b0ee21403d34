// SPDX-License-Identifier: Apache-2.0
/* What the options of an upload (add, dag/import, dag/put, block/put) ask for, and the call as it
 * goes to the storage, which never pins itself. Pure. */
#ifndef PROXY_UPLOAD_OPTIONS_H
#define PROXY_UPLOAD_OPTIONS_H

#include "ipfs/call.h"

struct upload_wish {
    bool pins;         /* what was uploaded is to be the caller's */
    bool is_silent;    /* add: no line of the reply is wanted */
    bool wraps;        /* add: everything stands in one directory */
    bool needs_shared; /* writes into the tree of files that all members share */
    struct slice name; /* of the pins; borrowed from the call */
};

/* The pieces that a file is cut into are no smaller: a file of many small blocks costs a node far
 * more than its bytes. */
enum { UPLOAD_CHUNK_MIN = 4096 };

/* Reads the wish and changes the call to what goes upstream. Refused, by name: what is not built,
 * small chunks, what cannot be pinned so. Errors as call_parse. */
MUST_USE bool upload_options_take(struct upload_wish *wish, struct call *call, struct error *err);

/* The smallest piece that this chunker makes, the last of a file aside; UINT64_MAX: it is not of a
 * kind that names sizes. False: it cannot be read, and Kubo might read it otherwise. */
MUST_USE bool upload_chunker_min(struct slice chunker, uint64_t *min, struct error *err);

#endif
