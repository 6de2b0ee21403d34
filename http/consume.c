// SPDX-License-Identifier: Apache-2.0
/* A body that the handler takes piece by piece. What it does not want yet stays where it is. */
#include "http/exchange_private.h"

#include <assert.h>
#include <stdio.h>

/* Pieces before other connections get their turn. */
enum { ROUNDS = 8 };

/* Ends the exchange. */
static void refuse_malformed(struct exchange *exchange)
{
    char message[128];

    snprintf(message, sizeof(message), "the body is malformed: %s",
             exchange->request.decoder.fault);
    exchange_cut(exchange, 400, CLOSE_BAD_REQUEST, message);
}

/* false: the exchange was ended. */
static bool open_meter(struct exchange *exchange)
{
    struct buffer *in = &exchange->session->connection.in;
    struct meter *meter = exchange->request.meter;
    size_t used;

    switch (meter_open(meter, &exchange->request.decoder, in->data + in->start, buffer_size(in),
                       &used)) {
    case METER_OPEN:
        in->start += (uint32_t)used;
        return true;
    case METER_REFUSED:
        exchange_refuse_as_told(exchange, &meter->refusal);
        return false;
    case METER_BAD_FRAMING:
        break;
    }
    refuse_malformed(exchange);
    return false;
}

/* The next piece of what is buffered; it stays in its block. false: the exchange was ended. */
static bool decode_piece(struct exchange *exchange, struct slice *piece)
{
    struct buffer *in = &exchange->session->connection.in;
    struct meter *meter = exchange->request.meter;
    struct iovec content;
    int count = 1;
    size_t used, size;

    *piece = (struct slice){0};
    if (buffer_size(in) == 0 || exchange->request.decoder.is_done)
        return true; /* there is no body */
    if (meter != NULL && !open_meter(exchange))
        return false;
    size = buffer_size(in);
    if (meter != NULL && size > meter->left)
        size = (size_t)meter->left;
    if (decoder_read(&exchange->request.decoder, in->data + in->start, size, &used, &content,
                     &count) == DECODE_BAD) {
        refuse_malformed(exchange);
        return false;
    }
    in->start += (uint32_t)used;
    if (count > 0)
        *piece = (struct slice){content.iov_base, content.iov_len};
    if (meter != NULL)
        meter_take(meter, piece->size);
    exchange->request.content_size += piece->size;
    return true;
}

/* Gives the handler a piece. true: it wants more. */
static bool hand_over(struct exchange *exchange, struct slice piece)
{
    exchange_consumer on_content = exchange->on_content;
    bool is_last = exchange->request.decoder.is_done;

    if (is_last)
        exchange->on_content = NULL;
    exchange->is_more_wanted = false;
    switch (on_content(exchange, exchange->content_arg, piece, is_last)) {
    case CONSUME_DECIDED:
        return false;
    case CONSUME_WAIT:
        if (!is_last && !exchange->is_more_wanted)
            exchange->request.last = HALF_WAITS_WRITE;
        break;
    case CONSUME_MORE:
        break;
    }
    connection_consume(&exchange->session->connection, 0); /* the block, if it is empty */
    if (is_last)
        exchange_watch_client(exchange);
    else if (exchange->request.last == HALF_WAITS_WRITE)
        io_unwatch_read(&exchange->session->connection.io);
    return !is_last && exchange->request.last == HALF_WAITS_READ;
}

/* true: go on. */
static bool take_piece(struct exchange *exchange)
{
    struct slice piece;

    if (!decode_piece(exchange, &piece))
        return false;
    if (piece.size > 0 || exchange->request.decoder.is_done)
        return hand_over(exchange, piece);
    connection_consume(&exchange->session->connection, 0);
    return true;
}

void consume_on_client_readable(struct exchange *exchange)
{
    struct connection *connection = &exchange->session->connection;

    if (exchange->request.last == HALF_WAITS_WRITE) {
        io_unwatch_read(&connection->io);
        return;
    }
    for (int rounds = 0; rounds < ROUNDS; rounds++) {
        ssize_t got;

        if (buffer_size(&connection->in) > 0 || exchange->request.decoder.is_done) {
            if (!take_piece(exchange))
                return;
            continue;
        }
        got = connection_read(connection);
        if (got == IO_AGAIN) {
            io_watch_read(&connection->io);
            return;
        }
        if (got <= 0) {
            exchange_finish(exchange, CLOSE_CLIENT_GONE, SESSION_CLOSE);
            return;
        }
    }
    io_watch_read_now(&connection->io);
}

void exchange_consume(struct exchange *exchange, exchange_consumer on_content, void *arg)
{
    assert(exchange->on_content == NULL);
    exchange_set_state(exchange, EXCHANGE_CONSUMING);
    exchange_take_head(exchange);
    exchange->on_content = on_content;
    exchange->content_arg = arg;
    exchange->request.last = HALF_WAITS_READ;
    exchange_send_continue(exchange);
    io_watch_read_now(&exchange->session->connection.io);
}

void exchange_consume_more(struct exchange *exchange)
{
    exchange->is_more_wanted = true;
    if (exchange->on_content == NULL || exchange->request.last != HALF_WAITS_WRITE)
        return;
    exchange->request.last = HALF_WAITS_READ;
    io_watch_read_now(&exchange->session->connection.io);
}
