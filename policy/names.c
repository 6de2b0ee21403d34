// SPDX-License-Identifier: Apache-2.0
#include "policy/names.h"

#include "conf/memory.h"

#include <stdlib.h>

struct names_slot {
    struct slice name; /* data NULL: free */
    uint32_t hash, number;
};

static uint32_t hash_of(struct slice name)
{
    uint32_t hash = 2166136261U;

    for (size_t i = 0; i < name.size; i++)
        hash = (hash ^ (uint8_t)name.data[i]) * 16777619U;
    return hash;
}

void names_dispose(struct names *names)
{
    free(names->slots);
    *names = (struct names){0};
}

/* The slot of the name, or the free one where it belongs. There is always a free one. */
static struct names_slot *seek(const struct names *names, struct slice name, uint32_t hash)
{
    size_t place = hash & (names->room - 1);

    for (;; place = (place + 1) & (names->room - 1)) {
        struct names_slot *slot = &names->slots[place];

        if (slot->name.data == NULL || (slot->hash == hash && slice_equal(slot->name, name)))
            return slot;
    }
}

static void grow(struct names *names)
{
    struct names old = *names;

    names->room = old.room == 0 ? 64 : 2 * old.room;
    names->slots = memory_alloc(names->room * sizeof(*names->slots));
    for (size_t i = 0; i < old.room; i++)
        if (old.slots[i].name.data != NULL)
            *seek(names, old.slots[i].name, old.slots[i].hash) = old.slots[i];
    free(old.slots);
}

uint32_t names_add(struct names *names, struct slice name, uint32_t number)
{
    uint32_t hash = hash_of(name);
    struct names_slot *slot;

    if (2 * names->count >= names->room)
        grow(names);
    slot = seek(names, name, hash);
    if (slot->name.data != NULL)
        return slot->number;
    *slot = (struct names_slot){name, hash, number};
    names->count++;
    return NAMES_NONE;
}

uint32_t names_find(const struct names *names, struct slice name)
{
    const struct names_slot *slot;

    if (names->room == 0)
        return NAMES_NONE;
    slot = seek(names, name, hash_of(name));
    return slot->name.data == NULL ? NAMES_NONE : slot->number;
}

bool names_next(const struct names *names, size_t *cursor, struct slice *name)
{
    while (*cursor < names->room) {
        *name = names->slots[(*cursor)++].name;
        if (name->data != NULL)
            return true;
    }
    return false;
}
