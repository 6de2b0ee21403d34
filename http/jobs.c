// SPDX-License-Identifier: Apache-2.0
#include "http/jobs.h"

#include "conf/memory.h"
#include "conf/text.h"

#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>

struct jobs {
    pthread_t *threads;
    unsigned int thread_count;
    size_t queue_max;
    pthread_mutex_t mutex;
    pthread_cond_t wakeup;
    struct { /* under mutex */
        struct job *first, **end;
        size_t count;
        bool must_stop;
    } shared;
};

static void deliver(struct message *message, void *receiver)
{
    struct job *job = CONTAINER_OF(message, struct job, message);

    job->on_done(job);
}

/* The next job, or NULL when the pool ends and nothing waits. */
static struct job *take(struct jobs *jobs, bool *is_canceled)
{
    struct job *job;

    pthread_mutex_lock(&jobs->mutex);
    while (jobs->shared.first == NULL && !jobs->shared.must_stop)
        pthread_cond_wait(&jobs->wakeup, &jobs->mutex);
    job = jobs->shared.first;
    if (job != NULL) {
        jobs->shared.first = job->next;
        if (job->next == NULL)
            jobs->shared.end = &jobs->shared.first;
        jobs->shared.count--;
        *is_canceled = job->is_canceled;
    }
    pthread_mutex_unlock(&jobs->mutex);
    return job;
}

static void *run(void *jobs_)
{
    struct jobs *jobs = jobs_;
    bool is_canceled = false;
    struct job *job;

    pthread_setname_np(pthread_self(), "job");
    while ((job = take(jobs, &is_canceled)) != NULL) {
        if (!is_canceled)
            job->run(job);
        job->message.deliver = deliver;
        loop_post(job->loop, &job->message);
    }
    return NULL;
}

struct jobs *jobs_create(unsigned int threads, size_t queue_max)
{
    struct jobs *jobs = memory_alloc(sizeof(*jobs));
    sigset_t all, old;

    jobs->threads = memory_resize_array(NULL, threads, sizeof(*jobs->threads));
    jobs->queue_max = queue_max;
    jobs->shared.end = &jobs->shared.first;
    pthread_mutex_init(&jobs->mutex, NULL);
    pthread_cond_init(&jobs->wakeup, NULL);
    sigfillset(&all); /* signals are the control thread's */
    pthread_sigmask(SIG_BLOCK, &all, &old);
    for (; jobs->thread_count < threads; jobs->thread_count++)
        if (pthread_create(&jobs->threads[jobs->thread_count], NULL, run, jobs) != 0) {
            fprintf(stderr, "causeway: no thread can be started\n");
            abort();
        }
    pthread_sigmask(SIG_SETMASK, &old, NULL);
    return jobs;
}

void jobs_destroy(struct jobs **jobs_ptr)
{
    struct jobs *jobs = *jobs_ptr;

    if (jobs == NULL)
        return;
    *jobs_ptr = NULL;
    pthread_mutex_lock(&jobs->mutex);
    jobs->shared.must_stop = true;
    pthread_cond_broadcast(&jobs->wakeup);
    pthread_mutex_unlock(&jobs->mutex);
    for (unsigned int i = 0; i < jobs->thread_count; i++)
        pthread_join(jobs->threads[i], NULL);
    pthread_cond_destroy(&jobs->wakeup);
    pthread_mutex_destroy(&jobs->mutex);
    free(jobs->threads);
    free(jobs);
}

bool job_start(struct jobs *jobs, struct loop *loop, struct job *job)
{
    bool accepted;

    if (jobs == NULL)
        return false;
    pthread_mutex_lock(&jobs->mutex);
    accepted = jobs->shared.count < jobs->queue_max && !jobs->shared.must_stop;
    if (accepted) {
        job->loop = loop;
        job->next = NULL;
        job->is_canceled = false;
        *jobs->shared.end = job;
        jobs->shared.end = &job->next;
        jobs->shared.count++;
        pthread_cond_signal(&jobs->wakeup);
    }
    pthread_mutex_unlock(&jobs->mutex);
    return accepted;
}

void job_cancel(struct jobs *jobs, struct job *job)
{
    pthread_mutex_lock(&jobs->mutex);
    job->is_canceled = true;
    pthread_mutex_unlock(&jobs->mutex);
}
