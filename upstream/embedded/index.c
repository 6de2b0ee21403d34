// SPDX-License-Identifier: Apache-2.0
#include "upstream/embedded/index.h"

#include "conf/memory.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdlib.h>
#include <unistd.h>

enum { VERSION = 1, BUSY_TIMEOUT_MS = 2000 };

enum statement {
    BEGIN,
    COMMIT,
    ROLLBACK,
    ADD,
    FIND,
    REMOVE,
    MOVE,
    LIST,
    SEGMENTS,
    PUT_SEGMENT,
    DROP_SEGMENT,
    NEXT,
    PUT_NEXT,
    STATEMENT_COUNT
};

static const char *const texts[STATEMENT_COUNT] = {
    [BEGIN] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
    [ROLLBACK] = "ROLLBACK",
    [ADD] = "INSERT OR IGNORE INTO block (key, segment, offset, size) VALUES (?1, ?2, ?3, ?4)",
    [FIND] = "SELECT segment, offset, size FROM block WHERE key = ?1",
    [REMOVE] = "DELETE FROM block WHERE key = ?1",
    [MOVE] = "UPDATE block SET segment = ?2, offset = ?3, size = ?4 WHERE key = ?1",
    [LIST] = "SELECT key, size FROM block WHERE key > ?1 ORDER BY key LIMIT ?2",
    [SEGMENTS] = "SELECT number, size, blocks, bytes FROM segment ORDER BY number",
    [PUT_SEGMENT] = "INSERT OR REPLACE INTO segment VALUES (?1, ?2, ?3, ?4)",
    [DROP_SEGMENT] = "DELETE FROM segment WHERE number = ?1",
    [NEXT] = "SELECT next FROM segments",
    [PUT_NEXT] = "UPDATE segments SET next = ?1",
};

/* 16 MiB of pages for the one that writes: new keys come in no order, and touch all of the tree. */
static const char writer_settings[] = "PRAGMA journal_mode = WAL;"
                                      "PRAGMA synchronous = FULL;"
                                      "PRAGMA cell_size_check = ON;"
                                      "PRAGMA trusted_schema = OFF;"
                                      "PRAGMA cache_size = -16384;";
static const char reader_settings[] = "PRAGMA query_only = ON;"
                                      "PRAGMA cell_size_check = ON;"
                                      "PRAGMA trusted_schema = OFF;"
                                      "PRAGMA cache_size = -2048;";

static const char schema[] =
    "CREATE TABLE block (key BLOB PRIMARY KEY, segment INTEGER NOT NULL, offset INTEGER NOT NULL,"
    " size INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE segment (number INTEGER PRIMARY KEY, size INTEGER NOT NULL,"
    " blocks INTEGER NOT NULL, bytes INTEGER NOT NULL);"
    "CREATE TABLE segments (next INTEGER NOT NULL);"
    "INSERT INTO segments VALUES (1);"
    "PRAGMA user_version = 1;";

struct block_index {
    sqlite3 *db;
    char *path;
    sqlite3_stmt *statements[STATEMENT_COUNT];
    bool was_full;
};

/* ---- running */

static const char full[] = "its disk is full; make room, nothing that was acknowledged is lost";

/* What to do about it; NULL: SQLite's own words must do. */
static const char *advice(int code, int cause)
{
    switch (code & 0xff) {
    case SQLITE_FULL:
        return full;
    case SQLITE_READONLY:
    case SQLITE_PERM:
        return "it cannot be written; check its owner and mode, and that its file system is "
               "mounted "
               "for writing";
    case SQLITE_CORRUPT:
    case SQLITE_NOTADB:
        return "it is damaged; stop the gateway, move index.db, index.db-wal and index.db-shm "
               "away, "
               "and the next start makes it anew from the segments";
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return "another program holds it locked; close what has it open";
    case SQLITE_CANTOPEN:
        return "it cannot be opened; check its owner and mode";
    case SQLITE_IOERR:
        return cause == ENOSPC || cause == EDQUOT ? full
                                                  : "its disk failed; look at the system's log";
    default:
        return NULL;
    }
}

