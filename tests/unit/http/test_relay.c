// SPDX-License-Identifier: Apache-2.0
/* Relaying: connections to the upstream, heads, bodies both ways, retries, failures before and
 * inside a reply. */
#include "stage.h"

#include <stdlib.h>
#include <unistd.h>

#define OK_REPLY       "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
#define GET_READ       "GET /read HTTP/1.1\r\nHost: x\r\n\r\n"
#define POST_RELAY     "POST /relay HTTP/1.1\r\nHost: x\r\nContent-Length: 0\r\n\r\n"
#define UPSTREAM_READ  "GET /read HTTP/1.1\r\n\r\n"
#define UPSTREAM_RELAY "POST /relay HTTP/1.1\r\nContent-Length: 0\r\n\r\n"

/* One exchange that leaves an idle connection behind, which is returned. */
static struct peer *leave_idle(struct stage *s, struct peer *client)
{
    struct peer *upstream;

    peer_send(client, GET_READ);
    upstream = stage_accept(s);
    peer_expect(upstream, UPSTREAM_READ);
    peer_send(upstream, OK_REPLY);
    peer_expect(client, OK_REPLY);
    return upstream;
}

/* ---- the upstream's connection */

static void test_relay_reuses_an_idle_connection(void **state)
{
    struct stage *s = *state;
    struct peer *client = stage_client(s);
    struct peer *upstream = leave_idle(s, client);

    peer_send(client, POST_RELAY);
    peer_expect(upstream, UPSTREAM_RELAY);
    peer_send(upstream, OK_REPLY);
    peer_expect(client, OK_REPLY);
    stage_expect_no_dial(s, 10);
    assert_int_equal(s->server->counters.upstream_dials, 1);
    assert_int_equal(s->server->counters.upstream_reuses, 1);
}

static void test_relay_dials_for_a_write_when_idle_connections_are_old(void **state)
{
    struct stage *s = *state;
    struct peer *client = stage_client(s);
    struct peer *fresh;

    leave_idle(s, client);
    clock_advance_ms(1100);
    peer_send(client, POST_RELAY);
    fresh = stage_accept(s);
    peer_expect(fresh, UPSTREAM_RELAY);
    peer_send(fresh, OK_REPLY);
    peer_expect(client, OK_REPLY);
}

static void test_relay_reads_on_an_old_idle_connection(void **state)
{
    struct stage *s = *state;
    struct peer *client = stage_client(s);
    struct peer *upstream = leave_idle(s, client);

    clock_advance_ms(1100);
    peer_send(client, GET_READ);
    peer_expect(upstream, UPSTREAM_READ);
    peer_send(upstream, OK_REPLY);
    peer_expect(client, OK_REPLY);
    stage_expect_no_dial(s, 10);
}

static void test_relay_does_not_keep_a_connection_that_says_close(void **state)
{
    struct stage *s = *state;
    struct peer *client = stage_client(s);
    struct peer *upstream;

    peer_send(client, GET_READ);
    upstream = stage_accept(s);
    peer_expect(upstream, UPSTREAM_READ);
    peer_send(upstream, "HTTP/1.1 200 OK\r\nConnection: close\r\nContent-Length: 2\r\n\r\nok");
    peer_expect(client, OK_REPLY);
    peer_expect_end(upstream);
}

static void test_relay_drops_a_connection_with_bytes_behind_the_reply(void **state)
{
    struct stage *s = *state;
    struct peer *client = stage_client(s);
    struct peer *upstream;

    peer_send(client, GET_READ);
    upstream = stage_accept(s);
    peer_send(upstream, OK_REPLY "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nevil");
    peer_expect(client, OK_REPLY);
    peer_await_gone(upstream);
    peer_send(client, GET_READ);
    upstream = stage_accept(s);
    peer_send(upstream, OK_REPLY);
    peer_expect(client, OK_REPLY);
}

