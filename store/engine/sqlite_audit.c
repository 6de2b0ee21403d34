// SPDX-License-Identifier: Apache-2.0
#include "store/engine/sqlite.h"

static bool get(struct sqlite *sqlite, struct audit_head *head, struct error *err)
{
    struct sqlite_run run;
    bool has_row, is_read;

    if (!sqlite_begin(&run, sqlite, STATEMENT_AUDIT_HEAD_GET, err))
        return false;
    is_read = sqlite_step(&run, &has_row);
    if (is_read && !has_row)
        is_read =
            error_set(err, ERROR_IO, "the ledger %s is damaged: it has no uuid row", sqlite->path);
    if (is_read) {
        head->sequence = sqlite_integer(&run, 0);
        is_read = sqlite_read_hash(&run, 1, head->hash);
    }
    sqlite_end(&run);
    return is_read;
}

bool sqlite_audit_head_get(struct sqlite *sqlite, struct transaction *transaction,
                           struct error *err)
{
    return get(sqlite, &transaction->audit_head_get.head, err);
}

bool sqlite_audit_head_set(struct sqlite *sqlite, struct transaction *transaction,
                           struct error *err)
{
    const struct audit_head *head = &transaction->audit_head_set.head;
    struct audit_head known;
    struct sqlite_run run;

    if (!get(sqlite, &known, err))
        return false;
    if (known.sequence > head->sequence)
        return error_set(err, ERROR_REFUSED,
                         "the ledger knows audit record %llu, which is behind record %llu",
                         (unsigned long long)known.sequence, (unsigned long long)head->sequence);
    if (!sqlite_begin(&run, sqlite, STATEMENT_AUDIT_HEAD_SET, err))
        return false;
    sqlite_bind_integer(&run, 1, head->sequence);
    sqlite_bind_bytes(&run, 2, head->hash, RECORD_HASH_SIZE);
    return sqlite_finish(&run);
}
