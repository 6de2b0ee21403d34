// SPDX-License-Identifier: Apache-2.0
/* What `causeway link ...` asks of the gateway, prints and returns. The gateway is played. */
#include "auth/operator_client.h"
#include "conf/memory.h"
#include "conf/text.h"
#include "federation/commands.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

struct fixture {
    const char *const *answers; /* JSON; a text that begins with ! is a refusal */
    struct text asked;
    char *out, *err;
    size_t out_size, err_size;
};

// NOLINTBEGIN(bugprone-reserved-identifier)
int __wrap_operator_client_ask(const struct cli *cli, const char *path, json_t *input,
                               json_t **output);

int __wrap_operator_client_ask(const struct cli *cli, const char *path, json_t *input,
                               json_t **output)
{
    struct fixture *f = cli->context;
    char *dumped = json_dumps(input, JSON_COMPACT | JSON_SORT_KEYS);
    const char *answer = *f->answers++;

    text_put_format(&f->asked, "%s %s\n", path, dumped);
    free(dumped);
    json_decref(input);
    assert_non_null(answer);
    if (answer[0] == '!')
        return cli_fail(cli, "%s", answer + 1);
    *output = json_loads(answer, 0, NULL);
    assert_non_null(*output);
    return CLI_DONE;
}
// NOLINTEND(bugprone-reserved-identifier)

static int setup(void **state)
{
    *state = memory_alloc(sizeof(struct fixture));
    memset(*state, 0, sizeof(struct fixture));
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;

    text_dispose(&f->asked);
    free(f->out);
    free(f->err);
    free(f);
    return 0;
}

/* Words of one command line, split at blanks; its exit code. */
static int run(struct fixture *f, const char *line, const char *const *answers)
{
    static const struct cli_command *const tables[] = {federation_commands, NULL};
    char *copy = memory_copy_text(line), *argv[16] = {(char *)"causeway"}, *rest = copy;
    int argc = 1, result;
    FILE *out, *err;

    while (argc < 15 && (argv[argc] = strtok_r(rest, " ", &rest)) != NULL)
        argc++;
    free(f->out);
    free(f->err);
    text_clear(&f->asked);
    out = open_memstream(&f->out, &f->out_size);
    err = open_memstream(&f->err, &f->err_size);
    f->answers = answers;
    result = cli_run(argc, argv, tables, out, err, f);
    fclose(out);
    fclose(err);
    free(copy);
    return result;
}

static void expect(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("'%s' is not in:\n%s", part, text);
}

static const char *const said[] = {
    "{\"partner\":\"beta\",\"state\":\"active\",\"said\":\"it is done\"}", NULL};

static void test_each_command_asks_its_route_and_prints_what_was_said(void **state)
{
    static const struct {
        const char *line, *asked;
    } cases[] = {
        {"link cancel beta", "/link/cancel {\"partner\":\"beta\"}\n"},
        {"link suspend beta", "/link/suspend {\"partner\":\"beta\"}\n"},
        {"link resume beta", "/link/resume {\"partner\":\"beta\"}\n"},
        {"link revoke beta", "/link/revoke {\"partner\":\"beta\"}\n"},
        {"link revoke beta now", "/link/revoke {\"mode\":\"now\",\"partner\":\"beta\"}\n"},
        {"link confirm beta able zoo",
         "/link/confirm {\"partner\":\"beta\",\"words\":\"able zoo\"}\n"},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_int_equal(run(f, cases[i].line, said), CLI_DONE);
        assert_string_equal(f->asked.data, cases[i].asked);
        assert_string_equal(f->out, "it is done\n");
    }
}

static void test_a_refusal_is_printed_and_exits_with_one(void **state)
{
    static const char *const refused[] = {"!these are not the words", NULL};
    struct fixture *f = *state;

    assert_int_equal(run(f, "link confirm beta able zoo", refused), CLI_FAILED);
    assert_string_equal(f->err, "causeway link confirm: these are not the words\n");
    assert_string_equal(f->out, "");
}

