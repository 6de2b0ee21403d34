// SPDX-License-Identifier: Apache-2.0
/* Failures of the upstream that the handler looks at before they pass. */
#include "stage.h"

#define READ     "GET /read HTTP/1.1\r\nHost: x\r\n\r\n"
#define MISSING  "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 7\r\n\r\nmissing"
#define IS_THERE "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"

static struct {
    unsigned int asked;
    int status;
    struct text body;
    bool takes;
} seen;

static bool on_failure(struct exchange *exchange, int status, struct slice body)
{
    seen.asked++;
    seen.status = status;
    text_clear(&seen.body);
    text_put_slice(&seen.body, body);
    return seen.takes;
}

static int forget(void **state)
{
    text_dispose(&seen.body);
    return 0;
}

static struct stage *prepare(void **state, bool takes)
{
    struct stage *s = *state;

    seen.asked = 0;
    seen.takes = takes;
    s->relay.on_failure = on_failure;
    return s;
}

static struct peer *read_and_reply(struct stage *s, const char *reply, struct peer **upstream)
{
    struct peer *client = stage_client_sends(s, READ);

    *upstream = stage_accept(s);
    peer_await(*upstream, "\r\n\r\n");
    peer_send(*upstream, reply);
    return client;
}

static void relay_again(struct stage *s)
{
    struct relay relay = s->relay;

    relay.pool = s->pool;
    relay.is_retryable = true;
    text_put_text(exchange_upstream_head(s->current), "GET /again HTTP/1.1\r\nHost: u\r\n");
    exchange_relay(s->current, &relay);
}

static void expect_goes_on(struct peer *client)
{
    peer_send(client, "GET /answer HTTP/1.1\r\nHost: x\r\n\r\n");
    peer_await(client, "hello\n");
}

static void shout(void *arg, struct slice content, bool is_last, struct text *out)
{
    for (size_t i = 0; i < content.size; i++)
        text_put_char(out, (char)(content.data[i] & ~0x20));
    if (is_last)
        text_put_char(out, '!');
}

static void test_failure_passes_when_it_is_not_taken(void **state)
{
    struct stage *s = prepare(state, false);
    struct peer *upstream;
    struct peer *client = read_and_reply(s, MISSING, &upstream);

    peer_await(client, "7\r\nmissing\r\n0\r\n\r\n");
    assert_int_equal(seen.asked, 1);
    assert_int_equal(seen.status, 500);
    assert_string_equal(seen.body.data, "missing");
    expect_goes_on(client);
}

static void test_failure_passes_through_the_rewrite_it_had(void **state)
{
    struct stage *s = prepare(state, false);
    struct peer *client, *upstream;

    s->relay.rewrite = shout;
    client = read_and_reply(s, MISSING, &upstream);
    peer_await(client, "MISSING!\r\n0\r\n\r\n");
    assert_string_equal(seen.body.data, "missing");
}

static void test_failure_is_asked_about_only_if_it_is_one(void **state)
{
    struct stage *s = prepare(state, true);
    struct peer *upstream;
    struct peer *client = read_and_reply(s, IS_THERE, &upstream);

    peer_await(client, "\r\n\r\nok");
    assert_int_equal(seen.asked, 0);
}

static void test_failure_that_is_taken_leaves_no_trace(void **state)
{
    struct stage *s = prepare(state, true);
    struct peer *upstream;
    struct peer *client = read_and_reply(s, MISSING, &upstream);

    STAGE_AWAIT(s, seen.asked == 1);
    peer_expect_silence(client, 5);
    seen.takes = false;
    relay_again(s);
    peer_await(upstream, "GET /again"); /* its connection was kept */
    peer_send(upstream, IS_THERE);
    peer_await(client, "HTTP/1.1 200 OK\r\n");
    peer_await(client, "ok");
    expect_goes_on(client);
}

static void test_failure_may_be_taken_twice(void **state)
{
    struct stage *s = prepare(state, true);
    struct peer *upstream;
    struct peer *client = read_and_reply(s, MISSING, &upstream);

    STAGE_AWAIT(s, seen.asked == 1);
    relay_again(s);
    peer_await(upstream, "GET /again");
    peer_send(upstream, MISSING);
    STAGE_AWAIT(s, seen.asked == 2);
    exchange_refuse(s->current, 504, CLOSE_FAILED, "nobody has it");
    peer_await(client, "HTTP/1.1 504 ");
    expect_goes_on(client);
}

static void test_failure_that_is_long_passes_unasked(void **state)
{
    struct stage *s = prepare(state, true);
    struct text reply = {0};
    struct peer *client, *upstream;

    text_put_format(&reply, "HTTP/1.1 500 Bad\r\nContent-Length: %d\r\n\r\n",
                    EXCHANGE_FAILURE_MAX + 4);
    for (int i = 0; i < EXCHANGE_FAILURE_MAX; i++)
        text_put_char(&reply, 'x');
    text_put_text(&reply, "tail");
    client = read_and_reply(s, reply.data, &upstream);
    peer_await(client, "tail\r\n0\r\n\r\n");
    assert_int_equal(seen.asked, 0);
    text_dispose(&reply);
}

static void test_failure_that_breaks_off_is_502(void **state)
{
    struct stage *s = prepare(state, true);
    struct peer *upstream;
    struct peer *client =
        read_and_reply(s, "HTTP/1.1 500 Bad\r\nContent-Length: 9\r\n\r\nmiss", &upstream);

    stage_drop(s, upstream);
    peer_await(client, "HTTP/1.1 502 ");
    assert_int_equal(seen.asked, 0);
}

static void test_failure_that_is_taken_ends_when_the_client_leaves(void **state)
{
    struct stage *s = prepare(state, true);
    struct peer *upstream;
    struct peer *client = read_and_reply(s, MISSING, &upstream);

    STAGE_AWAIT(s, seen.asked == 1);
    stage_drop(s, client);
    stage_await_ended(s, 1);
    assert_int_equal(s->last.reason, CLOSE_CLIENT_GONE);
}

static void test_failure_that_is_taken_may_be_cut(void **state)
{
    struct stage *s = prepare(state, true);
    struct peer *upstream;
    struct peer *client = read_and_reply(s, MISSING, &upstream);

    STAGE_AWAIT(s, seen.asked == 1);
    exchange_cut(s->current, 401, CLOSE_REVOKED, "not any more");
    peer_await(client, "HTTP/1.1 401 ");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STAGE_TEST(test_failure_passes_when_it_is_not_taken),
        STAGE_TEST(test_failure_passes_through_the_rewrite_it_had),
        STAGE_TEST(test_failure_is_asked_about_only_if_it_is_one),
        STAGE_TEST(test_failure_that_is_taken_leaves_no_trace),
        STAGE_TEST(test_failure_may_be_taken_twice),
        STAGE_TEST(test_failure_that_is_long_passes_unasked),
        STAGE_TEST(test_failure_that_breaks_off_is_502),
        STAGE_TEST(test_failure_that_is_taken_ends_when_the_client_leaves),
        STAGE_TEST(test_failure_that_is_taken_may_be_cut),
    };

    return cmocka_run_group_tests(tests, NULL, forget);
}
