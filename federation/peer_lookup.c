// SPDX-License-Identifier: Apache-2.0
#include "federation/peer_lookup.h"

#include "conf/memory.h"

#include <assert.h>
#include <stdlib.h>

struct peer_lookup {
    struct job job;
    struct jobs *jobs;
    struct address asked[PEER_LOOKUP_TEXTS];
    size_t asked_count;
    struct address found[PEER_LOOKUP_MAX];
    size_t count;
    struct error err;
    bool is_canceled;
    peer_lookup_cb on_done;
    void *arg;
};

static bool is_known(const struct peer_lookup *lookup, const struct address *address)
{
    for (size_t i = 0; i < lookup->count; i++)
        if (strcmp(lookup->found[i].text, address->text) == 0)
            return true;
    return false;
}

/* On a thread of the pool. One name that is not found does not hide the others. */
static void run(struct job *job)
{
    struct peer_lookup *lookup = CONTAINER_OF(job, struct peer_lookup, job);

    for (size_t i = 0; i < lookup->asked_count; i++) {
        struct address results[PEER_LOOKUP_MAX];
        size_t count = 0;

        if (!address_resolve(&lookup->asked[i], results, PEER_LOOKUP_MAX, &count, &lookup->err))
            continue;
        for (size_t n = 0; n < count && lookup->count < PEER_LOOKUP_MAX; n++)
            if (!is_known(lookup, &results[n]))
                lookup->found[lookup->count++] = results[n];
    }
}

static void finish(struct job *job)
{
    struct peer_lookup *lookup = CONTAINER_OF(job, struct peer_lookup, job);

    if (!lookup->is_canceled)
        lookup->on_done(lookup->arg, lookup->found, lookup->count,
                        lookup->count == 0 ? &lookup->err : NULL);
    free(lookup);
}

bool peer_lookup_start(struct peer_lookup **result, struct jobs *jobs, struct loop *loop,
                       const struct address *addresses, size_t count, peer_lookup_cb on_done,
                       void *arg, struct error *err)
{
    struct peer_lookup *lookup = memory_alloc(sizeof(*lookup));

    assert(count > 0 && count <= PEER_LOOKUP_TEXTS);
    lookup->job.run = run;
    lookup->job.on_done = finish;
    lookup->jobs = jobs;
    memcpy(lookup->asked, addresses, count * sizeof(*addresses));
    lookup->asked_count = count;
    lookup->on_done = on_done;
    lookup->arg = arg;
    if (!job_start(jobs, loop, &lookup->job)) {
        free(lookup);
        return error_set(err, ERROR_LIMIT, "too much is waiting to be looked up; try again");
    }
    *result = lookup;
    return true;
}

void peer_lookup_cancel(struct peer_lookup **lookup_ptr)
{
    struct peer_lookup *lookup = *lookup_ptr;

    if (lookup == NULL)
        return;
    *lookup_ptr = NULL;
    lookup->is_canceled = true;
    job_cancel(lookup->jobs, &lookup->job);
}
