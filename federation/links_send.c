// SPDX-License-Identifier: Apache-2.0
#include "federation/links_call.h"

#include "conf/memory.h"

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
    [CALL_OWN_ROOTS] = {"GET", "/link/v1/roots"}, [CALL_CUT] = {"POST", "/link/v1/statement"},
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
    enum call_kind kind = call->kind;

    if (side->calls[kind] == call)
        side->calls[kind] = NULL;
    peer_request_cancel(&call->request);
    peer_client_destroy(&call->client);
    text_dispose(&call->body);
    text_dispose(&call->answer);
    join_free(call->joining);
    free(call);
    if (kind == CALL_CUT)
        cut_over(side, side->last_failure);
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

/* ---- sending */

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
    case CALL_END:
        compose_end(call);
        return true;
    case CALL_BATCH:
        return batch_compose(call);
    case CALL_CUT:
        cut_compose(call);
        return true;
    case CALL_OWN_ROOTS:
    case CALL_STATEMENT:
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
    case CALL_CUT:
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
    if (call->kind == CALL_STATEMENT) {
        statement_begin_call(call);
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
