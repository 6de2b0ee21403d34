// SPDX-License-Identifier: Apache-2.0
/* Objects, pins and the journal in the ledger. */
#include "pins_kit.h"

static void test_pin_add_keeps_every_field(void **state)
{
    struct kit *kit = *state;
    struct transaction *add = kit_pin_add(7, "alice", "key");
    struct transaction *list = kit_pin_list("alice", 10);
    const struct pin_record *record;
    struct error err = {0};

    add->pin_add.record.slot = 3;
    add->pin_add.record.cid = transaction_copy(add, SLICE("QmFoo"));
    add->pin_add.record.name = transaction_copy(add, SLICE("caf\xc3\xa9 '; --"));
    add->pin_add.record.expires_ms = 99;
    kit_run(kit, add, ERROR_NONE);
    assert_true(store_run(kit->store, list, &err));
    assert_int_equal(list->pin_list.count, 1);
    record = &list->pin_list.records[0];
    assert_string_equal(record->id, "00000000000000000000000007");
    assert_int_equal(record->owner.kind, OWNER_MEMBER);
    assert_string_equal(record->owner.id, "alice");
    assert_true(slice_is(record->key, "key"));
    assert_int_equal(record->slot, 3);
    assert_int_equal(record->held, PIN_NONE);
    assert_int_equal(record->wanted, PIN_RECURSIVE);
    assert_int_equal(record->state, PIN_QUEUED);
    assert_false(record->is_ownerless);
    assert_true(slice_is(record->cid, "QmFoo"));
    assert_true(slice_is(record->name, "caf\xc3\xa9 '; --"));
    assert_int_equal(record->created_ms, 1007);
    assert_int_equal(record->expires_ms, 99);
    transaction_destroy(&list);
    kit_expect_usage(kit, "alice", 0, 0, 0); /* an intent costs nothing yet */
}

static void test_pin_add_refuses_a_slot_that_is_taken_unless_it_is_being_removed(void **state)
{
    struct kit *kit = *state;
    struct transaction *other = kit_pin_add(3, "alice", "key");

    kit_run(kit, kit_pin_add(1, "alice", "key"), ERROR_NONE);
    kit_run(kit, kit_pin_add(1, "bob", "key"), ERROR_MISMATCH); /* the id */
    kit_run(kit, kit_pin_add(2, "alice", "key"), ERROR_MISMATCH);
    kit_run(kit, kit_pin_add(2, "bob", "key"), ERROR_NONE);
    other->pin_add.record.slot = 1;
    kit_run(kit, other, ERROR_NONE);
    kit_run(kit, kit_pin_mark(1, PIN_REMOVING, false), ERROR_NONE);
    kit_run(kit, kit_pin_add(4, "alice", "key"), ERROR_NONE);
}

static void test_pin_add_refuses_what_is_too_long(void **state)
{
    struct kit *kit = *state;
    struct transaction *add = kit_pin_add(1, "alice", "key");
    char text[PIN_CID_MAX + 1];

    memset(text, 'x', sizeof(text));
    add->pin_add.record.name = transaction_copy(add, (struct slice){text, PIN_NAME_MAX + 1});
    kit_run(kit, add, ERROR_LIMIT);
    add = kit_pin_add(1, "alice", "key");
    add->pin_add.record.cid = transaction_copy(add, (struct slice){text, PIN_CID_MAX + 1});
    kit_run(kit, add, ERROR_LIMIT);
    add = kit_pin_add(1, "alice", "key");
    add->pin_add.record.labels = transaction_copy(add, (struct slice){text, PIN_LABELS_MAX + 1});
    kit_run(kit, add, ERROR_LIMIT);
}

static void test_pin_confirm_charges_an_owner_once_per_object_and_the_org_once_at_all(void **state)
{
    struct kit *kit = *state;
    struct transaction *second = kit_pin_add(2, "alice", "key");

    second->pin_add.record.slot = 1;
    kit_run(kit, kit_pin_add(1, "alice", "key"), ERROR_NONE);
    kit_run(kit, second, ERROR_NONE);
    kit_run(kit, kit_pin_add(3, "bob", "key"), ERROR_NONE);
    kit_run(kit, kit_pin_confirm(1, PIN_DIRECT, 7), ERROR_NONE);
    kit_expect_usage(kit, "alice", 7, 1, 1);
    kit_run(kit, kit_pin_confirm(2, PIN_RECURSIVE, 100), ERROR_NONE);
    kit_expect_usage(kit, "alice", 100, 1, 2);
    kit_run(kit, kit_pin_confirm(3, PIN_DIRECT, 8), ERROR_NONE); /* 7 is known */
    kit_expect_usage(kit, "bob", 7, 1, 1);
    kit_expect_usage(kit, NULL, 100, 1, 3);
    kit_run(kit, kit_pin_remove(2), ERROR_NONE);
    kit_expect_usage(kit, "alice", 7, 1, 1);
    kit_expect_usage(kit, NULL, 7, 1, 2);
    kit_run(kit, kit_pin_remove(1), ERROR_NONE);
    kit_expect_usage(kit, "alice", 0, 0, 0);
    kit_expect_usage(kit, NULL, 7, 1, 1);
    kit_run(kit, kit_pin_remove(1), ERROR_NOT_FOUND);
    assert_int_equal(kit_recount(kit, false), 0);
}

