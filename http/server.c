// SPDX-License-Identifier: Apache-2.0
#include "http/server.h"

#include "conf/memory.h"

#include <assert.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

enum {
    ACCEPTS_PER_TURN = 32,
    ACCEPT_PAUSE_MS = 250,
    SWEEP_MS = 1000,
#ifdef __SANITIZE_ADDRESS__
    KEPT_EXCHANGES = 0, /* so that a use after the end is seen */
#else
    KEPT_EXCHANGES = 64,
#endif
    KEPT_TEXT = 16 * 1024, /* larger texts do not stay with a recycled exchange */
};

struct listener {
    struct io io;
    struct server *server;
    struct listener *next;
};

/* ---- settings */

void server_settings_unref(struct server_settings **settings)
{
    struct server_settings *last = *settings;

    *settings = NULL;
    if (last != NULL && --last->references == 0)
        last->dispose(last);
}

void server_reload(struct server *server, struct server_settings *settings)
{
    struct server_settings *old = server->settings;

    server->settings = settings;
    server_settings_unref(&old);
}

/* ---- exchanges, recycled with their texts */

struct exchange *server_take_exchange(struct server *server)
{
    struct exchange *exchange = server->free_exchanges;

    if (exchange == NULL)
        return memory_alloc(sizeof(*exchange));
    server->free_exchanges = exchange->next_free;
    server->free_exchange_count--;
    return exchange;
}

static void trim_text(struct text *text)
{
    if (text->capacity > KEPT_TEXT)
        text_dispose(text);
    else
        text_clear(text);
}

void server_give_exchange(struct server *server, struct exchange *exchange)
{
    if (server->free_exchange_count + 1 > KEPT_EXCHANGES) { /* none is kept where it is 0 */
        exchange_dispose(exchange);
        free(exchange);
        return;
    }
    trim_text(&exchange->upstream_head);
    trim_text(&exchange->upstream_body);
    trim_text(&exchange->reply_head);
    trim_text(&exchange->reply_headers);
    trim_text(&exchange->body);
    trim_text(&exchange->answer_body);
    exchange->next_free = server->free_exchanges;
    server->free_exchanges = exchange;
    server->free_exchange_count++;
}

/* ---- accepting */

static void pause_accepting(struct server *server)
{
    for (struct listener *listener = server->listeners; listener != NULL; listener = listener->next)
        io_unwatch_read(&listener->io);
    timer_arm(server->loop, &server->accept_pause, ACCEPT_PAUSE_MS);
}

static void on_accept_pause_over(struct timer *timer)
{
    struct server *server = CONTAINER_OF(timer, struct server, accept_pause);

    if (server->session_count >= server->options.max_connections) {
        timer_arm(server->loop, timer, ACCEPT_PAUSE_MS);
        return;
    }
    for (struct listener *listener = server->listeners; listener != NULL; listener = listener->next)
        io_watch_read(&listener->io);
}

static void start_session(struct server *server, int fd, const struct sockaddr *peer)
{
    SSL_CTX *tls = server->settings->tls;
    SSL *ssl = NULL;
    int on = 1;

    if (peer->sa_family != AF_UNIX)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    if (tls != NULL) {
        ssl = SSL_new(tls);
        SSL_set_accept_state(ssl);
    }
    server_count(&server->counters.connections_accepted, 1);
    session_start(server, fd, ssl, peer);
}

/* It costs us as little as can be; the reset tells the peer. */
static void turn_away(int fd)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};

    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    close(fd);
}

/* false: nothing more can be accepted now. */
static bool accept_one(struct listener *listener)
{
    struct server *server = listener->server;
    struct sockaddr_storage peer = {0};
    socklen_t size = sizeof(peer);
    int fd;

    if (server->session_count >= server->options.max_connections) {
        server_count(&server->counters.accepts_paused, 1);
        pause_accepting(server);
        return false;
    }
    fd = accept4(listener->io.fd, (struct sockaddr *)&peer, &size, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd >= 0) {
        if (server_admits(server, (struct sockaddr *)&peer))
            start_session(server, fd, (struct sockaddr *)&peer);
        else
            turn_away(fd);
        server_limit_strangers(server);
        return true;
    }
    if (errno == ECONNABORTED || errno == EINTR)
        return true;
    if (errno != EAGAIN) { /* out of descriptors or memory: the readiness stays, we must not spin */
        server_count(&server->counters.accepts_paused, 1);
        log_message(server->options.log, LOG_LEVEL_WARNING,
                    "accepting connections: %s; pausing for %d ms", strerror(errno),
                    ACCEPT_PAUSE_MS);
        pause_accepting(server);
    }
    return false;
}

static void on_acceptable(struct io *io)
{
    struct listener *listener = CONTAINER_OF(io, struct listener, io);

    for (int i = 0; i < ACCEPTS_PER_TURN; i++)
        if (!accept_one(listener))
            return;
}

static void on_nothing(struct io *io)
{
}

