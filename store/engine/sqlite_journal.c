// SPDX-License-Identifier: Apache-2.0
#include "store/engine/sqlite.h"

/* As JOURNAL_LIST has them. */
enum column {
    COLUMN_NUMBER,
    COLUMN_OPENED_MS,
    COLUMN_KIND,
    COLUMN_KEY,
    COLUMN_PIN,
    COLUMN_DETAIL,
    COLUMN_IS_RESTORED,
};

bool sqlite_journal_open(struct sqlite *sqlite, struct transaction *transaction, struct error *err)
{
    struct journal_record *record = &transaction->journal_open.record;
    struct sqlite_run run;

    if (record->detail.size > JOURNAL_DETAIL_MAX)
        return error_set(err, ERROR_LIMIT, "a journal entry with %zu bytes; at most %d are kept",
                         record->detail.size, JOURNAL_DETAIL_MAX);
    if (!sqlite_begin(&run, sqlite, STATEMENT_JOURNAL_INSERT, err))
        return false;
    sqlite_bind_integer(&run, 1, record->opened_ms);
    sqlite_bind_text(&run, 2, record->kind);
    sqlite_bind_bytes(&run, 3, record->key.data, record->key.size);
    sqlite_bind_text(&run, 4, slice_of(record->pin));
    sqlite_bind_bytes(&run, 5, record->detail.data, record->detail.size);
    if (!sqlite_finish(&run))
        return false;
    record->number = (uint64_t)sqlite3_last_insert_rowid(sqlite->db);
    return true;
}

bool sqlite_journal_close(struct sqlite *sqlite, struct transaction *transaction, struct error *err)
{
    struct sqlite_run run;

    if (!sqlite_begin(&run, sqlite, STATEMENT_JOURNAL_DELETE, err))
        return false;
    sqlite_bind_integer(&run, 1, transaction->journal_close.number);
    return sqlite_finish(&run);
}

static bool read_record(struct sqlite_run *run, void *record_, struct arena *arena)
{
    struct journal_record *record = record_;

    *record = (struct journal_record){
        .number = sqlite_integer(run, COLUMN_NUMBER),
        .opened_ms = sqlite_integer(run, COLUMN_OPENED_MS),
        .kind = sqlite_read_bytes(run, COLUMN_KIND, arena),
        .key = sqlite_read_bytes(run, COLUMN_KEY, arena),
        .detail = sqlite_read_bytes(run, COLUMN_DETAIL, arena),
        .is_restored = sqlite_integer(run, COLUMN_IS_RESTORED) != 0,
    };
    return sqlite_read_text(run, COLUMN_PIN, record->pin, sizeof(record->pin));
}

bool sqlite_journal_list(struct sqlite *sqlite, struct transaction *transaction, struct error *err)
{
    struct journal_list *in = &transaction->journal_list;
    const struct sqlite_page page = SQLITE_PAGE(in, records, 2);
    struct sqlite_run run;

    if (!sqlite_begin(&run, sqlite, STATEMENT_JOURNAL_LIST, err))
        return false;
    sqlite_bind_integer(&run, 1, in->after);
    in->records = sqlite_read_page(&run, &page, read_record, &transaction->arena);
    return in->records != NULL;
}
