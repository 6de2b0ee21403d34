// SPDX-License-Identifier: Apache-2.0
#include "upstream/embedded/sorter.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static int setup(void **state)
{
    char *folder = strdup("/tmp/causeway-test-XXXXXX");

    assert_non_null(mkdtemp(folder));
    *state = folder;
    return 0;
}

/* Nothing may be left in the folder. */
static int teardown(void **state)
{
    int result = rmdir(*state);

    free(*state);
    return result;
}

/* Rows as "key=value". */
static char *sorted(const char *folder, size_t memory_max, const char *const *rows, size_t count)
{
    struct sorter *sorter = sorter_create(folder, memory_max);
    struct text out = {0};
    struct error err = {0};
    struct slice key, value;
    bool is_end;

    for (size_t i = 0; i < count; i++) {
        const char *equals = strchr(rows[i], '=');

        key = (struct slice){rows[i], (size_t)(equals - rows[i])};
        assert_true(sorter_put(sorter, key, slice_of(equals + 1), &err));
    }
    text_put_text(&out, "");
    while (sorter_next(sorter, &key, &value, &is_end, &err) && !is_end) {
        text_put_slice(&out, key);
        text_put_char(&out, '=');
        text_put_slice(&out, value);
        text_put_char(&out, ' ');
    }
    assert_int_equal(err.code, ERROR_NONE);
    sorter_destroy(&sorter);
    return out.data;
}

static void test_sorter_gives_the_last_of_each_key_in_their_order(void **state)
{
    static const char *const rows[] = {"b=1", "a=2", "ab=3", "=4", "a=5", "\xff=6", "B=7", "=8"};
    static const size_t memories[] = {1, 100, SORTER_MEMORY};

    for (size_t i = 0; i < ARRAY_SIZE(memories); i++) {
        char *out = sorted(*state, memories[i], rows, ARRAY_SIZE(rows));

        assert_string_equal(out, "=8 B=7 a=5 ab=3 b=1 \xff=6 ");
        free(out);
    }
}

static void test_sorter_of_nothing_has_nothing(void **state)
{
    struct sorter *sorter = sorter_create(*state, 0);
    struct error err = {0};
    struct slice key, value;
    bool is_end = false;

    assert_true(sorter_next(sorter, &key, &value, &is_end, &err));
    assert_true(is_end);
    sorter_destroy(&sorter);
}

static void test_sorter_sorts_many_in_a_file_as_in_memory(void **state)
{
    struct sorter *small = sorter_create(*state, 10000), *large = sorter_create(*state, 1 << 26);
    struct error err = {0};
    unsigned seed = 1;
    size_t count = 0;

    for (int i = 0; i < 20000; i++) {
        char key[16], value[16];

        seed = seed * 1103515245 + 12345;
        snprintf(key, sizeof(key), "%u", (seed >> 8) % 5000);
        snprintf(value, sizeof(value), "%d", i);
        assert_true(sorter_put(small, slice_of(key), slice_of(value), &err));
        assert_true(sorter_put(large, slice_of(key), slice_of(value), &err));
    }
    for (bool is_end = false; !is_end; count += !is_end) {
        struct slice keys[2], values[2];
        bool is_end_too;

        assert_true(sorter_next(small, &keys[0], &values[0], &is_end, &err));
        assert_true(sorter_next(large, &keys[1], &values[1], &is_end_too, &err));
        assert_int_equal(is_end, is_end_too);
        assert_true(is_end || (slice_equal(keys[0], keys[1]) && slice_equal(values[0], values[1])));
    }
    assert_true(count > 4000);
    sorter_destroy(&small);
    sorter_destroy(&large);
}

static void test_sorter_says_that_its_file_cannot_be_made(void **state)
{
    struct sorter *sorter = sorter_create("/nowhere/at/all", 1);
    struct error err = {0};

    (void)state;
    assert_false(sorter_put(sorter, SLICE("a"), SLICE("b"), &err));
    assert_int_equal(err.code, ERROR_IO);
    assert_non_null(strstr(err.text, "/nowhere/at/all"));
    sorter_destroy(&sorter);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_sorter_gives_the_last_of_each_key_in_their_order,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_sorter_of_nothing_has_nothing, setup, teardown),
        cmocka_unit_test_setup_teardown(test_sorter_sorts_many_in_a_file_as_in_memory, setup,
                                        teardown),
        cmocka_unit_test(test_sorter_says_that_its_file_cannot_be_made),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
