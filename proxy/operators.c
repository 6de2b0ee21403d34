// SPDX-License-Identifier: Apache-2.0
#include "proxy/operators.h"

#include "conf/memory.h"
#include "proxy/gateway.h"
#include "proxy/operator_storage.h"
#include "proxy/refusal.h"

#include <stdlib.h>

enum { PROBE_TIMEOUT_MS = 2000 };

struct desk {
    struct server_settings settings;
    struct snapshot *snapshot;
    struct pool *upstream; /* to see whether it can be reached */
    const struct operators_context *context;
};

static void answer_text(struct exchange *exchange, int status, const char *content_type,
                        struct slice body)
{
    struct answer answer = {
        .status = status, .content_type = content_type, .body = body, .reason = CLOSE_DONE};

    exchange_answer(exchange, &answer);
}

/* ---- readiness: a probe is a connection that is made and closed */

struct probe {
    struct dial dial;
    struct exchange *exchange;
};

static void on_probed(struct dial *dial, struct pooled *pooled, const struct error *err)
{
    struct probe *probe = CONTAINER_OF(dial, struct probe, dial);
    struct exchange *exchange = probe->exchange;

    *exchange_context(exchange) = NULL;
    free(probe);
    if (pooled != NULL) {
        pool_give(pooled, false);
        answer_text(exchange, 200, "text/plain", SLICE("ready\n"));
        return;
    }
    exchange_refuse(exchange, 503, CLOSE_DONE, "not ready: %s", err->text);
}

static void answer_readiness(struct desk *desk, struct exchange *exchange)
{
    struct probe *probe;
    struct error err = {0};

    if (*desk->context->is_draining) {
        exchange_refuse(exchange, 503, CLOSE_DONE, "not ready: the gateway is shutting down");
        return;
    }
    if (!audit_is_healthy(desk->context->context->audit, &err)) {
        exchange_refuse(exchange, 503, CLOSE_DONE, "not ready: %s", err.text);
        return;
    }
    if (desk->upstream == NULL) {
        answer_text(exchange, 200, "text/plain", SLICE("ready\n"));
        return;
    }
    probe = memory_alloc(sizeof(*probe));
    probe->exchange = exchange;
    if (pool_dial_start(desk->upstream, &probe->dial, on_probed, &err)) {
        *exchange_context(exchange) = probe;
        return;
    }
    free(probe);
    exchange_refuse(exchange, 503, CLOSE_DONE, "not ready: %s", err.text);
}

static void on_end(struct exchange *exchange, void *app)
{
    struct probe *probe = *exchange_context(exchange);

    if (probe == NULL)
        return;
    pool_dial_cancel(&probe->dial);
    free(probe);
    *exchange_context(exchange) = NULL;
}

/* ---- metrics */

/* The same counter of every worker, added up. offset is within struct server_counters. */
static uint64_t sum(const struct operators_context *context, size_t offset)
{
    uint64_t total = 0;

    for (size_t i = 0; i < context->worker_count; i++) {
        const char *counters = (const char *)worker_counters(context->workers[i].worker);

        total += server_counter((const uint64_t *)(const void *)(counters + offset));
    }
    return total;
}

#define SUM(context, member) sum((context), offsetof(struct server_counters, member))

static void put_metric(struct text *out, const char *name, const char *type, const char *help,
                       uint64_t value)
{
    text_put_format(out, "# HELP %s %s\n# TYPE %s %s\n%s %llu\n", name, help, name, type, name,
                    (unsigned long long)value);
}

static void put_statuses(struct text *out, const struct operators_context *context)
{
    static const char *const classes[] = {"none", "1xx", "2xx", "3xx", "4xx", "5xx"};

    text_put_text(out, "# HELP causeway_replies_total Replies by class of status; none: the client "
                       "left before one began.\n# TYPE causeway_replies_total counter\n");
    for (size_t i = 0; i < ARRAY_SIZE(classes); i++)
        text_put_format(
            out, "causeway_replies_total{status=\"%s\"} %llu\n", classes[i],
            (unsigned long long)sum(context, offsetof(struct server_counters, statuses) +
                                                 i * sizeof(uint64_t)));
}

