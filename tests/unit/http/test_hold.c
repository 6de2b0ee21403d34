// SPDX-License-Identifier: Apache-2.0
/* Relayed replies whose end waits for the handler. */
#include "stage.h"

#include <stdlib.h>

#define POST    "POST /relay HTTP/1.1\r\nHost: x\r\n"
#define EMPTY   POST "Content-Length: 0\r\n\r\n"
#define CHUNKED "Transfer-Encoding: chunked\r\n"
#define REPLY   "HTTP/1.1 200 OK\r\n"

static unsigned int held;
static int seen_status;

static void on_held(struct exchange *exchange)
{
    held++;
}

/* Only a 200 is held. */
static void on_reply(struct exchange *exchange, const struct head *reply, struct relay *relay)
{
    seen_status = reply->status;
    if (reply->status == 200)
        return;
    relay->holds_end = relay->holds_head = false;
    relay->rewrite = NULL;
}

static struct stage *prepare(void **state, bool holds_head)
{
    struct stage *s = *state;

    held = 0;
    seen_status = 0;
    s->relay.holds_end = true;
    s->relay.holds_head = holds_head;
    s->relay.on_held = on_held;
    s->relay.on_reply = on_reply;
    return s;
}

/* Keeps the last line back, as a treatment does. */
static struct text kept;

static void keep_last_line(void *arg, struct slice content, bool is_last, struct text *out)
{
    for (size_t i = 0; i < content.size; i++) {
        if (kept.size > 0 && kept.data[kept.size - 1] == '\n') {
            text_put_slice(out, text_slice(&kept));
            text_clear(&kept);
        }
        text_put_char(&kept, content.data[i]);
    }
    if (is_last) {
        text_put_slice(out, text_slice(&kept));
        text_clear(&kept);
    }
}

static int forget(void **state)
{
    text_dispose(&kept);
    return 0;
}

static void keep_lines(struct stage *s)
{
    text_clear(&kept);
    s->relay.rewrite = keep_last_line;
    s->relay.break_line = SLICE("broke\n");
}

static void relay_and_reply(struct stage *s, const char *reply, struct peer **client,
                            struct peer **upstream)
{
    *client = stage_client_sends(s, EMPTY);
    *upstream = stage_accept(s);
    peer_await(*upstream, "\r\n\r\n");
    peer_send(*upstream, reply);
}

static void expect_goes_on(struct peer *client)
{
    peer_send(client, "GET /answer HTTP/1.1\r\nHost: x\r\n\r\n");
    peer_await(client, "hello\n");
}

/* ---- success */

static void test_hold_waits_with_the_end(void **state)
{
    static const struct {
        const char *reply, *content;
    } cases[] = {
        {REPLY CHUNKED "\r\n2\r\nok\r\n0\r\nX-T: a\r\n\r\n", "0\r\nX-T: a\r\n\r\n"},
        {REPLY "Content-Length: 2\r\n\r\nok", "0\r\n\r\n"}, /* a length would tell */
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct stage *s = prepare(state, false);
        struct peer *client, *upstream;

        relay_and_reply(s, cases[i].reply, &client, &upstream);
        peer_expect(client, REPLY CHUNKED "\r\n2\r\nok\r\n");
        peer_expect_silence(client, 5);
        assert_int_equal(held, 1);
        assert_int_equal(seen_status, 200);
        exchange_release(s->current, (struct slice){0});
        peer_expect(client, cases[i].content);
        expect_goes_on(client);
        stage_drop(s, client);
        stage_drop(s, upstream);
    }
}

/* An upstream that failed at the end says so in a trailer; the handler may act on it. */
static void test_hold_shows_the_trailers(void **state)
{
    struct stage *s = prepare(state, false);
    struct peer *client, *upstream;

    relay_and_reply(s, REPLY CHUNKED "\r\n2\r\nok\r\n0\r\nX-Stream-Error: full\r\nY: z\r\n\r\n",
                    &client, &upstream);
    STAGE_AWAIT(s, held == 1);
    assert_true(slice_equal(text_slice(exchange_reply_trailers(s->current)),
                            SLICE("X-Stream-Error: full\r\n")));
    exchange_release(s->current, (struct slice){0});
    peer_await(client, "X-Stream-Error: full\r\n\r\n");
}

