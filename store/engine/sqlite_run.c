// SPDX-License-Identifier: Apache-2.0
#include "store/engine/sqlite.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>

static const char *const texts[STATEMENT_COUNT] = {
#define STATEMENT(id, sql) [STATEMENT_##id] = (sql),
#include "store/engine/statements.def"
#undef STATEMENT
};

static const char full[] = "its disk is full; make room, nothing that was acknowledged is lost";
static const char read_only[] =
    "it cannot be written; check the owner and mode of the data folder, and that its file system "
    "is mounted for writing";

/* What to do about it. NULL: SQLite's own words must do. cause: what the system said. */
static const char *advice(int code, int cause)
{
    switch (code & 0xff) {
    case SQLITE_FULL:
        return full;
    case SQLITE_READONLY:
    case SQLITE_PERM:
        return read_only;
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return "it is damaged, or no ledger; keep a copy of the folder, then restore a backup";
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return "another program holds it locked; close what has it open";
    case SQLITE_CANTOPEN:
        return "it cannot be opened; check the owner and mode of the data folder";
    case SQLITE_IOERR:
        return cause == EROFS                       ? read_only
               : cause == ENOSPC || cause == EDQUOT ? full
                                                    : "its disk failed; look at the system's log";
    default:
        return NULL;
    }
}

/* What the system said to the last write of the log; SQLite's own note of it is soon overwritten.
 */
static int last_cause(sqlite3 *db)
{
    sqlite3_file *log = NULL;
    int cause = 0;

    if (sqlite3_file_control(db, "main", SQLITE_FCNTL_JOURNAL_POINTER, (void *)&log) == SQLITE_OK &&
        log != NULL && log->pMethods != NULL)
        log->pMethods->xFileControl(log, SQLITE_FCNTL_LAST_ERRNO, &cause);
    return cause != 0 ? cause : sqlite3_system_errno(db);
}

bool sqlite_fail(const struct sqlite *sqlite, struct error *err)
{
    int code = sqlite3_extended_errcode(sqlite->db);
    bool is_failure = (code & 0xff) == SQLITE_IOERR;
    const char *what = advice(code, is_failure ? last_cause(sqlite->db) : 0);

    if (what == NULL)
        return error_set(err, ERROR_IO, "the ledger %s: SQLite says: %s (%d)", sqlite->path,
                         sqlite3_errmsg(sqlite->db), code);
    return error_set(err, ERROR_IO, "the ledger %s: %s (SQLite: %s, %d)", sqlite->path, what,
                     sqlite3_errmsg(sqlite->db), code);
}

bool sqlite_execute(struct sqlite *sqlite, const char *sql, struct error *err)
{
    if (sqlite3_exec(sqlite->db, sql, NULL, NULL, NULL) == SQLITE_OK)
        return true;
    return sqlite_fail(sqlite, err);
}

bool sqlite_count(struct sqlite *sqlite, const char *sql, uint64_t *value, struct error *err)
{
    sqlite3_stmt *statement = NULL;
    bool is_read = sqlite3_prepare_v2(sqlite->db, sql, -1, &statement, NULL) == SQLITE_OK &&
                   sqlite3_step(statement) == SQLITE_ROW;

    if (is_read)
        *value = (uint64_t)sqlite3_column_int64(statement, 0);
    else
        sqlite_fail(sqlite, err);
    sqlite3_finalize(statement);
    return is_read;
}

bool sqlite_begin(struct sqlite_run *run, struct sqlite *sqlite, enum statement statement,
                  struct error *err)
{
    sqlite3_stmt **prepared = &sqlite->statements[statement];

    *run = (struct sqlite_run){.sqlite = sqlite, .err = err};
    if (*prepared == NULL &&
        sqlite3_prepare_v3(sqlite->db, texts[statement], -1, SQLITE_PREPARE_PERSISTENT, prepared,
                           NULL) != SQLITE_OK)
        return sqlite_fail(sqlite, err);
    run->statement = *prepared;
    return true;
}