/* ---- retries */

static void test_relay_retries_a_read_once_when_a_reused_connection_ends(void **state)
{
    struct stage *s = *state;
    struct peer *client = stage_client(s);
    struct peer *upstream = leave_idle(s, client);
    struct peer *fresh;

    peer_send(client, GET_READ);
    peer_expect(upstream, UPSTREAM_READ);
    peer_close(upstream);
    fresh = stage_accept(s);
    peer_expect(fresh, UPSTREAM_READ);
    peer_send(fresh, OK_REPLY);
    peer_expect(client, OK_REPLY);
    assert_true(s->last.is_retried);
    assert_int_equal(s->server->counters.upstream_retries, 1);
    peer_send(client, GET_READ); /* the client's connection goes on */
    peer_expect(fresh, UPSTREAM_READ);
    peer_send(fresh, OK_REPLY);
    peer_expect(client, OK_REPLY);
}

static void test_relay_sends_the_request_once_when_its_first_write_failed(void **state)
{
    struct stage *s = *state;
    struct peer *client = stage_client(s);
    struct peer *upstream = leave_idle(s, client);
    struct peer *fresh;

    peer_reset(upstream); /* in the same turn as the request, and looked at after it */
    peer_send(client, GET_READ);
    fresh = stage_accept(s);
    peer_expect(fresh, UPSTREAM_READ);
    peer_expect_silence(fresh, 20);
    peer_send(fresh, OK_REPLY);
    peer_expect(client, OK_REPLY);
    peer_send(client, GET_READ); /* the client's connection goes on */
    peer_expect(fresh, UPSTREAM_READ);
    peer_send(fresh, OK_REPLY);
    peer_expect(client, OK_REPLY);
}

static void test_relay_retries_only_once(void **state)
{
    struct stage *s = *state;
    struct peer *client = stage_client(s);
    struct peer *upstream = leave_idle(s, client);

    peer_send(client, GET_READ);
    peer_expect(upstream, UPSTREAM_READ);
    peer_close(upstream);
    peer_close(stage_accept(s));
    peer_await(client, "HTTP/1.1 502 Bad Gateway\r\n");
    stage_expect_no_dial(s, 20);
    assert_int_equal(s->last.reason, CLOSE_UPSTREAM_CLOSED);
}

static void test_relay_does_not_retry_a_read_on_a_fresh_connection(void **state)
{
    struct stage *s = *state;
    struct peer *client = stage_client_sends(s, GET_READ);

    peer_close(stage_accept(s));
    peer_await(client, "HTTP/1.1 502 Bad Gateway\r\n");
    stage_expect_no_dial(s, 20);
    assert_int_equal(s->last.reason, CLOSE_UPSTREAM_CLOSED);
}

static void test_relay_never_retries_a_write(void **state)
{
    struct stage *s = *state;
    struct peer *client = stage_client(s);
    struct peer *upstream = leave_idle(s, client);

    peer_send(client, POST_RELAY);
    peer_expect(upstream, UPSTREAM_RELAY);
    peer_close(upstream);
    peer_await(client, "HTTP/1.1 502 Bad Gateway\r\n");
    peer_await(client, "not retried");
    stage_expect_no_dial(s, 20);
    assert_int_equal(s->last.reason, CLOSE_NOT_RETRIED);
}

static void test_relay_never_retries_a_write_whose_first_write_failed(void **state)
{
    struct stage *s = *state;
    struct peer *client = stage_client(s);
    struct peer *upstream = leave_idle(s, client);

    peer_reset(upstream);
    peer_send(client, POST_RELAY);
    peer_await(client, "HTTP/1.1 502 Bad Gateway\r\n");
    stage_expect_no_dial(s, 20);
    assert_int_equal(s->last.reason, CLOSE_NOT_RETRIED);
}

