// SPDX-License-Identifier: Apache-2.0
/* The inside of the SQLite engine: prepared statements, and one function for each named
 * transaction. For store/engine/ alone; one thread at a time.
 *
 * WAL, synchronous=FULL: a commit is on disk when it returns, and costs one fdatasync of the log.
 * Times and counts fit into SQLite's signed 64 bits. */
#ifndef STORE_ENGINE_SQLITE_H
#define STORE_ENGINE_SQLITE_H

#include "store/engine.h"

#include <sqlite3.h>

enum statement {
#define STATEMENT(id, sql) STATEMENT_##id,
#include "store/engine/statements.def"
#undef STATEMENT
    STATEMENT_COUNT
};

struct sqlite {
    sqlite3 *db;
    char *path;
    sqlite3_stmt *statements[STATEMENT_COUNT]; /* prepared when first used */
};

/* Says what SQLite said last, in words that an operator can act on. Always false. */
bool sqlite_fail(const struct sqlite *sqlite, struct error *err);

/* Statements without parameters or results, several if need be. */
MUST_USE bool sqlite_execute(struct sqlite *sqlite, const char *sql, struct error *err);

/* Brings the schema of an open database up to date, an empty one included, and reads its uuid. */
MUST_USE bool sqlite_migrate(struct sqlite *sqlite, char uuid[RECORD_UUID_SIZE], struct error *err);

/* Is the schema this program's own? Reads the uuid; changes nothing. ERROR_UNSUPPORTED. */
MUST_USE bool sqlite_check_version(struct sqlite *sqlite, char uuid[RECORD_UUID_SIZE],
                                   struct error *err);

/* ---- files: what a tool does beside the engine, or without one */

/* A connection of one's own, by SQLITE_OPEN_ flags; close it whatever came of it. */
MUST_USE bool sqlite_open_beside(struct sqlite *sqlite, const char *path, int flags,
                                 struct error *err);
void sqlite_close_beside(struct sqlite *sqlite);
/* Into a new file (0600), synced; one that is there is replaced. flags: to open `from` with. */
MUST_USE bool sqlite_copy(const char *from, const char *to, int flags, struct error *err);
MUST_USE bool sqlite_sync_folder_of(const char *path, struct error *err);
/* The first column of the first row. */
MUST_USE bool sqlite_count(struct sqlite *sqlite, const char *sql, uint64_t *value,
                           struct error *err);

/* ---- one run of a prepared statement: begin, bind all, step until there is no row, end */

struct sqlite_run {
    struct sqlite *sqlite;
    sqlite3_stmt *statement; /* NULL: begin failed */
    struct error *err;       /* every step that fails sets it */
};

MUST_USE bool sqlite_begin(struct sqlite_run *run, struct sqlite *sqlite, enum statement statement,
                           struct error *err);
/* Parameters are counted from 1. Bytes are borrowed until sqlite_end. */
void sqlite_bind_integer(struct sqlite_run *run, int parameter, uint64_t value);
void sqlite_bind_text(struct sqlite_run *run, int parameter, struct slice value);
void sqlite_bind_bytes(struct sqlite_run *run, int parameter, const void *bytes, size_t size);
/* *has_row says whether there is a(nother) row to read. */
MUST_USE bool sqlite_step(struct sqlite_run *run, bool *has_row);
/* For statements without rows: begin was called, all is bound; steps and ends. */
MUST_USE bool sqlite_finish(struct sqlite_run *run);
void sqlite_end(struct sqlite_run *run);

/* Columns are counted from 0. A value of a wrong size or kind: the ledger is damaged. */
uint64_t sqlite_integer(struct sqlite_run *run, int column);
MUST_USE bool sqlite_read_hash(struct sqlite_run *run, int column, uint8_t hash[RECORD_HASH_SIZE]);
MUST_USE bool sqlite_read_text(struct sqlite_run *run, int column, char *out, size_t size);
/* Copied to the arena. */
struct slice sqlite_read_bytes(struct sqlite_run *run, int column, struct arena *arena);

/* A page of records: at most limit, and whether there are more. */
struct sqlite_page {
    size_t limit, record_size;
    int limit_parameter; /* of the statement's LIMIT */
    size_t *count;       /* out */
    bool *has_more;      /* out */
};

/* That of a transaction with limit, count and has_more, whose records go to this field. */
#define SQLITE_PAGE(in, field, parameter)                                                          \
    {                                                                                              \
        .limit = (in)->limit, .record_size = sizeof(*(in)->field), .limit_parameter = (parameter), \
        .count = &(in)->count, .has_more = &(in)->has_more                                         \
    }

