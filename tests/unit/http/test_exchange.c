// SPDX-License-Identifier: Apache-2.0
/* One request and its reply: answers, refusals, collected bodies, pipelining, the client's end. */
#include "stage.h"

#include <stdlib.h>

#define GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\n\r\n"
#define HELLO     "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n\r\nhello\n"
#define CLOSE     "Connection: close\r\n"
#define HELLO_CLOSED                                                                               \
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n" CLOSE "\r\nhello\n"
#define FORBIDDEN "HTTP/1.1 403 Forbidden\r\nContent-Type: text/plain\r\nContent-Length: 12\r\n"
#define OK_REPLY  "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

/* ---- answers */

static void test_exchange_answers_and_goes_on(void **state)
{
    struct stage *s = *state;
    struct peer *client = stage_client_sends(s, GET("/answer"));

    peer_expect(client, HELLO);
    peer_send(client, GET("/answer"));
    peer_expect(client, HELLO);
    assert_int_equal(s->ended, 2);
    assert_int_equal(s->last.reason, CLOSE_DONE);
    assert_int_equal(s->last.status, 200);
    assert_int_equal(block_store_bytes(s->server->blocks) % BLOCK_SMALL, 0);
}

static void test_exchange_ends_the_connection_when_asked(void **state)
{
    static const char *const requests[] = {
        "GET /answer HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n",
        "GET /answer HTTP/1.0\r\n\r\n",
    };

    for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
        struct stage *s = *state;
        struct peer *client = stage_client_sends(s, requests[i]);

        peer_expect(client, HELLO_CLOSED);
        peer_expect_end(client);
    }
}

static void test_exchange_answers_head_without_a_body(void **state)
{
    struct stage *s = *state;
    struct peer *client =
        stage_client_sends(s, "HEAD /answer HTTP/1.1\r\nHost: x\r\n\r\n" GET("/answer"));

    peer_expect(client,
                "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n\r\n" HELLO);
}

static void test_exchange_can_be_decided_later(void **state)
{
    struct stage *s = *state;
    struct peer *client = stage_client_sends(s, GET("/later"));

    peer_expect_silence(client, 10);
    text_put_text(exchange_reply_headers(s->waiting), "X-Late: yes\r\n");
    exchange_answer(s->waiting, &(struct answer){.status = 204});
    peer_expect(client, "HTTP/1.1 204 No Content\r\nX-Late: yes\r\n\r\n");
    peer_send(client, GET("/answer"));
    peer_expect(client, HELLO);
}

static void test_exchange_ids_are_unique_and_of_one_length(void **state)
{
    struct stage *s = *state;
    struct peer *client = stage_client_sends(s, GET("/later"));
    char first[24];

    STAGE_AWAIT(s, s->waiting != NULL);
    assert_int_equal(strlen(exchange_id(s->waiting)), 20);
    strcpy(first, exchange_id(s->waiting));
    exchange_answer(s->waiting, &(struct answer){.status = 204});
    peer_send(client, GET("/later"));
    STAGE_AWAIT(s, s->waiting != NULL);
    assert_string_not_equal(exchange_id(s->waiting), first);
    exchange_answer(s->waiting, &(struct answer){.status = 204});
}

/* ---- heads that are too large */

/* "X-Long: " and size bytes of it. */
static void send_long_head(struct peer *client, size_t size)
{
    char *value = malloc(size);

    memset(value, 'a', size);
    peer_send(client, "GET /answer HTTP/1.1\r\nHost: x\r\nX-Long: ");
    peer_send_bytes(client, value, size);
    free(value);
}

static void expect_431(struct peer *client)
{
    peer_expect(client,
                "HTTP/1.1 431 Request Header Fields Too Large\r\nContent-Type: text/plain\r\n"
                "Content-Length: 32\r\nConnection: close\r\n\r\n"
                "the request's head is too large\n");
}

static void test_exchange_refuses_a_head_that_grows_beyond_the_limit(void **state)
{
    struct stage *s = *state;
    struct peer *client = stage_client(s);

    send_long_head(client, 80 * 1024);
    expect_431(client);
    assert_int_equal(s->begun, 0);
}

