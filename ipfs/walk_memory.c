// SPDX-License-Identifier: Apache-2.0
#include "ipfs/walk_memory.h"

#include "conf/memory.h"
#include "conf/text.h"

#include <stdlib.h>

/* On the stack a link is its CID's bytes, then its depth, then how many bytes the CID has. */
struct in_memory {
    struct walk_memory memory;
    struct cid_set seen;
    struct text stack;
    size_t bytes_max;
};

#define TAIL_SIZE (sizeof(uint32_t) + sizeof(uint8_t))
_Static_assert(CID_BYTES_MAX <= UINT8_MAX, "a CID's size fits one byte");

static struct in_memory *self_of(struct walk_memory *memory)
{
    return CONTAINER_OF(memory, struct in_memory, memory);
}

static bool check_bytes(const struct in_memory *self, struct error *err)
{
    if (self->seen.bytes + self->stack.capacity <= self->bytes_max)
        return true;
    return error_set(err, ERROR_LIMIT,
                     "a walk of this DAG has to remember more than the %zu bytes allowed",
                     self->bytes_max);
}

static bool see(struct walk_memory *memory, const struct cid *cid, bool *added, struct error *err)
{
    struct in_memory *self = self_of(memory);

    *added = cid_set_add(&self->seen, cid);
    return check_bytes(self, err);
}

static bool saw(struct walk_memory *memory, const struct cid *cid, bool *seen, struct error *err)
{
    *seen = cid_set_has(&self_of(memory)->seen, cid);
    return true;
}

static bool push(struct walk_memory *memory, const struct cid *cid, uint32_t depth,
                 struct error *err)
{
    struct in_memory *self = self_of(memory);
    uint8_t size = (uint8_t)cid->size;

    text_put(&self->stack, cid->bytes, cid->size);
    text_put(&self->stack, &depth, sizeof(depth));
    text_put(&self->stack, &size, sizeof(size));
    return check_bytes(self, err);
}

static bool pop(struct walk_memory *memory, struct cid *cid, uint32_t *depth, bool *found,
                struct error *err)
{
    struct in_memory *self = self_of(memory);
    const char *tail;
    uint8_t size;

    *found = self->stack.size > 0;
    if (!*found)
        return true;
    tail = self->stack.data + self->stack.size - TAIL_SIZE;
    memcpy(depth, tail, sizeof(*depth));
    memcpy(&size, tail + sizeof(*depth), sizeof(size));
    self->stack.size -= TAIL_SIZE + size;
    return cid_from_bytes(cid, tail - size, size, err);
}

struct walk_memory *walk_memory_create(const struct cid_set_key *key, size_t bytes_max)
{
    static const struct walk_memory_ops ops = {see, saw, push, pop};
    struct in_memory *self = memory_alloc(sizeof(*self));

    self->memory.ops = &ops;
    self->bytes_max = bytes_max;
    cid_set_init(&self->seen, key);
    return &self->memory;
}

void walk_memory_destroy(struct walk_memory **memory)
{
    struct in_memory *self;

    if (*memory == NULL)
        return;
    self = self_of(*memory);
    cid_set_dispose(&self->seen);
    text_dispose(&self->stack);
    free(self);
    *memory = NULL;
}

size_t walk_memory_bytes(const struct walk_memory *memory)
{
    const struct in_memory *self = (const struct in_memory *)memory;

    return self->seen.bytes + self->stack.capacity;
}
