// SPDX-License-Identifier: Apache-2.0
#include "ipfs/dag_cbor.h"

#include "ipfs/dag_json.h"
#include "tests/unit/ipfs/bytes.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define LINK "d82a4a 00 015500050001020304"

static struct text to_json(const char *hex, enum dag_cbor_mode mode, struct error *err)
{
    struct text block = bytes_from_hex(hex), json = {0};
    struct dag_node node = {0};

    if (dag_cbor_decode(&node, text_slice(&block), mode, err) &&
        !dag_json_encode(&node, &json, err))
        text_clear(&json);
    dag_node_dispose(&node);
    text_dispose(&block);
    return json;
}

/* Canonical blocks and the JSON that they are. */
static const struct {
    const char *hex, *json;
} pairs[] = {
    {"f6", "null"},
    {"f4", "false"},
    {"f5", "true"},
    {"00", "0"},
    {"17", "23"},
    {"1818", "24"},
    {"18ff", "255"},
    {"190100", "256"},
    {"19ffff", "65535"},
    {"1a00010000", "65536"},
    {"1affffffff", "4294967295"},
    {"1b0000000100000000", "4294967296"},
    {"1b7fffffffffffffff", "9223372036854775807"},
    {"20", "-1"},
    {"37", "-24"},
    {"3818", "-25"},
    {"3b7fffffffffffffff", "-9223372036854775808"},
    {"fb3ff8000000000000", "1.5"},
    {"fbbff199999999999a", "-1.1"},
    {"fb7e37e43c8800759c", "1e+300"},
    {"fb0000000000000001", "5e-324"},
    {"fb7fefffffffffffff", "1.7976931348623157e+308"},
    {"fb3eb0c6f7a0b5ed8d", "0.000001"},
    {"fb3e7ad7f29abcaf48", "1e-7"},
    {"fb444b1ae4d6e2ef50", "1e+21"},
    {"fb3d30000000000000", "5.684341886080802e-14"}, /* its nearest 16 digits do not read back */
    {"60", "\"\""},
    {"6161", "\"a\""},
    {"63e282ac", "\"\xe2\x82\xac\""},
    {"63e280a8", "\"\\u2028\""},
    {"66220a5c097f1f", "\"\\\"\\n\\\\\\t\x7f\\u001f\""},
    {"40", "{\"/\":{\"bytes\":\"\"}}"},
    {"43010203", "{\"/\":{\"bytes\":\"AQID\"}}"},
    {"4401020304", "{\"/\":{\"bytes\":\"AQIDBA\"}}"},
    {LINK, "{\"/\":\"bafkqabiaaebagba\"}"},
    {"80", "[]"},
    {"83010203", "[1,2,3]"},
    {"8180", "[[]]"},
    {"a0", "{}"},
    {"a16568656c6c6f65776f726c64", "{\"hello\":\"world\"}"},
    {"a361620161630262616103", "{\"aa\":3,\"b\":1,\"c\":2}"}, /* the two orders of keys differ */
    {"a1612f01", "{\"/\":1}"},
    {"a2612f6161616200", "{\"/\":\"a\",\"b\":0}"},
};

static void test_dag_cbor_and_json_are_two_spellings(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(pairs); i++) {
        struct error err = {0};
        struct text json = to_json(pairs[i].hex, DAG_CBOR_STRICT, &err);
        struct text cbor = {0}, expected = bytes_from_hex(pairs[i].hex);
        struct dag_node node = {0};

        if (json.data == NULL || strcmp(json.data, pairs[i].json) != 0)
            fail_msg("%s: %s %s", pairs[i].hex, json.data, err.text);
        if (!dag_json_decode(&node, text_slice(&json), &err))
            fail_msg("%s: %s", json.data, err.text);
        dag_cbor_encode(&node, &cbor);
        if (!slice_equal(text_slice(&cbor), text_slice(&expected)))
            fail_msg("%s does not come back from %s", pairs[i].hex, json.data);
        dag_node_dispose(&node);
        text_dispose(&json);
        text_dispose(&cbor);
        text_dispose(&expected);
    }
}

/* Whole numbers below 1e21 lose in JSON that they were floats: Kubo writes them so. */
static void test_dag_cbor_whole_floats_become_integers_in_json(void **state)
{
    static const struct {
        const char *hex, *json;
    } whole[] = {{"fb3ff0000000000000", "1"},
                 {"fb8000000000000000", "-0"},
                 {"fb43f0000000000000", "18446744073709552000"}};

    for (size_t i = 0; i < ARRAY_SIZE(whole); i++) {
        struct text json = to_json(whole[i].hex, DAG_CBOR_STRICT, NULL);

        assert_string_equal(json.data, whole[i].json);
        text_dispose(&json);
    }
}

