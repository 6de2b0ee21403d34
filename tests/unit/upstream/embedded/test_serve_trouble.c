// SPDX-License-Identifier: Apache-2.0
/* Exchanges served with tasks, in trouble: clients that do not read what they are answered, and a
 * store that cannot write. */
#include "ipfs/hash.h"
#include "serve_kit.h"
#include "upstream/embedded/import_commands.h"

#include <errno.h>
#include <sys/socket.h>

/* ---- a store in trouble */

static atomic_bool fails;    /* writes of segments */
static atomic_bool is_gated; /* and first wait for may_write */
static sem_t may_write;

ssize_t __real_pwrite(int fd, const void *bytes, size_t size, off_t offset);
ssize_t __wrap_pwrite(int fd, const void *bytes, size_t size, off_t offset);

ssize_t __wrap_pwrite(int fd, const void *bytes, size_t size, off_t offset)
{
    if (is_gated)
        sem_wait(&may_write);
    if (!fails)
        return __real_pwrite(fd, bytes, size, offset);
    errno = ENOSPC;
    return -1;
}

static int setup_trouble(void **state)
{
    fails = is_gated = false;
    sem_init(&may_write, 0, 0);
    return setup(state);
}

/* ---- clients that do not read */

static enum task_step run_refuse(struct task *task, struct error *err)
{
    slices++;
    error_set(err, ERROR_SYNTAX, "%0400d", 0);
    return TASK_FAILED;
}

static const struct task_command refusing = {.id = COMMAND_ID, .run = run_refuse};

static int server_fd(const struct bench *bench)
{
    return bench->stage->server->sessions->connection.io.fd;
}

/* Over a unix socket: what is full stays full until the client reads. */
static struct peer *ask_unix(struct bench *bench, const struct task_command *command,
                             const char *sent)
{
    struct peer *client;

    bench->stage->own = bench;
    bench->stage->on_own = start;
    bench->command = command;
    if (bench->target == NULL)
        bench->target = "/api/v0/id";
    client = stage_unix_client(bench->stage);
    peer_send(client, sent);
    return client;
}

static void make_small(const struct bench *bench)
{
    int size = 1;

    assert_int_equal(setsockopt(server_fd(bench), SOL_SOCKET, SO_SNDBUF, &size, sizeof(size)), 0);
}

/* Nothing more fits into the client's connection: what earlier replies left there. */
static void stuff(const struct bench *bench)
{
    static const char bytes[256];

    while (send(server_fd(bench), bytes, sizeof(bytes), MSG_DONTWAIT) > 0)
        ;
    assert_int_equal(errno, EAGAIN);
}

static bool is_waiting(const struct bench *bench)
{
    return bench->stage->current != NULL && bench->stage->current->state == EXCHANGE_ANSWERING;
}

static unsigned count(const struct text *text, const char *what)
{
    unsigned found = 0;

    for (const char *p = text->data; (p = strstr(p, what)) != NULL; p++)
        found++;
    return found;
}

static void test_serve_lets_error_answers_wait_for_a_client_that_does_not_read(void **state)
{
    enum { CALLS = 2000 };
    struct bench *bench = *state;
    struct text calls = {0};
    struct peer *client = ask_unix(bench, &refusing, "");
    size_t sent = 0;

    make_small(bench);
    for (int i = 0; i < CALLS; i++)
        text_put_text(&calls, EMPTY);
    for (int still = 0; still < 50; still++) {
        size_t step = peer_push(client, calls.data + sent, calls.size - sent);

        sent += step;
        if (step > 0)
            still = 0;
        loop_turn(bench->stage->loop, 1);
    }
    assert_true(is_waiting(bench));
    assert_int_equal(bench->stage->ended + 1, bench->stage->begun);
    for (int turns = 0; turns < 100000 && bench->stage->ended < CALLS; turns++) {
        peer_read(client);
        sent += peer_push(client, calls.data + sent, calls.size - sent);
        loop_turn(bench->stage->loop, 1);
    }
    text_dispose(&calls);
    assert_int_equal(bench->stage->ended, CALLS);
    turn_for(bench->stage->loop, 5);
    peer_read(client);
    text_put_char(&client->got, '\0');
    assert_int_equal(count(&client->got, "HTTP/1.1 400 Bad Request"), CALLS);
    assert_int_equal(slices, CALLS);
}

