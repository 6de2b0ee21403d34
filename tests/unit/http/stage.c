// SPDX-License-Identifier: Apache-2.0
#include "stage.h"

#include "http/tls.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

enum { PATIENCE_TURNS = 20000 };

/* ---- the handler */

static void relay_as(struct stage *stage, struct exchange *exchange, const char *method,
                     bool is_retryable)
{
    struct relay relay = stage->relay;
    struct text *head = exchange_upstream_head(exchange);
    struct slice target = exchange_request(exchange)->target;

    relay.pool = stage->pool;
    relay.is_retryable = is_retryable;
    text_put_text(head, method);
    text_put_char(head, ' ');
    text_put_slice(head, target);
    text_put_text(head, " HTTP/1.1\r\n");
    exchange_relay(exchange, &relay);
}

static void answer(struct exchange *exchange, struct slice body)
{
    struct answer answer = {.status = 200, .content_type = "text/plain", .body = body};

    exchange_answer(exchange, &answer);
}

static void on_body_to_answer(struct exchange *exchange, void *app, struct slice body)
{
    struct stage *stage = app;

    text_clear(&stage->collected);
    text_put_slice(&stage->collected, body);
    answer(exchange, body);
}

static void on_body_to_relay(struct exchange *exchange, void *app, struct slice body)
{
    struct stage *stage = app;
    struct relay relay = stage->relay;

    relay.pool = stage->pool;
    relay.has_body = true;
    relay.body = body;
    text_put_text(exchange_upstream_head(exchange), "POST /collected HTTP/1.1\r\n");
    exchange_relay(exchange, &relay);
}

static void on_request(struct exchange *exchange, void *app)
{
    struct stage *stage = app;
    const struct head *head = exchange_request(exchange);

    stage->begun++;
    stage->current = exchange;
    exchange_set_meters(exchange, stage->request_meter, stage->reply_meter);
    if (slice_starts(head->target, "/own"))
        stage->on_own(stage, exchange);
    else if (slice_starts(head->target, "/relay"))
        relay_as(stage, exchange, slice_is(head->method, "HEAD") ? "HEAD" : "POST", false);
    else if (slice_starts(head->target, "/read"))
        relay_as(stage, exchange, slice_is(head->method, "HEAD") ? "HEAD" : "GET", true);
    else if (slice_starts(head->target, "/answer"))
        answer(exchange, SLICE("hello\n"));
    else if (slice_starts(head->target, "/refuse"))
        exchange_refuse(exchange, 403, CLOSE_REFUSED, "not for you");
    else if (slice_starts(head->target, "/collect-relay"))
        exchange_collect(exchange, 1024 * 1024, on_body_to_relay);
    else if (slice_starts(head->target, "/collect"))
        exchange_collect(exchange, 64, on_body_to_answer);
    else
        stage->waiting = exchange;
}

static void on_end(struct exchange *exchange, void *app)
{
    struct stage *stage = app;

    stage->ended++;
    stage->last.reason = exchange->reason;
    stage->last.status = exchange->status;
    stage->last.bytes_in = exchange->request.content_size;
    stage->last.bytes_out = exchange->reply.written_size;
    stage->last.is_retried = exchange->is_retried;
    if (stage->waiting == exchange)
        stage->waiting = NULL;
    if (stage->current == exchange)
        stage->current = NULL;
}

static const char *put_error(const struct exchange *exchange, int status, const char *message,
                             struct text *body)
{
    const struct head *head = exchange_request(exchange); /* empty, or good */

    for (size_t i = 0; i < head->target.size; i++)
        assert_true(head->target.data[i] > ' ');
    for (size_t i = 0; i < head->header_count; i++)
        assert_true(head_is_token(head->headers[i].name));
    text_put_format(body, "%s\n", message);
    return "text/plain";
}

static const struct http_handler handler = {
    .on_request = on_request,
    .on_end = on_end,
    .put_error = put_error,
};

static bool passes_header(struct slice name)
{
    return slice_starts(name, "X-") || slice_equal_caseless(name, SLICE("content-type")) ||
           slice_equal_caseless(name, SLICE("trailer"));
}

