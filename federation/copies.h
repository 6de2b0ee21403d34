// SPDX-License-Identifier: Apache-2.0
/* Waiting until there are so many copies of an object: a call that pinned it asks for that, or its
 * token, or the policy. Asked from any loop, answered there; the truth is the control thread's
 * (placer.h). Copies are made whether anybody waits or not, and go on being made when nobody waits
 * any more. */
#ifndef FEDERATION_COPIES_H
#define FEDERATION_COPIES_H

#include "conf/error.h"
#include "federation/placer.h"

#define COPIES_WAIT_MS UINT64_C(600000) /* unless somebody says less */

enum copies_outcome {
    COPIES_THERE, /* as many as were asked for, by evidence */
    COPIES_LATE,  /* the time is over; those that are on their way go on */
    COPIES_NEVER, /* there will be no others as things stand */
};

struct copies_wanted {
    struct cid object;  /* any version; pinned here, and durable in the ledger */
    uint32_t copies;    /* the one here is one of them; the policy may want more to be waited for */
    uint64_t within_ms; /* from now */
};

struct copies_call;

/* So many there are now, of so many. */
typedef void (*copies_progress)(void *arg, uint32_t there, uint32_t wanted);
/* why: not THERE: one line: how many there are, where, and why not more; borrowed. */
typedef void (*copies_done)(void *arg, enum copies_outcome outcome, uint32_t there, uint32_t wanted,
                            struct slice why);

/* Any thread that runs loop. on_progress (may be NULL) whenever the number changed, then on_done
 * once, later, on loop. */
void copies_start(struct placer *placer, struct loop *loop, struct copies_call **call,
                  const struct copies_wanted *wanted, copies_progress on_progress,
                  copies_done on_done, void *arg);
/* From its loop: nothing is called any more. Clears *call; NULL is fine. */
void copies_cancel(struct copies_call **call);

#endif
