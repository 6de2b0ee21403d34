// SPDX-License-Identifier: Apache-2.0
/* What the files of the bytes at the partner port share; the link worker's loop's. */
#ifndef FEDERATION_PORT_DATA_PRIVATE_H
#define FEDERATION_PORT_DATA_PRIVATE_H

#include "federation/port_private.h"
#include "federation/transfers_private.h"

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
    uint64_t told; /* the position that control knows */
    bool was_told_whole;
    struct sink *sink;
    struct source source;
    struct timer pace;
    bool is_counted, has_body, has_end;
};

/* ---- port_data.c: how it ends */

/* The first one counts. */
void flow_note_end(struct flow *flow, enum transfers_end how);
void flow_refuse(struct flow *flow, enum transfers_end how, const struct port_refusal *refusal,
                 const struct error *why);
void flow_refuse_text(struct flow *flow, enum wire_problem problem, uint32_t retry_after_s,
                      const char *text);
void flow_answer_position(struct flow *flow, uint64_t position, bool is_whole);

/* ---- port_data_permit.c: control is asked; what it permits is begun */

void flow_ask(struct flow *flow);
/* Nobody waits for the answer any more. */
void flow_forget_question(struct flow *flow);

/* ---- port_data_receive.c, port_data_give.c: what was permitted */

/* Blocks that come, or the question how far they are. */
void flow_receive(struct flow *flow);
void flow_receive_pace(struct timer *timer);
/* Blocks that are read back. */
void flow_give(struct flow *flow);

#endif
