// SPDX-License-Identifier: Apache-2.0
/* Requests that an exchange refuses: heads too large, what is no request, uploads that go on. */
#include "exchange_kit.h"

#include <stdlib.h>

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

/* A client that is refused unread, and has much more to send. */
static struct peer *refuse_upload(struct stage *s)
{
    struct peer *client = stage_client_sends(
        s, "POST /refuse HTTP/1.1\r\nHost: x\r\nContent-Length: 5000000000\r\n\r\nhello");

    peer_expect(client, FORBIDDEN CLOSE "\r\nnot for you\n");
    return client;
}

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
    struct peer *client = refuse_upload(s);
    static char bytes[64 * 1024];
    size_t pushed = 0;

    for (int i = 0; i < 100; i++) { /* what it goes on to send is not read */
        pushed += peer_push(client, bytes, sizeof(bytes));
        loop_turn(s->loop, 0);
    }
    assert_true(pushed < 32 * 1024 * 1024);
    peer_expect_silence(client, 20); /* neither a FIN nor a reset */
    for (int i = 0; i < 21; i++) {   /* a second, and what is drained then */
        clock_advance_ms(51);
        loop_turn(s->loop, 0);
        loop_turn(s->loop, 0);
    }
    for (int i = 0; i < 10; i++) {
        (void)peer_push(client, bytes, sizeof(bytes)); /* it may be gone already */
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
        struct peer *client = refuse_upload(s);

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
    struct peer *client = refuse_upload(s);

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        STAGE_TEST(test_exchange_refuses_a_head_that_grows_beyond_the_limit),
        STAGE_TEST(test_exchange_refuses_a_large_head_that_comes_at_once),
        STAGE_TEST(test_exchange_takes_a_head_up_to_the_limit),
        STAGE_TEST(test_exchange_refuses_and_goes_on_when_the_request_is_here),
        STAGE_TEST(test_exchange_refuses_an_upload_unread_and_holds_on),
        STAGE_TEST(test_exchange_lets_go_of_a_refused_upload_when_the_client_leaves),
        STAGE_TEST(test_exchange_closes_a_refused_upload_that_never_ends),
        STAGE_TEST(test_exchange_answers_what_is_no_request),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
