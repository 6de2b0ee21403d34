// SPDX-License-Identifier: Apache-2.0
/* Kubo's RPC API on the client port: a request becomes a call (ipfs/call.h), the call passes the
 * gates, and is then treated: relayed as it was checked, answered here, or refused.
 *
 *   head gate        command, options and query arguments, before any byte of the body and before
 *                    100 Continue
 *   arguments gate   a body that carries arguments is read whole, decided on, and sent on as a body
 *   resolved gate    names are looked up once, and what they stood for is decided on and sent
 *
 * In this order, and the first that fails is the answer, so that nobody learns more of a command
 * than that it is not theirs:
 *
 *   1. may this client speak at all: its address, Host, Origin (front.c)     403
 *   2. the method                                                           405
 *   3. the credential (identity.h)                                          400, 401, 429
 *   4. is there such a command                                              404 (400: a bad escape)
 *   5. may the caller use it, whatever the arguments                        403; 401 for nobody
 *   6. can the arguments and options be read (ipfs/call.h)                  400, 500 as Kubo
 *   7. its rates and calls at once (quota_gate.h), but for `version`        429
 *   8. may the caller make this call (access_gate.h)                        403; 401 for nobody
 *   9. what every call must be (rpc_gate.h)                                 400, 403
 *  10. its windows: the declared length, and whether anything is left       429, 413
 *  11. is anything that it names on the denylist (deny_gate.h)              410
 *  12. may anything be written now (write_gate.h)                           503, 507
 *
 * The arguments and the resolved gate repeat 6 and 8 for what they learned. */
#ifndef PROXY_RPC_H
#define PROXY_RPC_H

#include "proxy/site.h"

void rpc_serve(struct site *site, struct exchange *exchange);

/* Names the exchange for the access log by its command, for what is refused before rpc_serve. */
void rpc_name(struct exchange *exchange);

/* struct http_handler's on_sweep: cuts what runs on a credential that was taken back. */
void rpc_on_sweep(struct exchange *exchange, void *site);

/* struct http_handler's on_end: frees what rpc_serve kept. */
void rpc_on_end(struct exchange *exchange, void *site);

#endif
