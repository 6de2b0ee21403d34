// SPDX-License-Identifier: Apache-2.0
/* A whole server between a client and an upstream that both say anything. However they go on:
 * nothing is left when the client has gone, the upstream sees only requests that the handler made,
 * well framed, and the client sees only replies, at most one to each request.
 *
 * Input: a byte of ways to end, a byte that seeds the cuts, two bytes that say how much is the
 * client's, the client's bytes, the upstream's. */
#include "conf/memory.h"
#include "http/server.h"
#include "tests/unit/http/clock.h"

#include <signal.h>
#include <stddef.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { EXCHANGES = 256, UPSTREAMS = 32, TURNS_MAX = 4000 };

enum ending {
    CLIENT_FINISHES = 1,
    CLIENT_RESETS = 2,
    UPSTREAM_RESETS = 4,
    UPSTREAM_CLOSES = 8,
    TIME_PASSES = 16
};

struct upstream {
    int fd;
    struct text got;
    size_t sent;
};

/* One input. */
struct run {
    struct server *server;
    struct server_settings settings;
    struct pool *pool;
    struct slice client_bytes, upstream_bytes;
    size_t client_sent;
    int client;
    struct text replies;
    unsigned int ways, seed;
    struct upstream upstreams[UPSTREAMS];
    size_t upstream_count;
    size_t begun, relayed;
    bool was_head[EXCHANGES];
};

static struct loop *loop; /* h2o does not close a loop's descriptor: one for all inputs */
static int listen_fd;
static struct address address;

static void check(bool holds)
{
    if (!holds)
        abort();
}

/* ---- the handler */

static bool passes_header(struct slice name)
{
    return slice_starts(name, "X");
}

static const char *status_fault(int status)
{
    return status == 401 ? "no" : NULL;
}

static void relay(struct run *run, struct exchange *exchange, const char *method, bool is_retryable,
                  const struct slice *body)
{
    struct relay how = {.pool = run->pool,
                        .is_retryable = is_retryable,
                        .has_body = body != NULL,
                        .body = body == NULL ? (struct slice){0} : *body,
                        .head_timeout_ms = 20000,
                        .idle_timeout_ms = 20000,
                        .passes_header = passes_header,
                        .status_fault = status_fault,
                        .break_line = SLICE("broken")};

    run->relayed += is_retryable ? 2 : 1;
    text_put_format(exchange_upstream_head(exchange), "%s /relayed HTTP/1.1\r\n", method);
    exchange_relay(exchange, &how);
}

static void on_body(struct exchange *exchange, void *app, struct slice body)
{
    relay(app, exchange, exchange->is_head_request ? "HEAD" : "POST", false, &body);
}

static void on_request(struct exchange *exchange, void *app)
{
    struct run *run = app;
    const struct head *head = exchange_request(exchange);
    bool is_head = slice_is(head->method, "HEAD");
    struct answer answer = {.status = 200, .content_type = "text/plain", .body = SLICE("hello\n")};

    if (run->begun < EXCHANGES)
        run->was_head[run->begun] = is_head;
    run->begun++;
    if (slice_starts(head->target, "/r"))
        relay(run, exchange, is_head ? "HEAD" : "POST", false, NULL);
    else if (slice_starts(head->target, "/g"))
        relay(run, exchange, is_head ? "HEAD" : "GET", true, NULL);
    else if (slice_starts(head->target, "/c"))
        exchange_collect(exchange, 100, on_body);
    else if (slice_starts(head->target, "/x"))
        exchange_refuse(exchange, 403, CLOSE_REFUSED, "no");
    else
        exchange_answer(exchange, &answer);
}

static const char *put_error(const struct exchange *exchange, int status, const char *message,
                             struct text *body)
{
    text_put_text(body, message);
    return "text/plain";
}

static const struct http_handler handler = {.on_request = on_request, .put_error = put_error};

static void on_disposed(struct server_settings *settings)
{
}

/* ---- what was seen must be well framed: reads one message after another */

