// SPDX-License-Identifier: Apache-2.0
#include "auth/audit_sync.h"

#include "conf/memory.h"

#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <unistd.h>

struct audit_sync {
    struct store *store;
    pthread_t thread;
    pthread_mutex_t mutex;
    pthread_cond_t changed;
    atomic_uint_fast64_t failures;
    struct { /* under mutex */
        bool has_work, must_stop;
        int fd;
        struct audit_head head;
        struct error failure; /* of the last one */
    } shared;
};

static bool set_head(struct store *store, const struct audit_head *head, struct error *err)
{
    struct transaction *transaction;
    bool result;

    if (store == NULL || head->sequence == 0)
        return true;
    transaction = transaction_create(TRANSACTION_AUDIT_HEAD_SET);
    transaction->audit_head_set.head = *head;
    result = store_run(store, transaction, err);
    transaction_destroy(&transaction);
    return result || error_prefix(err, "the ledger did not take the audit log's head");
}

static void sync_one(struct audit_sync *sync, int fd, const struct audit_head *head)
{
    struct error err = {0};

    if (fd < 0 || fdatasync(fd) != 0)
        error_set_errno(&err, "the audit log cannot be brought to the disk");
    else
        (void)set_head(sync->store, head, &err);
    if (fd >= 0)
        close(fd);
    if (err.code != ERROR_NONE)
        atomic_fetch_add_explicit(&sync->failures, 1, memory_order_relaxed);
    pthread_mutex_lock(&sync->mutex);
    sync->shared.failure = err;
    sync->shared.has_work = false;
    pthread_cond_broadcast(&sync->changed);
    pthread_mutex_unlock(&sync->mutex);
}

static void *run(void *sync_)
{
    struct audit_sync *sync = sync_;
    bool has_work;

    pthread_setname_np(pthread_self(), "audit-sync");
    do {
        struct audit_head head;
        int fd;

        pthread_mutex_lock(&sync->mutex);
        while (!sync->shared.has_work && !sync->shared.must_stop)
            pthread_cond_wait(&sync->changed, &sync->mutex);
        has_work = sync->shared.has_work;
        fd = sync->shared.fd;
        head = sync->shared.head;
        pthread_mutex_unlock(&sync->mutex);
        if (has_work)
            sync_one(sync, fd, &head);
    } while (has_work);
    return NULL;
}

static void dispose(struct audit_sync *sync)
{
    pthread_cond_destroy(&sync->changed);
    pthread_mutex_destroy(&sync->mutex);
    free(sync);
}

bool audit_sync_create(struct audit_sync **sync, struct store *store, struct error *err)
{
    struct audit_sync *made = memory_alloc(sizeof(*made));
    sigset_t all, before;
    int cause;

    made->store = store;
    pthread_mutex_init(&made->mutex, NULL);
    pthread_cond_init(&made->changed, NULL);
    atomic_init(&made->failures, 0);
    sigfillset(&all); /* signals are the main thread's */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    cause = pthread_create(&made->thread, NULL, run, made);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    *sync = cause == 0 ? made : NULL;
    if (cause == 0)
        return true;
    dispose(made);
    errno = cause;
    return error_set_errno(err, "a thread of the audit log cannot be started");
}

void audit_sync_destroy(struct audit_sync **sync_ptr)
{
    struct audit_sync *sync = *sync_ptr;

    if (sync == NULL)
        return;
    *sync_ptr = NULL;
    pthread_mutex_lock(&sync->mutex);
    sync->shared.must_stop = true;
    pthread_cond_broadcast(&sync->changed);
    pthread_mutex_unlock(&sync->mutex);
    pthread_join(sync->thread, NULL);
    dispose(sync);
}

bool audit_sync_start(struct audit_sync *sync, int fd, const struct audit_head *head,
                      bool must_wait)
{
    bool is_free;

    pthread_mutex_lock(&sync->mutex);
    while (must_wait && sync->shared.has_work)
        pthread_cond_wait(&sync->changed, &sync->mutex);
    is_free = !sync->shared.has_work;
    if (is_free) {
        sync->shared.has_work = true;
        sync->shared.fd = fcntl(fd, F_DUPFD_CLOEXEC, 0);
        sync->shared.head = *head;
        pthread_cond_broadcast(&sync->changed);
    }
    pthread_mutex_unlock(&sync->mutex);
    return is_free;
}

uint64_t audit_sync_failures(const struct audit_sync *sync)
{
    return atomic_load_explicit(&sync->failures, memory_order_relaxed);
}

bool audit_sync_is_healthy(struct audit_sync *sync, struct error *err)
{
    struct error failure;

    pthread_mutex_lock(&sync->mutex);
    failure = sync->shared.failure;
    pthread_mutex_unlock(&sync->mutex);
    return failure.code == ERROR_NONE || error_copy(err, &failure);
}