static void test_exchange_refuses_a_large_head_that_comes_at_once(void **state)
{
    struct stage *s = *state;
    struct peer *client;

    s->settings.limits.head_size = 4096;
    client = stage_client(s);
    send_long_head(client, 8000);
    peer_send(client, "\r\n\r\n");
    expect_431(client);
    assert_int_equal(s->begun, 0);
}

static void test_exchange_takes_a_head_up_to_the_limit(void **state)
{
    struct stage *s = *state;
    struct peer *client = stage_client(s);

    send_long_head(client, 64 * 1024 - 100);
    peer_send(client, "\r\n\r\n");
    peer_await(client, "\r\n\r\nhello\n");
}

/* ---- refusals */

static void test_exchange_refuses_and_goes_on_when_the_request_is_here(void **state)
{
    struct stage *s = *state;
    struct peer *client =
        stage_client_sends(s, "POST /refuse HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello");

    peer_expect(client, FORBIDDEN "\r\nnot for you\n");
    peer_send(client, GET("/answer"));
    peer_expect(client, HELLO);
    assert_int_equal(s->server->counters.closes[CLOSE_REFUSED], 1);
}

static void test_exchange_refuses_an_upload_unread_and_holds_on(void **state)
{
    struct stage *s = *state;
    struct peer *client = stage_client_sends(
        s, "POST /refuse HTTP/1.1\r\nHost: x\r\nContent-Length: 5000000000\r\n\r\nhello");
    static char bytes[64 * 1024];
    size_t pushed = 0, part;

    peer_expect(client, FORBIDDEN CLOSE "\r\nnot for you\n");
    for (int i = 0; i < 100; i++) { /* what it goes on to send is not read */
        pushed += peer_push(client, bytes, sizeof(bytes));
        loop_turn(s->loop, 0);
    }
    assert_true(pushed < 32 * 1024 * 1024);
    peer_expect_silence(client, 20); /* neither a FIN nor a reset */
    for (int i = 0; i < 21; i++) {   /* after a second, some is drained */
        clock_advance_ms(51);
        loop_turn(s->loop, 0);
        loop_turn(s->loop, 0);
    }
    for (int i = 0; i < 10; i++) {
        part = peer_push(client, bytes, sizeof(bytes));
        pushed += part;
        turn_for(s->loop, 1);
    }
    peer_await_gone(client);
    stage_await_no_session(s);
    assert_int_equal(s->begun, 1);
}

static void test_exchange_lets_go_of_a_refused_upload_when_the_client_leaves(void **state)
{
    for (int i = 0; i < 2; i++) {
        struct stage *s = *state;
        struct peer *client = stage_client_sends(
            s, "POST /refuse HTTP/1.1\r\nHost: x\r\nContent-Length: 5000000000\r\n\r\nhello");

        peer_expect(client, FORBIDDEN CLOSE "\r\nnot for you\n");
        if (i == 0)
            peer_close(client);
        else
            peer_finish(client);
        for (int turns = 0; turns < 10; turns++) { /* well below the second */
            clock_advance_ms(60);
            turn_for(s->loop, 2);
        }
        assert_null(s->server->sessions);
    }
}

static void test_exchange_closes_a_refused_upload_that_never_ends(void **state)
{
    struct stage *s = *state;
    struct peer *client = stage_client_sends(
        s, "POST /refuse HTTP/1.1\r\nHost: x\r\nContent-Length: 5000000000\r\n\r\nhello");

    peer_expect(client, FORBIDDEN CLOSE "\r\nnot for you\n");
    for (int i = 0; i < 60 && s->server->sessions != NULL; i++) {
        clock_advance_ms(51);
        loop_turn(s->loop, 0);
        loop_turn(s->loop, 0);
    }
    assert_null(s->server->sessions);
    peer_expect_end(client);
}

