// SPDX-License-Identifier: Apache-2.0
/* Bodies through a relay that end early, at either side, or outlast their reply. */
#include "bodies_kit.h"

/* ---- the upstream ends early */

static void test_bodies_cut_in_chunks_have_no_last_chunk(void **state)
{
    struct stage *s = *state;
    struct peer *client, *upstream;

    open_relay(s, POST "Content-Length: 0\r\n\r\n", &client, &upstream);
    expect_passes(upstream, client, REPLY CHUNKED "\r\n3\r\nabc\r\n");
    peer_close(upstream);
    peer_expect_end(client);
    assert_int_equal(s->last.reason, CLOSE_UPSTREAM_CLOSED);
}

static void test_bodies_cut_below_their_length_stay_short(void **state)
{
    struct stage *s = *state;
    struct peer *client, *upstream;

    open_relay(s, POST "Content-Length: 0\r\n\r\n", &client, &upstream);
    expect_passes(upstream, client, REPLY "Content-Length: 10\r\n\r\nabc");
    peer_reset(upstream);
    peer_expect_end(client);
    assert_int_equal(s->last.reason, CLOSE_UPSTREAM_CLOSED);
}

static void test_bodies_with_broken_chunks_are_cut(void **state)
{
    struct stage *s = *state;
    struct peer *client, *upstream;

    open_relay(s, POST "Content-Length: 0\r\n\r\n", &client, &upstream);
    expect_passes(upstream, client, REPLY CHUNKED "\r\n3\r\nabc\r\n");
    peer_send(upstream, "0x3\r\nabc\r\n0\r\n\r\n");
    peer_expect_end(client);
    assert_int_equal(s->last.reason, CLOSE_UPSTREAM_BROKEN);
}

static void test_bodies_cut_in_lines_say_so_in_one(void **state)
{
    static const struct {
        const char *sent, *expected;
    } cases[] = {
        {"2\r\n{}\r\n", "2\r\n{}\r\n8\r\n\n{\"e\":1}\r\n"},
        {"3\r\n{}\n\r\n", "3\r\n{}\n\r\n7\r\n{\"e\":1}\r\n"},
    };
    struct stage *s = *state;

    s->relay.break_line = SLICE("{\"e\":1}");
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct peer *client, *upstream;

        open_relay(s, POST "Content-Length: 0\r\n\r\n", &client, &upstream);
        peer_send(upstream, REPLY CHUNKED "\r\n");
        peer_send(upstream, cases[i].sent);
        peer_close(upstream);
        peer_expect(client, REPLY CHUNKED "\r\n");
        peer_expect(client, cases[i].expected);
        peer_expect_end(client);
    }
}

static void test_bodies_in_lines_that_we_cut_say_why(void **state)
{
    struct stage *s = *state;
    struct peer *client, *upstream;

    s->relay.break_line = SLICE("{\"e\":1}");
    open_relay(s, POST "Content-Length: 0\r\n\r\n", &client, &upstream);
    expect_passes(upstream, client, REPLY CHUNKED "\r\n2\r\n{}\r\n");
    exchange_cut(s->current, 401, CLOSE_REVOKED, "revoked");
    peer_expect(client, "9\r\n\nrevoked\n\r\n");
    peer_expect_end(client);
    peer_await_gone(upstream);
}

static void test_bodies_silent_for_too_long_are_cut(void **state)
{
    struct stage *s = *state;
    struct peer *client, *upstream;

    open_relay(s, POST "Content-Length: 0\r\n\r\n", &client, &upstream);
    expect_passes(upstream, client, REPLY CHUNKED "\r\n1\r\na\r\n");
    clock_advance_ms(19000);
    turn_for(s->loop, 5);
    expect_passes(upstream, client, "1\r\nb\r\n");
    clock_advance_ms(19000);
    peer_expect_silence(client, 5);
    clock_advance_ms(1100);
    peer_expect_end(client);
    peer_await_gone(upstream);
    assert_int_equal(s->last.reason, CLOSE_UPSTREAM_SILENT);
}

