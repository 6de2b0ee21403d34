// SPDX-License-Identifier: Apache-2.0
#include "upstream/embedded/index.h"

#include "conf/memory.h"
#include "upstream/embedded/database.h"

#include <stdlib.h>

enum { VERSION = 1 };

enum statement {
    BEGIN,
    COMMIT,
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

static const char schema[] =
    "CREATE TABLE block (key BLOB PRIMARY KEY, segment INTEGER NOT NULL, offset INTEGER NOT NULL,"
    " size INTEGER NOT NULL) WITHOUT ROWID;"
    "CREATE TABLE segment (number INTEGER PRIMARY KEY, size INTEGER NOT NULL,"
    " blocks INTEGER NOT NULL, bytes INTEGER NOT NULL);"
    "CREATE TABLE segments (next INTEGER NOT NULL);"
    "INSERT INTO segments VALUES (1);"
    "PRAGMA user_version = 1;";

static const char when_damaged[] =
    "stop the gateway, move index.db, index.db-wal and index.db-shm away, and the next start makes "
    "it anew from the segments";

/* 16 MiB of pages for the one that writes: new keys come in no order, and touch all of the tree. */
static const struct database_form writer_form = {
    .name = "the index",
    .when_damaged = when_damaged,
    .texts = texts,
    .count = STATEMENT_COUNT,
    .version = VERSION,
    .cache_kib = 16384,
};
static const struct database_form reader_form = {
    .name = "the index",
    .when_damaged = when_damaged,
    .texts = texts,
    .count = STATEMENT_COUNT,
    .version = VERSION,
    .cache_kib = 2048,
    .is_reader = true,
};

struct block_index {
    struct database database;
};

static void bind_place(sqlite3_stmt *statement, const struct block_place *place)
{
    database_bind_number(statement, 2, place->segment);
    database_bind_number(statement, 3, place->offset);
    database_bind_number(statement, 4, place->size);
}

static struct block_place place_of(sqlite3_stmt *statement)
{
    return (struct block_place){.segment = (uint32_t)database_number(statement, 0),
                                .offset = database_number(statement, 1),
                                .size = (uint32_t)database_number(statement, 2)};
}

/* ---- opening */

bool block_index_open(struct block_index **index_ptr, const char *folder, bool writes, bool *is_new,
                      struct error *err)
{
    struct block_index *index = memory_alloc(sizeof(*index));

    *index_ptr = index;
    if (database_open(&index->database, writes ? &writer_form : &reader_form, folder, "index.db",
                      is_new, err))
        return true;
    block_index_close(index_ptr);
    return false;
}

void block_index_close(struct block_index **index_ptr)
{
    struct block_index *index = *index_ptr;

    if (index == NULL)
        return;
    *index_ptr = NULL;
    database_close(&index->database);
    free(index);
}

/* ---- writing */

bool block_index_begin(struct block_index *index, struct error *err)
{
    return database_run(&index->database, BEGIN, err);
}

/* A full disk did not take the frame that makes a commit. If a sync failed, it may be there. */
bool block_index_commit(struct block_index *index, bool *is_unsure, struct error *err)
{
    sqlite3_stmt *statement = database_prepare(&index->database, COMMIT, err);
    int result;

    *is_unsure = false;
    if (statement == NULL)
        return false;
    result = sqlite3_step(statement);
    if (result != SQLITE_DONE) {
        *is_unsure = (result & 0xff) == SQLITE_IOERR;
        database_fail(&index->database, err);
    }
    sqlite3_reset(statement);
    return result == SQLITE_DONE;
}

void block_index_rollback(struct block_index *index)
{
    database_rollback(&index->database);
}

bool block_index_was_full(const struct block_index *index)
{
    return index->database.was_full;
}

bool block_index_make(struct block_index *index, struct error *err)
{
    return database_execute(&index->database, schema, err);
}

bool block_index_add(struct block_index *index, struct slice key, const struct block_place *place,
                     bool *is_new, struct error *err)
{
    sqlite3_stmt *statement = database_prepare(&index->database, ADD, err);

    if (statement == NULL)
        return false;
    database_bind_bytes(statement, 1, key);
    bind_place(statement, place);
    if (!database_finish(&index->database, statement, err))
        return false;
    *is_new = sqlite3_changes(index->database.db) == 1;
    return true;
}

bool block_index_remove(struct block_index *index, struct slice key, struct block_place *place,
                        struct error *err)
{
    sqlite3_stmt *statement = database_prepare(&index->database, REMOVE, err);

