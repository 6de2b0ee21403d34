// SPDX-License-Identifier: Apache-2.0
#include "store/store.h"

#include "conf/memory.h"
#include "store/engine.h"
#include "store/lock.h"
#include "store/pending.h"

#include <assert.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>

enum { QUEUE_MAX = 10000, GROUP_MAX = 500 };

struct store {
    const struct engine_kind *kind;
    struct engine *engine; /* the ledger thread's, once it runs */
    int lock_fd;
    char uuid[RECORD_UUID_SIZE];
    size_t queue_max, group_max;
    struct transaction **group; /* the ledger thread's */
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t wakeup;   /* of the ledger thread */
    pthread_cond_t finished; /* of those in store_run */
    struct {                 /* under mutex */
        struct pending *first, **end;
        size_t count;
        bool must_stop;
        struct store_counters counters;
    } shared;
    pthread_mutex_t watch_mutex;
    struct store_watch *watches; /* under watch_mutex */
};

/* ---- the ledger thread */

/* Whether a group of so many takes the next one. What belongs together is not split, unless it is
 * more than a whole group. */
static bool has_place(const struct store *store, size_t count, bool is_follower)
{
    size_t followers = is_follower || count == 0 ? 0 : store->shared.first->followers;

    return count < store->group_max && followers < store->group_max - count;
}

/* Takes what waits, at most one group. 0: the store closes, and nothing waits. */
static size_t take_group(struct store *store)
{
    bool is_follower = false;
    size_t count = 0;

    pthread_mutex_lock(&store->mutex);
    while (store->shared.first == NULL && !store->shared.must_stop)
        pthread_cond_wait(&store->wakeup, &store->mutex);
    while (store->shared.first != NULL && has_place(store, count, is_follower)) {
        struct pending *pending = store->shared.first;

        store->shared.first = pending->next;
        is_follower = pending->followers > 0;
        store->group[count++] = &pending->transaction;
    }
    if (store->shared.first == NULL)
        store->shared.end = &store->shared.first;
    store->shared.count -= count;
    pthread_mutex_unlock(&store->mutex);
    return count;
}

static void run_group(struct store *store, size_t count)
{
    struct error err = {0};

    if (store->kind->run(store->engine, store->group, count, &err))
        return;
    assert(err.code != ERROR_NONE);
    for (size_t i = 0; i < count; i++)
        store->group[i]->err = err;
}

static void count_group(struct store *store, size_t count)
{
    size_t failures = 0;

    for (size_t i = 0; i < count; i++)
        failures += store->group[i]->err.code != ERROR_NONE;
    pthread_mutex_lock(&store->mutex);
    store->shared.counters.transactions += count;
    store->shared.counters.failures += failures;
    store->shared.counters.groups++;
    if (count > store->shared.counters.largest_group)
        store->shared.counters.largest_group = count;
    pthread_mutex_unlock(&store->mutex);
}

static void tell_watches(struct store *store, size_t count)
{
    pthread_mutex_lock(&store->watch_mutex);
    for (size_t i = 0; i < count; i++) {
        const struct transaction *transaction = store->group[i];

        if (transaction->err.code != ERROR_NONE || !transaction_writes(transaction->name))
            continue;
        for (struct store_watch *watch = store->watches; watch != NULL; watch = watch->next)
            watch->on_change(watch, transaction);
    }
    pthread_mutex_unlock(&store->watch_mutex);
}

static void deliver(struct message *message, void *receiver)
{
    struct pending *pending = CONTAINER_OF(message, struct pending, message);
    struct transaction *transaction = &pending->transaction;

    if (pending->on_done != NULL)
        pending->on_done(pending->arg, transaction);
    transaction_destroy(&transaction);
}

static void answer(struct store *store, struct transaction *transaction)
{
    struct pending *pending = pending_of(transaction);

    if (pending->is_finished != NULL) {
        pthread_mutex_lock(&store->mutex);
        *pending->is_finished = true;
        pthread_cond_broadcast(&store->finished);
        pthread_mutex_unlock(&store->mutex);
    } else if (pending->loop != NULL) {
        pending->message.deliver = deliver;
        loop_post(pending->loop, &pending->message);
    } else {
        transaction_destroy(&transaction);
    }
}

static void *run(void *store_)
{
    struct store *store = store_;
    size_t count;

    pthread_setname_np(pthread_self(), "ledger");
    while ((count = take_group(store)) > 0) {
        run_group(store, count);
        count_group(store, count);
        tell_watches(store, count);
        for (size_t i = 0; i < count; i++)
            answer(store, store->group[i]);
    }
    return NULL;
}

/* ---- opening and closing */

static bool start_thread(struct store *store, struct error *err)
{
    sigset_t all, old;
    int cause;

    sigfillset(&all); /* signals are the control thread's */
    pthread_sigmask(SIG_BLOCK, &all, &old);
    cause = pthread_create(&store->thread, NULL, run, store);
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return cause == 0 || error_set(err, ERROR_IO, "the ledger's thread cannot be started");
}

static void dispose(struct store *store)
{
    if (store->engine != NULL)
        store->kind->close(&store->engine);
    lock_give(&store->lock_fd);
    pthread_cond_destroy(&store->finished);
    pthread_cond_destroy(&store->wakeup);
    pthread_mutex_destroy(&store->watch_mutex);
    pthread_mutex_destroy(&store->mutex);
    free(store->group);
    free(store);
}

