// SPDX-License-Identifier: Apache-2.0
#include "policy/quota_rate.h"

#include "conf/text.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static uint64_t draw(uint64_t *random, uint64_t below)
{
    *random ^= *random << 13;
    *random ^= *random >> 7;
    *random ^= *random << 17;
    return (*random >> 11) % below;
}

static void test_rate_lets_the_burst_through_and_then_one_at_a_time(void **state)
{
    static const struct quota_rate rate = {.calls = 10, .per_ms = 1000, .burst = 3};
    struct quota_rate_state account = {0};
    struct quota_rate_verdict verdict;

    for (unsigned i = 3; i > 0; i--) {
        assert_true(quota_rate_take(&rate, &account, 5000, &verdict));
        assert_int_equal(verdict.left, i - 1);
    }
    assert_int_equal(verdict.wait_ms, 100);
    assert_int_equal(verdict.reset_ms, 300);
    assert_false(quota_rate_take(&rate, &account, 5099, &verdict));
    assert_int_equal(verdict.wait_ms, 1);
    assert_true(quota_rate_take(&rate, &account, 5100, &verdict));
    assert_false(quota_rate_take(&rate, &account, 5100, &verdict));
    assert_true(quota_rate_take(&rate, &account, 9000, &verdict));
    assert_int_equal(verdict.left, 2); /* a pause gives the burst back, and no more */
}

static void test_rate_that_was_given_back_can_be_taken_again(void **state)
{
    static const struct quota_rate rate = {.calls = 1, .per_ms = 60000, .burst = 1};
    struct quota_rate_state account = {0};
    struct quota_rate_verdict verdict;

    assert_true(quota_rate_take(&rate, &account, 1, &verdict));
    assert_false(quota_rate_take(&rate, &account, 2, &verdict));
    quota_rate_give(&rate, &account);
    assert_true(quota_rate_take(&rate, &account, 2, &verdict));
}

static void test_rate_gives_nothing_for_a_clock_that_goes_back(void **state)
{
    static const struct quota_rate rate = {.calls = 1, .per_ms = 1000, .burst = 1};
    struct quota_rate_state account = {0};
    struct quota_rate_verdict verdict;

    assert_true(quota_rate_take(&rate, &account, 100000, &verdict));
    assert_false(quota_rate_take(&rate, &account, 50000, &verdict));
    assert_true(quota_rate_take(&rate, &account, 101000, &verdict));
}

/* Whatever two calls are looked at: between them no more were let through than the rate and one
 * burst; and whoever waits as long as it was told to is let through. */
static void test_rate_never_lets_more_through_than_rate_and_burst(void **state)
{
    enum { CALLS = 3000 };
    static uint64_t passed[CALLS];
    uint64_t random = 88172645463325252;

    for (unsigned round = 0; round < 40; round++) {
        struct quota_rate rate = {1 + draw(&random, 50), 1 + draw(&random, 5000),
                                  1 + draw(&random, 20)};
        struct quota_rate_state account = {0};
        struct quota_rate_verdict verdict;
        uint64_t now_ms = draw(&random, 1000000), count = 0;

        for (unsigned i = 0; i < CALLS; i++) {
            now_ms += draw(&random, 4) == 0 ? draw(&random, 2 * rate.per_ms / rate.calls + 2) : 0;
            if (quota_rate_take(&rate, &account, now_ms, &verdict)) {
                passed[count++] = now_ms;
            } else if (draw(&random, 10) == 0) {
                now_ms += verdict.wait_ms;
                assert_true(quota_rate_take(&rate, &account, now_ms, &verdict));
                passed[count++] = now_ms;
            }
        }
        for (uint64_t from = 0; from < count; from++)
            for (uint64_t to = from; to < count && to < from + 200; to++)
                assert_true(to - from + 1 <=
                            rate.burst + (passed[to] - passed[from]) * rate.calls / rate.per_ms);
    }
}

