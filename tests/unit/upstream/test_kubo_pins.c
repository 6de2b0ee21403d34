// SPDX-License-Identifier: Apache-2.0
/* What operations make of a node's answers. */
#include "operation_stage.h"

#include <malloc.h>

#define LS(cid, type) "/api/v0/pin/ls?arg=" cid "&names=true&offline=true&stream=true&type=" type
#define LIST(type)    "/api/v0/pin/ls?names=true&stream=true&type=" type
#define PIN_ADD       "/api/v0/pin/add?arg=" CID_V1 "&name=cw:a%20b&progress=true&recursive=true"
#define DAG_STAT(cid) "/api/v0/dag/stat?arg=" cid "&offline=true&progress=false"

/* ---- look */

static void answer_no(struct operation_stage *o, const char *target)
{
    stage_reply(stage_asked(o, target), "500 X",
                "{\"Message\":\"path 'baf' is not pinned\",\"Code\":0,\"Type\":\"error\"}");
}

static void expect_look(struct operation_stage *o, enum pin_mode ours, enum pin_mode foreign,
                        enum pin_mode foreign_v0)
{
    stage_await_end(o, ERROR_NONE, "");
    assert_int_equal(o->result.ours, ours);
    assert_int_equal(o->result.foreign, foreign);
    assert_int_equal(o->result.foreign_v0, foreign_v0);
}

static void test_kubo_look_finds_nothing_in_either_form(void **state)
{
    struct operation_stage *o = *state;

    assert_true(stage_look(o, CID_V0, "cw:1")); /* asked for in either form, it is one object */
    answer_no(o, LS(CID_V1, "recursive"));
    answer_no(o, LS(CID_V1, "direct"));
    answer_no(o, LS(CID_V0, "recursive"));
    answer_no(o, LS(CID_V0, "direct"));
    expect_look(o, PIN_NONE, PIN_NONE, PIN_NONE);
    assert_true(stage_look(o, CID_RAW, "cw:1")); /* has no v0 form */
    answer_no(o, LS(CID_RAW, "recursive"));
    answer_no(o, LS(CID_RAW, "direct"));
    expect_look(o, PIN_NONE, PIN_NONE, PIN_NONE);
}

static void test_kubo_look_tells_our_pin_from_others_by_its_whole_name(void **state)
{
    static const struct {
        const char *line;
        bool is_ours;
    } cases[] = {
        {"{\"Cid\":\"" CID_RAW "\",\"Name\":\"cw:1\",\"Type\":\"direct\"}", true},
        {"{\"Cid\":\"" CID_RAW "\",\"Name\":\"cw:11\",\"Type\":\"direct\"}", false},
        {"{\"Cid\":\"" CID_RAW "\",\"Name\":\"cw:\",\"Type\":\"direct\"}", false},
        {"{\"Cid\":\"" CID_RAW "\",\"Name\":\"cw:1\\u0000x\",\"Type\":\"direct\"}", false},
        {"{\"Cid\":\"" CID_RAW "\",\"Type\":\"direct\"}", false},
    };
    struct operation_stage *o = *state;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_true(stage_look(o, CID_RAW, "cw:1"));
        answer_no(o, LS(CID_RAW, "recursive"));
        stage_answer(o, LS(CID_RAW, "direct"), cases[i].line);
        expect_look(o, cases[i].is_ours ? PIN_DIRECT : PIN_NONE,
                    cases[i].is_ours ? PIN_NONE : PIN_DIRECT, PIN_NONE);
    }
}

static void test_kubo_look_sees_a_v0_pin_apart_whatever_its_name(void **state)
{
    struct operation_stage *o = *state;

    assert_true(stage_look(o, CID_V1, "cw:1"));
    stage_answer(o, LS(CID_V1, "recursive"),
                 "{\"Cid\":\"" CID_V1 "\",\"Name\":\"cw:1\",\"Type\":\"recursive\"}\n");
    stage_answer(o, LS(CID_V0, "recursive"),
                 "{\"Cid\":\"" CID_V0 "\",\"Name\":\"cw:1\",\"Type\":\"recursive\"}\n");
    expect_look(o, PIN_RECURSIVE, PIN_NONE, PIN_RECURSIVE);
    assert_true(stage_look(o, CID_V1, "cw:1"));
    stage_answer(o, LS(CID_V1, "recursive"),
                 "{\"Cid\":\"" CID_V1 "\",\"Name\":\"x\",\"Type\":\"recursive\"}\n");
    answer_no(o, LS(CID_V0, "recursive"));
    stage_answer(o, LS(CID_V0, "direct"), "{\"Cid\":\"" CID_V0 "\",\"Type\":\"direct\"}\n");
    expect_look(o, PIN_NONE, PIN_RECURSIVE, PIN_DIRECT);
}

