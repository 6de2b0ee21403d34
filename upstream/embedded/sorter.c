// SPDX-License-Identifier: Apache-2.0
#include "upstream/embedded/sorter.h"

#include "conf/memory.h"
#include "upstream/embedded/database.h"

#include <assert.h>
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

struct pair {
    size_t at; /* of the key in bytes; the value is behind it */
    size_t key_size, value_size;
};

struct sorter {
    const char *folder;
    size_t memory_max;
    struct text bytes;
    struct pair *pairs;
    size_t count, capacity;
    bool is_sorted;
    size_t next; /* of pairs */
    bool is_file;
    struct database database;
    sqlite3_stmt *list; /* NULL: not asked for yet */
};

struct sorter *sorter_create(const char *folder, size_t memory_max)
{
    struct sorter *sorter = memory_alloc(sizeof(*sorter));

    sorter->folder = folder;
    sorter->memory_max = memory_max > 0 ? memory_max : SORTER_MEMORY;
    return sorter;
}

static void forget_memory(struct sorter *sorter)
{
    text_dispose(&sorter->bytes);
    free(sorter->pairs);
    sorter->pairs = NULL;
    sorter->count = sorter->capacity = 0;
}

void sorter_destroy(struct sorter **sorter)
{
    if (*sorter == NULL)
        return;
    database_close(&(*sorter)->database);
    forget_memory(*sorter);
    free(*sorter);
    *sorter = NULL;
}

static struct slice key_of(const struct sorter *sorter, const struct pair *pair)
{
    return (struct slice){sorter->bytes.data + pair->at, pair->key_size};
}

static struct slice value_of(const struct sorter *sorter, const struct pair *pair)
{
    return (struct slice){sorter->bytes.data + pair->at + pair->key_size, pair->value_size};
}

/* ---- in a file */

static bool put_in_file(struct sorter *sorter, struct slice key, struct slice value,
                        struct error *err)
{
    sqlite3_stmt *statement = database_prepare(&sorter->database, PUT, err);

    if (statement == NULL)
        return false;
    database_bind_bytes(statement, 1, key);
    database_bind_bytes(statement, 2, value);
    return database_finish(&sorter->database, statement, err);
}

static bool move_to_file(struct sorter *sorter, struct error *err)
{
    if (!database_open_scratch(
            &sorter->database, &form, sorter->folder,
            "CREATE TABLE pair (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;", err))
        return false;
    sorter->is_file = true;
    for (size_t i = 0; i < sorter->count; i++) {
        const struct pair *pair = &sorter->pairs[i];

        if (!put_in_file(sorter, key_of(sorter, pair), value_of(sorter, pair), err))
            return false;
    }
    forget_memory(sorter);
    return true;
}

static bool next_of_file(struct sorter *sorter, struct slice *key, struct slice *value,
                         bool *is_end, struct error *err)
{
    struct error failure = {0};

    if (sorter->list == NULL)
        sorter->list = database_prepare(&sorter->database, LIST, err);
    if (sorter->list == NULL)
        return false;
    *is_end = !database_step(&sorter->database, sorter->list, &failure);
    if (*is_end)
        return failure.code == ERROR_NONE || error_copy(err, &failure);
    *key = database_bytes(sorter->list, 0);
    *value = database_bytes(sorter->list, 1);
    return true;
}

/* ---- in memory */

static int compare_keys(struct slice a, struct slice b)
{
    size_t shorter = a.size < b.size ? a.size : b.size;
    int order = shorter > 0 ? memcmp(a.data, b.data, shorter) : 0;

    return order != 0 ? order : (a.size > b.size) - (a.size < b.size);
}

/* Of one key the one that came last is first. */
static int compare(const void *a_, const void *b_, void *sorter)
{
    const struct pair *a = a_, *b = b_;
    int order = compare_keys(key_of(sorter, a), key_of(sorter, b));

    return order != 0 ? order : (a->at < b->at) - (a->at > b->at);
}

static void put_in_memory(struct sorter *sorter, struct slice key, struct slice value)
{
    if (sorter->count == sorter->capacity) {
        sorter->capacity = sorter->capacity > 0 ? 2 * sorter->capacity : 64;
        sorter->pairs =
            memory_resize_array(sorter->pairs, sorter->capacity, sizeof(*sorter->pairs));
    }
    sorter->pairs[sorter->count++] = (struct pair){sorter->bytes.size, key.size, value.size};
    text_put_slice(&sorter->bytes, key);
    text_put_slice(&sorter->bytes, value);
}

static void next_of_memory(struct sorter *sorter, struct slice *key, struct slice *value,
                           bool *is_end)
{
    *is_end = sorter->next == sorter->count;
    if (*is_end)
        return;
    *key = key_of(sorter, &sorter->pairs[sorter->next]);
    *value = value_of(sorter, &sorter->pairs[sorter->next]);
    do
        sorter->next++;
    while (sorter->next < sorter->count &&
           slice_equal(key_of(sorter, &sorter->pairs[sorter->next]), *key));
}

/* ---- */

bool sorter_put(struct sorter *sorter, struct slice key, struct slice value, struct error *err)
{
    size_t size = sorter->bytes.size + sorter->count * sizeof(struct pair);

    assert(!sorter->is_sorted);
    if (!sorter->is_file && size + key.size + value.size > sorter->memory_max &&
        !move_to_file(sorter, err))
        return false;
    if (sorter->is_file)
        return put_in_file(sorter, key, value, err);
    put_in_memory(sorter, key, value);
    return true;
}

bool sorter_next(struct sorter *sorter, struct slice *key, struct slice *value, bool *is_end,
                 struct error *err)
{
    if (sorter->is_file)
        return next_of_file(sorter, key, value, is_end, err);
    if (!sorter->is_sorted && sorter->count > 1)
        qsort_r(sorter->pairs, sorter->count, sizeof(*sorter->pairs), compare, sorter);
    sorter->is_sorted = true;
    next_of_memory(sorter, key, value, is_end);
    return true;
}
