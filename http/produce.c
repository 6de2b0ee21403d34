// SPDX-License-Identifier: Apache-2.0
/* Replies of our own that are made piece by piece. */
#include "http/exchange_private.h"

#include <assert.h>

/* How the client gets the content, and the header that says so. */
static enum body_framing put_framing(struct exchange *exchange, const struct produced *produced)
{
    struct text *head = &exchange->reply_head;

    if (produced->has_length)
        exchange_put_length(head, produced->length);
    if (exchange->is_head_request)
        return FRAMING_NONE;
    if (produced->has_length)
        return FRAMING_LENGTH;
    if (exchange->head.minor > 0) {
        text_put_slice(head, SLICE("Transfer-Encoding: chunked\r\n"));
        return FRAMING_CHUNKED;
    }
    exchange->keeps_client = false; /* HTTP/1.0 knows no chunks: the end is the end */
    return FRAMING_UNTIL_CLOSE;
}

static enum body_framing put_head(struct exchange *exchange, const struct produced *produced)
{
    struct text *head = &exchange->reply_head;
    enum body_framing encoding;

    exchange_put_status(exchange, produced->status);
    text_put_format(head, "Content-Type: %s\r\n", produced->content_type);
    text_put_slice(head, produced->headers);
    encoding = put_framing(exchange, produced);
    exchange_put_connection(exchange);
    text_put_slice(head, SLICE("\r\n"));
    return encoding;
}

/* Whether anybody reads the rest of the body, or there is none. */
static bool is_body_taken(struct exchange *exchange)
{
    return exchange->on_content != NULL || exchange_skip_buffered(exchange);
}

/* What stands between what is made and the client. */
static void pass_on(struct exchange *exchange, const struct produced *produced)
{
    exchange->reply.rewrite = produced->rewrite;
    exchange->reply.rewrite_arg = produced->rewrite_arg;
    if (!produced->holds_end)
        return;
    exchange->relay.holds_head = produced->holds_head;
    exchange->relay.on_held = produced->on_held;
    hold_prepare(exchange);
}

void exchange_produce(struct exchange *exchange, const struct produced *produced)
{
    enum body_framing encoding;

    assert(!exchange->reply_begun && produced->status != 204 && produced->status != 304);
    assert(!produced->has_length || (produced->rewrite == NULL && !produced->holds_end));
    exchange_take_head(exchange);
    exchange->keeps_client = is_body_taken(exchange) && exchange_client_may_go_on(exchange);
    exchange->reason = produced->reason;
    exchange->break_reason =
        produced->break_reason == CLOSE_DONE ? CLOSE_FAILED : produced->break_reason;
    exchange->has_lines = produced->has_lines;
    encoding = put_head(exchange, produced);
    exchange_set_state(exchange, EXCHANGE_PRODUCING);
    exchange->has_reply = exchange->reply_begun = true;
    if (exchange->request.decoder.is_done)
        exchange_watch_client(exchange);
    half_begin_produced(&exchange->reply, text_slice(&exchange->reply_head), encoding,
                        produced->length, produced->produce, produced->arg);
    pass_on(exchange, produced);
    if (exchange->reply_begun)
        timer_disarm(&exchange->finish_timer);
    io_watch_write(&exchange->session->connection.io); /* it begins from the loop */
}

void exchange_produce_more(struct exchange *exchange)
{
    if (exchange->state != EXCHANGE_PRODUCING)
        return;
    half_produce_more(&exchange->reply);
    io_watch_write(&exchange->session->connection.io);
}

struct text *exchange_reply_trailers(struct exchange *exchange)
{
    assert(exchange->state == EXCHANGE_PRODUCING || exchange->state == EXCHANGE_HOLDING);
    return &exchange->reply.decoder.trailers;
}