static void test_bodies_are_left_when_the_reply_is_whole(void **state)
{
    struct stage *s = *state;
    struct peer *client, *upstream;

    open_relay(s, POST "Content-Length: 100\r\n\r\nabc", &client, &upstream);
    expect_passes(upstream, client,
                  "HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nno\n");
    peer_await_gone(upstream);
    peer_expect_silence(client, 5); /* held, so that the reply is seen */
    expect_client_ends(client);
}

/* The upstream answers, and closes with the body unread: a reset that overtakes nothing we have not
 * read. */
static void test_bodies_refused_by_an_upstream_that_resets_show_its_reply(void **state)
{
    struct stage *s = *state;
    struct peer *client, *upstream;
    static char body[MIB];
    size_t pushed = 0;

    open_relay(s, POST "Content-Length: 100000000\r\n\r\nabc", &client, &upstream);
    peer_await(upstream, "\r\n\r\nabc");
    for (int i = 0; i < 100 && peer_push(client, body, 64 * KIB) > 0; i++) {
        pushed++;
        loop_turn(s->loop, 1);
    }
    assert_true(pushed > 1);
    peer_push(upstream, "HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nno\n", 56);
    peer_close(upstream);
    peer_push(client, body, 64 * KIB); /* so that a write fails before the reply is read */
    peer_await(client, "HTTP/1.1 413 Content Too Large\r\n");
    peer_await(client, "\r\n\r\nno\n");
    expect_client_ends(client);
    assert_int_equal(s->last.status, 413);
}

/* A reply that ends with its stream is not whole when the stream was reset; and a reset that a
 * write met is no longer seen by the next read. */
static void test_bodies_that_end_by_a_reset_are_cut(void **state)
{
    struct stage *s = *state;
    struct peer *client, *upstream;
    static char body[100];

    open_relay(s, POST "Content-Length: 100000000\r\n\r\nabc", &client, &upstream);
    peer_await(upstream, "\r\n\r\nabc");
    peer_send(upstream, "HTTP/1.1 200 OK\r\n\r\npart");
    peer_await(client, "4\r\npart\r\n");
    peer_reset(upstream);
    peer_push(client, body, 100); /* is written first */
    peer_expect_end(client);      /* no last chunk */
    assert_int_equal(s->last.reason, CLOSE_UPSTREAM_CLOSED);
}

static void test_bodies_for_an_upstream_that_closes_get_502(void **state)
{
    struct stage *s = *state;
    struct peer *client, *upstream;

    open_relay(s, POST "Content-Length: 100\r\n\r\nabc", &client, &upstream);
    peer_await(upstream, "abc");
    peer_close(upstream);
    peer_await(client, "HTTP/1.1 502 Bad Gateway\r\n");
    expect_client_ends(client);
    assert_int_equal(s->last.reason, CLOSE_UPSTREAM_CLOSED);
}

/* ---- the client ends early */

static void test_bodies_that_a_client_ends_are_cancelled(void **state)
{
    for (int i = 0; i < 3; i++) {
        struct stage *s = *state;
        struct peer *client, *upstream;

        open_relay(s, POST "Content-Length: 100\r\n\r\nabc", &client, &upstream);
        peer_await(upstream, "abc");
        if (i == 0)
            peer_finish(client);
        else if (i == 1)
            peer_close(client);
        else
            peer_reset(client);
        peer_expect_end(upstream);
        assert_int_equal(s->last.reason, CLOSE_CLIENT_GONE);
        assert_int_equal(s->last.status, 0);
    }
}

static void test_bodies_in_chunks_that_a_client_ends_have_no_last_chunk(void **state)
{
    struct stage *s = *state;
    struct peer *client, *upstream;

    open_relay(s, POST CHUNKED "\r\n3\r\nabc\r\n", &client, &upstream);
    peer_expect(upstream, UPSTREAM CHUNKED "\r\n3\r\nabc\r\n");
    peer_finish(client);
    peer_expect_end(upstream);
}

/* ---- the reply ends first */

