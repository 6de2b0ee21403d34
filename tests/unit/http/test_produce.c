// SPDX-License-Identifier: Apache-2.0
/* Replies of our own, made piece by piece. */
#include "stage.h"

#include <stdio.h>

#define GET     "GET /own HTTP/1.1\r\nHost: x\r\n\r\n"
#define HEAD    "HTTP/1.1 200 OK\r\nContent-Type: text/x\r\n"
#define CHUNKED "Transfer-Encoding: chunked\r\n"

enum { KIB = 1024, MIB = 1024 * 1024 };

/* What produce says, one after the other; {PRODUCE_WAIT, ""} for ever behind the last. */
struct piece {
    enum produce_result result;
    const char *content;
};

struct script {
    struct produced produced;
    struct piece pieces[8];
    unsigned int next;
    unsigned int calls;
    bool calls_more; /* exchange_produce_more from inside */
    struct exchange *exchange;
};

static enum produce_result play(void *script_, struct text *out)
{
    struct script *script = script_;
    const struct piece *piece = &script->pieces[script->next];

    script->calls++;
    if (script->calls_more) {
        exchange_produce_more(script->exchange);
        script->calls_more = false;
    }
    if (piece->content == NULL)
        return PRODUCE_WAIT;
    script->next++;
    text_put_text(out, piece->content);
    return piece->result;
}

static void start(struct stage *stage, struct exchange *exchange)
{
    struct script *script = stage->own;

    script->exchange = exchange;
    if (script->produced.content_type == NULL)
        script->produced.content_type = "text/x";
    if (script->produced.status == 0)
        script->produced.status = 200;
    if (script->produced.produce == NULL)
        script->produced.produce = play;
    script->produced.arg = script;
    exchange_produce(exchange, &script->produced);
    assert_int_equal(script->calls, 0); /* never from inside */
}

static struct stage *prepare(void **state, struct script *script)
{
    struct stage *s = *state;

    s->on_own = start;
    s->own = script;
    return s;
}

/* The connection serves another request. */
static void expect_goes_on(struct peer *client)
{
    peer_send(client, "GET /answer HTTP/1.1\r\nHost: x\r\n\r\n");
    peer_await(client, "hello\n");
}

/* ---- framings */

static void test_produce_sends_pieces_in_chunks(void **state)
{
    struct script script = {
        .pieces = {{PRODUCE_MORE, "abc"}, {PRODUCE_MORE, "d"}, {PRODUCE_END, "ef"}}};
    struct stage *s = prepare(state, &script);
    struct peer *client = stage_client_sends(s, GET);

    peer_expect(client, HEAD CHUNKED "\r\n3\r\nabc\r\n1\r\nd\r\n2\r\nef\r\n0\r\n\r\n");
    stage_await_ended(s, 1);
    assert_int_equal(s->last.reason, CLOSE_DONE);
    assert_int_equal(s->last.status, 200);
    assert_int_equal(script.calls, 3);
    expect_goes_on(client);
}

static void test_produce_may_end_without_content(void **state)
{
    struct script script = {.pieces = {{PRODUCE_END, ""}}};
    struct stage *s = prepare(state, &script);
    struct peer *client = stage_client_sends(s, GET);

    peer_expect(client, HEAD CHUNKED "\r\n0\r\n\r\n");
    expect_goes_on(client);
}

static void test_produce_keeps_to_the_length_it_said(void **state)
{
    static const struct {
        uint64_t length;
        struct piece pieces[4];
        const char *expected;
        enum close_reason reason;
    } cases[] = {
        {5, {{PRODUCE_MORE, "abc"}, {PRODUCE_END, "de"}}, "abcde", CLOSE_DONE},
        {5, {{PRODUCE_MORE, "abc"}, {PRODUCE_MORE, "de"}}, "abcde", CLOSE_DONE},
        {0, {{PRODUCE_MORE, "abc"}}, "", CLOSE_DONE},
        {5, {{PRODUCE_MORE, "abc"}, {PRODUCE_END, "d"}}, "abcd", CLOSE_FAILED},
        {5, {{PRODUCE_MORE, "abc"}, {PRODUCE_END, "def"}}, "abc", CLOSE_FAILED},
        {5, {{PRODUCE_MORE, "abc"}, {PRODUCE_BREAK, ""}}, "abc", CLOSE_FAILED},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct script script = {.produced = {.has_length = true, .length = cases[i].length}};
        struct stage *s = prepare(state, &script);
        char head[100];
        struct peer *client;

        memcpy(script.pieces, cases[i].pieces, sizeof(cases[i].pieces));
        client = stage_client_sends(s, GET);
        snprintf(head, sizeof(head), HEAD "Content-Length: %d\r\n\r\n", (int)cases[i].length);
        peer_expect(client, head);
        peer_expect(client, cases[i].expected);
        STAGE_AWAIT(s, s->ended == s->begun);
        assert_int_equal(s->last.reason, cases[i].reason);
        if (cases[i].reason == CLOSE_DONE)
            expect_goes_on(client);
        else
            peer_expect_end(client);
        stage_drop(s, client);
    }
}

