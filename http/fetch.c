// SPDX-License-Identifier: Apache-2.0
#include "http/fetch.h"

#include "conf/memory.h"
#include "http/half.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { FRESH_IDLE_MS = 1000, LAST_WORDS_MS = 2000, REPLY_HEAD_MAX = BLOCK_SMALL };

struct fetch {
    struct fetch_request request;
    fetch_done on_done;
    void *arg;
    struct dial dial;
    struct pooled *pooled;
    struct half outgoing;
    struct decoder decoder;
    struct text head, body; /* of the request */
    struct text headers, reply;
    struct timer timeout, silence;
    bool is_complete; /* the request's head is */
    bool is_retried;
    bool has_spoken;    /* the peer, a byte of a reply */
    bool has_lost_peer; /* a write failed */
    bool has_head, keeps_alive;
    bool is_paused;
    bool is_behind;                /* it was paused, and nobody looked at what is buffered since */
    bool is_calling, is_cancelled; /* in on_content */
    int status;
};

static void dispose(struct fetch *fetch, bool keep)
{
    timer_disarm(&fetch->timeout);
    timer_disarm(&fetch->silence);
    pool_dial_cancel(&fetch->dial);
    if (fetch->pooled != NULL)
        pool_give(fetch->pooled, keep);
    half_dispose(&fetch->outgoing);
    decoder_dispose(&fetch->decoder);
    text_dispose(&fetch->head);
    text_dispose(&fetch->body);
    text_dispose(&fetch->headers);
    text_dispose(&fetch->reply);
    free(fetch);
}

static void fail(struct fetch *fetch, const struct error *err)
{
    fetch_done on_done = fetch->on_done;
    void *arg = fetch->arg;

    dispose(fetch, false);
    on_done(arg, NULL, err);
}

static void fail_with(struct fetch *fetch, enum error_code code, const char *what)
{
    struct error err = {0};

    error_set(&err, code, "%s: %s", pool_address(fetch->request.pool), what);
    fail(fetch, &err);
}

static void succeed(struct fetch *fetch)
{
    struct text headers = fetch->headers, body = fetch->reply, trailers = fetch->decoder.trailers;
    struct fetch_reply reply = {.status = fetch->status,
                                .headers = text_slice(&headers),
                                .body = text_slice(&body),
                                .trailers = text_slice(&trailers)};
    fetch_done on_done = fetch->on_done;
    void *arg = fetch->arg;

    fetch->headers = (struct text){0};
    fetch->reply = (struct text){0};
    fetch->decoder.trailers = (struct text){0};
    dispose(fetch, fetch->keeps_alive && fetch->outgoing.last == HALF_DONE);
    on_done(arg, &reply, NULL);
    text_dispose(&headers);
    text_dispose(&body);
    text_dispose(&trailers);
}

/* ---- the reply. Each returns false when the fetch has ended. */

static bool fail_too_large(struct fetch *fetch)
{
    fail_with(fetch, ERROR_LIMIT, "the reply is larger than was expected");
    return false;
}

static bool is_handed_on(const struct fetch *fetch)
{
    return fetch->request.on_content != NULL && fetch->status == 200;
}

static void keep_headers(struct fetch *fetch, const struct head *head)
{
    for (size_t i = 0; i < head->header_count; i++) {
        text_put_slice(&fetch->headers, head->headers[i].name);
        text_put_slice(&fetch->headers, SLICE(": "));
        text_put_slice(&fetch->headers, head->headers[i].value);
        text_put_slice(&fetch->headers, SLICE("\r\n"));
    }
}

