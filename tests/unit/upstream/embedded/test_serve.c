// SPDX-License-Identifier: Apache-2.0
/* Exchanges served with tasks: bodies, replies, errors, and ends that come at any time. The
 * commands are made for the purpose; clients are real. */
#include "ipfs/hash.h"
#include "serve_kit.h"

/* ---- pattern: so many bytes of output */

struct pattern {
    size_t made;
};

enum { PATTERN_SIZE = 24 * MIB };

static atomic_size_t made; /* of it */

static enum task_step run_pattern(struct task *task, struct error *err)
{
    struct pattern *pattern = task->state;

    slices++;
    task_reply(task, "text/plain", TASK_STREAM_HEADER);
    while (pattern->made < PATTERN_SIZE) {
        for (int i = 0; i < 4096; i++, pattern->made++)
            text_put_char(&task->out, (char)('a' + pattern->made % 23));
        made = pattern->made;
        if (task_is_due(task))
            return TASK_GO_ON;
    }
    return TASK_DONE;
}

static void dispose(struct task *task)
{
    disposed++;
}

static const struct task_command pattern = {.id = COMMAND_ID,
                                            .state_size = sizeof(struct pattern),
                                            .run = run_pattern,
                                            .dispose = dispose,
                                            .writes = true};

static void await_end(struct bench *bench, struct peer *client)
{
    for (int turns = 0; turns < 200000 && bench->stage->ended == 0; turns++) {
        peer_read(client);
        loop_turn(bench->stage->loop, 1);
    }
    assert_int_equal(bench->stage->ended, 1);
}

static void test_serve_sends_what_a_task_puts_out(void **state)
{
    struct bench *bench = *state;
    struct peer *client = ask(bench, &pattern, EMPTY);

    await_end(bench, client);
    assert_int_equal(bench->stage->last.reason, CLOSE_DONE);
    assert_true(bench->stage->last.bytes_out > PATTERN_SIZE);
    peer_await(client, "\r\n0\r\n\r\n");
    STAGE_AWAIT(bench->stage, disposed == 1);
    assert_true(node_is_quiet(bench->node));
}

static void test_serve_makes_no_more_than_the_client_takes(void **state)
{
    struct bench *bench = *state;
    struct peer *client = ask(bench, &pattern, EMPTY);
    unsigned before = 0;

    STAGE_AWAIT(bench->stage, slices > 0);
    for (int still = 0; still < 50; still = slices == before ? still + 1 : 0) {
        before = slices;
        loop_turn(bench->stage->loop, 1);
    }
    assert_true(made < PATTERN_SIZE / 2); /* what sockets hold, and two pieces */
    assert_false(node_is_quiet(bench->node));
    await_end(bench, client);
}

/* ---- echo: input to output */

static enum task_step run_echo(struct task *task, struct error *err)
{
    slices++;
    text_put_slice(&task->out, task->input);
    task_take(task, task->input.size);
    return task->is_input_whole ? TASK_DONE : TASK_WANTS_INPUT;
}

static const struct task_command echo = {
    .id = COMMAND_BLOCK_PUT, .run = run_echo, .dispose = dispose};

static void test_serve_gives_the_task_the_clients_body(void **state)
{
    struct bench *bench = *state;
    struct peer *client;

    takes_body(bench);
    client = ask(bench, &echo, POST "Transfer-Encoding: chunked\r\n\r\n2\r\nab\r\n");
    peer_expect(client, JSON CHUNKED "2\r\nab\r\n");
    peer_send(client, "1\r\nc\r\n");
    peer_expect(client, "1\r\nc\r\n");
    peer_send(client, "0\r\n\r\n");
    peer_expect(client, "0\r\n\r\n");
}

/* ---- hold: takes no input until it may */

static enum task_step run_hold(struct task *task, struct error *err)
{
    bool *has_waited = task->state;

    slices++;
    if (!*has_waited) {
        *has_waited = true;
        sem_wait(&may_go_on);
    }
    task_take(task, task->input.size);
    return task->is_input_whole ? TASK_DONE : TASK_WANTS_INPUT;
}

static const struct task_command hold = {.id = COMMAND_BLOCK_PUT,
                                         .state_size = sizeof(bool),
                                         .run = run_hold,
                                         .dispose = dispose,
                                         .writes = true};