static void test_produce_sends_until_the_end_to_http_1_0(void **state)
{
    struct script script = {.pieces = {{PRODUCE_MORE, "abc"}, {PRODUCE_END, "d"}}};
    struct stage *s = prepare(state, &script);
    struct peer *client =
        stage_client_sends(s, "GET /own HTTP/1.0\r\nConnection: keep-alive\r\n\r\n");

    peer_expect(client, HEAD "Connection: close\r\n\r\nabcd");
    peer_expect_end(client);
}

static void test_produce_resets_http_1_0_when_it_breaks(void **state)
{
    struct script script = {.pieces = {{PRODUCE_MORE, "abc"}, {PRODUCE_BREAK, "d"}}};
    struct stage *s = prepare(state, &script);
    struct peer *client = stage_client_sends(s, "GET /own HTTP/1.0\r\n\r\n");

    stage_await_ended(s, 1);
    turn_for(s->loop, 5);
    peer_await_gone(client);
    assert_true(client->is_reset);
}

static void test_produce_makes_nothing_for_head(void **state)
{
    struct script script = {.pieces = {{PRODUCE_END, "abc"}},
                            .produced = {.has_length = true, .length = 3}};
    struct stage *s = prepare(state, &script);
    struct peer *client = stage_client_sends(s, "HEAD /own HTTP/1.1\r\nHost: x\r\n\r\n");

    peer_expect(client, HEAD "Content-Length: 3\r\n\r\n");
    stage_await_ended(s, 1);
    assert_int_equal(script.calls, 0);
    expect_goes_on(client);
}

static void test_produce_carries_headers_and_lines_for_the_reply(void **state)
{
    struct script script = {.pieces = {{PRODUCE_END, "a"}},
                            .produced = {.status = 404, .headers = SLICE("X-A: b\r\n")}};
    struct stage *s = prepare(state, &script);
    struct peer *client = stage_client_sends(s, GET);

    peer_expect(client, "HTTP/1.1 404 Not Found\r\nContent-Type: text/x\r\nX-A: b\r\n" CHUNKED
                        "\r\n1\r\na\r\n0\r\n\r\n");
}

static enum produce_result end_with_trailer(void *script_, struct text *out)
{
    struct script *script = script_;

    text_put_text(exchange_reply_trailers(script->exchange), "X-Stream-Error: full\r\n");
    text_put_text(out, "a");
    return PRODUCE_END;
}

static void test_produce_may_end_with_trailers(void **state)
{
    struct script script = {
        .produced = {.produce = end_with_trailer, .headers = SLICE("Trailer: X-Stream-Error\r\n")}};
    struct stage *s = prepare(state, &script);
    struct peer *client = stage_client_sends(s, GET);

    peer_expect(client, HEAD "Trailer: X-Stream-Error\r\n" CHUNKED
                             "\r\n1\r\na\r\n0\r\nX-Stream-Error: full\r\n\r\n");
    expect_goes_on(client);
}

/* ---- waiting */

static void test_produce_waits_until_there_is_more(void **state)
{
    struct script script = {
        .pieces = {{PRODUCE_WAIT, ""}, {PRODUCE_WAIT, "a"}, {PRODUCE_END, "b"}}};
    struct stage *s = prepare(state, &script);
    struct peer *client = stage_client_sends(s, GET);

    peer_expect(client, HEAD CHUNKED "\r\n");
    peer_expect_silence(client, 5);
    assert_int_equal(script.calls, 1);
    exchange_produce_more(script.exchange);
    assert_int_equal(script.calls, 1); /* later */
    peer_expect(client, "1\r\na\r\n");
    peer_expect_silence(client, 5);
    exchange_produce_more(script.exchange);
    exchange_produce_more(script.exchange);
    peer_expect(client, "1\r\nb\r\n0\r\n\r\n");
    assert_int_equal(script.calls, 3);
    expect_goes_on(client);
}

