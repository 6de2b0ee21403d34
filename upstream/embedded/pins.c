// SPDX-License-Identifier: Apache-2.0
/* A pin's row has the CID twice: `place` is its base64url text, whose order Kubo's listings have.
 */
#include "upstream/embedded/pins.h"

#include "conf/memory.h"
#include "ipfs/multibase.h"
#include "upstream/embedded/database.h"

#include <assert.h>
#include <pthread.h>
#include <stdlib.h>

enum { VERSION = 1, CACHE_KIB = 2048 };

enum statement { BEGIN, COMMIT, PUT, FIND, REMOVE, LIST, GET_VALUE, PUT_VALUE, STATEMENT_COUNT };

static const char *const texts[STATEMENT_COUNT] = {
    [BEGIN] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
    [PUT] = "INSERT OR REPLACE INTO pin (cid, place, mode, name) VALUES (?1, ?2, ?3, ?4)",
    [FIND] = "SELECT mode, name FROM pin WHERE cid = ?1",
    [REMOVE] = "DELETE FROM pin WHERE cid = ?1",
    [LIST] = "SELECT cid, name FROM pin WHERE mode = ?1 AND place > ?2 ORDER BY place LIMIT ?3",
    [GET_VALUE] = "SELECT value FROM value WHERE key = ?1",
    [PUT_VALUE] = "INSERT OR REPLACE INTO value VALUES (?1, ?2)",
};

static const char schema[] =
    "BEGIN IMMEDIATE;"
    "CREATE TABLE pin (cid BLOB PRIMARY KEY, place BLOB NOT NULL, mode INTEGER NOT NULL,"
    " name BLOB NOT NULL) WITHOUT ROWID;"
    "CREATE UNIQUE INDEX pin_place ON pin (mode, place);"
    "CREATE TABLE value (key BLOB PRIMARY KEY, value BLOB NOT NULL) WITHOUT ROWID;"
    "PRAGMA user_version = 1;"
    "COMMIT;";

static const struct database_form form = {
    .name = "the node's record of pins",
    .when_damaged = "stop the gateway, keep a copy of the folder, move node.db, node.db-wal and "
                    "node.db-shm away; the next start makes it anew, `causeway ledger check` then "
                    "pins again what the ledger knows, and the files of `ipfs files` are gone",
    .texts = texts,
    .count = STATEMENT_COUNT,
    .version = VERSION,
    .cache_kib = CACHE_KIB,
};

struct pins {
    pthread_mutex_t mutex;
    struct database database;
};

/* ---- opening */

bool pins_open(struct pins **pins_ptr, const char *folder, struct error *err)
{
    struct pins *pins = memory_alloc(sizeof(*pins));
    bool is_new;

    pthread_mutex_init(&pins->mutex, NULL);
    *pins_ptr = pins;
    if (database_open(&pins->database, &form, folder, "node.db", &is_new, err) &&
        (!is_new || database_execute(&pins->database, schema, err)))
        return true;
    pins_close(pins_ptr);
    return false;
}

void pins_close(struct pins **pins_ptr)
{
    struct pins *pins = *pins_ptr;

    if (pins == NULL)
        return;
    *pins_ptr = NULL;
    database_close(&pins->database);
    pthread_mutex_destroy(&pins->mutex);
    free(pins);
}

/* ---- with the mutex held */

static struct slice bytes_of(const struct cid *cid)
{
    return (struct slice){(const char *)cid->bytes, cid->size};
}

static bool find(struct database *database, const struct cid *cid, enum pin_mode *mode,
                 struct text *name, struct error *err)
{
    sqlite3_stmt *statement = database_prepare(database, FIND, err);
    struct error failure = {0};

    *mode = PIN_NONE;
    if (name != NULL)
        text_clear(name);
    if (statement == NULL)
        return false;
    database_bind_bytes(statement, 1, bytes_of(cid));
    if (!database_step(database, statement, &failure))
        return failure.code == ERROR_NONE || error_copy(err, &failure);
    *mode = database_number(statement, 0) == PIN_RECURSIVE ? PIN_RECURSIVE : PIN_DIRECT;
    if (name != NULL)
        text_put_slice(name, database_bytes(statement, 1));
    sqlite3_reset(statement);
    return true;
}

static bool put(struct database *database, const struct cid *cid, enum pin_mode mode,
                struct slice name, struct error *err)
{
    sqlite3_stmt *statement = database_prepare(database, PUT, err);
    struct text place = {0};
    bool is_put;

