// SPDX-License-Identifier: Apache-2.0
#include "ipfs/multipart.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdlib.h>

#include <cmocka.h>

#define FIELD "Content-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n"
#define HEAD  FIELD "\r\n"

static void put_part(struct text *trace, const struct multipart_part *part)
{
    static const char *const kinds[] = {"file", "directory", "symlink"};

    text_put_format(trace, "[%s %.*s", kinds[part->kind], SLICE_ARGS(part->filename));
    if (part->has_abspath)
        text_put_text(trace, " abspath");
    if (part->has_mode)
        text_put_format(trace, " %o", part->mode);
    if (part->has_mtime)
        text_put_format(trace, " %lld.%09u", (long long)part->mtime_seconds,
                        part->mtime_nanoseconds);
    text_put_char(trace, ':');
}

/* What the view tells of the body when it comes in pieces of that size: "[file /a:data]." with the
 * full stop for the last delimiter, or "!" and the error. */
static char *trace_of(struct slice body, size_t piece, uint64_t parts_max)
{
    struct multipart m;
    struct text trace = {0};
    struct error err = {0};
    struct slice data;
    bool bad = false;

    multipart_init(&m, SLICE("B"), parts_max);
    for (size_t at = 0; at < body.size && !bad; at += piece) {
        struct slice input = {body.data + at, body.size - at < piece ? body.size - at : piece};
        enum multipart_step step;

        do {
            step = multipart_next(&m, &input, &data, &err);
            if (step == MULTIPART_PART)
                put_part(&trace, &m.part);
            if (step == MULTIPART_DATA)
                text_put_slice(&trace, data);
            if (step == MULTIPART_PART_END)
                text_put_char(&trace, ']');
            if (step == MULTIPART_END)
                text_put_char(&trace, '.');
        } while (step != MULTIPART_MORE && step != MULTIPART_BAD);
        bad = step == MULTIPART_BAD;
        if (!bad)
            assert_int_equal(input.size, 0);
    }
    if (!multipart_finish(&m, &err))
        text_put_format(&trace, "!%s", err.text);
    else
        assert_false(bad);
    multipart_dispose(&m);
    return trace.data;
}

/* Every slicing must tell the same. */
static void expect_trace(struct slice body, uint64_t parts_max, const char *want)
{
    for (size_t piece = 1; piece <= body.size + 1; piece++) {
        char *trace = trace_of(body, piece, parts_max);

        if (strcmp(trace, want) != 0)
            fail_msg("'%.*s' in pieces of %zu: '%s', not '%s'", SLICE_ARGS(body), piece, trace,
                     want);
        free(trace);
    }
}

struct expectation {
    const char *body;
    const char *trace;
};

static void expect_all(const struct expectation *table, size_t count)
{
    for (size_t i = 0; i < count; i++)
        expect_trace(slice_of(table[i].body), 0, table[i].trace);
}

static void test_multipart_finds_parts_in_any_slicing(void **state)
{
    static const struct expectation table[] = {
        {"--B\r\n" HEAD "x\r\n--B--\r\n", "[file /a:x]."},
        {"--B\r\n" HEAD "x\r\n--B--", "[file /a:x]."},
        {"\r\n--B\r\n" HEAD "x\r\n--B--\r\n", "[file /a:x]."},
        {"--B\r\n" HEAD "\r\n--B--\r\n", "[file /a:]."},
        {"--B\r\n" HEAD "--B--\r\n", "[file /a:]."},
        {"--B\r\n" HEAD "--B\r\n" HEAD "y\r\n--B--\r\n", "[file /a:][file /a:y]."},
        {"--B\r\n" HEAD "x\r\n--B\r\n" HEAD "y\r\n--B--\r\n", "[file /a:x][file /a:y]."},
        {"--B--\r\n", "."},
        {"--B--", "."},
        {"--B\r\n" HEAD "x\r\n--B--\r\nwhatever\r\n--B\r\n" HEAD, "[file /a:x]."},
    };

    expect_all(table, ARRAY_SIZE(table));
}

