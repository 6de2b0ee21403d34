// SPDX-License-Identifier: Apache-2.0
#include "proxy/upload_reply.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define A "QmWfVY9y3xjsixTgbd9AorQxH7VtMpzfx2HaWtsoUYecaX"
#define B "QmNyJpQkU1cEkBwMDhDNFstr42q55mqG5GE5Mgwug4xyGk"
#define C "bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq"

#define ADDED(name, hash) "{\"Name\":\"" name "\",\"Hash\":\"" hash "\",\"Size\":\"13\"}\n"
#define READ_SO_FAR       "{\"Name\":\"d/x\",\"Bytes\":2}\n"

struct fed {
    struct upload_roots roots;
    struct upload_reply reply;
    struct text passed; /* before the end */
};

/* Pieces of size bytes. */
static void feed(struct fed *fed, const struct upload_reply *how, const char *content, size_t size,
                 const char *trailers)
{
    struct slice rest = slice_of(content);

    *fed = (struct fed){.reply = *how};
    fed->reply.roots = &fed->roots;
    while (rest.size > 0) {
        size_t taken = size < rest.size ? size : rest.size;

        upload_reply_take(&fed->reply, (struct slice){rest.data, taken}, &fed->passed);
        rest.data += taken;
        rest.size -= taken;
    }
    upload_reply_end(&fed->reply, slice_of(trailers));
}

static void end(struct fed *fed)
{
    upload_reply_dispose(&fed->reply);
    upload_roots_dispose(&fed->roots);
    text_dispose(&fed->passed);
}

static void expect_roots(const struct upload_roots *roots, const char *expected)
{
    struct text text = {0};

    for (size_t i = 0; i < roots->count; i++) {
        text_put_text(&text, i > 0 ? " " : "");
        cid_print(&roots->cids[i], CID_BASE_DEFAULT, &text);
    }
    assert_string_equal(text.size > 0 ? text.data : "", expected);
    text_dispose(&text);
}

