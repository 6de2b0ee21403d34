// SPDX-License-Identifier: Apache-2.0
/* Requests of clients, relayed to a Kubo node that the test plays. */
#include "kubo_stage.h"

#include <stdio.h>
#include <unistd.h>

#define CID    "QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn"
#define TARGET "/api/v0/cat?arg=" CID
#define CLIENT                                                                                     \
    "POST /later HTTP/1.1\r\nHost: a\r\nOrigin: https://a\r\nUser-Agent: Mozilla\r\nCookie: c\r\n"
#define EMPTY "Content-Length: 0\r\n\r\n"
#define REPLY "HTTP/1.1 200 OK\r\n"
#define OK    REPLY "Content-Length: 2\r\n\r\nok"

static bool is_multipart(struct slice content_type)
{
    return slice_starts(content_type, "multipart/form-data");
}

/* A client's request, relayed as the call of target. */
static struct peer *relay(struct kubo_stage *s, const char *sent, const char *target,
                          const struct upstream_request *wanted)
{
    struct upstream_request request = *wanted;
    struct peer *client;

    kubo_stage_start(s);
    call_destroy(&s->call);
    assert_true(call_parse(&s->call, slice_of(target), is_multipart(wanted->content_type), NULL));
    request.call = s->call;
    client = stage_client_sends(s->stage, sent);
    STAGE_AWAIT(s->stage, s->stage->waiting != NULL);
    upstream_relay(s->kubo, s->stage->waiting, &request);
    s->stage->waiting = NULL;
    return client;
}

static struct peer *relay_simple(struct kubo_stage *s)
{
    return relay(s, CLIENT EMPTY, TARGET, &(struct upstream_request){0});
}

/* ---- what the node gets */

static void test_kubo_relay_sends_nothing_of_the_clients_head(void **state)
{
    struct kubo_stage *s = *state;
    struct peer *client = relay_simple(s);
    struct peer *node = kubo_stage_expect(s, TARGET, EMPTY);

    peer_send(node, OK);
    peer_expect(client, OK);
}

static void test_kubo_relay_sends_the_nodes_secret(void **state)
{
    struct kubo_stage *s = *state;
    struct peer *client;

    s->settings.authorization = "Bearer of-the-gateway";
    client = relay_simple(s);
    peer_send(kubo_stage_expect(s, TARGET, EMPTY), OK);
    peer_expect(client, OK);
}

static void test_kubo_relay_streams_the_clients_body(void **state)
{
    struct upstream_request request = {.content_type = SLICE("multipart/form-data; boundary=x"),
                                       .headers =
                                           SLICE("Content-Disposition: form-data; name=f\r\n")};
    struct kubo_stage *s = *state;
    struct peer *client =
        relay(s, CLIENT "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n", "/api/v0/add", &request);
    struct peer *node = kubo_stage_expect(s, "/api/v0/add",
                                          "Content-Type: multipart/form-data; boundary=x\r\n"
                                          "Content-Disposition: form-data; name=f\r\n"
                                          "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");

    peer_send(node, REPLY "Transfer-Encoding: chunked\r\n\r\n2\r\n{}\r\n");
    peer_await(client, "2\r\n{}\r\n"); /* before the body has ended */
    peer_send(client, "0\r\n\r\n");
    peer_expect(node, "0\r\n\r\n");
    peer_send(node, "0\r\n\r\n");
    peer_expect(client, "0\r\n\r\n");
}

/* The body in which the ipfs program sends arguments that it read from its input. */
#define PART                                                                                       \
    "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"stdin\"\r\n"                 \
    "Content-Type: application/octet-stream\r\n\r\n" CID "\n\r\n--x--\r\n"

