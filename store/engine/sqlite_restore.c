// SPDX-License-Identifier: Apache-2.0
#include "conf/memory.h"
#include "store/backup.h"
#include "store/engine/sqlite.h"
#include "store/lock.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>
#include <unistd.h>

struct restore {
    struct text ledger; /* FOLDER/ledger.db */
    struct text fresh;  /* FOLDER/ledger.db.restoring: what will take its place */
    struct text *kept;  /* FOLDER/ledger.db.replaced-TIME */
    bool has_old;
};

/* What keeps people out is newer in the ledger that is replaced: it is carried over, so that a
 * token that was revoked since, or a member that was suspended, is not let in again. */
static const char carry_people[] =
    "DELETE FROM token; INSERT INTO token SELECT * FROM old.token;"
    "DELETE FROM suspended; INSERT INTO suspended SELECT * FROM old.suspended;"
    "DELETE FROM denied; INSERT INTO denied SELECT * FROM old.denied;"
    "DELETE FROM quota_window; INSERT INTO quota_window SELECT * FROM old.quota_window;"
    "UPDATE ledger SET audit_sequence = (SELECT audit_sequence FROM old.ledger), "
    "audit_hash = (SELECT audit_hash FROM old.ledger) "
    "WHERE audit_sequence < (SELECT audit_sequence FROM old.ledger);";

/* So is what is known of partners: an epoch that ended since stays ended, and no number counts as
 * new again. A link that the backup knows in a later epoch stays the backup's (the one that is
 * replaced was restored itself), and learns what ended. Kept replies and allocations are the
 * backup's, as are the pins: an effect and the reply to who asked for it stay together, and what is
 * missing of both the partners' statements say. */
static const char carry_links[] =
    "UPDATE link SET ended_epoch = max(ended_epoch, "
    "(SELECT o.ended_epoch FROM old.link AS o WHERE o.id = link.id)) WHERE EXISTS "
    "(SELECT 1 FROM old.link AS o WHERE o.id = link.id AND o.epoch < link.epoch);"
    "DELETE FROM link WHERE EXISTS (SELECT 1 FROM old.link AS o "
    "WHERE (o.partner = link.partner OR o.id = link.id) AND NOT "
    "(o.partner = link.partner AND o.id = link.id AND o.epoch < link.epoch));"
    "INSERT OR IGNORE INTO link SELECT * FROM old.link;"
    "UPDATE link SET is_restored = 1;"
    "DELETE FROM link_history; INSERT INTO link_history SELECT * FROM old.link_history;"
    "INSERT INTO link_sequence SELECT * FROM old.link_sequence WHERE true "
    "ON CONFLICT (link, is_ours, node) DO UPDATE SET incarnation = excluded.incarnation, "
    "claimed = CASE WHEN incarnation = excluded.incarnation "
    "THEN max(claimed, excluded.claimed) ELSE excluded.claimed END;"
    "DELETE FROM link_sequence WHERE link NOT IN (SELECT id FROM link);"
    "DELETE FROM link_settled WHERE link NOT IN (SELECT id FROM link);"
    "DELETE FROM link_reply WHERE link NOT IN (SELECT id FROM link);";

/* The journal last: its changes are counted. */
static const char mark[] =
    "UPDATE object SET is_doubtful = 1; UPDATE link SET is_restored = 1;"
    "UPDATE allocation SET is_restored = 1; UPDATE journal SET is_restored = 1";

/* ---- the fresh ledger, before anybody sees it */

static bool attach(struct sqlite *sqlite, const char *path)
{
    sqlite3_stmt *statement = NULL;
    bool is_done =
        sqlite3_prepare_v2(sqlite->db, "ATTACH ?1 AS old", -1, &statement, NULL) == SQLITE_OK &&
        sqlite3_bind_text(statement, 1, path, -1, SQLITE_STATIC) == SQLITE_OK &&
        sqlite3_step(statement) == SQLITE_DONE;

    sqlite3_finalize(statement);
    return is_done;
}

/* The same ledger, of the same schema, and whole as far as it is read? Else nothing is carried. */
static bool carry_over(struct sqlite *sqlite, const struct restore *restore)
{
    static const char same[] =
        "SELECT (SELECT uuid FROM main.ledger) = (SELECT uuid FROM old.ledger) AND "
        "(SELECT max(version) FROM main.schema_version) = "
        "(SELECT max(version) FROM old.schema_version)";
    sqlite3_stmt *statement = NULL;
    struct error ignored = {0};
    bool is_same;

    if (!restore->has_old || !attach(sqlite, restore->ledger.data))
        return false;
    is_same = sqlite3_prepare_v2(sqlite->db, same, -1, &statement, NULL) == SQLITE_OK &&
              sqlite3_step(statement) == SQLITE_ROW && sqlite3_column_int(statement, 0) == 1;
    sqlite3_finalize(statement);
    if (!is_same || !sqlite_execute(sqlite, "BEGIN IMMEDIATE", &ignored))
        return false;
    if (sqlite_execute(sqlite, carry_people, &ignored) &&
        sqlite_execute(sqlite, carry_links, &ignored) && sqlite_execute(sqlite, "COMMIT", &ignored))
        return true;
    if (sqlite3_get_autocommit(sqlite->db) == 0)
        sqlite3_exec(sqlite->db, "ROLLBACK", NULL, NULL, NULL);
    return false;
}

