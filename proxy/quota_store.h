// SPDX-License-Identifier: Apache-2.0
/* Quota counters and the ledger: what is stored is read from it at the start, windows are kept in
 * it once a second, so that a restart forgets a second of them at most. Control thread. */
#ifndef PROXY_QUOTA_STORE_H
#define PROXY_QUOTA_STORE_H

#include "conf/log.h"
#include "http/loop.h"
#include "policy/accounts.h"
#include "store/store.h"

/* Reads usage and windows into empty accounts. Blocks: at the start, before a policy is in force.
 */
MUST_USE bool quota_store_load(struct accounts *accounts, struct store *store,
                               struct log_writer *messages, struct error *err);

struct quota_keeper {
    struct timer timer;
    struct loop *loop;
    struct store *store;
    struct accounts *accounts;
    struct accounts_window *waiting; /* collected, but the ledger had no room for them yet */
};

void quota_keeper_start(struct quota_keeper *keeper, struct loop *loop, struct store *store,
                        struct accounts *accounts);
/* Keeps what is left, and ends. Harmless if it was never started. */
void quota_keeper_stop(struct quota_keeper *keeper);

#endif
