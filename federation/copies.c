// SPDX-License-Identifier: Apache-2.0
#include "federation/copies.h"

#include "conf/memory.h"
#include "http/errand.h"
#include "store/ownership.h"

#include <stdlib.h>

/* On its way between its loop and the control thread. */
struct copies_call {
    struct errand errand;
    struct placer *placer;
    struct copies_wanted wanted;
    copies_progress on_progress;
    copies_done on_done;
    void *arg;
    _Atomic uint32_t there, needed; /* told with progress */
    /* control thread, until it is answered */
    struct placer_waiter waiter;
    struct timer deadline;
    bool is_waiting, is_late;
    /* the answer */
    enum copies_outcome outcome;
    struct text why;
};

static struct copies_call *call_of(struct errand *errand)
{
    return CONTAINER_OF(errand, struct copies_call, errand);
}

/* ---- there */

static void leave(struct copies_call *call)
{
    if (!call->is_waiting)
        return;
    call->is_waiting = false;
    timer_disarm(&call->deadline);
    placer_unwait(call->placer, &call->waiter);
}

static void answer(struct copies_call *call, enum copies_outcome outcome, struct slice why)
{
    leave(call);
    call->outcome = outcome;
    text_put_slice(&call->why, why);
    errand_answer(&call->errand);
}

static void note(struct copies_call *call, const struct placer_stand *stand)
{
    uint32_t needed = call->wanted.copies > stand->wait ? call->wanted.copies : stand->wait;
    bool has_changed = atomic_load(&call->there) != stand->there;

    atomic_store(&call->needed, needed);
    atomic_store(&call->there, stand->there);
    if (has_changed && call->on_progress != NULL && stand->there < needed)
        errand_progress(&call->errand);
}

static void on_stand(struct placer_waiter *waiter, const struct placer_stand *stand,
                     struct slice words)
{
    struct copies_call *call = CONTAINER_OF(waiter, struct copies_call, waiter);

    if (stand != NULL)
        note(call, stand);
    else if (!call->is_late)
        return;
    if (stand == NULL)
        answer(call, COPIES_LATE, SLICE("the ledger does not say now which copies there are"));
    else if (stand->there >= atomic_load(&call->needed))
        answer(call, COPIES_THERE, (struct slice){NULL, 0});
    else if (stand->is_final)
        answer(call, COPIES_NEVER, words);
    else if (call->is_late)
        answer(call, COPIES_LATE, words);
}

/* How it stands is found out once more, for the answer. */
static void on_deadline(struct timer *timer)
{
    struct copies_call *call = CONTAINER_OF(timer, struct copies_call, deadline);
    const struct cid *object = &call->waiter.object;

    call->is_late = true;
    placer_look(call->placer, (struct slice){(const char *)object->bytes, object->size});
}

static void begin(struct errand *errand)
{
    struct copies_call *call = call_of(errand);

    call->is_waiting = true;
    call->waiter =
        (struct placer_waiter){.object = ownership_key(&call->wanted.object), .on_stand = on_stand};
    call->deadline.fire = on_deadline;
    timer_arm(placer_loop(call->placer), &call->deadline, call->wanted.within_ms);
    placer_wait(call->placer, &call->waiter);
}

static void give_up(struct errand *errand)
{
    leave(call_of(errand));
}

/* ---- here */

static void tell_progress(struct errand *errand)
{
    struct copies_call *call = call_of(errand);

    call->on_progress(call->arg, atomic_load(&call->there), atomic_load(&call->needed));
}

static void tell_done(struct errand *errand)
{
    struct copies_call *call = call_of(errand);

    call->on_done(call->arg, call->outcome, atomic_load(&call->there), atomic_load(&call->needed),
                  text_slice(&call->why));
}

static void destroy(struct errand *errand)
{
    struct copies_call *call = call_of(errand);

    text_dispose(&call->why);
    free(call);
}

static const struct errand_kind kind = {.begin = begin,
                                        .give_up = give_up,
                                        .on_progress = tell_progress,
                                        .on_done = tell_done,
                                        .destroy = destroy};

void copies_start(struct placer *placer, struct loop *loop, struct copies_call **result,
                  const struct copies_wanted *wanted, copies_progress on_progress,
                  copies_done on_done, void *arg)
{
    struct copies_call *call = memory_alloc(sizeof(*call));

    call->placer = placer;
    call->wanted = *wanted;
    call->on_progress = on_progress;
    call->on_done = on_done;
    call->arg = arg;
    *result = call;
    errand_start(&call->errand, &kind, loop, placer_loop(placer));
}

void copies_cancel(struct copies_call **call)
{
    if (*call == NULL)
        return;
    errand_cancel(&(*call)->errand);
    *call = NULL;
}
