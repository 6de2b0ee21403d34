// SPDX-License-Identifier: Apache-2.0
/* dag/stat, export, get and resolve over a few blocks; each answer is what Kubo 0.43.1 gave for the
 * same ones. */
#include "ipfs/dag_codec.h"
#include "ipfs/hash.h"
#include "task_bench.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define EMPTY   "bafyreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swua" /* {} */
#define PAIR    "bafyreihl6byechlhb6wi5kivaxoehncei2qo6zai27rdhaizoqal5oq77e"
#define HELLO   "QmWfVY9y3xjsixTgbd9AorQxH7VtMpzfx2HaWtsoUYecaX" /* a file */
#define TREE    "bafyreibo73gaoleuzmq5nbxdzj4pmpar72ic73vpjdudlbmi7kcdnxb3cy"
#define MISSING "bafkreigh2akiscaildcqabsyg3dfr6chu3fgpregiymsck7e7aqa4s52zy"
#define PARTIAL "bafyreifz2ykhtzhktcx2av4t4oenbolheukm4fovbylmqa572es3og2mp4"
#define LINKS   "bafybeidvno3whmnf47osb4pi5g2nhv6l6raieuqiq3tqdx3f6bizdjydki"
#define VALUES  "bafyreif4tldl5g2evsjlrcrfr4u3dppnrnietlm5mkq44djwjb3qzgjqkm"

#define LINK(cid)                "{\"/\":\"" cid "\"}"
#define BLOCK(cid, size, blocks) "{\"Cid\":\"" cid "\",\"Size\":" size ",\"NumBlocks\":" blocks "}"
#define GONE                     "block was not found locally (offline): ipld: could not find " MISSING

static const struct {
    uint64_t codec;
    const char *json, *cid;
} blocks[] = {
    {CODEC_DAG_CBOR, "{}", EMPTY},
    {CODEC_DAG_CBOR, "{\"x\":[" LINK(EMPTY) "," LINK(EMPTY) "],\"y\":" LINK("bafkqaaa") "}", PAIR},
    {CODEC_DAG_CBOR, "{\"a\":" LINK(PAIR) ",\"v\":" LINK(HELLO) "}", TREE},
    {CODEC_DAG_CBOR, "{\"a\":1,\"b\":[1,2," LINK("bafkqaaa") "," LINK(MISSING) "]}", PARTIAL},
    {CODEC_DAG_CBOR,
     "{\"b\":1,\"a\":[1,2,{\"c\":true,\"d\":null,\"e\":1.5,\"f\":\"x<"
     "\\u0001\\u007f\\u2028\xc3\xa9\""
     ",\"g\":{}}],\"aa\":{\"zz\":[],\"y\":[[]]}, \"z\":[]}",
     VALUES},
    {CODEC_DAG_PB,
     "{\"Data\":{\"/\":{\"bytes\":\"CAE\"}},\"Links\":[{\"Hash\":" LINK(
         MISSING) ",\"Name\":\"b\",\"Tsize\":3},{\"Hash\":" LINK(MISSING) ",\"Name\":\"a\","
                                                                          "\"Tsize\":5},{\"Hash\":"
                                                                          "" LINK(MISSING) "}]}",
     LINKS},
};

static void put_json(struct task_bench *bench, uint64_t codec, const char *json,
                     const char *expected)
{
    struct dag_node node = {0};
    struct text block = {0}, name = {0};
    struct error err = {0};
    struct cid cid;

    if (!dag_codec_decode(&node, CODEC_DAG_JSON, slice_of(json), &err) ||
        !dag_codec_encode(&node, codec, &block, &err))
        fail_msg("%s: %s", json, err.text);
    hash_make_cid(&cid, 1, codec, HASH_SHA2_256, text_slice(&block));
    cid_print(&cid, CID_BASE_DEFAULT, &name);
    assert_string_equal(name.data, expected);
    task_bench_put(bench, &cid, text_slice(&block));
    text_dispose(&block);
    text_dispose(&name);
    dag_node_dispose(&node);
}