static void test_produce_hears_of_more_from_inside(void **state)
{
    struct script script = {.pieces = {{PRODUCE_WAIT, ""}, {PRODUCE_END, "b"}}, .calls_more = true};
    struct stage *s = prepare(state, &script);
    struct peer *client = stage_client_sends(s, GET);

    peer_expect(client, HEAD CHUNKED "\r\n1\r\nb\r\n0\r\n\r\n");
}

/* ---- back-pressure */

struct flood {
    struct script script;
    uint64_t made, max_ahead;
    uint64_t size;
    bool waits; /* after each piece */
};

enum { PIECE = 64 * KIB };

static enum produce_result make_piece(void *flood_, struct text *out)
{
    struct flood *flood = flood_;

    if (flood->made >= flood->size)
        return PRODUCE_END;
    for (int i = 0; i < PIECE; i++)
        text_put_char(out, (char)('a' + i % 26));
    flood->made += PIECE;
    return flood->waits ? PRODUCE_WAIT : PRODUCE_MORE;
}

static struct peer *start_flood(struct stage *s, struct flood *flood, uint64_t size)
{
    flood->size = size;
    flood->script.produced.produce = make_piece;
    return stage_client_sends(s, GET);
}

static void test_produce_makes_no_more_than_the_client_takes(void **state)
{
    struct flood flood = {0};
    struct stage *s = prepare(state, &flood.script);
    struct peer *client = start_flood(s, &flood, 1024 * MIB);
    uint64_t made;

    for (int i = 0; i < 200; i++)
        loop_turn(s->loop, 1);
    made = flood.made;
    assert_true(made < 64 * MIB); /* what sockets hold */
    turn_for(s->loop, 20);
    assert_int_equal(flood.made, made);
    assert_int_equal(s->ended, 0);
    stage_drop(s, client);
    stage_await_ended(s, 1);
    assert_int_equal(s->last.reason, CLOSE_CLIENT_GONE);
}

/* A piece that is being written when the next is announced, once. */
static enum produce_result make_much(void *script_, struct text *out)
{
    struct script *script = script_;

    script->calls++;
    for (int i = 0; script->calls == 1 && i < 16 * MIB; i++)
        text_put_char(out, 'm');
    return script->calls == 1 ? PRODUCE_WAIT : PRODUCE_END;
}

static void test_produce_hears_of_more_while_a_piece_is_written(void **state)
{
    struct script script = {.produced = {.produce = make_much}};
    struct stage *s = prepare(state, &script);
    struct peer *client = stage_client_sends(s, GET);

    STAGE_AWAIT(s, s->current != NULL && s->current->reply.last == HALF_WAITS_WRITE);
    exchange_produce_more(script.exchange);
    turn_for(s->loop, 5);
    assert_int_equal(script.calls, 1);
    peer_await(client, "mm\r\n0\r\n\r\n");
    assert_int_equal(script.calls, 2);
}

static void test_produce_hears_of_more_while_the_client_is_slow(void **state)
{
    struct flood flood = {.waits = true};
    struct stage *s = prepare(state, &flood.script);
    struct peer *client = start_flood(s, &flood, 24 * MIB);

    for (int i = 0; i < 20000 && s->ended == 0; i++) {
        if (s->current != NULL)
            exchange_produce_more(s->current);
        loop_turn(s->loop, 0);
        if (i % 8 == 0)
            peer_read(client);
    }
    assert_int_equal(s->last.reason, CLOSE_DONE);
    assert_true(s->last.bytes_out > 24 * MIB);
    peer_await(client, "0\r\n\r\n");
}

/* Others have their turn while much is made. */
static void test_produce_does_not_starve_others(void **state)
{
    struct flood flood = {0};
    struct stage *s = prepare(state, &flood.script);
    struct peer *client = start_flood(s, &flood, 32 * MIB);
    uint64_t before = 0;

    peer_await(client, "\r\n\r\n");
    for (int i = 0; i < 10; i++) {
        peer_read(client);
        before = flood.made;
        loop_turn(s->loop, 1);
        assert_true(flood.made - before <= 8ULL * PIECE);
    }
    while (s->ended == 0) {
        peer_read(client);
        loop_turn(s->loop, 0);
    }
    assert_int_equal(s->last.reason, CLOSE_DONE);
}

/* ---- ends */

