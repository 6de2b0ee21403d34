// SPDX-License-Identifier: Apache-2.0
#include "ipfs/dag_json.h"

#include "ipfs/dag_cbor.h"
#include "tests/unit/ipfs/bytes.h"

#include <float.h>
#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdio.h>

#include <cmocka.h>

static struct text to_cbor_hex(const char *json, struct error *err)
{
    struct text cbor = {0}, hex = {0};
    struct dag_node node = {0};

    if (dag_json_decode(&node, slice_of(json), err)) {
        dag_cbor_encode(&node, &cbor);
        hex = bytes_to_hex(text_slice(&cbor));
    }
    dag_node_dispose(&node);
    text_dispose(&cbor);
    return hex;
}

static const struct {
    const char *json, *hex;
} good[] = {
    {" \t\r\n{ \"a\" : [ 1 , 2 ] } \n", "a16161820102"},
    {"-0", "00"},
    {"-0.0", "fb8000000000000000"},
    {"1.0", "fb3ff0000000000000"},
    {"1E2", "fb4059000000000000"},
    {"1e-400", "fb0000000000000000"},
    {"\"\\u0041\\u00e9\\u20ac\\ud83d\\ude00\"", "6a41c3a9e282acf09f9880"},
    {"\"\\b\\f\\n\\r\\t\\/\\\\\\\"\"", "68080c0a0d092f5c22"},
    {"\"\\ud83d\"", "63efbfbd"}, /* half a pair */
    {"\"\\ud83d\\u0041\"", "64efbfbd41"},
    {"\"\\ude00\\ud83d\"", "66efbfbdefbfbd"},
    {"\"\\ud83dx\"", "64efbfbd78"},
    {"\"a\xff"
     "b\xc3\"",
     "68"
     "61efbfbd62efbfbd"}, /* no UTF-8 */
    {"\"\\u0000\"", "6100"},
    {"{\"/\":{\"bytes\":\"AQ==\"}}", "4101"},
    {"{\"/\":{\"bytes\":\"AQ\"}}", "4101"},
    {"{\"/\":{\"bytes\":{\"/\":\"bafkqabiaaebagba\"}}}",
     "a1612fa1656279746573d82a4a00015500050001020304"},
    {"{\"/\":{\"/\":\"bafkqabiaaebagba\"}}", "a1612fd82a4a00015500050001020304"},
    {"{\"/\":{\"bytes\":1}}", "a1612fa165627974657301"},
    {"{\"/\":{\"bytes\":\"AQ\",\"x\":0}}", "a1612fa2617800656279746573624151"},
    {"{\"/\":[]}", "a1612f80"},
    {"{\"\":{\"bytes\":\"AQ\"}}", "a160a1656279746573624151"},
    {"{\"\\u002f\":{\"bytes\":\"AQ\"}}", "4101"}, /* the key is what it reads as */
    {"{\"/\":\"QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn\"}",
     "d82a5823001220"
     "59948439065f29619ef41280cbb932be52c56d99c5966b65e0111239f098bbef"},
};

static void test_dag_json_reads_what_kubo_reads(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(good); i++) {
        struct error err = {0};
        struct text hex = to_cbor_hex(good[i].json, &err);

        if (hex.data == NULL || strcmp(hex.data, good[i].hex) != 0)
            fail_msg("%s: %s %s", good[i].json, hex.data, err.text);
        text_dispose(&hex);
    }
}

static const struct {
    const char *json, *refusal;
} bad[] = {
    {"", "dag-json: byte 0: the block ends where a value should begin"},
    {" ", "dag-json: byte 1: the block ends where a value should begin"},
    {"1 2", "dag-json: byte 2: more bytes behind the value"},
    {"[1", "dag-json: byte 2: a comma or ] should stand here"},
    {"[1 2]", "dag-json: byte 3: a comma or ] should stand here"},
    {"[1,]", "dag-json: byte 3: a value should begin here"},
    {"[,1]", "dag-json: byte 1: a value should begin here"},
    {"{\"a\":1,}", "dag-json: byte 7: a key should begin here"},
    {"{\"a\"}", "dag-json: byte 4: a colon should follow the key"},
    {"{\"a\":}", "dag-json: byte 5: a value should begin here"},
    {"{\"a\":1", "dag-json: byte 6: a comma or } should stand here"},
    {"{1:1}", "dag-json: byte 1: a key should begin here"},
    {"{\"a\":1]", "dag-json: byte 6: a comma or } should stand here"},
    {"\"abc", "dag-json: byte 0: the text has no closing quote"},
    {"\"a\\", "dag-json: byte 2: not an escape of JSON"},
    {"\"\\x41\"", "dag-json: byte 1: not an escape of JSON"},
    {"\"\\u12g4\"", "dag-json: byte 1: not an escape of JSON"},
    {"\"\\u123\"", "dag-json: byte 1: not an escape of JSON"},
    {"\"a\nb\"", "dag-json: byte 2: a control character in text must be escaped"},
    {"01", "dag-json: byte 1: more bytes behind the value"},
    {"-", "dag-json: byte 0: not a number of JSON"},
    {"+1", "dag-json: byte 0: a value should begin here"},
    {"1.", "dag-json: byte 0: not a number of JSON"},
    {".5", "dag-json: byte 0: a value should begin here"},
    {"1e", "dag-json: byte 0: not a number of JSON"},
    {"1e+", "dag-json: byte 0: not a number of JSON"},
    {"9223372036854775808", "dag-json: byte 0: the integer is outside -2^63 to 2^63-1"},
    {"-9223372036854775809", "dag-json: byte 0: the integer is outside -2^63 to 2^63-1"},
    {"1e999", "dag-json: byte 0: the number is too large for a 64-bit float"},
    {"NaN", "dag-json: byte 0: a value should begin here"},
    {"nul", "dag-json: byte 0: a value should begin here"},
    {"truex", "dag-json: byte 4: more bytes behind the value"},
    {"{\"a\":1,\"b\":2,\"\\u0061\":3}", "dag-json: byte 23: a map has the key \"a\" twice"},
    {"{\"/\":\"no cid\"}", "dag-json: byte 13: the link"},
    {"[{\"/\":{\"bytes\":\"A\"}}]", "dag-json: byte 19: the bytes"},
    {"{\"/\":{\"bytes\":\"AQ=\"}}", "dag-json: byte 20: the bytes"},
    {"{\"/\":{\"bytes\":\"*\"}}", "dag-json: byte 18: the bytes"},
};

