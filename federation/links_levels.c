// SPDX-License-Identifier: Apache-2.0
/* What heartbeats carry beside the levels of the link's machine: what is settled, what the policies
 * grant, and whether a side is draining the link. Levels, too: the newest message says all of it.
 */
#include "federation/links_private.h"

bool side_is_draining(const struct side *side)
{
    const struct link_record *record = &side->link.record;

    return side->drain_epoch != 0 && side->drain_epoch == record->epoch &&
           record->end == LINK_NOT_ENDED && record->confirmed_here;
}

/* ---- said */

static uint64_t put_limit(uint64_t limit)
{
    return limit < WIRE_NO_LIMIT ? limit : WIRE_NO_LIMIT;
}

static struct wire_grant put_grant(const struct grant *grant)
{
    return (struct wire_grant){.version = WIRE_VERSION_MAX,
                               .bytes = put_limit(grant->bytes),
                               .pins = put_limit(grant->pins),
                               .max_object = put_limit(grant->max_object)};
}

void levels_put(const struct side *side, struct wire_heartbeat *heartbeat)
{
    static const struct grant nothing;
    bool is_draining = side_is_draining(side);

    memcpy(heartbeat->settled, side->settled, sizeof(heartbeat->settled));
    heartbeat->draining = is_draining;
    if (!side->has_grants_here)
        return;
    heartbeat->we_store = put_grant(is_draining ? &nothing : &side->grants_here.we_store);
    heartbeat->they_store = put_grant(is_draining ? &nothing : &side->grants_here.they_store);
}

static bool is_same(const struct grant *a, const struct grant *b)
{
    return a->bytes == b->bytes && a->pins == b->pins && a->max_object == b->max_object;
}

static bool are_same(const struct link_grants *a, const struct link_grants *b)
{
    return is_same(&a->we_store, &b->we_store) && is_same(&a->they_store, &b->they_store);
}

void links_tell_grants(struct links *links, const char *partner, const struct link_grants *ours)
{
    struct side *side = links_by_partner(links, partner);

    if (side == NULL || (side->has_grants_here && are_same(&side->grants_here, ours)))
        return;
    side->has_grants_here = true;
    side->grants_here = *ours;
    if (side->link.record.incarnation_there != 0)
        side_send(side, CALL_HEARTBEAT);
}

/* ---- heard */

static uint64_t read_limit(uint64_t limit)
{
    return limit < WIRE_NO_LIMIT ? limit : UINT64_MAX;
}

static struct grant read_grant(const struct wire_grant *grant)
{
    return (struct grant){.bytes = read_limit(grant->bytes),
                          .pins = read_limit(grant->pins),
                          .max_object = read_limit(grant->max_object)};
}

static void hear_grants(struct side *side, const struct wire_heartbeat *heartbeat)
{
    const struct links_watch *watch = side->links->watch;
    struct link_grants theirs = {.we_store = read_grant(&heartbeat->we_store),
                                 .they_store = read_grant(&heartbeat->they_store)};

    if (heartbeat->we_store.version == 0 || heartbeat->they_store.version == 0 ||
        (side->has_grants_there && are_same(&theirs, &side->grants_there)))
        return;
    side->has_grants_there = true;
    side->grants_there = theirs;
    if (watch != NULL && watch->on_grants != NULL)
        watch->on_grants(watch->arg, side->link.record.peer, &side->grants_there);
}

void levels_hear(struct side *side, const struct wire_heartbeat *heartbeat, uint64_t sequence)
{
    if (side->link.levels_sequence != sequence)
        return;
    items_settle(side, heartbeat->settled);
    side->is_draining_there = heartbeat->draining;
    hear_grants(side, heartbeat);
}

void links_each_draining(const struct links *links, void (*on_link)(void *arg, const char *partner),
                         void *arg)
{
    for (size_t i = 0; i < links->count; i++)
        if (side_is_draining(links->sides[i]))
            on_link(arg, links->sides[i]->link.record.peer);
}
