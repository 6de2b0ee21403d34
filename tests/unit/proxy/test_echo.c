// SPDX-License-Identifier: Apache-2.0
#include "proxy/echo.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define SENT  "/ipfs/QmUNLL/a"
#define TYPED "/ipns/a.example/a"

/* The reply cut into pieces of that size, rewritten. */
static void expect(enum command_id command, const char *sent, const char *typed, const char *reply,
                   const char *wanted)
{
    for (size_t piece = 1; piece <= strlen(reply); piece++) {
        struct echo echo = {0};
        struct text out = {0};
        struct slice rest = slice_of(reply);

        echo_add(&echo, command, slice_of(sent), slice_of(typed));
        while (rest.size > 0) {
            size_t size = rest.size < piece ? rest.size : piece;

            echo_rewrite(&echo, (struct slice){rest.data, size}, false, &out);
            rest = (struct slice){rest.data + size, rest.size - size};
        }
        echo_rewrite(&echo, (struct slice){NULL, 0}, true, &out);
        assert_string_equal(out.data, wanted);
        text_dispose(&out);
        echo_dispose(&echo);
    }
}

static void test_echo_shows_the_argument_of_ls_as_typed(void **state)
{
    expect(COMMAND_LS, SENT, TYPED,
           "{\"Objects\":[{\"Hash\":\"" SENT "\",\"Links\":[{\"Name\":\"x\",\"Hash\":\"Qm\"}]}]}\n",
           "{\"Objects\":[{\"Hash\":\"" TYPED
           "\",\"Links\":[{\"Name\":\"x\",\"Hash\":\"Qm\"}]}]}\n");
}

static void test_echo_leaves_everything_else_alone(void **state)
{
    static const char *const replies[] = {
        ("{\"Hash\":\"" SENT "b\"}"), "{\"Hash\":\"/ipfs/QmUNLL\"}",
        ("{\"Name\":\"" SENT "\"}"),  ("\"\\\"Hash\\\":\\\"" SENT "\""),
        ("{\"Hash\":\"" SENT),        "\"Hash\":\"\"Hash\":\"",
    };

    for (size_t i = 0; i < ARRAY_SIZE(replies); i++)
        expect(COMMAND_LS, SENT, TYPED, replies[i], replies[i]);
}

static void test_echo_writes_texts_as_go_does(void **state)
{
    expect(COMMAND_LS, "/ipfs/Qm/<&>\"\\\n\x01\xe2\x80\xa8\xc3\xa4", "/ipns/\xe2\x80\xa9<",
           "{\"Hash\":\"/ipfs/Qm/\\u003c\\u0026\\u003e\\\"\\\\\\n\\u0001\\u2028\xc3\xa4\"}",
           "{\"Hash\":\"/ipns/\\u2029\\u003c\"}");
}

static void test_echo_holds_back_only_what_may_become_a_match(void **state)
{
    struct echo echo = {0};
    struct text out = {0};

    echo_add(&echo, COMMAND_LS, SLICE(SENT), SLICE(TYPED));
    echo_rewrite(&echo, SLICE("{\"a\":1}\n{\"Has"), false, &out);
    assert_string_equal(out.data, "{\"a\":1}\n{");
    echo_rewrite(&echo, SLICE("t\":2}\n"), false, &out);
    assert_string_equal(out.data, "{\"a\":1}\n{\"Hast\":2}\n");
    text_dispose(&out);
    echo_dispose(&echo);
}

static void test_echo_of_other_commands_is_empty(void **state)
{
    struct echo echo = {0};

    echo_add(&echo, COMMAND_CAT, SLICE(SENT), SLICE(TYPED));
    assert_true(echo_is_empty(&echo));
    echo_dispose(&echo);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_echo_shows_the_argument_of_ls_as_typed),
        cmocka_unit_test(test_echo_leaves_everything_else_alone),
        cmocka_unit_test(test_echo_writes_texts_as_go_does),
        cmocka_unit_test(test_echo_holds_back_only_what_may_become_a_match),
        cmocka_unit_test(test_echo_of_other_commands_is_empty),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
