// SPDX-License-Identifier: Apache-2.0
#include "store/ownership_settle.h"

#include "conf/memory.h"

#include <assert.h>

void ownership_answer(struct ownership_change *change, const char *id,
                      enum ownership_answer_kind kind)
{
    struct ownership_actions *actions = change->actions;
    struct ownership_answer *answer;

    if (actions->answer_count == actions->answer_capacity) {
        actions->answer_capacity = actions->answer_capacity == 0 ? 4 : 2 * actions->answer_capacity;
        actions->answers =
            memory_resize_array(actions->answers, actions->answer_capacity, sizeof(*answer));
    }
    answer = &actions->answers[actions->answer_count++];
    answer->kind = kind;
    memcpy(answer->id, id, sizeof(answer->id));
}

void ownership_give_up(struct ownership_pin *pin)
{
    pin->wanted = PIN_NONE;
    pin->is_riding = false;
    pin->is_adopting = false;
}

void ownership_drop(struct ownership_change *change, struct ownership_pin *pin)
{
    struct ownership *object = change->object;
    size_t place = (size_t)(pin - object->pins);

    ownership_touch(change, &pin->owner);
    object->count--;
    memmove(pin, pin + 1, (object->count - place) * sizeof(*pin));
}

/* ---- the ends of claims and removals. Each may drop the pin: loops go from the last to the first
 */

/* The claim comes to nothing; what was held before is held on. */
static void refuse(struct ownership_change *change, struct ownership_pin *pin,
                   enum ownership_answer_kind kind)
{
    ownership_answer(change, pin->id, kind);
    ownership_give_up(pin);
    if (pin->held != PIN_NONE)
        return;
    if (pin->keeps_failure)
        pin->is_failed = true;
    else
        ownership_drop(change, pin);
}

static void confirm(struct ownership_change *change, struct ownership_pin *pin)
{
    struct ownership *object = change->object;

    ownership_touch(change, &pin->owner);
    pin->held = ownership_stronger(pin->held, pin->wanted);
    if (pin->is_adopting && object->foreign != PIN_NONE) {
        object->upstream = object->foreign;
        object->foreign = PIN_NONE;
        object->is_adopted = true;
    }
    object->is_shedding |= pin->is_adopting && object->foreign_v0 != PIN_NONE;
    ownership_give_up(pin);
    ownership_answer(change, pin->id, ANSWER_PINNED);
}

/* Is there what this claim means to take over? */
static bool may_adopt(const struct ownership *object, enum pin_mode wanted)
{
    return object->foreign == wanted ||
           (object->foreign == PIN_NONE && object->foreign_v0 == wanted);
}

static void finish_claims(struct ownership_change *change)
{
    struct ownership *object = change->object;

    for (size_t i = object->count; object->is_seen && i > 0; i--) {
        struct ownership_pin *pin = &object->pins[i - 1];

        if (pin->wanted == PIN_NONE)
            continue;
        if (ownership_cover(object) < pin->wanted && object->foreign != PIN_NONE)
            refuse(change, pin, ANSWER_FOREIGN);
        else if (pin->is_adopting && !may_adopt(object, pin->wanted))
            refuse(change, pin, ANSWER_NOT_PINNED);
        else if (ownership_cover(object) >= pin->wanted && object->has_bytes[pin->wanted])
            confirm(change, pin);
    }
}

/* The strongest mode that is claimed; but: by others than this one. */
static enum pin_mode needed(const struct ownership *object, const struct ownership_pin *but)
{
    enum pin_mode mode = PIN_NONE;

    for (size_t i = 0; i < object->count; i++) {
        const struct ownership_pin *pin = &object->pins[i];

        if (pin != but && !pin->is_removing)
            mode = ownership_stronger(mode, ownership_stronger(pin->held, pin->wanted));
    }
    return mode;
}

/* A pin may go as soon as nothing upstream depends on it. */
static void finish_removals(struct ownership_change *change)
{
    struct ownership *object = change->object;

    for (size_t i = object->count; i > 0; i--) {
        struct ownership_pin *pin = &object->pins[i - 1];
        enum pin_mode others;

        if (!pin->is_removing)
            continue;
        others = needed(object, pin);
        if (others >= pin->held || (object->is_seen && object->upstream <= others)) {
            ownership_answer(change, pin->id, ANSWER_REMOVED);
            ownership_drop(change, pin);
        }
    }
}

