// SPDX-License-Identifier: Apache-2.0
#include "pins_kit.h"

static const char link_1[] = "00000000000000000000000001";
static const char link_2[] = "00000000000000000000000002";

static struct transaction *put_of(const char *link, uint8_t role, unsigned n)
{
    struct transaction *put = transaction_create(TRANSACTION_ALLOCATION_PUT);
    struct allocation_entry *entry = &put->allocation_put.entry;

    snprintf(entry->link, sizeof(entry->link), "%s", link);
    entry->role = role;
    snprintf(entry->id, sizeof(entry->id), "%026u", n);
    entry->object = slice_of("object");
    snprintf(entry->state, sizeof(entry->state), "queued");
    return put;
}

static struct transaction *get_of(const char *link, uint8_t role, unsigned n)
{
    struct transaction *get = transaction_create(TRANSACTION_ALLOCATION_GET);

    snprintf(get->allocation_get.link, ULID_SIZE, "%s", link);
    get->allocation_get.role = role;
    snprintf(get->allocation_get.id, ULID_SIZE, "%026u", n);
    return get;
}

static void test_allocation_put_keeps_every_field(void **state)
{
    struct kit *kit = *state;
    struct transaction *put, *get;
    struct allocation_entry *entry;

    kit_run(kit, put_of(link_1, ALLOCATION_ROLE_OWNER, 7), ERROR_NONE);
    put = put_of(link_1, ALLOCATION_ROLE_OWNER, 7); /* in its place */
    entry = &put->allocation_put.entry;
    entry->object = (struct slice){"ob\0ject", 7};
    snprintf(entry->state, sizeof(entry->state), "transferring");
    entry->priority = -5;
    entry->bytes = 1000;
    entry->pins = 1;
    entry->since_ms = 11;
    entry->wake_ms = 22;
    snprintf(entry->held_key, ULID_SIZE, "%026u", 1);
    snprintf(entry->release_key, ULID_SIZE, "%026u", 2);
    snprintf(entry->evict_key, ULID_SIZE, "%026u", 3);
    entry->record = slice_of("record");
    entry->is_restored = true; /* not looked at */
    kit_run(kit, put, ERROR_NONE);
    store_close(&kit->store);
    kit_open(kit);
    get = get_of(link_1, ALLOCATION_ROLE_OWNER, 7);
    assert_true(store_run(kit->store, get, NULL));
    entry = &get->allocation_get.entry;
    assert_string_equal(entry->link, link_1);
    assert_int_equal(entry->role, ALLOCATION_ROLE_OWNER);
    assert_string_equal(entry->id, "00000000000000000000000007");
    assert_int_equal(entry->object.size, 7);
    assert_memory_equal(entry->object.data, "ob\0ject", 7);
    assert_string_equal(entry->state, "transferring");
    assert_int_equal(entry->priority, -5);
    assert_int_equal(entry->bytes, 1000);
    assert_int_equal(entry->pins, 1);
    assert_int_equal(entry->since_ms, 11);
    assert_int_equal(entry->wake_ms, 22);
    assert_string_equal(entry->held_key, "00000000000000000000000001");
    assert_string_equal(entry->release_key, "00000000000000000000000002");
    assert_string_equal(entry->evict_key, "00000000000000000000000003");
    assert_true(slice_is(entry->record, "record"));
    assert_false(entry->is_restored);
    transaction_destroy(&get);
}

static void test_allocation_is_named_by_link_role_and_id(void **state)
{
    struct kit *kit = *state;
    struct transaction *remove;

    kit_run(kit, put_of(link_1, ALLOCATION_ROLE_OWNER, 7), ERROR_NONE);
    kit_run(kit, get_of(link_2, ALLOCATION_ROLE_OWNER, 7), ERROR_NOT_FOUND);
    kit_run(kit, get_of(link_1, ALLOCATION_ROLE_HOLDER, 7), ERROR_NOT_FOUND);
    kit_run(kit, get_of(link_1, ALLOCATION_ROLE_OWNER, 8), ERROR_NOT_FOUND);
    for (int i = 0; i < 2; i++) { /* twice is no error */
        remove = transaction_create(TRANSACTION_ALLOCATION_REMOVE);
        memcpy(remove->allocation_remove.link, link_1, sizeof(link_1));
        remove->allocation_remove.role = ALLOCATION_ROLE_OWNER;
        snprintf(remove->allocation_remove.id, ULID_SIZE, "%026u", 7);
        kit_run(kit, remove, ERROR_NONE);
        kit_run(kit, get_of(link_1, ALLOCATION_ROLE_OWNER, 7), ERROR_NOT_FOUND);
    }
}

static void test_allocation_record_that_is_too_long_is_refused(void **state)
{
    static const char bytes[ALLOCATION_RECORD_MAX + 1];

    for (size_t over = 0; over < 2; over++) {
        struct transaction *put = put_of(link_1, ALLOCATION_ROLE_OWNER, 7);

        put->allocation_put.entry.record = (struct slice){bytes, ALLOCATION_RECORD_MAX + over};
        kit_run(*state, put, over == 0 ? ERROR_NONE : ERROR_LIMIT);
    }
}

/* ---- lists */