/* What Kubo takes, and the canonical block that it is. */
static const struct {
    const char *hex, *canonical, *strict_refusal;
} lax[] = {
    {"f7", "f6", "dag-cbor: byte 0: \"undefined\""},
    {"f93c00", "fb3ff0000000000000", "dag-cbor: byte 0: a float is not written in 64 bits"},
    {"f98001", "fbbe70000000000000", "dag-cbor: byte 0: a float is not written in 64 bits"},
    {"f97bff", "fb40effc0000000000", "dag-cbor: byte 0: a float is not written in 64 bits"},
    {"fa47c35000", "fb40f86a0000000000", "dag-cbor: byte 0: a float is not written in 64 bits"},
    {"a2616201616102", "a2616102616201", "dag-cbor: byte 4: a map's keys are not in order"},
    {"a262616101616202", "a2616202 62616101", "dag-cbor: byte 5: a map's keys are not in order"},
    {"61ff", "61ff", "dag-cbor: byte 0: text that is not UTF-8"},
};

static void test_dag_cbor_strict_refuses_what_lax_straightens(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(lax); i++) {
        struct text block = bytes_from_hex(lax[i].hex), out = {0};
        struct text canonical = bytes_from_hex(lax[i].canonical);
        struct dag_node node = {0};
        struct error err = {0};

        assert_false(dag_cbor_decode(&node, text_slice(&block), DAG_CBOR_STRICT, &err));
        if (strncmp(err.text, lax[i].strict_refusal, strlen(lax[i].strict_refusal)) != 0)
            fail_msg("%s: %s", lax[i].hex, err.text);
        assert_true(dag_cbor_decode(&node, text_slice(&block), DAG_CBOR_LAX, NULL));
        dag_cbor_encode(&node, &out);
        assert_true(slice_equal(text_slice(&out), text_slice(&canonical)));
        dag_node_dispose(&node);
        text_dispose(&block);
        text_dispose(&canonical);
        text_dispose(&out);
    }
}

/* links: what listing links alone still takes. */
static const struct {
    const char *hex, *refusal;
    bool links;
} bad[] = {
    {"", "dag-cbor: byte 0: the block ends where a value should begin", false},
    {"0000", "dag-cbor: byte 1: more bytes behind the value", false},
    {"18", "dag-cbor: byte 0: the number is cut off", false},
    {"1b00000001000000", "dag-cbor: byte 0: the number is cut off", false},
    {"1817", "dag-cbor: byte 0: the number is not in its shortest form", true},
    {"1900ff", "dag-cbor: byte 0: the number is not in its shortest form", true},
    {"1a0000ffff", "dag-cbor: byte 0: the number is not in its shortest form", true},
    {"1b00000000ffffffff", "dag-cbor: byte 0: the number is not in its shortest form", true},
    {"580161", "dag-cbor: byte 0: the number is not in its shortest form", true},
    {"3bffffffffffffffff", "dag-cbor: byte 0: an integer below -2^63", true},
    {"4261", "dag-cbor: byte 0: 2 bytes are announced, 1 are there", false},
    {"7bffffffffffffffff61", "dag-cbor: byte 0: 18446744073709551615 bytes are announced", false},
    {"9bffffffffffffffff00", "dag-cbor: byte 0: 18446744073709551615 entries are announced", false},
    {"a20101", "dag-cbor: byte 0: 2 entries are announced, 2 bytes are there", false},
    {"8201", "dag-cbor: byte 0: 2 entries are announced, 1 bytes are there", false},
    {"5f4101ff", "dag-cbor: byte 0: indefinite lengths", false},
    {"7f6161ff", "dag-cbor: byte 0: indefinite lengths", false},
    {"9f01ff", "dag-cbor: byte 0: indefinite lengths", false},
    {"bf616101ff", "dag-cbor: byte 0: indefinite lengths", false},
    {"ff", "dag-cbor: byte 0: indefinite lengths", false},
    {"1c", "dag-cbor: byte 0: a reserved length code", false},
    {"e0", "dag-cbor: byte 0: a simple value other than", false},
    {"f820", "dag-cbor: byte 0: a simple value other than", false},
    {"f97e00", "dag-cbor: byte 0: NaN and the infinities", true},
    {"fa7f800000", "dag-cbor: byte 0: NaN and the infinities", true},
    {"fbfff0000000000000", "dag-cbor: byte 0: NaN and the infinities", true},
    {"c074323031332d30332d32315432303a30343a30305a", "dag-cbor: byte 0: tag 0 is not dag-cbor",
     false},
    {"d82b40", "dag-cbor: byte 0: tag 43 is not dag-cbor", false},
    {"d82a6161", "dag-cbor: byte 2: tag 42 (a link) is not around bytes", false},
    {"d82a40", "dag-cbor: byte 2: a link does not begin with the byte 0x00", false},
    {"d82a49015500050001020304", "dag-cbor: byte 2: a link does not begin with", false},
    {"d82a4100", "dag-cbor: byte 2: the link", false},
    {"d82a4b00015500050001020304ff", "dag-cbor: byte 2: the link", false},
    {"a10101", "dag-cbor: byte 1: a map's key is not text", false},
    {"a1410001", "dag-cbor: byte 1: a map's key is not text", false},
    {"a1a00001", "dag-cbor: byte 1: a map's key is not text", false},
    {"a2616101616102", "dag-cbor: byte 7: a map has the key \"a\" twice", true},
    {"81a2616101616102", "dag-cbor: byte 8: a map has the key \"a\" twice", true},
};

