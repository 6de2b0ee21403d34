// SPDX-License-Identifier: Apache-2.0
#include "http/pool.h"

#include "conf/memory.h"

#include <assert.h>
#include <errno.h>
#include <netinet/tcp.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

struct pool {
    struct loop *loop;
    struct block_store *blocks;
    struct pool_settings settings;
    struct pooled *first, *last; /* idle */
    uint32_t idle_count, lent_count;
    struct timer expiry;
    unsigned int generation;
    SSL_SESSION *session; /* what the next handshake resumes; NULL: nothing */
};

/* The queue of a unix socket that is full tells nobody when there is room again. */
enum { QUEUE_RETRY_MS = 10 };

/* The owner of a connection that is being dialled, found from its io. */
struct dialling {
    struct pooled pooled;
    struct dial *dial; /* NULL once it is through */
    struct timer again;
};

static void free_pooled(struct pooled *pooled)
{
    struct dialling *dialling = CONTAINER_OF(pooled, struct dialling, pooled);

    timer_disarm(&dialling->again);
    connection_close(&pooled->connection);
    SSL_SESSION_free(pooled->session);
    free(dialling);
}

/* ---- TLS sessions */

static void forget_session(struct pool *pool)
{
    SSL_SESSION_free(pool->session);
    pool->session = NULL;
}

/* The session that came on this connection is the next one to resume. */
static void keep_session(struct pooled *pooled)
{
    if (pooled->session == NULL || pooled->generation != pooled->pool->generation)
        return;
    forget_session(pooled->pool);
    pooled->pool->session = pooled->session;
    pooled->session = NULL;
}

/* ---- idle connections */

static void unlink_idle(struct pooled *pooled)
{
    struct pool *pool = pooled->pool;

    *(pooled->previous != NULL ? &pooled->previous->next : &pool->first) = pooled->next;
    *(pooled->next != NULL ? &pooled->next->previous : &pool->last) = pooled->previous;
    pooled->next = pooled->previous = NULL;
    pool->idle_count--;
}

static void drop_idle(struct pooled *pooled)
{
    unlink_idle(pooled);
    free_pooled(pooled);
}

/* The upstream closed it, or said something that nobody asked for; but TLS may, on its own: a
 * ticket, say. */
static void on_idle_readable(struct io *io)
{
    struct pooled *pooled = CONTAINER_OF(io, struct pooled, connection.io);
    char byte;

    if (io->ssl == NULL || io_read(io, &byte, 1) != IO_AGAIN)
        drop_idle(pooled);
    else
        keep_session(pooled);
}

static void on_idle_writable(struct io *io)
{
    /* left over from the exchange before; one-shot */
}

static void on_expiry(struct timer *timer)
{
    struct pool *pool = CONTAINER_OF(timer, struct pool, expiry);
    uint64_t now_ms = loop_now_ms(pool->loop);

    /* drop_idle takes the last one off the list before it frees it, which the analyzer does not
     * see. */
    while (pool->last != NULL && // NOLINTNEXTLINE(clang-analyzer-unix.Malloc)
           now_ms - pool->last->idle_since_ms >= pool->settings.idle_timeout_ms)
        drop_idle(pool->last);
    if (pool->last != NULL)
        timer_arm(pool->loop, &pool->expiry, pool->settings.idle_timeout_ms / 2 + 1);
}

struct pool *pool_create(struct loop *loop, struct block_store *blocks,
                         const struct pool_settings *settings)
{
    struct pool *pool = memory_alloc(sizeof(*pool));

    assert(settings->address.kind == ADDRESS_IP || settings->address.kind == ADDRESS_UNIX);
    pool->loop = loop;
    pool->blocks = blocks;
    pool->settings = *settings;
    if (settings->tls.context != NULL)
        SSL_CTX_up_ref(settings->tls.context);
    pool->expiry.fire = on_expiry;
    return pool;
}

void pool_clear(struct pool *pool)
{
    while (pool->first != NULL)
        // NOLINTNEXTLINE(clang-analyzer-unix.Malloc): the list no longer has what was freed
        drop_idle(pool->first);
    forget_session(pool);
    pool->generation++;
}

