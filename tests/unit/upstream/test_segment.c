// SPDX-License-Identifier: Apache-2.0
/* The form of segments: records written and read, what is none, what is cut, names. */
#include "blocks_kit.h"
#include "upstream/embedded/segment.h"

#include <sys/mman.h>

static void test_segment_record_is_read_as_it_was_written(void **state)
{
    static const struct {
        struct slice key, data;
    } cases[] = {{SLICE("k"), SLICE("")}, {SLICE("a key"), SLICE("some data")}};

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct segment_record record;
        struct text bytes = {0};

        segment_put_record(&bytes, cases[i].key, cases[i].data);
        assert_int_equal(bytes.size, segment_record_size(cases[i].key.size, cases[i].data.size));
        for (size_t size = 1; size < bytes.size; size++)
            assert_int_equal(segment_parse((struct slice){bytes.data, size}, &record),
                             SEGMENT_MORE);
        assert_int_equal(segment_parse(text_slice(&bytes), &record), SEGMENT_RECORD);
        assert_true(slice_equal(record.key, cases[i].key));
        assert_true(slice_equal(record.data, cases[i].data));
        assert_int_equal(record.size, bytes.size);
        text_dispose(&bytes);
    }
}

static void test_segment_parse_refuses_what_is_no_record(void **state)
{
    static const struct slice cases[] = {
        SLICE("x"),
        SLICE("\xc1xlk"),
        SLICE("\xc1"
              "blk\1\0\0\0\0"), /* no key */
        SLICE("\xc1"
              "blk\1\0\0\0\xff"), /* a key beyond all */
        SLICE("\xc1"
              "blk\1\0\x40\0\1"), /* a size beyond all */
        SLICE("\xc1"
              "blk\xff\xff\xff\xff\1"),
    };
    struct segment_record record;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        assert_int_equal(segment_parse(cases[i], &record), SEGMENT_BAD);
}

static void test_segment_scan_finds_each_record_behind_any_rubbish(void **state)
{
    static const struct slice rubbish[] = {
        {"", 0},
        SLICE("x"),
        SLICE("\xc1"),
        SLICE("\xc1\xc1\xc1"),
        SLICE("\xc1"
              "blk\xff\xff\x3f\0\1k"), /* a record that reaches beyond the end */
    };

    for (size_t i = 0; i < ARRAY_SIZE(rubbish); i++) {
        int fd = memfd_create("segment", MFD_CLOEXEC);
        struct segment_record record;
        struct segment_scan scan;
        struct text bytes = {0};
        struct error err = {0};
        unsigned count = 0;

        for (unsigned n = 0; n < 3; n++) {
            text_put_slice(&bytes, rubbish[i]);
            segment_put_record(&bytes, SLICE("key"), (struct slice){"012345", n});
        }
        text_put_slice(&bytes, rubbish[i]);
        assert_true(segment_write(fd, text_slice(&bytes), 0));
        segment_scan_init(&scan, fd);
        while (segment_scan_next(&scan, &record, &err)) {
            assert_int_equal(record.data.size, count++);
            assert_int_equal(scan.end, scan.offset + record.size);
        }
        assert_int_equal(err.code, ERROR_NONE);
        assert_int_equal(count, 3);
        assert_int_equal(scan.skipped_bytes, 4 * rubbish[i].size);
        segment_scan_dispose(&scan);
        text_dispose(&bytes);
        close(fd);
    }
}

static void test_segment_scan_goes_on_inside_what_is_rejected(void **state)
{
    int fd = memfd_create("segment", MFD_CLOEXEC);
    struct text inner = {0}, bytes = {0};
    struct segment_record record;
    struct segment_scan scan;
    struct error err = {0};

    segment_put_record(&inner, SLICE("inner"), SLICE("data"));
    segment_put_record(&bytes, SLICE("outer"), text_slice(&inner));
    assert_true(segment_write(fd, text_slice(&bytes), 0));
    segment_scan_init(&scan, fd);
    assert_true(segment_scan_next(&scan, &record, &err));
    assert_true(slice_is(record.key, "outer"));
    segment_scan_reject(&scan, &record);
    assert_true(segment_scan_next(&scan, &record, &err));
    assert_true(slice_is(record.key, "inner"));
    assert_int_equal(scan.offset, bytes.size - inner.size);
    assert_int_equal(scan.skipped_bytes, bytes.size - inner.size);
    assert_false(segment_scan_next(&scan, &record, &err));
    segment_scan_dispose(&scan);
    text_dispose(&inner);
    text_dispose(&bytes);
    close(fd);
}

static void test_segment_names_are_read_strictly(void **state)
{
    static const char *const others[] = {
        "index.db",          "1.blocks",          "0000000000.blocks", "0000000001.blocks~",
        "9999999999.blocks", "000000000x.blocks", "+000000001.blocks", ""};
    char name[SEGMENT_NAME_SIZE];
    uint32_t number;

    segment_name(4294967295U, name);
    assert_string_equal(name, "4294967295.blocks");
    assert_true(segment_number(name, &number));
    assert_int_equal(number, 4294967295U);
    for (size_t i = 0; i < ARRAY_SIZE(others); i++)
        assert_false(segment_number(others[i], &number));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_segment_record_is_read_as_it_was_written),
        cmocka_unit_test(test_segment_parse_refuses_what_is_no_record),
        cmocka_unit_test(test_segment_scan_finds_each_record_behind_any_rubbish),
        cmocka_unit_test(test_segment_scan_goes_on_inside_what_is_rejected),
        cmocka_unit_test(test_segment_names_are_read_strictly),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
