// SPDX-License-Identifier: Apache-2.0
/* The schema and its migrations: migrations[n] leads from version n to n + 1. Published ones are
 * never edited; a change of the schema is one more row. */
#include "store/engine/sqlite.h"

#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

static const char *const migrations[] = {
    "CREATE TABLE ledger ("
    "  only INTEGER PRIMARY KEY CHECK (only = 1),"
    "  uuid TEXT NOT NULL,"
    "  audit_sequence INTEGER NOT NULL DEFAULT 0,"
    "  audit_hash BLOB NOT NULL DEFAULT (zeroblob(32))"
    ") STRICT;"
    "CREATE TABLE token ("
    "  id TEXT PRIMARY KEY,"
    "  owner_kind TEXT NOT NULL,"
    "  owner TEXT NOT NULL,"
    "  secret_hash BLOB NOT NULL CHECK (length(secret_hash) = 32),"
    "  old_secret_hash BLOB NOT NULL," /* empty: there is none */
    "  old_until_ms INTEGER NOT NULL,"
    "  created_ms INTEGER NOT NULL,"
    "  expires_ms INTEGER NOT NULL,"
    "  rotated_ms INTEGER NOT NULL,"
    "  revoked_ms INTEGER NOT NULL,"
    "  used_ms INTEGER NOT NULL,"
    "  roles TEXT NOT NULL,"
    "  label TEXT NOT NULL"
    ") STRICT, WITHOUT ROWID;"
    "CREATE INDEX token_by_owner ON token (owner_kind, owner);"
    "CREATE TABLE policy ("
    "  number INTEGER PRIMARY KEY,"
    "  hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32),"
    "  created_ms INTEGER NOT NULL,"
    "  activated_ms INTEGER NOT NULL,"
    "  is_active INTEGER NOT NULL,"
    "  bytes BLOB NOT NULL"
    ") STRICT;"
    "CREATE UNIQUE INDEX policy_active ON policy (is_active) WHERE is_active = 1;",

    /* 2: who owns what. Modes are 0 (none), 1 (direct), 2 (recursive), so that max() is the
     * strongest. */
    "CREATE TABLE object ("
    "  number INTEGER PRIMARY KEY,"
    "  key BLOB NOT NULL UNIQUE CHECK (length(key) > 0),"
    "  upstream INTEGER NOT NULL CHECK (upstream BETWEEN 0 AND 2),"
    "  is_adopted INTEGER NOT NULL,"
    "  has_direct_bytes INTEGER NOT NULL,"
    "  direct_bytes INTEGER NOT NULL CHECK (direct_bytes >= 0),"
    "  has_recursive_bytes INTEGER NOT NULL,"
    "  recursive_bytes INTEGER NOT NULL CHECK (recursive_bytes >= 0)"
    ") STRICT;"
    /* Clustered by owner, and with a copy of the object's key: an owner's list is read in one go.
     */
    "CREATE TABLE pin ("
    "  owner_kind TEXT NOT NULL,"
    "  owner TEXT NOT NULL,"
    "  id TEXT NOT NULL,"
    "  object INTEGER NOT NULL REFERENCES object (number),"
    "  key BLOB NOT NULL,"
    "  slot INTEGER NOT NULL,"
    "  held INTEGER NOT NULL CHECK (held BETWEEN 0 AND 2),"
    "  wanted INTEGER NOT NULL CHECK (wanted BETWEEN 0 AND 2),"
    "  state TEXT NOT NULL,"
    "  is_ownerless INTEGER NOT NULL,"
    "  cid TEXT NOT NULL,"
    "  name TEXT NOT NULL,"
    "  created_ms INTEGER NOT NULL,"
    "  expires_ms INTEGER NOT NULL,"
    "  PRIMARY KEY (owner_kind, owner, id)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE UNIQUE INDEX pin_by_id ON pin (id);"
    /* These two answer what is charged without the table. */
    "CREATE INDEX pin_by_slot ON pin (owner_kind, owner, object, slot, held, is_ownerless);"
    "CREATE INDEX pin_by_object ON pin (object, held);"
    "CREATE INDEX pin_by_expiry ON pin (expires_ms) WHERE expires_ms > 0;"
    "CREATE TABLE usage ("
    "  owner_kind TEXT NOT NULL," /* or 'org', and no owner */
    "  owner TEXT NOT NULL,"
    "  bytes INTEGER NOT NULL CHECK (bytes >= 0),"
    "  objects INTEGER NOT NULL CHECK (objects >= 0),"
    "  pins INTEGER NOT NULL CHECK (pins >= 0),"
    "  PRIMARY KEY (owner_kind, owner)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TABLE recount ("
    "  owner_kind TEXT NOT NULL,"
    "  owner TEXT NOT NULL,"
    "  bytes INTEGER NOT NULL,"
    "  objects INTEGER NOT NULL,"
    "  pins INTEGER NOT NULL,"
    "  PRIMARY KEY (owner_kind, owner)"
    ") STRICT, WITHOUT ROWID;"
    /* AUTOINCREMENT: a number names one intent for ever. */
    "CREATE TABLE journal ("
    "  number INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  opened_ms INTEGER NOT NULL,"
    "  kind TEXT NOT NULL,"
    "  key BLOB NOT NULL,"
    "  pin TEXT NOT NULL,"
    "  detail BLOB NOT NULL"
    ") STRICT;",

    /* 3: quotas, members and what is denied; what a restored ledger must know of itself. */
    "ALTER TABLE ledger ADD COLUMN restored_ms INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE object ADD COLUMN is_doubtful INTEGER NOT NULL DEFAULT 0;"
    "ALTER TABLE journal ADD COLUMN is_restored INTEGER NOT NULL DEFAULT 0;"
    "DROP INDEX pin_by_expiry;"
    "CREATE INDEX pin_by_expiry ON pin (expires_ms, id) WHERE expires_ms > 0;"
    /* Whom what is held of an object is charged to, without the table: for the recount. */
    "DROP INDEX pin_by_object;"
    "CREATE INDEX pin_by_object ON pin (object, held, owner_kind, owner, is_ownerless);"
    "DROP TABLE recount;"
    "CREATE INDEX pin_ownerless ON pin (owner_kind, owner) WHERE is_ownerless = 1;"
    "CREATE TABLE quota_window ("
    "  scope TEXT NOT NULL,"
    "  id TEXT NOT NULL,"
    "  dimension TEXT NOT NULL,"
    "  bytes BLOB NOT NULL,"
    "  PRIMARY KEY (scope, id, dimension)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TABLE denied ("
    "  multihash BLOB PRIMARY KEY CHECK (length(multihash) > 0),"
    "  reason TEXT NOT NULL,"
    "  added_ms INTEGER NOT NULL"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TABLE suspended ("
    "  member TEXT PRIMARY KEY,"
    "  reason TEXT NOT NULL,"
    "  since_ms INTEGER NOT NULL"
    ") STRICT, WITHOUT ROWID;",
    /* 4: tokens for clients that cannot say whose their pins are. */
    ("ALTER TABLE token ADD COLUMN pin_group TEXT NOT NULL DEFAULT '';"
     "ALTER TABLE token ADD COLUMN pin_expire_ms INTEGER NOT NULL DEFAULT 0;"),
    /* 5: links. */
    "CREATE TABLE link ("
    "  partner TEXT PRIMARY KEY,"
    "  id TEXT NOT NULL UNIQUE,"
    "  state TEXT NOT NULL,"
    "  epoch INTEGER NOT NULL CHECK (epoch >= 0),"
    "  ended_epoch INTEGER NOT NULL CHECK (ended_epoch BETWEEN 0 AND epoch),"
    "  record BLOB NOT NULL,"
    "  roots BLOB NOT NULL,"
    "  address TEXT NOT NULL,"
    "  words TEXT NOT NULL,"
    "  limits BLOB NOT NULL,"
    "  invitation_hash BLOB NOT NULL," /* empty: there is none */
    "  breaker_is_open INTEGER NOT NULL,"
    "  breaker_attempt INTEGER NOT NULL,"
    "  breaker_retry_ms INTEGER NOT NULL,"
    "  is_restored INTEGER NOT NULL"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TABLE link_history ("
    "  number INTEGER PRIMARY KEY AUTOINCREMENT,"
    "  partner TEXT NOT NULL,"
    "  at_ms INTEGER NOT NULL,"
    "  epoch INTEGER NOT NULL,"
    "  before TEXT NOT NULL,"
    "  after TEXT NOT NULL,"
    "  actor TEXT NOT NULL,"
    "  event TEXT NOT NULL,"
    "  said TEXT NOT NULL"
    ") STRICT;"
    "CREATE INDEX link_history_by_partner ON link_history (partner, number);"
    "CREATE TABLE link_sequence ("
    "  link TEXT NOT NULL,"
    "  is_ours INTEGER NOT NULL,"
    "  node TEXT NOT NULL,"
    "  incarnation TEXT NOT NULL," /* 16 hexadecimal digits: SQLite's integers are signed */
    "  claimed INTEGER NOT NULL,"
    "  PRIMARY KEY (link, is_ours, node)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TABLE link_settled ("
    "  link TEXT NOT NULL,"
    "  node TEXT NOT NULL,"
    "  key TEXT NOT NULL,"
    "  PRIMARY KEY (link, node)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE TABLE link_reply ("
    "  link TEXT NOT NULL,"
    "  node TEXT NOT NULL,"
    "  key TEXT NOT NULL,"
    "  epoch INTEGER NOT NULL,"
    "  digest BLOB NOT NULL CHECK (length(digest) = 32),"
    "  body BLOB NOT NULL,"
    "  PRIMARY KEY (link, node, key)"
    ") STRICT, WITHOUT ROWID;",
    /* 6: allocations. priority is 2^31 above what it says, so that it is never negative. */
    "CREATE TABLE allocation ("
    "  link TEXT NOT NULL,"
    "  role INTEGER NOT NULL CHECK (role BETWEEN 1 AND 2),"
    "  id TEXT NOT NULL,"
    "  object BLOB NOT NULL CHECK (length(object) > 0),"
    "  state TEXT NOT NULL,"
    "  priority INTEGER NOT NULL,"
    "  bytes INTEGER NOT NULL CHECK (bytes >= 0),"
    "  pins INTEGER NOT NULL CHECK (pins >= 0),"
    "  since_ms INTEGER NOT NULL,"
    "  wake_ms INTEGER NOT NULL,"
    "  held_key TEXT NOT NULL,"
    "  release_key TEXT NOT NULL,"
    "  evict_key TEXT NOT NULL,"
    "  record BLOB NOT NULL,"
    "  is_restored INTEGER NOT NULL,"
    "  PRIMARY KEY (link, role, id)"
    ") STRICT, WITHOUT ROWID;"
    "CREATE INDEX allocation_by_state ON allocation (link, role, state, priority DESC, id);"
    "CREATE INDEX allocation_by_object ON allocation (object, link, role, id);"
    "CREATE INDEX allocation_by_due ON allocation (wake_ms, link, role, id) WHERE wake_ms > 0;",
    /* 7: labels that requests asked for. */
    "ALTER TABLE pin ADD COLUMN labels TEXT NOT NULL DEFAULT '';",
    /* 8: how many copies requests asked for; what tokens fix of both. */
    ("ALTER TABLE pin ADD COLUMN min_copies INTEGER NOT NULL DEFAULT 0;"
     "ALTER TABLE token ADD COLUMN pin_labels TEXT NOT NULL DEFAULT '';"
     "ALTER TABLE token ADD COLUMN pin_min_copies INTEGER NOT NULL DEFAULT 0;"),
};

enum { SCHEMA_VERSION = ARRAY_SIZE(migrations) };

/* 0: the database is empty. */
static bool read_version(struct sqlite *sqlite, uint64_t *version, struct error *err)
{
    uint64_t tables = 0, has_versions = 0;

    *version = 0;
    if (!sqlite_count(sqlite, "SELECT count(*) FROM sqlite_schema", &tables, err))
        return false;
    if (tables == 0)
        return true;
    if (!sqlite_count(sqlite, "SELECT count(*) FROM sqlite_schema WHERE name = 'schema_version'",
                      &has_versions, err))
        return false;
    if (has_versions == 0)
        return error_set(err, ERROR_UNSUPPORTED,
                         "%s is an SQLite database, but no ledger; name another data folder",
                         sqlite->path);
    return sqlite_count(sqlite, "SELECT max(version) FROM schema_version", version, err);
}

/* RFC 9562, version 4. */
static void draw_uuid(char uuid[RECORD_UUID_SIZE])
{
    uint8_t b[16];

    if (RAND_bytes(b, sizeof(b)) != 1)
        abort();
    b[6] = (uint8_t)((b[6] & 0x0f) | 0x40);
    b[8] = (uint8_t)((b[8] & 0x3f) | 0x80);
    snprintf(uuid, RECORD_UUID_SIZE,
             "%02x%02x%02x%02x-%02x%02x-%02x%02x-%02x%02x-%02x%02x%02x%02x%02x%02x", b[0], b[1],
             b[2], b[3], b[4], b[5], b[6], b[7], b[8], b[9], b[10], b[11], b[12], b[13], b[14],
             b[15]);
}

static bool migrate_one(struct sqlite *sqlite, uint64_t from, struct error *err)
{
    char uuid[RECORD_UUID_SIZE], sql[256];

    if (from == 0 &&
        !sqlite_execute(sqlite,
                        "CREATE TABLE schema_version ("
                        "  version INTEGER PRIMARY KEY, applied_ms INTEGER NOT NULL) STRICT",
                        err))
        return false;
    if (!sqlite_execute(sqlite, migrations[from], err))
        return false;
    if (from == 0) {
        draw_uuid(uuid);
        snprintf(sql, sizeof(sql), "INSERT INTO ledger (only, uuid) VALUES (1, '%s')", uuid);
        if (!sqlite_execute(sqlite, sql, err))
            return false;
    }
    snprintf(sql, sizeof(sql), "INSERT INTO schema_version VALUES (%d, %lld)", (int)from + 1,
             (long long)time(NULL) * 1000);
    return sqlite_execute(sqlite, sql, err);
}

static bool migrate_from(struct sqlite *sqlite, uint64_t version, struct error *err)
{
    bool is_done = sqlite_execute(sqlite, "BEGIN EXCLUSIVE", err);

    for (; is_done && version < SCHEMA_VERSION; version++)
        is_done = migrate_one(sqlite, version, err);
    is_done = is_done && sqlite_execute(sqlite, "COMMIT", err);
    if (!is_done && sqlite3_get_autocommit(sqlite->db) == 0)
        sqlite3_exec(sqlite->db, "ROLLBACK", NULL, NULL, NULL);
    return is_done;
}

static bool read_uuid(struct sqlite *sqlite, char uuid[RECORD_UUID_SIZE], struct error *err)
{
    sqlite3_stmt *statement = NULL;
    struct sqlite_run run = {.sqlite = sqlite, .err = err};
    bool is_read = sqlite3_prepare_v2(sqlite->db, "SELECT uuid FROM ledger", -1, &statement,
                                      NULL) == SQLITE_OK &&
                   sqlite3_step(statement) == SQLITE_ROW;

    run.statement = statement;
    if (!is_read)
        sqlite_fail(sqlite, err);
    else
        is_read = sqlite_read_text(&run, 0, uuid, RECORD_UUID_SIZE);
    sqlite3_finalize(statement);
    return is_read;
}

bool sqlite_migrate(struct sqlite *sqlite, char uuid[RECORD_UUID_SIZE], struct error *err)
{
    uint64_t version;

    if (!read_version(sqlite, &version, err))
        return false;
    if (version > SCHEMA_VERSION)
        return error_set(err, ERROR_UNSUPPORTED,
                         "the ledger %s has schema %llu, and this program knows schemas up to %d: "
                         "a newer Causeway wrote it; run that one, or restore a backup from before",
                         sqlite->path, (unsigned long long)version, SCHEMA_VERSION);
    if (version < SCHEMA_VERSION && !migrate_from(sqlite, version, err))
        return false;
    return read_uuid(sqlite, uuid, err);
}

bool sqlite_check_version(struct sqlite *sqlite, char uuid[RECORD_UUID_SIZE], struct error *err)
{
    uint64_t version;

    if (!read_version(sqlite, &version, err))
        return false;
    if (version != SCHEMA_VERSION)
        return error_set(err, ERROR_UNSUPPORTED,
                         "the ledger %s has schema %llu, and this program's is %d: start its "
                         "gateway once, which brings it up to date",
                         sqlite->path, (unsigned long long)version, SCHEMA_VERSION);
    return read_uuid(sqlite, uuid, err);
}
