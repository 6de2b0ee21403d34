// SPDX-License-Identifier: Apache-2.0
#include "conf/units.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <time.h>

#include <cmocka.h>

struct good {
    const char *text;
    uint64_t value;
};

struct bad {
    const char *text;
    const char *says; /* part of the message */
};

typedef bool (*parse_cb)(struct slice text, uint64_t *value, struct error *err);

static void assert_good(parse_cb parse, const struct good *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct error err = {0};
        uint64_t value = 1;

        if (!parse(slice_of(cases[i].text), &value, &err))
            fail_msg("'%s': %s", cases[i].text, err.text);
        if (value != cases[i].value)
            fail_msg("'%s' gave %llu", cases[i].text, (unsigned long long)value);
    }
}

static void assert_bad(parse_cb parse, const struct bad *cases, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct error err = {0};
        uint64_t value;

        if (parse(slice_of(cases[i].text), &value, &err))
            fail_msg("'%s' was taken as %llu", cases[i].text, (unsigned long long)value);
        if (strstr(err.text, cases[i].says) == NULL)
            fail_msg("'%s': '%s' does not say '%s'", cases[i].text, err.text, cases[i].says);
    }
}

static void test_units_reads_decimal_integers(void **state)
{
    static const struct good cases[] = {
        {"0", 0}, {"7", 7}, {"10", 10}, {"18446744073709551615", UINT64_MAX}};

    assert_good(units_parse_integer, cases, ARRAY_SIZE(cases));
}

static void test_units_refuses_other_integers(void **state)
{
    static const struct bad cases[] = {
        {"", "missing"},
        {"-1", "sign"},
        {"+1", "sign"},
        {"1_000", "groups"},
        {"1,000", "groups"},
        {"0x10", "decimal"},
        {"0o17", "decimal"},
        {"017", "octal"},
        {"00", "octal"},
        {"1.5", "whole"},
        {"1e3", "whole"},
        {"5 ", "whole"},
        {" 5", "whole"},
        {"ten", "whole"},
        {"18446744073709551616", "too large"},
        {"99999999999999999999999999", "too large"},
    };

    assert_bad(units_parse_integer, cases, ARRAY_SIZE(cases));
}

static void test_units_reads_sizes(void **state)
{
    static const struct good cases[] = {
        {"0", 0},
        {"65536", 65536},
        {"512 B", 512},
        {"512B", 512},
        {"64 KiB", 65536},
        {"64KiB", 65536},
        {"10GiB", UINT64_C(10) << 30},
        {"1 MB", 1000000},
        {"2 MiB", 2 << 20},
        {"3 kB", 3000},
        {"3 KB", 3000},
        {"1 GB", 1000000000},
        {"5 TiB", UINT64_C(5) << 40},
        {"1 TB", UINT64_C(1000000000000)},
        {"1 PiB", UINT64_C(1) << 50},
        {"16383 PiB", UINT64_C(16383) << 50},
    };

    assert_good(units_parse_size, cases, ARRAY_SIZE(cases));
}

static void test_units_refuses_other_sizes(void **state)
{
    static const struct bad cases[] = {
        {"", "KiB"},
        {"KiB", "KiB"},
        {"64 kib", "did you mean 64 KiB"},
        {"10gib", "did you mean 10 GiB"},
        {"10 gb", "did you mean 10 GB"},
        {"10G", "write a number"},
        {"10 M", "write a number"},
        {"1.5 GiB", "write a number"},
        {"-1 B", "write a number"},
        {"64  KiB", "write a number"},
        {"64 KiB ", "write a number"},
        {"64 ", "write a number"},
        {"010 KiB", "octal"},
        {"16384 PiB", "too large"},
        {"18446744073709551615 KiB", "too large"},
    };

    assert_bad(units_parse_size, cases, ARRAY_SIZE(cases));
}

static void test_units_reads_durations(void **state)
{
    static const struct good cases[] = {
        {"0", 0},        {"0s", 0},         {"500ms", 500},
        {"30s", 30000},  {"30 s", 30000},   {"5m", 300000},
        {"1h", 3600000}, {"2d", 172800000}, {"365d", UINT64_C(31536000000)},
    };

    assert_good(units_parse_duration, cases, ARRAY_SIZE(cases));
}

static void test_units_refuses_other_durations(void **state)
{
    static const struct bad cases[] = {
        {"", "ms, s, m, h or d"},   {"30", "no unit"},    {"30sec", "ms, s, m, h or d"},
        {"1h30m", "ms, s, m"},      {"1.5h", "ms, s, m"}, {"-5s", "ms, s, m"},
        {"5M", "ms, s, m"},         {"1w", "ms, s, m"},   {"1y", "ms, s, m"},
        {"213503982335d", "large"}, {"05s", "octal"},
    };

    assert_bad(units_parse_duration, cases, ARRAY_SIZE(cases));
}

static void test_units_prints_what_parses_back(void **state)
{
    static const uint64_t values[] = {0,     1,        999,   1000,     1024,       65536,
                                      65537, 86400000, 90000, 1u << 20, 1000000000, UINT64_MAX};
    char out[UNITS_TEXT_SIZE];
    uint64_t value;

    for (size_t i = 0; i < ARRAY_SIZE(values); i++) {
        assert_true(units_parse_size(slice_of(units_print_size(out, values[i])), &value, NULL));
        assert_true(value == values[i]);
        assert_true(
            units_parse_duration(slice_of(units_print_duration(out, values[i])), &value, NULL));
        assert_true(value == values[i]);
    }
    assert_string_equal(units_print_size(out, 65536), "64 KiB");
    assert_string_equal(units_print_size(out, 65537), "65537 B");
    assert_string_equal(units_print_size(out, 0), "0 B");
    assert_string_equal(units_print_duration(out, 90000), "90s");
    assert_string_equal(units_print_duration(out, 86400000), "1d");
    assert_string_equal(units_print_duration(out, 0), "0");
}

/* The C library's calendar is the reference: every day from 1970 to 2400. */
static void test_units_prints_timestamps_as_the_calendar_has_them(void **state)
{
    char out[UNITS_TIMESTAMP_SIZE], expected[64];

    for (uint64_t day = 0; day < 157000; day++) {
        time_t seconds = (time_t)(day * 86400 + day * 7919 % 86400);
        unsigned ms = (unsigned)(day % 1000);
        struct tm tm;
        size_t used;

        gmtime_r(&seconds, &tm);
        used = strftime(expected, sizeof(expected), "%Y-%m-%dT%H:%M:%S", &tm);
        snprintf(expected + used, sizeof(expected) - used, ".%03uZ", ms);
        assert_string_equal(units_print_timestamp(out, (uint64_t)seconds * 1000 + ms), expected);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_units_reads_decimal_integers),
        cmocka_unit_test(test_units_refuses_other_integers),
        cmocka_unit_test(test_units_reads_sizes),
        cmocka_unit_test(test_units_refuses_other_sizes),
        cmocka_unit_test(test_units_reads_durations),
        cmocka_unit_test(test_units_refuses_other_durations),
        cmocka_unit_test(test_units_prints_what_parses_back),
        cmocka_unit_test(test_units_prints_timestamps_as_the_calendar_has_them),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
