// SPDX-License-Identifier: Apache-2.0
/* Windows of quotas, the denylist, suspended members; and a ledger of an older schema. */
#include "edit.h"
#include "pins_kit.h"

static void run(struct kit *kit, struct transaction *transaction)
{
    struct error err = {0};

    if (!store_run(kit->store, transaction, &err))
        fail_msg("%s: %s", transaction_text(transaction->name), err.text);
}

/* ---- windows */

static void put_windows(struct kit *kit, const struct window_record *windows, size_t count,
                        enum error_code expected)
{
    struct transaction *put = transaction_create(TRANSACTION_WINDOW_PUT);

    put->window_put.windows = windows;
    put->window_put.count = count;
    kit_run(kit, put, expected);
}

/* All bytes of all windows, in their order. */
static void read_windows(struct kit *kit, char out[64])
{
    struct window_record after = {0};
    char names[3][64];
    bool has_more = true;

    for (out[0] = '\0'; has_more;) {
        struct transaction *list = transaction_create(TRANSACTION_WINDOW_LIST);
        const struct window_list *in = &list->window_list;

        list->window_list.after = after;
        list->window_list.limit = 2;
        run(kit, list);
        for (size_t i = 0; i < in->count; i++)
            strncat(out, in->records[i].bytes.data, in->records[i].bytes.size);
        has_more = in->has_more;
        if (has_more) {
            const struct window_record *last = &in->records[in->count - 1];
            const struct slice *parts[] = {&last->scope, &last->id, &last->dimension};
            struct slice *kept[] = {&after.scope, &after.id, &after.dimension};

            for (int i = 0; i < 3; i++) {
                snprintf(names[i], sizeof(names[i]), "%.*s", (int)parts[i]->size, parts[i]->data);
                *kept[i] = slice_of(names[i]);
            }
        }
        transaction_destroy(&list);
    }
}

static void test_windows_are_replaced_listed_and_forgotten(void **state)
{
    const struct window_record windows[] = {
        {SLICE("org"), SLICE(""), SLICE("upload"), SLICE("E")},
        {SLICE("member"), SLICE("bob"), SLICE("upload"), SLICE("C")},
        {SLICE("member"), SLICE("alice"), SLICE("upload"), SLICE("B")},
        {SLICE("member"), SLICE("alice"), SLICE("egress"), SLICE("A")},
        {SLICE("member"), SLICE("carol"), SLICE("egress"), SLICE("D")},
    };
    const struct window_record later[] = {
        {SLICE("member"), SLICE("alice"), SLICE("egress"), SLICE("a\0b")},
        {SLICE("member"), SLICE("bob"), SLICE("upload"), {0}},
    };
    struct kit *kit = *state;
    char bytes[64];

    put_windows(kit, windows, ARRAY_SIZE(windows), ERROR_NONE);
    read_windows(kit, bytes);
    assert_string_equal(bytes, "ABCDE");
    put_windows(kit, later, ARRAY_SIZE(later), ERROR_NONE);
    store_close(&kit->store);
    kit_open(kit);
    read_windows(kit, bytes);
    assert_string_equal(bytes, "aBDE"); /* strncat ends at the NUL that is kept */
}

static void test_windows_that_are_too_large_are_refused_all_together(void **state)
{
    static char large[WINDOW_BYTES_MAX + 1];
    const struct window_record windows[] = {
        {SLICE("org"), SLICE(""), SLICE("upload"), SLICE("A")},
        {SLICE("org"), SLICE(""), SLICE("egress"), {large, sizeof(large)}},
    };
    const struct window_record names[] = {
        {SLICE("org"), {large, WINDOW_NAME_MAX + 1}, SLICE("upload"), SLICE("A")},
    };
    struct kit *kit = *state;
    char bytes[64];

    memset(large, 'x', sizeof(large));
    put_windows(kit, windows, ARRAY_SIZE(windows), ERROR_LIMIT);
    put_windows(kit, names, ARRAY_SIZE(names), ERROR_LIMIT);
    read_windows(kit, bytes);
    assert_string_equal(bytes, "");
}

/* ---- the denylist */

static void deny(struct kit *kit, struct slice multihash, struct slice reason, uint64_t now_ms,
                 enum error_code expected)
{
    struct transaction *add = transaction_create(TRANSACTION_DENY_ADD);

