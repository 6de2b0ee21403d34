// SPDX-License-Identifier: Apache-2.0
/* Budgets on what passes: exactly what was granted, in every way that content can pass. */
#include "stage.h"

#include <stdio.h>
#include <stdlib.h>

#define POST     "POST /relay HTTP/1.1\r\nHost: x\r\n"
#define OWN      "POST /own HTTP/1.1\r\nHost: x\r\n"
#define CHUNKED  "Transfer-Encoding: chunked\r\n"
#define REPLY    "HTTP/1.1 200 OK\r\n"
#define OK_REPLY REPLY "Content-Length: 2\r\n\r\nok"

enum { KIB = 1024, MIB = 1024 * 1024 };

/* Grants step bytes at a time, at most total. */
struct purse {
    struct meter meter;
    uint64_t step, total, granted;
    unsigned int asked, refused;
    struct stage *stage;
};

static uint64_t grant(void *purse_, struct meter_refusal *refusal)
{
    struct purse *purse = purse_;
    uint64_t left = purse->total - purse->granted;
    uint64_t size = purse->step < left ? purse->step : left;

    purse->asked++;
    purse->granted += size;
    if (size == 0) {
        purse->refused++;
        refusal->status = 429;
        snprintf(refusal->message, sizeof(refusal->message), "the window is used up");
        if (purse->stage != NULL && purse->stage->current != NULL)
            text_put_text(exchange_reply_headers(purse->stage->current), "Retry-After: 7\r\n");
    }
    return size;
}

static struct purse purse_of(uint64_t step, uint64_t total)
{
    return (struct purse){.step = step, .total = total, .meter = {.grant = grant}};
}

static void init(struct purse *purse, struct stage *s, uint64_t step, uint64_t total)
{
    *purse = purse_of(step, total);
    purse->meter.arg = purse;
    purse->stage = s;
}

/* ---- alone */

static void test_meter_asks_until_it_is_enough(void **state)
{
    struct purse purse;

    init(&purse, NULL, 4, 10);
    assert_true(meter_allows(&purse.meter, 0));
    assert_int_equal(purse.asked, 0);
    assert_true(meter_allows(&purse.meter, 9));
    assert_int_equal(purse.asked, 3);
    assert_int_equal(purse.meter.left, 10);
    meter_take(&purse.meter, 9);
    assert_int_equal(purse.meter.left, 1);
    assert_int_equal(purse.meter.passed, 9);
    assert_false(meter_allows(&purse.meter, 2));
    assert_int_equal(purse.meter.refusal.status, 429);
    assert_int_equal(purse.meter.left, 1); /* it took nothing */
}

static uint64_t grant_all(void *arg, struct meter_refusal *refusal)
{
    return UINT64_MAX;
}

static void test_meter_does_not_wrap(void **state)
{
    struct meter meter = {.left = 5, .grant = grant_all};

    assert_true(meter_allows(&meter, 6));
    assert_int_equal(meter.left, UINT64_MAX);
}

/* Nothing left: framing alone is read, and the end. */
static void test_meter_opens_for_framing_alone(void **state)
{
    static const struct {
        const char *raw;
        size_t used;
        enum meter_result result;
        unsigned int asked;
    } cases[] = {
        {"0\r\n\r\nGET", 5, METER_OPEN, 0}, {"5", 1, METER_OPEN, 0},
        {"5\r\n", 3, METER_OPEN, 0},        {"5\r\nh", 3, METER_REFUSED, 1},
        {"x\r\n", 0, METER_BAD_FRAMING, 0},
    };
    struct framing_limits limits = {.trailer_size = 100, .extension_size = 100};

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct decoder decoder;
        struct purse purse;
        char raw[32];
        size_t used = 99;

        init(&purse, NULL, 0, 0);
        decoder_init(&decoder, FRAMING_CHUNKED, 0, &limits);
        memcpy(raw, cases[i].raw, strlen(cases[i].raw) + 1);
        assert_int_equal(meter_open(&purse.meter, &decoder, raw, strlen(raw), &used),
                         cases[i].result);
        if (cases[i].result != METER_BAD_FRAMING)
            assert_int_equal(used, cases[i].used);
        assert_int_equal(purse.asked, cases[i].asked);
        decoder_dispose(&decoder);
    }
}

/* ---- a relayed request */

