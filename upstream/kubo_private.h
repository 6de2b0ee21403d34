// SPDX-License-Identifier: Apache-2.0
/* What the files of the Kubo upstream share: the node, and an operation under way, which is one
 * request after another. Every reply is read as JSON objects, one a line, as they come. */
#ifndef UPSTREAM_KUBO_PRIVATE_H
#define UPSTREAM_KUBO_PRIVATE_H

#include "http/fetch.h"
#include "ipfs/ndjson.h"
#include "upstream/kubo.h"
#include "upstream/upstream_private.h"

#include <jansson.h>

struct kubo {
    struct upstream base;
    struct loop *loop;
    struct pipe_store *pipes;
    struct pool *pool;
    struct kubo_settings settings;
    struct text fixed_headers;         /* Host, User-Agent, Authorization */
    struct kubo_operation *operations; /* under way */
};

/* Why a status of the node's is no answer to a client, in a sentence; NULL: it is one. */
const char *kubo_status_fault(int status);

/* "POST target HTTP/1.1" and the headers that every request has. */
void kubo_put_head(const struct kubo *kubo, const struct call *call, struct text *head);

struct kubo_export;
struct kubo_import;

/* Of a request that has one. */
struct kubo_body {
    const char *content_type; /* NULL: there is none */
    half_produce produce;
    void *arg;
    const struct error *fault; /* set when produce says PRODUCE_BREAK */
};

struct kubo_operation {
    struct operation base;
    struct kubo *kubo;
    struct kubo_operation *next, *previous; /* in the node's list */
    operation_done on_done;
    void *arg;
    struct operation_result result;

    /* Of the request under way. What a line says goes into result; an operation that cannot go on
     * with it sets fault. May call back a function that cancels the operation, as its last act. */
    void (*on_line)(struct kubo_operation *operation, const json_t *line, struct error *fault);
    /* Gets the reply's bytes as they come, in place of on_line, and under its rules. */
    void (*on_bytes)(struct kubo_operation *operation, struct slice content, struct error *fault);
    /* The reply ended, and no line was at fault: asks again, or ends the operation. */
    void (*on_end)(struct kubo_operation *operation);
    /* The node refused, in words, or broke its reply off with them: asks again, or ends the
     * operation. NULL: it fails with this error. */
    void (*on_refused)(struct kubo_operation *operation, const struct error *err);
    uint64_t timeout_ms, silence_ms; /* see struct fetch_request */
    struct kubo_body body;

    /* Of the operation's own kind. */
    struct cid cid; /* v1 */
    enum pin_mode mode;
    struct text name, path;
    operation_progress on_progress;
    operation_pin_found on_pin;
    operation_damage_found on_damage;
    bool is_second; /* look, list_pins: at the second mode; pin: it was made */
    bool is_v0;     /* look: at the v0 form */
    uint64_t told_nodes, told_bytes;
    uint64_t advanced_ms;                           /* pin: when a node was found last */
    void (*then)(struct kubo_operation *operation); /* measure: goes on; NULL: it was all */
    struct kubo_export *export;
    struct kubo_import *import;
    void (*dispose)(struct kubo_operation *operation); /* frees what its kind has; NULL: nothing */

    /* Of kubo_operation.c. */
    struct fetch *fetch;
    struct ndjson lines;
    struct error fault;
    bool is_calling, is_cancelled; /* in on_line */
};

/* One with all that its kind needs still unset. */
struct kubo_operation *kubo_operation_create(struct upstream *upstream, operation_done on_done,
                                             void *arg);
/* Its first request. Takes over the call. Refused: the operation is freed. */
MUST_USE bool kubo_operation_start(struct kubo_operation *operation, struct operation **result,
                                   struct call *call, struct error *err);
/* One of its further requests, from on_end or on_refused, as their last act. Takes over the call.
 */
void kubo_operation_ask(struct kubo_operation *operation, struct call *call);
/* Ends it, and tells: err NULL: its result. Its caller's last act. */
void kubo_operation_end(struct kubo_operation *operation, const struct error *err);

/* Its caller's reply makes no sense: sets fault, with what is missing. */
void kubo_fault(const struct kubo_operation *operation, struct error *fault, const char *what);
/* Calls on_progress, if there is one; what was told never goes back, though a pin that is measured
 * first goes through its object twice. Its caller's last act. */
void kubo_tell_progress(struct kubo_operation *operation, uint64_t nodes, uint64_t bytes);
/* A count or size that can be believed. */
bool kubo_number(const json_t *object, const char *name, uint64_t *number);
/* The CID's text as the call's argument. */
void kubo_add_cid(struct call *call, const struct cid *cid);
/* A line of `pin/ls`: its CID, mode and name (borrowed from line). */
bool kubo_read_pin(const struct kubo_operation *operation, const json_t *line, struct cid *cid,
                   enum pin_mode *mode, struct slice *name, struct error *fault);
/* Makes the next request of operation that measures its cid; the call is to be started or asked.
 * When all of it is here, `then` is called, to ask on. */
struct call *kubo_measure_begin(struct kubo_operation *operation, bool is_block);
/* `pin/ls` of one mode. */
struct call *kubo_pin_ls(enum pin_mode mode);

/* For the table of functions. */
bool kubo_look(struct upstream *upstream, struct operation **operation, const struct cid *cid,
               struct slice name, operation_done on_done, void *arg, struct error *err);
bool kubo_pin(struct upstream *upstream, struct operation **operation, const struct cid *cid,
              enum pin_mode mode, struct slice name, bool offline, operation_progress on_progress,
              operation_done on_done, void *arg, struct error *err);
bool kubo_unpin(struct upstream *upstream, struct operation **operation, const struct cid *cid,
                enum pin_mode mode, operation_done on_done, void *arg, struct error *err);
bool kubo_measure(struct upstream *upstream, struct operation **operation, const struct cid *cid,
                  enum pin_mode mode, operation_done on_done, void *arg, struct error *err);
bool kubo_list_pins(struct upstream *upstream, struct operation **operation,
                    operation_pin_found on_pin, operation_done on_done, void *arg,
                    struct error *err);
bool kubo_contains(struct upstream *upstream, struct operation **operation, const struct cid *root,
                   const struct cid *wanted, operation_done on_done, void *arg, struct error *err);
bool kubo_resolve(struct upstream *upstream, struct operation **operation, struct slice path,
                  uint64_t timeout_ms, bool offline, operation_done on_done, void *arg,
                  struct error *err);
bool kubo_gc(struct upstream *upstream, struct operation **operation, operation_done on_done,
             void *arg, struct error *err);
bool kubo_export(struct upstream *upstream, struct operation **operation, const struct cid *root,
                 uint64_t skip, operation_content on_content, operation_done on_done, void *arg,
                 struct error *err);
bool kubo_import(struct upstream *upstream, struct operation **operation, const char *path,
                 operation_done on_done, void *arg, struct error *err);
bool kubo_verify(struct upstream *upstream, struct operation **operation,
                 operation_progress on_progress, operation_damage_found on_damage,
                 operation_done on_done, void *arg, struct error *err);
bool kubo_capacity(struct upstream *upstream, struct operation **operation, operation_done on_done,
                   void *arg, struct error *err);
void kubo_pause(struct operation *operation);
void kubo_resume(struct operation *operation);
void kubo_cancel(struct operation *operation);

#endif
