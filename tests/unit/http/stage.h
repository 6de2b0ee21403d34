// SPDX-License-Identifier: Apache-2.0
/* A server with an upstream and clients, all on one loop of one thread, so that a test decides what
 * happens when. What the handler does with a request is told by its path:
 *
 *   /relay          relayed as POST to the upstream, under the rules of what must not be sent twice
 *   /read           relayed as GET, may be sent twice
 *   /answer         answered with "hello\n"
 *   /refuse         refused with 403
 *   /collect        the body is collected (at most 64 bytes), and answered with
 *   /collect-relay  the body is collected (at most 1 MiB), and relayed
 *   /own            as stage->on_own says
 *   /later          not decided: stage->waiting is the exchange
 */
#ifndef TESTS_HTTP_STAGE_H
#define TESTS_HTTP_STAGE_H

#include "certificate.h"
#include "clock.h"
#include "http/server.h"
#include "peer.h"

#include <setjmp.h>
#include <stdarg.h>

#include <cmocka.h>

enum { STAGE_PEERS = 64 };

struct stage {
    struct loop *loop;
    struct server *server;
    struct server_options options;   /* of the server; change before its first use */
    struct server_settings settings; /* of the server; likewise */
    struct relay relay;              /* how /relay and /read are relayed */
    struct pool_settings upstream;   /* of the pool; change before its first use */
    struct pool *pool;
    int upstream_fd, server_fd;     /* listening */
    struct address server_address;  /* since stage_serve */
    struct peer peers[STAGE_PEERS]; /* loop is NULL: free */
    struct exchange *waiting;       /* the newest of /later */
    void (*on_own)(struct stage *stage, struct exchange *exchange);
    struct meter *request_meter, *reply_meter; /* of /relay, /read and /own */
    void *own;                                 /* the test's, for on_own */
    struct exchange *current;                  /* the newest */
    unsigned int begun, ended;
    struct text collected;
    struct { /* the newest that ended */
        enum close_reason reason;
        int status;
        uint64_t bytes_in, bytes_out;
        bool is_retried;
    } last;
    unsigned int settings_disposed;
    char folder[64]; /* of the unix socket */
    struct certificate certificate;
    SSL_CTX *client_tls;
    size_t fds_before;
};

/* For cmocka: *state is a stage. After the test, nothing may be left: no session, block, timer or
 * descriptor. */
int stage_setup(void **state);
int stage_teardown(void **state);

/* Makes the server and the pool, with what options, settings and upstream say. Done by the first
 * client. */
void stage_start(struct stage *stage);

/* The server listens, over TCP. Done by the first client. */
void stage_serve(struct stage *stage);

struct peer *stage_client(struct stage *stage);      /* over TCP */
struct peer *stage_unix_client(struct stage *stage); /* over a socket pair */
/* The upstream listens on a unix socket; before the pool's first use. */
void stage_use_unix_upstream(struct stage *stage, int backlog);

/* Over TLS: after stage_use_tls, which comes before the server's first use. */
void stage_use_tls(struct stage *stage);
struct peer *stage_tls_client(struct stage *stage);
/* Sends text first. */
struct peer *stage_client_sends(struct stage *stage, const char *text);

/* The next connection to the upstream. */
struct peer *stage_accept(struct stage *stage);
/* As stage_accept, if there is one. */
struct peer *stage_try_accept(struct stage *stage);
/* Closes it; it may be used no more. */
void stage_drop(struct stage *stage, struct peer *peer);
/* No connection to the upstream is made while the loop turns for ms. */
void stage_expect_no_dial(struct stage *stage, unsigned int ms);

/* Turns the loop until count exchanges have ended in all. */
void stage_await_ended(struct stage *stage, unsigned int count);
/* Turns the loop until no session is left. */
void stage_await_no_session(struct stage *stage);

/* Listens on a port of the loopback that the kernel finds. */
int stage_listen(struct address *address);

/* Turns the loop until the condition holds. */
#define STAGE_AWAIT(stage, condition)                                                              \
    do {                                                                                           \
        for (int turn_ = 0; turn_ < 20000 && !(condition); turn_++)                                \
            loop_turn((stage)->loop, 1);                                                           \
        assert_true(condition);                                                                    \
    } while (0)

#define STAGE_TEST(test) cmocka_unit_test_setup_teardown(test, stage_setup, stage_teardown)

#endif
