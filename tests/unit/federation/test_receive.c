// SPDX-License-Identifier: Apache-2.0
/* What is taken in from whoever sends, and what is not. */
#include "receive_kit.h"

#include "federation/receive.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct end {
    struct kit_dag *dag;
    struct walk_memory *memory;
    struct receive *receive;
    size_t told; /* blocks, all of them right */
    bool is_whole;
    struct error err;
};

static struct end begin(struct kit_dag *dag, const struct walk_limits *limits)
{
    struct walk_limits exact = {.bytes = dag->stats.bytes, .blocks = dag->stats.blocks};
    struct end end = {.dag = dag, .memory = kit_memory()};

    end.receive =
        receive_create(&dag->root, limits != NULL ? limits : &exact, end.memory, &end.err);
    assert_non_null(end.receive);
    return end;
}

static void finish(struct end *end)
{
    receive_destroy(&end->receive);
    walk_memory_destroy(&end->memory);
}

static bool on_block(void *end_, const struct cid *cid, struct slice block, struct error *err)
{
    struct end *end = end_;

    assert_true(hash_verify(cid, block, NULL));
    end->told++;
    return true;
}

/* In pieces; the stream ends well. */
static bool take(struct end *end, struct slice car, size_t piece)
{
    receive_begin(end->receive, false);
    while (car.size > 0) {
        size_t size = car.size < piece ? car.size : piece;

        if (!receive_take(end->receive, (struct slice){car.data, size}, on_block, end, &end->err))
            return false;
        car = (struct slice){car.data + size, car.size - size};
    }
    return receive_end(end->receive, on_block, end, &end->is_whole, &end->err);
}

static void expect_refused(struct kit_dag *dag, const struct walk_limits *limits, struct text *car,
                           enum error_code code, const char *word)
{
    struct end end = begin(dag, limits);

    assert_false(take(&end, text_slice(car), 1000));
    if (end.err.code != code || strstr(end.err.text, word) == NULL)
        fail_msg("%d: %s; expected %d: %s", (int)end.err.code, end.err.text, (int)code, word);
    assert_true(receive_stats(end.receive)->bytes <= dag->stats.bytes);
    finish(&end);
    text_dispose(car);
}

static void test_receive_takes_an_object_in_any_pieces(void **state)
{
    static const size_t pieces[] = {1, 7, 333, 4096, SIZE_MAX};

    for (unsigned is_full = 0; is_full < 2; is_full++) {
        for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
            struct kit_dag *dag = kit_dag_create(200, 100);
            struct text car = kit_car(dag, 0, SIZE_MAX, is_full == 1);
            struct end end = begin(dag, NULL);

            if (!take(&end, text_slice(&car), pieces[i]))
                fail_msg("%s", end.err.text);
            assert_true(end.is_whole);
            assert_int_equal(receive_stats(end.receive)->blocks, dag->stats.blocks);
            assert_int_equal(receive_stats(end.receive)->bytes, dag->stats.bytes);
            finish(&end);
            text_dispose(&car);
            kit_dag_destroy(dag);
        }
    }
}

/* Cut anywhere, in a block too: the next stream begins at the position. */
static void test_receive_goes_on_where_a_stream_broke_off(void **state)
{
    struct kit_dag *dag = kit_dag_create(100, 50);
    struct end end = begin(dag, NULL);
    size_t streams = 0;

    while (!end.is_whole) {
        struct text car =
            kit_car(dag, receive_stats(end.receive)->blocks, SIZE_MAX, streams % 2 == 0);
        size_t size = 150 + 37 * streams;

        receive_begin(end.receive, false);
        assert_true(receive_take(end.receive,
                                 (struct slice){car.data, size < car.size ? size : car.size},
                                 on_block, &end, &end.err));
        if (!receive_cut(end.receive, on_block, &end, &end.is_whole, &end.err))
            fail_msg("%s", end.err.text);
        text_dispose(&car);
        assert_true(++streams < 200);
    }
    assert_true(streams > 10);
    assert_int_equal(receive_stats(end.receive)->blocks, dag->stats.blocks);
    finish(&end);
    kit_dag_destroy(dag);
}

