// SPDX-License-Identifier: Apache-2.0
#include "federation/breaker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

static struct breaker breaker;
static uint64_t now = 1000000;

static int setup(void **state)
{
    breaker = (struct breaker){0};
    now = 1000000;
    return 0;
}

/* Without jitter waits are half; with all of it, whole. */
static struct breaker_verdict step(enum breaker_event event)
{
    return breaker_step(&breaker, event, now, UINT16_MAX, 0);
}

static void expect_go(void)
{
    assert_int_equal(step(BREAKER_ASK).answer, BREAKER_GO);
}

static void expect_wait(uint64_t wait_ms)
{
    struct breaker_verdict verdict = step(BREAKER_ASK);

    assert_int_equal(verdict.answer, BREAKER_WAIT);
    assert_int_equal(verdict.wait_ms, wait_ms);
}

static void open_it(void)
{
    for (int i = 0; i < BREAKER_ROW; i++) {
        expect_go();
        step(BREAKER_FAILED);
    }
    assert_int_equal(breaker.state, BREAKER_OPEN);
}

static void test_breaker_does_not_open_for_one_failure(void **state)
{
    for (int i = 0; i < 1000; i++) {
        expect_go();
        assert_false(step(i % 10 == 0 ? BREAKER_FAILED : BREAKER_SUCCEEDED).opened);
        now += 10;
    }
    assert_int_equal(breaker.state, BREAKER_CLOSED);
}

static void test_breaker_opens_after_five_in_a_row(void **state)
{
    for (int i = 0; i < BREAKER_ROW; i++) {
        expect_go();
        assert_int_equal(step(BREAKER_FAILED).opened, i == BREAKER_ROW - 1);
    }
    expect_wait(5000);
}

static void test_breaker_opens_when_most_of_a_minute_fails(void **state)
{
    int count = 1;

    while (count < 100 && !step(count % 3 == 1 ? BREAKER_SUCCEEDED : BREAKER_FAILED).opened) {
        count++;
        now += 500;
    }
    assert_int_equal(count, BREAKER_SAMPLE);
}

static void test_breaker_forgets_failures_of_more_than_a_minute_ago(void **state)
{
    for (int i = 0; i < 200; i++) { /* 6 in a minute: below the sample */
        step(BREAKER_FAILED);
        now += 5000;
        assert_false(step(BREAKER_FAILED).opened);
        now += 5000;
        assert_false(step(BREAKER_SUCCEEDED).opened);
        now += 2500;
    }
    assert_int_equal(breaker.state, BREAKER_CLOSED);
}

static void test_breaker_doubles_waits_to_a_quarter_of_an_hour(void **state)
{
    static const uint64_t waits[] = {5000,   10000,  20000,  40000,  80000,
                                     160000, 320000, 640000, 900000, 900000};

    open_it();
    for (size_t i = 0; i < sizeof(waits) / sizeof(waits[0]); i++) {
        expect_wait(waits[i]);
        now += waits[i] - 1;
        expect_wait(1);
        now += 1;
        expect_go();
        expect_wait(0); /* one probe, no more */
        assert_true(step(BREAKER_FAILED).opened);
    }
}

static void test_breaker_jitter_takes_up_to_half_of_a_wait(void **state)
{
    static const struct {
        uint16_t jitter;
        uint64_t wait_ms;
    } rows[] = {{0, 2500}, {32767, 3750}, {65535, 5000}};

    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        setup(state);
        for (int n = 0; n < BREAKER_ROW; n++)
            breaker_step(&breaker, BREAKER_FAILED, now, rows[i].jitter, 0);
        expect_wait(rows[i].wait_ms);
    }
}

static void test_breaker_mends_by_one_two_four(void **state)
{
    int sent = 0;

    open_it();
    now += 5000;
    expect_go();
    assert_false(step(BREAKER_SUCCEEDED).closed);
    for (int allowed = 1; allowed < BREAKER_MENDED; allowed *= 2) {
        expect_go();
        for (int i = 1; i < allowed; i++)
            expect_go();
        if (allowed == 4)
            expect_wait(0);
        for (int i = 1; i < allowed; i++)
            step(BREAKER_CANCELED);
        sent++;
        assert_int_equal(step(BREAKER_SUCCEEDED).closed, 2 * allowed >= BREAKER_MENDED);
    }
    assert_int_equal(sent, 6);
    assert_int_equal(breaker.state, BREAKER_CLOSED);
    expect_go();
}

