// SPDX-License-Identifier: Apache-2.0
#include "upstream/embedded/database.h"

#include "conf/memory.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <unistd.h>

enum {
    BUSY_TIMEOUT_MS = 2000,
    OPEN_FLAGS = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW,
};

/* ---- failures */

static const char full[] = "its disk is full; make room, nothing that was acknowledged is lost";
static const char read_only[] = "it cannot be written; check its owner and mode, and that its file "
                                "system is mounted for writing";

/* What to do about it; NULL: SQLite's own words must do. */
static const char *advice(int code, int cause)
{
    switch (code & 0xff) {
    case SQLITE_FULL:
        return full;
    case SQLITE_READONLY:
    case SQLITE_PERM:
        return read_only;
    case SQLITE_BUSY:
    case SQLITE_LOCKED:
        return "another program holds it locked; close what has it open";
    case SQLITE_CANTOPEN:
        return "it cannot be opened; check its owner and mode";
    case SQLITE_IOERR:
        return cause == EROFS                       ? read_only
               : cause == ENOSPC || cause == EDQUOT ? full
                                                    : "its disk failed; look at the system's log";
    default:
        return NULL;
    }
}

static bool is_damage(int code)
{
    return (code & 0xff) == SQLITE_CORRUPT || (code & 0xff) == SQLITE_NOTADB;
}

bool database_fail(struct database *database, struct error *err)
{
    int code = sqlite3_extended_errcode(database->db);
    const char *says = sqlite3_errmsg(database->db);
    const char *what = advice(code, sqlite3_system_errno(database->db));
    const char *name = database->form->name;

    database->was_full = what == full;
    if (is_damage(code))
        return error_set(err, ERROR_MISMATCH, "%s %s: it is damaged; %s; SQLite: %s (%d)", name,
                         database->path, database->form->when_damaged, says, code);
    if (what == NULL)
        return error_set(err, ERROR_IO, "%s %s: SQLite says: %s (%d)", name, database->path, says,
                         code);
    return error_set(err, ERROR_IO, "%s %s: %s; SQLite: %s (%d)", name, database->path, what, says,
                     code);
}

bool database_execute(struct database *database, const char *sql, struct error *err)
{
    return sqlite3_exec(database->db, sql, NULL, NULL, NULL) == SQLITE_OK ||
           database_fail(database, err);
}

/* ---- opening */

void database_save_memory(void)
{
    int result = sqlite3_config(SQLITE_CONFIG_PAGECACHE, NULL, 0, 0);

    assert(result == SQLITE_OK); /* SQLite was not in use */
}

static bool check_version(struct database *database, bool *is_new, struct error *err)
{
    sqlite3_stmt *statement = NULL;
    int version = -1;

    if (sqlite3_prepare_v2(database->db, "PRAGMA user_version", -1, &statement, NULL) ==
            SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_ROW)
        version = sqlite3_column_int(statement, 0);
    else
        database_fail(database, err);
    sqlite3_finalize(statement);
    *is_new = version == 0;
    if (version <= database->form->version)
        return version >= 0;
    return error_set(err, ERROR_UNSUPPORTED,
                     "%s %s was written by a newer Causeway (version %d; this one knows %d)",
                     database->form->name, database->path, version, database->form->version);
}

/* SQLite gives its other files the mode of this one. */
static bool make_file(const struct database *database, struct error *err)
{
    int fd = open(database->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);

    if (fd < 0)
        return error_set_errno(err, "%s %s cannot be opened for writing", database->form->name,
                               database->path);
    close(fd);
    return true;
}

static bool set_pragmas(struct database *database, struct error *err)
{
    struct text sql = {0};
    bool is_set;

    text_put_format(&sql,
                    "%s PRAGMA cell_size_check = ON; PRAGMA trusted_schema = OFF;"
                    " PRAGMA cache_size = -%d;",
                    database->form->is_reader
                        ? "PRAGMA query_only = ON;"
                        : "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;",
                    database->form->cache_kib);
    is_set = database_execute(database, sql.data, err);
    text_dispose(&sql);
    return is_set;
}

static void begin(struct database *database, const struct database_form *form, const char *folder,
                  const char *file)
{
    struct text path = {0};

    text_put_format(&path, "%s/%s", folder, file);
    *database = (struct database){.form = form, .path = path.data};
    database->statements = memory_alloc(form->count * sizeof(sqlite3_stmt *));
}

