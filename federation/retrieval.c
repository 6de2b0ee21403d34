// SPDX-License-Identifier: Apache-2.0
#include "federation/retrieval.h"

#include "conf/memory.h"
#include "http/errand.h"
#include "store/ownership.h"

#include <assert.h>
#include <stdlib.h>

struct retrieval;

/* Who waits, on its way between its loop and the control thread. */
struct retrieval_call {
    struct errand errand;
    struct retrievals *retrievals;
    struct cid object;
    retrieval_done on_done;
    void *arg;
    struct retrieval *waits_for; /* control thread; NULL: answered, or not begun */
    struct retrieval_call *next;
    enum retrieval_outcome outcome;
    struct error why;
};

enum { ROUNDS_MAX = 3, AGAIN_MS = 1500 }; /* the second round waits so long, the third twice that */

enum phase { QUEUED, FINDING, FETCHING, PINNING };

struct retrieval {
    struct retrievals *all;
    struct retrieval *next;
    struct cid object;
    enum phase phase;
    void *operation; /* of the source */
    struct retrieval_holder holders[RETRIEVAL_HOLDERS_MAX];
    size_t count, index;
    unsigned round;
    bool is_worth_another; /* one failed for a reason that may pass: a cut, or "not now" */
    struct retrieval_call *waiters;
    struct timer silence, again;
    struct error why; /* of what failed last */
};

struct retrievals {
    struct retrievals_settings settings;
    struct retrieval *list, **list_end; /* in the order of their begin */
    size_t count, running;
    _Atomic uint64_t begun, done, failed, under_way;
};

static void run_next(struct retrievals *all);
static void fetch_next(struct retrieval *retrieval);
static void on_moved(void *retrieval_);

/* ---- who waits */

static struct retrieval_call *call_of(struct errand *errand)
{
    return CONTAINER_OF(errand, struct retrieval_call, errand);
}

static void answer(struct retrieval_call *call, enum retrieval_outcome outcome,
                   const struct error *why)
{
    call->waits_for = NULL;
    call->outcome = outcome;
    if (why != NULL)
        call->why = *why;
    errand_answer(&call->errand);
}

static void answer_all(struct retrieval *retrieval, enum retrieval_outcome outcome)
{
    struct retrieval_call *call = retrieval->waiters, *next;

    retrieval->waiters = NULL;
    for (; call != NULL; call = next) {
        next = call->next;
        answer(call, outcome, outcome == RETRIEVAL_DONE ? NULL : &retrieval->why);
    }
}

/* ---- a retrieval */

static void cancel_work(struct retrieval *retrieval)
{
    const struct retrieval_source *source = &retrieval->all->settings.source;

    timer_disarm(&retrieval->silence);
    timer_disarm(&retrieval->again);
    if (retrieval->operation != NULL)
        source->cancel(source->arg, &retrieval->operation);
}

static void unlink_retrieval(struct retrieval *retrieval)
{
    struct retrievals *all = retrieval->all;
    struct retrieval **at = &all->list;

    while (*at != retrieval)
        at = &(*at)->next;
    *at = retrieval->next;
    if (retrieval->next == NULL)
        all->list_end = at;
    all->count--;
    all->running -= retrieval->phase != QUEUED;
    atomic_store(&all->under_way, all->count);
}

/* Tells who waits, and begins the next one. */
static void end(struct retrieval *retrieval, enum retrieval_outcome outcome)
{
    struct retrievals *all = retrieval->all;

    atomic_fetch_add(outcome == RETRIEVAL_DONE ? &all->done : &all->failed, 1);
    answer_all(retrieval, outcome);
    cancel_work(retrieval);
    unlink_retrieval(retrieval);
    free(retrieval);
    run_next(all);
}

static void on_silence(struct timer *timer)
{
    struct retrieval *retrieval = CONTAINER_OF(timer, struct retrieval, silence);
    const struct retrieval_source *source = &retrieval->all->settings.source;

    if (retrieval->phase == PINNING) /* the storage's own time limits see to that */
        return;
    retrieval->why = (struct error){0};
    error_set(&retrieval->why, ERROR_TIMEOUT,
              "it is being brought back from a partner, but nothing has come for %llu s; try again "
              "later",
              (unsigned long long)RETRIEVAL_SILENCE_MS / 1000);
    answer_all(retrieval, RETRIEVAL_SILENT);
    if (retrieval->phase == FETCHING && retrieval->index == retrieval->count) {
        on_moved(retrieval); /* the last one goes on, for the next who wants it: it has limits */
    } else if (retrieval->phase == FETCHING) {
        if (retrieval->operation != NULL)
            source->cancel(source->arg, &retrieval->operation);
        fetch_next(retrieval);
    } else {
        end(retrieval, RETRIEVAL_FAILED);
    }
}

