// SPDX-License-Identifier: Apache-2.0
/* Names looked up at a Kubo node that the test plays. */
#include "kubo_stage.h"

#include "ipfs/ndjson.h"

#include <stdio.h>
#include <stdlib.h>

#define NAME   "/ipns/a.example"
#define PATH   "/ipfs/QmUNLLsPACCz1vLxQVkXqqLX5R1X345qqfHbsf67hvA3Nn"
#define TARGET "/api/v0/resolve?arg=/ipns/a.example&recursive=true&timeout=100000ms"
#define EMPTY  "Content-Length: 0\r\n\r\n"

struct fixture {
    void *base;
    struct kubo_stage *s;
    struct operation *resolving;
    bool is_starting;
    unsigned int calls;
    char path[200];
    struct error err;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));

    kubo_stage_setup(&f->base);
    f->s = f->base;
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    void *base = f->base;

    free(f);
    return kubo_stage_teardown(&base);
}

static void on_resolved(void *f_, const struct operation_result *result, const struct error *err)
{
    struct fixture *f = f_;

    assert_false(f->is_starting);
    f->calls++;
    f->resolving = NULL;
    assert_true((result->path.data == NULL) == (err != NULL));
    snprintf(f->path, sizeof(f->path), "%.*s", (int)result->path.size,
             err == NULL ? result->path.data : "");
    f->err = err == NULL ? (struct error){0} : *err;
}

static bool start(struct fixture *f, const char *name, bool offline)
{
    bool started;

    kubo_stage_start(f->s);
    f->calls = 0;
    f->err = (struct error){0};
    f->is_starting = true;
    started = upstream_resolve(f->s->kubo, &f->resolving, slice_of(name), 100000, offline,
                               on_resolved, f, &f->err);
    f->is_starting = false;
    return started;
}

static struct peer *ask(struct fixture *f)
{
    assert_true(start(f, NAME, false));
    return kubo_stage_expect(f->s, TARGET, EMPTY);
}

static void answer(struct peer *node, const char *status, const char *body)
{
    char head[100];

    snprintf(head, sizeof(head), "HTTP/1.1 %s\r\nConnection: close\r\nContent-Length: %zu\r\n\r\n",
             status, strlen(body));
    peer_send(node, head);
    peer_send(node, body);
}

static void await(struct fixture *f)
{
    STAGE_AWAIT(f->s->stage, f->calls > 0);
    turn_for(f->s->stage->loop, 2);
    assert_int_equal(f->calls, 1);
}

static void test_kubo_resolve_gives_the_path(void **state)
{
    struct fixture *f = *state;

    answer(ask(f), "200 OK", "{\"Path\":\"" PATH "\"}\n");
    await(f);
    assert_int_equal(f->err.code, ERROR_NONE);
    assert_string_equal(f->path, PATH);
    answer(ask(f), "200 OK", "{\"Path\":\"" PATH "/a\\u0026b \\\"c\\\"\"}");
    await(f);
    assert_string_equal(f->path, PATH "/a&b \"c\"");
}

static void test_kubo_resolve_asks_what_the_node_knows(void **state)
{
    struct fixture *f = *state;

    assert_true(start(f, "ipns://a.example/b c", true));
    answer(kubo_stage_expect(f->s,
                             "/api/v0/resolve?arg=ipns://a.example/b%20c&offline=true"
                             "&recursive=true&timeout=100000ms",
                             EMPTY),
           "200 OK", "{\"Path\":\"" PATH "\"}");
    await(f);
}

