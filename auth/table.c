// SPDX-License-Identifier: Apache-2.0
#include "auth/table.h"

#include "conf/memory.h"

#include <assert.h>

enum { SIZE_MIN = 4 };

/* The top bits depend on every bit of the key (Knuth's multiplicative hashing: 2^64 / the golden
 * ratio). */
static size_t first_place(const struct table *table, uint64_t key)
{
    return (size_t)((key * UINT64_C(0x9e3779b97f4a7c15)) >> table->shift);
}

struct table *table_create(size_t size)
{
    struct table *table = memory_alloc(sizeof(*table) + size * sizeof(table->slots[0]));

    assert(size > 1 && (size & (size - 1)) == 0);
    table->mask = size - 1;
    table->shift = 64 - (unsigned)__builtin_ctzll(size);
    return table; /* zeros are free slots */
}

struct table *table_renew(const struct table *table)
{
    size_t size = SIZE_MIN;
    struct table *renewed;

    while (size < 4 * table->count)
        size *= 2;
    renewed = table_create(size);
    for (size_t i = 0; i <= table->mask; i++) {
        uint64_t key = atomic_load_explicit(&table->slots[i].key, memory_order_relaxed);
        uint64_t value = atomic_load_explicit(&table->slots[i].value, memory_order_relaxed);

        if (value != 0)
            table_set(renewed, key - 1, value);
    }
    return renewed;
}

/* The slot of the key, or the free one where it would be. A table has free slots always. */
static size_t find(const struct table *table, uint64_t key, bool *is_found)
{
    size_t place = first_place(table, key);

    for (;; place = (place + 1) & table->mask) {
        uint64_t found = atomic_load_explicit(&table->slots[place].key, memory_order_acquire);

        if (found == 0 || found == key + 1) {
            *is_found = found != 0;
            return place;
        }
    }
}

bool table_get(const struct table *table, uint64_t key, uint64_t *value)
{
    bool is_found;
    size_t place = find(table, key, &is_found);
    uint64_t found = is_found ? atomic_load(&table->slots[place].value) : 0; /* see auth/epochs.h */

    if (found != 0)
        *value = found;
    return found != 0;
}

bool table_has_room(const struct table *table)
{
    return table->used + 1 <= (table->mask + 1) / 2;
}

void table_set(struct table *table, uint64_t key, uint64_t value)
{
    bool is_found;
    size_t place = find(table, key, &is_found);

    assert(key <= TABLE_KEY_MAX && value != 0);
    if (!is_found || atomic_load(&table->slots[place].value) == 0)
        table->count++;
    atomic_store(&table->slots[place].value, value);
    if (is_found)
        return;
    assert(table_has_room(table));
    table->used++;
    atomic_store_explicit(&table->slots[place].key, key + 1, memory_order_release);
}

void table_remove(struct table *table, uint64_t key)
{
    bool is_found;
    size_t place = find(table, key, &is_found);

    if (!is_found || atomic_load(&table->slots[place].value) == 0)
        return;
    atomic_store(&table->slots[place].value, 0);
    table->count--;
}

size_t table_bytes(const struct table *table)
{
    return sizeof(*table) + (table->mask + 1) * sizeof(table->slots[0]);
}