bool database_open(struct database *database, const struct database_form *form, const char *folder,
                   const char *file, bool *is_new, struct error *err)
{
    begin(database, form, folder, file);
    if (!form->is_reader && !make_file(database, err))
        return false;
    if (sqlite3_open_v2(database->path, &database->db, OPEN_FLAGS, NULL) != SQLITE_OK)
        return database_fail(database, err);
    sqlite3_extended_result_codes(database->db, 1);
    sqlite3_busy_timeout(database->db, BUSY_TIMEOUT_MS);
    return set_pragmas(database, err) && check_version(database, is_new, err);
}

static const char scratch_settings[] = "PRAGMA journal_mode = OFF;"
                                       "PRAGMA synchronous = OFF;"
                                       "PRAGMA locking_mode = EXCLUSIVE;";

/* What SQLite would allot in advance is more than what most of them need. */
static bool set_up_scratch(struct database *database, const char *schema, struct error *err)
{
    struct text sql = {0};
    bool is_set;

    if (sqlite3_open_v2(database->path, &database->db, OPEN_FLAGS, NULL) != SQLITE_OK)
        return database_fail(database, err);
    sqlite3_extended_result_codes(database->db, 1);
    sqlite3_db_config(database->db, SQLITE_DBCONFIG_LOOKASIDE, NULL, 0, 0);
    text_put_format(&sql, "%sPRAGMA cache_size = -%d; BEGIN; %s", scratch_settings,
                    database->form->cache_kib, schema);
    is_set = database_execute(database, sql.data, err);
    text_dispose(&sql);
    return is_set;
}

bool database_open_scratch(struct database *database, const struct database_form *form,
                           const char *folder, const char *schema, struct error *err)
{
    bool is_open;
    int fd;

    begin(database, form, folder, "scratch-XXXXXX");
    fd = mkstemp(database->path);
    if (fd < 0)
        return error_set_errno(err, "%s cannot be made in %s", form->name, folder);
    close(fd);
    is_open = set_up_scratch(database, schema, err);
    unlink(database->path); /* SQLite has it open */
    return is_open;
}

void database_close(struct database *database)
{
    int result;

    for (size_t i = 0; database->statements != NULL && i < database->form->count; i++)
        sqlite3_finalize(database->statements[i]);
    result = sqlite3_close(database->db);
    assert(result == SQLITE_OK);
    free(database->statements);
    free(database->path);
    *database = (struct database){0};
}

/* ---- statements */

sqlite3_stmt *database_prepare(struct database *database, size_t number, struct error *err)
{
    sqlite3_stmt **prepared = &database->statements[number];

    if (*prepared == NULL &&
        sqlite3_prepare_v3(database->db, database->form->texts[number], -1,
                           SQLITE_PREPARE_PERSISTENT, prepared, NULL) != SQLITE_OK)
        database_fail(database, err);
    return *prepared;
}

void database_bind_bytes(sqlite3_stmt *statement, int parameter, struct slice bytes)
{
    int result = sqlite3_bind_blob64(statement, parameter, bytes.size > 0 ? bytes.data : "",
                                     bytes.size, SQLITE_STATIC);

    assert(result == SQLITE_OK);
}

void database_bind_number(sqlite3_stmt *statement, int parameter, uint64_t value)
{
    int result;

    assert(value <= INT64_MAX);
    result = sqlite3_bind_int64(statement, parameter, (int64_t)value);
    assert(result == SQLITE_OK);
}

bool database_finish(struct database *database, sqlite3_stmt *statement, struct error *err)
{
    bool is_done = sqlite3_step(statement) == SQLITE_DONE || database_fail(database, err);

    sqlite3_reset(statement);
    return is_done;
}

bool database_step(struct database *database, sqlite3_stmt *statement, struct error *err)
{
    int result = sqlite3_step(statement);

    if (result == SQLITE_ROW)
        return true;
    if (result != SQLITE_DONE)
        database_fail(database, err);
    sqlite3_reset(statement);
    return false;
}

bool database_run(struct database *database, size_t number, struct error *err)
{
    sqlite3_stmt *statement = database_prepare(database, number, err);

    return statement != NULL && database_finish(database, statement, err);
}

void database_rollback(struct database *database)
{
    if (sqlite3_get_autocommit(database->db) == 0)
        (void)sqlite3_exec(database->db, "ROLLBACK", NULL, NULL, NULL);
}

uint64_t database_number(sqlite3_stmt *statement, int column)
{
    sqlite3_int64 value = sqlite3_column_int64(statement, column);

    return value < 0 ? 0 : (uint64_t)value;
}

struct slice database_bytes(sqlite3_stmt *statement, int column)
{
    const char *bytes = sqlite3_column_blob(statement, column); /* before its size is asked for */

    return (struct slice){bytes, (size_t)sqlite3_column_bytes(statement, column)};
}