static bool take_head(struct fetch *fetch)
{
    struct connection *connection = &fetch->pooled->connection;
    struct head_fault fault;
    struct head head;

    switch (head_parse_reply(&head, connection->in.data + connection->in.start,
                             buffer_size(&connection->in), 0, false, &fault)) {
    case HEAD_MORE:
        if (buffer_size(&connection->in) < REPLY_HEAD_MAX)
            return true;
        fail_with(fetch, ERROR_SYNTAX, "the reply's head is too large");
        return false;
    case HEAD_BAD:
        fail_with(fetch, ERROR_SYNTAX, fault.text);
        return false;
    case HEAD_DONE:
        break;
    }
    if (head.status >= 200 && fetch->request.keeps_headers)
        keep_headers(fetch, &head);
    connection_consume(connection, head.size);
    if (head.status < 200)
        return true;
    fetch->has_head = true;
    fetch->status = head.status;
    fetch->keeps_alive = head.keeps_alive;
    if (head.body == FRAMING_LENGTH && !is_handed_on(fetch) &&
        head.content_length > fetch->request.reply_max)
        return fail_too_large(fetch);
    decoder_init(&fetch->decoder, head.body, head.content_length,
                 &(struct framing_limits){.trailer_size = 8192, .extension_size = 256});
    return true;
}

/* Whoever gets it may cancel or pause. */
static bool hand_on(struct fetch *fetch, struct slice content)
{
    fetch->is_calling = true;
    fetch->request.on_content(fetch->arg, content);
    fetch->is_calling = false;
    if (!fetch->is_cancelled)
        return true;
    dispose(fetch, false);
    return false;
}

static bool take_piece(struct fetch *fetch, struct slice content)
{
    if (is_handed_on(fetch))
        return hand_on(fetch, content);
    text_put_slice(&fetch->reply, content);
    return fetch->reply.size <= fetch->request.reply_max || fail_too_large(fetch);
}

static bool take_content(struct fetch *fetch)
{
    struct connection *connection = &fetch->pooled->connection;
    struct iovec content[8];
    int count = is_handed_on(fetch) ? 1 : ARRAY_SIZE(content); /* it may pause behind each */
    size_t used;

    if (decoder_read(&fetch->decoder, connection->in.data + connection->in.start,
                     buffer_size(&connection->in), &used, content, &count) == DECODE_BAD) {
        fail_with(fetch, ERROR_SYNTAX, fetch->decoder.fault);
        return false;
    }
    for (int i = 0; i < count; i++)
        if (!take_piece(fetch, (struct slice){content[i].iov_base, content[i].iov_len}))
            return false;
    connection_consume(connection, used);
    return true;
}

/* Deals with what is buffered. */
static bool take_buffered(struct fetch *fetch)
{
    struct connection *connection = &fetch->pooled->connection;

    while (buffer_size(&connection->in) > 0 && !fetch->is_paused &&
           !(fetch->has_head && fetch->decoder.is_done)) {
        size_t before = buffer_size(&connection->in);

        if (!(fetch->has_head ? take_content(fetch) : take_head(fetch)))
            return false;
        if (buffer_size(&connection->in) == before)
            break;
    }
    fetch->is_behind = fetch->is_paused;
    if (fetch->is_paused || !fetch->has_head || !fetch->decoder.is_done)
        return true;
    succeed(fetch);
    return false;
}

/* Nobody but the owner holds things up. */
static bool is_owner_awaited(const struct fetch *fetch)
{
    return fetch->is_paused ||
           (fetch->outgoing.produce != NULL && fetch->outgoing.last == HALF_WAITS_READ);
}

static void watch_silence(struct fetch *fetch)
{
    if (fetch->has_lost_peer && !fetch->has_spoken)
        return; /* wait_for_last_words sees to it */
    timer_disarm(&fetch->silence);
    if (!is_owner_awaited(fetch) && fetch->request.silence_ms > 0)
        timer_arm(fetch->request.loop, &fetch->silence, fetch->request.silence_ms);
}

/* A reused connection that failed before a byte came may have been closed before the request was
 * seen. false: that is no excuse, or was one already. */
static bool retry(struct fetch *fetch);

/* The end of what can be read. */
static void take_end(struct fetch *fetch, ssize_t result)
{
    if (result == IO_EOF && fetch->has_head && decoder_finish(&fetch->decoder))
        succeed(fetch);
    else if (!retry(fetch))
        fail_with(fetch, ERROR_IO, "the connection was closed before the reply was whole");
}

