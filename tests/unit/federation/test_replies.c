// SPDX-License-Identifier: Apache-2.0
#include "federation/replies.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static const uint8_t asked[REPLIES_DIGEST_SIZE] = {1}, other[REPLIES_DIGEST_SIZE] = {2};

static const char *key_of(char key[ULID_SIZE], unsigned number)
{
    snprintf(key, ULID_SIZE, "%026u", number);
    return key;
}

static enum replies_verdict begin(struct replies *replies, unsigned number, const uint8_t *digest,
                                  const char *expected)
{
    char key[ULID_SIZE];
    struct slice reply = {NULL, 0};
    enum replies_verdict verdict = replies_begin(replies, key_of(key, number), digest, &reply);

    if (expected != NULL)
        assert_true(slice_is(reply, expected));
    return verdict;
}

static void answer(struct replies *replies, unsigned number, const char *body)
{
    char key[ULID_SIZE];

    replies_answer(replies, key_of(key, number), slice_of(body));
}

static bool settle(struct replies *replies, unsigned number)
{
    char key[ULID_SIZE];

    return replies_settle(replies, key_of(key, number));
}

static void test_replies_answers_the_same_key_the_same(void **state)
{
    struct replies replies = {0};

    assert_int_equal(begin(&replies, 5, asked, NULL), REPLIES_NEW);
    assert_int_equal(begin(&replies, 5, asked, NULL), REPLIES_UNDER_WAY);
    assert_int_equal(begin(&replies, 5, other, NULL), REPLIES_DIFFERENT);
    answer(&replies, 5, "done");
    assert_int_equal(begin(&replies, 5, asked, "done"), REPLIES_ANSWERED);
    assert_int_equal(begin(&replies, 5, asked, "done"), REPLIES_ANSWERED);
    assert_int_equal(begin(&replies, 5, other, NULL), REPLIES_DIFFERENT);
    assert_int_equal(begin(&replies, 3, asked, NULL), REPLIES_NEW); /* overtaken */
    replies_dispose(&replies);
}

static void test_replies_asks_again_for_what_came_to_nothing(void **state)
{
    struct replies replies = {0};
    char key[ULID_SIZE];

    assert_int_equal(begin(&replies, 5, asked, NULL), REPLIES_NEW);
    replies_drop(&replies, key_of(key, 5));
    assert_int_equal(begin(&replies, 5, other, NULL), REPLIES_NEW);
    replies_dispose(&replies);
}

static void test_replies_never_takes_a_settled_key(void **state)
{
    struct replies replies = {0};

    for (unsigned n = 1; n <= 4; n++)
        assert_int_equal(begin(&replies, 2 * n, asked, NULL), REPLIES_NEW);
    answer(&replies, 2, "a");
    answer(&replies, 4, "b");
    assert_false(settle(&replies, 6)); /* is being done */
    assert_int_equal(begin(&replies, 2, asked, "a"), REPLIES_ANSWERED);
    assert_true(settle(&replies, 3));
    assert_int_equal(begin(&replies, 2, asked, NULL), REPLIES_SETTLED);
    assert_int_equal(begin(&replies, 1, asked, NULL), REPLIES_SETTLED);
    assert_int_equal(begin(&replies, 3, asked, NULL), REPLIES_SETTLED);
    assert_int_equal(begin(&replies, 4, asked, "b"), REPLIES_ANSWERED);
    assert_false(settle(&replies, 2));
    assert_true(settle(&replies, 3));
    replies_dispose(&replies);
}

static void test_replies_are_bounded_by_what_is_unsettled(void **state)
{
    struct replies replies = {0};

    for (unsigned n = 1; n <= REPLIES_MAX; n++) {
        assert_int_equal(replies_room(&replies), REPLIES_MAX - n + 1);
        assert_int_equal(begin(&replies, n, asked, NULL), REPLIES_NEW);
        answer(&replies, n, "x");
    }
    assert_int_equal(begin(&replies, REPLIES_MAX + 1, asked, NULL), REPLIES_FULL);
    assert_int_equal(begin(&replies, 1, asked, "x"), REPLIES_ANSWERED);
    assert_true(settle(&replies, 10));
    assert_int_equal(replies_room(&replies), 10);
    assert_int_equal(begin(&replies, REPLIES_MAX + 1, asked, NULL), REPLIES_NEW);
    replies_dispose(&replies);
}

static void test_replies_put_back_after_a_crash_answer_as_before(void **state)
{
    struct replies replies = {0};
    char key[ULID_SIZE];

    assert_true(settle(&replies, 4));
    replies_load(&replies, key_of(key, 9), asked, SLICE("nine"));
    replies_load(&replies, key_of(key, 7), asked, SLICE(""));
    assert_int_equal(begin(&replies, 9, asked, "nine"), REPLIES_ANSWERED);
    assert_int_equal(begin(&replies, 7, asked, ""), REPLIES_ANSWERED);
    assert_int_equal(begin(&replies, 8, asked, NULL), REPLIES_NEW);
    assert_int_equal(begin(&replies, 4, asked, NULL), REPLIES_SETTLED);
    replies_dispose(&replies);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_replies_answers_the_same_key_the_same),
        cmocka_unit_test(test_replies_asks_again_for_what_came_to_nothing),
        cmocka_unit_test(test_replies_never_takes_a_settled_key),
        cmocka_unit_test(test_replies_are_bounded_by_what_is_unsettled),
        cmocka_unit_test(test_replies_put_back_after_a_crash_answer_as_before),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
