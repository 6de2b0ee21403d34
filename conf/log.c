// SPDX-License-Identifier: Apache-2.0
#include "conf/log.h"

#include "conf/log_ring.h"
#include "conf/log_sink.h"
#include "conf/memory.h"
#include "conf/text.h"
#include "conf/units.h"

#include <assert.h>
#include <errno.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <time.h>
#include <unistd.h>

enum {
    MESSAGE_MAX = 2048,
    COMPONENT_MAX = 32,
    LINE_MAX_SIZE = 6 * MESSAGE_MAX + 256, /* of a message whose every byte is escaped */
    MESSAGES_SIZE = LOG_RING_SIZE / 4,     /* of a ring, where no access line may go */
    BATCH_MS = 50,                         /* the log thread lets lines gather this long */
    TELL_MS = 1000,                        /* and speaks of dropped ones at most this often */
    STOP_MS = 2000                         /* it waits this long for a stalled reader at the end */
};

enum stream { STREAM_ACCESS = 0, STREAM_MESSAGES, STREAM_COUNT };

struct log_writer {
    struct log_ring ring;
    struct log *log;
    struct log_writer *next; /* log->shared */
    atomic_bool is_closed;   /* its thread will not touch it again */
    char component[COMPONENT_MAX];
};

struct log {
    pthread_t thread;
    int wake_fd;
    /* The log thread is about to sleep without a limit: whoever commits must wake it. */
    atomic_bool is_asleep;
    atomic_bool is_stopping;
    atomic_bool has_access;
    atomic_int level;
    atomic_uint_fast64_t dropped; /* what the log thread has learned so far */
    struct {
        pthread_mutex_t mutex;
        struct log_writer *writers;
        char *reopen_access; /* not NULL: open this */
    } shared;
    /* The log thread's own from here on. */
    struct log_sink sinks[STREAM_COUNT];
    char *access;
    uint64_t told_dropped; /* of log->dropped, how many a message spoke of */
    uint64_t told_ms;      /* and when, on CLOCK_MONOTONIC */
};

static const char *const level_names[] = {"error", "warning", "info", "debug"};

static void wake(const struct log *log)
{
    uint64_t one = 1;

    while (write(log->wake_fd, &one, sizeof(one)) < 0 && errno == EINTR)
        ;
}

/* ---- the producers' side ---- */

static void commit(struct log_writer *writer, size_t used)
{
    struct log *log = writer->log;
    bool is_half_full = log_ring_commit(&writer->ring, used);

    /* Sequentially consistent against sleep_until_work: either we see that it sleeps, or it sees
     * our line. Only one of many producers pays for the system call. */
    if ((atomic_load(&log->is_asleep) && atomic_exchange(&log->is_asleep, false)) || is_half_full)
        wake(log);
}

bool log_has_access(const struct log_writer *writer)
{
    return writer != NULL && atomic_load_explicit(&writer->log->has_access, memory_order_relaxed);
}

bool log_has_level(const struct log_writer *writer, enum log_level level)
{
    return writer != NULL &&
           (int)level <= atomic_load_explicit(&writer->log->level, memory_order_relaxed);
}

char *log_reserve(struct log_writer *writer, size_t max)
{
    assert(max <= LOG_LINE_MAX);
    if (!log_has_access(writer))
        return NULL;
    return log_ring_reserve(&writer->ring, STREAM_ACCESS, max + 1, MESSAGES_SIZE);
}

void log_commit(struct log_writer *writer, size_t used)
{
    if (writer == NULL)
        return;
    if (used > 0)
        log_ring_reserved(&writer->ring)[used++] = '\n';
    commit(writer, used);
}

bool log_line(struct log_writer *writer, const char *bytes, size_t size)
{
    char *room = log_reserve(writer, size);

    if (room == NULL)
        return false;
    memcpy(room, bytes, size);
    log_commit(writer, size);
    return true;
}

