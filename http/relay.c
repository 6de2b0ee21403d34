// SPDX-License-Identifier: Apache-2.0
/* The relaying part of an exchange: finding a connection, the request's half, the reply's head. */
#include "http/exchange_private.h"

#include <assert.h>
#include <stdio.h>

/* Requests that must not be sent twice go only where the upstream cannot have closed yet. */
enum { FRESH_IDLE_MS = 1000 };

static void start_upstream(struct exchange *exchange, bool fresh);

/* ---- failures before the reply */

/* A reused connection broke before a byte of the reply: once more, if that does no harm. */
static bool retry(struct exchange *exchange)
{
    bool has_whole_request = exchange->relay.has_body || exchange->head.body == FRAMING_NONE;

    if (!exchange->relay.is_retryable || !has_whole_request || exchange->is_retried ||
        exchange->upstream_spoke || !exchange->upstream->is_reused)
        return false;
    exchange->is_retried = true;
    exchange->request_aborted = exchange->reply.distrusts_end = false;
    half_forget_output(&exchange->request); /* what the first connection did not take */
    server_count(&exchange->server->counters.upstream_retries, 1);
    relay_release(exchange, false);
    exchange_set_state(exchange, EXCHANGE_CONNECTING);
    start_upstream(exchange, true);
    return true;
}

static void upstream_closed_early(struct exchange *exchange)
{
    const char *address = pool_address(exchange->relay.pool);

    if (retry(exchange))
        return;
    if (exchange->upstream->is_reused)
        exchange_refuse(exchange, 502, CLOSE_NOT_RETRIED,
                        "the storage behind this gateway (%s) closed the connection before it "
                        "answered; the request was not retried, because it may have had an effect",
                        address);
    else
        exchange_refuse(exchange, 502, CLOSE_UPSTREAM_CLOSED,
                        "the storage behind this gateway (%s) closed the connection before it "
                        "answered; the request was not retried",
                        address);
}

static void restart_silence(struct exchange *exchange)
{
    uint64_t limit_ms =
        exchange->has_reply ? exchange->relay.idle_timeout_ms : exchange->relay.head_timeout_ms;

    if (limit_ms > 0)
        timer_arm(exchange->server->loop, &exchange->timer, limit_ms);
    else
        timer_disarm(&exchange->timer);
}

static void on_silence(struct timer *timer)
{
    struct exchange *exchange = CONTAINER_OF(timer, struct exchange, timer);
    bool waits_for_client =
        (!exchange->request.decoder.is_done && exchange->request.last == HALF_WAITS_READ &&
         !exchange->request_aborted) ||
        exchange->reply.last == HALF_WAITS_WRITE;

    if (waits_for_client) { /* pace.c watches the client */
        restart_silence(exchange);
        return;
    }
    if (exchange->reply_begun) {
        half_break_off(&exchange->reply, exchange->relay.break_line);
        exchange_finish(exchange, CLOSE_UPSTREAM_SILENT, SESSION_TRUNCATE);
    } else {
        exchange_refuse(exchange, 504, CLOSE_UPSTREAM_SILENT,
                        "the storage behind this gateway (%s) did not %s within %llu s",
                        pool_address(exchange->relay.pool),
                        exchange->has_reply ? "go on with its reply" : "answer",
                        (unsigned long long)(exchange->has_reply
                                                 ? exchange->relay.idle_timeout_ms
                                                 : exchange->relay.head_timeout_ms) /
                            1000);
    }
}

/* ---- the reply's head */

static void put_passed_headers(struct exchange *exchange, const struct head *reply)
{
    struct text *head = &exchange->reply_head;

    for (size_t i = 0; i < reply->header_count; i++) {
        const struct header *header = &reply->headers[i];

        if (!exchange->relay.passes_header(header->name))
            continue;
        text_put_slice(head, header->name);
        text_put(head, ": ", 2);
        text_put_slice(head, header->value);
        text_put(head, "\r\n", 2);
    }
}