static bool check_backup(struct sqlite *sqlite, const char *path, struct error *err)
{
    sqlite3_stmt *statement = NULL;
    bool is_whole = sqlite3_prepare_v2(sqlite->db, "PRAGMA quick_check(1)", -1, &statement, NULL) ==
                        SQLITE_OK &&
                    sqlite3_step(statement) == SQLITE_ROW &&
                    strcmp((const char *)sqlite3_column_text(statement, 0), "ok") == 0;

    sqlite3_finalize(statement);
    return is_whole ||
           error_set(err, ERROR_MISMATCH, "the backup %s is damaged; restore another", path);
}

static bool mark_all(struct sqlite *sqlite, uint64_t now_ms, struct backup_restored *restored,
                     struct error *err)
{
    char sql[128];

    snprintf(sql, sizeof(sql), "UPDATE ledger SET restored_ms = %llu", (unsigned long long)now_ms);
    if (!sqlite_execute(sqlite, "BEGIN IMMEDIATE", err) || !sqlite_execute(sqlite, mark, err))
        return false;
    restored->intents = (uint64_t)sqlite3_changes(sqlite->db); /* of the last of them */
    return sqlite_execute(sqlite, sql, err) && sqlite_execute(sqlite, "COMMIT", err) &&
           sqlite_count(sqlite, "SELECT count(*) FROM object", &restored->doubtful, err);
}

static bool prepare(const struct restore *restore, const char *path, uint64_t now_ms,
                    struct backup_restored *restored, struct error *err)
{
    char uuid[RECORD_UUID_SIZE];
    struct sqlite sqlite;
    bool is_done;

    if (!sqlite_copy(path, restore->fresh.data, SQLITE_OPEN_READONLY, err))
        return false;
    is_done = sqlite_open_beside(&sqlite, restore->fresh.data, SQLITE_OPEN_READWRITE, err) &&
              check_backup(&sqlite, path, err) && sqlite_migrate(&sqlite, uuid, err) &&
              mark_all(&sqlite, now_ms, restored, err);
    if (is_done)
        restored->is_carried = carry_over(&sqlite, restore);
    is_done = is_done && sqlite_count(&sqlite, "SELECT count(*) FROM link", &restored->links, err);
    sqlite_close_beside(&sqlite);
    return is_done;
}

/* ---- changing places */

/* A write-ahead log must not meet another file of its name: it goes with its own. */
static bool put_aside(const char *ledger, const char *kept, const char *suffix, bool stays,
                      struct error *err)
{
    struct text from = {0}, to = {0};
    bool is_done;

    text_put_format(&from, "%s%s", ledger, suffix);
    text_put_format(&to, "%s%s", kept, suffix);
    is_done = (stays ? link(from.data, to.data) : rename(from.data, to.data)) == 0 ||
              errno == ENOENT ||
              error_set_errno(err, "%s cannot be put aside as %s", from.data, to.data);
    text_dispose(&from);
    text_dispose(&to);
    return is_done;
}

/* At every moment there is a ledger of that name. */
static bool swap(const struct restore *restore, struct error *err)
{
    const char *ledger = restore->ledger.data;

    if (restore->has_old && (!put_aside(ledger, restore->kept->data, "", true, err) ||
                             !put_aside(ledger, restore->kept->data, "-wal", false, err)))
        return false;
    if (restore->has_old)
        (void)put_aside(ledger, restore->kept->data, "-shm", false, NULL); /* made anew anyway */
    if (rename(restore->fresh.data, ledger) != 0)
        return error_set_errno(err, "%s cannot take its place", restore->fresh.data);
    return sqlite_sync_folder_of(ledger, err);
}

static void name_files(struct restore *restore, const char *folder, uint64_t now_ms,
                       struct backup_restored *restored)
{
    time_t now = (time_t)(now_ms / 1000);
    char when[32];
    struct tm parts;

    strftime(when, sizeof(when), "%Y%m%dT%H%M%SZ", gmtime_r(&now, &parts));
    text_put_format(&restore->ledger, "%s/ledger.db", folder);
    text_put_format(&restore->fresh, "%s/ledger.db.restoring", folder);
    restore->kept = &restored->kept;
    restore->has_old = access(restore->ledger.data, F_OK) == 0;
    if (restore->has_old)
        text_put_format(restore->kept, "%s.replaced-%s", restore->ledger.data, when);
}

bool backup_restore(const char *folder, const char *path, uint64_t now_ms,
                    struct backup_restored *restored, struct error *err)
{
    struct restore restore = {0};
    bool is_done;
    int lock_fd;

    *restored = (struct backup_restored){0};
    if (access(path, R_OK) != 0)
        return error_set_errno(err, "the backup %s cannot be read", path);
    if (!lock_take(folder, &lock_fd, err))
        return false;
    name_files(&restore, folder, now_ms, restored);
    is_done = prepare(&restore, path, now_ms, restored, err) && swap(&restore, err);
    if (!is_done)
        unlink(restore.fresh.data);
    lock_give(&lock_fd);
    text_dispose(&restore.ledger);
    text_dispose(&restore.fresh);
    return is_done;
}