static bool fail(struct block_index *index, struct error *err)
{
    int code = sqlite3_extended_errcode(index->db);
    const char *what = advice(code, sqlite3_system_errno(index->db));
    enum error_code kind = (code & 0xff) == SQLITE_CORRUPT || (code & 0xff) == SQLITE_NOTADB
                               ? ERROR_MISMATCH
                               : ERROR_IO;

    index->was_full = what == full;
    return error_set(err, kind, "the index %s: %s%s%s (%d)", index->path,
                     what != NULL ? what : "SQLite says", what != NULL ? "; SQLite: " : ": ",
                     sqlite3_errmsg(index->db), code);
}

static bool execute(struct block_index *index, const char *sql, struct error *err)
{
    return sqlite3_exec(index->db, sql, NULL, NULL, NULL) == SQLITE_OK || fail(index, err);
}

/* NULL: err is set. */
static sqlite3_stmt *prepare(struct block_index *index, enum statement statement, struct error *err)
{
    sqlite3_stmt **prepared = &index->statements[statement];

    if (*prepared == NULL &&
        sqlite3_prepare_v3(index->db, texts[statement], -1, SQLITE_PREPARE_PERSISTENT, prepared,
                           NULL) != SQLITE_OK)
        fail(index, err);
    return *prepared;
}

static void bind_key(sqlite3_stmt *statement, struct slice key)
{
    int result =
        sqlite3_bind_blob64(statement, 1, key.size > 0 ? key.data : "", key.size, SQLITE_STATIC);

    assert(result == SQLITE_OK);
}

static void bind_number(sqlite3_stmt *statement, int parameter, uint64_t value)
{
    int result;

    assert(value <= INT64_MAX);
    result = sqlite3_bind_int64(statement, parameter, (int64_t)value);
    assert(result == SQLITE_OK);
}

static void bind_place(sqlite3_stmt *statement, const struct block_place *place)
{
    bind_number(statement, 2, place->segment);
    bind_number(statement, 3, place->offset);
    bind_number(statement, 4, place->size);
}

/* Runs what returns no row. */
static bool finish(struct block_index *index, sqlite3_stmt *statement, struct error *err)
{
    bool is_done = sqlite3_step(statement) == SQLITE_DONE || fail(index, err);

    sqlite3_reset(statement);
    return is_done;
}

/* True: a row is there, and the caller resets. False: err says why, or is as it was at the end. */
static bool step(struct block_index *index, sqlite3_stmt *statement, struct error *err)
{
    int result = sqlite3_step(statement);

    if (result == SQLITE_ROW)
        return true;
    if (result != SQLITE_DONE)
        fail(index, err);
    sqlite3_reset(statement);
    return false;
}

static uint64_t number(sqlite3_stmt *statement, int column)
{
    sqlite3_int64 value = sqlite3_column_int64(statement, column);

    return value < 0 ? 0 : (uint64_t)value;
}

static struct block_place place_of(sqlite3_stmt *statement)
{
    return (struct block_place){.segment = (uint32_t)number(statement, 0),
                                .offset = number(statement, 1),
                                .size = (uint32_t)number(statement, 2)};
}

/* ---- opening */

