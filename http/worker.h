// SPDX-License-Identifier: Apache-2.0
/* A thread with a loop and a server on it. Created, told and joined by one other thread (the
 * control thread); what it is told travels as messages. */
#ifndef HTTP_WORKER_H
#define HTTP_WORKER_H

#include "http/server.h"

struct worker;

struct worker_options {
    uint32_t id;      /* part of request ids */
    const char *name; /* the thread's, at most 15 characters, static; NULL: worker-ID */
    int cpu;          /* to run on; -1: any */
    int listen_fd;    /* taken over */
    uint32_t max_connections;
    size_t large_block_budget;
    struct guard_limits strangers;
    struct log_writer *log;
    /* Makes the settings of this worker's server from a snapshot that is shared by all. Runs on the
     * worker's thread; returns one reference. */
    struct server_settings *(*make_settings)(struct server *server, const void *snapshot,
                                             void *arg);
    void *arg; /* this worker's own, for make_settings; borrowed until worker_destroy returns */
    void (*unref_snapshot)(const void *snapshot);
};

/* snapshot: a reference is taken over, here and in worker_reload. */
struct worker *worker_create(const struct worker_options *options, const void *snapshot);
void worker_reload(struct worker *worker, const void *snapshot);

/* As server_drain. The thread ends when the last session has. */
void worker_drain(struct worker *worker, uint64_t deadline_ms);

/* Any thread: did it drain to the end? */
bool worker_has_ended(const struct worker *worker);

/* Cuts what is left and joins the thread. Its loop stays, for answers that are still on their way
 * to it, which worker_destroy delivers: between the two, whoever sends them is stopped. Idempotent.
 */
void worker_stop(struct worker *worker);
void worker_destroy(struct worker **worker);
/* After worker_stop: what was posted to its loop meanwhile is delivered now, on this thread. */
void worker_settle(struct worker *worker);

/* Any thread, until worker_stop. */
const struct server_counters *worker_counters(const struct worker *worker);

#endif
