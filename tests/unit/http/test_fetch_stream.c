// SPDX-License-Identifier: Apache-2.0
/* Requests that are made piece by piece or sent again, replies whose content has to wait, and
 * headers. */
#include "http/fetch.h"
#include "stage.h"

#include <stdlib.h>
#include <sys/socket.h>

#define HEAD    "PUT /x HTTP/1.1\r\nHost: up\r\n"
#define CHUNKED HEAD "Transfer-Encoding: chunked\r\n\r\n"
#define EMPTY   HEAD "Content-Length: 0\r\n\r\n"
#define REPLY   "HTTP/1.1 200 OK\r\n"
#define OK      REPLY "Content-Length: 2\r\n\r\nok"

enum { KIB = 1024, MIB = 1024 * 1024, SILENCE_MS = 3000 };

struct fixture {
    struct stage *stage;
    struct fetch_request request;
    struct fetch *fetch;
    unsigned int calls;
    int status;
    struct text body, headers;
    struct error err;
    /* of the request's body: each step is asked for once */
    const char *steps; /* m: more, M: 64 KiB more, w: wait, e: end, b: break */
    unsigned int produced;
    bool asks_at_once; /* for more, from inside */
    /* of the reply's content */
    unsigned int pieces;
    unsigned int pause_at;  /* behind this piece; 0: never */
    unsigned int cancel_at; /* likewise */
    int status_seen;
};

static void on_done(void *f_, const struct fetch_reply *reply, const struct error *err)
{
    struct fixture *f = f_;

    f->calls++;
    f->fetch = NULL;
    f->err = err == NULL ? (struct error){0} : *err;
    f->status = reply == NULL ? 0 : reply->status;
    if (reply == NULL)
        return;
    text_put_slice(&f->body, reply->body);
    text_clear(&f->headers);
    text_put_slice(&f->headers, reply->headers);
}

static enum produce_result produce(void *f_, struct text *out)
{
    static const char many[64 * KIB];
    struct fixture *f = f_;

    assert_int_equal(f->calls, 0);
    f->produced++;
    switch (*f->steps++) {
    case 'm':
        text_put_slice(out, SLICE("abc"));
        return PRODUCE_MORE;
    case 'M':
        text_put(out, many, sizeof(many));
        f->steps--; /* for ever */
        return PRODUCE_MORE;
    case 'w':
        if (f->asks_at_once)
            fetch_produce_more(f->fetch);
        return PRODUCE_WAIT;
    case 'b':
        return PRODUCE_BREAK;
    default:
        text_put_slice(out, SLICE("end"));
        return PRODUCE_END;
    }
}

static void on_content(void *f_, struct slice content)
{
    struct fixture *f = f_;

    assert_int_equal(f->calls, 0);
    text_put_slice(&f->body, content);
    f->pieces++;
    f->status_seen = fetch_status(f->fetch);
    if (f->pieces == f->pause_at)
        fetch_pause(f->fetch);
    if (f->pieces == f->cancel_at)
        fetch_cancel(&f->fetch);
}

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    void *stage;

    stage_setup(&stage);
    f->stage = stage;
    f->steps = "";
    *state = f;
    stage_start(f->stage);
    f->request = (struct fetch_request){
        .loop = f->stage->loop,
        .pool = f->stage->pool,
        .pipes = f->stage->server->pipes,
        .head = SLICE(HEAD),
        .reply_max = 1000,
        .timeout_ms = 100000,
    };
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    void *stage = f->stage;

    fetch_cancel(&f->fetch);
    text_dispose(&f->body);
    text_dispose(&f->headers);
    free(f);
    return stage_teardown(&stage);
}

static void begin(struct fixture *f)
{
    struct error err = {0};

    f->calls = 0;
    text_clear(&f->body);
    assert_true(fetch_start(&f->fetch, &f->request, on_done, f, &err));
    assert_int_equal(f->calls, 0);
}

static struct peer *start(struct fixture *f)
{
    begin(f);
    return stage_accept(f->stage);
}