static void test_hold_keeps_what_the_rewrite_kept_and_adds_a_tail(void **state)
{
    struct stage *s = prepare(state, false);
    struct peer *client, *upstream;

    keep_lines(s);
    relay_and_reply(s, REPLY CHUNKED "\r\n4\r\na\nb\n\r\n2\r\nc\n\r\n0\r\n\r\n", &client,
                    &upstream);
    peer_expect(client, REPLY CHUNKED "\r\n4\r\na\nb\n\r\n");
    peer_expect_silence(client, 5);
    exchange_release(s->current, SLICE("tail\n"));
    peer_expect(client, "7\r\nc\ntail\n\r\n0\r\n\r\n");
    assert_int_equal(s->last.reason, CLOSE_DONE);
}

static void test_hold_may_keep_the_head_too(void **state)
{
    struct stage *s = prepare(state, true);
    struct peer *client, *upstream;

    keep_lines(s);
    relay_and_reply(s, REPLY "Content-Length: 3\r\n\r\n{}\n", &client, &upstream);
    peer_expect_silence(client, 5);
    assert_int_equal(held, 1);
    exchange_release(s->current, (struct slice){0});
    peer_expect(client, REPLY CHUNKED "\r\n3\r\n{}\n\r\n0\r\n\r\n");
    expect_goes_on(client);
}

static void test_hold_lets_the_head_go_with_the_first_content(void **state)
{
    struct stage *s = prepare(state, true);
    struct peer *client, *upstream;

    keep_lines(s);
    relay_and_reply(s, REPLY CHUNKED "\r\n2\r\na\n\r\n", &client, &upstream);
    peer_expect_silence(client, 5);
    peer_send(upstream, "2\r\nb\n\r\n");
    peer_expect(client, REPLY CHUNKED "\r\n2\r\na\n\r\n");
    peer_send(upstream, "0\r\n\r\n");
    STAGE_AWAIT(s, held == 1);
    exchange_release(s->current, (struct slice){0});
    peer_expect(client, "2\r\nb\n\r\n0\r\n\r\n");
}

