// SPDX-License-Identifier: Apache-2.0
/* Blocks that a partner reads back: an export, at the pace of the link. */
#include "federation/port_data_private.h"

static enum produce_result produce(void *flow_, struct text *out)
{
    struct flow *flow = flow_;
    enum produce_result result = source_produce(&flow->source, out);

    if (result == PRODUCE_END)
        flow_note_end(flow, TRANSFERS_DONE);
    else if (result == PRODUCE_BREAK)
        flow_note_end(flow, TRANSFERS_FAILED);
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
        flow_refuse(flow, TRANSFERS_FAILED, &refusal, &flow->source.err);
    else if (exchange_is_open(flow->request->exchange))
        exchange_produce(flow->request->exchange, &produced);
}

void flow_give(struct flow *flow)
{
    struct error why = {0};

    flow->source.pace = &flow->lane->out;
    flow->source.on_begin = on_begin;
    flow->source.on_more = on_more;
    flow->source.arg = flow;
    if (!source_start(&flow->source, flow->all, &flow->permit.root, flow->from, &why))
        flow_refuse(flow, TRANSFERS_FAILED, &(struct port_refusal){.problem = WIRE_PROBLEM_LATER},
                    &why);
}
