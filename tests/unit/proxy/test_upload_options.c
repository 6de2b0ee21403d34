// SPDX-License-Identifier: Apache-2.0
#include "proxy/upload_options.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

static struct call *call_of(const char *target)
{
    struct call *call = NULL;
    struct error err = {0};

    if (!call_parse(&call, slice_of(target), true, &err))
        fail_msg("%s: %s", target, err.text);
    return call;
}

/* ---- what is wished for, and what goes upstream */

static void test_upload_options_never_let_the_storage_pin(void **state)
{
    static const struct {
        const char *target, *upstream;
        bool pins, is_silent, wraps, needs_shared;
        const char *name;
    } cases[] = {
        {"/api/v0/add", "/api/v0/add?pin=false", .pins = true},
        {"/api/v0/add?pin=true&pin-name=n&silent=true&w=true&progress=true",
         "/api/v0/add?pin=false&progress=true&silent=false&wrap-with-directory=true", true, true,
         true, false, "n"},
        {"/api/v0/add?silent=false", "/api/v0/add?pin=false&silent=false", .pins = true},
        {"/api/v0/add?pin=false", "/api/v0/add?pin=false", .pins = false},
        {"/api/v0/add?pin=false&silent=true", "/api/v0/add?pin=false&silent=true",
         .is_silent = true},
        {"/api/v0/add?only-hash=true&pin=true&pin-name=n", "/api/v0/add?only-hash=true&pin=false",
         .name = "n"},
        {"/api/v0/add?pin=false&pin-name=n", "/api/v0/add?pin=false&pin-name=n", .name = "n"},
        {"/api/v0/add?to-files=/a", "/api/v0/add?pin=false&to-files=/a", .pins = true,
         .needs_shared = true},
        {"/api/v0/add?cw-owner=group:g&cw-expire-in=1h&encoding=json",
         "/api/v0/add?encoding=json&pin=false", .pins = true},
        {"/api/v0/dag/import", "/api/v0/dag/import?pin-roots=false", .pins = true},
        {"/api/v0/dag/import?silent=true&stats=true",
         "/api/v0/dag/import?pin-roots=false&silent=false&stats=true", .pins = true},
        {"/api/v0/dag/import?pin-roots=false", "/api/v0/dag/import?pin-roots=false", .pins = false},
        {"/api/v0/dag/put", "/api/v0/dag/put?pin=false", .pins = false},
        {"/api/v0/dag/put?pin", "/api/v0/dag/put?pin=false", .pins = true},
        {"/api/v0/block/put", "/api/v0/block/put?pin=false", .pins = false},
        {"/api/v0/block/put?pin=true", "/api/v0/block/put?pin=false", .pins = true},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct call *call = call_of(cases[i].target);
        struct upload_wish wish;
        struct error err = {0};
        struct text target = {0};

        if (!upload_options_take(&wish, call, &err))
            fail_msg("%s: %s", cases[i].target, err.text);
        call_print_target(call, &target);
        assert_string_equal(target.data, cases[i].upstream);
        assert_int_equal(wish.pins, cases[i].pins);
        assert_int_equal(wish.is_silent, cases[i].is_silent);
        assert_int_equal(wish.wraps, cases[i].wraps);
        assert_int_equal(wish.needs_shared, cases[i].needs_shared);
        assert_true(slice_is(wish.name, cases[i].name == NULL ? "" : cases[i].name));
        text_dispose(&target);
        call_destroy(&call);
    }
}

