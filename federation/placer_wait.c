// SPDX-License-Identifier: Apache-2.0
/* Who waits for how an object stands. */
#include "federation/placer_private.h"

#include <assert.h>

/* FNV-1a. */
static struct placer_waiter **bucket_of(struct placer *placer, const struct cid *object)
{
    uint32_t hash = UINT32_C(2166136261);

    for (size_t i = 0; i < object->size; i++)
        hash = (hash ^ object->bytes[i]) * UINT32_C(16777619);
    return &placer->waiters.buckets[hash % WAITERS_BUCKETS];
}

bool waiters_have(struct placer *placer, const struct cid *object)
{
    for (const struct placer_waiter *waiter = *bucket_of(placer, object); waiter != NULL;
         waiter = waiter->next)
        if (cid_equal(&waiter->object, object))
            return true;
    return false;
}

void waiters_tell(struct placer *placer, const struct cid *object, const struct placer_stand *stand,
                  struct slice words)
{
    struct placer_waiter *waiter = *bucket_of(placer, object), *next;

    for (; waiter != NULL; waiter = next) {
        next = waiter->next;
        if (cid_equal(&waiter->object, object))
            waiter->on_stand(waiter, stand, words);
    }
}

void waiters_end(struct placer *placer)
{
    for (size_t i = 0; i < WAITERS_BUCKETS; i++) {
        struct placer_waiter *waiter;

        while ((waiter = placer->waiters.buckets[i]) != NULL) {
            waiter->on_stand(waiter, NULL, (struct slice){NULL, 0});
            assert(placer->waiters.buckets[i] != waiter);
        }
    }
}

void placer_wait(struct placer *placer, struct placer_waiter *waiter)
{
    struct placer_waiter **bucket = bucket_of(placer, &waiter->object);

    waiter->next = *bucket;
    *bucket = waiter;
    placer_look(placer, (struct slice){(const char *)waiter->object.bytes, waiter->object.size});
}

void placer_unwait(struct placer *placer, struct placer_waiter *waiter)
{
    struct placer_waiter **at = bucket_of(placer, &waiter->object);

    while (*at != waiter) {
        assert(*at != NULL);
        at = &(*at)->next;
    }
    *at = waiter->next;
}

struct loop *placer_loop(const struct placer *placer)
{
    return placer->settings.loop;
}
