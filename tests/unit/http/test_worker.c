// SPDX-License-Identifier: Apache-2.0
/* A server on a thread of its own: two of them on one port. */
#include "conf/memory.h"
#include "http/fetch.h"
#include "http/worker.h"
#include "identities.h"
#include "stage.h"

#include <poll.h>
#include <signal.h>
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

/* ---- peers: one TLS context for all workers, tickets and rights of the newest snapshot */

struct rights {
    struct snapshot snapshot;
    SSL_CTX *tls;
    char generation[8]; /* in tickets, and of each session */
};

static void on_peer_request(struct exchange *exchange, void *rights_)
{
    struct rights *rights = rights_;

    *exchange_session_context(exchange) = rights->generation;
    assert_true(exchange_offer_ticket(exchange, slice_of(rights->generation), 3600));
    exchange_vouch(exchange);
    on_request(exchange, &rights->snapshot);
}

static bool is_ticket_good(void *rights_, struct slice blob)
{
    const struct rights *rights = rights_;

    return slice_is(blob, rights->generation);
}

static void on_session_end(void *generation)
{
}

static bool is_of_another(void *generation, void *context)
{
    return context != generation;
}

static const struct http_handler peer_handler = {.on_request = on_peer_request,
                                                 .put_error = put_error,
                                                 .on_session_end = on_session_end,
                                                 .is_ticket_good = is_ticket_good};

static struct server_settings *make_peer_settings(struct server *server, const void *rights_,
                                                  void *arg)
{
    struct rights *rights = (struct rights *)rights_;
    struct server_settings *settings = make_settings(server, rights, arg);

    settings->handler = &peer_handler;
    settings->tls = rights->tls;
    server_cut_sessions(server, is_of_another, rights->generation);
    return settings;
}

struct asker {
    struct loop *loop;
    struct block_store *blocks;
    struct pipe_store *pipes;
    struct pool *pool;
    unsigned int resumed, dialled;
    bool is_done;
    int status;
};

static bool verify(void *asker_, SSL *ssl, struct error *err)
{
    struct asker *asker = asker_;

    asker->dialled++;
    asker->resumed += SSL_session_reused(ssl) == 1;
    return true;
}

static void on_done(void *asker_, const struct fetch_reply *reply, const struct error *err)
{
    struct asker *asker = asker_;

    asker->is_done = true;
    asker->status = reply == NULL ? 0 : reply->status;
}

static void ask_peer(struct asker *asker)
{
    struct error err = {0};
    struct fetch *fetch;
    struct fetch_request request = {
        .loop = asker->loop,
        .pool = asker->pool,
        .pipes = asker->pipes,
        .head = SLICE("GET / HTTP/1.1\r\nHost: x\r\n"),
        .is_idempotent = true, /* an idle connection may be cut under it */
        .reply_max = 100,
        .timeout_ms = 10000,
    };

    asker->is_done = false;
    assert_true(fetch_start(&fetch, &request, on_done, asker, &err));
    while (!asker->is_done)
        loop_turn(asker->loop, 10);
}

static void ask_peers(const struct address *address, SSL_CTX *tls, struct worker **workers,
                      struct rights *both)
{
    struct asker asker = {.loop = loop_create(NULL),
                          .blocks = block_store_create(1 << 20),
                          .pipes = pipe_store_create()};
    struct pool_settings settings = {.address = *address,
                                     .tls = {.context = tls, .verify = verify, .arg = &asker},
                                     .max_idle = 4,
                                     .connect_timeout_ms = 10000,
                                     .idle_timeout_ms = 10000};

    asker.pool = pool_create(asker.loop, asker.blocks, &settings);
    for (int i = 0; i < 60; i++) {
        if (i % 10 == 5) {
            struct rights *rights = &both[i / 10 % 2];

            rights->snapshot.references += 2;
            for (int n = 0; n < 2; n++)
                worker_reload(workers[n], rights);
        }
        ask_peer(&asker);
        assert_true(asker.status == 200 || asker.status == 503); /* cut in the middle */
        if (i % 3 == 0) {
            pool_destroy(&asker.pool);
            asker.pool = pool_create(asker.loop, asker.blocks, &settings);
        }
        if (i % 10 == 3) {
            ask_peer(&asker);
            settings.max_idle = i % 20 == 3 ? 0 : 4; /* a connection each, resumed */
        }
    }
    assert_true(asker.dialled > asker.resumed && asker.resumed > 0);
    pool_destroy(&asker.pool);
    pipe_store_destroy(&asker.pipes);
    block_store_destroy(&asker.blocks);
    loop_destroy(&asker.loop);
}

static void test_worker_serves_peers_whose_rights_change(void **state)
{
    struct identity identity;
    struct rights both[2] = {{.generation = "one"}, {.generation = "two"}};
    struct address address;
    int fd = stage_listen(&address);
    struct worker *workers[2];

    signal(SIGPIPE, SIG_IGN);
    identity_create(&identity, "peer");
    for (unsigned int i = 0; i < 2; i++) {
        both[i].tls = identity.server;
        both[i].snapshot.text = "hello";
        both[i].snapshot.references = 1;
    }
    both[1].snapshot.references += 2;
    for (unsigned int i = 0; i < 2; i++) {
        struct worker_options options = {.id = i + 1,
                                         .cpu = -1,
                                         .listen_fd = i == 0 ? fd : dup(fd),
                                         .max_connections = 100,
                                         .strangers = {.at_once = 10},
                                         .make_settings = make_peer_settings,
                                         .unref_snapshot = unref};

        workers[i] = worker_create(&options, &both[1]);
    }
    ask_peers(&address, identity.client, workers, both);
    for (int i = 0; i < 2; i++)
        worker_destroy(&workers[i]);
    assert_int_equal(both[0].snapshot.references, 1);
    assert_int_equal(both[1].snapshot.references, 1);
    identity_dispose(&identity);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_worker_serves_reloads_and_drains),
        cmocka_unit_test(test_worker_serves_peers_whose_rights_change),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
