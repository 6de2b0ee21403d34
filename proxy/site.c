// SPDX-License-Identifier: Apache-2.0
#include "proxy/site.h"

#include "conf/memory.h"
#include "proxy/quota_gate.h"
#include "proxy/storage.h"

#include <stdlib.h>

static void dispose(struct server_settings *settings)
{
    struct site *site = CONTAINER_OF(settings, struct site, settings);

    upstream_destroy(&site->upstream);
    quota_cache_destroy(&site->quotas);
    SSL_CTX_free(settings->tls);
    snapshot_unref(&site->snapshot);
    free(site);
}

static struct http_limits limits_of(const struct config_limits *limits)
{
    return (struct http_limits){
        .head_size = (uint32_t)limits->head_size,
        .head_timeout_ms = limits->head_timeout_ms,
        .idle_timeout_ms = limits->idle_timeout_ms,
        .body_idle_timeout_ms = limits->body_idle_timeout_ms,
        .min_body_rate = limits->min_body_rate,
        .framing = {.trailer_size = (uint32_t)limits->trailer_size,
                    .extension_size = (uint32_t)limits->chunk_extension_size},
    };
}

struct site *site_create(struct server *server, struct snapshot *snapshot, struct site_keep *keep,
                         const struct http_handler *handler)
{
    struct site *site = memory_alloc(sizeof(*site));

    site->loop = server->loop;
    site->number = ++keep->sites;
    site->snapshot = snapshot_ref(snapshot);
    site->context = keep->context;
    site->tools = &keep->tools;
    site->upstream = storage_open(server->loop, server->blocks, server->pipes, snapshot,
                                  keep->context->node, NULL);
    site->quotas = quota_cache_create();
    site->settings = (struct server_settings){
        .references = 1,
        .limits = limits_of(&snapshot->config->limits),
        .handler = handler,
        .app = site,
        .tls = snapshot->tls,
        .dispose = dispose,
    };
    if (snapshot->tls != NULL)
        SSL_CTX_up_ref(snapshot->tls);
    return site;
}
