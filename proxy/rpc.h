// SPDX-License-Identifier: Apache-2.0
/* Kubo's RPC API on the client port: a request becomes a call (ipfs/call.h), the call passes the
 * gates, and is then treated: relayed as it was checked, answered here, or refused.
 *
 *   head gate        command, options and query arguments, before any byte of the body and before
 *                    100 Continue
 *   arguments gate   a body that carries arguments is read whole, decided on, and sent on as a body
 *   resolved gate    names are looked up once, and what they stood for is decided on and sent */
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
