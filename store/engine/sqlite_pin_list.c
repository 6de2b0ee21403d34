// SPDX-License-Identifier: Apache-2.0
#include "store/engine/sqlite.h"

static bool read_record(struct sqlite_run *run, void *record, struct arena *arena)
{
    struct sqlite_pin pin;

    if (!sqlite_pin_read(run, &pin, arena))
        return false;
    *(struct pin_record *)record = pin.record;
    return true;
}

static bool begin_list(struct sqlite_run *run, struct sqlite *sqlite, const struct pin_list *in,
                       struct error *err)
{
    bool is_all = in->owner.kind == 0;

    if (!sqlite_begin(run, sqlite, is_all ? STATEMENT_PIN_LIST_ALL : STATEMENT_PIN_LIST, err))
        return false;
    sqlite_bind_text(run, 1, slice_of(in->after));
    if (!is_all) {
        sqlite_bind_text(run, 3, slice_of(owner_kind_name(in->owner.kind)));
        sqlite_bind_text(run, 4, slice_of(in->owner.id));
    }
    return true;
}

bool sqlite_pin_list(struct sqlite *sqlite, struct transaction *transaction, struct error *err)
{
    struct pin_list *in = &transaction->pin_list;
    const struct sqlite_page page = SQLITE_PAGE(in, records, 2);
    struct sqlite_run run;

    if (!begin_list(&run, sqlite, in, err))
        return false;
    in->records = sqlite_read_page(&run, &page, read_record, &transaction->arena);
    return in->records != NULL;
}

bool sqlite_pin_expired(struct sqlite *sqlite, struct transaction *transaction, struct error *err)
{
    struct pin_expired *in = &transaction->pin_expired;
    const struct sqlite_page page = SQLITE_PAGE(in, records, 4);
    struct sqlite_run run;

    if (!sqlite_begin(&run, sqlite, STATEMENT_PIN_EXPIRED, err))
        return false;
    sqlite_bind_integer(&run, 1, in->until_ms);
    sqlite_bind_integer(&run, 2, in->after_ms);
    sqlite_bind_text(&run, 3, slice_of(in->after));
    in->records = sqlite_read_page(&run, &page, read_record, &transaction->arena);
    return in->records != NULL;
}
