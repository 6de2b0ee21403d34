// SPDX-License-Identifier: Apache-2.0
/* Connections to one upstream address, of one loop: dialled, lent to one exchange at a time, kept
 * while idle. Idle ones stay on the loop, so that one closed by the upstream is dropped at once and
 * not found out by a request. Loop thread only. */
#ifndef HTTP_POOL_H
#define HTTP_POOL_H

#include "conf/address.h"
#include "http/connection.h"
#include "http/tls.h"

struct pool;

/* TLS on a pool's connections. All NULL: plain. arg and what the hooks need live as long as the
 * pool. */
struct pool_tls {
    SSL_CTX *context; /* of tls_peer_client_create; a reference is taken */
    /* Before the handshake: SSL_set_tlsext_host_name, say. NULL: nothing to do. */
    void (*prepare)(void *arg, SSL *ssl);
    /* After each handshake, resumed ones too (the chain is there all the same), and before the
     * connection is lent: is this the peer? false with err fails the dial, with ERROR_REFUSED if
     * err says nothing else. */
    bool (*verify)(void *arg, SSL *ssl, struct error *err);
    void *arg;
};

struct pool_settings {
    struct address address; /* ADDRESS_IP or ADDRESS_UNIX: resolved already */
    struct pool_tls tls;
    uint32_t max_idle;
    uint64_t connect_timeout_ms; /* TLS handshake included */
    uint64_t idle_timeout_ms;
};

/* A connection that is lent out. The borrower sets the callbacks of connection.io. */
struct pooled {
    struct connection connection;
    struct pool *pool;
    void *borrower;          /* for the borrower's callbacks */
    bool is_reused;          /* it served another exchange before */
    unsigned int generation; /* of the pool, when it was dialled: pool_clear begins another */
    SSL_SESSION *session;    /* the newest that the server gave on it */
    uint64_t idle_since_ms;
    struct pooled *next, *previous; /* in the idle list; first: idle for the shortest time */
};

struct pool *pool_create(struct loop *loop, struct block_store *blocks,
                         const struct pool_settings *settings);

/* Closes what is idle, lets nothing that is lent out come back to it, and forgets the TLS session
 * that the next handshake would resume: the peer is another one from now on, or none. */
void pool_clear(struct pool *pool);

/* Closes what is idle. Connections that are lent out must have been given back. */
void pool_destroy(struct pool **pool);

/* An idle connection, or NULL. max_idle_ms: not one that idled for longer. */
struct pooled *pool_take(struct pool *pool, uint64_t max_idle_ms);

/* Gives it back: keep it for the next (nothing may be left to read or write on it), or close it. */
void pool_give(struct pooled *pooled, bool keep);

/* A new connection. pool_dial_start: false with err, and on_done is never called; or true, and
 * on_done is called once, later, with the connection or with an error, unless pool_dial_cancel came
 * first. dial is the caller's memory, free from either call on. */
struct dial {
    void (*on_done)(struct dial *dial, struct pooled *pooled, const struct error *err);
    struct pooled *pooled; /* NULL: not dialling */
    struct timer timeout;
};

MUST_USE bool pool_dial_start(struct pool *pool, struct dial *dial,
                              void (*on_done)(struct dial *, struct pooled *, const struct error *),
                              struct error *err);
void pool_dial_cancel(struct dial *dial); /* idle ones too */

const char *pool_address(const struct pool *pool);

#endif
