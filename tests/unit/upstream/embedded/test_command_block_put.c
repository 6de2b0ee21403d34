// SPDX-License-Identifier: Apache-2.0
/* The keys and messages here are those of Kubo 0.43.1. */
#include "conf/memory.h"
#include "tests/unit/upstream/embedded/import_kit.h"

#include <stdio.h>
#include <stdlib.h>

#define RAW "bafkreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq"

static const struct import_part one[] = {{"f", "a", "hello", NULL}, {NULL, NULL, NULL, NULL}};

static void test_block_put_names_the_block_as_it_is_asked_to(void **state)
{
    static const struct {
        const char *options, *key;
    } rows[] = {
        {"", RAW},
        {"?cid-codec=dag-pb", "bafybeibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq"},
        {"?cid-codec=0x55", RAW},
        {"?cid-codec=", RAW},
        {"?cid-codec=dag-json&format=",
         "baguqeeraftze3os7wcrq4jxihmvmlopctynrmhs4d6tuexttaqzwfe4ltasa"},
        {"?format=v0&cid-codec=raw", "QmRN6wdp1S2A5EtjW9A3M1vKSBuQQGcgvuhoMUoEz4iiT5"},
        {"?format=protobuf", "bafybeibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq"},
        {"?format=cbor", "bafyreibm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa7u5bf44yegnrjhc4yeq"},
        {"?mhlen=20", "bafkrefbm6jg3ux5qumhcn2b3flc3tyu6dmlb4xa"},
        {"?mhlen=-2", RAW},
        {"?mhtype=identity&mhlen=4", "bafkqablimvwgy3y"},
        {"?mhtype=blake2b-256", "bafk2bzaceaze3tycpxkkgcutfrcb6ns2exugwfz556slrzmjjasti4nydnzm6"},
        {"?mhtype=sha2-512&mhlen=32",
         "bafkrgie3ohjcjplc6n4f3fwunlj6upltggn7xqujbsvnvyw764srszz4u4"},
        {"?cid-base=base36", "k2cwue9rqdypmt3thjky14z1tk9fi9f0o5w7b3ofitdewlcf87lismqs"},
        {"?pin=true", RAW},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char target[100], output[200];

        snprintf(target, sizeof(target), "/api/v0/block/put%s", rows[i].options);
        snprintf(output, sizeof(output), "{\"Key\":\"%s\",\"Size\":5}\n", rows[i].key);
        import_assert_parts(*state, target, one, output, NULL);
    }
}

