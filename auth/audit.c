// SPDX-License-Identifier: Apache-2.0
#include "auth/audit.h"

#include "auth/audit_file.h"
#include "auth/audit_line.h"
#include "auth/audit_sync.h"
#include "conf/log_ring.h"
#include "conf/memory.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum {
    RING_SIZE = 256 * 1024,
    GATHER_MS = 20,  /* lines gather this long before they are written */
    SYNC_MS = 900,   /* from one sync to the next */
    RETRY_MS = 250,  /* while the file cannot be written */
    FINAL_TRIES = 4, /* at the end */
};

struct audit_writer {
    struct log_ring ring;
    struct audit *audit;
    struct audit_writer *next; /* audit->shared */
    atomic_bool is_closed;     /* its thread will not touch it again */
    struct text body;          /* scratch of its thread */
};

struct audit {
    char *path;
    pthread_t thread;
    int wake_fd;
    /* The audit thread is about to sleep for long: whoever commits must wake it. */
    atomic_bool is_asleep;
    atomic_bool is_stopping, must_reopen;
    atomic_bool is_failing; /* the file cannot be written: nothing more is taken */
    atomic_uint_fast64_t records, lost, failures;
    struct audit_sync *sync;
    struct {
        pthread_mutex_t mutex;
        struct audit_writer *writers;
        struct error failure; /* of the last write or reopening */
    } shared;
    /* The audit thread's own from here on. */
    struct audit_file file;
    struct audit_chain chain;
    struct text batch;        /* lines that are not in the file yet */
    uint64_t told_lost;       /* of lost, how many a line spoke of */
    uint64_t synced_sequence; /* what a sync was started for */
    uint64_t synced_ms;       /* and when, on CLOCK_MONOTONIC */
};

static void wake(const struct audit *audit)
{
    uint64_t one = 1;

    while (write(audit->wake_fd, &one, sizeof(one)) < 0 && errno == EINTR)
        ;
}

/* ---- the side of those who record */

bool audit_put(struct audit_writer *writer, const struct audit_entry *entry)
{
    struct audit *audit = writer->audit;
    bool is_half_full;
    char *room = NULL;

    if (!atomic_load_explicit(&audit->is_failing, memory_order_relaxed)) {
        text_clear(&writer->body);
        audit_line_put_body(&writer->body, entry);
        room = log_ring_reserve(&writer->ring, 0, writer->body.size, 0);
    }
    if (room == NULL) {
        atomic_fetch_add_explicit(&audit->lost, 1, memory_order_relaxed);
        return false;
    }
    memcpy(room, writer->body.data, writer->body.size);
    is_half_full = log_ring_commit(&writer->ring, writer->body.size);
    /* Sequentially consistent against sleep_until_work: either we see that it sleeps, or it sees
     * our line. Only one of many producers pays for the system call. */
    if ((atomic_load(&audit->is_asleep) && atomic_exchange(&audit->is_asleep, false)) ||
        is_half_full)
        wake(audit);
    return true;
}

struct audit_writer *audit_writer_create(struct audit *audit)
{
    struct audit_writer *writer = memory_alloc(sizeof(*writer));

    log_ring_init(&writer->ring, RING_SIZE);
    writer->audit = audit;
    atomic_init(&writer->is_closed, false);
    pthread_mutex_lock(&audit->shared.mutex);
    writer->next = audit->shared.writers;
    audit->shared.writers = writer;
    pthread_mutex_unlock(&audit->shared.mutex);
    return writer;
}

void audit_writer_destroy(struct audit_writer **writer)
{
    struct audit *audit;

    if (*writer == NULL)
        return;
    audit = (*writer)->audit;
    atomic_store(&(*writer)->is_closed, true); /* the audit thread may free it from here on */
    *writer = NULL;
    wake(audit);
}

void audit_reopen(struct audit *audit)
{
    atomic_store(&audit->must_reopen, true);
    wake(audit);
}

struct audit_counters audit_counters(const struct audit *audit)
{
    return (struct audit_counters){
        .records = atomic_load_explicit(&audit->records, memory_order_relaxed),
        .lost = atomic_load_explicit(&audit->lost, memory_order_relaxed),
        .failures = atomic_load_explicit(&audit->failures, memory_order_relaxed) +
                    audit_sync_failures(audit->sync),
    };
}

bool audit_is_healthy(struct audit *audit, struct error *err)
{
    struct error failure;

    pthread_mutex_lock(&audit->shared.mutex);
    failure = audit->shared.failure;
    pthread_mutex_unlock(&audit->shared.mutex);
    if (failure.code != ERROR_NONE)
        return error_copy(err, &failure);
    return audit_sync_is_healthy(audit->sync, err);
}

/* ---- the audit thread: writing */

