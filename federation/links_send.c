// SPDX-License-Identifier: Apache-2.0
#include "federation/links_call.h"

#include "conf/memory.h"

#include <assert.h>
#include <openssl/rand.h>
#include <openssl/sha.h>
#include <stdio.h>
#include <stdlib.h>

#define OWN_ROOTS_MS  UINT64_C(60000)
#define PUMP_AGAIN_MS UINT64_C(1000)
#define FIRST_WORD_MS UINT64_C(5000)

static const struct {
    const char *method, *path;
} ways[CALLS] = {
    [CALL_JOIN] = {"POST", "/link/v1/join"},      [CALL_HEARTBEAT] = {"POST", "/link/v1/heartbeat"},
    [CALL_ROOTS] = {"POST", "/link/v1/roots"},    [CALL_STATEMENT] = {"POST", "/link/v1/statement"},
    [CALL_END] = {"POST", "/link/v1/end"},        [CALL_BATCH] = {"POST", "/link/v1/batch"},
    [CALL_OWN_ROOTS] = {"GET", "/link/v1/roots"},
};

const char *call_method(enum call_kind kind)
{
    return ways[kind].method;
}

const char *call_path(enum call_kind kind)
{
    return ways[kind].path;
}

/* ---- its life */

void call_free(struct call *call)
{
    struct side *side = call->side;

    if (side->calls[call->kind] == call)
        side->calls[call->kind] = NULL;
    peer_request_cancel(&call->request);
    peer_client_destroy(&call->client);
    text_dispose(&call->body);
    text_dispose(&call->answer);
    join_free(call->joining);
    free(call);
}

static void drop_work(struct work *work)
{
    struct call *call = CONTAINER_OF(work, struct call, work);

    if (call->kind == CALL_BATCH)
        batch_heard(call, false);
    call_free(call);
}

void call_drop(struct call *call)
{
    struct side *side = call->side;

    drop_work(&call->work);
    side_done(side);
}

static void dropped_over(struct work *work)
{
    call_drop(CONTAINER_OF(work, struct call, work));
}

void call_finish(struct work *work)
{
    struct call *call = CONTAINER_OF(work, struct call, work);
    struct side *side = call->side;
    enum call_kind kind = call->kind;
    bool again = side->again[kind];

    side->again[kind] = false;
    call_free(call);
    side_done(side);
    if (again)
        side_send(side, kind);
}

static void cut_call(struct call *call)
{
    side_breaker(call->side, BREAKER_CANCELED, 0);
    if (call->kind == CALL_BATCH)
        batch_heard(call, false);
    call_free(call);
}

/* What is under way counts no more; what waits for its turn finds out then. */
void side_cut_calls(struct side *side)
{
    for (unsigned kind = 0; kind < CALLS; kind++) {
        struct call *call = side->calls[kind];

        if (call == NULL || &call->work == side->work || kind == CALL_END || kind == CALL_JOIN)
            continue;
        call->is_canceled = true;
        if (kind == CALL_BATCH) /* now: whose items they are may be told of the end next */
            batch_heard(call, false);
        if (call->request != NULL)
            cut_call(call);
    }
}

void side_drop_calls(struct side *side)
{
    for (unsigned kind = 0; kind < CALLS; kind++)
        if (side->calls[kind] != NULL && side->calls[kind]->request != NULL)
            cut_call(side->calls[kind]);
}

/* ---- signing and checking */

static void put_signature(const struct call *call, struct text *headers)
{
    const struct side *side = call->side;
    struct wire_signed is = {.epoch = call->epoch,
                             .sequence = call->sequence,
                             .date_ms = side->links->settings.now_ms()};

    memcpy(is.link, side->link.record.id, sizeof(is.link));
    memcpy(is.node, side->links->settings.id.node, sizeof(is.node));
    signature_make(side->links->identity->signing_key, &is,
                   &(struct signature_of){.method = slice_of(call_method(call->kind)),
                                          .path = slice_of(call_path(call->kind)),
                                          .body = text_slice(&call->body)});
    text_put_text(headers, SIGNATURE_HEADER ": ");
    wire_signed_print(&is, headers);
    text_put_text(headers, "\r\n");
}

