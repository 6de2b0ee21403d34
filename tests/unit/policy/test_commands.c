// SPDX-License-Identifier: Apache-2.0
/* `causeway policy can` and `diff`, as the command line runs them: exit codes, and what is printed
 * where. */
#include "kit.h"

#include "policy/commands.h"

#include <unistd.h>

#define HOUSE                                                                                      \
    KIT_HEAD "members: {alice: {}, bob: {}}\n"                                                     \
             "roles: {reader: {allow: cat}, writer: {inherits: reader, allow: [add, pin/add]}}\n"  \
             "bind: [{to: \"member:alice\", roles: writer}, {to: \"member:bob\", roles: reader,\n" \
             "        when: \"net.src in 10.0.0.0/8\"}]\n"                                         \
             "rules: [{id: big, deny: add, when: \"has(req.content_length) and "                   \
             "req.content_length > 5GiB\"}]\n"

struct house {
    char path[64];
};

static int make_house(void **state)
{
    struct house *house = malloc(sizeof(*house));
    int fd;

    snprintf(house->path, sizeof(house->path), "/tmp/test-commands-XXXXXX");
    fd = mkstemp(house->path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, HOUSE, sizeof(HOUSE) - 1), sizeof(HOUSE) - 1);
    close(fd);
    *state = house;
    return 0;
}

static int remove_house(void **state)
{
    struct house *house = *state;

    unlink(house->path);
    free(house);
    return 0;
}

struct result {
    char *out, *err;
    int code;
};

/* Runs `causeway policy ...`; @ among the words is the policy's path. */
static struct result run(const struct house *house, const char *const *words)
{
    static const struct cli_command *const tables[] = {policy_commands, NULL};
    struct result result = {0};
    const char *argv[24] = {"causeway", "policy"};
    size_t out_size, err_size;
    FILE *out = open_memstream(&result.out, &out_size);
    FILE *err = open_memstream(&result.err, &err_size);
    int argc = 2;

    for (; *words != NULL; words++)
        argv[argc++] = strcmp(*words, "@") == 0 ? house->path : *words;
    result.code = cli_run(argc, (char **)argv, tables, out, err, NULL);
    fclose(out);
    fclose(err);
    return result;
}

enum { WORDS_MAX = 12 };

struct expected {
    const char *words[WORDS_MAX];
    int code;
    const char *out, *err; /* what stands in them; NULL: they are empty */
};

static void expect_part(const char *actual, const char *part)
{
    if (part == NULL ? actual[0] != '\0' : strstr(actual, part) == NULL)
        fail_msg("'%s' instead of '%s'", actual, part == NULL ? "" : part);
}

static void expect(const struct house *house, const struct expected *expected)
{
    struct result result = run(house, expected->words);

    expect_part(result.out, expected->out);
    assert_int_equal(result.code, expected->code);
    free(result.out);
    free(result.err);
}

