// SPDX-License-Identifier: Apache-2.0
#include "store/engine/sqlite.h"

#include "conf/memory.h"

#include <assert.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

enum { BUSY_TIMEOUT_MS = 2000 };

static const sqlite_transaction transactions[] = {
    [TRANSACTION_TOKEN_ADD] = sqlite_token_add,
    [TRANSACTION_TOKEN_GET] = sqlite_token_get,
    [TRANSACTION_TOKEN_LIST] = sqlite_token_list,
    [TRANSACTION_TOKEN_ROTATE] = sqlite_token_rotate,
    [TRANSACTION_TOKEN_REVOKE] = sqlite_token_revoke,
    [TRANSACTION_TOKEN_USED] = sqlite_token_used,
    [TRANSACTION_TOKEN_PURGE] = sqlite_token_purge,
    [TRANSACTION_AUDIT_HEAD_GET] = sqlite_audit_head_get,
    [TRANSACTION_AUDIT_HEAD_SET] = sqlite_audit_head_set,
    [TRANSACTION_POLICY_PUT] = sqlite_policy_put,
    [TRANSACTION_POLICY_GET] = sqlite_policy_get,
    [TRANSACTION_POLICY_LIST] = sqlite_policy_list,
    [TRANSACTION_POLICY_ACTIVATE] = sqlite_policy_activate,
    [TRANSACTION_OBJECT_GET] = sqlite_object_get,
    [TRANSACTION_OBJECT_PUT] = sqlite_object_put,
    [TRANSACTION_OBJECT_LIST] = sqlite_object_list,
    [TRANSACTION_PIN_ADD] = sqlite_pin_add,
    [TRANSACTION_PIN_CONFIRM] = sqlite_pin_confirm,
    [TRANSACTION_PIN_EDIT] = sqlite_pin_edit,
    [TRANSACTION_PIN_FAIL] = sqlite_pin_fail,
    [TRANSACTION_PIN_MARK] = sqlite_pin_mark,
    [TRANSACTION_PIN_TRANSFER] = sqlite_pin_transfer,
    [TRANSACTION_PIN_REMOVE] = sqlite_pin_remove,
    [TRANSACTION_PIN_LIST] = sqlite_pin_list,
    [TRANSACTION_PIN_EXPIRED] = sqlite_pin_expired,
    [TRANSACTION_OWNER_LIST] = sqlite_owner_list,
    [TRANSACTION_OWNER_MARK] = sqlite_owner_mark,
    [TRANSACTION_USAGE_GET] = sqlite_usage_get,
    [TRANSACTION_USAGE_RECOUNT] = sqlite_usage_recount,
    [TRANSACTION_JOURNAL_OPEN] = sqlite_journal_open,
    [TRANSACTION_JOURNAL_CLOSE] = sqlite_journal_close,
    [TRANSACTION_JOURNAL_LIST] = sqlite_journal_list,
    [TRANSACTION_WINDOW_PUT] = sqlite_window_put,
    [TRANSACTION_WINDOW_LIST] = sqlite_window_list,
    [TRANSACTION_DENY_ADD] = sqlite_deny_add,
    [TRANSACTION_DENY_REMOVE] = sqlite_deny_remove,
    [TRANSACTION_DENY_LIST] = sqlite_deny_list,
    [TRANSACTION_DENY_FIND] = sqlite_deny_find,
    [TRANSACTION_MEMBER_SUSPEND] = sqlite_member_suspend,
    [TRANSACTION_MEMBER_RESUME] = sqlite_member_resume,
    [TRANSACTION_MEMBER_LIST] = sqlite_member_list,
    [TRANSACTION_LINK_PUT] = sqlite_link_put,
    [TRANSACTION_LINK_GET] = sqlite_link_get,
    [TRANSACTION_LINK_LIST] = sqlite_link_list,
    [TRANSACTION_LINK_EVENT_ADD] = sqlite_link_event_add,
    [TRANSACTION_LINK_EVENT_LIST] = sqlite_link_event_list,
    [TRANSACTION_SEQUENCE_CLAIM] = sqlite_sequence_claim,
    [TRANSACTION_SEQUENCE_LIST] = sqlite_sequence_list,
    [TRANSACTION_REPLY_PUT] = sqlite_reply_put,
    [TRANSACTION_REPLY_SETTLE] = sqlite_reply_settle,
    [TRANSACTION_REPLY_LIST] = sqlite_reply_list,
    [TRANSACTION_ALLOCATION_PUT] = sqlite_allocation_put,
    [TRANSACTION_ALLOCATION_GET] = sqlite_allocation_get,
    [TRANSACTION_ALLOCATION_LIST] = sqlite_allocation_list,
    [TRANSACTION_ALLOCATION_REMOVE] = sqlite_allocation_remove,
    [TRANSACTION_ALLOCATION_SUM] = sqlite_allocation_sum,
};

_Static_assert(ARRAY_SIZE(transactions) == TRANSACTION_COUNT, "every transaction has a function");

/* ---- opening */

