// SPDX-License-Identifier: Apache-2.0
#include "store/engine/sqlite.h"

bool sqlite_member_suspend(struct sqlite *sqlite, struct transaction *transaction,
                           struct error *err)
{
    const struct suspended_record *record = &transaction->member_suspend.record;
    struct sqlite_run run;

    if (record->reason.size > REASON_MAX)
        return error_set(err, ERROR_LIMIT, "a reason of %zu bytes; at most %d are kept",
                         record->reason.size, REASON_MAX);
    if (!sqlite_begin(&run, sqlite, STATEMENT_MEMBER_SUSPEND, err))
        return false;
    sqlite_bind_text(&run, 1, slice_of(record->member));
    sqlite_bind_text(&run, 2, record->reason);
    sqlite_bind_integer(&run, 3, record->since_ms);
    return sqlite_finish(&run);
}

static bool read_record(struct sqlite_run *run, void *record_, struct arena *arena)
{
    struct suspended_record *record = record_;

    record->reason = sqlite_read_bytes(run, 1, arena);
    record->since_ms = sqlite_integer(run, 2);
    return sqlite_read_text(run, 0, record->member, sizeof(record->member));
}

static bool get(struct sqlite *sqlite, const char *member, struct suspended_record *record,
                struct arena *arena, struct error *err)
{
    struct sqlite_run run;
    bool has_row, is_read;

    if (!sqlite_begin(&run, sqlite, STATEMENT_MEMBER_GET, err))
        return false;
    sqlite_bind_text(&run, 1, slice_of(member));
    is_read = sqlite_step(&run, &has_row);
    if (is_read && !has_row)
        is_read = error_set(err, ERROR_NOT_FOUND, "member %s is not suspended", member);
    is_read = is_read && read_record(&run, record, arena);
    sqlite_end(&run);
    return is_read;
}

bool sqlite_member_resume(struct sqlite *sqlite, struct transaction *transaction, struct error *err)
{
    struct member_resume *in = &transaction->member_resume;
    struct sqlite_run run;

    if (!get(sqlite, in->member, &in->record, &transaction->arena, err) ||
        !sqlite_begin(&run, sqlite, STATEMENT_MEMBER_RESUME, err))
        return false;
    sqlite_bind_text(&run, 1, slice_of(in->member));
    return sqlite_finish(&run);
}

bool sqlite_member_list(struct sqlite *sqlite, struct transaction *transaction, struct error *err)
{
    struct member_list *in = &transaction->member_list;
    const struct sqlite_page page = SQLITE_PAGE(in, records, 2);
    struct sqlite_run run;

    if (!sqlite_begin(&run, sqlite, STATEMENT_MEMBER_LIST, err))
        return false;
    sqlite_bind_text(&run, 1, slice_of(in->after));
    in->records = sqlite_read_page(&run, &page, read_record, &transaction->arena);
    return in->records != NULL;
}
