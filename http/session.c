// SPDX-License-Identifier: Apache-2.0
#include "http/session.h"

#include "conf/memory.h"
#include "http/server.h"

#include <assert.h>
#include <stdlib.h>

enum {
    LINGER_TICK_MS = 50,
    LINGER_HOLD_TICKS = 20,  /* one second unread */
    LINGER_DRAIN_TICKS = 40, /* and one to drain in */
    LINGER_DRAIN_MAX = 1024 * 1024,
    DRAIN_IDLE_MS = 500,
};

static void read_head(struct session *session);

void session_close(struct session *session)
{
    struct exchange *exchange = session->exchange;

    if (exchange != NULL) { /* comes back here */
        text_put_slice(exchange_reply_headers(exchange), SLICE("Retry-After: 5\r\n"));
        exchange_cut(exchange, 503, CLOSE_DRAIN_DEADLINE,
                     "the gateway is shutting down; try again in a moment");
        return;
    }
    timer_disarm(&session->timer);
    later_cancel(&session->again);
    connection_close(&session->connection);
    text_dispose(&session->resumption.offered);
    server_forget_stranger(session->server, session);
    if (session->context != NULL)
        session->server->settings->handler->on_session_end(session->context);
    server_forget_session(session->server, session);
    free(session);
}

/* ---- lingering */

static void drain(struct session *session)
{
    char bytes[16 * 1024];
    ssize_t got;

    do {
        got = io_read(&session->connection.io, bytes, sizeof(bytes));
        if (got > 0)
            session->drained += (uint32_t)got;
    } while (got > 0 && session->drained < LINGER_DRAIN_MAX);
    if (got == IO_EOF || got == IO_ERROR || session->drained >= LINGER_DRAIN_MAX)
        session_close(session);
}

static void begin_drain(struct session *session)
{
    io_shutdown_write(&session->connection.io);
    io_watch_read(&session->connection.io);
    drain(session);
}

static void on_linger_tick(struct session *session)
{
    session->linger_ticks++;
    if (session->linger_ticks >= LINGER_DRAIN_TICKS ||
        (session->linger_ticks < LINGER_HOLD_TICKS &&
         io_peer_state(&session->connection.io) != IO_PEER_OPEN)) {
        session_close(session);
        return;
    }
    timer_arm(session->server->loop, &session->timer, LINGER_TICK_MS);
    if (session->linger_ticks == LINGER_HOLD_TICKS)
        begin_drain(session);
}

static void linger(struct session *session)
{
    session->state = SESSION_LINGER;
    session->linger_ticks = 0;
    session->drained = 0;
    buffer_release(session->connection.blocks, &session->connection.in);
    io_unwatch_read(&session->connection.io);
    timer_disarm(&session->timer);
    timer_arm(session->server->loop, &session->timer, LINGER_TICK_MS);
}

/* The last reply is out. */
static void finish(struct session *session)
{
    if (buffer_size(&session->connection.in) == 0 && !io_has_unread(&session->connection.io)) {
        session_close(session);
        return;
    }
    linger(session);
    session->linger_ticks = LINGER_HOLD_TICKS;
    begin_drain(session);
}

/* A cut that the client must notice: the end of the stream comes before the end of the message.
 * Where the end of the stream would be the end of the message, only a reset tells. */
static void truncate_reply(struct session *session, bool ends_by_close)
{
    if (ends_by_close) {
        io_reset(&session->connection.io);
        session_close(session);
        return;
    }
    io_shutdown_write(&session->connection.io);
    linger(session);
}

/* ---- requests */

static void wait_for_head(struct session *session)
{
    const struct http_limits *limits = &session->server->settings->limits;
    struct server *server = session->server;

    session->state = SESSION_HEAD;
    session->head_seen = 0;
    if (buffer_size(&session->connection.in) == 0) /* a body that the upstream did not want */
        buffer_release(session->connection.blocks, &session->connection.in);
    timer_arm(server->loop, &session->timer,
              server->is_draining ? DRAIN_IDLE_MS
              : session->was_used ? limits->idle_timeout_ms
                                  : limits->head_timeout_ms);
    if (buffer_size(&session->connection.in) > 0)
        loop_later(server->loop, &session->again);
    else if (session->client_finished)
        session_close(session);
    else
        io_watch_read(&session->connection.io);
}

