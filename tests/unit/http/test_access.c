// SPDX-License-Identifier: Apache-2.0
/* The line that an exchange leaves in the access log, and what is counted of it. */
#include "stage.h"

#include <fcntl.h>
#include <jansson.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define GET(path) "GET " path " HTTP/1.1\r\nHost: x\r\n\r\n"
#define OK_HEAD   "HTTP/1.1 200 OK\r\nX-Request-Id: 01234567890123456789\r\n"

/* ---- a log of the test's own, whose lines are read when the server writes no more */

struct access_log {
    char path[64];
    struct log *log;
    struct log_writer *writer;
    json_t *lines; /* an array */
};

static void begin_log(struct stage *s, struct access_log *access)
{
    struct log_settings settings = {.access = access->path, .level = LOG_LEVEL_ERROR};
    struct error err = {0};
    int fd;

    *access = (struct access_log){.path = "/tmp/test_access.XXXXXX"};
    fd = mkstemp(access->path);
    assert_true(fd >= 0);
    close(fd);
    if (!log_start(&access->log, &settings, &err))
        fail_msg("%s", err.text);
    access->writer = log_writer_create(access->log, "test");
    s->options.log = access->writer;
    s->options.no_access_log = false;
}

static void end_log(struct stage *s, struct access_log *access)
{
    char line[4096];
    FILE *file;

    s->server->options.log = NULL;
    log_writer_destroy(&access->writer);
    log_stop(&access->log);
    access->lines = json_array();
    file = fopen(access->path, "re");
    assert_non_null(file);
    while (fgets(line, sizeof(line), file) != NULL) {
        json_error_t fault;
        json_t *object = json_loads(line, JSON_REJECT_DUPLICATES, &fault);

        if (object == NULL)
            fail_msg("%s: %s", fault.text, line);
        json_array_append_new(access->lines, object);
    }
    fclose(file);
    unlink(access->path);
}

static const char *text_of(const struct access_log *access, size_t line, const char *name)
{
    const char *text =
        json_string_value(json_object_get(json_array_get(access->lines, line), name));

    if (text == NULL)
        fail_msg("line %zu has no text %s", line, name);
    return text;
}

static double number_of(const struct access_log *access, size_t line, const char *name)
{
    json_t *number = json_object_get(json_array_get(access->lines, line), name);

    if (!json_is_number(number))
        fail_msg("line %zu has no number %s", line, name);
    return json_number_value(number);
}

/* ---- lines */

static void test_access_line_says_how_a_call_went(void **state)
{
    struct stage *s = *state;
    struct access_log access;
    struct peer *client;

    begin_log(s, &access);
    client = stage_client_sends(
        s, "POST /later?secret HTTP/1.1\r\nHost: x\r\nContent-Length: 5\r\n\r\nhello");
    STAGE_AWAIT(s, s->waiting != NULL);
    exchange_set_name(s->waiting, "pin/add");
    exchange_answer(s->waiting, &(struct answer){.status = 200, .body = SLICE("hello, you\n")});
    peer_await(client, "hello, you\n");
    stage_await_ended(s, 1);
    end_log(s, &access);
    assert_int_equal(json_array_size(access.lines), 1);
    assert_string_equal(text_of(&access, 0, "client"), "127.0.0.1");
    assert_string_equal(text_of(&access, 0, "method"), "POST");
    assert_string_equal(text_of(&access, 0, "command"), "pin/add");
    assert_string_equal(text_of(&access, 0, "close"), "done");
    assert_int_equal(number_of(&access, 0, "status"), 200);
    assert_int_equal(number_of(&access, 0, "bytes_in"), 0); /* nobody read the body */
    assert_int_equal(number_of(&access, 0, "bytes_out"),
                     strlen(OK_HEAD "Content-Length: 11\r\n\r\nhello, you\n"));
    assert_int_equal(strlen(text_of(&access, 0, "id")), 20);
    assert_int_equal(strlen(text_of(&access, 0, "time")), strlen("2026-01-31T23:59:59.123Z"));
    assert_true(number_of(&access, 0, "upstream_ms") == 0);
    assert_null(json_object_get(json_array_get(access.lines, 0), "client_id"));
    json_decref(access.lines);
}

