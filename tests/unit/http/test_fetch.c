// SPDX-License-Identifier: Apache-2.0
/* Requests of our own whose replies are read whole. */
#include "http/fetch.h"
#include "stage.h"

#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#define HEAD    "POST /x HTTP/1.1\r\nHost: up\r\n"
#define REQUEST HEAD "Content-Length: 0\r\n\r\n"
#define REPLY   "HTTP/1.1 200 OK\r\n"
#define OK      REPLY "Content-Length: 2\r\n\r\nok"

enum { REPLY_MAX = 100, TIMEOUT_MS = 20000 };

struct fixture {
    struct stage *stage;
    struct fetch_request request;
    struct fetch *fetch;
    unsigned int calls;
    bool is_starting;
    int status;
    struct text body;
    struct text trailers;
    struct error err;
    bool is_handed_on; /* content is to come as it comes */
    uint64_t silence_ms;
    unsigned int pieces;
    unsigned int cancel_at; /* this piece; 0: never */
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    void *stage;

    stage_setup(&stage);
    f->stage = stage;
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    void *stage = f->stage;

    text_dispose(&f->body);
    text_dispose(&f->trailers);
    free(f);
    return stage_teardown(&stage);
}

static void on_done(void *f_, const struct fetch_reply *reply, const struct error *err)
{
    struct fixture *f = f_;

    assert_false(f->is_starting);
    f->calls++;
    f->fetch = NULL;
    text_clear(&f->body);
    f->err = (struct error){0};
    f->status = 0;
    if (reply == NULL) {
        f->err = *err;
        return;
    }
    assert_null(err);
    f->status = reply->status;
    text_put_slice(&f->body, reply->body);
    text_put(&f->body, "", 0);
    text_clear(&f->trailers);
    text_put_slice(&f->trailers, reply->trailers);
    text_put(&f->trailers, "", 0);
}

static void on_content(void *f_, struct slice content)
{
    struct fixture *f = f_;

    assert_int_equal(f->calls, 0);
    assert_true(content.size > 0);
    text_put_slice(&f->body, content);
    if (++f->pieces == f->cancel_at)
        fetch_cancel(&f->fetch);
}

static bool start_with(struct fixture *f, const char *body)
{
    bool started;

    stage_start(f->stage);
    f->request = (struct fetch_request){
        .loop = f->stage->loop,
        .pool = f->stage->pool,
        .pipes = f->stage->server->pipes,
        .head = SLICE(HEAD),
        .body = slice_of(body),
        .reply_max = REPLY_MAX,
        .timeout_ms = f->silence_ms > 0 ? 0 : TIMEOUT_MS,
        .silence_ms = f->silence_ms,
        .on_content = f->is_handed_on ? on_content : NULL,
    };
    f->err = (struct error){0};
    f->is_starting = true;
    started = fetch_start(&f->fetch, &f->request, on_done, f, &f->err);
    f->is_starting = false;
    return started;
}

/* Starts one; the upstream's end of its connection. */
static struct peer *start(struct fixture *f)
{
    struct peer *upstream;

    f->calls = 0;
    assert_true(start_with(f, ""));
    upstream = stage_accept(f->stage);
    peer_expect(upstream, REQUEST);
    return upstream;
}

static void await_done(struct fixture *f)
{
    STAGE_AWAIT(f->stage, f->calls > 0);
    turn_for(f->stage->loop, 5);
    assert_int_equal(f->calls, 1);
}

static void expect_failure(struct fixture *f, enum error_code code, const char *word)
{
    await_done(f);
    assert_int_equal(f->err.code, code);
    if (strstr(f->err.text, word) == NULL)
        fail_msg("'%s' is not in '%s'", word, f->err.text);
}

/* ---- success */

static void test_fetch_returns_the_whole_reply(void **state)
{
    static const struct {
        const char *reply;
        bool closes;
        int status;
        const char *body;
    } cases[] = {
        {OK, false, 200, "ok"},
        {REPLY "Content-Length: 0\r\n\r\n", false, 200, ""},
        {"HTTP/1.1 204 No Content\r\n\r\n", false, 204, ""},
        {REPLY "Transfer-Encoding: chunked\r\n\r\n1\r\no\r\n1\r\nk\r\n0\r\n\r\n", false, 200, "ok"},
        {REPLY "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\nT: x\r\n\r\n", false, 200, "ok"},
        {REPLY "Connection: close\r\n\r\nok", true, 200, "ok"},
        {"HTTP/1.0 200 OK\r\n\r\nok", true, 200, "ok"},
        {"HTTP/1.1 100 Continue\r\n\r\n" OK, false, 200, "ok"},
        {"HTTP/1.1 500 No\r\nContent-Length: 2\r\n\r\n{}", false, 500, "{}"},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct peer *upstream = start(f);

        peer_send(upstream, cases[i].reply);
        if (cases[i].closes)
            peer_close(upstream);
        await_done(f);
        assert_int_equal(f->err.code, ERROR_NONE);
        assert_int_equal(f->status, cases[i].status);
        assert_string_equal(f->body.data == NULL ? "" : f->body.data, cases[i].body);
        stage_drop(f->stage, upstream);
        turn_for(f->stage->loop, 2);
    }
}