    add->deny_add.record =
        (struct denied_record){.multihash = multihash, .reason = reason, .added_ms = now_ms};
    kit_run(kit, add, expected);
}

static void test_denylist_finds_what_is_on_it_and_says_why(void **state)
{
    const struct slice first[] = {SLICE("\x12\x01z"), SLICE("\x12\x01\0"), SLICE("\x12\x01q")};
    struct kit *kit = *state;
    struct transaction *find = transaction_create(TRANSACTION_DENY_FIND);

    deny(kit, SLICE("\x12\x01\0"), SLICE("a court said so"), 1000, ERROR_NONE);
    deny(kit, SLICE("\x12\x01q"), SLICE("malware"), 2000, ERROR_NONE);
    find->deny_find.multihashes = first;
    find->deny_find.count = ARRAY_SIZE(first);
    run(kit, find);
    assert_true(find->deny_find.is_any);
    assert_int_equal(find->deny_find.first, 1);
    assert_true(slice_is(find->deny_find.reason, "a court said so"));
    transaction_destroy(&find);

    find = transaction_create(TRANSACTION_DENY_FIND);
    find->deny_find.multihashes = first;
    find->deny_find.count = 1;
    run(kit, find);
    assert_false(find->deny_find.is_any);
    transaction_destroy(&find);
}

static void test_denylist_keeps_the_time_of_the_first_and_the_reason_of_the_last(void **state)
{
    struct kit *kit = *state;
    struct transaction *list = transaction_create(TRANSACTION_DENY_LIST);
    struct transaction *remove = transaction_create(TRANSACTION_DENY_REMOVE);

    deny(kit, SLICE("b"), SLICE("first"), 1000, ERROR_NONE);
    deny(kit, SLICE("b"), SLICE("second"), 2000, ERROR_NONE);
    deny(kit, SLICE("a"), SLICE(""), 3000, ERROR_NONE);
    deny(kit, SLICE(""), SLICE(""), 1, ERROR_LIMIT);
    list->deny_list.limit = 1;
    list->deny_list.after = SLICE("a");
    run(kit, list);
    assert_int_equal(list->deny_list.count, 1);
    assert_false(list->deny_list.has_more);
    assert_int_equal(list->deny_list.records[0].added_ms, 1000);
    assert_true(slice_is(list->deny_list.records[0].reason, "second"));
    transaction_destroy(&list);

    remove->deny_remove.multihash = SLICE("b");
    run(kit, remove);
    assert_true(slice_is(remove->deny_remove.record.reason, "second"));
    transaction_destroy(&remove);
    remove = transaction_create(TRANSACTION_DENY_REMOVE);
    remove->deny_remove.multihash = SLICE("b");
    kit_run(kit, remove, ERROR_NOT_FOUND);
}

/* ---- suspended members */

static struct transaction *suspend(const char *member, const char *reason, uint64_t now_ms)
{
    struct transaction *suspend = transaction_create(TRANSACTION_MEMBER_SUSPEND);
    struct suspended_record *record = &suspend->member_suspend.record;

    snprintf(record->member, sizeof(record->member), "%s", member);
    record->reason = transaction_copy(suspend, slice_of(reason));
    record->since_ms = now_ms;
    return suspend;
}

static void test_members_are_suspended_listed_and_resumed(void **state)
{
    struct kit *kit = *state;
    struct transaction *list, *resume;

    kit_run(kit, suspend("mia", "left", 1000), ERROR_NONE);
    kit_run(kit, suspend("mia", "left for good", 2000), ERROR_NONE);
    kit_run(kit, suspend("alice", "", 3000), ERROR_NONE);
    for (int round = 0; round < 2; round++) {
        list = transaction_create(TRANSACTION_MEMBER_LIST);
        snprintf(list->member_list.after, ID_SIZE, "%s", round == 0 ? "" : "alice");
        list->member_list.limit = 1;
        run(kit, list);
        assert_int_equal(list->member_list.count, 1);
        assert_int_equal(list->member_list.has_more, round == 0);
        assert_string_equal(list->member_list.records[0].member, round == 0 ? "alice" : "mia");
        assert_int_equal(list->member_list.records[0].since_ms, round == 0 ? 3000 : 1000);
        transaction_destroy(&list);
    }
    resume = transaction_create(TRANSACTION_MEMBER_RESUME);
    snprintf(resume->member_resume.member, ID_SIZE, "mia");
    run(kit, resume);
    assert_true(slice_is(resume->member_resume.record.reason, "left for good"));
    transaction_destroy(&resume);
    resume = transaction_create(TRANSACTION_MEMBER_RESUME);
    snprintf(resume->member_resume.member, ID_SIZE, "mia");
    kit_run(kit, resume, ERROR_NOT_FOUND);
}

