// SPDX-License-Identifier: Apache-2.0
#include "ipfs/dag_codec.h"

#include "ipfs/cid.h"
#include "ipfs/dag_pb_node.h"
#include "ipfs/hash.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>

#include <cmocka.h>

#define LINK      "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy"
#define LINK_JSON "{\"/\":\"" LINK "\"}"
/* Three links out of order, one without name and size; and its block, as text that Kubo stored. */
#define LINKS_JSON                                                                                 \
    "{\"Data\":{\"/\":{\"bytes\":\"CAE\"}},\"Links\":[{\"Hash\":" LINK_JSON                        \
    ",\"Name\":\"b\",\"Tsize\":3},{\"Hash\":" LINK_JSON                                            \
    ",\"Name\":\"a\",\"Tsize\":5},{\"Hash\":" LINK_JSON "}]}"
#define MIXED_JSON "{\"b\":1,\"a\":[1,2,{\"c\":true,\"d\":null}],\"aa\":{}, \"z\":[]}"

/* What `ipfs dag put --input-codec=dag-json` of Kubo 0.43.1 answered. */
static const struct {
    uint64_t codec;
    const char *json, *cid;
} stored[] = {
    {CODEC_DAG_PB, "{\"Links\":[]}", "bafybeihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"},
    {CODEC_DAG_PB, LINKS_JSON, "bafybeidvno3whmnf47osb4pi5g2nhv6l6raieuqiq3tqdx3f6bizdjydki"},
    {CODEC_RAW, "{\"/\":{\"bytes\":\"CAE\"}}",
     "bafkreih3rwt6wwy3hgphgiixtwwj5h3fo46xgmpb4mcvjy4rdzbslyppde"},
    {CODEC_CBOR, "{\"/\":{\"bytes\":\"CAE\"}}",
     "bafireid2wavrnidugtosdad22ye5zkd2pdpedbzkmw54naiu4djbawzp4u"},
    {CODEC_CBOR, MIXED_JSON, "bafireieexfiz3qfz2b335rxxlzm7cm6agpvzigfixcbpwww3wquc6oehga"},
    {CODEC_CBOR, "1.0", "bafireihtx752fmf3zafbys5dtr4jxohb53yi3qtzfzf6wd5274jwtn5agu"},
    {CODEC_JSON, MIXED_JSON, "bagaaiera2pkbqsz7lkmcubvpyrbitgo5h2d6cp3vwg4bzspakva7uduwy3ba"},
    {CODEC_JSON, "1.0", "bagaaieranodle477gt6odhllqbhp6wr7k5d23jhkuixr2soadzjn3n4hlnfq"},
    {CODEC_DAG_JSON, "{\"/\":{\"bytes\":\"CAE\"}}",
     "baguqeerab53u3cfydcvjgt3u6az2o7dq5pgkqctdu4xdeavebhjec7n5suua"},
    {CODEC_DAG_JSON, MIXED_JSON, "baguqeerapliaggwpdiq56nqv2byg4is7k3sfpd6qu5ysfxa3kxjcuirnalra"},
    {CODEC_DAG_JSON, LINK_JSON, "baguqeeraqjbpg5bxkdcoa5q33yrk6d27rgopvu72irabfubst24lvzdi2aea"},
    {CODEC_DAG_CBOR, "{}", "bafyreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swua"},
    {CODEC_DAG_CBOR, "{\"a\":1}", "bafyreihltcnuuyqp2jm24aqydpnlj7b6w3ogwrplomrjtg5rifv44mmjey"},
};

/* dag-json to another codec. */
static bool transcode(const char *json, uint64_t codec, struct text *out, struct error *err)
{
    struct dag_node node = {0};
    bool ok = dag_codec_decode(&node, CODEC_DAG_JSON, slice_of(json), err) &&
              dag_codec_encode(&node, codec, out, err);

    dag_node_dispose(&node);
    return ok;
}

static void test_dag_codec_stores_what_kubo_stores(void **state)
{
    for (size_t i = 0; i < ARRAY_SIZE(stored); i++) {
        struct text block = {0}, name = {0};
        struct error err = {0};
        struct cid cid;

        if (!transcode(stored[i].json, stored[i].codec, &block, &err))
            fail_msg("%s: %s", stored[i].json, err.text);
        hash_make_cid(&cid, 1, stored[i].codec, HASH_SHA2_256, text_slice(&block));
        cid_print(&cid, CID_BASE_DEFAULT, &name);
        assert_string_equal(name.data, stored[i].cid);
        text_dispose(&block);
        text_dispose(&name);
    }
    (void)state;
}

#define WRONG(method, kind, type, wanted)                                                          \
    "func called on wrong kind: \"" method "\" called on a " type " node (kind: " kind             \
    "), but only makes sense on " wanted