/* How the client gets the body, and the header that says so. */
static enum body_framing put_reply_framing(struct exchange *exchange, const struct head *reply)
{
    struct text *head = &exchange->reply_head;
    bool has_length = head_find(reply, "content-length") != NULL;
    bool is_bodiless = reply->status == 204 || reply->status == 304;

    switch (reply->body) {
    case FRAMING_NONE:
        if (exchange->relay.holds_end && !is_bodiless && !exchange->is_head_request)
            break; /* there may come a tail */
        if (!is_bodiless && (has_length || !exchange->is_head_request))
            exchange_put_length(head, reply->content_length);
        return FRAMING_NONE;
    case FRAMING_LENGTH:
        if (exchange->relay.rewrite != NULL || exchange->relay.holds_end)
            break; /* how long it will be is not known */
        exchange_put_length(head, reply->content_length);
        return FRAMING_LENGTH;
    case FRAMING_CHUNKED:
    case FRAMING_UNTIL_CLOSE:
        break;
    }
    if (exchange->head.minor > 0) {
        text_put_slice(head, SLICE("Transfer-Encoding: chunked\r\n"));
        return FRAMING_CHUNKED;
    }
    exchange->keeps_client = false; /* HTTP/1.0 knows no chunks: the end is the end */
    return FRAMING_UNTIL_CLOSE;
}

/* An upstream that closes behind a reply that came before the request's end may have given the
 * request up: how much of it is still to come, and whether anybody will read it, is not known. */
static bool client_may_go_on(const struct exchange *exchange, const struct head *reply)
{
    return exchange_client_may_go_on(exchange) &&
           (reply->keeps_alive || exchange->request.decoder.is_done);
}

static void begin_reply(struct exchange *exchange, const struct head *reply)
{
    struct connection *upstream = &exchange->upstream->connection;
    enum body_framing encoding;

    if (exchange->relay.on_reply != NULL)
        exchange->relay.on_reply(exchange, reply, &exchange->relay);
    if (exchange->relay.on_failure != NULL && reply->status >= 400 &&
        exchange->request.decoder.is_done)
        failure_keep(exchange);
    exchange->keeps_client = client_may_go_on(exchange, reply);
    exchange->upstream_keeps = reply->keeps_alive;
    exchange_put_status(exchange, reply->status);
    put_passed_headers(exchange, reply);
    encoding = put_reply_framing(exchange, reply);
    exchange_put_connection(exchange);
    text_put_slice(&exchange->reply_head, SLICE("\r\n"));
    exchange->has_reply = exchange->reply_begun = true;
    exchange->reply.from = upstream;
    exchange->reply.rewrite = exchange->relay.rewrite;
    exchange->reply.rewrite_arg = exchange->relay.rewrite_arg;
    decoder_init(&exchange->reply.decoder, reply->body, reply->content_length,
                 &exchange->settings->limits.framing);
    exchange->reply.decoder.passes_trailer = exchange->relay.passes_header;
    connection_consume(upstream, reply->size);
    half_begin(&exchange->reply, text_slice(&exchange->reply_head), encoding);
    if (exchange->relay.holds_end)
        hold_prepare(exchange);
    if (exchange->reply_begun)
        timer_disarm(&exchange->finish_timer);
    restart_silence(exchange);
    exchange_run_reply(exchange);
}

/* 1xx: 100 was ours to say; 101 would open a tunnel past every rule. Others say nothing that a
 * client of this gateway could use, and are dropped. false: the upstream is broken. */
static bool skip_interim(struct exchange *exchange, const struct head *reply)
{
    if (reply->status == 101)
        return false;
    connection_consume(&exchange->upstream->connection, reply->size);
    return true;
}

void relay_refuse_broken(struct exchange *exchange, const char *fault)
{
    exchange_refuse(exchange, 502, CLOSE_UPSTREAM_BROKEN,
                    "the storage behind this gateway (%s) sent a malformed reply: %s",
                    pool_address(exchange->relay.pool), fault);
}

