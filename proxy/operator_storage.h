// SPDX-License-Identifier: Apache-2.0
/* What stands on the control thread's storage: expiring pins, the check of the ledger, garbage, the
 * check of blocks; and the operators' routes about it.
 *
 *   /gc         {}  -> as /gc/status; 409: one is under way
 *   /gc/status  {}  -> {"phase", "writing", "last": {"finished", "took_ms", "removed", "cut",
 *                      "used_before"?, "used_after"?, "fault"?} or null}
 *
 *   /repo/verify         {}  -> as /repo/verify/status; 409: one is under way
 *   /repo/verify/status  {}  -> proxy/verification.h has it
 *
 * Either goes on when its asker has left. Control thread. */
#ifndef PROXY_OPERATOR_STORAGE_H
#define PROXY_OPERATOR_STORAGE_H

#include "auth/operator.h"
#include "proxy/gateway.h"

extern const struct operator_route storage_routes[];

/* Behind the tracker, and before it ends. */
void storage_start(struct gateway *gateway);
void storage_stop(struct gateway *gateway);
/* At a reload; gateway->storage is the one that holds from now on. */
void storage_use(struct gateway *gateway, const struct config_limits *limits);

/* Prometheus text. */
void storage_put_metrics(struct text *out, const struct gateway *gateway);

/* What a check of the ledger found; null: there was none. The caller's. */
json_t *storage_describe_sweep(const struct sweep_result *result);

#endif
