// SPDX-License-Identifier: Apache-2.0
/* A client's connection: the handshake, heads that come slowly, idleness, the end; over TLS too. */
#include "stage.h"

#include <stdlib.h>
#include <sys/socket.h>

#define GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\n\r\n"
#define HELLO     "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n\r\nhello\n"
#define POST      "POST /relay HTTP/1.1\r\nHost: x\r\n"
#define REPLY     "HTTP/1.1 200 OK\r\n"
#define OK_REPLY  REPLY "Content-Length: 2\r\n\r\nok"

enum { KIB = 1024, MIB = 1024 * 1024 };

/* ---- heads */

static void test_session_takes_a_head_in_any_pieces(void **state)
{
    static const char request[] = GET("/answer");
    struct stage *s = *state;

    for (size_t piece = 1; piece < sizeof(request); piece += 4) {
        struct peer *client = stage_client(s);

        for (size_t at = 0; at < sizeof(request) - 1; at += piece) {
            size_t size = sizeof(request) - 1 - at < piece ? sizeof(request) - 1 - at : piece;

            peer_send_bytes(client, request + at, size);
            loop_turn(s->loop, 0);
            loop_turn(s->loop, 0);
        }
        peer_expect(client, HELLO);
    }
}

static void test_session_closes_on_a_head_that_comes_too_slowly(void **state)
{
    struct stage *s = *state;
    struct peer *client = stage_client_sends(s, GET("/answer"));

    peer_expect(client, HELLO);
    for (int i = 0; i < 9;
         i++) { /* the limit counts from the first byte, whatever comes after it */
        peer_send(client, "G");
        turn_for(s->loop, 2);
        clock_advance_ms(1000);
    }
    peer_expect_silence(client, 5);
    clock_advance_ms(1100);
    peer_expect_end(client);
    assert_int_equal(s->begun, 1);
}

static void test_session_closes_a_connection_that_says_nothing(void **state)
{
    struct stage *s = *state;
    struct peer *client = stage_client(s);

    turn_for(s->loop, 5);
    clock_advance_ms(9000);
    peer_expect_silence(client, 5);
    clock_advance_ms(1100);
    peer_expect_end(client);
}

static void test_session_closes_an_idle_connection_after_its_time(void **state)
{
    struct stage *s = *state;
    struct peer *client = stage_client_sends(s, GET("/answer"));

    peer_expect(client, HELLO);
    clock_advance_ms(59000);
    peer_expect_silence(client, 5);
    clock_advance_ms(1100);
    peer_expect_end(client);
}

static void test_session_holds_no_block_while_idle(void **state)
{
    struct stage *s = *state;
    struct peer *client = stage_client_sends(s, GET("/answer"));
    struct peer *early, *upstream;

    peer_expect(client, HELLO);
    assert_null(s->server->sessions->connection.in.data);
    early = stage_client_sends(s, POST "Content-Length: 5\r\n\r\nhello");
    upstream = stage_accept(s);
    peer_await(upstream, "hello");
    peer_send(upstream, OK_REPLY);
    peer_expect(early, OK_REPLY);
    assert_null(s->server->sessions->connection.in.data);
    for (struct session *session = s->server->sessions; session != NULL; session = session->next)
        assert_null(session->connection.in.data);
}

/* The upstream answers without reading, while the last bytes of the body wait in a block for it. */
static void test_session_holds_no_block_after_an_early_reply(void **state)
{
    struct stage *s = *state;
    static char body[4 * KIB];

    stage_use_unix_upstream(s, 64);
    for (int parts = 20; parts < 80; parts++) {
        struct peer *client = stage_client_sends(s, POST "Transfer-Encoding: chunked\r\n\r\n");
        struct peer *upstream = stage_accept(s);

        for (int i = 0; i < parts; i++) {
            peer_send(client, "1000\r\n");
            peer_send_bytes(client, body, sizeof(body));
            peer_send(client, "\r\n");
        }
        peer_send(client, "0\r\n\r\n");
        turn_for(s->loop, 1);
        peer_send(upstream, OK_REPLY);
        peer_await(client, "\r\n\r\nok");
        for (struct session *session = s->server->sessions; session != NULL;
             session = session->next)
            assert_null(session->connection.in.data);
        stage_drop(s, client);
        stage_drop(s, upstream);
    }
}

