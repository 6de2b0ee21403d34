// SPDX-License-Identifier: Apache-2.0
/* Blocks as a job reads them, one after the other, and as a write that is not done yet has them. */
#include "../blocks_kit.h"

static void test_reader_gets_what_is_stored(void **state)
{
    struct kit *kit = *state;
    struct blocks_reader *reader = blocks_reader_create(kit->blocks, true);
    char bytes[1000];
    struct error err = {0};
    struct slice block;
    struct cid cid;
    uint32_t size;

    (void)kit_write_many(kit, 0, 200, sizeof(bytes)); /* several segments */
    for (unsigned n = 0; n < 200; n++) {
        struct slice wanted = kit_block(n * 7 % 200, sizeof(bytes), bytes, &cid);

        assert_true(blocks_reader_size(reader, &cid, &size, &err));
        assert_int_equal(size, sizeof(bytes));
        assert_true(blocks_reader_get(reader, &cid, &block, &err));
        assert_true(slice_equal(block, wanted));
    }
    blocks_reader_destroy(&reader);
    assert_null(reader);
}

static void test_reader_says_what_is_missing(void **state)
{
    struct kit *kit = *state;
    struct blocks_reader *reader = blocks_reader_create(kit->blocks, false);
    struct cid cid = kit_cid(5, 100);
    struct error err = {0}, of_size = {0};
    struct slice block;
    uint32_t size;

    assert_false(blocks_reader_get(reader, &cid, &block, &err));
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    assert_false(blocks_reader_size(reader, &cid, &size, &of_size));
    assert_int_equal(of_size.code, ERROR_NOT_FOUND);
    (void)kit_write_many(kit, 5, 1, 100); /* a reader is no snapshot */
    assert_true(blocks_reader_get(reader, &cid, &block, NULL));
    blocks_reader_destroy(&reader);
}

static void test_reader_takes_identities_out_of_the_cid(void **state)
{
    struct kit *kit = *state;
    struct blocks_reader *reader = blocks_reader_create(kit->blocks, true);
    struct error err = {0};
    struct slice block;
    struct cid cid;
    uint32_t size;

    hash_make_cid(&cid, 1, CODEC_RAW, HASH_IDENTITY, SLICE("inline"));
    assert_true(blocks_reader_get(reader, &cid, &block, &err));
    assert_true(slice_is(block, "inline"));
    assert_true(blocks_reader_size(reader, &cid, &size, &err));
    assert_int_equal(size, 6);
    blocks_reader_destroy(&reader);
}

static void damage(struct kit *kit, const char *name, off_t offset)
{
    char path[160];
    int fd;

    kit_path(kit, name, path);
    fd = open(path, O_WRONLY);
    assert_true(fd >= 0);
    assert_int_equal(pwrite(fd, "damage", 6, offset), 6);
    close(fd);
}

static void test_reader_goes_on_behind_a_damaged_block(void **state)
{
    struct kit *kit = *state;
    struct blocks_reader *reader;
    struct cid damaged = kit_cid(0, 5000), whole = kit_cid(1, 5000);
    struct error err = {0};
    struct slice block;

    (void)kit_write_many(kit, 0, 2, 5000);
    damage(kit, "0000000001.blocks", 2000);
    reader = blocks_reader_create(kit->blocks, true);
    assert_false(blocks_reader_get(reader, &damaged, &block, &err));
    assert_int_equal(err.code, ERROR_MISMATCH);
    assert_non_null(strstr(err.text, "0000000001.blocks at offset 0"));
    assert_true(blocks_reader_get(reader, &whole, &block, NULL));
    blocks_reader_destroy(&reader);
}

struct listed {
    struct blocks_reader *reader;
    struct cid last;
    size_t count;
};

static void on_listed(void *listed_, const struct cid *cid, uint32_t size)
{
    struct listed *listed = listed_;
    struct error err = {0};
    uint32_t found;

    if (listed->count++ > 0) {
        struct slice last = cid_multihash(&listed->last), key = cid_multihash(cid);

        assert_true(memcmp(last.data, key.data, key.size) < 0);
    }
    assert_int_equal(size, 100);
    assert_true(blocks_reader_size(listed->reader, cid, &found, &err));
    assert_int_equal(found, 100);
    listed->last = *cid;
}

static void test_reader_lists_pages_in_the_order_of_multihashes(void **state)
{
    struct kit *kit = *state;
    struct listed listed = {.reader = blocks_reader_create(kit->blocks, false)};
    struct error err = {0};
    size_t count;

    (void)kit_write_many(kit, 0, 20, 100);
    for (size_t seen = 0; seen < 20; seen += 5) {
        assert_true(blocks_reader_list(listed.reader, seen > 0 ? &listed.last : NULL, 5, on_listed,
                                       &listed, &count, &err));
        assert_int_equal(count, 5);
    }
    assert_true(
        blocks_reader_list(listed.reader, &listed.last, 5, on_listed, &listed, &count, &err));
    assert_int_equal(count, 0);
    blocks_reader_destroy(&listed.reader);
}

static void test_write_of_a_job_is_durable_when_it_returns(void **state)
{
    struct kit *kit = *state;
    struct blocks_write *write = blocks_write_create();
    struct blocks_written written;
    struct error err = {0};

    for (unsigned n = 0; n < 9; n++)
        kit_put(write, n, 100);
    assert_true(blocks_write_now(kit->blocks, &write, &written, &err));
    assert_null(write);
    assert_int_equal(written.added, 9);
    kit_reopen(kit);
    kit_expect(kit, 0, 9, 100, true);
}

static void expect_found(const struct blocks_write *write, unsigned n, size_t size, bool is_there)
{
    char *bytes = memory_alloc(size + 1);
    struct slice found, wanted;
    struct cid cid;

    wanted = kit_block(n, size, bytes, &cid);
    assert_int_equal(blocks_write_find(write, &cid, &found), is_there);
    if (is_there)
        assert_true(slice_equal(found, wanted));
    free(bytes);
}

static void test_write_finds_what_was_put_into_it(void **state)
{
    struct blocks_write *write = blocks_write_create();
    struct cid removed = kit_cid(3, 40);

    expect_found(write, 0, 40, false);
    for (unsigned n = 0; n < 1000; n++)
        kit_put(write, n, 40);
    blocks_write_remove(write, &removed);
    for (unsigned n = 0; n < 1200; n++)
        expect_found(write, n, 40, n < 1000 && n != 3);
    kit_put(write, 3, 40);
    expect_found(write, 3, 40, true);
    blocks_write_destroy(&write);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_reader_gets_what_is_stored, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(test_reader_says_what_is_missing, kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(test_reader_takes_identities_out_of_the_cid, kit_setup,
                                        kit_teardown),
        cmocka_unit_test_setup_teardown(test_reader_goes_on_behind_a_damaged_block, kit_setup,
                                        kit_teardown),
        cmocka_unit_test_setup_teardown(test_reader_lists_pages_in_the_order_of_multihashes,
                                        kit_setup, kit_teardown),
        cmocka_unit_test_setup_teardown(test_write_of_a_job_is_durable_when_it_returns, kit_setup,
                                        kit_teardown),
        cmocka_unit_test(test_write_finds_what_was_put_into_it),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
