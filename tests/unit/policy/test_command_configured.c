// SPDX-License-Identifier: Apache-2.0
/* The policy commands when no policy is named: causeway.yaml names it. */
#include "conf/memory.h"
#include "policy/commands.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <unistd.h>

#include <cmocka.h>

static const char policy[] = "version: 1\norg: lab.example\nmembers: {alice: {}}\n"
                             "roles: {reader: {allow: [\"class:read\"]}}\n"
                             "bind: [{to: \"member:alice\", roles: [reader]}]\n"
                             "tests: [{as: alice, call: cat, expect: allow}]\n";
static const char wider[] = "version: 1\norg: lab.example\nmembers: {alice: {}}\n"
                            "roles: {reader: {allow: [\"class:read\", \"class:pin\"]}}\n"
                            "bind: [{to: \"member:alice\", roles: [reader]}]\n";
static const char config[] = "data: data\norg: lab.example\npolicy: policy.yaml\n"
                             "upstream: {kind: kubo, address: http://127.0.0.1:5001}\n";
static const char without[] =
    "data: data\nupstream: {kind: kubo, address: http://127.0.0.1:5001}\n";

struct fixture {
    char folder[32];
    char config[64], without[64], wider[64];
    char *out, *err;
};

static void write_file(const struct fixture *f, const char *name, const char *bytes)
{
    char path[64];
    FILE *file;

    snprintf(path, sizeof(path), "%s/%s", f->folder, name);
    file = fopen(path, "we");
    assert_non_null(file);
    fputs(bytes, file);
    fclose(file);
}

static int setup(void **state)
{
    struct fixture *f = memory_alloc(sizeof(*f));

    strcpy(f->folder, "/tmp/configured-XXXXXX");
    assert_non_null(mkdtemp(f->folder));
    write_file(f, "policy.yaml", policy);
    write_file(f, "wider.yaml", wider);
    write_file(f, "causeway.yaml", config);
    write_file(f, "without.yaml", without);
    snprintf(f->config, sizeof(f->config), "--config=%s/causeway.yaml", f->folder);
    snprintf(f->without, sizeof(f->without), "--config=%s/without.yaml", f->folder);
    snprintf(f->wider, sizeof(f->wider), "%s/wider.yaml", f->folder);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    static const char *const names[] = {"policy.yaml", "wider.yaml", "causeway.yaml",
                                        "without.yaml"};
    struct fixture *f = *state;
    char path[64];

    for (size_t i = 0; i < ARRAY_SIZE(names); i++) {
        snprintf(path, sizeof(path), "%s/%s", f->folder, names[i]);
        unlink(path);
    }
    rmdir(f->folder);
    free(f->out);
    free(f->err);
    free(f);
    return 0;
}

/* Runs `causeway policy` with these words, a NULL-ended list; f has what it printed. */
static int run(struct fixture *f, const char *const *words)
{
    static const struct cli_command *const tables[] = {policy_commands, NULL};
    const char *argv[16] = {"causeway", "policy"};
    size_t out_size, err_size;
    FILE *out, *err;
    int argc = 2, code;

    free(f->out);
    free(f->err);
    out = open_memstream(&f->out, &out_size);
    err = open_memstream(&f->err, &err_size);
    for (; *words != NULL; words++)
        argv[argc++] = *words;
    code = cli_run(argc, (char **)argv, tables, out, err, NULL);
    fclose(out);
    fclose(err);
    return code;
}

#define RUN(f, ...) run((f), (const char *const[]){__VA_ARGS__, NULL})

static void test_commands_take_the_policy_that_the_configuration_names(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(RUN(f, "check", f->config), CLI_DONE);
    assert_non_null(strstr(f->out, "0 errors"));
    assert_int_equal(RUN(f, "test", f->config), CLI_DONE);
    assert_string_equal(f->out, "1 test passed, 0 failed\n");
    assert_int_equal(RUN(f, "can", f->config, "alice", "cat"), CLI_DONE);
    assert_int_equal(RUN(f, "can", f->config, "alice", "pin/add"), CLI_FAILED);
    assert_non_null(strstr(f->out, "denied"));
    setenv("CAUSEWAY_CONFIG", f->config + strlen("--config="), 1);
    assert_int_equal(RUN(f, "test"), CLI_DONE);
    unsetenv("CAUSEWAY_CONFIG");
}

static void test_diff_compares_with_the_policy_that_the_configuration_names(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(RUN(f, "diff", f->config, f->wider), CLI_DONE);
    assert_non_null(strstr(f->out, "+"));
    assert_non_null(strstr(f->out, "pin/add"));
    assert_null(strstr(f->out, "- "));
    assert_int_equal(RUN(f, "diff", f->config), CLI_USAGE); /* with what? */
}

static void test_a_policy_that_is_named_needs_no_configuration(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(RUN(f, "check", f->wider, "--config=/nowhere"), CLI_DONE);
    assert_int_equal(RUN(f, "can", "alice", "pin/add", "--policy", f->wider, "--config=/nowhere"),
                     CLI_DONE);
}

static void test_commands_say_when_no_policy_is_to_be_had(void **state)
{
    struct fixture *f = *state;

    assert_int_equal(RUN(f, "check", f->without), CLI_FAILED);
    assert_non_null(strstr(f->err, "no policy is named, and"));
    assert_non_null(strstr(f->err, "without.yaml has no 'policy' either"));
    assert_int_equal(RUN(f, "can", "alice", "cat", "--config=/nowhere"), CLI_FAILED);
    assert_non_null(strstr(f->err, "/nowhere"));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_commands_take_the_policy_that_the_configuration_names),
        TEST(test_diff_compares_with_the_policy_that_the_configuration_names),
        TEST(test_a_policy_that_is_named_needs_no_configuration),
        TEST(test_commands_say_when_no_policy_is_to_be_had),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