static void take_reply(struct exchange *exchange, const struct head *reply)
{
    const char *fault = exchange->relay.status_fault(reply->status);

    if (fault == NULL)
        begin_reply(exchange, reply);
    else
        exchange_refuse(exchange, 502, CLOSE_UPSTREAM_REFUSED,
                        "the storage behind this gateway (%s) answered %d: %s",
                        pool_address(exchange->relay.pool), reply->status, fault);
}

/* Looks for the reply's head in what was read. */
static void parse_reply(struct exchange *exchange)
{
    struct connection *upstream = &exchange->upstream->connection;
    size_t limit = exchange->settings->limits.head_size;
    struct head_fault fault;
    struct head reply;

    while (buffer_size(&upstream->in) > 0) {
        switch (head_parse_reply(&reply, upstream->in.data + upstream->in.start,
                                 buffer_size(&upstream->in), exchange->reply_seen,
                                 exchange->is_head_request, &fault)) {
        case HEAD_BAD:
            relay_refuse_broken(exchange, fault.text);
            return;
        case HEAD_MORE:
            exchange->reply_seen = buffer_size(&upstream->in);
            if (exchange->reply_seen >= limit) {
                relay_refuse_broken(exchange, "its head is too large");
                return;
            }
            connection_make_room(upstream);
            io_watch_read(&upstream->io);
            return;
        case HEAD_DONE:
            if (reply.size > limit) {
                relay_refuse_broken(exchange, "its head is too large");
                return;
            }
            exchange->reply_seen = 0;
            if (reply.status >= 200) {
                take_reply(exchange, &reply);
                return;
            }
            if (!skip_interim(exchange, &reply)) {
                relay_refuse_broken(exchange, "101 Switching Protocols, which nobody asked for");
                return;
            }
        }
    }
    io_watch_read(&upstream->io);
}

static void on_upstream_readable(struct io *io)
{
    struct pooled *upstream = CONTAINER_OF(io, struct pooled, connection.io);
    struct exchange *exchange = upstream->borrower;
    ssize_t got;

    if (exchange->has_reply) {
        restart_silence(exchange);
        exchange_run_reply(exchange);
        return;
    }
    got = connection_read(&upstream->connection);
    if (got > 0) {
        exchange->upstream_spoke = true;
        parse_reply(exchange);
    } else if (got != IO_AGAIN) {
        upstream_closed_early(exchange);
    }
}

/* ---- the request */

static void run_request(struct exchange *exchange)
{
    struct io *client = &exchange->session->connection.io;

    restart_silence(exchange);
    switch (half_run(&exchange->request)) {
    case HALF_WAITS_READ:
    case HALF_WAITS_WRITE:
    case HALF_HELD: /* that is for replies */
        return;
    case HALF_REFUSED:
        exchange_refuse_as_told(exchange, exchange->request.refusal);
        return;
    case HALF_DONE:
        exchange_watch_client(exchange);
        return;
    case HALF_SOURCE_ENDED:
    case HALF_SOURCE_FAILED:
        exchange_finish(exchange, CLOSE_CLIENT_GONE, SESSION_CLOSE);
        return;
    case HALF_SOURCE_BROKE_FRAMING:
        if (exchange->reply_begun)
            exchange_finish(exchange, CLOSE_BAD_REQUEST, SESSION_TRUNCATE);
        else
            exchange_refuse(exchange, 400, CLOSE_BAD_REQUEST, "the body is malformed: %s",
                            exchange->request.decoder.fault);
        return;
    case HALF_DESTINATION_FAILED: /* its reply may stand in our receive queue, and say why */
        exchange->request_aborted = true;
        exchange->reply.distrusts_end = true; /* the failure was a reset, and is told only once */
        io_unwatch_read(client);
        return;
    }
}

static void on_upstream_writable(struct io *io)
{
    struct pooled *upstream = CONTAINER_OF(io, struct pooled, connection.io);
    struct exchange *exchange = upstream->borrower;

    if (!exchange->request_aborted && exchange->request.last == HALF_WAITS_WRITE)
        run_request(exchange);
}

void relay_on_client_readable(struct exchange *exchange)
{
    if (exchange->state == EXCHANGE_RELAYING)
        run_request(exchange);
    else
        io_unwatch_read(&exchange->session->connection.io);
}

