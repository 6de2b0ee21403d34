// SPDX-License-Identifier: Apache-2.0
/* Which blocks were found damaged on disk, so that a put stores them anew: it would find them in
 * the index else, and leave them as they are. In memory alone: whoever reads (repo/verify reads
 * all) finds them again after a restart. */
#include "conf/memory.h"
#include "upstream/embedded/blocks_private.h"

#include <stdlib.h>

enum { DAMAGED_MAX = 4096 }; /* of more the rest is found when these are repaired */

struct damaged {
    uint16_t size;
    bool is_repaired; /* by the group under way */
    uint8_t key[CID_BYTES_MAX];
};

/* With the mutex held. NULL: it is not among them. */
static struct damaged *find_locked(struct blocks *blocks, struct slice key)
{
    for (size_t i = 0; i < blocks->shared.damaged_count; i++) {
        struct damaged *damaged = &blocks->shared.damaged[i];

        if (damaged->size == key.size && memcmp(damaged->key, key.data, key.size) == 0)
            return damaged;
    }
    return NULL;
}

static void add_locked(struct blocks *blocks, struct slice key)
{
    struct damaged *damaged;

    if (blocks->shared.damaged == NULL)
        blocks->shared.damaged =
            memory_resize_array(NULL, DAMAGED_MAX, sizeof(*blocks->shared.damaged));
    damaged = &blocks->shared.damaged[blocks->shared.damaged_count++];
    *damaged = (struct damaged){.size = (uint16_t)key.size};
    memcpy(damaged->key, key.data, key.size);
}

void blocks_note_damage(struct blocks *blocks, struct slice key)
{
    pthread_mutex_lock(&blocks->mutex);
    if (blocks->shared.damaged_count < DAMAGED_MAX && key.size <= CID_BYTES_MAX &&
        find_locked(blocks, key) == NULL)
        add_locked(blocks, key);
    pthread_mutex_unlock(&blocks->mutex);
}

bool blocks_repair(struct blocks *blocks, struct slice key)
{
    struct damaged *damaged;
    bool is_damaged;

    pthread_mutex_lock(&blocks->mutex);
    damaged = find_locked(blocks, key);
    is_damaged = damaged != NULL && !damaged->is_repaired;
    if (is_damaged)
        damaged->is_repaired = true;
    pthread_mutex_unlock(&blocks->mutex);
    return is_damaged;
}

void blocks_settle_repairs(struct blocks *blocks, bool is_done)
{
    size_t kept = 0;

    pthread_mutex_lock(&blocks->mutex);
    for (size_t i = 0; i < blocks->shared.damaged_count; i++) {
        struct damaged *damaged = &blocks->shared.damaged[i];

        if (damaged->is_repaired && is_done)
            continue;
        damaged->is_repaired = false;
        blocks->shared.damaged[kept++] = *damaged;
    }
    blocks->shared.damaged_count = kept;
    pthread_mutex_unlock(&blocks->mutex);
}
