// SPDX-License-Identifier: Apache-2.0
#include "ipfs/walk.h"

#include "tests/unit/ipfs/dag.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

static const struct cid_set_key key = {{1, 2}};

struct fixture {
    struct dag dag;
    struct walk_memory *memory;
    struct walk *walk;
    struct text order;
    struct cid a, b, inline_leaf, shared, inner, root;
};

/* root -> inner -> a, shared, inline;  shared -> b, a;  root -> shared, b, inner */
static void build(struct fixture *f)
{
    f->a = dag_put_raw(&f->dag, "aaaa");
    f->b = dag_put_raw(&f->dag, "bb");
    hash_make_cid(&f->inline_leaf, 1, CODEC_RAW, HASH_IDENTITY, SLICE("inline"));
    f->shared = dag_put_links(&f->dag, "shared", (struct cid[]){f->b, f->a}, 2);
    f->inner = dag_put_links(&f->dag, "inner", (struct cid[]){f->a, f->shared, f->inline_leaf}, 3);
    f->root =
        dag_put_links(&f->dag, "root", (struct cid[]){f->inner, f->shared, f->b, f->inner}, 4);
}

static int setup(void **state)
{
    struct fixture *f = memory_alloc(sizeof(*f));

    build(f);
    f->memory = walk_memory_create(&key, 1 << 20);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    walk_destroy(&f->walk);
    walk_memory_destroy(&f->memory);
    dag_dispose(&f->dag);
    text_dispose(&f->order);
    free(f);
    return 0;
}

static const char *name_of(const struct fixture *f, const struct cid *cid)
{
    return cid_equal(cid, &f->a)             ? "a "
           : cid_equal(cid, &f->b)           ? "b "
           : cid_equal(cid, &f->inline_leaf) ? "inline "
           : cid_equal(cid, &f->shared)      ? "shared "
           : cid_equal(cid, &f->inner)       ? "inner "
           : cid_equal(cid, &f->root)        ? "root "
                                             : "? ";
}

static bool note(void *arg, const struct cid *cid, struct slice block, struct error *err)
{
    struct fixture *f = arg;

    text_put_text(&f->order, name_of(f, cid));
    return true;
}

static bool run(struct fixture *f, const struct walk_limits *limits, struct error *err)
{
    f->walk = walk_create(limits, f->memory);
    return walk_add_roots(f->walk, &f->root, 1, err) &&
           walk_run(f->walk, &f->dag.source, note, f, err);
}

static uint64_t size_of(const struct fixture *f)
{
    uint64_t size = 6; /* inline */

    for (size_t i = 0; i < f->dag.count; i++)
        size += f->dag.blocks[i].data.size;
    return size;
}

static void test_walk_meets_each_block_once_depth_first(void **state)
{
    struct fixture *f = *state;
    struct error err = {0};

    assert_true(run(f, NULL, &err));
    assert_string_equal(f->order.data, "root inner a shared b inline ");
    assert_int_equal(walk_stats(f->walk)->blocks, 6);
    assert_int_equal(walk_stats(f->walk)->bytes, size_of(f));
    assert_int_equal(walk_stats(f->walk)->depth, 3);
    assert_int_equal(walk_stats(f->walk)->missing, 0);
}

static void test_walk_counts_what_is_missing_and_goes_on(void **state)
{
    struct fixture *f = *state;

    text_dispose(&f->dag.blocks[2].data); /* shared */
    memmove(&f->dag.blocks[2], &f->dag.blocks[3], 2 * sizeof(f->dag.blocks[0]));
    f->dag.count--;
    assert_true(run(f, NULL, NULL));
    assert_string_equal(f->order.data, "root inner a inline b ");
    assert_int_equal(walk_stats(f->walk)->missing, 1);
    assert_int_equal(walk_stats(f->walk)->blocks, 5);
}