static void test_kubo_resolve_fails_as_the_node_does(void **state)
{
    static const struct {
        const char *status, *body;
        enum error_code code;
        const char *text;
    } cases[] = {
        {"500 Internal Server Error",
         "{\"Message\":\"could not resolve name\",\"Code\":0,\"Type\":\"error\"}",
         ERROR_UNSUPPORTED, "could not resolve name"},
        {"400 Bad Request", "{\"Message\":\"bad\",\"Code\":1,\"Type\":\"error\"}",
         ERROR_UNSUPPORTED, "bad"},
        {"403 Forbidden", "403 - Forbidden\n", ERROR_MISMATCH, "authorization_file"},
        {"401 Unauthorized", "{\"Message\":\"no\"}", ERROR_MISMATCH, "authorization_file"},
        {"301 Moved", "", ERROR_MISMATCH, "redirect"},
        {"200 OK", "", ERROR_MISMATCH, "without a path"},
        {"200 OK", "{\"Path\":\"/ipns/b.example\"}", ERROR_MISMATCH, "without a path"},
        {"200 OK", "{\"Path\":7}", ERROR_MISMATCH, "without a path"},
        {"200 OK", "[]", ERROR_MISMATCH, "no JSON object"},
        {"200 OK", "{\"Path\":\"" PATH, ERROR_MISMATCH, "no JSON object"},
        {"404 Not Found", "404 page not found\n", ERROR_MISMATCH, "answered 404"},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        answer(ask(f), cases[i].status, cases[i].body);
        await(f);
        assert_int_equal(f->err.code, cases[i].code);
        if (strstr(f->err.text, cases[i].text) == NULL)
            fail_msg("'%s' is not in '%s'", cases[i].text, f->err.text);
    }
}

static void test_kubo_resolve_that_cannot_start_never_calls_back(void **state)
{
    struct fixture *f = *state;

    assert_true(address_parse(&f->s->stage->upstream.address, SLICE("unix:/nowhere/socket"), NULL));
    assert_false(start(f, NAME, false));
    assert_int_equal(f->err.code, ERROR_IO);
    f->err = (struct error){0};
    assert_false(start(f, "no path", false));
    assert_int_equal(f->err.code, ERROR_UNSUPPORTED);
    turn_for(f->s->stage->loop, 5);
    assert_int_equal(f->calls, 0);
}

static void test_kubo_resolve_gives_up_a_little_after_the_node_should_have(void **state)
{
    struct fixture *f = *state;
    struct peer *node = ask(f);

    clock_advance_ms(101000);
    turn_for(f->s->stage->loop, 5);
    assert_int_equal(f->calls, 0);
    clock_advance_ms(4100);
    await(f);
    assert_int_equal(f->err.code, ERROR_TIMEOUT);
    peer_await_gone(node);
}

static void test_kubo_resolve_that_is_cancelled_calls_nobody(void **state)
{
    struct fixture *f = *state;
    struct peer *node = ask(f);

    peer_send(node, "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{");
    turn_for(f->s->stage->loop, 5);
    upstream_cancel(&f->resolving);
    assert_null(f->resolving);
    peer_await_gone(node);
    clock_advance_ms(500000);
    turn_for(f->s->stage->loop, 5);
    assert_int_equal(f->calls, 0);
    upstream_cancel(&f->resolving);
}

static void test_kubo_resolve_fails_when_the_node_goes_midway(void **state)
{
    struct fixture *f = *state;
    struct peer *node = ask(f);

    peer_send(node, "HTTP/1.1 200 OK\r\nContent-Length: 99\r\n\r\n{\"Path\":\"" PATH "\"}");
    peer_close(node);
    await(f);
    assert_int_equal(f->err.code, ERROR_IO);
}

static void test_kubo_resolve_reads_no_endless_line(void **state)
{
    static const char start[] = "{\"Path\":";
    static char line[NDJSON_LINE_MAX + 3];
    struct fixture *f = *state;
    struct peer *node = ask(f);

    memset(line, ' ', sizeof(line) - 1);
    memcpy(line, start, sizeof(start) - 1);
    line[sizeof(line) - 2] = '\n';
    peer_send(node, "HTTP/1.1 200 OK\r\nContent-Length: 100000\r\n\r\n");
    peer_send(node, line);
    await(f);
    assert_int_equal(f->err.code, ERROR_MISMATCH);
    assert_non_null(strstr(f->err.text, "too long"));
}

#define RESOLVE_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        RESOLVE_TEST(test_kubo_resolve_gives_the_path),
        RESOLVE_TEST(test_kubo_resolve_asks_what_the_node_knows),
        RESOLVE_TEST(test_kubo_resolve_fails_as_the_node_does),
        RESOLVE_TEST(test_kubo_resolve_that_cannot_start_never_calls_back),
        RESOLVE_TEST(test_kubo_resolve_gives_up_a_little_after_the_node_should_have),
        RESOLVE_TEST(test_kubo_resolve_that_is_cancelled_calls_nobody),
        RESOLVE_TEST(test_kubo_resolve_fails_when_the_node_goes_midway),
        RESOLVE_TEST(test_kubo_resolve_reads_no_endless_line),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