static void test_access_line_says_why_a_call_ended(void **state)
{
    struct stage *s = *state;
    struct access_log access;
    struct peer *client, *upstream;

    begin_log(s, &access);
    client = stage_client_sends(s, GET("/refuse"));
    peer_await(client, "not for you\n");
    stage_await_ended(s, 1);
    client = stage_client_sends(s, GET("/later"));
    STAGE_AWAIT(s, s->waiting != NULL);
    peer_reset(client);
    clock_advance_ms(3000);
    stage_await_ended(s, 2);
    client = stage_client_sends(s, GET("/read"));
    upstream = stage_accept(s);
    peer_await(upstream, "\r\n\r\n");
    stage_drop(s, upstream);
    peer_await(client, "HTTP/1.1 502 Bad Gateway\r\n");
    stage_await_ended(s, 3);
    client = stage_client_sends(s, "nonsense\r\n\r\n");
    peer_await(client, "HTTP/1.1 400 Bad Request\r\n");
    stage_await_ended(s, 4);
    end_log(s, &access);
    assert_int_equal(json_array_size(access.lines), 4);
    assert_string_equal(text_of(&access, 0, "close"), "refused");
    assert_int_equal(number_of(&access, 0, "status"), 403);
    assert_string_equal(text_of(&access, 1, "close"), "client_gone");
    assert_int_equal(number_of(&access, 1, "status"), 0); /* there was no reply */
    assert_string_equal(text_of(&access, 2, "close"), "upstream_closed");
    assert_int_equal(number_of(&access, 2, "status"), 502);
    assert_string_equal(text_of(&access, 3, "close"), "bad_request");
    assert_int_equal(number_of(&access, 3, "status"), 400);
    json_decref(access.lines);
}

static void test_access_line_has_the_times_of_a_relayed_call(void **state)
{
    struct stage *s = *state;
    struct access_log access;
    struct peer *client, *upstream;

    begin_log(s, &access);
    client = stage_client_sends(s, GET("/read"));
    upstream = stage_accept(s);
    peer_await(upstream, "\r\n\r\n");
    clock_advance_ms(2000);
    peer_send(upstream, "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\nab");
    peer_await(client, "ab");
    clock_advance_ms(3000);
    peer_send(upstream, "cd");
    peer_await(client, "cd");
    stage_await_ended(s, 1);
    end_log(s, &access);
    assert_true(number_of(&access, 0, "first_byte_ms") >= 2000);
    assert_true(number_of(&access, 0, "first_byte_ms") < 3000);
    assert_true(number_of(&access, 0, "total_ms") >= 5000);
    assert_true(number_of(&access, 0, "total_ms") < 6000);
    assert_true(number_of(&access, 0, "upstream_ms") >= 5000);
    assert_true(number_of(&access, 0, "upstream_ms") <= number_of(&access, 0, "total_ms"));
    assert_int_equal(number_of(&access, 0, "bytes_out"),
                     strlen(OK_HEAD "Content-Length: 4\r\n\r\nabcd"));
    json_decref(access.lines);
}

static void test_access_line_holds_a_clients_own_id_whatever_is_in_it(void **state)
{
    static const struct {
        const char *sent, *logged;
    } cases[] = {
        {"abc-1", "abc-1"},
        {"a\"b\\c", "a\"b\\c"},
        {"\",\"status\":999,\"x\":\"", "\",\"status\":999,\"x\":\""},
        {"a\tb", "a\tb"},
        {"\xc3\xa4", "\xc3\x83\xc2\xa4"}, /* byte by byte */
    };
    struct stage *s = *state;
    struct access_log access;
    struct text longest = {0};
    size_t i;

    begin_log(s, &access);
    for (i = 0; i < ARRAY_SIZE(cases); i++) {
        struct text request = {0};

        text_put_format(&request,
                        "GET /answer HTTP/1.1\r\nHost: x\r\nX-Request-Id: %s\r\n"
                        "Connection: close\r\n\r\n",
                        cases[i].sent);
        peer_await(stage_client_sends(s, request.data), "hello\n");
        text_dispose(&request);
    }
    text_put_text(&longest, "GET /answer HTTP/1.1\r\nHost: x\r\nX-Request-Id: ");
    for (int n = 0; n < 4000; n++)
        text_put_char(&longest, '\xff');
    text_put_text(&longest, "\r\n\r\n");
    peer_await(stage_client_sends(s, longest.data), "hello\n");
    text_dispose(&longest);
    stage_await_ended(s, ARRAY_SIZE(cases) + 1);
    end_log(s, &access);
    assert_int_equal(json_array_size(access.lines), ARRAY_SIZE(cases) + 1);
    for (i = 0; i < ARRAY_SIZE(cases); i++) {
        assert_string_equal(text_of(&access, i, "client_id"), cases[i].logged);
        assert_int_equal(number_of(&access, i, "status"), 200);
    }
    assert_true(strlen(text_of(&access, i, "client_id")) >= 32); /* cut, not left out */
    json_decref(access.lines);
}

