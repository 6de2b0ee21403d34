// SPDX-License-Identifier: Apache-2.0
#include "http/block.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

static int setup(void **state)
{
    *state = block_store_create(2 * BLOCK_LARGE);
    return 0;
}

static int teardown(void **state)
{
    struct block_store *store = *state;

    block_store_destroy(&store); /* asserts that all came back */
    assert_null(store);
    block_store_destroy(&store);
    return 0;
}

static void put(struct buffer *buffer, const char *bytes)
{
    size_t size = strlen(bytes);

    assert_true(buffer_room(buffer) >= size);
    memcpy(buffer->data + buffer->end, bytes, size);
    buffer->end += (uint32_t)size;
}

static void test_block_small_ones_come_when_needed(void **state)
{
    struct buffer buffer = {0};
    char *data;

    buffer_acquire(*state, &buffer);
    assert_int_equal(buffer.capacity, BLOCK_SMALL);
    assert_int_equal(buffer_room(&buffer), BLOCK_SMALL);
    data = buffer.data;
    buffer_acquire(*state, &buffer); /* one that has a block keeps it */
    assert_ptr_equal(buffer.data, data);
    buffer_release(*state, &buffer);
    assert_null(buffer.data);
    assert_int_equal(buffer.capacity, 0);
    buffer_release(*state, &buffer); /* empty ones too */
}

static void test_block_large_ones_take_the_bytes_along(void **state)
{
    struct buffer buffer = {0};

    buffer_acquire(*state, &buffer);
    put(&buffer, "..hello");
    buffer.start = 2;
    assert_true(buffer_upgrade(*state, &buffer));
    assert_int_equal(buffer.capacity, BLOCK_LARGE);
    assert_int_equal(buffer_size(&buffer), 5);
    assert_int_equal(buffer.start, 0);
    assert_memory_equal(buffer.data, "hello", 5);
    assert_false(buffer_upgrade(*state, &buffer)); /* it has one */
    buffer_release(*state, &buffer);
}

static void test_block_large_ones_have_a_budget_which_a_head_may_exceed(void **state)
{
    struct buffer buffers[4] = {{0}};

    for (int i = 0; i < 4; i++)
        buffer_acquire(*state, &buffers[i]);
    assert_true(buffer_upgrade(*state, &buffers[0]));
    assert_true(buffer_upgrade(*state, &buffers[1]));
    assert_false(buffer_upgrade(*state, &buffers[2]));
    assert_int_equal(buffers[2].capacity, BLOCK_SMALL); /* it goes on with what it has */
    buffer_force_upgrade(*state, &buffers[3]);
    assert_int_equal(buffers[3].capacity, BLOCK_LARGE);
    buffer_release(*state, &buffers[0]);
    assert_false(buffer_upgrade(*state, &buffers[2])); /* still two in use */
    buffer_release(*state, &buffers[1]);
    assert_true(buffer_upgrade(*state, &buffers[2]));
    buffer_release(*state, &buffers[2]);
    buffer_release(*state, &buffers[3]);
}

static void test_block_moves_unread_bytes_to_the_front(void **state)
{
    struct buffer buffer = {0};

    buffer_acquire(*state, &buffer);
    put(&buffer, "hello, world");
    buffer_compact(&buffer);
    assert_memory_equal(buffer.data, "hello, world", 12);
    buffer.start = 5;
    buffer_compact(&buffer); /* they overlap */
    assert_int_equal(buffer.start, 0);
    assert_int_equal(buffer_size(&buffer), 7);
    assert_memory_equal(buffer.data, ", world", 7);
    buffer.start = buffer.end;
    buffer_compact(&buffer);
    assert_int_equal(buffer_room(&buffer), BLOCK_SMALL);
    buffer_release(*state, &buffer);
}

static void test_block_counts_what_it_holds(void **state)
{
    struct buffer buffers[200] = {{0}};

    assert_int_equal(block_store_bytes(*state), 0);
    for (int i = 0; i < 200; i++)
        buffer_acquire(*state, &buffers[i]);
    assert_int_equal(block_store_bytes(*state), 200 * BLOCK_SMALL);
    assert_true(buffer_upgrade(*state, &buffers[0]));
    assert_true(block_store_bytes(*state) >= 199 * BLOCK_SMALL + BLOCK_LARGE);
    for (int i = 0; i < 200; i++)
        buffer_release(*state, &buffers[i]);
    assert_true(block_store_bytes(*state) <=
                64 * BLOCK_SMALL + 4 * BLOCK_LARGE); /* kept for the next */
}

static void test_block_destroys_none(void **state)
{
    struct block_store *none = NULL;

    block_store_destroy(&none);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_block_small_ones_come_when_needed),
        TEST(test_block_large_ones_take_the_bytes_along),
        TEST(test_block_large_ones_have_a_budget_which_a_head_may_exceed),
        TEST(test_block_moves_unread_bytes_to_the_front),
        TEST(test_block_counts_what_it_holds),
        cmocka_unit_test(test_block_destroys_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
