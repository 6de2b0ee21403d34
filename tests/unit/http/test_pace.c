// SPDX-License-Identifier: Apache-2.0
/* Clients that are slow, and clients that leave while nobody reads from them. */
#include "stage.h"

#include <stdlib.h>
#include <sys/socket.h>

#define POST  "POST /relay HTTP/1.1\r\nHost: x\r\n"
#define LATER "POST /later HTTP/1.1\r\nHost: x\r\n"
#define REPLY "HTTP/1.1 200 OK\r\n"

enum { KIB = 1024, MIB = 1024 * 1024 };

static char zeroes[MIB];

/* Lets seconds pass, a sweep in each. */
static void pass_seconds(struct stage *s, unsigned int seconds)
{
    for (unsigned int i = 0; i < seconds; i++) {
        clock_advance_ms(1000);
        loop_turn(s->loop, 0);
        loop_turn(s->loop, 0);
    }
}

static void fill_up(struct stage *s, struct peer *peer)
{
    for (int idle = 0; idle < 20; idle++) {
        if (peer_push(peer, zeroes, sizeof(zeroes)) > 0)
            idle = 0;
        loop_turn(s->loop, 1);
    }
}

/* Reads about size bytes and forgets them. */
static void swallow(struct stage *s, struct peer *peer, size_t size)
{
    static char bytes[256 * KIB];

    while (size > 0) {
        ssize_t got = recv(peer->fd, bytes, size < sizeof(bytes) ? size : sizeof(bytes), 0);

        if (got <= 0)
            break;
        size -= (size_t)got;
    }
    loop_turn(s->loop, 0);
    loop_turn(s->loop, 1);
}

/* ---- speed */

static void test_pace_cuts_an_upload_that_stops(void **state)
{
    struct stage *s = *state;
    struct peer *client = stage_client_sends(s, POST "Content-Length: 100\r\n\r\nabc");
    struct peer *upstream = stage_accept(s);

    peer_await(upstream, "abc");
    pass_seconds(s, 58);
    peer_expect_silence(client, 5);
    pass_seconds(s, 3);
    peer_await(client, "HTTP/1.1 408 Request Timeout\r\n");
    peer_await_gone(upstream);
    assert_int_equal(s->last.reason, CLOSE_CLIENT_TOO_SLOW);
}

static void test_pace_cuts_an_upload_below_the_rate(void **state)
{
    struct stage *s = *state;
    struct peer *client;

    s->settings.limits.min_body_rate = 10;
    client = stage_client_sends(
        s, "POST /collect-relay HTTP/1.1\r\nHost: x\r\nContent-Length: 10000\r\n\r\n");
    turn_for(s->loop, 5);
    for (int i = 0; i < 29; i++) {
        peer_send(client, "abc");
        pass_seconds(s, 1);
    }
    peer_expect_silence(client, 5);
    pass_seconds(s, 2);
    peer_await(client, "HTTP/1.1 408 Request Timeout\r\n");
    assert_int_equal(s->last.reason, CLOSE_CLIENT_TOO_SLOW);
}

static void test_pace_lets_an_upload_above_the_rate_go_on(void **state)
{
    struct stage *s = *state;
    struct peer *client, *upstream;

    s->settings.limits.min_body_rate = 10;
    client = stage_client_sends(s, POST "Content-Length: 10000\r\n\r\n");
    upstream = stage_accept(s);
    for (int i = 0; i < 100; i++) {
        peer_send(client, "abcdefghijkl");
        turn_for(s->loop, 0);
        pass_seconds(s, 1);
    }
    peer_expect_silence(client, 5);
    peer_await(upstream, "ijkl");
    assert_int_equal(s->ended, 0);
}

static void test_pace_cuts_a_download_that_nobody_reads(void **state)
{
    struct stage *s = *state;
    struct peer *client = stage_client_sends(s, POST "Content-Length: 0\r\n\r\n");
    struct peer *upstream = stage_accept(s);

    peer_send(upstream, REPLY "Content-Length: 1000000000\r\n\r\n");
    fill_up(s, upstream);
    pass_seconds(s, 50);
    assert_int_equal(s->ended, 0);
    for (int i = 0; i < 100 && s->ended == 0;
         i++) { /* the kernel's buffers may have moved a little */
        pass_seconds(s, 1);
        turn_for(s->loop, 1);
    }
    assert_int_equal(s->last.reason, CLOSE_CLIENT_TOO_SLOW);
    (void)client;
}

