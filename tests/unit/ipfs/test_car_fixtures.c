// SPDX-License-Identifier: Apache-2.0
/* CARs that others made (cars/README.md): sizes are those of `ipfs dag stat` of Kubo 0.43.1, and
 * every block is in the form that the writers here give it. */
#include "ipfs/car_verify.h"
#include "ipfs/dag_cbor.h"
#include "ipfs/dag_pb.h"
#include "ipfs/unixfs.h"

#include <stdio.h>
#include <stdlib.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct cid_set_key key = {{5, 6}};

static const struct {
    const char *file;
    int version;
    uint32_t blocks, bytes, depth;
    uint32_t files, directories, shards, times; /* UnixFS nodes of each kind; with an mtime */
} cars[] = {
    {"cars/hamt.car", 1, 18, 5303, 3, 2, 2, 3, 0},
    {"cars/mode-mtime.car", 1, 10, 606, 4, 3, 6, 0, 10},
    {"cars/dag-cbor.car", 1, 3, 148, 2, 0, 0, 0, 0},
    {"cars/names.car", 1, 16, 1130, 1, 0, 1, 0, 0},
    {"cars/version-2.car", 2, 4, 194, 2, 0, 0, 0, 0},
};

struct kinds {
    uint32_t files, directories, shards, times;
};

static struct text read_file(const char *path)
{
    struct text bytes = {0};
    FILE *file = fopen(path, "rb");

    assert_non_null(file);
    bytes.size = fread(text_reserve(&bytes, 65536), 1, 65536, file);
    fclose(file);
    return bytes;
}

static void check_unixfs(struct slice data, struct kinds *kinds)
{
    struct unixfs_sizes iterator;
    struct text again = {0};
    struct unixfs node;
    uint64_t sizes[64];
    size_t count = 0;

    assert_true(unixfs_read(&node, data, NULL));
    unixfs_sizes_begin(&iterator, &node);
    while (count < ARRAY_SIZE(sizes) && unixfs_next_size(&iterator, &sizes[count]))
        count++;
    unixfs_put(&again, &node, sizes, count);
    assert_true(slice_equal(text_slice(&again), data));
    kinds->files += node.type == UNIXFS_FILE;
    kinds->directories += node.type == UNIXFS_DIRECTORY;
    kinds->times += node.stat.has_mtime;
    if (node.type == UNIXFS_HAMT) {
        kinds->shards++;
        assert_true(unixfs_check_shard(&node, NULL));
    }
    text_dispose(&again);
}

static void check_dag_pb(struct slice block, struct kinds *kinds)
{
    struct dag_pb_reader reader;
    enum dag_pb_part part;
    struct text again = {0};

    dag_pb_read(&reader, block.data, block.size);
    while ((part = dag_pb_next(&reader, NULL)) == DAG_PB_LINK || part == DAG_PB_DATA)
        if (part == DAG_PB_LINK) {
            dag_pb_put_link(&again, &reader.link);
        } else {
            dag_pb_put_data(&again, reader.data);
            check_unixfs(reader.data, kinds);
        }
    assert_int_equal(part, DAG_PB_END);
    assert_true(slice_equal(text_slice(&again), block));
    text_dispose(&again);
}

static void check_dag_cbor(struct slice block)
{
    struct dag_node node = {0};
    struct text again = {0};

    assert_true(dag_cbor_decode(&node, block, DAG_CBOR_STRICT, NULL));
    dag_cbor_encode(&node, &again);
    assert_true(slice_equal(text_slice(&again), block));
    dag_node_dispose(&node);
    text_dispose(&again);
}

static void verify(struct car_verify *verify, struct slice input, struct kinds *kinds)
{
    enum car_verify_event event = CAR_VERIFY_MORE;
    struct error err = {0};

    do {
        event = input.size > 0 ? car_verify_next(verify, &input, &err)
                               : car_verify_finish(verify, &err);
        if (event == CAR_VERIFY_BLOCK) {
            const struct car_verify_block *block = car_verify_block(verify);

            if (block->cid.codec == CODEC_DAG_PB)
                check_dag_pb(block->data, kinds);
            else if (block->cid.codec == CODEC_DAG_CBOR)
                check_dag_cbor(block->data);
        }
    } while (event != CAR_VERIFY_END && event != CAR_VERIFY_BAD);
    assert_string_equal(err.text, "");
    assert_int_equal(event, CAR_VERIFY_END);
}

static void test_car_fixtures_of_others_verify(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(cars); i++) {
        struct walk_memory *memory = walk_memory_create(&key, 1 << 20);
        struct car_verify *reader = car_verify_create(&(struct car_verify_options){0}, memory);
        struct text car = read_file(cars[i].file);
        struct kinds kinds = {0};

        verify(reader, text_slice(&car), &kinds);
        assert_int_equal(car_reader_version(car_verify_reader(reader)), cars[i].version);
        assert_int_equal(car_verify_stats(reader)->blocks, cars[i].blocks);
        assert_int_equal(car_verify_stats(reader)->bytes, cars[i].bytes);
        assert_int_equal(car_verify_stats(reader)->depth, cars[i].depth);
        if (kinds.files != cars[i].files || kinds.directories != cars[i].directories ||
            kinds.shards != cars[i].shards || kinds.times != cars[i].times)
            fail_msg("%s: %u files, %u directories, %u shards, %u times", cars[i].file, kinds.files,
                     kinds.directories, kinds.shards, kinds.times);
        car_verify_destroy(&reader);
        walk_memory_destroy(&memory);
        text_dispose(&car);
    }
}

/* Every byte changed, and every length: never taken for the whole DAG. */
static void test_car_fixtures_do_not_verify_when_changed(void **state)
{
    struct text car = read_file("cars/dag-cbor.car");

    for (size_t at = 0; at < car.size * 2; at++) {
        struct walk_memory *memory = walk_memory_create(&key, 1 << 20);
        struct car_verify *reader = car_verify_create(&(struct car_verify_options){0}, memory);
        struct slice input = {car.data, at < car.size ? car.size : at - car.size};
        enum car_verify_event event;

        if (at < car.size)
            car.data[at] ^= 1;
        while ((event = car_verify_next(reader, &input, NULL)) == CAR_VERIFY_HEADER ||
               event == CAR_VERIFY_BLOCK)
            ;
        while (event == CAR_VERIFY_MORE || event == CAR_VERIFY_BLOCK)
            event = car_verify_finish(reader, NULL);
        if (event != CAR_VERIFY_BAD)
            fail_msg("byte %zu", at);
        if (at < car.size)
            car.data[at] ^= 1;
        car_verify_destroy(&reader);
        walk_memory_destroy(&memory);
    }
    text_dispose(&car);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_car_fixtures_of_others_verify),
        cmocka_unit_test(test_car_fixtures_do_not_verify_when_changed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
