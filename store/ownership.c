// SPDX-License-Identifier: Apache-2.0
/* The events. What follows from them is in ownership_settle.c. */
#include "store/ownership.h"

#include "conf/memory.h"
#include "store/ownership_settle.h"

#include <assert.h>
#include <stdlib.h>

/* ---- questions */

struct ownership_pin *ownership_pin(const struct ownership *object, const char *id)
{
    for (size_t i = 0; i < object->count; i++)
        if (strcmp(object->pins[i].id, id) == 0)
            return &object->pins[i];
    return NULL;
}

struct ownership_pin *ownership_slot(const struct ownership *object, const struct owner *owner,
                                     uint32_t slot)
{
    struct ownership_pin *found = NULL;

    for (size_t i = 0; i < object->count; i++) {
        struct ownership_pin *pin = &object->pins[i];

        if (pin->slot == slot && owner_equal(&pin->owner, owner) &&
            (found == NULL || found->is_removing))
            found = pin;
    }
    return found;
}

enum pin_state ownership_state(const struct ownership *object, const struct ownership_pin *pin)
{
    if (pin->is_failed)
        return PIN_FAILED;
    if (pin->is_removing)
        return PIN_REMOVING;
    if (pin->held == PIN_NONE)
        return pin->is_riding ? PIN_PINNING : PIN_QUEUED;
    if (pin->is_ownerless)
        return PIN_OWNERLESS;
    return pin->is_lost ? PIN_LOST : PIN_PINNED;
}

/* PIN_NONE: nothing is charged. owner NULL: the organization. */
static enum pin_mode charged_mode(const struct ownership *object, const struct owner *owner)
{
    enum pin_mode mode = PIN_NONE;

    for (size_t i = 0; i < object->count; i++) {
        const struct ownership_pin *pin = &object->pins[i];

        if (owner == NULL || (!pin->is_ownerless && owner_equal(&pin->owner, owner)))
            mode = ownership_stronger(mode, pin->held);
    }
    return mode;
}

static bool charge_of(const struct ownership *object, enum pin_mode mode, uint64_t *bytes)
{
    *bytes = mode == PIN_NONE ? 0 : object->bytes[mode];
    return mode != PIN_NONE;
}

bool ownership_charged(const struct ownership *object, const struct owner *owner, uint64_t *bytes)
{
    return charge_of(object, charged_mode(object, owner), bytes);
}

bool ownership_org_charged(const struct ownership *object, uint64_t *bytes)
{
    return charge_of(object, charged_mode(object, NULL), bytes);
}

bool ownership_is_empty(const struct ownership *object)
{
    return object->count == 0 && object->upstream == PIN_NONE &&
           object->under_way == OPERATION_NONE && !object->is_suspect;
}

/* ---- what owners ask for */

static uint32_t free_slot(const struct ownership *object, const struct owner *owner)
{
    uint32_t slot = SLOT_KUBO + 1;

    for (size_t i = 0; i < object->count; i++)
        if (owner_equal(&object->pins[i].owner, owner) && object->pins[i].slot >= slot)
            slot = object->pins[i].slot + 1;
    return slot;
}

static struct ownership_pin *add(struct ownership *object, const struct ownership_event *event)
{
    struct ownership_pin *pin;

    if (object->count == object->capacity) {
        object->capacity = object->capacity == 0 ? 4 : 2 * object->capacity;
        object->pins = memory_resize_array(object->pins, object->capacity, sizeof(*pin));
    }
    pin = &object->pins[object->count];
    *pin = (struct ownership_pin){
        .owner = event->owner,
        .slot = event->takes_slot ? free_slot(object, &event->owner) : SLOT_KUBO,
        .wanted = event->mode,
        .keeps_failure = event->keeps_failure,
    };
    memcpy(pin->id, event->id, sizeof(pin->id));
    object->count++;
    return pin;
}

/* Slot 0 is shared by all calls of an owner: NULL if the event needs a pin of its own. */
static struct ownership_pin *joined(const struct ownership *object,
                                    const struct ownership_event *event)
{
    struct ownership_pin *pin =
        event->takes_slot ? NULL : ownership_slot(object, &event->owner, SLOT_KUBO);

    return pin != NULL && pin->is_removing ? NULL : pin;
}