/* false: the rest is no whole message. */
static bool skip_body(struct text *text, size_t *at, const struct head *head)
{
    static const struct framing_limits limits = {.trailer_size = 65536, .extension_size = 0};
    struct decoder decoder;
    bool result;

    decoder_init(&decoder, head->body, head->content_length, &limits);
    while (!decoder.is_done && *at < text->size) {
        struct iovec content[8];
        int count = ARRAY_SIZE(content);
        size_t used;

        check(decoder_read(&decoder, text->data + *at, text->size - *at, &used, content, &count) !=
              DECODE_BAD);
        *at += used;
    }
    result = decoder.is_done;
    decoder_dispose(&decoder);
    return result;
}

static size_t count_requests(struct text *text)
{
    size_t count = 0, at = 0;

    while (at < text->size) {
        struct head_fault fault;
        struct head head;
        enum head_result result =
            head_parse_request(&head, text->data + at, text->size - at, 0, &fault);

        count++;
        if (result == HEAD_BAD) /* the only fault: the handler sends no Host */
            check(strstr(fault.text, "Host") != NULL);
        if (result == HEAD_MORE)
            break;
        check(slice_is(head.target, "/relayed"));
        at += head.size;
        if (result == HEAD_BAD) {
            const struct header *length = head_find(&head, "content-length");

            head.body = head_find(&head, "transfer-encoding") != NULL ? FRAMING_CHUNKED
                        : length != NULL                              ? FRAMING_LENGTH
                                                                      : FRAMING_NONE;
            head.content_length = length == NULL ? 0 : strtoull(length->value.data, NULL, 10);
        }
        if (!skip_body(text, &at, &head))
            break;
    }
    return count;
}

static void check_replies(struct run *run)
{
    size_t count = 0, at = 0;

    while (at < run->replies.size) {
        bool is_head = count < run->begun && count < EXCHANGES && run->was_head[count];
        struct head_fault fault;
        struct head head;
        enum head_result result = head_parse_reply(&head, run->replies.data + at,
                                                   run->replies.size - at, 0, is_head, &fault);

        check(result != HEAD_BAD);
        if (result == HEAD_MORE)
            return;
        at += head.size;
        if (head.status < 200)
            continue;
        check(++count <= run->server->counters.requests);
        if (!skip_body(&run->replies, &at, &head))
            return;
    }
}

/* ---- one input */

static size_t next_part(struct run *run, size_t left)
{
    run->seed = run->seed * 1103515245 + 12345;
    return 1 + (run->seed >> 16) % (left < 600 ? left : 600);
}

static void read_all(int fd, struct text *into)
{
    char bytes[4096];
    ssize_t got;

    while ((got = recv(fd, bytes, sizeof(bytes), 0)) > 0)
        text_put(into, bytes, (size_t)got);
}

static void send_some(struct run *run, int fd, struct slice bytes, size_t *sent)
{
    size_t left = bytes.size - *sent;
    ssize_t put;

    if (left == 0)
        return;
    put = send(fd, bytes.data + *sent, next_part(run, left), MSG_NOSIGNAL);
    if (put > 0)
        *sent += (size_t)put;
}

static void reset(int fd)
{
    struct linger now = {.l_onoff = 1, .l_linger = 0};

    setsockopt(fd, SOL_SOCKET, SO_LINGER, &now, sizeof(now));
    close(fd);
}

static void play_upstreams(struct run *run)
{
    int fd = accept4(listen_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);

    if (fd >= 0 && run->upstream_count == UPSTREAMS)
        close(fd);
    else if (fd >= 0)
        run->upstreams[run->upstream_count++] = (struct upstream){.fd = fd};
    for (size_t i = 0; i < run->upstream_count; i++) {
        struct upstream *upstream = &run->upstreams[i];

        if (upstream->fd < 0)
            continue;
        read_all(upstream->fd, &upstream->got);
        if (upstream->got.size > 0)
            send_some(run, upstream->fd, run->upstream_bytes, &upstream->sent);
        if (upstream->got.size > 0 && upstream->sent == run->upstream_bytes.size &&
            (run->ways & (UPSTREAM_RESETS | UPSTREAM_CLOSES)) != 0) {
            if ((run->ways & UPSTREAM_RESETS) != 0)
                reset(upstream->fd);
            else
                close(upstream->fd);
            upstream->fd = -1;
        }
    }
}

