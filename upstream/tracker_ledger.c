// SPDX-License-Identifier: Apache-2.0
/* What a step changed of an object goes to the ledger.
 *
 * The journal has one open entry for an object from before the first thing that is written of it
 * until it is at rest. A claim that is not confirmed, a pin that nobody claims: recovery finds them
 * behind an open entry. */
#include "conf/memory.h"
#include "upstream/tracker_private.h"

#include <assert.h>

static void on_written(void *object_, struct transaction *transaction)
{
    struct tracked *object = object_;

    if (transaction->err.code != ERROR_NONE && object->write_fault.code == ERROR_NONE)
        object->write_fault = transaction->err;
    if (transaction->name == TRANSACTION_JOURNAL_OPEN && transaction->err.code == ERROR_NONE)
        object->journal = transaction->journal_open.record.number;
    object->writes--;
    tracked_run(object);
}

static void write(struct tracked *object, struct transaction *transaction)
{
    if (object->unsent_count == object->unsent_capacity) {
        object->unsent_capacity = object->unsent_capacity * 2 + 4;
        object->unsent = memory_resize_array(object->unsent, object->unsent_capacity,
                                             sizeof(struct transaction *));
    }
    object->unsent[object->unsent_count++] = transaction;
}

/* All of it, or (with write_fault) nothing: a part of what a step changed would be charged in the
 * ledger and not here. */
static void send_writes(struct tracked *object)
{
    const struct tracker_settings *settings = &object->tracker->settings;
    size_t count = object->unsent_count;

    object->unsent_count = 0;
    if (count == 0)
        return;
    if (store_start_all(settings->store, settings->loop, object->unsent, count, on_written, object,
                        &object->write_fault)) {
        object->writes += count;
        return;
    }
    for (size_t i = 0; i < count; i++)
        transaction_destroy(&object->unsent[i]);
}

static void open_journal(struct tracked *object)
{
    struct transaction *transaction;

    if (object->journal != 0)
        return;
    transaction = transaction_create(TRANSACTION_JOURNAL_OPEN);
    transaction->journal_open.record = (struct journal_record){
        .opened_ms = object->tracker->settings.now_ms(),
        .kind = SLICE("object"),
        .key = transaction_copy(transaction, tracked_key(object)),
    };
    write(object, transaction);
}

void tracked_close_journal(struct tracked *object)
{
    struct transaction *transaction;
    struct error err = {0};

    if (object->journal == 0)
        return;
    transaction = transaction_create(TRANSACTION_JOURNAL_CLOSE);
    transaction->journal_close.number = object->journal;
    object->journal = 0;
    if (store_start(object->tracker->settings.store, NULL, transaction, NULL, NULL, &err))
        return;
    transaction_destroy(&transaction);
    recovery_again(object->tracker);
}

/* ---- one pin */

static void write_add(struct tracked *object, const struct ownership_pin *pin,
                      const struct tracker_call *call)
{
    struct transaction *transaction = transaction_create(TRANSACTION_PIN_ADD);
    struct pin_record *record = &transaction->pin_add.record;
    struct text cid = {0};

    if (call == NULL || call->request.typed.size == 0)
        cid_print(&object->key, CID_BASE_DEFAULT, &cid);
    else
        text_put_slice(&cid, call->request.typed);
    *record = (struct pin_record){
        .owner = pin->owner,
        .key = transaction_copy(transaction, tracked_key(object)),
        .slot = pin->slot,
        .wanted = pin->wanted != PIN_NONE ? pin->wanted : pin->held,
        .state = PIN_QUEUED,
        .cid = transaction_copy(transaction, text_slice(&cid)),
        .created_ms = object->tracker->settings.now_ms(),
    };
    if (call != NULL) {
        record->name = transaction_copy(transaction, call->request.name);
        record->labels = transaction_copy(transaction, call->request.labels);
        record->min_copies = call->request.min_copies;
        record->expires_ms = call->request.expires_ms;
    }
    memcpy(record->id, pin->id, sizeof(record->id));
    text_dispose(&cid);
    write(object, transaction);
}

