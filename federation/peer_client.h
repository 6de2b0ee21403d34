// SPDX-License-Identifier: Apache-2.0
/* One partner's gateway, as it is dialled: connections over TLS 1.3 with our certificate, and
 * requests over them. One loop's; all here is that loop's.
 *
 * The peer is verified in the handshake, with the trust of its link alone and as the organization
 * that it must be. Its addresses are as it told them, HOST:PORT; names are looked up in the job
 * pool, again after each failure, at most once in 5 s. Addresses are tried in turn: the one that
 * served last, then the next. Control and bulk have connections of their own, so that bytes never
 * hold up a heartbeat: a client is of one lane.
 *
 * Sessions are resumed until peer_client_renew: whoever owns a client renews it when its link's
 * generation changes. */
#ifndef FEDERATION_PEER_CLIENT_H
#define FEDERATION_PEER_CLIENT_H

#include "auth/peer.h"
#include "http/fetch.h"
#include "http/jobs.h"

#include <openssl/ssl.h>

enum {
    PEER_CLIENT_ADDRESSES = 4,
    PEER_CLIENT_IDLE = 2, /* connections that are kept */
    PEER_CLIENT_REPLY_MAX = 1024 * 1024 + 4096,
};

#define PEER_CLIENT_CONNECT_MS UINT64_C(3000) /* with the handshake */
#define PEER_CLIENT_REPLY_MS   UINT64_C(8000)

struct peer_client;

/* Borrowed until peer_client_destroy, but for what is copied. */
struct peer_client_settings {
    struct loop *loop;
    struct block_store *blocks;
    struct pipe_store *pipes;
    struct jobs *jobs;
    uint64_t (*now_ms)(void);
    char org[ORG_SIZE]; /* who it must be */
};

/* Has no context and no addresses yet: every request is refused. */
struct peer_client *peer_client_create(const struct peer_client_settings *settings);
/* Nothing is called back any more. */
void peer_client_destroy(struct peer_client **client);

/* tls: a reference is taken. roots: whose trust the peer is verified with; copied. NULL: whoever
 * shows a certificate of the organization is taken, and its chain is the asker's to verify (a
 * join). What is idle is closed and no session is resumed; what is under way goes on. */
void peer_client_renew(struct peer_client *client, SSL_CTX *tls, const struct roots *roots);
/* "HOST:PORT"; too many, or what cannot be parsed, are left out. Connections
 * to others are closed when idle. */
void peer_client_set_addresses(struct peer_client *client, const char *const *addresses,
                               size_t count);

struct peer_client_request {
    const char *method;   /* "POST" */
    const char *path;     /* "/link/v1/batch" */
    struct slice headers; /* each with CR LF */
    struct slice body;
    bool is_fresh;            /* on a new connection, and its chain and exporter are wanted */
    uint64_t timeout_ms;      /* 0: PEER_CLIENT_REPLY_MS. With lookup, connection and handshake */
    const char *content_type; /* NULL: application/json */
    /* Bulk; see fetch.h. A body that is produced, in chunks; a reply that is handed on as it comes
     * (of status 200). silence_ms above 0: timeout_ms is until the connection is there, and then no
     * longer than this may pass without a byte. */
    half_produce produce;
    fetch_content on_content;
    void *stream_arg; /* of produce; on_content gets arg */
    uint64_t silence_ms;
    /* The connection is there and the request not yet made: with is_fresh. Appends the body, for a
     * join must say what only the connection knows. NULL: body above. */
    void (*put_body)(void *arg, const uint8_t exporter[32], struct text *body);
};

enum peer_failure {
    PEER_ANSWERED,
    PEER_UNREACHABLE, /* no address, name, connection; cut, silent, not HTTP */
    PEER_UNTRUSTED,   /* who answers there is not the partner: verdict */
};

struct peer_client_answer {
    enum peer_failure failure;
    enum peer_verdict verdict; /* UNTRUSTED */
    const struct error *err;   /* not ANSWERED: one sentence */
    int status;
    struct slice body;
    struct slice signed_header; /* the value of Causeway-Signed; empty: there is none */
    uint64_t retry_after_ms;    /* of Retry-After in seconds; 0: none */
    const char *address;        /* that answered, or was tried last */
    /* with is_fresh */
    uint8_t exporter[32];
    X509 *leaf;
    STACK_OF(X509) * others;
};

typedef void (*peer_client_cb)(void *arg, const struct peer_client_answer *answer);

struct peer_request;

/* Copies. False with err: never a call. True: on_done once, later, unless peer_request_cancel came
 * first; *request is invalid from that call on. Never sent twice. */
MUST_USE bool peer_client_start(struct peer_client *client, struct peer_request **request,
                                const struct peer_client_request *what, peer_client_cb on_done,
                                void *arg, struct error *err);
void peer_request_cancel(struct peer_request **request);

/* As their namesakes in fetch.h; needless calls do no harm. */
void peer_request_produce_more(struct peer_request *request);
void peer_request_pause(struct peer_request *request);
void peer_request_resume(struct peer_request *request);

#endif