/* Nothing was removed: the pins are their owners' again, unless an owner claims anew meanwhile. */
static void fail_removals(struct ownership_change *change)
{
    struct ownership *object = change->object;

    for (size_t i = object->count; i > 0; i--) {
        struct ownership_pin *pin = &object->pins[i - 1];

        if (!pin->is_removing)
            continue;
        if (ownership_slot(object, &pin->owner, pin->slot) != pin) {
            ownership_answer(change, pin->id, ANSWER_REMOVED);
            ownership_drop(change, pin);
            continue;
        }
        pin->is_removing = false;
        ownership_answer(change, pin->id, ANSWER_FAILED);
    }
}

/* mode PIN_NONE: of every mode. */
static void fail_claims(struct ownership_change *change, bool only_riding, enum pin_mode mode)
{
    struct ownership *object = change->object;

    for (size_t i = object->count; i > 0; i--) {
        struct ownership_pin *pin = &object->pins[i - 1];

        if (pin->wanted != PIN_NONE && (!only_riding || pin->is_riding) &&
            (mode == PIN_NONE || pin->wanted == mode))
            refuse(change, pin, ANSWER_FAILED);
    }
}

/* ---- the end of an operation */

static void learn_bytes(struct ownership *object, const struct ownership_event *event)
{
    enum pin_mode mode = object->under_way_mode;

    if (!event->has_bytes || object->has_bytes[mode])
        return; /* a CID has one size for ever, and charges were made by the one that is known */
    object->has_bytes[mode] = true;
    object->bytes[mode] = event->bytes;
}

static void looked(struct ownership *object, const struct ownership_event *event)
{
    bool is_adopted = object->is_adopted && event->mode == PIN_NONE;

    object->upstream = is_adopted ? event->foreign : event->mode;
    object->foreign = is_adopted ? PIN_NONE : event->foreign;
    object->foreign_v0 = event->foreign_v0;
    object->is_adopted = is_adopted && event->foreign != PIN_NONE;
    object->is_seen = true;
    object->is_suspect = false;
}

static enum ownership_operation end(struct ownership *object)
{
    enum ownership_operation ended = object->under_way;

    assert(ended != OPERATION_NONE);
    object->under_way = OPERATION_NONE;
    object->is_canceled = false;
    return ended;
}

void ownership_done(struct ownership_change *change, const struct ownership_event *event)
{
    struct ownership *object = change->object;

    switch (end(object)) {
    case OPERATION_LOOK:
        looked(object, event);
        break;
    case OPERATION_PIN:
        learn_bytes(object, event);
        object->upstream = object->under_way_mode;
        for (size_t i = 0; i < object->count; i++)
            object->pins[i].is_riding = false; /* who waits now waits for the size */
        break;
    case OPERATION_MEASURE:
        assert(event->has_bytes);
        learn_bytes(object, event);
        break;
    case OPERATION_UNPIN:
        object->upstream = PIN_NONE;
        object->is_adopted = false;
        object->is_seen = true;
        break;
    case OPERATION_SHED:
        object->foreign_v0 = PIN_NONE;
        object->is_shedding = false;
        break;
    case OPERATION_NONE:
        break;
    }
    if (object->is_suspect)
        object->is_seen = false;
}

void ownership_failed(struct ownership_change *change)
{
    struct ownership *object = change->object;

    switch (end(object)) {
    case OPERATION_LOOK:
        fail_claims(change, false, PIN_NONE);
        fail_removals(change);
        object->is_suspect = true;
        object->waits = true;
        break;
    case OPERATION_PIN:
        fail_claims(change, true, PIN_NONE);
        object->is_repairing = false;
        object->is_suspect = true;
        break;
    case OPERATION_MEASURE:
        fail_claims(change, false, object->under_way_mode);
        break;
    case OPERATION_UNPIN:
        fail_removals(change);
        object->is_repairing = false;
        object->is_suspect = true;
        object->waits = true;
        break;
    case OPERATION_SHED: /* it stays foreign, and whoever adopts again tries again */
        object->is_shedding = false;
        object->is_suspect = true;
        break;
    case OPERATION_NONE:
        break;
    }
    if (object->is_suspect)
        object->is_seen = false;
}