/* It is theirs, of now, and fits this request and no other. */
static bool check_signed(struct call *call, const struct peer_client_answer *answer)
{
    const struct side *side = call->side;
    struct wire_signed is;
    char status[16];
    int64_t skew_ms;

    snprintf(status, sizeof(status), "%d", answer->status);
    return answer->signed_header.data != NULL &&
           wire_signed_parse(&is, answer->signed_header, NULL) &&
           strcmp(is.link, side->link.record.id) == 0 && is.sequence == call->sequence &&
           is.epoch == call->epoch &&
           wire_date_is_near(is.date_ms, side->links->settings.now_ms(), &skew_ms) &&
           signature_check(&side->roots, &is,
                           &(struct signature_of){.method = slice_of(status),
                                                  .path = slice_of(call_path(call->kind)),
                                                  .body = answer->body},
                           NULL);
}

static void run_answer(struct work *work);

void call_on_answer(void *arg, const struct peer_client_answer *answer)
{
    struct call *call = arg;

    call->request = NULL;
    call->failure = answer->failure;
    call->status = answer->status;
    call->retry_after_ms = answer->retry_after_ms;
    text_clear(&call->answer);
    text_put_slice(&call->answer, answer->body);
    if (answer->err != NULL)
        snprintf(call->why, sizeof(call->why), "%.390s", answer->err->text);
    if (answer->failure == PEER_ANSWERED && call->sequence > 0)
        call->is_genuine = check_signed(call, answer);
    if (call->kind == CALL_JOIN)
        join_answered(call, answer);
    call->work.run = call->kind == CALL_JOIN ? join_heard : run_answer;
    side_do(call->side, &call->work);
}

/* ---- sending */

static void send_now(struct work *work)
{
    struct call *call = CONTAINER_OF(work, struct call, work);
    struct side *side = call->side;
    struct text headers = {0};
    struct peer_client_request what = {.method = call_method(call->kind),
                                       .path = call_path(call->kind),
                                       .body = text_slice(&call->body)};
    struct error err = {0};
    bool is_sent;

    if (call->sequence > 0)
        put_signature(call, &headers);
    what.headers = text_slice(&headers);
    is_sent = peer_client_start(side->client, &call->request, &what, call_on_answer, call, &err);
    text_dispose(&headers);
    if (is_sent) {
        links_count(&side->links->sent);
        side_done(side);
        return;
    }
    snprintf(side->last_failure, sizeof(side->last_failure), "%.390s", err.text);
    side_breaker(side, BREAKER_CANCELED, 0);
    call_drop(call);
}

void call_go(struct call *call)
{
    side_save(call->side, send_now);
}

static void compose_heartbeat(struct call *call)
{
    struct wire_heartbeat heartbeat;

    side_put_heartbeat(call->side, &heartbeat);
    wire_print(WIRE_HEARTBEAT, &heartbeat, &call->body);
}

/* The next that they need; the newest last. */
static bool compose_roots(struct call *call)
{
    struct side *side = call->side;
    const struct link_record *record = &side->link.record;
    uint64_t known =
        record->roots_known_there > side->roots_told ? record->roots_known_there : side->roots_told;
    struct slice documents[ROOTS_FOLLOW_MAX];
    size_t count = identity_view_documents(side->links->identity, known, documents);
    struct wire_roots message = {.version = WIRE_VERSION_MAX,
                                 .from = record->incarnation_here,
                                 .to = record->incarnation_there};
    struct roots next = {0};

    if (count == 0 || !roots_read(&next, documents[0], NULL))
        return false;
    message.sequence = call->roots_sequence = next.sequence;
    text_put_slice(&message.roots, documents[0]);
    wire_print(WIRE_ROOTS, &message, &call->body);
    text_dispose(&message.roots);
    roots_dispose(&next);
    return true;
}

static enum wire_cause cause_of(const struct link_record *record)
{
    return record->state == LINK_EXPIRED ? WIRE_CAUSE_EXPIRED : WIRE_CAUSE_REVOKED;
}

