// SPDX-License-Identifier: Apache-2.0
/* One side of a link, brought into each of its states. */
#ifndef TESTS_UNIT_FEDERATION_LINK_KIT_H
#define TESTS_UNIT_FEDERATION_LINK_KIT_H

#include "federation/link.h"

#include <stdio.h>
#include <string.h>

#define KIT_ID   "01jd0000000000000000000000"
#define KIT_WALL UINT64_C(1800000000000)

enum { OURS = 11, THEIRS = 22, THEIRS_LATER = 23 };

struct side {
    struct link link;
    struct link_actions actions;
    struct link_now now;
    uint64_t sequence; /* of the peer's messages */
};

static inline struct side side_new(void)
{
    return (struct side){.now = {1000, KIT_WALL}};
}

static inline struct link_event event_of(enum link_event_kind kind)
{
    struct link_event event = {.kind = kind, .id = KIT_ID, .peer = "beta", .root = {7}};

    event.matches = true;
    event.incarnation = kind == LINK_JOIN_PROVED || kind == LINK_JOIN_ACCEPTED ? THEIRS : OURS;
    event.expires_wall_ms = KIT_WALL + LINK_DAY_MS;
    event.incarnation_there = THEIRS;
    event.invite_epoch = 1;
    return event;
}

static inline void side_step(struct side *side, const struct link_event *event)
{
    link_step(&side->link, event, side->now, &side->actions);
}

static inline void side_do(struct side *side, enum link_event_kind kind)
{
    struct link_event event = event_of(kind);

    event.expires_wall_ms = side->now.wall_ms + LINK_DAY_MS;
    if (kind == LINK_JOIN || kind == LINK_END_HEARD || kind == LINK_END_ACKED ||
        kind == LINK_PEER_BEHIND || kind == LINK_JOIN_ACCEPTED)
        event.epoch = side->link.record.epoch + (kind == LINK_JOIN || kind == LINK_JOIN_ACCEPTED);
    side_step(side, &event);
}

static inline void side_levels(struct side *side, enum link_event_kind kind,
                               struct link_levels levels)
{
    struct link_event event = event_of(kind);

    levels.sequence = levels.sequence == 0 ? ++side->sequence : levels.sequence;
    levels.incarnation = levels.incarnation == 0 ? THEIRS : levels.incarnation;
    levels.to = levels.to == 0 ? side->link.record.incarnation_here : levels.to;
    event.levels = levels;
    side_step(side, &event);
}

static inline void side_wait(struct side *side, uint64_t ms)
{
    side->now.ms += ms;
    side->now.wall_ms += ms;
    side_do(side, LINK_TICK);
}

static inline void side_exchange(struct side *side, struct link_levels levels)
{
    side_levels(side, LINK_HEARD, levels);
    side_levels(side, LINK_ACKED, levels);
}

/* By the ways of the inviting side. */
static inline void side_reach(struct side *side, enum link_state state)
{
    *side = side_new();
    if (state == LINK_NONE)
        return;
    side_do(side, LINK_INVITE);
    if (state == LINK_INVITED)
        return;
    if (state == LINK_EXPIRED) {
        side_do(side, LINK_CANCEL);
        return;
    }
    side_do(side, LINK_JOIN_PROVED);
    if (state == LINK_PENDING)
        return;
    side_do(side, LINK_CONFIRM);
    side_exchange(side, (struct link_levels){.confirmed = true});
    if (state == LINK_ISOLATED)
        side_levels(side, LINK_HEARD, (struct link_levels){.incarnation = THEIRS_LATER});
    if (state == LINK_SUSPENDED)
        side_do(side, LINK_SUSPEND);
    if (state == LINK_DEGRADED)
        side_wait(side, LINK_MISSED_MS);
    if (state == LINK_REVOKING)
        side_do(side, LINK_REVOKE);
    if (state == LINK_REVOKED || state == LINK_CLOSED)
        side_do(side, LINK_END_HEARD);
    if (state == LINK_CLOSED)
        side_wait(side, LINK_GRACE_MS);
}

#endif