static int setup(void **state)
{
    static const char hello[] = "\x0a\x0b\x08\x02\x12\x05hello\x18\x05";
    struct error err = {0};
    struct cid cid;

    if (task_bench_setup(state) != 0)
        return -1;
    for (size_t i = 0; i < ARRAY_SIZE(blocks); i++)
        put_json(*state, blocks[i].codec, blocks[i].json, blocks[i].cid);
    assert_true(cid_parse(&cid, SLICE(HELLO), &err));
    task_bench_put(*state, &cid, SLICE(hello));
    return 0;
}

/* ---- dag/stat */

static void test_dag_stat_counts_as_kubo(void **state)
{
    static const struct {
        const char *arguments, *output;
    } rows[] = {
        {"arg=" PAIR,
         "{\"TotalSize\":96,\"DagStats\":[" BLOCK(
             PAIR, "96", "1") "]}\n"
                              "{\"TotalSize\":97,\"DagStats\":[" BLOCK(
                                  PAIR, "97",
                                  "2") "]}\n"
                                       "{\"TotalSize\":97,\"DagStats\":[" BLOCK(
                                           PAIR, "97",
                                           "3") "]}\n"
                                                "{\"UniqueBlocks\":3,\"TotalSize\":97,\"Ratio\":1,"
                                                "\"DagStats\":[" BLOCK(PAIR, "97", "3") "]}\n"},
        {"arg=" EMPTY "&arg=" PAIR,
         "{\"TotalSize\":1,\"DagStats\":[" BLOCK(
             EMPTY, "1",
             "1") "]}\n"
                  "{\"TotalSize\":97,\"DagStats\":[" BLOCK(EMPTY, "1", "1") "," BLOCK(
                      PAIR, "96",
                      "1") "]}\n"
                           "{\"TotalSize\":97,\"DagStats\":[" BLOCK(EMPTY, "1", "1") "," BLOCK(
                               PAIR, "97",
                               "2") "]}\n"
                                    "{\"TotalSize\":97,\"DagStats\":[" BLOCK(
                                        EMPTY, "1",
                                        "1") "," BLOCK(PAIR, "97",
                                                       "3") "]}\n"
                                                            "{\"UniqueBlocks\":3,\"TotalSize\":97,"
                                                            "\"SharedSize\":1,\"Ratio\":1.0103092,"
                                                            "\"DagStats\":[" BLOCK(
                                                                EMPTY, "1",
                                                                "1") "," BLOCK(PAIR, "97",
                                                                               "3") "]}\n"},
        {"progress=false&arg=" PAIR "&arg=" TREE,
         "{\"UniqueBlocks\":5,\"TotalSize\":195,\"SharedSize\":97,\"Ratio\":1.4974359,\"DagStats\":"
         "[" BLOCK(PAIR, "97", "3") "," BLOCK(TREE, "195", "5") "]}\n"},
        {"progress=false&arg=" TREE "&arg=" TREE "&arg=" TREE,
         "{\"UniqueBlocks\":5,\"TotalSize\":195,\"SharedSize\":390,\"Ratio\":3,\"DagStats\":"
         "[" BLOCK(TREE, "195", "5") "," BLOCK(TREE, "195", "5") "," BLOCK(TREE, "195",
                                                                           "5") "]}\n"},
        {"progress=false&cid-base=base36&arg=" TREE,
         "{\"UniqueBlocks\":5,\"TotalSize\":195,\"Ratio\":1,\"DagStats\":[" BLOCK(
             "k2jvsl6k89ole8ulfsdo05ykz4djp9wwcx1u6g3w8c6jk7gmd4no6vx2", "195", "5") "]}\n"},
        {"progress=false&cid-base=base32&arg=" TREE "&arg=" HELLO,
         "{\"UniqueBlocks\":5,\"TotalSize\":195,\"SharedSize\":13,\"Ratio\":1.0666667,\"DagStats\":"
         "[" BLOCK(TREE, "195", "5") "," BLOCK(
             "bafybeid3weurg3gvyoi7nisadzolomlvoxoppe2sesktnpvdve3256n5tq", "13", "1") "]}\n"},
        {"progress=false&arg=/ipfs/" TREE "/a",
         "{\"UniqueBlocks\":3,\"TotalSize\":97,\"Ratio\":1,\"DagStats\":[" BLOCK(PAIR, "97",
                                                                                 "3") "]}\n"},
    };

    for (size_t i = 0; i < 2 * ARRAY_SIZE(rows); i++) {
        char target[512];
        struct task_bench_call call = {.target = target, .is_always_due = i % 2 == 1};
        struct task_bench_reply reply;

        snprintf(target, sizeof(target), "/api/v0/dag/stat?%s", rows[i / 2].arguments);
        task_bench_run(*state, &call, &reply);
        assert_int_equal(reply.err.code, ERROR_NONE);
        assert_string_equal(reply.output.data, rows[i / 2].output);
        assert_string_equal(reply.header_lines.data, "X-Chunked-Output: 1\r\n");
        task_bench_reply_dispose(&reply);
    }
}