static void put_request(struct text *request, uint64_t size, size_t chunk)
{
    static const char digits[] = "abcdefghijklmnopqrstuvwxyz";
    uint64_t done = 0;

    text_put_text(request, POST);
    if (chunk == 0)
        text_put_format(request, "Content-Length: %llu\r\n\r\n", (unsigned long long)size);
    else
        text_put_text(request, CHUNKED "\r\n");
    while (done < size) {
        size_t part = chunk == 0 || chunk > size - done ? (size_t)(size - done) : chunk;

        if (chunk > 0)
            text_put_format(request, "%zx\r\n", part);
        for (size_t i = 0; i < part; i++)
            text_put_char(request, digits[(done + i) % 26]);
        if (chunk > 0)
            text_put_text(request, "\r\n");
        done += part;
    }
    if (chunk > 0)
        text_put_text(request, "0\r\n\r\n");
}

/* One byte below the limit and the limit itself pass, one above does not, in slices of any size. */
static void test_meter_lets_a_request_pass_up_to_the_limit(void **state)
{
    enum { LIMIT = 1000 };
    static const uint64_t steps[] = {1, 7, 256, LIMIT, 5000};
    static const size_t chunks[] = {0, 1, 10, 999, 1000, 4000};
    struct stage *s = *state;

    for (size_t i = 0; i < ARRAY_SIZE(steps); i++)
        for (size_t j = 0; j < ARRAY_SIZE(chunks); j++)
            for (uint64_t size = LIMIT - 1; size <= LIMIT + 1; size++) {
                struct text request = {0};
                struct purse purse;
                struct peer *client, *upstream;

                init(&purse, s, steps[i], LIMIT);
                s->request_meter = &purse.meter;
                put_request(&request, size, chunks[j]);
                client = stage_client(s);
                peer_send_bytes(client, request.data, request.size);
                if (size <= LIMIT) {
                    upstream = stage_accept(s);
                    STAGE_AWAIT(s, s->current != NULL && s->current->request.last == HALF_DONE);
                    peer_send(upstream, OK_REPLY);
                    peer_expect(client, OK_REPLY);
                    assert_int_equal(purse.meter.passed, size);
                    assert_int_equal(purse.refused, 0);
                    stage_drop(s, upstream);
                } else {
                    peer_await(client, "HTTP/1.1 429 Too Many Requests\r\n");
                    peer_await(client, "Retry-After: 7\r\n");
                    peer_await(client, "the window is used up");
                    assert_int_equal(s->last.reason, CLOSE_REFUSED);
                    assert_int_equal(purse.refused, 1);
                    stage_drop(s, stage_accept(s));
                }
                assert_int_equal(purse.granted, purse.meter.passed + purse.meter.left);
                stage_drop(s, client);
                text_dispose(&request);
                STAGE_AWAIT(s, s->server->sessions == NULL);
            }
}

/* Through the kernel's pipe. */
static void test_meter_bounds_what_is_spliced(void **state)
{
    enum { LIMIT = 3 * MIB };
    struct stage *s = *state;

    for (uint64_t size = LIMIT - 1; size <= LIMIT + 1; size++) {
        struct purse purse;
        struct peer *client, *upstream;
        char head[100];

        init(&purse, s, 100 * KIB, LIMIT);
        s->request_meter = &purse.meter;
        snprintf(head, sizeof(head), POST "Content-Length: %d\r\n\r\n", (int)size);
        client = stage_client_sends(s, head);
        upstream = stage_accept(s);
        peer_await(upstream, "\r\n\r\n");
        for (uint64_t at = 0; at < LIMIT - 1; at += 64 * KIB) {
            uint64_t part = LIMIT - 1 - at < 64 * KIB ? LIMIT - 1 - at : 64 * KIB;

            peer_send_pattern(client, at, part);
            peer_expect_pattern(upstream, at, part);
            assert_true(purse.meter.left <= 100 * KIB); /* no more than is needed */
        }
        if (size > LIMIT - 1)
            peer_send_pattern(client, LIMIT - 1, size - (LIMIT - 1));
        if (size <= LIMIT) {
            STAGE_AWAIT(s, s->current->request.last == HALF_DONE);
            peer_expect_pattern(upstream, LIMIT - 1, size - (LIMIT - 1));
            peer_send(upstream, OK_REPLY);
            peer_expect(client, OK_REPLY);
            assert_int_equal(purse.meter.passed, size);
        } else {
            peer_await(client, "HTTP/1.1 429 Too Many Requests\r\n");
            peer_await_gone(upstream);
            assert_int_equal(purse.meter.passed, LIMIT);
        }
        stage_drop(s, client);
        stage_drop(s, upstream);
    }
}

static void test_meter_tells_what_passed_when_the_client_leaves(void **state)
{
    struct stage *s = *state;
    struct purse purse;
    struct peer *client, *upstream;

    init(&purse, s, 100, 1000);
    s->request_meter = &purse.meter;
    client = stage_client_sends(s, POST "Content-Length: 500\r\n\r\nhello");
    upstream = stage_accept(s);
    peer_await(upstream, "hello");
    peer_reset(client);
    stage_await_ended(s, 1);
    assert_int_equal(purse.meter.passed, 5);
    assert_int_equal(purse.meter.left, 95);
}