/* SQLite gives its other files the mode of this one. */
static bool make_file(const struct sqlite *sqlite, struct error *err)
{
    int fd = open(sqlite->path, O_RDWR | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
    struct stat status;
    bool is_fine = fd >= 0 && fstat(fd, &status) == 0 &&
                   ((status.st_mode & 077) == 0 || fchmod(fd, 0600) == 0);

    if (!is_fine)
        error_set_errno(err, "the ledger %s cannot be opened for writing", sqlite->path);
    if (fd >= 0)
        close(fd);
    return is_fine;
}

/* cell_size_check and trusted_schema: a damaged or a foreign file is found early, and runs nothing
 * of its own. 32 MiB of pages in memory: what many members' pins touch at once. */
static const char settings[] = "PRAGMA journal_mode = WAL;"
                               "PRAGMA synchronous = FULL;"
                               "PRAGMA foreign_keys = ON;"
                               "PRAGMA cell_size_check = ON;"
                               "PRAGMA trusted_schema = OFF;"
                               "PRAGMA cache_size = -32768;";

static bool set_up(struct sqlite *sqlite, char uuid[RECORD_UUID_SIZE], struct error *err)
{
    int flags = SQLITE_OPEN_READWRITE | SQLITE_OPEN_NOMUTEX | SQLITE_OPEN_NOFOLLOW;

    if (!make_file(sqlite, err))
        return false;
    if (sqlite3_open_v2(sqlite->path, &sqlite->db, flags, NULL) != SQLITE_OK)
        return sqlite_fail(sqlite, err);
    sqlite3_extended_result_codes(sqlite->db, 1);
    sqlite3_busy_timeout(sqlite->db, BUSY_TIMEOUT_MS);
    return sqlite_execute(sqlite, settings, err) && sqlite_migrate(sqlite, uuid, err);
}

static void close_engine(struct engine **engine)
{
    struct sqlite *sqlite = (struct sqlite *)*engine;
    int result;

    if (sqlite == NULL)
        return;
    *engine = NULL;
    for (size_t i = 0; i < STATEMENT_COUNT; i++)
        sqlite3_finalize(sqlite->statements[i]);
    result = sqlite3_close(sqlite->db); /* folds the write-ahead log into the file */
    assert(result == SQLITE_OK);
    free(sqlite->path);
    free(sqlite);
}

static bool open_engine(struct engine **engine, const char *folder, char uuid[RECORD_UUID_SIZE],
                        struct error *err)
{
    struct sqlite *sqlite = memory_alloc(sizeof(*sqlite));
    struct text path = {0};

    text_put_format(&path, "%s/ledger.db", folder);
    sqlite->path = path.data;
    *engine = (struct engine *)sqlite;
    if (set_up(sqlite, uuid, err))
        return true;
    close_engine(engine);
    return false;
}

/* ---- running a group */

static bool run_plain(struct sqlite *sqlite, enum statement statement, struct error *err)
{
    struct sqlite_run run;

    return sqlite_begin(&run, sqlite, statement, err) && sqlite_finish(&run);
}

/* Some failures (a full disk, a bad one) make SQLite give the whole group up at once. */
static bool is_given_up(const struct sqlite *sqlite)
{
    return sqlite3_get_autocommit(sqlite->db) != 0;
}

/* Runs one transaction, so that it changed nothing if it failed. False: the group is lost. */
static bool run_one(struct sqlite *sqlite, struct transaction *transaction, struct error *err)
{
    sqlite_transaction function = transactions[transaction->name];

    if (!transaction_writes(transaction->name)) {
        (void)function(sqlite, transaction, &transaction->err);
        return !is_given_up(sqlite) || error_copy(err, &transaction->err);
    }
    if (!run_plain(sqlite, STATEMENT_SAVEPOINT, err))
        return false;
    if (function(sqlite, transaction, &transaction->err))
        return run_plain(sqlite, STATEMENT_RELEASE, err);
    if (is_given_up(sqlite))
        return error_copy(err, &transaction->err);
    return run_plain(sqlite, STATEMENT_ROLLBACK_ONE, err) &&
           run_plain(sqlite, STATEMENT_RELEASE, err);
}

static bool has(struct transaction *const *group, size_t count, bool writes)
{
    for (size_t i = 0; i < count; i++)
        if (transaction_writes(group[i]->name) == writes)
            return true;
    return false;
}

/* All, or those alone that only read. */
static bool run_all(struct sqlite *sqlite, struct transaction *const *group, size_t count,
                    bool writes, struct error *err)
{
    if (!run_plain(sqlite, writes ? STATEMENT_BEGIN_WRITE : STATEMENT_BEGIN_READ, err))
        return false;
    for (size_t i = 0; i < count; i++)
        if ((writes || !transaction_writes(group[i]->name)) && !run_one(sqlite, group[i], err))
            return false;
    return run_plain(sqlite, STATEMENT_COMMIT, err);
}

static void give_up(struct sqlite *sqlite)
{
    if (!is_given_up(sqlite))
        sqlite3_exec(sqlite->db, "ROLLBACK", NULL, NULL, NULL);
    assert(is_given_up(sqlite));
}

/* Nothing can be written (a full disk, a lock): who only reads is answered all the same. */
static bool run_reads(struct sqlite *sqlite, struct transaction *const *group, size_t count,
                      struct error *err)
{
    struct error cause = *err;

    for (size_t i = 0; i < count; i++)
        group[i]->err = transaction_writes(group[i]->name) ? cause : (struct error){0};
    *err = (struct error){0};
    if (run_all(sqlite, group, count, false, err))
        return true;
    give_up(sqlite);
    *err = cause;
    for (size_t i = 0; i < count; i++)
        group[i]->err = (struct error){0};
    return false;
}

static bool run_group(struct engine *engine, struct transaction *const *group, size_t count,
                      struct error *err)
{
    struct sqlite *sqlite = (struct sqlite *)engine;
    bool writes = has(group, count, true);

    if (run_all(sqlite, group, count, writes, err))
        return true;
    give_up(sqlite);
    return writes && has(group, count, false) && run_reads(sqlite, group, count, err);
}

const struct engine_kind engine_sqlite = {
    .name = "sqlite",
    .open = open_engine,
    .close = close_engine,
    .run = run_group,
};
