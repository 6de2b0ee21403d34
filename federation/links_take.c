// SPDX-License-Identifier: Apache-2.0
/* What peers ask: the way from a link worker and back, and the order of checks. */
#include "federation/links_inbound.h"
#include "http/errand.h"

#include "conf/memory.h"

#include <assert.h>
#include <inttypes.h>
#include <openssl/sha.h>
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

    atomic_fetch_sub(&call->links->call_count, 1);
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

bool links_take(struct links *links, struct loop *loop, struct link_call **result,
                const struct link_inbound *from, link_done_cb on_done, void *arg, struct error *err)
{
    struct link_call *call;

    if (atomic_fetch_add(&links->call_count, 1) >= CALLS_MAX) {
        atomic_fetch_sub(&links->call_count, 1);
        return error_set(err, ERROR_LIMIT, "%d requests of partners wait, and no more may",
                         CALLS_MAX);
    }
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

static void refuse_with(struct inbound *inbound, struct wire_error *error)
{
    log_message(inbound->links->settings.messages, LOG_LEVEL_INFO,
                "links: %s %s of %s is refused: %s", inbound->is.method, inbound->is.path,
                inbound->is.who.id.org, error->message);
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

static void refuse_number(struct inbound *inbound, const struct side *side)
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
        inbound_refuse(inbound, WIRE_PROBLEM_LATER, "we wait for your answer to our join first");
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

/* ---- the order of checks: epoch, incarnations, number */

static void run_inbound(struct work *work);

static void drop_inbound(struct work *work)
{
    struct inbound *inbound = CONTAINER_OF(work, struct inbound, work);

    inbound_refuse(inbound, WIRE_PROBLEM_LATER, "this gateway is stopping");
    inbound_send(inbound);
}

static bool check_epoch(struct inbound *inbound, struct side *side)
{
    return inbound->is.kind == WIRE_END ||
           inbound_put_machine(inbound, side, link_admit(&side->link, inbound->is.is.epoch));
}

static bool check_party(struct inbound *inbound, const struct side *side, struct sequence_pair pair)
{
    const struct link_record *record = &side->link.record;

    if (inbound->is.kind == WIRE_HEARTBEAT ||
        sequence_party(pair, record->incarnation_here, record->incarnation_there) == SEQUENCE_KNOWN)
        return true;
    inbound_refuse(inbound, WIRE_PROBLEM_WRONG_PARTY,
                   "the message is from or for an incarnation that is not the present one; send a "
                   "heartbeat first");
    return false;
}

static void take_number(struct side *side, uint64_t number, enum sequence_verdict *verdict)
{
    bool must_keep = false;

    *verdict = sequence_take(&side->receiver, number, &must_keep);
    side->is_taken_changed = side->is_taken_changed || must_keep;
}

/* A heartbeat of an incarnation that we have not heard of has a number of its own; one for us as
 * we were before a restore is answered and not taken. */
static bool check_number(struct inbound *inbound, struct side *side, struct sequence_pair pair)
{
    const struct link_record *record = &side->link.record;
    enum sequence_verdict verdict;

    if (inbound->is.kind == WIRE_HEARTBEAT &&
        (pair.from != record->incarnation_there || pair.to != record->incarnation_here))
        return true;
    take_number(side, inbound->is.is.sequence, &verdict);
    if (verdict == SEQUENCE_TAKEN)
        return true;
    refuse_number(inbound, side);
    return false;
}

static void note_speaker(struct inbound *inbound, struct side *side)
{
    if (strcmp(side->their_node, inbound->is.is.node) != 0) {
        memcpy(side->their_node, inbound->is.is.node, sizeof(side->their_node));
        side->is_taken_changed = true;
    }
    side_breaker(side, BREAKER_INBOUND, 0);
}

static bool parse(struct inbound *inbound, void *message, unsigned *unknown)
{
    struct error err = {0};

    if (wire_parse(inbound->is.kind, inbound->is.body, message, unknown, &err))
        return true;
    inbound_refuse(inbound,
                   err.code == ERROR_UNSUPPORTED ? WIRE_PROBLEM_VERSION : WIRE_PROBLEM_MALFORMED,
                   "%s", err.text);
    return false;
}

/* ---- heartbeats */

/* They reach us, though it was said that they cannot. */
static void learn_dials(struct side *side)
{
    struct link_event event = {.kind = LINK_DIALS,
                               .no_way_there = side->link.record.only_they_dial};
    struct link_actions actions;

    if (side->link.record.only_we_dial)
        side_step(side, &event, &actions);
}

static void answer_heartbeat(struct inbound *inbound, struct side *side, unsigned unknown)
{
    struct wire_heartbeat answer;

    side_put_heartbeat(side, &answer);
    answer.sequence = side_draw_number(side);
    answer.ignored = unknown;
    inbound_put(inbound, WIRE_HEARTBEAT, &answer);
}

static void hear(struct inbound *inbound, struct side *side, const struct wire_heartbeat *heartbeat,
                 unsigned unknown)
{
    struct link_event event = {.kind = LINK_HEARD,
                               .epoch = inbound->is.is.epoch,
                               .incarnation = heartbeat->from,
                               .levels = side_levels_of(heartbeat, inbound->is.is.sequence)};
    enum sequence_verdict verdict;
    struct link_actions actions;

    side_step(side, &event, &actions);
    if (!inbound_put_machine(inbound, side, actions.answer))
        return;
    if (actions.new_window)
        take_number(side, inbound->is.is.sequence, &verdict);
    learn_dials(side);
    credit_set(&side->credit, (uint32_t)heartbeat->credit.items, heartbeat->credit.bytes);
    if (heartbeat->roots_known > side->link.record.roots_here)
        side_send(side, CALL_OWN_ROOTS);
    answer_heartbeat(inbound, side, unknown);
}

static void take_heartbeat(struct inbound *inbound, struct side *side)
{
    struct wire_heartbeat heartbeat = {0};
    struct sequence_pair pair;
    unsigned unknown = 0;

    if (parse(inbound, &heartbeat, &unknown)) {
        pair = (struct sequence_pair){heartbeat.from, heartbeat.to};
        note_speaker(inbound, side);
        if (check_number(inbound, side, pair))
            hear(inbound, side, &heartbeat, unknown);
    }
    wire_free(WIRE_HEARTBEAT, &heartbeat);
}

/* ---- roots: the document proves itself, whoever brought it */

static void step_roots(struct inbound *inbound, struct side *side, const struct roots *roots)
{
    struct link_event event = {.kind = LINK_ROOTS_TAKEN, .sequence = roots->sequence};
    struct link_actions actions;

    SHA256((const unsigned char *)roots->bytes.data, roots->bytes.size, event.document);
    side_step(side, &event, &actions);
    if (inbound_put_machine(inbound, side, actions.answer))
        inbound_put_empty(inbound);
}

static void follow_roots(struct inbound *inbound, struct side *side, struct slice bytes)
{
    struct error err = {0};
    struct roots roots = {0};
    enum roots_news news = ROOTS_REFUSED;

    if (roots_read(&roots, bytes, &err))
        news = roots_accept(&side->roots, &roots, &err);
    if (news == ROOTS_REFUSED) {
        inbound_refuse(inbound, WIRE_PROBLEM_OLD_ROOTS, "%s", err.text);
    } else {
        step_roots(inbound, side, &roots);
        if (news == ROOTS_NEWER && side_set_roots(side, bytes, NULL))
            side->is_changed = side->is_view_changed = true;
    }
    roots_dispose(&roots);
}

static void take_roots(struct inbound *inbound, struct side *side)
{
    struct wire_roots message = {0};
    unsigned unknown = 0;
    bool is_genuine = inbound->is.has_signed;

    if (parse(inbound, &message, &unknown)) {
        struct sequence_pair pair = {message.from, message.to};

        if (is_genuine)
            note_speaker(inbound, side);
        if (!is_genuine || (check_party(inbound, side, pair) && check_number(inbound, side, pair)))
            follow_roots(inbound, side, text_slice(&message.roots));
    }
    wire_free(WIRE_ROOTS, &message);
}

/* The newest of theirs that we know: they may have lost it. */
static void give_roots(struct inbound *inbound, struct side *side)
{
    struct wire_roots message = {.version = WIRE_VERSION_MAX,
                                 .from = side->link.record.incarnation_here,
                                 .to = side->link.record.incarnation_there,
                                 .sequence = side->roots.sequence,
                                 .roots = side->roots.bytes};

    if (message.to == 0)
        inbound_refuse(inbound, WIRE_PROBLEM_LATER, "a heartbeat first");
    else
        inbound_put(inbound, WIRE_ROOTS, &message);
}

/* ---- ends */

static void take_end(struct inbound *inbound, struct side *side)
{
    struct wire_end end = {0};
    struct link_event event = {.kind = LINK_END_HEARD};
    struct link_actions actions;
    unsigned unknown = 0;

    if (parse(inbound, &end, &unknown)) {
        event.epoch = end.epoch;
        side_step(side, &event, &actions);
        if (inbound_put_machine(inbound, side, actions.answer))
            inbound_put_empty(inbound);
    }
    wire_free(WIRE_END, &end);
}

static void run_inbound(struct work *work)
{
    struct inbound *inbound = CONTAINER_OF(work, struct inbound, work);
    struct side *side = work->side;

    if (inbound->is.kind == WIRE_ROOTS && strcmp(inbound->is.method, "GET") == 0) {
        give_roots(inbound, side);
    } else if (check_epoch(inbound, side)) {
        switch (inbound->is.kind) {
        case WIRE_HEARTBEAT:
            take_heartbeat(inbound, side);
            break;
        case WIRE_ROOTS:
            take_roots(inbound, side);
            break;
        case WIRE_END:
            take_end(inbound, side);
            break;
        case WIRE_BATCH:
            batch_take(inbound);
            return;
        default:
            inbound_refuse(inbound, WIRE_PROBLEM_MALFORMED, "no such request");
            break;
        }
    }
    side_save(side, inbound_finish);
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
    struct inbound *inbound = CONTAINER_OF(errand, struct link_call, errand)->inbound;
    struct side *side;

    inbound->work.run = run_inbound;
    inbound->work.drop = drop_inbound;
    if (inbound->links->is_closing) {
        drop_inbound(&inbound->work);
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
    struct side *side = links_by_id(skewed->links, skewed->link);

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
    struct skewed *skewed = memory_alloc(sizeof(*skewed));

    skewed->message.deliver = deliver_skewed;
    skewed->links = links;
    memcpy(skewed->link, link, sizeof(skewed->link));
    skewed->skew_ms = skew_ms;
    loop_post(links->settings.loop, &skewed->message);
}
