// SPDX-License-Identifier: Apache-2.0
/* Bodies that the handler takes piece by piece. */
#include "stage.h"

#include <stdio.h>

#define POST    "POST /own HTTP/1.1\r\nHost: x\r\n"
#define CHUNKED "Transfer-Encoding: chunked\r\n"
#define OK      "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\n"

enum { KIB = 1024, MIB = 1024 * 1024 };

struct taker {
    struct exchange *exchange;
    struct text got;
    uint64_t size; /* of got, or instead of it */
    unsigned int calls, lasts;
    bool counts_only;
    bool waits;              /* after each piece */
    bool calls_more;         /* from inside */
    unsigned int decides_at; /* call in which it decides; 0: at the end */
    enum { ANSWER, REFUSE, CUT, RELAY, NOTHING } decision;
    bool replies_early; /* produces a reply from the first piece on */
    uint64_t told;      /* by the reply */
    struct slice relayed;
};

static struct taker taker;

static void decide(struct stage *stage, struct exchange *exchange)
{
    struct answer answer = {.status = 200, .content_type = "text/plain", .body = SLICE("taken")};
    struct relay relay = stage->relay;

    switch (taker.decision) {
    case ANSWER:
        exchange_answer(exchange, &answer);
        break;
    case REFUSE:
        exchange_refuse(exchange, 415, CLOSE_REFUSED, "not that");
        break;
    case CUT:
        exchange_cut(exchange, 500, CLOSE_FAILED, "no room");
        break;
    case RELAY:
        relay.pool = stage->pool;
        relay.has_body = true;
        relay.body = SLICE("mine");
        text_put_text(exchange_upstream_head(exchange), "POST /up HTTP/1.1\r\n");
        exchange_relay(exchange, &relay);
        break;
    case NOTHING:
        break;
    }
}

/* Tells how much was taken; ends with the body. */
static enum produce_result tell(void *stage, struct text *out)
{
    if (taker.told < taker.size)
        text_put_format(out, "%llu\n", (unsigned long long)taker.size);
    taker.told = taker.size;
    return taker.lasts > 0 ? PRODUCE_END : PRODUCE_WAIT;
}

static void begin_reply(struct exchange *exchange)
{
    struct produced produced = {
        .status = 200, .content_type = "text/plain", .has_lines = true, .produce = tell};

    exchange_produce(exchange, &produced);
}

static enum consume_result take(struct exchange *exchange, void *stage, struct slice content,
                                bool is_last)
{
    assert_int_equal(taker.lasts, 0);
    assert_ptr_equal(exchange, taker.exchange);
    assert_true(content.size > 0 || is_last);
    taker.calls++;
    taker.lasts += is_last ? 1 : 0;
    taker.size += content.size;
    if (!taker.counts_only)
        text_put_slice(&taker.got, content);
    if (taker.replies_early) {
        if (taker.calls == 1)
            begin_reply(exchange);
        exchange_produce_more(exchange);
    } else if (taker.decision != NOTHING &&
               (taker.decides_at == 0 ? is_last : taker.calls == taker.decides_at)) {
        decide(stage, exchange);
        return CONSUME_DECIDED;
    }
    if (taker.calls_more)
        exchange_consume_more(exchange);
    return taker.waits ? CONSUME_WAIT : CONSUME_MORE;
}

static void start(struct stage *stage, struct exchange *exchange)
{
    taker.exchange = exchange;
    exchange_consume(exchange, take, stage);
    assert_int_equal(taker.calls, 0); /* never from inside */
}

static struct stage *prepare(void **state, struct taker as)
{
    struct stage *s = *state;

    text_dispose(&taker.got);
    taker = as;
    s->on_own = start;
    return s;
}

static void expect_got(const char *text)
{
    assert_true(slice_equal(text_slice(&taker.got), slice_of(text)));
}

static void expect_goes_on(struct peer *client)
{
    peer_send(client, "GET /answer HTTP/1.1\r\nHost: x\r\n\r\n");
    peer_await(client, "hello\n");
}

/* ---- success */