static uint64_t clock_ms(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* How a write or a reopening went; err is empty if well. */
static void note_outcome(struct audit *audit, const struct error *err)
{
    if (err->code != ERROR_NONE)
        atomic_fetch_add_explicit(&audit->failures, 1, memory_order_relaxed);
    pthread_mutex_lock(&audit->shared.mutex);
    audit->shared.failure = *err;
    pthread_mutex_unlock(&audit->shared.mutex);
}

static uint64_t count_lines(struct slice s)
{
    const char *at = s.data, *end = s.data + s.size;
    uint64_t count = 0;

    while (at < end && (at = memchr(at, '\n', (size_t)(end - at))) != NULL) {
        count++;
        at++;
    }
    return count;
}

/* Writes the batch. What the file does not take stays in it. */
static bool flush(struct audit *audit)
{
    struct error err = {0};
    size_t done;
    bool result;

    if (audit->batch.size == 0)
        return true;
    result = audit_file_append(&audit->file, text_slice(&audit->batch), &done, &err);
    atomic_fetch_add_explicit(&audit->records, count_lines((struct slice){audit->batch.data, done}),
                              memory_order_relaxed);
    audit->batch.size -= done;
    memmove(audit->batch.data, audit->batch.data + done, audit->batch.size);
    if (!result || atomic_load(&audit->is_failing))
        note_outcome(audit, &err);
    atomic_store(&audit->is_failing, !result);
    return result;
}

static void put_line(struct audit *audit, struct slice body)
{
    uint64_t lost = atomic_load_explicit(&audit->lost, memory_order_relaxed);

    audit_line_put(&audit->batch, &audit->chain, lost - audit->told_lost, body);
    audit->told_lost = lost;
}

/* Losses that no line followed get a line of their own. */
static void tell_lost(struct audit *audit)
{
    struct text body = {0};

    if (atomic_load_explicit(&audit->lost, memory_order_relaxed) == audit->told_lost ||
        atomic_load(&audit->is_failing))
        return;
    audit_line_put_bare_body(&body, clock_ms(CLOCK_REALTIME));
    put_line(audit, text_slice(&body));
    text_dispose(&body);
    flush(audit);
}

/* At most what a ring holds at once, so that a busy producer cannot keep the others from their
 * turn. True: something was there. */
static bool drain_writer(struct audit *audit, struct audit_writer *writer)
{
    struct log_record record;
    size_t moved = 0;

    while (moved < RING_SIZE && log_ring_next(&writer->ring, &record)) {
        put_line(audit, (struct slice){record.data, record.size});
        moved += record.size;
    }
    log_ring_release(&writer->ring);
    return moved > 0;
}

static void free_writer(struct audit_writer *writer)
{
    log_ring_dispose(&writer->ring);
    text_dispose(&writer->body);
    free(writer);
}

static void remove_writer(struct audit *audit, struct audit_writer *writer)
{
    struct audit_writer **at = &audit->shared.writers;

    pthread_mutex_lock(&audit->shared.mutex);
    while (*at != writer)
        at = &(*at)->next;
    *at = writer->next;
    pthread_mutex_unlock(&audit->shared.mutex);
    free_writer(writer);
}

/* Once over all rings; closed and empty ones are freed. While the file cannot be written the rings
 * keep what they have. True: something was there. The list is walked without its lock: others only
 * put writers before its head. */
static bool drain_all(struct audit *audit)
{
    struct audit_writer *writer, *next;
    bool any = false;

    pthread_mutex_lock(&audit->shared.mutex);
    writer = audit->shared.writers;
    pthread_mutex_unlock(&audit->shared.mutex);
    for (; writer != NULL && flush(audit); writer = next) {
        bool is_closed = atomic_load(&writer->is_closed); /* before the ring is found empty */

        next = writer->next;
        if (drain_writer(audit, writer))
            any = true;
        else if (is_closed)
            remove_writer(audit, writer);
    }
    flush(audit);
    return any;
}

/* ---- the audit thread: the file and the disk */

static struct audit_head head_of(const struct audit_chain *chain)
{
    struct audit_head head = {.sequence = chain->sequence};

    memcpy(head.hash, chain->hash, RECORD_HASH_SIZE);
    return head;
}

/* Only of a chain whose every line is in the file. */
static void start_sync(struct audit *audit, bool must_wait)
{
    struct audit_head head = head_of(&audit->chain);

    if (audit->batch.size > 0 || head.sequence == audit->synced_sequence ||
        !audit_sync_start(audit->sync, audit->file.fd, &head, must_wait))
        return;
    audit->synced_sequence = head.sequence;
    audit->synced_ms = clock_ms(CLOCK_MONOTONIC);
}

static bool has_unsynced(const struct audit *audit)
{
    return audit->chain.sequence != audit->synced_sequence;
}

static void sync_if_due(struct audit *audit)
{
    if (!has_unsynced(audit) || clock_ms(CLOCK_MONOTONIC) - audit->synced_ms < SYNC_MS)
        return;
    start_sync(audit, false);
    tell_lost(audit);
}

static void reopen_if_asked(struct audit *audit)
{
    struct error err = {0};
    struct audit_file file;
    uint64_t cut;

    if (!atomic_exchange(&audit->must_reopen, false) || audit_file_is_at(&audit->file, audit->path))
        return;
    if (audit_file_open(&file, audit->path, &cut, &err)) {
        start_sync(audit, true);
        audit_file_close(&audit->file);
        audit->file = file;
    }
    note_outcome(audit, &err);
}

/* ---- the audit thread: sleeping */

static void wait_for(const struct audit *audit, int timeout_ms)
{
    struct pollfd wakes = {.fd = audit->wake_fd, .events = POLLIN};
    uint64_t count;

    if (poll(&wakes, 1, timeout_ms) > 0)
        while (read(audit->wake_fd, &count, sizeof(count)) < 0 && errno == EINTR)
            ;
}

/* Nothing is left to do: sleeps until a producer commits, then lets its lines gather. */
static void sleep_until_work(struct audit *audit)
{
    atomic_store(&audit->is_asleep, true);
    if (!drain_all(audit) && !atomic_load(&audit->is_stopping) && !atomic_load(&audit->must_reopen))
        wait_for(audit, has_unsynced(audit) ? SYNC_MS : -1);
    atomic_store(&audit->is_asleep, false);
    if (!atomic_load(&audit->is_stopping))
        wait_for(audit, GATHER_MS);
}

static void drain_to_the_end(struct audit *audit)
{
    for (int tries = 0; tries < FINAL_TRIES; tries++) {
        while (drain_all(audit))
            ;
        if (!atomic_load(&audit->is_failing))
            break;
        wait_for(audit, RETRY_MS);
    }
    tell_lost(audit);
    start_sync(audit, true);
}

static void *run(void *audit_)
{
    struct audit *audit = audit_;

    pthread_setname_np(pthread_self(), "audit");
    while (!atomic_load(&audit->is_stopping)) {
        bool any;

        reopen_if_asked(audit);
        any = drain_all(audit);
        sync_if_due(audit);
        if (atomic_load(&audit->is_failing))
            wait_for(audit, RETRY_MS);
        else if (any)
            wait_for(audit, GATHER_MS);
        else
            sleep_until_work(audit);
    }
    drain_to_the_end(audit);
    return NULL;
}

/* ---- starting and stopping */

static void free_audit(struct audit *audit)
{
    while (audit->shared.writers != NULL) {
        struct audit_writer *writer = audit->shared.writers;

        audit->shared.writers = writer->next;
        free_writer(writer);
    }
    audit_sync_destroy(&audit->sync);
    audit_file_close(&audit->file);
    if (audit->wake_fd >= 0)
        close(audit->wake_fd);
    pthread_mutex_destroy(&audit->shared.mutex);
    text_dispose(&audit->batch);
    free(audit->path);
    free(audit);
}

static bool read_head(struct store *store, struct audit_head *head, struct error *err)
{
    struct transaction *transaction;
    bool result;

    *head = (struct audit_head){0};
    if (store == NULL)
        return true;
    transaction = transaction_create(TRANSACTION_AUDIT_HEAD_GET);
    result = store_run(store, transaction, err);
    *head = transaction->audit_head_get.head;
    transaction_destroy(&transaction);
    return result;
}

static bool resume(struct audit *audit, struct store *store, struct text *notice, struct error *err)
{
    struct audit_head head;
    uint64_t cut;

    if (!audit_file_open(&audit->file, audit->path, &cut, err) || !read_head(store, &head, err))
        return false;
    if (cut > 0 && notice != NULL)
        text_put_format(notice,
                        "the audit log ended with an unfinished line, of a crash: %" PRIu64
                        " bytes were cut off",
                        cut);
    if (!audit_file_resume(&audit->file, &head, &audit->chain, notice, err))
        return false;
    audit->synced_sequence = audit->chain.sequence;
    return true;
}

static bool start_thread(struct audit *audit, struct error *err)
{
    sigset_t all, before;
    int cause;

    sigfillset(&all); /* signals are the main thread's */
    pthread_sigmask(SIG_SETMASK, &all, &before);
    cause = pthread_create(&audit->thread, NULL, run, audit);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    errno = cause;
    return cause == 0 || error_set_errno(err, "a thread of the audit log cannot be started");
}

bool audit_open(struct audit **audit, const struct audit_settings *settings, struct text *notice,
                struct error *err)
{
    struct audit *made = memory_alloc(sizeof(*made));

    *audit = NULL;
    made->path = memory_copy_text(settings->path);
    made->file.fd = -1;
    pthread_mutex_init(&made->shared.mutex, NULL);
    made->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (made->wake_fd < 0) {
        error_set_errno(err, "the audit log cannot be started");
    } else if (resume(made, settings->store, notice, err) &&
               audit_sync_create(&made->sync, settings->store, err) && start_thread(made, err)) {
        *audit = made;
        return true;
    }
    free_audit(made);
    return false;
}

void audit_close(struct audit **audit)
{
    if (*audit == NULL)
        return;
    atomic_store(&(*audit)->is_stopping, true);
    wake(*audit);
    pthread_join((*audit)->thread, NULL);
    free_audit(*audit);
    *audit = NULL;
}
