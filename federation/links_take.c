// SPDX-License-Identifier: Apache-2.0
/* What peers ask: the way from a link worker and back, and what they are answered. */
#include "federation/links_inbound.h"
#include "http/errand.h"

#include "conf/memory.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

enum { CALLS_MAX = 4096, BUSY_S = 5 };

struct link_call {
    struct errand errand;
    struct inbound *inbound; /* until it was answered */
    struct links *links;
    int status;
    struct text body, headers;
    link_done_cb on_done;
    void *arg;
};

/* ---- the link worker's thread */

static void inbound_free(struct inbound *inbound)
{
    X509_free(inbound->is.leaf);
    sk_X509_pop_free(inbound->is.others, X509_free);
    text_dispose(&inbound->body);
    text_dispose(&inbound->answer);
    free(inbound);
}

static void call_destroy(struct errand *errand)
{
    struct link_call *call = CONTAINER_OF(errand, struct link_call, errand);

    links_drop(call->links);
    if (call->inbound != NULL)
        inbound_free(call->inbound);
    text_dispose(&call->body);
    text_dispose(&call->headers);
    free(call);
}

static void call_done(struct errand *errand)
{
    struct link_call *call = CONTAINER_OF(errand, struct link_call, errand);
    struct link_outcome outcome = {.status = call->status,
                                   .body = text_slice(&call->body),
                                   .headers = text_slice(&call->headers)};

    call->on_done(call->arg, &outcome);
}

static void call_begin(struct errand *errand);
static void call_give_up(struct errand *errand);

static const struct errand_kind call_kind = {
    .begin = call_begin, .give_up = call_give_up, .on_done = call_done, .destroy = call_destroy};

static struct inbound *copy_inbound(struct links *links, const struct link_inbound *from)
{
    struct inbound *inbound = memory_alloc(sizeof(*inbound));

    inbound->links = links;
    inbound->is = *from;
    text_put_slice(&inbound->body, from->body);
    inbound->is.body = text_slice(&inbound->body);
    if (from->leaf != NULL)
        X509_up_ref(from->leaf);
    inbound->is.others = from->others != NULL ? X509_chain_up_ref(from->others) : NULL;
    return inbound;
}

/* The memory stays until links_drop. */
static bool take_count(struct links *links)
{
    if (atomic_fetch_add(&links->call_count, 1) < CALLS_MAX)
        return true;
    atomic_fetch_sub(&links->call_count, 1); /* not the last: who asks works for links */
    return false;
}

bool links_take(struct links *links, struct loop *loop, struct link_call **result,
                const struct link_inbound *from, link_done_cb on_done, void *arg, struct error *err)
{
    struct link_call *call;

    if (!take_count(links))
        return error_set(err, ERROR_LIMIT, "%d requests of partners wait, and no more may",
                         CALLS_MAX);
    call = memory_alloc(sizeof(*call));
    call->links = links;
    call->inbound = copy_inbound(links, from);
    call->inbound->call = call;
    call->on_done = on_done;
    call->arg = arg;
    *result = call;
    errand_start(&call->errand, &call_kind, loop, links->settings.loop);
    return true;
}

void links_take_cancel(struct link_call **call_ptr)
{
    struct link_call *call = *call_ptr;

    *call_ptr = NULL;
    if (call != NULL)
        errand_cancel(&call->errand);
}

/* ---- answers */

static void sign(const struct inbound *inbound, struct text *headers)
{
    EVP_PKEY *key = inbound->links->identity->signing_key;
    struct wire_signed is = {.epoch = inbound->is.is.epoch,
                             .sequence = inbound->is.is.sequence,
                             .date_ms = inbound->links->settings.now_ms()};
    char status[16];

    if (!inbound->is.has_signed || key == NULL)
        return;
    memcpy(is.link, inbound->is.is.link, sizeof(is.link));
    memcpy(is.node, inbound->links->settings.id.node, sizeof(is.node));
    snprintf(status, sizeof(status), "%d", inbound->status);
    signature_make(key, &is,
                   &(struct signature_of){.method = slice_of(status),
                                          .path = slice_of(inbound->is.path),
                                          .body = text_slice(&inbound->answer)});
    text_put_text(headers, SIGNATURE_HEADER ": ");
    wire_signed_print(&is, headers);
    text_put_text(headers, "\r\n");
}

void inbound_send(struct inbound *inbound)
{
    struct link_call *call = inbound->call;

    links_count(inbound->status < 400 ? &inbound->links->taken : &inbound->links->refused);
    if (call != NULL) {
        sign(inbound, &call->headers);
        if (inbound->retry_after_s > 0)
            text_put_format(&call->headers, "Retry-After: %" PRIu64 "\r\n", inbound->retry_after_s);
        call->status = inbound->status;
        call->body = inbound->answer;
        inbound->answer = (struct text){0};
        call->inbound = NULL;
        errand_answer(&call->errand);
    }
    inbound_free(inbound);
}

