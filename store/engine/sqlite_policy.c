// SPDX-License-Identifier: Apache-2.0
#include "store/engine/sqlite.h"

/* In the order of POLICY_COLUMNS. */
enum column {
    COLUMN_NUMBER,
    COLUMN_HASH,
    COLUMN_CREATED_MS,
    COLUMN_ACTIVATED_MS,
    COLUMN_SIZE,
    COLUMN_IS_ACTIVE,
    COLUMN_BYTES, /* of the statements that get one version */
};

static bool read_record(struct sqlite_run *run, void *record_, struct arena *arena)
{
    struct policy_record *record = record_;

    *record = (struct policy_record){
        .number = sqlite_integer(run, COLUMN_NUMBER),
        .created_ms = sqlite_integer(run, COLUMN_CREATED_MS),
        .activated_ms = sqlite_integer(run, COLUMN_ACTIVATED_MS),
        .size = sqlite_integer(run, COLUMN_SIZE),
        .is_active = sqlite_integer(run, COLUMN_IS_ACTIVE) != 0,
    };
    return sqlite_read_hash(run, COLUMN_HASH, record->hash);
}

/* Reads the one row of a statement that is bound. arena NULL: without bytes. */
static bool read_one(struct sqlite_run *run, struct policy_record *record, struct arena *arena,
                     const char *missing)
{
    bool has_row;
    bool is_read = sqlite_step(run, &has_row);

    if (is_read && !has_row)
        is_read = error_set(run->err, ERROR_NOT_FOUND, "%s", missing);
    is_read = is_read && read_record(run, record, arena);
    if (is_read && arena != NULL)
        record->bytes = sqlite_read_bytes(run, COLUMN_BYTES, arena);
    sqlite_end(run);
    return is_read;
}

/* ERROR_NOT_FOUND if there is no such number. */
static bool activate(struct sqlite *sqlite, uint64_t number, uint64_t now_ms,
                     struct policy_record *record, struct error *err)
{
    struct sqlite_run run;

    if (!sqlite_begin(&run, sqlite, STATEMENT_POLICY_RETIRE, err) || !sqlite_finish(&run) ||
        !sqlite_begin(&run, sqlite, STATEMENT_POLICY_ACTIVATE, err))
        return false;
    sqlite_bind_integer(&run, 1, number);
    sqlite_bind_integer(&run, 2, now_ms);
    if (!sqlite_finish(&run) || !sqlite_begin(&run, sqlite, STATEMENT_POLICY_DESCRIBE, err))
        return false;
    sqlite_bind_integer(&run, 1, number);
    return read_one(&run, record, NULL, "there is no policy version of that number");
}

static bool insert(struct sqlite *sqlite, const struct policy_put *in, uint64_t *number,
                   struct error *err)
{
    struct sqlite_run run;

    if (!sqlite_begin(&run, sqlite, STATEMENT_POLICY_INSERT, err))
        return false;
    sqlite_bind_bytes(&run, 1, in->hash, RECORD_HASH_SIZE);
    sqlite_bind_integer(&run, 2, in->now_ms);
    sqlite_bind_bytes(&run, 3, in->bytes.data, in->bytes.size);
    if (!sqlite_finish(&run))
        return false;
    *number = (uint64_t)sqlite3_last_insert_rowid(sqlite->db);
    return true;
}

bool sqlite_policy_put(struct sqlite *sqlite, struct transaction *transaction, struct error *err)
{
    struct policy_put *in = &transaction->policy_put;
    struct sqlite_run run;
    bool is_known, is_read;
    uint64_t number = 0;

    if (in->bytes.size > POLICY_SIZE_MAX)
        return error_set(err, ERROR_LIMIT, "a policy version of %zu bytes; at most %d are kept",
                         in->bytes.size, POLICY_SIZE_MAX);
    if (!sqlite_begin(&run, sqlite, STATEMENT_POLICY_FIND, err))
        return false;
    sqlite_bind_bytes(&run, 1, in->hash, RECORD_HASH_SIZE);
    is_read = sqlite_step(&run, &is_known);
    if (is_read && is_known)
        number = sqlite_integer(&run, 0);
    sqlite_end(&run);
    return is_read && (is_known || insert(sqlite, in, &number, err)) &&
           activate(sqlite, number, in->now_ms, &in->record, err);
}

bool sqlite_policy_get(struct sqlite *sqlite, struct transaction *transaction, struct error *err)
{
    struct policy_get *in = &transaction->policy_get;
    enum statement statement = in->number != 0 ? STATEMENT_POLICY_GET_NUMBER
                               : in->has_hash  ? STATEMENT_POLICY_GET_HASH
                                               : STATEMENT_POLICY_GET_ACTIVE;
    const char *missing = in->number != 0 ? "there is no policy version of that number"
                          : in->has_hash  ? "there is no policy version of that hash"
                                          : "no policy was ever in force";
    struct sqlite_run run;

    if (!sqlite_begin(&run, sqlite, statement, err))
        return false;
    if (in->number != 0)
        sqlite_bind_integer(&run, 1, in->number);
    else if (in->has_hash)
        sqlite_bind_bytes(&run, 1, in->hash, RECORD_HASH_SIZE);
    return read_one(&run, &in->record, &transaction->arena, missing);
}

bool sqlite_policy_list(struct sqlite *sqlite, struct transaction *transaction, struct error *err)
{
    struct policy_list *in = &transaction->policy_list;
    const struct sqlite_page page = SQLITE_PAGE(in, records, 2);
    struct sqlite_run run;

    if (!sqlite_begin(&run, sqlite, STATEMENT_POLICY_LIST, err))
        return false;
    sqlite_bind_integer(&run, 1, in->before == 0 ? INT64_MAX : in->before);
    in->records = sqlite_read_page(&run, &page, read_record, &transaction->arena);
    return in->records != NULL;
}

bool sqlite_policy_activate(struct sqlite *sqlite, struct transaction *transaction,
                            struct error *err)
{
    struct policy_activate *in = &transaction->policy_activate;

    return activate(sqlite, in->number, in->now_ms, &in->record, err);
}
