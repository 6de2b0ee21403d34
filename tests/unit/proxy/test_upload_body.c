// SPDX-License-Identifier: Apache-2.0
#include "proxy/upload_body.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

#define TYPE "multipart/form-data; boundary=xyz"
#define PART(filename, type)                                                                       \
    "--xyz\r\nContent-Disposition: form-data; name=\"file\"; filename=\"" filename                 \
    "\"\r\nContent-Type: " type "\r\n\r\n"
#define FILE_PART(filename) PART(filename, "application/octet-stream")
#define FOLDER(filename)    PART(filename, "application/x-directory")
#define LAST                "--xyz--\r\n"

enum { ROOT_COUNT = 3 };

static struct cid root(uint8_t number)
{
    uint8_t digest[32] = {number};
    struct cid cid;

    cid_make(&cid, 1, CODEC_RAW, 0x12, digest, sizeof(digest));
    return cid;
}

/* A CAR with those roots, and a block. */
static void put_car(struct text *out, uint8_t first, size_t count)
{
    struct cid roots[ROOT_COUNT];

    for (size_t i = 0; i < ROOT_COUNT; i++)
        roots[i] = root((uint8_t)(first + i));
    if (count > 0)
        car_put_header(out, roots, count);
    else
        text_put(out, "\x0a\xa1gversion\x01", 11);
    car_put_section(out, &roots[0], 4);
    text_put_text(out, "\r\n--");
}

/* In pieces of every size up to a few; the view is the caller's to dispose. */
static void see(struct upload_body *body, struct upload_roots *roots, enum command_id command,
                struct slice content, size_t size)
{
    *roots = (struct upload_roots){0};
    upload_body_init(body, command, SLICE(TYPE), roots);
    while (content.size > 0) {
        size_t taken = size < content.size ? size : content.size;

        if (!upload_body_see(body, (struct slice){content.data, taken}))
            return;
        content.data += taken;
        content.size -= taken;
    }
}

static void test_upload_body_finds_the_roots_of_every_car(void **state)
{
    struct text content = {0};

    text_put_text(&content, FILE_PART("a"));
    put_car(&content, 1, 2);
    text_put_text(&content, "\r\n" FILE_PART("b"));
    put_car(&content, 3, 1);
    text_put_text(&content, "\r\n" LAST);
    for (size_t size = 1; size < 600; size += 7) {
        struct upload_body body;
        struct upload_roots roots;

        see(&body, &roots, COMMAND_DAG_IMPORT, text_slice(&content), size);
        assert_true(upload_body_is_known(&body));
        assert_int_equal(roots.count, 3);
        for (size_t i = 0; i < roots.count; i++) {
            struct cid expected = root((uint8_t)(i + 1));

            assert_true(cid_equal(&roots.cids[i], &expected));
        }
        upload_roots_dispose(&roots);
        upload_body_dispose(&body);
    }
    text_dispose(&content);
}

static void test_upload_body_knows_an_import_without_roots(void **state)
{
    static const char *const none[] = {LAST, FILE_PART("a") "\r\n" LAST};
    struct text content = {0};
    struct upload_body body;
    struct upload_roots roots;

    for (size_t i = 0; i < ARRAY_SIZE(none); i++) {
        see(&body, &roots, COMMAND_DAG_IMPORT, slice_of(none[i]), 3);
        assert_true(upload_body_is_known(&body));
        upload_body_dispose(&body);
    }
    text_put_text(&content, FILE_PART("a"));
    put_car(&content, 1, 0);
    text_put_text(&content, "\r\n" LAST);
    see(&body, &roots, COMMAND_DAG_IMPORT, text_slice(&content), 50);
    assert_true(upload_body_is_known(&body));
    assert_int_equal(roots.count, 0);
    upload_body_dispose(&body);
    text_dispose(&content);
}

static void test_upload_body_says_what_it_does_not_know(void **state)
{
    static const struct {
        const char *content, *text;
    } cases[] = {
        {FILE_PART("a") "garbage\r\n" LAST, "CAR"},
        {FILE_PART("a") "\x3a\xa2\r\n" LAST, "ends inside its header"},
        {FILE_PART("a"), "before its last boundary"},
        {"", "before its last boundary"},
        {"no boundary", "boundary"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct upload_body body;
        struct upload_roots roots;

        see(&body, &roots, COMMAND_DAG_IMPORT, slice_of(cases[i].content), 5);
        assert_false(upload_body_is_known(&body));
        if (strstr(body.fault.text, cases[i].text) == NULL)
            fail_msg("%zu: %s", i, body.fault.text);
        upload_body_dispose(&body);
        upload_roots_dispose(&roots);
    }
}

static void test_upload_body_looks_at_the_first_head_of_an_add(void **state)
{
    static const struct {
        const char *content;
        bool has_nameless_directory, has_ended;
    } cases[] = {
        {FOLDER("") FILE_PART("x") "x\r\n" LAST, true, true},
        {FOLDER("d") FILE_PART("d%2Fx") "x\r\n" LAST, false, true},
        {FILE_PART("") "x\r\n" LAST, false, true},
        {FILE_PART("a") "x\r\n" FOLDER(""), false, true},
        {LAST, false, true},
        {"--xyz\r\nContent-Dis", false, false},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++)
        for (size_t size = 1; size < 300; size += 11) {
            struct upload_body body;
            struct upload_roots roots;

            see(&body, &roots, COMMAND_ADD, slice_of(cases[i].content), size);
            assert_int_equal(body.has_nameless_directory, cases[i].has_nameless_directory);
            assert_int_equal(body.has_ended, cases[i].has_ended);
            assert_true(upload_body_is_known(&body));
            upload_body_dispose(&body);
        }
}

static void test_upload_body_looks_at_nothing_else(void **state)
{
    struct upload_body body;
    struct upload_roots roots = {0};

    upload_body_init(&body, COMMAND_BLOCK_PUT, SLICE(TYPE), &roots);
    assert_false(upload_body_see(&body, SLICE("x")));
    assert_true(upload_body_is_known(&body));
    upload_body_dispose(&body);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_upload_body_finds_the_roots_of_every_car),
        cmocka_unit_test(test_upload_body_knows_an_import_without_roots),
        cmocka_unit_test(test_upload_body_says_what_it_does_not_know),
        cmocka_unit_test(test_upload_body_looks_at_the_first_head_of_an_add),
        cmocka_unit_test(test_upload_body_looks_at_nothing_else),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