void inbound_put(struct inbound *inbound, enum wire_message kind, const void *message)
{
    inbound->status = 200;
    text_clear(&inbound->answer);
    wire_print(kind, message, &inbound->answer);
}

void inbound_put_empty(struct inbound *inbound)
{
    inbound->status = 200;
    text_clear(&inbound->answer);
    text_put_text(&inbound->answer, "{}");
}

/* A peer can have itself refused as often as it likes. */
static void say_refused(const struct inbound *inbound, const struct wire_error *error)
{
    struct links *links = inbound->links;
    uint32_t left_out;

    if (!line_budget_spend(&links->lines, LINKS_LINES_MAX, links->settings.now_ms(), &left_out))
        return;
    if (left_out > 0)
        log_message(links->settings.messages, LOG_LEVEL_WARNING,
                    "%u more requests of partners were refused", left_out);
    log_message(links->settings.messages, LOG_LEVEL_WARNING, "link/%s refused to %s with %u %s: %s",
                inbound->is.path + strlen("/link/v1/"), inbound->is.who.id.org,
                wire_problem_status((enum wire_problem)error->problem),
                wire_problem_name((enum wire_problem)error->problem), error->message);
}

static void refuse_with(struct inbound *inbound, struct wire_error *error)
{
    say_refused(inbound, error);
    inbound->status = (int)wire_problem_status((enum wire_problem)error->problem);
    inbound->retry_after_s = error->retry_after_s;
    text_clear(&inbound->answer);
    wire_print(WIRE_ERROR, error, &inbound->answer);
}

void inbound_refuse(struct inbound *inbound, enum wire_problem problem, const char *format, ...)
{
    struct wire_error error = {.problem = problem};
    va_list arguments;

    va_start(arguments, format);
    vsnprintf(error.message, sizeof(error.message), format, arguments);
    va_end(arguments);
    if (problem == WIRE_PROBLEM_LATER || problem == WIRE_PROBLEM_BUSY)
        error.retry_after_s = BUSY_S;
    refuse_with(inbound, &error);
}

static void refuse_epoch(struct inbound *inbound, const struct side *side)
{
    struct wire_error error = {.problem = WIRE_PROBLEM_BEHIND, .epoch = side->link.record.epoch};

    snprintf(error.message, sizeof(error.message),
             "no such epoch of this link is known here; a part of its life is missing, as after "
             "a restore");
    refuse_with(inbound, &error);
}

void inbound_refuse_number(struct inbound *inbound, const struct side *side)
{
    struct wire_error error = {.problem = WIRE_PROBLEM_NUMBER,
                               .floor = sequence_floor(&side->receiver)};

    snprintf(error.message, sizeof(error.message),
             "the number %" PRIu64 " was used before, or is too old; go on above the floor",
             inbound->is.is.sequence);
    refuse_with(inbound, &error);
}

static enum wire_cause cause_of(const struct side *side)
{
    if (side->link.record.state == LINK_EXPIRED)
        return WIRE_CAUSE_EXPIRED;
    return side->link.record.state == LINK_INVITED ? WIRE_CAUSE_REPINNED : WIRE_CAUSE_REVOKED;
}

static void put_over(struct inbound *inbound, const struct side *side)
{
    struct wire_end end = {.version = WIRE_VERSION_MAX,
                           .epoch = inbound->is.is.epoch,
                           .cause = cause_of(side),
                           .date_ms = inbound->links->settings.now_ms()};

    inbound_put(inbound, WIRE_END, &end);
    inbound->status = 410;
}

bool inbound_put_machine(struct inbound *inbound, struct side *side, enum link_answer answer)
{
    switch (answer) {
    case LINK_ANSWER_NONE:
    case LINK_ANSWER_OK:
    case LINK_ANSWER_JOINED:
        return true;
    case LINK_ANSWER_FORBIDDEN:
        inbound_refuse(inbound, WIRE_PROBLEM_PROOF, "this is no proof of having the invitation");
        return false;
    case LINK_ANSWER_USED:
        inbound_refuse(inbound, WIRE_PROBLEM_USED, "somebody has joined by this invitation");
        return false;
    case LINK_ANSWER_GONE:
        inbound_refuse(inbound, WIRE_PROBLEM_GONE, "this invitation is over; ask for a new one");
        return false;
    case LINK_ANSWER_OVER:
        put_over(inbound, side);
        return false;
    case LINK_ANSWER_BEHIND:
        refuse_epoch(inbound, side);
        return false;
    case LINK_ANSWER_LATER:
        inbound_refuse(
            inbound, WIRE_PROBLEM_LATER,
            "not now: we wait for your answer to our join, or too much has changed on your "
            "side lately");
        return false;
    case LINK_ANSWER_OLD_INCARNATION:
        inbound_refuse(inbound, WIRE_PROBLEM_OLD_INCARNATION,
                       "this incarnation of yours is known to be over: draw another");
        return false;
    case LINK_ANSWER_OLD_ROOTS:
        inbound_refuse(inbound, WIRE_PROBLEM_OLD_ROOTS,
                       "this roots document is not newer than the one that is known here");
        return false;
    }
    return false;
}

