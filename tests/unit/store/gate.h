// SPDX-License-Identifier: Apache-2.0
/* A gate on the ledger thread: it stops behind the first transaction that wrote, until open is
 * posted. */
#ifndef TESTS_UNIT_STORE_GATE_H
#define TESTS_UNIT_STORE_GATE_H

#include "tests/unit/store/kit.h"

#include <semaphore.h>

struct gate {
    struct store_watch watch;
    sem_t reached, open;
    unsigned seen;
};

static inline void gate_on_change(struct store_watch *watch, const struct transaction *transaction)
{
    struct gate *gate = CONTAINER_OF(watch, struct gate, watch);

    if (gate->seen++ == 0) {
        sem_post(&gate->reached);
        sem_wait(&gate->open);
    }
}

static inline void gate_close(struct gate *gate, struct kit *kit)
{
    struct error err = {0};

    *gate = (struct gate){.watch = {.on_change = gate_on_change}};
    sem_init(&gate->reached, 0, 0);
    sem_init(&gate->open, 0, 0);
    store_watch(kit->store, &gate->watch);
    assert_true(store_start(kit->store, NULL, transaction_create(TRANSACTION_USAGE_RECOUNT), NULL,
                            NULL, &err));
    sem_wait(&gate->reached);
}

static inline void gate_dispose(struct gate *gate, struct kit *kit)
{
    store_unwatch(kit->store, &gate->watch);
    sem_destroy(&gate->reached);
    sem_destroy(&gate->open);
}

#endif