static void test_meter_asks_nothing_for_what_never_comes(void **state)
{
    struct stage *s = *state;
    struct purse request, reply;
    struct peer *client, *upstream;

    init(&request, s, 0, 0);
    init(&reply, s, 0, 0);
    s->request_meter = &request.meter;
    s->reply_meter = &reply.meter;
    client = stage_client_sends(s, POST "Content-Length: 0\r\n\r\n");
    upstream = stage_accept(s);
    peer_send(upstream, REPLY CHUNKED "\r\n0\r\n\r\n");
    peer_expect(client, REPLY CHUNKED "\r\n0\r\n\r\n");
    assert_int_equal(request.asked + reply.asked, 0);
}

/* A body that breaks its framing where no budget is left is malformed, not too large. */
static void test_meter_tells_bad_framing_from_too_much(void **state)
{
    struct stage *s = *state;
    struct purse purse;
    struct peer *client;

    init(&purse, s, 5, 5);
    s->request_meter = &purse.meter;
    client = stage_client_sends(s, POST CHUNKED "\r\n5\r\nhello\r\nx\r\n");
    peer_await(client, "HTTP/1.1 400 Bad Request\r\n");
    assert_int_equal(purse.refused, 0);
}

/* ---- a relayed reply */

static void test_meter_cuts_a_reply_above_the_limit(void **state)
{
    static const struct {
        const char *reply, *passed;
        bool is_whole, has_lines;
    } cases[] = {
        {REPLY "Content-Length: 10\r\n\r\nhelloworld", "helloworld", true, false},
        {REPLY "Content-Length: 11\r\n\r\nhelloworldX", "helloworld", false, false},
        {REPLY CHUNKED "\r\na\r\nhelloworld\r\n0\r\n\r\n", "0\r\n\r\n", true, true},
        {REPLY CHUNKED "\r\nb\r\nhelloworldX\r\n0\r\n\r\n", "17\r\n\nthe window is used up\n\r\n",
         false, true},
        {REPLY CHUNKED "\r\nb\r\nhelloworldX\r\n0\r\n\r\n", "d\r\n", false, false},
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct stage *s = *state;
        struct purse purse;
        struct peer *client, *upstream;

        init(&purse, s, 10, 10);
        s->reply_meter = &purse.meter;
        s->relay.break_line = cases[i].has_lines ? SLICE("broke\n") : (struct slice){0};
        client = stage_client_sends(s, POST "Content-Length: 0\r\n\r\n");
        upstream = stage_accept(s);
        peer_send(upstream, cases[i].reply);
        if (i < 4)
            peer_await(client, cases[i].passed);
        STAGE_AWAIT(s, s->ended == i + 1);
        if (!cases[i].is_whole)
            peer_await_gone(client);
        assert_int_equal(s->last.reason, cases[i].is_whole ? CLOSE_DONE : CLOSE_REFUSED);
        assert_int_equal(purse.meter.passed, 10);
        assert_int_equal(purse.refused, cases[i].is_whole ? 0 : 1);
        stage_drop(s, client);
        stage_drop(s, upstream);
    }
}

/* The first byte is too much: a status if it came with the head, else a line behind that. */
static void test_meter_refuses_a_reply_at_its_first_byte(void **state)
{
    struct stage *s = *state;
    struct peer *client, *upstream;
    struct purse purse;

    init(&purse, s, 0, 0);
    s->reply_meter = &purse.meter;
    s->relay.break_line = SLICE("broke\n");
    client = stage_client_sends(s, POST "Content-Length: 0\r\n\r\n");
    upstream = stage_accept(s);
    peer_send(upstream, REPLY CHUNKED "\r\na\r\nhelloworld\r\n0\r\n\r\n");
    peer_await(client, "HTTP/1.1 429 Too Many Requests\r\nX-Request-Id:");
    peer_await(client, "Retry-After: 7\r\n");
    peer_await(client, "the window is used up\n");
    peer_await_gone(upstream);
    client = stage_client_sends(s, POST "Content-Length: 0\r\n\r\n");
    upstream = stage_accept(s);
    peer_send(upstream, REPLY CHUNKED "\r\n");
    peer_expect(client, REPLY CHUNKED "\r\n");
    peer_send(upstream, "a\r\nhelloworld\r\n0\r\n\r\n");
    peer_expect(client, "16\r\nthe window is used up\n\r\n");
    peer_expect_end(client);
}

/* ---- what the handler makes and takes */

