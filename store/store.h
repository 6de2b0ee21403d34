// SPDX-License-Identifier: Apache-2.0
/* The ledger: asynchronous named transactions on one thread.
 *
 * Loops start transactions; the ledger thread takes all that wait and runs them as one group,
 * durable with one commit; then each waiter is answered on the loop that asked. While a group is
 * being written the next one gathers, so that a slow disk makes groups larger, not waits longer.
 * Transactions run in the order in which they were accepted.
 *
 * The data folder (0700) has `lock` (one process at a time) and the engine's files (0600). */
#ifndef STORE_STORE_H
#define STORE_STORE_H

#include "conf/error.h"
#include "http/loop.h"
#include "store/transaction.h"

struct store;
struct engine_kind;

struct store_settings {
    const char *folder;               /* the data folder; made if it is missing */
    const struct engine_kind *engine; /* NULL: SQLite */
    size_t queue_max;                 /* waiting transactions; 0: 10,000 */
    size_t group_max;                 /* transactions of one commit; 0: 500 */
};

/* Takes the lock, opens and checks the ledger, brings its schema up to date, starts the thread.
 * Blocks: at the start only. ERROR_REFUSED names the pid that holds the lock. */
MUST_USE bool store_open(struct store **store, const struct store_settings *settings,
                         struct error *err);

/* Refuses new transactions, runs those that wait, answers them (their loops must still turn once),
 * ends the thread, gives the lock back. NULL is fine. */
void store_close(struct store **store);

/* transaction->err tells how it went; results may be read until the call returns. */
typedef void (*store_done_cb)(void *arg, struct transaction *transaction);

/* false: the queue is full or the store is closing; on_done is never called and the transaction
 * stays the caller's. true: the transaction is the store's; on_done is called once, later, from
 * loop, and the transaction is freed behind it. on_done may be NULL (and then loop, too): nobody
 * waits. Any thread. */
MUST_USE bool store_start(struct store *store, struct loop *loop, struct transaction *transaction,
                          store_done_cb on_done, void *arg, struct error *err);

/* The same for several that belong together: all are accepted or none is, and no other's comes
 * between them. They go into one commit, unless they are more than a group may have. */
MUST_USE bool store_start_all(struct store *store, struct loop *loop,
                              struct transaction *const *transactions, size_t count,
                              store_done_cb on_done, void *arg, struct error *err);

/* From the loop that started it, before on_done: on_done will not be called. What was asked for is
 * done all the same: a write that is half given up would leave its outcome unknown. */
void store_cancel(struct transaction *transaction);

/* Waits for it; the transaction stays the caller's. False: transaction->err, copied to err. BLOCKS:
 * for the start, tools and threads without a loop. */
MUST_USE bool store_run(struct store *store, struct transaction *transaction, struct error *err);

/* Told of each transaction that wrote, on the ledger thread, once it is durable and before its
 * waiter is. on_change must be quick and must not call the store. Embedded in who watches. */
struct store_watch {
    void (*on_change)(struct store_watch *watch, const struct transaction *transaction);
    struct store_watch *next;
};

/* Any thread. After store_unwatch returned, on_change does not run any more. */
void store_watch(struct store *store, struct store_watch *watch);
void store_unwatch(struct store *store, struct store_watch *watch);

/* Names this ledger for ever, drawn when it was made: RFC 9562 version 4, lower case. */
const char *store_uuid(const struct store *store);

/* Since the start; any thread. */
struct store_counters {
    uint64_t transactions, failures; /* that ran; of these with an error */
    uint64_t groups;                 /* commits */
    uint64_t largest_group;
    uint64_t refused; /* the queue was full */
    uint64_t waiting; /* now */
};

struct store_counters store_counters(struct store *store);

#endif
