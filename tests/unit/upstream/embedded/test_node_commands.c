// SPDX-License-Identifier: Apache-2.0
/* What the node says of itself, of CIDs and bases, and of what it does not have: as Kubo 0.43.1
 * says it offline. */
#include "task_bench.h"

#include "conf/memory.h"
#include "upstream/embedded/node_commands.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>

#include <cmocka.h>

#define DIRECTORY "QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn"

static void test_node_says_what_kubo_says(void **state)
{
    static const struct {
        const char *target, *output;
    } cases[] = {
        {"repo/version", "{\"Version\":\"18\"}\n"},
        {"bootstrap", "{\"Peers\":[]}\n"},
        {"diag/healthy", "\"ok\"\n"},
        {"cid/base32?arg=" DIRECTORY,
         "{\"CidStr\":\"" DIRECTORY
         "\",\"Formatted\":\"bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354\","
         "\"ErrorMsg\":\"\"}\n"},
        {"cid/format?arg=" DIRECTORY "&f=%25b-%25c-%25S&v=1&b=base36",
         "{\"CidStr\":\"" DIRECTORY
         "\",\"Formatted\":\"base36-dag-pb-2jmtxtlhjl3fhmgndf92e48by79ryjuvqp3y2qgehpao6v3lurvnmcv"
         "\",\"ErrorMsg\":\"\"}\n"},
        {"cid/format?arg=xx", "{\"CidStr\":\"xx\",\"Formatted\":\"\",\"ErrorMsg\":\"invalid cid: "
                              "selected encoding not supported\"}\n"},
        {"cid/format?arg=" DIRECTORY "&mc=raw",
         "{\"CidStr\":\"" DIRECTORY
         "\",\"Formatted\":\"zb2rhcfxpvbQ3Tzy7CWPbWpXjiyqgj1kYQakS5gBKyhUC8DaW\","
         "\"ErrorMsg\":\"\"}\n"},
        {"cid/format?arg=bafkreibav37qjfhifdiyrrye4h2irjmjwfnoahir63frfh3cckoku3gfim&v=0",
         "{\"CidStr\":\"bafkreibav37qjfhifdiyrrye4h2irjmjwfnoahir63frfh3cckoku3gfim\","
         "\"Formatted\":\"\",\"ErrorMsg\":\"can't convert non-dag-pb nodes to cidv0\"}\n"},
        {"cid/format?arg=bafkqaaa&f=%25P",
         "{\"CidStr\":\"bafkqaaa\",\"Formatted\":\"cidv1-raw-identity-0\",\"ErrorMsg\":\"\"}\n"},
        {"cid/inspect?arg=" DIRECTORY,
         "{\"cid\":\"" DIRECTORY
         "\",\"version\":0,\"multibase\":{\"prefix\":\"z\",\"name\":\"base58btc\"},\"multicodec\":"
         "{\"code\":112,\"name\":\"dag-pb\"},\"multihash\":{\"code\":18,\"name\":\"sha2-256\","
         "\"length\":32,\"digest\":"
         "\"59948439065f29619ef41280cbb932be52c56d99c5966b65e0111239f098bbef\"},\"cidV0\":"
         "\"" DIRECTORY "\",\"cidV1\":"
         "\"bafybeiczsscdsbs7ffqz55asqdf3smv6klcw3gofszvwlyarci47bgf354\"}\n"},
        {"cid/inspect?arg=/ipfs/x",
         "{\"cid\":\"/ipfs/x\",\"version\":0,\"multibase\":{\"prefix\":\"\",\"name\":\"\"},"
         "\"multicodec\":{\"code\":0,\"name\":\"\"},\"multihash\":{\"code\":0,\"name\":\"\","
         "\"length\":0,\"digest\":\"\"},\"cidV1\":\"\",\"errorMsg\":\"invalid CID: invalid cid: "
         "selected encoding not supported\"}\n"},
        {"cid/codecs?supported=true",
         "[{\"Code\":81,\"Name\":\"cbor\"},{\"Code\":85,\"Name\":\"raw\"},{\"Code\":112,\"Name\":"
         "\"dag-pb\"},{\"Code\":113,\"Name\":\"dag-cbor\"},{\"Code\":114,\"Name\":"
         "\"libp2p-key\"},{\"Code\":120,\"Name\":\"git-raw\"},{\"Code\":133,\"Name\":\"dag-jose\"}"
         ",{\"Code\":297,\"Name\":\"dag-json\"},{\"Code\":512,\"Name\":\"json\"}]\n"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char target[256];
        char *output;

        snprintf(target, sizeof(target), "/api/v0/%s", cases[i].target);
        output = task_bench_output(*state, target);
        assert_string_equal(output, cases[i].output);
        free(output);
    }
}

static void test_node_fails_as_kubo_does(void **state)
{
    static const struct {
        const char *target, *says;
    } cases[] = {
        {"id?arg=QmXX", "invalid peer id"},
        {"id?arg=12D3KooWHVXoJnv2ifmr9K6LWwJPXxkfvzZRHzjiTZMvybeTnwPy",
         "'ipfs id' cannot query information on remote peers without a running daemon; if you only "
         "want to convert --peerid-base, pass --offline option"},
        {"cid/format?arg=" DIRECTORY "&f=%25x", "unrecognized specifier in format string: %x"},
        {"cid/format?arg=" DIRECTORY "&f=abc", "invalid format string: \"abc\""},
        {"cid/format?arg=" DIRECTORY "&f=%25", "premature end of format string"},
        {"cid/format?arg=" DIRECTORY "&v=2", "invalid cid version: \"2\""},
        {"cid/format?arg=" DIRECTORY "&b=nope", "unsupported multibase encoding: nope"},
        {"cid/format?arg=" DIRECTORY "&mc=nope", "unknown multicodec: \"nope\""},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        char target[256];
        char *message;

        snprintf(target, sizeof(target), "/api/v0/%s", cases[i].target);
        message = task_bench_failure(*state, target);
        assert_string_equal(message, cases[i].says);
        free(message);
    }
}

static void test_node_is_the_same_after_a_restart(void **state)
{
    char *before = task_bench_output(*state, "/api/v0/id"), *after, *by_id;
    char target[256] = "/api/v0/id?arg=";

    assert_int_equal(strncmp(before, "{\"ID\":\"12D3KooW", 15), 0);
    strncat(target, before + 7, 52);
    by_id = task_bench_output(*state, target);
    assert_string_equal(by_id, before);
    task_bench_reopen(*state);
    after = task_bench_output(*state, "/api/v0/id");
    assert_string_equal(after, before);
    free(before);
    free(after);
    free(by_id);
}

static void test_node_encodes_and_decodes(void **state)
{
    static const struct {
        const char *target;
        struct slice body;
        const char *output, *says;
    } cases[] = {
        {"multibase/encode?b=base32", SLICE("hello"), "bnbswy3dp", NULL},
        {"multibase/encode", SLICE("hello"), "uaGVsbG8", NULL},
        {"multibase/encode?b=xx", SLICE("hello"), NULL, "unsupported multibase encoding: xx"},
        {"multibase/decode", SLICE("bnbswy3dp"), "hello", NULL},
        {"multibase/decode", SLICE("hello"), NULL,
         "failed to decode multibase: selected encoding not supported"},
        {"multibase/transcode", SLICE("mAQID"), "uAQID", NULL},
        {"multibase/transcode?b=base16", SLICE("mAQID"), "f010203", NULL},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct text body = {0};
        const char *type = task_bench_file_body(&body, cases[i].body);
        struct task_bench_reply reply;
        char target[256];

        snprintf(target, sizeof(target), "/api/v0/%s", cases[i].target);
        task_bench_run(
            *state,
            &(struct task_bench_call){
                .target = target, .body = text_slice(&body), .content_type = type, .piece_max = 7},
            &reply);
        if (cases[i].says != NULL)
            assert_string_equal(reply.err.text, cases[i].says);
        else
            assert_string_equal(reply.output.data, cases[i].output);
        task_bench_reply_dispose(&reply);
        text_dispose(&body);
    }
}

static void test_node_says_what_it_lacks(void **state)
{
    static const struct {
        enum command_id id;
        enum error_code code;
        const char *says;
    } cases[] = {
        {COMMAND_SWARM_PEERS, ERROR_UNSUPPORTED,
         "this action must be run in online mode, try running 'ipfs daemon' first"},
        {COMMAND_PING, ERROR_UNSUPPORTED,
         "this command must be run in online mode. Try running 'ipfs daemon' first"},
        {COMMAND_STATS_BW, ERROR_SYNTAX,
         "unable to run offline: this command must be run in online mode. Try running 'ipfs "
         "daemon' first"},
        {COMMAND_DHT_GET, ERROR_UNSUPPORTED, "removed, use 'ipfs routing' instead"},
        {COMMAND_OBJECT_GET, ERROR_UNSUPPORTED, "removed, use 'ipfs dag' or 'ipfs files' instead"},
        {COMMAND_KEY_GEN, ERROR_UNSUPPORTED,
         "key/gen: the embedded node does not have this command"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct error err = {0};

        assert_false(node_lacks(catalogue_command(cases[i].id), &err));
        assert_int_equal(err.code, cases[i].code);
        assert_string_equal(err.text, cases[i].says);
    }
}

#define BENCH_TEST(test)                                                                           \
    cmocka_unit_test_setup_teardown(test, task_bench_setup, task_bench_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BENCH_TEST(test_node_says_what_kubo_says),
        BENCH_TEST(test_node_fails_as_kubo_does),
        BENCH_TEST(test_node_is_the_same_after_a_restart),
        BENCH_TEST(test_node_encodes_and_decodes),
        cmocka_unit_test(test_node_says_what_it_lacks),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