static void test_produce_breaks_off_behind_a_last_line(void **state)
{
    struct script script = {
        .pieces = {{PRODUCE_MORE, "{}\n"}, {PRODUCE_BREAK, "{\"Message\":1}\n"}},
        .produced = {.break_reason = CLOSE_REFUSED}};
    struct stage *s = prepare(state, &script);
    struct peer *client = stage_client_sends(s, GET);

    peer_expect(client, HEAD CHUNKED "\r\n3\r\n{}\n\r\ne\r\n{\"Message\":1}\n\r\n");
    peer_expect_end(client); /* without the last chunk */
    assert_int_equal(s->last.reason, CLOSE_REFUSED);
}

static void test_produce_is_cut_with_a_line_where_lines_are(void **state)
{
    for (int has_lines = 0; has_lines < 2; has_lines++) {
        struct script script = {.pieces = {{PRODUCE_WAIT, "{}"}},
                                .produced = {.has_lines = has_lines == 1}};
        struct stage *s = prepare(state, &script);
        struct peer *client = stage_client_sends(s, GET);

        peer_expect(client, HEAD CHUNKED "\r\n2\r\n{}\r\n");
        exchange_cut(script.exchange, 401, CLOSE_REVOKED, "revoked");
        if (has_lines)
            peer_expect(client, "9\r\n\nrevoked\n\r\n");
        peer_expect_end(client);
        assert_int_equal(s->last.reason, CLOSE_REVOKED);
    }
}

static void test_produce_is_cut_before_its_first_piece(void **state)
{
    struct script script = {.pieces = {{PRODUCE_END, "abc"}}};
    struct stage *s = prepare(state, &script);
    struct peer *client = stage_client(s);

    peer_send(client, GET);
    STAGE_AWAIT(s, s->current != NULL);
    exchange_cut(script.exchange, 401, CLOSE_REVOKED, "revoked");
    peer_await(client, "HTTP/1.1 401 Unauthorized\r\n");
    peer_await(client, "\r\n\r\nrevoked\n");
    assert_int_equal(s->last.reason, CLOSE_REVOKED);
    assert_int_equal(script.calls, 0);
    expect_goes_on(client);
}

static void test_produce_ends_when_the_client_leaves(void **state)
{
    static void (*const ways[])(struct peer *) = {peer_reset, peer_close};

    for (unsigned int i = 0; i < ARRAY_SIZE(ways); i++) {
        struct script script = {.pieces = {{PRODUCE_WAIT, "a"}}};
        struct stage *s = prepare(state, &script);
        struct peer *client = stage_client_sends(s, GET);

        peer_await(client, "1\r\na\r\n");
        ways[i](client);
        for (int tries = 0; tries < 100 && s->ended == i; tries++) {
            script.next = 0; /* a write fails at last */
            if (s->current != NULL)
                exchange_produce_more(script.exchange);
            turn_for(s->loop, 1);
        }
        stage_await_ended(s, i + 1);
        assert_int_equal(s->last.reason, CLOSE_CLIENT_GONE);
    }
}

static void test_produce_goes_on_for_a_client_that_finished(void **state)
{
    struct script script = {.pieces = {{PRODUCE_WAIT, "a"}, {PRODUCE_END, "b"}}};
    struct stage *s = prepare(state, &script);
    struct peer *client = stage_client_sends(s, GET);

    peer_await(client, "1\r\na\r\n");
    peer_finish(client);
    turn_for(s->loop, 5);
    clock_advance_ms(5000);
    turn_for(s->loop, 5);
    assert_int_equal(s->ended, 0);
    exchange_produce_more(script.exchange);
    peer_expect(client, "1\r\nb\r\n0\r\n\r\n");
    peer_expect_end(client);
}

static void test_produce_cuts_a_client_that_does_not_read(void **state)
{
    struct flood flood = {0};
    struct stage *s = prepare(state, &flood.script);

    start_flood(s, &flood, 1024 * MIB);
    for (int i = 0; i < 200; i++)
        loop_turn(s->loop, 1);
    for (int i = 0; i < 70 && s->ended == 0; i++) {
        clock_advance_ms(1000);
        turn_for(s->loop, 1);
    }
    stage_await_ended(s, 1);
    assert_int_equal(s->last.reason, CLOSE_CLIENT_TOO_SLOW);
}