static void test_pin_confirm_refuses_what_cannot_be_and_can_rename(void **state)
{
    struct kit *kit = *state;
    struct transaction *rename = kit_pin_confirm(1, PIN_RECURSIVE, 100);
    struct error err = {0};

    kit_run(kit, kit_pin_confirm(1, PIN_RECURSIVE, 100), ERROR_NOT_FOUND);
    kit_run(kit, kit_pin_add(1, "alice", "key"), ERROR_NONE);
    kit_run(kit, kit_pin_confirm(1, PIN_RECURSIVE, OBJECT_BYTES_MAX + 1), ERROR_LIMIT);
    kit_expect_usage(kit, "alice", 0, 0, 0);
    rename->pin_confirm.renames = true;
    rename->pin_confirm.name = transaction_copy(rename, SLICE("new"));
    assert_true(store_run(kit->store, rename, &err));
    assert_true(slice_is(rename->pin_confirm.record.name, "new"));
    assert_int_equal(rename->pin_confirm.record.state, PIN_PINNED);
    transaction_destroy(&rename);
    kit_run(kit, kit_pin_mark(1, PIN_REMOVING, false), ERROR_NONE);
    kit_run(kit, kit_pin_confirm(1, PIN_RECURSIVE, 100), ERROR_REFUSED);
}

/* Those that another request asks for replace them; one that asks for none leaves them. */
static void test_pin_keeps_labels_and_copies_that_were_asked_for(void **state)
{
    struct kit *kit = *state;
    struct transaction *add = kit_pin_add(1, "alice", "key"),
                       *confirm = kit_pin_confirm(1, PIN_RECURSIVE, 100);
    struct error err = {0};

    add->pin_add.record.labels = transaction_copy(add, SLICE("class=internal"));
    add->pin_add.record.min_copies = 2;
    kit_run(kit, add, ERROR_NONE);
    assert_true(store_run(kit->store, confirm, &err));
    assert_true(slice_is(confirm->pin_confirm.record.labels, "class=internal"));
    assert_int_equal(confirm->pin_confirm.record.min_copies, 2);
    transaction_destroy(&confirm);
    confirm = kit_pin_confirm(1, PIN_RECURSIVE, 100);
    confirm->pin_confirm.labels_it = true;
    confirm->pin_confirm.labels = transaction_copy(confirm, SLICE("class=secret"));
    confirm->pin_confirm.min_copies = 3;
    kit_run(kit, confirm, ERROR_NONE);
    confirm = kit_pin_confirm(1, PIN_RECURSIVE, 100);
    assert_true(store_run(kit->store, confirm, &err));
    assert_true(slice_is(confirm->pin_confirm.record.labels, "class=secret"));
    assert_int_equal(confirm->pin_confirm.record.min_copies, 3);
    transaction_destroy(&confirm);
}

static void test_pin_fail_keeps_what_was_confirmed(void **state)
{
    struct kit *kit = *state;
    struct transaction *list = kit_pin_list("alice", 10);
    struct error err = {0};

    kit_run(kit, kit_pin_add(1, "alice", "one"), ERROR_NONE);
    kit_run(kit, kit_pin_add(2, "alice", "two"), ERROR_NONE);
    kit_run(kit, kit_pin_add(3, "alice", "three"), ERROR_NONE);
    kit_run(kit, kit_pin_confirm(3, PIN_DIRECT, 5), ERROR_NONE);
    kit_run(kit, kit_pin_fail(1, false), ERROR_NONE);
    kit_run(kit, kit_pin_fail(2, true), ERROR_NONE);
    kit_run(kit, kit_pin_fail(3, false), ERROR_NONE);
    assert_true(store_run(kit->store, list, &err));
    assert_int_equal(list->pin_list.count, 2);
    assert_int_equal(list->pin_list.records[0].state, PIN_FAILED);
    assert_int_equal(list->pin_list.records[1].state, PIN_PINNED);
    transaction_destroy(&list);
    kit_expect_usage(kit, "alice", 5, 1, 1);
}