    if (statement == NULL)
        return false;
    multibase_encode('u', cid->bytes, cid->size, &place);
    database_bind_bytes(statement, 1, bytes_of(cid));
    database_bind_bytes(statement, 2, text_slice(&place));
    database_bind_number(statement, 3, mode);
    database_bind_bytes(statement, 4, name);
    is_put = database_finish(database, statement, err);
    text_dispose(&place);
    return is_put;
}

static bool take(struct database *database, const struct cid *cid, struct error *err)
{
    sqlite3_stmt *statement = database_prepare(database, REMOVE, err);

    if (statement == NULL)
        return false;
    database_bind_bytes(statement, 1, bytes_of(cid));
    return database_finish(database, statement, err);
}

/* In Kubo's words: "<cid> is ...". */
static bool refuse(const struct cid *cid, const char *what, struct error *err)
{
    struct text text = {0};

    cid_print(cid, CID_BASE_DEFAULT, &text);
    error_set(err, ERROR_REFUSED, "%s %s", text.data, what);
    text_dispose(&text);
    return false;
}

static bool add(struct database *database, const struct cid *cid, enum pin_mode mode,
                struct slice name, struct error *err)
{
    enum pin_mode old;

    if (!find(database, cid, &old, NULL, err))
        return false;
    if (mode == PIN_DIRECT && old == PIN_RECURSIVE)
        return refuse(cid, "already pinned recursively", err);
    return put(database, cid, mode, name, err);
}

static bool remove_pin(struct database *database, const struct cid *cid, enum pin_mode mode,
                       struct error *err)
{
    enum pin_mode old;

    if (!find(database, cid, &old, NULL, err))
        return false;
    if (old == PIN_NONE)
        return error_set(err, ERROR_NOT_FOUND, "not pinned or pinned indirectly");
    if (mode == PIN_DIRECT && old == PIN_RECURSIVE)
        return refuse(cid, "is pinned recursively", err);
    return take(database, cid, err);
}

static bool check_update(struct database *database, const struct cid *from, const struct cid *to,
                         struct text *name, struct error *err)
{
    enum pin_mode mode;

    if (!find(database, from, &mode, name, err))
        return false;
    if (mode != PIN_RECURSIVE)
        return error_set(err, ERROR_REFUSED, "'from' cid was not recursively pinned already");
    if (cid_equal(from, to))
        return true;
    if (!find(database, to, &mode, NULL, err))
        return false;
    return mode != PIN_RECURSIVE ||
           error_set(err, ERROR_REFUSED, "'to' cid was already recursively pinned");
}

static bool update(struct database *database, const struct cid *from, const struct cid *to,
                   bool unpins, struct error *err)
{
    struct text name = {0};
    bool is_done = check_update(database, from, to, &name, err);

    if (is_done && !cid_equal(from, to))
        is_done = put(database, to, PIN_RECURSIVE, text_slice(&name), err) &&
                  (!unpins || take(database, from, err));
    text_dispose(&name);
    return is_done;
}

/* ---- changes: all of one or nothing of it */

static bool begin(struct pins *pins, struct error *err)
{
    pthread_mutex_lock(&pins->mutex);
    if (database_run(&pins->database, BEGIN, err))
        return true;
    pthread_mutex_unlock(&pins->mutex);
    return false;
}

static bool end(struct pins *pins, bool is_done, struct error *err)
{
    is_done = is_done && database_run(&pins->database, COMMIT, err);
    if (!is_done)
        database_rollback(&pins->database);
    pthread_mutex_unlock(&pins->mutex);
    return is_done;
}

bool pins_check_name(struct slice name, struct error *err)
{
    return name.size <= PIN_NAME_MAX ||
           error_set(err, ERROR_LIMIT, "pin name is %zu bytes (max %d bytes)", name.size,
                     PIN_NAME_MAX);
}

bool pins_add(struct pins *pins, const struct cid *cid, enum pin_mode mode, struct slice name,
              struct error *err)
{
    assert(mode != PIN_NONE);
    return pins_check_name(name, err) && begin(pins, err) &&
           end(pins, add(&pins->database, cid, mode, name, err), err);
}

bool pins_remove(struct pins *pins, const struct cid *cid, enum pin_mode mode, struct error *err)
{
    return begin(pins, err) && end(pins, remove_pin(&pins->database, cid, mode, err), err);
}

