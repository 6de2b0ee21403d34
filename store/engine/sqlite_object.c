// SPDX-License-Identifier: Apache-2.0
#include "conf/memory.h"
#include "store/engine/sqlite.h"

#include <assert.h>

/* In the order of OBJECT_COLUMNS. */
enum column {
    COLUMN_KEY,
    COLUMN_UPSTREAM,
    COLUMN_IS_ADOPTED,
    COLUMN_HAS_DIRECT_BYTES,
    COLUMN_DIRECT_BYTES,
    COLUMN_HAS_RECURSIVE_BYTES,
    COLUMN_RECURSIVE_BYTES,
    COLUMN_IS_DOUBTFUL,
};

bool sqlite_object_find(struct sqlite *sqlite, struct slice key, uint64_t *object,
                        struct error *err)
{
    struct sqlite_run run;
    bool has_row, is_read;

    if (!sqlite_begin(&run, sqlite, STATEMENT_OBJECT_FIND, err))
        return false;
    sqlite_bind_bytes(&run, 1, key.data, key.size);
    is_read = sqlite_step(&run, &has_row);
    *object = is_read && has_row ? sqlite_integer(&run, 0) : 0;
    sqlite_end(&run);
    return is_read;
}

bool sqlite_object_learn(struct sqlite *sqlite, uint64_t object, enum pin_mode mode, uint64_t bytes,
                         struct error *err)
{
    struct sqlite_run run;

    if (bytes > OBJECT_BYTES_MAX)
        return error_set(err, ERROR_LIMIT,
                         "an object of %llu bytes; a size above 2^53 is not believed",
                         (unsigned long long)bytes);
    if (!sqlite_begin(&run, sqlite,
                      mode == PIN_DIRECT ? STATEMENT_OBJECT_LEARN_DIRECT
                                         : STATEMENT_OBJECT_LEARN_RECURSIVE,
                      err))
        return false;
    sqlite_bind_integer(&run, 1, object);
    sqlite_bind_integer(&run, 2, bytes);
    return sqlite_finish(&run);
}

bool sqlite_object_forget(struct sqlite *sqlite, uint64_t object, struct error *err)
{
    struct sqlite_run run;

    if (!sqlite_begin(&run, sqlite, STATEMENT_OBJECT_FORGET, err))
        return false;
    sqlite_bind_integer(&run, 1, object);
    return sqlite_finish(&run);
}

static bool read_record(struct sqlite_run *run, void *record, struct arena *arena)
{
    *(struct object_record *)record = (struct object_record){
        .key = sqlite_read_bytes(run, COLUMN_KEY, arena),
        .upstream = (enum pin_mode)sqlite_integer(run, COLUMN_UPSTREAM),
        .is_adopted = sqlite_integer(run, COLUMN_IS_ADOPTED) != 0,
        .has_bytes = {[PIN_DIRECT] = sqlite_integer(run, COLUMN_HAS_DIRECT_BYTES) != 0,
                      [PIN_RECURSIVE] = sqlite_integer(run, COLUMN_HAS_RECURSIVE_BYTES) != 0},
        .bytes = {[PIN_DIRECT] = sqlite_integer(run, COLUMN_DIRECT_BYTES),
                  [PIN_RECURSIVE] = sqlite_integer(run, COLUMN_RECURSIVE_BYTES)},
        .is_doubtful = sqlite_integer(run, COLUMN_IS_DOUBTFUL) != 0,
    };
    return true;
}

static bool read_object(struct sqlite *sqlite, uint64_t object, struct object_record *record,
                        struct arena *arena, struct error *err)
{
    struct sqlite_run run;
    bool has_row, is_read;

    if (!sqlite_begin(&run, sqlite, STATEMENT_OBJECT_GET, err))
        return false;
    sqlite_bind_integer(&run, 1, object);
    is_read = sqlite_step(&run, &has_row);
    assert(!is_read || has_row); /* its number was found within this transaction */
    is_read = is_read && read_record(&run, record, arena);
    sqlite_end(&run);
    return is_read;
}