static void test_upload_reply_learns_what_kubo_would_pin(void **state)
{
    static const struct {
        struct upload_reply how;
        const char *content, *roots;
    } cases[] = {
        {{.command = COMMAND_ADD}, ADDED("a", A), A},
        {{.command = COMMAND_ADD}, ADDED("a", A) ADDED("b", B), A " " B},
        {{.command = COMMAND_ADD}, READ_SO_FAR ADDED("d/x", A) ADDED("d/e/y", A) ADDED("d", B), B},
        {{.command = COMMAND_ADD}, ADDED(A, A), A}, /* a file without a name has its CID's */
        {{.command = COMMAND_ADD, .has_one_root = true},
         ADDED("a", A) ADDED("b", A) ADDED("", B),
         B},
        {{.command = COMMAND_ADD}, READ_SO_FAR, ""},
        {{.command = COMMAND_DAG_PUT},
         "{\"Cid\":{\"/\":\"" C "\"}}\n{\"Cid\":{\"/\":\"" A "\"}}\n",
         C " " A},
        {{.command = COMMAND_BLOCK_PUT}, "{\"Key\":\"" C "\",\"Size\":9}\n", C},
        {{.command = COMMAND_DAG_IMPORT},
         "{\"Stats\":{\"BlockCount\":2,\"BlockBytesCount\":10}}\n",
         ""},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        for (size_t size = 1; size < 1000; size *= 3) {
            struct fed fed;

            feed(&fed, &cases[i].how, cases[i].content, size, "");
            assert_int_equal(fed.reply.fault.code, ERROR_NONE);
            expect_roots(&fed.roots, cases[i].roots);
            end(&fed);
        }
}

static void test_upload_reply_passes_all_but_the_last_line(void **state)
{
    static const struct upload_reply how = {.command = COMMAND_ADD};

    for (size_t size = 1; size < 1000; size *= 2) {
        struct fed fed;

        feed(&fed, &how, READ_SO_FAR ADDED("d/x", A) ADDED("d", B), size, "");
        assert_string_equal(fed.passed.data, READ_SO_FAR ADDED("d/x", A));
        upload_reply_put_held(&fed.reply, &fed.passed);
        assert_string_equal(fed.passed.data, READ_SO_FAR ADDED("d/x", A) ADDED("d", B));
        end(&fed);
    }
}

static void test_upload_reply_passes_nothing_where_silence_is_wanted(void **state)
{
    static const struct upload_reply how = {.command = COMMAND_ADD, .is_silent = true};
    struct fed fed;

    feed(&fed, &how, ADDED("a", A) ADDED("b", B), 7, "");
    upload_reply_put_held(&fed.reply, &fed.passed);
    assert_int_equal(fed.passed.size, 0);
    expect_roots(&fed.roots, A " " B);
    end(&fed);
}

/* Clients take it for another line of the same file's progress. */
static void test_upload_reply_tells_of_copies_in_a_line_of_progress(void **state)
{
    static const struct upload_reply how = {.command = COMMAND_ADD};
    struct fed fed;
    struct text line = {0};

    feed(&fed, &how, "", 7, "");
    upload_reply_put_progress(&fed.reply, 1, 2, &line);
    assert_string_equal(line.data, "{\"Name\":\"\",\"Bytes\":0,\"Copies\":1,\"MinCopies\":2}\n");
    end(&fed);
    text_clear(&line);
    feed(&fed, &how,
         "{\"Name\":\"a \\\"b\\\"\",\"Bytes\":262144}\n{\"Name\":\"a "
         "\\\"b\\\"\",\"Bytes\":300000}\n" ADDED("a", A),
         7, "");
    upload_reply_put_progress(&fed.reply, 2, 3, &line);
    assert_string_equal(
        line.data, "{\"Name\":\"a \\\"b\\\"\",\"Bytes\":300000,\"Copies\":2,\"MinCopies\":3}\n");
    text_dispose(&line);
    end(&fed);
}

static void test_upload_reply_takes_a_last_line_without_its_end(void **state)
{
    static const struct upload_reply how = {.command = COMMAND_BLOCK_PUT};
    struct fed fed;

    feed(&fed, &how, "{\"Key\":\"" A "\"}\n{\"Key\":\"" C "\"}", 1000, "");
    expect_roots(&fed.roots, A " " C);
    upload_reply_put_held(&fed.reply, &fed.passed);
    assert_string_equal(fed.passed.data, "{\"Key\":\"" A "\"}\n{\"Key\":\"" C "\"}\n");
    end(&fed);
}

static void test_upload_reply_is_not_whole_with_a_fault(void **state)
{
    static const struct {
        const char *content, *trailers;
        enum error_code code;
        const char *text;
    } cases[] = {
        {ADDED("a", A), "X-Stream-Error: disk full\r\n", ERROR_UNSUPPORTED, "disk full"},
        {ADDED("a", A), "a: b\r\nx-stream-error:disk full\r\n", ERROR_UNSUPPORTED, "disk full"},
        {ADDED("a", A) "{\"Message\":\"no\",\"Code\":0,\"Type\":\"error\"}\n", "",
         ERROR_UNSUPPORTED, "no"},
        {ADDED("a", "QmNoCid"), "", ERROR_SYNTAX, "names a root that cannot be read"},
        {"nonsense\n", "", ERROR_SYNTAX, "no JSON"},
        {"[1]\n", "", ERROR_SYNTAX, "no JSON object"},
        {"{\"Name\":\"a\",\"Name\":\"b\"}\n", "", ERROR_SYNTAX, "duplicate"},
    };
    static const struct upload_reply how = {.command = COMMAND_ADD};

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct fed fed;

        feed(&fed, &how, cases[i].content, 11, cases[i].trailers);
        assert_int_equal(fed.reply.fault.code, cases[i].code);
        if (strstr(fed.reply.fault.text, cases[i].text) == NULL)
            fail_msg("%zu: %s", i, fed.reply.fault.text);
        end(&fed);
    }
}

