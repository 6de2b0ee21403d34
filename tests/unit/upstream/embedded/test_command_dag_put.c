// SPDX-License-Identifier: Apache-2.0
/* The lines and messages here are those of Kubo 0.43.1. */
#include "conf/memory.h"
#include "tests/unit/upstream/embedded/import_kit.h"
#include "upstream/embedded/pins.h"

#include <stdio.h>
#include <stdlib.h>

#define TARGET    "/api/v0/dag/put"
#define CID(text) "{\"Cid\":{\"/\":\"" text "\"}}\n"
#define A         "bafyreihltcnuuyqp2jm24aqydpnlj7b6w3ogwrplomrjtg5rifv44mmjey" /* {"a":1} */
#define B         "bafyreiax4vq5kmmz3vunk2gffejk4vwwgeurolkz2ou7fzq57idqnnp43m" /* {"b":1} */
#define EMPTY     "bafyreigbtj4x7ip5legnfznufuopl4sg4knzc2cof6duas4b3q2fy6swua" /* {} */
#define TOO_BIG                                                                                    \
    "produced block is over 2MiB: big blocks can't be exchanged with other peers. consider using " \
    "UnixFS for automatic chunking of bigger files, or pass --allow-big-block to override"

static void test_dag_put_answers_with_the_lines_of_kubo(void **state)
{
    static const struct {
        const char *target;
        struct import_part parts[4];
        const char *output, *failure;
    } rows[] = {
        {TARGET,
         {{"f", "a", "{\"a\":1}", NULL}, {"f", "b", "{\"b\":1}", NULL}},
         CID(A) CID(B),
         NULL},
        {TARGET "?hash=sha1",
         {{"f", "a", "{}", NULL}},
         CID("bafyrcfgh3ip7swrfynj7cmmwaryd5c75fb7odii"),
         NULL},
        {TARGET "?hash=0x12", {{"f", "a", "{}", NULL}}, CID(EMPTY), NULL},
        {TARGET "?hash=identity", {{"f", "a", "{}", NULL}}, CID("bafyqaana"), NULL},
        {TARGET "?hash=sha3-512",
         {{"f", "a", "{}", NULL}},
         CID("bafyriqdqjbhwb2nfkbchrg65ckfpwjxawewjccyneooriyma4tdoiv3doramskqyam764vpoxakku6ldeuam"
             "6o"
             "62kwozpucom6eevm4ibajzi"),
         NULL},
        {TARGET "?input-codec=raw&store-codec=raw",
         {{"f", "a", "", NULL}},
         CID("bafkreihdwdcefgh4dqkjv67uzcmw7ojee6xedzdetojuzjevtenxquvyku"),
         NULL},
        {TARGET "?input-codec=dag-pb&store-codec=dag-json",
         {{"f", "a", "", NULL}},
         CID("baguqeera6mfu3g6n722vx7dbitpnbiyqnwah4ddy4b5c3rwzxc5pntqcupta"),
         NULL},
        {TARGET "?input-codec=foo", {{"f", "a", "{}", NULL}}, "", "unknown multicodec: \"foo\""},
        {TARGET "?store-codec=foo", {{"f", "a", "{}", NULL}}, "", "unknown multicodec: \"foo\""},
        {TARGET "?hash=foo", {{"f", "a", "{}", NULL}}, "", "unknown multicodec: \"foo\""},
        {TARGET "?hash=raw",
         {{"f", "a", "{}", NULL}},
         "",
         "invalid cid: unknown multihash code 85 (0x55): no such hash registered"},
        {TARGET "?input-codec=libp2p-key",
         {{"f", "a", "{}", NULL}},
         "",
         "no decoder registered for multicodec code 114 (0x72)"},
        {TARGET "?store-codec=libp2p-key",
         {{"f", "a", "{}", NULL}},
         "",
         "no encoder registered for multicodec code 114 (0x72)"},
        {TARGET "?store-codec=raw",
         {{"f", "a", "1", NULL}},
         "",
         "func called on wrong kind: \"AsBytes\" called on a int node (kind: int), but only makes "
         "sense on bytes"},
        {TARGET "?hash=blake2b-128",
         {{"f", "a", "{}", NULL}},
         "",
         "potentially insecure hash functions not allowed"},
        {TARGET, {{"d", "a", NULL, NULL}}, "", "expected a regular file"},
        {TARGET,
         {{"f", "a", "{\"a\":1}", NULL}, {"d", "b", NULL, NULL}},
         CID(A),
         "expected a regular file"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(rows); i++)
        import_assert_parts(*state, rows[i].target, rows[i].parts, rows[i].output, rows[i].failure);
}

static void put_zeros(struct task_bench *bench, const char *target, size_t size, const char *output,
                      const char *failure)
{
    struct text body = {0}, zeros = {0};
    struct task_bench_call call = {
        .target = target, .content_type = IMPORT_TYPE, .piece_max = 100000};
    struct task_bench_reply reply;

    memset(text_reserve(&zeros, size), 'a', size);
    zeros.size = size;
    import_put_part(&body, &(struct import_part){"f", "a", NULL, NULL}, text_slice(&zeros));
    import_end_body(&body);
    call.body = text_slice(&body);
    task_bench_run(bench, &call, &reply);
    text_put_char(&reply.output, '\0');
    assert_string_equal(reply.err.text, failure);
    assert_string_equal(reply.output.data, output);
    task_bench_reply_dispose(&reply);
    text_dispose(&zeros);
    text_dispose(&body);
}

static void test_dag_put_bounds_blocks_as_kubo(void **state)
{
    put_zeros(*state, TARGET "?input-codec=raw&store-codec=raw", 2 << 20,
              CID("bafkreicsk3wbr4iweqbfsboqk7ll56yd255sinirvrpxp3k6aiq443mewu"), "");
    put_zeros(*state, TARGET "?input-codec=raw&store-codec=raw", (2 << 20) + 1, "", TOO_BIG);
    put_zeros(*state, TARGET "?input-codec=raw&store-codec=raw&allow-big-block=true", (2 << 20) + 1,
              CID("bafkreiawuqu2dziwf7hvtyyhs4shmpu27l6o6hrmp6dck4pjez5t3fmrcm"), "");
    put_zeros(*state, TARGET "?input-codec=raw&store-codec=raw&hash=identity", 200, "",
              "digest too large: identity digest got 200 bytes, maximum 128");
    put_zeros(*state, TARGET "?input-codec=raw&store-codec=raw&allow-big-block=true", 9 << 20, "",
              "a node of more than the 8388608 bytes that are read");
}

static bool is_pinned(struct task_bench *bench, const char *text)
{
    enum pin_mode mode;
    struct error err = {0};
    struct cid cid;

    assert_true(cid_parse(&cid, slice_of(text), &err));
    if (pins_find(bench->node->pins, &cid, &mode, NULL, &err))
        return mode == PIN_RECURSIVE;
    assert_int_equal(err.code, ERROR_NOT_FOUND);
    return false;
}

static void test_dag_put_pins_if_asked(void **state)
{
    static const struct import_part parts[] = {
        {"f", "a", "{\"a\":1}", NULL}, {"f", "b", "{\"b\":1}", NULL}, {0}};

    import_assert_parts(*state, TARGET, parts, CID(A) CID(B), NULL);
    assert_false(is_pinned(*state, A));
    import_assert_parts(*state, TARGET "?pin=true", parts, CID(A) CID(B), NULL);
    assert_true(is_pinned(*state, A));
    assert_true(is_pinned(*state, B));
}

static void test_dag_put_stores_what_dag_get_shows(void **state)
{
    static const struct import_part parts[] = {{"f", "a", " {\"b\" : [1, 2.50], \"a\":null}", NULL},
                                               {0}};
    char *output;

    import_assert_parts(*state, TARGET, parts,
                        CID("bafyreidbulqkhliumtqjkjydskf64yelas4fadgu35sy65ginhfhkabgk4"), NULL);
    output = task_bench_output(
        *state, "/api/v0/dag/get?arg=bafyreidbulqkhliumtqjkjydskf64yelas4fadgu35sy65ginhfhkabgk4");
    assert_string_equal(output, "{\"a\":null,\"b\":[1,2.5]}");
    free(output);
}

/* 3 MiB that come in pieces; tight: with a node that has memory for nothing. */
static size_t held_for(struct task_bench *bench, bool tight)
{
    const size_t size = (size_t)3 << 20, much = (size_t)1 << 30;
    struct text body = {0}, content = {0};
    struct task_bench_call call = {.target = TARGET
                                   "?input-codec=raw&store-codec=raw&allow-big-block=true",
                                   .content_type = IMPORT_TYPE,
                                   .piece_max = 20011};
    struct task_bench_reply reply;
    size_t held;

    for (size_t i = 0; i < size; i++)
        text_put_char(&content, (char)(i * 7 ^ i >> 9));
    import_put_part(&body, &(struct import_part){"f", "a", NULL, NULL}, text_slice(&content));
    import_end_body(&body);
    call.body = text_slice(&body);
    node_hold_memory(bench->node, 0, tight ? much : 0);
    task_bench_run(bench, &call, &reply);
    node_hold_memory(bench->node, tight ? much : 0, 0);
    text_put_char(&reply.output, '\0');
    assert_string_equal(reply.err.text, "");
    assert_string_equal(reply.output.data,
                        CID("bafkreiae5xa4iqry6vp5qjo7rxctn4y4ivxgsmcszzwmxg3xc3tnxmtmt4"));
    held = reply.held_max;
    task_bench_reply_dispose(&reply);
    text_dispose(&content);
    text_dispose(&body);
    return held;
}

static void test_dag_put_counts_what_it_holds_and_parks_it_when_memory_is_short(void **state)
{
    assert_in_range(held_for(*state, false), (3 << 20) - 20011, 8 << 20);
    assert_in_range(held_for(*state, true), 0, 64 << 10);
}

#define BENCH_TEST(test)                                                                           \
    cmocka_unit_test_setup_teardown(test, task_bench_setup, task_bench_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        BENCH_TEST(test_dag_put_answers_with_the_lines_of_kubo),
        BENCH_TEST(test_dag_put_bounds_blocks_as_kubo),
        BENCH_TEST(test_dag_put_pins_if_asked),
        BENCH_TEST(test_dag_put_stores_what_dag_get_shows),
        BENCH_TEST(test_dag_put_counts_what_it_holds_and_parks_it_when_memory_is_short),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