static void test_serve_says_nothing_about_time_behind_an_answer_that_waits(void **state)
{
    struct bench *bench = *state;
    struct peer *client;

    bench->target = "/api/v0/id?timeout=5s";
    client = ask_unix(bench, &refusing, "");
    stuff(bench);
    peer_send(client, EMPTY);
    STAGE_AWAIT(bench->stage, is_waiting(bench));
    clock_advance_ms(5100);
    turn_for(bench->stage->loop, 20);
    assert_true(is_waiting(bench));
    peer_await(client, "HTTP/1.1 400 Bad Request\r\n");
    peer_await(client, "\"Type\":\"error\"}\n");
    peer_expect_silence(client, 5);
    assert_int_equal(bench->stage->ended, 1);
}

/* ---- somebody else refuses meanwhile */

static enum task_step run_late(struct task *task, struct error *err)
{
    slices++;
    sem_wait(&may_go_on);
    if (call_option_bool(task->call, OPT_PIN, false)) {
        error_set(err, ERROR_IO, "too late");
        return TASK_FAILED;
    }
    text_put_text(&task->out, "{}\n");
    return TASK_DONE;
}

static void count_disposal(struct task *task)
{
    disposed++;
}

static const struct task_command late = {
    .id = COMMAND_BLOCK_PUT, .run = run_late, .dispose = count_disposal};

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

static void test_serve_leaves_an_exchange_alone_that_a_view_refused(void **state)
{
    static const char *const targets[] = {"/api/v0/block/put", "/api/v0/block/put?pin=true"};
    struct bench *bench = *state;

    for (unsigned i = 0; i < ARRAY_SIZE(targets); i++) {
        size_t seen = 0;
        struct view view = {.see = see, .arg = &seen};
        struct peer *client;

        takes_body(bench);
        bench->target = targets[i];
        bench->request.view = &view;
        client = ask_unix(bench, &late, POST "Content-Length: 10\r\n\r\nabc");
        STAGE_AWAIT(bench->stage, seen == 3 && slices == i + 1);
        stuff(bench);
        peer_send(client, "def");
        STAGE_AWAIT(bench->stage, is_waiting(bench));
        sem_post(&may_go_on);
        turn_for(bench->stage->loop, 30); /* the task ends, and waits for its exchange */
        assert_true(is_waiting(bench));
        assert_int_equal(disposed, i);
        peer_await(client, "HTTP/1.1 413 Content Too Large\r\n");
        peer_await(client, "too much");
        STAGE_AWAIT(bench->stage, disposed == i + 1);
        stage_drop(bench->stage, client);
        stage_await_no_session(bench->stage);
    }
}

/* ---- blocks that are not stored */

#define PART                                                                                       \
    "--x\r\nContent-Disposition: form-data; name=\"file\"; filename=\"a\"\r\n"                     \
    "Content-Type: application/octet-stream\r\n\r\nhello\r\n"
#define UPLOAD POST "Content-Type: multipart/form-data; boundary=x\r\n"

/* One file and the end of the body. */
static struct peer *upload(struct bench *bench, const struct task_command *command,
                           const char *target)
{
    char sent[512];

    takes_body(bench);
    bench->target = target;
    bench->request.break_line = SLICE("broken\n");
    snprintf(sent, sizeof(sent), UPLOAD "Content-Length: %zu\r\n\r\n" PART "--x--\r\n",
             strlen(PART "--x--\r\n"));
    return ask(bench, command, sent);
}

static const struct {
    const struct task_command *command;
    const char *target, *line;
} uploads[] = {
    {&command_block_put, "/api/v0/block/put", "\"Size\":5}\n"},
    {&command_add, "/api/v0/add?pin=false", "\"Size\":\"13\"}\n"},
};

static void test_serve_cuts_a_reply_whose_blocks_cannot_be_stored(void **state)
{
    struct bench *bench = *state;

    for (size_t i = 0; i < ARRAY_SIZE(uploads); i++) {
        struct peer *client;

        is_gated = fails = true;
        client = upload(bench, uploads[i].command, uploads[i].target);
        peer_await(client, "HTTP/1.1 200 OK\r\n");
        peer_await(client, uploads[i].line);
        is_gated = false;
        sem_post(&may_write);
        peer_await(client, "make room");
        peer_await(client, "\n\r\n");
        peer_expect_end(client); /* not the last chunk */
        assert_int_equal(bench->stage->last.reason, CLOSE_FAILED);
        stage_drop(bench->stage, client);
        stage_await_no_session(bench->stage);
    }
    assert_int_equal(blocks_totals(bench->node->blocks).count, 0);
}