static void test_an_invitation_stands_on_a_line_of_its_own(void **state)
{
    static const char *const answers[] = {
        "{\"partner\":\"beta\",\"said\":\"made\",\"invitation\":\"cwi1abc\",\"expires\":"
        "\"2027-01-16T08:00:00.000Z\"}",
        NULL};
    struct fixture *f = *state;

    assert_int_equal(run(f, "link invite beta --org beta.example --ttl 2h --address a:1", answers),
                     CLI_DONE);
    assert_string_equal(f->asked.data, "/link/invite {\"address\":\"a:1\",\"org\":\"beta.example\","
                                       "\"partner\":\"beta\",\"ttl\":\"2h\"}\n");
    expect(f->out, "made\n\ncwi1abc\n\nIt is good until 2027-01-16T08:00:00.000Z");
    expect(f->out, "causeway link confirm beta WORDS");
    assert_int_equal(run(f, "link repin beta --json", answers), CLI_DONE);
    assert_memory_equal(f->asked.data, "/link/repin", 11);
    assert_memory_equal(f->out, "{\"partner\":\"beta\"", 17);
}

static void test_join_tells_the_words_and_who_cannot_be_dialled(void **state)
{
    static const char *const answers[] = {
        "{\"partner\":\"alpha\",\"said\":\"joined\",\"words\":\"able zoo\",\"dials\":{\"there\":"
        "false,\"why\":\"refused\",\"here\":true}}",
        NULL};
    struct fixture *f = *state;

    assert_int_equal(run(f, "link join cwi1abc --as alpha", answers), CLI_DONE);
    assert_string_equal(f->asked.data,
                        "/link/join {\"invitation\":\"cwi1abc\",\"partner\":\"alpha\"}\n");
    expect(f->out, "we dial them:  fails: refused\n");
    expect(f->out, "they dial us:  works\n");
    expect(f->out, "\n  able zoo\n\n");
    expect(f->out, "causeway link revoke alpha\n");
}

/* With --yes the words that the gateway has are shown, and confirmed. */
static void test_yes_shows_the_words_and_asks_nothing(void **state)
{
    static const char *const answers[] = {"{\"partner\":\"beta\",\"words\":\"able zoo\"}",
                                          "{\"said\":\"confirmed\"}", NULL};
    static const char *const none[] = {"{\"partner\":\"beta\"}", "!it is confirmed already", NULL};
    struct fixture *f = *state;

    assert_int_equal(run(f, "link confirm beta --yes", answers), CLI_DONE);
    assert_string_equal(f->asked.data,
                        "/link/show {\"partner\":\"beta\"}\n"
                        "/link/confirm {\"partner\":\"beta\",\"words\":\"able zoo\"}\n");
    assert_string_equal(f->out, "  able zoo\nconfirmed\n");
    assert_int_equal(run(f, "link confirm beta --yes", none), CLI_FAILED);
    expect(f->asked.data, "/link/confirm {\"partner\":\"beta\",\"yes\":true}\n");
}

static const char *const shown[] = {
    "{\"partner\":\"beta\",\"org\":\"beta.example\",\"id\":\"01hx\",\"state\":\"degraded\","
    "\"since\":"
    "\"2027-01-15T08:00:00.000Z\",\"why\":\"not heard\",\"epoch\":2,\"confirmed\":{\"here\":true,"
    "\"there\":true},\"suspended\":{\"here\":false,\"there\":true},\"evidence\":{\"heard_ms\":"
    "61200,"
    "\"acked_ms\":null},\"addresses\":{\"ours\":\"a:9501\",\"theirs\":[\"b:9501\",\"c:1\"],\"can_"
    "dial_"
    "there\":"
    "true,\"can_dial_here\":false},\"root\":\"1f2e\",\"roots\":{\"ours\":3,\"known_there\":2,"
    "\"theirs\":1},\"numbers\":{\"sent\":17,\"taken\":12,\"incarnation_here\":\"00000000000000c5\","
    "\"incarnation_there\":\"000000000000004d\"},\"breaker\":{\"state\":\"open\",\"failures\":5,"
    "\"retry_in_ms\":12000},\"last_failure\":\"silent\",\"skew_ms\":-2100,\"limits\":{"
    "\"bandwidth\":1048576,\"hours\":\"20-6\"}"
    ","
    "\"history\":[{\"time\":\"2027-01-15T08:00:00.000Z\",\"actor\":\"operator:root\",\"event\":"
    "\"invite\",\"from\":\"none\",\"to\":\"invited\",\"said\":\"x\"}]}",
    NULL};