static void test_upload_options_refuse_what_cannot_be_done(void **state)
{
    static const struct {
        const char *target;
        enum error_code code;
        const char *text;
    } cases[] = {
        {"/api/v0/add?chunker=size-4095", ERROR_REFUSED, "pieces below 4096 bytes"},
        {"/api/v0/add?chunker=size-1&pin=false", ERROR_REFUSED, "pieces below 4096 bytes"},
        {"/api/v0/add?chunker=size-%2B5000", ERROR_UNSUPPORTED, "cannot be read"},
        {"/api/v0/add?encoding=text", ERROR_SYNTAX, "must be JSON"},
        {"/api/v0/dag/put?pin=true&encoding=xml", ERROR_SYNTAX, "must be JSON"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct call *call = call_of(cases[i].target);
        struct upload_wish wish;
        struct error err = {0};

        assert_false(upload_options_take(&wish, call, &err));
        assert_int_equal(err.code, cases[i].code);
        assert_non_null(strstr(err.text, cases[i].text));
        call_destroy(&call);
    }
}

static void test_upload_options_let_any_encoding_be_where_nothing_is_pinned(void **state)
{
    struct call *call = call_of("/api/v0/add?encoding=text&pin=false");
    struct upload_wish wish;
    struct error err = {0};

    assert_true(upload_options_take(&wish, call, &err));
    assert_false(wish.pins);
    call_destroy(&call);
}

static void test_upload_options_refuse_a_name_longer_than_kubo_takes(void **state)
{
    for (size_t size = 255; size <= 256; size++) {
        struct text target = {0};
        struct upload_wish wish;
        struct error err = {0};
        struct call *call;

        text_put_text(&target, "/api/v0/add?pin-name=");
        for (size_t i = 0; i < size; i++)
            text_put_char(&target, 'n');
        call = call_of(target.data);
        assert_int_equal(upload_options_take(&wish, call, &err), size == 255);
        if (size == 256)
            assert_string_equal(err.text, "pin name is 256 bytes (max 255 bytes)");
        call_destroy(&call);
        text_dispose(&target);
    }
}

/* ---- chunkers */

static void test_upload_chunker_names_its_smallest_piece(void **state)
{
    static const struct {
        const char *chunker;
        uint64_t min;
    } cases[] = {
        {"", UINT64_MAX},
        {"default", UINT64_MAX},
        {"buzhash", UINT64_MAX},
        {"unheard-of", UINT64_MAX}, /* Kubo refuses it */
        {"size-262144", 262144},
        {"size-4096", 4096},
        {"size-0", 0},
        {"rabin", UINT64_MAX},
        {"rabin-12288", 4096},
        {"rabin-100", 33},
        {"rabin-4096-8192-16384", 4096},
        {"rabin-min:17-avg:8192-max:16384", 17},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct error err = {0};
        uint64_t min;

        assert_true(upload_chunker_min(slice_of(cases[i].chunker), &min, &err));
        assert_int_equal(min, cases[i].min);
    }
}

/* Go's Atoi takes a sign, and numbers of any length up to 64 bits. */
static void test_upload_chunker_refuses_what_kubo_might_read_otherwise(void **state)
{
    static const char *const chunkers[] = {
        "size-",
        "size-x",
        "size--5",
        "size-+4096",
        "size-00004096",
        "size-4096-1",
        "rabin-",
        "rabin-1-2",
        "rabin-1-2-3-4",
        "rabin-avg:100",
        "rabinx-5-",
        "rabin-max:4096-avg:8192-max:16384",
        "rabin-4096-8192-",
    };

    for (size_t i = 0; i < ARRAY_SIZE(chunkers); i++) {
        struct error err = {0};
        uint64_t min;

        if (upload_chunker_min(slice_of(chunkers[i]), &min, &err))
            fail_msg("%s was read", chunkers[i]);
        assert_int_equal(err.code, ERROR_UNSUPPORTED);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_upload_options_never_let_the_storage_pin),
        cmocka_unit_test(test_upload_options_refuse_what_cannot_be_done),
        cmocka_unit_test(test_upload_options_let_any_encoding_be_where_nothing_is_pinned),
        cmocka_unit_test(test_upload_options_refuse_a_name_longer_than_kubo_takes),
        cmocka_unit_test(test_upload_chunker_names_its_smallest_piece),
        cmocka_unit_test(test_upload_chunker_refuses_what_kubo_might_read_otherwise),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
