// SPDX-License-Identifier: Apache-2.0
#include "ipfs/call.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define V0 "QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn"
#define V1 "bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354"

/* Parses and prints again. has_multipart follows from the command: what a client of it would do. */
static char *canonical(const char *target, bool has_multipart, struct error *err)
{
    struct text out = {0};
    struct call *call;

    *err = (struct error){0};
    if (!call_parse(&call, slice_of(target), has_multipart, err)) {
        assert_null(call);
        return NULL;
    }
    call_print_target(call, &out);
    call_destroy(&call);
    return out.data;
}

struct expectation {
    const char *target;
    const char *printed;
};

static void expect_printed(const struct expectation *table, size_t count, bool has_multipart)
{
    for (size_t i = 0; i < count; i++) {
        struct error err;
        char *printed = canonical(table[i].target, has_multipart, &err);

        if (printed == NULL || strcmp(printed, table[i].printed) != 0)
            fail_msg("%s became %s %s", table[i].target, printed, err.text);
        free(printed);
    }
}

struct refusal {
    const char *target;
    enum error_code code;
    const char *says;
};

static void expect_refused(const struct refusal *table, size_t count, bool has_multipart)
{
    for (size_t i = 0; i < count; i++) {
        struct error err;
        char *printed = canonical(table[i].target, has_multipart, &err);

        if (printed != NULL || err.code != table[i].code || strstr(err.text, table[i].says) == NULL)
            fail_msg("%s: printed %s, code %d: %s", table[i].target, printed, err.code, err.text);
        free(printed);
    }
}

static void test_call_prints_one_form_of_every_spelling(void **state)
{
    static const struct expectation table[] = {
        {"/api/v0/id", "/api/v0/id"},
        {"/api/v0/id?", "/api/v0/id"},
        {"/api/v0/id?&&", "/api/v0/id"},
        {"/api/v0/%69d", "/api/v0/id"},
        {"/%61pi/v0/id", "/api/v0/id"},
        {"/api%2Fv0%2fid", "/api/v0/id"},
        {"/api/v0/%70in/ls", "/api/v0/pin/ls"},
        {"/api/v0/pin%2Fls", "/api/v0/pin/ls"},
        {"/api/v0/pin/add?arg=" V1, "/api/v0/pin/add?arg=" V1},
        {"/api/v0/pin/add?%61rg=" V1, "/api/v0/pin/add?arg=" V1},
        {"/api/v0/pin/add?r=1&arg=" V1, "/api/v0/pin/add?arg=" V1 "&recursive=true"},
        {"/api/v0/pin/add?arg=" V1 "&r", "/api/v0/pin/add?arg=" V1 "&recursive=true"},
        {"/api/v0/pin/add?arg=" V1 "&r=", "/api/v0/pin/add?arg=" V1 "&recursive=true"},
        {"/api/v0/pin/add?arg=" V1 "&%72=F", "/api/v0/pin/add?arg=" V1 "&recursive=false"},
        {"/api/v0/pin/add?arg=" V1 "&n=a+b", "/api/v0/pin/add?arg=" V1 "&name=a%20b"},
        {"/api/v0/pin/add?arg=" V1 "&name=a%2Bb", "/api/v0/pin/add?arg=" V1 "&name=a%2Bb"},
        {"/api/v0/pin/add?arg=" V1 "&name=a=b=", "/api/v0/pin/add?arg=" V1 "&name=a%3Db%3D"},
        {"/api/v0/pin/add?arg=" V1 "&name=%26%3B%23%25",
         "/api/v0/pin/add?arg=" V1 "&name=%26%3B%23%25"},
        {"/api/v0/pin/add?arg=" V1 "&name=\xc3\xa9", "/api/v0/pin/add?arg=" V1 "&name=%C3%A9"},
        {"/api/v0/pin/add?arg=" V1 "&name=a?b", "/api/v0/pin/add?arg=" V1 "&name=a%3Fb"},
        {"/api/v0/pin/add?arg=" V1 "&arg=/ipfs/" V0 "/a%20b",
         "/api/v0/pin/add?arg=" V1 "&arg=/ipfs/" V0 "/a%20b"},
        {"/api/v0/pin/add?arg=" V0 "&arg=" V1, "/api/v0/pin/add?arg=" V0 "&arg=" V1},
        {"/api/v0/pin/add?progress=t&arg=" V1 "&offline=true&enc=json",
         "/api/v0/pin/add?arg=" V1 "&encoding=json&offline=true&progress=true"},
        {"/api/v0/cat?arg=ipfs://" V1 "/a%252Fb", "/api/v0/cat?arg=ipfs://" V1 "/a%252Fb"},
        {"/api/v0/cat?arg=IPFS:" V1 "&o=0x10&l=1_000",
         "/api/v0/cat?arg=IPFS:" V1 "&length=1000&offset=16"},
        {"/api/v0/cat?arg=" V1 "&timeout=1m30s", "/api/v0/cat?arg=" V1 "&timeout=1m30s"},
        {"/api/v0/cat?arg=" V1 "&L", "/api/v0/cat?arg=" V1 "&offline=true"},
        {"/api/v0/cat?arg=" V1 "&local=false", "/api/v0/cat?arg=" V1 "&offline=false"},
        {"/api/v0/name/resolve?n&s=false", "/api/v0/name/resolve?nocache=true&stream=false"},
        {"/api/v0/name/resolve?dhtrc=0x10&dhtt=30s",
         "/api/v0/name/resolve?dht-record-count=16&dht-timeout=30s"},
        {"/api/v0/files/ls", "/api/v0/files/ls"},
        {"/api/v0/files/ls?arg=//a/./b/&l&U=1", "/api/v0/files/ls?arg=//a/./b/&U=true&long=true"},
        {"/api/v0/files/mkdir?arg=/a&p=true&cid-ver=1&f=false",
         "/api/v0/files/mkdir?arg=/a&cid-version=1&flush=false&parents=true"},
        {"/api/v0/files/cp?arg=/ipfs/" V1 "&arg=/a", "/api/v0/files/cp?arg=/ipfs/" V1 "&arg=/a"},
        {"/api/v0/pin/remote/ls?cid=" V1 "&status=queued&cid=" V0 "&status=failed",
         "/api/v0/pin/remote/ls?cid=" V1 "&cid=" V0 "&status=queued&status=failed"},
        {"/api/v0/config?arg=Addresses", "/api/v0/config?arg=Addresses"},
        {"/api/v0/config?arg=Addresses&arg={}&json",
         "/api/v0/config?arg=Addresses&arg=%7B%7D&json=true"},
        {"/api/v0/refs/local?format=x", "/api/v0/refs/local?format=x"},
        {"/api/v0/bootstrap/rm", "/api/v0/bootstrap/rm"},
    };

    expect_printed(table, ARRAY_SIZE(table), false);
}

