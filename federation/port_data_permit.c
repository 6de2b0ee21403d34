// SPDX-License-Identifier: Apache-2.0
/* Control says what the link may: its question, on its way there and back. */
#include "federation/port_data_private.h"

#include "conf/memory.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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
    flow_refuse(flow, TRANSFERS_REFUSED, &refusal, &why);
}

static void ask_done(struct errand *errand)
{
    struct asked *asked = asked_of(errand);
    struct flow *flow = asked->flow;

    flow->asked = NULL;
    flow->permit = asked->permit;
    flow->told = flow->permit.position;
    flow->was_told_whole = flow->permit.is_whole;
    if (!exchange_is_open(flow->request->exchange)) /* cut meanwhile */
        return;
    if (flow->permit.status != 200)
        refuse_as_told(flow);
    else if (flow->want == TRANSFERS_GIVE)
        flow_give(flow);
    else if (flow->permit.is_whole)
        flow_answer_position(flow, flow->permit.position, true);
    else
        flow_receive(flow);
}

static void ask_destroy(struct errand *errand)
{
    free(asked_of(errand));
}

static const struct errand_kind ask_kind = {
    .begin = ask_begin, .give_up = ask_give_up, .on_done = ask_done, .destroy = ask_destroy};

void flow_ask(struct flow *flow)
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

void flow_forget_question(struct flow *flow)
{
    if (flow->asked != NULL)
        errand_cancel(&flow->asked->errand);
    flow->asked = NULL;
}
