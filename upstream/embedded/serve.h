// SPDX-License-Identifier: Apache-2.0
/* Serves an exchange with a task: the client's body goes into it, its output to the client; its
 * end is the reply's, or an error in Kubo's shape. See upstream_relay for what a request may ask
 * for; all of it holds here too.
 *
 * A task that fails before any output was sent is answered {"Message", "Code": 0, "Type": "error"}
 * with status 500 (ERROR_SYNTAX: 400, code 1; ERROR_CANCELED: 503); one that fails later ends its
 * reply with a trailer X-Stream-Error, as Kubo does. Loop thread only. */
#ifndef UPSTREAM_EMBEDDED_SERVE_H
#define UPSTREAM_EMBEDDED_SERVE_H

#include "upstream/embedded/node.h"
#include "upstream/embedded/task.h"
#include "upstream/upstream.h"

void serve_exchange(struct node *node, struct loop *loop, struct exchange *exchange,
                    const struct task_command *command, const struct upstream_request *request);

/* An answer with that error, before any reply. The exchange may be gone then. */
void serve_error(struct exchange *exchange, const struct upstream_request *request,
                 const struct error *err);

#endif
