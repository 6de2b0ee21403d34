// SPDX-License-Identifier: Apache-2.0
#include "federation/sequence.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static void test_sequence_takes_each_number_once_in_any_order(void **state)
{
    static const struct {
        uint64_t number;
        enum sequence_verdict verdict;
    } rows[] = {
        {0, SEQUENCE_BEYOND},
        {1, SEQUENCE_TAKEN},
        {1, SEQUENCE_REPEATED},
        {3, SEQUENCE_TAKEN},
        {2, SEQUENCE_TAKEN},
        {2, SEQUENCE_REPEATED},
        {3, SEQUENCE_REPEATED},
        {1026, SEQUENCE_TAKEN}, /* the window now begins behind 2 */
        {2, SEQUENCE_BELOW},
        {3, SEQUENCE_REPEATED},
        {4, SEQUENCE_TAKEN},
        {1027, SEQUENCE_TAKEN},
        {3, SEQUENCE_BELOW},
        {5, SEQUENCE_TAKEN},
        {900000, SEQUENCE_TAKEN}, /* further than the window is wide */
        {1028, SEQUENCE_BELOW},
        {900000 - SEQUENCE_WINDOW, SEQUENCE_BELOW},
        {900000 - SEQUENCE_WINDOW + 1, SEQUENCE_TAKEN},
        {900000, SEQUENCE_REPEATED},
        {SEQUENCE_MAX, SEQUENCE_TAKEN}, /* as far ahead as it likes: they are its own numbers */
        {SEQUENCE_MAX, SEQUENCE_REPEATED},
        {SEQUENCE_MAX + 1, SEQUENCE_BEYOND},
        {UINT64_MAX, SEQUENCE_BEYOND},
    };
    struct sequence_receiver receiver = {0};
    bool must_keep;

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        if (sequence_take(&receiver, rows[i].number, &must_keep) != rows[i].verdict)
            fail_msg("row %zu: %llu", i, (unsigned long long)rows[i].number);
}

/* The same numbers in each run. */
static uint64_t draw(uint64_t *random, uint64_t below)
{
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    return (*random >> 11) % below;
}

/* Against a plain list of what was taken. */
static void test_sequence_window_is_as_a_list_of_all_numbers(void **state)
{
    enum { NUMBERS = 20000 };
    static bool taken[NUMBERS + 1];
    struct sequence_receiver receiver = {0};
    uint64_t highest = 0, random = 7;
    bool must_keep;

    memset(taken, 0, sizeof(taken));
    for (unsigned step = 0; step < 200000; step++) {
        uint64_t from = highest > 1500 ? highest - 1500 : 0;
        uint64_t number = from + draw(&random, 1600) + (draw(&random, 500) == 0 ? 2000 : 0);
        enum sequence_verdict expected = SEQUENCE_TAKEN;

        if (number == 0 || number > NUMBERS)
            continue;
        if (highest > SEQUENCE_WINDOW && number <= highest - SEQUENCE_WINDOW)
            expected = SEQUENCE_BELOW;
        else if (taken[number])
            expected = SEQUENCE_REPEATED;
        assert_int_equal(sequence_take(&receiver, number, &must_keep), expected);
        taken[number] = true;
        highest = number > highest ? number : highest;
    }
    assert_true(highest > NUMBERS / 2);
}

static void test_sequence_after_a_crash_nothing_is_used_or_taken_twice(void **state)
{
    struct sequence_sender sender = {0};
    struct sequence_receiver receiver = {0};
    uint64_t kept_sent = 0, kept_taken = 0, last = 0;
    unsigned kept_count = 0;

    for (unsigned i = 0; i < 30000; i++) {
        bool must_keep;
        uint64_t number = sequence_draw(&sender, &must_keep);

        assert_true(number > last);
        last = number;
        if (must_keep)
            kept_sent = sender.claimed, kept_count++;
        assert_true(number <= kept_sent);
        if (sequence_take(&receiver, number, &must_keep) == SEQUENCE_BELOW) {
            sequence_raise(&sender, sequence_floor(&receiver));
            continue;
        }
        if (must_keep)
            kept_taken = receiver.claimed, kept_count++;
        assert_true(number <= kept_taken);
        if (i % 1000 == 300)
            sender = sequence_sender_load(kept_sent);
        if (i % 1000 == 700) {
            receiver = sequence_receiver_load(kept_taken);
            assert_int_equal(sequence_take(&receiver, number, &must_keep), SEQUENCE_BELOW);
        }
    }
    assert_true(kept_count < 150); /* and hardly ever written */
}

static void test_sequence_raises_no_further_than_a_peer_may_push(void **state)
{
    struct sequence_sender sender = {.next = 10, .claimed = 100};
    bool must_keep;

    sequence_raise(&sender, 5);
    assert_int_equal(sender.next, 10);
    sequence_raise(&sender, 10 + SEQUENCE_RAISE_MAX + 1);
    assert_int_equal(sender.next, 10);
    sequence_raise(&sender, 500);
    assert_int_equal(sequence_draw(&sender, &must_keep), 500);
    assert_true(must_keep);
    assert_int_equal(sender.claimed, 499 + SEQUENCE_STEP);
    sender.next = SEQUENCE_MAX;
    assert_int_equal(sequence_draw(&sender, &must_keep), SEQUENCE_MAX);
    assert_int_equal(sequence_draw(&sender, &must_keep), 0);
}

static void test_sequence_party_is_known_only_as_both_are_now(void **state)
{
    static const struct {
        uint64_t from, to, here, there;
        enum sequence_party party;
    } rows[] = {
        {2, 1, 1, 2, SEQUENCE_KNOWN},        {3, 1, 1, 2, SEQUENCE_FROM_UNKNOWN},
        {2, 3, 1, 2, SEQUENCE_FOR_ANOTHER},  {2, 0, 1, 2, SEQUENCE_FOR_ANOTHER},
        {0, 1, 1, 0, SEQUENCE_FROM_UNKNOWN}, {2, 0, 0, 2, SEQUENCE_FOR_ANOTHER},
    };

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++)
        assert_int_equal(sequence_party((struct sequence_pair){rows[i].from, rows[i].to},
                                        rows[i].here, rows[i].there),
                         rows[i].party);
}

static void test_credit_bounds_items_and_bytes_and_lets_a_large_one_go_alone(void **state)
{
    struct credit credit = {0};

    assert_false(credit_take(&credit, 0));
    credit_set(&credit, 2, 100);
    assert_true(credit_take(&credit, 60));
    assert_false(credit_take(&credit, 41));
    assert_true(credit_take(&credit, 40));
    assert_false(credit_take(&credit, 0));
    credit_give(&credit, 60);
    credit_set(&credit, 1, 10); /* less than is under way */
    assert_false(credit_take(&credit, 1));
    credit_give(&credit, 40);
    assert_true(credit_take(&credit, 5000));
    assert_false(credit_take(&credit, 0));
    credit_give(&credit, 5000);
    credit_set(&credit, 1, 0);
    assert_false(credit_take(&credit, 1));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_sequence_takes_each_number_once_in_any_order),
        cmocka_unit_test(test_sequence_window_is_as_a_list_of_all_numbers),
        cmocka_unit_test(test_sequence_after_a_crash_nothing_is_used_or_taken_twice),
        cmocka_unit_test(test_sequence_raises_no_further_than_a_peer_may_push),
        cmocka_unit_test(test_sequence_party_is_known_only_as_both_are_now),
        cmocka_unit_test(test_credit_bounds_items_and_bytes_and_lets_a_large_one_go_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