/* record is zeroed. */
typedef bool (*sqlite_read_record)(struct sqlite_run *run, void *record, struct arena *arena);

/* All is bound but the LIMIT: reads the page and ends the run. The records, in the arena; NULL: it
 * failed. */
MUST_USE void *sqlite_read_page(struct sqlite_run *run, const struct sqlite_page *page,
                                sqlite_read_record read, struct arena *arena);

/* ---- the named transactions; each within a savepoint of its own */

typedef bool (*sqlite_transaction)(struct sqlite *sqlite, struct transaction *transaction,
                                   struct error *err);

bool sqlite_token_add(struct sqlite *sqlite, struct transaction *transaction, struct error *err);
bool sqlite_token_get(struct sqlite *sqlite, struct transaction *transaction, struct error *err);
bool sqlite_token_list(struct sqlite *sqlite, struct transaction *transaction, struct error *err);
bool sqlite_token_rotate(struct sqlite *sqlite, struct transaction *transaction, struct error *err);
bool sqlite_token_revoke(struct sqlite *sqlite, struct transaction *transaction, struct error *err);
bool sqlite_token_used(struct sqlite *sqlite, struct transaction *transaction, struct error *err);
bool sqlite_token_purge(struct sqlite *sqlite, struct transaction *transaction, struct error *err);
bool sqlite_audit_head_get(struct sqlite *sqlite, struct transaction *transaction,
                           struct error *err);
bool sqlite_audit_head_set(struct sqlite *sqlite, struct transaction *transaction,
                           struct error *err);
bool sqlite_policy_put(struct sqlite *sqlite, struct transaction *transaction, struct error *err);
bool sqlite_policy_get(struct sqlite *sqlite, struct transaction *transaction, struct error *err);
bool sqlite_policy_list(struct sqlite *sqlite, struct transaction *transaction, struct error *err);
bool sqlite_policy_activate(struct sqlite *sqlite, struct transaction *transaction,
                            struct error *err);
bool sqlite_object_get(struct sqlite *sqlite, struct transaction *transaction, struct error *err);
bool sqlite_object_put(struct sqlite *sqlite, struct transaction *transaction, struct error *err);
bool sqlite_pin_add(struct sqlite *sqlite, struct transaction *transaction, struct error *err);
bool sqlite_pin_confirm(struct sqlite *sqlite, struct transaction *transaction, struct error *err);
bool sqlite_pin_fail(struct sqlite *sqlite, struct transaction *transaction, struct error *err);
bool sqlite_pin_mark(struct sqlite *sqlite, struct transaction *transaction, struct error *err);
bool sqlite_pin_transfer(struct sqlite *sqlite, struct transaction *transaction, struct error *err);
bool sqlite_pin_remove(struct sqlite *sqlite, struct transaction *transaction, struct error *err);
bool sqlite_pin_list(struct sqlite *sqlite, struct transaction *transaction, struct error *err);
bool sqlite_usage_get(struct sqlite *sqlite, struct transaction *transaction, struct error *err);
bool sqlite_usage_recount(struct sqlite *sqlite, struct transaction *transaction,
                          struct error *err);
bool sqlite_journal_open(struct sqlite *sqlite, struct transaction *transaction, struct error *err);
bool sqlite_journal_close(struct sqlite *sqlite, struct transaction *transaction,
                          struct error *err);
bool sqlite_journal_list(struct sqlite *sqlite, struct transaction *transaction, struct error *err);
bool sqlite_object_list(struct sqlite *sqlite, struct transaction *transaction, struct error *err);
bool sqlite_pin_edit(struct sqlite *sqlite, struct transaction *transaction, struct error *err);
bool sqlite_pin_expired(struct sqlite *sqlite, struct transaction *transaction, struct error *err);
bool sqlite_owner_list(struct sqlite *sqlite, struct transaction *transaction, struct error *err);
bool sqlite_owner_mark(struct sqlite *sqlite, struct transaction *transaction, struct error *err);
bool sqlite_window_put(struct sqlite *sqlite, struct transaction *transaction, struct error *err);
bool sqlite_window_list(struct sqlite *sqlite, struct transaction *transaction, struct error *err);
bool sqlite_deny_add(struct sqlite *sqlite, struct transaction *transaction, struct error *err);
bool sqlite_deny_remove(struct sqlite *sqlite, struct transaction *transaction, struct error *err);
bool sqlite_deny_list(struct sqlite *sqlite, struct transaction *transaction, struct error *err);
bool sqlite_deny_find(struct sqlite *sqlite, struct transaction *transaction, struct error *err);
bool sqlite_member_suspend(struct sqlite *sqlite, struct transaction *transaction,
                           struct error *err);