static void begin(struct run *run)
{
    struct server_options options = {.loop = loop,
                                     .max_connections = 10,
                                     .large_block_budget = 1024 * 1024,
                                     .no_access_log = true};
    struct pool_settings pool = {
        .address = address, .max_idle = 4, .connect_timeout_ms = 1000, .idle_timeout_ms = 10000};
    struct sockaddr peer = {.sa_family = AF_UNIX};
    int ends[2];

    run->settings = (struct server_settings){
        .references = 1,
        .limits = {.head_size = 4096,
                   .head_timeout_ms = 1000,
                   .idle_timeout_ms = 2000,
                   .body_idle_timeout_ms = 5000,
                   .min_body_rate = 1,
                   .framing = {.trailer_size = 256, .extension_size = 32}},
        .handler = &handler,
        .app = run,
        .dispose = on_disposed,
    };
    run->server = server_create(&options, &run->settings);
    run->pool = pool_create(loop, run->server->blocks, &pool);
    check(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends) == 0);
    session_start(run->server, ends[0], NULL, &peer);
    run->client = ends[1];
}

static void play(struct run *run)
{
    for (int idle = 0; idle < 12; idle++) {
        size_t before = run->client_sent + run->replies.size;

        send_some(run, run->client, run->client_bytes, &run->client_sent);
        loop_turn(loop, 0);
        play_upstreams(run);
        loop_turn(loop, 0);
        read_all(run->client, &run->replies);
        if (run->client_sent == run->client_bytes.size && (run->ways & CLIENT_FINISHES) != 0)
            shutdown(run->client, SHUT_WR);
        if ((run->ways & TIME_PASSES) != 0)
            clock_advance_ms(next_part(run, 600));
        if (run->client_sent + run->replies.size > before)
            idle = 0;
    }
}

static void end(struct run *run)
{
    size_t requests = 0;

    check_replies(run);
    if ((run->ways & CLIENT_RESETS) != 0)
        reset(run->client);
    else
        close(run->client);
    for (int i = 0; i < TURNS_MAX && run->server->sessions != NULL; i++) {
        loop_turn(loop, 0);
        play_upstreams(run);
        clock_advance_ms(100);
    }
    check(run->server->sessions == NULL);
    for (size_t i = 0; i < run->upstream_count; i++) {
        requests += count_requests(&run->upstreams[i].got);
        text_dispose(&run->upstreams[i].got);
        if (run->upstreams[i].fd >= 0)
            close(run->upstreams[i].fd);
    }
    check(requests <= run->relayed);
    pool_destroy(&run->pool);
    server_destroy(&run->server);
    loop_turn(loop, 0);
    text_dispose(&run->replies);
}

static void listen_for_upstreams(void)
{
    struct sockaddr_un name = {.sun_family = AF_UNIX}; /* autobind: a name without a file */
    socklen_t size = sizeof(address.sockaddr);

    signal(SIGPIPE, SIG_IGN);
    loop = loop_create(NULL);
    listen_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    check(bind(listen_fd, (struct sockaddr *)&name, sizeof(name.sun_family)) == 0);
    check(listen(listen_fd, 64) == 0);
    address.kind = ADDRESS_UNIX;
    check(getsockname(listen_fd, (struct sockaddr *)&address.sockaddr, &size) == 0);
    address.size = size;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct run *run;
    size_t client;

    if (size < 5)
        return 0;
    if (loop == NULL)
        listen_for_upstreams();
    run = memory_alloc(sizeof(*run));
    run->ways = data[0];
    run->seed = data[1];
    client = (size_t)(data[2] << 8 | data[3]) % (size - 3);
    run->client_bytes = (struct slice){(const char *)data + 4, client};
    run->upstream_bytes = (struct slice){(const char *)data + 4 + client, size - 4 - client};
    begin(run);
    play(run);
    end(run);
    free(run);
    return 0;
}
