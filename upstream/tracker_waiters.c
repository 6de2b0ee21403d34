// SPDX-License-Identifier: Apache-2.0
/* The calls that wait for something of an object, and what they are told. */
#include "upstream/tracker_private.h"

static bool is_release(const struct tracker_call *call)
{
    return call->request.action == TRACKER_RELEASE;
}

static bool is_claim(const struct tracker_call *call)
{
    return call->request.action == TRACKER_CLAIM || call->request.action == TRACKER_ADOPT;
}

static bool is_repair(const struct tracker_call *call)
{
    return call->request.action == TRACKER_REPAIR;
}

static bool has_claimants(const struct tracked *object, const char *pin)
{
    for (const struct tracker_call *call = object->waiters; call != NULL; call = call->next)
        if (is_claim(call) && strcmp(call->pin, pin) == 0)
            return true;
    return false;
}

static void unlink_waiter(struct tracked *object, const struct tracker_call *call)
{
    struct tracker_call **at = &object->waiters;

    if (object->current == call)
        object->current = NULL;
    while (*at != NULL && *at != call)
        at = &(*at)->next;
    if (*at != NULL)
        *at = call->next;
}

void tracked_leave(struct tracked *object, struct tracker_call *call)
{
    struct ownership_event cancel = {.kind = OWNERSHIP_CANCEL};

    for (struct tracked_event *item = object->first; item != NULL; item = item->next)
        if (item->call == call) { /* not begun: nothing comes of it */
            item->call = NULL;
            item->event = cancel; /* of no pin */
            return;
        }
    unlink_waiter(object, call);
    tracked_stop_fetching(object);
    if (is_claim(call) && !has_claimants(object, call->pin))
        tracked_queue_cancel(object, call->pin);
}

/* ---- answering */

static uint64_t bytes_of(const struct tracked *object, const struct tracker_call *call)
{
    return is_claim(call) ? object->state.bytes[call->request.mode] : 0;
}

static void set_failure(const struct tracked *object, struct error *why)
{
    if (object->failure.code != ERROR_NONE)
        *why = object->failure;
    else
        error_set(why, ERROR_IO, "the storage behind this gateway could not do it");
}

static enum tracker_outcome outcome_of(const struct tracked *object,
                                       const struct tracker_call *call,
                                       enum ownership_answer_kind kind, struct error *why)
{
    switch (kind) {
    case ANSWER_PINNED:
    case ANSWER_REMOVED:
        return TRACKER_DONE;
    case ANSWER_CANCELED:
        error_set(why, ERROR_CANCELED, "pin: it was removed while it was being pinned");
        return TRACKER_CANCELED;
    case ANSWER_NOT_PINNED:
        error_set(why, ERROR_NOT_FOUND, "not pinned or pinned indirectly");
        return TRACKER_NOT_PINNED;
    case ANSWER_PINNED_RECURSIVELY:
        error_set(why, ERROR_REFUSED, "already pinned recursively");
        return TRACKER_PINNED_RECURSIVELY;
    case ANSWER_FOREIGN:
        error_set(why, ERROR_REFUSED,
                  "pin: the node itself holds a pin of this object that is not this gateway's; its "
                  "operator can hand it over with causeway pin adopt");
        return TRACKER_FOREIGN;
    case ANSWER_FAILED:
        break;
    }
    set_failure(object, why);
    return object->failure.code == ERROR_NOT_FOUND ? TRACKER_MISSING : TRACKER_FAILED;
}

static void answer(const struct tracked *object, struct tracker_call *call,
                   enum ownership_answer_kind kind)
{
    struct error why = {0};
    enum tracker_outcome outcome = outcome_of(object, call, kind, &why);

    call_answer(call, outcome, outcome == TRACKER_DONE ? NULL : &why, bytes_of(object, call));
}