static void test_policy_can_answers_by_exit_code_and_sentence(void **state)
{
    static const struct expected cases[] = {
        {{"can", "--policy", "@", "alice", "add"}, CLI_DONE, "allow: add, by role:writer", NULL},
        {{"can", "--policy", "@", "alice", "pin", "add", CID_RAW},
         CLI_DONE,
         "allow: pin/add",
         NULL},
        {{"can", "--policy", "@", "member:alice", ("pin/add?arg=" CID_RAW)},
         CLI_DONE,
         "allow: pin/add",
         NULL},
        {{"can", "--policy", "@", "bob", "add"}, CLI_FAILED, "deny: add is denied", NULL},
        {{"can", "--policy", "@", "anonymous", "cat"}, CLI_FAILED, "deny: cat is denied", NULL},
        {{"can", "--policy", "@", "partner:beta", "cat"}, CLI_FAILED, "deny: cat", NULL},
        /* circumstances */
        {{"can", "--policy", "@", "bob", "cat", "--from", "10.1.2.3"},
         CLI_DONE,
         "allow: cat",
         NULL},
        {{"can", "--policy", "@", "bob", "cat", "--from", "::1"}, CLI_FAILED, "deny: cat", NULL},
        {{"can", "--policy", "@", "bob", "cat"}, CLI_FAILED, "[net.src is missing]", NULL},
        {{"can", "--policy", "@", "alice", "add", "--content-length", "5GiB"},
         CLI_DONE,
         "allow: add",
         NULL},
        {{"can", "--policy", "@", "alice", "add", "--content-length", "6GiB"},
         CLI_FAILED,
         "by the rule 'big'",
         NULL},
        {{"can", "--policy", "@", "alice", "add", "--roles", "reader"},
         CLI_FAILED,
         "narrowed to roles that do not allow it",
         NULL},
        {{"can", "--policy", "@", "alice", "cat", "--roles", "other,reader"},
         CLI_DONE,
         "allow: cat",
         NULL},
        /* a name that is nobody's */
        {{"can", "--policy", "@", "alcie", "add"}, CLI_FAILED, "did you mean 'alice'?", NULL},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        expect(*state, &cases[i]);
}

static void test_policy_can_says_what_is_wrong_with_the_question(void **state)
{
    static const struct expected cases[] = {
        {{"can", "--policy", "@", "alice", "pin/ad"}, CLI_USAGE, NULL, "did you mean 'pin/add'?"},
        {{"can", "--policy", "@", "alice", "add", "--at", "soon"}, CLI_USAGE, NULL, "--at: "},
        {{"can", "--policy", "@", "alice", "add", "--from", "here"},
         CLI_USAGE,
         NULL,
         "--from: 'here' is no address"},
        {{"can", "--policy", "@", "alice", "add", "--content-length", "big"},
         CLI_USAGE,
         NULL,
         "--content-length: "},
        {{"can", "--policy", "@", "group:staff", "add"}, CLI_USAGE, NULL, "group:staff"},
        {{"can", "--policy", "@", "alice", "add?pn=1"}, CLI_USAGE, NULL, "no option 'pn'"},
        {{"can", "--policy", "/none.yaml", "alice", "add"},
         CLI_FAILED,
         NULL,
         "/none.yaml does not exist"},
        {{"can", "--policy", "@", "alice"}, CLI_USAGE, NULL, "policy can"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        expect(*state, &cases[i]);
}

static void test_policy_diff_says_what_is_wrong(void **state)
{
    static const struct expected cases[] = {
        {{"diff", "@", "@", NULL, ""}, CLI_DONE, "no rights change\n", NULL},
        {{"diff", "@", "@", "--json", NULL}, CLI_DONE, NULL, NULL},
        {{"diff", "@", "/none.yaml", NULL, ""}, CLI_FAILED, NULL, "/none.yaml does not exist"},
        {{"diff", "@", "@", "--audit", "/none.log"},
         CLI_FAILED,
         "no rights change\n",
         "/none.log cannot be opened"},
        {{"diff", "@", "@", "--audit", "@"}, CLI_FAILED, NULL, "line 1: this is no line"},
        {{"diff", NULL}, CLI_USAGE, NULL, "policy diff"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct result result = run(*state, cases[i].words);

        expect_part(result.err, cases[i].err);
        if (cases[i].out != NULL)
            expect_part(result.out, cases[i].out);
        assert_int_equal(result.code, cases[i].code);
        free(result.out);
        free(result.err);
    }
}

#define WITH_HOUSE(test) cmocka_unit_test_setup_teardown(test, make_house, remove_house)

int main(void)
{
    const struct CMUnitTest tests[] = {
        WITH_HOUSE(test_policy_can_answers_by_exit_code_and_sentence),
        WITH_HOUSE(test_policy_can_says_what_is_wrong_with_the_question),
        WITH_HOUSE(test_policy_diff_says_what_is_wrong),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
