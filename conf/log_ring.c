// SPDX-License-Identifier: Apache-2.0
#include "conf/log_ring.h"

#include "conf/memory.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Before each record; records are aligned to it. */
struct header {
    uint32_t size; /* of the bytes behind it; SKIP: the rest of the ring is unused */
    uint32_t stream;
};

#define SKIP UINT32_MAX

static size_t aligned(size_t size)
{
    return (size + sizeof(struct header) - 1) & ~(sizeof(struct header) - 1);
}

static size_t place(const struct log_ring *ring, size_t position)
{
    return position & (ring->size - 1);
}

static void put_header(struct log_ring *ring, size_t position, uint32_t size, uint32_t stream)
{
    struct header header = {size, stream};

    memcpy(ring->bytes + place(ring, position), &header, sizeof(header));
}

void log_ring_init(struct log_ring *ring, size_t size)
{
    assert(size >= 64 && (size & (size - 1)) == 0);
    memset(ring, 0, sizeof(*ring));
    ring->bytes = memory_alloc(size);
    ring->size = size;
    atomic_init(&ring->tail, 0);
    atomic_init(&ring->head, 0);
    atomic_init(&ring->dropped, 0);
}

void log_ring_dispose(struct log_ring *ring)
{
    free(ring->bytes);
    ring->bytes = NULL;
}

static bool has_room(struct log_ring *ring, size_t end)
{
    if (end - ring->known_head <= ring->size)
        return true;
    ring->known_head = atomic_load_explicit(&ring->head, memory_order_acquire);
    return end - ring->known_head <= ring->size;
}

char *log_ring_reserve(struct log_ring *ring, unsigned stream, size_t size, size_t spare)
{
    size_t tail = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    size_t needed = sizeof(struct header) + aligned(size);
    size_t to_end = ring->size - place(ring, tail);
    size_t start = needed <= to_end ? tail : tail + to_end;

    assert(ring->reserved == 0 && size > 0 && needed <= ring->size / 4);
    if (!has_room(ring, start + needed + spare)) {
        atomic_fetch_add_explicit(&ring->dropped, 1, memory_order_relaxed);
        return NULL;
    }
    if (start != tail)
        put_header(ring, tail, SKIP, 0);
    ring->write_at = start;
    ring->reserved = size;
    ring->stream = stream;
    return log_ring_reserved(ring);
}

char *log_ring_reserved(const struct log_ring *ring)
{
    return ring->bytes + place(ring, ring->write_at) + sizeof(struct header);
}

bool log_ring_commit(struct log_ring *ring, size_t used)
{
    size_t before = atomic_load_explicit(&ring->tail, memory_order_relaxed);
    size_t after = ring->write_at + sizeof(struct header) + aligned(used);

    assert(ring->reserved > 0 && used <= ring->reserved);
    ring->reserved = 0;
    if (used == 0)
        return false;
    put_header(ring, ring->write_at, (uint32_t)used, ring->stream);
    atomic_store(&ring->tail, after);
    if (after - ring->known_head < ring->size / 2)
        return false;
    ring->known_head = atomic_load_explicit(&ring->head, memory_order_acquire);
    return after - ring->known_head >= ring->size / 2 && before - ring->known_head < ring->size / 2;
}

bool log_ring_next(struct log_ring *ring, struct log_record *record)
{
    size_t tail = atomic_load(&ring->tail);
    struct header header;

    if (ring->read_at == tail)
        return false;
    memcpy(&header, ring->bytes + place(ring, ring->read_at), sizeof(header));
    if (header.size == SKIP) { /* a record follows: both were committed at once */
        ring->read_at += ring->size - place(ring, ring->read_at);
        memcpy(&header, ring->bytes + place(ring, ring->read_at), sizeof(header));
    }
    record->data = ring->bytes + place(ring, ring->read_at) + sizeof(header);
    record->size = header.size;
    record->stream = header.stream;
    ring->read_at += sizeof(header) + aligned(header.size);
    return true;
}

void log_ring_release(struct log_ring *ring)
{
    atomic_store_explicit(&ring->head, ring->read_at, memory_order_release);
}

uint64_t log_ring_take_dropped(struct log_ring *ring)
{
    uint64_t dropped = atomic_load_explicit(&ring->dropped, memory_order_relaxed);
    uint64_t fresh = dropped - ring->taken_dropped;

    ring->taken_dropped = dropped;
    return fresh;
}