static void test_kubo_look_takes_only_kubos_own_words_for_a_no(void **state)
{
    static const char *const replies[] = {"",
                                          "{}\n",
                                          "{\"Cid\":\"" CID_V1 "\",\"Type\":\"recursive\"}\n",
                                          "{\"Cid\":\"" CID_RAW "\",\"Type\":\"direct\"}\n",
                                          "{\"Cid\":\"" CID_RAW
                                          "\",\"Type\":\"indirect through " CID_V1 "\"}\n",
                                          "{\"Cid\":\"" CID_RAW "\",\"Type\":\"none\"}\n"};
    struct operation_stage *o = *state;

    assert_true(stage_look(o, CID_RAW, "cw:1"));
    stage_reply(stage_asked(o, LS(CID_RAW, "recursive")), "500 X",
                "{\"Message\":\"ipld: could not find baf\",\"Code\":0,\"Type\":\"error\"}");
    stage_await_end(o, ERROR_NOT_FOUND, "could not find");
    for (size_t i = 0; i < ARRAY_SIZE(replies); i++) {
        assert_true(stage_look(o, CID_RAW, "cw:1"));
        stage_answer(o, LS(CID_RAW, "recursive"), replies[i]);
        stage_await_end(o, ERROR_MISMATCH, "answered without");
    }
}

/* ---- pin */

static void test_kubo_pin_tells_its_progress_and_its_bytes(void **state)
{
    struct operation_stage *o = *state;
    struct peer *node;

    assert_true(stage_pin(o, CID_V0, PIN_RECURSIVE, false)); /* pinned as v1 */
    node = stage_asked(o, PIN_ADD);
    stage_begin_lines(node);
    stage_line(node, "{}");
    STAGE_AWAIT(o->s->stage, o->heard == 1);
    assert_int_equal(o->nodes, 0);
    stage_line(node, "{\"Progress\":3,\"Bytes\":700}");
    STAGE_AWAIT(o->s->stage, o->heard == 2);
    assert_int_equal(o->nodes, 3);
    assert_int_equal(o->bytes, 700);
    stage_line(node, "{\"Progress\":4,\"Bytes\":5000000000}");
    stage_line(node, "{\"Pins\":[\"" CID_V1 "\"]}");
    stage_end_lines(node, "");
    stage_await_end(o, ERROR_NONE, "");
    assert_true(o->result.has_bytes);
    assert_int_equal(o->result.bytes, 5000000000);
    assert_int_equal(o->result.blocks, 4);
}

static void test_kubo_pin_says_when_the_node_told_no_bytes(void **state)
{
    struct operation_stage *o = *state;

    assert_true(stage_pin(o, CID_V1, PIN_RECURSIVE, false));
    stage_answer(o, PIN_ADD, "{\"Progress\":4}\n{\"Pins\":[\"" CID_V1 "\"]}\n");
    stage_await_end(o, ERROR_NONE, "");
    assert_false(o->result.has_bytes);
    assert_int_equal(o->result.blocks, 4);
    assert_true(stage_pin(o, CID_V1, PIN_DIRECT, true));
    stage_answer(o,
                 "/api/v0/pin/add?arg=" CID_V1
                 "&name=cw:a%20b&offline=true&progress=true&recursive=false",
                 "{\"Pins\":[\"" CID_V1 "\"]}\n");
    stage_await_end(o, ERROR_NONE, "");
    assert_false(o->result.has_bytes);
}

/* The node would fetch what is below a root that it has. */
static void test_kubo_pin_offline_looks_at_all_of_it_first(void **state)
{
    struct operation_stage *o = *state;

    assert_true(stage_pin(o, CID_V1, PIN_RECURSIVE, true));
    stage_answer(o, DAG_STAT(CID_V1), "{\"DagStats\":[{\"Size\":700,\"NumBlocks\":3}]}\n");
    stage_answer(
        o, "/api/v0/pin/add?arg=" CID_V1 "&name=cw:a%20b&offline=true&progress=true&recursive=true",
        "{\"Progress\":4}\n{\"Pins\":[\"" CID_V1 "\"]}\n");
    stage_await_end(o, ERROR_NONE, "");
    assert_false(o->result.has_bytes);
    assert_int_equal(o->result.blocks, 4);
    assert_true(stage_pin(o, CID_V1, PIN_RECURSIVE, true));
    stage_reply(
        stage_asked(o, DAG_STAT(CID_V1)), "500 X",
        "{\"Message\":\"block was not found locally (offline): ipld: could not find " CID_RAW
        "\",\"Code\":0,\"Type\":\"error\"}");
    stage_await_end(o, ERROR_NOT_FOUND, "could not find " CID_RAW);
}

