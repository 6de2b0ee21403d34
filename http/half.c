// SPDX-License-Identifier: Apache-2.0
#include "http/half.h"

#include "http/half_private.h"

#include <assert.h>

void half_init(struct half *half, struct connection *from, struct connection *to,
               struct pipe_store *pipes)
{
    half->from = from;
    half->to = to;
    half->pipes = pipes;
    half->decoder = (struct decoder){.is_done = true};
    half->encoding = FRAMING_NONE;
    half->is_end_queued = half->is_filled = half->distrusts_end = false;
    half->content_size = half->written_size = half->begun_at = 0;
    half->last_content = '\n';
    half->last = HALF_WAITS_READ;
    half->splice = (struct splice){0};
    half->rewrite = NULL;
    half->is_rewritten = half->holds_end = false;
    half->meter = NULL;
    half->view = NULL;
    half->refusal = NULL;
    half->produce = NULL;
    half->waiting_head = (struct slice){0};
    half->made = (struct text){0};
    half->first = half->count = 0;
}

void half_dispose(struct half *half)
{
    text_dispose(&half->made);
    decoder_dispose(&half->decoder);
    splice_close(&half->splice, half->pipes);
    half->first = half->count = 0;
}

static void queue(struct half *half, const void *data, size_t size)
{
    if (size == 0)
        return;
    assert(half->count < HALF_VECTORS);
    half->out[half->count++] = (struct iovec){.iov_base = (void *)data, .iov_len = size};
}

static void queue_slice(struct half *half, struct slice s)
{
    queue(half, s.data, s.size);
}

void half_queue_interim(struct half *half, struct slice bytes)
{
    assert(!half_has_output(half));
    half->first = half->count = 0;
    queue_slice(half, bytes);
}

void half_begin(struct half *half, struct slice head, enum body_framing encoding)
{
    half->begun_at = half_has_output(half) ? UINT64_MAX : half->written_size;
    if (!half_has_output(half))
        half->first = half->count = 0;
    half->encoding = encoding;
    half->is_end_queued = half->is_filled = false;
    queue_slice(half, head);
}

void half_begin_local(struct half *half, struct slice head, struct slice body)
{
    if (!half_has_output(half))
        half->first = half->count = 0;
    half->from = NULL;
    decoder_dispose(&half->decoder);
    half->decoder = (struct decoder){.is_done = true};
    half->encoding = FRAMING_NONE;
    half->is_end_queued = true;
    half->holds_end = false;
    half->waiting_head = (struct slice){0};
    queue_slice(half, head);
    queue_slice(half, body);
}

bool half_take_back(struct half *half)
{
    if (half->written_size != half->begun_at)
        return false;
    half->first = half->count = 0;
    half->is_filled = false;
    half->rewrite = NULL;
    half->produce = NULL;
    return true;
}

void half_forget_output(struct half *half)
{
    assert(!half->is_filled && half->splice.held == 0);
    half->first = half->count = 0;
}

/* ---- filling: content and what stands around it */

void half_queue_waiting_head(struct half *half)
{
    queue_slice(half, half->waiting_head);
    half->waiting_head = (struct slice){0};
}

/* Content, in one chunk if the message has them; borrowed until it is written. */
static void queue_content(struct half *half, const struct iovec *content, int count, size_t size)
{
    if (size == 0 || half->encoding == FRAMING_NONE)
        return;
    if (half->waiting_head.size > 0)
        half_queue_waiting_head(half);
    if (half->encoding == FRAMING_CHUNKED)
        queue(half, half->chunk_line, framing_chunk_line(half->chunk_line, size));
    for (int i = 0; i < count; i++)
        queue(half, content[i].iov_base, content[i].iov_len);
    if (half->encoding == FRAMING_CHUNKED)
        queue_slice(half, SLICE("\r\n"));
}

void half_queue_made(struct half *half)
{
    struct iovec content = {half->made.data, half->made.size};

    queue_content(half, &content, 1, content.iov_len);
    if (half->made.size > 0)
        half->last_content = half->made.data[half->made.size - 1];
}

void half_rewrite_end(struct half *half)
{
    half->is_rewritten = true;
    half->rewrite(half->rewrite_arg, (struct slice){NULL, 0}, true, &half->made);
}

/* What stands in the place of the content. */
static struct iovec rewrite_content(struct half *half, const struct iovec *content, int count)
{
    text_clear(&half->made);
    for (int i = 0; i < count; i++)
        half->rewrite(half->rewrite_arg, (struct slice){content[i].iov_base, content[i].iov_len},
                      false, &half->made);
    if (half->decoder.is_done && !half->holds_end)
        half_rewrite_end(half);
    return (struct iovec){half->made.data, half->made.size};
}

/* The end came without content: what was kept back until now. */
static void queue_rewritten_end(struct half *half)
{
    text_clear(&half->made);
    half_rewrite_end(half);
    half_queue_made(half);
}