static void test_upload_reply_takes_no_error_from_trailers_of_other_names(void **state)
{
    static const struct upload_reply how = {.command = COMMAND_ADD};
    struct fed fed;

    feed(&fed, &how, ADDED("a", A), 11, "X-Stream-Error-Not: x\r\nX-Stream-Error:\r\n");
    assert_int_equal(fed.reply.fault.code, ERROR_NONE);
    end(&fed);
}

static void test_upload_reply_refuses_a_line_that_it_cannot_hold(void **state)
{
    static const struct upload_reply how = {.command = COMMAND_ADD};
    struct text content = {0};
    struct fed fed;

    text_put_text(&content, "{\"Name\":\"");
    for (size_t i = 0; i < NDJSON_LINE_MAX; i++)
        text_put_char(&content, 'n');
    text_put_text(&content, "\",\"Hash\":\"" A "\"}\n" ADDED("b", B));
    feed(&fed, &how, content.data, 4096, "");
    assert_int_equal(fed.reply.fault.code, ERROR_LIMIT);
    assert_int_equal(fed.passed.size + fed.reply.held.size, 0);
    end(&fed);
    text_dispose(&content);
}

/* ---- roots */

static struct cid numbered(uint32_t number)
{
    uint8_t digest[32] = {0};
    struct cid cid;

    memcpy(digest, &number, sizeof(number));
    cid_make(&cid, 1, CODEC_RAW, 0x12, digest, sizeof(digest));
    return cid;
}

static void test_upload_roots_keep_the_first_of_the_same_in_order(void **state)
{
    static const uint32_t numbers[] = {5, 3, 5, 9, 3, 3, 1, 9}, kept[] = {5, 3, 9, 1};
    struct upload_roots roots = {0};
    struct error err = {0};

    upload_roots_settle(&roots);
    assert_int_equal(roots.count, 0);
    for (size_t i = 0; i < ARRAY_SIZE(numbers); i++) {
        struct cid cid = numbered(numbers[i]);

        assert_true(upload_roots_add(&roots, &cid, &err));
    }
    upload_roots_settle(&roots);
    assert_int_equal(roots.count, ARRAY_SIZE(kept));
    for (size_t i = 0; i < ARRAY_SIZE(kept); i++) {
        struct cid cid = numbered(kept[i]);

        assert_true(cid_equal(&roots.cids[i], &cid));
    }
    upload_roots_dispose(&roots);
}

static void test_upload_roots_are_bounded(void **state)
{
    struct upload_roots roots = {0};
    struct error err = {0};

    for (uint32_t i = 0; i < UPLOAD_ROOTS_MAX; i++) {
        struct cid cid = numbered(i);

        assert_true(upload_roots_add(&roots, &cid, &err));
    }
    assert_false(upload_roots_add(&roots, &roots.cids[0], &err));
    assert_int_equal(err.code, ERROR_LIMIT);
    upload_roots_dispose(&roots);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_upload_reply_learns_what_kubo_would_pin),
        cmocka_unit_test(test_upload_reply_passes_all_but_the_last_line),
        cmocka_unit_test(test_upload_reply_passes_nothing_where_silence_is_wanted),
        cmocka_unit_test(test_upload_reply_tells_of_copies_in_a_line_of_progress),
        cmocka_unit_test(test_upload_reply_takes_a_last_line_without_its_end),
        cmocka_unit_test(test_upload_reply_is_not_whole_with_a_fault),
        cmocka_unit_test(test_upload_reply_takes_no_error_from_trailers_of_other_names),
        cmocka_unit_test(test_upload_reply_refuses_a_line_that_it_cannot_hold),
        cmocka_unit_test(test_upload_roots_keep_the_first_of_the_same_in_order),
        cmocka_unit_test(test_upload_roots_are_bounded),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