static void test_kubo_pin_can_be_cut_from_its_progress(void **state)
{
    struct operation_stage *o = *state;
    struct peer *node;

    o->cancel_at = 2;
    assert_true(stage_pin(o, CID_V1, PIN_RECURSIVE, false));
    node = stage_asked(o, PIN_ADD);
    stage_reply(node, "200 OK",
                "{\"Progress\":1,\"Bytes\":1}\n{\"Progress\":2,\"Bytes\":2}\n"
                "{\"Progress\":3,\"Bytes\":3}\n{\"Pins\":[\"" CID_V1 "\"]}\n");
    peer_await_gone(node);
    turn_for(o->s->stage->loop, 3);
    assert_null(o->operation);
    assert_int_equal(o->heard, 2);
    assert_int_equal(o->calls, 0);
}

static void test_kubo_pin_that_gets_nowhere_is_given_up(void **state)
{
    struct operation_stage *o = *state;
    struct peer *node;

    assert_true(stage_pin(o, CID_V1, PIN_RECURSIVE, false));
    node = stage_asked(o, PIN_ADD);
    stage_begin_lines(node);
    for (unsigned int i = 1; i <= 20; i++) { /* slow, but it goes on: much longer than the limit */
        clock_advance_ms(25000);
        stage_line(node, i % 2 == 0 ? "{\"Progress\":1}" : "{\"Progress\":2}");
        STAGE_AWAIT(o->s->stage, o->heard == i);
    }
    for (unsigned int i = 1; i <= 5 && o->calls == 0; i++) {
        clock_advance_ms(25000);
        stage_line(node, "{\"Progress\":1}");
        STAGE_AWAIT(o->s->stage, o->heard == 20 + i || o->calls > 0);
        assert_true((o->calls == 0) == (i < 5));
    }
    stage_await_end(o, ERROR_TIMEOUT, "no further block was found for 120 s");
    peer_await_gone(node);
}

static void test_kubo_pin_believes_no_end_without_a_pin(void **state)
{
    static const char *const replies[] = {"",
                                          "{\"Progress\":4,\"Bytes\":5}\n",
                                          "{\"Pins\":[]}\n",
                                          "{\"Progress\":-1}\n",
                                          "{\"Progress\":\"1\"}\n",
                                          "{\"Progress\":1,\"Bytes\":1e300}\n"};
    struct operation_stage *o = *state;

    for (size_t i = 0; i < ARRAY_SIZE(replies); i++) {
        assert_true(stage_pin(o, CID_V1, PIN_RECURSIVE, false));
        stage_answer(o, PIN_ADD, replies[i]);
        stage_await_end(o, ERROR_MISMATCH, "answered without a p");
    }
}

/* ---- unpin */

static void test_kubo_unpin_takes_the_form_it_is_given(void **state)
{
    struct operation_stage *o = *state;

    assert_true(stage_unpin(o, CID_V0, PIN_RECURSIVE));
    stage_answer(o, "/api/v0/pin/rm?arg=" CID_V0 "&offline=true&recursive=true",
                 "{\"Pins\":[\"" CID_V0 "\"]}\n");
    stage_await_end(o, ERROR_NONE, "");
    assert_true(stage_unpin(o, CID_V1, PIN_DIRECT));
    stage_reply(stage_asked(o, "/api/v0/pin/rm?arg=" CID_V1 "&offline=true&recursive=false"),
                "500 X", "{\"Message\":\"" CID_V1 " is pinned recursively\",\"Code\":0}");
    stage_await_end(o, ERROR_UNSUPPORTED, "is pinned recursively");
    assert_true(stage_unpin(o, CID_V1, PIN_RECURSIVE));
    stage_reply(stage_asked(o, "/api/v0/pin/rm?arg=" CID_V1 "&offline=true&recursive=true"),
                "500 X", "{\"Message\":\"not pinned or pinned indirectly\",\"Code\":0}");
    stage_await_end(o, ERROR_NOT_FOUND, "not pinned");
}

/* ---- list_pins */