static void test_session_ends_quietly_with_the_client(void **state)
{
    static const char *const beginnings[] = {"", "GET /ans", GET("/answer")};

    for (size_t i = 0; i < ARRAY_SIZE(beginnings); i++)
        for (int how = 0; how < 3; how++) {
            struct stage *s = *state;
            struct peer *client = stage_client_sends(s, beginnings[i]);

            turn_for(s->loop, 5);
            if (how == 0)
                peer_finish(client);
            else if (how == 1)
                peer_close(client);
            else
                peer_reset(client);
            stage_await_no_session(s);
        }
}

/* Requests that were sent behind one that ends the connection are unread; closing at once would
 * reset the connection and could destroy the reply on its way. */
static void test_session_closes_without_a_reset_over_unread_bytes(void **state)
{
    struct stage *s = *state;
    struct peer *client =
        stage_client_sends(s, "GET /later HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");

    STAGE_AWAIT(s, s->waiting != NULL);
    peer_send(client, GET("/answer"));
    turn_for(s->loop, 5);
    exchange_answer(s->waiting, &(struct answer){.status = 204});
    turn_for(s->loop, 5);
    peer_await(client, "HTTP/1.1 204 No Content\r\n");
    peer_await(client, "\r\n\r\n");
    for (int i = 0; i < 60 && s->server->sessions != NULL; i++) {
        clock_advance_ms(51);
        turn_for(s->loop, 1);
        peer_read(client);
    }
    assert_true(client->is_ended);
    assert_false(client->is_reset);
    assert_int_equal(s->begun, 1);
}

/* ---- TLS */

static void test_session_speaks_tls(void **state)
{
    struct stage *s = *state;
    struct peer *client;

    stage_use_tls(s);
    client = stage_tls_client(s);
    peer_send(client, GET("/answer"));
    peer_expect(client, HELLO);
    peer_send(client, GET("/answer") GET("/answer"));
    peer_expect(client, HELLO HELLO);
    peer_send(client, "GET /answer HTTP/1.0\r\n\r\n");
    peer_await(client, "hello\n");
    peer_expect_end(client);
}

static void test_session_counts_handshakes_that_fail(void **state)
{
    struct stage *s = *state;
    struct peer *client;

    stage_use_tls(s);
    client = stage_client_sends(s, GET("/answer"));
    peer_await_gone(client);
    stage_await_no_session(s);
    assert_int_equal(s->server->counters.handshakes_failed, 1);
    assert_int_equal(s->begun, 0);
}

static void test_session_closes_on_a_handshake_that_stops(void **state)
{
    struct stage *s = *state;
    struct peer *client;

    stage_use_tls(s);
    client = stage_client_sends(s, "\x16\x03\x01");
    turn_for(s->loop, 5);
    clock_advance_ms(9000);
    peer_expect_silence(client, 5);
    clock_advance_ms(1100);
    peer_expect_end(client);
}

static void test_session_relays_much_over_tls(void **state)
{
    struct stage *s = *state;
    struct peer *client, *upstream;

    stage_use_tls(s);
    client = stage_tls_client(s);
    peer_send(client, POST "Content-Length: 16777217\r\n\r\n");
    upstream = stage_accept(s);
    peer_await(upstream, "\r\n\r\n");
    for (uint64_t at = 0; at < 16 * MIB; at += 64 * KIB) {
        peer_send_pattern(client, at, 64 * KIB);
        if (at % MIB == 0) /* now and then it falls behind */
            turn_for(s->loop, 1);
        peer_expect_pattern(upstream, at, 64 * KIB);
    }
    peer_send_pattern(client, 16 * MIB, 1);
    peer_expect_pattern(upstream, 16 * MIB, 1);
    peer_send(upstream, REPLY "Content-Length: 16777217\r\n\r\n");
    peer_await(client, "\r\n\r\n");
    for (uint64_t at = 0; at < 16 * MIB; at += 64 * KIB) {
        peer_send_pattern(upstream, at, 64 * KIB);
        peer_expect_pattern(client, at, 64 * KIB);
    }
    peer_send_pattern(upstream, 16 * MIB, 1);
    peer_expect_pattern(client, 16 * MIB, 1);
    peer_send(client, GET("/answer"));
    peer_expect(client, HELLO);
}

/* The upstream reads in bursts: each time it has room again, what TLS holds must go on without more
 * from the client. */