static void compose_end(struct call *call)
{
    const struct link_record *record = &call->side->link.record;
    struct wire_end end = {.version = WIRE_VERSION_MAX,
                           .epoch = record->epoch,
                           .cause = cause_of(record),
                           .date_ms = call->side->links->settings.now_ms()};

    wire_print(WIRE_END, &end, &call->body);
}

static bool compose(struct call *call)
{
    switch (call->kind) {
    case CALL_HEARTBEAT:
        compose_heartbeat(call);
        return true;
    case CALL_ROOTS:
        return compose_roots(call);
    case CALL_STATEMENT:
        return statement_compose(call);
    case CALL_END:
        compose_end(call);
        return true;
    case CALL_BATCH:
        return batch_compose(call);
    case CALL_OWN_ROOTS:
    case CALL_JOIN:
    case CALLS:
        break;
    }
    return true;
}

/* Who joined has our answer and its words yet to come, and would take us for a stranger. */
static bool is_early(const struct side *side)
{
    return side->link.record.state == LINK_PENDING && side->link.record.is_inviter &&
           !side->link.has_heard && side->joined_ms != 0 &&
           loop_now_ms(side->links->settings.loop) - side->joined_ms < FIRST_WORD_MS;
}

/* Is it still what the link wants, now that its turn has come? */
static bool is_wanted(const struct call *call)
{
    const struct side *side = call->side;
    const struct link_record *record = &side->link.record;

    switch (call->kind) {
    case CALL_JOIN:
        return record->is_joining;
    case CALL_END:
        return record->end != LINK_NOT_ENDED && !record->end_is_known_there;
    case CALL_HEARTBEAT:
    case CALL_OWN_ROOTS:
        return link_may_send(&side->link, LINK_TRAFFIC_HEALTH);
    case CALL_ROOTS:
        return link_may_send(&side->link, LINK_TRAFFIC_HEALTH) && record->incarnation_there != 0;
    case CALL_STATEMENT:
        return link_may_send(&side->link, LINK_TRAFFIC_STATEMENT) && record->incarnation_there != 0;
    case CALL_BATCH:
        return link_may_send(&side->link, LINK_TRAFFIC_CHANGE);
    case CALLS:
        break;
    }
    return false;
}

static void run_call(struct work *work)
{
    struct call *call = CONTAINER_OF(work, struct call, work);
    struct side *side = call->side;
    bool is_signed = call->kind != CALL_JOIN && call->kind != CALL_OWN_ROOTS;
    struct breaker_verdict verdict;

    if (call->is_canceled || !is_wanted(call) || is_early(side) ||
        (is_signed && side->links->identity->signing_key == NULL)) {
        call_drop(call);
        return;
    }
    verdict = side_breaker(side, BREAKER_ASK, 0);
    if (verdict.answer != BREAKER_GO) {
        if (call->kind == CALL_BATCH)
            timer_arm(side->links->settings.loop, &side->pump,
                      verdict.wait_ms > 0 ? verdict.wait_ms : PUMP_AGAIN_MS);
        side_save(side, dropped_over);
        return;
    }
    call->epoch = side->link.record.epoch;
    if (call->kind == CALL_JOIN) {
        join_begin(call);
        return;
    }
    if (!compose(call)) {
        side_breaker(side, BREAKER_CANCELED, 0);
        side_save(side, dropped_over);
        return;
    }
    if (is_signed)
        call->sequence = side_draw_number(side);
    call_go(call);
}

void side_send(struct side *side, enum call_kind kind)
{
    struct call *call;
    uint64_t now_ms = loop_now_ms(side->links->settings.loop);

    if (side->calls[kind] != NULL) { /* what it says may have changed since it was composed */
        side->again[kind] = side->calls[kind]->body.size > 0 && kind == CALL_HEARTBEAT;
        return;
    }
    if (kind == CALL_OWN_ROOTS) {
        if (side->own_roots_asked_ms != 0 && now_ms - side->own_roots_asked_ms < OWN_ROOTS_MS)
            return;
        side->own_roots_asked_ms = now_ms;
    }
    call = memory_alloc(sizeof(*call));
    call->kind = kind;
    call->side = side;
    call->work.run = run_call;
    call->work.drop = drop_work;
    side->calls[kind] = call;
    side_do(side, &call->work);
}