static struct peer *start_producing(struct fixture *f, const char *steps)
{
    f->steps = steps;
    f->produced = 0;
    f->request.produce = produce;
    f->request.produce_arg = f;
    return start(f);
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

static void expect_body(struct fixture *f, const char *body)
{
    text_put(&f->body, "", 1);
    assert_string_equal(f->body.data, body);
    f->body.size--;
}

/* ---- requests made piece by piece */

static void test_fetch_stream_sends_what_is_made(void **state)
{
    struct fixture *f = *state;
    struct peer *upstream = start_producing(f, "mme");

    peer_expect(upstream, CHUNKED "3\r\nabc\r\n3\r\nabc\r\n3\r\nend\r\n0\r\n\r\n");
    peer_send(upstream, OK);
    await_done(f);
    assert_int_equal(f->status, 200);
    f->steps = "me";
    f->request.has_length = true;
    f->request.length = 6;
    begin(f); /* on the same connection */
    peer_expect(upstream, HEAD "Content-Length: 6\r\n\r\nabcend");
    peer_send(upstream, OK);
    await_done(f);
    assert_int_equal(f->status, 200);
}

static void test_fetch_stream_waits_for_what_is_made(void **state)
{
    struct fixture *f = *state;
    struct peer *upstream = start_producing(f, "mwwme");

    peer_expect(upstream, CHUNKED "3\r\nabc\r\n");
    peer_expect_silence(upstream, 5);
    assert_int_equal(f->produced, 2);
    fetch_produce_more(f->fetch);
    fetch_produce_more(f->fetch); /* needless */
    turn_for(f->stage->loop, 5);
    assert_int_equal(f->produced, 3);
    fetch_produce_more(f->fetch);
    peer_expect(upstream, "3\r\nabc\r\n3\r\nend\r\n0\r\n\r\n");
    peer_send(upstream, OK);
    await_done(f);
    f->asks_at_once = true;
    f->steps = "wwe";
    begin(f);
    peer_expect(upstream, CHUNKED "3\r\nend\r\n0\r\n\r\n");
}

static void test_fetch_stream_makes_no_more_than_the_peer_takes(void **state)
{
    struct fixture *f = *state;
    struct peer *upstream = start_producing(f, "M");
    unsigned int made;

    turn_for(f->stage->loop, 50);
    made = f->produced;
    assert_true(made < 16 * MIB / (64 * KIB)); /* what the kernel takes */
    turn_for(f->stage->loop, 20);
    assert_int_equal(f->produced, made);
    for (int i = 0; i < 200; i++) {
        peer_read(upstream);
        text_clear(&upstream->got);
        loop_turn(f->stage->loop, 1);
    }
    assert_true(f->produced > made);
    fetch_cancel(&f->fetch);
    peer_await_gone(upstream);
    assert_int_equal(f->calls, 0);
}

static void test_fetch_stream_fails_when_what_is_made_breaks_off(void **state)
{
    static const struct {
        const char *steps;
        bool has_length;
    } cases[] = {{"mb", false}, {"mwb", false}, {"mmm", true}};
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct peer *upstream;

        f->request.has_length = cases[i].has_length;
        f->request.length = 8; /* and nine are made */
        upstream = start_producing(f, cases[i].steps);
        peer_await(upstream, "abc");
        if (f->fetch != NULL)
            fetch_produce_more(f->fetch);
        expect_failure(f, ERROR_CANCELED, "broke off");
        peer_await_gone(upstream);
        stage_drop(f->stage, upstream);
    }
}

static void test_fetch_stream_ends_with_a_reply_that_comes_first(void **state)
{
    struct fixture *f = *state;
    struct peer *upstream = start_producing(f, "mw");

    peer_await(upstream, "abc");
    peer_send(upstream, "HTTP/1.1 403 Forbidden\r\nContent-Length: 2\r\n\r\nno");
    await_done(f);
    assert_int_equal(f->status, 403);
    expect_body(f, "no");
    peer_await_gone(upstream); /* out of step: it is not used again */
}