/* The last who asked for it says its name and its end. */
static const struct tracker_call *claimant(const struct tracked *object, const char *pin)
{
    for (const struct tracker_call *call = object->waiters; call != NULL; call = call->next)
        if (call->request.action == TRACKER_CLAIM && strcmp(call->pin, pin) == 0)
            return call;
    return NULL;
}

static bool was_held(const struct tracked *object, const char *id)
{
    const struct ownership_pin *before = ownership_pin(&object->before, id);

    return before != NULL && before->held != PIN_NONE;
}

static void write_confirm(struct tracked *object, const struct ownership_pin *pin)
{
    struct transaction *transaction = transaction_create(TRANSACTION_PIN_CONFIRM);
    struct pin_confirm *confirm = &transaction->pin_confirm;
    const struct tracker_call *call = claimant(object, pin->id);

    memcpy(confirm->id, pin->id, sizeof(confirm->id));
    confirm->mode = pin->held;
    confirm->bytes = object->state.bytes[pin->held];
    if (call != NULL) {
        confirm->renames = call->request.has_name;
        confirm->name = transaction_copy(transaction, call->request.name);
        confirm->labels_it = call->request.labels.size > 0;
        confirm->labels = transaction_copy(transaction, call->request.labels);
        confirm->min_copies = call->request.min_copies;
        confirm->sets_expiry =
            !was_held(object, pin->id) || call->request.shortens || call->request.expires_ms == 0;
        confirm->expires_ms = call->request.expires_ms;
    }
    write(object, transaction);
}

static void write_fail(struct tracked *object, const char *id, bool keeps)
{
    struct transaction *transaction = transaction_create(TRANSACTION_PIN_FAIL);

    memcpy(transaction->pin_fail.id, id, sizeof(transaction->pin_fail.id));
    transaction->pin_fail.keeps = keeps;
    write(object, transaction);
}

static void write_remove(struct tracked *object, const char *id)
{
    struct transaction *transaction = transaction_create(TRANSACTION_PIN_REMOVE);

    memcpy(transaction->pin_remove.id, id, sizeof(transaction->pin_remove.id));
    write(object, transaction);
}

static void write_mark(struct tracked *object, const struct ownership_pin *pin)
{
    struct transaction *transaction = transaction_create(TRANSACTION_PIN_MARK);
    struct pin_mark *mark = &transaction->pin_mark;

    memcpy(mark->id, pin->id, sizeof(mark->id));
    mark->state = ownership_state(&object->state, pin);
    mark->wanted = pin->wanted;
    mark->is_ownerless = pin->is_ownerless;
    write(object, transaction);
}

static void write_transfer(struct tracked *object, const struct ownership_pin *pin)
{
    struct transaction *transaction = transaction_create(TRANSACTION_PIN_TRANSFER);
    struct pin_transfer *transfer = &transaction->pin_transfer;

    memcpy(transfer->id, pin->id, sizeof(transfer->id));
    transfer->owner = pin->owner;
    transfer->slot = pin->slot;
    write(object, transaction);
}

/* ---- what differs */

static bool was_answered_pinned(const struct tracked *object, const char *id)
{
    for (size_t i = 0; i < object->actions.answer_count; i++)
        if (object->actions.answers[i].kind == ANSWER_PINNED &&
            strcmp(object->actions.answers[i].id, id) == 0)
            return true;
    return false;
}

static bool is_marked(const struct ownership *before_object, const struct ownership_pin *before,
                      const struct ownership *now_object, const struct ownership_pin *now)
{
    enum pin_state was = ownership_state(before_object, before);
    enum pin_state is = ownership_state(now_object, now);

    return before->is_ownerless != now->is_ownerless || before->wanted != now->wanted ||
           (was != is &&
            (was == PIN_REMOVING || is == PIN_REMOVING || was == PIN_LOST || is == PIN_LOST));
}

static void write_kept(struct tracked *object, const struct ownership_pin *before,
                       const struct ownership_pin *now)
{
    if (!owner_equal(&before->owner, &now->owner))
        write_transfer(object, now);
    if (now->is_failed != before->is_failed)
        write_fail(object, now->id, true);
    else if (now->held != before->held || was_answered_pinned(object, now->id))
        write_confirm(object, now);
    else if (is_marked(&object->before, before, &object->state, now))
        write_mark(object, now);
}

