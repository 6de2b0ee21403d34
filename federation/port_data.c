// SPDX-License-Identifier: Apache-2.0
/* The bytes of allocations at the partner port. What stands in such a body is believed for what it
 * is, not for who sends it: the connection's certificate says whose link it is, control says what
 * that link may, and every block is hashed. Who asks for what is not its own is told one and the
 * same, whatever there is. */
#include "federation/port_private.h"
#include "federation/transfers_private.h"

#include "conf/memory.h"
#include "conf/units.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX "/link/v1/allocations/"
#define BLOCKS "/blocks?from="

enum { QUESTIONS_AT_ONCE = 4 * TRANSFERS_AT_ONCE }; /* of all links */

struct asked;

/* One request. */
struct flow {
    struct flow *next;
    struct request *request;
    struct transfers *all;
    struct lane *lane;
    enum transfers_want want;
    char id[ULID_SIZE];
    uint64_t from;
    struct asked *asked;
    struct transfers_permit permit;
    struct sink *sink;
    struct source source;
    struct timer pace;
    bool is_counted, has_body, has_end;
};

static const struct route routes[] = {
    [TRANSFERS_RECEIVE] = {"PUT", "", "link/blocks", WIRE_ERROR, false},
    [TRANSFERS_GIVE] = {"GET", "", "link/blocks", WIRE_ERROR, true},
    [TRANSFERS_ASK] = {"GET", "", "link/allocation", WIRE_ERROR, true},
};

static struct slice rest(struct slice s, size_t from)
{
    return (struct slice){s.data + from, s.size - from};
}

static bool parse(struct slice target, char id[ULID_SIZE], bool *has_blocks, uint64_t *from)
{
    const size_t letters = ULID_SIZE - 1;

    if (!slice_starts(target, PREFIX))
        return false;
    target = rest(target, strlen(PREFIX));
    if (target.size < letters || !ulid_is_valid((struct slice){target.data, letters}))
        return false;
    memcpy(id, target.data, letters);
    id[letters] = '\0';
    target = rest(target, letters);
    *has_blocks = target.size > 0;
    if (!*has_blocks)
        return true;
    return slice_starts(target, BLOCKS) &&
           units_parse_integer(rest(target, strlen(BLOCKS)), from, NULL);
}

const struct route *port_data_route(const struct head *head)
{
    char id[ULID_SIZE];
    uint64_t from;
    bool has_blocks;

    if (!parse(head->target, id, &has_blocks, &from))
        return NULL;
    if (slice_is(head->method, "PUT") && has_blocks)
        return &routes[TRANSFERS_RECEIVE];
    if (slice_is(head->method, "GET"))
        return &routes[has_blocks ? TRANSFERS_GIVE : TRANSFERS_ASK];
    return NULL;
}

bool port_is_data(const struct route *route)
{
    return route >= routes && route < routes + ARRAY_SIZE(routes);
}

/* ---- how it ends */

static void note_end(struct flow *flow, enum transfers_end how)
{
    struct transfers_atomic *counters = &flow->all->counters;

    if (flow->has_end)
        return;
    flow->has_end = true;
    if (flow->want == TRANSFERS_RECEIVE)
        atomic_fetch_add(&counters->received[how], 1);
    else if (flow->want == TRANSFERS_GIVE)
        atomic_fetch_add(&counters->given[how], 1);
}

static void refuse(struct flow *flow, enum transfers_end how, const struct port_refusal *refusal,
                   const struct error *why)
{
    note_end(flow, how);
    if (exchange_is_open(flow->request->exchange))
        port_refuse(flow->request, refusal, why);
}

static void refuse_text(struct flow *flow, enum wire_problem problem, uint32_t retry_after_s,
                        const char *text)
{
    struct error why = {0};

    error_set(&why, ERROR_REFUSED, "%s", text);
    refuse(flow, TRANSFERS_REFUSED,
           &(struct port_refusal){.problem = problem, .retry_after_s = retry_after_s}, &why);
}

static void answer_position(struct flow *flow, uint64_t position, bool is_whole)
{
    struct text body = {0};

    if (!exchange_is_open(flow->request->exchange))
        return;
    text_put_format(&body, "{\"position\":%" PRIu64 ",\"whole\":%s}", position,
                    is_whole ? "true" : "false");
    exchange_answer(flow->request->exchange, &(struct answer){.status = 200,
                                                              .content_type = "application/json",
                                                              .body = text_slice(&body)});
    text_dispose(&body);
}

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