void pool_destroy(struct pool **pool)
{
    if (*pool == NULL)
        return;
    assert((*pool)->lent_count == 0);
    timer_disarm(&(*pool)->expiry);
    pool_clear(*pool);
    SSL_CTX_free((*pool)->settings.tls.context);
    free(*pool);
    *pool = NULL;
}

struct pooled *pool_take(struct pool *pool, uint64_t max_idle_ms)
{
    struct pooled *pooled = pool->first;

    if (pooled == NULL || loop_now_ms(pool->loop) - pooled->idle_since_ms > max_idle_ms)
        return NULL;
    unlink_idle(pooled);
    pool->lent_count++;
    pooled->is_reused = true;
    return pooled;
}

void pool_give(struct pooled *pooled, bool keep)
{
    struct pool *pool = pooled->pool;
    struct io *io = &pooled->connection.io;

    pool->lent_count--;
    keep_session(pooled);
    if (!keep || pooled->generation != pool->generation ||
        pool->idle_count >= pool->settings.max_idle || buffer_size(&pooled->connection.in) > 0 ||
        io->is_write_watched) {
        free_pooled(pooled);
        return;
    }
    buffer_release(pool->blocks, &pooled->connection.in);
    io->on_readable = on_idle_readable;
    io->on_writable = on_idle_writable;
    io_watch_read(io);
    pooled->idle_since_ms = loop_now_ms(pool->loop);
    pooled->next = pool->first;
    *(pool->first != NULL ? &pool->first->previous : &pool->last) = pooled;
    pool->first = pooled;
    pool->idle_count++;
    if (!timer_is_armed(&pool->expiry))
        timer_arm(pool->loop, &pool->expiry, pool->settings.idle_timeout_ms);
}

/* ---- dialling */

/* Ends the dial: forgets it first, so that on_done may start another. */
static void finish_dial(struct dialling *dialling, const struct error *err)
{
    struct dial *dial = dialling->dial;

    dialling->dial = NULL;
    dial->pooled = NULL;
    timer_disarm(&dial->timeout);
    if (err == NULL) {
        dial->on_done(dial, &dialling->pooled, NULL);
        return;
    }
    dialling->pooled.pool->lent_count--;
    free_pooled(&dialling->pooled);
    dial->on_done(dial, NULL, err);
}

static void on_nothing(struct io *io)
{
}

/* Is it the peer? */
static bool verify(const struct pool_tls *tls, SSL *ssl, struct error *err)
{
    if (!tls_has_protocol(ssl))
        return error_set(err, ERROR_REFUSED, "TLS: it speaks no protocol of ours there");
    return tls->verify(tls->arg, ssl, err) ||
           error_set(err, ERROR_REFUSED, "TLS: it is not the one that was dialled");
}

static void shake_hands(struct io *io)
{
    struct dialling *dialling = CONTAINER_OF(io, struct dialling, pooled.connection.io);
    struct pool *pool = dialling->pooled.pool;
    struct error why = {0}, err = {0};
    int result = io_handshake(io, &why);

    if (result == IO_AGAIN)
        return;
    if (result == 1 && verify(&pool->settings.tls, io->ssl, &why)) {
        io_unwatch_read(io);
        io->on_readable = io->on_writable = on_nothing;
        finish_dial(dialling, NULL);
        return;
    }
    forget_session(pool); /* if it was the reason, the next dial does without */
    error_set(&err, why.code, "connecting to %s: %s", pool->settings.address.text, why.text);
    finish_dial(dialling, &err);
}

static void start_tls(struct dialling *dialling)
{
    const struct pool *pool = dialling->pooled.pool;
    const struct pool_tls *tls = &pool->settings.tls;
    struct io *io = &dialling->pooled.connection.io;
    SSL *ssl = SSL_new(tls->context);

    SSL_set_connect_state(ssl);
    tls_client_attach(ssl, &dialling->pooled.session);
    if (pool->session != NULL)
        SSL_set_session(ssl, pool->session);
    if (tls->prepare != NULL)
        tls->prepare(tls->arg, ssl);
    io->on_readable = io->on_writable = shake_hands;
    io_start_tls(io, ssl);
    shake_hands(io);
}

