// SPDX-License-Identifier: Apache-2.0
/* The six words of a join (auth/words.h), made in the job pool: they cost some 50 ms. Loop thread
 * only. */
#ifndef FEDERATION_WORDS_JOB_H
#define FEDERATION_WORDS_JOB_H

#include "auth/words.h"
#include "http/jobs.h"

struct words_question {
    char link[27];
    uint64_t epoch;
    char inviter_org[ORG_SIZE], joiner_org[ORG_SIZE];
    uint8_t inviter_root[KEY_HASH_SIZE], joiner_root[KEY_HASH_SIZE];
    uint8_t exporter[WORDS_EXPORTER_SIZE];
};

struct words_job;
typedef void (*words_job_cb)(void *arg, const char *words);

/* Copies. False: the job pool is full, never a call. True: on_done once, later, unless canceled. */
MUST_USE bool words_job_start(struct words_job **job, struct jobs *jobs, struct loop *loop,
                              const struct words_question *question, words_job_cb on_done,
                              void *arg, struct error *err);
/* Clears *job; NULL is fine. */
void words_job_cancel(struct words_job **job);

#endif