static const char *status_fault(int status)
{
    return status >= 300 && status < 400 && status != 304 ? "a redirect" : NULL;
}

/* ---- the stage */

static size_t count_fds(void)
{
    size_t count = 0;
    DIR *dir = opendir("/proc/self/fd");

    assert_non_null(dir);
    while (readdir(dir) != NULL)
        count++;
    closedir(dir);
    return count;
}

static void on_settings_disposed(struct server_settings *settings)
{
    CONTAINER_OF(settings, struct stage, settings)->settings_disposed++;
}

int stage_listen(struct address *address)
{
    struct sockaddr_in loopback = {.sin_family = AF_INET,
                                   .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    struct sockaddr_storage actual;
    socklen_t size = sizeof(actual);

    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (const struct sockaddr *)&loopback, sizeof(loopback)), 0);
    assert_int_equal(listen(fd, 1024), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&actual, &size), 0);
    address_from_sockaddr(address, (const struct sockaddr *)&actual, size);
    return fd;
}

int stage_setup(void **state)
{
    struct stage *stage = calloc(1, sizeof(*stage));

    *state = stage;
    signal(SIGPIPE, SIG_IGN);
    stage->loop = loop_create(NULL);
    stage->fds_before = count_fds(); /* the loop's own descriptor, h2o never closes */
    stage->upstream_fd = stage_listen(&stage->upstream.address);
    stage->server_fd = -1;
    stage->upstream.max_idle = 8;
    stage->upstream.connect_timeout_ms = 5000;
    stage->upstream.idle_timeout_ms = 30000;
    stage->options = (struct server_options){
        .loop = stage->loop,
        .id = 1,
        .max_connections = 1000,
        .large_block_budget = 8 * 1024 * 1024,
        .no_access_log = true,
    };
    stage->settings = (struct server_settings){
        .references = 1,
        .limits = {.head_size = 64 * 1024,
                   .head_timeout_ms = 10000,
                   .idle_timeout_ms = 60000,
                   .body_idle_timeout_ms = 60000,
                   .framing = {.trailer_size = 8192, .extension_size = 256}},
        .handler = &handler,
        .app = stage,
        .dispose = on_settings_disposed,
    };
    stage->relay = (struct relay){
        .head_timeout_ms = 20000,
        .idle_timeout_ms = 20000,
        .passes_header = passes_header,
        .status_fault = status_fault,
    };
    return 0;
}

void stage_start(struct stage *stage)
{
    if (stage->server != NULL)
        return;
    stage->server = server_create(&stage->options, &stage->settings);
    stage->pool = pool_create(stage->loop, stage->server->blocks, &stage->upstream);
}

int stage_teardown(void **state)
{
    struct stage *stage = *state;

    for (size_t i = 0; i < STAGE_PEERS; i++)
        if (stage->peers[i].loop != NULL)
            peer_dispose(&stage->peers[i]);
    stage_start(stage);
    while (stage->server->sessions != NULL)
        session_close(stage->server->sessions);
    assert_int_equal(stage->server->counters.requests, stage->ended); /* each, once */
    pool_destroy(&stage->pool);
    server_destroy(&stage->server);
    assert_int_equal(stage->settings_disposed, 1);
    if (stage->upstream_fd >= 0)
        close(stage->upstream_fd);
    assert_int_equal(count_fds(), stage->fds_before);
    loop_destroy(&stage->loop);
    text_dispose(&stage->collected);
    SSL_CTX_free(stage->settings.tls);
    SSL_CTX_free(stage->client_tls);
    if (stage->folder[0] != '\0') {
        unlink(stage->upstream.address.text + strlen("unix:"));
        rmdir(stage->folder);
    }
    if (stage->certificate.x509 != NULL)
        certificate_dispose(&stage->certificate);
    free(stage);
    return 0;
}

/* ---- peers */

static struct peer *new_peer(struct stage *stage, int fd)
{
    struct peer *peer = stage->peers;
    int on = 1;

