// SPDX-License-Identifier: Apache-2.0
/* Blocks that a partner sends, into the inbox; and how far they are. */
#include "federation/port_data_private.h"

#include "conf/memory.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

/* ---- what control is told */

struct news {
    struct message message;
    struct transfers_control asks;
    char partner[ID_SIZE], id[ULID_SIZE];
    uint64_t position, bytes;
    bool is_whole, is_rejected;
    char said[TRANSFERS_SAID_SIZE];
};

static void on_news(struct message *message, void *receiver)
{
    struct news *news = CONTAINER_OF(message, struct news, message);

    if (news->is_rejected)
        news->asks.rejected(news->asks.arg, news->partner, news->id, news->said);
    else
        news->asks.received(news->asks.arg, news->partner, news->id, news->position, news->is_whole,
                            news->bytes, news->position);
    free(news);
}

/* said NULL: of how far it is, if it is further than control knows: a request that brings nothing
 * must not keep room reserved. */
static void tell_control(struct flow *flow, const char *said)
{
    bool is_whole = sink_is_whole(flow->sink);
    struct news *news;

    if (said == NULL && sink_position(flow->sink) <= flow->told && is_whole == flow->was_told_whole)
        return;
    flow->told = sink_position(flow->sink);
    flow->was_told_whole = is_whole;
    news = memory_alloc(sizeof(*news));

    news->message.deliver = on_news;
    news->asks = flow->all->settings.asks;
    memcpy(news->partner, flow->lane->peer->partner, sizeof(news->partner));
    memcpy(news->id, flow->id, sizeof(news->id));
    news->position = sink_position(flow->sink);
    news->is_whole = is_whole;
    news->bytes = sink_bytes(flow->sink);
    news->is_rejected = said != NULL;
    if (said != NULL)
        (void)snprintf(news->said, sizeof(news->said), "%s", said);
    loop_post(flow->all->settings.control, &news->message);
}

/* ---- blocks that come */

/* The link's pace, and that of what is placed here. */
static uint64_t pace_of(const struct flow *flow)
{
    uint64_t now_ms = loop_now_ms(flow->all->loop);
    uint64_t link_ms = pace_wait_ms(&flow->lane->in, now_ms);
    uint64_t placed_ms = pace_wait_ms(&flow->lane->placed, now_ms);

    return link_ms > placed_ms ? link_ms : placed_ms;
}

/* Both the disk and the pace have to have room: either may be what is waited for. */
static void on_room(void *flow_)
{
    struct flow *flow = flow_;
    uint64_t wait_ms = pace_of(flow);

    if (wait_ms > 0)
        timer_arm(flow->all->loop, &flow->pace, wait_ms);
    else if (sink_has_room(flow->sink) && exchange_is_open(flow->request->exchange))
        exchange_consume_more(flow->request->exchange);
}

void flow_receive_pace(struct timer *timer)
{
    struct flow *flow = CONTAINER_OF(timer, struct flow, pace);

    if (flow->sink != NULL)
        on_room(flow);
}

static enum consume_result on_content(struct exchange *exchange, void *flow_, struct slice content,
                                      bool is_last)
{
    struct flow *flow = flow_;
    bool has_room = sink_put(flow->sink, content);
    uint64_t wait_ms;

    atomic_fetch_add(&flow->all->counters.bytes_in, content.size);
    pace_take(&flow->lane->in, content.size);
    pace_take(&flow->lane->placed, content.size);
    if (is_last) {
        sink_end(flow->sink);
        return CONSUME_MORE;
    }
    wait_ms = pace_of(flow);
    if (wait_ms > 0)
        timer_arm(flow->all->loop, &flow->pace, wait_ms);
    return has_room && wait_ms == 0 ? CONSUME_MORE : CONSUME_WAIT;
}

static void on_moved(void *flow_)
{
    tell_control(flow_, NULL);
}

static void refuse_data(struct flow *flow, const struct error *err)
{
    struct port_refusal refusal = {.problem = WIRE_PROBLEM_LATER, .ends_connection = true};
    enum transfers_end how = TRANSFERS_FAILED;

    if (sink_error_is_theirs(err)) {
        bool is_beyond = err->code == ERROR_LIMIT;

        how = is_beyond ? TRANSFERS_BEYOND : TRANSFERS_BAD;
        refusal.problem = is_beyond ? WIRE_PROBLEM_TOO_LARGE : WIRE_PROBLEM_DATA;
        tell_control(flow, err->text);
    }
    flow_refuse(flow, how, &refusal, err);
}

static void on_spooled(void *flow_, const struct error *err)
{
    struct flow *flow = flow_;

    if (err != NULL) {
        struct error why = *err;

        refuse_data(flow, &why);
        return;
    }
    tell_control(flow, NULL);
    flow_note_end(flow, TRANSFERS_DONE);
    flow_answer_position(flow, sink_position(flow->sink), sink_is_whole(flow->sink));
}

static void on_open(void *flow_)
{
    struct flow *flow = flow_;
    struct error why = {0};

    if (sink_is_whole(flow->sink)) {
        sink_end_cut(flow->sink);
        return;
    }
    if (sink_position(flow->sink) == flow->from) {
        if (exchange_is_open(flow->request->exchange))
            exchange_consume(flow->request->exchange, on_content, flow);
        return;
    }
    error_set(&why, ERROR_MISMATCH, "there are %" PRIu64 " blocks of it here, not %" PRIu64,
              sink_position(flow->sink), flow->from);
    sink_drop(&flow->sink);
    flow_refuse(flow, TRANSFERS_REFUSED, &(struct port_refusal){.problem = WIRE_PROBLEM_POSITION},
                &why);
}

/* ---- how far it is */

static void on_asked_open(void *flow_)
{
    sink_end_cut(((struct flow *)flow_)->sink);
}

static void on_asked_end(void *flow_, const struct error *err)
{
    struct flow *flow = flow_;

    if (err == NULL) {
        if (sink_is_whole(flow->sink)) /* a crash may have come between the two */
            tell_control(flow, NULL);
        flow_answer_position(flow, sink_position(flow->sink), sink_is_whole(flow->sink));
        return;
    }
    flow_refuse_text(flow, WIRE_PROBLEM_LATER, 60, "what has come of it cannot be read here");
}

void flow_receive(struct flow *flow)
{
    static const struct sink_user receiver = {on_open, on_room, on_moved, on_spooled};
    static const struct sink_user asker = {.on_open = on_asked_open, .on_end = on_asked_end};
    const struct sink_user *user = flow->want == TRANSFERS_RECEIVE ? &receiver : &asker;
    struct spool_settings settings = {
        .root = flow->permit.root,
        .limits = {.bytes = flow->permit.bytes_max,
                   .blocks = flow->permit.blocks_max,
                   .block = upstream_block_max(flow->all->storage->upstream)}};
    struct error why = {0};

    spool_name(settings.name, flow->lane->peer->link, flow->id, SPOOL_PLACED);
    flow->sink = sink_open(flow->all, &settings, user, flow, &why);
    if (flow->sink == NULL)
        flow_refuse(flow, TRANSFERS_REFUSED,
                    &(struct port_refusal){.problem = WIRE_PROBLEM_BUSY, .retry_after_s = 1}, &why);
}
