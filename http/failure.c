// SPDX-License-Identifier: Apache-2.0
/* An upstream's failure that the handler looks at before any of it goes to the client: the whole
 * small reply is kept back, as hold.c keeps back an end, and then passes or is forgotten. */
#include "http/exchange_private.h"

#include <assert.h>

static void pass_on(struct exchange *exchange, struct slice content, struct text *out)
{
    const struct exchange_failure *failure = &exchange->failure;

    if (failure->rewrite != NULL)
        failure->rewrite(failure->rewrite_arg, content, false, out);
    else
        text_put_slice(out, content);
}

/* What was kept goes out once it is too much, or when the reply is let go. */
static void stop_keeping(struct exchange *exchange, struct text *out)
{
    if (exchange->failure.is_passing)
        return;
    exchange->failure.is_passing = true;
    if (exchange->answer_body.size > 0)
        pass_on(exchange, text_slice(&exchange->answer_body), out);
}

static void keep(void *exchange_, struct slice content, bool is_last, struct text *out)
{
    struct exchange *exchange = exchange_;
    const struct exchange_failure *failure = &exchange->failure;
    struct text *kept = &exchange->answer_body;

    if (!is_last && !failure->is_passing && kept->size + content.size <= EXCHANGE_FAILURE_MAX) {
        text_put_slice(kept, content);
        return;
    }
    stop_keeping(exchange, out);
    if (!is_last)
        pass_on(exchange, content, out);
    else if (failure->rewrite != NULL)
        failure->rewrite(failure->rewrite_arg, content, true, out);
}

/* As if the handler had not been asked yet. What it said of the reply's headers stays. */
static void forget_reply(struct exchange *exchange)
{
    struct meter *meter = exchange->reply.meter;

    half_dispose(&exchange->reply);
    half_init(&exchange->reply, NULL, &exchange->session->connection, exchange->server->pipes);
    exchange->reply.meter = meter;
    exchange->has_reply = exchange->reply_begun = false;
    exchange->is_retried = exchange->upstream_spoke = false;
    exchange->status = 0;
    text_clear(&exchange->upstream_head);
    text_clear(&exchange->upstream_body);
    exchange_set_state(exchange, EXCHANGE_DECIDING);
}

static void on_held(struct exchange *exchange)
{
    if (exchange->failure.is_passing ||
        !exchange->relay.on_failure(exchange, exchange->status, text_slice(&exchange->answer_body)))
        exchange_release(exchange, (struct slice){0});
    else
        forget_reply(exchange);
}

void failure_keep(struct exchange *exchange)
{
    struct relay *relay = &exchange->relay;

    assert(!relay->holds_end);
    exchange->failure =
        (struct exchange_failure){.rewrite = relay->rewrite, .rewrite_arg = relay->rewrite_arg};
    text_clear(&exchange->answer_body);
    relay->rewrite = keep;
    relay->rewrite_arg = exchange;
    relay->holds_end = relay->holds_head = true;
    relay->on_held = on_held;
}
