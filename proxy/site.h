// SPDX-License-Identifier: Apache-2.0
/* What one worker serves clients with: a snapshot, and its own connections to the upstream.
 * Worker's thread only. */
#ifndef PROXY_SITE_H
#define PROXY_SITE_H

#include "http/server.h"
#include "proxy/snapshot.h"
#include "upstream/kubo.h"

struct site {
    struct server_settings settings;
    struct snapshot *snapshot;
    struct kubo *kubo;
};

/* handler serves the requests; its app is the site. Takes its own reference on the snapshot. */
struct site *site_create(struct server *server, struct snapshot *snapshot,
                         const struct http_handler *handler);

#endif
