// SPDX-License-Identifier: Apache-2.0
/* Each named transaction, on SQLite. */
#include "kit.h"

static void add_tokens(struct kit *kit, unsigned count)
{
    for (unsigned n = 0; n < count; n++)
        kit_run(kit, kit_token_add(n, n % 2 == 0 ? "alice" : "bob"), ERROR_NONE);
}

static struct transaction *get_token(unsigned n)
{
    struct transaction *get = transaction_create(TRANSACTION_TOKEN_GET);

    kit_token_id(get->token_get.id, n);
    return get;
}

static void test_token_add_keeps_every_field(void **state)
{
    struct kit *kit = *state;
    struct transaction *add = kit_token_add(7, "alice");
    struct transaction *get = get_token(7);
    const struct token_record *record = &get->token_get.record;
    struct error err = {0};

    add->token_add.record.expires_ms = 99000;
    add->token_add.record.roles = transaction_copy(add, SLICE("reader uploader"));
    add->token_add.record.label = transaction_copy(add, SLICE("CI \xc3\xa9t\xc3\xa9 \"x\"; --"));
    kit_run(kit, add, ERROR_NONE);
    assert_true(store_run(kit->store, get, &err));
    assert_string_equal(record->id, "aaaaaaaaah");
    assert_int_equal(record->owner_kind, OWNER_MEMBER);
    assert_string_equal(record->owner, "alice");
    assert_int_equal(record->secret_hash[0], 8);
    assert_int_equal(record->secret_hash[31], 8);
    assert_int_equal(record->created_ms, 1007);
    assert_int_equal(record->expires_ms, 99000);
    assert_int_equal(record->old_until_ms, 0);
    assert_int_equal(record->rotated_ms, 0);
    assert_int_equal(record->revoked_ms, 0);
    assert_int_equal(record->used_ms, 0);
    assert_true(slice_is(record->roles, "reader uploader"));
    assert_true(slice_is(record->label, "CI \xc3\xa9t\xc3\xa9 \"x\"; --"));
    transaction_destroy(&get);
}

static void test_token_add_refuses_an_id_that_is_taken(void **state)
{
    struct kit *kit = *state;
    struct transaction *get = get_token(1);
    struct error err = {0};

    kit_run(kit, kit_token_add(1, "alice"), ERROR_NONE);
    kit_run(kit, kit_token_add(1, "mallory"), ERROR_MISMATCH);
    assert_true(store_run(kit->store, get, &err));
    assert_string_equal(get->token_get.record.owner, "alice");
    transaction_destroy(&get);
}

static void test_token_get_says_which_token_is_missing(void **state)
{
    struct kit *kit = *state;
    struct transaction *get = get_token(3);
    struct error err = {0};

    assert_false(store_run(kit->store, get, &err));
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_string_equal(err.text, "there is no token aaaaaaaaad");
    transaction_destroy(&get);
}

static void test_token_list_pages_by_id(void **state)
{
    struct kit *kit = *state;
    char after[TOKEN_ID_SIZE] = "";
    unsigned seen = 0;
    bool has_more = true;

    add_tokens(kit, 25);
    while (has_more) {
        struct transaction *list = transaction_create(TRANSACTION_TOKEN_LIST);
        struct token_list *page = &list->token_list;
        struct error err = {0};

        memcpy(page->after, after, sizeof(after));
        page->limit = 10;
        assert_true(store_run(kit->store, list, &err));
        for (size_t i = 0; i < page->count; i++) {
            char id[TOKEN_ID_SIZE];

            kit_token_id(id, seen++);
            assert_string_equal(page->records[i].id, id);
        }
        memcpy(after, page->records[page->count - 1].id, sizeof(after));
        has_more = page->has_more;
        assert_int_equal(has_more, seen < 25);
        transaction_destroy(&list);
    }
    assert_int_equal(seen, 25);
}

