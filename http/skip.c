// SPDX-License-Identifier: Apache-2.0
/* What is left of a body when the reply is out. The reply said that the connection goes on, and a
 * client whose last bytes were on their way believes it: they are read over. Whoever has more than
 * a little left is held instead, as after a refusal. */
#include "http/exchange_private.h"

enum { SKIP_MS = 1000, SKIP_MAX = 64 * 1024 };

bool exchange_skip_buffered(struct exchange *exchange)
{
    struct connection *connection = &exchange->session->connection;
    struct decoder *decoder = &exchange->request.decoder;

    while (!decoder->is_done && buffer_size(&connection->in) > 0) {
        struct iovec content[8];
        int count = ARRAY_SIZE(content);
        size_t used;

        if (decoder_read(decoder, connection->in.data + connection->in.start,
                         buffer_size(&connection->in), &used, content, &count) == DECODE_BAD)
            return false;
        connection_consume(connection, used);
    }
    return decoder->is_done;
}

static void end(struct exchange *exchange, enum session_outcome outcome)
{
    exchange_finish(exchange, exchange->reason, outcome);
}

static void on_too_long(struct timer *timer)
{
    end(CONTAINER_OF(timer, struct exchange, timer), SESSION_HOLD);
}

void exchange_skip_rest(struct exchange *exchange)
{
    struct connection *connection = &exchange->session->connection;
    ssize_t got;

    while (!exchange_skip_buffered(exchange)) {
        got = buffer_size(&connection->in) > 0 || exchange->skipped > SKIP_MAX
                  ? IO_ERROR /* malformed, or too much of it */
                  : connection_read(connection);
        if (got == IO_AGAIN) {
            io_watch_read(&connection->io);
            return;
        }
        if (got <= 0) {
            end(exchange, got == IO_EOF ? SESSION_CLOSE : SESSION_HOLD);
            return;
        }
        exchange->skipped += (size_t)got;
    }
    end(exchange, SESSION_NEXT);
}

void exchange_start_skipping(struct exchange *exchange)
{
    exchange_set_state(exchange, EXCHANGE_SKIPPING);
    exchange->skipped = 0;
    exchange->timer.fire = on_too_long;
    timer_arm(exchange->server->loop, &exchange->timer, SKIP_MS);
    io_watch_read_now(&exchange->session->connection.io);
}
