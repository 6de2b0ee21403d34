// SPDX-License-Identifier: Apache-2.0
/* Quotas on what the pin tracker holds. */
#include "tracker_bench.h"

static void test_tracker_charges_at_most_the_quota(void **state)
{
    struct bench *bench = *state;

    bench->bytes_limit = 300;
    assert_int_equal(bench_claim(bench, "alice", 0), TRACKER_DONE); /* 100 */
    assert_int_equal(bench_claim(bench, "alice", 1), TRACKER_DONE); /* 200: to the byte */
    assert_int_equal(bench_claim(bench, "alice", 2), TRACKER_QUOTA);
    bench_turn(bench, 100);
    assert_int_equal(bench_upstream(bench, 2), PIN_NONE);
    assert_int_equal(bench_pins(bench, "alice"), 2);
    assert_int_equal(bench_release(bench, "alice", 0), TRACKER_DONE);
    assert_int_equal(bench_claim(bench, "alice", 0), TRACKER_DONE);
    bench_assert_sound(bench);
}

static void test_tracker_what_outgrows_its_quota_leaves_no_pin(void **state)
{
    struct bench *bench = *state;
    struct tracker_request request = bench_request(bench, TRACKER_CLAIM, "alice", 4, PIN_RECURSIVE);
    struct reply reply;

    bench->bytes_limit = 499; /* it has 500 */
    bench_start(bench, &reply, &request);
    bench_await(bench, &reply);
    assert_int_equal(reply.outcome, TRACKER_QUOTA);
    assert_non_null(strstr(reply.text, "shelf-room"));
    bench_turn(bench, 100);
    assert_int_equal(bench_upstream(bench, 4), PIN_NONE);
    assert_int_equal(bench_pins(bench, "alice"), 0);
    assert_int_equal(bench_open_entries(bench), 0);
    bench_assert_sound(bench);
}

static void test_tracker_cuts_a_pin_that_outgrows_its_quota(void **state)
{
    struct bench *bench = *state;
    struct tracker_request request = bench_request(bench, TRACKER_CLAIM, "alice", 4, PIN_RECURSIVE);
    struct reply reply;

    bench->bytes_limit = 200;
    bench_hold(bench, &reply, &request, SHELF_PIN);
    shelf_progress(bench->shelf, 1, 200);
    bench_turn(bench, 5);
    assert_int_equal(reply.count, 0);
    shelf_progress(bench->shelf, 2, 201);
    bench_await(bench, &reply);
    assert_int_equal(reply.outcome, TRACKER_QUOTA);
    bench_await_cancels(bench, 1);
    shelf_resume(bench->shelf);
    bench_turn(bench, 100);
    assert_int_equal(bench_upstream(bench, 4), PIN_NONE);
    bench_assert_sound(bench);
}

static void test_tracker_counts_pins(void **state)
{
    struct bench *bench = *state;

    bench->pins_limit = 1;
    assert_int_equal(bench_claim(bench, "alice", 0), TRACKER_DONE);
    assert_int_equal(bench_claim(bench, "alice", 1), TRACKER_QUOTA);
    assert_int_equal(bench_claim(bench, "alice", 0), TRACKER_DONE);
    assert_int_equal(bench->shelf->pins, 1);
}

static void test_tracker_does_not_remove_a_v0_pin_that_does_not_fit(void **state)
{
    struct bench *bench = *state;
    struct shelf_object *tree = shelf_find(bench->shelf, &bench->cids[TREE]);

    tree->v0 = PIN_RECURSIVE;
    bench->bytes_limit = tree->bytes - 1;
    assert_int_equal(bench_run(bench, TRACKER_ADOPT, "alice", TREE, PIN_RECURSIVE), TRACKER_QUOTA);
    bench_turn(bench, 20);
    assert_int_equal(tree->v0, PIN_RECURSIVE);
    assert_int_equal(tree->ours, PIN_NONE);
    assert_int_equal(bench_pins(bench, "alice"), 0);
    bench_assert_sound(bench);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        BENCH_TEST(test_tracker_charges_at_most_the_quota),
        BENCH_TEST(test_tracker_what_outgrows_its_quota_leaves_no_pin),
        BENCH_TEST(test_tracker_cuts_a_pin_that_outgrows_its_quota),
        BENCH_TEST(test_tracker_counts_pins),
        BENCH_TEST(test_tracker_does_not_remove_a_v0_pin_that_does_not_fit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
