// SPDX-License-Identifier: Apache-2.0
/* A server exchange: one request of a client and its reply. http/ reads the head and asks the
 * handler, once, what shall happen; the handler says it with one of exchange_answer,
 * exchange_produce, exchange_relay, exchange_collect and exchange_consume, at once or later. Until
 * then no byte of the body is read and no `100 Continue` is sent.
 *
 *   DECIDING -> ANSWERING              an own, small reply
 *            -> PRODUCING              an own reply, made piece by piece
 *            -> CONNECTING -> RELAYING two halves, full duplex, to an upstream
 *            -> COLLECTING -> DECIDING the body is read whole (bounded), and the handler is asked
 *                                      again
 *            -> CONSUMING              the handler takes the body piece by piece, and decides
 *                                      meanwhile or behind it; it goes on while PRODUCING
 *   RELAYING, PRODUCING -> HOLDING           the reply is there whole; its end waits for the
 *                                            handler
 *   RELAYING, HOLDING, PRODUCING -> SKIPPING the reply ended first: the rest of the body is read
 *                                            over
 *
 * Loop thread only: a decision made elsewhere comes back as a message. A pointer to an exchange is
 * good until on_end was called. */
#ifndef HTTP_EXCHANGE_H
#define HTTP_EXCHANGE_H

#include "conf/address.h"
#include "http/half.h"
#include "http/head.h"
#include "http/meter.h"
#include "http/pool.h"
#include "http/tls.h"

#include <openssl/x509.h>
#include <stdint.h>
#include <sys/types.h>

enum close_reason {
#define CLOSE_REASON(id, text, is_error) CLOSE_##id,
#include "http/close_reasons.def"
#undef CLOSE_REASON
    CLOSE_REASON_COUNT
};

const char *close_reason_text(enum close_reason reason);

struct exchange;
struct session;
struct server;

struct http_handler {
    /* The head is complete. app is the server settings'. */
    void (*on_request)(struct exchange *exchange, void *app);
    /* Every exchange ends with this call, once; NULL if the handler keeps nothing. The exchange can
     * still be asked, but no longer be told anything. */
    void (*on_end)(struct exchange *exchange, void *app);
    /* The connection ends, and the handler had put something into exchange_session_context: frees
     * it. NULL if it never does. */
    void (*on_session_end)(void *session_context);
    /* A client wants to resume the TLS session that exchange_offer_ticket gave this blob to: may
     * it? In the handshake; app is the newest settings'. NULL: there are no tickets (of
     * tls_peer_server_create's contexts; others do not ask). */
    bool (*is_ticket_good)(void *app, struct slice blob);
    /* Once a second for each exchange that was decided and runs; NULL: not needed. May end it with
     * exchange_cut, as its last act. */
    void (*on_sweep)(struct exchange *exchange, void *app);
    /* The body of an error that http/ itself answers with (400, 413, 502...), in the dialect of the
     * API that the request was for; returns its Content-Type. message is one sentence. */
    const char *(*put_error)(const struct exchange *exchange, int status, const char *message,
                             struct text *body);
};

/* ---- what the handler may ask */

/* Its slices are good until the first decision; then they are empty. */
const struct head *exchange_request(const struct exchange *exchange);
const struct sockaddr *exchange_peer(const struct exchange *exchange);
const char *exchange_id(const struct exchange *exchange); /* unique, ASCII, 20 characters */
bool exchange_is_tls(const struct exchange *exchange);
/* The client's certificate, verified in the handshake (by a context of tls_peer_server_create: no
 * more than that the client has its key); borrowed. NULL: none was shown, or no TLS. */
X509 *exchange_peer_certificate(const struct exchange *exchange);
/* What the client sent behind it; borrowed. NULL: nothing, or the session was resumed. */
STACK_OF(X509) * exchange_peer_chain(const struct exchange *exchange);
/* tls_export_key of its connection, which must have TLS. */
void exchange_export_key(const struct exchange *exchange, const char *label,
                         uint8_t out[TLS_EXPORT_SIZE]);
/* tls_offer_ticket and tls_ticket_blob of its connection; false and empty without TLS, and where
 * the handler has no is_ticket_good. Before the reply, so that the ticket goes with it. */
bool exchange_offer_ticket(const struct exchange *exchange, struct slice blob, uint32_t lifetime_s);
struct slice exchange_ticket_blob(const struct exchange *exchange);
/* The handler knows who this is: the connection no longer counts as a stranger's (guard.h). Again:
 * nothing. */