static void test_token_list_can_be_of_one_owner(void **state)
{
    struct kit *kit = *state;
    struct transaction *list = transaction_create(TRANSACTION_TOKEN_LIST);
    struct transaction *partner = kit_token_add(100, "bob");
    struct error err = {0};

    partner->token_add.record.owner_kind = OWNER_PARTNER;
    kit_run(kit, partner, ERROR_NONE);
    add_tokens(kit, 11);
    list->token_list.limit = 100;
    list->token_list.owner_kind = OWNER_MEMBER;
    snprintf(list->token_list.owner, ID_SIZE, "bob");
    assert_true(store_run(kit->store, list, &err));
    assert_int_equal(list->token_list.count, 5);
    assert_false(list->token_list.has_more);
    for (size_t i = 0; i < 5; i++)
        assert_string_equal(list->token_list.records[i].owner, "bob");
    transaction_destroy(&list);
}

static void test_token_list_of_an_empty_ledger_is_empty(void **state)
{
    struct kit *kit = *state;
    struct transaction *list = transaction_create(TRANSACTION_TOKEN_LIST);
    struct error err = {0};

    list->token_list.limit = 5;
    assert_true(store_run(kit->store, list, &err));
    assert_int_equal(list->token_list.count, 0);
    assert_false(list->token_list.has_more);
    transaction_destroy(&list);
}

static struct transaction *rotate_token(unsigned n, uint8_t fill, uint64_t now_ms,
                                        uint64_t old_until_ms)
{
    struct transaction *rotate = transaction_create(TRANSACTION_TOKEN_ROTATE);

    kit_token_id(rotate->token_rotate.id, n);
    memset(rotate->token_rotate.secret_hash, fill, RECORD_HASH_SIZE);
    rotate->token_rotate.now_ms = now_ms;
    rotate->token_rotate.old_until_ms = old_until_ms;
    return rotate;
}

static void test_token_rotate_keeps_the_old_secret_for_a_while(void **state)
{
    struct kit *kit = *state;
    struct transaction *rotate = rotate_token(0, 0xbb, 2000, 5000), *get = get_token(0);
    const struct token_record *records[2] = {&rotate->token_rotate.record, &get->token_get.record};
    struct error err = {0};

    add_tokens(kit, 1);
    assert_true(store_run(kit->store, rotate, &err));
    assert_true(store_run(kit->store, get, &err));
    for (int i = 0; i < 2; i++) { /* what it answers is what it stored */
        assert_int_equal(records[i]->secret_hash[5], 0xbb);
        assert_int_equal(records[i]->old_secret_hash[5], 1);
        assert_int_equal(records[i]->old_until_ms, 5000);
        assert_int_equal(records[i]->rotated_ms, 2000);
        assert_int_equal(records[i]->expires_ms, 0);
    }
    transaction_destroy(&rotate);
    transaction_destroy(&get);
}

static void test_token_rotate_can_end_old_secrets_at_once_and_set_an_expiry(void **state)
{
    struct kit *kit = *state;
    struct transaction *rotate = rotate_token(0, 0xcc, 2500, 0), *get = get_token(0);
    struct error err = {0};

    add_tokens(kit, 1);
    kit_run(kit, rotate_token(0, 0xbb, 2000, 5000), ERROR_NONE);
    rotate->token_rotate.sets_expiry = true;
    rotate->token_rotate.expires_ms = 7777;
    kit_run(kit, rotate, ERROR_NONE);
    assert_true(store_run(kit->store, get, &err));
    assert_int_equal(get->token_get.record.secret_hash[0], 0xcc);
    assert_int_equal(get->token_get.record.old_until_ms, 0);
    assert_int_equal(get->token_get.record.old_secret_hash[0], 0);
    assert_int_equal(get->token_get.record.expires_ms, 7777);
    transaction_destroy(&get);
}

static struct transaction *revoke_token(unsigned n, uint64_t now_ms)
{
    struct transaction *revoke = transaction_create(TRANSACTION_TOKEN_REVOKE);

    kit_token_id(revoke->token_revoke.id, n);
    revoke->token_revoke.now_ms = now_ms;
    return revoke;
}

