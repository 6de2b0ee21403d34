// SPDX-License-Identifier: Apache-2.0
#include "http/block.h"

#include "conf/memory.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

/* Free blocks kept for the next user. */
#ifdef CAUSEWAY_SANITIZED
enum { KEEP_SMALL = 0, KEEP_LARGE = 0 };
#else
enum { KEEP_SMALL = 64, KEEP_LARGE = 4 };
#endif

struct free_block {
    struct free_block *next;
};

struct free_list {
    struct free_block *first;
    size_t count;
};

struct block_store {
    struct free_list small, large;
    size_t small_count, large_count; /* that exist, in use or free */
    size_t large_in_use, large_max;
};

struct block_store *block_store_create(size_t large_budget_bytes)
{
    struct block_store *store = memory_alloc(sizeof(*store));

    store->large_max = large_budget_bytes / BLOCK_LARGE;
    return store;
}

static void free_all(struct free_list *list)
{
    while (list->first != NULL) {
        struct free_block *block = list->first;

        list->first = block->next;
        free(block);
    }
}

void block_store_destroy(struct block_store **store)
{
    if (*store == NULL)
        return;
    assert((*store)->small_count == (*store)->small.count);
    assert((*store)->large_count == (*store)->large.count && (*store)->large_in_use == 0);
    free_all(&(*store)->small);
    free_all(&(*store)->large);
    free(*store);
    *store = NULL;
}

static char *take(struct free_list *list, size_t size, size_t *count)
{
    struct free_block *block = list->first;

    if (block == NULL) {
        ++*count;
        return memory_resize(NULL, size);
    }
    list->first = block->next;
    list->count--;
    return (char *)block;
}

static void give(struct free_list *list, char *data, size_t keep, size_t *count)
{
    struct free_block *block = (struct free_block *)(void *)data;

    if (list->count + 1 > keep) {
        --*count;
        free(data);
        return;
    }
    block->next = list->first;
    list->first = block;
    list->count++;
}

void buffer_acquire(struct block_store *store, struct buffer *buffer)
{
    if (buffer->data != NULL)
        return;
    *buffer = (struct buffer){
        .data = take(&store->small, BLOCK_SMALL, &store->small_count),
        .capacity = BLOCK_SMALL,
    };
}

void buffer_force_upgrade(struct block_store *store, struct buffer *buffer)
{
    struct buffer large = {.capacity = BLOCK_LARGE, .end = (uint32_t)buffer_size(buffer)};

    assert(buffer->capacity < BLOCK_LARGE);
    large.data = take(&store->large, BLOCK_LARGE, &store->large_count);
    store->large_in_use++;
    if (large.end > 0)
        memcpy(large.data, buffer->data + buffer->start, large.end);
    buffer_release(store, buffer);
    *buffer = large;
}

bool buffer_upgrade(struct block_store *store, struct buffer *buffer)
{
    if (buffer->capacity == BLOCK_LARGE || store->large_in_use >= store->large_max)
        return false;
    buffer_force_upgrade(store, buffer);
    return true;
}

void buffer_release(struct block_store *store, struct buffer *buffer)
{
    if (buffer->data == NULL)
        return;
    if (buffer->capacity == BLOCK_LARGE) {
        store->large_in_use--;
        give(&store->large, buffer->data, KEEP_LARGE, &store->large_count);
    } else {
        give(&store->small, buffer->data, KEEP_SMALL, &store->small_count);
    }
    *buffer = (struct buffer){0};
}

void buffer_compact(struct buffer *buffer)
{
    size_t size = buffer_size(buffer);

    if (buffer->start == 0)
        return;
    if (size > 0)
        memmove(buffer->data, buffer->data + buffer->start, size);
    buffer->start = 0;
    buffer->end = (uint32_t)size;
}

size_t block_store_bytes(const struct block_store *store)
{
    return store->small_count * BLOCK_SMALL + store->large_count * BLOCK_LARGE;
}
