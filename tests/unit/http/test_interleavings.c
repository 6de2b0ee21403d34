// SPDX-License-Identifier: Apache-2.0
/* Everything that can happen to an exchange, in any order: the state machine's asserts, the
 * sanitizers and the stage's accounts (each exchange ends once, nothing is left) are the judges. A
 * failure is replayed from the seed it prints. */
#include "stage.h"

#include "conf/text.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

enum { ROUNDS = 1000, STEPS = 60 };

static uint64_t seed;

static unsigned int dice(unsigned int sides)
{
    seed ^= seed << 13;
    seed ^= seed >> 7;
    seed ^= seed << 17;
    return (unsigned int)(seed % sides);
}

/* ---- a handler that does anything that it may */

static uint64_t consumed;
static unsigned int states_seen, reasons_seen; /* bits */
static struct meter meters[2];

static uint64_t grant(void *arg, struct meter_refusal *refusal)
{
    if (dice(8) > 0)
        return 1 + dice(dice(2) == 0 ? 8 : 100000);
    refusal->status = 429;
    snprintf(refusal->message, sizeof(refusal->message), "no more");
    return 0;
}

static enum produce_result produce(void *exchange, struct text *out)
{
    static const enum produce_result results[] = {PRODUCE_MORE, PRODUCE_MORE, PRODUCE_WAIT,
                                                  PRODUCE_WAIT, PRODUCE_END,  PRODUCE_BREAK};
    enum produce_result result = results[dice(ARRAY_SIZE(results))];
    size_t size = dice(4) == 0 ? dice(300000) : dice(10);

    if (result == PRODUCE_MORE)
        size++;
    for (size_t i = 0; i < size; i++)
        text_put_char(out, 'p');
    if (dice(4) == 0)
        exchange_produce_more(exchange);
    return result;
}

static void start_producing(struct exchange *exchange)
{
    struct produced produced = {
        .status = 200,
        .content_type = "text/plain",
        .has_length = dice(4) == 0,
        .length = dice(100),
        .has_lines = dice(2) == 0,
        .produce = produce,
        .arg = exchange,
    };

    exchange_produce(exchange, &produced);
}

/* Decides; the exchange may be gone. */
static void decide(struct exchange *exchange)
{
    struct answer answer = {.status = 200, .content_type = "text/plain", .body = SLICE("x")};

    switch (dice(4)) {
    case 0:
        exchange_answer(exchange, &answer);
        break;
    case 1:
        exchange_refuse(exchange, 403, CLOSE_REFUSED, "no");
        break;
    case 2:
        exchange_cut(exchange, 500, CLOSE_FAILED, "broken");
        break;
    case 3:
        start_producing(exchange);
        break;
    }
}

static enum consume_result consume(struct exchange *exchange, void *arg, struct slice content,
                                   bool is_last)
{
    consumed += content.size;
    assert_int_equal(consumed, exchange->request.content_size); /* each byte, once */
    if (exchange->state == EXCHANGE_CONSUMING && (is_last ? dice(3) > 0 : dice(8) == 0)) {
        decide(exchange);
        return CONSUME_DECIDED;
    }
    if (dice(4) == 0)
        exchange_consume_more(exchange);
    return dice(2) == 0 ? CONSUME_WAIT : CONSUME_MORE;
}

static void on_own(struct stage *stage, struct exchange *exchange)
{
    consumed = 0;
    if (dice(3) == 0)
        start_producing(exchange);
    else
        exchange_consume(exchange, consume, NULL);
}

static void rewrite(void *arg, struct slice content, bool is_last, struct text *out)
{
    if (dice(2) == 0 || is_last)
        text_put_slice(out, content);
    if (is_last)
        text_put_text(out, "end");
}

static void on_held(struct exchange *exchange)
{
    switch (dice(4)) {
    case 0:
        exchange_release(exchange, SLICE("tail"));
        break;
    case 1:
        exchange_cut(exchange, 507, CLOSE_REFUSED, "full");
        break;
    default:
        break; /* later */
    }
}