static void test_fetch_reads_a_reply_that_comes_byte_by_byte(void **state)
{
    static const char reply[] =
        "HTTP/1.1 103 Early\r\n\r\n" REPLY "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n0\r\n\r\n";
    struct fixture *f = *state;
    struct peer *upstream = start(f);

    for (const char *p = reply; *p != '\0'; p++) {
        peer_send_bytes(upstream, p, 1);
        loop_turn(f->stage->loop, 1);
    }
    await_done(f);
    assert_string_equal(f->body.data, "ok");
}

static void test_fetch_sends_a_body(void **state)
{
    struct fixture *f = *state;
    struct peer *upstream;

    assert_true(start_with(f, "{\"a\":1}"));
    upstream = stage_accept(f->stage);
    peer_expect(upstream, HEAD "Content-Length: 7\r\n\r\n{\"a\":1}");
    peer_send(upstream, OK);
    await_done(f);
}

static void test_fetch_waits_for_room_to_send(void **state)
{
    enum { SIZE = 8 * 1024 * 1024 };
    struct fixture *f = *state;
    struct peer *upstream;
    char *body = malloc(SIZE + 1);

    memset(body, 'x', SIZE);
    body[SIZE] = '\0';
    assert_true(start_with(f, body));
    free(body); /* it was copied */
    upstream = stage_accept(f->stage);
    turn_for(f->stage->loop, 5);
    assert_int_equal(f->calls, 0);
    STAGE_AWAIT(f->stage, (peer_read(upstream), upstream->got.size >= SIZE));
    peer_send(upstream, OK);
    await_done(f);
    assert_int_equal(f->status, 200);
}

static void test_fetch_uses_a_connection_again(void **state)
{
    struct fixture *f = *state;
    struct peer *upstream = start(f);

    peer_send(upstream, OK);
    await_done(f);
    f->calls = 0;
    assert_true(start_with(f, ""));
    peer_expect(upstream, REQUEST);
    assert_int_equal(f->calls, 0);
    peer_send(upstream, OK);
    await_done(f);
    assert_int_equal(f->status, 200);
}

static void test_fetch_uses_no_connection_that_may_be_closed_or_out_of_step(void **state)
{
    static const struct {
        const char *reply;
        uint64_t later_ms;
    } cases[] = {
        {REPLY "Connection: close\r\nContent-Length: 2\r\n\r\nok", 0},
        {OK "HTTP/1.1 200 OK\r\nContent-Length: 6\r\n\r\npoison", 0},
        {OK, 1100}, /* idle for longer than nobody's close can be on its way */
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct peer *upstream = start(f);

        peer_send(upstream, cases[i].reply);
        await_done(f);
        assert_string_equal(f->body.data, "ok");
        clock_advance_ms(cases[i].later_ms);
        loop_turn(f->stage->loop, 1);
        f->calls = 0;
        assert_true(start_with(f, ""));
        peer_expect(stage_accept(f->stage), REQUEST); /* a fresh one */
        fetch_cancel(&f->fetch);
    }
}

/* ---- refused, failed, too late */

static void test_fetch_that_cannot_start_never_calls_back(void **state)
{
    struct fixture *f = *state;

    assert_true(address_parse(&f->stage->upstream.address, SLICE("unix:/nowhere/socket"), NULL));
    assert_false(start_with(f, ""));
    assert_int_equal(f->err.code, ERROR_IO);
    assert_non_null(strstr(f->err.text, "/nowhere/socket"));
    turn_for(f->stage->loop, 5);
    assert_int_equal(f->calls, 0);
}

static void test_fetch_tells_that_nobody_listens(void **state)
{
    struct fixture *f = *state;

    close(f->stage->upstream_fd);
    f->stage->upstream_fd = -1;
    if (start_with(f, ""))
        expect_failure(f, ERROR_IO, "refused");
    else
        assert_int_equal(f->err.code, ERROR_IO);
}

