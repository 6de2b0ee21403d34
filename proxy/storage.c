// SPDX-License-Identifier: Apache-2.0
#include "proxy/storage.h"

#include "upstream/kubo.h"

#include <string.h>

static struct kubo_settings kubo_settings_of(const struct snapshot *snapshot)
{
    const struct config *config = snapshot->config;

    return (struct kubo_settings){
        .address = snapshot->upstream,
        .authorization = config->upstream.authorization,
        .max_idle = (uint32_t)config->limits.upstream_idle_connections,
        .connect_timeout_ms = config->limits.connect_timeout_ms,
        .head_timeout_ms = config->limits.upstream_head_timeout_ms,
        .idle_timeout_ms = config->limits.upstream_idle_timeout_ms,
    };
}

struct upstream *storage_open(struct loop *loop, struct block_store *blocks,
                              struct pipe_store *pipes, const struct snapshot *snapshot)
{
    struct kubo_settings kubo = kubo_settings_of(snapshot);

    return kubo_create(loop, blocks, pipes, &kubo);
}

bool storage_is_same(const struct snapshot *a, const struct snapshot *b)
{
    struct kubo_settings x = kubo_settings_of(a), y = kubo_settings_of(b);
    const char *authorization = x.authorization != NULL ? x.authorization : "";

    return strcmp(x.address.text, y.address.text) == 0 &&
           strcmp(authorization, y.authorization != NULL ? y.authorization : "") == 0 &&
           x.max_idle == y.max_idle && x.connect_timeout_ms == y.connect_timeout_ms &&
           x.head_timeout_ms == y.head_timeout_ms && x.idle_timeout_ms == y.idle_timeout_ms;
}
