// SPDX-License-Identifier: Apache-2.0
#include "kit.h"

#include "policy/ask.h"

/* "pin/add a b recursive=false" with "..." behind it if arguments are still to come. */
static void show(const struct asked_call *asked, struct text *out)
{
    const struct call *call = asked->call;

    text_clear(out);
    text_put_text(out, call->command->path);
    for (size_t i = 0; i < call->argument_count; i++)
        text_put_format(out, " <%.*s>", SLICE_ARGS(call->arguments[i].text));
    for (size_t i = 0; i < call->option_count; i++)
        text_put_format(out, " %s=%.*s", catalogue_option_name(call->options[i].fact->id),
                        SLICE_ARGS(call->options[i].text));
    if (asked->is_incomplete)
        text_put_text(out, " ...");
}

static void test_ask_reads_calls_as_people_write_them(void **state)
{
    static const struct {
        const char *text, *call;
    } cases[] = {
        /* as the RPC API has them */
        {"version", "version"},
        {"/api/v0/version", "version"},
        {"pin/add?arg=" CID_RAW, "pin/add <" CID_RAW ">"},
        {"/api/v0/pin/add?arg=" CID_RAW "&arg=" CID_V0 "&r=false",
         "pin/add <" CID_RAW "> <" CID_V0 "> recursive=false"},
        {"pin/add?name=a%20b&arg=" CID_RAW, "pin/add <" CID_RAW "> name=a b"},
        {"add?pin=false", "add pin=false"},
        {"add", "add"},
        {"pin/ls", "pin/ls"},
        {"pin/ls?encoding=json&stream-channels=true&api-auth=x", "pin/ls encoding=json"},
        /* without the arguments that it takes */
        {"pin/add", "pin/add ..."},
        {"pin/add?recursive=false", "pin/add recursive=false ..."},
        {"files/mkdir", "files/mkdir ..."},
        /* as the ipfs command has them */
        {"pin add " CID_RAW, "pin/add <" CID_RAW ">"},
        {"pin  add\t" CID_RAW "\n", "pin/add <" CID_RAW ">"},
        {"pin add --recursive=false " CID_RAW, "pin/add <" CID_RAW "> recursive=false"},
        {"pin add " CID_RAW " -r", "pin/add <" CID_RAW "> recursive=true"},
        {"pin add --name 'a b' " CID_RAW, "pin/add <" CID_RAW "> name=a b"},
        {"pin add --name=\"it's\" " CID_RAW, "pin/add <" CID_RAW "> name=it's"},
        {"pin add --name='50%&x=1' " CID_RAW, "pin/add <" CID_RAW "> name=50%&x=1"},
        {"pin add ", "pin/add ..."},
        {"add file.txt other.txt", "add"}, /* names of files are the client's alone */
        {"add -r --pin=false folder", "add pin=false recursive=true"},
        {"files cp /ipfs/" CID_RAW " '/my folder/a'",
         "files/cp </ipfs/" CID_RAW "> </my folder/a>"},
        {"files write /a/b local --create", "files/write </a/b> create=true"},
        {"name pubsub subs", "name/pubsub/subs"},
        {"cat ''", NULL},
    };
    struct text shown = {0};

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct asked_call asked;
        struct error err = {0};

        if (!ask_call(&asked, slice_of(cases[i].text), &err)) {
            if (cases[i].call != NULL)
                fail_msg("%s: %s", cases[i].text, err.text);
            assert_null(asked.call);
            continue;
        }
        show(&asked, &shown);
        if (cases[i].call == NULL || strcmp(shown.data, cases[i].call) != 0)
            fail_msg("%s: %s", cases[i].text, shown.data);
        asked_call_dispose(&asked);
        assert_null(asked.call);
    }
    text_dispose(&shown);
}

static void test_ask_says_what_is_wrong_with_a_call(void **state)
{
    static const struct {
        const char *text, *message;
    } cases[] = {
        {"", "a call is missing"},
        {"   ", "a call is missing"},
        {"pin/ad", "there is no command 'pin/ad'; did you mean 'pin/add'?"},
        {"zzzzzzzz", "there is no command 'zzzzzzzz'"},
        {"nonsense at all", "there is no command 'nonsense'"},
        {"pin/add?arg=" CID_RAW "&recusive=true",
         "pin/add has no option 'recusive'; did you mean 'recursive'?"},
        {"cat?rag=" CID_RAW, "cat has no option 'rag'; did you mean 'arg'?"},
        {"pin/ls?nonsense-option=1", "pin/ls has no option 'nonsense-option'"},
        {"pin add --recusive " CID_RAW,
         "pin/add has no option '--recusive'; did you mean 'recursive'?"},
        {"pin add --name", "the value of '--name' is missing"},
        {"pin add 'unfinished", "a ' is missing in the call"},
        {"pin add \"unfinished", "a \" is missing in the call"},
        {"pin/add?arg=" CID_RAW "&recursive=perhaps", "recursive"},
        {"pin/add?arg=not-a-cid", "not-a-cid"},
        {"files mkdir --parents", "files/mkdir: write its arguments too"},
        {"pin/add?arg=%zz", "%-escape"},
        {"version extra", "version"},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct asked_call asked;
        struct error err = {0};

        if (ask_call(&asked, slice_of(cases[i].text), &err))
            fail_msg("'%s' was taken", cases[i].text);
        if (strstr(err.text, cases[i].message) == NULL)
            fail_msg("'%s': %s", cases[i].text, err.text);
        assert_null(asked.call);
    }
}

static void test_ask_call_has_a_bound_on_words(void **state)
{
    struct text text = {0};
    struct asked_call asked;
    struct error err = {0};

    (void)state;
    text_put_text(&text, "add");
    for (int i = 0; i < 999; i++)
        text_put_text(&text, " f");
    assert_true(ask_call(&asked, text_slice(&text), &err));
    asked_call_dispose(&asked);
    text_put_text(&text, " f");
    assert_false(ask_call(&asked, text_slice(&text), &err));
    assert_int_equal(err.code, ERROR_LIMIT);
    text_dispose(&text);
}

static void test_ask_reads_callers(void **state)
{
    static const struct {
        const char *text;
        enum principal_kind kind;
        const char *id; /* NULL: refused */
    } cases[] = {
        {"alice", PRINCIPAL_MEMBER, "alice"},
        {"member:alice", PRINCIPAL_MEMBER, "alice"},
        {"partner:beta", PRINCIPAL_PARTNER, "beta"},
        {"anonymous", PRINCIPAL_ANONYMOUS, ""},
        {"member:anonymous", PRINCIPAL_MEMBER, "anonymous"},
        {"Alice", PRINCIPAL_MEMBER, NULL},
        {"group:staff", PRINCIPAL_MEMBER, NULL},
        {"", PRINCIPAL_MEMBER, NULL},
        {"partner:", PRINCIPAL_PARTNER, NULL},
        {"-x", PRINCIPAL_MEMBER, NULL},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct principal principal;
        struct error err = {0};
        bool is_fine = ask_principal(&principal, slice_of(cases[i].text), &err);

        if (is_fine != (cases[i].id != NULL))
            fail_msg("'%s': %s", cases[i].text, is_fine ? "was taken" : err.text);
        if (!is_fine)
            continue;
        assert_int_equal(principal.kind, cases[i].kind);
        assert_true(slice_is(principal.id, cases[i].id));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ask_reads_calls_as_people_write_them),
        cmocka_unit_test(test_ask_says_what_is_wrong_with_a_call),
        cmocka_unit_test(test_ask_call_has_a_bound_on_words),
        cmocka_unit_test(test_ask_reads_callers),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
