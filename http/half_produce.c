// SPDX-License-Identifier: Apache-2.0
/* A half whose content a function makes. */
#include "http/half_private.h"

#include <assert.h>

void half_begin_produced(struct half *half, struct slice head, enum body_framing encoding,
                         uint64_t length, half_produce produce, void *arg)
{
    half->from = NULL;
    decoder_init(&half->decoder, encoding, length, &(struct framing_limits){0});
    half->produce = produce;
    half->produce_arg = arg;
    half->produced = PRODUCE_MORE;
    half->is_more_there = false;
    half_begin(half, head, encoding);
}

void half_produce_more(struct half *half)
{
    half->is_more_there = true;
}

/* Puts what stands in the place of the next piece into half->made; returns the piece's own size. */
static size_t make_rewritten(struct half *half)
{
    struct text piece = {0};
    size_t size;

    half->produced = half->produce(half->produce_arg, &piece);
    size = piece.size;
    half->rewrite(half->rewrite_arg, text_slice(&piece), false, &half->made);
    text_dispose(&piece);
    if (half->produced == PRODUCE_END && !half->holds_end)
        half_rewrite_end(half);
    return size;
}

static size_t make_piece(struct half *half)
{
    text_clear(&half->made);
    half->is_more_there = false;
    if (half->rewrite != NULL)
        return make_rewritten(half);
    half->produced = half->produce(half->produce_arg, &half->made);
    return half->made.size;
}

/* The next piece. false: half->last says why it may not pass. */
static bool make(struct half *half)
{
    size_t size = make_piece(half);

    assert(half->produced != PRODUCE_MORE || size > 0);
    if (half->encoding == FRAMING_LENGTH && size > half->decoder.left) {
        half->last = HALF_SOURCE_ENDED; /* more than was promised: nobody shall take it for whole */
        return false;
    }
    if (half->meter != NULL && !meter_allows(half->meter, size)) {
        half_refuse(half, &half->meter->refusal);
        return false;
    }
    if (half->meter != NULL)
        meter_take(half->meter, size);
    half->content_size += size;
    if (half->encoding == FRAMING_LENGTH)
        decoder_skip(&half->decoder, size);
    else if (half->produced == PRODUCE_END)
        half->decoder.is_done = true;
    half_queue_made(half);
    half->is_filled = true;
    return true;
}

/* true: go on. false: half->last says what happened. */
static bool step_produced(struct half *half)
{
    bool is_held;

    if (!half->is_filled && !half->decoder.is_done && !make(half))
        return false;
    is_held = half->decoder.is_done && half->holds_end;
    if (half->decoder.is_done && !half->is_end_queued && !is_held)
        half_queue_end(half);
    if (!half_flush(half))
        return false;
    if (half->is_end_queued || is_held)
        half->last = is_held ? HALF_HELD : HALF_DONE;
    else if (half->produced == PRODUCE_MORE ||
             (half->produced == PRODUCE_WAIT && half->is_more_there))
        return true;
    else
        half->last = half->produced == PRODUCE_WAIT ? HALF_WAITS_READ : HALF_SOURCE_ENDED;
    return false;
}

enum half_result half_run_produced(struct half *half)
{
    for (int rounds = 0; rounds < HALF_ROUNDS; rounds++)
        if (!step_produced(half))
            return half->last;
    io_watch_write(&half->to->io); /* others have their turn */
    half->last = HALF_WAITS_WRITE;
    return half->last;
}
