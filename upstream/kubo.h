// SPDX-License-Identifier: Apache-2.0
/* A Kubo node as upstream: its RPC API, spoken by one loop. Loop thread only. */
#ifndef UPSTREAM_KUBO_H
#define UPSTREAM_KUBO_H

#include "conf/address.h"
#include "http/jobs.h"
#include "upstream/upstream.h"

struct kubo_settings {
    struct address address;    /* resolved */
    const char *authorization; /* the Authorization header's value, or NULL; copied */
    struct jobs *jobs;         /* read files that are imported */
    uint32_t max_idle;         /* connections */
    uint64_t connect_timeout_ms;
    uint64_t head_timeout_ms, idle_timeout_ms; /* of a reply, unless a relay says otherwise */
    /* Of operations. 0: for ever. A node that pins says so twice a second, so a pin whose node is
     * gone is known by idle_timeout_ms; these two bound a node that is well and gets nowhere. */
    uint64_t pin_stall_ms; /* a pin that finds no further node */
    uint64_t walk_idle_ms; /* measure, list_pins and gc, which are silent while the node walks */
};

struct upstream *kubo_create(struct loop *loop, struct block_store *blocks,
                             struct pipe_store *pipes, const struct kubo_settings *settings);

#endif