/* The upstream has answered all of it while the client's last bytes are on their way. */
static void test_bodies_that_outlast_their_reply_are_read_over(void **state)
{
    static const struct {
        const char *framing, *first, *rest;
    } cases[] = {
        {CHUNKED, "3\r\nabc\r\n", "0\r\n\r\n"},
        {CHUNKED, "3\r\nabc\r\n", "4\r\ndefg\r\n0\r\nT: x\r\n\r\n"},
        {"Content-Length: 6\r\n", "abc", "def"},
    };
    struct stage *s = *state;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct peer *client = stage_client_sends(s, POST);
        struct peer *upstream;

        peer_send(client, cases[i].framing);
        peer_send(client, "\r\n");
        peer_send(client, cases[i].first);
        upstream = stage_accept(s);
        peer_await(upstream, "abc");
        expect_passes(upstream, client, OK_REPLY);
        turn_for(s->loop, 5);
        peer_send(client, cases[i].rest);
        peer_send(client, "GET /answer HTTP/1.1\r\nHost: x\r\n\r\n");
        peer_await(client, "hello\n");
        peer_await_gone(upstream);
    }
}

static void test_bodies_that_the_upstream_gave_up_end_the_connection(void **state)
{
    struct stage *s = *state;
    struct peer *client, *upstream;

    open_relay(s, POST CHUNKED "\r\n3\r\nabc\r\n", &client, &upstream);
    peer_await(upstream, "abc");
    peer_send(upstream, REPLY "Connection: close\r\nContent-Length: 2\r\n\r\nno");
    peer_expect(client, REPLY "Content-Length: 2\r\nConnection: close\r\n\r\nno");
    expect_client_ends(client);
    open_relay(s, POST "Content-Length: 3\r\n\r\nabc", &client, &upstream);
    peer_await(upstream, "abc");
    peer_send(upstream, REPLY "Connection: close\r\nContent-Length: 2\r\n\r\nok");
    peer_expect(client, OK_REPLY);
    peer_send(client, "GET /answer HTTP/1.1\r\nHost: x\r\n\r\n");
    peer_await(client, "hello\n");
}

static void test_bodies_that_outlast_their_reply_for_long_end_the_connection(void **state)
{
    struct stage *s = *state;
    struct peer *client, *upstream;

    for (int i = 0; i < 3; i++) {
        open_relay(s, POST CHUNKED "\r\n3\r\nabc\r\n", &client, &upstream);
        peer_await(upstream, "abc");
        expect_passes(upstream, client, OK_REPLY);
        if (i == 1) { /* so much that nobody waits for its end */
            peer_send(client, "100000\r\n");
            peer_send_pattern(client, 0, 200 * KIB);
        } else if (i == 2) {
            peer_send(client, "no chunk\r\n");
        }
        expect_client_ends(client);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STAGE_TEST(test_bodies_cut_in_chunks_have_no_last_chunk),
        STAGE_TEST(test_bodies_cut_below_their_length_stay_short),
        STAGE_TEST(test_bodies_with_broken_chunks_are_cut),
        STAGE_TEST(test_bodies_cut_in_lines_say_so_in_one),
        STAGE_TEST(test_bodies_in_lines_that_we_cut_say_why),
        STAGE_TEST(test_bodies_silent_for_too_long_are_cut),
        STAGE_TEST(test_bodies_are_left_when_the_reply_is_whole),
        STAGE_TEST(test_bodies_refused_by_an_upstream_that_resets_show_its_reply),
        STAGE_TEST(test_bodies_that_end_by_a_reset_are_cut),
        STAGE_TEST(test_bodies_for_an_upstream_that_closes_get_502),
        STAGE_TEST(test_bodies_that_a_client_ends_are_cancelled),
        STAGE_TEST(test_bodies_in_chunks_that_a_client_ends_have_no_last_chunk),
        STAGE_TEST(test_bodies_that_outlast_their_reply_are_read_over),
        STAGE_TEST(test_bodies_that_the_upstream_gave_up_end_the_connection),
        STAGE_TEST(test_bodies_that_outlast_their_reply_for_long_end_the_connection),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
