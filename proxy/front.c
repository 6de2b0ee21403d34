// SPDX-License-Identifier: Apache-2.0
#include "proxy/front.h"

#include "conf/memory.h"
#include "proxy/refusal.h"
#include "upstream/kubo.h"

#include <arpa/inet.h>
#include <stdlib.h>

/* What one worker serves requests with: a snapshot, and its own connections to the upstream. */
struct site {
    struct server_settings settings;
    struct snapshot *snapshot;
    struct kubo *kubo;
};

static bool is_loopback(const struct sockaddr *peer)
{
    struct address address;

    if (peer->sa_family == AF_INET)
        return ntohl(((const struct sockaddr_in *)(const void *)peer)->sin_addr.s_addr) >> 24 ==
               127;
    if (peer->sa_family == AF_UNIX)
        return true;
    address_from_sockaddr(&address, peer, sizeof(struct sockaddr_in6));
    return address_is_loopback(&address);
}

/* Until members and policy exist, these are all. */
static bool is_relayed(struct slice path)
{
    static const char *const paths[] = {"/api/v0/version", "/api/v0/id", "/api/v0/add",
                                        "/api/v0/cat"};

    for (size_t i = 0; i < ARRAY_SIZE(paths); i++)
        if (slice_is(path, paths[i]))
            return true;
    return false;
}

static void put_request_header(struct text *headers, const struct head *head, const char *name)
{
    const struct header *header = head_find(head, name);

    if (header == NULL)
        return;
    text_put_format(headers, "%s: ", name);
    text_put_slice(headers, header->value);
    text_put_text(headers, "\r\n");
}

static void relay(struct site *site, struct exchange *exchange, const struct head *head)
{
    const struct header *content_type = head_find(head, "content-type");
    struct text headers = {0};
    struct kubo_request request = {
        .target = head->target,
        .is_retryable = head->body == FRAMING_NONE,
    };

    if (content_type != NULL)
        request.content_type = content_type->value;
    put_request_header(&headers, head, "content-disposition");
    put_request_header(&headers, head, "origin");
    put_request_header(&headers, head, "referer");
    request.headers = text_slice(&headers);
    kubo_relay(site->kubo, exchange, &request);
    text_dispose(&headers);
}

static void on_request(struct exchange *exchange, void *app)
{
    const struct head *head = exchange_request(exchange);
    const char *query = memchr(head->target.data, '?', head->target.size);
    struct slice path = {head->target.data,
                         query == NULL ? head->target.size : (size_t)(query - head->target.data)};

    if (!is_loopback(exchange_peer(exchange)))
        exchange_refuse(exchange, 403, CLOSE_REFUSED,
                        "this gateway serves clients on its own machine only");
    else if (!is_relayed(path))
        exchange_refuse(exchange, 404, CLOSE_REFUSED, "not built");
    else if (!slice_is(head->method, "POST"))
        exchange_refuse(exchange, 405, CLOSE_REFUSED,
                        "the RPC API is called with POST, not with this method");
    else
        relay(app, exchange, head);
}

static const struct http_handler handler = {
    .on_request = on_request,
    .put_error = refusal_put_error,
};

static void dispose(struct server_settings *settings)
{
    struct site *site = CONTAINER_OF(settings, struct site, settings);

    kubo_destroy(&site->kubo);
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

struct server_settings *front_make_settings(struct server *server, const void *snapshot_)
{
    struct snapshot *snapshot = snapshot_ref((struct snapshot *)snapshot_);
    struct kubo_settings kubo = kubo_settings_of(snapshot);
    struct site *site = memory_alloc(sizeof(*site));

    site->snapshot = snapshot;
    site->kubo = kubo_create(server->loop, server->blocks, &kubo);
    site->settings = (struct server_settings){
        .references = 1,
        .limits = limits_of(&snapshot->config->limits),
        .handler = &handler,
        .app = site,
        .tls = snapshot->tls,
        .dispose = dispose,
    };
    if (snapshot->tls != NULL)
        SSL_CTX_up_ref(snapshot->tls);
    return &site->settings;
}
