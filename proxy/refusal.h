// SPDX-License-Identifier: Apache-2.0
/* Refusals in the dialect of Kubo's RPC API: {"Message","Code","Type":"error"}, one line, which the
 * `ipfs` command and the RPC libraries print as they print Kubo's own errors. */
#ifndef PROXY_REFUSAL_H
#define PROXY_REFUSAL_H

#include "http/exchange.h"
#include "upstream/tracker.h"

/* struct http_handler's put_error. */
const char *refusal_put_error(const struct exchange *exchange, int status, const char *message,
                              struct text *body);

/* The error code that Kubo's clients expect with a status: 1 client, 3 rate, 4 forbidden, 0 others.
 */
int refusal_code(int status);

/* The status for a call that the tracker did not do. Kubo answers 500 where it says no, and so do
 * we where the cause is the call. */
int refusal_status(enum tracker_outcome outcome);

/* The sentence for it, as Kubo would say it. */
void refusal_put_answer(const struct tracker_answer *answer, struct text *message);

#endif