static void test_fetch_stream_fails_when_the_peer_goes(void **state)
{
    struct fixture *f = *state;
    struct peer *upstream = start_producing(f, "mw");

    peer_await(upstream, "abc");
    peer_reset(upstream);
    expect_failure(f, ERROR_IO, "closed before");
    upstream = start_producing(f, "M");
    peer_await(upstream, "chunked");
    peer_close(upstream);
    expect_failure(f, ERROR_IO, "closed before");
}

/* Our end of the peer's connection. */
static int other_end(const struct peer *peer)
{
    struct sockaddr_storage of_peer, address;
    socklen_t size = sizeof(of_peer), found;

    assert_int_equal(getsockname(peer->fd, (struct sockaddr *)&of_peer, &size), 0);
    for (int fd = 3; fd < 1024; fd++) {
        found = sizeof(address);
        if (getpeername(fd, (struct sockaddr *)&address, &found) == 0 && found == size &&
            memcmp(&address, &of_peer, size) == 0)
            return fd;
    }
    fail_msg("nobody is connected to the peer");
    return -1;
}

/* A write that failed, and nothing to read that says so. */
static void test_fetch_stream_fails_when_only_its_write_does(void **state)
{
    struct fixture *f = *state;
    struct peer *upstream = start_producing(f, "mwmw");

    peer_await(upstream, "abc");
    assert_int_equal(shutdown(other_end(upstream), SHUT_WR), 0);
    fetch_produce_more(f->fetch);
    turn_for(f->stage->loop, 20);
    assert_int_equal(f->calls, 0); /* why may be said yet */
    fetch_produce_more(f->fetch);
    expect_failure(f, ERROR_IO, "broke while");
    upstream = start_producing(f, "mwmw");
    peer_await(upstream, "abc");
    assert_int_equal(shutdown(other_end(upstream), SHUT_WR), 0);
    fetch_produce_more(f->fetch);
    turn_for(f->stage->loop, 20);
    peer_send(upstream, "HTTP/1.1 413 Too Large\r\nContent-Length: 2\r\n\r\nno");
    await_done(f);
    assert_int_equal(f->status, 413);
}

static void test_fetch_stream_is_cancelled_while_it_waits(void **state)
{
    struct fixture *f = *state;
    struct peer *upstream = start_producing(f, "mw");

    peer_await(upstream, "abc");
    fetch_cancel(&f->fetch);
    peer_await_gone(upstream);
    turn_for(f->stage->loop, 5);
    assert_int_equal(f->calls, 0);
    assert_int_equal(f->produced, 2);
}

/* ---- silence: of the peer, not of ourselves */

static void test_fetch_stream_is_not_given_up_while_its_owner_is_waited_for(void **state)
{
    struct fixture *f = *state;
    struct peer *upstream;

    f->request.silence_ms = SILENCE_MS;
    upstream = start_producing(f, "mwmwe");
    for (int i = 0; i < 2; i++) {
        peer_await(upstream, "abc");
        clock_advance_ms(10 * SILENCE_MS);
        turn_for(f->stage->loop, 5);
        assert_int_equal(f->calls, 0);
        fetch_produce_more(f->fetch);
    }
    peer_await(upstream, "0\r\n\r\n");
    clock_advance_ms(SILENCE_MS / 2);
    turn_for(f->stage->loop, 5);
    assert_int_equal(f->calls, 0);
    clock_advance_ms(SILENCE_MS); /* now the peer has to say something */
    expect_failure(f, ERROR_TIMEOUT, "silent");
}

static void test_fetch_stream_is_given_up_when_the_peer_takes_nothing(void **state)
{
    struct fixture *f = *state;
    struct peer *upstream;

    f->request.silence_ms = SILENCE_MS;
    upstream = start_producing(f, "M");
    for (int i = 0; i < 5; i++) { /* it takes some now and then */
        turn_for(f->stage->loop, 10);
        clock_advance_ms(SILENCE_MS / 2);
        for (int n = 0; n < 50; n++) {
            peer_read(upstream);
            text_clear(&upstream->got);
            loop_turn(f->stage->loop, 1);
        }
        assert_int_equal(f->calls, 0);
    }
    turn_for(f->stage->loop, 10);
    clock_advance_ms(SILENCE_MS + 100);
    expect_failure(f, ERROR_TIMEOUT, "silent");
}