static void on_dialled(struct io *io)
{
    struct dialling *dialling = CONTAINER_OF(io, struct dialling, pooled.connection.io);
    const struct pool_settings *settings = &dialling->pooled.pool->settings;
    struct error err = {0};
    int cause = 0;
    socklen_t size = sizeof(cause);

    getsockopt(io->fd, SOL_SOCKET, SO_ERROR, &cause, &size);
    if (cause != 0) {
        error_set(&err, ERROR_IO, "connecting to %s: %s", settings->address.text, strerror(cause));
        finish_dial(dialling, &err);
    } else if (settings->tls.context != NULL) {
        start_tls(dialling);
    } else {
        finish_dial(dialling, NULL);
    }
}

static void on_dial_timeout(struct timer *timer)
{
    struct dial *dial = CONTAINER_OF(timer, struct dial, timeout);
    struct dialling *dialling = CONTAINER_OF(dial->pooled, struct dialling, pooled);
    struct error err = {0};

    error_set(&err, ERROR_TIMEOUT, "connecting to %s: no answer within %llu ms",
              dialling->pooled.pool->settings.address.text,
              (unsigned long long)dialling->pooled.pool->settings.connect_timeout_ms);
    finish_dial(dialling, &err);
}

static int open_socket(const struct address *address, struct error *err)
{
    int on = 1;
    int fd = socket(address->sockaddr.ss_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    if (fd < 0)
        error_set_errno(err, "connecting to %s", address->text);
    else if (address->kind == ADDRESS_IP)
        setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    return fd;
}

/* Connects, or begins to. false: it failed at once. */
static bool connect_socket(struct dialling *dialling, struct error *err)
{
    struct pool *pool = dialling->pooled.pool;
    const struct address *address = &pool->settings.address;
    struct io *io = &dialling->pooled.connection.io;

    if (connect(io->fd, (const struct sockaddr *)&address->sockaddr, address->size) == 0 ||
        errno == EINPROGRESS)
        io_watch_write(io);
    else if (errno == EAGAIN)
        timer_arm(pool->loop, &dialling->again, QUEUE_RETRY_MS);
    else
        return error_set_errno(err, "connecting to %s", address->text);
    return true;
}

static void on_queue_retry(struct timer *timer)
{
    struct dialling *dialling = CONTAINER_OF(timer, struct dialling, again);
    struct error err = {0};

    if (!connect_socket(dialling, &err))
        finish_dial(dialling, &err);
}

bool pool_dial_start(struct pool *pool, struct dial *dial,
                     void (*on_done)(struct dial *, struct pooled *, const struct error *),
                     struct error *err)
{
    int fd = open_socket(&pool->settings.address, err);
    struct dialling *dialling;

    if (fd < 0)
        return false;
    dialling = memory_alloc(sizeof(*dialling));
    dialling->dial = dial;
    dialling->again.fire = on_queue_retry;
    dialling->pooled.pool = pool;
    dialling->pooled.generation = pool->generation;
    dialling->pooled.connection.blocks = pool->blocks;
    io_init(&dialling->pooled.connection.io, pool->loop, fd, on_nothing, on_dialled);
    if (!connect_socket(dialling, err)) {
        free_pooled(&dialling->pooled);
        return false;
    }
    pool->lent_count++;
    *dial = (struct dial){
        .on_done = on_done, .pooled = &dialling->pooled, .timeout = {.fire = on_dial_timeout}};
    timer_arm(pool->loop, &dial->timeout, pool->settings.connect_timeout_ms);
    return true;
}

void pool_dial_cancel(struct dial *dial)
{
    struct pooled *pooled = dial->pooled;

    if (pooled == NULL)
        return;
    dial->pooled = NULL;
    timer_disarm(&dial->timeout);
    pooled->pool->lent_count--;
    free_pooled(pooled);
}

const char *pool_address(const struct pool *pool)
{
    return pool->settings.address.text;
}
