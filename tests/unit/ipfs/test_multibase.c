// SPDX-License-Identifier: Apache-2.0
#include "ipfs/multibase.h"

#include <stdio.h>
#include <stdlib.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define PREFIXES "fFbBcCvVtTkKzmMuU"

/* From the test files of github.com/multiformats/multibase: basic, one and two leading zeros, and
 * either case. Bases that pad differently only: the shared part once. */
static const struct {
    struct slice data;
    const char *text[17]; /* in the order of PREFIXES */
} published[] = {
    {SLICE("yes mani !"),
     {"f796573206d616e692021", "F796573206D616E692021", "bpfsxgidnmfxgsibb", "BPFSXGIDNMFXGSIBB",
      "cpfsxgidnmfxgsibb", "CPFSXGIDNMFXGSIBB", "vf5in683dc5n6i811", "VF5IN683DC5N6I811",
      "tf5in683dc5n6i811", "TF5IN683DC5N6I811", "k2lcpzo5yikidynfl", "K2LCPZO5YIKIDYNFL",
      "z7paNL19xttacUY", "meWVzIG1hbmkgIQ", "MeWVzIG1hbmkgIQ==", "ueWVzIG1hbmkgIQ",
      "UeWVzIG1hbmkgIQ=="}},
    {SLICE("\x00yes mani !"),
     {"f00796573206d616e692021", "F00796573206D616E692021", "bab4wk4zanvqw42jaee",
      "BAB4WK4ZANVQW42JAEE", "cab4wk4zanvqw42jaee======", "CAB4WK4ZANVQW42JAEE======",
      "v01smasp0dlgmsq9044", "V01SMASP0DLGMSQ9044", "t01smasp0dlgmsq9044======",
      "T01SMASP0DLGMSQ9044======", "k02lcpzo5yikidynfl", "K02LCPZO5YIKIDYNFL", "z17paNL19xttacUY",
      "mAHllcyBtYW5pICE", "MAHllcyBtYW5pICE=", "uAHllcyBtYW5pICE", "UAHllcyBtYW5pICE="}},
    {SLICE("\x00\x00yes mani !"),
     {"f0000796573206d616e692021", "F0000796573206D616E692021", "baaahszltebwwc3tjeaqq",
      "BAAAHSZLTEBWWC3TJEAQQ", "caaahszltebwwc3tjeaqq====", "CAAAHSZLTEBWWC3TJEAQQ====",
      "v0007ipbj41mm2rj940gg", "V0007IPBJ41MM2RJ940GG",
      "t0007ipbj41mm2rj940gg====", "T0007IPBJ41MM2RJ940GG====", "k002lcpzo5yikidynfl",
      "K002LCPZO5YIKIDYNFL", "z117paNL19xttacUY", "mAAB5ZXMgbWFuaSAh", "MAAB5ZXMgbWFuaSAh",
      "uAAB5ZXMgbWFuaSAh", "UAAB5ZXMgbWFuaSAh"}},
};

static void assert_reads(const char *text, struct slice data)
{
    struct error err = {0};
    uint8_t out[64];
    size_t size;

    if (!multibase_decode(slice_of(text), out, sizeof(out), &size, &err))
        fail_msg("%s: %s", text, err.text);
    assert_int_equal(size, data.size);
    assert_memory_equal(out, data.data, size);
}

static void test_multibase_reads_and_writes_the_published_examples(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(published); i++)
        for (size_t j = 0; j < sizeof(PREFIXES) - 1; j++) {
            struct text text = {0};

            multibase_encode(PREFIXES[j], published[i].data.data, published[i].data.size, &text);
            assert_string_equal(text.data, published[i].text[j]);
            assert_reads(text.data, published[i].data);
            text_dispose(&text);
        }
}