/* ---- hearing */

static void step_simple(struct side *side, enum link_event_kind kind, uint64_t epoch)
{
    struct link_event event = {.kind = kind, .epoch = epoch};
    struct link_actions actions;

    side_step(side, &event, &actions);
}

void call_tell_breaker(struct call *call)
{
    bool is_paused = (call->status == 429 || call->status == 503) && call->retry_after_ms > 0;
    bool is_failure = call->failure != PEER_ANSWERED || call->status == 408 || call->status >= 500;

    if (call->failure == PEER_ANSWERED && is_paused)
        side_breaker(call->side, BREAKER_PAUSED, call->retry_after_ms);
    else
        side_breaker(call->side, is_failure ? BREAKER_FAILED : BREAKER_SUCCEEDED, 0);
}

/* Numbers and incarnations are believed if they are signed. */
static void hear_error(struct call *call, const struct wire_error *error)
{
    struct side *side = call->side;
    struct link_event event = {.kind = LINK_DISOWNED, .incarnation = links_random()};
    struct link_actions actions;

    switch ((enum wire_problem)error->problem) {
    case WIRE_PROBLEM_BEHIND:
        step_simple(side, LINK_PEER_BEHIND, call->epoch);
        return;
    case WIRE_PROBLEM_STRANGER: /* they may lack our newest document; else they lack the link */
        if (side->link.record.roots_known_there >= side->link.record.roots_here)
            step_simple(side, LINK_PEER_BEHIND, call->epoch);
        side_send(side, CALL_ROOTS);
        return;
    case WIRE_PROBLEM_SIGNATURE:
        side_send(side, CALL_ROOTS);
        side_send(side, CALL_OWN_ROOTS);
        return;
    case WIRE_PROBLEM_NUMBER:
        if (call->is_genuine) {
            sequence_raise(&side->sender, error->floor);
            side->is_sent_changed = true;
        }
        return;
    case WIRE_PROBLEM_OLD_INCARNATION:
        if (call->is_genuine)
            side_step(side, &event, &actions);
        return;
    case WIRE_PROBLEM_DATE:
        event = (struct link_event){.kind = LINK_SKEWED, .skew_ms = INT64_C(300000)};
        if (error->date_ms > 0)
            event.skew_ms = (int64_t)(error->date_ms - side->links->settings.now_ms());
        side_step(side, &event, &actions);
        return;
    default:
        return;
    }
}

static void hear_refusal(struct call *call)
{
    struct side *side = call->side;
    struct wire_error error = {0};
    unsigned unknown = 0;

    if (!wire_parse(WIRE_ERROR, text_slice(&call->answer), &error, &unknown, NULL)) {
        snprintf(side->last_failure, sizeof(side->last_failure), "answered with status %d",
                 call->status);
        return;
    }
    snprintf(side->last_failure, sizeof(side->last_failure), "refused by them (%d): %.300s",
             call->status, error.message);
    hear_error(call, &error);
    wire_free(WIRE_ERROR, &error);
}

static void hear_over(struct call *call)
{
    struct wire_end end = {0};
    unsigned unknown = 0;

    if (wire_parse(WIRE_END, text_slice(&call->answer), &end, &unknown, NULL) &&
        end.epoch == call->epoch)
        step_simple(call->side, LINK_END_HEARD, end.epoch);
    wire_free(WIRE_END, &end);
}

