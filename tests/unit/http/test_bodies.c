// SPDX-License-Identifier: Apache-2.0
/* Bodies through a relay: framings, trailers, back-pressure, the early end of either side. */
#include "stage.h"

#include "http/framing.h"

#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>

#define POST     "POST /relay HTTP/1.1\r\nHost: x\r\n"
#define CHUNKED  "Transfer-Encoding: chunked\r\n"
#define REPLY    "HTTP/1.1 200 OK\r\n"
#define UPSTREAM "POST /relay HTTP/1.1\r\n"
#define OK_REPLY REPLY "Content-Length: 2\r\n\r\nok"

enum { KIB = 1024, MIB = 1024 * 1024 };

/* ---- counting writes */

ssize_t __real_sendmsg(int fd, const struct msghdr *message, int flags);
ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags);

static unsigned int writes;

ssize_t __wrap_sendmsg(int fd, const struct msghdr *message, int flags)
{
    writes++;
    return __real_sendmsg(fd, message, flags);
}

/* ---- help */

static void open_relay(struct stage *s, const char *request, struct peer **client,
                       struct peer **upstream)
{
    *client = stage_client_sends(s, request);
    *upstream = stage_accept(s);
}

/* The next request on the same two connections is relayed: nothing was left behind. */
static void expect_both_go_on(struct peer *client, struct peer *upstream)
{
    peer_send(client, POST "Content-Length: 3\r\n\r\nend");
    peer_expect(upstream, UPSTREAM "Content-Length: 3\r\n\r\nend");
    peer_send(upstream, OK_REPLY);
    peer_expect(client, OK_REPLY);
}

/* The client's connection ends after the reply, once what it still sends was waited for. */
static void expect_client_ends(struct peer *client)
{
    for (int i = 0; i < 60 && !client->is_ended && !client->is_reset; i++) {
        clock_advance_ms(50);
        turn_for(client->loop, 2);
        peer_read(client);
    }
    assert_true(client->is_ended || client->is_reset);
}

/* ---- framings of the request */

static void test_bodies_of_known_length_pass_as_they_are(void **state)
{
    struct stage *s = *state;
    struct peer *client, *upstream;

    open_relay(s, POST "Content-Length: 10\r\n\r\nhel", &client, &upstream);
    peer_expect(upstream, UPSTREAM "Content-Length: 10\r\n\r\nhel");
    peer_send(client, "lo");
    peer_expect(upstream, "lo");
    peer_send(client, "world");
    peer_expect(upstream, "world");
    peer_send(upstream, OK_REPLY);
    peer_expect(client, OK_REPLY);
    assert_int_equal(s->last.bytes_in, 10);
    expect_both_go_on(client, upstream);
}

static void test_bodies_in_chunks_are_merged_and_lose_their_extensions(void **state)
{
    struct stage *s = *state;
    struct peer *client, *upstream;

    open_relay(s, POST CHUNKED "\r\n3;ext=1\r\nabc\r\n1\r\nd\r\n02\r\nef\r\n0\r\n\r\n", &client,
               &upstream);
    peer_expect(upstream, UPSTREAM CHUNKED "\r\n6\r\nabcdef\r\n0\r\n\r\n");
    peer_send(upstream, OK_REPLY);
    peer_expect(client, OK_REPLY);
    assert_int_equal(s->last.bytes_in, 6);
    expect_both_go_on(client, upstream);
}

static void test_bodies_of_a_million_chunks_leave_in_few_writes(void **state)
{
    struct stage *s = *state;
    struct text chunks = {0};
    struct framing_limits limits = {0};
    struct decoder decoder;
    struct peer *client, *upstream;
    size_t content_size = 0;

    for (int i = 0; i < 1000; i++)
        text_put_text(&chunks, "1\r\na\r\n");
    open_relay(s, POST CHUNKED "\r\n", &client, &upstream);
    peer_expect(upstream, UPSTREAM CHUNKED "\r\n");
    writes = 0;
    decoder_init(&decoder, FRAMING_CHUNKED, 0, &limits);
    for (int i = 0; i <= 1000; i++) {
        if (i < 1000)
            peer_send_bytes(client, chunks.data, chunks.size);
        else
            peer_send(client, "0\r\n\r\n");
        turn_for(s->loop, i < 1000 ? 0 : 20);
        peer_read(upstream);
        while (upstream->seen < upstream->got.size) {
            struct iovec content[8];
            int count = ARRAY_SIZE(content);
            size_t used;

            assert_int_not_equal(decoder_read(&decoder, upstream->got.data + upstream->seen,
                                              upstream->got.size - upstream->seen, &used, content,
                                              &count),
                                 DECODE_BAD);
            for (int j = 0; j < count; j++)
                content_size += content[j].iov_len;
            upstream->seen += used;
        }
        text_clear(&upstream->got);
        upstream->seen = 0;
    }
    assert_true(decoder.is_done);
    assert_int_equal(content_size, 1000000);
    assert_true(writes < 3000);
    text_dispose(&chunks);
}

