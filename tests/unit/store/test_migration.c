// SPDX-License-Identifier: Apache-2.0
/* Ledgers of the first published schema. */
#include "edit.h"
#include "pins_kit.h"

#include <sys/stat.h>

/* As the first published schema wrote it, with a token in it. */
static const char version_1[] =
    "CREATE TABLE schema_version (version INTEGER PRIMARY KEY, applied_ms INTEGER NOT NULL) STRICT;"
    "CREATE TABLE ledger (only INTEGER PRIMARY KEY CHECK (only = 1), uuid TEXT NOT NULL,"
    "  audit_sequence INTEGER NOT NULL DEFAULT 0,"
    "  audit_hash BLOB NOT NULL DEFAULT (zeroblob(32))) STRICT;"
    "CREATE TABLE token (id TEXT PRIMARY KEY, owner_kind TEXT NOT NULL, owner TEXT NOT NULL,"
    "  secret_hash BLOB NOT NULL CHECK (length(secret_hash) = 32), old_secret_hash BLOB NOT NULL,"
    "  old_until_ms INTEGER NOT NULL, created_ms INTEGER NOT NULL, expires_ms INTEGER NOT NULL,"
    "  rotated_ms INTEGER NOT NULL, revoked_ms INTEGER NOT NULL, used_ms INTEGER NOT NULL,"
    "  roles TEXT NOT NULL, label TEXT NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE INDEX token_by_owner ON token (owner_kind, owner);"
    "CREATE TABLE policy (number INTEGER PRIMARY KEY,"
    "  hash BLOB NOT NULL UNIQUE CHECK (length(hash) = 32), created_ms INTEGER NOT NULL,"
    "  activated_ms INTEGER NOT NULL, is_active INTEGER NOT NULL, bytes BLOB NOT NULL) STRICT;"
    "CREATE UNIQUE INDEX policy_active ON policy (is_active) WHERE is_active = 1;"
    "INSERT INTO schema_version VALUES (1, 1700000000000);"
    "INSERT INTO ledger (only, uuid, audit_sequence)"
    "  VALUES (1, '01234567-89ab-4def-8123-456789abcdef', 42);"
    "INSERT INTO token VALUES ('aaaaaaaaab', 'member', 'alice', zeroblob(32), x'', 0, 1, 0, 0, 0,"
    "  0, '', 'old');"
    "INSERT INTO policy VALUES (1, zeroblob(32), 1, 1, 1, x'6162');";

static void start_with_version_1(struct kit *kit)
{
    store_close(&kit->store);
    memcpy(strrchr(kit->folder, '/'), "/old", 5);
    assert_int_equal(mkdir(kit->folder, 0700), 0);
    edit_database(kit->folder, "ledger.db", version_1);
}

static void test_ledger_of_version_1_is_migrated_with_all_that_is_in_it(void **state)
{
    struct kit *kit = *state;
    struct transaction *token = transaction_create(TRANSACTION_TOKEN_GET);
    struct transaction *policy = transaction_create(TRANSACTION_POLICY_GET);
    struct transaction *head = transaction_create(TRANSACTION_AUDIT_HEAD_GET);

    start_with_version_1(kit);
    kit_open(kit);
    assert_string_equal(store_uuid(kit->store), "01234567-89ab-4def-8123-456789abcdef");
    kit_token_id(token->token_get.id, 1);
    assert_true(store_run(kit->store, token, NULL));
    assert_true(slice_is(token->token_get.record.label, "old"));
    assert_true(store_run(kit->store, policy, NULL));
    assert_true(slice_is(policy->policy_get.record.bytes, "ab"));
    assert_true(store_run(kit->store, head, NULL));
    assert_int_equal(head->audit_head_get.head.sequence, 42);
    transaction_destroy(&token);
    transaction_destroy(&policy);
    transaction_destroy(&head);
    kit_run(kit, kit_pin_add(1, "alice", "key"), ERROR_NONE);
    store_close(&kit->store);
    kit_open(kit); /* and not again */
    kit_run(kit, kit_pin_add(1, "alice", "key"), ERROR_MISMATCH);
}

static void test_ledger_whose_migration_fails_stays_as_it_was(void **state)
{
    struct kit *kit = *state;
    struct store_settings settings = {.folder = kit->folder};

    start_with_version_1(kit);
    edit_database(kit->folder, "ledger.db",
                  "CREATE TABLE journal (mine)"); /* in the way of the last table of version 2 */
    assert_false(store_open(&kit->store, &settings, NULL));
    edit_database(
        kit->folder, "ledger.db",
        "CREATE TABLE pin (x); DROP TABLE pin; DROP TABLE journal;"
        "INSERT INTO schema_version VALUES (2, 0); DELETE FROM schema_version WHERE version "
        "= 2"); /* there is no pin, and no version 2 */
    kit_open(kit);
    kit_run(kit, kit_pin_add(1, "alice", "key"), ERROR_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        KIT_TEST(test_ledger_of_version_1_is_migrated_with_all_that_is_in_it),
        KIT_TEST(test_ledger_whose_migration_fails_stays_as_it_was),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