void inbound_finish(struct work *work)
{
    struct side *side = work->side;

    inbound_send(CONTAINER_OF(work, struct inbound, work));
    side_done(side);
}

static void drop_inbound(struct work *work)
{
    struct inbound *inbound = CONTAINER_OF(work, struct inbound, work);

    inbound_refuse(inbound, WIRE_PROBLEM_LATER, "this gateway is stopping");
    inbound_send(inbound);
}

/* ---- beginning, without a turn */

static void answer_hello(struct inbound *inbound)
{
    struct links *links = inbound->links;
    struct wire_hello hello = {.versions = {WIRE_VERSION_MIN, WIRE_VERSION_MAX},
                               .body_max = wire_body_max(WIRE_BATCH),
                               .items_max = WIRE_ITEMS_MAX,
                               .roots = links->identity->roots.sequence,
                               .date_ms = links->settings.now_ms()};

    memcpy(hello.org, links->settings.id.org, sizeof(hello.org));
    memcpy(hello.node, links->settings.id.node, sizeof(hello.node));
    inbound_put(inbound, WIRE_HELLO, &hello);
    inbound_send(inbound);
}

static void call_begin(struct errand *errand)
{
    struct link_call *call = CONTAINER_OF(errand, struct link_call, errand);
    struct inbound *inbound = call->inbound;
    struct side *side;

    inbound->work.run = inbound_hear;
    inbound->work.drop = drop_inbound;
    if (inbound->links->is_closing) { /* closed, even: nothing but the memory is there */
        call->inbound = NULL;
        call->status = 503;
        inbound_free(inbound);
        errand_answer(errand);
    } else if (inbound->is.kind == WIRE_HELLO) {
        answer_hello(inbound);
    } else if (inbound->is.kind == WIRE_JOIN) {
        join_take(inbound);
    } else if ((side = links_by_id(inbound->links, inbound->is.link)) == NULL) {
        inbound_refuse(inbound, WIRE_PROBLEM_BEHIND, "no such link is known here");
        inbound_send(inbound);
    } else if (side_is_full(side)) {
        inbound_refuse(inbound, WIRE_PROBLEM_BUSY, "too much waits for this link");
        inbound_send(inbound);
    } else {
        side_do(side, &inbound->work);
    }
}

/* What was asked takes effect all the same. */
static void call_give_up(struct errand *errand)
{
    struct link_call *call = CONTAINER_OF(errand, struct link_call, errand);

    if (call->inbound != NULL)
        call->inbound->call = NULL;
    call->inbound = NULL;
}

/* ---- clocks */

struct skewed {
    struct message message;
    struct links *links;
    char link[ULID_SIZE];
    int64_t skew_ms;
    struct work work;
};

static void drop_skewed(struct work *work)
{
    free(CONTAINER_OF(work, struct skewed, work));
}

static void skewed_over(struct work *work)
{
    struct side *side = work->side;

    drop_skewed(work);
    side_done(side);
}

static void run_skewed(struct work *work)
{
    struct skewed *skewed = CONTAINER_OF(work, struct skewed, work);
    struct link_event event = {.kind = LINK_SKEWED, .skew_ms = skewed->skew_ms};
    struct link_actions actions;

    side_step(work->side, &event, &actions);
    side_save(work->side, skewed_over);
}

static void deliver_skewed(struct message *message, void *receiver)
{
    struct skewed *skewed = CONTAINER_OF(message, struct skewed, message);
    struct links *links = skewed->links;
    struct side *side = links->is_closing ? NULL : links_by_id(links, skewed->link);

    links_drop(links);
    if (side == NULL || side_is_full(side)) {
        free(skewed);
        return;
    }
    skewed->work.run = run_skewed;
    skewed->work.drop = drop_skewed;
    side_do(side, &skewed->work);
}

void links_tell_skew(struct links *links, const char link[ULID_SIZE], int64_t skew_ms)
{
    struct skewed *skewed;

    if (!take_count(links))
        return;
    skewed = memory_alloc(sizeof(*skewed));
    skewed->message.deliver = deliver_skewed;
    skewed->links = links;
    memcpy(skewed->link, link, sizeof(skewed->link));
    skewed->skew_ms = skew_ms;
    loop_post(links->settings.loop, &skewed->message);
}