static void test_rate_that_changes_keeps_what_was_used(void **state)
{
    static const struct quota_rate slow = {.calls = 10, .per_ms = 3600000, .burst = 10},
                                   fast = {.calls = 10, .per_ms = 1000, .burst = 20};
    struct quota_rate_state account = {0};
    struct quota_rate_verdict verdict;

    for (unsigned i = 0; i < 10; i++)
        assert_true(quota_rate_take(&slow, &account, 5000, &verdict));
    quota_rate_change(&slow, &fast, &account, 5000);
    assert_int_equal(quota_rate_look(&fast, &account, 5000).left, 10);
    assert_int_equal(quota_rate_look(&fast, &account, 6000).left, 20);
    quota_rate_change(&fast, &slow, &account, 5000);
    assert_int_equal(quota_rate_look(&slow, &account, 5000).left, 0);
    assert_int_equal(quota_rate_look(&slow, &account, 5000).wait_ms, 360000);
}

enum { RACERS = 64 };

struct race {
    struct quota_rate rate;
    struct quota_rate_state account;
    _Atomic unsigned passed;
};

static void *run(void *race_)
{
    struct race *race = race_;
    struct quota_rate_verdict verdict;

    for (unsigned i = 0; i < 100; i++)
        if (quota_rate_take(&race->rate, &race->account, 77, &verdict))
            race->passed++;
    return NULL;
}

static void test_rate_lets_exactly_the_burst_of_64_racing_clients_through(void **state)
{
    static const unsigned bursts[] = {63, 64, 65, 1000};

    for (size_t i = 0; i < ARRAY_SIZE(bursts); i++) {
        struct race race = {.rate = {.calls = 1, .per_ms = 1000, .burst = bursts[i]}};
        pthread_t threads[RACERS];

        for (unsigned n = 0; n < RACERS; n++)
            assert_int_equal(pthread_create(&threads[n], NULL, run, &race), 0);
        for (unsigned n = 0; n < RACERS; n++)
            assert_int_equal(pthread_join(threads[n], NULL), 0);
        assert_int_equal(race.passed, bursts[i]);
    }
}

/* ---- windows */

static void test_window_passes_what_is_left_and_forgets_after_its_time(void **state)
{
    struct quota_window window = {0};

    assert_int_equal(quota_window_take(&window, 1000, 59000, 500000, 999), 999);
    assert_int_equal(quota_window_take(&window, 1000, 59000, 500000, 2), 1);
    assert_int_equal(quota_window_take(&window, 1000, 59000, 500000, 1), 0);
    assert_int_equal(quota_window_wait_ms(&window, 1000, 59000, 500000, 1), 60000);
    assert_int_equal(quota_window_wait_ms(&window, 1000, 59000, 500000, 0), 0);
    assert_int_equal(quota_window_wait_ms(&window, 1000, 59000, 500000, 1001), UINT64_MAX);
    assert_int_equal(quota_window_take(&window, 1000, 59000, 559999, 1), 0);
    assert_int_equal(quota_window_take(&window, 1000, 59000, 560000, 1001), 1000);
    assert_int_equal(quota_window_used(&window, 59000, 10000000), 0);
}

static void test_window_gives_nothing_for_a_clock_that_goes_back(void **state)
{
    struct quota_window window = {0};

    assert_int_equal(quota_window_take(&window, 10, 59, 1000, 10), 10);
    assert_int_equal(quota_window_take(&window, 10, 59, 0, 10), 0);
    assert_int_equal(quota_window_used(&window, 59, 0), 10);
}

static void test_window_of_another_width_forgets_nothing_and_goes_on(void **state)
{
    struct quota_window window = {0};

    assert_int_equal(quota_window_take(&window, 10, 59000, 1000000, 10), 10);
    assert_int_equal(quota_window_take(&window, 10, 59, 1000001, 1), 0);
    assert_int_equal(quota_window_take(&window, 10, 5900000, 1000002, 1), 0);
    assert_int_equal(quota_window_take(&window, 10, 59, 1000003, 1), 0);
    assert_int_equal(quota_window_take(&window, 10, 59, 1000063, 11), 10);
}

