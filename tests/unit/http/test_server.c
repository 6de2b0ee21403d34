// SPDX-License-Identifier: Apache-2.0
/* Listening, accepting, draining, reloading, counting. */
#include "conf/memory.h"
#include "stage.h"

#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

#define GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\n\r\n"
#define HELLO     "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\n\r\nhello\n"
#define CLOSED                                                                                     \
    "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: 6\r\nConnection: "             \
    "close\r\n\r\nhello\n"
#define OK_REPLY  "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nok"
#define OK_CLOSED "HTTP/1.1 200 OK\r\nContent-Length: 2\r\nConnection: close\r\n\r\nok"

/* ---- accepting */

static void test_server_serves_a_unix_socket(void **state)
{
    struct stage *s = *state;
    char folder[] = "/tmp/test_server.XXXXXX", text[64];
    struct address address;
    struct error err = {0};
    struct peer peer;
    int listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    assert_non_null(mkdtemp(folder));
    snprintf(text, sizeof(text), "unix:%s/socket", folder);
    assert_true(address_parse(&address, slice_of(text), &err));
    assert_int_equal(bind(listen_fd, (struct sockaddr *)&address.sockaddr, address.size), 0);
    assert_int_equal(listen(listen_fd, 4), 0);
    stage_start(s);
    server_listen(s->server, listen_fd);
    assert_int_equal(connect(fd, (struct sockaddr *)&address.sockaddr, address.size), 0);
    peer_init(&peer, s->loop, fd);
    peer_send(&peer, GET("/later"));
    STAGE_AWAIT(s, s->waiting != NULL);
    assert_int_equal(exchange_peer(s->waiting)->sa_family, AF_UNIX);
    exchange_answer(s->waiting, &(struct answer){.status = 204});
    peer_expect(&peer, "HTTP/1.1 204 No Content\r\n\r\n");
    peer_dispose(&peer);
    unlink(text + 5);
    rmdir(folder);
}

static void test_server_pauses_at_its_limit_of_connections(void **state)
{
    struct stage *s = *state;
    struct peer *first, *second, *third;

    s->options.max_connections = 2;
    first = stage_client_sends(s, GET("/answer"));
    second = stage_client_sends(s, GET("/answer"));
    peer_expect(first, HELLO);
    peer_expect(second, HELLO);
    third = stage_client_sends(s, GET("/answer"));
    peer_expect_silence(third, 10);
    clock_advance_ms(300);
    peer_expect_silence(third, 10);
    assert_int_equal(s->server->session_count, 2);
    assert_true(s->server->counters.accepts_paused > 0);
    peer_close(first);
    STAGE_AWAIT(s, s->server->session_count == 1);
    clock_advance_ms(300);
    peer_expect(third, HELLO);
}

static uint64_t cpu_us(void)
{
    struct timespec now;

    clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &now);
    return (uint64_t)now.tv_sec * 1000000 + (uint64_t)now.tv_nsec / 1000;
}

static void test_server_pauses_without_spinning_when_descriptors_run_out(void **state)
{
    struct stage *s = *state;
    struct peer *old = stage_client_sends(s, GET("/answer")), *new;
    struct rlimit before, none;
    int turns = 0;

    peer_expect(old, HELLO);
    new = stage_client_sends(s, GET("/answer"));
    getrlimit(RLIMIT_NOFILE, &before);
    none = before;
    none.rlim_cur = 3;
    setrlimit(RLIMIT_NOFILE, &none);
    STAGE_AWAIT(s, s->server->counters.accepts_paused == 1);
    for (uint64_t begin = cpu_us(); turns < 20 && cpu_us() - begin < 1000000; turns++)
        loop_turn(s->loop, 5);
    assert_int_equal(s->server->counters.accepts_paused, 1); /* it was not tried again and again */
    peer_send(old, GET("/answer"));                          /* who is in is served */
    peer_expect(old, HELLO);
    clock_advance_ms(300);
    STAGE_AWAIT(s, s->server->counters.accepts_paused == 2);
    setrlimit(RLIMIT_NOFILE, &before);
    clock_advance_ms(300);
    peer_expect(new, HELLO);
}

