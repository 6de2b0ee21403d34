// SPDX-License-Identifier: Apache-2.0
#include "upstream/embedded/sorter.h"

#include "conf/memory.h"
#include "upstream/embedded/database.h"

#include <stdlib.h>

enum statement { PUT, LIST, STATEMENT_COUNT };

static const char *const texts[STATEMENT_COUNT] = {
    [PUT] = "INSERT OR REPLACE INTO pair VALUES (?1, ?2)",
    [LIST] = "SELECT key, value FROM pair ORDER BY key",
};

static const struct database_form form = {
    .name = "the file to sort in",
    .when_damaged = "try again",
    .texts = texts,
    .count = STATEMENT_COUNT,
    .cache_kib = 1024,
};

struct sorter {
    struct database database;
    sqlite3_stmt *list; /* NULL: not asked for yet */
};

struct sorter *sorter_create(const char *folder, struct error *err)
{
    struct sorter *sorter = memory_alloc(sizeof(*sorter));

    if (!database_open_scratch(
            &sorter->database, &form, folder,
            "CREATE TABLE pair (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;", err))
        sorter_destroy(&sorter);
    return sorter;
}

void sorter_destroy(struct sorter **sorter)
{
    if (*sorter != NULL)
        database_close(&(*sorter)->database);
    free(*sorter);
    *sorter = NULL;
}

bool sorter_put(struct sorter *sorter, struct slice key, struct slice value, struct error *err)
{
    sqlite3_stmt *statement = database_prepare(&sorter->database, PUT, err);

    if (statement == NULL)
        return false;
    database_bind_bytes(statement, 1, key);
    database_bind_bytes(statement, 2, value);
    return database_finish(&sorter->database, statement, err);
}

bool sorter_next(struct sorter *sorter, struct slice *key, struct slice *value, bool *is_end,
                 struct error *err)
{
    struct error failure = {0};

    if (sorter->list == NULL)
        sorter->list = database_prepare(&sorter->database, LIST, err);
    if (sorter->list == NULL)
        return false;
    *is_end = !database_step(&sorter->database, sorter->list, &failure);
    if (*is_end)
        return failure.code == ERROR_NONE || error_set(err, failure.code, "%s", failure.text);
    *key = database_bytes(sorter->list, 0);
    *value = database_bytes(sorter->list, 1);
    return true;
}