static void test_receive_refuses_a_block_that_is_not_what_it_says(void **state)
{
    struct kit_dag *dag = kit_dag_create(60, 100);

    for (size_t number = 0; number < dag->ordered; number += 7) {
        struct text before = kit_car(dag, 0, number + 1, false), car;

        if (dag->order[number].hash == HASH_IDENTITY) {
            text_dispose(&before);
            continue;
        }
        car = kit_car(dag, 0, SIZE_MAX, false);
        car.data[before.size - 1] ^= 1;
        text_dispose(&before);
        expect_refused(dag, NULL, &car, ERROR_MISMATCH, "byte ");
    }
    kit_dag_destroy(dag);
}

/* As often as it likes, anywhere: never more than what is wanted. */
static void test_receive_refuses_blocks_that_are_foreign_or_repeated(void **state)
{
    struct kit_dag *dag = kit_dag_create(60, 100), *other = kit_dag_create(61, 99);
    struct text car;

    for (size_t number = 0; number < dag->ordered; number += 5) {
        struct text foreign = kit_car(dag, 0, number, false);

        kit_section(other, number, &foreign);
        expect_refused(dag, NULL, &foreign, ERROR_SYNTAX, " comes ");
    }
    for (size_t number = 1; number < dag->ordered; number += 5) {
        if (dag->order[number - 1].hash == HASH_IDENTITY)
            continue;
        car = kit_car(dag, 0, number, false);
        kit_section(dag, number - 1, &car);
        expect_refused(dag, NULL, &car, ERROR_SYNTAX, "comes where only this one may");
    }
    car = kit_car(dag, 1, SIZE_MAX, false);
    expect_refused(dag, NULL, &car, ERROR_SYNTAX, "comes where only this one may");
    car = kit_car(dag, 0, SIZE_MAX, false);
    kit_section(dag, 0, &car);
    {
        struct walk_limits wide = {.bytes = 1 << 20, .blocks = 1 << 20};

        expect_refused(dag, &wide, &car, ERROR_SYNTAX, "nothing is missing any more");
    }
    kit_dag_destroy(dag);
    kit_dag_destroy(other);
}

static void test_receive_takes_no_byte_and_no_block_more_than_was_promised(void **state)
{
    struct kit_dag *dag = kit_dag_create(60, 100);
    struct walk_limits bytes = {.bytes = dag->stats.bytes - 1};
    struct walk_limits blocks = {.bytes = dag->stats.bytes, .blocks = dag->stats.blocks - 1};
    struct walk_limits depth = {.bytes = dag->stats.bytes, .depth = 1};
    struct text car = kit_car(dag, 0, SIZE_MAX, true);

    expect_refused(dag, &bytes, &car, ERROR_LIMIT, "bytes");
    car = kit_car(dag, 0, SIZE_MAX, true);
    expect_refused(dag, &blocks, &car, ERROR_LIMIT, "blocks");
    car = kit_car(dag, 0, SIZE_MAX, true);
    expect_refused(dag, &depth, &car, ERROR_LIMIT, "deeper");
    kit_dag_destroy(dag);
}

/* A few bytes that stand for many: identity CIDs count with what they hold. */
static void test_receive_counts_what_is_inline(void **state)
{
    struct kit_dag *dag = calloc(1, sizeof(*dag));
    struct walk_limits limits = {.bytes = 20000, .blocks = 50};
    struct end end = {.dag = dag, .memory = kit_memory()};
    struct cid links[100];
    struct text car = {0};

    for (unsigned i = 0; i < ARRAY_SIZE(links); i++) {
        struct text data = {0};

        text_put_format(&data, "%0100u", i);
        links[i] = kit_put(dag, CODEC_RAW, HASH_IDENTITY, &data);
        text_dispose(&data);
    }
    dag->root = kit_list(dag, links, ARRAY_SIZE(links));
    car_put_header(&car, &dag->root, 1);
    car_put_section(&car, &dag->root, dag->blocks[dag->count - 1].data.size);
    text_put_slice(&car, text_slice(&dag->blocks[dag->count - 1].data));
    end.receive = receive_create(&dag->root, &limits, end.memory, &end.err);
    assert_false(take(&end, text_slice(&car), SIZE_MAX));
    assert_int_equal(end.err.code, ERROR_LIMIT);
    finish(&end);
    text_dispose(&car);
    kit_dag_destroy(dag);
}

