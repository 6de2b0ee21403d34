// SPDX-License-Identifier: Apache-2.0
#include "auth/table.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

static void test_table_finds_what_was_set_through_growth(void **state)
{
    struct table *table = table_create(4);
    uint64_t value = 0;

    for (uint64_t i = 0; i < 5000; i++) {
        uint64_t key = i % 3 == 0 ? i : i << 40; /* neighbours, and keys that differ high up */

        if (!table_has_room(table)) {
            struct table *larger = table_renew(table);

            free(table);
            table = larger;
        }
        table_set(table, key, i + 1);
    }
    for (uint64_t i = 0; i < 5000; i++) {
        assert_true(table_get(table, i % 3 == 0 ? i : i << 40, &value));
        assert_true(value == i + 1);
    }
    assert_int_equal(table->count, 5000);
    assert_false(table_get(table, 5001, &value));
    free(table);
}

static void test_table_replaces_values_and_knows_the_extreme_keys(void **state)
{
    struct table *table = table_create(4);
    uint64_t value = 7;

    assert_false(table_get(table, 0, &value));
    assert_int_equal(value, 7);
    table_set(table, 0, 1);
    table_set(table, TABLE_KEY_MAX, 2);
    table_set(table, 0, 3);
    assert_int_equal(table->count, 2);
    assert_true(table_get(table, 0, &value));
    assert_int_equal(value, 3);
    assert_true(table_get(table, TABLE_KEY_MAX, &value));
    assert_int_equal(value, 2);
    free(table);
}

static void test_table_removes_and_gives_the_slots_back_when_it_is_renewed(void **state)
{
    struct table *table = table_create(64), *renewed;
    uint64_t value = 7;

    for (uint64_t key = 0; key < 32; key++)
        table_set(table, key, key + 1);
    assert_false(table_has_room(table));
    for (uint64_t key = 0; key < 30; key++)
        table_remove(table, key);
    table_remove(table, 5);   /* again */
    table_remove(table, 999); /* never was */
    assert_int_equal(table->count, 2);
    assert_false(table_has_room(table));
    assert_false(table_get(table, 5, &value));
    assert_int_equal(value, 7);
    table_set(table, 5, 50); /* its slot is still its own */
    assert_int_equal(table->count, 3);
    renewed = table_renew(table);
    assert_int_equal(renewed->count, 3);
    assert_true(table_has_room(renewed));
    assert_true(table_bytes(renewed) < table_bytes(table));
    assert_true(table_get(renewed, 5, &value) && value == 50);
    assert_true(table_get(renewed, 31, &value) && value == 32);
    assert_false(table_get(renewed, 6, &value));
    free(table);
    free(renewed);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_table_finds_what_was_set_through_growth),
        cmocka_unit_test(test_table_replaces_values_and_knows_the_extreme_keys),
        cmocka_unit_test(test_table_removes_and_gives_the_slots_back_when_it_is_renewed),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
