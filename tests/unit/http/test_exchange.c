// SPDX-License-Identifier: Apache-2.0
#include "stage.h"

#include <stdlib.h>

static void test_exchange_answers_and_goes_on(void **state)
{
    struct stage *s = *state;
    struct peer *client = stage_client_sends(s, "GET /answer HTTP/1.1\r\nHost: x\r\n\r\n");

    peer_expect(client,
                "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n\r\nhello\n");
    peer_send(client, "GET /answer HTTP/1.1\r\nHost: x\r\n\r\n");
    peer_expect(client,
                "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n\r\nhello\n");
    assert_int_equal(s->ended, 2);
    assert_int_equal(s->last.reason, CLOSE_DONE);
}

static void test_exchange_relays_a_body_of_known_length(void **state)
{
    struct stage *s = *state;
    struct peer *client =
        stage_client_sends(s, "POST /relay HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello");
    struct peer *upstream = stage_accept(s);

    peer_expect(upstream, "POST /relay HTTP/1.1\r\nContent-Length: 5\r\n\r\nhello");
    peer_send(upstream, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
    peer_expect(client, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok");
}

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

int main(void)
{
    const struct CMUnitTest tests[] = {
        STAGE_TEST(test_exchange_answers_and_goes_on),
        STAGE_TEST(test_exchange_relays_a_body_of_known_length),
        STAGE_TEST(test_exchange_refuses_a_head_that_grows_beyond_the_limit),
        STAGE_TEST(test_exchange_refuses_a_large_head_that_comes_at_once),
        STAGE_TEST(test_exchange_takes_a_head_up_to_the_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