static void test_serve_takes_no_more_than_a_piece_ahead(void **state)
{
    struct bench *bench = *state;
    size_t size = 64UL * MIB, sent = 0, step;
    char *bytes = memory_alloc(MIB);
    struct peer *client;

    takes_body(bench);
    client = ask(bench, &hold, POST "Content-Length: 67108864\r\n\r\n");
    for (int still = 0; still<50; still = step> 0 ? 0 : still + 1) {
        loop_turn(bench->stage->loop, 1);
        step = peer_push(client, bytes, MIB);
        sent += step;
    }
    assert_true(sent < 16UL * MIB); /* a MiB here, the rest in sockets */
    sem_post(&may_go_on);
    while (sent < size) {
        loop_turn(bench->stage->loop, 0);
        sent += peer_push(client, bytes, size - sent < MIB ? size - sent : MIB);
    }
    free(bytes);
    peer_expect(client, JSON CHUNKED "0\r\n\r\n");
}

static void test_serve_ends_before_its_slice_does(void **state)
{
    struct bench *bench = *state;
    struct peer *client;

    takes_body(bench);
    client = ask(bench, &hold, POST "Content-Length: 10\r\n\r\nabc");
    STAGE_AWAIT(bench->stage, slices == 1);
    peer_reset(client);
    stage_await_ended(bench->stage, 1);
    assert_int_equal(disposed, 0);
    assert_false(node_is_quiet(bench->node));
    sem_post(&may_go_on);
    STAGE_AWAIT(bench->stage, disposed == 1);
    assert_true(node_is_quiet(bench->node));
    assert_int_equal(slices, 1);
}

static void test_serve_stops_while_a_slice_runs(void **state)
{
    struct bench *bench = *state;

    takes_body(bench);
    (void)ask(bench, &hold, POST "Content-Length: 10\r\n\r\nabc");
    STAGE_AWAIT(bench->stage, slices == 1);
    sem_post(&may_go_on); /* the teardown does the rest */
}

/* ---- errors */

static enum task_step run_fail(struct task *task, struct error *err)
{
    bool *has_begun = task->state;

    if (call_option_bool(task->call, OPT_QUIET, false) && !*has_begun) {
        *has_begun = true;
        text_put_text(&task->out, "{\"a\":1}\n");
        return TASK_GO_ON;
    }
    error_set(err, *has_begun ? ERROR_NOT_FOUND : ERROR_SYNTAX, "no \"such\"\tthing");
    return TASK_FAILED;
}

static const struct task_command failing = {
    .id = COMMAND_REPO_GC, .state_size = sizeof(bool), .run = run_fail, .is_lines = true};

static void test_serve_answers_with_a_status_what_fails_at_once(void **state)
{
    struct bench *bench = *state;
    struct peer *client;

    bench->target = "/api/v0/repo/gc";
    client = ask(bench, &failing, EMPTY);
    peer_expect(client,
                "HTTP/1.1 400 Bad Request\r\nContent-Type: application/json\r\n"
                "Content-Length: 57\r\n\r\n"
                "{\"Message\":\"no \\\"such\\\"\\tthing\",\"Code\":1,\"Type\":\"error\"}\n");
}

static void test_serve_ends_with_a_trailer_what_fails_later(void **state)
{
    struct bench *bench = *state;
    struct peer *client;

    bench->target = "/api/v0/repo/gc?quiet=true";
    client = ask(bench, &failing, EMPTY);
    peer_expect(client, JSON "X-Chunked-Output: 1\r\n" CHUNKED
                             "8\r\n{\"a\":1}\n\r\n0\r\nX-Stream-Error: no \"such\" thing\r\n\r\n");
    assert_int_equal(bench->stage->last.status, 200);
}

/* ---- blocks */

enum { PUT_COUNT = 300, PUT_SIZE = 100000 };

static struct slice put_block(unsigned n, char *bytes, struct cid *cid)
{
    struct slice block = {bytes, PUT_SIZE};

    memset(bytes, 'x', PUT_SIZE);
    memcpy(bytes, &n, sizeof(n));
    hash_make_cid(cid, 1, CODEC_RAW, HASH_SHA2_256, block);
    return block;
}