static void on_readable(struct io *io)
{
    struct pooled *pooled = CONTAINER_OF(io, struct pooled, connection.io);
    struct fetch *fetch = pooled->borrower;
    ssize_t got;

    if (fetch->is_behind && !take_buffered(fetch))
        return;
    if (fetch->is_paused)
        return;
    got = connection_read(&pooled->connection);
    if (got == IO_AGAIN)
        return;
    if (got <= 0) {
        take_end(fetch, got);
        return;
    }
    fetch->has_spoken = true;
    if (!take_buffered(fetch))
        return;
    watch_silence(fetch);
    if (!fetch->is_paused)
        io_watch_read(io);
}

void fetch_pause(struct fetch *fetch)
{
    fetch->is_paused = fetch->is_behind = true;
    if (fetch->pooled != NULL)
        io_unwatch_read(&fetch->pooled->connection.io);
    watch_silence(fetch);
}

void fetch_resume(struct fetch *fetch)
{
    if (!fetch->is_paused)
        return;
    fetch->is_paused = false;
    if (fetch->pooled != NULL)
        io_watch_read_now(&fetch->pooled->connection.io);
    watch_silence(fetch);
}

/* ---- the request */

/* The write failed, but the reply that says why may stand in our receive queue already, or be about
 * to. The descriptor is not waited for: its failure may have been told. */
static void wait_for_last_words(struct fetch *fetch)
{
    fetch->has_lost_peer = true;
    if (!fetch->has_spoken)
        timer_arm(fetch->request.loop, &fetch->silence, LAST_WORDS_MS);
    io_watch_read_now(&fetch->pooled->connection.io);
}

static void run_outgoing(struct fetch *fetch)
{
    uint64_t before = fetch->outgoing.written_size;
    enum half_result result = half_run(&fetch->outgoing);

    if (result == HALF_SOURCE_ENDED)
        fail_with(fetch, ERROR_CANCELED, "what was to be sent broke off");
    else if (result == HALF_DESTINATION_FAILED)
        wait_for_last_words(fetch);
    else if (fetch->outgoing.written_size > before || is_owner_awaited(fetch))
        watch_silence(fetch);
}

static void on_writable(struct io *io)
{
    struct pooled *pooled = CONTAINER_OF(io, struct pooled, connection.io);

    run_outgoing(pooled->borrower);
}

void fetch_produce_more(struct fetch *fetch)
{
    if (fetch->pooled == NULL || fetch->outgoing.produce == NULL ||
        fetch->outgoing.last == HALF_DONE ||
        fetch->has_lost_peer) /* a wish to write would cost the connection */
        return;
    half_produce_more(&fetch->outgoing);
    io_watch_write(&fetch->pooled->connection.io);
}

static void complete_head(struct fetch *fetch)
{
    const struct fetch_request *request = &fetch->request;

    if (fetch->is_complete) /* it is sent again */
        return;
    fetch->is_complete = true;
    if (request->complete != NULL)
        request->complete(fetch->arg, fetch->pooled->connection.io.ssl, &fetch->head, &fetch->body);
    if (request->produce != NULL && !request->has_length)
        text_put_slice(&fetch->head, SLICE("Transfer-Encoding: chunked\r\n\r\n"));
    else
        text_put_format(&fetch->head, "Content-Length: %llu\r\n\r\n",
                        request->produce != NULL ? (unsigned long long)request->length
                                                 : (unsigned long long)fetch->body.size);
}

static void attach(struct fetch *fetch)
{
    const struct fetch_request *request = &fetch->request;
    struct connection *connection = &fetch->pooled->connection;

    fetch->pooled->borrower = fetch;
    connection->io.on_readable = on_readable;
    connection->io.on_writable = on_writable;
    complete_head(fetch);
    fetch->outgoing.to = connection;
    io_watch_read(&connection->io);
    if (request->produce != NULL) {
        half_begin_produced(&fetch->outgoing, text_slice(&fetch->head),
                            request->has_length ? FRAMING_LENGTH : FRAMING_CHUNKED, request->length,
                            request->produce, request->produce_arg);
        io_watch_write(&connection->io); /* from the loop: it may end the fetch */
        return;
    }
    half_begin_local(&fetch->outgoing, text_slice(&fetch->head), text_slice(&fetch->body));
    if (half_run(&fetch->outgoing) == HALF_DESTINATION_FAILED)
        wait_for_last_words(fetch);
}