/* Its line waits for the block, so nothing is written before. */
static void test_serve_answers_with_a_status_when_no_block_could_be_stored(void **state)
{
    struct bench *bench = *state;
    struct peer *client;

    fails = true;
    client = upload(bench, &command_block_put, "/api/v0/block/put?pin=true");
    peer_await(client, "HTTP/1.1 500 Internal Server Error\r\n");
    peer_await(client, "make room");
    STAGE_AWAIT(bench->stage, bench->stage->ended == 1);
    assert_int_equal(bench->stage->last.status, 500);
}

/* ---- a write that fails while the next slice runs */

static enum task_step run_two(struct task *task, struct error *err)
{
    struct slice block = SLICE("block");
    struct cid cid;

    if (++slices == 1) {
        hash_make_cid(&cid, 1, CODEC_RAW, HASH_SHA2_256, block);
        return task_put(task, &cid, block, err) ? TASK_GO_ON : TASK_FAILED;
    }
    sem_wait(&may_go_on);
    text_put_text(&task->out, "done\n");
    return TASK_DONE;
}

static const struct task_command two = {.id = COMMAND_ID, .run = run_two, .writes = true};

static void on_own_written(void *is_done, const struct blocks_written *result,
                           const struct error *err)
{
    *(bool *)is_done = true;
}

/* What was to be written before was, or failed, and its loop was told. */
static void await_writes(struct bench *bench)
{
    struct blocks_write *write = blocks_write_create();
    struct error err = {0};
    struct cid cid;
    bool is_done = false;

    hash_make_cid(&cid, 1, CODEC_RAW, HASH_SHA2_256, SLICE("own"));
    assert_true(blocks_write_put(write, &cid, SLICE("own"), &err));
    assert_true(blocks_write_start(bench->node->blocks, bench->stage->loop, write, on_own_written,
                                   &is_done, &err));
    STAGE_AWAIT(bench->stage, is_done);
}

static void test_serve_answers_with_a_status_what_fails_to_be_stored_in_a_slice(void **state)
{
    struct bench *bench = *state;
    struct peer *client;

    fails = true;
    client = ask(bench, &two, EMPTY);
    STAGE_AWAIT(bench->stage, slices == 2);
    await_writes(bench);
    sem_post(&may_go_on);
    peer_await(client, "HTTP/1.1 500 Internal Server Error\r\n");
    peer_await(client, "make room");
}

/* ---- held replies: who holds them reads the trailers */

static unsigned held;

static void on_held(struct exchange *exchange)
{
    held++;
    assert_non_null(memmem(exchange_upstream_trailers(exchange).data,
                           exchange_upstream_trailers(exchange).size, "make room", 9));
    exchange_cut(exchange, 507, CLOSE_FAILED, "seen");
}

static void test_serve_tells_who_holds_a_reply_what_was_not_stored(void **state)
{
    struct bench *bench = *state;

    for (unsigned i = 0; i < ARRAY_SIZE(uploads); i++) {
        struct peer *client;

        held = 0;
        is_gated = fails = true;
        bench->request.holds_end = true;
        bench->request.on_held = on_held;
        client = upload(bench, uploads[i].command, uploads[i].target);
        peer_await(client, uploads[i].line);
        is_gated = false;
        sem_post(&may_write);
        STAGE_AWAIT(bench->stage, held == 1);
        peer_await(client, "seen\n\r\n");
        peer_expect_end(client);
        stage_drop(bench->stage, client);
        stage_await_no_session(bench->stage);
    }
}

#define TROUBLE_TEST(test) cmocka_unit_test_setup_teardown(test, setup_trouble, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TROUBLE_TEST(test_serve_lets_error_answers_wait_for_a_client_that_does_not_read),
        TROUBLE_TEST(test_serve_says_nothing_about_time_behind_an_answer_that_waits),
        TROUBLE_TEST(test_serve_leaves_an_exchange_alone_that_a_view_refused),
        TROUBLE_TEST(test_serve_cuts_a_reply_whose_blocks_cannot_be_stored),
        TROUBLE_TEST(test_serve_answers_with_a_status_when_no_block_could_be_stored),
        TROUBLE_TEST(test_serve_answers_with_a_status_what_fails_to_be_stored_in_a_slice),
        TROUBLE_TEST(test_serve_tells_who_holds_a_reply_what_was_not_stored),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