static void put_closes(struct text *out, const struct operators_context *context)
{
    text_put_text(out, "# HELP causeway_exchanges_total Exchanges by how they ended.\n"
                       "# TYPE causeway_exchanges_total counter\n");
    for (size_t i = 0; i < CLOSE_REASON_COUNT; i++)
        text_put_format(out, "causeway_exchanges_total{close=\"%s\"} %llu\n",
                        close_reason_text((enum close_reason)i),
                        (unsigned long long)sum(context, offsetof(struct server_counters, closes) +
                                                             i * sizeof(uint64_t)));
}

static void put_durations(struct text *out, const struct operators_context *context)
{
    uint64_t count = 0;

    text_put_text(out, "# HELP causeway_request_duration_seconds From a request's head to its "
                       "reply's end.\n# TYPE causeway_request_duration_seconds histogram\n");
    for (size_t i = 0; i <= DURATION_BUCKETS; i++) {
        count += sum(context, offsetof(struct server_counters, durations) + i * sizeof(uint64_t));
        if (i < DURATION_BUCKETS)
            text_put_format(out, "causeway_request_duration_seconds_bucket{le=\"%g\"} %llu\n",
                            (double)server_duration_bounds_us[i] / 1e6, (unsigned long long)count);
    }
    text_put_format(out,
                    "causeway_request_duration_seconds_bucket{le=\"+Inf\"} %llu\n"
                    "causeway_request_duration_seconds_sum %g\n"
                    "causeway_request_duration_seconds_count %llu\n",
                    (unsigned long long)count, (double)SUM(context, duration_us_sum) / 1e6,
                    (unsigned long long)count);
}

static void put_connections(struct text *out, const struct operators_context *context)
{
    uint64_t closed = SUM(context, connections_closed); /* first: open is never below zero */
    uint64_t accepted = SUM(context, connections_accepted);

    put_metric(out, "causeway_connections_accepted_total", "counter", "Client connections.",
               accepted);
    put_metric(out, "causeway_connections_open", "gauge", "Client connections open now.",
               accepted - closed);
    put_metric(out, "causeway_accepts_paused_total", "counter",
               "Times that accepting paused: out of descriptors, or at limits.connections.",
               SUM(context, accepts_paused));
    put_metric(out, "causeway_tls_handshakes_failed_total", "counter",
               "TLS handshakes that failed.", SUM(context, handshakes_failed));
}

static void put_traffic(struct text *out, const struct operators_context *context)
{
    put_metric(out, "causeway_requests_total", "counter", "Requests whose head was read.",
               SUM(context, requests));
    put_metric(out, "causeway_bad_requests_total", "counter", "Requests that were no HTTP/1.1.",
               SUM(context, bad_requests));
    put_metric(out, "causeway_request_body_bytes_total", "counter", "Content of request bodies.",
               SUM(context, bytes_in));
    put_metric(out, "causeway_reply_bytes_total", "counter", "Bytes of replies, heads included.",
               SUM(context, bytes_out));
    put_metric(out, "causeway_upstream_dials_total", "counter", "New connections to the upstream.",
               SUM(context, upstream_dials));
    put_metric(out, "causeway_upstream_reuses_total", "counter",
               "Requests sent on a kept connection.", SUM(context, upstream_reuses));
    put_metric(out, "causeway_upstream_retries_total", "counter",
               "Reads sent again because a kept connection had closed.",
               SUM(context, upstream_retries));
    put_metric(out, "causeway_block_bytes", "gauge", "Memory in blocks for bytes on their way.",
               SUM(context, block_bytes));
}

static void put_shared(struct text *out, const struct context *context)
{
    struct audit_counters audit = audit_counters(context->audit);
    struct store_counters ledger = store_counters(context->store);

    put_metric(out, "causeway_audit_records_total", "counter", "Lines of the audit log.",
               audit.records);
    put_metric(out, "causeway_audit_records_lost_total", "counter",
               "Records that found no room, or could not be written.", audit.lost);
    put_metric(out, "causeway_audit_healthy", "gauge",
               "1 unless the audit log cannot be written or made durable.",
               audit_is_healthy(context->audit, NULL) ? 1 : 0);
    put_metric(out, "causeway_ledger_transactions_total", "counter", "Transactions of the ledger.",
               ledger.transactions);
    put_metric(out, "causeway_ledger_failures_total", "counter", "Of these, with an error.",
               ledger.failures);
    put_metric(out, "causeway_ledger_commits_total", "counter", "Groups that were made durable.",
               ledger.groups);
    put_metric(out, "causeway_ledger_waiting", "gauge", "Transactions that wait now.",
               ledger.waiting);
    put_metric(out, "causeway_tokens", "gauge", "Tokens, revoked and expired ones too.",
               directory_counters(context->directory).tokens);
}