void exchange_vouch(struct exchange *exchange);
/* The connection ends behind this exchange. Before the reply. */
void exchange_end_connection(struct exchange *exchange);
/* Can it be told more: a decision (while DECIDING or CONSUMING), or about the reply that is being
 * produced? False: it was answered, refused or handed over, perhaps by somebody else (a view, a
 * meter, exchange_cut), and goes on only since that waits for the client, or for who took it. */
bool exchange_is_open(const struct exchange *exchange);
/* Whose process is at the other end of a unix socket, as the kernel says. False: it is no unix
 * socket. */
bool exchange_peer_user(const struct exchange *exchange, uid_t *user);
/* For the handler's use; NULL at first. */
void **exchange_context(struct exchange *exchange);
/* The same for all exchanges of this one's connection. NULL at first; see on_session_end. */
void **exchange_session_context(const struct exchange *exchange);

/* What the access log calls this request: a static text, such as a command. Never what the client
 * typed: a path may hold what is a secret. EXCHANGE_UNNAMED until it is said. */
#define EXCHANGE_UNNAMED "unknown"
void exchange_set_name(struct exchange *exchange, const char *name);

/* Both may be NULL: that direction is not metered. Before the first decision; the meters stay the
 * handler's, and good until on_end. request: what is relayed or consumed of the client's body (not
 * what is collected). reply: content that is relayed, before a rewrite, or produced. */
void exchange_set_meters(struct exchange *exchange, struct meter *request, struct meter *reply);

/* Who serves an exchange on the handler's behalf: on_end is called once, when it ends, just before
 * the handler's own, and under its rules. One at a time. */
struct exchange_watch {
    void (*on_end)(struct exchange_watch *watch, struct exchange *exchange);
};
void exchange_watch_end(struct exchange *exchange, struct exchange_watch *watch);

/* ---- what the handler may decide, once */

struct answer {
    int status;
    const char *content_type; /* NULL: there is no body */
    struct slice headers;     /* further lines, each with CR LF */
    struct slice body;
    enum close_reason reason; /* CLOSE_DONE unless it is a refusal or a failure */
};

/* Copies everything it is given. */
void exchange_answer(struct exchange *exchange, const struct answer *answer);

/* An answer whose body is the handler's put_error. */
void exchange_refuse(struct exchange *exchange, int status, enum close_reason reason,
                     const char *format, ...) __attribute__((format(printf, 4, 5)));

/* An own reply whose content is made piece by piece, as fast as the client takes it. */
struct produced {
    int status; /* not 204, 304 */
    const char *content_type;
    struct slice headers; /* further lines, each with CR LF. Borrowed for the call only */
    bool has_length;      /* of exactly length bytes; else in chunks (HTTP/1.0: until the end) */
    uint64_t length;
    /* Content is lines, and an error one of them: see exchange_cut. */
    bool has_lines;
    enum close_reason reason;       /* when it ended: CLOSE_DONE */
    enum close_reason break_reason; /* after PRODUCE_BREAK: CLOSE_DONE stands for CLOSE_FAILED */
    /* See half.h. First called later, from the loop; for HEAD never. Must not tell the exchange
     * anything but exchange_produce_more and trailers. */
    half_produce produce;
    void *arg;
    /* As in struct relay, for what was produced whole. None of them with has_length. */
    half_rewrite rewrite;
    void *rewrite_arg;
    bool holds_end, holds_head;
    void (*on_held)(struct exchange *exchange);
};

/* While DECIDING, or CONSUMING, which then goes on. The status line and all are sent with the first
 * piece, or as soon as produce waits (but see holds_head). */
void exchange_produce(struct exchange *exchange, const struct produced *produced);

/* What produce waited for is there: it is asked again, later. Also from inside produce; needless
 * calls do no harm. */
void exchange_produce_more(struct exchange *exchange);

/* Lines (each with CR LF) behind the content of a reply in chunks. While PRODUCING: to be filled,
 * X-Stream-Error say, announced by a Trailer header, before produce says PRODUCE_END. While
 * HOLDING: those of the upstream that may pass, or those that were filled in. */
struct text *exchange_reply_trailers(struct exchange *exchange);

enum consume_result {
    CONSUME_MORE,
    CONSUME_WAIT,    /* no more before exchange_consume_more; the client waits meanwhile */
    CONSUME_DECIDED, /* the exchange was answered, relayed, refused or cut in this call: it may be
                        gone */
};

/* A piece of the body's content, good until the exchange is told anything, and no longer than the
 * call; at the end, once, is_last, perhaps with no
 * content (then the result may be either, and no more calls come). */
typedef enum consume_result (*exchange_consumer)(struct exchange *exchange, void *arg,
                                                 struct slice content, bool is_last);

