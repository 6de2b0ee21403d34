// SPDX-License-Identifier: Apache-2.0
/* The files of the SQLite ledger: modes, schema, lock, crashes, full and damaged disks. */
#include "edit.h"
#include "kit.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <sqlite3.h>
#include <stdatomic.h>
#include <sys/stat.h>
#include <sys/wait.h>

static void expect_mode(const char *path, unsigned mode)
{
    struct stat status;

    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, mode);
}

/* The store must not open; returns the error's text. */
static struct error expect_refusal(struct kit *kit, enum error_code code)
{
    struct store_settings settings = {.folder = kit->folder};
    struct error err = {0};

    assert_false(store_open(&kit->store, &settings, &err));
    assert_null(kit->store);
    if (err.code != code)
        fail_msg("code %d: %s", err.code, err.text);
    return err;
}

static void expect_text(const struct error *err, const char *part)
{
    if (strstr(err->text, part) == NULL)
        fail_msg("'%s' is not in: %s", part, err->text);
}

static void test_ledger_is_its_owners_alone(void **state)
{
    struct kit *kit = *state;
    mode_t old = umask(0);
    char path[160];

    kit_open(kit);
    kit_run(kit, kit_token_add(1, "alice"), ERROR_NONE);
    umask(old);
    expect_mode(kit->folder, 0700);
    kit_path(kit, "ledger.db", path);
    expect_mode(path, 0600);
    kit_path(kit, "ledger.db-wal", path);
    expect_mode(path, 0600);
    kit_path(kit, "lock", path);
    expect_mode(path, 0600);
}

static void test_ledger_closes_a_folder_that_is_open_to_others(void **state)
{
    struct kit *kit = *state;
    char path[160];
    int fd;

    assert_int_equal(mkdir(kit->folder, 0755), 0);
    assert_int_equal(chmod(kit->folder, 0755), 0);
    kit_path(kit, "ledger.db", path);
    fd = open(path, O_CREAT | O_RDWR, 0644);
    assert_true(fd >= 0);
    close(fd);
    kit_open(kit);
    expect_mode(kit->folder, 0700);
    expect_mode(path, 0600);
}

static void test_ledger_keeps_its_uuid(void **state)
{
    struct kit *kit = *state;
    char first[RECORD_UUID_SIZE];

    kit_open(kit);
    snprintf(first, sizeof(first), "%s", store_uuid(kit->store));
    assert_int_equal(strlen(first), 36);
    assert_int_equal(first[14], '4');
    store_close(&kit->store);
    kit_open(kit);
    assert_string_equal(store_uuid(kit->store), first);
}

static void test_ledger_of_a_newer_program_is_refused(void **state)
{
    struct kit *kit = *state;
    struct error err;

    kit_open(kit);
    store_close(&kit->store);
    edit_database(kit->folder, "ledger.db", "INSERT INTO schema_version VALUES (99, 0)");
    err = expect_refusal(kit, ERROR_UNSUPPORTED);
    expect_text(&err, "has schema 99, and this program knows schemas up to 8");
    edit_database(kit->folder, "ledger.db", "DELETE FROM schema_version WHERE version = 99");
    kit_open(kit);
}

static void test_ledger_refuses_a_database_that_is_none(void **state)
{
    struct kit *kit = *state;
    struct error err;

    assert_int_equal(mkdir(kit->folder, 0700), 0);
    edit_database(kit->folder, "ledger.db", "CREATE TABLE recipes (name)");
    err = expect_refusal(kit, ERROR_UNSUPPORTED);
    expect_text(&err, "is an SQLite database, but no ledger");
}

static void overwrite(struct kit *kit, off_t from, size_t size)
{
    char path[160];
    char *junk = memory_alloc(size);
    int fd;

    memset(junk, 0x5a, size);
    kit_path(kit, "ledger.db", path);
    fd = open(path, O_RDWR);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, junk, size, from), size);
    close(fd);
    free(junk);
}