static void answer_metrics(const struct operators_context *context, struct exchange *exchange)
{
    struct text out = {0};

    text_put_format(&out,
                    "# HELP causeway_build_info The version that runs.\n"
                    "# TYPE causeway_build_info gauge\ncauseway_build_info{version=\"%s\"} 1\n",
                    CAUSEWAY_VERSION);
    put_connections(&out, context);
    put_traffic(&out, context);
    put_statuses(&out, context);
    put_closes(&out, context);
    put_durations(&out, context);
    put_metric(&out, "causeway_log_lines_dropped_total", "counter",
               "Log lines lost because their reader was too slow.", log_dropped(context->log));
    put_shared(&out, context->context);
    storage_put_metrics(&out, context->gateway);
    partners_put_metrics(context->gateway, &out);
    put_metric(&out, "causeway_config_reloads_total", "counter", "Reloads that were asked for.",
               context->reloads);
    put_metric(&out, "causeway_config_reload_failures_total", "counter", "Reloads that failed.",
               context->failed_reloads);
    put_metric(&out, "causeway_config_last_reload_successful", "gauge",
               "1 unless the last reload failed.", context->last_reload_failed ? 0 : 1);
    answer_text(exchange, 200, "text/plain; version=0.0.4; charset=utf-8", text_slice(&out));
    text_dispose(&out);
}

/* ---- requests */

/* A page in an operator's browser must not reach this port under a name of its own (DNS rebinding).
 */
static bool is_own_host(struct slice host)
{
    static const char *const names[] = {"localhost", "127.0.0.1", "[::1]"};

    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (slice_starts(host, names[i]) &&
            (host.size == strlen(names[i]) || host.data[strlen(names[i])] == ':'))
            return true;
    return false;
}

static void on_request(struct exchange *exchange, void *app)
{
    const struct head *head = exchange_request(exchange);
    struct desk *desk = app;

    if (!is_own_host(head->host))
        exchange_refuse(exchange, 403, CLOSE_REFUSED,
                        "this port answers to localhost, 127.0.0.1 and [::1] only");
    else if (!slice_is(head->method, "GET") && !slice_is(head->method, "HEAD"))
        exchange_refuse(exchange, 405, CLOSE_REFUSED, "this port answers GET and HEAD");
    else if (slice_is(head->target, "/healthz"))
        answer_text(exchange, 200, "text/plain", SLICE("ok\n"));
    else if (slice_is(head->target, "/readyz"))
        answer_readiness(desk, exchange);
    else if (slice_is(head->target, "/metrics"))
        answer_metrics(desk->context, exchange);
    else
        exchange_refuse(exchange, 404, CLOSE_REFUSED,
                        "there are /healthz, /readyz and /metrics here");
}

static const struct http_handler handler = {
    .on_request = on_request,
    .on_end = on_end,
    .put_error = refusal_put_error,
};

static void dispose(struct server_settings *settings)
{
    struct desk *desk = CONTAINER_OF(settings, struct desk, settings);

    pool_destroy(&desk->upstream);
    snapshot_unref(&desk->snapshot);
    free(desk);
}

struct server_settings *operators_make_settings(struct server *server, struct snapshot *snapshot,
                                                const struct operators_context *context)
{
    struct desk *desk = memory_alloc(sizeof(*desk));
    struct pool_settings pool = {
        .address = snapshot->upstream,
        .connect_timeout_ms = PROBE_TIMEOUT_MS,
        .idle_timeout_ms = PROBE_TIMEOUT_MS,
    };

    desk->snapshot = snapshot_ref(snapshot);
    if (context->context->node == NULL) /* else the storage is as ready as this process */
        desk->upstream = pool_create(server->loop, server->blocks, &pool);
    desk->context = context;
    desk->settings = (struct server_settings){
        .references = 1,
        .limits = {.head_size = 8192,
                   .head_timeout_ms = 10000,
                   .idle_timeout_ms = 30000,
                   .body_idle_timeout_ms = 10000,
                   .framing = {.trailer_size = 1024, .extension_size = 256}},
        .handler = &handler,
        .app = desk,
        .dispose = dispose,
    };
    return &desk->settings;
}
