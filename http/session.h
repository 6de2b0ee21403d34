// SPDX-License-Identifier: Apache-2.0
/* A client's connection: TLS handshake, then request after request (exchange.h), then the end. Loop
 * thread only.
 *
 *   HANDSHAKE -> HEAD <-> EXCHANGE -> LINGER -> closed
 *
 * LINGER: the reply is sent and bytes of the client are unread. Closing now would reset the
 * connection and destroy the reply on its way. So if the request was not read to its end, the
 * socket is held, unread, until the peer closes or a second passes; then, and at once if only bytes
 * behind the request are unread, our end is sent and at most 1 MiB is drained. */
#ifndef HTTP_SESSION_H
#define HTTP_SESSION_H

#include "http/connection.h"
#include "http/exchange.h"

#include <netinet/in.h>

enum session_state { SESSION_HANDSHAKE, SESSION_HEAD, SESSION_EXCHANGE, SESSION_LINGER };

struct session {
    struct connection connection;
    struct server *server;
    enum session_state state;
    bool was_used;        /* it had a request already: no bytes now means idle, not slow */
    bool client_finished; /* FIN was read */
    uint8_t linger_ticks;
    uint32_t drained;
    size_t head_seen; /* bytes of an incomplete head that were looked at */
    struct exchange *exchange;
    void *context; /* the handler's */
    struct timer timer;
    struct later again;              /* a pipelined request is buffered */
    struct session *next, *previous; /* of the server's list */
    bool is_stranger;                /* it counts with the server's guard */
    bool is_cut;                     /* its end comes with the reply, whatever is unread */
    struct session *newer_stranger, *older_stranger;
    struct tls_resumption resumption;
    union {
        struct sockaddr any;
        struct sockaddr_in in;
        struct sockaddr_in6 in6;
    } peer; /* AF_UNIX: only the family */
};

enum session_outcome {
    SESSION_NEXT,    /* the connection goes on */
    SESSION_CLOSE,   /* nobody is there to hear more */
    SESSION_FINISH,  /* the reply is out and was the last */
    SESSION_HOLD,    /* the reply is out, the request was not read: linger */
    SESSION_TRUNCATE /* the reply was cut: the client must not take it for whole */
};

/* Takes over fd. ssl: NULL for plain; owned. */
void session_start(struct server *server, int fd, SSL *ssl, const struct sockaddr *peer);

/* The exchange ended; its memory goes back to the server. Does not call into a next exchange: that
 * happens in a later call of the loop. */
void session_exchange_ended(struct session *session, enum session_outcome outcome);

/* Closes at once, whatever is going on. */
void session_close(struct session *session);

/* The server drains: an idle session closes soon, used or not; a busy one after its exchange. */
void session_drain(struct session *session);

#endif
