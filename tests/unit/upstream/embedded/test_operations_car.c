// SPDX-License-Identifier: Apache-2.0
/* Objects as CARs, out of a node of its own and into it. */
#include "ipfs/car.h"
#include "pin_stage.h"
#include "upstream/embedded/embedded.h"

#include <stdlib.h>

struct kit {
    struct stage *stage;
    struct upstream *upstream;
    struct operation *operation;
    unsigned calls;
    struct operation_result result;
    struct error err;
    struct text content;
    bool pauses, cancels; /* with the first content */
    char file[32];
};

static int setup(void **state)
{
    struct kit *kit = memory_alloc(sizeof(*kit));

    (void)stage_setup((void **)&kit->stage);
    kit->upstream = embedded_create(kit->stage->bench->loop, kit->stage->bench->node);
    strcpy(kit->file, "/tmp/test-car-XXXXXX");
    close(mkstemp(kit->file));
    *state = kit;
    return 0;
}

static int teardown(void **state)
{
    struct kit *kit = *state;

    upstream_destroy(&kit->upstream);
    (void)stage_teardown((void **)&kit->stage);
    text_dispose(&kit->content);
    unlink(kit->file);
    free(kit);
    return 0;
}

static void on_content(void *kit_, struct slice content)
{
    struct kit *kit = kit_;

    assert_int_equal(kit->calls, 0);
    text_put_slice(&kit->content, content);
    if (kit->pauses)
        upstream_pause(kit->operation);
    if (kit->cancels)
        upstream_cancel(&kit->operation);
}

static void on_done(void *kit_, const struct operation_result *result, const struct error *err)
{
    struct kit *kit = kit_;

    kit->calls++;
    kit->operation = NULL;
    if (result != NULL)
        kit->result = *result;
    if (err != NULL)
        kit->err = *err;
}

static void turn(struct kit *kit)
{
    for (int turns = 0; turns < 20; turns++)
        loop_turn(kit->stage->bench->loop, 5);
}

static void await(struct kit *kit)
{
    for (int turns = 0; kit->calls == 0 && turns < 2000; turns++)
        loop_turn(kit->stage->bench->loop, 10);
    assert_int_equal(kit->calls, 1);
    kit->calls = 0;
}

static void start_export(struct kit *kit, size_t object, uint64_t skip)
{
    text_clear(&kit->content);
    kit->err = (struct error){0};
    assert_true(upstream_export(kit->upstream, &kit->operation, &kit->stage->cids[object], skip,
                                on_content, on_done, kit, &kit->err));
    assert_int_equal(kit->calls, 0);
}

static void export(struct kit *kit, size_t object, uint64_t skip)
{
    start_export(kit, object, skip);
    await(kit);
}

/* As dag/export gives it: root, left, one, two, right; without the first so many. */
static void put_expected(struct kit *kit, uint64_t skip, struct text *car)
{
    static const size_t order[] = {ROOT, LEFT, ONE, TWO, RIGHT};

    car_put_header(car, &kit->stage->cids[ROOT], 1);
    for (size_t i = skip; i < ARRAY_SIZE(order); i++) {
        struct slice block = text_slice(&kit->stage->dag.blocks[order[i]].data);

        car_put_section(car, &kit->stage->cids[order[i]], block.size);
        text_put_slice(car, block);
    }
}

static void test_export_gives_blocks_in_walking_order_from_any_on(void **state)
{
    struct kit *kit = *state;

    for (uint64_t skip = 0; skip <= 5; skip++) {
        struct text expected = {0};

        put_expected(kit, skip, &expected);
        export(kit, ROOT, skip);
        assert_int_equal(kit->err.code, ERROR_NONE);
        assert_int_equal(kit->result.blocks, 5 - skip);
        assert_true(slice_equal(text_slice(&kit->content), text_slice(&expected)));
        text_dispose(&expected);
    }
}

static void test_export_fails_beyond_the_last_block(void **state)
{
    struct kit *kit = *state;

    export(kit, ROOT, 6);
    assert_int_equal(kit->err.code, ERROR_MISMATCH);
    assert_non_null(strstr(kit->err.text, "5 blocks"));
}

static void test_export_fails_where_a_block_is_missing(void **state)
{
    struct kit *kit = *state;

    export(kit, OTHER, 0);
    assert_int_equal(kit->err.code, ERROR_NOT_FOUND);
}