static void on_dialled(struct dial *dial, struct pooled *pooled, const struct error *err)
{
    struct fetch *fetch = CONTAINER_OF(dial, struct fetch, dial);

    if (pooled == NULL) {
        fail(fetch, err);
        return;
    }
    fetch->pooled = pooled;
    attach(fetch);
}

static bool retry(struct fetch *fetch)
{
    struct error err = {0};

    if (!fetch->request.is_idempotent || fetch->is_retried || fetch->has_spoken ||
        !fetch->pooled->is_reused)
        return false;
    fetch->is_retried = true;
    fetch->has_lost_peer = false;
    watch_silence(fetch);
    half_dispose(&fetch->outgoing);
    pool_give(fetch->pooled, false);
    fetch->pooled = NULL;
    half_init(&fetch->outgoing, NULL, NULL, fetch->request.pipes);
    if (!pool_dial_start(fetch->request.pool, &fetch->dial, on_dialled, &err))
        fail(fetch, &err);
    return true;
}

static void on_timeout(struct timer *timer)
{
    fail_with(CONTAINER_OF(timer, struct fetch, timeout), ERROR_TIMEOUT, "no answer in time");
}

static void on_silence(struct timer *timer)
{
    struct fetch *fetch = CONTAINER_OF(timer, struct fetch, silence);

    if (fetch->has_lost_peer)
        fail_with(fetch, ERROR_IO, "the connection broke while the request was sent");
    else
        fail_with(fetch, ERROR_TIMEOUT, "it fell silent");
}

static uint64_t max_idle_ms(const struct fetch_request *request)
{
    if (request->is_idempotent)
        return UINT64_MAX;
    return request->max_idle_ms > 0 ? request->max_idle_ms : FRESH_IDLE_MS;
}

bool fetch_start(struct fetch **result, const struct fetch_request *request, fetch_done on_done,
                 void *arg, struct error *err)
{
    struct fetch *fetch = memory_alloc(sizeof(*fetch));

    assert(!request->is_idempotent || (request->produce == NULL && request->complete == NULL));
    fetch->request = *request;
    fetch->on_done = on_done;
    fetch->arg = arg;
    fetch->timeout.fire = on_timeout;
    fetch->silence.fire = on_silence;
    half_init(&fetch->outgoing, NULL, NULL, request->pipes);
    fetch->pooled = pool_take(request->pool, max_idle_ms(request));
    if (fetch->pooled == NULL && !pool_dial_start(request->pool, &fetch->dial, on_dialled, err)) {
        dispose(fetch, false);
        return false;
    }
    text_put_slice(&fetch->head, request->head);
    text_put_slice(&fetch->body, request->body);
    if (fetch->pooled != NULL) /* writes at most; what is read comes from the loop */
        attach(fetch);
    if (request->timeout_ms > 0)
        timer_arm(request->loop, &fetch->timeout, request->timeout_ms);
    watch_silence(fetch);
    *result = fetch;
    return true;
}

void fetch_cancel(struct fetch **fetch)
{
    if (*fetch != NULL && (*fetch)->is_calling)
        (*fetch)->is_cancelled = true; /* hand_on sees to it */
    else if (*fetch != NULL)
        dispose(*fetch, false);
    *fetch = NULL;
}

/* ---- what may be asked */

int fetch_status(const struct fetch *fetch)
{
    return fetch->status;
}

struct slice fetch_headers(const struct fetch *fetch)
{
    return text_slice(&fetch->headers);
}

struct slice header_value(struct slice headers, const char *name)
{
    size_t size = strlen(name);

    while (headers.size > 0) {
        const char *end = memchr(headers.data, '\r', headers.size);
        size_t line = (size_t)(end - headers.data);

        if (line >= size + 2 && headers.data[size] == ':' &&
            strncasecmp(headers.data, name, size) == 0)
            return (struct slice){headers.data + size + 2, line - size - 2};
        headers.data += line + 2;
        headers.size -= line + 2;
    }
    return (struct slice){0};
}