    if (statement == NULL || !block_index_find(index, key, place, err))
        return false;
    database_bind_bytes(statement, 1, key);
    return database_finish(&index->database, statement, err);
}

bool block_index_move(struct block_index *index, struct slice key, const struct block_place *place,
                      struct error *err)
{
    sqlite3_stmt *statement = database_prepare(&index->database, MOVE, err);

    if (statement == NULL)
        return false;
    database_bind_bytes(statement, 1, key);
    bind_place(statement, place);
    return database_finish(&index->database, statement, err);
}

/* ---- segments */

static bool read_next(struct block_index *index, uint32_t *next, struct error *err)
{
    sqlite3_stmt *statement = database_prepare(&index->database, NEXT, err);

    if (statement == NULL)
        return false;
    if (!database_step(&index->database, statement, err))
        return error_set(err, ERROR_MISMATCH, "the index %s lacks a row; it is damaged",
                         index->database.path);
    *next = (uint32_t)database_number(statement, 0);
    sqlite3_reset(statement);
    return true;
}

bool block_index_segments(struct block_index *index, struct segment_state **segments, size_t *count,
                          uint32_t *next, struct error *err)
{
    sqlite3_stmt *statement = database_prepare(&index->database, SEGMENTS, err);
    struct error failure = {0};

    *segments = NULL;
    *count = 0;
    if (statement == NULL || !read_next(index, next, err))
        return false;
    while (database_step(&index->database, statement, &failure)) {
        *segments = memory_resize_array(*segments, *count + 1, sizeof(**segments));
        (*segments)[(*count)++] =
            (struct segment_state){.number = (uint32_t)database_number(statement, 0),
                                   .size = database_number(statement, 1),
                                   .blocks = database_number(statement, 2),
                                   .bytes = database_number(statement, 3)};
    }
    if (failure.code == ERROR_NONE)
        return true;
    free(*segments);
    *segments = NULL;
    return error_copy(err, &failure);
}

bool block_index_put_segment(struct block_index *index, const struct segment_state *segment,
                             struct error *err)
{
    sqlite3_stmt *statement = database_prepare(&index->database, PUT_SEGMENT, err);

    if (statement == NULL)
        return false;
    database_bind_number(statement, 1, segment->number);
    database_bind_number(statement, 2, segment->size);
    database_bind_number(statement, 3, segment->blocks);
    database_bind_number(statement, 4, segment->bytes);
    return database_finish(&index->database, statement, err);
}

static bool run_with_number(struct block_index *index, enum statement name, uint32_t value,
                            struct error *err)
{
    sqlite3_stmt *statement = database_prepare(&index->database, name, err);

    if (statement == NULL)
        return false;
    database_bind_number(statement, 1, value);
    return database_finish(&index->database, statement, err);
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
    sqlite3_stmt *statement = database_prepare(&index->database, FIND, err);

    if (statement == NULL)
        return false;
    database_bind_bytes(statement, 1, key);
    if (!database_step(&index->database, statement, err))
        return error_set(err, ERROR_NOT_FOUND, "there is no such block");
    *place = place_of(statement);
    sqlite3_reset(statement);
    return true;
}

bool block_index_list(struct block_index *index, struct slice after, size_t limit,
                      block_index_listed on_block, void *arg, struct error *err)
{
    sqlite3_stmt *statement = database_prepare(&index->database, LIST, err);
    struct error failure = {0};

    if (statement == NULL)
        return false;
    database_bind_bytes(statement, 1, after);
    database_bind_number(statement, 2, limit);
    while (database_step(&index->database, statement, &failure)) {
        struct slice key = {sqlite3_column_blob(statement, 0),
                            (size_t)sqlite3_column_bytes(statement, 0)};

        on_block(arg, key, (uint32_t)database_number(statement, 1));
    }
    return failure.code == ERROR_NONE || error_copy(err, &failure);
}