/* Bytes that begin like a delimiter and are none belong to the part. */
static void test_multipart_keeps_data_that_looks_like_a_delimiter(void **state)
{
    static const char *const data[] = {
        "\r",
        "\n",
        "\r\n",
        "\r\n-",
        "\r\n--",
        "\r\n--Bx",
        "\r\n--C",
        "\r\n--B-x",
        "\r\n--B-",
        "\r\r\n--",
        "\r\n\r\n",
        "--Bx",
        "--B-x",
        "-",
        "--",
        "--x\r\n--By",
        "\n--B",
        "x--B--",
        "x--B\r\n",
        "\r\n-\r\n--Bz",
        "\r\n--b--\r\n",
        "\r\n--B-\r\n",
        "\r\r\r\n\n",
        "--B-\r\n--C",
    };

    for (size_t i = 0; i < ARRAY_SIZE(data); i++) {
        struct text body = {0};
        struct text want = {0};

        text_put_format(&body, "--B\r\n" HEAD "%s\r\n--B--\r\n", data[i]);
        text_put_format(&want, "[file /a:%s].", data[i]);
        expect_trace(text_slice(&body), 0, want.data);
        text_dispose(&body);
        text_dispose(&want);
    }
}

static void test_multipart_carries_any_byte(void **state)
{
    struct text body = {0};
    struct text want = {0};
    char *trace;

    text_put_text(&body, "--B\r\n" HEAD);
    text_put_text(&want, "[file /a:");
    for (int i = 0; i < 512; i++) {
        text_put_char(&body, (char)(i * 7));
        text_put_char(&want, (char)(i * 7));
    }
    text_put_text(&body, "\r\n--B--\r\n");
    text_put_text(&want, "].");
    trace = trace_of(text_slice(&body), 5, 0);
    assert_memory_equal(trace, want.data, want.size);
    free(trace);
    text_dispose(&body);
    text_dispose(&want);
}

static void test_multipart_refuses_what_others_might_cut_up_differently(void **state)
{
    static const struct expectation table[] = {
        {"", "!multipart body: ends before its last delimiter"},
        {"x", "!multipart body: does not begin with its boundary"},
        {"x\r\n--B\r\n" HEAD "x\r\n--B--\r\n", "!multipart body: does not begin with its boundary"},
        {"\n--B\r\n", "!multipart body: does not begin with its boundary"},
        {"\r\n\r\n--B\r\n", "!multipart body: does not begin with its boundary"},
        {"--Bx\r\n", "!multipart body: does not begin with its boundary"},
        {"--B-x", "!multipart body: does not begin with its boundary"},
        {"--B\n" HEAD "x\n--B--\n", "!multipart body: a delimiter must be followed by CRLF"},
        {"--B \r\n" HEAD, "!multipart body: a delimiter must be followed by CRLF"},
        {"--B\t\r\n" HEAD, "!multipart body: a delimiter must be followed by CRLF"},
        {"--B\rx", "!multipart body: a delimiter must be followed by CRLF"},
        {"--B\r\n" HEAD "x\r\n--B \r\n",
         "[file /a:x!multipart body: a delimiter must be followed by "
         "CRLF"},
        {"--B\r\n" HEAD "x\r\n--B\n", "[file /a:x!multipart body: a delimiter must be followed by "
                                      "CRLF"},
        {"--B\r\n" HEAD "x\r\n--B--x",
         "[file /a:x].!multipart body: the last delimiter must be followed by CRLF or nothing"},
        {"--B\r\n" HEAD "x\r\n--B--\n",
         "[file /a:x].!multipart body: the last delimiter must be followed by CRLF or nothing"},
        {"--B\r\n" HEAD "x\r\n--B--\rx",
         "[file /a:x].!multipart body: the last delimiter must be followed by CRLF or nothing"},
        {"--B\r\n" HEAD "x\r\n--B--\r",
         "[file /a:x].!multipart body: ends before its last delimiter"},
        {"--B\r\n" HEAD "x", "[file /a:x!multipart body: ends before its last delimiter"},
        {"--B\r\n" HEAD "x\r\n--B", "[file /a:x!multipart body: ends before its last delimiter"},
        {"--B\r\n" HEAD "x\r\n--B-", "[file /a:x!multipart body: ends before its last delimiter"},
        {"--B\r\n" FIELD, "!multipart body: ends before its last delimiter"},
    };

    expect_all(table, ARRAY_SIZE(table));
}

