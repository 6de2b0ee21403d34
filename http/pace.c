// SPDX-License-Identifier: Apache-2.0
/* The once-a-second look at a running exchange: has the client left while we were not reading from
 * it, and does it keep up the pace that it owes? */
#include "http/exchange_private.h"

#include "conf/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

enum { WINDOW_S = 30 };

/* ---- speed */

static bool is_consuming(const struct exchange *exchange)
{
    return exchange->on_content != NULL &&
           (exchange->state == EXCHANGE_CONSUMING || exchange->state == EXCHANGE_PRODUCING);
}

static bool waits_for_request(const struct exchange *exchange)
{
    if (exchange->request.decoder.is_done || exchange->request_aborted)
        return false;
    if (exchange->state == EXCHANGE_COLLECTING)
        return true;
    return exchange->request.last == HALF_WAITS_READ &&
           (exchange->state == EXCHANGE_RELAYING || is_consuming(exchange));
}

static bool waits_for_client(const struct exchange *exchange)
{
    return waits_for_request(exchange) ||
           (exchange->reply_begun && exchange->reply.last == HALF_WAITS_WRITE);
}

/* false: the exchange was cut. Seconds in which we waited for somebody else do not count. */
static bool check_pace(struct exchange *exchange)
{
    const struct http_limits *limits = &exchange->settings->limits;
    struct exchange_pace *pace = &exchange->pace;
    uint64_t moved = exchange->request.content_size + exchange->reply.written_size;
    uint64_t step = moved - pace->moved;
    char message[128];

    pace->moved = moved;
    pace->window_moved += step;
    if (!waits_for_client(exchange))
        return true;
    pace->idle_s = step > 0 ? 0 : pace->idle_s + 1;
    pace->waited_s++;
    if (pace->waited_s >= WINDOW_S) {
        if (pace->window_moved < limits->min_body_rate * WINDOW_S) {
            snprintf(message, sizeof(message),
                     "the request's body came at less than %llu bytes a second "
                     "(limits.min_body_rate)",
                     (unsigned long long)limits->min_body_rate);
            exchange_cut(exchange, 408, CLOSE_CLIENT_TOO_SLOW, message);
            return false;
        }
        pace->waited_s = 0;
        pace->window_moved = 0;
    }
    if (limits->body_idle_timeout_ms > 0 &&
        (uint64_t)pace->idle_s * 1000 >= limits->body_idle_timeout_ms) {
        snprintf(message, sizeof(message),
                 "no byte of the request's body came for %u s (limits.body_idle_timeout)",
                 pace->idle_s);
        exchange_cut(exchange, 408, CLOSE_CLIENT_TOO_SLOW, message);
        return false;
    }
    return true;
}

/* ---- presence */

/* Bytes of the request's body that were read and not decoded. */
static struct slice undecoded_body(const struct exchange *exchange)
{
    const struct buffer *in = &exchange->session->connection.in;
    size_t head = exchange->head_taken ? 0 : exchange->head.size;

    if (in->data == NULL)
        return (struct slice){0};
    return (struct slice){in->data + in->start + head, buffer_size(in) - head};
}

/* Do the bytes that are left end as a chunked body does, with an empty line? They are as many as
 * the receive buffer holds; looked at once in an exchange. */
static bool ends_with_empty_line(int fd, size_t queued, struct slice undecoded)
{
    static const struct slice end = {"\r\n\r\n", 4};
    char *bytes = memory_resize(NULL, undecoded.size + queued + 1);
    ssize_t peeked = queued > 0 ? recv(fd, bytes + undecoded.size, queued, MSG_PEEK) : 0;
    size_t size = undecoded.size + (peeked > 0 ? (size_t)peeked : 0);
    size_t tail = size < end.size ? size : end.size;
    bool result;

    if (undecoded.size > 0)
        memcpy(bytes, undecoded.data, undecoded.size);
    result = tail > 0 && memcmp(bytes + size - tail, end.data + end.size - tail, tail) == 0;
    free(bytes);
    return result;
}

/* The client sent FIN, and its body was not read to the end. Can what was received and not decoded
 * be the rest of it? */
static bool queue_may_end_body(const struct exchange *exchange)
{
    const struct io *client = &exchange->session->connection.io;
    struct slice undecoded = undecoded_body(exchange);
    int queued = 0;

    if (ioctl(client->fd, FIONREAD, &queued) != 0)
        return false;
    if (exchange->request.decoder.kind == FRAMING_LENGTH)
        return undecoded.size + (size_t)queued + io_held_max(client) >=
               exchange->request.decoder.left;
    /* Under TLS the end cannot be seen before it is read, so FIN counts as leaving: to stop the
     * upstream soon matters more than a client that finishes before its reply, of which TLS 1.2
     * knows none. Nothing is acknowledged that was not taken whole. */
    return client->ssl == NULL && ends_with_empty_line(client->fd, (size_t)queued, undecoded);
}

/* Whether the rest of its body came, nobody will know. */
static bool takes_no_body(const struct exchange *exchange)
{
    return exchange->state == EXCHANGE_ANSWERING ||
           (exchange->state == EXCHANGE_PRODUCING && !is_consuming(exchange));
}

/* false: the exchange ended. */
static bool check_presence(struct exchange *exchange)
{
    struct io *client = &exchange->session->connection.io;

    if (client->is_read_watched)
        return true; /* the loop tells */
    switch (io_peer_state(client)) {
    case IO_PEER_OPEN:
        return true;
    case IO_PEER_GONE:
        break;
    case IO_PEER_FINISHED:
        if (exchange->is_finish_seen || exchange->request.decoder.is_done ||
            takes_no_body(exchange) || queue_may_end_body(exchange)) {
            exchange_client_finished(exchange);
            return true;
        }
        break;
    }
    exchange_finish(exchange, CLOSE_CLIENT_GONE, SESSION_CLOSE);
    return false;
}

void exchange_sweep(struct exchange *exchange)
{
    const struct server_settings *settings = exchange->settings;

    if (!check_presence(exchange) || !check_pace(exchange))
        return;
    if (settings->handler->on_sweep != NULL)
        settings->handler->on_sweep(exchange, settings->app);
}
