// SPDX-License-Identifier: Apache-2.0
#include "upstream/embedded/reply.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include <cmocka.h>

static void test_reply_strings_are_those_of_encoding_json(void **state)
{
    static const struct {
        struct slice in;
        const char *out;
    } cases[] = {
        {SLICE(""), "\"\""},
        {SLICE("a/b c"), "\"a/b c\""},
        {SLICE("\"\\\b\f\n\r\t"), "\"\\\"\\\\\\b\\f\\n\\r\\t\""},
        {SLICE("\x01\x1f\x7f"), "\"\\u0001\\u001f\x7f\""},
        {SLICE("r<&>\xc3\xa9"), "\"r\\u003c\\u0026\\u003e\xc3\xa9\""},
        {SLICE("\xe2\x80\xa7\xe2\x80\xa8\xe2\x80\xa9\xe2\x80\xa6"),
         "\"\xe2\x80\xa7\\u2028\\u2029\xe2\x80\xa6\""},
        {SLICE("\xff\xfe"), "\"\\ufffd\\ufffd\""},
        {SLICE("x\xe2\x80"), "\"x\\ufffd\\ufffd\""},
        {SLICE("\xf0\x9f\x8d\xb0z"), "\"\xf0\x9f\x8d\xb0z\""},
        {{"a\0b", 3}, "\"a\\u0000b\""},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct text out = {0};

        reply_put_string(&out, cases[i].in);
        assert_string_equal(out.data, cases[i].out);
        text_dispose(&out);
    }
}

#define V0     "QmeZiVt877Gg6oB9kqXJFopoXpDyDL9TygBUQEzwECbRBz"
#define V0_32  "bafybeihrcpjwus3du7e7budknvyzbaazcsthxyu3sa46wodbroifwuew7u"
#define V0_58  "zdj7WmexsKBxakGyWV5VaUv8BfNA2RQvsZbqzb153Pc3eAKMv"
#define RAW_32 "bafkreibkjlti54beab5e33vxgsi2bpcca6ltq4vd2u2ygfcl3s3qxscnle"
#define RAW_36 "k2cwue9pcnur72pq2xhoqbiw8y0eouuzdozlfxrvbxwurnr90w06akpl"

/* As Kubo 0.43.1 answered. */
static void test_reply_quotes_as_go_does(void **state)
{
    static const struct {
        const char *plain, *quoted;
    } rows[] = {
        {"a b", "\"a b\""},
        {"\x1f\"\\\n\x7f", "\"\\x1f\\\"\\\\\\n\\x7f\""},
        {"\xc3\xa4\xff", "\"\xc3\xa4\\xff\""},
        {"\xe2\x80\xa8\xe2\x80\xa9", "\"\\u2028\\u2029\""},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct text out = {0};

        reply_put_quoted(&out, slice_of(rows[i].plain));
        assert_string_equal(out.data, rows[i].quoted);
        text_dispose(&out);
    }
}

static void test_reply_cids_are_in_the_form_that_the_call_asks_for(void **state)
{
    static const struct {
        const char *options, *cid, *out;
    } cases[] = {
        {"", V0, V0},
        {"", RAW_36, RAW_32},
        {"&cid-base=", V0, V0},
        {"&cid-base=base32", V0, V0_32},
        {"&cid-base=base58btc", V0, V0},
        {"&cid-base=base36", RAW_32, RAW_36},
        {"&upgrade-cidv0-in-output=true", V0, V0_32},
        {"&cid-base=base58btc&upgrade-cidv0-in-output=true", V0, V0_58},
        {"&cid-base=base32&upgrade-cidv0-in-output=false", V0, V0},
    };

    (void)state;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct text target = {0}, out = {0};
        struct reply_form form;
        struct error err = {0};
        struct call *call;
        struct cid cid;

        text_put_format(&target, "/api/v0/block/stat?arg=%s%s", cases[i].cid, cases[i].options);
        assert_true(call_parse(&call, text_slice(&target), false, &err));
        assert_true(cid_parse(&cid, slice_of(cases[i].cid), &err));
        assert_true(reply_form_of(call, &form, &err));
        reply_put_cid(&out, &form, &cid);
        assert_string_equal(out.data, cases[i].out);
        call_destroy(&call);
        text_dispose(&target);
        text_dispose(&out);
    }
}

static void test_reply_refuses_a_base_that_is_none(void **state)
{
    struct reply_form form;
    struct error err = {0};
    struct call *call;

    (void)state;
    assert_true(
        call_parse(&call, SLICE("/api/v0/block/stat?arg=" V0 "&cid-base=foo"), false, &err));
    assert_false(reply_form_of(call, &form, &err));
    assert_int_equal(err.code, ERROR_UNSUPPORTED);
    assert_string_equal(err.text, "unsupported multibase encoding: foo");
    call_destroy(&call);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reply_strings_are_those_of_encoding_json),
        cmocka_unit_test(test_reply_quotes_as_go_does),
        cmocka_unit_test(test_reply_cids_are_in_the_form_that_the_call_asks_for),
        cmocka_unit_test(test_reply_refuses_a_base_that_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
