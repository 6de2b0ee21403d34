// SPDX-License-Identifier: Apache-2.0
#include "store/engine/sqlite.h"

#include <assert.h>

/* In the order of TOKEN_COLUMNS. */
enum column {
    COLUMN_ID,
    COLUMN_OWNER_KIND,
    COLUMN_OWNER,
    COLUMN_SECRET_HASH,
    COLUMN_OLD_SECRET_HASH,
    COLUMN_OLD_UNTIL_MS,
    COLUMN_CREATED_MS,
    COLUMN_EXPIRES_MS,
    COLUMN_ROTATED_MS,
    COLUMN_REVOKED_MS,
    COLUMN_USED_MS,
    COLUMN_ROLES,
    COLUMN_LABEL,
    COLUMN_PIN_GROUP,
    COLUMN_PIN_EXPIRE_MS,
    COLUMN_PIN_LABELS,
    COLUMN_PIN_MIN_COPIES,
};

static bool read_owner_kind(struct sqlite_run *run, enum owner_kind *kind)
{
    char name[16];

    if (!sqlite_read_text(run, COLUMN_OWNER_KIND, name, sizeof(name)))
        return false;
    return owner_kind_parse(kind, slice_of(name)) ||
           error_set(run->err, ERROR_IO, "the ledger %s is damaged: a token's owner is a '%s'",
                     run->sqlite->path, name);
}

static bool read_record(struct sqlite_run *run, void *record_, struct arena *arena)
{
    struct token_record *record = record_;

    *record = (struct token_record){
        .old_until_ms = sqlite_integer(run, COLUMN_OLD_UNTIL_MS),
        .created_ms = sqlite_integer(run, COLUMN_CREATED_MS),
        .expires_ms = sqlite_integer(run, COLUMN_EXPIRES_MS),
        .rotated_ms = sqlite_integer(run, COLUMN_ROTATED_MS),
        .revoked_ms = sqlite_integer(run, COLUMN_REVOKED_MS),
        .used_ms = sqlite_integer(run, COLUMN_USED_MS),
        .roles = sqlite_read_bytes(run, COLUMN_ROLES, arena),
        .label = sqlite_read_bytes(run, COLUMN_LABEL, arena),
        .pin_group = sqlite_read_bytes(run, COLUMN_PIN_GROUP, arena),
        .pin_expire_ms = sqlite_integer(run, COLUMN_PIN_EXPIRE_MS),
        .pin_labels = sqlite_read_bytes(run, COLUMN_PIN_LABELS, arena),
        .pin_min_copies = (uint32_t)sqlite_integer(run, COLUMN_PIN_MIN_COPIES),
    };
    return sqlite_read_text(run, COLUMN_ID, record->id, sizeof(record->id)) &&
           read_owner_kind(run, &record->owner_kind) &&
           sqlite_read_text(run, COLUMN_OWNER, record->owner, sizeof(record->owner)) &&
           sqlite_read_hash(run, COLUMN_SECRET_HASH, record->secret_hash) &&
           (record->old_until_ms == 0 ||
            sqlite_read_hash(run, COLUMN_OLD_SECRET_HASH, record->old_secret_hash));
}

static bool get(struct sqlite *sqlite, const char *id, struct token_record *record,
                struct arena *arena, struct error *err)
{
    struct sqlite_run run;
    bool has_row, is_read;

    if (!sqlite_begin(&run, sqlite, STATEMENT_TOKEN_GET, err))
        return false;
    sqlite_bind_text(&run, 1, slice_of(id));
    is_read = sqlite_step(&run, &has_row);
    if (is_read && !has_row)
        is_read = error_set(err, ERROR_NOT_FOUND, "there is no token %s", id);
    is_read = is_read && read_record(&run, record, arena);
    sqlite_end(&run);
    return is_read;
}

bool sqlite_token_add(struct sqlite *sqlite, struct transaction *transaction, struct error *err)
{
    const struct token_record *record = &transaction->token_add.record;
    struct sqlite_run run;

    if (!sqlite_begin(&run, sqlite, STATEMENT_TOKEN_INSERT, err))
        return false;
    sqlite_bind_text(&run, 1, slice_of(record->id));
    sqlite_bind_text(&run, 2, slice_of(owner_kind_name(record->owner_kind)));
    sqlite_bind_text(&run, 3, slice_of(record->owner));
    sqlite_bind_bytes(&run, 4, record->secret_hash, RECORD_HASH_SIZE);
    sqlite_bind_integer(&run, 5, record->created_ms);
    sqlite_bind_integer(&run, 6, record->expires_ms);
    sqlite_bind_text(&run, 7, record->roles);
    sqlite_bind_text(&run, 8, record->label);
    sqlite_bind_text(&run, 9, record->pin_group);
    sqlite_bind_integer(&run, 10, record->pin_expire_ms);
    sqlite_bind_text(&run, 11, record->pin_labels);
    sqlite_bind_integer(&run, 12, record->pin_min_copies);
    if (!sqlite_finish(&run))
        return false;
    if (sqlite3_changes(sqlite->db) == 0)
        return error_set(err, ERROR_MISMATCH, "there is a token %s already", record->id);
    return true;
}