static void test_bodies_may_have_trailers(void **state)
{
    struct stage *s = *state;
    struct peer *client, *upstream;

    open_relay(s, POST CHUNKED "\r\n1\r\na\r\n0\r\nX-T: 1\r\nContent-Length: 7\r\nx-u:\r\n\r\n",
               &client, &upstream);
    peer_expect(upstream, UPSTREAM CHUNKED "\r\n1\r\na\r\n0\r\nX-T: 1\r\nx-u:\r\n\r\n");
    peer_send(upstream,
              REPLY "Trailer: X-Stream-Error\r\n" CHUNKED "\r\n1\r\nb\r\n0\r\nX-Stream-Error: "
                    "broken\r\nSet-Cookie: a=b\r\n\r\n");
    peer_expect(client, REPLY "Trailer: X-Stream-Error\r\n" CHUNKED
                              "\r\n1\r\nb\r\n0\r\nX-Stream-Error: broken\r\n\r\n");
    expect_both_go_on(client, upstream);
}

static void test_bodies_that_break_their_framing_are_refused(void **state)
{
    struct stage *s = *state;
    struct peer *client, *upstream;

    open_relay(s, POST CHUNKED "\r\n1\r\na\r\n", &client, &upstream);
    peer_expect(upstream, UPSTREAM CHUNKED "\r\n1\r\na\r\n");
    peer_send(client, "x\r\n");
    peer_await(client, "HTTP/1.1 400 Bad Request\r\n");
    peer_await(client, "plain hexadecimal");
    peer_expect_end(upstream); /* without the last chunk */
    expect_client_ends(client);
    assert_int_equal(s->last.reason, CLOSE_BAD_REQUEST);
}

static void test_bodies_that_break_their_framing_cut_a_reply_that_began(void **state)
{
    struct stage *s = *state;
    struct peer *client, *upstream;

    open_relay(s, POST CHUNKED "\r\n1\r\na\r\n", &client, &upstream);
    peer_send(upstream, REPLY CHUNKED "\r\n1\r\nb\r\n");
    peer_expect(client, REPLY CHUNKED "\r\n1\r\nb\r\n");
    peer_send(client, "x\r\n");
    peer_expect_end(client);
    peer_await_gone(upstream);
    assert_int_equal(s->last.reason, CLOSE_BAD_REQUEST);
}

/* ---- framings of the reply */

static void test_bodies_that_end_by_close_become_chunks(void **state)
{
    struct stage *s = *state;
    struct peer *client, *upstream;

    open_relay(s, POST "Content-Length: 0\r\n\r\n", &client, &upstream);
    peer_await(upstream, "\r\n\r\n");
    peer_send(upstream, REPLY "\r\nabc");
    peer_expect(client, REPLY CHUNKED "\r\n3\r\nabc\r\n");
    peer_close(upstream);
    peer_expect(client, "0\r\n\r\n");
    assert_int_equal(s->last.reason, CLOSE_DONE);
    peer_send(client, "GET /answer HTTP/1.1\r\nHost: x\r\n\r\n");
    peer_await(client, "hello\n");
}

static void test_bodies_for_http_1_0_end_by_close(void **state)
{
    struct stage *s = *state;
    struct peer *client, *upstream;

    open_relay(s, "GET /read HTTP/1.0\r\nConnection: keep-alive\r\n\r\n", &client, &upstream);
    peer_send(upstream, REPLY CHUNKED "\r\n3\r\nabc\r\n0\r\nX-T: 1\r\n\r\n");
    peer_expect(client, REPLY "Connection: close\r\n\r\nabc");
    peer_expect_end(client);
    assert_int_equal(s->last.reason, CLOSE_DONE);
}

static void test_bodies_for_http_1_0_keep_the_connection_if_asked(void **state)
{
    struct stage *s = *state;
    struct peer *client, *upstream;

    open_relay(s, "GET /read HTTP/1.0\r\nConnection: Keep-Alive\r\n\r\n", &client, &upstream);
    peer_send(upstream, OK_REPLY);
    peer_expect(client, REPLY "Content-Length: 2\r\nConnection: keep-alive\r\n\r\nok");
    peer_send(client, "GET /read HTTP/1.0\r\n\r\n");
    peer_await(upstream, "GET /read HTTP/1.1\r\n\r\n");
    peer_await(upstream, "GET /read HTTP/1.1\r\n\r\n");
    peer_send(upstream, OK_REPLY);
    peer_expect(client, REPLY "Content-Length: 2\r\nConnection: close\r\n\r\nok");
    peer_expect_end(client);
}

