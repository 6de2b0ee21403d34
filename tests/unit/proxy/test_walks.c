// SPDX-License-Identifier: Apache-2.0
#include "proxy/walks.h"

#include "conf/memory.h"
#include "kit.h"

#include <stdlib.h>

static void test_walks_are_bounded_in_all_and_for_each(void **state)
{
    struct principal alice = {.kind = PRINCIPAL_MEMBER, .id = SLICE("alice")};
    struct principal bob = {.kind = PRINCIPAL_MEMBER, .id = SLICE("bob")};
    struct walks *walks = memory_alloc(sizeof(*walks));
    struct walk_place places[3] = {0}, other = {0};

    assert_int_equal(walks_take(walks, &alice, 3, 2, &places[0]), WALKS_TAKEN);
    assert_int_equal(walks_take(walks, &alice, 3, 2, &places[1]), WALKS_TAKEN);
    assert_int_equal(walks_take(walks, &alice, 3, 2, &other), WALKS_EACH_FULL);
    assert_null(other.walks);
    assert_int_equal(walks_take(walks, &bob, 3, 2, &places[2]), WALKS_TAKEN);
    assert_int_equal(walks_take(walks, &bob, 3, 2, &other), WALKS_ALL_FULL);
    walks_give(&places[0]);
    walks_give(&places[0]); /* nothing is held any more */
    assert_int_equal(walks_take(walks, &bob, 3, 2, &places[0]), WALKS_TAKEN);
    assert_int_equal(walks_take(walks, &alice, 3, 2, &other), WALKS_ALL_FULL);
    for (size_t i = 0; i < ARRAY_SIZE(places); i++)
        walks_give(&places[i]);
    assert_int_equal(walks->all, 0);
    for (size_t i = 0; i < WALKS_SLOTS; i++)
        assert_int_equal(walks->each[i], 0);
    free(walks);
}

static void test_walks_without_a_bound_for_each_count_in_all_alone(void **state)
{
    struct principal nobody = {.kind = PRINCIPAL_ANONYMOUS};
    struct walks *walks = memory_alloc(sizeof(*walks));
    struct walk_place places[3] = {0};

    assert_int_equal(walks_take(walks, &nobody, 2, 0, &places[0]), WALKS_TAKEN);
    assert_int_equal(walks_take(walks, &nobody, 2, 0, &places[1]), WALKS_TAKEN);
    assert_int_equal(walks_take(walks, &nobody, 2, 0, &places[2]), WALKS_ALL_FULL);
    free(walks);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_walks_are_bounded_in_all_and_for_each),
        cmocka_unit_test(test_walks_without_a_bound_for_each_count_in_all_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
