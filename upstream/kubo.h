// SPDX-License-Identifier: Apache-2.0
/* A Kubo node as upstream: its RPC API, spoken by one loop. Loop thread only. */
#ifndef UPSTREAM_KUBO_H
#define UPSTREAM_KUBO_H

#include "conf/address.h"
#include "http/exchange.h"

struct kubo;

struct kubo_settings {
    struct address address;    /* resolved */
    const char *authorization; /* the Authorization header's value, or NULL; copied */
    uint32_t max_idle;         /* connections */
    uint64_t connect_timeout_ms;
    uint64_t head_timeout_ms, idle_timeout_ms; /* of a reply, unless a relay says otherwise */
};

struct kubo *kubo_create(struct loop *loop, struct block_store *blocks, struct pipe_store *pipes,
                         const struct kubo_settings *settings);
/* Every exchange that it served has ended. */
void kubo_destroy(struct kubo **kubo);

struct kubo_request {
    struct slice target;       /* "/api/v0/cat?arg=..." */
    struct slice content_type; /* {NULL, 0}: none */
    struct slice headers;      /* further lines, each with CR LF */
    bool is_retryable;         /* see struct relay */
    bool has_body;             /* body stands in for the client's */
    struct slice body;
    bool may_be_silent;      /* such as pin/add: no limit on the reply's silence */
    bool is_endless;         /* such as pubsub/sub: ends when the client does */
    struct slice break_line; /* see struct relay */
    half_rewrite rewrite;    /* likewise */
    void *rewrite_arg;
};

/* Relays the exchange's body to POST target, and the reply back, with the headers that Kubo's
 * clients heed. */
void kubo_relay(struct kubo *kubo, struct exchange *exchange, const struct kubo_request *request);

/* ---- operations: requests of our own */

struct kubo_resolving;

/* path is what the name stands for ("/ipfs/<cid>/..."; borrowed), or NULL with err. */
typedef void (*kubo_resolved)(void *arg, struct slice path, const struct error *err);

/* Resolves "/ipns/name/sub/path" to its end; offline: with what the node knows. Refused: false with
 * err, never a call. Accepted: one call, later; none after kubo_resolve_cancel. The error is
 * ERROR_UNSUPPORTED with the node's own words when it said no, ERROR_TIMEOUT when it said nothing,
 * another with what was wrong with its answer. */
MUST_USE bool kubo_resolve_start(struct kubo *kubo, struct kubo_resolving **resolving,
                                 struct slice path, uint64_t timeout_ms, bool offline,
                                 kubo_resolved on_done, void *arg, struct error *err);
void kubo_resolve_cancel(struct kubo_resolving **resolving);

#endif
