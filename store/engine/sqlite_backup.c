// SPDX-License-Identifier: Apache-2.0
#include "store/backup.h"

#include "conf/memory.h"
#include "store/engine/sqlite.h"

#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUSY_TIMEOUT_MS = 5000 };

bool sqlite_open_beside(struct sqlite *sqlite, const char *path, int flags, struct error *err)
{
    *sqlite = (struct sqlite){.path = memory_copy_text(path)};
    if (sqlite3_open_v2(path, &sqlite->db, flags | SQLITE_OPEN_NOMUTEX, NULL) != SQLITE_OK)
        return sqlite_fail(sqlite, err);
    sqlite3_extended_result_codes(sqlite->db, 1);
    sqlite3_busy_timeout(sqlite->db, BUSY_TIMEOUT_MS);
    return sqlite_execute(sqlite,
                          "PRAGMA synchronous = FULL; PRAGMA trusted_schema = OFF;"
                          "PRAGMA cell_size_check = ON; PRAGMA foreign_keys = ON",
                          err);
}

void sqlite_close_beside(struct sqlite *sqlite)
{
    for (size_t i = 0; i < STATEMENT_COUNT; i++)
        sqlite3_finalize(sqlite->statements[i]);
    sqlite3_close(sqlite->db);
    free(sqlite->path);
}

static bool sync_path(const char *path, int flags, struct error *err)
{
    int fd = open(path, flags | O_CLOEXEC);
    bool is_synced = fd >= 0 && fsync(fd) == 0;

    if (!is_synced)
        error_set_errno(err, "%s cannot be synced", path);
    if (fd >= 0)
        close(fd);
    return is_synced;
}

bool sqlite_sync_folder_of(const char *path, struct error *err)
{
    const char *slash = strrchr(path, '/');
    char *folder =
        slash == NULL ? memory_copy_text(".") : memory_copy(path, (size_t)(slash - path) + 1);
    bool is_synced = sync_path(folder, O_RDONLY | O_DIRECTORY, err);

    free(folder);
    return is_synced;
}

/* ---- copying */

static bool vacuum_into(struct sqlite *sqlite, const char *path, struct error *err)
{
    sqlite3_stmt *statement = NULL;
    bool is_done =
        sqlite3_prepare_v2(sqlite->db, "VACUUM INTO ?1", -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_bind_text(statement, 1, path, -1, SQLITE_STATIC) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_DONE;

    if (!is_done)
        sqlite_fail(sqlite, err);
    sqlite3_finalize(statement);
    return is_done;
}

/* An empty file of our own, which SQLite fills: its own would have the mode of the umask. */
static bool make_file(const char *path, struct error *err)
{
    int fd;

    if (unlink(path) != 0 && errno != ENOENT)
        return error_set_errno(err, "%s cannot be removed", path);
    fd = open(path, O_RDWR | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return error_set_errno(err, "%s cannot be made", path);
    close(fd);
    return true;
}

bool sqlite_copy(const char *from, const char *to, int flags, struct error *err)
{
    struct sqlite sqlite;
    bool is_copied;

    if (!make_file(to, err))
        return false;
    is_copied = sqlite_open_beside(&sqlite, from, flags, err) && vacuum_into(&sqlite, to, err);
    sqlite_close_beside(&sqlite);
    return is_copied && sync_path(to, O_RDONLY, err);
}

bool backup_write(const char *folder, const char *path, uint64_t *bytes, struct error *err)
{
    struct text ledger = {0}, part = {0};
    struct stat status;
    bool is_done;

    text_put_format(&ledger, "%s/ledger.db", folder);
    text_put_format(&part, "%s.part", path);
    is_done = lstat(path, &status) != 0 ||
              error_set(err, ERROR_REFUSED, "%s is there already; name a file that is not", path);
    is_done = is_done && sqlite_copy(ledger.data, part.data, SQLITE_OPEN_READWRITE, err);
    if (is_done && link(part.data, path) != 0) /* and not rename: what came meanwhile stays */
        is_done = error_set_errno(err, "%s cannot be made", path);
    unlink(part.data);
    is_done = is_done && sqlite_sync_folder_of(path, err);
    *bytes = is_done && stat(path, &status) == 0 ? (uint64_t)status.st_size : 0;
    text_dispose(&ledger);
    text_dispose(&part);
    return is_done;
}

/* ---- checking */

static bool check_file(struct sqlite *sqlite, struct backup_check *check, struct error *err)
{
    sqlite3_stmt *statement = NULL;
    int result;

    if (sqlite3_prepare_v2(sqlite->db, "PRAGMA integrity_check(100)", -1, &statement, NULL) !=
        SQLITE_OK)
        return sqlite_fail(sqlite, err);
    while ((result = sqlite3_step(statement)) == SQLITE_ROW) {
        const char *text = (const char *)sqlite3_column_text(statement, 0);

        if (text != NULL && strcmp(text, "ok") == 0)
            continue;
        if (check->faults++ == 0)
            snprintf(check->first, sizeof(check->first), "%s", text == NULL ? "" : text);
    }
    sqlite3_finalize(statement);
    return result == SQLITE_DONE || sqlite_fail(sqlite, err);
}

static bool check_records(struct sqlite *sqlite, struct backup_check *check, struct error *err)
{
    struct usage_recount recount = {0};

    if (!sqlite_check_version(sqlite, check->uuid, err) || !sqlite_recount(sqlite, &recount, err) ||
        !sqlite_count(sqlite, "SELECT restored_ms FROM ledger", &check->restored_ms, err) ||
        !sqlite_count(sqlite, "SELECT count(*) FROM journal", &check->intents, err) ||
        !sqlite_count(sqlite, "SELECT count(*) FROM object WHERE is_doubtful", &check->doubtful,
                      err) ||
        !sqlite_count(sqlite, "SELECT count(*) FROM link", &check->links, err) ||
        !sqlite_count(sqlite, "SELECT count(*) FROM allocation", &check->allocations, err))
        return false;
    check->accounts = recount.accounts;
    check->different = recount.different;
    check->org = recount.org;
    return true;
}

bool backup_check(const char *folder, struct backup_check *check, struct error *err)
{
    struct text path = {0};
    struct sqlite sqlite;
    bool is_done;

    *check = (struct backup_check){0};
    text_put_format(&path, "%s/ledger.db", folder);
    is_done = sqlite_open_beside(&sqlite, path.data, SQLITE_OPEN_READWRITE, err) &&
              sqlite_execute(&sqlite, "BEGIN", err) && check_file(&sqlite, check, err) &&
              check_records(&sqlite, check, err);
    sqlite_close_beside(&sqlite);
    text_dispose(&path);
    return is_done;
}
