// SPDX-License-Identifier: Apache-2.0
/* An object comes out of the ledger, and what a crash or a restore left of it is taken up. */
#include "conf/memory.h"
#include "upstream/tracker_private.h"

static void take_pin(struct ownership *state, const struct pin_record *record)
{
    struct ownership_pin *pin = &state->pins[state->count++];

    *pin = (struct ownership_pin){
        .owner = record->owner,
        .slot = record->slot,
        .held = record->held,
        .wanted = record->state == PIN_FAILED ? PIN_NONE : record->wanted,
        .keeps_failure = record->slot != SLOT_KUBO,
        .is_failed = record->state == PIN_FAILED,
        .is_ownerless = record->is_ownerless,
        .is_removing = record->state == PIN_REMOVING,
        .is_lost = record->state == PIN_LOST,
    };
    memcpy(pin->id, record->id, sizeof(pin->id));
}

static void take_object(struct ownership *state, const struct object_get *found)
{
    const struct object_record *record = &found->record;

    state->upstream = record->upstream;
    state->is_adopted = record->is_adopted;
    for (enum pin_mode mode = PIN_DIRECT; mode <= PIN_RECURSIVE; mode++) {
        state->has_bytes[mode] = record->has_bytes[mode];
        state->bytes[mode] = record->bytes[mode];
    }
    state->pins = memory_resize_array(NULL, found->count + 1, sizeof(*state->pins));
    state->capacity = found->count + 1;
    for (size_t i = 0; i < found->count; i++)
        take_pin(state, &found->pins[i]);
}

/* What was under way when the process ended: nobody waits for a claim any more, and what was begun
 * is ended. But of a ledger that was restored it is not known what became of it since: a claim may
 * have been answered, so it is carried out. It comes before all that waits. */
static void queue_unfinished(struct tracked *object)
{
    struct tracked_event *waiting = object->first, **end = object->end;
    bool is_unfinished = false;

    object->first = NULL;
    object->end = &object->first;
    for (size_t i = 0; i < object->state.count; i++) {
        const struct ownership_pin *pin = &object->state.pins[i];
        struct ownership_event cancel = {.kind = OWNERSHIP_CANCEL};

        is_unfinished |= pin->is_removing || pin->wanted != PIN_NONE;
        memcpy(cancel.id, pin->id, sizeof(cancel.id));
        if (pin->wanted != PIN_NONE && !object->is_doubtful)
            tracked_queue(object, &cancel, NULL);
    }
    if (is_unfinished || object->is_recovering)
        tracked_queue(object, &(struct ownership_event){.kind = OWNERSHIP_REPAIR}, NULL);
    if (waiting != NULL) {
        *object->end = waiting;
        object->end = end;
    }
}

static void on_loaded(void *object_, struct transaction *transaction)
{
    struct tracked *object = object_;
    const struct error *err = &transaction->err;

    object->reading = NULL;
    if (err->code != ERROR_NONE && err->code != ERROR_NOT_FOUND) {
        object->write_fault = *err;
        tracked_run(object);
        return;
    }
    object->phase = TRACKED_READY;
    if (err->code == ERROR_NONE) {
        take_object(&object->state, &transaction->object_get);
        object->is_doubtful = transaction->object_get.record.is_doubtful;
        object->state.is_doubtful = object->is_doubtful;
    }
    queue_unfinished(object);
    if (object->is_doubtful)
        tracked_keep_removed(object);
    tracked_run(object);
}

void tracked_load(struct tracked *object)
{
    const struct tracker_settings *settings = &object->tracker->settings;
    struct transaction *transaction = transaction_create(TRANSACTION_OBJECT_GET);
    struct error err = {0};

    object->phase = TRACKED_LOADING;
    transaction->object_get.key = transaction_copy(transaction, tracked_key(object));
    if (store_start(settings->store, settings->loop, transaction, on_loaded, object, &err)) {
        object->reading = transaction;
        return;
    }
    transaction_destroy(&transaction);
    object->write_fault = err;
}
