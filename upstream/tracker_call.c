// SPDX-License-Identifier: Apache-2.0
/* A call's way to the tracker and back. */
#include "conf/memory.h"
#include "upstream/tracker_private.h"

#include <assert.h>
#include <stdlib.h>

/* Of all callers together: each holds an exchange, so there are never many more. */
enum { CALLS_MAX = 200000 };

static struct tracker_call *call_of(struct errand *errand)
{
    return CONTAINER_OF(errand, struct tracker_call, errand);
}

static void destroy(struct errand *errand)
{
    struct tracker_call *call = call_of(errand);

    atomic_fetch_sub(&call->tracker->call_count, 1);
    free((char *)call->request.typed.data);
    free((char *)call->request.name.data);
    free((char *)call->request.labels.data);
    free(call);
}

/* ---- the caller's thread */

static struct slice copy(struct slice s)
{
    return (struct slice){s.size > 0 ? memory_copy(s.data, s.size) : NULL, s.size};
}

static void on_progress(struct errand *errand)
{
    struct tracker_call *call = call_of(errand);

    call->on_progress(call->arg, atomic_load(&call->nodes), atomic_load(&call->bytes));
}

static void on_done(struct errand *errand)
{
    struct tracker_call *call = call_of(errand);

    call->on_done(call->arg, &call->answer);
}

static void begin_or_hold(struct errand *errand);
static void give_up(struct errand *errand);

static const struct errand_kind kind = {
    .begin = begin_or_hold,
    .give_up = give_up,
    .on_progress = on_progress,
    .on_done = on_done,
    .destroy = destroy,
};

bool tracker_start(struct tracker *tracker, struct loop *loop, struct tracker_call **result,
                   const struct tracker_request *request, tracker_progress progress,
                   tracker_done done, void *arg, struct error *err)
{
    struct tracker_call *call;

    if (atomic_fetch_add(&tracker->call_count, 1) >= CALLS_MAX) {
        atomic_fetch_sub(&tracker->call_count, 1);
        return error_set(err, ERROR_LIMIT, "%d calls wait for pins, and no more may; try again",
                         CALLS_MAX);
    }
    call = memory_alloc(sizeof(*call));
    call->tracker = tracker;
    call->on_progress = progress;
    call->on_done = done;
    call->arg = arg;
    call->request = *request;
    call->request.typed = copy(request->typed);
    call->request.name = copy(request->name);
    call->request.labels = copy(request->labels);
    *result = call;
    errand_start(&call->errand, &kind, loop, tracker->settings.loop);
    return true;
}

void tracker_cancel(struct tracker_call **call_ptr)
{
    struct tracker_call *call = *call_ptr;

    if (call == NULL)
        return;
    *call_ptr = NULL;
    errand_cancel(&call->errand);
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

static void begin_or_hold(struct errand *errand)
{
    struct tracker_call *call = call_of(errand);
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

static void give_up(struct errand *errand)
{
    struct tracker_call *call = call_of(errand);
    struct tracked *object = call->object;

    if (object == NULL) {
        leave_held(call->tracker, call);
        return;
    }
    tracked_leave(object, call);
    tracked_run(object);
}

void call_answer(struct tracker_call *call, enum tracker_outcome outcome, const struct error *why,
                 uint64_t bytes)
{
    assert((outcome == TRACKER_DONE) == (why == NULL));
    call->object = NULL;
    call->answer = (struct tracker_answer){.outcome = outcome, .bytes = bytes};
    memcpy(call->answer.id, call->pin, sizeof(call->answer.id));
    if (why != NULL) {
        call->text = *why;
        call->answer.text = slice_of(call->text.text);
    }
    errand_answer(&call->errand);
}

void call_progress(struct tracker_call *call, uint64_t nodes, uint64_t bytes)
{
    if (!call->request.wants_progress)
        return;
    atomic_store(&call->nodes, nodes);
    atomic_store(&call->bytes, bytes);
    errand_progress(&call->errand);
}
