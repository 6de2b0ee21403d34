// SPDX-License-Identifier: Apache-2.0
/* One side's record of an allocation, brought into each of its states. */
#ifndef TESTS_UNIT_FEDERATION_ALLOCATION_KIT_H
#define TESTS_UNIT_FEDERATION_ALLOCATION_KIT_H

#include "federation/allocation.h"

#include <stdio.h>
#include <string.h>

#define KIT_ID   "01jd0000000000000000000001"
#define KIT_LINK "01jd0000000000000000000002"
#define KIT_WALL UINT64_C(1800000000000)

enum { KIT_BYTES = 5000, KIT_BLOCKS = 7 };

struct kit {
    struct allocation_record record;
    struct allocation_actions actions;
    uint64_t wall_ms;
    unsigned keys; /* drawn */
};

static inline struct cid kit_root(uint8_t first)
{
    uint8_t digest[32] = {first};
    struct cid cid;

    cid_make(&cid, 1, CODEC_DAG_PB, 0x12, digest, sizeof(digest));
    return cid;
}

static inline struct kit kit_new(void)
{
    struct kit kit;

    memset(&kit, 0, sizeof(kit));
    kit.wall_ms = KIT_WALL;
    return kit;
}

static inline struct allocation_event kit_event(struct kit *kit, enum allocation_event_kind kind)
{
    struct allocation_event event = {.kind = kind,
                                     .id = KIT_ID,
                                     .link = KIT_LINK,
                                     .root = kit_root(1),
                                     .bytes = KIT_BYTES,
                                     .blocks = KIT_BLOCKS,
                                     .status = 200};

    (void)snprintf(event.fresh, sizeof(event.fresh), "%026u", 100 + kit->keys++);
    if (kind == ALLOCATION_ANSWERED || kind == ALLOCATION_UNANSWERED)
        memcpy(event.key, kit->record.key, ULID_SIZE);
    else
        (void)snprintf(event.key, sizeof(event.key), "%026u", 9000);
    event.is_complete = kind == ALLOCATION_PROGRESS || kind == ALLOCATION_RECEIVED;
    event.position = KIT_BLOCKS;
    return event;
}

static inline void kit_step(struct kit *kit, const struct allocation_event *event)
{
    allocation_step(&kit->record, event, kit->wall_ms, &kit->actions);
}

static inline void kit_do(struct kit *kit, enum allocation_event_kind kind)
{
    struct allocation_event event = kit_event(kit, kind);

    kit_step(kit, &event);
}

static inline void kit_answer(struct kit *kit, unsigned status)
{
    struct allocation_event event = kit_event(kit, ALLOCATION_ANSWERED);

    event.status = status;
    event.is_final = true;
    kit_step(kit, &event);
}

/* By the shortest way there is. */
static inline void kit_reach_held(struct kit *kit, enum allocation_state state)
{
    static const enum allocation_event_kind ways[] = {
        [ALLOCATION_ORPHANED] = ALLOCATION_LINK_OVER,
        [ALLOCATION_LEAVING] = ALLOCATION_EVICT,
        [ALLOCATION_REMOVING] = ALLOCATION_RELEASE_HEARD,
        [ALLOCATION_GONE] = ALLOCATION_RELEASE_HEARD,
    };
    struct allocation_event event;

    kit_do(kit, ALLOCATION_RESERVE);
    if (state == ALLOCATION_RESERVED)
        return;
    event = kit_event(kit, ALLOCATION_RECEIVED);
    event.is_complete = state != ALLOCATION_RECEIVING;
    kit_step(kit, &event);
    if (state == ALLOCATION_RECEIVING)
        return;
    kit_do(kit, ALLOCATION_COMMIT);
    if (state == ALLOCATION_IMPORTING)
        return;
    kit_do(kit, ALLOCATION_IMPORTED);
    kit_answer(kit, 200);
    if (state == ALLOCATION_PINNED)
        return;
    event = kit_event(kit, ways[state]);
    event.until_ms = kit->wall_ms + 1000;
    kit_step(kit, &event);
    if (state == ALLOCATION_GONE)
        kit_do(kit, ALLOCATION_REMOVED);
}

static inline void kit_reach_placed(struct kit *kit, enum allocation_state state)
{
    kit_do(kit, ALLOCATION_PLACE);
    if (state == ALLOCATION_QUEUED)
        return;
    kit_do(kit, ALLOCATION_TURN);
    if (state == ALLOCATION_STUCK || state == ALLOCATION_REFUSED)
        kit_answer(kit, state == ALLOCATION_STUCK ? 507 : 409);
    if (state == ALLOCATION_RESERVING || state == ALLOCATION_STUCK || state == ALLOCATION_REFUSED)
        return;
    kit_answer(kit, 200);
    if (state == ALLOCATION_TRANSFERRING)
        return;
    kit_do(kit, ALLOCATION_PROGRESS);
    if (state == ALLOCATION_COMMITTING)
        return;
    kit_answer(kit, 202);
    kit_do(kit, ALLOCATION_RECEIPT);
    if (state == ALLOCATION_PLACED)
        return;
    kit_do(kit, state == ALLOCATION_LOST ? ALLOCATION_LINK_OVER : ALLOCATION_RELEASE);
    kit_do(kit, ALLOCATION_TURN);
    if (state == ALLOCATION_RELEASED)
        kit_answer(kit, 200);
}

static inline struct kit kit_reach(enum allocation_state state)
{
    struct kit kit = kit_new();

    if (state >= ALLOCATION_RESERVED)
        kit_reach_held(&kit, state);
    else if (state != ALLOCATION_NONE)
        kit_reach_placed(&kit, state);
    return kit;
}

#endif