static void test_bodies_cut_for_http_1_0_are_reset(void **state)
{
    struct stage *s = *state;
    struct peer *client, *upstream;

    open_relay(s, "GET /read HTTP/1.0\r\n\r\n", &client, &upstream);
    peer_send(upstream, REPLY CHUNKED "\r\n3\r\nabc\r\n");
    peer_expect(client, REPLY "Connection: close\r\n\r\nabc");
    peer_close(upstream);
    peer_expect_reset(client);
    assert_int_equal(s->last.reason, CLOSE_UPSTREAM_CLOSED);
}

static void test_bodies_are_absent_where_they_must_be(void **state)
{
    static const struct {
        const char *request, *reply, *expected;
    } cases[] = {
        {"HEAD /read", REPLY "Content-Length: 5\r\n\r\n", REPLY "Content-Length: 5\r\n\r\n"},
        {"HEAD /read", REPLY CHUNKED "\r\n", REPLY "\r\n"},
        {"HEAD /read", REPLY "\r\n", REPLY "\r\n"},
        {"GET /read", "HTTP/1.1 204 No Content\r\n\r\n", "HTTP/1.1 204 No Content\r\n\r\n"},
        {"GET /read", "HTTP/1.1 304 Not Modified\r\nContent-Length: 9\r\n\r\n",
         "HTTP/1.1 304 Not Modified\r\n\r\n"},
        {"GET /read", REPLY "Content-Length: 0\r\n\r\n", REPLY "Content-Length: 0\r\n\r\n"},
        {"GET /read", REPLY CHUNKED "\r\n0\r\n\r\n", REPLY CHUNKED "\r\n0\r\n\r\n"},
    };
    struct stage *s = *state;
    struct peer *client = stage_client(s), *upstream = NULL;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        peer_send(client, cases[i].request);
        peer_send(client, " HTTP/1.1\r\nHost: x\r\n\r\n");
        if (upstream == NULL)
            upstream = stage_accept(s);
        peer_expect(upstream, cases[i].request);
        peer_expect(upstream, " HTTP/1.1\r\n\r\n");
        peer_send(upstream, cases[i].reply);
        peer_expect(client, cases[i].expected);
    }
    expect_both_go_on(client, upstream);
}

/* ---- the upstream ends early */

static void test_bodies_cut_in_chunks_have_no_last_chunk(void **state)
{
    struct stage *s = *state;
    struct peer *client, *upstream;

    open_relay(s, POST "Content-Length: 0\r\n\r\n", &client, &upstream);
    peer_send(upstream, REPLY CHUNKED "\r\n3\r\nabc\r\n");
    peer_expect(client, REPLY CHUNKED "\r\n3\r\nabc\r\n");
    peer_close(upstream);
    peer_expect_end(client);
    assert_int_equal(s->last.reason, CLOSE_UPSTREAM_CLOSED);
}

static void test_bodies_cut_below_their_length_stay_short(void **state)
{
    struct stage *s = *state;
    struct peer *client, *upstream;

    open_relay(s, POST "Content-Length: 0\r\n\r\n", &client, &upstream);
    peer_send(upstream, REPLY "Content-Length: 10\r\n\r\nabc");
    peer_expect(client, REPLY "Content-Length: 10\r\n\r\nabc");
    peer_reset(upstream);
    peer_expect_end(client);
    assert_int_equal(s->last.reason, CLOSE_UPSTREAM_CLOSED);
}

static void test_bodies_with_broken_chunks_are_cut(void **state)
{
    struct stage *s = *state;
    struct peer *client, *upstream;

    open_relay(s, POST "Content-Length: 0\r\n\r\n", &client, &upstream);
    peer_send(upstream, REPLY CHUNKED "\r\n3\r\nabc\r\n");
    peer_expect(client, REPLY CHUNKED "\r\n3\r\nabc\r\n");
    peer_send(upstream, "0x3\r\nabc\r\n0\r\n\r\n");
    peer_expect_end(client);
    assert_int_equal(s->last.reason, CLOSE_UPSTREAM_BROKEN);
}