static void test_kubo_relay_prints_arguments_that_stood_in_the_body(void **state)
{
    static const struct slice type = SLICE("multipart/form-data; boundary=x");
    struct kubo_stage *s = *state;
    struct text body = {0}, expected = {0};
    struct peer *client;

    kubo_stage_start(s);
    client = stage_client_sends(s->stage, CLIENT EMPTY);
    STAGE_AWAIT(s->stage, s->stage->waiting != NULL);
    assert_true(call_parse(&s->call, SLICE("/api/v0/pin/rm?recursive=true"), true, NULL));
    assert_true(call_body_arguments(s->call, SLICE(PART), type, NULL));
    upstream_relay(s->kubo, s->stage->waiting,
                   &(struct upstream_request){.call = s->call, .content_type = type});
    s->stage->waiting = NULL;
    call_print_body_arguments(s->call, &body);
    text_put_format(&expected,
                    "Content-Type: multipart/form-data; boundary=" CALL_BOUNDARY
                    "\r\nContent-Length: %zu\r\n\r\n%s",
                    body.size, body.data);
    assert_non_null(strstr(body.data, CID));
    peer_send(kubo_stage_expect(s, "/api/v0/pin/rm?recursive=true", expected.data), OK);
    peer_expect(client, OK);
    text_dispose(&body);
    text_dispose(&expected);
}

static void test_kubo_relay_reaches_a_unix_socket(void **state)
{
    struct kubo_stage *s = *state;
    struct peer *client;

    stage_use_unix_upstream(s->stage, 8);
    client = relay_simple(s);
    peer_send(kubo_stage_expect(s, TARGET, EMPTY), OK);
    peer_expect(client, OK);
}

/* ---- what the client gets */

static void test_kubo_relay_passes_only_headers_that_clients_heed(void **state)
{
    struct kubo_stage *s = *state;
    struct peer *client = relay_simple(s);

    peer_send(kubo_stage_expect(s, TARGET, EMPTY),
              REPLY "Access-Control-Allow-Headers: X-Stream-Output\r\n"
                    "Access-Control-Allow-Origin: *\r\n"
                    "CONTENT-TYPE: text/plain\r\n"
                    "Content-Disposition: attachment\r\n"
                    "Server: kubo/0.43.1\r\n"
                    "Set-Cookie: a=b\r\n"
                    "Vary: Origin\r\n"
                    "X-Chunked-Output: 1\r\n"
                    "X-Content-Length: 2\r\n"
                    "X-Stream-Output: 1\r\n"
                    "X-Secret: 1\r\n"
                    "Retry-After: 3\r\n"
                    "Location: /x\r\n"
                    "WWW-Authenticate: Basic\r\n"
                    "Strict-Transport-Security: max-age=9\r\n"
                    "Trailer: X-Stream-Error\r\n"
                    "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n"
                    "X-Stream-Error: it broke\r\nX-Other: 1\r\n\r\n");
    peer_expect(client, REPLY "CONTENT-TYPE: text/plain\r\n"
                              "Content-Disposition: attachment\r\n"
                              "X-Chunked-Output: 1\r\n"
                              "X-Content-Length: 2\r\n"
                              "X-Stream-Output: 1\r\n"
                              "Retry-After: 3\r\n"
                              "Trailer: X-Stream-Error\r\n"
                              "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n"
                              "X-Stream-Error: it broke\r\n\r\n");
}

static void test_kubo_relay_tells_what_the_node_says_to_the_gateway_apart(void **state)
{
    static const struct {
        int status, answer;
        const char *word;
    } cases[] = {
        {200, 200, NULL},
        {400, 400, NULL},
        {404, 404, NULL},
        {405, 405, NULL},
        {500, 500, NULL},
        {503, 503, NULL},
        {301, 502, "301"},
        {302, 502, "redirect"},
        {307, 502, "redirect"},
        {304, 502, "304"},
        {401, 502, "authorization_file"},
        {403, 502, "authorization_file"},
    };
    struct kubo_stage *s = *state;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct peer *client = relay_simple(s);
        struct peer *node = stage_accept(s->stage);
        char line[100];

        snprintf(line, sizeof(line),
                 "HTTP/1.1 %d X\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}",
                 cases[i].status);
        peer_await(node, "\r\n\r\n");
        peer_send(node, line);
        snprintf(line, sizeof(line), "HTTP/1.1 %d ", cases[i].answer);
        peer_await(client, line);
        if (cases[i].word != NULL)
            peer_await(client, cases[i].word);
        stage_drop(s->stage, client);
        stage_drop(s->stage, node);
    }
}

