// SPDX-License-Identifier: Apache-2.0
/* The storage that a configuration names, as one loop speaks to it. */
#ifndef PROXY_STORAGE_H
#define PROXY_STORAGE_H

#include "conf/log.h"
#include "proxy/snapshot.h"
#include "upstream/embedded/node.h"
#include "upstream/upstream.h"

/* Opens the embedded node in the data folder, if the configuration wants one; else *node is NULL.
 * Blocks: at the start. Its end is node_stop, then node_close. */
MUST_USE bool storage_open_node(struct node **node, const struct config *config, struct jobs *jobs,
                                struct log_writer *messages, struct error *err);

/* node: what storage_open_node gave. jobs: read files that are imported; NULL: nothing is. */
struct upstream *storage_open(struct loop *loop, struct block_store *blocks,
                              struct pipe_store *pipes, const struct snapshot *snapshot,
                              struct node *node, struct jobs *jobs);

/* Would storage_open make the same of both? */
bool storage_is_same(const struct snapshot *a, const struct snapshot *b);

#endif
