// SPDX-License-Identifier: Apache-2.0
#include "store/engine/sqlite.h"

#include <assert.h>

/* In the order of PIN_COLUMNS. */
enum column {
    COLUMN_ID,
    COLUMN_OBJECT,
    COLUMN_KEY,
    COLUMN_OWNER_KIND,
    COLUMN_OWNER,
    COLUMN_SLOT,
    COLUMN_HELD,
    COLUMN_WANTED,
    COLUMN_STATE,
    COLUMN_IS_OWNERLESS,
    COLUMN_CID,
    COLUMN_NAME,
    COLUMN_CREATED_MS,
    COLUMN_EXPIRES_MS,
    COLUMN_LABELS,
    COLUMN_MIN_COPIES,
};

/* ---- reading */

static bool read_names(struct sqlite_run *run, struct pin_record *record)
{
    char kind[16], state[16];

    if (!sqlite_read_text(run, COLUMN_OWNER_KIND, kind, sizeof(kind)) ||
        !sqlite_read_text(run, COLUMN_STATE, state, sizeof(state)))
        return false;
    return (owner_kind_parse(&record->owner.kind, slice_of(kind)) &&
            pin_state_parse(&record->state, slice_of(state))) ||
           error_set(run->err, ERROR_IO,
                     "the ledger %s is damaged: pin %s is '%s' and its owner a '%s'",
                     run->sqlite->path, record->id, state, kind);
}

bool sqlite_pin_read(struct sqlite_run *run, struct sqlite_pin *pin, struct arena *arena)
{
    struct pin_record *record = &pin->record;

    pin->object = sqlite_integer(run, COLUMN_OBJECT);
    *record = (struct pin_record){
        .key = sqlite_read_bytes(run, COLUMN_KEY, arena),
        .slot = (uint32_t)sqlite_integer(run, COLUMN_SLOT),
        .held = (enum pin_mode)sqlite_integer(run, COLUMN_HELD),
        .wanted = (enum pin_mode)sqlite_integer(run, COLUMN_WANTED),
        .is_ownerless = sqlite_integer(run, COLUMN_IS_OWNERLESS) != 0,
        .cid = sqlite_read_bytes(run, COLUMN_CID, arena),
        .name = sqlite_read_bytes(run, COLUMN_NAME, arena),
        .created_ms = sqlite_integer(run, COLUMN_CREATED_MS),
        .expires_ms = sqlite_integer(run, COLUMN_EXPIRES_MS),
        .labels = sqlite_read_bytes(run, COLUMN_LABELS, arena),
        .min_copies = (uint32_t)sqlite_integer(run, COLUMN_MIN_COPIES),
    };
    return sqlite_read_text(run, COLUMN_ID, record->id, sizeof(record->id)) &&
           sqlite_read_text(run, COLUMN_OWNER, record->owner.id, sizeof(record->owner.id)) &&
           read_names(run, record);
}

bool sqlite_pin_get(struct sqlite *sqlite, const char *id, struct sqlite_pin *pin,
                    struct arena *arena, struct error *err)
{
    struct sqlite_run run;
    bool has_row, is_read;

    if (!sqlite_begin(&run, sqlite, STATEMENT_PIN_GET, err))
        return false;
    sqlite_bind_text(&run, 1, slice_of(id));
    is_read = sqlite_step(&run, &has_row);
    if (is_read && !has_row)
        is_read = error_set(err, ERROR_NOT_FOUND, "there is no pin %s", id);
    is_read = is_read && sqlite_pin_read(&run, pin, arena);
    sqlite_end(&run);
    return is_read;
}

/* ---- the intent */

static bool check_sizes(const struct pin_record *record, struct error *err)
{
    if (record->name.size > PIN_NAME_MAX)
        return error_set(err, ERROR_LIMIT, "a pin name of %zu bytes; at most %d are kept",
                         record->name.size, PIN_NAME_MAX);
    if (record->labels.size > PIN_LABELS_MAX)
        return error_set(err, ERROR_LIMIT, "labels of %zu bytes; at most %d are kept",
                         record->labels.size, PIN_LABELS_MAX);
    if (record->cid.size > PIN_CID_MAX)
        return error_set(err, ERROR_LIMIT, "a CID of %zu characters; at most %d are kept",
                         record->cid.size, PIN_CID_MAX);
    return true;
}

static bool check_slot(struct sqlite *sqlite, const struct pin_record *record, uint64_t object,
                       struct error *err)
{
    struct sqlite_run run;
    bool has_row, is_free;

    if (!sqlite_begin(&run, sqlite, STATEMENT_PIN_SLOT, err))
        return false;
    sqlite_bind_text(&run, 1, slice_of(owner_kind_name(record->owner.kind)));
    sqlite_bind_text(&run, 2, slice_of(record->owner.id));
    sqlite_bind_integer(&run, 3, object);
    sqlite_bind_integer(&run, 4, record->slot);
    is_free = sqlite_step(&run, &has_row);
    if (is_free && has_row)
        is_free = error_set(err, ERROR_MISMATCH, "%s %s has a pin in slot %u of this object",
                            owner_kind_name(record->owner.kind), record->owner.id, record->slot);
    sqlite_end(&run);
    return is_free;
}

