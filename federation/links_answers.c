// SPDX-License-Identifier: Apache-2.0
/* What peers answer to requests of ours: whether it is theirs, and what follows from it. */
#include "federation/links_call.h"

#include <stdio.h>

/* ---- whether it is theirs */

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

/* ---- what follows */

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

/* Who did not stop in order has claimed numbers: it is asked again above them, once. */
static void raise_number(struct call *call, uint64_t floor)
{
    struct side *side = call->side;

    sequence_raise(&side->sender, floor);
    side->is_sent_changed = true;
    side->again[call->kind] = !side->is_renumbered && floor >= call->sequence;
    side->is_renumbered = true;
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
        if (side->link.record.roots_known_there >= side->links->identity->roots.sequence)
            step_simple(side, LINK_PEER_BEHIND, call->epoch);
        side_send(side, CALL_ROOTS);
        return;
    case WIRE_PROBLEM_SIGNATURE:
        side_send(side, CALL_ROOTS);
        side_send(side, CALL_OWN_ROOTS);
        return;
    case WIRE_PROBLEM_NUMBER:
        if (call->is_genuine)
            raise_number(call, error->floor);
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
    /* who did not know our key yet, before it had the document, could not tell whom to sign for */
    bool must_be_signed = call->kind != CALL_OWN_ROOTS && call->kind != CALL_ROOTS;

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
    side->is_renumbered = false;
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
        levels_hear(side, &heartbeat, heartbeat.sequence);
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

/* The next one at once; behind the last they know us, and are asked how things stand. */
static void hear_roots(const struct call *call)
{
    struct side *side = call->side;

    side->roots_told = call->roots_sequence;
    if (side->roots_told < side->link.record.roots_here)
        side->again[CALL_ROOTS] = true;
    else
        side_send(side, CALL_HEARTBEAT);
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
        if (is_answered)
            hear_roots(call);
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
    case CALL_CUT:
        if (is_answered)
            cut_heard(call);
        break;
    case CALL_JOIN:
    case CALLS:
        break;
    }
    side_save(side, call_finish);
}

/* ---- any time */

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
