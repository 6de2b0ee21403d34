// SPDX-License-Identifier: Apache-2.0
#include "conf/memory.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

static _Noreturn void out_of_memory(size_t size)
{
    fprintf(stderr, "causeway: out of memory: %zu bytes were asked for\n", size);
    abort();
}

void *memory_alloc(size_t size)
{
    void *result = calloc(1, size > 0 ? size : 1);

    if (result == NULL)
        out_of_memory(size);
    return result;
}

void *memory_resize(void *old, size_t size)
{
    void *result = realloc(old, size > 0 ? size : 1);

    if (result == NULL)
        out_of_memory(size);
    return result;
}

void *memory_resize_array(void *old, size_t count, size_t element)
{
    size_t size;

    if (__builtin_mul_overflow(count, element, &size))
        out_of_memory(SIZE_MAX);
    return memory_resize(old, size);
}

char *memory_copy(const void *bytes, size_t size)
{
    char *result = memory_resize(NULL, size + 1);

    if (size > 0)
        memcpy(result, bytes, size);
    result[size] = '\0';
    return result;
}

char *memory_copy_text(const char *text)
{
    return memory_copy(text, strlen(text));
}