/* ---- the next operation */

static void start(struct ownership_change *change, enum ownership_operation operation,
                  enum pin_mode mode)
{
    struct ownership *object = change->object;

    object->under_way = operation;
    object->under_way_mode = mode;
    change->actions->operation = operation;
    change->actions->mode = mode;
}

/* A pin under way that nobody waits for any more is cut: it may be of any size. */
static void cut_if_unwanted(struct ownership_change *change)
{
    struct ownership *object = change->object;

    if (object->under_way != OPERATION_PIN || object->is_canceled)
        return;
    for (size_t i = 0; i < object->count; i++) {
        const struct ownership_pin *pin = &object->pins[i];

        if (pin->is_riding ||
            (object->is_repairing && !pin->is_removing && pin->held >= object->under_way_mode))
            return;
    }
    object->is_canceled = true;
    change->actions->cancel = true;
}

/* The weakest mode that is missing: a direct pin, which is one block, does not wait for a DAG. */
static enum pin_mode missing(const struct ownership *object)
{
    enum pin_mode cover = ownership_cover(object);
    enum pin_mode mode = PIN_NONE;

    for (size_t i = 0; i < object->count; i++) {
        const struct ownership_pin *pin = &object->pins[i];
        enum pin_mode own = pin->wanted > cover ? pin->wanted : PIN_NONE;

        if (own == PIN_NONE && object->is_repairing && !pin->is_removing && pin->held > cover)
            own = pin->held;
        if (own != PIN_NONE && (mode == PIN_NONE || own < mode))
            mode = own;
    }
    return mode;
}

static enum pin_mode unmeasured(const struct ownership *object)
{
    for (size_t i = 0; i < object->count; i++) {
        enum pin_mode wanted = object->pins[i].wanted;

        if (wanted != PIN_NONE && !object->has_bytes[wanted])
            return wanted;
    }
    return PIN_NONE;
}

static bool has_work(const struct ownership *object)
{
    if (object->is_suspect && !object->waits)
        return true;
    for (size_t i = 0; i < object->count; i++)
        if (object->pins[i].wanted != PIN_NONE || object->pins[i].is_removing)
            return true;
    return object->upstream > needed(object, NULL) && !object->waits;
}

static void start_pin(struct ownership_change *change, enum pin_mode mode)
{
    struct ownership *object = change->object;

    assert(object->foreign == PIN_NONE && object->upstream < mode);
    for (size_t i = 0; i < object->count; i++)
        object->pins[i].is_riding = object->pins[i].wanted == mode;
    start(change, OPERATION_PIN, mode);
}

static void start_unpin(struct ownership_change *change)
{
    change->object->is_repairing = true; /* a weaker claim that stays is pinned behind it */
    change->object->is_seen = false;     /* whoever claims now waits for its end */
    start(change, OPERATION_UNPIN, PIN_NONE);
}

static bool may_unpin(const struct ownership *object)
{
    bool is_asked_for = !object->is_doubtful;

    for (size_t i = 0; i < object->count; i++)
        is_asked_for |= object->pins[i].is_removing;
    return is_asked_for && object->upstream > needed(object, NULL) && !object->waits;
}

static void choose(struct ownership_change *change)
{
    struct ownership *object = change->object;
    enum pin_mode mode;

    if (!object->is_seen) {
        if (has_work(object))
            start(change, OPERATION_LOOK, PIN_NONE);
        return;
    }
    if (object->foreign != PIN_NONE)
        object->is_repairing = false;
    mode = missing(object);
    if (mode == PIN_NONE)
        object->is_repairing = false;
    if (mode != PIN_NONE)
        start_pin(change, mode);
    else if (may_unpin(object))
        start_unpin(change);
    else if ((mode = unmeasured(object)) != PIN_NONE)
        start(change, OPERATION_MEASURE, mode);
    else if (object->is_shedding && object->foreign_v0 != PIN_NONE &&
             object->upstream >= object->foreign_v0)
        start(change, OPERATION_SHED, object->foreign_v0);
}

void ownership_settle(struct ownership_change *change)
{
    finish_claims(change);
    finish_removals(change);
    if (change->object->under_way == OPERATION_NONE)
        choose(change);
    else
        cut_if_unwanted(change);
}
