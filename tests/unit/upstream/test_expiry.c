// SPDX-License-Identifier: Apache-2.0
/* Expiring pins over a played storage and a real ledger. Passes are seconds apart: the clock of
 * loops is played, too. */
#include "tests/unit/http/clock.h"
#include "tracker_bench.h"
#include "upstream/expiry.h"

static struct expiry *start_expiry(struct bench *bench)
{
    struct expiry_settings settings = {.loop = bench->kit->loop,
                                       .store = bench->kit->store,
                                       .tracker = bench->tracker,
                                       .now_ms = bench_now_ms};

    return expiry_create(&settings);
}

/* Lets seconds pass. */
static void wait_s(struct bench *bench, unsigned seconds)
{
    for (unsigned i = 0; i < seconds; i++) {
        clock_advance_ms(1000);
        for (int j = 0; j < 60; j++)
            loop_turn(bench->kit->loop, 1);
    }
}

static void claim_until(struct bench *bench, const char *owner, size_t object, uint64_t expires_ms)
{
    struct tracker_request request =
        bench_request(bench, TRACKER_CLAIM, owner, object, PIN_RECURSIVE);
    struct reply reply;

    request.expires_ms = expires_ms;
    bench_start(bench, &reply, &request);
    bench_await(bench, &reply);
    assert_int_equal(reply.outcome, TRACKER_DONE);
}

static void test_expiry_releases_what_is_over_and_nothing_else(void **state)
{
    struct bench *bench = *state;
    struct expiry *expiry;

    claim_until(bench, "alice", 0, bench_now_ms() - 1);
    claim_until(bench, "alice", 1, bench_now_ms());
    claim_until(bench, "alice", 2, bench_now_ms() + 1);
    claim_until(bench, "alice", 3, 0);
    expiry = start_expiry(bench);
    wait_s(bench, 4);
    assert_int_equal(bench_pins(bench, "alice"), 2);
    assert_int_equal(bench_upstream(bench, 0), PIN_NONE);
    assert_int_equal(bench_upstream(bench, 1), PIN_NONE);
    assert_int_equal(bench_upstream(bench, 2), PIN_RECURSIVE);
    assert_int_equal(bench_upstream(bench, 3), PIN_RECURSIVE);
    assert_int_equal(expiry_counters(expiry).released, 2);
    bench_assert_sound(bench);
    expiry_destroy(&expiry);
}

static void test_expiry_of_one_owner_leaves_the_others_pin(void **state)
{
    struct bench *bench = *state;
    struct expiry *expiry;

    claim_until(bench, "alice", 0, bench_now_ms());
    claim_until(bench, "bob", 0, 0);
    expiry = start_expiry(bench);
    wait_s(bench, 4);
    assert_int_equal(bench_pins(bench, "alice"), 0);
    assert_int_equal(bench_pins(bench, "bob"), 1);
    assert_int_equal(bench_upstream(bench, 0), PIN_RECURSIVE);
    expiry_destroy(&expiry);
}

static void test_expiry_goes_on_when_one_fails_and_tries_it_again(void **state)
{
    struct bench *bench = *state;
    struct expiry *expiry;

    for (size_t i = 0; i < OBJECTS; i++)
        claim_until(bench, "alice", i, bench_now_ms());
    bench->shelf->failure = ERROR_IO;
    expiry = start_expiry(bench);
    wait_s(bench, 4);
    assert_int_equal(bench_pins(bench, "alice"), 1);
    assert_int_equal(expiry_counters(expiry).failed, 1);
    wait_s(bench, 40);
    assert_int_equal(bench_pins(bench, "alice"), 0);
    assert_int_equal(expiry_counters(expiry).released, OBJECTS);
    bench_assert_sound(bench);
    expiry_destroy(&expiry);
}

static void test_expiry_waits_while_it_is_paused(void **state)
{
    struct bench *bench = *state;
    struct expiry *expiry;

    claim_until(bench, "alice", 0, bench_now_ms());
    expiry = start_expiry(bench);
    expiry_pause(expiry, true);
    wait_s(bench, 10);
    assert_int_equal(bench_pins(bench, "alice"), 1);
    expiry_pause(expiry, false);
    wait_s(bench, 4);
    assert_int_equal(bench_pins(bench, "alice"), 0);
    expiry_destroy(&expiry);
}

static void test_expiry_may_end_while_it_reads_and_while_it_releases(void **state)
{
    struct bench *bench = *state;
    struct expiry *expiry;

    claim_until(bench, "alice", 0, bench_now_ms());
    for (int turns = 0; turns < 6; turns++) {
        expiry = start_expiry(bench);
        bench->shelf->is_slow = true;
        clock_advance_ms(3000);
        bench_turn(bench, turns);
        expiry_destroy(&expiry);
        bench->shelf->is_slow = false;
        while (bench->shelf->first != NULL)
            shelf_end(bench->shelf);
        bench_turn(bench, 20);
    }
    bench_assert_sound(bench);
}

/* More than a page. */
static void test_expiry_takes_page_after_page(void **state)
{
    struct bench *bench = *state;
    struct expiry *expiry;
    char owner[16];

    for (size_t i = 0; i < 250; i++) {
        snprintf(owner, sizeof(owner), "m%zu", i);
        claim_until(bench, owner, i % OBJECTS, bench_now_ms());
    }
    expiry = start_expiry(bench);
    wait_s(bench, 20);
    assert_int_equal(expiry_counters(expiry).released, 250);
    for (size_t i = 0; i < OBJECTS; i++)
        assert_int_equal(bench_upstream(bench, i), PIN_NONE);
    bench_assert_sound(bench);
    expiry_destroy(&expiry);
}

int main(void)
{
    static const struct CMUnitTest tests[] = {
        BENCH_TEST(test_expiry_releases_what_is_over_and_nothing_else),
        BENCH_TEST(test_expiry_of_one_owner_leaves_the_others_pin),
        BENCH_TEST(test_expiry_goes_on_when_one_fails_and_tries_it_again),
        BENCH_TEST(test_expiry_waits_while_it_is_paused),
        BENCH_TEST(test_expiry_may_end_while_it_reads_and_while_it_releases),
        BENCH_TEST(test_expiry_takes_page_after_page),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
