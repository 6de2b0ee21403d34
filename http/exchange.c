// SPDX-License-Identifier: Apache-2.0
#include "http/exchange.h"

#include "http/exchange_private.h"

#include <assert.h>
#include <stdlib.h>
#include <sys/socket.h>

/* A half-closed client gets a reply that begins within this time. */
enum { FINISHED_CLIENT_WAIT_MS = 1000 };

#define TO(state) (1U << (state))

static const unsigned int successors[] = {
    [EXCHANGE_DECIDING] = TO(EXCHANGE_COLLECTING) | TO(EXCHANGE_CONSUMING) |
                          TO(EXCHANGE_CONNECTING) | TO(EXCHANGE_RELAYING) | TO(EXCHANGE_ANSWERING) |
                          TO(EXCHANGE_PRODUCING) | TO(EXCHANGE_ENDED),
    [EXCHANGE_COLLECTING] = TO(EXCHANGE_DECIDING) | TO(EXCHANGE_ANSWERING) | TO(EXCHANGE_ENDED),
    [EXCHANGE_CONSUMING] = TO(EXCHANGE_CONNECTING) | TO(EXCHANGE_ANSWERING) |
                           TO(EXCHANGE_PRODUCING) | TO(EXCHANGE_ENDED),
    [EXCHANGE_CONNECTING] = TO(EXCHANGE_RELAYING) | TO(EXCHANGE_ANSWERING) | TO(EXCHANGE_ENDED),
    [EXCHANGE_RELAYING] = TO(EXCHANGE_CONNECTING) /* the one retry */ | TO(EXCHANGE_ANSWERING) |
                          TO(EXCHANGE_HOLDING) | TO(EXCHANGE_SKIPPING) | TO(EXCHANGE_ENDED),
    [EXCHANGE_HOLDING] = TO(EXCHANGE_DECIDING) /* a failure that is not passed */ |
                         TO(EXCHANGE_ANSWERING) | TO(EXCHANGE_SKIPPING) | TO(EXCHANGE_ENDED),
    [EXCHANGE_ANSWERING] = TO(EXCHANGE_ENDED),
    [EXCHANGE_PRODUCING] =
        TO(EXCHANGE_ANSWERING) | TO(EXCHANGE_HOLDING) | TO(EXCHANGE_SKIPPING) | TO(EXCHANGE_ENDED),
    [EXCHANGE_SKIPPING] = TO(EXCHANGE_ENDED),
    [EXCHANGE_ENDED] = 0,
};

void exchange_set_state(struct exchange *exchange, enum exchange_state state)
{
    assert((successors[exchange->state] & TO(state)) != 0);
    exchange->state = state;
}

const char *close_reason_text(enum close_reason reason)
{
    static const char *const texts[] = {
#define CLOSE_REASON(id, text, is_error) text,
#include "http/close_reasons.def"
#undef CLOSE_REASON
    };

    return texts[reason];
}

/* ---- what a handler may ask */

const struct head *exchange_request(const struct exchange *exchange)
{
    return &exchange->head;
}

const struct sockaddr *exchange_peer(const struct exchange *exchange)
{
    return &exchange->session->peer.any;
}

const char *exchange_id(const struct exchange *exchange)
{
    return exchange->id;
}

bool exchange_is_tls(const struct exchange *exchange)
{
    return exchange->session->connection.io.ssl != NULL;
}

bool exchange_is_open(const struct exchange *exchange)
{
    return exchange->state == EXCHANGE_DECIDING || exchange->state == EXCHANGE_CONSUMING ||
           exchange->state == EXCHANGE_PRODUCING;
}

X509 *exchange_peer_certificate(const struct exchange *exchange)
{
    SSL *ssl = exchange->session->connection.io.ssl;

    return ssl == NULL ? NULL : SSL_get0_peer_certificate(ssl);
}

STACK_OF(X509) * exchange_peer_chain(const struct exchange *exchange)
{
    SSL *ssl = exchange->session->connection.io.ssl;

    return ssl == NULL ? NULL : SSL_get_peer_cert_chain(ssl);
}