bool store_open(struct store **store_ptr, const struct store_settings *settings, struct error *err)
{
    struct store *store = memory_alloc(sizeof(*store));

    *store_ptr = NULL;
    store->kind = settings->engine != NULL ? settings->engine : &engine_sqlite;
    store->queue_max = settings->queue_max > 0 ? settings->queue_max : QUEUE_MAX;
    store->group_max = settings->group_max > 0 ? settings->group_max : GROUP_MAX;
    store->group = memory_resize_array(NULL, store->group_max, sizeof(struct transaction *));
    store->shared.end = &store->shared.first;
    pthread_mutex_init(&store->mutex, NULL);
    pthread_mutex_init(&store->watch_mutex, NULL);
    pthread_cond_init(&store->wakeup, NULL);
    pthread_cond_init(&store->finished, NULL);
    if (!lock_take(settings->folder, &store->lock_fd, err) ||
        !store->kind->open(&store->engine, settings->folder, store->uuid, err) ||
        !start_thread(store, err)) {
        dispose(store);
        return false;
    }
    *store_ptr = store;
    return true;
}

void store_close(struct store **store_ptr)
{
    struct store *store = *store_ptr;

    if (store == NULL)
        return;
    *store_ptr = NULL;
    pthread_mutex_lock(&store->mutex);
    store->shared.must_stop = true;
    pthread_cond_signal(&store->wakeup);
    pthread_mutex_unlock(&store->mutex);
    pthread_join(store->thread, NULL);
    dispose(store);
}

/* ---- asking */

/* With the mutex held. */
static bool has_room_locked(struct store *store, size_t count, struct error *err)
{
    if (store->shared.must_stop)
        return error_set(err, ERROR_REFUSED, "the ledger is closing");
    if (store->shared.count + count > store->queue_max) {
        store->shared.counters.refused++;
        return error_set(err, ERROR_LIMIT,
                         "%zu transactions wait for the ledger, and no more may; its disk is too "
                         "slow for what is asked",
                         store->shared.count);
    }
    return true;
}

/* With the mutex held. */
static void enqueue_locked(struct store *store, struct pending *pending)
{
    pending->next = NULL;
    *store->shared.end = pending;
    store->shared.end = &pending->next;
    if (store->shared.count++ == 0)
        pthread_cond_signal(&store->wakeup);
}

bool store_start_all(struct store *store, struct loop *loop,
                     struct transaction *const *transactions, size_t count, store_done_cb on_done,
                     void *arg, struct error *err)
{
    bool is_accepted;

    assert(loop != NULL || on_done == NULL);
    for (size_t i = 0; i < count; i++) {
        struct pending *pending = pending_of(transactions[i]);

        pending->followers = count - 1 - i;
        pending->loop = loop;
        pending->on_done = on_done;
        pending->arg = arg;
        pending->is_finished = NULL;
        transactions[i]->err = (struct error){0};
    }
    pthread_mutex_lock(&store->mutex);
    is_accepted = has_room_locked(store, count, err);
    for (size_t i = 0; is_accepted && i < count; i++)
        enqueue_locked(store, pending_of(transactions[i]));
    pthread_mutex_unlock(&store->mutex);
    return is_accepted;
}

bool store_start(struct store *store, struct loop *loop, struct transaction *transaction,
                 store_done_cb on_done, void *arg, struct error *err)
{
    return store_start_all(store, loop, &transaction, 1, on_done, arg, err);
}

void store_cancel(struct transaction *transaction)
{
    pending_of(transaction)->on_done = NULL;
}

bool store_run(struct store *store, struct transaction *transaction, struct error *err)
{
    struct pending *pending = pending_of(transaction);
    bool is_finished = false;
    bool is_accepted;

    assert(!pthread_equal(pthread_self(), store->thread));
    pending->followers = 0;
    pending->loop = NULL;
    pending->on_done = NULL;
    pending->is_finished = &is_finished;
    transaction->err = (struct error){0};
    pthread_mutex_lock(&store->mutex);
    is_accepted = has_room_locked(store, 1, &transaction->err);
    if (is_accepted)
        enqueue_locked(store, pending);
    while (is_accepted && !is_finished)
        pthread_cond_wait(&store->finished, &store->mutex);
    pthread_mutex_unlock(&store->mutex);
    if (transaction->err.code == ERROR_NONE)
        return true;
    return error_copy(err, &transaction->err);
}

/* ---- watching and counting */

void store_watch(struct store *store, struct store_watch *watch)
{
    pthread_mutex_lock(&store->watch_mutex);
    watch->next = store->watches;
    store->watches = watch;
    pthread_mutex_unlock(&store->watch_mutex);
}

void store_unwatch(struct store *store, struct store_watch *watch)
{
    pthread_mutex_lock(&store->watch_mutex);
    for (struct store_watch **at = &store->watches; *at != NULL; at = &(*at)->next)
        if (*at == watch) {
            *at = watch->next;
            break;
        }
    pthread_mutex_unlock(&store->watch_mutex);
}

const char *store_uuid(const struct store *store)
{
    return store->uuid;
}

struct store_counters store_counters(struct store *store)
{
    struct store_counters counters;

    pthread_mutex_lock(&store->mutex);
    counters = store->shared.counters;
    counters.waiting = store->shared.count;
    pthread_mutex_unlock(&store->mutex);
    return counters;
}