static void claim(struct ownership_change *change, const struct ownership_event *event)
{
    struct ownership_pin *pin = joined(change->object, event);

    assert(event->mode != PIN_NONE && (event->takes_slot || !event->keeps_failure));
    if (pin == NULL) {
        pin = add(change->object, event);
    } else if (event->mode < ownership_stronger(pin->held, pin->wanted)) {
        ownership_answer(change, event->id, ANSWER_PINNED_RECURSIVELY);
        return;
    } else if (event->mode != pin->wanted) {
        pin->wanted = event->mode;
        pin->is_riding = false;
    }
    memcpy(change->actions->claim, pin->id, sizeof(pin->id));
}

/* A claim that comes while its very pin is under way waits for that one's end. */
static void board(struct ownership *object, const char *id)
{
    struct ownership_pin *pin = ownership_pin(object, id);

    if (pin != NULL && object->under_way == OPERATION_PIN && !object->is_canceled &&
        pin->wanted == object->under_way_mode)
        pin->is_riding = true;
}

static void adopt(struct ownership_change *change, const struct ownership_event *event)
{
    struct ownership_pin *pin = joined(change->object, event);

    if (pin == NULL) {
        pin = add(change->object, event);
    } else if (pin->wanted != PIN_NONE) {
        ownership_answer(change, event->id, ANSWER_FAILED); /* once that call was answered */
        return;
    } else if (event->mode < pin->held) {
        ownership_answer(change, event->id, ANSWER_PINNED_RECURSIVELY);
        return;
    }
    pin->wanted = event->mode;
    pin->is_adopting = true;
    memcpy(change->actions->claim, pin->id, sizeof(pin->id));
}

static void cancel(struct ownership_change *change, const struct ownership_event *event)
{
    struct ownership_pin *pin = ownership_pin(change->object, event->id);

    if (pin == NULL || pin->wanted == PIN_NONE)
        return; /* it was answered meanwhile */
    if (pin->held == PIN_NONE) {
        ownership_drop(change, pin);
    } else {
        ownership_give_up(pin);
    }
}

static void release(struct ownership_change *change, const struct ownership_event *event)
{
    struct ownership_pin *pin = ownership_pin(change->object, event->id);

    if (pin == NULL) {
        ownership_answer(change, event->id, ANSWER_NOT_PINNED);
        return;
    }
    if (event->mode == PIN_DIRECT && pin->held == PIN_RECURSIVE) {
        ownership_answer(change, event->id, ANSWER_PINNED_RECURSIVELY);
        return;
    }
    if (pin->wanted != PIN_NONE)
        ownership_answer(change, pin->id, ANSWER_CANCELED);
    if (pin->held == PIN_NONE) {
        ownership_answer(change, pin->id, ANSWER_REMOVED);
        ownership_drop(change, pin);
        return;
    }
    ownership_give_up(pin);
    pin->is_removing = true;
}

/* ---- what an operator does */

static void transfer(struct ownership_change *change, const struct ownership_event *event)
{
    struct ownership_pin *pin = ownership_pin(change->object, event->id);
    uint32_t slot = SLOT_KUBO;

    if (pin == NULL || pin->is_removing || pin->held == PIN_NONE) {
        ownership_answer(change, event->id, ANSWER_NOT_PINNED);
        return;
    }
    ownership_touch(change, &pin->owner);
    ownership_touch(change, &event->owner);
    if (!owner_equal(&pin->owner, &event->owner)) {
        if (pin->slot != SLOT_KUBO || ownership_slot(change->object, &event->owner, slot) != NULL)
            slot = free_slot(change->object, &event->owner);
        pin->slot = slot;
        pin->owner = event->owner;
    }
    pin->is_ownerless = false;
}

/* What was confirmed is kept, what was not is given up. */
static void owner_gone(struct ownership_change *change, const struct ownership_event *event)
{
    struct ownership *object = change->object;

    ownership_touch(change, &event->owner);
    for (size_t i = object->count; i > 0; i--) {
        struct ownership_pin *pin = &object->pins[i - 1];

        if (!owner_equal(&pin->owner, &event->owner))
            continue;
        if (pin->wanted != PIN_NONE)
            ownership_answer(change, pin->id, ANSWER_CANCELED);
        ownership_give_up(pin);
        if (pin->held == PIN_NONE)
            ownership_drop(change, pin);
        else if (!pin->is_removing)
            pin->is_ownerless = true;
    }
}

static void owner_back(struct ownership_change *change, const struct ownership_event *event)
{
    ownership_touch(change, &event->owner);
    for (size_t i = 0; i < change->object->count; i++)
        if (owner_equal(&change->object->pins[i].owner, &event->owner))
            change->object->pins[i].is_ownerless = false;
}