static void test_kubo_relay_ends_a_broken_reply_of_lines_with_a_line(void **state)
{
    struct upstream_request request = {.break_line = SLICE("{\"Message\":\"broke\"}\n")};
    struct kubo_stage *s = *state;
    struct peer *client = relay(s, CLIENT EMPTY, "/api/v0/refs?arg=" CID, &request);
    struct peer *node = kubo_stage_expect(s, "/api/v0/refs?arg=" CID, EMPTY);

    peer_send(node, REPLY "Transfer-Encoding: chunked\r\n\r\n3\r\n{}\n\r\n");
    peer_await(client, "3\r\n{}\n\r\n");
    peer_close(node);
    peer_expect(client, "14\r\n{\"Message\":\"broke\"}\n\r\n");
    peer_expect_end(client);
}

static void on_held(struct exchange *exchange)
{
    exchange_release(exchange, SLICE("tail\n"));
}

static void test_kubo_relay_holds_the_end_of_a_reply(void **state)
{
    struct upstream_request request = {
        .holds_end = true, .holds_head = true, .on_held = on_held, .is_for_success = true};
    struct kubo_stage *s = *state;
    struct peer *client = relay(s, CLIENT EMPTY, "/api/v0/refs?arg=" CID, &request);
    struct peer *node = kubo_stage_expect(s, "/api/v0/refs?arg=" CID, EMPTY);

    peer_send(node, REPLY "Content-Length: 3\r\n\r\n{}\n");
    peer_await(client, "3\r\n{}\n\r\n");
    peer_await(client, "5\r\ntail\n\r\n0\r\n\r\n");
}

static void test_kubo_relay_holds_no_error_if_so_asked(void **state)
{
    struct upstream_request request = {
        .holds_end = true, .holds_head = true, .on_held = on_held, .is_for_success = true};
    struct kubo_stage *s = *state;
    struct peer *client = relay(s, CLIENT EMPTY, "/api/v0/refs?arg=" CID, &request);
    struct peer *node = kubo_stage_expect(s, "/api/v0/refs?arg=" CID, EMPTY);

    peer_send(node, "HTTP/1.1 500 Internal Server Error\r\nContent-Length: 3\r\n\r\n{}\n");
    peer_await(client, "Content-Length: 3\r\n\r\n{}\n");
}

