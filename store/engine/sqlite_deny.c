// SPDX-License-Identifier: Apache-2.0
#include "store/engine/sqlite.h"

static bool check(const struct denied_record *record, struct error *err)
{
    if (record->multihash.size == 0 || record->multihash.size > MULTIHASH_MAX)
        return error_set(err, ERROR_LIMIT, "a multihash of %zu bytes; it has 1 to %d",
                         record->multihash.size, MULTIHASH_MAX);
    if (record->reason.size > REASON_MAX)
        return error_set(err, ERROR_LIMIT, "a reason of %zu bytes; at most %d are kept",
                         record->reason.size, REASON_MAX);
    return true;
}

bool sqlite_deny_add(struct sqlite *sqlite, struct transaction *transaction, struct error *err)
{
    const struct denied_record *record = &transaction->deny_add.record;
    struct sqlite_run run;

    if (!check(record, err) || !sqlite_begin(&run, sqlite, STATEMENT_DENY_PUT, err))
        return false;
    sqlite_bind_bytes(&run, 1, record->multihash.data, record->multihash.size);
    sqlite_bind_text(&run, 2, record->reason);
    sqlite_bind_integer(&run, 3, record->added_ms);
    return sqlite_finish(&run);
}

static bool read_record(struct sqlite_run *run, void *record, struct arena *arena)
{
    *(struct denied_record *)record = (struct denied_record){
        .multihash = sqlite_read_bytes(run, 0, arena),
        .reason = sqlite_read_bytes(run, 1, arena),
        .added_ms = sqlite_integer(run, 2),
    };
    return true;
}

static bool find(struct sqlite *sqlite, struct slice multihash, struct denied_record *record,
                 bool *is_there, struct arena *arena, struct error *err)
{
    struct sqlite_run run;
    bool is_read;

    if (!sqlite_begin(&run, sqlite, STATEMENT_DENY_GET, err))
        return false;
    sqlite_bind_bytes(&run, 1, multihash.data, multihash.size);
    is_read = sqlite_step(&run, is_there) && (!*is_there || read_record(&run, record, arena));
    sqlite_end(&run);
    return is_read;
}

bool sqlite_deny_remove(struct sqlite *sqlite, struct transaction *transaction, struct error *err)
{
    struct deny_remove *in = &transaction->deny_remove;
    struct sqlite_run run;
    bool is_there;

    if (!find(sqlite, in->multihash, &in->record, &is_there, &transaction->arena, err))
        return false;
    if (!is_there)
        return error_set(err, ERROR_NOT_FOUND, "the denylist does not have it");
    if (!sqlite_begin(&run, sqlite, STATEMENT_DENY_DELETE, err))
        return false;
    sqlite_bind_bytes(&run, 1, in->multihash.data, in->multihash.size);
    return sqlite_finish(&run);
}

bool sqlite_deny_list(struct sqlite *sqlite, struct transaction *transaction, struct error *err)
{
    struct deny_list *in = &transaction->deny_list;
    const struct sqlite_page page = SQLITE_PAGE(in, records, 2);
    struct sqlite_run run;

    if (!sqlite_begin(&run, sqlite, STATEMENT_DENY_LIST, err))
        return false;
    sqlite_bind_bytes(&run, 1, in->after.data, in->after.size);
    in->records = sqlite_read_page(&run, &page, read_record, &transaction->arena);
    return in->records != NULL;
}

bool sqlite_deny_find(struct sqlite *sqlite, struct transaction *transaction, struct error *err)
{
    struct deny_find *in = &transaction->deny_find;
    struct denied_record record = {0};

    in->is_any = false;
    for (size_t i = 0; i < in->count && !in->is_any; i++) {
        if (!find(sqlite, in->multihashes[i], &record, &in->is_any, &transaction->arena, err))
            return false;
        in->first = i;
    }
    in->reason = record.reason;
    return true;
}
