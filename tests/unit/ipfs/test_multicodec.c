// SPDX-License-Identifier: Apache-2.0
#include "ipfs/multicodec.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static void test_multicodec_names_the_codecs_in_daily_use(void **state)
{
    static const struct {
        uint64_t code;
        const char *name;
    } table[] = {
        {0x51, "cbor"},       {0x55, "raw"},     {0x70, "dag-pb"},    {0x71, "dag-cbor"},
        {0x72, "libp2p-key"}, {0x78, "git-raw"}, {0x85, "dag-jose"},  {0x0129, "dag-json"},
        {0x0200, "json"},     {0x0202, "car"},   {0x90, "eth-block"}, {0x0300, "ipns-record"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        char name[MULTICODEC_NAME_SIZE];
        uint64_t code;

        assert_true(multicodec_codec_name(table[i].code, name));
        assert_string_equal(name, table[i].name);
        assert_true(multicodec_find_codec(slice_of(table[i].name), &code));
        assert_true(code == table[i].code);
    }
}

/* Every code below the largest of the table, so that no two entries share a name. */
static void test_multicodec_finds_every_name_that_it_gives(void **state)
{
    size_t codecs = 0, hashes = 0;

    for (uint64_t code = 0; code < 0x10000; code++) {
        char name[MULTICODEC_NAME_SIZE];
        uint64_t found;

        if (multicodec_codec_name(code, name)) {
            assert_true(multicodec_find_codec(slice_of(name), &found) && found == code);
            codecs++;
        }
        if (multicodec_hash_name(code, name)) {
            assert_true(multicodec_find_hash(slice_of(name), &found) && found == code);
            hashes++;
        }
    }
    assert_true(codecs > 50);
    assert_true(hashes > 64 + 32 + 32 + 64 + 128);
}

static void test_multicodec_does_not_name_what_it_does_not_know(void **state)
{
    char name[MULTICODEC_NAME_SIZE] = "kept";
    uint64_t code;

    assert_false(multicodec_codec_name(UINT64_MAX, name));
    assert_false(multicodec_hash_name(0x55, name));
    assert_false(multicodec_codec_name(0x12, name));
    assert_string_equal(name, "kept");
    assert_false(multicodec_find_codec(SLICE("sha2-256"), &code));
    assert_false(multicodec_find_codec(SLICE("dag-"), &code));
    assert_false(multicodec_find_hash(SLICE("raw"), &code));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_multicodec_names_the_codecs_in_daily_use),
        cmocka_unit_test(test_multicodec_finds_every_name_that_it_gives),
        cmocka_unit_test(test_multicodec_does_not_name_what_it_does_not_know),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