static void test_server_drains_while_accepting_is_paused(void **state)
{
    struct stage *s = *state;
    struct peer *first, *second;

    s->options.max_connections = 1;
    first = stage_client_sends(s, GET("/answer"));
    peer_expect(first, HELLO);
    second = stage_client_sends(s, GET("/answer"));
    peer_expect_silence(second, 5);
    server_drain(s->server, 10000);
    clock_advance_ms(600);
    peer_expect_end(first);
    peer_await_gone(second);
    assert_true(server_is_drained(s->server));
}

/* ---- draining */

static void test_server_drains_idle_connections_within_a_second(void **state)
{
    struct stage *s = *state;
    struct peer *used = stage_client_sends(s, GET("/answer"));
    struct peer *unused = stage_client(s);

    peer_expect(used, HELLO);
    STAGE_AWAIT(s, s->server->session_count == 2);
    assert_false(server_is_drained(s->server));
    server_drain(s->server, 60000);
    assert_false(server_is_drained(s->server));
    peer_expect_silence(used, 2);
    clock_advance_ms(600);
    peer_expect_end(used);
    peer_expect_end(unused);
    assert_true(server_is_drained(s->server));
}

static void test_server_drain_serves_what_still_comes(void **state)
{
    struct stage *s = *state;
    struct peer *used = stage_client_sends(s, GET("/answer"));
    struct peer *unused = stage_client(s), *partial;

    peer_expect(used, HELLO);
    partial = stage_client_sends(s, "GET /answer HTTP/1.1\r\n");
    STAGE_AWAIT(s, s->server->session_count == 3);
    turn_for(s->loop, 5);
    server_drain(s->server, 60000);
    peer_send(used, GET("/answer"));
    peer_expect(used, CLOSED);
    peer_expect_end(used);
    peer_send(unused, GET("/answer"));
    peer_expect(unused, CLOSED);
    peer_expect_end(unused);
    clock_advance_ms(2000);
    peer_expect_silence(partial, 2);
    peer_send(partial, "Host: x\r\n\r\n");
    peer_expect(partial, CLOSED);
    peer_expect_end(partial);
    assert_true(server_is_drained(s->server));
}

static void test_server_drain_takes_who_is_in_the_queue(void **state)
{
    struct stage *s = *state;
    struct peer *clients[5];

    stage_start(s);
    for (int i = 0; i < 5; i++)
        clients[i] = stage_client_sends(s, GET("/answer"));
    server_drain(s->server, 60000); /* before any was accepted */
    for (int i = 0; i < 5; i++) {
        peer_expect(clients[i], CLOSED);
        peer_expect_end(clients[i]);
    }
    assert_true(server_is_drained(s->server));
}

static void test_server_drain_lets_exchanges_in_every_state_end(void **state)
{
    struct stage *s = *state;
    struct peer *deciding = stage_client_sends(s, GET("/later"));
    struct peer *collecting =
        stage_client_sends(s, "POST /collect HTTP/1.1\r\nHost: x\r\nContent-Length: 6\r\n\r\nhel");
    struct peer *uploading =
        stage_client_sends(s, "POST /relay HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\na");
    struct peer *upload = stage_accept(s), *replying, *reply;

    replying = stage_client_sends(s, GET("/read"));
    reply = stage_accept(s);
    peer_send(reply, "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no");
    peer_expect(replying,
                "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\no"); /* it said nothing of closing */
    STAGE_AWAIT(s, s->waiting != NULL && s->server->session_count == 4);
    server_drain(s->server, 60000);
    clock_advance_ms(5000);
    turn_for(s->loop, 5);
    exchange_answer(s->waiting, &(struct answer){.status = 204});
    peer_expect(deciding, "HTTP/1.1 204 No Content\r\nConnection: close\r\n\r\n");
    peer_expect_end(deciding);
    peer_send(collecting, "lo\n");
    peer_expect(collecting, "HTTP/1.1 200 OK\r\nContent-Type: text/plain\r\nContent-Length: "
                            "6\r\nConnection: close\r\n\r\nhello\n");
    peer_expect_end(collecting);
    peer_send(uploading, "b");
    peer_await(upload, "ab");
    peer_send(upload, OK_REPLY);
    peer_expect(uploading, OK_CLOSED);
    peer_expect_end(uploading);
    peer_send(reply, "k");
    peer_expect(replying, "k");
    clock_advance_ms(600);
    peer_expect_end(replying);
    assert_true(server_is_drained(s->server));
}

