// SPDX-License-Identifier: Apache-2.0
#include "federation/words_job.h"

#include "conf/memory.h"

#include <stdlib.h>

struct words_job {
    struct job job;
    struct jobs *jobs;
    struct words_question question;
    char words[WORDS_SIZE];
    bool is_canceled;
    words_job_cb on_done;
    void *arg;
};

/* On a thread of the pool. */
static void run(struct job *job)
{
    struct words_job *words = CONTAINER_OF(job, struct words_job, job);
    const struct words_question *question = &words->question;
    struct words_transcript transcript = {.link = slice_of(question->link),
                                          .epoch = question->epoch,
                                          .inviter.org = question->inviter_org,
                                          .joiner.org = question->joiner_org};

    memcpy(transcript.inviter.root, question->inviter_root, KEY_HASH_SIZE);
    memcpy(transcript.joiner.root, question->joiner_root, KEY_HASH_SIZE);
    memcpy(transcript.exporter, question->exporter, WORDS_EXPORTER_SIZE);
    words_of(&transcript, words->words);
}

static void finish(struct job *job)
{
    struct words_job *words = CONTAINER_OF(job, struct words_job, job);

    if (!words->is_canceled)
        words->on_done(words->arg, words->words);
    free(words);
}

bool words_job_start(struct words_job **result, struct jobs *jobs, struct loop *loop,
                     const struct words_question *question, words_job_cb on_done, void *arg,
                     struct error *err)
{
    struct words_job *words = memory_alloc(sizeof(*words));

    words->job.run = run;
    words->job.on_done = finish;
    words->jobs = jobs;
    words->question = *question;
    words->on_done = on_done;
    words->arg = arg;
    if (!job_start(jobs, loop, &words->job)) {
        free(words);
        return error_set(err, ERROR_LIMIT, "too much is waiting to be computed; try again");
    }
    *result = words;
    return true;
}

void words_job_cancel(struct words_job **job_ptr)
{
    struct words_job *words = *job_ptr;

    if (words == NULL)
        return;
    *job_ptr = NULL;
    words->is_canceled = true;
    job_cancel(words->jobs, &words->job);
}