static void test_call_drops_what_nobody_may_send_through(void **state)
{
    static const struct expectation table[] = {
        {"/api/v0/id?api-auth=SECRET", "/api/v0/id"},
        {"/api/v0/id?api-auth=SECRET&api-auth=SECRET", "/api/v0/id"},
        {"/api/v0/id?%61pi-auth=SECRET", "/api/v0/id"},
        {"/api/v0/config/show?config-file=/etc/passwd", "/api/v0/config/show"},
        {"/api/v0/id?config=/x&c=/y&repo-dir=/z&api=/ip4/1.2.3.4/tcp/5001", "/api/v0/id"},
        {"/api/v0/id?debug=true&D&help&h=1", "/api/v0/id"},
        {"/api/v0/id?stream-channels=true&stream-channels=false", "/api/v0/id"},
        {"/api/v0/id?nosuch=1&no-such=2&ARG=x&Timeout=1", "/api/v0/id"},
        {"/api/v0/pin/ls?nocopy=true", "/api/v0/pin/ls"},
        {"/api/v0/pin/ls?cw-label=x", "/api/v0/pin/ls"},
    };
    struct error err = {0};
    struct call *call;

    expect_printed(table, ARRAY_SIZE(table), false);
    assert_true(
        call_parse(&call, SLICE("/api/v0/id?a=1&b&api-auth=x&stream-channels=1&c=2"), false, &err));
    assert_int_equal(call->dropped_options, 2); /* the stripped ones are known, and no news */
    call_destroy(&call);
}