void sqlite_bind_integer(struct sqlite_run *run, int parameter, uint64_t value)
{
    int result;

    assert(value <= INT64_MAX);
    result = sqlite3_bind_int64(run->statement, parameter, (int64_t)value);
    assert(result == SQLITE_OK);
}

void sqlite_bind_text(struct sqlite_run *run, int parameter, struct slice value)
{
    int result = sqlite3_bind_text64(run->statement, parameter, value.size > 0 ? value.data : "",
                                     value.size, SQLITE_STATIC, SQLITE_UTF8);

    assert(result == SQLITE_OK);
}

void sqlite_bind_bytes(struct sqlite_run *run, int parameter, const void *bytes, size_t size)
{
    int result =
        sqlite3_bind_blob64(run->statement, parameter, size > 0 ? bytes : "", size, SQLITE_STATIC);

    assert(result == SQLITE_OK);
}

bool sqlite_step(struct sqlite_run *run, bool *has_row)
{
    int result = sqlite3_step(run->statement);

    *has_row = result == SQLITE_ROW;
    return result == SQLITE_ROW || result == SQLITE_DONE || sqlite_fail(run->sqlite, run->err);
}

bool sqlite_finish(struct sqlite_run *run)
{
    bool has_row;
    bool is_done = sqlite_step(run, &has_row);

    assert(!has_row);
    sqlite_end(run);
    return is_done;
}

void sqlite_end(struct sqlite_run *run)
{
    sqlite3_reset(run->statement);
    sqlite3_clear_bindings(run->statement);
    run->statement = NULL;
}

/* ---- reading a row */

static bool damaged(struct sqlite_run *run, int column)
{
    return error_set(run->err, ERROR_IO,
                     "the ledger %s is damaged: column %s has %d bytes of a kind that it cannot "
                     "have; keep a copy of the folder, then restore a backup",
                     run->sqlite->path, sqlite3_column_name(run->statement, column),
                     sqlite3_column_bytes(run->statement, column));
}

uint64_t sqlite_integer(struct sqlite_run *run, int column)
{
    int64_t value = sqlite3_column_int64(run->statement, column);

    return value > 0 ? (uint64_t)value : 0; /* the schema has no negative numbers */
}

bool sqlite_read_hash(struct sqlite_run *run, int column, uint8_t hash[RECORD_HASH_SIZE])
{
    const void *bytes = sqlite3_column_blob(run->statement, column);

    if (sqlite3_column_bytes(run->statement, column) != RECORD_HASH_SIZE || bytes == NULL)
        return damaged(run, column);
    memcpy(hash, bytes, RECORD_HASH_SIZE);
    return true;
}

bool sqlite_read_text(struct sqlite_run *run, int column, char *out, size_t size)
{
    const void *text = sqlite3_column_text(run->statement, column);
    size_t used = (size_t)sqlite3_column_bytes(run->statement, column);

    if (text == NULL || used >= size)
        return damaged(run, column);
    memcpy(out, text, used);
    out[used] = '\0';
    return true;
}

struct slice sqlite_read_bytes(struct sqlite_run *run, int column, struct arena *arena)
{
    const void *bytes = sqlite3_column_blob(run->statement, column);
    size_t size = (size_t)sqlite3_column_bytes(run->statement, column);

    if (size == 0)
        return (struct slice){0};
    return (struct slice){arena_copy(arena, bytes, size), size};
}

void *sqlite_read_page(struct sqlite_run *run, const struct sqlite_page *page,
                       sqlite_read_record read, struct arena *arena)
{
    size_t size = (page->limit + 1) * page->record_size;
    char *records = arena_alloc(arena, size);
    bool has_row, is_read;

    memset(records, 0, size);
    *page->count = 0;
    *page->has_more = false;
    sqlite_bind_integer(run, page->limit_parameter, page->limit + 1);
    while ((is_read = sqlite_step(run, &has_row)) && has_row && !*page->has_more) {
        if (*page->count == page->limit)
            *page->has_more = true;
        else if (!(is_read = read(run, records + *page->count * page->record_size, arena)))
            break;
        else
            ++*page->count;
    }
    sqlite_end(run);
    return is_read ? records : NULL;
}
