// SPDX-License-Identifier: Apache-2.0
/* One request and its reply: answers, 100 Continue, collected bodies, cuts. */
#include "exchange_kit.h"

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
        STAGE_TEST(test_exchange_cut_before_a_reply_refuses),
        STAGE_TEST(test_exchange_cut_inside_a_reply_truncates),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