static void test_exchange_answers_what_is_no_request(void **state)
{
    static const struct {
        const char *request, *reply;
    } cases[] = {
        {"\r\n", "HTTP/1.1 400 Bad Request\r\n"},
        {"GET /\r\n\r\n", "HTTP/1.1 400 Bad Request\r\n"},
        {"PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n", "HTTP/1.1 505 HTTP Version Not Supported\r\n"},
        {"POST /a HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip\r\n\r\n",
         "HTTP/1.1 501 Not Implemented\r\n"},
        {"POST /a HTTP/1.1\r\nHost: x\r\nExpect: tea\r\n\r\n",
         "HTTP/1.1 417 Expectation Failed\r\n"},
        {"\x16\x03\x01\x02\x01", "HTTP/1.1 400 Bad Request\r\n"},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct stage *s = *state;
        struct peer *client = stage_client_sends(s, cases[i].request);

        peer_expect(client, cases[i].reply);
        peer_await(client, CLOSE "\r\n");
        peer_send(client, GET("/answer")); /* nothing behind it is served */
        turn_for(s->loop, 5);
        assert_int_equal(s->begun, 0);
        assert_int_equal(s->last.reason, CLOSE_BAD_REQUEST);
        peer_close(client);
    }
}

/* ---- 100 Continue */

static void test_exchange_continues_only_after_a_yes(void **state)
{
    struct stage *s = *state;
    struct peer *client = stage_client_sends(
        s, "POST /relay HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");
    struct peer *upstream;

    peer_expect(client, "HTTP/1.1 100 Continue\r\n\r\n");
    peer_send(client, "hello");
    upstream = stage_accept(s);
    peer_expect(upstream, "POST /relay HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello");
    peer_send(upstream, OK_REPLY);
    peer_expect(client, OK_REPLY);
    peer_send(client, GET("/answer"));
    peer_expect(client, HELLO);
}

static void test_exchange_does_not_continue_what_it_refuses(void **state)
{
    struct stage *s = *state;
    struct peer *client = stage_client_sends(
        s, "POST /refuse HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");

    peer_expect(client, FORBIDDEN CLOSE "\r\nnot for you\n");
}

static void test_exchange_does_not_continue_while_undecided(void **state)
{
    struct stage *s = *state;
    struct peer *client = stage_client_sends(
        s, "POST /later HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");

    peer_expect_silence(client, 10);
}

static void test_exchange_does_not_continue_without_need(void **state)
{
    static const char *const requests[] = {
        "POST /collect HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: "
        "5\r\n\r\nhello",
        "POST /collect HTTP/1.1\r\nHost: x\r\nExpect: 100-continue\r\nContent-Length: 0\r\n\r\n",
    };

    for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
        struct stage *s = *state;
        struct peer *client = stage_client_sends(s, requests[i]);

        peer_expect(client, "HTTP/1.1 200 OK\r\n");
    }
}

static void test_exchange_does_not_continue_http_1_0(void **state)
{
    struct stage *s = *state;
    struct peer *client = stage_client_sends(
        s, "POST /collect HTTP/1.0\r\nExpect: 100-continue\r\nContent-Length: 5\r\n\r\n");

    peer_expect_silence(client, 10);
    peer_send(client, "hello");
    peer_expect(client, "HTTP/1.1 200 OK\r\n");
}

/* ---- collected bodies */

static void test_exchange_collects_a_body_in_any_pieces(void **state)
{
    static const char chunked[] =
        "Transfer-Encoding: chunked\r\n\r\n3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n";
    static const char length[] = "Content-Length: 5\r\n\r\nhello";
    static const char *const rests[] = {chunked, length};

    for (size_t i = 0; i < ARRAY_SIZE(rests); i++)
        for (size_t piece = 1; piece < strlen(rests[i]); piece += 3) {
            struct stage *s = *state;
            struct peer *client = stage_client_sends(s, "POST /collect HTTP/1.1\r\nHost: x\r\n");

            for (size_t at = 0; at < strlen(rests[i]); at += piece) {
                size_t size = strlen(rests[i]) - at < piece ? strlen(rests[i]) - at : piece;

                peer_send_bytes(client, rests[i] + at, size);
                loop_turn(s->loop, 0);
                loop_turn(s->loop, 0);
            }
            peer_await(client, "\r\n\r\nhello");
            assert_true(slice_is(text_slice(&s->collected), "hello"));
            stage_drop(s, client);
        }
}

static void test_exchange_collects_no_body_at_all(void **state)
{
    struct stage *s = *state;
    struct peer *client = stage_client_sends(s, GET("/collect") GET("/answer"));

    peer_expect(client,
                "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 0\r\n\r\n" HELLO);
}