static uint64_t clock_ms(clockid_t clock)
{
    struct timespec now;

    clock_gettime(clock, &now);
    return (uint64_t)now.tv_sec * 1000 + (uint64_t)now.tv_nsec / 1000000;
}

/* One logfmt line with its newline; out has room for LINE_MAX_SIZE bytes. Returns its size. */
static size_t format_message(char *out, enum log_level level, const char *component,
                             struct slice message)
{
    char timestamp[UNITS_TIMESTAMP_SIZE];
    struct text line = {0};
    size_t size;

    text_put_format(&line, "time=%s level=%s component=%s message=\"",
                    units_print_timestamp(timestamp, clock_ms(CLOCK_REALTIME)), level_names[level],
                    component);
    text_put_json(&line, message);
    text_put_text(&line, "\"\n");
    size = line.size;
    assert(size <= LINE_MAX_SIZE);
    memcpy(out, line.data, size);
    text_dispose(&line);
    return size;
}

void log_message(struct log_writer *writer, enum log_level level, const char *format, ...)
{
    char message[MESSAGE_MAX];
    va_list args;
    char *room;
    int size;

    if (!log_has_level(writer, level))
        return;
    va_start(args, format);
    size = vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    if (size < 0)
        return;
    room = log_ring_reserve(&writer->ring, STREAM_MESSAGES, LINE_MAX_SIZE, 0);
    if (room == NULL)
        return;
    if ((size_t)size >= sizeof(message))
        size = sizeof(message) - 1;
    commit(writer,
           format_message(room, level, writer->component, (struct slice){message, (size_t)size}));
}

struct log_writer *log_writer_create(struct log *log, const char *component)
{
    struct log_writer *writer = memory_alloc(sizeof(*writer));

    log_ring_init(&writer->ring, LOG_RING_SIZE);
    writer->log = log;
    atomic_init(&writer->is_closed, false);
    snprintf(writer->component, sizeof(writer->component), "%s", component);
    pthread_mutex_lock(&log->shared.mutex);
    writer->next = log->shared.writers;
    log->shared.writers = writer;
    pthread_mutex_unlock(&log->shared.mutex);
    return writer;
}

void log_writer_destroy(struct log_writer **writer)
{
    struct log *log;

    if (*writer == NULL)
        return;
    log = (*writer)->log;
    atomic_store(&(*writer)->is_closed, true); /* the log thread may free it from here on */
    *writer = NULL;
    wake(log);
}

uint64_t log_dropped(const struct log *log)
{
    return atomic_load_explicit(&log->dropped, memory_order_relaxed);
}

/* ---- the log thread ---- */

static void free_writer(struct log_writer *writer)
{
    log_ring_dispose(&writer->ring);
    free(writer);
}

/* A message of the log thread's own, straight into its sink. False: no room. */
static bool own_message(struct log *log, enum log_level level, struct slice message)
{
    char line[LINE_MAX_SIZE];
    size_t size = format_message(line, level, "log", message);

    return log_sink_put(&log->sinks[STREAM_MESSAGES], line, size);
}

static void add_dropped(struct log *log, uint64_t count)
{
    if (count > 0)
        atomic_fetch_add_explicit(&log->dropped, count, memory_order_relaxed);
}

/* Writes what can be written without waiting. What a broken file loses is counted. */
static void flush_sink(struct log *log, enum stream stream)
{
    struct error err = {0};
    bool was_broken = log->sinks[stream].is_broken;

    add_dropped(log, log_sink_flush(&log->sinks[stream], &err));
    if (err.code != ERROR_NONE && !was_broken && stream == STREAM_ACCESS)
        own_message(log, LOG_LEVEL_ERROR, slice_of(err.text));
}

static void flush_sinks(struct log *log)
{
    flush_sink(log, STREAM_ACCESS);
    flush_sink(log, STREAM_MESSAGES);
}