static void test_kubo_relay_only_cuts_other_broken_replies(void **state)
{
    struct kubo_stage *s = *state;
    struct peer *client = relay_simple(s);
    struct peer *node = kubo_stage_expect(s, TARGET, EMPTY);

    peer_send(node, REPLY "Transfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    peer_await(client, "3\r\nabc\r\n");
    peer_close(node);
    peer_expect_end(client);
}

/* ---- refused, silent, gone */

static void test_kubo_relay_tells_that_nobody_listens(void **state)
{
    struct kubo_stage *s = *state;
    struct peer *client;

    close(s->stage->upstream_fd);
    s->stage->upstream_fd = -1;
    client = relay_simple(s);
    peer_await(client, "HTTP/1.1 502 ");
}

static void test_kubo_relay_gives_a_silent_node_up(void **state)
{
    struct kubo_stage *s = *state;
    struct peer *client = relay_simple(s);
    struct peer *node = kubo_stage_expect(s, TARGET, EMPTY);

    clock_advance_ms(18000);
    peer_expect_silence(client, 5);
    clock_advance_ms(2100);
    peer_await(client, "HTTP/1.1 504 ");
    peer_await_gone(node);

    client = relay_simple(s);
    node = kubo_stage_expect(s, TARGET, EMPTY);
    peer_send(node, REPLY "Content-Length: 2\r\n\r\no");
    peer_await(client, "\r\n\r\no");
    clock_advance_ms(28000);
    peer_expect_silence(client, 5);
    clock_advance_ms(2100);
    peer_expect_end(client);
    peer_await_gone(node);
}

static void test_kubo_relay_waits_for_what_may_be_silent(void **state)
{
    struct kubo_stage *s = *state;

    for (int i = 0; i < 2; i++) {
        struct upstream_request request = {.may_be_silent = i == 0, .is_endless = i == 1};
        struct peer *client = relay(s, CLIENT EMPTY, TARGET, &request);
        struct peer *node = kubo_stage_expect(s, TARGET, EMPTY);

        clock_advance_ms(3600 * 1000);
        peer_expect_silence(client, 5);
        peer_send(node, REPLY "Connection: close\r\nContent-Length: 2\r\n\r\no");
        peer_await(client, "\r\n\r\no");
        clock_advance_ms(3600 * 1000);
        peer_expect_silence(client, 5);
        peer_send(node, "k");
        peer_expect(client, "k");
    }
}

static void test_kubo_relay_ends_with_the_client(void **state)
{
    struct kubo_stage *s = *state;

    for (int i = 0; i < 3; i++) {
        struct peer *client = relay_simple(s);
        struct peer *node = kubo_stage_expect(s, TARGET, EMPTY);

        if (i == 1)
            peer_send(node, REPLY "Content-Length: 9\r\n\r\n");
        turn_for(s->stage->loop, 2);
        if (i == 2)
            peer_finish(client); /* gets the second that a reply may still take to begin */
        else
            peer_reset(client);
        clock_advance_ms(i == 2 ? 1100 : 0);
        peer_await_gone(node);
    }
}

static void test_kubo_relay_ends_an_endless_reply_with_the_clients_finish(void **state)
{
    struct upstream_request request = {.is_endless = true};
    struct kubo_stage *s = *state;
    struct peer *client = relay(s, CLIENT EMPTY, TARGET, &request);
    struct peer *node = kubo_stage_expect(s, TARGET, EMPTY);

    peer_send(node, REPLY "Transfer-Encoding: chunked\r\n\r\n3\r\n{}\n\r\n");
    peer_await(client, "{}\n\r\n");
    peer_finish(client);
    turn_for(s->stage->loop, 5);
    clock_advance_ms(1100);
    peer_await_gone(node);
}

static void test_kubo_relay_sends_only_reads_twice(void **state)
{
    struct kubo_stage *s = *state;

    for (int i = 0; i < 2; i++) {
        struct upstream_request request = {.is_retryable = i == 0};
        struct peer *client = relay_simple(s);
        struct peer *node = kubo_stage_expect(s, TARGET, EMPTY);

        peer_send(node, OK);
        peer_expect(client, OK);
        client = relay(s, CLIENT EMPTY, TARGET, &request);
        kubo_stage_expect_on(s, node, TARGET, EMPTY);
        peer_close(node);
        if (i == 0) {
            peer_send(kubo_stage_expect(s, TARGET, EMPTY),
                      REPLY "Connection: close\r\nContent-Length: 2\r\n\r\nok");
            peer_expect(client, OK);
        } else {
            peer_await(client, "HTTP/1.1 502 ");
            peer_await(client, "not retried");
        }
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        KUBO_TEST(test_kubo_relay_sends_nothing_of_the_clients_head),
        KUBO_TEST(test_kubo_relay_sends_the_nodes_secret),
        KUBO_TEST(test_kubo_relay_streams_the_clients_body),
        KUBO_TEST(test_kubo_relay_prints_arguments_that_stood_in_the_body),
        KUBO_TEST(test_kubo_relay_reaches_a_unix_socket),
        KUBO_TEST(test_kubo_relay_passes_only_headers_that_clients_heed),
        KUBO_TEST(test_kubo_relay_tells_what_the_node_says_to_the_gateway_apart),
        KUBO_TEST(test_kubo_relay_ends_a_broken_reply_of_lines_with_a_line),
        KUBO_TEST(test_kubo_relay_holds_the_end_of_a_reply),
        KUBO_TEST(test_kubo_relay_holds_no_error_if_so_asked),
        KUBO_TEST(test_kubo_relay_only_cuts_other_broken_replies),
        KUBO_TEST(test_kubo_relay_tells_that_nobody_listens),
        KUBO_TEST(test_kubo_relay_gives_a_silent_node_up),
        KUBO_TEST(test_kubo_relay_waits_for_what_may_be_silent),
        KUBO_TEST(test_kubo_relay_ends_with_the_client),
        KUBO_TEST(test_kubo_relay_ends_an_endless_reply_with_the_clients_finish),
        KUBO_TEST(test_kubo_relay_sends_only_reads_twice),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