/* What go-ipfs-cmds really sends for `ipfs add -r`: every option that has a default, sorted. */
static void test_call_takes_the_calls_of_the_command_line_client(void **state)
{
    static const struct expectation table[] = {
        {"/api/v0/add?chunker=size-262144&encoding=json&inline-limit=32&pin=true&progress=true&"
         "recursive=true&stream-channels=true&empty-dirs=true",
         "/api/v0/add?chunker=size-262144&empty-dirs=true&encoding=json&inline-limit=32&pin=true&"
         "progress=true&recursive=true"},
        {"/api/v0/add?ignore=a&ignore=b&ignore=a", "/api/v0/add?ignore=a&ignore=b&ignore=a"},
        {"/api/v0/add?mode=0644&mtime=-5&mtime-nsecs=7&to-files=",
         "/api/v0/add?mode=420&mtime=-5&mtime-nsecs=7&to-files=/"},
    };

    expect_printed(table, ARRAY_SIZE(table), true);
}

static void test_call_finds_no_command_in_other_paths(void **state)
{
    static const struct refusal table[] = {
        {"", ERROR_NOT_FOUND, "below /api/v0/"},
        {"/", ERROR_NOT_FOUND, "below /api/v0/"},
        {"*", ERROR_NOT_FOUND, "below /api/v0/"},
        {"%2fapi/v0/id", ERROR_NOT_FOUND, "below /api/v0/"},
        {"/api/v0", ERROR_NOT_FOUND, "below /api/v0/"},
        {"/api/v0/", ERROR_NOT_FOUND, "below /api/v0/"},
        {"/api/v0/?arg=x", ERROR_NOT_FOUND, "below /api/v0/"},
        {"/api/v1/id", ERROR_NOT_FOUND, "below /api/v0/"},
        {"/API/v0/id", ERROR_NOT_FOUND, "below /api/v0/"},
        {"//api/v0/id", ERROR_NOT_FOUND, "below /api/v0/"},
        {"/x/../api/v0/id", ERROR_NOT_FOUND, "below /api/v0/"},
        {"/api/v0//id", ERROR_NOT_FOUND, "no command '/id'"},
        {"/api/v0/id/", ERROR_NOT_FOUND, "no command 'id/'"},
        {"/api/v0/ID", ERROR_NOT_FOUND, "no command 'ID'"},
        {"/api/v0/id%00", ERROR_NOT_FOUND, "no command 'id?'"},
        {"/api/v0/id%20", ERROR_NOT_FOUND, "no command 'id '"},
        {"/api/v0/id+", ERROR_NOT_FOUND, "no command 'id+'"},
        {"/api/v0/%2570in/add", ERROR_NOT_FOUND, "no command '%70in/add'"},
        {"/api/v0/pin%252Fadd", ERROR_NOT_FOUND, "no command 'pin%2Fadd'"},
        {"/api/v0/./id", ERROR_NOT_FOUND, "no command './id'"},
        {"/api/v0/pin/../id", ERROR_NOT_FOUND, "no command 'pin/../id'"},
        {"/api/v0/../v0/id", ERROR_NOT_FOUND, "no command '../v0/id'"},
        {"/api/v0/pin", ERROR_NOT_FOUND, "'pin' is a group of commands"},
        {"/api/v0/name/pubsub", ERROR_NOT_FOUND, "is a group of commands"},
        {"/api/v0/key/export?arg=self", ERROR_NOT_FOUND, "only on the node's own machine"},
        {"/api/v0/daemon", ERROR_NOT_FOUND, "only on the node's own machine"},
        {"/api/v0/dns?arg=x", ERROR_NOT_FOUND, "no command 'dns'"},
        {"/api/v0/tar/add", ERROR_NOT_FOUND, "no command 'tar/add'"},
        {"/api/v0/pin/xyz", ERROR_NOT_FOUND, "no command 'pin/xyz'"},
        {"/api/v0/cat/" V1, ERROR_NOT_FOUND, "as in cat?arg=.."},
        {"/api/v0/dag/export/" V1 "?arg=" V0, ERROR_NOT_FOUND, "as in dag/export?arg=.."},
        {"/api/v0/ls/ipfs/" V1, ERROR_NOT_FOUND, "as in ls?arg=.."},
        {"/api/v0/id;x", ERROR_NOT_FOUND, "no command 'id;x'"},
        {"/api/v0/id%", ERROR_SYNTAX, "bad %-escape in the path"},
        {"/api/v0/i%6", ERROR_SYNTAX, "bad %-escape in the path"},
        {"/api/v0/i%zz", ERROR_SYNTAX, "bad %-escape in the path"},
        {"/api/v0/"
         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
         "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
         "a",
         ERROR_NOT_FOUND, "no command"},
    };

    expect_refused(table, ARRAY_SIZE(table), false);
}