static void test_relay_does_not_retry_after_a_byte_of_a_reply(void **state)
{
    static const char *const bytes[] = {"H", "HTTP/1.1 102 Processing\r\n\r\n"};

    for (size_t i = 0; i < ARRAY_SIZE(bytes); i++) {
        struct stage *s = *state;
        struct peer *client = stage_client(s);
        struct peer *upstream = leave_idle(s, client);

        peer_send(client, GET_READ);
        peer_expect(upstream, UPSTREAM_READ);
        peer_send(upstream, bytes[i]);
        turn_for(s->loop, 5);
        peer_close(upstream);
        peer_await(client, "HTTP/1.1 502 Bad Gateway\r\n");
        stage_expect_no_dial(s, 20);
        assert_int_equal(s->last.reason, CLOSE_NOT_RETRIED);
    }
}

/* ---- failures before the reply */

static void test_relay_answers_502_when_nobody_listens(void **state)
{
    struct stage *s = *state;
    struct peer *client;

    close(s->upstream_fd);
    s->upstream_fd = -1;
    client = stage_client_sends(s, POST_RELAY);
    peer_await(client, "HTTP/1.1 502 Bad Gateway\r\n");
    peer_await(client, "Connection refused");
    assert_int_equal(s->last.reason, CLOSE_UPSTREAM_UNREACHABLE);
    peer_send(client, "GET /answer HTTP/1.1\r\nHost: x\r\n\r\n"); /* no byte was left unread */
    peer_await(client, "hello");
}

static void test_relay_answers_504_to_silence(void **state)
{
    struct stage *s = *state;
    struct peer *client = stage_client_sends(s, POST_RELAY);
    struct peer *upstream = stage_accept(s);

    peer_expect(upstream, UPSTREAM_RELAY);
    clock_advance_ms(19000);
    peer_expect_silence(client, 10);
    clock_advance_ms(1100);
    peer_await(client, "HTTP/1.1 504 Gateway Timeout\r\n");
    peer_await(client, "20 s");
    peer_await_gone(upstream);
    assert_int_equal(s->last.reason, CLOSE_UPSTREAM_SILENT);
}

static void test_relay_waits_without_end_when_there_is_no_limit(void **state)
{
    struct stage *s = *state;
    struct peer *client, *upstream;

    s->relay.head_timeout_ms = s->relay.idle_timeout_ms = 0;
    client = stage_client_sends(s, POST_RELAY);
    upstream = stage_accept(s);
    peer_expect(upstream, UPSTREAM_RELAY);
    for (int i = 0; i < 10; i++) {
        clock_advance_ms(600 * 1000);
        peer_expect_silence(client, 2);
    }
    peer_send(upstream, OK_REPLY);
    peer_expect(client, OK_REPLY);
}

/* While the client takes its time with the body, the upstream's silence is not its fault. */
static void test_relay_does_not_count_the_clients_time_as_silence(void **state)
{
    for (int i = 0; i < 2; i++) {
        struct stage *s = *state;
        struct peer *client, *upstream;

        s->relay.idle_timeout_ms = i == 0 ? 20000 : 0;
        client =
            stage_client_sends(s, "POST /relay HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\na");
        upstream = stage_accept(s);
        peer_await(upstream, "\r\n\r\na");
        clock_advance_ms(20100);
        peer_expect_silence(client, 5);
        /* looked at again after the same time, not in every turn */
        assert_true(s->current->timer.due_ms >= loop_now_ms(s->loop) + 19000);
        peer_send(client, "b");
        peer_await(upstream, "b");
        clock_advance_ms(20100);
        peer_await(client, "HTTP/1.1 504 Gateway Timeout\r\n");
    }
}