static void test_breaker_while_mending_one_failure_slows_and_two_open(void **state)
{
    open_it();
    now += 5000;
    expect_go();
    step(BREAKER_SUCCEEDED);
    expect_go();
    step(BREAKER_SUCCEEDED);
    expect_go();
    assert_false(step(BREAKER_FAILED).opened);
    expect_go();
    expect_wait(0);
    assert_true(step(BREAKER_FAILED).opened);
    expect_wait(10000);
}

static void test_breaker_probes_at_once_when_the_peer_is_heard(void **state)
{
    open_it();
    for (int i = 0; i < 6; i++) {
        now += 1000000;
        expect_go();
        step(BREAKER_FAILED);
    }
    now += 100; /* the last probe was just now */
    assert_true(step(BREAKER_INBOUND).must_keep);
    expect_wait(4900);
    now += 4900;
    expect_go();
    step(BREAKER_FAILED);
    expect_wait(10000); /* the waits begin anew */
}

static void test_breaker_inbound_says_nothing_when_closed(void **state)
{
    assert_false(step(BREAKER_INBOUND).must_keep);
    assert_int_equal(breaker.state, BREAKER_CLOSED);
}

static void test_breaker_obeys_a_pause_that_is_asked_for(void **state)
{
    expect_go();
    breaker_step(&breaker, BREAKER_PAUSED, now, 0, 30000);
    expect_wait(30000);
    now += 30000;
    expect_go();
    breaker_step(&breaker, BREAKER_PAUSED, now, 0, UINT64_MAX / 2);
    expect_wait(BREAKER_WAIT_MAX_MS);
    assert_int_equal(breaker.state, BREAKER_CLOSED);
}

static void test_breaker_canceled_probe_lets_another_go(void **state)
{
    open_it();
    now += 5000;
    expect_go();
    step(BREAKER_CANCELED);
    expect_go();
}

static void test_breaker_outlives_the_process_and_a_clock_that_is_set(void **state)
{
    static const struct {
        int64_t clock_ms; /* by how much the wall moved while we were away */
        uint64_t wait_ms;
    } rows[] = {{0, 640000}, {600000, 40000}, {3600000, 0}, {-3600000, BREAKER_WAIT_MAX_MS}};
    struct breaker_record record;
    uint64_t wall = 1800000000000;

    open_it();
    for (int i = 0; i < 7; i++) {
        now += 1000000;
        expect_go();
        step(BREAKER_FAILED);
    }
    record = breaker_save(&breaker, now, wall);
    assert_true(record.is_open);
    for (size_t i = 0; i < sizeof(rows) / sizeof(rows[0]); i++) {
        now = 5;
        breaker_load(&breaker, &record, now, (uint64_t)((int64_t)wall + rows[i].clock_ms));
        if (rows[i].wait_ms > 0)
            expect_wait(rows[i].wait_ms);
        now += rows[i].wait_ms;
        expect_go();
    }
    step(BREAKER_FAILED);
    expect_wait(BREAKER_WAIT_MAX_MS);
    step(BREAKER_RESET);
    record = breaker_save(&breaker, now, wall);
    breaker_load(&breaker, &record, now, wall);
    assert_int_equal(breaker.state, BREAKER_CLOSED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_breaker_does_not_open_for_one_failure, setup),
        cmocka_unit_test_setup(test_breaker_opens_after_five_in_a_row, setup),
        cmocka_unit_test_setup(test_breaker_opens_when_most_of_a_minute_fails, setup),
        cmocka_unit_test_setup(test_breaker_forgets_failures_of_more_than_a_minute_ago, setup),
        cmocka_unit_test_setup(test_breaker_doubles_waits_to_a_quarter_of_an_hour, setup),
        cmocka_unit_test_setup(test_breaker_jitter_takes_up_to_half_of_a_wait, setup),
        cmocka_unit_test_setup(test_breaker_mends_by_one_two_four, setup),
        cmocka_unit_test_setup(test_breaker_while_mending_one_failure_slows_and_two_open, setup),
        cmocka_unit_test_setup(test_breaker_probes_at_once_when_the_peer_is_heard, setup),
        cmocka_unit_test_setup(test_breaker_inbound_says_nothing_when_closed, setup),
        cmocka_unit_test_setup(test_breaker_obeys_a_pause_that_is_asked_for, setup),
        cmocka_unit_test_setup(test_breaker_canceled_probe_lets_another_go, setup),
        cmocka_unit_test_setup(test_breaker_outlives_the_process_and_a_clock_that_is_set, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
