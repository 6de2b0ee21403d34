// SPDX-License-Identifier: Apache-2.0
#include "conf/arena.h"

#include "conf/memory.h"

#include <stdalign.h>
#include <stdlib.h>
#include <string.h>

#ifndef __has_feature
#define __has_feature(x) 0
#endif
#if defined(__SANITIZE_ADDRESS__) || __has_feature(address_sanitizer)
#define BLOCK_SIZE 0
#else
#define BLOCK_SIZE 4096
#endif

struct arena_block {
    struct arena_block *before;
    alignas(max_align_t) char bytes[];
};

static void add_block(struct arena *arena, size_t size)
{
    struct arena_block *block = memory_resize(NULL, sizeof(*block) + size);

    block->before = arena->blocks;
    arena->blocks = block;
    arena->next = block->bytes;
    arena->left = size;
}

void arena_reserve(struct arena *arena, size_t size)
{
    if (BLOCK_SIZE > 0 && arena->left < size)
        add_block(arena, size);
}

void *arena_alloc(struct arena *arena, size_t size)
{
    const size_t align = alignof(max_align_t);
    size_t rounded = (size + align - 1) / align * align;
    void *result;

    if (rounded < size) /* wrapped around: no such memory exists */
        rounded = size;
    if (BLOCK_SIZE == 0 || arena->left < rounded)
        add_block(arena, BLOCK_SIZE == 0 ? size : rounded > BLOCK_SIZE ? rounded : BLOCK_SIZE);
    result = arena->next;
    if (BLOCK_SIZE > 0) {
        arena->next += rounded;
        arena->left -= rounded;
    }
    return result;
}

char *arena_copy(struct arena *arena, const void *bytes, size_t size)
{
    char *result = arena_alloc(arena, size + 1);

    if (size > 0)
        memcpy(result, bytes, size);
    result[size] = '\0';
    return result;
}

void arena_dispose(struct arena *arena)
{
    while (arena->blocks != NULL) {
        struct arena_block *block = arena->blocks;

        arena->blocks = block->before;
        free(block);
    }
    *arena = (struct arena){0};
}
