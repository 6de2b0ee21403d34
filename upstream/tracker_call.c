// SPDX-License-Identifier: Apache-2.0
/* A call's way to the tracker and back. Two threads share it: what each may touch stands in
 * tracker_private.h. */
#include "conf/memory.h"
#include "upstream/tracker_private.h"

#include <assert.h>
#include <stdlib.h>

/* Of all callers together: each holds an exchange, so there are never many more. */
enum { CALLS_MAX = 200000 };

static void drop(struct tracker_call *call, unsigned count)
{
    if (atomic_fetch_sub(&call->references, count) != count)
        return;
    atomic_fetch_sub(&call->tracker->call_count, 1);
    free((char *)call->request.typed.data);
    free((char *)call->request.name.data);
    free(call);
}

/* ---- the caller's thread */

static struct slice copy(struct slice s)
{
    return (struct slice){s.size > 0 ? memory_copy(s.data, s.size) : NULL, s.size};
}

static void deliver_progress(struct message *message, void *receiver)
{
    struct tracker_call *call = CONTAINER_OF(message, struct tracker_call, progress);
    uint64_t nodes = atomic_load(&call->nodes), bytes = atomic_load(&call->bytes);

    atomic_store(&call->is_progress_posted, false);
    if (!atomic_load(&call->is_abandoned))
        call->on_progress(call->arg, nodes, bytes);
    drop(call, 1);
}

static void deliver_finish(struct message *message, void *receiver)
{
    struct tracker_call *call = CONTAINER_OF(message, struct tracker_call, finish);

    if (!atomic_load(&call->is_abandoned))
        call->on_done(call->arg, &call->answer);
    drop(call, 1);
}

static void deliver_start(struct message *message, void *receiver);
static void deliver_cancel(struct message *message, void *receiver);

bool tracker_start(struct tracker *tracker, struct loop *loop, struct tracker_call **result,
                   const struct tracker_request *request, tracker_progress on_progress,
                   tracker_done on_done, void *arg, struct error *err)
{
    struct tracker_call *call;

    if (atomic_fetch_add(&tracker->call_count, 1) >= CALLS_MAX) {
        atomic_fetch_sub(&tracker->call_count, 1);
        return error_set(err, ERROR_LIMIT, "%d calls wait for pins, and no more may; try again",
                         CALLS_MAX);
    }
    call = memory_alloc(sizeof(*call));
    call->tracker = tracker;
    atomic_init(&call->references, 1);
    call->loop = loop;
    call->on_progress = on_progress;
    call->on_done = on_done;
    call->arg = arg;
    call->request = *request;
    call->request.typed = copy(request->typed);
    call->request.name = copy(request->name);
    call->start.deliver = deliver_start;
    call->cancel.deliver = deliver_cancel;
    call->progress.deliver = deliver_progress;
    call->finish.deliver = deliver_finish;
    *result = call;
    loop_post(tracker->settings.loop, &call->start);
    return true;
}

void tracker_cancel(struct tracker_call **call_ptr)
{
    struct tracker_call *call = *call_ptr;

    if (call == NULL)
        return;
    *call_ptr = NULL;
    atomic_fetch_add(&call->references, 1);
    atomic_store(&call->is_abandoned, true);
    loop_post(call->tracker->settings.loop, &call->cancel);
}

/* ---- the control thread */

static enum ownership_event_kind event_kind(enum tracker_action action)
{
    switch (action) {
    case TRACKER_CLAIM:
        return OWNERSHIP_CLAIM;
    case TRACKER_RELEASE:
        return OWNERSHIP_RELEASE;
    case TRACKER_ADOPT:
        return OWNERSHIP_ADOPT;
    case TRACKER_TRANSFER:
        return OWNERSHIP_TRANSFER;
    case TRACKER_ABANDON:
        return OWNERSHIP_OWNER_GONE;
    case TRACKER_RETURN:
        return OWNERSHIP_OWNER_BACK;
    case TRACKER_REPAIR:
        break;
    }
    return OWNERSHIP_REPAIR;
}

