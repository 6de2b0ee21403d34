// SPDX-License-Identifier: Apache-2.0
#include "ipfs/call_value.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void test_call_value_reads_booleans_as_go_does(void **state)
{
    static const struct {
        const char *text;
        int value; /* -1: refused */
    } table[] = {
        {"", 1},     {"1", 1},       {"t", 1},   {"T", 1},         {"true", 1},  {"TRUE", 1},
        {"tRuE", 1}, {"0", 0},       {"f", 0},   {"F", 0},         {"false", 0}, {"False", 0},
        {"yes", -1}, {"no", -1},     {"on", -1}, {"2", -1},        {" 1", -1},   {"true ", -1},
        {"tru", -1}, {"falsee", -1}, {"01", -1}, {"\xc5\xbf", -1},
    };

    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        int64_t value = -1;

        assert_int_equal(call_value_bool(slice_of(table[i].text), &value), table[i].value >= 0);
        assert_int_equal(value, table[i].value);
    }
}

static void test_call_value_reads_integers_as_go_does(void **state)
{
    static const struct {
        enum command_option_type type;
        const char *text;
        const char *canonical; /* NULL: refused */
    } table[] = {
        {OPT_TYPE_INT32, "0", "0"},
        {OPT_TYPE_INT32, "-0", "0"},
        {OPT_TYPE_INT32, "+7", "7"},
        {OPT_TYPE_INT32, "007", "7"},
        {OPT_TYPE_INT32, "010", "8"},
        {OPT_TYPE_INT32, "0o17", "15"},
        {OPT_TYPE_INT32, "0O17", "15"},
        {OPT_TYPE_INT32, "0x10", "16"},
        {OPT_TYPE_INT32, "0XfF", "255"},
        {OPT_TYPE_INT32, "-0x10", "-16"},
        {OPT_TYPE_INT32, "0b101", "5"},
        {OPT_TYPE_INT32, "1_000", "1000"},
        {OPT_TYPE_INT32, "0x_1_0", "16"},
        {OPT_TYPE_INT32, "0_7", "7"},
        {OPT_TYPE_INT32, "2147483647", "2147483647"},
        {OPT_TYPE_INT32, "-2147483648", "-2147483648"},
        {OPT_TYPE_INT32, "2147483648", NULL},
        {OPT_TYPE_INT32, "-2147483649", NULL},
        {OPT_TYPE_INT32, "", NULL},
        {OPT_TYPE_INT32, "-", NULL},
        {OPT_TYPE_INT32, "+", NULL},
        {OPT_TYPE_INT32, "--1", NULL},
        {OPT_TYPE_INT32, "0x", NULL},
        {OPT_TYPE_INT32, "0b", NULL},
        {OPT_TYPE_INT32, "0b2", NULL},
        {OPT_TYPE_INT32, "0o8", NULL},
        {OPT_TYPE_INT32, "08", NULL},
        {OPT_TYPE_INT32, "0_", NULL},
        {OPT_TYPE_INT32, "_1", NULL},
        {OPT_TYPE_INT32, "1_", NULL},
        {OPT_TYPE_INT32, "1__0", NULL},
        {OPT_TYPE_INT32, "0x_", NULL},
        {OPT_TYPE_INT32, "1.0", NULL},
        {OPT_TYPE_INT32, "1e3", NULL},
        {OPT_TYPE_INT32, " 1", NULL},
        {OPT_TYPE_INT32, "1 ", NULL},
        {OPT_TYPE_INT32, "x10", NULL},
        {OPT_TYPE_INT32, "-_1", NULL},
        {OPT_TYPE_INT64, "9223372036854775807", "9223372036854775807"},
        {OPT_TYPE_INT64, "-9223372036854775808", "-9223372036854775808"},
        {OPT_TYPE_INT64, "-0x8000000000000000", "-9223372036854775808"},
        {OPT_TYPE_INT64, "9223372036854775808", NULL},
        {OPT_TYPE_INT64, "-9223372036854775809", NULL},
        {OPT_TYPE_UINT32, "4294967295", "4294967295"},
        {OPT_TYPE_UINT32, "4294967296", NULL},
        {OPT_TYPE_UINT32, "-1", NULL},
        {OPT_TYPE_UINT32, "+1", NULL},
        {OPT_TYPE_UINT32, "0644", "420"},
        {OPT_TYPE_UINT64, "18446744073709551615", "18446744073709551615"},
        {OPT_TYPE_UINT64, "0xffffffffffffffff", "18446744073709551615"},
        {OPT_TYPE_UINT64, "18446744073709551616", NULL},
        {OPT_TYPE_UINT64, "0x10000000000000000", NULL},
        {OPT_TYPE_UINT64, "99999999999999999999999", NULL},
    };

    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        char canonical[CALL_NUMBER_TEXT_MAX] = "";
        int64_t value;

        assert_int_equal(
            call_value_integer(table[i].type, slice_of(table[i].text), &value, canonical),
            table[i].canonical != NULL);
        if (table[i].canonical != NULL)
            assert_string_equal(canonical, table[i].canonical);
    }
}

static void test_call_value_gives_integers_as_numbers(void **state)
{
    char canonical[CALL_NUMBER_TEXT_MAX];
    int64_t value;

    assert_true(
        call_value_integer(OPT_TYPE_INT64, SLICE("-0x8000000000000000"), &value, canonical));
    assert_true(value == INT64_MIN);
    assert_true(
        call_value_integer(OPT_TYPE_UINT64, SLICE("0xffffffffffffffff"), &value, canonical));
    assert_true(value == INT64_MAX);
    assert_true(call_value_integer(OPT_TYPE_UINT32, SLICE("4294967295"), &value, canonical));
    assert_true(value == 4294967295);
}

static void test_call_value_reads_durations_as_go_does(void **state)
{
    static const struct {
        const char *text;
        int64_t nanoseconds;
    } good[] = {
        {"0", 0},
        {"-0", 0},
        {"30s", 30000000000},
        {"1000ms", 1000000000},
        {"1m30s", 90000000000},
        {"1h", 3600000000000},
        {"1.5h", 5400000000000},
        {".5s", 500000000},
        {"5.s", 5000000000},
        {"-1.5s", -1500000000},
        {"+2us", 2000},
        {"2\xc2\xb5s", 2000},
        {"2\xce\xbcs", 2000},
        {"1ns1ns", 2},
        {"0.0000000009s", 0},
        {"100h1m1s1ms1us1ns", 360061001001001},
        {"0s", 0},
        {"9223372036854775807ns", INT64_MAX},
    };
    static const char *const bad[] = {
        "",
        "s",
        "1",
        "30",
        "1d",
        "1 s",
        " 1s",
        "1s ",
        ".s",
        "-",
        "+",
        "--1s",
        "1S",
        "1H",
        "0x1s",
        "1e3s",
        "1_0s",
        "1.2.3s",
        "s1",
        "1ss",
        "inf",
        "00",
        "1m30",
        "3000000h",
        "9223372036854775808ns",
        "99999999999999999999s",
        "\xc2\xb5s",
        "1\xc2s",
    };

    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        int64_t value = -1;

        assert_true(call_value_duration(slice_of(good[i].text), &value));
        assert_true(value == good[i].nanoseconds);
    }
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        int64_t value;

        assert_false(call_value_duration(slice_of(bad[i]), &value));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_call_value_reads_booleans_as_go_does),
        cmocka_unit_test(test_call_value_reads_integers_as_go_does),
        cmocka_unit_test(test_call_value_gives_integers_as_numbers),
        cmocka_unit_test(test_call_value_reads_durations_as_go_does),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
