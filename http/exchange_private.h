// SPDX-License-Identifier: Apache-2.0
/* What the files of an exchange share: exchange.c, answer.c, produce.c, collect.c, consume.c,
 * relay.c, hold.c, failure.c, skip.c and pace.c. */
#ifndef HTTP_EXCHANGE_PRIVATE_H
#define HTTP_EXCHANGE_PRIVATE_H

#include "http/exchange.h"
#include "http/server.h"

/* The one place that changes the state; asserts that the step is legal. */
void exchange_set_state(struct exchange *exchange, enum exchange_state state);

/* The request's head leaves the session's buffer: its slices are gone. Once. */
void exchange_take_head(struct exchange *exchange);

/* Ends the exchange; it is gone when this returns. */
void exchange_finish(struct exchange *exchange, enum close_reason reason,
                     enum session_outcome outcome);

/* Runs the reply's half and deals with the result. May end the exchange. */
void exchange_run_reply(struct exchange *exchange);

/* The client sent FIN behind its whole request: its reply must begin soon. */
void exchange_client_finished(struct exchange *exchange);

/* Can the connection serve another request after this one? */
bool exchange_client_may_go_on(const struct exchange *exchange);

/* The client sends nothing more that we want: notice when it leaves, keep what it pipelines. */
void exchange_watch_client(struct exchange *exchange);

/* `100 Continue`, if the client waits for it. */
void exchange_send_continue(struct exchange *exchange);

/* "HTTP/1.1 200 OK\r\n" and X-Request-Id. */
void exchange_put_status(struct exchange *exchange, int status);

/* "Content-Length: 123\r\n". */
void exchange_put_length(struct text *head, uint64_t size);

/* The Connection header that tells whether this connection goes on. */
void exchange_put_connection(struct exchange *exchange);

/* A meter or a view said no. May end the exchange. */
void exchange_refuse_as_told(struct exchange *exchange, const struct meter_refusal *refusal);

/* ---- collect.c */
void collect_on_client_readable(struct exchange *exchange);

/* ---- consume.c */
void consume_on_client_readable(struct exchange *exchange);

/* ---- hold.c */
/* Sets the reply's half up to wait where the handler wants it. */
void hold_prepare(struct exchange *exchange);
/* The reply's half ran and reply_begun was false: because the head was held? Then it is true from
 * now on if the head is not. */
bool hold_is_under_way(struct exchange *exchange);
/* The reply came whole, and its end waits. */
void hold_reply(struct exchange *exchange);

/* ---- failure.c */
/* The reply that begins is a failure: it is kept back for relay.on_failure. */
void failure_keep(struct exchange *exchange);

/* ---- skip.c */
/* Reads over body bytes that are buffered already. true: the request ended within them. */
bool exchange_skip_buffered(struct exchange *exchange);
/* The reply is out and announced another; the request has not ended. Ends the exchange, later. */
void exchange_start_skipping(struct exchange *exchange);
void exchange_skip_rest(struct exchange *exchange);

/* ---- relay.c */
void relay_on_client_readable(struct exchange *exchange);
/* 502: the upstream's reply is no HTTP/1.1; fault says how. Nothing of it may have been sent. */
void relay_refuse_broken(struct exchange *exchange, const char *fault);
/* Gives the upstream up; kept only when both messages ended there. */
void relay_release(struct exchange *exchange, bool keep);

#endif