static void test_dag_json_refuses_with_what_and_at_which_byte(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct error err = {0};
        struct text hex = to_cbor_hex(bad[i].json, &err);

        if (hex.data != NULL || strncmp(err.text, bad[i].refusal, strlen(bad[i].refusal)) != 0)
            fail_msg("%s: %s %s", bad[i].json, hex.data, err.text);
        text_dispose(&hex);
    }
}

static void test_dag_json_bounds_nesting(void **state)
{
    for (int depth = DAG_DEPTH_MAX; depth <= DAG_DEPTH_MAX + 1; depth++) {
        struct text json = {0};
        struct dag_node node = {0};
        struct error err = {0};

        for (int i = 0; i < depth; i++)
            text_put_text(&json, i % 2 ? "[" : "{\"a\":");
        text_put_text(&json, "1");
        for (int i = depth; i-- > 0;)
            text_put_text(&json, i % 2 ? "]" : "}");
        assert_int_equal(dag_json_decode(&node, text_slice(&json), &err), depth == DAG_DEPTH_MAX);
        assert_int_equal(err.code, depth == DAG_DEPTH_MAX ? ERROR_NONE : ERROR_LIMIT);
        dag_node_dispose(&node);
        text_dispose(&json);
    }
}

static uint64_t next_random(uint64_t *seed)
{
    *seed ^= *seed << 13;
    *seed ^= *seed >> 7;
    *seed ^= *seed << 17;
    return *seed;
}

/* No shorter decimal may read back as value: of those with one digit less, only the two around the
 * value could. */
static bool has_shorter(double value, const char *form)
{
    char shorter[64];
    int digits = 0, count;

    for (const char *at = form; *at != '\0' && *at != 'e'; at++)
        digits += *at >= '0' && *at <= '9';
    count = snprintf(shorter, sizeof(shorter), "%.*e", digits > 1 ? digits - 2 : 0, value);
    assert_true(count > 0);
    return digits > 1 && strtod(shorter, NULL) == value;
}

static void test_dag_json_floats_are_shortest_and_read_back(void **state)
{
    uint64_t seed = 88172645463325252;

    for (int i = 0; i < 100000; i++) {
        uint64_t bits = next_random(&seed);
        struct text text = {0};
        double value;

        if (i % 4 == 0)
            bits &= 0xfff0000000000000; /* powers of two: the uneven neighbours */
        memcpy(&value, &bits, sizeof(value));
        if (!isfinite(value))
            continue;
        dag_json_put_float(&text, value);
        if (strtod(text.data, NULL) != value)
            fail_msg("%a: %s", value, text.data);
        if (strchr(text.data, 'e') != NULL && has_shorter(value, text.data))
            fail_msg("%a: %s is not the shortest", value, text.data);
        text_dispose(&text);
    }
}

static bool print(void *arg, const struct cid *cid, struct error *err)
{
    cid_print(cid, CID_BASE_DEFAULT, arg);
    text_put_char(arg, ' ');
    return true;
}

static void test_dag_json_lists_links(void **state)
{
    struct text out = {0};

    assert_true(dag_json_links(SLICE("{\"b\":{\"/\":\"bafkqaaa\"},\"a\":[{\"/"
                                     "\":\"bafkqabiaaebagba\"},{\"/\":\"x\",\"y\":0}]}"),
                               print, &out, NULL));
    assert_string_equal(out.data, "bafkqaaa bafkqabiaaebagba ");
    text_dispose(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dag_json_reads_what_kubo_reads),
        cmocka_unit_test(test_dag_json_refuses_with_what_and_at_which_byte),
        cmocka_unit_test(test_dag_json_bounds_nesting),
        cmocka_unit_test(test_dag_json_floats_are_shortest_and_read_back),
        cmocka_unit_test(test_dag_json_lists_links),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