static void test_bodies_cut_in_lines_say_so_in_one(void **state)
{
    static const struct {
        const char *sent, *expected;
    } cases[] = {
        {"2\r\n{}\r\n", "2\r\n{}\r\n8\r\n\n{\"e\":1}\r\n"},
        {"3\r\n{}\n\r\n", "3\r\n{}\n\r\n7\r\n{\"e\":1}\r\n"},
    };
    struct stage *s = *state;

    s->relay.break_line = SLICE("{\"e\":1}");
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct peer *client, *upstream;

        open_relay(s, POST "Content-Length: 0\r\n\r\n", &client, &upstream);
        peer_send(upstream, REPLY CHUNKED "\r\n");
        peer_send(upstream, cases[i].sent);
        peer_close(upstream);
        peer_expect(client, REPLY CHUNKED "\r\n");
        peer_expect(client, cases[i].expected);
        peer_expect_end(client);
    }
}

static void test_bodies_in_lines_that_we_cut_say_why(void **state)
{
    struct stage *s = *state;
    struct peer *client, *upstream;

    s->relay.break_line = SLICE("{\"e\":1}");
    open_relay(s, POST "Content-Length: 0\r\n\r\n", &client, &upstream);
    peer_send(upstream, REPLY CHUNKED "\r\n2\r\n{}\r\n");
    peer_expect(client, REPLY CHUNKED "\r\n2\r\n{}\r\n");
    exchange_cut(s->current, 401, CLOSE_REVOKED, "revoked");
    peer_expect(client, "9\r\n\nrevoked\n\r\n");
    peer_expect_end(client);
    peer_await_gone(upstream);
}

static void test_bodies_silent_for_too_long_are_cut(void **state)
{
    struct stage *s = *state;
    struct peer *client, *upstream;

    open_relay(s, POST "Content-Length: 0\r\n\r\n", &client, &upstream);
    peer_send(upstream, REPLY CHUNKED "\r\n1\r\na\r\n");
    peer_expect(client, REPLY CHUNKED "\r\n1\r\na\r\n");
    clock_advance_ms(19000);
    turn_for(s->loop, 5);
    peer_send(upstream, "1\r\nb\r\n");
    peer_expect(client, "1\r\nb\r\n");
    clock_advance_ms(19000);
    peer_expect_silence(client, 5);
    clock_advance_ms(1100);
    peer_expect_end(client);
    peer_await_gone(upstream);
    assert_int_equal(s->last.reason, CLOSE_UPSTREAM_SILENT);
}

static void test_bodies_are_left_when_the_reply_is_whole(void **state)
{
    struct stage *s = *state;
    struct peer *client, *upstream;

    open_relay(s, POST "Content-Length: 100\r\n\r\nabc", &client, &upstream);
    peer_send(upstream, "HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nno\n");
    peer_expect(client, "HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nno\n");
    peer_await_gone(upstream);
    peer_expect_silence(client, 5); /* held, so that the reply is seen */
    expect_client_ends(client);
}

/* The upstream answers, and closes with the body unread: a reset that overtakes nothing we have not
 * read. */
static void test_bodies_refused_by_an_upstream_that_resets_show_its_reply(void **state)
{
    struct stage *s = *state;
    struct peer *client, *upstream;
    static char body[MIB];
    size_t pushed = 0;

    open_relay(s, POST "Content-Length: 100000000\r\n\r\nabc", &client, &upstream);
    peer_await(upstream, "\r\n\r\nabc");
    for (int i = 0; i < 100 && peer_push(client, body, 64 * KIB) > 0; i++) {
        pushed++;
        loop_turn(s->loop, 1);
    }
    assert_true(pushed > 1);
    peer_push(upstream, "HTTP/1.1 413 Content Too Large\r\nContent-Length: 3\r\n\r\nno\n", 56);
    peer_close(upstream);
    peer_push(client, body, 64 * KIB); /* so that a write fails before the reply is read */
    peer_await(client, "HTTP/1.1 413 Content Too Large\r\n");
    peer_await(client, "\r\n\r\nno\n");
    expect_client_ends(client);
    assert_int_equal(s->last.status, 413);
}

/* A reply that ends with its stream is not whole when the stream was reset; and a reset that a
 * write met is no longer seen by the next read. */
static void test_bodies_that_end_by_a_reset_are_cut(void **state)
{
    struct stage *s = *state;
    struct peer *client, *upstream;
    static char body[100];

    open_relay(s, POST "Content-Length: 100000000\r\n\r\nabc", &client, &upstream);
    peer_await(upstream, "\r\n\r\nabc");
    peer_send(upstream, "HTTP/1.1 200 OK\r\n\r\npart");
    peer_await(client, "4\r\npart\r\n");
    peer_reset(upstream);
    peer_push(client, body, 100); /* is written first */
    peer_expect_end(client);      /* no last chunk */
    assert_int_equal(s->last.reason, CLOSE_UPSTREAM_CLOSED);
}

