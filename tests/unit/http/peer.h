// SPDX-License-Identifier: Apache-2.0
/* The far end of a connection in a test: a client of the server, or the upstream. It speaks raw
 * bytes on a non-blocking descriptor; whatever waits turns the loop meanwhile, and fails the test
 * after some seconds. */
#ifndef TESTS_HTTP_PEER_H
#define TESTS_HTTP_PEER_H

#include "conf/text.h"
#include "http/loop.h"

#include <openssl/ssl.h>
#include <stdbool.h>

struct peer {
    struct loop *loop;
    int fd; /* -1: closed */
    SSL *ssl;
    struct text got; /* read so far, without X-Request-Id lines once expected */
    size_t seen;     /* of it was expected */
    bool is_ended;   /* EOF was read */
    bool is_reset;   /* reading failed */
};

void peer_init(struct peer *peer, struct loop *loop, int fd);
void peer_dispose(struct peer *peer);

/* Puts TLS on it, from the client's side, and shakes hands. context stays the caller's. */
void peer_start_tls(struct peer *peer, SSL_CTX *context);

/* All of it, however long it takes. */
void peer_send(struct peer *peer, const char *text);
void peer_send_bytes(struct peer *peer, const void *bytes, size_t size);
/* What goes without waiting; how much it was. */
size_t peer_push(struct peer *peer, const void *bytes, size_t size);
/* A body: size bytes of a pattern that depends on the place alone, starting at place from. */
void peer_send_pattern(struct peer *peer, uint64_t from, uint64_t size);

/* The next bytes are these. X-Request-Id lines are left out. */
void peer_expect(struct peer *peer, const char *text);
/* Reads on until text comes; what stands before it counts as expected too. */
void peer_await(struct peer *peer, const char *text);
/* The next bytes are the pattern. */
void peer_expect_pattern(struct peer *peer, uint64_t from, uint64_t size);
/* Nothing but the end comes: a FIN. */
void peer_expect_end(struct peer *peer);
/* Nothing but a reset comes. */
void peer_expect_reset(struct peer *peer);
/* The end or a reset; what stands before it is left. */
void peer_await_gone(struct peer *peer);
/* Nothing comes while the loop turns for ms. */
void peer_expect_silence(struct peer *peer, unsigned int ms);
/* Reads what is there into got; without waiting. */
void peer_read(struct peer *peer);

void peer_finish(struct peer *peer); /* FIN */
void peer_close(struct peer *peer);
void peer_reset(struct peer *peer);

/* Turns the loop for ms. */
void turn_for(struct loop *loop, unsigned int ms);

#endif