static void take_record(struct log *log, const struct log_record *record)
{
    struct log_sink *sink = &log->sinks[record->stream];

    if (log_sink_put(sink, record->data, record->size))
        return;
    flush_sink(log, record->stream);
    if (!log_sink_put(sink, record->data, record->size))
        add_dropped(log, 1);
}

/* Moves a ring's lines to the sinks: at most what the ring holds at once, so that a busy producer
 * cannot keep the others from their turn. True: something was there. */
static bool drain_writer(struct log *log, struct log_writer *writer)
{
    struct log_record record;
    size_t moved = 0;

    while (moved < LOG_RING_SIZE && log_ring_next(&writer->ring, &record)) {
        take_record(log, &record);
        moved += record.size;
    }
    log_ring_release(&writer->ring);
    add_dropped(log, log_ring_take_dropped(&writer->ring));
    return moved > 0;
}

static void remove_writer(struct log *log, struct log_writer *writer)
{
    struct log_writer **at = &log->shared.writers;

    pthread_mutex_lock(&log->shared.mutex);
    while (*at != writer)
        at = &(*at)->next;
    *at = writer->next;
    pthread_mutex_unlock(&log->shared.mutex);
    free_writer(writer);
}

/* Once over all rings; closed and empty ones are freed. True: something was there. The list is
 * walked without its lock: others only put writers before its head. */
static bool drain_all(struct log *log)
{
    struct log_writer *writer, *next;
    bool any = false;

    pthread_mutex_lock(&log->shared.mutex);
    writer = log->shared.writers;
    pthread_mutex_unlock(&log->shared.mutex);
    for (; writer != NULL; writer = next) {
        bool is_closed = atomic_load(&writer->is_closed); /* before the ring is found empty */

        next = writer->next;
        if (drain_writer(log, writer))
            any = true;
        else if (is_closed)
            remove_writer(log, writer);
    }
    return any;
}

/* Says how many lines were lost since it was last said. */
static void tell_dropped(struct log *log)
{
    uint64_t lost = log_dropped(log) - log->told_dropped;
    uint64_t now = clock_ms(CLOCK_MONOTONIC);
    char text[128];

    if (lost == 0 || (now - log->told_ms < TELL_MS && !atomic_load(&log->is_stopping)))
        return;
    snprintf(text, sizeof(text),
             "%" PRIu64 " lines dropped: the log could not be written as fast as they came", lost);
    if (!own_message(log, LOG_LEVEL_WARNING, slice_of(text)))
        return;
    log->told_dropped += lost;
    log->told_ms = now;
}

static bool open_access(struct log *log, const char *access, struct error *err)
{
    if (!log_sink_open(&log->sinks[STREAM_ACCESS], access, err))
        return false;
    atomic_store(&log->has_access, strcmp(access, "off") != 0);
    return true;
}

static void reopen(struct log *log)
{
    struct error err = {0};
    char *access;

    pthread_mutex_lock(&log->shared.mutex);
    access = log->shared.reopen_access;
    log->shared.reopen_access = NULL;
    pthread_mutex_unlock(&log->shared.mutex);
    if (access != NULL && !open_access(log, access, &err)) {
        error_prefix(&err, "the access log stays as it was");
        own_message(log, LOG_LEVEL_ERROR, slice_of(err.text));
    }
    free(access);
}

static void clear_wakes(const struct log *log)
{
    uint64_t count;

    while (read(log->wake_fd, &count, sizeof(count)) < 0 && errno == EINTR)
        ;
}

/* Waits for a wake, for a sink that has bytes left to become writable, or timeout_ms. */
static void wait_for(const struct log *log, int timeout_ms)
{
    struct pollfd polls[1 + STREAM_COUNT] = {{.fd = log->wake_fd, .events = POLLIN}};

    for (size_t i = 0; i < STREAM_COUNT; i++)
        polls[1 + i] = (struct pollfd){
            .fd = log_sink_is_empty(&log->sinks[i]) ? -1 : log->sinks[i].fd, .events = POLLOUT};
    poll(polls, ARRAY_SIZE(polls), timeout_ms);
    clear_wakes(log);
}