static void test_access_line_names_no_method_of_a_clients_own(void **state)
{
    struct stage *s = *state;
    struct access_log access;

    begin_log(s, &access);
    peer_await(stage_client_sends(s, "SECRET /answer HTTP/1.1\r\nHost: x\r\n\r\n"), "hello\n");
    stage_await_ended(s, 1);
    end_log(s, &access);
    assert_string_equal(text_of(&access, 0, "method"), "other");
    json_decref(access.lines);
}

static void test_access_line_of_a_unix_client_says_so(void **state)
{
    struct stage *s = *state;
    struct access_log access;
    struct peer *client;

    begin_log(s, &access);
    client = stage_unix_client(s);
    peer_send(client, GET("/answer"));
    peer_await(client, "hello\n");
    stage_await_ended(s, 1);
    end_log(s, &access);
    assert_string_equal(text_of(&access, 0, "client"), "unix");
    json_decref(access.lines);
}

static void test_access_log_that_is_off_costs_no_line_but_counts(void **state)
{
    struct stage *s = *state;
    struct access_log access;

    begin_log(s, &access);
    s->options.no_access_log = true;
    peer_await(stage_client_sends(s, GET("/answer")), "hello\n");
    stage_await_ended(s, 1);
    end_log(s, &access);
    assert_int_equal(json_array_size(access.lines), 0);
    assert_int_equal(s->server->counters.statuses[2], 1);
    json_decref(access.lines);
}

/* ---- counters */

static uint64_t sum(const uint64_t *numbers, size_t count)
{
    uint64_t result = 0;

    for (size_t i = 0; i < count; i++)
        result += numbers[i];
    return result;
}

static void test_access_counts_statuses_reasons_and_bytes(void **state)
{
    struct stage *s = *state;
    struct server_counters *counters;
    uint64_t first;

    peer_await(stage_client_sends(s, GET("/answer")), "hello\n");
    stage_await_ended(s, 1);
    first = s->server->counters.bytes_out;
    assert_int_equal(first, strlen(OK_HEAD "Content-Type: text/plain\r\nContent-Length: 6\r\n\r\n"
                                           "hello\n"));
    peer_await(stage_client_sends(s, GET("/refuse")), "not for you\n");
    peer_await(
        stage_client_sends(s, "POST /collect HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\n\r\nabc"),
        "abc");
    stage_await_ended(s, 3);
    counters = &s->server->counters;
    assert_int_equal(counters->statuses[2], 2);
    assert_int_equal(counters->statuses[4], 1);
    assert_int_equal(sum(counters->statuses, ARRAY_SIZE(counters->statuses)), 3);
    assert_int_equal(counters->closes[CLOSE_DONE], 2);
    assert_int_equal(counters->closes[CLOSE_REFUSED], 1);
    assert_int_equal(counters->bytes_in, 3);
    assert_true(counters->bytes_out > 3 * first - 6);
}

static void test_access_counts_durations_in_buckets(void **state)
{
    static const struct {
        unsigned ms;
        size_t bucket; /* its bound is the first that is not below */
    } cases[] = {{60, 6}, {600, 8}, {5000, 9}, {30000, 10}, {120000, 11}, {700000, 12}};
    struct stage *s = *state;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct peer *client = stage_client_sends(s, GET("/later"));

        STAGE_AWAIT(s, s->waiting != NULL);
        clock_advance_ms(cases[i].ms);
        exchange_answer(s->waiting, &(struct answer){.status = 204});
        peer_await(client, "HTTP/1.1 204 No Content\r\n");
        stage_await_ended(s, (unsigned)i + 1);
        assert_int_equal(s->server->counters.durations[cases[i].bucket], 1);
        assert_int_equal(sum(s->server->counters.durations, DURATION_BUCKETS + 1), i + 1);
    }
    assert_true(s->server->counters.duration_us_sum > 855660000);
    assert_true(s->server->counters.duration_us_sum < 870000000);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STAGE_TEST(test_access_line_says_how_a_call_went),
        STAGE_TEST(test_access_line_says_why_a_call_ended),
        STAGE_TEST(test_access_line_has_the_times_of_a_relayed_call),
        STAGE_TEST(test_access_line_holds_a_clients_own_id_whatever_is_in_it),
        STAGE_TEST(test_access_line_names_no_method_of_a_clients_own),
        STAGE_TEST(test_access_line_of_a_unix_client_says_so),
        STAGE_TEST(test_access_log_that_is_off_costs_no_line_but_counts),
        STAGE_TEST(test_access_counts_statuses_reasons_and_bytes),
        STAGE_TEST(test_access_counts_durations_in_buckets),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