void half_queue_end(struct half *half)
{
    half->is_end_queued = true;
    if (half->rewrite != NULL && !half->is_rewritten)
        queue_rewritten_end(half);
    if (half->encoding != FRAMING_CHUNKED)
        return;
    queue_slice(half, SLICE("0\r\n"));
    queue_slice(half, text_slice(&half->decoder.trailers));
    queue_slice(half, SLICE("\r\n"));
}

void half_refuse(struct half *half, const struct meter_refusal *refusal)
{
    half->last = HALF_REFUSED;
    half->refusal = refusal;
}

/* false: half->last says why nothing may pass. */
static bool open_meter(struct half *half)
{
    struct buffer *in = &half->from->in;
    size_t used;

    switch (meter_open(half->meter, &half->decoder, in->data + in->start, buffer_size(in), &used)) {
    case METER_OPEN:
        in->start += (uint32_t)used;
        return true;
    case METER_REFUSED:
        half_refuse(half, &half->meter->refusal);
        return false;
    case METER_BAD_FRAMING:
        break;
    }
    half->last = HALF_SOURCE_BROKE_FRAMING;
    return false;
}

/* What may be taken of what the source has buffered. */
static size_t fillable(const struct half *half)
{
    size_t size = buffer_size(&half->from->in);

    return half->meter != NULL && size > half->meter->left ? (size_t)half->meter->left : size;
}

/* false: half->last says why it may not pass. */
static bool show(struct half *half, const struct iovec *content, int count)
{
    for (int i = 0; i < count && half->view != NULL; i++) {
        struct view *view = half->view;
        struct slice piece = {content[i].iov_base, content[i].iov_len};

        switch (view->see(view->arg, piece, &view->refusal)) {
        case VIEW_MORE:
            break;
        case VIEW_ENOUGH:
            half->view = NULL;
            break;
        case VIEW_REFUSED:
            half_refuse(half, &view->refusal);
            return false;
        }
    }
    return true;
}

/* Decodes what the source has buffered and queues it in the new framing. false: half->last says why
 * it may not pass. */
static bool fill(struct half *half)
{
    struct buffer *in = &half->from->in;
    struct iovec content[HALF_CONTENT_VECTORS];
    int count = HALF_CONTENT_VECTORS;
    size_t used, size = 0;

    if (half->meter != NULL && !open_meter(half))
        return false;
    if (decoder_read(&half->decoder, in->data + in->start, fillable(half), &used, content,
                     &count) == DECODE_BAD) {
        half->last = HALF_SOURCE_BROKE_FRAMING;
        return false;
    }
    in->start += (uint32_t)used; /* the block stays: the content stands in it until it is written */
    for (int i = 0; i < count; i++)
        size += content[i].iov_len;
    half->content_size += size;
    if (half->meter != NULL)
        meter_take(half->meter, size);
    if (!show(half, content, count))
        return false;
    if (half->rewrite != NULL) {
        content[0] = rewrite_content(half, content, count);
        count = 1;
        size = content[0].iov_len;
    }
    queue_content(half, content, count, size);
    if (size > 0)
        half->last_content =
            ((const char *)content[count - 1].iov_base)[content[count - 1].iov_len - 1];
    half->is_filled = true;
    return true;
}

static bool has_undecoded(const struct half *half)
{
    return half->from != NULL && buffer_size(&half->from->in) > 0;
}

/* ---- writing */

static void advance(struct half *half, size_t written)
{
    half->written_size += written;
    while (written > 0) {
        struct iovec *vector = &half->out[half->first];

        if (written < vector->iov_len) {
            vector->iov_base = (char *)vector->iov_base + written;
            vector->iov_len -= written;
            return;
        }
        written -= vector->iov_len;
        half->first++;
    }
}

bool half_flush(struct half *half)
{
    while (half_has_output(half)) {
        ssize_t put = io_write(&half->to->io, half->out + half->first, half->count - half->first);

        if (put == IO_AGAIN) {
            io_watch_write(&half->to->io);
            half->last = HALF_WAITS_WRITE;
            return false;
        }
        if (put < 0) {
            half->last = HALF_DESTINATION_FAILED;
            return false;
        }
        advance(half, (size_t)put);
    }
    half->first = half->count = 0;
    half->is_filled = false;
    if (half->from != NULL && buffer_size(&half->from->in) == 0)
        buffer_release(half->from->blocks, &half->from->in);
    return true;
}

void half_break_off(struct half *half, struct slice line)
{
    struct slice newline = half->last_content == '\n' ? (struct slice){"", 0} : SLICE("\n");

    if (line.size == 0 || half->encoding != FRAMING_CHUNKED || half->is_filled ||
        half->is_end_queued || half->waiting_head.size > 0)
        return;
    if (!half_has_output(half)) /* else it is the head */
        half->first = half->count = 0;
    queue(half, half->chunk_line, framing_chunk_line(half->chunk_line, newline.size + line.size));
    queue_slice(half, newline);
    queue_slice(half, line);
    queue_slice(half, SLICE("\r\n"));
    (void)half_flush(half);
}

