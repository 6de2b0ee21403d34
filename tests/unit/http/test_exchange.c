// SPDX-License-Identifier: Apache-2.0
#include "stage.h"

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

static void test_exchange_answers_431_to_a_head_beyond_the_limit(void **state)
{
    struct stage *s = *state;
    struct peer *client = stage_client_sends(s, "GET /answer HTTP/1.1\r\nHost: x\r\nX-Long: ");
    char line[4097];

    memset(line, 'a', sizeof(line) - 1);
    line[sizeof(line) - 1] = '\0';
    for (int i = 0; i < 20; i++)
        peer_send(client, line);
    peer_expect(client, "HTTP/1.1 431 Request Header Fields Too Large\r\n");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STAGE_TEST(test_exchange_answers_and_goes_on),
        STAGE_TEST(test_exchange_relays_a_body_of_known_length),
        STAGE_TEST(test_exchange_answers_431_to_a_head_beyond_the_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