/* A producer that takes its time is not the client's fault. */
static void test_produce_may_wait_for_long(void **state)
{
    struct script script = {.pieces = {{PRODUCE_WAIT, "a"}, {PRODUCE_END, "b"}}};
    struct stage *s = prepare(state, &script);
    struct peer *client;

    s->settings.limits.min_body_rate = 1000;
    client = stage_client_sends(s, GET);
    peer_await(client, "1\r\na\r\n");
    for (int i = 0; i < 200; i++) {
        clock_advance_ms(1000);
        turn_for(s->loop, 0);
    }
    exchange_produce_more(script.exchange);
    peer_expect(client, "1\r\nb\r\n0\r\n\r\n");
}

static void test_produce_is_cut_at_the_drain_deadline(void **state)
{
    struct script script = {.pieces = {{PRODUCE_WAIT, "{}\n"}}, .produced = {.has_lines = true}};
    struct stage *s = prepare(state, &script);
    struct peer *client = stage_client_sends(s, GET);

    peer_await(client, "{}\n\r\n");
    server_drain(s->server, 1000);
    clock_advance_ms(1100);
    peer_await(client, "try again in a moment\n");
    peer_await_gone(client);
    assert_int_equal(s->last.reason, CLOSE_DRAIN_DEADLINE);
}

/* A body that nobody takes: the reply says that the connection ends. */
static void test_produce_closes_over_a_body_that_nobody_reads(void **state)
{
    struct script script = {.pieces = {{PRODUCE_WAIT, "a"}, {PRODUCE_END, ""}}};
    struct stage *s = prepare(state, &script);
    struct peer *client =
        stage_client_sends(s, "POST /own HTTP/1.1\r\nHost: x\r\nContent-Length: 100000\r\n\r\nabc");

    peer_expect(client, HEAD CHUNKED "Connection: close\r\n\r\n1\r\na\r\n");
    for (int i = 0; i < 5; i++) { /* sweeps */
        clock_advance_ms(1000);
        turn_for(s->loop, 1);
    }
    exchange_produce_more(script.exchange);
    peer_expect(client, "0\r\n\r\n");
    stage_await_ended(s, 1);
    assert_int_equal(s->last.reason, CLOSE_DONE);
}

static void test_produce_over_tls(void **state)
{
    struct flood flood = {0};
    struct stage *s = prepare(state, &flood.script);
    struct peer *client;

    stage_use_tls(s);
    client = stage_tls_client(s);
    flood.size = 4ULL * MIB;
    flood.script.produced.produce = make_piece;
    peer_send(client, GET);
    while (s->ended == 0) {
        peer_read(client);
        loop_turn(s->loop, 0);
    }
    assert_int_equal(s->last.reason, CLOSE_DONE);
    assert_true(s->last.bytes_out > 4 * MIB);
    peer_await(client, "0\r\n\r\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STAGE_TEST(test_produce_sends_pieces_in_chunks),
        STAGE_TEST(test_produce_may_end_without_content),
        STAGE_TEST(test_produce_keeps_to_the_length_it_said),
        STAGE_TEST(test_produce_sends_until_the_end_to_http_1_0),
        STAGE_TEST(test_produce_resets_http_1_0_when_it_breaks),
        STAGE_TEST(test_produce_makes_nothing_for_head),
        STAGE_TEST(test_produce_carries_headers_and_lines_for_the_reply),
        STAGE_TEST(test_produce_may_end_with_trailers),
        STAGE_TEST(test_produce_waits_until_there_is_more),
        STAGE_TEST(test_produce_hears_of_more_from_inside),
        STAGE_TEST(test_produce_makes_no_more_than_the_client_takes),
        STAGE_TEST(test_produce_hears_of_more_while_a_piece_is_written),
        STAGE_TEST(test_produce_hears_of_more_while_the_client_is_slow),
        STAGE_TEST(test_produce_does_not_starve_others),
        STAGE_TEST(test_produce_breaks_off_behind_a_last_line),
        STAGE_TEST(test_produce_is_cut_with_a_line_where_lines_are),
        STAGE_TEST(test_produce_is_cut_before_its_first_piece),
        STAGE_TEST(test_produce_ends_when_the_client_leaves),
        STAGE_TEST(test_produce_goes_on_for_a_client_that_finished),
        STAGE_TEST(test_produce_cuts_a_client_that_does_not_read),
        STAGE_TEST(test_produce_may_wait_for_long),
        STAGE_TEST(test_produce_is_cut_at_the_drain_deadline),
        STAGE_TEST(test_produce_closes_over_a_body_that_nobody_reads),
        STAGE_TEST(test_produce_over_tls),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