static bool insert(struct sqlite *sqlite, const struct pin_record *record, uint64_t object,
                   struct error *err)
{
    struct sqlite_run run;

    if (!sqlite_begin(&run, sqlite, STATEMENT_PIN_INSERT, err))
        return false;
    sqlite_bind_text(&run, 1, slice_of(record->id));
    sqlite_bind_integer(&run, 2, object);
    sqlite_bind_bytes(&run, 3, record->key.data, record->key.size);
    sqlite_bind_text(&run, 4, slice_of(owner_kind_name(record->owner.kind)));
    sqlite_bind_text(&run, 5, slice_of(record->owner.id));
    sqlite_bind_integer(&run, 6, record->slot);
    sqlite_bind_integer(&run, 7, record->wanted);
    sqlite_bind_text(&run, 8, slice_of(pin_state_name(record->state)));
    sqlite_bind_text(&run, 9, record->cid);
    sqlite_bind_text(&run, 10, record->name);
    sqlite_bind_integer(&run, 11, record->created_ms);
    sqlite_bind_integer(&run, 12, record->expires_ms);
    sqlite_bind_text(&run, 13, record->labels);
    sqlite_bind_integer(&run, 14, record->min_copies);
    return sqlite_finish(&run);
}

bool sqlite_pin_add(struct sqlite *sqlite, struct transaction *transaction, struct error *err)
{
    const struct pin_record *record = &transaction->pin_add.record;
    uint64_t object;

    if (!check_sizes(record, err) || !sqlite_object_need(sqlite, record->key, &object, err) ||
        !check_slot(sqlite, record, object, err) || !insert(sqlite, record, object, err))
        return false;
    if (sqlite3_changes(sqlite->db) == 0)
        return error_set(err, ERROR_MISMATCH, "there is a pin %s already", record->id);
    return true;
}

/* ---- changes. Each takes what is charged before off, and puts what is charged after on. */

static bool is_charged(const struct pin_record *record)
{
    return record->held != PIN_NONE && !record->is_ownerless;
}

static bool set(struct sqlite *sqlite, const struct pin_record *record, struct error *err)
{
    struct sqlite_run run;

    if (!sqlite_begin(&run, sqlite, STATEMENT_PIN_SET, err))
        return false;
    sqlite_bind_text(&run, 1, slice_of(record->id));
    sqlite_bind_integer(&run, 2, record->held);
    sqlite_bind_integer(&run, 3, record->wanted);
    sqlite_bind_text(&run, 4, slice_of(pin_state_name(record->state)));
    sqlite_bind_integer(&run, 5, record->is_ownerless);
    sqlite_bind_text(&run, 6, record->name);
    sqlite_bind_integer(&run, 7, record->expires_ms);
    sqlite_bind_text(&run, 8, record->labels);
    sqlite_bind_integer(&run, 9, record->min_copies);
    return sqlite_finish(&run);
}

static bool erase(struct sqlite *sqlite, const char *id, struct error *err)
{
    struct sqlite_run run;

    if (!sqlite_begin(&run, sqlite, STATEMENT_PIN_DELETE, err))
        return false;
    sqlite_bind_text(&run, 1, slice_of(id));
    return sqlite_finish(&run);
}

bool sqlite_pin_change(struct sqlite *sqlite, const struct sqlite_pin *before,
                       const struct pin_record *after, struct error *err)
{
    const struct pin_record *record = &before->record;
    struct sqlite_charge charge;
    int owner_pins = (after != NULL && is_charged(after)) - is_charged(record);
    int org_pins = (after != NULL && after->held != PIN_NONE) - (record->held != PIN_NONE);

    return sqlite_charge_get(sqlite, before->object, &record->owner, &charge, err) &&
           (after != NULL ? set(sqlite, after, err) : erase(sqlite, record->id, err)) &&
           sqlite_charge_settle(sqlite, before->object, &record->owner, &charge, owner_pins,
                                org_pins, err) &&
           (after != NULL || sqlite_object_forget(sqlite, before->object, err));
}

bool sqlite_pin_confirm(struct sqlite *sqlite, struct transaction *transaction, struct error *err)
{
    struct pin_confirm *in = &transaction->pin_confirm;
    struct sqlite_pin before;

    assert(in->mode != PIN_NONE);
    if (!sqlite_pin_get(sqlite, in->id, &before, &transaction->arena, err))
        return false;
    if (before.record.state == PIN_REMOVING)
        return error_set(err, ERROR_REFUSED, "pin %s is being removed", in->id);
    in->record = before.record;
    if (in->mode > in->record.held)
        in->record.held = in->mode;
    in->record.wanted = PIN_NONE;
    in->record.state = in->record.is_ownerless ? PIN_OWNERLESS : PIN_PINNED;
    if (in->renames)
        in->record.name = in->name;
    if (in->labels_it)
        in->record.labels = in->labels;
    if (in->min_copies > 0)
        in->record.min_copies = in->min_copies;
    if (in->sets_expiry)
        in->record.expires_ms = in->expires_ms;
    return check_sizes(&in->record, err) &&
           sqlite_object_learn(sqlite, before.object, in->mode, in->bytes, err) &&
           sqlite_pin_change(sqlite, &before, &in->record, err);
}