/* Pages through the list and notes the numbers of the ids. */
static size_t collect(struct kit *kit, const struct allocation_list *question, unsigned *seen,
                      size_t max)
{
    struct transaction *list = transaction_create(TRANSACTION_ALLOCATION_LIST), *before = NULL;
    size_t count = 0;

    list->allocation_list = *question;
    list->allocation_list.limit = 2;
    for (;;) {
        const struct allocation_list *page = &list->allocation_list;

        assert_true(store_run(kit->store, list, NULL));
        assert_true(page->count <= 2);
        for (size_t i = 0; i < page->count; i++) {
            assert_true(count < max);
            seen[count++] = (unsigned)strtoul(page->entries[i].id, NULL, 10);
        }
        transaction_destroy(&before);
        if (!page->has_more)
            break;
        before = list;
        list = transaction_create(TRANSACTION_ALLOCATION_LIST);
        list->allocation_list = *question;
        list->allocation_list.limit = 2;
        list->allocation_list.after = &before->allocation_list.entries[1];
    }
    transaction_destroy(&list);
    return count;
}

static void test_allocation_lists_page_in_their_order(void **state)
{
    static const struct {
        const char *link;
        uint8_t role;
        unsigned id;
        const char *state, *object;
        int32_t priority;
        uint64_t wake_ms;
    } rows[] = {
        {link_1, 1, 1, "queued", "a", 0, 50},
        {link_1, 1, 2, "queued", "b", 9, 10},
        {link_1, 1, 3, "queued", "a", -9, 0},
        {link_1, 1, 4, "placed", "c", 0, 30},
        {link_1, 1, 5, "queued", "d", 9, 10},
        {link_1, 1, 6, "queued", "e", INT32_MAX, 99},
        {link_1, 1, 7, "queued", "a", INT32_MIN, 10},
        {link_1, 1, 8, "released", "a", 0, 0},
        {link_1, 1, 9, "lost", "a", 0, 0},
        {link_1, 2, 11, "queued", "a", 0, 10},
        {link_2, 1, 21, "queued", "a", 0, 40},
    };
    static const struct {
        struct allocation_list question;
        unsigned expected[12];
    } cases[] = {
        {{.by = ALLOCATION_LIST_ID, .link = "00000000000000000000000001", .role = 1},
         {1, 2, 3, 4, 5, 6, 7, 8, 9}},
        {{.by = ALLOCATION_LIST_ID, .link = "00000000000000000000000001", .role = 2}, {11}},
        {{.by = ALLOCATION_LIST_STATE,
          .link = "00000000000000000000000001",
          .role = 1,
          .state = "queued"},
         {6, 2, 5, 1, 3, 7}},
        {{.by = ALLOCATION_LIST_OBJECT, .object = {"a", 1}}, {1, 3, 7, 8, 9, 11, 21}},
        {{.by = ALLOCATION_LIST_COPIES, .object = {"a", 1}}, {1, 3, 7, 21}},
        {{.by = ALLOCATION_LIST_DUE, .until_ms = 50}, {2, 5, 7, 11, 4, 21, 1}},
        {{.by = ALLOCATION_LIST_DUE, .until_ms = 9}, {0}},
        {{.by = ALLOCATION_LIST_UNPINNED}, {1, 3, 7, 21, 2, 5, 6}},
    };
    struct kit *kit = *state;

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct transaction *put = put_of(rows[i].link, rows[i].role, rows[i].id);
        struct allocation_entry *entry = &put->allocation_put.entry;

        snprintf(entry->state, sizeof(entry->state), "%s", rows[i].state);
        entry->object = slice_of(rows[i].object);
        entry->priority = rows[i].priority;
        entry->wake_ms = rows[i].wake_ms;
        kit_run(kit, put, ERROR_NONE);
    }
    kit_run(kit, kit_pin_add(1, "ada", "c"), ERROR_NONE); /* all but 4 are of no object */
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        unsigned seen[ARRAY_SIZE(cases[i].expected)] = {0};

        collect(kit, &cases[i].question, seen, ARRAY_SIZE(seen));
        assert_memory_equal(seen, cases[i].expected, sizeof(seen));
    }
}

static void test_allocation_sum_adds_up_by_state(void **state)
{
    struct kit *kit = *state;
    struct transaction *sum = transaction_create(TRANSACTION_ALLOCATION_SUM);

    for (unsigned n = 0; n < 10; n++) {
        struct transaction *put = put_of(link_1, n == 9 ? 2 : 1, n);

        put->allocation_put.entry.bytes = 100 + n;
        put->allocation_put.entry.pins = n % 3 == 0;
        snprintf(put->allocation_put.entry.state, ENTRY_STATE_SIZE, "%s",
                 n < 4 ? "placed" : "queued");
        kit_run(kit, put, ERROR_NONE);
    }
    memcpy(sum->allocation_sum.link, link_1, sizeof(link_1));
    sum->allocation_sum.role = 1;
    assert_true(store_run(kit->store, sum, NULL));
    assert_int_equal(sum->allocation_sum.count, 2);
    assert_string_equal(sum->allocation_sum.totals[0].state, "placed");
    assert_int_equal(sum->allocation_sum.totals[0].count, 4);
    assert_int_equal(sum->allocation_sum.totals[0].bytes, 406);
    assert_int_equal(sum->allocation_sum.totals[0].pins, 2);
    assert_string_equal(sum->allocation_sum.totals[1].state, "queued");
    assert_int_equal(sum->allocation_sum.totals[1].count, 5);
    assert_int_equal(sum->allocation_sum.totals[1].bytes, 104 + 105 + 106 + 107 + 108);
    assert_int_equal(sum->allocation_sum.totals[1].pins, 1);
    transaction_destroy(&sum);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        KIT_TEST(test_allocation_put_keeps_every_field),
        KIT_TEST(test_allocation_is_named_by_link_role_and_id),
        KIT_TEST(test_allocation_record_that_is_too_long_is_refused),
        KIT_TEST(test_allocation_lists_page_in_their_order),
        KIT_TEST(test_allocation_sum_adds_up_by_state),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
