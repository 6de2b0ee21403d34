// SPDX-License-Identifier: Apache-2.0
#include "ipfs/call.h"
#include "ipfs/multipart.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define V0   "QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn"
#define V1   "bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354"
#define TYPE "multipart/form-data; boundary=B"
#define HEAD "--B\r\nContent-Disposition: form-data; name=\"file\"; filename=\"stdin\"\r\n\r\n"
#define TAIL "\r\n--B--\r\n"

static struct call *parse(const char *target, const char *lines, struct error *err)
{
    struct text body = {0};
    struct call *call;

    *err = (struct error){0};
    if (!call_parse(&call, slice_of(target), true, err))
        return NULL;
    text_put_format(&body, HEAD "%s" TAIL, lines);
    if (!call_body_arguments(call, text_slice(&body), SLICE(TYPE), err))
        call_destroy(&call);
    text_dispose(&body);
    return call;
}

static void test_call_body_adds_its_lines_behind_the_query(void **state)
{
    static const struct {
        const char *target, *lines, *arguments;
    } table[] = {
        {"/api/v0/cid/format", "a\nb\n", "a*|b*|"},
        {"/api/v0/cid/format", "a\nb", "a*|b*|"},
        {"/api/v0/cid/format", "a\r\nb\r\n", "a*|b*|"},
        {"/api/v0/cid/format", "a\n\nb", "a*|*|b*|"},
        {"/api/v0/cid/format", "\n", "*|"},
        {"/api/v0/cid/format", "\r\n", "*|"},
        {"/api/v0/cid/format", " a \n", " a *|"},
        {"/api/v0/cid/format?arg=q", "a\n", "q|a*|"},
        {"/api/v0/cid/format?arg=q&arg=r", "", "q|r|"},
        {"/api/v0/cid/inspect", "a\n", "a*|"},
        {"/api/v0/bootstrap/add", "", ""},
        {"/api/v0/pin/add?arg=" V0, V1 "\n/ipfs/" V0 "/x\n", V0 "|" V1 "*|/ipfs/" V0 "/x*|"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        struct error err;
        struct text seen = {0};
        struct call *call = parse(table[i].target, table[i].lines, &err);

        assert_non_null(call);
        assert_false(call->wants_body);
        text_put_text(&seen, "");
        for (size_t a = 0; a < call->argument_count; a++)
            text_put_format(&seen, "%.*s%s|", SLICE_ARGS(call->arguments[a].text),
                            call->arguments[a].from_body ? "*" : "");
        assert_string_equal(seen.data, table[i].arguments);
        assert_int_equal(call_has_body_arguments(call), strchr(seen.data, '*') != NULL);
        text_dispose(&seen);
        call_destroy(&call);
    }
}

static void test_call_body_is_printed_and_read_back(void **state)
{
    struct error err;
    struct call *call = parse("/api/v0/pin/rm?arg=" V0 "&r", V1 "\r\n" V0, &err);
    struct text target = {0};
    struct text body = {0};
    struct call *again;

    assert_non_null(call);
    call_print_target(call, &target);
    call_print_body_arguments(call, &body);
    assert_string_equal(target.data, "/api/v0/pin/rm?arg=" V0 "&recursive=true");
    assert_string_equal(body.data,
                        "--" CALL_BOUNDARY "\r\n"
                        "Content-Disposition: form-data; name=\"file\"; filename=\"stdin\"\r\n"
                        "Content-Type: application/octet-stream\r\n\r\n" V1 "\n" V0
                        "\n\r\n--" CALL_BOUNDARY "--\r\n");
    assert_true(call_parse(&again, text_slice(&target), true, &err));
    assert_true(call_body_arguments(again, text_slice(&body),
                                    SLICE("multipart/form-data; boundary=" CALL_BOUNDARY), &err));
    assert_int_equal(again->argument_count, 3);
    for (size_t i = 0; i < 3; i++)
        assert_true(slice_equal(again->arguments[i].text, call->arguments[i].text));
    call_destroy(&call);
    call_destroy(&again);
    text_dispose(&target);
    text_dispose(&body);
}

static void test_call_body_refuses_lines_as_it_refuses_arguments(void **state)
{
    static const struct {
        const char *target, *lines;
        enum error_code code;
        const char *says;
    } table[] = {
        {"/api/v0/pin/add", "", ERROR_SYNTAX, "pin/add: argument \"ipfs-path\" is required"},
        {"/api/v0/pin/add", V1 "\nnotacid\n", ERROR_UNSUPPORTED, "invalid path \"notacid\""},
        {"/api/v0/pin/add", V1 "\n\n", ERROR_UNSUPPORTED, "invalid path \"\""},
        {"/api/v0/pin/add", V1 "\n" V1 "/../x\n", ERROR_UNSUPPORTED, "'..' is not allowed"},
        {"/api/v0/pin/add", V1 "\r", ERROR_SYNTAX, "holds a carriage return"},
        {"/api/v0/cid/format", "a\rb\n", ERROR_SYNTAX, "holds a carriage return"},
        {"/api/v0/cid/format", "a\r\r\n", ERROR_SYNTAX, "holds a carriage return"},
        {"/api/v0/cid/format", "\xff\n", ERROR_SYNTAX, "is not UTF-8"},
        {"/api/v0/cid/format", "--" CALL_BOUNDARY "--\n", ERROR_SYNTAX, "a reserved word"},
        {"/api/v0/cid/inspect", "a\nb\n", ERROR_SYNTAX, "takes no more than 1 argument"},
        {"/api/v0/cid/inspect?arg=q", "a\n", ERROR_SYNTAX, "takes no more than 1 argument"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        struct error err;
        struct call *call = parse(table[i].target, table[i].lines, &err);

        if (call != NULL || err.code != table[i].code || strstr(err.text, table[i].says) == NULL)
            fail_msg("%s: '%s' gave %s", table[i].target, table[i].lines, err.text);
    }
}

static void test_call_body_refuses_bodies_of_another_shape(void **state)
{
    static const struct {
        const char *type, *body, *says;
    } table[] = {
        {TYPE, "", "ends before its last delimiter"},
        {TYPE, HEAD "a\n", "ends before its last delimiter"},
        {TYPE, "a\nb\n", "does not begin with its boundary"},
        {"multipart/form-data", HEAD "a" TAIL, "has no boundary"},
        {TYPE, HEAD "a\r\n" HEAD "b" TAIL, "too many parts"},
        {TYPE,
         "--B\r\nContent-Disposition: form-data; filename=a\r\n"
         "Content-Type: application/x-directory\r\n\r\na" TAIL,
         "must be a file"},
        {TYPE,
         "--B\r\nContent-Disposition: form-data; filename=a\r\n"
         "Content-Type: application/symlink\r\n\r\na" TAIL,
         "must be a file"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        struct error err = {0};
        struct call *call;

        assert_true(call_parse(&call, SLICE("/api/v0/cid/format"), true, &err));
        assert_false(
            call_body_arguments(call, slice_of(table[i].body), slice_of(table[i].type), &err));
        if (strstr(err.text, table[i].says) == NULL)
            fail_msg("%s gave %s", table[i].body, err.text);
        call_destroy(&call);
    }
}

static void test_call_body_is_limited(void **state)
{
    struct text body = {0};
    struct error err = {0};
    struct call *call;

    text_put_text(&body, HEAD);
    for (int i = 0; i < CALL_ARGUMENTS_MAX; i++)
        text_put_text(&body, "a\n");
    text_put_text(&body, TAIL);
    assert_true(call_parse(&call, SLICE("/api/v0/cid/format"), true, &err));
    assert_true(call_body_arguments(call, text_slice(&body), SLICE(TYPE), &err));
    assert_int_equal(call->argument_count, CALL_ARGUMENTS_MAX);
    call_destroy(&call);

    assert_true(call_parse(&call, SLICE("/api/v0/cid/format?arg=q"), true, &err));
    assert_false(call_body_arguments(call, text_slice(&body), SLICE(TYPE), &err));
    assert_int_equal(err.code, ERROR_LIMIT);
    call_destroy(&call);

    text_clear(&body);
    text_put_text(&body, HEAD);
    while (body.size <= CALL_BODY_MAX_BYTES)
        text_put_char(&body, 'a');
    text_put_text(&body, TAIL);
    err = (struct error){0};
    assert_true(call_parse(&call, SLICE("/api/v0/cid/format"), true, &err));
    assert_false(call_body_arguments(call, text_slice(&body), SLICE(TYPE), &err));
    assert_int_equal(err.code, ERROR_LIMIT);
    call_destroy(&call);
    text_dispose(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_call_body_adds_its_lines_behind_the_query),
        cmocka_unit_test(test_call_body_is_printed_and_read_back),
        cmocka_unit_test(test_call_body_refuses_lines_as_it_refuses_arguments),
        cmocka_unit_test(test_call_body_refuses_bodies_of_another_shape),
        cmocka_unit_test(test_call_body_is_limited),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