static void test_relay_refuses_broken_replies(void **state)
{
    static const struct {
        const char *reply, *text;
    } cases[] = {
        {"HTTP/2 200\r\n\r\n", "malformed reply"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nContent-Length: 2\r\n\r\nok", "more than once"},
        {"HTTP/1.1 200 OK\r\nContent-Length: 2\r\nTransfer-Encoding: chunked\r\n\r\n", "both"},
        {"HTTP/1.1 200 OK\nContent-Length: 2\r\n\r\nok", "CR LF"},
        {"HTTP/1.1 200 OK\r\nX-A: a\r\n b\r\n\r\n", "folded"},
        {"HTTP/1.1 101 Switching Protocols\r\nUpgrade: x\r\n\r\n", "101"},
        {"HTTP/1.1 099 Odd\r\n\r\n", "status line"},
        {"HTTP/1.1 302 Found\r\nLocation: /\r\n\r\n", "a redirect"},
        {"\r\nHTTP/1.1 200 OK\r\n\r\n", "malformed reply"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct stage *s = *state;
        struct peer *client = stage_client_sends(s, POST_RELAY);
        struct peer *upstream = stage_accept(s);

        peer_send(upstream, cases[i].reply);
        peer_await(client, "HTTP/1.1 502 Bad Gateway\r\n");
        peer_await(client, cases[i].text);
        peer_await_gone(upstream);
        assert_int_equal(s->last.status, 502);
    }
}

/* What broke before a byte of the reply went out is told with a status, though its head was good.
 */
static void test_relay_refuses_a_body_that_breaks_within_the_first_bytes(void **state)
{
    static const struct {
        const char *body, *text;
    } cases[] = {
        {"xyz\r\n", "malformed reply"},
        {"3\r\nabc\r\nxyz\r\n", "malformed reply"},
        {"3\r\nabcX", "malformed reply"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct stage *s = *state;
        struct peer *client = stage_client_sends(s, POST_RELAY);
        struct peer *upstream = stage_accept(s);
        struct text reply = {0};

        text_put_text(&reply, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n");
        text_put_text(&reply, cases[i].body);
        peer_send_bytes(upstream, reply.data, reply.size);
        text_dispose(&reply);
        peer_await(client, "HTTP/1.1 502 Bad Gateway\r\n");
        peer_await(client, cases[i].text);
        peer_await_gone(upstream);
        assert_int_equal(s->last.status, 502);
        assert_int_equal(s->last.reason, CLOSE_UPSTREAM_BROKEN);
    }
}

static void test_relay_cuts_a_body_that_breaks_later(void **state)
{
    struct stage *s = *state;
    struct peer *client = stage_client_sends(s, POST_RELAY);
    struct peer *upstream = stage_accept(s);

    peer_send(upstream, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    peer_await(client, "abc\r\n");
    peer_send(upstream, "xyz\r\n");
    peer_expect_end(client);
    assert_int_equal(s->last.status, 200);
    assert_int_equal(s->last.reason, CLOSE_UPSTREAM_BROKEN);
}

static void test_relay_takes_reply_heads_up_to_the_limit(void **state)
{
    static const struct {
        size_t size;
        bool is_taken;
    } cases[] = {{20 * 1024, true}, {63 * 1024, true}, {65 * 1024, false}, {200 * 1024, false}};
    static char value[200 * 1024];

    memset(value, 'a', sizeof(value));
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct stage *s = *state;
        struct peer *client = stage_client_sends(s, POST_RELAY);
        struct peer *upstream = stage_accept(s);

        peer_send(upstream, "HTTP/1.1 200 OK\r\nY-Dropped: ");
        peer_push(upstream, value, cases[i].size);
        peer_push(upstream, "\r\nContent-Length: 2\r\n\r\nok", 25);
        if (cases[i].is_taken) {
            peer_expect(client, OK_REPLY);
        } else {
            peer_await(client, "HTTP/1.1 502 Bad Gateway\r\n");
            peer_await(client, "too large");
            peer_await_gone(upstream);
        }
        stage_drop(s, client);
        stage_drop(s, upstream);
    }
}

/* Large heads fit only large blocks: also one that comes in a large block at once is held to the
 * limit. */
static void test_relay_holds_a_reply_head_that_comes_at_once_to_the_limit(void **state)
{
    struct stage *s = *state;
    struct peer *client, *upstream;
    static char value[8 * 1024];

    s->settings.limits.head_size = 4096;
    memset(value, 'a', sizeof(value));
    client = stage_client_sends(s, POST_RELAY);
    upstream = stage_accept(s);
    peer_send(upstream, "HTTP/1.1 200 OK\r\nY-Dropped: ");
    peer_push(upstream, value, sizeof(value));
    peer_push(upstream, "\r\nContent-Length: 2\r\n\r\nok", 25);
    peer_await(client, "HTTP/1.1 502 Bad Gateway\r\n");
    peer_await(client, "too large");
}

static void test_relay_skips_interim_replies(void **state)
{
    struct stage *s = *state;
    struct peer *client = stage_client_sends(s, POST_RELAY);
    struct peer *upstream = stage_accept(s);

    peer_send(upstream, "HTTP/1.1 100 Continue\r\n\r\nHTTP/1.1 103 Early Hints\r\nLink: x\r\n\r\n");
    turn_for(s->loop, 5);
    peer_send(upstream, "HTTP/1.1 102 Processing\r\n\r\n" OK_REPLY);
    peer_expect(client, OK_REPLY);
}

static void test_relay_takes_a_reply_byte_by_byte(void **state)
{
    static const char reply[] =
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n";
    struct stage *s = *state;
    struct peer *client = stage_client_sends(s, POST_RELAY);
    struct peer *upstream = stage_accept(s);

    for (size_t i = 0; i < sizeof(reply) - 1; i++) {
        peer_send_bytes(upstream, reply + i, 1);
        loop_turn(s->loop, 1);
        loop_turn(s->loop, 1);
    }
    peer_await(client, "\r\n\r\n");
    peer_expect(client, "1\r\no\r\n1\r\nk\r\n0\r\n\r\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STAGE_TEST(test_relay_reuses_an_idle_connection),
        STAGE_TEST(test_relay_dials_for_a_write_when_idle_connections_are_old),
        STAGE_TEST(test_relay_reads_on_an_old_idle_connection),
        STAGE_TEST(test_relay_does_not_keep_a_connection_that_says_close),
        STAGE_TEST(test_relay_drops_a_connection_with_bytes_behind_the_reply),
        STAGE_TEST(test_relay_retries_a_read_once_when_a_reused_connection_ends),
        STAGE_TEST(test_relay_sends_the_request_once_when_its_first_write_failed),
        STAGE_TEST(test_relay_retries_only_once),
        STAGE_TEST(test_relay_does_not_retry_a_read_on_a_fresh_connection),
        STAGE_TEST(test_relay_never_retries_a_write),
        STAGE_TEST(test_relay_never_retries_a_write_whose_first_write_failed),
        STAGE_TEST(test_relay_does_not_retry_after_a_byte_of_a_reply),
        STAGE_TEST(test_relay_answers_502_when_nobody_listens),
        STAGE_TEST(test_relay_answers_504_to_silence),
        STAGE_TEST(test_relay_waits_without_end_when_there_is_no_limit),
        STAGE_TEST(test_relay_does_not_count_the_clients_time_as_silence),
        STAGE_TEST(test_relay_refuses_broken_replies),
        STAGE_TEST(test_relay_refuses_a_body_that_breaks_within_the_first_bytes),
        STAGE_TEST(test_relay_cuts_a_body_that_breaks_later),
        STAGE_TEST(test_relay_takes_reply_heads_up_to_the_limit),
        STAGE_TEST(test_relay_holds_a_reply_head_that_comes_at_once_to_the_limit),
        STAGE_TEST(test_relay_skips_interim_replies),
        STAGE_TEST(test_relay_takes_a_reply_byte_by_byte),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