static void on_moved(void *retrieval_)
{
    struct retrieval *retrieval = retrieval_;

    timer_arm(retrieval->all->settings.loop, &retrieval->silence, RETRIEVAL_SILENCE_MS);
}

static void on_pinned(void *retrieval_, const struct error *err)
{
    struct retrieval *retrieval = retrieval_;

    retrieval->operation = NULL;
    if (err != NULL)
        error_set(&retrieval->why, ERROR_IO, "it was brought back, but not pinned again: %s",
                  err->text);
    end(retrieval, err == NULL ? RETRIEVAL_DONE : RETRIEVAL_FAILED);
}

static void pin_again(struct retrieval *retrieval)
{
    const struct retrieval_source *source = &retrieval->all->settings.source;

    retrieval->phase = PINNING;
    retrieval->why = (struct error){0};
    if (!source->pin(source->arg, &retrieval->operation, &retrieval->object, on_pinned, retrieval,
                     &retrieval->why))
        end(retrieval, RETRIEVAL_FAILED);
}

static void on_fetched(void *retrieval_, const struct error *err)
{
    struct retrieval *retrieval = retrieval_;

    retrieval->operation = NULL;
    if (err == NULL) {
        pin_again(retrieval);
        return;
    }
    retrieval->why = *err;
    retrieval->is_worth_another |= err->code == ERROR_IO || err->code == ERROR_TIMEOUT;
    log_message(retrieval->all->settings.messages, LOG_LEVEL_WARNING,
                "an object that is missing here could not be brought back from partner %s: %s",
                retrieval->holders[retrieval->index - 1].partner, err->text);
    fetch_next(retrieval);
}

/* Of the next holder that can be asked. */
static void fetch_next(struct retrieval *retrieval)
{
    const struct retrieval_source *source = &retrieval->all->settings.source;

    retrieval->phase = FETCHING;
    timer_disarm(&retrieval->again);
    if (!timer_is_armed(&retrieval->silence)) /* another try is not something that comes */
        on_moved(retrieval);
    while (retrieval->index < retrieval->count) {
        const struct retrieval_holder *holder = &retrieval->holders[retrieval->index++];
        struct error err = {0};

        if (source->fetch(source->arg, &retrieval->operation, holder, &retrieval->object, on_moved,
                          on_fetched, retrieval, &err))
            return;
        retrieval->why = err;
    }
    if (!retrieval->is_worth_another || ++retrieval->round == ROUNDS_MAX) {
        end(retrieval, RETRIEVAL_FAILED);
        return;
    }
    retrieval->is_worth_another = false;
    retrieval->index = 0;
    timer_arm(retrieval->all->settings.loop, &retrieval->again,
              (uint64_t)retrieval->round * AGAIN_MS);
}

static void on_again(struct timer *timer)
{
    fetch_next(CONTAINER_OF(timer, struct retrieval, again));
}

static void on_found(void *retrieval_, const struct retrieval_holder *holders, size_t count,
                     const struct error *err)
{
    struct retrieval *retrieval = retrieval_;

    retrieval->operation = NULL;
    if (err != NULL) {
        retrieval->why = *err;
        end(retrieval, RETRIEVAL_FAILED);
        return;
    }
    retrieval->count = count < RETRIEVAL_HOLDERS_MAX ? count : RETRIEVAL_HOLDERS_MAX;
    if (retrieval->count == 0) {
        error_set(&retrieval->why, ERROR_NOT_FOUND, "no partner holds a copy of it");
        end(retrieval, RETRIEVAL_NOBODY);
        return;
    }
    memcpy(retrieval->holders, holders, retrieval->count * sizeof(*holders));
    fetch_next(retrieval);
}

