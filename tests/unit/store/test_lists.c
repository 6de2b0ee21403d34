// SPDX-License-Identifier: Apache-2.0
/* Pages of objects, pins and owners; pins that expire; owners that go and come back. */
#include "pins_kit.h"

enum { PAGE = 3 };

static void put_key(char key[32], unsigned object)
{
    snprintf(key, 32, "key-%04u", object);
}

/* An intent; wanted recursive. */
static void add(struct kit *kit, unsigned n, enum owner_kind kind, const char *owner,
                unsigned object, uint64_t expires_ms)
{
    struct transaction *add;
    char key[32];

    put_key(key, object);
    add = kit_pin_add(n, owner, key);
    add->pin_add.record.owner.kind = kind;
    add->pin_add.record.slot = n;
    add->pin_add.record.expires_ms = expires_ms;
    kit_run(kit, add, ERROR_NONE);
}

static void run(struct kit *kit, struct transaction *transaction)
{
    struct error err = {0};

    if (!store_run(kit->store, transaction, &err))
        fail_msg("%s: %s", transaction_text(transaction->name), err.text);
}

static void expect_id(const struct pin_record *record, unsigned n)
{
    char id[ULID_SIZE];

    snprintf(id, sizeof(id), "%026u", n);
    assert_string_equal(record->id, id);
}

static void expect_usage(struct kit *kit, const char *owner, uint64_t bytes, uint64_t pins)
{
    struct transaction *get = transaction_create(TRANSACTION_USAGE_GET);

    get->usage_get.is_org = owner == NULL;
    get->usage_get.owner.kind = OWNER_MEMBER;
    snprintf(get->usage_get.owner.id, ID_SIZE, "%s", owner == NULL ? "" : owner);
    run(kit, get);
    assert_int_equal(get->usage_get.usage.bytes, bytes);
    assert_int_equal(get->usage_get.usage.pins, pins);
    transaction_destroy(&get);
}

/* Nothing that is kept differs from what its pins add up to. */
static void expect_recount(struct kit *kit)
{
    struct transaction *recount = transaction_create(TRANSACTION_USAGE_RECOUNT);

    run(kit, recount);
    assert_int_equal(recount->usage_recount.different, 0);
    transaction_destroy(&recount);
}

/* ---- lists */

static void test_object_list_pages_through_every_object_once(void **state)
{
    struct kit *kit = *state;
    char after[32] = "", key[32];
    bool has_more = true;
    unsigned seen = 0;

    for (unsigned n = 0; n < 10; n++)
        add(kit, n, OWNER_MEMBER, "alice", n, 0);
    while (has_more) {
        struct transaction *list = transaction_create(TRANSACTION_OBJECT_LIST);

        list->object_list.after = slice_of(after);
        list->object_list.limit = PAGE;
        run(kit, list);
        assert_true(list->object_list.count <= PAGE);
        for (size_t i = 0; i < list->object_list.count; i++) {
            put_key(key, seen++);
            assert_true(slice_is(list->object_list.records[i].key, key));
        }
        memcpy(after, key, sizeof(after));
        has_more = list->object_list.has_more;
        transaction_destroy(&list);
    }
    assert_int_equal(seen, 10);
}

static void test_pin_list_of_all_pages_through_every_owners_pins_by_id(void **state)
{
    static const char *const owners[] = {"zoe", "alice", "mia"};
    struct kit *kit = *state;
    char after[ULID_SIZE] = "";
    bool has_more = true;
    unsigned seen = 0;

    for (unsigned n = 0; n < 10; n++)
        add(kit, n, n % 2 == 0 ? OWNER_MEMBER : OWNER_GROUP, owners[n % 3], n, 0);
    while (has_more) {
        struct transaction *list = transaction_create(TRANSACTION_PIN_LIST);

        memcpy(list->pin_list.after, after, sizeof(after));
        list->pin_list.limit = PAGE;
        run(kit, list);
        for (size_t i = 0; i < list->pin_list.count; i++) {
            const struct pin_record *record = &list->pin_list.records[i];

            expect_id(record, seen);
            assert_string_equal(record->owner.id, owners[seen % 3]);
            memcpy(after, record->id, sizeof(after));
            seen++;
        }
        has_more = list->pin_list.has_more;
        transaction_destroy(&list);
    }
    assert_int_equal(seen, 10);
}