static void test_call_refuses_malformed_queries(void **state)
{
    static const struct refusal table[] = {
        {"/api/v0/id?a;b", ERROR_SYNTAX, "';' in the query must be written %3B"},
        {"/api/v0/cat?arg=" V1 ";arg=" V0, ERROR_SYNTAX, "cat: ';' in the query"},
        {"/api/v0/id?format=%", ERROR_SYNTAX, "bad %-escape in the query"},
        {"/api/v0/id?format=%4", ERROR_SYNTAX, "bad %-escape in the query"},
        {"/api/v0/id?format=%4x", ERROR_SYNTAX, "bad %-escape in the query"},
        {"/api/v0/id?nosuch=%4x", ERROR_SYNTAX, "bad %-escape in the query"},
        {"/api/v0/id?api-auth=%4x", ERROR_SYNTAX, "bad %-escape in the query"},
        {"/api/v0/id?%=1", ERROR_SYNTAX, "bad %-escape in the query"},
        {"/api/v0/id?=1", ERROR_SYNTAX, "has no name"},
        {"/api/v0/id?=", ERROR_SYNTAX, "has no name"},
        {"/api/v0/id?format=a b", ERROR_SYNTAX, "must be written %20"},
        {"/api/v0/id?format=a#b", ERROR_SYNTAX, "must be written %23"},
        {"/api/v0/id?format=a\tb", ERROR_SYNTAX, "must be written %09"},
        {"/api/v0/id?format=\x7f", ERROR_SYNTAX, "must be written %7F"},
        {"/api/v0/id?format=%00", ERROR_SYNTAX, "holds a NUL byte"},
        {"/api/v0/id?format=%ff", ERROR_SYNTAX, "is not UTF-8 text"},
        {"/api/v0/id?format=\xc0\xaf", ERROR_SYNTAX, "is not UTF-8 text"},
        {"/api/v0/id?arg=%ed%a0%80", ERROR_SYNTAX, "is not UTF-8 text"},
        {"/api/v0/cid/format?arg=a%00b", ERROR_SYNTAX, "an argument holds a NUL byte"},
    };

    expect_refused(table, ARRAY_SIZE(table), false);
}

static void test_call_refuses_ambiguous_options(void **state)
{
    static const struct refusal table[] = {
        {"/api/v0/pin/add?arg=" V1 "&recursive=true&recursive=true", ERROR_SYNTAX,
         "pin/add: option 'recursive' is given twice"},
        {"/api/v0/pin/add?arg=" V1 "&recursive=true&r=false", ERROR_SYNTAX, "is given twice"},
        {"/api/v0/pin/add?arg=" V1 "&r&r", ERROR_SYNTAX, "is given twice"},
        {"/api/v0/cat?arg=" V1 "&local&offline", ERROR_SYNTAX, "'offline' is given twice"},
        {"/api/v0/cat?arg=" V1 "&L&local", ERROR_SYNTAX, "'offline' is given twice"},
        {"/api/v0/id?enc=json&encoding=json", ERROR_SYNTAX, "'encoding' is given twice"},
        {"/api/v0/id?timeout=1s&timeout=2s", ERROR_SYNTAX, "'timeout' is given twice"},
        {"/api/v0/pin/add?arg=" V1 "&recursive=maybe", ERROR_SYNTAX,
         "option 'recursive' is 'maybe', but must be true or false"},
        {"/api/v0/cat?arg=" V1 "&offset=1.5", ERROR_SYNTAX, "must be a whole number"},
        {"/api/v0/cat?arg=" V1 "&offset=", ERROR_SYNTAX, "must be a whole number"},
        {"/api/v0/files/touch?arg=/a&mtime-nsecs=-1", ERROR_SYNTAX, "not below 0"},
        {"/api/v0/id?timeout=", ERROR_SYNTAX, "must be a duration such as 30s"},
        {"/api/v0/id?timeout=30", ERROR_SYNTAX, "must be a duration such as 30s"},
        {"/api/v0/id?timeout=soon", ERROR_SYNTAX, "must be a duration such as 30s"},
        {"/api/v0/id?encoding=protobuf", ERROR_SYNTAX, "must be json, text or xml"},
        {"/api/v0/id?encoding=JSON", ERROR_SYNTAX, "must be json, text or xml"},
        {"/api/v0/id?encoding=", ERROR_SYNTAX, "must be json, text or xml"},
    };

    expect_refused(table, ARRAY_SIZE(table), false);
}