bool call_judge(struct call *call)
{
    struct side *side = call->side;
    bool must_be_signed = call->kind != CALL_OWN_ROOTS;

    call_tell_breaker(call);
    if (call->failure != PEER_ANSWERED) {
        memcpy(side->last_failure, call->why, sizeof(side->last_failure));
        links_count(&side->links->failed);
        if (call->failure == PEER_UNTRUSTED) {
            links_count(&side->links->untrusted);
            log_message(side->links->settings.messages, LOG_LEVEL_WARNING,
                        "link %s: who answers there is not taken for them: %s",
                        side->link.record.peer, call->why);
            step_simple(side, LINK_UNTRUSTED, 0);
        }
        return false;
    }
    links_count(&side->links->answered);
    if (call->status == 410 && call->is_genuine) {
        hear_over(call);
        return false;
    }
    if (call->status != 200) {
        hear_refusal(call);
        return false;
    }
    if (must_be_signed && !call->is_genuine) {
        snprintf(side->last_failure, sizeof(side->last_failure),
                 "answered, but not with a signature by a key that we know of them");
        side_send(side, CALL_ROOTS);
        return false;
    }
    side->last_failure[0] = '\0';
    return true;
}

static void hear_heartbeat(struct call *call)
{
    struct side *side = call->side;
    struct wire_heartbeat heartbeat = {0};
    struct link_event event = {.kind = LINK_ACKED, .epoch = call->epoch};
    struct link_event dials = {.kind = LINK_DIALS, .no_way_here = side->link.record.only_we_dial};
    struct link_actions actions;
    unsigned unknown = 0;

    if (wire_parse(WIRE_HEARTBEAT, text_slice(&call->answer), &heartbeat, &unknown, NULL)) {
        event.incarnation = heartbeat.from;
        event.levels = side_levels_of(&heartbeat, heartbeat.sequence);
        side_step(side, &event, &actions);
        if (side->link.record.only_they_dial)
            side_step(side, &dials, &actions);
        credit_set(&side->credit, (uint32_t)heartbeat.credit.items, heartbeat.credit.bytes);
        if (heartbeat.roots_known > side->link.record.roots_here)
            side_send(side, CALL_OWN_ROOTS);
        side_pump(side);
    }
    wire_free(WIRE_HEARTBEAT, &heartbeat);
}

static void taken_back(void *arg, const struct identity_outcome *outcome)
{
    struct links *links = arg;

    if (outcome->err != NULL)
        log_message(links->settings.messages, LOG_LEVEL_WARNING,
                    "links: a roots document of ours that a partner has is not taken: %s",
                    outcome->err->text);
}

/* They knew it before we were restored. It proves itself. */
static void hear_own_roots(struct call *call)
{
    struct side *side = call->side;
    struct wire_roots message = {0};
    struct slice document;
    struct error err = {0};
    unsigned unknown = 0;

    if (wire_parse(WIRE_ROOTS, text_slice(&call->answer), &message, &unknown, NULL) &&
        message.sequence > side->links->identity->roots.sequence) {
        document = text_slice(&message.roots);
        if (!identity_keeper_take(side->links->settings.keeper, &document, 1, taken_back,
                                  side->links, &err))
            log_message(side->links->settings.messages, LOG_LEVEL_WARNING, "links: %s", err.text);
    }
    wire_free(WIRE_ROOTS, &message);
}

static void run_answer(struct work *work)
{
    struct call *call = CONTAINER_OF(work, struct call, work);
    struct side *side = call->side;
    bool is_answered;

    if (call->is_canceled) {
        call_tell_breaker(call);
        call_drop(call);
        return;
    }
    is_answered = call_judge(call);
    switch (call->kind) {
    case CALL_HEARTBEAT:
        if (is_answered)
            hear_heartbeat(call);
        break;
    case CALL_ROOTS:
        if (is_answered) {
            side->roots_told = call->roots_sequence;
            side->again[CALL_ROOTS] = side->roots_told < side->link.record.roots_here;
        }
        break;
    case CALL_STATEMENT:
        if (is_answered) {
            statement_heard(call); /* saves when it is durable */
            return;
        }
        break;
    case CALL_END:
        if (is_answered)
            step_simple(side, LINK_END_ACKED, call->epoch);
        break;
    case CALL_BATCH:
        batch_heard(call, is_answered);
        break;
    case CALL_OWN_ROOTS:
        if (is_answered)
            hear_own_roots(call);
        break;
    case CALL_JOIN:
    case CALLS:
        break;
    }
    side_save(side, call_finish);
}
