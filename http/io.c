// SPDX-License-Identifier: Apache-2.0
#include "http/io.h"

#include "conf/text.h"

#include <assert.h>
#include <errno.h>
#include <h2o.h>
#include <netinet/tcp.h>
#include <openssl/err.h>
#include <poll.h>
#include <sys/ioctl.h>
#include <sys/socket.h>
#include <unistd.h>

/* One TLS record's worth of small vectors is gathered, so that a head and its body share a record.
 */
enum { GATHER_SIZE = 16 * 1024 };

/* tls.c's read buffer and a record. */
enum { HELD_MAX = (64 + 16) * 1024 };

static void on_socket_readable(h2o_socket_t *socket, const char *err)
{
    struct io *io = socket->data;

    io->is_drained = false;
    if (io->write_wants_read) {
        io->write_wants_read = false;
        if (!io->is_read_watched)
            h2o_socket_read_stop(socket);
        if (io->is_write_watched) {
            io->is_write_watched = false;
            io->on_writable(io);
            return; /* level-triggered: on_readable comes again by itself */
        }
    }
    if (io->is_read_watched)
        io->on_readable(io);
}

static void on_socket_writable(h2o_socket_t *socket, const char *err)
{
    struct io *io = socket->data;

    if (io->read_wants_write) {
        io->read_wants_write = false;
        if (io->is_read_watched)
            loop_later(io->loop, &io->again);
    }
    if (io->is_write_watched) {
        io->is_write_watched = false;
        io->on_writable(io);
    }
}

static void on_again(struct later *later)
{
    struct io *io = CONTAINER_OF(later, struct io, again);

    if (io->is_read_watched)
        io->on_readable(io);
}

void io_init(struct io *io, struct loop *loop, int fd, void (*on_readable)(struct io *),
             void (*on_writable)(struct io *))
{
    *io = (struct io){
        .fd = fd,
        .loop = loop,
        .socket = h2o_evloop_socket_create(loop_h2o(loop), fd, H2O_SOCKET_FLAG_DONT_READ),
        .on_readable = on_readable,
        .on_writable = on_writable,
        .again = {.run = on_again},
    };
    io->socket->data = io;
}

/* ---- readiness */

static void start_reading(struct io *io)
{
    if (!h2o_socket_is_reading(io->socket))
        h2o_socket_read_start(io->socket, on_socket_readable);
}

static void start_writing(struct io *io)
{
    if (!h2o_socket_is_writing(io->socket))
        h2o_socket_notify_write(io->socket, on_socket_writable);
}

/* The descriptor cannot tell of what TLS has taken from it already. */
static void tell_of_held_bytes(struct io *io)
{
    if (io->has_ended || (!io->is_drained && SSL_has_pending(io->ssl)))
        loop_later(io->loop, &io->again);
}

void io_watch_read(struct io *io)
{
    io->is_read_watched = true;
    start_reading(io);
    if (io->ssl != NULL)
        tell_of_held_bytes(io);
}

void io_watch_read_now(struct io *io)
{
    io_watch_read(io);
    loop_later(io->loop, &io->again);
}

void io_unwatch_read(struct io *io)
{
    io->is_read_watched = false;
    if (!io->write_wants_read && h2o_socket_is_reading(io->socket))
        h2o_socket_read_stop(io->socket);
}

void io_watch_write(struct io *io)
{
    io->is_write_watched = true;
    if (io->write_wants_read)
        start_reading(io);
    else
        start_writing(io);
}

/* ---- TLS */

void io_start_tls(struct io *io, SSL *ssl)
{
    assert(io->ssl == NULL);
    io->ssl = ssl;
    SSL_set_fd(ssl, io->fd);
}

/* The cause of the newest TLS failure, in words. */
static bool set_tls_error(const struct io *io, struct error *err)
{
    long verdict = SSL_get_verify_result(io->ssl);
    unsigned long code = ERR_peek_last_error();

    if (verdict != X509_V_OK)
        return error_set(err, ERROR_REFUSED, "TLS: %s", X509_verify_cert_error_string(verdict));
    if (code == 0)
        return error_set(err, ERROR_IO, "TLS: the peer closed the connection in the handshake");
    return error_set(err, ERROR_IO, "TLS: %s", ERR_reason_error_string(code));
}

int io_handshake(struct io *io, struct error *err)
{
    int result;

    io->is_drained = false;
    ERR_clear_error();
    result = SSL_do_handshake(io->ssl);
    if (result == 1)
        return 1;
    switch (SSL_get_error(io->ssl, result)) {
    case SSL_ERROR_WANT_READ:
        io->is_drained = true;
        io_watch_read(io);
        return IO_AGAIN;
    case SSL_ERROR_WANT_WRITE:
        io_unwatch_read(io);
        io_watch_write(io);
        return IO_AGAIN;
    default:
        set_tls_error(io, err);
        ERR_clear_error();
        return IO_ERROR;
    }
}

/* Fills as much of data as TLS has, so that one write onwards carries several records. */
static ssize_t read_records(struct io *io, char *data, size_t size)
{
    size_t got = 0;

    io->is_drained = false;
    while (got < size) {
        size_t part = 0;
        int result;

        ERR_clear_error();
        result = SSL_read_ex(io->ssl, data + got, size - got, &part);
        if (result == 1) {
            got += part;
            continue;
        }
        switch (SSL_get_error(io->ssl, result)) {
        case SSL_ERROR_WANT_READ:
            io->is_drained = true;
            return got > 0 ? (ssize_t)got : IO_AGAIN;
        case SSL_ERROR_WANT_WRITE:
            io->read_wants_write = true;
            start_writing(io);
            return got > 0 ? (ssize_t)got : IO_AGAIN;
        case SSL_ERROR_ZERO_RETURN:
            io->has_ended = true;
            return got > 0 ? (ssize_t)got : IO_EOF;
        default:
            io->has_ended = true;
            ERR_clear_error();
            return got > 0 ? (ssize_t)got : IO_ERROR;
        }
    }
    return (ssize_t)got;
}

