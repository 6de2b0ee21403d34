// SPDX-License-Identifier: Apache-2.0
/* A server on a thread of its own: two of them on one port. */
#include "conf/memory.h"
#include "http/worker.h"
#include "stage.h"

#include <poll.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

struct snapshot {
    atomic_int references;
    const char *text; /* what is answered */
};

static void on_request(struct exchange *exchange, void *app)
{
    const struct snapshot *snapshot = app;

    exchange_answer(exchange, &(struct answer){.status = 200,
                                               .content_type = "text/plain",
                                               .body = slice_of(snapshot->text)});
}

static const char *put_error(const struct exchange *exchange, int status, const char *message,
                             struct text *body)
{
    return "text/plain";
}

static const struct http_handler handler = {.on_request = on_request, .put_error = put_error};

static void dispose(struct server_settings *settings)
{
    free(settings);
}

static struct server_settings *make_settings(struct server *server, const void *snapshot, void *arg)
{
    struct server_settings *settings = memory_alloc(sizeof(*settings));

    *settings = (struct server_settings){
        .references = 1,
        .limits = {.head_size = 4096, .head_timeout_ms = 5000, .idle_timeout_ms = 5000},
        .handler = &handler,
        .app = (void *)snapshot,
        .dispose = dispose,
    };
    return settings;
}

static void unref(const void *snapshot)
{
    ((struct snapshot *)snapshot)->references--;
}

/* One request on a connection of its own; the reply's body is in reply. */
static void ask(const struct address *address, char *reply, size_t size)
{
    static const char request[] = "GET / HTTP/1.1\r\nHost: x\r\nConnection: close\r\n\r\n";
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    size_t got = 0;
    ssize_t part;

    assert_int_equal(connect(fd, (const struct sockaddr *)&address->sockaddr, address->size), 0);
    assert_int_equal(send(fd, request, sizeof(request) - 1, MSG_NOSIGNAL), sizeof(request) - 1);
    while ((part = recv(fd, reply + got, size - 1 - got, 0)) > 0)
        got += (size_t)part;
    reply[got] = '\0';
    close(fd);
}

static void test_worker_serves_reloads_and_drains(void **state)
{
    struct snapshot first = {1 + 2, "first"}, second = {1 + 2, "second"};
    struct address address;
    int fd = stage_listen(&address);
    struct worker *workers[2];
    char reply[1024];

    for (unsigned int i = 0; i < 2; i++) {
        struct worker_options options = {.id = i + 1,
                                         .cpu = -1,
                                         .listen_fd = i == 0 ? fd : dup(fd),
                                         .max_connections = 100,
                                         .make_settings = make_settings,
                                         .unref_snapshot = unref};

        workers[i] = worker_create(&options, &first);
    }
    for (int i = 0; i < 50; i++) {
        ask(&address, reply, sizeof(reply));
        assert_non_null(strstr(reply, "\r\n\r\nfirst"));
    }
    assert_int_equal(first.references, 1);
    for (int i = 0; i < 2; i++)
        worker_reload(workers[i], &second);
    while (second.references > 1)
        poll(NULL, 0, 1);
    for (int i = 0; i < 50; i++) {
        ask(&address, reply, sizeof(reply));
        assert_non_null(strstr(reply, "\r\n\r\nsecond"));
    }
    assert_int_equal(server_counter(&worker_counters(workers[0])->requests) +
                         server_counter(&worker_counters(workers[1])->requests),
                     100);
    for (int i = 0; i < 2; i++) {
        assert_false(worker_has_ended(workers[i]));
        worker_drain(workers[i], 1000);
    }
    for (int i = 0; i < 2; i++)
        while (!worker_has_ended(workers[i]))
            poll(NULL, 0, 1);
    for (int i = 0; i < 2; i++) {
        worker_destroy(&workers[i]);
        assert_null(workers[i]);
        worker_destroy(&workers[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(test_worker_serves_reloads_and_drains)};

    return cmocka_run_group_tests(tests, NULL, NULL);
}