static void test_show_has_every_fact_on_its_line(void **state)
{
    /* clang-format off */
    static const char *const lines[] = {
        "link       beta (beta.example), epoch 2, 01hx\n",
        "state      degraded since 2027-01-15T08:00:00.000Z\n",
        "why        not heard\n",
        "confirmed  here: yes; there: yes\n",
        "suspended  by them\n",
        "heard      61.2 s ago\n",
        "answered   never\n",
        "we dial    b:9501, c:1\n",
        "they dial  a:9501: cannot be dialled; messages go the other way alone\n",
        "roots      ours 3, they have 2; theirs 1; their root 1f2e\n",
        "numbers    sent 17, taken 12; incarnations 00000000000000c5 here, 000000000000004d there\n",
        "breaker    open after 5 failures; tried again in 12 s\n",
        "failure    silent\n",
        "clock      theirs is 2.1 s behind ours: messages are refused beyond 300 s\n",
        "limits     1 MiB a second, each direction; data may move: 20-6 UTC\n",
        "  2027-01-15T08:00:00.000Z  operator:root  invite         none -> invited\n",
    };
    /* clang-format on */
    struct fixture *f = *state;

    assert_int_equal(run(f, "link show beta", shown), CLI_DONE);
    for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
        expect(f->out, lines[i]);
    assert_int_equal(run(f, "link show beta --json", shown), CLI_DONE);
    expect(f->out, "\"taken\":12");
    assert_ptr_equal(strchr(f->out, '\n'), f->out + f->out_size - 1);
}

static void test_before_anybody_joined_nothing_is_said_of_them(void **state)
{
    static const char *const answers[] = {
        "{\"partner\":\"beta\",\"state\":\"invited\",\"addresses\":{\"ours\":\"a:1\",\"theirs\":[],"
        "\"can_dial_there\":false},\"expires\":\"2027-01-16T08:00:00.000Z\"}",
        NULL};
    struct fixture *f = *state;

    assert_int_equal(run(f, "link show beta", answers), CLI_DONE);
    expect(f->out, "expires    2027-01-16T08:00:00.000Z\n");
    assert_null(strstr(f->out, "dial"));
    assert_null(strstr(f->out, "numbers"));
}

static void test_limits_are_shown_as_they_are_now(void **state)
{
    static const char *const answers[] = {
        "{\"said\":\"limited\",\"limits\":{\"bandwidth\":0,\"hours\":\"20-6\"}}", NULL};
    struct fixture *f = *state;

    assert_int_equal(run(f, "link limit beta --bandwidth 1MiB --hours 20-6", answers), CLI_DONE);
    assert_string_equal(f->asked.data, "/link/limit {\"bandwidth\":\"1MiB\",\"hours\":\"20-6\","
                                       "\"partner\":\"beta\"}\n");
    assert_int_equal(run(f, "link limit beta", answers), CLI_DONE);
    assert_string_equal(f->asked.data, "/link/limit {\"partner\":\"beta\"}\n");
    assert_string_equal(f->out,
                        "limited\nlimits     no bound on bandwidth; data may move: 20-6 UTC\n");
}

static void test_links_are_listed_one_a_line(void **state)
{
    static const char *const answers[] = {
        "{\"links\":[{\"partner\":\"beta\",\"state\":\"active\",\"why\":\"heard\",\"evidence\":"
        "{\"heard_ms\":3000,\"acked_ms\":7300000}},{\"partner\":\"gamma\",\"state\":\"invited\"}],"
        "\"has_more\":false}",
        NULL};
    static const char *const none[] = {"{\"links\":[],\"has_more\":false}", NULL};
    struct fixture *f = *state;

    assert_int_equal(run(f, "link list", answers), CLI_DONE);
    expect(f->out, "beta                      active     3.0 s ago  2 h ago    heard\n");
    expect(f->out, "gamma                     invited    never      never      \n");
    assert_int_equal(run(f, "link list", none), CLI_DONE);
    expect(f->err, "there is no link; causeway link invite PARTNER begins one\n");
}

static void test_what_is_missing_is_a_usage_error(void **state)
{
    static const char *const lines[] = {"link invite",
                                        "link join",
                                        "link show",
                                        "link revoke a b c",
                                        "link limit beta --speed 3",
                                        "link confirm beta a b c d e f g"};
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_SIZE(lines); i++)
        assert_int_equal(run(f, lines[i], said), CLI_USAGE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_each_command_asks_its_route_and_prints_what_was_said),
        TEST(test_a_refusal_is_printed_and_exits_with_one),
        TEST(test_an_invitation_stands_on_a_line_of_its_own),
        TEST(test_join_tells_the_words_and_who_cannot_be_dialled),
        TEST(test_yes_shows_the_words_and_asks_nothing),
        TEST(test_show_has_every_fact_on_its_line),
        TEST(test_before_anybody_joined_nothing_is_said_of_them),
        TEST(test_limits_are_shown_as_they_are_now),
        TEST(test_links_are_listed_one_a_line),
        TEST(test_what_is_missing_is_a_usage_error),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