static void begin_exchange(struct session *session, struct exchange *exchange)
{
    timer_disarm(&session->timer);
    session->state = SESSION_EXCHANGE;
    session->was_used = true;
    session->exchange = exchange;
}

static void bad_request(struct session *session, struct exchange *exchange,
                        const struct head_fault *fault)
{
    exchange_init(exchange, session);
    begin_exchange(session, exchange);
    exchange_begin_bad(exchange, fault);
}

/* The head is not complete: make room for more of it. */
static void need_more_head(struct session *session)
{
    struct server *server = session->server;

    if (session->head_seen == 0) /* its first bytes: from here on, slowness counts */
        timer_arm(server->loop, &session->timer, server->settings->limits.head_timeout_ms);
    session->head_seen = buffer_size(&session->connection.in);
    connection_make_room(&session->connection);
    if (session->client_finished)
        session_close(session);
    else
        io_watch_read(&session->connection.io);
}

/* A head stands at the front of the buffer, or a part of one. */
static void parse_head(struct session *session)
{
    static const struct head_fault too_large = {431, "the request's head is too large"};
    struct exchange *exchange = server_take_exchange(session->server);
    struct buffer *in = &session->connection.in;
    size_t limit = session->server->settings->limits.head_size;
    struct head_fault fault;

    switch (head_parse_request(&exchange->head, in->data + in->start, buffer_size(in),
                               session->head_seen, &fault)) {
    case HEAD_MORE:
        if (buffer_size(in) >= limit) {
            bad_request(session, exchange, &too_large);
            return;
        }
        server_give_exchange(session->server, exchange);
        need_more_head(session);
        return;
    case HEAD_BAD:
        bad_request(session, exchange, &fault);
        return;
    case HEAD_DONE:
        if (exchange->head.size > limit) {
            bad_request(session, exchange, &too_large);
            return;
        }
        exchange_init(exchange, session);
        begin_exchange(session, exchange);
        exchange_begin(exchange);
        return;
    }
}

static void read_head(struct session *session)
{
    ssize_t got = connection_read(&session->connection);

    if (got == IO_AGAIN)
        return;
    if (got <= 0) {
        session_close(session);
        return;
    }
    parse_head(session);
}

static void on_again(struct later *later)
{
    struct session *session = CONTAINER_OF(later, struct session, again);

    if (session->state == SESSION_HEAD && buffer_size(&session->connection.in) > 0)
        parse_head(session);
}

void session_exchange_ended(struct session *session, enum session_outcome outcome)
{
    bool ends_by_close = session->exchange->reply.encoding == FRAMING_UNTIL_CLOSE;

    session->exchange = NULL;
    switch (outcome) {
    case SESSION_NEXT:
        wait_for_head(session);
        return;
    case SESSION_CLOSE:
        session_close(session);
        return;
    case SESSION_FINISH:
        finish(session);
        return;
    case SESSION_HOLD:
        if (session->is_cut)
            finish(session);
        else
            linger(session);
        return;
    case SESSION_TRUNCATE:
        truncate_reply(session, ends_by_close);
        return;
    }
}

/* ---- TLS */

/* Where strangers are expected, their operators want to know why they do not get in. */
static void log_failure(const struct session *session, const char *why)
{
    const struct server *server = session->server;
    struct address peer;

    address_from_sockaddr(&peer, &session->peer.any, sizeof(session->peer));
    log_message(server->options.log, server->guard != NULL ? LOG_LEVEL_INFO : LOG_LEVEL_DEBUG,
                "handshake with %s failed: %s", peer.text, why);
}