/* ---- connecting */

static void attach(struct exchange *exchange, struct pooled *upstream)
{
    const struct relay *relay = &exchange->relay;
    struct half *request = &exchange->request;
    struct slice head = text_slice(&exchange->upstream_head);

    exchange->upstream = upstream;
    upstream->borrower = exchange;
    upstream->connection.io.on_readable = on_upstream_readable;
    upstream->connection.io.on_writable = on_upstream_writable;
    exchange_set_state(exchange, EXCHANGE_RELAYING);
    request->to = &upstream->connection;
    request->view = relay->view;
    if (relay->has_body)
        half_begin_local(request, head, relay->body);
    else
        half_begin(request, head, request->decoder.kind);
    io_watch_read(&upstream->connection.io);
    run_request(exchange);
}

static void on_dialled(struct dial *dial, struct pooled *pooled, const struct error *err)
{
    struct exchange *exchange = CONTAINER_OF(dial, struct exchange, dial);

    if (pooled != NULL)
        attach(exchange, pooled);
    else
        exchange_refuse(exchange, err->code == ERROR_TIMEOUT ? 504 : 502,
                        CLOSE_UPSTREAM_UNREACHABLE,
                        "the storage behind this gateway cannot be reached: %s", err->text);
}

static void start_upstream(struct exchange *exchange, bool fresh)
{
    struct pool *pool = exchange->relay.pool;
    struct error err = {0};
    struct pooled *idle =
        fresh ? NULL : pool_take(pool, exchange->relay.is_retryable ? UINT64_MAX : FRESH_IDLE_MS);

    if (idle != NULL) {
        server_count(&exchange->server->counters.upstream_reuses, 1);
        attach(exchange, idle);
        return;
    }
    server_count(&exchange->server->counters.upstream_dials, 1);
    if (!pool_dial_start(pool, &exchange->dial, on_dialled, &err)) {
        exchange_refuse(exchange, 502, CLOSE_UPSTREAM_UNREACHABLE,
                        "the storage behind this gateway cannot be reached: %s", err.text);
        return;
    }
    if (exchange->request.decoder.is_done) /* else its bytes wait where they are */
        exchange_watch_client(exchange);
}

static void put_request_framing(struct exchange *exchange)
{
    struct text *head = &exchange->upstream_head;
    const struct relay *relay = &exchange->relay;

    if (relay->has_body)
        exchange_put_length(head, relay->body.size);
    else if (exchange->head.body == FRAMING_CHUNKED)
        text_put_slice(head, SLICE("Transfer-Encoding: chunked\r\n"));
    else if (exchange->head.body == FRAMING_LENGTH)
        exchange_put_length(head, exchange->head.content_length);
    else if (!exchange->is_head_request && strcmp(exchange->method, "GET") != 0)
        text_put_slice(head, SLICE("Content-Length: 0\r\n"));
    text_put_slice(head, SLICE("\r\n"));
}

void exchange_relay(struct exchange *exchange, const struct relay *relay)
{
    /* else what the client has not sent yet would be taken for its next request */
    assert(!relay->has_body || exchange->request.decoder.is_done);
    /* else a body would be left on the upstream's connection, or waited for */
    assert(slice_starts(text_slice(&exchange->upstream_head), "HEAD ") ==
           exchange->is_head_request);
    exchange->relay = *relay;
    exchange->times.upstream_begun = clock_us();
    exchange->timer.fire = on_silence;
    put_request_framing(exchange);
    exchange_take_head(exchange);
    exchange_set_state(exchange, EXCHANGE_CONNECTING);
    exchange_send_continue(exchange);
    start_upstream(exchange, false);
}

void relay_release(struct exchange *exchange, bool keep)
{
    struct pooled *upstream = exchange->upstream;

    pool_dial_cancel(&exchange->dial);
    if (upstream == NULL)
        return;
    exchange->upstream = NULL;
    exchange->reply.from = NULL;
    exchange->request.to = NULL;
    pool_give(upstream, keep);
}