static void test_pin_expired_pages_by_expiry_and_passes_over_what_is_being_removed(void **state)
{
    /* expiry of each pin; those of 200 tie */
    static const uint64_t expiries[] = {300, 0, 200, 100, 200, 400, 150, 200};
    static const unsigned expected[] = {3, 2, 4, 7, 0}; /* up to 300; 6 is on its way out */
    struct kit *kit = *state;
    char after[ULID_SIZE] = "";
    uint64_t after_ms = 0;
    bool has_more = true;
    unsigned seen = 0;

    for (unsigned n = 0; n < ARRAY_SIZE(expiries); n++)
        add(kit, n, OWNER_MEMBER, n % 2 == 0 ? "zoe" : "alice", n, expiries[n]);
    kit_run(kit, kit_pin_confirm(6, PIN_RECURSIVE, 1), ERROR_NONE);
    kit_run(kit, kit_pin_mark(6, PIN_REMOVING, false), ERROR_NONE);
    while (has_more) {
        struct transaction *list = transaction_create(TRANSACTION_PIN_EXPIRED);

        list->pin_expired.until_ms = 300;
        list->pin_expired.after_ms = after_ms;
        memcpy(list->pin_expired.after, after, sizeof(after));
        list->pin_expired.limit = 2;
        run(kit, list);
        for (size_t i = 0; i < list->pin_expired.count; i++) {
            assert_true(seen < ARRAY_SIZE(expected));
            expect_id(&list->pin_expired.records[i], expected[seen++]);
            after_ms = list->pin_expired.records[i].expires_ms;
            memcpy(after, list->pin_expired.records[i].id, sizeof(after));
        }
        has_more = list->pin_expired.has_more;
        transaction_destroy(&list);
    }
    assert_int_equal(seen, ARRAY_SIZE(expected));
}

static void test_owner_list_has_each_owner_of_a_pin_once_with_its_usage(void **state)
{
    static const struct {
        enum owner_kind kind;
        const char *id;
        uint64_t bytes, pins;
    } expected[] = {
        {OWNER_GROUP, "alice", 7, 1}, /* by the kind's name: group, member, partner */
        {OWNER_MEMBER, "alice", 30, 2},
        {OWNER_MEMBER, "bob", 0, 0}, /* not confirmed */
        {OWNER_PARTNER, "alice", 20, 1},
    };
    struct kit *kit = *state;
    struct owner after = {0};
    bool has_more = true;
    unsigned seen = 0;

    add(kit, 1, OWNER_MEMBER, "alice", 1, 0);
    add(kit, 2, OWNER_MEMBER, "alice", 2, 0);
    add(kit, 3, OWNER_MEMBER, "bob", 2, 0);
    add(kit, 4, OWNER_GROUP, "alice", 3, 0);
    add(kit, 5, OWNER_PARTNER, "alice", 2, 0);
    kit_run(kit, kit_pin_confirm(1, PIN_RECURSIVE, 10), ERROR_NONE);
    kit_run(kit, kit_pin_confirm(2, PIN_RECURSIVE, 20), ERROR_NONE);
    kit_run(kit, kit_pin_confirm(4, PIN_RECURSIVE, 7), ERROR_NONE);
    kit_run(kit, kit_pin_confirm(5, PIN_RECURSIVE, 99), ERROR_NONE); /* known: 20 */
    while (has_more) {
        struct transaction *list = transaction_create(TRANSACTION_OWNER_LIST);

        list->owner_list.after = after;
        list->owner_list.limit = 1;
        run(kit, list);
        for (size_t i = 0; i < list->owner_list.count; i++, seen++) {
            const struct owner_entry *entry = &list->owner_list.entries[i];

            assert_true(seen < ARRAY_SIZE(expected));
            assert_int_equal(entry->owner.kind, expected[seen].kind);
            assert_string_equal(entry->owner.id, expected[seen].id);
            assert_int_equal(entry->usage.bytes, expected[seen].bytes);
            assert_int_equal(entry->usage.pins, expected[seen].pins);
            assert_false(entry->has_ownerless);
            after = entry->owner;
        }
        has_more = list->owner_list.has_more;
        transaction_destroy(&list);
    }
    assert_int_equal(seen, ARRAY_SIZE(expected));
}