/* Has the body read piece by piece, with `100 Continue` if the client waits for it. on_content is
 * first called later, from the loop, also for a request without a body. The handler still has to
 * answer, produce, refuse or, after is_last, relay. A client that leaves inside its body, sends a
 * malformed one or is too slow ends the exchange as it ends a relay. */
void exchange_consume(struct exchange *exchange, exchange_consumer on_content, void *arg);

/* After CONSUME_WAIT: go on, later. Also from inside on_content; needless calls do no harm. */
void exchange_consume_more(struct exchange *exchange);

/* Lines (each with CR LF) that the reply's head will carry, whoever makes the reply: the handler,
 * http/ itself or the upstream. Empty at first. */
struct text *exchange_reply_headers(struct exchange *exchange);

/* The text to put the upstream's request line and headers into, each with CR LF; HEAD if and only
 * if the client's request is; without the framing headers (Content-Length, Transfer-Encoding) and
 * the empty line, which exchange_relay adds. Empty at first. */
struct text *exchange_upstream_head(struct exchange *exchange);

/* A text for a body that the relay sends in place of the client's, see struct relay: it lasts as
 * long as the exchange. Empty at first. */
struct text *exchange_upstream_body(struct exchange *exchange);

struct relay {
    struct pool *pool;
    /* A read without a body: tried once more on a fresh connection when a reused one failed before
     * any byte of a reply. Others go on a fresh connection or one that idled for less than a
     * second, and never twice. */
    bool is_retryable;
    bool has_body; /* send body in place of the client's: only after exchange_collect */
    struct slice
        body; /* borrowed until the exchange ends: the collected body, or the handler's own */
    struct view *view; /* sees the client's body before it passes; NULL: nobody does */
    /* A stream without an end of its own, so that a client that sent FIN wants no more of it. */
    bool ends_with_client;
    uint64_t head_timeout_ms; /* silence before the reply's head; 0: for ever */
    uint64_t idle_timeout_ms; /* silence inside the reply; 0: for ever */
    /* May this field of the reply, or of its trailers, reach the client? */
    bool (*passes_header)(struct slice name);
    /* A status that must not reach the client, in a sentence (answered with 502); NULL: it may. */
    const char *(*status_fault)(int status);
    /* Content to end the reply with when the upstream breaks off inside it: a line of the reply's
     * own format that says so. The reply is cut behind it all the same. {NULL, 0}: none. Static. */
    struct slice break_line;
    /* Changes the content of the reply on its way; NULL: nothing does. See half.h. */
    half_rewrite rewrite;
    void *rewrite_arg;
    /* The upstream's reply begins: relay is the exchange's own copy, of which break_line, rewrite,
     * holds_end and holds_head may be changed now (an error passes as it is, say). Must not tell
     * the exchange anything but reply headers. NULL: not needed. */
    void (*on_reply)(struct exchange *exchange, const struct head *reply, struct relay *relay);
    /* When the upstream's reply has come whole, what the rewrite kept back and the end of the
     * message wait until the handler says exchange_release or exchange_cut; on_held tells it. The
     * upstream is free by then, and its silence over. A client that leaves ends the exchange. */
    bool holds_end;
    /* Only with holds_end: the head too waits for the first content, or for exchange_release. So a
     * reply that is kept back whole can still be refused with a status. */
    bool holds_head;
    /* May release or cut, as its last act. */
    void (*on_held)(struct exchange *exchange);
    /* The upstream answered 400 or more, with at most EXCHANGE_FAILURE_MAX bytes, of which none has
     * gone to the client (a longer one passes unasked). False: it passes as it is. True: it is
     * forgotten, and the exchange is DECIDING once more: the handler says later, not in this call,
     * what shall happen. Never while the client's body has not ended; not with holds of that
     * reply. NULL: all pass. */
    bool (*on_failure)(struct exchange *exchange, int status, struct slice body);
};

enum { EXCHANGE_FAILURE_MAX = 64 * 1024 };

void exchange_relay(struct exchange *exchange, const struct relay *relay);

/* Lines (each with CR LF) that the upstream's reply ended with, of those that passes_header lets
 * through; empty until it came whole. Of a produced reply: those that were filled in. */
struct slice exchange_upstream_trailers(const struct exchange *exchange);

/* Reads the body whole, at most limit bytes (else 413), and calls on_body once; body is good until
 * the exchange ends. Then the handler decides again, to answer or to relay. */
void exchange_collect(struct exchange *exchange, size_t limit,
                      void (*on_body)(struct exchange *exchange, void *app, struct slice body));

/* While HOLDING: content that goes out now, ahead of what is kept back; the head too, if it was
 * held, so that no status can be said any more. Nothing is sent to a client that has not taken all
 * that came before. May end the exchange, when the client has left. */