static void test_token_rotate_refuses_what_would_break_a_promise(void **state)
{
    struct kit *kit = *state;
    struct transaction *expiring = kit_token_add(50, "alice"), *get = get_token(0);
    struct error err = {0};

    add_tokens(kit, 2);
    expiring->token_add.record.expires_ms = 3000;
    kit_run(kit, expiring, ERROR_NONE);
    kit_run(kit, rotate_token(9, 1, 2000, 5000), ERROR_NOT_FOUND);
    kit_run(kit, rotate_token(0, 0xbb, 2000, 5000), ERROR_NONE);
    kit_run(kit, rotate_token(0, 0xcc, 4999, 9000), ERROR_REFUSED); /* the overlap still runs */
    assert_true(store_run(kit->store, get, &err));
    assert_int_equal(get->token_get.record.secret_hash[0], 0xbb);
    kit_run(kit, rotate_token(0, 0xdd, 5000, 9000), ERROR_NONE);
    kit_run(kit, revoke_token(1, 2000), ERROR_NONE);
    kit_run(kit, rotate_token(1, 0xee, 3000, 0), ERROR_REFUSED);
    kit_run(kit, rotate_token(50, 0xee, 3000, 4000), ERROR_REFUSED);
    transaction_destroy(&get);
}

static void test_token_revoke_keeps_the_first_time(void **state)
{
    struct kit *kit = *state;
    struct transaction *again = revoke_token(0, 9000);
    struct error err = {0};

    add_tokens(kit, 1);
    kit_run(kit, revoke_token(0, 4000), ERROR_NONE);
    assert_true(store_run(kit->store, again, &err));
    assert_int_equal(again->token_revoke.record.revoked_ms, 4000);
    assert_string_equal(again->token_revoke.record.owner, "alice");
    transaction_destroy(&again);
    kit_run(kit, revoke_token(5, 4000), ERROR_NOT_FOUND);
}

static void test_token_used_keeps_the_latest_time_and_passes_over_the_unknown(void **state)
{
    struct kit *kit = *state;
    struct token_use uses[3] = {{.used_ms = 500}, {.used_ms = 600}, {.used_ms = 700}};
    struct transaction *used = transaction_create(TRANSACTION_TOKEN_USED);
    struct transaction *older = transaction_create(TRANSACTION_TOKEN_USED);
    struct error err = {0};

    add_tokens(kit, 2);
    kit_token_id(uses[0].id, 0);
    kit_token_id(uses[1].id, 77);
    kit_token_id(uses[2].id, 1);
    used->token_used.uses = uses;
    used->token_used.count = 3;
    kit_run(kit, used, ERROR_NONE);
    uses[0].used_ms = 400;
    older->token_used.uses = uses;
    older->token_used.count = 1;
    kit_run(kit, older, ERROR_NONE);
    for (unsigned n = 0; n < 2; n++) {
        struct transaction *get = get_token(n);

        assert_true(store_run(kit->store, get, &err));
        assert_int_equal(get->token_get.record.used_ms, n == 0 ? 500 : 700);
        transaction_destroy(&get);
    }
}

static void test_token_purge_forgets_what_ended_long_ago(void **state)
{
    struct kit *kit = *state;
    struct transaction *expiring = kit_token_add(3, "alice");
    struct error err = {0};

    add_tokens(kit, 3);
    expiring->token_add.record.expires_ms = 4500;
    kit_run(kit, expiring, ERROR_NONE);
    kit_run(kit, revoke_token(0, 4000), ERROR_NONE);
    kit_run(kit, revoke_token(1, 4600), ERROR_NONE);
    for (unsigned run = 0; run < 3; run++) { /* 0, 3, and none is left */
        struct transaction *purge = transaction_create(TRANSACTION_TOKEN_PURGE);

        purge->token_purge.ended_ms = 4500;
        purge->token_purge.limit = 1;
        assert_true(store_run(kit->store, purge, &err));
        assert_int_equal(purge->token_purge.count, run < 2);
        assert_int_equal(purge->token_purge.has_more, run == 0);
        transaction_destroy(&purge);
    }
    kit_run(kit, get_token(0), ERROR_NOT_FOUND);
    kit_run(kit, get_token(1), ERROR_NONE); /* was revoked later */
    kit_run(kit, get_token(2), ERROR_NONE); /* is in force */
    kit_run(kit, get_token(3), ERROR_NOT_FOUND);
}