bool sqlite_token_get(struct sqlite *sqlite, struct transaction *transaction, struct error *err)
{
    struct token_get *in = &transaction->token_get;

    return get(sqlite, in->id, &in->record, &transaction->arena, err);
}

bool sqlite_token_list(struct sqlite *sqlite, struct transaction *transaction, struct error *err)
{
    struct token_list *in = &transaction->token_list;
    bool is_of_one = in->owner[0] != '\0';
    const struct sqlite_page page = SQLITE_PAGE(in, records, 2);
    struct sqlite_run run;

    if (!sqlite_begin(&run, sqlite, is_of_one ? STATEMENT_TOKEN_LIST_OWNER : STATEMENT_TOKEN_LIST,
                      err))
        return false;
    sqlite_bind_text(&run, 1, slice_of(in->after));
    if (is_of_one) {
        sqlite_bind_text(&run, 3, slice_of(owner_kind_name(in->owner_kind)));
        sqlite_bind_text(&run, 4, slice_of(in->owner));
    }
    in->records = sqlite_read_page(&run, &page, read_record, &transaction->arena);
    return in->records != NULL;
}

static bool write_rotated(struct sqlite *sqlite, const struct token_record *record,
                          struct error *err)
{
    bool has_old = record->old_until_ms != 0;
    struct sqlite_run run;

    if (!sqlite_begin(&run, sqlite, STATEMENT_TOKEN_ROTATE, err))
        return false;
    sqlite_bind_text(&run, 1, slice_of(record->id));
    sqlite_bind_bytes(&run, 2, record->secret_hash, RECORD_HASH_SIZE);
    sqlite_bind_bytes(&run, 3, record->old_secret_hash, has_old ? RECORD_HASH_SIZE : 0);
    sqlite_bind_integer(&run, 4, record->old_until_ms);
    sqlite_bind_integer(&run, 5, record->rotated_ms);
    sqlite_bind_integer(&run, 6, record->expires_ms);
    return sqlite_finish(&run);
}

bool sqlite_token_rotate(struct sqlite *sqlite, struct transaction *transaction, struct error *err)
{
    struct token_rotate *in = &transaction->token_rotate;

    if (!get(sqlite, in->id, &in->record, &transaction->arena, err) ||
        !token_record_rotate(&in->record, in->secret_hash, in->now_ms, in->old_until_ms, err))
        return false;
    if (in->sets_expiry)
        in->record.expires_ms = in->expires_ms;
    return write_rotated(sqlite, &in->record, err);
}

bool sqlite_token_revoke(struct sqlite *sqlite, struct transaction *transaction, struct error *err)
{
    struct token_revoke *in = &transaction->token_revoke;
    struct sqlite_run run;

    if (!get(sqlite, in->id, &in->record, &transaction->arena, err))
        return false;
    if (in->record.revoked_ms != 0)
        return true;
    assert(in->now_ms != 0);
    in->record.revoked_ms = in->now_ms;
    if (!sqlite_begin(&run, sqlite, STATEMENT_TOKEN_REVOKE, err))
        return false;
    sqlite_bind_text(&run, 1, slice_of(in->id));
    sqlite_bind_integer(&run, 2, in->now_ms);
    return sqlite_finish(&run);
}

bool sqlite_token_used(struct sqlite *sqlite, struct transaction *transaction, struct error *err)
{
    const struct token_used *in = &transaction->token_used;

    for (size_t i = 0; i < in->count; i++) {
        struct sqlite_run run;

        if (!sqlite_begin(&run, sqlite, STATEMENT_TOKEN_USED, err))
            return false;
        sqlite_bind_text(&run, 1, slice_of(in->uses[i].id));
        sqlite_bind_integer(&run, 2, in->uses[i].used_ms);
        if (!sqlite_finish(&run))
            return false;
    }
    return true;
}

static bool read_id(struct sqlite_run *run, void *id, struct arena *arena)
{
    return sqlite_read_text(run, 0, id, TOKEN_ID_SIZE);
}

static bool delete (struct sqlite *sqlite, const char *id, struct error *err)
{
    struct sqlite_run run;

    if (!sqlite_begin(&run, sqlite, STATEMENT_TOKEN_DELETE, err))
        return false;
    sqlite_bind_text(&run, 1, slice_of(id));
    return sqlite_finish(&run);
}

bool sqlite_token_purge(struct sqlite *sqlite, struct transaction *transaction, struct error *err)
{
    struct token_purge *in = &transaction->token_purge;
    const struct sqlite_page page = SQLITE_PAGE(in, ids, 2);
    struct sqlite_run run;

    if (!sqlite_begin(&run, sqlite, STATEMENT_TOKEN_ENDED, err))
        return false;
    sqlite_bind_integer(&run, 1, in->ended_ms);
    in->ids = sqlite_read_page(&run, &page, read_id, &transaction->arena);
    if (in->ids == NULL)
        return false;
    for (size_t i = 0; i < in->count; i++)
        if (!delete (sqlite, in->ids[i], err))
            return false;
    return true;
}