/* ---- a ledger that an earlier program wrote */

/* Takes off what version 3 added. */
static const char to_version_2[] =
    "ALTER TABLE pin DROP COLUMN labels;"
    "DROP TABLE link; DROP TABLE link_history; DROP TABLE link_sequence;"
    "DROP TABLE link_settled; DROP TABLE link_reply; DROP TABLE allocation;"
    "DROP TABLE suspended; DROP TABLE denied; DROP TABLE quota_window;"
    "DROP INDEX pin_by_object; CREATE INDEX pin_by_object ON pin (object, held);"
    "CREATE TABLE recount (owner_kind TEXT);"
    "DROP INDEX pin_ownerless; DROP INDEX pin_by_expiry;"
    "CREATE INDEX pin_by_expiry ON pin (expires_ms) WHERE expires_ms > 0;"
    "ALTER TABLE journal DROP COLUMN is_restored;"
    "ALTER TABLE object DROP COLUMN is_doubtful;"
    "ALTER TABLE ledger DROP COLUMN restored_ms;"
    "ALTER TABLE token DROP COLUMN pin_group;"
    "ALTER TABLE token DROP COLUMN pin_expire_ms;"
    "ALTER TABLE token DROP COLUMN pin_labels;"
    "ALTER TABLE token DROP COLUMN pin_min_copies;"
    "ALTER TABLE pin DROP COLUMN min_copies;"
    "DELETE FROM schema_version WHERE version >= 3";

static void test_ledger_of_schema_2_keeps_its_pins_and_journal(void **state)
{
    struct kit *kit = *state;
    struct transaction *add = kit_pin_add(1, "alice", "key");
    struct transaction *open = transaction_create(TRANSACTION_JOURNAL_OPEN);
    struct transaction *list = transaction_create(TRANSACTION_PIN_EXPIRED);
    struct transaction *journal = transaction_create(TRANSACTION_JOURNAL_LIST);
    struct transaction *objects = transaction_create(TRANSACTION_OBJECT_LIST);

    add->pin_add.record.expires_ms = 500;
    kit_run(kit, add, ERROR_NONE);
    open->journal_open.record.kind = SLICE("pin");
    kit_run(kit, open, ERROR_NONE);
    store_close(&kit->store);
    edit_database(kit->folder, "ledger.db", to_version_2);

    kit_open(kit);
    list->pin_expired.until_ms = 500;
    list->pin_expired.limit = 10;
    run(kit, list);
    assert_int_equal(list->pin_expired.count, 1);
    transaction_destroy(&list);
    journal->journal_list.limit = 10;
    run(kit, journal);
    assert_int_equal(journal->journal_list.count, 1);
    assert_false(journal->journal_list.records[0].is_restored);
    transaction_destroy(&journal);
    objects->object_list.limit = 10;
    run(kit, objects);
    assert_int_equal(objects->object_list.count, 1);
    assert_false(objects->object_list.records[0].is_doubtful);
    transaction_destroy(&objects);
    kit_run(kit, suspend("mia", "", 1), ERROR_NONE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        KIT_TEST(test_windows_are_replaced_listed_and_forgotten),
        KIT_TEST(test_windows_that_are_too_large_are_refused_all_together),
        KIT_TEST(test_denylist_finds_what_is_on_it_and_says_why),
        KIT_TEST(test_denylist_keeps_the_time_of_the_first_and_the_reason_of_the_last),
        KIT_TEST(test_members_are_suspended_listed_and_resumed),
        KIT_TEST(test_ledger_of_schema_2_keeps_its_pins_and_journal),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