/* said NULL: of how far it is. */
static void tell_control(const struct flow *flow, const char *said)
{
    struct news *news = memory_alloc(sizeof(*news));

    news->message.deliver = on_news;
    news->asks = flow->all->settings.asks;
    memcpy(news->partner, flow->lane->peer->partner, sizeof(news->partner));
    memcpy(news->id, flow->id, sizeof(news->id));
    news->position = sink_position(flow->sink);
    news->is_whole = sink_is_whole(flow->sink);
    news->bytes = sink_bytes(flow->sink);
    news->is_rejected = said != NULL;
    if (said != NULL)
        (void)snprintf(news->said, sizeof(news->said), "%s", said);
    loop_post(flow->all->settings.control, &news->message);
}

/* ---- blocks that come */

/* Both the disk and the pace have to have room: either may be what is waited for. */
static void on_room(void *flow_)
{
    struct flow *flow = flow_;
    uint64_t wait_ms = pace_wait_ms(&flow->lane->in, loop_now_ms(flow->all->loop));

    if (wait_ms > 0)
        timer_arm(flow->all->loop, &flow->pace, wait_ms);
    else if (sink_has_room(flow->sink) && exchange_is_open(flow->request->exchange))
        exchange_consume_more(flow->request->exchange);
}

static void on_pace(struct timer *timer)
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
    if (is_last) {
        sink_end(flow->sink);
        return CONSUME_MORE;
    }
    wait_ms = pace_wait_ms(&flow->lane->in, loop_now_ms(flow->all->loop));
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
    refuse(flow, how, &refusal, err);
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
    note_end(flow, TRANSFERS_DONE);
    answer_position(flow, sink_position(flow->sink), sink_is_whole(flow->sink));
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
    refuse(flow, TRANSFERS_REFUSED, &(struct port_refusal){.problem = WIRE_PROBLEM_POSITION}, &why);
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
        answer_position(flow, sink_position(flow->sink), sink_is_whole(flow->sink));
        return;
    }
    refuse_text(flow, WIRE_PROBLEM_LATER, 60, "what has come of it cannot be read here");
}

static void open_inbox(struct flow *flow, const struct sink_user *user)
{
    struct spool_settings settings = {
        .root = flow->permit.root,
        .limits = {.bytes = flow->permit.bytes_max, .blocks = flow->permit.blocks_max}};
    struct error why = {0};

    spool_name(settings.name, flow->lane->peer->link, flow->id, SPOOL_PLACED);
    flow->sink = sink_open(flow->all, &settings, user, flow, &why);
    if (flow->sink == NULL)
        refuse(flow, TRANSFERS_REFUSED,
               &(struct port_refusal){.problem = WIRE_PROBLEM_BUSY, .retry_after_s = 1}, &why);
}

/* ---- blocks that are read back */

static enum produce_result produce(void *flow_, struct text *out)
{
    struct flow *flow = flow_;
    enum produce_result result = source_produce(&flow->source, out);

    if (result == PRODUCE_END)
        note_end(flow, TRANSFERS_DONE);
    else if (result == PRODUCE_BREAK)
        note_end(flow, TRANSFERS_FAILED);
    return result;
}

static void on_more(void *flow_)
{
    struct flow *flow = flow_;

    if (exchange_is_open(flow->request->exchange))
        exchange_produce_more(flow->request->exchange);
}

static void on_begin(void *flow_)
{
    struct flow *flow = flow_;
    static const struct port_refusal refusal = {.problem = WIRE_PROBLEM_LATER};
    const struct produced produced = {.status = 200,
                                      .content_type = "application/vnd.ipld.car; version=1",
                                      .produce = produce,
                                      .arg = flow};

    if (flow->source.err.code != ERROR_NONE)
        refuse(flow, TRANSFERS_FAILED, &refusal, &flow->source.err);
    else if (exchange_is_open(flow->request->exchange))
        exchange_produce(flow->request->exchange, &produced);
}

static void give(struct flow *flow)
{
    struct error why = {0};

    flow->source.pace = &flow->lane->out;
    flow->source.on_begin = on_begin;
    flow->source.on_more = on_more;
    flow->source.arg = flow;
    if (!source_start(&flow->source, flow->all, &flow->permit.root, flow->from, &why))
        refuse(flow, TRANSFERS_FAILED, &(struct port_refusal){.problem = WIRE_PROBLEM_LATER}, &why);
}

/* ---- control is asked */