/* An operation under way was begun before the doubt; it is looked at behind its end. */
static void doubt(struct ownership *object, bool is_repairing)
{
    object->is_suspect = true;
    object->is_repairing |= is_repairing;
    if (object->under_way == OPERATION_NONE)
        object->is_seen = false;
}

/* ---- the step */

static void apply(struct ownership_change *change, const struct ownership_event *event)
{
    switch (event->kind) {
    case OWNERSHIP_CLAIM:
        claim(change, event);
        board(change->object, change->actions->claim);
        break;
    case OWNERSHIP_ADOPT:
        adopt(change, event);
        break;
    case OWNERSHIP_CANCEL:
        cancel(change, event);
        break;
    case OWNERSHIP_RELEASE:
        release(change, event);
        break;
    case OWNERSHIP_TRANSFER:
        transfer(change, event);
        break;
    case OWNERSHIP_OWNER_GONE:
        owner_gone(change, event);
        break;
    case OWNERSHIP_OWNER_BACK:
        owner_back(change, event);
        break;
    case OWNERSHIP_DOUBT:
    case OWNERSHIP_REPAIR:
        doubt(change->object, event->kind == OWNERSHIP_REPAIR);
        break;
    case OWNERSHIP_DONE:
        ownership_done(change, event);
        break;
    case OWNERSHIP_FAILED:
        ownership_failed(change);
        break;
    }
}

/* The first mention of an owner takes what it was charged before off, the end of the step puts what
 * it is charged now on. */
void ownership_touch(struct ownership_change *change, const struct owner *owner)
{
    struct ownership_actions *actions = change->actions;
    struct ownership_charge *charge;
    uint64_t bytes;

    for (size_t i = 0; i < actions->charge_count; i++)
        if (owner_equal(&actions->charges[i].owner, owner))
            return;
    if (actions->charge_count == actions->charge_capacity) {
        actions->charge_capacity = actions->charge_capacity == 0 ? 4 : 2 * actions->charge_capacity;
        actions->charges =
            memory_resize_array(actions->charges, actions->charge_capacity, sizeof(*charge));
    }
    charge = &actions->charges[actions->charge_count++];
    *charge = (struct ownership_charge){.owner = *owner};
    charge->objects = ownership_charged(change->object, owner, &bytes) ? -1 : 0;
    charge->bytes = -(int64_t)bytes;
}

static void settle_charges(struct ownership_change *change)
{
    struct ownership_actions *actions = change->actions;
    size_t kept = 0;

    for (size_t i = 0; i < actions->charge_count; i++) {
        struct ownership_charge charge = actions->charges[i];
        uint64_t bytes;

        charge.objects += ownership_charged(change->object, &charge.owner, &bytes) ? 1 : 0;
        charge.bytes += (int64_t)bytes;
        if (charge.objects != 0 || charge.bytes != 0)
            actions->charges[kept++] = charge;
    }
    actions->charge_count = kept;
}

/* What nobody looked at just now is as it was. */
static void note_losses(struct ownership *object)
{
    if (!object->is_seen || object->under_way != OPERATION_NONE)
        return;
    for (size_t i = 0; i < object->count; i++)
        object->pins[i].is_lost = object->pins[i].held > ownership_cover(object);
}

void ownership_actions_clear(struct ownership_actions *actions)
{
    actions->operation = OPERATION_NONE;
    actions->mode = PIN_NONE;
    actions->cancel = false;
    actions->claim[0] = '\0';
    actions->answer_count = 0;
    actions->charge_count = 0;
    actions->org_bytes = 0;
    actions->org_objects = 0;
}

void ownership_step(struct ownership *object, const struct ownership_event *event,
                    struct ownership_actions *actions)
{
    struct ownership_change change = {.object = object, .actions = actions};
    bool is_report = event->kind == OWNERSHIP_DONE || event->kind == OWNERSHIP_FAILED;
    uint64_t before, after;
    bool was_charged = ownership_org_charged(object, &before);

    ownership_actions_clear(actions);
    if (!is_report)
        object->waits = false;
    apply(&change, event);
    ownership_settle(&change);
    settle_charges(&change);
    note_losses(object);
    actions->org_objects = (ownership_org_charged(object, &after) ? 1 : 0) - (was_charged ? 1 : 0);
    actions->org_bytes = (int64_t)after - (int64_t)before;
}

void ownership_dispose(struct ownership *object)
{
    free(object->pins);
    *object = (struct ownership){0};
}

void ownership_actions_dispose(struct ownership_actions *actions)
{
    free(actions->answers);
    free(actions->charges);
    *actions = (struct ownership_actions){0};
}