static void test_multibase_reads_either_case_where_the_base_has_one(void **state)
{
    static const char *const mixed[] = {
        "f68656c6c6f20776F726C64", "F68656c6c6f20776F726C64", "bnbswy3dpeB3W64TMMQ",
        "Bnbswy3dpeB3W64TMMQ",     "vd1imor3f41RMUSJCCG",     "cnbswy3dpeB3W64TMMQ======",
        "kfUvrsIvVnfRbjWaJo",      "KfUVrSIVVnFRbJWAJo",
    };

    for (size_t i = 0; i < ARRAY_SIZE(mixed); i++)
        assert_reads(mixed[i], SLICE("hello world"));
}

static void test_multibase_keeps_every_length_and_leading_zero(void **state)
{
    uint8_t data[300], out[300];
    uint32_t draw = 1;

    for (size_t size = 0; size <= sizeof(data); size++) {
        size_t zeros = size * (size % 5) / 4; /* none to all */

        for (size_t i = 0; i < size; i++) {
            draw = draw * 1664525 + 1013904223;
            data[i] = i < zeros ? 0 : (uint8_t)(draw >> 24);
        }
        for (const char *prefix = PREFIXES; *prefix != '\0'; prefix++) {
            struct text text = {0};
            size_t decoded = 0;

            multibase_encode(*prefix, data, size, &text);
            assert_int_equal(strlen(text.data), text.size);
            assert_true(multibase_decode(text_slice(&text), out, size, &decoded, NULL));
            assert_int_equal(decoded, size);
            assert_memory_equal(out, data, size);
            text_dispose(&text);
        }
    }
}