    while (peer->loop != NULL)
        peer++;
    assert_true(peer < stage->peers + STAGE_PEERS);
    setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
    peer_init(peer, stage->loop, fd);
    return peer;
}

void stage_serve(struct stage *stage)
{
    stage_start(stage);
    if (stage->server_fd >= 0)
        return;
    stage->server_fd = stage_listen(&stage->server_address);
    server_listen(stage->server, stage->server_fd);
}

struct peer *stage_client(struct stage *stage)
{
    const struct address *address = &stage->server_address;
    int fd;

    stage_serve(stage);
    fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (const struct sockaddr *)&address->sockaddr, address->size), 0);
    assert_int_equal(fcntl(fd, F_SETFL, O_NONBLOCK), 0);
    return new_peer(stage, fd);
}

struct peer *stage_unix_client(struct stage *stage)
{
    struct sockaddr peer = {.sa_family = AF_UNIX};
    int ends[2];

    stage_start(stage);
    assert_int_equal(socketpair(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0, ends), 0);
    session_start(stage->server, ends[0], NULL, &peer);
    return new_peer(stage, ends[1]);
}

void stage_use_unix_upstream(struct stage *stage, int backlog)
{
    char text[96];
    struct error err = {0};

    snprintf(stage->folder, sizeof(stage->folder), "/tmp/test_stage.XXXXXX");
    assert_non_null(mkdtemp(stage->folder));
    snprintf(text, sizeof(text), "unix:%s/socket", stage->folder);
    assert_true(address_parse(&stage->upstream.address, slice_of(text), &err));
    close(stage->upstream_fd);
    stage->upstream_fd = socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
    assert_int_equal(bind(stage->upstream_fd,
                          (const struct sockaddr *)&stage->upstream.address.sockaddr,
                          stage->upstream.address.size),
                     0);
    assert_int_equal(listen(stage->upstream_fd, backlog), 0);
}

void stage_use_tls(struct stage *stage)
{
    struct error err = {0};
    struct tls_files files;

    certificate_create(&stage->certificate, "localhost", NULL);
    files = (struct tls_files){.certificate = stage->certificate.certificate_file,
                               .key = stage->certificate.key_file};
    stage->settings.tls = tls_server_create(&files, NULL, &err);
    assert_non_null(stage->settings.tls);
    stage->client_tls = certificate_client_context();
}

struct peer *stage_tls_client(struct stage *stage)
{
    struct peer *client = stage_client(stage);

    peer_start_tls(client, stage->client_tls);
    return client;
}

struct peer *stage_client_sends(struct stage *stage, const char *text)
{
    struct peer *client = stage_client(stage);

    peer_send(client, text);
    return client;
}

void stage_drop(struct stage *stage, struct peer *peer)
{
    peer_dispose(peer);
    peer->loop = NULL;
}

static int try_accept(struct stage *stage)
{
    return accept4(stage->upstream_fd, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
}

struct peer *stage_try_accept(struct stage *stage)
{
    int fd = try_accept(stage);

    return fd >= 0 ? new_peer(stage, fd) : NULL;
}

struct peer *stage_accept(struct stage *stage)
{
    for (int i = 0; i < PATIENCE_TURNS; i++) {
        int fd = try_accept(stage);

        if (fd >= 0)
            return new_peer(stage, fd);
        loop_turn(stage->loop, 1);
    }
    fail_msg("nobody dialled the upstream");
    return NULL;
}

void stage_expect_no_dial(struct stage *stage, unsigned int ms)
{
    turn_for(stage->loop, ms);
    assert_int_equal(try_accept(stage), -1);
}

void stage_await_ended(struct stage *stage, unsigned int count)
{
    for (int i = 0; i < PATIENCE_TURNS && stage->ended < count; i++)
        loop_turn(stage->loop, 1);
    assert_int_equal(stage->ended, count);
}

void stage_await_no_session(struct stage *stage)
{
    for (int i = 0; i < PATIENCE_TURNS && stage->server->sessions != NULL; i++)
        loop_turn(stage->loop, 1);
    assert_null(stage->server->sessions);
}