/* A message that ends with its head: the head is its end. */
static void test_hold_waits_with_the_head_where_it_is_all(void **state)
{
    static const struct {
        const char *request, *reply, *expected;
    } cases[] = {
        {"HEAD /relay HTTP/1.1\r\nHost: x\r\n\r\n", REPLY "Content-Length: 2\r\n\r\n",
         REPLY "Content-Length: 2\r\n\r\n"},
        {EMPTY, REPLY "Content-Length: 0\r\n\r\n", REPLY CHUNKED "\r\n0\r\n\r\n"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct stage *s = prepare(state, i == 1);
        struct peer *client = stage_client_sends(s, cases[i].request);
        struct peer *upstream = stage_accept(s);

        peer_send(upstream, cases[i].reply);
        STAGE_AWAIT(s, held == 1);
        peer_expect_silence(client, 5);
        exchange_release(s->current, (struct slice){0});
        peer_expect(client, cases[i].expected);
        expect_goes_on(client);
        stage_drop(s, client);
        stage_drop(s, upstream);
    }
}

static void test_hold_passes_errors_as_they_are(void **state)
{
    struct stage *s = prepare(state, true);
    struct peer *client, *upstream;

    keep_lines(s);
    relay_and_reply(s, "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 2\r\n\r\nno", &client,
                    &upstream);
    peer_expect(client, "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 2\r\n\r\nno");
    assert_int_equal(held, 0);
    assert_int_equal(seen_status, 500);
}

static void test_hold_gives_the_upstream_back_meanwhile(void **state)
{
    struct stage *s = prepare(state, false);
    struct peer *client, *upstream, *other;
    struct exchange *first;

    relay_and_reply(s, REPLY CHUNKED "\r\n2\r\nok\r\n0\r\n\r\n", &client, &upstream);
    STAGE_AWAIT(s, held == 1);
    first = s->current;
    other = stage_client_sends(s, EMPTY); /* on the same connection */
    peer_await(upstream, "Content-Length: 0\r\n\r\n");
    peer_send(upstream, REPLY "Content-Length: 1\r\n\r\nB");
    STAGE_AWAIT(s, held == 2);
    exchange_release(s->current, (struct slice){0});
    exchange_release(first, (struct slice){0});
    peer_await(client, "0\r\n\r\n");
    peer_await(other, "1\r\nB\r\n0\r\n\r\n");
    assert_int_equal(s->server->counters.upstream_dials, 1);
}

static void release_at_once(struct exchange *exchange)
{
    held++;
    exchange_release(exchange, SLICE("!"));
}

static void test_hold_may_be_released_from_inside(void **state)
{
    struct stage *s = prepare(state, true);
    struct peer *client, *upstream;

    s->relay.on_held = release_at_once;
    relay_and_reply(s, REPLY "Content-Length: 2\r\n\r\nok", &client, &upstream);
    peer_expect(client, REPLY CHUNKED "\r\n2\r\nok\r\n1\r\n!\r\n0\r\n\r\n");
    assert_int_equal(held, 1);
}

static void test_hold_releases_to_a_slow_client(void **state)
{
    struct stage *s = prepare(state, false);
    size_t size = 8UL * 1024 * 1024;
    struct text tail = {0};
    struct peer *client, *upstream;

    for (size_t i = 0; i < size; i++)
        text_put_char(&tail, 't');
    relay_and_reply(s, REPLY "Content-Length: 2\r\n\r\nok", &client, &upstream);
    STAGE_AWAIT(s, held == 1);
    exchange_release(s->current, text_slice(&tail));
    text_dispose(&tail); /* it was copied */
    turn_for(s->loop, 5);
    assert_int_equal(s->ended, 0);
    while (s->ended == 0) {
        peer_read(client);
        loop_turn(s->loop, 0);
    }
    peer_await(client, "tttt\r\n0\r\n\r\n");
    assert_int_equal(held, 1);
}

/* ---- content that goes out meanwhile */

static void test_hold_puts_content_ahead_of_what_is_kept_back(void **state)
{
    struct stage *s = prepare(state, true);
    struct peer *client, *upstream;

    keep_lines(s);
    relay_and_reply(s, REPLY CHUNKED "\r\n2\r\nz\n\r\n0\r\n\r\n", &client, &upstream);
    STAGE_AWAIT(s, held == 1);
    exchange_hold_put(s->current, SLICE("1\n"));
    peer_expect(client, REPLY CHUNKED "\r\n2\r\n1\n\r\n"); /* the head, too */
    exchange_hold_put(s->current, SLICE("22\n"));
    peer_expect(client, "3\r\n22\n\r\n");
    peer_expect_silence(client, 5);
    assert_int_equal(held, 1);
    exchange_release(s->current, (struct slice){0});
    peer_expect(client, "2\r\nz\n\r\n0\r\n\r\n");
    expect_goes_on(client);
}

static void test_hold_fails_with_a_line_behind_what_was_put(void **state)
{
    struct stage *s = prepare(state, true);
    struct peer *client, *upstream;

    keep_lines(s);
    relay_and_reply(s, REPLY CHUNKED "\r\n2\r\nz\n\r\n0\r\n\r\n", &client, &upstream);
    STAGE_AWAIT(s, held == 1);
    exchange_hold_put(s->current, SLICE("1\n"));
    exchange_cut(s->current, 504, CLOSE_REFUSED, "too late");
    peer_expect(client, REPLY CHUNKED "\r\n2\r\n1\n\r\n9\r\ntoo late\n\r\n");
    peer_expect_end(client);
}

/* What was put is taken first; what comes meanwhile is left out; then the end. */
static void test_hold_releases_behind_what_a_slow_client_has_to_take(void **state)
{
    struct stage *s = prepare(state, false);
    size_t size = 8UL * 1024 * 1024;
    struct text much = {0};
    struct peer *client, *upstream;

    for (size_t i = 0; i < size; i++)
        text_put_char(&much, 'm');
    relay_and_reply(s, REPLY "Content-Length: 2\r\n\r\nok", &client, &upstream);
    STAGE_AWAIT(s, held == 1);
    exchange_hold_put(s->current, text_slice(&much));
    text_dispose(&much); /* it was copied */
    exchange_hold_put(s->current, SLICE("left out"));
    exchange_release(s->current, SLICE("tail"));
    assert_int_equal(s->ended, 0);
    while (s->ended == 0) {
        peer_read(client);
        loop_turn(s->loop, 0);
    }
    peer_await(client, "mmmm\r\n4\r\ntail\r\n0\r\n\r\n");
    assert_int_equal(s->last.reason, CLOSE_DONE);
}

static void test_hold_ends_when_the_client_left_before_more_is_put(void **state)
{
    struct stage *s = prepare(state, false);
    struct peer *client, *upstream;

    relay_and_reply(s, REPLY "Content-Length: 2\r\n\r\nok", &client, &upstream);
    STAGE_AWAIT(s, held == 1);
    peer_reset(client);
    STAGE_AWAIT(s, s->ended == 1);
    assert_int_equal(s->last.reason, CLOSE_CLIENT_GONE);
}

/* ---- failure */

static void test_hold_fails_with_a_status_while_nothing_was_sent(void **state)
{
    struct stage *s = prepare(state, true);
    struct peer *client, *upstream;

    keep_lines(s);
    relay_and_reply(s, REPLY CHUNKED "\r\n3\r\n{}\n\r\n0\r\n\r\n", &client, &upstream);
    STAGE_AWAIT(s, held == 1);
    text_put_text(exchange_reply_headers(s->current), "X-Q: 1\r\n");
    exchange_cut(s->current, 507, CLOSE_REFUSED, "the quota is full");
    peer_expect(client, "HTTP/1.1 507 Insufficient Storage\r\nX-Q: 1\r\nContent-Type: "
                        "text/plain\r\nContent-Length: 18\r\n\r\nthe quota is full\n");
    assert_int_equal(s->last.status, 507);
    assert_int_equal(s->last.reason, CLOSE_REFUSED);
    expect_goes_on(client);
}

static void test_hold_fails_with_a_line_behind_content(void **state)
{
    struct stage *s = prepare(state, true);
    struct peer *client, *upstream;

    keep_lines(s);
    relay_and_reply(s, REPLY CHUNKED "\r\n4\r\na\nb\n\r\n0\r\n\r\n", &client, &upstream);
    peer_expect(client, REPLY CHUNKED "\r\n2\r\na\n\r\n");
    STAGE_AWAIT(s, held == 1);
    exchange_cut(s->current, 507, CLOSE_REFUSED, "the quota is full");
    peer_expect(client, "12\r\nthe quota is full\n\r\n");
    peer_expect_end(client); /* without b, without the last chunk */
    assert_int_equal(s->last.reason, CLOSE_REFUSED);
}

static void test_hold_fails_by_a_cut_where_there_are_no_lines(void **state)
{
    struct stage *s = prepare(state, false);
    struct peer *client, *upstream;

    relay_and_reply(s, REPLY "Content-Length: 2\r\n\r\nok", &client, &upstream);
    peer_expect(client, REPLY CHUNKED "\r\n2\r\nok\r\n");
    STAGE_AWAIT(s, held == 1);
    exchange_cut(s->current, 507, CLOSE_REFUSED, "the quota is full");
    peer_expect_end(client);
}

static void test_hold_answers_502_when_the_upstream_breaks_off(void **state)
{
    struct stage *s = prepare(state, true);
    struct peer *client, *upstream;

    keep_lines(s);
    relay_and_reply(s, REPLY CHUNKED "\r\n2\r\na\n\r\n", &client, &upstream);
    turn_for(s->loop, 5);
    peer_close(upstream);
    peer_await(client, "HTTP/1.1 502 Bad Gateway\r\n");
    peer_await(client, "broke off inside its reply");
    assert_int_equal(s->last.reason, CLOSE_UPSTREAM_CLOSED);
    assert_int_equal(held, 0);
    expect_goes_on(client);
}

static void test_hold_answers_504_when_the_upstream_falls_silent(void **state)
{
    struct stage *s = prepare(state, true);
    struct peer *client, *upstream;

    keep_lines(s);
    s->relay.head_timeout_ms = 5000;
    relay_and_reply(s, REPLY CHUNKED "\r\n2\r\na\n\r\n", &client, &upstream);
    turn_for(s->loop, 5);
    clock_advance_ms(19000);
    peer_expect_silence(client, 5);
    clock_advance_ms(1100);
    peer_await(client, "HTTP/1.1 504 Gateway Timeout\r\n");
    peer_await(client, "did not go on with its reply within 20 s");
    assert_int_equal(s->last.reason, CLOSE_UPSTREAM_SILENT);
}

/* ---- time, cuts, and the client */

static void test_hold_may_last(void **state)
{
    for (int holds_head = 0; holds_head < 2; holds_head++) {
        struct stage *s = prepare(state, holds_head == 1);
        struct peer *client, *upstream;

        keep_lines(s);
        s->settings.limits.min_body_rate = 1000;
        relay_and_reply(s, REPLY "Content-Length: 3\r\n\r\n{}\n", &client, &upstream);
        STAGE_AWAIT(s, held == 1);
        for (int i = 0; i < 200; i++) {
            clock_advance_ms(1000);
            turn_for(s->loop, 0);
        }
        exchange_release(s->current, (struct slice){0});
        peer_expect(client, REPLY CHUNKED "\r\n3\r\n{}\n\r\n0\r\n\r\n");
        stage_drop(s, client);
        stage_drop(s, upstream);
    }
}

static void test_hold_ends_when_the_client_leaves(void **state)
{
    for (int holds_head = 0; holds_head < 2; holds_head++) {
        struct stage *s = prepare(state, holds_head == 1);
        struct peer *client, *upstream;

        relay_and_reply(s, REPLY CHUNKED "\r\n0\r\n\r\n", &client, &upstream);
        STAGE_AWAIT(s, held == 1);
        peer_reset(client);
        STAGE_AWAIT(s, s->ended == s->begun);
        assert_int_equal(s->last.reason, CLOSE_CLIENT_GONE);
        stage_drop(s, client);
        stage_drop(s, upstream);
    }
}

/* FIN: a reply that has begun goes on; one that has not gets a second to begin. */
static void test_hold_treats_a_client_that_finished_as_relays_do(void **state)
{
    for (int holds_head = 0; holds_head < 2; holds_head++) {
        struct stage *s = prepare(state, holds_head == 1);
        struct peer *client, *upstream;

        keep_lines(s);
        relay_and_reply(s, REPLY "Content-Length: 3\r\n\r\n{}\n", &client, &upstream);
        STAGE_AWAIT(s, held == 1);
        peer_finish(client);
        turn_for(s->loop, 5);
        clock_advance_ms(1100);
        turn_for(s->loop, 15);
        if (holds_head) {
            STAGE_AWAIT(s, s->ended == s->begun);
            assert_int_equal(s->last.reason, CLOSE_CLIENT_GONE);
        } else {
            exchange_release(s->current, (struct slice){0});
            peer_await(client, "{}\n\r\n0\r\n\r\n");
            peer_expect_end(client);
        }
        stage_drop(s, client);
        stage_drop(s, upstream);
    }
}

static void test_hold_is_cut_at_the_drain_deadline(void **state)
{
    struct stage *s = prepare(state, true);
    struct peer *client, *upstream;

    keep_lines(s);
    relay_and_reply(s, REPLY "Content-Length: 3\r\n\r\n{}\n", &client, &upstream);
    STAGE_AWAIT(s, held == 1);
    server_drain(s->server, 1000);
    clock_advance_ms(1100);
    peer_await(client, "HTTP/1.1 503 Service Unavailable\r\n");
    stage_await_ended(s, 1);
    assert_int_equal(s->last.reason, CLOSE_DRAIN_DEADLINE);
}

/* A pipelined request waits its turn. */
static void test_hold_keeps_what_is_pipelined(void **state)
{
    struct stage *s = prepare(state, false);
    struct peer *client = stage_client_sends(s, EMPTY "GET /answer HTTP/1.1\r\nHost: x\r\n\r\n");
    struct peer *upstream = stage_accept(s);

    peer_send(upstream, REPLY "Content-Length: 2\r\n\r\nok");
    peer_await(client, "ok\r\n");
    STAGE_AWAIT(s, held == 1);
    peer_expect_silence(client, 5);
    exchange_release(s->current, (struct slice){0});
    peer_expect(client, "0\r\n\r\n");
    peer_await(client, "hello\n");
}

/* The reply came before the request's end: what is left of it is read over behind the hold. */
static void test_hold_outlives_a_body_that_is_not_read(void **state)
{
    struct stage *s = prepare(state, false);
    struct peer *client = stage_client_sends(s, POST "Content-Length: 10\r\n\r\nhello");
    struct peer *upstream = stage_accept(s);

    peer_await(upstream, "hello");
    peer_send(upstream, REPLY "Content-Length: 2\r\n\r\nok");
    STAGE_AWAIT(s, held == 1);
    peer_await_gone(upstream); /* it has half a request */
    peer_send(client, "world");
    turn_for(s->loop, 5);
    exchange_release(s->current, (struct slice){0});
    peer_await(client, "ok\r\n0\r\n\r\n");
    expect_goes_on(client);
}

static void test_hold_over_http_1_0(void **state)
{
    struct stage *s = prepare(state, false);
    struct peer *client = stage_client_sends(s, "POST /relay HTTP/1.0\r\n\r\n");
    struct peer *upstream = stage_accept(s);

    keep_lines(s);
    peer_send(upstream, REPLY "Content-Length: 2\r\n\r\nok");
    STAGE_AWAIT(s, held == 1);
    exchange_release(s->current, SLICE("tail"));
    peer_expect(client, REPLY "Connection: close\r\n\r\noktail");
    peer_expect_end(client);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STAGE_TEST(test_hold_waits_with_the_end),
        STAGE_TEST(test_hold_shows_the_trailers),
        STAGE_TEST(test_hold_keeps_what_the_rewrite_kept_and_adds_a_tail),
        STAGE_TEST(test_hold_may_keep_the_head_too),
        STAGE_TEST(test_hold_lets_the_head_go_with_the_first_content),
        STAGE_TEST(test_hold_waits_with_the_head_where_it_is_all),
        STAGE_TEST(test_hold_passes_errors_as_they_are),
        STAGE_TEST(test_hold_gives_the_upstream_back_meanwhile),
        STAGE_TEST(test_hold_may_be_released_from_inside),
        STAGE_TEST(test_hold_releases_to_a_slow_client),
        STAGE_TEST(test_hold_puts_content_ahead_of_what_is_kept_back),
        STAGE_TEST(test_hold_fails_with_a_line_behind_what_was_put),
        STAGE_TEST(test_hold_releases_behind_what_a_slow_client_has_to_take),
        STAGE_TEST(test_hold_ends_when_the_client_left_before_more_is_put),
        STAGE_TEST(test_hold_fails_with_a_status_while_nothing_was_sent),
        STAGE_TEST(test_hold_fails_with_a_line_behind_content),
        STAGE_TEST(test_hold_fails_by_a_cut_where_there_are_no_lines),
        STAGE_TEST(test_hold_answers_502_when_the_upstream_breaks_off),
        STAGE_TEST(test_hold_answers_504_when_the_upstream_falls_silent),
        STAGE_TEST(test_hold_may_last),
        STAGE_TEST(test_hold_ends_when_the_client_leaves),
        STAGE_TEST(test_hold_treats_a_client_that_finished_as_relays_do),
        STAGE_TEST(test_hold_is_cut_at_the_drain_deadline),
        STAGE_TEST(test_hold_keeps_what_is_pipelined),
        STAGE_TEST(test_hold_outlives_a_body_that_is_not_read),
        STAGE_TEST(test_hold_over_http_1_0),
    };

    return cmocka_run_group_tests(tests, NULL, forget);
}
