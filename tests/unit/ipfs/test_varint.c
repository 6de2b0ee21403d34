// SPDX-License-Identifier: Apache-2.0
#include "ipfs/varint.h"

#include "conf/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct {
    uint64_t value;
    const char *bytes;
    size_t size;
} table[] = {
    {0, "\x00", 1},
    {1, "\x01", 1},
    {127, "\x7f", 1},
    {128, "\x80\x01", 2},
    {255, "\xff\x01", 2},
    {300, "\xac\x02", 2},
    {16383, "\xff\x7f", 2},
    {16384, "\x80\x80\x01", 3},
    {0xb220, "\xa0\xe4\x02", 3},
    {VARINT_MAX, "\xff\xff\xff\xff\xff\xff\xff\xff\x7f", 9},
};

static void test_varint_reads_and_writes_the_published_examples(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        uint8_t out[VARINT_SIZE_MAX];
        uint64_t value = 42;
        size_t used = 0;

        assert_int_equal(varint_read(table[i].bytes, table[i].size, &value, &used), VARINT_DONE);
        assert_true(value == table[i].value);
        assert_int_equal(used, table[i].size);
        assert_int_equal(varint_size(table[i].value), table[i].size);
        assert_int_equal(varint_write(out, table[i].value), table[i].size);
        assert_memory_equal(out, table[i].bytes, table[i].size);
    }
}

static void test_varint_leaves_what_follows_alone(void **state)
{
    uint64_t value;
    size_t used;

    assert_int_equal(varint_read("\x81\x01\xff\xff", 4, &value, &used), VARINT_DONE);
    assert_true(value == 129);
    assert_int_equal(used, 2);
}

static void test_varint_asks_for_more_at_every_cut(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(table); i++)
        for (size_t size = 0; size < table[i].size; size++) {
            uint64_t value;
            size_t used;

            assert_int_equal(varint_read(table[i].bytes, size, &value, &used), VARINT_MORE);
        }
}

static void test_varint_refuses_spellings_that_are_not_the_shortest(void **state)
{
    static const struct slice bad[] = {
        {"\x80\x00", 2},
        {"\x81\x00", 2},
        {"\xff\x80\x00", 3},
        {"\x80\x80\x80\x80\x80\x80\x80\x80\x00", 9},
    };

    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        uint64_t value;
        size_t used;

        assert_int_equal(varint_read(bad[i].data, bad[i].size, &value, &used), VARINT_NOT_MINIMAL);
    }
}

static void test_varint_refuses_more_than_nine_bytes(void **state)
{
    const char *ten = "\x80\x80\x80\x80\x80\x80\x80\x80\x80\x01";
    uint64_t value;
    size_t used;

    assert_int_equal(varint_read(ten, 10, &value, &used), VARINT_TOO_LONG);
    assert_int_equal(varint_read(ten, 9, &value, &used), VARINT_TOO_LONG);
    assert_int_equal(varint_read(ten, 8, &value, &used), VARINT_MORE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_varint_reads_and_writes_the_published_examples),
        cmocka_unit_test(test_varint_leaves_what_follows_alone),
        cmocka_unit_test(test_varint_asks_for_more_at_every_cut),
        cmocka_unit_test(test_varint_refuses_spellings_that_are_not_the_shortest),
        cmocka_unit_test(test_varint_refuses_more_than_nine_bytes),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
