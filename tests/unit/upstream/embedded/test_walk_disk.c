// SPDX-License-Identifier: Apache-2.0
#include "upstream/embedded/walk_disk.h"

#include "conf/text.h"

#include <dirent.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

struct fixture {
    char folder[64];
    struct walk_memory *memory;
};

enum { SMALL = 8 << 10, MANY = 20000 };

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    struct error err = {0};

    snprintf(f->folder, sizeof(f->folder), "/tmp/causeway-walk-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    f->memory = walk_disk_create(f->folder, SMALL, &err);
    assert_non_null(f->memory);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    walk_disk_destroy(&f->memory);
    assert_int_equal(rmdir(f->folder), 0); /* fails if a file is left in it */
    free(f);
    return 0;
}

/* Of any size, so that what is on the stack is no row of equals. */
static struct cid cid_of(uint32_t number)
{
    uint8_t digest[64] = {0};
    struct cid cid;

    memcpy(digest, &number, sizeof(number));
    cid_make(&cid, 1, CODEC_RAW, 0x12, digest, 20 + number % 13);
    return cid;
}

static bool see(struct fixture *f, uint32_t number)
{
    struct cid cid = cid_of(number);
    struct error err = {0};
    bool added;

    if (!f->memory->ops->see(f->memory, &cid, &added, &err))
        fail_msg("%s", err.text);
    return added;
}

static bool saw(struct fixture *f, uint32_t number)
{
    struct cid cid = cid_of(number);
    struct error err = {0};
    bool seen;

    if (!f->memory->ops->saw(f->memory, &cid, &seen, &err))
        fail_msg("%s", err.text);
    return seen;
}

static void push(struct fixture *f, uint32_t number)
{
    struct cid cid = cid_of(number);
    struct error err = {0};

    if (!f->memory->ops->push(f->memory, &cid, number ^ 0xf0f0, &err))
        fail_msg("%s", err.text);
}

static bool pop(struct fixture *f, struct cid *cid, uint32_t *depth)
{
    struct error err = {0};
    bool found;

    if (!f->memory->ops->pop(f->memory, cid, depth, &found, &err))
        fail_msg("%s", err.text);
    return found;
}

static void assert_pops(struct fixture *f, uint32_t number)
{
    struct cid cid, expected = cid_of(number);
    uint32_t depth;

    assert_true(pop(f, &cid, &depth));
    assert_true(cid_equal(&cid, &expected));
    assert_int_equal(depth, number ^ 0xf0f0);
}

static unsigned files_in(const char *folder)
{
    DIR *dir = opendir(folder);
    unsigned count = 0;

    assert_non_null(dir);
    for (const struct dirent *entry; (entry = readdir(dir)) != NULL;)
        count += entry->d_name[0] != '.';
    closedir(dir);
    return count;
}

static void test_walk_disk_remembers_what_it_saw_in_memory_and_file(void **state)
{
    struct fixture *f = *state;

    for (uint32_t i = 0; i < MANY; i++) {
        assert_false(saw(f, i));
        assert_true(see(f, i));
        assert_false(see(f, i / 2));
    }
    for (uint32_t i = 0; i < MANY; i++)
        assert_true(saw(f, i));
    for (uint32_t i = MANY; i < 2 * MANY; i++)
        assert_false(saw(f, i));
}

static void test_walk_disk_pops_in_the_order_of_a_stack_across_its_file(void **state)
{
    struct fixture *f = *state;
    struct cid cid;
    uint32_t depth;

    for (uint32_t i = 0; i < MANY; i++)
        push(f, i);
    for (uint32_t i = MANY; i > MANY / 2; i--)
        assert_pops(f, i - 1);
    for (uint32_t i = MANY / 2; i < MANY; i++)
        push(f, 7 * i);
    for (uint32_t i = MANY; i > MANY / 2; i--)
        assert_pops(f, 7 * (i - 1));
    for (uint32_t i = MANY / 2; i > 0; i--)
        assert_pops(f, i - 1);
    assert_false(pop(f, &cid, &depth));
    push(f, 3);
    assert_pops(f, 3);
    assert_false(pop(f, &cid, &depth));
}

static void test_walk_disk_needs_no_file_for_what_fits(void **state)
{
    struct fixture *f = *state;

    for (uint32_t i = 0; i < 20; i++) {
        push(f, i);
        assert_true(see(f, i));
    }
    assert_int_equal(walk_disk_file_bytes(f->memory), 0);
    assert_in_range(walk_disk_memory_bytes(f->memory), 1, SMALL);
}

static void test_walk_disk_keeps_little_in_memory_and_no_name_in_its_folder(void **state)
{
    struct fixture *f = *state;

    for (uint32_t i = 0; i < 10 * MANY; i++) {
        push(f, i);
        assert_true(see(f, i));
    }
    assert_int_equal(files_in(f->folder), 0);
    assert_in_range(walk_disk_memory_bytes(f->memory), 1, 2 * SMALL);
    assert_in_range(walk_disk_file_bytes(f->memory), 1 << 20, 64 << 20);
}

static void test_walk_disk_says_where_it_cannot_make_its_file(void **state)
{
    struct error err = {0};
    struct walk_memory *memory = walk_disk_create("/nowhere/scratch", 1, &err);
    struct cid cid = cid_of(1);
    bool added;

    assert_non_null(memory);
    assert_true(memory->ops->push(memory, &cid, 0, &err)); /* the first ones fit */
    assert_false(memory->ops->see(memory, &cid, &added, &err));
    assert_int_equal(err.code, ERROR_IO);
    assert_non_null(strstr(err.text, "/nowhere/scratch"));
    walk_disk_destroy(&memory);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_walk_disk_remembers_what_it_saw_in_memory_and_file,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_walk_disk_pops_in_the_order_of_a_stack_across_its_file,
                                        setup, teardown),
        cmocka_unit_test_setup_teardown(test_walk_disk_needs_no_file_for_what_fits, setup,
                                        teardown),
        cmocka_unit_test_setup_teardown(
            test_walk_disk_keeps_little_in_memory_and_no_name_in_its_folder, setup, teardown),
        cmocka_unit_test_setup_teardown(test_walk_disk_says_where_it_cannot_make_its_file, setup,
                                        teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