static void test_bodies_for_an_upstream_that_closes_get_502(void **state)
{
    struct stage *s = *state;
    struct peer *client, *upstream;

    open_relay(s, POST "Content-Length: 100\r\n\r\nabc", &client, &upstream);
    peer_await(upstream, "abc");
    peer_close(upstream);
    peer_await(client, "HTTP/1.1 502 Bad Gateway\r\n");
    expect_client_ends(client);
    assert_int_equal(s->last.reason, CLOSE_UPSTREAM_CLOSED);
}

/* ---- the client ends early */

static void test_bodies_that_a_client_ends_are_cancelled(void **state)
{
    for (int i = 0; i < 3; i++) {
        struct stage *s = *state;
        struct peer *client, *upstream;

        open_relay(s, POST "Content-Length: 100\r\n\r\nabc", &client, &upstream);
        peer_await(upstream, "abc");
        if (i == 0)
            peer_finish(client);
        else if (i == 1)
            peer_close(client);
        else
            peer_reset(client);
        peer_expect_end(upstream);
        assert_int_equal(s->last.reason, CLOSE_CLIENT_GONE);
        assert_int_equal(s->last.status, 0);
    }
}

static void test_bodies_in_chunks_that_a_client_ends_have_no_last_chunk(void **state)
{
    struct stage *s = *state;
    struct peer *client, *upstream;

    open_relay(s, POST CHUNKED "\r\n3\r\nabc\r\n", &client, &upstream);
    peer_expect(upstream, UPSTREAM CHUNKED "\r\n3\r\nabc\r\n");
    peer_finish(client);
    peer_expect_end(upstream);
}

/* ---- both ways at once */

static void test_bodies_stream_both_ways_at_once(void **state)
{
    struct stage *s = *state;
    struct peer *client, *upstream;

    open_relay(s, POST CHUNKED "\r\n", &client, &upstream);
    peer_expect(upstream, UPSTREAM CHUNKED "\r\n");
    peer_send(upstream, REPLY CHUNKED "\r\n");
    peer_expect(client, REPLY CHUNKED "\r\n");
    for (int i = 0; i < 5; i++) {
        peer_send(client, "1\r\na\r\n");
        peer_expect(upstream, "1\r\na\r\n");
        peer_send(upstream, "1\r\nb\r\n");
        peer_expect(client, "1\r\nb\r\n");
    }
    peer_send(client, "0\r\n\r\n");
    peer_expect(upstream, "0\r\n\r\n");
    peer_send(upstream, "0\r\n\r\n");
    peer_expect(client, "0\r\n\r\n");
    expect_both_go_on(client, upstream);
}

/* The reply's end comes in a turn of its own, behind the request's. */
static void test_bodies_may_end_after_their_reply(void **state)
{
    struct stage *s = *state;
    struct peer *client, *upstream;

    open_relay(s, POST CHUNKED "\r\n", &client, &upstream);
    peer_send(upstream, REPLY CHUNKED "\r\n1\r\nb\r\n");
    peer_expect(client, REPLY CHUNKED "\r\n1\r\nb\r\n");
    peer_send(client, "0\r\n\r\n");
    peer_expect(upstream, UPSTREAM CHUNKED "\r\n0\r\n\r\n");
    peer_send(upstream, "0\r\n\r\n");
    peer_expect(client, "0\r\n\r\n");
    expect_both_go_on(client, upstream);
}

/* The upstream has answered all of it while the client's last bytes are on their way. */
static void test_bodies_that_outlast_their_reply_are_read_over(void **state)
{
    static const struct {
        const char *framing, *first, *rest;
    } cases[] = {
        {CHUNKED, "3\r\nabc\r\n", "0\r\n\r\n"},
        {CHUNKED, "3\r\nabc\r\n", "4\r\ndefg\r\n0\r\nT: x\r\n\r\n"},
        {"Content-Length: 6\r\n", "abc", "def"},
    };
    struct stage *s = *state;

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct peer *client = stage_client_sends(s, POST);
        struct peer *upstream;

        peer_send(client, cases[i].framing);
        peer_send(client, "\r\n");
        peer_send(client, cases[i].first);
        upstream = stage_accept(s);
        peer_await(upstream, "abc");
        peer_send(upstream, OK_REPLY);
        peer_expect(client, OK_REPLY);
        turn_for(s->loop, 5);
        peer_send(client, cases[i].rest);
        peer_send(client, "GET /answer HTTP/1.1\r\nHost: x\r\n\r\n");
        peer_await(client, "hello\n");
        peer_await_gone(upstream);
    }
}

