// SPDX-License-Identifier: Apache-2.0
/* One request of our own to an upstream, whose reply is small and read whole, or handed on as it
 * comes. Loop thread only. */
#ifndef HTTP_FETCH_H
#define HTTP_FETCH_H

#include "http/pool.h"
#include "http/splice.h"

#include "conf/error.h"
#include "conf/text.h"

struct fetch;

/* A piece of the content; borrowed. May call fetch_cancel. */
typedef void (*fetch_content)(void *arg, struct slice content);

struct fetch_request {
    struct loop *loop;
    struct pool *pool;
    struct pipe_store *pipes;
    struct slice head; /* request line and headers, each with CR LF; without Content-Length and the
                          empty line */
    struct slice body;
    size_t reply_max;    /* content bytes that are kept */
    uint64_t timeout_ms; /* from start to the reply's last byte; 0: for ever */
    uint64_t silence_ms; /* without a byte of the reply; 0: for ever */
    /* Gets the content of a reply with status 200, which is not kept then and may have any size.
     * NULL: every reply is kept. */
    fetch_content on_content;
};

/* Borrowed, good until on_done returns. */
struct fetch_reply {
    int status;
    struct slice body;     /* empty when on_content had it */
    struct slice trailers; /* "name: value\r\n"... */
};

/* err is NULL and reply the whole reply, whatever its status; or reply is NULL. */
typedef void (*fetch_done)(void *arg, const struct fetch_reply *reply, const struct error *err);

/* Copies head and body. false with err: on_done is never called. true: it is called once, later,
 * unless fetch_cancel came first; *fetch is invalid from that call on. Goes on a fresh connection
 * or one that idled for less than a second, and is never sent twice. */
MUST_USE bool fetch_start(struct fetch **fetch, const struct fetch_request *request,
                          fetch_done on_done, void *arg, struct error *err);

/* on_done will not be called. Clears *fetch; NULL is fine. */
void fetch_cancel(struct fetch **fetch);

#endif
