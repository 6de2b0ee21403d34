// SPDX-License-Identifier: Apache-2.0
/* What every operation does when all goes well, when it cannot start, when the node says no, says
 * nothing, or goes away midway, and when it is cancelled. */
#include "operation_stage.h"

#include <stdio.h>

static bool look(struct operation_stage *o)
{
    return stage_look(o, CID_RAW, "cw:1");
}

static bool pin(struct operation_stage *o)
{
    return stage_pin(o, CID_V1, PIN_RECURSIVE, false);
}

static bool unpin(struct operation_stage *o)
{
    return stage_unpin(o, CID_V1, PIN_RECURSIVE);
}

static bool measure(struct operation_stage *o)
{
    return stage_measure(o, CID_V1, PIN_RECURSIVE);
}

static bool measure_block(struct operation_stage *o)
{
    return stage_measure(o, CID_V1, PIN_DIRECT);
}

static bool contains(struct operation_stage *o)
{
    return stage_contains(o, CID_V1, CID_RAW);
}

static const struct {
    bool (*start)(struct operation_stage *o);
    const char *target, *reply; /* of its first request */
    unsigned int silence_ms;    /* that it bears */
    bool has_more;              /* requests behind the first */
} operations[] = {
    {look, "/api/v0/pin/ls?arg=" CID_RAW "&names=true&offline=true&stream=true&type=recursive",
     "{\"Cid\":\"" CID_RAW "\",\"Type\":\"recursive\",\"Name\":\"cw:1\"}\n", 20000, false},
    {pin, "/api/v0/pin/add?arg=" CID_V1 "&name=cw:a%20b&progress=true&recursive=true",
     "{\"Pins\":[\"" CID_V1 "\"]}\n", 30000, false},
    {unpin, "/api/v0/pin/rm?arg=" CID_V1 "&offline=true&recursive=true",
     "{\"Pins\":[\"" CID_V1 "\"]}\n", 20000, false},
    {measure, "/api/v0/dag/stat?arg=" CID_V1 "&offline=true&progress=false",
     "{\"DagStats\":[{\"Size\":7,\"NumBlocks\":2}]}\n", 600000, false},
    {measure_block, "/api/v0/block/stat?arg=" CID_V1 "&offline=true",
     "{\"Key\":\"" CID_V1 "\",\"Size\":4}\n", 20000, false},
    {stage_list_pins, "/api/v0/pin/ls?names=true&stream=true&type=recursive", "", 600000, true},
    {contains, "/api/v0/refs?arg=" CID_V1 "&offline=true&recursive=true&unique=true",
     "{\"Ref\":\"" CID_RAW "\",\"Err\":\"\"}\n", 600000, false},
    {stage_gc, "/api/v0/repo/gc", "{\"Key\":{\"/\":\"" CID_V1 "\"}}\n", 600000, false},
    {stage_verify, "/api/v0/repo/verify", "{\"Msg\":\"\",\"Progress\":1}\n", 600000, false},
    {stage_capacity, "/api/v0/repo/stat?size-only=true", "{\"RepoSize\":5,\"StorageMax\":9}\n",
     20000, false},
};

static void test_every_operation_ends_once_when_the_node_answered(void **state)
{
    struct operation_stage *o = *state;

    for (size_t i = 0; i < ARRAY_SIZE(operations); i++) {
        assert_true(operations[i].start(o));
        stage_answer(o, operations[i].target, operations[i].reply);
        if (operations[i].has_more)
            stage_reply(stage_accept(o->s->stage), "200 OK", "");
        stage_await_end(o, ERROR_NONE, "");
    }
}

#define DAMAGED "block " CID_RAW " was corrupt (block in storage has different hash than requested)"