static void choose(struct stage *s)
{
    for (int i = 0; i < 2; i++)
        meters[i] = (struct meter){.grant = grant, .left = dice(100)};
    s->on_own = on_own;
    s->request_meter = dice(2) == 0 ? &meters[0] : NULL;
    s->reply_meter = dice(2) == 0 ? &meters[1] : NULL;
    s->relay.holds_end = dice(2) == 0;
    s->relay.holds_head = dice(2) == 0;
    s->relay.rewrite = dice(2) == 0 ? rewrite : NULL;
    s->relay.on_held = on_held;
    s->relay.break_line = dice(2) == 0 ? SLICE("broke\n") : (struct slice){0};
}

/* ---- what happens */

static void act_on_exchange(struct stage *s)
{
    struct exchange *exchange = s->current;

    if (exchange == NULL)
        return;
    switch (dice(6)) {
    case 0:
        exchange_produce_more(exchange);
        break;
    case 1:
        exchange_consume_more(exchange);
        break;
    case 2:
        if (dice(4) == 0)
            exchange_cut(exchange, 401, CLOSE_REVOKED, "revoked");
        break;
    case 3:
        if (exchange->state == EXCHANGE_HOLDING && exchange->reply.holds_end)
            exchange_release(exchange, dice(2) == 0 ? SLICE("tail") : (struct slice){0});
        break;
    case 4:
        if (exchange->state == EXCHANGE_CONSUMING && dice(3) == 0)
            decide(exchange);
        break;
    default:
        break;
    }
}

static void act_as_client(struct peer *client)
{
    static const char *const bytes[] = {
        "3\r\nccc\r\n",
        "0\r\n\r\n",
        "c",
        "cccc",
        "1\r\nc\r\n0\r\n\r\n",
        "x\r\n",
        "POST /own HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\n\r\n",
    };
    char many[70000];

    if (client->fd < 0)
        return;
    switch (dice(16)) {
    case 0:
        peer_finish(client);
        break;
    case 1:
        (dice(2) == 0 ? peer_close : peer_reset)(client);
        break;
    case 2:
        memset(many, 'c', sizeof(many));
        peer_push(client, many, dice(sizeof(many)));
        break;
    case 3:
    case 4:
    case 5:
    case 6:
        peer_read(client);
        break;
    default: {
        const char *chosen = bytes[dice(ARRAY_SIZE(bytes))];

        peer_push(client, chosen, strlen(chosen));
    }
    }
}

static void act_as_upstream(struct stage *s, struct peer **upstream)
{
    static const char *const bytes[] = {
        "HTTP/1.1 200 OK\r\nContent-Length: 4\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n",
        "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n2\r\nuu\r\n0\r\nX-T: a\r\n\r\n",
        "HTTP/1.1 200 OK\r\nContent-Length: 2\r\n\r\nuu",
        "HTTP/1.1 500 X\r\nContent-Length: 0\r\n\r\n",
        "HTTP/1.1 204 X\r\n\r\n",
        "2\r\nuu\r\n",
        "0\r\n\r\n",
        "uuuu",
    };
    const char *chosen = bytes[dice(ARRAY_SIZE(bytes))];

    if (*upstream == NULL) {
        *upstream = stage_try_accept(s);
        return;
    }
    if (dice(12) == 0) {
        stage_drop(s, *upstream);
        *upstream = NULL;
        return;
    }
    peer_read(*upstream);
    peer_push(*upstream, chosen, strlen(chosen));
}

static struct peer *open_client(struct stage *s)
{
    static const char *const targets[] = {"/relay", "/own", "/own", "/read", "/collect"};
    static const char *const framings[] = {"Content-Length: 9\r\n", "Content-Length: 300000\r\n",
                                           "Transfer-Encoding: chunked\r\n", ""};
    struct peer *client = dice(4) == 0 ? stage_unix_client(s) : stage_client(s);
    char head[200];