void exchange_export_key(const struct exchange *exchange, const char *label,
                         uint8_t out[TLS_EXPORT_SIZE])
{
    tls_export_key(exchange->session->connection.io.ssl, label, out);
}

bool exchange_offer_ticket(const struct exchange *exchange, struct slice blob, uint32_t lifetime_s)
{
    SSL *ssl = exchange->session->connection.io.ssl;

    return ssl != NULL && tls_offer_ticket(ssl, blob, lifetime_s);
}

struct slice exchange_ticket_blob(const struct exchange *exchange)
{
    SSL *ssl = exchange->session->connection.io.ssl;

    return ssl == NULL ? (struct slice){0} : tls_ticket_blob(ssl);
}

void exchange_vouch(struct exchange *exchange)
{
    server_forget_stranger(exchange->server, exchange->session);
}

void exchange_end_connection(struct exchange *exchange)
{
    exchange->head.keeps_alive = false;
}

bool exchange_peer_user(const struct exchange *exchange, uid_t *user)
{
    struct ucred credentials;
    socklen_t size = sizeof(credentials);

    if (exchange->session->peer.any.sa_family != AF_UNIX ||
        getsockopt(exchange->session->connection.io.fd, SOL_SOCKET, SO_PEERCRED, &credentials,
                   &size) != 0)
        return false;
    *user = credentials.uid;
    return true;
}

void **exchange_context(struct exchange *exchange)
{
    return &exchange->context;
}

void exchange_set_name(struct exchange *exchange, const char *name)
{
    exchange->name = name;
}

void **exchange_session_context(const struct exchange *exchange)
{
    return &exchange->session->context;
}

struct text *exchange_upstream_head(struct exchange *exchange)
{
    return &exchange->upstream_head;
}

struct text *exchange_upstream_body(struct exchange *exchange)
{
    return &exchange->upstream_body;
}

struct slice exchange_upstream_trailers(const struct exchange *exchange)
{
    return text_slice(&exchange->reply.decoder.trailers);
}

struct text *exchange_reply_headers(struct exchange *exchange)
{
    return &exchange->reply_headers;
}

void exchange_watch_end(struct exchange *exchange, struct exchange_watch *watch)
{
    exchange->watch = watch;
}

void exchange_set_meters(struct exchange *exchange, struct meter *request, struct meter *reply)
{
    exchange->request.meter = request;
    exchange->reply.meter = reply;
}

/* ---- beginning and end */

static void on_finished_client(struct timer *timer)
{
    struct exchange *exchange = CONTAINER_OF(timer, struct exchange, finish_timer);

    if (exchange->reply_begun && !exchange->relay.ends_with_client)
        return;
    if ((exchange->state == EXCHANGE_RELAYING || exchange->on_content != NULL) &&
        !exchange->request.decoder.is_done)
        exchange_client_finished(exchange); /* who takes its body holds up the rest of it */
    else
        exchange_finish(exchange, CLOSE_CLIENT_GONE, SESSION_CLOSE);
}

void exchange_client_finished(struct exchange *exchange)
{
    bool waits = !exchange->reply_begun || exchange->relay.ends_with_client;

    if (!exchange->is_finish_seen)
        io_probe_peer(&exchange->session->connection.io);
    exchange->is_finish_seen = true;
    if (waits && !timer_is_armed(&exchange->finish_timer))
        timer_arm(exchange->server->loop, &exchange->finish_timer, FINISHED_CLIENT_WAIT_MS);
}

static void put_id(struct exchange *exchange)
{
    static const char digits[] = "0123456789abcdef";
    struct server *server = exchange->server;
    uint64_t number = server->next_id++;
    char *end = exchange->id + 20;

    memcpy(exchange->id, server->id_prefix, 10);
    *end = '\0';
    for (int i = 0; i < 10; i++, number >>= 4)
        *--end = digits[number & 15];
}