static void test_server_drain_cuts_what_is_left_at_its_deadline(void **state)
{
    struct stage *s = *state;
    struct peer *deciding = stage_client_sends(s, GET("/later"));
    struct peer *uploading =
        stage_client_sends(s, "POST /relay HTTP/1.1\r\nHost: x\r\nContent-Length: 2\r\n\r\na");
    struct peer *upload = stage_accept(s), *replying, *reply;

    replying = stage_client_sends(s, GET("/read"));
    reply = stage_accept(s);
    peer_send(reply, "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n1\r\na\r\n");
    peer_await(replying, "1\r\na\r\n");
    server_drain(s->server, 10000);
    clock_advance_ms(9900);
    peer_expect_silence(deciding, 5);
    clock_advance_ms(110);
    peer_expect(deciding, "HTTP/1.1 503 Service Unavailable\r\n");
    peer_await(deciding, "shutting down; try again in a moment\n");
    peer_expect(uploading, "HTTP/1.1 503 Service Unavailable\r\n");
    peer_expect_end(replying); /* without the last chunk */
    peer_await_gone(upload);
    peer_await_gone(reply);
    clock_advance_ms(1010);
    STAGE_AWAIT(s, server_is_drained(s->server));
    assert_int_equal(s->server->counters.closes[CLOSE_DRAIN_DEADLINE], 3);
}

static void test_server_drain_with_no_time_cuts_at_once(void **state)
{
    struct stage *s = *state;
    struct peer *deciding = stage_client_sends(s, GET("/later"));

    STAGE_AWAIT(s, s->waiting != NULL);
    server_drain(s->server, 60000);
    server_drain(s->server, 0); /* a second signal */
    clock_advance_ms(8);
    peer_expect(deciding, "HTTP/1.1 503 Service Unavailable\r\n");
}

/* An exchange that ends may end others: whoever walks over them must not stumble. */
static struct exchange *ends_too;

static void end_another(struct exchange *exchange, void *app)
{
    struct exchange *other = ends_too;
    struct stage *s = app;

    s->ended++;
    if (other == NULL || other == exchange)
        return;
    ends_too = NULL;
    exchange_answer(other, &(struct answer){.status = 204});
}

static void test_server_walks_on_when_exchanges_end_each_other(void **state)
{
    struct stage *s = *state;
    struct http_handler handler = *s->settings.handler;
    struct exchange *exchanges[3];

    handler.on_end = end_another;
    s->settings.handler = &handler;
    for (int i = 0; i < 3; i++) {
        s->waiting = NULL;
        stage_client_sends(s, "GET /later HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n");
        STAGE_AWAIT(s, s->waiting != NULL);
        exchanges[i] = s->waiting;
    }
    ends_too = exchanges[1]; /* the newest stands first in the list, this one behind it */
    server_drain(s->server, 0);
    for (int i = 0; i < 3; i++) {
        clock_advance_ms(1010);
        turn_for(s->loop, 2);
    }
    STAGE_AWAIT(s, server_is_drained(s->server));
    assert_int_equal(s->ended, 3);
}

/* ---- what a handler keeps of a connection */