    snprintf(head, sizeof(head), "%s %s HTTP/1.%u\r\nHost: x\r\n%s%s\r\n",
             dice(8) == 0 ? "HEAD" : "POST", targets[dice(ARRAY_SIZE(targets))],
             dice(6) == 0 ? 0 : 1, dice(4) == 0 ? "Expect: 100-continue\r\n" : "",
             framings[dice(ARRAY_SIZE(framings))]);
    peer_send(client, head);
    return client;
}

/* A sweep in each. */
static void pass_seconds(struct stage *s, unsigned int seconds)
{
    for (unsigned int i = 0; i < seconds; i++) {
        clock_advance_ms(1050);
        loop_turn(s->loop, 0);
    }
}

static void play(struct stage *s)
{
    struct peer *upstream = NULL;
    struct peer *client;

    choose(s);
    client = open_client(s);
    for (int i = 0; i < STEPS; i++) {
        switch (dice(4)) {
        case 0:
            act_as_client(client);
            break;
        case 1:
            act_as_upstream(s, &upstream);
            break;
        case 2:
            act_on_exchange(s);
            break;
        case 3:
            if (dice(6) == 0)
                pass_seconds(s, dice(16) == 0 ? 65 : 1 + dice(3));
            break;
        }
        loop_turn(s->loop, 0);
        if (s->current != NULL)
            states_seen |= 1U << s->current->state;
        if (s->ended > 0)
            reasons_seen |= 1U << s->last.reason;
    }
    if (dice(2) == 0) /* else what is left is cut while it runs */
        stage_drop(s, client);
    else
        while (s->server->sessions != NULL)
            session_close(s->server->sessions);
    if (upstream != NULL)
        stage_drop(s, upstream);
    for (int i = 0; i < 10; i++) {
        clock_advance_ms(25000);
        loop_turn(s->loop, 0);
    }
    while (s->server->sessions != NULL)
        session_close(s->server->sessions);
    if (client->loop != NULL)
        stage_drop(s, client);
    for (struct peer *queued; (queued = stage_try_accept(s)) != NULL;)
        stage_drop(s, queued);
    assert_int_equal(s->ended, s->server->counters.requests);
}

static bool has_bit(unsigned int bits, unsigned int place)
{
    return (bits >> place & 1) == 1;
}

static void test_interleavings_end_each_exchange_once(void **state)
{
    const char *given = getenv("INTERLEAVINGS_SEED");
    const char *rounds = getenv("INTERLEAVINGS_ROUNDS");
    uint64_t begin = given != NULL ? strtoull(given, NULL, 10) : 20261122;
    unsigned long count = rounds != NULL ? strtoul(rounds, NULL, 10) : given != NULL ? 1 : ROUNDS;
    struct stage *s = *state;

    s->settings.limits.min_body_rate = 1;
    stage_start(s);
    for (uint64_t round = 0; round < count; round++) {
        uint64_t number = begin + round;

        seed = number * 0x9e3779b97f4a7c15ULL | 1;
        fprintf(stderr, "INTERLEAVINGS_SEED=%" PRIu64 "\r", number);
        play(s);
    }
    if (count < ROUNDS)
        return;
    for (unsigned int i = EXCHANGE_COLLECTING; i < EXCHANGE_ENDED; i++)
        if (i != EXCHANGE_CONNECTING && i != EXCHANGE_ANSWERING) /* they pass in a turn */
            assert_true(has_bit(states_seen, i));
    for (unsigned int i = CLOSE_DONE; i <= CLOSE_REVOKED; i++)
        if (i != CLOSE_UPSTREAM_UNREACHABLE && i != CLOSE_UPSTREAM_REFUSED &&
            i != CLOSE_NOT_RETRIED && i != CLOSE_UPSTREAM_SILENT)
            assert_true(has_bit(reasons_seen, i));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STAGE_TEST(test_interleavings_end_each_exchange_once),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
