// SPDX-License-Identifier: Apache-2.0
#include "ipfs/dag_pb_edit.h"

#include "ipfs/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static struct dag_pb_link link_of(const char *name, uint64_t tsize)
{
    struct dag_pb_link link = {
        .name = slice_of(name), .tsize = tsize, .has_name = true, .has_tsize = true};

    hash_make_cid(&link.cid, 1, CODEC_RAW, HASH_SHA2_256,
                  (struct slice){(const char *)&tsize, sizeof(tsize)});
    return link;
}

/* The names and sizes of a block's links, and its data. */
static void assert_block(const struct text *block, const char *expected)
{
    struct text shown = {0};
    struct dag_pb_reader reader;
    enum dag_pb_part part;

    dag_pb_read(&reader, block->data, block->size);
    while ((part = dag_pb_next(&reader, NULL)) == DAG_PB_LINK || part == DAG_PB_DATA) {
        if (part == DAG_PB_DATA)
            text_put_format(&shown, "%.*s", SLICE_ARGS(reader.data));
        else
            text_put_format(&shown, "%.*s=%llu ", SLICE_ARGS(reader.link.name),
                            (unsigned long long)reader.link.tsize);
        assert_true(part == DAG_PB_DATA || (reader.link.has_name && reader.link.has_tsize));
    }
    assert_int_equal(part, DAG_PB_END);
    assert_string_equal(shown.data, expected);
    text_dispose(&shown);
}

static void test_links_come_out_sorted_and_those_of_one_name_in_their_order(void **state)
{
    static const char *const names[] = {"c", "a", "b", "a", "", "ab", "b", "a"};
    struct text block = {0}, out = {0};
    struct dag_pb_edit node;

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        struct dag_pb_link link = link_of(names[i], i);

        dag_pb_put_link(&block, &link);
    }
    dag_pb_put_data(&block, SLICE("data"));
    assert_true(dag_pb_edit_read(&node, text_slice(&block), NULL));
    assert_int_equal(node.count, ARRAY_SIZE(names));
    assert_int_equal(node.tsize, 28);
    assert_int_equal(dag_pb_edit_find(&node, SLICE("b")), 2);
    dag_pb_edit_write(&node, SLICE("new"), &out);
    assert_block(&out, "=4 a=1 a=3 a=7 ab=5 b=2 b=6 c=0 new");
    dag_pb_edit_dispose(&node);
    text_dispose(&block);
    text_dispose(&out);
}

static void test_links_are_put_in_replaced_and_removed(void **state)
{
    struct dag_pb_edit node = {0};
    struct dag_pb_link a = link_of("a", 1), b = link_of("b", 200), c = link_of("c", 3000000), third;
    struct text out = {0};

    (void)state;
    dag_pb_edit_insert(&node, 0, &b);
    dag_pb_edit_insert(&node, 0, &a);
    dag_pb_edit_insert(&node, 2, &c);
    assert_int_equal(node.tsize, 3000201);
    third = dag_pb_edit_link(&node, 2);
    a.tsize = 5;
    dag_pb_edit_replace(&node, 0, &a);
    assert_true(slice_is(dag_pb_edit_name(&node, 2), "c"));
    assert_true(cid_equal(&third.cid, &c.cid));
    dag_pb_edit_remove(&node, 1);
    assert_int_equal(node.tsize, 3000005);
    dag_pb_edit_write(&node, SLICE(""), &out);
    assert_block(&out, "a=5 c=3000000 ");
    assert_int_equal(dag_pb_edit_find(&node, SLICE("b")), node.count);
    dag_pb_edit_dispose(&node);
    text_dispose(&out);
}

static void test_link_without_name_and_size_gets_both(void **state)
{
    struct dag_pb_link bare = link_of("", 0);
    struct text block = {0}, out = {0};
    struct dag_pb_edit node;

    (void)state;
    bare.has_name = bare.has_tsize = false;
    dag_pb_put_link(&block, &bare);
    assert_true(dag_pb_edit_read(&node, text_slice(&block), NULL));
    assert_false(node.has_data);
    dag_pb_edit_write(&node, SLICE("d"), &out);
    assert_block(&out, "=0 d");
    dag_pb_edit_dispose(&node);
    text_dispose(&block);
    text_dispose(&out);
}

static void test_block_that_is_no_node_is_refused(void **state)
{
    struct dag_pb_edit node;
    struct error err = {0};

    (void)state;
    assert_false(dag_pb_edit_read(&node, SLICE("\xff"), &err));
    assert_int_equal(err.code, ERROR_SYNTAX);
    dag_pb_edit_dispose(&node);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_links_come_out_sorted_and_those_of_one_name_in_their_order),
        cmocka_unit_test(test_links_are_put_in_replaced_and_removed),
        cmocka_unit_test(test_link_without_name_and_size_gets_both),
        cmocka_unit_test(test_block_that_is_no_node_is_refused),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