static void test_kubo_list_pins_gives_each_as_it_comes(void **state)
{
    struct operation_stage *o = *state;
    struct peer *node;

    assert_true(stage_list_pins(o));
    node = stage_asked(o, LIST("recursive"));
    stage_begin_lines(node);
    stage_line(node, "{\"Cid\":\"" CID_V0 "\",\"Type\":\"recursive\"}");
    STAGE_AWAIT(o->s->stage, o->heard == 1);
    stage_line(node, "{\"Cid\":\"" CID_V1 "\",\"Name\":\"cw:1\",\"Type\":\"recursive\"}");
    stage_end_lines(node, "");
    stage_answer(o, LIST("direct"),
                 "{\"Cid\":\"" CID_RAW "\",\"Name\":\"b\",\"Type\":\"direct\"}\n");
    stage_await_end(o, ERROR_NONE, "");
    assert_int_equal(o->result.count, 3);
    assert_string_equal(o->pins.data,
                        CID_V0 " recursive \n" CID_V1 " recursive cw:1\n" CID_RAW " direct b\n");
}

static void test_kubo_list_pins_can_be_ended_by_who_hears_them(void **state)
{
    struct operation_stage *o = *state;
    struct peer *node;

    o->cancel_at = 1;
    assert_true(stage_list_pins(o));
    node = stage_asked(o, LIST("recursive"));
    stage_reply(node, "200 OK",
                "{\"Cid\":\"" CID_V0 "\",\"Type\":\"recursive\"}\n"
                "{\"Cid\":\"" CID_V1 "\",\"Type\":\"recursive\"}\n");
    peer_await_gone(node);
    turn_for(o->s->stage->loop, 3);
    assert_int_equal(o->heard, 1);
    assert_int_equal(o->calls, 0);
}

static void test_kubo_list_pins_fails_over_a_pin_that_cannot_be(void **state)
{
    static const char *const lines[] = {"{}\n", "{\"Cid\":\"x\",\"Type\":\"recursive\"}\n",
                                        "{\"Cid\":\"" CID_V1 "\",\"Type\":\"odd\"}\n"};
    struct operation_stage *o = *state;

    for (size_t i = 0; i < ARRAY_SIZE(lines); i++) {
        assert_true(stage_list_pins(o));
        stage_answer(o, LIST("recursive"), lines[i]);
        stage_await_end(o, ERROR_MISMATCH, "answered without a pin's");
    }
}

static void test_kubo_list_pins_holds_none_of_them(void **state)
{
    enum { LINES = 20000, FIRST = 500 };
    struct operation_stage *o = *state;
    size_t used = 0;
    struct peer *node;

    o->forgets_pins = true;
    assert_true(stage_list_pins(o));
    node = stage_asked(o, LIST("recursive"));
    stage_begin_lines(node);
    for (unsigned int i = 1; i <= LINES; i++) {
        stage_line(node, "{\"Cid\":\"" CID_V1 "\",\"Name\":\"cw:1\",\"Type\":\"recursive\"}");
        if (i == FIRST) {
            STAGE_AWAIT(o->s->stage, o->heard == FIRST);
            used = mallinfo2().uordblks;
        }
    }
    STAGE_AWAIT(o->s->stage, o->heard == LINES);
    assert_true(mallinfo2().uordblks <= used + 65536);
    stage_end_lines(node, "");
    stage_answer(o, LIST("direct"), "");
    stage_await_end(o, ERROR_NONE, "");
    assert_int_equal(o->result.count, LINES);
}

/* ---- measure, gc, capacity */

static void test_kubo_measure_gives_bytes_and_blocks(void **state)
{
    struct operation_stage *o = *state;

    assert_true(stage_measure(o, CID_V0, PIN_RECURSIVE));
    stage_answer(o, DAG_STAT(CID_V1),
                 "{\"UniqueBlocks\":24,\"TotalSize\":6001159,\"Ratio\":1,\"DagStats\":[{\"Cid\":"
                 "{\"/\":\"" CID_V1 "\"},\"Size\":6001159,\"NumBlocks\":24}]}\n");
    stage_await_end(o, ERROR_NONE, "");
    assert_true(o->result.has_bytes);
    assert_int_equal(o->result.bytes, 6001159);
    assert_int_equal(o->result.blocks, 24);
    assert_true(stage_measure(o, CID_V1, PIN_DIRECT));
    stage_answer(o, "/api/v0/block/stat?arg=" CID_V1 "&offline=true", "{\"Size\":1159}\n");
    stage_await_end(o, ERROR_NONE, "");
    assert_int_equal(o->result.bytes, 1159);
}

