// SPDX-License-Identifier: Apache-2.0
/* The inside of a step: what follows from an event. For store/ownership*.c alone. */
#ifndef STORE_OWNERSHIP_SETTLE_H
#define STORE_OWNERSHIP_SETTLE_H

#include "store/ownership.h"

/* One step under way. */
struct ownership_change {
    struct ownership *object;
    struct ownership_actions *actions;
};

static inline enum pin_mode ownership_stronger(enum pin_mode a, enum pin_mode b)
{
    return a > b ? a : b;
}

/* What upstream holds, whosever it is. */
static inline enum pin_mode ownership_cover(const struct ownership *object)
{
    return ownership_stronger(object->upstream, object->foreign);
}

/* Before anything that the owner's charge depends on changes. */
void ownership_touch(struct ownership_change *change, const struct owner *owner);

void ownership_answer(struct ownership_change *change, const char *id,
                      enum ownership_answer_kind kind);
/* Nobody waits for the claim any more; what is held is held on. */
void ownership_give_up(struct ownership_pin *pin);
/* pin and what stood behind it move. */
void ownership_drop(struct ownership_change *change, struct ownership_pin *pin);

/* The end of the operation under way. */
void ownership_done(struct ownership_change *change, const struct ownership_event *event);
void ownership_failed(struct ownership_change *change);

/* Answers who can be answered, and chooses what is next upstream. */
void ownership_settle(struct ownership_change *change);

#endif