static enum task_step run_put(struct task *task, struct error *err)
{
    unsigned *n = task->state;
    char *bytes = memory_alloc(PUT_SIZE);
    bool is_put = true;
    struct cid cid;

    while (is_put && *n < PUT_COUNT) {
        struct slice block = put_block((*n)++, bytes, &cid);

        is_put = task_put(task, &cid, block, err);
        if (task_is_due(task))
            break;
    }
    free(bytes);
    if (!is_put)
        return TASK_FAILED;
    if (*n < PUT_COUNT)
        return TASK_GO_ON;
    text_put_text(&task->out, "done\n");
    return TASK_DONE;
}

static const struct task_command putting = {
    .id = COMMAND_ID, .state_size = sizeof(unsigned), .run = run_put, .writes = true};

static void test_serve_ends_when_all_blocks_are_durable(void **state)
{
    struct bench *bench = *state;
    struct peer *client = ask(bench, &putting, EMPTY);

    peer_await(client, "0\r\n\r\n");
    assert_int_equal(blocks_totals(bench->node->blocks).count, PUT_COUNT);
}

/* ---- what waits */

static enum task_step run_waiting(struct task *task, struct error *err)
{
    unsigned *calls = task->state;

    slices++;
    return ++*calls < 3 ? TASK_WAITS : TASK_DONE;
}

static const struct task_command waiting = {
    .id = COMMAND_ID, .state_size = sizeof(unsigned), .run = run_waiting, .writes = true};

static void test_serve_asks_a_task_that_waits_again_in_a_moment(void **state)
{
    struct bench *bench = *state;
    struct peer *client = ask(bench, &waiting, EMPTY);

    STAGE_AWAIT(bench->stage, slices == 1);
    peer_expect_silence(client, 20);
    assert_int_equal(slices, 1);
    clock_advance_ms(110);
    STAGE_AWAIT(bench->stage, slices == 2);
    clock_advance_ms(110);
    peer_expect(client, JSON CHUNKED "0\r\n\r\n");
}

/* Neither the task nor its loop does anything meanwhile. */
/* Says a word, and then the first four bytes of the last block that run_put puts. */
static enum task_step run_wanting(struct task *task, struct error *err)
{
    bool *has_begun = task->state;
    char *bytes = memory_alloc(PUT_SIZE);
    struct slice block;
    struct cid cid;

    put_block(PUT_COUNT - 1, bytes, &cid);
    free(bytes);
    task_reply(task, "text/plain", TASK_STREAM_HEADER);
    if (!*has_begun)
        text_put_text(&task->out, "first ");
    *has_begun = true;
    if (!task_get(task, &cid, &block, err))
        return task_waits_for_block(task, err) ? TASK_WAITS : TASK_FAILED;
    text_put_text(&task->out, "then");
    return TASK_DONE;
}

static const struct task_command wanting = {
    .id = COMMAND_ID, .state_size = sizeof(bool), .run = run_wanting};

static unsigned missing;

static void on_missing(struct exchange *exchange)
{
    missing++;
}

static void await_clock(struct bench *bench, struct peer *client, unsigned ended)
{
    for (int turns = 0; turns < 20000 && bench->stage->ended < ended; turns++) {
        peer_read(client);
        clock_advance_ms(10);
        loop_turn(bench->stage->loop, 1);
    }
    assert_int_equal(bench->stage->ended, ended);
}

static void test_serve_goes_on_when_the_block_that_was_missing_comes(void **state)
{
    struct bench *bench = *state;
    bool may_wait = true;
    struct peer *reader, *writer;

    missing = 0;
    bench->request.may_wait = &may_wait;
    bench->request.on_missing = on_missing;
    reader = ask(bench, &wanting, EMPTY);
    peer_await(reader, "first ");
    for (int turns = 0; turns < 50; turns++) {
        clock_advance_ms(100);
        loop_turn(bench->stage->loop, 1);
    }
    assert_int_equal(missing, 1); /* is told once */
    assert_int_equal(bench->stage->ended, 0);
    writer = ask(bench, &putting, EMPTY);
    await_clock(bench, writer, 2);
    peer_await(reader, "4\r\nthen\r\n0\r\n\r\n");
}