static void test_bodies_that_the_upstream_gave_up_end_the_connection(void **state)
{
    struct stage *s = *state;
    struct peer *client, *upstream;

    open_relay(s, POST CHUNKED "\r\n3\r\nabc\r\n", &client, &upstream);
    peer_await(upstream, "abc");
    peer_send(upstream, REPLY "Connection: close\r\nContent-Length: 2\r\n\r\nno");
    peer_expect(client, REPLY "Content-Length: 2\r\nConnection: close\r\n\r\nno");
    expect_client_ends(client);
    open_relay(s, POST "Content-Length: 3\r\n\r\nabc", &client, &upstream);
    peer_await(upstream, "abc");
    peer_send(upstream, REPLY "Connection: close\r\nContent-Length: 2\r\n\r\nok");
    peer_expect(client, OK_REPLY);
    peer_send(client, "GET /answer HTTP/1.1\r\nHost: x\r\n\r\n");
    peer_await(client, "hello\n");
}

static void test_bodies_that_outlast_their_reply_for_long_end_the_connection(void **state)
{
    struct stage *s = *state;
    struct peer *client, *upstream;

    for (int i = 0; i < 3; i++) {
        open_relay(s, POST CHUNKED "\r\n3\r\nabc\r\n", &client, &upstream);
        peer_await(upstream, "abc");
        peer_send(upstream, OK_REPLY);
        peer_expect(client, OK_REPLY);
        if (i == 1) { /* so much that nobody waits for its end */
            peer_send(client, "100000\r\n");
            peer_send_pattern(client, 0, 200 * KIB);
        } else if (i == 2) {
            peer_send(client, "no chunk\r\n");
        }
        expect_client_ends(client);
    }
}

/* ---- rewriting */

/* Doubles each 'a', and keeps what it got last back until more comes. */
static void double_a(void *kept_, struct slice content, bool is_last, struct text *out)
{
    char *kept = kept_;

    for (size_t i = 0; i < content.size; i++) {
        if (*kept != '\0')
            text_put_char(out, *kept);
        if (*kept == 'a')
            text_put_char(out, 'a');
        *kept = content.data[i];
    }
    if (is_last)
        text_put_format(out, "%c.", *kept);
}

static void test_bodies_can_be_rewritten_on_their_way(void **state)
{
    static const struct {
        const char *head, *sent, *expected;
    } cases[] = {
        {CHUNKED, "2\r\nab\r\n1\r\nc\r\n0\r\n\r\n", "5\r\naabc.\r\n0\r\n\r\n"},
        {"Content-Length: 3\r\n", "abc", "5\r\naabc.\r\n0\r\n\r\n"},
        {"Connection: close\r\n", "abc", "3\r\naab\r\n2\r\nc.\r\n0\r\n\r\n"},
    };
    struct stage *s = *state;
    static char kept;

    s->relay.rewrite = double_a;
    s->relay.rewrite_arg = &kept;
    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct peer *client, *upstream;

        kept = '\0';
        open_relay(s, POST "Content-Length: 0\r\n\r\n", &client, &upstream);
        peer_await(upstream, "\r\n\r\n");
        peer_send(upstream, REPLY);
        peer_send(upstream, cases[i].head);
        peer_send(upstream, "\r\n");
        peer_send(upstream, cases[i].sent);
        peer_expect(client, REPLY CHUNKED "\r\n");
        turn_for(s->loop, 5);
        if (i == 2)
            peer_close(upstream);
        peer_expect(client, cases[i].expected);
        stage_drop(s, client);
        stage_drop(s, upstream);
    }
}

static void test_bodies_that_are_rewritten_arrive_as_they_come(void **state)
{
    struct stage *s = *state;
    struct peer *client, *upstream;
    static char kept;

    s->relay.rewrite = double_a;
    s->relay.rewrite_arg = &kept;
    open_relay(s, POST "Content-Length: 0\r\n\r\n", &client, &upstream);
    peer_send(upstream, REPLY CHUNKED "\r\n1\r\nx\r\n");
    peer_expect(client, REPLY CHUNKED "\r\n");
    peer_expect_silence(client, 5);
    peer_send(upstream, "1\r\ny\r\n");
    peer_expect(client, "1\r\nx\r\n");
    peer_send(upstream, "0\r\nX-T: t\r\n\r\n");
    peer_expect(client, "2\r\ny.\r\n0\r\nX-T: t\r\n\r\n");
}

/* ---- much */

static void send_much(struct peer *from, struct peer *to, uint64_t size)
{
    for (uint64_t sent = 0; sent < size;) {
        uint64_t part = size - sent < 256 * KIB ? size - sent : 256 * KIB;

        peer_send_pattern(from, sent, part);
        peer_expect_pattern(to, sent, part);
        sent += part;
    }
}

