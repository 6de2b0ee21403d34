// SPDX-License-Identifier: Apache-2.0
/* Bodies through a relay: framings, trailers, both ways at once, rewriting. */
#include "bodies_kit.h"

/* ---- framings of the request */

static void test_bodies_of_known_length_pass_as_they_are(void **state)
{
    struct stage *s = *state;
    struct peer *client, *upstream;

    open_relay(s, POST "Content-Length: 10\r\n\r\nhel", &client, &upstream);
    peer_expect(upstream, UPSTREAM "Content-Length: 10\r\n\r\nhel");
    expect_passes(client, upstream, "lo");
    expect_passes(client, upstream, "world");
    expect_passes(upstream, client, OK_REPLY);
    assert_int_equal(s->last.bytes_in, 10);
    expect_both_go_on(client, upstream);
}

static void test_bodies_in_chunks_are_merged_and_lose_their_extensions(void **state)
{
    struct stage *s = *state;
    struct peer *client, *upstream;

    open_relay(s, POST CHUNKED "\r\n3;ext=1\r\nabc\r\n1\r\nd\r\n02\r\nef\r\n0\r\n\r\n", &client,
               &upstream);
    peer_expect(upstream, UPSTREAM CHUNKED "\r\n6\r\nabcdef\r\n0\r\n\r\n");
    expect_passes(upstream, client, OK_REPLY);
    assert_int_equal(s->last.bytes_in, 6);
    expect_both_go_on(client, upstream);
}

static void test_bodies_may_have_trailers(void **state)
{
    struct stage *s = *state;
    struct peer *client, *upstream;

    open_relay(s, POST CHUNKED "\r\n1\r\na\r\n0\r\nX-T: 1\r\nContent-Length: 7\r\nx-u:\r\n\r\n",
               &client, &upstream);
    peer_expect(upstream, UPSTREAM CHUNKED "\r\n1\r\na\r\n0\r\nX-T: 1\r\nx-u:\r\n\r\n");
    peer_send(upstream,
              REPLY "Trailer: X-Stream-Error\r\n" CHUNKED "\r\n1\r\nb\r\n0\r\nX-Stream-Error: "
                    "broken\r\nSet-Cookie: a=b\r\n\r\n");
    peer_expect(client, REPLY "Trailer: X-Stream-Error\r\n" CHUNKED
                              "\r\n1\r\nb\r\n0\r\nX-Stream-Error: broken\r\n\r\n");
    expect_both_go_on(client, upstream);
}

static void test_bodies_that_break_their_framing_are_refused(void **state)
{
    struct stage *s = *state;
    struct peer *client, *upstream;

    open_relay(s, POST CHUNKED "\r\n1\r\na\r\n", &client, &upstream);
    peer_expect(upstream, UPSTREAM CHUNKED "\r\n1\r\na\r\n");
    peer_send(client, "x\r\n");
    peer_await(client, "HTTP/1.1 400 Bad Request\r\n");
    peer_await(client, "plain hexadecimal");
    peer_expect_end(upstream); /* without the last chunk */
    expect_client_ends(client);
    assert_int_equal(s->last.reason, CLOSE_BAD_REQUEST);
}

static void test_bodies_that_break_their_framing_cut_a_reply_that_began(void **state)
{
    struct stage *s = *state;
    struct peer *client, *upstream;

    open_relay(s, POST CHUNKED "\r\n1\r\na\r\n", &client, &upstream);
    expect_passes(upstream, client, REPLY CHUNKED "\r\n1\r\nb\r\n");
    peer_send(client, "x\r\n");
    peer_expect_end(client);
    peer_await_gone(upstream);
    assert_int_equal(s->last.reason, CLOSE_BAD_REQUEST);
}

/* ---- framings of the reply */

static void test_bodies_that_end_by_close_become_chunks(void **state)
{
    struct stage *s = *state;
    struct peer *client, *upstream;

    open_relay(s, POST "Content-Length: 0\r\n\r\n", &client, &upstream);
    peer_await(upstream, "\r\n\r\n");
    peer_send(upstream, REPLY "\r\nabc");
    peer_expect(client, REPLY CHUNKED "\r\n3\r\nabc\r\n");
    peer_close(upstream);
    peer_expect(client, "0\r\n\r\n");
    assert_int_equal(s->last.reason, CLOSE_DONE);
    peer_send(client, "GET /answer HTTP/1.1\r\nHost: x\r\n\r\n");
    peer_await(client, "hello\n");
}

