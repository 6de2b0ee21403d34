// SPDX-License-Identifier: Apache-2.0
/* What the token commands ask of the gateway, and what they print of its answers. */
#include "auth/command_token.h"

#include "auth/operator_client.h"
#include "conf/memory.h"
#include "conf/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>

#include <cmocka.h>

#define ALICES                                                                                     \
    "{\"id\":\"abcdefghij\",\"owner\":\"member:alice\",\"label\":\"CI\",\"roles\":null,"           \
    "\"state\":\"active\",\"expires\":null,\"last_used\":null"
#define BOBS                                                                                       \
    "{\"id\":\"bbcdefghij\",\"owner\":\"member:bob\",\"label\":\"\",\"roles\":[\"reader\","        \
    "\"pinner\"],\"state\":\"revoked\",\"expires\":\"2027-01-15T08:00:00.000Z\","                  \
    "\"last_used\":\"2026-01-15T08:00:00.000Z\",\"revoked\":\"2026-02-01T00:00:00.000Z\""

/* A gateway that gives these answers, one after the other, and keeps what it was asked. */
struct fixture {
    const char *const *answers;
    char *out, *err;
    size_t out_size, err_size;
    struct text asked;
    int result;
};

// NOLINTBEGIN(bugprone-reserved-identifier)
int __wrap_operator_client_ask(const struct cli *cli, const char *path, json_t *input,
                               json_t **output);

int __wrap_operator_client_ask(const struct cli *cli, const char *path, json_t *input,
                               json_t **output)
{
    struct fixture *f = cli->context;
    char *dumped = json_dumps(input, JSON_COMPACT | JSON_SORT_KEYS);

    text_put_format(&f->asked, "%s %s\n", path, dumped);
    free(dumped);
    json_decref(input);
    if (*f->answers == NULL)
        return cli_fail(cli, "the gateway refused");
    *output = json_loads(*f->answers++, 0, NULL);
    assert_non_null(*output);
    return CLI_DONE;
}
// NOLINTEND(bugprone-reserved-identifier)

static const struct cli_command commands[] = {
    {"token new", "MEMBER", 1, 1, "Make a token.", NULL, token_new_options, command_token_new},
    {"token list", "", 0, 0, "List tokens.", NULL, token_list_options, command_token_list},
    {"token rotate", "ID", 1, 1, "Replace.", NULL, token_rotate_options, command_token_rotate},
    {"token revoke", "ID", 1, 1, "End.", NULL, token_revoke_options, command_token_revoke},
    {.words = NULL},
};

static void dispose(struct fixture *f)
{
    free(f->out);
    free(f->err);
    text_dispose(&f->asked);
}

/* Runs `causeway token ...`; words and answers end with NULL. */
static void run(struct fixture *f, const char *const *words, const char *const *answers)
{
    static const struct cli_command *const tables[] = {commands, NULL};
    char *argv[12] = {(char *)"causeway", (char *)"token"};
    FILE *out = open_memstream(&f->out, &f->out_size);
    FILE *err = open_memstream(&f->err, &f->err_size);
    int argc = 2;

    while (*words != NULL)
        argv[argc++] = (char *)*words++;
    f->answers = answers;
    f->result = cli_run(argc, argv, tables, out, err, f);
    fclose(out);
    fclose(err);
}

#define WORDS(...)   ((const char *const[]){__VA_ARGS__, NULL})
#define ANSWERS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define NO_ANSWER    ((const char *const[]){NULL})

static void test_token_new_prints_the_secret_alone_to_its_output(void **state)
{
    struct fixture f = {0};

    run(&f,
        WORDS("new", "alice", "--label", "CI \"x\"", "--roles", "reader,pinner", "--expires-in",
              "30d"),
        ANSWERS(ALICES ",\"token\":\"cw1_abcdefghij_secret\"}"));
    assert_int_equal(f.result, CLI_DONE);
    assert_string_equal(f.asked.data,
                        "/token/new {\"expires_in\":\"30d\",\"label\":\"CI \\\"x\\\"\","
                        "\"owner\":\"alice\",\"roles\":[\"reader\",\"pinner\"]}\n");
    assert_string_equal(f.out, "cw1_abcdefghij_secret\n");
    assert_string_equal(f.err, "Token abcdefghij of member:alice, good until: it is revoked. It is "
                               "shown this once; keep it safe.\n"
                               "It is used so: ipfs --api ADDRESS --api-auth bearer:TOKEN ..., or\n"
                               "curl -H 'Authorization: Bearer TOKEN' ...\n");
    dispose(&f);
}

