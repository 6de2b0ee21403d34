// SPDX-License-Identifier: Apache-2.0
#include "proxy/upload_room.h"

#include "conf/units.h"

#include <stdio.h>

/* Taken from the counters at once. */
enum { SLICE_BYTES = 1024 * 1024 };

static bool is_limited(const struct accounts_reservation *reservation)
{
    for (size_t i = 0; i < reservation->bytes.count; i++)
        if (reservation->limits[i].limit < UINT64_MAX)
            return true;
    return false;
}

void upload_room_open(struct upload_room *room, const struct site *site, const struct owner *owner)
{
    const struct policy *policy = site->snapshot->policy;

    room->is_limited = false;
    room->seen = 0;
    if (policy == NULL || policy_quota_count(policy) == 0)
        return;
    accounts_reserve(site->context->accounts, policy, owner, SLICE_BYTES, &room->reservation);
    room->is_limited = is_limited(&room->reservation);
}

static void say(const struct quota_verdict *verdict, struct meter_refusal *refusal)
{
    const struct quota_limit *limit = verdict->tightest;
    char allowed[UNITS_TEXT_SIZE], used[UNITS_TEXT_SIZE];

    units_print_size(allowed, limit->limit);
    units_print_size(used, verdict->used);
    refusal->status = 507;
    snprintf(refusal->message, sizeof(refusal->message),
             "the quota %s allows %s %s of stored data; %s are used or on their way, and this "
             "upload needs more; remove pins, or ask your admin for more",
             limit->id, limit->scope, allowed, used);
}

/* Of the body's bytes up to size, those that count. */
static uint64_t counted(uint64_t size)
{
    return size > UPLOAD_ROOM_FREE ? size - UPLOAD_ROOM_FREE : 0;
}

bool upload_room_take(struct upload_room *room, uint64_t bytes, struct meter_refusal *refusal)
{
    uint64_t before = counted(room->seen), after;
    struct quota_verdict verdict = {0};

    if (!room->is_limited)
        return true;
    room->seen += bytes;
    after = counted(room->seen);
    if (after == before || accounts_spend(&room->reservation, after - before, &verdict))
        return true;
    say(&verdict, refusal);
    return false;
}

void upload_room_drop(struct upload_room *room)
{
    if (room->is_limited)
        accounts_drop(&room->reservation);
    room->is_limited = false;
}