#define TABLE(pad, rows, summary)                                                                  \
    "\nCID" pad "\tBlocks         \tSize\n" rows "\nSummary\n" summary "\n\n\n"

static void test_dag_stat_writes_kubos_table(void **state)
{
    static const struct {
        const char *arguments, *output;
    } rows[] = {
        {"arg=bafkqaaa&encoding=text",
         TABLE("     ", "bafkqaaa\t1              \t0\n",
               "Total Size: 0 (0 B)\nUnique Blocks: 0\nShared Size: 0 (0 B)\nRatio: 0.000000")
             TABLE("     ", "bafkqaaa\t1              \t0\n",
                   "Total Size: 0 (0 B)\nUnique Blocks: 1\nShared Size: 0 (0 B)\nRatio: NaN")},
        {"arg=bafkqaaa&arg=" PAIR "&arg=" TREE "&progress=false&encoding=text",
         TABLE("     ",
               "bafkqaaa\t1              \t0\n" PAIR "\t3              \t97\n" TREE
               "\t5              \t195\n",
               "Total Size: 195 (195 B)\nUnique Blocks: 5\nShared Size: 97 (97 B)\n"
               "Ratio: 1.497436")},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char target[512];
        struct task_bench_call call = {.target = target};
        struct task_bench_reply reply;

        snprintf(target, sizeof(target), "/api/v0/dag/stat?%s", rows[i].arguments);
        task_bench_run(*state, &call, &reply);
        assert_string_equal(reply.err.text, "");
        assert_string_equal(reply.output.data, rows[i].output);
        assert_string_equal(reply.content_type.data, "text/plain");
        task_bench_reply_dispose(&reply);
    }
}

/* What came before (NULL: the status tells of the failure, else a trailer), and what it says. */
static void assert_fails(struct task_bench *bench, const char *target, const char *output,
                         const char *message)
{
    struct task_bench_call call = {.target = target};
    struct task_bench_reply reply;

    task_bench_run(bench, &call, &reply);
    assert_string_equal(reply.err.text, message);
    assert_int_equal(reply.is_broken, output != NULL);
    text_put_char(&reply.output, '\0');
    if (output != NULL)
        assert_string_equal(reply.output.data, output);
    task_bench_reply_dispose(&reply);
}

static void test_dag_stat_fails_as_kubo(void **state)
{
    assert_fails(*state, "/api/v0/dag/stat?arg=bafkqaaa",
                 "{\"DagStats\":[{\"Cid\":\"bafkqaaa\",\"NumBlocks\":1}]}\n",
                 "json: unsupported value: NaN");
    assert_fails(*state, "/api/v0/dag/stat?progress=false&arg=bafkqaaa", "",
                 "json: unsupported value: NaN");
    assert_fails(*state, "/api/v0/dag/stat?arg=" MISSING, NULL, GONE);
    assert_fails(*state, "/api/v0/dag/stat?arg=bafkqaaa&arg=" MISSING,
                 "{\"DagStats\":[{\"Cid\":\"bafkqaaa\",\"NumBlocks\":1}]}\n", GONE);
    assert_fails(
        *state, "/api/v0/dag/stat?arg=" PARTIAL,
        "{\"TotalSize\":58,\"DagStats\":[" BLOCK(
            PARTIAL, "58", "1") "]}\n"
                                "{\"TotalSize\":58,\"DagStats\":[" BLOCK(PARTIAL, "58", "2") "]}\n",
        "error traversing DAG: " GONE);
    assert_fails(*state, "/api/v0/dag/stat?progress=false&arg=" PARTIAL, NULL,
                 "error traversing DAG: " GONE);
    assert_fails(*state, "/api/v0/dag/stat?arg=/ipfs/" TREE "/a/x", NULL,
                 "cannot return size for anything other than a DAG with a root CID");
}