/* True: answered so. */
static bool answer_denied(struct tracker_call *call)
{
    const struct tracker_settings *settings = &call->tracker->settings;
    const struct cid *cid = &call->request.cid;
    struct text reason = {0}, name = {0};
    struct error why = {0};
    bool is_denied = call->request.action == TRACKER_CLAIM && settings->is_denied != NULL &&
                     settings->is_denied(settings->denied_arg, cid, &reason);

    if (is_denied) {
        cid_print(cid, CID_BASE_DEFAULT, &name);
        error_set(&why, ERROR_REFUSED,
                  "%s is not available here: it is on this gateway's denylist%s%.*s%s", name.data,
                  reason.size > 0 ? " (" : "", SLICE_ARGS(text_slice(&reason)),
                  reason.size > 0 ? ")" : "");
        call_answer(call, TRACKER_DENIED, &why, 0);
    }
    text_dispose(&reason);
    text_dispose(&name);
    return is_denied;
}

static void begin(struct tracker_call *call)
{
    const struct tracker_request *request = &call->request;
    struct cid key = ownership_key(&request->cid);
    struct ownership_event event = {
        .kind = event_kind(request->action), .owner = request->owner, .mode = request->mode};
    struct tracked *object;

    if (answer_denied(call))
        return;
    object = tracked_need(call->tracker, &key);
    memcpy(event.id, request->id, sizeof(event.id));
    call->object = object;
    tracked_queue(object, &event, call);
    tracked_run(object);
}

static void deliver_start(struct message *message, void *receiver)
{
    struct tracker_call *call = CONTAINER_OF(message, struct tracker_call, start);
    struct tracker *tracker = call->tracker;

    if (tracker->is_ready) {
        begin(call);
        return;
    }
    call->next = NULL;
    *tracker->held_end = call;
    tracker->held_end = &call->next;
}

void calls_begin_held(struct tracker *tracker)
{
    struct tracker_call *call = tracker->held, *next;

    tracker->held = NULL;
    tracker->held_end = &tracker->held;
    for (; call != NULL; call = next) {
        next = call->next;
        begin(call);
    }
}

static void leave_held(struct tracker *tracker, struct tracker_call *call)
{
    struct tracker_call **at = &tracker->held;

    while (*at != call)
        at = &(*at)->next;
    *at = call->next;
    if (call->next == NULL)
        tracker->held_end = at;
}

static void deliver_cancel(struct message *message, void *receiver)
{
    struct tracker_call *call = CONTAINER_OF(message, struct tracker_call, cancel);
    struct tracked *object = call->object;

    if (call->is_answered) {
        drop(call, 1);
        return;
    }
    call->is_answered = true;
    if (object == NULL)
        leave_held(call->tracker, call);
    else
        tracked_leave(object, call);
    drop(call, 2); /* an answer's, too */
    if (object != NULL)
        tracked_run(object);
}

void call_answer(struct tracker_call *call, enum tracker_outcome outcome, const struct error *why,
                 uint64_t bytes)
{
    assert(!call->is_answered);
    assert((outcome == TRACKER_DONE) == (why == NULL));
    call->is_answered = true;
    call->object = NULL;
    if (atomic_load(
            &call->is_abandoned)) { /* its loop may be gone; its cancellation is on its way */
        drop(call, 1);
        return;
    }
    call->answer = (struct tracker_answer){.outcome = outcome, .bytes = bytes};
    memcpy(call->answer.id, call->pin, sizeof(call->answer.id));
    if (why != NULL) {
        call->text = *why;
        call->answer.text = slice_of(call->text.text);
    }
    loop_post(call->loop, &call->finish);
}

void call_progress(struct tracker_call *call, uint64_t nodes, uint64_t bytes)
{
    if (!call->request.wants_progress || atomic_load(&call->is_abandoned))
        return;
    atomic_store(&call->nodes, nodes);
    atomic_store(&call->bytes, bytes);
    if (atomic_exchange(&call->is_progress_posted, true))
        return; /* the one under way will tell it */
    atomic_fetch_add(&call->references, 1);
    loop_post(call->loop, &call->progress);
}
