// SPDX-License-Identifier: Apache-2.0
/* One request of ours to a peer: composed in a turn, sent when what it says is durable, heard in
 * another turn. Control thread. */
#ifndef FEDERATION_LINKS_CALL_H
#define FEDERATION_LINKS_CALL_H

#include "federation/links_private.h"

struct asked;

struct call {
    struct work work;
    enum call_kind kind;
    struct side *side;
    uint64_t epoch, sequence;
    struct text body;
    struct peer_request *request; /* under way */
    struct peer_client *client;   /* of a join: its own */
    bool is_canceled;             /* cut: what it heard counts no more */

    /* the answer, copied */
    enum peer_failure failure;
    int status;
    struct text answer;
    char why[LINK_TEXT_SIZE];
    bool is_genuine;         /* signed by them, for this request */
    uint64_t retry_after_ms; /* that the peer asked for */

    uint64_t roots_sequence;             /* CALL_ROOTS: of the document in it */
    struct asked *items[WIRE_ITEMS_MAX]; /* CALL_BATCH */
    size_t item_count;
    void *joining; /* CALL_JOIN */
};

const char *call_method(enum call_kind kind);
const char *call_path(enum call_kind kind);

/* The turn of a call that composed its body: draws nothing more, saves, sends. */
void call_go(struct call *call);
/* It comes to nothing: frees it and ends the turn. */
void call_drop(struct call *call);
void call_on_answer(void *call, const struct peer_client_answer *answer);
void call_tell_breaker(struct call *call);
/* What machine and breaker are told of an answer; false: it is no 200 of theirs. */
bool call_judge(struct call *call);
/* side_save's then, at the end of an answer's turn. */
void call_finish(struct work *work);
void call_free(struct call *call);

/* links_join.c: in its turn; when the answer is there (any time); in the turn behind it. */
void join_begin(struct call *call);
void join_answered(struct call *call, const struct peer_client_answer *answer);
void join_heard(struct work *work);
void join_free(void *joining);
/* links_ask.c; false: there is nothing to send. */
bool batch_compose(struct call *call);
void batch_heard(struct call *call, bool is_answered);
/* links_statement.c: composes, draws its number and goes on by itself */
void statement_begin_call(struct call *call);
void statement_heard(struct call *call);
/* links_cut.c */
void cut_compose(struct call *call);
void cut_heard(struct call *call);
/* Who asked for the page that this call was for, and did not get it, is told. */
void cut_over(struct side *side, const char *why);

#endif
