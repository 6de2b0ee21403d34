// SPDX-License-Identifier: Apache-2.0
/* What stores the ledger. An engine knows the named transactions and nothing of queues and threads.
 * It is used by one thread at a time: whoever opens it, then the ledger thread. */
#ifndef STORE_ENGINE_H
#define STORE_ENGINE_H

#include "store/transaction.h"

struct engine; /* each kind embeds or casts its own */

struct engine_kind {
    const char *name; /* "sqlite" */

    /* Opens what is in folder (which exists, and whose lock is held), makes it if there is nothing,
     * migrates it. uuid: out. Blocks. */
    bool (*open)(struct engine **engine, const char *folder, char uuid[RECORD_UUID_SIZE],
                 struct error *err);
    void (*close)(struct engine **engine);

    /* Runs the group in order. true: each transaction has its own outcome in its err, one that
     * failed changed nothing, the others are durable together. false: none changed anything, and
     * err says why. Every err is clear before. */
    bool (*run)(struct engine *engine, struct transaction *const *group, size_t count,
                struct error *err);
};

extern const struct engine_kind engine_sqlite;

#endif