static void test_walk_keeps_its_limits(void **state)
{
    struct fixture *f = *state;
    uint64_t size = size_of(f);
    const struct {
        struct walk_limits limits;
        const char *refusal;
    } rows[] = {
        {{.bytes = size, .blocks = 6, .depth = 3}, NULL},
        {{.bytes = size - 1}, "the DAG has more than the"},
        {{.blocks = 5}, "the DAG has more than the 5 blocks allowed"},
        {{.block = 1}, "more than the 1 that one block may have"},
        {{.depth = 2}, "lies deeper than the 2 links allowed"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct error err = {0};

        walk_destroy(&f->walk);
        walk_memory_destroy(&f->memory);
        f->memory = walk_memory_create(&key, 1 << 20);
        assert_int_equal(run(f, &rows[i].limits, &err), rows[i].refusal == NULL);
        assert_int_equal(err.code, rows[i].refusal == NULL ? ERROR_NONE : ERROR_LIMIT);
        if (rows[i].refusal != NULL && strstr(err.text, rows[i].refusal) == NULL)
            fail_msg("%s", err.text);
    }
}

static void test_walk_bounds_its_memory(void **state)
{
    struct fixture *f = *state;
    struct error err = {0};

    walk_memory_destroy(&f->memory);
    f->memory = walk_memory_create(&key, 100);
    assert_false(run(f, NULL, &err));
    assert_int_equal(err.code, ERROR_LIMIT);
}

/* A chain of blocks with many links each, all to blocks that are not there: the stack grows by each
 * block's links, and no faster. */
static void test_walk_bounds_a_bomb_of_links(void **state)
{
    struct fixture *f = *state;
    struct cid *links = memory_resize_array(NULL, 1000, sizeof(*links));
    struct error err = {0};

    for (int i = 1; i < 1000; i++) {
        char text[16];

        snprintf(text, sizeof(text), "missing %d", i);
        hash_make_cid(&links[i], 1, CODEC_RAW, HASH_SHA2_256, slice_of(text));
    }
    for (int i = 0; i < 30; i++) {
        char text[16];

        snprintf(text, sizeof(text), "level %d", i);
        links[0] = f->root;
        f->root = dag_put_links(&f->dag, text, links, 1000);
    }
    free(links);
    assert_false(run(f, NULL, &err));
    assert_int_equal(err.code, ERROR_LIMIT);
    assert_true(walk_memory_bytes(f->memory) < 4 << 20);
}

static void test_walk_names_the_block_it_cannot_read(void **state)
{
    struct fixture *f = *state;
    struct cid bad = dag_put(&f->dag, CODEC_DAG_PB, HASH_SHA2_256, SLICE("\x08\x01"));
    struct cid git = dag_put(&f->dag, CODEC_GIT_RAW, HASH_SHA2_256, SLICE("blob"));
    struct cid roots[] = {bad, git};

    for (size_t i = 0; i < ARRAY_SIZE(roots); i++) {
        struct text name = {0};
        struct error err = {0};

        walk_destroy(&f->walk);
        f->root = dag_put_links(&f->dag, "x", &roots[i], 1);
        assert_false(run(f, NULL, &err));
        cid_print(&roots[i], CID_BASE_DEFAULT, &name);
        assert_non_null(strstr(err.text, name.data));
        assert_non_null(strstr(err.text, i == 0 ? "byte 0" : "git-raw"));
        text_dispose(&name);
    }
}

static void test_walk_waits_for_an_answer_and_takes_a_link_back(void **state)
{
    struct fixture *f = *state;
    struct walk *other;

    f->walk = walk_create(NULL, f->memory);
    assert_true(walk_add_roots(f->walk, &f->root, 1, NULL));
    assert_int_equal(walk_next(f->walk, NULL), WALK_WANT);
    assert_true(cid_equal(walk_wanted(f->walk), &f->root));
    assert_true(walk_put_back(f->walk, NULL));

    other = walk_create(NULL, f->memory);
    assert_int_equal(walk_next(other, NULL), WALK_WANT);
    assert_true(cid_equal(walk_wanted(other), &f->root));
    assert_true(walk_put_back(other, NULL));
    assert_true(walk_run(other, &f->dag.source, note, f, NULL));
    assert_string_equal(f->order.data, "root inner a shared b inline ");
    walk_destroy(&other);
}

/* Leaves off after each number of blocks; another walk with the same memory does the rest. */
static void test_walk_goes_on_where_another_left_off(void **state)
{
    struct fixture *f = *state;

    for (int blocks = 0; blocks < 5; blocks++) {
        struct walk_stats stats;
        struct slice block = {NULL, 0};
        bool found;

        text_clear(&f->order);
        walk_destroy(&f->walk);
        walk_memory_destroy(&f->memory);
        f->memory = walk_memory_create(&key, 1 << 20);
        f->walk = walk_create(NULL, f->memory);
        assert_true(walk_add_roots(f->walk, &f->root, 1, NULL));
        for (int i = 0; i < blocks; i++) {
            assert_int_equal(walk_next(f->walk, NULL), WALK_WANT);
            assert_true(dag_get(&f->dag.source, walk_wanted(f->walk), &block, &found, NULL));
            assert_true(walk_supply(f->walk, block, NULL));
        }
        stats = *walk_stats(f->walk);
        walk_destroy(&f->walk);
        f->walk = walk_create(NULL, f->memory);
        walk_restore(f->walk, &stats);
        assert_true(walk_run(f->walk, &f->dag.source, note, f, NULL));
        assert_int_equal(walk_stats(f->walk)->blocks, 6);
        assert_int_equal(walk_stats(f->walk)->bytes, size_of(f));
    }
}

static void test_walk_takes_several_roots_in_order(void **state)
{
    struct fixture *f = *state;
    struct cid roots[] = {f->shared, f->root};

    f->walk = walk_create(NULL, f->memory);
    assert_true(walk_add_roots(f->walk, roots, 2, NULL));
    assert_true(walk_run(f->walk, &f->dag.source, note, f, NULL));
    assert_string_equal(f->order.data, "shared b a root inner inline ");
}

static void test_cid_set_tells_members_from_others(void **state)
{
    struct cid_set set;

    cid_set_init(&set, &key);
    for (int round = 0; round < 2; round++)
        for (uint32_t i = 0; i < 100000; i++) {
            struct cid cid;

            cid_make(&cid, 1, CODEC_RAW, HASH_IDENTITY, &i, sizeof(i));
            assert_int_equal(cid_set_has(&set, &cid), round == 1);
            assert_int_equal(cid_set_add(&set, &cid), round == 0);
        }
    assert_int_equal(set.count, 100000);
    assert_true(set.bytes < (size_t)100000 * 12 + 65536);
    cid_set_dispose(&set);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_walk_meets_each_block_once_depth_first, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_walk_counts_what_is_missing_and_goes_on, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_walk_keeps_its_limits, setup, teardown),
        cmocka_unit_test_setup_teardown(test_walk_bounds_its_memory, setup, teardown),
        cmocka_unit_test_setup_teardown(test_walk_bounds_a_bomb_of_links, setup, teardown),
        cmocka_unit_test_setup_teardown(test_walk_names_the_block_it_cannot_read, setup, teardown),
        cmocka_unit_test_setup_teardown(test_walk_waits_for_an_answer_and_takes_a_link_back, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(test_walk_goes_on_where_another_left_off, setup, teardown),
        cmocka_unit_test_setup_teardown(test_walk_takes_several_roots_in_order, setup, teardown),
        cmocka_unit_test(test_cid_set_tells_members_from_others),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
