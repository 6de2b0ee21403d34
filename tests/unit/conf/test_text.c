// SPDX-License-Identifier: Apache-2.0
#include "conf/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void test_slices_compare_by_their_bytes(void **state)
{
    assert_true(slice_is(SLICE("abc"), "abc"));
    assert_false(slice_is(SLICE("abcd"), "abc"));
    assert_true(slice_equal((struct slice){0}, SLICE("")));
    assert_true(slice_equal(SLICE("a\0b"), SLICE("a\0b")));
    assert_false(slice_equal(SLICE("a\0b"), SLICE("a\0c")));
    assert_true(slice_equal_caseless(SLICE("Content-Length"), SLICE("content-length")));
    assert_false(slice_equal_caseless(SLICE("a"), SLICE("ab")));
    assert_true(slice_starts(SLICE("unix:/x"), "unix:"));
    assert_false(slice_starts(SLICE("uni"), "unix:"));
}

static void test_text_grows_and_stays_terminated(void **state)
{
    struct text text = {0};

    for (int i = 0; i < 1000; i++)
        text_put_format(&text, "%d,", i % 10);
    assert_int_equal(text.size, 2000);
    assert_int_equal(strlen(text.data), 2000);
    text_clear(&text);
    text_put_char(&text, 'a');
    text_put_slice(&text, SLICE("bc"));
    text_put_text(&text, "d");
    assert_string_equal(text.data, "abcd");
    text_dispose(&text);
    assert_null(text.data);
}

static void test_text_escapes_json(void **state)
{
    static const struct {
        struct slice in;
        const char *out;
    } cases[] = {
        {SLICE("plain"), "plain"},
        {SLICE("a\"b\\c\nd"), "a\\\"b\\\\c\\nd"},
        {SLICE("\0\x1f\x7f"), "\\u0000\\u001f\\u007f"},
        {SLICE("\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"), "\xc3\xa4\xe2\x82\xac\xf0\x9f\x98\x80"},
        {SLICE("\xc3"), "\\u00c3"},
        {SLICE("\xc0\xaf"), "\\u00c0\\u00af"},
        {SLICE("\xed\xa0\x80"), "\\u00ed\\u00a0\\u0080"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct text text = {0};

        text_put_json(&text, cases[i].in);
        assert_string_equal(text.data, cases[i].out);
        text_dispose(&text);
    }
}

static void test_utf8_length_takes_only_well_formed_sequences(void **state)
{
    static const struct {
        struct slice in;
        size_t length;
    } cases[] = {
        {SLICE(""), 0},
        {SLICE("a"), 1},
        {SLICE("\0"), 1},
        {SLICE("\xc2\x80"), 2},
        {SLICE("\xdf\xbf"), 2},
        {SLICE("\xe0\xa0\x80"), 3},
        {SLICE("\xef\xbf\xbf"), 3},
        {SLICE("\xf0\x90\x80\x80"), 4},
        {SLICE("\xf4\x8f\xbf\xbf"), 4},
        {SLICE("\x80"), 0},         /* begins nothing */
        {SLICE("\xc2"), 0},         /* cut */
        {SLICE("\xe2\x82"), 0},     /* cut */
        {SLICE("\xc1\xbf"), 0},     /* overlong */
        {SLICE("\xe0\x9f\xbf"), 0}, /* overlong */
        {SLICE("\xf0\x8f\xbf\xbf"), 0},
        {SLICE("\xed\xa0\x80"), 0}, /* surrogate */
        {SLICE("\xf4\x90\x80\x80"), 0},
        {SLICE("\xf5\x80\x80\x80"), 0},
        {SLICE("\xe2\x28\xa1"), 0},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        if (utf8_length(cases[i].in) != cases[i].length)
            fail_msg("case %zu", i);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_slices_compare_by_their_bytes),
        cmocka_unit_test(test_text_grows_and_stays_terminated),
        cmocka_unit_test(test_text_escapes_json),
        cmocka_unit_test(test_utf8_length_takes_only_well_formed_sequences),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