static void test_exchange_collects_up_to_the_limit(void **state)
{
    static const char *const heads[] = {"Content-Length: 65\r\n\r\n",
                                        "Transfer-Encoding: chunked\r\n\r\n41\r\n"};

    for (size_t i = 0; i < ARRAY_SIZE(heads); i++) {
        struct stage *s = *state;
        struct peer *client = stage_client_sends(s, "POST /collect HTTP/1.1\r\nHost: x\r\n");
        char body[66] = {0};

        memset(body, 'a', 65);
        peer_send(client, heads[i]);
        turn_for(s->loop, 5);
        peer_send(client, body);
        peer_await(client, "HTTP/1.1 413 Content Too Large\r\n");
        peer_await(client, "64 bytes");
        assert_int_equal(s->last.reason, CLOSE_BODY_TOO_LARGE);
    }
}

static void test_exchange_refuses_a_collected_body_with_broken_framing(void **state)
{
    struct stage *s = *state;
    struct peer *client = stage_client_sends(
        s, "POST /collect HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\nno\r\n");

    peer_await(client, "HTTP/1.1 400 Bad Request\r\n");
    assert_int_equal(s->last.reason, CLOSE_BAD_REQUEST);
}

static void test_exchange_relays_a_collected_body_as_one(void **state)
{
    struct stage *s = *state;
    struct peer *client = stage_client_sends(
        s, "POST /collect-relay HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n"
           "3\r\nhel\r\n2\r\nlo\r\n0\r\n\r\n" GET("/answer"));
    struct peer *upstream = stage_accept(s);

    peer_expect(upstream, "POST /collected HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello");
    peer_send(upstream, OK_REPLY);
    peer_expect(client, OK_REPLY HELLO);
    assert_int_equal(s->ended, 2);
}

static void test_exchange_cancels_a_collected_body_that_breaks_off(void **state)
{
    for (int i = 0; i < 2; i++) {
        struct stage *s = *state;
        struct peer *client = stage_client_sends(
            s, "POST /collect HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhe");

        turn_for(s->loop, 5);
        if (i == 0)
            peer_finish(client);
        else
            peer_reset(client);
        stage_await_ended(s, (unsigned int)i + 1);
        assert_int_equal(s->last.reason, CLOSE_CLIENT_GONE);
        assert_null(s->collected.data);
    }
}

/* ---- pipelining */