/* The kernel moves a body of known length through a pipe: what leaves the pipe counts. */
static void test_pace_lets_a_download_above_the_rate_go_on(void **state)
{
    struct stage *s = *state;
    struct peer *client, *upstream;

    s->settings.limits.min_body_rate = 10 * KIB;
    s->settings.limits.body_idle_timeout_ms = 10000;
    client = stage_client_sends(s, POST "Content-Length: 0\r\n\r\n");
    upstream = stage_accept(s);
    peer_send(upstream, REPLY "Content-Length: 1000000000\r\n\r\n");
    for (int i = 0; i < 100; i++) {
        fill_up(s, upstream);
        swallow(s, client, 256 * KIB);
        pass_seconds(s, 1);
        assert_int_equal(s->ended, 0);
    }
}

static void test_pace_does_not_count_the_upstreams_time(void **state)
{
    struct stage *s = *state;
    struct peer *client, *upstream;

    s->settings.limits.min_body_rate = 1000;
    s->relay.head_timeout_ms = 0;
    client = stage_client_sends(s, POST "Content-Length: 100000000\r\n\r\n");
    upstream = stage_accept(s);
    fill_up(s, client); /* until the upstream, which does not read, holds it up */
    pass_seconds(s, 200);
    peer_expect_silence(client, 5);
    assert_int_equal(s->ended, 0);
    (void)upstream;
}

/* ---- presence */

static void test_pace_a_client_that_resets_cancels_what_is_undecided(void **state)
{
    struct stage *s = *state;
    struct peer *client = stage_client_sends(s, LATER "Content-Length: 5\r\n\r\n");

    STAGE_AWAIT(s, s->waiting != NULL);
    assert_non_null(s->waiting);
    peer_reset(client);
    turn_for(s->loop, 5);
    pass_seconds(s, 2);
    assert_int_equal(s->ended, 1);
    assert_int_equal(s->last.reason, CLOSE_CLIENT_GONE);
}

static void test_pace_a_client_that_finished_waits_a_second_for_a_decision(void **state)
{
    struct stage *s = *state;
    struct peer *client = stage_client_sends(s, LATER "Content-Length: 0\r\n\r\n");

    STAGE_AWAIT(s, s->waiting != NULL);
    peer_finish(client);
    turn_for(s->loop, 5);
    pass_seconds(s, 1);
    assert_int_equal(s->ended, 0);
    pass_seconds(s, 2);
    assert_int_equal(s->ended, 1);
    assert_int_equal(s->last.reason, CLOSE_CLIENT_GONE);
}

static void test_pace_a_client_that_finished_inside_its_body_cancels(void **state)
{
    struct stage *s = *state;
    struct peer *client = stage_client_sends(s, LATER "Content-Length: 5\r\n\r\nab");

    STAGE_AWAIT(s, s->waiting != NULL);
    peer_finish(client);
    turn_for(s->loop, 5);
    pass_seconds(s, 1);
    assert_int_equal(s->ended, 1);
    assert_int_equal(s->last.reason, CLOSE_CLIENT_GONE);
}

static void test_pace_a_body_that_waits_whole_in_the_kernel_is_whole(void **state)
{
    static const struct {
        const char *head, *body;
        bool is_whole;
    } cases[] = {
        {"Content-Length: 5\r\n\r\n", "hello", true},
        {"Content-Length: 5\r\n\r\nhe", "llo", true},
        {"Content-Length: 5\r\n\r\nhello", "", true},
        {"Content-Length: 5\r\n\r\nhe", "ll", false},
        {"Transfer-Encoding: chunked\r\n\r\n", "5\r\nhello\r\n0\r\n\r\n", true},
        {"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r", "\n", true},
        {"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\n\r\n", "", true},
        {"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n0\r\nX: y\r\n", "\r\n", true},
        {"Transfer-Encoding: chunked\r\n\r\n", "5\r\nhello\r\n0\r\n", false},
        {"Transfer-Encoding: chunked\r\n\r\n5\r\nhello\r\n", "", false},
        {"Transfer-Encoding: chunked\r\n\r\n", "", false},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct stage *s = *state;
        struct peer *client = stage_client_sends(s, LATER);
        unsigned int ended = s->ended;

        peer_send(client, cases[i].head);
        turn_for(s->loop, 5);
        peer_send(client, cases[i].body);
        peer_finish(client);
        turn_for(s->loop, 5);
        pass_seconds(s, 1);
        if (s->ended != ended + !cases[i].is_whole)
            fail_msg("case %zu", i);
        if (!cases[i].is_whole)
            continue;
        exchange_answer(s->waiting, &(struct answer){.status = 204});
        peer_await(client, "HTTP/1.1 204 No Content\r\n");
    }
}