bool pins_update(struct pins *pins, const struct cid *from, const struct cid *to, bool unpins,
                 struct error *err)
{
    return begin(pins, err) && end(pins, update(&pins->database, from, to, unpins, err), err);
}

/* ---- looking */

bool pins_find(struct pins *pins, const struct cid *cid, enum pin_mode *mode, struct text *name,
               struct error *err)
{
    bool is_read;

    pthread_mutex_lock(&pins->mutex);
    is_read = find(&pins->database, cid, mode, name, err);
    pthread_mutex_unlock(&pins->mutex);
    return is_read;
}

bool pins_check_update(struct pins *pins, const struct cid *from, const struct cid *to,
                       struct error *err)
{
    bool may_be;

    pthread_mutex_lock(&pins->mutex);
    may_be = check_update(&pins->database, from, to, NULL, err);
    pthread_mutex_unlock(&pins->mutex);
    return may_be;
}

/* False: err says why; or on_pin wants no more, and *goes_on is false. */
static bool list_rows(struct database *database, sqlite3_stmt *statement, pins_listed on_pin,
                      void *arg, size_t *count, struct error *err)
{
    struct error failure = {0};
    bool goes_on = true;
    struct cid cid;

    while (goes_on && database_step(database, statement, &failure)) {
        struct slice bytes = database_bytes(statement, 0);

        if (!cid_from_bytes(&cid, bytes.data, bytes.size, &failure)) {
            error_prefix(&failure, "%s %s: a row is damaged", database->form->name, database->path);
            goes_on = false;
        } else {
            ++*count;
            goes_on = on_pin(arg, &cid, database_bytes(statement, 1));
        }
    }
    sqlite3_reset(statement);
    return failure.code == ERROR_NONE || error_copy(err, &failure);
}

bool pins_list(struct pins *pins, enum pin_mode mode, const struct cid *after, size_t limit,
               pins_listed on_pin, void *arg, size_t *count, struct error *err)
{
    struct text place = {0};
    sqlite3_stmt *statement;
    bool is_listed = false;

    *count = 0;
    if (after != NULL)
        multibase_encode('u', after->bytes, after->size, &place);
    pthread_mutex_lock(&pins->mutex);
    statement = database_prepare(&pins->database, LIST, err);
    if (statement != NULL) {
        database_bind_number(statement, 1, mode);
        database_bind_bytes(statement, 2, text_slice(&place));
        database_bind_number(statement, 3, limit);
        is_listed = list_rows(&pins->database, statement, on_pin, arg, count, err);
    }
    pthread_mutex_unlock(&pins->mutex);
    text_dispose(&place);
    return is_listed;
}

static bool keep_cid(void *cid, const struct cid *found, struct slice name)
{
    *(struct cid *)cid = *found;
    return false;
}

bool pins_next(struct pins *pins, enum pin_mode mode, const struct cid *after, struct cid *next,
               bool *is_end, struct error *err)
{
    size_t count;
    bool is_read = pins_list(pins, mode, after, 1, keep_cid, next, &count, err);

    *is_end = count == 0;
    return is_read;
}

/* ---- values */

static bool get_value(struct database *database, const char *key, struct text *value,
                      struct error *err)
{
    sqlite3_stmt *statement = database_prepare(database, GET_VALUE, err);

    text_clear(value);
    if (statement == NULL)
        return false;
    database_bind_bytes(statement, 1, slice_of(key));
    if (!database_step(database, statement, err))
        return error_set(err, ERROR_NOT_FOUND, "%s %s has no value of the name %s",
                         database->form->name, database->path, key);
    text_put_slice(value, database_bytes(statement, 0));
    sqlite3_reset(statement);
    return true;
}

bool pins_get_value(struct pins *pins, const char *key, struct text *value, struct error *err)
{
    bool is_found;

    pthread_mutex_lock(&pins->mutex);
    is_found = get_value(&pins->database, key, value, err);
    pthread_mutex_unlock(&pins->mutex);
    return is_found;
}

static bool put_value(struct database *database, const char *key, struct slice value,
                      struct error *err)
{
    sqlite3_stmt *statement = database_prepare(database, PUT_VALUE, err);

    if (statement == NULL)
        return false;
    database_bind_bytes(statement, 1, slice_of(key));
    database_bind_bytes(statement, 2, value);
    return database_finish(database, statement, err);
}

bool pins_put_value(struct pins *pins, const char *key, struct slice value, struct error *err)
{
    return begin(pins, err) && end(pins, put_value(&pins->database, key, value, err), err);
}
