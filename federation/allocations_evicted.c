// SPDX-License-Identifier: Apache-2.0
/* Which objects a partner evicted lately: they are not sent there again at once. Else one that
 * evicts what it takes has us send the same bytes for ever. In memory alone: after a start each is
 * tried once more. */
#include "federation/allocations_private.h"

#include "conf/memory.h"

#include <inttypes.h>
#include <stdlib.h>

enum { EVICTED_MAX = 1024, DOUBLED_MAX = 6 };

struct evicted {
    uint64_t object; /* hash of its root; 0: free */
    uint64_t until_ms;
    unsigned times;
};

static uint64_t hash_of(const struct cid *root)
{
    uint64_t hash = UINT64_C(14695981039346656037);

    for (size_t i = 0; i < root->size; i++)
        hash = (hash ^ root->bytes[i]) * UINT64_C(1099511628211);
    return hash | 1;
}

/* Its place, or that of the one that is longest over. */
static struct evicted *place_of(struct evicted *evicted, uint64_t object)
{
    struct evicted *oldest = evicted;

    for (size_t i = 0; i < EVICTED_MAX; i++) {
        if (evicted[i].object == object)
            return &evicted[i];
        if (evicted[i].until_ms < oldest->until_ms)
            oldest = &evicted[i];
    }
    return oldest;
}

void evicted_note(struct party *party, const struct cid *root)
{
    uint64_t now_ms = party->allocations->settings.now_ms(), object = hash_of(root);
    struct evicted *place;

    if (party->evicted == NULL)
        party->evicted = memory_alloc(EVICTED_MAX * sizeof(struct evicted));
    place = place_of(party->evicted, object);
    if (place->object != object || place->until_ms + ALLOCATION_AGAIN_MAX < now_ms)
        place->times = 0;
    place->object = object;
    place->until_ms = now_ms + (ALLOCATION_AGAIN_MS << place->times) / 2;
    if (place->times < DOUBLED_MAX)
        place->times++;
}

bool evicted_bars(const struct party *party, const struct cid *root)
{
    uint64_t now_ms = party->allocations->settings.now_ms(), object = hash_of(root);
    const struct evicted *place;

    if (party->evicted == NULL)
        return false;
    place = place_of(party->evicted, object);
    /* more than can be remembered: nobody is trusted with anything for a while */
    return place->until_ms > now_ms;
}

void evicted_forget(struct party *party)
{
    free(party->evicted);
    party->evicted = NULL;
}