bool sqlite_pin_edit(struct sqlite *sqlite, struct transaction *transaction, struct error *err)
{
    struct pin_edit *in = &transaction->pin_edit;
    struct sqlite_pin before;

    if (!sqlite_pin_get(sqlite, in->id, &before, &transaction->arena, err))
        return false;
    if (before.record.state == PIN_REMOVING)
        return error_set(err, ERROR_REFUSED, "pin %s is being removed", in->id);
    in->record = before.record;
    if (in->renames)
        in->record.name = in->name;
    if (in->sets_expiry)
        in->record.expires_ms = in->expires_ms;
    return check_sizes(&in->record, err) && set(sqlite, &in->record, err);
}

bool sqlite_pin_fail(struct sqlite *sqlite, struct transaction *transaction, struct error *err)
{
    const struct pin_fail *in = &transaction->pin_fail;
    struct sqlite_pin before;
    struct pin_record after;

    if (!sqlite_pin_get(sqlite, in->id, &before, &transaction->arena, err))
        return false;
    after = before.record;
    after.wanted = PIN_NONE;
    if (after.held == PIN_NONE)
        after.state = PIN_FAILED;
    return sqlite_pin_change(sqlite, &before, after.held != PIN_NONE || in->keeps ? &after : NULL,
                             err);
}

bool sqlite_pin_mark(struct sqlite *sqlite, struct transaction *transaction, struct error *err)
{
    const struct pin_mark *in = &transaction->pin_mark;
    struct sqlite_pin before;
    struct pin_record after;

    assert(in->state != PIN_FAILED);
    if (!sqlite_pin_get(sqlite, in->id, &before, &transaction->arena, err))
        return false;
    after = before.record;
    after.state = in->state;
    after.wanted = in->wanted;
    after.is_ownerless = in->is_ownerless;
    return sqlite_pin_change(sqlite, &before, &after, err);
}

static bool move(struct sqlite *sqlite, const struct pin_record *record, struct error *err)
{
    struct sqlite_run run;

    if (!sqlite_begin(&run, sqlite, STATEMENT_PIN_MOVE, err))
        return false;
    sqlite_bind_text(&run, 1, slice_of(record->id));
    sqlite_bind_text(&run, 2, slice_of(owner_kind_name(record->owner.kind)));
    sqlite_bind_text(&run, 3, slice_of(record->owner.id));
    sqlite_bind_integer(&run, 4, record->slot);
    sqlite_bind_text(&run, 5, slice_of(pin_state_name(record->state)));
    return sqlite_finish(&run);
}

/* The organization is charged as before. */
static bool change_owner(struct sqlite *sqlite, const struct sqlite_pin *before,
                         const struct pin_record *after, struct error *err)
{
    const struct owner *from = &before->record.owner, *to = &after->owner;
    struct sqlite_charge from_charge, to_charge;

    return check_slot(sqlite, after, before->object, err) &&
           sqlite_charge_get(sqlite, before->object, from, &from_charge, err) &&
           sqlite_charge_get(sqlite, before->object, to, &to_charge, err) &&
           move(sqlite, after, err) &&
           sqlite_charge_settle(sqlite, before->object, from, &from_charge,
                                -(int)is_charged(&before->record), 0, err) &&
           sqlite_charge_settle(sqlite, before->object, to, &to_charge, 1, 0, err);
}

bool sqlite_pin_transfer(struct sqlite *sqlite, struct transaction *transaction, struct error *err)
{
    struct pin_transfer *in = &transaction->pin_transfer;
    struct pin_record *after = &in->record;
    struct sqlite_pin before;

    if (!sqlite_pin_get(sqlite, in->id, &before, &transaction->arena, err))
        return false;
    if (before.record.held == PIN_NONE || before.record.state == PIN_REMOVING)
        return error_set(err, ERROR_REFUSED, "pin %s is %s, and can be transferred when pinned",
                         in->id, pin_state_name(before.record.state));
    *after = before.record;
    after->is_ownerless = false;
    if (after->state == PIN_OWNERLESS)
        after->state = PIN_PINNED;
    if (owner_equal(&after->owner, &in->owner))
        return sqlite_pin_change(sqlite, &before, after, err);
    after->owner = in->owner;
    after->slot = in->slot;
    return change_owner(sqlite, &before, after, err);
}

bool sqlite_pin_remove(struct sqlite *sqlite, struct transaction *transaction, struct error *err)
{
    struct pin_remove *in = &transaction->pin_remove;
    struct sqlite_pin before;

    if (!sqlite_pin_get(sqlite, in->id, &before, &transaction->arena, err))
        return false;
    in->record = before.record;
    return sqlite_pin_change(sqlite, &before, NULL, err);
}
