// SPDX-License-Identifier: Apache-2.0
/* Small objects that go with their reservation: what is taken, and what is not. */
#include "federation/carried.h"

#include "receive_kit.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

struct taken {
    bool is_it;
    struct text sections;
    uint64_t blocks;
    struct error err;
};

static struct taken take(const struct kit_dag *dag, uint64_t bytes, const struct text *car)
{
    struct taken taken = {0};

    taken.is_it = carried_check(&dag->root, bytes, text_slice(car), &taken.sections, &taken.blocks,
                                &taken.err);
    return taken;
}

static void test_carried_object_is_taken_as_its_blocks(void **state)
{
    struct kit_dag *dag = kit_dag_create(20, 100);
    struct text whole = kit_car(dag, 0, SIZE_MAX, true), stored = kit_car(dag, 0, SIZE_MAX, false);
    struct text head = {0};

    car_put_header(&head, &dag->root, 1);
    for (unsigned i = 0; i < 2; i++) { /* inline blocks may be left out, and are not stored */
        struct taken taken = take(dag, dag->stats.bytes, i == 0 ? &whole : &stored);

        assert_true(taken.is_it);
        assert_int_equal(taken.blocks, dag->stats.blocks);
        assert_true(slice_equal(text_slice(&taken.sections),
                                (struct slice){stored.data + head.size, stored.size - head.size}));
        text_dispose(&taken.sections);
    }
    text_dispose(&head);
    text_dispose(&whole);
    text_dispose(&stored);
    kit_dag_destroy(dag);
}

static void check_refused(struct taken taken, enum error_code code, const char *said)
{
    assert_false(taken.is_it);
    assert_int_equal(taken.err.code, code);
    if (strstr(taken.err.text, said) == NULL)
        fail_msg("'%s' does not say '%s'", taken.err.text, said);
    text_dispose(&taken.sections);
}

static void test_carried_object_that_lacks_blocks_is_refused(void **state)
{
    struct kit_dag *dag = kit_dag_create(20, 100);

    for (size_t count = 0; count < dag->ordered; count++) {
        struct text car = kit_car(dag, 0, count, true);
        struct taken taken = take(dag, dag->stats.bytes, &car);

        if (taken.is_it) /* what is left are inline blocks */
            assert_int_equal(taken.blocks, dag->stats.blocks);
        else
            assert_int_equal(taken.err.code, ERROR_MISMATCH);
        assert_int_equal(taken.is_it, taken.blocks == dag->stats.blocks);
        text_dispose(&taken.sections);
        text_dispose(&car);
    }
    kit_dag_destroy(dag);
}

static void test_carried_object_is_what_was_promised(void **state)
{
    struct kit_dag *dag = kit_dag_create(20, 100), *other = kit_dag_create(21, 99);
    struct text car = kit_car(dag, 0, SIZE_MAX, true), foreign = kit_car(other, 0, SIZE_MAX, true);

    check_refused(take(dag, dag->stats.bytes - 1, &car), ERROR_LIMIT, "reserved");
    check_refused(take(dag, dag->stats.bytes + 1, &car), ERROR_MISMATCH, "its blocks are");
    check_refused(take(dag, dag->stats.bytes, &foreign), ERROR_SYNTAX, "root");
    car.data[car.size - 3] ^= 1;
    check_refused(take(dag, dag->stats.bytes, &car), ERROR_MISMATCH, "");
    car.size -= 3;
    check_refused(take(dag, dag->stats.bytes, &car), ERROR_SYNTAX, "");
    text_dispose(&car);
    text_dispose(&foreign);
    kit_dag_destroy(dag);
    kit_dag_destroy(other);
}

static void test_carried_object_is_small(void **state)
{
    struct kit_dag *dag = kit_dag_create(30, 1000);
    struct text car = kit_car(dag, 0, SIZE_MAX, true), long_one = {0};

    check_refused(take(dag, dag->stats.bytes, &car), ERROR_LIMIT, "8192");
    text_reserve(&long_one, CARRIED_CAR_MAX + 1);
    memset(long_one.data, 0, CARRIED_CAR_MAX + 1);
    long_one.size = CARRIED_CAR_MAX + 1;
    check_refused(take(dag, 100, &long_one), ERROR_LIMIT, "8192");
    text_dispose(&long_one);
    text_dispose(&car);
    kit_dag_destroy(dag);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_carried_object_is_taken_as_its_blocks),
        cmocka_unit_test(test_carried_object_that_lacks_blocks_is_refused),
        cmocka_unit_test(test_carried_object_is_what_was_promised),
        cmocka_unit_test(test_carried_object_is_small),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