void exchange_init(struct exchange *exchange, struct session *session)
{
    struct server *server = session->server;

    exchange->session = session;
    exchange->server = server;
    exchange->settings = server->settings;
    exchange->settings->references++;
    exchange->state = EXCHANGE_DECIDING;
    exchange->head_taken = exchange->is_head_request = exchange->reply_begun = false;
    exchange->has_reply = exchange->has_lines = false;
    exchange->keeps_client = exchange->is_finish_seen = exchange->request_aborted = false;
    exchange->is_released = exchange->is_retried = exchange->upstream_spoke =
        exchange->upstream_keeps = false;
    exchange->reason = CLOSE_DONE;
    exchange->status = 0;
    exchange->relay = (struct relay){0};
    exchange->upstream = NULL;
    exchange->dial.pooled = NULL;
    exchange->timer = (struct timer){0};
    exchange->finish_timer = (struct timer){.fire = on_finished_client};
    exchange->on_content = NULL;
    exchange->context = NULL;
    exchange->name = EXCHANGE_UNNAMED;
    exchange->method = "";
    exchange->client_id[0] = '\0';
    exchange->times = (struct exchange_times){.begun = clock_us()};
    exchange->pace = (struct exchange_pace){0};
    exchange->reply_seen = 0;
    half_init(&exchange->request, &session->connection, NULL, server->pipes);
    half_init(&exchange->reply, NULL, &session->connection, server->pipes);
    put_id(exchange);
    server_count(&server->counters.requests, 1);
}

static void keep_cut(char *room, size_t size, struct slice s)
{
    size_t kept = s.size < size ? s.size : size - 1;

    memcpy(room, s.data, kept);
    room[kept] = '\0';
}

/* Of the methods of HTTP, since others are texts of the client's choice. */
static const char *method_name(struct slice method)
{
    static const char *const names[] = {"POST",   "GET",   "HEAD",  "OPTIONS", "PUT",
                                        "DELETE", "PATCH", "TRACE", "CONNECT"};

    for (size_t i = 0; i < ARRAY_SIZE(names); i++)
        if (slice_is(method, names[i]))
            return names[i];
    return "other";
}

/* What the log will want when the head's bytes are gone. The target may hold secrets, and CIDs are
 * capabilities: nothing of it is kept. */
static void keep_for_log(struct exchange *exchange)
{
    const struct head *head = &exchange->head;
    const struct header *client_id = head_find(head, "x-request-id");

    exchange->method = method_name(head->method);
    if (client_id != NULL)
        keep_cut(exchange->client_id, sizeof(exchange->client_id), client_id->value);
}

void exchange_begin(struct exchange *exchange)
{
    const struct head *head = &exchange->head;
    struct server_settings *settings = exchange->settings;

    keep_for_log(exchange);
    exchange->is_head_request = slice_is(head->method, "HEAD");
    decoder_init(&exchange->request.decoder, head->body, head->content_length,
                 &settings->limits.framing);
    io_unwatch_read(&exchange->session->connection.io);
    if (exchange->session->client_finished) /* behind requests that it pipelined */
        exchange_client_finished(exchange);
    settings->handler->on_request(exchange, settings->app);
}

void exchange_begin_bad(struct exchange *exchange, const struct head_fault *fault)
{
    exchange->head = (struct head){.minor = 1};
    exchange->head_taken = true; /* where it ends is not known: nothing behind it is read */
    exchange->request.decoder.is_done = false;
    server_count(&exchange->server->counters.bad_requests, 1);
    exchange_refuse(exchange, fault->status, CLOSE_BAD_REQUEST, "%s", fault->text);
}

void exchange_take_head(struct exchange *exchange)
{
    struct head *head = &exchange->head;

    if (exchange->head_taken)
        return;
    exchange->head_taken = true;
    connection_consume(&exchange->session->connection, head->size);
    head->method = head->target = head->host = (struct slice){0};
    head->header_count = 0;
}

void exchange_finish(struct exchange *exchange, enum close_reason reason,
                     enum session_outcome outcome)
{
    struct server *server = exchange->server;
    const struct http_handler *handler = exchange->settings->handler;

