// SPDX-License-Identifier: Apache-2.0
/* The one place that asks for memory. Out of memory ends the process with a message: no caller has
 * a branch for it. Any thread. Results are freed with free(). */
#ifndef CONF_MEMORY_H
#define CONF_MEMORY_H

#include <stddef.h>

void *memory_alloc(size_t size) __attribute__((malloc, returns_nonnull)); /* zeroed */
void *memory_resize(void *old, size_t size) __attribute__((returns_nonnull));
/* An array of count elements, its size checked for overflow. New bytes are not zeroed. */
void *memory_resize_array(void *old, size_t count, size_t element) __attribute__((returns_nonnull));
char *memory_copy_text(const char *text) __attribute__((malloc, returns_nonnull));
/* Copies size bytes and puts a NUL behind them. */
char *memory_copy(const void *bytes, size_t size) __attribute__((malloc, returns_nonnull));

#endif