static void test_serve_fails_when_the_block_does_not_come_any_more(void **state)
{
    struct bench *bench = *state;
    bool may_wait = true;
    struct peer *reader;

    missing = 0;
    bench->request.may_wait = &may_wait;
    bench->request.on_missing = on_missing;
    reader = ask(bench, &wanting, EMPTY);
    peer_await(reader, "first ");
    STAGE_AWAIT(bench->stage, missing == 1);
    may_wait = false;
    clock_advance_ms(200);
    peer_await(reader, "X-Stream-Error: block was not found locally");
}

static void test_serve_says_why_the_block_does_not_come(void **state)
{
    struct bench *bench = *state;
    bool may_wait = true;
    struct text why = {0};
    struct peer *reader;

    missing = 0;
    bench->request.may_wait = &may_wait;
    bench->request.on_missing = on_missing;
    bench->request.why_missing = &why;
    reader = ask(bench, &wanting, EMPTY);
    peer_await(reader, "first ");
    STAGE_AWAIT(bench->stage, missing == 1);
    text_put_text(&why, "its partner is away");
    may_wait = false;
    clock_advance_ms(200);
    peer_await(reader, "X-Stream-Error: its partner is away\r\n");
    text_dispose(&why);
}

static void test_serve_does_not_wait_for_a_block_unasked(void **state)
{
    struct bench *bench = *state;
    struct peer *reader = ask(bench, &wanting, EMPTY);

    peer_await(reader, "X-Stream-Error: block was not found locally");
}

static void test_serve_is_idle_while_a_task_waits(void **state)
{
    struct bench *bench = *state;
    struct peer *client;
    uint64_t begun;

    takes_body(bench);
    client = ask(bench, &echo, POST "Content-Length: 10\r\n\r\nabc");
    peer_await(client, "abc\r\n");
    for (int turns = 0; turns < 20; turns++)
        loop_turn(bench->stage->loop, 1);
    begun = clock_us();
    for (int turns = 0; turns < 20; turns++)
        loop_turn(bench->stage->loop, 10);
    assert_true(clock_us() - begun > 100000);
    assert_true(slices <= 3);
}

static void test_serve_waits_until_the_gate_is_open(void **state)
{
    struct bench *bench = *state;
    struct peer *client;

    assert_true(node_close_gate(bench->node));
    client = ask(bench, &putting, EMPTY);
    peer_expect_silence(client, 50);
    node_open_gate(bench->node);
    peer_await(client, "0\r\n\r\n");
}

static void test_serve_says_that_the_gate_does_not_open(void **state)
{
    struct bench *bench = *state;
    struct peer *client;

    assert_true(node_close_gate(bench->node));
    client = ask(bench, &putting, EMPTY);
    peer_expect_silence(client, 50);
    clock_advance_ms(31000);
    peer_await(client, "HTTP/1.1 503 Service Unavailable\r\n");
    peer_await(client, "garbage is being collected");
    node_open_gate(bench->node);
}

static void run_nothing(struct job *job)
{
    sem_wait(&may_go_on);
}

static unsigned back; /* of those jobs */

static void on_nothing(struct job *job)
{
    back++;
}

static void test_serve_waits_while_the_pool_is_full(void **state)
{
    struct bench *bench = *state;
    struct job jobs[6];
    struct peer *client;

    back = 0;
    stage_start(bench->stage);
    for (size_t i = 0; i < ARRAY_SIZE(jobs); i++) { /* two run, four wait */
        jobs[i] = (struct job){.run = run_nothing, .on_done = on_nothing};
        while (!job_start(bench->jobs, bench->stage->loop, &jobs[i]))
            usleep(1000);
    }
    client = ask(bench, &echo, EMPTY);
    peer_expect_silence(client, 50);
    for (size_t i = 0; i < ARRAY_SIZE(jobs); i++)
        sem_post(&may_go_on);
    STAGE_AWAIT(bench->stage, back == ARRAY_SIZE(jobs));
    clock_advance_ms(50);
    peer_expect(client, JSON CHUNKED "0\r\n\r\n");
}

static void test_serve_heeds_timeout(void **state)
{
    struct bench *bench = *state;
    struct peer *client;

    bench->target = "/api/v0/id?timeout=5s";
    client = ask(bench, &waiting, EMPTY);
    STAGE_AWAIT(bench->stage, slices == 1);
    clock_advance_ms(5100);
    peer_await(client, "{\"Message\":\"context deadline exceeded\",\"Code\":0,\"Type\":\"error\"}");
    assert_int_equal(bench->stage->last.status, 500);
}

