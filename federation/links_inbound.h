// SPDX-License-Identifier: Apache-2.0
/* One request of a peer, from the link worker's loop to its turn and back. Control thread. */
#ifndef FEDERATION_LINKS_INBOUND_H
#define FEDERATION_LINKS_INBOUND_H

#include "federation/links_private.h"

struct inbound {
    struct work work;
    struct links *links;
    struct link_call *call; /* NULL: nobody waits for the answer any more */
    struct link_inbound is; /* its slices and texts are the inbound's own; body below */
    struct text body;
    /* what is to be answered once everything is durable */
    int status;
    struct text answer;
    uint64_t retry_after_s;
    /* of a join */
    void *joining;
};

/* Sets the answer; inbound_send gives it. */
void inbound_put(struct inbound *inbound, enum wire_message kind, const void *message);
void inbound_put_empty(struct inbound *inbound); /* 200 {} */
void inbound_refuse(struct inbound *inbound, enum wire_problem problem, const char *format, ...)
    __attribute__((format(printf, 3, 4)));
/* With the floor. */
void inbound_refuse_number(struct inbound *inbound, const struct side *side);
/* What the machine answered; false: not OK, and the answer is set. */
bool inbound_put_machine(struct inbound *inbound, struct side *side, enum link_answer answer);
/* Answers and frees it. */
void inbound_send(struct inbound *inbound);
/* As the last of a turn: side_save's then. */
void inbound_finish(struct work *work);

/* links_hear.c: its turn. */
void inbound_hear(struct work *work);
/* links_join.c: with everything parsed; no turn yet. */
void join_take(struct inbound *inbound);
/* links_items.c: in its turn, checked; takes what the message owns. */
void batch_take(struct inbound *inbound, struct wire_batch *message, unsigned unknown);
/* links_statement.c: likewise. */
void statement_take(struct inbound *inbound, struct wire_statement *message, unsigned unknown);
/* links_cut.c: likewise. */
void cut_take(struct inbound *inbound, struct wire_statement *message, unsigned unknown);

#endif