/* One part with this head (without the empty line) and the data "x". */
static char *trace_of_head(const char *head, size_t piece)
{
    struct text body = {0};
    char *trace;

    text_put_format(&body, "--B\r\n%s\r\nx\r\n--B--\r\n", head);
    trace = trace_of(text_slice(&body), piece, 0);
    text_dispose(&body);
    return trace;
}

static void test_multipart_reads_heads_as_kubo_does(void **state)
{
#define D "Content-Disposition: form-data; name=\"file\"; filename="
    static const struct expectation table[] = {
        {FIELD, "[file /a:x]."},
        {"content-disposition:form-data;name=file;filename=a\r\n", "[file /a:x]."},
        {"Content-Disposition:  attachment; filename=\"a\" \t\r\n", "[file /a:x]."},
        {D "\"a\"\r\nContent-Type: application/octet-stream\r\n", "[file /a:x]."},
        {D "\"a\"\r\nContent-Type: Application/X-Directory\r\n", "[directory /a:x]."},
        {D "\"a\"\r\nContent-Type: application/x-directory; a=b\r\n", "[directory /a:x]."},
        {D "\"a\"\r\nContent-Type: multipart/form-data\r\n", "[directory /a:x]."},
        {D "\"a\"\r\nContent-Type: application/symlink\r\n", "[symlink /a:x]."},
        {D "\"a\"\r\nContent-Type: text/html; charset=utf-8\r\n", "[file /a:x]."},
        {D "\"a\"\r\nContent-Type:\r\n", "[file /a:x]."},
        {D "\"a\"\r\nContent-Transfer-Encoding: binary\r\n", "[file /a:x]."},
        {D "\"a\"\r\nX-Other: \xff\xfe\r\nX-Other: twice\r\n", "[file /a:x]."},
        {D "\"a\"\r\nabspath: /home/me/a\r\n", "[file /a abspath:x]."},
        {D "\"a\"\r\nAbspath-Encoded: %2Fhome%2Fme%2Fa\r\n", "[file /a abspath:x]."},
        {D "\"a\"\r\nabspath-encoded:\r\n", "[file /a:x]."},
        {"Content-Disposition: form-data; name=\"file\"\r\n", "[file /:x]."},
        {"Content-Disposition: form-data\r\n", "[file /:x]."},
        {D "\"\"\r\n", "[file /:x]."},
        {D "\"dir/a\"\r\n", "[file /dir/a:x]."},
        {D "\"dir%2Fa\"\r\n", "[file /dir/a:x]."},
        {D "\"%2Fabs%2F%2Fa%2F\"\r\n", "[file /abs/a:x]."},
        {D "\"a+b%20c%2B\"\r\n", "[file /a b c+:x]."},
        {D "\"100%\"\r\n", "[file /100%:x]."},
        {D "\"100%+a\"\r\n", "[file /100%+a:x]."},
        {D "\"..%2F..%2Fa\"\r\n", "[file /a:x]."},
        {D "\"a/../../b/./c\"\r\n", "[file /b/c:x]."},
        {D "\"a\\\"b\\\\c\\d\"\r\n", "[file /a\"b\\c\\d:x]."},
        {D "\"\xc3\xa9\"\r\n", "[file /\xc3\xa9:x]."},
        {D "a\r\n", "[file /a:x]."},
        {"Content-Disposition: form-data; filename*=UTF-8''%C3%A9%20a\r\n",
         "[file /\xc3\xa9 a:x]."},
        {"Content-Disposition: form-data; filename=\"no\"; filename*=utf-8'en'yes\r\n",
         "[file /yes:x]."},
        {"Content-Disposition: form-data; name=\"file?mode=0644&mtime=-5&mtime-nsecs=7\"; "
         "filename=\"a\";\r\n",
         "[file /a 644 -5.000000007:x]."},
        {"Content-Disposition: form-data; name=\"file?mtime=5\"; filename=\"a\"\r\n",
         "[file /a 5.000000000:x]."},
        {"Content-Disposition: form-data; name=\"file?mode=9&mtime=x\"; filename=\"a\"\r\n",
         "[file /a:x]."},
        {"Content-Disposition: attachment; name=\"file?mode=0644\"; filename=\"a\"\r\n",
         "[file /a:x]."},
    };

    for (size_t i = 0; i < ARRAY_SIZE(table); i++)
        for (size_t piece = 1; piece < 300; piece += 37) {
            char *trace = trace_of_head(table[i].body, piece);

            if (strcmp(trace, table[i].trace) != 0)
                fail_msg("%s gave %s", table[i].body, trace);
            free(trace);
        }
}