/* In no time as long as the window more passes than the limit; the sum is that of what passed in
 * the slots that count; the wait that is told is long enough, and a ms less is not. */
static void test_window_never_passes_more_than_its_limit(void **state)
{
    enum { MOVES = 4000 };
    static uint64_t at[MOVES], bytes[MOVES];
    uint64_t random = 0x9e3779b97f4a7c15;

    for (unsigned round = 0; round < 20; round++) {
        uint64_t per_ms = 1 + draw(&random, 20000), limit = 1 + draw(&random, 100000);
        uint64_t now_ms = draw(&random, 1000000), begin = 0, sum = 0;
        struct quota_window window = {0};

        for (unsigned i = 0; i < MOVES; i++) {
            uint64_t wanted = draw(&random, limit / 4 + 2), wait_ms;

            now_ms += draw(&random, per_ms / 20 + 2);
            at[i] = now_ms;
            bytes[i] = quota_window_take(&window, limit, per_ms, now_ms, wanted);
            for (sum += bytes[i]; at[begin] + per_ms <= now_ms; begin++)
                sum -= bytes[begin];
            assert_true(sum <= limit); /* of the last per_ms */
            assert_true(window.sum >= sum);
            wanted = draw(&random, limit) + 1;
            wait_ms = quota_window_wait_ms(&window, limit, per_ms, now_ms, wanted);
            assert_true(wait_ms <= 60 * ((per_ms + 58) / 59));
            if (wait_ms > 0) {
                struct quota_window copy = window;

                assert_true(quota_window_take(&copy, limit, per_ms, now_ms + wait_ms - 1, wanted) <
                            wanted);
                copy = window;
                assert_int_equal(quota_window_take(&copy, limit, per_ms, now_ms + wait_ms, wanted),
                                 wanted);
            }
        }
    }
}

static void test_window_takes_back_what_did_not_pass(void **state)
{
    struct quota_window window = {0};

    assert_int_equal(quota_window_take(&window, 100, 59000, 500000, 60), 60);
    assert_int_equal(quota_window_take(&window, 100, 59000, 510000, 40), 40);
    quota_window_give(&window, 50); /* from both slots */
    assert_int_equal(quota_window_used(&window, 59000, 510000), 50);
    assert_int_equal(quota_window_take(&window, 100, 59000, 510000, 99), 50);
    assert_int_equal(quota_window_used(&window, 59000, 560000), 50);
    quota_window_give(&window, 1000);
    assert_int_equal(quota_window_used(&window, 59000, 560000), 0);
}

static void test_window_goes_on_from_its_image(void **state)
{
    struct quota_window window = {0}, again = {0}, ahead = {0};
    uint8_t image[QUOTA_WINDOW_IMAGE_SIZE];

    assert_int_equal(quota_window_take(&window, 100, 59000, 500000, 60), 60);
    assert_int_equal(quota_window_take(&window, 100, 59000, 520000, 10), 10);
    quota_window_save(&window, image);
    assert_true(quota_window_load(&again, image, sizeof(image), 530000));
    assert_int_equal(quota_window_used(&again, 59000, 530000), 70);
    assert_int_equal(quota_window_used(&again, 59000, 560000), 10);
    assert_true(quota_window_load(&ahead, image, sizeof(image), 100000)); /* put back meanwhile */
    assert_int_equal(quota_window_used(&ahead, 59000, 100000), 70);
    assert_int_equal(quota_window_used(&ahead, 59000, 160000), 0);
    assert_false(quota_window_load(&again, image, sizeof(image) - 1, 0));
}

struct window_race {
    struct quota_window window;
    _Atomic uint64_t now_ms, passed;
};

static void *run_window(void *race_)
{
    struct window_race *race = race_;

    for (unsigned i = 0; i < 2000; i++) {
        uint64_t step_ms = i % 16 == 0 ? 1 : 0;
        uint64_t now_ms = atomic_fetch_add(&race->now_ms, step_ms) + step_ms;
        uint64_t taken = quota_window_take(&race->window, 1000, 590000000, now_ms, 7 + i % 5);

        if (taken > 2) {
            quota_window_give(&race->window, 2);
            taken -= 2;
        }
        race->passed += taken;
    }
    return NULL;
}