static bool check_version(struct block_index *index, bool *is_new, struct error *err)
{
    sqlite3_stmt *statement = NULL;
    int version = -1;

    if (sqlite3_prepare_v2(index->db, "PRAGMA user_version", -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW)
        version = sqlite3_column_int(statement, 0);
    else
        fail(index, err);
    sqlite3_finalize(statement);
    *is_new = version == 0;
    if (version <= VERSION)
        return version >= 0;
    return error_set(err, ERROR_UNSUPPORTED,
                     "the index %s was written by a newer Causeway (version %d; this one knows %d)",
                     index->path, version, VERSION);
}

/* SQLite gives its other files the mode of this one. */
static bool make_file(const struct block_index *index, struct error *err)
{
    int fd = open(index->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0)
        return error_set_errno(err, "the index %s cannot be opened for writing", index->path);
    close(fd);
    return true;
}

static bool set_up(struct block_index *index, bool writes, bool *is_new, struct error *err)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW;

    if (writes && !make_file(index, err))
        return false;
    if (sqlite3_open_v2(index->path, &index->db, flags, NULL) != SQLITE_OK)
        return fail(index, err);
    sqlite3_extended_result_codes(index->db, 1);
    sqlite3_busy_timeout(index->db, BUSY_TIMEOUT_MS);
    return execute(index, writes ? writer_settings : reader_settings, err) &&
           check_version(index, is_new, err);
}

bool block_index_open(struct block_index **index_ptr, const char *folder, bool writes, bool *is_new,
                      struct error *err)
{
    struct block_index *index = memory_alloc(sizeof(*index));
    struct text path = {0};

    text_put_format(&path, "%s/index.db", folder);
    index->path = path.data;
    *index_ptr = index;
    if (set_up(index, writes, is_new, err))
        return true;
    block_index_close(index_ptr);
    return false;
}

void block_index_close(struct block_index **index_ptr)
{
    struct block_index *index = *index_ptr;
    int result;

    if (index == NULL)
        return;
    *index_ptr = NULL;
    for (size_t i = 0; i < STATEMENT_COUNT; i++)
        sqlite3_finalize(index->statements[i]);
    result = sqlite3_close(index->db);
    assert(result == SQLITE_OK);
    free(index->path);
    free(index);
}

/* ---- writing */

static bool run(struct block_index *index, enum statement name, struct error *err)
{
    sqlite3_stmt *statement = prepare(index, name, err);

    return statement != NULL && finish(index, statement, err);
}

bool block_index_begin(struct block_index *index, struct error *err)
{
    return run(index, BEGIN, err);
}

/* A full disk did not take the frame that makes a commit. If a sync failed, it may be there. */
bool block_index_commit(struct block_index *index, bool *is_unsure, struct error *err)
{
    sqlite3_stmt *statement = prepare(index, COMMIT, err);
    int result;

    *is_unsure = false;
    if (statement == NULL)
        return false;
    result = sqlite3_step(statement);
    if (result != SQLITE_DONE) {
        *is_unsure = (result & 0xff) == SQLITE_IOERR;
        fail(index, err);
    }
    sqlite3_reset(statement);
    return result == SQLITE_DONE;
}

void block_index_rollback(struct block_index *index)
{
    struct error ignored = {0};

    if (sqlite3_get_autocommit(index->db) == 0) /* a full disk gives all up by itself */
        (void)run(index, ROLLBACK, &ignored);
}

bool block_index_was_full(const struct block_index *index)
{
    return index->was_full;
}

bool block_index_make(struct block_index *index, struct error *err)
{
    return execute(index, schema, err);
}

bool block_index_add(struct block_index *index, struct slice key, const struct block_place *place,
                     bool *is_new, struct error *err)
{
    sqlite3_stmt *statement = prepare(index, ADD, err);

    if (statement == NULL)
        return false;
    bind_key(statement, key);
    bind_place(statement, place);
    if (!finish(index, statement, err))
        return false;
    *is_new = sqlite3_changes(index->db) == 1;
    return true;
}

bool block_index_remove(struct block_index *index, struct slice key, struct block_place *place,
                        struct error *err)
{
    sqlite3_stmt *statement = prepare(index, REMOVE, err);

    if (statement == NULL || !block_index_find(index, key, place, err))
        return false;
    bind_key(statement, key);
    return finish(index, statement, err);
}