static void test_bodies_for_http_1_0_end_by_close(void **state)
{
    struct stage *s = *state;
    struct peer *client, *upstream;

    open_relay(s, "GET /read HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", &client, &upstream);
    peer_send(upstream, REPLY CHUNKED "\r\n3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n");
    peer_expect(client, REPLY "Connection: close\r\n\r\nabc");
    peer_expect_end(client);
    assert_int_equal(s->last.reason, CLOSE_DONE);
}

static void test_bodies_for_http_1_0_keep_the_connection_if_asked(void **state)
{
    struct stage *s = *state;
    struct peer *client, *upstream;

    open_relay(s, "GET /read HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", &client, &upstream);
    peer_send(upstream, OK_REPLY);
    peer_expect(client, REPLY "Content-Length: 2\r\nConnection: keep-alive\r\n\r\nok");
    peer_send(client, "GET /read HTTP/1.0\r\n\r\n");
    peer_await(upstream, "GET /read HTTP/1.1\r\n\r\n");
    peer_await(upstream, "GET /read HTTP/1.1\r\n\r\n");
    peer_send(upstream, OK_REPLY);
    peer_expect(client, REPLY "Content-Length: 2\r\nConnection: close\r\n\r\nok");
    peer_expect_end(client);
}

static void test_bodies_cut_for_http_1_0_are_reset(void **state)
{
    struct stage *s = *state;
    struct peer *client, *upstream;

    open_relay(s, "GET /read HTTP/1.0\r\n\r\n", &client, &upstream);
    peer_send(upstream, REPLY CHUNKED "\r\n3\r\nabc\r\n");
    peer_expect(client, REPLY "Connection: close\r\n\r\nabc");
    peer_close(upstream);
    peer_expect_reset(client);
    assert_int_equal(s->last.reason, CLOSE_UPSTREAM_CLOSED);
}

static void test_bodies_are_absent_where_they_must_be(void **state)
{
    static const struct {
        const char *request, *reply, *expected;
    } cases[] = {
        {"HEAD /read", REPLY "Content-Length: 5\r\n\r\n", REPLY "Content-Length: 5\r\n\r\n"},
        {"HEAD /read", REPLY CHUNKED "\r\n", REPLY "\r\n"},
        {"HEAD /read", REPLY "\r\n", REPLY "\r\n"},
        {"GET /read", "HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 204 No Content\r\n\r\n"},
        {"GET /read", "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
         "HTTP/1.1 304 Not Modified\r\n\r\n"},
        {"GET /read", REPLY "Content-Length: 0\r\n\r\n", REPLY "Content-Length: 0\r\n\r\n"},
        {"GET /read", REPLY CHUNKED "\r\n0\r\n\r\n", REPLY CHUNKED "\r\n0\r\n\r\n"},
    };
    struct stage *s = *state;
    struct peer *client = stage_client(s), *upstream = NULL;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        peer_send(client, cases[i].request);
        peer_send(client, " HTTP/1.1\r\nHost: x\r\n\r\n");
        if (upstream == NULL)
            upstream = stage_accept(s);
        peer_expect(upstream, cases[i].request);
        peer_expect(upstream, " HTTP/1.1\r\n\r\n");
        peer_send(upstream, cases[i].reply);
        peer_expect(client, cases[i].expected);
    }
    expect_both_go_on(client, upstream);
}

/* ---- both ways at once */

static void test_bodies_stream_both_ways_at_once(void **state)
{
    struct stage *s = *state;
    struct peer *client, *upstream;

    open_relay(s, POST CHUNKED "\r\n", &client, &upstream);
    peer_expect(upstream, UPSTREAM CHUNKED "\r\n");
    expect_passes(upstream, client, REPLY CHUNKED "\r\n");
    for (int i = 0; i < 5; i++) {
        expect_passes(client, upstream, "1\r\na\r\n");
        expect_passes(upstream, client, "1\r\nb\r\n");
    }
    expect_passes(client, upstream, "0\r\n\r\n");
    expect_passes(upstream, client, "0\r\n\r\n");
    expect_both_go_on(client, upstream);
}