    exchange->reason = reason;
    timer_disarm(&exchange->timer);
    timer_disarm(&exchange->finish_timer);
    relay_release(exchange, false);
    exchange_take_head(exchange);
    access_record(exchange);
    if (exchange->watch != NULL) {
        exchange->watch->on_end(exchange->watch, exchange);
        exchange->watch = NULL; /* the next exchange in this memory has another, or none */
    }
    if (handler->on_end != NULL)
        handler->on_end(exchange, exchange->settings->app);
    half_dispose(&exchange->request);
    half_dispose(&exchange->reply);
    exchange_set_state(exchange, EXCHANGE_ENDED);
    server_settings_unref(&exchange->settings);
    session_exchange_ended(exchange->session, outcome); /* it still asks how the reply was framed */
    server_give_exchange(server, exchange);
}

void exchange_dispose(struct exchange *exchange)
{
    text_dispose(&exchange->upstream_head);
    text_dispose(&exchange->upstream_body);
    text_dispose(&exchange->reply_head);
    text_dispose(&exchange->reply_headers);
    text_dispose(&exchange->body);
    text_dispose(&exchange->answer_body);
}

/* ---- the reply */

bool exchange_client_may_go_on(const struct exchange *exchange)
{
    const struct session *session = exchange->session;

    return exchange->head.keeps_alive && !exchange->server->is_draining &&
           (!session->client_finished || buffer_size(&session->connection.in) > 0);
}

/* When the reply is out: does the connection go on? */
static enum session_outcome outcome_after_reply(const struct exchange *exchange)
{
    if (!exchange->request.decoder.is_done)
        return SESSION_HOLD;
    return exchange->keeps_client ? SESSION_NEXT : SESSION_FINISH;
}

static void finish_reply(struct exchange *exchange)
{
    if (exchange->upstream != NULL) {
        exchange->times.upstream_ended = clock_us();
        relay_release(exchange, exchange->upstream_keeps && exchange->request.decoder.is_done &&
                                    exchange->request.last == HALF_DONE);
    }
    if (exchange->keeps_client && !exchange->request.decoder.is_done)
        exchange_start_skipping(exchange);
    else
        exchange_finish(exchange, exchange->reason, outcome_after_reply(exchange));
}

/* Who makes the reply broke off inside it. The client is told so in the reply's own format if it
 * has one, and must not take the reply for whole. */
static void break_off_reply(struct exchange *exchange, enum close_reason reason)
{
    if (exchange->state == EXCHANGE_PRODUCING)
        reason = exchange->break_reason;
    if (!exchange->reply_begun && exchange->state == EXCHANGE_PRODUCING) {
        exchange_refuse(exchange, 500, reason, "the reply broke off before it began");
        return;
    }
    if (!exchange->reply_begun) {
        exchange_refuse(exchange, 502, reason,
                        "the storage behind this gateway (%s) broke off inside its reply",
                        pool_address(exchange->relay.pool));
        return;
    }
    half_break_off(&exchange->reply, exchange->relay.break_line);
    exchange_finish(exchange, reason, SESSION_TRUNCATE);
}

/* What broke in the bytes that came with the reply's head can still be told with a status. */
static void refuse_or_break_off(struct exchange *exchange)
{
    if (exchange->reply_begun && !half_take_back(&exchange->reply)) {
        break_off_reply(exchange, CLOSE_UPSTREAM_BROKEN);
        return;
    }
    exchange->reply_begun = false;
    relay_refuse_broken(exchange, exchange->reply.decoder.fault);
}

