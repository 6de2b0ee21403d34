// SPDX-License-Identifier: Apache-2.0
/* A ledger that cannot be written: its disk is full, or read-only, or fails; another program holds
 * it; a page is damaged. Clear errors, reads go on, nothing is lost, and writing goes on when the
 * trouble is over. */
#include "kit.h"
#include "store/engine.h"

#include <errno.h>
#include <fcntl.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <sys/stat.h>

/* What every write of SQLite meets; 0: none. */
static atomic_int trouble;

static ssize_t write_unless_in_trouble(int fd, const void *bytes, size_t size, off_t offset)
{
    if (trouble == 0)
        return pwrite(fd, bytes, size, offset);
    errno = trouble;
    return -1;
}

static void replace_write(void)
{
    sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
    sqlite3_syscall_ptr function = (sqlite3_syscall_ptr)write_unless_in_trouble;

    assert_int_equal(vfs->xSetSystemCall(vfs, "pwrite", function), SQLITE_OK);
    assert_int_equal(vfs->xSetSystemCall(vfs, "pwrite64", function), SQLITE_OK);
}

static struct engine *open_engine(struct kit *kit)
{
    char uuid[RECORD_UUID_SIZE];
    struct engine *engine;
    struct error err = {0};

    if (mkdir(kit->folder, 0700) != 0)
        assert_int_equal(errno, EEXIST);
    if (!engine_sqlite.open(&engine, kit->folder, uuid, &err))
        fail_msg("%s", err.text);
    return engine;
}

static void run_one(struct engine *engine, struct transaction *transaction)
{
    struct error err = {0};

    if (!engine_sqlite.run(engine, &transaction, 1, &err))
        fail_msg("%s", err.text);
    assert_int_equal(transaction->err.code, ERROR_NONE);
    transaction_destroy(&transaction);
}

static struct transaction *get(unsigned n)
{
    struct transaction *get = transaction_create(TRANSACTION_TOKEN_GET);

    kit_token_id(get->token_get.id, n);
    return get;
}

/* One group of a write, reads and a write: the writes fail with text, the reads are answered as
 * they were before. */
static void expect_reads_alone(struct engine *engine, const char *text)
{
    struct transaction *group[] = {kit_token_add(2, "bob"), get(1), get(2),
                                   kit_token_add(3, "carol")};
    struct error err = {0};

    if (!engine_sqlite.run(engine, group, ARRAY_SIZE(group), &err))
        fail_msg("%s", err.text);
    for (size_t i = 0; i < ARRAY_SIZE(group); i += 3) {
        assert_int_equal(group[i]->err.code, ERROR_IO);
        if (strstr(group[i]->err.text, text) == NULL)
            fail_msg("'%s' is not in: %s", text, group[i]->err.text);
    }
    assert_int_equal(group[1]->err.code, ERROR_NONE);
    assert_string_equal(group[1]->token_get.record.owner, "alice");
    assert_int_equal(group[2]->err.code, ERROR_NOT_FOUND);
    for (size_t i = 0; i < ARRAY_SIZE(group); i++)
        transaction_destroy(&group[i]);
}

static void test_reads_go_on_and_nothing_is_lost_while_nothing_can_be_written(void **state)
{
    static const struct {
        int cause;
        const char *text;
    } troubles[] = {
        {ENOSPC, "its disk is full; make room, nothing that was acknowledged is lost"},
        {EDQUOT, "its disk is full"},
        {EROFS, "it cannot be written; check the owner and mode"},
        {EIO, "its disk failed; look at the system's log"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(troubles); i++) {
        struct kit *kit;
        struct engine *engine;

        kit_setup_closed((void **)&kit);
        engine = open_engine(kit);
        replace_write();
        run_one(engine, kit_token_add(1, "alice"));
        trouble = troubles[i].cause;
        expect_reads_alone(engine, troubles[i].text);
        expect_reads_alone(engine, troubles[i].text);
        trouble = 0;
        run_one(engine, kit_token_add(2, "bob"));
        engine_sqlite.close(&engine);
        engine = open_engine(kit);
        run_one(engine, get(1));
        run_one(engine, get(2));
        engine_sqlite.close(&engine);
        kit_teardown((void **)&kit);
    }
}

static void test_reads_go_on_while_another_program_holds_the_ledger(void **state)
{
    struct kit *kit = *state;
    struct engine *engine = open_engine(kit);
    char path[160];
    sqlite3 *other;

    run_one(engine, kit_token_add(1, "alice"));
    kit_path(kit, "ledger.db", path);
    assert_int_equal(sqlite3_open(path, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    expect_reads_alone(engine, "another program holds it locked; close what has it open");
    assert_int_equal(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(other), SQLITE_OK);
    run_one(engine, kit_token_add(2, "bob"));
    engine_sqlite.close(&engine);
}

static off_t root_of(const char *path, const char *name)
{
    sqlite3_stmt *statement;
    char sql[128];
    sqlite3 *db;
    off_t page;

    snprintf(sql, sizeof(sql), "SELECT rootpage FROM sqlite_schema WHERE name = '%s'", name);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    page = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    return (page - 1) * 4096;
}

static void test_what_is_not_damaged_is_read_beside_what_is(void **state)
{
    static char junk[4096];
    struct kit *kit = *state;
    struct engine *engine = open_engine(kit);
    struct transaction *add = transaction_create(TRANSACTION_MEMBER_SUSPEND);
    struct transaction *group[] = {NULL, get(1)};
    struct error err = {0};
    char path[160];
    int fd;

    run_one(engine, kit_token_add(1, "alice"));
    snprintf(add->member_suspend.record.member, ID_SIZE, "mia");
    run_one(engine, add);
    engine_sqlite.close(&engine);
    kit_path(kit, "ledger.db", path);
    memset(junk, 0x5a, sizeof(junk));
    fd = open(path, O_RDWR);
    assert_int_equal(pwrite(fd, junk, sizeof(junk), root_of(path, "suspended")), sizeof(junk));
    close(fd);

    engine = open_engine(kit);
    add = transaction_create(TRANSACTION_MEMBER_SUSPEND);
    snprintf(add->member_suspend.record.member, ID_SIZE, "zoe");
    group[0] = add;
    assert_true(engine_sqlite.run(engine, group, ARRAY_SIZE(group), &err));
    assert_int_equal(group[0]->err.code, ERROR_IO);
    assert_non_null(strstr(group[0]->err.text, "it is damaged, or no ledger; keep a copy"));
    assert_int_equal(group[1]->err.code, ERROR_NONE);
    transaction_destroy(&group[0]);
    transaction_destroy(&group[1]);
    engine_sqlite.close(&engine);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, kit_setup_closed, kit_teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_go_on_and_nothing_is_lost_while_nothing_can_be_written),
        TEST(test_reads_go_on_while_another_program_holds_the_ledger),
        TEST(test_what_is_not_damaged_is_read_beside_what_is),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