/* The asking side's, on its way. */
struct asked {
    struct errand errand;
    struct flow *flow;                   /* the loop's */
    struct transfers_question *question; /* control's */
    struct transfers_control asks;
    char link[ULID_SIZE], partner[ID_SIZE], id[ULID_SIZE];
    enum transfers_want want;
    struct transfers_permit permit;
};

struct transfers_question {
    struct asked *asked; /* NULL: nobody waits */
};

static struct asked *asked_of(struct errand *errand)
{
    return CONTAINER_OF(errand, struct asked, errand);
}

static void ask_begin(struct errand *errand)
{
    struct asked *asked = asked_of(errand);

    if (errand_is_abandoned(errand))
        return;
    asked->question = memory_alloc(sizeof(*asked->question));
    asked->question->asked = asked;
    asked->asks.permit(asked->asks.arg, asked->question, asked->link, asked->partner, asked->id,
                       asked->want);
}

void transfers_permit_answer(struct transfers_question *question,
                             const struct transfers_permit *permit)
{
    struct asked *asked = question->asked;

    free(question);
    if (asked == NULL)
        return;
    asked->question = NULL;
    asked->permit = *permit;
    errand_answer(&asked->errand);
}

static void ask_give_up(struct errand *errand)
{
    struct asked *asked = asked_of(errand);

    if (asked->question != NULL)
        asked->question->asked = NULL;
}

static void refuse_as_told(struct flow *flow)
{
    const struct transfers_permit *permit = &flow->permit;
    struct port_refusal refusal = {.problem = WIRE_PROBLEM_LATER, .status = (int)permit->status};
    struct error why = {0};

    if (permit->status == 404)
        error_set(&why, ERROR_NOT_FOUND, "there is nothing of that name here for you");
    else
        error_set(&why, ERROR_REFUSED, "%s", permit->said[0] != '\0' ? permit->said : "not now");
    if (permit->status == 404)
        refusal.problem = WIRE_PROBLEM_UNKNOWN;
    else if (permit->status == 410)
        refusal.problem = WIRE_PROBLEM_GONE;
    refuse(flow, TRANSFERS_REFUSED, &refusal, &why);
}

static void ask_done(struct errand *errand)
{
    static const struct sink_user receiver = {on_open, on_room, on_moved, on_spooled};
    static const struct sink_user asker = {.on_open = on_asked_open, .on_end = on_asked_end};
    struct asked *asked = asked_of(errand);
    struct flow *flow = asked->flow;

    flow->asked = NULL;
    flow->permit = asked->permit;
    if (!exchange_is_open(flow->request->exchange)) /* cut meanwhile */
        return;
    if (flow->permit.status != 200)
        refuse_as_told(flow);
    else if (flow->want == TRANSFERS_GIVE)
        give(flow);
    else if (flow->permit.is_whole)
        answer_position(flow, flow->permit.position, true);
    else
        open_inbox(flow, flow->want == TRANSFERS_RECEIVE ? &receiver : &asker);
}

static void ask_destroy(struct errand *errand)
{
    free(asked_of(errand));
}

static const struct errand_kind ask_kind = {
    .begin = ask_begin, .give_up = ask_give_up, .on_done = ask_done, .destroy = ask_destroy};

static void ask(struct flow *flow)
{
    struct asked *asked = memory_alloc(sizeof(*asked));

    flow->asked = asked;
    asked->flow = flow;
    asked->asks = flow->all->settings.asks;
    memcpy(asked->link, flow->lane->peer->link, sizeof(asked->link));
    memcpy(asked->partner, flow->lane->peer->partner, sizeof(asked->partner));
    memcpy(asked->id, flow->id, sizeof(asked->id));
    asked->want = flow->want;
    errand_start(&asked->errand, &ask_kind, flow->all->loop, flow->all->settings.control);
}

/* ---- a request */

static bool check_state(struct flow *flow)
{
    enum link_state state = flow->request->peer->state;

    if (state == LINK_ACTIVE || state == LINK_DEGRADED ||
        (state == LINK_SUSPENDED && flow->want != TRANSFERS_RECEIVE))
        return true;
    refuse_text(flow, WIRE_PROBLEM_STATE, 0, "no bytes move in the state that the link is in here");
    return false;
}

