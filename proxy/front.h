// SPDX-License-Identifier: Apache-2.0
/* The client port: who may ask, and which API a request is for. */
#ifndef PROXY_FRONT_H
#define PROXY_FRONT_H

#include "http/server.h"
#include "proxy/snapshot.h"

/* The settings that a worker's server serves requests with. Runs on the worker's thread; takes its
 * own reference on the snapshot. keep: struct site_keep of the worker. */
struct server_settings *front_make_settings(struct server *server, const void *snapshot,
                                            void *keep);

#endif