/* ---- content that waits */

static void test_fetch_stream_hands_nothing_on_while_paused(void **state)
{
    struct fixture *f = *state;
    struct peer *upstream;

    f->request.on_content = on_content;
    f->request.silence_ms = SILENCE_MS;
    f->pause_at = 1;
    upstream = start(f);
    peer_send(upstream, REPLY "Transfer-Encoding: chunked\r\n\r\n1\r\na\r\n1");
    STAGE_AWAIT(f->stage, f->pieces == 1);
    peer_send(upstream, "\r\nb\r\n2\r\ncd\r\n0\r\n\r\n");
    clock_advance_ms(10 * SILENCE_MS); /* that is no silence of the peer */
    turn_for(f->stage->loop, 5);
    assert_int_equal(f->pieces, 1);
    assert_int_equal(f->status_seen, 200);
    fetch_pause(f->fetch);
    f->pause_at = 2; /* the last piece; the end waits too */
    fetch_resume(f->fetch);
    assert_int_equal(f->pieces, 1); /* later */
    STAGE_AWAIT(f->stage, f->pieces == 2);
    turn_for(f->stage->loop, 5);
    assert_int_equal(f->calls, 0);
    fetch_resume(f->fetch);
    fetch_resume(f->fetch);
    await_done(f);
    assert_int_equal(f->status, 200);
    expect_body(f, "abcd");
}

/* What ends with the last piece of a known length does not end before it is resumed either. */
static void test_fetch_stream_ends_when_it_is_resumed(void **state)
{
    struct fixture *f = *state;
    struct peer *upstream;

    f->request.on_content = on_content;
    f->pause_at = 1;
    upstream = start(f);
    peer_send(upstream, OK);
    STAGE_AWAIT(f->stage, f->pieces == 1);
    turn_for(f->stage->loop, 5);
    assert_int_equal(f->calls, 0);
    fetch_resume(f->fetch);
    await_done(f);
    expect_body(f, "ok");
    begin(f); /* the connection is good for another */
    peer_expect(upstream, EMPTY EMPTY);
}

static void test_fetch_stream_reads_nothing_while_paused(void **state)
{
    static const char many[64 * KIB];
    struct fixture *f = *state;
    struct peer *upstream;
    size_t pushed = 0;

    f->request.on_content = on_content;
    upstream = start(f);
    peer_send(upstream, REPLY "Content-Length: 1000000000\r\n\r\n");
    turn_for(f->stage->loop, 5);
    fetch_pause(f->fetch);
    for (int i = 0; i < 500; i++) {
        pushed += peer_push(upstream, many, sizeof(many));
        loop_turn(f->stage->loop, 0);
    }
    assert_int_equal(f->pieces, 0);
    assert_true(pushed < 16 * MIB); /* what the kernel holds */
    fetch_resume(f->fetch);
    STAGE_AWAIT(f->stage, f->body.size == pushed);
    fetch_pause(f->fetch);
    peer_reset(upstream); /* nobody looks */
    turn_for(f->stage->loop, 5);
    fetch_resume(f->fetch);
    expect_failure(f, ERROR_IO, "closed before");
}

static void test_fetch_stream_is_cancelled_while_paused(void **state)
{
    struct fixture *f = *state;

    f->request.on_content = on_content;
    f->pause_at = f->cancel_at = 1; /* both, from inside */
    for (int i = 0; i < 2; i++) {
        struct peer *upstream = start(f);

        peer_send(upstream, OK);
        STAGE_AWAIT(f->stage, f->pieces == 1);
        f->cancel_at = 0;
        f->pieces = 0;
        fetch_cancel(&f->fetch); /* the second time: from outside */
        peer_await_gone(upstream);
        assert_int_equal(f->calls, 0);
    }
}

