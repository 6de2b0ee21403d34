// SPDX-License-Identifier: Apache-2.0
/* Lists that come page by page. That of tokens, whose pages do not say their last, is in
 * test_command_token.c. */
#include "auth/operator_client.h"
#include "conf/memory.h"
#include "conf/text.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

/* A gateway that gives these answers, one after the other, and keeps what it was asked. */
struct fixture {
    const char *const *answers;
    struct text asked;
    char *out, *err;
    size_t out_size, err_size;
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
        return CLI_FAILED;
    *output = json_loads(*f->answers++, 0, NULL);
    assert_non_null(*output);
    return CLI_DONE;
}
// NOLINTEND(bugprone-reserved-identifier)

static void put_mode(const struct cli *cli, json_t *input)
{
    operator_client_set_text(input, "mode", "direct");
    operator_client_set_text(input, "state", NULL);
    operator_client_set_text(input, "owner", "al\xff");
}

static void print_head(const struct cli *cli)
{
    fprintf(cli->out, "ID\n");
}

static void print_row(const struct cli *cli, const json_t *row)
{
    fprintf(cli->out, "%s %lld\n", operator_client_text(row, "id", "?"),
            operator_client_number(row, "size"));
}

static void list(struct fixture *f, bool json, const char *const *answers)
{
    static const struct operator_list things = {
        .path = "/things",
        .rows = "things",
        .when_empty = "none",
        .put_input = put_mode,
        .print_head = print_head,
        .print_row = print_row,
    };
    struct cli cli = {.context = f, .json = json};

    cli.out = open_memstream(&f->out, &f->out_size);
    cli.err = open_memstream(&f->err, &f->err_size);
    f->answers = answers;
    f->result = operator_client_list(&cli, &things);
    fclose(cli.out);
    fclose(cli.err);
}

static void dispose(struct fixture *f)
{
    free(f->out);
    free(f->err);
    text_dispose(&f->asked);
}

#define ANSWERS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define ASKED        "/things {\"mode\":\"direct\",\"owner\":\"?\"}\n"
#define ASKED_AFTER  "/things {\"after\":\"b#2\",\"mode\":\"direct\",\"owner\":\"?\"}\n"

static const char first[] =
    "{\"things\":[{\"id\":\"a\",\"size\":7},{\"id\":1}],\"last\":\"b#2\",\"has_more\":true}";
static const char second[] = "{\"things\":[{\"id\":\"c\"}],\"last\":\"c#1\",\"has_more\":false}";

static void test_operator_client_goes_on_where_a_page_says_it_ended(void **state)
{
    struct fixture f = {0};

    list(&f, false, ANSWERS(first, second));
    assert_int_equal(f.result, CLI_DONE);
    assert_string_equal(f.asked.data, ASKED ASKED_AFTER);
    assert_string_equal(f.out, "ID\na 7\n? 0\nc 0\n");
    assert_string_equal(f.err, "");
    dispose(&f);
}

static void test_operator_client_prints_rows_as_they_came_with_json(void **state)
{
    struct fixture f = {0};

    list(&f, true, ANSWERS(first, second));
    assert_string_equal(f.out, "{\"id\":\"a\",\"size\":7}\n{\"id\":1}\n{\"id\":\"c\"}\n");
    dispose(&f);
}

static void test_operator_client_stops_at_a_page_that_is_refused(void **state)
{
    struct fixture f = {0};

    list(&f, false, ANSWERS(first));
    assert_int_equal(f.result, CLI_FAILED);
    assert_string_equal(f.asked.data, ASKED ASKED_AFTER);
    assert_string_equal(f.out, "ID\na 7\n? 0\n");
    dispose(&f);
}

static void test_operator_client_says_that_a_list_is_empty_to_people_alone(void **state)
{
    static const char empty[] = "{\"things\":[],\"last\":null,\"has_more\":true}";

    for (int json = 0; json <= 1; json++) {
        struct fixture f = {0};

        list(&f, json == 1, ANSWERS(empty));
        assert_int_equal(f.result, CLI_DONE);
        assert_string_equal(f.asked.data, ASKED);
        assert_string_equal(f.out, json == 1 ? "" : "ID\n");
        assert_string_equal(f.err, json == 1 ? "" : "none\n");
        dispose(&f);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_operator_client_goes_on_where_a_page_says_it_ended),
        cmocka_unit_test(test_operator_client_prints_rows_as_they_came_with_json),
        cmocka_unit_test(test_operator_client_stops_at_a_page_that_is_refused),
        cmocka_unit_test(test_operator_client_says_that_a_list_is_empty_to_people_alone),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
