// SPDX-License-Identifier: Apache-2.0
#include "ipfs/commands.h"

#include "tests/unit/ipfs/dag.h"

#include <unistd.h>

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define LEAF "bafkreie7selb6q2dhze2nxtnw2anph3acwps4swjc4tcdijiizbicwcebm"

struct fixture {
    char path[32];
    struct dag dag;
    struct cid root, leaf;
    struct text root_name;
};

static int setup(void **state)
{
    struct fixture *f = memory_alloc(sizeof(*f));

    f->leaf = dag_put_raw(&f->dag, "leaf");
    f->root = dag_put_links(&f->dag, "root", &f->leaf, 1);
    cid_print(&f->root, CID_BASE_DEFAULT, &f->root_name);
    snprintf(f->path, sizeof(f->path), "/tmp/test-car-XXXXXX");
    close(mkstemp(f->path));
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    unlink(f->path);
    dag_dispose(&f->dag);
    text_dispose(&f->root_name);
    free(f);
    return 0;
}

/* The CAR without its last `cut` bytes; repeats: the leaf comes again. */
static void write_car(struct fixture *f, size_t cut, int repeats)
{
    FILE *file = fopen(f->path, "wb");
    struct text car = {0};

    car_put_header(&car, &f->root, 1);
    dag_put_car_block(&f->dag, &car, &f->root);
    for (int i = 0; i <= repeats; i++)
        dag_put_car_block(&f->dag, &car, &f->leaf);
    fwrite(car.data, 1, car.size - cut, file);
    fclose(file);
    text_dispose(&car);
}

struct result {
    char *out, *err;
    int code;
};

static struct result run(const char *words, const char *path, const char *a, const char *b)
{
    static const struct cli_command *const tables[] = {ipfs_commands, NULL};
    const char *argv[] = {"causeway", "car", words, path, a, b, NULL};
    struct result result = {0};
    size_t out_size, err_size;
    FILE *out = open_memstream(&result.out, &out_size);
    FILE *err = open_memstream(&result.err, &err_size);

    result.code = cli_run(b != NULL ? 6 : a != NULL ? 5 : 4, (char **)argv, tables, out, err, NULL);
    fclose(out);
    fclose(err);
    return result;
}

/* The format has %s for the root's CID. An expected NULL: nothing is said there. */
static void expect(struct fixture *f, struct result result, int code, const char *out,
                   const char *err)
{
    struct text wanted = {0};

    text_put_text(&wanted, "");
    for (; out != NULL && *out != '\0'; out++)
        if (*out == '@')
            text_put_slice(&wanted, text_slice(&f->root_name));
        else
            text_put_char(&wanted, *out);
    assert_string_equal(result.out, wanted.data);
    if (err == NULL)
        assert_string_equal(result.err, "");
    else if (strstr(result.err, err) == NULL)
        fail_msg("%s", result.err);
    assert_int_equal(result.code, code);
    free(result.out);
    free(result.err);
    text_dispose(&wanted);
}

static void test_car_ls_lists_roots_and_blocks(void **state)
{
    struct fixture *f = *state;

    write_car(f, 0, 0);
    expect(f, run("ls", f->path, NULL, NULL), CLI_DONE,
           "CARv1, roots: @\n      offset       size  cid\n"
           "          59         48  @\n         144          4  " LEAF "\n",
           NULL);
    expect(f, run("ls", f->path, "--json", NULL), CLI_DONE,
           "{\"version\":1,\"roots\":[\"@\"]}\n{\"offset\":59,\"size\":48,\"cid\":\"@\"}\n"
           "{\"offset\":144,\"size\":4,\"cid\":\"" LEAF "\"}\n",
           NULL);
}

static void test_car_ls_says_where_a_file_is_cut_off(void **state)
{
    struct fixture *f = *state;

    write_car(f, 1, 0);
    expect(f, run("ls", f->path, NULL, NULL), CLI_FAILED,
           "CARv1, roots: @\n      offset       size  cid\n          59         48  @\n",
           "CAR byte 144: the section is cut off\n");
}

static void test_car_verify_says_that_a_dag_is_complete(void **state)
{
    struct fixture *f = *state;

    write_car(f, 0, 0);
    expect(f, run("verify", f->path, NULL, NULL), CLI_DONE,
           "CARv1, roots: @\ncomplete: 2 blocks of 52 bytes, 1 links deep\n", NULL);
    expect(f, run("verify", f->path, "--json", NULL), CLI_DONE,
           "{\"ok\":true,\"version\":1,\"roots\":[\"@\"],\"blocks\":2,\"bytes\":52,\"depth\":1}\n",
           NULL);
}

static void test_car_verify_says_what_is_wrong_and_where(void **state)
{
    struct fixture *f = *state;

    write_car(f, 41, 0); /* without the leaf */
    expect(f, run("verify", f->path, NULL, NULL), CLI_FAILED, NULL,
           "CAR byte 144: the CAR ends here without " LEAF "\n");
    expect(f, run("verify", f->path, "--json", NULL), CLI_FAILED,
           "{\"ok\":false,\"error\":\"CAR byte 144: the CAR ends here without " LEAF
           "\",\"offset\":144}\n",
           NULL);
}

static void test_car_verify_keeps_to_its_options(void **state)
{
    struct fixture *f = *state;

    write_car(f, 0, 1);
    expect(f, run("verify", f->path, NULL, NULL), CLI_FAILED, NULL,
           "CAR byte 185: this block was there before: " LEAF);
    expect(f, run("verify", f->path, "--repeats", NULL), CLI_DONE,
           "CARv1, roots: @\ncomplete: 2 blocks of 52 bytes, 1 links deep\n", NULL);
    expect(f, run("verify", f->path, "--root", LEAF), CLI_FAILED, NULL, "CAR byte 59: ");
    expect(f, run("verify", f->path, "--root", "x"), CLI_USAGE, NULL, "--root: 'x': ");
}

static void test_car_commands_name_a_file_that_is_not_there(void **state)
{
    struct fixture *f = *state;

    expect(f, run("ls", "/nowhere/x.car", NULL, NULL), CLI_FAILED, NULL,
           "/nowhere/x.car: cannot be opened: No such file or directory\n");
    expect(f, run("verify", "/tmp", NULL, NULL), CLI_FAILED, NULL,
           "/tmp: cannot be read: Is a directory\n");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_car_ls_lists_roots_and_blocks),
        TEST(test_car_ls_says_where_a_file_is_cut_off),
        TEST(test_car_verify_says_that_a_dag_is_complete),
        TEST(test_car_verify_says_what_is_wrong_and_where),
        TEST(test_car_verify_keeps_to_its_options),
        TEST(test_car_commands_name_a_file_that_is_not_there),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