/* The reply's end comes in a turn of its own, behind the request's. */
static void test_bodies_may_end_after_their_reply(void **state)
{
    struct stage *s = *state;
    struct peer *client, *upstream;

    open_relay(s, POST CHUNKED "\r\n", &client, &upstream);
    expect_passes(upstream, client, REPLY CHUNKED "\r\n1\r\nb\r\n");
    peer_send(client, "0\r\n\r\n");
    peer_expect(upstream, UPSTREAM CHUNKED "\r\n0\r\n\r\n");
    expect_passes(upstream, client, "0\r\n\r\n");
    expect_both_go_on(client, upstream);
}

/* ---- rewriting */

/* Doubles each 'a', and keeps what it got last back until more comes. */
static void double_a(void *kept_, struct slice content, bool is_last, struct text *out)
{
    char *kept = kept_;

    for (size_t i = 0; i < content.size; i++) {
        if (*kept != '\0')
            text_put_char(out, *kept);
        if (*kept == 'a')
            text_put_char(out, 'a');
        *kept = content.data[i];
    }
    if (is_last)
        text_put_format(out, "%c.", *kept);
}

static void test_bodies_can_be_rewritten_on_their_way(void **state)
{
    static const struct {
        const char *head, *sent, *expected;
    } cases[] = {
        {CHUNKED, "2\r\nab\r\n1\r\nc\r\n0\r\n\r\n", "5\r\naabc.\r\n0\r\n\r\n"},
        {"Content-Length: 3\r\n", "abc", "5\r\naabc.\r\n0\r\n\r\n"},
        {"Connection: close\r\n", "abc", "3\r\naab\r\n2\r\nc.\r\n0\r\n\r\n"},
    };
    struct stage *s = *state;
    static char kept;

    s->relay.rewrite = double_a;
    s->relay.rewrite_arg = &kept;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct peer *client, *upstream;

        kept = '\0';
        open_relay(s, POST "Content-Length: 0\r\n\r\n", &client, &upstream);
        peer_await(upstream, "\r\n\r\n");
        peer_send(upstream, REPLY);
        peer_send(upstream, cases[i].head);
        peer_send(upstream, "\r\n");
        peer_send(upstream, cases[i].sent);
        peer_expect(client, REPLY CHUNKED "\r\n");
        turn_for(s->loop, 5);
        if (i == 2)
            peer_close(upstream);
        peer_expect(client, cases[i].expected);
        stage_drop(s, client);
        stage_drop(s, upstream);
    }
}

static void test_bodies_that_are_rewritten_arrive_as_they_come(void **state)
{
    struct stage *s = *state;
    struct peer *client, *upstream;
    static char kept;

    s->relay.rewrite = double_a;
    s->relay.rewrite_arg = &kept;
    open_relay(s, POST "Content-Length: 0\r\n\r\n", &client, &upstream);
    peer_send(upstream, REPLY CHUNKED "\r\n1\r\nx\r\n");
    peer_expect(client, REPLY CHUNKED "\r\n");
    peer_expect_silence(client, 5);
    peer_send(upstream, "1\r\ny\r\n");
    peer_expect(client, "1\r\nx\r\n");
    peer_send(upstream, "0\r\nX-T: t\r\n\r\n");
    peer_expect(client, "2\r\ny.\r\n0\r\nX-T: t\r\n\r\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STAGE_TEST(test_bodies_of_known_length_pass_as_they_are),
        STAGE_TEST(test_bodies_in_chunks_are_merged_and_lose_their_extensions),
        STAGE_TEST(test_bodies_may_have_trailers),
        STAGE_TEST(test_bodies_that_break_their_framing_are_refused),
        STAGE_TEST(test_bodies_that_break_their_framing_cut_a_reply_that_began),
        STAGE_TEST(test_bodies_that_end_by_close_become_chunks),
        STAGE_TEST(test_bodies_for_http_1_0_end_by_close),
        STAGE_TEST(test_bodies_for_http_1_0_keep_the_connection_if_asked),
        STAGE_TEST(test_bodies_cut_for_http_1_0_are_reset),
        STAGE_TEST(test_bodies_are_absent_where_they_must_be),
        STAGE_TEST(test_bodies_stream_both_ways_at_once),
        STAGE_TEST(test_bodies_may_end_after_their_reply),
        STAGE_TEST(test_bodies_can_be_rewritten_on_their_way),
        STAGE_TEST(test_bodies_that_are_rewritten_arrive_as_they_come),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