static void test_dag_codec_refuses_in_kubos_words(void **state)
{
    static const struct {
        uint64_t codec;
        const char *json, *text;
    } rows[] = {
        {CODEC_DAG_PB, "{}", "missing required fields: Links"},
        {CODEC_DAG_PB, "{\"Data\":{\"/\":{\"bytes\":\"CAE\"}}}", "missing required fields: Links"},
        {CODEC_DAG_PB, "[]", WRONG("AssignNode", "list", "dagpb.PBNode", "map")},
        {CODEC_DAG_PB, "1", WRONG("AssignNode", "int", "dagpb.PBNode", "map")},
        {CODEC_DAG_PB, "null", WRONG("AssignNull", "map", "dagpb.PBNode", "null")},
        {CODEC_DAG_PB, "{\"Links\":[],\"X\":1}",
         "invalid key for map dagpb.PBNode: \"X\": no such field"},
        {CODEC_DAG_PB, "{\"Links\":1}", WRONG("AssignNode", "int", "dagpb.PBLinks", "list")},
        {CODEC_DAG_PB, "{\"Links\":null}", WRONG("AssignNull", "list", "dagpb.PBLinks", "null")},
        {CODEC_DAG_PB, "{\"Links\":[1]}", WRONG("AssignNode", "int", "dagpb.PBLink", "map")},
        {CODEC_DAG_PB, "{\"Links\":[{}]}", "missing required fields: Hash"},
        {CODEC_DAG_PB, "{\"Links\":[{\"Hash\":1}]}", WRONG("AsLink", "int", "int", "link")},
        {CODEC_DAG_PB, "{\"Links\":[{\"Hash\":null}]}",
         WRONG("AssignNull", "link", "dagpb.Link", "null")},
        {CODEC_DAG_PB, "{\"Links\":[{\"Hash\":" LINK_JSON ",\"Name\":1}]}",
         WRONG("AsString", "int", "int", "string")},
        {CODEC_DAG_PB, "{\"Links\":[{\"Hash\":" LINK_JSON ",\"Name\":null}]}",
         WRONG("AssignNull", "string", "dagpb.String", "null")},
        {CODEC_DAG_PB, "{\"Links\":[{\"Hash\":" LINK_JSON ",\"Tsize\":1.5}]}",
         WRONG("AsInt", "float", "float", "int")},
        {CODEC_DAG_PB, "{\"Links\":[{\"Hash\":" LINK_JSON ",\"Tsize\":-1}]}",
         "Link has negative Tsize value [-1]"},
        {CODEC_DAG_PB, "{\"Links\":[{\"Hash\":" LINK_JSON ",\"Z\":1}]}",
         "invalid key for map dagpb.PBLink: \"Z\": no such field"},
        {CODEC_DAG_PB, "{\"Data\":\"x\",\"Links\":[]}",
         WRONG("AsBytes", "string", "string", "bytes")},
        {CODEC_DAG_PB, "{\"Data\":null,\"Links\":[]}",
         WRONG("AssignNull", "bytes", "dagpb.Bytes", "null")},
        {CODEC_RAW, "1", WRONG("AsBytes", "int", "int", "bytes")},
        {CODEC_RAW, "true", WRONG("AsBytes", "bool", "bool", "bytes")},
        {CODEC_RAW, LINK_JSON, WRONG("AsBytes", "link", "link", "bytes")},
        {CODEC_CBOR, LINK_JSON, "cannot Marshal ipld links to CBOR"},
        {CODEC_JSON, "[" LINK_JSON "]", "cannot marshal IPLD links to this codec"},
        {CODEC_JSON, "{\"/\":{\"bytes\":\"CAE\"}}", "cannot marshal IPLD bytes to this codec"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct text block = {0};
        struct error err = {0};

        if (transcode(rows[i].json, rows[i].codec, &block, &err))
            fail_msg("%s was taken", rows[i].json);
        assert_string_equal(err.text, rows[i].text);
        text_dispose(&block);
    }
    (void)state;
}

static void test_dag_codec_writes_plain_json_over_lines(void **state)
{
    static const struct {
        const char *json, *plain;
    } rows[] = {
        {"{}", "{}\n"},
        {"[]", "[]\n"},
        {"[[]]", "[\n\t[]\n]\n"},
        {"null", "null"},
        {"{\"b\":[1,{\"x\":{}}],\"a\":\"\\u2028\"}",
         "{\n\t\"b\": [\n\t\t1,\n\t\t{\n\t\t\t\"x\": {}\n\t\t}\n\t],\n\t\"a\": \"\\u2028\"\n}\n"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct text out = {0};
        struct error err = {0};

        assert_true(transcode(rows[i].json, CODEC_JSON, &out, &err));
        assert_string_equal(out.data, rows[i].plain);
        text_dispose(&out);
    }
    (void)state;
}

static void test_dag_codec_reads_plain_forms_without_links(void **state)
{
    struct dag_node node = {0};
    struct error err = {0};

    assert_true(dag_codec_decode(&node, CODEC_JSON, SLICE(LINK_JSON), &err));
    assert_int_equal(node.items[0].kind, DAG_MAP);
    assert_false(dag_codec_decode(&node, CODEC_CBOR, SLICE("\xd8\x2a\x45\0\x01\x55\0\0"), &err));
    assert_non_null(strstr(err.text, "unhandled cbor tag 42"));
    err = (struct error){0};
    assert_true(dag_codec_decode(&node, CODEC_DAG_CBOR, SLICE("\xd8\x2a\x45\0\x01\x55\0\0"), &err));
    assert_int_equal(node.items[0].kind, DAG_LINK);
    dag_node_dispose(&node);
    (void)state;
}

static void test_dag_codec_finds_names_and_numbers(void **state)
{
    static const struct {
        const char *name;
        uint64_t code;
    } found[] = {{"dag-json", 0x129}, {"0x71", 0x71}, {"113", 0x71}, {"sha2-256", 0x12}};
    static const char *const unknown[] = {"", "foo", "DAG-JSON", "0x99999999", "-1", "010", "1x"};
    struct error err;
    uint64_t code;

    for (size_t i = 0; i < ARRAY_SIZE(found); i++) {
        err = (struct error){0};
        assert_true(dag_codec_find(slice_of(found[i].name), &code, &err));
        assert_int_equal(code, found[i].code);
    }
    for (size_t i = 0; i < ARRAY_SIZE(unknown); i++) {
        err = (struct error){0};
        assert_false(dag_codec_find(slice_of(unknown[i]), &code, &err));
        assert_non_null(strstr(err.text, "unknown multicodec: \""));
    }
    err = (struct error){0};
    assert_false(dag_codec_check(0x72, DAG_CODEC_DECODER, &err));
    assert_string_equal(err.text, "no decoder registered for multicodec code 114 (0x72)");
    err = (struct error){0};
    assert_false(dag_codec_check(0x72, DAG_CODEC_ENCODER, &err));
    assert_string_equal(err.text, "no encoder registered for multicodec code 114 (0x72)");
    (void)state;
}

/* A dag-pb block as dag-json. */
static void assert_shows(struct slice block, enum dag_pb_form form, const char *json)
{
    struct dag_node node = {0};
    struct text out = {0};
    struct error err = {0};

    if (!dag_pb_decode_node(&node, block, form, &err) ||
        !dag_codec_encode(&node, CODEC_DAG_JSON, &out, &err))
        fail_msg("%s", err.text);
    assert_string_equal(out.data, json);
    text_dispose(&out);
    dag_node_dispose(&node);
}

static void test_dag_pb_node_shows_what_a_link_has_not_as_null(void **state)
{
    static const char plain[] = "{\"Data\":{\"/\":{\"bytes\":\"CAE\"}},\"Links\":["
                                "{\"Hash\":" LINK_JSON "},"
                                "{\"Hash\":" LINK_JSON ",\"Name\":\"a\",\"Tsize\":5},"
                                "{\"Hash\":" LINK_JSON ",\"Name\":\"b\",\"Tsize\":3}]}";
    static const char shown[] = "{\"Data\":{\"/\":{\"bytes\":\"CAE\"}},\"Links\":["
                                "{\"Hash\":" LINK_JSON ",\"Name\":null,\"Tsize\":null},"
                                "{\"Hash\":" LINK_JSON ",\"Name\":\"a\",\"Tsize\":5},"
                                "{\"Hash\":" LINK_JSON ",\"Name\":\"b\",\"Tsize\":3}]}";
    struct text block = {0};
    struct error err = {0};

    assert_true(transcode(LINKS_JSON, CODEC_DAG_PB, &block, &err));
    assert_shows(text_slice(&block), DAG_PB_PLAIN, plain);
    assert_shows(text_slice(&block), DAG_PB_SHOWN, shown);
    assert_shows(SLICE(""), DAG_PB_PLAIN, "{\"Links\":[]}");
    assert_shows(SLICE(""), DAG_PB_SHOWN, "{\"Data\":null,\"Links\":[]}");
    assert_shows(SLICE("\x0a\x00"), DAG_PB_SHOWN,
                 "{\"Data\":{\"/\":{\"bytes\":\"\"}},\"Links\":[]}");
    text_dispose(&block);
    (void)state;
}

static void test_dag_pb_node_refuses_a_block_that_is_none(void **state)
{
    struct dag_node node = {0};
    struct error err = {0};

    assert_false(dag_pb_decode_node(&node, SLICE("xx"), DAG_PB_PLAIN, &err));
    assert_int_equal(err.code, ERROR_SYNTAX);
    dag_node_dispose(&node);
    (void)state;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_dag_codec_stores_what_kubo_stores),
        cmocka_unit_test(test_dag_codec_refuses_in_kubos_words),
        cmocka_unit_test(test_dag_codec_writes_plain_json_over_lines),
        cmocka_unit_test(test_dag_codec_reads_plain_forms_without_links),
        cmocka_unit_test(test_dag_codec_finds_names_and_numbers),
        cmocka_unit_test(test_dag_pb_node_shows_what_a_link_has_not_as_null),
        cmocka_unit_test(test_dag_pb_node_refuses_a_block_that_is_none),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
