// SPDX-License-Identifier: Apache-2.0
#include "proxy/storage.h"

#include "upstream/embedded/embedded.h"
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

static bool is_embedded(const struct config *config)
{
    return config->upstream.kind == CONFIG_UPSTREAM_EMBEDDED;
}

static void say_rebuilt(struct log_writer *messages, const char *folder,
                        const struct blocks_opened *opened)
{
    if (opened->was_rebuilt)
        log_message(messages, LOG_LEVEL_WARNING,
                    "%s: there was no index of the blocks; a new one was made of %s", folder,
                    opened->skipped_bytes == 0 ? "them" : "those that are whole");
}

bool storage_open_node(struct node **node, const struct config *config, struct jobs *jobs,
                       struct log_writer *messages, struct error *err)
{
    struct text folder = {0}, key = {0};
    struct node_settings settings = {.jobs = jobs};
    struct blocks_opened opened;
    bool is_open;

    *node = NULL;
    if (!is_embedded(config))
        return true;
    text_put_format(&folder, "%s/blocks", config->data);
    text_put_format(&key, "%s/keys/node.key", config->data);
    settings.folder = folder.data;
    settings.key = key.data;
    is_open = node_open(node, &settings, &opened, err);
    if (is_open)
        say_rebuilt(messages, folder.data, &opened);
    text_dispose(&folder);
    text_dispose(&key);
    return is_open;
}

struct upstream *storage_open(struct loop *loop, struct block_store *blocks,
                              struct pipe_store *pipes, const struct snapshot *snapshot,
                              struct node *node, struct jobs *jobs)
{
    struct kubo_settings kubo;

    if (is_embedded(snapshot->config))
        return embedded_create(loop, node);
    kubo = kubo_settings_of(snapshot);
    kubo.jobs = jobs;
    return kubo_create(loop, blocks, pipes, &kubo);
}

bool storage_is_same(const struct snapshot *a, const struct snapshot *b)
{
    struct kubo_settings x = kubo_settings_of(a), y = kubo_settings_of(b);
    const char *authorization = x.authorization != NULL ? x.authorization : "";

    if (is_embedded(a->config)) /* as long as the process lives */
        return true;
    return strcmp(x.address.text, y.address.text) == 0 &&
           strcmp(authorization, y.authorization != NULL ? y.authorization : "") == 0 &&
           x.max_idle == y.max_idle && x.connect_timeout_ms == y.connect_timeout_ms &&
           x.head_timeout_ms == y.head_timeout_ms && x.idle_timeout_ms == y.idle_timeout_ms;
}