static void test_exchange_serves_pipelined_requests_in_order(void **state)
{
    struct stage *s = *state;
    struct peer *client = stage_client_sends(
        s, GET("/answer") "POST /relay HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello" GET(
               "/read") GET("/answer"));
    struct peer *upstream = stage_accept(s);

    peer_expect(upstream, "POST /relay HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello");
    peer_expect_silence(upstream, 5);
    peer_send(upstream, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1");
    peer_expect(upstream, "GET /read HTTP/1.1\r\n\r\n");
    peer_send(upstream, "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n2");
    peer_expect(client, HELLO "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n1"
                              "HTTP/1.1 200 OK\r\nContent-Length: 1\r\n\r\n2" HELLO);
}

static void test_exchange_takes_what_is_pipelined_while_it_relays(void **state)
{
    struct stage *s = *state;
    struct peer *client = stage_client_sends(s, GET("/read"));
    struct peer *upstream = stage_accept(s);

    peer_await(upstream, "\r\n\r\n");
    for (int i = 0; i < 3; i++) {
        peer_send(client, GET("/answer"));
        turn_for(s->loop, 2);
    }
    peer_expect_silence(client, 5);
    peer_send(upstream, OK_REPLY);
    peer_expect(client, OK_REPLY HELLO HELLO HELLO);
}

static void test_exchange_holds_back_a_flood_of_pipelined_requests(void **state)
{
    struct stage *s = *state;
    struct peer *client = stage_client_sends(s, GET("/read"));
    struct peer *upstream = stage_accept(s);
    struct text many = {0};
    size_t pushed = 0;

    for (int i = 0; i < 1000; i++)
        text_put_text(&many, GET("/answer"));
    for (int i = 0; i < 30 && pushed < 64 * many.size; i++) {
        pushed += peer_push(client, many.data, many.size - pushed % many.size);
        turn_for(s->loop, 1);
    }
    assert_true(pushed > many.size);
    assert_true(block_store_bytes(s->server->blocks) < 4 * BLOCK_LARGE);
    peer_send(upstream, OK_REPLY);
    peer_expect(client, OK_REPLY HELLO);
    for (size_t i = 1; i < pushed / strlen(GET("/answer")); i++)
        peer_expect(client, HELLO);
    text_dispose(&many);
}

/* ---- the client's end */

static void test_exchange_answers_a_client_that_finished_if_soon(void **state)
{
    struct stage *s = *state;
    struct peer *client = stage_client_sends(s, GET("/read"));
    struct peer *upstream = stage_accept(s);

    peer_finish(client);
    turn_for(s->loop, 5);
    clock_advance_ms(900);
    turn_for(s->loop, 5);
    peer_send(upstream, OK_REPLY);
    peer_expect(client, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n" CLOSE "\r\nok");
    peer_expect_end(client);
    assert_int_equal(s->last.reason, CLOSE_DONE);
}

static void test_exchange_cancels_for_a_client_that_finished_after_a_second(void **state)
{
    struct stage *s = *state;
    struct peer *client = stage_client_sends(s, GET("/read"));
    struct peer *upstream = stage_accept(s);

    peer_await(upstream, "\r\n\r\n");
    peer_finish(client);
    turn_for(s->loop, 5);
    clock_advance_ms(1010);
    peer_expect_end(upstream);
    assert_int_equal(s->last.reason, CLOSE_CLIENT_GONE);
}

static void test_exchange_goes_on_for_a_client_that_finished_once_begun(void **state)
{
    struct stage *s = *state;
    struct peer *client = stage_client_sends(s, GET("/read"));
    struct peer *upstream = stage_accept(s);

    peer_send(upstream, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab");
    peer_await(client, "\r\n\r\nab");
    peer_finish(client);
    for (int i = 0; i < 10; i++) {
        clock_advance_ms(1000);
        turn_for(s->loop, 2);
    }
    peer_send(upstream, "cd");
    peer_expect(client, "cd");
    peer_expect_end(client);
    assert_int_equal(s->last.reason, CLOSE_DONE);
}

static void test_exchange_cancels_when_the_client_resets(void **state)
{
    for (int i = 0; i < 2; i++) {
        struct stage *s = *state;
        struct peer *client = stage_client_sends(s, GET("/read"));
        struct peer *upstream = stage_accept(s);

        peer_await(upstream, "\r\n\r\n");
        if (i == 1) {
            peer_send(upstream, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab");
            peer_await(client, "ab");
        }
        peer_reset(client);
        peer_await_gone(upstream);
        assert_int_equal(s->last.reason, CLOSE_CLIENT_GONE);
    }
}

static void test_exchange_cancels_dialling_when_the_client_resets(void **state)
{
    struct stage *s = *state;
    struct peer *client = stage_client_sends(s, GET("/read"));

    while (s->current == NULL || s->current->state != EXCHANGE_CONNECTING)
        loop_turn(s->loop, 0);
    peer_reset(client);
    stage_await_ended(s, 1);
    assert_int_equal(s->last.reason, CLOSE_CLIENT_GONE);
}

static void test_exchange_answers_all_that_was_pipelined_before_the_end(void **state)
{
    struct stage *s = *state;
    struct peer *client = stage_client_sends(s, GET("/read"));
    struct peer *upstream = stage_accept(s);

    peer_await(upstream, "\r\n\r\n");
    peer_send(client, GET("/answer") GET("/read") GET("/answer"));
    peer_finish(client);
    turn_for(s->loop, 5);
    peer_send(upstream, OK_REPLY);
    peer_expect(client, OK_REPLY HELLO);
    peer_await(upstream, "GET /read HTTP/1.1\r\n\r\n");
    peer_send(upstream, OK_REPLY);
    peer_expect(client, OK_REPLY HELLO_CLOSED);
    peer_expect_end(client);
}

static void test_exchange_waits_a_second_for_each_that_was_pipelined(void **state)
{
    struct stage *s = *state;
    struct peer *client = stage_client_sends(s, GET("/read"));
    struct peer *upstream = stage_accept(s);

    peer_send(client, GET("/read"));
    peer_finish(client);
    turn_for(s->loop, 5);
    peer_send(upstream, OK_REPLY);
    peer_expect(client, OK_REPLY);
    clock_advance_ms(1010);
    peer_await_gone(upstream);
    assert_int_equal(s->last.reason, CLOSE_CLIENT_GONE);
}

/* ---- cuts */

static void test_exchange_cut_before_a_reply_refuses(void **state)
{
    struct stage *s = *state;
    struct peer *client = stage_client_sends(s, GET("/later"));

    STAGE_AWAIT(s, s->waiting != NULL);
    exchange_cut(s->waiting, 503, CLOSE_DRAIN_DEADLINE, "shutting down");
    peer_expect(client, "HTTP/1.1 503 Service Unavailable\r\n");
    assert_int_equal(s->last.reason, CLOSE_DRAIN_DEADLINE);
}

static void test_exchange_cut_inside_a_reply_truncates(void **state)
{
    struct stage *s = *state;
    struct peer *client = stage_client_sends(s, GET("/read"));
    struct peer *upstream = stage_accept(s);

    peer_send(upstream, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n");
    peer_await(client, "1\r\na\r\n");
    exchange_cut(s->current, 503, CLOSE_DRAIN_DEADLINE, "shutting down");
    peer_expect_end(client);
    peer_await_gone(upstream);
    assert_int_equal(s->last.reason, CLOSE_DRAIN_DEADLINE);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STAGE_TEST(test_exchange_answers_and_goes_on),
        STAGE_TEST(test_exchange_ends_the_connection_when_asked),
        STAGE_TEST(test_exchange_answers_head_without_a_body),
        STAGE_TEST(test_exchange_can_be_decided_later),
        STAGE_TEST(test_exchange_ids_are_unique_and_of_one_length),
        STAGE_TEST(test_exchange_refuses_a_head_that_grows_beyond_the_limit),
        STAGE_TEST(test_exchange_refuses_a_large_head_that_comes_at_once),
        STAGE_TEST(test_exchange_takes_a_head_up_to_the_limit),
        STAGE_TEST(test_exchange_refuses_and_goes_on_when_the_request_is_here),
        STAGE_TEST(test_exchange_refuses_an_upload_unread_and_holds_on),
        STAGE_TEST(test_exchange_lets_go_of_a_refused_upload_when_the_client_leaves),
        STAGE_TEST(test_exchange_closes_a_refused_upload_that_never_ends),
        STAGE_TEST(test_exchange_answers_what_is_no_request),
        STAGE_TEST(test_exchange_continues_only_after_a_yes),
        STAGE_TEST(test_exchange_does_not_continue_what_it_refuses),
        STAGE_TEST(test_exchange_does_not_continue_while_undecided),
        STAGE_TEST(test_exchange_does_not_continue_without_need),
        STAGE_TEST(test_exchange_does_not_continue_http_1_0),
        STAGE_TEST(test_exchange_collects_a_body_in_any_pieces),
        STAGE_TEST(test_exchange_collects_no_body_at_all),
        STAGE_TEST(test_exchange_collects_up_to_the_limit),
        STAGE_TEST(test_exchange_refuses_a_collected_body_with_broken_framing),
        STAGE_TEST(test_exchange_relays_a_collected_body_as_one),
        STAGE_TEST(test_exchange_cancels_a_collected_body_that_breaks_off),
        STAGE_TEST(test_exchange_serves_pipelined_requests_in_order),
        STAGE_TEST(test_exchange_takes_what_is_pipelined_while_it_relays),
        STAGE_TEST(test_exchange_holds_back_a_flood_of_pipelined_requests),
        STAGE_TEST(test_exchange_answers_a_client_that_finished_if_soon),
        STAGE_TEST(test_exchange_cancels_for_a_client_that_finished_after_a_second),
        STAGE_TEST(test_exchange_goes_on_for_a_client_that_finished_once_begun),
        STAGE_TEST(test_exchange_cancels_when_the_client_resets),
        STAGE_TEST(test_exchange_cancels_dialling_when_the_client_resets),
        STAGE_TEST(test_exchange_answers_all_that_was_pipelined_before_the_end),
        STAGE_TEST(test_exchange_waits_a_second_for_each_that_was_pipelined),
        STAGE_TEST(test_exchange_cut_before_a_reply_refuses),
        STAGE_TEST(test_exchange_cut_inside_a_reply_truncates),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