static void test_call_counts_arguments(void **state)
{
    static const struct refusal table[] = {
        {"/api/v0/pin/add", ERROR_SYNTAX, "pin/add: argument \"ipfs-path\" is required"},
        {"/api/v0/pin/update?arg=" V1, ERROR_SYNTAX, "argument \"to-path\" is required"},
        {"/api/v0/pin/update?arg=" V1 "&arg=" V1 "&arg=" V1, ERROR_SYNTAX,
         "takes no more than 2 arguments"},
        {"/api/v0/get?arg=" V1 "&arg=" V0, ERROR_SYNTAX, "takes no more than 1 argument"},
        {"/api/v0/version?arg=x", ERROR_SYNTAX, "version: takes no arguments"},
        {"/api/v0/files/chmod?arg=0644", ERROR_SYNTAX, "argument \"path\" is required"},
        {"/api/v0/config", ERROR_SYNTAX, "argument \"key\" is required"},
    };

    expect_refused(table, ARRAY_SIZE(table), false);
}

static void test_call_refuses_arguments_of_the_wrong_kind(void **state)
{
    static const struct refusal table[] = {
        {"/api/v0/pin/add?arg=notacid", ERROR_UNSUPPORTED, "invalid path \"notacid\""},
        {"/api/v0/pin/add?arg=" V1 "&arg=", ERROR_UNSUPPORTED, "invalid path \"\""},
        {"/api/v0/cat?arg=" V1 "/../x", ERROR_UNSUPPORTED, "'..' is not allowed"},
        {"/api/v0/cat?arg=" V1 "%2f..%2fx", ERROR_UNSUPPORTED, "'..' is not allowed"},
        {"/api/v0/files/rm?arg=a", ERROR_UNSUPPORTED, "paths must start with a leading slash"},
        {"/api/v0/files/rm?arg=", ERROR_UNSUPPORTED, "paths must not be empty"},
        {"/api/v0/files/mv?arg=/a&arg=/a/../b", ERROR_UNSUPPORTED, "'..' is not allowed"},
        {"/api/v0/routing/findprovs?arg=" V1 "/a", ERROR_UNSUPPORTED, "expected a single CID"},
        {"/api/v0/name/resolve?arg=/ipfs/" V1, ERROR_UNSUPPORTED, "is not an IPNS name"},
    };
    static const struct refusal option = {"/api/v0/add?to-files=/a/../b", ERROR_UNSUPPORTED,
                                          "'..' is not allowed"};

    expect_refused(table, ARRAY_SIZE(table), false);
    expect_refused(&option, 1, true);
}

static void test_call_demands_the_body_that_a_command_needs(void **state)
{
    static const struct refusal table[] = {
        {"/api/v0/add", ERROR_SYNTAX, "add: a file is required"},
        {"/api/v0/files/write?arg=/a", ERROR_SYNTAX, "a file is required"},
    };
    struct error err = {0};
    struct call *call;

    expect_refused(table, ARRAY_SIZE(table), false);
    assert_true(call_parse(&call, SLICE("/api/v0/add"), true, &err));
    assert_false(call->wants_body);
    call_destroy(&call);
    assert_true(call_parse(&call, SLICE("/api/v0/pin/add"), true, &err));
    assert_true(call->wants_body);
    call_destroy(&call);
    assert_false(call_parse(&call, SLICE("/api/v0/files/write"), true, &err)); /* no path */
}

static void test_call_gives_arguments_and_options_to_a_policy(void **state)
{
    struct error err = {0};
    struct call *call;

    assert_true(call_parse(&call,
                           SLICE("/api/v0/cat?o=-1&arg=/ipfs/" V0 "/a/&arg=ipns://x/b&timeout=2s"),
                           false, &err));
    assert_int_equal(call->command->id, COMMAND_CAT);
    assert_int_equal(call->argument_count, 2);
    assert_true(slice_is(call->arguments[0].text, "/ipfs/" V0 "/a/"));
    assert_int_equal(call->arguments[0].kind, ARGUMENT_PATH);
    assert_int_equal(call->arguments[0].path.kind, CALL_PATH_IPFS);
    assert_int_equal(call->arguments[0].path.cid.version, 0);
    assert_true(slice_is(call->arguments[0].path.subpath, "/a"));
    assert_int_equal(call->arguments[1].path.kind, CALL_PATH_IPNS);
    assert_true(slice_is(call->arguments[1].path.name, "x"));
    assert_true(call_option_number(call, OPT_OFFSET, 0) == -1);
    assert_true(call_option_number(call, OPT_LENGTH, 7) == 7);
    assert_true(call_option_number(call, OPT_TIMEOUT, 0) == 2000000000);
    assert_true(slice_is(call_option_text(call, OPT_TIMEOUT), "2s"));
    assert_true(call_option_text(call, OPT_NAME).data == NULL);
    assert_true(call_option_bool(call, OPT_PROGRESS, true));
    assert_false(call_has_option(call, OPT_PROGRESS));
    call_destroy(&call);
    assert_null(call);
    call_destroy(&call);
}

