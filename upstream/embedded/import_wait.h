// SPDX-License-Identifier: Apache-2.0
/* Bytes that wait until they are a whole chunk, block or section: in memory; or, while the node's
 * tasks hold too much of that, in a file of the scratch folder without a name. So that a thousand
 * uploads that stand still in the middle of a chunk cost no more than their number. */
#ifndef UPSTREAM_EMBEDDED_IMPORT_WAIT_H
#define UPSTREAM_EMBEDDED_IMPORT_WAIT_H

#include "conf/error.h"
#include "conf/text.h"

#include <stdint.h>

/* {0} is an empty one. */
struct import_wait {
    struct text memory; /* comes behind what is in the file */
    int file;           /* 0: none, else the descriptor and one */
    size_t parked;      /* bytes in the file */
};

void import_wait_put(struct import_wait *wait, struct slice bytes);

static inline size_t import_wait_size(const struct import_wait *wait)
{
    return wait->parked + wait->memory.size;
}

/* All that waits, in memory; borrowed until the next call. */
MUST_USE bool import_wait_whole(struct import_wait *wait, struct slice *bytes, struct error *err);
/* Nothing waits any more. */
void import_wait_clear(struct import_wait *wait);

/* At the end of a slice: gives memory back that is not in use; is_short: all of it. */
MUST_USE bool import_wait_settle(struct import_wait *wait, const char *scratch, bool is_short,
                                 struct error *err);

void import_wait_dispose(struct import_wait *wait);

#endif