static void send_much_in_chunks(struct peer *from, struct peer *to, unsigned int count)
{
    struct framing_limits limits = {0};
    struct decoder decoder;
    uint64_t seen = 0;

    decoder_init(&decoder, FRAMING_CHUNKED, 0, &limits);
    for (unsigned int i = 0; i <= count; i++) {
        if (i < count) {
            peer_send(from, "10000\r\n");
            peer_send_pattern(from, (uint64_t)i * 64 * KIB, 64 * KIB);
            peer_send(from, "\r\n");
        } else {
            peer_send(from, "0\r\n\r\n");
        }
        while (i == count ? !decoder.is_done : seen + 64 * KIB < (uint64_t)i * 64 * KIB) {
            struct peer view = *to;
            struct iovec content[16];
            int parts = ARRAY_SIZE(content);
            size_t used;

            loop_turn(to->loop, 1);
            peer_read(to);
            if (to->seen == to->got.size)
                continue;
            assert_int_not_equal(decoder_read(&decoder, to->got.data + to->seen,
                                              to->got.size - to->seen, &used, content, &parts),
                                 DECODE_BAD);
            for (int j = 0; j < parts; j++) {
                view.got = (struct text){.data = content[j].iov_base, .size = content[j].iov_len};
                view.seen = 0;
                peer_expect_pattern(&view, seen, content[j].iov_len);
                seen += content[j].iov_len;
            }
            to->seen += used;
            if (to->seen == to->got.size) {
                text_clear(&to->got);
                to->seen = 0;
            }
        }
    }
    assert_int_equal(seen, (uint64_t)count * 64 * KIB);
}

static void test_bodies_of_many_bytes_arrive_unharmed(void **state)
{
    struct stage *s = *state;
    struct peer *client, *upstream;

    open_relay(s, POST "Content-Length: 33554433\r\n\r\n", &client, &upstream);
    peer_expect(upstream, UPSTREAM "Content-Length: 33554433\r\n\r\n");
    send_much(client, upstream, 32 * MIB + 1);
    peer_send(upstream, REPLY "Content-Length: 33554433\r\n\r\n");
    peer_expect(client, REPLY "Content-Length: 33554433\r\n\r\n");
    send_much(upstream, client, 32 * MIB + 1);
    assert_int_equal(s->last.bytes_in, 32 * MIB + 1);
    assert_true(s->last.bytes_out > 32 * MIB + 1);
    assert_true(block_store_bytes(s->server->blocks) < 2 * MIB);
    expect_both_go_on(client, upstream);
}

static void test_bodies_of_many_chunks_arrive_unharmed(void **state)
{
    struct stage *s = *state;
    struct peer *client, *upstream;

    open_relay(s, POST CHUNKED "\r\n", &client, &upstream);
    peer_expect(upstream, UPSTREAM CHUNKED "\r\n");
    send_much_in_chunks(client, upstream, 256);
    peer_send(upstream, REPLY CHUNKED "\r\n");
    peer_expect(client, REPLY CHUNKED "\r\n");
    send_much_in_chunks(upstream, client, 256);
    assert_true(block_store_bytes(s->server->blocks) < 2 * MIB);
    expect_both_go_on(client, upstream);
}

static void test_bodies_of_many_bytes_pass_through_unix_sockets(void **state)
{
    struct stage *s = *state;
    struct peer *client = stage_unix_client(s), *upstream;

    peer_send(client, POST "Content-Length: 8388608\r\n\r\n");
    upstream = stage_accept(s);
    peer_expect(upstream, UPSTREAM "Content-Length: 8388608\r\n\r\n");
    send_much(client, upstream, 8 * MIB);
    peer_send(upstream, REPLY "Content-Length: 8388608\r\n\r\n");
    peer_expect(client, REPLY "Content-Length: 8388608\r\n\r\n");
    send_much(upstream, client, 8 * MIB);
    expect_both_go_on(client, upstream);
}

/* Pushes until nothing more goes for a while. */
static uint64_t push_until_stalled(struct stage *s, struct peer *peer, uint64_t from)
{
    static char bytes[64 * KIB];
    uint64_t total = 0;

    for (int idle = 0; idle < 20;) {
        size_t put = peer_push(peer, bytes, sizeof(bytes));

        total += put;
        idle = put > 0 ? 0 : idle + 1;
        loop_turn(s->loop, 1);
    }
    (void)from;
    return total;
}