static void test_receive_refuses_streams_that_are_none_of_this_object(void **state)
{
    struct kit_dag *dag = kit_dag_create(10, 100), *other = kit_dag_create(11, 100);
    struct cid roots[2] = {dag->root, other->root};
    static const char pragma[] = "\x0a\xa1gversion\x02";
    struct text car = kit_car(other, 0, SIZE_MAX, false);

    expect_refused(dag, NULL, &car, ERROR_SYNTAX, "another one than the allocation's");
    car_put_header(&car, roots, 2);
    expect_refused(dag, NULL, &car, ERROR_SYNTAX, "one root");
    text_put_text(&car, "\xff\xff\xff\x7f");
    expect_refused(dag, NULL, &car, ERROR_LIMIT, "header");
    /* of version 2, with padding that does not end */
    text_put(&car, pragma, sizeof(pragma) - 1);
    for (unsigned i = 0; i < 16; i++)
        text_put_char(&car, 0);
    text_put(&car, "\0\0\0\0\0\1\0\0\1\0\0\0\0\0\0\0", 16);
    for (unsigned i = 0; i < 5000; i++)
        text_put_text(&car, "padding");
    car.size = 5000;
    for (unsigned i = 0; i < 8; i++)
        car.data[11 + 16 + 16 + i] = 0;
    expect_refused(dag, NULL, &car, ERROR_SYNTAX, "header");
    kit_dag_destroy(dag);
    kit_dag_destroy(other);
}

static void test_receive_that_ends_in_a_block_says_so(void **state)
{
    struct kit_dag *dag = kit_dag_create(10, 100);
    struct text car = kit_car(dag, 0, SIZE_MAX, false);
    struct end end = begin(dag, NULL);

    car.size -= 5;
    assert_false(take(&end, text_slice(&car), SIZE_MAX));
    assert_int_equal(end.err.code, ERROR_SYNTAX);
    finish(&end);
    text_dispose(&car);
    kit_dag_destroy(dag);
}

static void test_receive_of_one_inline_block_needs_no_stream(void **state)
{
    struct kit_dag *dag = calloc(1, sizeof(*dag));
    struct walk_limits limits = {.bytes = 5};
    struct end end = {.dag = dag, .memory = kit_memory()};
    struct text data = {0};

    text_put_text(&data, "hello");
    dag->root = kit_put(dag, CODEC_RAW, HASH_IDENTITY, &data);
    end.receive = receive_create(&dag->root, &limits, end.memory, &end.err);
    receive_begin(end.receive, false);
    assert_true(receive_cut(end.receive, on_block, &end, &end.is_whole, &end.err));
    assert_true(end.is_whole);
    assert_int_equal(receive_stats(end.receive)->bytes, 5);
    finish(&end);
    text_dispose(&data);
    kit_dag_destroy(dag);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_receive_takes_an_object_in_any_pieces),
        cmocka_unit_test(test_receive_goes_on_where_a_stream_broke_off),
        cmocka_unit_test(test_receive_refuses_a_block_that_is_not_what_it_says),
        cmocka_unit_test(test_receive_refuses_blocks_that_are_foreign_or_repeated),
        cmocka_unit_test(test_receive_takes_no_byte_and_no_block_more_than_was_promised),
        cmocka_unit_test(test_receive_counts_what_is_inline),
        cmocka_unit_test(test_receive_refuses_streams_that_are_none_of_this_object),
        cmocka_unit_test(test_receive_that_ends_in_a_block_says_so),
        cmocka_unit_test(test_receive_of_one_inline_block_needs_no_stream),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