static void test_fetch_fails_over_a_broken_reply(void **state)
{
    static const struct {
        const char *reply;
        enum error_code code;
        const char *word;
    } cases[] = {
        {"", ERROR_IO, "closed before"},
        {"HTTP/1.1 200 OK\r\nContent-", ERROR_IO, "closed before"},
        {REPLY "Content-Length: 5\r\n\r\nok", ERROR_IO, "closed before"},
        {REPLY "Transfer-Encoding: chunked\r\n\r\n2\r\nok\r\n", ERROR_IO, "closed before"},
        {"SSH-2.0-x\r\n\r\n", ERROR_SYNTAX, ""},
        {REPLY "Content-Length: 2\r\nContent-Length: 3\r\n\r\nok", ERROR_SYNTAX, ""},
        {REPLY "Transfer-Encoding: chunked\r\n\r\nzz\r\nok\r\n0\r\n\r\n", ERROR_SYNTAX, ""},
    };
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct peer *upstream = start(f);

        peer_send(upstream, cases[i].reply);
        peer_close(upstream);
        expect_failure(f, cases[i].code, cases[i].word);
        stage_drop(f->stage, upstream);
    }
}

static void test_fetch_fails_when_the_connection_is_reset(void **state)
{
    struct fixture *f = *state;
    struct peer *upstream = start(f);

    peer_send(upstream, REPLY "Content-Length: 5\r\n\r\nok");
    turn_for(f->stage->loop, 5);
    peer_reset(upstream);
    expect_failure(f, ERROR_IO, "closed before");
}

static void test_fetch_reads_no_more_than_was_expected(void **state)
{
    struct fixture *f = *state;
    struct peer *upstream = start(f);

    peer_send(upstream, REPLY "Transfer-Encoding: chunked\r\n\r\n");
    for (int i = 0; i < 11; i++)
        peer_send(upstream, "a\r\n0123456789\r\n");
    expect_failure(f, ERROR_LIMIT, "larger");
    upstream = start(f);
    peer_send(upstream, REPLY "Content-Length: 101\r\n\r\n");
    expect_failure(f, ERROR_LIMIT, "larger");
}

static void test_fetch_takes_no_endless_head(void **state)
{
    struct fixture *f = *state;
    struct peer *upstream = start(f);

    peer_send(upstream, "HTTP/1.1 100 Continue\r\n\r\n" REPLY);
    peer_send(upstream, "X-Line: ");
    for (int i = 0; i < 20000 && f->calls == 0; i++) {
        peer_push(upstream, "of a head ", 10);
        loop_turn(f->stage->loop, 0);
    }
    expect_failure(f, ERROR_SYNTAX, "too large");
}

static void test_fetch_gives_up_in_time(void **state)
{
    static const char *const said[] = {"", "HTTP/1.1 100 Continue\r\n\r\n",
                                       REPLY "Content-Length: 5\r\n\r\nok"};
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_SIZE(said); i++) {
        struct peer *upstream = start(f);

        peer_send(upstream, said[i]);
        clock_advance_ms(TIMEOUT_MS / 2); /* the other half is the machine's */
        turn_for(f->stage->loop, 5);
        assert_int_equal(f->calls, 0);
        clock_advance_ms(TIMEOUT_MS);
        expect_failure(f, ERROR_TIMEOUT, "no answer in time");
        peer_await_gone(upstream);
    }
}

/* ---- cancelled */

static void test_fetch_that_is_cancelled_calls_nobody(void **state)
{
    static const char *const said[] = {"", "HTTP/1.1 200 OK\r\n",
                                       REPLY "Content-Length: 5\r\n\r\nok"};
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_SIZE(said); i++) {
        struct peer *upstream = start(f);

        peer_send(upstream, said[i]);
        turn_for(f->stage->loop, 5);
        fetch_cancel(&f->fetch);
        assert_null(f->fetch);
        peer_await_gone(upstream);
        clock_advance_ms(2 * TIMEOUT_MS);
        turn_for(f->stage->loop, 5);
        assert_int_equal(f->calls, 0);
    }
    fetch_cancel(&f->fetch); /* none is fine */
}

static void test_fetch_can_be_cancelled_while_it_connects(void **state)
{
    struct fixture *f = *state;

    assert_true(start_with(f, ""));
    fetch_cancel(&f->fetch);
    clock_advance_ms(2 * TIMEOUT_MS);
    turn_for(f->stage->loop, 5);
    assert_int_equal(f->calls, 0);
}

