// SPDX-License-Identifier: Apache-2.0
/* Replies of our own that are rewritten on their way, or whose end waits for the handler: as a
 * relayed reply's may. And who serves an exchange hears of its end. */
#include "stage.h"

#define GET     "GET /own HTTP/1.1\r\nHost: x\r\n\r\n"
#define HEAD    "HTTP/1.1 200 OK\r\nContent-Type: text/x\r\n"
#define CHUNKED "Transfer-Encoding: chunked\r\n"

struct script {
    const char *pieces[6]; /* a dot: wait; NULL: the end */
    bool breaks;           /* in place of the end */
    unsigned int next;
    bool is_last_seen;
    struct produced produced;
    struct exchange_watch watch;
    unsigned int ends;
};

static unsigned int held;

static void on_held(struct exchange *exchange)
{
    held++;
}

static enum produce_result play(void *script_, struct text *out)
{
    struct script *script = script_;
    const char *piece = script->pieces[script->next];

    if (piece == NULL)
        return script->breaks ? PRODUCE_BREAK : PRODUCE_END;
    script->next++;
    if (strcmp(piece, ".") == 0)
        return PRODUCE_WAIT;
    text_put_text(out, piece);
    return PRODUCE_MORE;
}

/* Upper case becomes lower case, digits disappear; the end is said. */
static void rewrite(void *script_, struct slice content, bool is_last, struct text *out)
{
    struct script *script = script_;

    for (size_t i = 0; i < content.size; i++)
        if (content.data[i] > '9')
            text_put_char(out, (char)(content.data[i] | 0x20));
    assert_false(script->is_last_seen);
    script->is_last_seen = is_last;
    if (is_last)
        text_put_char(out, '.');
}

static void on_end(struct exchange_watch *watch, struct exchange *exchange)
{
    struct script *script = CONTAINER_OF(watch, struct script, watch);

    script->ends++;
}

static void start(struct stage *stage, struct exchange *exchange)
{
    struct script *script = stage->own;

    script->produced.status = 200;
    script->produced.content_type = "text/x";
    script->produced.produce = play;
    script->produced.arg = script;
    script->produced.rewrite_arg = script;
    script->produced.on_held = on_held;
    script->watch.on_end = on_end;
    exchange_watch_end(exchange, &script->watch);
    exchange_produce(exchange, &script->produced);
}

static struct peer *ask(void **state, struct script *script)
{
    struct stage *s = *state;

    held = 0;
    s->on_own = start;
    s->own = script;
    return stage_client_sends(s, GET);
}

static void expect_goes_on(struct peer *client)
{
    peer_send(client, "GET /answer HTTP/1.1\r\nHost: x\r\n\r\n");
    peer_await(client, "hello\n");
}

static void test_produce_rewrites_what_is_made(void **state)
{
    struct script script = {.pieces = {"AB1", "22", "C"}, .produced.rewrite = rewrite};
    struct peer *client = ask(state, &script);

    peer_expect(client, HEAD CHUNKED "\r\n2\r\nab\r\n1\r\nc\r\n1\r\n.\r\n0\r\n\r\n");
    expect_goes_on(client);
    assert_int_equal(script.ends, 1);
}

static void test_produce_holds_its_end(void **state)
{
    struct script script = {.pieces = {"AB"}, .produced.holds_end = true};
    struct stage *s = *state;
    struct peer *client = ask(state, &script);

    peer_expect(client, HEAD CHUNKED "\r\n2\r\nAB\r\n");
    peer_expect_silence(client, 5);
    assert_int_equal(held, 1);
    assert_int_equal(script.ends, 0);
    exchange_release(s->current, SLICE("tail"));
    peer_expect(client, "4\r\ntail\r\n0\r\n\r\n");
    assert_int_equal(script.ends, 1);
    expect_goes_on(client);
}

static void test_produce_holds_its_head_until_content_comes(void **state)
{
    struct script script = {
        .pieces = {".", "1", ".", "A"},
        .produced = {.holds_end = true, .holds_head = true, .rewrite = rewrite}};
    struct stage *s = *state;
    struct peer *client = ask(state, &script);

    peer_expect_silence(client, 5); /* not with the first wait either */
    exchange_produce_more(s->current);
    peer_expect_silence(client, 5); /* nor with content of which nothing is left */
    exchange_produce_more(s->current);
    peer_expect(client, HEAD CHUNKED "\r\n1\r\na\r\n");
    peer_expect_silence(client, 5);
    assert_int_equal(held, 1);
    exchange_release(s->current, (struct slice){0});
    peer_expect(client, "1\r\n.\r\n0\r\n\r\n");
    expect_goes_on(client);
}

static void test_produce_can_be_refused_while_its_head_is_held(void **state)
{
    static const struct {
        const char *pieces[6];
        bool breaks;
        int status;
        const char *expected;
    } cases[] = {
        {{"1"}, false, 507, "HTTP/1.1 507 Insufficient Storage\r\n"},
        {{"1"}, true, 500, "HTTP/1.1 500 Internal Server Error\r\n"},
        {{"1", "."}, false, 503, "HTTP/1.1 503 Service Unavailable\r\n"}, /* before it is whole */
    };

    for (size_t i = 0; i < ARRAY_SIZE(cases); i++) {
        struct script script = {
            .breaks = cases[i].breaks,
            .produced = {.holds_end = true, .holds_head = true, .rewrite = rewrite}};
        struct stage *s = *state;
        struct peer *client;

        memcpy(script.pieces, cases[i].pieces, sizeof(script.pieces));
        client = ask(state, &script);
        if (!cases[i].breaks) {
            peer_expect_silence(client, 5);
            exchange_cut(s->current, cases[i].status, CLOSE_REFUSED, "no");
        }
        peer_await(client, cases[i].expected);
        stage_await_ended(s, (unsigned int)i + 1);
        assert_int_equal(s->last.status, cases[i].status);
        assert_int_equal(script.ends, 1);
        stage_drop(s, client);
    }
}

static void test_produce_holds_trailers_too(void **state)
{
    struct script script = {.pieces = {"A"}, .produced.holds_end = true};
    struct stage *s = *state;
    struct peer *client = ask(state, &script);

    STAGE_AWAIT(s, held == 1);
    text_put_text(exchange_reply_trailers(s->current), "X-Stream-Error: full\r\n");
    assert_true(slice_is(exchange_upstream_trailers(s->current), "X-Stream-Error: full\r\n"));
    exchange_release(s->current, (struct slice){0});
    peer_await(client, "0\r\nX-Stream-Error: full\r\n\r\n");
}

static void test_watch_hears_of_the_end_when_the_client_leaves(void **state)
{
    struct script script = {.pieces = {"A", "."}, .produced.holds_end = true};
    struct stage *s = *state;
    struct peer *client = ask(state, &script);

    peer_await(client, "A\r\n");
    assert_int_equal(script.ends, 0);
    peer_reset(client);
    stage_await_ended(s, 1);
    assert_int_equal(script.ends, 1);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        STAGE_TEST(test_produce_rewrites_what_is_made),
        STAGE_TEST(test_produce_holds_its_end),
        STAGE_TEST(test_produce_holds_its_head_until_content_comes),
        STAGE_TEST(test_produce_can_be_refused_while_its_head_is_held),
        STAGE_TEST(test_produce_holds_trailers_too),
        STAGE_TEST(test_watch_hears_of_the_end_when_the_client_leaves),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