static enum produce_result make(void *purse, struct text *out)
{
    text_put_text(out, "0123456789");
    return PRODUCE_MORE;
}

static void produce(struct stage *stage, struct exchange *exchange)
{
    struct produced produced = {
        .status = 200, .content_type = "text/x", .has_lines = true, .produce = make};

    exchange_produce(exchange, &produced);
}

static void test_meter_cuts_what_is_produced(void **state)
{
    struct stage *s = *state;
    struct purse purse;
    struct peer *client;

    s->on_own = produce;
    init(&purse, s, 7, 25);
    s->reply_meter = &purse.meter;
    client = stage_client_sends(s, "GET /own HTTP/1.1\r\nHost: x\r\n\r\n");
    peer_await(client, "\r\n\r\n");
    peer_expect(client,
                "a\r\n0123456789\r\na\r\n0123456789\r\n17\r\n\nthe window is used up\n\r\n");
    peer_expect_end(client);
    assert_int_equal(purse.meter.passed, 20);
    assert_int_equal(purse.meter.left, 5);
    assert_int_equal(s->last.reason, CLOSE_REFUSED);
}

static void test_meter_refuses_what_is_produced_first(void **state)
{
    struct stage *s = *state;
    struct purse purse;
    struct peer *client;

    s->on_own = produce;
    init(&purse, s, 7, 9);
    s->reply_meter = &purse.meter;
    client = stage_client_sends(s, "GET /own HTTP/1.1\r\nHost: x\r\n\r\n");
    peer_await(client, "HTTP/1.1 429 Too Many Requests\r\n");
    peer_await(client, "the window is used up\n");
    assert_int_equal(purse.meter.passed, 0);
    assert_int_equal(s->last.status, 429);
    peer_send(client, "GET /answer HTTP/1.1\r\nHost: x\r\n\r\n");
    peer_await(client, "hello\n");
}

static enum consume_result take(struct exchange *exchange, void *stage, struct slice content,
                                bool is_last)
{
    struct answer answer = {.status = 200, .content_type = "text/plain", .body = SLICE("taken")};

    if (!is_last)
        return CONSUME_MORE;
    exchange_answer(exchange, &answer);
    return CONSUME_DECIDED;
}

static void consume(struct stage *stage, struct exchange *exchange)
{
    exchange_consume(exchange, take, stage);
}

static void test_meter_lets_a_consumed_body_pass_up_to_the_limit(void **state)
{
    static const struct {
        const char *body;
        bool is_allowed;
    } cases[] = {
        {"Content-Length: 9\r\n\r\nhelloworl", true},
        {"Content-Length: 10\r\n\r\nhelloworld", true},
        {"Content-Length: 11\r\n\r\nhelloworldX", false},
        {CHUNKED "\r\n5\r\nhello\r\n5\r\nworld\r\n0\r\n\r\n", true},
        {CHUNKED "\r\n5\r\nhello\r\n5\r\nworld\r\n1\r\nX\r\n0\r\n\r\n", false},
    };

    for (uint64_t step = 1; step < 12; step++)
        for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
            struct stage *s = *state;
            struct purse purse;
            struct peer *client;

            s->on_own = consume;
            init(&purse, s, step, 10);
            s->request_meter = &purse.meter;
            client = stage_client(s);
            peer_send(client, OWN);
            peer_send(client, cases[i].body);
            peer_await(client,
                       cases[i].is_allowed ? "taken" : "HTTP/1.1 429 Too Many Requests\r\n");
            if (!cases[i].is_allowed)
                peer_await(client, "Retry-After: 7\r\n");
            assert_int_equal(purse.meter.passed, i == 0 ? 9 : 10);
            stage_drop(s, client);
        }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_meter_asks_until_it_is_enough),
        cmocka_unit_test(test_meter_does_not_wrap),
        cmocka_unit_test(test_meter_opens_for_framing_alone),
        STAGE_TEST(test_meter_lets_a_request_pass_up_to_the_limit),
        STAGE_TEST(test_meter_bounds_what_is_spliced),
        STAGE_TEST(test_meter_tells_what_passed_when_the_client_leaves),
        STAGE_TEST(test_meter_asks_nothing_for_what_never_comes),
        STAGE_TEST(test_meter_tells_bad_framing_from_too_much),
        STAGE_TEST(test_meter_cuts_a_reply_above_the_limit),
        STAGE_TEST(test_meter_refuses_a_reply_at_its_first_byte),
        STAGE_TEST(test_meter_cuts_what_is_produced),
        STAGE_TEST(test_meter_refuses_what_is_produced_first),
        STAGE_TEST(test_meter_lets_a_consumed_body_pass_up_to_the_limit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