static bool sinks_are_empty(const struct log *log)
{
    return log_sink_is_empty(&log->sinks[STREAM_ACCESS]) &&
           log_sink_is_empty(&log->sinks[STREAM_MESSAGES]);
}

/* Nothing is left to do: sleeps until a producer commits, then lets its lines gather. */
static void sleep_until_work(struct log *log)
{
    atomic_store(&log->is_asleep, true);
    if (!drain_all(log) && !atomic_load(&log->is_stopping))
        wait_for(log, -1);
    atomic_store(&log->is_asleep, false);
    if (!atomic_load(&log->is_stopping))
        wait_for(log, BATCH_MS);
}

static void drain_to_the_end(struct log *log)
{
    uint64_t give_up = clock_ms(CLOCK_MONOTONIC) + STOP_MS;
    bool any;

    do {
        any = drain_all(log);
        tell_dropped(log);
        flush_sinks(log);
        if (!sinks_are_empty(log))
            wait_for(log, 10);
    } while ((any || !sinks_are_empty(log)) && clock_ms(CLOCK_MONOTONIC) < give_up);
}

static void *log_thread(void *log_)
{
    struct log *log = log_;

    while (!atomic_load(&log->is_stopping)) {
        bool any;

        reopen(log);
        any = drain_all(log);
        tell_dropped(log);
        flush_sinks(log);
        if (any || !sinks_are_empty(log) || log->told_dropped != log_dropped(log))
            wait_for(log, BATCH_MS);
        else
            sleep_until_work(log);
    }
    drain_to_the_end(log);
    return NULL;
}

/* ---- starting and stopping ---- */

static void free_log(struct log *log)
{
    while (log->shared.writers != NULL) {
        struct log_writer *writer = log->shared.writers;

        log->shared.writers = writer->next;
        free_writer(writer);
    }
    for (size_t i = 0; i < STREAM_COUNT; i++)
        log_sink_dispose(&log->sinks[i]);
    if (log->wake_fd >= 0)
        close(log->wake_fd);
    pthread_mutex_destroy(&log->shared.mutex);
    free(log->shared.reopen_access);
    free(log);
}

/* Signals are the main thread's: the log thread must not take one from it. */
static int start_thread(struct log *log)
{
    sigset_t all, before;
    int status;

    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    status = pthread_create(&log->thread, NULL, log_thread, log);
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    return status;
}

bool log_start(struct log **log, const struct log_settings *settings, struct error *err)
{
    struct log *made = memory_alloc(sizeof(*made));
    int status;

    *log = NULL;
    pthread_mutex_init(&made->shared.mutex, NULL);
    atomic_init(&made->level, (int)settings->level);
    log_sink_init(&made->sinks[STREAM_ACCESS], -1);
    log_sink_init(&made->sinks[STREAM_MESSAGES], STDERR_FILENO);
    made->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (made->wake_fd < 0) {
        error_set_errno(err, "the log cannot be started");
    } else if (open_access(made, settings->access, err)) {
        status = start_thread(made);
        if (status == 0) {
            *log = made;
            return true;
        }
        errno = status;
        error_set_errno(err, "the log thread cannot be started");
    }
    free_log(made);
    return false;
}

void log_stop(struct log **log)
{
    if (*log == NULL)
        return;
    atomic_store(&(*log)->is_stopping, true);
    wake(*log);
    pthread_join((*log)->thread, NULL);
    free_log(*log);
    *log = NULL;
}

void log_reopen(struct log *log, const struct log_settings *settings)
{
    atomic_store(&log->level, (int)settings->level);
    pthread_mutex_lock(&log->shared.mutex);
    free(log->shared.reopen_access);
    log->shared.reopen_access = memory_copy_text(settings->access);
    pthread_mutex_unlock(&log->shared.mutex);
    wake(log);
}
