// SPDX-License-Identifier: Apache-2.0
/* What one worker serves clients with: a snapshot, its own connections to the upstream, its own
 * share of what the process has. Worker's thread only. */
#ifndef PROXY_SITE_H
#define PROXY_SITE_H

#include "http/server.h"
#include "proxy/context.h"
#include "proxy/snapshot.h"
#include "upstream/upstream.h"

struct quota_cache;

struct site {
    struct server_settings settings;
    struct loop *loop;
    uint64_t number; /* 1, 2, ... of this worker: another one after each reload */
    struct snapshot *snapshot;
    struct upstream *upstream;
    const struct context *context;
    struct worker_tools *tools;
    struct quota_cache *quotas;
};

/* What a worker keeps across reloads. */
struct site_keep {
    const struct context *context;
    struct worker_tools tools;
    uint64_t sites; /* made so far */
};

/* handler serves the requests; its app is the site. Takes its own reference on the snapshot. */
struct site *site_create(struct server *server, struct snapshot *snapshot, struct site_keep *keep,
                         const struct http_handler *handler);

#endif
