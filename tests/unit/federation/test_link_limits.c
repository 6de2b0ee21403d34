// SPDX-License-Identifier: Apache-2.0
/* What an operator lets a link cost. */
#include "federation/link_limits.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static void test_hours_are_read_and_written_alike(void **state)
{
    static const struct {
        const char *text, *written;
        uint32_t hours;
    } cases[] = {
        {"always", "always", 0},
        {"0-24", "always", 0},
        {"20-6", "20-6", 0xf0003f},
        {"0-1", "0-1", 1},
        {"23-24", "23-24", 1U << 23},
        {"23-0", "23-24", 1U << 23},
        {"22-23,1-5", "1-5,22-23", 0x40001e},
        {"1-3,3-5", "1-5", 0x1e},
        {"0-12,12-24", "always", 0},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct text text = {0};
        struct error err = {0};
        uint32_t hours = 77;

        if (!link_limits_parse_hours(slice_of(cases[i].text), &hours, &err))
            fail_msg("%s: %s", cases[i].text, err.text);
        assert_int_equal(hours, cases[i].hours);
        link_limits_put_hours(hours, &text);
        assert_string_equal(text.data, cases[i].written);
        text_dispose(&text);
    }
}

static void test_hours_that_are_none_are_refused_with_what_would_be_right(void **state)
{
    static const struct {
        const char *text, *said;
    } cases[] = {
        {"", "hours: write 20-6"},
        {"20", "hours: '20' has no end; write 20-6 for"},
        {"24-1", "hours: '24' is no hour of the day"},
        {"1-25", "hours: '25' is no hour of the day"},
        {"a-5", "hours: 'a' is no hour of the day"},
        {"-5", "hours: '' is no hour of the day"},
        {"1-2-3", "hours: '2-3' is no hour of the day"},
        {"123-4", "hours: '123' is no hour of the day"},
        {"6-6", "hours: 6-6 is no time at all; for all day write always"},
        {"0-0", "hours: 0-0 is no time at all"},
        {"1-2,", "hours: nothing stands behind the last comma"},
        {"1-2,,3-4", "hours: '' has no end"},
        {"never", "hours: 'never' has no end"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct error err = {0};
        uint32_t hours;

        assert_false(link_limits_parse_hours(slice_of(cases[i].text), &hours, &err));
        if (strncmp(err.text, cases[i].said, strlen(cases[i].said)) != 0)
            fail_msg("%s is said: %s", cases[i].text, err.text);
    }
}

static void test_bandwidth_is_a_size_with_or_without_a_second(void **state)
{
    struct error err = {0};
    uint64_t bandwidth;

    assert_true(link_limits_parse_bandwidth(SLICE("10MiB"), &bandwidth, &err));
    assert_int_equal(bandwidth, 10 << 20);
    assert_true(link_limits_parse_bandwidth(SLICE("16 KiB/s"), &bandwidth, &err));
    assert_int_equal(bandwidth, 16384);
    assert_true(link_limits_parse_bandwidth(SLICE("none"), &bandwidth, &err));
    assert_int_equal(bandwidth, 0);
    assert_false(link_limits_parse_bandwidth(SLICE("1KiB"), &bandwidth, &err));
    assert_string_equal(err.text, "bandwidth: 1KiB a second is not from 16 KiB to 1 TiB; write "
                                  "10MiB, or none for no limit");
    err = (struct error){0};
    assert_false(link_limits_parse_bandwidth(SLICE("fast"), &bandwidth, &err));
    assert_memory_equal(err.text, "bandwidth: ", 11);
}

/* Each minute of two days: data moves in the hours that are said, and the wait leads to one. */
static void test_data_moves_in_its_hours_alone(void **state)
{
    struct link_limits night = {.hours = 0xf0003f}, none = {0};
    uint64_t wait_ms, ignored;

    for (uint64_t minute = 0; minute < UINT64_C(2) * 24 * 60; minute++) {
        uint64_t now_ms = minute * 60000 + 1, hour = minute / 60 % 24;
        bool may = hour >= 20 || hour < 6;

        assert_int_equal(link_limits_may_move(&night, now_ms, &wait_ms), may);
        if (may) {
            assert_int_equal(wait_ms, 0);
        } else {
            assert_true(link_limits_may_move(&night, now_ms + wait_ms, &ignored));
            assert_false(link_limits_may_move(&night, now_ms + wait_ms - 1, &ignored));
        }
        assert_true(link_limits_may_move(&none, now_ms, &wait_ms));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hours_are_read_and_written_alike),
        cmocka_unit_test(test_hours_that_are_none_are_refused_with_what_would_be_right),
        cmocka_unit_test(test_bandwidth_is_a_size_with_or_without_a_second),
        cmocka_unit_test(test_data_moves_in_its_hours_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
