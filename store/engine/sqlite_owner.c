// SPDX-License-Identifier: Apache-2.0
#include "conf/memory.h"
#include "store/engine/sqlite.h"

enum { MARK_MAX = 1000 };

/* ---- listing: from one owner to the next, past all its pins */

static bool next_owner(struct sqlite *sqlite, const struct owner *after, struct owner_entry *entry,
                       bool *is_there, struct error *err)
{
    struct sqlite_run run;
    char kind[16];
    bool is_read;

    if (!sqlite_begin(&run, sqlite, STATEMENT_OWNER_NEXT, err))
        return false;
    sqlite_bind_text(&run, 1,
                     after->kind == 0 ? SLICE("") : slice_of(owner_kind_name(after->kind)));
    sqlite_bind_text(&run, 2, slice_of(after->id));
    is_read = sqlite_step(&run, is_there);
    if (is_read && *is_there) {
        is_read = sqlite_read_text(&run, 0, kind, sizeof(kind)) &&
                  sqlite_read_text(&run, 1, entry->owner.id, sizeof(entry->owner.id));
        if (is_read && !owner_kind_parse(&entry->owner.kind, slice_of(kind)))
            is_read = error_set(err, ERROR_IO, "the ledger %s is damaged: an owner is a '%s'",
                                sqlite->path, kind);
        entry->has_ownerless = is_read && sqlite_integer(&run, 2) != 0;
    }
    sqlite_end(&run);
    return is_read;
}

bool sqlite_owner_list(struct sqlite *sqlite, struct transaction *transaction, struct error *err)
{
    struct owner_list *in = &transaction->owner_list;
    struct owner after = in->after;
    bool is_there = true;

    in->entries = arena_alloc(&transaction->arena, (in->limit + 1) * sizeof(*in->entries));
    in->count = 0;
    in->has_more = false;
    while (is_there && !in->has_more) {
        struct owner_entry *entry = &in->entries[in->count];

        if (!next_owner(sqlite, &after, entry, &is_there, err))
            return false;
        if (is_there && in->count == in->limit) {
            in->has_more = true;
        } else if (is_there) {
            if (!sqlite_usage_of(sqlite, &entry->owner, &entry->usage, err))
                return false;
            after = entry->owner;
            in->count++;
        }
    }
    return true;
}

/* ---- marking */

static bool read_pin(struct sqlite_run *run, void *pin, struct arena *arena)
{
    return sqlite_pin_read(run, pin, arena);
}

/* NULL: it failed. */
static const struct sqlite_pin *read_pins(struct sqlite *sqlite, struct owner_mark *in,
                                          struct arena *arena, struct error *err)
{
    const struct sqlite_page page = {.limit = in->limit < MARK_MAX ? in->limit : MARK_MAX,
                                     .record_size = sizeof(struct sqlite_pin),
                                     .limit_parameter = 2,
                                     .count = &in->count,
                                     .has_more = &in->has_more};
    struct sqlite_run run;

    if (!sqlite_begin(&run, sqlite, STATEMENT_PIN_LIST, err))
        return NULL;
    sqlite_bind_text(&run, 1, slice_of(in->after));
    sqlite_bind_text(&run, 3, slice_of(owner_kind_name(in->owner.kind)));
    sqlite_bind_text(&run, 4, slice_of(in->owner.id));
    return sqlite_read_page(&run, &page, read_pin, arena);
}

/* As ownership.h has it: what was not confirmed, or is on its way out, becomes nobody's. */
static bool mark(struct sqlite *sqlite, const struct sqlite_pin *pin, bool is_ownerless,
                 struct pin_record *after, struct error *err)
{
    *after = pin->record;
    if (after->is_ownerless == is_ownerless || after->held == PIN_NONE ||
        (is_ownerless && after->state == PIN_REMOVING))
        return true;
    after->is_ownerless = is_ownerless;
    if (after->state == PIN_PINNED || after->state == PIN_OWNERLESS)
        after->state = is_ownerless ? PIN_OWNERLESS : PIN_PINNED;
    return sqlite_pin_change(sqlite, pin, after, err);
}

bool sqlite_owner_mark(struct sqlite *sqlite, struct transaction *transaction, struct error *err)
{
    struct owner_mark *in = &transaction->owner_mark;
    const struct sqlite_pin *pins = read_pins(sqlite, in, &transaction->arena, err);

    if (pins == NULL)
        return false;
    in->records = arena_alloc(&transaction->arena, (in->count + 1) * sizeof(*in->records));
    for (size_t i = 0; i < in->count; i++)
        if (!mark(sqlite, &pins[i], in->is_ownerless, &in->records[i], err))
            return false;
    return true;
}
