// SPDX-License-Identifier: Apache-2.0
#include "ipfs/ndjson.h"

#include <jansson.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

/* "(line)" for each line, "<long>" for each long one. */
static char *trace_of(struct slice stream, size_t piece)
{
    struct ndjson view = {{0}, false};
    struct text trace = {0};
    struct slice line;
    enum ndjson_step step;

    text_put_text(&trace, "");
    for (size_t at = 0; at < stream.size; at += piece) {
        struct slice input = {stream.data + at,
                              stream.size - at < piece ? stream.size - at : piece};

        while ((step = ndjson_next(&view, &input, &line)) != NDJSON_MORE)
            if (step == NDJSON_LINE)
                text_put_format(&trace, "(%.*s)", SLICE_ARGS(line));
            else
                text_put_text(&trace, "<long>");
        assert_int_equal(input.size, 0);
    }
    step = ndjson_finish(&view, &line);
    if (step == NDJSON_LINE)
        text_put_format(&trace, "(%.*s)", SLICE_ARGS(line));
    else if (step == NDJSON_LONG)
        text_put_text(&trace, "<long>");
    assert_int_equal(ndjson_finish(&view, &line), NDJSON_MORE);
    ndjson_dispose(&view);
    return trace.data;
}

static void test_ndjson_gives_each_line_in_any_slicing(void **state)
{
    static const struct {
        const char *stream;
        const char *trace;
    } table[] = {
        {"", ""},
        {"{}\n", "({})"},
        {"{}", "({})"},
        {"{\"a\":1}\n{\"b\":2}\n", "({\"a\":1})({\"b\":2})"},
        {"{\"a\":1}\r\n{\"b\":2}\r\n", "({\"a\":1})({\"b\":2})"},
        {"\n\n{}\n\r\n \n{}\n\n", "({})({})"},
        {"{} \n", "({} )"},
        {"a\r", "(a)"},
        {"\r", ""},
    };

    for (size_t i = 0; i < ARRAY_SIZE(table); i++)
        for (size_t piece = 1; piece < 20; piece++) {
            char *trace = trace_of(slice_of(table[i].stream), piece);

            if (strcmp(trace, table[i].trace) != 0)
                fail_msg("'%s' in pieces of %zu: %s", table[i].stream, piece, trace);
            free(trace);
        }
}

static void test_ndjson_skips_through_long_lines(void **state)
{
    static const size_t pieces[] = {1, 1000, NDJSON_LINE_MAX, NDJSON_LINE_MAX + 1, 1000000};

    for (size_t extra = 0; extra < 3; extra++)
        for (size_t i = 0; i < ARRAY_SIZE(pieces); i++) {
            struct text stream = {0};
            char *trace;

            text_put_text(&stream, "{}\n");
            for (size_t n = 0; n < NDJSON_LINE_MAX - 1 + extra; n++)
                text_put_char(&stream, 'x');
            text_put_text(&stream, "\n[]\n");
            trace = trace_of(text_slice(&stream), pieces[i]);
            if (extra == 2)
                assert_string_equal(trace, "({})<long>([])");
            else
                assert_int_equal(strlen(trace), 4 + 2 + NDJSON_LINE_MAX - 1 + extra + 4);
            free(trace);
            stream.size -= 4; /* the long line is the last, and has no LF */
            trace = trace_of(text_slice(&stream), pieces[i]);
            if (extra == 2)
                assert_string_equal(trace, "({})<long>");
            free(trace);
            text_dispose(&stream);
        }
}

static void test_ndjson_reads_only_objects(void **state)
{
    static const char *const bad[] = {
        "", "[]", "1", "\"a\"", "{", "{}{}", "{\"a\":1,\"a\":2}", "{\"a\":\"\xff\"}"};
    struct error err = {0};
    json_t *object = ndjson_object(SLICE("{\"Hash\":\"Qm\",\"Size\":\"1\"}"), &err);

    assert_non_null(object);
    assert_string_equal(json_string_value(json_object_get(object, "Hash")), "Qm");
    json_decref(object);
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        err = (struct error){0};
        assert_null(ndjson_object(slice_of(bad[i]), &err));
        assert_int_equal(err.code, ERROR_SYNTAX);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_ndjson_gives_each_line_in_any_slicing),
        cmocka_unit_test(test_ndjson_skips_through_long_lines),
        cmocka_unit_test(test_ndjson_reads_only_objects),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