static void test_call_is_changed_before_it_is_sent_on(void **state)
{
    struct text out = {0};
    struct error err = {0};
    struct call *call;

    assert_true(call_parse(&call, SLICE("/api/v0/resolve?arg=/ipns/x&r=false"), false, &err));
    call_set_option(call, OPT_TIMEOUT, SLICE("60s"));
    call_set_option_bool(call, OPT_OFFLINE, true);
    call_set_option_bool(call, OPT_OFFLINE, false);
    call_drop_option(call, OPT_RECURSIVE);
    call_drop_option(call, OPT_RECURSIVE);
    assert_true(call_set_argument(call, 0, SLICE("/ipfs/" V1), &err));
    call_print_target(call, &out);
    assert_string_equal(out.data, "/api/v0/resolve?arg=/ipfs/" V1 "&offline=false&timeout=60s");
    assert_int_equal(call->arguments[0].path.kind, CALL_PATH_IPFS);
    assert_false(call_set_argument(call, 0, SLICE("x"), &err));
    call_destroy(&call);
    text_dispose(&out);
}

static void test_call_is_built_from_nothing(void **state)
{
    struct call *call = call_create(COMMAND_PIN_ADD);
    struct error err = {0};
    struct text out = {0};

    assert_false(call_check(call, &err));
    err = (struct error){0};
    assert_true(call_add_argument(call, SLICE(V0), &err));
    assert_true(call_check(call, &err));
    call_set_option(call, OPT_NAME, SLICE("cw:01&x"));
    call_set_option_bool(call, OPT_PROGRESS, true);
    call_print_target(call, &out);
    assert_string_equal(out.data, "/api/v0/pin/add?arg=" V0 "&name=cw:01%26x&progress=true");
    assert_false(call_add_argument(call, SLICE("x"), &err));
    call_destroy(&call);
    text_dispose(&out);
}

static void test_call_tells_the_shape_of_the_reply(void **state)
{
    static const struct {
        const char *target;
        enum reply_kind reply;
    } table[] = {
        {"/api/v0/pin/add?arg=" V1, REPLY_JSON},
        {"/api/v0/pin/add?arg=" V1 "&progress=false", REPLY_JSON},
        {"/api/v0/pin/add?arg=" V1 "&progress", REPLY_LINES},
        {"/api/v0/pin/ls?s=1", REPLY_LINES},
        {"/api/v0/ls?arg=" V1, REPLY_JSON},
        {"/api/v0/refs?arg=" V1, REPLY_LINES},
        {"/api/v0/dag/export?arg=" V1, REPLY_CAR},
        {"/api/v0/get?arg=" V1, REPLY_TAR},
        {"/api/v0/files/rm?arg=/a", REPLY_EMPTY},
    };

    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        struct error err = {0};
        struct call *call;

        assert_true(call_parse(&call, slice_of(table[i].target), false, &err));
        assert_int_equal(call_reply(call), table[i].reply);
        call_destroy(&call);
    }
}

static void test_call_reports_options_that_name_server_files(void **state)
{
    static const struct {
        const char *target;
        enum command_option_id option; /* OPT_NONE: none reported */
    } table[] = {
        {"/api/v0/add?nocopy=true", OPT_NOCOPY}, {"/api/v0/add?nocopy", OPT_NOCOPY},
        {"/api/v0/add?fscache=1", OPT_FSCACHE},  {"/api/v0/add?nocopy=false&fscache=f", OPT_NONE},
        {"/api/v0/add?pin=true", OPT_NONE},
    };

    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        struct error err = {0};
        const struct call_option *option;
        struct call *call;

        assert_true(call_parse(&call, slice_of(table[i].target), true, &err));
        option = call_server_files(call);
        assert_int_equal(option == NULL ? OPT_NONE : option->fact->id, table[i].option);
        call_destroy(&call);
    }
}

