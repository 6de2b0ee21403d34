// SPDX-License-Identifier: Apache-2.0
/* What is observed of the sites; grants of the policy, told to the allocations. */
#include "conf/memory.h"
#include "federation/placer_private.h"
#include "policy/grants.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static uint64_t or_open(uint64_t value)
{
    return value == 0 ? UINT64_MAX : value;
}

static struct grant we_store_of(const struct policy_grant *grant)
{
    if (grant == NULL || !grant->we_store.is_given)
        return (struct grant){0};
    return (struct grant){.bytes = grant->we_store.bytes,
                          .pins = or_open(grant->we_store.pins),
                          .max_object = or_open(grant->we_store.max_object)};
}

static struct grant they_store_of(const struct policy_grant *grant, uint64_t now_ms)
{
    if (grant == NULL || !grant->they_store.is_given ||
        (grant->they_store.until_ms != 0 && now_ms >= grant->they_store.until_ms))
        return (struct grant){0};
    return (struct grant){
        .bytes = grant->they_store.bytes, .pins = UINT64_MAX, .max_object = UINT64_MAX};
}

static void grant_to(const struct placer *placer, const char *partner)
{
    const struct policy_grant *grant =
        placer->policy != NULL ? policy_grant_find(placer->policy, slice_of(partner)) : NULL;

    const struct link_grants ours = {.we_store = we_store_of(grant),
                                     .they_store = they_store_of(grant, placer->settings.now_ms())};

    allocations_grant(placer->settings.allocations, partner, ours.we_store, ours.they_store);
    links_tell_grants(placer->settings.links, partner, &ours);
}

/* Links that came since, too. */
static void grant_to_all(const struct placer *placer)
{
    json_t *links = links_describe(placer->settings.links, NULL), *link;
    size_t i;

    json_array_foreach(links, i, link)
    {
        grant_to(placer, json_string_value(json_object_get(link, "partner")));
    }
    json_decref(links);
}

/* ---- sites */

static void put_seen(struct placement_seen *seen, enum policy_seen what, uint64_t value)
{
    seen->seen.has |= 1U << what;
    seen->seen.values[what] = value > INT64_MAX ? INT64_MAX : (int64_t)value;
}

static void observe(const struct placer *placer, struct slice site, struct placement_seen *seen)
{
    const struct grant_account *account;
    struct links_peer peer;
    struct grant grant;
    uint64_t room;

    *seen = placement_seen_ideal(site);
    if (slice_is(site, "local"))
        return;
    seen->seen = (struct policy_seen_values){0};
    seen->gate = PLACEMENT_NO_LINK;
    seen->room_bytes = 0;
    account = allocations_account(placer->settings.allocations, seen->site, ALLOCATION_OWNER);
    if (!links_peer(placer->settings.links, seen->site, &peer) || account == NULL)
        return;
    grant = grant_in_force(account);
    room = grant.bytes > account->bytes ? grant.bytes - account->bytes : 0;
    if (peer.state == LINK_ACTIVE && !peer.is_draining && !peer.is_draining_there)
        seen->gate = grant.bytes > 0 && grant.pins > 0 ? PLACEMENT_OPEN : PLACEMENT_NO_GRANT;
    seen->room_bytes = room;
    put_seen(seen, SEEN_HEALTHY, peer.state == LINK_ACTIVE);
    put_seen(seen, SEEN_FREE, room);
    put_seen(seen, SEEN_CAPACITY, grant.bytes);
    put_seen(seen, SEEN_FREE_RATIO,
             grant.bytes == 0 ? 0
                              : (uint64_t)((double)room / (double)grant.bytes * POLICY_SCORE_ONE));
}

/* FNV-1a over what decides whether sites take copies at all. */
static uint64_t digest(const struct placement_seen *seen, size_t count)
{
    uint64_t hash = UINT64_C(0xcbf29ce484222325);

    for (size_t i = 0; i < count; i++)
        hash = (hash ^ (uint64_t)(seen[i].gate + 1)) * UINT64_C(0x100000001b3);
    return hash;
}

bool placer_observe(struct placer *placer)
{
    size_t count = placer->policy != NULL ? policy_site_count(placer->policy) : 0;
    struct placement_seen *seen = memory_alloc((count + 1) * sizeof(*seen));
    struct placement_map *before = placer->map;
    uint64_t gates;
    bool has_changed;

    grant_to_all(placer);
    for (size_t i = 0; i < count; i++)
        observe(placer, policy_site(placer->policy, i), &seen[i]);
    gates = digest(seen, count);
    has_changed = gates != placer->gates;
    placer->gates = gates;
    placer->map = NULL;
    if (placer->policy != NULL)
        placement_map_create(&placer->map, placer->policy, seen, count, before, ++placer->version,
                             loop_now_ms(placer->settings.loop));
    if (before != NULL)
        placement_map_destroy(&before);
    free(seen);
    return has_changed;
}