static ssize_t read_tls(struct io *io, char *data, size_t size)
{
    ssize_t got = read_records(io, data, size);

    if (io->is_read_watched && got > 0)
        tell_of_held_bytes(io);
    return got;
}

ssize_t io_read(struct io *io, void *data, size_t size)
{
    ssize_t got;

    if (io->ssl != NULL)
        return read_tls(io, data, size);
    do
        got = recv(io->fd, data, size, 0);
    while (got < 0 && errno == EINTR);
    if (got < 0)
        return errno == EAGAIN ? IO_AGAIN : IO_ERROR;
    return got;
}

static ssize_t write_tls_bytes(struct io *io, const void *data, size_t size)
{
    size_t put = 0;
    int result;

    ERR_clear_error();
    result = SSL_write_ex(io->ssl, data, size, &put);
    if (result == 1)
        return (ssize_t)put;
    switch (SSL_get_error(io->ssl, result)) {
    case SSL_ERROR_WANT_WRITE:
        return IO_AGAIN;
    case SSL_ERROR_WANT_READ:
        io->write_wants_read = true;
        return IO_AGAIN;
    default:
        ERR_clear_error();
        return IO_ERROR;
    }
}

/* Small vectors at the front are gathered into one record; a large one goes out from where it
 * stands. The choice depends on the bytes alone, so a retry repeats it. */
static ssize_t write_tls(struct io *io, const struct iovec *vectors, int count)
{
    char gathered[GATHER_SIZE];
    size_t size = 0;
    int i = 0;

    if (vectors[0].iov_len >= sizeof(gathered))
        return write_tls_bytes(io, vectors[0].iov_base, vectors[0].iov_len);
    for (; i < count && size < sizeof(gathered); i++) {
        size_t part = vectors[i].iov_len;

        if (part > sizeof(gathered) - size)
            part = sizeof(gathered) - size;
        if (part > 0)
            memcpy(gathered + size, vectors[i].iov_base, part);
        size += part;
    }
    return write_tls_bytes(io, gathered, size);
}

ssize_t io_write(struct io *io, const struct iovec *vectors, int count)
{
    struct msghdr message = {.msg_iov = (struct iovec *)vectors, .msg_iovlen = (size_t)count};
    ssize_t put;

    if (io->ssl != NULL)
        return write_tls(io, vectors, count);
    do
        put = sendmsg(io->fd, &message, MSG_NOSIGNAL);
    while (put < 0 && errno == EINTR);
    if (put < 0)
        return errno == EAGAIN ? IO_AGAIN : IO_ERROR;
    return put;
}

/* ---- the end */

void io_shutdown_write(struct io *io)
{
    if (io->ssl != NULL && SSL_is_init_finished(io->ssl)) {
        ERR_clear_error();
        (void)SSL_shutdown(io->ssl); /* best effort: close_notify goes out if there is room */
        ERR_clear_error();
    }
    shutdown(io->fd, SHUT_WR);
}

void io_reset(struct io *io)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};

    if (io->fd < 0)
        return;
    setsockopt(io->fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    if (io->ssl != NULL)
        SSL_set_quiet_shutdown(io->ssl, 1);
    io_close(io);
}

void io_close(struct io *io)
{
    if (io->fd < 0)
        return;
    later_cancel(&io->again);
    if (io->ssl != NULL) {
        ERR_clear_error();
        if (SSL_is_init_finished(io->ssl))
            (void)SSL_shutdown(io->ssl);
        SSL_free(io->ssl);
        io->ssl = NULL;
        ERR_clear_error();
    }
    io->is_read_watched = false;
    io->is_write_watched = false;
    h2o_socket_close(io->socket); /* closes fd; frees its own memory at the end of the turn */
    io->socket = NULL;
    io->fd = -1;
}

enum io_peer io_peer_state(const struct io *io)
{
    struct pollfd poller = {.fd = io->fd, .events = POLLRDHUP};

    if (poll(&poller, 1, 0) <= 0)
        return IO_PEER_OPEN;
    if ((poller.revents & (POLLERR | POLLHUP | POLLNVAL)) != 0)
        return IO_PEER_GONE;
    return (poller.revents & POLLRDHUP) != 0 ? IO_PEER_FINISHED : IO_PEER_OPEN;
}

bool io_has_unread(const struct io *io)
{
    int queued = 0;

    return io_held_max(io) > 0 || (ioctl(io->fd, FIONREAD, &queued) == 0 && queued > 0);
}

size_t io_held_max(const struct io *io)
{
    return io->ssl != NULL && SSL_has_pending(io->ssl) ? HELD_MAX : 0;
}

void io_probe_peer(const struct io *io)
{
    static const int on = 1, interval_s = 5, count = 3;

    /* fails on a unix socket, where a peer that is gone is seen at once */
    (void)setsockopt(io->fd, IPPROTO_TCP, TCP_KEEPIDLE, &interval_s, sizeof(interval_s));
    (void)setsockopt(io->fd, IPPROTO_TCP, TCP_KEEPINTVL, &interval_s, sizeof(interval_s));
    (void)setsockopt(io->fd, IPPROTO_TCP, TCP_KEEPCNT, &count, sizeof(count));
    (void)setsockopt(io->fd, SOL_SOCKET, SO_KEEPALIVE, &on, sizeof(on));
}