static void test_call_log_line_has_no_values_but_flags_and_numbers(void **state)
{
    static const struct expectation table[] = {
        {"/api/v0/pin/add?arg=" V1 "&arg=" V0 "&name=private&r&api-auth=SECRET",
         "pin/add arguments=2 name recursive=true"},
        {"/api/v0/cat?arg=" V1 "&o=5&timeout=1s", "cat arguments=1 offset=5 timeout=1s"},
        {"/api/v0/id", "id"},
        {"/api/v0/files/rm?arg=/private", "files/rm arguments=1"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        struct error err = {0};
        struct text out = {0};
        struct call *call;

        assert_true(call_parse(&call, slice_of(table[i].target), false, &err));
        call_print_log(call, &out);
        assert_string_equal(out.data, table[i].printed);
        call_destroy(&call);
        text_dispose(&out);
    }
}

/* Nothing that came with a secret option may be shown, whatever is wrong beside it. */
static void test_call_errors_never_show_a_secret(void **state)
{
    static const char *const targets[] = {
        "/api/v0/id?api-auth=SECRET%00",  "/api/v0/id?api-auth=SECRET%zz",
        "/api/v0/id?api-auth=SECRET;x",   "/api/v0/cat?api-auth=SECRET&arg=bad",
        "/api/v0/id?api-auth=SECRET#x",   "/api/v0/id?api-auth=SECRET&timeout=x",
        "/api/v0/nosuch?api-auth=SECRET",
    };

    for (size_t i = 0; i < ARRAY_SIZE(targets); i++) {
        struct error err;
        char *printed = canonical(targets[i], false, &err);

        assert_null(strstr(err.text, "SECRET"));
        if (printed != NULL)
            assert_null(strstr(printed, "SECRET"));
        free(printed);
    }
}

static void test_call_limits_arguments_and_options(void **state)
{
    struct text target = {0};
    struct error err;
    char *printed;

    text_put_text(&target, "/api/v0/cid/format?arg=a");
    for (int i = 1; i < CALL_ARGUMENTS_MAX; i++)
        text_put_text(&target, "&arg=a");
    printed = canonical(target.data, false, &err);
    assert_string_equal(printed, target.data);
    free(printed);
    text_put_text(&target, "&arg=a");
    assert_null(canonical(target.data, false, &err));
    assert_int_equal(err.code, ERROR_LIMIT);

    text_clear(&target);
    text_put_text(&target, "/api/v0/add?ignore=a");
    for (int i = 1; i < CALL_OPTIONS_MAX; i++)
        text_put_text(&target, "&ignore=a");
    printed = canonical(target.data, true, &err);
    assert_string_equal(printed, target.data);
    free(printed);
    text_put_text(&target, "&ignore=a");
    assert_null(canonical(target.data, true, &err));
    assert_int_equal(err.code, ERROR_LIMIT);
    text_dispose(&target);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_call_prints_one_form_of_every_spelling),
        cmocka_unit_test(test_call_drops_what_nobody_may_send_through),
        cmocka_unit_test(test_call_takes_the_calls_of_the_command_line_client),
        cmocka_unit_test(test_call_finds_no_command_in_other_paths),
        cmocka_unit_test(test_call_refuses_malformed_queries),
        cmocka_unit_test(test_call_refuses_ambiguous_options),
        cmocka_unit_test(test_call_counts_arguments),
        cmocka_unit_test(test_call_refuses_arguments_of_the_wrong_kind),
        cmocka_unit_test(test_call_demands_the_body_that_a_command_needs),
        cmocka_unit_test(test_call_gives_arguments_and_options_to_a_policy),
        cmocka_unit_test(test_call_is_changed_before_it_is_sent_on),
        cmocka_unit_test(test_call_is_built_from_nothing),
        cmocka_unit_test(test_call_tells_the_shape_of_the_reply),
        cmocka_unit_test(test_call_reports_options_that_name_server_files),
        cmocka_unit_test(test_call_log_line_has_no_values_but_flags_and_numbers),
        cmocka_unit_test(test_call_errors_never_show_a_secret),
        cmocka_unit_test(test_call_limits_arguments_and_options),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