static unsigned int sessions_ended;

/* Counts the connection's requests in its context. */
static void answer_how_many(struct exchange *exchange, void *app)
{
    void **context = exchange_session_context(exchange);
    unsigned int *count = *context;
    struct answer answer = {.status = 200, .content_type = "text/plain"};

    if (count == NULL)
        *context = count = memory_alloc(sizeof(*count));
    answer.body = ++*count == 1 ? SLICE("first") : SLICE("second");
    exchange_answer(exchange, &answer);
}

static void free_count(void *context)
{
    sessions_ended++;
    free(context);
}

static void test_server_keeps_a_handlers_context_as_long_as_the_connection(void **state)
{
    struct stage *s = *state;
    struct http_handler handler = *s->settings.handler;
    struct peer *one, *two;

    sessions_ended = 0;
    handler.on_request = answer_how_many;
    handler.on_session_end = free_count;
    s->settings.handler = &handler;
    one = stage_client_sends(s, GET("/a"));
    peer_await(one, "\r\n\r\nfirst");
    peer_send(one, GET("/b"));
    peer_await(one, "\r\n\r\nsecond");
    two = stage_client_sends(s, GET("/a")); /* has one of its own */
    peer_await(two, "\r\n\r\nfirst");
    assert_int_equal(sessions_ended, 0);
    peer_close(one);
    STAGE_AWAIT(s, sessions_ended == 1);
    peer_close(two);
    STAGE_AWAIT(s, sessions_ended == 2);
}

/* ---- reloading */

static unsigned int disposed;

static void count_disposed(struct server_settings *settings)
{
    disposed++;
}

static void test_server_reload_serves_what_began_as_it_began(void **state)
{
    struct stage *s = *state;
    struct server_settings newer = s->settings;
    struct peer *client = stage_client_sends(s, GET("/read"));
    struct peer *upstream = stage_accept(s);

    newer.limits.head_size = 100;
    newer.references = 1;
    newer.dispose = count_disposed;
    server_reload(s->server, &newer);
    assert_int_equal(s->settings_disposed, 0); /* one exchange still has them */
    peer_send(upstream, OK_REPLY);
    peer_expect(client, OK_REPLY);
    assert_int_equal(s->settings_disposed, 1);
    peer_send(client, "GET /answer HTTP/1.1\r\nHost: x\r\nX-Long: "
                      "012345678901234567890123456789012345678901234567890123"
                      "4567890123456789012345678901234567890\r\n\r\n");
    peer_expect(client, "HTTP/1.1 431 ");
    peer_close(client);
    stage_await_no_session(s);
    disposed = 0;
    s->settings.references = 1; /* for the teardown */
    s->settings_disposed = 0;
    server_reload(s->server, &s->settings);
    assert_int_equal(disposed, 1);
}

/* ---- counting */

static void test_server_counts(void **state)
{
    struct stage *s = *state;
    const struct server_counters *counters;
    struct peer *client, *upstream;

    stage_start(s);
    counters = &s->server->counters;
    client =
        stage_client_sends(s, "POST /relay HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello");
    upstream = stage_accept(s);
    peer_send(upstream, OK_REPLY);
    peer_expect(client, OK_REPLY);
    peer_send(client, GET("/refuse"));
    peer_await(client, "not for you\n");
    peer_send(client, "\r\n");
    peer_await(client, "HTTP/1.1 400 ");
    assert_int_equal(server_counter(&counters->connections_accepted), 1);
    assert_int_equal(server_counter(&counters->requests), 3);
    assert_int_equal(server_counter(&counters->bad_requests), 1);
    assert_int_equal(server_counter(&counters->statuses[2]), 1);
    assert_int_equal(server_counter(&counters->statuses[4]), 2);
    assert_int_equal(server_counter(&counters->closes[CLOSE_DONE]), 1);
    assert_int_equal(server_counter(&counters->closes[CLOSE_REFUSED]), 1);
    assert_int_equal(server_counter(&counters->closes[CLOSE_BAD_REQUEST]), 1);
    assert_int_equal(server_counter(&counters->bytes_in), 5);
    assert_true(server_counter(&counters->bytes_out) > 100);
    assert_int_equal(server_counter(&counters->upstream_dials), 1);
    assert_int_equal(server_counter(&counters->durations[DURATION_BUCKETS]), 0);
    peer_close(client);
    stage_await_no_session(s);
    assert_int_equal(server_counter(&counters->connections_closed), 1);
    clock_advance_ms(1010);
    turn_for(s->loop, 2);
    assert_int_equal(server_counter(&counters->block_bytes), block_store_bytes(s->server->blocks));
}