/* A question reads what is there of a spool: it has its share, too. */
static void count_slot(const struct flow *flow, unsigned **of_link, unsigned **of_all)
{
    struct lane *lane = flow->lane;
    struct transfers *all = flow->all;

    *of_link = flow->want == TRANSFERS_RECEIVE ? &lane->receiving
               : flow->want == TRANSFERS_GIVE  ? &lane->giving
                                               : &lane->asking;
    *of_all = flow->want == TRANSFERS_RECEIVE ? &all->receiving
              : flow->want == TRANSFERS_GIVE  ? &all->giving
                                              : &all->asking;
}

static bool take_slot(struct flow *flow)
{
    unsigned most = flow->want == TRANSFERS_ASK ? QUESTIONS_AT_ONCE : TRANSFERS_AT_ONCE;
    unsigned *of_link, *of_all;
    uint64_t wait_ms;

    count_slot(flow, &of_link, &of_all);
    if (flow->want != TRANSFERS_ASK &&
        !link_limits_may_move(&flow->lane->peer->limits, flow->all->settings.now_ms(), &wait_ms)) {
        refuse_text(flow, WIRE_PROBLEM_LATER, (uint32_t)(wait_ms / 1000 + 1),
                    "no bytes move at this hour");
        return false;
    }
    if (*of_link >= TRANSFERS_OF_LINK || *of_all >= most) {
        refuse_text(flow, WIRE_PROBLEM_BUSY, 5, "as many transfers as may be are under way");
        return false;
    }
    ++*of_link;
    ++*of_all;
    flow->is_counted = true;
    return true;
}

void port_serve_data(struct request *request, struct transfers *all)
{
    struct flow *flow = memory_alloc(sizeof(*flow));
    const struct head *head = exchange_request(request->exchange);
    bool has_blocks;

    *flow = (struct flow){.request = request,
                          .all = all,
                          .next = all->flows,
                          .lane = transfers_lane(all, request->peer),
                          .want = (enum transfers_want)(request->route - routes),
                          .pace = {.fire = on_pace}};
    (void)parse(head->target, flow->id, &has_blocks, &flow->from); /* it was, for its route */
    flow->has_body = head->body != FRAMING_NONE;
    all->flows = request->flow = flow;
    if (flow->has_body && flow->want != TRANSFERS_RECEIVE)
        refuse_text(flow, WIRE_PROBLEM_TOO_LARGE, 0, "a GET has no body here");
    else if (check_state(flow) && take_slot(flow))
        ask(flow);
}

/* ---- its end */

static enum transfers_end why_ended(const struct exchange *exchange)
{
    switch (exchange->reason) {
    case CLOSE_CLIENT_TOO_SLOW:
        return TRANSFERS_STALLED;
    case CLOSE_DONE:
        return TRANSFERS_DONE;
    default:
        return TRANSFERS_BROKEN;
    }
}

void port_end_data(struct request *request)
{
    struct flow *flow = request->flow;
    struct flow **at;

    request->flow = NULL;
    if (flow == NULL)
        return;
    for (at = &flow->all->flows; *at != flow;)
        at = &(*at)->next;
    *at = flow->next;
    note_end(flow, why_ended(request->exchange));
    if (flow->asked != NULL)
        errand_cancel(&flow->asked->errand);
    timer_disarm(&flow->pace);
    sink_drop(&flow->sink);
    source_dispose(&flow->source);
    if (flow->is_counted) {
        unsigned *of_link, *of_all;

        count_slot(flow, &of_link, &of_all);
        --*of_link;
        --*of_all;
    }
    free(flow);
}

void flows_cut(struct transfers *all, const struct lane *lane)
{
    struct flow *flow, *next;

    for (flow = all->flows; flow != NULL; flow = next) {
        next = flow->next;
        if (flow->lane != lane)
            continue;
        note_end(flow, TRANSFERS_CHANGED);
        exchange_cut(flow->request->exchange, 503, CLOSE_REVOKED,
                     "the link changed meanwhile: connect anew, and go on");
    }
}

void flows_cut_spool(struct transfers *all, const char *name)
{
    char its[SPOOL_NAME_SIZE];
    struct flow *flow, *next;

    for (flow = all->flows; flow != NULL; flow = next) {
        next = flow->next;
        spool_name(its, flow->lane->peer->link, flow->id, SPOOL_PLACED);
        if (flow->want != TRANSFERS_RECEIVE || strcmp(its, name) != 0)
            continue;
        note_end(flow, TRANSFERS_REFUSED);
        exchange_cut(flow->request->exchange, 410, CLOSE_REFUSED, "this allocation is over here");
    }
}