static void test_token_new_asks_for_nothing_that_was_not_said(void **state)
{
    struct fixture f = {0};

    run(&f, WORDS("new", "alice"), NO_ANSWER);
    assert_int_equal(f.result, CLI_FAILED);
    assert_string_equal(f.asked.data, "/token/new {\"owner\":\"alice\"}\n");
    assert_string_equal(f.out, "");
    assert_string_equal(f.err, "causeway token new: the gateway refused\n");
    dispose(&f);
}

static void test_token_new_leaves_odd_roles_to_the_gateway(void **state)
{
    struct fixture f = {0};

    run(&f, WORDS("new", "alice", "--roles", "a,,b,"), NO_ANSWER);
    assert_string_equal(f.asked.data,
                        "/token/new {\"owner\":\"alice\",\"roles\":[\"a\",\"\",\"b\",\"\"]}\n");
    dispose(&f);
}

static void test_token_commands_pass_on_what_is_no_utf8_as_a_text_to_refuse(void **state)
{
    struct fixture f = {0};

    run(&f, WORDS("new", "al\xff", "--roles", "a,\xff"), NO_ANSWER);
    assert_string_equal(f.asked.data, "/token/new {\"owner\":\"?\",\"roles\":[\"a\",\"?\"]}\n");
    dispose(&f);
    f = (struct fixture){0};
    run(&f, WORDS("revoke", "\xff"), NO_ANSWER);
    assert_string_equal(f.asked.data, "/token/revoke {\"id\":\"?\"}\n");
    dispose(&f);
}

static void test_token_new_with_json_prints_the_object(void **state)
{
    struct fixture f = {0};

    run(&f, WORDS("new", "alice", "--json"), ANSWERS("{\"id\":\"x\",\"token\":\"cw1_x\"}"));
    assert_string_equal(f.out, "{\"id\":\"x\",\"token\":\"cw1_x\"}\n");
    assert_string_equal(f.err, "");
    dispose(&f);
}

static void test_token_list_hides_what_is_over_and_follows_the_pages(void **state)
{
    struct fixture f = {0};

    run(&f, WORDS("list"),
        ANSWERS("{\"tokens\":[" ALICES "}," BOBS "}],\"has_more\":true}",
                "{\"tokens\":[" ALICES "}],\"has_more\":false}"));
    assert_int_equal(f.result, CLI_DONE);
    assert_string_equal(f.asked.data, "/token/list {}\n/token/list {\"after\":\"bbcdefghij\"}\n");
    assert_string_equal(
        f.out, "ID          OWNER                 STATE    EXPIRES                   LAST USED"
               "                 ROLES             LABEL\n"
               "abcdefghij  member:alice          active   never                     never    "
               "                 all               CI\n"
               "abcdefghij  member:alice          active   never                     never    "
               "                 all               CI\n");
    dispose(&f);
}

static void test_token_list_shows_all_when_asked(void **state)
{
    struct fixture f = {0};

    run(&f, WORDS("list", "--all", "--owner", "bob"),
        ANSWERS("{\"tokens\":[" BOBS "}],\"has_more\":false}"));
    assert_string_equal(f.asked.data, "/token/list {\"owner\":\"bob\"}\n");
    assert_non_null(strstr(f.out, "bbcdefghij  member:bob            revoked  "
                                  "2027-01-15T08:00:00.000Z  2026-01-15T08:00:00.000Z  "
                                  "reader,pinner"));
    dispose(&f);
}

static void test_token_list_with_json_prints_one_object_a_line(void **state)
{
    struct fixture f = {0};

    run(&f, WORDS("list", "--json", "--all"),
        ANSWERS("{\"tokens\":[{\"id\":\"a\",\"state\":\"active\"},{\"id\":\"b\"}],"
                "\"has_more\":false}"));
    assert_string_equal(f.out, "{\"id\":\"a\",\"state\":\"active\"}\n{\"id\":\"b\"}\n");
    dispose(&f);
}