bool block_index_move(struct block_index *index, struct slice key, const struct block_place *place,
                      struct error *err)
{
    sqlite3_stmt *statement = prepare(index, MOVE, err);

    if (statement == NULL)
        return false;
    bind_key(statement, key);
    bind_place(statement, place);
    return finish(index, statement, err);
}

/* ---- segments */

static bool read_next(struct block_index *index, uint32_t *next, struct error *err)
{
    sqlite3_stmt *statement = prepare(index, NEXT, err);

    if (statement == NULL)
        return false;
    if (!step(index, statement, err))
        return error_set(err, ERROR_MISMATCH, "the index %s lacks a row; it is damaged",
                         index->path);
    *next = (uint32_t)number(statement, 0);
    sqlite3_reset(statement);
    return true;
}

bool block_index_segments(struct block_index *index, struct segment_state **segments, size_t *count,
                          uint32_t *next, struct error *err)
{
    sqlite3_stmt *statement = prepare(index, SEGMENTS, err);
    struct error failure = {0};

    *segments = NULL;
    *count = 0;
    if (statement == NULL || !read_next(index, next, err))
        return false;
    while (step(index, statement, &failure)) {
        *segments = memory_resize_array(*segments, *count + 1, sizeof(**segments));
        (*segments)[(*count)++] = (struct segment_state){.number = (uint32_t)number(statement, 0),
                                                         .size = number(statement, 1),
                                                         .blocks = number(statement, 2),
                                                         .bytes = number(statement, 3)};
    }
    if (failure.code == ERROR_NONE)
        return true;
    free(*segments);
    *segments = NULL;
    return error_set(err, failure.code, "%s", failure.text);
}

bool block_index_put_segment(struct block_index *index, const struct segment_state *segment,
                             struct error *err)
{
    sqlite3_stmt *statement = prepare(index, PUT_SEGMENT, err);

    if (statement == NULL)
        return false;
    bind_number(statement, 1, segment->number);
    bind_number(statement, 2, segment->size);
    bind_number(statement, 3, segment->blocks);
    bind_number(statement, 4, segment->bytes);
    return finish(index, statement, err);
}

static bool run_with_number(struct block_index *index, enum statement name, uint32_t value,
                            struct error *err)
{
    sqlite3_stmt *statement = prepare(index, name, err);

    if (statement == NULL)
        return false;
    bind_number(statement, 1, value);
    return finish(index, statement, err);
}

bool block_index_drop_segment(struct block_index *index, uint32_t segment, struct error *err)
{
    return run_with_number(index, DROP_SEGMENT, segment, err);
}

bool block_index_put_next(struct block_index *index, uint32_t next, struct error *err)
{
    return run_with_number(index, PUT_NEXT, next, err);
}

/* ---- reading */

bool block_index_find(struct block_index *index, struct slice key, struct block_place *place,
                      struct error *err)
{
    sqlite3_stmt *statement = prepare(index, FIND, err);

    if (statement == NULL)
        return false;
    bind_key(statement, key);
    if (!step(index, statement, err))
        return error_set(err, ERROR_NOT_FOUND, "there is no such block");
    *place = place_of(statement);
    sqlite3_reset(statement);
    return true;
}

bool block_index_list(struct block_index *index, struct slice after, size_t limit,
                      block_index_listed on_block, void *arg, struct error *err)
{
    sqlite3_stmt *statement = prepare(index, LIST, err);
    struct error failure = {0};

    if (statement == NULL)
        return false;
    bind_key(statement, after);
    bind_number(statement, 2, limit);
    while (step(index, statement, &failure)) {
        struct slice key = {sqlite3_column_blob(statement, 0),
                            (size_t)sqlite3_column_bytes(statement, 0)};

        on_block(arg, key, (uint32_t)number(statement, 1));
    }
    return failure.code == ERROR_NONE || error_set(err, failure.code, "%s", failure.text);
}