static void test_consume_takes_bodies_of_all_framings(void **state)
{
    static const struct {
        const char *request, *content;
    } cases[] = {
        {POST "Content-Length: 5\r\n\r\nhello", "hello"},
        {POST "Content-Length: 0\r\n\r\n", ""},
        {POST "\r\n", ""},
        {POST CHUNKED "\r\n0\r\n\r\n", ""},
        {POST CHUNKED "\r\n2;x=y\r\nhe\r\n3\r\nllo\r\n0\r\nX-T: a\r\n\r\n", "hello"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct stage *s = prepare(state, (struct taker){0});
        struct peer *client = stage_client_sends(s, cases[i].request);

        peer_expect(client, OK "Content-Length: 5\r\n\r\ntaken");
        expect_got(cases[i].content);
        assert_int_equal(taker.lasts, 1);
        assert_int_equal(s->last.bytes_in, strlen(cases[i].content));
        expect_goes_on(client);
        stage_drop(s, client);
    }
}

static void test_consume_takes_a_body_byte_by_byte(void **state)
{
    static const char request[] =
        POST CHUNKED "\r\n2\r\nhe\r\n3\r\nllo\r\n0\r\n\r\n"
                     "GET /answer HTTP/1.1\r\nHost: x\r\n\r\n"; /* pipelined */
    struct stage *s = prepare(state, (struct taker){0});
    struct peer *client = stage_client(s);

    for (size_t i = 0; i < sizeof(request) - 1; i++) {
        peer_send_bytes(client, request + i, 1);
        loop_turn(s->loop, 1);
    }
    peer_await(client, "taken");
    peer_await(client, "hello\n");
    expect_got("hello");
    assert_int_equal(taker.lasts, 1);
}

static void test_consume_says_continue(void **state)
{
    struct stage *s = prepare(state, (struct taker){0});
    struct peer *client =
        stage_client_sends(s, POST "Content-Length: 5\r\nExpect: 100-continue\r\n\r\n");

    peer_expect(client, "HTTP/1.1 100 Continue\r\n\r\n");
    peer_send(client, "hello");
    peer_expect(client, OK "Content-Length: 5\r\n\r\ntaken");
}

static void test_consume_may_relay_in_the_end(void **state)
{
    struct stage *s = prepare(state, (struct taker){.decision = RELAY});
    struct peer *client = stage_client_sends(s, POST "Content-Length: 5\r\n\r\nhello");
    struct peer *upstream = stage_accept(s);

    peer_expect(upstream, "POST /up HTTP/1.1\r\nContent-Length: 4\r\n\r\nmine");
    peer_send(upstream, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    peer_expect(client, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    expect_goes_on(client);
}

static void test_consume_may_be_decided_long_after(void **state)
{
    struct stage *s = prepare(state, (struct taker){.decision = NOTHING});
    struct peer *client = stage_client_sends(s, POST "Content-Length: 5\r\n\r\nhello");

    STAGE_AWAIT(s, taker.lasts == 1);
    for (int i = 0; i < 100; i++) {
        clock_advance_ms(1000);
        turn_for(s->loop, 0);
    }
    taker.decision = ANSWER;
    decide(s, taker.exchange);
    peer_await(client, "taken");
    expect_goes_on(client);
}

/* ---- waiting and back-pressure */

static void test_consume_waits_until_more_is_wanted(void **state)
{
    struct stage *s = prepare(state, (struct taker){.waits = true});
    struct peer *client = stage_client_sends(s, POST CHUNKED "\r\n5\r\nhello\r\n");

    STAGE_AWAIT(s, taker.calls == 1);
    peer_send(client, "5\r\nworld\r\n0\r\n\r\n");
    turn_for(s->loop, 5);
    assert_int_equal(taker.calls, 1);
    exchange_consume_more(taker.exchange);
    assert_int_equal(taker.calls, 1); /* later */
    peer_await(client, "taken");
    assert_int_equal(taker.calls, 2);
    expect_got("helloworld");
}

static void test_consume_hears_of_more_from_inside(void **state)
{
    struct stage *s = prepare(state, (struct taker){.waits = true, .calls_more = true});
    struct peer *client = stage_client_sends(s, POST CHUNKED "\r\n5\r\nhello\r\n");

    STAGE_AWAIT(s, taker.calls == 1);
    peer_send(client, "5\r\nworld\r\n0\r\n\r\n");
    peer_await(client, "taken");
    expect_got("helloworld");
}

/* Pushes until nothing more is taken; how much was. */
static uint64_t push_all(struct stage *s, struct peer *client)
{
    static char bytes[256 * KIB];
    uint64_t pushed = 0;

    for (int idle = 0; idle < 20; idle++) {
        size_t got = peer_push(client, bytes, sizeof(bytes));

        pushed += got;
        idle = got > 0 ? 0 : idle;
        loop_turn(s->loop, 1);
        if (pushed > 64 * MIB)
            break;
    }
    return pushed;
}

static void test_consume_holds_the_client_back(void **state)
{
    struct stage *s = prepare(state, (struct taker){.waits = true, .counts_only = true});
    struct peer *client = stage_client_sends(s, POST "Content-Length: 1000000000\r\n\r\n");
    uint64_t before;

    assert_true(push_all(s, client) < 64 * MIB);
    assert_true(taker.size < MIB);
    assert_int_equal(taker.calls, 1);
    before = taker.size;
    exchange_consume_more(taker.exchange);
    turn_for(s->loop, 5);
    assert_int_equal(taker.calls, 2);
    assert_true(taker.size > before && taker.size < MIB);
}

static void test_consume_streams_a_large_body_in_constant_memory(void **state)
{
    struct stage *s = prepare(state, (struct taker){.counts_only = true});
    struct peer *client = stage_client_sends(s, POST "Content-Length: 50331648\r\n\r\n");

    for (int i = 0; i < 48; i++) {
        peer_send_pattern(client, 0, MIB);
        assert_true(block_store_bytes(s->server->blocks) <= BLOCK_LARGE + BLOCK_SMALL);
    }
    peer_await(client, "taken");
    assert_int_equal(taker.size, 48 * MIB);
}

/* ---- with a reply at the same time */

static void test_consume_and_produce_at_once(void **state)
{
    struct stage *s = prepare(state, (struct taker){.replies_early = true});
    struct peer *client = stage_client_sends(s, POST CHUNKED "Expect: 100-continue\r\n\r\n");

    peer_expect(client, "HTTP/1.1 100 Continue\r\n\r\n");
    peer_send(client, "5\r\nhello\r\n");
    peer_expect(client, OK CHUNKED "\r\n2\r\n5\n\r\n");
    peer_send(client, "5\r\nworld\r\n");
    peer_expect(client, "3\r\n10\n\r\n");
    peer_send(client, "0\r\n\r\n");
    peer_expect(client, "0\r\n\r\n");
    expect_goes_on(client);
    assert_int_equal(s->ended, 2);
}

static void test_consume_is_skipped_when_the_reply_ends_first(void **state)
{
    struct stage *s = prepare(state, (struct taker){.replies_early = true});
    struct peer *client = stage_client_sends(s, POST "Content-Length: 10\r\n\r\nhello");

    peer_await(client, "5\n\r\n");
    taker.lasts = 1; /* the reply says that it is all */
    exchange_produce_more(taker.exchange);
    peer_expect(client, "0\r\n\r\n");
    taker.replies_early = false;
    peer_send(client, "world"); /* nobody takes it */
    expect_goes_on(client);
    expect_got("hello");
}

static void test_consume_cuts_its_reply_when_the_body_breaks(void **state)
{
    struct stage *s = prepare(state, (struct taker){.replies_early = true});
    struct peer *client = stage_client_sends(s, POST CHUNKED "\r\n5\r\nhello\r\n");

    peer_await(client, "5\n\r\n");
    peer_send(client, "x\r\n");
    peer_await(client, "the body is malformed");
    peer_expect(client, ": a chunk size is not a plain hexadecimal number\n\r\n");
    peer_await_gone(client);
    assert_int_equal(s->last.reason, CLOSE_BAD_REQUEST);
    assert_int_equal(taker.lasts, 0);
}

/* ---- failures */

static void test_consume_refuses_a_malformed_body(void **state)
{
    struct stage *s = prepare(state, (struct taker){0});
    struct peer *client = stage_client_sends(s, POST CHUNKED "\r\n5\r\nhello\r\nx\r\n");

    peer_await(client, "HTTP/1.1 400 Bad Request\r\n");
    peer_await(client, "plain hexadecimal");
    assert_int_equal(s->last.reason, CLOSE_BAD_REQUEST);
    assert_int_equal(taker.lasts, 0);
}

static void test_consume_may_decide_in_the_middle(void **state)
{
    static const struct {
        int decision;
        const char *expected;
        enum close_reason reason;
    } cases[] = {
        {REFUSE, "HTTP/1.1 415 Status\r\n", CLOSE_REFUSED},
        {CUT, "HTTP/1.1 500 Internal Server Error\r\n", CLOSE_FAILED},
        {ANSWER, "HTTP/1.1 200 OK\r\n", CLOSE_DONE},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct stage *s = prepare(state, (struct taker){.decides_at = 1});
        struct peer *client;

        taker.decision = cases[i].decision;
        client = stage_client_sends(s, POST "Content-Length: 100\r\n\r\nhello");
        peer_await(client, cases[i].expected);
        peer_await(client, "Connection: close\r\n");
        assert_int_equal(s->last.reason, cases[i].reason);
        peer_send(client, "more");
        turn_for(s->loop, 5);
        assert_int_equal(taker.calls, 1);
        stage_drop(s, client);
    }
}

static void test_consume_may_decide_while_it_waits(void **state)
{
    struct stage *s = prepare(state, (struct taker){.waits = true});
    struct peer *client = stage_client_sends(s, POST "Content-Length: 100\r\n\r\nhello");

    STAGE_AWAIT(s, taker.calls == 1);
    taker.decision = REFUSE;
    decide(s, taker.exchange);
    peer_await(client, "HTTP/1.1 415 Status\r\n");
    peer_send(client, "more");
    turn_for(s->loop, 5);
    assert_int_equal(taker.calls, 1);
}

/* Cancelled before its first piece: nothing is called. */
static void test_consume_is_cut_before_its_first_piece(void **state)
{
    struct stage *s = prepare(state, (struct taker){0});
    struct peer *client = stage_client_sends(s, POST "Content-Length: 100\r\n\r\n");

    STAGE_AWAIT(s, s->current != NULL);
    exchange_cut(taker.exchange, 401, CLOSE_REVOKED, "revoked");
    peer_send(client, "hello");
    peer_await(client, "HTTP/1.1 401 Unauthorized\r\n");
    assert_int_equal(taker.calls, 0);
    assert_int_equal(s->last.reason, CLOSE_REVOKED);
}

/* ---- the client leaves, or is slow */

static void test_consume_ends_when_the_client_leaves_inside(void **state)
{
    static void (*const ways[])(struct peer *) = {peer_finish, peer_close, peer_reset};

    for (int waits = 0; waits < 2; waits++)
        for (size_t i = 0; i < ARRAY_SIZE(ways); i++) {
            struct stage *s = prepare(state, (struct taker){.waits = waits == 1});
            struct peer *client = stage_client_sends(s, POST "Content-Length: 100\r\n\r\nhello");

            STAGE_AWAIT(s, taker.calls == 1);
            ways[i](client);
            clock_advance_ms(waits * 1100); /* the sweep sees what nobody reads */
            STAGE_AWAIT(s, s->ended == s->begun);
            assert_int_equal(s->last.reason, CLOSE_CLIENT_GONE);
            assert_int_equal(taker.lasts, 0);
            stage_drop(s, client);
        }
}

/* FIN behind the whole body: a second for the reply to begin. */
static void test_consume_ends_a_second_after_a_client_that_finished(void **state)
{
    struct stage *s = prepare(state, (struct taker){.decision = NOTHING});
    struct peer *client = stage_client_sends(s, POST "Content-Length: 5\r\n\r\nhello");

    STAGE_AWAIT(s, taker.lasts == 1);
    peer_finish(client);
    turn_for(s->loop, 5);
    assert_int_equal(s->ended, 0);
    clock_advance_ms(1100);
    stage_await_ended(s, 1);
    assert_int_equal(s->last.reason, CLOSE_CLIENT_GONE);
}

/* But not while it is us who hold up the rest of its body. */
static void test_consume_waits_for_itself_when_the_client_finished(void **state)
{
    struct stage *s = prepare(state, (struct taker){.waits = true});
    struct peer *client = stage_client_sends(s, POST CHUNKED "\r\n5\r\nhello\r\n");

    STAGE_AWAIT(s, taker.calls == 1);
    peer_send(client, "5\r\nworld\r\n0\r\n\r\n");
    peer_finish(client);
    for (int i = 0; i < 10; i++) {
        clock_advance_ms(1000);
        turn_for(s->loop, 2);
    }
    assert_int_equal(s->ended, 0);
    exchange_consume_more(taker.exchange);
    peer_await(client, "taken");
    expect_got("helloworld");
}

static void test_consume_cuts_a_client_that_is_too_slow(void **state)
{
    for (int replies = 0; replies < 2; replies++) {
        struct stage *s = prepare(state, (struct taker){.replies_early = replies == 1});
        struct peer *client = stage_client_sends(s, POST "Content-Length: 100\r\n\r\nhello");

        STAGE_AWAIT(s, taker.calls == 1);
        for (int i = 0; i < 65 && s->ended < s->begun; i++) {
            clock_advance_ms(1000);
            turn_for(s->loop, 1);
        }
        if (!replies)
            peer_await(client, "HTTP/1.1 408 Request Timeout\r\n");
        peer_await(client, "limits.body_idle_timeout");
        STAGE_AWAIT(s, s->ended == s->begun);
        assert_int_equal(s->last.reason, CLOSE_CLIENT_TOO_SLOW);
    }
}

static void test_consume_does_not_count_its_own_time(void **state)
{
    struct stage *s = prepare(state, (struct taker){.waits = true});
    struct peer *client;

    s->settings.limits.min_body_rate = 1000;
    client = stage_client_sends(s, POST "Content-Length: 10\r\n\r\nhello");
    STAGE_AWAIT(s, taker.calls == 1);
    for (int i = 0; i < 200; i++) {
        clock_advance_ms(1000);
        turn_for(s->loop, 0);
    }
    assert_int_equal(s->ended, 0);
    exchange_consume_more(taker.exchange);
    peer_send(client, "world");
    peer_await(client, "taken");
}

static void test_consume_is_refused_at_the_drain_deadline(void **state)
{
    struct stage *s = prepare(state, (struct taker){.waits = true});
    struct peer *client = stage_client_sends(s, POST "Content-Length: 10\r\n\r\nhello");

    STAGE_AWAIT(s, taker.calls == 1);
    server_drain(s->server, 1000);
    clock_advance_ms(1100);
    peer_await(client, "HTTP/1.1 503 Service Unavailable\r\n");
    STAGE_AWAIT(s, s->ended == 1);
    assert_int_equal(s->last.reason, CLOSE_DRAIN_DEADLINE);
}

static void test_consume_over_tls(void **state)
{
    struct stage *s = prepare(state, (struct taker){.counts_only = true});
    struct peer *client;

    stage_use_tls(s);
    client = stage_tls_client(s);
    peer_send(client, POST "Content-Length: 4194304\r\n\r\n");
    peer_send_pattern(client, 0, 4ULL * MIB);
    peer_await(client, "taken");
    assert_int_equal(taker.size, 4 * MIB);
}

static int forget(void **state)
{
    text_dispose(&taker.got);
    return 0;
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STAGE_TEST(test_consume_takes_bodies_of_all_framings),
        STAGE_TEST(test_consume_takes_a_body_byte_by_byte),
        STAGE_TEST(test_consume_says_continue),
        STAGE_TEST(test_consume_may_relay_in_the_end),
        STAGE_TEST(test_consume_may_be_decided_long_after),
        STAGE_TEST(test_consume_waits_until_more_is_wanted),
        STAGE_TEST(test_consume_hears_of_more_from_inside),
        STAGE_TEST(test_consume_holds_the_client_back),
        STAGE_TEST(test_consume_streams_a_large_body_in_constant_memory),
        STAGE_TEST(test_consume_and_produce_at_once),
        STAGE_TEST(test_consume_is_skipped_when_the_reply_ends_first),
        STAGE_TEST(test_consume_cuts_its_reply_when_the_body_breaks),
        STAGE_TEST(test_consume_refuses_a_malformed_body),
        STAGE_TEST(test_consume_may_decide_in_the_middle),
        STAGE_TEST(test_consume_may_decide_while_it_waits),
        STAGE_TEST(test_consume_is_cut_before_its_first_piece),
        STAGE_TEST(test_consume_ends_when_the_client_leaves_inside),
        STAGE_TEST(test_consume_ends_a_second_after_a_client_that_finished),
        STAGE_TEST(test_consume_waits_for_itself_when_the_client_finished),
        STAGE_TEST(test_consume_cuts_a_client_that_is_too_slow),
        STAGE_TEST(test_consume_does_not_count_its_own_time),
        STAGE_TEST(test_consume_is_refused_at_the_drain_deadline),
        STAGE_TEST(test_consume_over_tls),
    };

    return cmocka_run_group_tests(tests, NULL, forget);
}
