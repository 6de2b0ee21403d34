// SPDX-License-Identifier: Apache-2.0
#include "proxy/walks.h"

/* FNV-1a. */
static size_t slot_of(const struct principal *principal)
{
    uint64_t hash =
        (UINT64_C(0xcbf29ce484222325) ^ (uint64_t)principal->kind) * UINT64_C(0x100000001b3);

    for (size_t i = 0; i < principal->id.size; i++)
        hash = (hash ^ (unsigned char)principal->id.data[i]) * UINT64_C(0x100000001b3);
    return (hash >> 32) % WALKS_SLOTS;
}

static bool count_up(atomic_uint *counter, uint64_t max)
{
    if (atomic_fetch_add(counter, 1) < max)
        return true;
    atomic_fetch_sub(counter, 1);
    return false;
}

enum walks_answer walks_take(struct walks *walks, const struct principal *principal,
                             uint64_t max_all, uint64_t max_each, struct walk_place *place)
{
    atomic_uint *each = max_each == 0 ? NULL : &walks->each[slot_of(principal)];

    if (each != NULL && !count_up(each, max_each))
        return WALKS_EACH_FULL;
    if (!count_up(&walks->all, max_all)) {
        if (each != NULL)
            atomic_fetch_sub(each, 1);
        return WALKS_ALL_FULL;
    }
    *place = (struct walk_place){walks, each};
    return WALKS_TAKEN;
}

void walks_give(struct walk_place *place)
{
    if (place->walks == NULL)
        return;
    atomic_fetch_sub(&place->walks->all, 1);
    if (place->each != NULL)
        atomic_fetch_sub(place->each, 1);
    *place = (struct walk_place){0};
}