static void run(struct retrieval *retrieval)
{
    struct retrievals *all = retrieval->all;
    const struct retrieval_source *source = &all->settings.source;

    retrieval->phase = FINDING;
    all->running++;
    on_moved(retrieval);
    if (!source->find(source->arg, &retrieval->operation, &retrieval->object, on_found, retrieval,
                      &retrieval->why))
        end(retrieval, RETRIEVAL_FAILED);
}

static void run_next(struct retrievals *all)
{
    for (struct retrieval *retrieval = all->list;
         retrieval != NULL && all->running < RETRIEVALS_AT_ONCE; retrieval = retrieval->next)
        if (retrieval->phase == QUEUED) {
            run(retrieval);
            return; /* one that ended at once has begun the next itself */
        }
}

static struct retrieval *need(struct retrievals *all, const struct cid *object)
{
    struct retrieval *retrieval = all->list;

    while (retrieval != NULL && !cid_equal(&retrieval->object, object))
        retrieval = retrieval->next;
    if (retrieval != NULL || all->count >= RETRIEVALS_MAX)
        return retrieval;
    retrieval = memory_alloc(sizeof(*retrieval));
    retrieval->all = all;
    retrieval->object = *object;
    retrieval->silence.fire = on_silence;
    retrieval->again.fire = on_again;
    *all->list_end = retrieval;
    all->list_end = &retrieval->next;
    atomic_store(&all->under_way, ++all->count);
    atomic_fetch_add(&all->begun, 1);
    return retrieval;
}

/* ---- calls, there */

static void begin(struct errand *errand)
{
    struct retrieval_call *call = call_of(errand);
    struct retrieval *retrieval = need(call->retrievals, &call->object);
    struct error full = {0};

    if (retrieval == NULL) {
        error_set(&full, ERROR_LIMIT,
                  "%d objects are being brought back from partners, and no more may; try again "
                  "later",
                  RETRIEVALS_MAX);
        answer(call, RETRIEVAL_FAILED, &full);
        return;
    }
    call->waits_for = retrieval;
    call->next = retrieval->waiters;
    retrieval->waiters = call;
    run_next(call->retrievals);
}

static void give_up(struct errand *errand)
{
    struct retrieval_call *call = call_of(errand);
    struct retrieval_call **at = &call->waits_for->waiters;

    while (*at != call)
        at = &(*at)->next;
    *at = call->next;
}

/* ---- calls, here */

static void on_done(struct errand *errand)
{
    struct retrieval_call *call = call_of(errand);

    call->on_done(call->arg, call->outcome, slice_of(call->why.text));
}

static void destroy(struct errand *errand)
{
    free(call_of(errand));
}

static const struct errand_kind kind = {
    .begin = begin, .give_up = give_up, .on_done = on_done, .destroy = destroy};

bool retrieval_start(struct retrievals *retrievals, struct loop *loop,
                     struct retrieval_call **result, const struct cid *object, retrieval_done done,
                     void *arg, struct error *err)
{
    struct retrieval_call *call = memory_alloc(sizeof(*call));

    call->retrievals = retrievals;
    call->object = ownership_key(object);
    call->on_done = done;
    call->arg = arg;
    *result = call;
    errand_start(&call->errand, &kind, loop, retrievals->settings.loop);
    return true;
}

void retrieval_cancel(struct retrieval_call **call)
{
    if (*call == NULL)
        return;
    errand_cancel(&(*call)->errand);
    *call = NULL;
}

/* ---- all of them */

struct retrievals *retrievals_create(const struct retrievals_settings *settings)
{
    struct retrievals *all = memory_alloc(sizeof(*all));

    all->settings = *settings;
    all->list_end = &all->list;
    return all;
}

void retrievals_destroy(struct retrievals **retrievals)
{
    struct retrievals *all = *retrievals;

    if (all == NULL)
        return;
    for (struct retrieval *retrieval = all->list, *next; retrieval != NULL; retrieval = next) {
        next = retrieval->next;
        assert(retrieval->waiters == NULL);
        cancel_work(retrieval);
        free(retrieval);
    }
    free(all);
    *retrievals = NULL;
}

struct retrieval_counters retrieval_counters(const struct retrievals *retrievals)
{
    return (struct retrieval_counters){.begun = atomic_load(&retrievals->begun),
                                       .done = atomic_load(&retrievals->done),
                                       .failed = atomic_load(&retrievals->failed),
                                       .under_way = atomic_load(&retrievals->under_way)};
}
