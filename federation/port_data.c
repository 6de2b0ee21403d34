// SPDX-License-Identifier: Apache-2.0
/* The bytes of allocations at the partner port. What stands in such a body is believed for what it
 * is, not for who sends it: the connection's certificate says whose link it is, control says what
 * that link may, and every block is hashed. Who asks for what is not its own is told one and the
 * same, whatever there is. */
#include "federation/port_data_private.h"

#include "conf/memory.h"
#include "conf/units.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#define PREFIX "/link/v1/allocations/"
#define BLOCKS "/blocks?from="

enum { QUESTIONS_AT_ONCE = 4 * TRANSFERS_AT_ONCE }; /* of all links */

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

void flow_note_end(struct flow *flow, enum transfers_end how)
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

void flow_refuse(struct flow *flow, enum transfers_end how, const struct port_refusal *refusal,
                 const struct error *why)
{
    flow_note_end(flow, how);
    if (exchange_is_open(flow->request->exchange))
        port_refuse(flow->request, refusal, why);
}

void flow_refuse_text(struct flow *flow, enum wire_problem problem, uint32_t retry_after_s,
                      const char *text)
{
    struct error why = {0};

    error_set(&why, ERROR_REFUSED, "%s", text);
    flow_refuse(flow, TRANSFERS_REFUSED,
                &(struct port_refusal){.problem = problem, .retry_after_s = retry_after_s}, &why);
}

void flow_answer_position(struct flow *flow, uint64_t position, bool is_whole)
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

/* ---- a request */

static bool check_state(struct flow *flow)
{
    enum link_state state = flow->request->peer->state;

    if (state == LINK_ACTIVE || state == LINK_DEGRADED ||
        (state == LINK_SUSPENDED && flow->want != TRANSFERS_RECEIVE))
        return true;
    flow_refuse_text(flow, WIRE_PROBLEM_STATE, 0,
                     "no bytes move in the state that the link is in here");
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
        flow_refuse_text(flow, WIRE_PROBLEM_LATER, (uint32_t)(wait_ms / 1000 + 1),
                         "no bytes move at this hour");
        return false;
    }
    if (*of_link >= TRANSFERS_OF_LINK || *of_all >= most) {
        flow_refuse_text(flow, WIRE_PROBLEM_BUSY, 5, "as many transfers as may be are under way");
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
                          .pace = {.fire = flow_receive_pace}};
    (void)parse(head->target, flow->id, &has_blocks, &flow->from); /* it was, for its route */
    flow->has_body = head->body != FRAMING_NONE;
    all->flows = request->flow = flow;
    if (flow->has_body && flow->want != TRANSFERS_RECEIVE)
        flow_refuse_text(flow, WIRE_PROBLEM_TOO_LARGE, 0, "a GET has no body here");
    else if (check_state(flow) && take_slot(flow))
        flow_ask(flow);
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
    flow_note_end(flow, why_ended(request->exchange));
    flow_forget_question(flow);
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

void flows_cut(struct transfers *all, const struct lane *lane, const char *why)
{
    struct flow *flow, *next;

    for (flow = all->flows; flow != NULL; flow = next) {
        next = flow->next;
        if (flow->lane != lane)
            continue;
        flow_note_end(flow, TRANSFERS_CHANGED);
        exchange_cut(flow->request->exchange, 503, CLOSE_REVOKED, why);
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
        flow_note_end(flow, TRANSFERS_REFUSED);
        exchange_cut(flow->request->exchange, 410, CLOSE_REFUSED, "this allocation is over here");
    }
}