/* Where the tree of a table or an index begins in the file. */
static off_t root_of(struct kit *kit, const char *name)
{
    char path[160], sql[128];
    sqlite3_stmt *statement;
    sqlite3 *db;
    off_t page;

    kit_path(kit, "ledger.db", path);
    snprintf(sql, sizeof(sql), "SELECT rootpage FROM sqlite_schema WHERE name = '%s'", name);
    assert_int_equal(sqlite3_open(path, &db), SQLITE_OK);
    assert_int_equal(sqlite3_prepare_v2(db, sql, -1, &statement, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_step(statement), SQLITE_ROW);
    page = sqlite3_column_int64(statement, 0);
    sqlite3_finalize(statement);
    assert_int_equal(sqlite3_close(db), SQLITE_OK);
    return (page - 1) * 4096;
}

static void test_ledger_whose_head_is_damaged_is_refused(void **state)
{
    struct kit *kit = *state;
    struct error err;

    kit_open(kit);
    store_close(&kit->store);
    overwrite(kit, 0, 100);
    err = expect_refusal(kit, ERROR_IO);
    expect_text(&err, "it is damaged, or no ledger");
}

static void test_ledger_whose_records_are_damaged_says_so_when_they_are_read(void **state)
{
    struct kit *kit = *state;
    struct transaction *list = transaction_create(TRANSACTION_TOKEN_LIST);
    struct error err = {0};

    kit_open(kit);
    for (unsigned n = 0; n < 400; n++)
        kit_run(kit, kit_token_add(n, "alice"), ERROR_NONE);
    store_close(&kit->store);
    overwrite(kit, root_of(kit, "token"), 4096);
    kit_open(kit);
    list->token_list.limit = 1000;
    assert_false(store_run(kit->store, list, &err));
    assert_int_equal(err.code, ERROR_IO);
    expect_text(&err, "damaged");
    transaction_destroy(&list);
}

static void test_ledger_with_a_record_of_a_wrong_shape_says_so(void **state)
{
    struct kit *kit = *state;
    struct transaction *get = transaction_create(TRANSACTION_TOKEN_GET);
    struct error err = {0};

    kit_open(kit);
    kit_run(kit, kit_token_add(1, "alice"), ERROR_NONE);
    store_close(&kit->store);
    edit_database(kit->folder, "ledger.db",
                  "PRAGMA ignore_check_constraints = 1; UPDATE token SET secret_hash = x'0102'");
    kit_open(kit);
    kit_token_id(get->token_get.id, 1);
    assert_false(store_run(kit->store, get, &err));
    expect_text(&err, "column secret_hash has 2 bytes");
    transaction_destroy(&get);
}

static void test_ledger_in_a_place_that_cannot_be_is_refused(void **state)
{
    struct kit *kit = *state;
    char path[160];
    struct error err;
    struct store_settings settings = {.folder = "/proc/self/no/such/folder"};

    assert_int_equal(mkdir(kit->folder, 0700), 0);
    kit_path(kit, "ledger.db", path);
    assert_int_equal(mkdir(path, 0700), 0);
    err = expect_refusal(kit, ERROR_IO);
    expect_text(&err, "ledger.db cannot be opened for writing: Is a directory");
    err = (struct error){0};
    assert_false(store_open(&kit->store, &settings, &err));
    expect_text(&err, "cannot be made");
}

static void test_ledger_locked_by_another_program_fails_the_group_and_recovers(void **state)
{
    struct kit *kit = *state;
    struct transaction *add = kit_token_add(1, "alice");
    struct error err = {0};
    char path[160];
    sqlite3 *other;

    kit_open(kit);
    kit_path(kit, "ledger.db", path);
    assert_int_equal(sqlite3_open(path, &other), SQLITE_OK);
    assert_int_equal(sqlite3_exec(other, "BEGIN IMMEDIATE", NULL, NULL, NULL), SQLITE_OK);
    assert_false(store_run(kit->store, add, &err));
    assert_int_equal(err.code, ERROR_IO);
    expect_text(&err, "another program holds it locked");
    assert_int_equal(sqlite3_exec(other, "ROLLBACK", NULL, NULL, NULL), SQLITE_OK);
    assert_int_equal(sqlite3_close(other), SQLITE_OK);
    kit_run(kit, add, ERROR_NONE);
}

/* ---- in processes of their own */

/* Runs child in a process that can be killed; it writes what it has to say to a pipe. */
static pid_t start_child(struct kit *kit, void (*child)(struct kit *kit, int out), int *in)
{
    int ends[2];
    pid_t pid;

    assert_int_equal(pipe(ends), 0);
    pid = fork();
    assert_true(pid >= 0);
    if (pid == 0) {
        close(ends[0]);
        child(kit, ends[1]);
        _exit(0);
    }
    close(ends[1]);
    *in = ends[0];
    return pid;
}

static void say(int out, const void *bytes, size_t size)
{
    if (write(out, bytes, size) != (ssize_t)size)
        _exit(3);
}

static void hold_lock(struct kit *kit, int out)
{
    struct store_settings settings = {.folder = kit->folder};
    struct error err = {0};

    if (!store_open(&kit->store, &settings, &err))
        _exit(2);
    say(out, "o", 1);
    pause();
}

static void test_ledger_names_the_process_that_holds_it(void **state)
{
    struct kit *kit = *state;
    char byte, named[32];
    struct error err;
    int in;
    pid_t pid = start_child(kit, hold_lock, &in);

    assert_int_equal(read(in, &byte, 1), 1);
    err = expect_refusal(kit, ERROR_REFUSED);
    snprintf(named, sizeof(named), "in use by process %ld;", (long)pid);
    expect_text(&err, named);
    kill(pid, SIGKILL);
    assert_int_equal(waitpid(pid, NULL, 0), pid);
    close(in);
    kit_open(kit); /* the lock died with its holder, though its file is still there */
}

static void test_ledger_cannot_be_opened_twice_by_one_process(void **state)
{
    struct kit *kit = *state;
    struct store *first;
    char named[32];
    struct error err;

    kit_open(kit);
    first = kit->store;
    err = expect_refusal(kit, ERROR_REFUSED);
    snprintf(named, sizeof(named), "in use by process %ld;", (long)getpid());
    expect_text(&err, named);
    kit->store = first;
    kit_run(kit, kit_token_add(1, "alice"), ERROR_NONE);
}

/* Adds tokens for ever, and says each number once it was acknowledged. */
static void add_for_ever(struct kit *kit, int out)
{
    unsigned first = 0;
    struct transaction *list;
    struct error err = {0};

    kit_open(kit);
    list = transaction_create(TRANSACTION_TOKEN_LIST);
    list->token_list.limit = 100000;
    if (!store_run(kit->store, list, &err))
        _exit(2);
    first = (unsigned)list->token_list.count;
    transaction_destroy(&list);
    for (unsigned n = first;; n++) {
        struct transaction *add = kit_token_add(n, "alice");

        if (!store_run(kit->store, add, &err))
            _exit(2);
        transaction_destroy(&add);
        say(out, &n, sizeof(n));
    }
}

static void test_ledger_keeps_what_it_acknowledged_through_kill_9(void **state)
{
    struct kit *kit = *state;
    unsigned acknowledged = 0;

    for (unsigned round = 0; round < 10; round++) {
        struct transaction *list = transaction_create(TRANSACTION_TOKEN_LIST);
        struct error err = {0};
        unsigned n;
        int in, status;
        pid_t pid = start_child(kit, add_for_ever, &in);

        for (unsigned i = 0; i < 5 + 7 * round; i++)
            assert_int_equal(read(in, &n, sizeof(n)), sizeof(n));
        kill(pid, SIGKILL);
        while (read(in, &n, sizeof(n)) == sizeof(n))
            ;
        close(in);
        acknowledged = n + 1;
        assert_int_equal(waitpid(pid, &status, 0), pid);
        assert_true(WIFSIGNALED(status));

        kit_open(kit);
        list->token_list.limit = 100000;
        assert_true(store_run(kit->store, list, &err));
        /* every one that was acknowledged, and at most one that was on its way */
        assert_in_range(list->token_list.count, acknowledged, acknowledged + 1);
        transaction_destroy(&list);
        store_close(&kit->store);
    }
    assert_true(acknowledged > 300);
}

/* A disk that is full from now on: what SQLite calls to write says so. */
static atomic_bool is_full;

static ssize_t write_unless_full(int fd, const void *bytes, size_t size, off_t offset)
{
    if (!is_full)
        return pwrite(fd, bytes, size, offset);
    errno = ENOSPC;
    return -1;
}

static void replace_write(void)
{
    sqlite3_vfs *vfs = sqlite3_vfs_find(NULL);
    sqlite3_syscall_ptr function = (sqlite3_syscall_ptr)write_unless_full;

    if (vfs->xSetSystemCall(vfs, "pwrite", function) != SQLITE_OK ||
        vfs->xSetSystemCall(vfs, "pwrite64", function) != SQLITE_OK)
        _exit(6);
}

static void fill_disk(struct kit *kit, int out)
{
    static char bytes[1 << 20];
    struct transaction *put = transaction_create(TRANSACTION_POLICY_PUT);
    struct transaction *add = kit_token_add(1, "alice");
    struct error err = {0};

    memset(bytes, 'x', sizeof(bytes));
    replace_write();
    kit_open(kit);
    if (!store_run(kit->store, add, &err))
        _exit(2);
    transaction_destroy(&add);
    is_full = true;
    put->policy_put.bytes = (struct slice){bytes, sizeof(bytes)};
    if (store_run(kit->store, put, &err))
        _exit(4);
    say(out, err.text, strlen(err.text));
    is_full = false; /* room again: the ledger goes on without a restart */
    err = (struct error){0};
    if (!store_run(kit->store, put, &err))
        _exit(5);
    transaction_destroy(&put);
    store_close(&kit->store);
}

static void test_ledger_on_a_full_disk_refuses_and_goes_on_when_there_is_room(void **state)
{
    struct kit *kit = *state;
    struct error err = {0};
    int in, status;
    pid_t pid = start_child(kit, fill_disk, &in);

    assert_true(read(in, err.text, sizeof(err.text) - 1) > 0);
    close(in);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFEXITED(status));
    assert_int_equal(WEXITSTATUS(status), 0);
    expect_text(&err, "its disk is full; make room, nothing that was acknowledged is lost");
    kit_open(kit);
    kit_run(kit, kit_token_add(1, "again"), ERROR_MISMATCH);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, kit_setup_closed, kit_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_ledger_is_its_owners_alone),
        TEST(test_ledger_closes_a_folder_that_is_open_to_others),
        TEST(test_ledger_keeps_its_uuid),
        TEST(test_ledger_of_a_newer_program_is_refused),
        TEST(test_ledger_refuses_a_database_that_is_none),
        TEST(test_ledger_whose_head_is_damaged_is_refused),
        TEST(test_ledger_whose_records_are_damaged_says_so_when_they_are_read),
        TEST(test_ledger_with_a_record_of_a_wrong_shape_says_so),
        TEST(test_ledger_in_a_place_that_cannot_be_is_refused),
        TEST(test_ledger_locked_by_another_program_fails_the_group_and_recovers),
        TEST(test_ledger_names_the_process_that_holds_it),
        TEST(test_ledger_cannot_be_opened_twice_by_one_process),
        TEST(test_ledger_keeps_what_it_acknowledged_through_kill_9),
        TEST(test_ledger_on_a_full_disk_refuses_and_goes_on_when_there_is_room),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