static void test_block_put_refuses_options_in_the_words_of_kubo(void **state)
{
    static const struct {
        const char *options, *failure;
    } rows[] = {
        {"cid-codec=foo", "unknown multicodec: \"foo\""},
        {"format=xx", "unknown multicodec: \"xx\""},
        {"format=v0&cid-codec=dag-pb",
         "unable to use \"format\" (deprecated) and a custom \"cid-codec\" at the same time"},
        {"format=v0&mhtype=sha2-512", "only sha2-255-32 is allowed with CIDv0"},
        {"format=v0&mhlen=20", "only sha2-255-32 is allowed with CIDv0"},
        {"mhtype=SHA2-512", "unrecognized multihash function: SHA2-512"},
        {"mhlen=19", "digest too small: sha2-256 digest got 19 bytes, minimum 20"},
        {"mhlen=33", "invalid cid: requested length was too large for digest"},
        {"mhtype=blake2b-128", "potentially insecure hash functions not allowed"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        char target[100];

        snprintf(target, sizeof(target), "/api/v0/block/put?%s", rows[i].options);
        import_assert_parts(*state, target, one, "", rows[i].failure);
    }
}

static void test_block_put_takes_several_files_but_no_directory(void **state)
{
    static const struct import_part two[] = {{"f", "a", "1", NULL},
                                             {"f", "a/below", "2", NULL},
                                             {"l", "b", "2", NULL},
                                             {NULL, NULL, NULL, NULL}};
    static const struct import_part directory[] = {
        {"f", "a", "1", NULL}, {"d", "b", NULL, NULL}, {NULL, NULL, NULL, NULL}};
    static const struct import_part inside[] = {
        {"f", "a", "1", NULL}, {"f", "b/c", "2", NULL}, {NULL, NULL, NULL, NULL}};
    static const char first[] =
        "{\"Key\":\"bafkreidlq2zhh7zu7tqz224aj37vup2xi6w2j2vcf4outqa6klo3pb23jm\",\"Size\":1}\n";
    static const char both[] =
        "{\"Key\":\"bafkreidlq2zhh7zu7tqz224aj37vup2xi6w2j2vcf4outqa6klo3pb23jm\",\"Size\":1}\n"
        "{\"Key\":\"bafkreiguonpdujs6c3xoap2zogfzwxidagoapwfwyupzbwr2mzxoye5lgu\",\"Size\":1}\n";

    import_assert_parts(*state, "/api/v0/block/put", two, both, NULL);
    import_assert_parts(*state, "/api/v0/block/put", directory, first, "expected a file");
    import_assert_parts(*state, "/api/v0/block/put", inside, first, "expected a file");
    import_assert_parts(*state, "/api/v0/block/put", two + 3, "", NULL);
}

/* Of a size, all 'x'; in one piece, since it is large. */
static void put_large(struct task_bench *bench, const char *target, size_t size,
                      struct task_bench_reply *reply)
{
    static const struct import_part part = {"f", "a", NULL, NULL};
    struct text body = {0};
    char *content = memory_alloc(size);

    memset(content, 'x', size);
    import_put_part(&body, &part, (struct slice){content, size});
    import_end_body(&body);
    task_bench_run(bench,
                   &(struct task_bench_call){
                       .target = target, .body = text_slice(&body), .content_type = IMPORT_TYPE},
                   reply);
    text_dispose(&body);
    free(content);
}

static void test_block_put_takes_blocks_that_other_nodes_can_exchange(void **state)
{
    static const struct {
        const char *target;
        size_t size;
        const char *failure;
    } rows[] = {
        {"/api/v0/block/put", (size_t)2 << 20, ""},
        {"/api/v0/block/put", ((size_t)2 << 20) + 1,
         "produced block is over 2MiB: big blocks can't be exchanged with other peers. consider "
         "using UnixFS for automatic chunking of bigger files, or pass --allow-big-block to "
         "override"},
        {"/api/v0/block/put?allow-big-block=true", ((size_t)2 << 20) + 1, ""},
        {"/api/v0/block/put?allow-big-block=true", ((size_t)4 << 20) + 1,
         "a block of more than 4194304 bytes: the embedded node stores none, whatever the option "
         "allow-big-block says"},
        {"/api/v0/block/put?mhtype=identity", 129,
         "digest too large: identity digest got 129 bytes, maximum 128"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++) {
        struct task_bench_reply reply;

        put_large(*state, rows[i].target, rows[i].size, &reply);
        assert_string_equal(reply.err.text, rows[i].failure);
        assert_int_equal(reply.output.size > 0, rows[i].failure[0] == '\0');
        task_bench_reply_dispose(&reply);
    }
}

static void test_block_put_stores_and_pins(void **state)
{
    char *text;

    import_assert_parts(*state, "/api/v0/block/put?pin=true", one,
                        "{\"Key\":\"" RAW "\",\"Size\":5}\n", NULL);
    text = task_bench_output(*state, "/api/v0/block/get?arg=" RAW);
    assert_string_equal(text, "hello");
    free(text);
    text = task_bench_output(*state, "/api/v0/pin/ls?arg=" RAW);
    assert_non_null(strstr(text, "\"recursive\""));
    free(text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_block_put_names_the_block_as_it_is_asked_to),
        cmocka_unit_test(test_block_put_refuses_options_in_the_words_of_kubo),
        cmocka_unit_test(test_block_put_takes_several_files_but_no_directory),
        cmocka_unit_test(test_block_put_takes_blocks_that_other_nodes_can_exchange),
        cmocka_unit_test(test_block_put_stores_and_pins),
    };

    return cmocka_run_group_tests(tests, task_bench_setup, task_bench_teardown);
}
