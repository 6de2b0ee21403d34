// SPDX-License-Identifier: Apache-2.0
#include "http/errand.h"

#include "conf/text.h"

#include <assert.h>

static void drop(struct errand *errand, unsigned count)
{
    if (atomic_fetch_sub(&errand->references, count) == count)
        errand->kind->destroy(errand);
}

/* ---- there */

static void deliver_start(struct message *message, void *receiver)
{
    struct errand *errand = CONTAINER_OF(message, struct errand, start);

    errand->kind->begin(errand);
}

static void deliver_cancel(struct message *message, void *receiver)
{
    struct errand *errand = CONTAINER_OF(message, struct errand, cancel);

    if (errand->is_answered) {
        drop(errand, 1);
        return;
    }
    errand->is_answered = true;
    if (errand->kind->give_up != NULL)
        errand->kind->give_up(errand);
    drop(errand, 2); /* an answer's, too */
}

void errand_answer(struct errand *errand)
{
    assert(!errand->is_answered);
    errand->is_answered = true;
    if (errand_is_abandoned(errand)) /* its loop may be gone; its cancellation is on its way */
        drop(errand, 1);
    else
        loop_post(errand->here, &errand->finish);
}

void errand_progress(struct errand *errand)
{
    if (errand_is_abandoned(errand) || atomic_exchange(&errand->is_progress_posted, true))
        return; /* the one under way will tell it */
    atomic_fetch_add(&errand->references, 1);
    loop_post(errand->here, &errand->progress);
}

/* ---- here */

static void deliver_progress(struct message *message, void *receiver)
{
    struct errand *errand = CONTAINER_OF(message, struct errand, progress);

    atomic_store(&errand->is_progress_posted, false);
    if (!errand_is_abandoned(errand))
        errand->kind->on_progress(errand);
    drop(errand, 1);
}

static void deliver_finish(struct message *message, void *receiver)
{
    struct errand *errand = CONTAINER_OF(message, struct errand, finish);

    if (!errand_is_abandoned(errand))
        errand->kind->on_done(errand);
    drop(errand, 1);
}

void errand_start(struct errand *errand, const struct errand_kind *kind, struct loop *here,
                  struct loop *there)
{
    errand->kind = kind;
    errand->here = here;
    errand->there = there;
    errand->start.deliver = deliver_start;
    errand->cancel.deliver = deliver_cancel;
    errand->progress.deliver = deliver_progress;
    errand->finish.deliver = deliver_finish;
    atomic_init(&errand->references, 1);
    atomic_init(&errand->is_abandoned, false);
    atomic_init(&errand->is_progress_posted, false);
    errand->is_answered = false;
    loop_post(there, &errand->start);
}

void errand_cancel(struct errand *errand)
{
    atomic_fetch_add(&errand->references, 1);
    atomic_store(&errand->is_abandoned, true);
    loop_post(errand->there, &errand->cancel);
}