/* Under TLS a length tells whether the rest can be there; the end of chunks cannot be seen. */
static void test_pace_under_tls_only_a_length_tells_that_a_body_is_whole(void **state)
{
    static const struct {
        const char *head, *body;
        bool is_whole;
    } cases[] = {
        {"Content-Length: 5\r\n\r\n", "hello", true},
        {"Content-Length: 5000\r\n\r\n", "hello", false},
        {"Transfer-Encoding: chunked\r\n\r\n", "5\r\nhello\r\n0\r\n\r\n", false},
        {"Transfer-Encoding: chunked\r\n\r\n", "5\r\nhel", false},
    };

    stage_use_tls(*state);
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct stage *s = *state;
        struct peer *client = stage_tls_client(s);
        unsigned int ended = s->ended;

        peer_send(client, LATER);
        peer_send(client, cases[i].head);
        turn_for(s->loop, 5);
        peer_send(client, cases[i].body);
        peer_finish(client);
        turn_for(s->loop, 5);
        pass_seconds(s, 1);
        if (s->ended != ended + !cases[i].is_whole)
            fail_msg("case %zu", i);
        if (!cases[i].is_whole) {
            assert_int_equal(s->last.reason, CLOSE_CLIENT_GONE);
            continue;
        }
        exchange_answer(s->waiting, &(struct answer){.status = 204});
        peer_await(client, "HTTP/1.1 204 No Content\r\n");
    }
}

/* The upstream takes no more; the client has sent everything and its FIN. */
static void test_pace_a_body_held_up_by_the_upstream_is_not_cancelled(void **state)
{
    struct stage *s = *state;
    struct peer *client = stage_client_sends(s, POST "Transfer-Encoding: chunked\r\n\r\n");
    struct peer *upstream = stage_accept(s);
    size_t pushed = 0, part;

    do {
        peer_send(client, "10000\r\n");
        part = peer_push(client, zeroes, 64 * KIB);
        pushed += part;
        for (int i = 0; i < 30; i++)
            loop_turn(s->loop, 0);
    } while (part == 64 * KIB && peer_push(client, "\r\n", 2) == 2 && pushed < 256 * MIB);
    assert_true(pushed < 256 * MIB);
    swallow(s, upstream, MIB); /* the rest of the last chunk finds room */
    turn_for(s->loop, 10);
    if (part < 64 * KIB)
        peer_send_bytes(client, zeroes, 64 * KIB - part);
    peer_send(client, "\r\n0\r\n\r\n");
    peer_finish(client);
    pass_seconds(s, 3);
    assert_int_equal(s->ended, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STAGE_TEST(test_pace_cuts_an_upload_that_stops),
        STAGE_TEST(test_pace_cuts_an_upload_below_the_rate),
        STAGE_TEST(test_pace_lets_an_upload_above_the_rate_go_on),
        STAGE_TEST(test_pace_cuts_a_download_that_nobody_reads),
        STAGE_TEST(test_pace_lets_a_download_above_the_rate_go_on),
        STAGE_TEST(test_pace_does_not_count_the_upstreams_time),
        STAGE_TEST(test_pace_a_client_that_resets_cancels_what_is_undecided),
        STAGE_TEST(test_pace_a_client_that_finished_waits_a_second_for_a_decision),
        STAGE_TEST(test_pace_a_client_that_finished_inside_its_body_cancels),
        STAGE_TEST(test_pace_a_body_that_waits_whole_in_the_kernel_is_whole),
        STAGE_TEST(test_pace_under_tls_only_a_length_tells_that_a_body_is_whole),
        STAGE_TEST(test_pace_a_body_held_up_by_the_upstream_is_not_cancelled),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