/* Nothing is forgotten in that time, whatever turns: all that passed is counted, and no more. */
static void test_window_of_64_racing_clients_passes_its_limit_and_no_more(void **state)
{
    struct window_race race = {.now_ms = 590000000};
    pthread_t threads[RACERS];

    for (unsigned n = 0; n < RACERS; n++)
        assert_int_equal(pthread_create(&threads[n], NULL, run_window, &race), 0);
    for (unsigned n = 0; n < RACERS; n++)
        assert_int_equal(pthread_join(threads[n], NULL), 0);
    assert_true(race.passed <= 1000 && race.passed >= 990);
    assert_int_equal(race.window.sum, race.passed);
}

/* Slots turn all the time: what is counted is what is in the slots. */
static void *turn_window(void *race_)
{
    struct window_race *race = race_;

    for (unsigned i = 0; i < 20000; i++) {
        uint64_t now_ms = atomic_fetch_add(&race->now_ms, i % 3) + i % 3;

        (void)quota_window_take(&race->window, 1000000, 590, now_ms, 1 + i % 9);
    }
    return NULL;
}

static void test_window_counts_what_its_slots_hold_while_they_turn(void **state)
{
    struct window_race race = {.now_ms = 1000};
    pthread_t threads[RACERS];
    uint64_t sum = 0;

    for (unsigned n = 0; n < RACERS; n++)
        assert_int_equal(pthread_create(&threads[n], NULL, turn_window, &race), 0);
    for (unsigned n = 0; n < RACERS; n++)
        assert_int_equal(pthread_join(threads[n], NULL), 0);
    for (unsigned i = 0; i < QUOTA_WINDOW_SLOTS; i++)
        sum += race.window.bytes[i];
    assert_int_equal(race.window.sum, sum);
    assert_int_equal(quota_window_used(&race.window, 590, race.now_ms + 700), 0);
}

/* ---- headers */

static void test_headers_are_structured_fields(void **state)
{
    char out[QUOTA_HEADER_SIZE];

    quota_print_policy(out, "each-member", 100, 60000, "requests");
    assert_string_equal(out, "\"each-member\";q=100;w=60");
    quota_print_policy(out, "up", 53687091200, 86400000, "content-bytes");
    assert_string_equal(out, "\"up\";q=53687091200;qu=\"content-bytes\";w=86400");
    quota_print_limit(out, "each-member", 0, 1001);
    assert_string_equal(out, "\"each-member\";r=0;t=2");
    assert_int_equal(quota_retry_after_s(0), 1);
    assert_int_equal(quota_retry_after_s(1), 1);
    assert_int_equal(quota_retry_after_s(1001), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_rate_lets_the_burst_through_and_then_one_at_a_time),
        cmocka_unit_test(test_rate_that_was_given_back_can_be_taken_again),
        cmocka_unit_test(test_rate_gives_nothing_for_a_clock_that_goes_back),
        cmocka_unit_test(test_rate_that_changes_keeps_what_was_used),
        cmocka_unit_test(test_rate_never_lets_more_through_than_rate_and_burst),
        cmocka_unit_test(test_rate_lets_exactly_the_burst_of_64_racing_clients_through),
        cmocka_unit_test(test_window_passes_what_is_left_and_forgets_after_its_time),
        cmocka_unit_test(test_window_gives_nothing_for_a_clock_that_goes_back),
        cmocka_unit_test(test_window_of_another_width_forgets_nothing_and_goes_on),
        cmocka_unit_test(test_window_never_passes_more_than_its_limit),
        cmocka_unit_test(test_window_takes_back_what_did_not_pass),
        cmocka_unit_test(test_window_goes_on_from_its_image),
        cmocka_unit_test(test_window_of_64_racing_clients_passes_its_limit_and_no_more),
        cmocka_unit_test(test_window_counts_what_its_slots_hold_while_they_turn),
        cmocka_unit_test(test_headers_are_structured_fields),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
