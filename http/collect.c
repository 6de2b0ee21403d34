// SPDX-License-Identifier: Apache-2.0
/* A body that is read whole before it is decided on. */
#include "http/exchange_private.h"

static void collect_done(struct exchange *exchange)
{
    void (*on_body)(struct exchange *, void *, struct slice) = exchange->on_body;

    exchange_set_state(exchange, EXCHANGE_DECIDING);
    io_unwatch_read(&exchange->session->connection.io);
    exchange->on_body = NULL;
    on_body(exchange, exchange->settings->app, text_slice(&exchange->body));
}

/* Takes what is buffered. false: the exchange was refused. */
static bool collect_buffered(struct exchange *exchange)
{
    struct connection *connection = &exchange->session->connection;
    struct decoder *decoder = &exchange->request.decoder;

    while (!decoder->is_done && buffer_size(&connection->in) > 0) {
        struct iovec content[8];
        int count = ARRAY_SIZE(content);
        size_t used;

        if (decoder_read(decoder, connection->in.data + connection->in.start,
                         buffer_size(&connection->in), &used, content, &count) == DECODE_BAD) {
            exchange_refuse(exchange, 400, CLOSE_BAD_REQUEST, "the body is malformed: %s",
                            decoder->fault);
            return false;
        }
        for (int i = 0; i < count; i++) {
            text_put(&exchange->body, content[i].iov_base, content[i].iov_len);
            exchange->request.content_size += content[i].iov_len;
        }
        connection_consume(connection, used);
        if (exchange->body.size > exchange->body_limit) {
            exchange_refuse(exchange, 413, CLOSE_BODY_TOO_LARGE,
                            "the body is larger than the %zu bytes that this call may have",
                            exchange->body_limit);
            return false;
        }
    }
    return true;
}

void collect_on_client_readable(struct exchange *exchange)
{
    struct connection *connection = &exchange->session->connection;
    ssize_t got;

    if (!collect_buffered(exchange))
        return;
    while (!exchange->request.decoder.is_done) {
        got = connection_read(connection);
        if (got == IO_AGAIN) {
            io_watch_read(&connection->io);
            return;
        }
        if (got <= 0) {
            exchange_finish(exchange, CLOSE_CLIENT_GONE, SESSION_CLOSE);
            return;
        }
        if (!collect_buffered(exchange))
            return;
    }
    collect_done(exchange);
}

/* on_body is called from the loop, also when the body is here already: the caller is not
 * re-entered. */
void exchange_collect(struct exchange *exchange, size_t limit,
                      void (*on_body)(struct exchange *exchange, void *app, struct slice body))
{
    exchange_set_state(exchange, EXCHANGE_COLLECTING);
    exchange_take_head(exchange);
    exchange->body_limit = limit;
    exchange->on_body = on_body;
    text_clear(&exchange->body);
    if (exchange->request.decoder.kind == FRAMING_LENGTH &&
        exchange->request.decoder.left > limit) {
        exchange_refuse(exchange, 413, CLOSE_BODY_TOO_LARGE,
                        "the body is larger than the %zu bytes that this call may have", limit);
        return;
    }
    exchange_send_continue(exchange);
    io_watch_read_now(&exchange->session->connection.io);
}