static void test_multipart_refuses_bad_heads(void **state)
{
    static const char *const heads[] = {
        "", /* no disposition */
        "Content-Type: text/plain\r\n",
        FIELD FIELD,
        FIELD "Content-Type: text/plain\r\nContent-Type: text/plain\r\n",
        FIELD "abspath: /a\r\nABSPATH: /b\r\n",
        FIELD " folded\r\n",
        " " FIELD,
        FIELD "X-A: b\r\n\tfolded\r\n",
        FIELD "no colon\r\n",
        FIELD ": no name\r\n",
        FIELD "X A: b\r\n",
        FIELD "X-A : b\r\n",
        FIELD "X-A: \x01\r\n",
        FIELD "X-A: a\rb\r\n",
        FIELD "X-A: b\n",
        "\n" FIELD,
        FIELD "Content-Transfer-Encoding: quoted-printable\r\n",
        FIELD "Content-Transfer-Encoding: base64\r\n",
        FIELD "Content-Type: text\x01\r\n",
        FIELD "Content-Type: text/\r\n",
        FIELD "Content-Type: /plain\r\n",
        FIELD "Content-Type: text/plain x\r\n",
        FIELD "Content-Type: text/plain; a\r\n",
        FIELD "Content-Type: text/plain; a=\r\n",
        FIELD "Content-Type: text/plain; a=\"b\r\n",
        D "\"a\"; filename=\"b\"\r\n",
        D "\"a\"; FILENAME=\"b\"\r\n",
        D "\"a\"x\r\n",
        D "\"a\r\n",
        D "a b\r\n",
        D "\"a\"; ; x=y\r\n",
        "Content-Disposition:\r\n",
        "Content-Disposition: ;\r\n",
        "Content-Disposition: form-data; filename*0=\"a\"; filename*1=\"b\"\r\n",
        "Content-Disposition: form-data; filename*=latin1''a\r\n",
        "Content-Disposition: form-data; filename*=UTF-8''%zz\r\n",
        "Content-Disposition: form-data; filename*=a\r\n",
    };

    for (size_t i = 0; i < ARRAY_SIZE(heads); i++) {
        char *trace = trace_of_head(heads[i], 11);

        if (trace[0] != '!')
            fail_msg("'%s' gave %s", heads[i], trace);
        free(trace);
    }
}