/* ---- owners that go and come back */

/* Returns how many pins were looked at. */
static unsigned mark_all(struct kit *kit, const char *owner, bool is_ownerless)
{
    char after[ULID_SIZE] = "";
    bool has_more = true;
    unsigned seen = 0;

    while (has_more) {
        struct transaction *mark = transaction_create(TRANSACTION_OWNER_MARK);
        struct owner_mark *in = &mark->owner_mark;

        in->owner.kind = OWNER_MEMBER;
        snprintf(in->owner.id, ID_SIZE, "%s", owner);
        in->is_ownerless = is_ownerless;
        memcpy(in->after, after, sizeof(after));
        in->limit = PAGE;
        run(kit, mark);
        for (size_t i = 0; i < in->count; i++)
            memcpy(after, in->records[i].id, sizeof(after));
        seen += (unsigned)in->count;
        has_more = in->has_more;
        transaction_destroy(&mark);
    }
    return seen;
}

static enum pin_state state_of(struct kit *kit, const char *owner, unsigned n)
{
    struct transaction *list = transaction_create(TRANSACTION_PIN_LIST);
    enum pin_state found = 0;
    char id[ULID_SIZE];

    snprintf(id, sizeof(id), "%026u", n);
    list->pin_list.owner.kind = OWNER_MEMBER;
    snprintf(list->pin_list.owner.id, ID_SIZE, "%s", owner);
    list->pin_list.limit = 100;
    run(kit, list);
    for (size_t i = 0; i < list->pin_list.count; i++)
        if (strcmp(list->pin_list.records[i].id, id) == 0)
            found = list->pin_list.records[i].state;
    transaction_destroy(&list);
    return found;
}

static bool has_ownerless(struct kit *kit)
{
    struct transaction *list = transaction_create(TRANSACTION_OWNER_LIST);
    bool has;

    list->owner_list.limit = 1;
    run(kit, list);
    has = list->owner_list.entries[0].has_ownerless;
    transaction_destroy(&list);
    return has;
}

static void test_owner_mark_moves_charges_to_the_organization_and_back(void **state)
{
    struct kit *kit = *state;

    for (unsigned n = 0; n < 8; n++)
        add(kit, n, OWNER_MEMBER, "alice", n, 0);
    for (unsigned n = 0; n < 7; n++) /* 7 is not confirmed */
        kit_run(kit, kit_pin_confirm(n, PIN_RECURSIVE, 10), ERROR_NONE);
    kit_run(kit, kit_pin_mark(6, PIN_REMOVING, false), ERROR_NONE);
    add(kit, 20, OWNER_MEMBER, "bob", 1, 0);
    kit_run(kit, kit_pin_confirm(20, PIN_RECURSIVE, 10), ERROR_NONE);

    assert_int_equal(mark_all(kit, "alice", true), 8);
    expect_usage(kit, "alice", 10, 1); /* what is being removed is alice's until it is gone */
    expect_usage(kit, "bob", 10, 1);
    expect_usage(kit, NULL, 70, 8);
    assert_int_equal(state_of(kit, "alice", 0), PIN_OWNERLESS);
    assert_int_equal(state_of(kit, "alice", 6), PIN_REMOVING);
    assert_int_equal(state_of(kit, "alice", 7), PIN_QUEUED);
    assert_true(has_ownerless(kit));
    expect_recount(kit);

    assert_int_equal(mark_all(kit, "alice", true), 8); /* twice is no error */
    expect_usage(kit, "alice", 10, 1);

    assert_int_equal(mark_all(kit, "alice", false), 8);
    expect_usage(kit, "alice", 70, 7);
    expect_usage(kit, NULL, 70, 8);
    assert_int_equal(state_of(kit, "alice", 0), PIN_PINNED);
    assert_false(has_ownerless(kit));
    expect_recount(kit);
}

/* ---- another name or expiry */

static struct transaction *edit(unsigned n)
{
    struct transaction *edit = transaction_create(TRANSACTION_PIN_EDIT);