/* ---- dag/export */

static void assert_car(struct task_bench *bench, const char *arguments, const char *digest)
{
    char target[256], hex[2 * 32 + 1];
    uint8_t bytes[HASH_DIGEST_MAX];
    struct task_bench_call call = {.target = target};
    struct task_bench_reply reply;

    snprintf(target, sizeof(target), "/api/v0/dag/export?%s", arguments);
    for (int due = 0; due < 2; due++) {
        call.is_always_due = due == 1;
        task_bench_run(bench, &call, &reply);
        assert_int_equal(reply.err.code, ERROR_NONE);
        assert_string_equal(reply.content_type.data, "application/vnd.ipld.car");
        assert_string_equal(reply.header_lines.data, "X-Stream-Output: 1\r\n");
        hash_block(HASH_SHA2_256, text_slice(&reply.output), bytes);
        for (int i = 0; i < 32; i++)
            snprintf(hex + 2 * i, 3, "%02x", bytes[i]);
        assert_string_equal(hex, digest);
        task_bench_reply_dispose(&reply);
    }
}

static void test_dag_export_writes_kubos_car(void **state)
{
    assert_car(*state, "arg=" TREE,
               "b65e67e9c050ee6d419d494a5724da6ec2f2db35b01cdc2cf8d7f7c4b01348d3");
    assert_car(*state, "local-only=true&arg=" TREE,
               "bba8c89e76881251202228b26d604e3cc06d529d66fa2afa79f002f08ff02d80");
}

static void test_dag_export_fails_as_kubo(void **state)
{
    struct task_bench_call call = {.target = "/api/v0/dag/export?arg=" PARTIAL};
    struct task_bench_reply reply;

    assert_fails(*state, "/api/v0/dag/export?arg=" MISSING, NULL, GONE);
    assert_fails(*state, "/api/v0/dag/export?local-only=true&arg=" MISSING, NULL, GONE);
    assert_fails(*state, "/api/v0/dag/export?local-only=true&offline=false&arg=" TREE, NULL,
                 "--local-only implies --offline and cannot be combined with --offline=false; "
                 "please drop one of them");
    task_bench_run(*state, &call, &reply);
    assert_true(reply.is_broken);
    assert_int_equal(reply.output.size, 59 + 95 + 5); /* header, root, the inline block */
    assert_string_equal(reply.err.text,
                        "walk failed: error traversing node at \"b/3\": could not load link "
                        "\"" MISSING "\": " GONE " (currently offline, perhaps retry after "
                        "attaching to the network)");
    task_bench_reply_dispose(&reply);
}

/* ---- dag/get, dag/resolve */