static void test_verifying_tells_what_is_damaged(void **state)
{
    struct operation_stage *o = *state;
    struct peer *node;

    assert_true(stage_verify(o));
    node = stage_asked(o, "/api/v0/repo/verify");
    stage_begin_lines(node);
    stage_line(node, "{\"Msg\":\"\",\"Progress\":1}\n");
    stage_line(node, "{\"Msg\":\"" DAMAGED "\",\"Progress\":0}\n");
    stage_line(node, "{\"Msg\":\"\",\"Progress\":2}\n");
    stage_end_lines(node, "X-Stream-Error: verify complete, 1 blocks corrupt\r\n");
    stage_await_end(o, ERROR_NONE, "");
    assert_int_equal(o->result.blocks, 2);
    assert_int_equal(o->result.count, 1);
    assert_string_equal(o->pins.data, DAMAGED);
}

static void test_contains_tells_what_lies_below(void **state)
{
    static const char target[] =
        "/api/v0/refs?arg=" CID_V1 "&offline=true&recursive=true&unique=true";
    struct operation_stage *o = *state;

    assert_true(contains(o));
    stage_answer(o, target, "{\"Ref\":\"" CID_V1 "\"}\n{\"Ref\":\"" CID_RAW "\"}\n");
    stage_await_end(o, ERROR_NONE, "");
    assert_int_equal(o->result.count, 1);
    assert_true(contains(o));
    stage_answer(o, target, "{\"Ref\":\"" CID_V1 "\"}\n");
    stage_await_end(o, ERROR_NONE, "");
    assert_int_equal(o->result.count, 0);
    assert_true(contains(o));
    stage_answer(o, target, "{\"Ref\":\"\",\"Err\":\"ipld: could not find baf\"}\n");
    stage_await_end(o, ERROR_NOT_FOUND, "could not find");
}

static void test_every_operation_that_cannot_start_is_refused_and_never_calls(void **state)
{
    struct operation_stage *o = *state;

    assert_true(address_parse(&o->s->stage->upstream.address, SLICE("unix:/nowhere/socket"), NULL));
    for (size_t i = 0; i < ARRAY_SIZE(operations); i++) {
        assert_false(operations[i].start(o));
        assert_int_equal(o->err.code, ERROR_IO);
        assert_null(o->operation);
        turn_for(o->s->stage->loop, 2);
        assert_int_equal(o->calls, 0);
    }
}

static void test_every_operation_fails_as_the_node_does(void **state)
{
    static const struct {
        const char *status, *body;
        enum error_code code;
        const char *word;
    } refusals[] = {
        {"500 X", "{\"Message\":\"disk is full\",\"Code\":0,\"Type\":\"error\"}", ERROR_UNSUPPORTED,
         "disk is full"},
        {"500 X",
         "{\"Message\":\"pin: block was not found locally (offline): ipld: could not find "
         "baf\",\"Code\":0,\"Type\":\"error\"}",
         ERROR_NOT_FOUND, "could not find"},
        {"500 X", "oops", ERROR_MISMATCH, "answered 500"},
        {"404 X", "404 page not found\n", ERROR_MISMATCH, "answered 404"},
        {"403 X", "{\"Message\":\"no\"}", ERROR_MISMATCH, "authorization_file"},
        {"302 X", "", ERROR_MISMATCH, "redirect"},
        {"200 OK", "[1]\n", ERROR_MISMATCH, "no JSON object"},
        {"200 OK", "{\"Message\":\"broke\",\"Code\":0,\"Type\":\"error\"}\n", ERROR_UNSUPPORTED,
         "broke"},
    };
    struct operation_stage *o = *state;

    for (size_t i = 0; i < ARRAY_SIZE(operations); i++)
        for (size_t j = 0; j < ARRAY_SIZE(refusals); j++) {
            struct peer *node;

            assert_true(operations[i].start(o));
            node = stage_asked(o, operations[i].target);
            stage_reply(node, refusals[j].status, refusals[j].body);
            stage_await_end(o, refusals[j].code, refusals[j].word);
            stage_drop(o->s->stage, node);
        }
}

static void test_every_operation_fails_when_the_node_breaks_off_with_a_trailer(void **state)
{
    struct operation_stage *o = *state;

    for (size_t i = 0; i < ARRAY_SIZE(operations); i++) {
        struct peer *node;

        assert_true(operations[i].start(o));
        node = stage_asked(o, operations[i].target);
        stage_begin_lines(node);
        stage_end_lines(node, "X-Stream-Error: pin: context canceled\r\n");
        stage_await_end(o, ERROR_UNSUPPORTED, "pin: context canceled");
    }
}

