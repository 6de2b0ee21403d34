// SPDX-License-Identifier: Apache-2.0
/* The end of a relayed or produced reply, kept back until the handler lets it go. */
#include "http/exchange_private.h"

#include <assert.h>

void hold_prepare(struct exchange *exchange)
{
    half_hold(&exchange->reply, text_slice(&exchange->reply_head), exchange->relay.holds_head);
    exchange->reply_begun = exchange->reply.waiting_head.size == 0;
}

bool hold_is_under_way(struct exchange *exchange)
{
    if (!exchange->has_reply)
        return false;
    exchange->reply_begun = exchange->reply.waiting_head.size == 0;
    return true;
}

/* All that was put before is written. */
static void let_go(struct exchange *exchange, struct slice tail)
{
    exchange->is_released = false;
    half_release(&exchange->reply, tail);
    exchange_run_reply(exchange);
}

void hold_reply(struct exchange *exchange)
{
    if (exchange->state == EXCHANGE_HOLDING) {
        if (exchange->is_released)
            let_go(exchange, text_slice(&exchange->answer_body));
        return;
    }
    timer_disarm(&exchange->timer);
    exchange->times.upstream_ended = clock_us();
    relay_release(exchange, exchange->upstream_keeps && exchange->request.decoder.is_done &&
                                exchange->request.last == HALF_DONE);
    exchange_set_state(exchange, EXCHANGE_HOLDING);
    exchange->request_aborted = !exchange->request.decoder.is_done;
    exchange_watch_client(exchange);
    if (exchange->relay.on_held != NULL)
        exchange->relay.on_held(exchange);
}

void exchange_release(struct exchange *exchange, struct slice tail)
{
    assert(exchange->state == EXCHANGE_HOLDING);
    exchange->reply_begun = true;
    if (!half_has_output(&exchange->reply)) {
        let_go(exchange, tail);
        return;
    }
    text_clear(&exchange->answer_body);
    text_put_slice(&exchange->answer_body, tail);
    exchange->is_released = true;
}

void exchange_hold_put(struct exchange *exchange, struct slice content)
{
    assert(exchange->state == EXCHANGE_HOLDING && !exchange->is_released);
    if (half_has_output(&exchange->reply))
        return;
    half_hold_put(&exchange->reply, content);
    exchange_run_reply(exchange);
}
