// SPDX-License-Identifier: Apache-2.0
/* The one operation under way upstream for an object. */
#include "upstream/tracker_private.h"

#include <assert.h>

/* The connection was cut, or nothing came: a node that was about to write the pin writes it. */
static bool has_answered(const struct error *err)
{
    return err == NULL || (err->code != ERROR_IO && err->code != ERROR_TIMEOUT &&
                           err->code != ERROR_CANCELED && err->code != ERROR_MISMATCH);
}

static void report(struct tracked *object, const struct operation_result *result,
                   const struct error *err)
{
    object->has_report = true;
    object->report = (struct ownership_event){.kind = OWNERSHIP_FAILED};
    if (object->state.under_way == OPERATION_PIN) {
        object->pin_failure = err != NULL ? *err : (struct error){0};
        object->may_come_late = !has_answered(err);
        timer_disarm(&object->late); /* from its end on */
    }
    if (err != NULL) {
        object->failure = *err;
        return;
    }
    assert(result != NULL);
    object->failure = (struct error){0};
    object->report = (struct ownership_event){.kind = OWNERSHIP_DONE,
                                              .mode = result->ours,
                                              .foreign = result->foreign,
                                              .foreign_v0 = result->foreign_v0,
                                              .has_bytes = result->has_bytes,
                                              .bytes = result->bytes};
}

static void on_done(void *object_, const struct operation_result *result, const struct error *err)
{
    struct tracked *object = object_;

    object->operation = NULL;
    report(object, result, err);
    tracked_run(object);
}

/* What is gone already need not be removed. */
static void on_unpinned(void *object, const struct operation_result *result,
                        const struct error *err)
{
    static const struct operation_result nothing;

    if (err != NULL && err->code == ERROR_NOT_FOUND)
        on_done(object, &nothing, NULL);
    else
        on_done(object, result, err);
}

void tracked_cut(struct tracked *object, const struct error *why)
{
    if (object->operation == NULL)
        return; /* it ended meanwhile, and its report is there */
    upstream_cancel(&object->operation);
    report(object, NULL, why);
}

/* ---- while a pin is under way */

/* Claims that outgrow their quota while they are fetched are given up. */
static void refuse_outgrown(struct tracked *object, uint64_t bytes)
{
    for (size_t i = 0; i < object->state.count; i++) {
        const struct ownership_pin *pin = &object->state.pins[i];
        struct error why = {0};

        if (!pin->is_riding || tracked_has_room(object, &pin->owner, bytes, &why))
            continue;
        tracked_refuse(object, pin->id, TRACKER_QUOTA, &why);
        tracked_queue_cancel(object, pin->id);
    }
}

static void on_progress(void *object_, uint64_t nodes, uint64_t bytes)
{
    struct tracked *object = object_;

    for (struct tracker_call *call = object->waiters; call != NULL; call = call->next)
        if (call->request.action == TRACKER_CLAIM)
            call_progress(call, nodes, bytes);
    refuse_outgrown(object, bytes);
    tracked_run(object);
}

/* Nothing is fetched unless somebody who may fetch waits for it. */
static bool is_offline(const struct tracked *object)
{
    for (const struct tracker_call *call = object->waiters; call != NULL; call = call->next)
        if (call->request.action == TRACKER_CLAIM && !call->request.offline &&
            call->request.mode == object->state.under_way_mode)
            return false;
    return true;
}

void tracked_stop_fetching(struct tracked *object)
{
    struct error why = {0};

    if (object->operation == NULL || object->state.under_way != OPERATION_PIN ||
        object->waiters == NULL || object->is_operation_offline || !is_offline(object))
        return;
    error_set(&why, ERROR_CANCELED, "nobody who may fetch it waits for it any more");
    tracked_cut(object, &why);
}

/* ---- starting */

static bool start(struct tracked *object, struct error *err)
{
    struct tracker *tracker = object->tracker;
    struct upstream *upstream = tracker->settings.upstream;
    struct slice name = text_slice(&tracker->pin_name);
    enum pin_mode mode = object->state.under_way_mode;
    struct cid v0;

    switch (object->state.under_way) {
    case OPERATION_LOOK:
        return upstream_look(upstream, &object->operation, &object->key, name, on_done, object,
                             err);
    case OPERATION_PIN:
        object->is_operation_offline = is_offline(object);
        return upstream_pin(upstream, &object->operation, &object->key, mode, name,
                            object->is_operation_offline, on_progress, on_done, object, err);
    case OPERATION_MEASURE:
        return upstream_measure(upstream, &object->operation, &object->key, mode, on_done, object,
                                err);
    case OPERATION_UNPIN:
        return upstream_unpin(upstream, &object->operation, &object->key, object->state.upstream,
                              on_unpinned, object, err);
    case OPERATION_SHED:
        v0 = cid_to_v0(&object->key);
        return upstream_unpin(upstream, &object->operation, &v0, mode, on_unpinned, object, err);
    case OPERATION_NONE:
        break;
    }
    assert(!"no operation to start");
    return false;
}

void tracked_operate(struct tracked *object)
{
    struct error err = {0};

    assert(object->operation == NULL && !object->has_report);
    object->has_begun |=
        object->state.under_way == OPERATION_PIN || object->state.under_way == OPERATION_UNPIN;
    if (!start(object, &err))
        report(object, NULL, &err);
}