static void test_every_operation_gives_a_silent_node_up(void **state)
{
    static const char begun[] = "HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n";
    struct operation_stage *o = *state;

    for (size_t i = 0; i < ARRAY_SIZE(operations); i++)
        for (int j = 0; j < 2; j++) {
            struct peer *node;

            assert_true(operations[i].start(o));
            node = stage_asked(o, operations[i].target);
            if (j == 1) {
                peer_send(node, begun);
                turn_for(o->s->stage->loop, 3);
            }
            clock_advance_ms(operations[i].silence_ms / 2);
            turn_for(o->s->stage->loop, 3);
            assert_int_equal(o->calls, 0);
            clock_advance_ms(operations[i].silence_ms);
            stage_await_end(o, ERROR_TIMEOUT, "silent");
            peer_await_gone(node);
            stage_drop(o->s->stage, node);
        }
}

static void test_every_operation_that_is_cancelled_is_cut_and_calls_nobody(void **state)
{
    static const char *const said[] = {"", "HTTP/1.1 200 OK\r\nContent-Length: 9999\r\n\r\n{"};
    struct operation_stage *o = *state;

    for (size_t i = 0; i < ARRAY_SIZE(operations); i++)
        for (size_t j = 0; j < ARRAY_SIZE(said); j++) {
            struct peer *node;

            assert_true(operations[i].start(o));
            node = stage_asked(o, operations[i].target);
            peer_send(node, said[j]);
            turn_for(o->s->stage->loop, 3);
            upstream_cancel(&o->operation);
            assert_null(o->operation);
            peer_await_gone(node);
            clock_advance_ms(700000);
            turn_for(o->s->stage->loop, 3);
            assert_int_equal(o->calls, 0);
            stage_drop(o->s->stage, node);
        }
    upstream_cancel(&o->operation); /* none is fine */
}

static void test_every_operation_fails_when_the_node_goes_midway(void **state)
{
    struct operation_stage *o = *state;

    for (size_t i = 0; i < ARRAY_SIZE(operations); i++) {
        struct peer *node;

        assert_true(operations[i].start(o));
        node = stage_asked(o, operations[i].target);
        stage_begin_lines(node);
        peer_send(node, "ffff\r\n");
        peer_send(node, operations[i].reply);
        turn_for(o->s->stage->loop, 3);
        peer_close(node);
        stage_await_end(o, ERROR_IO, "closed before");
        stage_drop(o->s->stage, node);
    }
}

static void test_an_upstream_that_is_destroyed_cancels_what_is_under_way(void **state)
{
    struct operation_stage *o = *state;
    struct operation *first;
    struct peer *node;

    assert_true(stage_gc(o));
    node = stage_asked(o, "/api/v0/repo/gc");
    first = o->operation;
    assert_true(stage_capacity(o));
    assert_ptr_not_equal(first, o->operation);
    upstream_destroy(&o->s->kubo);
    assert_null(o->s->kubo);
    peer_await_gone(node);
    assert_int_equal(o->calls, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        OPERATION_TEST(test_every_operation_ends_once_when_the_node_answered),
        OPERATION_TEST(test_verifying_tells_what_is_damaged),
        OPERATION_TEST(test_contains_tells_what_lies_below),
        OPERATION_TEST(test_every_operation_that_cannot_start_is_refused_and_never_calls),
        OPERATION_TEST(test_every_operation_fails_as_the_node_does),
        OPERATION_TEST(test_every_operation_fails_when_the_node_breaks_off_with_a_trailer),
        OPERATION_TEST(test_every_operation_gives_a_silent_node_up),
        OPERATION_TEST(test_every_operation_that_is_cancelled_is_cut_and_calls_nobody),
        OPERATION_TEST(test_every_operation_fails_when_the_node_goes_midway),
        OPERATION_TEST(test_an_upstream_that_is_destroyed_cancels_what_is_under_way),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