static bool count(void *arg, const struct cid *cid, struct error *err)
{
    ++*(size_t *)arg;
    return true;
}

static void test_dag_cbor_refuses_with_what_and_at_which_byte(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(bad); i++) {
        struct text block = bytes_from_hex(bad[i].hex);
        struct dag_node node = {0};
        struct error err = {0};
        size_t links = 0;

        assert_false(dag_cbor_decode(&node, text_slice(&block), DAG_CBOR_LAX, &err));
        if (strncmp(err.text, bad[i].refusal, strlen(bad[i].refusal)) != 0)
            fail_msg("%s: %s", bad[i].hex, err.text);
        assert_false(dag_cbor_decode(&node, text_slice(&block), DAG_CBOR_STRICT, NULL));
        if (dag_cbor_links(text_slice(&block), count, &links, NULL) != bad[i].links)
            fail_msg("%s: links", bad[i].hex);
        dag_node_dispose(&node);
        text_dispose(&block);
    }
}

static void nest(struct text *block, int depth)
{
    for (int i = 0; i < depth; i++)
        bytes_put_hex(block, i % 2 ? "a16161" : "81");
    bytes_put_hex(block, LINK);
}

static void test_dag_cbor_bounds_nesting(void **state)
{
    for (int depth = DAG_DEPTH_MAX; depth <= DAG_DEPTH_MAX + 1; depth++) {
        struct text block = {0}, again = {0};
        bool fits = depth == DAG_DEPTH_MAX;
        struct dag_node node = {0};
        struct error err = {0};
        size_t links = 0;

        nest(&block, depth);
        assert_int_equal(dag_cbor_links(text_slice(&block), count, &links, &err), fits);
        assert_int_equal(links, fits);
        assert_int_equal(dag_cbor_decode(&node, text_slice(&block), DAG_CBOR_STRICT, NULL), fits);
        assert_int_equal(err.code, fits ? ERROR_NONE : ERROR_LIMIT);
        if (fits) {
            dag_cbor_encode(&node, &again);
            assert_true(slice_equal(text_slice(&again), text_slice(&block)));
        }
        dag_node_dispose(&node);
        text_dispose(&block);
        text_dispose(&again);
    }
}

static void test_dag_cbor_bounds_the_number_of_values(void **state)
{
    struct dag_node node = {0};
    struct error err = {0};
    struct text block = {0};

    dag_cbor_put_head(&block, 4, DAG_ITEMS_MAX);
    memset(text_reserve(&block, DAG_ITEMS_MAX), 0, DAG_ITEMS_MAX);
    block.size += DAG_ITEMS_MAX;
    assert_false(dag_cbor_decode(&node, text_slice(&block), DAG_CBOR_LAX, &err));
    assert_int_equal(err.code, ERROR_LIMIT);
    dag_node_dispose(&node);
    text_dispose(&block);
}

static void test_dag_cbor_lists_links_in_order_and_stops_when_told(void **state)
{
    struct text block = bytes_from_hex("a2 6161 82" LINK LINK " 6162" LINK);
    size_t links = 0;

    assert_true(dag_cbor_links(text_slice(&block), count, &links, NULL));
    assert_int_equal(links, 3);
    text_dispose(&block);
}

static void test_dag_cbor_refuses_large_integers_only_in_json(void **state)
{
    struct error err = {0};
    struct text json = to_json("1b8000000000000000", DAG_CBOR_STRICT, &err);

    assert_int_equal(err.code, ERROR_UNSUPPORTED);
    assert_non_null(strstr(err.text, "9223372036854775808"));
    text_dispose(&json);
}

static void test_dag_node_finds_a_key(void **state)
{
    struct text block = bytes_from_hex("a3 6161 81a161620a 6162 0b 626161 0c");
    struct dag_node node = {0};

    assert_true(dag_cbor_decode(&node, text_slice(&block), DAG_CBOR_STRICT, NULL));
    assert_int_equal(node.items[dag_node_find(&node, 0, "b")].integer, 11);
    assert_int_equal(node.items[dag_node_find(&node, 0, "aa")].integer, 12);
    assert_int_equal(node.items[dag_node_find(&node, 0, "a")].kind, DAG_LIST);
    assert_int_equal(dag_node_find(&node, 0, "c"), 0);
    assert_int_equal(dag_node_find(&node, 2, "b"), 0);
    dag_node_dispose(&node);
    text_dispose(&block);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dag_cbor_and_json_are_two_spellings),
        cmocka_unit_test(test_dag_cbor_whole_floats_become_integers_in_json),
        cmocka_unit_test(test_dag_cbor_strict_refuses_what_lax_straightens),
        cmocka_unit_test(test_dag_cbor_refuses_with_what_and_at_which_byte),
        cmocka_unit_test(test_dag_cbor_bounds_nesting),
        cmocka_unit_test(test_dag_cbor_bounds_the_number_of_values),
        cmocka_unit_test(test_dag_cbor_lists_links_in_order_and_stops_when_told),
        cmocka_unit_test(test_dag_cbor_refuses_large_integers_only_in_json),
        cmocka_unit_test(test_dag_node_finds_a_key),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