static void write_gone(struct tracked *object, const struct ownership_pin *before)
{
    if (before->held == PIN_NONE)
        write_fail(object, before->id, false);
    else
        write_remove(object, before->id);
}

static void write_new(struct tracked *object, const struct ownership_pin *now,
                      const struct tracker_call *call)
{
    write_add(object, now, call);
    if (now->held != PIN_NONE)
        write_confirm(object, now);
}

static void write_pins(struct tracked *object, const struct tracker_call *call)
{
    struct tracked_pair gone = {0}, pair = {0};

    while (tracked_next_pair(object, &gone))
        if (gone.now == NULL)
            write_gone(object, gone.before);
    while (tracked_next_pair(object, &pair))
        if (pair.now != NULL && pair.before == NULL)
            write_new(object, pair.now, call);
        else if (pair.now != NULL)
            write_kept(object, pair.before, pair.now);
}

static bool is_object_changed(const struct ownership *a, const struct ownership *b)
{
    return a->upstream != b->upstream || a->is_adopted != b->is_adopted;
}

static void write_object(struct tracked *object)
{
    struct transaction *transaction = transaction_create(TRANSACTION_OBJECT_PUT);
    struct object_record *record = &transaction->object_put.record;

    record->key = transaction_copy(transaction, tracked_key(object));
    record->upstream = object->state.upstream;
    record->is_adopted = object->state.is_adopted;
    record->is_doubtful = object->is_doubtful;
    for (enum pin_mode mode = PIN_DIRECT; mode <= PIN_RECURSIVE; mode++) {
        record->has_bytes[mode] = object->state.has_bytes[mode];
        record->bytes[mode] = object->state.bytes[mode];
    }
    write(object, transaction);
}

/* To write what is of no step: what the last one charged and asked for is done already, and comes
 * to nothing a second time. */
static void begin_plain(struct tracked *object)
{
    ownership_actions_clear(&object->actions);
    object->write_fault = (struct error){0};
    object->phase = TRACKED_WRITING;
}

void tracked_keep_removed(struct tracked *object)
{
    begin_plain(object);
    for (size_t i = 0; i < object->state.count; i++) {
        struct ownership_pin *pin = &object->state.pins[i];

        if (!pin->is_removing)
            continue;
        pin->is_removing = false;
        write_mark(object, pin);
    }
    send_writes(object);
    tracked_copy(&object->before, &object->state);
}

void tracked_clear_doubt(struct tracked *object)
{
    if (!object->is_doubtful)
        return;
    object->is_doubtful = false;
    begin_plain(object);
    tracked_copy(&object->before, &object->state);
    write_object(object);
    send_writes(object);
}

static bool has_pin_changes(const struct tracked *object)
{
    struct tracked_pair pair = {0};

    if (object->before.count != object->state.count)
        return true;
    for (size_t i = 0; i < object->actions.answer_count; i++)
        if (object->actions.answers[i].kind == ANSWER_PINNED)
            return true;
    while (tracked_next_pair(object, &pair)) {
        const struct ownership_pin *before = pair.before, *now = pair.now;

        if (before == NULL || now == NULL || now->is_failed != before->is_failed ||
            now->held != before->held || !owner_equal(&before->owner, &now->owner) ||
            is_marked(&object->before, before, &object->state, now))
            return true;
    }
    return false;
}

/* These change what upstream holds: the intent must be known to whoever comes after a crash. */
static bool is_intent(const struct tracked *object)
{
    return object->actions.operation == OPERATION_PIN ||
           object->actions.operation == OPERATION_UNPIN;
}

bool tracked_write(struct tracked *object, const struct tracker_call *call)
{
    bool has_object = is_object_changed(&object->before, &object->state);

    object->write_fault = (struct error){0};
    if (!has_object && !has_pin_changes(object) && (!is_intent(object) || object->journal != 0))
        return false;
    open_journal(object);
    /* an object that is no more held is forgotten with its last pin: that comes last */
    if (has_object && object->state.upstream != PIN_NONE)
        write_object(object);
    write_pins(object, call);
    if (has_object && object->state.upstream == PIN_NONE)
        write_object(object);
    send_writes(object);
    return true;
}