/* Room for twice as many, in the arena: what was there is freed with it. */
static void grow(struct object_get *in, struct arena *arena, size_t *capacity)
{
    struct pin_record *old = in->pins;

    *capacity = *capacity == 0 ? 8 : 2 * *capacity;
    in->pins = arena_alloc(arena, *capacity * sizeof(*in->pins));
    if (in->count > 0)
        memcpy(in->pins, old, in->count * sizeof(*in->pins));
}

static bool read_claims(struct sqlite *sqlite, uint64_t object, struct object_get *in,
                        struct arena *arena, struct error *err)
{
    size_t capacity = 0;
    bool has_row, is_read;
    struct sqlite_run run;
    struct sqlite_pin pin;

    in->count = 0;
    if (!sqlite_begin(&run, sqlite, STATEMENT_PIN_OF_OBJECT, err))
        return false;
    sqlite_bind_integer(&run, 1, object);
    while ((is_read = sqlite_step(&run, &has_row)) && has_row) {
        if (!(is_read = sqlite_pin_read(&run, &pin, arena)))
            break;
        if (in->count == capacity)
            grow(in, arena, &capacity);
        in->pins[in->count++] = pin.record;
    }
    sqlite_end(&run);
    return is_read;
}

bool sqlite_object_get(struct sqlite *sqlite, struct transaction *transaction, struct error *err)
{
    struct object_get *in = &transaction->object_get;
    uint64_t object;

    if (!sqlite_object_find(sqlite, in->key, &object, err))
        return false;
    if (object == 0)
        return error_set(err, ERROR_NOT_FOUND, "the ledger has no such object");
    return read_object(sqlite, object, &in->record, &transaction->arena, err) &&
           read_claims(sqlite, object, in, &transaction->arena, err);
}

static bool insert(struct sqlite *sqlite, struct slice key, uint64_t *object, struct error *err)
{
    struct sqlite_run run;

    if (!sqlite_begin(&run, sqlite, STATEMENT_OBJECT_INSERT, err))
        return false;
    sqlite_bind_bytes(&run, 1, key.data, key.size);
    if (!sqlite_finish(&run))
        return false;
    *object = (uint64_t)sqlite3_last_insert_rowid(sqlite->db);
    return true;
}

bool sqlite_object_need(struct sqlite *sqlite, struct slice key, uint64_t *object,
                        struct error *err)
{
    assert(key.size > 0);
    return sqlite_object_find(sqlite, key, object, err) &&
           (*object != 0 || insert(sqlite, key, object, err));
}

bool sqlite_object_put(struct sqlite *sqlite, struct transaction *transaction, struct error *err)
{
    const struct object_record *record = &transaction->object_put.record;
    struct sqlite_run run;
    uint64_t object;

    if (!sqlite_object_need(sqlite, record->key, &object, err))
        return false;
    for (enum pin_mode mode = PIN_DIRECT; mode <= PIN_RECURSIVE; mode++)
        if (record->has_bytes[mode] &&
            !sqlite_object_learn(sqlite, object, mode, record->bytes[mode], err))
            return false;
    if (!sqlite_begin(&run, sqlite, STATEMENT_OBJECT_PUT, err))
        return false;
    sqlite_bind_integer(&run, 1, object);
    sqlite_bind_integer(&run, 2, record->upstream);
    sqlite_bind_integer(&run, 3, record->is_adopted);
    sqlite_bind_integer(&run, 4, record->is_doubtful);
    return sqlite_finish(&run) && sqlite_object_forget(sqlite, object, err);
}

bool sqlite_object_list(struct sqlite *sqlite, struct transaction *transaction, struct error *err)
{
    struct object_list *in = &transaction->object_list;
    const struct sqlite_page page = SQLITE_PAGE(in, records, 2);
    struct sqlite_run run;

    if (!sqlite_begin(&run, sqlite, STATEMENT_OBJECT_LIST, err))
        return false;
    sqlite_bind_bytes(&run, 1, in->after.data, in->after.size);
    in->records = sqlite_read_page(&run, &page, read_record, &transaction->arena);
    return in->records != NULL;
}