void exchange_hold_put(struct exchange *exchange, struct slice content);

/* While HOLDING: the reply may end. Before its end come what the rewrite kept back and then tail
 * (content; copied; may be empty). */
void exchange_release(struct exchange *exchange, struct slice tail);

/* Ends it from our side, whatever its state: refused with that status and sentence if no reply has
 * begun (or nothing of it was written). Cut otherwise; a reply of lines (relay.break_line,
 * produced.has_lines) gets one more before, if that can be written at once: the handler's
 * put_error. */
void exchange_cut(struct exchange *exchange, int status, enum close_reason reason,
                  const char *message);

/* ---- for session.c and server.c */

enum exchange_state {
    EXCHANGE_DECIDING,
    EXCHANGE_COLLECTING,
    EXCHANGE_CONSUMING,
    EXCHANGE_CONNECTING,
    EXCHANGE_RELAYING,
    EXCHANGE_HOLDING,
    EXCHANGE_ANSWERING,
    EXCHANGE_PRODUCING,
    EXCHANGE_SKIPPING,
    EXCHANGE_ENDED,
};

struct exchange_times { /* CLOCK_MONOTONIC, us; 0: did not happen */
    uint64_t begun, first_byte, upstream_begun, upstream_ended;
};

/* Windows of the byte-rate floor: seconds in which we waited for the client, and what moved in
 * them. */
struct exchange_pace {
    uint64_t moved; /* content both ways at the last sweep */
    uint32_t waited_s, idle_s;
    uint64_t window_moved;
};

/* A failure that is kept back, see relay.on_failure: what would have changed it on its way. */
struct exchange_failure {
    half_rewrite rewrite;
    void *rewrite_arg;
    bool is_passing; /* it is too long, or was let go */
};

struct exchange {
    struct session *session;
    struct server *server;
    struct server_settings *settings; /* the snapshot it began with; counted */
    enum exchange_state state;
    bool head_taken;      /* the request's head left the session's buffer */
    bool is_head_request; /* HEAD: the reply has no body */
    bool has_reply;       /* the upstream's reply began; its head may be held */
    bool reply_begun;     /* the reply's head was queued: an error can only be a cut */
    bool has_lines;       /* its content is lines, and an error may be one */
    bool keeps_client;    /* the connection goes on after the reply */
    bool is_finish_seen;  /* the client's FIN, behind its whole request; perhaps not read yet */
    bool request_aborted; /* the upstream takes no more of the body */
    bool is_retried;
    bool upstream_spoke; /* a byte of a reply came */
    bool is_released;    /* while HOLDING: the client has to take what was put before */
    bool upstream_keeps;
    enum close_reason reason, break_reason;
    int status; /* of the reply; 0: none */
    struct head head;
    struct half request, reply;
    struct relay relay;
    struct exchange_failure failure;
    struct pooled *upstream;
    struct dial dial;
    struct timer timer;        /* the upstream's silence */
    struct timer finish_timer; /* the second that a half-closed client waits */
    struct text upstream_head, upstream_body, reply_head, reply_headers, body, answer_body;
    size_t body_limit;
    void (*on_body)(struct exchange *exchange, void *app, struct slice body);
    exchange_consumer on_content; /* NULL: the body is not consumed */
    void *content_arg;
    bool is_more_wanted; /* exchange_consume_more was called since on_content */
    void *context;
    struct exchange_watch *watch; /* NULL: nobody wants to hear of its end */
    struct exchange_times times;
    struct exchange_pace pace;
    size_t skipped;    /* bytes read over behind the reply */
    size_t reply_seen; /* bytes of an incomplete reply head that were looked at */
    char id[24];
    const char *name;   /* for the log; static */
    const char *method; /* static; "other" for what is no method of HTTP, "" for no request */
    char client_id[40]; /* its X-Request-Id, cut; empty: none */
    struct exchange *next_free;
};

/* Sets a recycled exchange up for a session. */
void exchange_init(struct exchange *exchange, struct session *session);
/* exchange->head was parsed and is at the front of the session's buffer. */
void exchange_begin(struct exchange *exchange);
/* What came is no request: answers so. */
void exchange_begin_bad(struct exchange *exchange, const struct head_fault *fault);
void exchange_on_client_readable(struct exchange *exchange);
void exchange_on_client_writable(struct exchange *exchange);
/* Once a second: clients that left while we were not reading, floors of speed. */
void exchange_sweep(struct exchange *exchange);
void exchange_dispose(struct exchange *exchange); /* frees its texts, not itself */

#endif