void server_listen(struct server *server, int fd)
{
    struct listener *listener = memory_alloc(sizeof(*listener));

    listener->server = server;
    listener->next = server->listeners;
    server->listeners = listener;
    io_init(&listener->io, server->loop, fd, on_acceptable, on_nothing);
    io_watch_read(&listener->io);
}

static void close_listeners(struct server *server)
{
    while (server->listeners != NULL) {
        struct listener *listener = server->listeners;

        server->listeners = listener->next;
        io_close(&listener->io);
        free(listener);
    }
}

/* ---- sessions */

void server_forget_session(struct server *server, struct session *session)
{
    *(session->previous != NULL ? &session->previous->next : &server->sessions) = session->next;
    if (session->next != NULL)
        session->next->previous = session->previous;
    if (server->next_session == session)
        server->next_session = session->next;
    server->session_count--;
    server_count(&server->counters.connections_closed, 1);
}

/* Calls visit for every session; whatever it does, sessions may end by it. */
static void walk(struct server *server, void (*visit)(struct session *session))
{
    struct session *session;

    for (server->next_session = server->sessions; server->next_session != NULL;) {
        session = server->next_session;
        server->next_session = session->next;
        visit(session);
    }
}

/* Its peer is heard no more. */
static void cut(struct session *session)
{
    if (session->exchange == NULL) {
        session_close(session);
        return;
    }
    session->is_cut = true;
    exchange_end_connection(session->exchange);
    exchange_cut(session->exchange, 503, CLOSE_REVOKED,
                 "what this connection is allowed has changed: connect anew");
}

size_t server_cut_sessions(struct server *server, bool (*must_go)(void *arg, void *session_context),
                           void *arg)
{
    struct session *session;
    size_t count = 0;

    for (server->next_session = server->sessions; server->next_session != NULL;) {
        session = server->next_session;
        server->next_session = session->next;
        if (session->context == NULL || !must_go(arg, session->context))
            continue;
        cut(session);
        count++;
    }
    return count;
}

static void sweep(struct session *session)
{
    if (session->exchange != NULL)
        exchange_sweep(session->exchange);
}

static void on_sweep(struct timer *timer)
{
    struct server *server = CONTAINER_OF(timer, struct server, sweep);

    server_count(&server->counters.block_bytes,
                 block_store_bytes(server->blocks) - server->counters.block_bytes);
    walk(server, sweep);
    timer_arm(server->loop, &server->sweep, SWEEP_MS);
}

/* Replies that say so take a moment to be seen: what is left of them is cut the next time. */
static void on_drain_deadline(struct timer *timer)
{
    struct server *server = CONTAINER_OF(timer, struct server, drain_deadline);

    walk(server, session_close);
    timer_arm(server->loop, timer, SWEEP_MS);
}

void server_drain(struct server *server, uint64_t deadline_ms)
{
    timer_arm(server->loop, &server->drain_deadline, deadline_ms);
    if (server->is_draining)
        return;
    for (struct listener *listener = server->listeners; listener != NULL; listener = listener->next)
        while (accept_one(listener)) /* who is in the queue was promised an answer */
            ;
    server->is_draining = true;
    timer_disarm(&server->accept_pause);
    close_listeners(server);
    walk(server, session_drain);
}

bool server_is_drained(const struct server *server)
{
    return server->is_draining && server->sessions == NULL;
}

/* ---- the server */

struct server *server_create(const struct server_options *options, struct server_settings *settings)
{
    struct server *server = memory_alloc(sizeof(*server));
    uint32_t random;
    uint64_t guard_random;

    server->loop = options->loop;
    server->options = *options;
    server->settings = settings;
    server->blocks = block_store_create(options->large_block_budget);
    server->pipes = pipe_store_create();
    server->sweep.fire = on_sweep;
    server->accept_pause.fire = on_accept_pause_over;
    server->drain_deadline.fire = on_drain_deadline;
    if (RAND_bytes((unsigned char *)&random, sizeof(random)) != 1)
        random = (uint32_t)clock_us();
    if (RAND_bytes((unsigned char *)&guard_random, sizeof(guard_random)) != 1)
        guard_random = clock_us();
    server->guard = guard_create(&options->strangers, guard_random);
    snprintf(server->id_prefix, sizeof(server->id_prefix), "%08x%02x", random, options->id & 0xff);
    timer_arm(server->loop, &server->sweep, SWEEP_MS);
    return server;
}

void server_destroy(struct server **server_ptr)
{
    struct server *server = *server_ptr;

    if (server == NULL)
        return;
    *server_ptr = NULL;
    close_listeners(server);
    while (server->sessions != NULL)
        walk(server, session_close);
    timer_disarm(&server->sweep);
    timer_disarm(&server->accept_pause);
    timer_disarm(&server->drain_deadline);
    while (server->free_exchanges != NULL) {
        struct exchange *exchange = server_take_exchange(server);

        exchange_dispose(exchange);
        free(exchange);
    }
    server_settings_unref(&server->settings);
    guard_destroy(&server->guard);
    pipe_store_destroy(&server->pipes);
    block_store_destroy(&server->blocks);
    free(server);
}
