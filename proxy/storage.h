// SPDX-License-Identifier: Apache-2.0
/* The storage that a configuration names, as one loop speaks to it. */
#ifndef PROXY_STORAGE_H
#define PROXY_STORAGE_H

#include "proxy/snapshot.h"
#include "upstream/upstream.h"

struct upstream *storage_open(struct loop *loop, struct block_store *blocks,
                              struct pipe_store *pipes, const struct snapshot *snapshot);

/* Would storage_open make the same of both? */
bool storage_is_same(const struct snapshot *a, const struct snapshot *b);

#endif
