// SPDX-License-Identifier: Apache-2.0
/* One request of our own to an upstream, whose reply is small and read whole, or handed on as it
 * comes. Loop thread only. */
#ifndef HTTP_FETCH_H
#define HTTP_FETCH_H

#include "http/half.h"
#include "http/pool.h"
#include "http/splice.h"

#include "conf/error.h"
#include "conf/text.h"

struct fetch;

/* A piece of the content; borrowed. May call fetch_cancel and fetch_pause. */
typedef void (*fetch_content)(void *arg, struct slice content);

struct fetch_request {
    struct loop *loop;
    struct pool *pool;
    struct pipe_store *pipes;
    struct slice head; /* request line and headers, each with CR LF; without Content-Length and the
                          empty line */
    struct slice body;
    /* Completes the request once its connection is there, with what depends on that (a proof bound
     * to the TLS session): head and body are copies of those above, which it may append to or put
     * anew. ssl: NULL on a plain connection. Called once; from fetch_start too. NULL: nothing to
     * complete. */
    void (*complete)(void *arg, SSL *ssl, struct text *head, struct text *body);
    /* Makes the body piece by piece, as fast as the peer takes it (half.h), in place of body: of
     * exactly length bytes if has_length, else in chunks. PRODUCE_BREAK fails the fetch
     * (ERROR_CANCELED). May be called once more after the reply began, never after on_done. */
    half_produce produce;
    void *produce_arg;
    bool has_length;
    uint64_t length;
    /* May be sent twice: goes on any idle connection, and once more on a fresh one if a reused one
     * failed before any byte of a reply. Not with produce or complete. */
    bool is_idempotent;
    /* Otherwise: on a connection that idled for no longer than this; 0: a second. */
    uint64_t max_idle_ms;
    bool keeps_headers;  /* fetch_headers and the reply's headers are wanted */
    size_t reply_max;    /* content bytes that are kept */
    uint64_t timeout_ms; /* from start to the reply's last byte; 0: for ever */
    /* In which no byte went either way; not counted while the owner is waited for (fetch_pause,
     * PRODUCE_WAIT). 0: for ever */
    uint64_t silence_ms;
    /* Gets the content of a reply with status 200, which is not kept then and may have any size.
     * NULL: every reply is kept. */
    fetch_content on_content;
};

/* Borrowed, good until on_done returns. */
struct fetch_reply {
    int status;
    struct slice headers;  /* "name: value\r\n"..., if request.keeps_headers */
    struct slice body;     /* empty when on_content had it */
    struct slice trailers; /* "name: value\r\n"... */
};

/* err is NULL and reply the whole reply, whatever its status; or reply is NULL. */
typedef void (*fetch_done)(void *arg, const struct fetch_reply *reply, const struct error *err);

/* Copies head and body. false with err: on_done is never called. true: it is called once, later,
 * unless fetch_cancel came first; *fetch is invalid from that call on. A reply that comes whole
 * before the request does ends the fetch. */
MUST_USE bool fetch_start(struct fetch **fetch, const struct fetch_request *request,
                          fetch_done on_done, void *arg, struct error *err);

/* What produce waited for is there: it is asked again, later. Also from inside produce; needless
 * calls do no harm. */
void fetch_produce_more(struct fetch *fetch);

/* No more content is handed on, and none is read beyond what was, until fetch_resume, which goes on
 * later. Also from inside on_content. */
void fetch_pause(struct fetch *fetch);
void fetch_resume(struct fetch *fetch);

/* Status and headers of the reply, as in struct fetch_reply; 0 and empty before its head came. Good
 * until on_done returns: for on_content. */
int fetch_status(const struct fetch *fetch);
struct slice fetch_headers(const struct fetch *fetch);

/* The first line's value of that name (lower case) in such lines. NULL slice: none. */
struct slice header_value(struct slice headers, const char *name);

/* on_done will not be called. Clears *fetch; NULL is fine. */
void fetch_cancel(struct fetch **fetch);

#endif