static void test_server_puts_durations_into_buckets(void **state)
{
    struct stage *s = *state;
    struct peer *client = stage_client_sends(s, GET("/later"));

    STAGE_AWAIT(s, s->waiting != NULL);
    clock_advance_ms(20000);
    exchange_answer(s->waiting, &(struct answer){.status = 204});
    peer_await(client, "\r\n\r\n");
    assert_int_equal(s->server->counters.durations[10], 1); /* above 10 s, up to 60 s */
    assert_true(s->server->counters.duration_us_sum >= 20000000);
}

/* ---- many */

static unsigned int connections(void)
{
    const char *text = getenv("TEST_SERVER_CONNECTIONS");

    return text == NULL ? 20000 : (unsigned int)strtoul(text, NULL, 10);
}

/* Opened and closed at every point of a request: nothing is left of them. */
static void test_server_is_left_empty_by_many_connections(void **state)
{
    static const char *const says[] = {
        "", "GET /answer HTTP/1.1\r\nHo", GET("/answer"), GET("/later"),
        "POST /refuse HTTP/1.1\r\nHost: x\r\nContent-Length: 9\r\n\r\nabc"};
    struct stage *s = *state;

    for (unsigned int i = 0; i < connections(); i++) {
        struct peer *client = stage_unix_client(s);

        peer_send(client, says[i % ARRAY_SIZE(says)]);
        loop_turn(s->loop, 0);
        if (i % 3 == 0)
            peer_finish(client);
        stage_drop(s, client);
        if (i % 100 == 99) {
            clock_advance_ms(1010);
            loop_turn(s->loop, 0);
        }
    }
    for (int i = 0; i < 100 && s->server->sessions != NULL; i++) {
        clock_advance_ms(100);
        turn_for(s->loop, 1);
    }
    assert_null(s->server->sessions);
    assert_int_equal(s->server->session_count, 0);
    assert_true(block_store_bytes(s->server->blocks) <= 64 * BLOCK_SMALL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STAGE_TEST(test_server_serves_a_unix_socket),
        STAGE_TEST(test_server_pauses_at_its_limit_of_connections),
        STAGE_TEST(test_server_pauses_without_spinning_when_descriptors_run_out),
        STAGE_TEST(test_server_drains_while_accepting_is_paused),
        STAGE_TEST(test_server_drains_idle_connections_within_a_second),
        STAGE_TEST(test_server_drain_serves_what_still_comes),
        STAGE_TEST(test_server_drain_takes_who_is_in_the_queue),
        STAGE_TEST(test_server_drain_lets_exchanges_in_every_state_end),
        STAGE_TEST(test_server_drain_cuts_what_is_left_at_its_deadline),
        STAGE_TEST(test_server_drain_with_no_time_cuts_at_once),
        STAGE_TEST(test_server_walks_on_when_exchanges_end_each_other),
        STAGE_TEST(test_server_keeps_a_handlers_context_as_long_as_the_connection),
        STAGE_TEST(test_server_reload_serves_what_began_as_it_began),
        STAGE_TEST(test_server_counts),
        STAGE_TEST(test_server_puts_durations_into_buckets),
        STAGE_TEST(test_server_is_left_empty_by_many_connections),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