static void test_fetch_stream_gives_up_in_time_though_paused(void **state)
{
    struct fixture *f = *state;
    struct peer *upstream;

    f->request.on_content = on_content;
    f->pause_at = 1;
    upstream = start(f);
    peer_send(upstream, OK);
    STAGE_AWAIT(f->stage, f->pieces == 1);
    clock_advance_ms(101000);
    expect_failure(f, ERROR_TIMEOUT, "no answer in time");
}

/* ---- connections that are used again */

/* An idle connection, old enough that its peer may be about to close it. */
static struct peer *leave_idle(struct fixture *f)
{
    struct peer *upstream = start(f);

    peer_expect(upstream, EMPTY);
    peer_send(upstream, OK);
    await_done(f);
    clock_advance_ms(10000);
    loop_turn(f->stage->loop, 0);
    return upstream;
}

static void test_fetch_stream_uses_an_old_connection_if_it_may(void **state)
{
    static const struct {
        bool is_idempotent;
        uint64_t max_idle_ms;
        bool is_used;
    } cases[] = {{true, 0, true}, {false, 0, false}, {false, 20000, true}, {false, 5000, false}};
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct peer *idle = leave_idle(f);

        f->request.is_idempotent = cases[i].is_idempotent;
        f->request.max_idle_ms = cases[i].max_idle_ms;
        begin(f);
        if (!cases[i].is_used)
            peer_expect(stage_accept(f->stage), EMPTY);
        else
            peer_expect(idle, EMPTY);
        fetch_cancel(&f->fetch);
        f->request.is_idempotent = false;
        f->request.max_idle_ms = 0;
        stage_drop(f->stage, idle);
        turn_for(f->stage->loop, 2);
    }
}

static void test_fetch_stream_sends_what_may_be_sent_twice_twice(void **state)
{
    struct fixture *f = *state;
    struct peer *idle = leave_idle(f), *fresh;

    f->request.is_idempotent = true;
    f->request.body = SLICE("body");
    begin(f);
    peer_expect(idle, HEAD "Content-Length: 4\r\n\r\nbody");
    peer_close(idle);
    fresh = stage_accept(f->stage);
    peer_expect(fresh, HEAD "Content-Length: 4\r\n\r\nbody");
    peer_send(fresh, OK);
    await_done(f);
    assert_int_equal(f->status, 200);
}

static void test_fetch_stream_sends_nothing_a_third_time(void **state)
{
    struct fixture *f = *state;
    struct peer *idle = leave_idle(f), *fresh;

    f->request.is_idempotent = true;
    begin(f);
    peer_expect(idle, EMPTY);
    peer_close(idle);
    fresh = stage_accept(f->stage);
    peer_expect(fresh, EMPTY);
    peer_close(fresh);
    expect_failure(f, ERROR_IO, "closed before");
}

static void test_fetch_stream_sends_nothing_twice_that_must_not_be(void **state)
{
    static const struct {
        bool is_idempotent;
        const char *said;
    } cases[] = {{false, ""}, {true, "H"}};
    struct fixture *f = *state;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct peer *idle;

        f->request.is_idempotent = false;
        idle = leave_idle(f);
        f->request.is_idempotent = cases[i].is_idempotent;
        f->request.max_idle_ms = 20000;
        begin(f);
        peer_expect(idle, EMPTY);
        peer_send(idle, cases[i].said); /* a byte of a reply: it was heard */
        turn_for(f->stage->loop, 2);
        peer_close(idle);
        expect_failure(f, ERROR_IO, "closed before");
        stage_expect_no_dial(f->stage, 5);
    }
}

static void test_fetch_stream_can_be_cancelled_while_it_dials_again(void **state)
{
    struct fixture *f = *state;
    struct peer *idle = leave_idle(f);

    f->request.is_idempotent = true;
    begin(f);
    peer_expect(idle, EMPTY);
    peer_close(idle);
    for (int i = 0; i < 3; i++)
        loop_turn(f->stage->loop, 1);
    fetch_cancel(&f->fetch);
    turn_for(f->stage->loop, 5);
    assert_int_equal(f->calls, 0);
}