static void test_multipart_limits_heads_and_parts(void **state)
{
    struct text body = {0};
    char *trace;

    text_put_text(&body, "--B\r\n" FIELD "X-Long: ");
    while (body.size < MULTIPART_HEAD_MAX)
        text_put_char(&body, 'x');
    trace = trace_of(text_slice(&body), 100, 0);
    assert_string_equal(trace, "!multipart body: ends before its last delimiter");
    free(trace);
    text_put_text(&body, "xxxxxxxx");
    trace = trace_of(text_slice(&body), 100, 0);
    assert_string_equal(trace, "!multipart body: the head of a part is too long");
    free(trace);
    text_dispose(&body);

    expect_trace(SLICE("--B\r\n" HEAD "\r\n--B\r\n" HEAD "\r\n--B--"), 2, "[file /a:][file /a:].");
    expect_trace(SLICE("--B\r\n" HEAD "\r\n--B\r\n" HEAD "\r\n--B--"), 1,
                 "[file /a:]!multipart body: has too many parts");
}

static void test_multipart_boundary_is_read_strictly(void **state)
{
    static const struct {
        const char *type;
        const char *boundary; /* NULL: refused */
    } table[] = {
        {"multipart/form-data; boundary=abc", "abc"},
        {"Multipart/Form-Data;BOUNDARY=abc", "abc"},
        {"multipart/form-data; boundary=\"a b\"", "a b"},
        {"multipart/form-data; charset=utf-8; boundary=-----x", "-----x"},
        {" multipart/form-data ; boundary = abc ;", "abc"},
        {"multipart/form-data; boundary=a'b+c_d.e", "a'b+c_d.e"},
        {"multipart/form-data; boundary=\"a(b),c/d:e=f?g\"", "a(b),c/d:e=f?g"},
        {"multipart/form-data", NULL},
        {"multipart/form-data; boundary=", NULL},
        {"multipart/form-data; boundary=\"\"", NULL},
        {"multipart/form-data; boundary=\"a \"", NULL},
        {"multipart/form-data; boundary=a; boundary=b", NULL},
        {"multipart/form-data; boundary=a; Boundary=a", NULL},
        {"multipart/form-data; boundary=a b", NULL},
        {"multipart/form-data; boundary=\"a\\\"b\"", NULL},
        {"multipart/form-data; boundary=\"a\"b", NULL},
        {"multipart/form-data; boundary*0=a", NULL},
        {"multipart/form-data, text/plain; boundary=a", NULL},
        {"multipart/mixed; boundary=a", NULL},
        {"text/plain; boundary=a", NULL},
        {"; boundary=a", NULL},
        {"", NULL},
        {"multipart/form-data; boundary="
         "0123456789012345678901234567890123456789012345678901234567890123456789",
         "0123456789012345678901234567890123456789012345678901234567890123456789"},
        {"multipart/form-data; boundary="
         "01234567890123456789012345678901234567890123456789012345678901234567890",
         NULL},
    };

    for (size_t i = 0; i < ARRAY_SIZE(table); i++) {
        struct error err = {0};
        struct text boundary = {0};
        bool read = multipart_boundary(slice_of(table[i].type), &boundary, &err);

        if (read != (table[i].boundary != NULL))
            fail_msg("%s: %d", table[i].type, read);
        if (read)
            assert_string_equal(boundary.data, table[i].boundary);
        text_dispose(&boundary);
    }
    assert_true(multipart_is(SLICE("multipart/form-data")));
    assert_true(multipart_is(SLICE(" Multipart/FORM-data ;x")));
    assert_false(multipart_is(SLICE("multipart/form-datax")));
    assert_false(multipart_is(SLICE("application/octet-stream")));
    assert_false(multipart_is((struct slice){NULL, 0}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_multipart_finds_parts_in_any_slicing),
        cmocka_unit_test(test_multipart_keeps_data_that_looks_like_a_delimiter),
        cmocka_unit_test(test_multipart_carries_any_byte),
        cmocka_unit_test(test_multipart_refuses_what_others_might_cut_up_differently),
        cmocka_unit_test(test_multipart_reads_heads_as_kubo_does),
        cmocka_unit_test(test_multipart_refuses_bad_heads),
        cmocka_unit_test(test_multipart_limits_heads_and_parts),
        cmocka_unit_test(test_multipart_boundary_is_read_strictly),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
