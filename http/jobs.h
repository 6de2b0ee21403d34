// SPDX-License-Identifier: Apache-2.0
/* The job pool: threads for what a loop must not wait for (files, DNS, hashing, compiling a
 * policy), behind a queue with a bound. */
#ifndef HTTP_JOBS_H
#define HTTP_JOBS_H

#include "http/loop.h"

#include "conf/error.h"

#include <stddef.h>

struct jobs;

/* Embedded in what the job is about. */
struct job {
    void (*run)(struct job *job);     /* on a thread of the pool; may block */
    void (*on_done)(struct job *job); /* on the loop that started it, once, later */
    struct loop *loop;
    struct message message;
    struct job *next;
    bool is_canceled;
};

struct jobs *jobs_create(unsigned int threads, size_t queue_max);

/* Waits for the jobs that run; those that still wait are run too. Their on_done is posted, so their
 * loops must still exist. */
void jobs_destroy(struct jobs **jobs);

/* false: the queue is full, or jobs is NULL (destroyed: the process ends), and on_done is never
 * called. true: on_done is called once, later, from loop. The memory of job is the pool's until
 * then. */
MUST_USE bool job_start(struct jobs *jobs, struct loop *loop, struct job *job);

/* From the job's loop: on_done will still be called, since the memory is the pool's, with
 * is_canceled set; run is skipped if it has not begun. */
void job_cancel(struct jobs *jobs, struct job *job);

#endif