static void test_dag_get_shows_nodes_as_kubo(void **state)
{
    static const struct {
        const char *arguments, *output;
    } rows[] = {
        {"arg=" VALUES, "{\"a\":[1,2,{\"c\":true,\"d\":null,\"e\":1.5,\"f\":\"x<\\u0001\x7f\\u2028"
                        "\xc3\xa9\",\"g\":{}}],\"aa\":{\"y\":[[]],\"zz\":[]},\"b\":1,\"z\":[]}"},
        {"output-codec=json&arg=/ipfs/" VALUES "/aa",
         "{\n\t\"y\": [\n\t\t[]\n\t],\n\t\"zz\": []\n}\n"},
        {"arg=" VALUES "/a/2/f", "\"x<\\u0001\x7f\\u2028\xc3\xa9\""},
        {"arg=" VALUES "/a/01", "2"},
        {"arg=" LINKS,
         "{\"Data\":{\"/\":{\"bytes\":\"CAE\"}},\"Links\":["
         "{\"Hash\":" LINK(MISSING) ",\"Name\":null,\"Tsize\":null},"
                                    "{\"Hash\":" LINK(
                                        MISSING) ",\"Name\":\"a\",\"Tsize\":5},"
                                                 "{\"Hash\":" LINK(
                                                     MISSING) ",\"Name\":\"b\",\"Tsize\":3}]}"},
        {"arg=/ipld/" LINKS "/Links/0",
         "{\"Hash\":" LINK(MISSING) ",\"Name\":null,\"Tsize\":null}"},
        {"arg=/ipld/" LINKS "/Links/1/Tsize", "5"},
        {"arg=/ipld/" LINKS "/Links/0/Name", "null"},
        {"output-codec=raw&arg=/ipld/" LINKS "/Data", "\x08\x01"},
        {"output-codec=raw&arg=bafkqabdimvwgy", "hell"},
        {"arg=" TREE "/a/y", "{\"/\":{\"bytes\":\"\"}}"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char target[256], *output;

        snprintf(target, sizeof(target), "/api/v0/dag/get?%s", rows[i].arguments);
        output = task_bench_output(*state, target);
        assert_string_equal(output, rows[i].output);
        free(output);
    }
}

static void test_dag_get_fails_as_kubo(void **state)
{
    static const struct {
        const char *arguments, *output, *message;
    } rows[] = {
        {"output-codec=foo&arg=" VALUES, NULL, "unknown multicodec: \"foo\""},
        {"output-codec=libp2p-key&arg=" VALUES, NULL,
         "invalid encoding: libp2p-key - no encoder registered for multicodec code 114 (0x72)"},
        {"output-codec=dag-pb&arg=" VALUES, "",
         "invalid key for map dagpb.PBNode: \"a\": no such field"},
        {"output-codec=json&arg=" LINKS,
         "{\n\t\"Links\": [\n\t\t{\n\t\t\t\"Hash\": ", "cannot marshal IPLD links to this codec"},
        {"output-codec=cbor&arg=" PARTIAL, "\xa2\x61\x61\x01\x61\x62\x84\x01\x02",
         "cannot Marshal ipld links to CBOR"},
        {"arg=" MISSING, NULL, GONE},
        {"arg=" VALUES "/zz", NULL, "key not found: \"zz\""},
        {"arg=/ipfs/" LINKS "/x", NULL, "no link named \"x\" under " LINKS},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char target[256];

        snprintf(target, sizeof(target), "/api/v0/dag/get?%s", rows[i].arguments);
        assert_fails(*state, target, rows[i].output, rows[i].message);
    }
}

static void test_dag_resolve_says_where_a_path_ends(void **state)
{
    static const struct {
        const char *path, *output;
    } rows[] = {
        {TREE, "{\"Cid\":" LINK(TREE) ",\"RemPath\":\"\"}\n"},
        {TREE "/a", "{\"Cid\":" LINK(PAIR) ",\"RemPath\":\"\"}\n"},
        {TREE "/a/x/0", "{\"Cid\":" LINK(EMPTY) ",\"RemPath\":\"\"}\n"},
        {"/ipfs/" TREE "/v", "{\"Cid\":" LINK(HELLO) ",\"RemPath\":\"\"}\n"},
        {VALUES "/a/2/c", "{\"Cid\":" LINK(VALUES) ",\"RemPath\":\"/a/2/c\"}\n"},
        {LINKS "/a", "{\"Cid\":" LINK(MISSING) ",\"RemPath\":\"\"}\n"},
        {"/ipld/" LINKS "/Links/0/Name",
         "{\"Cid\":" LINK(LINKS) ",\"RemPath\":\"/Links/0/Name\"}\n"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char target[256], *output;

        snprintf(target, sizeof(target), "/api/v0/dag/resolve?arg=%s", rows[i].path);
        output = task_bench_output(*state, target);
        assert_string_equal(output, rows[i].output);
        free(output);
    }
}

#define BENCH_TEST(test) cmocka_unit_test_setup_teardown(test, setup, task_bench_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BENCH_TEST(test_dag_stat_counts_as_kubo),
        BENCH_TEST(test_dag_stat_writes_kubos_table),
        BENCH_TEST(test_dag_stat_fails_as_kubo),
        BENCH_TEST(test_dag_export_writes_kubos_car),
        BENCH_TEST(test_dag_export_fails_as_kubo),
        BENCH_TEST(test_dag_get_shows_nodes_as_kubo),
        BENCH_TEST(test_dag_get_fails_as_kubo),
        BENCH_TEST(test_dag_resolve_says_where_a_path_ends),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