static void test_session_empties_what_tls_holds(void **state)
{
    struct stage *s = *state;
    struct peer *client, *upstream;
    static char bytes[64 * KIB];
    uint64_t pushed = 0, got = 0;

    stage_use_tls(s);
    client = stage_tls_client(s);
    peer_send(client, POST "Content-Length: 1000000000\r\n\r\n");
    upstream = stage_accept(s);
    peer_await(upstream, "\r\n\r\n");
    for (int burst = 0; burst < 20; burst++) {
        for (int idle = 0; idle < 5; idle++) {
            size_t put = peer_push(client, bytes, sizeof(bytes));

            pushed += put;
            idle = put > 0 ? 0 : idle;
            loop_turn(s->loop, 1);
        }
        for (int i = 0; i < 10000 && (int64_t)(pushed - got) > (int64_t)sizeof(bytes); i++) {
            text_clear(&upstream->got);
            loop_turn(s->loop, 1);
            peer_read(upstream);
            got += upstream->got.size;
        }
        assert_true((int64_t)(pushed - got) <= (int64_t)sizeof(bytes)); /* OpenSSL holds some */
    }
    upstream->seen = upstream->got.size;
    assert_int_equal(s->ended, 0);
}

static void test_session_cancels_when_a_tls_client_breaks_off(void **state)
{
    for (int how = 0; how < 3; how++) {
        struct stage *s = *state;
        struct peer *client, *upstream;

        if (how == 0)
            stage_use_tls(s);
        client = stage_tls_client(s);
        peer_send(client, POST "Content-Length: 10\r\n\r\nabc");
        upstream = stage_accept(s);
        peer_await(upstream, "abc");
        if (how == 0)
            peer_finish(client);
        else if (how == 1)
            peer_close(client); /* no close_notify */
        else
            peer_reset(client);
        peer_expect_end(upstream);
        assert_int_equal(s->last.reason, CLOSE_CLIENT_GONE);
    }
}

static void test_session_cuts_a_reply_over_tls(void **state)
{
    struct stage *s = *state;
    struct peer *client, *upstream;

    stage_use_tls(s);
    client = stage_tls_client(s);
    peer_send(client, GET("/read"));
    upstream = stage_accept(s);
    peer_send(upstream, REPLY "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n");
    peer_await(client, "1\r\na\r\n");
    peer_close(upstream);
    peer_expect_end(client);
    assert_int_equal(s->last.reason, CLOSE_UPSTREAM_CLOSED);
}

static void test_session_refuses_an_upload_over_tls(void **state)
{
    struct stage *s = *state;
    struct peer *client;
    static char bytes[64 * KIB];

    stage_use_tls(s);
    client = stage_tls_client(s);
    peer_send(client, "POST /refuse HTTP/1.1\r\nHost: x\r\nContent-Length: 5000000000\r\n\r\n");
    for (int i = 0; i < 20; i++) {
        peer_push(client, bytes, sizeof(bytes));
        loop_turn(s->loop, 0);
    }
    peer_expect(client, "HTTP/1.1 403 Forbidden\r\n");
    peer_await(client, "not for you\n");
    peer_close(client);
    for (int i = 0; i < 60 && s->server->sessions != NULL; i++) {
        clock_advance_ms(51);
        turn_for(s->loop, 1);
    }
    assert_null(s->server->sessions);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STAGE_TEST(test_session_takes_a_head_in_any_pieces),
        STAGE_TEST(test_session_closes_on_a_head_that_comes_too_slowly),
        STAGE_TEST(test_session_closes_a_connection_that_says_nothing),
        STAGE_TEST(test_session_closes_an_idle_connection_after_its_time),
        STAGE_TEST(test_session_holds_no_block_while_idle),
        STAGE_TEST(test_session_holds_no_block_after_an_early_reply),
        STAGE_TEST(test_session_ends_quietly_with_the_client),
        STAGE_TEST(test_session_closes_without_a_reset_over_unread_bytes),
        STAGE_TEST(test_session_speaks_tls),
        STAGE_TEST(test_session_counts_handshakes_that_fail),
        STAGE_TEST(test_session_closes_on_a_handshake_that_stops),
        STAGE_TEST(test_session_relays_much_over_tls),
        STAGE_TEST(test_session_empties_what_tls_holds),
        STAGE_TEST(test_session_cancels_when_a_tls_client_breaks_off),
        STAGE_TEST(test_session_cuts_a_reply_over_tls),
        STAGE_TEST(test_session_refuses_an_upload_over_tls),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
