// SPDX-License-Identifier: Apache-2.0
/* The once-a-second look at a running exchange: has the client left while we were not reading from
 * it, and does it keep up the pace that it owes? */
#include "http/exchange_private.h"

#include "conf/memory.h"

#include <stdlib.h>
#include <sys/ioctl.h>
#include <sys/socket.h>

enum { WINDOW_S = 30 };

static bool waits_for_request(const struct exchange *exchange)
{
    if (exchange->request.decoder.is_done || exchange->request_aborted)
        return false;
    return exchange->state == EXCHANGE_COLLECTING ||
           (exchange->state == EXCHANGE_RELAYING && exchange->request.last == HALF_WAITS_READ);
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

    pace->moved = moved;
    pace->window_moved += step;
    if (!waits_for_client(exchange))
        return true;
    pace->idle_s = step > 0 ? 0 : pace->idle_s + 1;
    pace->waited_s++;
    if (pace->waited_s >= WINDOW_S) {
        if (pace->window_moved < limits->min_body_rate * WINDOW_S) {
            exchange_cut(exchange, 408, CLOSE_CLIENT_TOO_SLOW,
                         "the body came, or was read, too slowly");
            return false;
        }
        pace->waited_s = 0;
        pace->window_moved = 0;
    }
    if (limits->body_idle_timeout_ms > 0 &&
        (uint64_t)pace->idle_s * 1000 >= limits->body_idle_timeout_ms) {
        exchange_cut(exchange, 408, CLOSE_CLIENT_TOO_SLOW,
                     "the body came, or was read, too slowly");
        return false;
    }
    return true;
}

/* The client sent FIN, and its body is not read to the end, because the upstream takes no more. Can
 * what waits in the kernel be the rest of it? */
static bool queue_may_end_body(const struct exchange *exchange)
{
    const struct connection *client = &exchange->session->connection;
    int queued = 0;
    char *bytes;
    ssize_t size;
    bool result;

    if (client->io.ssl != NULL || ioctl(client->io.fd, FIONREAD, &queued) != 0)
        return false;
    if (exchange->request.decoder.kind == FRAMING_LENGTH)
        return (uint64_t)queued + buffer_size(&client->in) >= exchange->request.decoder.left;
    if (queued == 0)
        return buffer_size(&client->in) > 0;
    /* chunked: a whole body ends with an empty line. Once in an exchange, and as large as the
     * receive buffer. */
    bytes = memory_resize(NULL, (size_t)queued);
    size = recv(client->io.fd, bytes, (size_t)queued, MSG_PEEK);
    result = size >= 4 && memcmp(bytes + size - 4, "\r\n\r\n", 4) == 0;
    free(bytes);
    return result;
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
        if (exchange->state == EXCHANGE_DECIDING) {
            exchange_await_decision(exchange);
            return true;
        }
        if (exchange->client_finished || exchange->request.decoder.is_done ||
            queue_may_end_body(exchange))
            return true;
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