bool sqlite_member_resume(struct sqlite *sqlite, struct transaction *transaction,
                          struct error *err);
bool sqlite_member_list(struct sqlite *sqlite, struct transaction *transaction, struct error *err);
bool sqlite_link_put(struct sqlite *sqlite, struct transaction *transaction, struct error *err);
bool sqlite_link_get(struct sqlite *sqlite, struct transaction *transaction, struct error *err);
bool sqlite_link_list(struct sqlite *sqlite, struct transaction *transaction, struct error *err);
bool sqlite_link_event_add(struct sqlite *sqlite, struct transaction *transaction,
                           struct error *err);
bool sqlite_link_event_list(struct sqlite *sqlite, struct transaction *transaction,
                            struct error *err);
bool sqlite_sequence_claim(struct sqlite *sqlite, struct transaction *transaction,
                           struct error *err);
bool sqlite_sequence_list(struct sqlite *sqlite, struct transaction *transaction,
                          struct error *err);
bool sqlite_reply_put(struct sqlite *sqlite, struct transaction *transaction, struct error *err);
bool sqlite_reply_settle(struct sqlite *sqlite, struct transaction *transaction, struct error *err);
bool sqlite_reply_list(struct sqlite *sqlite, struct transaction *transaction, struct error *err);
bool sqlite_allocation_put(struct sqlite *sqlite, struct transaction *transaction,
                           struct error *err);
bool sqlite_allocation_get(struct sqlite *sqlite, struct transaction *transaction,
                           struct error *err);
bool sqlite_allocation_list(struct sqlite *sqlite, struct transaction *transaction,
                            struct error *err);
bool sqlite_allocation_remove(struct sqlite *sqlite, struct transaction *transaction,
                              struct error *err);
bool sqlite_allocation_sum(struct sqlite *sqlite, struct transaction *transaction,
                           struct error *err);

/* ---- what the transactions of pins share */

/* A pin, and where its object's row is. */
struct sqlite_pin {
    struct pin_record record;
    uint64_t object;
};

/* ERROR_NOT_FOUND. */
MUST_USE bool sqlite_pin_get(struct sqlite *sqlite, const char *id, struct sqlite_pin *pin,
                             struct arena *arena, struct error *err);
/* Reads one row of PIN_COLUMNS. */
MUST_USE bool sqlite_pin_read(struct sqlite_run *run, struct sqlite_pin *pin, struct arena *arena);
/* The pin becomes after (NULL: it is removed), and is charged so. */
MUST_USE bool sqlite_pin_change(struct sqlite *sqlite, const struct sqlite_pin *before,
                                const struct pin_record *after, struct error *err);

/* 0: there is no row. */
MUST_USE bool sqlite_object_find(struct sqlite *sqlite, struct slice key, uint64_t *object,
                                 struct error *err);
/* Makes the row if there is none. */
MUST_USE bool sqlite_object_need(struct sqlite *sqlite, struct slice key, uint64_t *object,
                                 struct error *err);
/* Sizes that are known already stay. */
MUST_USE bool sqlite_object_learn(struct sqlite *sqlite, uint64_t object, enum pin_mode mode,
                                  uint64_t bytes, struct error *err);
/* If it has no pins and is not held upstream. */
MUST_USE bool sqlite_object_forget(struct sqlite *sqlite, uint64_t object, struct error *err);

/* owner NULL: the organization. */
MUST_USE bool sqlite_usage_of(struct sqlite *sqlite, const struct owner *owner, struct usage *usage,
                              struct error *err);

/* Within a transaction, so that all of it is of one moment. */
MUST_USE bool sqlite_recount(struct sqlite *sqlite, struct usage_recount *recount,
                             struct error *err);

/* What one owner and the organization are charged for one object. */
struct sqlite_charge {
    struct usage owner, org; /* pins: not counted here */
};

MUST_USE bool sqlite_charge_get(struct sqlite *sqlite, uint64_t object, const struct owner *owner,
                                struct sqlite_charge *charge, struct error *err);
/* Adds what changed since before was taken. The pins of both change by what is given. */
MUST_USE bool sqlite_charge_settle(struct sqlite *sqlite, uint64_t object,
                                   const struct owner *owner, const struct sqlite_charge *before,
                                   int owner_pins, int org_pins, struct error *err);

#endif
