// SPDX-License-Identifier: Apache-2.0
/* Replies that are the gateway's own, and what every reply's head begins and ends with. */
#include "http/exchange_private.h"

#include <assert.h>
#include <stdarg.h>
#include <stdio.h>

/* ---- heads */

static const char *reason_phrase(int status)
{
    static const struct {
        int status;
        const char *phrase;
    } phrases[] = {
        {200, "OK"},
        {201, "Created"},
        {202, "Accepted"},
        {204, "No Content"},
        {206, "Partial Content"},
        {304, "Not Modified"},
        {400, "Bad Request"},
        {401, "Unauthorized"},
        {403, "Forbidden"},
        {404, "Not Found"},
        {405, "Method Not Allowed"},
        {408, "Request Timeout"},
        {409, "Conflict"},
        {413, "Content Too Large"},
        {417, "Expectation Failed"},
        {429, "Too Many Requests"},
        {431, "Request Header Fields Too Large"},
        {500, "Internal Server Error"},
        {501, "Not Implemented"},
        {502, "Bad Gateway"},
        {503, "Service Unavailable"},
        {504, "Gateway Timeout"},
        {505, "HTTP Version Not Supported"},
        {507, "Insufficient Storage"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(phrases); i++)
        if (phrases[i].status == status)
            return phrases[i].phrase;
    return "Status";
}

void exchange_put_status(struct exchange *exchange, int status)
{
    struct text *head = &exchange->reply_head;
    char digits[4] = {(char)('0' + status / 100), (char)('0' + status / 10 % 10),
                      (char)('0' + status % 10), ' '};

    text_clear(head);
    text_put_slice(head, SLICE("HTTP/1.1 "));
    text_put(head, digits, sizeof(digits));
    text_put_text(head, reason_phrase(status));
    text_put_slice(head, SLICE("\r\nX-Request-Id: "));
    text_put(head, exchange->id, 20);
    text_put_slice(head, SLICE("\r\n"));
    text_put_slice(head, text_slice(&exchange->reply_headers));
    exchange->status = status;
    exchange->times.first_byte = clock_us();
}

void exchange_put_length(struct text *head, uint64_t size)
{
    text_put_slice(head, SLICE("Content-Length: "));
    text_put_number(head, size);
    text_put_slice(head, SLICE("\r\n"));
}

void exchange_put_connection(struct exchange *exchange)
{
    if (!exchange->keeps_client)
        text_put_slice(&exchange->reply_head, SLICE("Connection: close\r\n"));
    else if (exchange->head.minor == 0)
        text_put_slice(&exchange->reply_head, SLICE("Connection: keep-alive\r\n"));
}

/* ---- answering ourselves */

static void put_answer_head(struct exchange *exchange, const struct answer *answer)
{
    struct text *head = &exchange->reply_head;

    exchange_put_status(exchange, answer->status);
    if (answer->content_type != NULL)
        text_put_format(head, "Content-Type: %s\r\n", answer->content_type);
    text_put_slice(head, answer->headers);
    if (answer->status != 204 && answer->status != 304)
        exchange_put_length(head, answer->body.size);
    exchange_put_connection(exchange);
    text_put_slice(head, SLICE("\r\n"));
}

void exchange_answer(struct exchange *exchange, const struct answer *answer)
{
    bool is_whole;

    assert(!exchange->reply_begun);
    timer_disarm(&exchange->timer);
    relay_release(exchange, false);
    exchange_take_head(exchange);
    is_whole = exchange_skip_buffered(exchange);
    exchange->keeps_client = is_whole && exchange_client_may_go_on(exchange);
    exchange->reason = answer->reason;
    put_answer_head(exchange, answer);
    text_clear(&exchange->answer_body);
    if (!exchange->is_head_request)
        text_put_slice(&exchange->answer_body, answer->body);
    exchange_set_state(exchange, EXCHANGE_ANSWERING);
    io_unwatch_read(&exchange->session->connection.io);
    exchange->reply_begun = true;
    half_begin_local(&exchange->reply, text_slice(&exchange->reply_head),
                     text_slice(&exchange->answer_body));
    exchange_run_reply(exchange);
}

void exchange_refuse(struct exchange *exchange, int status, enum close_reason reason,
                     const char *format, ...)
{
    const struct http_handler *handler = exchange->settings->handler;
    struct answer answer = {.status = status, .reason = reason};
    struct text body = {0};
    char message[512];
    va_list args;

    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    answer.content_type = handler->put_error(exchange, status, message, &body);
    answer.body = text_slice(&body);
    exchange_answer(exchange, &answer);
    text_dispose(&body);
}

/* A line of the reply's own format that says why it ends here. */
static void put_last_line(struct exchange *exchange, int status, const char *message)
{
    struct text *line = &exchange->answer_body; /* lives as long as the half that borrows it */

    text_clear(line);
    exchange->settings->handler->put_error(exchange, status, message, line);
    if (line->size > 0 && line->data[line->size - 1] != '\n')
        text_put_char(line, '\n');
    half_break_off(&exchange->reply, text_slice(line));
}

/* Can the client still get a status? Nothing of a reply may have been written. */
static bool take_reply_back(struct exchange *exchange)
{
    if ((exchange->state == EXCHANGE_RELAYING || exchange->state == EXCHANGE_PRODUCING) &&
        exchange->reply_begun && half_take_back(&exchange->reply))
        exchange->reply_begun = false;
    return !exchange->reply_begun;
}

void exchange_cut(struct exchange *exchange, int status, enum close_reason reason,
                  const char *message)
{
    if (take_reply_back(exchange)) {
        exchange_refuse(exchange, status, reason, "%s", message);
        return;
    }
    if (exchange->has_lines || exchange->relay.break_line.size > 0)
        put_last_line(exchange, status, message);
    exchange_finish(exchange, reason, SESSION_TRUNCATE);
}

void exchange_refuse_as_told(struct exchange *exchange, const struct meter_refusal *refusal)
{
    exchange_cut(exchange, refusal->status, CLOSE_REFUSED, refusal->message);
}
