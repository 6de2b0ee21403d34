// SPDX-License-Identifier: Apache-2.0
/* The roots that one upload pins, in the order in which they became known. Bounded: an upload that
 * names more is refused. Pure. */
#ifndef PROXY_UPLOAD_ROOTS_H
#define PROXY_UPLOAD_ROOTS_H

#include "conf/error.h"
#include "ipfs/cid.h"

enum { UPLOAD_ROOTS_MAX = 10000 };

/* {0} is empty. */
struct upload_roots {
    struct cid *cids;
    size_t count, capacity;
};

/* False: there are too many (ERROR_LIMIT). */
bool upload_roots_add(struct upload_roots *roots, const struct cid *cid, struct error *err);

/* Leaves the first of those that are the same. */
void upload_roots_settle(struct upload_roots *roots);

void upload_roots_dispose(struct upload_roots *roots);

#endif
