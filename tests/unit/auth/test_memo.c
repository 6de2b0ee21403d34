// SPDX-License-Identifier: Apache-2.0
#include "auth/memo.h"

#include "../store/kit.h"

enum { POLICY = 7 };

struct fixture {
    struct directory *directory;
    struct directory_view *reader;
    struct memo *memo;
    struct token_record record;
    uint8_t hash[RECORD_HASH_SIZE]; /* of the header that is kept */
};

static const uint64_t start_ms = UINT64_C(1700000000000);

/* The principal that a lookup makes of the token, by its secret whose hash is this byte. */
static const struct principal *look_up(struct fixture *f, uint8_t secret, uint64_t now_ms)
{
    struct credential credential = {.form = CREDENTIAL_BEARER};
    struct directory_token token;
    struct principal facts = {0};

    memcpy(credential.id, f->record.id, TOKEN_ID_SIZE);
    memset(credential.secret_hash, secret, RECORD_HASH_SIZE);
    assert_int_equal(directory_authenticate(f->reader, &credential, now_ms, &token),
                     DIRECTORY_FOUND);
    directory_token_describe(&token, &facts);
    return principal_create(&facts);
}

static void keep(struct fixture *f, uint8_t secret, uint64_t now_ms)
{
    const struct principal *principal = look_up(f, secret, now_ms);

    memo_keep(&f->memo, POLICY, f->hash, principal, now_ms);
    principal_unref(&principal);
}

static bool has(const struct fixture *f, uint64_t policy, struct slice value, uint64_t now_ms)
{
    uint8_t hash[RECORD_HASH_SIZE];
    const struct principal *found;
    bool result;

    memo_hash(value, hash);
    found = memo_find(f->memo, f->directory, policy, hash, now_ms);
    result = found != NULL;
    if (result)
        assert_true(slice_is(found->id, "alice"));
    principal_unref(&found);
    return result;
}

static const struct slice sent = SLICE("Bearer cw1_one");

static int setup(void **state)
{
    struct fixture *f = memory_alloc(sizeof(*f));

    f->directory = directory_create();
    f->reader = directory_view_create(f->directory);
    f->record = (struct token_record){.owner_kind = OWNER_MEMBER,
                                      .owner = "alice",
                                      .created_ms = 1,
                                      .expires_ms = start_ms + 30000};
    kit_token_id(f->record.id, 1);
    memset(f->record.secret_hash, 5, RECORD_HASH_SIZE);
    directory_put(f->directory, &f->record);
    memo_hash(sent, f->hash);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    memo_destroy(&f->memo);
    directory_view_destroy(&f->reader);
    directory_destroy(&f->directory);
    free(f);
    return 0;
}

static void test_memo_answers_for_the_same_header_only(void **state)
{
    struct fixture *f = *state;

    assert_false(has(f, POLICY, sent, start_ms)); /* there is none yet */
    keep(f, 5, start_ms);
    assert_true(has(f, POLICY, sent, start_ms));
    assert_true(has(f, POLICY, sent, start_ms + 1));
    assert_false(has(f, POLICY, SLICE("Bearer cw1_onf"), start_ms));
    assert_false(has(f, POLICY, SLICE("Bearer cw1_on"), start_ms));
    assert_false(has(f, POLICY, SLICE(""), start_ms));
    assert_true(has(f, POLICY, sent, start_ms)); /* and is not forgotten for it */
}

static void test_memo_is_of_one_policy(void **state)
{
    struct fixture *f = *state;

    keep(f, 5, start_ms);
    assert_false(has(f, POLICY + 1, sent, start_ms));
}

static void test_memo_forgets_what_any_change_may_have_taken_away(void **state)
{
    struct fixture *f = *state;
    struct token_record changed = f->record, other = f->record;
    struct error err = {0};
    uint8_t secret[RECORD_HASH_SIZE];

    kit_token_id(other.id, 2);
    keep(f, 5, start_ms);
    directory_put(f->directory, &other); /* one more takes nothing away */
    assert_true(has(f, POLICY, sent, start_ms));

    directory_end_sessions(f->directory, PRINCIPAL_MEMBER, SLICE("alice"));
    assert_false(has(f, POLICY, sent, start_ms));

    keep(f, 5, start_ms);
    changed.expires_ms += 1;
    directory_put(f->directory, &changed);
    assert_false(has(f, POLICY, sent, start_ms));

    keep(f, 5, start_ms);
    memset(secret, 6, sizeof(secret));
    assert_true(token_record_rotate(&changed, secret, start_ms, start_ms + 1000, &err));
    directory_put(f->directory, &changed);
    assert_false(has(f, POLICY, sent, start_ms));

    keep(f, 6, start_ms);
    changed.revoked_ms = start_ms;
    directory_put(f->directory, &changed);
    assert_false(has(f, POLICY, sent, start_ms));
}

/* Its end changes nothing in the directory. */
static void test_memo_keeps_no_secret_that_a_rotation_replaced(void **state)
{
    struct fixture *f = *state;
    struct error err = {0};
    uint8_t secret[RECORD_HASH_SIZE];

    memset(secret, 6, sizeof(secret));
    assert_true(token_record_rotate(&f->record, secret, start_ms, start_ms + 1000, &err));
    directory_put(f->directory, &f->record);
    keep(f, 5, start_ms);
    assert_false(has(f, POLICY, sent, start_ms));
    keep(f, 6, start_ms);
    assert_true(has(f, POLICY, sent, start_ms));
    keep(f, 5, start_ms); /* and does not lose the other for it */
    assert_true(has(f, POLICY, sent, start_ms));
}

static void test_memo_ends_with_the_credential_and_after_its_own_time(void **state)
{
    struct fixture *f = *state;

    keep(f, 5, start_ms);
    assert_true(has(f, POLICY, sent, start_ms + 29999));
    assert_false(has(f, POLICY, sent, start_ms + 30000));
    f->record.expires_ms = 0;
    directory_put(f->directory, &f->record);
    keep(f, 5, start_ms);
    assert_true(has(f, POLICY, sent, start_ms + MEMO_MS - 1));
    assert_false(has(f, POLICY, sent, start_ms + MEMO_MS));
    assert_false(has(f, POLICY, sent, start_ms - 1)); /* the clock was set back */
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_memo_answers_for_the_same_header_only),
        TEST(test_memo_is_of_one_policy),
        TEST(test_memo_forgets_what_any_change_may_have_taken_away),
        TEST(test_memo_keeps_no_secret_that_a_rotation_replaced),
        TEST(test_memo_ends_with_the_credential_and_after_its_own_time),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
