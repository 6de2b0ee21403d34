// SPDX-License-Identifier: Apache-2.0
/* The operators' routes about the ledger:
 *
 *   /ledger/check   {}        -> as ledger_describe; "upstream": what compare said, or null
 *   /ledger/backup  {"path"}  -> {"path", "bytes"}; path is absolute, and nothing is there yet
 *
 * Both read the ledger in a job: nobody waits for them but the operator. */
#ifndef PROXY_OPERATOR_LEDGER_H
#define PROXY_OPERATOR_LEDGER_H

#include "auth/operator.h"
#include "store/backup.h"

/* upstream becomes the callee's: an object; "foreign" and "lost" count pins that only upstream has,
 * and objects whose pin it should have and has not; "examples" names some of each. err: it could
 * not be asked. */
typedef void (*ledger_compare_done)(void *arg, json_t *upstream, const struct error *err);

/* Compares the ledger's objects with upstream's pins; on_done once, later, on the control loop. */
struct ledger_compare {
    void (*start)(void *context, ledger_compare_done on_done, void *arg);
    void *context;
};

extern const struct operator_route ledger_routes[];

/* uuid, faults, fault (null: none), accounts, different_accounts, bytes, objects, pins, intents,
 * restored (null: never), doubtful_objects. The caller's. */
json_t *ledger_describe(const struct backup_check *check);

#endif
