// SPDX-License-Identifier: Apache-2.0
/* The ledger checked, copied while it runs, and put back. */
#include "edit.h"
#include "pins_kit.h"
#include "store/backup.h"

#include <fcntl.h>
#include <sys/stat.h>

static void add(struct kit *kit, unsigned n, uint64_t bytes)
{
    char key[32];

    snprintf(key, sizeof(key), "key-%u", n);
    kit_run(kit, kit_pin_add(n, "alice", key), ERROR_NONE);
    kit_run(kit, kit_pin_confirm(n, PIN_RECURSIVE, bytes), ERROR_NONE);
}

static void open_intent(struct kit *kit)
{
    struct transaction *open = transaction_create(TRANSACTION_JOURNAL_OPEN);

    open->journal_open.record.kind = SLICE("unpin");
    kit_run(kit, open, ERROR_NONE);
}

static void write_backup(struct kit *kit, char path[160])
{
    struct error err = {0};
    uint64_t bytes;

    snprintf(path, 160, "%s/backup.db", kit->base);
    if (!backup_write(kit->folder, path, &bytes, &err))
        fail_msg("%s", err.text);
    assert_true(bytes > 4096);
}

static struct backup_check check(struct kit *kit)
{
    struct backup_check found;
    struct error err = {0};

    if (!backup_check(kit->folder, &found, &err))
        fail_msg("%s", err.text);
    return found;
}

static struct backup_restored restore(struct kit *kit, const char *path, enum error_code expected,
                                      const char *text)
{
    struct backup_restored restored;
    struct error err = {0};

    if (backup_restore(kit->folder, path, 1700000000000, &restored, &err) !=
            (expected == ERROR_NONE) ||
        err.code != expected)
        fail_msg("code %d: %s", err.code, err.text);
    if (text != NULL && strstr(err.text, text) == NULL)
        fail_msg("'%s' is not in: %s", text, err.text);
    return restored;
}

static unsigned count_pins(struct kit *kit)
{
    struct transaction *list = transaction_create(TRANSACTION_PIN_LIST);
    struct error err = {0};
    unsigned count;

    list->pin_list.limit = 100;
    assert_true(store_run(kit->store, list, &err));
    count = (unsigned)list->pin_list.count;
    transaction_destroy(&list);
    return count;
}

/* ---- */

static void test_backup_of_a_running_ledger_is_whole_and_its_owners_alone(void **state)
{
    struct kit *kit = *state;
    struct error err = {0};
    struct stat status;
    char path[160];
    uint64_t bytes;

    for (unsigned n = 0; n < 20; n++)
        add(kit, n, 10);
    write_backup(kit, path);
    assert_int_equal(stat(path, &status), 0);
    assert_int_equal(status.st_mode & 0777, 0600);
    assert_false(backup_write(kit->folder, path, &bytes, &err));
    assert_int_equal(err.code, ERROR_REFUSED);
    add(kit, 20, 10); /* the ledger goes on */
    assert_int_equal(count_pins(kit), 21);
}

static void test_backup_to_a_place_that_cannot_be_leaves_nothing_behind(void **state)
{
    struct kit *kit = *state;
    struct error err = {0};
    uint64_t bytes;

    assert_false(backup_write(kit->folder, "/proc/no/backup.db", &bytes, &err));
    assert_non_null(strstr(err.text, "/proc/no/backup.db.part cannot be"));
}

static void test_check_of_a_running_ledger_finds_it_whole(void **state)
{
    struct kit *kit = *state;
    struct backup_check found;

    add(kit, 1, 10);
    add(kit, 2, 20);
    open_intent(kit);
    found = check(kit);
    assert_string_equal(found.uuid, store_uuid(kit->store));
    assert_int_equal(found.faults, 0);
    assert_int_equal(found.accounts, 2);
    assert_int_equal(found.different, 0);
    assert_int_equal(found.org.bytes, 30);
    assert_int_equal(found.intents, 1);
    assert_int_equal(found.restored_ms, 0);
    assert_int_equal(found.doubtful, 0);
}

static void test_check_finds_a_wrong_sum_and_a_damaged_record(void **state)
{
    struct kit *kit = *state;
    struct backup_check found;

    for (unsigned n = 0; n < 20; n++)
        add(kit, n, 10);
    store_close(&kit->store);
    edit_database(kit->folder, "ledger.db", "UPDATE usage SET bytes = 7 WHERE owner = 'alice'");
    assert_int_equal(check(kit).different, 1);
    edit_database(kit->folder, "ledger.db",
                  "PRAGMA ignore_check_constraints = 1; UPDATE object SET upstream = 9");
    found = check(kit);
    assert_true(found.faults > 0);
    assert_true(strlen(found.first) > 0);
}

static void test_restore_is_refused_while_a_gateway_runs(void **state)
{
    struct kit *kit = *state;
    char path[160];

    write_backup(kit, path);
    restore(kit, path, ERROR_REFUSED, "is in use by process");
}