    snprintf(edit->pin_edit.id, ULID_SIZE, "%026u", n);
    return edit;
}

static void test_pin_edit_changes_name_and_expiry_alone(void **state)
{
    struct kit *kit = *state;
    struct transaction *change = edit(1), *list = transaction_create(TRANSACTION_PIN_EXPIRED);
    static char long_name[PIN_NAME_MAX + 1];

    add(kit, 1, OWNER_MEMBER, "alice", 1, 500);
    kit_run(kit, kit_pin_confirm(1, PIN_RECURSIVE, 10), ERROR_NONE);
    change->pin_edit.renames = true;
    change->pin_edit.name = SLICE("holiday");
    run(kit, change);
    assert_true(slice_is(change->pin_edit.record.name, "holiday"));
    assert_int_equal(change->pin_edit.record.expires_ms, 500);
    assert_int_equal(change->pin_edit.record.state, PIN_PINNED);
    transaction_destroy(&change);

    change = edit(1);
    change->pin_edit.sets_expiry = true;
    run(kit, change);
    assert_true(slice_is(change->pin_edit.record.name, "holiday"));
    assert_int_equal(change->pin_edit.record.expires_ms, 0);
    transaction_destroy(&change);
    list->pin_expired.until_ms = 1000;
    list->pin_expired.limit = 10;
    run(kit, list);
    assert_int_equal(list->pin_expired.count, 0);
    transaction_destroy(&list);
    expect_usage(kit, "alice", 10, 1);

    memset(long_name, 'x', sizeof(long_name));
    change = edit(1);
    change->pin_edit.renames = true;
    change->pin_edit.name = (struct slice){long_name, sizeof(long_name)};
    kit_run(kit, change, ERROR_LIMIT);
    kit_run(kit, edit(2), ERROR_NOT_FOUND);
    kit_run(kit, kit_pin_mark(1, PIN_REMOVING, false), ERROR_NONE);
    kit_run(kit, edit(1), ERROR_REFUSED);
}

static void test_pin_confirm_sets_another_expiry_if_told(void **state)
{
    struct kit *kit = *state;
    struct transaction *confirm = transaction_create(TRANSACTION_PIN_CONFIRM);

    add(kit, 1, OWNER_MEMBER, "alice", 1, 500);
    snprintf(confirm->pin_confirm.id, ULID_SIZE, "%026u", 1U);
    confirm->pin_confirm.mode = PIN_RECURSIVE;
    confirm->pin_confirm.sets_expiry = true;
    confirm->pin_confirm.expires_ms = 900;
    run(kit, confirm);
    assert_int_equal(confirm->pin_confirm.record.expires_ms, 900);
    transaction_destroy(&confirm);
}

/* ---- what a backup brought */

static void test_object_put_ends_the_doubt_about_an_object(void **state)
{
    struct kit *kit = *state;
    struct transaction *put, *get;

    for (int is_doubtful = 1; is_doubtful >= 0; is_doubtful--) {
        put = transaction_create(TRANSACTION_OBJECT_PUT);
        put->object_put.record =
            (struct object_record){.key = SLICE("k"), .upstream = PIN_RECURSIVE};
        put->object_put.record.is_doubtful = is_doubtful != 0;
        kit_run(kit, put, ERROR_NONE);
        get = transaction_create(TRANSACTION_OBJECT_GET);
        get->object_get.key = SLICE("k");
        run(kit, get);
        assert_int_equal(get->object_get.record.is_doubtful, is_doubtful);
        transaction_destroy(&get);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        KIT_TEST(test_object_list_pages_through_every_object_once),
        KIT_TEST(test_pin_list_of_all_pages_through_every_owners_pins_by_id),
        KIT_TEST(test_pin_expired_pages_by_expiry_and_passes_over_what_is_being_removed),
        KIT_TEST(test_owner_list_has_each_owner_of_a_pin_once_with_its_usage),
        KIT_TEST(test_owner_mark_moves_charges_to_the_organization_and_back),
        KIT_TEST(test_pin_edit_changes_name_and_expiry_alone),
        KIT_TEST(test_pin_confirm_sets_another_expiry_if_told),
        KIT_TEST(test_object_put_ends_the_doubt_about_an_object),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