static void test_export_waits_while_it_is_paused(void **state)
{
    struct kit *kit = *state;
    struct text expected = {0};

    put_expected(kit, 0, &expected);
    kit->pauses = true;
    start_export(kit, ROOT, 0);
    turn(kit);
    assert_int_equal(kit->calls, 0);
    while (kit->operation != NULL) {
        upstream_resume(kit->operation);
        turn(kit);
    }
    assert_int_equal(kit->calls, 1);
    assert_true(slice_equal(text_slice(&kit->content), text_slice(&expected)));
    text_dispose(&expected);
}

static void test_export_may_be_canceled_with_its_content(void **state)
{
    struct kit *kit = *state;

    kit->cancels = true;
    start_export(kit, ROOT, 0);
    turn(kit);
    assert_int_equal(kit->calls, 0);
    assert_true(kit->content.size > 0);
}

static void test_export_may_be_canceled_while_it_is_paused(void **state)
{
    struct kit *kit = *state;

    kit->pauses = true;
    start_export(kit, ROOT, 0);
    turn(kit);
    upstream_resume(kit->operation);
    upstream_cancel(&kit->operation);
    turn(kit);
    assert_int_equal(kit->calls, 0);
}

/* ---- import */

static void write_file(struct kit *kit, struct slice bytes)
{
    int fd = open(kit->file, O_WRONLY | O_TRUNC);

    assert_int_equal(write(fd, bytes.data, bytes.size), (ssize_t)bytes.size);
    close(fd);
}

static void import(struct kit *kit, const char *path)
{
    kit->err = (struct error){0};
    assert_true(upstream_import(kit->upstream, &kit->operation, path, on_done, kit, &kit->err));
    await(kit);
}

static void test_import_stores_blocks_and_pins_nothing(void **state)
{
    struct kit *kit = *state;
    struct cid *gone = &kit->stage->cids[GONE];
    struct slice block = text_slice(&kit->stage->dag.blocks[GONE].data);
    struct text car = {0};

    car_put_header(&car, gone, 1);
    car_put_section(&car, gone, block.size);
    text_put_slice(&car, block);
    write_file(kit, text_slice(&car));
    import(kit, kit->file);
    assert_int_equal(kit->err.code, ERROR_NONE);
    assert_int_equal(kit->result.blocks, 1);
    assert_int_equal(kit->result.bytes, block.size);
    export(kit, OTHER, 0); /* it has all of its blocks now */
    assert_int_equal(kit->err.code, ERROR_NONE);
    assert_true(
        upstream_look(kit->upstream, &kit->operation, gone, SLICE(""), on_done, kit, &kit->err));
    await(kit);
    assert_int_equal(kit->result.foreign, PIN_NONE);
    text_dispose(&car);
}

static void test_import_fails_with_the_files_name(void **state)
{
    struct kit *kit = *state;

    import(kit, "/nonexistent/part.car");
    assert_int_equal(kit->err.code, ERROR_IO);
    assert_non_null(strstr(kit->err.text, "/nonexistent/part.car"));
    write_file(kit, SLICE("what is no CAR"));
    import(kit, kit->file);
    assert_int_not_equal(kit->err.code, ERROR_NONE);
}

static void test_import_fails_where_the_file_is_cut_off(void **state)
{
    struct kit *kit = *state;
    struct text car = {0};

    put_expected(kit, 0, &car);
    car.size--;
    write_file(kit, text_slice(&car));
    import(kit, kit->file);
    assert_int_not_equal(kit->err.code, ERROR_NONE);
    text_dispose(&car);
}

static void test_import_may_be_canceled(void **state)
{
    struct kit *kit = *state;

    assert_true(
        upstream_import(kit->upstream, &kit->operation, kit->file, on_done, kit, &kit->err));
    upstream_cancel(&kit->operation);
    turn(kit);
    assert_int_equal(kit->calls, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_export_gives_blocks_in_walking_order_from_any_on),
        TEST(test_export_fails_beyond_the_last_block),
        TEST(test_export_fails_where_a_block_is_missing),
        TEST(test_export_waits_while_it_is_paused),
        TEST(test_export_may_be_canceled_with_its_content),
        TEST(test_export_may_be_canceled_while_it_is_paused),
        TEST(test_import_stores_blocks_and_pins_nothing),
        TEST(test_import_fails_with_the_files_name),
        TEST(test_import_fails_where_the_file_is_cut_off),
        TEST(test_import_may_be_canceled),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