static void test_restore_puts_the_backup_in_place_and_doubts_what_it_says(void **state)
{
    struct kit *kit = *state;
    struct transaction *list = transaction_create(TRANSACTION_OBJECT_LIST);
    struct transaction *journal = transaction_create(TRANSACTION_JOURNAL_LIST);
    struct backup_restored restored;
    char path[160], uuid[RECORD_UUID_SIZE];
    struct error err = {0};

    memcpy(uuid, store_uuid(kit->store), sizeof(uuid));
    add(kit, 1, 10);
    open_intent(kit);
    write_backup(kit, path);
    add(kit, 2, 20);
    store_close(&kit->store);
    restored = restore(kit, path, ERROR_NONE, NULL);
    assert_int_equal(restored.doubtful, 1);
    assert_int_equal(restored.intents, 1);
    assert_int_equal(access(restored.kept.data, F_OK), 0);

    kit_open(kit);
    assert_string_equal(store_uuid(kit->store), uuid);
    assert_int_equal(count_pins(kit), 1);
    list->object_list.limit = journal->journal_list.limit = 10;
    assert_true(store_run(kit->store, list, &err));
    assert_int_equal(list->object_list.count, 1);
    assert_true(list->object_list.records[0].is_doubtful);
    transaction_destroy(&list);
    assert_true(store_run(kit->store, journal, &err));
    assert_true(journal->journal_list.records[0].is_restored);
    transaction_destroy(&journal);
    assert_int_equal(check(kit).restored_ms, 1700000000000);
    assert_int_equal(check(kit).doubtful, 1);

    /* the ledger that was there is a ledger still */
    store_close(&kit->store);
    snprintf(path, sizeof(path), "%s", restored.kept.data);
    text_dispose(&restored.kept);
    restored = (struct backup_restored){0};
    assert_true(backup_restore(kit->folder, path, 1700000001000, &restored, &err));
    text_dispose(&restored.kept);
    kit_open(kit);
    assert_int_equal(count_pins(kit), 2);
}

static void test_restore_lets_nobody_in_again(void **state)
{
    struct kit *kit = *state;
    struct transaction *revoke = transaction_create(TRANSACTION_TOKEN_REVOKE);
    struct transaction *suspend = transaction_create(TRANSACTION_MEMBER_SUSPEND);
    struct transaction *deny = transaction_create(TRANSACTION_DENY_ADD);
    struct transaction *get = transaction_create(TRANSACTION_TOKEN_GET);
    struct transaction *members = transaction_create(TRANSACTION_MEMBER_LIST);
    struct transaction *find = transaction_create(TRANSACTION_DENY_FIND);
    const struct slice multihash = SLICE("hash");
    struct backup_restored restored;
    struct error err = {0};
    char path[160];

    kit_run(kit, kit_token_add(1, "alice"), ERROR_NONE);
    write_backup(kit, path);
    kit_token_id(revoke->token_revoke.id, 1);
    revoke->token_revoke.now_ms = 5000;
    kit_run(kit, revoke, ERROR_NONE);
    snprintf(suspend->member_suspend.record.member, ID_SIZE, "alice");
    kit_run(kit, suspend, ERROR_NONE);
    deny->deny_add.record.multihash = multihash;
    kit_run(kit, deny, ERROR_NONE);
    store_close(&kit->store);
    restored = restore(kit, path, ERROR_NONE, NULL);
    assert_true(restored.is_carried);
    text_dispose(&restored.kept);

    kit_open(kit);
    kit_token_id(get->token_get.id, 1);
    assert_true(store_run(kit->store, get, &err));
    assert_int_equal(get->token_get.record.revoked_ms, 5000);
    transaction_destroy(&get);
    members->member_list.limit = 10;
    assert_true(store_run(kit->store, members, &err));
    assert_int_equal(members->member_list.count, 1);
    transaction_destroy(&members);
    find->deny_find.multihashes = &multihash;
    find->deny_find.count = 1;
    assert_true(store_run(kit->store, find, &err));
    assert_true(find->deny_find.is_any);
    transaction_destroy(&find);
}

static void write_junk(const char *path, off_t at)
{
    static char junk[8192];
    int fd = open(path, O_WRONLY | O_CREAT, 0600);

    assert_true(fd >= 0);
    memset(junk, 0x5a, sizeof(junk));
    assert_int_equal(pwrite(fd, junk, sizeof(junk), at), sizeof(junk));
    close(fd);
}

static void test_restore_of_a_damaged_backup_leaves_the_ledger_as_it_was(void **state)
{
    struct kit *kit = *state;
    struct backup_restored restored;
    struct error err = {0};
    char path[160];

    for (unsigned n = 0; n < 20; n++)
        add(kit, n, 10);
    write_backup(kit, path);
    store_close(&kit->store);
    write_junk(path, 8192);
    assert_false(backup_restore(kit->folder, path, 1, &restored, &err));
    text_dispose(&restored.kept);
    restore(kit, "/no/such/file", ERROR_IO, "cannot be read: No such file");
    kit_open(kit);
    assert_int_equal(count_pins(kit), 20);
}

static void test_restore_in_place_of_a_damaged_ledger_keeps_the_damaged_one(void **state)
{
    struct kit *kit = *state;
    struct backup_restored restored;
    char path[160], ledger[160];

    add(kit, 1, 10);
    write_backup(kit, path);
    store_close(&kit->store);
    kit_path(kit, "ledger.db", ledger);
    write_junk(ledger, 0);
    restored = restore(kit, path, ERROR_NONE, NULL);
    assert_false(restored.is_carried);
    assert_int_equal(access(restored.kept.data, F_OK), 0);
    text_dispose(&restored.kept);
    kit_open(kit);
    assert_int_equal(count_pins(kit), 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        KIT_TEST(test_backup_of_a_running_ledger_is_whole_and_its_owners_alone),
        KIT_TEST(test_backup_to_a_place_that_cannot_be_leaves_nothing_behind),
        KIT_TEST(test_check_of_a_running_ledger_finds_it_whole),
        KIT_TEST(test_check_finds_a_wrong_sum_and_a_damaged_record),
        KIT_TEST(test_restore_is_refused_while_a_gateway_runs),
        KIT_TEST(test_restore_puts_the_backup_in_place_and_doubts_what_it_says),
        KIT_TEST(test_restore_lets_nobody_in_again),
        KIT_TEST(test_restore_of_a_damaged_backup_leaves_the_ledger_as_it_was),
        KIT_TEST(test_restore_in_place_of_a_damaged_ledger_keeps_the_damaged_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