/* ---- splicing */

static bool can_splice(struct half *half)
{
    if (half->splice.held > 0)
        return true;
    return half->from != NULL && half->view == NULL && half->decoder.kind == FRAMING_LENGTH &&
           half->encoding == FRAMING_LENGTH && half->decoder.left >= SPLICE_MIN &&
           half->from->io.ssl == NULL && half->to->io.ssl == NULL && !has_undecoded(half) &&
           (half->splice.write_end != 0 || splice_open(&half->splice, half->pipes));
}

/* How much may leave the source. 0: the meter said no. */
static uint64_t spliceable(struct half *half)
{
    uint64_t left = half->decoder.left;

    if (half->meter == NULL)
        return left;
    if (half->splice.held == 0 && !meter_allows(half->meter, 1))
        return 0;
    return left < half->meter->left ? left : half->meter->left;
}

/* true: go on. false: half->last says what happened. */
static bool run_splice(struct half *half)
{
    uint64_t taken, put, max = spliceable(half);
    enum splice_result result;

    if (max == 0 && half->splice.held == 0) {
        half_refuse(half, &half->meter->refusal);
        return false;
    }
    // NOLINTNEXTLINE(clang-analyzer-core.NullDereference): only halves with both ends splice
    result = splice_move(&half->splice, half->from->io.fd, half->to->io.fd, max, &taken, &put);

    if (taken > 0) {
        decoder_skip(&half->decoder, taken);
        half->content_size += taken;
        if (half->meter != NULL)
            meter_take(half->meter, taken);
    }
    half->written_size += put;
    switch (result) {
    case SPLICE_MOVED:
        return true;
    case SPLICE_WAIT_READ:
        splice_close(&half->splice, half->pipes); /* who waits holds no pipe */
        half->last = HALF_WAITS_READ;
        return false;
    case SPLICE_WAIT_WRITE:
        io_watch_write(&half->to->io);
        half->last = HALF_WAITS_WRITE;
        return false;
    case SPLICE_EOF:
        half->last = HALF_SOURCE_ENDED;
        return false;
    case SPLICE_FROM_ERROR:
        half->last = HALF_SOURCE_FAILED;
        return false;
    case SPLICE_TO_ERROR:
        break;
    }
    half->last = HALF_DESTINATION_FAILED;
    return false;
}

/* ---- running */

/* true: go on. false: half->last says what happened. */
static bool read_source(struct half *half)
{
    ssize_t got;

    half->last = HALF_WAITS_READ;
    if (half->from == NULL || half->from->is_drained)
        return false;
    got = connection_read(half->from);
    if (got > 0)
        return true;
    if (got == IO_EOF && !half->distrusts_end && decoder_finish(&half->decoder))
        return true;
    if (got != IO_AGAIN)
        half->last = got == IO_EOF ? HALF_SOURCE_ENDED : HALF_SOURCE_FAILED;
    return false;
}

/* One step: queues what is there (body bytes that came with the head leave with it), writes it, and
 * gets more. true: go on. false: half->last says what happened. */
static bool step(struct half *half)
{
    bool is_held;

    if (!half->is_filled && !half->decoder.is_done && has_undecoded(half) && !fill(half))
        return false;
    is_held = half->decoder.is_done && half->holds_end;
    if (half->decoder.is_done && !half->is_end_queued && half->splice.held == 0 && !is_held)
        half_queue_end(half);
    if (!half_flush(half))
        return false;
    if (half->is_end_queued || is_held) {
        half->last = is_held ? HALF_HELD : HALF_DONE;
        return false;
    }
    if (has_undecoded(half))
        return true;
    return can_splice(half) ? run_splice(half) : read_source(half);
}

enum half_result half_run(struct half *half)
{
    if (half->produce != NULL)
        return half_run_produced(half);
    if (half->from != NULL)
        half->from->is_drained = false;
    half->last = HALF_WAITS_READ; /* so it stays when others must have their turn */
    for (int rounds = 0; rounds < HALF_ROUNDS; rounds++)
        if (!step(half))
            break;
        else
            half->last = HALF_WAITS_READ;
    if (half->from == NULL)
        return half->last;
    if (half->last == HALF_WAITS_READ && (has_undecoded(half) || half->decoder.is_done))
        io_watch_read_now(&half->from->io); /* what is buffered, no descriptor will tell of; nor of
                                               an end that came with the last round */
    else if (half->last == HALF_WAITS_READ)
        io_watch_read(&half->from->io);
    else if (half->last == HALF_WAITS_WRITE)
        io_unwatch_read(&half->from->io);
    return half->last;
}
