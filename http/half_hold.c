// SPDX-License-Identifier: Apache-2.0
/* A half whose end waits. */
#include "http/half_private.h"

#include <assert.h>

void half_hold(struct half *half, struct slice head, bool holds_head)
{
    assert(half->encoding != FRAMING_LENGTH);
    half->holds_end = true;
    if (!holds_head && half->encoding != FRAMING_NONE)
        return;
    assert(half->count > 0 && half->out[half->count - 1].iov_base == head.data);
    half->count--;
    half->waiting_head = head;
}

void half_hold_put(struct half *half, struct slice content)
{
    assert(half->holds_end && !half_has_output(half));
    half->first = half->count = 0;
    text_clear(&half->made);
    text_put_slice(&half->made, content);
    half_queue_made(half);
    half->is_filled = true; /* a line that says the message breaks off does not go in between */
}

void half_release(struct half *half, struct slice tail)
{
    assert(half->holds_end && !half_has_output(half));
    half->first = half->count = 0;
    half->holds_end = false;
    text_clear(&half->made);
    if (half->rewrite != NULL)
        half_rewrite_end(half);
    text_put_slice(&half->made, tail);
    half_queue_made(half);
    if (half->waiting_head.size > 0)
        half_queue_waiting_head(half);
    half_queue_end(half);
}
