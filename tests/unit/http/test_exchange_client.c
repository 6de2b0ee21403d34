// SPDX-License-Identifier: Apache-2.0
/* What a client does while its request is served: it sends more, finishes, or leaves. */
#include "exchange_kit.h"

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

int main(void)
{
    const struct CMUnitTest tests[] = {
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
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