static void test_pin_without_its_owner_is_charged_to_the_org_alone(void **state)
{
    struct kit *kit = *state;

    kit_run(kit, kit_pin_add(1, "alice", "key"), ERROR_NONE);
    kit_run(kit, kit_pin_confirm(1, PIN_RECURSIVE, 100), ERROR_NONE);
    kit_run(kit, kit_pin_mark(1, PIN_OWNERLESS, true), ERROR_NONE);
    kit_expect_usage(kit, "alice", 0, 0, 0);
    kit_expect_usage(kit, NULL, 100, 1, 1);
    assert_int_equal(kit_recount(kit, false), 0);
    kit_run(kit, kit_pin_mark(1, PIN_PINNED, false), ERROR_NONE);
    kit_expect_usage(kit, "alice", 100, 1, 1);
}

static void test_pin_transfer_moves_the_pin_and_its_charge(void **state)
{
    struct kit *kit = *state;

    kit_run(kit, kit_pin_add(1, "alice", "key"), ERROR_NONE);
    kit_run(kit, kit_pin_transfer(1, "bob", 0), ERROR_REFUSED); /* not confirmed */
    kit_run(kit, kit_pin_confirm(1, PIN_RECURSIVE, 100), ERROR_NONE);
    kit_run(kit, kit_pin_add(2, "bob", "key"), ERROR_NONE);
    kit_run(kit, kit_pin_confirm(2, PIN_RECURSIVE, 100), ERROR_NONE);
    kit_run(kit, kit_pin_transfer(1, "bob", 0), ERROR_MISMATCH);
    kit_expect_usage(kit, "alice", 100, 1, 1);
    kit_run(kit, kit_pin_transfer(1, "bob", 1), ERROR_NONE);
    kit_expect_usage(kit, "alice", 0, 0, 0);
    kit_expect_usage(kit, "bob", 100, 1, 2);
    kit_run(kit, kit_pin_mark(1, PIN_OWNERLESS, true), ERROR_NONE);
    kit_run(kit, kit_pin_transfer(1, "carol", 0), ERROR_NONE);
    kit_expect_usage(kit, "bob", 100, 1, 1);
    kit_expect_usage(kit, "carol", 100, 1, 1);
    kit_run(kit, kit_pin_mark(1, PIN_OWNERLESS, true), ERROR_NONE);
    kit_run(kit, kit_pin_transfer(1, "carol", 7), ERROR_NONE); /* she is back */
    kit_expect_usage(kit, "carol", 100, 1, 1);
    kit_expect_usage(kit, NULL, 100, 1, 2);
    assert_int_equal(kit_recount(kit, false), 0);
    kit_run(kit, kit_pin_mark(1, PIN_REMOVING, false), ERROR_NONE);
    kit_run(kit, kit_pin_transfer(1, "bob", 1), ERROR_REFUSED);
    kit_run(kit, kit_pin_transfer(9, "bob", 1), ERROR_NOT_FOUND);
}

static void test_object_get_has_what_upstream_holds_and_all_claims(void **state)
{
    struct kit *kit = *state;
    struct transaction *get = transaction_create(TRANSACTION_OBJECT_GET);
    struct object_get *in = &get->object_get;
    struct error err = {0};

    in->key = SLICE("key");
    for (unsigned n = 1; n <= 20; n++) {
        char owner[ID_SIZE];

        snprintf(owner, sizeof(owner), "m%u", n);
        kit_run(kit, kit_pin_add(n, owner, "key"), ERROR_NONE);
    }
    kit_run(kit, kit_pin_add(21, "m1", "other"), ERROR_NONE);
    kit_run(kit, kit_pin_confirm(5, PIN_RECURSIVE, 100), ERROR_NONE);
    kit_run(kit, kit_object_put("key", PIN_RECURSIVE), ERROR_NONE);
    assert_true(store_run(kit->store, get, &err));
    assert_true(slice_is(in->record.key, "key"));
    assert_int_equal(in->record.upstream, PIN_RECURSIVE);
    assert_false(in->record.has_bytes[PIN_DIRECT]);
    assert_true(in->record.has_bytes[PIN_RECURSIVE]);
    assert_int_equal(in->record.bytes[PIN_RECURSIVE], 100);
    assert_int_equal(in->count, 20);
    assert_string_equal(in->pins[4].owner.id, "m5");
    assert_int_equal(in->pins[4].held, PIN_RECURSIVE);
    transaction_destroy(&get);
}

static void test_object_that_nobody_claims_or_holds_is_forgotten(void **state)
{
    struct kit *kit = *state;
    struct transaction *get = transaction_create(TRANSACTION_OBJECT_GET);

    get->object_get.key = SLICE("key");
    kit_run(kit, kit_pin_add(1, "alice", "key"), ERROR_NONE);
    kit_run(kit, kit_object_put("key", PIN_RECURSIVE), ERROR_NONE);
    kit_run(kit, kit_pin_remove(1), ERROR_NONE);
    assert_true(store_run(kit->store, get, NULL)); /* still ours upstream */
    kit_run(kit, kit_object_put("key", PIN_NONE), ERROR_NONE);
    kit_run(kit, get, ERROR_NOT_FOUND);
}