static void shake_hands(struct session *session)
{
    struct error err = {0};
    int result = io_handshake(&session->connection.io, &err);

    if (result == IO_AGAIN)
        return;
    if (result == IO_ERROR) {
        server_count(&session->server->counters.handshakes_failed, 1);
        log_failure(session, err.text);
        session_close(session);
        return;
    }
    server_count(&session->server->counters.handshakes, 1);
    if (SSL_session_reused(session->connection.io.ssl) == 1)
        server_count(&session->server->counters.handshakes_resumed, 1);
    wait_for_head(session);
}

static bool is_ticket_good(struct tls_resumption *resumption, struct slice blob)
{
    const struct session *session = CONTAINER_OF(resumption, struct session, resumption);
    const struct server_settings *settings = session->server->settings;

    return settings->handler->is_ticket_good != NULL &&
           settings->handler->is_ticket_good(settings->app, blob);
}

static void start_tls(struct session *session, SSL *ssl)
{
    const struct server_settings *settings = session->server->settings;
    const struct http_limits *limits = &settings->limits;

    session->state = SESSION_HANDSHAKE;
    if (settings->handler->is_ticket_good != NULL) {
        session->resumption.is_good = is_ticket_good;
        tls_server_attach(ssl, &session->resumption);
    }
    io_start_tls(&session->connection.io, ssl);
    timer_arm(session->server->loop, &session->timer,
              limits->handshake_timeout_ms > 0 ? limits->handshake_timeout_ms
                                               : limits->head_timeout_ms);
    io_watch_read(&session->connection.io);
}

/* ---- events */

static void on_readable(struct io *io)
{
    struct session *session = CONTAINER_OF(io, struct session, connection.io);

    switch (session->state) {
    case SESSION_HANDSHAKE:
        shake_hands(session);
        break;
    case SESSION_HEAD:
        read_head(session);
        break;
    case SESSION_EXCHANGE:
        exchange_on_client_readable(session->exchange);
        break;
    case SESSION_LINGER:
        drain(session);
        break;
    }
}

static void on_writable(struct io *io)
{
    struct session *session = CONTAINER_OF(io, struct session, connection.io);

    if (session->state == SESSION_HANDSHAKE)
        shake_hands(session);
    else if (session->state == SESSION_EXCHANGE)
        exchange_on_client_writable(session->exchange);
}

static void on_timer(struct timer *timer)
{
    struct session *session = CONTAINER_OF(timer, struct session, timer);

    if (session->state == SESSION_HANDSHAKE) {
        server_count(&session->server->counters.handshakes_late, 1);
        log_failure(session, "it was not done in time");
    }
    if (session->state == SESSION_LINGER)
        on_linger_tick(session);
    else /* too slow a handshake or head, or idle for too long: nothing to answer to */
        session_close(session);
}

void session_start(struct server *server, int fd, SSL *ssl, const struct sockaddr *peer)
{
    struct session *session = memory_alloc(sizeof(*session));

    session->server = server;
    session->connection.blocks = server->blocks;
    session->timer.fire = on_timer;
    session->again.run = on_again;
    if (peer->sa_family == AF_INET)
        memcpy(&session->peer.in, peer, sizeof(session->peer.in));
    else if (peer->sa_family == AF_INET6)
        memcpy(&session->peer.in6, peer, sizeof(session->peer.in6));
    else
        session->peer.any.sa_family = peer->sa_family;
    session->next = server->sessions;
    if (session->next != NULL)
        session->next->previous = session;
    server->sessions = session;
    server->session_count++;
    server_add_stranger(server, session);
    io_init(&session->connection.io, server->loop, fd, on_readable, on_writable);
    if (ssl == NULL)
        wait_for_head(session);
    else
        start_tls(session, ssl);
}

void session_drain(struct session *session)
{
    if (session->state == SESSION_HEAD && session->head_seen == 0)
        timer_arm(session->server->loop, &session->timer, DRAIN_IDLE_MS);
}