/* ---- what a treatment asks for */

static enum view_result see(void *seen_, struct slice content, struct meter_refusal *refusal)
{
    size_t *seen = seen_;

    *seen += content.size;
    if (*seen < 5)
        return VIEW_MORE;
    refusal->status = 413;
    snprintf(refusal->message, sizeof(refusal->message), "too much");
    return VIEW_REFUSED;
}

static void test_serve_lets_a_view_refuse_the_body(void **state)
{
    struct bench *bench = *state;
    size_t seen = 0;
    struct view view = {.see = see, .arg = &seen};
    struct peer *client;

    takes_body(bench);
    bench->request.view = &view;
    client = ask(bench, &hold, POST "Content-Length: 10\r\n\r\nabc");
    STAGE_AWAIT(bench->stage, seen == 3);
    peer_send(client, "def");
    peer_await(client, "HTTP/1.1 413 Content Too Large\r\n");
    sem_post(&may_go_on);
    STAGE_AWAIT(bench->stage, disposed == 1);
}

static unsigned held;

static void on_held(struct exchange *exchange)
{
    held++;
}

static void upper(void *arg, struct slice content, bool is_last, struct text *out)
{
    for (size_t i = 0; i < content.size; i++)
        text_put_char(out, (char)(content.data[i] >= 'a' ? content.data[i] - 32 : content.data[i]));
}

static void test_serve_holds_and_rewrites_only_success_if_so_asked(void **state)
{
    static const struct task_command *const commands[] = {&putting, &failing};
    static const char *const expected[] = {"5\r\nDONE\n\r\n", "no \\\"such"};

    for (size_t i = 0; i < 2; i++) {
        struct bench *bench = *state;
        struct peer *client;

        held = 0;
        bench->target = i == 0 ? "/api/v0/id" : "/api/v0/repo/gc";
        bench->request = (struct upstream_request){.holds_end = true,
                                                   .holds_head = true,
                                                   .on_held = on_held,
                                                   .rewrite = upper,
                                                   .is_for_success = true};
        client = ask(bench, commands[i], EMPTY);
        peer_await(client, expected[i]);
        if (i == 0) {
            STAGE_AWAIT(bench->stage, held == 1);
            exchange_release(bench->stage->current, (struct slice){0});
            peer_await(client, "0\r\n\r\n");
        }
        assert_int_equal(held, i == 0);
        stage_drop(bench->stage, client);
    }
}

#define SERVE_TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        SERVE_TEST(test_serve_sends_what_a_task_puts_out),
        SERVE_TEST(test_serve_makes_no_more_than_the_client_takes),
        SERVE_TEST(test_serve_gives_the_task_the_clients_body),
        SERVE_TEST(test_serve_takes_no_more_than_a_piece_ahead),
        SERVE_TEST(test_serve_ends_before_its_slice_does),
        SERVE_TEST(test_serve_stops_while_a_slice_runs),
        SERVE_TEST(test_serve_answers_with_a_status_what_fails_at_once),
        SERVE_TEST(test_serve_ends_with_a_trailer_what_fails_later),
        SERVE_TEST(test_serve_ends_when_all_blocks_are_durable),
        SERVE_TEST(test_serve_asks_a_task_that_waits_again_in_a_moment),
        SERVE_TEST(test_serve_goes_on_when_the_block_that_was_missing_comes),
        SERVE_TEST(test_serve_says_why_the_block_does_not_come),
        SERVE_TEST(test_serve_fails_when_the_block_does_not_come_any_more),
        SERVE_TEST(test_serve_does_not_wait_for_a_block_unasked),
        SERVE_TEST(test_serve_is_idle_while_a_task_waits),
        SERVE_TEST(test_serve_waits_until_the_gate_is_open),
        SERVE_TEST(test_serve_says_that_the_gate_does_not_open),
        SERVE_TEST(test_serve_waits_while_the_pool_is_full),
        SERVE_TEST(test_serve_heeds_timeout),
        SERVE_TEST(test_serve_lets_a_view_refuse_the_body),
        SERVE_TEST(test_serve_holds_and_rewrites_only_success_if_so_asked),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