static void test_multibase_refuses_and_says_what(void **state)
{
    static const struct {
        const char *text;
        enum error_code code;
        const char *says;
    } bad[] = {
        {"", ERROR_SYNTAX, "is empty"},
        {"zQm0", ERROR_SYNTAX, "character 4, '0', is not a digit of base58btc"},
        {"zl", ERROR_SYNTAX, "character 2, 'l'"},
        {"f6", ERROR_SYNTAX, "1 digits of base16 are no whole number of bytes"},
        {"f6g", ERROR_SYNTAX, "character 3, 'g', is not a digit of base16"},
        {"f6\n", ERROR_SYNTAX, "character 3, byte 0x0a"},
        {"ba", ERROR_SYNTAX, "no whole number of bytes"},
        {"bab1", ERROR_SYNTAX, "character 4, '1', is not a digit of base32"},
        {"bab", ERROR_SYNTAX, "bits beyond the data"},
        {"bmy======", ERROR_SYNTAX, "character 4, '='"},
        {"cmy", ERROR_SYNTAX, "padded with '=' to a multiple of 8"},
        {"cmy=====", ERROR_SYNTAX, "padded with '='"},
        {"cmy==============", ERROR_SYNTAX, "padded with '='"},
        {"c========", ERROR_SYNTAX, "padded with '='"},
        {"mZg==", ERROR_SYNTAX, "character 4, '='"},
        {"mZh", ERROR_SYNTAX, "bits beyond the data"},
        {"m+_", ERROR_SYNTAX, "character 3, '_'"},
        {"MZg=", ERROR_SYNTAX, "multiple of 4"},
        {"kA!", ERROR_SYNTAX, "character 3, '!'"},
        {"0101", ERROR_UNSUPPORTED, "the base base2 is not supported"},
        {"733", ERROR_UNSUPPORTED, "base8"},
        {"933", ERROR_UNSUPPORTED, "base10"},
        {"hyy", ERROR_UNSUPPORTED, "base32z"},
        {"Zab", ERROR_UNSUPPORTED, "base58flickr"},
        {"RAB", ERROR_UNSUPPORTED, "base45"},
        {"\xf0\x9f\x9a\x80\xf0\x9f\x9a\x80", ERROR_UNSUPPORTED, "base256emoji"},
        {"!ab", ERROR_SYNTAX, "no base has the prefix '!'"},
        {"\xf0\x9f", ERROR_SYNTAX, "prefix byte 0xf0"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct error err = {0};
        uint8_t out[64];
        size_t size;

        assert_false(multibase_decode(slice_of(bad[i].text), out, sizeof(out), &size, &err));
        if (strstr(err.text, bad[i].says) == NULL || err.code != bad[i].code)
            fail_msg("'%s' was refused with %d '%s'", bad[i].text, err.code, err.text);
    }
}

static void test_multibase_refuses_a_nul_as_prefix_and_as_digit(void **state)
{
    struct error err = {0};
    uint8_t out[4];
    size_t size;

    assert_false(multibase_decode((struct slice){"\0ab", 3}, out, 4, &size, &err));
    assert_non_null(strstr(err.text, "prefix byte 0x00"));
    for (const char *prefix = PREFIXES; *prefix != '\0'; prefix++) {
        char text[] = {*prefix, '\0', '\0'};

        assert_false(multibase_decode((struct slice){text, 3}, out, 4, &size, NULL));
    }
}

/* fill: digits of the number, or its leading zeros, are what is too much. */
static void assert_kept_to_capacity(char prefix, uint8_t fill)
{
    struct error err = {0};
    struct text text = {0};
    uint8_t data[20];
    uint8_t *out = malloc(19); /* the sanitizer sees one byte too many */
    size_t size;

    memset(data, fill, sizeof(data));
    multibase_encode(prefix, data, sizeof(data), &text);
    assert_false(multibase_decode(text_slice(&text), out, 19, &size, &err));
    assert_int_equal(err.code, ERROR_LIMIT);
    assert_string_equal(err.text, "is more than 19 bytes of data");
    text_dispose(&text);
    free(out);
}

static void test_multibase_writes_no_more_than_the_capacity(void **state)
{
    for (const char *prefix = PREFIXES; *prefix != '\0'; prefix++) {
        assert_kept_to_capacity(*prefix, 7);
        assert_kept_to_capacity(*prefix, 0);
    }
}

static void test_multibase_takes_numbers_up_to_the_limit(void **state)
{
    uint8_t data[MULTIBASE_RADIX_MAX], out[MULTIBASE_RADIX_MAX];

    memset(data, 0xff, sizeof(data));
    for (const char *prefix = "kKz"; *prefix != '\0'; prefix++) {
        struct text text = {0};
        size_t size = 0;

        multibase_encode(*prefix, data, sizeof(data), &text);
        assert_true(multibase_decode(text_slice(&text), out, sizeof(out), &size, NULL));
        assert_int_equal(size, sizeof(data));
        assert_memory_equal(out, data, size);
        text_dispose(&text);
    }
}

static void test_multibase_refuses_numbers_that_would_take_long(void **state)
{
    struct error err = {0};
    static char text[100000];
    static uint8_t out[100000];
    size_t size;

    memset(text, 'z', sizeof(text));
    assert_false(
        multibase_decode((struct slice){text, sizeof(text)}, out, sizeof(out), &size, &err));
    assert_int_equal(err.code, ERROR_LIMIT);
}

static void test_multibase_finds_bases_by_name(void **state)
{
    struct error err = {0};
    char prefix;

    for (const char *p = PREFIXES; *p != '\0'; p++) {
        assert_true(multibase_find(slice_of(multibase_name(*p)), &prefix, NULL));
        assert_int_equal(prefix, *p);
    }
    assert_null(multibase_name('Z'));
    assert_false(multibase_find(SLICE("base58flickr"), &prefix, &err));
    assert_int_equal(err.code, ERROR_UNSUPPORTED);
    err = (struct error){0};
    assert_false(multibase_find(SLICE("base33"), &prefix, &err));
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_non_null(strstr(err.text, "'base33'"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_multibase_reads_and_writes_the_published_examples),
        cmocka_unit_test(test_multibase_reads_either_case_where_the_base_has_one),
        cmocka_unit_test(test_multibase_keeps_every_length_and_leading_zero),
        cmocka_unit_test(test_multibase_refuses_and_says_what),
        cmocka_unit_test(test_multibase_refuses_a_nul_as_prefix_and_as_digit),
        cmocka_unit_test(test_multibase_writes_no_more_than_the_capacity),
        cmocka_unit_test(test_multibase_takes_numbers_up_to_the_limit),
        cmocka_unit_test(test_multibase_refuses_numbers_that_would_take_long),
        cmocka_unit_test(test_multibase_finds_bases_by_name),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
