// SPDX-License-Identifier: Apache-2.0
/* What the operator's port answers: /healthz (the process lives), /readyz (it serves: the upstream
 * answers, the audit log is written, and no drain is under way), /metrics (Prometheus text, format
 * 0.0.4). On the control loop. */
#ifndef PROXY_OPERATORS_H
#define PROXY_OPERATORS_H

#include "http/server.h"
#include "http/worker.h"
#include "proxy/context.h"
#include "proxy/snapshot.h"

struct gateway;
struct gateway_worker;

struct operators_context {
    const struct gateway_worker *workers;
    size_t worker_count;
    const struct context *context;
    const struct log *log;
    const bool *is_draining;
    const struct gateway *gateway;    /* for storage_put_metrics */
    uint64_t reloads, failed_reloads; /* since the start */
    bool last_reload_failed;
};

/* context is borrowed and lives as long as the server. Takes its own reference on the snapshot. */
struct server_settings *operators_make_settings(struct server *server, struct snapshot *snapshot,
                                                const struct operators_context *context);

#endif