static void test_pin_list_pages_through_one_owners_pins(void **state)
{
    struct kit *kit = *state;
    char after[ULID_SIZE] = "";
    unsigned seen = 0;
    bool has_more = true;

    for (unsigned n = 0; n < 50; n++) {
        char key[16];

        snprintf(key, sizeof(key), "key%u", n);
        kit_run(kit, kit_pin_add(n, n % 2 == 0 ? "alice" : "bob", key), ERROR_NONE);
    }
    while (has_more) {
        struct transaction *list = kit_pin_list("alice", 10);
        struct pin_list *page = &list->pin_list;

        memcpy(page->after, after, sizeof(after));
        assert_true(store_run(kit->store, list, NULL));
        for (size_t i = 0; i < page->count; i++, seen++) {
            assert_string_equal(page->records[i].owner.id, "alice");
            assert_int_equal(strtoul(page->records[i].id, NULL, 10), 2 * seen);
        }
        memcpy(after, page->records[page->count - 1].id, sizeof(after));
        has_more = page->has_more;
        assert_int_equal(has_more, seen < 25);
        transaction_destroy(&list);
    }
    assert_int_equal(seen, 25);
}

/* ---- the journal */

static uint64_t journal_open(struct kit *kit, const char *kind)
{
    struct transaction *open = transaction_create(TRANSACTION_JOURNAL_OPEN);
    struct journal_record *record = &open->journal_open.record;
    uint64_t number;

    record->opened_ms = 5;
    record->kind = slice_of(kind);
    record->key = SLICE("\0key");
    record->detail = SLICE("det\0ail");
    snprintf(record->pin, sizeof(record->pin), "%026u", 9);
    assert_true(store_run(kit->store, open, NULL));
    number = record->number;
    transaction_destroy(&open);
    return number;
}

static void test_journal_keeps_what_is_open_and_no_number_twice(void **state)
{
    struct kit *kit = *state;
    struct transaction *close = transaction_create(TRANSACTION_JOURNAL_CLOSE);
    struct transaction *list = transaction_create(TRANSACTION_JOURNAL_LIST);
    struct journal_list *page = &list->journal_list;
    uint64_t first = journal_open(kit, "upload"), second = journal_open(kit, "unpin");

    assert_true(second > first);
    store_close(&kit->store);
    kit_open(kit);
    page->limit = 1;
    assert_true(store_run(kit->store, list, NULL));
    assert_int_equal(page->count, 1);
    assert_true(page->has_more);
    assert_int_equal(page->records[0].number, first);
    assert_int_equal(page->records[0].opened_ms, 5);
    assert_true(slice_is(page->records[0].kind, "upload"));
    assert_true(slice_equal(page->records[0].key, SLICE("\0key")));
    assert_true(slice_equal(page->records[0].detail, SLICE("det\0ail")));
    assert_string_equal(page->records[0].pin, "00000000000000000000000009");
    close->journal_close.number = second;
    assert_true(store_run(kit->store, close, NULL));
    kit_run(kit, close, ERROR_NONE); /* again */
    assert_true(journal_open(kit, "pin") > second);
    page->limit = 10;
    page->after = first;
    assert_true(store_run(kit->store, list, NULL));
    assert_int_equal(page->count, 1);
    assert_true(slice_is(page->records[0].kind, "pin"));
    transaction_destroy(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        KIT_TEST(test_pin_add_keeps_every_field),
        KIT_TEST(test_pin_add_refuses_a_slot_that_is_taken_unless_it_is_being_removed),
        KIT_TEST(test_pin_add_refuses_what_is_too_long),
        KIT_TEST(test_pin_confirm_charges_an_owner_once_per_object_and_the_org_once_at_all),
        KIT_TEST(test_pin_confirm_refuses_what_cannot_be_and_can_rename),
        KIT_TEST(test_pin_keeps_labels_and_copies_that_were_asked_for),
        KIT_TEST(test_pin_fail_keeps_what_was_confirmed),
        KIT_TEST(test_pin_without_its_owner_is_charged_to_the_org_alone),
        KIT_TEST(test_pin_transfer_moves_the_pin_and_its_charge),
        KIT_TEST(test_object_get_has_what_upstream_holds_and_all_claims),
        KIT_TEST(test_object_that_nobody_claims_or_holds_is_forgotten),
        KIT_TEST(test_pin_list_pages_through_one_owners_pins),
        KIT_TEST(test_journal_keeps_what_is_open_and_no_number_twice),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
