// SPDX-License-Identifier: Apache-2.0
/* What the store keeps around a transaction while it is under way. For store/ alone. */
#ifndef STORE_PENDING_H
#define STORE_PENDING_H

#include "http/loop.h"
#include "store/store.h"

struct pending {
    struct transaction transaction;
    struct pending *next; /* in the queue */
    size_t followers;     /* so many behind it in the queue belong with it */
    struct loop *loop;    /* to answer on; NULL: nobody waits there */
    struct message message;
    store_done_cb on_done; /* the loop's thread alone; NULL: canceled, or nobody waits */
    void *arg;
    bool *is_finished; /* of store_run, under the store's mutex; NULL: not run so */
};

static inline struct pending *pending_of(struct transaction *transaction)
{
    return CONTAINER_OF(transaction, struct pending, transaction);
}

#endif