static void test_kubo_measure_believes_no_size_that_cannot_be(void **state)
{
    static const char *const replies[] = {
        "",
        "{}\n",
        "{\"DagStats\":[]}\n",
        "{\"DagStats\":[{\"Size\":-1,\"NumBlocks\":1}]}\n",
        "{\"DagStats\":[{\"Size\":9007199254740994,\"NumBlocks\":1}]}\n",
        "{\"DagStats\":[{\"Size\":\"7\",\"NumBlocks\":1}]}\n"};
    struct operation_stage *o = *state;

    for (size_t i = 0; i < ARRAY_SIZE(replies); i++) {
        assert_true(stage_measure(o, CID_V1, PIN_RECURSIVE));
        stage_answer(o, DAG_STAT(CID_V1), replies[i]);
        stage_await_end(o, ERROR_MISMATCH, "answered without a size");
    }
}

/* Kubo cannot say the size of an object without a byte. */
static void test_kubo_measure_asks_the_root_of_an_empty_object(void **state)
{
    struct operation_stage *o = *state;

    for (int size = 0; size < 2; size++) {
        struct peer *node;

        assert_true(stage_measure(o, CID_RAW, PIN_RECURSIVE));
        node = stage_asked(o, DAG_STAT(CID_RAW));
        stage_begin_lines(node);
        stage_end_lines(node, "X-Stream-Error: json: unsupported value: NaN\r\n");
        stage_answer(o, "/api/v0/block/stat?arg=" CID_RAW "&offline=true",
                     size == 0 ? "{\"Size\":0}\n" : "{\"Size\":1}\n");
        stage_await_end(o, size == 0 ? ERROR_NONE : ERROR_MISMATCH, "");
    }
}

static void test_kubo_gc_counts_what_it_removed(void **state)
{
    struct operation_stage *o = *state;

    assert_true(stage_gc(o));
    stage_answer(o, "/api/v0/repo/gc",
                 "{\"Key\":{\"/\":\"" CID_V1 "\"}}\n{\"Key\":{\"/\":\"" CID_RAW "\"}}\n");
    stage_await_end(o, ERROR_NONE, "");
    assert_int_equal(o->result.count, 2);
}

static void test_kubo_capacity_tells_a_limit_if_there_is_one(void **state)
{
    static const struct {
        const char *reply;
        uint64_t total;
    } cases[] = {
        {"{\"RepoSize\":12,\"StorageMax\":10000000000,\"NumObjects\":0}\n", 10000000000},
        {"{\"RepoSize\":12,\"StorageMax\":18446744073709551615}\n", 0},
        {"{\"RepoSize\":12}\n", 0},
    };
    struct operation_stage *o = *state;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_true(stage_capacity(o));
        stage_answer(o, "/api/v0/repo/stat?size-only=true", cases[i].reply);
        stage_await_end(o, ERROR_NONE, "");
        assert_int_equal(o->result.used, 12);
        assert_int_equal(o->result.total, cases[i].total);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        OPERATION_TEST(test_kubo_look_finds_nothing_in_either_form),
        OPERATION_TEST(test_kubo_look_tells_our_pin_from_others_by_its_whole_name),
        OPERATION_TEST(test_kubo_look_sees_a_v0_pin_apart_whatever_its_name),
        OPERATION_TEST(test_kubo_look_takes_only_kubos_own_words_for_a_no),
        OPERATION_TEST(test_kubo_pin_tells_its_progress_and_its_bytes),
        OPERATION_TEST(test_kubo_pin_says_when_the_node_told_no_bytes),
        OPERATION_TEST(test_kubo_pin_offline_looks_at_all_of_it_first),
        OPERATION_TEST(test_kubo_pin_can_be_cut_from_its_progress),
        OPERATION_TEST(test_kubo_pin_that_gets_nowhere_is_given_up),
        OPERATION_TEST(test_kubo_pin_believes_no_end_without_a_pin),
        OPERATION_TEST(test_kubo_unpin_takes_the_form_it_is_given),
        OPERATION_TEST(test_kubo_list_pins_gives_each_as_it_comes),
        OPERATION_TEST(test_kubo_list_pins_holds_none_of_them),
        OPERATION_TEST(test_kubo_list_pins_can_be_ended_by_who_hears_them),
        OPERATION_TEST(test_kubo_list_pins_fails_over_a_pin_that_cannot_be),
        OPERATION_TEST(test_kubo_measure_gives_bytes_and_blocks),
        OPERATION_TEST(test_kubo_measure_believes_no_size_that_cannot_be),
        OPERATION_TEST(test_kubo_measure_asks_the_root_of_an_empty_object),
        OPERATION_TEST(test_kubo_gc_counts_what_it_removed),
        OPERATION_TEST(test_kubo_capacity_tells_a_limit_if_there_is_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