static void test_bodies_stall_with_an_upstream_that_does_not_read(void **state)
{
    static const char *const requests[] = {POST "Content-Length: 1000000000\r\n\r\n",
                                           POST CHUNKED "\r\n3b9aca00\r\n"};

    for (size_t i = 0; i < ARRAY_SIZE(requests); i++) {
        struct stage *s = *state;
        struct peer *client, *upstream;
        uint64_t pushed;

        open_relay(s, requests[i], &client, &upstream);
        pushed = push_until_stalled(s, client, 0);
        assert_true(pushed < 64 * MIB); /* the kernel's buffers */
        assert_true(block_store_bytes(s->server->blocks) <= 2 * BLOCK_LARGE + 8 * BLOCK_SMALL);
        peer_read(upstream); /* room: it goes on */
        assert_true(push_until_stalled(s, client, pushed) > 0);
        peer_close(client);
        clock_advance_ms(1000);
        peer_await_gone(upstream);
        assert_int_equal(s->last.reason, CLOSE_CLIENT_GONE);
    }
}

static void test_bodies_stall_with_a_client_that_does_not_read(void **state)
{
    static const char *const replies[] = {REPLY "Content-Length: 1000000000\r\n\r\n",
                                          REPLY CHUNKED "\r\n3b9aca00\r\n"};

    for (size_t i = 0; i < ARRAY_SIZE(replies); i++) {
        struct stage *s = *state;
        struct peer *client, *upstream;

        open_relay(s, POST "Content-Length: 0\r\n\r\n", &client, &upstream);
        peer_send(upstream, replies[i]);
        assert_true(push_until_stalled(s, upstream, 0) < 64 * MIB);
        assert_true(block_store_bytes(s->server->blocks) <= 2 * BLOCK_LARGE + 8 * BLOCK_SMALL);
        peer_read(client);
        assert_true(push_until_stalled(s, upstream, 0) > 0);
        peer_reset(client);
        clock_advance_ms(1000);
        peer_await_gone(upstream);
        assert_int_equal(s->last.reason, CLOSE_CLIENT_GONE);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STAGE_TEST(test_bodies_of_known_length_pass_as_they_are),
        STAGE_TEST(test_bodies_in_chunks_are_merged_and_lose_their_extensions),
        STAGE_TEST(test_bodies_of_a_million_chunks_leave_in_few_writes),
        STAGE_TEST(test_bodies_may_have_trailers),
        STAGE_TEST(test_bodies_that_break_their_framing_are_refused),
        STAGE_TEST(test_bodies_that_break_their_framing_cut_a_reply_that_began),
        STAGE_TEST(test_bodies_that_end_by_close_become_chunks),
        STAGE_TEST(test_bodies_for_http_1_0_end_by_close),
        STAGE_TEST(test_bodies_for_http_1_0_keep_the_connection_if_asked),
        STAGE_TEST(test_bodies_cut_for_http_1_0_are_reset),
        STAGE_TEST(test_bodies_are_absent_where_they_must_be),
        STAGE_TEST(test_bodies_cut_in_chunks_have_no_last_chunk),
        STAGE_TEST(test_bodies_cut_below_their_length_stay_short),
        STAGE_TEST(test_bodies_with_broken_chunks_are_cut),
        STAGE_TEST(test_bodies_cut_in_lines_say_so_in_one),
        STAGE_TEST(test_bodies_in_lines_that_we_cut_say_why),
        STAGE_TEST(test_bodies_silent_for_too_long_are_cut),
        STAGE_TEST(test_bodies_are_left_when_the_reply_is_whole),
        STAGE_TEST(test_bodies_refused_by_an_upstream_that_resets_show_its_reply),
        STAGE_TEST(test_bodies_that_end_by_a_reset_are_cut),
        STAGE_TEST(test_bodies_for_an_upstream_that_closes_get_502),
        STAGE_TEST(test_bodies_that_a_client_ends_are_cancelled),
        STAGE_TEST(test_bodies_in_chunks_that_a_client_ends_have_no_last_chunk),
        STAGE_TEST(test_bodies_stream_both_ways_at_once),
        STAGE_TEST(test_bodies_may_end_after_their_reply),
        STAGE_TEST(test_bodies_that_outlast_their_reply_are_read_over),
        STAGE_TEST(test_bodies_that_the_upstream_gave_up_end_the_connection),
        STAGE_TEST(test_bodies_that_outlast_their_reply_for_long_end_the_connection),
        STAGE_TEST(test_bodies_can_be_rewritten_on_their_way),
        STAGE_TEST(test_bodies_that_are_rewritten_arrive_as_they_come),
        STAGE_TEST(test_bodies_of_many_bytes_arrive_unharmed),
        STAGE_TEST(test_bodies_of_many_chunks_arrive_unharmed),
        STAGE_TEST(test_bodies_of_many_bytes_pass_through_unix_sockets),
        STAGE_TEST(test_bodies_stall_with_an_upstream_that_does_not_read),
        STAGE_TEST(test_bodies_stall_with_a_client_that_does_not_read),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