/* Whom an answer about a pin is for. */
static bool concerns(const struct tracked *object, const struct tracker_call *call,
                     const struct ownership_answer *said)
{
    if (strcmp(call->pin, said->id) != 0)
        return false;
    switch (said->kind) {
    case ANSWER_PINNED:
    case ANSWER_CANCELED:
        return is_claim(call);
    case ANSWER_REMOVED:
        return is_release(call);
    case ANSWER_NOT_PINNED:
    case ANSWER_PINNED_RECURSIVELY:
        return call == object->current;
    case ANSWER_FAILED:
    case ANSWER_FOREIGN:
        break;
    }
    return true;
}

/* A call rode on a pin that was not made its way, and that failed for it: once more, its own way.
 * One that may fetch, on a pin that might not; or one that may not, on a pin that fetched for
 * somebody who left. */
static bool tries_again(struct tracked *object, struct tracker_call *call,
                        const struct ownership_answer *said)
{
    struct ownership_event event = {
        .kind = OWNERSHIP_CLAIM, .owner = call->request.owner, .mode = call->request.mode};
    enum error_code cause = call->request.offline ? ERROR_CANCELED : ERROR_NOT_FOUND;

    if (said->kind != ANSWER_FAILED || call->request.action != TRACKER_CLAIM ||
        call->request.offline == object->is_operation_offline || object->failure.code != cause)
        return false;
    tracked_queue(object, &event, call);
    return true;
}

void tracked_tell(struct tracked *object, const struct ownership_answer *said)
{
    struct tracker_call *call = object->waiters, *next;

    for (; call != NULL; call = next) {
        next = call->next;
        if (!concerns(object, call, said))
            continue;
        unlink_waiter(object, call);
        if (!tries_again(object, call, said))
            answer(object, call, said->kind);
    }
}

void tracked_refuse(struct tracked *object, const char *pin, enum tracker_outcome outcome,
                    const struct error *why)
{
    struct tracker_call *call = object->waiters, *next;

    for (; call != NULL; call = next) {
        next = call->next;
        if (!is_claim(call) || strcmp(call->pin, pin) != 0)
            continue;
        unlink_waiter(object, call);
        call_answer(call, outcome, why, 0);
    }
}

void tracked_tell_plain(struct tracked *object)
{
    struct tracker_call *call = object->waiters, *next;

    for (; call != NULL; call = next) {
        next = call->next;
        if (is_claim(call) || is_release(call) || is_repair(call))
            continue;
        unlink_waiter(object, call);
        call_answer(call, TRACKER_DONE, NULL, 0);
    }
}

/* ---- repairs */

bool tracked_has_waiters(const struct tracked *object)
{
    const struct tracker_call *call = object->waiters;

    while (call != NULL && is_repair(call))
        call = call->next;
    return call != NULL;
}

/* Is what its owners hold pinned, as far as was seen? */
static bool is_sound(const struct tracked *object)
{
    const struct ownership *state = &object->state;
    enum pin_mode cover = state->upstream > state->foreign ? state->upstream : state->foreign;

    for (size_t i = 0; i < state->count; i++)
        if (!state->pins[i].is_removing && state->pins[i].held > cover)
            return false;
    return state->is_seen && !state->is_suspect;
}

void tracked_tell_repairs(struct tracked *object)
{
    bool is_missing =
        object->failure.code == ERROR_NONE && object->pin_failure.code == ERROR_NOT_FOUND;
    struct error why = {0};

    if (is_missing)
        object->failure = object->pin_failure;
    if (!is_sound(object))
        set_failure(object, &why);
    while (object->waiters != NULL) {
        struct tracker_call *call = object->waiters;

        unlink_waiter(object, call);
        if (why.code == ERROR_NONE)
            call_answer(call, TRACKER_DONE, NULL, 0);
        else
            call_answer(call, is_missing ? TRACKER_MISSING : TRACKER_FAILED, &why, 0);
    }
}

void tracked_fail_waiters(struct tracked *object, const struct error *why)
{
    struct tracker_call *call = object->waiters, *next;

    object->waiters = NULL;
    object->current = NULL;
    for (; call != NULL; call = next) {
        next = call->next;
        call_answer(call, TRACKER_FAILED, why, 0);
    }
}
