// SPDX-License-Identifier: Apache-2.0
/* Who asks: the credential of a request, checked, becomes a principal. In order: an Authorization
 * header, a client certificate, nobody. Worker's thread only. */
#ifndef PROXY_IDENTITY_H
#define PROXY_IDENTITY_H

#include "auth/principal.h"
#include "proxy/site.h"

/* The header of every 401. */
#define IDENTITY_CHALLENGE "WWW-Authenticate: Bearer\r\n"

/* Why a credential is not taken. Every failure sounds the same outside; the cause goes to the log.
 */
struct identity_refusal {
    int status;             /* 400, 401, 403 (suspended) or 429 */
    uint32_t retry_after_s; /* with 429 */
    const char *message;
};

/* true: *principal has one reference, the caller's. Without a policy everybody is anonymous, and no
 * credential is looked at. false: refusal says what to answer. */
MUST_USE bool identity_establish(struct site *site, const struct exchange *exchange,
                                 const struct principal **principal,
                                 struct identity_refusal *refusal);

/* struct http_handler's on_session_end: frees what was remembered of a connection's credential. */
void identity_forget(void *memo);

/* Answers with it, in the dialect of the API that was asked. */
void identity_refuse(struct exchange *exchange, const struct identity_refusal *refusal);

/* The client's address: of the connection or, behind a trusted proxy, as that proxy says. Without a
 * policy this is all that is known of a client. storage is filled where the result does not point
 * into the exchange. */
const struct sockaddr *identity_client_address(const struct config *config,
                                               const struct exchange *exchange,
                                               struct sockaddr_storage *storage);

#endif
