// SPDX-License-Identifier: Apache-2.0
/* Blocks of memory for bytes on their way: small ones for everybody, large ones from a bounded
 * budget for who moves much. One store per loop, used by its thread alone.
 *
 * When the budget of large blocks is spent, block_upgrade declines and the connection goes on with
 * its small block: slower, never refused. So a thousand stalled uploads cost a thousand small
 * blocks and the budget. */
#ifndef HTTP_BLOCK_H
#define HTTP_BLOCK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum { BLOCK_SMALL = 16 * 1024, BLOCK_LARGE = 256 * 1024 };

struct block_store;

/* Bytes [start, end) of data are unread. data is NULL when nothing is held. */
struct buffer {
    char *data;
    uint32_t start, end, capacity;
};

struct block_store *block_store_create(size_t large_budget_bytes);
void block_store_destroy(struct block_store **store); /* all buffers were released before */

/* Gives an empty buffer its small block; one that has a block keeps it. */
void buffer_acquire(struct block_store *store, struct buffer *buffer);

/* Moves the unread bytes to the start of a large block. false: it has one, or the budget is spent.
 */
bool buffer_upgrade(struct block_store *store, struct buffer *buffer);

/* As buffer_upgrade, beyond the budget too: for a head that does not fit a small block. */
void buffer_force_upgrade(struct block_store *store, struct buffer *buffer);

void buffer_release(struct block_store *store, struct buffer *buffer); /* empty ones too */

/* Moves the unread bytes to the front. */
void buffer_compact(struct buffer *buffer);

static inline size_t buffer_size(const struct buffer *buffer)
{
    return buffer->end - buffer->start;
}

static inline size_t buffer_room(const struct buffer *buffer)
{
    return buffer->capacity - buffer->end;
}

/* Bytes held in blocks, free ones included. */
size_t block_store_bytes(const struct block_store *store);

#endif
