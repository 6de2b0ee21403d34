// SPDX-License-Identifier: Apache-2.0
/* Something that one thread's loop has done on another's: a message there, an answer back, and a
 * cancellation that may cross either. Embedded in what is asked and answered, which both threads
 * share: what each may touch, and when, is what the functions below say.
 *
 *     here                            there
 *     errand_start        ------>     begin: errand_answer follows, at once or later
 *     on_progress, on_done  <------   errand_progress, errand_answer
 *     errand_cancel       ------>     give_up, unless it was answered
 *
 * After errand_cancel nothing is called here any more, though the answer may be on its way. What
 * was begun there ends in errand_answer or in give_up, exactly one of them. Loops are told of it
 * by loop_post, so `there` must turn until every errand has ended, and `here` until each was
 * answered or canceled. */
#ifndef HTTP_ERRAND_H
#define HTTP_ERRAND_H

#include "http/loop.h"

#include <stdatomic.h>

struct errand;

/* Static. NULL: not needed, but for begin and destroy. */
struct errand_kind {
    void (*begin)(struct errand *errand);   /* there. May answer */
    void (*give_up)(struct errand *errand); /* there: the asker left; no errand_answer follows */
    void (*on_progress)(struct errand *errand); /* here. May cancel */
    void (*on_done)(struct errand *errand);     /* here: the errand is gone when it returns */
    void (*destroy)(struct errand *errand);     /* either thread, when neither needs it */
};

struct errand {
    const struct errand_kind *kind;
    struct loop *here, *there;
    struct message start, cancel, progress, finish;
    atomic_uint references;
    atomic_bool is_abandoned, is_progress_posted;
    bool is_answered; /* there's */
};

/* Here. The memory is the errand's until destroy. */
void errand_start(struct errand *errand, const struct errand_kind *kind, struct loop *here,
                  struct loop *there);
/* Here, before on_done: nothing is called here any more. */
void errand_cancel(struct errand *errand);

/* There, once, between begin and give_up. */
void errand_answer(struct errand *errand);
/* There, before errand_answer; what is told is the owner's to keep in atomics. Those that come
 * faster than they are heard become one. */
void errand_progress(struct errand *errand);

/* There: nobody waits for it any more; give_up is on its way. */
static inline bool errand_is_abandoned(const struct errand *errand)
{
    return atomic_load(&errand->is_abandoned);
}

#endif