void exchange_run_reply(struct exchange *exchange)
{
    enum half_result result = half_run(&exchange->reply);

    if (result == HALF_DESTINATION_FAILED) {
        exchange_finish(exchange, CLOSE_CLIENT_GONE, SESSION_CLOSE);
        return;
    }
    if (!exchange->reply_begun && !hold_is_under_way(exchange))
        return; /* a 1xx */
    switch (result) {
    case HALF_DONE:
        finish_reply(exchange);
        return;
    case HALF_SOURCE_ENDED:
    case HALF_SOURCE_FAILED:
        break_off_reply(exchange, CLOSE_UPSTREAM_CLOSED);
        return;
    case HALF_SOURCE_BROKE_FRAMING:
        refuse_or_break_off(exchange);
        return;
    case HALF_HELD:
        hold_reply(exchange);
        return;
    case HALF_REFUSED:
        exchange_refuse_as_told(exchange, exchange->reply.refusal);
        return;
    case HALF_WAITS_READ:
    case HALF_WAITS_WRITE:
    case HALF_DESTINATION_FAILED:
        break;
    }
    if (timer_is_armed(&exchange->timer))
        timer_arm(exchange->server->loop, &exchange->timer, exchange->relay.idle_timeout_ms);
}

/* ---- the client's side */

static void on_client_end(struct exchange *exchange, ssize_t result)
{
    struct session *session = exchange->session;

    io_unwatch_read(&session->connection.io);
    if (result != IO_EOF) {
        exchange_finish(exchange, CLOSE_CLIENT_GONE, SESSION_CLOSE);
        return;
    }
    session->client_finished = true;
    exchange_client_finished(exchange);
}

static bool can_buffer_more(const struct exchange *exchange)
{
    const struct buffer *in = &exchange->session->connection.in;

    return in->data == NULL || buffer_size(in) < BLOCK_SMALL;
}

void exchange_watch_client(struct exchange *exchange)
{
    if (!exchange->session->client_finished && can_buffer_more(exchange))
        io_watch_read(&exchange->session->connection.io);
    else
        io_unwatch_read(&exchange->session->connection.io);
}

static void read_ahead(struct exchange *exchange)
{
    ssize_t got = connection_read(&exchange->session->connection);

    if (got > 0 || got == IO_AGAIN)
        exchange_watch_client(exchange);
    else
        on_client_end(exchange, got);
}

void exchange_send_continue(struct exchange *exchange)
{
    if (!exchange->head.expects_continue || buffer_size(&exchange->session->connection.in) > 0 ||
        exchange->request.decoder.is_done)
        return;
    half_queue_interim(&exchange->reply, SLICE("HTTP/1.1 100 Continue\r\n\r\n"));
    (void)half_run(&exchange->reply); /* a client that left is noticed when its body is read */
}

/* ---- events of the client's connection */

/* The body is the handler's, or was. */
static void take_from_client(struct exchange *exchange)
{
    if (exchange->on_content != NULL)
        consume_on_client_readable(exchange);
    else if (exchange->request.decoder.is_done)
        read_ahead(exchange);
    else
        io_unwatch_read(&exchange->session->connection.io);
}

void exchange_on_client_readable(struct exchange *exchange)
{
    switch (exchange->state) {
    case EXCHANGE_COLLECTING:
        collect_on_client_readable(exchange);
        break;
    case EXCHANGE_CONNECTING:
    case EXCHANGE_RELAYING:
        if (exchange->request.decoder.is_done || exchange->request_aborted ||
            exchange->relay.has_body)
            read_ahead(exchange);
        else
            relay_on_client_readable(exchange);
        break;
    case EXCHANGE_SKIPPING:
        exchange_skip_rest(exchange);
        break;
    case EXCHANGE_CONSUMING:
    case EXCHANGE_PRODUCING:
        take_from_client(exchange);
        break;
    case EXCHANGE_HOLDING:
        read_ahead(exchange);
        break;
    case EXCHANGE_DECIDING:
    case EXCHANGE_ANSWERING:
    case EXCHANGE_ENDED:
        io_unwatch_read(&exchange->session->connection.io);
        break;
    }
}

void exchange_on_client_writable(struct exchange *exchange)
{
    if (exchange->state != EXCHANGE_SKIPPING) /* an earlier wish, which cannot be taken back */
        exchange_run_reply(exchange);
}
