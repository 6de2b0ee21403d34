// SPDX-License-Identifier: Apache-2.0
#include "conf/ulid.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static const uint8_t zeros[ULID_RANDOM_SIZE];
static const uint8_t ones[ULID_RANDOM_SIZE] = {255, 255, 255, 255, 255, 255, 255, 255, 255, 255};

static void test_ulid_is_printed_as_the_specification_says(void **state)
{
    static const struct {
        uint64_t now_ms;
        uint8_t random[ULID_RANDOM_SIZE];
        const char *expected;
    } rows[] = {
        {1469918176385, {0}, "01aryz6s410000000000000000"},
        {1469922850259,
         {0x76, 0x63, 0x50, 0x35, 0x29, 0x4b, 0xeb, 0xd3, 0xda, 0x1b},
         "01arz3ndekeshn0d999fnx7pgv"},
        {(1ULL << 48) - 1,
         {255, 255, 255, 255, 255, 255, 255, 255, 255, 255},
         "7zzzzzzzzzzzzzzzzzzzzzzzzz"},
        {1, {0, 0, 0, 0, 0, 0, 0, 0, 0, 31}, "0000000001000000000000000z"},
        {1, {0x80}, "0000000001g000000000000000"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct ulid_source source = {0};
        char ulid[ULID_SIZE];

        ulid_draw(&source, rows[i].now_ms, rows[i].random, ulid);
        assert_string_equal(ulid, rows[i].expected);
        assert_true(ulid_is_valid(slice_of(ulid)));
        assert_int_equal(ulid_time_ms(ulid), rows[i].now_ms);
    }
}

static void test_ulid_grows_within_a_millisecond_and_when_the_clock_goes_back(void **state)
{
    struct ulid_source source = {0};
    char before[ULID_SIZE] = "", ulid[ULID_SIZE];
    static const uint64_t times[] = {5000, 5000, 5000, 4999, 1, 5000, 5001, 5001, 4000, 6000};

    for (size_t i = 0; i < ARRAY_SIZE(times); i++) {
        ulid_draw(&source, times[i], i % 2 == 0 ? ones : zeros, ulid);
        assert_true(strcmp(before, ulid) < 0);
        assert_true(ulid_time_ms(ulid) >= times[i]);
        memcpy(before, ulid, sizeof(before));
    }
    assert_int_equal(ulid_time_ms(ulid), 6000);
}

static void test_ulid_behind_the_last_of_a_millisecond_is_in_the_next(void **state)
{
    struct ulid_source source = {0};
    char ulid[ULID_SIZE];

    ulid_draw(&source, 7, ones, ulid);
    assert_string_equal(ulid, "0000000007zzzzzzzzzzzzzzzz");
    ulid_draw(&source, 7, ones, ulid);
    assert_string_equal(ulid, "00000000080000000000000000");
}

static void test_ulid_before_another_is_the_next_lesser_one(void **state)
{
    static const char *const rows[][2] = {
        {"01arym1dq10000000000000002", "01arym1dq10000000000000001"},
        {"01arym1dq1000000000000000j", "01arym1dq1000000000000000h"},
        {"01arym1dq10000000000000000", "01arym1dq0zzzzzzzzzzzzzzzz"},
        {"01arym1dr00000000000000000", "01arym1dqzzzzzzzzzzzzzzzzz"},
        {"00000000000000000000000001", "00000000000000000000000000"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char before[ULID_SIZE];

        ulid_before(rows[i][0], before);
        assert_string_equal(before, rows[i][1]);
    }
}

static void test_ulid_of_another_shape_is_not_valid(void **state)
{
    static const char *const rows[] = {
        "",
        "01arym1dq1000000000000000",   /* 25 */
        "01arym1dq100000000000000000", /* 27 */
        "01ARYM1DQ10000000000000000",  /* upper case */
        "8zzzzzzzzzzzzzzzzzzzzzzzzz",  /* beyond 128 bits */
        "01arym1dq1000000000000000u",
        "01arym1dq1000000000000000l",
        "01arym1dq100000000000000 0",
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        assert_false(ulid_is_valid(slice_of(rows[i])));
    assert_false(ulid_is_valid((struct slice){"01arym1dq1\0"
                                              "000000000000000",
                                              26}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ulid_is_printed_as_the_specification_says),
        cmocka_unit_test(test_ulid_grows_within_a_millisecond_and_when_the_clock_goes_back),
        cmocka_unit_test(test_ulid_behind_the_last_of_a_millisecond_is_in_the_next),
        cmocka_unit_test(test_ulid_before_another_is_the_next_lesser_one),
        cmocka_unit_test(test_ulid_of_another_shape_is_not_valid),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
