// SPDX-License-Identifier: Apache-2.0
#include "proxy/upload_roots.h"

#include "conf/memory.h"

#include <stdlib.h>

bool upload_roots_add(struct upload_roots *roots, const struct cid *cid, struct error *err)
{
    if (roots->count == UPLOAD_ROOTS_MAX)
        return error_set(err, ERROR_LIMIT,
                         "this upload has more than %d roots to be pinned, which is as many as one "
                         "call may have: send it in parts, in a directory, or without pinning",
                         UPLOAD_ROOTS_MAX);
    if (roots->count == roots->capacity) {
        roots->capacity = roots->capacity * 2 + 1;
        roots->cids = memory_resize_array(roots->cids, roots->capacity, sizeof(*roots->cids));
    }
    roots->cids[roots->count++] = *cid;
    return true;
}

/* ---- settling */

/* By bytes, and the same ones by place. */
static int compare(const void *a_, const void *b_)
{
    const struct cid *a = *(const struct cid *const *)a_, *b = *(const struct cid *const *)b_;
    int difference = memcmp(a->bytes, b->bytes, a->size < b->size ? a->size : b->size);

    if (difference != 0)
        return difference;
    if (a->size != b->size)
        return a->size < b->size ? -1 : 1;
    return a < b ? -1 : a > b;
}

void upload_roots_settle(struct upload_roots *roots)
{
    struct cid **sorted = memory_resize_array(NULL, roots->count + 1, sizeof(struct cid *));
    size_t kept = 0;

    for (size_t i = 0; i < roots->count; i++)
        sorted[i] = &roots->cids[i];
    if (roots->count > 1)
        qsort(sorted, roots->count, sizeof(struct cid *), compare);
    for (size_t i = roots->count; i-- > 1;)
        if (cid_equal(sorted[i], sorted[i - 1]))
            sorted[i]->size = 0; /* no CID has none: this one is left out */
    for (size_t i = 0; i < roots->count; i++)
        if (roots->cids[i].size > 0)
            roots->cids[kept++] = roots->cids[i];
    roots->count = kept;
    free(sorted);
}

void upload_roots_dispose(struct upload_roots *roots)
{
    free(roots->cids);
    *roots = (struct upload_roots){0};
}
