// SPDX-License-Identifier: Apache-2.0
/* Memory that is freed all at once. For what lives as long as one request, call or document.
 *
 * Under the address sanitizer each allocation is a block of its own, so that nothing hides an
 * overrun or a use after the end. One thread at a time. */
#ifndef CONF_ARENA_H
#define CONF_ARENA_H

#include <stddef.h>

struct arena_block;

/* {0} is empty and valid. */
struct arena {
    struct arena_block *blocks; /* newest first */
    char *next;
    size_t left;
};

/* Room for about `size` bytes before the next block is asked for. Optional. */
void arena_reserve(struct arena *arena, size_t size);

/* Aligned for any type, not zeroed, never NULL. */
void *arena_alloc(struct arena *arena, size_t size) __attribute__((returns_nonnull));

/* Copies size bytes and puts a NUL behind them. */
char *arena_copy(struct arena *arena, const void *bytes, size_t size)
    __attribute__((returns_nonnull));

/* Frees everything; the arena is empty and valid again. */
void arena_dispose(struct arena *arena);

#endif
