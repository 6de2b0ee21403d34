// SPDX-License-Identifier: Apache-2.0
#include "auth/epochs.h"

#include "conf/memory.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static int setup(void **state)
{
    static struct epochs epochs;

    epochs_init(&epochs);
    *state = &epochs;
    return 0;
}

static void test_epochs_free_at_once_without_readers(void **state)
{
    struct epochs *epochs = *state;
    struct epoch_reader *reader = epochs_take_reader(epochs);

    epochs_retire(epochs, memory_alloc(8));
    assert_int_equal(epochs->retired_count, 0);
    epochs_give_reader(reader);
    epochs_dispose(epochs);
}

static void test_epochs_keep_what_a_reader_may_see_and_no_more(void **state)
{
    struct epochs *epochs = *state;
    struct epoch_reader *early = epochs_take_reader(epochs), *late = epochs_take_reader(epochs);

    epoch_enter(epochs, early);
    epochs_retire(epochs, memory_alloc(8));
    assert_int_equal(epochs->retired_count, 1);
    epoch_enter(epochs, late); /* cannot see the first any more */
    epochs_retire(epochs, memory_alloc(8));
    assert_int_equal(epochs->retired_count, 2);
    epoch_leave(early);
    epochs_collect(epochs);
    assert_int_equal(epochs->retired_count, 1);
    epoch_enter(epochs, early);
    epoch_leave(late);
    epochs_collect(epochs);
    assert_int_equal(epochs->retired_count, 0);
    epoch_leave(early);
    epochs_give_reader(early);
    epochs_give_reader(late);
    epochs_dispose(epochs);
}

static void test_epochs_have_a_bound_on_readers(void **state)
{
    struct epochs *epochs = *state;
    struct epoch_reader *readers[EPOCHS_READERS_MAX];

    for (size_t i = 0; i < EPOCHS_READERS_MAX; i++) {
        readers[i] = epochs_take_reader(epochs);
        assert_non_null(readers[i]);
    }
    assert_null(epochs_take_reader(epochs));
    epochs_give_reader(readers[7]);
    assert_ptr_equal(epochs_take_reader(epochs), readers[7]);
    for (size_t i = 0; i < EPOCHS_READERS_MAX; i++)
        epochs_give_reader(readers[i]);
    epochs_dispose(epochs);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(test_epochs_free_at_once_without_readers, setup),
        cmocka_unit_test_setup(test_epochs_keep_what_a_reader_may_see_and_no_more, setup),
        cmocka_unit_test_setup(test_epochs_have_a_bound_on_readers, setup),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