static void test_token_list_that_is_empty_says_what_to_do(void **state)
{
    struct fixture f = {0};

    run(&f, WORDS("list"), ANSWERS("{\"tokens\":[],\"has_more\":false}"));
    assert_int_equal(f.result, CLI_DONE);
    assert_non_null(strstr(f.err, "causeway token new MEMBER"));
    dispose(&f);
    f = (struct fixture){0};
    run(&f, WORDS("list", "--json"), ANSWERS("{\"tokens\":[],\"has_more\":false}"));
    assert_string_equal(f.out, "");
    assert_string_equal(f.err, "");
    dispose(&f);
}

static void test_token_list_prints_no_head_without_an_answer(void **state)
{
    struct fixture f = {0};

    run(&f, WORDS("list"), NO_ANSWER);
    assert_int_equal(f.result, CLI_FAILED);
    assert_string_equal(f.out, "");
    dispose(&f);
}

/* A gateway that never comes to an end of its pages must not keep us for ever. */
static void test_token_list_ends_when_a_page_leads_nowhere(void **state)
{
    struct fixture f = {0};

    run(&f, WORDS("list"), ANSWERS("{\"tokens\":[],\"has_more\":true}"));
    assert_int_equal(f.result, CLI_DONE);
    dispose(&f);
}

static void test_token_rotate_says_how_long_the_old_secret_lasts(void **state)
{
    struct fixture f = {0};

    run(&f, WORDS("rotate", "abcdefghij", "--grace", "1h"),
        ANSWERS(ALICES
                ",\"token\":\"cw1_new\",\"old_secret_until\":\"2026-01-01T00:00:00.000Z\"}"));
    assert_string_equal(f.asked.data, "/token/rotate {\"grace\":\"1h\",\"id\":\"abcdefghij\"}\n");
    assert_string_equal(f.out, "cw1_new\n");
    assert_non_null(strstr(f.err, "The old secret is good until 2026-01-01T00:00:00.000Z.\n"));
    dispose(&f);
    f = (struct fixture){0};
    run(&f, WORDS("rotate", "abcdefghij", "--grace", "0", "--expires-in", "never"),
        ANSWERS(ALICES ",\"token\":\"cw1_new\",\"old_secret_until\":null}"));
    assert_string_equal(
        f.asked.data,
        "/token/rotate {\"expires_in\":\"never\",\"grace\":\"0\",\"id\":\"abcdefghij\"}\n");
    assert_non_null(strstr(f.err, "Every old secret ended now"));
    dispose(&f);
}

static void test_token_revoke_takes_a_leaked_token_and_keeps_its_secret_to_itself(void **state)
{
    static const char *const arguments[] = {
        "abcdefghij", "cw1_abcdefghij_aaaqeayeaudaocajbifqydiob4ibceqtcqkrmfyydenbwha5dypq",
        "cw1_abcdefghij_cut"};

    for (size_t i = 0; i < ARRAY_SIZE(arguments); i++) {
        struct fixture f = {0};

        run(&f, WORDS("revoke", arguments[i]),
            ANSWERS(ALICES ",\"revoked\":\"2026-01-01T00:00:00.000Z\"}"));
        assert_string_equal(f.asked.data, "/token/revoke {\"id\":\"abcdefghij\"}\n");
        assert_string_equal(f.out, "Token abcdefghij of member:alice is revoked since "
                                   "2026-01-01T00:00:00.000Z.\n");
        dispose(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_token_new_prints_the_secret_alone_to_its_output),
        cmocka_unit_test(test_token_new_asks_for_nothing_that_was_not_said),
        cmocka_unit_test(test_token_new_leaves_odd_roles_to_the_gateway),
        cmocka_unit_test(test_token_commands_pass_on_what_is_no_utf8_as_a_text_to_refuse),
        cmocka_unit_test(test_token_new_with_json_prints_the_object),
        cmocka_unit_test(test_token_list_hides_what_is_over_and_follows_the_pages),
        cmocka_unit_test(test_token_list_shows_all_when_asked),
        cmocka_unit_test(test_token_list_with_json_prints_one_object_a_line),
        cmocka_unit_test(test_token_list_that_is_empty_says_what_to_do),
        cmocka_unit_test(test_token_list_prints_no_head_without_an_answer),
        cmocka_unit_test(test_token_list_ends_when_a_page_leads_nowhere),
        cmocka_unit_test(test_token_rotate_says_how_long_the_old_secret_lasts),
        cmocka_unit_test(test_token_revoke_takes_a_leaked_token_and_keeps_its_secret_to_itself),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