static struct transaction *set_head(uint64_t sequence, uint8_t fill)
{
    struct transaction *set = transaction_create(TRANSACTION_AUDIT_HEAD_SET);

    set->audit_head_set.head.sequence = sequence;
    memset(set->audit_head_set.head.hash, fill, RECORD_HASH_SIZE);
    return set;
}

static void test_audit_head_moves_forward_only(void **state)
{
    static const struct {
        uint64_t sequence;
        enum error_code expected;
    } steps[] = {{5, ERROR_NONE}, {5, ERROR_NONE}, {4, ERROR_REFUSED}, {1 << 20, ERROR_NONE}};
    struct kit *kit = *state;
    struct transaction *get = transaction_create(TRANSACTION_AUDIT_HEAD_GET);
    struct error err = {0};

    assert_true(store_run(kit->store, get, &err));
    assert_int_equal(get->audit_head_get.head.sequence, 0);
    for (size_t i = 0; i < ARRAY_SIZE(steps); i++)
        kit_run(kit, set_head(steps[i].sequence, (uint8_t)i), steps[i].expected);
    assert_true(store_run(kit->store, get, &err));
    assert_int_equal(get->audit_head_get.head.sequence, 1 << 20);
    assert_int_equal(get->audit_head_get.head.hash[31], 3);
    transaction_destroy(&get);
}

static struct transaction *put_policy(uint8_t fill, const char *bytes, uint64_t now_ms)
{
    struct transaction *put = transaction_create(TRANSACTION_POLICY_PUT);

    memset(put->policy_put.hash, fill, RECORD_HASH_SIZE);
    put->policy_put.bytes = slice_of(bytes);
    put->policy_put.now_ms = now_ms;
    return put;
}

static void expect_active(struct kit *kit, uint64_t number, const char *bytes,
                          uint64_t activated_ms)
{
    struct transaction *get = transaction_create(TRANSACTION_POLICY_GET);
    const struct policy_record *record = &get->policy_get.record;
    struct error err = {0};

    assert_true(store_run(kit->store, get, &err));
    assert_int_equal(record->number, number);
    assert_true(slice_is(record->bytes, bytes));
    assert_int_equal(record->size, strlen(bytes));
    assert_true(record->is_active);
    assert_int_equal(record->activated_ms, activated_ms);
    transaction_destroy(&get);
}

static void test_policy_put_stores_each_text_once_and_makes_it_active(void **state)
{
    struct kit *kit = *state;
    struct transaction *get = transaction_create(TRANSACTION_POLICY_GET);
    struct error err = {0};

    assert_false(store_run(kit->store, get, &err));
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    kit_run(kit, put_policy(1, "first", 100), ERROR_NONE);
    expect_active(kit, 1, "first", 100);
    kit_run(kit, put_policy(2, "second", 200), ERROR_NONE);
    expect_active(kit, 2, "second", 200);
    kit_run(kit, put_policy(1, "first", 300), ERROR_NONE);
    expect_active(kit, 1, "first", 300);
    get->policy_get.has_hash = true;
    memset(get->policy_get.hash, 2, RECORD_HASH_SIZE);
    assert_true(store_run(kit->store, get, &err));
    assert_int_equal(get->policy_get.record.number, 2);
    assert_false(get->policy_get.record.is_active);
    assert_int_equal(get->policy_get.record.created_ms, 200);
    transaction_destroy(&get);
}

static void test_policy_put_refuses_what_is_too_large(void **state)
{
    struct kit *kit = *state;
    struct transaction *put = put_policy(1, "x", 100);

    put->policy_put.bytes.size = POLICY_SIZE_MAX + 1; /* refused before it is read */
    kit_run(kit, put, ERROR_LIMIT);
}

