// SPDX-License-Identifier: Apache-2.0
/* The HTTP server of one loop: listeners, sessions, what they share, and what is counted. Loop
 * thread only, except the counters, which any thread may read. */
#ifndef HTTP_SERVER_H
#define HTTP_SERVER_H

#include "conf/log.h"
#include "http/exchange.h"
#include "http/guard.h"
#include "http/session.h"

#include <openssl/ssl.h>

struct http_limits {
    uint32_t head_size;
    uint64_t head_timeout_ms;
    uint64_t handshake_timeout_ms; /* 0: head_timeout_ms */
    uint64_t idle_timeout_ms;
    uint64_t body_idle_timeout_ms;
    uint64_t min_body_rate; /* bytes a second; 0: off */
    struct framing_limits framing;
};

/* What a request is served by: an immutable snapshot, of one loop, counted. */
struct server_settings {
    unsigned int references;
    struct http_limits limits;
    const struct http_handler *handler;
    void *app;
    SSL_CTX *tls;                                      /* NULL: plain */
    void (*dispose)(struct server_settings *settings); /* frees it and what is in it */
};

enum { DURATION_BUCKETS = 12 };

/* Written by the loop's thread, read by any: relaxed atomics through server_count. */
struct server_counters {
    uint64_t connections_accepted, connections_closed, accepts_paused;
    uint64_t handshakes, handshakes_resumed, handshakes_failed, handshakes_late;
    uint64_t strangers_refused; /* connections: an address had too many, or opened them too fast */
    uint64_t strangers_evicted; /* made room for newer ones */
    uint64_t requests, bad_requests, statuses[6], closes[CLOSE_REASON_COUNT];
    uint64_t bytes_in, bytes_out; /* content; all of the replies, heads and framing too */
    uint64_t upstream_dials, upstream_reuses, upstream_retries;
    uint64_t duration_us_sum, durations[DURATION_BUCKETS + 1];
    uint64_t block_bytes;
};

/* Upper bounds of durations' buckets, us; the last bucket has none. */
extern const uint64_t server_duration_bounds_us[DURATION_BUCKETS];

struct server_options {
    struct loop *loop;
    uint32_t id; /* of this server within the process: part of request ids */
    uint32_t max_connections;
    size_t large_block_budget;
    struct guard_limits strangers; /* over TCP */
    struct log_writer *log;        /* messages and, unless no_access_log, access lines */
    bool no_access_log;
};

struct server {
    struct loop *loop;
    struct block_store *blocks;
    struct pipe_store *pipes;
    struct server_options options;
    struct server_settings *settings;
    struct listener *listeners;
    struct session *sessions, *next_session; /* next_session: where a walk over them goes on */
    struct guard *guard;                     /* NULL: strangers are not limited */
    struct session *oldest_stranger, *newest_stranger;
    uint32_t session_count;
    struct exchange *free_exchanges;
    uint32_t free_exchange_count;
    struct timer sweep, accept_pause, drain_deadline;
    bool is_draining;
    uint64_t next_id;
    char id_prefix[12];
    struct server_counters counters;
};

/* settings: a reference is taken over. */
struct server *server_create(const struct server_options *options,
                             struct server_settings *settings);
/* Cuts what is left. */
void server_destroy(struct server **server);

/* Accepts from fd, a listening socket, which it takes over. */
void server_listen(struct server *server, int fd);

/* New requests are served by these settings; a reference is taken over. */
void server_reload(struct server *server, struct server_settings *settings);

/* Stops accepting once the queue of connections is empty, lets exchanges finish, cuts what is left
 * deadline_ms from now. Idle sessions close within a second, unless a request comes. Again: another
 * deadline. */
void server_drain(struct server *server, uint64_t deadline_ms);
bool server_is_drained(const struct server *server);

/* Ends each session whose context (exchange_session_context; those without one are not asked) must
 * go: an idle one at once; a running exchange is cut (503, for who connects anew is told what is so
 * now, or inside its reply; CLOSE_REVOKED) and its connection ends with it. Returns how many. Also
 * from worker_options.make_settings. */
size_t server_cut_sessions(struct server *server, bool (*must_go)(void *arg, void *session_context),
                           void *arg);

/* ---- for session.c and exchange.c */

struct exchange *server_take_exchange(struct server *server);
void server_give_exchange(struct server *server, struct exchange *exchange);
void server_forget_session(struct server *server, struct session *session);
/* A connection from there may be opened, and counts as a stranger's: then server_add_stranger and
 * server_forget_stranger must follow. */
bool server_admits(struct server *server, const struct sockaddr *peer);
void server_add_stranger(struct server *server, struct session *session);
void server_forget_stranger(struct server *server, struct session *session); /* others too */
/* There is one more: closes one, if that is too many. */
void server_limit_strangers(struct server *server);
void server_settings_unref(struct server_settings **settings);

static inline void server_count(uint64_t *counter, uint64_t increment)
{
    __atomic_store_n(counter, *counter + increment, __ATOMIC_RELAXED);
}

static inline uint64_t server_counter(const uint64_t *counter)
{
    return __atomic_load_n(counter, __ATOMIC_RELAXED);
}

/* The access log's line of an exchange that ended, and its counters. */
void access_record(const struct exchange *exchange);

#endif