/* ---- content that is handed on */

static void test_fetch_hands_content_on_as_it_comes(void **state)
{
    struct fixture *f = *state;
    struct peer *upstream;

    f->is_handed_on = true;
    upstream = start(f);
    peer_send(upstream, REPLY "Trailer: X-Error\r\nTransfer-Encoding: chunked\r\n\r\n3\r\nabc\r\n");
    STAGE_AWAIT(f->stage, f->pieces == 1);
    for (int i = 0; i < 11; i++) /* more than would be kept */
        peer_send(upstream, "a\r\n0123456789\r\n");
    STAGE_AWAIT(f->stage, f->body.size == 113);
    assert_int_equal(f->calls, 0);
    peer_send(upstream, "0\r\nX-Error: it broke\r\n\r\n");
    await_done(f);
    assert_int_equal(f->status, 200);
    assert_int_equal(f->body.size, 0); /* all of it was handed on */
    assert_string_equal(f->trailers.data, "X-Error: it broke\r\n");
}

static void test_fetch_keeps_the_content_of_a_refusal(void **state)
{
    struct fixture *f = *state;
    struct peer *upstream;

    f->is_handed_on = true;
    upstream = start(f);
    peer_send(upstream, "HTTP/1.1 500 No\r\nConnection: close\r\nContent-Length: 2\r\n\r\n{}");
    await_done(f);
    assert_int_equal(f->pieces, 0);
    assert_string_equal(f->body.data, "{}");
    upstream = start(f);
    peer_send(upstream, "HTTP/1.1 500 No\r\nContent-Length: 101\r\n\r\n");
    expect_failure(f, ERROR_LIMIT, "larger");
}

static void test_fetch_can_be_cancelled_by_who_gets_its_content(void **state)
{
    struct fixture *f = *state;
    struct peer *upstream;

    f->is_handed_on = true;
    f->cancel_at = 1;
    upstream = start(f);
    peer_send(upstream, OK); /* all in one read: its end is never seen */
    peer_await_gone(upstream);
    turn_for(f->stage->loop, 5);
    assert_null(f->fetch);
    assert_int_equal(f->pieces, 1);
    assert_int_equal(f->calls, 0);
}

static void test_fetch_gives_a_silent_peer_up_but_not_a_slow_one(void **state)
{
    struct fixture *f = *state;
    struct peer *upstream;

    f->is_handed_on = true;
    f->silence_ms = 500;
    upstream = start(f);
    for (unsigned int i = 1; i <= 5; i++) {
        clock_advance_ms(450);
        peer_send(upstream, i == 1 ? REPLY "Content-Length: 99\r\n\r\n" : "x");
        STAGE_AWAIT(f->stage, f->pieces == i - 1);
        turn_for(f->stage->loop, 2);
        assert_int_equal(f->calls, 0);
    }
    clock_advance_ms(550);
    expect_failure(f, ERROR_TIMEOUT, "silent");
    peer_await_gone(upstream);
}

#define FETCH_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        FETCH_TEST(test_fetch_returns_the_whole_reply),
        FETCH_TEST(test_fetch_reads_a_reply_that_comes_byte_by_byte),
        FETCH_TEST(test_fetch_sends_a_body),
        FETCH_TEST(test_fetch_waits_for_room_to_send),
        FETCH_TEST(test_fetch_uses_a_connection_again),
        FETCH_TEST(test_fetch_uses_no_connection_that_may_be_closed_or_out_of_step),
        FETCH_TEST(test_fetch_that_cannot_start_never_calls_back),
        FETCH_TEST(test_fetch_tells_that_nobody_listens),
        FETCH_TEST(test_fetch_fails_over_a_broken_reply),
        FETCH_TEST(test_fetch_fails_when_the_connection_is_reset),
        FETCH_TEST(test_fetch_reads_no_more_than_was_expected),
        FETCH_TEST(test_fetch_takes_no_endless_head),
        FETCH_TEST(test_fetch_gives_up_in_time),
        FETCH_TEST(test_fetch_that_is_cancelled_calls_nobody),
        FETCH_TEST(test_fetch_can_be_cancelled_while_it_connects),
        FETCH_TEST(test_fetch_hands_content_on_as_it_comes),
        FETCH_TEST(test_fetch_keeps_the_content_of_a_refusal),
        FETCH_TEST(test_fetch_can_be_cancelled_by_who_gets_its_content),
        FETCH_TEST(test_fetch_gives_a_silent_peer_up_but_not_a_slow_one),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