static void test_policy_activate_goes_back_and_leaves_all_as_it_was_on_a_wrong_number(void **state)
{
    struct kit *kit = *state;
    struct transaction *back = transaction_create(TRANSACTION_POLICY_ACTIVATE);
    struct transaction *wrong = transaction_create(TRANSACTION_POLICY_ACTIVATE);

    kit_run(kit, put_policy(1, "first", 100), ERROR_NONE);
    kit_run(kit, put_policy(2, "second", 200), ERROR_NONE);
    wrong->policy_activate.number = 3;
    wrong->policy_activate.now_ms = 250;
    kit_run(kit, wrong, ERROR_NOT_FOUND);
    expect_active(kit, 2, "second", 200); /* not: none at all */
    back->policy_activate.number = 1;
    back->policy_activate.now_ms = 300;
    kit_run(kit, back, ERROR_NONE);
    expect_active(kit, 1, "first", 300);
}

static void test_policy_that_comes_into_force_later_says_so_whatever_the_clock_says(void **state)
{
    struct kit *kit = *state;
    struct transaction *back = transaction_create(TRANSACTION_POLICY_ACTIVATE);

    kit_run(kit, put_policy(1, "first", 100), ERROR_NONE);
    kit_run(kit, put_policy(2, "second", 100), ERROR_NONE); /* in the same millisecond */
    expect_active(kit, 2, "second", 101);
    back->policy_activate.number = 1;
    back->policy_activate.now_ms = 50;
    kit_run(kit, back, ERROR_NONE);
    expect_active(kit, 1, "first", 102);
}

static void test_policy_list_begins_with_the_newest(void **state)
{
    struct kit *kit = *state;
    struct transaction *list = transaction_create(TRANSACTION_POLICY_LIST);
    struct policy_list *page = &list->policy_list;
    struct error err = {0};

    for (uint8_t i = 1; i <= 5; i++)
        kit_run(kit, put_policy(i, "text", i), ERROR_NONE);
    page->limit = 3;
    assert_true(store_run(kit->store, list, &err));
    assert_int_equal(page->count, 3);
    assert_true(page->has_more);
    assert_int_equal(page->records[0].number, 5);
    assert_true(page->records[0].is_active);
    assert_false(page->records[1].is_active);
    assert_int_equal(page->records[2].number, 3);
    assert_int_equal(page->records[2].bytes.size, 0);
    assert_int_equal(page->records[2].size, 4);
    page->before = 3;
    assert_true(store_run(kit->store, list, &err));
    assert_int_equal(page->count, 2);
    assert_false(page->has_more);
    assert_int_equal(page->records[1].number, 1);
    transaction_destroy(&list);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, kit_setup, kit_teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_token_add_keeps_every_field),
        TEST(test_token_add_refuses_an_id_that_is_taken),
        TEST(test_token_get_says_which_token_is_missing),
        TEST(test_token_list_pages_by_id),
        TEST(test_token_list_can_be_of_one_owner),
        TEST(test_token_list_of_an_empty_ledger_is_empty),
        TEST(test_token_rotate_keeps_the_old_secret_for_a_while),
        TEST(test_token_rotate_can_end_old_secrets_at_once_and_set_an_expiry),
        TEST(test_token_rotate_refuses_what_would_break_a_promise),
        TEST(test_token_revoke_keeps_the_first_time),
        TEST(test_token_used_keeps_the_latest_time_and_passes_over_the_unknown),
        TEST(test_token_purge_forgets_what_ended_long_ago),
        TEST(test_audit_head_moves_forward_only),
        TEST(test_policy_put_stores_each_text_once_and_makes_it_active),
        TEST(test_policy_put_refuses_what_is_too_large),
        TEST(test_policy_activate_goes_back_and_leaves_all_as_it_was_on_a_wrong_number),
        TEST(test_policy_that_comes_into_force_later_says_so_whatever_the_clock_says),
        TEST(test_policy_list_begins_with_the_newest),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