/* ---- what surrounds the body */

static void complete(void *f_, SSL *ssl, struct text *head, struct text *body)
{
    struct fixture *f = f_;

    assert_null(ssl);
    assert_int_equal(f->calls, 0);
    text_put_slice(head, SLICE("X-Proof: 1\r\n"));
    text_clear(body);
    text_put_slice(body, SLICE("anew"));
}

static void test_fetch_stream_completes_a_request_by_its_connection(void **state)
{
    struct fixture *f = *state;
    struct peer *upstream;

    f->request.complete = complete;
    f->request.body = SLICE("old");
    upstream = start(f);
    peer_expect(upstream, HEAD "X-Proof: 1\r\nContent-Length: 4\r\n\r\nanew");
}

static void expect_header(struct slice headers, const char *name, const char *value)
{
    struct slice found = header_value(headers, name);

    if (value == NULL)
        assert_null(found.data);
    else
        assert_true(slice_is(found, value));
}

static void test_fetch_stream_keeps_headers_if_told(void **state)
{
    struct fixture *f = *state;
    struct peer *upstream;

    f->request.keeps_headers = true;
    upstream = start(f);
    peer_send(upstream, "HTTP/1.1 103 Early\r\nX-Early: 1\r\n\r\n" REPLY
                        "Causeway-Signed:  a=b, c=d \r\nX-Empty:\r\nRetry-After: 5\r\n"
                        "retry-after: 6\r\nContent-Length: 2\r\n\r\nok");
    await_done(f);
    expect_header(text_slice(&f->headers), "causeway-signed", "a=b, c=d");
    expect_header(text_slice(&f->headers), "retry-after", "5");
    expect_header(text_slice(&f->headers), "x-empty", "");
    expect_header(text_slice(&f->headers), "x-early", NULL);
    expect_header(text_slice(&f->headers), "retry", NULL);
    expect_header(text_slice(&f->headers), "retry-after-that", NULL);
    expect_header((struct slice){0}, "x", NULL);
    f->request.keeps_headers = false;
    begin(f);
    peer_send(upstream, OK);
    await_done(f);
    assert_int_equal(f->headers.size, 0);
}

int main(void)
{
#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(test_fetch_stream_sends_what_is_made),
        TEST(test_fetch_stream_waits_for_what_is_made),
        TEST(test_fetch_stream_makes_no_more_than_the_peer_takes),
        TEST(test_fetch_stream_fails_when_what_is_made_breaks_off),
        TEST(test_fetch_stream_ends_with_a_reply_that_comes_first),
        TEST(test_fetch_stream_fails_when_the_peer_goes),
        TEST(test_fetch_stream_fails_when_only_its_write_does),
        TEST(test_fetch_stream_is_cancelled_while_it_waits),
        TEST(test_fetch_stream_is_not_given_up_while_its_owner_is_waited_for),
        TEST(test_fetch_stream_is_given_up_when_the_peer_takes_nothing),
        TEST(test_fetch_stream_hands_nothing_on_while_paused),
        TEST(test_fetch_stream_ends_when_it_is_resumed),
        TEST(test_fetch_stream_reads_nothing_while_paused),
        TEST(test_fetch_stream_is_cancelled_while_paused),
        TEST(test_fetch_stream_gives_up_in_time_though_paused),
        TEST(test_fetch_stream_uses_an_old_connection_if_it_may),
        TEST(test_fetch_stream_sends_what_may_be_sent_twice_twice),
        TEST(test_fetch_stream_sends_nothing_a_third_time),
        TEST(test_fetch_stream_sends_nothing_twice_that_must_not_be),
        TEST(test_fetch_stream_can_be_cancelled_while_it_dials_again),
        TEST(test_fetch_stream_completes_a_request_by_its_connection),
        TEST(test_fetch_stream_keeps_headers_if_told),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
